//! Stores as earlier versions left them can be read for ever.
//!
//! `tests/data/store/` keeps one of each format: the store, compressed, and what commands said of it then.
//! `STORE_FIXTURE=write cargo test stored` makes the one of the present format anew, while it is not yet released.

use std::path::{Path, PathBuf};

use abusebox::notify::outbox::Change;
use abusebox::store::Problems;
use serde_json::Value;

use super::house::{House, at, csv, stamp};

const SETTINGS: &str = "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\n\
    abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n[networks]\n\
    cidrs = [\"198.51.100.0/24\", \"2001:db8::/32\"]\n";
const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n\
    B,Beta,,198.51.100.16/28\nC,Gamma,c@gamma.example;d@gamma.example,2001:db8:c::/48\n";
const NOW: &str = "2026-11-21T12:00:00Z";

/// A store with something in each table.
fn lived_in() -> House {
    let now = at(NOW);
    let house = House::new(SETTINGS, now);
    house.import(CUSTOMERS, now);
    let header = ["timestamp", "severity", "ip", "port", "protocol", "tag", "banner"];
    let row = |severity: &str, ip: &str| {
        vec![
            stamp(now.plus_seconds(-90_000)),
            severity.to_owned(),
            ip.to_owned(),
            "21".to_owned(),
            "tcp".to_owned(),
        ]
        .into_iter()
        .chain(["ftp".to_owned(), format!("220 {ip} ready")])
        .collect()
    };
    let rows = ["198.51.100.1", "198.51.100.17", "198.51.100.99", "2001:db8:c::1", "0.0.0.0", "192.0.2.1"];
    let body = csv(&header, rows.iter().map(|ip| row("high", ip)));
    house.read("2026-11-20-scan_ftp-example-asn.csv", &body, now);
    house.take("2026-11-20-scan_ftp-other-asn.csv", &body, now);
    house.take("2026-11-20-scan_telnet-example-asn.csv", b"not a report", now);
    house.engine.keep(now).unwrap();
    house.engine.plan(now).unwrap();
    // One is dropped; the mail server of the others is not there, which is an alarm.
    house.engine.change_mails(&[1], Change::Drop, now, None).unwrap();
    house.mail(now);
    house
}

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store").join(name)
}

#[test]
fn a_store_of_each_format_is_read() {
    let now = at(NOW);
    if std::env::var_os("STORE_FIXTURE").is_some_and(|word| word == "write") {
        let house = lived_in();
        let said: Vec<String> = house.everything(now).concat().iter().map(Value::to_string).collect();
        let database = house.close();
        std::fs::create_dir_all(kept("")).unwrap();
        std::fs::write(kept("v1.redb.zst"), zstd::bulk::compress(&database, 19).unwrap()).unwrap();
        std::fs::write(kept("v1.jsonl"), said.join("\n") + "\n").unwrap();
    }
    for format in ["v1"] {
        let database = std::fs::read(kept(&format!("{format}.redb.zst"))).unwrap();
        let database = zstd::bulk::decompress(&database, 64 << 20).unwrap();
        let house = House::with_store(SETTINGS, CUSTOMERS, &database, now);
        let expected = std::fs::read_to_string(kept(&format!("{format}.jsonl"))).unwrap();
        let said = house.everything(now).concat();
        assert_eq!(said.len(), expected.lines().count());
        for (line, said) in expected.lines().zip(&said) {
            let expected: Value = serde_json::from_str(line).unwrap();
            for (name, value) in expected.as_object().unwrap() {
                // Later versions may say more, never something else.
                assert_eq!(said.get(name), Some(value), "{format}: {name} in {said}");
            }
        }
        // Nobody could log in then, and now everybody has to.
        assert!(house.engine.store.view().unwrap().people().unwrap().is_empty());
        assert!(house.engine.store.view().unwrap().audit_back(None, 10).unwrap().is_empty());
        assert!(house.engine.store.view().unwrap().notes(1).unwrap().is_empty());
        // It is not only read: the next day goes on with it.
        let next = now.plus_days(1);
        let body = csv(
            &["timestamp", "severity", "ip", "port", "protocol"],
            [[stamp(next.plus_seconds(-90_000)).as_str(), "high", "198.51.100.1", "21", "tcp"]
                .map(str::to_owned)
                .to_vec()],
        );
        house.read("2026-11-21-scan_ftp-example-asn.csv", &body, next);
        let again = house.show("incidents", next);
        let known = again.iter().find(|incident| incident["ip"] == "198.51.100.1").unwrap();
        assert_eq!((&known["days_seen"], &known["id"]), (&2.into(), &"2".into()), "{known}");
        // What was not yet counted then is counted from what the incidents remember.
        let days = house.engine.store.view().unwrap().problems(now.day().plus(-90)).unwrap();
        let seen = |problems: &Problems| problems.compromised + problems.exposed;
        let days: Vec<_> = days.iter().map(|(day, problems)| (day.to_string(), seen(problems))).collect();
        let all = again.len() as u64;
        assert_eq!(days, [("2026-11-20".to_owned(), all), ("2026-11-21".to_owned(), 1)]);
    }
}
