//! The file under redb, on a disk that may be full or not writable.
//!
//! redb gives a database up for good after the first error of its file. So the failure is noted here, and the store
//! opens the file anew: first for reading, with what redb itself must write at that (it repairs what was cut off)
//! kept in memory, and for writing when there is room again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// What became of an opened file.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Something could not be read or written: nothing is written any more.
    failed: AtomicBool,
    /// It was opened anew: what is read here is no longer true.
    replaced: AtomicBool,
}

impl Health {
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    pub(super) fn replace(&self) {
        self.replaced.store(true, Ordering::Release);
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.fail();
        }
        result
    }
}

#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    health: Arc<Health>,
    /// `None`: the file is written to.
    unsaved: Option<Mutex<Unsaved>>,
}

/// What would stand in the file.
#[derive(Debug)]
struct Unsaved {
    bytes: u64,
    chunks: BTreeMap<u64, Box<[u8]>>,
}

impl Disk {
    pub(super) fn writing(file: File, health: Arc<Health>) -> Self {
        Self { file, health, unsaved: None }
    }

    /// Changes nothing on the disk.
    pub(super) fn reading(file: File, health: Arc<Health>) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        let unsaved = Some(Mutex::new(Unsaved { bytes, chunks: BTreeMap::new() }));
        Ok(Self { file, health, unsaved })
    }

    fn usable(&self, for_writing: bool) -> io::Result<()> {
        let failed = for_writing && self.health.has_failed();
        match failed || self.health.replaced.load(Ordering::Acquire) {
            true => Err(io::Error::other("the store was opened anew")),
            false => Ok(()),
        }
    }

    fn unsaved(&self) -> Option<MutexGuard<'_, Unsaved>> {
        let unsaved = self.unsaved.as_ref()?;
        Some(unsaved.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Unsaved {
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (chunk, start, part) in parts(offset, out.len()) {
            match self.chunks.get(&chunk) {
                Some(known) => out[part.clone()].copy_from_slice(&known[start..start + part.len()]),
                None => read_or_zero(file, chunk * CHUNK_BYTES + start as u64, &mut out[part])?,
            }
        }
        Ok(())
    }

    fn write(&mut self, file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        for (chunk, start, part) in parts(offset, data.len()) {
            if !self.chunks.contains_key(&chunk) {
                if self.chunks.len() >= CHUNKS_MAX {
                    return Err(io::Error::other("too much to repair without writing to the disk"));
                }
                let mut content = vec![0; CHUNK_BYTES as usize];
                read_or_zero(file, chunk * CHUNK_BYTES, &mut content)?;
                self.chunks.insert(chunk, content.into());
            }
            if let Some(known) = self.chunks.get_mut(&chunk) {
                known[start..start + part.len()].copy_from_slice(&data[part]);
            }
        }
        self.bytes = self.bytes.max(offset + data.len() as u64);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.usable(false)?;
        match self.unsaved() {
            Some(unsaved) => Ok(unsaved.bytes),
            None => self.health.note(self.file.metadata().map(|meta| meta.len())),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.usable(false)?;
        self.health.note(match self.unsaved() {
            Some(unsaved) => unsaved.read(&self.file, offset, out),
            None => self.file.read_exact_at(out, offset),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.usable(true)?;
        self.health.note(match self.unsaved() {
            Some(mut unsaved) => {
                unsaved.bytes = len;
                Ok(())
            }
            None => self.file.set_len(len),
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.usable(true)?;
        match self.unsaved {
            Some(_) => Ok(()),
            None => self.health.note(self.file.sync_data()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.usable(true)?;
        self.health.note(match self.unsaved() {
            Some(mut unsaved) => unsaved.write(&self.file, offset, data),
            None => self.file.write_all_at(data, offset),
        })
    }
}

/// The chunks that a range touches: number, where it begins in the chunk, which part of the range it is.
fn parts(offset: u64, bytes: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % CHUNK_BYTES) as usize;
        let count = (CHUNK_BYTES as usize - start).min(bytes - done);
        done += count;
        (count > 0).then(|| (at / CHUNK_BYTES, start, done - count..done))
    })
}

/// Where the file has grown in memory only, zeros stand.
fn read_or_zero(file: &File, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
    while !out.is_empty() {
        match file.read_at(out, offset) {
            Ok(0) => {
                out.fill(0);
                return Ok(());
            }
            Ok(count) => {
                out = &mut out[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

const CHUNK_BYTES: u64 = 4096;
/// 16 MiB: a repair writes its header and the table of free pages.
const CHUNKS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_not_saved_is_read_back_and_the_file_stays() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        let disk = Disk::reading(file.try_clone().unwrap(), Arc::default()).unwrap();
        disk.write(4000, &[1; 200]).unwrap();
        disk.write(12_000, b"end").unwrap();
        assert_eq!(disk.len().unwrap(), 12_003);
        let mut content = vec![0; 12_003];
        disk.read(0, &mut content).unwrap();
        let mut expected = vec![7; 10_000];
        expected[4000..4200].fill(1);
        expected.resize(12_000, 0);
        expected.extend(b"end");
        assert!(content == expected);
        assert_eq!(file.metadata().unwrap().len(), 10_000);
        let much = vec![0; (CHUNKS_MAX + 1) * CHUNK_BYTES as usize];
        assert!(disk.write(0, &much).is_err(), "memory is bounded");
        assert!(disk.health.has_failed());
    }

    #[test]
    fn after_a_failure_nothing_is_written_and_after_a_change_nothing_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        File::create(&path).unwrap().write_all(b"content").unwrap();
        let health = Arc::<Health>::default();
        // Opened for reading only, every write fails as on a disk that is not writable.
        let disk = Disk::writing(File::open(&path).unwrap(), health.clone());
        disk.sync_data().unwrap();
        assert!(disk.write(0, b"x").is_err() && health.has_failed());
        assert!(disk.sync_data().is_err(), "what was not written must not look saved");
        disk.read(0, &mut [0; 7]).unwrap();
        health.replace();
        assert!(disk.read(0, &mut [0; 7]).is_err());
    }
}
