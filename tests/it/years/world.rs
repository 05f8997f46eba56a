//! A network and what happens in it, from a number: who holds which address when, which problem exists on which days,
//! what Shadowserver reports of it and when that arrives, and all that goes wrong around the box. It knows the truth.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use abusebox::clock::{Day, Timestamp};

use super::chance::Chance;
use super::post::{Act, Fault, Stage};

/// How much of a world there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) customers: usize,
    pub(super) days: i32,
}

/// A report type, as far as a customer is concerned.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) compromised: bool,
    /// Whether the same address may have several, by what the column `infection` says.
    pub(super) infection: bool,
    /// Whether its side is `src_ip`.
    pub(super) event: bool,
}

pub(super) const KINDS: [Kind; 8] = [
    Kind { name: "scan_rdp", compromised: false, infection: false, event: false },
    Kind { name: "scan_dns", compromised: false, infection: false, event: false },
    Kind { name: "scan_telnet", compromised: false, infection: false, event: false },
    Kind { name: "scan_mysql", compromised: false, infection: false, event: false },
    Kind { name: "scan_ssh", compromised: false, infection: false, event: false },
    Kind { name: "event4_sinkhole", compromised: true, infection: true, event: true },
    Kind { name: "event4_honeypot_brute_force", compromised: true, infection: true, event: true },
    Kind { name: "compromised_website", compromised: true, infection: true, event: false },
];

pub(super) const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];

pub(super) struct Customer {
    pub(super) id: String,
    /// None: what concerns him goes to the operator, to pass on.
    pub(super) mails: Vec<String>,
    /// Has no address of his own, but a new one with each session.
    pub(super) dynamic: bool,
}

/// An address that is lent.
#[derive(Clone, Debug)]
struct Lease {
    address: u32,
    customer: usize,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Where {
    /// It moves with its owner.
    Customer(usize),
    /// It stays, whoever holds the address.
    Slot(usize),
}

struct Problem {
    kind: usize,
    at: Where,
    port: u16,
    /// First and last day, in order.
    spells: Vec<(Day, Day)>,
    /// From which day on it is how bad, in order.
    severities: Vec<(Day, u8)>,
}

/// One row of a report that is about one of our customers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) problem: u32,
    pub(super) address: u32,
    pub(super) time: Timestamp,
    pub(super) severity: u8,
}

/// A file as it arrives.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    pub(super) at: Timestamp,
    pub(super) file: String,
    pub(super) day: Day,
    pub(super) kind: usize,
    pub(super) rows: Vec<Row>,
    pub(super) noise: Noise,
    /// A new id says that there may be a correction.
    pub(super) id: u64,
}

/// Rows that are no customer's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noise {
    pub(super) outside: u32,
    pub(super) unassigned: u32,
    pub(super) unattributable: u32,
    pub(super) rejected: u32,
}

/// What happens to the box, beside the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Off,
    On {
        trusted: bool,
    },
    /// The clock is right from now on.
    Trust,
    /// It is wrong by so many seconds.
    Clock(i64),
    /// The mail server is gone, or back.
    Server(bool),
    Fault(usize),
    Healed(usize),
    Mode(&'static str),
    /// A customer file is new.
    Export,
}

pub(super) struct World {
    pub(super) start: Day,
    pub(super) size: Size,
    pub(super) zone: &'static str,
    pub(super) policy: Policy,
    pub(super) customers: Vec<Customer>,
    /// Of each address of lines, who holds it from when on.
    slots: Vec<Vec<(Timestamp, usize)>>,
    /// By customer, the addresses of lines that were ever his.
    slots_of: Vec<Vec<usize>>,
    /// By customer, in order of time.
    leases: Vec<Vec<Lease>>,
    /// The same by address and begin.
    lent: BTreeMap<(u32, Timestamp), Lease>,
    problems: Vec<Problem>,
    /// In order of arrival.
    pub(super) publications: Vec<Publication>,
    pub(super) troubles: Vec<(Timestamp, Trouble)>,
    pub(super) faults: Vec<Fault>,
    /// Days of which Shadowserver has nothing, or lost it.
    pub(super) empty_days: HashSet<Day>,
    /// At the beginning.
    pub(super) mode: &'static str,
}

/// What the settings say below `[policy]`.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) severity_min: u8,
    pub(super) repeat_compromised: i32,
    pub(super) repeat_exposed: i32,
    pub(super) close_after: usize,
    pub(super) age_max: i64,
    pub(super) mails_max: usize,
    pub(super) digest_hour: i8,
    pub(super) hold_share: f64,
    pub(super) hold_count: usize,
    pub(super) tell_gone: bool,
    /// No mail leaves from the one hour to the other, over midnight if the second is smaller.
    pub(super) quiet: Option<(i8, i8)>,
    pub(super) business_days_only: bool,
    pub(super) days_off: Vec<Day>,
    /// Customers whose mails always wait for release.
    pub(super) held: BTreeSet<usize>,
    /// By the word of a family.
    pub(super) families: BTreeMap<&'static str, Own>,
}

/// What is written of a family; `None`: what holds for all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    pub(super) tell: Option<&'static str>,
    pub(super) repeat: Option<i32>,
    pub(super) seen_days_min: Option<usize>,
    pub(super) severity_min: Option<u8>,
}

impl Policy {
    pub(super) fn own(&self, kind: usize) -> Own {
        self.families.get(family(kind)).copied().unwrap_or_default()
    }

    /// Whether no mail to customers leaves on a local day.
    pub(super) fn is_shut(&self, day: Day) -> bool {
        // 1970-01-03 was a Saturday.
        let is_weekend = (day.number() - 2).rem_euclid(7) < 2;
        self.business_days_only && is_weekend || self.days_off.contains(&day)
    }

    pub(super) fn is_quiet(&self, hour: i8) -> bool {
        self.quiet.is_some_and(|(from, to)| match from < to {
            true => (from..to).contains(&hour),
            false => hour >= from || hour < to,
        })
    }
}

/// The word by which settings know the family of a type.
fn family(kind: usize) -> &'static str {
    abusebox::report::kind::find(KINDS[kind].name).unwrap().family.word()
}

impl World {
    pub(super) fn new(seed: u64, size: Size) -> Self {
        let mut chance = Chance::new(seed);
        let start: Day = "2027-01-04".parse().unwrap();
        let start = start.plus(chance.within(0, 200) as i32);
        let policy = policy(&mut chance, start, size);
        let zone =
            chance.pick(&["Europe/Vienna", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]);
        let customers = customers(&mut chance, size.customers);
        let (troubles, wrong, mode) = troubles(&mut chance, start, size.days);
        let mut world = Self {
            start,
            size,
            zone,
            policy,
            slots: Vec::new(),
            slots_of: vec![Vec::new(); size.customers],
            leases: Vec::new(),
            lent: BTreeMap::new(),
            problems: Vec::new(),
            publications: Vec::new(),
            troubles,
            faults: Vec::new(),
            empty_days: HashSet::new(),
            mode,
            customers,
        };
        world.hold_addresses(&mut chance, &wrong);
        world.lend_addresses(&mut chance);
        world.break_things(&mut chance);
        world.report(&mut chance);
        world.hinder_mail(&mut chance);
        world.troubles.sort_by_key(|(at, _)| *at);
        world
    }

    /// Each has an address; the first has the whole first network around those of others. On some days some get new ones,
    /// and others get theirs.
    fn hold_addresses(&mut self, chance: &mut Chance, wrong: &[(Timestamp, Timestamp)]) {
        let fixed: Vec<usize> = (0..self.customers.len()).filter(|&c| !self.customers[c].dynamic).collect();
        let slots = fixed.len() + fixed.len() / 10 + 2;
        let begin = Timestamp::from_unix(0);
        self.slots = vec![Vec::new(); slots];
        let mut free: Vec<usize> = (0..slots).collect();
        let mut held: Vec<(usize, usize)> = Vec::new();
        for &customer in fixed.iter().filter(|&&customer| customer != RESELLER) {
            let slot = free.swap_remove(chance.index(free.len()));
            self.slots[slot].push((begin, customer));
            held.push((customer, slot));
        }
        let mut day = chance.within(5, 20);
        while day < i64::from(self.size.days) - 1 {
            let at = self.start.start().plus_days(day).plus_seconds(chance.within(0, 86_399));
            let is_wrong =
                wrong.iter().any(|(from, until)| from.plus_days(-1) < at && at < until.plus_days(1));
            if !is_wrong {
                for _ in 0..=chance.within(0, fixed.len() as i64 / 50) {
                    let index = chance.index(held.len());
                    let (customer, old) = held[index];
                    let new = free.swap_remove(chance.index(free.len()));
                    self.slots[new].push((at, customer));
                    held[index].1 = new;
                    // Now and then who comes next comes at once.
                    let next = chance.index(held.len());
                    if chance.happens(60.0) && next != index {
                        let (heir, left) = held[next];
                        self.slots[old].push((at, heir));
                        held[next].1 = old;
                        self.slots[left].push((at, RESELLER));
                        free.push(left);
                    } else {
                        self.slots[old].push((at, RESELLER));
                        free.push(old);
                    }
                }
                self.troubles.push((at, Trouble::Export));
            }
            day += chance.within(3, 25);
        }
        for (slot, held) in self.slots.iter().enumerate() {
            for customer in
                held.iter().map(|(_, customer)| *customer).chain([RESELLER]).collect::<BTreeSet<_>>()
            {
                self.slots_of[customer].push(slot);
            }
        }
    }

    /// Who has no line has a session after the other, often on an address that somebody else has just left.
    fn lend_addresses(&mut self, chance: &mut Chance) {
        self.leases = vec![Vec::new(); self.customers.len()];
        let dynamic: Vec<usize> = (0..self.customers.len()).filter(|&c| self.customers[c].dynamic).collect();
        let begin = self.start.start().plus_days(-3);
        let end = self.start.plus(self.size.days).start();
        let mut free: Vec<(Timestamp, u32)> =
            (0..dynamic.len() as u32 + 2).map(|n| (begin, LENT + n)).collect();
        let mut next: BTreeSet<(Timestamp, usize)> =
            dynamic.iter().map(|&c| (begin.plus_seconds(chance.within(0, 86_400)), c)).collect();
        while let Some((from, customer)) = next.pop_first() {
            if from >= end {
                continue;
            }
            let left: Vec<usize> = (0..free.len()).filter(|&n| free[n].0 <= from).collect();
            let address = match left.is_empty() {
                true => {
                    next.insert((from.plus_seconds(600), customer));
                    continue;
                }
                false => free.swap_remove(left[chance.index(left.len())]).1,
            };
            let until = from.plus_seconds(chance.within(6 * 3600, 8 * 86_400));
            let lease = Lease { address, customer, from, until };
            self.leases[customer].push(lease.clone());
            self.lent.insert((address, from), lease);
            free.push((until.plus_seconds(90), address));
            next.insert((until.plus_seconds(chance.within(60, 7200)), customer));
        }
    }

    fn break_things(&mut self, chance: &mut Chance) {
        let Size { customers, days, .. } = self.size;
        // In few days there is as much to be seen as in many.
        let count = (customers as i64 * i64::from(days) * 3 / 365).clamp(customers as i64 * 2, 50_000);
        // Some are everybody's at once: a flood.
        let share = chance.pick(&[0.0, 3.0, 25.0]);
        let flood = self.start.plus(chance.within(20, i64::from(days.max(21))) as i32);
        for number in 0..count {
            let mut first = self.start.plus(chance.within(-5, i64::from(days)) as i32);
            if chance.happens(share) {
                first = flood;
            }
            let kind = chance.index(KINDS.len());
            let at = match chance.happens(15.0) {
                true => Where::Slot(chance.index(self.slots.len())),
                // Few have most of it.
                false if chance.happens(30.0) => Where::Customer(chance.index(2 + customers / 50)),
                false => Where::Customer(chance.index(customers)),
            };
            let mut spells = Vec::new();
            let mut day = first;
            for _ in 0..chance.pick(&[1, 1, 1, 2, 2, 3]) {
                let length = chance.pick(&[1, 1, 3, 8, 20, 45, 100, 300]);
                let last = day.plus(chance.within(0, length) as i32);
                spells.push((day, last));
                day = last.plus(chance.within(2, 40) as i32);
            }
            let mut severities = vec![(first, chance.pick(&[0, 1, 2, 2, 2, 3, 3, 3, 4]))];
            for _ in 0..chance.pick(&[0, 0, 0, 1, 2]) {
                let &(from, _) = severities.last().unwrap();
                severities.push((from.plus(chance.within(1, 30) as i32), chance.pick(&[0, 1, 2, 3, 4])));
            }
            self.problems.push(Problem { kind, at, port: 1024 + number as u16, spells, severities });
        }
    }

    /// The reports of all days, as they arrive: all rows, or in weeks of deltas what is new against Sunday's.
    fn report(&mut self, chance: &mut Chance) {
        let mut in_deltas = false;
        let mut sunday: HashSet<(u32, u32, u8)> = HashSet::new();
        let mut taken = HashSet::new();
        // Of each day the problems that exist then.
        let mut present: BTreeMap<Day, Vec<usize>> = BTreeMap::new();
        for (number, problem) in self.problems.iter().enumerate() {
            for &(first, last) in &problem.spells {
                for day in first.number().max(self.start.number())
                    ..=last.number().min(self.start.number() + self.size.days - 1)
                {
                    present.entry(Day::from_number(day)).or_default().push(number);
                }
            }
        }
        let start = self.start;
        for day in (0..self.size.days).map(|day| start.plus(day)) {
            // 1970-01-04 was a Sunday.
            let is_sunday = (day.number() - 3).rem_euclid(7) == 0;
            if is_sunday {
                in_deltas = chance.happens(25.0);
                sunday.clear();
            }
            if chance.happens(1.5) {
                self.empty_days.insert(day);
                continue;
            }
            let mut rows: Vec<Vec<Row>> = vec![Vec::new(); KINDS.len()];
            for &number in present.get(&day).into_iter().flatten() {
                let problem = &self.problems[number];
                let severity = problem.severities.iter().rfind(|(from, _)| *from <= day);
                let severity = severity.unwrap_or(&problem.severities[0]).1;
                if !chance.happens(93.0) {
                    continue;
                }
                for _ in 0..chance.pick(&[1, 1, 1, 1, 2, 3]) {
                    let Some((address, time)) = self.seen(problem.at, day, chance) else { continue };
                    let content = (number as u32, address, severity);
                    match (in_deltas, is_sunday) {
                        (true, true) => drop(sunday.insert(content)),
                        (true, false) if sunday.contains(&content) => continue,
                        _ => {}
                    }
                    if taken.insert((problem.kind, address, time)) {
                        let problem_number = number as u32;
                        rows[problem.kind].push(Row { problem: problem_number, address, time, severity });
                    }
                }
            }
            for (kind, rows) in rows.into_iter().enumerate() {
                self.publish(day, kind, rows, chance);
            }
        }
        self.publications.sort_by_key(|publication| publication.at);
    }

    /// Where and when a problem is seen on a day.
    fn seen(&self, at: Where, day: Day, chance: &mut Chance) -> Option<(u32, Timestamp)> {
        let time = day.start().plus_seconds(chance.within(0, 86_399));
        match at {
            Where::Slot(slot) => Some((FIXED + slot as u32, time)),
            Where::Customer(customer) if !self.customers[customer].dynamic => {
                let held = |slot: &usize| self.holder(*slot, time) == customer;
                let slot = self.slots_of[customer].iter().copied().find(held)?;
                Some((FIXED + slot as u32, time))
            }
            Where::Customer(customer) => {
                let leases = &self.leases[customer];
                let index = leases.partition_point(|lease| lease.from <= time).checked_sub(1)?;
                let lease = &leases[index];
                // Not at the seconds at which two clocks may differ.
                let sure = time.since(lease.from) >= 120 && lease.until.since(time) >= 120;
                sure.then_some((lease.address, time))
            }
        }
    }

    fn publish(&mut self, day: Day, kind: usize, rows: Vec<Row>, chance: &mut Chance) {
        if chance.happens(1.0) {
            // It never comes.
            return;
        }
        let mut noise = Noise::default();
        if chance.happens(50.0) {
            let some = |chance: &mut Chance| chance.within(0, 2) as u32;
            noise = Noise {
                outside: 1 + some(chance),
                unassigned: some(chance),
                unattributable: some(chance),
                rejected: some(chance),
            };
        }
        if rows.is_empty() && noise.outside == 0 {
            return;
        }
        let mut at = day.plus(1).start().plus_seconds(chance.within(0, 7 * 3600));
        if chance.happens(4.0) {
            at = at.plus_seconds(chance.within(86_400, 4 * 86_400));
        }
        let file = format!("{day}-{}-example_net.csv", KINDS[kind].name);
        let whole = Publication { at, file, day, kind, rows, noise, id: 1 };
        if chance.happens(4.0) && whole.rows.len() > 1 {
            let mut part = whole.clone();
            part.rows.retain(|_| chance.happens(70.0));
            if !part.rows.is_empty() {
                let later = at.plus_seconds(chance.within(600, 2 * 86_400));
                self.publications.push(part);
                self.publications.push(Publication { at: later, id: 2, ..whole });
                return;
            }
        }
        if chance.happens(3.0) {
            let at = at.plus_seconds(chance.within(600, 86_400));
            self.publications.push(Publication { at, id: 3, ..whole.clone() });
        }
        if chance.happens(1.0) {
            let at = at.plus_seconds(chance.within(600, 86_400));
            let file = whole.file.replace("example_net", "example_net_again");
            self.publications.push(Publication { at, file, ..whole.clone() });
        }
        self.publications.push(whole);
    }

    /// The mail server is gone for days, or refuses all, or some.
    fn hinder_mail(&mut self, chance: &mut Chance) {
        let start = self.start.start();
        let mut at = start.plus_days(chance.within(4, 25));
        let end = self.start.plus(self.size.days).start();
        while at < end {
            let until = at.plus_seconds(chance.pick(&[3600, 10 * 3600, 30 * 3600, 105 * 3600]));
            let all = |stage, reply| Fault { to: None, stage, act: Act::Reply(reply), left: None };
            let fault = match chance.index(6) {
                0 | 1 => None,
                2 => Some(all(Stage::Banner, "421 4.3.2 Closing")),
                3 => Some(all(Stage::Mail, "451 4.3.0 Try later")),
                4 => Some(all(Stage::Rcpt, "451 4.2.0 Try later")),
                _ => Some(all(Stage::Body, "452 4.3.1 Full")),
            };
            match fault {
                None => self.troubles.extend([(at, Trouble::Server(false)), (until, Trouble::Server(true))]),
                Some(fault) => self.add_fault(fault, at, until),
            }
            at = until.plus_days(chance.within(8, 40));
        }
        for customer in 0..self.customers.len() {
            let Some(to) = self.customers[customer].mails.first().cloned() else { continue };
            if !chance.happens(15.0) {
                continue;
            }
            let days = i64::from(self.size.days);
            let at = start.plus_seconds(chance.within(0, days * 86_400));
            let until = at.plus_seconds(chance.within(3600, 8 * 86_400));
            let (stage, act, left) = chance.pick(&[
                (Stage::Rcpt, Act::Reply("550 5.1.1 No such user"), None),
                (Stage::Body, Act::Reply("554 5.7.1 Refused"), None),
                (Stage::Rcpt, Act::Reply("450 4.2.0 Greylisted"), Some(1)),
                (Stage::Rcpt, Act::Reply("452 4.2.2 Mailbox full"), None),
                (Stage::Body, Act::Reply("451 4.7.1 Try later"), None),
                (Stage::Body, Act::Reply("421 4.7.1 Good bye"), Some(2)),
                (Stage::Body, Act::KeepThenDrop, Some(1)),
                (Stage::Body, Act::Drop, Some(1)),
                (Stage::Rcpt, Act::Drop, Some(1)),
            ]);
            self.add_fault(Fault { to: Some(to), stage, act, left }, at, until);
        }
    }

    fn add_fault(&mut self, fault: Fault, at: Timestamp, until: Timestamp) {
        let number = self.faults.len();
        self.faults.push(fault);
        self.troubles.extend([(at, Trouble::Fault(number)), (until, Trouble::Healed(number))]);
    }

    fn holder(&self, slot: usize, at: Timestamp) -> usize {
        let held = &self.slots[slot];
        match held.partition_point(|(from, _)| *from <= at) {
            0 => RESELLER,
            n => held[n - 1].1,
        }
    }

    /// Who held an address at a second: the truth.
    pub(super) fn truth(&self, address: u32, at: Timestamp) -> Option<usize> {
        if let Some(slot) = self.slot(address) {
            return Some(self.holder(slot, at));
        }
        let (_, lease) = self.lent.range((address, Timestamp::from_unix(0))..=(address, at)).next_back()?;
        (at < lease.until).then_some(lease.customer)
    }

    /// The number of an address of lines.
    pub(super) fn slot(&self, address: u32) -> Option<usize> {
        let slot = address.checked_sub(FIXED)? as usize;
        (slot < self.slots.len()).then_some(slot)
    }

    pub(super) fn address_of_slot(slot: usize) -> Ipv4Addr {
        Ipv4Addr::from(FIXED + slot as u32)
    }

    /// Who holds each address of lines at a moment.
    pub(super) fn holders(&self, at: Timestamp) -> Vec<usize> {
        (0..self.slots.len()).map(|slot| self.holder(slot, at)).collect()
    }

    /// The customer file of a moment.
    pub(super) fn customer_file(&self, at: Timestamp) -> String {
        let mut csv = "customer_id,name,email,cidr,login\n".to_owned();
        let mut line = |customer: usize, cidr: &str| {
            let Customer { id, mails, dynamic } = &self.customers[customer];
            let login = if *dynamic { format!("user-{id}") } else { String::new() };
            writeln!(csv, "{id},Customer {id},{},{cidr},{login}", mails.join(" ")).unwrap();
        };
        line(RESELLER, "198.18.0.0/18");
        for (slot, holder) in self.holders(at).into_iter().enumerate() {
            if holder != RESELLER {
                line(holder, &Self::address_of_slot(slot).to_string());
            }
        }
        for (number, customer) in self.customers.iter().enumerate() {
            if customer.dynamic {
                line(number, "");
            }
        }
        csv
    }

    /// The log of the sessions that began or ended since the last one.
    pub(super) fn log(&self, since: Timestamp, until: Timestamp) -> Option<String> {
        let mut csv = "user;address;start;stop\n".to_owned();
        let mut is_any = false;
        for lease in self.leases.iter().flatten() {
            let told = |at: Timestamp| since < at && at <= until;
            if told(lease.from) || told(lease.until) {
                is_any = true;
                let stop = if lease.until <= until { lease.until.to_string() } else { String::new() };
                let (user, address) = (&self.customers[lease.customer].id, Ipv4Addr::from(lease.address));
                writeln!(csv, "user-{user};{address};{};{stop}", lease.from).unwrap();
            }
        }
        is_any.then_some(csv)
    }

    /// The newest row of a report on an address that is lent.
    pub(super) fn lent_until(&self, publication: &Publication) -> Option<Timestamp> {
        let lent = publication.rows.iter().filter(|row| row.address >= LENT).map(|row| row.time);
        lent.chain((publication.noise.unattributable > 0).then(|| noon(publication.day))).max()
    }

    /// The bytes of a report.
    pub(super) fn body(&self, publication: &Publication) -> String {
        let kind = &KINDS[publication.kind];
        let mut csv = match kind.event {
            true => "\"timestamp\",\"severity\",\"protocol\",\"src_ip\",\"src_port\",\"infection\"\n",
            false => "\"timestamp\",\"severity\",\"protocol\",\"ip\",\"port\",\"infection\"\n",
        }
        .to_owned();
        for row in &publication.rows {
            let problem = &self.problems[row.problem as usize];
            let time = written(row.time);
            let (severity, address) = (SEVERITIES[usize::from(row.severity)], Ipv4Addr::from(row.address));
            let infection = if kind.infection { format!("family-{}", row.problem) } else { String::new() };
            let port = if kind.event { 1024 + (row.time.unix() % 60_000) as u16 } else { problem.port };
            writeln!(csv, "\"{time}\",\"{severity}\",\"tcp\",\"{address}\",{port},\"{infection}\"").unwrap();
        }
        let Noise { outside, unassigned, unattributable, rejected } = publication.noise;
        let noon = written(noon(publication.day));
        for (count, network) in
            [(outside, "192.0.2"), (unassigned, "198.18.255"), (unattributable, "198.19.255")]
        {
            for n in 0..count {
                writeln!(csv, "\"{noon}\",\"medium\",\"tcp\",\"{network}.{n}\",9,\"\"").unwrap();
            }
        }
        for _ in 0..rejected {
            csv.push_str("\"some day\",\"medium\",\"tcp\",\"198.18.0.1\",9,\"\"\n");
        }
        csv
    }
}

fn noon(day: Day) -> Timestamp {
    day.start().plus_seconds(43_200)
}

/// As Shadowserver writes a moment.
fn written(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}

fn policy(chance: &mut Chance, start: Day, size: Size) -> Policy {
    let customers = size.customers as i64;
    let mut families = BTreeMap::new();
    for _ in 0..chance.pick(&[0, 0, 1, 2, 3]) {
        let mut own = Own::default();
        match chance.index(5) {
            0 => own.tell = Some(chance.pick(&["operator", "nobody"])),
            1 => own.repeat = Some(chance.within(1, 60) as i32),
            2 | 3 => own.seen_days_min = Some(chance.within(2, 4) as usize),
            _ => own.severity_min = Some(chance.within(0, 4) as u8),
        }
        families.insert(family(chance.index(KINDS.len())), own);
    }
    let quiet = chance.happens(30.0).then(|| {
        let from = chance.within(0, 23);
        (from as i8, ((from + chance.within(1, 14)) % 24) as i8)
    });
    let offs = if chance.happens(30.0) { size.days / 25 } else { 0 };
    let days_off = (0..offs).map(|_| start.plus(chance.within(0, size.days.into()) as i32)).collect();
    let many = if chance.happens(30.0) { 1 + customers / 100 } else { 0 };
    let held = (0..many).map(|_| chance.index(size.customers)).collect();
    let business_days_only = chance.happens(30.0);
    let tell_gone = chance.happens(80.0);
    let mut often = |usual: i64, low: i64, high: i64| match chance.happens(50.0) {
        true => usual,
        false => chance.within(low, high),
    };
    Policy {
        severity_min: often(2, 1, 3) as u8,
        repeat_compromised: often(7, 2, 12) as i32,
        repeat_exposed: often(30, 10, 40) as i32,
        close_after: often(14, 8, 20) as usize,
        age_max: often(5, 3, 7),
        mails_max: often(2, 1, 3) as usize,
        digest_hour: often(8, 0, 23) as i8,
        hold_count: often(20.min(customers / 10), 1, 40.min(customers / 5)) as usize,
        hold_share: often(20, 5, 40) as f64 / 100.0,
        tell_gone,
        quiet,
        business_days_only,
        days_off,
        held,
        families,
    }
}

fn customers(chance: &mut Chance, count: usize) -> Vec<Customer> {
    (0..count)
        .map(|number| {
            let mail = |n: usize| format!("k{number}-{n}@cust.example");
            let mails = chance.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
            let mails = if chance.happens(1.0) { 0 } else { mails };
            Customer {
                id: format!("K{number:05}"),
                mails: (0..mails).map(mail).collect(),
                dynamic: number != RESELLER && chance.happens(20.0),
            }
        })
        .collect()
}

type Troubles = (Vec<(Timestamp, Trouble)>, Vec<(Timestamp, Timestamp)>, &'static str);

/// What happens to the box, the times at which its clock is wrong, and the mode at the beginning.
fn troubles(chance: &mut Chance, start: Day, days: i32) -> Troubles {
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    let begin = start.start();
    let mode = chance.pick(&["hold", "hold", "practice", "live"]);
    let mut live = begin;
    if mode != "live" {
        live = begin.plus_seconds(chance.within(86_400, 6 * 86_400));
        all.push((live, Trouble::Mode("live")));
    }
    let mut at = live.plus_days(chance.within(6, 30));
    let end = start.plus(days).start().plus_days(-3);
    let hours = |chance: &mut Chance, low: i64, high: i64| chance.within(low * 3600, high * 3600);
    while at < end {
        let mut until = at;
        match chance.index(7) {
            0 | 1 => {
                until = at.plus_seconds(chance.pick(&[600, 7200, 86_400, 3 * 86_400, 7 * 86_400]));
                let trusted = chance.happens(50.0);
                all.extend([(at, Trouble::Off), (until, Trouble::On { trusted })]);
                if !trusted {
                    until = until.plus_seconds(hours(chance, 1, 12));
                    all.push((until, Trouble::Trust));
                }
            }
            2 => all.extend([(at, Trouble::Off), (at, Trouble::On { trusted: true })]),
            3 => {
                until = at.plus_seconds(hours(chance, 2, 48));
                let by = chance.within(3600, 6 * 86_400);
                all.extend([(at, Trouble::Clock(by)), (until, Trouble::Clock(0))]);
                wrong.push((at, until));
            }
            4 => {
                until = at.plus_seconds(hours(chance, 2, 30));
                let by = -hours(chance, 1, 20);
                all.extend([(at, Trouble::Clock(by)), (until, Trouble::Clock(0))]);
                wrong.push((at, until));
            }
            5 => {
                until = at.plus_seconds(hours(chance, 10, 150));
                all.extend([(at, Trouble::Mode("practice")), (until, Trouble::Mode("live"))]);
            }
            _ => {
                until = at.plus_seconds(hours(chance, 10, 150));
                all.extend([(at, Trouble::Mode("hold")), (until, Trouble::Mode("live"))]);
            }
        }
        at = until.plus_days(chance.within(9, 35)).plus_seconds(chance.within(0, 86_400));
    }
    (all, wrong, mode)
}

/// Has the network around the addresses of the others.
pub(super) const RESELLER: usize = 0;
/// The first address of lines, 198.18.0.0.
const FIXED: u32 = 0xc612_0000;
/// The first that is lent, 198.19.0.0.
const LENT: u32 = 0xc613_0000;
