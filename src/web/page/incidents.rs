//! All problems, and one with everything that is known of it.

use std::net::IpAddr;

use super::{Facts, Page, Table, acting, customer, pager, select, select_type, when};
use crate::clock::Timestamp;
use crate::incident::policy::local_day;
use crate::incident::{Incident, Ownership, State, batch};
use crate::lang::fill;
use crate::notify::{compose, outbox};
use crate::report::kind::{Nature, Severity};
use crate::report::{column, text};
use crate::web::access::Who;
use crate::web::html::{Html, Value, html, link, phrase, put, severity, time};
use crate::web::page::mails;
use crate::web::router::{Fault, Query};
use crate::web::view::{Cursor, IncidentRow, Order, ROWS_MAX, Site, SortBy, View, Wanted};
use crate::web::words::PageWords;

pub(crate) fn list(
    view: &dyn View,
    site: &Site,
    query: &mut Query,
    who: &Who,
    now: Timestamp,
) -> Result<Page, Fault> {
    let asked = query.take("q").unwrap_or_default();
    let kind = query.take("report").unwrap_or_default();
    let state = query.take("state").unwrap_or_default();
    let level = query.take("severity").unwrap_or_default();
    let sort = query.take("sort").unwrap_or_default();
    let after = query.take_as::<Cursor>("before", |t| t.asked.before)?;
    let states: &[State] = match STATES.iter().find(|(word, _)| *word == state) {
        Some((_, states)) => states,
        None if state.is_empty() => &[],
        None => return Err(Fault::Query(|t| t.asked.incident_state)),
    };
    let wanted_severity = match level.as_str() {
        "" => None,
        word => Some(
            Severity::ALL
                .into_iter()
                .find(|severity| severity.word() == word)
                .ok_or(Fault::Query(|t| t.asked.severity))?,
        ),
    };
    let order = match sort.as_str() {
        "" => Order::default(),
        word => order_of(word).ok_or(Fault::Query(|t| t.asked.order))?,
    };
    let address = asked.parse::<IpAddr>().ok();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let today = local_day(now, &site.zone);
    let wanted = Wanted {
        address,
        customer: some(&asked).filter(|_| address.is_none()),
        kind: some(&kind),
        states,
        severity: wanted_severity,
        today,
        order,
    };
    let part = view.incidents(&wanted, after)?;

    let (t, words) = (site.words(), site.terms());
    let levels = Severity::ALL.into_iter().rev().map(|severity| (severity.word(), words.severity(severity)));
    let heads = &t.incidents;
    let mut table = Table::new([
        heads.number,
        heads.severity,
        heads.what,
        heads.place,
        heads.customer,
        heads.state,
        heads.last_seen,
        heads.rows,
    ])
    .with_numbers_from(7);
    let filter = [("q", &*asked), ("report", &*kind), ("state", &*state), ("severity", &*level)];
    for (column, word, by) in SORTS {
        let is_by = order.by == by;
        // First the largest and the newest, but of names the first.
        let is_rising = if is_by { !order.is_rising } else { by == SortBy::Customer };
        let wanted = word_of(Order { by, is_rising }, word);
        let pairs: Vec<_> = filter.into_iter().chain([("sort", wanted.as_str())]).collect();
        table.sort(column, link("/incidents", &pairs), is_by.then_some(order.is_rising));
    }
    for row in &part.rows {
        let IncidentRow { incident, kind, .. } = row;
        let id = incident.id.to_string();
        table.row([
            html!(acting::choice(who, incident.id), "<a href=\"/incidents/", id, "\">", id, "</a>"),
            severity(incident.severity, words.severity(incident.severity)),
            html!("<a href=\"/incidents/", id, "\">", words.report_named(kind), "</a>"),
            place(row, t),
            customer(row.customer.as_ref(), without(incident.ownership, t)),
            state_badge(incident, incident.state(today), t),
            time(incident.last_seen, &site.zone),
            html!(t.number(incident.rows())),
        ]);
    }
    let shown = after.map(|after| after.to_string());
    let pairs: Vec<_> = filter.into_iter().chain([("sort", &*sort)]).collect();
    let here: Vec<_> =
        pairs.iter().copied().chain([("before", shown.as_deref().unwrap_or_default())]).collect();
    let table = table.or_say(match (part.next.is_some(), after.is_some()) {
        (true, _) => t.frame.none_yet_looked_at,
        (false, true) => t.incidents.no_further,
        (false, false) => t.incidents.none,
    });
    let table = match part.rows.as_slice() {
        [] => table,
        _ => {
            let acts = html!("<h2>", t.acts.chosen, "</h2>", acting::on_incidents(today, t));
            acting::chooser(who, "/incidents/change", &link("/incidents", &here), table, acts)
        }
    };
    let body = html!(
        "<h1>",
        t.incidents.title,
        "</h1><form class=\"filter\" action=\"/incidents\" method=\"get\"><label class=\"wide\">",
        t.incidents.search,
        "<input type=\"search\" name=\"q\" maxlength=\"100\" value=\"",
        asked,
        "\"></label>",
        select_type("report", t.incidents.report_type, view, site, &kind)?,
        select("state", t.incidents.state, t.frame.any, choices(t), &state),
        select("severity", t.incidents.severity, t.frame.any, levels, &level),
        (!sort.is_empty()).then(|| html!("<input type=\"hidden\" name=\"sort\" value=\"", sort, "\">")),
        "<button>",
        t.frame.show,
        "</button></form>\n",
        table,
        pager(t, "/incidents", &pairs, shown.as_deref(), part.next.map(|next| next.to_string())),
    );
    debug_assert!(part.rows.len() <= ROWS_MAX, "a view gives one page at most");
    Ok(Page { title: t.incidents.title.to_owned(), entry: "/incidents", body })
}

pub(crate) fn one(view: &dyn View, site: &Site, id: u64, who: &Who, now: Timestamp) -> Result<Page, Fault> {
    let facts = view.incident(id)?.ok_or(Fault::NotFound)?;
    let telling = view.telling(id, now)?;
    let (t, words) = (site.words(), site.terms());
    let say = &t.incidents;
    let IncidentRow { incident, kind, .. } = &facts.row;
    let today = local_day(now, &site.zone);
    let state = incident.state(today);
    let number = id.to_string();

    let mut list = Facts::default();
    list.add(say.state, Some(html!(state_badge(incident, state, t), " ", meaning(incident, state, site))));
    let whose = phrase(say.no_customer, &[("why", &without(incident.ownership, t))]);
    let known = facts.row.customer.as_ref();
    list.add(say.customer, Some(known.map_or(whose, |_| customer(known, ""))));
    list.add(say.place, Some(place(&facts.row, t)));
    let mut more = Html::default();
    for address in &incident.more_addresses {
        put!(more, "<code>", address.to_string(), "</code> ");
    }
    list.add(say.earlier, (!incident.more_addresses.is_empty()).then_some(more));
    list.add(say.first_seen, Some(when(incident.first_seen, site, now)));
    list.add(say.last_seen, Some(when(incident.last_seen, site, now)));
    let (days, rows) = (t.number(u64::from(incident.days_seen)), t.number(incident.rows()));
    list.add(say.how_often, Some(phrase(say.days_rows, &[("days", &days), ("rows", &rows)])));
    list.add(
        say.nature,
        Some(match incident.nature {
            Nature::Compromised => html!(say.compromised),
            Nature::Exposed => html!(say.exposed),
        }),
    );
    list.add(say.report_type, Some(html!("<code>", kind, "</code>")));
    list.add(
        say.newest_row,
        facts.file.as_ref().map(|file| {
            let report = link("/report", &[("file", file)]);
            let file = html!("<a href=\"", report, "\">", file, "</a>");
            phrase(say.line_of, &[("line", &t.number(incident.evidence.line)), ("file", &file)])
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
    let evidence = if any { evidence.done() } else { html!("<p class=\"none\">", say.nothing_more, "</p>") };

    let mut told = Table::new([say.mail, say.state, say.when]);
    for (number, notice) in facts.notices.iter().rev() {
        let (number, name) = (number.to_string(), compose::reference(*number));
        told.row(match notice {
            Some(notice) => [
                html!("<a href=\"/mail/", number, "\">", name, "</a>"),
                mails::state_badge(outbox::state(notice, None), t),
                time(notice.done.as_ref().map_or(notice.created, |(at, _)| *at), &site.zone),
            ],
            None => [html!(name), html!("<span class=\"dim\">", say.forgotten, "</span>"), Html::default()],
        });
    }
    let title = words.report_named(kind);
    let name = fill(say.numbered, &[("number", &number)]);
    let body = html!(
        "<p class=\"up\"><a href=\"/incidents\">",
        say.title,
        "</a></p><h1>",
        severity(incident.severity, words.severity(incident.severity)),
        " ",
        title,
        " <span class=\"dim\">",
        name,
        "</span></h1>",
        list.done(),
        "<h2>",
        say.evidence,
        "</h2>",
        evidence,
        telling.map(|telling| super::telling::show(&telling, &facts, site, now)),
        "<h2>",
        say.mails,
        "</h2>",
        told.or_say(say.no_mails),
        acting::notes(&facts.notes, site),
        acting::one(who, "/incidents/change", id, acting::on_incidents(today, t)),
    );
    Ok(Page { title: format!("{title} {name}"), entry: "/incidents", body })
}

/// Address, port and protocol.
pub(crate) fn place(row: &IncidentRow, t: &PageWords) -> Html {
    let evidence = &row.incident.evidence;
    let mut place = match row.incident.place(&row.key) {
        Some(place) => html!("<code>", place, "</code>"),
        None => html!("<span class=\"dim\">", t.incidents.no_address, "</span>"),
    };
    if let Some(port) = evidence.port {
        let values: [(&str, &dyn Value); 2] = [("port", &port), ("protocol", &&*evidence.protocol)];
        put!(place, " <span class=\"dim nowrap\">", phrase(t.incidents.port, &values), "</span>");
    }
    place
}

fn without(ownership: Ownership, t: &PageWords) -> &'static str {
    match ownership {
        Ownership::Customer => t.incidents.unknown_customer,
        Ownership::Unassigned => t.rows.unassigned,
        Ownership::Ambiguous => t.rows.ambiguous,
        Ownership::Unattributable => t.rows.unattributable,
    }
}

pub(crate) fn state_badge(incident: &Incident, state: State, t: &PageWords) -> Html {
    let t = &t.incidents;
    let name = match state {
        State::Open => t.open,
        State::Told => t.told,
        State::Quiet => t.quiet,
        State::Closed => t.closed,
    };
    let again = incident.again.then(|| html!(" ", t.again));
    html!("<span class=\"badge i-", state.word(), "\">", name, again, "</span>")
}

fn meaning(incident: &Incident, state: State, site: &Site) -> Html {
    let t = &site.words().incidents;
    let since = |at: Timestamp| phrase(t.since, &[("time", &time(at, &site.zone))]);
    match (state, incident.told, incident.quiet_until, incident.closed) {
        (State::Open, ..) => html!(t.not_told),
        (State::Told, Some((at, _)), ..) => since(at),
        (State::Quiet, _, Some(until), _) => phrase(t.muted, &[("day", &until.to_string())]),
        (State::Closed, .., Some(at)) => since(at),
        _ => Html::default(),
    }
}

/// Words of the filter, and the states they stand for.
const STATES: [(&str, &[State]); 5] = [
    ("current", &[State::Open, State::Told, State::Quiet]),
    ("open", &[State::Open]),
    ("told", &[State::Told]),
    ("quiet", &[State::Quiet]),
    ("closed", &[State::Closed]),
];

/// The same words with their names.
fn choices(t: &PageWords) -> impl Iterator<Item = (&'static str, &'static str)> {
    let t = &t.incidents;
    let names = [t.choose_current, t.choose_open, t.told, t.choose_quiet, t.closed];
    STATES.iter().map(|(word, _)| *word).zip(names)
}

/// Columns by which the list can be sorted, and their words in the query.
const SORTS: [(usize, &str, SortBy); 5] = [
    (0, "number", SortBy::Number),
    (1, "severity", SortBy::Severity),
    (4, "customer", SortBy::Customer),
    (6, "last-seen", SortBy::LastSeen),
    (7, "rows", SortBy::Rows),
];

/// What stands in the query for an order; nothing for that which needs no word.
fn word_of(order: Order, word: &str) -> String {
    match order {
        _ if order == Order::default() => String::new(),
        Order { is_rising: true, .. } => format!("{word}{RISING}"),
        _ => word.to_owned(),
    }
}

fn order_of(word: &str) -> Option<Order> {
    let (known, is_rising) = word.strip_suffix(RISING).map_or((word, false), |word| (word, true));
    let (.., by) = SORTS.iter().find(|(_, word, _)| *word == known)?;
    Some(Order { by: *by, is_rising })
}

/// Behind the word of an order.
const RISING: &str = "-rising";
