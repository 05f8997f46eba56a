//! What operators do on the pages, as plain data: the border between the pages, which are pure, and what does it.

use super::access::Who;
use super::gate::{Denied, Visitor};
use super::view::Trouble;
use crate::clock::Day;
use crate::config::Complaint;
use crate::config::edit::{Change, Written};
use crate::incident;
use crate::notify::outbox;

/// Does what an operator wants, as the commands of the same names do, and notes who did it.
pub trait Hand {
    fn change_mails(&self, by: &By<'_>, which: &Mails, change: outbox::Change) -> Result<Outcome, Denied>;
    fn change_incidents(&self, by: &By<'_>, ids: &[u64], change: incident::Change)
    -> Result<Outcome, Denied>;
    /// Writes a note of at most [`crate::store::NOTE_BYTES_MAX`] to each of the incidents.
    fn note(&self, by: &By<'_>, ids: &[u64], text: &str) -> Result<Outcome, Denied>;
    /// The settings as forms show them, and the name of this version of them.
    fn settings(&self) -> Result<(Written, String), Trouble>;
    /// Changes the settings that were shown as `version`, all of them or none.
    fn change_settings(&self, by: &By<'_>, version: &str, changes: &[Change]) -> Result<Changed, Denied>;
    /// Keeps an outcome for the next page of this session; the last one counts.
    fn tell(&self, who: &Who, outcome: Outcome);
    /// What is to be said to this session; it is said once.
    fn told(&self, who: &Who) -> Option<Outcome>;
}

/// Who does something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub visitor: Visitor,
    pub who: &'a Who,
}

/// Which mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mails {
    These(Vec<u64>),
    /// All that are held, but for those that were planned after this one: nobody has seen them.
    Held {
        through: u64,
    },
}

/// What came of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done {
        deed: Deed,
        count: u64,
        /// Of what was chosen, so many were not as they should be, and stay as they are.
        missed: u64,
    },
    /// So many settings are others now.
    Settings(u64),
    /// Nothing was chosen.
    Nothing,
    /// To mute takes a day that is not over.
    NoDay,
    /// A note without text.
    NoText,
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Released,
    Dropped,
    Closed,
    Muted(Day),
    Reopened,
    Noted,
}

/// What came of a change of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These settings are others now.
    Done(Vec<String>),
    /// Nothing was changed.
    Complaints(Vec<Complaint>),
    /// Nothing was changed: somebody else has changed the file since it was shown.
    Meanwhile,
}
