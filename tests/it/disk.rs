//! A disk that is full, or that cannot be written to, at the worst moments: the real program on a small file system.
//!
//! The file system is mounted in a namespace of the test, which root may make; it is gone with the test.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use abusebox::system::watchdog::Disk as Storage;
use abusebox::system::writer::{Kept, Order};
use serde_json::Value;

use crate::house::at;
use crate::mta::is_root;
use crate::sim::mail::{Act, MailCatcher, Stage};
use crate::sim::reports::Report;
use crate::sim::shadowserver::Shadowserver;
use crate::sim::world::World;

const DAY: &str = "2026-11-20";
const NOW: &str = "2026-11-21T06:00:00Z";
const DISK_BYTES: u64 = 16 << 20;
/// Enough for a small file and not for a large change.
const LITTLE_BYTES: u64 = 512 * 1024;

#[test]
fn nothing_is_lost_when_the_disk_is_full() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/25\nB,Bert,b@cust.example,192.0.2.128/25\n", 0);

    // At an import.
    disk.fill(0);
    let more = "A,Anna,a@cust.example,192.0.2.0/25\nB,Bert,b@cust.example,192.0.2.128/26\n";
    let refused = disk.import(more, 1);
    assert!(refused.err.contains("No space left") || refused.err.contains("make room"), "{refused:?}");
    assert_eq!(disk.owner("192.0.2.200"), "B", "the earlier customers answer on");

    // While a report is downloaded.
    disk.publish("scan_rdp", 1, "critical");
    let failed = disk.once();
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.err.contains("no room left") || failed.err.contains("make room"), "{failed:?}");
    assert_eq!(disk.rows(), Vec::<(u64, u64)>::new());

    // When it is committed: there is room for the file and not for what follows from it.
    disk.publish("scan_telnet", 6000, "medium");
    disk.fill(LITTLE_BYTES);
    let failed = disk.once();
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(disk.rows().iter().all(|rows| *rows != (6000, 6000)), "it does not count as read");

    // Room again: all is there once, and the customer hears of it once.
    disk.free();
    assert_eq!(disk.import(more, 0).code, 0);
    assert_eq!(disk.owner("192.0.2.200"), "null");
    disk.import("A,Anna,a@cust.example,192.0.2.0/25\nB,Bert,b@cust.example,192.0.2.128/25\n", 0);
    assert_eq!(disk.once().code, 0);
    assert_eq!(disk.rows(), [(1, 1), (6000, 6000)]);
    assert_eq!(disk.mails("a@cust.example"), 1);
    assert_eq!(disk.once().code, 0);
    assert_eq!((disk.rows(), disk.mails("a@cust.example")), (vec![(1, 1), (6000, 6000)], 1));

    // When a mail is about to go: it waits, and goes once.
    let file = disk.report("scan_ftp", 1, "critical", "192.0.2.129");
    assert_eq!(disk.run(&["ingest", file.to_str().unwrap()]).code, 0);
    disk.remount("ro");
    assert_eq!(disk.once().code, 1);
    assert_eq!(disk.mails("b@cust.example"), 0, "nothing is sent that cannot be recorded");
    disk.remount("rw");
    assert_eq!(disk.once().code, 0);
    assert_eq!(disk.mails("b@cust.example"), 1);
    assert_eq!(disk.once().code, 0);
    assert_eq!(disk.mails("b@cust.example"), 1);
}

#[test]
fn a_running_box_reads_on_and_recovers_by_itself() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/24\n", 0);
    let running = disk.start();
    let first = disk.report("scan_rdp", 1, "medium", "192.0.2.1");
    assert_eq!(disk.run(&["ingest", first.to_str().unwrap()]).code, 0);
    let known = disk.run(&["incidents", "--json"]).out;
    assert!(known.contains("192.0.2.1"), "{known}");

    disk.fill(LITTLE_BYTES);
    let large = disk.report("scan_telnet", 6000, "medium", "192.0.2.2");
    for _ in 0..3 {
        let failed = disk.run(&["ingest", large.to_str().unwrap()]);
        assert_eq!(failed.code, 1, "{failed:?}");
        disk.fill(0);
        assert_eq!(
            disk.run(&["incidents", "--json"]).out,
            known,
            "it reads on, and nothing is there by half"
        );
        assert_eq!(disk.run(&["status"]).code, 0);
    }
    let closed = disk.run(&["incidents", "close", "1"]);
    assert!(closed.code == 1 && closed.err.contains("make room"), "{closed:?}");

    disk.free();
    assert_eq!(disk.run(&["ingest", large.to_str().unwrap()]).code, 0, "the same process works again");
    assert_eq!(disk.rows(), [(1, 1), (6000, 6000)]);
    disk.stop(running);
    assert_eq!(disk.rows(), [(1, 1), (6000, 6000)], "and it was stored");
}

#[test]
fn the_supervisor_tells_a_full_disk_from_one_that_refuses() {
    let Some(disk) = Small::mount() else { return };
    fs::create_dir_all(disk.on_disk("data/system")).unwrap();
    let mut kept = Kept::new(&disk.on_disk("data"), &disk.folder.path().join("messages"));
    let probe = Order { probe: true, ..Order::default() };
    assert_eq!(kept.carry_out(probe), Storage::Works);
    // An empty file still finds room there.
    disk.fill(LITTLE_BYTES / 4);
    fs::write(disk.on_disk("data/empty"), "").unwrap();
    assert_eq!(kept.carry_out(probe), Storage::Full);
    assert_eq!(kept.carry_out(Order::default()), Storage::Full, "also when nobody asks");
    disk.fill(0);
    assert_eq!(kept.carry_out(probe), Storage::Full);
    disk.free();
    assert_eq!(kept.carry_out(probe), Storage::Works);
    disk.remount("ro");
    assert_eq!(kept.carry_out(probe), Storage::Broken);
}

#[test]
fn a_mail_that_was_taken_while_the_disk_was_full_is_not_sent_again() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/24\n", 0);
    let running = disk.start();
    disk.mail.script(Stage::Body, "a@cust.example", Act::Slow(Duration::from_secs(4)), None);
    let small = disk.report("scan_rdp", 1, "critical", "192.0.2.1");
    assert_eq!(disk.run(&["ingest", small.to_str().unwrap()]).code, 0);
    disk.wait("the mail is on its way", || disk.mail.commands().iter().any(|line| line == "DATA"));
    disk.fill(LITTLE_BYTES);
    let large = disk.report("scan_telnet", 6000, "medium", "192.0.2.2");
    assert_eq!(disk.run(&["ingest", large.to_str().unwrap()]).code, 1, "now the store has failed");
    disk.fill(0);
    disk.wait("the disk is complained of", || {
        disk.mails("a@cust.example") == 1 && disk.log().contains("code=\"disk\"")
    });
    assert_eq!(disk.states(), ["queued"]);

    disk.free();
    // Any change wakes the loop, which would else wait for some minutes.
    disk.wait("the answer is stored", || {
        disk.run(&["outbox", "release", "1"]);
        disk.states() == ["sent"]
    });
    assert_eq!(disk.mails("a@cust.example"), 1);
    disk.stop(running);
}

#[test]
fn a_disk_that_cannot_be_written_can_be_read() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/24\n", 0);
    let first = disk.report("scan_rdp", 3, "medium", "192.0.2.1");
    assert_eq!(disk.run(&["ingest", first.to_str().unwrap()]).code, 0);
    let asked =
        [&["incidents", "--json"][..], &["reports", "--json"], &["status", "--json"], &["outbox", "--json"]];
    let before = asked.map(|words| disk.run(words).out);
    let second = disk.report("scan_telnet", 2, "medium", "192.0.2.9");

    disk.remount("ro");
    assert_eq!(asked.map(|words| disk.run(words).out), before);
    assert_eq!(disk.owner("192.0.2.7"), "A");
    let failed = disk.run(&["ingest", second.to_str().unwrap()]);
    assert!(failed.code == 1 && !failed.err.is_empty(), "{failed:?}");
    let failed = disk.run(&["incidents", "close", "1"]);
    assert!(failed.code == 1 && failed.err.contains("Read-only file system"), "{failed:?}");

    disk.remount("rw");
    assert_eq!(asked.map(|words| disk.run(words).out), before);
    assert_eq!(disk.run(&["ingest", second.to_str().unwrap()]).code, 0);
    assert_eq!(disk.rows(), [(3, 3), (2, 2)]);
}

/// As when a box starts with a card that has gone bad, which its supervisor does again and again.
#[test]
fn a_box_that_starts_on_a_disk_that_cannot_be_written_says_so_and_recovers_by_itself() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/24\n", 0);
    let first = disk.report("scan_rdp", 1, "medium", "192.0.2.1");
    assert_eq!(disk.run(&["ingest", first.to_str().unwrap()]).code, 0);
    disk.publish("scan_telnet", 2, "critical");
    let running = disk.spawn(1);
    disk.wait("somebody claims it", || disk.claim());
    disk.stop(running);
    disk.remount("ro");
    let running = disk.spawn(50);
    // Whoever has a password gets in, though that cannot be noted.
    disk.wait("the page is up and says it", || {
        disk.page("/").is_some_and(|page| page.contains("Read-only file system"))
    });
    assert!(disk.page("/incidents").unwrap().contains("192.0.2.1"), "what is known can be read");
    // It tries again each 300 s, here each 6 s.
    disk.wait("it is tried again", || disk.log().matches("code=\"fetch\"").count() >= 2);
    assert!(disk.log().lines().count() < 30, "but not all the time: {}", disk.log());
    assert_eq!((disk.mails("a@cust.example"), disk.on_disk("data/abusebox.sock").exists()), (0, false));

    disk.remount("rw");
    disk.wait("commands are heard", || disk.on_disk("data/abusebox.sock").exists());
    disk.wait("it works", || disk.mails("a@cust.example") == 1);
    disk.wait("all is well", || disk.alarms().is_empty());
    assert_eq!(disk.rows(), [(1, 1), (2, 2)]);
    disk.stop(running);
    assert_eq!(disk.rows(), [(1, 1), (2, 2)], "and it was stored");
}

#[test]
fn a_first_start_waits_for_a_disk_that_can_be_written() {
    let Some(disk) = Small::mount() else { return };
    disk.remount("ro");
    let running = disk.spawn(1);
    disk.wait("it says so", || disk.log().contains("Read-only file system"));
    assert_eq!(disk.run(&["status"]).code, 1, "a person is not made to wait");
    disk.remount("rw");
    disk.wait("it is at work", || disk.on_disk("data/abusebox.sock").exists());
    assert_eq!(disk.run(&["status"]).code, 0);
    disk.stop(running);
}

#[test]
fn where_room_is_short_old_reports_go_first() {
    let Some(disk) = Small::mount() else { return };
    disk.import("A,Anna,a@cust.example,192.0.2.0/24\n", 0);
    for (kind, moment) in [("scan_rdp", "2026-11-10T06:00:00Z"), ("scan_ftp", "2026-11-20T06:00:00Z")] {
        let file = disk.report(kind, 1, "medium", "192.0.2.1");
        assert_eq!(disk.run(&["ingest", file.to_str().unwrap(), "--at", moment]).code, 0);
    }
    assert_eq!(disk.spooled(), ["scan_ftp", "scan_rdp"]);
    assert_eq!(disk.once().code, 0);
    assert_eq!((disk.spooled(), disk.alarms()), (vec!["scan_ftp", "scan_rdp"], vec![]));
    disk.fill(LITTLE_BYTES);
    disk.once();
    assert_eq!((disk.spooled(), disk.alarms()), (vec!["scan_ftp"], vec!["disk".to_owned()]));
    disk.free();
    assert_eq!(disk.once().code, 0);
    assert_eq!(disk.alarms(), Vec::<String>::new());
}

/// A box on a small disk, and the world around it.
struct Small {
    folder: tempfile::TempDir,
    /// Keeps the namespace: it waits for the end of its input, which comes with the end of the test.
    holder: Child,
    shadow: Shadowserver,
    mail: MailCatcher,
    /// Of the page, as a cookie.
    session: RefCell<String>,
}

/// What a command came to.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Small {
    /// `None`, with a line that says why, where nobody may mount. A machine that tests for others as root must.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("disk")).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={DISK_BYTES} tmpfs {} && echo mounted && read end",
            folder.path().join("disk").display()
        );
        let holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut said = [0; 8];
        let mut holder = match holder {
            Ok(holder) => holder,
            Err(error) => return skipped(&error.to_string()),
        };
        if holder.stdout.as_mut().unwrap().read_exact(&mut said).is_err() {
            let mut why = String::new();
            holder.stderr.as_mut().unwrap().read_to_string(&mut why).unwrap();
            holder.wait().unwrap();
            return skipped(why.trim());
        }
        let world = World::empty(DAY.parse().unwrap());
        let (shadow, mail) = (Shadowserver::start(&world).unwrap(), MailCatcher::start().unwrap());
        shadow.set_today(at(NOW).day());
        let settings = format!(
            "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\n\
             abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [shadowserver]\nkey = \"{}\"\nsecret = \"practice-secret\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\"]\n[page]\nlisten = \"127.0.0.1:0\"\n[mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n",
            world.key,
            shadow.api_url(),
            shadow.download_url(),
            mail.url()
        );
        fs::write(folder.path().join("settings.toml"), settings).unwrap();
        Some(Self { folder, holder, shadow, mail, session: RefCell::default() })
    }

    /// A file on the small disk, as seen from here.
    fn on_disk(&self, name: &str) -> PathBuf {
        let inside = self.folder.path().join("disk").join(name);
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), inside.display()))
    }

    /// Takes all room but so much.
    fn fill(&self, but: u64) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.on_disk("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
        let bytes = ballast.metadata().unwrap().len();
        ballast.set_len(bytes.checked_sub(but).unwrap()).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.on_disk("ballast")).unwrap();
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg(program);
        command
    }

    fn remount(&self, how: &str) {
        let disk = self.folder.path().join("disk");
        let status = self.inside("mount").args(["-o", &format!("remount,{how}")]).arg(disk).status();
        assert!(status.unwrap().success());
    }

    fn abusebox(&self) -> Command {
        let mut command = self.inside(env!("CARGO_BIN_EXE_abusebox"));
        command.arg("--data").arg(self.folder.path().join("disk/data"));
        command.arg("--settings").arg(self.folder.path().join("settings.toml")).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Done {
        let mut command = self.abusebox();
        if !words.contains(&"--at") {
            command.args(["--at", NOW]);
        }
        let done = command.args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = done.status.code().unwrap_or_else(|| panic!("{words:?}: {}", done.status));
        Done { code, out: text(done.stdout), err: text(done.stderr) }
    }

    fn once(&self) -> Done {
        self.run(&["once"])
    }

    #[track_caller]
    fn import(&self, lines: &str, code: i32) -> Done {
        let path = self.folder.path().join("list.csv");
        fs::write(&path, format!("customer_id,name,email,cidr\n{lines}")).unwrap();
        let done = self.run(&["customers", "import", path.to_str().unwrap()]);
        assert_eq!(done.code, code, "{done:?}");
        done
    }

    /// Rows of distinct problems.
    fn body(rows: usize, severity: &str, first: &str) -> String {
        let mut csv = "timestamp,severity,protocol,ip,port\n".to_owned();
        for row in 0..rows {
            writeln!(csv, "{DAY} 05:00:00,{severity},tcp,{first},{}", 1000 + row).unwrap();
        }
        csv
    }

    /// A report file beside the small disk.
    fn report(&self, kind: &str, rows: usize, severity: &str, first: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{DAY}-{kind}-example.csv"));
        fs::write(&path, Self::body(rows, severity, first)).unwrap();
        path
    }

    /// A report at Shadowserver.
    fn publish(&self, kind: &'static str, rows: usize, severity: &str) {
        let day: Day = DAY.parse().unwrap();
        self.shadow.add(Report::new("example-net", kind, day, Self::body(rows, severity, "192.0.2.1")));
    }

    fn json(&self, words: &[&str]) -> Vec<Value> {
        let done = self.run(words);
        assert_eq!(done.code, 0, "{done:?}");
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Rows of each report, and how many of them were matched.
    fn rows(&self) -> Vec<(u64, u64)> {
        let number = |report: &Value, name: &str| report[name].as_u64().unwrap();
        let reports = self.json(&["reports", "--json"]);
        reports.iter().map(|report| (number(report, "rows"), number(report, "matched"))).collect()
    }

    fn owner(&self, address: &str) -> String {
        let found = self.json(&["whois", address, "--json"]).remove(0);
        found["customer"].as_str().unwrap_or("null").to_owned()
    }

    fn alarms(&self) -> Vec<String> {
        let status = self.json(&["status", "--json"]).remove(0);
        let alarms = status["alarms"].as_array().unwrap();
        alarms.iter().map(|alarm| alarm["code"].as_str().unwrap().to_owned()).collect()
    }

    fn mails(&self, to: &str) -> usize {
        self.mail.mails().iter().filter(|mail| mail.to == [to]).count()
    }

    /// States of the mails to customers.
    fn states(&self) -> Vec<String> {
        let outbox = self.json(&["outbox", "--json"]);
        let ours = outbox.iter().filter(|mail| !mail["customer"].is_null());
        ours.map(|mail| mail["state"].as_str().unwrap().to_owned()).collect()
    }

    /// What the page shows to the person who has claimed it, once it is up.
    fn page(&self, path: &str) -> Option<String> {
        let mut session = self.session.borrow_mut();
        let shown = |session: &str| {
            self.ask("GET", path, session, "").filter(|reply| reply.starts_with("HTTP/1.1 200"))
        };
        shown(&session).or_else(|| {
            let entered = self.ask("POST", "/login", "", PERSON)?;
            let (_, opened) = entered.split_once("Set-Cookie: ")?;
            *session = opened.split_once(';')?.0.to_owned();
            shown(&session)
        })
    }

    /// Whether the page let us make it ours.
    fn claim(&self) -> bool {
        let code = fs::read_to_string(self.on_disk("data/setup-code")).unwrap_or_default();
        let form = format!("code={}&again=several+good+words&{PERSON}", code.trim());
        self.ask("POST", "/claim", "", &form).is_some_and(|reply| reply.contains("Set-Cookie: sid="))
    }

    fn ask(&self, method: &str, path: &str, cookie: &str, form: &str) -> Option<String> {
        let log = self.log();
        let (_, address) = log.split_once("page at http://")?;
        let (address, _) = address.split_once('/')?;
        let mut stream = TcpStream::connect(address).ok()?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
            form.len()
        )
        .ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        Some(reply)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(30), "waited for: {what}; {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types of the reports in the spool.
    fn spooled(&self) -> Vec<&'static str> {
        let entries = fs::read_dir(self.on_disk("data/spool")).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        ["scan_ftp", "scan_rdp"]
            .into_iter()
            .filter(|kind| names.iter().any(|name| name.contains(kind)))
            .collect()
    }

    /// `run`, so many times as fast as the world.
    fn spawn(&self, pace: u32) -> Running {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.abusebox();
        command.env("ABUSEBOX_PACE", pace.to_string());
        command.args(["--at", NOW, "run"]).stdout(Stdio::null()).stderr(log);
        Running(command.spawn().unwrap())
    }

    fn start(&self) -> Running {
        let child = self.spawn(1);
        let began = Instant::now();
        while !self.on_disk("data/abusebox.sock").exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    fn stop(&self, mut running: Running) {
        let child = &mut running.0;
        assert!(child.try_wait().unwrap().is_none(), "it was still running");
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}

/// `abusebox run`; it does not outlive a test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn skipped<T>(why: &str) -> Option<T> {
    let must = is_root() && std::env::var("CI").as_deref() == Ok("true");
    assert!(!must, "in CI root must be able to mount: {why}");
    // Past the capture of the test harness: whoever looks at the run sees what it did not test.
    let _ = writeln!(std::io::stderr(), "skipped, no small disk to be had: {why}");
    None
}

/// Who has claimed the page, as a form says it.
const PERSON: &str = "name=ann&password=several+good+words";
