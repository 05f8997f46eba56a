//! Is it working, and what needs a person first.

use super::setup::{self, Step};
use super::{Facts, Page, mode, sentence, trend, when};
use crate::clock::{Doubt, Timestamp};
use crate::config::Missing;
use crate::lang::fill;
use crate::report::kind::Severity;
use crate::store::Counts;
use crate::web::hand::Hand;
use crate::web::html::{Html, Value, html, link, phrase, put};
use crate::web::router::Fault;
use crate::web::view::{Overview, Site, Tally, View};
use crate::web::words::{PageWords, Rows};

pub(crate) fn show(view: &dyn View, hand: &dyn Hand, site: &Site, now: Timestamp) -> Result<Page, Fault> {
    let overview = view.overview(now)?;
    let t = site.words();
    let (class, headline, sentence) = headline(&overview, t);
    let Tally { held, queued, sent, failed, .. } = overview.tally;
    let open: u64 = overview.tally.open.iter().sum();
    let mut body = html!(
        "<section class=\"state ",
        class,
        "\"><h1>",
        headline,
        "</h1><p>",
        sentence,
        "</p></section>\n",
        needs(&overview, setup::next_step(&overview, hand, site), site, now),
        "<div class=\"cards\"><section><h2>",
        t.overview.open_incidents,
        "</h2><p class=\"big\"><a href=\"/incidents?state=current\">",
        t.number(open),
        "</a></p>",
        by_severity(&overview.tally, site),
        "</section>\n<section><h2>",
        t.overview.mail,
        "</h2><ul class=\"counts\">",
    );
    for (count, state, name, class) in [
        (held, "held", t.overview.mail_held, "warn"),
        (queued, "queued", t.overview.mail_queued, ""),
        (sent, "sent", t.overview.mail_sent, ""),
        (failed, "failed", t.overview.mail_failed, "bad"),
    ] {
        let class = if count > 0 { class } else { "dim" };
        put!(
            body,
            "<li class=\"",
            class,
            "\"><a href=\"",
            link("/mail", &[("state", state)]),
            "\"><b>",
            t.number(count),
            "</b> ",
            name,
            "</a></li>",
        );
    }
    put!(
        body,
        "</ul></section>\n",
        trend::show(&overview.trend, t),
        "<section><h2>",
        t.overview.newest_day,
        "</h2>",
        report_day(&overview.tally, t),
        "</section>\n"
    );
    let (_, word, about) = mode(site.mode, t);
    let mut facts = Facts::default();
    facts.add(t.overview.mode, Some(html!("<b>", word, "</b> <span class=\"dim\">", about, "</span>")));
    let last = overview.last_fetch.map_or_else(|| html!(t.overview.never), |at| when(at, site, now));
    let under_way = overview.is_fetching.then(|| html!(", ", t.overview.under_way));
    facts.add(t.overview.last_fetch, Some(html!(last, under_way)));
    let soon = |at| crate::web::html::time(at, &site.zone);
    facts.add(t.overview.next_fetch, overview.next_fetch.filter(|at| *at > now).map(soon));
    let ownerless = html!("<a href=\"/unassigned\">", t.ownerless.title, "</a>");
    let customers = html!("<a href=\"/customers\">", t.number(overview.customers), "</a> \u{b7} ", ownerless);
    facts.add(t.overview.customers, Some(customers));
    let right = match overview.clock_doubt {
        None => t.overview.clock_right,
        Some(_) => t.overview.clock_doubtful,
    };
    let clock = now.in_zone(&site.zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    facts.add(t.overview.clock, Some(html!(clock, " <span class=\"dim\">", right, "</span>")));
    put!(body, "<section><h2>", t.overview.the_box, "</h2>", facts.done(), "</section></div>");
    Ok(Page { title: t.overview.title.to_owned(), entry: "/", body })
}

/// (class, headline, sentence)
fn headline(overview: &Overview, t: &PageWords) -> (&'static str, &'static str, &'static str) {
    let t = &t.overview;
    match overview.clock_doubt {
        Some(Doubt::Behind) => return ("bad", t.clock_behind, t.clock_behind_about),
        Some(Doubt::Unconfirmed) => return ("warn", t.clock_unconfirmed, t.clock_unconfirmed_about),
        None => {}
    }
    if !overview.missing.is_empty() {
        return ("warn", t.missing, t.missing_about);
    }
    if !overview.alarms.is_empty() {
        return ("bad", t.alarms, t.alarms_about);
    }
    if overview.tally.held > 0 {
        return ("warn", t.held, t.held_about);
    }
    match overview.last_fetch {
        None if overview.is_fetching => ("good", t.first_reports, t.first_reports_about),
        None => ("warn", t.starting, t.starting_about),
        Some(_) => ("good", t.well, t.well_about),
    }
}

/// What a person should do, the most pressing first.
fn needs(overview: &Overview, next: Option<&Step>, site: &Site, now: Timestamp) -> Html {
    let t = site.words();
    let mut items = Html::default();
    let clock = match overview.clock_doubt {
        Some(Doubt::Behind) => Some(("bad", t.overview.set_clock, t.overview.set_clock_why)),
        Some(Doubt::Unconfirmed) => Some(("warn", t.overview.asks_servers, t.overview.asks_servers_why)),
        None => None,
    };
    if let Some((class, what, why)) = clock {
        put!(items, "<li class=\"", class, "\"><b>", what, "</b> ", why, "</li>");
    }
    for (code, alarm) in &overview.alarms {
        // The details are what the log says.
        let meaning = site.terms().alarm(code).map(|meaning| html!("<b>", phrase(meaning, &[]), "</b> "));
        put!(
            items,
            "<li class=\"bad\">",
            meaning,
            "<span lang=\"en\">",
            sentence(&alarm.text),
            "</span> <span class=\"dim\">",
            t.ago(alarm.since, now),
            "</span></li>"
        );
    }
    if let Some(step) = next {
        let all = html!("<a href=\"/setup\">", t.setup.title, "</a>");
        let words = [("all", &all as &dyn Value), ("step", &setup::way(step, t))];
        put!(items, "<li class=\"warn\">", phrase(t.setup.next_is, &words), "</li>");
    }
    for missing in &overview.missing {
        let (place, what) = (setup::place_of(*missing), phrase(to_set(*missing, t), &[]));
        put!(items, "<li class=\"warn\"><a href=\"", place, "\">", what, "</a></li>");
    }
    if overview.customers == 0 {
        let what = phrase(t.overview.no_customers, &[]);
        put!(items, "<li class=\"warn\"><a href=\"/setup/4\">", what, "</a></li>");
    }
    let held = overview.tally.held;
    if held > 0 {
        let mails = t.count(held, t.overview.wait_one, t.overview.wait_many);
        let mails = html!("<a href=\"/mail?state=held\">", mails, "</a>");
        let way = html!("<a href=\"/mail/held\">", t.overview.wait_way, "</a>");
        put!(
            items,
            "<li class=\"warn\">",
            phrase(t.overview.wait, &[("mails", &mails), ("way", &way)]),
            "</li>"
        );
    }
    if items == Html::default() {
        return items;
    }
    let name = if site.box_name.is_empty() { "abusebox" } else { &site.box_name };
    let label = fill(t.overview.needs, &[("name", name)]);
    html!("<section class=\"needs\" aria-label=\"", label, "\"><ul>", items, "</ul></section>\n")
}

fn to_set(missing: Missing, t: &PageWords) -> &'static str {
    let t = &t.unset;
    match missing {
        Missing::Key => t.key,
        Missing::Secret => t.secret,
        Missing::Networks => t.networks,
        Missing::AbuseAddress => t.abuse_address,
        Missing::OperatorAddress => t.operator_address,
        Missing::MailServer => t.mail_server,
    }
}

fn by_severity(tally: &Tally, site: &Site) -> Html {
    let words = site.terms();
    let worst = tally.open.iter().copied().max().unwrap_or(0).max(1);
    let mut list = html!("<ul class=\"bars\">");
    for severity in Severity::ALL.into_iter().rev() {
        let count = tally.open[severity as usize];
        let all = link("/incidents", &[("state", "current"), ("severity", severity.word())]);
        // A width is an attribute of the drawing: our policy forbids styles in the page.
        let width = if count == 0 { 0 } else { (count.saturating_mul(100) / worst).max(1) };
        put!(
            list,
            "<li><a href=\"",
            all,
            "\"><span>",
            words.severity(severity),
            "</span>",
            "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
            "<rect class=\"f-",
            severity.word(),
            "\" width=\"",
            width.to_string(),
            "\" height=\"8\"/></svg><b>",
            site.words().number(count),
            "</b></a></li>"
        );
    }
    put!(list, "</ul>");
    list
}

fn report_day(tally: &Tally, t: &PageWords) -> Html {
    let Some((day, reports, counts)) = &tally.day else {
        return html!("<p class=\"none\">", t.overview.no_report, "</p>");
    };
    html!(
        "<p class=\"big\"><a href=\"/reports\">",
        day.to_string(),
        "</a></p><p class=\"dim\">",
        t.count(*reports, t.overview.reports_one, t.overview.reports_many),
        ", ",
        t.count(counts.rows, t.overview.rows_one, t.overview.rows_many),
        "</p>",
        accounting(counts, t)
    )
}

/// What became of the rows of reports, as a bar and in words.
pub(crate) fn accounting(counts: &Counts, t: &PageWords) -> Html {
    let (mut bar, mut legend) = (Html::default(), Html::default());
    let mut before = 0;
    for (count, class, name, meaning) in parts(counts, &t.rows) {
        if count == 0 {
            continue;
        }
        let x = before * 1_000 / counts.rows.max(1);
        before += count;
        let width = (before * 1_000 / counts.rows.max(1)).saturating_sub(x);
        let (x, width) = (x.to_string(), width.to_string());
        put!(bar, "<rect class=\"f-", class, "\" x=\"", x, "\" width=\"", width, "\" height=\"10\"/>");
        put!(
            legend,
            "<li title=\"",
            meaning,
            "\"><svg class=\"dot\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><circle class=\"f-",
            class,
            "\" cx=\"5\" cy=\"5\" r=\"5\"/></svg>",
            name,
            " <b>",
            t.number(count),
            "</b></li>"
        );
    }
    html!(
        "<svg class=\"stack\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
        bar,
        "</svg><ul class=\"legend\">",
        legend,
        "</ul>"
    )
}

/// (rows, class, name, meaning)
fn parts(counts: &Counts, t: &Rows) -> [(u64, &'static str, &'static str, &'static str); 6] {
    [
        (counts.matched, "matched", t.matched, t.about_matched),
        (counts.unassigned, "unassigned", t.unassigned, t.about_unassigned),
        (counts.ambiguous, "ambiguous", t.ambiguous, t.about_ambiguous),
        (counts.unattributable, "unattributable", t.unattributable, t.about_unattributable),
        (counts.outside, "outside", t.outside, t.about_outside),
        (counts.rejected, "rejected", t.rejected, t.about_rejected),
    ]
}
