//! A box in a simulated world, driven step by step through virtual time: a month takes seconds.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use abusebox::clock::{Clock, Day, Timestamp};
use abusebox::incident::Incident;
use abusebox::notify::outbox::{self, Notice};
use abusebox::service::Engine;
use abusebox::store::Report as Known;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::sim::mail::{Mail, MailCatcher};
use crate::sim::reports::Report;
use crate::sim::shadowserver::Shadowserver;
use crate::sim::world::World;

/// What is wrong in the network: one row a day from `first` to `last`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) kind: &'static str,
    pub(crate) ip: String,
    pub(crate) severity: &'static str,
    pub(crate) first: Day,
    pub(crate) last: Day,
}

/// A mail as it came to the mail server, and when.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) mail: Arc<Mail>,
}

/// The parts of the settings that tests change.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) mode: &'static str,
    pub(crate) key: String,
    /// Lines below `[policy]`.
    pub(crate) policy: String,
    /// Lines below `[networks]`.
    pub(crate) networks: String,
    pub(crate) mail: bool,
    /// Further lines below `[mail]`.
    pub(crate) mailing: String,
    pub(crate) operator: &'static str,
}

pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) shadow: Shadowserver,
    pub(crate) mail: MailCatcher,
    pub(crate) wishes: Wishes,
    pub(crate) problems: Vec<Problem>,
    /// Every mail that came.
    pub(crate) sent: Vec<Sent>,
    pub(crate) now: Timestamp,
    pub(crate) runtime: Runtime,
    /// Time-outs pass 250 times as fast as in earnest.
    pub(crate) hurries: bool,
    engine: Option<Arc<Engine>>,
    fetch_at: Timestamp,
    mail_at: Timestamp,
    /// The first day whose reports are not made yet.
    unpublished: Day,
}

impl Rig {
    /// A box in mode live, set up at the beginning of `day`, with customers C1 to C9: `cN@cust.example` has
    /// 198.18.N.0/24.
    pub(crate) fn new(day: &str) -> Self {
        let day: Day = day.parse().unwrap();
        // A store is written to all the time: memory spares the disk of the machine that tests.
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::empty(day);
        let rig = Self {
            dir,
            shadow: Shadowserver::start(&world).unwrap(),
            mail: MailCatcher::start().unwrap(),
            wishes: Wishes {
                mode: "live",
                key: world.key,
                policy: String::new(),
                networks: String::new(),
                mail: true,
                mailing: String::new(),
                operator: OPERATOR,
            },
            problems: Vec::new(),
            sent: Vec::new(),
            now: day.start(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            hurries: false,
            engine: None,
            fetch_at: day.start(),
            mail_at: day.start(),
            unpublished: day,
        };
        rig.write_settings();
        rig.write_customers(&(1..=9).map(|n| (n, format!("c{n}@cust.example"))).collect::<Vec<_>>());
        rig
    }

    /// A row a day, from the `first` to the `last` day after the beginning.
    pub(crate) fn problem(
        &mut self,
        kind: &'static str,
        ip: &str,
        severity: &'static str,
        days: std::ops::RangeInclusive<i32>,
    ) {
        let start = self.now.day();
        let (first, last) = (start.plus(*days.start()), start.plus(*days.end()));
        self.problems.push(Problem { kind, ip: ip.to_owned(), severity, first, last });
    }

    pub(crate) fn write_customers(&self, customers: &[(i32, String)]) {
        let mut csv = "customer_id,name,email,cidr\n".to_owned();
        for (n, mail) in customers {
            let (high, low) = (18 + n / 256, n % 256);
            writeln!(csv, "C{n},Customer {n},{mail},198.{high}.{low}.0/24").unwrap();
        }
        self.write("customers.csv", &csv);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        abusebox::files::save_atomic(&self.dir.path().join(name), text.as_bytes(), 0o600).unwrap();
    }

    fn write_settings(&self) {
        let Wishes { mode, key, policy, networks, mail, mailing, operator } = &self.wishes;
        // No test waits for a minute to pass, but those of that limit.
        let is_limited = mailing.contains("per_domain_per_minute_max");
        let free = if is_limited { "" } else { "per_domain_per_minute_max = 1000\n" };
        // The report of the week is a test's own matter.
        let weekly = if policy.contains("weekly_report") { "" } else { "weekly_report = \"never\"\n" };
        let mail = if *mail { format!("url = \"{}\"\n", self.mail.url()) } else { String::new() };
        self.write(
            "settings.toml",
            &format!(
                "[box]\ntimezone = \"Europe/Vienna\"\nlanguage = \"en\"\nmode = \"{mode}\"\n\
                 [organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
                 operator_address = \"{operator}\"\n\
                 [shadowserver]\nkey = \"{key}\"\nsecret = \"practice-secret\"\napi_url = \"{}\"\n\
                 download_url = \"{}\"\npoll_minutes = 240\n\
                 [networks]\ncidrs = [\"198.18.0.0/15\"]\n{networks}[customers]\nfile = \"customers.csv\"\n\
                 [mail]\n{mail}per_minute_max = 1000\n{free}{mailing}[policy]\n{weekly}{policy}",
                self.shadow.api_url(),
                self.shadow.download_url(),
            ),
        );
    }

    /// Changes the settings, as somebody does in the file while the box runs.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.wishes);
        self.write_settings();
        self.reload();
    }

    /// What the watcher of files does when it sees a change.
    pub(crate) fn reload(&mut self) {
        if let Some(engine) = self.engine.clone() {
            assert!(engine.reload(self.now).unwrap(), "something is new");
            (self.fetch_at, self.mail_at) = (self.now, self.now);
        }
    }

    pub(crate) fn engine(&mut self) -> Arc<Engine> {
        if self.engine.is_none() {
            let (data, settings) = (self.dir.path().join("data"), self.dir.path().join("settings.toml"));
            let engine = Engine::open(&data, &settings, Clock::fixed(self.now)).unwrap();
            self.runtime.block_on(engine.pause_between_requests(Duration::from_millis(1)));
            (self.fetch_at, self.mail_at) = (self.now, self.now);
            self.engine = Some(engine);
        }
        self.engine.clone().unwrap()
    }

    /// The plug is pulled; the world goes on.
    pub(crate) fn off_until(&mut self, end: Timestamp) {
        self.engine = None;
        self.now = end;
    }

    /// The clock is set; the box goes on.
    pub(crate) fn clock_shows(&mut self, now: Timestamp) {
        (self.now, self.fetch_at, self.mail_at) = (now, now, now);
    }

    /// Runs through the given day and hour (UTC) after the beginning of `unpublished`'s first day.
    pub(crate) fn run_for_days(&mut self, days: i64) {
        self.run_until(self.now.plus_days(days));
    }

    pub(crate) fn run_for_hours(&mut self, hours: i64) {
        self.run_until(self.now.plus_seconds(hours * 3600));
    }

    /// Calls the steps when they want to be called, like the loops of `run`.
    pub(crate) fn run_until(&mut self, end: Timestamp) {
        let engine = self.engine();
        loop {
            let at = self.fetch_at.min(self.mail_at).max(self.now);
            if at > end {
                self.now = end;
                self.publish();
                return;
            }
            self.now = at;
            self.publish();
            if self.fetch_at <= at {
                let fetch = engine.fetch_step(false, at);
                let step = self.runtime.block_on(hurried(self.hurries, fetch)).unwrap();
                if step.asked {
                    self.mail_at = at;
                }
                self.fetch_at = next(step.next, at);
            }
            if self.mail_at <= at {
                engine.keep(at).unwrap();
                let step = self.runtime.block_on(engine.mail_step(at)).unwrap();
                self.mail_at = next(step.next, at);
                let sent: Vec<_> = self.mail.mails().into_iter().skip(self.sent.len()).collect();
                self.sent.extend(sent.into_iter().map(|mail| Sent { at, mail }));
            }
        }
    }

    /// Shadowserver makes the reports of the days that are over.
    fn publish(&mut self) {
        while self.unpublished < self.now.day() {
            for report in self.reports_on(self.unpublished) {
                self.shadow.add(report);
            }
            self.unpublished = self.unpublished.plus(1);
        }
        self.shadow.set_today(self.now.day());
    }

    /// A day's reports; one with a row outside the networks is always among them.
    pub(crate) fn reports_on(&self, day: Day) -> Vec<Report> {
        let filler = Problem {
            kind: "scan_ntp",
            ip: "192.0.2.1".to_owned(),
            severity: "medium",
            first: day,
            last: day,
        };
        let mut problems: Vec<&Problem> =
            self.problems.iter().filter(|p| p.first <= day && day <= p.last).chain([&filler]).collect();
        problems.sort_by_key(|problem| problem.kind);
        problems
            .chunk_by(|a, b| a.kind == b.kind)
            .map(|group| Report::new("example-net", group[0].kind, day, body(day, group)))
            .collect()
    }

    /// Mails to an address.
    pub(crate) fn to(&self, address: &str) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.mail.to == [address]).collect()
    }

    /// When mails came to an address.
    pub(crate) fn times(&self, address: &str) -> Vec<String> {
        self.to(address).iter().map(|sent| sent.at.to_string()).collect()
    }

    pub(crate) fn customer(&self, n: i32) -> Vec<&Sent> {
        self.to(&format!("c{n}@cust.example"))
    }

    pub(crate) fn customer_times(&self, n: i32) -> Vec<String> {
        self.times(&format!("c{n}@cust.example"))
    }

    pub(crate) fn operator(&self) -> Vec<&Sent> {
        self.to(OPERATOR)
    }

    pub(crate) fn alarms(&mut self) -> Vec<String> {
        let view = self.engine().store.view().unwrap();
        view.alarms().unwrap().into_iter().map(|(code, _)| code).collect()
    }

    pub(crate) fn incidents(&mut self) -> Vec<Incident> {
        let mut all = Vec::new();
        let view = self.engine().store.view().unwrap();
        view.incidents_by_number(|_, incident| all.push(incident)).unwrap();
        all
    }

    /// The incident at an address.
    pub(crate) fn incident(&mut self, ip: &str) -> Incident {
        let of = |incident: &Incident| incident.evidence.address == Some(ip.parse().unwrap());
        let found: Vec<_> = self.incidents().into_iter().filter(of).collect();
        assert_eq!(found.len(), 1, "{ip}");
        found.into_iter().next().unwrap()
    }

    pub(crate) fn state(&mut self, ip: &str) -> &'static str {
        let today = self.now.day();
        self.incident(ip).state(today).word()
    }

    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        let mut all = Vec::new();
        let view = self.engine().store.view().unwrap();
        view.notices(|notice| {
            all.push(notice);
            Ok(())
        })
        .unwrap();
        all
    }

    /// States of all mails in the outbox, in order.
    pub(crate) fn states(&mut self) -> Vec<outbox::State> {
        let notices = self.notices();
        notices.iter().map(|notice| outbox::state(notice, notice.deliveries.first())).collect()
    }

    pub(crate) fn report(&mut self, file: &str) -> Option<Known> {
        self.engine().store.view().unwrap().report(file).unwrap()
    }

    /// Frees what is held, as the command does, and wakes the mails.
    pub(crate) fn release_all(&mut self) -> usize {
        let engine = self.engine();
        let held: Vec<u64> = self.notices().iter().filter(|n| n.held).map(|n| n.number).collect();
        self.mail_at = self.now;
        engine.change_mails(&held, outbox::Change::Release, self.now, None).unwrap().len()
    }

    /// Raises an alarm or takes it back, as what lies around the loops does, and wakes the mails.
    pub(crate) fn alarm(&mut self, code: &str, text: Option<&str>) {
        let engine = self.engine();
        engine.alarm(code, text, self.now).unwrap();
        self.mail_at = self.now;
    }

    /// When mails came to the operator, and what stands in their subjects between reference and name.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |sent: &&Sent| {
            let subject = sent.mail.subject();
            let said = subject.split_once("] ").map_or(subject.as_str(), |(_, said)| said);
            format!("{} {}", sent.at, said.trim_end_matches(" (Example Net)"))
        };
        self.operator().iter().map(told).collect()
    }

    /// How often lists were asked for.
    pub(crate) fn lists(&self) -> usize {
        self.shadow.count("reports/list")
    }
}

/// Lets the timers of `work` run fast. The blocking sleeps keep tokio from jumping to the next timer by itself, which
/// would leave the other side no time at all to answer.
async fn hurried<T>(hurries: bool, work: impl Future<Output = T>) -> T {
    if !hurries {
        return work.await;
    }
    tokio::time::pause();
    let pass_time = async {
        loop {
            let nap = || std::thread::sleep(Duration::from_millis(1));
            tokio::task::spawn_blocking(nap).await.unwrap();
            tokio::time::advance(Duration::from_millis(250)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = pass_time => unreachable!("time never ends"),
    };
    tokio::time::resume();
    done
}

fn next(wanted: Option<Timestamp>, now: Timestamp) -> Timestamp {
    wanted.unwrap_or(now.plus_seconds(3600)).max(now.plus_seconds(1))
}

/// A report file with one row per problem, seen at noon.
pub(crate) fn body(day: Day, problems: &[&Problem]) -> String {
    let event = problems[0].kind.starts_with("event4_");
    let (ip, port, what) = if event { ("src_ip", "src_port", "infection") } else { ("ip", "port", "tag") };
    let mut csv = format!("\"timestamp\",\"severity\",\"protocol\",\"{ip}\",\"{port}\",\"{what}\"\n");
    for problem in problems {
        let (ip, severity) = (&problem.ip, problem.severity);
        writeln!(csv, "\"{day} 12:00:00\",\"{severity}\",\"tcp\",\"{ip}\",3389,\"x\"").unwrap();
    }
    csv
}

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub(crate) const OPERATOR: &str = "noc@example.net";
