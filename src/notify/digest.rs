//! From incidents to what a mail may say: who may read which row, and which cells of it. Pure.
//!
//! This is where "no customer ever sees another customer's data" is kept. It trusts nothing decided earlier: at
//! the moment of writing it asks again whose the row's address was when the row was seen.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::outbox::Scope;
use super::{Earlier, Problem, redact};
use crate::clock::Timestamp;
use crate::config::{Networks, Policy};
use crate::customers::{CustomerNo, Owner, Port};
use crate::incident::policy::{Asked, Moment, Reason, audience, due, will_be_due};
use crate::incident::{Audience, Incident, Key, OPERATOR, Ownership, State, batch};
use crate::report::kind::{Family, Kind, Severity, Tell};
use crate::report::{column, text};
use crate::sessions::owner::Sources;

/// What decides over a mail, beside the incidents.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub sources: Sources<'a>,
    pub networks: &'a Networks,
    /// Of the report types, by the numbers that keys hold.
    pub families: &'a [Family],
    pub policy: &'a Policy,
    pub zone: &'a TimeZone,
    pub at: Moment,
}

/// An incident that a mail tells.
pub struct Told {
    pub key: Key,
    pub severity: Severity,
    pub ownership: Ownership,
    pub problem: Problem,
    /// The notice that told it first.
    pub first_notice: Option<u64>,
}

/// Why the newest row of an incident is not somebody's to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// It is told to these, if to anybody.
    Audience(Audience),
    /// Of this address nobody is told.
    Silenced,
    /// It had the address not, or not alone, or gets no mail.
    Stranger,
}

impl Context<'_> {
    /// Why `receiver` is to be told of the incident now; `None` if it is not.
    pub fn due(&self, receiver: CustomerNo, key: &Key, incident: &Incident, scope: Scope) -> Option<Reason> {
        let reason = due(incident, &self.asked(key))?;
        let in_scope = match scope {
            Scope::Critical => incident.severity == Severity::Critical,
            Scope::Digest | Scope::Weekly => true,
        };
        (in_scope && self.is_for(receiver, key, incident)).then_some(reason)
    }

    /// Whether `receiver` is to be told of the incident now, or will be without its being seen again.
    pub fn will_be_due(&self, receiver: CustomerNo, key: &Key, incident: &Incident) -> bool {
        will_be_due(incident, &self.asked(key)) && self.is_for(receiver, key, incident)
    }

    /// What the rules ask of an incident with this key.
    pub fn asked(&self, key: &Key) -> Asked<'_> {
        Asked::of(self.family(key), self.policy, self.at, self.zone)
    }

    /// Who is told of the incident, if anybody may read it.
    pub fn audience(&self, key: &Key, incident: &Incident) -> Audience {
        audience(incident, self.family(key), self.policy)
    }

    /// Report types of which the operator is told in the place of customers, by their numbers.
    pub fn operators_kinds(&self) -> impl Iterator<Item = u16> {
        let is_ones = |family: &Family| self.policy.family(*family).tell == Some(Tell::Operator);
        (0..).zip(self.families).filter(move |(_, family)| is_ones(family)).map(|(kind, _)| kind)
    }

    fn family(&self, key: &Key) -> Family {
        self.families.get(usize::from(key.kind())).copied().unwrap_or(Family::Other)
    }

    /// The incident as `receiver` may read it.
    pub fn tell(
        &self,
        receiver: CustomerNo,
        key: Key,
        incident: &Incident,
        kind_name: &str,
        kind: &Kind,
        reason: Reason,
    ) -> Told {
        let evidence = &incident.evidence;
        let own =
            |address: IpAddr| receiver == OPERATOR || self.owns(receiver, address, None, incident.last_seen);
        let inside = |address: IpAddr| Networks::contains(&self.networks.cidrs, address);
        let mut shown: Vec<(String, String)> = Vec::new();
        for (number, cell) in batch::shown_cells(&evidence.shown) {
            let Some(name) = column::name(number).filter(|name| kind.shows(name)) else { continue };
            let value = redact::clean(&text(cell), own, inside);
            // Reports often say the same in several columns, and nothing in some.
            let said = evidence.port.is_some_and(|port| port.to_string() == value)
                || shown.iter().any(|(_, known)| *known == value);
            if !said && !EMPTY_WORDS.iter().any(|word| value.eq_ignore_ascii_case(word)) {
                shown.push((name.to_owned(), value));
            }
        }
        Told {
            key,
            severity: incident.severity,
            ownership: incident.ownership,
            first_notice: incident.notices.first().copied(),
            problem: Problem {
                incident: incident.id,
                report: kind_name.to_owned(),
                family: kind.family,
                severity: incident.severity,
                nature: incident.nature,
                reason,
                place: incident.place(&key).unwrap_or_default(),
                more_addresses: incident
                    .more_addresses
                    .iter()
                    .copied()
                    .filter(|&address| own(address))
                    .collect(),
                port: evidence.port,
                protocol: (*evidence.protocol).to_owned(),
                seen: incident.last_seen,
                first_seen: incident.first_seen,
                days_seen: incident.days_seen,
                shown,
            },
        }
    }

    /// The line of an incident that was told earlier and is still open, if it is one.
    pub fn still_open(
        &self,
        receiver: CustomerNo,
        key: &Key,
        incident: &Incident,
        kind: &Kind,
    ) -> Option<Earlier> {
        let (told, _) = incident.told?;
        let open = incident.state(self.at.today) == State::Told && self.is_for(receiver, key, incident);
        open.then(|| earlier(key, incident, kind, told))
    }

    /// The line of an incident that was told and then closed since it was seen no longer, if nobody has said so yet.
    pub fn gone(&self, receiver: CustomerNo, key: &Key, incident: &Incident, kind: &Kind) -> Option<Earlier> {
        // What was closed by hand may be seen every day; of that it would not be true.
        let unseen_seconds = i64::from(self.policy.close_after_days - 1) * 86_400;
        let unseen = incident.closed?.since(incident.last_seen) >= unseen_seconds;
        if !(incident.told.is_some() && unseen) {
            return None;
        }
        let line = earlier(key, incident, kind, incident.last_seen);
        match self.bar(receiver, key, incident) {
            None => Some(line),
            // Logs and customer files are forgotten sooner than problems are closed and the next mail is made. Whoever was
            // told of it hears that it is gone, and no address.
            Some(Bar::Stranger) if self.is_forgotten(key, incident) => {
                Some(Earlier { place: String::new(), port: None, ..line })
            }
            Some(_) => None,
        }
    }

    /// Whether nobody can say any more who had the address.
    fn is_forgotten(&self, key: &Key, incident: &Incident) -> bool {
        let (port, at) = (incident.evidence.port.map(Port::Source), incident.last_seen);
        match incident.evidence.address.filter(|_| key.area().is_none()) {
            // Of a log that has forgotten one session and not the next, nobody had it.
            Some(lent) => {
                let owner = self.sources.owner(lent, port, at).owner;
                matches!(owner, Owner::Unattributable | Owner::Unassigned)
            }
            None => !self.sources.table.knows(at),
        }
    }

    /// Whether the newest row of the incident is `receiver`'s to read.
    fn is_for(&self, receiver: CustomerNo, key: &Key, incident: &Incident) -> bool {
        self.bar(receiver, key, incident).is_none()
    }

    /// Why the newest row of the incident is not `receiver`'s to read; `None`: it is.
    pub fn bar(&self, receiver: CustomerNo, key: &Key, incident: &Incident) -> Option<Bar> {
        let audience = self.audience(key, incident);
        let own = if receiver == OPERATOR { Audience::Operator } else { Audience::Customer };
        if audience != own {
            return Some(Bar::Audience(audience));
        }
        if receiver == OPERATOR {
            return None;
        }
        let silenced = |address| Networks::contains(&self.networks.silenced, address);
        let (is_silenced, is_own) = match (incident.evidence.address, key.area()) {
            (Some(address), area) => {
                // What is nowhere was found by who had the address, or its source port, at that moment.
                let port = if area.is_none() { Port::Source } else { Port::Listening };
                let port = incident.evidence.port.map(port);
                let is_silenced = silenced(address);
                (is_silenced, !is_silenced && self.owns(receiver, address, port, incident.last_seen))
            }
            (None, Some(network)) => {
                let owner = self.sources.table.owner_of_network(network, incident.last_seen);
                (silenced(network.network()), mails(owner, receiver))
            }
            (None, None) => (false, false),
        };
        match (is_silenced, is_own) {
            (true, _) => Some(Bar::Silenced),
            (false, false) => Some(Bar::Stranger),
            (false, true) => None,
        }
    }

    /// Whether the address was `receiver`'s at that time, and `receiver` is mailed.
    fn owns(&self, receiver: CustomerNo, address: IpAddr, port: Option<Port>, at: Timestamp) -> bool {
        mails(self.sources.owner(address, port, at).owner, receiver)
    }
}

fn earlier(key: &Key, incident: &Incident, kind: &Kind, at: Timestamp) -> Earlier {
    let place = incident.place(key).unwrap_or_default();
    Earlier { family: kind.family, place, port: incident.evidence.port, at }
}

fn mails(owner: Owner, receiver: CustomerNo) -> bool {
    owner == Owner::Customer { customer: receiver, mailed: true }
}

/// What reports write where they have nothing to say.
const EMPTY_WORDS: &[&str] = &["", "-", "--", "null", "none", "unknown", "n/a"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FamilyPolicy;
    use crate::customers::import;
    use crate::customers::table::Table;
    use crate::incident::{Evidence, Place, Sighting};
    use crate::report::kind::{self, Nature};

    const ONE: CustomerNo = CustomerNo(1);
    const TWO: CustomerNo = CustomerNo(2);

    /// All that a [`Context`] borrows: customer 1 has 192.0.2.0/28 and is mailed, customer 2 the next one, customer 3,
    /// who is not mailed, 192.0.2.32/28. 192.0.2.8 is silenced.
    struct Abusebox {
        table: Table,
        networks: Networks,
        policy: Policy,
        zone: TimeZone,
    }

    fn the_box() -> Abusebox {
        box_since(Timestamp::from_unix(0))
    }

    /// One that has its customer file since then.
    fn box_since(imported: Timestamp) -> Abusebox {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let networks = Networks {
            cidrs: list(&["192.0.2.0/24", "2001:db8::/32"]),
            silenced: list(&["192.0.2.8/29"]),
            dynamic: list(&["192.0.2.64/28"]),
            ..Networks::default()
        };
        let file = import::read(
            b"id,ip,status\nC1,192.0.2.0/28,\nC1,2001:db8:1::/48,\nC2,192.0.2.16/28,\nC3,192.0.2.32/28,cancelled\n",
            &TimeZone::UTC,
        );
        let number = |id: &str| id[1..].parse().unwrap();
        Abusebox {
            table: Table::build(&networks, [(imported, file)], number),
            networks,
            policy: crate::config::raw::parse("", std::path::Path::new("")).unwrap().policy,
            zone: TimeZone::UTC,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000)
    }

    impl Abusebox {
        fn context(&self) -> Context<'_> {
            Context {
                sources: Sources { table: &self.table, nats: &[], log: &() },
                networks: &self.networks,
                families: &[],
                policy: &self.policy,
                zone: &self.zone,
                at: Moment::new(now(), &TimeZone::UTC),
            }
        }
    }

    /// Seen an hour ago; `shown` are columns and cells.
    fn incident(audience: Audience, address: Option<&str>, shown: &[(&str, &str)]) -> Incident {
        let mut cells = Vec::new();
        for (name, cell) in shown {
            cells.push(column::number(name).unwrap());
            cells.extend_from_slice(&(cell.len() as u16).to_le_bytes());
            cells.extend_from_slice(cell.as_bytes());
        }
        let seen = Sighting {
            ownership: Ownership::Customer,
            audience,
            nature: Nature::Exposed,
            severity: Severity::High,
            first: now().plus_seconds(-3600),
            last: now().plus_seconds(-3600),
            rows: 1,
            more_addresses: ["192.0.2.2", "192.0.2.17"].map(|address| address.parse().unwrap()).to_vec(),
            evidence: Evidence {
                address: address.map(|address| address.parse().unwrap()),
                port: Some(3389),
                shown: cells,
                ..Evidence::default()
            },
        };
        Incident::open(7, seen, now().day(), 1)
    }

    fn key(customer: CustomerNo, place: Place) -> Key {
        Key::new(1, customer, place, 0)
    }

    #[test]
    fn only_whose_address_it_was_is_told() {
        let abusebox = the_box();
        let context = abusebox.context();
        let due = |receiver, address: Option<&str>, audience| {
            let (key, incident) = (key(receiver, Place::Nowhere), incident(audience, address, &[]));
            let is_due = context.due(receiver, &key, &incident, Scope::Digest).is_some();
            assert_eq!(is_due, context.bar(receiver, &key, &incident).is_none(), "no rule stands against it");
            is_due
        };
        use Audience::{Customer, Nobody, Operator, UnknownType};
        assert!(due(ONE, Some("192.0.2.1"), Customer));
        assert!(due(ONE, Some("2001:db8:1::1"), Customer));
        for (receiver, address) in [
            (TWO, "192.0.2.1"),
            (ONE, "192.0.2.17"),
            (ONE, "192.0.2.9"),
            (CustomerNo(3), "192.0.2.33"),
            (ONE, "198.51.100.1"),
        ] {
            assert!(!due(receiver, Some(address), Customer), "{receiver:?} {address}");
        }
        assert!(!due(ONE, None, Customer), "neither an address nor a network");
        for audience in [Nobody, Operator, UnknownType] {
            assert!(!due(ONE, Some("192.0.2.1"), audience), "{audience:?}");
            assert_eq!(due(OPERATOR, Some("192.0.2.1"), audience), audience != Nobody, "{audience:?}");
        }
        assert!(!due(OPERATOR, Some("192.0.2.1"), Customer));
    }

    #[test]
    fn a_network_is_told_to_the_one_who_has_all_of_it() {
        let abusebox = the_box();
        let due = |receiver, network: &str| {
            let key = key(receiver, Place::Net(network.parse().unwrap()));
            let incident = incident(Audience::Customer, None, &[]);
            abusebox.context().due(receiver, &key, &incident, Scope::Digest).is_some()
        };
        assert!(due(ONE, "192.0.2.0/29"));
        assert!(!due(TWO, "192.0.2.0/29") && !due(ONE, "192.0.2.0/27") && !due(ONE, "192.0.2.8/30"));
    }

    #[test]
    fn a_family_of_the_operators_is_told_to_nobody_else() {
        let mut abusebox = the_box();
        let key = key(ONE, Place::Address("192.0.2.1".parse().unwrap()));
        let mut incident = incident(Audience::Customer, Some("192.0.2.1"), &[]);
        incident.mark_told(5, Severity::Medium, now().plus_days(-1));
        let kind = kind::find("scan_rdp").unwrap();
        for (tell, operators) in [(Tell::Customer, false), (Tell::Operator, true), (Tell::Nobody, false)] {
            let own = FamilyPolicy { tell: Some(tell), ..FamilyPolicy::default() };
            abusebox.policy.families = [(Family::RemoteDesktop, own)].into();
            let families = [Family::Telnet, Family::RemoteDesktop];
            let context = Context { families: &families, ..abusebox.context() };
            let due = |receiver| context.due(receiver, &key, &incident, Scope::Digest).is_some();
            assert_eq!((due(OPERATOR), due(ONE)), (operators, tell == Tell::Customer), "{tell:?}");
            let open = context.still_open(ONE, &key, &incident, kind);
            assert_eq!(open.is_some(), tell == Tell::Customer, "nor is it named to them");
            assert_eq!(
                context.operators_kinds().collect::<Vec<_>>(),
                if operators { vec![1] } else { vec![] }
            );
        }
    }

    #[test]
    fn critical_ones_go_out_alone() {
        let abusebox = the_box();
        let due = |severity, scope| {
            let mut incident = incident(Audience::Customer, Some("192.0.2.1"), &[]);
            incident.severity = severity;
            abusebox.context().due(ONE, &key(ONE, Place::Nowhere), &incident, scope)
        };
        assert_eq!(due(Severity::Critical, Scope::Critical), Some(Reason::New));
        assert_eq!(due(Severity::High, Scope::Critical), None);
        assert_eq!(due(Severity::High, Scope::Digest), Some(Reason::New));
    }

    #[test]
    fn what_is_still_open_is_told_ones_own() {
        let abusebox = the_box();
        let kind = kind::find("scan_rdp").unwrap();
        let open = |receiver, incident: &Incident| {
            let key = key(receiver, Place::Address("192.0.2.1".parse().unwrap()));
            abusebox.context().still_open(receiver, &key, incident, kind)
        };
        let mut incident = incident(Audience::Customer, Some("192.0.2.1"), &[]);
        assert!(open(ONE, &incident).is_none(), "never told");
        incident.mark_told(5, Severity::High, now());
        let line = open(ONE, &incident).unwrap();
        assert_eq!((line.place.as_str(), line.port, line.at), ("192.0.2.1", Some(3389), now()));
        assert!(open(TWO, &incident).is_none());
        incident.close(now());
        assert!(open(ONE, &incident).is_none());
    }

    #[test]
    fn what_is_gone_is_told_once_to_whom_it_was_told() {
        let abusebox = the_box();
        let kind = kind::find("scan_rdp").unwrap();
        let mut incident = incident(Audience::Customer, Some("192.0.2.1"), &[]);
        let gone = |incident: &Incident, receiver| {
            let key = key(receiver, Place::Address("192.0.2.1".parse().unwrap()));
            abusebox.context().gone(receiver, &key, incident, kind)
        };
        assert!(gone(&incident, ONE).is_none(), "still there");
        let mut never_told = incident.clone();
        never_told.last_seen = now().plus_days(-30);
        never_told.close(now());
        assert!(gone(&never_told, ONE).is_none());
        incident.mark_told(5, Severity::High, now());
        let mut by_hand = incident.clone();
        by_hand.last_seen = now().plus_days(-2);
        by_hand.close(now());
        assert!(gone(&by_hand, ONE).is_none(), "it may still be there");
        incident.last_seen = now().plus_days(-i64::from(abusebox.policy.close_after_days));
        let mut back = incident.clone();
        // Days close at midnight, and the digest of that day was earlier than its report.
        incident.close(now().plus_seconds(-3600));
        let line = gone(&incident, ONE).unwrap();
        assert_eq!((line.place.as_str(), line.at), ("192.0.2.1", incident.last_seen));
        assert!(gone(&incident, TWO).is_none(), "another's");
        // Nobody knows any more whose the address was: it is not named.
        let mut lent = incident.clone();
        lent.evidence.address = Some("192.0.2.65".parse().unwrap());
        let nowhere = Key::new(1, ONE, Place::Nowhere, 0);
        let line = abusebox.context().gone(ONE, &nowhere, &lent, kind).unwrap();
        assert_eq!((line.place.as_str(), line.port), ("", None));
        lent.evidence.address = Some("192.0.2.17".parse().unwrap());
        assert!(abusebox.context().gone(ONE, &nowhere, &lent, kind).is_none(), "another's, as is known now");
        let there = Key::new(1, ONE, Place::Address("192.0.2.17".parse().unwrap()), 0);
        assert!(abusebox.context().gone(ONE, &there, &lent, kind).is_none());
        let line = box_since(now()).context().gone(ONE, &there, &lent, kind).unwrap();
        assert_eq!(line.place, "", "the file of that time is gone, too");
        incident.mark_told_gone();
        assert!(gone(&incident, ONE).is_none(), "a mail said so");
        back.mark_told_gone();
        assert!(back.told.is_some(), "it came back while the mail was on its way");
    }

    #[test]
    fn of_a_row_its_receiver_reads_the_shown_columns_without_others_addresses() {
        let abusebox = the_box();
        let kind = kind::find("scan_rdp").unwrap();
        let cells = [
            ("hostname", "pc-192-0-2-17.example"),
            ("tag", "3389"),
            ("version", "UNKNOWN"),
            ("device_vendor", "Foo"),
            ("device_type", "Foo"),
            ("infection", "own 192.0.2.1"),
            ("http_referer_hostname", "never of this type"),
        ];
        let incident = incident(Audience::Customer, Some("192.0.2.1"), &cells);
        let tell = |receiver| {
            let key = key(receiver, Place::Nowhere);
            abusebox.context().tell(receiver, key, &incident, kind.name, kind, Reason::New).problem
        };
        let shown = |problem: &Problem| -> Vec<String> {
            problem.shown.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let own = tell(ONE);
        let expected =
            ["hostname=pc-[address removed].example", "device_vendor=Foo", "infection=own 192.0.2.1"];
        assert_eq!(shown(&own), expected);
        assert_eq!(own.more_addresses, ["192.0.2.2".parse::<IpAddr>().unwrap()]);
        let operators = tell(OPERATOR);
        assert_eq!(operators.shown[0].1, "pc-192-0-2-17.example");
        assert_eq!(operators.more_addresses.len(), 2);
        let others = tell(TWO);
        assert_eq!(others.more_addresses, ["192.0.2.17".parse::<IpAddr>().unwrap()]);
        assert!(shown(&others).contains(&"infection=own [address removed]".to_owned()));
    }
}
