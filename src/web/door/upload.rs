//! A file that comes with a form: it goes to the disk as it comes, and never lies in memory as a whole.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use multer::{Constraints, Multipart, SizeLimit};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::{Limits, Refusal};
use crate::files::{self, Temporary};
use crate::web::html::link;

/// The folder for files on their way.
pub struct Uploads {
    folder: PathBuf,
    places: Semaphore,
    /// Numbers the files.
    next: AtomicU64,
    /// Bytes that are promised to files on their way and have not come yet.
    promised: Arc<AtomicU64>,
    /// How many bytes the disk of a folder has left.
    pub(super) free: fn(&Path) -> io::Result<u64>,
}

/// A form as it is passed on.
pub(super) struct Form {
    /// Its fields as a form without files has them; the file's own name is the field `file`.
    pub(super) fields: String,
    /// It is gone with this, unless somebody took it away.
    pub(super) file: Option<Temporary>,
}

/// Why a form is not passed on.
pub(super) enum Failure {
    /// The client has gone.
    Gone,
    Refused(Refusal),
}

impl Uploads {
    /// What an earlier process left in the folder is removed.
    pub fn new(folder: PathBuf) -> Self {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "an unfinished upload cannot be removed");
            }
        }
        Self {
            folder,
            places: Semaphore::new(AT_ONCE_MAX),
            next: AtomicU64::new(0),
            promised: Arc::default(),
            free: |folder| files::room(folder).map(|(free, _)| free),
        }
    }

    /// Takes the body of a form from `client`: `length` bytes, of which the file may have `bytes_max`.
    pub(super) async fn take(
        &self,
        client: impl AsyncRead + Unpin + Send,
        content_type: &str,
        length: u64,
        bytes_max: u64,
        limits: Limits,
    ) -> Result<Form, Failure> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Refused(Refusal::Busy))?;
        let boundary =
            multer::parse_boundary(content_type).map_err(|_| Failure::Refused(Refusal::Malformed))?;
        let sizes = SizeLimit::new().whole_stream(length).per_field(bytes_max);
        let constraints = Constraints::new().size_limit(sizes);
        let sipped = Arc::new(AtomicUsize::new(0));
        let sips = Sips { client, is_full: false, sipped: sipped.clone() };
        let mut parts = Multipart::with_reader_with_constraints(sips, boundary, constraints);
        let mut patience = Patience { left: limits.request_time_max, most: limits.request_time_max };
        let (mut fields, mut file) = (Vec::new(), None);
        loop {
            let part = patience.wait_for(parts.next_field()).await?;
            sipped.store(0, Ordering::Relaxed);
            let Some(mut part) = part else { break };
            if fields.len() >= FIELDS_MAX {
                return Err(Failure::Refused(Refusal::Malformed));
            }
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.file_name().map(plain_name);
            if let Some(file_name) = file_name.filter(|name| !name.is_empty()) {
                if file.is_some() {
                    return Err(Failure::Refused(Refusal::Malformed));
                }
                let mut promise = Promise::new(&self.promised, length);
                let (path, mut to) = self.create().await?;
                while let Some(bytes) = patience.wait_for(part.chunk()).await? {
                    sipped.store(0, Ordering::Relaxed);
                    patience.earn(bytes.len());
                    to.write_all(&bytes).await.map_err(disk)?;
                    promise.keep(bytes.len() as u64);
                }
                to.flush().await.map_err(disk)?;
                fields.push(("file".to_owned(), file_name));
                file = Some(path);
                continue;
            }
            let mut value = Vec::new();
            while let Some(bytes) = patience.wait_for(part.chunk()).await? {
                sipped.store(0, Ordering::Relaxed);
                if value.len() + bytes.len() > FIELD_BYTES_MAX {
                    return Err(Failure::Refused(Refusal::BodyTooLarge));
                }
                value.extend_from_slice(&bytes);
            }
            // No file was chosen; browsers send a nameless empty one.
            if part.file_name().is_none() {
                let value = String::from_utf8(value).map_err(|_| Failure::Refused(Refusal::Malformed))?;
                fields.push((name, value));
            }
        }
        let pairs: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ok(Form { fields: link("", &pairs).trim_start_matches('?').to_owned(), file })
    }

    /// Takes a body that is the file itself, of `length` bytes.
    pub(super) async fn take_whole(
        &self,
        mut client: impl AsyncRead + Unpin + Send,
        length: u64,
        limits: Limits,
    ) -> Result<Temporary, Failure> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Refused(Refusal::Busy))?;
        let mut patience = Patience { left: limits.request_time_max, most: limits.request_time_max };
        let mut promise = Promise::new(&self.promised, length);
        let (path, mut to) = self.create().await?;
        let (mut left, mut piece) = (length, vec![0; PIECE_BYTES]);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let failed = |error| multer::Error::StreamReadFailed(Box::new(error));
            let read = async { client.read(&mut piece[..room]).await.map_err(failed) };
            let count = patience.wait_for(read).await?;
            if count == 0 {
                return Err(Failure::Gone);
            }
            patience.earn(count);
            to.write_all(&piece[..count]).await.map_err(disk)?;
            promise.keep(count as u64);
            left -= count as u64;
        }
        to.flush().await.map_err(disk)?;
        Ok(path)
    }

    /// A new file in the folder, if there is room for all that is promised.
    async fn create(&self) -> Result<(Temporary, File), Failure> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("upload-{number}"));
        let (promised, free) = (self.promised.load(Ordering::Acquire), self.free);
        let made = tokio::task::spawn_blocking(move || make(&path, promised, free).map(|file| (path, file)));
        let (path, file) = made.await.map_err(io::Error::other).and_then(|made| made).map_err(disk)?;
        Ok((Temporary(path), File::from_std(file)))
    }
}

fn make(path: &Path, promised: u64, free: fn(&Path) -> io::Result<u64>) -> io::Result<std::fs::File> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if free(folder)? < promised.saturating_add(FREE_BYTES_MIN) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Room on the disk for a file on its way, until that has come or is given up.
struct Promise {
    all: Arc<AtomicU64>,
    left: u64,
}

impl Promise {
    fn new(all: &Arc<AtomicU64>, bytes: u64) -> Self {
        all.fetch_add(bytes, Ordering::AcqRel);
        Self { all: all.clone(), left: bytes }
    }

    /// So much of it has come: the disk itself says now that it is used.
    fn keep(&mut self, bytes: u64) {
        let kept = bytes.min(self.left);
        self.left -= kept;
        self.all.fetch_sub(kept, Ordering::AcqRel);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.all.fetch_sub(self.left, Ordering::AcqRel);
    }
}

/// How long the client is still waited for. What comes earns time for what comes next: a slow line may take all day, and
/// whoever drips keeps his place no longer than whoever is silent.
struct Patience {
    left: Duration,
    most: Duration,
}

impl Patience {
    fn earn(&mut self, bytes: usize) {
        let earned = Duration::from_secs(bytes as u64) / BYTES_PER_SECOND_MIN;
        self.left = self.most.min(self.left + earned);
    }

    async fn wait_for<T>(
        &mut self,
        piece: impl Future<Output = Result<T, multer::Error>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let piece = timeout(self.left, piece).await;
        // The time that the disk takes is not the client's.
        self.left = self.left.saturating_sub(began.elapsed());
        piece.map_err(|_| Failure::Refused(Refusal::Slow))?.map_err(|error| match error {
            multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
                Failure::Refused(Refusal::BodyTooLarge)
            }
            multer::Error::StreamReadFailed(error) if is_too_much(&*error) => {
                Failure::Refused(Refusal::Malformed)
            }
            multer::Error::StreamReadFailed(_) => Failure::Gone,
            _ => Failure::Refused(Refusal::Malformed),
        })
    }
}

/// Whether it is our own word on what the client sends.
fn is_too_much(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

fn disk(error: io::Error) -> Failure {
    tracing::warn!(%error, "an upload cannot be written to the disk");
    Failure::Refused(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refusal::DiskFull,
        _ => Refusal::Disk,
    })
}

/// The name of a file without its folder, as far as it can be shown and kept.
fn plain_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|sign| !sign.is_control()).collect();
    name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned()
}

/// Gives the reader one piece at a time. Multer takes in all that is there before it hands anything on, which from a
/// fast client is the whole file; and it looks for the beginning of a part for as long as there is something to look
/// through.
struct Sips<R> {
    client: R,
    is_full: bool,
    /// Bytes since the last piece was handed on.
    sipped: Arc<AtomicUsize>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Sips<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_full {
            self.is_full = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.sipped.load(Ordering::Relaxed) > SIPPED_BYTES_MAX {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.client).poll_read(context, buffer);
        self.sipped.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        self.is_full = read.is_ready();
        read
    }
}

/// Room for the headers of a part and what is read ahead of it.
pub(super) const SIPPED_BYTES_MAX: usize = 64 * 1024;
/// Two people, or one with two windows.
const AT_ONCE_MAX: usize = 2;
/// Of a body that is the file itself, written at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Our forms have a handful.
const FIELDS_MAX: usize = 16;
const FIELD_BYTES_MAX: usize = 4 * 1024;
/// As file systems have it.
const NAME_BYTES_MAX: usize = 255;
/// Slower is nobody's line: 64 kilobits.
pub(super) const BYTES_PER_SECOND_MIN: u32 = 8 * 1024;
/// Left on the disk whatever comes: the store must be able to write.
pub(super) const FREE_BYTES_MIN: u64 = 64 << 20;
