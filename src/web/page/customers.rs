//! The customer list as far as it matters here, and whose an address was.

use std::net::IpAddr;

use jiff::civil::DateTime;

use super::{Facts, Page, Table, customer, when};
use crate::clock::Timestamp;
use crate::web::html::{Html, html, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{Site, View};

pub(crate) fn show(view: &dyn View, site: &Site, query: &mut Query, now: Timestamp) -> Result<Page, Fault> {
    let asked = query.take("address").unwrap_or_default();
    let port = query.take_as::<u16>("port", "Write a port from 0 to 65535, or none.")?;
    let moment = query.take("time").unwrap_or_default();
    let at = match moment.as_str() {
        "" => now,
        text => moment_of(text, site).ok_or(Fault::Query(
            "Write the time like 2026-11-20T13:45 (in the time zone of the box) or 2026-11-20T12:45:00Z.",
        ))?,
    };
    let shown_port = port.map(|port| port.to_string()).unwrap_or_default();
    let mut body = html!(
        "<h1>Customers</h1><h2>Whose address is it?</h2>",
        "<form class=\"filter\" action=\"/customers\" method=\"get\"><label class=\"wide\">Address",
        "<input name=\"address\" required maxlength=\"60\" value=\"",
        asked,
        "\"></label><label>Port<input name=\"port\" inputmode=\"numeric\" maxlength=\"5\" size=\"6\" value=\"",
        shown_port,
        "\"></label><label>At (empty: now)<input type=\"datetime-local\" name=\"time\" value=\"",
        moment,
        "\"></label><button>Look up</button></form>\n",
    );
    if !asked.is_empty() {
        let answer = match asked.parse::<IpAddr>() {
            Ok(address) => whois(view, site, address, port, at),
            Err(_) => html!("<p class=\"bad\">Write an address like 192.0.2.1 or 2001:db8::1.</p>"),
        };
        put!(body, answer);
    }
    let customers = view.customers()?;
    let mut facts = Facts::default();
    facts.add("Customers", Some(html!(customers.customers)));
    facts.add("Prefixes", Some(html!(customers.prefixes)));
    facts.add("Since", customers.imports.first().map(|newest| when(newest.imported, site, now)));
    facts.add("File", customers.file.map(|file| html!("<span class=\"cell\">", file, "</span>")));
    let mut table = Table::new(["Taken", "Customers", "Prefixes"]);
    for import in &customers.imports {
        table.row([time(import.imported, &site.zone), html!(import.customers), html!(import.prefixes)]);
    }
    put!(
        body,
        "<h2>The customer list</h2>",
        facts.done(),
        "<h2>Accepted files</h2><p class=\"dim\">Kept for 35 days after the next one, because rows come late.</p>",
        table.or_say("None yet: put the customer file in place, or run abusebox customers import FILE.")
    );
    Ok(Page { title: "Customers".to_owned(), entry: "/customers", body })
}

fn whois(view: &dyn View, site: &Site, address: IpAddr, port: Option<u16>, at: Timestamp) -> Html {
    let answer = view.whois(address, port, at);
    let mut facts = Facts::default();
    let owner = html!("<b>", answer.owner, "</b>");
    let known = answer.customer.as_ref();
    facts.add("Owner", Some(known.map_or(owner, |_| customer(known, ""))));
    facts.add("At", Some(time(at, &site.zone)));
    facts.add("Prefix", answer.prefix.map(|prefix| html!("<code>", prefix, "</code>")));
    facts.add("Why", Some(html!(answer.why)));
    let mut table = Table::new(["Customer", "Prefix", "Line", "Of the file taken", "Why"]);
    for candidate in &answer.candidates {
        let won =
            if candidate.won { html!("<span class=\"badge good\">won</span> ") } else { Html::default() };
        table.row([
            html!(candidate.customer_id),
            html!("<code>", candidate.prefix, "</code>"),
            html!(u64::from(candidate.line)),
            time(candidate.imported, &site.zone),
            html!(won, candidate.why),
        ]);
    }
    html!(
        "<section class=\"answer\"><h3><code>",
        address.to_string(),
        "</code></h3>",
        facts.done(),
        table.or_say("No line of a customer file is around this address."),
        "</section>",
    )
}

/// A moment as a form sends it, in the zone of the box, or in RFC 3339.
fn moment_of(text: &str, site: &Site) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        let at = local.to_zoned(site.zone.clone()).ok()?;
        Some(Timestamp::from_unix(at.timestamp().as_second()))
    })
}
