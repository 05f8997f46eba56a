//! The file of the store: a new one appears whole or not at all, and a damaged one is found out before it is read.
//!
//! redb trusts its pages: one that rotted would be read as data, or end the program. So every page is checked when
//! the file is opened (about 4 ms for a megabyte), in [`survive`], since redb panics on a few kinds of damage.

use std::cell::Cell;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, mpsc};
use std::thread;

use redb::{Builder, DatabaseError, StorageError};

use super::disk::{Disk, Health};
use super::{CACHE_BYTES, Error, Home, Open, Store, for_writing};
use crate::halt;

/// What lies where the store should be.
pub enum Found {
    Sound(Store),
    Nothing,
    /// Nothing in it may be trusted.
    Damaged {
        why: String,
        file: FileId,
    },
}

/// Tells a file from one that has taken its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(u64, u64);

impl FileId {
    fn of(path: &Path) -> Result<Option<Self>, Error> {
        match fs::metadata(path) {
            Ok(meta) => Ok(Some(Self::from(&meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<&Metadata> for FileId {
    fn from(meta: &Metadata) -> Self {
        Self(meta.dev(), meta.ino())
    }
}

/// The file of a new store that does not yet have its place: what a power cut interrupts was never there.
pub struct Fresh {
    temporary: PathBuf,
    place: PathBuf,
    lock: File,
}

impl Store {
    /// Opens the store, checks all of it, or makes an empty one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        match Self::find(path)? {
            Found::Sound(store) => Ok(store),
            Found::Nothing => {
                let (store, fresh) = Fresh::begin(path, None)?;
                fresh.put_in_place(&store, None).map(|()| store)
            }
            Found::Damaged { why, .. } => Err(Error::Broken { why }),
        }
    }

    /// Opens the store if it is there and sound. One that a newer program wrote is an error and no damage, and so is
    /// a disk that is full or broken. On a disk that cannot be written to it can be read.
    pub fn find(path: &Path) -> Result<Found, Error> {
        let lock = match for_writing(path).or_else(|_| File::open(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            other => other.map_err(Error::File)?,
        };
        take(&lock)?;
        let file = FileId::from(&lock.metadata().map_err(Error::File)?);
        // Another process may just have put it aside.
        if FileId::of(path)? != Some(file) {
            return Err(Error::InUse);
        }
        match check(path) {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Found::Damaged { why, file }),
            // Whether the store can be used all the same, redb finds out.
            Err(Error::File(error)) => tracing::error!(%error, "the store cannot be checked"),
            Err(error) => return Err(error),
        }
        let open = match Open::writing(path) {
            Err(Error::File(error)) => {
                tracing::error!(%error, "the store can only be read");
                // The first complaint is the one to tell.
                Open::reading(path).map_err(|_| Error::File(error))?
            }
            other => other?,
        };
        let store = Self::with(open)?;
        let _ = store.home.set(Home { path: path.to_owned(), _lock: lock });
        Ok(Found::Sound(store))
    }
}

/// What is wrong with the file. Changes nothing on the disk. The file is opened once more: a check that panics keeps
/// what it has open, and that must not be the lock.
fn check(path: &Path) -> Result<Option<String>, Error> {
    let file = File::open(path).map_err(Error::File)?;
    let mut head = [0; HEAD_BYTES];
    match file.read_exact_at(&mut head, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Some("it is too short".to_owned()));
        }
        other => other.map_err(Error::File)?,
    }
    if is_newer(&head) {
        return Err(Error::Newer { what: "its file" });
    }
    if !head.starts_with(MAGIC) {
        return Ok(Some("it is no store".to_owned()));
    }
    let disk = Disk::reading(file, Arc::default()).map_err(Error::File)?;
    let checked = survive(move || {
        let mut db = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(disk)?;
        // `false` is a store that was not closed: what was not committed is gone, as it should.
        db.check_integrity().map(drop)
    });
    match checked.map_err(Error::File)? {
        Ok(Ok(())) => Ok(None),
        Ok(Err(error)) => damage(error).map(Some),
        Err(panic) => Ok(Some(panic)),
    }
}

/// Locks a file for as long as it is open.
fn take(file: &File) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::InUse,
        TryLockError::Error(error) => Error::File(error),
    })
}

impl Fresh {
    /// Begins a store for this place, instead of `damaged`, or where nothing was found.
    pub fn begin(place: &Path, damaged: Option<FileId>) -> Result<(Store, Self), Error> {
        let mut temporary = place.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&temporary)?;
        // Another process may be about to do the same.
        take(&lock)?;
        if FileId::of(place)? != damaged {
            fs::remove_file(&temporary)?;
            return Err(Error::InUse);
        }
        // What a power cut left behind.
        lock.set_len(0)?;
        let health = Arc::<Health>::default();
        let disk = Disk::writing(lock.try_clone()?, health.clone());
        let store = Store::with(Open::on(disk, health, true)?)?;
        Ok((store, Self { temporary, place: place.to_owned(), lock }))
    }

    /// Gives the store that was begun its place. What lies there goes to `aside`.
    pub fn put_in_place(self, store: &Store, aside: Option<&Path>) -> Result<(), Error> {
        if let Some(aside) = aside {
            fs::rename(&self.place, aside)?;
        }
        halt::point("store aside");
        fs::rename(&self.temporary, &self.place)?;
        if let Some(folder) = self.place.parent().filter(|folder| *folder != Path::new("")) {
            File::open(folder)?.sync_all()?;
        }
        let _ = store.home.set(Home { path: self.place, _lock: self.lock });
        Ok(())
    }
}

/// Why the file cannot be used, or the error that says nothing about it: no right to read it, a disk that fails,
/// no memory.
pub(super) fn damage(error: DatabaseError) -> Result<String, Error> {
    let damaged = match &error {
        DatabaseError::Storage(StorageError::Corrupted(_)) => true,
        DatabaseError::Storage(StorageError::Io(error)) => {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        }
        DatabaseError::UpgradeRequired(_) => true,
        _ => false,
    };
    if damaged { Ok(error.to_string()) } else { Err(error.into()) }
}

/// Whether a redb that is newer than ours wrote the file. To redb that is damage, like any other.
fn is_newer(head: &[u8; HEAD_BYTES]) -> bool {
    // A byte rots, but not the same in both of two copies.
    head.starts_with(MAGIC) && head[SLOT_0] > FILE_FORMAT && head[SLOT_0] == head[SLOT_1]
}

/// Does `work` on a thread of its own. If it panics, the words of the panic are returned, and the program goes on.
///
/// In a release build a panic ends the process, but not before the hook has returned. This one does not return: it
/// parks the thread for good, with what the thread has open. In a build that unwinds, the thread just ends.
fn survive<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Result<T, String>> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| match ON_PANIC.take() {
            None => usual(panic),
            Some(tell) => {
                tell(panic.payload_as_str().unwrap_or("an internal error").to_owned());
                while cfg!(panic = "abort") {
                    thread::park();
                }
            }
        }));
    });
    let (done, outcome) = mpsc::channel();
    let failed = done.clone();
    thread::Builder::new().name("store".to_owned()).spawn(move || {
        ON_PANIC.set(Some(Box::new(move |words| {
            let _ = failed.send(Err(words));
        })));
        let result = work();
        ON_PANIC.take();
        let _ = done.send(Ok(result));
    })?;
    Ok(outcome.recv().unwrap_or_else(|_| Err("the check broke off".to_owned())))
}

thread_local! {
    /// What becomes of a panic of this thread, if it is to be survived.
    static ON_PANIC: Cell<Option<Tell>> = const { Cell::new(None) };
}

type Tell = Box<dyn FnOnce(String)>;

/// First bytes of a redb file; the two copies of its state begin with the version of the file format.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const SLOT_0: usize = 64;
const SLOT_1: usize = 192;
const HEAD_BYTES: usize = 320;
/// The version that redb 4 writes.
const FILE_FORMAT: u8 = 3;
