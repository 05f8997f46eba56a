//! Addresses that change hands, from the log to the mail.

use abusebox::clock::Timestamp;
use abusebox::service::sessions::Taken;
use abusebox::sessions::read::Given;
use abusebox::store::What;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::house::House;
use crate::rig::{Rig, at};

const SETTINGS: &str = "box.mode = \"live\"\npolicy.hold_count_min = 1000\n\
    organisation.abuse_address = \"abuse@example.net\"\norganisation.operator_address = \"noc@example.net\"\n\
    [networks]\ncidrs = [\"198.18.0.0/15\"]\ndynamic = [\"198.18.0.0/16\"]\ncgn = [\"198.19.0.0/24\"]\n";

fn take(house: &House, log: &str, now: Timestamp) -> Taken {
    let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some("log") };
    house.engine.take_sessions(log.as_bytes(), &given, 0, now).unwrap()
}

fn whois(house: &House, words: &str, now: Timestamp) -> Value {
    house.show(&format!("whois {words}"), now).remove(0)
}

/// One exposed service of one line, which has another address each day.
#[test]
fn a_line_that_reconnects_daily_has_one_incident_and_mails_by_the_interval() {
    let mut rig = Rig::new("2027-01-01");
    rig.wishes.networks = "dynamic = [\"198.18.0.0/16\"]\n".to_owned();
    rig.set(|_| {});
    rig.write("customers.csv", "customer_id,email,login\nC1,c1@cust.example,anna\nC2,c2@cust.example,bob\n");
    let start = rig.now;
    for day in 0..60 {
        let address = format!("198.18.{day}.7");
        rig.problem("scan_rdp", &address, "high", 0..=0);
        let reconnects = |day| start.plus_days(day).plus_seconds(-600);
        // Yesterday's address is somebody else's today.
        let log = format!(
            "user;address;start;stop\nanna;{address};{};{}\nbob;{address};{};{}\n",
            reconnects(day),
            reconnects(day + 1),
            reconnects(day + 1).plus_seconds(60),
            reconnects(day + 2),
        );
        let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some("log") };
        let taken = rig.engine().take_sessions(log.as_bytes(), &given, 0, rig.now).unwrap();
        assert_eq!((taken.changed, taken.summary.complaints.len()), (2, 0));
        rig.run_for_days(1);
    }
    rig.run_for_days(1);
    let incidents = rig.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!((incidents[0].days_seen, incidents[0].rows()), (60, 60));
    assert_eq!(incidents[0].evidence.address, Some("198.18.59.7".parse().unwrap()));
    assert_eq!(rig.customer_times(1), ["2027-01-02T07:00:00Z", "2027-02-01T07:00:00Z"], "every 30 days");
    assert!(rig.customer(2).is_empty() && rig.operator().is_empty());
    // Traffic data of more than a fortnight are gone, and that they went stands in the list of what was done.
    let view = rig.engine().store.view().unwrap();
    assert!((28..=34).contains(&view.sessions_len().unwrap()), "{}", view.sessions_len().unwrap());
    let deeds = view.audit_back(None, 1).unwrap();
    assert_eq!((deeds[0].1.who.as_str(), deeds[0].1.what.what), ("abusebox", What::ForgotSessions));
}

#[test]
fn whois_tells_every_session_and_why() {
    let now = at("2027-01-10T12:00:00Z");
    let house = House::new(SETTINGS, now);
    house.import("customer_id,email,login\nC1,c1@example.com,anna\nC2,c2@example.com,bob\n", now);
    let sessions = "user;address;start;stop\nanna;198.18.0.7;2027-01-10T10:00:00Z;2027-01-10T11:00:00Z\n\
        carl;198.18.0.7;2027-01-10T11:30:00Z;\n";
    let blocks =
        "user;address;port from;port to;start;stop\nbob;198.19.0.1;1024;2047;2027-01-10T10:00:00Z;\n";
    assert_eq!((take(&house, sessions, now).changed, take(&house, blocks, now).changed), (2, 1));
    let at = |time: &str| at(&format!("2027-01-10T{time}Z"));
    let answer = whois(&house, "198.18.0.7", at("10:30:00"));
    assert_eq!((&answer["owner"], &answer["customer"]), (&"customer".into(), &"C1".into()), "{answer}");
    assert_eq!(
        (&answer["prefix"], answer["sources"].as_array().unwrap().len()),
        (&"198.18.0.7/32".into(), 1)
    );
    let answer = whois(&house, "198.18.0.7", at("11:15:00"));
    assert_eq!((&answer["owner"], &answer["customer"]), (&"unattributable".into(), &Value::Null), "{answer}");
    let answer = whois(&house, "198.18.0.7", now);
    assert_eq!((&answer["owner"], &answer["customer"]), (&"unassigned".into(), &Value::Null), "{answer}");
    assert!(answer["why"].as_str().unwrap().contains("no customer file"));
    let holds: Vec<_> =
        answer["sources"].as_array().unwrap().iter().map(|s| (&s["what"], &s["holds"])).collect();
    assert_eq!(holds, [(&"anna".into(), &false.into()), (&"carl".into(), &true.into())]);
    let answer = whois(&house, "198.19.0.1 --port 2000", now);
    assert_eq!((&answer["customer"], &answer["sources"][0]["by"]), (&"C2".into(), &"port block".into()));
    let answer = whois(&house, "198.19.0.1", now);
    assert_eq!(answer["owner"], "unattributable");
    assert!(answer["why"].as_str().unwrap().contains("source port"));
}
