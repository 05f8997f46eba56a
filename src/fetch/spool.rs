//! The spool: report files as they came, unpacked and compressed anew with zstd, kept 30 days.
//!
//! A file lies at `<file key>.<first 16 hex digits of its SHA-256>.zst`. Both the key and the hash are of the
//! plain CSV, so a report has the same place whether it came as CSV, zip, gzip or zstd, and two versions of one
//! file lie side by side. A file under its final name is complete and on the disk; whatever else a power cut
//! leaves behind is removed at the next start.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use flate2::CrcReader;
use flate2::bufread::MultiGzDecoder;
use flate2::read::DeflateDecoder;
use ring::digest;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, HasZipMetadata};

use super::api::hex;
use super::{Error, FILE_NAME_BYTES_MAX, REPORT_BYTES_MAX};
use crate::clock::Timestamp;
use crate::files::Temporary;
use crate::halt;

/// A folder of reports. Only one process may have it open: whoever holds the store.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    /// Numbers the temporary files.
    next: AtomicU64,
}

/// A report that is complete in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    pub path: PathBuf,
    /// Of the plain CSV.
    pub sha256: [u8; 32],
    /// Size of the plain CSV.
    pub bytes: u64,
}

/// A report that was put into the spool at an earlier time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its file key, as far as its characters reach the disk.
    pub file: String,
    pub arrived: Timestamp,
    path: PathBuf,
}

/// A report on its way into the spool. Dropped unfinished, it leaves nothing behind.
pub struct Incoming {
    name: String,
    dir: PathBuf,
    now: Timestamp,
    temp: Temporary,
    /// The first bytes, until they say what it is.
    head: Vec<u8>,
    sink: Option<Sink>,
    received: u64,
    bytes_max: u64,
    /// It comes out of a file of ours or an archive: it must be a report now, not a further archive.
    unpacked: bool,
}

impl Spool {
    /// Opens the folder, makes it if need be, and removes what was never finished.
    pub fn new(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        // Reports tell where the weak machines are: nobody else reads them.
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| Error::disk(&dir, e))?;
        let spool = Self { dir, bytes_max: REPORT_BYTES_MAX, next: AtomicU64::new(0) };
        for path in spool.files()? {
            if is_temporary(&path) {
                // On a disk that can only be read it stays; nothing takes it for a report.
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(path = %path.display(), %error, "unfinished report cannot be removed");
                }
            }
        }
        Ok(spool)
    }

    /// Begins a report that comes in pieces. `name` is its file name as the sender gives it, `now` the moment from
    /// which its 30 days count.
    pub fn begin(&self, name: &str, now: Timestamp) -> Incoming {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Incoming {
            name: name.to_owned(),
            dir: self.dir.clone(),
            now,
            temp: Temporary(self.dir.join(format!("{TEMPORARY}{number}"))),
            head: Vec::new(),
            sink: None,
            received: 0,
            bytes_max: self.bytes_max,
            unpacked: false,
        }
    }

    /// A file for a while, without a name: nothing is left of it when it is closed.
    pub fn scratch(&self) -> io::Result<File> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let temp = Temporary(self.dir.join(format!("{TEMPORARY}{number}")));
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temp.0)
    }

    /// Takes a report file from elsewhere on the disk; the file stays where it is. Slow: not for an async task.
    pub fn ingest(&self, path: &Path, now: Timestamp) -> Result<Spooled, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.ingest_as(&name, path, now)
    }

    /// The same where the file has another name by now.
    pub fn ingest_as(&self, name: &str, path: &Path, now: Timestamp) -> Result<Spooled, Error> {
        let mut incoming = self.begin(name, now);
        incoming.fill(path)?;
        incoming.finish()
    }

    /// Where a version of a report lies, if it is there.
    pub fn path(&self, file_key: &str, sha256: &[u8; 32]) -> PathBuf {
        place(&self.dir, file_key, sha256)
    }

    /// Removes reports that came more than 30 days before `now`, except those that `keep` asks for, and says
    /// which. A file that cannot be removed does not save the others.
    pub fn expire(&self, now: Timestamp, keep: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
        let oldest = system_time(now.plus_days(-KEPT_DAYS));
        let mut removed = Vec::new();
        for path in self.files()? {
            let old = fs::metadata(&path).and_then(|file| file.modified()).is_ok_and(|at| at < oldest);
            if !old || is_temporary(&path) || keep(&path) {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "old report cannot be removed");
                }
            }
        }
        Ok(removed)
    }

    /// While `is_short`, removes reports that came more than [`KEPT_DAYS_MIN`] days before `now`, the oldest first, and
    /// says how many.
    pub fn make_room(&self, now: Timestamp, is_short: impl Fn() -> bool) -> Result<usize, Error> {
        if !is_short() {
            return Ok(0);
        }
        let young = system_time(now.plus_days(-KEPT_DAYS_MIN));
        let dated = |path: PathBuf| Some((fs::metadata(&path).and_then(|file| file.modified()).ok()?, path));
        let files = self.files()?.into_iter().filter(|path| !is_temporary(path));
        let mut old: Vec<_> = files.filter_map(dated).filter(|(at, _)| *at < young).collect();
        old.sort();
        let mut removed = 0;
        for (_, path) in old {
            if !is_short() {
                break;
            }
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                Err(error) => tracing::warn!(path = %path.display(), %error, "old report cannot be removed"),
            }
        }
        Ok(removed)
    }

    /// All reports in the spool, in the order in which they came.
    pub fn kept(&self) -> Result<Vec<Kept>, Error> {
        let mut kept = Vec::new();
        for path in self.files()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // `<file key>.<part of the hash>.zst`
            let stem = name.strip_suffix(".zst").and_then(|name| name.rsplit_once('.'));
            if let Some((file, _)) = stem.filter(|_| !is_temporary(&path)) {
                let modified = fs::metadata(&path).and_then(|meta| meta.modified());
                let arrived =
                    modified.map_err(|e| Error::disk(&path, e))?.duration_since(SystemTime::UNIX_EPOCH);
                let seconds = arrived.map_or(0, |arrived| arrived.as_secs());
                let arrived = Timestamp::from_unix(i64::try_from(seconds).unwrap_or(0));
                kept.push(Kept { file: file.to_owned(), arrived, path: path.clone() });
            }
        }
        kept.sort_by(|a, b| (a.arrived, &a.path).cmp(&(b.arrived, &b.path)));
        Ok(kept)
    }

    /// Reads a report of the spool to its end. One that is no longer what its name says is an error.
    pub fn recall(&self, kept: &Kept) -> Result<Spooled, Error> {
        let damaged = || not_a_report(&kept.file, "its copy in the spool is damaged");
        let mut reader = open(&kept.path)?;
        let (mut hash, mut bytes) = (digest::Context::new(&digest::SHA256), 0);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hash.update(&buffer[..count]);
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(damaged()),
            }
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        match self.path(&kept.file, &sha256) == kept.path {
            true => Ok(Spooled { path: kept.path.clone(), sha256, bytes }),
            false => Err(damaged()),
        }
    }

    /// The files of the folder, temporary ones among them.
    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let list = |entries: fs::ReadDir| entries.map(|entry| Ok(entry?.path())).collect();
        fs::read_dir(&self.dir).and_then(list).map_err(|e| Error::disk(&self.dir, e))
    }
}

impl Incoming {
    /// Takes the next piece.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.received += bytes.len() as u64;
        if self.received > self.bytes_max {
            return Err(Error::TooLarge { what: self.name.clone(), bytes_max: self.bytes_max });
        }
        match &mut self.sink {
            Some(sink) => sink.write_all(bytes).map_err(|e| Error::disk(&self.temp.0, e)),
            None => {
                self.head.extend_from_slice(bytes);
                if self.head.len() >= HEAD_BYTES {
                    self.sink = Some(self.decide()?);
                }
                Ok(())
            }
        }
    }

    /// Puts the report under its final name, safely on the disk. Slow: not for an async task.
    pub fn finish(mut self) -> Result<Spooled, Error> {
        if self.received == 0 {
            return Err(Error::Empty { file: self.name.clone() });
        }
        let sink = match self.sink.take() {
            Some(sink) => sink,
            None => self.decide()?,
        };
        match sink {
            Sink::Plain { encoder, hash } => self.place(encoder, hash),
            Sink::Packed(file) => {
                drop(file);
                let mut plain = Incoming {
                    temp: Temporary(self.temp.0.with_extension("plain")),
                    name: self.name.clone(),
                    dir: self.dir.clone(),
                    head: Vec::new(),
                    sink: None,
                    received: 0,
                    ..self
                };
                plain.fill(&self.temp.0)?;
                plain.finish()
            }
        }
    }

    /// Says from the first bytes what it is, and begins its file with them.
    fn decide(&mut self) -> Result<Sink, Error> {
        let head = std::mem::take(&mut self.head);
        let packed = Packing::of(&head) != Packing::None;
        if packed && self.unpacked {
            return Err(not_a_report(&self.name, "it is packed twice"));
        }
        if !packed && is_markup(&head) {
            return Err(not_a_report(&self.name, "it begins like a web page or an error message"));
        }
        let begin = || {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.temp.0)?;
            let mut sink = if packed {
                Sink::Packed(file)
            } else {
                let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Sink::Plain { encoder, hash: digest::Context::new(&digest::SHA256) }
            };
            sink.write_all(&head)?;
            Ok(sink)
        };
        begin().map_err(|e| Error::disk(&self.temp.0, e))
    }

    /// Writes the content of a file, unpacked.
    fn fill(&mut self, path: &Path) -> Result<(), Error> {
        self.unpacked = true;
        let mut reader = open_bounded(path, &self.name, self.bytes_max)?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.write(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error().is_some() => return Err(Error::disk(path, error)),
                Err(error) => {
                    return Err(error.downcast().unwrap_or_else(|error| {
                        not_a_report(&self.name, &format!("its packing is damaged: {error}"))
                    }));
                }
            }
        }
    }

    fn place(self, encoder: Encoder, hash: digest::Context) -> Result<Spooled, Error> {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        let path = place(&self.dir, &file_key(&self.name), &sha256);
        let finish = || {
            let file = encoder.finish()?;
            file.set_modified(system_time(self.now))?;
            file.sync_all()?;
            halt::point("before rename");
            fs::rename(&self.temp.0, &path)?;
            halt::point("after rename");
            // The new name itself is on the disk only with the folder.
            File::open(&self.dir)?.sync_all()
        };
        finish().map_err(|e| Error::disk(&path, e))?;
        Ok(Spooled { path, sha256, bytes: self.received })
    }
}

/// The name that stands for a report however it came: its file name without folder, `.zip`, `.gz` or `.zst`.
pub fn file_key(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = |suffix: &str| {
        let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
        (end.eq_ignore_ascii_case(suffix) && !stem.is_empty()).then_some(stem)
    };
    let key = [".zip", ".gz", ".zst"].into_iter().find_map(stem).unwrap_or(name);
    key[..key.floor_char_boundary(FILE_NAME_BYTES_MAX)].to_owned()
}

/// Opens a report file, unpacked by what its first bytes say: zstd, gzip, a zip with exactly one file, else plain.
/// Memory is bounded whatever is in it. Reading beyond [`REPORT_BYTES_MAX`] fails with
/// [`io::ErrorKind::FileTooLarge`], a damaged file with another error: neither looks like an end.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    open_bounded(path, &name, REPORT_BYTES_MAX)
}

fn open_bounded(path: &Path, name: &str, bytes_max: u64) -> Result<Box<dyn Read + Send>, Error> {
    let disk = |e| Error::disk(path, e);
    let mut file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NoFile { path: path.to_owned() },
        _ => disk(error),
    })?;
    let mut head = Vec::new();
    (&mut file).take(4).read_to_end(&mut head).map_err(disk)?;
    let packing = Packing::of(&head);
    // Chained and not rewound, so that all but zip can be read from a pipe.
    let source = |file| BufReader::new(Cursor::new(head).chain(file));
    let inner: Box<dyn Read + Send> = match packing {
        Packing::None => Box::new(source(file)),
        Packing::Gzip => Box::new(MultiGzDecoder::new(source(file))),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(source(file)).map_err(disk)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(disk)?;
            Box::new(decoder)
        }
        Packing::Zip => unzip(file).map_err(|detail| not_a_report(name, &detail))?,
    };
    Ok(Box::new(Bounded::new(inner, name, bytes_max)))
}

/// The one file in a zip. Its table is read entry by entry, since one of millions would not fit into memory.
fn unzip(mut file: File) -> Result<Box<dyn Read + Send>, String> {
    let read = |error: zip::result::ZipError| format!("its packing is damaged: {error}");
    let mut archive = ZipIterable::try_new(&file, zip::read::Config::default()).map_err(read)?;
    if archive.len() > ZIP_ENTRIES_MAX {
        return Err(format!("it holds {} files instead of one", archive.len()));
    }
    let mut found = None;
    for entry in archive.files().map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.is_dir() {
            continue;
        }
        if !entry.is_file() {
            return Err("it holds something that is not a file".to_owned());
        }
        if found.replace(entry).is_some() {
            return Err("it holds more than one file".to_owned());
        }
    }
    let entry = found.ok_or("it holds no file")?;
    if entry.encrypted() {
        return Err("it is encrypted: unpack it first".to_owned());
    }
    let (crc, bytes, packed_bytes, method) =
        (entry.crc32(), entry.size(), entry.compressed_size(), entry.compression());
    let start = entry.get_metadata().data_start(&mut &file).map_err(read)?;
    file.seek(SeekFrom::Start(start)).map_err(|e| format!("it cannot be read: {e}"))?;
    let packed = file.take(packed_bytes);
    let inner: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(BufReader::new(packed)),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
        other => return Err(format!("it is packed with {other}, which is not known here: unpack it first")),
    };
    Ok(Box::new(Member { inner: CrcReader::new(inner), crc, bytes }))
}

/// Where a version of a report lies. The key is foreign: only harmless characters of it reach the disk.
fn place(dir: &Path, file_key: &str, sha256: &[u8; 32]) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let mut name: String = file_key.chars().map(safe).take(FILE_NAME_BYTES_MAX).collect();
    // Not hidden, and never like a temporary file.
    if name.starts_with('.') || name.is_empty() {
        name.insert(0, '_');
    }
    dir.join(format!("{name}.{}.zst", hex(&sha256[..8])))
}

/// A report begins with the names of its columns, never like HTML, XML or JSON.
fn is_markup(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    matches!(text.first(), Some(b'<' | b'{' | b'['))
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()))
}

fn not_a_report(file: &str, detail: &str) -> Error {
    Error::NotAReport { file: file.to_owned(), detail: detail.to_owned() }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.unix()).unwrap_or(0))
}

type Encoder = zstd::Encoder<'static, File>;

/// Where the bytes of a report go.
#[expect(clippy::large_enum_variant, reason = "there is one per report on its way")]
enum Sink {
    Plain {
        encoder: Encoder,
        hash: digest::Context,
    },
    /// An archive: kept as it is until all of it is there, then unpacked into a sink of its own.
    Packed(File),
}

impl Sink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain { encoder, hash } => {
                hash.update(bytes);
                encoder.write_all(bytes)
            }
            Self::Packed(file) => file.write_all(bytes),
        }
    }
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zip,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or(Self::None, |(_, packing)| *packing)
    }
}

/// Fails instead of reading on beyond a limit.
pub struct Bounded {
    inner: Box<dyn Read + Send>,
    left: u64,
    name: String,
    bytes_max: u64,
}

impl Bounded {
    /// `name`: of the file, to speak of it.
    pub fn new(inner: Box<dyn Read + Send>, name: &str, bytes_max: u64) -> Self {
        Self { inner, left: bytes_max, name: name.to_owned(), bytes_max }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than allowed, to tell a full file from one that is too large.
        let room = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..room])?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                let error = Error::TooLarge { what: self.name.clone(), bytes_max: self.bytes_max };
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
            }
        }
        Ok(count)
    }
}

/// The file in a zip, checked at its end against size and checksum in the zip's table.
struct Member {
    inner: CrcReader<Box<dyn Read + Send>>,
    crc: u32,
    bytes: u64,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let crc = self.inner.crc();
        if count == 0 && !buffer.is_empty() && (crc.sum(), crc.amount()) != (self.crc, self.bytes as u32) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong checksum"));
        }
        Ok(count)
    }
}

/// Days a report is kept: long enough to see for oneself what a mail was about.
pub const KEPT_DAYS: i64 = 30;
/// Days a report is kept even where room is short: what mails are being made of now.
pub const KEPT_DAYS_MIN: i64 = 3;
/// Enough to know zip, gzip, zstd and HTML behind blank lines.
const HEAD_BYTES: usize = 64;
const COPY_BYTES: usize = 64 * 1024;
/// The fastest that still packs a report to about a tenth.
const ZSTD_LEVEL: i32 = 1;
/// 8 MiB: what level 19 needs. A file that wants more memory to be unpacked is refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Folders may stand beside the one file.
const ZIP_ENTRIES_MAX: usize = 16;
const TEMPORARY: &str = ".incoming-";
#[rustfmt::skip]
const MAGIC: &[(&[u8], Packing)] = &[
    (b"\x1f\x8b",         Packing::Gzip),
    (b"PK\x03\x04",       Packing::Zip),
    (b"PK\x05\x06",       Packing::Zip), // without any file
    (b"\x28\xb5\x2f\xfd", Packing::Zstd),
];

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_200_000);

    fn spool() -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("spool")).unwrap();
        (dir, spool)
    }

    fn csv() -> Vec<u8> {
        let rows = (0..20_000).map(|n| format!("2026-11-20 00:00:00,192.0.2.{},{n}\n", n % 256));
        ["timestamp,ip,port\n".to_owned()].into_iter().chain(rows).collect::<String>().into_bytes()
    }

    fn sha256(bytes: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA256, bytes).as_ref().try_into().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zip_of(method: CompressionMethod, files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in files {
            match name.strip_suffix('/') {
                Some(folder) => zip.add_directory(folder, options).unwrap(),
                None => {
                    zip.start_file(*name, options).unwrap();
                    zip.write_all(bytes).unwrap();
                }
            }
        }
        zip.finish().unwrap().into_inner()
    }

    fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
        zip_of(CompressionMethod::Deflated, files)
    }

    fn receive(spool: &Spool, name: &str, bytes: &[u8], piece: usize) -> Result<Spooled, Error> {
        let mut incoming = spool.begin(name, NOW);
        for piece in bytes.chunks(piece) {
            incoming.write(piece)?;
        }
        incoming.finish()
    }

    fn save(path: &Path, bytes: &[u8]) {
        File::create(path).unwrap().write_all(bytes).unwrap();
    }

    fn read(path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn names(spool: &Spool) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        spool.files().unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn a_report_is_the_same_however_it_is_packed() {
        let csv = csv();
        let forms = [
            ("a.csv", csv.clone()),
            ("a.csv.gz", gzip(&csv)),
            ("a.csv.gz", [gzip(&csv[..999]), gzip(&csv[999..])].concat()),
            ("a.csv.ZIP", deflated(&[("in/", b""), ("in/other.csv", &csv)])),
            ("a.csv.zip", zip_of(CompressionMethod::Stored, &[("a.csv", &csv)])),
            ("a.csv.zst", zstd::encode_all(&csv[..], 19).unwrap()),
            // Packed, but not by its name.
            ("a.csv", gzip(&csv)),
        ];
        for (name, bytes) in &forms {
            for piece in [1 << 20, 7] {
                let (dir, spool) = spool();
                let spooled = receive(&spool, name, bytes, piece).unwrap();
                let expected = spool.path("a.csv", &sha256(&csv));
                assert_eq!(
                    spooled,
                    Spooled { path: expected, sha256: sha256(&csv), bytes: csv.len() as u64 }
                );
                assert_eq!(read(&spooled.path), csv);
                assert!(fs::metadata(&spooled.path).unwrap().len() < csv.len() as u64 / 3);
                assert_eq!(names(&spool).len(), 1, "nothing else is left");

                let elsewhere = dir.path().join(name);
                save(&elsewhere, bytes);
                assert_eq!(read(&elsewhere), csv);
                assert_eq!(spool.ingest(&elsewhere, NOW).unwrap(), spooled);
                assert!(elsewhere.exists());
            }
        }
    }

    #[test]
    fn two_versions_of_a_file_lie_side_by_side() {
        let (_dir, spool) = spool();
        let first = receive(&spool, "a.csv", b"ip\n192.0.2.1\n", 99).unwrap();
        let second = receive(&spool, "a.csv", b"ip\n192.0.2.2\n", 99).unwrap();
        assert_eq!(read(&first.path), b"ip\n192.0.2.1\n");
        assert_eq!(read(&second.path), b"ip\n192.0.2.2\n");
        assert_eq!(receive(&spool, "a.csv", b"ip\n192.0.2.2\n", 99).unwrap(), second);
        assert_eq!(names(&spool).len(), 2);
    }

    #[test]
    fn what_is_no_report_is_refused_and_leaves_nothing() {
        let csv = csv();
        let mut damaged = gzip(&csv);
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        let mut wrong_checksum = zip_of(CompressionMethod::Stored, &[("a.csv", b"ip\n192.0.2.1\n")]);
        let byte = wrong_checksum.windows(3).position(|w| w == b"2.1").unwrap();
        wrong_checksum[byte] = b'3';
        let mut encrypted = deflated(&[("a.csv", &csv)]);
        let central = encrypted.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        encrypted[central + 8] |= 1;
        let many: Vec<String> = (0..=ZIP_ENTRIES_MAX).map(|n| format!("{n}/")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        let cases = [
            (vec![], "no content"),
            (b"\xef\xbb\xbf \r\n<!DOCTYPE html><html>".to_vec(), "web page"),
            (br#"{"error":"expired"}"#.to_vec(), "web page"),
            (gzip(b"<html>"), "web page"),
            (gzip(&gzip(&csv)), "packed twice"),
            (gzip(b""), "no content"),
            (damaged, "damaged"),
            (gzip(&csv)[..999].to_vec(), "damaged"),
            (zstd::encode_all(&csv[..], 1).unwrap()[..999].to_vec(), "damaged"),
            (deflated(&[("a.csv", &csv), ("b.csv", &csv)]), "more than one file"),
            (deflated(&[]), "no file"),
            (deflated(&[("in/", b"")]), "no file"),
            (deflated(&many), "17 files"),
            (deflated(&[("a.csv", &csv)])[..999].to_vec(), "damaged"),
            (wrong_checksum, "wrong checksum"),
            (encrypted, "encrypted"),
        ];
        for (bytes, expected) in cases {
            let (dir, spool) = spool();
            let error = receive(&spool, "a.csv", &bytes, 1 << 20).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
            let elsewhere = dir.path().join("a.csv");
            save(&elsewhere, &bytes);
            assert!(spool.ingest(&elsewhere, NOW).unwrap_err().to_string().contains(expected));
            assert!(names(&spool).is_empty());
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let (dir, mut spool) = spool();
        spool.bytes_max = 1 << 20;
        let zeros = vec![b'0'; (1 << 20) + 1];
        let bombs = [
            deflated(&[("a", &zeros)]),
            gzip(&zeros),
            zstd::encode_all(&zeros[..], 1).unwrap(),
            zeros.clone(),
        ];
        for bomb in &bombs {
            assert!(matches!(
                receive(&spool, "a", bomb, 999),
                Err(Error::TooLarge { bytes_max: 1_048_576, .. })
            ));
            let path = dir.path().join("a");
            save(&path, bomb);
            assert!(matches!(spool.ingest(&path, NOW), Err(Error::TooLarge { .. })));
            let error = open_bounded(&path, "a", 1 << 20).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            open_bounded(&path, "a", (1 << 20) + 1).unwrap().read_to_end(&mut Vec::new()).unwrap();
        }
        assert!(names(&spool).is_empty());
        receive(&spool, "a", &gzip(&zeros[1..]), 999).unwrap();
    }

    #[test]
    fn a_window_beyond_memory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(&csv()).unwrap();
        save(&dir.path().join("a"), &encoder.finish().unwrap());
        assert!(open(&dir.path().join("a")).unwrap().read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn a_restart_removes_what_was_never_finished() {
        let (_dir, spool) = spool();
        let done = receive(&spool, "a.csv", b"ip\n192.0.2.1\n", 99).unwrap();
        for bytes in [csv(), gzip(&csv())] {
            let mut incoming = spool.begin("b.csv", NOW);
            incoming.write(&bytes).unwrap();
            // A power cut runs no destructor.
            std::mem::forget(incoming);
        }
        assert_eq!(names(&spool).len(), 3);
        let spool = Spool::new(spool.dir).unwrap();
        assert_eq!(spool.files().unwrap(), [done.path]);
        drop(spool.begin("c.csv", NOW).write(&csv()));
        assert_eq!(names(&spool).len(), 1, "one given up removes itself");
    }

    #[test]
    fn reports_are_kept_thirty_days_by_the_given_clock() {
        let (_dir, spool) = spool();
        let old = receive(&spool, "old.csv", b"ip\n", 99).unwrap().path;
        let wanted = receive(&spool, "wanted.csv", b"ip\n", 99).unwrap().path;
        let mut young = spool.begin("young.csv", NOW.plus_seconds(1));
        young.write(b"ip\n").unwrap();
        let young = young.finish().unwrap().path;
        let later = NOW.plus_days(KEPT_DAYS).plus_seconds(1);
        assert!(spool.expire(NOW.plus_days(KEPT_DAYS), |_| false).unwrap().is_empty());
        assert_eq!(spool.expire(later, |path| path == wanted).unwrap(), [old]);
        let mut left = spool.files().unwrap();
        left.sort();
        assert_eq!(left, [wanted, young]);
    }

    #[test]
    fn the_oldest_go_first_when_room_is_short_and_the_last_days_stay() {
        let (_dir, spool) = spool();
        let mut paths = Vec::new();
        for day in [4, 0, 2, 9, 1] {
            let mut incoming = spool.begin(&format!("{day}.csv"), NOW.plus_days(day));
            incoming.write(b"ip\n").unwrap();
            paths.push(incoming.finish().unwrap().path);
        }
        let now = NOW.plus_days(6);
        let left = |count: usize| spool.files().unwrap().len() > count;
        assert_eq!(spool.make_room(now, || left(5)).unwrap(), 0);
        assert_eq!(spool.make_room(now, || left(4)).unwrap(), 1);
        assert!(!paths[1].exists(), "the oldest");
        assert_eq!(spool.make_room(now, || true).unwrap(), 2);
        let mut left = spool.files().unwrap();
        left.sort();
        assert_eq!(left, [&paths[0], &paths[3]].map(Clone::clone));
    }

    #[test]
    fn names_are_harmless_on_the_disk() {
        let dir = Path::new("/spool");
        let cases = [
            ("2024-01-04-scan_ssl-company-ip.csv", "2024-01-04-scan_ssl-company-ip.csv"),
            ("anarres@example.net b.csv", "anarres_example.net_b.csv"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            (".incoming-1", ".incoming-1"),
            ("\u{fc}\n", "__"),
            ("", ""),
        ];
        for (key, name) in cases {
            let prefix = if name.starts_with('.') || name.is_empty() { "_" } else { "" };
            let expected = dir.join(format!("{prefix}{name}.abababababababab.zst"));
            assert_eq!(place(dir, key, &[0xab; 32]), expected);
        }
        let longest = place(dir, &"x".repeat(999), &[0; 32]);
        assert!(longest.file_name().unwrap().len() <= 255);
    }

    #[test]
    fn the_key_is_the_name_without_its_packing() {
        let cases = [
            ("a.csv", "a.csv"),
            ("a.csv.zip", "a.csv"),
            ("a.csv.GZ", "a.csv"),
            ("a.csv.zst", "a.csv"),
            ("a.csv.gz.zip", "a.csv.gz"),
            ("in/a.csv.zip", "a.csv"),
            ("C:\\in\\a.csv", "a.csv"),
            (".zip", ".zip"),
            ("\u{fc}zip", "\u{fc}zip"),
            ("", ""),
        ];
        for (name, key) in cases {
            assert_eq!(file_key(name), key);
        }
        assert_eq!(file_key(&"\u{fc}".repeat(101)).len(), FILE_NAME_BYTES_MAX);
    }

    #[test]
    fn a_full_disk_and_a_missing_file_are_told_apart() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(Error::disk(Path::new("p"), full), Error::DiskFull { .. }));
        let (dir, spool) = spool();
        assert!(matches!(spool.ingest(&dir.path().join("none"), NOW), Err(Error::NoFile { .. })));
        assert!(matches!(spool.ingest(dir.path(), NOW), Err(Error::Disk { .. })));
    }
}
