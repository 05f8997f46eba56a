//! Settings: what is written in `settings.toml`, and what of it is valid.
//!
//! [`raw`] turns the text into [`Settings`] or all complaints; [`load`] reads the file, [`named`] those that it names.

pub mod edit;
pub mod named;
pub mod raw;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::clock::Day;
use crate::files;
use crate::report::kind::{Family, Severity, Tell};

/// One thing that is wrong with a settings or customer file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Complaint {
    /// Line in the file, from 1; `None` where the thing is missing altogether.
    pub line: Option<u64>,
    /// The setting (`policy.digest_hour`) or column concerned.
    pub field: String,
    /// What is wrong and what to write instead: a sentence for a person.
    pub complaint: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "{}: {}", self.field, self.complaint)
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not set up yet: the caller may go on with the defaults of an empty file.
    #[error("there is no settings file {path}: write one, or name another with --settings")]
    Missing { path: PathBuf },
    #[error("cannot read the settings file {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The operator must correct the file.
    #[error("the settings file {path} is not valid:{}", lines(complaints))]
    Invalid { path: PathBuf, complaints: Vec<Complaint> },
}

/// A value that never shows in logs or `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is done with mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing is sent until the operator releases it.
    Hold,
    /// All mail goes to the operator.
    Practice,
    Live,
}

/// Valid settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub boxx: BoxSettings,
    pub organisation: Organisation,
    pub shadowserver: Shadowserver,
    pub networks: Networks,
    pub customers: CustomersFile,
    pub sessions: SessionSettings,
    pub nat: Vec<Nat>,
    pub resolver: Resolver,
    pub mail: Mail,
    pub policy: Policy,
    pub page: Page,
    pub interface: Interface,
    pub trust: Trust,
}

impl Settings {
    /// What must still be set before reports can be fetched and customers told.
    pub fn missing(&self) -> Vec<Missing> {
        let Shadowserver { key, secret, .. } = &self.shadowserver;
        let Organisation { abuse_address, operator_address, .. } = &self.organisation;
        [
            (key.0.is_empty(), Missing::Key),
            (secret.0.is_empty(), Missing::Secret),
            (self.networks.cidrs.is_empty(), Missing::Networks),
            (abuse_address.is_empty(), Missing::AbuseAddress),
            (operator_address.is_empty(), Missing::OperatorAddress),
            (self.mail.server.is_none(), Missing::MailServer),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect()
    }
}

/// A setting without which the box cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Key,
    Secret,
    Networks,
    AbuseAddress,
    OperatorAddress,
    MailServer,
}

/// In English, for commands and the log.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "Set shadowserver.key to the API key that Shadowserver sent.",
            Self::Secret => "Set shadowserver.secret to the secret that came with the API key.",
            Self::Networks => "Set networks.cidrs to all networks of the organisation.",
            Self::AbuseAddress => "Set organisation.abuse_address to the sender of all mail.",
            Self::OperatorAddress => "Set organisation.operator_address to who gets summaries and alarms.",
            Self::MailServer => "Set mail.url to the mail server that takes the mails.",
        })
    }
}

#[derive(Clone, Debug)]
pub struct BoxSettings {
    /// mDNS name, without `.local`.
    pub name: String,
    pub timezone: TimeZone,
    pub language: String,
    pub mode: Mode,
    /// On the box: its own clock is right without time servers, as that of a virtual machine.
    pub own_clock: bool,
}

#[derive(Clone, Debug)]
pub struct Organisation {
    pub name: String,
    /// From and Reply-To of all mail; empty while not set up, like `operator_address`.
    /// By which customers know a mail of ours; may be empty.
    pub phrase: String,
    pub abuse_address: String,
    /// Receives summaries, alarms and what has no customer.
    pub operator_address: String,
}

#[derive(Clone, Debug)]
pub struct Shadowserver {
    /// Empty while not set up: nothing is fetched.
    pub key: Secret,
    pub secret: Secret,
    /// Ends with a slash, like `download_url`.
    pub api_url: String,
    pub download_url: String,
    pub schema_url: String,
    /// List names; empty: all that the key can see.
    pub reports: Vec<String>,
    pub poll_minutes: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Networks {
    pub cidrs: Vec<IpNet>,
    pub silenced: Vec<IpNet>,
    pub dynamic: Vec<IpNet>,
    pub cgn: Vec<IpNet>,
    /// The inside of each `[[nat]]`: what customers have behind it, and no report names.
    pub inside: Vec<IpNet>,
}

impl Networks {
    pub fn contains(list: &[IpNet], address: IpAddr) -> bool {
        list.iter().any(|net| net.contains(&address))
    }
}

/// Where the customer file is.
#[derive(Clone, Debug)]
pub struct CustomersFile {
    /// `customers.csv` beside the settings file where neither is written.
    pub file: Option<PathBuf>,
    /// A second file, where customers and their addresses come apart: joined by customer id.
    pub addresses_file: Option<PathBuf>,
    /// Where it is fetched instead.
    pub remote: Option<Remote>,
    /// How often.
    pub poll_hours: u32,
}

/// Something that is fetched over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// http(s), without user and password; may still hold a token. Whoever asks over plain http must check that every
    /// resolved address is loopback or private.
    pub url: Secret,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Sent as `Authorization: Bearer`; never beside a login.
    pub token: Option<Secret>,
}

/// Who had an address that changes hands.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Older ones are deleted.
    pub keep_days: u32,
    /// Of logs that belong to none of `sources`.
    pub times: LogTime,
    /// UDP; closed while there are no `radius_clients`.
    pub radius_listen: SocketAddr,
    pub radius_clients: Vec<RadiusClient>,
    pub sources: Vec<SessionSource>,
}

/// How the times of a log are meant.
#[derive(Clone, Debug, PartialEq)]
pub struct LogTime {
    /// Added to each: by so much the clock of the log is behind.
    pub offset_seconds: i64,
    /// Two users within it of each other may have had the address, both.
    pub uncertainty_seconds: u32,
    /// Of times without a zone.
    pub timezone: TimeZone,
}

/// Who may send RADIUS accounting.
#[derive(Clone, Debug)]
pub struct RadiusClient {
    /// One address or a network of them; the longest that fits is meant. No two are the same.
    pub address: IpNet,
    pub secret: Secret,
}

/// A log of sessions or leases that is fetched.
#[derive(Clone, Debug)]
pub struct SessionSource {
    /// Letters, digits and `-._`; no two have the same.
    pub name: String,
    /// Where its log is fetched; `None`: it is sent.
    pub remote: Option<Remote>,
    pub poll_minutes: u32,
    pub times: LogTime,
}

/// Deterministic NAT (RFC 7422): users share addresses, each with ports of his own, by a formula. The ports suffice for
/// all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// The addresses of the users.
    pub inside: Ipv4Net,
    /// Those that they share: at least one.
    pub outside: Vec<Ipv4Net>,
    pub ports_first: u16,
    /// Not below `ports_first`.
    pub ports_last: u16,
    /// `None`: as many as there are for each.
    pub ports_per_user: Option<u16>,
    /// So many addresses at the beginning of `inside` are no user's; there are more.
    pub skip: u32,
}

/// Ports below are those of services; a NAT gives out none of them unless it is told to.
pub const NAT_PORTS_FIRST: u16 = 1024;

/// The operator's own program that is asked whose an address was.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// `None`: nobody is asked.
    pub remote: Option<Remote>,
    pub timeout_seconds: u32,
    pub per_minute_max: u32,
    /// How long its answers hold.
    pub cache_hours: u32,
    pub ranges: Ranges,
}

/// Which ranges a resolver is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranges {
    Cgn,
    Dynamic,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// `smtp://`
    Plain,
    /// `smtp+starttls://`: fails when STARTTLS is not offered
    StartTls,
    /// `smtps://`
    Tls,
}

#[derive(Clone, Debug)]
pub struct MailServer {
    pub security: MailSecurity,
    pub host: String,
    pub port: u16,
    /// User and password, percent-decoded. Over [`MailSecurity::Plain`] the sender must check that every
    /// resolved address is loopback or private.
    pub login: Option<(String, Secret)>,
}

#[derive(Clone, Debug)]
pub struct Mail {
    /// `None` while no mail server is set: notices wait.
    pub server: Option<MailServer>,
    pub per_minute_max: u32,
    /// To the addresses of one domain.
    pub per_domain_per_minute_max: u32,
    /// PEM file of the key that signs the mails (DKIM). `None`: the box does not sign.
    pub dkim_key: Option<PathBuf>,
    /// Under which name the domain publishes it: `<selector>._domainkey.<domain>`.
    pub dkim_selector: String,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub mail_severity_min: Severity,
    pub repeat_days_compromised: u32,
    pub repeat_days_exposed: u32,
    pub close_after_days: u32,
    pub mail_age_days_max: u32,
    pub mails_per_day_max: u32,
    pub digest_hour: i8,
    pub hold_first: bool,
    pub hold_share_max: f64,
    pub hold_count_min: u32,
    pub tell_unknown_types: bool,
    /// A digest also names what is no longer seen.
    pub tell_gone: bool,
    /// On which day the operator gets the report of the week; `None`: never.
    pub weekly_report: Option<Weekday>,
    /// No mail to customers leaves in these local hours.
    pub quiet_hours: Option<Hours>,
    /// None leaves on Saturdays and Sundays.
    pub business_days_only: bool,
    /// None leaves on these local days.
    pub days_off: Vec<DayOff>,
    /// Ids of customers whose mails always wait for release, in ascending order.
    pub customers_held: Vec<String>,
    /// What is written of families.
    pub families: BTreeMap<Family, FamilyPolicy>,
}

impl Policy {
    /// What is written of a family.
    pub fn family(&self, family: Family) -> FamilyPolicy {
        self.families.get(&family).copied().unwrap_or_default()
    }

    /// Whether the mails of the customer with this id always wait for release.
    pub fn holds_customer(&self, id: &str) -> bool {
        self.customers_held.binary_search_by(|known| known.as_str().cmp(id)).is_ok()
    }
}

/// What holds for the problems of one family alone; `None`: what holds for all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FamilyPolicy {
    /// Who is told at most; never [`Tell::Unknown`].
    pub tell: Option<Tell>,
    pub repeat_days: Option<u32>,
    /// A problem is told only once it was seen on so many report days.
    pub seen_days_min: Option<u32>,
    /// A problem whose row tells a smaller amplification is not told.
    pub amplification_min: Option<f64>,
    pub severity_min: Option<Severity>,
}

/// Hours of a day, without the one in which they end; over midnight where they begin later than they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// From 0 to 23, like `to`, and never the same.
    pub from: i8,
    pub to: i8,
}

impl Hours {
    pub fn contains(self, hour: i8) -> bool {
        let (after, before) = (hour >= self.from, hour < self.to);
        if self.from < self.to { after && before } else { after || before }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

/// A local day on which no mail to customers leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayOff {
    Once(Day),
    /// Month and day of each year.
    Yearly(i8, i8),
}

impl fmt::Display for DayOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(day) => day.fmt(f),
            Self::Yearly(month, day) => write!(f, "{month:02}-{day:02}"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Page {
    /// Where the page answers; port 0 takes any free one. An address that other machines can reach opens it to those
    /// nearby, in a network of this machine, and in `allow`. `None`: there is no page.
    pub listen: Option<SocketAddr>,
    /// The same by HTTPS. `None`: by HTTP only.
    pub listen_https: Option<SocketAddr>,
    /// Further host names under which the page is asked for.
    pub names: Vec<String>,
    /// Further client networks, beside those nearby and our own.
    pub allow: Vec<IpNet>,
    /// For boxes without a screen to show one.
    pub setup_code: Option<Secret>,
    /// Opens the API and the metrics, and nothing else. `None`: neither is switched on.
    pub api_token: Option<Secret>,
    /// Lets programs send customer lists and logs of sessions, and nothing else; never the same as `api_token`.
    pub intake_token: Option<Secret>,
    /// PEM file with the certificate chain and its key.
    pub own_certificate: Option<PathBuf>,
}

/// How the box reaches its network. All empty: DHCP and SLAAC.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// The box's own address with the length of its network.
    pub address: Option<IpNet>,
    pub gateway: Option<IpAddr>,
    pub dns: Vec<IpAddr>,
    /// Host names or addresses.
    pub ntp: Vec<String>,
    /// http(s); may carry a login.
    pub proxy: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Trust {
    /// PEM files of further certificate authorities.
    pub extra_ca: Vec<PathBuf>,
}

/// Reads and checks the settings file at `path`.
pub fn load(path: &Path) -> Result<Settings, LoadError> {
    parse(path, &read(path)?)
}

/// The same, and the files that it names: they may be missing where it is in force, and not where somebody asks whether
/// all is right.
pub fn check(path: &Path) -> Result<Settings, LoadError> {
    let text = read(path)?;
    let settings = parse(path, &text)?;
    let complaint = |(field, complaint): (&str, String)| Complaint {
        line: raw::line_of_setting(&text, field),
        field: field.to_owned(),
        complaint,
    };
    let complaints: Vec<_> = named::complaints(&settings).into_iter().map(complaint).collect();
    match complaints.is_empty() {
        true => Ok(settings),
        false => Err(LoadError::Invalid { path: path.to_owned(), complaints }),
    }
}

/// The text of the settings file at `path`.
pub fn read(path: &Path) -> Result<String, LoadError> {
    let owned = || path.to_owned();
    let bytes = files::read_max(path, FILE_BYTES_MAX).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing { path: owned() },
        _ => LoadError::Unreadable { path: owned(), source },
    })?;
    String::from_utf8(bytes).map_err(|error| LoadError::Unreadable {
        path: owned(),
        source: io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}; save it as UTF-8", error.utf8_error()),
        ),
    })
}

fn parse(path: &Path, text: &str) -> Result<Settings, LoadError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    raw::parse(text, folder).map_err(|complaints| LoadError::Invalid { path: path.to_owned(), complaints })
}

fn lines(complaints: &[Complaint]) -> String {
    complaints.iter().map(|complaint| format!("\n  {complaint}")).collect()
}

/// Thousands of networks fit; anything larger is another file.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What `resolv.conf` takes.
pub(crate) const NAME_SERVERS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_loaded_or_the_reason_is_clear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        assert!(matches!(load(&path), Err(LoadError::Missing { .. })));
        files::save_atomic(&path, b"[trust]\nextra_ca = [\"ca.pem\"]\n", 0o600).unwrap();
        assert_eq!(load(&path).unwrap().trust.extra_ca, [folder.path().join("ca.pem")]);
        files::save_atomic(&path, b"[box]\nmode = \"on\"\nx = 1\n", 0o600).unwrap();
        let told = load(&path).unwrap_err().to_string();
        assert!(told.contains("\n  line 2, box.mode: ") && told.contains("\n  line 3, box.x: "), "{told}");
        // As a PC saves "Unicode"; its mark before UTF-8 does no harm.
        files::save_atomic(&path, b"\xff\xfe[\0", 0o600).unwrap();
        let error = load(&path).unwrap_err();
        assert!(
            matches!(&error, LoadError::Unreadable { source, .. } if source.to_string().contains("as UTF-8"))
        );
        files::save_atomic(&path, b"\xef\xbb\xbf[box]\r\nname = \"x\"\r\n", 0o600).unwrap();
        assert_eq!(load(&path).unwrap().boxx.name, "x");
        files::save_atomic(&path, &vec![b'#'; FILE_BYTES_MAX as usize + 1], 0o600).unwrap();
        assert!(matches!(load(&path), Err(LoadError::Unreadable { .. })));
    }

    #[test]
    fn the_files_that_settings_name_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &str| {
            files::save_atomic(&folder.path().join(name), bytes.as_bytes(), 0o600).unwrap();
        };
        let path = folder.path().join("settings.toml");
        put(
            "settings.toml",
            "[page]\nown_certificate = \"own.pem\"\n[trust]\nextra_ca = [\n\"ca.pem\",\n\"other.pem\"]\n\
             [customers]\nfile = \"folder\"\n[mail]\ndkim_key = \"dkim.pem\"\n",
        );
        put("other.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let complaints = || match check(&path) {
            Ok(_) => Vec::new(),
            Err(LoadError::Invalid { complaints, .. }) => complaints,
            Err(other) => panic!("{other}"),
        };
        let found = complaints();
        for (found, (line, field, part)) in found.iter().zip([
            (4, "trust.extra_ca", "/ca.pem cannot be read: No such file"),
            (4, "trust.extra_ca", "/other.pem is of no use: its certificate cannot be used"),
            (2, "page.own_certificate", "/own.pem cannot be read"),
            (10, "mail.dkim_key", "/dkim.pem cannot be read"),
            (8, "customers.file", "/folder is of no use: it is no file"),
        ]) {
            assert_eq!((found.line, &*found.field), (Some(line), field), "{found}");
            assert!(found.complaint.contains(part), "{found}");
        }
        assert_eq!(found.len(), 5);
        let made = rcgen::generate_simple_self_signed(["box.example".to_owned()]).unwrap();
        ["ca.pem", "other.pem"].iter().for_each(|name| put(name, &made.cert.pem()));
        put("own.pem", &made.cert.pem());
        put("dkim.pem", include_str!("../../tests/data/dkim/rsa.pem"));
        std::fs::remove_dir(folder.path().join("folder")).unwrap();
        let found = complaints();
        assert!(found.len() == 1 && found[0].complaint.contains("a certificate and its key"), "{found:?}");
        put("own.pem", &(made.cert.pem() + &made.signing_key.serialize_pem()));
        assert_eq!(complaints(), [], "a customer list may still be to come");
    }
}
