//! The outbox, and one mail as its receiver sees it.

use super::{COMMAND_LINE, Facts, Page, Table, customer, pager, select, when};
use crate::clock::Timestamp;
use crate::notify::compose::reference;
use crate::notify::outbox::{self, End, Notice, State};
use crate::web::html::{Html, html, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{MailFacts, MailRow, Site, View};

pub(crate) fn list(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let word = query.take("state").unwrap_or_default();
    let before = query.take_as::<u64>("before", "Write a number for before.")?;
    let state = match STATES.iter().find(|(known, ..)| *known == word) {
        Some((.., state)) => Some(*state),
        None if word.is_empty() => None,
        None => return Err(Fault::Query("There is no such state of a mail.")),
    };
    let part = view.mails(state, before)?;
    let mut table = Table::new(["Mail", "Customer", "To", "State", "When", "The mail server's words"]);
    for row in &part.rows {
        let (number, name) = (row.notice.number.to_string(), reference(row.notice.number));
        let mut to = Html::default();
        for address in &row.to {
            put!(to, "<span class=\"line\">", address, "</span>");
        }
        let at = row.notice.done.as_ref().map_or(row.notice.created, |(at, _)| *at);
        table.row([
            html!("<a href=\"/mail/", number, "\">", name, "</a>"),
            customer(row.customer.as_ref(), "the operator"),
            to,
            html!(state_badge(outbox::state(&row.notice, None)), practice(&row.notice)),
            time(at, &site.zone),
            replies(&row.notice),
        ]);
    }
    let shown = before.map(|before| before.to_string());
    let body = html!(
        "<h1>Mail</h1><form class=\"filter\" action=\"/mail\" method=\"get\">",
        select("state", "State", "any", STATES.iter().map(|(word, name, _)| (*word, *name)), &word),
        "<button>Show</button></form>\n",
        table.or_say(match (part.next.is_some(), before.is_some()) {
            (true, _) => "None among those looked at; older ones may be.",
            (false, true) => "No further mails.",
            (false, false) => "No such mails.",
        }),
        pager("/mail", &[("state", &word)], shown.as_deref(), part.next.map(|next| next.to_string())),
        "<h2>To release held mails</h2><p>",
        COMMAND_LINE,
        "</p><pre>abusebox outbox release --all\nabusebox outbox release 12 13\nabusebox outbox drop 14</pre>",
    );
    Ok(Page { title: "Mail".to_owned(), entry: "/mail", body })
}

pub(crate) fn one(view: &dyn View, site: &Site, number: u64, now: Timestamp) -> Result<Page, Fault> {
    let MailFacts { row, message_ids, mail } = view.mail(number, now)?.ok_or(Fault::NotFound)?;
    let MailRow { notice, customer: whose, to } = &row;
    let state = outbox::state(notice, None);
    let mut facts = Facts::default();
    facts.add("State", Some(html!(state_badge(state), practice(notice), " ", why(notice))));
    facts.add("Customer", Some(customer(whose.as_ref(), "the operator")));
    for (index, address) in to.iter().enumerate() {
        let delivery = notice.deliveries.get(index);
        let reply = delivery.map(|delivery| delivery.reply.as_str()).filter(|reply| !reply.is_empty());
        let (own, id) = (state_badge(outbox::state(notice, delivery)), message_ids.get(index));
        let words = reply.map(|reply| html!("<span class=\"line cell\">", reply, "</span>"));
        let id = id.map(|id| html!("<span class=\"line dim cell\">Message-ID ", id, "</span>"));
        facts.add("To", Some(html!(address, " ", own, words, id)));
    }
    facts.add("Planned", Some(when(notice.created, site, now)));
    facts.add("Done", notice.done.as_ref().map(|(at, _)| when(*at, site, now)));
    let mut told = Html::default();
    for (id, _) in notice.incidents.iter().take(INCIDENTS_MAX) {
        let id = id.to_string();
        put!(told, "<a href=\"/incidents/", id, "\">", id, "</a> ");
    }
    if notice.incidents.len() > INCIDENTS_MAX {
        put!(told, "and ", (notice.incidents.len() - INCIDENTS_MAX) as u64, " more");
    }
    facts.add("Incidents", (!notice.incidents.is_empty()).then_some(told));
    let name = reference(number);
    let number = number.to_string();
    let mut body =
        html!("<p class=\"up\"><a href=\"/mail\">Mail</a></p><h1>Mail ", name, "</h1>", facts.done(),);
    if matches!(state, State::Held) {
        put!(
            body,
            "<h2>To release it</h2><p>",
            COMMAND_LINE,
            "</p><pre>abusebox outbox release ",
            number,
            "\nabusebox outbox drop ",
            number,
            "</pre>"
        );
    }
    match &mail {
        None if notice.done.is_some() => {
            put!(body, "<p class=\"none\">Its text was never made, or was forgotten after half a year.</p>");
        }
        None => put!(body, "<p class=\"none\">There is nothing left to tell: it will not be sent.</p>"),
        Some(mail) => {
            let how = if notice.frozen { "As it went out" } else { "As it would go out now" };
            put!(
                body,
                "<h2>",
                how,
                "</h2><p class=\"subject\"><span class=\"dim\">Subject</span> <b>",
                mail.subject,
                "</b></p>"
            );
            if mail.html.is_some() {
                put!(
                    body,
                    "<iframe class=\"mail\" sandbox title=\"The mail as HTML\" src=\"/mail/",
                    number,
                    "/html\"></iframe>"
                );
            }
            put!(
                body,
                "<details><summary>The same as plain text</summary><pre>",
                mail.text,
                "</pre></details>"
            );
            if let Some((file, table)) = &mail.csv {
                let rest = table.len().saturating_sub(CSV_BYTES_MAX) as u64;
                let shown = &table[..table.floor_char_boundary(CSV_BYTES_MAX)];
                let rest = (rest > 0).then(|| html!("<p class=\"dim\">and ", rest, " bytes more</p>"));
                put!(
                    body,
                    "<details><summary>The table ",
                    file,
                    "</summary><pre class=\"table\">",
                    shown,
                    "</pre>",
                    rest,
                    "</details>"
                );
            }
        }
    }
    Ok(Page { title: format!("Mail {name}"), entry: "/mail", body })
}

/// The HTML part alone, as its receiver gets it.
pub(crate) fn html_part(view: &dyn View, number: u64, now: Timestamp) -> Result<String, Fault> {
    let mail = view.mail(number, now)?.and_then(|facts| facts.mail);
    mail.and_then(|mail| mail.html).ok_or(Fault::NotFound)
}

pub(crate) fn state_badge(state: State) -> Html {
    let word = STATES.iter().find(|(.., known)| *known == state).map_or("", |(word, ..)| word);
    html!("<span class=\"badge o-", word, "\">", word, "</span>")
}

fn practice(notice: &Notice) -> Option<Html> {
    notice.practice.then(|| html!(" <span class=\"badge\">practice</span>"))
}

fn why(notice: &Notice) -> Html {
    match &notice.done {
        Some((_, End::Dropped(why))) => html!(why),
        None if notice.held => html!("waits for release"),
        None if notice.first_attempt.is_some() => html!("is tried again"),
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

/// Words of the filter, their names and the states they stand for.
const STATES: &[(&str, &str, State)] = &[
    ("held", "held: waits for release", State::Held),
    ("queued", "queued: on the way", State::Queued),
    ("sent", "sent", State::Sent),
    ("failed", "failed", State::Failed),
    ("dropped", "dropped", State::Dropped),
];

/// Incidents named on the page of a mail; its table has them all.
const INCIDENTS_MAX: usize = 200;
/// Of the table; a person reads no more of it on a page.
const CSV_BYTES_MAX: usize = 64 * 1024;
