//! What takes longer: how far it is, and what it came to.

use super::acting::may_act;
use super::overview::accounting;
use super::people::csrf;
use super::{Facts, Page, Table, customer_link, sentence, setup, when};
use crate::clock::Timestamp;
use crate::config::{Complaint, Mode};
use crate::customers::difference::{Changed, Difference, Named, Sample};
use crate::lang::fill;
use crate::web::access::Who;
use crate::web::hand::{Checked, End, Fate, Hand, Job, Stage, Step, Taken, WHOLE_FILE};
use crate::web::html::{Html, Value, html, link, phrase, put, time};
use crate::web::router::CHOSEN;
use crate::web::view::Site;
use crate::web::words::PageWords;

pub(crate) fn list(hand: &dyn Hand, site: &Site) -> Page {
    let t = site.words();
    let say = &t.jobs;
    let mut table = Table::new([say.job, say.file, say.who, say.asked, say.state]);
    for job in hand.jobs() {
        let number = job.number.to_string();
        table.row([
            html!("<a href=\"/jobs/", number, "\">", number, "</a>"),
            what_for(&job, t),
            html!(job.who),
            time(job.asked, &site.zone),
            html!(state(&job.stage, t)),
        ]);
    }
    let about = html!("<p class=\"dim\">", say.about, "</p>");
    let body = html!("<h1>", say.title, "</h1>", about, table.or_say(say.none));
    Page { title: say.title.to_owned(), entry: "", body }
}

pub(crate) fn one(job: &Job, site: &Site, who: &Who, now: Timestamp) -> Page {
    let t = site.words();
    let say = &t.jobs;
    let mut facts = Facts::default();
    facts.add(say.file, job.check.is_none().then(|| what_for(job, t)));
    facts.add(say.who, Some(html!(job.who)));
    facts.add(say.asked, Some(when(job.asked, site, now)));
    facts.add(say.state, Some(html!(state(&job.stage, t))));
    let title = match job.check {
        Some(check) => setup::name_of(check, t).to_owned(),
        None => fill(say.numbered, &[("number", &job.number.to_string())]),
    };
    let came_to = match &job.stage {
        Stage::Waiting | Stage::Working(_) => html!("<p class=\"dim\">", say.again_soon, "</p>"),
        Stage::Ended(End::Failed(why)) => {
            html!("<p class=\"bad\" role=\"alert\">", sentence(why), "</p>")
        }
        Stage::Ended(End::Report(taken)) => report(taken, t),
        Stage::Ended(End::Checked(checked)) => customers(job.number, checked, who, t),
        Stage::Ended(End::Imported { customers, prefixes }) => {
            let counts = [("customers", t.number(*customers)), ("prefixes", t.number(*prefixes))];
            let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
            let all = html!("<a href=\"/customers\">", t.customers.title, "</a>");
            let on = (site.mode == Mode::Hold).then(|| setup::way_after_customers(t));
            html!("<p>", fill(say.list_now, &counts), " ", all, "</p>", on)
        }
        Stage::Ended(End::Sessions {
            sessions,
            changed,
            too_old,
            known_until,
            complaints,
            complaints_more,
        }) => {
            let counts = [
                ("sessions", t.number(*sessions)),
                ("changed", t.number(*changed)),
                ("too_old", t.number(*too_old)),
            ];
            let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
            html!(
                "<p>",
                fill(say.sessions_taken, &counts),
                " ",
                say.sessions_known_until,
                " ",
                time(*known_until, &site.zone),
                "</p><h2>",
                say.complaints,
                "</h2>",
                complained(complaints, t),
                and_more(*complaints_more, t)
            )
        }
        Stage::Ended(End::Asked(asked)) => setup::asked(asked, site),
        Stage::Ended(End::Mailed { from, to, reply, proof }) => {
            html!(setup::mailed(from, to, reply, t), setup::proof(proof, t))
        }
    };
    let ways = match (&job.stage, job.check) {
        (Stage::Ended(end), Some(check)) => Some(setup::ways_of(check, setup::is_good(end), t)),
        _ => None,
    };
    let up = html!("<p class=\"up\"><a href=\"/jobs\">", say.title, "</a></p>");
    let body = html!(up, "<h1>", title, "</h1>", facts.done(), came_to, ways);
    Page { title, entry: "", body }
}

/// The name of a file, or of a check.
fn what_for(job: &Job, t: &PageWords) -> Html {
    match job.check {
        Some(check) => html!(setup::name_of(check, t)),
        None => html!("<span class=\"cell\">", job.file, "</span>"),
    }
}

fn state(stage: &Stage, t: &PageWords) -> &'static str {
    let say = &t.jobs;
    match stage {
        Stage::Waiting => say.waiting,
        Stage::Working(Step::ReadingReport) => say.reading,
        Stage::Working(Step::PlanningMails) => say.planning,
        Stage::Working(Step::CheckingCustomers) => say.checking,
        Stage::Working(Step::TakingCustomers) => say.taking,
        Stage::Working(Step::TakingSessions) => say.taking_sessions,
        Stage::Working(Step::AskingShadowserver) => say.asking,
        Stage::Working(Step::SendingMail) => say.sending,
        Stage::Ended(End::Failed(_)) => say.failed,
        Stage::Ended(End::Checked(checked)) => match checked.fate {
            Fate::Open => say.waits_for_you,
            Fate::Taken(_) => say.taken,
            Fate::Discarded => say.discarded,
        },
        Stage::Ended(
            End::Report(_) | End::Imported { .. } | End::Sessions { .. } | End::Asked(_) | End::Mailed { .. },
        ) => say.done,
    }
}

fn report(taken: &Taken, t: &'static PageWords) -> Html {
    let say = &t.jobs;
    match taken {
        Taken::Read { file, report, planned, held } => {
            let rows =
                html!("<a href=\"", link("/report", &[("file", file)]), "\">", say.report_rows, "</a>");
            let counts = [("planned", t.number(*planned)), ("held", t.number(*held))];
            let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
            let mails = html!("<a href=\"/mail\">", t.mails.title, "</a>");
            html!(
                "<p>",
                say.report_read,
                " ",
                rows,
                "</p>",
                accounting(&report.counts, t),
                "<p>",
                fill(say.mails_planned, &counts),
                " ",
                mails,
                "</p>"
            )
        }
        Taken::Known => html!("<p>", say.known, "</p>"),
        Taken::Duplicate { of } => {
            let one = html!("<a class=\"cell\" href=\"", link("/report", &[("file", of)]), "\">", of, "</a>");
            html!("<p>", phrase(say.same_as, &[("file", &one)]), "</p>")
        }
        Taken::Unreadable { why } => {
            html!("<p class=\"bad\">", fill(say.unreadable, &[("why", why)]), "</p>")
        }
    }
}

fn customers(job: u64, checked: &Checked, who: &Who, t: &PageWords) -> Html {
    let say = &t.jobs;
    let more = checked.complaints_more;
    let mut facts = Facts::default();
    facts.add(t.customers.title, Some(html!(t.number(checked.customers))));
    facts.add(t.customers.prefixes, Some(html!(t.number(checked.prefixes))));
    facts.add(say.complaints, Some(html!(t.number(checked.complaints.len() as u64 + more))));
    let notes =
        (!checked.notes.is_empty()).then(|| html!("<h2>", say.notes, "</h2>", complained(&checked.notes, t)));
    let rows = match &checked.rows {
        None => html!("<p class=\"none\">", say.no_rows, "</p>"),
        Some((day, counts)) => {
            let words = [
                ("day", day.to_string()),
                ("count", t.number(counts.matched)),
                ("rows", t.number(counts.rows)),
            ];
            let words = words.each_ref().map(|(name, text)| (*name, text.as_str()));
            html!("<p>", fill(say.rows_found, &words), "</p>", accounting(counts, t))
        }
    };
    let mut columns = Table::new([say.column, say.taken_as, say.why]);
    for column in &checked.columns {
        let role = column.role.map(|role| html!("<code>", role, "</code>"));
        columns.row([html!(column.header), html!(role), html!(column.why)]);
    }
    let mut first = Table::new([say.line, say.prefix, t.customers.customer, say.name, say.mail]);
    for line in &checked.first {
        first.row([
            html!(t.number(u64::from(line.line))),
            html!("<code>", line.prefix, "</code>"),
            html!(line.customer.id),
            html!(line.customer.name),
            html!(line.mails.join(", ")),
        ]);
    }
    html!(
        "<h2>",
        say.the_file,
        "</h2>",
        facts.done(),
        rows,
        "<h2>",
        say.changes,
        "</h2>",
        changes(&checked.difference, t),
        "<h2>",
        say.complaints,
        "</h2>",
        complained(&checked.complaints, t),
        and_more(more, t),
        decision(job, checked, who, t),
        notes,
        "<h2>",
        say.columns,
        "</h2>",
        columns.or_say(say.none),
        "<h2>",
        say.first_lines,
        "</h2>",
        first.or_say(say.none),
    )
}

/// What can be done with the file, or what was.
fn decision(job: u64, checked: &Checked, who: &Who, t: &PageWords) -> Html {
    let say = &t.jobs;
    let only = match checked.fate {
        Fate::Taken(by) => {
            let by = by.to_string();
            let name = fill(say.numbered, &[("number", &by)]);
            let by = html!("<a href=\"/jobs/", by, "\">", name, "</a>");
            Some(phrase(say.taken_by, &[("job", &by)]))
        }
        Fate::Discarded => Some(html!(say.was_discarded)),
        Fate::Open if checked.is_refused => Some(html!(say.refused)),
        Fate::Open if checked.is_known => Some(html!(say.in_force)),
        Fate::Open if !may_act(who) => Some(html!(say.waits_for_operator)),
        Fate::Open => None,
    };
    if let Some(only) = only {
        return html!("<p class=\"said\">", only, "</p>");
    }
    let number = job.to_string();
    let hidden = html!(csrf(who), "<input type=\"hidden\" name=\"job\" value=\"", number, "\">");
    let mut lines = Html::default();
    if !checked.doubts.is_empty() {
        for doubt in &checked.doubts {
            put!(lines, "<p class=\"alarm\">", sentence(doubt), "</p>");
        }
        put!(
            lines,
            "<label class=\"confirm\"><span><input type=\"checkbox\" required name=\"",
            CHOSEN,
            WHOLE_FILE.to_string(),
            "\">",
            say.is_so,
            "</span></label>"
        );
    }
    for line in &checked.unreadable {
        let number = line.line.to_string();
        let text = html!("<span class=\"cell\">", line.text, "</span>");
        let words = [("line", &number as &dyn Value), ("customer", &line.customer_id), ("text", &text)];
        put!(
            lines,
            "<label class=\"confirm\"><span><input type=\"checkbox\" required name=\"",
            CHOSEN,
            number,
            "\">",
            phrase(say.leave_out, &words),
            "</span></label>"
        );
    }
    let ask =
        (!checked.unreadable.is_empty()).then(|| html!("<p class=\"alarm\">", say.unreadable_lines, "</p>"));
    html!(
        "<form action=\"/customers/take\" method=\"post\">",
        hidden,
        ask,
        lines,
        "<p class=\"acts\"><button>",
        say.take,
        "</button> <button class=\"quiet\" form=\"discard\">",
        say.discard,
        "</button></p></form><form id=\"discard\" action=\"/customers/discard\" method=\"post\">",
        hidden,
        "</form>"
    )
}

fn changes(difference: &Difference, t: &PageWords) -> Html {
    let say = &t.jobs;
    if difference.is_empty() {
        return html!("<p class=\"none\">", say.nothing, "</p>");
    }
    let counts = [("new", t.number(difference.prefixes_new)), ("gone", t.number(difference.prefixes_gone))];
    let counts = counts.each_ref().map(|(name, count)| (*name, count.as_str()));
    let mut changed = Table::new([t.customers.customer, say.name, say.different]);
    for one in &difference.changed.first {
        changed.row([html!(customer_link(&one.customer.id)), html!(one.customer.name), what(one, t)]);
    }
    html!(
        "<p>",
        fill(say.prefixes_change, &counts),
        "</p>",
        named(say.new_customers, &difference.new, false, t),
        named(say.gone_customers, &difference.gone, true, t),
        counted(say.changed_customers, &difference.changed, changed.or_say(say.none), t),
    )
}

/// `is_known`: they have a page.
fn named(title: &'static str, sample: &Sample<Named>, is_known: bool, t: &PageWords) -> Html {
    let mut table = Table::new([t.customers.customer, t.jobs.name]);
    for one in &sample.first {
        let id = if is_known { html!(customer_link(&one.id)) } else { html!(one.id) };
        table.row([id, html!(one.name)]);
    }
    counted(title, sample, table.or_say(t.jobs.none), t)
}

/// The first of many below how many there are.
fn counted<T>(title: &'static str, sample: &Sample<T>, first: Html, t: &PageWords) -> Html {
    let more = and_more(sample.count - sample.first.len() as u64, t);
    html!("<h3>", fill(title, &[("count", &t.number(sample.count))]), "</h3>", first, more)
}

fn and_more(more: u64, t: &PageWords) -> Option<Html> {
    let text = || fill(t.jobs.more, &[("count", &t.number(more))]);
    (more > 0).then(|| html!("<p class=\"dim\">", text(), "</p>"))
}

fn what(one: &Changed, t: &PageWords) -> Html {
    let say = &t.jobs;
    let mut what = Html::default();
    for (is_so, word) in [
        (one.name, say.name),
        (one.mails, say.mail),
        (one.language, say.language),
        (one.logins, say.logins),
        (one.forwards, say.forwards),
        (one.validity, say.validity),
    ] {
        if is_so {
            put!(what, "<span class=\"badge\">", word, "</span> ");
        }
    }
    for (count, words) in [(one.prefixes_new, say.prefixes_new), (one.prefixes_gone, say.prefixes_gone)] {
        if count > 0 {
            put!(what, fill(words, &[("count", &t.number(count))]), " ");
        }
    }
    what
}

fn complained(complaints: &[Complaint], t: &PageWords) -> Html {
    let say = &t.jobs;
    let mut table = Table::new([say.line, say.column, say.complaint]);
    for complaint in complaints {
        let line = complaint.line.map(|line| t.number(line));
        table.row([html!(line), html!(complaint.field), html!(complaint.complaint)]);
    }
    table.or_say(say.none)
}
