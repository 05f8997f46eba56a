//! What the page shows of customers, and of what has none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;

use ipnet::IpNet;

use super::mailing::Kinds;
use super::viewing::{READ_MAX, contact, facts};
use super::{Engine, Loaded};
use crate::clock::{Day, Timestamp};
use crate::config::Networks;
use crate::customers::{Contact, CustomerNo, Owner};
use crate::incident::policy::local_day;
use crate::incident::{Incident, Key, OPERATOR, State};
use crate::store::{self, View};
use crate::web::view::{
    Customer, CustomerFacts, CustomerPage, CustomerRow, CustomersWanted, Event, Few, History, IncidentRow,
    Ownerless, OwnerlessWanted, Part, ROWS_MAX, Trouble, Turn,
};

/// The customer list and the store at one moment.
pub(super) struct Whose {
    loaded: Arc<Loaded>,
    view: View,
}

impl Whose {
    pub(super) fn of(engine: &Engine) -> Result<Self, store::Error> {
        Ok(Self { loaded: engine.loaded(), view: engine.store.view()? })
    }

    pub(super) fn found(
        &self,
        wanted: &CustomersWanted,
        after: &str,
        now: Timestamp,
    ) -> Result<Part<CustomerRow, String>, Trouble> {
        let table = &self.loaded.table;
        let text = wanted.search.to_lowercase();
        let holders = wanted.search.parse::<IpAddr>().ok().map(|address| {
            let lines = table.explain(address, now).candidates;
            lines.iter().map(|line| line.customer_id).collect::<BTreeSet<_>>()
        });
        let is_wanted = |id: &str, contact: Option<&Contact<'_>>| match (&holders, contact) {
            (Some(holders), _) => holders.contains(id),
            (None, Some(contact)) => {
                let mut texts = [contact.id, contact.name].into_iter().chain(contact.mails.iter().copied());
                texts.any(|one| one.to_lowercase().contains(&text))
            }
            (None, None) => id.to_lowercase().contains(&text),
        };
        let (mut rows, mut next, mut last, mut looked) = (Vec::new(), None, String::new(), 0);
        self.view.customers_after(after, |id, number| {
            if rows.len() >= ROWS_MAX || looked >= LOOKED_MAX {
                next = Some(std::mem::take(&mut last));
                return Ok(ControlFlow::Break(()));
            }
            looked += 1;
            last.clear();
            last.push_str(id);
            let contact = table.contact(number);
            let in_newest = contact.as_ref().is_some_and(|contact| contact.in_newest);
            // The lines without an id have the empty one, and are nobody's.
            if !id.is_empty()
                && in_newest != wanted.gone
                && is_wanted(id, contact.as_ref())
                && (!wanted.gone || self.view.find_incident_of(number, |_, _| Ok(true))?)
            {
                let [open, _] = self.count(number, now, OPEN_MAX, |_, _| {})?;
                rows.push(self.row(id, number, open)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Part { rows, next })
    }

    pub(super) fn page(
        &self,
        id: &str,
        from: usize,
        now: Timestamp,
    ) -> Result<Option<CustomerPage>, Trouble> {
        let Some(number) = self.view.customer_number(id)?.filter(|_| !id.is_empty()) else { return Ok(None) };
        let mut worst: Vec<(Key, Incident)> = Vec::new();
        let keep_worst = |worst: &mut Vec<(Key, Incident)>| {
            worst.sort_by_key(|(_, one)| std::cmp::Reverse((one.severity, one.last_seen)));
            worst.truncate(WORST_MAX);
        };
        let [open, closed] = self.count(number, now, READ_MAX, |key, incident| {
            worst.push((*key, incident.clone()));
            if worst.len() >= 2 * WORST_MAX {
                keep_worst(&mut worst);
            }
        })?;
        keep_worst(&mut worst);
        let kinds = Kinds::load(&self.view)?;
        let row = self.row(id, number, open)?;
        let incident = |(key, incident): (Key, Incident)| IncidentRow {
            kind: kinds.of(&key).0.to_owned(),
            customer: Some(row.facts.customer.clone()),
            key,
            incident,
        };
        let worst = worst.into_iter().map(incident).collect();
        let mut prefixes: Vec<_> = self.loaded.table.holdings(number).skip(from).take(ROWS_MAX + 1).collect();
        let next = (prefixes.len() > ROWS_MAX).then_some(from + ROWS_MAX);
        prefixes.truncate(ROWS_MAX);
        let mailed = self.view.mailed(number)?.total;
        let prefixes = Part { rows: prefixes, next };
        let table = &self.loaded.table;
        let logins = table.logins(number).take(KEYS_MAX).map(str::to_owned).collect();
        let written = |(address, (first, last))| {
            let begin = SocketAddr::new(address, first);
            if first == last { begin.to_string() } else { format!("{begin}-{last}") }
        };
        let forwards = table.forwards(number).take(KEYS_MAX).map(written).collect();
        Ok(Some(CustomerPage { row, closed, worst, mailed, prefixes, logins, forwards }))
    }

    pub(super) fn history(&self, id: &str, from: usize) -> Result<History, Trouble> {
        let Some(number) = self.view.customer_number(id)? else {
            return Ok(History { part: Part { rows: Vec::new(), next: None }, is_whole: true });
        };
        let mut told = Told { newest: BTreeMap::new(), max: from.saturating_add(ROWS_MAX + 1), order: 0 };
        let mut looked = 0;
        let mut is_whole = !self.view.find_incident_of(number, |key, incident| {
            looked += 1;
            if looked <= READ_MAX {
                self.turns(key, &incident, &mut told)?;
            }
            Ok(looked > READ_MAX)
        })?;
        let mut mails = 0;
        let further = self.view.notices_of_back(number, None, HEADS_MAX, |notice| {
            mails += 1;
            told.add(notice.done.as_ref().map_or(notice.created, |(at, _)| *at), Past::Mail(notice.number));
            if mails >= READ_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        is_whole &= further.is_none();

        let kinds = Kinds::load(&self.view)?;
        let mut rows = Vec::new();
        for ((at, _), past) in told.newest.into_iter().rev().skip(from) {
            rows.push((at, self.event(past, &kinds)?));
        }
        let next = (rows.len() > ROWS_MAX).then_some(from + ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Ok(History { part: Part { rows, next }, is_whole })
    }

    pub(super) fn ownerless(
        &self,
        wanted: &OwnerlessWanted,
        after: Option<IpNet>,
        now: Timestamp,
    ) -> Result<Part<Ownerless, IpNet>, Trouble> {
        let today = self.today(now);
        // The keys alone say which places come next, and how much there is to read of each.
        let mut places: BTreeMap<Spot, usize> = BTreeMap::new();
        self.each_ownerless(wanted, |spot, _| {
            if after.is_none_or(|after| spot > Spot::of(Some(after))) {
                *places.entry(spot).or_default() += 1;
                if places.len() > ROWS_MAX + 1 {
                    places.pop_last();
                }
            }
            Ok(())
        })?;
        let mut sum = 0;
        let fits = |count: &&usize| {
            let is_first = sum == 0;
            sum += **count;
            is_first || sum <= READ_MAX
        };
        let shown = places.values().take(ROWS_MAX).take_while(fits).count();
        let last = shown.checked_sub(1).and_then(|index| places.keys().nth(index)).copied();
        let next = last.filter(|_| places.len() > shown).and_then(|last| last.place);

        let kinds = Kinds::load(&self.view)?;
        let mut groups: BTreeMap<Spot, Group> = BTreeMap::new();
        let mut read = 0;
        self.each_ownerless(wanted, |spot, key| {
            let is_shown = last.is_some_and(|last| spot <= last) && places.contains_key(&spot);
            if !is_shown {
                return Ok(());
            }
            if read >= READ_MAX {
                groups.entry(spot).or_default().is_more = true;
                return Ok(());
            }
            read += 1;
            if let Some(incident) = self.view.incident(&key)?
                && incident.state(today) != State::Closed
                && wanted.why.is_none_or(|why| incident.ownership == why)
            {
                groups.entry(spot).or_default().add(&key, &incident, kinds.of(&key).0);
            }
            Ok(())
        })?;
        let rows = groups.into_iter().filter_map(|(spot, group)| self.place(spot, group, now)).collect();
        Ok(Part { rows, next })
    }

    /// Every incident that has no customer, with its place as it is asked for.
    fn each_ownerless(
        &self,
        wanted: &OwnerlessWanted,
        mut each: impl FnMut(Spot, Key) -> Result<(), store::Error>,
    ) -> Result<(), store::Error> {
        self.view.keys_of(OPERATOR, |key| {
            let area = key.area();
            let is_within =
                wanted.within.is_none_or(|within| area.is_some_and(|area| within.contains(&area)));
            // What only the operator is told may well be a customer's.
            if key.customer() == OPERATOR && is_within {
                each(Spot::of(if wanted.by_network { area.map(network_of) } else { area }), key)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn place(&self, spot: Spot, group: Group, now: Timestamp) -> Option<Ownerless> {
        let place = spot.place;
        let silenced = &self.loaded.settings.networks.silenced;
        let owner = place.filter(|place| !Networks::contains(silenced, place.network()));
        let owner = owner.map(|place| self.loaded.table.owner_of_network(place, now));
        let customer = match owner {
            Some(Owner::Customer { customer, .. }) => contact(&self.loaded, customer),
            _ => None,
        };
        let (first_seen, last_seen, severity) = group.seen?;
        Some(Ownerless {
            place,
            addresses: group.areas.len() as u64,
            incidents: Few { count: group.incidents, is_more: group.is_more },
            rows: group.rows,
            first_seen,
            last_seen,
            severity,
            kinds: group.kinds.into_iter().collect(),
            ownership: group.ownership.into_iter().collect(),
            owner,
            customer,
        })
    }

    fn today(&self, now: Timestamp) -> Day {
        local_day(now, &self.loaded.settings.boxx.timezone)
    }

    /// Incidents of a customer that are not closed, and those that are, among the first `looked_max`; `each` sees the
    /// former.
    fn count(
        &self,
        customer: CustomerNo,
        now: Timestamp,
        looked_max: usize,
        mut each: impl FnMut(&Key, &Incident),
    ) -> Result<[Few; 2], store::Error> {
        let today = self.today(now);
        let (mut counts, mut looked) = ([0; 2], 0);
        let is_more = self.view.find_incident_of(customer, |key, incident| {
            if looked >= looked_max {
                return Ok(true);
            }
            looked += 1;
            let is_closed = incident.state(today) == State::Closed;
            counts[usize::from(is_closed)] += 1;
            if !is_closed {
                each(&key, &incident);
            }
            Ok(false)
        })?;
        Ok(counts.map(|count| Few { count, is_more }))
    }

    fn row(&self, id: &str, number: CustomerNo, open: Few) -> Result<CustomerRow, store::Error> {
        let contact = self.loaded.table.contact(number);
        let unknown = || CustomerFacts {
            number,
            customer: Customer { id: id.to_owned(), name: String::new() },
            language: None,
            mails: Vec::new(),
        };
        Ok(CustomerRow {
            in_newest: contact.as_ref().is_some_and(|contact| contact.in_newest),
            facts: contact.map_or_else(unknown, |contact| facts(number, &contact)),
            open,
            last_mail: self.view.mailed(number)?.recent.last().copied(),
        })
    }

    fn turns(&self, key: Key, incident: &Incident, told: &mut Told) -> Result<(), store::Error> {
        let opened = if incident.again { Turn::OpenedAndAgain } else { Turn::Opened };
        told.add(incident.first_seen, Past::Turn(key, opened));
        if let Some(until) = incident.quiet_until {
            told.add(until.start(), Past::Turn(key, Turn::Muted));
        }
        if let Some(closed) = incident.closed {
            told.add(closed, Past::Turn(key, Turn::Closed));
        }
        for note in self.view.notes(incident.id)? {
            told.add(note.at, Past::Turn(key, Turn::Noted(note)));
        }
        Ok(())
    }

    fn event(&self, past: Past, kinds: &Kinds) -> Result<Event, store::Error> {
        Ok(match past {
            Past::Mail(number) => {
                Event::Mail(self.view.notice(number)?.ok_or(store::Error::Damaged { what: "a notice" })?)
            }
            Past::Turn(key, turn) => {
                let incident =
                    self.view.incident(&key)?.ok_or(store::Error::Damaged { what: "an incident" })?;
                let kind = kinds.of(&key).0.to_owned();
                Event::Incident { id: incident.id, kind, severity: incident.severity, turn }
            }
        })
    }
}

/// What happened, before it is looked up what it is called.
enum Past {
    Turn(Key, Turn),
    Mail(u64),
}

/// The newest of what happened, by time and then by the order in which it was found.
struct Told {
    newest: BTreeMap<(Timestamp, u64), Past>,
    max: usize,
    order: u64,
}

impl Told {
    fn add(&mut self, at: Timestamp, past: Past) {
        self.order += 1;
        self.newest.insert((at, self.order), past);
        if self.newest.len() > self.max {
            self.newest.pop_first();
        }
    }
}

/// A place among others: what is nowhere comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    is_nowhere: bool,
    place: Option<IpNet>,
}

impl Spot {
    fn of(place: Option<IpNet>) -> Self {
        Self { is_nowhere: place.is_none(), place }
    }
}

/// Findings at one place.
#[derive(Default)]
struct Group {
    areas: BTreeSet<Option<IpNet>>,
    incidents: u64,
    is_more: bool,
    rows: u64,
    /// From when to when, and how bad at worst.
    seen: Option<(Timestamp, Timestamp, crate::report::kind::Severity)>,
    kinds: BTreeSet<String>,
    ownership: BTreeSet<crate::incident::Ownership>,
}

impl Group {
    fn add(&mut self, key: &Key, incident: &Incident, kind: &str) {
        let Incident { first_seen, last_seen, severity, .. } = *incident;
        self.areas.insert(key.area());
        self.incidents += 1;
        self.rows += incident.rows();
        self.seen = Some(self.seen.map_or((first_seen, last_seen, severity), |(first, last, worst)| {
            (first.min(first_seen), last.max(last_seen), worst.max(severity))
        }));
        if !self.kinds.contains(kind) {
            self.kinds.insert(kind.to_owned());
        }
        self.ownership.insert(incident.ownership);
    }
}

/// What is often one line of a customer file, or of the networks in the settings.
fn network_of(area: IpNet) -> IpNet {
    let len = match area {
        IpNet::V4(_) => 24,
        IpNet::V6(_) => 48,
    };
    IpNet::new(area.addr(), len.min(area.prefix_len())).map_or(area, |net| net.trunc())
}

/// Customers looked at for one page: more than most lists have, and some tens of milliseconds.
const LOOKED_MAX: usize = 100_000;
/// Incidents looked at for each customer of a list; who has more is as much in need of a look.
const OPEN_MAX: usize = 100;
/// Incidents on the page of their customer; the others are one link away.
const WORST_MAX: usize = 20;
/// Of logins, and of forwarded ports.
const KEYS_MAX: usize = 20;
/// Notices of which the head is looked at for one page.
pub(super) const HEADS_MAX: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::super::viewing::tests::{House, NOW, house};
    use super::*;
    use crate::files::save_atomic;
    use crate::incident::{Change, Ownership};
    use crate::notify::outbox;
    use crate::report::kind::Severity;
    use crate::service::acting::Signature;
    use crate::web::view::View as _;

    impl House {
        fn customers(&self, search: &str, gone: bool, after: &str) -> (Vec<String>, Option<String>) {
            let wanted = CustomersWanted { search: search.to_owned(), gone };
            let part = self.live.customers_found(&wanted, after, NOW).unwrap();
            (part.rows.into_iter().map(|row| row.facts.customer.id).collect(), part.next)
        }

        /// Takes another customer file.
        fn import(&self, lines: &str) {
            let text = format!("customer_id,name,email,cidr\n{lines}");
            self.engine.import_customers(text.as_bytes(), true, NOW).unwrap();
        }

        fn ownerless(&self, wanted: &OwnerlessWanted, after: Option<IpNet>) -> Part<Ownerless, IpNet> {
            self.live.ownerless(wanted, after, NOW).unwrap()
        }
    }

    fn places(part: &Part<Ownerless, IpNet>) -> Vec<String> {
        part.rows.iter().map(|row| row.place.map_or_else(String::new, |place| place.to_string())).collect()
    }

    #[test]
    fn customers_are_found_by_whatever_is_known_of_them() {
        let house = house();
        let found = |search: &str| house.customers(search, false, "").0;
        assert_eq!(found(""), ["C1", "C2"]);
        for (search, expected) in [
            ("c", vec!["C1", "C2"]),
            ("SECOND", vec!["C2"]),
            ("one@", vec!["C1"]),
            ("192.0.2.7", vec!["C1"]),
            ("2001:db8:2::1", vec!["C2"]),
            ("192.0.2.200", vec![]),
            ("nobody", vec![]),
        ] {
            assert_eq!(found(search), expected, "{search}");
        }
        let lines: Vec<String> =
            (0..250).map(|n| format!("D{n:03},N{n},d{n}@example.com,2001:db8:{:x}::/48\n", n + 16)).collect();
        house.import(&lines.concat());
        let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (ids, next) = house.customers("", false, &after);
            pages += 1;
            seen.extend(ids);
            let Some(next) = next else { break };
            after = next;
        }
        assert_eq!(seen, (0..250).map(|n| format!("D{n:03}")).collect::<Vec<_>>());
        assert_eq!(pages, 3);
    }

    #[test]
    fn a_customer_that_is_gone_from_the_file_keeps_its_page() {
        let house = house();
        house.ingest(&[("192.0.2.1", 3389, "high")]);
        house.import("C2,Second,two@example.com,2001:db8:2::/48\n");
        assert_eq!(house.customers("", false, "").0, ["C2"]);
        assert_eq!(house.customers("", true, "").0, ["C1"], "C1 has an incident");
        assert_eq!(house.customers("fir", true, "").0, ["C1"], "an earlier file still names it");
        let page = house.get("/customer?id=C1");
        assert!(
            page.contains("does not have this customer any more") && page.contains("192.0.2.1"),
            "{page}"
        );
        let page = house.get("/customer?id=C2");
        assert!(!page.contains("any more") && page.contains("2001:db8:2::/48"), "{page}");
        assert!(house.live.customer_page("C3", 0, NOW).unwrap().is_none());
        assert!(
            house.live.customer_page("", 0, NOW).unwrap().is_none(),
            "the lines without an id are nobody's"
        );
    }

    #[test]
    fn a_page_of_a_customer_has_what_is_its_and_nothing_else() {
        let house = house();
        let mut rows: Vec<(&str, u32, &str)> = (1..=120).map(|port| ("192.0.2.1", port, "low")).collect();
        rows.extend([("192.0.2.2", 3389, "critical"), ("2001:db8:2::5", 3389, "high")]);
        house.ingest(&rows);
        house.engine.plan(NOW).unwrap();
        let numbers = |id: &str| -> Vec<u64> {
            let page = house.live.customer_page(id, 0, NOW).unwrap().unwrap();
            page.worst.iter().map(|row| row.incident.id).collect()
        };
        let [first] = numbers("C2")[..] else { panic!("C2 has one incident") };
        let own = numbers("C1");
        assert!(own.len() == WORST_MAX && !own.contains(&first));
        house.engine.change_incidents(&own[..1], Change::Close, NOW, None).unwrap();
        house.engine.change_incidents(&own[1..2], Change::Mute { until: NOW.day() }, NOW, None).unwrap();
        let peer = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let signed = Signature { who: "ann", from: peer };
        house.engine.note_incidents(&own[..1], "called <them>", NOW, &signed).unwrap();
        let page = house.live.customer_page("C1", 0, NOW).unwrap().unwrap();
        assert_eq!((page.row.open.count, page.closed.count), (120, 1));
        let part = house.live.customers_found(&CustomersWanted::default(), "", NOW).unwrap();
        assert_eq!(part.rows[0].open, Few { count: 100, is_more: true }, "not more than a list needs");

        let mails = house.live.customer_mails("C1", None).unwrap();
        assert_eq!(mails.rows.len(), 1);
        assert_eq!(mails.rows[0].to, ["one@example.com"]);
        let (history, rest) =
            (house.live.customer_history("C1", 0).unwrap(), house.live.customer_history("C1", 100).unwrap());
        assert!(history.is_whole && history.part.next == Some(100) && rest.part.next.is_none());
        let all: Vec<_> = history.part.rows.iter().chain(&rest.part.rows).collect();
        // Opened each, and closed, muted, noted, mailed.
        assert_eq!(all.len(), 121 + 4);
        assert!(all.is_sorted_by_key(|(at, _)| std::cmp::Reverse(*at)));
        let mailed = |event: &Event| matches!(event, Event::Mail(notice) if outbox::state(notice, None) == outbox::State::Held);
        assert_eq!(all.iter().filter(|(_, event)| mailed(event)).count(), 1);
        let text = house.get("/customer?id=C1&part=history");
        assert!(text.contains("called &lt;them&gt;") && text.contains("muted through this day"), "{text}");
        for part in ["", "&part=mails", "&part=prefixes", "&part=history"] {
            let page = house.get(&format!("/customer?id=C1{part}"));
            assert!(!page.contains("two@example.com") && !page.contains("2001:db8:2"), "{part}: {page}");
        }
    }

    #[test]
    fn what_has_no_customer_is_listed_by_place_with_the_reason() {
        let house = house();
        let path = house.folder.path().join("settings.toml");
        let settings = std::fs::read_to_string(&path).unwrap();
        let settings = settings.replace("[networks]\n", "[networks]\ndynamic = [\"2001:db8:4::/48\"]\n");
        save_atomic(&path, settings.as_bytes(), 0o600).unwrap();
        assert!(house.engine.reload(NOW).unwrap());
        house.ingest(&[
            ("192.0.2.1", 3389, "high"),
            ("192.0.2.200", 3389, "low"),
            ("192.0.2.200", 3390, "high"),
            ("192.0.2.201", 3389, "low"),
            ("2001:db8:3::1", 3389, "high"),
            ("2001:db8:4::1", 3389, "high"),
        ]);
        let each = OwnerlessWanted::default();
        let part = house.ownerless(&each, None);
        assert_eq!(
            places(&part),
            ["192.0.2.200/32", "192.0.2.201/32", "2001:db8:3::1/128", "2001:db8:4::1/128"]
        );
        assert_eq!(part.next, None);
        let first = &part.rows[0];
        assert_eq!((first.addresses, first.incidents.count, first.rows), (1, 2, 2));
        assert_eq!((first.severity, first.owner), (Severity::High, Some(Owner::Unassigned)));
        assert_eq!((first.kinds.len(), first.ownership.clone()), (1, vec![Ownership::Unassigned]));
        assert_eq!(part.rows[3].ownership, [Ownership::Unattributable]);
        let networks = OwnerlessWanted { by_network: true, ..each.clone() };
        let part = house.ownerless(&networks, None);
        assert_eq!(places(&part), ["192.0.2.0/24", "2001:db8:3::/48", "2001:db8:4::/48"]);
        assert_eq!((part.rows[0].addresses, part.rows[0].incidents.count), (2, 3));
        let within = OwnerlessWanted { within: "192.0.2.201/32".parse().ok(), ..each.clone() };
        assert_eq!(places(&house.ownerless(&within, None)), ["192.0.2.201/32"]);
        let lent = OwnerlessWanted { why: Some(Ownership::Unattributable), ..each.clone() };
        assert_eq!(places(&house.ownerless(&lent, None)), ["2001:db8:4::1/128"]);
        let behind = house.ownerless(&each, "192.0.2.201/32".parse().ok());
        assert_eq!(places(&behind), ["2001:db8:3::1/128", "2001:db8:4::1/128"]);
        // A line for it says so at once; what is closed is no longer listed.
        house.import("C1,First,one@example.com,192.0.2.0/24\nC2,Second,two@example.com,2001:db8:2::/48\n");
        let part = house.ownerless(&each, None);
        assert_eq!(part.rows[0].customer.as_ref().map(|customer| customer.id.as_str()), Some("C1"));
        let page = house.get("/unassigned");
        assert!(page.contains("by now <a href=\"/customer?id=C1\">C1</a>"), "{page}");
        let all: Vec<u64> = (1..=6).collect();
        house.engine.change_incidents(&all, Change::Close, NOW, None).unwrap();
        assert!(house.ownerless(&each, None).rows.is_empty());
    }

    #[test]
    fn many_places_without_a_customer_come_page_by_page() {
        let house = house();
        let addresses: Vec<String> = (1..=250).map(|n| format!("2001:db8:{:x}::{n:x}", 0x100 + n)).collect();
        let rows: Vec<_> = addresses.iter().map(|address| (address.as_str(), 3389, "low")).collect();
        house.ingest(&rows);
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let part = house.ownerless(&OwnerlessWanted::default(), after);
            assert!(part.rows.len() <= ROWS_MAX);
            seen.extend(places(&part));
            pages += 1;
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, 3);
        assert_eq!(seen, addresses.iter().map(|address| format!("{address}/128")).collect::<Vec<_>>());
    }
}
