//! Rows of a report, gathered by problem before they touch the store.

use std::net::IpAddr;
use std::ops::Range;

use super::{ADDRESSES_MAX, Audience, Evidence, Key, Ownership, Protocol, Sighting};
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

/// Rows not yet applied.
#[derive(Default)]
pub struct Batch {
    rows: Vec<Gathered>,
    /// Shown cells of the rows, one after the other.
    arena: Vec<u8>,
    /// All of it was handed out.
    is_done: bool,
}

struct Gathered {
    matched: Match,
    nature: Nature,
    severity: Severity,
    port: Option<u16>,
    address: Option<IpAddr>,
    protocol: Protocol,
    time: Timestamp,
    line: u64,
    shown: Range<u32>,
}

impl Batch {
    /// Adds a row.
    pub fn add(&mut self, matched: Match, row: &Row<'_>, header: &Header) {
        if std::mem::take(&mut self.is_done) {
            self.rows.clear();
            self.arena.clear();
        }
        self.rows.push(Gathered {
            matched,
            nature: row.nature,
            severity: row.severity,
            port: row.port,
            address: match row.address {
                Address::Ip(ip) => Some(ip),
                Address::Net(_) | Address::None => None,
            },
            protocol: Protocol::new(row.protocol),
            time: row.time,
            line: row.line,
            shown: write_shown(&mut self.arena, row, header),
        });
    }

    pub fn is_full(&self) -> bool {
        let is_text_full = self.arena.len() >= ARENA_BYTES_MAX - SHOWN_BYTES_MAX;
        !self.is_done && (is_text_full || self.rows.len() >= ROWS_MAX)
    }

    /// Hands out the problems of what was gathered, in the order of the keys, and is empty again.
    pub fn drain(&mut self, report: u32) -> impl Iterator<Item = (Key, Sighting)> {
        self.drain_parts(report).map(|(key, mut seen, shown)| {
            seen.evidence.shown = shown.to_vec();
            (key, seen)
        })
    }

    /// The same with the shown cells where they lie, and not in the evidence.
    pub fn drain_parts(&mut self, report: u32) -> impl Iterator<Item = (Key, Sighting, &[u8])> {
        let arena = &self.arena;
        let rows = if std::mem::replace(&mut self.is_done, true) { &[][..] } else { &self.rows };
        // Which they are is sorted, and not what is known of them, which is longer.
        let mut order: Vec<_> = (0..).zip(rows).map(|(index, row)| (row.matched.key, index)).collect();
        order.sort_unstable();
        let mut order = order.into_iter().peekable();
        std::iter::from_fn(move || {
            let (key, first): (_, usize) = order.next()?;
            let mut newest = &rows[first];
            let mut seen = newest.sighting(report);
            while let Some((_, index)) = order.next_if(|next| next.0 == key) {
                let row = &rows[index];
                seen.rows += 1;
                seen.severity = seen.severity.max(row.severity);
                seen.first = seen.first.min(row.time);
                let mut other = row.address;
                if row.time >= seen.last {
                    other = seen.evidence.address;
                    newest = row;
                    let one = row.sighting(report);
                    (seen.ownership, seen.audience, seen.nature) = (one.ownership, one.audience, one.nature);
                    (seen.last, seen.evidence) = (one.last, one.evidence);
                }
                let own = seen.evidence.address;
                let others = &mut seen.more_addresses;
                if let Some(other) = other.filter(|_| other != own) {
                    others.retain(|&known| known != other);
                    others.insert(0, other);
                    others.truncate(ADDRESSES_MAX - 1);
                }
                if let Some(own) = own {
                    others.retain(|&known| known != own);
                }
            }
            Some((key, seen, &arena[newest.shown.start as usize..newest.shown.end as usize]))
        })
    }
}

impl Gathered {
    /// The row alone, without its shown cells.
    fn sighting(&self, report: u32) -> Sighting {
        Sighting {
            ownership: self.matched.ownership,
            audience: self.matched.audience,
            nature: self.nature,
            severity: self.severity,
            first: self.time,
            last: self.time,
            rows: 1,
            more_addresses: Vec::new(),
            evidence: Evidence {
                report,
                line: self.line,
                address: self.address,
                port: self.port,
                protocol: self.protocol,
                shown: Vec::new(),
            },
        }
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

fn write_shown(arena: &mut Vec<u8>, row: &Row<'_>, header: &Header) -> Range<u32> {
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
/// Rows gathered at once, about 2 MB. A power of two, to which a growing list doubles.
const ROWS_MAX: usize = 8 * 1024;
/// Text of the rows gathered at once; also a power of two.
const ARENA_BYTES_MAX: usize = 1024 * 1024;
/// Longest cell kept as evidence: a mail shows less.
const CELL_BYTES_MAX: usize = 400;
/// Most evidence kept of an incident.
const SHOWN_BYTES_MAX: usize = 1500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers::CustomerNo;
    use crate::incident::Place;
    use crate::report::{Hint, Item, Reader};

    /// What the batch holds after these lines of a report of a type; each is keyed by [`same`] alone.
    fn gather(kind: &str, lines: impl AsRef<[u8]>) -> Vec<Sighting> {
        let mut batch = Batch::default();
        each(kind, lines, |row, header| {
            let key = Key::new(7, CustomerNo(1), Place::Nowhere, same(row, header));
            batch.add(
                Match { key, ownership: Ownership::Customer, audience: Audience::Customer },
                row,
                header,
            );
        });
        batch.drain(5).map(|(_, sighting)| sighting).collect()
    }

    fn each(kind: &str, lines: impl AsRef<[u8]>, mut with: impl FnMut(&Row<'_>, &Header)) {
        let hint = Hint { kind: Some(kind), file_name: None };
        let mut reader = Reader::new(lines.as_ref(), hint).unwrap();
        let header = reader.header.clone();
        while let Some(item) = reader.next_item().unwrap() {
            match item {
                Item::Row(row) => with(&row, &header),
                Item::Rejected { detail, .. } => panic!("{detail}"),
            }
        }
    }

    fn ips(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn the_newest_row_stands_for_all_and_their_addresses_are_kept_newest_first() {
        let rows = |rows: &[(&str, &str)]| {
            let lines = rows.iter().map(|(time, ip)| format!("2026-01-02 00:00:{time},{ip},22,TCP,low\n"));
            let report = "timestamp,ip,port,protocol,severity\n".to_owned() + &lines.collect::<String>();
            gather("scan_ssh", &report).remove(0)
        };
        let seen =
            rows(&[("05", "192.0.2.1"), ("07", "192.0.2.2"), ("06", "192.0.2.3"), ("08", "192.0.2.2")]);
        assert_eq!((seen.rows, seen.evidence.line, seen.evidence.report), (4, 5, 5));
        assert_eq!(seen.last.since(seen.first), 3);
        assert_eq!(seen.evidence.address, Some("192.0.2.2".parse().unwrap()));
        assert_eq!(seen.more_addresses, ips(&["192.0.2.3", "192.0.2.1"]));
        assert_eq!((seen.evidence.port, &*seen.evidence.protocol), (Some(22), "tcp"));

        let seen =
            rows(&[("05", "192.0.2.1"), ("06", "192.0.2.2"), ("07", "192.0.2.1"), ("08", "192.0.2.2")]);
        assert_eq!(seen.more_addresses, ips(&["192.0.2.1"]), "each address once");
        let seen =
            rows(&[("09", "192.0.2.1"), ("06", "192.0.2.2"), ("06", "192.0.2.2"), ("07", "192.0.2.1")]);
        assert_eq!(seen.more_addresses, ips(&["192.0.2.2"]));

        let many: Vec<_> = (0..40).map(|n| (format!("{n:02}"), format!("192.0.2.{n}"))).collect();
        let seen = rows(&many.iter().map(|(time, ip)| (&**time, &**ip)).collect::<Vec<_>>());
        assert_eq!(seen.more_addresses.len(), ADDRESSES_MAX - 1);
        assert_eq!(seen.more_addresses[0], IpAddr::from([192, 0, 2, 38]));
    }

    #[test]
    fn a_network_is_no_address() {
        let seen = gather(
            "blocklist",
            "timestamp,ip\n2026-01-02 00:00:01,192.0.2.7\n2026-01-02 00:00:02,192.0.2.0/28\n",
        );
        assert_eq!((seen.len(), seen[0].evidence.address), (1, None));
        assert_eq!(seen[0].more_addresses, ips(&["192.0.2.7"]));
    }

    /// Stored keys hold these numbers: another way to make them would double every open incident.
    #[test]
    fn what_is_the_same_has_the_same_number_for_ever() {
        let numbers = |kind, lines: &str| {
            let mut numbers = Vec::new();
            each(kind, lines, |row, header| numbers.push((same(row, header), same_content(row, header))));
            numbers
        };
        let service = numbers("scan_ssh", "timestamp,ip,port,protocol\n2026-01-02,192.0.2.1,22,TCP\n");
        assert_eq!(service[0].0 >> 32, 22);
        assert_eq!(service[0].0 & 0xffff_ffff, fnv(b"tcp") & 0xffff_ffff);
        assert_eq!((fnv(b""), fnv(b"A")), (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c), "published values");

        let content = numbers(
            "scan_ssh",
            "timestamp,ip,tag,server\n2026-01-02,192.0.2.1,a,\n2026-01-03,192.0.2.1,a,\n\
             2026-01-03,192.0.2.1,b,\n2026-01-03,192.0.2.1,,a\n",
        );
        let [first, next_day, other, shifted] = [0, 1, 2, 3].map(|n| content[n].1);
        assert_eq!(first, next_day, "the time is no content");
        assert!(first != other && first != shifted && other != shifted, "cells are kept apart");
    }

    #[test]
    fn shown_cells_are_cut_at_characters_and_left_out_beyond_the_limit() {
        let shown = |cells: &[(&str, &str)]| {
            let names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
            let texts: Vec<_> = cells.iter().map(|(_, text)| *text).collect();
            let report =
                format!("timestamp,ip,{}\n2026-01-02,192.0.2.1,{}\n", names.join(","), texts.join(","));
            let seen = gather("scan_rdp", &report).remove(0);
            assert!(seen.evidence.shown.len() <= SHOWN_BYTES_MAX + 3 * cells.len());
            shown_cells(&seen.evidence.shown)
                .map(|(number, cell)| (number, String::from_utf8(cell.to_vec()).unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&[("hostname", " a "), ("tag", "")]), [(1, "a".to_owned())]);
        let letters = "a".repeat(CELL_BYTES_MAX);
        assert_eq!(shown(&[("hostname", &letters)]), [(1, letters.clone())]);
        assert_eq!(shown(&[("hostname", &format!("{letters}b"))]), [(1, letters.clone())]);
        // A character that would be cut in two is left out whole: of two, three and four bytes.
        for character in ["\u{e9}", "\u{20ac}", "\u{1f600}"] {
            let text = "a".repeat(CELL_BYTES_MAX - 1) + character;
            assert_eq!(shown(&[("hostname", &text)]), [(1, "a".repeat(CELL_BYTES_MAX - 1))]);
            let text = "a".repeat(CELL_BYTES_MAX - character.len()) + character;
            assert_eq!(shown(&[("hostname", &text)]), [(1, text.clone())]);
        }
        // What is no text, and has no place where it could be cut, is left out.
        let mut report = b"timestamp,ip,hostname,tag\n2026-01-02,192.0.2.1,".to_vec();
        report.resize(report.len() + CELL_BYTES_MAX + 1, 0x80);
        report.extend_from_slice(b",a\n");
        assert_eq!(
            gather("scan_rdp", report)[0].evidence.shown,
            [crate::report::column::number("tag").unwrap(), 1, 0, b'a']
        );
        // Four of them do not fit; what fits to the last byte stays.
        let columns = ["hostname", "device_vendor", "device_type", "device_model"];
        let cells = shown(&columns.map(|name| (name, &*letters)));
        assert_eq!(cells.len(), 3);
        let rest = "a".repeat(SHOWN_BYTES_MAX - 3 * (CELL_BYTES_MAX + 3));
        for (fourth, kept) in [(rest.clone(), 4), (rest + "a", 3)] {
            let texts = [&letters, &letters, &letters, &fourth];
            let cells: Vec<_> = columns.into_iter().zip(texts.map(String::as_str)).collect();
            assert_eq!(shown(&cells).len(), kept);
        }
    }

    #[test]
    fn a_batch_is_full_by_its_rows_or_by_their_text() {
        let fill = |cell: &str, step: u64| {
            let mut batch = Batch::default();
            let mut added = 0;
            each(
                "scan_rdp",
                format!("timestamp,ip,hostname\n2026-01-02,192.0.2.1,{cell}\n"),
                |row, header| {
                    while !batch.is_full() {
                        let key = Key::new(7, CustomerNo(1), Place::Nowhere, added * step);
                        let (ownership, audience) = (Ownership::Customer, Audience::Customer);
                        batch.add(Match { key, ownership, audience }, row, header);
                        added += 1;
                    }
                },
            );
            assert!(batch.arena.len() <= ARENA_BYTES_MAX);
            let rows: u64 = batch.drain(5).map(|(_, seen)| seen.rows).sum();
            assert!(!batch.is_full());
            assert_eq!(rows, added);
            added as usize
        };
        assert_eq!((fill("", 1), fill("", 0)), (ROWS_MAX, ROWS_MAX), "be it of one problem");
        let text = (ARENA_BYTES_MAX - SHOWN_BYTES_MAX).div_ceil(CELL_BYTES_MAX + 3);
        assert_eq!(fill(&"a".repeat(CELL_BYTES_MAX), 1), text);
        assert_eq!(fill(&"a".repeat(CELL_BYTES_MAX), 0), text, "text of rows of one problem");
    }
}
