//! The pages, and what all of them have around them. Pure: they show what a [`super::view::View`] gives.

pub(crate) mod acting;
pub(crate) mod certificate;
pub(crate) mod customer;
pub(crate) mod customers;
pub(crate) mod entry;
pub(crate) mod families;
pub(crate) mod incidents;
pub(crate) mod jobs;
pub(crate) mod mails;
pub(crate) mod nat;
pub(crate) mod overview;
pub(crate) mod ownerless;
pub(crate) mod people;
pub(crate) mod reports;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod system;
mod telling;
pub(crate) mod texts;
mod trend;

use super::access::Who;
use super::hand::Outcome;
use super::html::{Html, Value, html, link, phrase, put};
use super::router::Fault;
use super::view::{Customer, Site, View};
use super::words::PageWords;
use crate::clock::Timestamp;
use crate::config::Mode;

/// A page without what is around it.
pub(crate) struct Page {
    title: String,
    /// Path of the entry in the menu to which it belongs.
    entry: &'static str,
    body: Html,
}

impl Page {
    /// A page that only says something.
    pub(crate) fn message(title: &str, text: Html) -> Self {
        let mut body = html!("<h1>", title, "</h1>");
        put!(body, text);
        Self { title: title.to_owned(), entry: "", body }
    }

    /// With what came of the last form above it.
    pub(crate) fn saying(self, outcome: Option<Outcome>, site: &Site) -> Self {
        Self { body: html!(outcome.map(|outcome| acting::said(outcome, site.words())), self.body), ..self }
    }

    /// `who` reads it; nobody who has not logged in learns more than the name of the organisation.
    pub(crate) fn into_document(self, site: &Site, who: Option<&Who>, now: Timestamp) -> String {
        let t = site.words();
        let mut menu = Html::default();
        for (path, name) in menu_of(t).into_iter().filter(|_| who.is_some()) {
            let current = if path == self.entry { html!(" aria-current=\"page\"") } else { Html::default() };
            put!(menu, "<a href=\"", path, "\"", current, ">", name, "</a>");
        }
        let organisation = if site.organisation.is_empty() { &site.box_name } else { &site.organisation };
        let (class, mode, about) = mode(site.mode, t);
        let badge =
            who.map(|_| html!("<span class=\"mode m-", class, "\" title=\"", about, "\">", mode, "</span>"));
        let out = who.map(|who| {
            html!(
                "<form class=\"out\" action=\"/logout\" method=\"post\">",
                people::csrf(who),
                who.name,
                " <button>",
                t.frame.log_out,
                "</button></form>"
            )
        });
        let fingerprint = site.secure.as_ref().filter(|_| who.is_some()).map(|secure| {
            let fingerprint = html!("<span class=\"fingerprint\">", secure.fingerprint, "</span>");
            html!("<br>", phrase(t.frame.fingerprint, &[("fingerprint", &fingerprint)]))
        });
        let page = html!(
            "<!DOCTYPE html>\n<html lang=\"",
            t.tag,
            "\"><head><meta charset=\"utf-8\"><title>",
            self.title,
            " \u{b7} ",
            organisation,
            "</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"stylesheet\" href=\"/style.css\">",
            "<link rel=\"icon\" href=\"/icon.svg\"></head>\n<body><header><div class=\"in\"><a class=\"home\" href=\"/\">",
            "<img src=\"/icon.svg\" alt=\"\" width=\"26\" height=\"26\"><b>abusebox</b> <span>",
            organisation,
            "</span></a><nav>",
            menu,
            "</nav>",
            badge,
            "</div></header>\n<main>",
            self.body,
            "</main>\n<footer>",
            out,
            "abusebox ",
            env!("CARGO_PKG_VERSION").to_owned(),
            " \u{b7} ",
            now.in_zone(&site.zone).strftime("%Y-%m-%d %H:%M %Z").to_string(),
            fingerprint,
            "</footer></body></html>\n",
        );
        page.into_string()
    }
}

/// The mode as the settings write it, its name, and what it means.
pub(crate) fn mode(mode: Mode, t: &PageWords) -> (&'static str, &'static str, &'static str) {
    match mode {
        Mode::Hold => ("hold", t.frame.mode_hold, t.frame.about_hold),
        Mode::Practice => ("practice", t.frame.mode_practice, t.frame.about_practice),
        Mode::Live => ("live", t.frame.mode_live, t.frame.about_live),
    }
}

/// A table: the heads, which also stand beside the cells on narrow screens, and rows of as many cells.
pub(crate) struct Table<const N: usize> {
    heads: [&'static str; N],
    /// From this column on there are numbers that a person compares.
    numbers_from: usize,
    /// Of the columns that have some: the way to the rows sorted by it, and how they are.
    sorts: [Option<(String, Option<&'static str>)>; N],
    rows: Html,
    is_empty: bool,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(heads: [&'static str; N]) -> Self {
        Self { heads, numbers_from: N, sorts: [const { None }; N], rows: Html::default(), is_empty: true }
    }

    pub(crate) fn with_numbers_from(self, column: usize) -> Self {
        Self { numbers_from: column, ..self }
    }

    /// `way` leads to the rows sorted by this column, the other way round if they already are: `is_rising` says how.
    pub(crate) fn sort(&mut self, column: usize, way: String, is_rising: Option<bool>) {
        let order = is_rising.map(|is_rising| if is_rising { "ascending" } else { "descending" });
        self.sorts[column] = Some((way, order));
    }

    pub(crate) fn row(&mut self, cells: [Html; N]) {
        self.is_empty = false;
        put!(self.rows, "<tr>");
        for (column, (head, cell)) in self.heads.iter().zip(cells).enumerate() {
            let class = self.class(column);
            put!(self.rows, "<td", class, " data-head=\"", head, "\"><div>", cell, "</div></td>");
        }
        put!(self.rows, "</tr>\n");
    }

    /// The table, or a sentence where there is nothing in it.
    pub(crate) fn or_say(self, nothing: impl Value) -> Html {
        if self.is_empty {
            return html!("<p class=\"none\">", nothing, "</p>");
        }
        let mut heads = Html::default();
        for (column, (head, sort)) in self.heads.iter().zip(&self.sorts).enumerate() {
            let order = sort.as_ref().and_then(|(_, order)| *order);
            let order = order.map(|order| html!(" aria-sort=\"", order, "\""));
            let head = match sort {
                None => html!(head),
                Some((way, _)) => html!("<a href=\"", way, "\">", head, "</a>"),
            };
            put!(heads, "<th scope=\"col\"", self.class(column), order, ">", head, "</th>");
        }
        html!("<table><thead><tr>", heads, "</tr></thead><tbody>\n", self.rows, "</tbody></table>")
    }

    fn class(&self, column: usize) -> Option<Html> {
        (column >= self.numbers_from).then(|| html!(" class=\"number\""))
    }
}

/// A list of facts; those without a value are left out.
#[derive(Default)]
pub(crate) struct Facts(Html);

impl Facts {
    pub(crate) fn add(&mut self, name: &str, value: Option<Html>) {
        if let Some(value) = value {
            put!(self.0, "<div><dt>", name, "</dt><dd>", value, "</dd></div>");
        }
    }

    pub(crate) fn done(self) -> Html {
        html!("<dl class=\"facts\">", self.0, "</dl>")
    }
}

/// A choice of a form: an empty one for everything, then (value, name).
pub(crate) fn select<'a>(
    name: &'static str,
    label: &'static str,
    all: &'static str,
    choices: impl IntoIterator<Item = (&'a str, &'a str)>,
    chosen: &str,
) -> Html {
    let all = html!("<option value=\"\">", all, "</option>");
    let options = options(choices, chosen);
    html!("<label>", label, "<select name=\"", name, "\">", all, options, "</select></label>")
}

/// A choice of a form among the report types that brought something. Several may bear one title.
pub(crate) fn select_type(
    name: &'static str,
    label: &'static str,
    view: &dyn View,
    site: &Site,
    chosen: &str,
) -> Result<Html, Fault> {
    let words = site.terms();
    let types = view.report_types()?;
    let mut types: Vec<_> = types.iter().map(|kind| (words.report_named(kind), kind.as_str())).collect();
    types.sort_unstable();
    types.truncate(TYPES_MAX);
    let types: Vec<_> = types.iter().map(|(title, kind)| (*kind, format!("{title} ({kind})"))).collect();
    let types = types.iter().map(|(kind, title)| (*kind, title.as_str()));
    Ok(select(name, label, site.words().frame.any, types, chosen))
}

/// What can be chosen: (value, name).
pub(crate) fn options<'a>(choices: impl IntoIterator<Item = (&'a str, &'a str)>, chosen: &str) -> Html {
    let mut options = Html::default();
    for (value, name) in choices {
        let mark = (value == chosen).then(|| html!(" selected"));
        put!(options, "<option value=\"", value, "\"", mark, ">", name, "</option>");
    }
    options
}

/// The way to the rows after these and back to the first; `pairs` say what is shown, `before` where it begins.
pub(crate) fn pager(
    t: &PageWords,
    path: &str,
    pairs: &[(&str, &str)],
    before: Option<&str>,
    next: Option<String>,
) -> Html {
    further(t, path, pairs, "before", before.is_some(), next)
}

/// The same for what is not in the order of time; `key` says where it begins.
pub(crate) fn further(
    t: &PageWords,
    path: &str,
    pairs: &[(&str, &str)],
    key: &str,
    is_further: bool,
    next: Option<String>,
) -> Html {
    let mut pager = Html::default();
    if is_further {
        put!(pager, "<a href=\"", link(path, pairs), "\">", t.frame.beginning, "</a>");
    }
    if let Some(next) = next {
        let pairs: Vec<(&str, &str)> = pairs.iter().copied().chain([(key, next.as_str())]).collect();
        put!(pager, "<a rel=\"next\" href=\"", link(path, &pairs), "\">", t.frame.further, "</a>");
    }
    html!("<p class=\"pager\">", pager, "</p>")
}

/// A customer with the way to all that is known of it.
pub(crate) fn customer(customer: Option<&Customer>, without: &'static str) -> Html {
    let Some(customer) = customer else { return html!("<span class=\"dim\">", without, "</span>") };
    html!(customer_link(&customer.id), " <span class=\"dim\">", customer.name, "</span>")
}

/// The id alone, with the same way. A line of a customer file may have none.
pub(crate) fn customer_link(id: &str) -> Option<Html> {
    let page = link("/customer", &[("id", id)]);
    (!id.is_empty()).then(|| html!("<a href=\"", page, "\">", id, "</a>"))
}

/// What the log says as a sentence: its lines begin small and end open.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    first.chain(letters).chain(end.chars()).collect()
}

/// A moment with how long ago it was.
pub(crate) fn when(at: Timestamp, site: &Site, now: Timestamp) -> Html {
    html!(super::html::time(at, &site.zone), " <span class=\"dim\">", site.words().ago(at, now), "</span>")
}

fn menu_of(t: &PageWords) -> [(&'static str, &'static str); 8] {
    [
        ("/", t.overview.title),
        ("/incidents", t.incidents.title),
        ("/mail", t.mails.title),
        ("/reports", t.reports.title),
        ("/customers", t.customers.title),
        ("/settings", t.settings.title),
        ("/system", t.system.title),
        ("/people", t.people.title),
    ]
}

/// More than there are, but anything can be sent as a report.
const TYPES_MAX: usize = 500;
