//! The mail loop: what is due becomes notices, notices become mails.
//!
//! A notice is planned in one transaction and has no text yet. Text is made when the mail goes out, from the
//! incidents as they are then, and is stored before the first byte of it leaves.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::acting::{Signature, sign_numbers};
use super::alarms::{self, News};
use super::intake::receiver;
use super::{Engine, Error, Loaded, hex, random_token, sha256};
use crate::clock::Timestamp;
use crate::config::{Mode, Settings};
use crate::customers::CustomerNo;
use crate::halt;
use crate::incident::policy::{self, Asked, Moment, Reason};
use crate::incident::{Incident, Key, OPERATOR, Ownership, hours};
use crate::lang::Words;
use crate::lines::{Outbound, Outgoing};
use crate::notify::digest::{Context, Told};
use crate::notify::outbox::{self, Also, Attempt, Change, Delivery, End, Frozen, Notice, Scope};
use crate::notify::smtp::{self, Outcome, Smtp};
use crate::notify::{Digest, Mail, OperatorDigest, Problem, Sender, compose, dkim, mime};
use crate::report::kind::{self, Family, Kind, Severity};
use crate::store::{self, Digests, Due, Format, Rules, SessionLog, Txn, View, Weeks, What};

/// The mail server, as far as the loop remembers it.
#[derive(Default)]
pub struct Server {
    failures: u32,
    /// Nobody is asked before this moment.
    not_before: Option<Timestamp>,
    /// The notice at which it failed: the next attempt begins behind it, so that one mail cannot stop all others.
    failed_at: u64,
    /// What the server said to a mail, as long as it could not be stored: the mail must not go out again.
    unstored: Option<(Notice, usize, Attempt)>,
    /// When mails went out and to which domain, for the limits per minute; oldest first.
    sent: VecDeque<(Instant, String)>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    pub planned: usize,
    pub held: usize,
    pub sent: usize,
    pub failed: usize,
    /// The queue is not through: the step took long, and other things want their turn.
    pub more: bool,
    /// For so long a domain has got as many mails as it may; what is for it waits. 0: there is no such domain.
    pub full_seconds: i64,
    /// When to call again, at the latest.
    pub next: Option<Timestamp>,
}

/// An incident that stands in a mail: the worst come first.
type Telling = (Reverse<Severity>, Key, u64, Reason);

/// Why a mail that was ready does not go out.
enum Stop {
    /// It was dropped or held in the meantime.
    Changed,
    Store(store::Error),
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Engine {
    /// Makes notices of what is due: critical findings at once, the rest at the digest hour. Returns how many were
    /// planned, and how many of them are held.
    pub fn plan(&self, now: Timestamp) -> Result<(usize, usize), Error> {
        // The loop and a command may both want to.
        let _planning = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.loaded();
        let Settings { boxx, policy, .. } = &loaded.settings;
        if loaded.is_mending {
            return Ok((0, 0));
        }
        let view = self.store.view()?;
        let digests = view.meta::<Digests>()?.unwrap_or_default();
        // Of a box that is being set up, the digest of the day waits for the first report.
        let is_begun = boxx.mode != Mode::Hold || digests.last.is_some() || has_reports(&view)?;
        let digest = policy::digest_due(digests.last, policy, now, &boxx.timezone).filter(|_| is_begun);
        let rules = digest.map(|_| Rules { sha256: sha256(format!("{policy:?}").as_bytes()) });
        // What other rules, or a clock that was ahead, let nobody hear of was no longer marked.
        let view = match rules.is_some() && (digests.last > digest || view.meta::<Rules>()? != rules) {
            true => self.marked_anew(&view, now)?,
            false => view,
        };
        // On days on which customers get no mail, only the operator's is made; theirs comes with the next digest.
        let is_open = |day| hours::shut_day(policy, day).is_none();
        let today = policy::local_day(now, &boxx.timezone);
        let all_told = digest.is_some_and(|of| is_open(of) && is_open(today));
        let scope = if all_told { Scope::Digest } else { Scope::Critical };
        let (log, kinds) = (view.session_log()?, Kinds::load(&view)?);
        let context = loaded.context(&log, &kinds, now);
        let leaves = hours::shut(policy, now, &boxx.timezone).map_or(now, |(_, until)| until);
        let (mut over, mut critical, mut waiting, mut held_newest) = (vec![], vec![], HashSet::new(), None);
        view.unsent(|notice| {
            if is_superseded(&notice, boxx.mode) {
                over.push(notice.number);
                return;
            }
            waiting.insert(notice.customer);
            if notice.scope == Scope::Critical {
                critical.push(notice.number);
            }
            if notice.held {
                held_newest = held_newest.max(Some(notice.number));
            }
        })?;

        let mut planned = Vec::new();
        let mut settled = Vec::new();
        view.due(|customer, due| {
            let wanted = customer != OPERATOR && (all_told || due.critical);
            // Practice changes no incident, so what was practised is noted here, and the same is not practised
            // again with each report of the day.
            let practiced = boxx.mode == Mode::Practice
                && due.practiced.is_some_and(|(at, of)| {
                    let lately = at >= due.marked || (0..PRACTICE_PAUSE_SECONDS).contains(&now.since(at));
                    lately && (of == Scope::Digest || scope == Scope::Critical)
                });
            if !wanted || practiced || waiting.contains(&customer) {
                return Ok(());
            }
            if !any_due(&view, &context, customer, scope)? {
                // Nothing is left to tell, or nothing that cannot wait for the digest, or for its day.
                let is_left = !all_told
                    || view.find_incident_of(customer, |key, incident| {
                        Ok(context.will_be_due(customer, &key, &incident))
                    })?;
                let left = is_left.then_some(Due { critical: false, ..due });
                if left != Some(due) {
                    settled.push((customer, due, left));
                }
                return Ok(());
            }
            let mailed = view.mailed(customer)?;
            let free = outbox::not_before(&mailed, policy, leaves);
            // A digest that comes some minutes earlier than the day before waits those minutes, and not a day.
            let soon = |free: Timestamp| all_told && free.since(leaves) <= DIGEST_WAIT_SECONDS_MAX;
            if free.is_none_or(soon) {
                let first = policy.hold_first && mailed.total == 0;
                let held = boxx.mode == Mode::Live && (first || loaded.always_holds(customer));
                planned.push((customer, held));
            }
            Ok(())
        })?;
        let all_held = outbox::holds_run(boxx.mode, policy, planned.len(), loaded.table.customers_len());
        planned.iter_mut().for_each(|(_, held)| *held |= all_held);
        let held_now = planned.iter().filter(|(_, held)| *held).count();
        let findings = digest.is_some() && any_due(&view, &context, OPERATOR, Scope::Digest)?;
        log.finish()?;
        let alarms = alarms::urgent_from(&view)?.is_some_and(|from| digest.is_some() || from <= now);
        // It reads all incidents: not while a mail whose text is fixed keeps it from being told.
        let waits = view.unsent_of(OPERATOR)?.map(|number| view.notice(number)).transpose()?.flatten();
        let may_tell = is_begun && waits.is_none_or(|waits| !waits.frozen);
        let weeks = if may_tell { self.count_week(&view, &loaded, now)? } else { None };
        let is_news = |newest: u64| {
            digests.held_told.is_none_or(|(told, newest_told)| {
                newest > newest_told || !(0..HELD_REMINDER_SECONDS).contains(&now.since(told))
            })
        };
        let held_news = held_now > 0 || held_newest.is_some_and(is_news);

        self.store.write(|txn| {
            for &number in &over {
                if let Some(mut notice) = txn.notice(number)?
                    && notice.done.is_none()
                    && is_superseded(&notice, boxx.mode)
                {
                    notice.done = Some((now, End::Dropped("the mode was changed".to_owned())));
                    txn.put_notice(&notice)?;
                }
            }
            for (customer, before, left) in &settled {
                // Not if a report came in meanwhile.
                if txn.due(*customer)? == Some(*before) {
                    txn.put_due(*customer, left.as_ref())?;
                }
            }
            // A critical notice that still waits tells all that is due now.
            for &number in critical.iter().filter(|_| all_told) {
                if let Some(mut notice) = txn.notice(number)?
                    && notice.done.is_none()
                    && !notice.frozen
                {
                    notice.scope = Scope::Digest;
                    txn.put_notice(&notice)?;
                }
            }
            let practice = boxx.mode == Mode::Practice;
            let new = planned.iter().map(|&(customer, held)| notice(customer, scope, held, practice, now));
            let first = txn.add_notices(new)?;
            // One that is not held now may be later, and is news then.
            let newest = planned.iter().rposition(|(_, held)| *held).map(|at| first + at as u64);
            let newest = newest.or(held_newest).unwrap_or_default();
            for &(customer, _) in planned.iter().filter(|_| practice) {
                if let Some(due) = txn.due(customer)? {
                    txn.put_due(customer, Some(&Due { practiced: Some((now, scope)), ..due }))?;
                }
            }
            let mut digests = txn.meta::<Digests>()?.unwrap_or_default();
            digests.last = digest.or(digests.last);
            let mut is_told = false;
            let is_week = weeks.as_ref().is_some_and(|weeks| weeks.week.is_some());
            if findings || alarms || held_news || is_week {
                let scope = if is_week { Scope::Weekly } else { Scope::Digest };
                let told =
                    match txn.unsent_of(OPERATOR)?.map(|number| txn.notice(number)).transpose()?.flatten() {
                        None => {
                            txn.add_notices([notice(OPERATOR, scope, false, false, now)])?;
                            true
                        }
                        // Its text is fixed; what came later is told when it is gone.
                        Some(waiting) if waiting.frozen => false,
                        Some(waiting) => {
                            if is_week {
                                txn.put_notice(&Notice { scope, ..waiting })?;
                            }
                            true
                        }
                    };
                if held_news && told {
                    digests.held_told = Some((now, newest));
                }
                is_told = told;
            }
            if let Some(weeks) = weeks.filter(|_| is_told || !is_week) {
                txn.set_meta(&weeks)?;
            }
            halt::point("planning");
            if let Some(rules) = &rules {
                txn.set_meta(rules)?;
            }
            txn.set_meta(&digests)
        })?;
        if !planned.is_empty() {
            tracing::info!(mails = planned.len(), held = held_now, "mails planned");
        }
        Ok((planned.len(), held_now))
    }

    /// Marks those who have something to hear and are not marked.
    fn marked_anew(&self, view: &View, now: Timestamp) -> Result<View, Error> {
        let loaded = self.loaded();
        let Settings { boxx, policy, .. } = &loaded.settings;
        let (kinds, zone) = (Kinds::load(view)?, &boxx.timezone);
        let at = Moment::new(now, zone);
        let mut receivers = BTreeSet::new();
        view.incidents(|key, incident| {
            let family = kinds.family(key.kind());
            let due = policy::will_be_due(&incident, &Asked::of(family, policy, at, zone));
            receivers.extend(receiver(&key, &incident, family, policy).filter(|_| due));
        })?;
        let mut unmarked = Vec::new();
        for receiver in receivers {
            if view.due_of(receiver)?.is_none() {
                unmarked.push((receiver, false));
            }
        }
        if !unmarked.is_empty() {
            self.store.write(|txn| txn.mark_due(unmarked, now))?;
        }
        Ok(self.store.view()?)
    }

    /// Lets the digest of the day be made once more: when it was made, nobody was known.
    pub(super) fn digest_again(&self) -> Result<(), Error> {
        // Who is planning looked before that, and would note afterwards that the digest of the day is made.
        let _planning = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
        self.store.write(|txn| {
            let digests = txn.meta::<Digests>()?.unwrap_or_default();
            txn.set_meta(&Digests { last: None, ..digests })
        })?;
        Ok(())
    }

    /// Plans, then sends what may go out, until the queue is through once. While reports are coming in nothing is
    /// planned: a customer gets one mail for all of a pass, and not one for its first report.
    pub async fn mail_step(self: &Arc<Self>, now: Timestamp) -> Result<Step, Error> {
        if self.loaded().is_mending {
            return Ok(Step::default());
        }
        let engine = self.clone();
        let plan = move || if engine.is_fetching(now) { Ok((0, 0)) } else { engine.plan(now) };
        let planned = tokio::task::spawn_blocking(plan).await;
        let (planned, held) = planned.map_err(|error| Error::Task(error.to_string()))??;
        let mut step = self.send(now).await?;
        (step.planned, step.held) = (planned, held);
        Ok(step)
    }

    async fn send(&self, now: Timestamp) -> Result<Step, Error> {
        let mut server = self.mail_server.lock().await;
        let Settings { boxx, policy, organisation, .. } = &self.loaded().settings;
        let asks =
            |(code, alarm): &(String, store::Alarm)| code == OPERATOR_MAIL && alarm.text == NO_OPERATOR;
        if !organisation.operator_address.is_empty() && self.store.view()?.alarms()?.iter().any(asks) {
            // There may be no mail for the operator by which this would be seen.
            self.alarm(OPERATOR_MAIL, None, now)?;
        }
        if let Some((notice, index, attempt)) = &server.unstored {
            let known = self.store.view()?.notice(notice.number)?;
            let known = known.as_ref().and_then(|known| known.deliveries.get(*index));
            if known.is_none_or(|known| known.attempts == notice.deliveries[*index].attempts) {
                self.settle(&mut notice.clone(), *index, attempt.clone(), now)?;
            }
            server.unstored = None;
        }
        let mut step =
            Step { next: Some(policy::next_digest(policy, now, &boxx.timezone)), ..Step::default() };
        let mut queue = Vec::new();
        self.store.view()?.unsent(|notice| queue.push(notice.number))?;
        queue.sort_unstable();
        let behind = queue.partition_point(|&number| number <= server.failed_at);
        queue.rotate_left(behind);
        let began = Instant::now();
        let mut connection = None;
        for number in queue {
            if began.elapsed() > STEP_TIME_MAX {
                step.more = true;
                step.sooner(now);
                break;
            }
            if self.send_notice(number, &mut server, &mut connection, &mut step, now, began).await?.is_break()
            {
                break;
            }
        }
        if let Some(open) = connection {
            open.quit().await;
        }
        // What is waiting tells it, too, and has a time of its own.
        let view = self.store.view()?;
        if let (Some(from), None) = (alarms::urgent_from(&view)?, view.unsent_of(OPERATOR)?) {
            // While reports come in nothing is planned, and their end is told.
            let soon = if self.is_fetching(now) { 60 } else { 1 };
            step.sooner(from.max(now.plus_seconds(soon)));
        }
        Ok(step)
    }

    /// Sends one notice to each of its addresses, if it may go out. Settings and customers are taken as they are
    /// at this moment, since a long queue takes hours. `began`: the step, when it was `now`. `Break`: no mail can go out
    /// now.
    async fn send_notice(
        &self,
        number: u64,
        server: &mut Server,
        connection: &mut Option<smtp::Connection>,
        step: &mut Step,
        now: Timestamp,
        began: Instant,
    ) -> Result<ControlFlow<()>, Error> {
        let loaded = self.loaded();
        let Settings { boxx, policy, mail, .. } = &loaded.settings;
        let view = self.store.view()?;
        let Some(mut notice) = view.notice(number)?.filter(|notice| notice.done.is_none()) else {
            return Ok(ControlFlow::Continue(()));
        };
        let ours = notice.customer == OPERATOR;
        let must_hold = boxx.mode == Mode::Hold
            || boxx.mode == Mode::Live && !notice.practice && loaded.always_holds(notice.customer);
        let waits = match boxx.mode {
            _ if ours => false,
            // No customer gets mail then, though it was begun; its bytes are kept for when practice is over.
            Mode::Practice => !notice.practice,
            _ if notice.frozen => false,
            _ if must_hold => !notice.released,
            _ => notice.practice,
        };
        if waits && !notice.held && must_hold {
            self.change(&[number], |notice| {
                notice.held = notice.done.is_none() && !notice.frozen && !notice.practice && !notice.released;
                notice.held
            })?;
        }
        if notice.held || waits {
            return Ok(ControlFlow::Continue(()));
        }
        // Also for what has begun to go out; a step may take minutes, and an hour end in it.
        let is_customers = !ours && !notice.practice;
        let shut = || {
            let now = now.plus_seconds(began.elapsed().as_secs() as i64);
            hours::shut(policy, now, &boxx.timezone).filter(|_| is_customers).map(|(_, until)| until)
        };
        if let Some(until) = shut() {
            step.sooner(until);
            return Ok(ControlFlow::Continue(()));
        }
        // A later moment than any that is ever set was set by a clock that was wrong.
        let waits = |later: &Timestamp| (1..=SERVER_WAIT_SECONDS_MAX).contains(&later.since(now));
        if let Some(later) = server.not_before.filter(waits) {
            step.sooner(later);
            return Ok(ControlFlow::Break(()));
        }
        if !notice.frozen && is_customers {
            let free = outbox::not_before(&view.mailed(notice.customer)?, policy, now);
            if let Some(later) = free {
                step.sooner(later);
                return Ok(ControlFlow::Continue(()));
            }
        }
        // Asked before the text is made: of a long queue most may be for one domain.
        let full = |server: &Server, to: &str| server.full_for(to, mail.per_domain_per_minute_max);
        let waits = match notice.frozen {
            true => {
                notice.deliveries.iter().filter(|to| to.done.is_none()).map(|to| full(server, &to.to)).min()
            }
            false => self.addresses(&loaded, &notice).iter().map(|to| full(server, to)).min(),
        };
        if let Some(seconds @ 1..) = waits {
            step.full_for(seconds, now);
            return Ok(ControlFlow::Continue(()));
        }
        if !notice.frozen && self.addresses(&loaded, &notice).iter().all(String::is_empty) {
            // Customers have addresses.
            self.alarm(OPERATOR_MAIL, Some(NO_OPERATOR), now)?;
            return Ok(ControlFlow::Continue(()));
        }
        let Some(frozen) = self.prepare(&view, &loaded, &mut notice, now)? else {
            self.change(&[number], |notice| {
                let over = notice.done.is_none() && !notice.frozen;
                if over {
                    notice.done = Some((now, End::Dropped(NOTHING_LEFT.to_owned())));
                }
                over
            })?;
            tracing::info!(notice = number, "nothing left to tell");
            return Ok(ControlFlow::Continue(()));
        };
        drop(view);
        let made_for = notice.scope;
        for index in 0..notice.deliveries.len() {
            let delivery = &notice.deliveries[index];
            if delivery.done.is_some() {
                continue;
            }
            if outbox::waits(delivery, now) {
                step.sooner(delivery.next);
                continue;
            }
            if let seconds @ 1.. = full(server, &delivery.to) {
                step.full_for(seconds, now);
                continue;
            }
            let missing =
                [(mail.server.is_none(), NO_SERVER), (frozen.sender.abuse_address.is_empty(), NO_SENDER)];
            if let Some((_, text)) = missing.iter().find(|(missing, _)| *missing) {
                self.alarm(MAIL_SERVER, Some(text), now)?;
                return Ok(ControlFlow::Break(()));
            }
            // After a 421 the server has hung up.
            connection.take_if(|open| !open.is_usable());
            if connection.is_none()
                && let Some(mail_server) = &mail.server
            {
                let waits = smtp::Waits::default();
                let smtp = Smtp::new(mail_server.clone(), &boxx.name, &loaded.extra_ca, waits);
                match async { smtp?.connect().await }.await {
                    Ok(open) => *connection = Some(open),
                    Err(error) => {
                        let detail = super::intake::describe(&error);
                        step.sooner(self.server_failed(server, number, &detail, now)?);
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            let Some(open) = connection.as_mut() else { return Ok(ControlFlow::Break(())) };
            server.pace(mail.per_minute_max, &delivery.to).await;
            if let Some(until) = shut() {
                step.sooner(until);
                return Ok(ControlFlow::Continue(()));
            }
            let (from, bytes) = message(&notice, index, &frozen);
            // The last moment to think otherwise: an operator may have dropped it while we waited.
            let begin = || -> Result<(), Stop> {
                self.store.write(|txn| {
                    // A week may have been added to it.
                    let is_same = |begun: &Notice| {
                        begun.done.is_none() && !begun.held && (begun.frozen || begun.scope == made_for)
                    };
                    let Some(mut begun) = txn.notice(number)?.filter(is_same) else {
                        return Ok(Err(Stop::Changed));
                    };
                    if !begun.frozen {
                        begun.deliveries.clone_from(&notice.deliveries);
                        begun.incidents.clone_from(&notice.incidents);
                        begun.frozen = true;
                        begun.first_attempt.get_or_insert(now);
                        txn.put_mail(number, &frozen)?;
                        txn.put_notice(&begun)?;
                    }
                    Ok(Ok(()))
                })?
            };
            let outcome = open.deliver(&from, &delivery.to, bytes.as_bytes(), begin).await;
            // It may not want this mail, but it is at work.
            let at_work =
                matches!(outcome, Outcome::Accepted { .. } | Outcome::Later { .. } | Outcome::Refused { .. });
            if at_work {
                server.failures = 0;
            }
            halt::point("answered");
            let attempt = match outcome {
                Outcome::Accepted { reply } => Attempt::Accepted { reply },
                Outcome::Later { reply, .. } => Attempt::Later { reply },
                Outcome::Refused { reply, .. } => Attempt::Refused { reply },
                Outcome::Lost { detail, after_data: true } => {
                    *connection = None;
                    Attempt::Later { reply: detail }
                }
                Outcome::Lost { detail: reply, after_data: false } | Outcome::ServerRefused { reply, .. } => {
                    step.sooner(self.server_failed(server, number, &reply, now)?);
                    return Ok(ControlFlow::Break(()));
                }
                Outcome::Stopped(Stop::Changed) => {
                    step.sooner(now.plus_seconds(1));
                    return Ok(ControlFlow::Continue(()));
                }
                Outcome::Stopped(Stop::Store(error)) => return Err(error.into()),
            };
            server.unstored = Some((notice.clone(), index, attempt.clone()));
            let settled = self.settle(&mut notice, index, attempt, now)?;
            server.unstored = None;
            if at_work {
                self.alarm(MAIL_SERVER, None, now)?;
            }
            match settled {
                Some(true) => step.sent += 1,
                Some(false) => step.failed += 1,
                None => step.sooner(notice.deliveries[index].next),
            }
            if notice.done.is_some() {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The text of a notice, its addresses and what it tells: made anew, unless its bytes are already fixed.
    /// `None`: there is nothing left to tell.
    fn prepare(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &mut Notice,
        now: Timestamp,
    ) -> Result<Option<Frozen>, Error> {
        if notice.frozen {
            return Ok(Some(view.mail(notice.number)?.ok_or(store::Error::Damaged { what: "a mail" })?));
        }
        let made = match notice.customer {
            OPERATOR => self.operator_mail(view, loaded, notice, now)?,
            _ => self.customer_mail(view, loaded, notice, now)?,
        };
        let Some(Made { mail, incidents, also, first_notices }) = made else { return Ok(None) };
        notice.incidents = incidents;
        let addresses = self.addresses(loaded, notice);
        if notice.deliveries.iter().map(|delivery| &delivery.to).ne(&addresses) {
            notice.deliveries.clear();
            for (index, to) in addresses.into_iter().enumerate() {
                notice.deliveries.push(Delivery {
                    to,
                    token: random_token(),
                    message_id: self.message_id(loaded, notice.number, index)?,
                    attempts: 0,
                    next: now,
                    done: None,
                    reply: String::new(),
                });
            }
        }
        let mut references = vec![Vec::new(); notice.deliveries.len()];
        for first in first_notices.into_iter().take(REFERENCES_MAX) {
            let Some(first) = view.notice(first)? else { continue };
            for (references, delivery) in references.iter_mut().zip(&notice.deliveries) {
                let known = first.deliveries.iter().find(|known| known.to == delivery.to);
                references.extend(known.map(|known| known.message_id.clone()));
            }
        }
        let sender = loaded.sender();
        let mut frozen = Frozen { made: now, sender, mail, references, signatures: Vec::new(), also };
        // Kept with the mail, since key and selector may be others, or gone, when it goes out again.
        for index in 0..notice.deliveries.len() {
            let unsigned = message(notice, index, &frozen).1;
            frozen.signatures.push(self.signature(loaded, &frozen.sender.abuse_address, now, &unsigned)?);
        }
        Ok(Some(frozen))
    }

    /// The header field that signs a mail from this address; empty where mails are not signed.
    pub(super) fn signature(
        &self,
        loaded: &Loaded,
        from: &str,
        now: Timestamp,
        unsigned: &str,
    ) -> Result<String, Error> {
        let Some(key) = &loaded.signing_key else { return Ok(String::new()) };
        let selector = &loaded.settings.mail.dkim_selector;
        match dkim::signature(&**key, selector, mime::domain_of(from), now, unsigned) {
            Ok(field) => Ok(field),
            Err(error) => {
                let text = format!(
                    "a mail goes out unsigned, since the key of mail.dkim_key fails: {error}; make a new one"
                );
                self.alarm(DKIM, Some(&text), now)?;
                Ok(String::new())
            }
        }
    }

    /// The text of a notice as it went out, or as it would go out now, and whether it did. `None`: there is nothing
    /// left to tell, or the text was forgotten.
    pub fn preview(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Option<(Mail, bool)>, Error> {
        if notice.frozen {
            return Ok(view.mail(notice.number)?.map(|frozen| (frozen.mail, true)));
        }
        let made = match notice.customer {
            _ if notice.done.is_some() => None,
            OPERATOR => self.operator_mail(view, loaded, notice, now)?,
            _ => self.customer_mail(view, loaded, notice, now)?,
        };
        Ok(made.map(|made| (made.mail, false)))
    }

    /// Where a notice goes: the customer's usable addresses; else, and in practice, the operator's.
    pub fn addresses(&self, loaded: &Loaded, notice: &Notice) -> Vec<String> {
        let operator = || vec![loaded.settings.organisation.operator_address.clone()];
        if notice.customer == OPERATOR || notice.practice {
            return operator();
        }
        let mails: Vec<String> = loaded
            .table
            .contact(notice.customer)
            .map(|contact| contact.mails.iter().map(|mail| (*mail).to_owned()).collect())
            .unwrap_or_default();
        if mails.is_empty() { operator() } else { mails }
    }

    /// The incidents that a notice would tell now, and how bad they are.
    pub fn tells(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Vec<(u64, Severity)>, Error> {
        let (log, kinds) = (view.session_log()?, Kinds::load(view)?);
        let context = loaded.context(&log, &kinds, now);
        let due = worst_due(view, &context, notice.customer, notice.scope, told_max(notice))?;
        log.finish()?;
        Ok(due.into_iter().map(|(Reverse(severity), _, id, _)| (id, severity)).collect())
    }

    /// What a notice comes to: as it went out, else as it would go out now.
    pub fn outgoing(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Outgoing, Error> {
        let told = match notice.frozen || notice.done.is_some() {
            true => notice.incidents.clone(),
            false => self.tells(view, loaded, notice, now)?,
        };
        let mut mails = Vec::new();
        for delivery in &notice.deliveries {
            mails.push(Outbound {
                to: delivery.to.clone(),
                state: outbox::state(notice, Some(delivery)),
                message_id: delivery.message_id.clone(),
                reply: delivery.reply.clone(),
            });
        }
        if mails.is_empty() {
            for (index, to) in self.addresses(loaded, notice).into_iter().enumerate() {
                let message_id = self.message_id(loaded, notice.number, index)?;
                let state = outbox::state(notice, None);
                mails.push(Outbound { to, state, message_id, reply: String::new() });
            }
        }
        Ok(Outgoing { incidents: told.into_iter().map(|(id, _)| id).collect(), mails })
    }

    /// What a notice tells now. What does not fit into one mail is still due when the next is made.
    fn told(
        &self,
        view: &View,
        kinds: &Kinds,
        context: &Context<'_>,
        notice: &Notice,
    ) -> Result<Vec<Told>, Error> {
        let mut told = Vec::new();
        for (_, key, _, reason) in worst_due(view, context, notice.customer, notice.scope, told_max(notice))?
        {
            if let Some(incident) = view.incident(&key)? {
                let (name, kind) = kinds.of(&key);
                told.push(context.tell(notice.customer, key, &incident, name, kind, reason));
            }
        }
        Ok(told)
    }

    fn customer_mail(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Option<Made>, Error> {
        let kinds = Kinds::load(view)?;
        let log = view.session_log()?;
        let context = loaded.context(&log, &kinds, now);
        let told = self.told(view, &kinds, &context, notice)?;
        if told.is_empty() {
            return Ok(None);
        }
        let telling: HashSet<Key> = told.iter().map(|told| told.key).collect();
        let (mut still_open, mut gone, mut gone_ids) = (Vec::new(), Vec::new(), Vec::new());
        view.incidents_of(notice.customer, |key, incident| {
            let (_, kind) = kinds.of(&key);
            if !telling.contains(&key) {
                still_open.extend(context.still_open(notice.customer, &key, &incident, kind));
                if let Some(line) = context.gone(notice.customer, &key, &incident, kind) {
                    // What nobody is to hear now is no news either once somebody is.
                    gone.extend(context.policy.tell_gone.then_some(line));
                    gone_ids.push(incident.id);
                }
            }
            Ok(())
        })?;
        log.finish()?;
        let contact = loaded.table.contact(notice.customer);
        let mails: Vec<String> =
            contact.iter().flat_map(|contact| &contact.mails).map(|mail| (*mail).to_owned()).collect();
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let language =
            contact.as_ref().and_then(|contact| contact.language).unwrap_or(&loaded.settings.boxx.language);
        let voice = loaded.texts.voice(language);
        let also = Also { gone: gone_ids, ..Also::default() };
        Ok(Some(Made::of(told, also, |problems| {
            let digest = Digest {
                sender: loaded.sender(),
                phrase: loaded.settings.organisation.phrase.clone(),
                notice: notice.number,
                customer_id: text(contact.as_ref().map(|contact| contact.id)),
                customer_name: text(contact.as_ref().map(|contact| contact.name)),
                plain: contact.as_ref().is_some_and(|contact| contact.plain),
                zone: loaded.settings.boxx.timezone.clone(),
                pass_on: mails.is_empty(),
                practice_for: notice.practice.then_some(mails),
                problems: problems.into_iter().map(|(_, problem)| problem).collect(),
                still_open,
                gone,
            };
            compose::customer(&digest, &voice)
        })))
    }

    fn operator_mail(
        &self,
        view: &View,
        loaded: &Loaded,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Option<Made>, Error> {
        let (log, kinds) = (view.session_log()?, Kinds::load(view)?);
        let context = loaded.context(&log, &kinds, now);
        let told = self.told(view, &kinds, &context, notice)?;
        let mut held = 0;
        view.unsent(|notice| held += u64::from(notice.held))?;
        let language = &loaded.settings.boxx.language;
        let News { alarms, standing, over, said } = alarms::news(view, Words::of(language))?;
        let week = match notice.scope {
            Scope::Weekly => view.meta::<Weeks>()?.and_then(|weeks| weeks.week),
            _ => None,
        };
        if told.is_empty() && held == 0 && alarms.is_empty() && over.is_empty() && week.is_none() {
            return Ok(None);
        }
        let mut all = 0u64;
        find_due(view, &context, OPERATOR, notice.scope, |_, _, _| {
            all += 1;
            false
        })?;
        log.finish()?;
        let findings_more = all.saturating_sub(told.len() as u64);
        let voice = loaded.texts.voice(language);
        let also = Also { alarms: said, ..Also::default() };
        Ok(Some(Made::of(told, also, |findings| {
            let digest = OperatorDigest {
                sender: loaded.sender(),
                notice: notice.number,
                zone: loaded.settings.boxx.timezone.clone(),
                findings: findings
                    .into_iter()
                    .map(|(ownership, problem)| {
                        let why = match ownership {
                            Ownership::Customer => "not told",
                            Ownership::Unassigned => "unassigned",
                            Ownership::Ambiguous => "ambiguous",
                            Ownership::Unattributable => "unattributable",
                        };
                        (why, problem)
                    })
                    .collect(),
                findings_more,
                held,
                alarms,
                standing,
                over,
                week: week.map(|week| loaded.weekly(week)),
            };
            compose::operator(&digest, &voice)
        })))
    }

    /// The Message-ID of a notice to its n-th address, as long as it is not written.
    pub fn message_id(&self, loaded: &Loaded, notice: u64, index: usize) -> Result<String, Error> {
        let format =
            self.store.view()?.meta::<Format>()?.ok_or(store::Error::Damaged { what: "its format" })?;
        let domain = mime::domain_of(&loaded.settings.organisation.abuse_address);
        Ok(mime::message_id(&hex(&format.store_id.to_be_bytes()), notice, index as u32, domain))
    }

    /// Records an attempt and what follows from it, in one transaction. `Some` when the notice is done: whether it
    /// was sent.
    fn settle(
        &self,
        notice: &mut Notice,
        index: usize,
        attempt: Attempt,
        now: Timestamp,
    ) -> Result<Option<bool>, Error> {
        let accepted = matches!(attempt, Attempt::Accepted { .. });
        let ours = notice.customer == OPERATOR;
        let done = self.store.write(|txn| {
            let mut stored =
                txn.notice(notice.number)?.ok_or(store::Error::Damaged { what: "the outbox" })?;
            if !stored.frozen {
                // It came to nothing before DATA: what it would have told counts only if that was the end of it.
                stored.deliveries.clone_from(&notice.deliveries);
                if stored.done.is_none() {
                    stored.incidents.clone_from(&notice.incidents);
                }
            }
            let dropped = stored.done.is_some();
            let is_sent = |delivery: &Delivery| matches!(delivery.done, Some((_, true)));
            let first = accepted && !stored.deliveries.iter().any(is_sent);
            let done = outbox::record(&mut stored, index, attempt, now);
            let failed = done && !dropped && !stored.deliveries.iter().any(is_sent);
            txn.put_notice(&stored)?;
            *notice = stored;
            if first || failed {
                // The first address that took it, or the last that refused it: it counts as told from now.
                mark_told(txn, notice, now)?;
            }
            if first && !ours && !notice.practice {
                let mut mailed = txn.mailed(notice.customer)?;
                outbox::note_mailed(&mut mailed, now);
                txn.put_mailed(notice.customer, &mailed)?;
            }
            Ok(done)
        })?;
        let sent = matches!(notice.done, Some((_, End::Sent)));
        let delivery = &notice.deliveries[index];
        match delivery.done {
            Some((_, true)) => tracing::info!(notice = notice.number, "mail accepted"),
            Some((_, false)) => {
                tracing::warn!(notice = notice.number, reply = delivery.reply, "mail given up")
            }
            None => tracing::warn!(notice = notice.number, reply = delivery.reply, "mail postponed"),
        }
        let failed = matches!(notice.done, Some((_, End::Failed)));
        let text = |place| {
            format!(
                "a mail could not be delivered (notice {}): the mail server says {:?}; correct {place}",
                notice.number, delivery.reply
            )
        };
        if ours && (failed || accepted) {
            let text = failed.then(|| text("organisation.operator_address"));
            self.alarm(OPERATOR_MAIL, text.as_deref(), now)?;
        } else if failed {
            self.alarm(MAIL_FAILED, Some(&text("the address in the customer file")), now)?;
        }
        Ok(done.then_some(sent))
    }

    /// The mail server itself is at fault: everything waits, less and less often.
    fn server_failed(
        &self,
        server: &mut Server,
        notice: u64,
        detail: &str,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        server.failures += 1;
        server.failed_at = notice;
        let wait = SERVER_WAIT_SECONDS_MIN << (server.failures - 1).min(6);
        let later = now.plus_seconds(wait.min(SERVER_WAIT_SECONDS_MAX));
        server.not_before = Some(later);
        let text =
            format!("the mail server takes no mail: {detail}; mails wait, abusebox tries again by itself");
        self.alarm(MAIL_SERVER, Some(&text), now)?;
        Ok(later)
    }

    /// The mail server of the new settings is asked at once.
    pub(super) fn mail_changed(&self) {
        // While mails are going out, it is not waited for anyway.
        if let Ok(mut server) = self.mail_server.try_lock() {
            (server.failures, server.not_before) = (0, None);
        }
    }

    /// Numbers of the mails that wait for release, none above `through`, oldest first.
    pub fn held(&self, through: u64) -> Result<Vec<u64>, Error> {
        let mut held = Vec::new();
        self.store.view()?.unsent(|notice| {
            held.extend((notice.held && notice.number <= through).then_some(notice.number));
        })?;
        held.sort_unstable();
        Ok(held)
    }

    /// Releases mails that are held, whatever the mode, or gives up mails that were not sent: these and no others.
    /// Returns those that were so.
    pub fn change_mails(
        &self,
        numbers: &[u64],
        change: Change,
        now: Timestamp,
        signed: Option<&Signature<'_>>,
    ) -> Result<Vec<u64>, Error> {
        self.usable()?;
        let mut changed = Vec::new();
        for numbers in numbers.chunks(CHANGED_AT_ONCE) {
            let these = match change {
                Change::Release => self.release(numbers, now, signed),
                Change::Drop => self.give_up(numbers, now, signed),
            };
            changed.extend(these?);
        }
        Ok(changed)
    }

    fn release(
        &self,
        numbers: &[u64],
        now: Timestamp,
        signed: Option<&Signature<'_>>,
    ) -> Result<Vec<u64>, Error> {
        let txn = self.store.begin()?;
        let released = change_notices(&txn, numbers, |notice| {
            let held = notice.done.is_none() && notice.held;
            (notice.held, notice.released) = (false, notice.released || held);
            held
        })?;
        sign_numbers(signed, &txn, What::Released, &released, now)?;
        txn.commit()?;
        Ok(released)
    }

    /// What they would have told counts as told now.
    fn give_up(
        &self,
        numbers: &[u64],
        now: Timestamp,
        signed: Option<&Signature<'_>>,
    ) -> Result<Vec<u64>, Error> {
        let (loaded, view) = (self.loaded(), self.store.view()?);
        let mut unsent = Vec::new();
        for &number in numbers {
            if let Some(notice) = view.notice(number)?.filter(|notice| notice.done.is_none()) {
                unsent.push((number, self.tells(&view, &loaded, &notice, now)?));
            }
        }
        let txn = self.store.begin()?;
        let mut dropped = Vec::new();
        for (number, tells) in unsent {
            let Some(mut notice) = txn.notice(number)?.filter(|notice| notice.done.is_none()) else {
                continue;
            };
            if !notice.frozen {
                notice.incidents = tells;
            }
            notice.done = Some((now, End::Dropped("dropped by the operator".to_owned())));
            mark_told(&txn, &notice, now)?;
            txn.put_notice(&notice)?;
            dropped.push(number);
        }
        sign_numbers(signed, &txn, What::Dropped, &dropped, now)?;
        txn.commit()?;
        Ok(dropped)
    }

    fn change(&self, numbers: &[u64], change: impl FnMut(&mut Notice) -> bool) -> Result<Vec<u64>, Error> {
        Ok(self.store.write(|txn| change_notices(txn, numbers, change))?)
    }
}

impl Loaded {
    /// `log`: to be asked in the end whether it could be read.
    pub fn context<'a>(&'a self, log: &'a SessionLog, kinds: &'a Kinds, now: Timestamp) -> Context<'a> {
        let zone = &self.settings.boxx.timezone;
        Context {
            sources: self.sources(log),
            networks: &self.settings.networks,
            families: &kinds.families,
            policy: &self.settings.policy,
            zone,
            at: Moment::new(now, zone),
        }
    }

    /// Whether all mails of a customer wait for release.
    pub(super) fn always_holds(&self, customer: CustomerNo) -> bool {
        let policy = &self.settings.policy;
        !policy.customers_held.is_empty()
            && self.table.contact(customer).is_some_and(|contact| policy.holds_customer(contact.id))
    }

    /// What to say of the ids in `policy.customers_held` that no customer has; `None`: of these there are none, or nobody
    /// is known at all.
    pub(super) fn held_strangers(&self) -> Option<String> {
        let mut strangers: BTreeSet<&str> =
            self.settings.policy.customers_held.iter().map(String::as_str).collect();
        if strangers.is_empty() || self.table.customers_len() == 0 {
            return None;
        }
        for (_, contact) in self.table.customers(CustomerNo(0)) {
            strangers.remove(contact.id);
        }
        let more = match strangers.len().saturating_sub(STRANGERS_NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named: Vec<&str> = strangers.into_iter().take(STRANGERS_NAMED_MAX).collect();
        let text = format!(
            "policy.customers_held names who is no customer, so no mail waits for that: {}{more}. Correct it, or take \
             it out",
            named.join(", ")
        );
        (!named.is_empty()).then_some(text)
    }

    pub(super) fn sender(&self) -> Sender {
        let organisation = &self.settings.organisation;
        Sender { organisation: organisation.name.clone(), abuse_address: organisation.abuse_address.clone() }
    }
}

impl Server {
    /// Waits until another mail, this one to `address`, keeps within the limit of any 60 seconds.
    async fn pace(&mut self, per_minute_max: u32, address: &str) {
        // More than one where the limit was lowered.
        let mut oldest = None;
        while self.sent.len() >= per_minute_max.max(1) as usize {
            oldest = self.sent.pop_front();
        }
        if let Some((oldest, _)) = oldest {
            tokio::time::sleep_until(oldest + MINUTE).await;
        }
        self.sent.push_back((Instant::now(), domain_of(address)));
    }

    /// For how many seconds the domain of `address` has got as many mails as it may in any 60 seconds; 0: it has not.
    fn full_for(&self, address: &str, per_minute_max: u32) -> i64 {
        let domain = domain_of(address);
        let mut lately = self.sent.iter().filter(|(at, to)| *to == domain && at.elapsed() < MINUTE);
        let Some(over) = lately.clone().count().checked_sub(per_minute_max.max(1) as usize) else { return 0 };
        lately.nth(over).map_or(0, |(at, _)| {
            let left = MINUTE.saturating_sub(at.elapsed()).as_secs() as i64 + 1;
            left.max(DOMAIN_WAIT_SECONDS_MIN)
        })
    }
}

impl Step {
    fn sooner(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn full_for(&mut self, seconds: i64, now: Timestamp) {
        self.full_seconds = if self.full_seconds == 0 { seconds } else { self.full_seconds.min(seconds) };
        self.sooner(now.plus_seconds(seconds));
    }
}

/// Report types by the numbers that incident keys hold.
pub struct Kinds {
    names: Vec<String>,
    families: Vec<Family>,
}

impl Kinds {
    pub fn load(view: &View) -> Result<Self, store::Error> {
        let names = view.kinds()?;
        let families = names.iter().map(|name| known(name).family).collect();
        Ok(Self { names, families })
    }

    pub fn family(&self, number: u16) -> Family {
        self.families.get(usize::from(number)).copied().unwrap_or(Family::Other)
    }

    pub fn of(&self, key: &Key) -> (&str, &'static Kind) {
        let name = self.names.get(usize::from(key.kind())).map_or("", String::as_str);
        (name, known(name))
    }
}

fn known(name: &str) -> &'static Kind {
    kind::find(name).unwrap_or_else(|| kind::unknown())
}

/// A mail, made, and what it tells.
struct Made {
    mail: Mail,
    incidents: Vec<(u64, Severity)>,
    also: Also,
    first_notices: BTreeSet<u64>,
}

impl Made {
    fn of(told: Vec<Told>, also: Also, compose: impl FnOnce(Vec<(Ownership, Problem)>) -> Mail) -> Self {
        let incidents = told.iter().map(|told| (told.problem.incident, told.severity)).collect();
        let first_notices = told.iter().filter_map(|told| told.first_notice).collect();
        let mail = compose(told.into_iter().map(|told| (told.ownership, told.problem)).collect());
        Self { mail, incidents, also, first_notices }
    }
}

/// Whether anything is due to `receiver`.
fn any_due(
    view: &View,
    context: &Context<'_>,
    receiver: CustomerNo,
    scope: Scope,
) -> Result<bool, store::Error> {
    find_due(view, context, receiver, scope, |_, _, _| true)
}

/// Looks through what is due to `receiver` for what is sought, and no further. Returns whether it is there.
fn find_due(
    view: &View,
    context: &Context<'_>,
    receiver: CustomerNo,
    scope: Scope,
    mut is_it: impl FnMut(Key, Incident, Reason) -> bool,
) -> Result<bool, store::Error> {
    let mut is_due = |key: Key, incident: Incident| {
        let reason = context.due(receiver, &key, &incident, scope);
        Ok(reason.is_some_and(|reason| is_it(key, incident, reason)))
    };
    if view.find_incident_of(receiver, &mut is_due)? {
        return Ok(true);
    }
    if receiver == OPERATOR {
        for kind in context.operators_kinds() {
            if view.find_incident_of_customers(kind, &mut is_due)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What is due to `receiver`: the worst, at most `max`.
fn worst_due(
    view: &View,
    context: &Context<'_>,
    receiver: CustomerNo,
    scope: Scope,
    max: usize,
) -> Result<Vec<Telling>, store::Error> {
    let mut worst: Vec<Telling> = Vec::new();
    let shorten = |worst: &mut Vec<Telling>| {
        worst.sort_unstable_by_key(|&(severity, key, ..)| (severity, key));
        worst.truncate(max);
    };
    find_due(view, context, receiver, scope, |key, incident, reason| {
        worst.push((Reverse(incident.severity), key, incident.id, reason));
        if worst.len() >= 2 * max {
            shorten(&mut worst);
        }
        false
    })?;
    shorten(&mut worst);
    Ok(worst)
}

/// Changes notices, and returns the numbers of those for which `change` says that it did.
fn change_notices(
    txn: &Txn,
    numbers: &[u64],
    mut change: impl FnMut(&mut Notice) -> bool,
) -> Result<Vec<u64>, store::Error> {
    let mut changed = Vec::new();
    for &number in numbers {
        if let Some(mut notice) = txn.notice(number)?
            && change(&mut notice)
        {
            txn.put_notice(&notice)?;
            changed.push(number);
        }
    }
    Ok(changed)
}

/// Notes that the incidents of a notice were told, and that others are gone; practice mails change nothing.
fn mark_told(txn: &Txn, notice: &Notice, now: Timestamp) -> Result<(), store::Error> {
    if notice.practice {
        return Ok(());
    }
    let change = |id: u64, change: &dyn Fn(&mut Incident)| -> Result<(), store::Error> {
        if let Some(key) = txn.incident_key(id)?
            && let Some(mut incident) = txn.incident(&key)?
        {
            change(&mut incident);
            txn.put_incident(&key, &incident)?;
        }
        Ok(())
    };
    for &(id, severity) in &notice.incidents {
        change(id, &|incident| incident.mark_told(notice.number, severity, now))?;
    }
    let mail = txn.mail(notice.number)?;
    for &id in mail.iter().flat_map(|mail| &mail.also.gone) {
        change(id, &Incident::mark_told_gone)?;
    }
    match notice.customer {
        OPERATOR => txn.alarms_told(mail.as_ref().map(|mail| &mail.also.alarms)),
        _ => Ok(()),
    }
}

fn has_reports(view: &View) -> Result<bool, store::Error> {
    let mut is_any = false;
    view.reports_back(None, |_, _| {
        is_any = true;
        ControlFlow::Break(())
    })?;
    Ok(is_any)
}

/// Whether the mode no longer wants an unsent notice: practice mails once practice is over, real ones once it
/// begins. What they would have told is still due, and planned afresh.
fn is_superseded(notice: &Notice, mode: Mode) -> bool {
    notice.customer != OPERATOR && !notice.frozen && notice.practice != (mode == Mode::Practice)
}

/// Envelope sender and bytes of one delivery: the same for the same frozen mail, always.
fn message(notice: &Notice, index: usize, frozen: &Frozen) -> (String, String) {
    let Sender { organisation, abuse_address } = &frozen.sender;
    let delivery = &notice.deliveries[index];
    let envelope = mime::Envelope {
        from_name: organisation.clone(),
        from: abuse_address.clone(),
        to: delivery.to.clone(),
        message_id: delivery.message_id.clone(),
        reply_to: Some(abuse_address.clone()),
        references: frozen.references.get(index).cloned().unwrap_or_default(),
        date: frozen.made,
    };
    let signature = frozen.signatures.get(index).map_or("", String::as_str);
    let signed = format!("{signature}{}", mime::message(&frozen.mail, &envelope));
    (mime::return_path(abuse_address, &delivery.token), signed)
}

fn domain_of(address: &str) -> String {
    mime::domain_of(address).to_ascii_lowercase()
}

/// How many findings one mail tells.
fn told_max(notice: &Notice) -> usize {
    match notice.customer {
        OPERATOR => OPERATOR_FINDINGS_MAX,
        _ => FINDINGS_MAX,
    }
}

fn notice(customer: CustomerNo, scope: Scope, held: bool, practice: bool, now: Timestamp) -> Notice {
    Notice {
        number: 0,
        customer,
        scope,
        created: now,
        held,
        released: false,
        practice,
        deliveries: Vec::new(),
        frozen: false,
        first_attempt: None,
        incidents: Vec::new(),
        done: None,
    }
}

/// Alarm: the mail server takes nothing, or there is none.
pub(super) const MAIL_SERVER: &str = "mail_server";
/// Alarm: the operator's own mail came to nothing.
pub(super) const OPERATOR_MAIL: &str = "operator_mail";
/// Alarm: mails go out unsigned, although a key is named.
pub(super) const DKIM: &str = "dkim";
/// Alarm: a mail came to nothing.
pub(super) const MAIL_FAILED: &str = "mail_failed";
/// More are counted: the settings may hold thousands.
const STRANGERS_NAMED_MAX: usize = 10;
const NOTHING_LEFT: &str = "nothing left to tell";
pub(super) const NO_SERVER: &str = "no mail server is set: mails wait until mail.url is set";
pub(super) const NO_SENDER: &str = "mails have no sender: they wait until organisation.abuse_address is set";
pub(super) const NO_OPERATOR: &str =
    "a mail for the operator waits until organisation.operator_address is set";
/// What is not set yet; whoever sets it needs no mail that says so.
pub(super) const UNSET: [&str; 3] = [NO_SERVER, NO_SENDER, NO_OPERATOR];
const MINUTE: Duration = Duration::from_secs(60);
/// A domain that has got enough is asked for again after so long at the earliest, so that a long queue for it is not gone
/// through every second.
const DOMAIN_WAIT_SECONDS_MIN: i64 = 10;
/// A step ends after so long, so that what is new is planned although thousands of mails are waiting.
const STEP_TIME_MAX: Duration = Duration::from_secs(300);
/// So long a digest may wait for the limit of mails per day: as long as a pass may delay the one of the day before.
pub(super) const DIGEST_WAIT_SECONDS_MAX: i64 = 3600;
/// In practice a customer's mail is made once a day; the digest of the next day is nearly a day later.
const PRACTICE_PAUSE_SECONDS: i64 = 20 * 3600;
/// Held mails are told to the operator again after so long.
const HELD_REMINDER_SECONDS: i64 = 7 * 86_400;
/// First wait after the mail server failed, doubled each time.
const SERVER_WAIT_SECONDS_MIN: i64 = 60;
const SERVER_WAIT_SECONDS_MAX: i64 = 15 * 60;
/// Mails changed in one transaction: what thousands of large ones tell does not fit into memory.
const CHANGED_AT_ONCE: usize = 100;
/// Earlier mails that a mail refers to: mail programs sort by the first few.
const REFERENCES_MAX: usize = 10;
/// Findings in one customer's mail; the rest, the less severe, comes with the next. Bounds memory.
const FINDINGS_MAX: usize = 5_000;
/// Findings in one operator mail; the rest is counted there and stands in `abusebox incidents`.
const OPERATOR_FINDINGS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_domain_gets_its_share_of_any_minute_and_no_more() {
        let mut server = Server::default();
        for _ in 0..3 {
            assert_eq!(server.full_for("a@big.example", 3), 0);
            server.pace(100, "b@Big.example").await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        server.pace(100, "c@small.example").await;
        assert_eq!((server.full_for("d@BIG.example", 3), server.full_for("d@small.example", 3)), (58, 0));
        assert_eq!(server.full_for("d@big.example", 2), 59, "lowered meanwhile");
        tokio::time::advance(Duration::from_secs(56)).await;
        assert_eq!(server.full_for("a@big.example", 3), DOMAIN_WAIT_SECONDS_MIN, "not each second");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(server.full_for("a@big.example", 3), 0);
        // All mails keep within the limit of all, whatever their domains.
        let began = Instant::now();
        server.pace(4, "a@other.example").await;
        server.pace(4, "a@other.example").await;
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }
}
