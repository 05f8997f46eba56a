//! The operator's own certificate: what is in force of it, and the form by which another one is sent.

use super::acting::may_act;
use super::people::csrf;
use super::{Facts, Page};
use crate::clock::Timestamp;
use crate::lang::fill;
use crate::web::access::Who;
use crate::web::certificate::Unfit;
use crate::web::hand::{Hand, Own};
use crate::web::html::{Html, html, put, time};
use crate::web::router::Fault;
use crate::web::view::Site;
use crate::web::words::PageWords;

/// What was sent and not taken. The key is not among it.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) chain: String,
    pub(crate) why: Option<String>,
}

pub(crate) fn show(
    hand: &dyn Hand,
    site: &Site,
    who: &Who,
    sent: &Sent,
    now: Timestamp,
) -> Result<Page, Fault> {
    if !may_act(who) {
        return Err(Fault::NotFound);
    }
    let t = site.words();
    let say = &t.certificate;
    let system = html!("<a href=\"/system\">", t.system.title, "</a>");
    let mut body = html!("<p class=\"up\">", system, "</p><h1>", say.title, "</h1><p>", say.about, "</p>");
    match hand.own_certificate() {
        None => put!(body, "<p class=\"none\">", say.none, "</p>"),
        Some(own) => put!(body, in_force(&own, site, who, now)),
    }
    put!(body, "<h2>", say.another, "</h2>");
    if let Some(why) = &sent.why {
        put!(body, "<p class=\"alarm\" role=\"alert\">", why, "</p>");
    }
    let text = |name: &'static str,
                label: &'static str,
                hint: &'static str,
                rows: &'static str,
                text: &str| {
        html!(
            "<div class=\"setting\"><label for=\"",
            name,
            "\">",
            label,
            "</label><textarea id=\"",
            name,
            "\" name=\"",
            name,
            "\" rows=\"",
            rows,
            "\" required maxlength=\"49152\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" \
             aria-describedby=\"hint:",
            name,
            "\">\n",
            text,
            "</textarea><p class=\"hint\" id=\"hint:",
            name,
            "\">",
            hint,
            "</p></div>"
        )
    };
    put!(
        body,
        "<form class=\"settings\" action=\"/system/certificate/change\" method=\"post\"><fieldset>",
        csrf(who),
        "<input type=\"hidden\" name=\"do\" value=\"put\">",
        text("chain", say.chain, say.chain_about, "8", &sent.chain),
        text("key", say.key, say.key_about, "4", ""),
        "<button>",
        say.put,
        "</button></fieldset></form>"
    );
    Ok(Page { title: say.title.to_owned(), entry: "/system", body })
}

fn in_force(own: &Own, site: &Site, who: &Who, now: Timestamp) -> Html {
    let t = site.words();
    let say = &t.certificate;
    let mut facts = Facts::default();
    facts.add(say.file, Some(html!("<code>", own.file, "</code>")));
    let about = own.about.as_ref();
    let mut names = Html::default();
    for name in about.into_iter().flat_map(|about| &about.names) {
        put!(names, "<span class=\"line cell\"><code>", name, "</code></span>");
    }
    facts.add(say.names, (names != Html::default()).then_some(names));
    facts.add(say.until, about.map(|about| time(about.until, &site.zone)));
    let wrong = match about {
        None => Some(say.unusable),
        Some(about) if about.until < now => Some(say.over),
        Some(_) => None,
    };
    html!(
        wrong.map(|wrong| html!("<p class=\"alarm\">", wrong, "</p>")),
        facts.done(),
        "<form class=\"acts\" action=\"/system/certificate/change\" method=\"post\">",
        csrf(who),
        "<input type=\"hidden\" name=\"do\" value=\"remove\"><button class=\"quiet\">",
        say.remove,
        "</button><span class=\"hint\">",
        say.remove_about,
        "</span></form>"
    )
}

/// What is wrong with what was sent, and what to do.
pub(crate) fn unfit(unfit: &Unfit, t: &PageWords) -> String {
    let say = &t.certificate;
    match unfit {
        Unfit::NoCertificate => say.no_certificate.to_owned(),
        Unfit::NoKey => say.no_key.to_owned(),
        Unfit::EncryptedKey => say.encrypted.to_owned(),
        Unfit::AnotherKey => say.another_key.to_owned(),
        Unfit::Expired(day) => fill(say.expired, &[("day", &day.to_string())]),
        Unfit::NotYet(day) => fill(say.not_yet, &[("day", &day.to_string())]),
        Unfit::Unusable(why) => fill(say.not_usable, &[("why", why)]),
    }
}
