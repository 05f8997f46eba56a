//! The API against its description, both ways, and against who may ask.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::web::gate::Visitor;
use crate::web::router::tests::{Broken, EVIL, FAKE, INTAKE_TOKEN, Keeper, NEAR, NOW, PLAIN, TOKEN, header};
use crate::web::router::{Request, handle};

/// Each route with something that is there.
const EXAMPLES: &[(&str, &str)] = &[
    ("/metrics", "/metrics"),
    ("/api/v1/customers", "/api/v1/customers"),
    ("/api/v1/customers/{id}", "/api/v1/customers/C%2F1+%202"),
    ("/api/v1/incidents", "/api/v1/incidents"),
    ("/api/v1/incidents/{id}", "/api/v1/incidents/42"),
    ("/api/v1/mails", "/api/v1/mails"),
    ("/api/v1/mails/{id}", "/api/v1/mails/7"),
    ("/api/v1/openapi.json", "/api/v1/openapi.json"),
    ("/api/v1/reports", "/api/v1/reports"),
    ("/api/v1/reports/{file}", "/api/v1/reports/a%20b&c.csv"),
    ("/api/v1/status", "/api/v1/status"),
];

/// Everything that any route is asked for, with a value that means something.
const PARAMETERS: &[(&str, &str)] = &[
    ("address", "2001:db8::7"),
    ("customer", "C%2F1"),
    ("report", "scan_rdp"),
    ("severity", "high"),
    ("state", "told"),
    ("state", "held"),
    ("before", "9"),
    ("after", "9"),
    ("from", "9"),
    ("limit", "5"),
];

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

fn ask_of(view: &dyn View, request: &Request<'_>) -> Reply {
    handle(request, view, &Keeper::default(), &Keeper::default(), NOW)
}

fn get(target: &str) -> Reply {
    ask_of(&FAKE, &Request { target, authorization: &bearer(), ..PLAIN })
}

fn described() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn is_json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body))
}

/// The one at the end of a reference, else the thing itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}")),
        None => value,
    }
}

/// What is wrong with a value, to the last member. Stricter than the description is for others: a member that is not
/// described is a fault, and so is a word of the description that nobody holds it against.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    let mut own = schema.as_object().unwrap().clone();
    for part in own.remove("allOf").iter().flat_map(|parts| parts.as_array().unwrap()) {
        for (word, of_part) in resolved(document, part).as_object().unwrap() {
            match (own.get_mut(word), of_part) {
                (Some(Value::Object(own)), Value::Object(more)) => own.extend(more.clone()),
                (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.clone()),
                _ => drop(own.insert(word.clone(), of_part.clone())),
            }
        }
    }
    let types: Vec<&str> = match &own["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let type_of = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.contains(&type_of) {
        found.push(format!("{at} is {type_of} and not {types:?}"));
    }
    let text = value.as_str().unwrap_or_default();
    for (word, wanted) in &own {
        let is_right = match word.as_str() {
            "type" | "description" => true,
            _ if value.is_null() => true,
            "enum" => wanted.as_array().unwrap().contains(value),
            "pattern" => wanted == "^[1-9][0-9]{0,18}$" && number_in(text).is_some(),
            "format" if wanted == "date-time" => {
                text.parse::<Timestamp>().is_ok_and(|at| at.to_string() == text)
            }
            "format" if wanted == "date" => text.parse::<Day>().is_ok_and(|day| day.to_string() == text),
            "minimum" => value.as_i64() >= wanted.as_i64(),
            "maximum" => value.as_i64() <= wanted.as_i64(),
            "maxItems" => value.as_array().unwrap().len() as u64 <= wanted.as_u64().unwrap(),
            "items" => {
                for (index, item) in value.as_array().unwrap().iter().enumerate() {
                    faults(document, wanted, item, &format!("{at}[{index}]"), found);
                }
                true
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().unwrap() {
                    faults(document, wanted, member, &format!("{at}.{name}"), found);
                }
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    faults(document, schema, &value[name], &format!("{at}.{name}"), found);
                }
                true
            }
            "required" => {
                let names = |members: &Map<String, Value>| members.keys().cloned().collect::<BTreeSet<_>>();
                let required: BTreeSet<_> =
                    wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
                let described = own.get("properties").and_then(Value::as_object).map(names);
                Some(&required) == described.as_ref() && required == names(value.as_object().unwrap())
            }
            _ => false,
        };
        if !is_right {
            found.push(format!("{at}: {word} {wanted} does not hold for {value}"));
        }
    }
}

#[track_caller]
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    let mut found = Vec::new();
    faults(document, schema, value, at, &mut found);
    assert!(found.is_empty(), "{at}: {found:#?}");
}

#[test]
fn routes_and_description_are_the_same() {
    let document = described();
    let paths = document["paths"].as_object().unwrap();
    let routes: BTreeSet<_> = ROUTES.iter().map(|(route, _)| *route).collect();
    let intakes: BTreeSet<_> = INTAKES.iter().map(|(route, ..)| *route).collect();
    let all: BTreeSet<_> = routes.union(&intakes).copied().collect();
    assert_eq!(paths.keys().map(String::as_str).collect::<BTreeSet<_>>(), all);
    for intake in intakes {
        assert_eq!(paths[intake].as_object().unwrap().keys().collect::<Vec<_>>(), ["post"], "{intake}");
    }
    assert_eq!(EXAMPLES.iter().map(|(route, _)| *route).collect::<BTreeSet<_>>(), routes);
    for (route, target) in EXAMPLES {
        let path = paths[*route].as_object().unwrap();
        assert_eq!(path.keys().collect::<Vec<_>>(), ["get"], "{route}");
        let parameters: Vec<_> = path["get"]["parameters"].as_array().into_iter().flatten().collect();
        let places: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
        assert!(
            places.iter().all(|place| route.contains(&format!("{{{}}}", place["name"].as_str().unwrap())))
        );
        assert_eq!(places.len(), usize::from(route.contains('{')), "{route}");
        let described: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let taken: BTreeSet<_> = PARAMETERS
            .iter()
            .filter(|(name, value)| get(&format!("{target}?{name}={value}")).status == 200)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(taken, described, "{route}");
    }
}

#[test]
fn every_answer_is_as_described() {
    let document = described();
    for (route, target) in EXAMPLES {
        let reply = get(target);
        assert_eq!(reply.status, 200, "{target}: {}", reply.body);
        let content = document["paths"][*route]["get"]["responses"]["200"]["content"].as_object().unwrap();
        let (content_type, content) = content.iter().next().unwrap();
        assert_eq!(reply.content_type.split(';').next(), Some(content_type.as_str()), "{target}");
        match *route {
            METRICS => {}
            "/api/v1/openapi.json" => assert_eq!(is_json(&reply), document),
            _ => check(&document, &content["schema"], &is_json(&reply), target),
        }
    }
    let full = is_json(&get("/api/v1/incidents/42"));
    assert_eq!(full["columns"], json!({ "hostname": EVIL }), "hostile text arrives as it is, in JSON");
    let found = is_json(&get("/api/v1/incidents?address=192.0.2.7&customer=C1&report=scan_rdp&before=9"));
    let wanted = Wanted {
        address: Some("192.0.2.7".parse().unwrap()),
        customer: Some("C1".to_owned()),
        kind: Some("scan_rdp".to_owned()),
        today: NOW.day(),
        ..Wanted::default()
    };
    assert_eq!(found["rows"][0]["report"], format!("{wanted:?} {:?} {EVIL}", Some(Cursor::at(9))));
    let rows = is_json(&get("/api/v1/mails"))["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 4, "a line for each address");
    assert!(rows[1]["to"].is_null() && rows[3]["state"] == "dropped", "{rows}");
}

#[test]
fn the_checks_of_these_tests_find_what_is_wrong() {
    let document = described();
    let good = is_json(&get("/api/v1/incidents/42"));
    let schema = json!({ "$ref": "#/components/schemas/IncidentInFull" });
    for (member, value) in [
        ("id", json!(42)),
        ("id", json!("042")),
        ("port", json!("3389")),
        ("port", json!(65_536)),
        ("rows", Value::Null),
        ("state", json!("gone")),
        ("last_seen", json!("yesterday")),
        ("mails", json!([7])),
        ("columns", json!({ "a": 1 })),
        ("new", json!("not described")),
    ] {
        let (mut bad, mut found) = (good.clone(), Vec::new());
        bad[member] = value;
        faults(&document, &schema, &bad, "", &mut found);
        assert!(!found.is_empty(), "{member}: {bad}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("customer");
    let mut found = Vec::new();
    faults(&document, &schema, &bad, "", &mut found);
    assert!(!found.is_empty());
}

#[test]
fn what_cannot_be_asked_is_a_problem_and_said() {
    let document = described();
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    for (target, status) in [
        ("/api", 404),
        ("/api/", 404),
        ("/api/v1", 404),
        ("/api/v2/incidents", 404),
        ("/api/v1/incidents/", 404),
        ("/api/v1/incidents/42/", 404),
        ("/api/v1/incidents/043", 404),
        ("/api/v1/incidents/41", 404),
        ("/api/v1/incidents/-1", 404),
        ("/api/v1/incidents/99999999999999999999", 404),
        ("/api/v1/customers/C1", 404),
        ("/api/v1/customers/%FF", 404),
        ("/api/v1/customers/%2", 404),
        ("/api/v1/mails/9", 404),
        ("/api/v1/reports/x", 404),
        ("/api/v1/incidents?x=1", 400),
        ("/api/v1/incidents?state", 400),
        ("/api/v1/incidents?state=", 400),
        ("/api/v1/incidents?state=Open", 400),
        ("/api/v1/incidents?state=open&state=told", 400),
        ("/api/v1/incidents?severity=worst", 400),
        ("/api/v1/incidents?address=192.0.2", 400),
        ("/api/v1/incidents?customer=", 400),
        ("/api/v1/incidents?customer=%00", 400),
        ("/api/v1/incidents?before=0", 400),
        ("/api/v1/incidents?before=+1", 400),
        ("/api/v1/incidents?before=01", 400),
        ("/api/v1/incidents?limit=0", 400),
        ("/api/v1/incidents?limit=101", 400),
        ("/api/v1/incidents?limit=%2B5", 400),
        ("/api/v1/mails?state=open", 400),
        ("/api/v1/status?x", 400),
        ("/metrics?x=1", 400),
    ] {
        let reply = get(target);
        assert_eq!((reply.status, reply.content_type), (status, "application/problem+json"), "{target}");
        let body = is_json(&reply);
        check(&document, &problem, &body, target);
        assert_eq!(body["status"], status);
    }
    let long = format!("/api/v1/incidents?customer={}", "%C3%A4".repeat(200));
    assert_eq!(get(&long).status, 200, "an id of 200 letters of any kind can be asked for");
    assert_eq!(get(&format!("/api/v1/incidents?customer={}", "a".repeat(256))).status, 400);
    for (route, target) in EXAMPLES.iter().filter(|(route, _)| !route.ends_with("openapi.json")) {
        let reply = ask_of(&Broken, &Request { target, authorization: &bearer(), ..PLAIN });
        assert_eq!(reply.status, 500, "{route}");
        assert_eq!(is_json(&reply)["detail"], EVIL, "{route}");
    }
}

#[test]
fn files_are_taken_with_a_token_of_their_own() {
    let document = described();
    let schema = json!({ "$ref": "#/components/schemas/Received" });
    let intake = format!("Bearer {INTAKE_TOKEN}");
    let reader = bearer();
    let send = |keeper: &Keeper, request: &Request<'_>| {
        let reply = handle(request, &FAKE, keeper, keeper, NOW);
        let done = std::mem::take(&mut *keeper.done.borrow_mut());
        (reply, done)
    };
    let post = Request { method: "POST", upload: "upload-1", authorization: &intake, ..PLAIN };
    for (target, status, outcome, asked) in [
        ("/api/customers", 200, "taken", "Customers upload-1 of None"),
        ("/api/sessions", 200, "taken", "Sessions upload-1 of None"),
        ("/api/sessions?source=held", 202, "held", "Sessions upload-1 of Some(\"held\")"),
        ("/api/sessions?source=a", 422, "refused", "Sessions upload-1 of Some(\"a\")"),
    ] {
        let (reply, done) = send(&Keeper::default(), &Request { target, ..post });
        assert_eq!(reply.status, status, "{target}: {}", reply.body);
        assert!(done.len() == 1 && done[0].starts_with(asked), "{target}: {done:?}");
        let body = is_json(&reply);
        check(&document, &schema, &body, target);
        assert_eq!((&body["outcome"], body["why"].is_null()), (&json!(outcome), status == 200), "{target}");
    }
    for (request, status) in [
        (Request { target: "/api/customers?x=1", ..post }, 400),
        (Request { target: "/api/customers?source=a", ..post }, 400),
        (Request { target: "/api/customers", upload: "", ..post }, 400),
        (Request { target: "/api/customers", method: "GET", ..post }, 405),
        (Request { target: "/api/customers", authorization: &reader, ..post }, 401),
        (Request { target: "/api/customers", authorization: "", cookie: "sid=of-ann", ..post }, 401),
        (Request { target: "/api/v1/status", method: "GET", ..post }, 401),
        (Request { target: "/api/sessions?source=trouble", ..post }, 500),
    ] {
        let (reply, done) = send(&Keeper::default(), &request);
        assert_eq!((reply.status, reply.content_type), (status, "application/problem+json"), "{request:?}");
        assert!(done.is_empty() || status == 500, "{request:?}: {done:?}");
    }
    // The door asks whether it may take the body.
    for (authorization, status) in [(&intake, 200), (&reader, 401)] {
        let head = Request { target: "/api/sessions", method: "HEAD", upload: "", authorization, ..post };
        assert_eq!(send(&Keeper::default(), &head).0.status, status);
    }
    let mut off = Keeper::default();
    off.no_token = true;
    assert_eq!(send(&off, &Request { target: "/api/customers", ..post }).0.status, 404);
    let far = Some(Visitor { peer: IpAddr::from([203, 0, 113, 9]), is_secure: false });
    let (reply, done) = send(&Keeper::default(), &Request { target: "/api/customers", visitor: far, ..post });
    assert!(reply.status == 403 && done.is_empty(), "{}", reply.body);
}

#[test]
fn rows_come_in_parts_of_the_wanted_size() {
    let part = |query: &str| {
        let body = is_json(&get(&format!("/api/v1/customers{query}")));
        (body["rows"].as_array().unwrap().len(), body["next"].clone())
    };
    assert_eq!(part(""), (3, json!("3")));
    assert_eq!(part("?limit=2"), (2, json!("2")));
    assert_eq!(part("?limit=3"), (3, json!("3")));
    assert_eq!(part("?after=2&limit=2"), (2, json!("4")));
    assert_eq!(part("?after=3"), (3, Value::Null));
    assert_eq!(is_json(&get("/api/v1/mails?limit=1"))["next"], "7");
    assert_eq!(
        is_json(&get("/api/v1/incidents?limit=1"))["next"],
        "41",
        "as many as wanted, and more behind"
    );
}

#[test]
fn the_token_and_nothing_else_opens_the_api_and_no_page() {
    let far = |is_secure| Some(Visitor { peer: IpAddr::from([203, 0, 113, 9]), is_secure });
    let bearer = bearer();
    let lower = bearer.replace("Bearer", "bearer");
    let basic = bearer.replace("Bearer", "Basic");
    let (short, long) = (bearer[..bearer.len() - 1].to_owned(), format!("{bearer}x"));
    let cookie = format!("sid={TOKEN}");
    let mut off = Keeper::default();
    off.no_token = true;
    for (_, target) in EXAMPLES.iter().chain([&("", "/api/v1/none")]) {
        let is_there = target != &"/api/v1/none";
        let ask = |visitor, authorization, cookie| {
            ask_of(&FAKE, &Request { target, visitor, authorization, cookie, ..PLAIN })
        };
        for right in [&bearer, &lower] {
            assert_eq!(ask(Some(NEAR), right, "").status == 200, is_there, "{target}");
            assert_eq!(ask(far(true), right, "").status == 200, is_there, "{target}");
            assert_eq!(ask(far(false), right, "").status, 403, "{target}");
        }
        for wrong in ["", "Bearer", "Bearer ", TOKEN, &basic, &short, &long] {
            for cookie in ["", "sid=of-ann", cookie.as_str()] {
                let reply = ask(Some(NEAR), wrong, cookie);
                assert_eq!(reply.status, 401, "{target} {wrong}");
                assert!(header(&reply, "WWW-Authenticate").unwrap().starts_with("Bearer realm="), "{target}");
                assert!(!reply.body.contains(TOKEN) && is_json(&reply)["title"] == "A token is needed");
            }
            assert_eq!(ask(far(false), wrong, "").status, 403, "it is not said whether it is right");
        }
        let request = Request { target, authorization: &bearer, cookie: "sid=of-ann", ..PLAIN };
        let reply = handle(&request, &FAKE, &off, &off, NOW);
        assert_eq!((reply.status, &is_json(&reply)["title"]), (404, &json!("Not switched on")), "{target}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let asked = Request { target, method, body: b"csrf=t0ken", cookie: "sid=of-ann", ..PLAIN };
            assert_eq!(ask_of(&FAKE, &asked).status, 401, "{method} {target}");
            let reply = ask_of(&FAKE, &Request { authorization: &bearer, ..asked });
            let wanted = if is_there { (405, Some("GET, HEAD")) } else { (404, None) };
            assert_eq!((reply.status, header(&reply, "Allow")), wanted, "{method} {target}");
        }
        let head = ask_of(&FAKE, &Request { target, method: "HEAD", authorization: &bearer, ..PLAIN });
        assert_eq!(head, ask(Some(NEAR), &bearer, ""), "{target}");
    }
    for target in ["/", "/incidents", "/mail/7/html", "/people", "/audit", "/apis", "/metrics/"] {
        let reply = ask_of(&FAKE, &Request { target, authorization: &bearer, cookie: &cookie, ..PLAIN });
        assert_eq!(reply, ask_of(&FAKE, &Request { target, ..PLAIN }), "{target}");
        assert_ne!(reply.status, 200, "{target}");
    }
    let form = Request {
        method: "POST",
        target: "/logout",
        content_type: "application/x-www-form-urlencoded",
        origin: "http://localhost",
        authorization: &bearer,
        ..PLAIN
    };
    assert_eq!(header(&ask_of(&FAKE, &form), "Location"), Some("/login"), "nor any form");
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let reply = get(METRICS);
    assert_eq!(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
    let samples = exposition(&reply.body);
    let one = |name: &str, labels: &[(&str, &str)]| {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found: Vec<_> = samples.iter().filter(|sample| sample.0 == name && sample.1 == labels).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {}", reply.body);
        found[0].2
    };
    assert_eq!(one("abusebox_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert_eq!(one("abusebox_clock_trusted", &[]), 1.0);
    assert_eq!(one("abusebox_last_fetch_timestamp_seconds", &[]), (NOW.unix() - 600) as f64);
    assert_eq!(one("abusebox_incidents_open", &[("severity", "high")]), 1_000.0);
    assert_eq!(one("abusebox_incidents_open", &[("severity", "low")]), 0.0);
    assert_eq!(one("abusebox_mails_waiting", &[("state", "held")]), 12.0);
    assert_eq!(one("abusebox_mails_last_day", &[("state", "sent")]), 2.0);
    assert_eq!(one("abusebox_report_day_rows", &[("outcome", "matched")]), 900.0);
    assert_eq!(one("abusebox_report_day_timestamp_seconds", &[]), NOW.day().start().unix() as f64);
    assert_eq!(one("abusebox_alarm", &[("code", &format!("a\"b\\c\nd{EVIL}"))]), 1.0);
    assert_eq!(one("process_resident_memory_bytes", &[]), 12_582_912.0);
}

type Sample = (String, Vec<(String, String)>, f64);

/// Reads the text format 0.0.4, and panics at all that a strict reader would refuse.
fn exposition(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'));
    let is_name = |name: &str, marks: &[u8]| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
        name.bytes().all(is_part) && name.starts_with(|first: char| !first.is_ascii_digit())
    };
    let (mut samples, mut known, mut family): (Vec<Sample>, BTreeSet<String>, _) = Default::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            let (name, help) = head.split_once(' ').unwrap();
            assert!(is_name(name, b"_:") && !help.is_empty() && !help.contains('\\'), "{line}");
            assert!(known.insert(name.to_owned()), "{name} comes twice");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            assert!(!name.ends_with("_total"), "a gauge is no counter");
            family = name.to_owned();
            continue;
        }
        let (mut rest, mut labels) =
            (line.strip_prefix(&family).expect("a sample stands behind its head"), Vec::new());
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                let (name, value) = inner.split_once("=\"").unwrap();
                assert!(is_name(name, b"_"), "{line}");
                let (mut text, mut chars) = (String::new(), value.char_indices());
                let end = loop {
                    match chars.next().expect("a value ends") {
                        (at, '"') => break at,
                        (_, '\\') => match chars.next().unwrap().1 {
                            'n' => text.push('\n'),
                            other @ ('"' | '\\') => text.push(other),
                            other => panic!("\\{other} in {line}"),
                        },
                        (_, other) => text.push(other),
                    }
                };
                labels.push((name.to_owned(), text));
                inner = &value[end + 1..];
                match inner.strip_prefix(',') {
                    Some(more) => inner = more,
                    None => break,
                }
            }
            rest = inner.strip_prefix('}').unwrap();
        }
        let figure = rest.strip_prefix(' ').unwrap();
        assert!(!samples.iter().any(|known| known.0 == family && known.1 == labels), "twice: {line}");
        samples.push((family.clone(), labels, figure.parse().unwrap()));
    }
    samples
}

proptest! {
    /// Whatever is asked, and whatever is shown for it, the answer is JSON and the fault is not ours.
    #[test]
    fn nothing_that_is_asked_breaks_it(
        path in "/(incidents|customers|reports|mails|status)?(/[!-~]{0,20})?",
        query in "([a-z]{1,8}=[!-~]{0,12}&?){0,3}",
        name in prop::sample::select(PARAMETERS),
        value in "([0-9]{1,22}|[!-~]{0,9}|(%[0-9a-fA-F]{2}){1,6})",
        other: String,
    ) {
        let known = format!("/api/v1{path}?{}={value}", name.0);
        for target in [known, format!("/api/v1{path}?{query}"), format!("/api/v1/{other}"), format!("/api/{other}")] {
            let reply = get(&target);
            prop_assert!(matches!(reply.status, 200 | 400 | 404), "{}: {}", target, reply.status);
            if reply.content_type != "text/plain; charset=utf-8" {
                prop_assert!(serde_json::from_str::<Value>(&reply.body).is_ok(), "{}", target);
            }
        }
        let authorization = other.as_str();
        prop_assert_eq!(ask_of(&FAKE, &Request { target: METRICS, authorization, ..PLAIN }).status, 401);
    }
}
