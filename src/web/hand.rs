//! What operators do on the pages, as plain data: the border between the pages, which are pure, and what does it.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::access::Who;
use super::certificate::Unfit;
use super::gate::{Denied, Visitor};
use super::view::{Customer, Trouble};
use super::x509::About;
use crate::clock::{Day, Timestamp};
use crate::config::edit::{Change, Written};
use crate::config::{Complaint, Mode};
use crate::customers::Column;
use crate::customers::difference::Difference;
use crate::customers::import::Unreadable;
use crate::incident;
use crate::notify::Sender;
use crate::notify::authentic::{Dkim, Dmarc, Spf};
use crate::notify::outbox;
use crate::notify::texts::{Edit, Texts};
use crate::store::{Counts, Report};

/// Does what an operator wants, as the commands of the same names do, and notes who did it.
pub trait Hand {
    fn change_mails(&self, by: &By<'_>, which: &Mails, change: outbox::Change) -> Result<Outcome, Denied>;
    fn change_incidents(&self, by: &By<'_>, ids: &[u64], change: incident::Change)
    -> Result<Outcome, Denied>;
    /// Writes a note of at most [`crate::store::NOTE_BYTES_MAX`] to each of the incidents.
    fn note(&self, by: &By<'_>, ids: &[u64], text: &str) -> Result<Outcome, Denied>;
    /// The settings as forms show them, and the name of this version of them.
    fn settings(&self) -> Result<(Written, String), Trouble>;
    /// Changes the settings that were shown as `version`, all of them or none.
    fn change_settings(&self, by: &By<'_>, version: &str, changes: &[Change]) -> Result<Changed, Denied>;
    /// Takes a file that came with a form, by its name in the folder of uploads, and works on it in a job; it answers at
    /// once with the job's number. `name` is the file's own.
    fn upload(&self, by: &By<'_>, what: Upload, upload: &str, name: &str) -> Result<Outcome, Denied>;
    /// Takes a file that a program has sent, by its name in the folder of uploads, at once. `source`: whose clock a log
    /// goes by.
    fn receive(
        &self,
        peer: IpAddr,
        what: Upload,
        upload: &str,
        source: Option<&str>,
    ) -> Result<Received, Trouble>;
    /// Takes the very customer file that a job has checked, in another job. `confirmed`: the lines that the operator says
    /// may be left out, since no address can be read in them, and [`WHOLE_FILE`].
    fn take_customers(&self, by: &By<'_>, job: u64, confirmed: &[u64]) -> Result<Outcome, Denied>;
    /// Lets something be fetched from elsewhere soon: [`super::view::View::fetched`] has its name.
    fn fetch(&self, by: &By<'_>, name: &str) -> Result<Outcome, Denied>;
    /// Checks in a job the customer file that came by itself and waits to be confirmed.
    fn check_held_customers(&self, by: &By<'_>) -> Result<Outcome, Denied>;
    fn discard_customers(&self, by: &By<'_>, job: u64) -> Result<Outcome, Denied>;
    /// Tries in a job whether something that was set works; it answers at once with the job's number.
    fn check(&self, by: &By<'_>, what: Check) -> Result<Outcome, Denied>;
    fn job(&self, number: u64) -> Option<Job>;
    /// Those that are still known, the newest first.
    fn jobs(&self) -> Vec<Job>;
    /// Whether the machine can be restarted and switched off from here.
    fn can_restart(&self) -> bool;
    /// The words of mails, and who writes them.
    fn texts(&self) -> (Arc<Texts>, Sender);
    /// Changes what the operator wrote in a language.
    fn change_texts(&self, by: &By<'_>, tag: &str, edit: Edit) -> Result<Outcome, Denied>;
    fn own_certificate(&self) -> Option<Own>;
    /// Takes a chain and its key, both in PEM form.
    fn put_certificate(&self, by: &By<'_>, chain: &str, key: &str) -> Result<Placed, Denied>;
    /// Back to the certificate that the box makes for itself.
    fn remove_certificate(&self, by: &By<'_>) -> Result<Placed, Denied>;
    /// What a supporter gets to see, to be taken away: [`super::view::View::support`].
    fn support(&self, by: &By<'_>) -> Result<String, Denied>;
    /// Stops everything in good order, and then the machine.
    fn power(&self, by: &By<'_>, power: Power) -> Result<(), Denied>;
    /// Keeps an outcome for the next page of this session; the last one counts.
    fn tell(&self, who: &Who, outcome: Outcome);
    /// What is to be said to this session; it is said once.
    fn told(&self, who: &Who) -> Option<Outcome>;
}

/// In place of a line: what is in doubt of a customer file as a whole.
pub const WHOLE_FILE: u64 = 0;

/// Who does something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub visitor: Visitor,
    pub who: &'a Who,
}

/// Which mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mails {
    These(Vec<u64>),
    /// All that are held, but for those that were planned after this one: nobody has seen them.
    Held {
        through: u64,
    },
}

/// What came of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done {
        deed: Deed,
        count: u64,
        /// Of what was chosen, so many were not as they should be, and stay as they are.
        missed: u64,
    },
    /// So many settings are others now.
    Settings(u64),
    /// A certificate was put in force: its last day, and whether it holds for this box.
    Certificate {
        until: Day,
        is_named: bool,
    },
    CertificateRemoved,
    /// The words of mails are others now.
    Texts,
    /// The mode is another now, and so many mails were released before.
    Went {
        mode: Mode,
        released: u64,
    },
    /// Nothing was chosen.
    Nothing,
    /// To mute takes a day that is not over.
    NoDay,
    /// A note without text.
    NoText,
    TooLong,
    /// It takes longer: this job does it.
    Started(u64),
    NoFile,
    /// So many jobs wait that no further one is taken.
    Full,
    /// Not every line without an address was said to be left out.
    Unconfirmed,
    Discarded,
    /// It is fetched at once, if it is there.
    Fetching,
    /// The job is not known any more, or its file was taken or discarded before.
    Gone,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    Report,
    Customers,
    /// A log of sessions.
    Sessions,
    /// The addresses of the customers that are there already.
    Addresses,
}

/// What became of a file that a program has sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub landing: Landing,
    /// Customers or sessions in it.
    pub count: u64,
    pub complaints: Vec<Complaint>,
    /// So many more are not listed.
    pub complaints_more: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is in force.
    Taken,
    /// An operator must look at it first.
    Held(String),
    /// It is of no use as it is.
    Refused(String),
}

/// What can be tried with the settings as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Shadowserver is asked what the key can see.
    Shadowserver,
    /// A mail is sent to the operator.
    Mail,
}

/// Something that takes longer than a page.
#[derive(Clone, Debug)]
pub struct Job {
    pub number: u64,
    /// Name of the file as it was sent; empty of a check.
    pub file: String,
    pub check: Option<Check>,
    pub who: String,
    pub asked: Timestamp,
    pub stage: Stage,
}

/// How far a job is.
#[derive(Clone, Debug)]
pub enum Stage {
    Waiting,
    Working(Step),
    Ended(End),
}

/// What a job is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    ReadingReport,
    PlanningMails,
    CheckingCustomers,
    TakingCustomers,
    TakingSessions,
    AskingShadowserver,
    SendingMail,
}

/// What a job came to.
#[derive(Clone, Debug)]
pub enum End {
    /// What happened, and what to do.
    Failed(String),
    Report(Taken),
    /// A customer file, which waits to be taken or discarded.
    Checked(Box<Checked>),
    Imported {
        customers: u64,
        prefixes: u64,
    },
    /// A log of sessions.
    Sessions {
        sessions: u64,
        /// New, or more is known of them now.
        changed: u64,
        too_old: u64,
        /// Up to when the log tells all.
        known_until: Timestamp,
        complaints: Vec<Complaint>,
        /// So many more are not listed.
        complaints_more: u64,
    },
    Asked(Asked),
    /// The mail server has taken the test mail.
    Mailed {
        from: String,
        to: String,
        reply: String,
        proof: Box<Proof>,
    },
}

/// By what receivers tell whether a mail is really from whom it says, as far as DNS knows.
#[derive(Clone, Debug)]
pub struct Proof {
    pub domain: String,
    /// Of the mail server, where others can see it.
    pub address: Option<IpAddr>,
    pub spf: Spf,
    pub dmarc: Dmarc,
    /// `None`: the box does not sign.
    pub dkim: Option<Dkim>,
}

/// What Shadowserver says to the key.
#[derive(Clone, Debug)]
pub enum Asked {
    /// It is known, and no reports belong to it.
    NoReports {
        /// Those for which there should be some.
        networks: Vec<String>,
    },
    Sees(Seen),
}

/// What a key can see.
#[derive(Clone, Debug)]
pub struct Seen {
    pub lists: Vec<String>,
    /// The day before, and its report types and files.
    pub day: Day,
    pub types: Vec<String>,
    pub reports: u64,
    /// Listed, but in a way that makes no sense.
    pub unusable: u64,
    /// Where no networks are set: those in some of these reports and how many rows each has, most first.
    pub networks: Vec<(IpNet, u64)>,
}

/// What became of a report.
#[derive(Clone, Debug)]
pub enum Taken {
    Read {
        /// By which its page finds it.
        file: String,
        report: Box<Report>,
        /// Mails planned, and how many of them are held.
        planned: u64,
        held: u64,
    },
    /// This very file is known.
    Known,
    /// The same content is known under another name.
    Duplicate { of: String },
    /// Nothing of it counts.
    Unreadable { why: String },
}

/// A customer file, and what it would change.
#[derive(Clone, Debug)]
pub struct Checked {
    pub customers: u64,
    pub prefixes: u64,
    /// It cannot be taken at all; the complaints say why.
    pub is_refused: bool,
    /// It is in force already.
    pub is_known: bool,
    pub complaints: Vec<Complaint>,
    /// So many more are not listed.
    pub complaints_more: u64,
    pub notes: Vec<Complaint>,
    /// Lines in which no address can be read: each must be left out by name.
    pub unreadable: Vec<Unreadable>,
    /// How its columns were understood.
    pub columns: Vec<Column>,
    /// What somebody must confirm of the file as a whole.
    pub doubts: Vec<String>,
    pub difference: Difference,
    /// What would become of the rows of the newest report day; `None`: there is no report yet.
    pub rows: Option<(Day, Counts)>,
    /// The first lines as they were understood.
    pub first: Vec<FirstLine>,
    pub fate: Fate,
}

/// A line of a customer file as it was understood.
#[derive(Clone, Debug)]
pub struct FirstLine {
    pub line: u32,
    pub prefix: String,
    pub customer: Customer,
    pub mails: Vec<String>,
}

/// What was decided about a customer file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Open,
    /// By this job.
    Taken(u64),
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Released,
    Dropped,
    Closed,
    Muted(Day),
    Reopened,
    Noted,
}

/// What came of a change of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These settings are others now.
    Done(Vec<String>),
    /// Nothing was changed.
    Complaints(Vec<Complaint>),
    /// Nothing was changed: somebody else has changed the file since it was shown.
    Meanwhile,
}

/// The operator's own certificate.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its file.
    pub file: String,
    /// `None`: it cannot be used, and the box shows one of its own making.
    pub about: Option<About>,
}

/// What came of a certificate that was sent, or of one that was to go.
#[derive(Clone, Debug)]
pub enum Placed {
    Done(About),
    Unfit(Unfit),
    Removed,
    /// The settings took it not.
    Not(Changed),
}

/// What can be done with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    Restart,
    Off,
}

impl Power {
    pub(crate) const ALL: [Self; 2] = [Self::Restart, Self::Off];

    /// As a form names it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Off => "off",
        }
    }
}
