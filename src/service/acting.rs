//! What is changed by hand: by the commands, and by operators on the page, whose names are noted.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::intake::describe;
use super::jobs::{self, Jobs};
use super::mailing::Kinds;
use super::{Engine, Error};
use crate::clock::Timestamp;
use crate::config::edit::{self, Written};
use crate::incident::{Audience, Change, OPERATOR, policy};
use crate::notify::Sender;
use crate::notify::outbox;
use crate::notify::texts::{Edit, Texts};
use crate::store::{self, AuditEntry, Deed, Note, Person, Role, Txn, What};
use crate::system::asking;
use crate::system::request::Request;
use crate::web::access::Who;
use crate::web::gate::Denied;
use crate::web::hand::{
    By, Changed, Check, Deed as Came, Hand, Job, Mails, Outcome, Own, Placed, Power, Received, Upload,
};
use crate::web::view::Trouble;
use crate::web::words::PageWords;

/// Who changes something on the page, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    pub who: &'a str,
    pub from: IpAddr,
}

impl Engine {
    /// Changes incidents, and returns those that there are.
    pub fn change_incidents(
        &self,
        ids: &[u64],
        change: Change,
        now: Timestamp,
        signed: Option<&Signature<'_>>,
    ) -> Result<Vec<u64>, Error> {
        self.usable()?;
        let loaded = self.loaded();
        let txn = self.store.begin()?;
        let kinds = Kinds::load(&self.store.view()?)?;
        let mut changed = Vec::new();
        for &id in ids {
            let Some(key) = txn.incident_key(id)? else { continue };
            let Some(mut incident) = txn.incident(&key)? else { continue };
            incident.change(change, now);
            if change == Change::Reopen {
                let family = kinds.of(&key).1.family;
                let receiver = match policy::audience(&incident, family, &loaded.settings.policy) {
                    Audience::Customer => key.customer(),
                    _ => OPERATOR,
                };
                txn.mark_due([(receiver, false)], now)?;
            }
            txn.put_incident(&key, &incident)?;
            changed.push(id);
        }
        let what = match change {
            Change::Close => What::Closed,
            Change::Mute { until } => What::Muted(until),
            Change::Reopen => What::Reopened,
        };
        sign_numbers(signed, &txn, what, &changed, now)?;
        txn.commit()?;
        Ok(changed)
    }

    /// Writes a note to incidents, and returns those that have it now.
    pub fn note_incidents(
        &self,
        ids: &[u64],
        text: &str,
        now: Timestamp,
        signed: &Signature<'_>,
    ) -> Result<Vec<u64>, Error> {
        let note = Note { at: now, who: signed.who.to_owned(), text: text.to_owned() };
        let txn = self.store.begin()?;
        let mut noted = Vec::new();
        for &id in ids {
            if txn.incident_key(id)?.is_some() && txn.add_note(id, &note)? {
                noted.push(id);
            }
        }
        sign_numbers(Some(signed), &txn, What::Noted, &noted, now)?;
        txn.commit()?;
        Ok(noted)
    }
}

/// Notes who did what, in the transaction that does it. Whoever has become no operator since the log-in does nothing.
pub(super) fn sign(
    signed: Option<&Signature<'_>>,
    txn: &Txn,
    what: impl FnOnce() -> Deed,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(Signature { who, from }) = signed else { return Ok(()) };
    if !is_operator(&txn.people()?, who) {
        return Err(Error::NoOperator);
    }
    note(txn, who, Some(*from), what(), now)?;
    Ok(())
}

/// The same for what is noted when it is done.
pub(super) fn check_operator(engine: &Engine, signed: &Signature<'_>) -> Result<(), Error> {
    if is_operator(&engine.store.view()?.people()?, signed.who) { Ok(()) } else { Err(Error::NoOperator) }
}

/// The same of what was done to these numbers, if there are any.
pub(super) fn sign_numbers(
    signed: Option<&Signature<'_>>,
    txn: &Txn,
    what: What,
    numbers: &[u64],
    now: Timestamp,
) -> Result<(), Error> {
    match numbers {
        [] => Ok(()),
        numbers => sign(signed, txn, || Deed::to(what, numbers), now),
    }
}

/// Notes in the list and in the log who did what.
pub(super) fn note(
    txn: &Txn,
    who: &str,
    from: Option<IpAddr>,
    what: Deed,
    at: Timestamp,
) -> Result<(), store::Error> {
    let entry = AuditEntry { at, who: who.to_owned(), from, what };
    match entry.what.what {
        // That takes no operator, and must not push all else out of the log.
        What::LoggedIn | What::ChangedPassword => txn.count_audit(&entry),
        _ => {
            let from = from.map(|from| from.to_string()).unwrap_or_default();
            tracing::info!(who, from, "{}", PageWords::of("en").deed(&entry.what));
            txn.add_audit(&entry)
        }
    }
}

pub(super) fn is_operator(people: &[(String, Person)], name: &str) -> bool {
    people.iter().any(|(known, person)| known == name && person.role == Role::Operator)
}

/// The hand of a box at work.
pub struct Acting {
    engine: Arc<Engine>,
    /// Called after each change: others may have something to do now.
    changed: Arc<dyn Fn() + Send + Sync>,
    jobs: Jobs,
    /// Socket of who restarts the box, where it is one.
    supervisor: Option<PathBuf>,
    /// What is still to be said, by the token of the session; the newest last.
    told: Mutex<VecDeque<(String, Outcome)>>,
}

impl Acting {
    pub fn new(
        engine: Arc<Engine>,
        supervisor: Option<PathBuf>,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let changed: Arc<dyn Fn() + Send + Sync> = Arc::new(changed);
        let jobs = Jobs::new(engine.clone(), changed.clone());
        Self { engine, changed, jobs, supervisor, told: Mutex::default() }
    }

    fn done(&self, deed: Came, chosen: usize, changed: usize) -> Outcome {
        (self.changed)();
        Outcome::Done { deed, count: changed as u64, missed: chosen.saturating_sub(changed) as u64 }
    }
}

impl Hand for Acting {
    fn change_mails(&self, by: &By<'_>, which: &Mails, change: outbox::Change) -> Result<Outcome, Denied> {
        let now = self.engine.now()?;
        let numbers = match which {
            Mails::These(numbers) => numbers.clone(),
            Mails::Held { through } => self.engine.held(*through)?,
        };
        let changed = self.engine.change_mails(&numbers, change, now, Some(&by.into())).map_err(denied)?;
        let deed = match change {
            outbox::Change::Release => Came::Released,
            outbox::Change::Drop => Came::Dropped,
        };
        Ok(self.done(deed, numbers.len(), changed.len()))
    }

    fn change_incidents(&self, by: &By<'_>, ids: &[u64], change: Change) -> Result<Outcome, Denied> {
        let now = self.engine.now()?;
        let changed = self.engine.change_incidents(ids, change, now, Some(&by.into())).map_err(denied)?;
        let deed = match change {
            Change::Close => Came::Closed,
            Change::Mute { until } => Came::Muted(until),
            Change::Reopen => Came::Reopened,
        };
        Ok(self.done(deed, ids.len(), changed.len()))
    }

    fn note(&self, by: &By<'_>, ids: &[u64], text: &str) -> Result<Outcome, Denied> {
        let now = self.engine.now()?;
        let noted = self.engine.note_incidents(ids, text, now, &by.into()).map_err(denied)?;
        Ok(self.done(Came::Noted, ids.len(), noted.len()))
    }

    fn settings(&self) -> Result<(Written, String), Trouble> {
        Ok(self.engine.written_settings()?)
    }

    fn change_settings(
        &self,
        by: &By<'_>,
        version: &str,
        changes: &[edit::Change],
    ) -> Result<Changed, Denied> {
        let now = self.engine.clock.untrusted_now();
        let changed = self.engine.change_settings(version, changes, now, Some(&by.into())).map_err(denied)?;
        if matches!(changed, Changed::Done(_)) {
            (self.changed)();
        }
        Ok(changed)
    }

    fn texts(&self) -> (Arc<Texts>, Sender) {
        let loaded = self.engine.loaded();
        (loaded.texts.clone(), loaded.sender())
    }

    fn change_texts(&self, by: &By<'_>, tag: &str, edit: Edit) -> Result<Outcome, Denied> {
        let now = self.engine.clock.untrusted_now();
        self.engine.change_texts(tag, edit, &by.into(), now).map_err(denied)?;
        Ok(Outcome::Texts)
    }

    fn upload(&self, by: &By<'_>, what: Upload, upload: &str, name: &str) -> Result<Outcome, Denied> {
        self.jobs.upload(by, what, upload, name).map_err(denied)
    }

    fn check_held_customers(&self, by: &By<'_>) -> Result<Outcome, Denied> {
        self.jobs.check_held(by).map_err(denied)
    }

    fn take_customers(&self, by: &By<'_>, job: u64, left_out: &[u64]) -> Result<Outcome, Denied> {
        Ok(self.jobs.take_customers(by, job, left_out))
    }

    fn receive(
        &self,
        peer: IpAddr,
        what: Upload,
        upload: &str,
        source: Option<&str>,
    ) -> Result<Received, Trouble> {
        let file = jobs::taken(&self.engine, upload)?;
        let file = file.ok_or_else(|| Trouble("the file is gone; send it again".to_owned()))?;
        let received = self.engine.receive(peer, what, &file, source);
        (self.changed)();
        Ok(received?)
    }

    fn fetch(&self, by: &By<'_>, name: &str) -> Result<Outcome, Denied> {
        let now = self.engine.now().map_err(denied)?;
        check_operator(&self.engine, &Signature { who: &by.who.name, from: by.visitor.peer })
            .map_err(denied)?;
        self.engine.poll_soon(name, now).map_err(denied)?;
        (self.changed)();
        Ok(Outcome::Fetching)
    }

    fn discard_customers(&self, _by: &By<'_>, job: u64) -> Result<Outcome, Denied> {
        Ok(self.jobs.discard_customers(job))
    }

    fn check(&self, by: &By<'_>, what: Check) -> Result<Outcome, Denied> {
        Ok(self.jobs.check(by, what))
    }

    fn job(&self, number: u64) -> Option<Job> {
        self.jobs.job(number)
    }

    fn jobs(&self) -> Vec<Job> {
        self.jobs.jobs()
    }

    fn can_restart(&self) -> bool {
        self.supervisor.is_some()
    }

    fn own_certificate(&self) -> Option<Own> {
        self.engine.own_certificate()
    }

    fn put_certificate(&self, by: &By<'_>, chain: &str, key: &str) -> Result<Placed, Denied> {
        self.engine.put_certificate(chain, key, self.engine.clock.untrusted_now(), &by.into()).map_err(denied)
    }

    fn remove_certificate(&self, by: &By<'_>) -> Result<Placed, Denied> {
        self.engine.remove_certificate(self.engine.clock.untrusted_now(), &by.into()).map_err(denied)
    }

    fn support(&self, by: &By<'_>) -> Result<String, Denied> {
        let now = self.engine.clock.untrusted_now();
        let text = self.engine.support(now)?;
        let txn = self.engine.store.begin()?;
        sign(Some(&by.into()), &txn, || Deed::plain(What::DownloadedSupport), now).map_err(denied)?;
        txn.commit()?;
        Ok(text)
    }

    fn power(&self, by: &By<'_>, power: Power) -> Result<(), Denied> {
        let Some(socket) = &self.supervisor else { return Ok(()) };
        let (what, request) = match power {
            Power::Restart => (What::Restarted, Request::Reboot),
            Power::Off => (What::SwitchedOff, Request::ShutDown),
        };
        let txn = self.engine.store.begin()?;
        sign(Some(&by.into()), &txn, || Deed::plain(what), self.engine.clock.untrusted_now())
            .map_err(denied)?;
        txn.commit()?;
        asking::ask(socket, &request).map_err(|error| Denied::Trouble(Trouble(describe(&error))))
    }

    fn tell(&self, who: &Who, outcome: Outcome) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(session, _)| *session != who.csrf);
        if told.len() >= TOLD_MAX {
            told.pop_front();
        }
        told.push_back((who.csrf.clone(), outcome));
    }

    fn told(&self, who: &Who) -> Option<Outcome> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let index = told.iter().position(|(session, _)| *session == who.csrf)?;
        told.remove(index).map(|(_, outcome)| outcome)
    }
}

impl<'a> From<&By<'a>> for Signature<'a> {
    fn from(by: &By<'a>) -> Self {
        Self { who: &by.who.name, from: by.visitor.peer }
    }
}

fn denied(error: Error) -> Denied {
    match error {
        Error::NoOperator => Denied::because(|t| t.denied.no_operator),
        error => error.into(),
    }
}

/// For as many sessions; who has gone does not read it.
const TOLD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::incident::State;
    use crate::notify::outbox::State as MailState;
    use crate::service::intake::Source;
    use crate::store::NOTES_MAX;
    use crate::web::gate::Visitor;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const VISITOR: Visitor = Visitor { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), is_secure: true };

    struct House {
        engine: Arc<Engine>,
        hand: Acting,
        changes: Arc<AtomicUsize>,
        _folder: tempfile::TempDir,
    }

    fn who(name: &str) -> Who {
        Who { name: name.to_owned(), role: Role::Operator, csrf: format!("token of {name}") }
    }

    /// A box with the operator ann, three customers with an incident each, and a held mail for each.
    fn house() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[organisation]\nabuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\"]\n[policy]\ndigest_hour = 0\n";
        let path = folder.path().join("settings.toml");
        save_atomic(&path, settings.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let customers = "customer_id,name,email,cidr\nC1,One,1@example.com,192.0.2.1/32\n\
             C2,Two,2@example.com,192.0.2.2/32\nC3,Three,3@example.com,192.0.2.3/32\n";
        engine.import_customers(customers.as_bytes(), false, NOW).unwrap();
        let day = NOW.day().plus(-1);
        let mut csv = "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\"\n".to_owned();
        for n in 1..=3 {
            csv += &format!("\"{day} 03:00:00\",\"high\",\"192.0.2.{n}\",\"tcp\",\"3389\"\n");
        }
        let file = format!("{day}-scan_rdp-example-asn.csv");
        let path = folder.path().join(&file);
        save_atomic(&path, csv.as_bytes(), 0o600).unwrap();
        let spooled = engine.spool.ingest(&path, NOW).unwrap();
        engine.take(&Source { file, kind: None, day: None, id_hash: None }, &spooled, NOW).unwrap();
        engine.plan(NOW).unwrap();
        let ann = Person { role: Role::Operator, password_hash: String::new(), added: NOW, last_login: None };
        let vic = Person { role: Role::Viewer, ..ann.clone() };
        engine
            .store
            .write(|txn| {
                txn.put_person("ann", Some(&ann))?;
                txn.put_person("vic", Some(&vic))
            })
            .unwrap();
        let changes = Arc::<AtomicUsize>::default();
        let count = changes.clone();
        let hand = Acting::new(engine.clone(), None, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        House { engine, hand, changes, _folder: folder }
    }

    impl House {
        fn mails(&self) -> Vec<MailState> {
            let mut states = Vec::new();
            self.engine
                .store
                .view()
                .unwrap()
                .notices(|notice| {
                    if notice.customer != OPERATOR {
                        states.push(outbox::state(&notice, None));
                    }
                    Ok(())
                })
                .unwrap();
            states
        }

        fn incidents(&self) -> Vec<State> {
            let mut states = Vec::new();
            let view = self.engine.store.view().unwrap();
            view.incidents_by_number(|_, incident| states.push(incident.state(NOW.day()))).unwrap();
            states
        }

        fn audit(&self) -> Vec<String> {
            let entries = self.engine.store.view().unwrap().audit_back(None, 1_000).unwrap();
            entries
                .into_iter()
                .map(|(_, entry)| format!("{} {}", entry.who, PageWords::of("en").deed(&entry.what)))
                .collect()
        }
    }

    fn done(deed: Came, count: u64, missed: u64) -> Outcome {
        Outcome::Done { deed, count, missed }
    }

    #[test]
    fn mails_are_released_and_dropped_once_and_noted() {
        let house = house();
        let ann = who("ann");
        let by = By { visitor: VISITOR, who: &ann };
        let held = house.engine.held(u64::MAX).unwrap();
        assert_eq!((held.len(), house.engine.held(held[1]).unwrap()), (3, held[..2].to_vec()));
        let change = |which: &Mails, change| house.hand.change_mails(&by, which, change).unwrap();
        let second = Mails::These(vec![held[1]]);
        assert_eq!(change(&second, outbox::Change::Drop), done(Came::Dropped, 1, 0));
        assert_eq!(change(&second, outbox::Change::Drop), done(Came::Dropped, 0, 1), "sent twice");
        let seen = Mails::Held { through: held[1] };
        assert_eq!(change(&seen, outbox::Change::Release), done(Came::Released, 1, 0));
        assert_eq!(change(&seen, outbox::Change::Release), done(Came::Released, 0, 0));
        assert_eq!(change(&second, outbox::Change::Release), done(Came::Released, 0, 1), "it is gone");
        assert_eq!(house.mails(), [MailState::Queued, MailState::Dropped, MailState::Held]);
        assert_eq!(
            house.audit(),
            [format!("ann released mail {}", held[0]), format!("ann dropped mail {}", held[1])]
        );
        assert!(house.changes.load(Ordering::Relaxed) >= 2, "the mails are woken");
        assert_eq!(house.incidents()[1], State::Told, "what was dropped counts as told");
    }

    #[test]
    fn incidents_are_closed_muted_reopened_and_noted() {
        let house = house();
        let ann = who("ann");
        let by = By { visitor: VISITOR, who: &ann };
        let change = |ids: &[u64], change| house.hand.change_incidents(&by, ids, change).unwrap();
        assert_eq!(change(&[1, 2, 99], Change::Close), done(Came::Closed, 2, 1));
        let until = NOW.day();
        assert_eq!(change(&[3], Change::Mute { until }), done(Came::Muted(until), 1, 0));
        assert_eq!(house.incidents(), [State::Closed, State::Closed, State::Quiet]);
        assert_eq!(change(&[2, 3], Change::Reopen), done(Came::Reopened, 2, 0));
        assert_eq!(house.incidents(), [State::Closed, State::Open, State::Open]);
        let note = |ids: &[u64], text: &str| house.hand.note(&by, ids, text).unwrap();
        assert_eq!(note(&[1, 2, 99], "called"), done(Came::Noted, 2, 1));
        assert_eq!(note(&[2], "called"), done(Came::Noted, 1, 0), "sent twice, noted once");
        assert_eq!(note(&[2], "called\r\nagain"), done(Came::Noted, 1, 0));
        let notes = |id| house.engine.store.view().unwrap().notes(id).unwrap();
        let texts: Vec<_> = notes(2).into_iter().map(|note| (note.who, note.text)).collect();
        assert_eq!(
            texts,
            [("ann".to_owned(), "called".to_owned()), ("ann".to_owned(), "called\r\nagain".to_owned())]
        );
        assert_eq!((notes(1).len(), notes(3).len(), notes(99).len()), (1, 0, 0));
        for n in 0..NOTES_MAX {
            note(&[3], &n.to_string());
        }
        assert_eq!(note(&[3], "one more"), done(Came::Noted, 0, 1));
        assert_eq!(notes(3).len(), NOTES_MAX as usize);
        let audit = house.audit();
        let first: Vec<_> = audit.iter().rev().take(4).collect();
        assert_eq!(
            first,
            [
                "ann closed incident 1, 2",
                &format!("ann muted through {until} incident 3"),
                "ann reopened incident 2, 3",
                "ann wrote a note to incident 1, 2",
            ]
        );
        // An incident that is forgotten takes its notes along, and no others.
        let key = house.engine.store.view().unwrap().incident_key(3).unwrap().unwrap();
        house.engine.store.write(|txn| txn.remove_incident(&key, 3)).unwrap();
        assert_eq!((notes(2).len(), notes(3).len()), (2, 0));
    }

    #[test]
    fn whoever_is_no_operator_any_more_changes_nothing() {
        let house = house();
        let held = house.engine.held(u64::MAX).unwrap();
        for name in ["vic", "bob"] {
            let who = who(name);
            let by = By { visitor: VISITOR, who: &who };
            let all = Mails::Held { through: u64::MAX };
            let refused = [
                house.hand.change_mails(&by, &all, outbox::Change::Release),
                house.hand.change_mails(&by, &Mails::These(held.clone()), outbox::Change::Drop),
                house.hand.change_incidents(&by, &[1], Change::Close),
                house.hand.note(&by, &[1], "x"),
            ];
            assert!(refused.iter().all(|refused| matches!(refused, Err(Denied::Because(_)))), "{refused:?}");
        }
        assert_eq!(house.mails(), [MailState::Held; 3]);
        assert_eq!(house.incidents(), [State::Open; 3]);
        assert!(house.audit().is_empty() && house.engine.store.view().unwrap().notes(1).unwrap().is_empty());
    }

    #[test]
    fn what_is_to_be_said_waits_for_its_session() {
        let house = house();
        let outcome = |count| done(Came::Closed, count, 0);
        for n in 0..TOLD_MAX + 1 {
            house.hand.tell(&who(&n.to_string()), outcome(n as u64));
        }
        house.hand.tell(&who("7"), outcome(700));
        assert_eq!(house.hand.told(&who("0")), None, "the oldest made room");
        assert_eq!(house.hand.told(&who("7")), Some(outcome(700)), "the last one counts");
        assert_eq!(house.hand.told(&who("7")), None, "it is said once");
        assert_eq!(house.hand.told(&who("1")), Some(outcome(1)));
    }
}
