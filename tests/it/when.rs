//! When customers are told: hours and days on which no mail leaves, rules of families, customers whose mails wait.

use abusebox::clock::Day;
use abusebox::notify::outbox::State;

use crate::rig::{Rig, at};
use crate::sim::mail::{Act, Stage};
use crate::sim::reports::Report;

/// A Monday; the summer time of Vienna begins on 28 March 2027.
const START: &str = "2027-03-08";

fn rig(policy: &str) -> Rig {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.policy = policy.to_owned());
    rig
}

#[test]
fn in_quiet_hours_only_the_operator_gets_mail() {
    let mut rig = rig("quiet_hours = \"21-7\"\ndigest_hour = 5\n");
    rig.problem("scan_rdp", "198.18.1.10", "critical", 0..=3);
    rig.problem("scan_telnet", "198.18.1.11", "high", 0..=3);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=3);
    rig.problem("scan_rdp", "198.19.1.10", "critical", 0..=3);
    rig.problem("scan_rdp", "198.18.3.10", "critical", 19..=20);
    rig.run_until(at("2027-03-09T05:59:59Z"));
    assert_eq!(
        rig.states(),
        [State::Queued, State::Queued, State::Sent],
        "what is due is planned, and waits"
    );
    rig.run_for_days(21);
    assert_eq!(rig.customer_times(1), ["2027-03-09T06:00:00Z"], "at seven, one mail for all");
    let text = rig.customer(1)[0].mail.text();
    assert!(text.contains("198.18.1.10") && text.contains("198.18.1.11"));
    assert_eq!(rig.customer_times(2), ["2027-03-09T06:00:00Z"]);
    assert_eq!(rig.times("noc@example.net"), ["2027-03-09T04:00:00Z"]);
    assert_eq!(rig.customer_times(3), ["2027-03-28T05:00:00Z"], "seven comes an hour earlier");
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn a_mail_that_was_begun_is_repeated_when_quiet_hours_are_over() {
    let mut rig = rig("quiet_hours = \"8-12\"\ndigest_hour = 7\n");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=3);
    rig.problem("scan_telnet", "198.18.1.11", "high", 1..=3);
    // At six, 6:05 and 6:20; the next would be at 7:20.
    rig.mail.script(Stage::Body, "c1@", Act::KeepThenDrop, Some(3));
    rig.run_until(at("2027-03-09T20:00:00Z"));
    let times =
        ["2027-03-09T06:00:00Z", "2027-03-09T06:05:00Z", "2027-03-09T06:20:00Z", "2027-03-09T11:00:00Z"];
    assert_eq!(rig.customer_times(1), times);
    let mails = rig.customer(1);
    assert!(mails.iter().all(|sent| sent.mail.raw == mails[0].mail.raw), "byte for byte");
    assert_eq!(rig.states(), [State::Sent]);
}

#[test]
fn a_mail_that_was_begun_rests_while_all_is_practice() {
    let mut rig = rig("digest_hour = 7\n");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=9);
    rig.mail.script(Stage::Body, "c1@", Act::KeepThenDrop, Some(1));
    rig.run_until(at("2027-03-09T06:02:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-09T06:00:00Z"], "it was begun");
    rig.set(|wishes| wishes.mode = "practice");
    rig.run_for_days(2);
    assert_eq!((rig.customer(1).len(), rig.states()[0]), (1, State::Queued));
    rig.set(|wishes| wishes.mode = "live");
    rig.run_for_hours(1);
    let mails = rig.customer(1);
    assert_eq!(mails.len(), 2);
    assert!(mails[0].mail.raw == mails[1].mail.raw, "byte for byte");
    assert_eq!(rig.states()[0], State::Sent);
}

#[test]
fn on_free_days_only_the_operator_gets_mail_and_one_digest_tells_all_then() {
    let days = "business_days_only = true\ndays_off = [\"03-15\"]\n";
    let mut rig = rig(days);
    // Of Friday, told on Saturday if it were open; of Saturday and Sunday.
    rig.problem("scan_rdp", "198.18.1.10", "high", 4..=20);
    rig.problem("scan_telnet", "198.18.1.11", "high", 6..=20);
    rig.problem("scan_rdp", "198.18.2.10", "critical", 5..=20);
    rig.problem("scan_rdp", "198.19.1.10", "high", 4..=20);
    rig.run_until(at("2027-03-22T00:00:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-16T07:00:00Z"], "the Monday was off");
    let text = rig.customer(1)[0].mail.text();
    assert!(text.contains("198.18.1.10") && text.contains("198.18.1.11"));
    assert_eq!(rig.customer_times(2), ["2027-03-15T23:00:00Z"], "critical: as soon as the day begins");
    assert_eq!(rig.times("noc@example.net"), ["2027-03-13T07:00:00Z"]);

    // Off at that hour: made up once.
    let mut rig = self::rig(days);
    rig.problem("scan_rdp", "198.18.1.10", "high", 4..=20);
    rig.run_until(at("2027-03-15T12:00:00Z"));
    assert!(rig.sent.is_empty());
    rig.off_until(at("2027-03-16T12:30:00Z"));
    rig.run_for_days(5);
    assert_eq!(rig.customer_times(1), ["2027-03-16T12:30:00Z"]);

    // The box comes up on a free day, too late for a digest of an open one.
    let mut rig = self::rig(days);
    rig.problem("scan_rdp", "198.18.1.10", "high", 2..=20);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    rig.off_until(at("2027-03-14T02:30:00Z"));
    rig.run_for_days(7);
    assert_eq!(rig.customer_times(1), ["2027-03-16T07:00:00Z"]);
}

#[test]
fn families_have_thresholds_and_intervals_of_their_own() {
    let mut rig = rig("[[family]]\nname = \"remote_desktop\"\nseen_days_min = 2\n\
         [[family]]\nname = \"telnet\"\nrepeat_days = 3\n\
         [[family]]\nname = \"file_transfer\"\nseverity_min = \"low\"\n\
         [[family]]\nname = \"open_resolver\"\namplification_min = 5.0\n");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=3);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=0);
    rig.problem("scan_telnet", "198.18.3.10", "high", 0..=10);
    rig.problem("scan_ftp", "198.18.4.10", "low", 0..=3);
    let day: Day = START.parse().unwrap();
    let resolvers = [(5, "4.9"), (6, "5.0"), (7, "")].map(|(n, times)| {
        format!("\"{day} 12:00:00\",\"medium\",\"udp\",\"198.18.{n}.10\",53,\"{times}\"\n")
    });
    let header = "\"timestamp\",\"severity\",\"protocol\",\"ip\",\"port\",\"min_amplification\"\n";
    let body = header.to_owned() + &resolvers.concat();
    rig.run_until(at("2027-03-09T00:00:00Z"));
    rig.shadow.add(Report::new("example-net", "scan_dns", day, body));
    rig.run_until(at("2027-03-20T00:00:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-10T07:00:00Z"], "on the second day");
    assert!(rig.customer(2).is_empty(), "seen once");
    let times = ["03-09", "03-12", "03-15", "03-18"].map(|day| format!("2027-{day}T07:00:00Z"));
    assert_eq!(rig.customer_times(3), times);
    assert_eq!(rig.customer_times(4), ["2027-03-09T07:00:00Z"]);
    assert!(rig.customer(5).is_empty(), "too weak");
    assert_eq!(
        (rig.customer(6).len(), rig.customer(7).len()),
        (1, 1),
        "strong enough, and not told how strong"
    );
}

#[test]
fn a_family_is_told_to_the_operator_or_to_nobody_from_the_moment_it_is_set() {
    let tell = |who: &str| format!("[[family]]\nname = \"telnet\"\ntell = \"{who}\"\n");
    let mut rig = rig("");
    rig.problem("scan_telnet", "198.18.1.10", "high", 0..=30);
    rig.problem("scan_rdp", "198.18.1.11", "high", 3..=30);
    rig.problem("scan_telnet", "198.18.2.10", "critical", 1..=30);
    rig.problem("scan_telnet", "198.18.3.10", "high", 4..=30);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert_eq!(rig.customer(1).len(), 1);
    rig.set(|wishes| wishes.policy = tell("operator"));
    rig.run_until(at("2027-03-12T12:00:00Z"));
    assert_eq!(rig.times("noc@example.net"), ["2027-03-10T07:00:00Z"], "the second, with the digest");
    let text = rig.operator()[0].mail.text();
    assert!(text.contains("198.18.2.10") && !text.contains("198.18.1.10"), "{text}");
    let second = rig.customer(1)[1].mail.text();
    assert!(
        second.contains("198.18.1.11") && !second.contains("198.18.1.10"),
        "not named as still open: {second}"
    );
    assert!(rig.customer(2).is_empty());
    rig.set(|wishes| wishes.policy = tell("nobody"));
    rig.run_until(at("2027-03-14T12:00:00Z"));
    assert!(rig.customer(3).is_empty());
    assert_eq!(rig.operator().len(), 1);
    rig.set(|wishes| wishes.policy = String::new());
    rig.run_until(at("2027-03-16T00:00:00Z"));
    assert_eq!(rig.customer_times(3), ["2027-03-15T07:00:00Z"], "nothing was forgotten");
}

#[test]
fn what_is_gone_is_not_told_later_where_nobody_is_to_hear_it() {
    let said = |quietly_until: &str| {
        let mut rig = rig("close_after_days = 8\ntell_gone = false\n");
        rig.problem("scan_rdp", "198.18.1.10", "high", 0..=0);
        rig.problem("scan_telnet", "198.18.1.11", "high", 11..=11);
        rig.problem("scan_ftp", "198.18.1.12", "high", 14..=14);
        rig.run_until(at(quietly_until));
        rig.set(|wishes| wishes.policy = "close_after_days = 8\n".to_owned());
        rig.run_until(at("2027-03-27T00:00:00Z"));
        let texts = rig.customer(1).into_iter().map(|sent| sent.mail.text());
        texts.map(|text| text.contains("No longer seen")).collect::<Vec<_>>()
    };
    assert_eq!(said("2027-03-19T12:00:00Z"), [false, true, false]);
    assert_eq!(said("2027-03-21T12:00:00Z"), [false, false, false]);
}

#[test]
fn what_milder_rules_tell_need_not_be_seen_again() {
    let rules = "mail_severity_min = \"high\"\n[[family]]\nname = \"telnet\"\ntell = \"nobody\"\n";
    let mut rig = rig(rules);
    rig.problem("scan_telnet", "198.18.1.10", "high", 0..=0);
    rig.problem("scan_rdp", "198.18.2.10", "medium", 0..=0);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.set(|wishes| wishes.policy = String::new());
    rig.run_until(at("2027-03-11T00:00:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-10T07:00:00Z"]);
    assert_eq!(rig.customer_times(2), ["2027-03-10T07:00:00Z"]);
}

#[test]
fn mails_of_some_customers_always_wait() {
    let mut rig = rig("customers_held = [\"C1\", \"C7\"]\n");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=20);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (0, 1));
    assert_eq!(rig.operator().len(), 1, "he is told that one waits");
    assert_eq!(rig.release_all(), 1);
    rig.run_for_hours(1);
    assert_eq!(rig.customer(1).len(), 1);

    rig.set(|wishes| wishes.policy = "customers_held = [\"C-1\", \"C1\", \"c7\"]\n".to_owned());
    rig.run_for_hours(1);
    assert_eq!(rig.alarms(), ["customers_held"]);
    let told = rig.operator().last().unwrap().mail.text();
    assert!(told.contains("C-1, c7. Correct it"), "{told}");
    rig.set(|wishes| wishes.policy = "customers_held = [\"C1\"]\n".to_owned());
    rig.run_for_hours(1);
    assert_eq!(rig.alarms(), [""; 0]);

    let mut rig = self::rig("customers_held = [\"C1\"]\n");
    rig.set(|wishes| wishes.mode = "practice");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert_eq!((rig.states(), rig.operator().len()), (vec![State::Sent], 1), "practice is as ever");
}

#[test]
fn settings_that_change_while_mails_wait_hold_for_them() {
    let night = "quiet_hours = \"21-7\"\n";
    let waiting = || {
        let mut rig = rig(night);
        rig.problem("scan_telnet", "198.18.1.10", "critical", 0..=0);
        rig.run_until(at("2027-03-09T03:00:00Z"));
        assert_eq!(rig.states(), [State::Queued]);
        rig
    };
    let mut rig = waiting();
    rig.set(|wishes| wishes.policy = String::new());
    rig.run_for_hours(1);
    assert_eq!(rig.customer_times(1), ["2027-03-09T03:00:00Z"], "at once");

    let mut rig = waiting();
    let nobody = format!("{night}[[family]]\nname = \"telnet\"\ntell = \"nobody\"\n");
    rig.set(|wishes| wishes.policy = nobody);
    rig.run_for_hours(12);
    assert_eq!((rig.states(), rig.sent.len()), (vec![State::Dropped], 0), "nothing is left to tell");

    let mut rig = waiting();
    rig.set(|wishes| wishes.policy = format!("{night}days_off = [\"2027-03-09\"]\n"));
    rig.run_for_days(2);
    assert_eq!(rig.customer_times(1), ["2027-03-10T06:00:00Z"]);

    let mut rig = waiting();
    rig.set(|wishes| wishes.policy = format!("{night}customers_held = [\"C1\"]\n"));
    rig.run_for_hours(1);
    assert_eq!(rig.states(), [State::Held]);
    rig.release_all();
    rig.run_for_hours(12);
    assert_eq!(rig.customer_times(1), ["2027-03-09T06:00:00Z"], "released, it still keeps the hours");
}

#[test]
fn the_operator_is_told_of_a_mail_that_is_held_later_than_one_planned_before_it() {
    let night = "quiet_hours = \"21-7\"\n";
    let mut rig = rig(&format!("{night}customers_held = [\"C1\"]\n"));
    rig.problem("scan_telnet", "198.18.1.10", "critical", 0..=0);
    rig.problem("scan_telnet", "198.18.2.10", "critical", 0..=0);
    rig.run_until(at("2027-03-09T03:00:00Z"));
    assert_eq!((&rig.states()[..2], rig.operator().len()), (&[State::Held, State::Queued][..], 1));
    rig.set(|wishes| wishes.policy = format!("{night}customers_held = [\"C1\", \"C2\"]\n"));
    rig.run_for_hours(12);
    assert_eq!((&rig.states()[..2], rig.operator().len()), (&[State::Held, State::Held][..], 2));
}
