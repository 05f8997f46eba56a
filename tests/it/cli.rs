//! The program itself against the simulators: what each command prints, and its exit code.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use serde_json::Value;
use tempfile::TempDir;

use crate::sim::mail::MailCatcher;
use crate::sim::shadowserver::{At, Fault, Shadowserver};
use crate::sim::world::World;

/// A folder with settings and customers, and the world around it.
struct Place {
    dir: TempDir,
    world: World,
    shadow: Shadowserver,
    mail: MailCatcher,
}

/// The day it is for most tests, and a moment on it after the digest hour.
const TODAY: &str = "2026-12-03";
const NOON: &str = "2026-12-03T12:00:00Z";

impl Place {
    fn new(mode: &str) -> Self {
        let mut world = World::practice_days(TODAY.parse().unwrap(), 1);
        // The program asks once a second: a few types are enough.
        world.findings.retain(|finding| KINDS.contains(&finding.report.as_str()));
        let (shadow, mail) = (Shadowserver::start(&world).unwrap(), MailCatcher::start().unwrap());
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let place = Self { dir, world, shadow, mail };
        place.write("customers.csv", &place.world.customers_csv());
        place.write("settings.toml", &place.settings(mode));
        place
    }

    fn settings(&self, mode: &str) -> String {
        let (key, secret) = (&self.world.key, &self.world.secret);
        format!(
            "[box]\ntimezone = \"Europe/Vienna\"\nlanguage = \"en\"\nmode = \"{mode}\"\n\
             [organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
             operator_address = \"noc@example.net\"\n\
             [shadowserver]\nkey = \"{key}\"\nsecret = \"{secret}\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n\
             [networks]\ncidrs = {:?}\n[customers]\nfile = \"customers.csv\"\n\
             [mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n[policy]\nhold_share_max = 1\n",
            self.shadow.api_url(),
            self.shadow.download_url(),
            self.world.cidrs(),
            self.mail.url(),
        )
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        abusebox::files::save_atomic(&path, text.as_bytes(), 0o600).unwrap();
        path
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abusebox"));
        command
            .current_dir(self.dir.path())
            .args(["--data", "data", "--settings", "settings.toml"])
            .args(words);
        command.stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// Runs to the end.
    fn run(&self, words: &[&str]) -> Done {
        Done::of(self.command(words).output().unwrap())
    }

    /// The same at [`NOON`].
    fn at_noon(&self, words: &[&str]) -> Done {
        self.run(&[&["--at", NOON], words].concat())
    }

    /// Reports of a world as files.
    fn report_files(&self, world: &World) -> Vec<String> {
        let write = |report: crate::sim::reports::Report| {
            let path = self.dir.path().join(&report.file);
            abusebox::files::save_atomic(&path, &report.body, 0o600).unwrap();
            report.file
        };
        world.reports().into_iter().map(write).collect()
    }

    /// Starts `abusebox run` and waits until it serves its socket.
    fn start(&self, words: &[&str]) -> Running {
        let mut child = self
            .command(&[words, &["run"]].concat())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        let (lines, seen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let running = Running { child, seen, log: std::cell::RefCell::default() };
        running.says("abusebox runs");
        running
    }
}

struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The exit code must be this.
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn complains(self, of: &str) -> Self {
        assert!(self.err.contains(of), "{of:?} is not in: {}", self.err);
        self
    }

    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

struct Running {
    child: Child,
    seen: std::sync::mpsc::Receiver<String>,
    log: std::cell::RefCell<Vec<String>>,
}

impl Running {
    /// Waits until a log line holds `word`.
    #[track_caller]
    fn says(&self, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.seen.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(word);
                    self.log.borrow_mut().push(line);
                    if found {
                        return;
                    }
                }
                Err(_) => panic!("{word:?} was never said: {:#?}", self.log.borrow()),
            }
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// SIGTERM, and how long it took.
    fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.signal("-TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        began.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Report types of the world here.
const KINDS: [&str; 4] = ["scan_rdp", "scan_snmp", "event4_sinkhole", "scan_ssl6"];

const PATIENCE: Duration = Duration::from_secs(40);

/// Each line has all of these members, and those of the second list are there even if null.
#[track_caller]
fn has(line: &Value, members: &[&str]) {
    let object = line.as_object().unwrap();
    for member in members {
        assert!(object.contains_key(*member), "{member} is missing in {line}");
    }
}

fn number(line: &Value, member: &str) -> u64 {
    line[member].as_u64().unwrap_or_else(|| panic!("{member} is no number in {line}"))
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.ends_with('Z') && text.parse::<abusebox::clock::Timestamp>().is_ok())
}

#[test]
fn once_is_a_whole_pass_and_its_exit_code_says_how_it_went() {
    let place = Place::new("live");
    let first = place.at_noon(&["once"]);
    assert!(matches!(first.code, 0 | 3), "{}", first.err);
    assert!(!place.mail.mails().is_empty());
    let sent = place.mail.mails().len();
    place.at_noon(&["once"]).exits(0).complains("0 reports");
    assert_eq!(place.mail.mails().len(), sent, "the second pass has nothing new");

    // A row that cannot be read.
    let day: Day = "2026-12-02".parse().unwrap();
    let bad = crate::sim::reports::Report::new(
        "example-net",
        "scan_ftp",
        day,
        "\"timestamp\",\"ip\"\n\"2026-12-02 01:00:00\",\"198.18.0.1\"\n\"never\",\"198.18.0.1\"\n",
    );
    place.shadow.add(bad.renamed("2026-12-02-scan_ftp-other.csv"));
    place.at_noon(&["once"]).exits(3).complains("1 rejected");

    // It could not be asked at all.
    place.shadow.fail(At::Api, Fault::Status(503), None);
    place.at_noon(&["once"]).exits(1);
    place.shadow.heal();
    place.shadow.set_key("another", "another");
    place.at_noon(&["once"]).exits(1);
    let status = place.at_noon(&["status", "--json"]).exits(0).lines();
    assert_eq!(status[0]["alarms"][0]["code"], "shadowserver_key");
}

#[test]
fn ingest_plans_and_shows_everything_as_json() {
    let place = Place::new("live");
    let files = place.report_files(&World::practice(TODAY.parse().unwrap()));
    let words: Vec<&str> = ["ingest"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let done = place.at_noon(&words);
    assert!(matches!(done.code, 0 | 3), "{}", done.err);
    assert!(place.mail.mails().is_empty(), "sending is for run and once");

    let reports = place.at_noon(&["reports", "--json"]).exits(0).lines();
    assert_eq!(reports.len(), files.len());
    for line in &reports {
        has(line, &["file", "type", "day", "rows", "duplicate_of"]);
        let parts = ["matched", "unassigned", "ambiguous", "unattributable", "outside", "rejected"];
        assert_eq!(parts.iter().map(|part| number(line, part)).sum::<u64>(), number(line, "rows"), "{line}");
        assert!(files.contains(&line["file"].as_str().unwrap().to_owned()));
        assert!(line["day"].as_str().unwrap().parse::<Day>().is_ok());
    }
    let total = |member: &str| reports.iter().map(|line| number(line, member)).sum::<u64>();
    for part in ["matched", "unassigned", "ambiguous", "outside"] {
        assert!(total(part) > 0, "the practice world has {part} rows");
    }

    let incidents = place.at_noon(&["incidents", "--json"]).exits(0).lines();
    assert!(incidents.len() > 100);
    let mut ids = Vec::new();
    for line in &incidents {
        has(
            line,
            &[
                "id",
                "customer",
                "ip",
                "port",
                "report",
                "severity",
                "state",
                "first_seen",
                "last_seen",
                "rows",
            ],
        );
        assert!(line["id"].is_string() && (line["customer"].is_string() || line["customer"].is_null()));
        assert!(line["port"].is_u64() || line["port"].is_null());
        assert!(["critical", "high", "medium", "low", "info"].contains(&line["severity"].as_str().unwrap()));
        assert!(["open", "told", "quiet", "closed"].contains(&line["state"].as_str().unwrap()));
        assert!(is_time(&line["first_seen"]) && is_time(&line["last_seen"]), "{line}");
        assert!(number(line, "rows") > 0);
        ids.push(line["id"].clone());
    }
    assert!(incidents.iter().any(|line| line["customer"].is_null()));

    let outbox = place.at_noon(&["outbox", "--json"]).exits(0).lines();
    assert!(outbox.len() > 10);
    for line in &outbox {
        has(line, &["id", "customer", "to", "state", "practice", "message_id", "incidents"]);
        assert!(line["id"].is_string() && line["practice"] == false);
        assert_eq!(line["state"], "queued");
        assert!(line["to"].as_str().unwrap().contains('@'));
        assert!(line["message_id"].as_str().unwrap().contains('@'));
        let told = line["incidents"].as_array().unwrap();
        assert!(told.iter().all(|id| ids.contains(id)), "{line}");
    }
    // One line per mail and receiver, each with its own Message-ID; once sends just these.
    let mut message_ids: Vec<_> = outbox.iter().map(|line| line["message_id"].as_str().unwrap()).collect();
    message_ids.sort_unstable();
    message_ids.dedup();
    assert_eq!(message_ids.len(), outbox.len());
    place.shadow.remove(|_| true);
    place.at_noon(&["once"]).exits(0);
    let mails = place.mail.mails();
    assert_eq!(mails.len(), outbox.len());
    for mail in &mails {
        let id = mail.message_id();
        let id = id.trim_matches(['<', '>']);
        let line =
            outbox.iter().find(|line| line["message_id"].as_str().unwrap().trim_matches(['<', '>']) == id);
        assert_eq!(line.unwrap_or_else(|| panic!("{id} was not announced"))["to"], mail.to[0]);
    }
    let after = place.at_noon(&["outbox", "--json"]).exits(0).lines();
    assert!(after.iter().all(|line| line["state"] == "sent"));

    // Again: known, and nothing changes.
    place.at_noon(&words).exits(0).complains("known already");
    assert_eq!(place.at_noon(&["incidents", "--json"]).lines().len(), incidents.len());
    assert_eq!(place.at_noon(&["outbox", "--json"]).lines().len(), after.len());
}

#[test]
fn status_whois_and_the_words_for_people() {
    let place = Place::new("hold");
    let status = place.at_noon(&["status", "--json"]).exits(0).lines();
    assert_eq!(status.len(), 1);
    let members = [
        "version",
        "mode",
        "clock_trusted",
        "last_fetch",
        "last_report_day",
        "incidents_open",
        "outbox_held",
        "outbox_queued",
        "alarms",
    ];
    has(&status[0], &members);
    assert_eq!(status[0]["last_fetch"], Value::Null);
    assert_eq!((&status[0]["mode"], &status[0]["clock_trusted"]), (&"hold".into(), &true.into()));
    let pass = place.at_noon(&["once"]);
    assert!(matches!(pass.code, 0 | 3), "{}", pass.err);
    let status = place.at_noon(&["status", "--json"]).lines().remove(0);
    assert!(is_time(&status["last_fetch"]));
    assert_eq!(status["last_report_day"], "2026-12-02");
    assert!(number(&status, "incidents_open") > 0 && number(&status, "outbox_held") > 0);
    assert_eq!(
        number(&status, "outbox_queued"),
        0,
        "in mode hold nothing but the operator's own mail leaves"
    );
    assert!(place.mail.mails().iter().all(|mail| mail.to == ["noc@example.net"]));

    for (address, owner, customer) in [
        ("198.18.0.9", "customer", Some("C1002")),
        ("198.18.5.33", "customer", Some("C1005")),
        ("2001:db8:4001::1", "customer", Some("C1005")),
        ("198.18.17.70", "ambiguous", None),
        ("198.18.200.1", "unassigned", None),
        ("192.0.2.1", "outside", None),
    ] {
        let line = place.at_noon(&["whois", address]).exits(0).lines().remove(0);
        has(&line, &["owner", "customer", "prefix", "why"]);
        assert_eq!(line["owner"], owner, "{address}");
        assert_eq!(line["customer"].as_str(), customer, "{address}");
        assert!(line["why"].as_str().is_some_and(|why| !why.is_empty()));
    }
    place.at_noon(&["whois", "198.18.0.9", "--port", "80"]).exits(0);
    for words in [["incidents"], ["reports"], ["status"], ["outbox"]] {
        assert!(!place.at_noon(&words).exits(0).out.is_empty(), "{words:?}");
    }

    // Release one, drop one, then all.
    let held = place.at_noon(&["outbox", "--json"]).lines();
    let held: Vec<_> =
        held.iter().filter(|line| line["state"] == "held").map(|line| line["id"].clone()).collect();
    let (first, second) = (held[0].as_str().unwrap(), held[held.len() - 1].as_str().unwrap());
    place.at_noon(&["outbox", "release", first]).exits(0).complains("1 mail released");
    place.at_noon(&["outbox", "release", first]).exits(1).complains("is not held");
    place.at_noon(&["outbox", "drop", second]).exits(0);
    let sent = place.mail.mails().len();
    place.at_noon(&["once"]).exits(0);
    assert!(place.mail.mails().len() > sent);
    let state = |id: &str| {
        let lines = place.at_noon(&["outbox", "--json"]).lines();
        lines.iter().find(|line| line["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state(first).as_str(), state(second).as_str()), ("sent", "dropped"));
    place.at_noon(&["outbox", "release", "--all"]).exits(0);
    place.at_noon(&["once"]).exits(0);
    let status = place.at_noon(&["status", "--json"]).lines().remove(0);
    assert_eq!((number(&status, "outbox_held"), number(&status, "outbox_queued")), (0, 0));

    // Close, mute, reopen.
    let state = |id: &str| {
        let lines = place.at_noon(&["incidents", "--json"]).lines();
        lines.iter().find(|line| line["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
    };
    place.at_noon(&["incidents", "close", "1", "2"]).exits(0);
    place.at_noon(&["incidents", "mute", "3", "--until", "2026-12-24"]).exits(0);
    assert_eq!((state("1"), state("2"), state("3")), ("closed".into(), "closed".into(), "quiet".into()));
    place.at_noon(&["incidents", "reopen", "1"]).exits(0);
    assert_eq!(state("1"), "open");
    place.at_noon(&["incidents", "close", "999999"]).exits(1).complains("no incident 999999");
}

#[test]
fn customer_files_are_checked_and_imported() {
    let place = Place::new("live");
    let good = place.write("good.csv", "customer_id,name,email,cidr\nX1,Good,x@x.example,198.18.1.0/24\n");
    let lines = place.at_noon(&["customers", "check", good.to_str().unwrap()]).exits(0).lines();
    assert_eq!(lines.len(), 1);
    has(&lines[0], &["customers", "prefixes", "complaints"]);
    assert_eq!((number(&lines[0], "customers"), number(&lines[0], "prefixes")), (1, 1));
    place.write(
        "faulty.csv",
        "customer_id,name,email,cidr\nX1,Bad mail,nonsense,198.18.1.0/24\nX2,Twice,x@x.example,198.18.1.0/24\n",
    );
    let lines = place.at_noon(&["customers", "check", "faulty.csv"]).exits(3).lines();
    for line in &lines[..lines.len() - 1] {
        has(line, &["line", "field", "complaint"]);
    }
    assert_eq!(number(&lines[lines.len() - 1], "complaints"), lines.len() as u64 - 1);
    // Changed nothing so far.
    assert_eq!(place.at_noon(&["whois", "198.18.0.9"]).lines()[0]["customer"], "C1002");
    // Nearly all customers would be gone: somebody has to confirm that.
    let import = ["--at", "2026-12-04T12:00:00Z", "customers", "import", "faulty.csv"];
    place.run(&import).exits(1).complains("2 customers");
    assert_eq!(place.at_noon(&["whois", "198.18.0.9"]).lines()[0]["customer"], "C1002");
    // Taken, with complaints.
    place.run(&[&import[..], &["--confirm"]].concat()).exits(3);
    let whois = place.run(&["--at", "2026-12-05T12:00:00Z", "whois", "198.18.1.1"]).lines().remove(0);
    assert_eq!(whois["owner"], "ambiguous");
    // A line whose address cannot be read.
    place.write(
        "unreadable.csv",
        "customer_id,name,email,cidr\nX1,One,x@x.example,198.18.1.0/24\nX2,Two,x@x.example,198.18.300.0/24\n",
    );
    let at = ["--at", "2026-12-06T12:00:00Z"];
    let import = |confirm: &[&str]| {
        place.run(&[&at[..], &["customers", "import", "unreadable.csv"], confirm].concat())
    };
    let refused = import(&[]).exits(1).complains("line 3");
    assert!(refused.out.contains("\"line\":3"));
    import(&["--confirm"]).exits(3);
    import(&[]).exits(3);
    let whois = place.run(&["--at", "2026-12-07T12:00:00Z", "whois", "198.18.1.1"]).lines().remove(0);
    assert_eq!(whois["customer"], "X1");
    place.at_noon(&["customers", "check", "absent.csv"]).exits(1).complains("absent.csv");
}

#[test]
fn settings_are_checked_with_all_complaints_at_once() {
    let place = Place::new("live");
    let lines = place.run(&["settings", "check", "settings.toml"]).exits(0).lines();
    assert!(lines.is_empty());
    place.write("bad.toml", "[box]\nmode = \"maybe\"\ncolour = 3\n[policy]\nclose_after_days = 7\n");
    let lines = place.run(&["settings", "check", "bad.toml"]).exits(3).lines();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        has(line, &["line", "field", "complaint"]);
    }
    assert_eq!(lines.iter().map(|line| number(line, "line")).collect::<Vec<_>>(), [2, 3, 5]);
    place.run(&["settings", "check", "absent.toml"]).exits(1).complains("absent.toml");
    assert!(!place.data().exists(), "no store is touched");
    // The program itself does not start with them.
    place.run(&["--settings", "bad.toml", "status"]).exits(1).complains("bad.toml");
}

#[test]
fn parse_prints_rows_and_rejected_lines() {
    let place = Place::new("live");
    let name = "2026-12-02-scan_rdp-example-net-asn.csv";
    place.write(
        name,
        "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\",\"tag\",\"new_column\"\n\
         \"2026-12-02 01:02:03\",\"high\",\"198.18.0.1\",\"tcp\",3389,\"rdp\",\"\u{fc}\"\n\
         \"no time\",\"high\",\"198.18.0.1\",\"tcp\",3389,\"rdp\",\"\"\n\
         \"2026-12-02 01:02:04\",\"odd\",\"2001:DB8::1\",\"TCP\",0,\"two\nlines\",\n\
         \"2026-12-02 01:02:04\",\"high\",\"0.0.0.0\",\"tcp\",3389\n",
    );
    let done = place.run(&["parse", name]).exits(3);
    let lines = done.lines();
    assert_eq!(lines.len(), 4);
    let row = &lines[0];
    has(row, &["report", "line", "time", "ip", "port", "protocol", "severity", "family", "columns"]);
    assert_eq!((&row["report"], &row["line"]), (&"scan_rdp".into(), &2.into()));
    assert_eq!((&row["time"], &row["ip"]), (&"2026-12-02T01:02:03Z".into(), &"198.18.0.1".into()));
    assert_eq!((&row["port"], &row["severity"]), (&3389.into(), &"high".into()));
    assert_eq!(row["columns"]["new_column"], "\u{fc}");
    assert_eq!(row["columns"].as_object().unwrap().len(), 7);
    for (line, number, word) in [(&lines[1], 3, "time"), (&lines[3], 6, "address")] {
        has(line, &["report", "line", "rejected", "detail"]);
        assert_eq!((&line["line"], &line["rejected"]), (&number.into(), &word.into()), "{line}");
    }
    assert_eq!(lines[2]["ip"], "2001:db8::1");
    assert_eq!(lines[2]["port"], Value::Null, "a port that is none");
    assert_eq!(lines[2]["columns"]["tag"], "two\nlines");
    assert!(!place.data().exists(), "no store is touched");
    place.run(&["parse", "absent.csv"]).exits(1).complains("absent.csv");
    place.run(&["ingest", "absent.csv", "--at", NOON]).exits(1).complains("absent.csv");
}

#[test]
fn parse_into_head_does_not_complain() {
    let place = Place::new("live");
    let mut text = "\"timestamp\",\"ip\"\n".to_owned();
    text.push_str(&"\"2026-12-02 01:02:03\",\"198.18.0.1\"\n".repeat(50_000));
    place.write("2026-12-02-scan_rdp-x.csv", &text);
    let mut child = place
        .command(&["parse", "2026-12-02-scan_rdp-x.csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("198.18.0.1"));
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!(complaints, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn help_and_wrong_use() {
    let place = Place::new("live");
    let commands = [
        "run",
        "once",
        "ingest",
        "parse",
        "customers",
        "whois",
        "incidents",
        "reports",
        "status",
        "outbox",
        "settings",
    ];
    let all = place.run(&["--help"]).exits(0).out;
    for command in commands {
        assert!(all.contains(command), "{command}");
        let help = place.run(&[command, "--help"]).exits(0).out;
        assert!(help.starts_with("Usage: abusebox") && help != all, "{command}: {help}");
    }
    place.run(&["--version"]).exits(0);
    for words in [
        &["frobnicate"][..],
        &["ingest"],
        &["parse"],
        &["whois"],
        &["whois", "nowhere"],
        &["whois", "192.0.2.1", "--port", "70000"],
        &["customers"],
        &["customers", "burn", "x.csv"],
        &["settings", "check"],
        &["outbox", "release"],
        &["outbox", "release", "x"],
        &["incidents", "mute", "1"],
        &["status", "--at", "tomorrow"],
        &["status", "--colour"],
        &["status", "now"],
        &["run", "fast"],
        // Options that were meant for another command, or more than was meant.
        &["outbox", "release", "--all", "7"],
        &["incidents", "close", "7", "--until", "2026-12-31"],
        &["incidents", "close", "--all"],
        &["reports", "--port", "80"],
    ] {
        let done = place.run(words).exits(2).complains("abusebox");
        assert_eq!(done.out, "", "{words:?}");
    }
    assert!(!place.data().exists());
}

#[test]
fn nothing_is_taken_in_before_the_networks_are_known() {
    let place = Place::new("hold");
    let files = place.report_files(&place.world);
    std::fs::remove_file(place.dir.path().join("settings.toml")).unwrap();
    place.at_noon(&["ingest", &files[0]]).exits(1).complains("networks.cidrs");
    place.at_noon(&["once"]).exits(1).complains("there is no settings file").complains("networks.cidrs");
    place
        .write("settings.toml", &place.settings("hold").replace("[networks]\ncidrs", "[networks]\nsilenced"));
    place.at_noon(&["once"]).exits(1).complains("still to do: Set networks.cidrs");
    assert_eq!(place.at_noon(&["reports", "--json"]).exits(0).out, "", "and so nothing counts as outside");
    place.write("settings.toml", &place.settings("hold"));
    place.at_noon(&["ingest", &files[0]]);
    assert_eq!(place.at_noon(&["reports", "--json"]).lines().len(), 1);
}

#[test]
fn a_pass_that_fails_says_why() {
    let place = Place::new("hold");
    place.shadow.fail(At::Api, Fault::Status(503), None);
    for _ in 0..2 {
        place.at_noon(&["once"]).exits(1).complains("no reports: ");
    }
}

#[test]
fn an_untrusted_clock_lets_nothing_happen() {
    let place = Place::new("live");
    // What is on record is newer than what the clock says by years. A chosen moment is not put on record.
    let files = place.report_files(&place.world);
    place.run(&["--at", "2066-12-03T12:00:00Z", "ingest", &files[0]]);
    let status = place.run(&["status", "--json"]).exits(0).lines().remove(0);
    assert_eq!(status["clock_trusted"], true);
    let newest = abusebox::store::Newest { at: "2066-12-03T12:00:00Z".parse().unwrap() };
    let store = abusebox::store::Store::open(&place.data().join("abusebox.redb")).unwrap();
    store.write(|txn| txn.set_meta(&newest)).unwrap();
    drop(store);
    let (mails, calls) = (place.mail.mails().len(), place.shadow.log().len());
    place.run(&["once"]).exits(1).complains("clock");
    place.run(&["ingest", &files[1]]).exits(1).complains("clock");
    let status = place.run(&["status", "--json"]).exits(0).lines().remove(0);
    assert_eq!(status["clock_trusted"], false);
    let running = place.start(&[]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.stop() < Duration::from_secs(8));
    assert_eq!((place.mail.mails().len(), place.shadow.log().len()), (mails, calls));
}

#[test]
fn while_run_works_the_other_commands_ask_it_and_print_the_same() {
    let place = Place::new("hold");
    let pass = place.at_noon(&["once"]);
    assert!(matches!(pass.code, 0 | 3));
    let words: [&[&str]; 6] = [
        &["--at", NOON, "incidents", "--json"],
        &["--at", NOON, "reports", "--json"],
        &["--at", NOON, "outbox", "--json"],
        &["--at", NOON, "whois", "198.18.0.9"],
        &["--at", NOON, "customers", "check", "customers.csv"],
        &["--at", NOON, "incidents"],
    ];
    let alone: Vec<Done> = words.iter().map(|words| place.run(words)).collect();
    let running = place.start(&["--at", NOON]);
    for (words, alone) in words.iter().zip(&alone) {
        let asked = place.run(words);
        assert_eq!(asked.code, alone.code, "{words:?}: {}", asked.err);
        assert_eq!(asked.out, alone.out, "{words:?}");
    }
    place.run(&["once"]).exits(1).complains("run is at work");
    place.run(&["run"]).exits(1).complains("run is at work");
    // A relative path is taken from where the command was typed.
    let files = place.report_files(&place.world);
    place.run(&["ingest", &files[0]]).exits(0).complains("known already");
    place.run(&["whois", "nowhere"]).exits(2);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(place.data().join("abusebox.sock")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    assert!(running.stop() < Duration::from_secs(8));
    assert!(!place.data().join("abusebox.sock").exists());
    place.at_noon(&["status"]).exits(0);
}

#[test]
fn what_a_killed_run_leaves_behind_stops_nobody() {
    let place = Place::new("hold");
    let mut running = place.start(&["--at", NOON]);
    running.signal("-KILL");
    running.child.wait().unwrap();
    assert!(place.data().join("abusebox.sock").exists(), "nobody was left to remove it");
    place.at_noon(&["status"]).exits(0);
    let again = place.start(&["--at", NOON]);
    place.at_noon(&["status"]).exits(0);
    assert!(again.stop() < Duration::from_secs(8));
}

#[test]
fn run_stopped_in_the_middle_of_a_fetch_goes_on_after_the_next_start() {
    let place = Place::new("hold");
    let slow = place.shadow.reports()[0].file.clone();
    place.shadow.fail(At::File(slow.clone()), Fault::Silent, None);
    let running = place.start(&["--at", "2026-12-03T03:00:00Z"]);
    let deadline = Instant::now() + PATIENCE;
    while place.shadow.count(&slow) == 0 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(running.stop() < Duration::from_secs(5));
    place.shadow.heal();
    let pass = place.run(&["--at", "2026-12-03T05:00:00Z", "once"]);
    assert!(matches!(pass.code, 0 | 3), "{}", pass.err);
    let reports = place.at_noon(&["reports", "--json"]).lines();
    assert_eq!(
        reports.len(),
        place.shadow.reports().iter().filter(|r| r.appears <= place.world.today).count()
    );
}

#[test]
fn run_goes_on_from_the_given_moment_and_takes_changed_files() {
    let place = Place::new("hold");
    place.shadow.remove(|_| true);
    let running = place.start(&["--at", "2026-12-03T12:00:00Z"]);
    let status = || place.run(&["status", "--json"]).exits(0).lines().remove(0);
    let deadline = Instant::now() + PATIENCE;
    while status()["last_fetch"].is_null() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    let fetched = status()["last_fetch"].as_str().unwrap().to_owned();
    assert!(fetched.starts_with("2026-12-03T12:0"), "{fetched}");
    place.write("settings.toml", &place.settings("practice"));
    place.write("customers.csv", &(place.world.customers_csv() + "NEW,New,new@x.example,198.18.0.254,,\n"));
    let wait_for = |what: &str, seen: &dyn Fn() -> bool| {
        let deadline = Instant::now() + PATIENCE;
        while !seen() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    wait_for("the mode", &|| status()["mode"] == "practice");
    wait_for("the customers", &|| place.run(&["whois", "198.18.0.254"]).lines()[0]["customer"] == "NEW");
    // Settings with a fault change nothing and raise an alarm.
    place.write("settings.toml", "[box]\nmode = \"what\"\n");
    wait_for("the alarm", &|| status()["alarms"][0]["code"] == "settings");
    assert_eq!(status()["mode"], "practice");
    place.write("settings.toml", &place.settings("live"));
    let no_alarm = || status()["alarms"].as_array().unwrap().is_empty();
    wait_for("the end of the alarm", &no_alarm);
    // The same when they are gone: by defaults no network would be ours.
    std::fs::remove_file(place.dir.path().join("settings.toml")).unwrap();
    wait_for("the alarm", &|| status()["alarms"][0]["code"] == "settings");
    assert_eq!(status()["mode"], "live");
    assert_eq!(place.run(&["whois", "198.18.0.9"]).lines()[0]["owner"], "customer");
    place.write("settings.toml", &place.settings("live"));
    wait_for("the end of the alarm", &no_alarm);
    assert!(running.stop() < Duration::from_secs(8));
}

#[test]
fn run_works_without_an_authority_that_is_missing_and_takes_it_when_it_is_there() {
    let place = Place::new("hold");
    place.shadow.remove(|_| true);
    place.write("settings.toml", &(place.settings("hold") + "[trust]\nextra_ca = [\"ca.pem\"]\n"));
    let complaints = place.run(&["settings", "check", "settings.toml"]).exits(3).lines();
    assert_eq!(complaints.len(), 1);
    assert_eq!(complaints[0]["field"], "trust.extra_ca");
    assert!(complaints[0]["complaint"].as_str().unwrap().contains("ca.pem cannot be read"), "{complaints:?}");
    let running = place.start(&["--at", "2026-12-03T12:00:00Z"]);
    let wait_for = |what: &str, seen: &dyn Fn(&[Value]) -> bool| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = place.run(&["status", "--json"]).exits(0).lines().remove(0);
            if seen(status["alarms"].as_array().unwrap()) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let says = |alarms: &[Value], word: &str| {
        alarms.iter().any(|alarm| alarm["code"] == "trust" && alarm["text"].as_str().unwrap().contains(word))
    };
    wait_for("the alarm", &|alarms| says(alarms, "Lay the file there"));
    place.write("ca.pem", "nothing of use");
    wait_for("another alarm", &|alarms| says(alarms, "no certificate in PEM form"));
    let made = rcgen::generate_simple_self_signed(["mail.example.net".to_owned()]).unwrap();
    place.write("ca.pem", &made.cert.pem());
    wait_for("the end of the alarm", &|alarms| alarms.is_empty());
    running.says("settings taken");
    place.run(&["settings", "check", "settings.toml"]).exits(0);
    std::fs::remove_file(place.dir.path().join("ca.pem")).unwrap();
    wait_for("the alarm once more", &|alarms| says(alarms, "Lay the file there"));
    assert!(running.stop() < Duration::from_secs(8));
}
