//! Report files as Shadowserver writes them, made from a world's problems, and ways to alter them.

use std::sync::Arc;

use abusebox::clock::Day;

use super::kinds::{self, Kind};
use super::values::{self, Row};
use super::world::{Finding, Rng, World};

/// One report file, as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// `2026-11-20-scan_rdp-example-net-asn.csv`
    pub(crate) file: String,
    /// Under which it is downloaded: 50 letters and digits.
    pub(crate) id: String,
    /// Report type.
    pub(crate) kind: String,
    /// Name of the list.
    pub(crate) list: String,
    /// The day it is about.
    pub(crate) day: Day,
    /// The day on which Shadowserver offers it first.
    pub(crate) appears: Day,
    pub(crate) body: Arc<[u8]>,
}

impl Report {
    /// A report on `list` with this content, offered on the day after.
    pub(crate) fn new(list: &str, kind: &str, day: Day, body: impl Into<Vec<u8>>) -> Self {
        Self::named(&format!("{day}-{kind}-{list}-asn.csv"), list, kind, day, body)
    }

    fn named(file: &str, list: &str, kind: &str, day: Day, body: impl Into<Vec<u8>>) -> Self {
        Self {
            file: file.to_owned(),
            id: id_of(file, 0),
            kind: kind.to_owned(),
            list: list.to_owned(),
            day,
            appears: day.plus(1),
            body: body.into().into(),
        }
    }

    /// A report found on disk, by its name alone: `<day>-<type>-<rest>.csv`. `None` where the name says no day.
    pub(crate) fn from_file(name: &str, list: &str, body: impl Into<Vec<u8>>) -> Option<Self> {
        let rest = name.strip_suffix(".csv")?.get(10..)?.strip_prefix('-')?;
        let day = name.get(..10)?.parse().ok()?;
        // Some files join type and list by `_`: the longest known type in front is meant, before any guess.
        let word = rest.split('-').next().unwrap_or(rest);
        let known = (1..=word.len()).rev().filter_map(|end| word.get(..end)).find(|start| {
            Kind::find(start).is_some() && !word[start.len()..].starts_with(char::is_alphanumeric)
        });
        Some(Self::named(name, list, known.unwrap_or(word), day, body))
    }

    /// Data rows.
    pub(crate) fn rows(&self) -> usize {
        self.lines().count().saturating_sub(1)
    }

    /// The same, offered from another day on.
    pub(crate) fn appearing(mut self, day: Day) -> Self {
        self.appears = day;
        self
    }

    /// The same content under another file name and id.
    pub(crate) fn renamed(&self, file: &str) -> Self {
        Self { file: file.to_owned(), id: id_of(file, 0), ..self.clone() }
    }

    /// The same content as a type nobody has heard of.
    pub(crate) fn as_kind(&self, kind: &str) -> Self {
        let file = self.file.replacen(&self.kind, kind, 1);
        Self { kind: kind.to_owned(), ..self.renamed(&file) }
    }

    /// The same file and content under a new id; `issue` tells the ids of one file apart.
    pub(crate) fn reissued(&self, issue: u64) -> Self {
        Self { id: id_of(&self.file, issue), ..self.clone() }
    }

    /// The same file with other content.
    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into().into();
        self
    }

    /// One raw line more.
    pub(crate) fn with_line(self, line: &[u8]) -> Self {
        let body = [&self.body, line, b"\n"].concat();
        self.with_body(body)
    }

    /// Without the last row.
    pub(crate) fn without_last_row(self) -> Self {
        let mut lines: Vec<&[u8]> = self.lines().collect();
        if lines.len() > 1 {
            lines.pop();
        }
        let body = joined(&lines, b'\n');
        self.with_body(body)
    }

    /// The columns in another order.
    pub(crate) fn shuffled(self, seed: u64) -> Self {
        let mut rng = Rng::new(seed, &[&self.file]);
        let mut order: Vec<usize> =
            (0..self.lines().next().map_or(0, |header| cells(header).len())).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.below(last as u64 + 1) as usize);
        }
        self.map_cells(|_, row| order.iter().map(|&at| row.get(at).copied().unwrap_or_default()).collect())
    }

    /// A column more, with one value for all rows.
    pub(crate) fn with_column(self, name: &str, value: &str) -> Self {
        let (name, value) = (values::cell(name.as_bytes(), true), values::cell(value.as_bytes(), false));
        let width = self.lines().next().map_or(0, |header| cells(header).len());
        self.map_cells(|line, mut row| {
            row.resize(width, b"");
            row.push(if line == 0 { &name } else { &value });
            row
        })
    }

    /// A column less.
    pub(crate) fn without_column(self, name: &str) -> Self {
        let name = values::cell(name.as_bytes(), true);
        let at = self.lines().next().and_then(|header| cells(header).iter().position(|cell| *cell == name));
        self.map_cells(|_, mut row| {
            if let Some(at) = at.filter(|&at| at < row.len()) {
                row.remove(at);
            }
            row
        })
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
    }

    fn map_cells<'a>(&'a self, change: impl Fn(usize, Vec<&'a [u8]>) -> Vec<&'a [u8]>) -> Self {
        let lines: Vec<Vec<u8>> =
            self.lines().enumerate().map(|(at, line)| join(&change(at, cells(line)), b',')).collect();
        let body = joined(&lines.iter().map(Vec::as_slice).collect::<Vec<_>>(), b'\n');
        self.clone().with_body(body)
    }
}

/// All reports about one day, by type.
pub(crate) fn of_day(world: &World, day: Day) -> Vec<Report> {
    let mut findings: Vec<&Finding> =
        world.findings.iter().filter(|f| f.first <= day && day <= f.last).collect();
    findings.sort_by(|a, b| a.report.cmp(&b.report));
    findings.chunk_by(|a, b| a.report == b.report).flat_map(|group| of_type(world, day, group)).collect()
}

/// One type's file of a day, or two where the type comes in part with delay.
fn of_type(world: &World, day: Day, findings: &[&Finding]) -> Vec<Report> {
    let Some(kind) = findings.first().map(|finding| finding.report.as_str()) else { return Vec::new() };
    let mut rows: Vec<Row> = findings.iter().flat_map(|finding| rows_of(world, finding, day)).collect();
    rows.sort_by_key(|row| row.second);
    let delayed = if kind == DELAYED_TYPE { rows.split_off(rows.len().div_ceil(2)) } else { Vec::new() };
    let write = |rows: &[Row]| file(&kinds::columns(kind), rows);
    let mut reports = vec![Report::new(&world.list, kind, day, write(&rows))];
    if !delayed.is_empty() {
        let name = format!("{day}-{kind}-{}-asn-delayed.csv", world.list);
        let report = Report::named(&name, &world.list, kind, day, write(&delayed));
        reports.push(report.appearing(day.plus(2)));
    }
    reports
}

/// A problem's rows of one day: mostly one, sometimes several, rarely none.
fn rows_of<'a>(world: &'a World, finding: &'a Finding, day: Day) -> Vec<Row<'a>> {
    let mut rng = Rng::new(world.seed, &["rows", &finding.number.to_string(), &day.to_string()]);
    // On the first and last day it is seen for certain, in between it is missed once in a while.
    let certain = day == finding.first || day == finding.last || day == world.first;
    let count = match rng.below(16) {
        0 if !certain => 0,
        1 | 2 => 2,
        _ => 1,
    };
    (0..count)
        .map(|_| {
            let second = rng.below(86_400) as u32;
            Row::new(world, finding, day, second)
        })
        .collect()
}

fn file(columns: &[&str], rows: &[Row]) -> Vec<u8> {
    let header: Vec<Vec<u8>> = columns.iter().map(|name| values::cell(name.as_bytes(), true)).collect();
    let mut body = join(&header.iter().map(Vec::as_slice).collect::<Vec<_>>(), b',');
    body.push(b'\n');
    for row in rows {
        let cells: Vec<Vec<u8>> = columns.iter().map(|name| values::cell(&row.value(name), false)).collect();
        let mut cells: Vec<&[u8]> = cells.iter().map(Vec::as_slice).collect();
        if row.is_short() {
            // Some types come with their last, empty cells missing.
            while cells.last().is_some_and(|cell| cell.is_empty()) {
                cells.pop();
            }
        }
        body.extend(join(&cells, b','));
        body.push(b'\n');
    }
    body
}

/// Cells of a line as they stand there, quotes and all.
fn cells(line: &[u8]) -> Vec<&[u8]> {
    let mut quoted = false;
    line.split(|&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .collect()
}

fn join(parts: &[&[u8]], between: u8) -> Vec<u8> {
    parts.join(&between)
}

/// Lines, each ended.
fn joined(lines: &[&[u8]], end: u8) -> Vec<u8> {
    let mut all = join(lines, end);
    all.push(end);
    all
}

fn id_of(file: &str, issue: u64) -> String {
    let mut rng = Rng::new(issue, &["id", file]);
    (0..ID_LENGTH).filter_map(|_| rng.pick(ID_LETTERS)).map(|&letter| char::from(letter)).collect()
}

/// The type whose rows of a day come in two files, the second a day later.
const DELAYED_TYPE: &str = "scan_telnet";
const ID_LENGTH: usize = 50;
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
