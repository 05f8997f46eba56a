//! When to ask Shadowserver, and for which days. Pure: time and chance are arguments.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::clock::{Day, Timestamp};

/// How a pass over the days of [`Schedule::days_to_ask`] ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Every day was listed, and every report of the lists is there. A report that is [`Error::Gone`] does not
    /// count against it: only Shadowserver can bring it back.
    Complete,
    /// Every day was listed, but a report could not be had.
    Partial(&'a Error),
    /// Not every day was listed.
    Failed(&'a Error),
}

/// What is remembered from pass to pass; the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When the first pass ended, however it did.
    pub first: Option<Timestamp>,
    /// When all days were last listed.
    pub last_success: Option<Timestamp>,
    /// When nothing was left to be had.
    pub last_complete: Option<Timestamp>,
    /// Passes since then, if they did not end [`Outcome::Complete`].
    pub failures_in_a_row: u32,
    /// Since when the key has been refused.
    pub key_refused_since: Option<Timestamp>,
    next_at: Option<Timestamp>,
}

impl Schedule {
    /// Whether it is time for a pass.
    pub fn due(&self, now: Timestamp) -> bool {
        // A moment further away than any that is ever set was set by a clock that was wrong.
        self.next_at.is_none_or(|at| at <= now || at.since(now) > WAIT_SECONDS_MAX)
    }

    /// When the next pass is due; `None` means at once.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.next_at
    }

    /// The days to list, oldest first. Reports of a day appear over some hours, delayed ones later, so the last
    /// few days are asked for again each time, and more of them when nobody could ask for a while.
    pub fn days_to_ask(&self, now: Timestamp) -> Vec<Day> {
        let today = now.day();
        let window = today.plus(-DAYS_BACK);
        let missed = self.last_complete.or(self.first).is_some_and(|last| last.day() < window);
        let back = if missed { DAYS_BACK_AFTER_OUTAGE } else { DAYS_BACK };
        (-back..=0).map(|days| today.plus(days)).collect()
    }

    /// Notes how a pass ended and sets the next. `jitter` is any random number: it keeps the boxes of the world
    /// from asking in the same second.
    pub fn record(&mut self, outcome: Outcome, poll_minutes: u32, now: Timestamp, jitter: u64) {
        let poll = i64::from(poll_minutes.max(1)) * 60;
        self.first.get_or_insert(now);
        let error = match outcome {
            Outcome::Complete => {
                (self.last_complete, self.failures_in_a_row) = (Some(now), 0);
                None
            }
            Outcome::Partial(error) | Outcome::Failed(error) => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                Some(error)
            }
        };
        if let Outcome::Complete | Outcome::Partial(_) = outcome {
            self.last_success = Some(now);
            self.key_refused_since = None;
        }
        let wait = match error {
            None => poll,
            Some(Error::KeyRefused { .. } | Error::NoReportsGroup) => {
                self.key_refused_since.get_or_insert(now);
                REFUSED_SECONDS
            }
            Some(Error::Throttled { retry_after_seconds: Some(seconds), .. }) => {
                i64::try_from(*seconds).unwrap_or(i64::MAX).clamp(BACKOFF_SECONDS_MIN, THROTTLED_SECONDS_MAX)
            }
            Some(_) => self.backoff().min(poll.min(BACKOFF_SECONDS_MAX)),
        };
        let spread = (wait / SPREAD_PART).unsigned_abs() + 1;
        let extra = i64::try_from(jitter % spread).unwrap_or(0);
        self.next_at = Some(now.plus_seconds(wait.saturating_add(extra).min(WAIT_SECONDS_MAX)));
    }

    /// Key, secret or addresses are new: what was wrong before says nothing any more.
    pub fn settings_changed(&mut self) {
        (self.next_at, self.key_refused_since, self.failures_in_a_row) = (None, None, 0);
    }

    /// One minute after the first failure, twice as long after each further one.
    fn backoff(&self) -> i64 {
        BACKOFF_SECONDS_MIN << self.failures_in_a_row.saturating_sub(1).min(10)
    }
}

/// Days before today in each pass. Two would do (Shadowserver's own program); more catch what comes late.
const DAYS_BACK: i32 = 4;
/// Days before today after an outage: how long Shadowserver keeps reports is not said; 30 is what others ask for.
const DAYS_BACK_AFTER_OUTAGE: i32 = 30;
const BACKOFF_SECONDS_MIN: i64 = 60;
const BACKOFF_SECONDS_MAX: i64 = 3600;
/// A refused key needs a person; asking more often would look like an attack.
const REFUSED_SECONDS: i64 = 6 * 3600;
/// A longer `Retry-After` is taken for a mistake.
const THROTTLED_SECONDS_MAX: i64 = 6 * 3600;
/// Jitter adds up to this part of a waiting time.
const SPREAD_PART: i64 = 10;
/// The longest time between two passes, whatever the settings say.
const WAIT_SECONDS_MAX: i64 = 25 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_200_000);

    fn refused() -> Error {
        Error::KeyRefused { status: 401 }
    }

    fn down() -> Error {
        Error::Server { host: "h".into(), status: 503 }
    }

    fn throttled(retry_after_seconds: Option<u64>) -> Error {
        Error::Throttled { host: "h".into(), retry_after_seconds }
    }

    /// Seconds to the next pass.
    fn wait(schedule: &Schedule, now: Timestamp) -> i64 {
        schedule.next_at().unwrap().since(now)
    }

    #[test]
    fn each_outcome_has_its_waiting_time() {
        let cases: [(Outcome, u32, i64); 10] = [
            (Outcome::Complete, 60, 3600),
            (Outcome::Complete, 15, 900),
            (Outcome::Complete, 0, 60),
            (Outcome::Partial(&down()), 60, 60),
            (Outcome::Failed(&down()), 60, 60),
            (Outcome::Failed(&refused()), 60, 21_600),
            (Outcome::Failed(&Error::NoReportsGroup), 60, 21_600),
            (Outcome::Failed(&throttled(Some(900))), 60, 900),
            (Outcome::Failed(&throttled(Some(u64::MAX))), 60, 21_600),
            (Outcome::Failed(&throttled(None)), 60, 60),
        ];
        for (outcome, poll_minutes, seconds) in cases {
            for jitter in [0, 1, 977, u64::MAX] {
                let mut schedule = Schedule::default();
                assert!(schedule.due(NOW), "the first pass is due at once");
                schedule.record(outcome, poll_minutes, NOW, jitter);
                let wait = wait(&schedule, NOW);
                assert!((seconds..=seconds + seconds / 10).contains(&wait), "{outcome:?}: {wait}");
                assert!(!schedule.due(NOW.plus_seconds(wait - 1)));
                assert!(schedule.due(NOW.plus_seconds(wait)));
            }
        }
    }

    #[test]
    fn failures_back_off_and_never_give_up() {
        let mut schedule = Schedule::default();
        let waits: Vec<i64> = (0..100)
            .map(|_| {
                schedule.record(Outcome::Failed(&down()), 60, NOW, 0);
                wait(&schedule, NOW)
            })
            .collect();
        assert_eq!(waits[..8], [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert!(waits[8..].iter().all(|wait| *wait == 3600));
        schedule.record(Outcome::Complete, 60, NOW, 0);
        schedule.record(Outcome::Failed(&down()), 2, NOW, 0);
        assert_eq!(wait(&schedule, NOW), 60, "a success ends the series");
        schedule.record(Outcome::Failed(&down()), 2, NOW, 0);
        schedule.record(Outcome::Failed(&down()), 2, NOW, 0);
        assert_eq!(wait(&schedule, NOW), 120, "never slower than without a failure");
    }

    #[test]
    fn a_refused_key_waits_until_the_settings_change() {
        let mut schedule = Schedule::default();
        schedule.record(Outcome::Failed(&refused()), 60, NOW, 0);
        let later = NOW.plus_seconds(21_600);
        schedule.record(Outcome::Failed(&refused()), 60, later, 0);
        assert_eq!(schedule.key_refused_since, Some(NOW));
        schedule.settings_changed();
        assert!(schedule.due(later));
        schedule.record(Outcome::Failed(&refused()), 60, later, 0);
        assert_eq!(schedule.key_refused_since, Some(later));
        schedule.record(Outcome::Complete, 60, later, 0);
        assert_eq!(schedule.key_refused_since, None);
    }

    #[test]
    fn the_days_asked_for_cover_what_was_missed() {
        let days = |schedule: &Schedule, now: Timestamp| {
            let days = schedule.days_to_ask(now);
            assert_eq!(days.last(), Some(&now.day()));
            assert!(days.is_sorted());
            days.len()
        };
        let mut schedule = Schedule::default();
        assert_eq!(days(&schedule, NOW), 5, "first run");
        schedule.record(Outcome::Failed(&down()), 60, NOW, 0);
        assert_eq!(days(&schedule, NOW.plus_days(4)), 5);
        assert_eq!(days(&schedule, NOW.plus_days(5)), 31, "it never worked since the first run");
        schedule.record(Outcome::Complete, 60, NOW, 0);
        assert_eq!(days(&schedule, NOW.plus_days(4)), 5);
        let back = NOW.plus_days(5);
        assert_eq!(days(&schedule, back), 31);
        schedule.record(Outcome::Partial(&down()), 60, back, 0);
        assert_eq!(schedule.last_success, Some(back));
        assert_eq!(days(&schedule, back), 31, "until all of it is there");
        schedule.record(Outcome::Complete, 60, back, 0);
        assert_eq!(days(&schedule, back), 5);
        assert_eq!(days(&schedule, NOW.plus_days(-50)), 5, "a clock set back");
    }

    #[test]
    fn a_moment_set_by_a_wrong_clock_does_not_stop_the_box() {
        let mut schedule = Schedule::default();
        schedule.record(Outcome::Complete, 60, NOW.plus_days(3650), 0);
        assert!(schedule.due(NOW));
    }

    #[test]
    fn the_state_survives_the_store() {
        let mut schedule = Schedule::default();
        schedule.record(Outcome::Failed(&refused()), 60, NOW, 7);
        let bytes = postcard::to_stdvec(&schedule).unwrap();
        assert_eq!(postcard::from_bytes::<Schedule>(&bytes).unwrap(), schedule);
    }
}
