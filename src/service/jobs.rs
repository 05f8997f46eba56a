//! Jobs: what an operator asks for and takes longer than a page. One at a time, on a thread of their own; what they
//! came to is kept for a day.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::acting::{Signature, check_operator, note};
use super::fetching::NO_CUSTOMERS;
use super::intake::{Taken, describe};
use super::sessions;
use super::{CheckedBy, Engine, Error, FILE_BYTES_MAX, sha256};
use crate::clock::Timestamp;
use crate::customers::difference;
use crate::customers::import::{self, File};
use crate::fetch::spool::file_key;
use crate::files::{self, Temporary};
use crate::store::{Deed, What};
use crate::web::hand::{
    self, By, Check, Checked, End, Fate, FirstLine, Job, Outcome, Stage, Step, Upload, WHOLE_FILE,
};
use crate::web::view::{Customer, ROWS_MAX};

/// The jobs of a box at work.
pub(super) struct Jobs {
    shared: Arc<Shared>,
    queue: SyncSender<u64>,
}

struct Shared {
    engine: Arc<Engine>,
    /// Called after each job: others may have something to do now.
    changed: Arc<dyn Fn() + Send + Sync>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    last: u64,
    /// The newest last.
    entries: VecDeque<Entry>,
}

struct Entry {
    job: Job,
    from: IpAddr,
    /// What is still to be done; of a checked customer file, what is done if an operator says so.
    task: Option<Task>,
    /// When it came to its end, by a clock that never jumps.
    ended: Option<Instant>,
}

enum Task {
    Report(Temporary),
    Check(Temporary),
    Log(Temporary),
    Import(Ready),
    Try(Check),
}

/// A customer file that was checked.
struct Ready {
    /// The job that did so.
    by: u64,
    file: Temporary,
    sha256: [u8; 32],
    /// Of the file in force with which it was compared.
    base: Option<[u8; 32]>,
}

/// Where uploads and the files of jobs lie in a data folder.
pub(super) fn folder(engine: &Engine) -> PathBuf {
    engine.data.join("uploads")
}

/// Takes a file away from the folder of uploads, to be kept as long as it is needed. `None`: it is no name of one.
pub(super) fn taken(engine: &Engine, upload: &str) -> Result<Option<Temporary>, Error> {
    // It is a name that the door made up.
    let is_name = upload.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if upload.is_empty() || !is_name {
        return Ok(None);
    }
    let folder = folder(engine);
    let (from, own) = (folder.join(upload), folder.join(format!("job-of-{upload}")));
    std::fs::rename(&from, &own).map_err(|error| Error::file(&from, error))?;
    Ok(Some(Temporary(own)))
}

impl Jobs {
    pub(super) fn new(engine: Arc<Engine>, changed: Arc<dyn Fn() + Send + Sync>) -> Self {
        let shared = Arc::new(Shared { engine, changed, known: Mutex::default() });
        let (queue, asked) = sync_channel(WAITING_MAX);
        let own = shared.clone();
        if let Err(error) =
            std::thread::Builder::new().name("jobs".to_owned()).spawn(move || own.work(&asked))
        {
            tracing::error!("no thread for jobs: {error}");
        }
        Self { shared, queue }
    }

    /// Begins to work on a file that was uploaded.
    pub(super) fn upload(
        &self,
        by: &By<'_>,
        what: Upload,
        upload: &str,
        name: &str,
    ) -> Result<Outcome, Error> {
        let Some(file) = taken(&self.shared.engine, upload)? else { return Ok(Outcome::NoFile) };
        let task = match what {
            Upload::Report => Task::Report(file),
            Upload::Customers => Task::Check(file),
            Upload::Sessions => Task::Log(file),
            Upload::Addresses => {
                let pair = self.shared.engine.with_addresses(read(&file)?)?;
                files::save_atomic(&file.0, &pair, 0o600).map_err(|error| Error::file(&file.0, error))?;
                Task::Check(file)
            }
        };
        Ok(self.begin(by, name.to_owned(), task).map_or_else(|_| Outcome::Full, Outcome::Started))
    }

    /// Checks the file that came by itself and waits to be confirmed.
    pub(super) fn check_held(&self, by: &By<'_>) -> Result<Outcome, Error> {
        let engine = &self.shared.engine;
        let (held, own) = (engine.held_customers(), folder(engine).join("job-of-held"));
        let bytes = match files::read_max(&held, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Gone),
            Err(error) => return Err(Error::file(&held, error)),
        };
        let own = own.with_extension(engine.clock.untrusted_now().unix().to_string());
        files::save_atomic(&own, &bytes, 0o600).map_err(|error| Error::file(&own, error))?;
        let task = Task::Check(Temporary(own));
        Ok(self.begin(by, HELD_NAME.to_owned(), task).map_or_else(|_| Outcome::Full, Outcome::Started))
    }

    /// Tries something that was set.
    pub(super) fn check(&self, by: &By<'_>, what: Check) -> Outcome {
        self.begin(by, String::new(), Task::Try(what)).map_or_else(|_| Outcome::Full, Outcome::Started)
    }

    /// Takes the very file that was checked, if what is in doubt is confirmed, each line without an address by its number.
    pub(super) fn take_customers(&self, by: &By<'_>, job: u64, confirmed: &[u64]) -> Outcome {
        let (name, ready) = {
            let mut known = self.shared.known();
            let Some(entry) = known.entry(job) else { return Outcome::Gone };
            let Stage::Ended(End::Checked(checked)) = &entry.job.stage else { return Outcome::Gone };
            match checked.fate {
                Fate::Open => {}
                // The form was sent twice.
                Fate::Taken(by) => return Outcome::Started(by),
                Fate::Discarded => return Outcome::Gone,
            }
            let lines = checked.unreadable.iter().map(|line| u64::from(line.line));
            let doubts = (!checked.doubts.is_empty()).then_some(WHOLE_FILE);
            if !lines.chain(doubts).all(|one| confirmed.contains(&one)) {
                return Outcome::Unconfirmed;
            }
            match entry.task.take() {
                Some(Task::Import(ready)) => (entry.job.file.clone(), ready),
                other => {
                    entry.task = other;
                    return Outcome::Gone;
                }
            }
        };
        match self.begin(by, name, Task::Import(ready)) {
            Ok(number) => {
                self.shared.decide(job, Fate::Taken(number));
                Outcome::Started(number)
            }
            // It goes on waiting to be taken.
            Err(task) => {
                if let Some(entry) = self.shared.known().entry(job) {
                    entry.task = Some(task);
                }
                Outcome::Full
            }
        }
    }

    pub(super) fn discard_customers(&self, job: u64) -> Outcome {
        let mut known = self.shared.known();
        let task =
            known.entry(job).and_then(|entry| entry.task.take_if(|task| matches!(task, Task::Import(_))));
        drop(known);
        match task {
            Some(_) => {
                self.shared.decide(job, Fate::Discarded);
                Outcome::Discarded
            }
            None => Outcome::Gone,
        }
    }

    pub(super) fn job(&self, number: u64) -> Option<Job> {
        self.shared.known().entry(number).map(|entry| entry.job.clone())
    }

    pub(super) fn jobs(&self) -> Vec<Job> {
        self.shared.known().entries.iter().rev().map(|entry| entry.job.clone()).collect()
    }

    /// An error: too many wait.
    fn begin(&self, by: &By<'_>, file: String, task: Task) -> Result<u64, Task> {
        let asked = self.shared.engine.clock.untrusted_now();
        let mut known = self.shared.known();
        while known.entries.len() >= JOBS_MAX {
            // What waits for an operator goes last.
            let entries = &known.entries;
            let oldest = entries.iter().position(|entry| entry.is_over() && entry.task.is_none());
            let Some(oldest) = oldest.or_else(|| entries.iter().position(Entry::is_over)) else {
                return Err(task);
            };
            known.entries.remove(oldest);
        }
        known.last += 1;
        let number = known.last;
        if self.queue.try_send(number).is_err() {
            return Err(task);
        }
        let check = match task {
            Task::Try(check) => Some(check),
            Task::Report(_) | Task::Check(_) | Task::Log(_) | Task::Import(_) => None,
        };
        let job = Job { number, file, check, who: by.who.name.clone(), asked, stage: Stage::Waiting };
        known.entries.push_back(Entry { job, from: by.visitor.peer, task: Some(task), ended: None });
        Ok(number)
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        matches!(self.job.stage, Stage::Ended(_))
    }

    fn decide(&mut self, fate: Fate) {
        if let Stage::Ended(End::Checked(checked)) = &mut self.job.stage {
            checked.fate = fate;
        }
    }
}

impl Known {
    /// Forgets what came to its end a day ago, with its file.
    fn forget_old(&mut self, now: Instant) {
        self.entries.retain(|entry| entry.ended.is_none_or(|ended| now.duration_since(ended) < KEPT));
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.job.number == number)
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, job: u64, fate: Fate) {
        // What was put back meanwhile is open again.
        if let Some(entry) = self.known().entry(job).filter(|entry| entry.task.is_none()) {
            entry.decide(fate);
        }
    }

    fn step(&self, number: u64, step: Step) {
        if let Some(entry) = self.known().entry(number) {
            entry.job.stage = Stage::Working(step);
        }
    }

    /// Works until nobody can ask for anything any more.
    fn work(&self, asked: &Receiver<u64>) {
        loop {
            let number = match asked.recv_timeout(FORGET_EVERY) {
                Ok(number) => number,
                Err(RecvTimeoutError::Timeout) => {
                    self.known().forget_old(Instant::now());
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let task = self.known().entry(number).and_then(|entry| {
                Some((entry.task.take()?, entry.job.file.clone(), entry.job.who.clone(), entry.from))
            });
            let Some((task, name, who, from)) = task else { continue };
            let signed = Signature { who: &who, from };
            let done = match task {
                Task::Report(file) => self.report(number, &name, &file, &signed).map(|end| (end, None)),
                Task::Check(file) => self.check(number, file),
                Task::Log(file) => self.log(number, &name, &file, &signed).map(|end| (end, None)),
                Task::Import(ready) => {
                    let done = self.import(number, &name, &ready, &signed);
                    if done.as_ref().is_err_and(|error| !matches!(error, Error::NotAsChecked)) {
                        self.put_back(ready);
                    }
                    done.map(|end| (end, None))
                }
                Task::Try(what) => self.try_out(number, what, &signed).map(|end| (end, None)),
            };
            let (end, next) = done.unwrap_or_else(|error| {
                tracing::warn!(job = number, "{}", describe(&error));
                (End::Failed(describe(&error)), None)
            });
            let mut known = self.known();
            known.forget_old(Instant::now());
            if let Some(entry) = known.entry(number) {
                (entry.job.stage, entry.task) = (Stage::Ended(end), next);
                entry.ended = Some(Instant::now());
            }
            drop(known);
            (self.changed)();
        }
    }

    /// A customer file that could not be taken, although nothing is wrong with it: it may be tried again.
    fn put_back(&self, ready: Ready) {
        if let Some(entry) = self.known().entry(ready.by) {
            (entry.task, entry.ended) = (Some(Task::Import(ready)), Some(Instant::now()));
            entry.decide(Fate::Open);
        }
    }

    /// Notes what was done; that it was done stays true if that fails.
    fn note(&self, signed: &Signature<'_>, what: Deed, now: Timestamp) {
        let noted = self.engine.store.write(|txn| note(txn, signed.who, Some(signed.from), what, now));
        if let Err(error) = noted {
            tracing::warn!(who = signed.who, "what was done cannot be noted: {error}");
        }
    }

    fn report(
        &self,
        number: u64,
        name: &str,
        file: &Temporary,
        signed: &Signature<'_>,
    ) -> Result<End, Error> {
        let engine = &self.engine;
        let now = engine.now()?;
        self.step(number, Step::ReadingReport);
        check_operator(engine, signed)?;
        let taken = engine.ingest(name, &file.0, now)?;
        let came_to = match &taken {
            Taken::Processed(_) => What::SentReport,
            Taken::Known | Taken::Duplicate { .. } => What::SentKnownReport,
            Taken::Unreadable { .. } => What::SentUnreadableReport,
        };
        self.note(signed, Deed::to(came_to, &[name]), now);
        self.step(number, Step::PlanningMails);
        // In the middle of a pass its end plans, so that a customer gets one mail of all that is critical.
        let (planned, held) = if engine.is_fetching(now) { (0, 0) } else { engine.plan(now)? };
        Ok(End::Report(match taken {
            Taken::Processed(report) => {
                hand::Taken::Read { file: file_key(name), report, planned: planned as u64, held: held as u64 }
            }
            Taken::Known => hand::Taken::Known,
            Taken::Duplicate { of } => hand::Taken::Duplicate { of },
            Taken::Unreadable { why } => hand::Taken::Unreadable { why },
        }))
    }

    fn log(&self, number: u64, name: &str, file: &Temporary, signed: &Signature<'_>) -> Result<End, Error> {
        let engine = &self.engine;
        let now = engine.now()?;
        self.step(number, Step::TakingSessions);
        check_operator(engine, signed)?;
        let sessions::Taken { summary, changed, too_old, known_until } =
            engine.take_log(&file.0, name, None, None, now)?;
        self.note(signed, Deed::to(What::TookSessions, &[name]), now);
        Ok(End::Sessions {
            sessions: summary.sessions,
            changed,
            too_old,
            known_until,
            complaints: summary.complaints.list,
            complaints_more: summary.complaints.more,
        })
    }

    /// What a customer file would change, and what takes it if that is wanted.
    fn check(&self, number: u64, file: Temporary) -> Result<(End, Option<Task>), Error> {
        self.step(number, Step::CheckingCustomers);
        let engine = &self.engine;
        let zone = engine.loaded().settings.boxx.timezone.clone();
        let bytes = read(&file)?;
        let sha256 = sha256(&bytes);
        let (packed, new) = engine.understand(&bytes)?;
        let accepted = super::sha256(&super::holding::confirmed(packed, &new));
        drop(bytes);
        let in_force = engine.store.view()?.imports()?.pop().map(|(_, import)| import);
        let old = engine.in_force()?.map_or_else(File::default, |bytes| import::read(&bytes, &zone));
        let base = in_force.map(|import| import.sha256);
        let checked = Checked {
            customers: new.customers_len() as u64,
            prefixes: new.prefixes_len() as u64,
            // What a form cannot confirm line by line is to be corrected.
            is_refused: new.refused || new.unreadable.len() > ROWS_MAX,
            is_known: base == Some(accepted),
            complaints: engine.complaints(&new),
            complaints_more: new.complaints.more,
            notes: engine.notes(&new),
            unreadable: new.unreadable.iter().take(ROWS_MAX).cloned().collect(),
            columns: new.columns.iter().chain(&new.address_columns).cloned().collect(),
            doubts: engine.doubts(&new, engine.now()?)?,
            difference: difference::between(&old, &new),
            rows: engine.rows_with(&new)?,
            first: first_lines(&new),
            fate: Fate::Open,
        };
        let can_be_taken = !checked.is_refused && !checked.is_known;
        let next = can_be_taken.then_some(Task::Import(Ready { by: number, file, sha256, base }));
        Ok((End::Checked(Box::new(checked)), next))
    }

    fn import(&self, number: u64, name: &str, ready: &Ready, signed: &Signature<'_>) -> Result<End, Error> {
        self.step(number, Step::TakingCustomers);
        let (engine, bytes) = (&self.engine, read(&ready.file)?);
        if sha256(&bytes) != ready.sha256 {
            return Err(Error::NotAsChecked);
        }
        let checked = CheckedBy { signed, what: &Deed::to(What::TookCustomers, &[name]), base: ready.base };
        let now = engine.now()?;
        let file = engine.import_customers_as(&bytes, true, now, Some(&checked))?;
        if ready.base.is_none() {
            self.step(number, Step::ReadingReport);
            engine.customers_are_known(now)?;
        }
        Ok(End::Imported { customers: file.customers_len() as u64, prefixes: file.prefixes_len() as u64 })
    }

    fn try_out(&self, number: u64, what: Check, signed: &Signature<'_>) -> Result<End, Error> {
        let (step, tried, done) = match what {
            Check::Shadowserver => {
                (Step::AskingShadowserver, What::TriedShadowserver, What::AskedShadowserver)
            }
            Check::Mail => (Step::SendingMail, What::TriedTestMail, What::SentTestMail),
        };
        self.step(number, step);
        let engine = &self.engine;
        // A clock that is wrong may be why it does not work.
        let now = engine.clock.untrusted_now();
        check_operator(engine, signed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Task(error.to_string()))?;
        let end = runtime.block_on(async {
            match what {
                Check::Shadowserver => engine.ask_shadowserver(now).await.map(End::Asked),
                Check::Mail => engine.try_mail(now).await,
            }
        });
        self.note(signed, Deed::plain(if end.is_ok() { done } else { tried }), now);
        end
    }
}

impl Engine {
    /// After the first customer file: what came in before anybody was known is nobody's, and would be told to nobody.
    pub(super) fn customers_are_known(&self, now: Timestamp) -> Result<(), Error> {
        self.take_all_again(now)?;
        self.alarm(NO_CUSTOMERS, None, now)?;
        self.digest_again()?;
        self.plan(now)?;
        Ok(())
    }
}

fn read(file: &Temporary) -> Result<Vec<u8>, Error> {
    files::read_max(&file.0, FILE_BYTES_MAX).map_err(|error| Error::file(&file.0, error))
}

fn first_lines(file: &File) -> Vec<FirstLine> {
    let mut lines: Vec<_> = file.lines.iter().collect();
    let count = FIRST_LINES_MAX.min(lines.len());
    if count < lines.len() {
        lines.select_nth_unstable_by_key(count, |line| (line.line, line.prefix));
    }
    lines.truncate(count);
    lines.sort_unstable_by_key(|line| (line.line, line.prefix));
    let shown = |line: &&import::Line| {
        let contact = file.customers.get(line.customer as usize)?;
        Some(FirstLine {
            line: line.line,
            prefix: line.prefix.to_string(),
            customer: Customer { id: contact.id.to_owned(), name: contact.name.to_owned() },
            mails: contact.mails.iter().map(|mail| (*mail).to_owned()).collect(),
        })
    };
    lines.iter().filter_map(shown).collect()
}

/// In place of the name of a file that nobody sent.
const HELD_NAME: &str = "held";
/// Jobs that wait for the one at work: each has a file on the disk.
const WAITING_MAX: usize = 3;
/// Jobs known: the complaints of one customer file are up to some hundred kilobytes.
const JOBS_MAX: usize = 12;
const KEPT: Duration = Duration::from_secs(86_400);
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Lines by which a person sees that the columns were understood.
const FIRST_LINES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::store::{Digests, Person, Role};
    use crate::web::access::Who;
    use crate::web::gate::Visitor;
    use crate::web::words::PageWords;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const VISITOR: Visitor = Visitor { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), is_secure: true };
    const HEAD: &str = "customer_id,name,email,cidr\n";

    struct House {
        engine: Arc<Engine>,
        jobs: Jobs,
        who: Who,
        uploads: AtomicUsize,
        _folder: tempfile::TempDir,
    }

    /// A box with the operator ann and one customer.
    fn house() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[organisation]\nabuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\"]\n[policy]\ndigest_hour = 0\n";
        let path = folder.path().join("settings.toml");
        save_atomic(&path, settings.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let file = format!("{HEAD}C1,One,1@example.com,192.0.2.0/28\n");
        engine.import_customers(file.as_bytes(), false, NOW).unwrap();
        let ann = Person { role: Role::Operator, password_hash: String::new(), added: NOW, last_login: None };
        engine.store.write(|txn| txn.put_person("ann", Some(&ann))).unwrap();
        std::fs::create_dir(super::folder(&engine)).unwrap();
        let jobs = Jobs::new(engine.clone(), Arc::new(|| {}));
        let who = Who { name: "ann".to_owned(), role: Role::Operator, csrf: String::new() };
        House { engine, jobs, who, uploads: AtomicUsize::new(0), _folder: folder }
    }

    impl House {
        fn by(&self) -> By<'_> {
            By { visitor: VISITOR, who: &self.who }
        }

        fn folder(&self) -> PathBuf {
            super::folder(&self.engine)
        }

        fn files(&self) -> usize {
            std::fs::read_dir(self.folder()).unwrap().count()
        }

        /// As the door leaves a file.
        fn upload(&self, what: Upload, name: &str, content: &[u8]) -> Outcome {
            let number = self.uploads.fetch_add(1, Ordering::Relaxed);
            let upload = format!("upload-{number}");
            save_atomic(&self.folder().join(&upload), content, 0o600).unwrap();
            self.jobs.upload(&self.by(), what, &upload, name).unwrap()
        }

        #[track_caller]
        fn end(&self, outcome: Outcome) -> (u64, End) {
            let Outcome::Started(number) = outcome else { panic!("{outcome:?}") };
            let began = Instant::now();
            loop {
                if let Stage::Ended(end) = self.jobs.job(number).unwrap().stage {
                    return (number, end);
                }
                assert!(began.elapsed().as_secs() < 60, "it never ends");
                std::thread::sleep(Duration::from_millis(5));
            }
        }

        #[track_caller]
        fn check(&self, lines: &str) -> (u64, Checked) {
            match self.end(self.upload(Upload::Customers, "c.csv", format!("{HEAD}{lines}").as_bytes())) {
                (number, End::Checked(checked)) => (number, *checked),
                (_, end) => panic!("{end:?}"),
            }
        }

        fn take(&self, job: u64, left_out: &[u64]) -> Outcome {
            self.jobs.take_customers(&self.by(), job, left_out)
        }

        fn audit(&self) -> Vec<String> {
            let entries = self.engine.store.view().unwrap().audit_back(None, 100).unwrap();
            entries
                .into_iter()
                .map(|(_, entry)| format!("{} {}", entry.who, PageWords::of("en").deed(&entry.what)))
                .collect()
        }
    }

    fn report() -> (String, Vec<u8>) {
        let day = NOW.day().plus(-1);
        let mut csv = "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\"\n".to_owned();
        for ip in ["192.0.2.1", "192.0.2.99", "nowhere"] {
            csv += &format!("\"{day} 03:00:00\",\"high\",\"{ip}\",\"tcp\",\"3389\"\n");
        }
        (format!("{day}-scan_rdp-example-asn.csv"), csv.into_bytes())
    }

    #[test]
    fn the_digest_is_made_again_although_one_is_being_planned() {
        let engine = &house().engine;
        let last = || engine.store.view().unwrap().meta::<Digests>().unwrap().unwrap_or_default().last;
        std::thread::scope(|threads| {
            let planning = engine.planning.lock().unwrap();
            let again = threads.spawn(|| engine.digest_again().unwrap());
            std::thread::sleep(Duration::from_millis(50));
            assert!(!again.is_finished());
            // What a plan notes at its end.
            let made = Digests { last: Some(NOW.day()), ..Digests::default() };
            engine.store.write(|txn| txn.set_meta(&made)).unwrap();
            assert!(last().is_some());
            drop(planning);
        });
        assert_eq!(last(), None);
    }

    #[test]
    fn a_report_is_taken_in_once_as_if_it_had_been_fetched() {
        let house = house();
        let (name, csv) = report();
        let (_, end) = house.end(house.upload(Upload::Report, &name, &csv));
        let End::Report(taken) = &end else { panic!("{end:?}") };
        let hand::Taken::Read { file, report, planned, held } = taken else { panic!("{end:?}") };
        assert_eq!((file, report.kind.as_str(), *planned, *held), (&name, "scan_rdp", 1, 1));
        assert_eq!((report.counts.rows, report.counts.matched, report.counts.rejected), (3, 1, 1));
        assert!(house.engine.store.view().unwrap().report(&name).unwrap().is_some());
        for (name, is_known) in [(name.as_str(), true), ("2026-01-01-scan_ftp-x-asn.csv", false)] {
            let (_, end) = house.end(house.upload(Upload::Report, name, &csv));
            let End::Report(taken) = &end else { panic!("{end:?}") };
            assert_eq!(matches!(taken, hand::Taken::Known), is_known, "{end:?}");
            assert_eq!(matches!(taken, hand::Taken::Duplicate { .. }), !is_known, "{end:?}");
        }
        let (_, end) = house.end(house.upload(Upload::Report, "page.csv", b"<html>no</html>"));
        assert!(matches!(&end, End::Failed(why) if why.contains("web page")), "{end:?}");
        assert_eq!(house.files(), 0);
        let (_, end) = house.end(house.upload(Upload::Report, "other.csv", b"a,b\n"));
        assert!(matches!(&end, End::Report(hand::Taken::Unreadable { .. })), "{end:?}");
        let noted = house.audit();
        assert_eq!(noted.last(), Some(&format!("ann sent the report {name}")));
        let known = format!("ann sent the report {name}, which was known");
        assert_eq!(noted[0], "ann sent the report other.csv, which cannot be read");
        assert!(noted.contains(&known) && !noted.iter().any(|entry| entry.contains("page.csv")), "{noted:?}");
    }

    #[test]
    fn a_checked_file_that_could_not_be_taken_waits_to_be_taken_again() {
        let house = house();
        let (job, _) = house.check("C1,One,,192.0.2.0/28\nC2,Two,,192.0.2.16/28\n");
        // Somebody is in the way of the folder in which accepted files are kept.
        let (kept, aside) = (house.engine.data.join("customers"), house.engine.data.join("aside"));
        std::fs::rename(&kept, &aside).unwrap();
        save_atomic(&kept, b"", 0o600).unwrap();
        let (_, end) = house.end(house.take(job, &[]));
        assert!(matches!(end, End::Failed(_)), "{end:?}");
        let Stage::Ended(End::Checked(checked)) = house.jobs.job(job).unwrap().stage else { panic!() };
        assert_eq!((checked.fate, house.files()), (Fate::Open, 1));
        std::fs::remove_file(&kept).unwrap();
        std::fs::rename(&aside, &kept).unwrap();
        // What else is asked for meanwhile does not push it out.
        let (name, csv) = report();
        for _ in 0..JOBS_MAX {
            house.end(house.upload(Upload::Report, &name, &csv));
        }
        let (_, end) = house.end(house.take(job, &[]));
        assert!(matches!(end, End::Imported { customers: 2, .. }), "{end:?}");
        assert_eq!(house.files(), 0);
    }

    #[test]
    fn jobs_and_their_files_are_forgotten_by_time() {
        let house = house();
        let (job, _) = house.check("C1,One,,192.0.2.0/28\nC2,Two,,192.0.2.16/28\n");
        let (name, csv) = report();
        house.end(house.upload(Upload::Report, &name, &csv));
        let mut known = house.jobs.shared.known();
        known.forget_old(Instant::now() + KEPT - Duration::from_secs(60));
        assert_eq!((known.entries.len(), house.files()), (2, 1));
        known.forget_old(Instant::now() + KEPT + Duration::from_secs(60));
        assert_eq!((known.entries.len(), house.files()), (0, 0));
        drop(known);
        assert_eq!(house.take(job, &[]), Outcome::Gone);
    }

    #[test]
    fn what_a_customer_file_changes_is_shown_before_it_is_taken() {
        let house = house();
        let (job, checked) = house.check("C1,One,1@example.com,192.0.2.0/29\nC2,Two,,192.0.2.16/28\n");
        assert_eq!((checked.customers, checked.prefixes, checked.complaints.len()), (2, 2, 0));
        let difference = &checked.difference;
        assert_eq!((difference.new.count, difference.changed.count, difference.gone.count), (1, 1, 0));
        let lines: Vec<_> = checked.first.iter().map(|line| (line.line, line.customer.id.as_str())).collect();
        assert_eq!(lines, [(2, "C1"), (3, "C2")]);
        assert_eq!(house.engine.loaded().table.customers_len(), 1, "nothing is taken yet");
        let taken = house.take(job, &[]);
        let (number, end) = house.end(taken);
        assert!(matches!(end, End::Imported { customers: 2, prefixes: 2 }), "{end:?}");
        assert_eq!(house.take(job, &[]), Outcome::Started(number), "sent twice, taken once");
        assert_eq!(house.engine.loaded().table.customers_len(), 2);
        assert_eq!(house.jobs.discard_customers(job), Outcome::Gone);
        assert_eq!(house.audit(), ["ann took the customer file c.csv"]);
        let (job, checked) = house.check("C1,One,1@example.com,192.0.2.0/29\nC2,Two,,192.0.2.16/28\n");
        assert!(checked.is_known && checked.difference.is_empty());
        assert_eq!((house.take(job, &[]), house.files()), (Outcome::Gone, 0));
    }

    #[test]
    fn each_line_without_an_address_is_left_out_by_its_number() {
        let house = house();
        let lines = "C1,One,1@example.com,192.0.2.0/28\nC2,Two,,nonsense\nC3,Three,,more nonsense\n";
        let (job, checked) = house.check(lines);
        let unreadable: Vec<_> = checked.unreadable.iter().map(|line| line.line).collect();
        assert_eq!(unreadable, [3, 4]);
        for left_out in [&[][..], &[3], &[4, 5]] {
            assert_eq!(house.take(job, left_out), Outcome::Unconfirmed);
        }
        let (_, end) = house.end(house.take(job, &[3, 4]));
        assert!(matches!(end, End::Imported { customers: 3, prefixes: 1 }), "{end:?}");
    }

    #[test]
    fn only_the_very_file_is_taken_and_only_where_it_was_compared() {
        let house = house();
        let (job, _) = house.check("C1,One,,192.0.2.0/28\nC2,Two,,192.0.2.16/28\n");
        let file = std::fs::read_dir(house.folder()).unwrap().next().unwrap().unwrap().path();
        save_atomic(&file, format!("{HEAD}C9,Nine,,192.0.2.0/24\n").as_bytes(), 0o600).unwrap();
        let (_, end) = house.end(house.take(job, &[]));
        assert!(matches!(&end, End::Failed(why) if why.contains("send the file again")), "{end:?}");
        // Another file came in between.
        let (job, _) = house.check("C1,One,,192.0.2.0/28\nC2,Two,,192.0.2.16/28\n");
        let other = format!("{HEAD}C7,Seven,,192.0.2.0/28\n");
        house.engine.import_customers(other.as_bytes(), false, NOW).unwrap();
        let (_, end) = house.end(house.take(job, &[]));
        assert!(matches!(&end, End::Failed(_)), "{end:?}");
        assert_eq!(
            house.engine.loaded().table.explain("192.0.2.1".parse().unwrap(), NOW).customer_id,
            Some("C7")
        );
        let (job, checked) = house.check("no,address\n");
        assert!(!checked.complaints.is_empty());
        assert_ne!(house.take(job, &[]), Outcome::Started(job + 1), "{checked:?}");
        let (job, _) = house.check("C1,One,,192.0.2.0/28\n");
        assert_eq!(house.jobs.discard_customers(job), Outcome::Discarded);
        assert_eq!((house.jobs.discard_customers(job), house.take(job, &[])), (Outcome::Gone, Outcome::Gone));
        assert!(house.audit().is_empty());
    }

    #[test]
    fn jobs_are_few_and_names_of_files_lead_nowhere_else() {
        let house = house();
        for name in ["", "../settings.toml", "a/b", "upload-77"] {
            let outcome = house.jobs.upload(&house.by(), Upload::Report, name, "x.csv");
            assert!(matches!(outcome, Ok(Outcome::NoFile) | Err(Error::File { .. })), "{name}: {outcome:?}");
        }
        assert!(Path::new(&house.engine.settings_path).exists() && house.jobs.jobs().is_empty());
        // The one at work waits for the store.
        let txn = house.engine.store.begin().unwrap();
        let (name, csv) = report();
        let mut started = 0;
        let full = loop {
            match house.upload(Upload::Report, &name, &csv) {
                Outcome::Started(_) => started += 1,
                other => break other,
            }
        };
        assert!(full == Outcome::Full && (WAITING_MAX..=WAITING_MAX + 1).contains(&started), "{started}");
        assert_eq!(house.files(), started);
        drop(txn);
        for number in 1..=started as u64 {
            house.end(Outcome::Started(number));
        }
        for _ in 0..2 * JOBS_MAX {
            house.end(house.upload(Upload::Report, &name, &csv));
        }
        let jobs = house.jobs.jobs();
        assert!(jobs.len() <= JOBS_MAX && jobs[0].number > jobs[1].number && house.files() == 0);
    }
}
