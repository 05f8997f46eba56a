//! A month in seconds: what the design promises of incidents, notices and the clock, sentence by sentence.

use abusebox::notify::outbox::{Change, State};

use crate::rig::{Rig, at, body};
use crate::sim::mail::{Act, Stage};
use crate::sim::shadowserver::{At, Fault};

/// The summer time of Vienna begins on 28 March 2027.
const START: &str = "2027-03-08";

#[test]
fn a_plain_month_mails_each_customer_when_it_is_due_and_not_more_often() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=40);
    rig.problem("event4_sinkhole", "198.18.2.10", "high", 0..=40);
    rig.problem("scan_rdp", "198.18.3.10", "critical", 10..=12);
    rig.problem("scan_rdp", "198.18.4.10", "low", 0..=40);
    rig.run_for_days(33);
    // Reports of a day are there on the next; digests go out at eight in the box's zone, summer time or not.
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:00:00Z", "2027-04-08T06:00:00Z"], "every 30 days");
    assert_eq!(
        rig.customer_times(2),
        [
            "2027-03-09T07:00:00Z",
            "2027-03-16T07:00:00Z",
            "2027-03-23T07:00:00Z",
            "2027-03-30T06:00:00Z",
            "2027-04-06T06:00:00Z"
        ],
        "every 7 days"
    );
    let critical = rig.customer(3);
    assert_eq!(critical.len(), 1);
    assert!(critical[0].at >= at("2027-03-19T00:00:00Z") && critical[0].at < at("2027-03-19T05:00:00Z"));
    assert!(rig.customer(4).is_empty(), "low is below mail_severity_min");
    assert!(rig.operator().is_empty(), "nothing needs the operator");
    assert_eq!(rig.sent.len(), 8);
    assert_eq!(rig.alarms(), [""; 0]);
    assert_eq!(rig.state("198.18.1.10"), "told");
    assert_eq!(rig.state("198.18.3.10"), "closed");
    assert_eq!(rig.state("198.18.4.10"), "open");
    let incident = rig.incident("198.18.2.10");
    assert_eq!((incident.days_seen, incident.rows()), (32, 32));
    // Each mail has its own Message-ID, and refers to the first about the problem.
    let mails = rig.customer(2);
    let first = mails[0].mail.message_id();
    for later in &mails[1..] {
        assert_ne!(later.mail.message_id(), first);
        assert_eq!(later.mail.header("References").unwrap(), first);
        assert_eq!(later.mail.header("Auto-Submitted").unwrap(), "auto-generated");
    }
}

#[test]
fn unassigned_findings_go_into_one_mail_to_the_operator_a_day() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.19.1.10", "critical", 0..=3);
    rig.problem("scan_rdp", "198.19.1.11", "high", 1..=3);
    rig.run_for_days(10);
    let mails = rig.operator();
    assert_eq!(rig.sent.len(), mails.len());
    assert_eq!(rig.times("noc@example.net"), ["2027-03-09T07:00:00Z", "2027-03-10T07:00:00Z"]);
    assert!(mails[0].mail.text().contains("198.19.1.10"));
    assert!(mails[1].mail.text().contains("198.19.1.11") && !mails[1].mail.text().contains("198.19.1.10"));
}

#[test]
fn reports_late_missing_corrected_and_reissued() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=9);
    rig.problem("scan_telnet", "198.18.2.10", "high", 0..=9);
    rig.run_until(at("2027-03-09T02:00:00Z"));
    let rdp = "2027-03-08-scan_rdp-example-net-asn.csv";
    let counts = rig.report(rdp).unwrap().counts;
    assert_eq!((counts.rows, counts.matched), (1, 1));
    let downloads = rig.shadow.downloads();

    // The same under a new id: fetched once more, and nothing changes.
    assert!(rig.shadow.reissue(rdp));
    rig.run_for_hours(12);
    assert_eq!(rig.shadow.downloads(), downloads + 1);
    assert_eq!(rig.report(rdp).unwrap().counts, counts);
    assert_eq!(rig.incident("198.18.1.10").rows(), 1);
    rig.run_for_hours(6);
    assert_eq!(rig.shadow.downloads(), downloads + 1, "the new id is known now");

    // A correction replaces the counts; the day counts once.
    let day = "2027-03-08".parse().unwrap();
    let mut problem = rig.problems[0].clone();
    let first = problem.clone();
    problem.ip = "198.18.3.10".to_owned();
    assert!(rig.shadow.correct(rdp, body(day, &[&first, &problem])));
    rig.run_until(at("2027-03-10T04:00:00Z"));
    let corrected = rig.report(rdp).unwrap().counts;
    assert_eq!((corrected.rows, corrected.matched), (2, 2));
    let incident = rig.incident("198.18.1.10");
    assert_eq!((incident.days_seen, incident.rows()), (2, 2), "the 8th and the 9th");
    assert_eq!(rig.incident("198.18.3.10").days_seen, 1);

    // Late: it comes with the next pass, though its day is over. Missing: nobody misses it.
    let late = "2027-03-10-scan_rdp-example-net-asn.csv";
    rig.run_until(at("2027-03-11T00:00:00Z"));
    let kept = rig.shadow.reports().into_iter().find(|report| report.file == late).unwrap();
    rig.shadow.remove(|report| report.file == late || report.file.starts_with("2027-03-10-scan_telnet"));
    rig.run_until(at("2027-03-13T00:00:00Z"));
    assert!(rig.report(late).is_none());
    assert_eq!(rig.incident("198.18.1.10").days_seen, 3);
    rig.shadow.add(kept);
    rig.run_until(at("2027-03-13T08:00:00Z"));
    assert_eq!(rig.report(late).unwrap().counts.matched, 1);
    assert_eq!(rig.incident("198.18.1.10").days_seen, 5);
    assert_eq!(rig.incident("198.18.2.10").days_seen, 4);
    assert_eq!(rig.alarms(), [""; 0]);
    assert_eq!(rig.customer(1).len(), 1);
    assert_eq!(rig.customer(3).len(), 1, "what the correction brought is told");
}

#[test]
fn the_same_content_under_another_name_is_recorded_and_not_processed() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=0);
    rig.run_until(at("2027-03-09T01:00:00Z"));
    let first = "2027-03-08-scan_rdp-example-net-asn.csv";
    let other = "2027-03-08-scan_rdp-other-list.csv";
    let report = rig.shadow.reports().into_iter().find(|report| report.file == first).unwrap();
    rig.shadow.add(report.renamed(other));
    rig.run_for_hours(6);
    let known = rig.report(other).unwrap();
    assert_eq!(known.duplicate_of.as_deref(), Some(first));
    assert_eq!(known.counts.rows, 0);
    assert_eq!(rig.incident("198.18.1.10").rows(), 1);
}

#[test]
fn shadowserver_down_for_a_day_and_for_ten_days() {
    for days in [1, 10] {
        let mut rig = Rig::new(START);
        rig.problem("scan_rdp", "198.18.1.10", "high", 0..=30);
        rig.problem("event4_sinkhole", "198.18.2.10", "high", 4..=5);
        rig.run_until(at("2027-03-12T12:00:00Z"));
        let before = rig.incident("198.18.1.10").days_seen;
        assert_eq!(before, 4);
        rig.shadow.fail(At::Everything, Fault::Status(503), None);
        rig.run_for_days(days);
        assert_eq!(rig.alarms(), ["shadowserver"]);
        rig.shadow.heal();
        rig.shadow.clear_log();
        rig.run_for_hours(5);
        assert_eq!(rig.alarms(), [""; 0]);
        assert_eq!(i64::from(rig.incident("198.18.1.10").days_seen), 4 + days, "each report was got");
        let lists = rig.lists();
        if days == 10 {
            assert!(lists >= 31, "30 days back: {lists}");
        } else {
            assert!((5..31).contains(&lists), "{lists}");
        }
        assert_eq!(rig.operator().len(), 2, "the alarm is told once, and that it is over");
        // Rows of the 12th and 13th came nine days late: stale, so they make no mail.
        assert_eq!(rig.incident("198.18.2.10").days_seen, if days == 10 { 2 } else { 1 });
        rig.run_for_days(2);
        assert_eq!(rig.customer(2).len(), if days == 10 { 0 } else { 1 });
        assert_eq!(rig.state("198.18.2.10"), if days == 10 { "open" } else { "told" });
    }
}

#[test]
fn a_refused_key_is_tried_every_six_hours_and_at_once_after_a_change() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=9);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.shadow.set_key("a-new-key", "practice-secret");
    rig.run_for_hours(5);
    assert_eq!(rig.alarms(), ["shadowserver_key"]);
    rig.shadow.clear_log();
    rig.run_for_days(2);
    // Six hours and up to a tenth more.
    assert!((7..=8).contains(&rig.lists()), "{}", rig.lists());
    assert_eq!(rig.operator().len(), 1, "the alarm is told once");
    assert!(rig.operator()[0].mail.text().contains("key"));
    rig.shadow.clear_log();
    rig.set(|wishes| wishes.key = "a-new-key".to_owned());
    let now = rig.now;
    rig.run_until(now);
    assert_eq!(rig.lists(), 5, "asked at once");
    assert_eq!(rig.alarms(), [""; 0]);
    assert_eq!(rig.incident("198.18.1.10").days_seen, 3, "nothing was lost");
    rig.run_for_days(1);
    assert_eq!(rig.operator().len(), 2, "and that it is over");
}

#[test]
fn throttled_shadowserver_is_left_alone_as_long_as_it_wants() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    rig.shadow.fail(At::Api, Fault::TooMany(7200), Some(1));
    rig.run_for_hours(5);
    rig.shadow.clear_log();
    let view = rig.engine().store.view().unwrap();
    assert!(rig.alarms().is_empty());
    drop(view);
    rig.shadow.fail(At::Api, Fault::TooMany(10_800), None);
    rig.run_for_hours(24);
    assert!((6..=9).contains(&rig.lists()), "every three hours: {}", rig.lists());
    rig.shadow.heal();
    rig.run_for_hours(4);
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn a_box_that_was_off_makes_up_one_digest_for_all_missed_days() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 3..=9);
    rig.problem("scan_telnet", "198.18.1.11", "high", 4..=9);
    rig.problem("scan_ftp", "198.18.2.10", "high", 5..=5);
    rig.run_until(at("2027-03-11T12:00:00Z"));
    assert!(rig.sent.is_empty());
    rig.off_until(at("2027-03-14T12:30:00Z"));
    rig.run_for_hours(3);
    assert_eq!(rig.customer_times(1), ["2027-03-14T12:30:00Z"], "at once, and one for all");
    let text = rig.customer(1)[0].mail.text();
    assert!(text.contains("198.18.1.10") && text.contains("198.18.1.11"));
    assert_eq!(rig.customer_times(2), ["2027-03-14T12:30:00Z"]);
    rig.run_for_days(3);
    assert_eq!(rig.sent.len(), 2);
    assert!(rig.alarms().is_empty());
}

#[test]
fn a_mail_server_down_for_three_days_loses_and_doubles_nothing() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_telnet", "198.18.1.11", "high", 2..=20);
    // Seen on one day only: six days old when the server is back.
    rig.problem("scan_ftp", "198.18.2.10", "high", 0..=0);
    // It answers no more. To close its port would let another test have it.
    rig.mail.script(Stage::Banner, "", Act::Drop, None);
    rig.run_until(at("2027-03-12T00:30:00Z"));
    assert_eq!(rig.alarms(), ["mail_server"]);
    let mut unsent = 0;
    rig.engine()
        .store
        .view()
        .unwrap()
        .unsent(|notice| unsent += usize::from(notice.customer.0 == 1))
        .unwrap();
    assert_eq!(unsent, 1, "one unsent notice");
    rig.run_until(at("2027-03-14T12:00:00Z"));
    rig.mail.heal();
    rig.run_for_hours(1);
    let mails = rig.customer(1);
    assert_eq!(mails.len(), 1);
    let text = mails[0].mail.text();
    assert!(text.contains("198.18.1.10") && text.contains("198.18.1.11"), "made anew: {text}");
    assert!(rig.customer(2).is_empty(), "stale");
    assert_eq!(rig.alarms(), [""; 0]);
    rig.run_for_days(5);
    assert_eq!(rig.customer(1).len(), 1);
    assert!(rig.customer(2).is_empty());
    let told = rig.told();
    let is_over = |line: &str| {
        line.starts_with("2027-03-14T12:") && line.ends_with("Over: the mail server takes no mail")
    };
    assert!(told.len() == 1 && is_over(&told[0]), "what no mail could tell while it lasted: {told:?}");
    assert!(rig.operator()[0].mail.text().contains("from 2027-03-09 08:00 CET"));
}

#[test]
fn a_postponed_mail_is_tried_after_5_15_and_60_minutes_and_then_every_four_hours_for_five_days() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.mail.script(Stage::Rcpt, "c1@", Act::Reply("451 4.7.1 Try again later"), None);
    rig.run_until(at("2027-03-09T07:00:00Z"));
    let attempts = |rig: &Rig| rig.mail.commands().iter().filter(|line| line.starts_with("RCPT")).count();
    let mut tries = vec![attempts(&rig)];
    for minutes in [4, 1, 14, 1, 59, 1, 239, 1, 239, 1] {
        let until = rig.now.plus_seconds(minutes * 60);
        rig.run_until(until);
        tries.push(attempts(&rig));
    }
    assert_eq!(tries, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
    assert_eq!(rig.alarms(), [""; 0], "one postponed mail is no alarm");
    rig.run_until(at("2027-03-14T06:00:00Z"));
    assert_eq!(rig.states(), [State::Queued]);
    rig.run_until(at("2027-03-14T12:00:00Z"));
    assert_eq!(rig.states()[0], State::Failed, "after five days");
    assert_eq!(rig.alarms(), ["mail_failed"]);
    let tried = attempts(&rig);
    rig.mail.heal();
    rig.run_for_days(3);
    assert!(rig.customer(1).is_empty(), "given up counts as told: the next is the repeat");
    assert_eq!(rig.operator().len(), 1);
    assert!(attempts(&rig) <= tried + 1);
}

#[test]
fn a_postponed_mail_gets_through_once() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.mail.script(Stage::Body, "c1@", Act::Reply("450 4.2.0 Greylisted"), Some(3));
    rig.run_for_days(4);
    assert_eq!(rig.customer_times(1), ["2027-03-09T08:20:00Z"], "after 5, 15 and 60 minutes");
    assert_eq!(rig.states(), [State::Sent]);
}

#[test]
fn a_refused_mail_has_failed_and_the_operator_is_told() {
    for stage in [Stage::Rcpt, Stage::Data, Stage::Body] {
        for severity in ["high", "critical"] {
            let mut rig = Rig::new(START);
            rig.problem("scan_rdp", "198.18.1.10", severity, 0..=20);
            rig.mail.script(stage, "c1@", Act::Reply("550 5.1.1 No such user"), None);
            rig.run_for_days(4);
            assert_eq!(
                rig.states(),
                [State::Failed, State::Sent],
                "{stage:?} {severity}: one try, one alarm"
            );
            assert_eq!(rig.alarms(), ["mail_failed"]);
            let text = rig.operator()[0].mail.text();
            assert!(text.contains("No such user"), "{text}");
            assert_eq!(rig.state("198.18.1.10"), "told");
        }
    }
}

#[test]
fn a_connection_lost_after_data_repeats_the_same_bytes() {
    for act in [Act::KeepThenDrop, Act::Drop] {
        let mut rig = Rig::new(START);
        rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
        rig.problem("scan_telnet", "198.18.1.11", "high", 1..=20);
        rig.mail.script(Stage::Body, "c1@", act.clone(), Some(3));
        rig.run_until(at("2027-03-09T07:30:00Z"));
        // Customers and findings change meanwhile; the bytes do not.
        rig.run_for_days(2);
        let mails = rig.customer(1);
        let tries: Vec<_> = mails.iter().filter(|sent| !sent.mail.text().contains("198.18.1.11")).collect();
        assert_eq!(tries.len(), if act == Act::KeepThenDrop { 4 } else { 1 });
        for sent in &tries {
            assert_eq!(sent.mail.raw, tries[0].mail.raw);
            assert_eq!(sent.mail.from, tries[0].mail.from);
        }
        assert_eq!(mails.len(), tries.len() + 1, "the second finding has its own mail");
        assert_ne!(mails[tries.len()].mail.message_id(), tries[0].mail.message_id());
        assert_eq!(rig.states(), [State::Sent, State::Sent]);
    }
}

#[test]
fn several_addresses_get_the_same_text_and_are_one_notice() {
    let mut rig = Rig::new(START);
    rig.write_customers(&[
        (1, "a@one.example;b@one.example".to_owned()),
        (2, "POST".to_owned()),
        (3, String::new()),
    ]);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=20);
    rig.problem("scan_rdp", "198.18.3.10", "high", 0..=20);
    rig.run_for_days(3);
    let (a, b) = (rig.to("a@one.example"), rig.to("b@one.example"));
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_eq!(a[0].mail.text(), b[0].mail.text());
    assert_eq!(a[0].mail.subject(), b[0].mail.subject());
    assert_ne!(a[0].mail.message_id(), b[0].mail.message_id());
    assert_ne!(a[0].mail.from, b[0].mail.from, "each has its own token for bounces");
    // Without a usable address: to the operator, one mail for each customer, marked.
    let passed_on: Vec<_> = rig.operator().iter().map(|sent| sent.mail.subject()).collect();
    assert_eq!(passed_on.len(), 2, "{passed_on:?}");
    assert!(passed_on.iter().all(|subject| subject.starts_with("[TO PASS ON]")), "{passed_on:?}");
    assert_eq!(rig.notices().len(), 3);
    assert_eq!(rig.notices()[0].deliveries.len(), 2);
}

#[test]
fn one_of_two_addresses_refused_makes_the_notice_sent_and_never_repeats_the_other() {
    let mut rig = Rig::new(START);
    rig.write_customers(&[(1, "a@one.example;b@one.example".to_owned())]);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.mail.script(Stage::Rcpt, "a@", Act::Reply("450 4.2.1 Later"), Some(2));
    rig.run_for_days(3);
    assert_eq!(rig.times("b@one.example"), ["2027-03-09T07:00:00Z"]);
    assert_eq!(rig.times("a@one.example"), ["2027-03-09T07:20:00Z"]);
    let (a, b) = (rig.to("a@one.example"), rig.to("b@one.example"));
    assert_eq!(a[0].mail.text(), b[0].mail.text());
}

#[test]
fn in_mode_hold_nothing_leaves_before_it_is_released() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.mode = "hold");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=0);
    rig.problem("scan_rdp", "198.18.2.10", "critical", 0..=20);
    rig.problem("scan_rdp", "198.18.3.10", "high", 0..=20);
    rig.problem("scan_telnet", "198.18.4.10", "high", 12..=20);
    rig.run_until(at("2027-03-09T06:00:00Z"));
    assert_eq!(rig.operator().len(), 1, "the critical one is held, and told the same day");
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert!([1, 2, 3].iter().all(|&n| rig.customer(n).is_empty()));
    assert_eq!(rig.operator().len(), 2, "the digest is held, and told the same day");
    assert!(rig.operator()[1].mail.subject().contains('3') || rig.operator()[1].mail.text().contains('3'));
    rig.run_until(at("2027-03-17T00:00:00Z"));
    assert_eq!(rig.operator().len(), 3, "told again every week");
    assert!(rig.sent.iter().all(|sent| sent.mail.to == ["noc@example.net"]));

    // One is dropped: its findings count as told.
    let engine = rig.engine();
    let third = rig.notices().iter().find(|notice| notice.customer.0 == 3).unwrap().number;
    assert_eq!(engine.change_mails(&[third], Change::Drop, rig.now, None).unwrap(), [third]);
    assert_eq!(rig.state("198.18.3.10"), "told");
    // The others are released: they and no others.
    assert_eq!(rig.release_all(), 2);
    rig.run_for_hours(1);
    assert_eq!(rig.customer(2).len(), 1);
    assert!(rig.customer(1).is_empty(), "stale by now, so it falls out");
    assert!(rig.customer(3).is_empty());
    rig.run_until(at("2027-03-22T00:00:00Z"));
    assert!(rig.customer(4).is_empty(), "a later run is held again");
    assert_eq!(rig.customer(2).len(), 1);
    assert!(rig.customer(3).is_empty(), "dropped is told, and not repeated within 30 days");
}

#[test]
fn practice_changes_nothing_and_going_live_plans_afresh() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.mode = "practice");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_rdp", "198.18.2.10", "critical", 0..=20);
    rig.problem("scan_telnet", "198.18.2.11", "high", 0..=20);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert!(rig.sent.iter().all(|sent| sent.mail.to == ["noc@example.net"]));
    let subjects: Vec<_> = rig.operator().iter().map(|sent| sent.mail.subject()).collect();
    assert!(subjects.iter().all(|subject| subject.starts_with("[PRACTICE]")), "{subjects:?}");
    let all: String = rig.operator().iter().map(|sent| sent.mail.text()).collect();
    for ip in ["198.18.1.10", "198.18.2.10", "198.18.2.11"] {
        assert!(all.contains(ip), "{ip} was practised: {subjects:?}");
        assert_eq!(rig.state(ip), "open", "{ip}");
    }
    assert!(rig.notices().iter().all(|notice| notice.practice));
    rig.set(|wishes| wishes.mode = "live");
    rig.run_for_days(1);
    assert_eq!((rig.customer(1).len(), rig.customer(2).len()), (1, 2), "the critical one at once");
    assert!(rig.customer(2)[0].at < at("2027-03-09T12:01:00Z"));
    assert_eq!(rig.state("198.18.1.10"), "told");
}

#[test]
fn each_customers_first_mail_waits_if_so_wished() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.policy = "hold_first = true\n".to_owned());
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_telnet", "198.18.1.11", "high", 5..=20);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert!(rig.customer(1).is_empty());
    assert_eq!(rig.operator().len(), 1);
    assert_eq!(rig.release_all(), 1);
    rig.run_until(at("2027-03-15T00:00:00Z"));
    assert_eq!(rig.customer(1).len(), 2, "the second needs nobody");
}

#[test]
fn a_flood_is_held() {
    for (count, held) in [(20, false), (21, true)] {
        let mut rig = Rig::new(START);
        let customers: Vec<_> = (1..=60).map(|n| (n, format!("c{n}@cust.example"))).collect();
        rig.write_customers(&customers);
        for n in 1..=count {
            rig.problem("scan_rdp", &format!("198.18.{n}.10"), "high", 0..=20);
        }
        rig.run_until(at("2027-03-09T12:00:00Z"));
        let sent = rig.sent.iter().filter(|sent| sent.mail.to != ["noc@example.net"]).count();
        assert_eq!(sent, if held { 0 } else { count as usize });
        assert_eq!(rig.operator().len(), usize::from(held));
        if held {
            assert_eq!(rig.release_all(), count as usize);
            rig.run_for_hours(1);
            assert_eq!(rig.sent.len(), count as usize + 1);
        }
    }
}

#[test]
fn no_customer_gets_more_mails_in_24_hours_than_allowed() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-09T00:00:00Z"));
    // A new critical finding every four hours, by a report of its own.
    for (index, kind) in
        ["scan_rdp", "scan_telnet", "scan_ftp", "scan_smb", "scan_vnc", "scan_adb"].iter().enumerate()
    {
        let problem = crate::rig::Problem {
            kind,
            ip: format!("198.18.1.{}", 10 + index),
            severity: "critical",
            first: rig.now.day(),
            last: rig.now.day(),
        };
        let day = "2027-03-08".parse().unwrap();
        rig.shadow.add(crate::sim::reports::Report::new("example-net", kind, day, body(day, &[&problem])));
        rig.run_for_hours(5);
    }
    rig.run_for_days(3);
    let times: Vec<_> = rig.customer(1).iter().map(|sent| sent.at).collect();
    for pair in times.windows(3) {
        assert!(pair[2].since(pair[0]) >= 86_400, "{times:?}");
    }
    let all: String = rig.customer(1).iter().map(|sent| sent.mail.text()).collect();
    assert!((10..16).all(|host| all.contains(&format!("198.18.1.{host}"))), "nothing was lost: {times:?}");
}

#[test]
fn critical_findings_of_a_pass_are_one_mail() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "critical", 0..=3);
    rig.problem("scan_telnet", "198.18.1.11", "critical", 0..=3);
    rig.problem("scan_ftp", "198.18.1.12", "high", 0..=3);
    rig.run_until(at("2027-03-09T05:00:00Z"));
    let mails = rig.customer(1);
    assert_eq!(mails.len(), 1);
    let text = mails[0].mail.text();
    assert!(text.contains("198.18.1.10") && text.contains("198.18.1.11") && !text.contains("198.18.1.12"));
    rig.run_until(at("2027-03-09T12:00:00Z"));
    let mails = rig.customer(1);
    assert_eq!(mails.len(), 2);
    assert!(mails[1].mail.text().contains("198.18.1.12"));
}

#[test]
fn worse_is_told_again_and_better_is_not() {
    let mut rig = Rig::new(START);
    for (index, severity) in
        ["medium", "high", "medium", "high", "critical", "high", "critical"].into_iter().enumerate()
    {
        rig.problem("scan_rdp", "198.18.1.10", severity, index as i32..=index as i32);
    }
    rig.run_for_days(10);
    let days: Vec<_> = rig.customer(1).iter().map(|sent| sent.at.day().to_string()).collect();
    assert_eq!(days, ["2027-03-09", "2027-03-10", "2027-03-13"]);
}

#[test]
fn gone_is_closed_after_14_covered_days_and_told_again_when_it_returns() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=2);
    rig.problem("scan_rdp", "198.18.1.10", "high", 25..=30);
    rig.run_until(at("2027-03-24T22:00:00Z"));
    // Last seen on the 10th; the 24th is covered from the 25th on.
    assert_eq!(rig.state("198.18.1.10"), "told");
    rig.run_until(at("2027-03-26T06:00:00Z"));
    assert_eq!(rig.state("198.18.1.10"), "closed");
    rig.run_until(at("2027-04-04T00:00:00Z"));
    let incident = rig.incident("198.18.1.10");
    assert!(incident.again);
    assert_eq!(rig.state("198.18.1.10"), "told");
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:00:00Z", "2027-04-03T06:00:00Z"]);
}

#[test]
fn days_of_an_outage_close_nothing() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=2);
    rig.run_until(at("2027-03-16T12:00:00Z"));
    // Off, and nothing of these ten days can be had any more.
    rig.off_until(at("2027-03-26T12:00:00Z"));
    rig.shadow.fail(At::Everything, Fault::Status(503), None);
    rig.run_until(at("2027-03-27T12:00:00Z"));
    rig.shadow.remove(|report| report.day.start() >= at("2027-03-16T00:00:00Z"));
    assert_eq!(rig.state("198.18.1.10"), "told", "16 days later, but only five of them are covered");
    let covered = rig.engine().store.view().unwrap().covered().unwrap();
    assert_eq!(covered.iter().filter(|day| day.start() >= at("2027-03-08T00:00:00Z")).count(), 8);
}

#[test]
fn a_list_that_is_still_empty_after_three_days_covers_its_day() {
    let mut rig = Rig::new(START);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    rig.shadow.remove(|report| report.day.to_string() == "2027-03-10");
    rig.run_until(at("2027-03-11T00:00:00Z"));
    rig.shadow.remove(|report| report.day.to_string() == "2027-03-10");
    let covered = |rig: &mut Rig| {
        let days = rig.engine().store.view().unwrap().covered().unwrap();
        days.iter().any(|day| day.to_string() == "2027-03-10")
    };
    rig.run_until(at("2027-03-12T23:00:00Z"));
    assert!(!covered(&mut rig));
    rig.run_until(at("2027-03-13T06:00:00Z"));
    assert!(covered(&mut rig));
}

#[test]
fn muted_is_quiet_until_its_day_and_closed_by_hand_opens_with_the_next_row() {
    let mut rig = Rig::new(START);
    rig.problem("event4_sinkhole", "198.18.1.10", "high", 0..=30);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=30);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    let engine = rig.engine();
    let change = |ip: &str, rig: &mut Rig, change: &dyn Fn(&mut abusebox::incident::Incident)| {
        let id = rig.incident(ip).id;
        engine
            .store
            .write(|txn| {
                let key = txn.incident_key(id)?.unwrap();
                let mut incident = txn.incident(&key)?.unwrap();
                change(&mut incident);
                txn.put_incident(&key, &incident)
            })
            .unwrap();
    };
    let until = "2027-03-25".parse().unwrap();
    change("198.18.1.10", &mut rig, &|incident| incident.quiet_until = Some(until));
    let now = rig.now;
    change("198.18.2.10", &mut rig, &|incident| incident.close(now));
    assert_eq!(rig.state("198.18.1.10"), "quiet");
    assert_eq!(rig.state("198.18.2.10"), "closed");
    rig.run_until(at("2027-03-28T00:00:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:00:00Z", "2027-03-26T07:00:00Z"]);
    // Closed on the 10th at noon; the row of that noon does not open it, that of the 11th does.
    assert_eq!(rig.customer_times(2), ["2027-03-09T07:00:00Z", "2027-03-12T07:00:00Z"]);
}

#[test]
fn no_mail_server_is_an_alarm_and_mails_wait_for_it() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.mail = false);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.run_until(at("2027-03-09T12:00:00Z"));
    assert_eq!(rig.alarms(), ["mail_server"]);
    rig.set(|wishes| wishes.mail = true);
    rig.run_for_hours(1);
    assert_eq!(rig.customer(1).len(), 1);
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn a_new_customer_file_is_taken_and_answers_for_what_comes() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    let mut customers: Vec<_> = (1..=9).map(|n| (n, format!("c{n}@cust.example"))).collect();
    customers[0].1 = "new@one.example".to_owned();
    rig.write_customers(&customers);
    rig.reload();
    rig.problem("scan_telnet", "198.18.1.11", "high", 1..=3);
    rig.run_for_days(3);
    assert_eq!(rig.customer(1).len(), 1);
    assert_eq!(rig.to("new@one.example").len(), 1, "the same customer, at the new address");
}

#[test]
fn a_server_that_hangs_up_on_one_mail_gets_the_others_over_a_new_connection() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_rdp", "198.18.2.10", "high", 0..=20);
    rig.mail.script(Stage::Rcpt, "c1@", Act::Reply("421 4.3.2 Closing"), Some(1));
    rig.run_until(at("2027-03-09T07:00:00Z"));
    assert_eq!(rig.alarms(), [""; 0]);
    rig.run_for_hours(1);
    assert_eq!(rig.customer_times(2), ["2027-03-09T07:00:00Z"]);
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:05:00Z"]);
}

#[test]
fn a_digest_some_seconds_later_than_its_hour_does_not_cost_the_next_one_its_day() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.policy = "mails_per_day_max = 1\n".to_owned());
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.problem("scan_ftp", "198.18.1.11", "high", 1..=20);
    rig.off_until(at("2027-03-09T07:00:20Z"));
    rig.run_until(at("2027-03-10T12:00:00Z"));
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:00:20Z", "2027-03-10T07:00:20Z"]);
}

#[test]
fn an_alarm_about_one_mail_ends_after_a_week() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=20);
    rig.mail.script(Stage::Rcpt, "c1@", Act::Reply("550 5.1.1 No such user"), None);
    rig.run_until(at("2027-03-16T06:00:00Z"));
    assert_eq!(rig.alarms(), ["mail_failed"]);
    rig.run_until(at("2027-03-18T00:00:00Z"));
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn a_repeat_is_told_on_its_day_although_no_report_tells_of_it_then() {
    let mut rig = Rig::new(START);
    for day in [0, 5] {
        rig.problem("event4_sinkhole", "198.18.1.10", "high", day..=day);
    }
    rig.run_for_days(12);
    assert_eq!(rig.customer_times(1), ["2027-03-09T07:00:00Z", "2027-03-16T07:00:00Z"], "every 7 days");
}

#[test]
fn what_a_clock_that_was_ahead_took_for_stale_is_told_once_it_is_right() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 2..=2);
    rig.run_until(at("2027-03-10T12:00:00Z"));
    rig.clock_shows(at("2027-03-18T06:00:00Z"));
    rig.run_for_hours(6);
    assert_eq!((rig.incidents().len(), rig.customer(1).len()), (1, 0));
    rig.clock_shows(at("2027-03-11T12:00:00Z"));
    rig.run_for_days(2);
    assert_eq!(
        rig.customer_times(1),
        ["2027-03-11T12:00:00Z"],
        "with the digest of the day, made by the right clock"
    );
}

#[test]
fn a_mail_server_that_failed_by_a_clock_that_was_ahead_is_tried_again_at_once() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "critical", 0..=0);
    rig.mail.set_up(false);
    rig.run_until(at("2027-03-09T06:00:00Z"));
    rig.clock_shows(at("2027-03-12T06:00:00Z"));
    rig.run_for_hours(1);
    rig.mail.set_up(true);
    rig.clock_shows(at("2027-03-09T09:00:00Z"));
    rig.run_for_hours(1);
    assert_eq!(rig.customer_times(1), ["2027-03-09T09:00:00Z"]);
}
