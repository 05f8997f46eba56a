//! What operators can do on the pages of mails and incidents, and what is said when it was done.

use super::people::csrf;
use super::{Page, Table, mode as mode_of};
use crate::clock::Day;
use crate::config::Mode;
use crate::lang::fill;
use crate::store::{Note, Role};
use crate::web::access::Who;
use crate::web::hand::{Deed, Outcome};
use crate::web::html::{Html, Value, html, put, time};
use crate::web::router::{CHOSEN, Fault};
use crate::web::view::{Site, View};
use crate::web::words::PageWords;

/// What came of the last form.
pub(crate) fn said(outcome: Outcome, t: &'static PageWords) -> Html {
    let acts = &t.acts;
    let (text, is_good) = match outcome {
        Outcome::Done { deed, count, missed } => {
            let (one, many) = match deed {
                Deed::Released => (acts.released_one, acts.released_many),
                Deed::Dropped => (acts.dropped_one, acts.dropped_many),
                Deed::Closed => (acts.closed_one, acts.closed_many),
                Deed::Muted(_) => (acts.muted_one, acts.muted_many),
                Deed::Reopened => (acts.reopened_one, acts.reopened_many),
                Deed::Noted => (acts.noted_one, acts.noted_many),
            };
            let mut text = t.count(count, one, many);
            if let Deed::Muted(day) = deed {
                text = fill(&text, &[("day", &day.to_string())]);
            }
            if missed > 0 {
                text = format!("{text} {}", t.count(missed, acts.missed_one, acts.missed_many));
            }
            (text, count > 0)
        }
        Outcome::Settings(0) => (t.settings.same.to_owned(), true),
        Outcome::Settings(count) => (t.count(count, t.settings.saved_one, t.settings.saved_many), true),
        Outcome::Went { mode: Mode::Live, released } => {
            (t.count(released, t.setup.live_one, t.setup.live_many), true)
        }
        Outcome::Went { mode, .. } => (mode_of(mode, t).2.to_owned(), true),
        Outcome::Certificate { until, is_named } => {
            let taken = fill(t.certificate.taken, &[("day", &until.to_string())]);
            let warning = if is_named { "" } else { t.certificate.not_named };
            (format!("{taken} {warning}").trim_end().to_owned(), is_named)
        }
        Outcome::Texts => (t.texts.saved.to_owned(), true),
        Outcome::CertificateRemoved => (t.certificate.removed.to_owned(), true),
        Outcome::Nothing => (acts.nothing.to_owned(), false),
        Outcome::NoDay => (acts.no_day.to_owned(), false),
        Outcome::NoText => (acts.no_text.to_owned(), false),
        Outcome::TooLong => (acts.too_long.to_owned(), false),
        // Its own page says the rest.
        Outcome::Started(_) => (String::new(), true),
        Outcome::NoFile => (t.jobs.no_file.to_owned(), false),
        Outcome::Full => (t.jobs.full.to_owned(), false),
        Outcome::Unconfirmed => (t.jobs.unconfirmed.to_owned(), false),
        Outcome::Discarded => (t.jobs.discarded_now.to_owned(), true),
        Outcome::Fetching => (t.fetched.soon.to_owned(), true),
        Outcome::Gone => (t.jobs.gone.to_owned(), false),
    };
    let class = if is_good { "said" } else { "said bad" };
    html!("<p class=\"", class, "\" role=\"status\">", text, "</p>")
}

/// A box to choose a row by its number, for those who may do something with it.
pub(crate) fn choice(who: &Who, number: u64) -> Option<Html> {
    let number = number.to_string();
    let choice =
        || html!("<input type=\"checkbox\" name=\"", CHOSEN, number, "\" aria-label=\"", number, "\"> ");
    may_act(who).then(choice)
}

/// A list with boxes, and what can be done with the rows chosen. `to`: where the list is shown.
pub(crate) fn chooser(who: &Who, path: &'static str, to: &str, list: Html, acts: Html) -> Html {
    match may_act(who) {
        true => html!(form(who, path, to), list, acts, "</form>"),
        false => list,
    }
}

/// The same for one alone, on its own page.
pub(crate) fn one(who: &Who, path: &'static str, number: u64, acts: Html) -> Option<Html> {
    let number = number.to_string();
    let own = || {
        let chosen = html!("<input type=\"hidden\" name=\"", CHOSEN, number, "\">");
        let home = path.trim_end_matches("change");
        html!(form(who, path, &format!("{home}{number}")), chosen, acts, "</form>")
    };
    may_act(who).then(own)
}

/// `is_held`: it can be released, too.
pub(crate) fn on_mails(is_held: bool, t: &PageWords) -> Html {
    let release = is_held.then(|| button("release", t.acts.release));
    html!(
        "<p class=\"acts\">",
        release,
        button("drop", t.acts.drop),
        "<span class=\"hint\">",
        t.acts.drop_about,
        "</span></p>"
    )
}

/// `today` is the first day through which something can be muted.
pub(crate) fn on_incidents(today: Day, t: &PageWords) -> Html {
    let acts = &t.acts;
    html!(
        "<p class=\"acts\">",
        button("close", acts.close),
        button("reopen", acts.reopen),
        "<span class=\"hint\">",
        acts.close_about,
        "</span></p><p class=\"acts\"><label>",
        acts.mute_until,
        "<input type=\"date\" name=\"until\" min=\"",
        today.to_string(),
        "\"></label>",
        button("mute", acts.mute),
        "</p><p class=\"acts\"><label class=\"wide\">",
        acts.note,
        "<textarea name=\"note\" rows=\"2\" maxlength=\"600\"></textarea></label>",
        button("note", acts.add_note),
        "</p>",
    )
}

/// What people wrote down.
pub(crate) fn notes(notes: &[Note], site: &Site) -> Html {
    let t = site.words();
    let mut table = Table::new([t.people.when, t.people.who, t.acts.note]);
    for note in notes {
        let text = html!("<span class=\"note\">", note.text, "</span>");
        table.row([time(note.at, &site.zone), html!(note.who), text]);
    }
    html!("<h2>", t.acts.notes, "</h2>", table.or_say(t.acts.no_notes))
}

/// The way to release all that is held, where something is.
pub(crate) fn way_to_held(view: &dyn View, who: &Who, t: &PageWords) -> Result<Option<Html>, Fault> {
    let (count, _) = view.held()?;
    let name = t.count(count, t.acts.release_held_one, t.acts.release_held_many);
    let way = || html!("<p><a class=\"button\" href=\"/mail/held\">", name, "</a></p>");
    Ok((count > 0 && may_act(who)).then(way))
}

/// Asks whether really all that is held shall go out, or be given up.
pub(crate) fn held(view: &dyn View, site: &Site, who: &Who) -> Result<Page, Fault> {
    let (count, newest) = view.held()?;
    let t = site.words();
    let acts = &t.acts;
    let title = fill(acts.held, &[("count", &t.number(count))]);
    let mut body = html!("<p class=\"up\"><a href=\"/mail\">", t.mails.title, "</a></p><h1>", title, "</h1>");
    if count == 0 {
        put!(body, "<p class=\"none\">", acts.none_held, "</p>");
    } else if may_act(who) {
        put!(
            body,
            "<p>",
            acts.held_about,
            "</p>",
            form(who, "/mail/change", "/mail"),
            "<input type=\"hidden\" name=\"through\" value=\"",
            newest.to_string(),
            "\"><p class=\"acts\">",
            button("release", t.count(count, acts.release_all_one, acts.release_all_many)),
            button("drop", t.count(count, acts.drop_all_one, acts.drop_all_many)),
            "<span class=\"hint\">",
            acts.drop_about,
            "</span></p></form>",
        );
    }
    Ok(Page { title, entry: "/mail", body })
}

fn button(does: &'static str, name: impl Value) -> Html {
    html!("<button name=\"do\" value=\"", does, "\">", name, "</button> ")
}

/// The beginning of a form. The Enter key sends none of them: it would take the first button for the one that is meant.
fn form(who: &Who, path: &'static str, to: &str) -> Html {
    html!(
        "<form class=\"do\" action=\"",
        path,
        "\" method=\"post\"><button disabled hidden></button>",
        csrf(who),
        "<input type=\"hidden\" name=\"to\" value=\"",
        to,
        "\">"
    )
}

/// A form to send a file, for those who may.
pub(crate) fn file_form(
    who: &Who,
    path: &'static str,
    accept: &'static str,
    button: &'static str,
    t: &PageWords,
) -> Option<Html> {
    let form = || {
        html!(
            "<form class=\"acts\" action=\"",
            path,
            "\" method=\"post\" enctype=\"multipart/form-data\">",
            csrf(who),
            "<label>",
            t.jobs.file,
            "<input type=\"file\" name=\"file\" required accept=\"",
            accept,
            "\"></label> <button>",
            button,
            "</button> <a href=\"/jobs\">",
            t.jobs.title,
            "</a></form>"
        )
    };
    may_act(who).then(form)
}

/// To the page of a job.
pub(crate) fn way_to_job(number: u64, t: &PageWords) -> Html {
    let number = number.to_string();
    let name = fill(t.jobs.numbered, &[("number", &number)]);
    html!("<p>", t.setup.newest_check, " <a href=\"/jobs/", number, "\">", name, "</a></p>")
}

pub(crate) fn may_act(who: &Who) -> bool {
    who.role == Role::Operator
}
