//! The operator's own mails over weeks: alarms once, that they are over, the line-up only if needed, and the week.

use crate::rig::{Rig, at};
use crate::sim::mail::{Act, Stage};
use crate::sim::shadowserver::{At, Fault};

/// A Monday; the summer time of Vienna begins on Sunday, 28 March.
const START: &str = "2027-03-08";

fn weekly(rig: &mut Rig) {
    rig.set(|wishes| wishes.policy = "weekly_report = \"monday\"\n".to_owned());
}

/// The day and hour; of what a pass found out, which begins when chance wills, the day alone.
fn hourly(line: &str) -> String {
    let by_chance = ["refuses the key", "fault of its own"].iter().any(|part| line.contains(part));
    format!("{} {}", &line[..if by_chance { 10 } else { 13 }], &line[21..])
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn full(megabytes: u32) -> String {
    format!("the disk is nearly full ({megabytes} MiB left): make room")
}

#[test]
fn a_month_with_alarms_that_come_and_go() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=40);
    rig.problem("scan_rdp", "198.19.1.10", "high", 9..=12);
    rig.run_until(at("2027-03-09T12:00:00Z"));

    // At once and once, however its text counts; then over.
    rig.alarm("disk", Some(&full(9)));
    rig.run_for_hours(1);
    rig.alarm("disk", Some(&full(8)));
    rig.run_until(at("2027-03-11T12:00:00Z"));
    rig.alarm("disk", None);
    rig.run_for_hours(1);

    // It comes and goes all the night: one line in the next line-up.
    for _ in 0..5 {
        rig.alarm("disk", Some(&full(7)));
        rig.run_for_hours(1);
        rig.alarm("disk", None);
        rig.run_for_hours(1);
    }
    rig.run_until(at("2027-03-12T03:00:00Z"));
    rig.alarm("disk", Some(&full(7)));
    rig.run_for_hours(1);
    rig.alarm("disk", None);
    // It comes again, and stays.
    rig.run_until(at("2027-03-12T08:00:00Z"));
    rig.alarm("disk", Some(&full(6)));
    rig.run_until(at("2027-03-12T20:00:00Z"));
    rig.alarm("disk", None);

    // Over within minutes, and known to nobody: a mail server that cannot take a mail of it.
    rig.run_until(at("2027-03-14T12:00:00Z"));
    rig.alarm("mail_server", Some("the mail server takes no mail: down"));
    let soon = rig.now.plus_seconds(600);
    rig.run_until(soon);
    rig.alarm("mail_server", None);

    // Each mail that fails is an event of its own; none is lost, and a hundred are no hundred mails.
    rig.run_until(at("2027-03-16T12:00:00Z"));
    for number in 1..=100 {
        rig.alarm("mail_failed", Some(&format!("a mail could not be delivered (notice {number}): gone")));
    }
    rig.run_until(at("2027-03-17T12:00:00Z"));

    // A customer file that waits, then another one.
    rig.alarm("customers", Some("the customer file waits to be confirmed: 3 customers are gone"));
    rig.run_for_hours(1);
    rig.alarm("customers", Some("the customer file waits to be confirmed: 4 customers are gone"));
    rig.run_for_hours(1);
    rig.alarm("customers", Some("the customer file is not taken: it holds no customer"));
    rig.run_until(at("2027-03-24T12:00:00Z"));

    // Key refused; then nothing can be had.
    rig.shadow.set_key("another-key", "practice-secret");
    rig.run_for_days(1);
    rig.set(|wishes| wishes.key = "another-key".to_owned());
    rig.run_for_hours(1);
    rig.shadow.fail(At::Everything, Fault::Status(503), None);
    rig.run_for_days(3);
    rig.shadow.heal();
    rig.run_for_days(2);

    let told: Vec<String> = rig.told().iter().map(|line| hourly(line)).collect();
    assert_eq!(
        told,
        [
            "2027-03-09T12:00:00Z Alarm: the disk is nearly full",
            "2027-03-11T12:00:00Z Over: the disk is nearly full",
            "2027-03-12T07:00:00Z Over: the disk is nearly full",
            "2027-03-12T14:00:00Z Alarm: the disk is nearly full",
            "2027-03-12T20:00:00Z Over: the disk is nearly full",
            "2027-03-16T12:00:00Z Alarm: a mail could not be delivered",
            "2027-03-17T12:00:00Z Alarm: the customer file waits to be confirmed",
            "2027-03-17T20:00:00Z Alarm: the customer file is not taken",
            "2027-03-18T07:00:00Z Summary: findings without customer 1",
            "2027-03-24T15:53:26Z Alarm: Shadowserver refuses the key",
            "2027-03-25T12:00:00Z Over: Shadowserver refuses the key",
            "2027-03-25T16:52:37Z Alarm: 127.0.0.1 has a fault of its own",
            "2027-03-28T13:48:35Z Over: 127.0.0.1 has a fault of its own",
        ]
        .map(hourly)
    );
    let text = |at: usize| flat(&rig.operator()[at].mail.text());
    assert!(
        text(2).contains("6 times between 2027-03-11 14:00 CET and 2027-03-12 05:00 CET (6 h 0 min in all)")
    );
    assert!(text(5).contains("(notice 100)") && text(5).contains("(notice 1)"), "{}", text(5));
    // What was told and is still there stands in a mail that is made anyway.
    assert!(
        text(8).contains("Told earlier and still there ============================ - since"),
        "{}",
        text(8)
    );
}

#[test]
fn an_alarm_while_a_mail_waits_is_told_in_it_and_once() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.mail.script(Stage::Rcpt, "noc@", Act::Reply("451 4.7.1 Greylisted"), Some(1));
    rig.alarm("disk", Some(&full(9)));
    let soon = rig.now.plus_seconds(60);
    rig.run_until(soon);
    rig.alarm("certificate", Some("the certificate is not used"));
    rig.run_for_days(2);
    assert_eq!(rig.told(), ["2027-03-09T12:05:00Z Alarm: the disk is nearly full"]);
    let text = flat(&rig.operator()[0].mail.text());
    assert!(text.contains("nearly full") && text.contains("certificate"), "{text}");
}

#[test]
fn an_alarm_that_comes_while_a_mail_is_on_its_way_has_a_mail_of_its_own() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.mail.script(Stage::Body, "noc@", Act::Reply("451 4.3.0 Try later"), Some(1));
    rig.alarm("disk", Some(&full(9)));
    let made = rig.now;
    rig.run_until(made.plus_seconds(60));
    // In the second in which the mail was made, but after it.
    let engine = rig.engine();
    engine.alarm("certificate", Some("the certificate is not used"), made).unwrap();
    engine.alarm("disk", None, rig.now).unwrap();
    rig.run_for_days(2);
    let told: Vec<String> = rig.told().iter().map(|line| line[21..].to_owned()).collect();
    assert_eq!(told, ["Alarm: the disk is nearly full", "Alarm: the certificate is not used"]);
    let text = flat(&rig.operator()[1].mail.text());
    assert!(text.contains("the disk is nearly full") && text.contains("Over"), "{text}");
}

#[test]
fn what_lasts_comes_before_what_happened() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    let failed = |rig: &mut Rig, number: u32| {
        rig.alarm("mail_failed", Some(&format!("a mail could not be delivered (notice {number}): gone")));
    };
    failed(&mut rig, 1);
    rig.run_for_hours(1);
    (2..=200).for_each(|number| failed(&mut rig, number));
    rig.run_for_hours(1);
    rig.alarm("disk", Some(&full(9)));
    rig.run_for_hours(1);
    // Days later it is no longer the same matter.
    rig.run_for_days(3);
    failed(&mut rig, 201);
    rig.run_for_hours(1);
    assert_eq!(
        rig.told(),
        [
            "2027-03-09T12:00:00Z Alarm: a mail could not be delivered",
            "2027-03-09T14:00:00Z Alarm: the disk is nearly full",
            "2027-03-12T15:00:00Z Alarm: a mail could not be delivered",
        ]
    );
    let text = flat(&rig.operator()[1].mail.text());
    assert!(text.contains("nearly full") && text.contains("and 100 more"), "{text}");
}

#[test]
fn that_a_fault_is_over_is_told_whatever_it_was_in_the_end() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.alarm("customers", Some("the customer file waits to be confirmed: 3 customers are gone"));
    rig.run_for_hours(1);
    rig.alarm("customers", Some("the customer file is not taken: it holds no customer"));
    let later = |rig: &mut Rig| {
        let soon = rig.now.plus_seconds(300);
        rig.run_until(soon);
    };
    later(&mut rig);
    rig.alarm("customers", Some("the customer file is not taken: it has no column of addresses"));
    later(&mut rig);
    rig.alarm("customers", None);
    rig.run_for_days(2);
    let told = rig.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "2027-03-09T13:10:00Z Over: the customer file is not taken");
}

#[test]
fn customers_get_their_mails_where_the_operator_has_no_address() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.operator = "");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=0);
    rig.problem("scan_rdp", "198.18.2.10", "high", 3..=3);
    rig.problem("scan_rdp", "198.19.1.10", "high", 0..=0);
    rig.run_until(at("2027-03-13T12:00:00Z"));
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (1, 1));
    assert_eq!(rig.alarms(), ["operator_mail"]);
    rig.set(|wishes| wishes.operator = crate::rig::OPERATOR);
    rig.run_for_hours(1);
    assert_eq!((rig.operator().len(), rig.alarms()), (1, vec![]));
}

#[test]
fn mails_that_do_not_reach_the_operator_make_no_more_of_them() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    // It came and went within minutes, which needs nobody.
    rig.alarm("disk", Some(&full(9)));
    let engine = rig.engine();
    engine.alarm("disk", None, rig.now.plus_seconds(60)).unwrap();
    rig.run_for_hours(8);
    rig.mail.script(Stage::Rcpt, "noc@", Act::Reply("550 5.1.1 No such user"), None);
    rig.alarm("disk", Some(&full(9)));
    rig.run_for_days(3);
    assert_eq!(rig.alarms(), ["disk", "operator_mail"]);
    assert_eq!(rig.notices().len(), 1);
    rig.mail.heal();
    rig.alarm("disk", None);
    rig.run_for_hours(1);
    assert_eq!(rig.alarms(), [""; 0]);
    let told = rig.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("Over: the disk is nearly full"));
    assert!(told[1].ends_with("Over: a mail could not be delivered"), "{told:?}");
}

#[test]
fn a_mail_server_that_comes_and_goes_is_told_of_once_and_then_in_the_line_up() {
    let mut rig = Rig::new(START);
    for (n, kind) in ["scan_rdp", "scan_telnet", "scan_ftp", "scan_smb", "scan_vnc"].into_iter().enumerate() {
        rig.problem(kind, &format!("198.18.{}.10", n + 1), "critical", 0..=0);
    }
    rig.mail.script(Stage::Banner, "", Act::Drop, None);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.mail.heal();
    rig.run_for_hours(1);
    for _ in 0..4 {
        rig.alarm("mail_server", Some("the mail server takes no mail: gone"));
        rig.run_for_hours(1);
        rig.alarm("mail_server", None);
        rig.run_for_hours(1);
    }
    rig.run_until(at("2027-03-12T12:00:00Z"));
    let told = rig.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("2027-03-09T12:") && told[0].ends_with("Over: the mail server takes no mail")
    );
    assert_eq!(told[1], "2027-03-10T07:00:00Z Over: the mail server takes no mail");
    let text = rig.operator()[1].mail.text();
    assert!(text.contains("4 times between 2027-03-09") && text.contains("(4 h 0 min"), "{text}");
}

#[test]
fn no_report_for_two_days_is_an_alarm_but_only_time_counts_in_which_somebody_asked() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    // It lists none any more.
    let nothing = Fault::named("empty-object").unwrap();
    let silent = |rig: &mut Rig, hours: i64| {
        rig.shadow.heal();
        rig.shadow.fail(At::Api, nothing.clone(), None);
        rig.run_for_hours(hours);
    };
    silent(&mut rig, 30);
    // Off for three days, then refused for two.
    let back = rig.now.plus_days(3);
    rig.off_until(back);
    silent(&mut rig, 4);
    rig.shadow.heal();
    rig.shadow.fail(At::Everything, Fault::Status(503), None);
    rig.run_for_hours(48);
    // Not all of the 48 hours are over: how many are, the chance in the times of the fetches decides.
    silent(&mut rig, 3);
    assert_eq!(rig.alarms(), [""; 0], "{:?}", rig.told());
    silent(&mut rig, 22);
    assert_eq!(rig.alarms(), ["no_reports"]);
    rig.shadow.heal();
    rig.run_for_days(2);
    assert_eq!(rig.alarms(), [""; 0]);
    let told: Vec<String> = rig.told().iter().map(|line| line[21..].to_owned()).collect();
    let no_report = "no report has come for 48 hours, although Shadowserver answe...";
    assert_eq!(told[2..], [format!("Alarm: {no_report}"), format!("Over: {no_report}")], "{told:?}");
}

#[test]
fn the_week_is_told_on_its_day_whatever_the_clock_shows() {
    let mut rig = Rig::new(START);
    weekly(&mut rig);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=8);
    rig.problem("event4_sinkhole", "198.18.2.10", "high", 5..=40);
    rig.problem("scan_telnet", "198.18.2.11", "low", 8..=40);
    rig.run_until(at("2027-03-17T12:00:00Z"));
    rig.alarm("disk", Some(&full(9)));
    rig.run_for_hours(3);
    rig.alarm("disk", None);
    rig.run_until(at("2027-04-06T00:00:00Z"));
    let weeks: Vec<String> = rig.told().into_iter().filter(|line| line.contains("Week")).collect();
    assert_eq!(
        weeks,
        [
            "2027-03-15T07:00:00Z Week from 2027-03-07 to 2027-03-13: nothing to do",
            "2027-03-22T07:00:00Z Week from 2027-03-14 to 2027-03-20: nothing to do",
            "2027-03-29T06:00:00Z Week from 2027-03-21 to 2027-03-27: nothing to do",
            "2027-04-05T06:00:00Z Week from 2027-03-28 to 2027-04-03: nothing to do",
        ]
    );
    let second = rig.operator().into_iter().find(|sent| sent.at == at("2027-03-22T07:00:00Z")).unwrap();
    let text = second.mail.text();
    if let Some(folder) = std::env::var_os("MAILS") {
        std::fs::write(std::path::Path::new(&folder).join("week.eml"), &second.mail.raw).unwrap();
    }
    let flat = flat(&text);
    for line in [
        // Seven fillers outside, and three, seven and five rows of the three problems.
        "Reports 22 13",
        "Rows in them 22 13",
        "of a customer 15 7",
        "outside your networks 7 6",
        "New problems 1 2",
        "Mails to customers sent 1 1",
        "Customers mailed 1 1",
        "2027-03-13 1 1",
        "2027-03-20 1 1",
        "high 2 2",
        "low 1 0",
        "all 3 2",
        "Customer 2 (C2) 2",
        "Customer 1 (C1) 1",
        "from 2027-03-17 13:00 CET to 2027-03-17 16:00 CET (3 h 0 min): the disk is nearly full",
        "Newest report: that of 2027-03-21",
    ] {
        assert!(flat.contains(line), "{line}\n{text}");
    }
    assert!(text.contains('\u{2588}') && text.contains('\u{2591}'));
}

#[test]
fn a_week_missed_is_made_up_once() {
    let mut rig = Rig::new(START);
    weekly(&mut rig);
    rig.run_until(at("2027-03-13T12:00:00Z"));
    rig.off_until(at("2027-03-24T12:30:00Z"));
    rig.run_until(at("2027-03-28T00:00:00Z"));
    assert_eq!(rig.told(), ["2027-03-24T12:30:00Z Week from 2027-03-14 to 2027-03-20: nothing to do"]);
    // The mail server is down over the next one: it comes as soon as it can, with what else there is.
    rig.mail.script(Stage::Banner, "", Act::Drop, None);
    rig.run_until(at("2027-03-30T12:00:00Z"));
    rig.alarm("disk", Some(&full(9)));
    rig.run_until(at("2027-03-30T20:00:00Z"));
    rig.mail.heal();
    rig.run_for_hours(2);
    let told = rig.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].ends_with("Week from 2027-03-21 to 2027-03-27: new alarms 1"), "{told:?}");
    assert!(told[2].ends_with("Over: the mail server takes no mail"), "{told:?}");
}

#[test]
fn a_box_that_is_being_set_up_reports_no_week() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| {
        wishes.mode = "hold";
        wishes.policy = "weekly_report = \"monday\"\n".to_owned();
    });
    rig.shadow.fail(At::Everything, Fault::Status(503), None);
    rig.run_until(at("2027-03-23T12:00:00Z"));
    assert!(rig.told().iter().all(|line| !line.contains("Week")), "{:?}", rig.told());
    rig.shadow.heal();
    rig.run_until(at("2027-03-30T12:00:00Z"));
    let weeks: Vec<String> = rig.told().into_iter().filter(|line| line.contains("Week")).collect();
    assert_eq!(weeks.len(), 1, "{weeks:?}");
}
