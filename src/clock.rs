//! Time: whole UTC seconds, UTC days, and the only place that reads the system clock.
//!
//! Everything else takes `now` as an argument, so that a month can be simulated in a second.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const DAY_SECONDS: i64 = 86_400;

/// A moment: whole seconds since 1970-01-01T00:00:00Z. Prints as RFC 3339 with `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Latest moment the box can write in RFC 3339 (9999-12-31); later values are clamped to it.
    const UNIX_MAX: i64 = 253_402_207_200;

    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    pub const fn unix(self) -> i64 {
        self.0
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY_SECONDS))
    }

    /// Seconds from `earlier` to `self`; negative if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC day this moment lies in.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_SECONDS) as i32)
    }

    /// The same moment in a time zone, for people.
    pub fn in_zone(self, zone: &TimeZone) -> jiff::Zoned {
        let seconds = self.0.clamp(-377_705_023_201, Self::UNIX_MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.in_zone(&TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339, with any offset; fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|t| Self(t.as_second()))
    }
}

/// A UTC calendar day, the unit of Shadowserver's reports. Prints as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(i32);

impl Day {
    /// Days since 1970-01-01.
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    pub const fn number(self) -> i32 {
        self.0
    }

    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Midnight UTC at which the day begins.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * DAY_SECONDS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().in_zone(&TimeZone::UTC).strftime("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date: jiff::civil::Date = text.parse()?;
        Ok(Timestamp(date.to_zoned(TimeZone::UTC)?.timestamp().as_second()).day())
    }
}

/// What tells the time. Cloned freely; all clones of a clock agree.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    /// The newest moment the store has seen; a system clock far behind it is wrong.
    newest: Arc<AtomicI64>,
    /// On the box: what says that the clock was set.
    gate: Option<Arc<Gate>>,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Was at a chosen moment when the system clock showed so many milliseconds, and goes on from there
    /// (`run --at`).
    Started {
        at: Timestamp,
        millis: i64,
    },
    /// Stands still at a Unix second (`--at` with every other command), until somebody sets it.
    Fixed(Arc<AtomicI64>),
}

/// Why a clock is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It shows a time before the newest record or before this version was made.
    Behind,
    /// It is the clock of a box, and neither the network nor the operator has set it since power on.
    Unconfirmed,
}

/// Is opened by a file, and then stays open.
#[derive(Debug)]
struct Gate {
    path: PathBuf,
    state: Mutex<GateState>,
}

#[derive(Debug)]
enum GateState {
    Closed { looked: Option<Instant> },
    Open,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        let mut state = self.state();
        if let GateState::Closed { looked } = &mut *state
            && looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY)
        {
            *looked = Some(Instant::now());
            if self.path.exists() {
                *state = GateState::Open;
            }
        }
        matches!(*state, GateState::Open)
    }
}

impl Clock {
    pub fn system() -> Self {
        Self::with(Source::System)
    }

    /// Starts at `at` and goes on from there.
    pub fn starting(at: Timestamp) -> Self {
        Self::with(Source::Started { at, millis: system_millis() })
    }

    /// Stands still at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::with(Source::Fixed(Arc::new(AtomicI64::new(at.unix()))))
    }

    fn with(source: Source) -> Self {
        Self { source, newest: Arc::new(AtomicI64::new(i64::MIN)), gate: None }
    }

    /// Makes it the clock of a box: trusted once there is a file at `path`. Whoever makes the file has compared the
    /// time with the records, so they do not count here: records from the future must not stop a box for ever.
    pub fn trusted_by(mut self, path: PathBuf) -> Self {
        let state = Mutex::new(GateState::Closed { looked: None });
        self.gate = Some(Arc::new(Gate { path, state }));
        self
    }

    /// Whether it is the clock of a box, which the network sets.
    pub fn is_of_box(&self) -> bool {
        self.gate.is_some()
    }

    /// Looks at once whether it is trusted now.
    pub fn look_again(&self) {
        if let Some(gate) = &self.gate
            && let GateState::Closed { looked } = &mut *gate.state()
        {
            *looked = None;
        }
    }

    /// Sets a clock that stands still; the others are not ours to set.
    pub fn set(&self, now: Timestamp) {
        if let Source::Fixed(at) = &self.source {
            at.store(now.unix(), Ordering::Relaxed);
        }
    }

    /// Tells the clock the newest moment on record. A system clock more than a day behind it is not trusted.
    pub fn observe(&self, newest: Timestamp) {
        self.newest.fetch_max(newest.unix(), Ordering::Relaxed);
    }

    /// Takes back what was observed: the newest record is not what it seemed.
    pub fn observe_anew(&self, newest: Timestamp) {
        self.newest.store(newest.unix(), Ordering::Relaxed);
    }

    /// The newest moment on record.
    pub fn newest(&self) -> Option<Timestamp> {
        let newest = self.newest.load(Ordering::Relaxed);
        (newest != i64::MIN).then_some(Timestamp(newest))
    }

    /// The present moment, or `None` while the clock cannot be trusted: nothing time-based runs then.
    pub fn now(&self) -> Option<Timestamp> {
        let now = self.untrusted_now();
        self.doubt_at(now).is_none().then_some(now)
    }

    /// Why it cannot be trusted; `None`: it can.
    pub fn doubt(&self) -> Option<Doubt> {
        self.doubt_at(self.untrusted_now())
    }

    fn doubt_at(&self, now: Timestamp) -> Option<Doubt> {
        let newest = self.newest.load(Ordering::Relaxed);
        match (&self.gate, &self.source) {
            (Some(gate), _) if !gate.is_open() => Some(Doubt::Unconfirmed),
            (Some(_), _) => (now < BUILT).then_some(Doubt::Behind),
            (None, Source::System) => {
                (now < BUILT || now.unix() < newest.saturating_sub(DAY_SECONDS)).then_some(Doubt::Behind)
            }
            (None, Source::Started { .. } | Source::Fixed(_)) => None,
        }
    }

    /// What may be put on record as the newest moment: `now`, unless it was chosen and not read. A chosen moment
    /// in the future would make the true one untrusted for ever.
    pub fn on_record(&self, now: Timestamp) -> Option<Timestamp> {
        let is_chosen = self.gate.is_none() && !matches!(self.source, Source::System);
        self.now().filter(|_| !is_chosen).map(|read| read.min(now))
    }

    /// What the clock says, right or wrong; for log lines and pages only.
    pub fn untrusted_now(&self) -> Timestamp {
        Timestamp(self.untrusted_millis().div_euclid(1000))
    }

    /// The same in milliseconds since 1970-01-01T00:00:00Z, to compare with other clocks.
    pub fn untrusted_millis(&self) -> i64 {
        match &self.source {
            Source::System => system_millis(),
            Source::Started { at, millis } => {
                let passed = (system_millis() - millis).saturating_mul(pace().into());
                at.unix().saturating_mul(1000).saturating_add(passed)
            }
            Source::Fixed(at) => at.load(Ordering::Relaxed).saturating_mul(1000),
        }
    }
}

/// As often a closed gate is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When this version was written: no honest clock shows an earlier moment. Raised with each release.
pub const BUILT: Timestamp = Timestamp(1_793_491_200);

/// How many seconds pass within one while the program goes on from a chosen moment: one, but for a test that lets a
/// week pass with `ABUSEBOX_PACE=n` in the environment of a build with assertions. What rests until a moment rests so
/// much shorter.
pub(crate) fn pace() -> u32 {
    #[cfg(debug_assertions)]
    {
        static PACE: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
            std::env::var("ABUSEBOX_PACE")
                .ok()
                .and_then(|pace| pace.parse().ok())
                .map_or(1, |pace: u32| pace.max(1))
        });
        *PACE
    }
    #[cfg(not(debug_assertions))]
    1
}

/// Milliseconds since 1970-01-01T00:00:00Z by the system clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn system_millis() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_print_and_parse() {
        let time: Timestamp = "2026-11-20T01:00:00+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(time.day().to_string(), "2026-11-20");
        assert_eq!("2026-11-20".parse::<Day>().unwrap(), time.day());
        assert_eq!(time.plus_seconds(-1).day(), time.day().plus(-1));
        assert!("2026-02-30".parse::<Day>().is_err());
    }

    #[test]
    fn a_clock_behind_the_record_is_not_trusted() {
        let clock = Clock::system();
        let now = clock.now().unwrap();
        clock.observe(now.plus_seconds(DAY_SECONDS - 60));
        assert!(clock.now().is_some());
        clock.observe(now.plus_days(2));
        assert_eq!(clock.now(), None);
        let fixed = Clock::fixed("2001-01-01T00:00:00Z".parse().unwrap());
        fixed.observe(now);
        assert!(fixed.now().is_some(), "--at is always trusted");
        assert_eq!(fixed.on_record(now), None, "and never a record");
        let clock = Clock::system();
        assert_eq!(clock.on_record(now.plus_days(-1)), Some(now.plus_days(-1)));
        assert!(clock.on_record(now.plus_days(9)).unwrap() < now.plus_days(1), "--at over the socket");
    }

    #[test]
    fn the_clock_of_a_box_is_trusted_when_somebody_has_set_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock-trusted");
        let now = BUILT.plus_days(30);
        let clock = Clock::fixed(now).trusted_by(path.clone());
        clock.observe(now.plus_days(-1));
        assert_eq!((clock.now(), clock.doubt()), (None, Some(Doubt::Unconfirmed)));
        assert_eq!(clock.on_record(now), None);
        std::fs::File::create(&path).unwrap();
        // It was looked at a moment ago.
        assert_eq!(clock.now(), None);
        clock.look_again();
        assert_eq!((clock.now(), clock.doubt()), (Some(now), None));
        assert_eq!(clock.on_record(now.plus_days(9)), Some(now));
        std::fs::remove_file(&path).unwrap();
        clock.observe(now.plus_days(9));
        assert_eq!(clock.now(), Some(now), "records of the future do not count, and once is for good");
        clock.set(BUILT.plus_seconds(-1));
        assert_eq!(clock.doubt(), Some(Doubt::Behind));
    }
}
