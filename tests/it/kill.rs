//! kill -9 of the real program at every point of its work: after the next start all is as if nothing had happened.
//!
//! Each house is killed once at each point, one after the other, and goes on from where it was killed. Points that
//! the outside world sees are chosen by the simulators, which then keep the program waiting; for those inside it has
//! places to halt (`ABUSEBOX_HALT`, in debug builds only). `SOAK=1` kills ten times as often.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use abusebox::clock::{Day, Timestamp};
use serde_json::Value;

use crate::house::{is_soak, program};
use crate::sim::mail::{Act, MailCatcher, Stage};
use crate::sim::reports::Report;
use crate::sim::shadowserver::{At, Fault, Shadowserver};
use crate::sim::world::World;

/// Where the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Import,
    /// Among the sessions of a log, or some milliseconds later: at its commit or behind it.
    Sessions,
    List,
    Download,
    BeforeRename,
    AfterRename,
    Parsing,
    /// Before the commit of a report, or some microseconds into it or behind it.
    Commit,
    Planning,
    /// Between the end of a mail and its answer; the server may have kept the mail or not.
    BeforeAnswer,
    /// After the answer, before it is noted.
    AfterAnswer,
}

/// In the order in which a house meets them.
const POINTS: [Point; 11] = [
    Point::Import,
    Point::Sessions,
    Point::List,
    Point::Download,
    Point::BeforeRename,
    Point::AfterRename,
    Point::Parsing,
    Point::Commit,
    Point::Planning,
    Point::BeforeAnswer,
    Point::AfterAnswer,
];

/// A simulated world, the data folder in it, and the program, one process at a time.
struct House {
    number: usize,
    born: Instant,
    dir: tempfile::TempDir,
    shadow: Shadowserver,
    mail: MailCatcher,
}

impl House {
    fn new(number: usize) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let today: Day = TODAY.parse().unwrap();
        let world = World::empty(today);
        let (shadow, mail) = (Shadowserver::start(&world).unwrap(), MailCatcher::start().unwrap());
        // The oldest day that is asked for, so that little time is spent before the first report.
        shadow.add(report("scan_rdp", today.plus(-4), &[1, 2, 3, 77], 40));
        shadow.add(report("scan_telnet", today.plus(-1), &[2, 4, 4, 5, DYNAMIC], 3));
        let settings = format!(
            "[box]\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
             operator_address = \"noc@example.net\"\n[shadowserver]\nkey = \"{}\"\nsecret = \"practice-secret\"\n\
             api_url = \"{}\"\ndownload_url = \"{}\"\n[networks]\ncidrs = [\"198.18.0.0/15\"]\n\
             dynamic = [\"198.18.{DYNAMIC}.0/24\"]\n[mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n[page]\nlisten = \"\"\n[policy]\nhold_count_min = 1000\n",
            world.key,
            shadow.api_url(),
            shadow.download_url(),
            mail.url()
        );
        std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
        let mut customers = "customer_id,name,email,cidr\n".to_owned();
        for n in 1..=5 {
            let more = if n == 2 { ";second@cust.example" } else { "" };
            writeln!(customers, "C{n},Customer {n},c{n}@cust.example{more},198.18.{n}.0/24").unwrap();
        }
        std::fs::write(dir.path().join("customers.csv"), customers).unwrap();
        let mut sessions = "user,address,start,stop\n".to_owned();
        for n in 0..SESSIONS {
            let (customer, host, day) = (n % 5 + 1, n % 250 + 1, today.plus(-(n as i32 / 250)));
            writeln!(sessions, "C{customer},198.18.{DYNAMIC}.{host},{day}T00:00:00Z,{day}T23:59:59Z")
                .unwrap();
        }
        std::fs::write(dir.path().join("sessions.csv"), sessions).unwrap();
        Self { number, born: Instant::now(), dir, shadow, mail }
    }

    fn start(&self, words: &[&str], halt: Option<&str>) -> Child {
        let mut command = Command::new(program());
        // A second more than passed, so that no process begins before the one that was killed ended.
        let now = NOW.parse::<Timestamp>().unwrap().plus_seconds(self.born.elapsed().as_secs() as i64 + 1);
        let now = now.to_string();
        command.args(["--data", "data", "--settings", "settings.toml", "--at", &now]).args(words);
        command.current_dir(self.dir.path()).env_remove("RUST_LOG").env_remove("ABUSEBOX_HALT");
        if let Some(point) = halt {
            command.env("ABUSEBOX_HALT", point);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a command to its end. Returns what it printed.
    #[track_caller]
    fn ask(&self, words: &[&str]) -> String {
        let output = self.start(words, None).wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "house {}: {words:?}: {errors}", self.number);
        assert!(!errors.contains("panic") && !errors.contains("store is lost"), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills the program at a point. Returns what was on stderr until then if it did not come there.
    fn kill(&self, point: Point) -> Result<(), String> {
        // One box works for years, another is called by cron.
        let work = if self.number.is_multiple_of(2) { "once" } else { "run" };
        let halt = match point {
            Point::Import => "import",
            Point::Sessions => "sessions",
            Point::BeforeRename => "before rename",
            Point::AfterRename => "after rename",
            Point::Parsing => "parsing",
            Point::Commit => "commit",
            Point::Planning => "planning",
            Point::AfterAnswer => "answered",
            Point::List | Point::Download | Point::BeforeAnswer => {
                return self.kill_from_outside(point, work);
            }
        };
        let words: &[&str] = match point {
            Point::Import => &IMPORT,
            Point::Sessions => &IMPORT_SESSIONS,
            _ => &[work],
        };
        let mut child = self.start(words, Some(halt));
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let here = format!("halted at {halt}");
        let watchdog = Watchdog::on(&child);
        let arrived = lines.by_ref().map_while(Result::ok).any(|line| {
            writeln!(said, "{line}").unwrap();
            line == here
        });
        drop(watchdog);
        let later_max = match point {
            Point::Commit => Duration::from_millis(8),
            Point::Sessions => Duration::from_millis(400),
            _ => Duration::ZERO,
        };
        if arrived && !later_max.is_zero() && !self.number.is_multiple_of(4) {
            child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
            std::thread::sleep(later_max * (self.number as u32 * 211 % 8000) / 8000);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if arrived { Ok(()) } else { Err(said) }
    }

    fn kill_from_outside(&self, point: Point, work: &str) -> Result<(), String> {
        let before = self.mail.mails().len();
        match point {
            Point::List => self.shadow.fail(At::Method("reports/list"), Fault::Silent, None),
            Point::Download if self.number.is_multiple_of(3) => {
                self.shadow.fail(At::Downloads, Fault::Silent, None);
            }
            Point::Download => {
                self.shadow.fail(At::Downloads, Fault::Trickle(Duration::from_millis(1)), None);
            }
            // Kept, and the answer comes too late; or neither.
            _ if self.number.is_multiple_of(3) => {
                self.mail.script(Stage::Body, "", Act::Slow(PATIENCE), None);
            }
            _ => self.mail.script(Stage::Body, "", Act::Hang, None),
        }
        let (lists, downloads) = (self.shadow.count("reports/list"), self.shadow.downloads());
        let data = || self.mail.commands().iter().filter(|command| command.as_str() == "DATA").count();
        let datas = data();
        let mut child = self.start(&[work], None);
        let arrived = wait(|| match point {
            Point::List => self.shadow.count("reports/list") > lists,
            Point::Download => self.shadow.downloads() > downloads,
            _ if self.number.is_multiple_of(3) => self.mail.mails().len() > before,
            _ => data() > datas,
        });
        // Somewhere in it, and not always at its beginning.
        std::thread::sleep(Duration::from_millis(20 + self.number as u64 * 7 % 50));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        self.shadow.heal();
        self.mail.heal();
        if arrived { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// Takes the log of sessions. Returns how many of them were new.
    fn take_sessions(&self) -> u64 {
        let taken: Value = serde_json::from_str(&self.ask(&IMPORT_SESSIONS)).unwrap();
        assert_eq!(taken["sessions"], SESSIONS);
        taken["changed"].as_u64().unwrap()
    }

    /// What commands show, without what differs from house to house.
    fn end(&self) -> Vec<String> {
        let mut all = Vec::new();
        for words in ["incidents", "reports", "outbox"] {
            for line in self.ask(&[words, "--json"]).lines() {
                let mut value: Value = serde_json::from_str(line).unwrap();
                if let Some(id) = value.get("message_id").and_then(Value::as_str) {
                    value["message_id"] = without_store(id).into();
                }
                // How long a house takes is not the same for all.
                if let Some(created) = value.get("created").and_then(Value::as_str) {
                    let day = created.split_once('T').map(|(day, _)| day.to_owned());
                    value["created"] = day.into();
                }
                all.push(format!("{words} {value}"));
            }
        }
        let status: Value = serde_json::from_str(&self.ask(&["status", "--json"])).unwrap();
        for name in ["mode", "last_report_day", "incidents_open", "outbox_held", "outbox_queued", "alarms"] {
            all.push(format!("{name} {}", status[name]));
        }
        all
    }

    /// What each receiver got, each mail once.
    fn mails(&self) -> Vec<String> {
        let mut mails: Vec<String> = self
            .mail
            .mails()
            .iter()
            .map(|mail| {
                format!(
                    "{:?} {} {}\n{}",
                    mail.to,
                    without_store(&mail.message_id()),
                    mail.subject(),
                    mail.text()
                )
            })
            .collect();
        mails.sort();
        mails.dedup();
        mails
    }

    /// Mails that came more often than once: only those on their way at a kill, and then the same bytes.
    fn check_repeats(&self) -> usize {
        let mut by_id = BTreeMap::<String, Vec<_>>::new();
        for mail in self.mail.mails() {
            by_id.entry(mail.message_id()).or_default().push(mail);
        }
        for (id, mails) in &by_id {
            for other in &mails[1..] {
                assert_eq!((&mails[0].from, &mails[0].to), (&other.from, &other.to), "{id}");
                assert!(mails[0].raw == other.raw, "house {}: {id} came with other bytes", self.number);
            }
        }
        by_id.values().map(|mails| mails.len() - 1).sum()
    }
}

/// Ends a program that never comes to its point.
struct Watchdog {
    done: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    fn on(child: &Child) -> Self {
        let (done, over) = std::sync::mpsc::channel::<()>();
        let id = child.id().to_string();
        std::thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-9", &id]).status();
            }
        });
        Self { done }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.done.send(());
    }
}

fn wait(until: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !until() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// `<7.0.0123456789abcdef@example.net>` without the part that is drawn for each store.
fn without_store(message_id: &str) -> String {
    let (front, domain) = message_id.split_once('@').unwrap_or((message_id, ""));
    let number = front.rsplit_once('.').map_or(front, |(number, _)| number);
    format!("{number}@{domain}")
}

/// One row per host in each of these customers' networks.
fn report(kind: &str, day: Day, customers: &[u8], hosts: u8) -> Report {
    let mut csv = "\"timestamp\",\"severity\",\"protocol\",\"ip\",\"port\",\"tag\"\n".to_owned();
    for customer in customers {
        for host in 1..=hosts {
            writeln!(csv, "\"{day} 12:00:00\",\"high\",\"tcp\",\"198.18.{customer}.{host}\",3389,\"x\"")
                .unwrap();
        }
    }
    csv += "\"nonsense\",\"high\",\"tcp\",\"198.18.1.1\",3389,\"x\"\n";
    Report::new("example-net", kind, day, csv)
}

#[test]
fn a_killed_box_ends_as_if_it_had_not_been_killed() {
    let calm = House::new(0);
    calm.ask(&IMPORT);
    assert_eq!(calm.take_sessions(), SESSIONS);
    let (expected, expected_mails) = std::thread::scope(|scope| {
        let calm = scope.spawn(|| {
            calm.start(&["once"], None).wait().unwrap();
            (calm.end(), calm.mails())
        });
        calm.join().unwrap()
    });
    assert!(expected.iter().any(|line| line.starts_with("incidents")), "{expected:#?}");
    // Five customers, one of them with two addresses, and the operator.
    assert_eq!(expected_mails.len(), 7, "{expected_mails:#?}");

    let houses = if is_soak() { 200 } else { 20 };
    let (next, fallen) = (AtomicUsize::new(1), Mutex::new(BTreeMap::new()));
    let (repeats, whole) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let one = |number: usize| {
        let house = House::new(number);
        for point in POINTS {
            if let Err(said) = house.kill(point) {
                panic!("house {number} never came to {point:?}; it said:\n{said}");
            }
            *fallen.lock().unwrap().entry(point).or_insert(0) += 1;
            match point {
                Point::Import => _ = house.ask(&IMPORT),
                Point::Sessions => {
                    let changed = house.take_sessions();
                    assert!([0, SESSIONS].contains(&changed), "house {number}: {changed} were not there");
                    whole.fetch_add(usize::from(changed == 0), Ordering::Relaxed);
                }
                _ => {}
            }
        }
        // Rows were rejected, so it exits with 3; what it did is looked at.
        let last = house.start(&["once"], None).wait_with_output().unwrap();
        let end = house.end();
        let said = String::from_utf8_lossy(&last.stderr);
        assert!(end == expected, "house {number}:\n{}it said:\n{said}", difference(&end, &expected));
        let mails = house.mails();
        assert!(mails == expected_mails, "house {number}:\n{}", difference(&mails, &expected_mails));
        let again = house.check_repeats();
        // One on its way at each of the two kills around an answer.
        assert!(again <= 2, "house {number}: {again} mails came again");
        repeats.fetch_add(again, Ordering::Relaxed);
        // And nothing is left to do.
        house.start(&["once"], None).wait().unwrap();
        assert_eq!(house.mails().len(), expected_mails.len());
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > houses {
                        return;
                    }
                    one(number);
                }
            });
        }
    });
    let fallen = fallen.into_inner().unwrap();
    for point in POINTS {
        let kills = fallen.get(&point).copied().unwrap_or(0);
        println!("killed at {point:?}: {kills} times");
        assert!(kills >= 20, "too few at {point:?}");
    }
    println!("{} logs had been taken as a whole, the others not at all", whole.into_inner());
    println!("{} mails came again, with the same bytes", repeats.into_inner());
}

/// Lines of one that are not in the other: the last ones, which tell more than the many incidents.
fn difference(found: &[String], expected: &[String]) -> String {
    let mut text = String::new();
    for (sign, lines, others) in [('+', found, expected), ('-', expected, found)] {
        let differing: Vec<_> = lines.iter().filter(|line| !others.contains(line)).collect();
        writeln!(text, "{sign} {} lines, such as", differing.len()).unwrap();
        for line in differing.iter().rev().take(12) {
            writeln!(text, "{sign} {line}").unwrap();
        }
    }
    text
}

const IMPORT: [&str; 3] = ["customers", "import", "customers.csv"];
const IMPORT_SESSIONS: [&str; 3] = ["sessions", "import", "sessions.csv"];
/// In the log: a week of as many addresses as there are.
const SESSIONS: u64 = 7 * 250;
/// The network in which addresses change hands.
const DYNAMIC: u8 = 6;
/// When every house begins.
const NOW: &str = "2026-11-22T12:00:00Z";
const TODAY: &str = "2026-11-22";
/// A machine that does many things at once may take so long for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Houses at once: they mostly wait, since Shadowserver is asked once a second.
const AT_ONCE: usize = 20;
