//! Who may log in, the own password, and what was done on the page.

use super::{Page, Table, pager};
use crate::store::Role;
use crate::web::access::Who;
use crate::web::gate::Gate;
use crate::web::html::{Html, html, phrase, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::Site;
use crate::web::words::PageWords;

/// What was wrong with a form.
pub(crate) struct Told(pub(crate) String);

impl Told {
    pub(crate) fn into_html(self) -> Html {
        html!("<p class=\"alarm\" role=\"alert\">", self.0, "</p>")
    }
}

pub(crate) fn show(gate: &dyn Gate, site: &Site, who: &Who, told: Option<Told>) -> Result<Page, Fault> {
    let is_operator = who.role == Role::Operator;
    let t = site.words();
    let say = &t.people;
    let mut table = Table::new([say.name, say.may, say.added, say.last_login, ""]);
    for (name, person) in gate.people()? {
        let remove = (is_operator && name != who.name).then(|| {
            html!(
                "<form action=\"/people/remove\" method=\"post\">",
                csrf(who),
                "<input type=\"hidden\" name=\"name\" value=\"",
                name,
                "\"><button>",
                say.remove,
                "</button></form>"
            )
        });
        let last = person.last_login.map(|(at, from)| {
            phrase(say.login_from, &[("time", &time(at, &site.zone)), ("address", &from.to_string())])
        });
        table.row([
            html!(name),
            html!(may(person.role, t)),
            time(person.added, &site.zone),
            html!(last),
            html!(remove),
        ]);
    }
    let mut body = html!("<h1>", say.title, "</h1>", told.map(Told::into_html), table.or_say(say.nobody));
    put!(
        body,
        "<div class=\"entries\"><section><h2>",
        say.your_password,
        "</h2><form class=\"entry\" action=\"/password\" method=\"post\">",
        csrf(who),
        // By this, keepers of passwords know whose it is.
        "<input name=\"name\" autocomplete=\"username\" hidden value=\"",
        who.name,
        "\">",
        field("old", say.present, "password", "current-password"),
        password_fields(t, say.new, say.length),
        "<button>",
        say.change,
        "</button><p class=\"hint\">",
        say.logged_out,
        "</p></form></section>",
    );
    if is_operator {
        put!(
            body,
            "<section><h2>",
            say.somebody_else,
            "</h2><form class=\"entry\" action=\"/people/add\" method=\"post\">",
            csrf(who),
            field("name", say.name, "text", "off"),
            "<label>",
            say.may,
            "<select name=\"role\"><option value=\"viewer\">",
            may(Role::Viewer, t),
            "</option><option value=\"operator\">",
            may(Role::Operator, t),
            "</option></select></label>",
            password_fields(t, say.first_password, say.length),
            "<button>",
            say.add,
            "</button></form></section>",
        );
    }
    put!(body, "</div><p><a href=\"/audit\">", say.done_here, "</a></p>");
    Ok(Page { title: say.title.to_owned(), entry: "/people", body })
}

pub(crate) fn audit(gate: &dyn Gate, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let before = query.take_as::<u64>("before", |t| t.asked.before)?;
    let part = gate.audit(before)?;
    let t = site.words();
    let say = &t.people;
    let mut table = Table::new([say.when, say.who, say.from, say.what]);
    for (_, entry) in &part.rows {
        let from = entry.from.map(|from| from.to_string());
        table.row([time(entry.at, &site.zone), html!(entry.who), html!(from), html!(t.deed(&entry.what))]);
    }
    let shown = before.map(|before| before.to_string());
    let body = html!(
        "<p class=\"up\"><a href=\"/people\">",
        say.title,
        "</a></p><h1>",
        say.done_here,
        "</h1>",
        table.or_say(say.nothing_done),
        pager(t, "/audit", &[], shown.as_deref(), part.next.map(|next| next.to_string())),
    );
    Ok(Page { title: say.done_here.to_owned(), entry: "/people", body })
}

/// The hidden field without which no form does anything.
pub(crate) fn csrf(who: &Who) -> Html {
    html!("<input type=\"hidden\" name=\"csrf\" value=\"", who.csrf, "\">")
}

pub(crate) fn field(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    complete: &'static str,
) -> Html {
    html!(
        "<label>",
        label,
        "<input name=\"",
        name,
        "\" type=\"",
        kind,
        "\" autocomplete=\"",
        complete,
        "\" required maxlength=\"255\" autocapitalize=\"none\" spellcheck=\"false\"></label>"
    )
}

/// A new password, twice.
pub(crate) fn password_fields(t: &PageWords, label: &'static str, hint: &'static str) -> Html {
    html!(
        field("password", label, "password", "new-password"),
        "<p class=\"hint\">",
        hint,
        "</p>",
        field("again", t.people.again, "password", "new-password"),
    )
}

fn may(role: Role, t: &PageWords) -> &'static str {
    match role {
        Role::Viewer => t.people.may_look,
        Role::Operator => t.people.may_all,
    }
}
