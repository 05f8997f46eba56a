//! All problems, and one with everything that is known of it.

use super::{COMMAND_LINE, Facts, Page, Table, customer, pager, select, when};
use crate::clock::Timestamp;
use crate::incident::policy::local_day;
use crate::incident::{Incident, Ownership, State, batch};
use crate::lang::Words;
use crate::notify::{compose, outbox};
use crate::report::kind::{Nature, Severity};
use crate::report::{column, text};
use crate::web::html::{Html, html, link, put, severity, time};
use crate::web::page::mails;
use crate::web::router::{Fault, Query};
use crate::web::view::{IncidentRow, ROWS_MAX, Search, Site, View, Wanted};

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query, now: Timestamp) -> Result<Page, Fault> {
    let asked = query.take("q").unwrap_or_default();
    let state = query.take("state").unwrap_or_default();
    let level = query.take("severity").unwrap_or_default();
    let before = query.take_as::<u64>("before", "Write a number for before.")?;
    let states: &[State] = match STATES.iter().find(|(word, ..)| *word == state) {
        Some((.., states)) => states,
        None if state.is_empty() => &[],
        None => return Err(Fault::Query("There is no such state of an incident.")),
    };
    let wanted_severity = match level.as_str() {
        "" => None,
        word => Some(
            Severity::ALL
                .into_iter()
                .find(|severity| severity.word() == word)
                .ok_or(Fault::Query("There is no such severity."))?,
        ),
    };
    let search = match asked.as_str() {
        "" => None,
        text => Some(text.parse().map_or_else(|_| Search::Customer(text.to_owned()), Search::Address)),
    };
    let today = local_day(now, &site.zone);
    let part = view.incidents(&Wanted { search, states, severity: wanted_severity, today }, before)?;

    let words = Words::of(&site.language);
    let levels = Severity::ALL.into_iter().rev().map(|severity| (severity.word(), words.severity(severity)));
    let mut table =
        Table::new(["No.", "Severity", "What", "Where", "Customer", "State", "Last seen", "Rows"]);
    for row in &part.rows {
        let IncidentRow { incident, kind, .. } = row;
        let id = incident.id.to_string();
        table.row([
            html!("<a href=\"/incidents/", id, "\">", id, "</a>"),
            severity(incident.severity, words.severity(incident.severity)),
            html!("<a href=\"/incidents/", id, "\">", words.report_named(kind), "</a>"),
            place(row),
            customer(row.customer.as_ref(), without(incident.ownership)),
            state_badge(incident, incident.state(today)),
            time(incident.last_seen, &site.zone),
            html!(incident.rows()),
        ]);
    }
    let shown = before.map(|before| before.to_string());
    let pairs = [("q", asked.as_str()), ("state", state.as_str()), ("severity", level.as_str())];
    let body = html!(
        "<h1>Incidents</h1><form class=\"filter\" action=\"/incidents\" method=\"get\">",
        "<label class=\"wide\">Address or customer id<input type=\"search\" name=\"q\" maxlength=\"100\" value=\"",
        asked,
        "\"></label>",
        select("state", "State", "any", STATES.iter().map(|(word, name, _)| (*word, *name)), &state),
        select("severity", "Severity", "any", levels, &level),
        "<button>Show</button></form>\n",
        table.or_say(match (part.next.is_some(), before.is_some()) {
            (true, _) => "None among those looked at; older ones may be.",
            (false, true) => "No further incidents.",
            (false, false) => "No such incidents.",
        }),
        pager("/incidents", &pairs, shown.as_deref(), part.next.map(|next| next.to_string())),
    );
    debug_assert!(part.rows.len() <= ROWS_MAX, "a view gives one page at most");
    Ok(Page { title: "Incidents".to_owned(), entry: "/incidents", body })
}

pub(crate) fn one(view: &dyn View, site: &Site, id: u64, now: Timestamp) -> Result<Page, Fault> {
    let facts = view.incident(id)?.ok_or(Fault::NotFound)?;
    let words = Words::of(&site.language);
    let IncidentRow { incident, kind, .. } = &facts.row;
    let state = incident.state(local_day(now, &site.zone));
    let number = id.to_string();

    let mut list = Facts::default();
    list.add("State", Some(html!(state_badge(incident, state), " ", meaning(incident, state, site))));
    let whose = html!("no customer: ", without(incident.ownership));
    let known = facts.row.customer.as_ref();
    list.add("Customer", Some(known.map_or(whose, |_| customer(known, ""))));
    list.add("Where", Some(place(&facts.row)));
    let mut more = Html::default();
    for address in &incident.more_addresses {
        put!(more, "<code>", address.to_string(), "</code> ");
    }
    list.add("Earlier addresses", (!incident.more_addresses.is_empty()).then_some(more));
    list.add("First seen", Some(when(incident.first_seen, site, now)));
    list.add("Last seen", Some(when(incident.last_seen, site, now)));
    let (days, rows) = (u64::from(incident.days_seen), incident.rows());
    list.add("How often", Some(html!("report days: ", days, ", rows: ", rows)));
    list.add(
        "Kind",
        Some(match incident.nature {
            Nature::Compromised => html!("compromised: somebody is in the machine already"),
            Nature::Exposed => html!("exposed: somebody could get in, or misuse it"),
        }),
    );
    list.add("Report type", Some(html!("<code>", kind, "</code>")));
    list.add(
        "Newest row",
        facts.file.as_ref().map(|file| {
            let report = link("/report", &[("file", file)]);
            html!("line ", incident.evidence.line, " of <a href=\"", report, "\">", file, "</a>")
        }),
    );

    let mut evidence = Facts::default();
    let mut any = false;
    for (number, cell) in batch::shown_cells(&incident.evidence.shown) {
        let Some(name) = column::name(number).filter(|_| !cell.is_empty()) else { continue };
        any = true;
        evidence
            .add(words.column(name), Some(html!("<span class=\"cell\">", text(cell).as_ref(), "</span>")));
    }
    let evidence =
        if any { evidence.done() } else { html!("<p class=\"none\">The row says nothing more.</p>") };

    let mut told = Table::new(["Mail", "State", "When"]);
    for (number, notice) in facts.notices.iter().rev() {
        let (number, name) = (number.to_string(), compose::reference(*number));
        told.row(match notice {
            Some(notice) => [
                html!("<a href=\"/mail/", number, "\">", name, "</a>"),
                mails::state_badge(outbox::state(notice, None)),
                time(notice.done.as_ref().map_or(notice.created, |(at, _)| *at), &site.zone),
            ],
            None => [html!(name), html!("<span class=\"dim\">forgotten</span>"), Html::default()],
        });
    }
    let title = words.report_named(kind);
    let body = html!(
        "<p class=\"up\"><a href=\"/incidents\">Incidents</a></p><h1>",
        severity(incident.severity, words.severity(incident.severity)),
        " ",
        title,
        " <span class=\"dim\">no. ",
        number,
        "</span></h1>",
        list.done(),
        "<h2>What was seen last</h2>",
        evidence,
        "<h2>Mails that told it</h2>",
        told.or_say("None yet."),
        "<h2>To change it</h2><p>",
        COMMAND_LINE,
        "</p><pre>abusebox incidents close ",
        number,
        "\nabusebox incidents mute ",
        number,
        " --until 2030-12-31\nabusebox incidents reopen ",
        number,
        "</pre>",
    );
    Ok(Page { title: format!("{title} no. {number}"), entry: "/incidents", body })
}

/// Address, port and protocol.
fn place(row: &IncidentRow) -> Html {
    let evidence = &row.incident.evidence;
    let mut place = match row.incident.place(&row.key) {
        Some(place) => html!("<code>", place, "</code>"),
        None => html!("<span class=\"dim\">no address</span>"),
    };
    if let Some(port) = evidence.port {
        put!(place, " <span class=\"dim nowrap\">port ", port, " ", evidence.protocol, "</span>");
    }
    place
}

fn without(ownership: Ownership) -> &'static str {
    match ownership {
        Ownership::Customer => "not known any more",
        Ownership::Unassigned => "unassigned",
        Ownership::Ambiguous => "ambiguous",
        Ownership::Unattributable => "unattributable",
    }
}

fn state_badge(incident: &Incident, state: State) -> Html {
    let again = if incident.again { " again" } else { "" };
    html!("<span class=\"badge i-", state.word(), "\">", state.word(), again, "</span>")
}

fn meaning(incident: &Incident, state: State, site: &Site) -> Html {
    match (state, incident.told, incident.quiet_until, incident.closed) {
        (State::Open, ..) => html!("not told yet"),
        (State::Told, Some((at, _)), ..) => html!("since ", time(at, &site.zone)),
        (State::Quiet, _, Some(until), _) => html!("muted through ", until.to_string()),
        (State::Closed, .., Some(at)) => html!("since ", time(at, &site.zone)),
        _ => Html::default(),
    }
}

/// Words of the filter, their names and the states they stand for.
const STATES: &[(&str, &str, &[State])] = &[
    ("current", "all but closed", &[State::Open, State::Told, State::Quiet]),
    ("open", "open: not told yet", &[State::Open]),
    ("told", "told", &[State::Told]),
    ("quiet", "quiet: muted", &[State::Quiet]),
    ("closed", "closed", &[State::Closed]),
];
