//! Who may in and what was changed by whom, as the pages see it: the border between the pages, which are pure, and where
//! people are kept.

use std::net::IpAddr;
use std::time::Duration;

use super::access::Who;
use super::view::{Part, Trouble};
use super::words::{Pick, Say};
use crate::clock::Timestamp;
use crate::store::{AuditEntry, Person, Role};

/// Keeps people and sessions.
pub trait Gate {
    /// Whether somebody has taken this box into possession.
    fn is_claimed(&self) -> Result<bool, Trouble>;
    /// Whose session it is, if it holds.
    fn session(&self, id: &str, is_secure: bool) -> Option<Who>;
    /// Whether this is the token of programs. `None`: there is none, so that nothing is open to them.
    fn opens_api(&self, token: &str) -> Option<bool>;
    /// The same of the token with which programs send files.
    fn opens_intake(&self, token: &str) -> Option<bool>;
    /// Makes the first person, an operator, for whoever knows the setup code, and logs the person in.
    fn claim(
        &self,
        visitor: &Visitor,
        code: &str,
        new: &NewPerson,
        now: Timestamp,
    ) -> Result<SessionId, Denied>;
    fn log_in(
        &self,
        visitor: &Visitor,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<SessionId, Denied>;
    fn log_out(&self, id: &str);
    /// Ends all sessions of `who`.
    fn change_password(
        &self,
        visitor: &Visitor,
        who: &Who,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<SessionId, Denied>;
    fn add_person(&self, visitor: &Visitor, who: &Who, new: &NewPerson, now: Timestamp)
    -> Result<(), Denied>;
    /// Nobody removes the last operator.
    fn remove_person(&self, visitor: &Visitor, who: &Who, name: &str, now: Timestamp) -> Result<(), Denied>;
    /// In the order of their names.
    fn people(&self) -> Result<Vec<(String, Person)>, Trouble>;
    /// The newest first; those with a number below `before`.
    fn audit(&self, before: Option<u64>) -> Result<Part<(u64, AuditEntry), u64>, Trouble>;
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    pub peer: IpAddr,
    /// By HTTPS.
    pub is_secure: bool,
}

/// Somebody to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerson {
    pub name: String,
    pub role: Role,
    pub password: String,
}

/// What goes into the cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(pub String);

/// Why not.
#[derive(Debug)]
pub enum Denied {
    /// Too many tries: again after this time.
    Wait(Duration),
    /// Name, password or code is wrong; it is not said which.
    Wrong,
    /// What to write instead.
    Because(Say),
    Trouble(Trouble),
}

impl Denied {
    pub(crate) fn because(why: Pick) -> Self {
        Self::Because(Say(why))
    }
}

impl<E: Into<Trouble>> From<E> for Denied {
    fn from(error: E) -> Self {
        Self::Trouble(error.into())
    }
}
