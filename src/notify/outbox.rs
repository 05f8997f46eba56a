//! The life of a notice after it was planned: held, released, tried, retried, sent or given up. Pure.

use serde::{Deserialize, Serialize};

use super::{Mail, Sender};
use crate::clock::Timestamp;
use crate::config::{Mode, Policy};
use crate::customers::CustomerNo;
use crate::report::kind::Severity;

/// What a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// What is critical and due.
    Critical,
    /// All that is due.
    Digest,
    /// The same and the report of the week, for the operator.
    Weekly,
}

/// A mail to be or been, the same to each address of a customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notice {
    pub number: u64,
    pub customer: CustomerNo,
    pub scope: Scope,
    pub created: Timestamp,
    /// Waits for release.
    pub held: bool,
    /// Released by the operator: no rule holds it again.
    pub released: bool,
    /// Goes to the operator instead, and changes nothing.
    pub practice: bool,
    /// Empty until the first attempt: until then addresses and text are made anew each time.
    pub deliveries: Vec<Delivery>,
    /// Whether the text is frozen (in the table of mails): from the first byte of DATA on.
    pub frozen: bool,
    pub first_attempt: Option<Timestamp>,
    /// Incidents told and how bad they were, once frozen.
    pub incidents: Vec<(u64, Severity)>,
    pub done: Option<(Timestamp, End)>,
}

/// How a notice ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// At least one address got it.
    Sent,
    /// No address could be reached.
    Failed,
    /// Not sent, and why.
    Dropped(String),
}

/// One address of a notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub to: String,
    /// Unguessable, in the envelope sender.
    pub token: String,
    /// Kept, because it is made from settings, which may change while the mail is on its way.
    pub message_id: String,
    pub attempts: u32,
    pub next: Timestamp,
    pub done: Option<(Timestamp, bool)>,
    /// The mail server's last words.
    pub reply: String,
}

/// A mail as it goes out, but for its receiver. With the [`Delivery`] it is all that the bytes are made of, so that
/// they stay the same whatever becomes of the settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    pub made: Timestamp,
    pub sender: Sender,
    pub mail: Mail,
    /// For each delivery the Message-IDs under which its address first heard of the incidents.
    pub references: Vec<Vec<String>>,
    /// For each delivery the header field that signs it; none where mails are not signed.
    pub signatures: Vec<String>,
    pub also: Also,
}

/// What a mail says beside the incidents that it tells.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Also {
    /// Incidents that are gone.
    pub gone: Vec<u64>,
    pub alarms: SaidAlarms,
}

/// Alarms that a mail tells.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SaidAlarms {
    /// Those that were there: code, since when, and the text of what may happen twice in that moment.
    pub standing: Vec<(String, Timestamp, Option<String>)>,
    /// Those that were over, or had given way: number, and when.
    pub past: Vec<(u64, Timestamp)>,
}

/// When mails went to a customer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Mailed {
    /// Newest last; only those of the last day are needed.
    pub recent: Vec<Timestamp>,
    /// How many ever.
    pub total: u64,
}

/// What the world sees of a mail in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Held,
    Queued,
    Sent,
    Failed,
    Dropped,
}

/// What a person may do to a mail that has not gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Held no longer, whatever the mode.
    Release,
    /// Given up; what it would have told counts as told.
    Drop,
}

/// What an attempt came to, as far as the outbox cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The server took it.
    Accepted { reply: String },
    /// Not now (4xx, or the connection was lost).
    Later { reply: String },
    /// Never (5xx).
    Refused { reply: String },
}

/// State of one address of a notice; of the notice itself where it has no addresses yet.
pub fn state(notice: &Notice, delivery: Option<&Delivery>) -> State {
    match (&notice.done, delivery.and_then(|delivery| delivery.done)) {
        (_, Some((_, true))) => State::Sent,
        (_, Some((_, false))) => State::Failed,
        (Some((_, End::Sent)), None) => State::Sent,
        (Some((_, End::Failed)), None) => State::Failed,
        (Some((_, End::Dropped(_))), None) => State::Dropped,
        (None, None) if notice.held => State::Held,
        (None, None) => State::Queued,
    }
}

/// Whether the notices of one planning run are held: always in mode hold, and where suddenly so many customers
/// would be mailed that something is wrong, with the report or with the customer file.
pub fn holds_run(mode: Mode, policy: &Policy, planned: usize, customers: usize) -> bool {
    let flood =
        planned > policy.hold_count_min as usize && planned as f64 > policy.hold_share_max * customers as f64;
    match mode {
        Mode::Hold => true,
        Mode::Practice => false,
        Mode::Live => flood,
    }
}

/// When the customer may get the next mail: `None` means now.
pub fn not_before(mailed: &Mailed, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    // A mail sent in the future was noted by a clock that was wrong; it must not silence a customer until then.
    let sent = || mailed.recent.iter().filter(|&&sent| sent <= now);
    let index = sent().count().checked_sub(policy.mails_per_day_max as usize)?;
    let free = sent().nth(index)?.plus_days(1);
    (free > now).then_some(free)
}

/// How many went out in the last 24 hours.
pub fn sent_lately(mailed: &Mailed, now: Timestamp) -> u64 {
    mailed.recent.iter().filter(|&&sent| (0..86_400).contains(&now.since(sent))).count() as u64
}

/// Notes that a mail went out.
pub fn note_mailed(mailed: &mut Mailed, now: Timestamp) {
    mailed.recent.retain(|&sent| now.since(sent) < 86_400);
    mailed.recent.push(now);
    // A clock that was ahead noted what is later.
    mailed.recent.sort_unstable();
    mailed.total += 1;
}

/// Whether an address still has to wait for its next attempt.
pub fn waits(delivery: &Delivery, now: Timestamp) -> bool {
    // What was never tried waits for nothing, also where the clock went back since it was made. A later moment than
    // any that is ever set was set by a clock that was wrong.
    delivery.attempts > 0 && (1..=RETRY_SECONDS_MAX).contains(&delivery.next.since(now))
}

/// Takes in the outcome of an attempt at `notice.deliveries[index]`. Returns whether the notice is done by it.
pub fn record(notice: &mut Notice, index: usize, attempt: Attempt, now: Timestamp) -> bool {
    let first = *notice.first_attempt.get_or_insert(now);
    let delivery = &mut notice.deliveries[index];
    delivery.attempts += 1;
    match attempt {
        Attempt::Accepted { reply } => (delivery.reply, delivery.done) = (reply, Some((now, true))),
        Attempt::Refused { reply } => (delivery.reply, delivery.done) = (reply, Some((now, false))),
        Attempt::Later { reply } => {
            delivery.reply = reply;
            delivery.next = now.plus_seconds(retry_seconds(delivery.attempts));
            if now.since(first) >= GIVE_UP_SECONDS {
                delivery.done = Some((now, false));
            }
        }
    }
    // Dropped while the server was taking it: what has gone out has gone out, and the rest stays dropped.
    let dropped = notice.done.is_some();
    let over = dropped || notice.deliveries.iter().all(|delivery| delivery.done.is_some());
    let sent = notice.deliveries.iter().any(|delivery| matches!(delivery.done, Some((_, true))));
    if over && (sent || !dropped) {
        notice.done = Some((now, if sent { End::Sent } else { End::Failed }));
    }
    over
}

/// How long to wait after the n-th attempt.
fn retry_seconds(attempts: u32) -> i64 {
    const FIRST: [i64; 3] = [5 * 60, 15 * 60, 60 * 60];
    FIRST.get(attempts.saturating_sub(1) as usize).copied().unwrap_or(RETRY_SECONDS_MAX)
}

const RETRY_SECONDS_MAX: i64 = 4 * 60 * 60;

/// A mail that no server took for so long is given up, as mail servers do (RFC 5321 4.5.4.1 asks for 4 to 5 days).
const GIVE_UP_SECONDS: i64 = 5 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn policy() -> Policy {
        crate::config::raw::parse("", std::path::Path::new("")).unwrap().policy
    }

    fn notice(addresses: usize) -> Notice {
        let delivery = |n| Delivery {
            to: format!("a{n}@example.net"),
            token: String::new(),
            attempts: 0,
            next: NOW,
            message_id: String::new(),
            done: None,
            reply: String::new(),
        };
        Notice {
            number: 1,
            customer: CustomerNo(1),
            scope: Scope::Digest,
            created: NOW,
            held: false,
            released: false,
            practice: false,
            deliveries: (0..addresses).map(delivery).collect(),
            frozen: false,
            first_attempt: None,
            incidents: Vec::new(),
            done: None,
        }
    }

    #[test]
    fn a_4xx_is_retried_for_five_days_and_then_given_up() {
        let mut notice = notice(1);
        let (mut now, mut waits) = (NOW, Vec::new());
        while !record(&mut notice, 0, Attempt::Later { reply: "451".into() }, now) {
            waits.push(notice.deliveries[0].next.since(now) / 60);
            now = notice.deliveries[0].next;
        }
        assert_eq!(waits[..5], [5, 15, 60, 240, 240]);
        assert!((5 * 86_400..=5 * 86_400 + 4 * 3600).contains(&now.since(NOW)));
        assert_eq!(state(&notice, Some(&notice.deliveries[0])), State::Failed);
        assert_eq!(notice.done, Some((now, End::Failed)));
    }

    #[test]
    fn one_address_that_takes_the_mail_makes_the_notice_sent() {
        let mut notice = notice(2);
        assert!(!record(&mut notice, 0, Attempt::Refused { reply: "550".into() }, NOW));
        assert!(record(&mut notice, 1, Attempt::Accepted { reply: "250".into() }, NOW));
        assert_eq!(notice.done, Some((NOW, End::Sent)));
        assert_eq!(state(&notice, Some(&notice.deliveries[0])), State::Failed);
        assert_eq!(state(&notice, Some(&notice.deliveries[1])), State::Sent);
    }

    #[test]
    fn no_more_than_the_daily_mails_in_any_24_hours() {
        let policy = Policy { mails_per_day_max: 2, ..policy() };
        let mut mailed = Mailed::default();
        note_mailed(&mut mailed, NOW);
        assert_eq!(not_before(&mailed, &policy, NOW), None);
        note_mailed(&mut mailed, NOW.plus_seconds(3600));
        assert_eq!(not_before(&mailed, &policy, NOW.plus_seconds(7200)), Some(NOW.plus_days(1)));
        assert_eq!(not_before(&mailed, &policy, NOW.plus_days(1)), None);
        note_mailed(&mut mailed, NOW.plus_days(1));
        assert_eq!(not_before(&mailed, &policy, NOW.plus_days(1)), Some(NOW.plus_days(1).plus_seconds(3600)));
        assert_eq!(mailed.total, 3);
        let lately = |seconds| sent_lately(&mailed, NOW.plus_days(1).plus_seconds(seconds));
        assert_eq!((lately(-1), lately(0), lately(3_600)), (1, 2, 1));
    }

    #[test]
    fn a_flood_is_held() {
        let policy = Policy { hold_share_max: 0.2, hold_count_min: 20, ..policy() };
        assert!(!holds_run(Mode::Live, &policy, 20, 40), "few mails are no flood");
        assert!(!holds_run(Mode::Live, &policy, 21, 105));
        assert!(holds_run(Mode::Live, &policy, 22, 105));
        assert!(holds_run(Mode::Hold, &policy, 1, 1000));
        assert!(!holds_run(Mode::Practice, &policy, 500, 1000));
    }

    #[test]
    fn a_notice_without_addresses_has_a_state_too() {
        let mut notice = notice(0);
        assert_eq!(state(&notice, None), State::Queued);
        notice.held = true;
        assert_eq!(state(&notice, None), State::Held);
        for (end, shown) in [(End::Sent, State::Sent), (End::Failed, State::Failed)] {
            notice.done = Some((NOW, end));
            assert_eq!(state(&notice, None), shown);
        }
    }

    #[test]
    fn a_retry_waits_for_its_moment_unless_a_wrong_clock_set_it() {
        let delivery = |attempts, next| Delivery { attempts, next, ..notice(1).deliveries.remove(0) };
        assert!(!waits(&delivery(0, NOW.plus_seconds(60)), NOW), "never tried");
        assert!(waits(&delivery(1, NOW.plus_seconds(1)), NOW) && !waits(&delivery(1, NOW), NOW));
        assert!(waits(&delivery(1, NOW.plus_seconds(RETRY_SECONDS_MAX)), NOW));
        assert!(!waits(&delivery(1, NOW.plus_seconds(RETRY_SECONDS_MAX + 1)), NOW));
    }

    #[test]
    fn mails_are_remembered_for_a_day() {
        let mut mailed = Mailed::default();
        note_mailed(&mut mailed, NOW);
        note_mailed(&mut mailed, NOW.plus_seconds(86_399));
        assert_eq!(mailed.recent.len(), 2);
        note_mailed(&mut mailed, NOW.plus_seconds(86_400));
        assert_eq!((mailed.recent.len(), mailed.total), (2, 3));
        // One of a clock that was ahead, then two of the right one: the oldest makes room first.
        let mut mailed = Mailed { recent: vec![NOW.plus_seconds(80_000)], total: 1 };
        note_mailed(&mut mailed, NOW);
        let policy = Policy { mails_per_day_max: 2, ..policy() };
        assert_eq!(not_before(&mailed, &policy, NOW.plus_seconds(80_000)), Some(NOW.plus_days(1)));
        assert_eq!(not_before(&mailed, &policy, NOW.plus_days(1)), None);
    }
}
