//! The words of mails that the operator wrote: read at the start, kept when he changes them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::acting::{Signature, check_operator, note};
use super::{Engine, Error, Loaded};
use crate::clock::Timestamp;
use crate::files;
use crate::lang;
use crate::notify::texts::{Edit, Own, Texts};
use crate::store::{Deed, What};

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
    /// Changes what the operator wrote in a language: on the disk, then for the next mail.
    pub(super) fn change_texts(
        &self,
        tag: &str,
        edit: Edit,
        signed: &Signature<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let _taking = self.take_turn();
        check_operator(self, signed)?;
        let what = match &edit {
            Edit::Family(family, _) => format!("{tag} {}", family.word()),
            Edit::Sentences(_) | Edit::Reviewed => tag.to_owned(),
        };
        let mut texts = (*self.loaded().texts).clone();
        texts.edit(tag, edit);
        let own = texts.own(tag).cloned().unwrap_or_default();
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
        let anew = self.loaded().again(&self.store, &self.data)?;
        self.replace(Loaded { texts, ..anew });
        self.store.write(|txn| {
            note(txn, signed.who, Some(signed.from), Deed::to(What::ChangedTexts, &[what.as_str()]), now)
        })?;
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
