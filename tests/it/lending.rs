//! Addresses that change hands, from the log to the mail.

use abusebox::clock::Timestamp;
use abusebox::service::Engine;
use abusebox::service::sessions::{Logged, Taken};
use abusebox::sessions::read::Given;
use abusebox::store::What;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::house::House;
use crate::rig::{Rig, at};

const SETTINGS: &str = "box.mode = \"live\"\npolicy.hold_count_min = 1000\n\
    organisation.abuse_address = \"abuse@example.net\"\norganisation.operator_address = \"noc@example.net\"\n\
    [networks]\ncidrs = [\"198.18.0.0/15\"]\ndynamic = [\"198.18.0.0/16\"]\ncgn = [\"198.19.0.0/24\"]\n";

/// A log of this moment.
fn take(engine: &Engine, log: &str, now: Timestamp) -> Taken {
    let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some("log") };
    let logged = Logged { given, uncertainty: 0, source: "log", known_until: now };
    engine.take_sessions(log.as_bytes(), &logged, now).unwrap()
}

fn whois(house: &House, words: &str, now: Timestamp) -> Value {
    house.show(&format!("whois {words}"), now).remove(0)
}

/// A box where all addresses are lent, to anna and bob.
fn lending() -> Rig {
    let mut rig = Rig::new("2027-01-01");
    rig.wishes.networks = "dynamic = [\"198.18.0.0/16\"]\n".to_owned();
    rig.set(|_| {});
    rig.write("customers.csv", "customer_id,email,login\nC1,c1@cust.example,anna\nC2,c2@cust.example,bob\n");
    rig
}

/// One exposed service of one line, which has another address each day.
#[test]
fn a_line_that_reconnects_daily_has_one_incident_and_mails_by_the_interval() {
    let mut rig = lending();
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
        let taken = take(&rig.engine(), &log, rig.now);
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
    assert!((27..=34).contains(&view.sessions_len().unwrap()), "{}", view.sessions_len().unwrap());
    let deeds = view.audit_back(None, 1).unwrap();
    assert_eq!((deeds[0].1.who.as_str(), deeds[0].1.what.what), ("abusebox", What::ForgotSessions));
}

/// A log that ends before the rows of a report says nothing of them: the next one may.
#[test]
fn a_report_waits_for_the_log_that_tells_of_its_rows() {
    let mut rig = lending();
    rig.problem("scan_rdp", "198.18.1.7", "high", 0..=2);
    let morning = |day| at("2027-01-01T06:00:00Z").plus_days(day);
    // Since yesterday, as far as it tells.
    let log = format!("user;address;start;stop\nanna;198.18.1.7;{};\n", morning(-1));
    take(&rig.engine(), &log, morning(0));
    let taken = |rig: &mut Rig| {
        let (mut reports, mut incidents) = (0, Vec::new());
        let view = rig.engine().store.view().unwrap();
        view.reports(|_, _| reports += 1).unwrap();
        incidents.extend(rig.incidents().iter().map(|incident| incident.rows()));
        (reports, incidents)
    };
    rig.run_until(morning(1));
    // That of other addresses is taken.
    assert_eq!(taken(&mut rig), (1, vec![]));
    let downloads = rig.shadow.downloads();
    rig.run_until(morning(1).plus_seconds(10 * 3600));
    assert_eq!(taken(&mut rig), (1, vec![]));
    assert_eq!(rig.shadow.downloads(), downloads, "it lies here already");

    let other =
        "anna;198.18.1.7;2026-12-31T06:00:00Z;2027-01-01T09:00:00Z\nbob;198.18.1.7;2027-01-01T10:00:00Z;\n";
    take(&rig.engine(), &format!("user;address;start;stop\n{other}"), morning(1).plus_seconds(10 * 3600));
    rig.run_until(morning(2).plus_seconds(2 * 3600));
    assert_eq!(taken(&mut rig), (4, vec![2]));
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (0, 1), "anna had it no longer");

    // No further log: after a day it is taken as it is.
    rig.run_until(morning(5).plus_seconds(-7200));
    assert_eq!(taken(&mut rig), (8, vec![2, 1]));
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (0, 1));
    let whois = rig.engine();
    let loaded = whois.loaded();
    let told = whois.explain(&loaded, "198.18.1.7".parse().unwrap(), None, morning(3)).unwrap();
    assert_eq!((told.why.sentence().contains("not known yet"), told.words.len()), (true, 2));
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
    assert_eq!(
        (take(&house.engine, sessions, now).changed, take(&house.engine, blocks, now).changed),
        (2, 1)
    );
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
