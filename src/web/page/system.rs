//! The machine: version, slot, network, disk, memory, and the newest lines of its log.

use super::acting::may_act;
use super::people::csrf;
use super::{Facts, Page};
use crate::clock::Timestamp;
use crate::web::access::Who;
use crate::web::hand::{Hand, Power};
use crate::web::html::{Html, html, phrase, put};
use crate::web::router::{Fault, Query};
use crate::web::view::{Site, System, View};

pub(crate) fn show(
    view: &dyn View,
    hand: &dyn Hand,
    site: &Site,
    who: &Who,
    query: &mut Query,
    now: Timestamp,
) -> Result<Page, Fault> {
    let words = query.take("words").unwrap_or_default();
    let System { slot, networks, disk, store, memory, doubt } = view.system()?;
    let t = site.words();
    let say = &t.system;
    let size = |bytes: u64| match bytes >> 30 {
        0..10 => html!(t.number(bytes.div_ceil(1 << 20)), " MiB"),
        gibibytes => html!(t.number(gibibytes), " GiB"),
    };
    let mut facts = Facts::default();
    facts.add(say.version, Some(html!(env!("CARGO_PKG_VERSION").to_owned())));
    facts.add(say.slot, slot.map(|slot| html!(slot)));
    let clock = now.in_zone(&site.zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    let right = doubt.map_or(t.overview.clock_right, |_| t.overview.clock_doubtful);
    facts.add(t.overview.clock, Some(html!(clock, " <span class=\"dim\">", right, "</span>")));
    let mut own = Html::default();
    for network in &networks {
        put!(own, "<span class=\"line\"><code>", network.to_string(), "</code></span>");
    }
    facts.add(say.networks, (!networks.is_empty()).then_some(own));
    let room = |(free, all)| phrase(say.free_of, &[("free", &size(free)), ("all", &size(all))]);
    facts.add(say.disk, disk.map(room));
    facts.add(say.store, store.map(size));
    facts.add(say.memory, memory.map(size));

    let mut log = Html::default();
    for line in view.log(&words) {
        put!(log, line, "\n");
    }
    let log = match log == Html::default() {
        true => html!("<p class=\"none\">", say.no_lines, "</p>"),
        false => html!("<pre class=\"log\" tabindex=\"0\" aria-label=\"", say.log, "\">", log, "</pre>"),
    };
    let body = html!(
        "<h1>",
        say.title,
        "</h1>",
        facts.done(),
        (hand.can_restart() && may_act(who)).then(|| power(who, site)),
        may_act(who).then(|| ways(site)),
        "<h2>",
        say.log,
        "</h2><form class=\"filter\" action=\"/system\" method=\"get\"><label class=\"wide\">",
        say.words,
        "<input name=\"words\" maxlength=\"100\" value=\"",
        words,
        "\"></label><button>",
        t.frame.show,
        "</button></form>",
        log,
    );
    Ok(Page { title: say.title.to_owned(), entry: "/system", body })
}

fn ways(site: &Site) -> Html {
    let t = site.words();
    let pages = [("/system/certificate", t.certificate.title), ("/system/support", t.system.support)];
    let mut ways = Html::default();
    for (path, title) in pages {
        put!(ways, "<li><a href=\"", path, "\">", title, "</a></li>");
    }
    html!("<ul class=\"places\">", ways, "</ul>")
}

/// What a supporter gets to see, to be read before it is given away.
pub(crate) fn support(view: &dyn View, site: &Site, who: &Who, now: Timestamp) -> Result<Page, Fault> {
    let t = site.words();
    let say = &t.system;
    let body = html!(
        "<p class=\"up\"><a href=\"/system\">",
        say.title,
        "</a></p><h1>",
        say.support,
        "</h1><p>",
        say.support_about,
        "</p><form class=\"acts\" action=\"/system/support/download\" method=\"post\">",
        csrf(who),
        "<button>",
        say.support_download,
        "</button></form><pre class=\"log\" tabindex=\"0\" aria-label=\"",
        say.support,
        "\">",
        view.support(now)?,
        "</pre>"
    );
    Ok(Page { title: say.support.to_owned(), entry: "/system", body })
}

/// Both stop the page, so each wants a second sign that it is meant.
fn power(who: &Who, site: &Site) -> Html {
    let say = &site.words().system;
    let button =
        |power: Power, name| html!("<button name=\"do\" value=\"", power.word(), "\">", name, "</button> ");
    html!(
        "<form class=\"do\" action=\"/system/power\" method=\"post\">",
        csrf(who),
        "<p class=\"acts\"><label class=\"check\"><input type=\"checkbox\" name=\"sure\" required>",
        say.sure,
        "</label>",
        button(Power::Restart, say.restart),
        button(Power::Off, say.off),
        "<span class=\"hint\">",
        say.power_about,
        "</span></p></form>"
    )
}

/// Instead of the page that is about to go.
pub(crate) fn going(power: Power, site: &Site) -> Page {
    let say = &site.words().system;
    let (title, about) = match power {
        Power::Restart => (say.restarts, say.restarts_about),
        Power::Off => (say.goes_off, say.goes_off_about),
    };
    Page::message(title, html!("<p>", about, "</p>"))
}
