//! One customer: who it is, what it has, what was found there, and what became of that.

use super::customers::few;
use super::incidents::{place, state_badge};
use super::mails;
use super::{Facts, Page, Table, further, pager, when};
use crate::clock::Timestamp;
use crate::customers::table::Holding;
use crate::incident::policy::local_day;

use crate::notify::compose::reference;
use crate::notify::outbox::Notice;
use crate::web::html::{Html, Value, html, link, phrase, put, severity, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{CustomerFacts, CustomerPage, CustomerRow, Event, MailRow, Site, Turn, View};
use crate::web::words::PageWords;

pub(crate) fn show(view: &dyn View, site: &Site, query: &mut Query, now: Timestamp) -> Result<Page, Fault> {
    let id = query.take_exact("id").ok_or(Fault::NotFound)?;
    let part = query.take("part").unwrap_or_default();
    let from = query.take_as::<usize>("from", |t| t.asked.from)?.unwrap_or(0);
    let before = query.take_as::<u64>("before", |t| t.asked.before)?;
    let page = view.customer_page(&id, from, now)?.ok_or(Fault::NotFound)?;
    let t = site.words();
    let CustomerFacts { customer, .. } = &page.row.facts;
    let here = [("id", id.as_str()), ("part", part.as_str())];
    let leaf = |next: Option<usize>| {
        further(t, "/customer", &here, "from", from > 0, next.map(|next| next.to_string()))
    };
    let (title, content) = match part.as_str() {
        "" => (None, front(view, site, &page, now)?),
        "prefixes" => {
            let rows = &page.prefixes.rows;
            (Some(t.customers.prefixes), html!(prefixes(rows, site), leaf(page.prefixes.next)))
        }
        "mails" => {
            let part = view.customer_mails(&id, before)?;
            let next = part.next.map(|next| next.to_string());
            let before = before.map(|before| before.to_string());
            let turn = pager(t, "/customer", &here, before.as_deref(), next);
            (Some(t.mails.title), html!(mails_of(&part.rows, part.next.is_some(), site), turn))
        }
        "history" => {
            let found = view.customer_history(&id, from)?;
            let rest = (!found.is_whole).then(|| html!("<p class=\"alarm\">", t.customer.not_whole, "</p>"));
            let table = history(&found.part.rows, site);
            let about = html!("<p class=\"dim\">", t.customer.history_about, "</p>");
            (Some(t.customer.history), html!(about, rest, table, leaf(found.part.next)))
        }
        _ => return Err(Fault::Query(|t| t.asked.part)),
    };
    let up = match title {
        None => html!("<a href=\"/customers\">", t.customers.title, "</a>"),
        Some(_) => html!("<a href=\"", to_part(&id, ""), "\">", id, "</a>"),
    };
    let gone = (!page.row.in_newest).then(|| html!("<p class=\"alarm\">", t.customer.not_in_file, "</p>"));
    let body = html!(
        "<p class=\"up\">",
        up,
        "</p><h1>",
        id,
        " <span class=\"dim\">",
        customer.name,
        "</span></h1>",
        gone,
        title.map(|title| html!("<h2>", title, "</h2>")),
        content,
    );
    Ok(Page { title: id.clone(), entry: "/customers", body })
}

/// Something of everything.
fn front(view: &dyn View, site: &Site, page: &CustomerPage, now: Timestamp) -> Result<Html, Fault> {
    let t = site.words();
    let say = &t.customer;
    let CustomerRow { facts, in_newest, open, last_mail } = &page.row;
    let id = facts.customer.id.as_str();
    let mut list = Facts::default();
    let own = facts.language.as_ref().map(|language| html!(language));
    let language = own.unwrap_or_else(|| html!("<span class=\"dim\">", say.language_of_box, "</span>"));
    list.add(t.customers.language, Some(language));
    let mut to = Html::default();
    for address in &facts.mails {
        put!(to, "<span class=\"line cell\">", address, "</span>");
    }
    let to_operator = if *in_newest { say.to_operator } else { say.to_operator_gone };
    list.add(t.customers.mails_to, Some(if facts.mails.is_empty() { html!(to_operator) } else { to }));
    for (name, keys) in [(say.logins, &page.logins), (say.forwards, &page.forwards)] {
        let mut all = Html::default();
        for key in keys {
            put!(all, "<span class=\"line cell\">", key, "</span>");
        }
        list.add(name, (!keys.is_empty()).then_some(all));
    }
    list.add(t.customers.last_mail, Some(last_mail.map_or(html!(say.never), |at| when(at, site, now))));
    list.add(say.mailed, (page.mailed > 0).then(|| html!(t.number(page.mailed))));
    let of_state = |state: &'static str, sentence: &str, count| {
        let all = link("/incidents", &[("q", id), ("state", state)]);
        let name = phrase(sentence, &[("count", &few(count, t))]);
        html!("<a href=\"", all, "\">", name, "</a>")
    };
    let states = html!(
        of_state("current", say.open_all, *open),
        " \u{b7} ",
        of_state("closed", say.closed_all, page.closed)
    );
    list.add(t.incidents.title, Some(states));
    let history = html!("<a href=\"", to_part(id, "history"), "\">", say.history_way, "</a>");
    list.add(say.history, Some(history));

    let words = site.terms();
    let heads = &t.incidents;
    let mut worst =
        Table::new([heads.number, heads.severity, heads.what, heads.place, heads.state, heads.last_seen]);
    for row in &page.worst {
        let (incident, id) = (&row.incident, row.incident.id.to_string());
        worst.row([
            html!("<a href=\"/incidents/", id, "\">", id, "</a>"),
            severity(incident.severity, words.severity(incident.severity)),
            html!("<a href=\"/incidents/", id, "\">", words.report_named(&row.kind), "</a>"),
            place(row, t),
            state_badge(incident, incident.state(local_day(now, &site.zone)), t),
            time(incident.last_seen, &site.zone),
        ]);
    }
    let mails = view.customer_mails(id, None)?;
    let newest = &mails.rows[..mails.rows.len().min(SHOWN_MAX)];
    let has_more = mails.next.is_some() || mails.rows.len() > newest.len();
    let held = &page.prefixes.rows;
    let few_held = &held[..held.len().min(SHOWN_MAX)];
    Ok(html!(
        list.done(),
        "<h2>",
        t.incidents.title,
        "</h2>",
        worst.or_say(say.none_open),
        (open.is_more || open.count > page.worst.len() as u64).then(|| html!(
            "<p>",
            of_state("current", say.open_all, *open),
            "</p>"
        )),
        "<h2>",
        t.mails.title,
        "</h2>",
        mails_of(newest, has_more, site),
        has_more.then(|| way(id, "mails", say.all_mails)),
        "<h2>",
        t.customers.prefixes,
        "</h2>",
        prefixes(few_held, site),
        (held.len() > few_held.len()).then(|| way(id, "prefixes", say.all_prefixes)),
    ))
}

fn to_part(id: &str, part: &str) -> String {
    link("/customer", &[("id", id), ("part", part)])
}

fn way(id: &str, part: &str, name: &'static str) -> Html {
    html!("<p><a href=\"", to_part(id, part), "\">", name, "</a></p>")
}

/// `has_more`: there may be older ones.
fn mails_of(rows: &[MailRow], has_more: bool, site: &Site) -> Html {
    let t = site.words();
    let mut table = Table::new([t.mails.mail, t.mails.to, t.mails.state, t.mails.when]);
    for MailRow { notice, to, .. } in rows {
        let mut addresses = Html::default();
        for address in to {
            put!(addresses, "<span class=\"line cell\">", address, "</span>");
        }
        table.row([mail(notice), addresses, mails::state_of(notice, t), time(moment(notice), &site.zone)]);
    }
    table.or_say(if has_more { t.frame.none_yet_looked_at } else { t.customer.no_mails })
}

fn mail(notice: &Notice) -> Html {
    html!("<a href=\"/mail/", notice.number.to_string(), "\">", reference(notice.number), "</a>")
}

fn moment(notice: &Notice) -> Timestamp {
    notice.done.as_ref().map_or(notice.created, |(at, _)| *at)
}

fn prefixes(rows: &[Holding], site: &Site) -> Html {
    let t = site.words();
    let say = &t.customer;
    let mut table = Table::new([t.customers.prefix, t.customers.line, say.valid]);
    for line in rows {
        let bound = |sentence: &str, at: Option<Timestamp>| {
            at.map(|at| html!(phrase(sentence, &[("time", &time(at, &site.zone))]), " "))
        };
        let always = (line.from.is_none() && line.until.is_none()).then(|| html!(say.always, " "));
        let silent =
            (!line.mailed).then(|| html!("<span class=\"line warn\">", say.is_not_mailed, "</span>"));
        table.row([
            html!("<code>", line.prefix.to_string(), "</code>"),
            html!(t.number(u64::from(line.line))),
            html!(always, bound(say.from, line.from), bound(say.until, line.until), silent),
        ]);
    }
    table.or_say(say.no_prefixes)
}

fn history(rows: &[(Timestamp, Event)], site: &Site) -> Html {
    let (t, words) = (site.words(), site.terms());
    let mut table = Table::new([t.incidents.when, t.customer.what, t.jobs.state]);
    for (at, event) in rows {
        let (what, turn) = match event {
            Event::Mail(notice) => {
                let told = notice.incidents.len() as u64;
                let told = t.count(told, t.customer.told_one, t.customer.told_many);
                let told = (!notice.incidents.is_empty()).then_some(told);
                (html!(t.mails.mail, " ", mail(notice)), html!(mails::state_of(notice, t), " ", told))
            }
            Event::Incident { id, kind, severity: level, turn } => {
                let id = id.to_string();
                let name = html!(
                    severity(*level, words.severity(*level)),
                    " <a href=\"/incidents/",
                    id,
                    "\">",
                    words.report_named(kind),
                    "</a> <span class=\"dim\">",
                    phrase(t.incidents.numbered, &[("number", &id)]),
                    "</span>"
                );
                (name, turned(turn, t))
            }
        };
        table.row([time(*at, &site.zone), what, turn]);
    }
    table.or_say(t.customer.no_history)
}

fn turned(turn: &Turn, t: &PageWords) -> Html {
    match turn {
        Turn::Opened => html!(t.customer.opened),
        Turn::OpenedAndAgain => html!(t.customer.opened_again),
        Turn::Muted => html!(t.customer.muted),
        Turn::Closed => html!(t.customer.closed),
        Turn::Noted(note) => {
            let who = phrase(t.customer.noted, &[("who", &note.who as &dyn Value)]);
            html!(who, " <span class=\"note\">", note.text, "</span>")
        }
    }
}

/// Mails and prefixes on the front; the rest is one link away.
const SHOWN_MAX: usize = 20;
