//! What is told to whom: digests, their text, the outbox, SMTP.

pub mod authentic;
pub mod compose;
pub mod digest;
pub mod dkim;
pub mod layout;
pub mod mime;
pub mod outbox;
pub mod redact;
pub mod sample;
pub mod sentences;
pub mod smtp;
pub mod texts;
pub mod weekly;

use std::net::IpAddr;

use jiff::tz::TimeZone;

use crate::clock::{Day, Timestamp};
use crate::incident::policy::Reason;
use crate::report::Counts;
use crate::report::kind::{Family, Nature, Severity};

/// One problem as the mail tells it. Every text in it is foreign: escape it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub incident: u64,
    /// Report type, as Shadowserver names it (`scan_rdp`).
    pub report: String,
    pub family: Family,
    pub severity: Severity,
    pub nature: Nature,
    pub reason: Reason,
    /// Address of the newest row, or the network that the report names; may be empty.
    pub place: String,
    /// Further addresses of the same problem (IPv6 /64, dynamic), newest first.
    pub more_addresses: Vec<IpAddr>,
    pub port: Option<u16>,
    /// `tcp`, `udp`, ... or empty
    pub protocol: String,
    /// When the newest row was seen.
    pub seen: Timestamp,
    pub first_seen: Timestamp,
    pub days_seen: u32,
    /// Columns the receiver may see, already cleaned by [`redact`]: name as in the report, text.
    pub shown: Vec<(String, String)>,
}

/// One line about a problem told earlier.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub family: Family,
    /// Address or network, or empty.
    pub place: String,
    pub port: Option<u16>,
    /// When it was told; of one that is gone, when it was seen last.
    pub at: Timestamp,
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sender {
    pub organisation: String,
    pub abuse_address: String,
}

/// Everything a customer's mail is made of. `compose::customer` turns it into a [`Mail`]; nothing else goes in.
#[derive(Clone, Debug)]
pub struct Digest {
    pub sender: Sender,
    /// By which customers know a mail of ours; may be empty.
    pub phrase: String,
    /// Number of the notice, shown as its reference.
    pub notice: u64,
    pub customer_id: String,
    pub customer_name: String,
    pub zone: TimeZone,
    /// Set when the customer has no usable address and the operator is asked to pass the mail on.
    pub pass_on: bool,
    /// In practice mode: the addresses that would have received it.
    pub practice_for: Option<Vec<String>>,
    /// The customer wants plain text alone.
    pub plain: bool,
    pub problems: Vec<Problem>,
    pub still_open: Vec<Earlier>,
    /// Told earlier, and closed since the last mail.
    pub gone: Vec<Earlier>,
}

/// The operator's own mail: what has no customer, what is held, what is wrong with the box, and how the week was.
#[derive(Clone, Debug)]
pub struct OperatorDigest {
    pub sender: Sender,
    pub notice: u64,
    pub zone: TimeZone,
    /// Findings without a customer: why ("unassigned", "ambiguous", "unattributable", "not told") and the problem.
    pub findings: Vec<(&'static str, Problem)>,
    /// Findings beyond the limit of one mail.
    pub findings_more: u64,
    /// Mails that wait for release.
    pub held: u64,
    /// Alarms not told before: (since, text)
    pub alarms: Vec<(Timestamp, String)>,
    /// Told before, and still there.
    pub standing: Vec<(Timestamp, String)>,
    /// Over, and not told before that they are.
    pub over: Vec<Spell>,
    pub week: Option<Weekly>,
}

/// A time during which something was wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spell {
    pub since: Timestamp,
    /// `None`: it is still so, or happened at one moment.
    pub until: Option<Timestamp>,
    /// How often it came, and for how long it was there in all.
    pub times: u32,
    pub seconds: i64,
    pub text: String,
}

impl Spell {
    pub fn new(since: Timestamp, text: String) -> Self {
        Self { since, until: None, times: 1, seconds: 0, text }
    }
}

/// A week in numbers, as they were when its report was due.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Week {
    /// Report days, both of them included.
    pub first: Day,
    pub last: Day,
    /// Of this week, and of the one before.
    pub figures: [Figures; 2],
    /// Problems not closed, by [`Severity::ALL`], and how many there were a week ago.
    pub open: [[u64; 2]; Severity::ALL.len()],
    /// Words of families with the most open problems, how many there are and were a week ago.
    pub largest: Vec<(String, [u64; 2])>,
    /// The same of those that grew most.
    pub growing: Vec<(String, [u64; 2])>,
    /// Numbers of the customers with the most open problems, and how many.
    pub customers: Vec<(u32, u64)>,
    /// Problems seen on each report day, compromised and exposed; `None`: nothing is known of it.
    pub days: Vec<(Day, Option<[u64; 2]>)>,
    /// Those that are still there first, then the newest; and so many more.
    pub alarms: Vec<Spell>,
    pub alarms_more: u64,
    /// Day of the newest report, and when it was taken in.
    pub newest: Option<(Day, Timestamp)>,
}

/// What is counted of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    pub reports: u64,
    pub counts: Counts,
    /// Problems first seen, and closed.
    pub new: u64,
    pub gone: u64,
    /// Mails to customers.
    pub sent: u64,
    pub failed: u64,
    /// Customers to whom a mail went.
    pub mailed: u64,
}

/// The part of the operator's mail about the week.
#[derive(Clone, Debug)]
pub struct Weekly {
    pub week: Week,
    /// Names and ids of [`Week::customers`].
    pub customers: Vec<(String, String, u64)>,
    /// Of abusebox.
    pub version: &'static str,
}

/// A mail, complete but for its receiver.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// File name and content.
    pub csv: Option<(String, String)>,
}
