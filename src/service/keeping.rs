//! Housekeeping, once a day: what is gone is closed, what is old is forgotten. Earlier where room gets short.

use super::acting::note;
use super::{Engine, Error, alarms};
use crate::clock::{Clock, Day, Timestamp};
use crate::fetch::spool;
use crate::files;
use crate::incident::Key;
use crate::incident::policy;
use crate::store::{Deed, Digests, Import, Report, What};

impl Engine {
    /// Closes and forgets, if it was not done today. Says if there is little room left on the disk.
    pub fn keep(&self, now: Timestamp) -> Result<Option<String>, Error> {
        if self.loaded().is_mending {
            return Ok(None);
        }
        let short = self.make_room(now)?;
        self.keep_daily(now)?;
        Ok(short)
    }

    /// The same for a command: what-if does not forget, since by a moment chosen in the future all records are old.
    pub fn keep_by(&self, clock: &Clock, now: Timestamp) -> Result<Option<String>, Error> {
        if clock.on_record(now).is_some() {
            return self.keep(now);
        }
        self.close_gone(now)?;
        self.make_room(now)
    }

    /// Where room is short, reports go before their 30 days are over, the oldest first. Says so, and what to do.
    fn make_room(&self, now: Timestamp) -> Result<Option<String>, Error> {
        let room = || {
            let (free, all) = files::room(&self.data).map_err(|error| Error::file(&self.data, error))?;
            Ok::<_, Error>((free, FREE_BYTES_MIN.min(all / FREE_SHARE_MIN)))
        };
        let is_short = || room().is_ok_and(|(free, wanted)| free < wanted);
        let removed = self.spool.make_room(now, is_short)?;
        if removed > 0 {
            tracing::warn!(reports = removed, "removed from the spool early: room is short");
        }
        let (free, wanted) = room()?;
        Ok((free < wanted).then(|| {
            format!(
                "the disk is nearly full ({} MiB left): of reports only the last {} days are kept as files; make \
                 room, or give the box a larger disk",
                free >> 20,
                spool::KEPT_DAYS_MIN
            )
        }))
    }

    fn keep_daily(&self, now: Timestamp) -> Result<(), Error> {
        let loaded = self.loaded();
        let today = policy::local_day(now, &loaded.settings.boxx.timezone);
        let done = self.store.view()?.meta::<Digests>()?.and_then(|digests| digests.housekeeping);
        if done == Some(today) {
            return Ok(());
        }
        self.close_gone(now)?;
        self.forget(now)?;
        Ok(self.store.write(|txn| {
            let digests = txn.meta::<Digests>()?.unwrap_or_default();
            txn.set_meta(&Digests { housekeeping: Some(today), ..digests })
        })?)
    }

    /// Closes incidents not seen on enough covered report days.
    pub fn close_gone(&self, now: Timestamp) -> Result<usize, Error> {
        let loaded = self.loaded();
        let view = self.store.view()?;
        let mut covered = view.covered()?;
        // Days to come were counted while a clock was wrong or a moment chosen; by them, whatever is new is gone.
        covered.retain(|&day| day <= now.day());
        let mut gone = Vec::new();
        view.incidents(|key, incident| {
            if policy::gone(&incident, &covered, &loaded.settings.policy) {
                gone.push(key);
            }
        })?;
        // A row of a day after the last covered one opens it again, however late the day is counted.
        let moment = covered.last().map_or(now, |last| last.plus(1).start().min(now));
        for keys in gone.chunks(AT_ONCE) {
            self.store.write(|txn| {
                for key in keys {
                    if let Some(mut incident) = txn.incident(key)?
                        && policy::gone(&incident, &covered, &loaded.settings.policy)
                    {
                        incident.close(moment);
                        txn.put_incident(key, &incident)?;
                    }
                }
                Ok(())
            })?;
        }
        if !gone.is_empty() {
            tracing::info!(incidents = gone.len(), "closed: no longer seen");
        }
        Ok(gone.len())
    }

    /// Retention: spool 30 days, customer files 35, incidents two years after they closed, reports and notices two
    /// years, texts of mails half a year.
    fn forget(&self, now: Timestamp) -> Result<(), Error> {
        for path in self.spool.expire(now, |_| false)? {
            tracing::info!(file = %path.display(), "report file removed from the spool after 30 days");
        }
        let view = self.store.view()?;
        let old = now.plus_days(-KEEP_DAYS);

        let mut incidents: Vec<(Key, u64)> = Vec::new();
        view.incidents(|key, incident| {
            if incident.closed.is_some_and(|closed| closed < old) {
                incidents.push((key, incident.id));
            }
        })?;
        let mut reports: Vec<(String, Report)> = Vec::new();
        view.reports(|file, report| {
            if report.finished < old {
                reports.push((file.to_owned(), report));
            }
        })?;
        let (mut notices, mut mails) = (Vec::new(), Vec::new());
        view.notices(|notice| {
            match &notice.done {
                Some((done, _)) if *done < old => notices.push(notice.number),
                Some((done, _)) if *done < now.plus_days(-KEEP_MAIL_DAYS) && notice.frozen => {
                    mails.push(notice.number);
                }
                _ => {}
            }
            Ok(())
        })?;
        for chunk in incidents.chunks(AT_ONCE) {
            self.store.write(|txn| chunk.iter().try_for_each(|(key, id)| txn.remove_incident(key, *id)))?;
        }
        self.store.write(|txn| {
            reports.iter().try_for_each(|(file, report)| txn.remove_report(file, report))?;
            notices.iter().try_for_each(|&notice| txn.remove_notice(notice))?;
            mails.iter().try_for_each(|&notice| txn.remove_mail(notice))?;
            txn.uncover_before(Day::from_number(now.day().number()).plus(-(KEEP_DAYS as i32)))
        })?;
        for (code, alarm) in view.alarms()? {
            // Single events never come to an end that would take their alarm back.
            if alarms::EVENTS.contains(&code.as_str()) && now.since(alarm.since) > KEEP_EVENT_DAYS * 86_400 {
                self.alarm(&code, None, now)?;
            }
        }
        self.forget_sessions(now)?;
        self.forget_answers(now)?;
        self.forget_customers(now)
    }

    /// Who had which address when is traffic data: it goes as soon as no row asks for it any more, and that it went is
    /// noted.
    fn forget_sessions(&self, now: Timestamp) -> Result<(), Error> {
        if self.store.view()?.sessions_len()? == 0 {
            return Ok(());
        }
        let old = now.plus_days(-i64::from(self.loaded().settings.sessions.keep_days));
        self.store.write(|txn| {
            let oldest = now.plus_days(-SESSION_DAYS_MAX);
            let forgotten = txn.forget_sessions(old, oldest)?;
            txn.forget_running(oldest)?;
            match forgotten {
                0 => Ok(()),
                count => note(txn, BOX, None, Deed::to(What::ForgotSessions, &[count]), now),
            }
        })?;
        Ok(())
    }

    /// What the resolver has said is traffic data, too.
    fn forget_answers(&self, now: Timestamp) -> Result<(), Error> {
        if self.store.view()?.said_len()? > 0 {
            let old = now.plus_days(-i64::from(self.loaded().settings.sessions.keep_days));
            let count = self.store.write(|txn| txn.forget_said(old))?;
            tracing::info!(count, "old answers of the resolver removed");
        }
        Ok(())
    }

    /// A customer file answers until the next one was imported; 35 days after that no row can ask for it any more.
    fn forget_customers(&self, now: Timestamp) -> Result<(), Error> {
        let _taking = self.take_turn();
        let imports: Vec<(u64, Import)> = self.store.view()?.imports()?;
        let over = imports.windows(2).filter(|pair| pair[1].1.imported < now.plus_days(-KEEP_CUSTOMERS_DAYS));
        let over: Vec<_> = over.map(|pair| &pair[0]).collect();
        for (number, import) in &over {
            self.store.write(|txn| txn.remove_import(*number))?;
            let path = self.data.join("customers").join(&import.file);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::file(&path, error));
                }
                _ => tracing::info!(file = import.file, "customer file removed after 35 days"),
            }
        }
        match over.is_empty() {
            true => Ok(()),
            false => self.rebuild_table(),
        }
    }
}

/// So long such an alarm stands.
const KEEP_EVENT_DAYS: i64 = 7;
/// With less room reports are removed early: as much as the largest report may take in the spool ...
const FREE_BYTES_MIN: u64 = 256 << 20;
/// ... but on a small disk a tenth of it.
const FREE_SHARE_MIN: u64 = 10;
/// Incidents changed in one transaction.
pub(super) const AT_ONCE: usize = 10_000;
/// Closed incidents, reports and notices.
const KEEP_DAYS: i64 = 730;
/// Mails as they went out.
const KEEP_MAIL_DAYS: i64 = 180;
/// One that began before and has not ended was never told to have.
const SESSION_DAYS_MAX: i64 = 366;
/// Who does what nobody asked for, in the list of what was done.
const BOX: &str = "abusebox";
/// Superseded customer files.
const KEEP_CUSTOMERS_DAYS: i64 = 35;
