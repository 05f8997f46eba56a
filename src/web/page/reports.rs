//! Every report file, and how its rows were accounted for.

use super::overview::accounting;
use super::{Facts, Page, Table, acting, pager};
use crate::lang::{Words, fill};
use crate::report::Rejection;
use crate::store::Report;
use crate::web::access::Who;
use crate::web::html::{Html, html, link, phrase, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{ReportFacts, Site, View};
use crate::web::words::PageWords;

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query, who: &Who) -> Result<Page, Fault> {
    let before = query.take("before");
    let part = view.reports(before.as_deref())?;
    let words = Words::of(&site.language);
    let t = site.words();
    let say = &t.reports;
    let mut table = Table::new([
        say.day,
        say.report,
        say.rows,
        t.rows.matched,
        t.rows.unassigned,
        t.rows.ambiguous,
        t.rows.unattributable,
        t.rows.outside,
        t.rows.rejected,
    ])
    .with_numbers_from(2);
    for (file, report) in &part.rows {
        let counts = &report.counts;
        let title = words.report_named(&report.kind);
        let title = if title.is_empty() { say.unknown_type } else { title };
        let one = link("/report", &[("file", file)]);
        let note = note(report, t).map(|note| html!("<span class=\"line warn\">", note, "</span>"));
        table.row([
            html!("<span class=\"nowrap\">", report.day.to_string(), "</span>"),
            html!(
                "<a href=\"",
                one,
                "\">",
                title,
                "</a> <span class=\"line dim cell\">",
                file,
                "</span>",
                note
            ),
            number(counts.rows, t),
            number(counts.matched, t),
            number(counts.unassigned, t),
            number(counts.ambiguous, t),
            number(counts.unattributable, t),
            number(counts.outside, t),
            number(counts.rejected, t),
        ]);
    }
    let body = html!(
        "<h1>",
        say.title,
        "</h1>",
        acting::file_form(who, "/reports/upload", ".csv,.zip,.gz,.zst", t.jobs.take_report, t),
        "<p class=\"dim\">",
        say.order,
        "</p>",
        table.or_say(t.overview.no_report),
        pager(t, "/reports", &[], before.as_deref(), part.next),
    );
    Ok(Page { title: say.title.to_owned(), entry: "/reports", body })
}

pub(crate) fn one(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let file = query.take("file").ok_or(Fault::NotFound)?;
    let from = query.take_as::<u64>("line", |t| t.asked.line)?.unwrap_or(0);
    let ReportFacts { report, rejected } = view.report(&file, from)?.ok_or(Fault::NotFound)?;
    let (t, words) = (site.words(), Words::of(&site.language));
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
