//! Who held an address for a time: what the logs of RADIUS, DHCP and NAT say of it. Pure.
//!
//! A customer file names prefixes that belong to somebody for good; here are those that change hands. Each kind of log
//! becomes [`Session`]s ([`read`]), which the store keeps.

pub mod accounting;
mod columns;
mod detail;
mod dhcpd;
mod kea;
mod leases;
pub mod nat;
pub mod owner;
pub mod radius;
pub mod read;
mod time;
mod user;

#[cfg(test)]
mod tests;

use ipnet::IpNet;

use crate::clock::Timestamp;

/// A user had an address, a prefix, or a block of an address's ports for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Canonical; of IPv4 as IPv4.
    pub net: IpNet,
    /// First and last port, where several users share the address (CGN); `None`: all of it.
    pub ports: Option<(u16, u16)>,
    /// By what the log knows the user: customer id, login, MAC address, circuit: in the order in which they tell most,
    /// at least one. None is empty or holds a control character.
    pub users: Vec<String>,
    /// First second.
    pub from: Timestamp,
    pub until: Until,
    /// Seconds by which `from` and a told end may be off, either way: an hour of local time that comes twice. What is
    /// unsure of all of a log comes on top.
    pub uncertainty: u32,
    /// Physical line in the log on which it stands; 0 where there are no lines.
    pub line: u64,
}

/// Largest log taken, packed or unpacked: many times what two million sessions take as RADIUS detail files.
pub const LOG_BYTES_MAX: u64 = 2 << 30;

/// A user of whom the log says nothing that could be used. He names no customer, but he ends what was before him.
pub const NOBODY: &str = "?";

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Not yet, as far as is known: somebody else's begin ends it.
    Open,
    /// At the latest: a lease runs out then, and ends before if somebody else gets the address.
    Expires(Timestamp),
    /// At this second, which is its last.
    Ended(Timestamp),
}

impl Until {
    /// The latest second, if one is known.
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::Open => None,
            Self::Expires(at) | Self::Ended(at) => Some(at),
        }
    }
}
