//! The log lies in memory, so that a card is not worn out by it. What is new goes to the disk now and then, and before
//! a restart: the last megabyte outlives it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Follows a log file, and moves it to `NAME.0` when it is full: BusyBox's syslogd opens its file anew each second.
pub struct Keeper {
    log: PathBuf,
    folder: PathBuf,
    /// How much of it is kept, and which file that was.
    kept: u64,
    inode: u64,
}

impl Keeper {
    /// From `log` to `folder`, which is made when there is something to keep.
    pub fn new(log: &Path, folder: &Path) -> Self {
        Self { log: log.to_owned(), folder: folder.to_owned(), kept: 0, inode: 0 }
    }

    /// Appends what is new. Whatever the disk does with it, what lies in memory stays within its limits.
    pub fn keep(&mut self) -> io::Result<()> {
        let file = match File::open(&self.log) {
            // Nobody has written yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let inode = file.metadata()?.ino();
        if inode != self.inode {
            // The file that was followed is full and has the other name now; or it is gone.
            if let Ok(full) = File::open(self.log.with_extension("0"))
                && full.metadata()?.ino() == self.inode
                && let Err(error) = self.append(full)
                && !is_full(&self.log)
            {
                return Err(error);
            }
            (self.inode, self.kept) = (inode, 0);
        }
        let appended = self.append(file);
        // What is still written there comes with the next time.
        let moved =
            if is_full(&self.log) { fs::rename(&self.log, self.log.with_extension("0")) } else { Ok(()) };
        appended.and(moved)
    }

    fn append(&mut self, mut file: File) -> io::Result<()> {
        let new = file.metadata()?.len().saturating_sub(self.kept);
        if new == 0 {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let copy = self.folder.join("messages");
        let mut kept = OpenOptions::new().append(true).create(true).mode(0o640).open(&copy)?;
        if kept.metadata()?.len() + new > HALF_BYTES_MAX {
            fs::rename(&copy, copy.with_extension("0"))?;
            kept = OpenOptions::new().append(true).create(true).mode(0o640).open(&copy)?;
        }
        file.seek(SeekFrom::Start(self.kept))?;
        // What comes in meanwhile is for the next time.
        self.kept += io::copy(&mut file.take(new), &mut kept)?;
        kept.sync_data()
    }
}

/// Whether it is time to keep a log, since memory is short too.
pub fn is_full(log: &Path) -> bool {
    fs::metadata(log).is_ok_and(|log| log.len() > HALF_BYTES_MAX)
}

/// Two files of this size are kept; the log in memory is as large.
const HALF_BYTES_MAX: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn write(path: &Path, text: &str) {
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_new_is_appended_over_the_change_of_files_and_of_boots() {
        let dir = tempfile::tempdir().unwrap();
        let (log, folder) = (dir.path().join("messages"), dir.path().join("log"));
        let mut keeper = Keeper::new(&log, &folder);
        keeper.keep().unwrap();
        assert!(!folder.exists());
        write(&log, "one\n");
        keeper.keep().unwrap();
        keeper.keep().unwrap();
        write(&log, "two\n");
        fs::rename(&log, log.with_extension("0")).unwrap();
        write(&log.with_extension("0"), "three\n");
        keeper.keep().unwrap();
        write(&log, "four\n");
        keeper.keep().unwrap();
        let kept = || fs::read_to_string(folder.join("messages")).unwrap();
        assert_eq!(kept(), "one\ntwo\nthree\nfour\n");
        // After a restart the log in memory is another one.
        fs::remove_file(&log).unwrap();
        write(&log, "five\n");
        Keeper::new(&log, &folder).keep().unwrap();
        assert_eq!(kept(), "one\ntwo\nthree\nfour\nfive\n");
    }

    #[test]
    fn a_megabyte_is_kept_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let (log, folder) = (dir.path().join("messages"), dir.path().join("log"));
        let mut keeper = Keeper::new(&log, &folder);
        for round in 0..30 {
            write(&log, &format!("{round}{}\n", "x".repeat(100_000)));
            keeper.keep().unwrap();
        }
        let sizes = ["messages", "messages.0"].map(|name| fs::metadata(folder.join(name)).unwrap().len());
        assert!(sizes.iter().all(|size| *size <= HALF_BYTES_MAX), "{sizes:?}");
        assert!(sizes.iter().sum::<u64>() > HALF_BYTES_MAX, "{sizes:?}");
        assert!(fs::read_to_string(folder.join("messages")).unwrap().contains("29x"));
        assert!(!is_full(&log), "and so it is in memory");
    }

    #[test]
    fn where_the_disk_takes_nothing_memory_does_not_fill_up() {
        let dir = tempfile::tempdir().unwrap();
        let (log, folder) = (dir.path().join("messages"), dir.path().join("log"));
        // Where the folder should be lies a file.
        write(&folder, "");
        let mut keeper = Keeper::new(&log, &folder);
        for round in 0..30 {
            write(&log, &format!("{round}{}\n", "x".repeat(100_000)));
            keeper.keep().unwrap_err();
            assert!(!is_full(&log), "{round}");
        }
        // When it takes something again, what is still in memory is kept.
        fs::remove_file(&folder).unwrap();
        write(&log, "the end\n");
        keeper.keep().unwrap();
        let kept = ["messages.0", "messages"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        assert!(kept[0].contains("29x") && kept[1] == "the end\n");
    }
}
