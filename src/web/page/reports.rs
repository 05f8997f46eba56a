//! Every report file, and how its rows were accounted for.

use super::overview::accounting;
use super::{Facts, Page, Table, acting, pager, select, select_type};
use crate::clock::Day;
use crate::lang::fill;
use crate::report::Rejection;
use crate::store::{Counts, Report};
use crate::web::access::Who;
use crate::web::html::{Html, html, link, phrase, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{ReportFacts, ReportsWanted, Site, View};
use crate::web::words::PageWords;

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query, who: &Who) -> Result<Page, Fault> {
    let before = query.take("before");
    let kind = query.take("kind").unwrap_or_default();
    let day = query.take_as::<Day>("day", |t| t.asked.day)?;
    let which = query.take("which").unwrap_or_default();
    let troubled = match which.as_str() {
        "" => false,
        "troubled" => true,
        _ => return Err(Fault::Query(|t| t.asked.which_reports)),
    };
    let wanted = ReportsWanted { kind, day, troubled };
    let part = view.reports(&wanted, before.as_deref())?;
    let words = site.terms();
    let t = site.words();
    let say = &t.reports;
    let mut table = Table::new(heads(say.report, t)).with_numbers_from(2);
    for (file, report) in &part.rows {
        let title = words.report_named(&report.kind);
        let title = if title.is_empty() { say.unknown_type } else { title };
        let one = link("/report", &[("file", file)]);
        let note = note(report, t).map(|note| html!("<span class=\"line warn\">", note, "</span>"));
        let name = html!(
            "<a href=\"",
            one,
            "\">",
            title,
            "</a> <span class=\"line dim cell\">",
            file,
            "</span>",
            note
        );
        table.row(row(
            html!("<span class=\"nowrap\">", report.day.to_string(), "</span>"),
            name,
            &report.counts,
            t,
        ));
    }
    let shown_day = day.map(|day| day.to_string()).unwrap_or_default();
    let pairs = [("kind", wanted.kind.as_str()), ("day", shown_day.as_str()), ("which", which.as_str())];
    let is_filtered = wanted != ReportsWanted::default();
    let nothing = match (part.next.is_some(), is_filtered || before.is_some()) {
        (true, _) => t.frame.none_yet_looked_at,
        (false, true) => say.no_such,
        (false, false) => t.overview.no_report,
    };
    let body = html!(
        "<h1>",
        say.title,
        "</h1>",
        acting::file_form(who, "/reports/upload", ".csv,.zip,.gz,.zst", t.jobs.take_report, t),
        "<form class=\"filter\" action=\"/reports\" method=\"get\">",
        select_type("kind", say.kind, view, site, &wanted.kind)?,
        "<label>",
        say.report_day,
        "<input type=\"date\" name=\"day\" value=\"",
        shown_day,
        "\"></label>",
        select("which", say.which, t.frame.any, [("troubled", say.troubled)], &which),
        "<button>",
        t.frame.show,
        "</button></form>\n<p class=\"dim\">",
        say.order,
        " <a href=\"/reports/days\">",
        say.by_day,
        "</a></p>",
        table.or_say(nothing),
        pager(t, "/reports", &pairs, before.as_deref(), part.next),
    );
    Ok(Page { title: say.title.to_owned(), entry: "/reports", body })
}

/// What all reports of a day come to.
pub(crate) fn days(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let before = query.take_as::<Day>("before", |t| t.asked.day)?;
    let part = view.report_days(before)?;
    let t = site.words();
    let say = &t.reports;
    let mut table = Table::new(heads(say.title, t)).with_numbers_from(1);
    for sum in &part.rows {
        let day = sum.day.to_string();
        let way =
            html!("<a class=\"nowrap\" href=\"", link("/reports", &[("day", &day)]), "\">", day, "</a>");
        table.row(row(way, number(sum.reports, t), &sum.counts, t));
    }
    let before = before.map(|before| before.to_string());
    let body = html!(
        "<p class=\"up\"><a href=\"/reports\">",
        say.title,
        "</a></p><h1>",
        say.by_day,
        "</h1><p class=\"dim\">",
        say.counted,
        "</p>",
        table.or_say(t.overview.no_report),
        pager(t, "/reports/days", &[], before.as_deref(), part.next.map(|next| next.to_string())),
    );
    Ok(Page { title: say.by_day.to_owned(), entry: "/reports", body })
}

/// Heads of a table of what became of rows; `what` is the second.
fn heads(what: &'static str, t: &PageWords) -> [&'static str; 9] {
    let rows = &t.rows;
    [
        t.reports.day,
        what,
        t.reports.rows,
        rows.matched,
        rows.unassigned,
        rows.ambiguous,
        rows.unattributable,
        rows.outside,
        rows.rejected,
    ]
}

fn row(day: Html, what: Html, counts: &Counts, t: &PageWords) -> [Html; 9] {
    [
        day,
        what,
        number(counts.rows, t),
        number(counts.matched, t),
        number(counts.unassigned, t),
        number(counts.ambiguous, t),
        number(counts.unattributable, t),
        number(counts.outside, t),
        number(counts.rejected, t),
    ]
}

pub(crate) fn one(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let file = query.take("file").ok_or(Fault::NotFound)?;
    let from = query.take_as::<u64>("line", |t| t.asked.line)?.unwrap_or(0);
    let ReportFacts { report, rejected } = view.report(&file, from)?.ok_or(Fault::NotFound)?;
    let (t, words) = (site.words(), site.terms());
    let say = &t.reports;
    let title = words.report_named(&report.kind);
    let title = if title.is_empty() { &file } else { title };

    let mut facts = Facts::default();
    facts.add(say.file, Some(html!("<span class=\"cell\">", file, "</span>")));
    facts.add(say.kind, (!report.kind.is_empty()).then(|| html!("<code>", report.kind, "</code>")));
    facts.add(say.report_day, Some(html!(report.day.to_string())));
    facts.add(say.taken_in, Some(time(report.finished, &site.zone)));
    facts.add(say.note, note(&report, t));
    facts.add(say.rows, Some(html!(t.number(report.counts.rows))));
    let surplus = t.count(report.surplus_cells, say.surplus_one, say.surplus_many);
    facts.add(say.surplus, (report.surplus_cells > 0).then(|| html!(surplus)));
    for (reason, count) in Rejection::ALL.into_iter().zip(report.rejected_by) {
        let name = fill(say.rejected_by, &[("reason", meaning(reason.word(), t))]);
        facts.add(&name, (count > 0).then(|| html!(t.number(count))));
    }

    let mut table = Table::new([say.line, say.why, say.at_fault]);
    for (line, row) in &rejected.rows {
        table.row([
            html!(t.number(*line)),
            html!(meaning(&row.reason, t)),
            html!("<span class=\"cell\">", row.detail, "</span>"),
        ]);
    }
    let next = rejected.next.map(|line| {
        let more = link("/report", &[("file", &file), ("line", &line.to_string())]);
        html!("<p class=\"pager\"><a rel=\"next\" href=\"", more, "\">", say.further, "</a></p>")
    });
    let body = html!(
        "<p class=\"up\"><a href=\"/reports\">",
        say.title,
        "</a></p><h1>",
        title,
        " <span class=\"dim\">",
        report.day.to_string(),
        "</span></h1>",
        facts.done(),
        accounting(&report.counts, t),
        "<h2>",
        say.rejected_rows,
        "</h2>",
        table.or_say(if from > 0 { say.no_further } else { say.none }),
        next,
    );
    Ok(Page { title: title.to_owned(), entry: "/reports", body })
}

fn note(report: &Report, t: &PageWords) -> Option<Html> {
    match (&report.duplicate_of, &report.unreadable) {
        (Some(of), _) => Some(phrase(t.reports.same_as, &[("file", of)])),
        (None, Some(why)) => Some(phrase(t.reports.unreadable, &[("why", why)])),
        (None, None) => None,
    }
}

/// A zero is not worth a look.
fn number(count: u64, t: &PageWords) -> Html {
    if count == 0 { html!("<span class=\"dim zero\">0</span>") } else { html!(t.number(count)) }
}

/// What a word of [`Rejection`] means; the word itself where it is none of this version's.
fn meaning<'a>(word: &'a str, t: &PageWords) -> &'a str {
    let known = Rejection::ALL.into_iter().find(|reason| reason.word() == word);
    known.map_or(word, |reason| match reason {
        Rejection::Time => t.reports.time,
        Rejection::Address => t.reports.address,
        Rejection::RepeatedHeader => t.reports.repeated_header,
        Rejection::UnclosedQuote => t.reports.unclosed_quote,
        Rejection::TooLong => t.reports.too_long,
    })
}
