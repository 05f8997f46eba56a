//! What the resolver of the operator has said: by address, port and second, as sessions are.

use std::net::IpAddr;

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use super::tables::{RESOLVED, decode, encode};
use super::{Error, Txn, View};
use crate::clock::Timestamp;
use crate::sessions::owner::Resolved;

/// Address, port and one (0: of all of the address), first second: the order of the bytes is that of the seconds.
pub(super) type ResolvedKey = [u8; KEY_LEN];

const KEY_LEN: usize = 16 + 4 + 8;

/// An answer of the resolver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverAnswer {
    /// The last second for which it holds.
    pub until: Timestamp,
    pub asked: Timestamp,
    /// Customer id; `None`: nobody had it.
    pub customer: Option<String>,
}

impl ResolverAnswer {
    /// The same for who looks for the owner of a row.
    pub(super) fn resolved(self) -> Resolved {
        self.customer.map_or(Resolved::Nobody, Resolved::Customer)
    }
}

fn key(address: IpAddr, port: Option<u16>, from: Timestamp) -> ResolvedKey {
    let address = match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let mut key = [0; KEY_LEN];
    key[..16].copy_from_slice(&address.octets());
    key[16..20].copy_from_slice(&port.map_or(0, |port| u32::from(port) + 1).to_be_bytes());
    key[20..].copy_from_slice(&(from.unix() ^ i64::MIN).to_be_bytes());
    key
}

/// What was said last of an address, or a port of it, at that second.
pub(super) fn said(
    table: &impl ReadableTable<&'static ResolvedKey, &'static [u8]>,
    address: IpAddr,
    port: Option<u16>,
    at: Timestamp,
) -> Result<Option<ResolverAnswer>, Error> {
    let first = key(address, port, Timestamp::from_unix(i64::MIN));
    let mut best: Option<ResolverAnswer> = None;
    for entry in table.range::<&ResolvedKey>(&first..=&key(address, port, at))?.rev().take(LOOKED_AT_MAX) {
        let said: ResolverAnswer = decode(entry?.1.value())?;
        if said.until >= at && best.as_ref().is_none_or(|best| best.asked < said.asked) {
            best = Some(said);
        }
    }
    Ok(best)
}

impl View {
    /// What the resolver has said last of an address, or a port of it, at that second.
    pub fn said(
        &self,
        address: IpAddr,
        port: Option<u16>,
        at: Timestamp,
    ) -> Result<Option<ResolverAnswer>, Error> {
        self.later_table(RESOLVED)?.map_or(Ok(None), |table| said(&table, address, port, at))
    }

    /// How many answers are kept.
    pub fn said_len(&self) -> Result<u64, Error> {
        Ok(self.later_table(RESOLVED)?.map_or(Ok(0), |table| table.len())?)
    }
}

impl Txn {
    /// Keeps an answer that holds from `from` on.
    pub fn put_said(
        &self,
        address: IpAddr,
        port: Option<u16>,
        from: Timestamp,
        said: &ResolverAnswer,
    ) -> Result<(), Error> {
        self.txn.open_table(RESOLVED)?.insert(&key(address, port, from), &*encode(said))?;
        Ok(())
    }

    /// Deletes the answers that were given before `before`. Returns how many.
    pub fn forget_said(&self, before: Timestamp) -> Result<u64, Error> {
        let mut table = self.txn.open_table(RESOLVED)?;
        let count = table.len()?;
        // One that cannot be read says nothing.
        table.retain(|_, value| decode::<ResolverAnswer>(value).is_ok_and(|said| said.asked >= before))?;
        Ok(count - table.len()?)
    }
}

/// Answers of which one may hold, from the latest begin back: most hold for a second, and a second is asked once.
const LOOKED_AT_MAX: usize = 32;
