//! Who may in: sessions, how often somebody may guess, and which passwords are good enough. Pure: time and chance are
//! arguments.

mod guesses;
pub mod password;

use std::time::Duration;

pub use guesses::Guesses;

use crate::store::Role;

/// Time since the process began. It never jumps, as the clock of a box does.
pub type Tick = Duration;

/// Somebody who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub name: String,
    pub role: Role,
    /// Every form of this session brings it back; a page of another site cannot know it.
    pub csrf: String,
}

/// The sessions of this process.
#[derive(Default)]
pub struct Sessions(Vec<Session>);

struct Session {
    /// Of the id in the cookie: whoever reads memory or a dump finds no key in it.
    sha256: [u8; 32],
    who: Who,
    /// It was opened over HTTPS, and holds there only; one of HTTP holds on HTTP only.
    is_secure: bool,
    began: Tick,
    used: Tick,
}

impl Sessions {
    /// Opens one. `id` and the token in `who` are random. Of a person who has too many, the one unused longest makes
    /// room: nobody ends another's.
    pub fn open(&mut self, id: &str, who: Who, is_secure: bool, now: Tick) {
        self.forget_old(now);
        let of_same = || (0..self.0.len()).filter(|&index| self.0[index].who.name == who.name);
        if of_same().count() >= SESSIONS_OF_ONE_MAX
            && let Some(oldest) = of_same().min_by_key(|&index| self.0[index].used)
        {
            self.0.swap_remove(oldest);
        }
        self.0.push(Session { sha256: sha256(id), who, is_secure, began: now, used: now });
    }

    /// Whose session it is, if it holds; that counts as use.
    pub fn find(&mut self, id: &str, is_secure: bool, now: Tick) -> Option<&Who> {
        self.forget_old(now);
        let sha256 = sha256(id);
        let session = self.0.iter_mut().find(|session| session.sha256 == sha256)?;
        if session.is_secure != is_secure {
            return None;
        }
        session.used = now;
        Some(&session.who)
    }

    pub fn close(&mut self, id: &str) {
        let sha256 = sha256(id);
        self.0.retain(|session| session.sha256 != sha256);
    }

    /// Ends all of a person: the password was changed, or the person may no longer in.
    pub fn close_all_of(&mut self, name: &str) {
        self.0.retain(|session| session.who.name != name);
    }

    fn forget_old(&mut self, now: Tick) {
        self.0.retain(|session| {
            now.saturating_sub(session.used) < IDLE_MAX && now.saturating_sub(session.began) < AGE_MAX
        });
    }
}

/// Whether two secrets are the same; the time it takes tells nothing of either.
pub fn is_same(one: &str, other: &str) -> bool {
    sha256(one) == sha256(other)
}

fn sha256(text: &str) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Whether a name can be a person's: letters, digits and the marks of mail addresses, so that it looks like no other.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@+".contains(&byte))
}

const NAME_BYTES_MAX: usize = 64;
/// Some devices, and a browser that was closed on each.
const SESSIONS_OF_ONE_MAX: usize = 8;
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// Somebody who works all day logs in again the next.
const AGE_MAX: Duration = Duration::from_secs(12 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn who(name: &str) -> Who {
        Who { name: name.to_owned(), role: Role::Viewer, csrf: "token".to_owned() }
    }

    fn found(sessions: &mut Sessions, id: &str, is_secure: bool, now: Tick) -> Option<String> {
        sessions.find(id, is_secure, now).map(|who| who.name.clone())
    }

    #[test]
    fn a_session_ends_half_an_hour_after_its_last_use_and_after_half_a_day() {
        let mut sessions = Sessions::default();
        sessions.open("a", who("ann"), false, MINUTE);
        assert_eq!(found(&mut sessions, "a", false, 30 * MINUTE).as_deref(), Some("ann"));
        assert_eq!(found(&mut sessions, "a", false, 59 * MINUTE).as_deref(), Some("ann"));
        assert_eq!(found(&mut sessions, "a", false, 89 * MINUTE), None);
        sessions.open("a", who("ann"), false, Duration::ZERO);
        let lasted = (0..1000).find(|minute| found(&mut sessions, "a", false, *minute * MINUTE).is_none());
        assert_eq!(lasted, Some(12 * 60));
    }

    #[test]
    fn a_session_holds_on_its_own_scheme_only() {
        let mut sessions = Sessions::default();
        sessions.open("plain", who("ann"), false, MINUTE);
        sessions.open("safe", who("bob"), true, MINUTE);
        assert_eq!(found(&mut sessions, "plain", true, MINUTE), None);
        assert_eq!(found(&mut sessions, "safe", false, MINUTE), None);
        assert_eq!(found(&mut sessions, "safe", true, MINUTE).as_deref(), Some("bob"));
        assert_eq!(found(&mut sessions, "", true, MINUTE), None);
    }

    #[test]
    fn sessions_are_closed_by_id_and_by_person() {
        let mut sessions = Sessions::default();
        for (id, name) in [("1", "ann"), ("2", "ann"), ("3", "bob"), ("4", "bob"), ("5", "cyd")] {
            sessions.open(id, who(name), true, MINUTE);
        }
        let left = |sessions: &mut Sessions| {
            ["1", "2", "3", "4", "5"].map(|id| u8::from(sessions.find(id, true, MINUTE).is_some()))
        };
        sessions.close("4");
        assert_eq!(left(&mut sessions), [1, 1, 1, 0, 1]);
        sessions.close_all_of("ann");
        assert_eq!(left(&mut sessions), [0, 0, 1, 0, 1]);
    }

    #[test]
    fn whoever_logs_in_again_and_again_ends_the_own_session_unused_longest_and_no_others() {
        let mut sessions = Sessions::default();
        sessions.open("of bob", who("bob"), true, Duration::ZERO);
        for number in 0..SESSIONS_OF_ONE_MAX {
            let now = MINUTE + number as u32 * Duration::from_secs(1);
            sessions.open(&number.to_string(), who("ann"), true, now);
        }
        assert!(sessions.find("0", true, 3 * MINUTE).is_some());
        sessions.open("new", who("ann"), true, 3 * MINUTE);
        assert!(sessions.find("1", true, 3 * MINUTE).is_none());
        for id in ["of bob", "0", "2", "new"] {
            assert!(sessions.find(id, true, 3 * MINUTE).is_some(), "{id}");
        }
        for number in 100..1_000 {
            sessions.open(&number.to_string(), who("ann"), true, 4 * MINUTE);
        }
        assert!(sessions.find("of bob", true, 4 * MINUTE).is_some());
        assert_eq!(sessions.0.len(), SESSIONS_OF_ONE_MAX + 1);
    }

    #[test]
    fn names_are_plain() {
        for name in ["ann", "noc@example.net", "A.B-c_d+1"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a b", "ann\u{e4}", "<ann>", "a/b", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
