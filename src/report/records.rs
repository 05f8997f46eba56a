//! Bytes to CSV records, each with the physical line on which it starts.
//!
//! The parser is `csv-core`, the one inside `csv`; it is driven directly because `csv::Reader` cannot step back. It is
//! asked only where [`plain`] cannot say where the cells of a line lie.
//! One unclosed quote must cost one line and not the rest of the file, so a record that runs over several lines
//! is believed only if it is correct to the letter; otherwise its first line is taken alone and reading goes on
//! at the second.

use std::io::{self, Read};
use std::ops::Range;

use csv_core::ReadRecordResult;

use super::plain;

/// The cells of one record, raw.
#[derive(Clone, Copy)]
pub(super) struct Cells<'r> {
    text: &'r [u8],
    /// Where each lies in the text.
    places: &'r [Range<u32>],
}

impl<'r> Cells<'r> {
    pub(super) fn len(self) -> usize {
        self.places.len()
    }

    /// A missing cell reads as empty.
    pub(super) fn get(self, index: usize) -> &'r [u8] {
        self.places.get(index).map_or(&[], |place| &self.text[place.start as usize..place.end as usize])
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'r [u8]> {
        (0..self.len()).map(move |index| self.get(index))
    }

    fn is_blank(self) -> bool {
        self.len() == 0 || self.len() == 1 && self.get(0).trim_ascii().is_empty()
    }
}

/// Cells that the parser took out of their quotes.
struct Parsed {
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A record; its cells are in [`Records::cells`].
    Record {
        line: u64,
    },
    /// A quote is opened and never closed.
    Unclosed {
        line: u64,
    },
    /// Longer than [`RECORD_BYTES_MAX`], or more than [`CELLS_MAX`] cells.
    TooLong {
        line: u64,
    },
    End,
}

/// The records of a byte stream.
pub(super) struct Records<R> {
    input: R,
    parser: csv_core::Reader,
    separator: u8,
    line_end: u8,
    /// Window on the input. `start..` is not yet read as records.
    window: Vec<u8>,
    start: usize,
    filled: usize,
    at_end: bool,
    /// Physical line of `start`, from 1.
    line: u64,
    /// Number of cells a record should have; 0 while the header is not read.
    width: usize,
    /// Bytes read in vain behind quotes that were never closed.
    wasted: usize,
    /// Where the line of the record lies in the window, if its cells are to be read there; else they were parsed.
    in_window: Option<Range<usize>>,
    /// The cells of the record within that text.
    places: Vec<Range<u32>>,
    parsed: Parsed,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut records = Self {
            input,
            parser: csv_core::Reader::new(),
            separator: b',',
            line_end: b'\n',
            window: vec![0; WINDOW_BYTES],
            start: 0,
            filled: 0,
            at_end: false,
            line: 1,
            width: 0,
            wasted: 0,
            in_window: None,
            places: Vec::with_capacity(256),
            parsed: Parsed { text: vec![0; 4096], ends: vec![0; 256] },
        };
        records.sniff()?;
        Ok(records)
    }

    /// Those of the record that was found last.
    pub(super) fn cells(&self) -> Cells<'_> {
        let text = match &self.in_window {
            Some(line) => &self.window[line.clone()],
            None => &self.parsed.text,
        };
        Cells { text, places: &self.places }
    }

    /// Reads the first record, by which the following are measured.
    pub(super) fn header(&mut self) -> io::Result<Found> {
        let found = self.advance()?;
        self.width = self.places.len();
        Ok(found)
    }

    /// Reads the next record that is not a blank line.
    pub(super) fn advance(&mut self) -> io::Result<Found> {
        loop {
            let found = if self.wasted > WASTED_BYTES_MAX { self.line_alone()? } else { self.record()? };
            match found {
                Found::Record { .. } if self.cells().is_blank() => {}
                found => return Ok(found),
            }
        }
    }

    /// Byte order mark, line end and separator, from the first bytes.
    fn sniff(&mut self) -> io::Result<()> {
        while self.filled < WINDOW_BYTES / 2 && !self.at_end {
            self.refill()?;
        }
        if self.window[..self.filled].starts_with(MARK) {
            self.start = MARK.len();
        }
        let mut head = &self.window[self.start..self.filled];
        if memchr::memchr(b'\n', head).is_none() && memchr::memchr(b'\r', head).is_some() {
            self.line_end = b'\r';
        }
        // A first line `sep=;` is how Excel is told the separator.
        let first = head.split(|&b| b == self.line_end).next().unwrap_or_default();
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, b'\r']
        | [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] = first
        {
            self.separator = *separator;
            self.start += (first.len() + 1).min(head.len());
            self.line = 2;
        } else {
            head = first;
            let mut most = 0;
            for separator in [b',', b';', b'\t'] {
                let count = memchr::memchr_iter(separator, head).count();
                if count > most {
                    (most, self.separator) = (count, separator);
                }
            }
        }
        self.parser = csv_core::ReaderBuilder::new()
            .delimiter(self.separator)
            .terminator(csv_core::Terminator::Any(self.line_end))
            .build();
        Ok(())
    }

    /// Reads more input, first making room. NUL bytes, which some banners carry, are dropped on the way in.
    fn refill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.window.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.window.len() {
            self.window.resize(self.window.len() * 2, 0);
        }
        // At least one byte more, or the end: to the parser, no bytes are the end.
        let before = self.filled;
        while self.filled == before && !self.at_end {
            let read = match self.input.read(&mut self.window[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.at_end = read == 0;
            self.filled += without_nul(&mut self.window[self.filled..self.filled + read]);
        }
        Ok(())
    }

    /// Reads one record from `start` on.
    fn record(&mut self) -> io::Result<Found> {
        if let Some(end) = self.read_line(WINDOW_BYTES / 2)? {
            let line = self.start..end - 1;
            let text = &self.window[line.clone()];
            // The parser knows what a blank line is, and a mark.
            if (1..RECORD_BYTES_MAX).contains(&text.len())
                && !text.starts_with(MARK)
                && !matches!(self.separator, b'"' | b'\r')
                && plain::divide(text, self.separator, &mut self.places)
            {
                let found = Found::Record { line: self.line };
                self.in_window = Some(line);
                self.line += 1;
                self.start = end;
                return Ok(found);
            }
        }
        self.parse()
    }

    /// Parses one record from `start` on, over as many lines as its quotes ask for.
    fn parse(&mut self) -> io::Result<Found> {
        self.parser.reset();
        self.places.clear();
        let mut scanned = self.start;
        let (mut out, mut cells) = (0, 0);
        let complete = loop {
            // To the parser an empty input is the end. A byte order mark, as joined files have it in the middle, it takes off
            // if it sees the whole of it at once, which it does: so far the line was read.
            if scanned == self.filled && !self.at_end {
                let length = scanned - self.start;
                let many_lines = length > LINES_BYTES_MAX && self.first_line_end().is_some();
                if many_lines || length > RECORD_BYTES_MAX {
                    break false;
                }
                self.refill()?;
                scanned = self.start + length;
                continue;
            }
            let (result, nin, nout, nend) = self.parser.read_record(
                &self.window[scanned..self.filled],
                &mut self.parsed.text[out..],
                &mut self.parsed.ends[cells..],
            );
            scanned += nin;
            out += nout;
            cells += nend;
            match result {
                ReadRecordResult::Record => break scanned - self.start <= RECORD_BYTES_MAX,
                ReadRecordResult::End => return Ok(Found::End),
                ReadRecordResult::OutputFull => {
                    let len = self.parsed.text.len();
                    self.parsed.text.resize(len * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if cells >= CELLS_MAX => break false,
                ReadRecordResult::OutputEndsFull => {
                    let len = self.parsed.ends.len();
                    self.parsed.ends.resize(len * 2, 0);
                }
                ReadRecordResult::InputEmpty => {}
            }
        };
        if !complete {
            self.wasted += scanned - self.start;
            return self.line_alone();
        }
        let raw = &self.window[self.start..scanned];
        let lines = match self.line_end {
            // The parser counts these alone.
            b'\n' => self.parser.line() - 1,
            other => memchr::memchr_iter(other, raw).count() as u64,
        };
        let blank = raw.iter().take_while(|&&b| b == self.line_end).count();
        let at_end = self.at_end && scanned == self.filled;
        if lines > blank as u64 + 1 || at_end {
            let (shape, first_line) =
                (self.shape(&raw[blank..]), raw[blank..].iter().position(|&b| b == self.line_end));
            let one_line = lines <= blank as u64 + 1;
            let believed = match shape {
                Shape::Correct(width) => one_line || self.width == 0 || width == self.width,
                Shape::Odd => one_line,
                Shape::Unclosed => false,
            };
            if !believed {
                self.start += blank;
                self.line += blank as u64;
                self.wasted += raw.len() - blank - first_line.unwrap_or(0);
                return self.line_alone();
            }
        }
        let line = self.line + blank as u64;
        self.line += lines;
        self.start = scanned;
        self.keep_parsed(cells);
        Ok(Found::Record { line })
    }

    /// Takes the first line alone, whatever its quotes say.
    fn line_alone(&mut self) -> io::Result<Found> {
        self.places.clear();
        let line = self.line;
        let end = match self.read_line(RECORD_BYTES_MAX + 1)? {
            Some(end) => end,
            None if self.at_end => self.filled,
            None => {
                self.skip_line()?;
                return Ok(Found::TooLong { line });
            }
        };
        if end == self.start {
            return Ok(Found::End);
        }
        let raw = self.start..end;
        self.start = end;
        self.line += 1;
        if raw.len() > RECORD_BYTES_MAX {
            return Ok(Found::TooLong { line });
        }
        self.parser.reset();
        // A cell is never longer than the text it is made from, and has at least its separator.
        if self.parsed.text.len() < raw.len() {
            self.parsed.text.resize(raw.len(), 0);
        }
        if self.parsed.ends.len() < CELLS_MAX {
            self.parsed.ends.resize(CELLS_MAX, 0);
        }
        let (result, _, out, mut cells) =
            self.parser.read_record(&self.window[raw.clone()], &mut self.parsed.text, &mut self.parsed.ends);
        match result {
            ReadRecordResult::OutputEndsFull => return Ok(Found::TooLong { line }),
            ReadRecordResult::InputEmpty if self.shape(&self.window[raw]) == Shape::Unclosed => {
                return Ok(Found::Unclosed { line });
            }
            // The last line of a file may lack its line end.
            ReadRecordResult::InputEmpty => {
                let (bytes, ends) = (&mut self.parsed.text[out..], &mut self.parsed.ends[cells..]);
                cells += self.parser.read_record(&[], bytes, ends).3;
            }
            ReadRecordResult::Record | ReadRecordResult::End | ReadRecordResult::OutputFull => {}
        }
        self.keep_parsed(cells);
        Ok(Found::Record { line })
    }

    /// The record has so many of the cells that the parser found.
    fn keep_parsed(&mut self, cells: usize) {
        let mut start = 0;
        self.places.clear();
        self.places.extend(self.parsed.ends[..cells].iter().map(|&end| {
            let end = end as u32;
            std::mem::replace(&mut start, end)..end
        }));
        self.in_window = None;
        // The parser leaves it there.
        plain::trim_carriage_return(&self.parsed.text, &mut self.places);
    }

    /// Drops input up to the next line end.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = self.first_line_end() {
                self.start = end;
                break;
            }
            self.start = self.filled;
            if self.at_end {
                break;
            }
            self.refill()?;
        }
        self.line += 1;
        Ok(())
    }

    /// Reads on until a line end is there, behind which the index is; `None`: it is not among so many bytes, or the input
    /// ends before.
    fn read_line(&mut self, bytes: usize) -> io::Result<Option<usize>> {
        loop {
            match self.first_line_end() {
                None if !self.at_end && self.filled - self.start < bytes => self.refill()?,
                end => return Ok(end),
            }
        }
    }

    /// Index behind the first line end in the window.
    fn first_line_end(&self) -> Option<usize> {
        memchr::memchr(self.line_end, &self.window[self.start..self.filled]).map(|at| self.start + at + 1)
    }

    /// Reads `raw` as strictly as RFC 4180 does.
    fn shape(&self, raw: &[u8]) -> Shape {
        let mut cells = 1;
        let mut odd = false;
        let mut bytes = raw.iter().copied().peekable();
        let mut at_start = true;
        while let Some(byte) = bytes.next() {
            if byte == b'"' && at_start {
                loop {
                    match bytes.next() {
                        None => return Shape::Unclosed,
                        Some(b'"') if bytes.peek() == Some(&b'"') => {
                            bytes.next();
                        }
                        Some(b'"') => break,
                        Some(_) => {}
                    }
                }
                at_start = false;
                odd |= !matches!(bytes.peek(), None | Some(b'\r'))
                    && bytes.peek() != Some(&self.separator)
                    && bytes.peek() != Some(&self.line_end);
            } else {
                at_start = byte == self.separator;
                cells += usize::from(at_start);
                // A line end outside quotes ends the record; more behind it is not one record.
                odd |= byte == self.line_end && bytes.peek().is_some();
            }
        }
        if odd { Shape::Odd } else { Shape::Correct(cells) }
    }
}

/// Moves the other bytes to the front and says how many they are.
fn without_nul(bytes: &mut [u8]) -> usize {
    let Some(first) = memchr::memchr(0, bytes) else { return bytes.len() };
    let mut kept = first;
    for index in first..bytes.len() {
        if bytes[index] != 0 {
            bytes[kept] = bytes[index];
            kept += 1;
        }
    }
    kept
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Correct(usize),
    /// Readable, but not as RFC 4180 writes it.
    Odd,
    /// Ends inside quotes.
    Unclosed,
}

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// Read size; also how far ahead the separator is looked for.
const WINDOW_BYTES: usize = 64 * 1024;
/// A longer record is noise or an attack: the longest honest cells are around 1 MB.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A record over several lines may be this long: quoted line breaks occur in banners, not in megabytes.
const LINES_BYTES_MAX: usize = 1024 * 1024;
/// More cells than any report has columns, by two orders of magnitude.
pub const CELLS_MAX: usize = 16 * 1024;
/// After so much reading behind unclosed quotes, every line is taken alone: a file of nothing but quotes must
/// not cost a megabyte of reading for each of its bytes.
const WASTED_BYTES_MAX: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    struct OneByOne<'a>(&'a [u8]);

    impl Read for OneByOne<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn a_record_that_ends_where_the_window_ends_is_not_the_last() {
        // Records of 16 bytes: one of them ends at every power of two that the window can have.
        let bytes = b"0123456789,abcd\n".repeat(3 * WINDOW_BYTES / 16);
        let mut records = Records::new(&bytes[..]).unwrap();
        let mut count = 0;
        while records.advance().unwrap() != Found::End {
            count += 1;
        }
        assert_eq!(count, bytes.len() / 16);
        assert_eq!(records.window.len(), WINDOW_BYTES, "what was read makes room");
    }

    #[test]
    fn a_line_reads_the_same_whether_it_is_divided_or_parsed() {
        // Whatever can be written with these behind a header.
        let letters = b"\",a\r\n";
        let mut divided = 0;
        for number in 0..letters.len().pow(5) {
            let mut bytes = b"a,b\n".to_vec();
            bytes.extend((0..5).map(|at| letters[number / letters.len().pow(at) % letters.len()]));
            let (mut one, mut other) = (Records::new(&bytes[..]).unwrap(), Records::new(&bytes[..]).unwrap());
            assert_eq!(one.header().unwrap(), other.header().unwrap());
            loop {
                let found = one.record().unwrap();
                assert_eq!(found, other.parse().unwrap(), "{:?}", String::from_utf8_lossy(&bytes));
                assert!(one.cells().iter().eq(other.cells().iter()), "{:?}", String::from_utf8_lossy(&bytes));
                divided += u32::from(one.in_window.is_some());
                if found == Found::End {
                    break;
                }
            }
        }
        assert!(divided > 1_000, "{divided}");
    }

    #[test]
    fn a_read_of_nothing_but_nul_is_not_the_end() {
        let mut records = Records::new(OneByOne(b"a,b\n1\0\0,2\n\x003,4\0\0")).unwrap();
        let mut cells = Vec::new();
        while records.advance().unwrap() != Found::End {
            cells.push(records.cells().iter().map(<[u8]>::to_vec).collect::<Vec<_>>().join(&b'|'));
        }
        assert_eq!(cells, [&b"a|b"[..], b"1|2", b"3|4"]);
    }

    /// Fails once, then gives what it has.
    struct Fails<'a>(Option<io::ErrorKind>, &'a [u8]);

    impl Read for Fails<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.take().map_or_else(|| self.1.read(buffer), |kind| Err(kind.into()))
        }
    }

    #[test]
    fn a_read_that_was_interrupted_is_made_again_and_one_that_failed_is_not() {
        let first = |kind| Records::new(Fails(Some(kind), b"a,b\n"))?.advance();
        assert_eq!(first(io::ErrorKind::Interrupted).unwrap(), Found::Record { line: 1 });
        assert_eq!(first(io::ErrorKind::UnexpectedEof).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn marks_of_joined_files_come_off_however_the_bytes_come() {
        let bytes = "\u{feff}0123456789\n".as_bytes().repeat(WINDOW_BYTES / 14);
        let mut records = Records::new(OneByOne(&bytes)).unwrap();
        let mut count = 0;
        while records.advance().unwrap() != Found::End {
            assert_eq!(records.cells().iter().collect::<Vec<_>>(), [b"0123456789"]);
            count += 1;
        }
        assert_eq!(count, WINDOW_BYTES / 14);
    }
}
