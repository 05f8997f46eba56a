//! Takes a box through a world, as the loops of `run` would, with the oracle beside it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use abusebox::clock::{Clock, Day, Timestamp};
use abusebox::incident::Change as Wish;
use abusebox::notify::outbox::{Change, Scope};
use abusebox::service::intake::{Source, Taken};
use abusebox::service::sessions::Logged;
use abusebox::service::{Engine, Error, sha256};
use abusebox::sessions::read::Given;
use jiff::tz::TimeZone;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::chance::Chance;
use super::oracle::{Expected, Figures, Oracle};
use super::post::Post;
use super::world::{KINDS, Publication, SEVERITIES, Size, Trouble, World};
use crate::rig::OPERATOR;

/// What is to be done at a moment.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Shadowserver is asked.
    Pass,
    /// The log of sessions comes.
    Log,
    Trouble(Trouble),
    /// Its mails may leave at this moment.
    DigestBegins(Timestamp),
    /// Of this moment, whose mails left at that.
    DigestIsOver(Timestamp, Timestamp),
    Operator,
    Compare,
    End,
}

struct Drive<'w> {
    world: &'w World,
    oracle: Oracle,
    chance: Chance,
    dir: TempDir,
    runtime: Runtime,
    post: Post,
    engine: Option<Arc<Engine>>,
    clock: Clock,
    /// The true time.
    now: Timestamp,
    /// By how much the box's clock is ahead.
    ahead: i64,
    mode: &'static str,
    events: BTreeMap<(Timestamp, usize), Event>,
    /// When the loop of the mails wants its turn.
    mail_at: Timestamp,
    /// The first report that has not arrived.
    next: usize,
    /// Arrived, but not taken.
    waiting: Vec<usize>,
    /// SHA-256 of each file as it was last taken.
    known: HashMap<String, [u8; 32]>,
    /// A customer file is to be taken.
    export: bool,
    asked: Timestamp,
    server_up: bool,
    boots: u32,
    /// What happened last, for whoever looks for the cause of a failure.
    history: VecDeque<String>,
}

impl Drop for Drive<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{:?}", self.world.policy);
            for line in &self.history {
                println!("{line}");
            }
        }
    }
}

/// Lives through all of a world. Panics where something does not hold.
pub(super) fn live(seed: u64, size: Size) -> Figures {
    let world = World::new(seed, size);
    let mut drive = Drive::new(&world, seed);
    drive.boot(true);
    while drive.step() {}
    drive.oracle.figures
}

impl<'w> Drive<'w> {
    fn new(world: &'w World, seed: u64) -> Self {
        // A store is written to all the time: memory spares the disk of the machine that tests.
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let post = Post::start(&runtime);
        let now = world.start.start();
        let mut drive = Self {
            oracle: Oracle::new(world),
            chance: Chance::new(!seed),
            dir,
            post,
            runtime,
            engine: None,
            clock: Clock::fixed(now),
            now,
            ahead: 0,
            mode: world.mode,
            events: BTreeMap::new(),
            mail_at: now,
            next: 0,
            waiting: Vec::new(),
            known: HashMap::new(),
            export: true,
            asked: now,
            server_up: true,
            boots: 0,
            history: VecDeque::new(),
            world,
        };
        drive.plan();
        drive.settle();
        drive
    }

    fn plan(&mut self) {
        let Size { days, .. } = self.world.size;
        let start = self.world.start;
        let mut all: Vec<_> =
            self.world.troubles.iter().map(|&(at, trouble)| (at, Event::Trouble(trouble))).collect();
        for day in 0..days {
            let at = |seconds| start.plus(day).start().plus_seconds(seconds);
            for hour in [4, 6, 13, 21] {
                all.push((at(hour * 3600 + self.chance.within(0, 1800)), Event::Pass));
            }
            if !self.chance.happens(5.0) {
                all.push((at(2 * 3600 + self.chance.within(0, 600)), Event::Log));
            }
            all.push((at(self.chance.within(9 * 3600, 18 * 3600)), Event::Operator));
            let digest = self.oracle.digest(start.plus(day), self.world.policy.digest_hour);
            if let Some(left) = self.oracle.leaves(self.world, digest) {
                // One whose mails wait for longer than to the next is judged with that.
                if left.since(digest) < 20 * 3600 {
                    all.push((digest.plus_seconds(-1), Event::DigestBegins(left)));
                    all.push((left.plus_seconds(2 * 3600), Event::DigestIsOver(digest, left)));
                }
            }
            if day % 3 == 2 {
                all.push((at(23 * 3600), Event::Compare));
            }
        }
        // The logs begin before the first day.
        all.push((start.start(), Event::Log));
        let end = start.plus(days).start();
        all.push((end, Event::End));
        all.retain(|(at, _)| (start.start()..=end).contains(at));
        self.events = all.into_iter().enumerate().map(|(n, (at, event))| ((at, n), event)).collect();
    }

    /// Does what comes next. Returns false at the end.
    fn step(&mut self) -> bool {
        let (&key, &event) = self.events.first_key_value().expect("an end");
        if self.engine.is_some() && self.mail_at <= key.0 {
            self.now = self.now.max(self.mail_at);
            self.mail();
            return true;
        }
        self.events.remove(&key);
        self.now = key.0;
        self.note(format!("{event:?}"));
        match event {
            Event::Pass => self.pass(),
            Event::Log => self.log(),
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::DigestBegins(left) => {
                self.oracle.digest_begins(self.world, self.now.plus_seconds(1), left)
            }
            Event::DigestIsOver(digest, left) => self.digest_is_over(digest, left),
            Event::Operator => self.operate(),
            Event::Compare => self.compare(),
            Event::End => {
                self.compare();
                return false;
            }
        }
        true
    }

    fn note(&mut self, what: String) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(format!("{} (the box shows {}): {what}", self.now, self.shown()));
    }

    fn write(&self, name: &str, text: &str) {
        abusebox::files::save_atomic(&self.dir.path().join(name), text.as_bytes(), 0o600).unwrap();
    }

    fn settle(&self) {
        let World { policy, zone, .. } = self.world;
        let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(", ");
        let quiet = policy.quiet.map_or(String::new(), |(from, to)| format!("{from}-{to}"));
        let days_off = list(&mut policy.days_off.iter().map(|day| format!("\"{day}\"")));
        let held = list(&mut policy.held.iter().map(|&one| format!("\"{}\"", self.world.customers[one].id)));
        let mut settings = format!(
            "[box]\ntimezone = \"{zone}\"\nlanguage = \"en\"\nmode = \"{}\"\n\
             [organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
             operator_address = \"{OPERATOR}\"\n\
             [networks]\ncidrs = [\"198.18.0.0/15\"]\ndynamic = [\"198.19.0.0/16\"]\n\
             [mail]\nurl = \"smtp://127.0.0.1:{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n\
             [policy]\nmail_severity_min = \"{}\"\nrepeat_days_compromised = {}\n\
             repeat_days_exposed = {}\nclose_after_days = {}\nmail_age_days_max = {}\nmails_per_day_max = {}\n\
             digest_hour = {}\nhold_share_max = {}\nhold_count_min = {}\nquiet_hours = \"{quiet}\"\n\
             tell_gone = {}\nbusiness_days_only = {}\ndays_off = [{days_off}]\ncustomers_held = [{held}]\n",
            self.mode,
            self.post.port,
            SEVERITIES[usize::from(policy.severity_min)],
            policy.repeat_compromised,
            policy.repeat_exposed,
            policy.close_after,
            policy.age_max,
            policy.mails_max,
            policy.digest_hour,
            policy.hold_share,
            policy.hold_count,
            policy.tell_gone,
            policy.business_days_only,
        );
        for (name, own) in &policy.families {
            writeln!(settings, "[[family]]\nname = \"{name}\"").unwrap();
            let mut line = |key: &str, value: Option<String>| {
                if let Some(value) = value {
                    writeln!(settings, "{key} = {value}").unwrap();
                }
            };
            line("tell", own.tell.map(|who| format!("\"{who}\"")));
            line("repeat_days", own.repeat.map(|days| days.to_string()));
            line("seen_days_min", own.seen_days_min.map(|days| days.to_string()));
            let severity = own.severity_min.map(|min| format!("\"{}\"", SEVERITIES[usize::from(min)]));
            line("severity_min", severity);
        }
        self.write("settings.toml", &settings);
    }

    /// What the box takes for the time.
    fn shown(&self) -> Timestamp {
        self.now.plus_seconds(self.ahead)
    }

    /// The box, if it is on and trusts its clock, and what that shows.
    fn awake(&self) -> Option<(Arc<Engine>, Timestamp)> {
        let engine = self.engine.clone()?;
        self.clock.set(self.shown());
        self.clock.look_again();
        Some((engine, self.clock.now()?))
    }

    fn gate(&self) -> PathBuf {
        self.dir.path().join(format!("clock-{}", self.boots))
    }

    fn boot(&mut self, trusted: bool) {
        self.boots += 1;
        let gate = self.gate();
        if trusted {
            self.write(&format!("clock-{}", self.boots), "");
        }
        self.clock = Clock::fixed(self.shown()).trusted_by(gate);
        let (data, settings) = (self.dir.path().join("data"), self.dir.path().join("settings.toml"));
        self.engine = Some(Engine::open(&data, &settings, self.clock.clone()).unwrap());
        self.oracle.disturb(self.now);
        self.mail_at = self.now;
        if trusted {
            self.wake();
        }
    }

    /// What comes first once the box is on and knows the time.
    fn wake(&mut self) {
        self.take_customers();
        self.log();
        self.pass();
        self.mail_at = self.now;
    }

    fn take_customers(&mut self) {
        let Some((engine, now)) = self.awake() else { return };
        if std::mem::take(&mut self.export) {
            engine.import_customers(self.world.customer_file(self.now).as_bytes(), true, now).unwrap();
            self.oracle.import(self.world.holders(self.now), now);
        }
    }

    /// The log of sessions has all until now, by a clock that is right.
    fn log(&mut self) {
        let Some((engine, now)) = self.awake() else { return };
        let Some(log) = self.world.log(self.oracle.logged, self.now) else { return };
        let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some("log") };
        let logged = Logged { given, uncertainty: 30, source: "log", known_until: self.now };
        let taken = engine.take_sessions(log.as_bytes(), &logged, now).unwrap();
        assert_eq!(taken.summary.complaints.len(), 0, "{:?}", taken.summary);
        self.oracle.logged = self.now;
    }

    fn pass(&mut self) {
        let Some((engine, now)) = self.awake() else { return };
        self.take_customers();
        while self.world.publications.get(self.next).is_some_and(|one| one.at <= self.now) {
            self.waiting.push(self.next);
            self.next += 1;
        }
        let mut still = Vec::new();
        for index in std::mem::take(&mut self.waiting) {
            if !self.take(&engine, &self.world.publications[index], now) {
                still.push(index);
            }
        }
        self.waiting = still;
        // A list that is empty three days later stays so.
        let first = self.asked.day().plus(-4).max(self.world.start);
        for day in first.number()..=now.day().number() - 3 {
            let day = Day::from_number(day);
            let mut there = self.world.publications.iter().take(self.next);
            if day < self.now.day() && !there.any(|one| one.day == day) {
                engine.store.write(|txn| txn.cover(day)).unwrap();
                self.oracle.cover(day);
            }
        }
        self.asked = self.now;
        self.mail_at = self.now;
    }

    /// Takes in a report, and compares what it came to. False: it waits.
    fn take(&mut self, engine: &Engine, publication: &Publication, now: Timestamp) -> bool {
        let body = self.world.body(publication);
        let mut incoming = engine.spool.begin(&publication.file, now);
        incoming.write(body.as_bytes()).unwrap();
        let spooled = incoming.finish().unwrap();
        let source = Source {
            file: publication.file.clone(),
            kind: Some(KINDS[publication.kind].name.to_owned()),
            day: Some(publication.day),
            id_hash: Some(sha256(publication.id.to_string().as_bytes())),
        };
        let sha256 = sha256(body.as_bytes());
        let is_known = self.known.get(&publication.file) == Some(&sha256);
        let is_copy = !is_known && self.known.values().any(|known| *known == sha256);
        match engine.take(&source, &spooled, now) {
            Err(Error::Waits { .. }) => {
                let is_late =
                    self.world.lent_until(publication).is_some_and(|last| last > self.oracle.logged);
                assert!(is_late, "{} waits for nothing", publication.file);
                return false;
            }
            Ok(Taken::Known) => assert!(is_known, "{} is not known", publication.file),
            Ok(Taken::Duplicate { of }) => assert!(is_copy, "{} is no copy of {of}", publication.file),
            Ok(Taken::Processed(report)) => {
                assert!(!is_known && !is_copy, "{} was taken twice", publication.file);
                self.known.insert(publication.file.clone(), sha256);
                let counts = report.counts;
                let came_to = Expected {
                    rows: counts.rows,
                    matched: counts.matched,
                    unassigned: counts.unassigned,
                    ambiguous: counts.ambiguous,
                    unattributable: counts.unattributable,
                    outside: counts.outside,
                    rejected: counts.rejected,
                };
                let expected = self.oracle.take(self.world, publication, now);
                assert_eq!(came_to, expected, "{} at {now}", publication.file);
            }
            other => panic!("{}: {other:?}", publication.file),
        }
        true
    }

    /// A turn of the loop of the mails.
    fn mail(&mut self) {
        let Some((engine, now)) = self.awake() else {
            self.mail_at = self.now.plus_seconds(3600);
            return;
        };
        engine.keep(now).unwrap();
        self.oracle.keep(self.world, now);
        if !self.server_up {
            self.oracle.disturb(self.now);
        }
        let before: HashSet<u64> = self.unsent(&engine).values().map(|(number, ..)| *number).collect();
        let step = self.runtime.block_on(async {
            // Of the limit of mails per minute: an hour has passed.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(61)).await;
            tokio::time::resume();
            engine.mail_step(now).await.unwrap()
        });
        assert!(!step.more, "a thousand mails take no minutes");
        let policy = &self.world.policy;
        let customers = engine.loaded().table.customers_len();
        let flood =
            step.planned > policy.hold_count && step.planned as f64 > policy.hold_share * customers as f64;
        let all_held = self.mode == "hold" || self.mode == "live" && flood;
        let new_held: Vec<_> = self
            .unsent(&engine)
            .into_iter()
            .filter(|(_, (number, _, held, _))| *held && !before.contains(number))
            .map(|(customer, _)| customer)
            .collect();
        match all_held {
            true => assert_eq!(step.held, step.planned, "held of {customers} in mode {}", self.mode),
            false => {
                assert_eq!(step.held, new_held.len());
                assert!(new_held.iter().all(|customer| policy.held.contains(customer)), "held: {new_held:?}");
            }
        }
        // Those of this step are held.
        self.oracle.only = (all_held && step.held > 0).then_some(before);
        for attempt in self.post.attempts() {
            self.note(format!("to {:?}: {:?}", attempt.to, attempt.outcome));
            self.oracle.attempt(self.world, &attempt, now, self.now, self.mode);
        }
        if step.held > 0 || self.mode == "hold" {
            let unsent = self.unsent(&engine);
            self.oracle
                .held
                .extend(unsent.values().filter(|(_, _, held, _)| *held).map(|(number, ..)| *number));
        }
        if step.planned > 0 {
            self.note(format!("{step:?}"));
        }
        let next = step.next.map_or(3600, |next| next.since(now));
        self.mail_at = self.now.plus_seconds(next.clamp(1, 3600));
    }

    fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Off => {
                self.engine = None;
                self.oracle.disturb(self.now);
            }
            Trouble::On { trusted } => self.boot(trusted),
            Trouble::Trust => {
                self.write(&format!("clock-{}", self.boots), "");
                self.oracle.disturb(self.now);
                self.wake();
            }
            Trouble::Clock(ahead) => {
                self.ahead = ahead;
                // The digest of the next local day may have been made by the wrong clock.
                let tomorrow = self.oracle.local_day(self.now).plus(1);
                self.oracle.disturb(self.oracle.digest(tomorrow, self.world.policy.digest_hour));
                self.mail_at = self.now;
            }
            Trouble::Server(up) => {
                self.server_up = up;
                self.post.set_up(&self.runtime, up);
                self.oracle.disturb(self.now);
            }
            Trouble::Fault(number) => self.post.break_by(number, self.world.faults[number].clone()),
            Trouble::Healed(number) => self.post.heal(number),
            Trouble::Mode(mode) => {
                self.mode = mode;
                self.settle();
                self.oracle.disturb(self.now);
                if let Some((engine, now)) = self.awake() {
                    assert!(engine.reload(now).unwrap());
                    self.mail_at = self.now;
                }
            }
            Trouble::Export => {
                self.export = true;
                self.take_customers();
            }
        }
    }

    /// Customers with a mail in the outbox: its number, since when, and whether it is held.
    fn unsent(&self, engine: &Engine) -> HashMap<usize, (u64, Timestamp, bool, bool)> {
        let loaded = engine.loaded();
        let mut unsent = HashMap::new();
        let each = |notice: abusebox::notify::outbox::Notice| {
            let Some(contact) = loaded.table.contact(notice.customer) else { return };
            let customer = contact.id.trim_start_matches('K').parse().unwrap();
            let is_critical = notice.scope == Scope::Critical;
            unsent.insert(customer, (notice.number, notice.created, notice.held, is_critical));
        };
        engine.store.view().unwrap().unsent(each).unwrap();
        unsent
    }

    fn digest_is_over(&mut self, digest: Timestamp, left: Timestamp) {
        if self.ahead != 0 || self.mode != "live" {
            self.oracle.disturb(self.now);
        }
        let Some((engine, _)) = self.awake() else {
            self.oracle.disturb(self.now);
            return;
        };
        let unsent = self.unsent(&engine);
        let unsent = unsent.into_iter().map(|(who, (_, created, held, _))| (who, (created, held))).collect();
        self.oracle.digest_is_over(self.world, digest, left, self.now, &unsent);
    }

    /// A person looks at the page: what is held is let go or dropped, and now and then something is done by hand.
    fn operate(&mut self) {
        let Some((engine, now)) = self.awake() else { return };
        let mut held: Vec<_> =
            self.unsent(&engine).into_iter().filter(|(_, (_, _, held, _))| *held).collect();
        held.sort_unstable();
        if self.mode != "practice" && self.chance.happens(60.0) {
            let mut release = Vec::new();
            for (customer, (number, _, _, is_critical)) in held {
                if self.chance.happens(5.0) {
                    self.oracle.drop(self.world, customer, is_critical, now);
                    assert_eq!(engine.change_mails(&[number], Change::Drop, now, None).unwrap(), [number]);
                } else {
                    release.push(number);
                }
            }
            assert_eq!(engine.change_mails(&release, Change::Release, now, None).unwrap(), release);
            self.oracle.released.extend(release);
            self.mail_at = self.now;
        }
        if self.chance.happens(40.0) && !self.oracle.incidents.is_empty() {
            self.act(&engine, now);
        }
    }

    fn act(&mut self, engine: &Engine, now: Timestamp) {
        let view = engine.store.view().unwrap();
        let numbers = view.incident_numbers().unwrap();
        let id = numbers[self.chance.index(numbers.len())];
        let key = view.incident_key(id).unwrap().unwrap();
        let incident = view.incident(&key).unwrap().unwrap();
        let loaded = engine.loaded();
        let (Some(contact), Some(std::net::IpAddr::V4(address))) =
            (loaded.table.contact(key.customer()), incident.evidence.address)
        else {
            return;
        };
        let customer = contact.id.trim_start_matches('K').parse().unwrap();
        let kind = &view.kinds().unwrap()[usize::from(key.kind())];
        let ours = self.oracle.find(self.world, kind, customer, address.into(), incident.last_seen);
        let ours = ours.expect("an incident that is known");
        let wish = match self.chance.index(3) {
            0 => {
                self.oracle.close(&ours, now);
                Wish::Close
            }
            1 => {
                let until = self.oracle.local_day(now).plus(self.chance.within(0, 30) as i32);
                self.oracle.mute(&ours, until);
                Wish::Mute { until }
            }
            _ => {
                self.oracle.reopen(&ours);
                Wish::Reopen
            }
        };
        assert_eq!(engine.change_incidents(&[id], wish, now, None).unwrap(), [id]);
    }

    /// Every incident is what it must be.
    fn compare(&mut self) {
        let Some((engine, now)) = self.awake() else { return };
        let loaded = engine.loaded();
        let view = engine.store.view().unwrap();
        let kinds = view.kinds().unwrap();
        let mut count = 0;
        view.incidents(|key, incident| {
            let (Some(contact), Some(std::net::IpAddr::V4(address))) =
                (loaded.table.contact(key.customer()), incident.evidence.address)
            else {
                return;
            };
            count += 1;
            let customer = contact.id.trim_start_matches('K').parse().unwrap();
            let kind = &kinds[usize::from(key.kind())];
            let ours = self.oracle.find(self.world, kind, customer, address.into(), incident.last_seen);
            let ours = ours.unwrap_or_else(|| panic!("at {now} nothing tells of {incident:?}"));
            let seen = &self.oracle.incidents[&ours];
            let is = (incident.first_seen, incident.last_seen, incident.severity as u8, incident.closed);
            assert_eq!(
                is,
                (seen.first, seen.last, seen.severity, seen.closed),
                "first, last, severity, closed at {now}: {ours:?} {seen:?} {incident:?}"
            );
        })
        .unwrap();
        assert_eq!(count, self.oracle.incidents.len(), "incidents at {now}");
    }
}

/// Lines of what happened last.
const HISTORY: usize = 100;
