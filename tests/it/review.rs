//! What must hold when things happen in the middle of something: settings, commands and faults while mails go out.

use std::sync::Arc;
use std::time::Duration;

use abusebox::clock::{Clock, Timestamp};
use abusebox::notify::outbox::{Change, End, Notice};
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};
use abusebox::service::mailing::Step;
use abusebox::store::Report;
use tempfile::TempDir;

use crate::sim::mail::{Act, MailCatcher, Stage};

/// A digest hour in Vienna.
const NOW: &str = "2026-11-21T07:00:00Z";
const OPERATOR: &str = "noc@example.net";

/// A box with customers A, B and C in 192.0.2.0/28, .16/28 and .32/28.
struct Bench {
    dir: TempDir,
    mail: MailCatcher,
    engine: Arc<Engine>,
    runtime: tokio::runtime::Runtime,
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mail = MailCatcher::start().unwrap();
        let customers = "customer_id,name,email,cidr\nA,Anna,a@cust.example,192.0.2.0/28\n\
                         B,Bert,b@cust.example,192.0.2.16/28\nC,Cora,c@cust.example,192.0.2.32/28\n";
        std::fs::write(dir.path().join("customers.csv"), customers).unwrap();
        write_settings(&dir, &mail, "live", "Example Net", "abuse@example.net");
        let (data, settings) = (dir.path().join("data"), dir.path().join("settings.toml"));
        let engine = Engine::open(&data, &settings, Clock::fixed(at(NOW))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, mail, engine, runtime }
    }

    fn set(&self, mode: &str, organisation: &str, abuse_address: &str) {
        write_settings(&self.dir, &self.mail, mode, organisation, abuse_address);
        assert!(self.engine.reload(at(NOW)).unwrap());
    }

    /// Takes in a report of one row for each address.
    fn report(&self, kind: &str, addresses: &[&str]) -> Report {
        let name = format!("2026-11-20-{kind}-example.csv");
        let mut csv = "\"timestamp\",\"severity\",\"ip\",\"src_ip\",\"port\",\"protocol\"\n".to_owned();
        for ip in addresses {
            csv += &format!("\"2026-11-20 10:00:00\",\"high\",\"{ip}\",\"{ip}\",\"3389\",\"tcp\"\n");
        }
        let path = self.dir.path().join(&name);
        std::fs::write(&path, csv).unwrap();
        let spooled = self.engine.spool.ingest(&path, at(NOW)).unwrap();
        let source = Source { file: name, kind: None, day: None, id_hash: None };
        match self.engine.take(&source, &spooled, at(NOW)).unwrap() {
            Taken::Processed(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    fn step(&self, now: Timestamp) -> Step {
        self.runtime.block_on(self.engine.mail_step(now)).unwrap()
    }

    fn notices(&self) -> Vec<Notice> {
        let mut all = Vec::new();
        let view = self.engine.store.view().unwrap();
        view.notices(|notice| {
            all.push(notice);
            Ok(())
        })
        .unwrap();
        all
    }

    fn receivers(&self) -> Vec<String> {
        self.mail.mails().iter().flat_map(|mail| mail.to.clone()).collect()
    }

    fn asked_for(&self, address: &str) -> usize {
        let commands = self.mail.commands();
        commands.iter().filter(|line| line.starts_with("RCPT") && line.contains(address)).count()
    }
}

fn write_settings(dir: &TempDir, mail: &MailCatcher, mode: &str, organisation: &str, abuse: &str) {
    let text = format!(
        "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"{mode}\"\n[organisation]\nname = \"{organisation}\"\n\
         abuse_address = \"{abuse}\"\noperator_address = \"{OPERATOR}\"\n[networks]\ncidrs = [\"192.0.2.0/24\"]\n\
         [mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n\
         [policy]\nweekly_report = \"never\"\n",
        mail.url()
    );
    std::fs::write(dir.path().join("settings.toml"), text).unwrap();
}

#[test]
fn an_address_that_the_server_does_not_know_is_tried_once() {
    let bench = Bench::new();
    bench.mail.script(Stage::Rcpt, "a@cust", Act::Reply("550 5.1.1 no such user"), None);
    bench.report("scan_rdp", &["192.0.2.1"]);
    assert_eq!(bench.step(at(NOW)).failed, 1);
    let notice = bench.notices().remove(0);
    assert!(matches!(notice.done, Some((_, End::Failed))));
    assert_eq!(notice.incidents.len(), 1, "it stands in the outbox what was not delivered");
    for day in 1..4 {
        bench.step(at(NOW).plus_days(day));
    }
    assert_eq!(bench.asked_for("a@cust"), 1, "it counts as told");
    assert_eq!(bench.receivers(), [OPERATOR], "who hears of it once");
}

#[test]
fn an_operator_address_that_fails_is_not_tried_for_ever() {
    let bench = Bench::new();
    bench.mail.script(Stage::Rcpt, OPERATOR, Act::Reply("550 5.1.1 no such user"), None);
    bench.engine.alarm("test", Some("something is wrong"), at(NOW)).unwrap();
    for hour in 0..12 {
        bench.step(at(NOW).plus_seconds(hour * 3600));
    }
    assert_eq!(bench.asked_for(OPERATOR), 1, "that it could not be told stands on the page");
}

#[test]
fn an_alarm_that_is_over_makes_no_mail() {
    let bench = Bench::new();
    bench.engine.alarm("test", Some("something is wrong"), at(NOW)).unwrap();
    bench.engine.plan(at(NOW)).unwrap();
    bench.engine.alarm("test", None, at(NOW)).unwrap();
    bench.step(at(NOW));
    assert!(bench.receivers().is_empty());
    assert!(matches!(bench.notices()[0].done, Some((_, End::Dropped(_)))));
}

#[test]
fn the_bytes_of_a_mail_that_was_begun_stay_the_same_whatever_the_settings_say() {
    let bench = Bench::new();
    bench.mail.script(Stage::Body, "", Act::KeepThenDrop, Some(1));
    bench.report("scan_rdp", &["192.0.2.1"]);
    let next = bench.step(at(NOW)).next.unwrap();
    assert_eq!(next, at(NOW).plus_seconds(300));
    bench.set("live", "Other Net", "abuse@other.example");
    assert_eq!(bench.step(next).sent, 1);
    let mails = bench.mail.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].raw, mails[1].raw);
    assert_eq!(mails[0].from, mails[1].from);
    let known = bench.notices()[0].deliveries[0].message_id.clone();
    assert_eq!(known.trim_matches(['<', '>']), mails[0].message_id().trim_matches(['<', '>']));
}

#[test]
fn a_mail_dropped_while_it_is_on_its_way_is_not_sent() {
    let bench = Bench::new();
    bench.mail.script(Stage::Data, "", Act::Slow(Duration::from_secs(1)), Some(1));
    bench.report("scan_rdp", &["192.0.2.1", "192.0.2.17"]);
    bench.engine.plan(at(NOW)).unwrap();
    let engine = bench.engine.clone();
    let dropper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        engine.change_mails(&[1], Change::Drop, at(NOW), None).unwrap()
    });
    let step = bench.step(at(NOW));
    assert_eq!(dropper.join().unwrap(), [1]);
    assert_eq!(bench.receivers(), ["b@cust.example"], "the other goes out");
    assert_eq!(step.sent, 1);
    assert!(matches!(&bench.notices()[0].done, Some((_, End::Dropped(why))) if why.contains("operator")));
    bench.step(at(NOW).plus_days(1));
    assert_eq!(bench.asked_for("a@cust"), 1, "dropped counts as told");
}

#[test]
fn one_mail_at_which_the_server_hangs_up_stops_no_other() {
    let bench = Bench::new();
    bench.mail.script(Stage::Rcpt, "a@cust", Act::Drop, None);
    bench.report("scan_rdp", &["192.0.2.1", "192.0.2.17", "192.0.2.33"]);
    let mut now = at(NOW);
    for _ in 0..3 {
        now = bench.step(now).next.unwrap();
    }
    let receivers = bench.receivers();
    assert!(
        ["b@cust.example", "c@cust.example"].iter().all(|to| receivers.iter().any(|r| r == to)),
        "{receivers:?}"
    );
    bench.mail.heal();
    bench.step(now);
    assert!(bench.receivers().iter().any(|to| to == "a@cust.example"));
}

#[test]
fn a_mode_that_changes_while_mails_go_out_counts_from_then_on() {
    let bench = Bench::new();
    bench.mail.script(Stage::Data, "", Act::Slow(Duration::from_secs(1)), Some(1));
    bench.report("scan_rdp", &["192.0.2.1", "192.0.2.17", "192.0.2.33"]);
    bench.engine.plan(at(NOW)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            write_settings(&bench.dir, &bench.mail, "hold", "Example Net", "abuse@example.net");
            bench.engine.reload(at(NOW)).unwrap();
        });
        let engine = bench.engine.clone();
        bench.runtime.block_on(engine.mail_step(at(NOW))).unwrap();
    });
    assert_eq!(bench.receivers(), ["a@cust.example"]);
    assert_eq!(bench.notices().iter().filter(|notice| notice.held).count(), 2);
}

#[test]
fn new_held_mails_are_told_the_same_day_although_others_were() {
    let bench = Bench::new();
    bench.set("hold", "Example Net", "abuse@example.net");
    bench.report("scan_rdp", &["192.0.2.1"]);
    bench.step(at(NOW));
    let path = bench.dir.path().join("2026-11-20-scan_vnc-example.csv");
    let row = "\"timestamp\",\"severity\",\"ip\",\"port\"\n\"2026-11-20 00:00:00\",\"critical\",\"192.0.2.17\",\"1\"\n";
    std::fs::write(&path, row).unwrap();
    let spooled = bench.engine.spool.ingest(&path, at(NOW)).unwrap();
    let file = "2026-11-20-scan_vnc-example.csv".to_owned();
    bench.engine.take(&Source { file, kind: None, day: None, id_hash: None }, &spooled, at(NOW)).unwrap();
    bench.step(at(NOW).plus_seconds(3600));
    bench.step(at(NOW).plus_seconds(7200));
    assert_eq!(bench.receivers(), [OPERATOR, OPERATOR]);
}

#[test]
fn two_that_plan_at_once_make_one_notice() {
    let bench = Bench::new();
    bench.report("scan_rdp", &["192.0.2.1", "192.0.2.17", "192.0.2.33"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.engine.plan(at(NOW)).unwrap());
        }
    });
    assert_eq!(bench.notices().len(), 3);
}

#[test]
fn what_concerns_the_operator_reaches_him_though_it_is_a_customers_address() {
    let bench = Bench::new();
    assert_eq!(bench.report("event4_ip_spoofer", &["192.0.2.1"]).counts.matched, 1);
    assert_eq!(bench.report("scan_never_heard_of", &["192.0.2.17"]).counts.matched, 1);
    bench.step(at(NOW));
    assert_eq!(bench.receivers(), [OPERATOR]);
    let text = bench.mail.mails()[0].text();
    assert!(text.contains("192.0.2.1") && text.contains("192.0.2.17"), "{text}");
    bench.step(at(NOW).plus_days(1));
    assert_eq!(bench.receivers().len(), 1, "once");
}

#[test]
fn a_row_dated_years_ahead_keeps_nothing_fresh() {
    let bench = Bench::new();
    let path = bench.dir.path().join("2026-11-20-scan_rdp-example.csv");
    let row =
        "\"timestamp\",\"severity\",\"ip\",\"port\"\n\"2099-01-01 00:00:00\",\"high\",\"192.0.2.1\",\"1\"\n";
    std::fs::write(&path, row).unwrap();
    let spooled = bench.engine.spool.ingest(&path, at(NOW)).unwrap();
    let file = "2026-11-20-scan_rdp-example.csv".to_owned();
    let source = Source { file, kind: None, day: None, id_hash: None };
    bench.engine.take(&source, &spooled, at(NOW)).unwrap();
    let view = bench.engine.store.view().unwrap();
    view.incidents(|_, incident| assert_eq!(incident.last_seen, at(NOW))).unwrap();
}
