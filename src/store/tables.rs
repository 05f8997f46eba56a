//! The tables, and how a value becomes bytes: a version byte, then postcard.

use redb::TableDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::resolved::ResolvedKey;
use super::sessions::{SessionKey, SessionValue};
use crate::incident::Key;

/// Single values: counters, schedules, dates.
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// File key -> report.
pub(super) const REPORTS: TableDefinition<&str, &[u8]> = TableDefinition::new("reports");
/// SHA-256 -> file key that brought it first.
pub(super) const CONTENTS: TableDefinition<[u8; 32], &str> = TableDefinition::new("contents");
/// (report number, line) -> rejected row.
pub(super) const REJECTED: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("rejected");
/// Report type -> its number in incident keys.
pub(super) const KINDS: TableDefinition<&str, u16> = TableDefinition::new("kinds");
/// Customer id -> its number in incident keys.
pub(super) const CUSTOMERS: TableDefinition<&str, u32> = TableDefinition::new("customers");
/// Import number -> accepted customer file.
pub(super) const IMPORTS: TableDefinition<u64, &[u8]> = TableDefinition::new("imports");
/// [`Key`]s by reference: redb compares those as one string of bytes, an array one element after the other.
pub(super) type KeyBytes = &'static [u8; Key::LEN];
pub(super) const INCIDENTS: TableDefinition<KeyBytes, &[u8]> = TableDefinition::new("incidents");
pub(super) const INCIDENT_IDS: TableDefinition<u64, KeyBytes> = TableDefinition::new("incident_ids");
/// Receiver and incident key: whose incidents are whose.
pub(super) const RECEIVERS: TableDefinition<(u32, KeyBytes), ()> = TableDefinition::new("receivers");
/// Receivers with something to tell.
pub(super) const DUE: TableDefinition<u32, &[u8]> = TableDefinition::new("due");
pub(super) const NOTICES: TableDefinition<u64, &[u8]> = TableDefinition::new("notices");
/// Customer -> its unsent notice. At most one.
pub(super) const UNSENT: TableDefinition<u32, u64> = TableDefinition::new("unsent");
/// Notice -> the mail as it went out, compressed.
pub(super) const MAILS: TableDefinition<u64, &[u8]> = TableDefinition::new("mails");
/// Customer -> when mails went to it.
pub(super) const MAILED: TableDefinition<u32, &[u8]> = TableDefinition::new("mailed");
/// Report days that are covered.
pub(super) const COVERED: TableDefinition<i32, ()> = TableDefinition::new("covered");
pub(super) const ALARMS: TableDefinition<&str, &[u8]> = TableDefinition::new("alarms");

/// Alarms that are over, by number.
pub(super) const PAST_ALARMS: TableDefinition<u64, &[u8]> = TableDefinition::new("past_alarms");

/// Who held an address for a time.
pub(super) const SESSIONS: TableDefinition<&SessionKey, SessionValue> = TableDefinition::new("sessions");
/// Users of sessions -> their number, and back.
pub(super) const SESSION_USERS: TableDefinition<&str, u32> = TableDefinition::new("session_users");
pub(super) const SESSION_USER_NAMES: TableDefinition<u32, &str> = TableDefinition::new("session_user_names");
/// (access server, its name of a session) -> what is known of one that has not ended.
pub(super) const RUNNING: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("running");

/// What the resolver has said.
pub(super) const RESOLVED: TableDefinition<&ResolvedKey, &[u8]> = TableDefinition::new("resolved");

/// Report day -> how many problems were seen on it.
pub(super) const DAYS: TableDefinition<i32, &[u8]> = TableDefinition::new("days");
/// Name -> who may log in to the page.
pub(super) const PEOPLE: TableDefinition<&str, &[u8]> = TableDefinition::new("people");
/// (incident, number from 1) -> what a person wrote down about it.
pub(super) const NOTES: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("notes");
/// Who changed what on the page, by number.
pub(super) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");

/// A value of the store. Its layout never changes under the same version: a change raises `VERSION` and teaches
/// `upgrade` the old one (see [`super::migrate`]).
pub(super) trait Stored: Serialize + DeserializeOwned {
    const VERSION: u8 = 1;
    const NAME: &'static str;

    /// Reads the value as an earlier version wrote it.
    fn upgrade(version: u8, bytes: &[u8]) -> Option<Self> {
        let _ = (version, bytes);
        None
    }
}

pub(super) fn encode<T: Stored>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_into(value, &mut bytes);
    bytes
}

/// Overwrites `bytes` with the encoded value.
pub(super) fn encode_into<T: Stored>(value: &T, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.push(T::VERSION);
    *bytes = postcard::to_extend(value, std::mem::take(bytes))
        .expect("own types hold nothing that postcard refuses");
}

pub(super) fn decode<T: Stored>(bytes: &[u8]) -> Result<T, Error> {
    let damaged = || Error::Damaged { what: T::NAME };
    match bytes.split_first() {
        Some((&version, rest)) if version == T::VERSION => postcard::from_bytes(rest).map_err(|_| damaged()),
        Some((&version, _)) if version > T::VERSION => Err(Error::Newer { what: T::NAME }),
        Some((&version, rest)) => T::upgrade(version, rest).ok_or_else(damaged),
        None => Err(damaged()),
    }
}
