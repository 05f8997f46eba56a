//! Who may in: people in the store, sessions in memory, the setup code of a box that is nobody's yet.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::{Engine, Error, acting, random_token};
use crate::clock::Timestamp;
use crate::files;
use crate::store::{self, AuditEntry, Deed, Person, Role, Txn, What};
use crate::system::seed::RESET_PASSWORD;
use crate::web::access::{self, Guesses, Sessions, Tick, Who, password};
use crate::web::gate::{Denied, Gate, NewPerson, SessionId, Visitor};
use crate::web::view::{Part, ROWS_MAX, Trouble};

/// What can be guessed.
#[derive(Clone, Copy)]
enum At {
    LogIn,
    Claim,
    /// The present password, by somebody who has a session.
    Change,
}

/// The gate of a box at work.
pub struct Admission {
    engine: Arc<Engine>,
    began: Instant,
    sessions: Mutex<Sessions>,
    /// One for each thing that can be guessed: whoever guesses at one keeps nobody from another.
    guesses: [Mutex<Guesses>; 3],
    /// The address from which an operator logged in last: a viewer who does so again and again keeps no operator out.
    known: Mutex<Option<IpAddr>>,
    /// One hash at a time: each takes 19 MiB.
    hashing: Mutex<()>,
    to_note: SyncSender<LogIn>,
}

struct LogIn {
    who: String,
    from: IpAddr,
    at: Timestamp,
}

impl Admission {
    /// Where nobody has taken possession yet, sees to it that there is a setup code, and says it in the log.
    pub fn new(engine: Arc<Engine>) -> Self {
        let (to_note, log_ins) = sync_channel(TO_NOTE_MAX);
        let own = engine.clone();
        let note = move || note_log_ins(&own, &log_ins);
        if let Err(error) = std::thread::Builder::new().name("note".to_owned()).spawn(note) {
            tracing::error!("no thread to note log-ins: {error}");
        }
        let admission = Self {
            engine,
            began: Instant::now(),
            sessions: Mutex::default(),
            guesses: Default::default(),
            known: Mutex::default(),
            hashing: Mutex::default(),
            to_note,
        };
        if let Err(error) = admission.reset_if_wanted() {
            tracing::error!("passwords cannot be reset: {error}");
        }
        match admission.people() {
            Ok(people) if people.is_empty() => {
                let own = admission.engine.loaded().settings.page.setup_code.is_some();
                if let Some(code) = admission.setup_code() {
                    // The operator's own goes on to hold, and is a secret.
                    let code = if own { "that stands in the settings".to_owned() } else { code };
                    tracing::info!(
                        "nobody has claimed this abusebox yet; its page asks for the setup code {code}"
                    );
                }
            }
            Ok(people) => {
                let operators = people.iter().filter(|(_, person)| person.role == Role::Operator);
                let last = operators.filter_map(|(_, person)| person.last_login).max_by_key(|(at, _)| *at);
                *admission.known() = last.map(|(_, from)| from);
                admission.forget_code();
            }
            Err(trouble) => tracing::error!("nobody can log in: {trouble}"),
        }
        admission
    }

    /// Forgets all people if somebody with access to the machine has laid the file for it: the box is nobody's again.
    fn reset_if_wanted(&self) -> Result<(), Error> {
        let path = self.engine.data.join(RESET_PASSWORD);
        if !path.is_file() {
            return Ok(());
        }
        let at = self.engine.clock.untrusted_now();
        self.engine.store.write(|txn| {
            for (name, _) in txn.people()? {
                txn.put_person(&name, None)?;
            }
            acting::note(txn, "", None, Deed::plain(What::ResetPasswords), at)
        })?;
        std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))
    }

    fn tick(&self) -> Tick {
        self.began.elapsed()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guesses(&self, at: At) -> MutexGuard<'_, Guesses> {
        self.guesses[at as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Option<IpAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That of the settings, else the one in the data folder, which is made if need be.
    fn setup_code(&self) -> Option<String> {
        if let Some(code) = &self.engine.loaded().settings.page.setup_code {
            return Some(code.0.clone());
        }
        let path = self.engine.data.join(CODE_FILE);
        let made = match files::read_max(&path, CODE_FILE_BYTES_MAX) {
            // That passes, and another one would not be the one that was read on the screen.
            Err(error) if files::is_crowded(&error) => return None,
            made => made.ok().and_then(|code| String::from_utf8(code).ok()),
        };
        if let Some(code) = made.filter(|code| typed(code).len() == CODE_CHARS) {
            return Some(code.trim().to_owned());
        }
        let code = new_code();
        let saved = files::save_atomic(&path, format!("{code}\n").as_bytes(), 0o600);
        saved.inspect_err(|error| tracing::error!("no setup code: {}: {error}", path.display())).ok()?;
        Some(code)
    }

    fn forget_code(&self) {
        // It has no use any more; what cannot be removed does no harm.
        let _ = std::fs::remove_file(self.engine.data.join(CODE_FILE));
    }

    /// Lets somebody try, and counts how it went.
    fn try_as<T>(
        &self,
        visitor: &Visitor,
        at: At,
        attempt: impl FnOnce() -> Result<T, Denied>,
    ) -> Result<T, Denied> {
        let known = *self.known();
        self.guesses(at).admit(visitor.peer, known, self.tick()).map_err(Denied::Wait)?;
        let outcome = attempt();
        match &outcome {
            Ok(_) => self.guesses(at).succeed(visitor.peer),
            Err(Denied::Wrong) => {
                tracing::warn!(from = %visitor.peer, "a wrong password or setup code");
                self.guesses(at).fail(visitor.peer, self.tick());
            }
            Err(_) => {}
        }
        outcome
    }

    fn open_session(&self, visitor: &Visitor, name: &str, role: Role) -> SessionId {
        let id = SessionId(random_token() + &random_token());
        let who = Who { name: name.to_owned(), role, csrf: random_token() };
        self.sessions().open(&id.0, who, visitor.is_secure, self.tick());
        id
    }

    /// `password` must be the person's. Takes as long for somebody who is not there.
    fn prove(&self, person: Option<&Person>, password: &str) -> Result<(), Denied> {
        let _hashing = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = person.map_or(NOBODYS_HASH, |person| person.password_hash.as_str());
        let is_right = PasswordHash::new(hash)
            .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
        if is_right && person.is_some() { Ok(()) } else { Err(Denied::Wrong) }
    }

    fn hash(&self, password: &str) -> Result<String, Denied> {
        let _hashing = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |_| Denied::Trouble(Trouble("the password cannot be hashed".to_owned()));
        let salt = SaltString::from_b64(&random_token()).map_err(failed)?;
        hasher().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(failed)
    }

    /// What is wrong with a new person or a new password.
    fn check(&self, name: &str, password: &str) -> Result<(), Denied> {
        if !access::is_name(name) {
            return Err(Denied::because(|t| t.denied.name));
        }
        let loaded = self.engine.loaded();
        let own = [name, &loaded.settings.organisation.name, &loaded.settings.boxx.name];
        password::complaint(password, own).map_or(Ok(()), |complaint| Err(Denied::Because(complaint)))
    }

    /// Changes people as an operator, and notes it; the operator may have become none since he logged in.
    fn change_as(
        &self,
        visitor: &Visitor,
        who: &Who,
        what: Deed,
        now: Timestamp,
        change: impl FnOnce(&Txn, &[(String, Person)]) -> Result<Result<(), Denied>, store::Error>,
    ) -> Result<(), Denied> {
        self.change(visitor, &who.name, what, now, |txn, people| {
            if !acting::is_operator(people, &who.name) {
                return Ok(Err(Denied::because(|t| t.denied.no_operator)));
            }
            change(txn, people)
        })
    }

    /// Changes people, and notes who did it. `change` gets them as they are.
    fn change(
        &self,
        visitor: &Visitor,
        who: &str,
        what: Deed,
        now: Timestamp,
        change: impl FnOnce(&Txn, &[(String, Person)]) -> Result<Result<(), Denied>, store::Error>,
    ) -> Result<(), Denied> {
        let txn = self.engine.store.begin()?;
        let people = txn.people()?;
        change(&txn, &people)??;
        acting::note(&txn, who, Some(visitor.peer), what, now)?;
        txn.commit()?;
        Ok(())
    }

    fn person(&self, name: &str) -> Result<Option<Person>, Trouble> {
        Ok(self.people()?.into_iter().find(|(known, _)| known == name).map(|(_, person)| person))
    }

    fn hashed(&self, new: &NewPerson, now: Timestamp) -> Result<Person, Denied> {
        self.check(&new.name, &new.password)?;
        let password_hash = self.hash(&new.password)?;
        Ok(Person { role: new.role, password_hash, added: now, last_login: None })
    }
}

impl Gate for Admission {
    fn is_claimed(&self) -> Result<bool, Trouble> {
        Ok(!self.people()?.is_empty())
    }

    fn session(&self, id: &str, is_secure: bool) -> Option<Who> {
        self.sessions().find(id, is_secure, self.tick()).cloned()
    }

    fn opens_api(&self, token: &str) -> Option<bool> {
        let loaded = self.engine.loaded();
        // Not counted, as guesses at a password are: it is too long to be guessed.
        loaded.settings.page.api_token.as_ref().map(|right| access::is_same(&right.0, token))
    }

    fn opens_intake(&self, token: &str) -> Option<bool> {
        let loaded = self.engine.loaded();
        loaded.settings.page.intake_token.as_ref().map(|right| access::is_same(&right.0, token))
    }

    fn claim(
        &self,
        visitor: &Visitor,
        code: &str,
        new: &NewPerson,
        now: Timestamp,
    ) -> Result<SessionId, Denied> {
        let claimed = || Denied::because(|t| t.denied.claimed);
        if self.is_claimed()? {
            return Err(claimed());
        }
        self.try_as(visitor, At::Claim, || match self.setup_code() {
            None => Err(Denied::Trouble(Trouble(
                "there is no setup code: the disk cannot be written to".to_owned(),
            ))),
            Some(right) if !typed(&right).is_empty() && access::is_same(&typed(&right), &typed(code)) => {
                Ok(())
            }
            Some(_) => Err(Denied::Wrong),
        })?;
        let person = Person { last_login: Some((now, visitor.peer)), ..self.hashed(new, now)? };
        self.change(visitor, &new.name, Deed::plain(What::Claimed), now, |txn, people| {
            // Of two at once the first has it.
            if !people.is_empty() {
                return Ok(Err(claimed()));
            }
            txn.put_person(&new.name, Some(&person)).map(Ok)
        })?;
        self.forget_code();
        *self.known() = Some(visitor.peer);
        Ok(self.open_session(visitor, &new.name, new.role))
    }

    fn log_in(
        &self,
        visitor: &Visitor,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<SessionId, Denied> {
        let person = self.person(name)?;
        self.try_as(visitor, At::LogIn, || self.prove(person.as_ref(), password))?;
        let Some(person) = person else { return Err(Denied::Wrong) };
        let id = self.open_session(visitor, name, person.role);
        // Of somebody who was removed meanwhile, or has another password by now, it may have come too late to be closed.
        if self.person(name)?.is_none_or(|now| now.password_hash != person.password_hash) {
            self.log_out(&id.0);
            return Err(Denied::Wrong);
        }
        if person.role == Role::Operator {
            *self.known() = Some(visitor.peer);
        }
        if self.to_note.try_send(LogIn { who: name.to_owned(), from: visitor.peer, at: now }).is_err() {
            tracing::warn!(who = name, from = %visitor.peer, "a log-in is not noted: too many wait for the store");
        }
        Ok(id)
    }

    fn log_out(&self, id: &str) {
        self.sessions().close(id);
    }

    fn change_password(
        &self,
        visitor: &Visitor,
        who: &Who,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<SessionId, Denied> {
        let person = self.person(&who.name)?;
        self.try_as(visitor, At::Change, || self.prove(person.as_ref(), old))?;
        self.check(&who.name, new)?;
        let (before, password_hash) = (person.map(|person| person.password_hash), self.hash(new)?);
        self.change(visitor, &who.name, Deed::plain(What::ChangedPassword), now, |txn, people| {
            // It may have been changed since it was looked at.
            let same = |known: &&(String, Person)| Some(&known.1.password_hash) == before.as_ref();
            match people.iter().find(|(name, _)| *name == who.name).filter(same) {
                Some((name, person)) => {
                    txn.put_person(name, Some(&Person { password_hash, ..person.clone() })).map(Ok)
                }
                None => Ok(Err(Denied::Wrong)),
            }
        })?;
        self.sessions().close_all_of(&who.name);
        Ok(self.open_session(visitor, &who.name, who.role))
    }

    fn add_person(
        &self,
        visitor: &Visitor,
        who: &Who,
        new: &NewPerson,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let person = self.hashed(new, now)?;
        let what = Deed::to(What::AddedPerson(new.role), &[&new.name]);
        self.change_as(visitor, who, what, now, |txn, people| {
            if people.len() >= PEOPLE_MAX {
                return Ok(Err(Denied::because(|t| t.denied.too_many)));
            }
            if people.iter().any(|(name, _)| name.eq_ignore_ascii_case(&new.name)) {
                return Ok(Err(Denied::because(|t| t.denied.name_taken)));
            }
            txn.put_person(&new.name, Some(&person)).map(Ok)
        })
    }

    fn remove_person(&self, visitor: &Visitor, who: &Who, name: &str, now: Timestamp) -> Result<(), Denied> {
        self.change_as(visitor, who, Deed::to(What::RemovedPerson, &[name]), now, |txn, people| {
            if people.iter().all(|(known, _)| known != name) {
                return Ok(Err(Denied::because(|t| t.denied.name_unknown)));
            }
            if !people.iter().any(|(known, person)| known != name && person.role == Role::Operator) {
                return Ok(Err(Denied::because(|t| t.denied.last_operator)));
            }
            txn.put_person(name, None).map(Ok)
        })?;
        self.sessions().close_all_of(name);
        Ok(())
    }

    fn people(&self) -> Result<Vec<(String, Person)>, Trouble> {
        Ok(self.engine.store.view()?.people()?)
    }

    fn audit(&self, before: Option<u64>) -> Result<Part<(u64, AuditEntry), u64>, Trouble> {
        let mut rows = self.engine.store.view()?.audit_back(before, ROWS_MAX + 1)?;
        let more = rows.len() > ROWS_MAX;
        rows.truncate(ROWS_MAX);
        let next = rows.last().filter(|_| more).map(|(number, _)| *number);
        Ok(Part { rows, next })
    }
}

/// On a thread of its own, since a report that is being stored keeps all waiting who write; and a disk that is full keeps
/// nobody out: he has to see what is wrong.
fn note_log_ins(engine: &Engine, log_ins: &Receiver<LogIn>) {
    while let Ok(LogIn { who, from, at }) = log_ins.recv() {
        let noted = engine.store.write(|txn| {
            if let Some((_, person)) = txn.people()?.into_iter().find(|(known, _)| *known == who) {
                txn.put_person(&who, Some(&Person { last_login: Some((at, from)), ..person }))?;
            }
            acting::note(txn, &who, Some(from), Deed::plain(What::LoggedIn), at)
        });
        if let Err(error) = noted {
            tracing::warn!("a log-in cannot be noted: {error}");
        }
    }
}

/// Argon2id as OWASP's password storage cheat sheet has it for small machines: 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or_default())
}

/// Ten of 25 signs that nobody takes for another, 46 bits.
fn new_code() -> String {
    let mut code = String::new();
    while code.len() < CODE_CHARS + 1 {
        let token = random_token();
        // Bytes of the token; those beyond a multiple of the signs would favour the first ones.
        for pair in token.as_bytes().chunks(2) {
            let byte = std::str::from_utf8(pair).ok().and_then(|pair| usize::from_str_radix(pair, 16).ok());
            if let Some(byte) = byte.filter(|byte| *byte < 250 && code.len() < CODE_CHARS + 1) {
                code.push(char::from(CODE_SIGNS[byte % CODE_SIGNS.len()]));
                if code.len() == CODE_CHARS / 2 {
                    code.push('-');
                }
            }
        }
    }
    code
}

/// A code as it may be typed: in any case, with blanks or marks between.
fn typed(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// In the data folder; on a box the console shows it.
const CODE_FILE: &str = "setup-code";
const CODE_FILE_BYTES_MAX: u64 = 256;
const CODE_SIGNS: &[u8; 25] = b"BCDFGHJKMNPQRTVWXYZ234679";
const CODE_CHARS: usize = 10;
/// Of a password that nobody has; it takes as long as any other.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$\
                            bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm8";
const PEOPLE_MAX: usize = 50;
/// Log-ins of some minutes in which a report is being stored.
const TO_NOTE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::web::words::PageWords;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const ANN: &str = "several good words";

    fn engine(folder: &tempfile::TempDir, settings: &str) -> Arc<Engine> {
        let path = folder.path().join("settings.toml");
        files::save_atomic(&path, settings.as_bytes(), 0o600).unwrap();
        Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap()
    }

    fn from(n: u8) -> Visitor {
        Visitor { peer: IpAddr::from([192, 0, 2, n]), is_secure: true }
    }

    fn new(name: &str, role: Role, password: &str) -> NewPerson {
        NewPerson { name: name.to_owned(), role, password: password.to_owned() }
    }

    fn code(engine: &Engine) -> String {
        std::fs::read_to_string(engine.data.join(CODE_FILE)).unwrap()
    }

    /// Claimed by ann.
    fn house(folder: &tempfile::TempDir) -> (Admission, Who) {
        let engine = engine(folder, "");
        let gate = Admission::new(engine.clone());
        let id = gate.claim(&from(1), &code(&engine), &new("ann", Role::Operator, ANN), NOW).unwrap();
        let who = gate.session(&id.0, true).unwrap();
        (gate, who)
    }

    /// Waits until the newest entry of the list is this.
    #[track_caller]
    fn noted(gate: &Admission, what: &str) {
        let began = Instant::now();
        while done(gate)[0] != what {
            assert!(began.elapsed().as_secs() < 30, "{what} is never noted: {:?}", done(gate));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn done(gate: &Admission) -> Vec<String> {
        let rows = gate.audit(None).unwrap().rows;
        rows.into_iter()
            .map(|(_, entry)| format!("{} {}", entry.who, PageWords::of("en").deed(&entry.what)))
            .collect()
    }

    #[test]
    fn whoever_knows_the_code_claims_the_box_once() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder, "");
        let gate = Admission::new(engine.clone());
        let right = code(&engine);
        assert_eq!(right.trim().len(), CODE_CHARS + 1);
        assert_eq!(code(&self::engine_again(&engine)), right, "it stays until it is used");
        let ann = new("ann", Role::Operator, ANN);
        assert!(matches!(gate.claim(&from(1), "AAAAA-AAAAA", &ann, NOW), Err(Denied::Wrong)));
        assert!(
            matches!(gate.claim(&from(1), &right, &ann, NOW), Err(Denied::Wait(_))),
            "a wrong one costs time"
        );
        for bad in ["short", "password1234"] {
            let bad = new("ann", Role::Operator, bad);
            assert!(matches!(gate.claim(&from(2), &right, &bad, NOW), Err(Denied::Because(_))));
        }
        assert!(!gate.is_claimed().unwrap());
        let typed = right.to_lowercase().replace('-', " ");
        let id = gate.claim(&from(2), &typed, &ann, NOW).unwrap();
        assert_eq!(gate.session(&id.0, true).unwrap().name, "ann");
        assert!(gate.is_claimed().unwrap() && !engine.data.join(CODE_FILE).exists());
        let bob = new("bob", Role::Operator, ANN);
        assert!(
            matches!(gate.claim(&from(3), &right, &bob, NOW), Err(Denied::Because(_))),
            "closed for ever"
        );
        assert_eq!(done(&gate), ["ann claimed this abusebox"]);
    }

    fn engine_again(engine: &Arc<Engine>) -> Arc<Engine> {
        let _second = Admission::new(engine.clone());
        engine.clone()
    }

    #[test]
    fn the_code_of_the_settings_counts_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder, "[page]\nsetup_code = \"racked-box-7\"\n");
        let gate = Admission::new(engine.clone());
        assert!(!engine.data.join(CODE_FILE).exists());
        let ann = new("ann", Role::Operator, ANN);
        assert!(matches!(gate.claim(&from(1), "", &ann, NOW), Err(Denied::Wrong)));
        assert!(gate.claim(&from(2), "Racked Box 7", &ann, NOW).is_ok());
    }

    #[test]
    fn names_and_passwords_let_in_and_wrong_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, _) = house(&folder);
        for (n, name, password) in
            [(10, "ann", "several good word"), (11, "ANN", ANN), (12, "bob", ANN), (13, "", "")]
        {
            assert!(matches!(gate.log_in(&from(n), name, password, NOW), Err(Denied::Wrong)), "{name}");
        }
        let id = gate.log_in(&from(20), "ann", ANN, NOW).unwrap();
        assert!(gate.session(&id.0, false).is_none() && gate.session(&id.0, true).is_some());
        noted(&gate, "ann logged in");
        let (_, ann) = gate.people().unwrap().remove(0);
        assert_eq!(ann.last_login, Some((NOW, from(20).peer)));
        assert!(ann.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        gate.log_out(&id.0);
        assert!(gate.session(&id.0, true).is_none());
        let nobody = PasswordHash::new(NOBODYS_HASH).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (19 * 1024, 2, 1),
            "as long as any other"
        );
    }

    #[test]
    fn nobody_waits_for_a_report_that_is_being_stored() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, _) = house(&folder);
        let report = gate.engine.store.begin().unwrap();
        let id = gate.log_in(&from(1), "ann", ANN, NOW).unwrap();
        assert!(gate.session(&id.0, true).is_some());
        drop(report);
        noted(&gate, "ann logged in");
    }

    #[test]
    fn whoever_was_removed_or_lost_the_password_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, ann) = house(&folder);
        gate.change_password(&from(1), &ann, ANN, "other words for the door", NOW).unwrap();
        let again = gate.change_password(&from(3), &ann, ANN, "words of a thief at work", NOW);
        assert!(matches!(again, Err(Denied::Wrong)));
        let gone = Who { name: "bob".to_owned(), role: Role::Operator, csrf: String::new() };
        let vic = new("vic", Role::Viewer, "words of somebody else");
        assert!(matches!(gate.add_person(&from(1), &gone, &vic, NOW), Err(Denied::Because(_))));
        assert!(matches!(gate.remove_person(&from(1), &gone, "ann", NOW), Err(Denied::Because(_))));
    }

    #[test]
    fn guessing_from_everywhere_does_not_keep_the_operator_out() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, _) = house(&folder);
        let tried =
            (0..200).filter(|n| !matches!(gate.log_in(&from(*n), "ann", "guess", NOW), Err(Denied::Wait(_))));
        assert!(tried.count() < 20);
        assert!(gate.log_in(&from(1), "ann", ANN, NOW).is_ok(), "from where ann was last");
    }

    #[test]
    fn a_viewer_who_logs_in_again_and_again_keeps_no_operator_out_and_fills_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, ann) = house(&folder);
        let words = "words of somebody else";
        gate.add_person(&from(1), &ann, &new("vic", Role::Viewer, words), NOW).unwrap();
        let own = gate.log_in(&from(1), "ann", ANN, NOW).unwrap();
        noted(&gate, "ann logged in");
        let entered = (0..100).filter(|_| gate.log_in(&from(2), "vic", words, NOW).is_ok()).count();
        assert_eq!(entered, 18, "ann took one of those that all share");
        noted(&gate, &format!("vic logged in ({entered} times within an hour)"));
        assert_eq!(done(&gate)[1..3], ["ann logged in", "ann added vic as viewer"]);
        assert!(gate.session(&own.0, true).is_some(), "ann is still in");
        assert!(matches!(gate.log_in(&from(3), "ann", ANN, NOW), Err(Denied::Wait(_))));
        assert!(gate.log_in(&from(1), "ann", ANN, NOW).is_ok(), "from where an operator was last");
        let gate = Admission::new(gate.engine.clone());
        assert_eq!(*gate.known(), Some(from(1).peer), "after a restart, too");
    }

    #[test]
    fn a_new_password_ends_all_other_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, ann) = house(&folder);
        let other = gate.log_in(&from(2), "ann", ANN, NOW).unwrap();
        let next = "other words for the door";
        assert!(matches!(gate.change_password(&from(3), &ann, "wrong", next, NOW), Err(Denied::Wrong)));
        assert!(matches!(
            gate.change_password(&from(4), &ann, ANN, "ann-ann-ann-ann", NOW),
            Err(Denied::Because(_))
        ));
        assert!(gate.session(&other.0, true).is_some());
        let id = gate.change_password(&from(5), &ann, ANN, next, NOW).unwrap();
        assert!(gate.session(&other.0, true).is_none() && gate.session(&id.0, true).is_some());
        assert!(matches!(gate.log_in(&from(6), "ann", ANN, NOW), Err(Denied::Wrong)));
        assert!(gate.log_in(&from(7), "ann", next, NOW).is_ok());
    }

    #[test]
    fn people_come_and_go_and_an_operator_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, ann) = house(&folder);
        let vic = new("vic", Role::Viewer, "words of somebody else");
        gate.add_person(&from(1), &ann, &vic, NOW).unwrap();
        let twice = new("VIC", Role::Viewer, "words of somebody else");
        assert!(matches!(gate.add_person(&from(1), &ann, &twice, NOW), Err(Denied::Because(_))));
        assert!(matches!(
            gate.add_person(&from(1), &ann, &new("a b", Role::Viewer, ANN), NOW),
            Err(Denied::Because(_))
        ));
        let id = gate.log_in(&from(2), "vic", "words of somebody else", NOW).unwrap();
        assert_eq!(gate.session(&id.0, true).unwrap().role, Role::Viewer);
        noted(&gate, "vic logged in");
        assert!(
            matches!(gate.remove_person(&from(1), &ann, "ann", NOW), Err(Denied::Because(_))),
            "the last operator"
        );
        assert!(matches!(gate.remove_person(&from(1), &ann, "none", NOW), Err(Denied::Because(_))));
        gate.remove_person(&from(1), &ann, "vic", NOW).unwrap();
        assert!(gate.session(&id.0, true).is_none(), "and is out at once");
        assert_eq!(done(&gate)[..3], ["ann removed vic", "vic logged in", "ann added vic as viewer"]);
    }

    #[test]
    fn people_outlive_a_restart_and_sessions_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, _) = house(&folder);
        let id = gate.log_in(&from(2), "ann", ANN, NOW).unwrap();
        let engine = gate.engine.clone();
        drop(gate);
        let gate = Admission::new(engine);
        assert!(gate.session(&id.0, true).is_none());
        assert!(gate.log_in(&from(2), "ann", ANN, NOW).is_ok());
    }

    #[test]
    fn a_forgotten_password_is_reset_by_a_file_in_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (gate, _) = house(&folder);
        let engine = gate.engine.clone();
        files::save_atomic(&engine.data.join(RESET_PASSWORD), b"", 0o600).unwrap();
        let gate = Admission::new(engine.clone());
        assert!(!gate.is_claimed().unwrap() && !engine.data.join(RESET_PASSWORD).exists());
        let bob = new("bob", Role::Operator, ANN);
        assert!(gate.claim(&from(1), &code(&engine), &bob, NOW).is_ok());
        assert_eq!(
            done(&gate),
            ["bob claimed this abusebox", " passwords were reset", "ann claimed this abusebox"]
        );
    }
}
