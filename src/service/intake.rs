//! A report file in the spool becomes incidents, in one transaction.

use std::collections::HashMap;
use std::path::Path;
use std::sync::PoisonError;

use super::sorting::Sorter;
use super::{Engine, Error, Loaded};
use crate::clock::{Day, Timestamp};
use crate::config::{Networks, Policy};
use crate::customers::{CustomerNo, Owner, Port};
use crate::fetch::spool::{self, Spooled};
use crate::halt;
use crate::incident::batch::{Match, same, same_content};
use crate::incident::policy::{self, Asked, Moment};
use crate::incident::{Audience, Incident, Key, OPERATOR, Ownership, Place};
use crate::report::kind::{self, Family, Kind, Nature, Severity, Tell};
use crate::report::{Address, Header, Hint, Item, Reader, Row};
use crate::sessions::owner::{Answer, Sources};
use crate::store::{self, Counts, Newest, RejectedRow, Report};

/// A report to be taken in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the file; without `.zip` and `.gz` it is the key.
    pub file: String,
    /// Report type, if the API named it.
    pub kind: Option<String>,
    /// Report day, if the API named it.
    pub day: Option<Day>,
    /// SHA-256 of the API's id.
    pub id_hash: Option<[u8; 32]>,
}

/// What became of a report.
#[derive(Clone, Debug)]
pub enum Taken {
    /// Read; for a correction, in place of the earlier version.
    Processed(Box<Report>),
    /// This very file is known.
    Known,
    /// The same content is known under another name.
    Duplicate { of: String },
    /// No report, or not readable to its end; nothing of it counts.
    Unreadable { why: String },
}

impl Engine {
    /// Takes in a report file that lies elsewhere on the disk, as if it had been fetched. `name`: of the file as its
    /// sender calls it. [`Error::Fetch`]: it is no report, or there is no room for it.
    pub fn ingest(&self, name: &str, path: &Path, now: Timestamp) -> Result<Taken, Error> {
        self.usable()?;
        if self.loaded().settings.networks.cidrs.is_empty() {
            return Err(Error::NoNetworks { settings: self.settings_path.clone() });
        }
        let spooled = self.spool.ingest_as(name, path, now)?;
        let source = Source { file: name.to_owned(), kind: None, day: None, id_hash: None };
        self.take(&source, &spooled, now)
    }

    /// Takes in a report that lies in the spool. [`Error::Waits`]: it is better taken later.
    pub fn take(&self, source: &Source, spooled: &Spooled, now: Timestamp) -> Result<Taken, Error> {
        self.take_unless(Self::is_known, source, spooled, false, now)
    }

    /// The same for a report that is known: as a correction would, it replaces what was counted before.
    pub fn take_again(&self, source: &Source, spooled: &Spooled, now: Timestamp) -> Result<Taken, Error> {
        self.take_unless(|_, _| false, source, spooled, true, now)
    }

    /// The reports that were read and are still in the spool: (file key, source, where), oldest day first.
    pub fn reports_in_spool(&self) -> Result<Vec<(String, Source, Spooled)>, Error> {
        let mut reports = Vec::new();
        self.store.view()?.reports(|file, report| {
            let path = self.spool.path(file, &report.sha256);
            if let (None, Ok(meta)) = (&report.duplicate_of, std::fs::metadata(&path)) {
                let kind = Some(report.kind).filter(|kind| !kind.is_empty());
                let source =
                    Source { file: file.to_owned(), kind, day: Some(report.day), id_hash: report.id_hash };
                let spooled = Spooled { path, sha256: report.sha256, bytes: meta.len() };
                reports.push((file.to_owned(), source, spooled));
            }
        })?;
        reports.sort_by_key(|(_, source, _)| source.day);
        Ok(reports)
    }

    /// Reads all reports of the spool anew: the customers are others now.
    pub fn take_all_again(&self, now: Timestamp) -> Result<(), Error> {
        // What is being taken in with the former ones is finished first.
        drop(self.intake.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, source, spooled) in self.reports_in_spool()? {
            self.take_again(&source, &spooled, now)?;
        }
        Ok(())
    }

    fn is_known(known: &Report, spooled: &Spooled) -> bool {
        known.sha256 == spooled.sha256 && known.unreadable.is_none()
    }

    fn take_unless(
        &self,
        is_known: impl Fn(&Report, &Spooled) -> bool,
        source: &Source,
        spooled: &Spooled,
        must: bool,
        now: Timestamp,
    ) -> Result<Taken, Error> {
        self.usable()?;
        let file = spool::file_key(&source.file);
        // That may take as long as the operator's own program does; others may take theirs in meanwhile.
        if !self.store.view()?.report(&file)?.is_some_and(|known| is_known(&known, spooled)) {
            self.wait_for_owners(&file, source, spooled, must, now)?;
        }
        let _taking = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
        let view = self.store.view()?;
        if let Some(mut known) = view.report(&file)?
            && is_known(&known, spooled)
        {
            if source.id_hash.is_some() && known.id_hash != source.id_hash {
                known.id_hash = source.id_hash;
                self.store.write(|txn| txn.put_report(&file, &known))?;
            }
            return Ok(Taken::Known);
        }
        if let Some(of) = view.file_with_content(&spooled.sha256)?
            && of != file
        {
            self.note(&file, source, spooled, now, |report| report.duplicate_of = Some(of.clone()))?;
            return Ok(Taken::Duplicate { of });
        }
        match self.process(&file, source, spooled, now) {
            Ok(report) => Ok(Taken::Processed(Box::new(report))),
            Err(Failure::Unreadable(why)) => {
                match view.report(&file)?.filter(|known| known.unreadable.is_none()) {
                    // A correction that cannot be read corrects nothing.
                    Some(known) => {
                        let known = Report { id_hash: source.id_hash.or(known.id_hash), ..known };
                        self.store.write(|txn| txn.put_report(&file, &known))?;
                    }
                    None => self
                        .note(&file, source, spooled, now, |report| report.unreadable = Some(why.clone()))?,
                }
                Ok(Taken::Unreadable { why })
            }
            Err(Failure::Ours(error)) => Err(error),
        }
    }

    /// Records a report that is not processed.
    fn note(
        &self,
        file: &str,
        source: &Source,
        spooled: &Spooled,
        now: Timestamp,
        set: impl FnOnce(&mut Report),
    ) -> Result<(), store::Error> {
        let named = kind::from_file_name(file).unwrap_or_default();
        self.store.write(|txn| {
            let (number, _) = txn.begin_report(file)?;
            let mut report = Report {
                number,
                kind: source.kind.clone().unwrap_or(named.kind_name),
                day: source.day.or(named.day).unwrap_or_else(|| now.day()),
                sha256: spooled.sha256,
                id_hash: source.id_hash,
                counts: Counts::default(),
                rejected_by: Default::default(),
                surplus_cells: 0,
                duplicate_of: None,
                unreadable: None,
                finished: now,
            };
            set(&mut report);
            txn.put_report(file, &report)
        })
    }

    fn process(
        &self,
        file: &str,
        source: &Source,
        spooled: &Spooled,
        now: Timestamp,
    ) -> Result<Report, Failure> {
        let loaded = self.loaded();
        let hint = Hint { kind: source.kind.as_deref(), file_name: Some(&source.file) };
        let mut reader = Reader::new(spool::open(&spooled.path)?, hint).map_err(unreadable)?;
        let header = reader.header.clone();
        // A name is somebody's word; a day that is not yet there would never be followed by another.
        let named = header.day.filter(|&day| day <= now.day().plus(1));
        let day = match source.day.or(named) {
            Some(day) => day,
            // A row may be dated years ahead.
            None => newest_row(&spooled.path, hint)?.map_or(now.day(), |newest| newest.min(now.day())),
        };
        let txn = self.store.begin()?;
        let (number, pass) = txn.begin_report(file)?;
        let log = self.store.view()?.session_log()?;
        let matcher = Matcher {
            loaded: &loaded,
            sources: loaded.sources(&log),
            header: &header,
            kind: txn.kind_number(&header.kind_name)?,
        };
        let settings = &loaded.settings;
        let (family, zone) = (header.kind.family, &settings.boxx.timezone);
        let asked = Asked::of(family, &settings.policy, Moment::new(now, zone), zone);
        let mut due = HashMap::<CustomerNo, bool>::new();
        let mut counts = Counts::default();
        let mut rejected_by = [0; _];
        let mut rejected = Vec::new();
        let mut surplus_cells = 0;
        let mut sorter = Sorter::new(&self.spool, number);
        let mut apply = |sorter: &mut Sorter<'_>| {
            txn.apply(sorter.drain()?, day, pass, |key, incident| {
                if policy::will_be_due(incident, &asked)
                    && let Some(receiver) = receiver(key, incident, family, &settings.policy)
                {
                    *due.entry(receiver).or_default() |= incident.severity == Severity::Critical;
                }
            })
        };
        while let Some(item) = reader.next_item().map_err(|error| Failure::Unreadable(describe(&error)))? {
            counts.rows += 1;
            halt::point("parsing");
            match item {
                Item::Rejected { line, reason, detail } => {
                    rejected_by[reason as usize] += 1;
                    counts.rejected += 1;
                    if counts.rejected <= REJECTED_KEPT_MAX {
                        rejected.push((line, RejectedRow { reason: reason.word().to_owned(), detail }));
                    }
                    if rejected.len() >= REJECTED_AT_ONCE {
                        txn.reject(number, &rejected)?;
                        rejected.clear();
                    }
                }
                Item::Row(mut row) => {
                    surplus_cells += row.surplus(&header) as u64;
                    let is_to_come = row.time > now;
                    if row.time.since(now) > FUTURE_SECONDS_MAX {
                        // Taken literally, it would keep its incident fresh until then.
                        row.time = now;
                    }
                    let mut answer = owner(&matcher.sources, &header, &row);
                    // Its clock is wrong: who holds the address now need not be who held it.
                    if is_to_come && answer.is_passing() {
                        answer = Answer { owner: Owner::Unattributable, by: None };
                    }
                    *counted(&mut counts, answer.owner) += 1;
                    if let Some(matched) = matcher.matched(answer, &row) {
                        sorter.add(matched, &row, &header)?;
                        if sorter.is_full() {
                            apply(&mut sorter)?;
                        }
                    }
                }
            }
        }
        apply(&mut sorter)?;
        log.finish()?;
        txn.reject(number, &rejected)?;
        let report = Report {
            number,
            kind: header.kind_name.clone(),
            day,
            sha256: spooled.sha256,
            id_hash: source.id_hash,
            counts,
            rejected_by,
            surplus_cells,
            duplicate_of: None,
            unreadable: None,
            finished: now,
        };
        txn.put_report(file, &report)?;
        txn.mark_due(due, now)?;
        txn.cover(day)?;
        let newest = self.clock.on_record(now);
        if let Some(at) = newest
            && txn.meta::<Newest>()?.is_none_or(|known| known.at < at)
        {
            txn.set_meta(&Newest { at })?;
        }
        halt::point("commit");
        txn.commit()?;
        if let Some(at) = newest {
            self.clock.observe(at);
        }
        tracing::info!(
            report = file,
            kind = report.kind,
            rows = counts.rows,
            matched = counts.matched,
            rejected = counts.rejected,
            "report finished"
        );
        Ok(report)
    }
}

/// Who is to be told of an incident, if anybody is.
pub(super) fn receiver(
    key: &Key,
    incident: &Incident,
    family: Family,
    policy: &Policy,
) -> Option<CustomerNo> {
    match policy::audience(incident, family, policy) {
        Audience::Nobody => None,
        Audience::Customer => Some(key.customer()),
        Audience::Operator | Audience::UnknownType => Some(OPERATOR),
    }
}

/// Whose rows are whose, for one report.
struct Matcher<'a> {
    loaded: &'a Loaded,
    sources: Sources<'a>,
    header: &'a Header,
    kind: u16,
}

impl Matcher<'_> {
    /// Which incident the row belongs to; none outside our networks.
    fn matched(&self, answer: Answer, row: &Row<'_>) -> Option<Match> {
        let kind: &Kind = self.header.kind;
        let (ownership, customer, mailed) = match answer.owner {
            Owner::Customer { customer, mailed } => (Ownership::Customer, customer, mailed),
            Owner::Unassigned => (Ownership::Unassigned, OPERATOR, true),
            Owner::Ambiguous => (Ownership::Ambiguous, OPERATOR, true),
            Owner::Unattributable => (Ownership::Unattributable, OPERATOR, true),
            Owner::Outside => return None,
        };
        let silenced = |address| Networks::contains(&self.loaded.settings.networks.silenced, address);
        let (place, silent) = match row.address {
            Address::Ip(std::net::IpAddr::V6(v6)) if row.nature == Nature::Compromised => {
                (Place::Slash64(v6), silenced(v6.into()))
            }
            Address::Ip(address) => (Place::Address(address), silenced(address)),
            Address::Net(network) => (Place::Net(network), silenced(network.network())),
            Address::None => (Place::Nowhere, false),
        };
        let place = if answer.is_passing() { Place::Nowhere } else { place };
        let audience = match kind.tell() {
            _ if silent || !mailed => Audience::Nobody,
            Tell::Nobody => Audience::Nobody,
            Tell::Customer if ownership == Ownership::Customer => Audience::Customer,
            Tell::Unknown if ownership == Ownership::Customer => Audience::UnknownType,
            Tell::Customer | Tell::Unknown | Tell::Operator => Audience::Operator,
        };
        let same = match row.address {
            Address::None => same_content(row, self.header),
            _ => same(row, self.header),
        };
        Some(Match { key: Key::new(self.kind, customer, place, same), ownership, audience })
    }
}

/// Where a row of such an owner is counted.
pub(super) fn counted(counts: &mut Counts, owner: Owner) -> &mut u64 {
    match owner {
        Owner::Customer { .. } => &mut counts.matched,
        Owner::Unassigned => &mut counts.unassigned,
        Owner::Ambiguous => &mut counts.ambiguous,
        Owner::Unattributable => &mut counts.unattributable,
        Owner::Outside => &mut counts.outside,
    }
}

/// Whose row it is.
pub(super) fn owner(sources: &Sources<'_>, header: &Header, row: &Row<'_>) -> Answer {
    let plain = |owner| Answer { owner, by: None };
    match row.address {
        Address::Ip(address) => sources.owner(address, port(header, row), row.time),
        Address::Net(network) => plain(sources.table.owner_of_network(network, row.time)),
        Address::None => plain(Owner::Unattributable),
    }
}

/// The port of a row, by the side that opened it.
pub(super) fn port(header: &Header, row: &Row<'_>) -> Option<Port> {
    let port = if header.port_is_source { Port::Source } else { Port::Listening };
    row.port.map(port)
}

enum Failure {
    /// The file is at fault.
    Unreadable(String),
    Ours(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Ours(error.into())
    }
}

fn unreadable(error: crate::report::ReaderError) -> Failure {
    Failure::Unreadable(describe(&error))
}

/// An error with its causes, on one line.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Day of the newest row: the report day of a file whose name does not tell it.
fn newest_row(path: &Path, hint: Hint<'_>) -> Result<Option<Day>, Failure> {
    let mut reader = Reader::new(spool::open(path)?, hint).map_err(unreadable)?;
    let mut newest = None;
    while let Some(item) = reader.next_item().map_err(|error| Failure::Unreadable(describe(&error)))? {
        if let Item::Row(row) = item {
            newest = newest.max(Some(row.time.day()));
        }
    }
    Ok(newest)
}

/// A row later than this cannot have been seen; the clocks of a sensor and of the box may differ a little.
const FUTURE_SECONDS_MAX: i64 = 86_400;
/// Rejected rows kept of a report, with line and reason; the rest is counted by reason.
const REJECTED_KEPT_MAX: u64 = 10_000;
/// Rejected rows written at once.
const REJECTED_AT_ONCE: usize = 500;
