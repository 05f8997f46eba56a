//! Every report file, and how its rows were accounted for.

use super::overview::accounting;
use super::{Facts, Page, Table, pager};
use crate::lang::Words;
use crate::report::Rejection;
use crate::store::Report;
use crate::web::html::{Html, html, link, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{ReportFacts, Site, View};

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let before = query.take("before");
    let part = view.reports(before.as_deref())?;
    let words = Words::of(&site.language);
    let mut table = Table::new([
        "Day",
        "Report",
        "Rows",
        "Matched",
        "Unassigned",
        "Ambiguous",
        "Unattributable",
        "Outside",
        "Rejected",
    ]);
    for (file, report) in &part.rows {
        let counts = &report.counts;
        let title = words.report_named(&report.kind);
        let title = if title.is_empty() { "unknown type" } else { title };
        let one = link("/report", &[("file", file)]);
        let note = note(report).map(|note| html!("<span class=\"line warn\">", note, "</span>"));
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
            number(counts.rows),
            number(counts.matched),
            number(counts.unassigned),
            number(counts.ambiguous),
            number(counts.unattributable),
            number(counts.outside),
            number(counts.rejected),
        ]);
    }
    let body = html!(
        "<h1>Reports</h1><p class=\"dim\">In the order of their file names, the newest day first.</p>",
        table.or_say("No report has been taken in yet."),
        pager("/reports", &[], before.as_deref(), part.next),
    );
    Ok(Page { title: "Reports".to_owned(), entry: "/reports", body })
}

pub(crate) fn one(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let file = query.take("file").ok_or(Fault::NotFound)?;
    let from = query.take_as::<u64>("line", "Write a number for line.")?.unwrap_or(0);
    let ReportFacts { report, rejected } = view.report(&file, from)?.ok_or(Fault::NotFound)?;
    let words = Words::of(&site.language);
    let title = words.report_named(&report.kind);
    let title = if title.is_empty() { &file } else { title };

    let mut facts = Facts::default();
    facts.add("File", Some(html!("<span class=\"cell\">", file, "</span>")));
    facts.add("Type", (!report.kind.is_empty()).then(|| html!("<code>", report.kind, "</code>")));
    facts.add("Report day", Some(html!(report.day.to_string())));
    facts.add("Taken in", Some(time(report.finished, &site.zone)));
    facts.add("Note", note(&report));
    facts.add("Rows", Some(html!(report.counts.rows)));
    facts.add(
        "Surplus cells",
        (report.surplus_cells > 0).then(|| html!(report.surplus_cells, ", which belong to no column")),
    );
    for (reason, count) in Rejection::ALL.into_iter().zip(report.rejected_by) {
        facts.add(&format!("Rejected: {}", meaning(reason.word())), (count > 0).then(|| html!(count)));
    }

    let mut table = Table::new(["Line", "Why", "The text at fault"]);
    for (line, row) in &rejected.rows {
        table.row([
            html!(*line),
            html!(meaning(&row.reason)),
            html!("<span class=\"cell\">", row.detail, "</span>"),
        ]);
    }
    let next = rejected.next.map(|line| {
        let more = link("/report", &[("file", &file), ("line", &line.to_string())]);
        html!("<p class=\"pager\"><a rel=\"next\" href=\"", more, "\">Further lines</a></p>")
    });
    let body = html!(
        "<p class=\"up\"><a href=\"/reports\">Reports</a></p><h1>",
        title,
        " <span class=\"dim\">",
        report.day.to_string(),
        "</span></h1>",
        facts.done(),
        accounting(&report.counts),
        "<h2>Rejected rows</h2>",
        table.or_say(if from > 0 { "No further ones are kept." } else { "None." }),
        next,
    );
    Ok(Page { title: title.to_owned(), entry: "/reports", body })
}

fn note(report: &Report) -> Option<Html> {
    match (&report.duplicate_of, &report.unreadable) {
        (Some(of), _) => Some(html!("the same as ", of)),
        (None, Some(why)) => Some(html!("cannot be read: ", why)),
        (None, None) => None,
    }
}

/// A zero is not worth a look.
fn number(count: u64) -> Html {
    if count == 0 { html!("<span class=\"dim zero\">0</span>") } else { html!(count) }
}

/// What a word of [`Rejection`] means; the word itself where it is none of this version's.
fn meaning(word: &str) -> &str {
    REJECTIONS.iter().find(|(known, _)| *known == word).map_or(word, |(_, meaning)| meaning)
}

const REJECTIONS: &[(&str, &str)] = &[
    (Rejection::Time.word(), "the time cannot be read"),
    (Rejection::Address.word(), "the address cannot be read"),
    (Rejection::RepeatedHeader.word(), "the header again"),
    (Rejection::UnclosedQuote.word(), "a quote is opened and never closed"),
    (Rejection::TooLong.word(), "too long"),
];
