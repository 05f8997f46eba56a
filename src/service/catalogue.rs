//! All incidents in short, in memory for as long as somebody looks. By it any page of their list is found in some
//! milliseconds, whatever is asked for and in whatever order, be there a million of them; and they are counted. What a
//! page shows of an incident is read from the store.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Engine;
use super::intake::describe;
use crate::clock::{Day, Timestamp};
use crate::incident::{Incident, Key, State};
use crate::notify::outbox;
use crate::report::kind::Severity;
use crate::store::{self, View};
use crate::web::view::{Cursor, Order, SortBy, Tally, Wanted};

/// Which incidents are asked for, in the numbers of the store.
pub(super) struct Sought {
    customer: Option<u32>,
    kind: Option<u16>,
    severity: Option<Severity>,
    /// A bit for each [`State`].
    states: u8,
    today: Day,
    address: Option<IpAddr>,
    /// Of the address; none where there is none.
    marks: u64,
}

impl Sought {
    /// `None`: nothing of it is known to the store.
    pub(super) fn of(view: &View, wanted: &Wanted) -> Result<Option<Self>, store::Error> {
        let customer = wanted.customer.as_deref().map(|id| view.customer_number(id)).transpose()?;
        let kind = wanted.kind.as_deref().map(|name| view.kind_number(name)).transpose()?;
        if customer.is_some_and(|number| number.is_none()) || kind.is_some_and(|number| number.is_none()) {
            return Ok(None);
        }
        let address = wanted.address.map(|address| address.to_canonical());
        Ok(Some(Self {
            customer: customer.flatten().map(|number| number.0),
            kind: kind.flatten(),
            severity: wanted.severity,
            states: bits(wanted.states),
            today: wanted.today,
            address,
            marks: address.map_or(0, marks),
        }))
    }

    /// Whether traits matter at all.
    fn has_traits(&self) -> bool {
        self.kind.is_some() || self.severity.is_some() || self.states != ANY
    }

    fn allows(&self, traits: &Traits) -> bool {
        self.kind.is_none_or(|kind| kind == traits.kind)
            && self.severity.is_none_or(|severity| severity == traits.severity)
            && (self.states == ANY || self.states & bit(traits.state(self.today)) != 0)
    }

    /// Whether an incident with this key may fit.
    pub(super) fn may_fit(&self, key: &Key) -> bool {
        self.customer.is_none_or(|customer| customer == key.customer().0)
            && self.address.is_none_or(|address| key.may_be_at(address))
    }

    /// Whether one that may fit does.
    pub(super) fn fits(&self, key: &Key, incident: &Incident) -> bool {
        let is_at = |address| {
            incident.evidence.address == Some(address)
                || incident.more_addresses.contains(&address)
                || key.network().is_some_and(|network| network.contains(&address))
        };
        self.allows(&Traits::of(key, incident)) && self.address.is_none_or(is_at)
    }
}

fn bit(state: State) -> u8 {
    1 << state as u8
}

/// None stand for any.
fn bits(states: &[State]) -> u8 {
    if states.is_empty() { ANY } else { states.iter().fold(0, |bits, state| bits | bit(*state)) }
}

const ANY: u8 = u8::MAX;

/// What an incident is told by beside numbers.
#[derive(Clone, Copy)]
struct Traits {
    quiet_until: i32,
    kind: u16,
    severity: Severity,
    life: Life,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Told,
    Closed,
}

impl Traits {
    /// Of what is no longer there.
    const NONE: Self = Self { quiet_until: i32::MIN, kind: 0, severity: Severity::Info, life: Life::Closed };

    fn of(key: &Key, incident: &Incident) -> Self {
        Self {
            quiet_until: incident.quiet_until.map_or(i32::MIN, Day::number),
            kind: key.kind(),
            severity: incident.severity,
            life: match incident {
                Incident { closed: Some(_), .. } => Life::Closed,
                Incident { told: Some(_), .. } => Life::Told,
                _ => Life::Open,
            },
        }
    }

    /// As [`Incident::state`] says it.
    fn state(&self, today: Day) -> State {
        match self.life {
            Life::Closed => State::Closed,
            _ if self.quiet_until >= today.number() => State::Quiet,
            Life::Told => State::Told,
            Life::Open => State::Open,
        }
    }
}

/// In columns, of which only those are gone through that are asked for: 36 bytes an incident.
pub(super) struct Catalogue {
    /// In ascending order, and the others with them.
    numbers: Vec<u64>,
    /// The marks of all addresses of an incident.
    marks: Vec<u64>,
    customers: Vec<u32>,
    /// Seconds since 1970.
    last_seen: Vec<u32>,
    /// As many as fit.
    rows: Vec<u32>,
    traits: Vec<Traits>,
    /// By a customer's number: how many ids are before the customer's own.
    ranks: Vec<u32>,
}

impl Catalogue {
    fn of(view: &View) -> Result<Self, store::Error> {
        let mut catalogue = Self::with(view.incident_numbers()?);
        view.incidents(|key, incident| catalogue.put(&key, &incident))?;
        let mut rank = 0;
        view.customer_numbers(|_, number| {
            let index = number.0 as usize;
            if catalogue.ranks.len() <= index {
                catalogue.ranks.resize(index + 1, 0);
            }
            rank += 1;
            catalogue.ranks[index] = rank;
        })?;
        Ok(catalogue)
    }

    /// Of incidents with these numbers, of which nothing else is known yet.
    fn with(numbers: Vec<u64>) -> Self {
        let len = numbers.len();
        Self {
            marks: vec![0; len],
            customers: vec![0; len],
            last_seen: vec![0; len],
            rows: vec![0; len],
            traits: vec![Traits::NONE; len],
            ranks: Vec::new(),
            numbers,
        }
    }

    fn put(&mut self, key: &Key, incident: &Incident) {
        if let Ok(index) = self.numbers.binary_search(&incident.id) {
            self.marks[index] = marks_of(key, incident);
            self.customers[index] = key.customer().0;
            self.last_seen[index] = u32::try_from(incident.last_seen.unix().max(0)).unwrap_or(u32::MAX);
            self.rows[index] = u32::try_from(incident.rows()).unwrap_or(u32::MAX);
            self.traits[index] = Traits::of(key, incident);
        }
    }

    /// The incidents that are not closed, by [`Severity::ALL`].
    fn open(&self) -> [u64; Severity::ALL.len()] {
        let mut open = [0; Severity::ALL.len()];
        for traits in &self.traits {
            open[traits.severity as usize] += u64::from(traits.life != Life::Closed);
        }
        open
    }

    /// The same by the numbers of their report types.
    pub(super) fn open_by_kind(&self) -> HashMap<u16, u64> {
        let mut open = HashMap::new();
        for traits in self.traits.iter().filter(|traits| traits.life != Life::Closed) {
            *open.entry(traits.kind).or_default() += 1;
        }
        open
    }

    /// The first `most` of those that may fit, in this order, behind `after`. Only addresses may not fit after all.
    pub(super) fn find(
        &self,
        sought: &Sought,
        order: Order,
        after: Option<Cursor>,
        most: usize,
    ) -> Vec<Cursor> {
        let sorted = Sorted { catalogue: self, sought, is_rising: order.is_rising, after, most };
        let rank = |customer: &u32| self.ranks.get(*customer as usize).copied().unwrap_or(0);
        match order.by {
            SortBy::Number => sorted.by_number(),
            SortBy::Severity => sorted.by(self.traits.iter().map(|traits| traits.severity as u32)),
            SortBy::Customer => sorted.by(self.customers.iter().map(rank)),
            SortBy::LastSeen => sorted.by(self.last_seen.iter().copied()),
            SortBy::Rows => sorted.by(self.rows.iter().copied()),
        }
    }

    fn may_fit(&self, index: usize, sought: &Sought) -> bool {
        (sought.marks == 0 || self.marks[index] & sought.marks == sought.marks)
            && sought.customer.is_none_or(|customer| customer == self.customers[index])
            && (!sought.has_traits() || sought.allows(&self.traits[index]))
    }
}

/// A part of the catalogue that is to be found.
struct Sorted<'a> {
    catalogue: &'a Catalogue,
    sought: &'a Sought,
    is_rising: bool,
    after: Option<Cursor>,
    most: usize,
}

impl Sorted<'_> {
    fn by_number(self) -> Vec<Cursor> {
        let Self { catalogue, sought, is_rising, after, most } = self;
        let numbers = &catalogue.numbers;
        let range = match after {
            None => 0..numbers.len(),
            Some(after) if is_rising => {
                numbers.partition_point(|&number| number <= after.number)..numbers.len()
            }
            Some(after) => 0..numbers.partition_point(|&number| number < after.number),
        };
        let may_fit = |index: &usize| catalogue.may_fit(*index, sought);
        let cursor = |index: usize| Cursor::at(numbers[index]);
        match is_rising {
            true => range.filter(may_fit).take(most).map(cursor).collect(),
            false => range.rev().filter(may_fit).take(most).map(cursor).collect(),
        }
    }

    /// By these values, one for each incident.
    fn by(self, values: impl DoubleEndedIterator<Item = u32> + ExactSizeIterator) -> Vec<Cursor> {
        let Self { catalogue, sought, is_rising, after, most } = self;
        // Falling is rising of what is turned round.
        let turned = if is_rising { 0 } else { u64::MAX };
        let turn = |(value, number): (u32, u64)| (value ^ turned as u32, number ^ turned);
        let after = after.map(|after| turn((u32::try_from(after.value).unwrap_or(u32::MAX), after.number)));
        let from = after.map_or(0, |(value, _)| value);
        let (mut found, mut span) = (Vec::with_capacity(most * 2), 1 + u64::from(u32::MAX - from));
        let look = |(index, value): (usize, u32)| {
            // Before `from`, or behind the end or like it, in one comparison: by that most are passed over.
            if u64::from((value ^ turned as u32).wrapping_sub(from)) >= span
                || !catalogue.may_fit(index, sought)
            {
                return;
            }
            let place = turn((value, catalogue.numbers[index]));
            if after.is_some_and(|after| place <= after) {
                return;
            }
            found.push(place);
            // Now and then those go that will not be among the first, and with them all that are alike and come later.
            if found.len() == most * 2 {
                found.select_nth_unstable(most - 1);
                found.truncate(most);
                span = u64::from(found[most - 1].0 - from);
            }
        };
        // Those that are alike come in the order in which they are wanted.
        let values = values.enumerate();
        if is_rising {
            values.for_each(look)
        } else {
            values.rev().for_each(look)
        }
        found.sort_unstable();
        found.truncate(most);
        let cursor = |(value, number)| Cursor { value: u64::from(value), number };
        found.into_iter().map(|place| cursor(turn(place))).collect()
    }
}

/// Four bits for an address, by which those that are surely elsewhere are passed over.
fn marks(address: IpAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    let hash = hasher.finish();
    (0..4).fold(0, |marks, bit| marks | 1 << (hash >> (bit * 6) & 63))
}

fn marks_of(key: &Key, incident: &Incident) -> u64 {
    if key.network().is_some() {
        return u64::MAX;
    }
    let addresses = incident.more_addresses.iter().chain(&incident.evidence.address);
    addresses.fold(0, |all, address| all | marks(address.to_canonical()))
}

/// All that takes a look at everything, as it was at one moment.
pub(super) struct Counted {
    pub(super) catalogue: Catalogue,
    pub(super) tally: Tally,
}

/// The newest [`Counted`], for those who look.
pub(super) struct Shelf {
    engine: Arc<Engine>,
    newest: Mutex<Newest>,
    /// Held by the one for whom the others wait.
    counting: Mutex<()>,
    /// Who counts while nobody waits.
    behind: Mutex<Option<JoinHandle<()>>>,
}

struct Newest {
    counted: Option<Arc<Counted>>,
    /// Of the store, before it was counted.
    commits: u64,
    finished: Instant,
    took: Duration,
    /// When somebody wanted it last.
    looked: Instant,
}

impl Shelf {
    pub(super) fn new(engine: Arc<Engine>) -> Arc<Self> {
        let now = Instant::now();
        let newest = Newest { counted: None, commits: 0, finished: now, took: Duration::ZERO, looked: now };
        let newest = Mutex::new(newest);
        Arc::new(Self { engine, newest, counting: Mutex::default(), behind: Mutex::default() })
    }

    /// What is counted, anew if something was written since and counting has rested. Nobody waits for what takes long
    /// if there is an older one.
    pub(super) fn look(self: &Arc<Self>, now: Timestamp) -> Result<Arc<Counted>, store::Error> {
        if let Some(counted) = self.at_once(now) {
            return Ok(counted);
        }
        let _counting = lock(&self.counting);
        // Somebody else may have done it meanwhile.
        self.at_once(now).map_or_else(|| self.count(now), Ok)
    }

    /// What will do for now.
    fn at_once(self: &Arc<Self>, now: Timestamp) -> Option<Arc<Counted>> {
        let mut newest = lock(&self.newest);
        newest.looked = Instant::now();
        let counted = newest.counted.clone()?;
        let age = newest.finished.elapsed();
        let is_same = newest.commits == self.engine.store.commits() && age < RECOUNT_AFTER;
        if is_same || age < newest.took * RECOUNT_REST {
            return Some(counted);
        }
        let is_long = newest.took > UNNOTICED_MAX;
        drop(newest);
        is_long.then(|| {
            self.count_behind(now);
            counted
        })
    }

    /// Gives the memory back if nobody has looked for a while.
    pub(super) fn give_back(&self) {
        let mut newest = lock(&self.newest);
        if newest.looked.elapsed() >= KEPT {
            newest.counted = None;
        }
    }

    fn count_behind(self: &Arc<Self>, now: Timestamp) {
        let mut behind = lock(&self.behind);
        if behind.as_ref().is_some_and(|counting| !counting.is_finished()) {
            return;
        }
        let shelf = self.clone();
        let count = move || match shelf.count(now) {
            Ok(_) => {}
            Err(error) => tracing::warn!("the incidents cannot be counted: {}", describe(&error)),
        };
        *behind = thread::Builder::new().name("count".to_owned()).spawn(count).ok();
    }

    fn count(&self, now: Timestamp) -> Result<Arc<Counted>, store::Error> {
        let (commits, began) = (self.engine.store.commits(), Instant::now());
        let view = self.engine.store.view()?;
        let catalogue = Catalogue::of(&view)?;
        let tally = Tally { open: catalogue.open(), ..count_others(&view, now)? };
        let counted = Arc::new(Counted { catalogue, tally });
        let mut newest = lock(&self.newest);
        let (finished, took) = (Instant::now(), began.elapsed());
        *newest = Newest { counted: Some(counted.clone()), commits, finished, took, looked: newest.looked };
        Ok(counted)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mails and the newest report day.
fn count_others(view: &View, now: Timestamp) -> Result<Tally, store::Error> {
    let mut tally = Tally::default();
    view.notices(|notice| {
        let lately = notice.done.as_ref().is_some_and(|(at, _)| now.since(*at) < 86_400);
        match outbox::state(&notice, None) {
            outbox::State::Held => tally.held += 1,
            outbox::State::Queued => tally.queued += 1,
            outbox::State::Sent => tally.sent += u64::from(lately),
            outbox::State::Failed => tally.failed += u64::from(lately),
            outbox::State::Dropped => {}
        }
        Ok(())
    })?;
    view.reports(|_, report| {
        if report.duplicate_of.is_some() || report.unreadable.is_some() {
            return;
        }
        match &mut tally.day {
            Some((day, ..)) if *day > report.day => {}
            Some((day, reports, counts)) if *day == report.day => {
                *reports += 1;
                *counts += report.counts;
            }
            newest => *newest = Some((report.day, 1, report.counts)),
        }
    })?;
    Ok(tally)
}

/// Counting takes at most a twentieth of the time, however long one count takes.
const RECOUNT_REST: u32 = 20;
/// Even if nothing is written: mails leave the last 24 hours.
const RECOUNT_AFTER: Duration = Duration::from_secs(300);
/// So long a reader waits without noticing it: with some ten thousand incidents.
const UNNOTICED_MAX: Duration = Duration::from_millis(100);
/// Memory is kept so long for somebody who may look again.
const KEPT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::customers::CustomerNo;
    use crate::incident::{Audience, Evidence, Ownership, Place, Sighting};
    use crate::report::kind::Nature;

    impl Shelf {
        /// The newest took so long, and it was finished and last looked at so long ago.
        pub(in crate::service) fn pretend(&self, took: Duration, age: Duration) {
            let mut newest = lock(&self.newest);
            let then = Instant::now().checked_sub(age).unwrap();
            (newest.took, newest.finished, newest.looked) = (took, then, then);
        }

        /// Waits until what is counted behind is there.
        pub(in crate::service) fn wait(&self) {
            lock(&self.behind).take().unwrap().join().unwrap();
        }
    }

    const TODAY: Day = Day::from_number(20_000);

    /// What an incident is made of: customer, type, address, another one, whether the place is a network, severity, day,
    /// rows, and what became of it.
    type Made = (u32, u16, u8, u8, bool, usize, i32, u64, u8);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn incident(
        number: u64,
        (customer, kind, at, other, is_network, severity, day, rows, fate): Made,
    ) -> (Key, Incident) {
        let place = match (is_network, at) {
            (true, _) => Place::Net("192.0.2.0/30".parse().unwrap()),
            (_, 0) => Place::Nowhere,
            (_, at) => Place::Address(address(at)),
        };
        let seen = TODAY.plus(-day).start();
        let mut incident = Incident::open(
            number,
            Sighting {
                ownership: Ownership::Customer,
                audience: Audience::Customer,
                nature: Nature::Exposed,
                severity: Severity::ALL[severity],
                first: seen,
                last: seen,
                rows,
                more_addresses: if other > 0 { vec![address(other)] } else { Vec::new() },
                evidence: Evidence { address: (at > 0).then(|| address(at)), ..Evidence::default() },
            },
            seen.day(),
            1,
        );
        match fate {
            0 => incident.close(seen),
            1 => incident.quiet_until = Some(TODAY.plus(-1)),
            2 => incident.quiet_until = Some(TODAY),
            3 => incident.mark_told(1, incident.severity, seen),
            _ => {}
        }
        (Key::new(kind, CustomerNo(customer), place, number), incident)
    }

    fn catalogue(all: &[(Key, Incident)]) -> Catalogue {
        let mut catalogue = Catalogue::with(all.iter().map(|(_, incident)| incident.id).collect());
        all.iter().rev().for_each(|(key, incident)| catalogue.put(key, incident));
        // Neither in the order of the numbers nor the other way round.
        catalogue.ranks = vec![0, 3, 1, 2];
        catalogue
    }

    proptest! {
        /// Against a plain scan of all that is there: which ones, in which order, from where.
        #[test]
        fn pages_are_what_a_plain_scan_finds(
            made in prop::collection::vec(
                (0..4u32, 0..3u16, 0..5u8, 0..4u8, any::<bool>(), 0..5usize, 0..4i32, 1..4u64, 0..6u8), 0..80),
            gaps in prop::collection::vec(1..3u64, 80),
            customer in prop::option::of(0..5u32),
            kind in prop::option::of(0..4u16),
            severity in prop::option::of(0..5usize),
            states in 0..4usize,
            at in prop::option::of(0..5u8),
            by in 0..5usize,
            is_rising in any::<bool>(),
            most in 1..9usize,
        ) {
            let numbers = gaps.iter().scan(0, |number, gap| { *number += gap; Some(*number) });
            let all: Vec<_> = numbers.zip(made).map(|(number, made)| incident(number, made)).collect();
            let states = [
                &[] as &[State], &[State::Closed], &[State::Open, State::Quiet], &[State::Told],
            ][states];
            let severity = severity.map(|severity| Severity::ALL[severity]);
            let wanted = at.map(address);
            let marks = wanted.map_or(0, marks);
            let sought = Sought {
                customer, kind, severity, states: bits(states), today: TODAY, address: wanted, marks,
            };
            let by = [SortBy::Number, SortBy::Severity, SortBy::Customer, SortBy::LastSeen, SortBy::Rows][by];

            let catalogue = catalogue(&all);
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = catalogue.find(&sought, Order { by, is_rising }, after, most);
                prop_assert!(page.len() <= most);
                after = page.last().copied();
                pages.extend(page.iter().map(|cursor| cursor.number));
                if page.len() < most {
                    break;
                }
            }
            let of = |number: &u64| all.iter().find(|(_, incident)| incident.id == *number).unwrap();
            let found: Vec<u64> = pages.into_iter().filter(|number| {
                let (key, incident) = of(number);
                sought.may_fit(key) && sought.fits(key, incident)
            }).collect();

            let is_at = |key: &Key, incident: &Incident, wanted: IpAddr| {
                let known = [incident.evidence.address, incident.more_addresses.first().copied()];
                known.contains(&Some(wanted)) && key.may_be_at(wanted)
                    || key.network().is_some() && [address(0), address(1), address(2), address(3)].contains(&wanted)
            };
            let mut expected: Vec<_> = all.iter().filter(|(key, incident)| {
                customer.is_none_or(|customer| key.customer().0 == customer)
                    && kind.is_none_or(|kind| key.kind() == kind)
                    && severity.is_none_or(|severity| incident.severity == severity)
                    && (states.is_empty() || states.contains(&incident.state(TODAY)))
                    && wanted.is_none_or(|wanted| is_at(key, incident, wanted))
            }).map(|(key, incident)| {
                let value = match by {
                    SortBy::Number => 0,
                    SortBy::Severity => incident.severity as i64,
                    SortBy::Customer => [0, 3, 1, 2][key.customer().0 as usize],
                    SortBy::LastSeen => incident.last_seen.unix(),
                    SortBy::Rows => incident.rows() as i64,
                };
                (value, incident.id)
            }).collect();
            expected.sort_unstable();
            if !is_rising {
                expected.reverse();
            }
            prop_assert_eq!(found, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
            let open = all.iter().filter(|(_, incident)| incident.closed.is_none());
            let mut by_severity = [0; Severity::ALL.len()];
            open.for_each(|(_, incident)| by_severity[incident.severity as usize] += 1);
            prop_assert_eq!(catalogue.open(), by_severity);
        }
    }

    #[test]
    fn few_addresses_are_taken_for_one_that_is_sought() {
        let sought = marks("198.51.100.7".parse().unwrap());
        let others = (0..100_000_u32).map(|n| marks(IpAddr::from(n.to_be_bytes())));
        let alike = others.filter(|marks| marks & sought == sought).count();
        assert!(alike < 20, "{alike} of 100000");
    }
}
