//! Rows of a report, gathered by problem before they touch the store.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{ADDRESSES_MAX, Audience, Evidence, Key, Ownership, PROTOCOL_BYTES_MAX, Sighting};
use crate::clock::Timestamp;
use crate::report::kind::{Nature, Same, Severity};
use crate::report::{Address, Header, Row};

/// What matching found out about a row.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub key: Key,
    pub ownership: Ownership,
    pub audience: Audience,
}

/// Sightings not yet applied.
#[derive(Default)]
pub struct Batch {
    index: HashMap<Key, u32>,
    seen: Vec<(Key, Gathered)>,
    /// Shown cells of the newest rows, one after the other.
    arena: Vec<u8>,
}

struct Gathered {
    ownership: Ownership,
    audience: Audience,
    nature: Nature,
    severity: Severity,
    port: Option<u16>,
    address: Option<IpAddr>,
    protocol: [u8; PROTOCOL_BYTES_MAX],
    first: Timestamp,
    last: Timestamp,
    rows: u64,
    line: u64,
    shown: std::ops::Range<u32>,
    more_addresses: Vec<IpAddr>,
}

impl Batch {
    /// Adds a row.
    pub fn add(&mut self, matched: Match, row: &Row<'_>, header: &Header) {
        if self.seen.is_empty() {
            self.arena.clear();
        }
        let address = match row.address {
            Address::Ip(ip) => Some(ip),
            Address::Net(_) | Address::None => None,
        };
        let slot = *self.index.entry(matched.key).or_insert(self.seen.len() as u32) as usize;
        match self.seen.get_mut(slot) {
            None => {
                let gathered = Gathered {
                    ownership: matched.ownership,
                    audience: matched.audience,
                    nature: row.nature,
                    severity: row.severity,
                    port: row.port,
                    address,
                    protocol: protocol(row.protocol),
                    first: row.time,
                    last: row.time,
                    rows: 1,
                    line: row.line,
                    shown: write_shown(&mut self.arena, row, header),
                    more_addresses: Vec::new(),
                };
                self.seen.push((matched.key, gathered));
            }
            Some((_, seen)) => {
                seen.rows += 1;
                seen.severity = seen.severity.max(row.severity);
                seen.first = seen.first.min(row.time);
                let newer = row.time >= seen.last;
                let other = if newer { std::mem::replace(&mut seen.address, address) } else { address };
                if let Some(other) = other
                    && Some(other) != seen.address
                {
                    seen.more_addresses.retain(|&known| known != other);
                    seen.more_addresses.insert(0, other);
                    seen.more_addresses.truncate(ADDRESSES_MAX - 1);
                }
                if let Some(own) = seen.address {
                    seen.more_addresses.retain(|&known| known != own);
                }
                if newer {
                    (seen.ownership, seen.audience, seen.nature) =
                        (matched.ownership, matched.audience, row.nature);
                    (seen.last, seen.line, seen.port) = (row.time, row.line, row.port);
                    seen.protocol = protocol(row.protocol);
                    seen.shown = write_shown(&mut self.arena, row, header);
                }
            }
        }
    }

    pub fn is_full(&self) -> bool {
        self.seen.len() >= SIGHTINGS_MAX || self.arena.len() >= ARENA_BYTES_MAX - SHOWN_BYTES_MAX
    }

    /// Hands out what was gathered, in the order of the keys, and is empty again.
    pub fn drain(&mut self, report: u32) -> impl Iterator<Item = (Key, Sighting)> {
        self.index.clear();
        self.seen.sort_unstable_by_key(|(key, _)| *key);
        let arena = &self.arena;
        self.seen.drain(..).map(move |(key, seen)| {
            let shown = &arena[seen.shown.start as usize..seen.shown.end as usize];
            let protocol: Vec<u8> = seen.protocol.iter().copied().take_while(|&b| b != 0).collect();
            let sighting = Sighting {
                ownership: seen.ownership,
                audience: seen.audience,
                nature: seen.nature,
                severity: seen.severity,
                first: seen.first,
                last: seen.last,
                rows: seen.rows,
                more_addresses: seen.more_addresses,
                evidence: Evidence {
                    report,
                    line: seen.line,
                    address: seen.address,
                    port: seen.port,
                    protocol: String::from_utf8(protocol).unwrap_or_default(),
                    shown: shown.to_vec(),
                },
            };
            (key, sighting)
        })
    }
}

/// What beside type, customer and place makes rows the same problem.
pub fn same(row: &Row<'_>, header: &Header) -> u64 {
    match header.kind.same {
        Same::Service => u64::from(row.port.unwrap_or(0)) << 32 | fnv(row.protocol) & 0xffff_ffff,
        Same::Infection => fnv(row.infection),
        Same::Place => 0,
    }
}

/// The same for a row without address: its content but for the time.
pub fn same_content(row: &Row<'_>, header: &Header) -> u64 {
    let mut hash = FNV_START;
    for index in (0..header.names.len()).filter(|&index| !header.is_time(index)) {
        hash = fnv_on(fnv_on(hash, row.cell(index)), &[0x1f]);
    }
    hash
}

/// Shown cells as (column number, text), as [`Batch`] wrote them.
pub fn shown_cells(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [number, low, high, rest @ ..] = bytes else { return None };
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (cell, tail) = rest.split_at(len);
        bytes = tail;
        Some((*number, cell))
    })
}

fn write_shown(arena: &mut Vec<u8>, row: &Row<'_>, header: &Header) -> std::ops::Range<u32> {
    let start = arena.len();
    for &(number, index) in &header.shown {
        let cell = row.cell(index).trim_ascii();
        let mut end = cell.len().min(CELL_BYTES_MAX);
        // Not in the middle of a UTF-8 character.
        while end < cell.len() && end > 0 && cell[end] & 0xC0 == 0x80 {
            end -= 1;
        }
        let cell = &cell[..end];
        if cell.is_empty() {
            continue;
        }
        if arena.len() - start + cell.len() > SHOWN_BYTES_MAX {
            break;
        }
        arena.push(number);
        arena.extend_from_slice(&(cell.len() as u16).to_le_bytes());
        arena.extend_from_slice(cell);
    }
    start as u32..arena.len() as u32
}

fn protocol(cell: &[u8]) -> [u8; PROTOCOL_BYTES_MAX] {
    let mut protocol = [0; PROTOCOL_BYTES_MAX];
    for (to, from) in protocol.iter_mut().zip(cell) {
        *to = from.to_ascii_lowercase();
    }
    protocol
}

/// FNV-1a over the lower-case letters: stable for ever, since stored keys hold it.
fn fnv(bytes: &[u8]) -> u64 {
    fnv_on(FNV_START, bytes)
}

fn fnv_on(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
/// Problems gathered at once, about 2 MB. A power of two, to which a growing list doubles.
const SIGHTINGS_MAX: usize = 8 * 1024;
/// Text of the newest rows gathered at once; also a power of two.
const ARENA_BYTES_MAX: usize = 1024 * 1024;
/// Longest cell kept as evidence: a mail shows less.
const CELL_BYTES_MAX: usize = 400;
/// Most evidence kept of an incident.
const SHOWN_BYTES_MAX: usize = 1500;
