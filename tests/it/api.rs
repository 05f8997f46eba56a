//! The API of a box with data: the same of everything as the commands print.

use std::net::{IpAddr, Ipv4Addr};

use abusebox::clock::Timestamp;
use abusebox::service::acting::Acting;
use abusebox::service::admitting::Admission;
use abusebox::service::viewing::Live;
use abusebox::web::gate::Visitor;
use abusebox::web::router::{Request, handle};
use serde_json::{Value, json};

use crate::house::{House, at};
use crate::sim::world::World;

const TOKEN: &str = "t0ken-of-the-monitor-and-crm";

/// The reply to a program that has the token, which must be there.
#[track_caller]
fn get(house: &House, target: &str, now: Timestamp) -> Value {
    let request = Request {
        method: "GET",
        target,
        host: "localhost",
        visitor: Some(Visitor { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), is_secure: false }),
        authorization: &format!("Bearer {TOKEN}"),
        cookie: "",
        content_type: "",
        origin: "",
        fetch_site: "",
        upload: "",
        body: b"",
    };
    let gate = Admission::new(house.engine.clone());
    let hand = Acting::new(house.engine.clone(), None, || {});
    let reply = handle(&request, &Live::new(house.engine.clone()), &gate, &hand, now);
    assert_eq!(reply.status, 200, "{target}: {}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// All rows of a list, some at a time.
#[track_caller]
fn all(house: &House, target: &str, cursor: &str, now: Timestamp) -> Vec<Value> {
    let (mut rows, mut more) = (Vec::new(), String::new());
    loop {
        let mut part = get(house, &format!("{target}{more}"), now);
        let Value::Array(some) = part["rows"].take() else { panic!("{target} has no rows") };
        rows.extend(some);
        match part["next"].as_str() {
            Some(next) => more = format!("&{cursor}={next}"),
            None => return rows,
        }
    }
}

fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    rows.sort_by_key(Value::to_string);
    rows.iter().map(Value::to_string).collect()
}

#[test]
fn programs_read_of_the_api_what_commands_print() {
    let now = at("2026-11-21T09:00:00Z");
    let world = World::practice(now.day());
    let cidrs = json!(world.cidrs());
    let settings = format!(
        "[organisation]\nabuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
         [networks]\ncidrs = {cidrs}\n[policy]\ndigest_hour = 0\n[page]\napi_token = \"{TOKEN}\"\n"
    );
    let house = House::new(&settings, now);
    house.import(&world.customers_csv(), now.plus_days(-3));
    for report in world.reports_on(now.day().plus(-1)).into_iter().take(25) {
        house.take(&report.file, &report.body, now);
    }
    house.engine.plan(now).unwrap();

    for (target, words, cursor, limit) in [
        ("incidents", "incidents", "before", 7),
        ("incidents", "incidents", "before", 20),
        ("reports", "reports", "before", 4),
        ("mails", "outbox", "before", 3),
    ] {
        let rows = all(&house, &format!("/api/v1/{target}?limit={limit}"), cursor, now);
        let lines = house.show(words, now);
        assert!(lines.len() > limit, "{target}: there is more than one part");
        assert_eq!(sorted(rows), sorted(lines), "{target}");
    }
    assert_eq!(get(&house, "/api/v1/status", now), house.show("status", now)[0]);

    for line in house.show("incidents", now).iter().take(20) {
        let id = line["id"].as_str().unwrap();
        let full = get(&house, &format!("/api/v1/incidents/{id}"), now);
        assert!(line.as_object().unwrap().iter().all(|(name, value)| full[name] == *value), "{full}");
        let Some(customer) = line["customer"].as_str() else { continue };
        let of_customer = all(&house, &format!("/api/v1/incidents?customer={customer}"), "before", now);
        assert!(of_customer.contains(line) && of_customer.iter().all(|row| row["customer"] == customer));
    }
    for report in house.show("reports", now) {
        let file = report["file"].as_str().unwrap();
        let full = get(&house, &format!("/api/v1/reports/{file}"), now);
        assert_eq!(
            full["rejected_rows"].as_array().unwrap().len() as u64,
            report["rejected"].as_u64().unwrap()
        );
    }
    let mail = get(&house, "/api/v1/mails/1", now);
    assert!(
        mail["text"].as_str().unwrap().contains("abuse@example.net") && mail["rows"][0]["id"] == "1",
        "{mail}"
    );

    // A customer file that changed: nobody is listed twice, and who is gone is not listed.
    house.import(
        "customer_id,name,email,cidr\n9/\u{e4},\u{d6} & Co,,192.0.2.0/24\n9/\u{e4},,,2001:db8::/32\n",
        now,
    );
    let customers = all(&house, "/api/v1/customers?limit=1", "after", now);
    assert_eq!(
        customers,
        [json!({ "id": "9/\u{e4}", "name": "\u{d6} & Co", "language": null, "mails": [] })]
    );
    let customer = get(&house, "/api/v1/customers/9%2F%c3%A4", now);
    let prefixes: Vec<_> =
        customer["prefixes"].as_array().unwrap().iter().map(|line| &line["prefix"]).collect();
    assert_eq!(prefixes, ["192.0.2.0/24", "2001:db8::/32"]);
    assert!(customer["prefixes"][1]["line"] == 3 && customer["next"].is_null(), "{customer}");
    house.import(&world.customers_csv(), now.plus_seconds(1));
    let customers = all(&house, "/api/v1/customers?limit=7", "after", now);
    assert_eq!(customers.len(), house.engine.loaded().table.customers_len());
}
