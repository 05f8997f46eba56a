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

/// Whether it is to be told now, or will be without being seen again: its repeat interval passes or its mute ends while
/// it is fresh.
pub fn will_be_due(incident: &Incident, policy: &Policy, at: Moment, zone: &jiff::tz::TimeZone) -> bool {
    let last = incident.last_seen.plus_days(policy.mail_age_days_max.into());
    let waits = || incident.told.is_some() || incident.quiet_until.is_some();
    let later = || due(incident, policy, Moment::new(at.now.max(last), zone), zone).is_some();
    due(incident, policy, at, zone).is_some() || waits() && later()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Evidence, Ownership, Sighting};
    use crate::report::kind::Severity;

    const DAY: Day = Day::from_number(20_000);

    fn policy() -> Policy {
        crate::config::raw::parse("", std::path::Path::new("")).unwrap().policy
    }

    fn zone(name: &str) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(name).unwrap()
    }

    fn at(day: Day, hour: i64) -> Timestamp {
        day.start().plus_seconds(hour * 3600)
    }

    /// Seen at midnight of its day.
    fn incident(audience: Audience) -> Incident {
        let seen = Sighting {
            ownership: Ownership::Customer,
            audience,
            nature: Nature::Exposed,
            severity: Severity::High,
            first: DAY.start(),
            last: DAY.start(),
            rows: 1,
            more_addresses: Vec::new(),
            evidence: Evidence::default(),
        };
        Incident::open(1, seen, DAY, 1)
    }

    #[test]
    fn stale_severe_and_repeated_to_the_second() {
        let (policy, utc) = (policy(), jiff::tz::TimeZone::UTC);
        let due = |incident: &Incident, now| due(incident, &policy, Moment::new(now, &utc), &utc);
        let age = i64::from(policy.mail_age_days_max) * 86_400;
        let new = incident(Audience::Customer);
        assert_eq!(due(&new, DAY.start().plus_seconds(age)), Some(Reason::New));
        assert_eq!(due(&new, DAY.start().plus_seconds(age + 1)), None);
        let least = Incident { severity: policy.mail_severity_min, ..new.clone() };
        assert_eq!(due(&least, at(DAY, 1)), Some(Reason::New));

        let days = policy.repeat_days_exposed as i32;
        let told = Incident { told: Some((at(DAY, 2), Severity::High)), ..new };
        let seen = |seen: Timestamp| Incident { last_seen: seen, ..told.clone() };
        let later = DAY.plus(days);
        assert_eq!(
            due(&seen(later.start()), at(later, 1)),
            Some(Reason::Repeat),
            "an hour less than the days"
        );
        assert_eq!(due(&seen(later.start()), at(later.plus(-1), 23)), None);
        assert_eq!(due(&seen(at(DAY, 2)), at(later, 1)), None, "not seen since");
        let (old, long) = (at(DAY, 2).plus_seconds(1), Policy { mail_age_days_max: 99, ..policy.clone() });
        let moment = Moment::new(at(later, 1), &utc);
        assert_eq!(super::due(&seen(old), &long, moment, &utc), Some(Reason::Repeat));
        assert_eq!(super::due(&seen(at(DAY, 2)), &long, moment, &utc), None);
    }

    #[test]
    fn what_becomes_due_while_it_is_fresh_is_known_before() {
        let (policy, utc) = (policy(), jiff::tz::TimeZone::UTC);
        let (age, interval) = (policy.mail_age_days_max as i32, policy.repeat_days_exposed as i32);
        let will = |incident: &Incident| {
            assert_eq!(due(incident, &policy, Moment::new(at(DAY, 1), &utc), &utc), None);
            will_be_due(incident, &policy, Moment::new(at(DAY, 1), &utc), &utc)
        };
        let told = |days| Incident {
            told: Some((at(DAY.plus(days - interval), 1), Severity::High)),
            ..incident(Audience::Customer)
        };
        assert!(will(&told(1)) && will(&told(age)) && !will(&told(age + 1)));
        let muted = |days| Incident { quiet_until: Some(DAY.plus(days)), ..incident(Audience::Customer) };
        assert!(will(&muted(0)) && will(&muted(age - 1)) && !will(&muted(age)));
        let low = Incident { severity: Severity::Low, ..muted(0) };
        assert!(!will(&low) && !will(&Incident { closed: Some(at(DAY, 1)), ..muted(0) }));
    }

    #[test]
    fn an_unknown_type_is_the_operators_until_he_says_otherwise() {
        for told in [false, true] {
            let policy = Policy { tell_unknown_types: told, ..policy() };
            let tells = |audience_of| audience(&incident(audience_of), &policy);
            let unknown = if told { Audience::Customer } else { Audience::Operator };
            assert_eq!(tells(Audience::UnknownType), unknown);
            for known in [Audience::Nobody, Audience::Operator, Audience::Customer] {
                assert_eq!(tells(known), known);
            }
        }
    }

    #[test]
    fn a_digest_is_made_once_a_day_whatever_the_clock_said_before() {
        let (policy, utc) = (Policy { digest_hour: 8, ..policy() }, jiff::tz::TimeZone::UTC);
        let made = |last, now| digest_due(last, &policy, now, &utc);
        assert_eq!((made(None, at(DAY, 7)), made(None, at(DAY, 8))), (None, Some(DAY)));
        let missed = Some(DAY.plus(-3));
        assert_eq!((made(missed, at(DAY, 7)), made(missed, at(DAY, 8))), (Some(DAY.plus(-1)), Some(DAY)));
        assert_eq!(made(Some(DAY.plus(-1)), at(DAY, 7)), None);
        assert_eq!((made(Some(DAY), at(DAY, 9)), made(Some(DAY.plus(1)), at(DAY, 9))), (None, None));
        // A clock that was further ahead than a zone can be.
        let ahead = Some(DAY.plus(2));
        assert_eq!((made(ahead, at(DAY, 7)), made(ahead, at(DAY, 8))), (None, Some(DAY)));
    }

    #[test]
    fn the_next_digest_is_the_next_time_the_clock_shows_its_hour() {
        let policy = Policy { digest_hour: 8, ..policy() };
        let next = |now, zone| next_digest(&policy, now, zone);
        let utc = jiff::tz::TimeZone::UTC;
        assert_eq!(next(at(DAY, 7), &utc), at(DAY, 8));
        assert_eq!((next(at(DAY, 8), &utc), next(at(DAY, 9), &utc)), (at(DAY, 32), at(DAY, 32)));
        // 2026-10-25: the day has 25 hours in Berlin.
        let day: Day = "2026-10-24".parse().unwrap();
        assert_eq!(next(at(day, 6), &zone("Europe/Berlin")), at(day, 6 + 25));
    }
}
