//! RADIUS accounting (RFC 2866): what follows from its events for who had which address, whether they come in a file or
//! as packets.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::time::Moment;
use super::{NOBODY, Session, Until, user};
use crate::clock::Timestamp;

/// What an access server tells of a session, or of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    /// The access server: its address, else its name.
    pub nas: String,
    /// The access server's name of the session; two of its sessions have two.
    pub id: String,
    /// At least one, as [`Session::users`].
    pub users: Vec<String>,
    pub nets: Vec<IpNet>,
    /// When it happened, not when it was told.
    pub at: Timestamp,
    /// Seconds by which `at` may be off, either way.
    pub uncertainty: u32,
    /// How long the session has lasted.
    pub seconds: Option<u32>,
    /// Physical line of a file; 0 for packets.
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Start,
    /// It goes on; what is known of it may have grown.
    Interim,
    Stop,
    /// The access server began or ends its work: none of its sessions goes on.
    Reset,
}

/// What the attributes of a packet or of an entry say, as they are collected.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// `Some(None)`: something that says nothing of who has which address.
    pub(super) kind: Option<Option<Kind>>,
    pub(super) user: Option<String>,
    /// The client's own address, often a MAC address.
    pub(super) station: Option<String>,
    pub(super) circuit: Option<String>,
    pub(super) remote: Option<String>,
    pub(super) nas_address: Option<IpAddr>,
    pub(super) nas_name: Option<String>,
    pub(super) id: Option<String>,
    nets: Vec<IpNet>,
    /// Seconds since the event when it was told.
    pub(super) delay: u32,
    pub(super) seconds: Option<u32>,
}

impl Told {
    /// By its number or its name (RFC 2866, 5.1, and FreeRADIUS's dictionary).
    pub(super) fn status(&mut self, text: &str) {
        self.kind = Some(match text {
            "1" | "Start" => Some(Kind::Start),
            "2" | "Stop" => Some(Kind::Stop),
            "3" | "Interim-Update" | "Alive" => Some(Kind::Interim),
            "7" | "8" | "Accounting-On" | "Accounting-Off" => Some(Kind::Reset),
            _ => None,
        });
    }

    /// Leaves out what is nobody's, as addresses that the client chooses himself.
    pub(super) fn net(&mut self, net: IpNet) {
        let is_some = match net.addr() {
            IpAddr::V4(v4) => !v4.is_unspecified() && v4.octets() < [255, 255, 255, 254],
            IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_unicast_link_local(),
        };
        let net = net.trunc();
        if is_some && net.prefix_len() > 0 && self.nets.len() < NETS_MAX && !self.nets.contains(&net) {
            self.nets.push(net);
        }
    }

    /// The event; `Ok(None)` if it is none that counts. `from` is who told it.
    pub(super) fn event(
        self,
        at: Timestamp,
        uncertainty: u32,
        from: Option<IpAddr>,
        line: u64,
    ) -> Result<Option<Event>, &'static str> {
        let kind = match self.kind {
            None => return Err("it has no Acct-Status-Type"),
            Some(None) => return Ok(None),
            Some(Some(kind)) => kind,
        };
        let address = |address: IpAddr| address.to_canonical().to_string();
        // What a server writes that does not know its own address: many would be one.
        let own = self.nas_address.filter(|own| !own.is_unspecified() && !own.is_loopback());
        let nas = own.map(address).or(self.nas_name).or(from.or(self.nas_address).map(address));
        let nas = nas.ok_or("it names no access server: neither NAS-IP-Address nor NAS-Identifier")?;
        let id = self.id.unwrap_or_default();
        if id.is_empty() && kind != Kind::Reset {
            return Err("it has no Acct-Session-Id");
        }
        let users = [self.user, self.station, self.circuit, self.remote];
        let (users, nets, seconds) = (user::all(users.into_iter().flatten()), self.nets, self.seconds);
        Ok(Some(Event { kind, nas, id, users, nets, at, uncertainty, seconds, line }))
    }
}

/// When an event was: as the access server says, unless its clock is wrong, else as it came, after a delay. Where both
/// may be right and are far from each other, it was between them: nobody is named for what the other's clock would say.
pub(super) fn happened(told: Option<Moment>, came: Option<Moment>, delay: u32) -> Option<Moment> {
    let believed = told.filter(|told| {
        let is_near = |came: Moment| {
            told.is_certain()
                && told.late.since(came.late) <= AHEAD_SECONDS_MAX
                && came.early.since(told.early) <= AGE_SECONDS_MAX
        };
        came.is_none_or(is_near)
    });
    let sent = |at: Timestamp| at.plus_seconds(-i64::from(delay));
    let sent = came.map(|came| Moment { early: sent(came.early), late: sent(came.late) });
    let (Some(told), Some(sent)) = (believed, sent) else { return believed.or(sent) };
    let is_late = sent.early.since(told.late) > APART_SECONDS_MAX;
    let is_early = told.early.since(sent.late) > APART_SECONDS_MAX;
    Some(match is_late || is_early {
        true => Moment { early: told.early.min(sent.early), late: told.late.max(sent.late) },
        false => told,
    })
}

/// Told to who reads the complaints.
pub(super) const APART: &str = "says that it was minutes or hours from when it came, so one of the clocks is wrong: the time \
     between counts as unsure; set the clock of the access server by NTP";

/// A session that has not ended, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub users: Vec<String>,
    pub begin: Timestamp,
    /// Its addresses, each with its first second. Of some sessions they become known later.
    pub nets: Vec<(IpNet, Timestamp)>,
    pub uncertainty: u32,
    /// Physical line of a file; 0 for packets.
    pub line: u64,
}

impl Running {
    fn of(event: &Event) -> Self {
        let begin = match event.kind {
            Kind::Start | Kind::Reset => event.at,
            Kind::Interim | Kind::Stop => event.at.plus_seconds(-i64::from(event.seconds.unwrap_or(0))),
        };
        let nets = event.nets.iter().map(|net| (*net, begin)).collect();
        let (users, uncertainty, line) = (event.users.clone(), event.uncertainty, event.line);
        Self { users, begin, nets, uncertainty, line }
    }

    /// What is known of its addresses, as sessions.
    pub fn sessions(&self, until: Until) -> impl Iterator<Item = Session> + '_ {
        self.nets.iter().map(move |&(net, from)| Session {
            net,
            ports: None,
            users: self.users.clone(),
            from,
            until: match until {
                Until::Ended(at) => Until::Ended(at.max(from)),
                other => other,
            },
            uncertainty: self.uncertainty,
            line: self.line,
        })
    }

    fn is_of(&self, event: &Event) -> bool {
        let same_user = [&self.users, &event.users].iter().any(|users| users[0] == NOBODY)
            || self.users[0] == event.users[0];
        // Some access servers count anew after a restart, and do not tell of it.
        let again = event.kind == Kind::Start && event.at.since(self.begin) > SAME_START_SECONDS_MAX;
        same_user && !again
    }
}

/// When sessions ended of which it was told lately. A packet whose answer was lost is sent again, and a Start may so come
/// behind its Stop: the session that it would begin would have no end.
#[derive(Debug, Default)]
pub struct Lately {
    of: HashMap<(String, String), Timestamp>,
    /// In the order in which it was told.
    order: VecDeque<(String, String)>,
}

impl Lately {
    fn add(&mut self, nas: &str, id: &str, at: Timestamp) {
        let key = (nas.to_owned(), id.to_owned());
        if self.of.insert(key.clone(), at).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > LATELY_MAX {
            self.order.pop_front().and_then(|oldest| self.of.remove(&oldest));
        }
    }

    fn is_over(&self, Event { nas, id, at, .. }: &Event) -> bool {
        !self.of.is_empty() && self.of.get(&(nas.clone(), id.clone())).is_some_and(|end| at < end)
    }
}

/// Where sessions go, and those that run are remembered.
pub trait Book {
    type Error;

    fn running(&mut self, nas: &str, id: &str) -> Result<Option<Running>, Self::Error>;
    /// Remembers it, in the place of what was remembered under this id.
    fn keep(&mut self, nas: &str, id: &str, running: Running) -> Result<(), Self::Error>;
    fn forget(&mut self, nas: &str, id: &str) -> Result<(), Self::Error>;
    /// Forgets some that run at `nas` and did not begin after `at`, at most [`TAKEN_MAX`]; none: there are no more.
    fn take(&mut self, nas: &str, at: Timestamp) -> Result<Vec<Running>, Self::Error>;
    /// Those that ended lately.
    fn lately(&mut self) -> &mut Lately;
    /// A session, or what is known anew of one that has the same address and begin.
    fn give(&mut self, session: Session) -> Result<(), Self::Error>;
}

/// What an event was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Began,
    /// Something was learned of a session that was known.
    Grew,
    /// Nothing that was not known; nothing was written.
    Known,
    Ended,
    /// So many sessions of an access server ended.
    Reset(u64),
    /// The end of a session of which nothing else is known: only its last second counts.
    LastSecond,
    /// It names no address, and none was known.
    NoAddress,
}

/// Does what follows from an event.
pub fn apply<B: Book>(event: &Event, book: &mut B) -> Result<Outcome, B::Error> {
    let Event { nas, id, at, .. } = event;
    let ended = Until::Ended(*at);
    if event.kind == Kind::Reset {
        let mut count = 0;
        loop {
            let taken = book.take(nas, at.plus_seconds(event.uncertainty.into()))?;
            if taken.is_empty() {
                return Ok(Outcome::Reset(count));
            }
            for mut running in taken {
                count += 1;
                running.uncertainty = running.uncertainty.max(event.uncertainty);
                running.sessions(ended).try_for_each(|session| book.give(session))?;
            }
        }
    }
    let mut known = book.running(nas, id)?;
    if let Some(mut other) = known.take_if(|known| !known.is_of(event)) {
        book.forget(nas, id)?;
        other.uncertainty = other.uncertainty.max(event.uncertainty);
        let begin = Running::of(event).begin;
        other.sessions(Until::Ended(begin)).try_for_each(|session| book.give(session))?;
    }
    let is_known = known.is_some();
    if !is_known && event.kind != Kind::Stop && book.lately().is_over(event) {
        return Ok(Outcome::Known);
    }
    let before = known.clone();
    let mut running = known.unwrap_or_else(|| Running::of(event));
    let gone = update(&mut running, event);
    gone.sessions(ended).try_for_each(|session| book.give(session))?;
    if event.kind == Kind::Stop {
        running.uncertainty = running.uncertainty.max(event.uncertainty);
        if is_known {
            book.forget(nas, id)?;
        }
        book.lately().add(nas, id, *at);
        running.sessions(ended).try_for_each(|session| book.give(session))?;
        return Ok(match (running.nets.is_empty(), is_known || event.seconds.is_some()) {
            (true, _) => Outcome::NoAddress,
            (false, true) => Outcome::Ended,
            (false, false) => Outcome::LastSecond,
        });
    }
    if before.as_ref() == Some(&running) {
        return Ok(Outcome::Known);
    }
    let is_new = |net: &(IpNet, Timestamp)| before.as_ref().is_none_or(|before| !before.nets.contains(net));
    let new = Running { nets: running.nets.iter().copied().filter(is_new).collect(), ..running.clone() };
    new.sessions(Until::Open).try_for_each(|session| book.give(session))?;
    let has_address = !running.nets.is_empty();
    book.keep(nas, id, running)?;
    Ok(match (is_known, has_address) {
        (true, _) => Outcome::Grew,
        (false, true) => Outcome::Began,
        (false, false) => Outcome::NoAddress,
    })
}

/// Adds what an event says of a session; returns what it has no longer.
///
/// An address that becomes known later was there from the begin: access servers tell of the session first, and of its
/// addresses as they are agreed on. Where it takes the place of another, the session has it from now on.
fn update(running: &mut Running, event: &Event) -> Running {
    let mut gone = Running { nets: Vec::new(), ..running.clone() };
    for &net in &event.nets {
        if running.nets.iter().any(|(known, _)| *known == net) {
            continue;
        }
        // Of the same kind: an address, or a prefix of the same length.
        let same = |known: &(IpNet, Timestamp)| {
            known.0.addr().is_ipv4() == net.addr().is_ipv4() && known.0.prefix_len() == net.prefix_len()
        };
        let replaced: Vec<_> =
            running.nets.extract_if(.., |known| same(known) && !event.nets.contains(&known.0)).collect();
        let mut from = running.begin;
        if !replaced.is_empty() {
            from = event.at;
            running.uncertainty = running.uncertainty.max(event.uncertainty);
            gone.uncertainty = running.uncertainty;
        }
        gone.nets.extend(replaced);
        if running.nets.len() < NETS_MAX {
            running.nets.push((net, from));
        }
    }
    if running.users[0] == NOBODY {
        running.users.clone_from(&event.users);
    }
    gone
}

/// A book in memory, for all of one file: a session is given when it has ended, and those that run at last are open.
#[derive(Default)]
pub struct Memory {
    /// For who reads the file to take away.
    pub given: Vec<Session>,
    running: HashMap<(String, String), Running>,
    lately: Lately,
}

impl Memory {
    /// Gives those that run, in the order in which they came.
    pub fn finish(&mut self) {
        let mut open: Vec<_> = self.running.drain().map(|(_, running)| running).collect();
        open.sort_by_key(|running| (running.line, running.begin));
        self.given.extend(open.iter().flat_map(|running| running.sessions(Until::Open)));
    }
}

impl Book for Memory {
    type Error = Infallible;

    fn running(&mut self, nas: &str, id: &str) -> Result<Option<Running>, Infallible> {
        Ok(self.running.get(&(nas.to_owned(), id.to_owned())).cloned())
    }

    /// Where there are too many, all are given as they are: the end of one of them comes then as a session of its own.
    fn keep(&mut self, nas: &str, id: &str, running: Running) -> Result<(), Infallible> {
        if self.running.len() >= RUNNING_MAX {
            self.finish();
        }
        self.running.insert((nas.to_owned(), id.to_owned()), running);
        Ok(())
    }

    fn forget(&mut self, nas: &str, id: &str) -> Result<(), Infallible> {
        self.running.remove(&(nas.to_owned(), id.to_owned()));
        Ok(())
    }

    fn take(&mut self, nas: &str, at: Timestamp) -> Result<Vec<Running>, Infallible> {
        let is_taken = |key: &(String, String), running: &Running| key.0 == nas && running.begin <= at;
        let taken = self.running.extract_if(|key, running| is_taken(key, running));
        let mut taken: Vec<_> = taken.map(|(_, running)| running).collect();
        taken.sort_by_key(|running| (running.line, running.begin));
        Ok(taken)
    }

    fn lately(&mut self) -> &mut Lately {
        &mut self.lately
    }

    fn give(&mut self, session: Session) -> Result<(), Infallible> {
        if session.until != Until::Open {
            self.given.push(session);
        }
        Ok(())
    }
}

/// So many sessions end at once when an access server begins anew, before the next are looked for.
pub const TAKEN_MAX: usize = 1_000;
/// Sessions whose end is remembered: of a minute at 250 a second, 4 MiB.
const LATELY_MAX: usize = 16_384;
/// Sessions that run at once within one file: 16 MiB.
const RUNNING_MAX: usize = 65_536;
/// An address, a prefix for the link and one behind it, and room.
const NETS_MAX: usize = 8;
/// What an access server could not tell for so long is told later.
const AGE_SECONDS_MAX: i64 = 7 * 86_400;
/// What lies ahead has not happened: the clock of the access server is wrong.
const AHEAD_SECONDS_MAX: i64 = 600;
/// What the clock of an access server may be off by the time at which its packets come; beyond it one of the two is
/// wrong, and which is not known.
const APART_SECONDS_MAX: i64 = 600;
/// A start that is told again, with a clock that was set meanwhile.
const SAME_START_SECONDS_MAX: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, id: &str, at: i64, nets: &[&str]) -> Event {
        let nets = nets.iter().map(|net| net.parse().unwrap()).collect();
        let users = vec![format!("user of {id}")];
        let at = Timestamp::from_unix(at);
        Event {
            kind,
            nas: "nas".into(),
            id: id.into(),
            users,
            nets,
            at,
            uncertainty: 0,
            seconds: None,
            line: 0,
        }
    }

    fn check(events: &[Event], outcomes: &[Outcome], sessions: &[&str]) {
        let mut memory = Memory::default();
        let apply = |event| apply(event, &mut memory).unwrap();
        let done: Vec<_> = events.iter().map(apply).collect();
        memory.finish();
        let shown = |Session { net, users, from, until, .. }: &Session| {
            let until = match until {
                Until::Ended(at) => at.unix().to_string(),
                other => format!("{other:?}"),
            };
            format!("{net} {} {}-{until}", users[0], from.unix())
        };
        let given: Vec<_> = memory.given.iter().map(shown).collect();
        assert_eq!(done, outcomes);
        assert_eq!(given, sessions);
    }

    #[test]
    fn start_and_stop_make_a_session_of_each_address() {
        check(
            &[
                event(Kind::Start, "1", 100, &["192.0.2.7/32", "2001:db8:0:1::/64"]),
                event(Kind::Start, "2", 110, &["192.0.2.8/32"]),
                event(Kind::Start, "1", 101, &["192.0.2.7/32"]),
                event(Kind::Interim, "1", 150, &["192.0.2.7/32"]),
                event(Kind::Stop, "1", 200, &["192.0.2.7/32"]),
            ],
            &[Outcome::Began, Outcome::Began, Outcome::Known, Outcome::Known, Outcome::Ended],
            &[
                "192.0.2.7/32 user of 1 100-200",
                "2001:db8:0:1::/64 user of 1 100-200",
                "192.0.2.8/32 user of 2 110-Open",
            ],
        );
    }

    #[test]
    fn addresses_become_known_later_or_change() {
        check(
            &[
                event(Kind::Start, "1", 100, &[]),
                event(Kind::Interim, "1", 105, &["192.0.2.7/32"]),
                event(Kind::Interim, "1", 300, &["192.0.2.9/32", "2001:db8:0:100::/56"]),
                event(Kind::Stop, "1", 400, &["2001:db8:0:1::/64"]),
            ],
            &[Outcome::NoAddress, Outcome::Grew, Outcome::Grew, Outcome::Ended],
            &[
                "192.0.2.7/32 user of 1 100-300",
                "192.0.2.9/32 user of 1 300-400",
                "2001:db8:0:100::/56 user of 1 100-400",
                "2001:db8:0:1::/64 user of 1 100-400",
            ],
        );
    }

    #[test]
    fn what_was_lost_is_made_up_as_far_as_the_length_is_told() {
        let told = |kind, seconds| Event { seconds, ..event(kind, "1", 500, &["192.0.2.7/32"]) };
        check(&[told(Kind::Stop, Some(60))], &[Outcome::Ended], &["192.0.2.7/32 user of 1 440-500"]);
        check(&[told(Kind::Stop, None)], &[Outcome::LastSecond], &["192.0.2.7/32 user of 1 500-500"]);
        check(&[event(Kind::Stop, "1", 500, &[])], &[Outcome::NoAddress], &[]);
        check(&[told(Kind::Interim, Some(60))], &[Outcome::Began], &["192.0.2.7/32 user of 1 440-Open"]);
    }

    #[test]
    fn an_access_server_that_begins_anew_ends_its_own() {
        let elsewhere = Event { nas: "other".into(), ..event(Kind::Start, "1", 100, &["192.0.2.9/32"]) };
        check(
            &[
                event(Kind::Start, "1", 100, &["192.0.2.7/32"]),
                event(Kind::Start, "2", 300, &["192.0.2.8/32"]),
                elsewhere,
                Event { users: vec![NOBODY.into()], ..event(Kind::Reset, "", 200, &[]) },
            ],
            &[Outcome::Began, Outcome::Began, Outcome::Began, Outcome::Reset(1)],
            &[
                "192.0.2.7/32 user of 1 100-200",
                "192.0.2.9/32 user of 1 100-Open",
                "192.0.2.8/32 user of 2 300-Open",
            ],
        );
    }

    #[test]
    fn a_start_that_comes_behind_its_stop_begins_nothing() {
        let stop = Event { seconds: Some(99), ..event(Kind::Stop, "1", 200, &["192.0.2.7/32"]) };
        check(
            &[
                stop,
                event(Kind::Start, "1", 100, &["192.0.2.7/32"]),
                event(Kind::Interim, "1", 199, &["192.0.2.7/32"]),
                event(Kind::Start, "1", 200, &["192.0.2.8/32"]),
            ],
            &[Outcome::Ended, Outcome::Known, Outcome::Known, Outcome::Began],
            &["192.0.2.7/32 user of 1 101-200", "192.0.2.8/32 user of 1 200-Open"],
        );
        let mut lately = Lately::default();
        (0..=LATELY_MAX).for_each(|id| lately.add("nas", &id.to_string(), Timestamp::from_unix(100)));
        let is_over = |id: usize| lately.is_over(&event(Kind::Start, &id.to_string(), 99, &[]));
        assert_eq!(
            (is_over(0), is_over(1), is_over(LATELY_MAX), lately.order.len()),
            (false, true, true, LATELY_MAX)
        );
    }

    #[test]
    fn a_clock_that_may_be_wrong_is_between() {
        let at = |second: i64| Some(Moment::certain(Timestamp::from_unix(1_000_000 + second)));
        let happened = |told, delay| {
            let moment = happened(at(told), at(0), delay).unwrap();
            (moment.at().unix() - 1_000_000, moment.doubt())
        };
        assert_eq!(
            (happened(-600, 0), happened(599, 0), happened(-7300, 7000)),
            ((-600, 0), (599, 0), (-7300, 0))
        );
        // An access server that is two hours behind, and one that counts its delay wrongly.
        assert_eq!((happened(-7200, 0), happened(-60, 7200)), ((-3600, 3600), (-3630, 3570)));
        assert_eq!((happened(-700_000, 7), happened(601, 7)), ((-7, 0), (-7, 0)), "no clock at all");
    }

    #[test]
    fn an_id_that_is_used_again_is_another_session() {
        let other =
            Event { users: vec!["other".into()], ..event(Kind::Interim, "1", 160, &["192.0.2.7/32"]) };
        check(
            &[
                event(Kind::Start, "1", 100, &["192.0.2.7/32"]),
                Event { seconds: Some(10), ..other },
                event(Kind::Start, "2", 100, &["192.0.2.8/32"]),
                event(Kind::Start, "2", 900, &["192.0.2.8/32"]),
            ],
            &[Outcome::Began; 4],
            &[
                "192.0.2.7/32 user of 1 100-150",
                "192.0.2.8/32 user of 2 100-900",
                "192.0.2.7/32 other 150-Open",
                "192.0.2.8/32 user of 2 900-Open",
            ],
        );
    }

    #[test]
    fn more_than_fit_are_given_as_they_are() {
        let mut memory = Memory::default();
        for id in 0..=RUNNING_MAX {
            apply(&event(Kind::Start, &id.to_string(), 100, &["192.0.2.7/32"]), &mut memory).unwrap();
        }
        assert_eq!(memory.running.len(), 1);
        memory.finish();
        assert_eq!(memory.given.len(), RUNNING_MAX + 1);
    }
}
