//! The times of a log: Unix seconds, with an offset, or of a zone, in which an hour of autumn comes twice.
//!
//! Such a time is no moment but two. What stands beside it may say which of them it was; if not, the moment is put in
//! the middle and told with its doubt, so that nobody is named for an hour that was another's.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};

use super::read::Given;
use crate::clock::Timestamp;

/// A moment, or one of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) early: Timestamp,
    /// The same where there is no doubt.
    pub(super) late: Timestamp,
}

impl Moment {
    pub(super) const fn certain(at: Timestamp) -> Self {
        Self { early: at, late: at }
    }

    pub(super) fn is_certain(self) -> bool {
        self.early == self.late
    }

    /// In the middle of the two.
    pub(super) fn at(self) -> Timestamp {
        self.early.plus_seconds(self.late.since(self.early) / 2)
    }

    /// Seconds by which it may be off, either way.
    pub(super) fn doubt(self) -> u32 {
        let between = self.late.since(self.early);
        u32::try_from(between - between / 2).unwrap_or(u32::MAX)
    }

    fn each(self) -> impl Iterator<Item = Timestamp> {
        [self.early, self.late].into_iter().take(if self.is_certain() { 1 } else { 2 })
    }
}

/// Whether the lines of a log come in the order of their times, of which this follows one column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// Of the last line, not later than it was.
    last: Option<Timestamp>,
    /// So many lines since one that was earlier than the one before.
    run: u32,
}

impl Order {
    /// In a log that is in order, a time that comes again stands behind the first hour.
    pub(super) fn settle(&mut self, moment: Moment) -> Moment {
        let is_late = self.run >= IN_ORDER_MIN
            && self.last.is_some_and(|last| moment.early < last && last <= moment.late);
        let moment = if is_late { Moment::certain(moment.late) } else { moment };
        let is_in_order = self.last.is_none_or(|last| last <= moment.early);
        self.run = if is_in_order { self.run.saturating_add(1) } else { 0 };
        self.last = Some(moment.early);
        moment
    }
}

/// What begin and end say of each other: nothing ends before it begins, and some logs know how long it was. Takes away
/// what cannot be; leaves both as they are where nothing can.
pub(super) fn settle_both(from: Moment, until: Moment, seconds: Option<i64>) -> (Moment, Moment) {
    let possible = |&(from, until): &(Timestamp, Timestamp)| {
        let between = until.since(from);
        between >= 0 && seconds.is_none_or(|seconds| (between - seconds).abs() <= LENGTH_OFF_MAX)
    };
    let pairs = from.each().flat_map(|from| until.each().map(move |until| (from, until)));
    let pairs: Vec<_> = pairs.filter(possible).collect();
    let side = |side: fn(&(Timestamp, Timestamp)) -> Timestamp| {
        let times = || pairs.iter().map(side);
        Some(Moment { early: times().min()?, late: times().max()? })
    };
    (side(|pair| pair.0).unwrap_or(from), side(|pair| pair.1).unwrap_or(until))
}

/// Reads a time in any form that logs have. `Ok(None)`: there is none (empty, `NULL`, `0000-00-00 00:00:00`).
pub(super) fn read(text: &str, given: &Given<'_>) -> Result<Option<Moment>, &'static str> {
    let text = text.trim();
    if is_none(text) {
        return Ok(None);
    }
    let certain = |at: Timestamp| Moment::certain(at.plus_seconds(given.offset));
    let moment = if let Some(seconds) = unix(text) {
        certain(Timestamp::from_unix(seconds))
    } else if let Some(at) = with_offset(text) {
        certain(at)
    } else {
        local(civil(text)?, given)
    };
    if [moment.early, moment.late].iter().all(|at| SENSIBLE.contains(&at.unix())) {
        Ok(Some(moment))
    } else {
        Err("is no time of this century")
    }
}

/// A time of the zone of the log.
pub(super) fn local(civil: DateTime, given: &Given<'_>) -> Moment {
    let at = |offset: Offset| {
        let at = offset.to_timestamp(civil).unwrap_or(jiff::Timestamp::MIN).as_second();
        Timestamp::from_unix(at).plus_seconds(given.offset)
    };
    match given.zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => Moment::certain(at(offset)),
        AmbiguousOffset::Fold { before, after } | AmbiguousOffset::Gap { before, after } => {
            let (one, other) = (at(before), at(after));
            Moment { early: one.min(other), late: one.max(other) }
        }
    }
}

fn is_none(text: &str) -> bool {
    ["null", "\\n", "none", "nil", "never", "open", "active"].contains(&text.to_ascii_lowercase().as_str())
        || text.chars().all(|c| c == '0' || c.is_ascii_punctuation() || c == ' ' || c == 'T')
}

/// Seconds, with or without a fraction, or milliseconds, microseconds or nanoseconds, which have more digits.
fn unix(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        9 | 10 => Some(number),
        13 => Some(number / 1_000),
        16 => Some(number / 1_000_000),
        19 => Some(number / 1_000_000_000),
        _ => None,
    }
}

/// `2026-11-26T08:00:00Z`, `2026-11-26 09:00:00.5 +0100`, `2026-11-26 09:00:00+01`, `2026-11-26 08:00:00 UTC`.
fn with_offset(text: &str) -> Option<Timestamp> {
    let bare = ["UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone));
    if let Some(bare) = bare {
        return format!("{}Z", bare.trim_end().replace('/', "-")).parse().ok();
    }
    let (rest, offset) = text.rsplit_once(['+', '-']).map(|(rest, _)| text.split_at(rest.len()))?;
    format!("{}{offset}", rest.trim_end()).parse().ok().or_else(|| text.parse().ok())
}

/// `2026-11-26 09:00:00`, also with `/` or `T`, with a fraction or without seconds, and `26.11.2026 09:00:00`.
fn civil(text: &str) -> Result<DateTime, &'static str> {
    let (date, time) = text.split_once([' ', 'T']).ok_or(NO_TIME)?;
    let time = time.trim_start();
    let date = if date.contains('.') {
        jiff::civil::Date::strptime("%d.%m.%Y", date).map_err(|_| NO_TIME)?
    } else {
        let sign = if date.contains('/') { '/' } else { '-' };
        let format = format!("%Y{sign}%m{sign}%d");
        jiff::civil::Date::strptime(&format, date).map_err(|_| NO_TIME)?
    };
    let time: jiff::civil::Time = time.parse().map_err(|_| NO_TIME)?;
    Ok(date.to_datetime(time))
}

/// Told to who reads the complaints, behind the time as written.
pub(super) const TWICE: &str = "is no single moment in the zone of the log, since the clock is changed then, and nothing \
     beside it says which was meant: an hour counts as unsure; write times with an offset, or in UTC";

/// So many lines in order say that a log is in order.
const IN_ORDER_MIN: u32 = 10;
/// A log may round the time that a session lasted, and begin counting when its address was there.
const LENGTH_OFF_MAX: i64 = 600;
/// From 2000 to 2099: what lies outside was no time, or a clock that nobody had set.
const SENSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;
const NO_TIME: &str = "is no time; write it as 2026-11-20T08:00:00+01:00, 2026-11-20 08:00:00, 20.11.2026 08:00:00 or Unix seconds";

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn vienna(text: &str) -> Result<Option<Moment>, &'static str> {
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        read(text, &Given { zone: &zone, offset: 0, name: None })
    }

    fn moment(text: &str) -> Moment {
        vienna(text).unwrap().unwrap()
    }

    #[test]
    fn every_form_is_the_same_second() {
        let forms = [
            "1795680000",
            "1795680000.75",
            "1795680000123",
            "1795680000123456",
            "2026-11-26T08:00:00Z",
            "2026-11-26T09:00:00+01:00",
            "2026-11-26 09:00:00+01",
            "2026-11-26 09:00:00.250+01",
            "2026-11-26 09:00:00 +0100",
            "2026-11-26 03:00:00-05:00",
            "2026-11-26 08:00:00 UTC",
            "2026/11/26 08:00:00 UTC",
            "2026-11-26 09:00:00",
            "2026-11-26T09:00:00.5",
            "2026-11-26 09:00",
            "2026/11/26 09:00:00",
            "26.11.2026 09:00:00",
            " 26.11.2026  09:00 ",
        ];
        for form in forms {
            assert_eq!(
                vienna(form),
                Ok(Some(Moment::certain(Timestamp::from_unix(1_795_680_000)))),
                "{form}"
            );
        }
        for none in ["", " ", "NULL", "\\N", "-", "0", "0000-00-00 00:00:00", "0000-00-00T00:00:00"] {
            assert_eq!(vienna(none), Ok(None), "{none}");
        }
        for bad in
            ["soon", "11/26/2026 09:00:00", "2026-11-26", "2026-02-30 09:00:00", "12345678901", "1-1", "1+1"]
        {
            assert_eq!(vienna(bad), Err(NO_TIME), "{bad}");
        }
        assert!(vienna("1970-01-02 00:00:00").is_err() && vienna("999999999999999").is_err());
    }

    #[test]
    fn an_offset_moves_every_time() {
        let given = Given { zone: &TimeZone::UTC, offset: -30, name: None };
        for form in ["1795680030", "2026-11-26 08:00:30", "2026-11-26T08:00:30Z"] {
            assert_eq!(read(form, &given).unwrap().unwrap().at().unix(), 1_795_680_000, "{form}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_or_never_lies_between_the_two_with_its_doubt() {
        let twice = moment("2026-10-25 02:30:00");
        assert_eq!(
            (twice.early.to_string(), twice.late.to_string()),
            ("2026-10-25T00:30:00Z".into(), "2026-10-25T01:30:00Z".into())
        );
        assert_eq!((twice.at().to_string(), twice.doubt()), ("2026-10-25T01:00:00Z".into(), 1800));
        let never = moment("2026-03-29 02:30:00");
        assert_eq!((never.at().to_string(), never.doubt()), ("2026-03-29T01:00:00Z".into(), 1800));
        assert!(moment("2026-10-25 01:59:59").is_certain() && moment("2026-10-25 03:00:00").is_certain());
        assert!(moment("2026-10-25 02:30:00+01").is_certain());
    }

    #[test]
    fn the_order_of_a_log_tells_the_second_hour() {
        let mut order = Order::default();
        let mut settle = |text: &str| order.settle(moment(text));
        for minute in 40..55 {
            assert!(settle(&format!("2026-10-25 01:{minute}:00")).is_certain());
        }
        assert_eq!(settle("2026-10-25 02:10:00").doubt(), 1800, "either hour");
        assert_eq!(settle("2026-10-25 02:50:00").doubt(), 1800);
        assert_eq!(settle("2026-10-25 02:05:00"), Moment::certain("2026-10-25T01:05:00Z".parse().unwrap()));
        assert_eq!(settle("2026-10-25 02:55:00"), Moment::certain("2026-10-25T01:55:00Z".parse().unwrap()));
        assert!(settle("2026-10-25 03:05:00").is_certain());
        // Without order nothing follows from it.
        let mut order = Order::default();
        for text in ["2026-10-25 02:50:00", "2026-10-25 02:05:00"] {
            assert_eq!(order.settle(moment(text)).doubt(), 1800);
        }
    }

    #[test]
    fn begin_and_end_settle_each_other() {
        let both = |from: &str, until: &str, seconds| {
            let (from, until) = settle_both(moment(from), moment(until), seconds);
            (from.at().to_string(), from.doubt(), until.at().to_string(), until.doubt())
        };
        let first = "2026-10-25T00:50:00Z".to_owned();
        let second = "2026-10-25T01:10:00Z".to_owned();
        assert_eq!(
            both("2026-10-25 02:50:00", "2026-10-25 02:10:00", None),
            (first.clone(), 0, second.clone(), 0)
        );
        assert_eq!(both("2026-10-25 02:10:00", "2026-10-25 03:10:00", Some(3601)).0, second);
        assert_eq!(both("2026-10-25 02:10:00", "2026-10-25 03:10:00", None).1, 1800);
        assert_eq!(
            both("2026-10-25 02:50:00", "2026-10-25 02:10:00+02", None).1,
            1800,
            "what cannot be stays"
        );
    }
}
