//! When a customer is told: all reasons in one place, as pure functions of an incident and the moment.

use jiff::tz::TimeZone;

use super::{Audience, Incident, batch};
use crate::clock::{Day, Timestamp};
use crate::config::{FamilyPolicy, Policy};
use crate::report::column;
use crate::report::kind::{Family, Nature, Severity, Tell};

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
    pub fn new(now: Timestamp, zone: &TimeZone) -> Self {
        Self { now, today: local_day(now, zone) }
    }
}

/// What decides over an incident, beside itself.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub policy: &'a Policy,
    /// What holds for its family alone.
    pub own: FamilyPolicy,
    pub at: Moment,
    pub zone: &'a TimeZone,
}

impl<'a> Asked<'a> {
    pub fn of(family: Family, policy: &'a Policy, at: Moment, zone: &'a TimeZone) -> Self {
        Self { policy, own: policy.family(family), at, zone }
    }
}

/// Something that must hold before an incident is told, with the values that decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Not closed: `closed` says since when it is.
    Open {
        closed: Option<Timestamp>,
    },
    /// Not muted: `until` says through which day it is.
    Heard {
        until: Option<Day>,
    },
    /// Seen lately.
    Fresh {
        age_seconds: i64,
        days_max: u32,
    },
    Severe {
        severity: Severity,
        min: Severity,
    },
    /// Its row tells an amplification that is large enough, or none.
    Strong {
        amplification: Option<f64>,
        min: Option<f64>,
    },
    /// Before it is told first: seen on enough report days. `min`: nothing is asked, or it was told.
    Often {
        days: u32,
        min: Option<u32>,
    },
    /// Before it is told again: seen since `told`.
    SeenSince {
        seen: Timestamp,
        told: Option<Timestamp>,
    },
    /// Before it is told again: so many days have passed of those that must pass. `None`: it is no repeat.
    Interval {
        reason: Reason,
        days: Option<(i64, u32)>,
    },
}

impl Rule {
    pub fn holds(&self) -> bool {
        match *self {
            Self::Open { closed } => closed.is_none(),
            Self::Heard { until } => until.is_none(),
            Self::Fresh { age_seconds, days_max } => age_seconds <= i64::from(days_max) * 86_400,
            Self::Severe { severity, min } => severity >= min,
            Self::Strong { amplification, min } => {
                !amplification.zip(min).is_some_and(|(amplification, min)| amplification < min)
            }
            Self::Often { days, min } => min.is_none_or(|min| days >= min),
            Self::SeenSince { seen, told } => told.is_none_or(|told| seen > told),
            Self::Interval { days, .. } => days.is_none_or(|(passed, days)| passed >= i64::from(days)),
        }
    }
}

/// All rules, in the order in which they are asked: what most incidents fail by, and what costs least, comes first.
const RULES: [fn(&Incident, &Asked<'_>) -> Rule; 8] = [
    |incident, _| Rule::Open { closed: incident.closed },
    |incident, asked| Rule::Heard { until: incident.quiet_until.filter(|until| *until >= asked.at.today) },
    |incident, asked| Rule::Fresh {
        age_seconds: asked.at.now.since(incident.last_seen),
        days_max: asked.policy.mail_age_days_max,
    },
    |incident, asked| Rule::Severe {
        severity: incident.severity,
        min: asked.own.severity_min.unwrap_or(asked.policy.mail_severity_min),
    },
    |incident, asked| {
        let min = asked.own.amplification_min;
        Rule::Strong { amplification: min.and_then(|_| amplification(incident)), min }
    },
    |incident, asked| Rule::Often {
        days: incident.days_seen,
        min: asked.own.seen_days_min.filter(|_| incident.told.is_none()),
    },
    |incident, _| Rule::SeenSince { seen: incident.last_seen, told: repeated(incident) },
    |incident, asked| {
        let days = repeated(incident).map(|told| {
            let days = asked.own.repeat_days.unwrap_or(match incident.nature {
                Nature::Compromised => asked.policy.repeat_days_compromised,
                Nature::Exposed => asked.policy.repeat_days_exposed,
            });
            let told = local_day(told, asked.zone);
            (i64::from(asked.at.today.number()) - i64::from(told.number()), days)
        });
        Rule::Interval { reason: reason(incident), days }
    },
];

/// Why the incident is to be told now; `None`: a rule stands against it.
pub fn due(incident: &Incident, asked: &Asked<'_>) -> Option<Reason> {
    RULES.iter().all(|rule| rule(incident, asked).holds()).then(|| reason(incident))
}

/// Whether it is to be told now, or will be without being seen again: its repeat interval passes or its mute ends while
/// it is fresh.
pub fn will_be_due(incident: &Incident, asked: &Asked<'_>) -> bool {
    let last = incident.last_seen.plus_days(asked.policy.mail_age_days_max.into());
    let waits = || incident.told.is_some() || incident.quiet_until.is_some();
    let later = Moment::new(asked.at.now.max(last), asked.zone);
    due(incident, asked).is_some() || waits() && due(incident, &Asked { at: later, ..*asked }).is_some()
}

/// What every rule says, in the order in which [`due`] asks them.
pub fn rules(incident: &Incident, asked: &Asked<'_>) -> [Rule; RULES.len()] {
    RULES.map(|rule| rule(incident, asked))
}

/// Why it would be told, if it is.
fn reason(incident: &Incident) -> Reason {
    match incident.told {
        None if incident.again => Reason::Again,
        None => Reason::New,
        Some((_, worst)) if incident.severity > worst => Reason::Worse,
        Some(_) => Reason::Repeat,
    }
}

/// When it was told, if it would only be told again.
fn repeated(incident: &Incident) -> Option<Timestamp> {
    incident.told.filter(|_| reason(incident) == Reason::Repeat).map(|(told, _)| told)
}

/// How many times larger the answers of the service are than what is asked, by its newest row.
fn amplification(incident: &Incident) -> Option<f64> {
    let mut least = None;
    for (number, cell) in batch::shown_cells(&incident.evidence.shown) {
        let times = || std::str::from_utf8(cell).ok()?.parse::<f64>().ok();
        match column::name(number) {
            Some("amplification") => return times(),
            // Of name servers nothing more is known.
            Some("min_amplification") => least = times(),
            _ => {}
        }
    }
    least
}

/// Who is told of an incident of this family. A family's own setting can make that fewer, and customers of what this
/// version does not know.
pub fn audience(incident: &Incident, family: Family, policy: &Policy) -> Audience {
    let tell = policy.family(family).tell;
    let audience = match incident.audience {
        Audience::UnknownType if policy.tell_unknown_types || tell == Some(Tell::Customer) => {
            Audience::Customer
        }
        Audience::UnknownType => Audience::Operator,
        audience => audience,
    };
    match tell {
        Some(Tell::Nobody) => Audience::Nobody,
        Some(Tell::Operator) => audience.min(Audience::Operator),
        Some(Tell::Customer | Tell::Unknown) | None => audience,
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
pub fn digest_due(last: Option<Day>, policy: &Policy, now: Timestamp, zone: &TimeZone) -> Option<Day> {
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

/// The day of the operator's weekly report that is to be made now, if one is. `last`: the day of the last one, or one
/// after which there may be one. One missed because the box was off is made up once.
pub fn weekly_due(last: Day, policy: &Policy, now: Timestamp, zone: &jiff::tz::TimeZone) -> Option<Day> {
    let local = now.in_zone(zone);
    let back = i32::from(local.weekday().since(policy.weekly_report?));
    let hour_comes = back == 0 && local.hour() < policy.digest_hour;
    let today = local_day(now, zone);
    let day = today.plus(-if hour_comes { 7 } else { back });
    // As with the digest: one of the future was made by a clock that was wrong.
    let last = if last > today.plus(1) { today.plus(-1) } else { last };
    (day > last).then_some(day)
}

/// When the next digest hour comes.
pub fn next_digest(policy: &Policy, now: Timestamp, zone: &TimeZone) -> Timestamp {
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
pub fn local_day(now: Timestamp, zone: &TimeZone) -> Day {
    let date = now.in_zone(zone).date();
    let days = date.since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| span.get_days());
    Day::from_number(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::incident::{Evidence, Ownership, Sighting};

    const DAY: Day = Day::from_number(20_000);

    fn policy() -> Policy {
        crate::config::raw::parse("", std::path::Path::new("")).unwrap().policy
    }

    static UTC: TimeZone = TimeZone::UTC;

    /// Of a family of which nothing is written.
    fn asked(policy: &Policy, now: Timestamp) -> Asked<'_> {
        Asked::of(Family::Other, policy, Moment::new(now, &UTC), &UTC)
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
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
        let policy = policy();
        let due = |incident: &Incident, now| due(incident, &asked(&policy, now));
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
        assert_eq!(super::due(&seen(old), &asked(&long, at(later, 1))), Some(Reason::Repeat));
        assert_eq!(super::due(&seen(at(DAY, 2)), &asked(&long, at(later, 1))), None);
    }

    #[test]
    fn a_family_has_thresholds_and_an_interval_of_its_own() {
        let mut policy = policy();
        let now = at(DAY, 1);
        let mut with = |own: FamilyPolicy, incident: &Incident, now| {
            policy.families = [(Family::OpenResolver, own)].into();
            let of = |family| due(incident, &Asked::of(family, &policy, Moment::new(now, &UTC), &UTC));
            assert_eq!(of(Family::Telnet), due(incident, &asked(&self::policy(), now)), "another family");
            of(Family::OpenResolver)
        };
        let none = FamilyPolicy::default();
        let new = incident(Audience::Customer);
        assert_eq!(with(none, &new, now), Some(Reason::New));

        let low = Incident { severity: Severity::Low, ..new.clone() };
        let least = |severity_min| FamilyPolicy { severity_min: Some(severity_min), ..none };
        assert_eq!(with(least(Severity::Low), &low, now), Some(Reason::New));
        assert_eq!(with(least(Severity::Critical), &new, now), None);

        let twice = FamilyPolicy { seen_days_min: Some(2), ..none };
        assert_eq!(with(twice, &new, now), None);
        let again = Incident { days_seen: 2, ..new.clone() };
        assert_eq!(with(twice, &again, now), Some(Reason::New));
        let told = Incident { told: Some((now, Severity::Medium)), ..new.clone() };
        assert_eq!(with(twice, &told, now), Some(Reason::Worse), "what was told needs no second day");

        let weekly = FamilyPolicy { repeat_days: Some(7), ..none };
        let day = DAY.plus(7);
        let told = Incident { told: Some((now, Severity::High)), last_seen: day.start(), ..new };
        assert_eq!(with(weekly, &told, day.start()), Some(Reason::Repeat));
        assert_eq!(
            with(
                weekly,
                &Incident { last_seen: day.start().plus_seconds(-1), ..told },
                day.start().plus_seconds(-1)
            ),
            None
        );
    }

    #[test]
    fn an_amplification_that_is_told_must_be_large_enough() {
        let mut policy = policy();
        let own = FamilyPolicy { amplification_min: Some(5.0), ..FamilyPolicy::default() };
        policy.families = [(Family::Other, own)].into();
        let told = |cells: &[(&str, &str)]| {
            let mut incident = incident(Audience::Customer);
            for (name, cell) in cells {
                incident.evidence.shown.push(column::number(name).unwrap());
                incident.evidence.shown.extend_from_slice(&(cell.len() as u16).to_le_bytes());
                incident.evidence.shown.extend_from_slice(cell.as_bytes());
            }
            due(&incident, &asked(&policy, at(DAY, 1))).is_some()
        };
        assert!(told(&[]) && told(&[("hostname", "1.0")]), "it does not say");
        assert!(told(&[("amplification", "5")]) && told(&[("amplification", "5.0001")]));
        assert!(!told(&[("amplification", "4.9999")]) && !told(&[("min_amplification", "1.2")]));
        assert!(told(&[("min_amplification", "1.2"), ("amplification", "60.5")]), "the whole answer counts");
        assert!(told(&[("amplification", "large")]), "no number");
    }

    #[test]
    fn a_family_can_be_the_operators_or_nobodys_and_never_more_than_it_is() {
        use Audience::{Customer, Nobody, Operator, UnknownType};
        let tells = |stored, tell| {
            let own = FamilyPolicy { tell, ..FamilyPolicy::default() };
            let policy = Policy { families: [(Family::Ssh, own)].into(), ..policy() };
            let other = audience(&incident(stored), Family::Telnet, &policy);
            assert_eq!(other, audience(&incident(stored), Family::Telnet, &self::policy()));
            audience(&incident(stored), Family::Ssh, &policy)
        };
        for (stored, by_default) in
            [(Nobody, Nobody), (UnknownType, Operator), (Operator, Operator), (Customer, Customer)]
        {
            assert_eq!(tells(stored, None), by_default);
            assert_eq!(tells(stored, Some(Tell::Nobody)), Nobody);
            assert_eq!(tells(stored, Some(Tell::Operator)), by_default.min(Operator));
            let customers = if stored == UnknownType { Customer } else { by_default };
            assert_eq!(tells(stored, Some(Tell::Customer)), customers);
        }
    }

    proptest! {
        /// The table of the page and the mails never disagree, and both do what was written of old.
        #[test]
        fn what_is_due_is_what_no_rule_stands_against(
            severity in 0..5_usize, least in 0..5_usize, days_seen in 1..4_u32, again: bool, closed: bool, exposed: bool,
            seen in 0..12 * 86_400_i64, told in prop::option::of((0..12 * 86_400_i64, 0..5_usize)),
            quiet in prop::option::of(-2..14_i32), amplification in prop::option::of(0..10_u8),
            repeat_days in prop::option::of(1..12_u32), seen_days_min in prop::option::of(1..4_u32),
            amplification_min in prop::option::of(0..10_u8), now in 0..14 * 86_400_i64,
        ) {
            let at = |seconds: i64| DAY.start().plus_seconds(seconds);
            let mut one = incident(Audience::Customer);
            one.nature = if exposed { Nature::Exposed } else { Nature::Compromised };
            one.severity = Severity::ALL[severity];
            one.last_seen = at(seen);
            (one.days_seen, one.again) = (days_seen, again);
            one.told = told.map(|(told, worst)| (at(told), Severity::ALL[worst]));
            one.closed = closed.then(|| at(seen));
            one.quiet_until = quiet.map(|days| DAY.plus(days));
            if let Some(times) = amplification {
                one.evidence.shown = vec![column::number("amplification").unwrap(), 1, 0, b'0' + times];
            }
            let own = FamilyPolicy {
                repeat_days,
                seen_days_min,
                amplification_min: amplification_min.map(f64::from),
                ..FamilyPolicy::default()
            };
            let policy = Policy {
                mail_severity_min: Severity::ALL[least],
                repeat_days_compromised: 3,
                repeat_days_exposed: 6,
                families: [(Family::Other, own)].into(),
                ..policy()
            };
            let asked = Asked::of(Family::Other, &policy, Moment::new(at(now), &UTC), &UTC);
            let due = due(&one, &asked);
            let rules = rules(&one, &asked);
            prop_assert_eq!(due.is_some(), rules.iter().all(Rule::holds), "{:?}", rules);

            let today = at(now).day();
            let wanted = match told {
                _ if closed || quiet.is_some_and(|days| DAY.plus(days) >= today) => None,
                _ if now - seen > i64::from(policy.mail_age_days_max) * 86_400 || severity < least => None,
                _ if amplification.zip(amplification_min).is_some_and(|(is, min)| is < min) => None,
                None if seen_days_min.is_some_and(|min| days_seen < min) => None,
                None if again => Some(Reason::Again),
                None => Some(Reason::New),
                Some((_, worst)) if severity > worst => Some(Reason::Worse),
                Some((told, _)) => {
                    let days = repeat_days.unwrap_or(if exposed { 6 } else { 3 }) as i32;
                    (seen > told && today.number() - at(told).day().number() >= days).then_some(Reason::Repeat)
                }
            };
            prop_assert_eq!(due, wanted);
        }
    }

    #[test]
    fn what_becomes_due_while_it_is_fresh_is_known_before() {
        let policy = policy();
        let (age, interval) = (policy.mail_age_days_max as i32, policy.repeat_days_exposed as i32);
        let will = |incident: &Incident| {
            let asked = asked(&policy, at(DAY, 1));
            assert_eq!(due(incident, &asked), None);
            will_be_due(incident, &asked)
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
            let tells = |audience_of| audience(&incident(audience_of), Family::Other, &policy);
            let unknown = if told { Audience::Customer } else { Audience::Operator };
            assert_eq!(tells(Audience::UnknownType), unknown);
            for known in [Audience::Nobody, Audience::Operator, Audience::Customer] {
                assert_eq!(tells(known), known);
            }
        }
    }

    #[test]
    fn a_digest_is_made_once_a_day_whatever_the_clock_said_before() {
        let (policy, utc) = (Policy { digest_hour: 8, ..policy() }, TimeZone::UTC);
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
    fn a_problem_is_gone_when_enough_reports_came_without_it() {
        let policy = Policy { close_after_days: 3, ..policy() };
        let days = |days: &[i32]| days.iter().map(|&days| DAY.plus(days)).collect::<Vec<_>>();
        let seen = incident(Audience::Customer);
        for (covered, is_gone) in [
            (&[][..], false),
            (&[-3, -2, -1, 0], false),
            (&[-1, 0, 1, 2], false),
            (&[-1, 0, 1, 2, 3], true),
            // Days without reports tell nothing.
            (&[0, 7, 8], false),
            (&[7, 8, 9], true),
        ] {
            assert_eq!(gone(&seen, &days(covered), &policy), is_gone, "{covered:?}");
        }
        let closed = Incident { closed: Some(DAY.start()), ..seen };
        assert!(!gone(&closed, &days(&[1, 2, 3]), &policy), "it is already");
    }

    #[test]
    fn a_weekly_report_is_made_once_on_its_day_or_later() {
        use jiff::civil::Weekday;
        let policy = Policy { digest_hour: 8, weekly_report: Some(Weekday::Monday), ..policy() };
        let day = |text: &str| text.parse::<Day>().unwrap();
        let [monday, next] = [day("2027-03-22"), day("2027-03-29")];
        let utc = jiff::tz::TimeZone::UTC;
        let due = |last, now| weekly_due(last, &policy, now, &utc);
        assert_eq!(
            (due(monday.plus(-7), at(monday, 7)), due(monday.plus(-7), at(monday, 8))),
            (None, Some(monday))
        );
        assert_eq!((due(monday, at(monday, 9)), due(monday, at(next, 7))), (None, None));
        assert_eq!(due(monday, at(next, 8)), Some(next));
        // Off over the day, and over two.
        assert_eq!(due(monday, at(next.plus(2), 3)), Some(next));
        assert_eq!(due(monday.plus(-14), at(next, 7)), Some(monday), "once, for the newest");
        // A box that began on a Wednesday has missed nothing.
        assert_eq!(due(monday.plus(1), at(monday.plus(2), 12)), None);
        assert_eq!(due(next.plus(30), at(next, 8)), Some(next), "a clock was wrong");
        assert_eq!(due(next.plus(1), at(next, 8)), None, "it began where it is a day later");
        // The summer time of Vienna begins on the day before: eight o'clock is six in UTC, where it was seven.
        let vienna = zone("Europe/Vienna");
        let due = |now| weekly_due(monday, &policy, now, &vienna);
        assert_eq!((due(at(next, 5)), due(at(next, 6))), (None, Some(next)));
        let never = Policy { weekly_report: None, ..policy.clone() };
        assert_eq!(weekly_due(monday, &never, at(next, 8), &utc), None);
    }

    #[test]
    fn the_next_digest_is_the_next_time_the_clock_shows_its_hour() {
        let policy = Policy { digest_hour: 8, ..policy() };
        let next = |now, zone| next_digest(&policy, now, zone);
        let utc = TimeZone::UTC;
        assert_eq!(next(at(DAY, 7), &utc), at(DAY, 8));
        assert_eq!((next(at(DAY, 8), &utc), next(at(DAY, 9), &utc)), (at(DAY, 32), at(DAY, 32)));
        // 2026-10-25: the day has 25 hours in Berlin.
        let day: Day = "2026-10-24".parse().unwrap();
        assert_eq!(next(at(day, 6), &zone("Europe/Berlin")), at(day, 6 + 25));
    }
}
