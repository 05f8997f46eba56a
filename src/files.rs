//! Small files: read whole with a limit, saved whole or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

/// Reads the file at `path`, which may have at most `bytes_max` bytes.
pub fn read_max(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {bytes_max} bytes"),
        ));
    }
    Ok(bytes)
}

/// Replaces the file at `path` by `bytes` with the permissions `mode`, so that after a power cut either the old
/// or the new content is there, whole; when this returns, the new one is on the disk.
pub fn save_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // It is not a random name, so that what a power cut leaves behind is used up by a later save instead of piling up.
    let temporary = folder.join(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    let _turn = Turn::take(&temporary);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to tell; without its file there is nothing to remove.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// Threads of this process share a temporary name, one after the other. Who saves elsewhere waits for nobody: one disk may
/// hang, and another be memory.
struct Turn(PathBuf);

static SAVING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
static SAVED: Condvar = Condvar::new();

impl Turn {
    fn take(path: &Path) -> Self {
        let saving = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = SAVED.wait_while(saving, |saving| saving.contains(path));
        waited.unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        SAVING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        SAVED.notify_all();
    }
}

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub struct Temporary(pub PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may never have been made, or have another name by now; what cannot be removed is at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whether something failed only because too much is open at the moment.
pub fn is_crowded(error: &io::Error) -> bool {
    let crowded = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    crowded.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// How many descriptors this process may open beside those that it has; none where that cannot be told.
pub fn descriptors_left() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let open = fs::read_dir("/proc/self/fd").map_or(u64::MAX, |open| open.count() as u64);
    limit.unwrap_or(u64::MAX).saturating_sub(open)
}

/// How many bytes the disk below `path` has left for processes without root's rights, and how many it has.
pub fn room(path: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(path)?;
    Ok((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask has taken bits away; give them back.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        save_atomic(&path, b"a much longer first content", 0o644).unwrap();
        save_atomic(&path, b"short", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_who_saves_the_same_file_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x"), folder.path().join("y"));
        let turn = Turn::take(&folder.path().join(format!(".x.{}.new", std::process::id())));
        std::thread::scope(|scope| {
            let same = scope.spawn(|| save_atomic(&path, b"x", 0o600));
            save_atomic(&other, b"y", 0o600).unwrap();
            assert!(!same.is_finished() && !path.exists());
            drop(turn);
            same.join().unwrap().unwrap();
        });
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_failed_save_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("is-a-folder");
        fs::create_dir(&path).unwrap();
        assert!(save_atomic(&path, b"x", 0o600).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(save_atomic(Path::new("/"), b"x", 0o600).is_err());
        assert!(save_atomic(&folder.path().join("none/x"), b"x", 0o600).is_err());
    }

    #[test]
    fn what_a_power_cut_left_behind_is_used_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let left = folder.path().join(format!(".x.{}.new", std::process::id()));
        save_atomic(&left, b"half", 0o644).unwrap();
        save_atomic(&path, b"whole", 0o600).unwrap();
        assert!(!left.exists());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_beyond_its_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        save_atomic(&path, b"12345", 0o600).unwrap();
        assert_eq!(read_max(&path, 5).unwrap(), b"12345");
        assert_eq!(read_max(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
