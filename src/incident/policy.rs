//! When a customer is told: all reasons in one place, as pure functions of an incident and the moment.

use super::{Audience, Incident, State};
use crate::clock::{Day, Timestamp};
use crate::config::Policy;
use crate::report::kind::Nature;

/// Why a problem stands in a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    New,
    /// More severe than when it was last told.
    Worse,
    /// It had gone and has come back.
    Again,
    /// Still there after the repeat interval.
    Repeat,
}

/// The present, as policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Timestamp,
    /// Calendar day in the box's time zone: intervals count days, so that a digest a few seconds earlier than
    /// the last one still repeats on its day.
    pub today: Day,
}

impl Moment {
    pub fn new(now: Timestamp, zone: &jiff::tz::TimeZone) -> Self {
        Self { now, today: local_day(now, zone) }
    }
}

/// Why the incident is to be told now, or `None`.
pub fn due(incident: &Incident, policy: &Policy, at: Moment, zone: &jiff::tz::TimeZone) -> Option<Reason> {
    let stale = at.now.since(incident.last_seen) > i64::from(policy.mail_age_days_max) * 86_400;
    let state = incident.state(at.today);
    if stale || matches!(state, State::Closed | State::Quiet) || incident.severity < policy.mail_severity_min
    {
        return None;
    }
    match incident.told {
        None if incident.again => Some(Reason::Again),
        None => Some(Reason::New),
        Some((_, worst)) if incident.severity > worst => Some(Reason::Worse),
        Some((told, _)) => {
            let days = match incident.nature {
                Nature::Compromised => policy.repeat_days_compromised,
                Nature::Exposed => policy.repeat_days_exposed,
            };
            let passed = i64::from(at.today.number()) - i64::from(local_day(told, zone).number());
            (incident.last_seen > told && passed >= i64::from(days)).then_some(Reason::Repeat)
        }
    }
}

/// Who is told of the incident under this policy.
pub fn audience(incident: &Incident, policy: &Policy) -> Audience {
    match incident.audience {
        Audience::UnknownType if policy.tell_unknown_types => Audience::Customer,
        Audience::UnknownType => Audience::Operator,
        audience => audience,
    }
}

/// Whether an open incident is gone: not seen on the last `close_after_days` covered report days.
/// `covered` are report days in ascending order.
pub fn gone(incident: &Incident, covered: &[Day], policy: &Policy) -> bool {
    let after = covered.len() - covered.partition_point(|&day| day <= incident.last_day);
    incident.closed.is_none() && after >= policy.close_after_days as usize
}

/// Whether the digest of the present day is to be made: its hour has come and it was not made yet. An hour
/// missed because the box was off is made up once, for all missed days together.
pub fn digest_due(
    last: Option<Day>,
    policy: &Policy,
    now: Timestamp,
    zone: &jiff::tz::TimeZone,
) -> Option<Day> {
    let local = now.in_zone(zone);
    let today = local_day(now, zone);
    let ran = if local.hour() >= policy.digest_hour { today } else { today.plus(-1) };
    match last {
        // The first day: nothing was missed before the box was set up.
        None => (ran == today).then_some(ran),
        // A digest of the future was made by a clock that was wrong; it must not stop all others until then.
        Some(last) if last > today.plus(1) => (ran == today).then_some(ran),
        Some(last) => (ran > last).then_some(ran),
    }
}

/// When the next digest hour comes.
pub fn next_digest(policy: &Policy, now: Timestamp, zone: &jiff::tz::TimeZone) -> Timestamp {
    let local = now.in_zone(zone);
    let date = match local.hour() >= policy.digest_hour {
        true => local.date().tomorrow().unwrap_or(local.date()),
        false => local.date(),
    };
    match date.at(policy.digest_hour, 0, 0, 0).to_zoned(zone.clone()) {
        Ok(next) => Timestamp::from_unix(next.timestamp().as_second()),
        Err(_) => now.plus_days(1),
    }
}

/// The calendar day in a time zone.
pub fn local_day(now: Timestamp, zone: &jiff::tz::TimeZone) -> Day {
    let date = now.in_zone(zone).date();
    let days = date.since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| span.get_days());
    Day::from_number(days)
}
