//! The first run in six steps, each with its own page. What is done is seen from settings and data, so that anybody can go
//! on at any time.

use ipnet::IpNet;

use super::acting::{file_form, may_act, way_to_job};
use super::customers::CUSTOMER_FILES;
use super::people::csrf;
use super::settings::{Typed, inputs};
use super::{Facts, Page, Table, customer, pager};
use crate::clock::Timestamp;
use crate::config::edit::{Field, Written};
use crate::config::{Complaint, Missing, Mode};
use crate::lang::fill;
use crate::notify::authentic::{Dkim, Dmarc, Found, LOOKUPS_MAX, Spf, Verdict};
use crate::notify::compose::reference;
use crate::notify::outbox;
use crate::web::access::Who;
use crate::web::hand::{Asked, Check, End, Hand, Job, Proof, Seen, Stage};
use crate::web::html::{Html, Value, html, phrase, put};
use crate::web::router::{Fault, Query};
use crate::web::view::{Overview, Site, View};
use crate::web::words::PageWords;

/// One of the six.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    number: usize,
    /// The settings that it asks for.
    fields: &'static [&'static str],
    /// How it is tried whether they work.
    pub(crate) check: Option<Check>,
}

impl Step {
    /// From 1 on.
    pub(crate) fn numbered(number: u64) -> Option<&'static Self> {
        STEPS.iter().find(|step| step.number as u64 == number)
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter_map(|name| Field::named(name))
    }

    pub(crate) fn path(&self) -> String {
        format!("/setup/{}", self.number)
    }

    /// The one after it; the last one's is itself.
    pub(crate) fn next(&self) -> &'static Self {
        &STEPS[self.number.min(STEPS.len() - 1)]
    }

    fn name(&self, t: &PageWords) -> &'static str {
        let t = &t.setup;
        [t.place, t.shadowserver, t.networks, t.customers, t.mail, t.live][self.number - 1]
    }

    fn about(&self, t: &PageWords) -> &'static str {
        let t = &t.setup;
        let about = [t.place_about, t.shadowserver_about, t.networks_about, t.customers_about];
        about.into_iter().chain([t.mail_about, t.live_about]).nth(self.number - 1).unwrap_or_default()
    }

    fn title(&self, t: &PageWords) -> String {
        fill(t.setup.numbered, &[("number", &self.number.to_string()), ("name", self.name(t))])
    }
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    ToDo,
    Wrong,
}

/// The first step that is not done, of a box that still needs it.
pub(crate) fn next_step(overview: &Overview, hand: &dyn Hand, site: &Site) -> Option<&'static Step> {
    let needs = site.mode == Mode::Hold || !overview.missing.is_empty() || overview.customers == 0;
    let states = states(overview, site, &hand.jobs());
    STEPS.iter().zip(states).find(|(_, state)| needs && *state != State::Done).map(|(step, _)| step)
}

/// The page on which this is set.
pub(crate) fn place_of(missing: Missing) -> String {
    let step = match missing {
        Missing::Key | Missing::Secret => &STEPS[1],
        Missing::Networks => &STEPS[2],
        Missing::AbuseAddress | Missing::OperatorAddress | Missing::MailServer => &STEPS[4],
    };
    step.path()
}

/// What leads on to a step.
pub(crate) fn way(step: &Step, t: &PageWords) -> Html {
    html!("<a href=\"", step.path(), "\">", step.title(t), "</a>")
}

pub(crate) fn list(view: &dyn View, hand: &dyn Hand, site: &Site, now: Timestamp) -> Result<Page, Fault> {
    let t = site.words();
    let overview = view.overview(now)?;
    let mut table = Table::new([t.setup.step, t.setup.state, t.setup.what]);
    for (step, state) in STEPS.iter().zip(states(&overview, site, &hand.jobs())) {
        table.row([way(step, t), badge(state, t), html!(step.about(t))]);
    }
    let body = html!("<h1>", t.setup.title, "</h1><p>", t.setup.about, "</p>", table.or_say(""));
    Ok(Page { title: t.setup.title.to_owned(), entry: "", body })
}

pub(crate) fn one(
    step: &'static Step,
    view: &dyn View,
    hand: &dyn Hand,
    site: &Site,
    query: &mut Query,
    who: &Who,
    now: Timestamp,
) -> Result<Page, Fault> {
    let t = site.words();
    let (overview, jobs) = (view.overview(now)?, hand.jobs());
    let states = states(&overview, site, &jobs);
    let mut body = html!(head(step, t), "<p>", badge(states[step.number - 1], t), "</p>");
    match step.number {
        1 => {
            let clock = now.in_zone(&site.zone).strftime("%Y-%m-%d %H:%M").to_string();
            put!(body, "<p>", fill(t.setup.place_now, &[("time", &clock)]), "</p>");
        }
        2 => put!(body, "<p class=\"dim\">", phrase(t.setup.no_key, &[("form", &key_form())]), "</p>"),
        4 => {
            let count = t.number(overview.customers);
            let list = html!("<a href=\"/customers\">", t.customers.title, "</a>");
            put!(
                body,
                "<p>",
                fill(t.setup.customers_known, &[("count", &count)]),
                " ",
                list,
                "</p>",
                file_form(who, "/customers/upload", CUSTOMER_FILES, t.jobs.check_file, t),
                "<p class=\"hint\">",
                t.jobs.check_about,
                "</p>"
            );
        }
        6 => put!(body, live(view, site, query, who, &states, now)?),
        _ => {}
    }
    let mut typed = Typed::default();
    if step.number == 3 && states[2] == State::ToDo {
        let (table, text) = offer(&jobs, t);
        put!(body, table);
        typed.texts.extend(text.map(|text| ("networks.cidrs".to_owned(), text)));
    }
    let shown = hand.settings()?;
    put!(body, form(step, site, who, &shown, &typed));
    if let Some(check) = step.check {
        let known = newest(&jobs, check);
        put!(body, known.map(|job| html!(way_to_job(job.number, t), again_form(step, who, t))));
    }
    if step.next() != step {
        put!(body, "<p class=\"pager\">", way(step.next(), t), "</p>");
    }
    Ok(Page { title: step.title(t), entry: "", body })
}

/// The form of a step with what was typed and not taken.
pub(crate) fn again(step: &Step, site: &Site, who: &Who, shown: &(Written, String), typed: &Typed) -> Page {
    let t = site.words();
    let body = html!(head(step, t), form(step, site, who, shown, typed));
    Page { title: step.title(t), entry: "", body }
}

/// What Shadowserver said to the key.
pub(crate) fn asked(asked: &Asked, site: &Site) -> Html {
    let t = site.words();
    let say = &t.setup;
    let Seen { lists, day, types, reports, unusable, .. } = match asked {
        Asked::Sees(seen) => seen,
        Asked::NoReports { networks } => {
            let networks = networks.join("\n");
            let words = [("organisation", site.organisation.as_str()), ("networks", networks.as_str())];
            let by_hand = html!("<a href=\"/reports\">", t.reports.title, "</a>");
            return html!(
                "<p class=\"alarm\">",
                say.no_reports,
                "</p><p>",
                say.ask_so,
                "</p><pre>",
                fill(say.ask_text, &words),
                "</pre><p>",
                phrase(say.by_hand, &[("reports", &by_hand)]),
                "</p>"
            );
        }
    };
    let mut table = Table::new([say.lists, say.types]);
    table.row([lines(lines_of(lists)), lines(lines_of(types))]);
    let counts = [("day", day.to_string()), ("reports", t.number(*reports))];
    let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let unusable = (*unusable > 0)
        .then(|| html!("<p class=\"bad\">", fill(say.unusable, &[("count", &t.number(*unusable))]), "</p>"));
    html!("<p>", say.key_good, " ", fill(say.of_day, &counts), "</p>", unusable, table.or_say(""))
}

/// What the mail server said to the test mail.
pub(crate) fn mailed(from: &str, to: &str, reply: &str, t: &PageWords) -> Html {
    let words = [("from", &from as &dyn Value), ("to", &to)];
    html!(
        "<p>",
        phrase(t.setup.mail_taken, &words),
        "</p><p class=\"cell\"><code>",
        reply,
        "</code></p><p>",
        t.setup.look_for_it,
        "</p>"
    )
}

/// Whether receivers will believe who it is from, and what to do about it.
pub(crate) fn proof(proof: &Proof, t: &PageWords) -> Html {
    let say = &t.setup;
    let Proof { domain, address, spf, dmarc, dkim } = proof;
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let (mut facts, mut record) = (Facts::default(), None);
    let (sentence, why) = match spf {
        Spf::None => (say.spf_none, ""),
        Spf::Several => (say.spf_several, ""),
        Spf::Unknown(why) => (say.not_looked_up, why.as_str()),
        Spf::One(policy) => {
            record = Some(policy);
            let sentence = match policy.verdict {
                Some(Verdict::Wrong) if policy.lookups > LOOKUPS_MAX => say.spf_long,
                Some(Verdict::Wrong) => say.spf_wrong,
                Some(Verdict::Pass) => say.spf_pass,
                Some(Verdict::Fail | Verdict::SoftFail | Verdict::Neutral) => say.spf_not_named,
                Some(Verdict::Unclear) => say.spf_unclear,
                None => say.spf_inside,
            };
            (sentence, "")
        }
    };
    let words = [("domain", domain.as_str()), ("address", &address), ("why", why)];
    let rest = record.and_then(|policy| match policy.rest {
        Some(Verdict::Pass) => Some(say.spf_everybody),
        Some(Verdict::Fail | Verdict::SoftFail) => None,
        _ => Some(say.spf_open),
    });
    let rest = rest.map(|rest| html!("<span class=\"line warn\">", phrase(rest, &[]), "</span>"));
    let text =
        record.map(|policy| html!("<span class=\"line cell\"><code>", policy.record, "</code></span>"));
    facts.add("SPF", Some(html!(fill(sentence, &words), text, rest)));
    let (sentence, of, why) = match dmarc {
        Dmarc::None => (say.dmarc_none, domain, ""),
        Dmarc::Unknown(why) => (say.not_looked_up, domain, why.as_str()),
        Dmarc::Says { domain, policy } => (say.dmarc_says, domain, policy.as_str()),
    };
    let words = [("domain", of as &dyn Value), ("why", &why), ("policy", &html!("<code>", why, "</code>"))];
    facts.add("DMARC", Some(phrase(sentence, &words)));
    facts.add("DKIM", Some(signed(dkim.as_ref(), t)));
    html!("<h2>", say.proof, "</h2>", facts.done())
}

/// Whether receivers can check what the box signs.
fn signed(dkim: Option<&Dkim>, t: &PageWords) -> Html {
    let say = &t.setup;
    let Some(Dkim { name, record, found }) = dkim else { return phrase(say.dkim, &[]) };
    let (sentence, why) = match found {
        Found::Right => (say.dkim_right, ""),
        Found::Missing => (say.dkim_missing, ""),
        Found::Other => (say.dkim_other, ""),
        Found::Unknown(why) => (say.not_looked_up, why.as_str()),
    };
    let record = matches!(found, Found::Missing | Found::Other)
        .then(|| html!("<span class=\"line cell\"><code>", record, "</code></span>"));
    html!(phrase(sentence, &[("name", &html!("<code>", name, "</code>")), ("why", &why)]), record)
}

/// From the page of a check back to its step, and on.
pub(crate) fn ways_of(check: Check, is_good: bool, t: &PageWords) -> Html {
    let Some(step) = STEPS.iter().find(|step| step.check == Some(check)) else { return Html::default() };
    let on = is_good.then(|| html!(" ", way(step.next(), t)));
    html!("<p class=\"pager\">", way(step, t), on, "</p>")
}

/// From the page of a taken customer file.
pub(crate) fn way_after_customers(t: &PageWords) -> Html {
    html!("<p class=\"pager\">", way(STEPS[3].next(), t), "</p>")
}

/// The name of a check in the list of jobs.
pub(crate) fn name_of(check: Check, t: &PageWords) -> &'static str {
    match check {
        Check::Shadowserver => t.setup.shadowserver_check,
        Check::Mail => t.setup.mail_check,
    }
}

fn states(overview: &Overview, site: &Site, jobs: &[Job]) -> [State; STEPS.len()] {
    let is_missing = |what: &[Missing]| what.iter().any(|missing| overview.missing.contains(missing));
    let to_do_if = |is_so| if is_so { State::ToDo } else { State::Done };
    // What works each day needs not be tried.
    let tried = |check, is_proven: bool| match newest(jobs, check).map(|job| (&job.stage, job.asked)) {
        Some((Stage::Ended(end), asked)) => match is_good(end) {
            true => State::Done,
            false if check == Check::Shadowserver && overview.last_fetch > Some(asked) => State::Done,
            false => State::Wrong,
        },
        Some(_) => State::ToDo,
        None => to_do_if(!is_proven),
    };
    let place = match overview.clock_doubt {
        Some(_) => State::Wrong,
        None => to_do_if(site.organisation.is_empty()),
    };
    let shadowserver = match is_missing(&[Missing::Key, Missing::Secret]) {
        true => State::ToDo,
        false => tried(Check::Shadowserver, overview.last_fetch.is_some()),
    };
    let customers = to_do_if(overview.customers == 0);
    let mail = match is_missing(&[Missing::AbuseAddress, Missing::OperatorAddress, Missing::MailServer]) {
        true => State::ToDo,
        false => tried(Check::Mail, site.mode == Mode::Live || overview.tally.sent > 0),
    };
    let networks = to_do_if(is_missing(&[Missing::Networks]));
    [place, shadowserver, networks, customers, mail, to_do_if(site.mode != Mode::Live)]
}

fn newest(jobs: &[Job], check: Check) -> Option<&Job> {
    jobs.iter().find(|job| job.check == Some(check))
}

pub(crate) fn is_good(end: &End) -> bool {
    !matches!(end, End::Failed(_) | End::Asked(Asked::NoReports { .. }))
}

fn badge(state: State, t: &PageWords) -> Html {
    match state {
        State::Done => html!("<span class=\"badge good\">", t.setup.done, "</span>"),
        State::ToDo => html!("<span class=\"badge\">", t.setup.to_do, "</span>"),
        State::Wrong => html!("<span class=\"badge o-failed\">", t.setup.wrong, "</span>"),
    }
}

fn head(step: &Step, t: &PageWords) -> Html {
    let up = html!("<p class=\"up\"><a href=\"/setup\">", t.setup.title, "</a></p>");
    html!(up, "<h1>", step.title(t), "</h1><p>", step.about(t), "</p>")
}

fn form(
    step: &Step,
    site: &Site,
    who: &Who,
    (written, version): &(Written, String),
    typed: &Typed,
) -> Option<Html> {
    let t = site.words();
    let mut complaints = Html::default();
    for complaint in written.complaints.iter().map(Complaint::to_string) {
        put!(complaints, "<p class=\"alarm\" role=\"alert\">", complaint, "</p>");
    }
    let button = if step.check.is_some() { t.setup.save_and_check } else { t.setup.save };
    let form = || {
        html!(
            complaints,
            "<form class=\"settings\" action=\"/setup/change\" method=\"post\"><fieldset>",
            hidden(step, who),
            "<input type=\"hidden\" name=\"version\" value=\"",
            version,
            "\">",
            inputs(site, written, typed, step.fields()),
            "<button>",
            button,
            "</button></fieldset></form>"
        )
    };
    (!step.fields.is_empty() && may_act(who)).then(form)
}

/// The networks that reports of the last check name, and all of them as the form takes them.
fn offer(jobs: &[Job], t: &PageWords) -> (Html, Option<String>) {
    let found = jobs.iter().find_map(|job| match &job.stage {
        Stage::Ended(End::Asked(Asked::Sees(seen))) => Some(&seen.networks),
        _ => None,
    });
    let found = found.map(Vec::as_slice).unwrap_or_default();
    if found.is_empty() {
        return (
            html!("<p class=\"dim\">", phrase(t.setup.no_offer, &[("step", &way(&STEPS[1], t))]), "</p>"),
            None,
        );
    }
    let mut table = Table::new([t.setup.network, t.reports.rows]);
    for (network, rows) in found.iter().take(NETWORKS_SHOWN) {
        table.row([html!("<code>", network.to_string(), "</code>"), html!(t.number(*rows))]);
    }
    let all: Vec<IpNet> = found.iter().map(|(network, _)| *network).collect();
    let text: Vec<String> = IpNet::aggregate(&all).iter().map(ToString::to_string).collect();
    (html!("<p>", t.setup.offer, "</p>", table.or_say("")), Some(text.join("\n")))
}

/// Tries it once more with the settings as they are.
fn again_form(step: &Step, who: &Who, t: &PageWords) -> Option<Html> {
    let form = || {
        html!(
            "<form class=\"acts\" action=\"/setup/check\" method=\"post\">",
            hidden(step, who),
            "<button class=\"quiet\">",
            t.setup.check_again,
            "</button></form>"
        )
    };
    may_act(who).then(form)
}

fn hidden(step: &Step, who: &Who) -> Html {
    html!(csrf(who), "<input type=\"hidden\" name=\"step\" value=\"", step.number.to_string(), "\">")
}

/// What would go out, mail by mail, and the three ways on.
fn live(
    view: &dyn View,
    site: &Site,
    query: &mut Query,
    who: &Who,
    states: &[State; STEPS.len()],
    now: Timestamp,
) -> Result<Html, Fault> {
    let before = query.take_as::<u64>("before", |t| t.asked.before)?;
    let t = site.words();
    let say = &t.setup;
    let mut body = Html::default();
    for (step, state) in STEPS.iter().zip(states).take(STEPS.len() - 1) {
        if *state != State::Done {
            put!(body, "<p class=\"alarm\">", phrase(say.not_done_yet, &[("step", &way(step, t))]), "</p>");
        }
    }
    let (count, through) = view.held()?;
    put!(body, "<h2>", fill(t.acts.held, &[("count", &t.number(count))]), "</h2>");
    let mut part = view.mails(Some(outbox::State::Held), before)?;
    if part.rows.len() > MAILS_SHOWN {
        part.rows.truncate(MAILS_SHOWN);
        part.next = part.rows.last().map(|row| row.notice.number);
    }
    let mut is_any = false;
    for row in &part.rows {
        let Some(mail) = view.mail(row.notice.number, now)?.and_then(|facts| facts.mail) else { continue };
        is_any = true;
        put!(
            body,
            "<details><summary>",
            row.to.join(", "),
            ": ",
            mail.subject,
            "</summary><p>",
            customer(row.customer.as_ref(), t.mails.operator),
            " <a href=\"/mail/",
            row.notice.number.to_string(),
            "\">",
            fill(t.mails.numbered, &[("number", &reference(row.notice.number))]),
            "</a></p><pre>",
            mail.text,
            "</pre></details>"
        );
    }
    if !is_any {
        put!(body, "<p class=\"none\">", phrase(say.none_held, &[]), "</p>");
    }
    let shown = before.map(|before| before.to_string());
    put!(body, pager(t, "/setup/6", &[], shown.as_deref(), part.next.map(|next| next.to_string())));
    if !may_act(who) {
        return Ok(body);
    }
    let release = match count {
        0 => say.go_live.to_owned(),
        count => t.count(count, say.release_one, say.release_many),
    };
    let held = (count > 0)
        .then(|| html!("<input type=\"hidden\" name=\"through\" value=\"", through.to_string(), "\">"));
    put!(
        body,
        "<form class=\"do\" action=\"/setup/live\" method=\"post\"><button disabled hidden></button>",
        csrf(who),
        held,
        "<p class=\"acts\"><button name=\"do\" value=\"release\">",
        release,
        "</button><span class=\"hint\">",
        say.release_about,
        "</span></p><p class=\"acts\"><button name=\"do\" value=\"practice\">",
        say.practice,
        "</button><span class=\"hint\">",
        say.practice_about,
        "</span></p><p class=\"acts\"><a class=\"button quiet\" href=\"/\">",
        say.later,
        "</a><span class=\"hint\">",
        say.later_about,
        "</span></p></form>"
    );
    Ok(body)
}

/// Where keys are asked for (Shadowserver, "Report API Key Request").
fn key_form() -> Html {
    html!(
        "<a href=\"https://www.shadowserver.org/contact/\" rel=\"noreferrer\"><code>shadowserver.org/contact</code></a>"
    )
}

/// The first of many texts, and how many more there are.
fn lines_of(texts: &[String]) -> (&[String], usize) {
    let shown = texts.len().min(NAMES_SHOWN);
    (&texts[..shown], texts.len() - shown)
}

fn lines((texts, more): (&[String], usize)) -> Html {
    let mut lines = Html::default();
    for text in texts {
        put!(lines, "<span class=\"line cell\"><code>", text, "</code></span>");
    }
    if more > 0 {
        put!(lines, "<span class=\"line\">+ ", more.to_string(), "</span>");
    }
    lines
}

const STEPS: &[Step; 6] = &[
    Step { number: 1, fields: &["organisation.name", "box.timezone", "box.language"], check: None },
    Step {
        number: 2,
        fields: &["shadowserver.key", "shadowserver.secret"],
        check: Some(Check::Shadowserver),
    },
    Step { number: 3, fields: &["networks.cidrs"], check: None },
    Step { number: 4, fields: &[], check: None },
    Step {
        number: 5,
        fields: &["organisation.abuse_address", "organisation.operator_address", "mail.url"],
        check: Some(Check::Mail),
    },
    Step { number: 6, fields: &[], check: None },
];

/// Networks that are listed with their rows; the form has all that are offered.
const NETWORKS_SHOWN: usize = 20;
/// Mails that are made at once: each is composed for the page.
const MAILS_SHOWN: usize = 10;
/// Lists and report types that are named; Shadowserver has some hundred types.
const NAMES_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_asks_for_settings_that_there_are() {
        for (index, step) in STEPS.iter().enumerate() {
            assert_eq!((step.number, step.fields().count()), (index + 1, step.fields.len()));
            assert_eq!(Step::numbered(step.number as u64), Some(step));
        }
        assert_eq!((Step::numbered(0), Step::numbered(7)), (None, None));
        assert_eq!((STEPS[0].next(), STEPS[5].next()), (&STEPS[1], &STEPS[5]));
    }
}
