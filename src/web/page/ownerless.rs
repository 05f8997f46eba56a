//! What was found in our networks and has no customer.

use std::collections::HashSet;

use ipnet::IpNet;

use super::{Page, Table, customer, further, select};
use crate::clock::Timestamp;
use crate::customers::Owner;
use crate::incident::Ownership;
use crate::lang::fill;
use crate::web::html::{Html, html, link, phrase, put, severity, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{Ownerless, OwnerlessWanted, Site, View};
use crate::web::words::PageWords;

pub(crate) fn show(view: &dyn View, site: &Site, query: &mut Query, now: Timestamp) -> Result<Page, Fault> {
    let within = query.take_as::<IpNet>("within", |t| t.asked.network)?.map(|within| within.trunc());
    let after = query.take_as::<IpNet>("after", |t| t.asked.network)?;
    let why = query.take("why").unwrap_or_default();
    let together = query.take("together").unwrap_or_default();
    let reason = match why.as_str() {
        "" => None,
        word => Some(
            REASONS
                .into_iter()
                .find(|reason| self::word(*reason) == word)
                .ok_or(Fault::Query(|t| t.asked.why))?,
        ),
    };
    let by_network = match together.as_str() {
        "" => true,
        "address" => false,
        _ => return Err(Fault::Query(|t| t.asked.together)),
    };
    let part = view.ownerless(&OwnerlessWanted { why: reason, within, by_network }, after, now)?;
    let t = site.words();
    let say = &t.ownerless;
    let mut table = Table::new([
        say.place,
        say.addresses,
        t.incidents.severity,
        say.found,
        say.how_often,
        say.since,
        say.last_seen,
        say.why,
    ]);
    let words = site.terms();
    for row in &part.rows {
        let mut kinds = Html::default();
        let mut said = HashSet::new();
        // Several types may bear one name.
        let names = row.kinds.iter().map(|kind| words.report_named(kind)).filter(|name| said.insert(*name));
        let names: Vec<_> = names.collect();
        for name in names.iter().take(KINDS_MAX) {
            put!(kinds, "<span class=\"line\">", *name, "</span>");
        }
        if names.len() > KINDS_MAX {
            let more = t.number((names.len() - KINDS_MAX) as u64);
            put!(kinds, "<span class=\"line dim\">", fill(t.jobs.more, &[("count", &more)]), "</span>");
        }
        let mut often = t.count(row.incidents.count, say.incidents_one, say.incidents_many);
        if row.incidents.is_more {
            often = fill(t.customers.or_more, &[("count", &often)]);
        }
        let rows = t.count(row.rows, t.overview.rows_one, t.overview.rows_many);
        table.row([
            place(row, by_network, &why, t),
            html!(t.number(row.addresses)),
            severity(row.severity, words.severity(row.severity)),
            kinds,
            html!(often, "<span class=\"line dim\">", rows, "</span>"),
            time(row.first_seen, &site.zone),
            time(row.last_seen, &site.zone),
            reasons(row, t),
        ]);
    }
    let nothing = match (part.next.is_some(), after.is_some()) {
        (true, _) => t.frame.none_yet_looked_at,
        (false, true) => say.no_further,
        (false, false) => say.none,
    };
    let network = within.map(|within| within.to_string()).unwrap_or_default();
    let pairs = [("within", network.as_str()), ("why", why.as_str()), ("together", together.as_str())];
    let next = part.next.map(|next| next.to_string());
    let body = html!(
        "<p class=\"up\"><a href=\"/customers\">",
        t.customers.title,
        "</a></p><h1>",
        say.title,
        "</h1><p>",
        say.about,
        "</p><ul><li>",
        phrase(say.add, &[("file", &html!("<a href=\"/customers#file\">", say.file, "</a>"))]),
        "</li><li>",
        phrase(say.mark, &[("settings", &html!("<a href=\"/settings#networks\">", say.settings, "</a>"))]),
        "</li><li>",
        phrase(say.silence, &[]),
        "</li></ul><form class=\"filter\" action=\"/unassigned\" method=\"get\"><label class=\"wide\">",
        say.within,
        "<input type=\"search\" name=\"within\" maxlength=\"60\" value=\"",
        network,
        "\"></label>",
        select("why", say.why, t.frame.any, REASONS.map(|reason| (word(reason), name(reason, t))), &why),
        select("together", say.together, say.each_network, [("address", say.each_address)], &together),
        "<button>",
        t.frame.show,
        "</button></form>\n",
        table.or_say(nothing),
        further(t, "/unassigned", &pairs, "after", after.is_some(), next),
    );
    Ok(Page { title: say.title.to_owned(), entry: "/customers", body })
}

/// With the way to what is in it: its addresses, or the incidents of one.
fn place(row: &Ownerless, by_network: bool, why: &str, t: &PageWords) -> Html {
    let Some(place) = row.place else {
        return html!("<span class=\"dim\">", t.ownerless.no_address, "</span>");
    };
    let is_one = place.prefix_len() == place.max_prefix_len();
    let name = if is_one { place.addr().to_string() } else { place.to_string() };
    let way = match by_network && !is_one {
        true => link("/unassigned", &[("within", &name), ("why", why), ("together", "address")]),
        false => link("/incidents", &[("q", &place.addr().to_string())]),
    };
    html!("<a href=\"", way, "\"><code>", name, "</code></a>")
}

fn reasons(row: &Ownerless, t: &PageWords) -> Html {
    let mut reasons = Html::default();
    for reason in &row.ownership {
        let about = match reason {
            Ownership::Ambiguous => t.rows.about_ambiguous,
            Ownership::Unattributable => t.rows.about_unattributable,
            Ownership::Unassigned | Ownership::Customer => t.rows.about_unassigned,
        };
        put!(reasons, "<span class=\"badge\" title=\"", about, "\">", name(*reason, t), "</span> ");
    }
    let say = &t.ownerless;
    let now = match (row.owner, row.place) {
        (None, Some(_)) => html!(say.silenced),
        (Some(Owner::Outside), _) => html!(say.outside),
        (Some(Owner::Customer { .. }), _) => phrase(
            say.by_now,
            &[("customer", &customer(row.customer.as_ref(), t.incidents.unknown_customer))],
        ),
        _ => return reasons,
    };
    html!(reasons, "<span class=\"line dim\">", now, "</span>")
}

/// As rows are counted.
fn name(reason: Ownership, t: &PageWords) -> &'static str {
    match reason {
        Ownership::Ambiguous => t.rows.ambiguous,
        Ownership::Unattributable => t.rows.unattributable,
        Ownership::Unassigned | Ownership::Customer => t.rows.unassigned,
    }
}

fn word(reason: Ownership) -> &'static str {
    match reason {
        Ownership::Ambiguous => "ambiguous",
        Ownership::Unattributable => "unattributable",
        Ownership::Unassigned | Ownership::Customer => "unassigned",
    }
}

const REASONS: [Ownership; 3] = [Ownership::Unassigned, Ownership::Ambiguous, Ownership::Unattributable];
/// Types named of one place: one would be enough to go on.
const KINDS_MAX: usize = 3;
