//! The reader asks for memory once and not again for each row or cell, counted by the allocator itself.
//!
//! Permitted are: what a header is made of, once a file; the doubling of the reader's three buffers until the largest
//! record fits, at most up to what a record may be; and, for a record that is rejected, the text that says why.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures are told")]

use std::fmt::Write as _;
use std::hint::black_box;

use abusebox::report::kind::{self, KINDS, Side};
use abusebox::report::{CELLS_MAX, Hint, Item, RECORD_BYTES_MAX, Reader};
use allocation_counter::{AllocationInfo, measure};

/// What a file came to.
#[derive(Debug)]
struct Cost {
    /// What the header took.
    begin: AllocationInfo,
    /// What all records took together.
    rest: AllocationInfo,
    rows: usize,
    rejected: usize,
}

/// Reads a report and looks at all of every row.
fn read(kind: &str, bytes: &[u8]) -> Cost {
    let (mut reader, mut rows, mut rejected) = (None, 0, 0);
    let begin = measure(|| reader = Reader::new(bytes, Hint { kind: Some(kind), file_name: None }).ok());
    let mut reader = reader.unwrap();
    let header = reader.header.clone();
    let rest = measure(|| {
        while let Some(item) = reader.next_item().unwrap() {
            match item {
                Item::Row(row) => {
                    rows += 1;
                    (0..header.names.len()).for_each(|index| _ = black_box(row.cell(index)));
                    black_box((row.surplus(&header), row.infection, row.protocol, row.nature));
                }
                Item::Rejected { .. } => rejected += 1,
            }
        }
    });
    Cost { begin, rest, rows, rejected }
}

/// A quoted cell as Shadowserver's and other people's programs write it, hard ones among them.
fn cell(number: usize) -> &'static [u8] {
    const CELLS: [&[u8]; 12] = [
        b"",
        b"\"\"",
        b"plain",
        b"\"quoted\"",
        b"\"with, separators; and\ttabs\"",
        b"\"one\nline\r\nand another\"",
        b"\"he said \"\"no\"\"\"",
        b"\"\"\"\"",
        b"odd \"quotes\" inside",
        // Windows-1252 and not UTF-8.
        b"\"M\xfcnchen;\xe4\"",
        b"\"\xc3\xbcn\xc3\xafc\xc3\xb6de\"",
        b"\"nul\0inside\"",
    ];
    CELLS[number % CELLS.len()]
}

/// A report with these columns. No row is like the one before it.
fn report(columns: &[&str], rows: usize, ends: &[u8]) -> Vec<u8> {
    let mut csv = columns.join(",").into_bytes();
    csv.extend_from_slice(ends);
    for row in 0..rows {
        for (index, name) in columns.iter().enumerate() {
            if index > 0 {
                csv.push(b',');
            }
            let (high, low) = (row / 250 % 250, row % 250 + 1);
            let text = match *name {
                "timestamp" if row % 7 == 0 => format!("2026-11-20T{:02}:00:00+01:00", row % 24),
                "timestamp" => format!("\"2026-11-20 {:02}:{:02}:59\"", row % 24, row % 60),
                "ip" | "src_ip" | "dst_ip" | "http_referer_ip" if row % 5 == 0 => {
                    format!("\"2001:db8:{high:x}::{low:x}\"")
                }
                "ip" if row % 11 == 0 => format!("198.18.{high}.0/24"),
                "ip" | "src_ip" | "dst_ip" | "http_referer_ip" => format!("\"198.18.{high}.{low}\""),
                "port" | "src_port" => format!("{}", row % 70_000),
                "severity" => ["critical", "\"HIGH\"", "odd", ""][row % 4].to_owned(),
                _ => {
                    csv.extend_from_slice(cell(row + index * 5));
                    continue;
                }
            };
            csv.extend_from_slice(text.as_bytes());
        }
        csv.extend_from_slice(ends);
    }
    csv
}

#[test]
fn the_counter_counts() {
    let info = measure(|| drop(black_box(vec![0u8; 1000])));
    assert_eq!((info.count_total, info.bytes_max, info.bytes_current), (1, 1000, 0));
}

/// Every type that Shadowserver has, the longest with 178 columns: not one allocation for a row.
#[test]
fn rows_of_any_type_cost_nothing() {
    let (mut files, mut rows) = (0, 0);
    for kind in KINDS {
        let Some(columns) = kind::columns(kind.name) else { continue };
        for ends in [&b"\n"[..], b"\r\n"] {
            let [few, many] = [60, 600].map(|rows| read(kind.name, &report(&columns, rows, ends)));
            assert!(few.rows == 60 && many.rows == 600, "{}: {few:?} {many:?}", kind.name);
            for cost in [few, many] {
                assert_eq!(cost.rest.count_total, 0, "{}: {cost:?}", kind.name);
                (files, rows) = (files + 1, rows + cost.rows);
            }
        }
    }
    println!("{rows} rows in {files} files of all types: no allocation for any of them");
    assert!(files > 400);
}

/// A header costs as much for ten times the rows, and a fixed number of allocations a column.
#[test]
fn more_columns_cost_a_header_only() {
    for side in [Side::Ip, Side::SrcIp] {
        let (address, port) = side.columns().unwrap();
        let mut begin = Vec::new();
        for width in [20, 200] {
            let more: Vec<String> = (4..width).map(|number| format!("column_{number}")).collect();
            let columns: Vec<&str> = ["timestamp", address, port, "tag"]
                .into_iter()
                .chain(more.iter().map(String::as_str))
                .collect();
            let [few, many] = [300, 3000].map(|rows| read("not_heard_of", &report(&columns, rows, b"\n")));
            assert_eq!((few.rows, many.rows), (300, 3000));
            assert_eq!((few.rest.count_total, many.rest.count_total), (0, 0), "{width} columns");
            assert_eq!(few.begin, many.begin, "{width} columns");
            begin.push(few.begin.count_total);
        }
        println!("a header of 20 columns: {} allocations, of 200: {}", begin[0], begin[1]);
        assert!(begin[1] <= 10 * begin[0] && begin[1] <= 10 * 200, "{begin:?}");
    }
}

/// A buffer doubles until the largest record fits, and then stays: no matter how many such records there are.
#[test]
fn large_records_let_buffers_grow_once() {
    let long = "x".repeat(RECORD_BYTES_MAX - 1000);
    let line = "y\n".repeat(200_000);
    let wide = ",".repeat(CELLS_MAX - 10);
    let bodies: [(&str, String); 3] = [
        ("a cell of almost the largest size", format!("\"{long}\"")),
        ("a cell of many lines", format!("\"{line}\"")),
        ("almost as many cells as may be", wide),
    ];
    for (what, body) in bodies {
        let [few, many] = [2, 20].map(|rows| {
            let mut csv = "timestamp,ip,port,text\n".to_owned();
            (0..rows).for_each(|row| {
                writeln!(csv, "2026-11-20 10:00:00,198.18.0.{},80,{body}", row + 1).unwrap();
                // Between large ones, small ones.
                csv += "2026-11-20 10:00:00,198.18.1.1,80,\"\"\"small\"\"\"\n";
            });
            read("scan_rdp", csv.as_bytes())
        });
        assert_eq!((few.rows, many.rows), (4, 40), "{what}: {few:?} {many:?}");
        println!("{what}: {} allocations, {} bytes at most", many.rest.count_total, many.rest.bytes_max);
        assert_eq!(few.rest, many.rest, "{what}");
        assert!((1..=GROWTHS_MAX).contains(&many.rest.count_total), "{what}: {many:?}");
    }
}

/// A quote that is never closed costs its line: the buffers grow as for a large record, and no further.
#[test]
fn rejected_records_cost_their_reason() {
    let [few, many] = [2000, 20_000].map(|rows| {
        let mut csv = "timestamp,ip,port,text\n".to_owned();
        for row in 0..rows {
            let line = match row % 4 {
                0 => "2026-11-20 10:00:00,198.18.0.1,80,\"never closed",
                1 => "timestamp,ip,port,text",
                2 => "yesterday,198.18.0.1,80,x",
                _ => "2026-11-20 10:00:00,0.0.0.0,80,x",
            };
            writeln!(csv, "{line}").unwrap();
        }
        read("scan_rdp", csv.as_bytes())
    });
    assert_eq!((few.rejected, many.rejected), (2000, 20_000), "{few:?} {many:?}");
    let each = many.rest.count_total as f64 / many.rejected as f64;
    println!("{each:.2} allocations for a rejected record, {} bytes at most", many.rest.bytes_max);
    // The text, and what the parser of times says to a cell that is none.
    assert!(many.rest.count_total <= 3 * many.rejected as u64 + GROWTHS_MAX, "{many:?}");
    assert_eq!((few.rest.bytes_max, few.rest.bytes_current), (many.rest.bytes_max, many.rest.bytes_current));
}

/// From their first size to the largest, the buffers double so often: 64 KiB of input to 8 MiB, 4 KiB of cells to
/// 4 MiB, 256 ends of cells to 16,384.
const GROWTHS_MAX: u64 = 7 + 10 + 6;
