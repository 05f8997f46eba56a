//! The operator's report of the week: its numbers as tables, and the last month as a picture. Pure.

use jiff::tz::TimeZone;

use super::compose::{and_more, filled_in, moment};
use super::layout::{Block, Row, Table};
use super::sentences::Sentences;
use super::texts::Voice;
use super::{Figures, Spell, Weekly, redact};
use crate::lang::fill;
use crate::report::kind::{Family, Severity};

/// The part of the operator's mail about the week.
pub(super) fn blocks(weekly: &Weekly, zone: &TimeZone, voice: &Voice<'_>) -> Vec<Block> {
    let (week, say) = (&weekly.week, &voice.say);
    let heading = |title: &str| Block::Heading(title.to_owned());
    let mut blocks = vec![
        heading(say.numbers_title),
        table([say.this_week, say.week_before], figures(week.figures, say)),
        heading(say.trend_title),
        Block::Paragraph(say.trend.to_owned()),
        trend(weekly, say),
        heading(say.open_title),
    ];
    let over_time = [say.open_now, say.open_before];
    let severities = Severity::ALL.iter().rev().map(|&severity| (severity, week.open[severity as usize]));
    let all = week.open.iter().fold([0; 2], |[now, before], open| [now + open[0], before + open[1]]);
    let rows = severities.map(|(severity, open)| (voice.words.severity(severity).to_owned(), open));
    blocks.push(table(over_time, rows.chain([(say.open_all.to_owned(), all)])));
    for (title, families) in [(say.largest_title, &week.largest), (say.growing_title, &week.growing)] {
        // One that this version does not know is told by its word.
        let titled = |word: &String| match Family::read(word) {
            Some(family) => voice.family(family).title.clone(),
            None => word.clone(),
        };
        if !families.is_empty() {
            let rows = families.iter().map(|(word, open)| (titled(word), *open));
            blocks.extend([Block::Subheading(title.to_owned()), table(over_time, rows)]);
        }
    }
    if !weekly.customers.is_empty() {
        let named = |(name, id, count): &(String, String, u64)| {
            let (name, id) = (filled_in(name), filled_in(id));
            (fill(say.busiest_customer, &[("name", &name), ("customer", &id)]), [*count])
        };
        let rows = weekly.customers.iter().map(named);
        blocks.extend([heading(say.busiest_title), table([say.busiest_count], rows)]);
    }
    blocks.push(heading(say.week_alarms_title));
    blocks.push(match week.alarms.is_empty() {
        true => Block::Paragraph(say.week_alarms_none.to_owned()),
        false => {
            let lines = week.alarms.iter().map(|spell| spell_line(spell, zone, say));
            Block::Lines(lines.chain(and_more(week.alarms_more, say)).collect())
        }
    });
    let newest = match week.newest {
        Some((day, came)) => {
            fill(say.box_newest, &[("day", &day.to_string()), ("time", &moment(came, zone))])
        }
        None => say.box_no_report.to_owned(),
    };
    let version = fill(say.box_version, &[("version", weekly.version)]);
    blocks.extend([heading(say.box_title), Block::Lines(vec![newest, version])]);
    blocks
}

fn figures([this, before]: [Figures; 2], say: &Sentences<'_>) -> Vec<(String, [u64; 2])> {
    type Figure = fn(&Figures) -> u64;
    let all: [(&str, Figure); 13] = [
        (say.week_reports, |week| week.reports),
        (say.week_rows, |week| week.counts.rows),
        (say.week_matched, |week| week.counts.matched),
        (say.week_unassigned, |week| week.counts.unassigned),
        (say.week_ambiguous, |week| week.counts.ambiguous),
        (say.week_unattributable, |week| week.counts.unattributable),
        (say.week_outside, |week| week.counts.outside),
        (say.week_rejected, |week| week.counts.rejected),
        (say.week_new, |week| week.new),
        (say.week_gone, |week| week.gone),
        (say.week_sent, |week| week.sent),
        (say.week_failed, |week| week.failed),
        (say.week_mailed, |week| week.mailed),
    ];
    all.map(|(label, of)| (label.to_owned(), [of(&this), of(&before)])).into()
}

fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = (String, [u64; N])>) -> Block {
    let rows = rows.into_iter().map(|(label, numbers)| (label, Row::Numbers(numbers.into()))).collect();
    Block::Table(Table {
        heads: [""].iter().chain(&heads).map(|head| (*head).to_owned()).collect(),
        rows,
        drawn: false,
    })
}

fn trend(weekly: &Weekly, say: &Sentences<'_>) -> Block {
    let row = |numbers: &Option<[u64; 2]>| match numbers {
        Some(numbers) => Row::Numbers(numbers.to_vec()),
        None => Row::Said(say.trend_none.to_owned()),
    };
    let rows = weekly.week.days.iter().map(|(day, numbers)| (day.to_string(), row(numbers))).collect();
    let heads = [say.trend_day, say.trend_compromised, say.trend_exposed].map(str::to_owned).into();
    Block::Table(Table { heads, rows, drawn: true })
}

/// When something was wrong, and what.
pub(super) fn spell_line(spell: &Spell, zone: &TimeZone, say: &Sentences<'_>) -> String {
    let time = |at: crate::clock::Timestamp| at.in_zone(zone).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let Some(until) = spell.until else {
        return fill(
            say.alarm_line,
            &[("time", &moment(spell.since, zone)), ("text", &redact::plain(&spell.text))],
        );
    };
    let template = if spell.times == 1 { say.over_line } else { say.over_many };
    fill(
        template,
        &[
            ("text", &redact::plain(&spell.text)),
            ("since", &time(spell.since)),
            ("until", &time(until)),
            ("times", &spell.times.to_string()),
            ("lasted", &lasted(spell.seconds, say)),
        ],
    )
}

fn lasted(seconds: i64, say: &Sentences<'_>) -> String {
    let minutes = seconds.max(0) / 60;
    let [days, hours, rest] =
        [minutes / 1440, minutes / 60 % 24, minutes % 60].map(|count| count.to_string());
    match minutes >= 1440 {
        true => fill(say.lasted_days, &[("days", &days), ("hours", &hours)]),
        false => fill(say.lasted_hours, &[("hours", &hours), ("minutes", &rest)]),
    }
}
