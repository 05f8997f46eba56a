//! Is it getting better: the problems of each report day, as a drawing and as a table.

use super::Table;
use crate::clock::Day;
use crate::lang::fill;
use crate::store::Problems;
use crate::web::html::{Html, html, put};
use crate::web::words::PageWords;

/// Oldest first; nothing, if nothing is known.
pub(crate) fn show(days: &[(Day, Option<Problems>)], t: &PageWords) -> Option<Html> {
    let ((first, _), (last, _)) = (days.first()?, days.last()?);
    let say = &t.trend;
    let total = |problems: &Problems| problems.compromised + problems.exposed;
    let known = || days.iter().filter_map(|(day, problems)| Some((*day, total(problems.as_ref()?))));
    // Of several the newest.
    let (most_on, most) = known().max_by_key(|(_, count)| *count)?;
    let most = t.number(most);
    let values = [
        ("first", &first.to_string()),
        ("last", &last.to_string()),
        ("most", &most),
        ("day", &most_on.to_string()),
    ]
    .map(|(name, value)| (name, value.clone()));
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let counts: Vec<u64> = known().map(|(_, count)| count).collect();
    Some(html!(
        "<section class=\"whole\"><h2>",
        say.title,
        "</h2><p>",
        compared(&counts, t),
        " ",
        fill(say.most, &values),
        "</p><svg class=\"trend\" viewBox=\"0 0 ",
        (days.len() as u64 * SLOT).to_string(),
        " 200\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"trend-title trend-about\"><title id=\"trend-title\">",
        say.about,
        "</title><desc id=\"trend-about\">",
        fill(say.drawing, &values),
        "</desc>",
        bars(days, counts.iter().copied().max().unwrap_or_default().max(1), t),
        "</svg><p class=\"axis\"><span>",
        first.to_string(),
        "</span><span>",
        last.to_string(),
        "</span></p><ul class=\"legend\">",
        dot("compromised", say.compromised),
        dot("exposed", say.exposed),
        dot("unknown", say.no_report),
        "</ul><details><summary>",
        say.as_table,
        "</summary>",
        table(days, t),
        "</details></section>\n"
    ))
}

/// Whether there are fewer than before, oldest first.
fn compared(counts: &[u64], t: &PageWords) -> String {
    let say = &t.trend;
    let mean = |counts: &[u64]| counts.iter().sum::<u64>() / (counts.len() as u64).max(1);
    let newest = &counts[counts.len().saturating_sub(WEEK)..];
    let Some(from) = counts.len().checked_sub(2 * WEEK) else {
        return fill(say.so_far, &[("now", &t.number(mean(newest)))]);
    };
    let (now, before) = (mean(newest), mean(&counts[from..from + WEEK]));
    let sentence = match (now * 100, before * 100) {
        (now, _) if now < before * (100 - SAME_PERCENT) => say.fewer,
        (now, _) if now > before * (100 + SAME_PERCENT) => say.more,
        _ => say.same,
    };
    fill(sentence, &[("now", &t.number(now)), ("before", &t.number(before))])
}

fn bars(days: &[(Day, Option<Problems>)], most: u64, t: &PageWords) -> Html {
    let height = |count: u64| (count.saturating_mul(196) / most).max(u64::from(count > 0) * 2);
    let mut bars = Html::default();
    let mut x = 0;
    // Days without a report beside each other are one gap.
    for days in days.chunk_by(|(_, one), (_, next)| one.is_none() && next.is_none()) {
        let width = SLOT * days.len() as u64;
        let (Some((first, problems)), Some((last, _))) = (days.first(), days.last()) else { continue };
        let (shapes, about) = match problems {
            None => {
                let gap = [("first", first.to_string()), ("last", last.to_string())];
                let gap = gap.each_ref().map(|(name, day)| (*name, day.as_str()));
                let about = if first == last { t.trend.none_on } else { t.trend.none_from };
                (bar("unknown", x, width, 0, 200), fill(about, &gap))
            }
            Some(Problems { compromised, exposed }) => {
                let (low, high) = (height(*compromised), height(*exposed));
                // The line on which the others stand is all that there is of a day without a problem.
                let shapes = html!(
                    bar("zero", x, width, 198, 2),
                    (low > 0).then(|| bar("compromised", x + 1, SLOT - 2, 198 - low, low)),
                    (high > 0).then(|| bar(
                        "exposed",
                        x + 1,
                        SLOT - 2,
                        198_u64.saturating_sub(low + high),
                        high
                    )),
                );
                let counts = [
                    ("day", first.to_string()),
                    ("compromised", t.number(*compromised)),
                    ("exposed", t.number(*exposed)),
                ];
                let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
                (shapes, fill(t.trend.seen_on, &counts))
            }
        };
        x += width;
        put!(bars, "<g><title>", about, "</title>", shapes, "</g>");
    }
    bars
}

fn bar(class: &'static str, x: u64, width: u64, y: u64, height: u64) -> Html {
    let [x, width, y, height] = [x, width, y, height].map(|number| number.to_string());
    html!(
        "<rect class=\"f-",
        class,
        "\" x=\"",
        x,
        "\" y=\"",
        y,
        "\" width=\"",
        width,
        "\" height=\"",
        height,
        "\"/>"
    )
}

fn dot(class: &'static str, name: &'static str) -> Html {
    html!(
        "<li><svg class=\"dot\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><circle class=\"f-",
        class,
        "\" cx=\"5\" cy=\"5\" r=\"5\"/></svg>",
        name,
        "</li>"
    )
}

fn table(days: &[(Day, Option<Problems>)], t: &PageWords) -> Html {
    let say = &t.trend;
    let mut table = Table::new([t.reports.report_day, say.compromised, say.exposed]).with_numbers_from(1);
    for (day, problems) in days.iter().rev() {
        let [compromised, exposed] = match problems {
            Some(problems) => [problems.compromised, problems.exposed].map(|count| html!(t.number(count))),
            None => [html!("<span class=\"dim\">", say.no_report, "</span>"), Html::default()],
        };
        table.row([html!("<span class=\"nowrap\">", day.to_string(), "</span>"), compromised, exposed]);
    }
    table.or_say("")
}

/// Units of the drawing for each day.
const SLOT: u64 = 10;
/// Report days compared with as many before, so that each weekday stands on both sides.
const WEEK: usize = 7;
/// A smaller difference is chance.
const SAME_PERCENT: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn days(counts: &[Option<u64>]) -> Vec<(Day, Option<Problems>)> {
        let day = |(number, count): (i32, &Option<u64>)| {
            (Day::from_number(20_000 + number), count.map(|exposed| Problems { compromised: 0, exposed }))
        };
        (0..).zip(counts).map(day).collect()
    }

    #[test]
    fn it_says_whether_there_are_fewer() {
        let t = PageWords::of("en");
        let said = |counts: &[u64]| compared(counts, t);
        let weeks = |before: u64, now: u64| [[before; WEEK], [now; WEEK]].concat();
        assert!(said(&weeks(100, 94)).starts_with("Fewer"), "{}", said(&weeks(100, 94)));
        assert!(said(&weeks(100, 106)).starts_with("More"));
        assert!(
            said(&weeks(100, 95)).starts_with("About as many") && said(&weeks(100, 105)).starts_with("About")
        );
        assert!(said(&weeks(0, 0)).starts_with("About as many") && said(&weeks(0, 1)).starts_with("More"));
        assert!(said(&[4, 8]).starts_with('6') && said(&[1; 2 * WEEK - 1]).starts_with('1'));
    }

    #[test]
    fn a_day_without_a_report_does_not_look_like_one_without_problems() {
        let t = PageWords::of("en");
        let shown = show(&days(&[Some(0), None, None, Some(50), Some(1)]), t).unwrap().into_string();
        assert_eq!(shown.matches("class=\"f-zero\"").count(), 3, "{shown}");
        assert_eq!(shown.matches("<rect class=\"f-unknown\"").count(), 1);
        let full = "<rect class=\"f-exposed\" x=\"31\" y=\"2\" width=\"8\" height=\"196\"/>";
        assert!(shown.contains(full), "{shown}");
        assert!(shown.contains("height=\"3\"/>"), "the least one shows: {shown}");
        assert!(
            shown.contains("2024-10-04: 0 compromised, 0 exposed")
                && shown.contains("at most 50 on 2024-10-07")
        );
        assert_eq!(show(&[], t), None);
        assert_eq!(show(&days(&[None, None]), t), None);
    }
}
