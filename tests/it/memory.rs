//! How much memory the real program takes: over a report however large, and at rest after a week.
//!
//! With `SOAK=1` in the environment the report has a gigabyte and the week seven days, and the budget at rest is that of
//! the optimised program, which `ABUSEBOX` must then name (`make soak` makes it).

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use abusebox::report::kind::{self, KINDS};

use crate::hostile::Bench;
use crate::house::{is_soak, memory_kib, program};
use crate::sim::mail::{self, MailCatcher, MailSecurity};
use crate::sim::net::Authority;
use crate::sim::reports::Report;
use crate::sim::shadowserver::{self, Shadowserver};
use crate::sim::values;
use crate::sim::world::World;

/// What a pass over a large report may take more than one over a small.
const GROWTH_KIB_MAX: u64 = 8 * 1024;
/// What any pass may take.
const PEAK_KIB_MAX: u64 = 64 * 1024;
/// In a report of ten megabytes, each row is another problem.
const PROBLEMS: u32 = 9000;
/// What `run` may take at rest.
const IDLE_KIB_MAX: u64 = 16 * 1024;
const DAY: &str = "2026-11-20";

#[test]
fn a_pass_takes_no_more_memory_for_a_larger_report() {
    let [small, large] = if is_soak() { [10, 1000] } else { [10, 50] };
    let [small, large] = [small, large].map(|megabytes| pass(megabytes, PROBLEMS));
    println!("growth: {} KiB of at most {GROWTH_KIB_MAX}", large.saturating_sub(small));
    assert!(large <= small + GROWTH_KIB_MAX, "{small} KiB, {large} KiB");
}

/// Half a million at once are more than a small provider has addresses. What the store notes of its own pages in one
/// transaction grows with them, and with nothing else.
#[test]
fn a_pass_over_nothing_but_new_problems_stays_within_the_budget() {
    let peak = pass(if is_soak() { 1000 } else { 20 }, u32::MAX);
    assert!(peak <= PEAK_KIB_MAX, "{peak} KiB");
}

/// The most memory that `ingest` takes for a report of this size and so many problems, in KiB.
#[track_caller]
fn pass(megabytes: u64, problems: u32) -> u64 {
    let bench = Bench::empty();
    std::fs::write(bench.dir("settings.toml"), SETTINGS).unwrap();
    let customers = bench.file("customers.csv", |out| {
        out.write_all(b"customer_id,name,email,cidr\n")?;
        (0..1024).try_for_each(|n| {
            writeln!(out, "N{n},Customer {n},n{n}@cust.example,{}/25", Ipv4Addr::from(NETWORK + n * 128))
        })
    });
    assert_eq!(bench.run(&["customers", "import", customers.to_str().unwrap()]).code, 0);
    let mut rows = 0;
    let report = bench.file(&format!("{DAY}-{KIND}-example-asn.csv"), |out| {
        rows = write_report(out, megabytes * 1_000_000, problems)?;
        Ok(())
    });
    let began = Instant::now();
    let done = bench.run(&["ingest", report.to_str().unwrap()]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains(&format!("{rows} rows of {KIND}: {rows} matched")), "{}", done.err);
    println!(
        "a report of {megabytes} MB, {rows} rows about {} problems: {} KiB at most, {:.0} s, a store of {} MiB",
        problems.min(rows).min(131_072 * 4),
        done.peak_kib,
        began.elapsed().as_secs_f64(),
        std::fs::metadata(bench.dir("data/abusebox.redb")).unwrap().len() >> 20
    );
    done.peak_kib
}

/// Writes rows as the simulated Shadowserver has them until there are so many bytes. Says how many rows. Every
/// address has a few ports: so many problems come one after the other, and then the same again.
fn write_report(out: &mut dyn Write, bytes: u64, problems: u32) -> io::Result<u32> {
    let mut world = World::empty(DAY.parse().unwrap());
    world.customers = World::practice(world.today).customers;
    let address = IpAddr::V4(Ipv4Addr::from(NETWORK));
    for _ in 0..40 {
        world.add(KIND, address, world.today, world.today);
    }
    let reports = world.reports_on(world.today);
    let mut records =
        csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(&reports[0].body[..]);
    let mut records = records.byte_records().map(Result::unwrap);
    let header = records.next().unwrap();
    // Lines cut in pieces, with time, address and port to be put between them.
    let cuts: Vec<usize> = ["timestamp", "ip", "port"]
        .iter()
        .map(|name| header.iter().position(|cell| cell == name.as_bytes()).unwrap())
        .collect();
    let templates: Vec<Vec<Vec<u8>>> = records
        .map(|record| {
            let mut pieces = vec![Vec::new()];
            for (index, cell) in record.iter().enumerate() {
                if index > 0 {
                    pieces.last_mut().unwrap().push(b',');
                }
                match cuts.contains(&index) {
                    true => pieces.push(Vec::new()),
                    false => pieces.last_mut().unwrap().extend(values::cell(cell, false)),
                }
            }
            pieces.last_mut().unwrap().push(b'\n');
            pieces
        })
        .collect();
    let mut order: Vec<usize> = vec![0, 1, 2];
    order.sort_by_key(|&cut| cuts[cut]);
    out.write_all(&reports[0].body[..=memchr::memchr(b'\n', &reports[0].body).unwrap()])?;
    let (mut written, mut rows) = (0, 0u32);
    while written < bytes {
        let template = &templates[rows as usize % templates.len()];
        let problem = rows % problems;
        let address = Ipv4Addr::from(NETWORK + problem.wrapping_mul(7919) % 131_072);
        let port = [443, 8443, 4443, 993][(problem / 131_072) as usize % 4];
        let (hour, minute) = (rows / 60 % 24, rows % 60);
        let cells =
            [format!("\"{DAY} {hour:02}:{minute:02}:00\""), format!("\"{address}\""), port.to_string()];
        let mut line = template[0].clone();
        for (place, piece) in order.iter().zip(&template[1..]) {
            line.extend(cells[*place].as_bytes());
            line.extend(piece);
        }
        out.write_all(&line)?;
        written += line.len() as u64;
        rows += 1;
    }
    Ok(rows)
}

/// A real process, for which time goes faster: what it fetches, reads, mails and forgets is that of a week.
#[test]
fn a_running_box_at_rest() {
    // Without assertions the program's time cannot be made to go faster.
    let (days, pace) = if is_soak() { (7, 1440) } else { (2, 5760) };
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::practice_days(DAY.parse::<Day>().unwrap().plus(-1), 1);
    let authority = Authority::new().unwrap();
    let options = shadowserver::Options { tls: Some(&authority), ..Default::default() };
    let shadow = Shadowserver::start_with(&world, &options).unwrap();
    shadow.remove(|_| true);
    let options = mail::Options {
        tls: Some(&authority),
        security: MailSecurity::StartTls,
        login: Some(("practice", "practice")),
        ..Default::default()
    };
    let mails = MailCatcher::start_with(&options).unwrap();
    let cidrs: Vec<String> = world.cidrs().iter().map(|cidr| format!("\"{cidr}\"")).collect();
    let settings = format!(
        "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\n\
         abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
         [shadowserver]\nkey = \"{}\"\nsecret = \"{}\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n\
         [networks]\ncidrs = [{}]\n[customers]\nfile = \"customers.csv\"\n[mail]\nurl = \"{}\"\n\
         [policy]\nhold_count_min = 1000\n[page]\nlisten = \"127.0.0.1:0\"\n[trust]\nextra_ca = [\"ca.pem\"]\n",
        world.key,
        world.secret,
        shadow.api_url(),
        shadow.download_url(),
        cidrs.join(", "),
        mails.url()
    );
    for (name, text) in [
        ("settings.toml", &*settings),
        ("customers.csv", &world.customers_csv()),
        ("ca.pem", authority.pem()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let house = House { folder };
    let began = Instant::now();
    let running = house.start(pace);
    let day_takes = Duration::from_secs(86_400) / pace;
    let (mut offered, mut idle) = (0, 0);
    for day in 1..=days {
        let reports = if is_soak() { everything(&world) } else { world.reports_on(world.today) };
        world.today = world.today.plus(1);
        offered += reports.iter().filter(|report| report.appears <= world.today).count();
        reports.into_iter().for_each(|report| shadow.add(report));
        shadow.set_today(world.today);
        std::thread::sleep((began + day_takes * day).saturating_duration_since(Instant::now()));
        let process = running.0.id();
        let figure = |name| memory_kib(process, name).expect("it still runs");
        idle = figure("VmRSS");
        println!(
            "after day {day}: {idle} KiB at rest (of it {} its own, {} of files), {} KiB at most; {} mails",
            figure("RssAnon"),
            figure("RssFile"),
            figure("VmHWM"),
            mails.mails().len()
        );
    }
    let count = || house.ask("reports").lines().count();
    // A machine that does much else may be late.
    while count() < offered && began.elapsed() < day_takes * (days + 2) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let read = count();
    let status: serde_json::Value = serde_json::from_str(&house.ask("status")).unwrap();
    println!("{read} of {offered} reports read, {status}");
    assert!(read >= offered && !mails.mails().is_empty(), "{}", house.log());
    assert_eq!(status["last_report_day"], world.today.plus(-1).to_string());
    assert_eq!(status["alarms"], serde_json::json!([]));
    if is_soak() {
        assert!(idle <= IDLE_KIB_MAX, "{idle} KiB at rest");
    }
}

/// A day's reports of all types there are, those of the practice world richer than the others.
fn everything(world: &World) -> Vec<Report> {
    let day = world.today;
    let mut reports = world.reports_on(day);
    for kind in KINDS.iter().filter(|kind| !kind.retired) {
        if reports.iter().any(|report| report.kind == kind.name) {
            continue;
        }
        let columns = kind::columns(kind.name).unwrap();
        let mut csv = columns.join(",") + "\n";
        for host in 1..=20 {
            let cell = |name: &&str| match *name {
                "timestamp" => format!("{day} 12:00:{host:02}"),
                "ip" | "src_ip" | "dst_ip" | "http_referer_ip" => format!("198.18.20.{host}"),
                "port" => "8080".to_owned(),
                "severity" => "medium".to_owned(),
                _ => String::new(),
            };
            csv += &(columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        reports.push(Report::new(&world.list, kind.name, day, csv));
    }
    reports
}

struct House {
    folder: tempfile::TempDir,
}

/// `abusebox run`; it does not outlive a test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl House {
    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.args(["--data", "data", "--settings", "settings.toml"]).current_dir(self.folder.path());
        command.stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    fn start(&self, pace: u32) -> Running {
        let log = File::create(self.path("log")).unwrap();
        let mut command = self.command();
        command.env("ABUSEBOX_PACE", pace.to_string()).args(["run", "--at", &format!("{DAY}T00:00:00Z")]);
        Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    #[track_caller]
    fn ask(&self, words: &str) -> String {
        let output = self.command().args([words, "--json"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// 198.18.0.0/15
const NETWORK: u32 = 0xC612_0000;
/// A type with wide rows.
const KIND: &str = "scan_ssl";
const SETTINGS: &str = "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"hold\"\n[organisation]\nname = \"Example Net\"\n\
    abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
    [networks]\ncidrs = [\"198.18.0.0/15\"]\n";
