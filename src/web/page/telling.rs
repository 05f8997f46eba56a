//! Why a problem is told today or not: what is asked of it, what holds for its customer, and what follows.

use super::{Facts, Table, mode};
use crate::clock::Timestamp;
use crate::config::Mode;
use crate::incident::hours::Shut;
use crate::incident::policy::{Reason, Rule, local_day};
use crate::incident::{Audience, Incident};
use crate::notify::compose;
use crate::notify::digest::Bar;
use crate::notify::outbox::{End, Notice, Scope};
use crate::report::kind::Severity;
use crate::web::html::{Html, html, phrase, time};
use crate::web::view::{IncidentFacts, Receiving, Site, Telling};
use crate::web::words::PageWords;

pub(crate) fn show(telling: &Telling, facts: &IncidentFacts, site: &Site, now: Timestamp) -> Html {
    let t = site.words();
    let say = &t.telling;
    let mut table = Table::new([say.asked, say.answer, say.decides]);
    let answer = |holds: bool| match holds {
        true => html!("<span class=\"badge good\">", say.holds, "</span>"),
        false => html!("<span class=\"badge o-failed\">", say.against, "</span>"),
    };
    for rule in &telling.rules {
        table.row([html!(name(rule, t)), answer(rule.holds()), value(rule, site, now)]);
    }
    table.row([html!(say.whose), answer(telling.bar.is_none()), html!(whose(telling, t))]);
    html!(
        "<h2>",
        say.title,
        "</h2><p>",
        verdict(telling, facts, site, now),
        "</p>",
        table.or_say(""),
        telling.customer.as_ref().map(|customer| receiver(customer, telling.next, site)),
    )
}

fn name(rule: &Rule, t: &PageWords) -> &'static str {
    let say = &t.telling;
    match rule {
        Rule::Open { .. } => say.open,
        Rule::Heard { .. } => say.heard,
        Rule::Fresh { .. } => say.fresh,
        Rule::Severe { .. } => say.severe,
        Rule::Strong { .. } => say.strong,
        Rule::Often { .. } => say.often,
        Rule::SeenSince { .. } => say.seen_since,
        Rule::Interval { .. } => say.interval,
    }
}

/// What decides, in words.
fn value(rule: &Rule, site: &Site, now: Timestamp) -> Html {
    let (t, words) = (site.words(), site.terms());
    let say = &t.telling;
    let at = |at: Timestamp| time(at, &site.zone);
    let count = |count: u32| t.number(u64::from(count));
    match *rule {
        Rule::Open { closed: None } => html!(say.open_now),
        Rule::Open { closed: Some(since) } => phrase(say.closed_since, &[("time", &at(since))]),
        Rule::Heard { until: None } => html!(say.heard_now),
        Rule::Heard { until: Some(day) } => phrase(t.incidents.muted, &[("day", &day.to_string())]),
        Rule::Fresh { age_seconds, days_max } => {
            let ago = t.ago(now.plus_seconds(-age_seconds), now);
            phrase(say.seen_ago, &[("ago", &ago), ("days", &count(days_max))])
        }
        Rule::Severe { severity, min } => {
            phrase(say.severity_is, &[("severity", &words.severity(severity)), ("min", &words.severity(min))])
        }
        Rule::Strong { min: None, .. } | Rule::Often { min: None, .. } => html!(say.nothing_asked),
        Rule::Strong { amplification: None, min: Some(min) } => {
            phrase(say.strong_unsaid, &[("min", &min.to_string())])
        }
        Rule::Strong { amplification: Some(times), min: Some(min) } => {
            phrase(say.strong_is, &[("times", &times.to_string()), ("min", &min.to_string())])
        }
        Rule::Often { days, min: Some(min) } => {
            phrase(say.days_are, &[("days", &count(days)), ("min", &count(min))])
        }
        Rule::SeenSince { told: None, .. } => html!(say.no_repeat),
        Rule::SeenSince { seen, told: Some(told) } => {
            phrase(say.seen_told, &[("seen", &at(seen)), ("told", &at(told))])
        }
        Rule::Interval { days: Some((passed, days)), .. } => {
            phrase(say.told_ago, &[("passed", &passed.to_string()), ("days", &count(days))])
        }
        Rule::Interval { reason, days: None } => html!(match reason {
            Reason::Again => say.is_again,
            Reason::Worse => say.is_worse,
            Reason::New | Reason::Repeat => say.is_new,
        }),
    }
}

/// Who is told of it, or why nobody.
fn whose(telling: &Telling, t: &PageWords) -> &'static str {
    let say = &t.telling;
    match telling.bar {
        None if telling.customer.is_some() => say.the_customer,
        None => say.the_operator,
        Some(Bar::Audience(Audience::Operator)) => say.the_operator,
        Some(Bar::Audience(_)) => say.nobody,
        Some(Bar::Silenced) => say.silenced,
        Some(Bar::Stranger) => say.stranger,
    }
}

/// What holds for the customer today.
fn receiver(customer: &Receiving, next: Timestamp, site: &Site) -> Html {
    let t = site.words();
    let say = &t.telling;
    let at = |at: Timestamp| time(at, &site.zone);
    let (class, mode, about) = mode(site.mode, t);
    let mode = html!("<span class=\"mode m-", class, "\">", mode, "</span> ", about);
    let (sent, max) = (t.number(customer.sent), t.number(u64::from(customer.sent_max)));
    let sent = phrase(say.sent_of, &[("sent", &sent), ("max", &max)]);
    let free = customer.free.map(|free| html!("; ", phrase(say.free_from, &[("time", &at(free))])));
    let mut facts = Facts::default();
    facts.add(t.overview.mode, Some(mode));
    facts.add(say.sent, Some(html!(sent, free)));
    facts.add(say.hours, Some(customer.shut.map_or(html!(say.hours_open), |shut| closed(shut, site))));
    facts.add(say.release, customer.is_held.then(|| html!(say.always_held)));
    facts.add(say.release, customer.waits_first.then(|| html!(say.first_held)));
    let waiting = customer.waiting.as_ref().map(|notice| {
        let sentence = if notice.held { say.waits_since } else { say.queued_since };
        phrase(sentence, &[("mail", &mail(notice)), ("time", &at(notice.created))])
    });
    facts.add(say.waiting, Some(waiting.unwrap_or(html!(say.nothing_waits))));
    facts.add(say.address, Some(html!(if customer.has_address { say.has_address } else { say.no_address })));
    facts.add(say.next, Some(at(next)));
    html!("<h3>", say.customer_today, "</h3>", facts.done())
}

fn closed((why, until): (Shut, Timestamp), site: &Site) -> Html {
    let say = &site.words().telling;
    let sentence = match why {
        Shut::QuietHours => say.quiet_hours,
        Shut::Weekend => say.weekend,
        Shut::DayOff => say.day_off,
    };
    phrase(sentence, &[("time", &time(until, &site.zone))])
}

fn mail(notice: &Notice) -> Html {
    let number = notice.number.to_string();
    html!("<a href=\"/mail/", number, "\">", compose::reference(notice.number), "</a>")
}

/// What all of it comes to.
fn verdict(telling: &Telling, facts: &IncidentFacts, site: &Site, now: Timestamp) -> Html {
    let t = site.words();
    let say = &t.telling;
    let today = |notice: &&Notice| {
        let sent = notice.done.as_ref().filter(|(_, end)| *end == End::Sent);
        sent.is_some_and(|(at, _)| local_day(*at, &site.zone) == local_day(now, &site.zone))
    };
    let told = facts.notices.iter().rev().filter_map(|(_, notice)| notice.as_ref()).find(today);
    let told = told.map(|notice| phrase(say.told_today, &[("mail", &mail(notice))]));
    let stands = telling.rules.iter().find(|rule| !rule.holds());
    let rest = match (stands, telling.bar) {
        (Some(_), _) | (_, Some(_)) if told.is_some() => return html!(told),
        (Some(rule), _) => {
            phrase(say.not_today, &[("asked", &name(rule, t)), ("value", &value(rule, site, now))])
        }
        (None, Some(_)) => phrase(say.not_today, &[("asked", &say.whose), ("value", &whose(telling, t))]),
        (None, None) => match &telling.customer {
            None => phrase(say.operators_digest, &[("time", &time(telling.next, &site.zone))]),
            Some(customer) => to_come(customer, telling.next, &facts.row.incident, site),
        },
    };
    html!(told.map(|told| html!(told, " ")), rest)
}

/// When a customer is told of what nothing stands against.
fn to_come(customer: &Receiving, next: Timestamp, incident: &Incident, site: &Site) -> Html {
    let t = site.words();
    let say = &t.telling;
    let at = |at: Timestamp| time(at, &site.zone);
    let tells = |notice: &&Notice| notice.scope == Scope::Digest || incident.severity == Severity::Critical;
    let shut = customer.shut.map(|(_, until)| until);
    let when = match customer.waiting.as_ref().filter(tells) {
        Some(notice) if notice.held => return phrase(say.waits_for_you, &[("mail", &mail(notice))]),
        Some(notice) => match shut.or(customer.free) {
            Some(from) => return phrase(say.goes_from, &[("mail", &mail(notice)), ("time", &at(from))]),
            None => return phrase(say.goes_now, &[("mail", &mail(notice))]),
        },
        None if !customer.is_marked => return html!(say.with_next_mail),
        None if customer.is_at_once => match shut.max(customer.free) {
            Some(from) => phrase(say.at_once_from, &[("time", &at(from))]),
            None => html!(say.at_once),
        },
        None => phrase(say.in_digest, &[("time", &at(next))]),
    };
    let more = match site.mode {
        Mode::Practice => say.but_to_you,
        Mode::Hold => say.but_held,
        Mode::Live if customer.is_held || customer.waits_first => say.but_held,
        Mode::Live => return when,
    };
    html!(when, " ", more)
}
