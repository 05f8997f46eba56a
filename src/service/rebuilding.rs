//! A store that is damaged or gone is made anew from what lies beside it: the accepted customer files and the reports
//! in the spool, each at the moment at which it came.
//!
//! What only the store knew is lost: which mails went out, what was muted or closed by hand, reports older than the
//! spool. In mode live, what the reports bring back therefore counts as told: nothing is mailed a second time, and
//! what had not been told yet is told when its repeat is due, or when the operator asks for it (`incidents reopen`).
//! In the other modes no customer was mailed without the operator's release, and none is now.

use std::fs;
use std::path::{Path, PathBuf};

use super::intake::{Source, Taken, describe};
use super::keeping::AT_ONCE;
use super::{Engine, Error, FILE_BYTES_MAX, Written, hex, sha256};
use crate::clock::{Clock, Day, Timestamp};
use crate::config::Mode;
use crate::customers::import;
use crate::fetch::spool::Kept;
use crate::files;
use crate::halt;
use crate::incident::Key;
use crate::store::{Fetching, FileId, Fresh, Import};

/// An accepted customer file, as its name tells it.
struct Accepted {
    name: String,
    imported: Timestamp,
}

/// What came back.
#[derive(Default)]
struct Tally {
    customer_files: usize,
    reports: usize,
    unreadable: usize,
}

impl Engine {
    /// An engine on a new store, in place of a damaged one or of none.
    pub(super) fn rebuilt(
        path: &Path,
        damaged: Option<(String, FileId)>,
        data: &Path,
        settings_path: &Path,
        clock: Clock,
    ) -> Result<Self, Error> {
        let (why, file) = damaged.unzip();
        // Before anything is made: by which settings?
        let written = Written::begin(settings_path)?;
        let (store, fresh) = Fresh::begin(path, file)?;
        let engine = Self::by(store, written, data, settings_path, clock)?;
        let (accepted, kept) = (accepted(&data.join("customers"))?, engine.spool.kept()?);
        if file.is_none() && accepted.is_empty() && kept.is_empty() {
            // The first start.
            fresh.put_in_place(&engine.store, None)?;
            return Ok(engine);
        }
        let why = why.unwrap_or_else(|| GONE.to_owned());
        tracing::error!("the store is lost: {why}; making it anew from the customer files and the spool");
        let aside = file.map(|_| free_name(path, engine.clock.untrusted_now()));
        halt::point("rebuild begun");
        let mut tally = Tally::default();
        engine.retake_customers(&accepted, &mut tally)?;
        engine.retake_reports(&kept, &mut tally)?;
        let last = kept.last().map(|kept| kept.arrived);
        let now = engine.clock.now().or(last).unwrap_or_else(|| engine.clock.untrusted_now());
        let live = engine.loaded().settings.boxx.mode == Mode::Live;
        if live {
            engine.count_as_told(now)?;
        }
        engine.store.write(|txn| {
            // After a long time without reports more days are asked for.
            let mut fetching = Fetching::default();
            fetching.schedule.first = last;
            txn.set_meta(&fetching)
        })?;
        let text = account(&why, aside.as_deref(), &tally, live);
        engine.alarm(STORE_REBUILT, Some(&text), now)?;
        halt::point("rebuild alarm");
        fresh.put_in_place(&engine.store, aside.as_deref())?;
        halt::point("rebuild in place");
        forget_damaged(path)?;
        Ok(engine)
    }

    fn retake_customers(&self, accepted: &[Accepted], tally: &mut Tally) -> Result<(), Error> {
        let zone = self.loaded().settings.boxx.timezone.clone();
        for Accepted { name, imported } in accepted {
            let path = self.data.join("customers").join(name);
            let bytes = files::read_max(&path, FILE_BYTES_MAX).unwrap_or_default();
            let sha256 = sha256(&bytes);
            let file = import::read(&bytes, &zone);
            if file.refused || *name != accepted_name(*imported, &sha256) {
                tracing::error!(file = name, "this customer file cannot be read any more and is left out");
                tally.unreadable += 1;
                continue;
            }
            let import = Import {
                imported: *imported,
                sha256,
                file: name.clone(),
                customers: file.customers_len() as u64,
                prefixes: file.prefixes_len() as u64,
            };
            self.store.write(|txn| {
                for id in file.customers.ids() {
                    txn.customer_number(id)?;
                }
                txn.add_import(&import)
            })?;
            halt::point("rebuild customers");
            tally.customer_files += 1;
        }
        let _taking = self.take_turn();
        self.rebuild_table()
    }

    fn retake_reports(&self, kept: &[Kept], tally: &mut Tally) -> Result<(), Error> {
        let mut day: Option<Day> = None;
        for kept in kept {
            let now = kept.arrived;
            if day.replace(now.day()).is_some_and(|before| before < now.day()) {
                // What was gone and came back did so here, too.
                self.close_gone(now)?;
            }
            let spooled = match self.spool.recall(kept) {
                Ok(spooled) => spooled,
                Err(error) => {
                    tracing::error!(report = kept.file, "left out: {}", describe(&error));
                    tally.unreadable += 1;
                    continue;
                }
            };
            let source = Source { file: kept.file.clone(), kind: None, day: None, id_hash: None };
            match self.take(&source, &spooled, now)? {
                Taken::Processed(_) => {
                    halt::point("rebuild report");
                    tally.reports += 1;
                }
                Taken::Known | Taken::Duplicate { .. } | Taken::Unreadable { .. } => {}
            }
        }
        Ok(())
    }

    /// Nobody knows any more what customers have heard of; nobody hears of it twice.
    fn count_as_told(&self, now: Timestamp) -> Result<(), Error> {
        let mut untold: Vec<Key> = Vec::new();
        self.store.view()?.incidents(|key, incident| {
            if incident.told.is_none() && incident.closed.is_none() {
                untold.push(key);
            }
        })?;
        for keys in untold.chunks(AT_ONCE) {
            self.store.write(|txn| {
                for key in keys {
                    if let Some(mut incident) = txn.incident(key)? {
                        incident.told = Some((now, incident.severity));
                        txn.put_incident(key, &incident)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// What the operator is told.
fn account(why: &str, aside: Option<&Path>, tally: &Tally, live: bool) -> String {
    let Tally { customer_files, reports, unreadable } = tally;
    let aside = aside.map(|path| format!("; the damaged one lies at {}", path.display())).unwrap_or_default();
    let told = match live {
        true => {
            "so that nobody is mailed twice, all that those reports show counts as told: look through abusebox \
             incidents, and let abusebox incidents reopen tell again what customers had not heard of"
        }
        false => "what those reports show is planned anew and waits for you as before",
    };
    format!(
        "the store was lost ({why}) and has been made anew from {customer_files} customer files and {reports} \
         reports, {unreadable} others could not be read{aside}. Mails, what was muted or closed by hand, and what \
         is older than the spool are lost; {told}"
    )
}

/// The files of the folder of accepted customer files, oldest first.
fn accepted(folder: &Path) -> Result<Vec<Accepted>, Error> {
    let list = |entries: fs::ReadDir| entries.map(|entry| Ok(entry?.file_name())).collect();
    let names: Vec<_> = fs::read_dir(folder).and_then(list).map_err(|error| Error::file(folder, error))?;
    let mut accepted: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let name = name.to_str()?;
            let (imported, _) = name.strip_suffix(".csv")?.split_once('-')?;
            Some(Accepted { name: name.to_owned(), imported: Timestamp::from_unix(imported.parse().ok()?) })
        })
        .collect();
    accepted.sort_by(|a, b| (a.imported, &a.name).cmp(&(b.imported, &b.name)));
    Ok(accepted)
}

/// Name of an accepted customer file: all that is needed to take it again.
pub(super) fn accepted_name(imported: Timestamp, sha256: &[u8; 32]) -> String {
    format!("{}-{}.csv", imported.unix(), hex(&sha256[..8]))
}

/// A name beside the store's for what was damaged at this moment.
fn free_name(path: &Path, now: Timestamp) -> PathBuf {
    let time = now.to_string().replace([':', '-'], "");
    let name = |more: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("{DAMAGED}{time}{more}"));
        PathBuf::from(name)
    };
    (2..DAMAGED_AT_ONCE_MAX)
        .map(|number| format!(".{number}"))
        .fold(name(""), |free, more| if free.exists() { name(&more) } else { free })
}

/// A disk that damages one store after the other must not be filled with them.
fn forget_damaged(path: &Path) -> Result<(), Error> {
    let Some((folder, name)) = path.parent().zip(path.file_name()) else { return Ok(()) };
    let begin = format!("{}{DAMAGED}", name.to_string_lossy());
    let list = |entries: fs::ReadDir| entries.map(|entry| Ok(entry?.path())).collect();
    let mut damaged: Vec<PathBuf> =
        fs::read_dir(folder).and_then(list).map_err(|e| Error::file(folder, e))?;
    damaged.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin)));
    damaged.sort();
    for path in damaged.iter().rev().skip(DAMAGED_KEPT_MAX) {
        fs::remove_file(path).map_err(|error| Error::file(path, error))?;
    }
    Ok(())
}

/// Alarm: the store was made anew.
pub(super) const STORE_REBUILT: &str = "store_rebuilt";
/// Alarm: the store is to be made anew.
pub(super) const STORE_LOST: &str = "store_lost";
/// What became of it.
pub(super) const GONE: &str = "its file is gone";
const DAMAGED: &str = ".damaged-";
/// The newest ones tell enough.
const DAMAGED_KEPT_MAX: usize = 3;
/// With a clock that stands still, names run out; then the last one is used again.
const DAMAGED_AT_ONCE_MAX: usize = 10;
