//! What somebody sees who is not in yet.

use super::Page;
use super::people::{Told, field, password_fields};
use crate::web::entry::may_send;
use crate::web::html::{Html, html};
use crate::web::router::Desk;
use crate::web::view::Secure;

/// Of a box that is nobody's yet.
pub(crate) fn claim(desk: &Desk<'_>, told: Option<Told>) -> Page {
    let form = html!(
        "<p>This abusebox is nobody's yet. Whoever knows its setup code makes it his own.</p>",
        "<form class=\"entry\" action=\"/claim\" method=\"post\">",
        field("code", "Setup code", "text", "off"),
        "<p class=\"hint\">It stands on the screen of the box, or in the log of abusebox, or in the settings as ",
        "<code>page.setup_code</code>.</p>",
        field("name", "Your name here", "text", "username"),
        password_fields("Password", "at least 12 characters; several words make a good one"),
        "<button>Claim this abusebox</button></form>",
    );
    page(desk, "Claim this abusebox", told, form)
}

/// `to`: where to go from there.
pub(crate) fn log_in(desk: &Desk<'_>, to: &str, told: Option<Told>) -> Page {
    let form = html!(
        "<form class=\"entry\" action=\"/login\" method=\"post\"><input type=\"hidden\" name=\"to\" value=\"",
        to,
        "\">",
        field("name", "Name", "text", "username"),
        field("password", "Password", "password", "current-password"),
        "<button>Log in</button></form>",
        "<details><summary>Password forgotten?</summary><p>Another operator can remove you and add you again. ",
        "If there is none: put a file named <code>reset-password</code> on the first partition of the box's card or ",
        "disk and start it again; elsewhere stop abusebox, make an empty file of that name in its data folder, and ",
        "start it. Then it asks for the setup code, and no data is lost.</p></details>",
    );
    page(desk, "Log in", told, form)
}

/// When even the page of an error cannot be made.
pub(crate) fn broken() -> Page {
    Page::message("This page cannot be shown", html!("<p>The log of abusebox may say more.</p>"))
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
    let danger = if may_send(desk) {
        html!("Whoever is in this network can read a password that you send here.")
    } else {
        html!("You are not in a private network, so no password is taken here.")
    };
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
        html!(
            " Better is <a href=\"",
            address,
            "\">",
            address,
            "</a>: the browser does not know this box's certificate and says so; it is the right one if its SHA-256 \
             fingerprint is</p><p class=\"fingerprint\">",
            secure.fingerprint,
        )
    });
    Some(html!("<div class=\"alarm\"><p>This connection is not encrypted. ", danger, better, "</p></div>"))
}
