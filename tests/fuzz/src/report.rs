//! Report files: whatever is in them, every record is accounted for, and a row never depends on how it came in.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use abusebox::clock::Timestamp;
use abusebox::customers::CustomerNo;
use abusebox::fetch::spool;
use abusebox::incident::batch::{Batch, Match, same, same_content, shown_cells};
use abusebox::incident::{Audience, Key, Ownership, PROTOCOL_BYTES_MAX, Place};
use abusebox::report::kind::{KINDS, Nature, Severity};
use abusebox::report::{Address, CELLS_MAX, Hint, Item, Reader, Rejection, text};

use super::chunked::Chunked;

/// What was read.
#[derive(Debug, PartialEq)]
struct Got {
    names: Vec<String>,
    records: Vec<Record>,
}

#[derive(Debug, PartialEq)]
struct Record {
    line: u64,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    Row {
        time: Timestamp,
        address: Address,
        port: Option<u16>,
        severity: Severity,
        nature: Nature,
        /// The typed ones first, then all as they stand, with those beyond the header.
        cells: Vec<Vec<u8>>,
    },
    Rejected {
        reason: Rejection,
        detail: String,
    },
}

pub(super) fn check(bytes: &[u8]) {
    match bytes {
        // Packed: gzip, zip, zstd.
        [0x1f, 0x8b, ..] | [b'P', b'K', ..] | [0x28, 0xb5, ..] => {
            if let Ok(plain) = unpacked(bytes) {
                check_plain(&plain);
            }
        }
        _ => check_plain(bytes),
    }
}

/// Not a file with a name: a target that is killed leaves nothing behind.
fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("report", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut plain = Vec::new();
    let reader = spool::open(path.as_ref()).map_err(io::Error::other)?;
    reader.take(UNPACKED_BYTES_MAX).read_to_end(&mut plain)?;
    Ok(plain)
}

fn check_plain(bytes: &[u8]) {
    let sum = bytes.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let kind = KINDS[sum % KINDS.len()].name;
    let file = format!("2026-11-20-{kind}-example-asn.csv");
    let hint = match sum % 3 {
        0 => Hint::default(),
        1 => Hint { kind: Some(kind), file_name: None },
        _ => Hint { kind: None, file_name: Some(&file) },
    };
    let whole = read(bytes, hint);
    for sizes in [&[1][..], &[1 + sum % 7, 1 + sum % 61, 1 + sum % 1021]] {
        let chunked = read(Chunked::new(bytes, sizes), hint);
        assert!(whole == chunked, "in pieces of {sizes:?} it reads as {chunked:?}, at once as {whole:?}");
    }
    if let Some(got) = &whole {
        check_limits(got, bytes.len());
        if bytes.len() <= SNIFFED_BYTES {
            check_accounts(got, bytes);
        }
    }
}

fn read(input: impl Read, hint: Hint<'_>) -> Option<Got> {
    let mut reader = Reader::new(input, hint).ok()?;
    let header = reader.header.clone();
    assert!(header.names.len() <= CELLS_MAX && !header.kind_name.is_empty());
    assert!(header.shown.iter().all(|(_, index)| *index < header.names.len()));
    let mut batch = Batch::default();
    let mut records = Vec::new();
    while let Some(item) = reader.next_item().expect("no error where the input has none") {
        records.push(match item {
            Item::Rejected { line, reason, detail } => {
                Record { line, what: What::Rejected { reason, detail } }
            }
            Item::Row(row) => {
                let place = match row.address {
                    Address::Ip(ip) => Place::Address(ip),
                    Address::Net(net) => Place::Net(net),
                    Address::None => Place::Nowhere,
                };
                let key =
                    Key::new(1, CustomerNo(1), place, same(&row, &header) ^ same_content(&row, &header));
                let (ownership, audience) = (Ownership::Customer, Audience::Customer);
                batch.add(Match { key, ownership, audience }, &row, &header);
                let all = 0..header.names.len() + row.surplus(&header);
                let typed = [row.protocol, row.infection].into_iter();
                let cells = typed.chain(all.map(|index| row.cell(index))).map(<[u8]>::to_vec).collect();
                let (time, address, port) = (row.time, row.address, row.port);
                let what =
                    What::Row { time, address, port, severity: row.severity, nature: row.nature, cells };
                Record { line: row.line, what }
            }
        });
    }
    let mut rows = 0;
    for (_, seen) in batch.drain(1) {
        rows += seen.rows;
        assert!(seen.first <= seen.last && seen.evidence.protocol.len() <= PROTOCOL_BYTES_MAX);
        assert!(seen.evidence.shown.len() <= EVIDENCE_BYTES_MAX, "{} bytes", seen.evidence.shown.len());
        let known = |(number, cell): (u8, &[u8])| {
            header.shown.iter().any(|(column, _)| *column == number) && !cell.is_empty()
        };
        assert!(shown_cells(&seen.evidence.shown).all(known), "evidence of columns that are not shown");
    }
    let read = records.iter().filter(|record| matches!(record.what, What::Row { .. })).count();
    assert_eq!(rows, read as u64, "each row is in one problem");
    Some(Got { names: header.names, records })
}

fn check_limits(got: &Got, bytes: usize) {
    assert!(got.names.iter().all(|name| name.chars().count() <= NAME_CHARS_MAX), "{:?}", got.names);
    for Record { line, what } in &got.records {
        match what {
            What::Rejected { detail, .. } => {
                assert!(detail.chars().count() <= DETAIL_CHARS_MAX, "line {line}: {detail}");
            }
            What::Row { time, address, port, cells, .. } => {
                assert!(time.to_string().parse::<Timestamp>().is_ok(), "line {line}: {time}");
                match address {
                    Address::Ip(ip) => assert!(!ip.is_unspecified() && ip.to_canonical() == *ip, "{ip}"),
                    Address::Net(net) => assert!(net.prefix_len() > 0 && net.trunc() == *net, "{net}"),
                    Address::None => {}
                }
                assert_ne!(*port, Some(0), "line {line}");
                let length: usize = cells[2..].iter().map(Vec::len).sum();
                assert!(cells.len() - 2 <= CELLS_MAX && length <= bytes, "line {line}: {length} bytes");
                // Windows-1252 has characters of three bytes.
                assert!(cells.iter().all(|cell| text(cell).len() <= 3 * cell.len()), "line {line}");
            }
        }
    }
}

/// Every line with something on it is the start of a row, of a rejected record, or inside of one: compared with
/// the lines as anybody counts them.
fn check_accounts(got: &Got, bytes: &[u8]) {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let end = if bytes.contains(&b'\r') && !bytes.contains(&b'\n') { b'\r' } else { b'\n' };
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == end).collect();
    // A line of nothing but quotation marks may be an empty cell, which is blank; and a byte order mark is nothing.
    let is_blank = |line: &[u8]| {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        line.iter().all(|byte| byte.is_ascii_whitespace() || *byte == b'"')
    };
    let blank = |from: u64, to: u64| {
        for line in from..to {
            assert!(is_blank(lines[line as usize - 1]), "line {line} is lost: {got:?}");
        }
    };
    // The header, if no quotation mark may make it longer than a line.
    let sep = lines[0].get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    let skipped = usize::from(sep && matches!(lines[0].len(), 5 | 6));
    let header = (skipped..lines.len()).find(|&index| !is_blank(lines[index])).unwrap_or(lines.len());
    let plain = lines[skipped..lines.len().min(header + 1)].iter().all(|line| !line.contains(&b'"'));
    let mut next = plain.then_some(header as u64 + 2);
    for Record { line, what } in &got.records {
        assert!(*line > header as u64 + 1 && *line <= lines.len() as u64, "line {line}: {got:?}");
        assert!(!lines[*line as usize - 1].is_empty(), "line {line} is empty: {got:?}");
        if let Some(next) = next {
            assert!(*line >= next, "line {line} was read already: {got:?}");
            blank(next, *line);
        }
        next = match what {
            What::Row { cells, .. } => {
                let ends = cells[2..].iter().flatten().filter(|byte| **byte == end).count() as u64;
                Some(line + 1 + ends)
            }
            What::Rejected { reason: Rejection::UnclosedQuote | Rejection::TooLong, .. } => Some(line + 1),
            // How many lines such a record had is not told.
            What::Rejected { .. } => None,
        };
    }
    if let Some(next) = next {
        blank(next, lines.len() as u64 + 1);
    }
}

/// A small archive may hold gigabytes; so much of it is enough here.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024;
/// By so much the reader knows what ends a line.
const SNIFFED_BYTES: usize = 32 * 1024;
/// With the number behind a name that occurs twice.
const NAME_CHARS_MAX: usize = 110;
const DETAIL_CHARS_MAX: usize = 240;
/// 1500 bytes of cells, and three beside each of some dozen.
const EVIDENCE_BYTES_MAX: usize = 1600;
