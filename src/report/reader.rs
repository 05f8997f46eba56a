//! Records to typed rows: time, address, port, protocol and severity are read, the other cells stay borrowed.

use std::borrow::Cow;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;

use super::kind::{self, Kind, Nature, Severity, Side};
use super::records::{Cells, Found, Records};
use crate::clock::{Day, Timestamp};

/// What is known of a report besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// The type as the API names it; wins over everything else.
    pub kind: Option<&'a str>,
    pub file_name: Option<&'a str>,
}

/// The first record of a report, and what its columns mean.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name of the report type; a type that the table does not know keeps the name it came with.
    pub kind_name: String,
    pub kind: &'static Kind,
    /// Column names as written; a name that occurs twice gets `_2`.
    pub names: Vec<String>,
    /// (number of the column in [`super::column`], index of the cell): what a customer may see, in mail order.
    pub shown: Vec<(u8, usize)>,
    time: usize,
    address: Option<usize>,
    port: Option<usize>,
    protocol: Option<usize>,
    severity: Option<usize>,
    infection: [Option<usize>; 3],
    tag: Option<usize>,
    /// Report day, if the file name tells it.
    pub day: Option<Day>,
    /// Whether `port` is the port the customer's machine sent from, and not one that it listens on.
    pub port_is_source: bool,
}

/// The customer's side of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    Ip(IpAddr),
    Net(IpNet),
    /// The report has no such column.
    None,
}

/// One finding.
pub struct Row<'r> {
    /// Physical line on which the record starts; the header is line 1.
    pub line: u64,
    pub time: Timestamp,
    pub address: Address,
    pub port: Option<u16>,
    /// As written, mostly `tcp` or `udp`; may be empty.
    pub protocol: &'r [u8],
    pub severity: Severity,
    pub nature: Nature,
    /// Malware family of an infection; empty where the type has none.
    pub infection: &'r [u8],
    cells: Cells<'r>,
}

impl Row<'_> {
    /// A cell by its index in [`Header::names`], raw; empty where the record is too short.
    pub fn cell(&self, index: usize) -> &[u8] {
        self.cells.get(index)
    }

    /// Cells beyond the header's width, which belong to no column.
    pub fn surplus(&self, header: &Header) -> usize {
        self.cells.len().saturating_sub(header.names.len())
    }
}

/// Why a record is no row. The words are part of the output of `parse` and `reports`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rejection {
    /// The time cannot be read.
    Time,
    /// The address cannot be read, or is 0.0.0.0.
    Address,
    /// The header again.
    RepeatedHeader,
    /// A quote is opened and never closed.
    UnclosedQuote,
    /// Longer than a record may be.
    TooLong,
}

impl Rejection {
    pub const ALL: [Rejection; 5] =
        [Self::Time, Self::Address, Self::RepeatedHeader, Self::UnclosedQuote, Self::TooLong];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Address => "address",
            Self::RepeatedHeader => "repeated_header",
            Self::UnclosedQuote => "unclosed_quote",
            Self::TooLong => "too_long",
        }
    }
}

/// A record, read.
pub enum Item<'r> {
    Row(Row<'r>),
    /// `detail` is the text at fault, at most 240 characters.
    Rejected {
        line: u64,
        reason: Rejection,
        detail: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    #[error("this is not a Shadowserver report: its first line has no column named timestamp")]
    NotAReport,
    #[error("the file is empty")]
    Empty,
    #[error("the file cannot be read to its end")]
    Io(#[from] io::Error),
}

/// Reads a report row by row in bounded memory.
pub struct Reader<R> {
    records: Records<R>,
    pub header: Header,
    /// Date of the last row and its midnight: rows of a report share their day.
    last_date: ([u8; 10], Timestamp),
}

impl<R: Read> Reader<R> {
    pub fn new(input: R, hint: Hint<'_>) -> Result<Self, ReaderError> {
        let mut records = Records::new(input)?;
        match records.header()? {
            Found::Record { .. } => {}
            Found::End => return Err(ReaderError::Empty),
            Found::Unclosed { .. } | Found::TooLong { .. } => return Err(ReaderError::NotAReport),
        }
        let header = Header::read(records.cells(), hint).ok_or(ReaderError::NotAReport)?;
        Ok(Self { records, header, last_date: Default::default() })
    }

    /// The next record; `None` at the end of the file.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let rejected = |line, reason, detail| Ok(Some(Item::Rejected { line, reason, detail }));
        let line = match self.records.advance()? {
            Found::End => return Ok(None),
            Found::Unclosed { line } => {
                return rejected(
                    line,
                    Rejection::UnclosedQuote,
                    "a quote is opened and not closed".to_owned(),
                );
            }
            Found::TooLong { line } => {
                let detail =
                    format!("more than {} bytes or {} cells", super::RECORD_BYTES_MAX, super::CELLS_MAX);
                return rejected(line, Rejection::TooLong, detail);
            }
            Found::Record { line } => line,
        };
        let (cells, header) = (self.records.cells(), &self.header);
        let cell = |index: Option<usize>| index.map_or(&[][..], |index| cells.get(index).trim_ascii());
        let time_text = cell(Some(header.time));
        let Some(time) = read_time(time_text, &mut self.last_date) else {
            let same_as_header = header.names[header.time].as_bytes().eq_ignore_ascii_case(time_text);
            let reason = if same_as_header { Rejection::RepeatedHeader } else { Rejection::Time };
            return rejected(line, reason, excerpt(time_text));
        };
        let address = match header.address {
            None => Address::None,
            Some(index) => match read_address(cell(Some(index))) {
                Some(address) => address,
                None => return rejected(line, Rejection::Address, excerpt(cell(Some(index)))),
            },
        };
        Ok(Some(Item::Row(Row {
            line,
            time,
            address,
            port: read_port(cell(header.port)),
            protocol: cell(header.protocol),
            severity: Severity::read(cell(header.severity)).unwrap_or(header.kind.severity),
            nature: match header.kind.nature {
                Nature::Compromised => Nature::Compromised,
                Nature::Exposed => header.kind.nature_of(cell(header.tag)),
            },
            infection: header
                .infection
                .iter()
                .map(|&index| cell(index))
                .find(|c| !c.is_empty())
                .unwrap_or_default(),
            cells,
        })))
    }
}

impl Header {
    /// Whether a column is the time, which differs from day to day for the same finding.
    pub fn is_time(&self, index: usize) -> bool {
        index == self.time
    }

    fn read(cells: Cells<'_>, hint: Hint<'_>) -> Option<Self> {
        let mut names: Vec<String> = Vec::with_capacity(cells.len());
        let mut seen = std::collections::HashMap::<String, u32>::new();
        for cell in cells.iter() {
            let name = text(cell).trim().chars().take(COLUMN_NAME_CHARS_MAX).collect::<String>();
            let count = seen.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
            names.push(if *count == 1 { name } else { format!("{name}_{count}") });
        }
        let find = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let time = find("timestamp")?;
        let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let (kind_name, kind, day) = recognise(hint, &lower);
        let columns = kind.side.columns();
        let infection = match kind.same {
            kind::Same::Infection => [find("infection"), find("family"), find("tag")],
            kind::Same::Service | kind::Same::Place => [None; 3],
        };
        Some(Self {
            kind,
            shown: kind
                .shown_columns()
                .filter_map(|name| Some((super::column::number(name)?, find(name)?)))
                .collect(),
            time,
            address: columns.and_then(|(address, _)| find(address)),
            port: columns.and_then(|(_, port)| find(port)),
            protocol: find("protocol"),
            severity: find("severity"),
            infection,
            port_is_source: kind.side == Side::SrcIp,
            tag: find("tag"),
            day,
            kind_name,
            names,
        })
    }
}

/// Foreign bytes as text: UTF-8, else Windows-1252, which reads every byte. Never fails.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The report type (what the API says, else the file name, else the header), and the day in the file name.
fn recognise(hint: Hint<'_>, header: &[&str]) -> (String, &'static Kind, Option<Day>) {
    let parts = hint.file_name.and_then(kind::from_file_name).unwrap_or_default();
    let name = match hint.kind.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => match (kind::find(&parts.kind_name), parts.unknown_name) {
            // `scan_ssl_new` may be a list of scan_ssl or a type newer than the table: the header decides.
            (Some(known), Some(newer)) if !kind::fits(known, header) => newer,
            _ if !parts.kind_name.is_empty() => parts.kind_name,
            _ => kind::by_header(header).map_or("unknown", |kind| kind.name).to_owned(),
        },
    };
    let kind = kind::find(&name).unwrap_or_else(|| {
        // A type that nobody has described yet: whatever address column its header offers.
        let sides = [Side::Ip, Side::SrcIp, Side::HttpRefererIp, Side::DstIp];
        let offered = |side: &Side| side.columns().is_some_and(|(address, _)| header.contains(&address));
        kind::unknown_on(sides.into_iter().find(offered).unwrap_or(Side::None))
    });
    (name, kind, parts.day)
}

/// `YYYY-MM-DD HH:MM:SS`, which is UTC; any RFC 3339 form is taken too.
fn read_time(text: &[u8], last_date: &mut ([u8; 10], Timestamp)) -> Option<Timestamp> {
    if let [date @ .., b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2] = text
        && let Ok(date) = <[u8; 10]>::try_from(date)
    {
        if date != last_date.0 {
            *last_date = (date, Day::from_str(std::str::from_utf8(&date).ok()?).ok()?.start());
        }
        let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
        // A leap second counts as the second before it.
        return (hour < 24 && minute < 60 && second <= 60)
            .then(|| last_date.1.plus_seconds(hour * 3600 + minute * 60 + second.min(59)));
    }
    let text = std::str::from_utf8(text).ok()?;
    Timestamp::from_str(text).ok().or_else(|| {
        jiff::civil::DateTime::from_str(text)
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|t| Timestamp::from_unix(t.timestamp().as_second()))
    })
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// An address or, as in `blocklist`, a network. 0.0.0.0 and :: are nobody's.
fn read_address(cell: &[u8]) -> Option<Address> {
    let ip = match read_ipv4(cell) {
        Some(ip) => IpAddr::V4(ip),
        None => {
            let text = std::str::from_utf8(cell).ok()?;
            if text.contains('/') {
                let net = IpNet::from_str(text).ok()?.trunc();
                return match net.prefix_len() == net.max_prefix_len() {
                    true => {
                        Some(net.addr().to_canonical()).filter(|ip| !ip.is_unspecified()).map(Address::Ip)
                    }
                    false => Some(Address::Net(net)).filter(|_| net.prefix_len() > 0),
                };
            }
            let text = text.split('%').next().unwrap_or_default();
            IpAddr::from_str(text).ok()?.to_canonical()
        }
    };
    (!ip.is_unspecified()).then_some(Address::Ip(ip))
}

/// Dotted quad without leading zeros, which some programs read as octal.
fn read_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut rest = text;
    for (index, octet) in octets.iter_mut().enumerate() {
        let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, tail) = rest.split_at(len);
        *octet = match *digits {
            [a] => a - b'0',
            [a @ b'1'..=b'9', b] => (a - b'0') * 10 + (b - b'0'),
            [a @ b'1'..=b'2', b, c] => {
                u8::try_from(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
                    .ok()?
            }
            _ => return None,
        };
        rest = match (index, tail) {
            (3, []) => tail,
            (0..3, [b'.', tail @ ..]) => tail,
            _ => return None,
        };
    }
    Some(Ipv4Addr::from(octets))
}

/// 1 to 65535; anything else is no port.
fn read_port(cell: &[u8]) -> Option<u16> {
    if cell.is_empty() || cell.len() > 5 {
        return None;
    }
    let mut port = 0u32;
    for &byte in cell {
        port = port * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    u16::try_from(port).ok().filter(|&port| port > 0)
}

fn excerpt(bytes: &[u8]) -> String {
    let text = text(&bytes[..bytes.len().min(4 * DETAIL_CHARS_MAX)]);
    let end = text.char_indices().nth(DETAIL_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    text[..end].to_owned()
}

/// So much of a rejected cell is kept: enough to see what it was.
const DETAIL_CHARS_MAX: usize = 240;
/// Longest column name kept; Shadowserver's longest has 39 characters.
const COLUMN_NAME_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests;
