//! The only wiring: owns the store, the settings and the customers, and lets the rooms work on them.
//!
//! [`intake`] takes a report in, [`fetching`] and [`mailing`] are the two loops, step by step, and [`keeping`] is
//! the housekeeping; `alarms` is what needs the operator, and `weekly` counts the week for him; [`rebuilding`] makes a
//! lost store anew; [`viewing`] is what the page shows, [`acting`] what
//! is changed by hand, `checking` tries whether what was set works, [`paging`] keeps it up; on a box, [`timing`] keeps the
//! clock right. A step takes `now` and says when it wants to be called again, so a month runs in seconds.

pub mod acting;
pub mod admitting;
mod alarms;
mod catalogue;
mod certifying;
mod checking;
pub mod fetching;
mod holding;
pub mod intake;
mod jobs;
pub mod keeping;
pub mod mailing;
pub mod paging;
mod polling;
pub mod radius;
pub mod rebuilding;
mod resolving;
pub mod running;
pub mod sessions;
pub mod setting;
mod sorting;
mod supporting;
mod telling;
mod texting;
pub mod timing;
pub mod viewing;
mod weekly;
mod whose;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use acting::Signature;
use rebuilding::{GONE, STORE_LOST};
use rustls::sign::SigningKey;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::config::{self, Complaint, LoadError, Settings};
use crate::customers::bundle::Bundle;
use crate::customers::import::{self, File};
use crate::customers::space;
use crate::customers::table::{self, Table};
use crate::fetch::api::hex;
use crate::fetch::spool::Spool;
use crate::files;
use crate::halt;
use crate::notify::dkim;
use crate::notify::texts::Texts;
use crate::sessions::nat::Nat;
use crate::store::{self, Alarm, CustomersSeen, Deed, Found, Import, Store, Txn};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Settings(#[from] LoadError),
    #[error(transparent)]
    Fetch(#[from] crate::fetch::Error),
    #[error("cannot read or write {path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the clock cannot be trusted yet; nothing is done until it is right")]
    NoClock,
    #[error(
        "nothing is taken in before networks.cidrs in {settings} names your networks: every row would count as \
             outside them, for good"
    )]
    NoNetworks { settings: PathBuf },
    /// The customer file must be confirmed or corrected.
    #[error(
        "the customer file waits to be confirmed: {why}; correct it, or confirm that on the page or with: abusebox \
             customers import --confirm CSV"
    )]
    Unconfirmed { why: String, complaints: Vec<Complaint> },
    #[error("the customer file is not taken: {why}")]
    BadCustomers { why: String, complaints: Vec<Complaint> },
    /// No log of sessions.
    #[error("the log is not taken: {why}")]
    BadLog { why: String },
    #[error(
        "the settings name no source of sessions {name:?}: write it in [[sessions.sources]], or leave it out"
    )]
    NoSource { name: String },
    /// It is better taken later.
    #[error("the report waits, for at most a day, until it can be known whose its addresses were: {why}")]
    Waits { why: String },
    #[error("mail cannot be made ready")]
    Mail(#[from] crate::notify::smtp::Error),
    #[error(
        "the customer list, or the file, is not what it was when the file was checked; nothing was changed: send the \
             file again"
    )]
    NotAsChecked,
    /// Of a person on the page.
    #[error("only an operator may do that")]
    NoOperator,
    #[error(
        "the settings cannot be used; nothing else is done until they are mended, in their file or on their page"
    )]
    Mending,
    #[error("a task broke off: {0}")]
    Task(String),
}

impl Error {
    pub fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// Whether a disk is full or cannot be written to: both may pass, and then the same works.
    pub fn may_pass(&self) -> bool {
        let first: Option<&dyn std::error::Error> = Some(self);
        std::iter::successors(first, |error| error.source())
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .any(|error| matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull))
    }
}

/// Who takes a customer file on the page, having seen what it changes.
struct CheckedBy<'a> {
    signed: &'a Signature<'a>,
    what: &'a Deed,
    /// The file in force with which it was compared.
    base: Option<[u8; 32]>,
}

/// What the settings say and who the customers are, at one moment.
pub struct Loaded {
    pub settings: Settings,
    pub table: Table,
    /// Of `[[nat]]`.
    pub(crate) nats: Vec<Nat>,
    /// The words of mails.
    pub texts: Arc<Texts>,
    /// PEM files of further certificate authorities: those that can be used.
    pub extra_ca: Vec<Vec<u8>>,
    /// What signs the mails (DKIM).
    pub(crate) signing_key: Option<Arc<dyn SigningKey>>,
    /// Of the settings file, those authorities and that key, to notice a change.
    pub(crate) settings_sha256: [u8; 32],
    /// The settings cannot be used: what of them is right holds for the page and the box's address, and nothing is
    /// fetched, taken in, planned, sent or kept until they are mended.
    pub(crate) is_mending: bool,
}

/// The appliance without its loops.
pub struct Engine {
    pub data: PathBuf,
    pub settings_path: PathBuf,
    pub clock: Clock,
    pub store: Store,
    pub spool: Spool,
    loaded: RwLock<Arc<Loaded>>,
    /// Customer files and settings are taken one at a time.
    taking: Mutex<()>,
    /// Reports are taken in one at a time: what is known is asked before it is changed.
    intake: Mutex<()>,
    /// Notices are planned by one at a time.
    planning: Mutex<()>,
    pub(crate) mail_server: tokio::sync::Mutex<mailing::Server>,
    /// When the pass under way began, in Unix seconds.
    fetching_since: AtomicI64,
    pub(crate) shadowserver: tokio::sync::Mutex<fetching::Connection>,
    /// Alarms that could not be stored, by code.
    unstored: Mutex<BTreeMap<String, Alarm>>,
    /// An alarm came, or is over: the operator may have to be told.
    pub(crate) alarmed: Notify,
    /// Where this store is only in memory, since the lost one can be made anew by right settings alone: told when they
    /// are right. Then the process begins again.
    pub(crate) mended: Option<Notify>,
}

impl Engine {
    /// Opens the data folder, makes it if need be, and takes in a new customer file. A store that is damaged or gone
    /// is made anew from what lies beside it.
    pub fn open(data: &Path, settings_path: &Path, clock: Clock) -> Result<Arc<Self>, Error> {
        make_folder(data)?;
        make_folder(&data.join("customers"))?;
        let path = data.join(STORE);
        let engine = match Store::find(&path)? {
            Found::Sound(store) => Self::with(store, data, settings_path, clock)?,
            Found::Nothing => Self::rebuilt(&path, None, data, settings_path, clock)?,
            Found::Damaged { why, file } => {
                Self::rebuilt(&path, Some((why, file)), data, settings_path, clock)?
            }
        };
        if let Some(now) = engine.clock.now() {
            match engine.take_configured_customers(now) {
                // A disk that is full keeps nobody from reading; the file is taken when there is room.
                Err(error @ (Error::Store(_) | Error::File { .. })) => {
                    tracing::error!("the customer file is not taken yet: {}", intake::describe(&error));
                }
                taken => drop(taken?),
            }
        }
        Ok(Arc::new(engine))
    }

    /// Opens the data folder although the settings cannot be used (`fault`), so that the page can say what is wrong with
    /// them. A store that is not sound is left alone until then, since rows taken in again by other settings would be other
    /// rows: the page has one in memory meanwhile. A fault that may pass is no matter of the settings, and is what it
    /// comes to.
    pub fn open_to_mend(
        data: &Path,
        settings_path: &Path,
        clock: Clock,
        fault: LoadError,
    ) -> Result<Arc<Self>, Error> {
        let LoadError::Invalid { .. } = fault else { return Err(fault.into()) };
        let (store, lost) = match Store::find(&data.join(STORE))? {
            Found::Sound(store) => (store, None),
            Found::Nothing => (Store::in_memory()?, Some(GONE.to_owned())),
            Found::Damaged { why, .. } => (Store::in_memory()?, Some(why)),
        };
        let usable = Written::usable(settings_path)?;
        let mut engine = Self::by(store, usable, data, settings_path, clock)?;
        let now = engine.clock.untrusted_now();
        // Shown also where it cannot be stored.
        let _ = engine.alarm("settings", Some(&intake::describe(&fault)), now);
        if let Some(why) = lost {
            let text = format!(
                "{why}. It is made anew from the customer files and the reports as soon as the settings are right. \
                 Until then it is empty, and what is written into it, a password too, does not last."
            );
            engine.alarm(STORE_LOST, Some(&text), now)?;
            engine.mended = Some(Notify::new());
        }
        Ok(Arc::new(engine))
    }

    /// On a store that is open.
    pub(crate) fn with(store: Store, data: &Path, settings_path: &Path, clock: Clock) -> Result<Self, Error> {
        Self::by(store, Written::begin(settings_path)?, data, settings_path, clock)
    }

    fn by(
        store: Store,
        written: Written,
        data: &Path,
        settings_path: &Path,
        clock: Clock,
    ) -> Result<Self, Error> {
        let spool = Spool::new(data.join("spool"))?;
        if let Some(newest) = store.view()?.meta::<store::Newest>()? {
            clock.observe(newest.at);
        }
        for fault in written.untrusted.iter().chain(&written.unsigned) {
            tracing::warn!("{fault}");
        }
        let table = load_table(&store, data, &written.settings)?;
        let (texts, complaints) = texting::load(data);
        let loaded = written.with(table, texts);
        let engine = Self {
            data: data.to_owned(),
            settings_path: settings_path.to_owned(),
            clock,
            store,
            spool,
            loaded: RwLock::new(Arc::new(loaded)),
            taking: Mutex::default(),
            intake: Mutex::default(),
            planning: Mutex::default(),
            mail_server: Default::default(),
            fetching_since: AtomicI64::new(fetching::IDLE),
            shadowserver: Default::default(),
            unstored: Mutex::default(),
            alarmed: Notify::new(),
            mended: None,
        };
        let since = engine.clock.untrusted_now();
        engine.alarm(texting::ALARM, complaints.as_deref(), since)?;
        Ok(engine)
    }

    /// Settings and customers as they are now; they do not change under the caller.
    pub fn loaded(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whoever changes what is loaded holds this from reading the old to putting the new in its place.
    fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.taking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, loaded: Loaded) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    /// Takes changed settings and a changed customer file. Returns whether anything is new.
    pub fn reload(&self, now: Timestamp) -> Result<bool, Error> {
        let changed = self.reload_settings(now)?;
        Ok(self.take_configured_customers(now)? || changed)
    }

    /// Takes changed settings alone, for which the clock need not be right: they may be what makes it right. Settings with
    /// faults change nothing and raise an alarm, as of `now`. Returns whether anything is new.
    pub fn reload_settings(&self, now: Timestamp) -> Result<bool, Error> {
        let _taking = self.take_turn();
        let before = self.loaded();
        let written = match Written::load(&self.settings_path) {
            Ok(written) => written,
            Err(LoadError::Missing { .. })
                if before.settings_sha256 == NO_SETTINGS_SHA256 && !before.is_mending =>
            {
                Written::nothing(&self.settings_path)?
            }
            // The last ones stay in force, also when the file is gone: by defaults no network would be ours.
            Err(error) => {
                self.alarm("settings", Some(&intake::describe(&error)), now)?;
                return Ok(false);
            }
        };
        if let Some(mended) = &self.mended {
            mended.notify_one();
            return Ok(false);
        }
        self.alarm("settings", None, now)?;
        self.alarm("trust", written.untrusted.as_deref(), now)?;
        self.alarm(mailing::DKIM, written.unsigned.as_deref(), now)?;
        let changed = written.sha256 != before.settings_sha256;
        if changed {
            let table = load_table(&self.store, &self.data, &written.settings)?;
            tracing::info!(mode = ?written.settings.boxx.mode, "settings taken");
            self.replace(written.with(table, before.texts.clone()));
            self.shadowserver_changed()?;
            self.mail_changed();
        }
        Ok(changed)
    }

    /// Imports the customer file of the settings if its content is not the one last seen there.
    fn take_configured_customers(&self, now: Timestamp) -> Result<bool, Error> {
        if self.loaded().is_mending {
            return Ok(false);
        }
        let customers = self.loaded().settings.customers.clone();
        let Some(path) = customers.file else { return Ok(false) };
        let mut files = Vec::new();
        for path in [path].iter().chain(&customers.addresses_file) {
            match files::read_max(path, FILE_BYTES_MAX) {
                Ok(bytes) => files.push(bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => {
                    let text = format!("the customer file {} cannot be read: {error}", path.display());
                    self.alarm("customers", Some(&text), now)?;
                    return Ok(false);
                }
            }
        }
        let bytes = joined(files);
        let seen = CustomersSeen { sha256: sha256(&bytes) };
        if self.store.view()?.meta::<CustomersSeen>()?.is_some_and(|last| last.sha256 == seen.sha256) {
            return Ok(false);
        }
        let taken = match self.import_customers(&bytes, false, now) {
            Ok(_) => true,
            Err(Error::Unconfirmed { .. } | Error::BadCustomers { .. }) => false,
            Err(error) => return Err(error),
        };
        self.store.write(|txn| txn.set_meta(&seen))?;
        Ok(taken)
    }

    /// Takes a customer file from `now` on. `confirmed`: also if something of it is in doubt; else it is held for
    /// somebody to look at, and an alarm says so, as where it cannot be read.
    pub fn import_customers(&self, bytes: &[u8], confirmed: bool, now: Timestamp) -> Result<File, Error> {
        let taken = self.import_or_hold(bytes, confirmed, now);
        if let Err(error @ (Error::Unconfirmed { .. } | Error::BadCustomers { .. })) = &taken {
            self.alarm("customers", Some(&error.to_string()), now)?;
        }
        taken
    }

    /// The same without the alarm, for a caller who has more to say.
    fn import_or_hold(&self, bytes: &[u8], confirmed: bool, now: Timestamp) -> Result<File, Error> {
        let taken = self.import_customers_as(bytes, confirmed, now, None);
        if let Err(Error::Unconfirmed { .. }) = &taken {
            self.hold(bytes)?;
        }
        taken
    }

    /// The same in somebody's name: what is done is noted with it.
    fn import_customers_as(
        &self,
        bytes: &[u8],
        confirmed: bool,
        now: Timestamp,
        checked: Option<&CheckedBy<'_>>,
    ) -> Result<File, Error> {
        self.usable()?;
        let _taking = self.take_turn();
        let (packed, file) = self.understand(bytes)?;
        if file.refused {
            let why = file.complaints.list.last().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "it holds no customer".to_owned());
            return Err(Error::BadCustomers { why, complaints: file.complaints.list });
        }
        let packed = holding::confirmed(packed, &file);
        let sha256 = sha256(&packed);
        let view = self.store.view()?;
        let in_force = view.imports()?.pop().map(|(_, last)| last.sha256);
        // It was confirmed, under whatever name it comes again.
        if in_force == Some(sha256) {
            self.forget_held()?;
            self.alarm("customers", None, now)?;
            return Ok(file);
        }
        let mut doubts = self.doubts(&file, now)?;
        doubts.extend(unreadable(&file));
        if !doubts.is_empty() && !confirmed {
            return Err(Error::Unconfirmed { why: doubts.join("; "), complaints: file.complaints.list });
        }
        if checked.is_some_and(|checked| checked.base != in_force) {
            return Err(Error::NotAsChecked);
        }
        let txn = self.store.begin()?;
        if let Some(CheckedBy { signed, what, .. }) = checked {
            acting::sign(Some(signed), &txn, || (*what).clone(), now)?;
        }
        let name = rebuilding::accepted_name(now, &sha256);
        let path = self.data.join("customers").join(&name);
        files::save_atomic(&path, &packed, 0o600).map_err(|error| Error::file(&path, error))?;
        let import = Import {
            imported: now,
            sha256,
            file: name,
            customers: file.customers_len() as u64,
            prefixes: file.prefixes_len() as u64,
        };
        halt::point("import");
        for id in file.customers.ids() {
            txn.customer_number(id)?;
        }
        txn.add_import(&import)?;
        txn.commit()?;
        tracing::info!(customers = import.customers, prefixes = import.prefixes, "customer file taken");
        self.rebuild_table()?;
        self.keep_mapping(&Bundle::of(&packed))?;
        self.forget_held()?;
        self.alarm("customers", None, now)?;
        Ok(file)
    }

    /// Makes the table anew from the accepted files. The caller holds [`Engine::take_turn`].
    fn rebuild_table(&self) -> Result<(), Error> {
        let anew = self.loaded().again(&self.store, &self.data)?;
        self.replace(anew);
        Ok(())
    }

    /// All that is wrong with a customer file, for these networks.
    pub fn complaints(&self, file: &File) -> Vec<Complaint> {
        let networks = table::check(file, &self.loaded().settings.networks);
        file.complaints.list.iter().cloned().chain(networks.list).collect()
    }

    /// What an operator may want to know of a customer file, for these networks.
    pub fn notes(&self, file: &File) -> Vec<Complaint> {
        let space = space::notes(file, &self.loaded().settings.networks);
        file.notes.list.iter().cloned().chain(space.list).collect()
    }

    /// The present moment, or why nothing can be done now.
    pub fn now(&self) -> Result<Timestamp, Error> {
        self.clock.now().ok_or(Error::NoClock)
    }

    /// Fails where the settings are to be mended first.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        if self.loaded().is_mending { Err(Error::Mending) } else { Ok(()) }
    }
}

fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::file(path, error))
}

impl Loaded {
    /// The same, with the customers as they are now.
    fn again(&self, store: &Store, data: &Path) -> Result<Self, Error> {
        Ok(Self {
            settings: self.settings.clone(),
            table: load_table(store, data, &self.settings)?,
            nats: self.nats.clone(),
            texts: self.texts.clone(),
            extra_ca: self.extra_ca.clone(),
            signing_key: self.signing_key.clone(),
            settings_sha256: self.settings_sha256,
            is_mending: self.is_mending,
        })
    }
}

/// What is written in the settings file and in the authorities and the key that it names.
struct Written {
    settings: Settings,
    extra_ca: Vec<Vec<u8>>,
    /// What is wrong with the other authorities. All goes on without them: whom they vouch for cannot be reached, and
    /// the page says why.
    untrusted: Option<String>,
    signing_key: Option<Arc<dyn SigningKey>>,
    /// Why there is no key, although one is named: mails go out all the same.
    unsigned: Option<String>,
    sha256: [u8; 32],
    is_mending: bool,
}

impl Written {
    fn load(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read(path).unwrap_or_default();
        let settings = config::load(path)?;
        let (extra_ca, complaints) = settings.trust.read();
        let untrusted = (!complaints.is_empty()).then(|| {
            format!(
                "trust.extra_ca: {} Until then no server is reached whose certificate such an authority has signed.",
                complaints.join(" ")
            )
        });
        let (signing_key, unsigned) = match settings.mail.signing_key() {
            Ok(key) => (key, None),
            Err(why) => (None, Some(format!("mail.dkim_key: {why} Until then mails go out unsigned."))),
        };
        let mut all = extra_ca.iter().fold(text, |all, pem| [all.as_slice(), pem].concat());
        all.extend(signing_key.iter().flat_map(|key| dkim::record(&**key).into_bytes()));
        let sha256 = sha256(&all);
        Ok(Self { settings, extra_ca, untrusted, signing_key, unsigned, sha256, is_mending: false })
    }

    /// At the start, when there may be no settings yet.
    fn begin(path: &Path) -> Result<Self, LoadError> {
        match Self::load(path) {
            Err(error @ LoadError::Missing { .. }) => {
                tracing::warn!("{error}");
                Self::nothing(path)
            }
            other => other,
        }
    }

    /// What holds before there is a settings file.
    fn nothing(path: &Path) -> Result<Self, LoadError> {
        let settings = config::raw::parse("", path.parent().unwrap_or(Path::new("")))
            .map_err(|complaints| LoadError::Invalid { path: path.to_owned(), complaints })?;
        Ok(Self::of(settings, false))
    }

    /// What is right in a file that is not valid.
    fn usable(path: &Path) -> Result<Self, LoadError> {
        let (settings, _) =
            config::raw::parse_usable(&config::read(path)?, path.parent().unwrap_or(Path::new("")));
        Ok(Self::of(settings, true))
    }

    /// Settings that are those of no file.
    fn of(settings: Settings, is_mending: bool) -> Self {
        Self {
            settings,
            extra_ca: Vec::new(),
            untrusted: None,
            signing_key: None,
            unsigned: None,
            sha256: NO_SETTINGS_SHA256,
            is_mending,
        }
    }

    fn with(self, table: Table, texts: Arc<Texts>) -> Loaded {
        // What does not fit is a complaint of the settings.
        let nats = self.settings.nat.iter().filter_map(|nat| Nat::new(nat).ok()).collect();
        Loaded {
            is_mending: self.is_mending,
            settings: self.settings,
            table,
            nats,
            texts,
            extra_ca: self.extra_ca,
            signing_key: self.signing_key,
            settings_sha256: self.sha256,
        }
    }
}

/// Lines that would be left out.
fn unreadable(file: &File) -> Option<String> {
    let lines: Vec<_> = file.unreadable.iter().take(20).map(|line| line.line.to_string()).collect();
    (!lines.is_empty())
        .then(|| format!("no address can be read in line {}, which would be left out", lines.join(", ")))
}

/// A customer file, and that of its addresses if there is a second, as one.
pub fn joined(files: Vec<Vec<u8>>) -> Vec<u8> {
    let mut files = files.into_iter();
    let customers = files.next().unwrap_or_default();
    let addresses = files.next().map(Cow::Owned);
    Bundle { customers: customers.into(), addresses, ..Bundle::default() }.pack().into_owned()
}

/// In the data folder.
const STORE: &str = "abusebox.redb";

/// The table of all accepted files. They are read one at a time: a month of them is larger than the memory.
fn load_table(store: &Store, data: &Path, settings: &Settings) -> Result<Table, Error> {
    let view = store.view()?;
    let mut numbers = HashMap::new();
    view.customer_numbers(|id, number| {
        numbers.insert(id.to_owned(), number);
    })?;
    let mut failed = None;
    let files = view.imports()?.into_iter().map_while(|(_, import)| {
        let path = data.join("customers").join(&import.file);
        match files::read_max(&path, FILE_BYTES_MAX) {
            Ok(bytes) => Some((import.imported, import::read(&bytes, &settings.boxx.timezone))),
            Err(error) => {
                failed = Some(Error::file(&path, error));
                None
            }
        }
    });
    // Every id got its number with its file; only a later version may read ids in it that the earlier did not.
    let mut fresh = None;
    let mut unnumbered = None;
    let number = |id: &str| {
        if let Some(number) = numbers.get(id) {
            return number.0;
        }
        let given = match &fresh {
            Some(txn) => Txn::customer_number(txn, id),
            None => store.begin().and_then(|txn| fresh.insert(txn).customer_number(id)),
        };
        match given {
            Ok(number) => {
                numbers.insert(id.to_owned(), number);
                number.0
            }
            Err(error) => {
                unnumbered = Some(error);
                u32::MAX
            }
        }
    };
    let table = Table::build(&settings.networks, files, number);
    if let Some(error) = failed.or(unnumbered.map(Error::Store)) {
        return Err(error);
    }
    fresh.map_or(Ok(()), Txn::commit)?;
    Ok(table)
}

/// In place of a digest, before there is a settings file.
const NO_SETTINGS_SHA256: [u8; 32] = [0; 32];
/// Largest customer file taken.
pub const FILE_BYTES_MAX: u64 = import::FILE_BYTES_MAX as u64;

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    sha256
}

/// A random text that nobody guesses, of 128 bits.
pub(crate) fn random_token() -> String {
    let mut bytes = [0; 16];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    assert!(filled.is_ok(), "the kernel's random numbers are always there once the box is up");
    hex(&bytes)
}
