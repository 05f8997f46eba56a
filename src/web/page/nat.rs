//! The parameters of deterministic NAT, to be tried before they are set, and asked.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::{Facts, Page, Table};
use crate::config;
use crate::lang::fill;
use crate::sessions::nat::{Misfit, Nat};
use crate::web::html::{Html, html, link, put};
use crate::web::router::{Fault, Query};
use crate::web::view::{Site, View};
use crate::web::words::PageWords;

pub(crate) fn show(view: &dyn View, site: &Site, query: &mut Query) -> Result<Page, Fault> {
    let t = site.words();
    let inside = query.take("inside");
    let outside = query.take("outside").unwrap_or_default();
    let first = query.take_as::<u16>("first", |t| t.asked.port)?;
    let last = query.take_as::<u16>("last", |t| t.asked.port)?;
    let per_user = query.take_as::<u16>("per_user", |t| t.asked.port)?;
    let skip = query.take_as::<u32>("skip", |t| t.asked.skip)?;
    let address = query.take("address").unwrap_or_default();
    let port = query.take_as::<u16>("port", |t| t.asked.port)?;
    let known = view.nats();
    let given = match &inside {
        None => known.first().cloned(),
        Some(inside) => {
            let nets = outside.split([' ', ',']).filter(|net| !net.is_empty()).map(net);
            let outside = nets.collect::<Option<Vec<_>>>().ok_or(Fault::Query(|t| t.asked.network))?;
            Some(config::Nat {
                inside: net(inside).ok_or(Fault::Query(|t| t.asked.network))?,
                outside,
                ports_first: first.unwrap_or(config::NAT_PORTS_FIRST),
                ports_last: last.unwrap_or(u16::MAX),
                ports_per_user: per_user,
                skip: skip.unwrap_or_default(),
            })
        }
    };
    let address = match address.as_str() {
        "" => None,
        text => Some(text.parse::<IpAddr>().map_err(|_| Fault::Query(|t| t.asked.address))?),
    };
    let mut list = Html::default();
    for nat in known.iter().skip(1) {
        put!(list, "<li><a href=\"", way(nat), "\"><code>", nat.inside.to_string(), "</code></a></li>");
    }
    let list = (known.len() > 1).then(|| html!("<ul class=\"places\">", list, "</ul>"));
    let mut body = html!(
        "<h1>",
        t.nat.title,
        "</h1><p>",
        t.nat.about,
        "</p>",
        list,
        form(given.as_ref(), address, port, t)
    );
    if let Some(given) = given {
        let tried = Nat::new(&given);
        let shown = match &tried {
            Err(misfit) => html!("<p class=\"bad\">", why(*misfit, t), "</p>"),
            Ok(nat) => html!(address.map(|address| answer(nat, address, port, t)), blocks(nat, &given, t)),
        };
        put!(body, shown);
        if tried.is_ok() && !known.contains(&given) {
            put!(body, "<h2>", t.nat.to_set, "</h2><pre class=\"cell\">", toml(&given), "</pre>");
        }
    }
    Ok(Page { title: t.nat.title.to_owned(), entry: "/customers", body })
}

fn net(text: &str) -> Option<Ipv4Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from))
}

/// As the query has them.
fn texts(nat: &config::Nat) -> [(&'static str, String); 6] {
    let outside: Vec<_> = nat.outside.iter().map(ToString::to_string).collect();
    [
        ("inside", nat.inside.to_string()),
        ("outside", outside.join(" ")),
        ("first", nat.ports_first.to_string()),
        ("last", nat.ports_last.to_string()),
        ("per_user", nat.ports_per_user.map(|ports| ports.to_string()).unwrap_or_default()),
        ("skip", nat.skip.to_string()),
    ]
}

fn form(given: Option<&config::Nat>, address: Option<IpAddr>, port: Option<u16>, t: &PageWords) -> Html {
    let say = &t.nat;
    let values = given.map(texts).unwrap_or_default();
    let mut form = html!("<form class=\"filter\" action=\"/nat\" method=\"get\">");
    let labels = [
        ("inside", say.inside, "18"),
        ("outside", say.outside, "30"),
        ("first", say.first, "6"),
        ("last", say.last, "6"),
        ("per_user", say.per_user, "6"),
        ("skip", say.skip, "6"),
    ];
    for ((name, label, size), (_, value)) in labels.into_iter().zip(values) {
        let required = matches!(name, "inside" | "outside").then(|| html!(" required"));
        put!(
            form,
            "<label>",
            label,
            "<input name=\"",
            name,
            "\"",
            required,
            " maxlength=\"200\" size=\"",
            size,
            "\" value=\"",
            value,
            "\"></label>"
        );
    }
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let port = port.map(|port| port.to_string()).unwrap_or_default();
    put!(
        form,
        "<label>",
        say.address,
        "<input name=\"address\" maxlength=\"60\" value=\"",
        address,
        "\"></label><label>",
        t.customers.port,
        "<input name=\"port\" inputmode=\"numeric\" maxlength=\"5\" size=\"6\" value=\"",
        port,
        "\"></label><button>",
        say.try_it,
        "</button></form>\n"
    );
    form
}

/// Who has a port of an outside address, or what an inside address has.
fn answer(nat: &Nat, address: IpAddr, port: Option<u16>, t: &PageWords) -> Html {
    let say = &t.nat;
    let mut facts = Facts::default();
    let inside = port.and_then(|port| nat.inside_of(address, port));
    let outside = match address {
        IpAddr::V4(address) => nat.outside_of(address),
        IpAddr::V6(_) => None,
    };
    facts.add(say.inside, inside.map(|inside| html!("<code>", inside.to_string(), "</code>")));
    facts.add(
        say.outside,
        outside
            .map(|(outside, (first, last))| html!("<code>", format!("{outside} {first}-{last}"), "</code>")),
    );
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    html!(
        "<section class=\"answer\"><h3><code>",
        format!("{address}{port}"),
        "</code></h3>",
        facts.done(),
        (inside.is_none() && outside.is_none()).then(|| html!("<p>", say.nobody, "</p>")),
        "</section>"
    )
}

fn blocks(nat: &Nat, given: &config::Nat, t: &PageWords) -> Html {
    let say = &t.nat;
    let (users, ports) = nat.shares();
    let shares = fill(say.shares, &[("users", &t.number(users.into())), ("ports", &t.number(ports.into()))]);
    let mut table = Table::new([say.inside, say.outside, say.first, say.last]).with_numbers_from(2);
    let begin = u32::from(given.inside.trunc().network()).saturating_add(given.skip);
    for address in (begin..).take(BLOCKS_SHOWN_MAX).map(Ipv4Addr::from) {
        if let Some((outside, (first, last))) = nat.outside_of(address) {
            table.row([
                html!("<code>", address.to_string(), "</code>"),
                html!("<code>", outside.to_string(), "</code>"),
                html!(first.to_string()),
                html!(last.to_string()),
            ]);
        }
    }
    html!("<h2>", say.blocks, "</h2><p>", shares, "</p>", table.or_say(say.nobody))
}

fn why(misfit: Misfit, t: &PageWords) -> String {
    match misfit {
        Misfit::Ports => t.nat.wrong_ports.to_owned(),
        Misfit::NoAddress => t.nat.no_address.to_owned(),
        Misfit::Crowded { room, users } => {
            fill(t.nat.crowded, &[("room", &t.number(room)), ("users", &t.number(users))])
        }
    }
}

/// The way to the same page about this one.
fn way(nat: &config::Nat) -> String {
    let texts = texts(nat);
    let pairs: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
    link("/nat", &pairs)
}

/// As a table of the settings file.
fn toml(nat: &config::Nat) -> String {
    let outside: Vec<_> = nat.outside.iter().map(|net| format!("\"{net}\"")).collect();
    let mut text = format!("[[nat]]\ninside = \"{}\"\noutside = [{}]\n", nat.inside, outside.join(", "));
    text += &format!("ports_first = {}\nports_last = {}\n", nat.ports_first, nat.ports_last);
    if let Some(ports) = nat.ports_per_user {
        text += &format!("ports_per_user = {ports}\n");
    }
    if nat.skip > 0 {
        text += &format!("skip = {}\n", nat.skip);
    }
    text
}

/// Enough to see how it goes on.
const BLOCKS_SHOWN_MAX: usize = 12;
