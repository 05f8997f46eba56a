//! Is it working, and what needs a person first.

use super::{Facts, Page, mode, when};
use crate::clock::{Doubt, Timestamp};
use crate::lang::Words;
use crate::report::kind::Severity;
use crate::store::Counts;
use crate::web::html::{Html, ago, html, link, put};
use crate::web::router::Fault;
use crate::web::view::{Overview, Site, Tally, View};

pub(crate) fn show(view: &dyn View, site: &Site, now: Timestamp) -> Result<Page, Fault> {
    let overview = view.overview(now)?;
    let (class, headline, sentence) = headline(&overview);
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
        needs(&overview, site, now),
        "<div class=\"cards\"><section><h2>Open incidents</h2><p class=\"big\"><a href=\"/incidents?state=current\">",
        open,
        "</a></p>",
        by_severity(&overview.tally, site),
        "</section>\n<section><h2>Mail</h2><ul class=\"counts\">",
    );
    for (count, state, name, class) in [
        (held, "held", "held, waiting for release", "warn"),
        (queued, "queued", "on the way", ""),
        (sent, "sent", "sent in the last 24 hours", ""),
        (failed, "failed", "failed in the last 24 hours", "bad"),
    ] {
        let class = if count > 0 { class } else { "dim" };
        put!(
            body,
            "<li class=\"",
            class,
            "\"><a href=\"",
            link("/mail", &[("state", state)]),
            "\"><b>",
            count,
            "</b> ",
            name,
            "</a></li>",
        );
    }
    put!(
        body,
        "</ul></section>\n<section><h2>Newest report day</h2>",
        report_day(&overview.tally),
        "</section>\n"
    );
    let (word, meaning) = mode(site.mode);
    let mut facts = Facts::default();
    facts.add("Mode", Some(html!("<b>", word, "</b> <span class=\"dim\">", meaning, "</span>")));
    let last = overview.last_fetch.map_or_else(|| html!("never"), |at| when(at, site, now));
    let under_way = overview.is_fetching.then(|| html!(", and under way now"));
    facts.add("Last fetch", Some(html!(last, under_way)));
    let soon = |at| crate::web::html::time(at, &site.zone);
    facts.add("Next fetch", overview.next_fetch.filter(|at| *at > now).map(soon));
    facts.add("Customers", Some(html!("<a href=\"/customers\">", overview.customers, "</a>")));
    let right = match overview.clock_doubt {
        None => "right, as far as can be told",
        Some(_) => "not trusted",
    };
    let clock = now.in_zone(&site.zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    facts.add("Clock", Some(html!(clock, " <span class=\"dim\">", right, "</span>")));
    put!(body, "<section><h2>The box</h2>", facts.done(), "</section></div>");
    Ok(Page { title: "Overview".to_owned(), entry: "/", body })
}

fn headline(overview: &Overview) -> (&'static str, &'static str, &'static str) {
    match overview.clock_doubt {
        Some(Doubt::Behind) => {
            return ("bad", "The clock is wrong", "Nothing is fetched or sent until it is right.");
        }
        Some(Doubt::Unconfirmed) => {
            return ("warn", "Waiting for the time", "Nothing is fetched or sent until the clock is set.");
        }
        None => {}
    }
    if !overview.missing.is_empty() {
        return ("warn", "Not set up yet", "Some settings are missing before it can work by itself.");
    }
    if !overview.alarms.is_empty() {
        return ("bad", "Something needs you", "abusebox goes on with everything else.");
    }
    if overview.tally.held > 0 {
        return ("warn", "Mails wait for you", "Look at one or two of them, then release them.");
    }
    match overview.last_fetch {
        None if overview.is_fetching => {
            ("good", "The first reports are coming in", "This may take some minutes.")
        }
        None => ("warn", "Starting", "Shadowserver has not answered yet."),
        Some(_) => ("good", "All is well", "Nothing needs you."),
    }
}

/// What a person should do, the most pressing first.
fn needs(overview: &Overview, site: &Site, now: Timestamp) -> Html {
    let mut items = Html::default();
    match overview.clock_doubt {
        Some(Doubt::Behind) => put!(
            items,
            "<li class=\"bad\"><b>Set the clock of this machine.</b> It shows a time before the newest record or before ",
            "this version was made.</li>"
        ),
        Some(Doubt::Unconfirmed) => put!(
            items,
            "<li class=\"warn\"><b>The box asks time servers.</b> If none of them helps, it says here what to do.</li>"
        ),
        None => {}
    }
    for alarm in &overview.alarms {
        let since = ago(alarm.since, now);
        put!(
            items,
            "<li class=\"bad\">",
            sentence(&alarm.text),
            " <span class=\"dim\">",
            since,
            "</span></li>"
        );
    }
    for sentence in &overview.missing {
        put!(items, "<li class=\"warn\">", sentence, "</li>");
    }
    if overview.customers == 0 {
        put!(
            items,
            "<li class=\"warn\">No customer is known: put the customer file in place, or run ",
            "<code>abusebox customers import FILE</code>.</li>"
        );
    }
    if overview.tally.held > 0 {
        put!(
            items,
            "<li class=\"warn\"><a href=\"/mail?state=held\">",
            overview.tally.held,
            " mails</a> wait for release: <code>abusebox outbox release --all</code></li>"
        );
    }
    if items == Html::default() {
        return items;
    }
    let name = if site.box_name.is_empty() { "abusebox" } else { &site.box_name };
    html!("<section class=\"needs\" aria-label=\"What ", name, " needs\"><ul>", items, "</ul></section>\n")
}

/// Log lines begin small and end open.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn by_severity(tally: &Tally, site: &Site) -> Html {
    let words = Words::of(&site.language);
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
            width,
            "\" height=\"8\"/></svg><b>",
            count,
            "</b></a></li>"
        );
    }
    put!(list, "</ul>");
    list
}

fn report_day(tally: &Tally) -> Html {
    let Some((day, reports, counts)) = &tally.day else {
        return html!("<p class=\"none\">No report has been taken in yet.</p>");
    };
    let unit = if *reports == 1 { "report" } else { "reports" };
    html!(
        "<p class=\"big\"><a href=\"/reports\">",
        day.to_string(),
        "</a></p><p class=\"dim\">",
        reports,
        " ",
        unit,
        ", ",
        counts.rows,
        " rows</p>",
        accounting(counts)
    )
}

/// What became of the rows of reports, as a bar and in words.
pub(crate) fn accounting(counts: &Counts) -> Html {
    let (mut bar, mut legend) = (Html::default(), Html::default());
    let mut before = 0;
    for (count, class, name, meaning) in parts(counts) {
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
            count,
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
fn parts(counts: &Counts) -> [(u64, &'static str, &'static str, &'static str); 6] {
    [
        (counts.matched, "matched", "matched", "A customer is known for the address at that time."),
        (
            counts.unassigned,
            "unassigned",
            "unassigned",
            "Inside our networks, but no customer has the address.",
        ),
        (counts.ambiguous, "ambiguous", "ambiguous", "Two customers have the address."),
        (
            counts.unattributable,
            "unattributable",
            "unattributable",
            "There is no address, or only a lease or port log could tell whose it was.",
        ),
        (counts.outside, "outside", "outside", "Not in our networks."),
        (counts.rejected, "rejected", "rejected", "The row cannot be read."),
    ]
}
