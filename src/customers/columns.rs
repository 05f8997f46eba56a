//! Which column holds what: by the words of the header, by what was confirmed for an earlier file, and where those do not
//! say it, by what stands in the cells. The last is a guess, which somebody has to confirm.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::tz::TimeZone;

use super::cell;
use super::import::{clean, short};
use super::records::{Record, Records};
use super::sheet::Row;
use super::vocabulary::HEADERS;
use super::words::{self, Role};

/// A column of a customer file, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As written; `column 3` where there is no header.
    pub header: String,
    /// By the names of a file's own header; `None`: it is not read.
    pub role: Option<&'static str>,
    /// By its name, by what was confirmed, or by what stands in it.
    pub why: String,
}

/// What somebody has confirmed of a file: what each of its columns holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Folded header and role; `None`: it is not read.
    columns: Vec<(String, Option<Role>)>,
}

impl Mapping {
    /// How these columns were understood.
    pub fn of(columns: &[Column]) -> Self {
        let role = |column: &Column| column.role.and_then(Role::of_name);
        Self { columns: columns.iter().map(|column| (words::fold(&column.header), role(column))).collect() }
    }

    /// A line for each column: its role or `-`, a tab, its header.
    pub fn text(&self) -> String {
        let line =
            |(header, role): &(String, Option<Role>)| format!("{}\t{header}\n", role.map_or("-", Role::name));
        self.columns.iter().map(line).collect()
    }

    /// What [`Mapping::text`] wrote; lines that say nothing are left out.
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (role, header) = line.split_once('\t')?;
            Some((words::fold(header), Role::of_name(role)))
                .filter(|_| role == "-" || Role::of_name(role).is_some())
        };
        Self { columns: text.lines().take(COLUMNS_MAX).filter_map(line).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Headers that must be there, and are not among these.
    fn missing(&self, folded: &[String]) -> Vec<&str> {
        let read = self.columns.iter().enumerate().filter(|(_, (_, role))| role.is_some());
        read.filter(|&(at, (header, _))| {
            let before = self.columns[..at].iter().filter(|(other, _)| other == header).count();
            folded.iter().filter(|folded| *folded == header).count() <= before
        })
        .map(|(_, (header, _))| header.as_str())
        .collect()
    }

    /// What is said of a column: of those with the same header by their order.
    fn role(&self, folded: &[String], column: usize) -> Option<Option<Role>> {
        let name = &folded[column];
        let before = folded[..column].iter().filter(|other| *other == name).count();
        self.columns.iter().filter(|(header, _)| header == name).nth(before).map(|(_, role)| *role)
    }
}

/// The rows of a text with one separator, or of a sheet.
#[derive(Clone, Debug)]
pub(super) enum Rows<'t> {
    Text(Records<'t>),
    /// And how many cells each has: a workbook does not write the empty ones behind the last.
    Sheet(std::slice::Iter<'t, Row>, usize),
}

impl<'t> Iterator for Rows<'t> {
    type Item = Record<'t>;

    fn next(&mut self) -> Option<Record<'t>> {
        match self {
            Rows::Text(records) => records.next(),
            Rows::Sheet(rows, width) => rows.next().map(|(line, cells)| {
                let mut cells: Vec<_> = cells.iter().map(|cell| Cow::Borrowed(cell.as_str())).collect();
                cells.resize(cells.len().max(*width), Cow::Borrowed(""));
                Record { line: *line, cells, broken: false }
            }),
        }
    }
}

/// A table that was found in a file.
pub(super) struct Table<'t> {
    pub(super) columns: Columns,
    /// Physical line of the header; 0: there is none.
    pub(super) header: u32,
    /// What stands below it.
    pub(super) rows: Rows<'t>,
    /// Lines above the header that were left out.
    pub(super) titles: u32,
    /// Why somebody has to confirm how the columns are read.
    pub(super) doubts: Vec<String>,
}

/// What of customers a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    /// Their addresses or logins may stand in another file.
    Customers,
    /// Who they are stands in another file.
    Addresses,
}

/// Finds the header, and among separators or sheets the one with which it makes most sense; `None`: there is nothing.
pub(super) fn find<'t>(
    sources: Vec<Rows<'t>>,
    mapping: &Mapping,
    part: Part,
    zone: &TimeZone,
) -> Option<Table<'t>> {
    let placed = part != Part::Customers;
    let mut best: Option<Table<'t>> = None;
    let mut chosen = 0;
    let better = |table: &Table<'_>, best: &Option<Table<'_>>| {
        // The first of equals: a file with one column has no separator.
        best.as_ref().is_none_or(|best| table.fit() > best.fit())
    };
    for (at, source) in sources.iter().enumerate() {
        for table in headers(source, mapping, placed).0 {
            if better(&table, &best) {
                (best, chosen) = (Some(table), at);
            }
        }
    }
    if let Some(table) = &mut best {
        table.forget_streets(zone);
    }
    let missing = best.as_mut().and_then(|best| best.columns.missing.take());
    if best.as_ref().is_none_or(|best| !best.columns.are_enough()) {
        for (at, source) in sources.iter().enumerate() {
            for table in guesses(source, placed, zone) {
                if table.columns.are_enough() && better(&table, &best) {
                    (best, chosen) = (Some(table), at);
                }
            }
        }
    }
    let mut best = best?;
    if let Some(missing) = missing {
        best.doubts
            .push(format!("the file no longer has what was confirmed: {missing} is missing in its header"));
    }
    best.doubts.extend(unread_sheets(&sources, chosen));
    let stats = best.stats(zone);
    if part != Part::Addresses {
        best.guess_mail(&stats);
    }
    best.columns.explain(&stats);
    best.doubts.extend(best.columns.unread_status(&stats));
    Some(best)
}

/// Sheets of addresses beside the one that is read: their rows would go to whoever has a wider prefix.
fn unread_sheets(sources: &[Rows<'_>], chosen: usize) -> Option<String> {
    let has_addresses =
        |rows: &Rows<'_>| rows.clone().any(|record| record.cells.iter().any(|cell| is_addresses(cell)));
    let unread = (0..sources.len()).filter(|at| {
        *at != chosen && matches!(sources[*at], Rows::Sheet(..)) && has_addresses(&sources[*at])
    });
    let unread = unread.map(|at| (at + 1).to_string()).collect::<Vec<_>>().join(", ");
    (!unread.is_empty()).then(|| {
        format!(
            "of the workbook only sheet {} is read, and addresses stand on sheet {unread}, too; put all customers on one",
            chosen + 1
        )
    })
}

/// A table for each line that may be the header: those above the first with an address; and whether there is one.
fn headers<'t>(source: &Rows<'t>, mapping: &Mapping, placed: bool) -> (Vec<Table<'t>>, bool) {
    let mut rows = source.clone();
    let mut tables = Vec::new();
    while tables.len() < HEADER_LINES_MAX
        && let Some(record) = rows.next()
    {
        let is_data = record.cells.iter().any(|cell| is_addresses(cell));
        let (columns, header) = if !is_data {
            (Columns::new(&record.cells, mapping, placed), record.line)
        } else if tables.is_empty() {
            // Without a header what was confirmed for its columns may still hold.
            (Columns::new(&numbered(record.cells.len()), mapping, placed), 0)
        } else {
            return (tables, true);
        };
        let rows = if is_data { source.clone() } else { rows.clone() };
        tables.push(Table { columns, header, rows, titles: tables.len() as u32, doubts: Vec::new() });
        if is_data {
            return (tables, true);
        }
    }
    (tables, false)
}

/// Whether nothing but addresses stands in a cell.
fn is_addresses(cell: &str) -> bool {
    if !cell.bytes().any(|byte| byte.is_ascii_digit() || byte == b':') {
        return false;
    }
    let found = cell::addresses(cell);
    !found.nets.is_empty() && found.unreadable.is_empty()
}

/// Tables whose columns are guessed from their cells: below the line that stands above the first address, and with what
/// that line says.
fn guesses<'t>(source: &Rows<'t>, placed: bool, zone: &TimeZone) -> Vec<Table<'t>> {
    let (mut tables, has_data) = headers(source, &Mapping::default(), placed);
    if !has_data {
        tables.truncate(1);
    }
    let Some(last) = tables.pop() else { return Vec::new() };
    // If a line says something it is the header, else the last above the data.
    let mut table = tables
        .into_iter()
        .rev()
        .fold(last, |best, table| if table.fit() > best.fit() { table } else { best });
    table.forget_streets(zone);
    let stats = table.stats(zone);
    table.columns.guess(&stats);
    table.doubt_guesses(&stats);
    vec![table]
}

/// In place of a header.
fn numbered(count: usize) -> Vec<Cow<'static, str>> {
    (1..=count).map(|number| Cow::Owned(format!("column {number}"))).collect()
}

impl Table<'_> {
    /// The better the more it says: what was confirmed, an id and an address, all others.
    fn fit(&self) -> (bool, usize, usize) {
        (self.columns.is_confirmed, self.columns.enough(), self.columns.known())
    }

    /// A column that is called address and holds none is one of streets, and a state may be one of a country.
    fn forget_streets(&mut self, zone: &TimeZone) {
        let is_vague = |role: Role, header: &str| {
            let word = words::fold(header);
            let clear = HEADERS.iter().find(|(of, _)| *of == role).map_or(&[][..], |(_, clear)| clear);
            match role {
                Role::Status => STATES.contains(&word.as_str()),
                _ => !clear.contains(&word.as_str()) || NETS_OF_OTHERS.contains(&word.as_str()),
            }
        };
        for role in [Role::Address, Role::Status] {
            let vague = |column: &usize| is_vague(role, &self.columns.header[*column]);
            if self.columns.is_confirmed || !self.columns.of(role).iter().any(vague) {
                continue;
            }
            let stats = self.stats(zone);
            let fits = |stats: &Stats| match role {
                Role::Address => stats.addresses > 0,
                _ => stats.statuses * 2 > stats.filled,
            };
            let stays =
                |column: &usize| !vague(column) || stats[*column].filled == 0 || fits(&stats[*column]);
            let kept = self.columns.of(role).iter().filter(|column| stays(column)).copied().collect();
            self.columns.of[role as usize] = kept;
        }
    }

    /// Where no column is called one of mail addresses, and one looks like it: else nobody would be mailed.
    fn guess_mail(&mut self, stats: &[Stats]) {
        let has_mail = Role::ALL.into_iter().any(|role| role.is_mail() && !self.columns.lacks(role));
        if !has_mail && !self.columns.is_confirmed && self.columns.guess_role(Role::Mail, stats) {
            self.doubt_guesses(stats);
        }
    }

    /// What was guessed has to be confirmed.
    fn doubt_guesses(&mut self, stats: &[Stats]) {
        let columns = &self.columns;
        let guessed = columns.guessed.iter().map(|(column, role)| {
            let (header, sentence) = (&columns.header[*column], stats[*column].sentence());
            format!("\"{header}\" as {} ({sentence})", role.name())
        });
        let guessed: Vec<String> = guessed.collect();
        if !guessed.is_empty() {
            let guessed = guessed.join(", ");
            self.doubts
                .push(format!("the header does not say enough; taken by what stands in them: {guessed}"));
        }
    }

    fn stats(&self, zone: &TimeZone) -> Vec<Stats> {
        stats(&self.rows, self.columns.header.len(), zone)
    }
}

/// Which columns hold what.
pub(super) struct Columns {
    of: [Vec<usize>; Role::COUNT],
    /// The header as written.
    pub(super) header: Vec<String>,
    /// Addresses or logins must be in it.
    placed: bool,
    /// What was confirmed fits.
    is_confirmed: bool,
    /// Headers that were confirmed and are missing.
    missing: Option<String>,
    /// Columns of which was confirmed that they are not read.
    passed: Vec<usize>,
    guessed: Vec<(usize, Role)>,
    /// For each column, why it is read as it is.
    pub(super) told: Vec<Column>,
}

impl Columns {
    fn new(cells: &[Cow<'_, str>], mapping: &Mapping, placed: bool) -> Self {
        let header: Vec<String> = cells.iter().take(COLUMNS_MAX).map(|cell| short(cell)).collect();
        let folded: Vec<String> = header.iter().map(|cell| words::fold(cell)).collect();
        let mut of: [Vec<usize>; Role::COUNT] = Default::default();
        let missing = mapping.missing(&folded);
        let is_confirmed = !mapping.is_empty() && missing.is_empty();
        let (mut taken, mut passed): (Vec<usize>, Vec<usize>) = Default::default();
        if is_confirmed {
            for column in 0..folded.len() {
                let Some(role) = mapping.role(&folded, column) else { continue };
                taken.push(column);
                match role {
                    Some(role) => of[role as usize].push(column),
                    None => passed.push(column),
                }
            }
        }
        for (role, names) in HEADERS {
            let column = &mut of[*role as usize];
            if column.is_empty() || is_confirmed && role.takes_all() {
                let fits = |c: &usize| {
                    (names.contains(&folded[*c].as_str()) || role.name() == header[*c]) && !taken.contains(c)
                };
                let fitting: Vec<usize> = (0..folded.len()).filter(fits).collect();
                let fitting = &fitting[..fitting.len().min(if role.takes_all() { usize::MAX } else { 1 })];
                column.extend(fitting);
                taken.extend(fitting);
            }
        }
        let missing = (!missing.is_empty()).then(|| {
            missing.iter().map(|header| format!("\"{}\"", short(header))).collect::<Vec<_>>().join(", ")
        });
        Self { of, header, placed, is_confirmed, missing, passed, guessed: Vec::new(), told: Vec::new() }
    }

    pub(super) fn of(&self, role: Role) -> &[usize] {
        &self.of[role as usize]
    }

    pub(super) fn lacks(&self, role: Role) -> bool {
        self.of(role).is_empty()
    }

    fn known(&self) -> usize {
        self.of.iter().map(Vec::len).sum()
    }

    /// Of what a line must say, who and where, how much is there.
    fn enough(&self) -> usize {
        usize::from(!self.lacks(Role::Id)) + usize::from(self.has_place())
    }

    /// Whether it says where customers are, as far as it has to.
    pub(super) fn has_place(&self) -> bool {
        !self.placed || !self.lacks(Role::Address) || !self.lacks(Role::Login)
    }

    fn are_enough(&self) -> bool {
        self.enough() == 2
    }

    pub(super) fn is_read(&self, column: usize) -> bool {
        self.of.iter().any(|of| of.contains(&column))
    }

    /// The columns of a role as one text.
    pub(super) fn text<'a>(&self, record: &'a Record<'_>, role: Role) -> Cow<'a, str> {
        let mut cells = self.of(role).iter().filter_map(|&c| record.cells.get(c)).map(|c| bare(c.trim()));
        let first = cells.next().unwrap_or_default();
        cells.fold(Cow::Borrowed(first), |text, cell| Cow::Owned(format!("{text}\n{cell}")))
    }

    /// Why cells may stand in the wrong column, or belong to another line.
    pub(super) fn doubt(&self, record: &Record<'_>) -> Option<&'static str> {
        let surplus = record.cells.iter().skip(self.header.len()).any(|cell| !cell.trim().is_empty());
        // Too many cells that end with empty ones: moved too, if no address stands where it should.
        let moved = record.cells.len() > self.header.len()
            && cell::addresses(&self.text(record, Role::Address)).nets.is_empty();
        let mut cells = record.cells.iter().enumerate();
        if record.broken {
            Some(
                "the quotation marks do not add up, so this line is not mailed; double each one inside quoted text",
            )
        } else if surplus || moved || self.lacks_address(record) {
            Some(
                "more or fewer cells than the header, so this line is not mailed; quote text with separators",
            )
        } else if cells.any(|(column, cell)| self.torn(column, cell)) {
            Some(
                "a cell holds what belongs elsewhere, so this line is not mailed; look for a lone quotation mark",
            )
        } else {
            None
        }
    }

    /// Whether a line ends before the columns of addresses; where there are none, of logins.
    pub(super) fn lacks_address(&self, record: &Record<'_>) -> bool {
        let columns = if self.lacks(Role::Address) { self.of(Role::Login) } else { self.of(Role::Address) };
        (self.placed || !columns.is_empty()) && columns.iter().all(|&column| column >= record.cells.len())
    }

    /// Whether a line counts or sums those above: it names no address.
    pub(super) fn is_total(&self, record: &Record<'_>) -> bool {
        let first = record.cells.iter().map(|cell| cell.trim()).find(|cell| !cell.is_empty());
        let number = |cell: &str| cell.len() < 7 && cell.bytes().all(|byte| byte.is_ascii_digit());
        !record.broken
            && first.is_some_and(words::is_total)
            && record.cells.iter().all(|cell| cell::addresses(cell).nets.is_empty())
            && self.text(record, Role::Address).split('\n').all(|cell| number(cell) || words::is_total(cell))
            && words::is_no_login(&self.text(record, Role::Login))
    }

    /// Whether a cell holds what its column does not say: an address moved there, or two lone quotation marks
    /// enclosed whole lines of other customers.
    fn torn(&self, column: usize, cell: &str) -> bool {
        let is = |role: Role| self.of(role).contains(&column);
        let several_lines = cell.contains(['\r', '\n']);
        if is(Role::Address) {
            several_lines && !cell::addresses(cell).unreadable.is_empty()
        } else if !several_lines {
            self.is_read(column) && !is(Role::Id) && cell::is_address(cell)
        } else if Role::ALL.into_iter().any(|role| role.is_mail() && is(role)) {
            cell::mails(cell).any(|mail| !cell::is_mail(mail) && !words::is_placeholder(mail))
        } else {
            !cell::addresses(cell).nets.is_empty()
        }
    }

    /// A column that says who has ended, and is not read: they would be mailed.
    fn unread_status(&self, stats: &[Stats]) -> Option<String> {
        let is_status = |column: &usize| {
            let (stats, is_known) = (&stats[*column], self.is_read(*column) || self.is_passed(*column));
            !is_known && stats.ended > 0 && stats.likeness(Role::Status) >= LIKE_ENOUGH
        };
        let header = &self.header[(0..stats.len()).find(is_status)?];
        Some(format!(
            "column \"{header}\" holds words such as cancelled and is not read; call it status if those customers are not to be mailed"
        ))
    }

    /// Whether it was confirmed that a column is not read.
    pub(super) fn is_passed(&self, column: usize) -> bool {
        self.passed.contains(&column)
    }

    /// In a file of addresses: why its customer ids may be those of something else, and its addresses so be another's.
    pub(super) fn foreign_ids(&self) -> Option<String> {
        let own = *self.of(Role::Id).first()?;
        if self.is_confirmed || !words::is_vague_id(&words::fold(&self.header[own])) {
            return None;
        }
        let may_be = |column: &usize| *column != own && words::may_be_id(&words::fold(&self.header[*column]));
        let other = &self.header[(0..self.header.len()).find(may_be)?];
        let own = &self.header[own];
        Some(format!(
            "column \"{own}\" says whose each address is, and it may number something else, since \"{other}\" stands beside it; \
             call the column with the customers' ids customer_id"
        ))
    }

    /// Takes for what the header does not say the columns whose cells look most like it.
    fn guess(&mut self, stats: &[Stats]) {
        let place = (!self.has_place()).then_some(Role::Address);
        let id = self.lacks(Role::Id).then_some(Role::Id);
        for role in place
            .into_iter()
            .chain(self.lacks(Role::Mail).then_some(Role::Mail))
            .chain(self.lacks(Role::Status).then_some(Role::Status))
            .chain(id)
            .chain(self.lacks(Role::Name).then_some(Role::Name))
        {
            self.guess_role(role, stats);
        }
    }

    /// Returns whether there is such a column.
    fn guess_role(&mut self, role: Role, stats: &[Stats]) -> bool {
        let free = (0..stats.len()).filter(|column| !self.is_read(*column));
        // The first of equals.
        let best = free
            .map(|column| (stats[column].likeness(role), column))
            .reduce(|a, b| if b.0 > a.0 { b } else { a });
        let Some((_, column)) = best.filter(|(likeness, _)| *likeness >= LIKE_ENOUGH) else { return false };
        self.of[role as usize].push(column);
        self.guessed.push((column, role));
        true
    }

    /// Says of each column what it is and why.
    fn explain(&mut self, stats: &[Stats]) {
        let told = self.header.iter().zip(stats).enumerate().map(|(column, (header, stats))| {
            let role = Role::ALL.into_iter().find(|role| self.of(*role).contains(&column));
            let how = match role {
                None => "not read",
                Some(_) if self.guessed.iter().any(|(guessed, _)| *guessed == column) => "guessed",
                Some(_) if self.is_confirmed => "as confirmed or by its name",
                Some(_) => "by its name",
            };
            let why = format!("{how}; {}", stats.sentence());
            Column { header: header.clone(), role: role.map(Role::name), why }
        });
        self.told = told.collect();
        // A sheet is as wide as its widest row.
        while self.told.last().is_some_and(|last| last.header.is_empty() && last.why == UNUSED) {
            self.told.pop();
        }
    }
}

/// What stands in a column.
#[derive(Clone, Debug, Default)]
struct Stats {
    rows: u32,
    filled: u32,
    addresses: u32,
    mails: u32,
    dates: u32,
    statuses: u32,
    /// Of those, words for customers who are none any more.
    ended: u32,
    /// Cells with a digit, and those of letters.
    digits: u32,
    letters: u32,
    chars: u32,
    distinct: HashSet<String>,
}

fn stats(rows: &Rows<'_>, width: usize, zone: &TimeZone) -> Vec<Stats> {
    let mut stats = vec![Stats::default(); width];
    for record in rows.clone().take(SAMPLE_ROWS_MAX).filter(|record| !record.broken) {
        for (stats, cell) in
            stats.iter_mut().zip(record.cells.iter().map(Some).chain(std::iter::repeat(None)))
        {
            stats.rows += 1;
            if let Some(cell) = cell.map(|cell| cell.trim()).filter(|cell| !cell.is_empty()) {
                stats.add(cell, zone);
            }
        }
    }
    stats
}

impl Stats {
    fn add(&mut self, cell: &str, zone: &TimeZone) {
        self.filled += 1;
        self.addresses += u32::from(is_addresses(cell));
        self.mails += u32::from(cell::mails(cell).all(cell::is_mail));
        self.dates += u32::from(matches!(cell::moment(cell, zone), Ok(Some(_))));
        let is_word = !cell.contains(|c: char| c.is_ascii_digit());
        self.statuses += u32::from(is_word && words::status_mailed(cell).is_some());
        self.ended += u32::from(is_word && words::has_ended(cell));
        self.digits += u32::from(!is_word);
        self.letters += u32::from(is_word && cell.contains(char::is_alphabetic));
        self.chars += u32::try_from(cell.len().min(LONG_CELL_CHARS)).unwrap_or_default();
        self.distinct.insert(clean(cell, LONG_CELL_CHARS));
    }

    /// In per cent, how much it looks like a role.
    fn likeness(&self, role: Role) -> u32 {
        let share = |part: u32| percent(part, self.filled);
        let distinct = share(self.distinct.len() as u32);
        let other = self.addresses.max(self.mails).max(self.dates);
        match role {
            // A gateway is an address, too, and the same on every line.
            Role::Address if self.rows < 3 || self.distinct.len() > 1 => share(self.addresses),
            Role::Mail => share(self.mails),
            Role::Status => share(self.statuses),
            Role::Id
                if percent(self.filled, self.rows) < 90 || share(other) > 10 || share(self.statuses) > 50 =>
            {
                0
            }
            Role::Id if self.filled > 0 && self.chars / self.filled > 20 => 0,
            // One customer may have several lines.
            Role::Id => (distinct + 20).min(100) / 2 + share(self.digits) / 2,
            Role::Name if share(other) > 10 || share(self.statuses) > 50 || distinct < 30 => 0,
            Role::Name => share(self.letters),
            _ => 0,
        }
    }

    fn sentence(&self) -> String {
        if self.filled == 0 {
            return "empty".to_owned();
        }
        let share = |part: u32| percent(part, self.filled);
        let mut parts = vec![format!("{} % filled", percent(self.filled, self.rows))];
        for (count, what) in [
            (self.addresses, "addresses"),
            (self.mails, "mail addresses"),
            (self.dates, "dates"),
            (self.statuses, "words of a status"),
            (self.distinct.len() as u32, "different"),
        ] {
            if count > 0 {
                parts.push(format!("{} % {what}", share(count)));
            }
        }
        parts.join(", ")
    }
}

/// Without what keeps a spreadsheet from reading a text as a number: `="192.0.2.1"`.
fn bare(cell: &str) -> &str {
    cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell)
}

fn percent(part: u32, of: u32) -> u32 {
    (part * 100).checked_div(of).unwrap_or_default()
}

/// Words for a status that are also those for a part of a country.
const STATES: &[&str] = &["state", "estado", "stato"];
/// Words for a network in one language that are something else in another: a place, a colour, a switch.
const NETS_OF_OTHERS: &[&str] =
    &["site", "sit", "set", "nat", "red", "ag", "network", "networks", "netz", "netzwerk", "rede", "rete"];
/// Lines among which the header is looked for.
const HEADER_LINES_MAX: usize = 20;
/// Columns of a file; no list of customers is wider.
const COLUMNS_MAX: usize = 500;
/// Rows from which it is seen what stands in the columns.
const SAMPLE_ROWS_MAX: usize = 500;
/// In per cent, how much a column must look like what it is guessed to be.
const LIKE_ENOUGH: u32 = 60;
const LONG_CELL_CHARS: usize = 60;
/// Of a column in which nothing stands.
const UNUSED: &str = "not read; empty";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_addresses_holds_nothing_else() {
        for cell in
            ["192.0.2.1", "192.0.2.1, 192.0.2.9", "192.0.2.0/28; 2001:db8::/56", "192.0.2.1-192.0.2.6"]
        {
            assert!(is_addresses(cell), "{cell}");
        }
        for cell in ["", "Foo", "as of 192.0.2.1", "192.0.2.1 192.0.2.300", "17", "12:30"] {
            assert!(!is_addresses(cell), "{cell}");
        }
    }

    #[test]
    fn what_was_confirmed_is_read_back_and_missed_where_it_is_gone() {
        let text = "customer_id\tref\n-\tnote\nname\tref\n";
        let mapping = Mapping::parse(&format!("{text}nonsense\tx\nno tab\n"));
        assert_eq!(mapping.text(), text);
        assert!(!mapping.is_empty() && Mapping::parse("nonsense\tx\n").is_empty());
        let folded = |headers: &[&str]| headers.iter().map(|header| (*header).to_owned()).collect::<Vec<_>>();
        for (headers, missing) in [
            (&["ref", "note", "ref"][..], &[][..]),
            (&["ref", "more", "ref"], &[]),
            (&["note", "ref"], &["ref"]),
            (&["note"], &["ref", "ref"]),
        ] {
            assert_eq!(mapping.missing(&folded(headers)), missing, "{headers:?}");
        }
        let headers = folded(&["ref", "ref", "note", "more"]);
        let roles = [0, 1, 2, 3].map(|column| mapping.role(&headers, column));
        let [id, name] = ["customer_id", "name"].map(Role::of_name);
        assert!(id.is_some() && name.is_some());
        assert_eq!(roles, [Some(id), Some(name), Some(None), None]);
    }

    fn stats_of<S: AsRef<str>>(cells: &[S]) -> Stats {
        let mut stats = Stats::default();
        for cell in cells.iter().map(AsRef::as_ref) {
            stats.rows += 1;
            if !cell.is_empty() {
                stats.add(cell, &TimeZone::UTC);
            }
        }
        stats
    }

    #[test]
    fn what_stands_in_a_column_is_counted() {
        let stats = stats_of(&[
            "192.0.2.1",
            "a@x.example",
            "2026-01-02",
            "cancelled",
            "cancelled 2",
            "active",
            "7",
            "#",
            "",
        ]);
        let Stats { rows, filled, addresses, mails, dates, statuses, ended, digits, letters, .. } = stats;
        assert_eq!((rows, filled, addresses, mails, dates), (9, 8, 1, 1, 1));
        assert_eq!((statuses, ended, digits, letters, stats.distinct.len()), (2, 1, 4, 3, 8));
        assert_eq!(
            stats.sentence(),
            "88 % filled, 12 % addresses, 12 % mail addresses, 12 % dates, 25 % words of a status, 100 % different"
        );
        assert_eq!(stats_of(&["7"]).sentence(), "100 % filled, 100 % different");
    }

    #[test]
    fn what_a_column_looks_like() {
        let same = |cell: &str, times: usize| vec![cell.to_owned(); times];
        let numbers = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
        let names = |count: usize| (b'a'..).take(count).map(|letter| char::from(letter).to_string());
        let names = |count: usize| names(count).collect::<Vec<_>>();
        for (role, cells, likeness) in [
            (Role::Address, same("192.0.2.1", 2), 100),
            (Role::Address, same("192.0.2.1", 3), 0),
            (Role::Address, ["192.0.2.1", "192.0.2.2", "x", "y"].map(str::to_owned).into(), 50),
            (Role::Mail, ["a@x.example", "b"].map(str::to_owned).into(), 50),
            (Role::Status, ["active", "cancelled", "b", "c"].map(str::to_owned).into(), 50),
            (Role::Id, numbers(10), 100),
            (Role::Id, [numbers(9), same("", 1)].concat(), 100),
            (Role::Id, [numbers(8), same("", 2)].concat(), 0),
            (Role::Id, [numbers(9), same("192.0.2.1", 1)].concat(), 100),
            (Role::Id, [numbers(8), same("192.0.2.1", 2)].concat(), 0),
            (Role::Id, same("5", 10), 65),
            (Role::Id, names(10), 50),
            (Role::Id, [names(5), same("active", 5)].concat(), 40),
            (Role::Id, [names(4), same("active", 6)].concat(), 0),
            (Role::Id, same("12345678901234567890", 1), 100),
            (Role::Id, same("123456789012345678901", 1), 0),
            (Role::Name, names(10), 100),
            (Role::Name, [names(3), same("a", 7)].concat(), 100),
            (Role::Name, [names(2), same("a", 8)].concat(), 0),
            (Role::Name, [names(5), same("active", 5)].concat(), 100),
            (Role::Name, [names(4), same("active", 6)].concat(), 0),
            (Role::Name, [names(9), same("192.0.2.1", 1)].concat(), 90),
            (Role::Name, [names(8), same("192.0.2.1", 2)].concat(), 0),
            (Role::Login, names(10), 0),
        ] {
            assert_eq!(stats_of(&cells).likeness(role), likeness, "{role:?} {cells:?}");
        }
    }
}
