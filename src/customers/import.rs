//! A customer file as a CRM exports it -> lines of (prefix, customer, time), and everything that is wrong with it.
//!
//! The rule behind all of it: a line whose address can be read takes its place, whatever else is wrong with it, so
//! that its rows never fall through to the customer of a wider prefix. What is in doubt is not mailed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::bundle::Bundle;
use super::cell::{self, ALWAYS, Addresses, FOREVER};
use super::columns::{self, Column, Columns, Mapping, Part, Rows};
use super::contacts::{Contacts, Drafts};
use super::forward::Forward;
use super::login::{Login, login};
use super::overlap::{self, Range};
use super::records::{Record, Records};
use super::sheet::Row;
use super::words::{self, Role};
use super::{encoding, sheet};
use crate::clock::Timestamp;
use crate::config::Complaint;

/// One prefix of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub prefix: IpNet,
    /// Index in [`File::customers`].
    pub customer: u32,
    /// First and last second for which the line holds.
    pub from: Timestamp,
    pub until: Timestamp,
    /// False: takes its place, but its customer hears nothing.
    pub mailed: bool,
    /// Physical line in the file, from 1.
    pub line: u32,
}

impl Line {
    /// Whether both lines hold at some moment.
    pub(super) fn meets(&self, other: &Line) -> bool {
        self.from <= other.until && other.from <= self.until
    }
}

/// Complaints up to a limit; those beyond are counted.
#[derive(Clone, Debug, Default)]
pub struct Complaints {
    pub list: Vec<Complaint>,
    pub more: u64,
}

impl Complaints {
    pub fn len(&self) -> u64 {
        self.list.len() as u64 + self.more
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn push(&mut self, line: Option<u32>, role: Role, complaint: impl Into<String>) {
        if self.list.len() < COMPLAINTS_MAX {
            let field = role.name().to_owned();
            self.list.push(Complaint { line: line.map(u64::from), field, complaint: complaint.into() });
        } else {
            self.more += 1;
        }
    }
}

/// A line with an address that cannot be read. The file may be taken only after the operator said that nothing is
/// lost by leaving it out; `customer_id` and `text` recognise it in the next export, where its number may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: u32,
    /// Empty if the line names no customer.
    pub customer_id: String,
    /// What stands where the address should be.
    pub text: String,
}

/// A customer file as read.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The file as a whole cannot be taken; the complaints say why.
    pub refused: bool,
    /// Sorted by prefix; identical ones merged.
    pub lines: Vec<Line>,
    /// By which the holders of dynamic addresses are known. Sorted; identical ones merged.
    pub logins: Vec<Login>,
    /// Of lines with neither: a log may still know their customers by their ids.
    pub unplaced: Vec<Login>,
    pub forwards: Vec<Forward>,
    pub customers: Contacts,
    pub complaints: Complaints,
    /// Each has a complaint too; while there are any, the file waits for the operator.
    pub unreadable: Vec<Unreadable>,
    /// What was taken in a way that the operator may want to know, without being wrong.
    pub notes: Complaints,
    /// How its columns were understood.
    pub columns: Vec<Column>,
    /// Why somebody has to confirm that; while there are any, the file waits for the operator.
    pub doubts: Vec<String>,
    /// The same of a second file, with the addresses.
    pub address_columns: Vec<Column>,
    /// It is refused since it says who the customers are, but neither their addresses nor their logins.
    pub lacks_addresses: bool,
    /// Physical line of the header; 0: there is none.
    pub header: u32,
}

impl File {
    fn assigns_nothing(&self) -> bool {
        self.lines.is_empty() && self.logins.is_empty() && self.forwards.is_empty()
    }

    /// Distinct prefixes.
    pub fn prefixes_len(&self) -> usize {
        self.lines.chunk_by(|a, b| a.prefix == b.prefix).count()
    }

    /// Customers, without the nameless one of the lines that have no customer id.
    pub fn customers_len(&self) -> usize {
        self.customers.ids().filter(|id| !id.is_empty()).count()
    }

    /// The text or the sheets of a file; `None`: it cannot be read, which is told.
    fn open<'b>(&mut self, bytes: &'b [u8]) -> Option<Opened<'b>> {
        if sheet::is_workbook(bytes) {
            return match sheet::sheets(bytes) {
                Ok(sheets) => Some(Opened::Sheets(sheets)),
                Err(why) => {
                    self.refuse(None, Role::Address, why);
                    None
                }
            };
        }
        let (text, told) = encoding::decode(bytes);
        if let Some(told) = told {
            self.notes.push(None, Role::Name, told);
        }
        Some(Opened::Text(text))
    }

    /// A table that says who and where; what it lacks is told. `offset` tells its lines from those of the first.
    fn checked<'t>(&mut self, table: Option<columns::Table<'t>>, offset: u32) -> Option<columns::Table<'t>> {
        match &table {
            None => self.refuse(Some(offset).filter(|line| *line > 0), Role::Id, "the file is empty"),
            Some(table) => self.check_header(table, offset),
        }
        table
    }

    /// With the lines of both files by the numbers that they have there, and complaints that say of which they are.
    fn settled(mut self) -> Self {
        let line = |line: u64| Some(line % u64::from(OF_SECOND)).filter(|line| *line > 0);
        for told in self.complaints.list.iter_mut().chain(&mut self.notes.list) {
            if told.line.is_some_and(|line| line >= u64::from(OF_SECOND)) {
                told.line = told.line.and_then(line);
                told.complaint.insert_str(0, OF_ADDRESSES);
            }
        }
        let lines = self.lines.iter_mut().map(|line| &mut line.line);
        let logins = self.logins.iter_mut().chain(&mut self.unplaced).map(|login| &mut login.line);
        let forwards = self.forwards.iter_mut().map(|forward| &mut forward.line);
        let unreadable = self.unreadable.iter_mut().map(|line| &mut line.line);
        lines.chain(logins).chain(forwards).chain(unreadable).for_each(|line| *line %= OF_SECOND);
        self
    }

    /// Whether a header says who and where, and what it has that is not used.
    fn check_header(&mut self, table: &columns::Table<'_>, offset: u32) {
        let (columns, line) = (&table.columns, Some(table.header.max(1).saturating_add(offset)));
        let written = columns.header.iter().filter(|h| !h.is_empty()).take(HEADERS_SHOWN_MAX);
        let found = written.map(|h| format!("\"{h}\"")).collect::<Vec<_>>().join(", ");
        for role in [Role::Id, Role::Address] {
            // Where all addresses are dynamic, logins are enough.
            if columns.lacks(role) && (role == Role::Id || !columns.has_place()) {
                self.lacks_addresses = role == Role::Address && !columns.lacks(Role::Id);
                let name = role.name();
                self.refuse(line, role, format!("no column is called {name}; the header says {found}"));
            }
        }
        let unused = (0..columns.header.len()).filter(|column| !columns.is_read(*column));
        for column in unused.take(HEADERS_SHOWN_MAX) {
            let header = &columns.header[column];
            let known = words::roles(&words::fold(header)).find(|role| !columns.lacks(*role));
            if let Some(role) = known {
                let used = &columns.header[columns.of(role)[0]];
                self.notes.push(line, role, format!("column \"{header}\" is not used, \"{used}\" is"));
            }
        }
        if table.titles > 0 {
            let told = format!("{} above the header were left out", counted(table.titles));
            self.notes.push(line, Role::Name, told);
        }
    }

    /// The reason for it is told even where the list of complaints is full.
    fn refuse(&mut self, line: Option<u32>, role: Role, complaint: impl Into<String>) {
        self.refused = true;
        let (line, field) = (line.map(u64::from), role.name().to_owned());
        self.complaints.list.push(Complaint { line, field, complaint: complaint.into() });
    }
}

/// Reads a customer file. Never fails: what cannot be used is in `complaints`. Days are days in `zone`.
pub fn read(bytes: &[u8], zone: &TimeZone) -> File {
    let mut file = File::default();
    if bytes.len() > FILE_BYTES_MAX {
        file.refuse(
            None,
            Role::Address,
            "the file is larger than 64 MiB; export only the columns that are needed",
        );
        return file;
    }
    let bundle = Bundle::of(bytes);
    let Some(customers) = file.open(&bundle.customers) else { return file };
    let addresses = bundle.addresses.as_ref().map(|bytes| (&bundle.addresses_mapping, file.open(bytes)));
    match addresses {
        None => read_opened(&customers, &bundle.mapping, None, zone, file),
        Some((mapping, Some(addresses))) => {
            read_opened(&customers, &bundle.mapping, Some((&addresses, mapping)), zone, file)
        }
        Some((_, None)) => file,
    }
}

/// A file as text or as a workbook.
enum Opened<'b> {
    Text(Cow<'b, str>),
    Sheets(Vec<Vec<Row>>),
}

impl Opened<'_> {
    /// As many lines as there may be: what is never used of it costs nothing, and a list that grows is copied.
    fn lines_max(&self) -> usize {
        match self {
            Opened::Text(text) => memchr::memchr_iter(b'\n', text.as_bytes()).count().min(LINES_MAX),
            Opened::Sheets(_) => 0,
        }
    }

    fn rows(&self) -> Vec<Rows<'_>> {
        match self {
            Opened::Text(text) => separated(text),
            Opened::Sheets(sheets) => {
                let width =
                    |rows: &Vec<Row>| rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or_default();
                sheets.iter().map(|rows| Rows::Sheet(rows.iter(), width(rows))).collect()
            }
        }
    }
}

/// The rows of a text by each separator that it may have.
fn separated(text: &str) -> Vec<Rows<'_>> {
    let first = text.split(['\r', '\n']).next().unwrap_or_default();
    let (body, delimiters) = match first.as_bytes() {
        // What Excel writes above the header. The rest of its line is a blank line to the reader.
        &[b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', given] if DELIMITERS.contains(&given) => {
            (&text[first.len()..], vec![given])
        }
        // Where one does not stand, all lines have one cell, as with any other that does not.
        _ => {
            let begin = &text.as_bytes()[..text.len().min(BEGIN_BYTES)];
            let (some, none): (Vec<u8>, Vec<u8>) = DELIMITERS.iter().partition(|one| begin.contains(one));
            (text, some.into_iter().chain(none.first().copied()).collect())
        }
    };
    delimiters.into_iter().map(|delimiter| Rows::Text(Records::new(body, delimiter))).collect()
}

/// A customer file, and beside it that of its addresses.
fn read_opened(
    customers: &Opened<'_>,
    mapping: &Mapping,
    addresses: Option<(&Opened<'_>, &Mapping)>,
    zone: &TimeZone,
    mut file: File,
) -> File {
    let part = if addresses.is_none() { Part::All } else { Part::Customers };
    let first = columns::find(customers.rows(), mapping, part, zone);
    let second = addresses.map(|(file, mapping)| columns::find(file.rows(), mapping, Part::Addresses, zone));
    let Some(first) = file.checked(first, 0) else { return file };
    (file.columns, file.doubts, file.header) = (first.columns.told.clone(), first.doubts, first.header);
    let second = match second {
        None => None,
        Some(second) => {
            let Some(second) = file.checked(second, OF_SECOND) else { return file.settled() };
            file.address_columns = second.columns.told.clone();
            let doubts = second.doubts.iter().cloned().chain(second.columns.foreign_ids());
            file.doubts.extend(doubts.map(|doubt| format!("{OF_ADDRESSES}{doubt}")));
            Some(second)
        }
    };
    if file.refused {
        return file.settled();
    }
    let mut import = Import {
        zone,
        file,
        drafts: Drafts::default(),
        classes: Vec::new(),
        copies: HashMap::new(),
        silent: HashSet::new(),
        standings: second.is_some().then(HashMap::new),
        joined: 0,
        strangers: 0,
        ranges: Vec::new(),
        strays: Vec::new(),
    };
    import.file.lines.reserve(customers.lines_max());
    import.table(first.rows, &first.columns, 0);
    if let Some(second) = second {
        import.strays.clear();
        import.table(second.rows, &second.columns, OF_SECOND);
    }
    import.finish()
}

/// A file in the making.
struct Import<'z> {
    zone: &'z TimeZone,
    file: File,
    /// The customers, grown in place.
    drafts: Drafts,
    /// What their mail addresses are for: those of a more fitting class take the place of others.
    classes: Vec<u8>,
    /// Further addresses that get a copy, of the few customers who have some.
    copies: HashMap<u32, Vec<String>>,
    /// Customers of whom a line says that they get no mail.
    silent: HashSet<u32>,
    /// Where there is a second file with the addresses: of each customer in the first.
    standings: Option<HashMap<u32, Standing>>,
    /// Lines of the second that name a customer, and of those such whom the first does not have.
    joined: u64,
    strangers: u64,
    ranges: Vec<Range>,
    /// Columns that hold addresses and are not read.
    strays: Vec<usize>,
}

/// How a customer stands by the lines of the customer file, where the addresses are in another.
struct Standing {
    from: Timestamp,
    until: Timestamp,
    mailed: bool,
}

impl Import<'_> {
    /// Reads the rows of a file; `offset` tells its lines from those of the first.
    fn table(&mut self, rows: Rows<'_>, columns: &Columns, offset: u32) {
        for (count, mut record) in rows.enumerate() {
            record.line = record.line.saturating_add(offset);
            if count == LINES_MAX || self.file.lines.len().max(self.file.logins.len()) > LINES_MAX {
                let why = "more than a million lines, prefixes or logins";
                self.file.refuse(Some(record.line), Role::Address, why);
                break;
            }
            self.record(&record, columns);
        }
    }

    fn record(&mut self, record: &Record<'_>, columns: &Columns) {
        if columns.is_total(record) {
            let first = record.cells.iter().map(|cell| cell.trim()).find(|cell| !cell.is_empty());
            let told = format!(
                "\"{}\" is taken for a line that sums up, and left out",
                short(first.unwrap_or_default())
            );
            self.file.notes.push(Some(record.line), Role::Name, told);
            return;
        }
        if let Some(why) = columns.doubt(record) {
            self.doubtful(record, columns, why);
            return;
        }
        self.look_for_strays(record, columns);
        let line = record.line;
        let id = self.id(line, &columns.text(record, Role::Id));
        let text = columns.text(record, Role::Address);
        let found = if text.split('\n').any(words::says_no_address) {
            let cells: Vec<&str> = text.split('\n').filter(|cell| !words::says_no_address(cell)).collect();
            cell::addresses(&cells.join("\n"))
        } else {
            cell::addresses(&text)
        };
        let logins = self.logins(record, columns);
        let is_elsewhere = self.standings.is_some() && line < OF_SECOND;
        if found.is_empty() && found.unreadable.is_empty() && logins.is_empty() && !is_elsewhere {
            self.complain(line, Role::Address, "no address: this line assigns nothing");
        }
        let (mut from, mut until, dated) = self.validity(record, columns);
        let status = self.status(line, &columns.text(record, Role::Status));
        let mut mailed =
            id.is_some() && dated && status && !words::says_no_mail(&columns.text(record, Role::Mail));
        let id = id.unwrap_or_default();
        let customer = self.customer(&id);
        if !id.is_empty() && self.is_silent(record, columns) {
            self.silent.insert(customer);
        }
        if line >= OF_SECOND {
            let known = self.standings.as_ref().and_then(|standings| standings.get(&customer));
            mailed &= known.is_some_and(|standing| standing.mailed);
            if let Some(standing) = known {
                (from, until) = (from.max(standing.from), until.min(standing.until));
            }
            let is_known = known.is_some();
            self.joined += u64::from(!id.is_empty());
            if !is_known && !id.is_empty() {
                self.strangers += 1;
                let complaint = "no customer has this id in the customer file, so this line is not mailed";
                self.complain(line, Role::Id, complaint);
            }
        } else if !id.is_empty() {
            self.describe(customer, record, columns);
            self.mails(customer, record, columns);
            if logins.is_empty() && found.is_empty() {
                let login = login(&id).into_boxed_str();
                self.file.unplaced.push(Login { login, customer, from, until, mailed, line });
            }
            if let Some(standings) = &mut self.standings {
                let standing = standings.entry(customer).or_insert(Standing { from, until, mailed });
                (standing.from, standing.until) = (standing.from.min(from), standing.until.max(until));
                standing.mailed &= mailed;
            }
        }
        self.unreadable(line, &id, &found);
        self.place(&found, logins, Line { prefix: IpNet::default(), customer, from, until, mailed, line });
    }

    /// Which cell is which is not certain: every address that stands anywhere takes its place, for nobody.
    fn doubtful(&mut self, record: &Record<'_>, columns: &Columns, why: &'static str) {
        let line = record.line;
        self.complain(line, Role::Id, why);
        let mut found = Addresses::default();
        for (column, cell) in record.cells.iter().enumerate() {
            let part = cell::addresses(cell);
            found.nets.extend(part.nets);
            found.ranges.extend(part.ranges);
            found.forwards.extend(part.forwards);
            if columns.of(Role::Address).contains(&column) {
                found.unreadable.extend(part.unreadable);
            }
        }
        if columns.lacks_address(record) {
            found.unreadable.push((record.cells.join(" "), "this line ends before the column of addresses"));
        }
        self.unreadable(line, &short(&columns.text(record, Role::Id)), &found);
        let customer = self.customer("");
        let (from, until) = (ALWAYS, FOREVER);
        let logins = self.logins(record, columns);
        self.place(
            &found,
            logins,
            Line { prefix: IpNet::default(), customer, from, until, mailed: false, line },
        );
    }

    fn complain(&mut self, line: u32, role: Role, complaint: impl Into<String>) {
        self.file.complaints.push(Some(line), role, complaint);
    }

    /// The logins of a line, folded. Without one the line is not the worse: most customers have none.
    fn logins(&mut self, record: &Record<'_>, columns: &Columns) -> Vec<Box<str>> {
        let text = columns.text(record, Role::Login);
        let mut logins = Vec::new();
        for piece in
            text.split([',', ';', '\r', '\n']).map(str::trim).filter(|piece| !words::is_no_login(piece))
        {
            let why = if piece.chars().count() > TEXT_CHARS_MAX {
                "is longer than 200 characters"
            } else if piece.contains(char::is_control) {
                "has control characters"
            } else if words::is_spoilt(piece) {
                "was spoilt by a spreadsheet"
            } else {
                logins.push(login(piece).into_boxed_str());
                continue;
            };
            let complaint = format!("\"{}\" {why}, so no session is found by it", short(piece));
            self.complain(record.line, Role::Login, complaint);
        }
        logins
    }

    fn place(&mut self, found: &Addresses, logins: Vec<Box<str>>, line: Line) {
        let Line { customer, from, until, mailed, line: number, .. } = line;
        for login in logins {
            let login = Login { login, customer, from, until, mailed, line: number };
            // Every line of a customer says it again.
            if !self.file.logins.iter().rev().take(LOGINS_BACK).any(|last| last.says_the_same(&login)) {
                self.file.logins.push(login);
            }
        }
        self.file.lines.extend(found.nets.iter().map(|&prefix| Line { prefix, ..line }));
        let forward =
            |&(address, ports)| Forward { address, ports, customer, from, until, mailed, line: number };
        self.file.forwards.extend(found.forwards.iter().map(forward));
        let range = |&(first, last)| Range { line: line.line, first, last };
        self.ranges.extend(found.ranges.iter().map(range));
        for (text, told) in &found.told {
            self.file.notes.push(Some(line.line), Role::Address, format!("{} {told}", short(text)));
        }
    }

    fn unreadable(&mut self, line: u32, id: &str, found: &Addresses) {
        let Some((text, why)) = found.unreadable.first() else { return };
        self.complain(line, Role::Address, format!("\"{}\": {why}", short(text)));
        if self.file.unreadable.len() == UNREADABLE_MAX {
            if !self.file.refused {
                let why = format!("more than {UNREADABLE_MAX} lines have an address that cannot be read");
                self.file.refuse(Some(line), Role::Address, why);
            }
            return;
        }
        let text = found.unreadable.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ");
        let text = clean(&text, TEXT_CHARS_MAX);
        self.file.unreadable.push(Unreadable { line, customer_id: id.to_owned(), text });
    }

    /// `None` where the line cannot be tied to a customer. An id is never cut: two would become one customer.
    fn id(&mut self, line: u32, text: &str) -> Option<String> {
        let why = if text.is_empty() {
            "no customer id, so this line is not mailed"
        } else if text.chars().count() > TEXT_CHARS_MAX {
            "the customer id is longer than 200 characters, so this line is not mailed"
        } else if text.contains(char::is_control) {
            "the customer id has control characters, so this line is not mailed"
        } else if words::is_no_id(text) {
            "this stands for no customer id or was spoilt by a spreadsheet, so this line is not mailed"
        } else {
            return Some(text.to_owned());
        };
        self.complain(line, Role::Id, why);
        None
    }

    /// First and last second, and whether the columns could be read.
    fn validity(&mut self, record: &Record<'_>, columns: &Columns) -> (Timestamp, Timestamp, bool) {
        let mut readable = true;
        let mut moment = |role: Role| {
            let text = columns.text(record, role);
            cell::moment(&text, self.zone).unwrap_or_else(|why| {
                readable = false;
                let complaint = format!("\"{}\" {why}, so this line is not mailed", short(&text));
                self.file.complaints.push(Some(record.line), role, complaint);
                None
            })
        };
        let from = moment(Role::From).map_or(ALWAYS, |(first, _)| first);
        let until = moment(Role::Until).map_or(FOREVER, |(_, last)| last);
        if until < from {
            self.complain(record.line, Role::Until, "ends before it begins, so this line never holds");
        }
        (from, until, readable)
    }

    fn status(&mut self, line: u32, text: &str) -> bool {
        let mut mailed = true;
        for word in text.split('\n') {
            mailed &= words::status_mailed(word).unwrap_or_else(|| {
                let complaint = format!(
                    "\"{}\" is no known status, so this line is not mailed; write active or cancelled",
                    short(word)
                );
                self.complain(line, Role::Status, complaint);
                false
            });
        }
        mailed
    }

    fn customer(&mut self, id: &str) -> u32 {
        self.drafts.find(id).unwrap_or_else(|| {
            self.classes.push(0);
            self.drafts.add(id)
        })
    }

    /// Whether a line says of its customer that he gets no mail. In doubt he gets none.
    fn is_silent(&mut self, record: &Record<'_>, columns: &Columns) -> bool {
        if columns.lacks(Role::NoMail) {
            return false;
        }
        let text = columns.text(record, Role::NoMail);
        let says: Vec<Option<bool>> = text.split('\n').map(words::switch).collect();
        if says.contains(&None) {
            let complaint =
                format!("\"{}\" is neither yes nor no, so this customer is not mailed", short(&text));
            self.complain(record.line, Role::NoMail, complaint);
        }
        says.iter().any(|is_on| *is_on != Some(false))
    }

    /// Adds to a customer what this line says of it, but for its mail addresses.
    fn describe(&mut self, customer: u32, record: &Record<'_>, columns: &Columns) {
        let line = record.line;
        let complaints = &mut self.file.complaints;
        let mut complain = |role, complaint: String| complaints.push(Some(line), role, complaint);
        let mut name = columns.text(record, Role::Name);
        if name.is_empty() && !columns.lacks(Role::LastName) {
            let [first, last] = [Role::FirstName, Role::LastName].map(|role| columns.text(record, role));
            name = format!("{first} {last}").into();
        }
        let name = clean(&name, TEXT_CHARS_MAX);
        let text = columns.text(record, Role::Language);
        let mut language = words::language(&text);
        if language.is_none() && !text.is_empty() {
            let text = short(&text);
            complain(Role::Language, format!("\"{text}\" is no language; write a tag such as en or de"));
        } else if text.is_empty() {
            language = words::country_language(&columns.text(record, Role::Country)).map(str::to_owned);
        }
        let is_plain = columns.text(record, Role::Plain);
        if name.is_empty() && language.is_none() && is_plain.is_empty() {
            return;
        }
        let mut contact = self.drafts.get(customer);
        contact.plain |= words::switch(&is_plain) != Some(false);
        if contact.name.is_empty() {
            contact.name = &name;
        } else if !name.is_empty() && name != contact.name {
            let (first, here) = (short(contact.name), short(&name));
            complain(
                Role::Name,
                format!("this customer is \"{first}\" on an earlier line and \"{here}\" here"),
            );
        }
        if contact.language.is_none() {
            contact.language = language.as_deref();
        } else if language.is_some() && language.as_deref() != contact.language {
            let first = contact.language.unwrap_or_default();
            complain(Role::Language, format!("this customer's language is {first} on an earlier line"));
        }
        let described = contact.record();
        if described != self.drafts.record(customer) {
            self.drafts.set(customer, &described);
        }
    }

    /// Adds the mail addresses of a line to its customer's. Only those of the most fitting class are used: for abuse,
    /// else technical, else general ones, else those for bills; a copy goes to others beside them.
    fn mails(&mut self, customer: u32, record: &Record<'_>, columns: &Columns) {
        let text = columns.text(record, Role::Class);
        let named = if text.is_empty() { Some(words::GENERAL) } else { words::mail_class(&text) };
        if named.is_none() {
            let note =
                format!("\"{}\" is no known kind of mail address; taken for a general one", short(&text));
            self.file.notes.push(Some(record.line), Role::Class, note);
        }
        let class = named.unwrap_or(words::GENERAL);
        for (role, class) in
            [(Role::AbuseMail, 3), (Role::TechMail, 2), (Role::Mail, class), (Role::BillingMail, 0)]
        {
            let text = columns.text(record, role);
            let mails = self.usable(record.line, role, &text);
            if mails.is_empty() {
                continue;
            }
            let known_class = self.classes[customer as usize];
            let mut contact = self.drafts.get(customer);
            if class < known_class && !contact.mails.is_empty() {
                continue;
            }
            if class > known_class {
                contact.mails.clear();
            } else if mails.iter().all(|mail| contact.mails.contains(mail)) {
                // Every line of a customer says it again.
                continue;
            }
            for mail in mails {
                if contact.mails.iter().any(|known| known.eq_ignore_ascii_case(mail)) {
                    continue;
                } else if contact.mails.len() == MAILS_MAX {
                    let complaint = format!("more than {MAILS_MAX} addresses; \"{mail}\" is left out");
                    self.file.complaints.push(Some(record.line), role, complaint);
                } else {
                    contact.mails.push(mail);
                }
            }
            let record = contact.record();
            self.drafts.set(customer, &record);
            self.classes[customer as usize] = class;
        }
        let text = columns.text(record, Role::Copy);
        for mail in self.usable(record.line, Role::Copy, &text) {
            let copies = self.copies.entry(customer).or_default();
            if copies.len() < MAILS_MAX && !copies.iter().any(|known| known.eq_ignore_ascii_case(mail)) {
                copies.push(mail.to_owned());
            }
        }
    }

    /// The usable mail addresses of a cell.
    fn usable<'t>(&mut self, line: u32, role: Role, text: &'t str) -> Vec<&'t str> {
        let pieces = if words::says_no_mail(text) { "" } else { text };
        let mut mails = Vec::new();
        for mail in cell::mails(pieces).filter(|mail| !words::is_placeholder(mail)) {
            if cell::is_mail(mail) {
                mails.push(mail);
            } else {
                self.complain(line, role, format!("\"{}\" is no mail address", short(mail)));
            }
        }
        mails
    }

    /// A column of addresses or of their masks that nobody reads is told once, and has to be confirmed: what it assigns would
    /// fall to wider prefixes.
    fn look_for_strays(&mut self, record: &Record<'_>, columns: &Columns) {
        for (column, (cell, header)) in record.cells.iter().zip(&columns.header).enumerate() {
            if columns.is_read(column) || self.strays.contains(&column) {
                continue;
            }
            let told = if cell::is_address(cell) {
                format!("column \"{header}\" holds addresses and is not read; call it cidr if it should be")
            } else if is_length(header, cell) {
                format!(
                    "column \"{header}\" holds masks and is not read, so each address counts alone; write prefixes, as in \
                     192.0.2.0/28"
                )
            } else {
                continue;
            };
            self.strays.push(column);
            if !columns.is_passed(column) {
                let of = if record.line >= OF_SECOND { OF_ADDRESSES } else { "" };
                self.file.doubts.push(format!("{of}{told}"));
            }
            self.file.notes.push(Some(record.line), Role::Address, told);
        }
    }

    fn finish(mut self) -> File {
        self.switch();
        let Self { joined, strangers, .. } = self;
        if strangers * 2 > joined {
            self.file.doubts.push(format!(
                "{OF_ADDRESSES}of {joined} lines that name a customer, {strangers} name one who is not in the customer file: \
                 the ids of both are hardly the same"
            ));
        }
        self.file.lines.sort_unstable();
        self.file.logins.sort_unstable();
        self.file.forwards.sort_unstable();
        // With a customer's equal prefixes still apart: what they are parts of may differ.
        let contested = overlap::contested(&self.file.lines, &self.ranges);
        self.unite();
        if self.file.assigns_nothing() && !self.file.refused {
            self.file.refuse(None, Role::Address, "no line has an address");
        }
        self.conflicts();
        match contested {
            Some(contested) => {
                for (line, other) in contested.pairs {
                    let complaint =
                        format!("overlaps a range of another customer on {}: ambiguous there", named(other));
                    self.complain(line, Role::Address, complaint);
                }
                self.file.lines.extend(contested.lines);
                self.file.lines.sort_unstable();
                self.unite();
            }
            None => self.file.refuse(None, Role::Address, "too many ranges of different customers overlap"),
        }
        let mut file = self.file;
        file.lines.shrink_to_fit();
        file.logins.shrink_to_fit();
        file.complaints.list.sort_by_key(|complaint| complaint.line);
        file.customers = self.drafts.into();
        file.settled()
    }

    /// What one line says of a customer holds for all of them.
    fn switch(&mut self) {
        for line in &mut self.file.lines {
            line.mailed &= !self.silent.contains(&line.customer);
        }
        for login in self.file.logins.iter_mut().chain(&mut self.file.unplaced) {
            login.mailed &= !self.silent.contains(&login.customer);
        }
        for forward in &mut self.file.forwards {
            forward.mailed &= !self.silent.contains(&forward.customer);
        }
        for (customer, copies) in &self.copies {
            let mut contact = self.drafts.get(*customer);
            for copy in copies {
                if !contact.mails.iter().any(|known| known.eq_ignore_ascii_case(copy)) {
                    contact.mails.push(copy);
                }
            }
            let record = contact.record();
            self.drafts.set(*customer, &record);
        }
    }

    /// Of sorted lines that say the same the first stays.
    fn unite(&mut self) {
        let same = |line: &Line| Line { line: 0, ..*line };
        self.file.lines.dedup_by(|later, earlier| same(later) == same(earlier));
        self.file.logins.dedup_by(|later, earlier| later.says_the_same(earlier));
        let same = |forward: &Forward| Forward { line: 0, ..*forward };
        self.file.forwards.dedup_by(|later, earlier| same(later) == same(earlier));
    }

    /// Complains of each line whose prefix or login another customer has at the same time.
    fn conflicts(&mut self) {
        let File { lines, logins, forwards, complaints, .. } = &mut self.file;
        for lines in lines.chunk_by(|a, b| a.prefix == b.prefix) {
            let claims = lines.iter().map(|l| Claim {
                from: l.from,
                line: l.line,
                until: l.until,
                customer: l.customer,
            });
            quarrels(claims.collect(), |line, other| {
                let complaint =
                    format!("{} is another customer's on {}: ambiguous", lines[0].prefix, named(other));
                complaints.push(Some(line), Role::Address, complaint);
            });
        }
        for logins in logins.chunk_by(|a, b| a.login == b.login) {
            let claims = logins.iter().map(|l| Claim {
                from: l.from,
                line: l.line,
                until: l.until,
                customer: l.customer,
            });
            quarrels(claims.collect(), |line, other| {
                let login = short(&logins[0].login);
                let complaint = format!("\"{login}\" is another customer's on {}: ambiguous", named(other));
                complaints.push(Some(line), Role::Login, complaint);
            });
        }
        let ids = self.drafts.ids().filter(|_| !logins.is_empty());
        for (customer, id) in (0..).zip(ids) {
            let id = login(id);
            let from = logins.partition_point(|known| *known.login < *id);
            let mut same = logins[from..].iter().take_while(|known| *known.login == *id);
            if let Some(other) = same.find(|known| known.customer != customer) {
                let complaint = format!("\"{}\" is the id of another customer: ambiguous", short(&id));
                complaints.push(Some(other.line), Role::Login, complaint);
            }
        }
        for (index, one) in forwards.iter().enumerate() {
            let before = forwards[..index].iter().rev().take(FORWARDS_COMPARED_MAX);
            let mut before = before.take_while(|other| other.address == one.address);
            let quarrel = before.find(|other| {
                let meets =
                    other.ports.1 >= one.ports.0 && other.from <= one.until && one.from <= other.until;
                meets && other.customer != one.customer
            });
            if let Some(other) = quarrel {
                let (line, other) = (one.line.max(other.line), one.line.min(other.line));
                let (address, port) = (one.address, one.ports.0);
                let complaint =
                    format!("{address} port {port} is another customer's on {}: ambiguous", named(other));
                complaints.push(Some(line), Role::Address, complaint);
            }
        }
    }
}

/// Who has a thing when, by which line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    from: Timestamp,
    line: u32,
    until: Timestamp,
    customer: u32,
}

/// Tells of each claim that another customer has the thing at the same time, by the later and the earlier line.
fn quarrels(mut claims: Vec<Claim>, mut tell: impl FnMut(u32, u32)) {
    claims.sort_unstable();
    // Of the claims before, the one that ends last, and the same among all other customers' claims.
    let mut longest: [Option<Claim>; 2] = [None, None];
    for claim in claims {
        let other =
            longest.into_iter().flatten().find(|l| l.customer != claim.customer && claim.from <= l.until);
        if let Some(other) = other.filter(|_| claim.from <= claim.until) {
            tell(claim.line.max(other.line), claim.line.min(other.line));
        }
        match longest {
            [Some(first), _] if first.customer == claim.customer => {
                longest[0] = Some(if claim.until > first.until { claim } else { first });
            }
            [Some(first), _] if claim.until > first.until => longest = [Some(claim), Some(first)],
            [Some(_), Some(second)] if second.until >= claim.until => {}
            [Some(_), _] => longest[1] = Some(claim),
            [None, _] => longest[0] = Some(claim),
        }
    }
}

/// A line, of whichever file.
fn named(line: u32) -> String {
    let of = if line >= OF_SECOND { " of the file of addresses" } else { "" };
    format!("line {}{of}", line % OF_SECOND)
}

/// Whether it is the mask or the length of a prefix of more than one address, in a column of such.
fn is_length(header: &str, cell: &str) -> bool {
    let cell = cell.trim();
    let length = cell.trim_start_matches('/').parse::<u8>();
    (cell::is_mask(cell) && cell != "255.255.255.255")
        || (length.is_ok_and(|length| ![0, 32, 128].contains(&length)) && words::is_of_masks(header))
}

fn counted(lines: u32) -> String {
    format!("{lines} {}", if lines == 1 { "line" } else { "lines" })
}

/// A foreign text for a page or a mail: control characters become spaces, the rest is cut.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect()
}

/// A foreign text inside a sentence.
pub(crate) fn short(text: &str) -> String {
    clean(text, 60)
}

/// Added to the lines of a second file while both are read: neither has so many.
const OF_SECOND: u32 = 1 << 31;
const OF_ADDRESSES: &str = "in the file of addresses: ";
/// In which the separator of a file stands at least once.
const BEGIN_BYTES: usize = 1 << 20;
/// Port forwards of an address that are compared with each other, so that many take no longer than their number; one
/// that is not told is ambiguous all the same.
const FORWARDS_COMPARED_MAX: usize = 100;
/// A hundred times the file of an ISP with 10,000 customers.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Lines of a file, and prefixes in them; more would not fit beside the rest in 128 MiB.
pub const LINES_MAX: usize = 1_000_000;
/// Nobody reads more; the rest is counted.
pub const COMPLAINTS_MAX: usize = 1_000;
/// As many logins as a line has, mostly.
const LOGINS_BACK: usize = 4;
/// Nobody confirms more one by one: the export is broken.
pub const UNREADABLE_MAX: usize = 1_000;
/// Receivers of one customer's mail.
pub const MAILS_MAX: usize = 20;
/// Of a customer id, a name, or an address that cannot be read.
pub const TEXT_CHARS_MAX: usize = 200;
/// Column names told in one sentence.
const HEADERS_SHOWN_MAX: usize = 30;
const DELIMITERS: &[u8] = b";,\t|";

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_1252;
    use proptest::prelude::*;

    use super::*;

    fn import(text: &str) -> File {
        read(text.as_bytes(), &TimeZone::UTC)
    }

    /// The same, of whose columns somebody has confirmed what they hold.
    fn confirmed(customers: &str, mapping: &str) -> File {
        let (customers, mapping) = (customers.as_bytes().into(), Mapping::parse(mapping));
        read(&Bundle { customers, mapping, ..Bundle::default() }.pack(), &TimeZone::UTC)
    }

    /// (line, field) of each complaint.
    fn told(complaints: &Complaints) -> Vec<(u64, &str)> {
        complaints.list.iter().map(|c| (c.line.unwrap_or(0), c.field.as_str())).collect()
    }

    /// Customer id and prefix of each line.
    fn assigned(file: &File) -> Vec<String> {
        let id = |line: &Line| file.customers.id(line.customer as usize).unwrap().to_owned();
        file.lines.iter().map(|line| format!("{} {}", id(line), line.prefix)).collect()
    }

    proptest! {
        /// Against each pair: a line is complained of if another customer's line on the same prefix, which begins
        /// earlier or stands above, holds at the same time.
        #[test]
        fn conflicts_are_those_of_each_pair(
            lines in prop::collection::vec((0_u8..4, 0_u8..2, 1_u8..9, 0_u8..6), 1..12)
        ) {
            let mut text = "customer_id,cidr,valid_from,valid_to\n".to_owned();
            for (customer, prefix, from, days) in &lines {
                let until = from + days;
                text += &format!("C{customer},192.0.2.{prefix},2026-11-0{from},2026-11-{until:02}\n");
            }
            let spans = || lines.iter().zip(2_u64..).map(|((customer, prefix, from, days), line)| {
                (*prefix, (*from, line), from + days, *customer)
            });
            let mut expected: Vec<u64> = Vec::new();
            for (prefix, begins, ends, customer) in spans() {
                // What stands there twice counts once.
                if spans().any(|other| {
                    (other.0, other.1.0, other.2, other.3) == (prefix, begins.0, ends, customer) && other.1 < begins
                }) {
                    continue;
                }
                let quarrels = spans().filter(|other| {
                    other.0 == prefix && other.1 < begins && other.3 != customer && other.2 >= begins.0
                });
                let with: Vec<u64> = quarrels.map(|other| other.1.1.max(begins.1)).collect();
                // Of several it names one.
                expected.extend(with.first());
                let file = import(&text);
                let told: Vec<u64> = told(&file.complaints).into_iter().map(|(line, _)| line).collect();
                prop_assert!(with.is_empty() || with.iter().any(|line| told.contains(line)), "{}{:?}", text, told);
            }
            let file = import(&text);
            prop_assert_eq!(told(&file.complaints).len(), expected.len(), "{}{:?}", &text, file.complaints.list);
        }
    }

    #[test]
    fn a_day_alone_is_no_contradiction() {
        let complaints = |from: &str, until: &str| {
            let text = format!("customer_id,cidr,valid_from,valid_to\nC1,192.0.2.1,{from},{until}\n");
            import(&text).complaints.len()
        };
        assert_eq!((complaints("2026-11-05", "2026-11-05"), complaints("2026-11-05", "2026-11-04")), (0, 1));
        // To the second: it begins as it ends, and a second after.
        let moment = "2026-11-05T10:00:00Z";
        assert_eq!(complaints(moment, moment), 0);
        assert_eq!(complaints("2026-11-05T10:00:01Z", moment), 1);
    }

    #[test]
    fn its_own_header() {
        let file = import(
            "customer_id,name,email,cidr\r\nC00000,Customer 0,abuse0@customer.example,198.18.4.0/22\r\n\
             C00009,Customer 9,abuse9@customer.example,2001:db8:1:200::/56\r\n",
        );
        assert_eq!(assigned(&file), ["C00000 198.18.4.0/22", "C00009 2001:db8:1:200::/56"]);
        assert!(
            !file.refused
                && file.complaints.is_empty()
                && file.notes.is_empty()
                && file.unreadable.is_empty()
        );
        let contact = file.customers.get(0).unwrap();
        assert_eq!(
            (contact.id, contact.name, contact.mails),
            ("C00000", "Customer 0", vec!["abuse0@customer.example"])
        );
        assert_eq!((file.lines[1].line, file.lines[1].mailed), (3, true));
        assert_eq!((file.lines[1].from, file.lines[1].until), (ALWAYS, FOREVER));
        assert_eq!((file.customers_len(), file.prefixes_len()), (2, 2));
    }

    fn pair(customers: &str, addresses: &str) -> File {
        let [customers, addresses] = [customers, addresses].map(|text| text.as_bytes().into());
        let bundle = Bundle { customers, addresses: Some(addresses), ..Bundle::default() };
        read(&bundle.pack(), &TimeZone::UTC)
    }

    #[test]
    fn addresses_are_not_joined_by_the_numbers_of_something_else() {
        let customers = "id,email\n1,a@one.example\n2,b@two.example\n3,c@three.example\n";
        for (header, other) in [
            ("id,userid,dedicatedip", Some("userid")),
            ("id,partner_id,ip", Some("partner_id")),
            ("ID,Customer,IP", Some("Customer")),
            ("id,customer_id,ip", None),
            ("id,circuit id,ip", None),
            ("customer number,order id,ip", None),
        ] {
            let file = pair(customers, &format!("{header}\n1,3,192.0.2.1\n2,1,192.0.2.2\n"));
            let doubts = file.doubts.join("; ");
            assert_eq!(doubts.contains("number something else"), other.is_some(), "{header}: {doubts}");
            assert!(
                other.is_none_or(|other| doubts.contains(&format!("\"{other}\" stands beside"))),
                "{doubts}"
            );
        }
    }

    #[test]
    fn a_file_of_addresses_with_other_ids_than_the_customers_is_doubted() {
        let customers = "id,email\n001,a@one.example\n002,b@two.example\n";
        let file = pair(customers, "customer,ip\n1,192.0.2.1\n1,192.0.2.2\n002,192.0.2.3\n");
        assert_eq!(
            told(&file.complaints),
            [(2, "customer_id"), (3, "customer_id")],
            "each line of a stranger"
        );
        assert!(file.doubts.len() == 1 && file.doubts[0].contains("of 3 lines"), "{:?}", file.doubts);
        assert!(pair(customers, "customer,ip\n001,192.0.2.1\n2,192.0.2.2\n").doubts.is_empty());
    }

    #[test]
    fn a_german_export() {
        let text = "sep=;\r\nSprache;E-Mail-Adresse;IP-Adresse;Kunde;Kunden-Nr.;G\u{fc}ltig ab;G\u{dc}LTIG_BIS;Status\r\n\
                    Deutsch;a@x.example;192.0.2.0/28;M\u{fc}ller & S\u{f6}hne;17;01.11.2026;30.11.2026;Aktiv\r\n\
                    ;;192.0.2.32;;18;;;gek\u{fc}ndigt\r\n";
        let (windows, ..) = WINDOWS_1252.encode(text);
        let utf16: Vec<u8> =
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let bom = format!("\u{feff}{text}");
        for bytes in
            [text.as_bytes(), &windows, &utf16, bom.as_bytes(), text.replace("\r\n", "\r").as_bytes()]
        {
            let file = read(bytes, &TimeZone::get("Europe/Vienna").unwrap());
            assert_eq!(file.complaints.list, []);
            assert_eq!(assigned(&file), ["17 192.0.2.0/28", "18 192.0.2.32/32"]);
            let contact = file.customers.get(0).unwrap();
            assert_eq!((contact.name, contact.language), ("M\u{fc}ller & S\u{f6}hne", Some("de")));
            assert_eq!(file.lines[0].from.to_string(), "2026-10-31T23:00:00Z");
            assert_eq!(file.lines[0].until.to_string(), "2026-11-30T22:59:59Z");
            assert_eq!((file.lines[0].line, file.lines[0].mailed), (3, true));
            assert_eq!((file.lines[1].line, file.lines[1].mailed), (4, false));
            assert_eq!(file.notes.len(), u64::from(bytes == &*windows));
        }
    }

    #[test]
    fn separators_and_header_words() {
        for header in
            ["id;Firma;mail;IP", "Kundennr\tName\tE-Mail\tNetz", "CUSTOMER-ID|Company|e_mail|Sub Net"]
        {
            let delimiter = header.chars().find(|c| ";\t|".contains(*c)).unwrap().to_string();
            let line = ["7", "Foo, Inc", "a@x.example", "192.0.2.1, 192.0.2.3"].join(&delimiter);
            let file = import(&format!("\n{header}\n{line}\n{}\n", delimiter.repeat(3)));
            assert_eq!(assigned(&file), ["7 192.0.2.1/32", "7 192.0.2.3/32"], "{header}");
            assert_eq!(file.customers.get(0).unwrap().name, "Foo, Inc");
            assert!(file.complaints.is_empty() && file.lines[0].line == 3);
        }
        let file = import("id,customer,address,ip\n7,Foo,Main Street 1,192.0.2.1\n");
        assert_eq!(
            (assigned(&file), file.customers.get(0).unwrap().name),
            (vec!["7 192.0.2.1/32".to_owned()], "Foo")
        );
        let file = import("id,IPv4,IPv6\n7,192.0.2.1,2001:db8::/56\n8,192.0.2.2\n");
        assert_eq!(assigned(&file), ["7 192.0.2.1/32", "8 192.0.2.2/32", "7 2001:db8::/56"]);
        let file = import("id,ip,gateway\n7,192.0.2.1,192.0.2.254\n8,192.0.2.2,192.0.2.254\n");
        assert_eq!(file.notes.list.len(), 1, "a column of addresses that is not read is told once");
    }

    #[test]
    fn a_file_that_cannot_be_taken() {
        let file = import("Kundennummer,Telefon\n7,01\n");
        assert!(file.refused && file.lines.is_empty());
        assert_eq!(told(&file.complaints), [(1, "cidr")]);
        assert!(file.complaints.list[0].complaint.contains("\"Kundennummer\", \"Telefon\""));
        assert_eq!(told(&import("foo\n").complaints), [(1, "customer_id"), (1, "cidr")]);
        for text in ["", "\n\n", "id,ip\n", "id,ip\n7,\n", "\u{feff}"] {
            let file = import(text);
            assert!(file.refused && !file.complaints.is_empty(), "{text}");
        }
        let large = read(&vec![b'\n'; FILE_BYTES_MAX + 1], &TimeZone::UTC);
        assert!(large.refused && large.complaints.list[0].complaint.contains("64 MiB"));
        let long = format!("id,ip\n7,192.0.2.1\n{}", "7,\n".repeat(LINES_MAX));
        let file = import(&long);
        assert!(file.refused && file.complaints.more > 0 && file.lines.len() == 1);
        assert!(file.complaints.list.last().unwrap().complaint.contains("million"));
    }

    #[test]
    fn lines_whose_address_cannot_be_read() {
        let file = import(
            "id,ip,name\n7,192.0.2.01,A\n8,\"192.0.2.2\n192.0.2\",B\n9,,C\n10,dynamic,D\n11\n12,192.0.2.9,E\n",
        );
        let unreadable: Vec<_> =
            file.unreadable.iter().map(|u| (u.line, u.customer_id.as_str(), u.text.as_str())).collect();
        assert_eq!(
            unreadable,
            [(2, "7", "192.0.2.01"), (3, "8", "192.0.2"), (6, "10", "dynamic"), (7, "11", "11")]
        );
        assert_eq!(
            told(&file.complaints),
            [
                (2, "cidr"),
                (3, "customer_id"),
                (3, "cidr"),
                (5, "cidr"),
                (6, "cidr"),
                (7, "customer_id"),
                (7, "cidr")
            ]
        );
        assert_eq!(assigned(&file), [" 192.0.2.2/32", "12 192.0.2.9/32"]);
        assert!(!file.refused);
        let many = format!("id,ip\n1,192.0.2.1\n{}", "2,?\n".repeat(UNREADABLE_MAX + 1));
        let file = import(&many);
        assert!(file.refused && file.unreadable.len() == UNREADABLE_MAX);
        assert_eq!((file.complaints.list.len(), file.complaints.more), (COMPLAINTS_MAX + 1, 1));
    }

    #[test]
    fn a_word_that_may_mean_a_place_is_judged_by_what_stands_below() {
        let file = import("id,mail,network\n7,a@x.example,192.0.2.0/28\n8,b@x.example,192.0.2.16/28\n");
        assert_eq!(assigned(&file), ["7 192.0.2.0/28", "8 192.0.2.16/28"]);
        assert!(file.doubts.is_empty(), "{:?}", file.doubts);
        // What has a clear name stays, whatever stands below.
        let file = import("id,mail,ip,network\n7,a@x.example,dynamic,192.0.2.0/28\n");
        let roles =
            |file: &File| file.columns.iter().map(|column| column.role.unwrap_or("-")).collect::<Vec<_>>();
        assert_eq!(
            (told(&file.complaints), roles(&file)),
            (vec![(2, "cidr")], vec!["customer_id", "email", "cidr", "cidr"])
        );
        // So does what somebody has confirmed.
        let file =
            confirmed("id,mail,site\n7,a@x.example,Kiel\n", "customer_id\tid\nemail\tmail\ncidr\tsite\n");
        assert_eq!(roles(&file), ["customer_id", "email", "cidr"]);
    }

    #[test]
    fn of_two_lines_that_may_be_the_header_it_is_the_one_that_says_more() {
        let file = import("id,ip\nid,ip,mail\n7,192.0.2.1,a@x.example\n");
        assert_eq!((file.header, assigned(&file)), (2, vec!["7 192.0.2.1/32".to_owned()]));
        assert_eq!(file.customers.get(0).unwrap().mails, ["a@x.example"]);
    }

    #[test]
    fn each_column_says_why_it_is_read() {
        let how = |file: &File| -> Vec<String> {
            file.columns.iter().map(|column| column.why.split(';').next().unwrap().to_owned()).collect()
        };
        // Of two that look alike it is the first.
        let text = "id,ip,zz,yy\n7,192.0.2.1,a@x.example,b@x.example\n";
        let file = import(text);
        assert_eq!(how(&file), ["by its name", "by its name", "guessed", "not read"]);
        assert_eq!(file.customers.get(0).unwrap().mails, ["a@x.example"]);
        assert!(!file.doubts.is_empty());
        let file = confirmed(text, "customer_id\tid\ncidr\tip\n-\tzz\nemail\tyy\n");
        let by = "as confirmed or by its name";
        assert_eq!(how(&file), [by, by, "not read", by]);
        assert_eq!(file.customers.get(0).unwrap().mails, ["b@x.example"]);
        // What is empty and has no name stands at the end only because another row is wider.
        for (text, count) in [
            ("id,ip,note,\n7,192.0.2.1,,\n", 3),
            ("id,ip,note,\n7,192.0.2.1,,x\n", 4),
            ("id,ip,note\n7,192.0.2.1,\n", 3),
        ] {
            assert_eq!(import(text).columns.len(), count, "{text}");
        }
        // Who has said that a column is not read is not asked whether it is one of cancelled customers.
        let text = "id,mail,ip,zz\n7,a@x.example,192.0.2.1,cancelled\n";
        assert!(import(text).doubts.iter().any(|doubt| doubt.contains("such as cancelled")));
        let file = confirmed(text, "customer_id\tid\nemail\tmail\ncidr\tip\n-\tzz\n");
        assert!(file.doubts.is_empty(), "{:?}", file.doubts);
    }

    #[test]
    fn one_customer_on_several_lines() {
        let file = import(
            "id,name,mail,ip,language\n7,Foo,\"a@x.example, b@x.example\",192.0.2.1,de\n7,Foo,B@x.example;c@x.example,192.0.2.2,\n\
             7,Bar,bad,192.0.2.3,en\n7,,POST,192.0.2.1,\n7,,\"none@x.example, d@x.example\",192.0.2.4,elvish\n",
        );
        let contact = file.customers.get(0).unwrap();
        assert_eq!(contact.mails, ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]);
        assert_eq!((contact.name, contact.language), ("Foo", Some("de")));
        assert_eq!(told(&file.complaints), [(4, "name"), (4, "language"), (4, "email"), (6, "language")]);
        assert_eq!(assigned(&file), ["7 192.0.2.1/32", "7 192.0.2.2/32", "7 192.0.2.3/32", "7 192.0.2.4/32"]);
        assert!(file.lines.iter().all(|line| line.mailed));
        let mails: Vec<_> = (0..=MAILS_MAX).map(|i| format!("a{i}@x.example")).collect();
        let file = import(&format!("id,mail,ip\n7,{},192.0.2.1\n", mails.join(" ")));
        assert_eq!(file.customers.get(0).unwrap().mails.len(), MAILS_MAX);
        assert_eq!(told(&file.complaints), [(2, "email")]);
    }

    #[test]
    fn two_customers_on_one_prefix() {
        let file = import(
            "id,ip,from,to\n7,192.0.2.0/28,,\n8,192.0.2.1/28,,\n7,192.0.2.64,,2026-11-14\n8,192.0.2.64,2026-11-15,\n\
             9,192.0.2.64,2026-11-01,2026-11-02\n",
        );
        assert_eq!(told(&file.complaints), [(3, "cidr"), (6, "cidr")]);
        assert!(file.complaints.list[1].complaint.contains("line 4"));
        assert_eq!(told(&file.notes), [(3, "cidr")]);
        assert_eq!(file.lines.len(), 5);
        let file = import("id,ip\n7,192.0.2.1-192.0.2.6\n8,192.0.2.4-192.0.2.9\n");
        assert_eq!(told(&file.complaints), [(3, "cidr")]);
        assert!(file.complaints.list[0].complaint.contains("line 2"));
        let nested =
            import("id,ip\n7,192.0.2.0-192.0.2.20\n8,192.0.2.4-192.0.2.5\n7,192.0.2.10-192.0.2.30\n");
        assert!(nested.complaints.is_empty(), "{:?}", nested.complaints);
    }

    #[test]
    fn a_line_that_ends_early_hides_none_that_goes_on() {
        let file = import(
            "id,ip,from,to\n1,192.0.2.1,2026-11-01,2026-11-10\n2,192.0.2.1,2026-11-02,2026-11-05\n\
             1,192.0.2.1,2026-11-03,2026-11-04\n2,192.0.2.1,2026-11-09,2026-11-12\n",
        );
        assert_eq!(told(&file.complaints), [(3, "cidr"), (4, "cidr"), (5, "cidr")]);
        assert!(file.complaints.list[2].complaint.contains("line 2"), "{:?}", file.complaints.list);
    }

    #[test]
    fn what_two_ranges_both_claim_is_of_both() {
        let file = import("id,ip\n7,192.0.2.1-192.0.2.6\n8,192.0.2.4-192.0.2.9\n");
        let of = |id: &str| assigned(&file).iter().filter(|l| l.starts_with(id)).cloned().collect::<Vec<_>>();
        for both in ["192.0.2.4/31", "192.0.2.6/32"] {
            assert!(
                of("7").contains(&format!("7 {both}")) && of("8").contains(&format!("8 {both}")),
                "{both}"
            );
        }
        // Nested in one another, though they begin at the same address.
        let nested = import("id,ip\n7,192.0.2.0-192.0.2.20\n8,192.0.2.0-192.0.2.2\n");
        assert!(nested.complaints.is_empty(), "{:?}", nested.complaints);
        let nested =
            import("id,ip\n7,\"192.0.2.1-192.0.2.6 192.0.2.40-192.0.2.46\"\n8,192.0.2.41-192.0.2.43\n");
        assert!(nested.complaints.is_empty(), "in the second range of the line: {:?}", nested.complaints);
        for cell in ["192.0.2.1-192.0.2.20 192.0.2.1-192.0.2.6", "192.0.2.1-192.0.2.6 192.0.2.1-192.0.2.20"] {
            let inside = import(&format!("id,ip\n7,{cell}\n8,192.0.2.5-192.0.2.9\n"));
            let lines = assigned(&inside);
            assert!(
                lines.contains(&"7 192.0.2.5/32".to_owned()) && lines.contains(&"8 192.0.2.5/32".to_owned())
            );
        }
        // Of a line with two ranges it is the one that they cross, wherever it stands in the cell.
        for cell in ["192.0.2.1-192.0.2.7 192.0.2.40-192.0.2.46", "192.0.2.40-192.0.2.46 192.0.2.1-192.0.2.7"]
        {
            let crossed = import(&format!("id,ip\n7,{cell}\n8,192.0.2.6-192.0.2.9\n"));
            let lines = assigned(&crossed);
            assert!(
                ["7 192.0.2.6/31", "8 192.0.2.6/31"].iter().all(|line| lines.contains(&(*line).to_owned()))
            );
        }
        // The time is that of the range, not that of the customer's other line around it.
        let other = import(
            "id,ip,from,to\n7,192.0.2.0/24,2020-01-01,2020-12-31\n7,192.0.2.1-192.0.2.6,2026-01-01,\n\
             8,192.0.2.4-192.0.2.9,2026-01-01,\n",
        );
        assert_eq!(told(&other.complaints), [(4, "cidr")]);
        // One after the other, whichever stands first, they contest nothing.
        for [first, second] in
            [["2025-01-01,2025-12-31", "2026-01-01,"], ["2026-01-01,", "2025-01-01,2025-12-31"]]
        {
            let text =
                format!("id,ip,from,to\n7,192.0.2.1-192.0.2.6,{first}\n8,192.0.2.4-192.0.2.9,{second}\n");
            let file = import(&text);
            assert!(file.complaints.is_empty(), "{text}: {:?}", file.complaints);
            assert!(!assigned(&file).contains(&"8 192.0.2.4/31".to_owned()), "{text}");
        }
        let ranges = |i: u32| format!("7,10.{i}.0.1-10.{i}.200.254\n8,10.{i}.100.1-10.{i}.255.254\n");
        let many = import(&format!("id,ip\n{}", (0..250).map(ranges).collect::<String>()));
        assert!(many.refused, "{}", many.lines.len());
        assert!(many.complaints.list.iter().any(|c| c.complaint.contains("too many ranges")));
    }

    #[test]
    fn the_number_of_cells_says_whether_they_moved() {
        let mailed = |header: &str, line: &str| {
            let file = import(&format!("{header}\n{line}\n8,192.0.2.8,Bar\n"));
            (
                file.lines[0].line == 2 && file.lines[0].mailed,
                told(&file.complaints).contains(&(2, "customer_id")),
            )
        };
        assert_eq!(mailed("id,ip,name", "7,192.0.2.1,Foo"), (true, false));
        assert_eq!(mailed("id,ip,name", "7,192.0.2.1,Foo,,"), (true, false));
        assert_eq!(mailed("id,ip,name", "7,192.0.2.1,Foo,Bar"), (false, true));
        assert_eq!(mailed("id,ip,name,note", "7,Foo,x,192.0.2.1,"), (false, true));
    }

    #[test]
    fn several_lines_in_a_cell_of_mail_addresses() {
        let mailed = |mails: &str| import(&format!("id,mail,ip\n7,\"{mails}\",192.0.2.1\n")).lines[0].mailed;
        assert!(mailed("a@x.example\nb@x.example") && mailed("a@x.example\r\nnone"));
        assert!(!mailed("a@x.example\n8,Foo"));
    }

    #[test]
    fn a_separator_is_none_of_the_other_characters() {
        assert!(import("sep=\"\nid\"ip\n7\"192.0.2.1\n").refused);
        assert_eq!(told(&import("id;ip,ip\n").complaints), [(1, "cidr")], "the first of equals");
    }

    #[test]
    fn only_addresses_are_read_from_several_columns() {
        let file = import("id,name,firma,ip,ipv6\n7,Foo,Bar,192.0.2.1,2001:db8::/56\n");
        assert_eq!(file.customers.get(0).unwrap().name, "Foo");
        assert_eq!(file.lines.len(), 2);
    }

    /// Login, customer and whether he is mailed, of each.
    fn known(file: &File) -> Vec<String> {
        let id = |login: &Login| file.customers.id(login.customer as usize).unwrap().to_owned();
        file.logins.iter().map(|l| format!("{} {} {}", l.login, id(l), l.mailed)).collect()
    }

    #[test]
    fn logins_stand_for_dynamic_addresses() {
        let file = import(
            "id,ip,login,MAC address,to,status\n7,192.0.2.1,Anna@ISP.example,,,\n8,,bob,00-1A-2B-3C-04-5F,2026-11-30,\n\
             9,,\"carl; DAVE\",-,,cancelled\n10,,none,n/a,,\n7,,anna@isp.example,,,\n",
        );
        assert_eq!(
            known(&file),
            [
                "00:1a:2b:3c:04:5f 8 true",
                "anna@isp.example 7 true",
                "bob 8 true",
                "carl 9 false",
                "dave 9 false"
            ]
        );
        assert_eq!(told(&file.complaints), [(5, "cidr")], "neither address nor login");
        assert_eq!(file.logins[0].until.to_string(), "2026-11-30T23:59:59Z");
        assert_eq!((file.logins[1].line, file.logins[1].from), (2, ALWAYS));
        let file = import("customer,pppoe user\n7,anna\n8\n");
        assert!(!file.refused && known(&file) == ["anna 7 true"], "{:?}", file.complaints);
        assert_eq!(told(&file.complaints), [(3, "customer_id"), (3, "cidr")]);
        assert!(import("id,login\n7,\n").refused && import("id,name\n7,Anna\n").refused);
    }

    #[test]
    fn a_login_of_two_customers_or_spoilt_is_told() {
        let file = import(
            "id,login,from,to\n7,anna,,2026-11-14\n8,Anna,2026-11-15,\n9,ANNA,2026-11-01,2026-11-02\n10,1.23E+11,,\n\
             11,b\u{7}b,,\n",
        );
        assert_eq!(
            told(&file.complaints),
            [(4, "login"), (5, "login"), (5, "cidr"), (6, "login"), (6, "cidr")]
        );
        assert!(file.complaints.list[0].complaint.contains("line 2"));
        let file = import("id,login\n7,8\n8,9\n9,9\n");
        assert_eq!(told(&file.complaints), [(2, "login"), (3, "login"), (4, "login")]);
        assert!(
            file.complaints
                .list
                .iter()
                .any(|told| told.complaint == "\"8\" is the id of another customer: ambiguous")
        );
        // Which cell is which is not certain: nobody's, and so ambiguous beside a customer's.
        let file = import("id,login,ip\n7,anna,192.0.2.1\n8,anna,192.0.2.2,surplus\n");
        assert_eq!(known(&file), ["anna 7 true", "anna  false"]);
    }

    #[test]
    fn complaints_beyond_the_limit_count() {
        let mut complaints = Complaints::default();
        assert!(complaints.is_empty());
        for _ in 0..COMPLAINTS_MAX + 2 {
            complaints.push(None, Role::Id, "");
        }
        assert!(!complaints.is_empty());
        assert_eq!((complaints.len(), complaints.more), (COMPLAINTS_MAX as u64 + 2, 2));
    }

    #[test]
    fn an_unclosed_quotation_mark_gives_no_address_to_another() {
        let file = import(
            "id,name,mail,ip\n5,\"Foo,a@x.example,192.0.2.0/28\n6,\"Bar\",b@x.example,192.0.2.16/28\n",
        );
        assert_eq!(assigned(&file), [" 192.0.2.0/28", "6 192.0.2.16/28"]);
        assert!(!file.lines[0].mailed && file.lines[1].mailed);
        assert_eq!(told(&file.complaints), [(2, "customer_id")]);
    }

    #[test]
    fn a_file_of_some_megabytes_is_ordinary() {
        let name = "x".repeat(200_000);
        let lines: String = (1..=10).map(|host| format!("{host},{name},192.0.2.{host}\n")).collect();
        assert_eq!(import(&format!("id,name,ip\n{lines}")).lines.len(), 10);
    }

    #[test]
    fn ids_are_never_cut() {
        let long = "x".repeat(TEXT_CHARS_MAX);
        let file = import(&format!("id,ip\n{long}1,192.0.2.1\n{long}2,192.0.2.2\n{long},192.0.2.3\n"));
        assert_eq!(file.lines.iter().map(|line| line.mailed).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(told(&file.complaints), [(2, "customer_id"), (3, "customer_id")]);
        assert_eq!(file.customers_len(), 1);
        let file =
            import("id,mail,ip\n1.23457E+11,a@x.example,192.0.2.1\n1.23457E+11,b@x.example,192.0.2.2\n");
        assert!(file.lines.iter().all(|line| !line.mailed) && file.customers_len() == 0);
    }

    #[test]
    fn an_address_in_the_wrong_column_is_not_lost() {
        for line in ["7,192.0.2.1,192.0.2.2,Foo", "7,192.0.2.1,192.0.2.2,Foo,", "7,Foo,192.0.2.2,192.0.2.1,,"]
        {
            let file = import(&format!("id,ip,name,note,\n{line}\n"));
            assert_eq!(file.prefixes_len(), 2, "{line}");
            assert!(file.lines.iter().all(|line| !line.mailed), "{line}");
        }
        let file = import("id,ip,name,,\n7,192.0.2.1,Foo,second phone,01\n");
        assert!(file.lines[0].mailed && file.complaints.is_empty());
    }

    #[test]
    fn forwarded_ports_take_their_place() {
        let file = import(
            "id,ip,to,status\n7,\"192.0.2.1:8080, 192.0.2.9\",,\n8,192.0.2.1:8000-8100/tcp,2026-11-30,\n7,192.0.2.1:8080,,\n\
             9,192.0.2.1:9000,,cancelled\n9,192.0.2.1:9100,,\n8,192.0.2.1:99999,,\n",
        );
        let id = |one: &Forward| file.customers.id(one.customer as usize).unwrap().to_owned();
        let all: Vec<_> = file.forwards.iter().map(|f| (f.ports, id(f), f.line, f.mailed)).collect();
        let own = |id: &str| id.to_owned();
        assert_eq!(
            all,
            [
                ((8000, 8100), own("8"), 3, true),
                ((8080, 8080), own("7"), 2, true),
                ((9000, 9000), own("9"), 5, false),
                ((9100, 9100), own("9"), 6, true)
            ]
        );
        assert_eq!(told(&file.complaints), [(3, "cidr"), (7, "cidr")]);
        assert!(file.complaints.list[0].complaint.contains("port 8080"), "{:?}", file.complaints.list);
        assert_eq!((file.unreadable.len(), assigned(&file)), (1, vec!["7 192.0.2.9/32".to_owned()]));
        assert!(!import("id,ip\n7,192.0.2.1:80\n").refused);
        // Which cell is which is not certain: nobody's.
        let file = import("id,ip,name\n7,192.0.2.1:80,Foo,Bar\n8,192.0.2.2,Foo\n");
        assert!(file.forwards.len() == 1 && !file.forwards[0].mailed);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            read(&bytes, &TimeZone::UTC);
        }

        #[test]
        fn any_cells_are_read(body in "([a-z0-9@.:/,;\"\r\n -]|192\\.0\\.2\\.|2001:db8::){0,80}") {
            let file = import(&format!("id,name,mail,ip,from,to,status,language\n{body}"));
            prop_assert!(file.refused == file.lines.is_empty());
        }

        #[test]
        fn every_readable_address_takes_its_place(
            rows in prop::collection::vec(
                ("[a-c\"]{0,2}", "[a-z @\",]{0,6}", 0_u8..=255, 24_u8..=32, "[a-z0-9-]{0,4}", "[a-z]{0,4}", any::<bool>()),
                1..20,
            ),
        ) {
            let mut text = "id,mail,ip,from,status\n".to_owned();
            for (id, mail, host, len, from, status, quoted) in &rows {
                let mail = if *quoted { format!("\"{}\"", mail.replace('"', "\"\"")) } else { mail.replace('"', "'") };
                text.push_str(&format!("{id},{mail},192.0.2.{host}/{len},{from},{status}\n"));
            }
            let file = import(&text);
            for (number, row) in (2..).zip(&rows) {
                let prefix = format!("192.0.2.{}/{}", row.2, row.3).parse::<IpNet>().unwrap().trunc();
                let placed = file.lines.iter().any(|line| line.prefix == prefix && line.line <= number);
                prop_assert!(placed, "line {} of\n{}", number, text);
            }
        }
    }
}
