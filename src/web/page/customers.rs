//! The customer list as far as it matters here, and whose an address was.

use std::net::IpAddr;

use jiff::civil::DateTime;

use super::{Facts, Page, Table, acting, customer, when};
use crate::clock::Timestamp;
use crate::customers::Owner;
use crate::customers::table::Why;
use crate::web::access::Who;
use crate::web::html::{Html, html, phrase, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{Site, View};
use crate::web::words::PageWords;

pub(crate) fn show(
    view: &dyn View,
    site: &Site,
    query: &mut Query,
    who: &Who,
    now: Timestamp,
) -> Result<Page, Fault> {
    let asked = query.take("address").unwrap_or_default();
    let port = query.take_as::<u16>("port", |t| t.asked.port)?;
    let moment = query.take("time").unwrap_or_default();
    let at = match moment.as_str() {
        "" => now,
        text => moment_of(text, site).ok_or(Fault::Query(|t| t.asked.time))?,
    };
    let shown_port = port.map(|port| port.to_string()).unwrap_or_default();
    let t = site.words();
    let mut body = html!(
        "<h1>",
        t.customers.title,
        "</h1><h2>",
        t.customers.whose,
        "</h2><form class=\"filter\" action=\"/customers\" method=\"get\"><label class=\"wide\">",
        t.customers.address,
        "<input name=\"address\" required maxlength=\"60\" value=\"",
        asked,
        "\"></label><label>",
        t.customers.port,
        "<input name=\"port\" inputmode=\"numeric\" maxlength=\"5\" size=\"6\" value=\"",
        shown_port,
        "\"></label><label>",
        t.customers.at,
        "<input type=\"datetime-local\" name=\"time\" value=\"",
        moment,
        "\"></label><button>",
        t.customers.look_up,
        "</button></form>\n",
    );
    if !asked.is_empty() {
        let answer = match asked.parse::<IpAddr>() {
            Ok(address) => whois(view, site, address, port, at),
            Err(_) => html!("<p class=\"bad\">", t.asked.address, "</p>"),
        };
        put!(body, answer);
    }
    let customers = view.customers()?;
    let mut facts = Facts::default();
    facts.add(t.customers.title, Some(html!(t.number(customers.customers))));
    facts.add(t.customers.prefixes, Some(html!(t.number(customers.prefixes))));
    facts.add(t.customers.since, customers.imports.first().map(|newest| when(newest.imported, site, now)));
    facts.add(t.customers.file, customers.file.map(|file| html!("<span class=\"cell\">", file, "</span>")));
    let mut table =
        Table::new([t.customers.taken, t.customers.title, t.customers.prefixes]).with_numbers_from(1);
    for import in &customers.imports {
        table.row([
            time(import.imported, &site.zone),
            html!(t.number(import.customers)),
            html!(t.number(import.prefixes)),
        ]);
    }
    put!(
        body,
        "<h2>",
        t.customers.list,
        "</h2>",
        facts.done(),
        acting::file_form(who, "/customers/upload", ".csv,.txt", t.jobs.check_file, t),
        "<p class=\"hint\">",
        t.jobs.check_about,
        "</p><h2>",
        t.customers.accepted,
        "</h2><p class=\"dim\">",
        t.customers.kept,
        "</p>",
        table.or_say(t.customers.no_files)
    );
    Ok(Page { title: t.customers.title.to_owned(), entry: "/customers", body })
}

fn whois(view: &dyn View, site: &Site, address: IpAddr, port: Option<u16>, at: Timestamp) -> Html {
    let t = site.words();
    let answer = view.whois(address, port, at);
    let mut facts = Facts::default();
    let known = answer.customer.as_ref();
    let nobody = || html!("<b>", owner(answer.owner, t), "</b>");
    facts.add(t.customers.owner, Some(known.map_or_else(nobody, |_| customer(known, ""))));
    facts.add(t.customers.moment, Some(time(at, &site.zone)));
    facts.add(t.customers.prefix, answer.prefix.map(|prefix| html!("<code>", prefix, "</code>")));
    facts.add(t.customers.why, Some(phrase(sentence(answer.why, t), &[])));
    let say = &t.customers;
    let mut table = Table::new([say.customer, say.prefix, say.line, say.of_file, say.why]);
    for candidate in &answer.candidates {
        let won = candidate.won.then(|| html!("<span class=\"badge good\">", say.won, "</span> "));
        table.row([
            html!(candidate.customer_id),
            html!("<code>", candidate.prefix, "</code>"),
            html!(candidate.line.to_string()),
            time(candidate.imported, &site.zone),
            html!(won, phrase(sentence(candidate.why, t), &[])),
        ]);
    }
    html!(
        "<section class=\"answer\"><h3><code>",
        address.to_string(),
        "</code></h3>",
        facts.done(),
        table.or_say(say.no_line),
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

fn owner(owner: Owner, t: &PageWords) -> &'static str {
    match owner {
        Owner::Customer { .. } => t.customers.customer,
        Owner::Unassigned => t.rows.unassigned,
        Owner::Ambiguous => t.rows.ambiguous,
        Owner::Unattributable => t.rows.unattributable,
        Owner::Outside => t.rows.outside,
    }
}

fn sentence(why: Why, t: &PageWords) -> &'static str {
    let t = &t.whose;
    match why {
        Why::Outside => t.outside,
        Why::Unattributable => t.unattributable,
        Why::NoLine => t.no_line,
        Why::FilesDiffer => t.files_differ,
        Why::FilesAgree => t.files_agree,
        Why::MailsDiffer => t.mails_differ,
        Why::TwoCustomers => t.two_customers,
        Why::OnlyPrefix => t.only_prefix,
        Why::Longest => t.longest,
        Why::NotMailed => t.not_mailed,
        Why::LongerPrefix => t.longer_prefix,
        Why::NoneValid => t.none_valid,
        Why::NotValid => t.not_valid,
    }
}
