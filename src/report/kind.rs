//! The table of report types: one line for each that Shadowserver makes or has made, and three ways to recognise
//! one: by its name, by the name of its file, by its header.

use std::collections::HashSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::{Family as F, Severity as S};
use super::column;
pub use super::family::Family;
use crate::clock::Day;

/// How bad a finding is. Ordered: `Info < Low < Medium < High < Critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// From the least to the worst.
    pub const ALL: [Severity; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Shadowserver's word for it, as in the column `severity`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads one of the five words, in any case; anything else is none.
    pub fn read(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().as_bytes().eq_ignore_ascii_case(word))
    }
}

/// Whether somebody is already in the machine, or merely could get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    Compromised,
    Exposed,
}

/// The column that holds the customer's side of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `ip`, with `port`
    Ip,
    /// `src_ip`, with `src_port`, which is a source port
    SrcIp,
    /// `dst_ip`, with `dst_port`
    DstIp,
    /// `http_referer_ip`, with `http_referer_port`
    HttpRefererIp,
    /// No address at all: such rows are unattributable.
    None,
}

impl Side {
    /// The names of the columns with the address and the port; `None` where a row has no address.
    pub const fn columns(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ip => Some(("ip", "port")),
            Self::SrcIp => Some(("src_ip", "src_port")),
            Self::DstIp => Some(("dst_ip", "dst_port")),
            Self::HttpRefererIp => Some(("http_referer_ip", "http_referer_port")),
            Self::None => None,
        }
    }
}

/// What, beside customer, place and report type, makes two rows the same problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// Port and protocol: a service that listens.
    Service,
    /// Malware family (column `infection`, where there is none `family`): an infection.
    Infection,
    /// Nothing else.
    Place,
}

/// Who is told of a type's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// The customer; the operator where there is none.
    Customer,
    /// The operator only.
    Operator,
    /// The operator, until `policy.tell_unknown_types`: this version does not know the type.
    Unknown,
    Nobody,
}

impl Tell {
    /// As the settings write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Unknown => "unknown",
            Self::Nobody => "nobody",
        }
    }
}

/// A report type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Shadowserver's name of the type, as in file names and the API's `type`
    pub name: &'static str,
    /// Shadowserver's title of the report; empty for an unknown type
    pub title: &'static str,
    pub family: Family,
    pub side: Side,
    pub same: Same,
    /// Holds where a row has none of its own.
    pub severity: Severity,
    /// Holds unless a row's tag says more, see [`Kind::nature_of`].
    pub nature: Nature,
    /// Whether customers are told at all by default.
    pub told: bool,
    /// Shadowserver no longer makes it; old files may still be ingested.
    pub retired: bool,
}

impl Kind {
    /// Who is told by default. What has no address, and what says that our own network lets forged addresses out,
    /// is the operator's business.
    pub fn tell(&self) -> Tell {
        match self.name {
            "" => Tell::Unknown,
            _ if self.told => Tell::Customer,
            "event4_ip_spoofer" | "caida_ip_spoofer" => Tell::Operator,
            _ if self.side == Side::None => Tell::Operator,
            _ => Tell::Nobody,
        }
    }

    /// The nature of one row. Some reports on weak servers also list those that were already broken into, and say
    /// so in the column `tag` (`exchange;webshell`).
    pub fn nature_of(&self, tag: &[u8]) -> Nature {
        let taken = TAKEN_TAGS.iter().any(|taken| memchr::memmem::find(tag, taken.as_bytes()).is_some());
        if taken { Nature::Compromised } else { self.nature }
    }

    /// Whether a customer may see this column: a closed list per family and side.
    pub fn shows(&self, column: &str) -> bool {
        self.shown_columns().any(|shown| shown == column)
    }

    /// The columns a customer may see, in the order in which a mail shows them.
    pub fn shown_columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        column::lists(self.family, self.side).into_iter().flatten().copied()
    }

    const fn on(self, side: Side) -> Self {
        Self { side, ..self }
    }

    const fn place(self) -> Self {
        Self { same: Same::Place, ..self }
    }

    const fn compromised(self) -> Self {
        Self { nature: Nature::Compromised, ..self }
    }

    const fn untold(self) -> Self {
        Self { told: false, ..self }
    }

    const fn retired(self) -> Self {
        Self { retired: true, ..self }
    }
}

/// The type with this name, active or retired.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.binary_search_by(|kind| kind.name.cmp(name)).ok().map(|at| &KINDS[at])
}

/// What is taken for granted of a type that is not in the table and has the column `ip`.
pub fn unknown() -> &'static Kind {
    unknown_on(Side::Ip)
}

/// What is taken for granted of a type that is not in the table and whose header has this side's columns.
pub fn unknown_on(side: Side) -> &'static Kind {
    UNKNOWN.iter().find(|kind| kind.side == side).unwrap_or(&UNKNOWN[0])
}

/// The columns of an active type, as of the day named in `headers.txt`; none for others.
pub fn columns(name: &str) -> Option<Vec<&'static str>> {
    headers().iter().find(|header| header.is_of(name)).map(|header| header.columns.clone())
}

/// The type that a header belongs to, whatever the order and with a few columns more or fewer; none where two types
/// are equally near, or have the same columns. Of an IPv4 and an IPv6 type with the same columns it is the IPv4 one.
pub fn by_header(header: &[&str]) -> Option<&'static Kind> {
    match nearest(header)?.kinds[..] {
        [kind] => Some(kind),
        [a, b] if ipv4_name(a.name) == b.name => Some(b),
        [a, b] if ipv4_name(b.name) == a.name => Some(a),
        _ => None,
    }
}

/// Whether a file with this header can be of this type: no other known type is as near, and it is near enough. Of a
/// retired type the columns are not known; any header with its address column fits.
pub fn fits(kind: &Kind, header: &[&str]) -> bool {
    if headers().iter().any(|known| known.is_of(kind.name)) {
        nearest(header).is_some_and(|near| near.is_of(kind.name))
    } else {
        kind.side.columns().is_none_or(|(address, _)| header.contains(&address))
    }
}

/// What a file name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameParts {
    /// The report day
    pub day: Option<Day>,
    /// The longest known type the name begins with, else the word in its place, else empty
    pub kind_name: String,
    /// Second reading, where a known type is followed by `_`: Shadowserver has joined type and list that way, but
    /// the whole word may as well be a type newer than this table (`scan_ssl_new`). It holds if the header does not
    /// fit the known type, see [`fits`].
    pub unknown_name: Option<String>,
    /// The recipient's list and the rest of the name; empty if there is none
    pub list: String,
}

/// Takes apart a file name like `2024-07-04-scan_telnet-example-asn.csv.zip`; folders before it are ignored. None if
/// it has neither a day nor a known type, and so is no name that Shadowserver gives.
pub fn from_file_name(path: &str) -> Option<NameParts> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if name.len() > FILE_NAME_MAX {
        return None;
    }
    let name = [".gz", ".zip", ".csv"].into_iter().fold(name, without_ending);
    let day: Option<Day> = name.get(..10).and_then(|day| day.parse().ok());
    let rest = if day.is_some() { name[10..].trim_start_matches('-') } else { name };
    let word = rest.split('-').next().unwrap_or(rest);
    let is_a_type = word.len() <= KIND_NAME_MAX
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let known = KINDS.iter().map(|kind| kind.name).filter(|known| begins_with_word(rest, known));
    let (kind_name, unknown_name) = match known.max_by_key(|known| known.len()) {
        Some(known) => (known, (is_a_type && word != known).then(|| word.to_owned())),
        None if day.is_none() => return None,
        None if is_a_type => (word, None),
        None => ("", None),
    };
    let list = rest[kind_name.len()..].trim_start_matches(['-', '_']).to_owned();
    Some(NameParts { day, kind_name: kind_name.to_owned(), unknown_name, list })
}

fn without_ending<'a>(name: &'a str, ending: &str) -> &'a str {
    let at = name.len().saturating_sub(ending.len());
    match name.get(at..) {
        Some(end) if end.eq_ignore_ascii_case(ending) => &name[..at],
        _ => name,
    }
}

fn begins_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// `scan6_x`, `population6_x`, `event6_x` and `device_id6` without the 6.
fn ipv4_name(name: &str) -> String {
    name.replace("event6", "event4").replace('6', "")
}

/// Types that have the same columns.
struct Header {
    kinds: Vec<&'static Kind>,
    columns: Vec<&'static str>,
}

impl Header {
    fn is_of(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind.name == name)
    }

    /// How many columns are in one of the two and not in the other.
    fn distance(&self, given: &HashSet<&str>) -> usize {
        let shared = self.columns.iter().filter(|column| given.contains(*column)).count();
        self.columns.len() + given.len() - 2 * shared
    }
}

/// The known header that is nearer than all others, and near enough.
fn nearest(header: &[&str]) -> Option<&'static Header> {
    let given: HashSet<&str> = header.iter().copied().collect();
    let distances: Vec<_> = headers().iter().map(|known| (known.distance(&given), known)).collect();
    let &(distance, near) = distances.iter().min_by_key(|(distance, _)| *distance)?;
    let alone = distances.iter().filter(|(other, _)| *other == distance).count() == 1;
    (alone && distance <= DRIFT_MAX.max(near.columns.len() / 8)).then_some(near)
}

fn headers() -> &'static [Header] {
    static HEADERS: OnceLock<Vec<Header>> = OnceLock::new();
    HEADERS.get_or_init(|| read_headers(include_str!("headers.txt")))
}

/// Reads lines `names: columns`, which indented lines continue. A name with `@` is a group for later lines to use;
/// `-x` takes a column out of a group again.
fn read_headers(text: &'static str) -> Vec<Header> {
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let tokens = match line.split_once(": ") {
            Some((names, tokens)) => {
                entries.push((names, Vec::new()));
                tokens
            }
            None => line,
        };
        for token in tokens.split_whitespace() {
            let group = entries.iter().find(|(names, _)| *names == token).map(|(_, group)| group.clone());
            let Some((_, columns)) = entries.last_mut() else { continue };
            match (group, token.strip_prefix('-')) {
                (Some(group), _) => columns.extend(group),
                (None, Some(without)) => columns.retain(|column| *column != without),
                (None, None) => columns.push(token),
            }
        }
    }
    let types = entries.into_iter().filter(|(names, _)| !names.starts_with('@'));
    types
        .map(|(names, columns)| Header { kinds: names.split(' ').filter_map(find).collect(), columns })
        .collect()
}

/// Longest file name taken apart: that of the usual file systems.
const FILE_NAME_MAX: usize = 255;

/// Longest name of an unknown type; the longest known one has 35 characters.
const KIND_NAME_MAX: usize = 64;

/// How many columns a header may differ by from a short known one (a long one: an eighth). Shadowserver has added
/// two columns to all types within days and taken one or two from most; one more leaves room for both at once.
const DRIFT_MAX: usize = 4;

/// Parts of a tag that say that the intruder is already in.
const TAKEN_TAGS: &[&str] = &["webshell", "implant", "compromised"];

/// An exposed service, which listens.
const fn open(name: &'static str, title: &'static str, family: Family, severity: Severity) -> Kind {
    let (side, same, nature) = (Side::Ip, Same::Service, Nature::Exposed);
    Kind { name, title, family, side, same, severity, nature, told: true, retired: false }
}

/// A machine that somebody else is using, seen at work by others.
const fn event(name: &'static str, title: &'static str, family: Family, severity: Severity) -> Kind {
    taken(name, title, family, severity).on(Side::SrcIp)
}

/// A machine that somebody else is using, found at its address.
const fn taken(name: &'static str, title: &'static str, family: Family, severity: Severity) -> Kind {
    Kind { same: Same::Infection, ..open(name, title, family, severity).compromised() }
}

/// A matter for the operator alone: the customer is the victim, or cannot do anything, or is not even known.
const fn matter(name: &'static str, title: &'static str, severity: Severity) -> Kind {
    open(name, title, F::Network, severity).place().untold()
}

const UNKNOWN: [Kind; 5] = {
    let kind = open("", "", F::Other, S::Medium).untold();
    let (src, dst) = (kind.on(Side::SrcIp), kind.on(Side::DstIp));
    [kind, src, dst, kind.on(Side::HttpRefererIp), kind.on(Side::None)]
};

/// All types, sorted by name. Names, titles and severities are Shadowserver's of 2026-03-24; which column is the
/// customer's follows its report pages, not its IntelMQ mapping, which takes the attacker for the target.
///
/// Severities of our own: `sandbox_dns` has none and gets that of the other sandbox reports; `special` has none and
/// is high, since a special report is made only for what cannot wait; a retired type gets that of its successor, and
/// without one that of the nearest living type.
///
/// Not told beyond the plain operator matters: a sandbox report says that malware under test called the address,
/// which it also does with harmless name servers and shops; a sinkhole DNS row shows a resolver and not who asked
/// it; device identification is a census.
///
/// `special` may be about any server and is told with the words for web servers, the nearest. Types about stolen
/// logins and victims of ransom are compromised, even though no address says whose.
#[rustfmt::skip]
pub const KINDS: &[Kind] = &[
    matter("blacklist", "Blacklisted-IP", S::Low).retired(),
    matter("blocklist", "Block Listed IP Addresses", S::Low),
    taken("botnet_drone", "Drone", F::Infected, S::Critical).retired(),
    matter("caida_ip_spoofer", "CAIDA-IP-Spoofer", S::Medium).retired(),
    taken("cc_ip", "Botnet C&C IP", F::ControlServer, S::Critical).place().retired(),
    open("cisco_smart_install", "Accessible-Cisco-Smart-Install", F::SmartInstall, S::Critical).retired(),
    matter("compromised_account", "Compromised Account", S::Critical).on(Side::None).compromised(),
    taken("compromised_iot", "Compromised IoT Device", F::InfectedDevice, S::Critical),
    taken("compromised_iot6", "IPv6 Compromised IoT Device", F::InfectedDevice, S::Critical),
    taken("compromised_website", "Compromised Website", F::HackedSite, S::Critical),
    taken("compromised_website6", "IPv6 Compromised Website", F::HackedSite, S::Critical),
    matter("cwsandbox_url", "Sandbox-URL", S::Low).retired(),
    taken("darknet", "Darknet", F::Infected, S::High).retired(),
    matter("ddos_amplification", "Amplification-DDoS-Victim", S::Info).retired(),
    open("device_id", "Device Identification", F::Router, S::Info).untold(),
    open("device_id6", "IPv6 Device Identification", F::Router, S::Info).untold(),
    open("dns_openresolver", "DNS Open Resolvers", F::OpenResolver, S::Medium).retired(),
    taken("drone_brute_force", "Drone-Brute-Force", F::BruteForce, S::Critical).retired(),
    event("event4_ddos_participant", "DDoS Participant", F::DdosSource, S::High),
    event("event4_honeypot_adb_scan", "Honeypot ADB Scanner Events", F::Scanning, S::High),
    event("event4_honeypot_brute_force", "Honeypot Brute Force Events", F::BruteForce, S::Critical),
    event("event4_honeypot_darknet", "Darknet Events", F::Infected, S::High),
    event("event4_honeypot_ddos", "Honeypot DDoS Events", F::ControlServer, S::Critical),
    matter("event4_honeypot_ddos_amp", "Honeypot DDoS Amplification Events", S::Info).on(Side::SrcIp),
    matter("event4_honeypot_ddos_target", "Honeypot DDoS Target Events", S::Info).on(Side::DstIp),
    event("event4_honeypot_http_scan", "Honeypot HTTP Scanner Events", F::Scanning, S::High),
    event("event4_honeypot_ics_scan", "Honeypot ICS Scanner Events", F::Scanning, S::Critical),
    event("event4_honeypot_ikev2_scan", "Honeypot IKEv2 Scanner Events", F::Scanning, S::High),
    event("event4_honeypot_rdp_scan", "Honeypot RDP Scanner Events", F::Scanning, S::High),
    event("event4_honeypot_rocketmq_scan", "Honeypot RocketMQ Scanner Events", F::Scanning, S::High),
    event("event4_honeypot_smb_scan", "Honeypot SMB Scanner Events", F::Scanning, S::High),
    matter("event4_ip_spoofer", "IP Spoofer Events", S::Medium).on(Side::SrcIp),
    event("event4_microsoft_sinkhole", "Microsoft Sinkhole events", F::Infected, S::Critical),
    event("event4_microsoft_sinkhole_http", "Microsoft Sinkhole HTTP Events", F::Infected, S::Critical),
    event("event4_sinkhole", "Sinkhole Events", F::Infected, S::Critical),
    matter("event4_sinkhole_dns", "Sinkhole DNS Events", S::Info).on(Side::SrcIp),
    event("event4_sinkhole_http", "Sinkhole HTTP Events", F::Infected, S::Critical),
    event("event4_sinkhole_http_referer", "Sinkhole HTTP Referer Events", F::HackedSite, S::Critical).on(Side::HttpRefererIp),
    event("event6_sinkhole", "IPv6 Sinkhole Events", F::Infected, S::Critical),
    event("event6_sinkhole_http", "IPv6 Sinkhole HTTP Events", F::Infected, S::Critical),
    event("event6_sinkhole_http_referer", "IPv6 Sinkhole HTTP Referer Events", F::HackedSite, S::Critical).on(Side::HttpRefererIp),
    taken("hp_http_scan", "HTTP-Scanners", F::Scanning, S::High).retired(),
    taken("hp_ics_scan", "ICS-Scanners", F::Scanning, S::Critical).retired(),
    taken("malware_url", "Malware URL", F::HarmfulContent, S::Critical).place(),
    taken("microsoft_sinkhole", "Microsoft-Sinkhole", F::Infected, S::Critical).retired(),
    open("netis_router", "Open-Netis", F::Router, S::Critical).retired(),
    matter("outdated_dnssec_key", "Outdated-DNSSEC-Key", S::Low).retired(),
    matter("outdated_dnssec_key_v6", "Outdated-DNSSEC-Key-IPv6", S::Low).retired(),
    taken("phish_url", "Phish-URL", F::HarmfulContent, S::Critical).place().retired(),
    open("population6_bgp", "IPv6 Accessible BGP", F::Routing, S::Medium),
    open("population6_http_proxy", "IPv6 Accessible HTTP Proxy", F::OpenProxy, S::Low),
    open("population6_isakmp", "IPv6 Accessible ISAKMP", F::VpnGateway, S::Info),
    open("population6_msmq", "IPv6 Accessible MSMQ Service", F::MessageBroker, S::Medium),
    open("population_bgp", "Accessible BGP", F::Routing, S::Medium),
    open("population_http_proxy", "Accessible HTTP Proxy", F::OpenProxy, S::Low),
    open("population_isakmp", "Accessible ISAKMP", F::VpnGateway, S::Info),
    open("population_msmq", "Accessible MSMQ Service", F::MessageBroker, S::Medium),
    open("population_ntrip", "Accessible NTRIP", F::Industrial, S::Info),
    matter("ransomware_victim", "Ransomware victim", S::Info).on(Side::None).compromised(),
    matter("sandbox_conn", "Sandbox Connections", S::Low),
    matter("sandbox_dns", "Sandbox-DNS", S::Low).on(Side::None),
    matter("sandbox_url", "Sandbox URL", S::Low),
    open("scan6_activemq", "IPv6 Accessible ActiveMQ Service", F::MessageBroker, S::Medium),
    open("scan6_badsecrets", "IPv6 Badsecrets", F::WebSecret, S::High),
    open("scan6_bgp", "IPv6 Open BGP", F::Routing, S::High),
    open("scan6_cwmp", "IPv6 Accessible CWMP", F::Router, S::Medium),
    open("scan6_dns", "IPv6 DNS Open Resolvers", F::OpenResolver, S::Medium),
    open("scan6_elasticsearch", "IPv6 Open Elasticsearch Server", F::DataStore, S::High),
    open("scan6_exchange", "IPv6 Vulnerable Exchange Server", F::MailServerFlaw, S::Critical),
    open("scan6_ftp", "IPv6 Accessible FTP Service", F::FileTransfer, S::Info),
    open("scan6_http", "IPv6 Accessible HTTP", F::WebService, S::Info),
    open("scan6_http_proxy", "IPv6 Open HTTP Proxy", F::OpenProxy, S::Medium),
    open("scan6_http_vulnerable", "IPv6 Vulnerable HTTP", F::WebFlaw, S::Critical),
    open("scan6_imap", "IPv6 Accessible IMAP", F::MailService, S::Low),
    open("scan6_imap_vulnerable", "IPv6 Vulnerable IMAP", F::MailLogin, S::Medium),
    open("scan6_ip_tunnel", "IPv6 Open IP-Tunnel", F::OpenProxy, S::Medium),
    open("scan6_ipp", "IPv6 Open IPP", F::Printer, S::High),
    open("scan6_isakmp", "IPv6 Vulnerable ISAKMP", F::VpnGateway, S::Medium),
    open("scan6_ldap_tcp", "IPv6 Open LDAP (TCP) Services", F::Directory, S::High),
    open("scan6_mongodb", "IPv6 Open MongoDB Service", F::DataStore, S::High),
    open("scan6_mqtt", "IPv6 Open MQTT", F::IotMessaging, S::Medium),
    open("scan6_mqtt_anon", "IPv6 Open Anonymous MQTT", F::IotMessaging, S::High),
    open("scan6_msrpc", "IPv6 Accessible MS-RPC Service", F::FileSharing, S::High),
    open("scan6_mysql", "IPv6 Accessible MySQL Server", F::Database, S::High),
    open("scan6_ntp", "IPv6 NTP Version", F::TimeServer, S::Medium),
    open("scan6_ntpmonitor", "IPv6 NTP Monitor", F::TimeServer, S::Medium),
    open("scan6_pop3", "IPv6 Accessible POP3", F::MailService, S::Low),
    open("scan6_pop3_vulnerable", "IPv6 Vulnerable POP3", F::MailLogin, S::Medium),
    open("scan6_postgres", "IPv6 Accessible PostgreSQL Server", F::Database, S::High),
    open("scan6_rdp", "IPv6 Accessible RDP Report", F::RemoteDesktop, S::High),
    open("scan6_rsync", "IPv6 Accessible Rsync Service", F::FileTransfer, S::Medium),
    open("scan6_slp", "IPv6 Accessible SLP Service", F::Discovery, S::High),
    open("scan6_smb", "IPv6 Accessible SMB Service", F::FileSharing, S::High),
    open("scan6_smtp", "IPv6 Accessible SMTP", F::MailService, S::Info),
    open("scan6_smtp_vulnerable", "IPv6 Vulnerable SMTP", F::MailServerFlaw, S::Critical),
    open("scan6_snmp", "IPv6 Open SNMP", F::Snmp, S::High),
    open("scan6_ssh", "IPv6 Accessible SSH", F::Ssh, S::Info),
    open("scan6_ssl", "IPv6 Accessible SSL", F::WebService, S::Info),
    open("scan6_ssl_freak", "IPv6 SSL/Freak Vulnerable Servers", F::WeakCrypto, S::Low),
    open("scan6_ssl_poodle", "IPv6 SSLv3/Poodle Vulnerable Servers", F::WeakCrypto, S::Low),
    open("scan6_stun", "IPv6 Accessible Session Traversal Utilities for NAT", F::Reflector, S::Medium),
    open("scan6_telnet", "IPv6 Accessible Telnet Service", F::Telnet, S::Medium),
    open("scan6_vnc", "IPv6 Accessible VNC Service", F::RemoteDesktop, S::High),
    open("scan_activemq", "Accessible ActiveMQ Service", F::MessageBroker, S::Medium),
    open("scan_adb", "Accessible Android Debug Bridge", F::AndroidDebug, S::Critical),
    open("scan_afp", "Accessible Apple Filing Protocol", F::FileSharing, S::High),
    open("scan_amqp", "Accessible AMQP", F::MessageBroker, S::Medium),
    open("scan_ard", "Accessible Apple Remote Desktop", F::RemoteDesktop, S::High),
    open("scan_badsecrets", "Badsecrets", F::WebSecret, S::High),
    open("scan_bgp", "Open BGP", F::Routing, S::High),
    open("scan_chargen", "Open Chargen", F::Reflector, S::Medium),
    open("scan_cisco_smart_install", "Accessible Cisco Smart Install", F::SmartInstall, S::Critical),
    open("scan_coap", "Accessible CoAP", F::Discovery, S::Medium),
    open("scan_couchdb", "Accessible CouchDB Server", F::DataStore, S::High),
    open("scan_cwmp", "Accessible CWMP", F::Router, S::Medium),
    open("scan_db2", "Open DB2 Discovery Service", F::Database, S::High),
    open("scan_ddos_middlebox", "Vulnerable DDoS Middlebox", F::Middlebox, S::Medium),
    open("scan_dns", "DNS Open Resolvers", F::OpenResolver, S::Medium),
    open("scan_docker", "Accessible Docker Service", F::ContainerControl, S::Critical),
    open("scan_dvr_dhcpdiscover", "Accessible DVR DHCPDiscover", F::Camera, S::High),
    open("scan_elasticsearch", "Open Elasticsearch Server", F::DataStore, S::High),
    open("scan_epmd", "Accessible Erlang Port Mapper Daemon", F::MessageBroker, S::High),
    open("scan_exchange", "Vulnerable Exchange Server", F::MailServerFlaw, S::Critical),
    open("scan_ftp", "Accessible FTP Service", F::FileTransfer, S::Info),
    open("scan_gtp", "Accessible GPRS Tunneling Protocol (GTP)", F::Routing, S::Low),
    open("scan_hadoop", "Accessible Hadoop Service", F::DataStore, S::High),
    open("scan_http", "Accessible HTTP", F::WebService, S::Info),
    open("scan_http_proxy", "Open HTTP Proxy", F::OpenProxy, S::Medium),
    open("scan_http_vulnerable", "Vulnerable HTTP", F::WebFlaw, S::Critical),
    open("scan_ics", "Accessible ICS", F::Industrial, S::High),
    open("scan_imap", "Accessible IMAP", F::MailService, S::Low),
    open("scan_imap_vulnerable", "Vulnerable IMAP", F::MailLogin, S::Medium),
    open("scan_ip_tunnel", "Open IP-Tunnel", F::OpenProxy, S::Medium),
    open("scan_ipmi", "Open IPMI Report", F::ServerManagement, S::High),
    open("scan_ipp", "Open IPP", F::Printer, S::High),
    open("scan_isakmp", "Vulnerable ISAKMP", F::VpnGateway, S::Medium),
    open("scan_kubernetes", "Accessible Kubernetes API Server", F::ContainerControl, S::High),
    open("scan_ldap", "Open-LDAP", F::Directory, S::High).retired(),
    open("scan_ldap_tcp", "Open LDAP (TCP) Services", F::Directory, S::High),
    open("scan_ldap_udp", "Open LDAP Services", F::Directory, S::High),
    open("scan_loop_dos", "Loop DoS", F::Reflector, S::High),
    open("scan_mdns", "Open mDNS Report", F::Discovery, S::Medium),
    open("scan_memcached", "Open Memcached Server", F::Cache, S::High),
    open("scan_mongodb", "Open MongoDB Service", F::DataStore, S::High),
    open("scan_mqtt", "Open MQTT", F::IotMessaging, S::Medium),
    open("scan_mqtt_anon", "Open Anonymous MQTT", F::IotMessaging, S::High),
    open("scan_msrdpeudp", "Accessible-MS-RDPEUDP", F::RemoteDesktop, S::High).retired(),
    open("scan_msrpc", "Accessible MS-RPC Service", F::FileSharing, S::High),
    open("scan_mssql", "Open MS-SQL Server Resolution Service", F::Database, S::High),
    open("scan_mysql", "Accessible MySQL Server", F::Database, S::High),
    open("scan_nat_pmp", "Vulnerable NAT-PMP Systems", F::Router, S::High),
    open("scan_netbios", "Open Netbios", F::FileSharing, S::High),
    open("scan_netis_router", "Netcore/Netis Router Vulnerability Scan", F::Router, S::Critical),
    open("scan_ntp", "NTP Version", F::TimeServer, S::Medium),
    open("scan_ntpmonitor", "NTP Monitor", F::TimeServer, S::Medium),
    open("scan_pop3", "Accessible POP3", F::MailService, S::Low),
    open("scan_pop3_vulnerable", "Vulnerable POP3", F::MailLogin, S::Medium),
    open("scan_portmapper", "Open Portmapper Scan", F::Reflector, S::Medium),
    open("scan_post_exploitation_framework", "Post-Exploitation Framework", F::ControlServer, S::High).compromised(),
    open("scan_postgres", "Accessible PostgreSQL Server", F::Database, S::High),
    open("scan_qotd", "Open QOTD", F::Reflector, S::Medium),
    open("scan_quic", "Accessible QUIC Report", F::WebService, S::Info),
    open("scan_radmin", "Accessible Radmin", F::RemoteDesktop, S::High),
    open("scan_rdp", "Accessible RDP Report", F::RemoteDesktop, S::High),
    open("scan_rdpeudp", "Accessible MS-RDPEUDP", F::RemoteDesktop, S::High),
    open("scan_redis", "Open Redis Server", F::Cache, S::High),
    open("scan_rsync", "Accessible Rsync Service", F::FileTransfer, S::Medium),
    open("scan_sip", "Accessible SIP", F::Telephony, S::High),
    open("scan_slp", "Accessible SLP Service", F::Discovery, S::High),
    open("scan_smb", "Accessible SMB Service", F::FileSharing, S::High),
    open("scan_smtp", "Accessible SMTP", F::MailService, S::Info),
    open("scan_smtp_vulnerable", "Vulnerable SMTP", F::MailServerFlaw, S::Critical),
    open("scan_snmp", "Open SNMP", F::Snmp, S::High),
    open("scan_socks", "Accessible SOCKS4/5 Proxy", F::OpenProxy, S::Medium),
    open("scan_ssdp", "Open SSDP", F::Discovery, S::High),
    open("scan_ssh", "Accessible SSH", F::Ssh, S::Info),
    open("scan_ssl", "Accessible SSL", F::WebService, S::Info),
    open("scan_ssl_freak", "SSL/Freak Vulnerable Servers", F::WeakCrypto, S::Low),
    open("scan_ssl_poodle", "SSLv3/Poodle Vulnerable Servers", F::WeakCrypto, S::Low),
    open("scan_stun", "Accessible Session Traversal Utilities for NAT", F::Reflector, S::Medium),
    taken("scan_synfulknock", "SYNful Knock", F::InfectedDevice, S::Critical).place(),
    open("scan_telnet", "Accessible Telnet Service", F::Telnet, S::Medium),
    open("scan_tftp", "Open TFTP Servers", F::FileTransfer, S::Info),
    open("scan_ubiquiti", "Accessible Ubiquiti Discovery Service", F::Router, S::High),
    open("scan_vnc", "Accessible VNC Service", F::RemoteDesktop, S::High),
    open("scan_ws_discovery", "Accessible WS-Discovery Service", F::Discovery, S::Medium),
    open("scan_xdmcp", "Accessible XDMCP Service", F::RemoteDesktop, S::High),
    event("sinkhole6_http", "IPv6-Sinkhole-HTTP-Drone", F::Infected, S::Critical).retired(),
    matter("sinkhole_dns", "Sinkhole-DNS", S::Info).retired(),
    taken("sinkhole_http_drone", "Sinkhole-HTTP-Drone", F::Infected, S::Critical).retired(),
    taken("spam_url", "Spam URL", F::HarmfulContent, S::Low).place(),
    open("special", "Special", F::WebFlaw, S::High),
    open("ssl_scan", "SSL scan", F::WebService, S::Info).retired(),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str) -> Vec<&'static str> {
        columns(name).unwrap()
    }

    #[test]
    fn the_table_is_sorted_and_every_type_has_its_place() {
        assert!(KINDS.windows(2).all(|pair| pair[0].name < pair[1].name), "sorted and unique");
        assert_eq!(KINDS.iter().filter(|kind| !kind.retired).count(), 170);
        assert_eq!(KINDS.iter().filter(|kind| kind.retired).count(), 23);
        for kind in KINDS {
            assert_eq!(find(kind.name), Some(kind));
            assert!(!kind.title.is_empty(), "{}", kind.name);
            assert_ne!(kind.family, F::Other, "{}", kind.name);
            assert_eq!(columns(kind.name).is_some(), !kind.retired, "{}", kind.name);
            assert_eq!(
                kind.told,
                kind.family != F::Network && !kind.name.starts_with("device_id"),
                "{}",
                kind.name
            );
            let has_port = kind.side.columns().is_some();
            assert!(has_port || !kind.told, "{}: nobody can be told", kind.name);
        }
        assert_eq!(find("scan_"), None);
        for side in [Side::Ip, Side::SrcIp, Side::DstIp, Side::HttpRefererIp, Side::None] {
            assert_eq!(unknown_on(side).side, side);
            assert!(!unknown_on(side).told);
        }
        assert_eq!(unknown().family, F::Other);
    }

    #[test]
    fn the_words_of_severity_are_shadowservers_in_any_case() {
        for (severity, word) in Severity::ALL.into_iter().zip(["info", "low", "medium", "high", "critical"]) {
            assert_eq!(severity.word(), word);
            assert_eq!(Severity::read(word.as_bytes()), Some(severity));
            assert_eq!(Severity::read(word.to_uppercase().as_bytes()), Some(severity));
        }
        assert_eq!(
            (Severity::read(b""), Severity::read(b"hig"), Severity::read(b"higher")),
            (None, None, None)
        );
    }

    #[test]
    fn customers_are_told_but_for_what_is_anothers_matter() {
        for kind in KINDS {
            let tell = match kind.name {
                // Forged addresses leave our own network.
                "event4_ip_spoofer" | "caida_ip_spoofer" => Tell::Operator,
                _ if kind.told => Tell::Customer,
                _ if kind.side == Side::None => Tell::Operator,
                _ => Tell::Nobody,
            };
            assert_eq!(kind.tell(), tell, "{}", kind.name);
        }
        let tells = |name| find(name).unwrap().tell();
        assert_eq!((tells("scan_rdp"), tells("device_id")), (Tell::Customer, Tell::Nobody));
        assert_eq!(tells("event4_ddos_participant"), Tell::Customer);
        assert!(UNKNOWN.iter().all(|kind| kind.tell() == Tell::Unknown));
    }

    #[test]
    fn a_web_address_makes_no_second_problem_of_a_place() {
        let same = |name| find(name).unwrap().same;
        assert_eq!((same("malware_url"), same("blocklist")), (Same::Place, Same::Place));
        assert_eq!((same("event4_sinkhole"), same("scan_rdp")), (Same::Infection, Same::Service));
    }

    #[test]
    fn every_active_type_has_the_columns_of_its_side() {
        for kind in KINDS.iter().filter(|kind| !kind.retired) {
            let header = header(kind.name);
            match kind.side.columns() {
                Some((address, _)) => assert!(header.contains(&address), "{}", kind.name),
                None => assert!(!header.iter().any(|c| c.ends_with("ip")), "{}", kind.name),
            }
            let unique: HashSet<_> = header.iter().collect();
            assert_eq!(unique.len(), header.len(), "{}: a column twice", kind.name);
        }
    }

    #[test]
    fn a_victim_is_not_taken_for_the_culprit() {
        let side = |name| find(name).unwrap().side;
        assert_eq!(side("event4_honeypot_ddos_target"), Side::DstIp);
        assert_eq!(side("event4_honeypot_ddos_amp"), Side::SrcIp);
        assert_eq!(side("event6_sinkhole_http_referer"), Side::HttpRefererIp);
        assert_eq!(side("spam_url"), Side::Ip);
        assert_eq!(side("sandbox_dns"), Side::None);
    }

    #[test]
    fn every_critical_type_has_its_nature_on_purpose() {
        const TAKEN: [&str; 18] = [
            "compromised_account",
            "compromised_iot",
            "compromised_iot6",
            "compromised_website",
            "compromised_website6",
            "event4_honeypot_brute_force",
            "event4_honeypot_ddos",
            "event4_honeypot_ics_scan",
            "event4_microsoft_sinkhole",
            "event4_microsoft_sinkhole_http",
            "event4_sinkhole",
            "event4_sinkhole_http",
            "event4_sinkhole_http_referer",
            "event6_sinkhole",
            "event6_sinkhole_http",
            "event6_sinkhole_http_referer",
            "malware_url",
            "scan_synfulknock",
        ];
        const EXPOSED: [&str; 10] = [
            "scan6_exchange",
            "scan6_http_vulnerable",
            "scan6_smtp_vulnerable",
            "scan_adb",
            "scan_cisco_smart_install",
            "scan_docker",
            "scan_exchange",
            "scan_http_vulnerable",
            "scan_netis_router",
            "scan_smtp_vulnerable",
        ];
        let critical = |nature| {
            let all = KINDS.iter().filter(|kind| !kind.retired && kind.severity == S::Critical);
            all.filter(move |kind| kind.nature == nature).map(|kind| kind.name).collect::<Vec<_>>()
        };
        assert_eq!(critical(Nature::Compromised), TAKEN);
        assert_eq!(critical(Nature::Exposed), EXPOSED);
    }

    #[test]
    fn a_webshell_is_worse_than_a_missing_update() {
        let exchange = find("scan_exchange").unwrap();
        assert_eq!(exchange.nature_of(b"exchange;cve-2021-26855"), Nature::Exposed);
        assert_eq!(exchange.nature_of(b"exchange;webshell"), Nature::Compromised);
    }

    #[test]
    fn no_customer_sees_what_is_not_his() {
        #[rustfmt::skip]
        const NEVER: &[&str] = &[
            "ip", "network", "domain", "gcip", "query", "query_type", "peer", "refid", "external_ip", "mapped_address",
            "xor_mapped_address", "network_address", "namenodeaddress", "bgp_identifier", "sender_asn", "location",
            "account", "password", "username", "usernames", "email", "community", "sender", "subject", "contact",
            "sip_from", "sip_to", "badsecret_secret", "badsecret_product", "key", "visible_databases", "exports",
            "session", "session_tags", "sessionid", "cookie", "set_cookie", "server_cookie", "printer_wifi_ssid",
            "raw_cert", "raw_cert_chain", "raw_packet", "raw_response", "encoded_data", "beacon_host", "payload_url",
            "request", "request_raw", "response", "body", "body_raw", "body_base64", "beacon_http_get", "motd",
            "beacon_http_post", "redirect_target", "forwarded_by", "ssl_servername", "http_referer", "http_postdata",
            "subject_email_address", "subject_surname", "subject_given_name", "issuer_email_address",
        ];
        // Of other parties at most the port is shown, which says what was attacked.
        const OTHERS: &[&str] = &["attack_", "cc_", "dst_", "http_referer_", "src_", "beacon_http_"];
        let kinds = KINDS.iter().chain(&UNKNOWN);
        for (kind, shown) in kinds.flat_map(|kind| kind.shown_columns().map(move |shown| (kind, shown))) {
            let own_name = match kind.side {
                Side::Ip => "hostname",
                Side::SrcIp => "src_hostname",
                Side::DstIp => "dst_hostname",
                Side::HttpRefererIp => "http_referer_hostname",
                Side::None => "",
            };
            let hostnames = [own_name, "db2_hostname", "reported_hostname"];
            let port = shown == "dst_port" || (shown == "src_port" && kind.side != Side::DstIp);
            let others = OTHERS.iter().any(|other| shown.starts_with(other)) && !port;
            assert!(!NEVER.contains(&shown), "{} shows {shown}", kind.name);
            assert!(!others || shown == own_name, "{} shows {shown}", kind.name);
            assert!(
                !shown.ends_with("hostname") || hostnames.contains(&shown),
                "{} shows {shown}",
                kind.name
            );
            assert!(
                !["_ip", "ipv4", "ipv6", "_asn", "_geo"].iter().any(|end| shown.ends_with(end)),
                "{shown}"
            );
            assert!(column::number(shown).is_some(), "{shown} has no number");
        }
        let shown: HashSet<_> = KINDS.iter().chain(&UNKNOWN).flat_map(Kind::shown_columns).collect();
        assert!(column::SHOWN.iter().all(|(_, name)| shown.contains(name)), "a numbered column nobody sees");
        assert!(find("scan_telnet").unwrap().shows("banner"));
        assert!(!find("scan_telnet").unwrap().shows("src_hostname"));
        assert!(!find("event4_honeypot_ddos_target").unwrap().shows("device_model"), "that of the attacker");
        assert!(find("compromised_website").unwrap().shows("http_host"));
        assert!(!find("event4_sinkhole_http_referer").unwrap().shows("http_host"), "that of the malware");
        assert!(!unknown().shows("banner") && !unknown().shows("infection") && unknown().shows("tag"));
    }

    /// The types whose columns are theirs alone, or shared with their IPv6 twin only.
    fn distinguishable() -> impl Iterator<Item = &'static Kind> {
        let alone = |header: &&Header| header.kinds.len() == 1;
        let twins = |header: &&Header| {
            let names: HashSet<_> = header.kinds.iter().map(|kind| ipv4_name(kind.name)).collect();
            header.kinds.len() == 2 && names.len() == 1
        };
        headers().iter().filter(move |header| alone(header) || twins(header)).map(|header| {
            let plain = header.kinds.iter().find(|kind| ipv4_name(kind.name) == kind.name);
            *plain.unwrap()
        })
    }

    #[test]
    fn a_type_is_recognised_by_a_shuffled_header_with_one_column_more_and_one_fewer() {
        let mut found = 0;
        for kind in distinguishable() {
            let mut header = header(kind.name);
            header.retain(|column| !["tag", "ransomware"].contains(column));
            header.push("newly_added");
            let turn = header.len() / 3;
            header.rotate_left(turn);
            header.reverse();
            assert_eq!(by_header(&header), Some(kind), "{}", kind.name);
            assert!(fits(kind, &header), "{}", kind.name);
            found += 1;
        }
        assert_eq!(found, 99, "of 108 different headers, nine belong to several types");
    }

    #[test]
    fn whichever_column_is_missing_no_wrong_type_comes_out_but_for_a_perfect_match() {
        let common = header("scan_socks");
        for kind in distinguishable() {
            let full = header(kind.name);
            // Twenty of its own columns do: some types have eighty.
            for gone in full.iter().filter(|column| !common.contains(column)).take(20) {
                let header: Vec<_> = full.iter().copied().filter(|column| column != gone).collect();
                let Some(other) = by_header(&header).filter(|found| *found != kind) else { continue };
                let theirs: HashSet<_> = columns(other.name).unwrap().into_iter().collect();
                assert_eq!(theirs, header.iter().copied().collect(), "{} for {}", other.name, kind.name);
            }
        }
    }

    #[test]
    fn a_wide_header_may_have_more_new_columns_than_a_narrow_one() {
        let new: Vec<String> = (0..100).map(|number| format!("new_{number}")).collect();
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        for kind in distinguishable() {
            let known = header(kind.name);
            let drift = DRIFT_MAX.max(known.len() / 8);
            let with = |more| by_header(&[&known, &new[..more]].concat());
            assert_eq!((with(drift), with(drift + 1)), (Some(kind), None), "{}", kind.name);
        }
    }

    #[test]
    fn what_is_not_clear_is_left_open() {
        assert_eq!(by_header(&header("scan_imap")), None, "IMAP and POP3 look alike");
        assert_eq!(by_header(&header("event4_honeypot_ddos")), None);
        assert_eq!(by_header(&header("scan_socks")), None);
        assert_eq!(by_header(&["name", "email", "cidr"]), None);
        assert_eq!(by_header(&[]), None);
        assert_eq!(by_header(&header("event6_sinkhole_http_referer")), find("event4_sinkhole_http_referer"));
    }

    #[test]
    fn a_header_arbitrates_between_two_readings_of_a_name() {
        let (ssl, poodle) = (find("scan_ssl").unwrap(), find("scan_ssl_poodle").unwrap());
        assert!(fits(ssl, &header("scan_ssl")));
        assert!(fits(find("scan6_ssl").unwrap(), &header("scan_ssl")));
        assert!(!fits(ssl, &header("scan_ssl_poodle")));
        assert!(fits(poodle, &header("scan_ssl_poodle")));
        let mut grown = header("scan_ssl");
        grown.extend(["x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10"]);
        assert!(!fits(ssl, &grown));
        assert!(fits(find("cc_ip").unwrap(), &["timestamp", "ip"]));
        assert!(!fits(find("cc_ip").unwrap(), &["timestamp", "src_ip"]));
    }

    #[rustfmt::skip]
    const FILE_NAMES: &[[&str; 5]] = &[
        // name, day, type, second reading, list; "none" where nothing is made of it
        ["2015-01-01-dns_openresolver-sample-asn.csv", "2015-01-01", "dns_openresolver", "", "sample-asn"],
        ["2020-04-03-scan_ics-sample-asn-delayed.csv", "2020-04-03", "scan_ics", "", "sample-asn-delayed"],
        ["2024-07-04-scan_dns-123-sample-asn.csv.zip", "2024-07-04", "scan_dns", "", "123-sample-asn"],
        ["2024-07-04-scan_http-example-geo.csv.gz", "2024-07-04", "scan_http", "", "example-geo"],
        ["2024-07-04-scan6_ssh-123-country-geo_as64496.CSV", "2024-07-04", "scan6_ssh", "", "123-country-geo_as64496"],
        ["2022-08-31-scan_stun_example_com-asn.csv", "2022-08-31", "scan_stun", "scan_stun_example_com", "example_com-asn"],
        ["2026-11-20-scan_ssl_new-example-asn.csv", "2026-11-20", "scan_ssl", "scan_ssl_new", "new-example-asn"],
        ["2026-11-20-scan_http_proxy-example.csv", "2026-11-20", "scan_http_proxy", "", "example"],
        ["2026-11-20-scan_http-proxy.csv", "2026-11-20", "scan_http", "", "proxy"],
        ["2026-11-20-compromised_iot6-example.csv", "2026-11-20", "compromised_iot6", "", "example"],
        ["2026-11-20-scan_sshd-example.csv", "2026-11-20", "scan_sshd", "", "example"],
        ["2026-11-20-event4_honeypot_tea-example-asn.csv", "2026-11-20", "event4_honeypot_tea", "", "example-asn"],
        ["2023-05-01-123_as64496.csv", "2023-05-01", "", "", "123_as64496"],
        ["2023-05-01.csv", "2023-05-01", "", "", ""],
        ["spool/2026-11-20-scan_dns-a.csv", "2026-11-20", "scan_dns", "", "a"],
        ["C:\\up\\2026-11-20-scan_dns-a (1).csv", "2026-11-20", "scan_dns", "", "a (1)"],
        ["scan_telnet.csv", "", "scan_telnet", "", ""],
        ["2026-02-30-scan_dns-example.csv", "none", "", "", ""],
        ["2026-11-2\u{e9}-scan_dns.csv", "none", "", "", ""],
        ["customers.csv", "none", "", "", ""],
        ["", "none", "", "", ""],
    ];

    #[test]
    fn file_names_are_taken_apart() {
        for &[name, day, kind_name, unknown_name, list] in FILE_NAMES {
            let expected = (day != "none").then(|| NameParts {
                day: day.parse().ok(),
                kind_name: kind_name.to_owned(),
                unknown_name: (!unknown_name.is_empty()).then(|| unknown_name.to_owned()),
                list: list.to_owned(),
            });
            assert_eq!(from_file_name(name), expected, "{name}");
        }
        assert_eq!(from_file_name(&format!("2026-11-20-{}.csv", "a".repeat(300))), None);
        let just = format!("2026-11-20-{}", "a".repeat(FILE_NAME_MAX - 11));
        assert!(from_file_name(&just).is_some() && from_file_name(&(just + "a")).is_none());
        let long = from_file_name(&format!("2026-11-20-{}.csv", "a".repeat(100))).unwrap();
        assert_eq!((long.kind_name.as_str(), long.list.len()), ("", 100));
    }
}
