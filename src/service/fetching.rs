//! The fetch loop: asks Shadowserver for the days that may have something new, and takes it in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::intake::{Source, Taken, describe};
use super::{Engine, Error, sha256};
use crate::clock::{self, Day, Timestamp};
use crate::fetch::api::Listed;
use crate::fetch::http::Client;
use crate::fetch::schedule::Outcome;
use crate::fetch::{self, spool};
use crate::store::{Fetching, Silence, View};

/// The connection to Shadowserver; made anew when the settings change.
pub struct Connection {
    client: Option<Client>,
    /// The settings that `client` was made of.
    settings_sha256: [u8; 32],
    request_pause: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        Self { client: None, settings_sha256: [0; 32], request_pause: Duration::from_secs(1) / clock::pace() }
    }
}

/// Notes since when a pass is under way, as long as it lives.
struct Busy<'a>(&'a AtomicI64);

impl<'a> Busy<'a> {
    fn since(noted: &'a AtomicI64, now: Timestamp) -> Self {
        noted.store(now.unix(), Ordering::Relaxed);
        Self(noted)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Whether Shadowserver was asked and could be asked.
    pub asked: bool,
    pub failed: bool,
    pub reports: usize,
    pub rows: u64,
    pub rejected: u64,
    pub unreadable: usize,
    /// Listed, but not handed out, or listed in a way that makes no sense.
    pub unusable: u64,
    /// When to call again.
    pub next: Option<Timestamp>,
}

impl Engine {
    /// Lets requests follow each other after `pause`; one second is what Shadowserver may be asked in earnest.
    pub async fn pause_between_requests(&self, pause: Duration) {
        *self.shadowserver.lock().await = Connection { request_pause: pause, ..Connection::default() };
    }

    /// Asks at once: key, secret or addresses are new.
    pub(super) fn shadowserver_changed(&self) -> Result<(), Error> {
        self.store.write(|txn| {
            let mut fetching = txn.meta::<Fetching>()?.unwrap_or_default();
            fetching.schedule.settings_changed();
            txn.set_meta(&fetching)
        })?;
        Ok(())
    }

    /// Whether a pass is under way; one that takes very long no longer counts.
    pub(super) fn is_fetching(&self, now: Timestamp) -> bool {
        let since = self.fetching_since.load(Ordering::Relaxed);
        since != IDLE && now.since(Timestamp::from_unix(since)) < PASS_SECONDS_MAX
    }

    /// Asks if it is time, or in any case if `anyway`.
    pub async fn fetch_step(self: &Arc<Self>, anyway: bool, now: Timestamp) -> Result<Step, Error> {
        let loaded = self.loaded();
        let settings = &loaded.settings.shadowserver;
        let mut step = Step::default();
        let networks = &loaded.settings.networks.cidrs;
        if loaded.is_mending
            || settings.key.0.is_empty()
            || settings.secret.0.is_empty()
            || networks.is_empty()
        {
            step.failed = true;
            return Ok(step);
        }
        let fetching = self.store.view()?.meta::<Fetching>()?.unwrap_or_default();
        if !anyway && !fetching.schedule.due(now) {
            step.next = fetching.schedule.next_at();
            return Ok(step);
        }
        let mut connection = self.shadowserver.lock().await;
        let _busy = Busy::since(&self.fetching_since, now);
        if connection.settings_sha256 != loaded.settings_sha256 {
            connection.client = None;
            connection.settings_sha256 = loaded.settings_sha256;
        }
        let client = match connection.client.take() {
            Some(client) => Ok(client),
            None => Client::new(settings, &loaded.extra_ca).map(|new| new.pausing(connection.request_pause)),
        };
        let days = fetching.schedule.days_to_ask(now);
        let outcome: Result<_, Error> = match client {
            Ok(client) => {
                let outcome = self.pass(&client, &days, &mut step, now).await;
                connection.client = Some(client);
                outcome
            }
            Err(error) => Err(error.into()),
        };
        let (recorded, text) = match &outcome {
            Ok(None) => (Outcome::Complete, None),
            Ok(Some(error)) => (Outcome::Partial(error), Some(describe(error))),
            // The store or the disk: nothing that Shadowserver could help.
            Err(Error::Fetch(fetch::Error::DiskFull { .. } | fetch::Error::Disk { .. })) => {
                return outcome.map(|_| step);
            }
            Err(Error::Fetch(error)) => (Outcome::Failed(error), Some(describe(error))),
            Err(_) => return outcome.map(|_| step),
        };
        if let Some(text) = &text {
            tracing::warn!("no reports: {text}");
        }
        step.asked = true;
        step.failed = matches!(recorded, Outcome::Failed(_));
        let refused = matches!(
            recorded,
            Outcome::Failed(fetch::Error::KeyRefused { .. } | fetch::Error::NoReportsGroup)
        );
        // Settings that changed during the pass ask for another one at once.
        let outdated = self.loaded().settings_sha256 != loaded.settings_sha256;
        let schedule = self.store.write(|txn| {
            let mut fetching = txn.meta::<Fetching>()?.unwrap_or_default();
            fetching.schedule.record(recorded, settings.poll_minutes, now, random());
            if outdated {
                fetching.schedule.settings_changed();
            }
            txn.set_meta(&fetching)?;
            Ok(fetching.schedule)
        })?;
        step.next = schedule.next_at().or(Some(now));
        if step.failed && !refused {
            // A client that lives through a change of name servers would go on asking the old ones.
            connection.client = None;
        }
        if let Some(text) = &text {
            tracing::warn!("{text}");
        }
        let lasting = schedule.failures_in_a_row >= FAILURES_BEFORE_ALARM;
        let nobody = self.loaded().table.customers_len() == 0;
        self.alarm(NO_CUSTOMERS, Some(NOBODY).filter(|_| nobody), now)?;
        self.alarm("customers_held", self.loaded().held_strangers().as_deref(), now)?;
        self.alarm("shadowserver_key", text.as_deref().filter(|_| refused), now)?;
        let unusable = format!(
            "Shadowserver lists {} reports that it does not hand out, or in a way that this version cannot use; they \
             are asked for again, but only for some days: see the log, and ask Shadowserver",
            step.unusable
        );
        if !step.failed {
            self.alarm("reports_unusable", Some(&*unusable).filter(|_| step.unusable > 0), now)?;
        }
        self.alarm("shadowserver", text.as_deref().filter(|_| !refused && lasting), now)?;
        let is_silent =
            self.silence(matches!(recorded, Outcome::Complete), &step, now)? >= SILENCE_SECONDS_MAX;
        self.alarm(NO_REPORTS, Some(SILENT).filter(|_| is_silent), now)?;
        Ok(step)
    }

    /// For how long Shadowserver has answered without a report, as far as it was asked: what nobody could ask, since the
    /// box was off, its clock wrong, the key refused or Shadowserver down, does not count.
    fn silence(&self, is_complete: bool, step: &Step, now: Timestamp) -> Result<i64, Error> {
        let poll_seconds = i64::from(self.loaded().settings.shadowserver.poll_minutes) * 60;
        let before = self.store.view()?.meta::<Silence>()?.unwrap_or_default();
        let came = step.reports + step.unreadable > 0 || step.unusable > 0;
        // A pass comes some minutes later than it is due; after a longer time the box was off.
        let passed = before.asked.map_or(0, |asked| now.since(asked).clamp(0, poll_seconds * 5 / 4));
        let seconds = match is_complete {
            _ if came => 0,
            true => before.seconds + passed,
            false => before.seconds,
        };
        let silence = Silence { seconds, asked: is_complete.then_some(now) };
        if silence != before {
            self.store.write(|txn| txn.set_meta(&silence))?;
        }
        Ok(seconds)
    }

    /// One pass over the days. `Ok(Some)`: all days were listed, but a report could not be had.
    async fn pass(
        self: &Arc<Self>,
        client: &Client,
        days: &[Day],
        step: &mut Step,
        now: Timestamp,
    ) -> Result<Option<fetch::Error>, Error> {
        let mut missing = None;
        for &day in days {
            let listing = client.list(day).await?;
            for (why, count) in &listing.skipped {
                tracing::warn!(%day, count, "list: {why}");
                step.unusable += count;
            }
            // A list of which nothing could be read is not an empty one.
            if listing.reports.is_empty()
                && listing.skipped.is_empty()
                && day.plus(EMPTY_AFTER_DAYS) <= now.day()
            {
                self.store.write(|txn| txn.cover(day))?;
            }
            for listed in listing.reports {
                if is_known(&self.store.view()?, &listed)? {
                    continue;
                }
                match self.fetch(client, &listed, day, step, now).await {
                    Ok(()) => {}
                    Err(Error::Fetch(error @ fetch::Error::Gone { .. })) => {
                        tracing::warn!(report = listed.file, "{error}");
                        step.unusable += 1;
                    }
                    Err(Error::Fetch(
                        error @ (fetch::Error::DiskFull { .. }
                        | fetch::Error::Disk { .. }
                        | fetch::Error::KeyRefused { .. }),
                    )) => return Err(error.into()),
                    // It is listed again with the next pass.
                    Err(error @ Error::Waits { .. }) => tracing::warn!(report = listed.file, "{error}"),
                    Err(Error::Fetch(error)) => {
                        tracing::warn!(report = listed.file, "{}", describe(&error));
                        missing = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(missing)
    }

    async fn fetch(
        self: &Arc<Self>,
        client: &Client,
        listed: &Listed,
        day: Day,
        step: &mut Step,
        now: Timestamp,
    ) -> Result<(), Error> {
        let source = Source {
            file: listed.file.clone(),
            kind: listed.kind.clone(),
            day: Some(listed.day.unwrap_or(day)),
            id_hash: Some(sha256(listed.id.expose().as_bytes())),
        };
        let spooled = match self.waiting(&source)? {
            Some(spooled) => spooled,
            None => client.download(&listed.id, &listed.file, &self.spool, now).await?,
        };
        let engine = self.clone();
        let taken = tokio::task::spawn_blocking(move || engine.take(&source, &spooled, now));
        // The task is never cancelled; a panic in it ends the process.
        match taken.await.map_err(|error| Error::Task(error.to_string()))?? {
            Taken::Processed(report) => {
                step.reports += 1;
                step.rows += report.counts.rows;
                step.rejected += report.counts.rejected;
            }
            Taken::Unreadable { why } => {
                step.unreadable += 1;
                let text = format!("the report {} cannot be read: {why}", listed.file);
                self.alarm(UNREADABLE, Some(&text), now)?;
            }
            Taken::Known | Taken::Duplicate { .. } => {}
        }
        Ok(())
    }
}

/// Whether the report was taken in with this very id: a new id may bring a correction.
fn is_known(view: &View, listed: &Listed) -> Result<bool, Error> {
    let known = view.report(&spool::file_key(&listed.file))?;
    let id_hash = sha256(listed.id.expose().as_bytes());
    Ok(known.is_some_and(|report| report.id_hash == Some(id_hash)))
}

pub(super) fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness boxes merely ask at the same second.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    u64::from_le_bytes(bytes)
}

/// Alarm: all rows count as nobody's.
pub(super) const NO_CUSTOMERS: &str = "no_customers";
/// Alarm: a report is no report.
pub(super) const UNREADABLE: &str = "report_unreadable";
/// No pass is under way.
pub(super) const IDLE: i64 = i64::MIN;
/// Mails wait so long for a pass to end.
const PASS_SECONDS_MAX: i64 = 3600;
const NOBODY: &str = "no customer file has been taken, so all findings count as unassigned: give one, then let \
    `abusebox ingest --again` find their owners";
/// A day whose list is still empty so many days later counts as covered: nothing was found on it.
const EMPTY_AFTER_DAYS: i32 = 3;
/// Alarm: there is nothing new for long.
const NO_REPORTS: &str = "no_reports";
/// Nearly every network has a report a day.
const SILENCE_SECONDS_MAX: i64 = 48 * 3600;
const SILENT: &str = "no report has come for 48 hours, although Shadowserver answers: see in its reports by mail, or ask it, \
    whether your subscription still names your networks; if they are very small, there may be nothing to report";
/// Shadowserver has faults of its own; the operator hears of lasting ones.
const FAILURES_BEFORE_ALARM: u32 = 6;
