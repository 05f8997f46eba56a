//! Keeps the clock of a box right: asks time servers, lets the supervisor set it, and says so when that fails.
//!
//! Asked are the servers of the settings, else those that DHCP gave, else public ones. While there is doubt, the public
//! ones are asked as well: a box must not stand still because the one server it was told of is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Engine, store};
use crate::clock::Timestamp;
use crate::files;
use crate::service::intake::describe;
use crate::system::ntp::{self, Doubt, Known, Limits, Resting, Sample, Verdict};
use crate::system::{Run, asking, random};

/// Sets the clock of the box to so many milliseconds since 1970-01-01T00:00:00Z, and lets it be trusted.
pub type SetClock = Arc<dyn Fn(i64) -> Result<(), asking::Error> + Send + Sync>;

/// How often servers are asked, and which ones where nobody has named any.
#[derive(Clone, Debug)]
pub struct Pace {
    pub limits: Limits,
    /// Between rounds until the clock is trusted: it doubles from the first to the second.
    pub wait: (Duration, Duration),
    /// Between rounds after that: a random time between the two.
    pub rest: (Duration, Duration),
    /// So long without success, an untrusted clock is no alarm.
    pub patience: Duration,
    pub public: Vec<String>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            wait: (Duration::from_secs(2), Duration::from_secs(64)),
            // 17 to 34 minutes: what clients of NTP come to by themselves, and not all in the same second.
            rest: (Duration::from_secs(1024), Duration::from_secs(2048)),
            patience: Duration::from_secs(60),
            public: PUBLIC.map(str::to_owned).into(),
        }
    }
}

/// Until `stop`.
pub async fn keep_right(
    engine: Arc<Engine>,
    run: Run,
    pace: Pace,
    set: SetClock,
    mut stop: watch::Receiver<bool>,
) {
    let wait = pace.wait.0;
    let mut keeper = Keeper {
        engine,
        run,
        pace,
        set,
        resting: Resting::default(),
        wait,
        right: Instant::now(),
        failed: 0,
        set_back: None,
    };
    loop {
        let said = keeper.said();
        let next = tokio::select! {
            next = keeper.round() => next,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        tokio::select! {
            () = keeper.rest(next, said) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

struct Keeper {
    engine: Arc<Engine>,
    run: Run,
    pace: Pace,
    set: SetClock,
    resting: Resting,
    /// Before the next round, while the clock is not trusted.
    wait: Duration,
    /// When the clock was last found right, or this began.
    right: Instant,
    /// Rounds since then.
    failed: u32,
    /// When the clock was set to before what had been recorded.
    set_back: Option<Instant>,
}

/// Why a round came to nothing, for a person.
enum Trouble {
    Doubt(Doubt, Vec<(String, Result<Sample, ntp::Error>)>),
    Set(asking::Error),
}

impl Keeper {
    /// Asks all servers once, and returns when to ask again.
    async fn round(&mut self) -> Duration {
        match self.compare().await {
            Ok(()) => {
                (self.right, self.failed, self.wait) = (Instant::now(), 0, self.pace.wait.0);
                self.tell(CLOCK, None);
                if self.set_back.is_none_or(|at| at.elapsed() >= SET_BACK_TOLD) {
                    self.tell(CLOCK_BACK, None);
                }
            }
            Err(trouble) => {
                self.failed = self.failed.saturating_add(1);
                let patience = match trouble {
                    // It goes on well by itself for a while.
                    Trouble::Doubt(Doubt::Silence, _) if self.engine.clock.now().is_some() => SILENCE_MAX,
                    _ => self.pace.patience,
                };
                // Once more, with the public servers, before anybody is called.
                if self.failed > 1 && self.right.elapsed() >= patience {
                    self.tell(CLOCK, Some(&trouble.text()));
                }
            }
        }
        if self.engine.clock.doubt().is_none() {
            let (least, most) = self.pace.rest;
            return least + random(most.saturating_sub(least));
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(self.pace.wait.1);
        wait
    }

    /// What the settings say of the time.
    fn said(&self) -> (bool, Vec<String>) {
        let loaded = self.engine.loaded();
        (loaded.settings.boxx.own_clock, loaded.settings.interface.ntp.clone())
    }

    /// Until it is time for the next round, or until the settings no longer say what they `said`: whoever mended them waits
    /// for it.
    async fn rest(&self, time: Duration, said: (bool, Vec<String>)) {
        let end = Instant::now() + time;
        while Instant::now() < end && self.said() == said {
            sleep_until(end.min(Instant::now() + SETTINGS_EVERY)).await;
        }
    }

    async fn compare(&mut self) -> Result<(), Trouble> {
        let clock = self.engine.clock.clone();
        let (began, own_millis) = (Instant::now(), clock.untrusted_millis());
        if self.engine.loaded().settings.boxx.own_clock {
            // The operator's word is as good as a server's.
            return if clock.now().is_some() { Ok(()) } else { self.set_to(own_millis).await };
        }
        let servers = self.servers();
        let answers = ntp::ask_all(&servers, &mut self.resting, self.pace.limits, began).await;
        for (server, answer) in &answers {
            match answer {
                Ok(Sample { unix_millis, delay_millis, .. }) => {
                    tracing::debug!(server, off = unix_millis - own_millis, delay_millis, "time server");
                }
                Err(error) => tracing::debug!(server, "time server: {error}"),
            }
        }
        let samples: Vec<_> = answers.iter().filter_map(|(_, answer)| answer.clone().ok()).collect();
        let floor = saved(&self.run).max(clock.newest());
        match ntp::judge(&samples, Known { own_millis, trusted: clock.now().is_some(), floor }) {
            Verdict::Keep => Ok(()),
            Verdict::Doubtful(doubt) => Err(Trouble::Doubt(doubt, answers)),
            Verdict::Set { unix_millis, against_floor } => {
                let before = clock.untrusted_now();
                let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
                let wanted = unix_millis.saturating_add(passed);
                self.set_to(wanted).await?;
                let now = Timestamp::from_unix(wanted.div_euclid(1000));
                tracing::info!(%before, %now, off_millis = unix_millis - own_millis, "clock set by time servers");
                if let Some(floor) = floor.filter(|_| against_floor) {
                    self.set_back(floor, now);
                }
                Ok(())
            }
        }
    }

    async fn set_to(&self, unix_millis: i64) -> Result<(), Trouble> {
        let set = self.set.clone();
        let done = tokio::task::spawn_blocking(move || set(unix_millis)).await;
        done.unwrap_or_else(|gone| Err(asking::Error::Unreachable(gone.into()))).map_err(Trouble::Set)?;
        self.engine.clock.look_again();
        Ok(())
    }

    /// What was recorded of a time that has not come yet is wrong, and must not be what the next start is measured by.
    fn set_back(&mut self, floor: Timestamp, now: Timestamp) {
        if let Err(error) = self.engine.record_anew(now) {
            tracing::error!("the newest moment on record stays wrong: {error}");
        }
        self.set_back = Some(Instant::now());
        let text = format!(
            "the clock was set back: several time servers agree that today is {}, but the box has records of {}; what it \
             did in between has wrong times",
            now.day(),
            floor.day()
        );
        let _ = self.engine.alarm(CLOCK_BACK, Some(&text), now);
    }

    fn servers(&self) -> Vec<String> {
        let loaded = self.engine.loaded();
        let named = Some(loaded.settings.interface.ntp.clone()).filter(|named| !named.is_empty());
        let given = || Some(given(&self.run)).filter(|given| !given.is_empty());
        let mut servers = named.or_else(given).unwrap_or_default();
        if servers.is_empty() || self.failed > 0 {
            let more: Vec<_> =
                self.pace.public.iter().filter(|name| !servers.contains(name)).cloned().collect();
            servers.extend(more);
        }
        servers
    }

    fn tell(&self, code: &str, text: Option<&str>) {
        // The log has it, if the store cannot take it.
        let _ = self.engine.alarm(code, text, self.engine.clock.untrusted_now());
    }
}

impl Trouble {
    /// The same for the same trouble: each new text is stored.
    fn text(&self) -> String {
        let (doubt, answers) = match self {
            Self::Set(error) => {
                return format!(
                    "the time is known, but the clock cannot be set: {}; restart the box",
                    describe(error)
                );
            }
            Self::Doubt(doubt, answers) => (doubt, answers),
        };
        let names: Vec<_> = answers.iter().map(|(server, _)| server.as_str()).collect();
        let names = names.join(", ");
        match doubt {
            Doubt::Silence if answers.iter().all(|(_, answer)| *answer == Err(ntp::Error::NoName)) => {
                format!(
                    "no time server is found, since no name is: {names}; is the cable plugged in, and does the name server of \
                 this network answer? An address under [interface] ntp in the settings needs no name"
                )
            }
            Doubt::Silence => format!(
                "no time server gives a usable answer: {names}; let UDP port 123 out to them, or name a server of your \
                 network under [interface] ntp in the settings"
            ),
            Doubt::Disagreement => format!(
                "the time servers differ, and no time has most of them on its side: {names}; name ones that are right \
                 under [interface] ntp in the settings"
            ),
            Doubt::FarAhead { said, known } => format!(
                "one time server alone says that today is {}, and the last day known is {}; a second one must say the \
                 same: let UDP port 123 out, or name another under [interface] ntp in the settings",
                said.day(),
                known.day()
            ),
            Doubt::BelowFloor { said, floor } => format!(
                "one time server alone says that today is {}, but there are records of {}; a second one must say the \
                 same: let UDP port 123 out, or name another under [interface] ntp in the settings",
                said.day(),
                floor.day()
            ),
        }
    }
}

impl Engine {
    /// Takes `now` as the newest moment on record, whatever the records say.
    fn record_anew(&self, now: Timestamp) -> Result<(), store::Error> {
        self.clock.observe_anew(now);
        self.store.write(|txn| txn.set_meta(&store::Newest { at: now }))
    }
}

/// The time that was saved last; a file that cannot be read is none.
fn saved(run: &Run) -> Option<Timestamp> {
    let bytes = files::read_max(&run.clock_saved(), SMALL_FILE_BYTES_MAX).ok()?;
    let seconds: i64 = std::str::from_utf8(&bytes).ok()?.trim().parse().ok()?;
    Some(Timestamp::from_unix(seconds))
}

/// The time servers that DHCP gave. They are addresses, so that whatever else stands there is none.
fn given(run: &Run) -> Vec<String> {
    let bytes = files::read_max(&run.ntp(), SMALL_FILE_BYTES_MAX).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let addresses = text.lines().filter_map(|line| line.trim().parse::<std::net::IpAddr>().ok());
    addresses.take(GIVEN_MAX).map(|address| address.to_string()).collect()
}

/// Run by companies and institutes that invite everybody; each by another.
const PUBLIC: [&str; 4] = ["time.cloudflare.com", "time.google.com", "time.apple.com", "ptbtime1.ptb.de"];

/// Alarm: the clock of the box is not set, or long unchecked.
const CLOCK: &str = "clock";
/// Alarm: it was set to before what had been recorded.
const CLOCK_BACK: &str = "clock-back";

/// Changed settings are noticed after this time at most.
const SETTINGS_EVERY: Duration = Duration::from_secs(1);
/// A clock that was right loses some seconds in this time.
const SILENCE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// So long it is shown that the clock was set back.
const SET_BACK_TOLD: Duration = Duration::from_secs(24 * 3600);
/// A DHCP server may name many; more of one network tell no more.
const GIVEN_MAX: usize = 4;
/// Some lines with an address, or a number.
const SMALL_FILE_BYTES_MAX: u64 = 4096;
