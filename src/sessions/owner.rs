//! From all sources together: whose an address was at a second. The source that may answer is told by the settings
//! (`networks.dynamic`, `networks.cgn`); what none of them knows stays without an owner.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Until;
use super::nat::Nat;
use crate::clock::Timestamp;
use crate::customers::table::{Source, Table};
use crate::customers::{Owner, Port, login};

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub net: IpNet,
    /// First and last port; `None`: all of the address.
    pub ports: Option<(u16, u16)>,
    /// By what the log knows the user, a line each.
    pub users: String,
    pub from: Timestamp,
    pub until: Until,
    /// By how many seconds the clock of its log may be wrong.
    pub uncertainty: u32,
    /// Up to when its log tells whether it went on. `None`: always, or its end is told.
    pub known_until: Option<Timestamp>,
}

impl Held {
    /// Whether it is known then whether it still held.
    pub fn is_known(&self, at: Timestamp) -> bool {
        self.known_until.is_none_or(|known| at <= known)
    }

    /// Its addresses, and its ports if it has not all of them.
    pub fn place(&self) -> String {
        match self.ports {
            Some((first, last)) => format!("{} {first}-{last}", self.net),
            None => self.net.to_string(),
        }
    }
}

/// What the resolver of the operator has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Customer id.
    Customer(String),
    /// It knows that nobody had the address.
    Nobody,
}

/// What is kept of sessions and answers. Who implements it remembers a failure, and gives nothing from then on.
pub trait Log {
    /// Every session around an address that had begun, by whatever clock: those of all ports, or where a port is
    /// given the port blocks around it. Who is not `told` needs no users of those that were over by then, by any clock.
    fn held(&self, address: IpAddr, port: Option<u16>, at: Timestamp, told: bool) -> Vec<Held>;

    /// What the resolver has said of an address, or of a source port of it; `None`: it was not asked.
    fn resolved(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Option<Resolved>;
}

/// Nothing is kept.
impl Log for () {
    fn held(&self, _: IpAddr, _: Option<u16>, _: Timestamp, _: bool) -> Vec<Held> {
        Vec::new()
    }

    fn resolved(&self, _: IpAddr, _: Option<u16>, _: Timestamp) -> Option<Resolved> {
        None
    }
}

/// All that may say whose an address was.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    pub table: &'a Table,
    pub nats: &'a [Nat],
    pub log: &'a dyn Log,
}

/// Which source has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Static lines.
    Lines,
    /// A static port forward.
    Forward,
    /// A session or lease.
    Session,
    /// A block of ports in a log.
    Block,
    /// Deterministic NAT.
    Formula,
    Resolver,
}

impl By {
    /// The word for it in JSON and on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lines => "line",
            Self::Forward => "forward",
            Self::Session => "session",
            Self::Block => "port block",
            Self::Formula => "formula",
            Self::Resolver => "resolver",
        }
    }
}

/// Whose an address was, and who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub owner: Owner,
    /// `None`: none of those that may answer here knows anything.
    pub by: Option<By>,
}

impl Answer {
    /// Whether the address says nothing about the place: it is lent, or shared by source ports.
    pub fn is_passing(&self) -> bool {
        let passing = matches!(self.by, Some(By::Session | By::Block | By::Formula | By::Resolver));
        passing && matches!(self.owner, Owner::Customer { .. })
    }
}

/// A source that had something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub by: By,
    /// The user of a session, the inside address of a NAT, the customer id of a resolver; empty for a forward.
    pub what: String,
    /// Of a session.
    pub held: Option<Held>,
    /// Whether it held at that time, within the uncertainty.
    pub holds: bool,
    /// Whose that is.
    pub owner: Owner,
}

/// What sources say, where somebody asks for it.
struct Telling<'a>(Option<&'a mut Vec<Word>>);

impl Telling<'_> {
    fn say(&mut self, word: Word) {
        if let Some(words) = &mut self.0 {
            words.push(word);
        }
    }
}

impl Sources<'_> {
    /// Whose address it was.
    pub fn owner(&self, address: IpAddr, port: Option<Port>, at: Timestamp) -> Answer {
        self.decide(address, port, at, &mut Telling(None))
    }

    /// The same, with what each source that was asked has said.
    pub fn explain(&self, address: IpAddr, port: Option<Port>, at: Timestamp) -> (Answer, Vec<Word>) {
        let mut words = Vec::new();
        let answer = self.decide(address, port, at, &mut Telling(Some(&mut words)));
        (answer, words)
    }

    /// Whether only the resolver is left to answer for an address, and what it is to be asked: the port is one that
    /// the customer's side opened.
    pub fn is_for_resolver(&self, address: IpAddr, port: Option<Port>, at: Timestamp) -> Option<Option<u16>> {
        let port = self.logged(address, port)?;
        let answer = self.owner(address, port.map(Port::Source), at);
        (answer.by.is_none() || answer.by == Some(By::Resolver)).then_some(port)
    }

    /// Whether logs tell of an address, and for one that is shared of this port.
    pub fn is_logged(&self, address: IpAddr, port: Option<Port>) -> bool {
        self.logged(address, port).is_some()
    }

    /// The port of which logs and the resolver know more than of its address, if they know of it.
    fn logged(&self, address: IpAddr, port: Option<Port>) -> Option<Option<u16>> {
        match (self.table.source(address), port) {
            (Source::Dynamic, _) => Some(None),
            (Source::Cgn, Some(Port::Source(port))) => Some(Some(port)),
            _ => None,
        }
    }

    fn decide(&self, address: IpAddr, port: Option<Port>, at: Timestamp, tell: &mut Telling<'_>) -> Answer {
        let address = address.to_canonical();
        let nobody = Answer { owner: Owner::Unattributable, by: None };
        match (self.table.source(address), port) {
            (Source::Outside, _) => Answer { owner: Owner::Outside, by: None },
            (Source::Lines, _) => {
                Answer { owner: self.table.owner_by_lines(address, at), by: Some(By::Lines) }
            }
            (Source::Dynamic, _) => {
                let answer = self.by_sessions(By::Session, address, None, at, tell);
                answer.or_else(|| self.by_resolver(address, None, at, tell)).unwrap_or(nobody)
            }
            // What listens there was made reachable on purpose, or is the NAT itself.
            (Source::Cgn, Some(Port::Listening(port))) => {
                self.by_forward(address, port, at, tell).unwrap_or(nobody)
            }
            (Source::Cgn, Some(Port::Source(port))) => {
                let answer = self.by_forward(address, port, at, tell);
                let answer = answer.or_else(|| self.by_sessions(By::Block, address, Some(port), at, tell));
                let answer = answer.or_else(|| self.by_formula(address, port, at, tell));
                answer.or_else(|| self.by_resolver(address, Some(port), at, tell)).unwrap_or(nobody)
            }
            (Source::Cgn, None) => nobody,
        }
    }

    fn by_forward(
        &self,
        address: IpAddr,
        port: u16,
        at: Timestamp,
        tell: &mut Telling<'_>,
    ) -> Option<Answer> {
        let owner = self.table.owner_of_forward(address, port, at)?;
        tell.say(Word { by: By::Forward, what: String::new(), held: None, holds: true, owner });
        Some(Answer { owner, by: Some(By::Forward) })
    }

    /// `None`: no session held at that time.
    fn by_sessions(
        &self,
        by: By,
        address: IpAddr,
        port: Option<u16>,
        at: Timestamp,
        tell: &mut Telling<'_>,
    ) -> Option<Answer> {
        let is_told = tell.0.is_some();
        let held = self.log.held(address, port, at, is_told);
        let holds = holding(&held, at);
        let asked: Vec<(Held, bool)> =
            held.into_iter().zip(holds).filter(|(_, holds)| *holds || is_told).collect();
        // One log knows more of a user than another, or than itself later: who goes by the same first name on the same
        // addresses is one.
        let alike = |one: &Held, other: &Held| {
            one.net == other.net && one.users.split('\n').next() == other.users.split('\n').next()
        };
        let own = |(one, one_holds): &(Held, bool)| {
            let known = asked.iter().filter(|(other, holds)| *one_holds && *holds && alike(one, other));
            self.owner_of_users(known.map(|(other, _)| other).chain([one]), at)
        };
        let owners: Vec<Owner> = asked.iter().map(own).collect();
        let mut owner = None;
        for ((held, holds), own) in asked.into_iter().zip(owners) {
            if holds {
                owner = Some(owner.map_or(own, |owner: Owner| owner.and(own)));
            }
            tell.say(Word { by, what: held.users.replace('\n', ", "), held: Some(held), holds, owner: own });
        }
        owner.map(|owner| Answer { owner, by: Some(by) })
    }

    /// A user whom no customer file knows is assigned to nobody.
    fn owner_of_users<'h>(&self, held: impl Iterator<Item = &'h Held>, at: Timestamp) -> Owner {
        let users = held.flat_map(|held| held.users.split('\n'));
        let known = users.filter_map(|user| self.table.owner_of_login(&login(user), at));
        known.reduce(Owner::and).unwrap_or(Owner::Unassigned)
    }

    fn by_formula(
        &self,
        address: IpAddr,
        port: u16,
        at: Timestamp,
        tell: &mut Telling<'_>,
    ) -> Option<Answer> {
        let mut owner: Option<Owner> = None;
        for inside in self.nats.iter().filter_map(|nat| nat.inside_of(address, port)).map(IpAddr::from) {
            // Behind the NAT addresses may be lent, too.
            let lent = self.by_sessions(By::Session, inside, None, at, tell);
            let own = lent.map_or_else(|| self.table.owner_by_lines(inside, at), |answer| answer.owner);
            tell.say(Word { by: By::Formula, what: inside.to_string(), held: None, holds: true, owner: own });
            owner = Some(owner.map_or(own, |owner| owner.and(own)));
        }
        owner.map(|owner| Answer { owner, by: Some(By::Formula) })
    }

    fn by_resolver(
        &self,
        address: IpAddr,
        port: Option<u16>,
        at: Timestamp,
        tell: &mut Telling<'_>,
    ) -> Option<Answer> {
        let (what, owner) = match self.log.resolved(address, port, at)? {
            Resolved::Customer(id) => {
                let owner = self.table.owner_of_login(&login(&id), at).unwrap_or(Owner::Unassigned);
                (id, owner)
            }
            Resolved::Nobody => (String::new(), Owner::Unassigned),
        };
        tell.say(Word { by: By::Resolver, what, held: None, holds: true, owner });
        Some(Answer { owner, by: Some(By::Resolver) })
    }
}

/// Which of the sessions around an address held at a time, each clock's uncertainty allowed for. One whose end is not
/// certain ends where another on the same addresses begins that began later by any clock, at the latest second that the
/// other's clock allows, and is not known to hold later than its log tells.
fn holding(held: &[Held], at: Timestamp) -> Vec<bool> {
    let allowed = |one: &Held| i64::from(one.uncertainty);
    let begin =
        |one: &Held| (one.net, one.from.plus_seconds(-allowed(one)), one.from.plus_seconds(allowed(one) - 1));
    let mut begins: Vec<_> = held.iter().map(begin).collect();
    begins.sort_unstable();
    // With each, the first end that it or one behind it brings.
    for next in (1..begins.len()).rev() {
        if begins[next].0 == begins[next - 1].0 {
            begins[next - 1].2 = begins[next - 1].2.min(begins[next].2);
        }
    }
    let holds = |one: &Held| {
        let begun = (one.net, one.from.plus_seconds(allowed(one)));
        let next = begins.partition_point(|(net, early, _)| (*net, *early) <= begun);
        let next = begins.get(next).filter(|(net, ..)| *net == one.net).map(|(.., end)| *end);
        let end = match one.until {
            Until::Ended(end) => Some(end.plus_seconds(allowed(one))),
            Until::Expires(end) => {
                let end = end.plus_seconds(allowed(one));
                Some(next.map_or(end, |next| next.min(end)))
            }
            Until::Open => next,
        };
        one.is_known(at) && one.from.plus_seconds(-allowed(one)) <= at && end.is_none_or(|end| at <= end)
    };
    held.iter().map(holds).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::config::{self, Networks};
    use crate::customers::{CustomerNo, Forward, Owner::*, import};

    /// Sessions in memory, looked at one by one.
    struct Kept(Vec<Held>, Option<Resolved>);

    impl Log for Kept {
        fn held(&self, address: IpAddr, port: Option<u16>, at: Timestamp, _: bool) -> Vec<Held> {
            let is_around = |held: &&Held| {
                let fits = match (port, held.ports) {
                    (None, None) => true,
                    (Some(port), Some((first, last))) => (first..=last).contains(&port),
                    _ => false,
                };
                fits && held.net.contains(&address)
                    && held.from <= at.plus_seconds(i64::from(held.uncertainty))
            };
            self.0.iter().filter(is_around).cloned().collect()
        }

        fn resolved(&self, _: IpAddr, _: Option<u16>, _: Timestamp) -> Option<Resolved> {
            self.1.clone()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second)
    }

    fn held(net: &str, users: &str, from: i64, until: Until) -> Held {
        let net = net.parse().unwrap();
        Held {
            net,
            ports: None,
            users: users.to_owned(),
            from: at(from),
            until,
            uncertainty: 0,
            known_until: None,
        }
    }

    /// Customers C1 to C3 with logins l1 to l3; C3's line ends at second 500; C2 has what is forwarded of 192.0.2.200.
    fn table() -> Table {
        let networks = Networks {
            cidrs: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            dynamic: vec!["192.0.2.0/25".parse().unwrap(), "2001:db8::/40".parse().unwrap()],
            cgn: vec!["192.0.2.192/26".parse().unwrap()],
            ..Networks::default()
        };
        let text = "customer_id,login,cidr,valid_to\nC1,l1,100.64.0.1,\nC2,l2,,\nC3,l3,,1970-01-01T00:08:20Z\n\
                    C4,,192.0.2.5,\nC5,,192.0.2.6,\nC6,c5,,\n";
        let mut file = import::read(text.as_bytes(), &TimeZone::UTC);
        assert!(!file.refused, "{:?}", file.complaints);
        let forward = |ports, customer| Forward {
            address: "192.0.2.200".parse().unwrap(),
            ports,
            customer,
            from: at(i64::MIN),
            until: at(i64::MAX),
            mailed: true,
            line: 3,
        };
        file.forwards = vec![forward((8000, 8080), 1), forward((8080, 8090), 0)];
        let number = |id: &str| id[1..].parse().unwrap();
        Table::build(&networks, [(at(0), file)], number)
    }

    fn customer(number: u32) -> Owner {
        Customer { customer: CustomerNo(number), mailed: true }
    }

    fn ask(sessions: &[Held], address: &str, port: Option<Port>, second: i64) -> Answer {
        let nat = Nat::new(&config::Nat {
            inside: "100.64.0.0/30".parse().unwrap(),
            outside: vec!["192.0.2.201/32".parse().unwrap()],
            ports_first: 1024,
            ports_last: 5119,
            ports_per_user: None,
            skip: 0,
        });
        let log = Kept(sessions.to_vec(), None);
        let sources = Sources { table: &table(), nats: &[nat.unwrap()], log: &log };
        sources.owner(address.parse().unwrap(), port, at(second))
    }

    #[test]
    fn sessions_answer_where_addresses_are_lent() {
        let lent = [
            held("192.0.2.1/32", "l1", 100, Until::Ended(at(199))),
            held("192.0.2.1/32", "other\nl2", 200, Until::Open),
            held("192.0.2.1/32", "l3", 400, Until::Open),
            held("2001:db8:1::/48", "L2", 100, Until::Expires(at(1000))),
        ];
        let answer = |second| ask(&lent, "192.0.2.1", Some(Port::Listening(80)), second);
        assert_eq!(answer(99), Answer { owner: Unattributable, by: None });
        assert_eq!(answer(100), Answer { owner: customer(1), by: Some(By::Session) });
        assert_eq!(answer(199).owner, customer(1));
        assert_eq!(answer(200).owner, customer(2));
        assert_eq!(answer(399).owner, customer(2), "until somebody else begins");
        assert_eq!(answer(400).owner, customer(3));
        let over = Customer { customer: CustomerNo(3), mailed: false };
        assert_eq!(answer(501).owner, over, "his line holds no more");
        assert_eq!(ask(&lent, "2001:db8:1:2::3", None, 500).owner, customer(2));
        assert_eq!(ask(&lent, "2001:db8:1:2::3", None, 1001).owner, Unattributable);
        assert!(answer(100).is_passing() && !answer(99).is_passing());
        let unknown = [held("192.0.2.1/32", "nobody", 100, Until::Open)];
        assert_eq!(
            ask(&unknown, "192.0.2.1", None, 100),
            Answer { owner: Unassigned, by: Some(By::Session) }
        );
        let id = [held("192.0.2.1/32", "C4", 100, Until::Open)];
        assert_eq!(ask(&id, "192.0.2.1", None, 100).owner, customer(4), "by the customer id");
        let both = [held("192.0.2.1/32", "C5", 100, Until::Open)];
        assert_eq!(ask(&both, "192.0.2.1", None, 100).owner, Ambiguous, "one's login, another's id");
        // A static line in a dynamic range matches nothing.
        assert_eq!(ask(&[], "192.0.2.5", None, 100).owner, Unattributable);
        assert_eq!(ask(&lent, "203.0.113.1", None, 100).owner, Outside);
    }

    #[test]
    fn what_came_after_the_log_is_not_guessed() {
        let mut lent = [
            held("192.0.2.1/32", "l1", 100, Until::Open),
            held("192.0.2.2/32", "l2", 100, Until::Expires(at(400))),
        ];
        for session in &mut lent {
            (session.known_until, session.uncertainty) = (Some(at(300)), 5);
        }
        let owners = |lent: &[Held], second| {
            ["192.0.2.1", "192.0.2.2"].map(|address| ask(lent, address, None, second).owner)
        };
        assert_eq!(owners(&lent, 300), [customer(1), customer(2)]);
        assert_eq!(owners(&lent, 301), [Unattributable; 2]);
    }

    #[test]
    fn clocks_that_are_wrong_make_two_users_ambiguous() {
        let mut lent = [
            held("192.0.2.1/32", "l1", 100, Until::Ended(at(199))),
            held("192.0.2.1/32", "l2", 210, Until::Open),
        ];
        lent[0].uncertainty = 5;
        let owners =
            |lent: &[Held]| [94, 95, 204, 205, 210].map(|second| ask(lent, "192.0.2.1", None, second).owner);
        assert_eq!(owners(&lent), [Unattributable, customer(1), customer(1), Unattributable, customer(2)]);
        lent[1].uncertainty = 10;
        assert_eq!(ask(&lent, "192.0.2.1", None, 199).owner, customer(1));
        assert_eq!(ask(&lent, "192.0.2.1", None, 200).owner, Ambiguous);
        assert_eq!(ask(&lent, "192.0.2.1", None, 205).owner, customer(2));
        // What ends where the next begins ends as late as that may have begun; who of two came first may be unsure.
        let open = |uncertainty| {
            let next = Held { uncertainty, ..held("192.0.2.1/32", "l2", 210, Until::Open) };
            [held("192.0.2.1/32", "l1", 100, Until::Open), next]
        };
        let owners = |uncertainty, seconds: [i64; 5]| {
            seconds.map(|second| ask(&open(uncertainty), "192.0.2.1", None, second).owner)
        };
        assert_eq!(
            owners(10, [199, 200, 210, 219, 220]),
            [customer(1), Ambiguous, Ambiguous, Ambiguous, customer(2)]
        );
        assert_eq!(
            owners(110, [99, 100, 210, 320, 900]),
            [Unattributable, Ambiguous, Ambiguous, Ambiguous, Ambiguous]
        );
        // Of one user two logs know more and less; of two users only one is known.
        let less = |mac: &str| {
            [held("192.0.2.1/32", "mac\nl1", 100, Until::Open), held("192.0.2.1/32", mac, 100, Until::Open)]
        };
        assert_eq!(ask(&less("mac"), "192.0.2.1", None, 100).owner, customer(1));
        assert_eq!(ask(&less("other"), "192.0.2.1", None, 100).owner, Ambiguous);
        // One customer with two logins is one owner.
        let both =
            [held("192.0.2.1/32", "l1", 100, Until::Open), held("192.0.2.1/32", "C1", 100, Until::Open)];
        assert_eq!(ask(&both, "192.0.2.1", None, 100).owner, customer(1));
    }

    #[test]
    fn a_shared_address_is_told_apart_by_source_ports_alone() {
        let block = |users: &str, ports, from, until| Held {
            ports: Some(ports),
            ..held("192.0.2.201/32", users, from, until)
        };
        let blocks = [
            block("l1", (2048, 3071), 100, Until::Ended(at(199))),
            block("l2", (2048, 3071), 200, Until::Ended(at(300))),
            // All ports: it says nothing of a shared address.
            held("192.0.2.201/32", "l3", 0, Until::Open),
        ];
        let source = |port, second| ask(&blocks, "192.0.2.201", Some(Port::Source(port)), second);
        assert_eq!(source(2048, 150), Answer { owner: customer(1), by: Some(By::Block) });
        assert_eq!(source(3071, 250).owner, customer(2));
        // Port 1100 is the first inside address's, which nobody has; 2048 that of 100.64.0.1 when no log knows better.
        assert_eq!(source(1100, 150), Answer { owner: Unassigned, by: Some(By::Formula) });
        assert_eq!(source(2048, 99), Answer { owner: customer(1), by: Some(By::Formula) });
        assert_eq!(source(6000, 150), Answer { owner: Unattributable, by: None });
        for port in [None, Some(Port::Listening(2048))] {
            assert_eq!(ask(&blocks, "192.0.2.201", port, 150).owner, Unattributable, "{port:?}");
        }
        let lent = [held("100.64.0.0/32", "l2", 0, Until::Open)];
        let inside = ask(&lent, "192.0.2.201", Some(Port::Source(1100)), 150);
        assert_eq!(inside, Answer { owner: customer(2), by: Some(By::Formula) });
    }

    #[test]
    fn a_forwarded_port_is_its_customers() {
        let ask = |port| ask(&[], "192.0.2.200", Some(port), 100);
        assert_eq!(ask(Port::Listening(8000)), Answer { owner: customer(2), by: Some(By::Forward) });
        assert_eq!(ask(Port::Source(8079)).owner, customer(2));
        assert_eq!(ask(Port::Listening(8080)).owner, Ambiguous);
        assert_eq!(ask(Port::Listening(8090)).owner, customer(1));
        assert_eq!(ask(Port::Listening(8091)).owner, Unattributable);
        assert!(!ask(Port::Listening(8000)).is_passing());
    }

    #[test]
    fn the_resolver_answers_last() {
        let table = table();
        let sources = |log| Sources { table: &table, nats: &[], log };
        let of = |resolved: &str| Kept(Vec::new(), Some(Resolved::Customer(resolved.to_owned())));
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let known = of("c2");
        assert_eq!(
            sources(&known).owner(ip("192.0.2.9"), None, at(5)),
            Answer { owner: customer(2), by: Some(By::Resolver) }
        );
        let source = Some(Port::Source(7));
        assert_eq!(sources(&known).owner(ip("192.0.2.210"), source, at(5)).owner, customer(2));
        let listening = Some(Port::Listening(7));
        assert_eq!(sources(&known).owner(ip("192.0.2.210"), listening, at(5)).owner, Unattributable);
        let nobody = Kept(Vec::new(), Some(Resolved::Nobody));
        assert_eq!(sources(&nobody).owner(ip("192.0.2.9"), None, at(5)).owner, Unassigned);
        let unknown = of("C9");
        assert_eq!(sources(&unknown).owner(ip("192.0.2.9"), None, at(5)).owner, Unassigned);
        let asks = |address: &str, port| sources(&()).is_for_resolver(ip(address), port, at(5));
        assert_eq!(asks("192.0.2.9", listening), Some(None));
        assert_eq!(asks("192.0.2.210", source), Some(Some(7)));
        assert_eq!((asks("192.0.2.210", listening), asks("192.0.2.210", None)), (None, None));
        assert_eq!((asks("192.0.2.130", source), asks("203.0.113.1", source)), (None, None));
        let lent = Kept(vec![held("192.0.2.9/32", "l1", 0, Until::Open)], None);
        assert_eq!(sources(&lent).is_for_resolver(ip("192.0.2.9"), None, at(5)), None);
    }

    fn sessions() -> impl Strategy<Value = Vec<Held>> {
        let until = prop_oneof![
            Just(Until::Open),
            (0_i64..40).prop_map(|end| Until::Expires(at(end))),
            (0_i64..40).prop_map(|end| Until::Ended(at(end)))
        ];
        let port = prop::option::of((0_u16..6, 0_u16..4));
        let known = prop::option::of(20_i64..60);
        let one = ((0_u8..3, 1_u8..5), 0_i64..30, until, 0_u32..4, port, known);
        let one = one.prop_map(|((host, login), from, until, uncertainty, port, known)| Held {
            ports: port.map(|(first, more)| (first, first + more)),
            uncertainty,
            // Where its end is told, no log needs to tell more.
            known_until: known.map(at).filter(|_| !matches!(until, Until::Ended(_))),
            ..held(&format!("192.0.2.{host}/32"), &format!("l{login}"), from, until)
        });
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn the_order_of_sessions_is_irrelevant(held in sessions(), host in 0_u8..3, second in 0_i64..50) {
            let turned: Vec<Held> = held.iter().rev().cloned().collect();
            let address = format!("192.0.2.{host}");
            prop_assert_eq!(ask(&held, &address, None, second), ask(&turned, &address, None, second));
        }

        /// Whoever is named would be named by any clock that the uncertainty allows, or nobody would.
        #[test]
        fn no_clock_that_may_be_right_names_another(
            told in prop::collection::vec((1_u8..4, 0_i64..30, 0_u32..4, -4_i64..=4), 1..6), second in 0_i64..40
        ) {
            let session = |login: u8, from, uncertainty| Held {
                uncertainty, ..held("192.0.2.1/32", &format!("l{login}"), from, Until::Open)
            };
            let as_told: Vec<_> = told.iter().map(|(login, from, unsure, _)| session(*login, *from, *unsure)).collect();
            let truly = told.iter().map(|(login, from, unsure, off)| {
                session(*login, from + (*off).clamp(-i64::from(*unsure), i64::from(*unsure)), 0)
            });
            let truly: Vec<_> = truly.collect();
            let owner = |held: &[Held]| ask(held, "192.0.2.1", None, second).owner;
            if let (Customer { customer, .. }, Customer { customer: other, .. }) = (owner(&as_told), owner(&truly)) {
                prop_assert_eq!(customer, other);
            }
        }

        /// Whoever is named had a session that had begun and was known not to be over, and nobody else had.
        #[test]
        fn nobody_is_named_who_had_it_not(held in sessions(), host in 0_u8..3, second in 0_i64..50) {
            let address = format!("192.0.2.{host}");
            let answer = ask(&held, &address, None, second);
            if let Customer { customer, .. } = answer.owner {
                let login = format!("l{}", customer.0);
                let ip: IpAddr = address.parse().unwrap();
                let around: Vec<_> = held.iter().filter(|h| h.ports.is_none() && h.net.contains(&ip)).collect();
                let allowed = |h: &Held| i64::from(h.uncertainty);
                prop_assert!(around.iter().any(|h| h.users == login && h.from <= at(second + allowed(h))
                    && h.is_known(at(second)) && h.until.at().is_none_or(|end| end >= at(second - allowed(h)))));
                for other in around.iter().filter(|h| h.users != login && h.users != "l4") {
                    if let Until::Ended(end) = other.until {
                        prop_assert!(second < other.from.unix() - allowed(other) || second > end.unix() + allowed(other));
                    }
                }
            }
        }

        #[test]
        fn a_scanned_port_never_names_who_shares_an_address(
            ports in prop::collection::vec((1_u16..9000, 0_u16..3000, 1_u8..4), 0..8), port: u16
        ) {
            let blocks: Vec<Held> = ports.into_iter().map(|(first, more, login)| Held {
                ports: Some((first, first + more)),
                ..held("192.0.2.201/32", &format!("l{login}"), 0, Until::Open)
            }).collect();
            for port in [None, Some(Port::Listening(port))] {
                prop_assert_eq!(ask(&blocks, "192.0.2.201", port, 100).owner, Unattributable);
            }
        }
    }
}
