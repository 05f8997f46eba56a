//! CSV records with their physical lines, strict about quotation marks.
//!
//! A lenient reader lets an unclosed quotation mark swallow the lines up to the next one, and their addresses
//! would silently fall to a wider prefix. Here a record whose quotation marks do not add up ends with its
//! physical line and says that it is broken; the next line is read on its own.

use std::borrow::Cow;

/// One record.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// Physical line on which it starts, from 1.
    pub(crate) line: u32,
    pub(crate) cells: Vec<Cow<'a, str>>,
    /// The quotation marks do not add up: which cell is which is not certain.
    pub(crate) broken: bool,
}

/// The records of a text that are not blank.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    rest: &'a str,
    line: u32,
    delimiter: u8,
}

impl<'a> Records<'a> {
    /// `delimiter` is ASCII and no quotation mark.
    pub(crate) fn new(text: &'a str, delimiter: u8) -> Self {
        Self { rest: text, line: 1, delimiter }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        while !self.rest.is_empty() {
            let window = &self.rest[..self.rest.floor_char_boundary(RECORD_BYTES_MAX)];
            let (cells, end, broken) = match split(window, self.delimiter) {
                Some((cells, end)) if end < window.len() || end == self.rest.len() => (cells, end, false),
                _ => {
                    let end = memchr::memchr2(b'\r', b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
                    let cells = window[..end.min(window.len())].split(char::from(self.delimiter));
                    (cells.map(|cell| cell.trim().trim_matches('"').into()).collect(), end, true)
                }
            };
            let line = self.line;
            self.line += line_ends(&self.rest[..end]);
            self.rest = &self.rest[end..];
            if let Some(rest) = self.rest.strip_prefix("\r\n").or(self.rest.strip_prefix(['\r', '\n'])) {
                self.rest = rest;
                self.line += 1;
            }
            if cells.iter().any(|cell| !cell.trim().is_empty()) {
                return Some(Record { line, cells, broken });
            }
        }
        None
    }
}

/// The cells of the first record and where it ends; `None` if its quotation marks do not add up.
fn split(text: &str, delimiter: u8) -> Option<(Vec<Cow<'_, str>>, usize)> {
    let bytes = text.as_bytes();
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let start = at;
        if bytes.get(at) == Some(&b'"') {
            loop {
                at += 1 + memchr::memchr(b'"', &bytes[at + 1..])?;
                if bytes.get(at + 1) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            let inner = &text[start + 1..at];
            cells.push(if inner.contains('"') { inner.replace("\"\"", "\"").into() } else { inner.into() });
            at += 1;
        } else {
            at += memchr::memchr3(delimiter, b'\r', b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
            cells.push(text[start..at].into());
        }
        match bytes.get(at) {
            Some(&byte) if byte == delimiter => at += 1,
            None | Some(b'\r' | b'\n') => return Some((cells, at)),
            Some(_) => return None,
        }
    }
}

/// Line ends inside a text: `\n`, `\r\n` or a lone `\r`.
fn line_ends(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\r', b'\n', bytes);
    let ends = ends.filter(|&end| bytes[end] == b'\n' || bytes.get(end + 1) != Some(&b'\n'));
    ends.count() as u32
}

/// A longer record is a quotation mark that was never closed; it leaves room for thousands of addresses in a cell.
/// What stands behind it in the same line is not looked at: a file of nothing but commas would take thirty times
/// its size in memory.
const RECORD_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, Vec<String>, bool)> {
        let records = Records::new(text, b',');
        records.map(|r| (r.line, r.cells.into_iter().map(Cow::into_owned).collect(), r.broken)).collect()
    }

    fn record(line: u32, cells: &[&str], broken: bool) -> (u32, Vec<String>, bool) {
        (line, cells.iter().map(|c| (*c).to_owned()).collect(), broken)
    }

    #[test]
    fn cells_and_physical_lines() {
        let text = "a,b\r\n\r\n,\n\"x\ny\",\"say \"\"hi\"\"\"\rlast, \"q\" ,";
        let expected = [
            record(1, &["a", "b"], false),
            record(4, &["x\ny", "say \"hi\""], false),
            record(6, &["last", " \"q\" ", ""], false),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn every_line_end_in_a_cell_counts_once() {
        let lines = |cell: &str| read(&format!("a,\"{cell}\"\nlast"))[1].0;
        assert_eq!(["", "x\ny", "x\r\ny", "x\ry", "x\r", "\r\r\n"].map(lines), [2, 3, 3, 3, 3, 4]);
        let long = "192.0.2.1\n".repeat(10_000);
        assert_eq!(read(&format!("7,\"{long}\"")), [record(1, &["7", &long], false)]);
    }

    #[test]
    fn an_unclosed_quotation_mark_swallows_no_line() {
        let text = "C1,\"Foo,a\nC2,\"Bar\",b\nC3,\"Zur Post\" Inc,c\nC4,\"open";
        let expected = [
            record(1, &["C1", "Foo", "a"], true),
            record(2, &["C2", "Bar", "b"], false),
            record(3, &["C3", "Zur Post\" Inc", "c"], true),
            record(4, &["C4", "open"], true),
        ];
        assert_eq!(read(text), expected);
        let far = format!("C1,\"{}\nC2,b", "x\n".repeat(RECORD_BYTES_MAX));
        assert_eq!(read(&far).len(), RECORD_BYTES_MAX + 1);
    }

    #[test]
    fn a_line_beyond_the_limit_is_cut_and_the_next_is_read() {
        let text = format!("{}\n7,x\n", ",a".repeat(RECORD_BYTES_MAX));
        let records = read(&text);
        assert_eq!(records[1], record(2, &["7", "x"], false));
        let (line, cells, broken) = &records[0];
        assert_eq!((*line, cells.len(), *broken), (1, RECORD_BYTES_MAX / 2 + 1, true));
    }
}
