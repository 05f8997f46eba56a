//! A store that is damaged or gone: what can be made anew is, nobody is mailed twice, and everybody is told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abusebox::clock::{Clock, Timestamp};
use abusebox::command::{self, Output};
use abusebox::notify::outbox::{Change, Notice};
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};
use serde_json::Value;

use super::house::{at, csv, stamp};

const NOW: &str = "2026-11-21T12:00:00Z";
const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n\
    B,Beta,b@beta.example,198.51.100.16/28\n";
const REPORT: &str = "2026-11-20-scan_ftp-example-asn.csv";

/// A data folder that outlives its engines.
struct Box {
    folder: tempfile::TempDir,
}

impl Box {
    /// In this mode, with two customers and one report taken, and all that was planned told.
    fn lived_in(mode: &str) -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap() };
        let settings = format!(
            "[box]\nmode = \"{mode}\"\n[organisation]\nabuse_address = \"abuse@example.net\"\n\
             operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.51.100.0/24\"]\n[policy]\nhold_count_min = 100\n"
        );
        std::fs::write(it.path("settings.toml"), settings).unwrap();
        let (now, engine) = (at(NOW), it.open(at(NOW)));
        engine.import_customers(CUSTOMERS.as_bytes(), false, now).unwrap();
        let rows = ["198.51.100.1", "198.51.100.17", "198.51.100.99", "192.0.2.1", "nowhere"];
        it.take(&engine, REPORT, &rows, now);
        engine.plan(now).unwrap();
        let unsent: Vec<u64> = unsent(&engine).iter().map(|n| n.number).collect();
        assert!(unsent.len() >= 2);
        // To the incidents it is the same as sent.
        engine.change_mails(&unsent, Change::Drop, now, None).unwrap();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, now: Timestamp) -> Arc<Engine> {
        Engine::open(self.folder.path(), &self.path("settings.toml"), Clock::fixed(now)).unwrap()
    }

    fn take(&self, engine: &Engine, file: &str, addresses: &[&str], now: Timestamp) {
        let row = |ip: &&str| {
            [stamp(now.plus_seconds(-90_000)).as_str(), "high", ip, "21", "tcp"].map(str::to_owned).to_vec()
        };
        let body = csv(&["timestamp", "severity", "ip", "port", "protocol"], addresses.iter().map(row));
        std::fs::write(self.path(file), body).unwrap();
        let spooled = engine.spool.ingest(&self.path(file), now).unwrap();
        let source = Source { file: file.to_owned(), kind: None, day: None, id_hash: None };
        assert!(matches!(engine.take(&source, &spooled, now).unwrap(), Taken::Processed(_)));
    }

    /// Spoils a file in the middle.
    fn spoil(&self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        // In a store, what lies in the middle need not be in use.
        let end = if path.ends_with("abusebox.redb") { 0..512 } else { middle..middle + 8 };
        bytes[end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        std::fs::write(path, bytes).unwrap();
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn aside(&self) -> Vec<PathBuf> {
        let mut files = self.files("");
        files.retain(|path| path.to_string_lossy().contains("abusebox.redb."));
        files
    }
}

fn show(engine: &Arc<Engine>, words: &str, now: Timestamp) -> Vec<Value> {
    let words = words.split(' ').chain(["--json"]).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output { out: &mut out, err: &mut err };
    command::parse(words, Path::new(""))
        .unwrap()
        .command
        .execute(engine, &Clock::fixed(now), &mut output)
        .unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn alarm(engine: &Engine) -> String {
    let alarms = engine.store.view().unwrap().alarms().unwrap();
    alarms
        .into_iter()
        .find(|(code, _)| code == "store_rebuilt")
        .map(|(_, alarm)| alarm.text)
        .unwrap_or_default()
}

fn unsent(engine: &Engine) -> Vec<Notice> {
    let mut unsent = Vec::new();
    engine.store.view().unwrap().unsent(|notice| unsent.push(notice)).unwrap();
    unsent
}

/// Customers with an unsent mail, and whether it is held.
fn planned(engine: &Engine) -> Vec<(u32, bool)> {
    unsent(engine).iter().filter(|notice| notice.customer.0 != 0).map(|n| (n.customer.0, n.held)).collect()
}

#[test]
fn a_damaged_store_is_made_anew_and_nobody_is_mailed_twice() {
    let it = Box::lived_in("live");
    let now = at(NOW).plus_seconds(3600);
    let engine = it.open(now);
    let before = ["incidents", "reports"].map(|words| show(&engine, words, now));
    assert_eq!((before[0].len(), alarm(&engine).as_str()), (3, ""));
    drop(engine);
    it.spoil(&it.path("abusebox.redb"));

    let engine = it.open(now);
    assert_eq!(["incidents", "reports"].map(|words| show(&engine, words, now)), before);
    assert_eq!(it.aside(), [it.path("abusebox.redb.damaged-20261121T130000Z")]);
    let text = alarm(&engine);
    assert!(text.contains("1 customer files and 1 reports") && text.contains("counts as told"), "{text}");
    assert!(text.contains("abusebox.redb.damaged-20261121T130000Z"), "{text}");
    engine.plan(now).unwrap();
    assert_eq!(planned(&engine), []);
    // The operator is told, and the next finding is, too.
    assert_eq!(unsent(&engine).len(), 1);
    let tomorrow = now.plus_days(1);
    it.take(&engine, "2026-11-21-scan_ftp-example-asn.csv", &["198.51.100.1", "198.51.100.18"], tomorrow);
    engine.plan(tomorrow).unwrap();
    assert_eq!(planned(&engine), [(2, false)]);
    drop(engine);
    // From then on it is a store like any other.
    let engine = it.open(tomorrow);
    assert_eq!(show(&engine, "incidents", tomorrow).len(), 4);
    assert_eq!(it.aside().len(), 1);
}

#[test]
fn what_nobody_was_told_is_planned_anew() {
    let it = Box::lived_in("hold");
    let now = at(NOW).plus_seconds(3600);
    it.spoil(&it.path("abusebox.redb"));
    let engine = it.open(now);
    assert!(alarm(&engine).contains("planned anew"), "{}", alarm(&engine));
    engine.plan(now).unwrap();
    assert_eq!(planned(&engine), [(1, true), (2, true)]);
}

#[test]
fn a_store_that_is_gone_or_empty_is_not_a_first_start() {
    for gone in [true, false] {
        let it = Box::lived_in("live");
        match gone {
            true => std::fs::remove_file(it.path("abusebox.redb")).unwrap(),
            false => std::fs::write(it.path("abusebox.redb"), b"").unwrap(),
        }
        let engine = it.open(at(NOW));
        assert!(!alarm(&engine).is_empty());
        assert_eq!(show(&engine, "incidents", at(NOW)).len(), 3);
        assert_eq!(it.aside().len(), usize::from(!gone));
    }
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), &folder.path().join("s.toml"), Clock::fixed(at(NOW))).unwrap();
    assert_eq!(alarm(&engine), "", "the first start");
}

#[test]
fn what_beside_the_store_is_damaged_is_left_out_and_counted() {
    let it = Box::lived_in("live");
    let now = at(NOW).plus_days(1);
    let engine = it.open(now);
    it.take(&engine, "2026-11-21-scan_ftp-example-asn.csv", &["198.51.100.2"], now);
    let other = format!("{CUSTOMERS}C,Gamma,c@gamma.example,198.51.100.32/28\n");
    engine.import_customers(other.as_bytes(), false, now).unwrap();
    drop(engine);
    it.spoil(&it.files("spool")[0]);
    it.spoil(&it.files("customers")[1]);
    it.spoil(&it.path("abusebox.redb"));
    let engine = it.open(now);
    let text = alarm(&engine);
    assert!(text.contains("1 customer files and 1 reports, 2 others"), "{text}");
    assert_eq!(show(&engine, "reports", now)[0]["file"], "2026-11-21-scan_ftp-example-asn.csv");
    // The report can be had again, as if it were new.
    it.take(&engine, REPORT, &["198.51.100.1"], now);
}

#[test]
fn a_newer_store_is_refused_and_stays() {
    let it = Box::lived_in("live");
    let path = it.path("abusebox.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    (bytes[64], bytes[192]) = (9, 9);
    std::fs::write(&path, &bytes).unwrap();
    let opened = Engine::open(it.folder.path(), &it.path("settings.toml"), Clock::fixed(at(NOW)));
    assert!(opened.err().unwrap().to_string().contains("newer abusebox"));
    assert!(std::fs::read(&path).unwrap() == bytes && it.aside().is_empty());
}

#[tokio::test]
async fn a_box_whose_settings_cannot_be_used_comes_up_and_does_nothing_until_they_are_mended() {
    let it = Box::lived_in("live");
    let (path, now) = (it.path("settings.toml"), at(NOW).plus_days(1));
    let good = std::fs::read_to_string(&path).unwrap();
    let engine = it.open(at(NOW));
    // A customer's mail is on its way.
    it.take(&engine, "2026-11-21-scan_rdp-example-asn.csv", &["198.51.100.1"], now);
    engine.plan(now).unwrap();
    let waiting = unsent(&engine);
    assert!(waiting.iter().any(|notice| !notice.held), "{waiting:?}");
    drop(engine);

    std::fs::write(&path, format!("{good}nonsense = 1\n[page]\nnames = [\"abuse.example.net\"]\n")).unwrap();
    // A list that lies where it would be by the defaults is none that anybody named.
    std::fs::write(
        it.path("customers.csv"),
        "customer_id,name,email,cidr\nX,X,x@x.example,198.51.100.0/24\n",
    )
    .unwrap();
    let to_mend = || {
        let fault = Engine::open(it.folder.path(), &path, Clock::fixed(now)).err().unwrap();
        let abusebox::service::Error::Settings(fault) = fault else { panic!("{fault}") };
        Engine::open_to_mend(it.folder.path(), &path, Clock::fixed(now), fault)
    };
    let engine = to_mend().unwrap();
    assert!(!engine.reload(now).unwrap());
    assert_eq!(engine.loaded().settings.page.names, ["abuse.example.net"], "what is right holds");
    let alarms = engine.alarms(&engine.store.view().unwrap()).unwrap();
    assert!(alarms["settings"].text.contains("policy.nonsense"), "{alarms:?}");
    let imports = engine.store.view().unwrap().imports().unwrap().len();
    engine.fetch_step(true, now).await.unwrap();
    engine.mail_step(now).await.unwrap();
    engine.keep(now.plus_days(100)).unwrap();
    assert!(
        engine.ingest(REPORT, &path, now).is_err()
            && engine.import_customers(b"id,ip\n1,198.51.100.1\n", true, now).is_err()
    );
    assert!(engine.change_mails(&[waiting[0].number], Change::Drop, now, None).is_err());
    assert_eq!(format!("{:?}", unsent(&engine)), format!("{waiting:?}"), "neither held nor dropped");
    assert_eq!(engine.store.view().unwrap().imports().unwrap().len(), imports);

    std::fs::remove_file(it.path("customers.csv")).unwrap();
    std::fs::write(&path, &good).unwrap();
    assert!(engine.reload(now).unwrap());
    assert!(!engine.alarms(&engine.store.view().unwrap()).unwrap().contains_key("settings"));
    assert_eq!(format!("{:?}", unsent(&engine)), format!("{waiting:?}"));
    engine.plan(now).unwrap();
    let known = show(&engine, "incidents", now).len();
    drop(engine);
    // Rows would be taken in again by other settings: the store waits for the right ones, damaged or gone, and the page has
    // another meanwhile.
    it.spoil(&it.path("abusebox.redb"));
    let damaged = std::fs::read(it.path("abusebox.redb")).unwrap();
    for is_gone in [false, true] {
        if is_gone {
            std::fs::remove_file(it.path("abusebox.redb")).unwrap();
        }
        std::fs::write(&path, "[box]\nnonsense = 1\n").unwrap();
        let engine = to_mend().unwrap();
        let before = it.files("");
        assert!(!engine.reload(now).unwrap());
        let alarms = engine.alarms(&engine.store.view().unwrap()).unwrap();
        assert!(alarms.contains_key("settings") && alarms.contains_key("store_lost"), "{alarms:?}");
        engine.mail_step(now).await.unwrap();
        engine.keep(now.plus_days(100)).unwrap();
        std::fs::write(&path, &good).unwrap();
        assert!(!engine.reload(now).unwrap(), "they hold for the store that is made by them");
        assert!(engine.import_customers(b"id,ip\n1,198.51.100.1\n", true, now).is_err());
        assert!(it.files("") == before && it.aside().is_empty());
        let store = std::fs::read(it.path("abusebox.redb")).ok();
        assert!(store == (!is_gone).then(|| damaged.clone()), "left alone");
    }
    let engine = it.open(now);
    assert!(alarm(&engine).contains("its file is gone"), "{}", alarm(&engine));
    assert_eq!(show(&engine, "incidents", now).len(), known);
    drop(engine);
    // What may pass is no matter of the settings.
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(to_mend().is_err());
}

#[test]
fn damaged_stores_do_not_fill_the_disk() {
    let it = Box::lived_in("live");
    for hour in 0..6 {
        it.spoil(&it.path("abusebox.redb"));
        // What a power cut in the middle of the last attempt left behind.
        std::fs::write(it.path("abusebox.redb.new"), b"half a store").unwrap();
        let engine = it.open(at(NOW).plus_seconds(3600 * hour));
        assert_eq!(show(&engine, "incidents", at(NOW)).len(), 3);
    }
    let aside = it.aside();
    assert_eq!(aside.len(), 3);
    assert_eq!(aside[2], it.path("abusebox.redb.damaged-20261121T170000Z"));
}
