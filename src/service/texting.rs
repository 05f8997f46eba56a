//! The words of mails that the operator wrote: read at the start, kept when he changes them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Engine, Error, Loaded};
use crate::clock::Timestamp;
use crate::files;
use crate::lang;
use crate::notify::texts::{Own, Texts};

/// All that the operator wrote, and what of it cannot be taken, which leaves ours in its place.
pub(super) fn load(data: &Path) -> (Arc<Texts>, Option<String>) {
    let mut texts = Texts::default();
    let mut complaints = Vec::new();
    for tag in lang::tags() {
        let path = path(data, tag);
        let file = match files::read_max(&path, FILE_BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                complaints.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        let (own, wrong) = Own::read(tag, &file);
        complaints.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", path.display())));
        texts.put(tag, own);
    }
    let told = complaints.iter().take(COMPLAINTS_TOLD_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
    let told = (!complaints.is_empty()).then(|| {
        format!("words of mails that cannot be used, so ours stand in their place; correct them on the page under Mail, Texts, or in the file: {told}")
    });
    (Arc::new(texts), told)
}

impl Engine {
    /// Keeps what the operator wrote in a language: on the disk, then for the next mail.
    pub fn keep_texts(&self, tag: &str, own: Own, now: Timestamp) -> Result<(), Error> {
        let _taking = self.take_turn();
        let path = path(&self.data, tag);
        if own.is_empty() {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::file(&path, error)),
                _ => {}
            }
        } else {
            super::make_folder(&self.data.join(FOLDER))?;
            let file = own.write(tag);
            files::save_atomic(&path, file.as_bytes(), 0o600).map_err(|error| Error::file(&path, error))?;
        }
        let (texts, complaints) = load(&self.data);
        self.alarm(ALARM, complaints.as_deref(), now)?;
        let loaded = self.loaded();
        self.replace(Loaded { texts, ..loaded.again(&self.store, &self.data)? });
        Ok(())
    }
}

fn path(data: &Path, tag: &str) -> PathBuf {
    data.join(FOLDER).join(format!("{tag}.toml"))
}

/// Alarm: what the operator wrote cannot be used.
pub(super) const ALARM: &str = "texts";
const FOLDER: &str = "texts";
/// All texts of one language at their longest are less.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Complaints in one alarm.
const COMPLAINTS_TOLD_MAX: usize = 5;
