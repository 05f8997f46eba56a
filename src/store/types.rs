//! What the store keeps beside incidents.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Error;
use super::resolved::ResolverAnswer;
use super::running::RadiusHeard;
use super::sessions::{SessionShape, SessionSources};
use super::tables::{Stored, decode, encode};
use crate::clock::{Day, Timestamp};
use crate::customers::CustomerNo;
use crate::fetch::http::Version;
use crate::incident::Incident;
use crate::notify::outbox::{Also, Frozen, Mailed, Notice, Scope};
use crate::notify::{Mail, Sender, Spell, Week};
pub use crate::report::Counts;
use crate::report::kind::Nature;
use crate::sessions::accounting::Running;

/// Marks the single values of the table `meta`.
#[expect(private_bounds, reason = "how values become bytes is the store's own matter")]
pub trait Meta: Stored {}

macro_rules! stored {
    ($($type:ty = $name:literal $(in version $version:literal from $upgrade:ident)?),* $(,)?) => {
        $(impl Stored for $type {
            const NAME: &'static str = $name;
            $(
                const VERSION: u8 = $version;

                fn upgrade(version: u8, bytes: &[u8]) -> Option<Self> {
                    $upgrade(version, bytes)
                }
            )?
        })*

        /// Every sort of value, with the way from its bytes to a value and back: tests hand it any bytes at all.
        pub const VALUES: &[(&str, fn(&[u8]) -> Result<Vec<u8>, Error>)] = &[
            $((<$type>::NAME, |bytes| decode::<$type>(bytes).map(|value| encode(&value)))),*
        ];
    };
}

stored!(
    Format = "format",
    Counters = "counters",
    Digests = "digests",
    Rules = "rules",
    Fetching = "fetching",
    Newest = "newest",
    CustomersSeen = "customers seen",
    Polls = "polls",
    Waits = "waits for an owner",
    ResolverAnswer = "answer of the resolver",
    Incident = "incident",
    Report = "report",
    RejectedRow = "rejected row",
    Import = "customer import",
    Due = "due",
    Notice = "notice",
    Frozen = "mail" in version 2 from mail_of_earlier_versions,
    Mailed = "mailed",
    Alarm = "alarm" in version 2 from alarm_of_earlier_versions,
    PastAlarm = "past alarm",
    Weeks = "weeks",
    Silence = "silence",
    Person = "person",
    AuditEntry = "audit entry" in version 2 from said_by_earlier_versions,
    Note = "note",
    Problems = "problems of a day",
    SessionShape = "shape of the sessions",
    SessionSources = "sources of the sessions",
    RadiusHeard = "last of RADIUS",
    Running = "session of RADIUS",
);

impl Meta for Format {}
impl Meta for Counters {}
impl Meta for Digests {}
impl Meta for Rules {}
impl Meta for Fetching {}
impl Meta for Newest {}
impl Meta for CustomersSeen {}
impl Meta for Polls {}
impl Meta for Waits {}
impl Meta for Weeks {}
impl Meta for Silence {}
impl Meta for SessionShape {}
impl Meta for SessionSources {}
impl Meta for RadiusHeard {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Format {
    pub version: u32,
    /// Drawn once, when the store was made.
    pub store_id: u64,
}

/// Numbers given so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    pub incidents: u64,
    pub notices: u64,
    pub reports: u32,
    pub passes: u64,
    pub imports: u64,
}

/// Reports that wait until it is known whose their addresses were, by file key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Waits(pub BTreeMap<String, Waiting>);

/// A report that waits, in the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub since: Timestamp,
    pub sha256: [u8; 32],
    pub bytes: u64,
    /// Of the id by which it was fetched.
    pub id_hash: Option<[u8; 32]>,
}

/// What is known of all that is fetched from elsewhere, by name: `customers`, and `sessions.` with the name of a source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Polls(pub BTreeMap<String, Poll>);

/// What is known of something that is fetched from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Of its URL and login.
    pub source_sha256: [u8; 32],
    pub version: Version,
    /// Of what came last.
    pub sha256: Option<[u8; 32]>,
    pub next: Timestamp,
    pub asked: Option<Timestamp>,
    /// When it could be had, whether it was another or not.
    pub fetched: Option<Timestamp>,
    pub failing_since: Option<Timestamp>,
    /// Why it could not be had when it was asked for last.
    pub fault: Option<String>,
    /// What became of it when it was another the last time.
    pub came: Option<(Timestamp, Came)>,
}

/// What became of something that was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Came {
    /// So many customers or sessions.
    Taken { count: u64, complaints: u64 },
    /// It is not in force.
    Refused(String),
}

impl Poll {
    /// Of what was never asked for, which is due.
    pub fn new(source_sha256: [u8; 32]) -> Self {
        Self {
            source_sha256,
            version: Version::default(),
            sha256: None,
            next: Timestamp::from_unix(0),
            asked: None,
            fetched: None,
            failing_since: None,
            fault: None,
            came: None,
        }
    }
}

/// How a [`Notice`] begins: enough to pass over those of others.
#[derive(Serialize, Deserialize)]
pub(super) struct NoticeHead {
    number: u64,
    pub(super) customer: CustomerNo,
}

impl Stored for NoticeHead {
    const VERSION: u8 = Notice::VERSION;
    const NAME: &'static str = Notice::NAME;
}

/// When digests were made, and what the operator was told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Digests {
    /// Local day of the last digest.
    pub last: Option<Day>,
    /// When the operator was last told that mails are held, and up to which notice.
    pub held_told: Option<(Timestamp, u64)>,
    /// Local day of the last housekeeping.
    pub housekeeping: Option<Day>,
}

/// By which rules it was last decided of all incidents whether somebody is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Of the policy, as written by `Debug`: of the same program alone it is the same.
    pub sha256: [u8; 32],
}

/// The newest moment on record, by which a wrong clock is found out.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Newest {
    pub at: Timestamp,
}

/// Content last seen in the customer file of the settings, taken or not.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CustomersSeen {
    pub sha256: [u8; 32],
}

/// State of the fetch loop.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fetching {
    pub schedule: crate::fetch::schedule::Schedule,
}

/// A report file, keyed by its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub number: u32,
    /// Report type.
    pub kind: String,
    pub day: Day,
    /// Of the CSV, unpacked.
    pub sha256: [u8; 32],
    /// SHA-256 of the API's id, which is itself a secret; `None` for files from disk.
    pub id_hash: Option<[u8; 32]>,
    pub counts: Counts,
    /// Rejected rows by [`crate::report::Rejection`], in its order.
    pub rejected_by: [u64; crate::report::Rejection::ALL.len()],
    /// Cells beyond the header's width.
    pub surplus_cells: u64,
    /// File key of the report with the same content that came first.
    pub duplicate_of: Option<String>,
    /// Why the file could not be read at all.
    pub unreadable: Option<String>,
    pub finished: Timestamp,
}

/// A rejected row; the first 10,000 of a report are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// A word of [`crate::report::Rejection`].
    pub reason: String,
    pub detail: String,
}

/// An accepted customer file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    pub imported: Timestamp,
    pub sha256: [u8; 32],
    /// Name in the folder of accepted files.
    pub file: String,
    pub customers: u64,
    pub prefixes: u64,
}

/// A receiver with something to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    pub marked: Timestamp,
    /// Something critical, which does not wait for the digest.
    pub critical: bool,
    /// When a practice mail was made of it, and whether of all of it.
    pub practiced: Option<(Timestamp, Scope)>,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub since: Timestamp,
    pub text: String,
    /// The operator has been mailed about it.
    pub told: bool,
    /// From when on it is worth a mail by itself; before, it waits for the digest.
    pub urgent_from: Timestamp,
}

impl Alarm {
    /// One that begins, and is worth a mail at once.
    pub fn new(since: Timestamp, text: &str) -> Self {
        Self { since, text: text.to_owned(), told: false, urgent_from: since }
    }
}

/// What an alarm was in version 1.
#[derive(Serialize, Deserialize)]
struct PlainAlarm {
    since: Timestamp,
    text: String,
    told: bool,
}

fn alarm_of_earlier_versions(version: u8, bytes: &[u8]) -> Option<Alarm> {
    let PlainAlarm { since, text, told } = (version == 1).then(|| postcard::from_bytes(bytes).ok())??;
    Some(Alarm { since, text, told, urgent_from: since })
}

/// An alarm that is over; several of the same kind one after another, before the operator heard of them, are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastAlarm {
    pub code: String,
    pub spell: Spell,
    /// When it was over, or gave way to the next event of its kind.
    pub over: Timestamp,
    /// From when on it is worth a mail by itself that it is over, or was there; `None`: it need not be told, or was.
    pub urgent_from: Option<Timestamp>,
    /// The operator has been mailed that it is over.
    pub told: bool,
}

/// The weekly reports to the operator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Weeks {
    /// Local day of the last one; before the first, the day from which on they are wished.
    pub last: Option<Day>,
    /// The last one.
    pub week: Option<Week>,
}

/// For how long Shadowserver has said that there is nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Without the time in which nobody asked, or got no answer.
    pub seconds: i64,
    /// When it said so last; `None`: since then it could not be asked.
    pub asked: Option<Timestamp>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Sees everything but secrets, and changes nothing but the own password.
    Viewer,
    Operator,
}

impl Role {
    pub const ALL: [Role; 2] = [Self::Viewer, Self::Operator];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Somebody who may log in to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub role: Role,
    /// Argon2id, in the form that names its own parameters.
    pub password_hash: String,
    pub added: Timestamp,
    /// When and from where this person logged in last.
    pub last_login: Option<(Timestamp, IpAddr)>,
}

/// Something that somebody did on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub at: Timestamp,
    /// Name of a person; empty: nobody had logged in.
    pub who: String,
    pub from: Option<IpAddr>,
    pub what: Deed,
}

/// What somebody did, and to what. The pages have the words for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    pub what: What,
    /// Numbers, or names of files, people or settings; never a secret.
    pub to: Vec<String>,
    /// So many more, which are only counted.
    pub more: u64,
    /// How often within an hour, where that is counted.
    pub times: u64,
}

/// The stored form of these is their place here: new ones come to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A whole sentence in English stands in [`Deed::to`]: so earlier versions noted it.
    Said,
    Claimed,
    LoggedIn,
    /// By a file, so that nobody has one any more.
    ResetPasswords,
    ChangedPassword,
    AddedPerson(Role),
    RemovedPerson,
    Released,
    Dropped,
    Closed,
    Muted(Day),
    Reopened,
    Noted,
    SentReport,
    SentKnownReport,
    SentUnreadableReport,
    TookCustomers,
    AskedShadowserver,
    /// Without an answer.
    TriedShadowserver,
    SentTestMail,
    TriedTestMail,
    ChangedSettings,
    PutCertificate,
    DownloadedSupport,
    Restarted,
    SwitchedOff,
    TookSessions,
    /// So many, by the box itself: traffic data are kept for days only.
    ForgotSessions,
    /// Of mails.
    ChangedTexts,
}

impl Deed {
    /// Whether the same was done, however often.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.what, &self.to, self.more) == (other.what, &other.to, other.more)
    }

    /// Done to nothing in particular.
    pub fn plain(what: What) -> Self {
        Self { what, to: Vec::new(), more: 0, times: 1 }
    }

    /// Done to these, of which the first are named.
    pub fn to<T: ToString>(what: What, all: &[T]) -> Self {
        let to: Vec<_> = all.iter().take(NAMED_MAX).map(T::to_string).collect();
        Self { what, more: (all.len() - to.len()) as u64, to, times: 1 }
    }
}

/// What an audit entry was in version 1.
#[derive(Serialize, Deserialize)]
struct Said {
    at: Timestamp,
    who: String,
    from: Option<IpAddr>,
    what: String,
}

fn said_by_earlier_versions(version: u8, bytes: &[u8]) -> Option<AuditEntry> {
    let Said { at, who, from, what } = (version == 1).then(|| postcard::from_bytes(bytes).ok())??;
    Some(AuditEntry { at, who, from, what: Deed::to(What::Said, &[what]) })
}

/// What a mail was in version 1.
#[derive(Serialize, Deserialize)]
struct PlainMail {
    made: Timestamp,
    sender: Sender,
    mail: Mail,
    references: Vec<Vec<String>>,
}

fn mail_of_earlier_versions(version: u8, bytes: &[u8]) -> Option<Frozen> {
    let PlainMail { made, sender, mail, references } =
        (version == 1).then(|| postcard::from_bytes(bytes).ok())??;
    Some(Frozen { made, sender, mail, references, signatures: Vec::new(), also: Also::default() })
}

/// What an entry of the list of changes names; the rest is counted.
const NAMED_MAX: usize = 20;

/// Problems seen on a report day, each once, whatever number of reports brought it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    pub compromised: u64,
    pub exposed: u64,
}

impl Problems {
    pub(super) fn add(&mut self, nature: Nature) {
        match nature {
            Nature::Compromised => self.compromised += 1,
            Nature::Exposed => self.exposed += 1,
        }
    }
}

/// What a person wrote down about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    pub who: String,
    /// At most [`super::NOTE_BYTES_MAX`].
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_noted_stays_readable() {
        let what = "released mail 1, 2".to_owned();
        let old = Said { at: Timestamp::from_unix(7), who: "ann".to_owned(), from: None, what };
        let bytes = [&[1][..], &postcard::to_allocvec(&old).unwrap()].concat();
        let entry: AuditEntry = decode(&bytes).unwrap();
        assert_eq!((entry.at, entry.who.as_str()), (old.at, "ann"));
        assert_eq!(entry.what, Deed::to(What::Said, &["released mail 1, 2"]));
        assert_eq!(decode::<AuditEntry>(&encode(&entry)).unwrap(), entry);
    }

    #[test]
    fn mails_of_earlier_versions_go_out_as_they_began() {
        let sender =
            Sender { organisation: "Example".to_owned(), abuse_address: "abuse@example.net".to_owned() };
        let mail = Mail { subject: "s".to_owned(), text: "t".to_owned(), html: None, csv: None };
        let references = vec![vec!["<1.0.x@example.net>".to_owned()]];
        let old = PlainMail { made: Timestamp::from_unix(7), sender, mail, references };
        let bytes = [&[1][..], &postcard::to_allocvec(&old).unwrap()].concat();
        let frozen: Frozen = decode(&bytes).unwrap();
        assert_eq!(
            (&frozen.sender, &frozen.mail, &frozen.references),
            (&old.sender, &old.mail, &old.references)
        );
        assert_eq!((frozen.made, frozen.signatures.len(), frozen.also.gone.len()), (old.made, 0, 0));
    }

    #[test]
    fn an_alarm_of_an_earlier_version_stays_readable() {
        let old = PlainAlarm { since: Timestamp::from_unix(7), text: "full".to_owned(), told: true };
        let bytes = [&[1][..], &postcard::to_allocvec(&old).unwrap()].concat();
        let alarm: Alarm = decode(&bytes).unwrap();
        assert_eq!(alarm, Alarm { told: true, ..Alarm::new(old.since, "full") });
        assert_eq!(decode::<Alarm>(&encode(&alarm)).unwrap(), alarm);
    }

    #[test]
    fn many_are_counted() {
        let numbers: Vec<u64> = (1..=25).collect();
        let deed = Deed::to(What::Closed, &numbers);
        assert_eq!((deed.to.len(), deed.to[0].as_str(), deed.more), (NAMED_MAX, "1", 5));
        assert_eq!(Deed::to(What::Closed, &numbers[..2]).more, 0);
    }
}
