//! The customer list as far as it matters here, and whose an address was.

use std::net::IpAddr;

use jiff::civil::DateTime;

use super::acting::may_act;
use super::people::csrf;
use super::{Facts, Page, Table, acting, customer, customer_link, further, select, when};
use crate::clock::Timestamp;
use crate::customers::Owner;
use crate::customers::table::Why;
use crate::lang::fill;
use crate::sessions::owner::By;
use crate::store::{Came, Poll};
use crate::web::access::Who;
use crate::web::html::{Html, html, phrase, put, time};
use crate::web::router::{Fault, Query};
use crate::web::view::{CustomerFacts, CustomerRow, CustomersWanted, Few, Part, Site, View};
use crate::web::words::PageWords;

pub(crate) fn show(
    view: &dyn View,
    site: &Site,
    query: &mut Query,
    who: &Who,
    now: Timestamp,
) -> Result<Page, Fault> {
    let search = query.take("q").unwrap_or_default();
    let which = query.take("which").unwrap_or_default();
    let after = query.take_exact("after").unwrap_or_default();
    let gone = match which.as_str() {
        "" => false,
        "gone" => true,
        _ => return Err(Fault::Query(|t| t.asked.which_customers)),
    };
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
        "</h1><ul class=\"places\"><li><a href=\"#file\">",
        t.customers.list,
        "</a></li><li><a href=\"/unassigned\">",
        t.ownerless.title,
        "</a></li><li><a href=\"/nat\">",
        t.nat.title,
        "</a></li></ul><h2>",
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
            Ok(address) => whois(view, site, address, port, at)?,
            Err(_) => html!("<p class=\"bad\">", t.asked.address, "</p>"),
        };
        put!(body, answer);
    }
    let wanted = CustomersWanted { search, gone };
    let found = view.customers_found(&wanted, &after, now)?;
    let pairs = [("q", wanted.search.as_str()), ("which", which.as_str())];
    put!(
        body,
        "<h2>",
        t.customers.all,
        "</h2><form class=\"filter\" action=\"/customers\" method=\"get\"><label class=\"wide\">",
        t.customers.search,
        "<input type=\"search\" name=\"q\" maxlength=\"200\" value=\"",
        wanted.search,
        "\"></label>",
        select("which", t.customers.which, t.customers.in_file, [("gone", t.customers.gone)], &which),
        "<button>",
        t.frame.show,
        "</button></form>\n",
        list(&found, !after.is_empty(), site),
        further(t, "/customers", &pairs, "after", !after.is_empty(), found.next),
    );
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
    put!(body, fetched(&view.fetched()?, site, who, now));
    put!(
        body,
        "<h2 id=\"file\">",
        t.customers.list,
        "</h2>",
        facts.done(),
        (customers.is_held && may_act(who)).then(|| html!(
            "<form class=\"quiet\" action=\"/customers/held\" method=\"post\">",
            csrf(who),
            "<p class=\"alarm\">",
            t.customers.held,
            "</p><p class=\"acts\"><button>",
            t.customers.look_at_held,
            "</button></p></form>"
        )),
        acting::file_form(who, "/customers/upload", CUSTOMER_FILES, t.jobs.check_file, t),
        "<p class=\"hint\">",
        t.jobs.check_about,
        "</p>",
        acting::file_form(who, "/customers/addresses", CUSTOMER_FILES, t.jobs.check_addresses, t),
        "<p class=\"hint\">",
        t.jobs.addresses_about,
        "</p><h2>",
        t.customers.accepted,
        "</h2><p class=\"dim\">",
        t.customers.kept,
        "</p>",
        table.or_say(t.customers.no_files)
    );
    Ok(Page { title: t.customers.title.to_owned(), entry: "/customers", body })
}

/// What a browser offers to choose from.
pub(crate) const CUSTOMER_FILES: &str = ".csv,.txt,.xlsx,.ods";

/// What is fetched from elsewhere, and a form for a log that somebody has at hand.
fn fetched(all: &[(String, Option<Poll>)], site: &Site, who: &Who, now: Timestamp) -> Html {
    let t = site.words();
    let say = &t.fetched;
    let mut table = Table::new([say.source, say.fetched, say.came, ""]);
    for (name, poll) in all {
        let log = name.strip_prefix("sessions.");
        let taken = if log.is_some() { say.sessions_taken } else { say.customers_taken };
        let fault = poll.as_ref().and_then(|poll| poll.fault.as_ref());
        let came = poll.as_ref().and_then(|poll| poll.came.as_ref());
        let came = came.map(|(at, came)| {
            let what = match came {
                Came::Taken { count, complaints } => {
                    let (count, complaints) = (t.number(*count), t.number(*complaints));
                    html!(fill(taken, &[("count", &count), ("complaints", &complaints)]))
                }
                Came::Refused(why) => {
                    html!("<span class=\"bad\">", fill(say.refused, &[("why", why)]), "</span>")
                }
            };
            html!("<p>", what, ", ", when(*at, site, now), "</p>")
        });
        let fault = fault.map(|why| html!("<p class=\"bad\">", fill(say.failed, &[("why", why)]), "</p>"));
        let button = acting::may_act(who).then(|| {
            html!(
                "<form action=\"/customers/fetch\" method=\"post\">",
                csrf(who),
                "<input type=\"hidden\" name=\"name\" value=\"",
                name,
                "\"><button>",
                say.now,
                "</button></form>"
            )
        });
        let fetched = poll.as_ref().and_then(|poll| poll.fetched);
        table.row([
            html!(log.map_or(say.customer_list.to_owned(), |name| fill(say.log, &[("name", name)]))),
            fetched.map_or_else(|| html!(say.never), |at| when(at, site, now)),
            html!(fault, came),
            html!(button),
        ]);
    }
    html!(
        "<h2 id=\"elsewhere\">",
        say.title,
        "</h2><p class=\"dim\">",
        say.about,
        "</p>",
        table.or_say(say.nothing_yet),
        acting::file_form(who, "/sessions/upload", ".csv,.txt,.log,.gz,.leases", say.send_log, t),
        "<p class=\"hint\">",
        say.send_log_about,
        "</p>"
    )
}

/// `is_further`: some were before these.
fn list(found: &Part<CustomerRow, String>, is_further: bool, site: &Site) -> Html {
    let t = site.words();
    let say = &t.customers;
    let mut table = Table::new([say.id, say.name, say.mails_to, say.language, say.last_mail, say.open])
        .with_numbers_from(5);
    for row in &found.rows {
        let CustomerFacts { customer, language, mails, .. } = &row.facts;
        let to = match mails.split_first() {
            None => html!("<span class=\"dim\">", t.mails.operator, "</span>"),
            Some((first, [])) => html!("<span class=\"cell\">", first, "</span>"),
            Some((first, more)) => {
                let more = fill(t.jobs.more, &[("count", &t.number(more.len() as u64))]);
                html!("<span class=\"cell\">", first, "</span> <span class=\"dim\">", more, "</span>")
            }
        };
        table.row([
            html!(customer_link(&customer.id)),
            html!("<span class=\"cell\">", customer.name, "</span>"),
            to,
            html!(language.as_deref()),
            html!(row.last_mail.map(|at| time(at, &site.zone))),
            few(row.open, t),
        ]);
    }
    table.or_say(match (found.next.is_some(), is_further) {
        (true, _) => t.frame.none_yet_looked_at,
        (false, true) => say.no_further,
        (false, false) => say.none,
    })
}

/// A zero is not worth a look.
pub(crate) fn few(few: Few, t: &PageWords) -> Html {
    let count = t.number(few.count);
    match few {
        Few { count: 0, is_more: false } => html!("<span class=\"dim zero\">0</span>"),
        Few { is_more: false, .. } => html!(count),
        Few { is_more: true, .. } => html!(fill(t.customers.or_more, &[("count", &count)])),
    }
}

fn whois(
    view: &dyn View,
    site: &Site,
    address: IpAddr,
    port: Option<u16>,
    at: Timestamp,
) -> Result<Html, Fault> {
    let t = site.words();
    let answer = view.whois(address, port, at)?;
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
            html!(customer_link(&candidate.customer_id)),
            html!("<code>", candidate.prefix, "</code>"),
            html!(candidate.line.to_string()),
            time(candidate.imported, &site.zone),
            html!(won, phrase(sentence(candidate.why, t), &[])),
        ]);
    }
    let mut words = Table::new([say.source, say.user, say.customer, say.place, say.from, say.until]);
    for word in &answer.words {
        let until = word.time.map(|(_, until)| match until.at() {
            Some(at) => time(at, &site.zone),
            None => html!("<span class=\"dim\">", say.still, "</span>"),
        });
        let known = word.known_until.map(|known| {
            html!(" <span class=\"dim\">", say.known_until, " ", time(known, &site.zone), "</span>")
        });
        let seconds = u64::from(word.uncertainty);
        let uncertain = (seconds > 0).then(|| {
            html!(" <span class=\"dim\">", fill(say.uncertain, &[("seconds", &t.number(seconds))]), "</span>")
        });
        let holds = word.holds.then(|| html!("<span class=\"badge good\">", say.holds, "</span> "));
        words.row([
            html!(holds, by(word.by, t)),
            html!("<span class=\"cell\">", word.what, "</span>"),
            html!(word.customer.as_ref().map(|known| customer(Some(known), ""))),
            html!("<code>", word.place, "</code>"),
            html!(word.time.map(|(from, _)| time(from, &site.zone)), uncertain),
            html!(until, known),
        ]);
    }
    Ok(html!(
        "<section class=\"answer\"><h3><code>",
        address.to_string(),
        "</code></h3>",
        facts.done(),
        (!answer.words.is_empty()).then(|| words.or_say("")),
        table.or_say(say.no_line),
        "</section>",
    ))
}

fn by(by: By, t: &PageWords) -> &'static str {
    let t = &t.customers;
    match by {
        By::Lines => t.line,
        By::Session => t.by_session,
        By::Block => t.by_block,
        By::Forward => t.by_forward,
        By::Formula => t.by_formula,
        By::Resolver => t.by_resolver,
    }
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
        Why::NotTold => t.not_told,
        Why::Session => t.session,
        Why::Block => t.block,
        Why::Forward => t.forward,
        Why::Formula => t.formula,
        Why::Resolver => t.resolver,
        Why::TwoUsers => t.two_users,
        Why::UserUnknown => t.user_unknown,
        Why::NeedsSourcePort => t.needs_source_port,
    }
}
