//! What a file of DHCP leases tells, entry by entry: a lease is told again with each renewal, and when it is given back.

use std::collections::HashMap;

use ipnet::IpNet;

use super::read::{Error, Reading};
use super::{Session, Until, user};
use crate::clock::Timestamp;

/// The last that was told of each address. What is told of the same lease is put together: it begins with the first of
/// it and ends as the last says.
#[derive(Default)]
pub(super) struct Leases {
    of: HashMap<IpNet, Lease>,
}

struct Lease {
    session: Session,
    /// When the client was last heard.
    heard: Timestamp,
}

impl Lease {
    /// The last second for which it may hold.
    fn last(&self) -> Timestamp {
        match self.session.until {
            Until::Open => Timestamp::from_unix(i64::MAX),
            Until::Expires(at) | Until::Ended(at) => at,
        }
    }
}

impl Leases {
    /// Takes an entry: `session` begins when the client was last heard.
    pub(super) fn take<E, F: FnMut(Session) -> Result<(), E>>(
        &mut self,
        session: Session,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        let heard = session.from;
        let mut lease = Lease { session, heard };
        if let Some(mut before) = self.of.remove(&lease.session.net) {
            if before.session.users[0] == lease.session.users[0] && heard <= before.last() {
                lease.session.from = before.session.from.min(heard);
                lease.heard = before.heard.max(heard);
                // What is told of its end is often less.
                user::add(&mut before.session.users, lease.session.users);
                lease.session.users = before.session.users;
            } else {
                reading.give(before.session)?;
            }
        } else if self.of.len() >= HELD_MAX {
            self.finish(reading)?;
        }
        self.of.insert(lease.session.net, lease);
        Ok(())
    }

    /// The address is nobody's from `at` on, which is later than what was told before.
    pub(super) fn vacate(&mut self, net: IpNet, at: Timestamp) {
        if let Some(lease) = self.of.get_mut(&net).filter(|lease| at > lease.heard && at < lease.last()) {
            lease.session.until = Until::Ended(at);
        }
    }

    /// Gives all, in the order of the file.
    pub(super) fn finish<E, F: FnMut(Session) -> Result<(), E>>(
        &mut self,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        let mut held: Vec<_> = self.of.drain().map(|(_, lease)| lease.session).collect();
        held.sort_by_key(|session| session.line);
        held.into_iter().try_for_each(|session| reading.give(session))
    }
}

/// Leases that are put together: 16 MiB. Of more, an address that was given back early counts as let until its lease ran
/// out, or until somebody else has it.
const HELD_MAX: usize = 65_536;
