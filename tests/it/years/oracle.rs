//! What must hold, by the written rules and nothing of the product: it follows every problem on its own, from the
//! rows that were taken in and the mails that came out, and says of each mail whether it may be, and of each problem
//! whether it was forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::Ipv4Addr;

use abusebox::clock::{Day, Timestamp};
use jiff::tz::TimeZone;
use mail_parser::{MessageParser, MimeHeaders};

use super::post::{Attempt, Outcome};
use super::world::{KINDS, Publication, SEVERITIES, World};
use crate::rig::OPERATOR;

/// A problem of a customer: what is lent has no place, and is the same wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) problem: u32,
    pub(super) customer: usize,
    address: Option<u32>,
}

/// What is known of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    kind: usize,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) address: u32,
    last_day: Day,
    days: BTreeSet<Day>,
    /// The worst on `last_day`.
    pub(super) severity: u8,
    pub(super) closed: Option<Timestamp>,
    quiet: Option<Day>,
    /// When, and how bad at worst.
    pub(super) told: Option<(Timestamp, u8)>,
    /// When a mail was given up of which nobody saw what it would have told.
    maybe: Option<Timestamp>,
}

/// A mail of which at least the first byte was seen.
struct Mail {
    bytes: Vec<u8>,
    notice: u64,
    accepted: bool,
}

/// All mails that tell the same to the addresses of one customer.
struct Told {
    customer: usize,
    /// As its first address had it.
    table: String,
    rows: Vec<(Key, u8)>,
    /// What they say is gone.
    gone: Vec<Key>,
    addresses: usize,
    began: Timestamp,
    refused: HashSet<String>,
    counts: bool,
    practice: bool,
}

/// What a report must come to, row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) rows: u64,
    pub(super) matched: u64,
    pub(super) unassigned: u64,
    pub(super) ambiguous: u64,
    pub(super) unattributable: u64,
    pub(super) outside: u64,
    pub(super) rejected: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) mails: u64,
    pub(super) rows: u64,
    pub(super) told: u64,
    pub(super) repeats: u64,
    pub(super) closed: u64,
    pub(super) gone_told: u64,
    pub(super) again: u64,
}

impl Figures {
    pub(super) fn add(&mut self, other: Self) {
        self.mails += other.mails;
        self.rows += other.rows;
        self.told += other.told;
        self.repeats += other.repeats;
        self.closed += other.closed;
        self.gone_told += other.gone_told;
        self.again += other.again;
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mails, rows, told, repeats, closed, gone_told, again } = self;
        write!(
            f,
            "{rows} rows, {closed} problems gone and {again} back, {mails} mails that told {told}, {repeats} of them again, \
             and {gone_told} to be gone"
        )
    }
}

pub(super) struct Oracle {
    zone: TimeZone,
    pub(super) incidents: BTreeMap<Key, Seen>,
    of: Vec<BTreeSet<Key>>,
    /// All addresses at which something of a customer was ever seen.
    places: Vec<HashSet<u32>>,
    /// Every row that was taken in, by type, address and second.
    rows: HashMap<(usize, u32, Timestamp), u32>,
    imports: Vec<(Timestamp, Vec<usize>)>,
    /// Up to when the logs of sessions tell.
    pub(super) logged: Timestamp,
    covered: BTreeSet<Day>,
    kept: Option<Day>,
    /// The latest moment by which the box has forgotten what is old: its clock may have been ahead.
    forgot: Timestamp,
    mails: HashMap<String, Mail>,
    notices: HashMap<u64, Told>,
    /// When mails were taken that count for the limit of a day, by the box's clock and in truth.
    mailed: Vec<Vec<(Timestamp, Timestamp)>>,
    /// Mails that were held, and those of them that a person let go.
    pub(super) held: HashSet<u64>,
    pub(super) released: HashSet<u64>,
    /// Where mails are planned and held at this moment: the others.
    pub(super) only: Option<HashSet<u64>>,
    /// When somebody's mail was last in trouble, and everybody's, in true time.
    trouble: Vec<Timestamp>,
    trouble_of_all: Timestamp,
    /// Since when each address fails before its mail is seen.
    failing: HashMap<usize, Timestamp>,
    /// When the server refused a mail before anybody was named.
    nameless: Vec<Timestamp>,
    /// Due at the hour of the digest.
    waiting: Vec<Key>,
    pub(super) figures: Figures,
}

impl Oracle {
    pub(super) fn new(world: &World) -> Self {
        Self {
            zone: TimeZone::get(world.zone).unwrap(),
            incidents: BTreeMap::new(),
            of: vec![BTreeSet::new(); world.customers.len()],
            places: vec![HashSet::new(); world.customers.len()],
            rows: HashMap::new(),
            imports: Vec::new(),
            logged: Timestamp::from_unix(0),
            covered: BTreeSet::new(),
            kept: None,
            forgot: Timestamp::from_unix(0),
            mails: HashMap::new(),
            notices: HashMap::new(),
            mailed: vec![Vec::new(); world.customers.len()],
            held: HashSet::new(),
            released: HashSet::new(),
            only: None,
            trouble: vec![Timestamp::from_unix(0); world.customers.len()],
            trouble_of_all: Timestamp::from_unix(0),
            failing: HashMap::new(),
            nameless: Vec::new(),
            waiting: Vec::new(),
            figures: Figures::default(),
        }
    }

    pub(super) fn local_day(&self, at: Timestamp) -> Day {
        let zoned = at.in_zone(&self.zone);
        Timestamp::from_unix(at.unix() + i64::from(zoned.offset().seconds())).day()
    }

    /// The hour of the digest on a day of the box's zone.
    pub(super) fn digest(&self, day: Day, hour: i8) -> Timestamp {
        let date: jiff::civil::Date = day.to_string().parse().unwrap();
        let zoned = date.at(hour, 0, 0, 0).to_zoned(self.zone.clone()).unwrap();
        Timestamp::from_unix(zoned.timestamp().as_second())
    }

    fn is_shut(&self, world: &World, at: Timestamp) -> bool {
        let hour = at.in_zone(&self.zone).hour();
        world.policy.is_quiet(hour) || world.policy.is_shut(self.local_day(at))
    }

    /// When the mails of a digest leave, if it is for customers.
    pub(super) fn leaves(&self, world: &World, digest: Timestamp) -> Option<Timestamp> {
        if world.policy.is_shut(self.local_day(digest)) {
            return None;
        }
        // Quiet hours end with a local hour, and there are zones half an hour off.
        (0..).map(|half| digest.plus_seconds(half * 1800)).find(|at| !self.is_shut(world, *at))
    }

    /// Everything is excused for a while.
    pub(super) fn disturb(&mut self, at: Timestamp) {
        self.trouble_of_all = self.trouble_of_all.max(at);
    }

    pub(super) fn import(&mut self, holders: Vec<usize>, now: Timestamp) {
        self.imports.push((now, holders));
    }

    pub(super) fn cover(&mut self, day: Day) {
        self.covered.insert(day);
    }

    /// Whose an address of lines was, by the files that were taken: `None` if two of them differ.
    fn by_lines(&self, slot: usize, at: Timestamp) -> Option<usize> {
        let there = self.imports.iter().take_while(|(imported, _)| *imported <= at).count();
        let owner = |file: usize| self.imports.get(file).map(|(_, holders)| holders[slot]);
        let first = owner(there.saturating_sub(1))?;
        let next = if there > 0 { owner(there) } else { None };
        next.is_none_or(|next| next == first).then_some(first)
    }

    /// A report was read: what it must have come to. Takes note of every row.
    pub(super) fn take(&mut self, world: &World, publication: &Publication, now: Timestamp) -> Expected {
        let noise = publication.noise;
        let mut expected = Expected {
            unassigned: noise.unassigned.into(),
            unattributable: noise.unattributable.into(),
            outside: noise.outside.into(),
            rejected: noise.rejected.into(),
            ..Expected::default()
        };
        let mut seen: BTreeMap<Key, Seen> = BTreeMap::new();
        for row in &publication.rows {
            self.rows.insert((publication.kind, row.address, row.time), row.problem);
            let slot = world.slot(row.address);
            let customer = match slot {
                Some(slot) => match self.by_lines(slot, row.time) {
                    Some(customer) => customer,
                    None => {
                        expected.ambiguous += 1;
                        continue;
                    }
                },
                None if self.logged < row.time || row.time > now => {
                    expected.unattributable += 1;
                    continue;
                }
                None => world.truth(row.address, row.time).expect("somebody had it"),
            };
            expected.matched += 1;
            self.places[customer].insert(row.address);
            let key = Key { problem: row.problem, customer, address: slot.map(|_| row.address) };
            let new = Seen {
                kind: publication.kind,
                first: row.time,
                last: row.time,
                address: row.address,
                last_day: publication.day,
                days: [publication.day].into(),
                severity: row.severity,
                closed: None,
                quiet: None,
                told: None,
                maybe: None,
            };
            seen.entry(key)
                .and_modify(|known| {
                    known.severity = known.severity.max(new.severity);
                    known.first = known.first.min(new.first);
                    if new.last >= known.last {
                        (known.last, known.address) = (new.last, new.address);
                    }
                })
                .or_insert(new);
        }
        for (key, new) in seen {
            self.of[key.customer].insert(key);
            let figures = &mut self.figures;
            self.incidents
                .entry(key)
                .and_modify(|known| figures.again += u64::from(known.see(&new)))
                .or_insert(new);
        }
        expected.rows = expected.matched
            + expected.unassigned
            + expected.ambiguous
            + expected.unattributable
            + expected.outside
            + expected.rejected;
        self.figures.rows += expected.rows;
        self.cover(publication.day);
        expected
    }

    /// Once a day what was not seen on enough covered days is closed.
    pub(super) fn keep(&mut self, world: &World, now: Timestamp) {
        self.forgot = self.forgot.max(now);
        let today = self.local_day(now);
        if self.kept.replace(today) == Some(today) {
            return;
        }
        let covered: Vec<Day> = self.covered.range(..=now.day()).copied().collect();
        let moment = covered.last().map_or(now, |last| last.plus(1).start().min(now));
        // All that was seen since this day is still there.
        let Some(&limit) = covered.len().checked_sub(world.policy.close_after).map(|index| &covered[index])
        else {
            return;
        };
        for seen in self.incidents.values_mut() {
            if seen.closed.is_none() && seen.last_day < limit {
                seen.closed = Some(moment.max(seen.last));
                seen.quiet = None;
                self.figures.closed += 1;
            }
        }
    }

    /// Whether a customer is to be told of it now.
    fn is_due(&self, world: &World, key: &Key, now: Timestamp) -> bool {
        let (seen, policy) = (&self.incidents[key], &world.policy);
        let own = policy.own(seen.kind);
        if seen.closed.is_some()
            || own.tell.is_some()
            || seen.severity < own.severity_min.unwrap_or(policy.severity_min)
            || now.since(seen.last) > policy.age_max * 86_400
        {
            return false;
        }
        let today = self.local_day(now);
        if seen.quiet.is_some_and(|until| today <= until) {
            return false;
        }
        if !self.is_his(world, key) {
            return false;
        }
        let Some((told, worst)) = seen.told else {
            return own.seen_days_min.is_none_or(|min| seen.days.len() >= min);
        };
        let interval = own.repeat.unwrap_or(match KINDS[seen.kind].compromised {
            true => policy.repeat_compromised,
            false => policy.repeat_exposed,
        });
        seen.severity > worst || (seen.last > told && today >= self.local_day(told).plus(interval))
    }

    /// Whether the address of a line was the customer's when it was last seen there, as is known now.
    fn is_his(&self, world: &World, key: &Key) -> bool {
        let seen = &self.incidents[key];
        world.slot(seen.address).is_none_or(|slot| self.by_lines(slot, seen.last) == Some(key.customer))
    }

    fn due(&self, world: &World, customer: usize, now: Timestamp) -> Vec<Key> {
        self.of[customer].iter().filter(|key| self.is_due(world, key, now)).copied().collect()
    }

    fn tell(&mut self, rows: &[(Key, u8)], gone: &[Key], now: Timestamp) {
        for key in gone {
            let seen = self.incidents.get_mut(key).unwrap();
            if seen.closed.is_some() {
                self.figures.gone_told += 1;
                (seen.told, seen.maybe) = (None, None);
            }
        }
        for (key, severity) in rows {
            let seen = self.incidents.get_mut(key).unwrap();
            self.figures.repeats += u64::from(seen.told.is_some());
            self.figures.told += 1;
            seen.maybe = None;
            seen.told = Some((now, seen.told.map_or(*severity, |(_, worst)| worst.max(*severity))));
        }
    }

    /// Something was tried at the mail server.
    pub(super) fn attempt(
        &mut self,
        world: &World,
        attempt: &Attempt,
        now: Timestamp,
        truly: Timestamp,
        mode: &str,
    ) {
        let Attempt { to, bytes, outcome } = attempt;
        let whom = world.customers.iter().position(|customer| customer.mails.contains(to));
        if *outcome != Outcome::Accepted {
            match whom {
                Some(customer) => self.trouble[customer] = truly,
                None => self.trouble_of_all = self.trouble_of_all.max(truly),
            }
            if to.is_empty() {
                self.give_up_somebody(now);
            }
        }
        let Some(bytes) = bytes else {
            if let Some(customer) = whom {
                let since = self.failing_since(customer, now);
                if *outcome == Outcome::Refused || now.since(since) >= GIVE_UP - 3600 {
                    self.doubt_all(customer, now);
                }
            }
            return;
        };
        let message = MessageParser::default().parse(bytes).expect("a mail that can be read");
        let id = message.message_id().expect("a Message-ID").to_owned();
        assert!(message.to().unwrap().first().unwrap().address() == Some(to), "another receiver than in To");
        let table = message
            .attachments()
            .find(|part| part.attachment_name().is_some_and(|name| name.ends_with(".csv")));
        let Some(table) = table else {
            assert_eq!(to, OPERATOR, "a customer's mail without its table");
            return;
        };
        let notice: u64 = id.split('.').next().unwrap().parse().unwrap();
        match self.mails.get(&id) {
            Some(known) => {
                assert!(known.bytes == *bytes, "{id} was repeated with other bytes");
                assert!(!known.accepted, "{id} was sent once more although it was taken");
            }
            None => {
                let date = message.date().unwrap().to_timestamp();
                // To all its addresses the same.
                let made = self.notices.get(&notice).map_or(now, |told| told.began);
                assert_eq!(date, made.unix(), "{id} was not made when it was first sent");
                let table = String::from_utf8_lossy(table.contents());
                let rows = match self.notices.get(&notice) {
                    None => self.read(world, &table),
                    Some(told) => {
                        assert!(told.table == table, "AB-{notice} tells one address otherwise than another");
                        told.rows.clone()
                    }
                };
                self.look_for_strangers(rows[0].0.customer, &table);
                for part in [message.body_text(0), message.body_html(0)] {
                    self.look_for_strangers(rows[0].0.customer, &part.expect("both parts"));
                }
                let submitted = message.header_raw("Auto-Submitted").unwrap_or_default();
                assert_eq!(submitted.trim(), "auto-generated");
                if self.judge(world, notice, &rows, whom, (now, truly), mode) {
                    self.notices.get_mut(&notice).unwrap().table = table.into_owned();
                    self.judge_gone(world, notice, said_gone(&message.body_text(0).unwrap()));
                }
                let mail = Mail { bytes: bytes.clone(), notice, accepted: false };
                assert!(self.mails.insert(id.clone(), mail).is_none());
            }
        }
        let mail = self.mails.get_mut(&id).unwrap();
        let told = self.notices.get_mut(&mail.notice).unwrap();
        match outcome {
            Outcome::Accepted => {
                mail.accepted = true;
                whom.map(|customer| self.failing.remove(&customer));
                self.figures.mails += 1;
                if !std::mem::replace(&mut told.counts, true) && !told.practice {
                    let (rows, gone, customer) = (told.rows.clone(), told.gone.clone(), told.customer);
                    // A clock that is ahead takes what left today for long ago.
                    self.mailed[customer].retain(|(at, _)| now.since(*at) < 86_400);
                    self.mailed[customer].push((now, truly));
                    self.tell(&rows, &gone, now);
                }
            }
            Outcome::Kept | Outcome::Lost | Outcome::Later if now.since(told.began) < GIVE_UP => {
                // Its time may have begun before anything of it was seen.
                let (rows, gone) = (told.rows.clone(), told.gone.clone());
                if whom.is_some_and(|customer| now.since(self.failing_since(customer, now)) >= GIVE_UP) {
                    for key in rows.iter().map(|(key, _)| key).chain(&gone) {
                        self.incidents.get_mut(key).unwrap().maybe = Some(now);
                    }
                }
            }
            _ => {
                told.refused.insert(to.clone());
                // All have refused it: that counts as told.
                if told.refused.len() == told.addresses && !told.practice {
                    let (rows, gone) = (told.rows.clone(), told.gone.clone());
                    self.tell(&rows, &gone, now);
                }
            }
        }
    }

    /// A mail to a customer may have been given up, of which nobody saw what it tells: each may count as told.
    fn doubt_all(&mut self, customer: usize, now: Timestamp) {
        for key in &self.of[customer] {
            self.incidents.get_mut(key).unwrap().maybe = Some(now);
        }
    }

    /// The server refused before anybody was named: whoever was waiting for so long may be the one.
    fn give_up_somebody(&mut self, now: Timestamp) {
        let is_over = |since: &Timestamp| now.since(*since) >= GIVE_UP - 3600;
        // With a clock that went ahead it may be the second attempt. They are four hours apart.
        let first =
            self.nameless.iter().find(|at| is_over(at) && now.since(**at) < GIVE_UP + 5 * 3600).copied();
        for customer in 0..self.of.len() {
            let last = self.mailed[customer].last().map(|(at, _)| *at);
            let is_silent = first.is_some_and(|first| last.is_none_or(|last| last < first));
            if is_silent || self.failing.get(&customer).is_some_and(is_over) {
                self.doubt_all(customer, now);
            }
        }
        if self.nameless.last() != Some(&now) {
            self.nameless.push(now);
        }
    }

    /// Since when at the latest a mail to a customer is tried in vain: where the server refused before anybody was named,
    /// it may have been his.
    fn failing_since(&mut self, customer: usize, now: Timestamp) -> Timestamp {
        let last = self.mailed[customer].last().map_or(Timestamp::from_unix(0), |(at, _)| *at);
        let first = now.plus_seconds(-GIVE_UP).max(last);
        let nameless = self.nameless.iter().find(|at| (first..=now).contains(at)).copied();
        *self.failing.entry(customer).or_insert(nameless.unwrap_or(now))
    }

    /// What stands in the table of a mail: each row is one that was reported, word for word.
    fn read(&self, world: &World, table: &str) -> Vec<(Key, u8)> {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| {
            header
                .iter()
                .position(|one| one.trim_start_matches('\u{feff}') == name)
                .expect("a column of the table")
        };
        let [time, address, report, severity, first, protocol] =
            ["time_utc", "address", "report", "severity", "first_seen_utc", "protocol"].map(column);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.unwrap();
            let at: Timestamp = record[time].parse().unwrap();
            let ip: Ipv4Addr = record[address].parse().unwrap();
            let kind = KINDS.iter().position(|kind| kind.name == &record[report]).expect("a type of ours");
            let problem = self.rows.get(&(kind, ip.into(), at));
            let problem = *problem.unwrap_or_else(|| panic!("no report has {record:?}"));
            let customer = world.truth(ip.into(), at).expect("somebody had it");
            let key = Key { problem, customer, address: world.slot(ip.into()).map(|_| ip.into()) };
            let seen = self.incidents.get(&key).unwrap_or_else(|| panic!("another's row: {record:?}"));
            let severity = SEVERITIES.iter().position(|word| *word == &record[severity]).unwrap() as u8;
            let first: Timestamp = record[first].parse().unwrap();
            let told = (at, severity, first, &record[protocol]);
            assert_eq!(
                told,
                (seen.last, seen.severity, seen.first, "tcp"),
                "not the newest of {key:?}: {record:?}"
            );
            rows.push((key, severity));
        }
        assert!(!rows.is_empty(), "a mail about nothing");
        rows
    }

    /// Nothing names an address of the networks at which nothing of the customer was seen.
    fn look_for_strangers(&self, customer: usize, text: &str) {
        for word in text.split(|c: char| !c.is_ascii_digit() && c != '.') {
            let Ok(address) = word.trim_matches('.').parse::<Ipv4Addr>() else { continue };
            let is_own = self.places[customer].contains(&address.into());
            assert!(
                is_own || !matches!(address.octets(), [198, 18 | 19, ..]),
                "{address} is in a mail to {customer}"
            );
        }
    }

    /// Whether a mail that is new may be. Returns whether it is the first of its notice.
    fn judge(
        &mut self,
        world: &World,
        notice: u64,
        rows: &[(Key, u8)],
        whom: Option<usize>,
        (now, truly): (Timestamp, Timestamp),
        mode: &str,
    ) -> bool {
        let customer = whom.unwrap_or(rows[0].0.customer);
        for (key, _) in rows {
            assert_eq!(key.customer, customer, "a row of another customer: {key:?}");
        }
        let practice = mode == "practice";
        match whom {
            Some(_) => assert!(!practice, "a customer was mailed in practice"),
            None => assert!(practice || world.customers[customer].mails.is_empty(), "not the operator's"),
        }
        assert!(practice || !self.is_shut(world, now), "AB-{notice} left at {now}, when none may");
        // What was begun is not kept back any more.
        if self.notices.contains_key(&notice) {
            return false;
        }
        let is_new = self.only.as_ref().is_some_and(|only| !only.contains(&notice));
        let always = !practice && world.policy.held.contains(&customer);
        let is_held = mode == "hold" || is_new || always || self.held.contains(&notice);
        assert!(!is_held || self.released.contains(&notice), "AB-{notice} was held");
        let keys: BTreeSet<Key> = rows.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys.len(), rows.len(), "AB-{notice} tells something twice");
        let due: BTreeSet<Key> = self.due(world, customer, now).into_iter().collect();
        let known = |key: &Key| (*key, self.incidents[key].clone());
        let more: Vec<_> = keys.difference(&due).map(known).collect();
        assert!(more.is_empty(), "at {now} AB-{notice} tells what is not due: {more:?}");
        let sure: Vec<_> =
            due.difference(&keys).map(known).filter(|(_, seen)| seen.maybe.is_none()).collect();
        // All, or all that is critical.
        let is_whole = sure.is_empty()
            || keys.iter().all(|key| self.incidents[key].severity == CRITICAL)
                && sure.iter().all(|(_, seen)| seen.severity < CRITICAL);
        assert!(is_whole, "at {now} AB-{notice} leaves out {sure:?}");
        // A clock that was ahead has noted as of today what left days ago.
        let is_late = |at: Timestamp, now: Timestamp| (0..86_400).contains(&now.since(at));
        let lately = self.mailed[customer]
            .iter()
            .filter(|(at, true_at)| is_late(*at, now) && is_late(*true_at, truly));
        let lately = lately.count();
        assert!(practice || lately < world.policy.mails_max, "AB-{notice} is one more than a day may have");
        self.notices.insert(
            notice,
            Told {
                customer,
                table: String::new(),
                rows: rows.to_vec(),
                gone: Vec::new(),
                addresses: world.customers[customer].mails.len().max(1),
                began: now,
                refused: HashSet::new(),
                counts: false,
                practice,
            },
        );
        true
    }

    /// What the next mail to a customer says is gone: told, then not seen on enough days, and not said to be gone yet.
    fn gone(&self, world: &World, customer: usize) -> Vec<Key> {
        let unseen = (world.policy.close_after as i64 - 1) * 86_400;
        let is_gone = |key: &&Key| {
            let seen = &self.incidents[key];
            // What was closed by hand may be seen every day.
            world.policy.tell_gone
                && world.policy.own(seen.kind).tell.is_none()
                && (seen.told.is_some() || seen.maybe.is_some())
                && seen.closed.is_some_and(|closed| closed.since(seen.last) >= unseen)
        };
        self.of[customer].iter().filter(is_gone).copied().collect()
    }

    /// Whether a mail says that all is gone that is, and nothing else, by place and day.
    fn judge_gone(&mut self, world: &World, notice: u64, mut said: BTreeMap<(Option<Ipv4Addr>, Day), usize>) {
        let are_more = said.values().sum::<usize>() == GONE_SHOWN_MAX;
        let mut all = self.gone(world, self.notices[&notice].customer);
        // What was told and may have been another's is not named; once nobody knows any more, it may be told of.
        let is_sure = |key: &Key| self.incidents[key].maybe.is_none() && self.is_his(world, key);
        all.sort_by_key(|key| !is_sure(key));
        all.retain(|key| {
            let seen = &self.incidents[key];
            // Whose an address was is forgotten, and then it is not named.
            let kept = if world.slot(seen.address).is_some() { CUSTOMERS_KEPT } else { SESSIONS_KEPT };
            let is_forgotten = self.forgot.since(seen.last) >= kept;
            let named = self.is_his(world, key).then_some(Some(seen.address.into()));
            let places = named.into_iter().chain(is_forgotten.then_some(None));
            let mut found = places.map(|place| (place, self.local_day(seen.last)));
            match found.find(|place| said.get(place).is_some_and(|left| *left > 0)) {
                Some(place) => *said.get_mut(&place).unwrap() -= 1,
                None if is_sure(key) && !are_more => {
                    panic!("AB-{notice} does not say that {key:?} is gone: {seen:?}")
                }
                // The first of many are named, and the others are counted.
                None => return are_more && is_sure(key),
            }
            true
        });
        said.retain(|_, left| *left > 0);
        assert!(said.is_empty(), "AB-{notice} says that something is gone: {said:?}");
        self.notices.get_mut(&notice).unwrap().gone = all;
    }

    /// A notice is given up by the operator before anything of it was sent: it counts as told.
    pub(super) fn drop(&mut self, world: &World, customer: usize, only_critical: bool, now: Timestamp) {
        let mut rows = Vec::new();
        for key in self.due(world, customer, now) {
            let severity = self.incidents[&key].severity;
            let seen = self.incidents.get_mut(&key).unwrap();
            match only_critical && severity < CRITICAL {
                true => {}
                // Perhaps it was told already.
                false if seen.maybe.is_some() => seen.maybe = Some(now),
                false => rows.push((key, severity)),
            }
        }
        self.tell(&rows, &[], now);
    }

    /// The problem of a customer that was last seen there and then.
    pub(super) fn find(
        &self,
        world: &World,
        kind: &str,
        customer: usize,
        address: u32,
        at: Timestamp,
    ) -> Option<Key> {
        let kind = KINDS.iter().position(|known| known.name == kind)?;
        let problem = *self.rows.get(&(kind, address, at))?;
        let key = Key { problem, customer, address: world.slot(address).map(|_| address) };
        self.incidents.contains_key(&key).then_some(key)
    }

    pub(super) fn close(&mut self, key: &Key, now: Timestamp) {
        let seen = self.incidents.get_mut(key).unwrap();
        (seen.closed, seen.quiet) = (Some(now.max(seen.last)), None);
    }

    pub(super) fn mute(&mut self, key: &Key, until: Day) {
        self.incidents.get_mut(key).unwrap().quiet = Some(until);
    }

    pub(super) fn reopen(&mut self, key: &Key) {
        let seen = self.incidents.get_mut(key).unwrap();
        (seen.closed, seen.quiet, seen.told, seen.maybe) = (None, None, None, None);
        // For the next digest.
        self.waiting.retain(|waiting| waiting != key);
    }

    /// The digest is about to be made, and its mails may leave at `left`: what is too old by then is not told.
    pub(super) fn digest_begins(&mut self, world: &World, now: Timestamp, left: Timestamp) {
        let due = (0..world.customers.len()).flat_map(|customer| self.due(world, customer, now));
        self.waiting = due.filter(|key| self.is_due(world, key, left)).collect();
    }

    /// Two hours after the mails of a digest have left (`left`) everybody was told what was due, unless something was in
    /// the way from five hours before the digest on: a mail that the server refused is tried again after four. `unsent`
    /// are customers with a mail in the outbox, and since when, and whether it is held.
    pub(super) fn digest_is_over(
        &mut self,
        world: &World,
        digest: Timestamp,
        left: Timestamp,
        now: Timestamp,
        unsent: &HashMap<usize, (Timestamp, bool)>,
    ) {
        // Quiet hours keep it longer.
        let retry = if world.policy.quiet.is_some() { 29 } else { 5 };
        let undisturbed = digest.plus_seconds(-retry * 3600);
        // A day for the limit of mails; with quiet hours and days off that may be at the end of the next open one.
        let policy = &world.policy;
        let is_often_shut =
            policy.quiet.is_some() || policy.business_days_only || !policy.days_off.is_empty();
        let long_ago = now.plus_seconds(if is_often_shut { -9 * 86_400 } else { -28 * 3600 });
        for (customer, (created, held)) in unsent {
            let quiet = self.trouble_of_all < long_ago && self.trouble[*customer] < long_ago;
            assert!(
                *held || !quiet || *created > long_ago,
                "a mail to {customer} of {created} is stuck at {now}"
            );
        }
        if self.trouble_of_all >= undisturbed {
            return;
        }
        for key in &self.waiting {
            let seen = &self.incidents[key];
            let mailed = &self.mailed[key.customer];
            // It is free again within the hour for which a digest waits. A clock that was wrong may have noted one for this
            // very second.
            let counts = |(at, truly): &&(Timestamp, Timestamp)| {
                (*at < left || *at == left && *truly < digest) && left.since(*at) < 82_800
            };
            let lately = mailed.iter().filter(counts).count();
            let excused = self.trouble[key.customer] >= undisturbed
                || unsent.contains_key(&key.customer)
                || lately >= world.policy.mails_max
                || seen.maybe.is_some()
                || seen.told.is_some_and(|(told, _)| told >= digest);
            assert!(
                excused || !self.is_due(world, key, now),
                "{key:?} was due at the digest of {digest} and is not told at {now}: {seen:?}"
            );
        }
    }
}

impl Seen {
    /// Takes in what a report tells. Returns whether it is back again.
    fn see(&mut self, new: &Self) -> bool {
        let again = self.closed.is_some_and(|closed| new.last > closed);
        if again {
            (self.closed, self.told, self.maybe) = (None, None, None);
        }
        self.first = self.first.min(new.first);
        self.days.extend(&new.days);
        if new.last_day > self.last_day {
            (self.last_day, self.severity) = (new.last_day, new.severity);
        } else if new.last_day == self.last_day {
            self.severity = self.severity.max(new.severity);
        }
        if new.last >= self.last {
            (self.last, self.address) = (new.last, new.address);
        }
        again
    }
}

/// Place, if it is named, and local day of all that a mail says is gone, and how often.
fn said_gone(text: &str) -> BTreeMap<(Option<Ipv4Addr>, Day), usize> {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = flat.split(", last seen on ").peekable();
    let mut said = BTreeMap::new();
    while let (Some(before), Some(behind)) = (parts.next(), parts.peek()) {
        let place = before.rsplit(": ").next().unwrap().split(',').next().unwrap();
        let place = match place {
            "Address not named" => None,
            _ => Some(place.parse().unwrap_or_else(|_| panic!("{place:?} is no address"))),
        };
        *said.entry((place, behind[..10].parse().unwrap())).or_default() += 1;
    }
    said
}

const CRITICAL: u8 = 4;
/// For so long at least it is known who had a lent address.
const SESSIONS_KEPT: i64 = 14 * 86_400;
const CUSTOMERS_KEPT: i64 = 35 * 86_400;
/// So many lines of what is gone stand in one mail.
const GONE_SHOWN_MAX: usize = 30;
/// A mail that no server took for so long is given up.
const GIVE_UP: i64 = 5 * 86_400;
