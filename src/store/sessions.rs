//! Sessions: who held an address for a time. Keys and values are of fixed size, and a user is a number: two million
//! sessions are 100 to 150 MiB.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use redb::{ReadOnlyTable, ReadableTable, ReadableTableMetadata, Table};
use serde::{Deserialize, Serialize};

use super::resolved::{self, ResolvedKey, ResolverAnswer};
use super::tables::{RESOLVED, SESSION_USER_NAMES, SESSION_USERS, SESSIONS};
use super::{Error, Txn, View};
use crate::clock::Timestamp;
use crate::sessions::owner::{Held, Log, Resolved};
use crate::sessions::{Session, Until};

/// Address, length, first port, first second, user: a session is found by the first three.
pub(super) type SessionKey = [u8; KEY_LEN];
/// How it ends, last port, uncertainty, source.
pub(super) type SessionValue = [u8; VALUE_LEN];

const KEY_LEN: usize = 16 + 1 + 2 + 8 + 4;
const VALUE_LEN: usize = 1 + 8 + 2 + 4 + 2;

/// What there is among the sessions, so that few places need to be looked at. It only grows between two clearings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionShape {
    /// Lengths of the prefixes, IPv4 as behind `::ffff:`.
    lens: Vec<u8>,
    /// Ports of the largest block, less one.
    width_max: u16,
    uncertainty_max: u32,
}

/// Who tells sessions, in the order of their numbers: its name, blank if it tells no more, and up to when it has told all;
/// `None`: it tells all as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionSources(Vec<(String, Option<Timestamp>)>);

/// Number of somebody who tells sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSource(u16);

impl SessionSources {
    fn number(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    fn told(&self, source: u16) -> Option<Timestamp> {
        // One without a name has told nothing.
        let of_nobody = Some(Timestamp::from_unix(i64::MIN));
        self.0.get(usize::from(source)).map_or(of_nobody, |(_, told)| *told)
    }
}

/// A session as its key and value hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    address: u128,
    len: u8,
    ports: (u16, u16),
    from: Timestamp,
    user: u32,
    until: Until,
    uncertainty: u32,
    source: u16,
}

const ALL_PORTS: (u16, u16) = (0, u16::MAX);

impl Kept {
    fn key(&self) -> SessionKey {
        key((self.address, self.len, self.ports.0), self.from, self.user)
    }

    fn value(&self) -> SessionValue {
        let (kind, end) = match self.until {
            Until::Open => (0, 0),
            Until::Expires(end) => (1, end.unix()),
            Until::Ended(end) => (2, end.unix()),
        };
        let mut value = [0; VALUE_LEN];
        value[0] = kind;
        value[1..9].copy_from_slice(&end.to_be_bytes());
        value[9..11].copy_from_slice(&self.ports.1.to_be_bytes());
        value[11..15].copy_from_slice(&self.uncertainty.to_be_bytes());
        value[15..].copy_from_slice(&self.source.to_be_bytes());
        value
    }

    fn of(key: &SessionKey, value: &SessionValue) -> Self {
        let end = Timestamp::from_unix(i64::from_be_bytes(part(value, 1)));
        Self {
            address: u128::from_be_bytes(part(key, 0)),
            len: key[16],
            ports: (u16::from_be_bytes(part(key, 17)), u16::from_be_bytes(part(value, 9))),
            from: Timestamp::from_unix(i64::from_be_bytes(part(key, 19)) ^ i64::MIN),
            user: u32::from_be_bytes(part(key, 27)),
            until: match value[0] {
                0 => Until::Open,
                1 => Until::Expires(end),
                _ => Until::Ended(end),
            },
            uncertainty: u32::from_be_bytes(part(value, 11)),
            source: u16::from_be_bytes(part(value, 15)),
        }
    }

    fn net(&self) -> IpNet {
        let address = IpAddr::V6(Ipv6Addr::from_bits(self.address)).to_canonical();
        let len = self.len - if address.is_ipv4() { V4_LEN } else { 0 };
        IpNet::new_assert(address, len)
    }

    /// What is known of one session when `other`, with the same key, says it too: an end outweighs none, the later
    /// one the earlier, and whoever tells more of what comes after is its source.
    fn with(self, other: Self, sources: &SessionSources) -> Self {
        let ports = (self.ports.0, self.ports.1.max(other.ports.1));
        let uncertainty = self.uncertainty.max(other.uncertainty);
        let told = |source| sources.told(source).map_or(i64::MAX, Timestamp::unix);
        let source = if told(other.source) > told(self.source) { other.source } else { self.source };
        Self { until: self.until.max(other.until), ports, uncertainty, source, ..self }
    }
}

fn part<const LEN: usize>(bytes: &[u8], at: usize) -> [u8; LEN] {
    let mut part = [0; LEN];
    part.copy_from_slice(&bytes[at..at + LEN]);
    part
}

/// The first bit turned, negative moments sort before positive ones.
fn key((address, len, port): (u128, u8, u16), from: Timestamp, user: u32) -> SessionKey {
    let mut key = [0; KEY_LEN];
    key[..16].copy_from_slice(&address.to_be_bytes());
    key[16] = len;
    key[17..19].copy_from_slice(&port.to_be_bytes());
    key[19..27].copy_from_slice(&(from.unix() ^ i64::MIN).to_be_bytes());
    key[27..].copy_from_slice(&user.to_be_bytes());
    key
}

/// As the keys have it: IPv4 behind `::ffff:`.
fn place(net: IpNet) -> (u128, u8) {
    match net.trunc() {
        IpNet::V4(net) => (net.network().to_ipv6_mapped().to_bits(), net.prefix_len() + V4_LEN),
        IpNet::V6(net) => (net.network().to_bits(), net.prefix_len()),
    }
}

/// Where an IPv4 address begins behind `::ffff:`.
const V4_LEN: u8 = 96;

type UserNames = ReadOnlyTable<u32, &'static str>;

/// The sessions of a snapshot, to be asked row by row.
pub struct SessionLog {
    /// With the names of the users; `None`: there was never a session.
    tables: Option<(ReadOnlyTable<&'static SessionKey, SessionValue>, UserNames)>,
    /// `None`: the resolver was never asked.
    resolved: Option<ReadOnlyTable<&'static ResolvedKey, &'static [u8]>>,
    shape: SessionShape,
    sources: SessionSources,
    failed: RefCell<Option<Error>>,
}

impl View {
    pub fn session_log(&self) -> Result<SessionLog, Error> {
        let tables = self.later_table(SESSIONS)?.zip(self.later_table(SESSION_USER_NAMES)?);
        let resolved = self.later_table(RESOLVED)?;
        let (shape, sources) = (self.meta()?.unwrap_or_default(), self.meta()?.unwrap_or_default());
        Ok(SessionLog { tables, resolved, shape, sources, failed: RefCell::default() })
    }

    pub(super) fn is_session_source(&self, name: &str) -> Result<bool, Error> {
        Ok(self.meta::<SessionSources>()?.unwrap_or_default().number(name).is_some())
    }

    /// How many sessions are kept.
    pub fn sessions_len(&self) -> Result<u64, Error> {
        Ok(self.later_table(SESSIONS)?.map_or(Ok(0), |sessions| sessions.len())?)
    }
}

impl SessionLog {
    /// Up to when all is told, by those who have told something since `since` and will tell more.
    pub fn told_by_all(&self, since: Timestamp) -> Option<Timestamp> {
        let goes_on = self.sources.0.iter().filter(|(name, _)| !name.is_empty());
        goes_on.filter_map(|(_, told)| *told).filter(|told| *told >= since).min()
    }

    /// Whether each answer was whole: to be asked before anything is made of them.
    pub fn finish(&self) -> Result<(), Error> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn or_fail<T: Default>(&self, read: Result<T, Error>) -> T {
        read.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    fn read(
        &self,
        address: IpAddr,
        port: Option<u16>,
        at: Timestamp,
        told: bool,
    ) -> Result<Vec<Held>, Error> {
        let (address, _) = place(IpNet::from(address.to_canonical()));
        let mut held = Vec::new();
        let Some((sessions, names)) = &self.tables else { return Ok(held) };
        let ports = port.map_or((0, 0), |port| (port.saturating_sub(self.shape.width_max), port));
        let begun = at.plus_seconds(i64::from(self.shape.uncertainty_max));
        for &len in &self.shape.lens {
            let place = address & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
            let first = key((place, len, ports.0), Timestamp::from_unix(i64::MIN), 0);
            let last = key((place, len, ports.1), Timestamp::from_unix(i64::MAX), u32::MAX);
            for entry in sessions.range::<&SessionKey>(&first..=&last)? {
                let (key, value) = entry?;
                let kept = Kept::of(key.value(), &value.value());
                let is_whole = kept.ports == ALL_PORTS;
                let fits = port.map_or(is_whole, |port| !is_whole && port <= kept.ports.1);
                if fits && kept.from <= begun {
                    let over = |end: Timestamp| end.plus_seconds(i64::from(kept.uncertainty)) < at;
                    let is_asked = told || !kept.until.at().is_some_and(over);
                    held.push(self.held_of(&kept, is_asked.then_some(names))?);
                }
            }
        }
        Ok(held)
    }

    fn held_of(&self, kept: &Kept, names: Option<&UserNames>) -> Result<Held, Error> {
        let users = names.map(|names| names.get(kept.user)).transpose()?.flatten();
        let users = users.map(|name| name.value().to_owned());
        Ok(Held {
            net: kept.net(),
            ports: (kept.ports != ALL_PORTS).then_some(kept.ports),
            users: users.unwrap_or_default(),
            from: kept.from,
            until: kept.until,
            uncertainty: kept.uncertainty,
            known_until: self.sources.told(kept.source).filter(|_| !matches!(kept.until, Until::Ended(_))),
        })
    }
}

impl Log for SessionLog {
    fn held(&self, address: IpAddr, port: Option<u16>, at: Timestamp, told: bool) -> Vec<Held> {
        self.or_fail(self.read(address, port, at, told))
    }

    fn resolved(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Option<Resolved> {
        let said = self.resolved.as_ref().map(|table| resolved::said(table, address, port, at));
        self.or_fail(said.unwrap_or(Ok(None))).map(ResolverAnswer::resolved)
    }
}

/// Tables to which sessions are added.
struct Tables<'t> {
    sessions: Table<'t, &'static SessionKey, SessionValue>,
    users: Table<'t, &'static str, u32>,
    names: Table<'t, u32, &'static str>,
    sources: SessionSources,
}

impl Tables<'_> {
    fn user(&mut self, users: &str) -> Result<u32, Error> {
        if let Some(number) = self.users.get(users)? {
            return Ok(number.value());
        }
        let number = self.names.last()?.map_or(1, |(last, _)| last.value() + 1);
        self.users.insert(users, number)?;
        self.names.insert(number, users)?;
        Ok(number)
    }

    /// The newest session of a user there that had begun by `at`, if it is the newest of all.
    fn newest(&self, of: &Kept, at: Timestamp) -> Result<Option<Kept>, Error> {
        let place = (of.address, of.len, of.ports.0);
        let (first, last) = (key(place, Timestamp::from_unix(i64::MIN), 0), key(place, at, u32::MAX));
        let newest = self.sessions.range::<&SessionKey>(&first..=&last)?.next_back().transpose()?;
        let newest = newest.map(|(key, value)| Kept::of(key.value(), &value.value()));
        Ok(newest.filter(|kept| kept.user == of.user && kept.ports == of.ports))
    }

    fn put(&mut self, kept: Kept) -> Result<bool, Error> {
        let known = self.sessions.get(&kept.key())?.map(|value| Kept::of(&kept.key(), &value.value()));
        let merged = match known {
            Some(known) => known.with(kept, &self.sources),
            // A lease that was renewed goes on: its log has a line for each renewal.
            None => match (kept.until, self.newest(&kept, kept.from)?) {
                (Until::Expires(_), Some(before @ Kept { until: Until::Expires(end), .. }))
                    if end >= kept.from =>
                {
                    before.with(kept, &self.sources)
                }
                _ => kept,
            },
        };
        let value = merged.value();
        let before = self.sessions.insert(&merged.key(), value)?;
        Ok(before.is_none_or(|before| before.value() != value))
    }
}

impl Txn {
    fn session_tables(&self) -> Result<Tables<'_>, Error> {
        Ok(Tables {
            sessions: self.txn.open_table(SESSIONS)?,
            users: self.txn.open_table(SESSION_USERS)?,
            names: self.txn.open_table(SESSION_USER_NAMES)?,
            sources: self.meta()?.unwrap_or_default(),
        })
    }

    /// Notes that somebody has told all sessions until `told`, or with `None` that he tells them as they come. What was told
    /// later stays told.
    pub fn session_source(&self, name: &str, told: Option<Timestamp>) -> Result<SessionSource, Error> {
        let mut sources = self.meta::<SessionSources>()?.unwrap_or_default();
        let before = sources.clone();
        let number = sources.number(name).unwrap_or_else(|| {
            sources.0.push((name.to_owned(), told));
            sources.0.len() - 1
        });
        let known = &mut sources.0[number].1;
        *known = known.zip(told).map(|(known, told)| known.max(told));
        if sources != before {
            self.set_meta(&sources)?;
        }
        // Names are those of the settings.
        Ok(SessionSource(u16::try_from(number).unwrap_or(u16::MAX)))
    }

    /// Ends a source that told all as it came: of its sessions is known what was until `told`. One of this name begins anew.
    pub(super) fn close_session_source(&self, name: &str, told: Timestamp) -> Result<(), Error> {
        let mut sources = self.meta::<SessionSources>()?.unwrap_or_default();
        if let Some(number) = sources.number(name) {
            sources.0[number] = (String::new(), Some(told));
            self.set_meta(&sources)?;
        }
        Ok(())
    }

    /// Adds sessions, whose clock may be wrong by `uncertainty` seconds beside what each says of itself. Those that are known
    /// stay once; of what two logs say of one session the more is kept. Returns how many were new or are different now.
    pub fn put_sessions(
        &self,
        sessions: &[Session],
        uncertainty: u32,
        SessionSource(source): SessionSource,
    ) -> Result<usize, Error> {
        let mut tables = self.session_tables()?;
        let mut shape = self.meta::<SessionShape>()?.unwrap_or_default();
        let before = shape.clone();
        let mut kept = Vec::with_capacity(sessions.len());
        for session in sessions {
            let (address, len) = place(session.net);
            let ports = session.ports.unwrap_or(ALL_PORTS);
            let user = tables.user(&session.users.join("\n"))?;
            let (from, until) = (session.from, session.until);
            let uncertainty = uncertainty.saturating_add(session.uncertainty);
            kept.push(Kept { address, len, ports, from, user, until, uncertainty, source });
            if !shape.lens.contains(&len) {
                shape.lens.push(len);
                shape.lens.sort_unstable_by(|a, b| b.cmp(a));
            }
            if session.ports.is_some() {
                shape.width_max = shape.width_max.max(ports.1 - ports.0);
            }
            shape.uncertainty_max = shape.uncertainty_max.max(uncertainty);
        }
        // In the order of the store, so that each of its pages is touched once.
        kept.sort_unstable_by_key(Kept::key);
        let mut changed = 0;
        for kept in kept {
            changed += usize::from(tables.put(kept)?);
        }
        if shape != before {
            self.set_meta(&shape)?;
        }
        Ok(changed)
    }

    /// Ends the session that a user has on these addresses at `at`. Returns whether there was one.
    pub fn end_session(&self, net: IpNet, users: &[String], at: Timestamp) -> Result<bool, Error> {
        let mut tables = self.session_tables()?;
        let Some(user) = tables.users.get(users.join("\n").as_str())?.map(|user| user.value()) else {
            return Ok(false);
        };
        let (address, len) = place(net);
        let (until, ports) = (Until::Open, ALL_PORTS);
        let of = Kept { address, len, ports, from: at, user, until, uncertainty: 0, source: 0 };
        let Some(kept) = tables.newest(&of, at)?.filter(|kept| kept.until == Until::Open) else {
            return Ok(false);
        };
        let ended = Kept { until: Until::Ended(at), ..kept };
        tables.sessions.insert(&ended.key(), ended.value())?;
        Ok(true)
    }

    /// Deletes the sessions that were over before `old`, and the names of users of whom there is no other. One without
    /// an end is over where the next one on the same addresses begins, or began before `oldest`. Returns how many.
    pub fn forget_sessions(&self, old: Timestamp, oldest: Timestamp) -> Result<u64, Error> {
        let mut tables = self.session_tables()?;
        let (mut over, mut used, mut shape) = (Vec::new(), HashSet::new(), SessionShape::default());
        {
            let mut entries = tables.sessions.iter()?.peekable();
            while let Some(entry) = entries.next() {
                let (key, value) = entry?;
                let kept = Kept::of(key.value(), &value.value());
                let next = entries.peek().and_then(|entry| entry.as_ref().ok()).map(|(key, _)| key.value());
                let next = next.filter(|next| next[..19] == key.value()[..19]);
                let next = next.map(|next| Kept::of(next, &value.value()).from);
                let end = match kept.until {
                    Until::Ended(end) => Some(end),
                    Until::Expires(end) => Some(next.map_or(end, |next| next.min(end))),
                    Until::Open => next.or((kept.from < oldest).then_some(kept.from)),
                };
                if end.is_some_and(|end| end < old) {
                    over.push(kept.key());
                    continue;
                }
                used.insert(kept.user);
                if !shape.lens.contains(&kept.len) {
                    shape.lens.push(kept.len);
                }
                if kept.ports != ALL_PORTS {
                    shape.width_max = shape.width_max.max(kept.ports.1 - kept.ports.0);
                }
                shape.uncertainty_max = shape.uncertainty_max.max(kept.uncertainty);
            }
        }
        for key in &over {
            tables.sessions.remove(key)?;
        }
        let unused: Vec<(u32, String)> = tables
            .names
            .iter()?
            .filter_map(|entry| match entry {
                Ok((number, _)) if used.contains(&number.value()) => None,
                Ok((number, name)) => Some(Ok((number.value(), name.value().to_owned()))),
                Err(error) => Some(Err(error)),
            })
            .collect::<Result<_, _>>()?;
        for (number, name) in unused {
            tables.names.remove(number)?;
            tables.users.remove(name.as_str())?;
        }
        shape.lens.sort_unstable_by(|a, b| b.cmp(a));
        self.set_meta(&shape)?;
        Ok(over.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Store;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second)
    }

    fn session(net: &str, user: &str, from: i64, until: Until) -> Session {
        let users = vec![user.to_owned()];
        let net = net.parse().unwrap();
        Session { net, ports: None, users, from: at(from), until, uncertainty: 0, line: 0 }
    }

    fn put(store: &Store, sessions: &[Session], uncertainty: u32) -> usize {
        let put = |txn: &Txn| txn.put_sessions(sessions, uncertainty, txn.session_source("log", None)?);
        store.write(put).unwrap()
    }

    /// Users, first second and end of each session around an address.
    fn held(store: &Store, address: &str, port: Option<u16>, second: i64) -> Vec<(String, i64, Until)> {
        let log = store.view().unwrap().session_log().unwrap();
        let held = log.held(address.parse().unwrap(), port, at(second), true);
        log.finish().unwrap();
        held.into_iter().map(|held| (held.users, held.from.unix(), held.until)).collect()
    }

    #[test]
    fn what_is_put_is_found() {
        let store = Store::in_memory().unwrap();
        assert_eq!(held(&store, "192.0.2.1", None, 500), []);
        let ended = Until::Ended(at(300));
        let all = [
            session("192.0.2.1/32", "a", 100, ended),
            session("2001:db8:1::/48", "b", -5, Until::Open),
            Session { ports: Some((1024, 2047)), ..session("192.0.2.9/32", "c", 100, Until::Open) },
            Session { ports: Some((2000, 2001)), ..session("192.0.2.9/32", "d", 100, Until::Open) },
        ];
        assert_eq!((put(&store, &all, 0), put(&store, &all, 0)), (4, 0));
        assert_eq!(held(&store, "192.0.2.1", None, 500), [("a".to_owned(), 100, ended)]);
        assert_eq!(held(&store, "::ffff:192.0.2.1", None, 100).len(), 1);
        assert_eq!(held(&store, "192.0.2.1", None, 99), []);
        assert_eq!(held(&store, "192.0.2.2", None, 500), []);
        assert_eq!(held(&store, "2001:db8:1:ffff::1", None, 0)[0].1, -5);
        assert_eq!(held(&store, "2001:db8:2::1", None, 0), []);
        let users = |port| held(&store, "192.0.2.9", port, 500).into_iter().map(|(user, ..)| user);
        assert_eq!(users(Some(1024)).collect::<String>(), "c");
        assert_eq!(users(Some(2001)).collect::<String>(), "cd");
        assert_eq!((users(Some(1023)).count(), users(Some(2048)).count(), users(None).count()), (0, 0, 0));
        assert_eq!(store.view().unwrap().sessions_len().unwrap(), 4);
        // A clock that may be late makes a session begin earlier.
        put(&store, &[session("192.0.2.3/32", "a", 100, ended)], 10);
        assert_eq!(
            (held(&store, "192.0.2.3", None, 90).len(), held(&store, "192.0.2.3", None, 89).len()),
            (1, 0)
        );
    }

    #[test]
    fn what_two_logs_say_of_a_session_is_one() {
        let store = Store::in_memory().unwrap();
        let say = |from, until| put(&store, &[session("192.0.2.1/32", "a", from, until)], 0);
        say(100, Until::Open);
        assert_eq!((say(100, Until::Ended(at(300))), say(100, Until::Open)), (1, 0));
        assert_eq!(held(&store, "192.0.2.1", None, 500), [("a".to_owned(), 100, Until::Ended(at(300)))]);
        // Renewals of a lease.
        let renew = |user: &str, from, until| {
            put(&store, &[session("192.0.2.2/32", user, from, Until::Expires(at(until)))], 0)
        };
        renew("a", 100, 200);
        renew("a", 150, 250);
        renew("a", 250, 350);
        renew("a", 400, 500);
        renew("b", 450, 550);
        renew("a", 500, 600);
        let told = held(&store, "192.0.2.2", None, 900);
        let told: Vec<_> =
            told.iter().map(|(user, from, until)| (&**user, *from, until.at().unwrap().unix())).collect();
        assert_eq!(told, [("a", 100, 350), ("a", 400, 500), ("b", 450, 550), ("a", 500, 600)]);
    }

    #[test]
    fn a_session_is_known_as_far_as_somebody_has_told() {
        let store = Store::in_memory().unwrap();
        let log = || store.view().unwrap().session_log().unwrap();
        let told = || log().held("192.0.2.1".parse().unwrap(), None, at(500), true)[0].known_until;
        let one = [session("192.0.2.1/32", "a", 100, Until::Open)];
        let tell = |name: &str, until: Option<i64>| {
            let put = |txn: &Txn| txn.put_sessions(&one, 0, txn.session_source(name, until.map(at))?);
            store.write(put).unwrap()
        };
        assert_eq!((tell("log", Some(200)), told()), (1, Some(at(200))));
        // Somebody who knows less changes nothing; one who knows more does.
        assert_eq!((tell("old", Some(150)), told()), (0, Some(at(200))));
        assert_eq!((tell("log", Some(120)), told()), (0, Some(at(200))));
        assert_eq!((tell("log", Some(300)), told()), (0, Some(at(300))));
        assert_eq!((tell("old", Some(400)), told()), (1, Some(at(400))));
        assert_eq!(log().told_by_all(at(0)), Some(at(300)));
        assert_eq!((log().told_by_all(at(301)), log().told_by_all(at(401))), (Some(at(400)), None));
        assert_eq!((tell("live", None), told()), (1, None));
        assert_eq!((tell("log", Some(900)), told()), (0, None));
        assert_eq!(log().told_by_all(at(0)), Some(at(400)));
        // An end is told for good.
        let ended = [session("192.0.2.2/32", "a", 100, Until::Ended(at(600)))];
        store.write(|txn| txn.put_sessions(&ended, 0, txn.session_source("old", Some(at(700)))?)).unwrap();
        assert_eq!(log().held("192.0.2.2".parse().unwrap(), None, at(600), true)[0].known_until, None);
    }

    #[test]
    fn a_session_is_ended_once() {
        let store = Store::in_memory().unwrap();
        put(&store, &[session("192.0.2.1/32", "a", 100, Until::Open)], 7);
        let net: IpNet = "192.0.2.1/32".parse().unwrap();
        let end = |user: &str, second| {
            store.write(|txn| txn.end_session(net, &[user.to_owned()], at(second))).unwrap()
        };
        assert_eq!((end("b", 200), end("a", 99), end("a", 200), end("a", 210)), (false, false, true, false));
        assert_eq!(held(&store, "192.0.2.1", None, 500), [("a".to_owned(), 100, Until::Ended(at(200)))]);
    }

    #[test]
    fn what_is_over_is_forgotten_with_its_users() {
        let store = Store::in_memory().unwrap();
        let ports = |session| Session { ports: Some((5000, 5999)), ..session };
        let all = [
            session("192.0.2.1/32", "over", 100, Until::Ended(at(199))),
            session("192.0.2.1/32", "ends later", 100, Until::Ended(at(200))),
            session("192.0.2.1/32", "superseded", 110, Until::Open),
            session("192.0.2.1/32", "open", 150, Until::Open),
            session("192.0.2.2/32", "open", 0, Until::Open),
            session("2001:db8::/48", "lease", 0, Until::Expires(at(150))),
            ports(session("192.0.2.3/32", "block", 0, Until::Ended(at(1)))),
        ];
        put(&store, &all, 0);
        let forget = |old| store.write(|txn| txn.forget_sessions(at(old), at(-50))).unwrap();
        assert_eq!((forget(200), forget(200)), (4, 0));
        let users: Vec<_> = held(&store, "192.0.2.1", None, 900).into_iter().map(|held| held.0).collect();
        assert_eq!(users, ["ends later", "open"]);
        let view = store.view().unwrap();
        let shape: SessionShape = view.meta().unwrap().unwrap();
        assert_eq!((shape.lens, shape.width_max), (vec![128], 0));
        let names = view.txn.open_table(SESSION_USER_NAMES).unwrap();
        assert_eq!(
            (names.len().unwrap(), view.txn.open_table(SESSION_USERS).unwrap().len().unwrap()),
            (2, 2)
        );
        // Numbers of those who are left stay theirs.
        put(&store, &[session("192.0.2.4/32", "new", 0, Until::Open)], 0);
        assert_eq!(held(&store, "192.0.2.4", None, 900)[0].0, "new");
        assert_eq!(held(&store, "192.0.2.2", None, 900)[0].0, "open");
        // One that nobody ended in a year is over.
        let forgotten = store.write(|txn| txn.forget_sessions(at(200), at(50)));
        assert_eq!(forgotten.unwrap(), 2);
    }

    proptest! {
        #[test]
        fn a_session_survives_its_bytes(address: u128, len in 0_u8..=128, ports: (u16, u16), from: i64, user: u32, end: i64, kind in 0..3, uncertainty: u32, source: u16) {
            let until = match kind { 0 => Until::Open, 1 => Until::Expires(at(end)), _ => Until::Ended(at(end)) };
            let kept = Kept { address, len, ports, from: at(from), user, until, uncertainty, source };
            prop_assert_eq!(Kept::of(&kept.key(), &kept.value()), kept);
        }

        #[test]
        fn keys_sort_by_time(a: i64, b: i64) {
            let key = |from| key((1, 2, 3), at(from), 4);
            prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
        }
    }
}
