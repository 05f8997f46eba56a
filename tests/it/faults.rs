//! Shadowserver fails in every way that was seen or must be feared: nothing is lost, the operator hears of what lasts,
//! and it goes on by itself.

use crate::rig::{Rig, at};
use crate::sim::shadowserver::{At, Fault, NAMED};

/// Puts a fault on for three hours of a night, from before the day's reports are there, and says which alarms there
/// were and whether the reports came all the same.
fn endure(place: At, fault: Fault) -> (Vec<String>, bool) {
    let mut rig = Rig::new("2027-03-08");
    rig.hurries = matches!(fault, Fault::Silent | Fault::Trickle(_));
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=5);
    rig.problem("event4_sinkhole", "198.18.2.10", "high", 0..=5);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.shadow.fail(place, fault, None);
    rig.run_until(at("2027-03-10T07:00:00Z"));
    let alarms = rig.alarms();
    let came = rig.incident("198.18.1.10").days_seen == 2;
    rig.shadow.heal();
    rig.run_until(at("2027-03-12T12:00:00Z"));
    assert_eq!(rig.alarms(), [""; 0], "over");
    for ip in ["198.18.1.10", "198.18.2.10"] {
        let incident = rig.incident(ip);
        assert_eq!((incident.days_seen, incident.rows()), (4, 4), "{ip}: nothing is lost, nothing doubled");
    }
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (1, 1));
    assert_eq!(rig.operator().len(), 2 * alarms.len(), "told once, and that it is over");
    (alarms, came)
}

#[test]
fn the_api_fails() {
    for (name, alarm, came) in [
        ("bad-key", "shadowserver_key", false),
        ("no-group", "shadowserver_key", false),
        ("too-many", "shadowserver", false),
        ("error-500", "shadowserver", false),
        ("error-503", "shadowserver", false),
        ("not-found", "shadowserver", false),
        ("silent", "shadowserver", false),
        ("close", "shadowserver", false),
        ("slow", "shadowserver", false),
        ("html", "shadowserver", false),
        ("truncated", "shadowserver", false),
        ("cut", "shadowserver", false),
        ("error-in-200", "shadowserver", false),
        ("empty", "shadowserver", false),
        ("empty-object", "", false),
        ("no-url", "", true),
        ("no-id", "reports_unusable", false),
        ("unknown-members", "", true),
        ("wrong-types", "reports_unusable", false),
    ] {
        let fault = Fault::named(name).unwrap();
        let alarms: Vec<&str> = [alarm].into_iter().filter(|alarm| !alarm.is_empty()).collect();
        let (had, did_come) = endure(At::Api, fault);
        assert_eq!((had.iter().map(String::as_str).collect(), did_come), (alarms, came), "{name}");
    }
}

#[test]
fn downloads_fail() {
    for (name, alarm) in [
        ("too-many", "shadowserver"),
        ("error-503", "shadowserver"),
        // Downloads know no key, only ids.
        ("bad-key", "reports_unusable"),
        // The id is no longer good: the next list brings another, or the same again.
        ("not-found", "reports_unusable"),
        ("silent", "shadowserver"),
        ("close", "shadowserver"),
        ("html", "shadowserver"),
        ("cut", "shadowserver"),
        ("empty-object", "shadowserver"),
        ("error-in-200", "shadowserver"),
        ("empty", "shadowserver"),
    ] {
        let fault = Fault::named(name).unwrap();
        let alarms: Vec<&str> = [alarm].into_iter().filter(|alarm| !alarm.is_empty()).collect();
        let (had, came) = endure(At::Downloads, fault);
        assert_eq!((had.iter().map(String::as_str).collect(), came), (alarms, false), "{name}");
    }
}

#[test]
fn one_report_that_cannot_be_had_does_not_keep_the_others() {
    let mut rig = Rig::new("2027-03-08");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=5);
    rig.problem("event4_sinkhole", "198.18.2.10", "high", 0..=5);
    let file = "2027-03-08-event4_sinkhole-example-net-asn.csv";
    rig.shadow.fail(At::File(file.to_owned()), Fault::Status(503), None);
    rig.run_until(at("2027-03-09T07:30:00Z"));
    assert_eq!(rig.customer(1).len(), 1);
    assert!(rig.report(file).is_none());
    assert_eq!(rig.alarms(), ["shadowserver"]);
    rig.shadow.heal();
    rig.run_until(at("2027-03-10T00:00:00Z"));
    assert!(rig.report(file).is_some());
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn every_named_fault_stands_in_a_test() {
    // Too large for a test to wait for (endless), or without a trace that a reader could see (truncated downloads).
    let source = include_str!("faults.rs");
    for (name, _) in NAMED.iter().filter(|(name, _)| *name != "endless") {
        assert!(source.contains(&format!("(\"{name}\"")), "{name}");
    }
}
