//! The CSV of real life, by name, and what must hold for any bytes at all.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::report::{CELLS_MAX, RECORD_BYTES_MAX};
use chunked::Chunked;

#[path = "../../../tests/fuzz/src/chunked.rs"]
#[expect(unreachable_pub, reason = "the fuzzers, which are a package of their own, use it, too")]
mod chunked;

/// What was read: rows as (line, cells), rejected records as (line, reason).
#[derive(Clone, Debug, Default, PartialEq)]
struct Got {
    rows: Vec<(u64, Vec<Vec<u8>>)>,
    rejected: Vec<(u64, Rejection)>,
    surplus: usize,
}

impl Got {
    fn lines(&self) -> Vec<u64> {
        self.rows.iter().map(|(line, _)| *line).collect()
    }

    /// One cell of every row, as text.
    fn column(&self, index: usize) -> Vec<String> {
        self.rows.iter().map(|(_, cells)| crate::report::text(&cells[index]).into_owned()).collect()
    }
}

fn read_from(input: impl Read) -> Result<Got, ReaderError> {
    let mut reader = Reader::new(input, Hint { kind: Some("scan_rdp"), file_name: None })?;
    let header = reader.header.clone();
    let mut got = Got::default();
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Row(row) => {
                let cells = (0..header.names.len()).map(|index| row.cell(index).to_vec()).collect();
                got.surplus += row.surplus(&header);
                got.rows.push((row.line, cells));
            }
            Item::Rejected { line, reason, .. } => got.rejected.push((line, reason)),
        }
    }
    Ok(got)
}

#[track_caller]
fn read(bytes: impl AsRef<[u8]>) -> Got {
    read_from(bytes.as_ref()).unwrap()
}

/// A row of [`HEADER`] with this text in its last cell but one.
fn row(number: u8, text: &str) -> String {
    format!("2026-11-20 00:00:{number:02},198.18.0.{number},80,{text},end\n")
}

/// A report of rows with these texts.
fn report(texts: &[&str]) -> String {
    let rows = texts.iter().zip(1..).map(|(text, number)| row(number, text));
    HEADER.to_owned() + &rows.collect::<String>()
}

#[test]
fn plain_lf() {
    let got = read(report(&["a", "b"]));
    assert_eq!((got.lines(), got.column(3)), (vec![2, 3], vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(read(format!("\u{feff}{}", report(&["a"]))).lines(), [2]);
    let quoted = report(&["a"]).replacen("timestamp", "\"timestamp\"", 1);
    assert_eq!(read(format!("\u{feff}{quoted}")).lines(), [2]);
}

#[test]
fn crlf_and_lone_cr_files() {
    let crlf = read(report(&["a", "\"b\nc\""]).replace('\n', "\r\n"));
    assert_eq!((crlf.lines(), crlf.column(4)), (vec![2, 3], vec!["end".to_owned(); 2]));
    let cr = read(report(&["a", "b", "c"]).replace('\n', "\r"));
    assert_eq!((cr.lines(), cr.column(4)), (vec![2, 3, 4], vec!["end".to_owned(); 3]));
}

#[test]
fn a_read_that_ends_with_a_line_is_not_the_end() {
    let text = report(&["a", "\"b\nc\"", "d"]);
    let sizes: Vec<usize> = text.split_inclusive('\n').map(str::len).collect();
    let mut turned = sizes.clone();
    turned.rotate_right(1);
    let got = read_from(Chunked::new(text.as_bytes(), &turned)).unwrap();
    assert_eq!((got.lines(), got.rejected.len()), (vec![2, 3, 5], 0));
    // Rows of which a power of two fills any window to its last byte.
    let header = format!("{:<31}\n", HEADER.trim_end());
    let line = format!("{:<31}\n", "2026-11-20 00:00:01,198.18.0.1");
    assert_eq!(read(header + &line.repeat(20_000)).rows.len(), 20_000);
}

#[test]
fn the_last_line_may_lack_its_end() {
    for text in [report(&["a", "b"]), report(&["a", "\"b\""])] {
        let got = read(text.trim_end());
        assert_eq!((got.lines(), got.rejected.len()), (vec![2, 3], 0));
    }
    let got = read(report(&["a", "b"]).trim_end_matches("end\n"));
    assert_eq!((got.lines(), got.column(4)), (vec![2, 3], vec!["end".to_owned(), String::new()]));
}

#[test]
fn nul_bytes_are_dropped_and_shift_nothing() {
    let got = read(report(&["a\0b", "\0", "\"\0\"", "c"]));
    assert_eq!(
        (got.lines(), got.column(3)),
        (vec![2, 3, 4, 5], ["ab", "", "", "c"].map(str::to_owned).into())
    );
    assert_eq!(read(report(&["a"]).replace(',', "\0,\0")).column(4), ["end"]);
}

#[test]
fn latin_1_reads_as_text() {
    let bytes: Vec<u8> =
        report(&["M?nchen"]).bytes().map(|byte| if byte == b'?' { 0xfc } else { byte }).collect();
    assert_eq!(read(bytes).column(3), ["M\u{fc}nchen"]);
    assert_eq!(read(report(&["M\u{fc}nchen"])).column(3), ["M\u{fc}nchen"]);
}

#[test]
fn short_rows_are_padded_and_long_ones_counted() {
    let text =
        HEADER.to_owned() + "2026-11-20 00:00:01,198.18.0.1\n2026-11-20 00:00:02,198.18.0.2,80,x,end,7,8,9\n";
    let got = read(text);
    assert_eq!(got.lines(), [2, 3]);
    assert_eq!(
        (got.column(2), got.column(4)),
        (vec![String::new(), "80".into()], vec![String::new(), "end".into()])
    );
    assert_eq!(got.surplus, 3);
}

#[test]
fn a_repeated_header_costs_itself() {
    let text = report(&["a"]) + HEADER + &row(2, "b");
    let got = read(text);
    assert_eq!((got.lines(), got.rejected), (vec![2, 4], vec![(3, Rejection::RepeatedHeader)]));
}

#[test]
fn odd_quotes_stay_in_their_row() {
    for (text, cell) in [
        ("\"say \"\"hi\"\"\"", "say \"hi\""),
        ("say \"hi\"", "say \"hi\""),
        ("5\" disk", "5\" disk"),
        ("\"Basic realm=\\\"\"OpenWebif\\\"\"\"", "Basic realm=\\\"OpenWebif\\\""),
        ("\"\"", ""),
        ("\"\"\"\"", "\""),
        ("\"back\\slash\\\"", "back\\slash\\"),
    ] {
        let got = read(report(&["before", text, "after"]));
        assert_eq!((got.lines(), got.rejected.len()), (vec![2, 3, 4], 0), "{text}");
        assert_eq!(got.column(3), ["before", cell, "after"], "{text}");
    }
}

#[test]
fn backslash_quotes_cost_at_most_their_own_row() {
    for text in [
        "\"Basic realm=\\\"x\\\"\"",
        "\"\\\"\"vendor=S\\\"\" \\\"\"model\\\"\"\"",
        "\"a\\\"",
        "\"\\\",\\\"\"",
    ] {
        let got = read(report(&["before", text, "after"]));
        let column = got.column(3);
        assert_eq!(
            (column.first().unwrap().as_str(), column.last().unwrap().as_str()),
            ("before", "after"),
            "{text}"
        );
        assert_eq!(got.rows.len() + got.rejected.len(), 3, "{text}");
    }
}

#[test]
fn an_unclosed_quote_costs_one_row_early_late_and_at_the_end() {
    let texts: Vec<String> = (0..200).map(|number| format!("t{number}")).collect();
    for bad in [0, 1, 100, 198, 199] {
        let texts: Vec<&str> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| if n == bad { "\"open" } else { text.as_str() })
            .collect();
        let text = HEADER.to_owned() + &texts.iter().map(|text| row(7, text)).collect::<String>();
        for text in [text.as_str(), text.trim_end()] {
            let got = read(text);
            assert_eq!(got.rejected, [(bad as u64 + 2, Rejection::UnclosedQuote)]);
            let lines: Vec<u64> = (2..202).filter(|line| *line != bad as u64 + 2).collect();
            assert_eq!(got.lines(), lines);
        }
    }
}

#[test]
fn an_unclosed_quote_before_a_quoted_cell_costs_one_row() {
    // The next quote opens, for an eye, and closes, for a lenient parser.
    let got = read(report(&["\"open", "\"fine\"", "\"two\nlines\"", "plain"]));
    assert_eq!(got.rejected, [(2, Rejection::UnclosedQuote)]);
    assert_eq!(
        (got.lines(), got.column(3)),
        (vec![3, 4, 6], ["fine", "two\nlines", "plain"].map(str::to_owned).into())
    );
}

#[test]
fn quoted_line_breaks_count_as_physical_lines() {
    let got = read(report(&["\"a\nb\n\nc\"", "\"\n\"", "d"]));
    assert_eq!(
        (got.lines(), got.column(3)),
        (vec![2, 6, 8], ["a\nb\n\nc", "\n", "d"].map(str::to_owned).into())
    );
}

#[test]
fn a_cell_that_looks_like_rows_stays_one_cell() {
    for inside in [
        format!("220 hi\n{}", row(99, "forged").trim_end()),
        format!("\n{}{}", row(98, "forged"), row(99, "forged")),
        format!("\",end\n{}2026-11-20 00:00:99,198.18.0.99,80,\"", row(98, "forged")),
        format!("x\n{HEADER}{}", row(99, "forged")),
    ] {
        let quoted = format!("\"{}\"", inside.replace('"', "\"\""));
        let got = read(report(&["before", &quoted, "after"]));
        assert_eq!(got.column(3), ["before", &inside, "after"]);
        assert_eq!(got.column(1), ["198.18.0.1", "198.18.0.2", "198.18.0.3"]);
        assert_eq!(got.rejected, []);
    }
}

#[test]
fn a_cell_of_a_megabyte_is_a_cell() {
    let long = "x".repeat(1 << 20);
    let got = read(report(&[&long, &format!("\"{long}\""), "after"]));
    assert_eq!(got.lines(), [2, 3, 4]);
    assert!(got.column(3) == [long.as_str(), &long, "after"], "the cells differ");
}

#[test]
fn a_line_of_five_megabytes_costs_itself() {
    let long = "x".repeat(5_000_000);
    assert!(long.len() > RECORD_BYTES_MAX);
    for text in [long.clone(), format!("\"{long}\""), format!("\"{long}")] {
        let got = read(report(&["before", &text, "after"]));
        assert_eq!((got.lines(), &got.rejected[..]), (vec![2, 4], &[(3, Rejection::TooLong)][..]));
        assert!(got.column(3) == ["before", "after"]);
    }
}

#[test]
fn ten_thousand_columns_are_read() {
    let names: String = (0..10_000).map(|number| format!(",c{number}")).collect();
    let cells: String = (0..10_000).map(|number| format!(",{number}")).collect();
    let text = format!(
        "timestamp,ip{names}\n2026-11-20 00:00:01,198.18.0.1{cells}\n2026-11-20 00:00:02,198.18.0.2\n"
    );
    let got = read(text);
    assert_eq!((got.lines(), got.rows[0].1.len()), (vec![2, 3], 10_002));
    assert_eq!(
        (got.rows[0].1[10_001].as_slice(), got.rows[1].1[10_001].as_slice()),
        (&b"9999"[..], &b""[..])
    );
    let beyond = report(&["before", &",".repeat(2 * CELLS_MAX), "after"]);
    let got = read(beyond);
    assert_eq!((got.lines(), got.rejected), (vec![2, 4], vec![(3, Rejection::TooLong)]));
}

#[test]
fn other_separators() {
    for separator in [";", "\t"] {
        let text = report(&["a,b", "\"c;\td\""]).replacen("text", "te-xt", 1);
        let (head, body) = text.split_once('\n').unwrap();
        let body = body.replace(",80,", "|80|").replace(",end", "|end").replace(",198", "|198");
        let text = format!("{}\n{}", head.replace(',', separator), body.replace('|', separator));
        for start in ["", &format!("sep={separator}\n"), &format!("SEP={separator}\r\n")] {
            let got = read(format!("{start}{text}"));
            let first = if start.is_empty() { 2 } else { 3 };
            assert_eq!(got.lines(), [first, first + 1], "{start:?}");
            assert_eq!(
                (got.column(3), got.column(4)),
                (vec!["a,b".into(), "c;\td".into()], vec!["end".into(); 2])
            );
        }
    }
}

#[test]
fn of_two_separators_that_are_as_many_the_comma_counts() {
    let got = read("timestamp,ip,a;b;c\n2026-11-20 00:00:01,198.18.0.1,x;y\n");
    assert_eq!(got.column(2), ["x;y"]);
}

#[test]
fn blank_lines_are_no_records() {
    let text = format!("{HEADER}\n\r\n{}   \n\n{}\n\n", row(1, "a"), row(2, "\"b\n\nc\""));
    let got = read(text);
    assert_eq!((got.lines(), got.rejected.len()), (vec![4, 7], 0));
}

#[test]
fn duplicate_column_names_get_numbers() {
    let text = "timestamp,type,ip,type,type\n2026-11-20 00:00:01,a,198.18.0.1,b,c\n";
    let reader = Reader::new(text.as_bytes(), Hint::default()).unwrap();
    assert_eq!(reader.header.names, ["timestamp", "type", "ip", "type_2", "type_3"]);
    // The first address column counts.
    let text = "timestamp,ip,ip\n2026-11-20 00:00:01,198.18.0.1,198.18.0.2\n";
    let mut reader = Reader::new(text.as_bytes(), Hint::default()).unwrap();
    let Ok(Some(Item::Row(row))) = reader.next_item() else { panic!("no row") };
    assert_eq!(row.address, Address::Ip("198.18.0.1".parse().unwrap()));
}

#[test]
fn what_is_no_report_is_refused_as_a_whole() {
    for empty in ["", "\n", "\r\n\r\n", "  \n", "\u{feff}", "\0\0"] {
        assert!(matches!(read_from(empty.as_bytes()), Err(ReaderError::Empty)), "{empty:?}");
    }
    let html = "<!DOCTYPE html>\n<html><body>404, not found, \"sorry\"</body></html>\n";
    for other in
        [html, "{\"error\":\"no\"}", "PK\x03\x04", "ip,port\n198.18.0.1,80\n", "\"timestamp,ip\n1,2\n"]
    {
        assert!(matches!(read_from(other.as_bytes()), Err(ReaderError::NotAReport)), "{other:?}");
    }
    let wide = format!("timestamp{}\n", ",x".repeat(2 * CELLS_MAX));
    assert!(matches!(read_from(wide.as_bytes()), Err(ReaderError::NotAReport)));
}

#[test]
fn a_header_may_go_over_two_lines() {
    let got = read(report(&["a", "\"b\nc\""]).replacen("text", "\"te\nxt\"", 1));
    assert_eq!((got.lines(), got.column(4)), (vec![3, 4], vec!["end".to_owned(); 2]));
}

#[test]
fn a_header_alone_is_a_report_without_rows() {
    assert_eq!(read(HEADER), Got::default());
    assert_eq!(read(HEADER.trim_end()), Got::default());
}

#[test]
fn an_unknown_type_works_from_its_header() {
    for (header, port) in [("timestamp,ip,port", Some(80)), ("src_port,src_ip,timestamp", None)] {
        let text = format!("{header}\n2026-11-20 00:00:01,198.18.0.1,80\n");
        let hint = Hint { kind: Some("scan_newthing"), file_name: None };
        let mut reader = Reader::new(text.as_bytes(), hint).unwrap();
        assert_eq!(reader.header.kind_name, "scan_newthing");
        match (reader.next_item().unwrap(), port) {
            (Some(Item::Row(row)), Some(port)) => {
                assert_eq!((row.address, row.port), (Address::Ip("198.18.0.1".parse().unwrap()), Some(port)));
            }
            (Some(Item::Rejected { reason: Rejection::Time, line: 2, .. }), None) => {}
            _ => panic!("{header}"),
        }
    }
}

#[test]
fn columns_may_come_in_any_order() {
    let text = "Extra,PORT,Ip,\"severity\",timestamp\nx,80,198.18.0.1,critical,2026-11-20 00:00:01\n";
    let mut reader = Reader::new(text.as_bytes(), Hint::default()).unwrap();
    let Ok(Some(Item::Row(row))) = reader.next_item() else { panic!("no row") };
    assert_eq!((row.address, row.port), (Address::Ip("198.18.0.1".parse().unwrap()), Some(80)));
    assert_eq!(row.severity, crate::report::kind::Severity::Critical);
    assert_eq!(row.time, "2026-11-20T00:00:01Z".parse::<Timestamp>().unwrap());
}

#[test]
fn an_infection_is_named_by_the_first_column_that_names_it() {
    let text = "timestamp,src_ip,tag,family,infection\n2026-11-20 00:00:01,198.18.0.1,tag,family,infection\n\
                2026-11-20 00:00:01,198.18.0.1,tag,family,\n2026-11-20 00:00:01,198.18.0.1,tag,,\n\
                2026-11-20 00:00:01,198.18.0.1,,,\n";
    let hint = Hint { kind: Some("event4_sinkhole"), file_name: None };
    let mut reader = Reader::new(text.as_bytes(), hint).unwrap();
    for expected in ["infection", "family", "tag", ""] {
        let Ok(Some(Item::Row(row))) = reader.next_item() else { panic!("no row") };
        assert_eq!(crate::report::text(row.infection), expected);
    }
}

#[test]
fn whose_port_it_is_is_known_by_the_type() {
    for (kind, header, is_source) in
        [("event4_sinkhole", "timestamp,src_ip,src_port\n", true), ("scan_rdp", "timestamp,ip,port\n", false)]
    {
        let hint = Hint { kind: Some(kind), file_name: None };
        assert_eq!(Reader::new(header.as_bytes(), hint).unwrap().header.port_is_source, is_source, "{kind}");
    }
}

#[test]
fn each_bad_row_costs_exactly_one() {
    let bad = [
        ("not a time,198.18.0.1,80,x,end\n", Rejection::Time),
        ("2026-11-31 00:00:00,198.18.0.1,80,x,end\n", Rejection::Time),
        ("2026-11-20 24:00:00,198.18.0.1,80,x,end\n", Rejection::Time),
        (",198.18.0.1,80,x,end\n", Rejection::Time),
        ("2026-11-20 00:00:00,0.0.0.0,80,x,end\n", Rejection::Address),
        ("2026-11-20 00:00:00,::,80,x,end\n", Rejection::Address),
        ("2026-11-20 00:00:00,198.18.0.1.2,80,x,end\n", Rejection::Address),
        ("2026-11-20 00:00:00,198.018.0.1,80,x,end\n", Rejection::Address),
        ("2026-11-20 00:00:00,0.0.0.0/0,80,x,end\n", Rejection::Address),
        ("2026-11-20 00:00:00\n", Rejection::Address),
        ("2026-11-20 00:00:00,198.18.0.1,80,\"x,end\n", Rejection::UnclosedQuote),
        (HEADER, Rejection::RepeatedHeader),
    ];
    let mut text = HEADER.to_owned();
    for (line, _) in bad {
        text += &row(1, "\"two\nlines\"");
        text += line;
    }
    text += &row(2, "last");
    let got = read(text);
    let expected: Vec<_> = bad.iter().zip(0..).map(|((_, reason), n)| (4 + 3 * n, *reason)).collect();
    assert_eq!(got.rejected, expected);
    let lines: Vec<u64> = (0..=bad.len() as u64).map(|n| 2 + 3 * n).collect();
    assert_eq!(got.lines(), lines);
}

/// What may stand in a report, good and bad.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0u8..60).prop_map(|number| row(number, "text")),
        2 => (0u8..60).prop_map(|number| row(number, "\"quoted, \"\"text\"\"\nof two lines\"")),
        1 => Just("\"".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\0".to_owned()),
        1 => Just(",".to_owned()),
        1 => Just("\"\"".to_owned()),
        1 => Just("\\\"".to_owned()),
        1 => Just(HEADER.to_owned()),
        1 => "[ -~\u{e0}-\u{ff}]{0,20}",
    ]
}

/// A cell as any program may have to write it. NUL is dropped by the reader, so it stands in other tests.
fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9 ]{0,12}", "[,;\"'\\\\\n\r\t a-z\u{e0}-\u{ff}]{0,24}", Just(row(50, "forged"))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_reads_the_same(
        pieces in prop::collection::vec(piece(), 0..40),
        sizes in prop::collection::vec(prop_oneof![1usize..8, 1usize..5000], 1..6),
        long in prop::option::of(0usize..40),
    ) {
        let mut text = HEADER.to_owned();
        for (index, piece) in pieces.iter().enumerate() {
            text += piece;
            // Beyond one window of the reader.
            if long == Some(index) {
                text += &row(1, &"x".repeat(70_000));
            }
        }
        let whole = read(&text);
        let chunked = read_from(Chunked::new(text.as_bytes(), &sizes)).unwrap();
        prop_assert_eq!(chunked.lines(), whole.lines());
        prop_assert_eq!(&chunked.rejected, &whole.rejected);
        prop_assert!(chunked == whole, "the cells differ");
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..400), headed in any::<bool>()) {
        let mut input = if headed { HEADER.as_bytes().to_vec() } else { Vec::new() };
        input.extend(&bytes);
        if let Ok(got) = read_from(&input[..]) {
            let ends = input.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            prop_assert!(got.rows.len() + got.rejected.len() <= ends);
        }
    }

    #[test]
    fn any_mix_of_pieces_is_taken(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = HEADER.to_owned() + &pieces.concat();
        let got = read(&text);
        let mut lines: Vec<u64> = got.lines().into_iter().chain(got.rejected.iter().map(|(line, _)| *line)).collect();
        lines.sort_unstable();
        prop_assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "a line gives at most one item");
        let ends = text.bytes().filter(|&byte| byte == b'\n').count() as u64;
        prop_assert!(lines.last().is_none_or(|&last| last <= ends + 1));
    }

    #[test]
    fn correct_csv_reads_as_it_was_written(
        rows in prop::collection::vec((0u8..3, any_cell(), any_cell()), 0..40),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["timestamp", "ip", "one", "two", "end"]).unwrap();
        for (sort, one, two) in &rows {
            let (time, ip) = match sort {
                0 => ("2026-11-20 01:02:03", "198.18.0.1"),
                1 => ("yesterday", "198.18.0.1"),
                _ => ("2026-11-20 01:02:03", "nowhere"),
            };
            writer.write_record([time, ip, one, two, "end"]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let got = read(&bytes);

        let mut records = csv::Reader::from_reader(&bytes[..]);
        let records: Vec<csv::ByteRecord> = records.byte_records().map(|record| record.unwrap()).collect();
        prop_assert_eq!(records.len(), rows.len());
        prop_assert_eq!(got.rows.len() + got.rejected.len(), records.len());
        let (mut kept, mut rejected) = (got.rows.iter(), got.rejected.iter());
        for (record, (sort, one, two)) in records.iter().zip(&rows) {
            let before = &bytes[..record.position().unwrap().byte() as usize];
            // The other reader counts from behind the last record: the line end of CRLF may still follow.
            let line = before.iter().filter(|&&byte| byte == b'\n').count() as u64
                + 1 + u64::from(bytes[before.len()..].starts_with(b"\n"));
            if *sort == 0 {
                let (ours, cells) = kept.next().unwrap();
                prop_assert_eq!(*ours, line);
                prop_assert_eq!(&cells[2..4], [one.as_bytes(), two.as_bytes()]);
            } else {
                let reason = if *sort == 1 { Rejection::Time } else { Rejection::Address };
                prop_assert_eq!(rejected.next().unwrap(), &(line, reason));
            }
        }
    }
}

/// How long a report with this body takes, and how many items it gives.
fn timed(unit: &str, bytes: usize) -> (Duration, usize) {
    let text = HEADER.to_owned() + &unit.repeat(bytes / unit.len());
    let start = Instant::now();
    let mut reader = Reader::new(text.as_bytes(), Hint::default()).unwrap();
    let mut items = 0;
    while reader.next_item().unwrap().is_some() {
        items += 1;
    }
    (start.elapsed(), items)
}

#[test]
fn nothing_but_quotes_is_read_in_bounded_work() {
    let (honest, rows) = timed(&row(1, "text"), HOSTILE_BYTES);
    assert!(rows > 0);
    for unit in ["\"\n", "\"", "\"\"\n", ",\"\n"] {
        let (hostile, items) = timed(unit, HOSTILE_BYTES);
        // Most of it is one item for each line; reading in vain behind open quotes has an end.
        assert!(
            hostile < honest * RATIO_MAX,
            "{unit:?}: {hostile:?} for {items} items, {honest:?} for {rows} rows"
        );
    }
}

const HEADER: &str = "timestamp,ip,port,text,end\n";

/// As the largest honest reports; unoptimized code gets less of it.
const HOSTILE_BYTES: usize = if cfg!(debug_assertions) { 4 << 20 } else { 64 << 20 };
/// Lines of two bytes cost more per byte than lines of fifty, and behind open quotes 32 MB are read in vain.
/// Trying every line with all that follows would be thousands of times the work.
const RATIO_MAX: u32 = 100;

fn time(text: &str) -> Option<String> {
    read_time(text.as_bytes(), &mut ([0; 10], Timestamp::from_unix(0))).map(|time| time.to_string())
}

#[test]
fn times_are_utc_to_the_second() {
    for (text, expected) in [
        ("2026-11-20 12:34:56", "2026-11-20T12:34:56Z"),
        ("2026-11-20T00:00:00", "2026-11-20T00:00:00Z"),
        ("2026-11-20 23:59:59", "2026-11-20T23:59:59Z"),
        ("2026-11-20 23:59:60", "2026-11-20T23:59:59Z"),
        ("2026-11-20T12:34:56Z", "2026-11-20T12:34:56Z"),
        ("2026-11-20T12:34:56+01:00", "2026-11-20T11:34:56Z"),
        ("2026-11-20 12:34:56.789", "2026-11-20T12:34:56Z"),
        ("2026-11-20", "2026-11-20T00:00:00Z"),
    ] {
        assert_eq!(time(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "",
        "2026-11-20 24:00:00",
        "2026-11-20 12:60:00",
        "2026-11-20 12:00:61",
        "2026-13-20 12:00:00",
        "2026-11-20 1a:00:00",
        "2026-11-20 a1:00:00",
        "2026-11-20 0/:00:00",
        "2026-11-20 /0:00:00",
        "20.11.2026 12:00:00",
        "x",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
    // The date is kept from row to row, and looked at again when it is another.
    let mut last = ([0; 10], Timestamp::from_unix(0));
    let mut of = |text: &str| read_time(text.as_bytes(), &mut last).map(|time| time.to_string());
    assert_eq!(of("2026-11-20 00:00:01").as_deref(), Some("2026-11-20T00:00:01Z"));
    assert_eq!(of("2026-11-20 00:00:02").as_deref(), Some("2026-11-20T00:00:02Z"));
    assert_eq!(of("2026-11-21 00:00:03").as_deref(), Some("2026-11-21T00:00:03Z"));
}

fn address(text: &str) -> Option<String> {
    read_address(text.as_bytes()).map(|address| match address {
        Address::Ip(ip) => ip.to_string(),
        Address::Net(net) => format!("net {net}"),
        Address::None => "none".to_owned(),
    })
}

#[test]
fn addresses_and_networks() {
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("1.22.0.199", "1.22.0.199"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("::ffff:192.0.2.1/128", "192.0.2.1"),
        ("192.0.2.77/24", "net 192.0.2.0/24"),
        ("2001:db8::1/32", "net 2001:db8::/32"),
        ("128.0.0.0/1", "net 128.0.0.0/1"),
    ] {
        assert_eq!(address(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "",
        "0.0.0.0",
        "::",
        "::ffff:0.0.0.0",
        "0.0.0.0/32",
        "::/128",
        "0.0.0.0/0",
        "::/0",
        "192.0.2",
        "192.0.2.1.1",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.001",
        "192.0.2.1 ",
        "192.0.2.",
        ".192.0.2.1",
        "192..0.2",
        "x",
        "192.0.2.1/33",
    ] {
        assert_eq!(address(text), None, "{text}");
    }
}

#[test]
fn the_words_of_rejections_are_an_interface() {
    let words = ["time", "address", "repeated_header", "unclosed_quote", "too_long"];
    assert_eq!(Rejection::ALL.map(Rejection::word), words);
}

#[test]
fn ports_are_from_one_to_65535() {
    let port = |text: &str| read_port(text.as_bytes());
    assert_eq!(["1", "80", "00080", "65535"].map(port), [Some(1), Some(80), Some(80), Some(65_535)]);
    assert_eq!(["", "0", "65536", "99999", "123456", "000080", "8o", "-1", "80 "].map(port), [None; 9]);
}

#[test]
fn an_excerpt_is_the_beginning_in_whole_characters() {
    let long = "\u{e4}".repeat(DETAIL_CHARS_MAX + 1);
    assert_eq!(excerpt(long.as_bytes()), "\u{e4}".repeat(DETAIL_CHARS_MAX));
    assert_eq!(excerpt(b"x\xe4"), "x\u{e4}", "Windows-1252");
    let wide = "\u{1f600}".repeat(DETAIL_CHARS_MAX);
    assert_eq!(excerpt(wide.as_bytes()), wide);
    assert_eq!(excerpt(b""), "");
}

#[test]
fn a_type_is_that_of_the_api_else_of_the_name_else_of_the_header() {
    let rdp = ["timestamp", "ip", "protocol", "port", "rdp_protocol"];
    let name = |kind, file_name, header: &[&str]| recognise(Hint { kind, file_name }, header).0;
    let file = Some("2026-11-20-scan_rdp-example-asn.csv");
    assert_eq!(name(Some("scan_ftp"), file, &rdp), "scan_ftp");
    assert_eq!(name(Some(""), file, &rdp), "scan_rdp");
    assert_eq!(name(None, file, &rdp), "scan_rdp");
    assert_eq!(name(None, Some("2026-11-20-scan_newer-example-asn.csv"), &rdp), "scan_newer");
    assert_eq!(name(None, Some("export.csv"), &["timestamp", "nothing"]), "unknown");
    // The header decides whether it is a list of the type or a newer type.
    let ssl = Some("2026-11-20-scan_ssl_new-example-asn.csv");
    let known = kind::columns("scan_ssl").unwrap();
    assert_eq!(name(None, ssl, &known), "scan_ssl");
    assert_eq!(name(None, ssl, &["timestamp", "ip", "never_seen"]), "scan_ssl_new");
    let day = |file_name| recognise(Hint { kind: None, file_name }, &rdp).2.map(|day| day.to_string());
    assert_eq!(day(file).as_deref(), Some("2026-11-20"));
    assert_eq!(day(None), None);
}

#[test]
fn every_octet_is_read() {
    for octet in 0..=255 {
        assert_eq!(read_ipv4(format!("{octet}.0.2.{octet}").as_bytes()), Some([octet, 0, 2, octet].into()));
    }
}

proptest! {
    /// Against the standard library, which takes the same and no more.
    #[test]
    fn any_dotted_quad(text in r"(0|[1-9][0-9]{0,2}|[0-9]{0,4}|x)(\.(0|[1-9][0-9]{0,2}|[0-9]{0,3})){2,4}") {
        prop_assert_eq!(read_ipv4(text.as_bytes()), text.parse::<Ipv4Addr>().ok(), "{}", text);
    }
}
