//! When mail to customers may leave: on open days, outside of quiet hours.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::policy::{local_day, next_digest};
use crate::clock::{Day, Timestamp};
use crate::config::{DayOff, Policy};

/// Why no mail to customers leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    QuietHours,
    Weekend,
    DayOff,
}

/// Why none leaves on a local day; `None`: it is open.
pub fn shut_day(policy: &Policy, day: Day) -> Option<Shut> {
    if !policy.days_off.is_empty() {
        let date = date(day);
        let is_off = |off: &DayOff| match *off {
            DayOff::Once(off) => off == day,
            DayOff::Yearly(month, of_month) => (date.month(), date.day()) == (month, of_month),
        };
        if policy.days_off.iter().any(is_off) {
            return Some(Shut::DayOff);
        }
    }
    // The first of 1970 was a Thursday.
    let is_weekend = (i64::from(day.number()) + 3).rem_euclid(7) >= 5;
    (policy.business_days_only && is_weekend).then_some(Shut::Weekend)
}

/// Why none leaves now, and the moment from which one may. `None`: it may now.
pub fn shut(policy: &Policy, now: Timestamp, zone: &TimeZone) -> Option<(Shut, Timestamp)> {
    let (mut at, mut first) = (now, None);
    for _ in 0..LOOKS_MAX {
        let local = at.in_zone(zone);
        let is_quiet = || policy.quiet_hours.is_some_and(|hours| hours.contains(local.hour()));
        let (why, next) = if let Some(why) = shut_day(policy, local_day(at, zone)) {
            let tomorrow = local.date().tomorrow().and_then(|day| day.to_zoned(zone.clone()));
            let next = tomorrow.map(|start| Timestamp::from_unix(start.timestamp().as_second()));
            (why, next.unwrap_or(at.plus_days(1)))
        } else if is_quiet() {
            // To the end of this hour, whatever its number will be.
            (
                Shut::QuietHours,
                at.plus_seconds(3600 - i64::from(local.minute()) * 60 - i64::from(local.second())),
            )
        } else {
            break;
        };
        first.get_or_insert(why);
        at = next;
    }
    first.map(|why| (why, at))
}

/// When the next digest that customers get may leave.
pub fn next_leaving(policy: &Policy, now: Timestamp, zone: &TimeZone) -> Timestamp {
    let mut digest = next_digest(policy, now, zone);
    for _ in 0..LOOKS_MAX {
        if shut_day(policy, local_day(digest, zone)).is_none() {
            break;
        }
        digest = next_digest(policy, digest, zone);
    }
    shut(policy, digest, zone).map_or(digest, |(_, until)| until)
}

fn date(day: Day) -> Date {
    day.start().in_zone(&TimeZone::UTC).date()
}

/// More than the days of a year and the hours of a day: settings leave some day of each year open.
const LOOKS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(lines: &str) -> Policy {
        let text = format!("[policy]\n{lines}");
        crate::config::raw::parse(&text, std::path::Path::new("")).unwrap().policy
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// Checks that mail may not leave from the first moment up to the second, and may a second before and from then on.
    #[track_caller]
    fn check(policy: &Policy, zone: &TimeZone, why: Shut, from: &str, until: &str) {
        let (from, until) = (at(from), at(until));
        assert_eq!(shut(policy, from.plus_seconds(-1), zone), None, "a second before");
        assert_eq!(shut(policy, from, zone), Some((why, until)));
        let last = shut(policy, until.plus_seconds(-1), zone).map(|(_, until)| until);
        assert_eq!(last, Some(until), "the last second");
        assert_eq!(shut(policy, until, zone), None, "the end");
    }

    #[test]
    fn nothing_is_shut_where_nothing_is_set() {
        assert_eq!(shut(&policy(""), at("2026-12-26T02:00:00Z"), &berlin()), None);
    }

    #[test]
    fn quiet_hours_go_over_midnight_and_end_to_the_second() {
        let night = policy("quiet_hours = \"21-7\"\n");
        // In winter the zone is an hour ahead.
        let (from, until) = ("2026-12-01T20:00:00Z", "2026-12-02T06:00:00Z");
        check(&night, &berlin(), Shut::QuietHours, from, until);
        let noon = policy("quiet_hours = \"12-14\"\n");
        check(&noon, &berlin(), Shut::QuietHours, "2026-12-01T11:00:00Z", "2026-12-01T13:00:00Z");
        let evening = policy("quiet_hours = \"22-24\"\n");
        check(&evening, &berlin(), Shut::QuietHours, "2026-12-01T21:00:00Z", "2026-12-01T23:00:00Z");
    }

    #[test]
    fn quiet_hours_are_those_of_the_clock_when_it_is_put_forward_and_back() {
        let night = policy("quiet_hours = \"21-7\"\n");
        // 2026-03-29 has no second hour, 2026-10-25 has it twice.
        check(&night, &berlin(), Shut::QuietHours, "2026-03-28T20:00:00Z", "2026-03-29T05:00:00Z");
        check(&night, &berlin(), Shut::QuietHours, "2026-10-24T19:00:00Z", "2026-10-25T06:00:00Z");
        let second = policy("quiet_hours = \"2-3\"\n");
        check(&second, &berlin(), Shut::QuietHours, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z");
        assert_eq!(shut(&second, at("2026-03-29T00:59:59Z"), &berlin()), None);
        assert_eq!(shut(&second, at("2026-03-29T01:00:00Z"), &berlin()), None, "it is three already");
        // All but the hour that this night lacks.
        let only = policy("quiet_hours = \"3-2\"\n");
        let until = at("2026-03-30T00:00:00Z");
        assert_eq!(shut(&only, at("2026-03-29T00:30:00Z"), &berlin()), Some((Shut::QuietHours, until)));
    }

    #[test]
    fn a_weekend_and_a_day_off_behind_it_are_one() {
        // A Friday evening to a Tuesday; the Monday is off in each year, the Thursday before in this one.
        let lines = "business_days_only = true\ndays_off = [\"12-28\", \"2026-12-24\"]\n";
        let days = policy(lines);
        check(&days, &berlin(), Shut::Weekend, "2026-12-25T23:00:00Z", "2026-12-28T23:00:00Z");
        check(&days, &berlin(), Shut::DayOff, "2026-12-23T23:00:00Z", "2026-12-24T23:00:00Z");
        assert_eq!(shut_day(&days, "2027-12-28".parse().unwrap()), Some(Shut::DayOff));
        assert_eq!(shut_day(&days, "2027-12-24".parse().unwrap()), None);
        let both = policy(&format!("{lines}quiet_hours = \"21-7\"\n"));
        check(&both, &berlin(), Shut::QuietHours, "2026-12-25T20:00:00Z", "2026-12-29T06:00:00Z");
        assert_eq!(
            shut_day(&policy("days_off = [\"02-29\"]\n"), "2028-02-29".parse().unwrap()),
            Some(Shut::DayOff)
        );
    }

    #[test]
    fn a_day_that_begins_late_or_is_left_out_is_a_day() {
        // Midnight of 2026-03-29 is put forward in Beirut; Samoa had no 2011-12-30.
        let off = policy("days_off = [\"2026-03-28\", \"2011-12-29\"]\n");
        let beirut = TimeZone::get("Asia/Beirut").unwrap();
        check(&off, &beirut, Shut::DayOff, "2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z");
        let apia = TimeZone::get("Pacific/Apia").unwrap();
        check(&off, &apia, Shut::DayOff, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    }

    #[test]
    fn the_next_digest_for_customers_leaves_when_it_may() {
        let next = |lines: &str, now: &str| next_leaving(&policy(lines), at(now), &berlin()).to_string();
        assert_eq!(next("", "2026-12-25T12:00:00Z"), "2026-12-26T07:00:00Z");
        let days = "business_days_only = true\ndays_off = [\"2026-12-28\"]\n";
        assert_eq!(next(days, "2026-12-25T12:00:00Z"), "2026-12-29T07:00:00Z");
        let night = "quiet_hours = \"21-7\"\ndigest_hour = 5\n";
        assert_eq!(next(night, "2026-12-25T12:00:00Z"), "2026-12-26T06:00:00Z");
        let late = "quiet_hours = \"21-7\"\ndigest_hour = 22\nbusiness_days_only = true\n";
        assert_eq!(
            next(late, "2026-12-25T12:00:00Z"),
            "2026-12-28T06:00:00Z",
            "made on Friday, it leaves on Monday"
        );
    }

    proptest! {
        #[test]
        fn it_is_open_again_and_was_not_before(
            from in 0..24_i8, length in 1..24_i8, business: bool, off in prop::collection::vec(0..400_i32, 0..20),
            now in 0..400 * 86_400_i64, zone in prop::sample::select(vec!["Europe/Berlin", "UTC", "Asia/Beirut"]),
        ) {
            let first = 20_454; // 2026-01-01
            let policy = Policy {
                quiet_hours: Some(crate::config::Hours { from, to: (from + length) % 24 }),
                business_days_only: business,
                days_off: off.iter().map(|&day| DayOff::Once(Day::from_number(first + day))).collect(),
                ..policy("")
            };
            let zone = TimeZone::get(zone).unwrap();
            let now = Day::from_number(first).start().plus_seconds(now);
            let is_open = |at: Timestamp| {
                let local = at.in_zone(&zone);
                let (date, hour) = (local.date(), local.hour());
                let is_weekend = matches!(date.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
                let is_off = policy.days_off.iter().any(|off| off.to_string() == date.to_string());
                let is_quiet = (0..length).any(|more| (from + more) % 24 == hour);
                !(is_off || is_quiet || business && is_weekend)
            };
            match shut(&policy, now, &zone) {
                None => prop_assert!(is_open(now)),
                Some((_, until)) => {
                    prop_assert!(until > now && is_open(until));
                    // Every quarter of an hour before, and the last second.
                    let mut at = now;
                    while at < until {
                        prop_assert!(!is_open(at), "{at}");
                        at = at.plus_seconds(900);
                    }
                    prop_assert!(!is_open(until.plus_seconds(-1)));
                }
            }
        }
    }
}
