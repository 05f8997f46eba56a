//! What the pages show, as plain data: the border between the pages, which are pure, and where it comes from.

use std::fmt;
use std::net::IpAddr;
use std::num::ParseIntError;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::words::PageWords;
use crate::clock::{Day, Doubt, Timestamp};
use crate::config::{Missing, Mode, Nat};
pub use crate::customers::table::Holding;
use crate::customers::table::Why;
use crate::customers::{CustomerNo, Owner};
use crate::incident::hours::Shut;
use crate::incident::policy::Rule;
use crate::incident::{Incident, Key, Ownership, State};
use crate::lang::Words;
use crate::lines::{Outgoing, Status};
use crate::notify::Mail;
use crate::notify::digest::Bar;
use crate::notify::outbox::{self, Notice};
use crate::report::kind::Severity;
use crate::sessions::Until;
use crate::sessions::owner::By;
use crate::store::{Alarm, Counts, Import, Note, Poll, Problems, RejectedRow, Report};

/// Why a page cannot be shown: a sentence for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Where the pages get what they show. It only reads, and gives at most [`ROWS_MAX`] rows at once.
pub trait View {
    fn site(&self) -> Site;
    fn overview(&self, now: Timestamp) -> Result<Overview, Trouble>;
    /// In the order wanted, those behind `after`. What came or changed a moment ago may not have its place yet.
    fn incidents(&self, wanted: &Wanted, after: Option<Cursor>)
    -> Result<Part<IncidentRow, Cursor>, Trouble>;
    fn incident(&self, id: u64) -> Result<Option<IncidentFacts>, Trouble>;
    /// Why an incident is told now, or not.
    fn telling(&self, id: u64, now: Timestamp) -> Result<Option<Telling>, Trouble>;
    /// Incidents that are not closed, in the order of [`Family::ALL`](crate::report::kind::Family::ALL).
    fn open_by_family(&self, now: Timestamp) -> Result<Vec<u64>, Trouble>;
    /// The newest first; those with a number below `before`.
    fn mails(&self, state: Option<outbox::State>, before: Option<u64>)
    -> Result<Part<MailRow, u64>, Trouble>;
    fn mail(&self, number: u64, now: Timestamp) -> Result<Option<MailFacts>, Trouble>;
    /// How many mails wait for release, and the number of the newest of them.
    fn held(&self) -> Result<(u64, u64), Trouble>;
    /// In the reverse order of their names, which begin with the day; those before `before`.
    fn reports(
        &self,
        wanted: &ReportsWanted,
        before: Option<&str>,
    ) -> Result<Part<(String, Report), String>, Trouble>;
    /// What the reports of each day come to, the newest first; those before `before`.
    fn report_days(&self, before: Option<Day>) -> Result<Part<ReportDay, Day>, Trouble>;
    /// Every report type that was ever seen.
    fn report_types(&self) -> Result<Vec<String>, Trouble>;
    /// A report by its file name, with its rejected rows from a line on.
    fn report(&self, file: &str, from_line: u64) -> Result<Option<ReportFacts>, Trouble>;
    fn customers(&self) -> Result<Customers, Trouble>;
    /// What is fetched from elsewhere: `customers`, and `sessions.` with the name of a source; `None`: not yet.
    fn fetched(&self) -> Result<Vec<(String, Option<Poll>)>, Trouble>;
    /// Those of the customer list behind `after`, in the order in which they were first seen.
    fn customer_list(&self, after: CustomerNo) -> Result<Part<CustomerFacts, CustomerNo>, Trouble>;
    /// A customer by its id, with what the list says is its, from the line with that index on.
    fn customer(&self, id: &str, from: usize) -> Result<Option<Held>, Trouble>;
    /// Customers in the order of their ids, with the ids behind `after`.
    fn customers_found(
        &self,
        wanted: &CustomersWanted,
        after: &str,
        now: Timestamp,
    ) -> Result<Part<CustomerRow, String>, Trouble>;
    /// A customer that has ever been in a file, with the lines of the newest from that index on.
    fn customer_page(&self, id: &str, from: usize, now: Timestamp) -> Result<Option<CustomerPage>, Trouble>;
    /// The mails of a customer, the newest first; those with a number below `before`.
    fn customer_mails(&self, id: &str, before: Option<u64>) -> Result<Part<MailRow, u64>, Trouble>;
    /// What became of a customer's incidents and mails, the newest first, without the first `from`.
    fn customer_history(&self, id: &str, from: usize) -> Result<History, Trouble>;
    /// Where findings have no customer, in the order of the networks, those behind `after`.
    fn ownerless(
        &self,
        wanted: &OwnerlessWanted,
        after: Option<IpNet>,
        now: Timestamp,
    ) -> Result<Part<Ownerless, IpNet>, Trouble>;
    /// What a notice comes to, mail by mail.
    fn outgoing(&self, notice: &Notice, now: Timestamp) -> Result<Outgoing, Trouble>;
    fn status(&self, now: Timestamp) -> Result<Status, Trouble>;
    /// Memory that this process has at the moment; `None` where the system does not say.
    fn resident_bytes(&self) -> Option<u64>;
    fn system(&self) -> Result<System, Trouble>;
    /// What a supporter gets to see: no secrets, and nothing of persons or customers.
    fn support(&self, now: Timestamp) -> Result<String, Trouble>;
    /// Lines of the log that hold all of these words, the newest first; at most [`ROWS_MAX`].
    fn log(&self, words: &str) -> Vec<String>;
    /// The NATs of the settings.
    fn nats(&self) -> Vec<Nat>;
    fn whois(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Result<Whois, Trouble>;
}

/// Some rows of many.
#[derive(Clone, Debug)]
pub struct Part<T, C> {
    pub rows: Vec<T>,
    /// Where the rows after these begin; `None`: these were the last.
    pub next: Option<C>,
}

/// What every page needs.
#[derive(Clone, Debug)]
pub struct Site {
    pub organisation: String,
    pub box_name: String,
    /// Further names under which the page may be asked for.
    pub names: Vec<String>,
    pub zone: TimeZone,
    pub language: String,
    pub mode: Mode,
    /// How to come by HTTPS; `None`: it is not to be had.
    pub secure: Option<Secure>,
}

impl Site {
    /// In the language of the box.
    pub(crate) fn words(&self) -> &'static PageWords {
        PageWords::of(&self.language)
    }

    /// The names of reports, columns and settings, in the language of the page.
    pub(crate) fn terms(&self) -> &'static Words {
        Words::of(self.words().tag)
    }
}

/// The way in that nobody can overhear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    pub port: u16,
    /// It is for this machine only.
    pub is_local: bool,
    /// SHA-256 of the certificate, by which people tell it from a forged one.
    pub fingerprint: String,
}

#[derive(Clone, Debug)]
pub struct Overview {
    /// Why the clock is not trusted; `None`: it is.
    pub clock_doubt: Option<Doubt>,
    /// By code, the oldest first.
    pub alarms: Vec<(String, Alarm)>,
    /// What is still to be set.
    pub missing: Vec<Missing>,
    /// Reports are coming in at this moment.
    pub is_fetching: bool,
    pub last_fetch: Option<Timestamp>,
    pub next_fetch: Option<Timestamp>,
    pub customers: u64,
    pub tally: Tally,
    /// The newest [`TREND_DAYS`] report days, oldest first, with the problems seen; of some there is no report, or it is
    /// not known any more. Empty: of none anything is known.
    pub trend: Vec<(Day, Option<Problems>)>,
}

/// What takes a look at everything to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Incidents that are not closed, by [`Severity::ALL`].
    pub open: [u64; Severity::ALL.len()],
    pub held: u64,
    pub queued: u64,
    /// In the last 24 hours, like `failed`.
    pub sent: u64,
    pub failed: u64,
    /// The newest day with a report that could be read, how many it has, and what became of their rows.
    pub day: Option<(Day, u64, Counts)>,
}

/// Which incidents are asked for, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those seen there.
    pub address: Option<IpAddr>,
    /// Id of a customer.
    pub customer: Option<String>,
    /// Report type, as Shadowserver names it.
    pub kind: Option<String>,
    /// Empty: in any state.
    pub states: &'static [State],
    pub severity: Option<Severity>,
    /// The present local day, which decides whether an incident is still muted.
    pub today: Day,
    pub order: Order,
}

/// The order of incidents: by default the newest first. Those that are alike are in that of their numbers, which rises
/// and falls with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub by: SortBy,
    pub is_rising: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    #[default]
    Number,
    Severity,
    /// Id of the customer.
    Customer,
    LastSeen,
    Rows,
}

/// A place in the list of incidents: that of one of them, by what they are sorted by and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub value: u64,
    pub number: u64,
}

impl Cursor {
    /// The same where they are in the order of their numbers.
    pub fn at(number: u64) -> Self {
        Self { value: number, number }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, number } = self;
        if value == number { write!(f, "{number}") } else { write!(f, "{value}-{number}") }
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (value, number) = text.split_once('-').unwrap_or((text, text));
        Ok(Self { value: value.parse()?, number: number.parse()? })
    }
}

/// A customer as far as it is still known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub name: String,
}

/// A customer, and some of the lines that the list has for it.
pub type Held = (CustomerFacts, Part<Holding, usize>);

/// A customer as the newest list describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerFacts {
    pub number: CustomerNo,
    pub customer: Customer,
    /// `None`: that of the box.
    pub language: Option<String>,
    /// Where its mails go; empty: to the operator, to be passed on.
    pub mails: Vec<String>,
}

/// Which customers are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomersWanted {
    /// Part of an id, a name or a mail address, or an address that is a customer's; empty: any.
    pub search: String,
    /// Those that the newest file has no more and that still have incidents; else those that it has.
    pub gone: bool,
}

/// A count that stops where it would take too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Few {
    pub count: u64,
    /// There may be more.
    pub is_more: bool,
}

/// A customer in a list of them.
#[derive(Clone, Debug)]
pub struct CustomerRow {
    /// Of one that is in no file any more, only the id.
    pub facts: CustomerFacts,
    /// The newest file has it.
    pub in_newest: bool,
    /// Incidents that are not closed.
    pub open: Few,
    pub last_mail: Option<Timestamp>,
}

/// A customer with what stands on its own page.
#[derive(Clone, Debug)]
pub struct CustomerPage {
    pub row: CustomerRow,
    /// Incidents that are closed.
    pub closed: Few,
    /// Some of those that are not: the worst first, and of those the last seen.
    pub worst: Vec<IncidentRow>,
    /// Mails ever sent to it.
    pub mailed: u64,
    pub prefixes: Part<Holding, usize>,
    /// By what logs know it, and which ports are forwarded to it: some of them.
    pub logins: Vec<String>,
    pub forwards: Vec<String>,
}

/// Part of what became of a customer's incidents and mails.
#[derive(Clone, Debug)]
pub struct History {
    pub part: Part<(Timestamp, Event), usize>,
    /// False: it has so many incidents or mails that some are left out.
    pub is_whole: bool,
}

/// Something in the history of a customer.
#[derive(Clone, Debug)]
pub enum Event {
    Incident { id: u64, kind: String, severity: Severity, turn: Turn },
    Mail(Notice),
}

/// A turn in the life of an incident.
#[derive(Clone, Debug)]
pub enum Turn {
    Opened,
    /// The same; it was closed since, and has come back.
    OpenedAndAgain,
    Muted,
    Closed,
    Noted(Note),
}

/// Which findings without a customer are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerlessWanted {
    /// Why there is no customer; `None`: for whatever reason.
    pub why: Option<Ownership>,
    /// In this network.
    pub within: Option<IpNet>,
    /// As many addresses together as one line of a customer file often has.
    pub by_network: bool,
}

/// A place of findings that are not closed and have no customer.
#[derive(Clone, Debug)]
pub struct Ownerless {
    /// An address as a network of its own; `None`: what has no address.
    pub place: Option<IpNet>,
    /// Different addresses in it.
    pub addresses: u64,
    /// Incidents; if there are more, the rest of this says nothing of them.
    pub incidents: Few,
    pub rows: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The worst.
    pub severity: Severity,
    /// Report types, each once.
    pub kinds: Vec<String>,
    /// Why nobody was found, each reason once.
    pub ownership: Vec<Ownership>,
    /// Whose it is by the newest customer file; `None`: nobody is told of it by the settings.
    pub owner: Option<Owner>,
    /// The owner, if it is a customer.
    pub customer: Option<Customer>,
}

#[derive(Clone, Debug)]
pub struct IncidentRow {
    pub key: Key,
    pub incident: Incident,
    /// Report type, as Shadowserver names it.
    pub kind: String,
    /// `None`: it has no customer.
    pub customer: Option<Customer>,
}

#[derive(Clone, Debug)]
pub struct IncidentFacts {
    pub row: IncidentRow,
    /// File that holds the newest row.
    pub file: Option<String>,
    /// Notices that told it, oldest first; `None` where one was forgotten.
    pub notices: Vec<(u64, Option<Notice>)>,
    /// Oldest first.
    pub notes: Vec<Note>,
}

/// What stands for and against telling an incident at one moment.
#[derive(Clone, Debug)]
pub struct Telling {
    /// In the order in which they are asked; if all hold, it is due.
    pub rules: Vec<Rule>,
    /// Why it is nobody's to read all the same.
    pub bar: Option<Bar>,
    /// When the next digest leaves that can tell it.
    pub next: Timestamp,
    /// `None`: it is the operator's.
    pub customer: Option<Receiving>,
}

/// What holds for the mails of a customer at one moment.
#[derive(Clone, Debug)]
pub struct Receiving {
    /// In the last 24 hours.
    pub sent: u64,
    pub sent_max: u32,
    /// When it may get another, if not now.
    pub free: Option<Timestamp>,
    /// Why no mail to customers leaves now, and until when.
    pub shut: Option<(Shut, Timestamp)>,
    /// Its mails always wait for release.
    pub is_held: bool,
    /// Its first mail does.
    pub waits_first: bool,
    /// Its mail that has not gone out.
    pub waiting: Option<Notice>,
    pub has_address: bool,
    /// The next digest asks whether there is something to tell it.
    pub is_marked: bool,
    /// What is critical and not told yet does not wait for the digest.
    pub is_at_once: bool,
}

#[derive(Clone, Debug)]
pub struct MailRow {
    pub notice: Notice,
    /// `None`: it is the operator's own mail.
    pub customer: Option<Customer>,
    pub to: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct MailFacts {
    pub row: MailRow,
    /// One for each of `row.to`.
    pub message_ids: Vec<String>,
    /// As it went out, or as it would go out now. `None`: there is nothing left to tell, or the text was forgotten.
    pub mail: Option<Mail>,
}

/// Which reports are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportsWanted {
    /// Of this type; empty: of any.
    pub kind: String,
    pub day: Option<Day>,
    /// Only those of which a row was rejected, or that could not be read at all.
    pub troubled: bool,
}

/// All reports of a day that could be read, each content once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDay {
    pub day: Day,
    pub reports: u64,
    pub counts: Counts,
}

#[derive(Clone, Debug)]
pub struct ReportFacts {
    pub report: Report,
    pub rejected: Part<(u64, RejectedRow), u64>,
}

#[derive(Clone, Debug)]
pub struct Customers {
    pub customers: u64,
    pub prefixes: u64,
    /// Accepted files, newest first.
    pub imports: Vec<Import>,
    /// The customer file of the settings, where it is a file.
    pub file: Option<String>,
    /// A file that came by itself waits to be looked at.
    pub is_held: bool,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct System {
    /// Of two, the one that runs; `None`: it is no box.
    pub slot: Option<String>,
    /// That it is part of.
    pub networks: Vec<IpNet>,
    /// Bytes that are free, and all.
    pub disk: Option<(u64, u64)>,
    /// Bytes of the store.
    pub store: Option<u64>,
    /// Bytes that this process holds.
    pub memory: Option<u64>,
    pub doubt: Option<Doubt>,
}

/// Whose an address was.
#[derive(Clone, Debug)]
pub struct Whois {
    pub owner: Owner,
    pub customer: Option<Customer>,
    pub prefix: Option<String>,
    pub why: Why,
    pub candidates: Vec<Candidate>,
    /// What sources beside the lines of customer files have said.
    pub words: Vec<SourceRow>,
}

/// What a source beside the lines of customer files has said of an address.
#[derive(Clone, Debug)]
pub struct SourceRow {
    pub by: By,
    /// The user of a session, the inside address of a NAT, the id that a resolver named; empty for a forward.
    pub what: String,
    pub customer: Option<Customer>,
    /// Addresses and ports of a session.
    pub place: String,
    pub time: Option<(Timestamp, Until)>,
    /// By how many seconds its clock may be wrong.
    pub uncertainty: u32,
    /// Up to when its log tells whether it went on; `None`: always, or its end is told.
    pub known_until: Option<Timestamp>,
    /// Whether it held at that time.
    pub holds: bool,
}

/// A line of a customer file that came into question.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub customer_id: String,
    pub prefix: String,
    pub line: u32,
    pub imported: Timestamp,
    pub won: bool,
    pub why: Why,
}

/// Report days of the trend: one season.
pub const TREND_DAYS: i32 = 90;
/// Rows of one page: what fits into memory and into a head.
pub const ROWS_MAX: usize = 100;
