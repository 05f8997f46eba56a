//! The operator's own program that knows whose an address was (`docs/resolver.md`). It is asked before a report is taken
//! in, about the rows for which nothing else has an answer; what it says goes to the store, where matching finds it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::intake::{Source, describe, port};
use super::{Engine, Error, Loaded};
use crate::clock::Timestamp;
use crate::config::Ranges;
use crate::customers::Port;
use crate::customers::table;
use crate::fetch::http::Getter;
use crate::fetch::spool::{self, Spooled};
use crate::report::{Address, Hint, Item, Reader};
use crate::store::{ResolverAnswer, Waiting, Waits};

/// What is asked: an address, the port that the customer's side opened where several share it, and the second.
type Question = (IpAddr, Option<u16>, Timestamp);

/// As it comes; more members may.
#[derive(Debug, Deserialize)]
struct Answer {
    /// Missing, it is no answer; null: nobody.
    #[serde(deserialize_with = "present")]
    customer: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

/// With this, null is no longer the same as nothing.
fn present<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

impl Engine {
    /// Before a report is taken in: asks the resolver about its rows, and sees whether the logs of sessions tell of all of
    /// them. [`Error::Waits`]: something is missing, so that it is better taken later; after [`WAIT_SECONDS_MAX`] it is taken
    /// as it is. `must`: it is taken in any case.
    pub(super) fn wait_for_owners(
        &self,
        file: &str,
        source: &Source,
        spooled: &Spooled,
        must: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let missing = match self.ask_resolver(source, spooled, now)? {
            None if !must => self.late_log(source, spooled, now)?,
            silent => silent,
        };
        let Some(why) = missing else { return self.wait_no_more(file) };
        let waits =
            Waiting { since: now, sha256: spooled.sha256, bytes: spooled.bytes, id_hash: source.id_hash };
        let since = self.waits_since(file, waits)?;
        if must || now.since(since) >= WAIT_SECONDS_MAX {
            tracing::warn!(file, "taken without all owners: {why}");
            return self.wait_no_more(file);
        }
        Err(Error::Waits { why })
    }

    /// Asks about the rows of a report. Returns why not all could be asked.
    fn ask_resolver(
        &self,
        source: &Source,
        spooled: &Spooled,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        let loaded = self.loaded();
        let settings = &loaded.settings.resolver;
        let Some(remote) = &settings.remote else {
            self.alarm(ALARM, None, now)?;
            return Ok(None);
        };
        let getter = Arc::new(Getter::new("resolver", remote, &loaded.extra_ca)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Task(error.to_string()))?;
        let mut last = None;
        let fault = loop {
            let questions = self.questions(source, spooled, now)?;
            // What was asked and is asked again got no answer that could be kept.
            if questions.is_empty() || last.as_ref() == Some(&questions) {
                break None;
            }
            if self.store.view()?.said_len()? >= ANSWERS_MAX {
                break Some(format!(
                    "{ANSWERS_MAX} answers are kept already; no further one is asked for until some are old"
                ));
            }
            if let Err(why) = runtime.block_on(self.ask_all(&getter, &questions, now))? {
                break Some(why);
            }
            last = Some(questions);
        };
        let silent = fault.map(|why| format!("your resolver does not say whose some addresses were: {why}"));
        let text = silent.as_ref().map(|why| {
            format!(
                "{why}. Reports with such rows wait for it for a day; then the rows count as unattributable"
            )
        });
        self.alarm(ALARM, text.as_deref(), now)?;
        Ok(silent)
    }

    /// Whether a report has rows that are later than the logs of sessions tell, and whose owner is not known: who told
    /// something lately will tell more.
    fn late_log(&self, source: &Source, spooled: &Spooled, now: Timestamp) -> Result<Option<String>, Error> {
        let loaded = self.loaded();
        let log = self.store.view()?.session_log()?;
        let Some(told) = log.told_by_all(now.plus_seconds(-SILENT_SECONDS_MAX)) else { return Ok(None) };
        let sources = loaded.sources(&log);
        let mut late = None;
        self.passing_rows(&loaded, source, spooled, |address, port, at| {
            let is_late = told < at && at <= now && sources.is_logged(address, port);
            if is_late && sources.owner(address, port, at).by.is_none() {
                late = Some(at);
            }
            Ok(late.is_none())
        })?;
        log.finish()?;
        Ok(late.map(|at| {
            format!("it has rows of {at}, and the logs of sessions tell only what was until {told}")
        }))
    }

    /// A report of this source that was fetched and waits.
    pub(super) fn waiting(&self, source: &Source) -> Result<Option<Spooled>, Error> {
        let file = spool::file_key(&source.file);
        let waits = self.store.view()?.meta::<Waits>()?.unwrap_or_default();
        let waiting = waits.0.get(&file).filter(|waiting| waiting.id_hash == source.id_hash);
        let spooled = waiting.map(|&Waiting { sha256, bytes, .. }| Spooled {
            path: self.spool.path(&file, &sha256),
            sha256,
            bytes,
        });
        Ok(spooled.filter(|spooled| spooled.path.exists()))
    }

    /// Since when a report waits; from now on, if it did not yet.
    fn waits_since(&self, file: &str, new: Waiting) -> Result<Timestamp, Error> {
        Ok(self.store.write(|txn| {
            let mut waits = txn.meta::<Waits>()?.unwrap_or_default();
            // What was never seen again is nothing that waits.
            waits.0.retain(|_, waiting| new.since.since(waiting.since) < 2 * WAIT_SECONDS_MAX);
            let since = waits.0.get(file).map_or(new.since, |known| known.since);
            waits.0.insert(file.to_owned(), Waiting { since, ..new });
            txn.set_meta(&waits).map(|()| since)
        })?)
    }

    fn wait_no_more(&self, file: &str) -> Result<(), Error> {
        let waits = self.store.view()?.meta::<Waits>()?.unwrap_or_default();
        if waits.0.contains_key(file) {
            self.store.write(|txn| {
                let mut waits = txn.meta::<Waits>()?.unwrap_or_default();
                waits.0.remove(file);
                txn.set_meta(&waits)
            })?;
        }
        Ok(())
    }

    /// Goes through the rows of a report for which something else than static lines answers, with the port if the row has
    /// one, while `each` says so.
    fn passing_rows(
        &self,
        loaded: &Loaded,
        source: &Source,
        spooled: &Spooled,
        mut each: impl FnMut(IpAddr, Option<Port>, Timestamp) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let hint = Hint { kind: source.kind.as_deref(), file_name: Some(&source.file) };
        // What cannot be read has no rows; whoever takes it in says why.
        let Ok(mut reader) = Reader::new(spool::open(&spooled.path)?, hint) else { return Ok(()) };
        let header = reader.header.clone();
        while let Ok(Some(item)) = reader.next_item() {
            let Item::Row(row) = item else { continue };
            let Address::Ip(address) = row.address else { continue };
            if !matches!(loaded.table.source(address), table::Source::Cgn | table::Source::Dynamic) {
                continue;
            }
            if !each(address, port(&header, &row), row.time)? {
                break;
            }
        }
        Ok(())
    }

    /// What is to be asked about a report: at most [`QUESTIONS_MAX`] at once.
    fn questions(
        &self,
        source: &Source,
        spooled: &Spooled,
        now: Timestamp,
    ) -> Result<BTreeSet<Question>, Error> {
        let loaded = self.loaded();
        let settings = &loaded.settings.resolver;
        let view = self.store.view()?;
        let log = view.session_log()?;
        let sources = loaded.sources(&log);
        let fresh_since = now.plus_seconds(-i64::from(settings.cache_hours) * 3600);
        let mut questions = BTreeSet::new();
        self.passing_rows(&loaded, source, spooled, |address, port, at| {
            let is_wanted = match loaded.table.source(address) {
                table::Source::Cgn => settings.ranges != Ranges::Dynamic,
                _ => settings.ranges != Ranges::Cgn,
            };
            if is_wanted && let Some(port) = sources.is_for_resolver(address, port, at) {
                let said = view.said(address, port, at)?;
                if said.is_none_or(|said| said.asked < fresh_since) {
                    questions.insert((address, port, at));
                }
            }
            Ok(questions.len() < QUESTIONS_MAX)
        })?;
        log.finish()?;
        Ok(questions)
    }

    /// Asks all of them, a few at a time, and keeps what is said. The inner error: why not all could be asked.
    async fn ask_all(
        &self,
        getter: &Arc<Getter>,
        questions: &BTreeSet<Question>,
        now: Timestamp,
    ) -> Result<Result<(), String>, Error> {
        let settings = self.loaded().settings.resolver.clone();
        let limit = Duration::from_secs(settings.timeout_seconds.into());
        let mut pace = interval(Duration::from_secs(60) / settings.per_minute_max);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut questions = questions.iter().copied();
        let (mut asked, mut answers, mut failed, mut in_a_row) = (JoinSet::new(), Vec::new(), None, 0);
        loop {
            while asked.len() < AT_ONCE_MAX && in_a_row < FAILURES_IN_A_ROW_MAX {
                let Some(question) = questions.next() else { break };
                pace.tick().await;
                let getter = getter.clone();
                asked.spawn(async move { (question, ask(&getter, question, limit).await) });
            }
            let Some(done) = asked.join_next().await else { break };
            let (question, answer) = done.map_err(|error| Error::Task(error.to_string()))?;
            match answer {
                Ok(answer) => {
                    in_a_row = 0;
                    answers.push((question, answer));
                }
                Err(why) => {
                    tracing::warn!("resolver: {why}");
                    (failed, in_a_row) = (Some(why), in_a_row + 1);
                }
            }
            if answers.len() >= WRITTEN_AT_ONCE {
                self.keep_answers(&mut answers, now)?;
            }
        }
        self.keep_answers(&mut answers, now)?;
        Ok(failed.map_or(Ok(()), Err))
    }

    fn keep_answers(&self, answers: &mut Vec<(Question, Given)>, now: Timestamp) -> Result<(), Error> {
        if answers.is_empty() {
            return Ok(());
        }
        self.store.write(|txn| {
            for ((address, port, at), Given { from, until, customer }) in answers.drain(..) {
                // What it says of times to come nobody knows: of these it is asked when they are past.
                let until = until.min(now.max(at));
                txn.put_said(address, port, from, &ResolverAnswer { until, asked: now, customer })?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// An answer, and for which seconds it holds.
struct Given {
    from: Timestamp,
    until: Timestamp,
    customer: Option<String>,
}

async fn ask(getter: &Getter, (address, port, at): Question, limit: Duration) -> Result<Given, String> {
    let (ip, port, time) = (address.to_string(), port.map(|port| port.to_string()), at.to_string());
    let mut question = vec![("ip", ip.as_str())];
    question.extend(port.as_deref().map(|port| ("port", port)));
    question.push(("time", &time));
    let body = getter.ask(&question, limit, ANSWER_BYTES_MAX).await.map_err(|error| describe(&error))?;
    read(&body, at)
}

/// What is said for that second. Nothing of the answer is repeated: it is somebody's.
fn read(body: &[u8], at: Timestamp) -> Result<Given, String> {
    let Answer { customer, from, until } = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("its answer is no JSON with \"customer\", a text or null (line {line}, column {column})")
    })?;
    let is_id =
        |id: &String| !id.trim().is_empty() && id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control);
    if !customer.as_ref().is_none_or(is_id) {
        return Err(
            "its answer has a customer that is no id: blank, long, or with control characters".to_owned()
        );
    }
    let moment = |text: Option<String>| match text {
        None => Ok(at),
        Some(text) => {
            text.parse().map_err(|_| "from or until is no time like 2026-11-22T08:00:00Z".to_owned())
        }
    };
    let (from, until) = (moment(from)?, moment(until)?);
    if !(from..=until).contains(&at) {
        return Err(
            "its answer is not about the time that was asked for: from and until are around it".to_owned()
        );
    }
    Ok(Given { from, until, customer })
}

const ALARM: &str = "resolver";
/// A report is taken as it is after so long.
const WAIT_SECONDS_MAX: i64 = 86_400;
/// Who has told no session for so long is not waited for.
const SILENT_SECONDS_MAX: i64 = 2 * 86_400;
/// Questions gathered at once, a few MiB; a larger report is looked through again for the rest.
const QUESTIONS_MAX: usize = 50_000;
/// Answers kept: some hundred MiB, which a box has beside its sessions.
const ANSWERS_MAX: u64 = 2_000_000;
/// Questions on their way.
const AT_ONCE_MAX: usize = 4;
/// After so many it is not at work.
const FAILURES_IN_A_ROW_MAX: usize = 3;
/// Answers that share a transaction.
const WRITTEN_AT_ONCE: usize = 500;
/// An answer has three short members.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const ID_BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Command};
    use std::sync::Mutex;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::service::intake::Taken;
    use crate::store::Counts;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    /// In it 192.0.2.130 twice in a second, and once much later; .131 is nobody's.
    const SCAN: &str = "timestamp,ip,port,severity\n2026-11-24 08:00:00,192.0.2.130,3389,high\n\
        2026-11-24 08:00:00,192.0.2.130,3390,high\n2026-11-24 20:00:00,192.0.2.130,3389,high\n\
        2026-11-24 08:00:00,192.0.2.131,3389,high\n2026-11-24 08:00:00,192.0.2.200,40123,high\n\
        2026-11-24 08:00:00,192.0.2.1,3389,high\n";
    const EVENT: &str = "timestamp,src_ip,src_port,severity\n2026-11-24 08:00:00,192.0.2.200,40123,high\n\
        2026-11-24 08:00:00,192.0.2.200,50123,high\n";

    fn engine(port: u16, more: &str) -> (Arc<Engine>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        let text = format!(
            "[networks]\ncidrs = [\"192.0.2.0/24\"]\ndynamic = [\"192.0.2.128/26\"]\ncgn = [\"192.0.2.192/26\"]\n\
             [resolver]\nurl = \"http://127.0.0.1:{port}/whose\"\nper_minute_max = 60000\n{more}"
        );
        save_atomic(&path, text.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let list = "customer_id,name,email,cidr\nC1,One,1@example.com,192.0.2.0/28\nC2,Two,2@example.com,192.0.2.16/28\n";
        engine.import_customers(list.as_bytes(), false, NOW).unwrap();
        (engine, folder)
    }

    fn ingest(engine: &Engine, name: &str, report: &str, now: Timestamp) -> Result<Counts, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        save_atomic(&path, report.as_bytes(), 0o600).unwrap();
        match engine.ingest(name, &path, now)? {
            Taken::Processed(report) => Ok(report.counts),
            other => panic!("{other:?}"),
        }
    }

    /// The same rows in another report.
    fn other(severity: &str) -> String {
        SCAN.replace("high", severity)
    }

    fn has_alarm(engine: &Engine) -> bool {
        engine.alarms(&engine.store.view().unwrap()).unwrap().contains_key(ALARM)
    }

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// The example of the documentation, at work.
    fn example(folder: &std::path::Path) -> (u16, Running) {
        let document = include_str!("../../docs/resolver.md");
        let code = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
        let file = folder.join("resolver.py");
        crate::files::save_atomic(&file, code.as_bytes(), 0o600).unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let running = Running(Command::new("python3").arg(file).arg(port.to_string()).spawn().unwrap());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        (port, running)
    }

    #[test]
    fn the_example_of_the_documentation_names_the_customers() {
        let folder = tempfile::tempdir().unwrap();
        let (port, running) = example(folder.path());
        let (engine, _folder) = engine(port, "");
        let counts = ingest(&engine, "2026-11-24-scan_rdp-test.csv", SCAN, NOW).unwrap();
        // A port that listens names no subscriber; 131 is nobody's.
        assert_eq!((counts.rows, counts.matched, counts.unassigned, counts.unattributable), (6, 4, 1, 1));
        let counts = ingest(&engine, "2026-11-24-event4_sinkhole-test.csv", EVENT, NOW).unwrap();
        assert_eq!((counts.rows, counts.matched, counts.unassigned), (2, 1, 1));
        assert!(!has_alarm(&engine));
        // What was said is known without asking, by whois and the next report.
        drop(running);
        let loaded = engine.loaded();
        let port = Some(Port::Source(40123));
        let at = "2026-11-24T08:00:00Z".parse().unwrap();
        let found = engine.explain(&loaded, "192.0.2.200".parse().unwrap(), port, at).unwrap();
        assert_eq!(found.customer_id, Some("C2"));
        let again = ingest(&engine, "2026-11-24-scan_vnc-test.csv", &other("low"), NOW).unwrap();
        assert_eq!((again.matched, again.unassigned), (4, 1));
        engine.store.write(|txn| txn.forget_said(NOW.plus_seconds(1))).unwrap();
        assert_eq!(engine.store.view().unwrap().said_len().unwrap(), 0);
    }

    /// Answers with this body to whatever is asked, and notes the questions.
    fn serve(answer: &str) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, answer) = (Arc::<Mutex<Vec<String>>>::default(), answer.to_owned());
        let notes = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                let reply = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
                    answer.len()
                );
                notes.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
                let _ = stream.write_all(reply.as_bytes());
            }
        });
        (port, asked)
    }

    #[test]
    fn each_question_is_asked_once_and_an_unknown_id_is_nobodys() {
        let (port, asked) = serve("{\"customer\":\"X9\",\"more\":1}");
        let (engine, _folder) = engine(port, "ranges = \"dynamic\"\n");
        let counts = ingest(&engine, "2026-11-24-scan_rdp-test.csv", SCAN, NOW).unwrap();
        assert_eq!((counts.matched, counts.unassigned, counts.unattributable), (1, 4, 1));
        let mut questions = std::mem::take(&mut *asked.lock().unwrap());
        questions.sort();
        assert_eq!(
            questions,
            [
                "GET /whose?ip=192.0.2.130&time=2026-11-24T08%3A00%3A00Z HTTP/1.1",
                "GET /whose?ip=192.0.2.130&time=2026-11-24T20%3A00%3A00Z HTTP/1.1",
                "GET /whose?ip=192.0.2.131&time=2026-11-24T08%3A00%3A00Z HTTP/1.1",
            ]
        );
        ingest(&engine, "2026-11-24-event4_sinkhole-test.csv", EVENT, NOW).unwrap();
        ingest(&engine, "2026-11-24-scan_vnc-test.csv", &other("low"), NOW.plus_seconds(80_000)).unwrap();
        assert!(asked.lock().unwrap().is_empty(), "of shared addresses nothing, of others not again");
        ingest(&engine, "2026-11-24-scan_ftp-test.csv", &other("info"), NOW.plus_days(1).plus_seconds(1))
            .unwrap();
        assert_eq!(asked.lock().unwrap().len(), 3);
    }

    #[test]
    fn what_is_said_of_times_to_come_is_asked_again() {
        let (port, asked) = serve(
            "{\"customer\":\"C1\",\"from\":\"2026-11-20T00:00:00Z\",\"until\":\"2099-01-01T00:00:00Z\"}",
        );
        let (engine, _folder) = engine(port, "");
        let row = |time: &str| format!("timestamp,ip,port,severity\n{time},192.0.2.130,3389,high\n");
        let report = row("2026-11-24 08:00:00");
        assert_eq!(ingest(&engine, "2026-11-24-scan_rdp-test.csv", &report, NOW).unwrap().matched, 1);
        let report = row("2026-11-23 08:00:00");
        assert_eq!(ingest(&engine, "2026-11-23-scan_vnc-test.csv", &report, NOW).unwrap().matched, 1);
        assert_eq!(asked.lock().unwrap().len(), 1, "what is past is known");
        let later = NOW.plus_seconds(3600);
        let report = row(&later.to_string().replace(['T', 'Z'], " "));
        assert_eq!(ingest(&engine, "2026-11-25-scan_ftp-test.csv", &report, later).unwrap().matched, 1);
        assert_eq!(asked.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_report_waits_for_the_resolver_for_a_day() {
        let (port, asked) = serve("{\"customers\":\"C1\"}");
        let (engine, _folder) = engine(port, "");
        let waits = ingest(&engine, "2026-11-24-scan_rdp-test.csv", SCAN, NOW).unwrap_err();
        assert!(waits.to_string().contains("no JSON with \"customer\""), "{waits}");
        assert!(has_alarm(&engine) && asked.lock().unwrap().len() >= FAILURES_IN_A_ROW_MAX);
        assert_eq!(engine.store.view().unwrap().said_len().unwrap(), 0, "errors are not remembered");
        // What it is not needed for does not wait.
        let plain = "timestamp,ip,port,severity\n2026-11-24 08:00:00,192.0.2.1,3389,high\n";
        assert_eq!(ingest(&engine, "2026-11-24-scan_vnc-test.csv", plain, NOW).unwrap().matched, 1);
        let later = NOW.plus_seconds(WAIT_SECONDS_MAX - 1);
        assert!(matches!(
            ingest(&engine, "2026-11-24-scan_rdp-test.csv", SCAN, later),
            Err(Error::Waits { .. })
        ));
        let counts = ingest(&engine, "2026-11-24-scan_rdp-test.csv", SCAN, NOW.plus_days(1)).unwrap();
        assert_eq!((counts.matched, counts.unattributable), (1, 5));
    }

    #[test]
    fn an_answer_is_what_is_described_and_nothing_else() {
        let at: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let good =
            |body: &str| read(body.as_bytes(), at).map(|given| (given.customer, given.from, given.until));
        assert_eq!(good("{\"customer\":null}"), Ok((None, at, at)));
        assert_eq!(good("{\"customer\":\"C1\",\"x\":[]}"), Ok((Some("C1".to_owned()), at, at)));
        let around =
            "{\"customer\":\"C1\",\"from\":\"2026-11-24T00:00:00Z\",\"until\":\"2026-11-24T08:00:00Z\"}";
        assert_eq!(good(around).unwrap().1, "2026-11-24T00:00:00Z".parse().unwrap());
        for wrong in [
            "",
            "null",
            "[]",
            "{}",
            "{\"customer\":7}",
            "{\"customer\":\" \"}",
            "{\"customer\":\"a\\nb\"}",
            "{\"customer\":\"C1\",\"from\":\"today\"}",
            "{\"customer\":\"C1\",\"from\":\"2026-11-24T09:00:00Z\"}",
            "{\"customer\":\"C1\",\"until\":\"2026-11-24T07:59:59Z\"}",
            "<html>",
        ] {
            assert!(good(wrong).is_err(), "{wrong}");
        }
        let long = format!("{{\"customer\":\"{}\"}}", "x".repeat(ID_BYTES_MAX + 1));
        assert!(good(&long).is_err());
    }
}
