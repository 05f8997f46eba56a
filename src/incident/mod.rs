//! The life of a problem: what makes rows the same problem, what a sighting changes, when a mail is due.
//! Pure: incidents in, incidents out.

pub mod batch;
pub mod hours;
pub mod policy;

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::{Day, Timestamp};
use crate::customers::CustomerNo;
use crate::report::kind::{Nature, Severity};

/// Stands in the place of a customer for what has none, and for what only the operator is told.
pub const OPERATOR: CustomerNo = CustomerNo(0);

/// Identity of a problem: type, customer, place, and what else makes it the same problem.
/// Its bytes sort by type, then customer, then place: the incidents of one report lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; Key::LEN]);

impl Key {
    pub const LEN: usize = 32;

    pub fn new(kind: u16, customer: CustomerNo, place: Place, same: u64) -> Self {
        let mut key = [0; Self::LEN];
        key[0..2].copy_from_slice(&kind.to_be_bytes());
        key[2..6].copy_from_slice(&customer.0.to_be_bytes());
        key[6..24].copy_from_slice(&place.bytes());
        key[24..32].copy_from_slice(&same.to_be_bytes());
        Self(key)
    }

    /// Number of the report type.
    pub fn kind(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    pub fn customer(&self) -> CustomerNo {
        CustomerNo(u32::from_be_bytes([self.0[2], self.0[3], self.0[4], self.0[5]]))
    }

    /// Whether a problem at `address` may have this key: what is nowhere may be anywhere.
    pub fn may_be_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self.0[6] {
            NOWHERE => true,
            NET_V4 | NET_V6 => self.network().is_some_and(|network| network.contains(&address)),
            SLASH_64 => matches!(address, IpAddr::V6(v6) if Place::Slash64(v6).bytes() == self.0[6..24]),
            _ => Place::Address(address).bytes() == self.0[6..24],
        }
    }

    /// The network that is the place, if the place is one.
    pub fn network(&self) -> Option<IpNet> {
        self.area().filter(|_| matches!(self.0[6], NET_V4 | NET_V6))
    }

    /// The place, be it an address alone, as a network; `None`: nowhere.
    pub fn area(&self) -> Option<IpNet> {
        let (shape, len) = (self.0[6], self.0[7]);
        let mut address = [0; 16];
        address.copy_from_slice(&self.0[8..24]);
        let address = IpAddr::V6(Ipv6Addr::from(address));
        match shape {
            NOWHERE => None,
            ADDRESS_V4 | NET_V4 => IpNet::new(address.to_canonical(), len).ok(),
            _ => IpNet::new(address, len).ok(),
        }
    }
}

/// Where a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Address(IpAddr),
    /// The /64 of an address: a compromised device changes its IPv6 address within it.
    Slash64(Ipv6Addr),
    /// A report named a network.
    Net(IpNet),
    /// The address says nothing about the place: it is lent, shared, or there is none.
    Nowhere,
}

impl Place {
    fn bytes(self) -> [u8; 18] {
        let (shape, len, address) = match self {
            Self::Nowhere => (NOWHERE, 0, Ipv6Addr::UNSPECIFIED),
            Self::Address(IpAddr::V4(v4)) => (ADDRESS_V4, 32, v4.to_ipv6_mapped()),
            Self::Address(IpAddr::V6(v6)) => (2, 128, v6),
            Self::Slash64(v6) => (SLASH_64, 64, Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            Self::Net(IpNet::V4(net)) => (NET_V4, net.prefix_len(), net.network().to_ipv6_mapped()),
            Self::Net(IpNet::V6(net)) => (NET_V6, net.prefix_len(), net.network()),
        };
        let mut bytes = [0; 18];
        (bytes[0], bytes[1]) = (shape, len);
        bytes[2..].copy_from_slice(&address.octets());
        bytes
    }
}

const NOWHERE: u8 = 0;
const ADDRESS_V4: u8 = 1;
const SLASH_64: u8 = 3;
const NET_V4: u8 = 4;
const NET_V6: u8 = 5;

/// Whose a finding is, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ownership {
    Customer,
    Unassigned,
    Ambiguous,
    Unattributable,
}

/// Who is told of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Audience {
    Nobody,
    /// A type that this version does not know: the operator, until `policy.tell_unknown_types`.
    UnknownType,
    Operator,
    Customer,
}

/// Name of a protocol in lower case, cut at [`PROTOCOL_BYTES_MAX`] bytes; empty if what is left is no UTF-8.
/// No allocation, as each row has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocol([u8; PROTOCOL_BYTES_MAX]);

impl Protocol {
    pub fn new(cell: &[u8]) -> Self {
        let kept = &cell[..cell.len().min(PROTOCOL_BYTES_MAX)];
        let mut protocol = Self::default();
        if std::str::from_utf8(kept).is_ok() {
            protocol.0[..kept.len()].copy_from_slice(kept);
            protocol.0.make_ascii_lowercase();
        }
        protocol
    }
}

impl Deref for Protocol {
    type Target = str;

    fn deref(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(PROTOCOL_BYTES_MAX);
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(<&str>::deserialize(deserializer)?.as_bytes()))
    }
}

/// The newest row of an incident: where it stands, and the columns that may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Number of the report in the store.
    pub report: u32,
    pub line: u64,
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
    pub protocol: Protocol,
    /// Column numbers and cells, see [`batch::shown_cells`].
    #[serde(with = "serde_bytes")]
    pub shown: Vec<u8>,
}

/// One problem, from first seen to gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub id: u64,
    pub ownership: Ownership,
    pub audience: Audience,
    pub nature: Nature,
    /// Highest severity on `last_day`.
    pub severity: Severity,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// Newest report day that brought it.
    pub last_day: Day,
    /// Bit n: seen on report day `last_day - n`.
    days: u64,
    pub days_seen: u32,
    /// Rows seen before `last_day`; of each day the most that one report brought.
    rows_before: u64,
    rows_day: u64,
    rows_pass: u64,
    /// Which processing of a report `rows_pass` counts.
    pass: u64,
    /// When it was last told (or given up, or dropped: what counts as told), and how bad it was then at worst. `None` of
    /// one that is closed: there is nothing to tell any more.
    pub told: Option<(Timestamp, Severity)>,
    /// It was closed and came back.
    pub again: bool,
    /// Muted through this day.
    pub quiet_until: Option<Day>,
    /// Rows up to this moment do not open it again.
    pub closed: Option<Timestamp>,
    /// Newest first, without the evidence's own; at most [`ADDRESSES_MAX`] with it.
    pub more_addresses: Vec<IpAddr>,
    pub evidence: Evidence,
    /// Numbers of the notices that told it, oldest first; the first is kept, of the others the newest.
    pub notices: Vec<u64>,
}

/// What the world sees of an incident's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Open,
    Told,
    Quiet,
    Closed,
}

/// What a person may do to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is dealt with; a row seen later opens it again.
    Close,
    /// No mail through this day.
    Mute { until: Day },
    /// It is told again.
    Reopen,
}

impl State {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Told => "told",
            Self::Quiet => "quiet",
            Self::Closed => "closed",
        }
    }
}

/// Rows of one pass over a report that are the same problem.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sighting {
    pub ownership: Ownership,
    pub audience: Audience,
    pub nature: Nature,
    pub severity: Severity,
    pub first: Timestamp,
    pub last: Timestamp,
    pub rows: u64,
    /// Other addresses than the evidence's, newest first.
    pub more_addresses: Vec<IpAddr>,
    pub evidence: Evidence,
}

impl Incident {
    /// A problem seen for the first time.
    pub fn open(id: u64, seen: Sighting, day: Day, pass: u64) -> Self {
        Self {
            id,
            ownership: seen.ownership,
            audience: seen.audience,
            nature: seen.nature,
            severity: seen.severity,
            first_seen: seen.first,
            last_seen: seen.last,
            last_day: day,
            days: 1,
            days_seen: 1,
            rows_before: 0,
            rows_day: seen.rows,
            rows_pass: seen.rows,
            pass,
            told: None,
            again: false,
            quiet_until: None,
            closed: None,
            more_addresses: seen.more_addresses,
            evidence: seen.evidence,
            notices: Vec::new(),
        }
    }

    /// Takes in a sighting from a report of `day`. Doing so twice with the same rows changes nothing that
    /// counts days, and no report day counts its rows twice: corrections replace, other lists' reports overlap.
    pub fn see(&mut self, seen: Sighting, day: Day, pass: u64) {
        if self.closed.is_some_and(|closed| seen.last > closed) {
            self.closed = None;
            self.again = true;
            self.told = None;
        }
        self.first_seen = self.first_seen.min(seen.first);
        let back = i64::from(self.last_day.number()) - i64::from(day.number());
        let counted = match back {
            ..0 => {
                self.days = if back > -64 { self.days << -back | 1 } else { 1 };
                self.last_day = day;
                self.severity = seen.severity;
                self.rows_before += self.rows_day;
                self.rows_day = 0;
                self.pass = 0;
                self.days_seen += 1;
                true
            }
            0 => {
                self.severity = self.severity.max(seen.severity);
                true
            }
            1..64 if self.days >> back & 1 == 0 => {
                self.days |= 1 << back;
                self.days_seen += 1;
                self.rows_before += seen.rows;
                false
            }
            _ => false,
        };
        if counted {
            self.rows_pass = if self.pass == pass { self.rows_pass + seen.rows } else { seen.rows };
            self.pass = pass;
            self.rows_day = self.rows_day.max(self.rows_pass);
        }
        if seen.last >= self.last_seen {
            self.last_seen = seen.last;
            (self.ownership, self.audience, self.nature) = (seen.ownership, seen.audience, seen.nature);
            let older = std::mem::take(&mut self.more_addresses);
            let newest = seen.evidence.address;
            for address in seen.more_addresses.into_iter().chain(self.evidence.address).chain(older) {
                if self.more_addresses.len() + 1 >= ADDRESSES_MAX {
                    break;
                }
                if Some(address) != newest && !self.more_addresses.contains(&address) {
                    self.more_addresses.push(address);
                }
            }
            self.evidence = seen.evidence;
        }
    }

    /// Where it is, for people: the newest address, else the network that the report named.
    pub fn place(&self, key: &Key) -> Option<String> {
        let address = self.evidence.address.map(|address| address.to_string());
        address.or_else(|| key.network().map(|network| network.to_string()))
    }

    /// Report days on which it was seen, as far back from the newest as it remembers.
    pub fn seen_on(&self) -> impl Iterator<Item = Day> + use<> {
        let (days, last_day) = (self.days, self.last_day);
        (0..DAYS_REMEMBERED).filter(move |back| days >> back & 1 == 1).map(move |back| last_day.plus(-back))
    }

    /// Rows seen in all; of each report day as many as the report that brought most.
    pub fn rows(&self) -> u64 {
        self.rows_before + self.rows_day
    }

    pub fn state(&self, today: Day) -> State {
        if self.closed.is_some() {
            State::Closed
        } else if self.quiet_until.is_some_and(|until| until >= today) {
            State::Quiet
        } else if self.told.is_some() {
            State::Told
        } else {
            State::Open
        }
    }

    /// It stands, with this severity, in a notice that went out, was given up or dropped: it counts as told from
    /// `now`.
    pub fn mark_told(&mut self, notice: u64, severity: Severity, now: Timestamp) {
        let worst = self.told.map_or(severity, |(_, worst)| worst.max(severity));
        self.told = Some((now, worst));
        if self.notices.len() >= NOTICES_MAX {
            self.notices.remove(1);
        }
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// That it is gone was told, if it still is.
    pub fn mark_told_gone(&mut self) {
        if self.closed.is_some() {
            self.told = None;
        }
    }

    /// Does to it what a person wants.
    pub fn change(&mut self, change: Change, now: Timestamp) {
        match change {
            Change::Close => self.close(now),
            Change::Mute { until } => self.quiet_until = Some(until),
            Change::Reopen => self.reopen(),
        }
    }

    /// Closed by hand, or because it was not seen through `moment`. Rows up to `moment` do not open it again.
    pub fn close(&mut self, moment: Timestamp) {
        self.closed = Some(moment.max(self.last_seen));
        self.quiet_until = None;
    }

    /// Opened again by hand.
    pub fn reopen(&mut self) {
        if self.closed.take().is_some() {
            self.again = true;
        }
        self.quiet_until = None;
        self.told = None;
    }
}

/// Report days up to the newest of an incident for which it knows whether it was seen.
pub const DAYS_REMEMBERED: i32 = u64::BITS as i32;
/// Newest addresses kept of an incident whose address changes.
pub const ADDRESSES_MAX: usize = 20;
/// Notices kept of an incident: with weekly repeats more than a year.
const NOTICES_MAX: usize = 64;
/// Longest protocol name kept.
pub const PROTOCOL_BYTES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_short_and_in_lower_case() {
        let read = |cell: &[u8]| {
            let protocol = Protocol::new(cell);
            let stored = postcard::to_stdvec(&protocol).unwrap();
            assert_eq!(stored, postcard::to_stdvec(&*protocol).unwrap(), "stored as its text");
            assert_eq!(postcard::from_bytes::<Protocol>(&stored).unwrap(), protocol);
            (*protocol).to_owned()
        };
        assert_eq!((&*read(b"UDP"), &*read(b"")), ("udp", ""));
        assert_eq!(read(b"0123456789ABCDEFG"), "0123456789abcdef");
        assert_eq!(read("0123456789ABCDE\u{e9}".as_bytes()), "", "cut in the middle of a character");
    }

    #[test]
    fn a_key_rules_out_addresses_only_if_it_is_sure() {
        let at =
            |place, address: &str| Key::new(1, CustomerNo(2), place, 3).may_be_at(address.parse().unwrap());
        let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        assert!(at(Place::Address(v4), "192.0.2.1") && at(Place::Address(v4), "::ffff:192.0.2.1"));
        assert!(!at(Place::Address(v4), "192.0.2.2") && !at(Place::Address(v4), "2001:db8::1"));
        assert!(at(Place::Address(v6), "2001:db8::1") && !at(Place::Address(v6), "2001:db8::2"));
        let slash_64 = Place::Slash64("2001:db8::".parse().unwrap());
        assert!(
            at(slash_64, "2001:db8::ffff:1")
                && !at(slash_64, "2001:db8:0:1::1")
                && !at(slash_64, "192.0.2.1")
        );
        let net = Place::Net("192.0.2.0/28".parse().unwrap());
        assert!(at(net, "192.0.2.15") && !at(net, "192.0.2.16") && !at(net, "2001:db8::1"));
        let net = Place::Net("2001:db8::/48".parse().unwrap());
        assert!(at(net, "2001:db8:0:9::1") && !at(net, "2001:db8:1::1"));
        assert!(at(Place::Nowhere, "192.0.2.1") && at(Place::Nowhere, "2001:db8::1"));
    }

    #[test]
    fn a_key_knows_its_type_its_customer_and_its_place() {
        for (place, area, is_network) in [
            (Place::Address("192.0.2.1".parse().unwrap()), "192.0.2.1/32", false),
            (Place::Address("2001:db8::1".parse().unwrap()), "2001:db8::1/128", false),
            (Place::Slash64("2001:db8::1".parse().unwrap()), "2001:db8::/64", false),
            (Place::Net("192.0.2.0/28".parse().unwrap()), "192.0.2.0/28", true),
            (Place::Net("2001:db8::/48".parse().unwrap()), "2001:db8::/48", true),
        ] {
            // Numbers of which each byte is another.
            let key = Key::new(513, CustomerNo(66_052), place, 3);
            assert_eq!((key.kind(), key.customer()), (513, CustomerNo(66_052)));
            assert_eq!(key.area(), area.parse().ok(), "{place:?}");
            assert_eq!(key.network(), key.area().filter(|_| is_network), "{place:?}");
        }
        assert_eq!(Key::new(1, CustomerNo(2), Place::Nowhere, 3).area(), None);
    }

    /// One row at a second of a day.
    fn seen(day: Day, second: i64, severity: Severity, address: &str) -> Sighting {
        let moment = day.start().plus_seconds(second);
        Sighting {
            ownership: Ownership::Customer,
            audience: Audience::Customer,
            nature: Nature::Exposed,
            severity,
            first: moment,
            last: moment,
            rows: 3,
            more_addresses: Vec::new(),
            evidence: Evidence { address: address.parse().ok(), ..Evidence::default() },
        }
    }

    #[test]
    fn days_are_counted_once_in_whatever_order_they_come() {
        let day = Day::from_number(20_000);
        let report = |day| seen(day, 0, Severity::Low, "");
        let mut incident = Incident::open(1, report(day), day, 1);
        // Earlier days, twice each: the nearest, one between, the last that is remembered.
        for back in [1, 5, 63, 1, 5, 63] {
            incident.see(report(day.plus(-back)), day.plus(-back), 2);
        }
        assert_eq!((incident.days_seen, incident.rows()), (4, 3 + 3 * 3));
        incident.see(report(day.plus(-64)), day.plus(-64), 2);
        assert_eq!((incident.days_seen, incident.rows()), (4, 12), "too old to know whether it was counted");
        // The days move on: what was a day ago is three days ago.
        incident.see(report(day.plus(2)), day.plus(2), 3);
        assert_eq!((incident.days_seen, incident.rows(), incident.last_day), (5, 15, day.plus(2)));
        for back in [2, 3, 7] {
            incident.see(report(day.plus(2 - back)), day.plus(2 - back), 4);
        }
        assert_eq!((incident.days_seen, incident.rows()), (5, 15));
        incident.see(report(day.plus(1)), day.plus(1), 4);
        assert_eq!((incident.days_seen, incident.rows()), (6, 18));
        // 63 days on, the last day is still remembered; 64 days on, it is not.
        incident.see(report(day.plus(65)), day.plus(65), 5);
        incident.see(report(day.plus(2)), day.plus(2), 6);
        assert_eq!((incident.days_seen, incident.rows()), (7, 21));
        incident.see(report(day.plus(65 + 64)), day.plus(65 + 64), 7);
        incident.see(report(day.plus(65 + 64)), day.plus(65 + 64), 7);
        assert_eq!((incident.days_seen, incident.rows()), (8, 24 + 3), "two batches of one pass");
        assert_eq!(incident.first_seen, day.plus(-64).start());
    }

    #[test]
    fn what_is_closed_opens_with_newer_rows_only() {
        let day = Day::from_number(20_000);
        let mut incident = Incident::open(1, seen(day, 60, Severity::Low, ""), day, 1);
        incident.close(day.start());
        assert_eq!(incident.closed, Some(day.start().plus_seconds(60)), "not before its last row");
        incident.see(seen(day, 60, Severity::Low, ""), day, 2);
        assert!(incident.closed.is_some() && !incident.again);
        incident.see(seen(day, 61, Severity::Low, ""), day, 3);
        assert!(incident.closed.is_none() && incident.again);
    }

    #[test]
    fn what_a_person_does_to_an_incident_holds_until_it_is_seen_again_or_something_else_is_done() {
        let day = Day::from_number(20_000);
        let told = Some((day.start(), Severity::Low));
        let mut incident = Incident { told, ..Incident::open(1, seen(day, 0, Severity::Low, ""), day, 1) };
        incident.mark_told_gone();
        assert_eq!(incident.told, told, "it is not gone");
        incident.change(Change::Mute { until: day.plus(3) }, day.start());
        assert_eq!((incident.state(day.plus(3)), incident.told), (State::Quiet, told));
        incident.change(Change::Reopen, day.start());
        assert_eq!((incident.state(day), incident.again), (State::Open, false), "it was never gone");

        (incident.told, incident.quiet_until) = (told, Some(day));
        incident.change(Change::Close, day.plus(1).start());
        assert_eq!((incident.closed, incident.quiet_until), (Some(day.plus(1).start()), None));
        incident.mark_told_gone();
        assert_eq!(incident.told, None);
        incident.change(Change::Reopen, day.plus(1).start());
        assert_eq!((incident.state(day), incident.again), (State::Open, true));
    }

    #[test]
    fn it_knows_the_days_it_was_seen_on() {
        let day = Day::from_number(20_000);
        let mut incident = Incident::open(1, seen(day, 0, Severity::Low, ""), day, 1);
        for back in [2, 63, 64] {
            incident.see(seen(day.plus(-back), 0, Severity::Low, ""), day.plus(-back), 2);
        }
        assert!(incident.seen_on().eq([0, -2, -63].map(|days| day.plus(days))));
    }

    #[test]
    fn it_is_where_its_newest_row_was_or_in_the_network_that_was_named() {
        let day = Day::from_number(20_000);
        let at = |address, place| {
            let key = Key::new(1, CustomerNo(2), place, 3);
            Incident::open(1, seen(day, 0, Severity::Low, address), day, 1).place(&key)
        };
        let network = || Place::Net("192.0.2.0/28".parse().unwrap());
        assert_eq!(at("192.0.2.1", Place::Nowhere).as_deref(), Some("192.0.2.1"));
        assert_eq!(at("192.0.2.1", network()).as_deref(), Some("192.0.2.1"));
        assert_eq!(at("", network()).as_deref(), Some("192.0.2.0/28"));
        assert_eq!(at("", Place::Nowhere), None);
    }

    #[test]
    fn the_newest_addresses_are_kept_each_once() {
        let day = Day::from_number(20_000);
        let at = |second: i64| seen(day, second, Severity::Low, &format!("192.0.2.{}", second % 30));
        let mut incident = Incident::open(1, at(0), day, 1);
        let shown =
            |incident: &Incident| incident.more_addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>();
        for second in [1, 2, 31, 32] {
            incident.see(at(second), day, 1);
        }
        assert_eq!(incident.evidence.address, "192.0.2.2".parse().ok());
        assert_eq!(shown(&incident), ["192.0.2.1", "192.0.2.0"]);
        incident.see(at(3), day, 1);
        assert_eq!(incident.evidence.address, "192.0.2.2".parse().ok(), "an older row");
        for second in 33..58 {
            incident.see(at(second), day, 1);
        }
        assert_eq!(incident.more_addresses.len(), ADDRESSES_MAX - 1);
        assert_eq!(incident.more_addresses[0], IpAddr::from([192, 0, 2, 26]));
    }

    #[test]
    fn a_day_has_its_worst_severity_and_a_new_day_its_own() {
        let day = Day::from_number(20_000);
        let mut incident = Incident::open(1, seen(day, 0, Severity::Medium, ""), day, 1);
        for (second, severity, holds) in
            [(1, Severity::Low, Severity::Medium), (2, Severity::High, Severity::High)]
        {
            incident.see(seen(day, second, severity, ""), day, 1);
            assert_eq!(incident.severity, holds);
        }
        incident.see(seen(day.plus(1), 0, Severity::Low, ""), day.plus(1), 2);
        assert_eq!(incident.severity, Severity::Low);
    }

    #[test]
    fn the_first_notice_and_the_newest_are_kept() {
        let day = Day::from_number(20_000);
        let mut incident = Incident::open(1, seen(day, 0, Severity::Low, ""), day, 1);
        for notice in 1..=100 {
            incident.mark_told(notice, Severity::Low, day.start());
        }
        assert_eq!(incident.notices.len(), NOTICES_MAX);
        assert_eq!(
            (incident.notices[0], incident.notices[1], incident.notices[NOTICES_MAX - 1]),
            (1, 38, 100)
        );
        incident.mark_told(100, Severity::High, day.start());
        assert!(incident.notices.ends_with(&[99, 100]));
        incident.mark_told(101, Severity::Low, day.start());
        assert_eq!(incident.told, Some((day.start(), Severity::High)), "the worst that was ever told");
    }

    #[test]
    fn each_state_has_its_word() {
        let day = Day::from_number(20_000);
        let open = Incident::open(1, seen(day, 0, Severity::Low, ""), day, 1);
        let told = Incident { told: Some((day.start(), Severity::Low)), ..open.clone() };
        let quiet = Incident { quiet_until: Some(day), ..told.clone() };
        let closed = Incident { closed: Some(day.start()), ..quiet.clone() };
        let words = [&open, &told, &quiet, &closed].map(|incident| incident.state(day).word());
        assert_eq!(words, ["open", "told", "quiet", "closed"]);
        assert_eq!(quiet.state(day.plus(1)), State::Told, "through its day");
        for state in [State::Open, State::Told, State::Quiet, State::Closed] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word(), "stored as shown");
        }
    }
}
