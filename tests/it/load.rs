//! Many readers of the page at once, while reports come in and mails go out: wrk asks with 32 connections, without a pause.
//!
//! With `SOAK=1` in the environment a million incidents are stored and wrk asks for half a minute. Without wrk the test
//! says that it is skipped.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::acts::Place;
use crate::house::{is_soak, memory_kib, program};
use crate::sim::mail::MailCatcher;
use crate::sim::reports::Report;
use crate::sim::shadowserver::Shadowserver;
use crate::sim::world::World;

/// What is read, over and over: Overview, and pages of Incidents of every sort.
const TARGETS: &[&str] = &[
    "/",
    "/incidents",
    "/incidents?before=500",
    "/incidents?state=current&severity=critical",
    "/incidents?report=scan_rdp&sort=rows",
    "/incidents?q=10.64.0.77",
    "/incidents?q=C1001",
    "/incidents?sort=last-seen-rising",
    "/incidents?sort=customer",
    "/mail",
];

#[test]
fn readers_disturb_neither_each_other_nor_the_loop() {
    if Command::new("wrk").arg("--version").output().is_err() {
        println!("skipped: there is no wrk, which Debian has in a package of that name");
        return;
    }
    let (problems, seconds, reports) = if is_soak() { (1_000_000, 30, usize::MAX) } else { (2_000, 3, 6) };
    let mut world = World::practice_days("2026-11-21".parse().unwrap(), 2);
    world.cidrs.push("10.64.0.0/12".parse().unwrap());
    let shadow = Shadowserver::start(&world).unwrap();
    // Not those that come later than this test.
    let is_there = |report: &Report| report.appears <= world.today;
    let few: Vec<_> =
        shadow.reports().into_iter().filter(is_there).take(reports).map(|report| report.file).collect();
    shadow.remove(|report| !few.contains(&report.file));
    let mails = MailCatcher::start().unwrap();
    let cidrs: Vec<String> = world.cidrs().iter().map(|cidr| format!("\"{cidr}\"")).collect();
    let settings = format!(
        "[box]\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n[shadowserver]\nkey = \"{}\"\nsecret = \"{}\"\napi_url = \"{}\"\n\
         download_url = \"{}\"\n[networks]\ncidrs = [{}]\n[customers]\nfile = \"customers.csv\"\n[mail]\nurl = \"{}\"\n\
         [policy]\nhold_count_min = 1000\ndigest_hour = 0\n[page]\nlisten = \"127.0.0.1:0\"\nlisten_https = \"\"\n",
        world.key,
        world.secret,
        shadow.api_url(),
        shadow.download_url(),
        cidrs.join(", "),
        mails.url()
    );
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("settings.toml"), settings).unwrap();
    std::fs::write(path("customers.csv"), world.customers_csv()).unwrap();
    // What is there before: problems of nobody, so that no mail is about them.
    let report = "2026-11-18-scan_rdp-example-asn.csv";
    std::fs::write(path(report), many(problems)).unwrap();
    let mut ingest = Command::new(program());
    ingest.args([
        "--settings",
        "settings.toml",
        "--data",
        "data",
        "--at",
        "2026-11-19T12:00:00Z",
        "ingest",
        report,
    ]);
    let done = ingest.current_dir(folder.path()).output().unwrap();
    assert!(done.status.success(), "{done:?}");

    let mut place = Place::open(folder, "");
    place.claim();
    let before = memory_kib(place.child.id(), "VmRSS").unwrap();
    let began = Instant::now();
    place.get("/");
    let counted = began.elapsed().as_secs_f64();
    let targets: Vec<String> = TARGETS.iter().map(|target| format!("{target:?}")).collect();
    let script = format!("local targets = {{ {} }}\n{SCRIPT}", targets.join(", "));
    std::fs::write(place.folder().join("targets.lua"), script).unwrap();
    let wrk = Command::new("wrk")
        .args(["--threads", "1", "--connections", "32", "--timeout", "10s", "--latency"])
        .args(["--duration", &format!("{seconds}s")])
        .arg("--script")
        .arg(place.folder().join("targets.lua"))
        .args(["--header", &format!("Cookie: {}", place.cookie)])
        .arg(format!("http://{}/", place.address))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (said, read_meanwhile) = (String::from_utf8(wrk.stdout).unwrap(), ask(&place, "reports").len());
    println!(
        "{problems} incidents stored before, first counted in {counted:.2} s; {read_meanwhile} reports read meanwhile; \
         {before} KiB before, {} at the peak\n{said}",
        memory_kib(place.child.id(), "VmHWM").unwrap()
    );
    assert!(wrk.status.success() && said.contains("pages: ") && !said.contains("pages: 0,"), "{said}");
    assert!(said.contains(", others: 0\n") && !said.contains("Socket errors"), "{said}");

    // All reports are read, once, with all their rows; each mail is sent, comes in once and tells what no other tells.
    let offered = shadow.reports();
    let (began, mut before) = (Instant::now(), Vec::new());
    let sent = loop {
        let (status, mails) = (ask(&place, "status").remove(0), ask(&place, "outbox"));
        let is_over = !status["last_fetch"].is_null() && mails.iter().all(|mail| mail["state"] == "sent");
        if is_over && !mails.is_empty() && mails == before {
            assert_eq!(status["alarms"], Value::Array(Vec::new()));
            break mails;
        }
        assert!(began.elapsed() < PATIENCE, "{status}");
        before = mails;
        std::thread::sleep(Duration::from_secs(2));
    };
    let read = ask(&place, "reports");
    let file = |read: &Value| read["file"].as_str().unwrap().to_owned();
    let files: BTreeSet<_> = read.iter().map(file).collect();
    assert_eq!(files.len(), read.len(), "none stands there twice");
    let expected: BTreeSet<_> =
        offered.iter().map(|offered| offered.file.clone()).chain([report.to_owned()]).collect();
    assert_eq!(files, expected);
    for report in &offered {
        let row = read
            .iter()
            .find(|read| read["file"] == *report.file)
            .unwrap_or_else(|| panic!("{}", report.file));
        assert_eq!(row["rows"], report.rows(), "{row}");
        assert!(row["unreadable"].is_null(), "{row}");
    }
    assert_eq!(shadow.downloads(), offered.len(), "none was asked for twice");
    let text = |mail: &Value, member: &str| mail[member].as_str().unwrap().to_owned();
    let mut caught: Vec<_> = mails.mails().iter().map(|mail| mail.message_id()).collect();
    let mut expected: Vec<_> = sent.iter().map(|mail| text(mail, "message_id")).collect();
    caught.sort_unstable();
    expected.sort_unstable();
    assert_eq!(caught, expected, "each mail came once");
    let told = |mail: &Value| {
        let to = text(mail, "to");
        let numbers = mail["incidents"].as_array().unwrap().iter();
        numbers.map(|number| (to.clone(), number.to_string())).collect::<Vec<_>>()
    };
    let told: Vec<_> = sent.iter().flat_map(told).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "each told what no other told");
    println!("{} reports with all their rows, {} mails, {} told", offered.len(), caught.len(), told.len());
}

/// What a command says, line by line.
#[track_caller]
fn ask(place: &Place, words: &str) -> Vec<Value> {
    let mut command = Command::new(program());
    command.args(["--data", "data", "--settings", "settings.toml", words, "--json"]);
    let output = command.current_dir(place.folder()).env_remove("RUST_LOG").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A report with so many problems at addresses of nobody.
fn many(problems: u32) -> String {
    let mut csv = "timestamp,severity,ip,protocol,port,hostname\n".to_owned();
    for problem in 0..problems {
        let address = std::net::Ipv4Addr::from((10 << 24 | 64 << 16) + problem / 2);
        let (minute, second) = (problem / 60 % 60, problem % 60);
        let severity = ["critical", "high", "medium", "low", "info"][problem as usize % 5];
        let port = 3389 + problem % 2;
        let _ = writeln!(
            csv,
            "2026-11-18 03:{minute:02}:{second:02},{severity},{address},tcp,{port},host-{problem}"
        );
    }
    csv
}

/// What wrk does beside its counting: it asks for one after the other, and tells pages from all else.
const SCRIPT: &str = "local n, threads = 0, {}
pages, others = 0, 0
function setup(thread) table.insert(threads, thread) end
function request()
  n = n + 1
  return wrk.format('GET', targets[n % #targets + 1])
end
function response(status, _, body)
  if status == 200 and body:sub(-8) == '</html>\\n' then pages = pages + 1 else others = others + 1 end
end
function done()
  for _, thread in ipairs(threads) do
    print('pages: ' .. thread:get('pages') .. ', others: ' .. thread:get('others'))
  end
end
";
/// Shadowserver is asked once a second.
const PATIENCE: Duration = Duration::from_secs(300);
