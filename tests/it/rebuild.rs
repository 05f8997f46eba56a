//! kill -9 of the real program while it makes a lost store anew: the next start ends where an undisturbed one does.
//!
//! `SOAK=1` kills ten times as often.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use abusebox::clock::Clock;
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};
use serde_json::Value;

use crate::house::{at, csv, is_soak, program, stamp};

/// The points at which it halts, in the order in which they come.
const POINTS: [&str; 6] = [
    "rebuild begun",
    "rebuild customers",
    "rebuild report",
    "rebuild alarm",
    // The damaged store has given up its place, the new one has not yet taken it.
    "store aside",
    "rebuild in place",
];

/// How the store was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Damaged,
    Gone,
}

#[test]
fn a_rebuild_that_is_killed_is_made_again() {
    let template = tempfile::tempdir().unwrap();
    live_in(template.path());
    let (rounds, mut kills) = (if is_soak() { 20 } else { 2 }, BTreeMap::new());
    for loss in [Loss::Damaged, Loss::Gone] {
        let calm = House::after(template.path(), loss);
        let (expected, said) = calm.end();
        assert!(said.contains("the store is lost"), "{said}");
        let incidents = expected.iter().filter(|line| line.starts_with("incidents")).count();
        assert_eq!(incidents, 2 * HOSTS, "{expected:#?}");
        let alarms = expected.iter().filter(|line| line.contains("2 customer files and 5 reports, 1 others"));
        assert_eq!(alarms.count(), 1, "{expected:#?}");
        for point in POINTS {
            for round in 0..rounds {
                let house = House::after(template.path(), loss);
                house.kill(point, round);
                *kills.entry(point).or_insert(0) += 1;
                let (end, _) = house.end();
                assert!(end == expected, "{loss:?}, {point}, {round}: {end:#?}\ninstead of {expected:#?}");
                assert_eq!(house.beside(), calm.beside(), "{loss:?}, {point}, {round}");
                let (again, said) = house.end();
                assert!(again == expected && !said.contains("is lost"), "once is enough: {said}");
            }
        }
    }
    for (point, kills) in &kills {
        println!("killed at {point:?}, or some milliseconds behind it: {kills} times");
    }
    assert!(kills.values().sum::<usize>() >= 20);
}

/// A box in mode live with two customer files and six reports, one of them no longer readable.
fn live_in(folder: &Path) {
    std::fs::write(
        folder.join("settings.toml"),
        "[box]\nmode = \"live\"\n[organisation]\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.51.100.0/24\"]\n",
    )
    .unwrap();
    let began = at(NOW).plus_days(-3);
    let engine =
        Engine::open(&folder.join("data"), &folder.join("settings.toml"), Clock::fixed(began)).unwrap();
    let customers = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/25\n";
    let more = format!("{customers}B,Beta,b@beta.example,198.51.100.128/25\n");
    for (day, customers) in [(0, customers), (1, &more)] {
        engine.import_customers(customers.as_bytes(), false, began.plus_days(day)).unwrap();
    }
    for day in 0..3 {
        let now = began.plus_days(day);
        for (kind, port) in [("scan_ftp", "21"), ("scan_rdp", "3389")] {
            let rows = (0..HOSTS).map(|host| {
                let time = stamp(now.plus_seconds(-90_000 - host as i64));
                [&time, "high", &format!("198.51.100.{host}"), port, "tcp"].map(str::to_owned).to_vec()
            });
            let file = format!("{}-{kind}-example-asn.csv", now.day().plus(-1));
            let path = folder.join(&file);
            std::fs::write(&path, csv(&["timestamp", "severity", "ip", "port", "protocol"], rows)).unwrap();
            let spooled = engine.spool.ingest(&path, now).unwrap();
            let source = Source { file, kind: None, day: None, id_hash: None };
            assert!(matches!(engine.take(&source, &spooled, now).unwrap(), Taken::Processed(_)));
            if (day, kind) == (1, "scan_ftp") {
                let modified = std::fs::metadata(&spooled.path).unwrap().modified().unwrap();
                let mut bytes = std::fs::read(&spooled.path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x5a;
                std::fs::write(&spooled.path, bytes).unwrap();
                std::fs::File::options()
                    .append(true)
                    .open(&spooled.path)
                    .unwrap()
                    .set_modified(modified)
                    .unwrap();
            }
        }
    }
}

/// A copy of the box that has lost its store.
struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn after(template: &Path, loss: Loss) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        // The time of a file in the spool is when it came.
        let copied = Command::new("cp").arg("-a").arg(template.join(".")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        let store = folder.path().join("data/abusebox.redb");
        match loss {
            Loss::Gone => std::fs::remove_file(store).unwrap(),
            Loss::Damaged => {
                let mut bytes = std::fs::read(&store).unwrap();
                bytes[..512].iter_mut().for_each(|byte| *byte ^= 0x5a);
                std::fs::write(store, bytes).unwrap();
            }
        }
        Self { folder }
    }

    fn start(&self, words: &[&str], halt: Option<&str>) -> Child {
        let mut command = Command::new(program());
        command.args(["--data", "data", "--settings", "settings.toml", "--at", NOW]).args(words);
        command.current_dir(self.folder.path()).env("RUST_LOG", "info").env_remove("ABUSEBOX_HALT");
        if let Some(point) = halt {
            command.env("ABUSEBOX_HALT", point);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Kills the program at a point; in every other round, soon after it.
    #[track_caller]
    fn kill(&self, point: &str, round: u64) {
        // Any command begins with a rebuild; it must not be killed while it asks.
        let mut child = self.start(&["status"], Some(point));
        let here = format!("halted at {point}");
        let mut said = Vec::new();
        let arrived =
            BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).any(|line| {
                said.push(line);
                said.last() == Some(&here)
            });
        assert!(arrived, "it never came to {point:?}: {said:#?}");
        if round % 2 == 1 {
            child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
            std::thread::sleep(Duration::from_micros(round * 1777 % 15_000));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What commands show, and what the program said meanwhile.
    fn end(&self) -> (Vec<String>, String) {
        let (mut all, mut said) = (Vec::new(), String::new());
        for words in ["incidents", "reports", "outbox", "status"] {
            let output = self.start(&[words, "--json"], None).wait_with_output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success() && !errors.contains("panic"), "{words}: {errors}");
            said += &errors;
            for line in String::from_utf8(output.stdout).unwrap().lines() {
                let mut value: Value = serde_json::from_str(line).unwrap();
                if words == "status" {
                    value = value["alarms"].take();
                    for alarm in value.as_array_mut().unwrap() {
                        // Killed between two renames, a damaged store is one that is gone.
                        let text = alarm["text"].as_str().unwrap();
                        let (_, made) =
                            text.split_once("made anew from ").unwrap_or_else(|| panic!("{text}"));
                        let (made, lost) = made.split_once("could not be read").unwrap();
                        let (_, lost) = lost.split_once(". Mails").unwrap();
                        alarm["text"] = format!("{made}{lost}").into();
                    }
                }
                all.push(format!("{words} {value}"));
            }
        }
        (all, said)
    }

    /// The files of the data folder.
    fn beside(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const NOW: &str = "2026-11-21T12:00:00Z";
const HOSTS: usize = 200;
