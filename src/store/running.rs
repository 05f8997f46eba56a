//! Sessions of RADIUS that have not ended, by the names that access servers have for them: what is told later of one is
//! told of what is known of it.

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use super::tables::{RUNNING, decode, encode};
use super::{Error, Txn, View};
use crate::clock::Timestamp;
use crate::sessions::Session;
use crate::sessions::accounting::{Book, Lately, Running, TAKEN_MAX};

/// The book of accounting in a transaction.
pub struct Accounts<'t> {
    txn: &'t Txn,
    lately: &'t mut Lately,
    /// Not yet with the others.
    given: Vec<Session>,
    is_changed: bool,
}

/// When accounting was heard last, as far as was worth a commit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct RadiusHeard(Timestamp);

impl Txn {
    /// `lately`: to be forgotten if the transaction comes to nothing.
    pub fn accounts<'t>(&'t self, lately: &'t mut Lately) -> Accounts<'t> {
        Accounts { txn: self, lately, given: Vec::new(), is_changed: false }
    }

    /// Notes that accounting is heard.
    pub fn radius_heard(&self, now: Timestamp) -> Result<(), Error> {
        self.set_meta(&RadiusHeard(now))
    }

    /// What was told until `heard` is all that is known of the sessions that run: nobody has listened since.
    pub fn radius_missed(&self, heard: Timestamp) -> Result<(), Error> {
        self.close_session_source(RADIUS, heard)?;
        // Who goes on with one tells of all of it, in a session of its own.
        self.txn.open_table(RUNNING)?.retain(|_, _| false)?;
        Ok(())
    }

    /// Forgets sessions that began before `oldest`: that they ended was never told.
    pub fn forget_running(&self, oldest: Timestamp) -> Result<(), Error> {
        let mut table = self.txn.open_table(RUNNING)?;
        let is_young = |bytes: &[u8]| decode::<Running>(bytes).is_ok_and(|running| running.begin >= oldest);
        table.retain(|_, running| is_young(running))?;
        Ok(())
    }
}

impl View {
    /// When accounting was heard last, if sessions of it may run.
    pub fn radius_heard(&self) -> Result<Option<Timestamp>, Error> {
        let RadiusHeard(heard) = match self.meta()? {
            Some(heard) if self.is_session_source(RADIUS)? => heard,
            _ => return Ok(None),
        };
        Ok(Some(heard))
    }

    /// How many sessions of RADIUS have not ended.
    pub fn running_len(&self) -> Result<u64, Error> {
        Ok(self.later_table(RUNNING)?.map_or(Ok(0), |running| running.len())?)
    }
}

impl Accounts<'_> {
    /// Stores what was given; clocks may be wrong by `uncertainty` seconds. Returns whether there is anything to commit.
    pub fn finish(self, uncertainty: u32, now: Timestamp) -> Result<bool, Error> {
        let has_sessions = !self.given.is_empty();
        if has_sessions {
            let source = self.txn.session_source(RADIUS, None)?;
            self.txn.put_sessions(&self.given, uncertainty, source)?;
        }
        let is_changed = self.is_changed || has_sessions;
        if is_changed {
            self.txn.radius_heard(now)?;
        }
        Ok(is_changed)
    }
}

impl Book for Accounts<'_> {
    type Error = Error;

    fn running(&mut self, nas: &str, id: &str) -> Result<Option<Running>, Error> {
        let table = self.txn.txn.open_table(RUNNING)?;
        let running = table.get((nas, id))?;
        running.map(|running| decode(running.value())).transpose()
    }

    fn keep(&mut self, nas: &str, id: &str, running: Running) -> Result<(), Error> {
        self.is_changed = true;
        self.txn.txn.open_table(RUNNING)?.insert((nas, id), encode(&running).as_slice())?;
        Ok(())
    }

    fn forget(&mut self, nas: &str, id: &str) -> Result<(), Error> {
        self.is_changed = true;
        self.txn.txn.open_table(RUNNING)?.remove((nas, id))?;
        Ok(())
    }

    fn take(&mut self, nas: &str, at: Timestamp) -> Result<Vec<Running>, Error> {
        let mut table = self.txn.txn.open_table(RUNNING)?;
        let mut taken = Vec::new();
        for entry in table.range((nas, "")..)? {
            let (key, running) = entry?;
            let running: Running = decode(running.value())?;
            if key.value().0 != nas || taken.len() == TAKEN_MAX {
                break;
            }
            if running.begin <= at {
                taken.push((key.value().1.to_owned(), running));
            }
        }
        for (id, _) in &taken {
            table.remove((nas, id.as_str()))?;
        }
        self.is_changed |= !taken.is_empty();
        Ok(taken.into_iter().map(|(_, running)| running).collect())
    }

    fn lately(&mut self) -> &mut Lately {
        self.lately
    }

    fn give(&mut self, session: Session) -> Result<(), Error> {
        self.given.push(session);
        Ok(())
    }
}

/// Among the sources of sessions; logs have other names.
const RADIUS: &str = "radius";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::Until;
    use crate::sessions::accounting::{Event, Kind, Outcome, apply};
    use crate::store::Store;

    fn event(kind: Kind, id: &str, at: i64, net: &str) -> Event {
        let (nas, users) = ("10.0.0.1".to_owned(), vec![format!("u{id}")]);
        let (nets, at) = (vec![net.parse().unwrap()], Timestamp::from_unix(at));
        Event { kind, nas, id: id.to_owned(), users, nets, at, uncertainty: 0, seconds: None, line: 0 }
    }

    fn tell(store: &Store, event: &Event) -> (Outcome, bool) {
        let (txn, mut lately) = (store.begin().unwrap(), Lately::default());
        let mut accounts = txn.accounts(&mut lately);
        let outcome = apply(event, &mut accounts).unwrap();
        let is_changed = accounts.finish(0, event.at).unwrap();
        txn.commit().unwrap();
        (outcome, is_changed)
    }

    fn held(store: &Store, address: &str) -> Vec<(i64, Until)> {
        use crate::sessions::owner::Log;
        let log = store.view().unwrap().session_log().unwrap();
        let held = log.held(address.parse().unwrap(), None, Timestamp::from_unix(10_000), true);
        log.finish().unwrap();
        held.iter().map(|held| (held.from.unix(), held.until)).collect()
    }

    #[test]
    fn a_session_is_told_in_parts_and_written_once_for_each() {
        let store = Store::in_memory().unwrap();
        let (start, stop) =
            (event(Kind::Start, "1", 100, "192.0.2.7/32"), event(Kind::Stop, "1", 300, "192.0.2.7/32"));
        assert_eq!(tell(&store, &start), (Outcome::Began, true));
        assert_eq!(held(&store, "192.0.2.7"), [(100, Until::Open)]);
        assert_eq!(tell(&store, &event(Kind::Interim, "1", 200, "192.0.2.7/32")), (Outcome::Known, false));
        assert_eq!(tell(&store, &stop), (Outcome::Ended, true));
        assert_eq!(held(&store, "192.0.2.7"), [(100, Until::Ended(Timestamp::from_unix(300)))]);
        assert_eq!(store.view().unwrap().running_len().unwrap(), 0);
    }

    #[test]
    fn what_nobody_heard_is_not_known() {
        let store = Store::in_memory().unwrap();
        let heard = || store.view().unwrap().radius_heard().unwrap();
        assert_eq!(heard(), None);
        tell(&store, &event(Kind::Start, "1", 100, "192.0.2.7/32"));
        tell(&store, &event(Kind::Start, "2", 110, "192.0.2.8/32"));
        assert_eq!(heard(), Some(Timestamp::from_unix(110)));
        store.write(|txn| txn.radius_missed(Timestamp::from_unix(110))).unwrap();
        assert_eq!((heard(), store.view().unwrap().running_len().unwrap()), (None, 0));
        // One of them is told of again, with its begin.
        let again = Event { seconds: Some(801), ..event(Kind::Interim, "1", 900, "192.0.2.7/32") };
        assert_eq!(tell(&store, &again), (Outcome::Began, true));
        let known = |address: &str| {
            use crate::sessions::owner::Log;
            let log = store.view().unwrap().session_log().unwrap();
            let held = log.held(address.parse().unwrap(), None, Timestamp::from_unix(1000), true);
            held.iter().map(|held| held.known_until.map(Timestamp::unix)).collect::<Vec<_>>()
        };
        assert_eq!((known("192.0.2.7"), known("192.0.2.8")), (vec![None, Some(110)], vec![Some(110)]));
        let log = store.view().unwrap().session_log().unwrap();
        assert_eq!(log.told_by_all(Timestamp::from_unix(0)), None, "nobody is waited for");
    }

    #[test]
    fn an_access_server_that_begins_anew_ends_all_of_its_own() {
        let store = Store::in_memory().unwrap();
        let count = TAKEN_MAX + 10;
        let (txn, mut lately) = (store.begin().unwrap(), Lately::default());
        let mut accounts = txn.accounts(&mut lately);
        for id in 0..count {
            apply(&event(Kind::Start, &id.to_string(), 100, "192.0.2.7/32"), &mut accounts).unwrap();
        }
        let other = Event { nas: "10.0.0.10".to_owned(), ..event(Kind::Start, "1", 100, "192.0.2.8/32") };
        apply(&other, &mut accounts).unwrap();
        apply(&event(Kind::Start, "later", 400, "192.0.2.9/32"), &mut accounts).unwrap();
        accounts.finish(0, Timestamp::from_unix(400)).unwrap();
        txn.commit().unwrap();
        let reset = event(Kind::Reset, "", 300, "192.0.2.1/32");
        assert_eq!(tell(&store, &reset), (Outcome::Reset(count as u64), true));
        assert_eq!(store.view().unwrap().running_len().unwrap(), 2);
        assert_eq!(held(&store, "192.0.2.8"), [(100, Until::Open)]);
        assert_eq!(held(&store, "192.0.2.9"), [(400, Until::Open)]);
        assert!(
            held(&store, "192.0.2.7")
                .iter()
                .all(|(_, until)| *until == Until::Ended(Timestamp::from_unix(300)))
        );
        store.write(|txn| txn.forget_running(Timestamp::from_unix(200))).unwrap();
        assert_eq!(store.view().unwrap().running_len().unwrap(), 1);
    }
}
