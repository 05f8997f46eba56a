//! What somebody sees who is not in yet.

use super::Page;
use super::people::{Told, field, password_fields};
use crate::web::entry::may_send;
use crate::web::html::{Html, html, phrase};
use crate::web::router::Desk;
use crate::web::view::Secure;
use crate::web::words::PageWords;

/// Of a box that is nobody's yet.
pub(crate) fn claim(desk: &Desk<'_>, told: Option<Told>) -> Page {
    let t = desk.site.words();
    let form = html!(
        "<p>",
        t.entry.claim_about,
        "</p><form class=\"entry\" action=\"/claim\" method=\"post\">",
        field("code", t.entry.code, "text", "off"),
        "<p class=\"hint\">",
        phrase(t.entry.code_about, &[]),
        "</p>",
        field("name", t.entry.new_name, "text", "username"),
        password_fields(t, t.entry.password, t.entry.password_about),
        "<button>",
        t.entry.claim,
        "</button></form>",
    );
    page(desk, t.entry.claim, told, form)
}

/// `to`: where to go from there.
pub(crate) fn log_in(desk: &Desk<'_>, to: &str, told: Option<Told>) -> Page {
    let t = desk.site.words();
    let form = html!(
        "<form class=\"entry\" action=\"/login\" method=\"post\"><input type=\"hidden\" name=\"to\" value=\"",
        to,
        "\">",
        field("name", t.entry.name, "text", "username"),
        field("password", t.entry.password, "password", "current-password"),
        "<button>",
        t.entry.log_in,
        "</button></form><details><summary>",
        t.entry.forgotten,
        "</summary><p>",
        phrase(t.entry.forgotten_about, &[]),
        "</p></details>",
    );
    page(desk, t.entry.log_in, told, form)
}

/// When even the page of an error cannot be made.
pub(crate) fn broken(t: &PageWords) -> Page {
    Page::message(t.refused.broken, html!("<p>", t.refused.see_log, "</p>"))
}

fn page(desk: &Desk<'_>, title: &'static str, told: Option<Told>, form: Html) -> Page {
    let form = if may_send(desk) { form } else { Html::default() };
    Page::message(title, html!(told.map(Told::into_html), warning(desk), form))
}

/// What to know of a connection that is not encrypted.
fn warning(desk: &Desk<'_>) -> Option<Html> {
    if desk.visitor.is_secure {
        return None;
    }
    let t = &desk.site.words().entry;
    let danger = if may_send(desk) { t.overheard } else { t.far_away };
    let reachable = |secure: &&Secure| !secure.is_local || desk.visitor.peer.is_loopback();
    let better = desk.site.secure.as_ref().filter(reachable).map(|secure| {
        let host = desk.request.host;
        let name = match host.rfind(']').or(host.rfind(':')) {
            Some(at) if host[at..].starts_with(':') => &host[..at],
            Some(at) => &host[..=at],
            None => host,
        };
        let port = if secure.port == 443 { String::new() } else { format!(":{}", secure.port) };
        let address = format!("https://{name}{port}/");
        let link = html!("<a href=\"", address, "\">", address, "</a>");
        html!(" ", phrase(t.better, &[("link", &link)]), "</p><p class=\"fingerprint\">", secure.fingerprint)
    });
    Some(html!("<div class=\"alarm\"><p>", t.not_encrypted, " ", danger, better, "</p></div>"))
}
