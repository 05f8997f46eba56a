//! What is old is forgotten, and nothing earlier: spool 30 days, customer files 35, closed incidents two years.

use abusebox::notify::outbox::Change;

use super::house::{House, at, csv, stamp};

const SETTINGS: &str = "[box]\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\n\
    abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n[networks]\n\
    cidrs = [\"198.51.100.0/24\"]\n";

fn files(house: &House, folder: &str) -> usize {
    std::fs::read_dir(house.engine.data.join(folder)).unwrap().count()
}

#[test]
fn what_is_old_is_forgotten_and_nothing_earlier() {
    let now = at("2026-01-10T12:00:00Z");
    let house = House::new(SETTINGS, now);
    house.import("customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n", now);
    let header = ["timestamp", "severity", "ip", "port", "protocol"];
    let row =
        |ip: &str| [stamp(now.plus_days(-1)).as_str(), "high", ip, "21", "tcp"].map(str::to_owned).to_vec();
    let body = csv(&header, [row("198.51.100.1"), row("198.51.100.99"), row("0.0.0.0")]);
    house.read("2026-01-09-scan_ftp-example-asn.csv", &body, now);
    house.engine.plan(now).unwrap();
    let mut dropped = Vec::new();
    house.engine.store.view().unwrap().unsent(|notice| dropped.push(notice.number)).unwrap();
    assert_eq!(
        house.engine.change_mails(&dropped, Change::Drop, now, None).unwrap().len(),
        2,
        "the customer's and the operator's"
    );
    // Fourteen covered days without it.
    for day in 0..14 {
        let later = now.plus_days(day);
        let file = format!("{}-scan_telnet-example-asn.csv", later.day());
        house.read(
            &file,
            format!("timestamp,severity,ip,port,protocol,day{day}\n").as_bytes(),
            later.plus_days(1),
        );
    }
    house.import("customer_id,name,email,cidr\nB,Beta,b@beta.example,198.51.100.0/28\n", now.plus_days(20));
    house.engine.keep(now.plus_days(20)).unwrap();
    let state = |day: i64| -> Vec<String> {
        let shown = house.show("incidents", now.plus_days(day));
        shown.iter().map(|incident| incident["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(state(20), ["closed", "closed"]);
    assert_eq!((files(&house, "spool"), files(&house, "customers")), (15, 2));

    house.engine.keep(now.plus_days(31)).unwrap();
    assert_eq!(files(&house, "spool"), 14, "the first is older than 30 days");
    house.engine.keep(now.plus_days(54)).unwrap();
    assert_eq!((files(&house, "spool"), files(&house, "customers")), (0, 2));
    house.engine.keep(now.plus_days(56)).unwrap();
    assert_eq!(files(&house, "customers"), 1, "35 days after it was replaced");
    let owner = house.engine.loaded().table.owner("198.51.100.1".parse().unwrap(), now.plus_days(56));
    assert!(matches!(owner, abusebox::customers::Owner::Customer { mailed: true, .. }));

    house.engine.keep(now.plus_days(729)).unwrap();
    assert_eq!((state(729).len(), house.show("reports", now.plus_days(729)).len()), (2, 15));
    assert_eq!(house.show("outbox", now.plus_days(729)).len(), 2);
    house.engine.keep(now.plus_days(760)).unwrap();
    let after = now.plus_days(760);
    assert_eq!(
        (state(760).len(), house.show("reports", after).len(), house.show("outbox", after).len()),
        (0, 0, 0)
    );
    // A number is never given twice.
    house.read("2028-02-09-scan_ftp-example-asn.csv", &csv(&header, [row("198.51.100.1")]), after);
    assert_eq!(house.show("incidents", after)[0]["id"], "3");
}

#[test]
fn days_to_come_close_nothing() {
    let now = at("2026-01-10T12:00:00Z");
    let house = House::new(SETTINGS, now);
    // As after a pass under a clock that was a year ahead.
    for day in 365..400 {
        house.engine.store.write(|txn| txn.cover(now.day().plus(day))).unwrap();
    }
    let row = [stamp(now).as_str(), "high", "198.51.100.99", "21", "tcp"].map(str::to_owned).to_vec();
    let body = csv(&["timestamp", "severity", "ip", "port", "protocol"], [row]);
    house.read("2026-01-10-scan_ftp-example-asn.csv", &body, now);
    assert_eq!(house.engine.close_gone(now.plus_days(30)).unwrap(), 0);
    assert_eq!(house.engine.close_gone(now.plus_days(400)).unwrap(), 1, "but once they have come");
}
