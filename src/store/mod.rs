//! What the box remembers, in redb. Nothing else knows redb.
//!
//! Reading goes through a [`View`], a snapshot that no writer disturbs. Writing goes through a [`Txn`]: all of it
//! is there after [`Txn::commit`], or nothing.

mod disk;
mod migrate;
mod opening;
mod resolved;
mod running;
mod sessions;
mod tables;
mod types;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::iter::Peekable;
use std::ops::Bound;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageBackend, TableDefinition, TableHandle, WriteTransaction,
};

use crate::clock::{Day, Timestamp};
use crate::customers::CustomerNo;
use crate::incident::{Audience, DAYS_REMEMBERED, Incident, Key, OPERATOR, Sighting};
use crate::notify::outbox::{Frozen, Mailed, Notice, SaidAlarms};
use disk::{Disk, Health};
pub use opening::{FileId, Found, Fresh};
pub use resolved::ResolverAnswer;
pub use running::Accounts;
pub use sessions::SessionLog;
use tables::*;
pub use types::*;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the store is in use by another abusebox; stop it, or leave out --data to ask it")]
    InUse,
    #[error("the store was written by a newer abusebox ({what}); update this one, or restore a backup")]
    Newer { what: &'static str },
    #[error("the store is damaged: {what} cannot be read; restore a backup")]
    Damaged { what: &'static str },
    /// The whole file: it is to be put aside.
    #[error("the store's file is damaged ({why}); restore a backup")]
    Broken { why: String },
    /// Reading goes on; writing is tried again with the next change.
    #[error("the disk cannot be written or read: make room on it, or check it")]
    File(#[source] io::Error),
    #[error("the store cannot be read or written")]
    Redb(#[source] Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::Io(error) => Self::File(error),
            error => Self::Redb(Box::new(error)),
        }
    }
}

pub struct Store {
    open: RwLock<Arc<Open>>,
    /// Empty: in memory, or a new store that does not yet have its place.
    home: OnceLock<Home>,
    commits: Arc<AtomicU64>,
}

/// Where the store lies. redb's own lock would end with each of its databases, this one lasts.
struct Home {
    path: PathBuf,
    _lock: File,
}

/// The database, as long as its file does what it should.
struct Open {
    db: Database,
    health: Arc<Health>,
    writable: bool,
}

impl Store {
    /// An empty one that is gone with the process.
    pub fn in_memory() -> Result<Self, Error> {
        Self::with_backend(InMemoryBackend::new())
    }

    fn with_backend(backend: impl StorageBackend) -> Result<Self, Error> {
        Self::with(Open::on(backend, Arc::default(), true)?)
    }

    fn with(open: Open) -> Result<Self, Error> {
        let txn = Txn { txn: open.db.begin_write()?, commits: Arc::default() };
        let store_id = Self::prepare(&txn)?;
        match store_id {
            None => drop(txn),
            Some(store_id) => {
                txn.set_meta(&Format { version: migrate::FORMAT, store_id })?;
                txn.commit()?;
            }
        }
        Ok(Self { open: RwLock::new(Arc::new(open)), home: OnceLock::new(), commits: Arc::default() })
    }

    /// Brings tables and values to the present format. `None`: they are as they should be.
    fn prepare(txn: &Txn) -> Result<Option<u64>, Error> {
        txn.create_tables()?;
        match txn.meta::<Format>()? {
            None => {
                let mut seed = [0; 8];
                // The store's own id makes message ids unlike those of any other box.
                let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut seed);
                Ok(Some(u64::from_le_bytes(seed)))
            }
            Some(Format { version: migrate::FORMAT, .. }) => Ok(None),
            Some(Format { version, .. }) if version > migrate::FORMAT => {
                Err(Error::Newer { what: "its format" })
            }
            Some(Format { version, store_id }) => {
                migrate::run(&txn.txn, version, migrate::STEPS)?;
                Ok(Some(store_id))
            }
        }
    }

    /// How often something was written since the store was opened: while it stays the same, so does the content.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    pub fn view(&self) -> Result<View, Error> {
        Ok(View::new(self.current()?.db.begin_read()?))
    }

    /// Begins to write; waits while another does.
    pub fn begin(&self) -> Result<Txn, Error> {
        let mut open = self.current()?;
        if let Some(home) = self.home.get().filter(|_| !open.writable) {
            probe(&home.path).map_err(Error::File)?;
            open = self.replace(&open, || Open::writing(&home.path))?;
            tracing::info!("the store can be written again");
        }
        Ok(Txn { txn: open.db.begin_write()?, commits: self.commits.clone() })
    }

    /// The database; opened anew for reading if its file has failed.
    fn current(&self) -> Result<Arc<Open>, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        match self.home.get() {
            Some(home) if open.health.has_failed() => self.replace(&open, || Open::reading(&home.path)),
            _ => Ok(open),
        }
    }

    /// Puts a database in the place of `old`, unless another thread already did.
    fn replace(
        &self,
        old: &Arc<Open>,
        make: impl FnOnce() -> Result<Open, Error>,
    ) -> Result<Arc<Open>, Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&open, old) {
            old.health.replace();
            // What could not be opened is tried again, for reading.
            *open = Arc::new(make().inspect_err(|_| old.health.fail())?);
        }
        Ok(open.clone())
    }

    /// Writes in one transaction.
    pub fn write<T>(&self, change: impl FnOnce(&Txn) -> Result<T, Error>) -> Result<T, Error> {
        let txn = self.begin()?;
        let result = change(&txn)?;
        txn.commit()?;
        Ok(result)
    }
}

impl Open {
    fn writing(path: &Path) -> Result<Self, Error> {
        let health = Arc::<Health>::default();
        let file = not_empty(for_writing(path).map_err(Error::File)?)?;
        Self::on(Disk::writing(file, health.clone()), health, true)
    }

    fn reading(path: &Path) -> Result<Self, Error> {
        let health = Arc::<Health>::default();
        let file = not_empty(File::open(path).map_err(Error::File)?)?;
        let disk = Disk::reading(file, health.clone()).map_err(Error::File)?;
        Self::on(disk, health, false)
    }

    fn on(disk: impl StorageBackend, health: Arc<Health>, writable: bool) -> Result<Self, Error> {
        let db = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(disk)?;
        Ok(Self { db, health, writable })
    }
}

fn for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// To redb, an empty file is a new store.
fn not_empty(file: File) -> Result<File, Error> {
    match file.metadata().map_err(Error::File)?.len() {
        0 => Err(Error::Broken { why: "it is empty".to_owned() }),
        _ => Ok(file),
    }
}

/// Whether there is room again for something to be worth beginning.
fn probe(path: &Path) -> io::Result<()> {
    let path = path.with_extension("probe");
    let written = File::create(&path).and_then(|mut file| {
        io::Write::write_all(&mut file, &vec![0; PROBE_BYTES])?;
        file.sync_all()
    });
    // What is not removed is written over by the next one.
    let _ = fs::remove_file(&path);
    written
}

/// A snapshot.
pub struct View {
    txn: ReadTransaction,
    incidents: Once<KeyBytes, &'static [u8]>,
    receivers: Once<(u32, KeyBytes), ()>,
    mailed: Once<u32, &'static [u8]>,
}

/// A table that is asked once for each customer: to open it costs as much as to find something in it.
type Once<K, V> = OnceLock<ReadOnlyTable<K, V>>;

impl View {
    fn new(txn: ReadTransaction) -> Self {
        Self { txn, incidents: Once::new(), receivers: Once::new(), mailed: Once::new() }
    }

    fn once<'a, K: redb::Key, V: redb::Value>(
        &self,
        table: &'a Once<K, V>,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<&'a ReadOnlyTable<K, V>, Error> {
        match table.get() {
            Some(opened) => Ok(opened),
            None => {
                let opened = self.txn.open_table(definition)?;
                Ok(table.get_or_init(|| opened))
            }
        }
    }

    fn incident_table(&self) -> Result<&ReadOnlyTable<KeyBytes, &'static [u8]>, Error> {
        self.once(&self.incidents, INCIDENTS)
    }

    fn receiver_table(&self) -> Result<&ReadOnlyTable<(u32, KeyBytes), ()>, Error> {
        self.once(&self.receivers, RECEIVERS)
    }

    pub fn meta<T: Meta>(&self) -> Result<Option<T>, Error> {
        let table = self.txn.open_table(META)?;
        table.get(T::NAME)?.map(|value| decode(value.value())).transpose()
    }

    pub fn report(&self, file: &str) -> Result<Option<Report>, Error> {
        self.txn.open_table(REPORTS)?.get(file)?.map(|value| decode(value.value())).transpose()
    }

    /// All reports, by file name.
    pub fn reports(&self, mut each: impl FnMut(&str, Report)) -> Result<(), Error> {
        for entry in self.txn.open_table(REPORTS)?.iter()? {
            let (file, report) = entry?;
            each(file.value(), decode(report.value())?);
        }
        Ok(())
    }

    /// Reports in the reverse order of their file names, which begin with the day; those before `before`.
    pub fn reports_back(
        &self,
        before: Option<&str>,
        mut each: impl FnMut(&str, Report) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let table = self.txn.open_table(REPORTS)?;
        let range = match before {
            Some(before) => table.range(..before)?,
            None => table.range::<&str>(..)?,
        };
        for entry in range.rev() {
            let (file, report) = entry?;
            if each(file.value(), decode(report.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The first `rows_max` rejected rows of a report that were kept, from a line on: (line, row).
    pub fn rejected(
        &self,
        report: u32,
        from_line: u64,
        rows_max: usize,
    ) -> Result<Vec<(u64, RejectedRow)>, Error> {
        let table = self.txn.open_table(REJECTED)?;
        table
            .range((report, from_line)..=(report, u64::MAX))?
            .take(rows_max)
            .map(|entry| {
                let (key, row) = entry?;
                Ok((key.value().1, decode(row.value())?))
            })
            .collect()
    }

    /// File key of the report that brought this content.
    pub fn file_with_content(&self, sha256: &[u8; 32]) -> Result<Option<String>, Error> {
        Ok(self.txn.open_table(CONTENTS)?.get(sha256)?.map(|file| file.value().to_owned()))
    }

    /// Names of the report types by their numbers.
    pub fn kinds(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in self.txn.open_table(KINDS)?.iter()? {
            let (name, number) = entry?;
            let index = usize::from(number.value());
            if names.len() <= index {
                names.resize(index + 1, String::new());
            }
            names[index] = name.value().to_owned();
        }
        Ok(names)
    }

    pub fn kind_number(&self, name: &str) -> Result<Option<u16>, Error> {
        Ok(self.txn.open_table(KINDS)?.get(name)?.map(|number| number.value()))
    }

    pub fn customer_number(&self, id: &str) -> Result<Option<CustomerNo>, Error> {
        Ok(self.txn.open_table(CUSTOMERS)?.get(id)?.map(|number| CustomerNo(number.value())))
    }

    /// All customer ids ever seen, in their order, with their numbers.
    pub fn customer_numbers(&self, mut each: impl FnMut(&str, CustomerNo)) -> Result<(), Error> {
        for entry in self.txn.open_table(CUSTOMERS)?.iter()? {
            let (id, number) = entry?;
            each(id.value(), CustomerNo(number.value()));
        }
        Ok(())
    }

    /// Customer ids ever seen behind `after`, in their order, with their numbers.
    pub fn customers_after(
        &self,
        after: &str,
        mut each: impl FnMut(&str, CustomerNo) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        for entry in self.txn.open_table(CUSTOMERS)?.range::<&str>(behind)? {
            let (id, number) = entry?;
            if each(id.value(), CustomerNo(number.value()))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Accepted customer files, oldest first.
    pub fn imports(&self) -> Result<Vec<(u64, Import)>, Error> {
        self.txn
            .open_table(IMPORTS)?
            .iter()?
            .map(|entry| {
                let (number, import) = entry?;
                Ok((number.value(), decode(import.value())?))
            })
            .collect()
    }

    pub fn incident_key(&self, id: u64) -> Result<Option<Key>, Error> {
        Ok(self.txn.open_table(INCIDENT_IDS)?.get(id)?.map(|key| Key(*key.value())))
    }

    pub fn incident(&self, key: &Key) -> Result<Option<Incident>, Error> {
        self.incident_table()?.get(&key.0)?.map(|value| decode(value.value())).transpose()
    }

    /// Numbers and keys of incidents, the newest first; those with a number below `before`.
    pub fn incident_keys_back(
        &self,
        before: Option<u64>,
        mut each: impl FnMut(u64, Key) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        for entry in self.txn.open_table(INCIDENT_IDS)?.range(..before.unwrap_or(u64::MAX))?.rev() {
            let (number, key) = entry?;
            if each(number.value(), Key(*key.value()))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All incidents in the order of their keys: that of the file, so each of its pages is read once.
    pub fn incidents(&self, mut each: impl FnMut(Key, Incident)) -> Result<(), Error> {
        for entry in self.incident_table()?.iter()? {
            let (key, value) = entry?;
            each(Key(*key.value()), decode(value.value())?);
        }
        Ok(())
    }

    /// The same in the order of their numbers: for a person to read, and far more work for the disk.
    pub fn incidents_by_number(&self, mut each: impl FnMut(Key, Incident)) -> Result<(), Error> {
        let incidents = self.incident_table()?;
        for entry in self.txn.open_table(INCIDENT_IDS)?.iter()? {
            let (_, key) = entry?;
            if let Some(value) = incidents.get(key.value())? {
                each(Key(*key.value()), decode(value.value())?);
            }
        }
        Ok(())
    }

    /// The numbers of all incidents, ascending.
    pub fn incident_numbers(&self) -> Result<Vec<u64>, Error> {
        let table = self.txn.open_table(INCIDENT_IDS)?;
        let mut numbers = Vec::with_capacity(usize::try_from(table.len()?).unwrap_or(0));
        for entry in table.iter()? {
            numbers.push(entry?.0.value());
        }
        Ok(numbers)
    }

    /// Incidents of one receiver.
    pub fn incidents_of(
        &self,
        receiver: CustomerNo,
        mut each: impl FnMut(Key, Incident) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.find_incident_of(receiver, |key, incident| each(key, incident).map(|()| false)).map(drop)
    }

    /// Whether a receiver has an incident like this; looks no further than the first.
    pub fn find_incident_of(
        &self,
        receiver: CustomerNo,
        mut is_it: impl FnMut(Key, Incident) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let incidents = self.incident_table()?;
        let mut found = false;
        self.keys_of(receiver, |key| {
            if let Some(value) = incidents.get(&key.0)? {
                found = is_it(key, decode(value.value())?)?;
            }
            Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// The same among those of one report type that are not the operator's anyway.
    pub fn find_incident_of_customers(
        &self,
        kind: u16,
        mut is_it: impl FnMut(Key, Incident) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let receivers = self.receiver_table()?;
        let (mut first, mut last) = ([0; Key::LEN], [0xff; Key::LEN]);
        for key in [&mut first, &mut last] {
            key[..2].copy_from_slice(&kind.to_be_bytes());
        }
        for entry in self.incident_table()?.range::<&[u8; Key::LEN]>(&first..=&last)? {
            let (key, value) = entry?;
            let key = Key(*key.value());
            if receivers.get((OPERATOR.0, &key.0))?.is_none() && is_it(key, decode(value.value())?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keys of the incidents of one receiver, in their order.
    pub fn keys_of(
        &self,
        receiver: CustomerNo,
        mut each: impl FnMut(Key) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let receivers = self.receiver_table()?;
        for entry in receivers.range((receiver.0, &[0; Key::LEN])..=(receiver.0, &[0xff; Key::LEN]))? {
            if each(Key(*entry?.0.value().1))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Problems by the report day on which they were seen, from `first` on; only days of which all were counted.
    pub fn problems(&self, first: Day) -> Result<Vec<(Day, Problems)>, Error> {
        let Some(table) = self.later_table(DAYS)? else { return Ok(Vec::new()) };
        let entries = table.range(first.number()..)?;
        entries
            .map(|entry| {
                let (day, problems) = entry?;
                Ok((Day::from_number(day.value()), decode(problems.value())?))
            })
            .collect()
    }

    /// Whether a receiver has something to tell.
    pub fn due_of(&self, receiver: CustomerNo) -> Result<Option<Due>, Error> {
        self.txn.open_table(DUE)?.get(receiver.0)?.map(|value| decode(value.value())).transpose()
    }

    /// Receivers with something to tell.
    pub fn due(&self, mut each: impl FnMut(CustomerNo, Due) -> Result<(), Error>) -> Result<(), Error> {
        for entry in self.txn.open_table(DUE)?.iter()? {
            let (customer, due) = entry?;
            each(CustomerNo(customer.value()), decode(due.value())?)?;
        }
        Ok(())
    }

    pub fn notice(&self, number: u64) -> Result<Option<Notice>, Error> {
        self.txn.open_table(NOTICES)?.get(number)?.map(|value| decode(value.value())).transpose()
    }

    /// All notices, oldest first.
    pub fn notices(&self, mut each: impl FnMut(Notice) -> Result<(), Error>) -> Result<(), Error> {
        for entry in self.txn.open_table(NOTICES)?.iter()? {
            each(decode(entry?.1.value())?)?;
        }
        Ok(())
    }

    /// Notices, the newest first; those with a number below `before`.
    pub fn notices_back(
        &self,
        before: Option<u64>,
        mut each: impl FnMut(Notice) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for entry in self.txn.open_table(NOTICES)?.range(..before.unwrap_or(u64::MAX))?.rev() {
            if each(decode(entry?.1.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Notices of one customer, the newest first; those with a number below `before`. Of the others only the head is
    /// read, of `looked_max` at most. Returns from where on to look further; `None`: that is all.
    pub fn notices_of_back(
        &self,
        customer: CustomerNo,
        before: Option<u64>,
        looked_max: usize,
        mut each: impl FnMut(Notice) -> ControlFlow<()>,
    ) -> Result<Option<u64>, Error> {
        let notices = self.txn.open_table(NOTICES)?;
        for (looked, entry) in notices.range(..before.unwrap_or(u64::MAX))?.rev().enumerate() {
            let (number, value) = entry?;
            let next = Some(number.value() + 1);
            if looked >= looked_max {
                return Ok(next);
            }
            let is_its = decode::<NoticeHead>(value.value())?.customer == customer;
            if is_its && each(decode(value.value())?).is_break() {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Notices not yet done, by customer.
    pub fn unsent(&self, mut each: impl FnMut(Notice)) -> Result<(), Error> {
        let notices = self.txn.open_table(NOTICES)?;
        for entry in self.txn.open_table(UNSENT)?.iter()? {
            if let Some(value) = notices.get(entry?.1.value())? {
                each(decode(value.value())?);
            }
        }
        Ok(())
    }

    pub fn unsent_of(&self, customer: CustomerNo) -> Result<Option<u64>, Error> {
        Ok(self.txn.open_table(UNSENT)?.get(customer.0)?.map(|number| number.value()))
    }

    /// The mail of a notice as it went out.
    pub fn mail(&self, notice: u64) -> Result<Option<Frozen>, Error> {
        self.txn.open_table(MAILS)?.get(notice)?.map(|value| unpacked(value.value())).transpose()
    }

    pub fn mailed(&self, customer: CustomerNo) -> Result<Mailed, Error> {
        let table = self.once(&self.mailed, MAILED)?;
        Ok(table.get(customer.0)?.map(|value| decode(value.value())).transpose()?.unwrap_or_default())
    }

    /// Covered report days, ascending.
    pub fn covered(&self) -> Result<Vec<Day>, Error> {
        self.txn.open_table(COVERED)?.iter()?.map(|entry| Ok(Day::from_number(entry?.0.value()))).collect()
    }

    /// The tables by name, and how many entries each has.
    pub fn sizes(&self) -> Result<Vec<(String, u64)>, Error> {
        let mut sizes = Vec::new();
        for table in self.txn.list_tables()? {
            let name = table.name().to_owned();
            sizes.push((name, self.txn.open_untyped_table(table)?.len()?));
        }
        Ok(sizes)
    }

    /// Those that are there, by their codes.
    pub fn alarms(&self) -> Result<Vec<(String, Alarm)>, Error> {
        named(self.txn.open_table(ALARMS)?.iter()?)
    }

    /// Alarms that are over, the newest first, with their numbers.
    pub fn past_alarms_back(
        &self,
        mut each: impl FnMut(u64, PastAlarm) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(table) = self.later_table(PAST_ALARMS)? else { return Ok(()) };
        for entry in table.iter()?.rev() {
            let (number, alarm) = entry?;
            if each(number.value(), decode(alarm.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Who may log in, in the order of their names.
    pub fn people(&self) -> Result<Vec<(String, Person)>, Error> {
        self.later_table(PEOPLE)?.map_or_else(|| Ok(Vec::new()), |table| named(table.iter()?))
    }

    /// What people wrote down about an incident, oldest first.
    pub fn notes(&self, incident: u64) -> Result<Vec<Note>, Error> {
        let Some(table) = self.later_table(NOTES)? else { return Ok(Vec::new()) };
        let entries = table.range((incident, 0)..=(incident, u32::MAX))?;
        entries.map(|entry| decode(entry?.1.value())).collect()
    }

    /// What was done on the page, the newest first; numbers below `before`, at most `count`.
    pub fn audit_back(&self, before: Option<u64>, count: usize) -> Result<Vec<(u64, AuditEntry)>, Error> {
        let Some(table) = self.later_table(AUDIT)? else { return Ok(Vec::new()) };
        let entries = table.range(..before.unwrap_or(u64::MAX))?.rev().take(count);
        entries
            .map(|entry| {
                let (number, entry) = entry?;
                Ok((number.value(), decode(entry.value())?))
            })
            .collect()
    }
}

impl View {
    /// A table that stores of earlier versions do not have before something is put into it.
    fn later_table<K: redb::Key, V: redb::Value>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Option<ReadOnlyTable<K, V>>, Error> {
        match self.txn.open_table(table) {
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }
}

/// A mail as the table of mails has it.
fn unpacked(mail: &[u8]) -> Result<Frozen, Error> {
    let bytes =
        zstd::bulk::decompress(mail, MAIL_BYTES_MAX).map_err(|_| Error::Damaged { what: "a mail" })?;
    decode(&bytes)
}

/// All of a table whose keys are names.
fn named<T: Stored>(range: redb::Range<'_, &str, &[u8]>) -> Result<Vec<(String, T)>, Error> {
    range
        .map(|entry| {
            let (name, value) = entry?;
            Ok((name.value().to_owned(), decode(value.value())?))
        })
        .collect()
}

/// A change of the store, all or nothing.
pub struct Txn {
    txn: WriteTransaction,
    commits: Arc<AtomicU64>,
}

impl Txn {
    pub fn commit(self) -> Result<(), Error> {
        self.txn.commit()?;
        self.commits.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn create_tables(&self) -> Result<(), Error> {
        self.txn.open_table(META)?;
        self.txn.open_table(REPORTS)?;
        self.txn.open_table(CONTENTS)?;
        self.txn.open_table(REJECTED)?;
        self.txn.open_table(KINDS)?;
        self.txn.open_table(CUSTOMERS)?;
        self.txn.open_table(IMPORTS)?;
        self.txn.open_table(INCIDENTS)?;
        self.txn.open_table(INCIDENT_IDS)?;
        self.txn.open_table(RECEIVERS)?;
        self.txn.open_table(DUE)?;
        self.txn.open_table(NOTICES)?;
        self.txn.open_table(UNSENT)?;
        self.txn.open_table(MAILS)?;
        self.txn.open_table(MAILED)?;
        self.txn.open_table(COVERED)?;
        self.txn.open_table(ALARMS)?;
        Ok(())
    }

    pub fn meta<T: Meta>(&self) -> Result<Option<T>, Error> {
        self.txn.open_table(META)?.get(T::NAME)?.map(|value| decode(value.value())).transpose()
    }

    pub fn set_meta<T: Meta>(&self, value: &T) -> Result<(), Error> {
        self.txn.open_table(META)?.insert(T::NAME, encode(value).as_slice())?;
        Ok(())
    }

    /// The next number of a kind: 1, 2, 3 ... over all time.
    fn next(&self, step: impl FnOnce(&mut Counters) -> u64) -> Result<u64, Error> {
        let mut counters = self.meta::<Counters>()?.unwrap_or_default();
        let number = step(&mut counters);
        self.set_meta(&counters)?;
        Ok(number)
    }

    /// The number of a report type, given on first sight.
    pub fn kind_number(&self, name: &str) -> Result<u16, Error> {
        let mut table = self.txn.open_table(KINDS)?;
        if let Some(number) = table.get(name)? {
            return Ok(number.value());
        }
        let number =
            u16::try_from(table.len()?).map_err(|_| Error::Damaged { what: "the list of report types" })?;
        table.insert(name, number)?;
        Ok(number)
    }

    /// The number of a customer, given on first sight; never 0.
    pub fn customer_number(&self, id: &str) -> Result<CustomerNo, Error> {
        let mut table = self.txn.open_table(CUSTOMERS)?;
        if let Some(number) = table.get(id)? {
            return Ok(CustomerNo(number.value()));
        }
        let number = OPERATOR.0 + 1 + table.len()? as u32;
        table.insert(id, number)?;
        Ok(CustomerNo(number))
    }

    pub fn add_import(&self, import: &Import) -> Result<u64, Error> {
        let number = self.next(|counters| {
            counters.imports += 1;
            counters.imports
        })?;
        self.txn.open_table(IMPORTS)?.insert(number, encode(import).as_slice())?;
        Ok(number)
    }

    pub fn remove_import(&self, number: u64) -> Result<(), Error> {
        self.txn.open_table(IMPORTS)?.remove(number)?;
        Ok(())
    }

    /// Number and pass for a report about to be processed. A file keeps its number, a correction has a new pass.
    pub fn begin_report(&self, file: &str) -> Result<(u32, u64), Error> {
        let known = self
            .txn
            .open_table(REPORTS)?
            .get(file)?
            .map(|value| decode::<Report>(value.value()))
            .transpose()?;
        let mut number = known.map(|report| report.number);
        let pass = self.next(|counters| {
            counters.passes += 1;
            if number.is_none() {
                counters.reports += 1;
                number = Some(counters.reports);
            }
            counters.passes
        })?;
        let number = number.unwrap_or_default();
        let mut rejected = self.txn.open_table(REJECTED)?;
        rejected.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
        Ok((number, pass))
    }

    pub fn reject(&self, report: u32, rows: &[(u64, RejectedRow)]) -> Result<(), Error> {
        let mut table = self.txn.open_table(REJECTED)?;
        for (line, row) in rows {
            table.insert((report, *line), encode(row).as_slice())?;
        }
        Ok(())
    }

    /// Records a report: done, a duplicate, or unreadable.
    pub fn put_report(&self, file: &str, report: &Report) -> Result<(), Error> {
        self.txn.open_table(REPORTS)?.insert(file, encode(report).as_slice())?;
        let mut contents = self.txn.open_table(CONTENTS)?;
        if report.duplicate_of.is_none() && contents.get(report.sha256)?.is_none() {
            contents.insert(report.sha256, file)?;
        }
        Ok(())
    }

    /// Applies the sightings of a report, which come in the order of their keys: opens incidents or brings them up
    /// to date. `each` sees every incident after the change.
    pub fn apply(
        &self,
        sightings: impl Iterator<Item = Result<(Key, Sighting), Error>>,
        day: Day,
        pass: u64,
        mut each: impl FnMut(&Key, &Incident),
    ) -> Result<(), Error> {
        let mut counters = self.meta::<Counters>()?.unwrap_or_default();
        let mut problems = Problems::default();
        let mut sightings = sightings.peekable();
        {
            let mut incidents = self.txn.open_table(INCIDENTS)?;
            let mut receivers = self.txn.open_table(RECEIVERS)?;
            let mut ids = self.txn.open_table(INCIDENT_IDS)?;
            let mut ids = ids.upper_bound_mut(Bound::Unbounded::<u64>)?;
            let mut receive = |key: &Key, incident: &Incident, is_new: bool| {
                let operators = matches!(incident.audience, Audience::UnknownType | Audience::Operator);
                if operators && key.customer() != OPERATOR {
                    receivers.insert((OPERATOR.0, &key.0), ())?;
                }
                if is_new {
                    receivers.insert((key.customer().0, &key.0), ())?;
                }
                each(key, incident);
                Ok::<(), Error>(())
            };
            let mut buffer = Vec::with_capacity(1024);
            while let Some(first) = sightings.next() {
                let (key, seen) = first?;
                // In place where it is known: that saves the second way down the tree.
                if let Some(mut known) = incidents.get_mut(&key.0)? {
                    let mut incident: Incident = decode(known.value())?;
                    let days_before = incident.days_seen;
                    incident.see(seen, day, pass);
                    see_rest(&mut incident, &key, &mut sightings, day, pass)?;
                    if incident.days_seen > days_before {
                        problems.add(incident.nature);
                    }
                    encode_into(&incident, &mut buffer);
                    known.insert(buffer.as_slice())?;
                    receive(&key, &incident, false)?;
                    continue;
                }
                // All new ones up to the next that is known go in here, without a way down the tree for each.
                let mut gap = incidents.lower_bound_mut(Bound::Included(&key.0))?;
                let end = gap.peek_next()?.map(|(known, _)| Key(*known.value()));
                let mut next = Some((key, seen));
                while let Some((key, seen)) = next {
                    counters.incidents += 1;
                    let mut incident = Incident::open(counters.incidents, seen, day, pass);
                    see_rest(&mut incident, &key, &mut sightings, day, pass)?;
                    problems.add(incident.nature);
                    encode_into(&incident, &mut buffer);
                    gap.insert_before(&key.0, buffer.as_slice())?;
                    ids.insert_before(counters.incidents, &key.0)?;
                    receive(&key, &incident, true)?;
                    let is_new = |key: &Key| end.is_none_or(|end| *key < end);
                    next = sightings
                        .next_if(|next| next.as_ref().map_or(true, |(key, _)| is_new(key)))
                        .transpose()?;
                }
                gap.close()?;
            }
            ids.close()?;
        }
        self.count_problems(day, problems)?;
        self.set_meta(&counters)
    }

    /// Adds problems that were not yet seen on that day. A store of a version that did not count them begins with what
    /// its incidents remember.
    fn count_problems(&self, day: Day, new: Problems) -> Result<(), Error> {
        let mut table = self.txn.open_table(DAYS)?;
        if !table.is_empty()? {
            let known =
                table.get(day.number())?.map(|value| decode::<Problems>(value.value())).transpose()?;
            // Of a covered day without a sum nobody knows what was seen on it before.
            if known.is_some() || self.txn.open_table(COVERED)?.get(day.number())?.is_none() {
                let Problems { compromised, exposed } = known.unwrap_or_default();
                let sum =
                    Problems { compromised: compromised + new.compromised, exposed: exposed + new.exposed };
                table.insert(day.number(), encode(&sum).as_slice())?;
            }
            return Ok(());
        }
        let covered = self.txn.open_table(COVERED)?;
        let newest = covered.last()?.map_or(day, |(last, _)| day.max(Day::from_number(last.value())));
        // Before these, some incidents remember their days, and others do not.
        let first = newest.plus(1 - DAYS_REMEMBERED);
        let mut sums = BTreeMap::<i32, Problems>::new();
        for entry in covered.range(first.number()..)? {
            sums.insert(entry?.0.value(), Problems::default());
        }
        for entry in self.txn.open_table(INCIDENTS)?.iter()? {
            let incident: Incident = decode(entry?.1.value())?;
            for day in incident.seen_on().filter(|day| *day >= first) {
                sums.entry(day.number()).or_default().add(incident.nature);
            }
        }
        for (day, sum) in &sums {
            table.insert(*day, encode(sum).as_slice())?;
        }
        Ok(())
    }

    pub fn incident(&self, key: &Key) -> Result<Option<Incident>, Error> {
        self.txn.open_table(INCIDENTS)?.get(&key.0)?.map(|value| decode(value.value())).transpose()
    }

    pub fn put_incident(&self, key: &Key, incident: &Incident) -> Result<(), Error> {
        self.txn.open_table(INCIDENTS)?.insert(&key.0, encode(incident).as_slice())?;
        Ok(())
    }

    pub fn incident_key(&self, id: u64) -> Result<Option<Key>, Error> {
        Ok(self.txn.open_table(INCIDENT_IDS)?.get(id)?.map(|key| Key(*key.value())))
    }

    /// Forgets an incident for good.
    pub fn remove_incident(&self, key: &Key, id: u64) -> Result<(), Error> {
        self.txn.open_table(INCIDENTS)?.remove(&key.0)?;
        self.txn.open_table(INCIDENT_IDS)?.remove(id)?;
        let mut receivers = self.txn.open_table(RECEIVERS)?;
        receivers.remove((key.customer().0, &key.0))?;
        receivers.remove((OPERATOR.0, &key.0))?;
        self.txn.open_table(NOTES)?.retain_in((id, 0)..=(id, u32::MAX), |_, _| false)?;
        Ok(())
    }

    /// Adds a note to an incident, unless the newest one says the same by the same person: a form that was sent twice.
    /// False: there are [`NOTES_MAX`] already.
    pub fn add_note(&self, incident: u64, note: &Note) -> Result<bool, Error> {
        let mut table = self.txn.open_table(NOTES)?;
        let newest = table
            .range((incident, 0)..=(incident, u32::MAX))?
            .next_back()
            .transpose()?
            .map(|(key, note)| Ok::<_, Error>((key.value().1, decode::<Note>(note.value())?)))
            .transpose()?;
        let number = match newest {
            Some((_, known)) if known.who == note.who && known.text == note.text => return Ok(true),
            Some((number, _)) if number >= NOTES_MAX => return Ok(false),
            Some((number, _)) => number + 1,
            None => 1,
        };
        table.insert((incident, number), encode(note).as_slice())?;
        Ok(true)
    }

    /// Marks receivers as having something to tell, from `now`.
    pub fn mark_due(
        &self,
        marks: impl IntoIterator<Item = (CustomerNo, bool)>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut table = self.txn.open_table(DUE)?;
        // In the order of the table: each of its pages is gone to once.
        let mut marks: Vec<_> = marks.into_iter().collect();
        marks.sort_unstable();
        let mut buffer = Vec::new();
        for (customer, critical) in marks {
            let mut mark = |known: Due| {
                encode_into(&Due { marked: now, critical: critical || known.critical, ..known }, &mut buffer);
            };
            if let Some(mut known) = table.get_mut(customer.0)? {
                mark(decode(known.value())?);
                known.insert(buffer.as_slice())?;
                continue;
            }
            mark(Due::default());
            table.insert(customer.0, buffer.as_slice())?;
        }
        Ok(())
    }

    pub fn due(&self, customer: CustomerNo) -> Result<Option<Due>, Error> {
        self.txn.open_table(DUE)?.get(customer.0)?.map(|value| decode(value.value())).transpose()
    }

    pub fn put_due(&self, customer: CustomerNo, due: Option<&Due>) -> Result<(), Error> {
        let mut table = self.txn.open_table(DUE)?;
        match due {
            Some(due) => table.insert(customer.0, encode(due).as_slice())?.is_some(),
            None => table.remove(customer.0)?.is_some(),
        };
        Ok(())
    }

    /// Makes notices, numbered one after the other, and returns the number of the first. None of the customers may have an
    /// unsent one.
    pub fn add_notices(&self, new: impl IntoIterator<Item = Notice>) -> Result<u64, Error> {
        let mut counters = self.meta::<Counters>()?.unwrap_or_default();
        let first = counters.notices + 1;
        let mut table = self.notice_table()?;
        for notice in new {
            counters.notices += 1;
            table.put(&Notice { number: counters.notices, ..notice })?;
        }
        drop(table);
        self.set_meta(&counters)?;
        Ok(first)
    }

    pub fn put_notice(&self, notice: &Notice) -> Result<(), Error> {
        self.notice_table()?.put(notice)
    }

    fn notice_table(&self) -> Result<Notices<'_>, Error> {
        Ok(Notices { all: self.txn.open_table(NOTICES)?, unsent: self.txn.open_table(UNSENT)? })
    }

    pub fn notice(&self, number: u64) -> Result<Option<Notice>, Error> {
        self.txn.open_table(NOTICES)?.get(number)?.map(|value| decode(value.value())).transpose()
    }

    pub fn unsent_of(&self, customer: CustomerNo) -> Result<Option<u64>, Error> {
        Ok(self.txn.open_table(UNSENT)?.get(customer.0)?.map(|number| number.value()))
    }

    pub fn put_mail(&self, notice: u64, mail: &Frozen) -> Result<(), Error> {
        let bytes = zstd::bulk::compress(&encode(mail), 3).map_err(|_| Error::Damaged { what: "a mail" })?;
        self.txn.open_table(MAILS)?.insert(notice, bytes.as_slice())?;
        Ok(())
    }

    /// The mail of a notice as it goes out.
    pub fn mail(&self, notice: u64) -> Result<Option<Frozen>, Error> {
        self.txn.open_table(MAILS)?.get(notice)?.map(|value| unpacked(value.value())).transpose()
    }

    pub fn remove_mail(&self, notice: u64) -> Result<(), Error> {
        self.txn.open_table(MAILS)?.remove(notice)?;
        Ok(())
    }

    /// Forgets a notice that is done.
    pub fn remove_notice(&self, notice: u64) -> Result<(), Error> {
        self.txn.open_table(NOTICES)?.remove(notice)?;
        self.remove_mail(notice)
    }

    pub fn mailed(&self, customer: CustomerNo) -> Result<Mailed, Error> {
        let table = self.txn.open_table(MAILED)?;
        Ok(table.get(customer.0)?.map(|value| decode(value.value())).transpose()?.unwrap_or_default())
    }

    pub fn put_mailed(&self, customer: CustomerNo, mailed: &Mailed) -> Result<(), Error> {
        self.txn.open_table(MAILED)?.insert(customer.0, encode(mailed).as_slice())?;
        Ok(())
    }

    pub fn cover(&self, day: Day) -> Result<(), Error> {
        self.txn.open_table(COVERED)?.insert(day.number(), ())?;
        Ok(())
    }

    pub fn uncover_before(&self, day: Day) -> Result<(), Error> {
        self.txn.open_table(COVERED)?.retain_in(..day.number(), |_, ()| false)?;
        self.txn.open_table(DAYS)?.retain_in(..day.number(), |_, _| false)?;
        Ok(())
    }

    /// The operator has heard of these alarms; `None`: of all.
    pub fn alarms_told(&self, said: Option<&SaidAlarms>) -> Result<(), Error> {
        let names = |code: &str, since: Timestamp, text: &str| {
            said.is_none_or(|said| {
                let is_it = |one: &Option<String>| one.as_deref().is_none_or(|one| one == text);
                said.standing.iter().any(|one| (&*one.0, one.1) == (code, since) && is_it(&one.2))
            })
        };
        let names_past =
            |number: u64, over: Timestamp| said.is_none_or(|said| said.past.contains(&(number, over)));
        let standing = named::<Alarm>(self.txn.open_table(ALARMS)?.iter()?)?;
        for (code, alarm) in standing {
            if !alarm.told && names(&code, alarm.since, &alarm.text) {
                self.put_alarm(&code, Some(&Alarm { told: true, ..alarm }))?;
            }
        }
        let mut changed = Vec::new();
        for entry in self.txn.open_table(PAST_ALARMS)?.iter()? {
            let (number, alarm) = entry?;
            let (number, alarm) = (number.value(), decode::<PastAlarm>(alarm.value())?);
            let lasted = alarm.spell.until.is_some();
            // It was there when the mail was made, and over before the mail arrived; then it may have been joined to an
            // earlier one. Without a mail nothing was said of what need not be told.
            let was_there = match lasted {
                true => said.is_some_and(|said| {
                    let spell = alarm.spell.since..=alarm.over;
                    said.standing.iter().any(|one| one.0 == alarm.code && spell.contains(&one.1))
                }),
                false => names(&alarm.code, alarm.spell.since, &alarm.spell.text),
            };
            if alarm.urgent_from.is_some() && (names_past(number, alarm.over) || was_there && !lasted) {
                changed.push((number, PastAlarm { urgent_from: None, told: true, ..alarm }));
            } else if was_there && lasted && !alarm.told {
                changed.push((number, PastAlarm { urgent_from: Some(alarm.over), ..alarm }));
            }
        }
        changed.iter().try_for_each(|(number, alarm)| self.put_past_alarm(Some(*number), alarm))
    }

    /// The alarms of this kind that are over, with their numbers, newest first.
    pub fn past_alarms(&self, code: &str) -> Result<Vec<(u64, PastAlarm)>, Error> {
        let mut all = Vec::new();
        for entry in self.txn.open_table(PAST_ALARMS)?.iter()?.rev() {
            let (number, alarm) = entry?;
            let alarm: PastAlarm = decode(alarm.value())?;
            if alarm.code == code {
                all.push((number.value(), alarm));
            }
        }
        Ok(all)
    }

    /// Keeps an alarm that is over: a new one, for which the oldest make room, or in the place of another.
    pub fn put_past_alarm(&self, number: Option<u64>, alarm: &PastAlarm) -> Result<(), Error> {
        let mut table = self.txn.open_table(PAST_ALARMS)?;
        let newest = table.last()?.map_or(0, |(number, _)| number.value());
        let number = number.unwrap_or(newest + 1);
        table.insert(number, encode(alarm).as_slice())?;
        table.retain_in(..=number.max(newest).saturating_sub(PAST_ALARMS_MAX), |_, _| false)?;
        Ok(())
    }

    pub fn put_alarm(&self, code: &str, alarm: Option<&Alarm>) -> Result<(), Error> {
        let mut table = self.txn.open_table(ALARMS)?;
        match alarm {
            Some(alarm) => table.insert(code, encode(alarm).as_slice())?.is_some(),
            None => table.remove(code)?.is_some(),
        };
        Ok(())
    }

    pub fn people(&self) -> Result<Vec<(String, Person)>, Error> {
        named(self.txn.open_table(PEOPLE)?.iter()?)
    }

    /// `None` takes the person out.
    pub fn put_person(&self, name: &str, person: Option<&Person>) -> Result<(), Error> {
        let mut table = self.txn.open_table(PEOPLE)?;
        match person {
            Some(person) => table.insert(name, encode(person).as_slice())?.is_some(),
            None => table.remove(name)?.is_some(),
        };
        Ok(())
    }

    /// Notes what was done on the page; the oldest entries make room.
    pub fn add_audit(&self, entry: &AuditEntry) -> Result<(), Error> {
        let mut table = self.txn.open_table(AUDIT)?;
        let number = table.last()?.map_or(0, |(number, _)| number.value()) + 1;
        table.insert(number, encode(entry).as_slice())?;
        table.retain_in(..=number.saturating_sub(AUDIT_MAX), |_, _| false)?;
        Ok(())
    }

    /// The same for what a person may do as often as he likes: what he does again from the same address within an hour
    /// is one entry that counts; and so it is from any, when there are more than people have.
    pub fn count_audit(&self, entry: &AuditEntry) -> Result<(), Error> {
        let mut table = self.txn.open_table(AUDIT)?;
        let mut alike = Vec::new();
        for known in table.iter()?.rev().take(COUNTED_BACK) {
            let (number, known) = known?;
            let known: AuditEntry = decode(known.value())?;
            let is_near = (0..COUNTED_SECONDS).contains(&entry.at.since(known.at));
            if is_near && known.who == entry.who && known.what.is_like(&entry.what) {
                alike.push((number.value(), known));
            }
        }
        let same = alike.iter().position(|(_, known)| known.from == entry.from);
        let Some(index) = same.or((alike.len() >= COUNTED_ADDRESSES).then_some(0)) else {
            drop(table);
            return self.add_audit(entry);
        };
        let (number, mut known) = alike.swap_remove(index);
        known.what.times += 1;
        table.insert(number, encode(&known).as_slice())?;
        Ok(())
    }

    pub fn remove_report(&self, file: &str, report: &Report) -> Result<(), Error> {
        self.txn.open_table(REPORTS)?.remove(file)?;
        // A duplicate has the content of another file, which keeps it.
        let mut contents = self.txn.open_table(CONTENTS)?;
        let own = contents.get(report.sha256)?.is_some_and(|known| known.value() == file);
        if own {
            contents.remove(report.sha256)?;
        }
        let range = (report.number, 0)..=(report.number, u64::MAX);
        self.txn.open_table(REJECTED)?.retain_in(range, |_, _| false)?;
        Ok(())
    }
}

/// Notices, and of each customer the one that is not sent.
struct Notices<'t> {
    all: redb::Table<'t, u64, &'static [u8]>,
    unsent: redb::Table<'t, u32, u64>,
}

impl Notices<'_> {
    fn put(&mut self, notice: &Notice) -> Result<(), Error> {
        self.all.insert(notice.number, encode(notice).as_slice())?;
        if notice.done.is_none() {
            let before = self.unsent.insert(notice.customer.0, notice.number)?.map(|number| number.value());
            assert!(
                before.is_none_or(|number| number == notice.number),
                "a customer has one unsent notice at most"
            );
        } else if self.unsent.get(notice.customer.0)?.is_some_and(|number| number.value() == notice.number) {
            self.unsent.remove(notice.customer.0)?;
        }
        Ok(())
    }
}

/// Lets an incident see what else is the same problem.
fn see_rest(
    incident: &mut Incident,
    key: &Key,
    sightings: &mut Peekable<impl Iterator<Item = Result<(Key, Sighting), Error>>>,
    day: Day,
    pass: u64,
) -> Result<(), Error> {
    while let Some(same) = sightings.next_if(|next| next.as_ref().is_ok_and(|(next, _)| next == key)) {
        incident.see(same?.1, day, pass);
    }
    Ok(())
}

/// redb's own default is 1 GiB. What comes in order of the keys is not faster with more, and the system keeps the
/// file in whatever memory is free; this much it keeps for good, also on a box at rest.
const CACHE_BYTES: usize = 1024 * 1024;
/// A change with what it copies is smaller, unless it is a large report, which then waits a little longer.
const PROBE_BYTES: usize = 256 * 1024;
/// Alarms kept that are over: a year of three a day, in some 200 KiB.
const PAST_ALARMS_MAX: u64 = 1_000;
/// Entries kept of what was done on the page: years.
const AUDIT_MAX: u64 = 10_000;
/// Among so many entries is looked for one that counts.
const COUNTED_BACK: usize = 200;
const COUNTED_SECONDS: i64 = 3600;
/// A person has some devices.
const COUNTED_ADDRESSES: usize = 8;
/// Notes of one incident: as many as a page shows with ease.
pub const NOTES_MAX: u32 = 100;
/// Longest note: half a page of text.
pub const NOTE_BYTES_MAX: usize = 2_000;
/// Largest mail kept.
const MAIL_BYTES_MAX: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests;
