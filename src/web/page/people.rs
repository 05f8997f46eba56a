//! Who may log in, the own password, and what was done on the page.

use super::{Page, Table, pager};
use crate::store::Role;
use crate::web::access::Who;
use crate::web::gate::Gate;
use crate::web::html::{Html, html, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::Site;

/// What was wrong with a form.
pub(crate) struct Told(pub(crate) String);

impl Told {
    pub(crate) fn into_html(self) -> Html {
        html!("<p class=\"alarm\" role=\"alert\">", self.0, "</p>")
    }
}

pub(crate) fn show(gate: &dyn Gate, site: &Site, who: &Who, told: Option<Told>) -> Result<Page, Fault> {
    let is_operator = who.role == Role::Operator;
    let mut table = Table::new(["Name", "May", "Added", "Logged in last", ""]);
    for (name, person) in gate.people()? {
        let remove = (is_operator && name != who.name).then(|| {
            html!(
                "<form action=\"/people/remove\" method=\"post\">",
                csrf(who),
                "<input type=\"hidden\" name=\"name\" value=\"",
                name,
                "\"><button>Remove</button></form>"
            )
        });
        let last =
            person.last_login.map(|(at, from)| html!(time(at, &site.zone), " from ", from.to_string()));
        table.row([
            html!(name),
            html!(may(person.role)),
            time(person.added, &site.zone),
            html!(last),
            html!(remove),
        ]);
    }
    let mut body = html!("<h1>People</h1>", told.map(Told::into_html), table.or_say("Nobody."));
    put!(
        body,
        "<h2>Your password</h2><form class=\"entry\" action=\"/password\" method=\"post\">",
        csrf(who),
        // By this, keepers of passwords know whose it is.
        "<input name=\"name\" autocomplete=\"username\" hidden value=\"",
        who.name,
        "\">",
        field("old", "The present one", "password", "current-password"),
        password_fields("The new one", "at least 12 characters"),
        "<button>Change it</button><p class=\"hint\">You are then logged out everywhere else.</p></form>",
    );
    if is_operator {
        put!(
            body,
            "<h2>Somebody else</h2><form class=\"entry\" action=\"/people/add\" method=\"post\">",
            csrf(who),
            field("name", "Name", "text", "off"),
            "<label>May<select name=\"role\"><option value=\"viewer\">",
            may(Role::Viewer),
            "</option><option value=\"operator\">",
            may(Role::Operator),
            "</option></select></label>",
            password_fields("First password", "at least 12 characters"),
            "<button>Add</button></form>",
        );
    }
    put!(body, "<p><a href=\"/audit\">What was done on this page</a></p>");
    Ok(Page { title: "People".to_owned(), entry: "/people", body })
}

pub(crate) fn audit(gate: &dyn Gate, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let before = query.take_as::<u64>("before", "Write a number for before.")?;
    let part = gate.audit(before)?;
    let mut table = Table::new(["When", "Who", "From", "What"]);
    for (_, entry) in &part.rows {
        let from = entry.from.map(|from| from.to_string());
        table.row([time(entry.at, &site.zone), html!(entry.who), html!(from), html!(entry.what)]);
    }
    let shown = before.map(|before| before.to_string());
    let body = html!(
        "<p class=\"up\"><a href=\"/people\">People</a></p><h1>What was done on this page</h1>",
        table.or_say("Nothing yet."),
        pager("/audit", &[], shown.as_deref(), part.next.map(|next| next.to_string())),
    );
    Ok(Page { title: "Audit".to_owned(), entry: "/people", body })
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
pub(crate) fn password_fields(label: &'static str, hint: &'static str) -> Html {
    html!(
        field("password", label, "password", "new-password"),
        "<p class=\"hint\">",
        hint,
        "</p>",
        field("again", "The same again", "password", "new-password"),
    )
}

fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "only look",
        Role::Operator => "do everything",
    }
}
