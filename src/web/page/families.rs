//! The kinds of problems: what is open of each, and what holds for it alone.

use super::people::csrf;
use super::settings::{Typed, of_family};
use super::{Page, Table};
use crate::clock::Timestamp;
use crate::config::FamilyPolicy;
use crate::config::edit::Written;
use crate::lang::fill;
use crate::report::kind::{Family, KINDS, Tell};
use crate::web::access::Who;
use crate::web::hand::Hand;
use crate::web::html::{Html, html, phrase, put};
use crate::web::page::acting::may_act;
use crate::web::router::Fault;
use crate::web::view::{Site, View};

pub(crate) fn list(view: &dyn View, hand: &dyn Hand, site: &Site, now: Timestamp) -> Result<Page, Fault> {
    let (t, words) = (site.words(), site.terms());
    let say = &t.families;
    let open = view.open_by_family(now)?;
    let (written, _) = hand.settings()?;
    let mut table = Table::new([say.family, say.open, say.holds]).with_numbers_from(3);
    for (&family, open) in Family::ALL.iter().zip(open) {
        let own = written.families.get(&family).copied().unwrap_or_default();
        let title = &words.family(family).title;
        table.row([
            html!("<a id=\"", family.word(), "\" href=\"/families/", family.word(), "\">", title, "</a>"),
            html!(t.number(open)),
            rules(&own, site),
        ]);
    }
    let policy = html!("<a href=\"/settings#policy\">", t.settings.title, "</a>");
    let body = html!(
        up(site),
        "<h1>",
        say.title,
        "</h1><p>",
        phrase(say.about, &[("settings", &policy)]),
        "</p>",
        table.or_say("")
    );
    Ok(Page { title: say.title.to_owned(), entry: "/settings", body })
}

pub(crate) fn one(
    family: Family,
    site: &Site,
    who: &Who,
    (written, version): &(Written, String),
    typed: &Typed,
) -> Page {
    let (t, words) = (site.words(), site.terms());
    let say = &t.families;
    let title = words.family(family).title.clone();
    let own = written.families.get(&family).copied().unwrap_or_default();
    let mut types = Html::default();
    for kind in KINDS.iter().filter(|kind| kind.family == family && !kind.retired) {
        put!(types, "<li>", words.report_title(kind), " <code>", kind.name, "</code></li>");
    }
    let body = html!(
        "<p class=\"up\"><a href=\"/families#",
        family.word(),
        "\">",
        say.title,
        "</a></p><h1>",
        title,
        "</h1><p>",
        words.family(family).seen,
        "</p><form class=\"settings\" action=\"/families/change\" method=\"post\"><fieldset",
        (!may_act(who)).then(|| html!(" disabled")),
        "><legend>",
        say.holds,
        " <code>",
        family.word(),
        "</code></legend>",
        csrf(who),
        "<input type=\"hidden\" name=\"version\" value=\"",
        version,
        "\"><input type=\"hidden\" name=\"which\" value=\"",
        family.word(),
        "\">",
        of_family(site, written, &own, typed),
        may_act(who).then(|| html!("<button>", t.settings.save, "</button>")),
        "</fieldset></form><h2>",
        say.types,
        "</h2><ul>",
        types,
        "</ul>"
    );
    Page { title, entry: "/settings", body }
}

fn up(site: &Site) -> Html {
    html!("<p class=\"up\"><a href=\"/settings#family\">", site.words().settings.title, "</a></p>")
}

/// What holds for a family alone, in few words.
fn rules(own: &FamilyPolicy, site: &Site) -> Html {
    let (t, words) = (site.words(), site.terms());
    let say = &t.families;
    let FamilyPolicy { tell, repeat_days, seen_days_min, amplification_min, severity_min } = *own;
    let days = |sentence, days: u32| fill(sentence, &[("days", &t.number(u64::from(days)))]);
    let tell = tell.map(|tell| match tell {
        Tell::Nobody => say.tell_nobody.to_owned(),
        Tell::Operator => say.tell_operator.to_owned(),
        Tell::Customer | Tell::Unknown => say.tell_customer.to_owned(),
    });
    let rules: Vec<String> = [
        tell,
        severity_min.map(|min| fill(say.from_severity, &[("severity", words.severity(min))])),
        seen_days_min.map(|min| days(say.after_days, min)),
        amplification_min.map(|min| fill(say.from_amplification, &[("times", &min.to_string())])),
        repeat_days.map(|repeat| days(say.repeat, repeat)),
    ]
    .into_iter()
    .flatten()
    .collect();
    match rules.is_empty() {
        true => html!("<span class=\"dim\">", say.as_for_all, "</span>"),
        false => html!(rules.join("; ")),
    }
}
