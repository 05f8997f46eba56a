//! A log of any known kind -> sessions. Which kind it is shows in its first lines.
//!
//! The same session may come several times, later with more known of its end, and again with the next copy of the log:
//! whoever keeps sessions keeps the last by address, ports and begin.

use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};

use jiff::tz::TimeZone;

use super::{Session, columns, detail, dhcpd, kea, user};
use crate::config::Complaint;
use crate::customers::import::{COMPLAINTS_MAX, Complaints, short};

/// What is known of a log beside its bytes.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Of times that are written without one.
    pub zone: &'a TimeZone,
    /// Seconds to add to the times of the log.
    pub offset: i64,
    /// Name of the file, to speak of it.
    pub name: Option<&'a str>,
}

/// A kind of log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a header of which the columns were guessed.
    Table,
    /// The leases of ISC DHCP.
    Dhcpd,
    /// The leases of Kea.
    Kea,
    /// The packets of accounting that FreeRADIUS got.
    Detail,
}

/// What a log held.
#[derive(Clone, Debug)]
pub struct Summary {
    pub format: Format,
    /// Given; one that came several times counts each time.
    pub sessions: u64,
    /// Each has the physical line, and `field` says which column or word of it.
    pub complaints: Complaints,
    /// Of a table: what each column that is used was taken for, and its header as written.
    pub columns: Vec<(&'static str, String)>,
}

/// Why reading came to an end.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    #[error("the log cannot be read")]
    Io(#[source] io::Error),
    /// It is no log of a known kind, or lacks what must be in it. Nothing was given.
    #[error("{0}")]
    Refused(String),
    /// Who takes the sessions said so.
    #[error(transparent)]
    Taking(E),
}

/// Reads a log of any known kind and gives each session to `each` as it goes; memory does not grow with the log. A bad
/// line costs this line, with a complaint.
pub fn read<E>(
    log: impl BufRead,
    given: &Given<'_>,
    each: impl FnMut(Session) -> Result<(), E>,
) -> Result<Summary, Error<E>> {
    let mut lines = Lines::new(log);
    let mut reading = Reading { given, each, sessions: 0, complaints: Complaints::default() };
    // What stands above the first line that says something: blank lines, and what Excel needs to know.
    let mut separator = None;
    let (number, text) = loop {
        match lines.next().map_err(Error::Io)? {
            None => return Err(Error::Refused(format!("{} is empty", named(given)))),
            Some(Line { number: 1, text, .. }) if text.starts_with("\u{ff}\u{fe}") || text.contains('\0') => {
                let why = "is no text, or UTF-16; save it as UTF-8, and unpacked";
                return Err(Error::Refused(format!("{} {why}", named(given))));
            }
            Some(Line { text, .. }) if text.trim().is_empty() => {}
            Some(Line { number, text, .. }) => match columns::told_separator(&text) {
                Some(told) => separator = Some(told),
                None => break (number, text.into_owned()),
            },
        }
    };
    let first = Line { number, text: text.as_str().into(), cut: false, is_torn: false };
    let mut shown = Vec::new();
    let format = if dhcpd::is_first(&text) {
        dhcpd::read(&first, &mut lines, &mut reading)?;
        Format::Dhcpd
    } else if detail::is_first(&text) {
        detail::read(&first, &mut lines, &mut reading)?;
        Format::Detail
    } else if let Some(columns) = kea::header(&text) {
        kea::read(&columns, &mut lines, &mut reading)?;
        Format::Kea
    } else {
        let columns = columns::header(&text, separator);
        let columns = columns.map_err(|why| Error::Refused(format!("{}: {why}", named(given))))?;
        columns::read(&columns, &mut lines, &mut reading)?;
        shown = columns.shown();
        Format::Table
    };
    let Reading { sessions, complaints, .. } = reading;
    Ok(Summary { format, sessions, complaints, columns: shown })
}

fn named(given: &Given<'_>) -> String {
    given.name.map_or_else(|| "the log".to_owned(), short)
}

/// A log on its way: where its sessions go, and what is wrong with it.
pub(super) struct Reading<'g, F> {
    pub(super) given: &'g Given<'g>,
    each: F,
    sessions: u64,
    complaints: Complaints,
}

impl<F> Reading<'_, F> {
    pub(super) fn give<E>(&mut self, session: Session) -> Result<(), Error<E>>
    where
        F: FnMut(Session) -> Result<(), E>,
    {
        self.sessions += 1;
        (self.each)(session).map_err(Error::Taking)
    }

    pub(super) fn complain(&mut self, line: u64, field: &str, complaint: impl Into<String>) {
        if self.complaints.list.len() < COMPLAINTS_MAX {
            let (field, complaint) = (field.to_owned(), complaint.into());
            self.complaints.list.push(Complaint { line: Some(line), field, complaint });
        } else {
            self.complaints.more += 1;
        }
    }
}

/// A physical line without its end.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    pub(super) text: Cow<'a, str>,
    /// It was longer than [`LINE_BYTES_MAX`], and this is its beginning.
    pub(super) cut: bool,
    /// The log ends without an end of this line: a log that is being written may have been read so far.
    pub(super) is_torn: bool,
}

/// The physical lines of a log, one at a time.
pub(super) struct Lines<R> {
    log: R,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn new(log: R) -> Self {
        Self { log, number: 0, bytes: Vec::new() }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.bytes.clear();
        self.more()?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let is_torn = self.bytes.len() < LINE_BYTES_MAX && self.bytes.last() != Some(&b'\n');
        let cut = self.bytes.len() == LINE_BYTES_MAX && self.bytes.last() != Some(&b'\n');
        if cut {
            let mut end = LINE_BYTES_MAX;
            while end == LINE_BYTES_MAX && self.bytes.last() != Some(&b'\n') {
                self.bytes.truncate(LINE_BYTES_MAX);
                end = self.more()?;
            }
            self.bytes.truncate(LINE_BYTES_MAX);
        }
        let mut bytes = &self.bytes[..];
        bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if self.number == 1 {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        Ok(Some(Line { number: self.number, text: user::text(bytes), cut, is_torn }))
    }

    /// To the end of the line, or a limit further.
    fn more(&mut self) -> io::Result<usize> {
        self.log.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.bytes)
    }
}

/// Told to who reads the complaints.
pub(super) const TORN: &str =
    "the log ends within this line, which is left out; send it whole, with an end of its last line";

/// The longest line of a log is one of Kea with all that a relay added; a hundredth of this.
const LINE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &[u8]) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(log);
        let mut all = Vec::new();
        while let Some(Line { number, text, cut, .. }) = lines.next().unwrap() {
            all.push((number, text.into_owned(), cut));
        }
        all
    }

    #[test]
    fn lines_keep_their_numbers_whatever_stands_in_them() {
        let log = b"\xef\xbb\xbfa\r\n\nb\xfcc\xff\nlast";
        let expected = [(1, "a"), (2, ""), (3, "b\u{fc}c\u{ff}"), (4, "last")];
        assert_eq!(lines(log), expected.map(|(number, text)| (number, text.to_owned(), false)));
        for extra in [0, 1, LINE_BYTES_MAX, 3 * LINE_BYTES_MAX + 7] {
            let long = "x".repeat(LINE_BYTES_MAX + extra);
            let read = lines(format!("{long}\nnext\n").as_bytes());
            assert_eq!(read[0].1.len(), LINE_BYTES_MAX, "{extra}");
            assert!(read[0].2);
            assert_eq!(read[1..], [(2, "next".to_owned(), false)], "{extra}");
        }
        let fits = format!("{}\nnext", "x".repeat(LINE_BYTES_MAX - 1));
        assert_eq!(lines(fits.as_bytes()).iter().filter(|(_, _, cut)| *cut).count(), 0);
    }
}
