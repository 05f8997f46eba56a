//! The parts of the benchmark that run in a process of their own, so that memory and bytes written are theirs: the
//! program starts itself again with a [`Stage`] and reads what it measured from its output.

use std::io::{self, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use abusebox::clock::{Clock, Timestamp};
use abusebox::config;
use abusebox::customers::table::{self, Table};
use abusebox::customers::{Owner, import, space};
use abusebox::fetch::spool::{Incoming, Spooled};
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};
use abusebox::service::sessions::Logged;
use abusebox::sessions::read::Given;
use abusebox::store::Report;
use ipnet::Ipv4Net;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::floor::floor;
use crate::meter;
use crate::sim;
use crate::sim::mail::MailCatcher;
use crate::sim::shadowserver::Shadowserver;
use crate::world::{DAY, KINDS, Random, World, report_name};

/// What to measure.
#[derive(Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The pass over the reports in a folder, on the `day`th day after the first. Measures a [`Pass`].
    Pass { reports: PathBuf, data: PathBuf, day: i64 },
    /// What the packages alone cost for the pass of the first day, which a data folder has seen. Measures a [`Floor`].
    Floor { data: PathBuf },
    /// The table of a customer file, with look-ups in a network. Measures an [`Owners`].
    Owners { customers: PathBuf, network: String },
    /// The check of a customer file. Measures a [`Checked`].
    Check { customers: PathBuf },
    /// A report of so many bytes, about a network. Measures a [`OneFile`].
    OneFile { data: PathBuf, bytes: u64, network: String },
    /// The mails that were planned in a data folder on the `day`th day. Measures [`Mails`].
    Mails { data: PathBuf, day: i64 },
    /// So many sessions of 14 days, taken in and asked. Measures a [`Sessions`].
    Sessions { data: PathBuf, count: u64 },
    /// A data folder to which nothing new comes, after the `days`th day. Measures an [`Idle`].
    Idle { data: PathBuf, days: i64 },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Pass {
    pub(crate) rows: u64,
    pub(crate) matched: u64,
    /// Of the reports, unpacked.
    pub(crate) bytes: u64,
    /// Seconds of the processor: opening the store with the import of the customers where they are new, packing
    /// the reports into the spool, taking them in, planning notices.
    pub(crate) open: f64,
    pub(crate) spool: f64,
    pub(crate) take: f64,
    pub(crate) plan: f64,
    /// Taking in and planning, by the clock.
    pub(crate) wall: f64,
    pub(crate) open_peak_mib: f64,
    /// Before taking in, and the most from then on.
    pub(crate) before_mib: f64,
    pub(crate) peak_mib: f64,
    /// Bytes written while taking in and planning: by calls, and to the disk.
    pub(crate) calls: u64,
    pub(crate) disk: u64,
    pub(crate) spool_disk: u64,
    pub(crate) store_bytes: u64,
    /// Opened so far.
    pub(crate) incidents: u64,
}

impl Pass {
    /// What the budget counts.
    pub(crate) fn cpu(&self) -> f64 {
        self.take + self.plan
    }

    pub(crate) fn microseconds_a_row(&self) -> f64 {
        self.cpu() * 1e6 / self.rows as f64
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Owners {
    pub(crate) prefixes: usize,
    /// Seconds of the processor: the file to lines, lines to the table.
    pub(crate) read: f64,
    pub(crate) build: f64,
    pub(crate) peak_mib: f64,
    pub(crate) table_bytes: f64,
    /// For each second of the processor.
    pub(crate) look_ups: f64,
    pub(crate) found: f64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) bytes: u64,
    pub(crate) customers: usize,
    pub(crate) prefixes: usize,
    /// Seconds of the processor, and those for only parting its cells with the `csv` package.
    pub(crate) cpu: f64,
    pub(crate) baseline: f64,
    pub(crate) peak_mib: f64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct OneFile {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) incidents: u64,
    pub(crate) take: f64,
    pub(crate) peak_mib: f64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Mails {
    pub(crate) mails: u64,
    pub(crate) problems: u64,
    /// Of all texts, HTML and tables together.
    pub(crate) bytes: u64,
    /// Seconds of the processor: to make them, and for only finding out what they would tell.
    pub(crate) cpu: f64,
    pub(crate) baseline: f64,
    pub(crate) before_mib: f64,
    pub(crate) peak_mib: f64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Sessions {
    pub(crate) kept: u64,
    /// Seconds of the processor, and bytes of the log.
    pub(crate) take: f64,
    pub(crate) log_bytes: u64,
    pub(crate) peak_mib: f64,
    pub(crate) store_bytes: u64,
    /// Microseconds of the processor for a look-up, at a random moment and address; and for finding the entry of a
    /// sorted list of so many numbers, by which machines are compared.
    pub(crate) look_up: f64,
    pub(crate) baseline: f64,
    pub(crate) found: f64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Idle {
    /// Of `abusebox run`, when it has come to rest, and the most until then.
    pub(crate) mib: f64,
    pub(crate) start_peak_mib: f64,
    /// Bytes written in an hour, by calls: the mean of a day, and the most.
    pub(crate) hour_mean: f64,
    pub(crate) hour_most: f64,
}

impl Stage {
    /// Measures in a process of its own.
    pub(crate) fn measure<T: DeserializeOwned>(&self) -> T {
        let stage = serde_json::to_string(self).expect("own types");
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let output = command.args([ARGUMENT, &stage]).stderr(Stdio::inherit()).output().expect("started");
        assert!(output.status.success(), "{stage}: {}", output.status);
        serde_json::from_slice(&output.stdout).expect("what a stage prints")
    }

    /// Measures here.
    pub(crate) fn run(&self) -> serde_json::Result<()> {
        match self {
            Self::Pass { reports, data, day } => print(&pass(reports, data, *day)),
            Self::Floor { data } => print(&floor(data)),
            Self::Owners { customers, network } => print(&owners(customers, network_of(network))),
            Self::Check { customers } => print(&check(customers)),
            Self::OneFile { data, bytes, network } => print(&one_file(data, *bytes, network_of(network))),
            Self::Mails { data, day } => print(&mails(data, *day)),
            Self::Sessions { data, count } => print(&sessions(data, *count)),
            Self::Idle { data, days } => print(&idle(data, *days)),
        }
    }
}

/// Makes a data folder with these customers; `more` are further tables of the settings.
pub(crate) fn settle(data: &Path, customers: &Path, more: &str) {
    let text = format!(
        "[organisation]\nname = \"Bench\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n{NETWORKS}[page]\nlisten = \"127.0.0.1:0\"\n\
         [customers]\nfile = \"{}\"\n{more}",
        customers.display()
    );
    std::fs::create_dir_all(data).expect("a folder");
    abusebox::files::save_atomic(&settings(data), text.as_bytes(), 0o600).expect("settings");
}

/// The reports in a folder that are about a day, in the order of their types.
pub(crate) fn reports(folder: &Path, day: &str) -> Vec<String> {
    KINDS.iter().map(|kind| report_name(kind, day)).filter(|file| folder.join(file).exists()).collect()
}

fn print(measured: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(io::stdout(), measured)
}

fn settings(data: &Path) -> PathBuf {
    data.join("settings.toml")
}

/// Noon on the day after the reports of the `day`th day.
pub(crate) fn noon(day: i64) -> Timestamp {
    let first: Timestamp = format!("{DAY}T12:00:00Z").parse().expect("a time");
    first.plus_days(day + 1)
}

fn open(data: &Path, now: Timestamp) -> Arc<Engine> {
    Engine::open(data, &settings(data), Clock::fixed(now)).expect("an engine")
}

fn take(engine: &Engine, file: &str, spooled: &Spooled, now: Timestamp) -> Report {
    let source = Source { file: file.to_owned(), kind: None, day: None, id_hash: None };
    match engine.take(&source, spooled, now).expect("taken") {
        Taken::Processed(report) => *report,
        other => panic!("{file}: {other:?}"),
    }
}

/// How many were ever opened: the number of the newest.
fn incidents(engine: &Engine) -> u64 {
    let mut incidents = 0;
    let newest = |number, _| {
        incidents = number;
        Ok(ControlFlow::Break(()))
    };
    engine.store.view().and_then(|view| view.incident_keys_back(None, newest)).expect("incidents");
    incidents
}

fn network_of(text: &str) -> Ipv4Net {
    text.parse().expect("a network")
}

fn pass(folder: &Path, data: &Path, day: i64) -> Pass {
    let now = noon(day);
    let (engine, open) = meter::costs(|| open(data, now));
    let open_peak_mib = meter::peak_mib();
    let before = meter::written();
    let (spooled, spool) = meter::costs(|| {
        let files = reports(folder, &now.plus_days(-1).day().to_string()).into_iter();
        let spooled = |file: String| (engine.spool.ingest(&folder.join(&file), now).expect("spooled"), file);
        files.map(spooled).collect::<Vec<_>>()
    });
    let after = meter::written();
    let before_mib = meter::memory_bytes() as f64 / MIB;
    meter::forget_peak();
    let wall = Instant::now();
    let (mut rows, mut matched) = (0, 0);
    let ((), take) = meter::costs(|| {
        for (spooled, file) in &spooled {
            let counts = take(&engine, file, spooled, now).counts;
            rows += counts.rows;
            matched += counts.matched;
        }
    });
    let (planned, plan) = meter::costs(|| engine.plan(now));
    planned.expect("planned");
    let wall = wall.elapsed().as_secs_f64();
    let (peak_mib, end) = (meter::peak_mib(), meter::written());
    let incidents = incidents(&engine);
    drop(engine);
    Pass {
        rows,
        matched,
        bytes: spooled.iter().map(|(spooled, _)| spooled.bytes).sum(),
        open,
        spool,
        take,
        plan,
        wall,
        open_peak_mib,
        before_mib,
        peak_mib,
        calls: end.calls - after.calls,
        disk: end.disk - after.disk,
        spool_disk: after.disk - before.disk,
        store_bytes: std::fs::metadata(data.join("abusebox.redb")).expect("a store").len(),
        incidents,
    }
}

fn check(customers: &Path) -> Checked {
    let networks = config::raw::parse(NETWORKS, Path::new("")).expect("valid settings").networks;
    meter::forget_peak();
    let ((file, told), cpu) = meter::costs(|| {
        let bytes = std::fs::read(customers).expect("a customer file");
        let file = import::read(&bytes, &jiff::tz::TimeZone::UTC);
        let told = table::check(&file, &networks).len() + space::notes(&file, &networks).len();
        (file, told)
    });
    let peak_mib = meter::peak_mib();
    assert!(!file.refused && file.complaints.is_empty() && told == 0, "{:?}", file.complaints.list.last());
    let bytes = std::fs::read(customers).expect("a customer file");
    let (cells, baseline) = meter::costs(|| {
        let records = csv::Reader::from_reader(&bytes[..]).into_byte_records();
        records.map(|record| record.expect("valid CSV").len()).sum::<usize>()
    });
    assert!(cells > 0);
    let (customers, prefixes) = (file.customers_len(), file.prefixes_len());
    Checked { bytes: bytes.len() as u64, customers, prefixes, cpu, baseline, peak_mib }
}

fn owners(customers: &Path, network: Ipv4Net) -> Owners {
    let networks = config::raw::parse(NETWORKS, Path::new("")).expect("valid settings").networks;
    let now = noon(0);
    let bytes = std::fs::read(customers).expect("a customer file");
    meter::forget_peak();
    let (file, read) = meter::costs(|| import::read(&bytes, &jiff::tz::TimeZone::UTC));
    assert!(!file.refused, "{:?}", file.complaints.list.last());
    let mut numbers = 0;
    let number = |_: &str| {
        numbers += 1;
        numbers
    };
    let (table, build) = meter::costs(|| Table::build(&networks, [(now, &file)], number));
    let peak_mib = meter::peak_mib();
    drop((file, bytes));
    // The first copies may lie where something was before; those after them need new memory.
    let mut copies: Vec<_> = (0..COPIES).map(|_| table.clone()).collect();
    let before = meter::memory_bytes();
    copies.extend((0..COPIES).map(|_| table.clone()));
    let table_bytes = (meter::memory_bytes() - before) as f64 / COPIES as f64;
    drop(copies);

    let mut random = Random::new();
    let hosts = 1u64 << (32 - network.prefix_len());
    let mut address =
        || IpAddr::from((u32::from(network.network()) + random.below(hosts) as u32).to_be_bytes());
    let addresses: Vec<IpAddr> = (0..1_000_000).map(|_| address()).collect();
    let is_found = |address: &&IpAddr| matches!(table.owner(**address, now), Owner::Customer { .. });
    let (found, cpu) =
        meter::costs(|| (0..ROUNDS).map(|_| addresses.iter().filter(is_found).count()).sum::<usize>());
    let asked = (ROUNDS * addresses.len()) as f64;
    Owners {
        prefixes: table.prefixes_len(),
        read,
        build,
        peak_mib,
        table_bytes,
        look_ups: asked / cpu,
        found: found as f64 / asked,
    }
}

fn one_file(data: &Path, bytes: u64, network: Ipv4Net) -> OneFile {
    let now = noon(0);
    let engine = open(data, now);
    let kind = "scan_ssl";
    let mut sample = Vec::new();
    let few = World { network, customers: 0, rows: 1000 };
    few.write_report(&mut sample, kind, &mut Random::new()).expect("a Vec takes all");
    let rows = (bytes / (sample.len() as u64 / few.rows as u64)) as usize;
    let file = report_name(kind, DAY);
    let mut incoming = io::BufWriter::new(Sink(engine.spool.begin(&file, now)));
    World { rows, ..few }.write_report(&mut incoming, kind, &mut Random::new()).expect("spooled");
    let Ok(Sink(incoming)) = incoming.into_inner() else { panic!("not spooled") };
    let spooled = incoming.finish().expect("spooled");
    meter::forget_peak();
    let (report, take) = meter::costs(|| take(&engine, &file, &spooled, now));
    let peak_mib = meter::peak_mib();
    OneFile { bytes: spooled.bytes, rows: report.counts.rows, incidents: incidents(&engine), take, peak_mib }
}

fn mails(data: &Path, day: i64) -> Mails {
    let now = noon(day);
    let engine = open(data, now);
    let (loaded, view) = (engine.loaded(), engine.store.view().expect("a view"));
    let mut notices = Vec::new();
    view.unsent(|notice| notices.push(notice)).expect("notices");
    let tells = |notice| engine.tells(&view, &loaded, notice, now).expect("problems").len() as u64;
    let (problems, baseline) = meter::costs(|| notices.iter().map(tells).sum());
    let before_mib = meter::memory_bytes() as f64 / MIB;
    meter::forget_peak();
    let bytes_of = |notice| {
        let (mail, _) =
            engine.preview(&view, &loaded, notice, now).expect("a mail").expect("something to tell");
        let table = mail.csv.map_or(0, |(_, table)| table.len());
        (mail.text.len() + mail.html.map_or(0, |html| html.len()) + table) as u64
    };
    let (bytes, cpu) = meter::costs(|| notices.iter().map(bytes_of).sum());
    let peak_mib = meter::peak_mib();
    Mails { mails: notices.len() as u64, problems, bytes, cpu, baseline, before_mib, peak_mib }
}

struct Sink(Incoming);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reconnects once a day: each day a session of everybody, on an address that somebody else had the day before.
fn sessions(data: &Path, count: u64) -> Sessions {
    let now = noon(0);
    let start = now.plus_days(-13);
    std::fs::create_dir_all(data).expect("a folder");
    let text = "[networks]\ncidrs = [\"10.0.0.0/8\"]\ndynamic = [\"10.0.0.0/8\"]\n";
    abusebox::files::save_atomic(&settings(data), text.as_bytes(), 0o600).expect("settings");
    let engine = open(data, now);
    let users = count / SESSION_DAYS;
    let address = |user: u64, day: u64| Ipv4Addr::from(0x0a00_0000 + ((user + day * 7919) % users) as u32);
    let line = move |number: u64| {
        let (day, user) = (number / users, number % users);
        let from = start.plus_days(day as i64 - 1).plus_seconds((user % 86_400) as i64);
        let until = from.plus_seconds(86_390);
        format!("user{user};{};{from};{until}\n", address(user, day))
    };
    let mut log = BufReader::new(Lines { next: (0..count).map(line), left: Vec::new(), bytes: 0 });
    log.get_mut().left = b"username;framed ip address;start;stop\n".to_vec();
    let given = Given { zone: &jiff::tz::TimeZone::UTC, offset: 0, name: None };
    let logged = Logged { given, uncertainty: 0, source: "log", known_until: now };
    meter::forget_peak();
    let (taken, take) = meter::costs(|| engine.take_sessions(&mut log, &logged, now).expect("taken"));
    assert_eq!((taken.summary.sessions, taken.summary.complaints.len()), (count, 0));
    let peak_mib = meter::peak_mib();

    let mut random = Random::new();
    let mut asked = || {
        let user = random.below(users);
        let second = random.below(SESSION_DAYS * 86_400) as i64;
        (IpAddr::from(address(user, 0)), start.plus_days(-1).plus_seconds(second))
    };
    let asked: Vec<_> = (0..LOOK_UPS).map(|_| asked()).collect();
    let view = engine.store.view().expect("a view");
    let log_kept = view.session_log().expect("a log");
    let loaded = engine.loaded();
    let sources = loaded.sources(&log_kept);
    // By way of the owner, as for a row; the users are in no customer file.
    let is_found = |(address, at): &&(IpAddr, Timestamp)| sources.owner(*address, None, *at).by.is_some();
    let (found, cpu) = meter::costs(|| asked.iter().filter(is_found).count());
    log_kept.finish().expect("read");
    let sorted: Vec<u64> = (0..count).collect();
    let numbers: Vec<u64> = (0..LOOK_UPS).map(|_| random.below(count)).collect();
    let (hits, baseline) =
        meter::costs(|| numbers.iter().filter(|n| sorted.binary_search(n).is_ok()).count());
    assert_eq!(hits, LOOK_UPS);
    let store = std::fs::metadata(data.join("abusebox.redb")).expect("a store");
    Sessions {
        kept: view.sessions_len().expect("a count"),
        take,
        log_bytes: log.get_ref().bytes,
        peak_mib,
        store_bytes: store.len(),
        look_up: cpu * 1e6 / LOOK_UPS as f64,
        baseline: baseline * 1e6 / LOOK_UPS as f64,
        found: found as f64 / LOOK_UPS as f64,
    }
}

/// A log that is made as it is read.
struct Lines<I> {
    next: I,
    left: Vec<u8>,
    bytes: u64,
}

impl<I: Iterator<Item = String>> io::Read for Lines<I> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.left.len() < room.len()
            && let Some(line) = self.next.next()
        {
            self.left.extend_from_slice(line.as_bytes());
        }
        let count = self.left.len().min(room.len());
        room[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        self.bytes += count as u64;
        Ok(count)
    }
}

fn idle(data: &Path, days: i64) -> Idle {
    let now = noon(days).plus_seconds(3600);
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Nothing in its lists: days without findings.
    let world = sim::world::World::empty(now.day());
    let shadow = Shadowserver::start(&world).expect("a simulator");
    let mail = MailCatcher::start().expect("a simulator");
    let more = format!(
        "[shadowserver]\nkey = \"{}\"\nsecret = \"{}\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n[mail]\nurl = \"{}\"\n",
        world.key,
        world.secret,
        shadow.api_url(),
        shadow.download_url(),
        mail.url()
    );
    let customers = open(data, now).loaded().settings.customers.file.clone().expect("a customer file");
    settle(data, &customers, &more);
    let (mib, start_peak_mib) = at_rest(data, now);

    let engine = open(data, now);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(engine.pause_between_requests(Duration::from_millis(1)));
    // A day in which what is left over is done, and the day that counts.
    let hours: Vec<f64> = (0..48)
        .map(|hour| {
            let before = meter::written().calls;
            runtime.block_on(one_hour(&engine, &shadow, now.plus_seconds(hour * 3600)));
            (meter::written().calls - before) as f64
        })
        .skip(24)
        .collect();
    Idle {
        mib,
        start_peak_mib,
        hour_mean: hours.iter().sum::<f64>() / hours.len() as f64,
        hour_most: hours.into_iter().fold(0.0, f64::max),
    }
}

/// The loops of `run` for an hour of virtual time.
async fn one_hour(engine: &Arc<Engine>, shadow: &Shadowserver, from: Timestamp) {
    let end = from.plus_seconds(3600);
    let (mut fetch_at, mut mail_at) = (from, from);
    loop {
        let now = fetch_at.min(mail_at);
        if now >= end {
            return;
        }
        shadow.set_today(now.day());
        let later = |next: Option<Timestamp>| next.unwrap_or(end).max(now.plus_seconds(1));
        if fetch_at <= now {
            let step = engine.fetch_step(false, now).await.expect("a step");
            assert!(!step.failed, "Shadowserver was asked");
            if step.asked {
                mail_at = now;
            }
            fetch_at = later(step.next);
        }
        if mail_at <= now {
            engine.keep(now).expect("kept");
            mail_at = later(engine.mail_step(now).await.expect("a step").next);
        }
    }
}

/// Memory of `abusebox run` once it has stopped working, and its peak.
fn at_rest(data: &Path, now: Timestamp) -> (f64, f64) {
    let run = Running::start(data, now);
    let process = run.0.id();
    let began = Instant::now();
    let mut before = u64::MAX;
    loop {
        std::thread::sleep(REST);
        let ticks = meter::ticks(process);
        if ticks <= before.saturating_add(1) && before != u64::MAX || began.elapsed() > REST_MAX {
            break;
        }
        before = ticks;
    }
    let of = |field| meter::status_mib(&process.to_string(), field);
    (of("VmRSS:"), of("VmHWM:"))
}

/// The real program at work.
struct Running(Child);

impl Running {
    fn start(data: &Path, now: Timestamp) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abusebox"));
        command.arg("--data").arg(data).args(["--at", &now.to_string(), "run"]);
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().expect("started"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Stands before a stage in the arguments.
pub(crate) const ARGUMENT: &str = "--stage";
const NETWORKS: &str = "[networks]\ncidrs = [\"198.18.0.0/15\", \"10.64.0.0/10\", \"2001:db8::/32\"]\n";
pub(crate) const MIB: f64 = 1024.0 * 1024.0;
const COPIES: usize = 4;
const SESSION_DAYS: u64 = 14;
const LOOK_UPS: usize = 200_000;
/// How often the same million addresses are looked up.
const ROUNDS: usize = 3;
/// A process that uses no more than a tick in this time is at rest.
const REST: Duration = Duration::from_secs(3);
const REST_MAX: Duration = Duration::from_secs(120);
