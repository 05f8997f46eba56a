//! The outbox, and one mail as its receiver sees it.

use super::{Facts, Page, Table, acting, customer, pager, select, when};
use crate::clock::Timestamp;
use crate::lang::fill;
use crate::notify::compose::reference;
use crate::notify::outbox::{self, End, Notice, State};
use crate::web::access::Who;
use crate::web::html::{Html, html, link, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{MailFacts, MailRow, Site, View};
use crate::web::words::PageWords;

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query, who: &Who) -> Result<Page, Fault> {
    let word = query.take("state").unwrap_or_default();
    let before = query.take_as::<u64>("before", |t| t.asked.before)?;
    let state = match STATES.iter().find(|(known, _)| *known == word) {
        Some((_, state)) => Some(*state),
        None if word.is_empty() => None,
        None => return Err(Fault::Query(|t| t.asked.mail_state)),
    };
    let part = view.mails(state, before)?;
    let t = site.words();
    let heads = &t.mails;
    let mut table =
        Table::new([heads.mail, heads.customer, heads.to, heads.state, heads.when, heads.replies]);
    let mut any_held = None;
    for row in &part.rows {
        let own = outbox::state(&row.notice, None);
        let choice = acting::choice(who, row.notice.number).filter(|_| is_waiting(own));
        if is_waiting(own) {
            any_held = any_held.max(Some(own == State::Held));
        }
        let (number, name) = (row.notice.number.to_string(), reference(row.notice.number));
        let mut to = Html::default();
        for address in &row.to {
            put!(to, "<span class=\"line\">", address, "</span>");
        }
        let at = row.notice.done.as_ref().map_or(row.notice.created, |(at, _)| *at);
        table.row([
            html!(choice, "<a href=\"/mail/", number, "\">", name, "</a>"),
            customer(row.customer.as_ref(), t.mails.operator),
            to,
            state_of(&row.notice, t),
            time(at, &site.zone),
            replies(&row.notice),
        ]);
    }
    let shown = before.map(|before| before.to_string());
    let table = table.or_say(match (part.next.is_some(), before.is_some()) {
        (true, _) => t.frame.none_yet_looked_at,
        (false, true) => t.mails.no_further,
        (false, false) => t.mails.none,
    });
    let table = match any_held {
        None => table,
        Some(any_held) => {
            let before = shown.as_deref().unwrap_or_default();
            let here = link("/mail", &[("state", &word), ("before", before)]);
            let acts = html!("<h2>", t.acts.chosen, "</h2>", acting::on_mails(any_held, t));
            acting::chooser(who, "/mail/change", &here, table, acts)
        }
    };
    let body = html!(
        "<h1>",
        t.mails.title,
        "</h1><form class=\"filter\" action=\"/mail\" method=\"get\">",
        select("state", t.mails.state, t.frame.any, choices(t), &word),
        "<button>",
        t.frame.show,
        "</button></form>\n",
        "<p><a href=\"/texts\">",
        t.texts.way,
        "</a></p>",
        acting::way_to_held(view, who, t)?,
        table,
        pager(t, "/mail", &[("state", &word)], shown.as_deref(), part.next.map(|next| next.to_string())),
    );
    Ok(Page { title: t.mails.title.to_owned(), entry: "/mail", body })
}

pub(crate) fn one(
    view: &dyn View,
    site: &Site,
    number: u64,
    who: &Who,
    now: Timestamp,
) -> Result<Page, Fault> {
    let MailFacts { row, message_ids, mail } = view.mail(number, now)?.ok_or(Fault::NotFound)?;
    let MailRow { notice, customer: whose, to } = &row;
    let t = site.words();
    let say = &t.mails;
    let state = outbox::state(notice, None);
    let mut facts = Facts::default();
    facts.add(say.state, Some(html!(state_of(notice, t), " ", why(notice, t))));
    facts.add(say.customer, Some(customer(whose.as_ref(), say.operator)));
    for (index, address) in to.iter().enumerate() {
        let delivery = notice.deliveries.get(index);
        let reply = delivery.map(|delivery| delivery.reply.as_str()).filter(|reply| !reply.is_empty());
        let (own, id) = (state_badge(outbox::state(notice, delivery), t), message_ids.get(index));
        let words = reply.map(|reply| html!("<span class=\"line cell\">", reply, "</span>"));
        let id = id.map(|id| html!("<span class=\"line dim cell\">Message-ID ", id, "</span>"));
        facts.add(say.to, Some(html!(address, " ", own, words, id)));
    }
    facts.add(say.planned, Some(when(notice.created, site, now)));
    facts.add(say.done, notice.done.as_ref().map(|(at, _)| when(*at, site, now)));
    let mut told = Html::default();
    for (id, _) in notice.incidents.iter().take(INCIDENTS_MAX) {
        let id = id.to_string();
        put!(told, "<a href=\"/incidents/", id, "\">", id, "</a> ");
    }
    if notice.incidents.len() > INCIDENTS_MAX {
        let more = t.number((notice.incidents.len() - INCIDENTS_MAX) as u64);
        put!(told, fill(say.more_incidents, &[("count", &more)]));
    }
    facts.add(t.incidents.title, (!notice.incidents.is_empty()).then_some(told));
    let name = fill(say.numbered, &[("number", &reference(number))]);
    let acts = is_waiting(state)
        .then(|| acting::one(who, "/mail/change", number, acting::on_mails(state == State::Held, t)));
    let number = number.to_string();
    let mut body = html!(
        "<p class=\"up\"><a href=\"/mail\">",
        say.title,
        "</a></p><h1>",
        name,
        "</h1>",
        facts.done(),
        acts.flatten()
    );
    match &mail {
        None if notice.done.is_some() => {
            put!(body, "<p class=\"none\">", say.no_text, "</p>");
        }
        None => put!(body, "<p class=\"none\">", say.nothing_left, "</p>"),
        Some(mail) => {
            let how = if notice.frozen { say.as_sent } else { say.as_now };
            put!(
                body,
                "<h2>",
                how,
                "</h2><p class=\"subject\"><span class=\"dim\">",
                say.subject,
                "</span> <b>",
                mail.subject,
                "</b></p>"
            );
            if mail.html.is_some() {
                put!(
                    body,
                    "<iframe class=\"mail\" tabindex=\"0\" sandbox title=\"",
                    say.as_html,
                    "\" src=\"/mail/",
                    number,
                    "/html\"></iframe>"
                );
            }
            put!(body, "<details><summary>", say.as_text, "</summary><pre>", mail.text, "</pre></details>");
            if let Some((file, table)) = &mail.csv {
                let rest = table.len().saturating_sub(CSV_BYTES_MAX) as u64;
                let shown = &table[..table.floor_char_boundary(CSV_BYTES_MAX)];
                let rest = (rest > 0).then(|| {
                    let more = fill(say.more_bytes, &[("count", &t.number(rest))]);
                    html!("<p class=\"dim\">", more, "</p>")
                });
                put!(
                    body,
                    "<details><summary>",
                    fill(say.table, &[("file", file)]),
                    "</summary><pre class=\"table\">",
                    shown,
                    "</pre>",
                    rest,
                    "</details>"
                );
            }
        }
    }
    Ok(Page { title: name, entry: "/mail", body })
}

/// The HTML part alone, as its receiver gets it.
pub(crate) fn html_part(view: &dyn View, number: u64, now: Timestamp) -> Result<String, Fault> {
    let mail = view.mail(number, now)?.and_then(|facts| facts.mail);
    mail.and_then(|mail| mail.html).ok_or(Fault::NotFound)
}

/// The state of a mail, and whether it is for practice.
pub(crate) fn state_of(notice: &Notice, t: &PageWords) -> Html {
    html!(state_badge(outbox::state(notice, None), t), practice(notice, t))
}

pub(crate) fn state_badge(state: State, t: &PageWords) -> Html {
    let (word, name) = match state {
        State::Held => ("held", t.mails.held),
        State::Queued => ("queued", t.mails.queued),
        State::Sent => ("sent", t.mails.sent),
        State::Failed => ("failed", t.mails.failed),
        State::Dropped => ("dropped", t.mails.dropped),
    };
    html!("<span class=\"badge o-", word, "\">", name, "</span>")
}

/// Whether it has not gone out, and may still be stopped.
fn is_waiting(state: State) -> bool {
    matches!(state, State::Held | State::Queued)
}

fn practice(notice: &Notice, t: &PageWords) -> Option<Html> {
    notice.practice.then(|| html!(" <span class=\"badge\">", t.frame.mode_practice, "</span>"))
}

fn why(notice: &Notice, t: &PageWords) -> Html {
    match &notice.done {
        Some((_, End::Dropped(why))) => html!(why),
        None if notice.held => html!(t.mails.waits),
        None if notice.first_attempt.is_some() => html!(t.mails.tried_again),
        _ => Html::default(),
    }
}

fn replies(notice: &Notice) -> Html {
    if let Some((_, End::Dropped(why))) = &notice.done {
        return html!(why);
    }
    let mut replies = Html::default();
    for delivery in notice.deliveries.iter().filter(|delivery| !delivery.reply.is_empty()) {
        put!(replies, "<span class=\"line cell\">", delivery.reply, "</span>");
    }
    replies
}

/// Words of the filter, and the states they stand for.
const STATES: [(&str, State); 5] = [
    ("held", State::Held),
    ("queued", State::Queued),
    ("sent", State::Sent),
    ("failed", State::Failed),
    ("dropped", State::Dropped),
];

/// The same words with their names.
fn choices(t: &PageWords) -> impl Iterator<Item = (&'static str, &'static str)> {
    let t = &t.mails;
    let names = [t.choose_held, t.choose_queued, t.sent, t.failed, t.dropped];
    STATES.iter().map(|(word, _)| *word).zip(names)
}

/// Incidents named on the page of a mail; its table has them all.
const INCIDENTS_MAX: usize = 200;
/// Of the table; a person reads no more of it on a page.
const CSV_BYTES_MAX: usize = 64 * 1024;
