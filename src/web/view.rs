//! What the pages show, as plain data: the border between the pages, which are pure, and where it comes from.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::words::PageWords;
use crate::clock::{Day, Doubt, Timestamp};
use crate::config::{Missing, Mode};
pub use crate::customers::table::Holding;
use crate::customers::table::Why;
use crate::customers::{CustomerNo, Owner};
use crate::incident::{Incident, Key, State};
use crate::lines::{Outgoing, Status};
use crate::notify::Mail;
use crate::notify::outbox::{self, Notice};
use crate::report::kind::Severity;
use crate::store::{Alarm, Counts, Import, Note, RejectedRow, Report};

/// Why a page cannot be shown: a sentence for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Where the pages get what they show. It only reads, and gives at most [`ROWS_MAX`] rows at once.
pub trait View {
    fn site(&self) -> Site;
    fn overview(&self, now: Timestamp) -> Result<Overview, Trouble>;
    /// The newest first; those with a number below `before`.
    fn incidents(&self, wanted: &Wanted, before: Option<u64>) -> Result<Part<IncidentRow, u64>, Trouble>;
    fn incident(&self, id: u64) -> Result<Option<IncidentFacts>, Trouble>;
    /// The newest first; those with a number below `before`.
    fn mails(&self, state: Option<outbox::State>, before: Option<u64>)
    -> Result<Part<MailRow, u64>, Trouble>;
    fn mail(&self, number: u64, now: Timestamp) -> Result<Option<MailFacts>, Trouble>;
    /// How many mails wait for release, and the number of the newest of them.
    fn held(&self) -> Result<(u64, u64), Trouble>;
    /// In the reverse order of their names, which begin with the day; those before `before`.
    fn reports(&self, before: Option<&str>) -> Result<Part<(String, Report), String>, Trouble>;
    /// A report by its file name, with its rejected rows from a line on.
    fn report(&self, file: &str, from_line: u64) -> Result<Option<ReportFacts>, Trouble>;
    fn customers(&self) -> Result<Customers, Trouble>;
    /// Those of the customer list behind `after`, in the order in which they were first seen.
    fn customer_list(&self, after: CustomerNo) -> Result<Part<CustomerFacts, CustomerNo>, Trouble>;
    /// A customer by its id, with what the list says is its, from the line with that index on.
    fn customer(&self, id: &str, from: usize) -> Result<Option<Held>, Trouble>;
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
    fn whois(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Whois;
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

/// Which incidents are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub search: Option<Search>,
    /// Empty: in any state.
    pub states: &'static [State],
    pub severity: Option<Severity>,
    /// The present local day, which decides whether an incident is still muted.
    pub today: Day,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    Address(IpAddr),
    Customer(String),
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

/// Rows of one page: what fits into memory and into a head.
pub const ROWS_MAX: usize = 100;
