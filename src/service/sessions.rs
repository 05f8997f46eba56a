//! Addresses that change hands: logs become sessions, and with the customer files they say whose an address was.

use std::io::BufRead;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use super::{Engine, Error, Loaded};
use crate::clock::Timestamp;
use crate::customers::table::{Candidate, Source, Why};
use crate::customers::{Owner, Port};
use crate::halt;
use crate::sessions::owner::{Answer, By, Held, Log, Sources, Word};
use crate::sessions::read::{self, Given, Summary};
use crate::sessions::{Session, Until};
use crate::store;

/// Whose an address was, with all that was considered.
pub struct Explained<'a> {
    pub owner: Owner,
    /// Set if the owner is a customer.
    pub customer_id: Option<&'a str>,
    /// The prefix, or the addresses of the session, by which it is.
    pub prefix: Option<IpNet>,
    pub why: Why,
    /// Lines of the customer files around the address, longest prefix first.
    pub candidates: Vec<Candidate<'a>>,
    /// What the other sources say.
    pub words: Vec<Word>,
}

impl Loaded {
    /// All that may say whose an address was. `log`: to be asked in the end whether it could be read.
    pub fn sources<'a>(&'a self, log: &'a dyn Log) -> Sources<'a> {
        Sources { table: &self.table, nats: &self.nats, log }
    }
}

impl Engine {
    /// Whose an address was and why, for `whois`.
    pub fn explain<'a>(
        &self,
        loaded: &'a Loaded,
        address: IpAddr,
        port: Option<Port>,
        at: Timestamp,
    ) -> Result<Explained<'a>, Error> {
        let lines = loaded.table.explain(address, at);
        let log = self.store.view()?.session_log()?;
        let (answer, words) = loaded.sources(&log).explain(address, port, at);
        log.finish()?;
        let is_by_lines = matches!(answer.by, Some(By::Lines)) || answer.owner == Owner::Outside;
        let why = match is_by_lines {
            true => lines.why,
            false if answer.by.is_none() && words.iter().any(|word| is_unknown(word, at)) => Why::NotTold,
            false => why(answer, port.is_some(), loaded.table.source(address)),
        };
        let customer_id = match answer.owner {
            Owner::Customer { customer, .. } => loaded.table.contact(customer).map(|contact| contact.id),
            _ => None,
        };
        let won = words.iter().find(|word| word.holds && customer_id.is_some());
        let prefix = lines.prefix.or(won.and_then(|word| word.held.as_ref()).map(|held| held.net));
        let candidates = lines.candidates;
        Ok(Explained { owner: answer.owner, customer_id, prefix, why, candidates, words })
    }
}

/// Whether it may have held, if its log told more.
fn is_unknown(word: &Word, at: Timestamp) -> bool {
    let ends = |held: &Held| held.until.at().is_some_and(|end| end < at);
    word.held.as_ref().is_some_and(|held| !held.is_known(at) && !ends(held))
}

fn why(answer: Answer, has_port: bool, source: Source) -> Why {
    match (answer.owner, answer.by) {
        (_, None) if source == Source::Cgn && !has_port => Why::NeedsSourcePort,
        (_, None) => Why::Unattributable,
        (Owner::Ambiguous, _) => Why::TwoUsers,
        (Owner::Unassigned, _) => Why::UserUnknown,
        (Owner::Customer { mailed: false, .. }, _) => Why::NotMailed,
        (_, Some(By::Session)) => Why::Session,
        (_, Some(By::Block)) => Why::Block,
        (_, Some(By::Forward)) => Why::Forward,
        (_, Some(By::Formula)) => Why::Formula,
        (_, Some(By::Resolver)) => Why::Resolver,
        (_, Some(By::Lines)) => Why::NoLine,
    }
}

/// A log whose sessions are to be taken.
#[derive(Clone, Copy)]
pub struct Logged<'a> {
    pub given: Given<'a>,
    /// By how many seconds its clock may be wrong.
    pub uncertainty: u32,
    /// Who tells it, as [`Txn::session_source`](store::Txn::session_source) knows him.
    pub source: &'a str,
    /// Up to when it tells all.
    pub known_until: Timestamp,
}

impl Engine {
    /// Takes the sessions of a log, all or nothing. What is wrong with its lines is in the summary; a log of no known kind
    /// is [`Error::BadLog`].
    pub fn take_sessions(
        &self,
        log: impl BufRead,
        &Logged { ref given, uncertainty, source, known_until }: &Logged<'_>,
        now: Timestamp,
    ) -> Result<Taken, Error> {
        self.usable()?;
        let txn = self.store.begin()?;
        let source = txn.session_source(source, Some(known_until))?;
        let old = now.plus_days(-i64::from(self.loaded().settings.sessions.keep_days));
        let (mut waiting, mut changed, mut too_old) = (Vec::new(), 0, 0);
        let summary = read::read(log, given, |session: Session| {
            // It would be deleted with the next housekeeping.
            if session.until.at().is_some_and(|end| end < old) {
                too_old += 1;
                return Ok(());
            }
            waiting.push(session);
            if waiting.len() >= SESSIONS_AT_ONCE {
                changed += txn.put_sessions(&waiting, uncertainty, source)?;
                waiting.clear();
            }
            halt::point("sessions");
            Ok::<_, store::Error>(())
        });
        let summary = summary.map_err(|error| failed(given, error))?;
        changed += txn.put_sessions(&waiting, uncertainty, source)?;
        txn.commit()?;
        tracing::info!(
            log = given.name,
            sessions = summary.sessions,
            changed,
            complaints = summary.complaints.len(),
            "sessions taken"
        );
        Ok(Taken { summary, changed: changed as u64, too_old, known_until })
    }
}

/// The newest moment of a log that is not ahead of `now`: up to then it tells all, whenever it was made. `None`: it has no
/// session.
pub(super) fn newest_moment(
    log: impl BufRead,
    given: &Given<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut newest = None;
    let read = read::read(log, given, |session: Session| {
        let end = match session.until {
            Until::Ended(end) => Some(end),
            Until::Open | Until::Expires(_) => None,
        };
        let moments = [Some(session.from), end].into_iter().flatten().filter(|moment| *moment <= now);
        newest = newest.max(moments.max());
        Ok::<_, store::Error>(())
    });
    read.map(|_| newest).map_err(|error| failed(given, error))
}

fn failed(given: &Given<'_>, error: read::Error<store::Error>) -> Error {
    match error {
        read::Error::Io(source) => Error::file(Path::new(given.name.unwrap_or("the log")), source),
        read::Error::Refused(why) => Error::BadLog { why },
        read::Error::Taking(error) => Error::Store(error),
    }
}

/// What became of a log.
#[derive(Clone, Debug)]
pub struct Taken {
    pub summary: Summary,
    /// Sessions that were new, or of which more is known now.
    pub changed: u64,
    /// Over for longer than sessions are kept.
    pub too_old: u64,
    /// Up to when it tells all.
    pub known_until: Timestamp,
}

/// Sessions that are sorted together before they go to the store.
const SESSIONS_AT_ONCE: usize = 50_000;

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::service::intake;

    #[test]
    fn a_row_of_times_to_come_names_nobody_to_whom_an_address_is_lent() {
        let now = Timestamp::from_unix(1_795_600_000);
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings.toml");
        let text = "[networks]\ncidrs = [\"192.0.2.0/24\"]\ndynamic = [\"192.0.2.128/25\"]\n";
        save_atomic(&settings, text.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &settings, Clock::fixed(now)).unwrap();
        let list = "customer_id,name,email,cidr\nC1,One,1@example.com,192.0.2.1\n";
        engine.import_customers(list.as_bytes(), false, now).unwrap();
        let given = Given { zone: &TimeZone::UTC, offset: 0, name: None };
        let log = b"user,address,start\nc1,192.0.2.130,1795500000\n";
        let logged = Logged { given, uncertainty: 0, source: "log", known_until: now };
        engine.take_sessions(&log[..], &logged, now).unwrap();
        let row = |seconds: i64, ip: &str| {
            let time = now.plus_seconds(seconds).to_string().replace(['T', 'Z'], " ");
            format!("{},{ip},3389,high\n", time.trim())
        };
        let rows = [
            row(0, "192.0.2.130"),
            row(60, "192.0.2.130"),
            row(864_000, "192.0.2.130"),
            row(60, "192.0.2.1"),
        ];
        let report = folder.path().join("report");
        save_atomic(&report, format!("timestamp,ip,port,severity\n{}", rows.concat()).as_bytes(), 0o600)
            .unwrap();
        match engine.ingest("2026-11-25-scan_rdp-test.csv", &report, now).unwrap() {
            intake::Taken::Processed(report) => {
                assert_eq!((report.counts.matched, report.counts.unattributable), (2, 2));
            }
            other => panic!("{other:?}"),
        }
    }
}
