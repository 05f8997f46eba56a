//! A request becomes a reply: what may be asked, and by whom. Pure.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::access::Who;
use super::api;
use super::entry;
use super::gate::{Gate, Visitor};
use super::hand::{Hand, Stage};
use super::html::html;
use super::page::acting::may_act;
use super::page::settings::Typed;
use super::page::setup::Step;
use super::page::texts::Passage;
use super::page::{self, Page};
use super::view::{ROWS_MAX, Site, Trouble, View};
use super::words::Pick;
use crate::clock::Timestamp;
use crate::report::kind::Family;
use crate::store::Role;
use crate::system::mdns;

/// What a client asks for. All texts are foreign.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The header `Host`.
    pub host: &'a str,
    /// The client, as the door has seen it; `None`: it did not come through the door.
    pub visitor: Option<Visitor>,
    /// The header `Authorization`, and so on; empty where there is none.
    pub authorization: &'a str,
    pub cookie: &'a str,
    pub content_type: &'a str,
    pub origin: &'a str,
    /// The header `Sec-Fetch-Site`.
    pub fetch_site: &'a str,
    /// The file that came with the form, by its name in the folder of uploads. It is gone after the reply unless it was
    /// taken away.
    pub upload: &'a str,
    pub body: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    /// Content-Security-Policy.
    pub policy: &'static str,
    /// Of this reply only, like `Location`.
    pub further: Vec<(&'static str, String)>,
    pub body: String,
}

impl Reply {
    /// All headers but the length.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = [
            ("Content-Type", self.content_type),
            ("Content-Security-Policy", self.policy),
            ("X-Content-Type-Options", "nosniff"),
            // With none at all, browsers would not say either where a form was sent from.
            ("Referrer-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ];
        own.into_iter().chain(self.further.iter().map(|(name, value)| (*name, value.as_str())))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.further.push((name, value.into()));
        self
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The query makes no sense: what to write instead.
    Query(Pick),
    NotFound,
    Trouble(Trouble),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Answers one request.
pub fn handle(
    request: &Request<'_>,
    view: &dyn View,
    gate: &dyn Gate,
    hand: &dyn Hand,
    now: Timestamp,
) -> Reply {
    let Some(visitor) = request.visitor else {
        return plain(403, "This request did not come through the door.");
    };
    let site = view.site();
    let refused = &site.words().refused;
    // A page of another site can make its own name point here (DNS rebinding); it cannot choose the name asked for.
    if !is_ours(request.host, &site) {
        return plain(421, refused.name);
    }
    if request.target.len() > TARGET_BYTES_MAX {
        return plain(400, refused.too_long);
    }
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let desk = Desk { request, visitor, site: &site, gate, hand, now };
    if let Some(reply) = api::answer(&desk, path, query, view) {
        return reply;
    }
    match request.method {
        "GET" | "HEAD" => show(&desk, path, query, view),
        "POST" => entry::act(&desk, path),
        _ => plain(405, refused.method).with("Allow", "GET, HEAD, POST"),
    }
}

/// All that an answer depends on, but for what the pages show.
pub(crate) struct Desk<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) visitor: Visitor,
    pub(crate) site: &'a Site,
    pub(crate) gate: &'a dyn Gate,
    pub(crate) hand: &'a dyn Hand,
    pub(crate) now: Timestamp,
}

impl Desk<'_> {
    /// A page as a reply, for somebody or nobody.
    pub(crate) fn reply(&self, status: u16, page: Page, who: Option<&Who>) -> Reply {
        html_reply(status, POLICY, page.into_document(self.site, who, self.now))
    }

    fn fault(&self, fault: Fault, who: Option<&Who>) -> Reply {
        let t = self.site.words();
        let (status, page) = match fault {
            Fault::Query(why) => (400, Page::message(t.asked.title, html!("<p>", why(t), "</p>"))),
            Fault::NotFound => {
                let home = html!("<a href=\"/\">", t.overview.title, "</a>");
                let why = html!("<p>", t.refused.not_found_about, " ", home, "</p>");
                (404, Page::message(t.refused.not_found, why))
            }
            Fault::Trouble(trouble) => {
                let why = html!("<p>", trouble.0, "</p><p>", t.refused.see_log, "</p>");
                (500, Page::message(t.refused.broken, why))
            }
        };
        self.reply(status, page, who)
    }
}

fn show(desk: &Desk<'_>, path: &str, query: &str, view: &dyn View) -> Reply {
    let asset = match path {
        "/style.css" => Some(("text/css; charset=utf-8", STYLE)),
        "/icon.svg" => Some(("image/svg+xml", ICON)),
        _ => None,
    };
    if let Some((content_type, text)) = asset {
        return Reply { content_type, ..html_reply(200, POLICY, text.to_owned()) };
    }
    if path == "/healthz" {
        // Of no incident, but it takes the whole way to the store to know that.
        return match view.incident(0) {
            Ok(_) => plain(200, "ok"),
            Err(_) => plain(503, "the store cannot be read"),
        };
    }
    let Some(who) = entry::who(desk) else { return entry::show(desk, path, query) };
    if desk.request.method == "HEAD" && entry::file_bytes_max(path).is_some() {
        // The door asks before it takes a file.
        return match who.role {
            Role::Operator => plain(200, ""),
            Role::Viewer => plain(403, desk.site.words().refused.viewer),
        };
    }
    if path == "/login" {
        // A link from elsewhere led there, since it brings no cookie; the next request does.
        return entry::lead_to(&entry::wanted(query));
    }
    let page = Query::parse(query).and_then(|mut query| {
        let page = route(path, &mut query, view, desk, &who)?;
        query.finish().map(|()| page)
    });
    match page {
        Ok(Answer::Page(page)) => {
            // Said once, so not to one who only asks for the head.
            let outcome = (desk.request.method == "GET").then(|| desk.hand.told(&who)).flatten();
            desk.reply(200, page.saying(outcome, desk.site), Some(&who))
        }
        Ok(Answer::Moving(page)) => {
            desk.reply(200, page, Some(&who)).with("Refresh", REFRESH_SECONDS.to_string())
        }
        Ok(Answer::Mail(html)) => html_reply(200, MAIL_POLICY, html),
        Err(fault) => desk.fault(fault, Some(&who)),
    }
}

enum Answer {
    Page(Page),
    /// A page that will soon say something else.
    Moving(Page),
    /// The HTML of a mail, which is shown in a frame of its own.
    Mail(String),
}

fn route(
    path: &str,
    query: &mut Query,
    view: &dyn View,
    desk: &Desk<'_>,
    who: &Who,
) -> Result<Answer, Fault> {
    let Desk { site, gate, hand, now, .. } = *desk;
    let number = |text: &str| text.parse::<u64>().map_err(|_| Fault::NotFound);
    let parts: Vec<&str> = path.split('/').skip(1).take(PARTS_MAX).collect();
    Ok(Answer::Page(match parts.as_slice() {
        [""] => page::overview::show(view, hand, site, now)?,
        ["setup"] => page::setup::list(view, hand, site, now)?,
        ["setup", step] => {
            let step = Step::numbered(number(step)?).ok_or(Fault::NotFound)?;
            page::setup::one(step, view, hand, site, query, who, now)?
        }
        ["incidents"] => page::incidents::list(view, site, query, who, now)?,
        ["incidents", id] => page::incidents::one(view, site, number(id)?, who, now)?,
        ["mail"] => page::mails::list(view, site, query, who)?,
        ["mail", "held"] => page::acting::held(view, site, who)?,
        ["mail", id] => page::mails::one(view, site, number(id)?, who, now)?,
        ["mail", id, "html"] => return Ok(Answer::Mail(page::mails::html_part(view, number(id)?, now)?)),
        ["reports"] => page::reports::list(view, site, query, who)?,
        ["reports", "days"] => page::reports::days(view, site, query)?,
        ["report"] => page::reports::one(view, site, query)?,
        ["customer"] => page::customer::show(view, site, query, now)?,
        ["unassigned"] => page::ownerless::show(view, site, query, now)?,
        ["customers"] => page::customers::show(view, site, query, who, now)?,
        ["nat"] => page::nat::show(view, site, query)?,
        ["jobs"] => page::jobs::list(hand, site),
        ["jobs", number_text] => {
            let job = hand.job(number(number_text)?).ok_or(Fault::NotFound)?;
            let is_moving = !matches!(job.stage, Stage::Ended(_));
            let page = page::jobs::one(&job, site, who, now);
            return Ok(if is_moving { Answer::Moving(page) } else { Answer::Page(page) });
        }
        ["texts"] => page::texts::list(hand, site, who, site.words().tag)?,
        ["texts", tag] => page::texts::list(hand, site, who, tag)?,
        ["texts", tag, word] => {
            let part = Passage::read(word).ok_or(Fault::NotFound)?;
            page::texts::one(hand, site, who, (tag, part), None, now)?
        }
        ["texts", tag, word, "html"] => {
            let part = Passage::read(word).ok_or(Fault::NotFound)?;
            return Ok(Answer::Mail(page::texts::html_part(hand, site, (tag, part), now)?));
        }
        ["families"] => page::families::list(view, hand, site, now)?,
        ["families", word] => {
            let family = Family::read(word).ok_or(Fault::NotFound)?;
            page::families::one(family, site, who, &hand.settings()?, &Typed::default())
        }
        ["settings"] => page::settings::show(site, who, &desk.hand.settings()?, &Typed::default()),
        ["system"] => page::system::show(view, desk.hand, site, who, query, now)?,
        ["system", "support"] if may_act(who) => page::system::support(view, site, who, now)?,
        ["system", "certificate"] => {
            page::certificate::show(hand, site, who, &page::certificate::Sent::default(), now)?
        }
        ["people"] => page::people::show(gate, site, who, None)?,
        ["audit"] => page::people::audit(gate, site, query)?,
        _ => return Err(Fault::NotFound),
    }))
}

/// A line of plain text.
pub(crate) fn plain(status: u16, text: &str) -> Reply {
    let content_type = "text/plain; charset=utf-8";
    Reply { content_type, ..html_reply(status, POLICY, format!("{text}\n")) }
}

fn html_reply(status: u16, policy: &'static str, body: String) -> Reply {
    Reply { status, content_type: HTML, policy, further: Vec::new(), body }
}

/// Sends the browser on to a page of ours, to be read.
pub(crate) fn see_other(path: &str) -> Reply {
    Reply { body: String::new(), ..plain(303, "") }.with("Location", path)
}

/// Whether a `Host` names this machine: itself, or a name from the settings. Any address will do, because what a
/// browser asks of an address it asks of nobody else.
fn is_ours(host: &str, site: &Site) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                return Ipv6Addr::from_str(address).is_ok_and(|address| !address.is_unspecified())
                    && is_port(port);
            }
            None => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if !is_port(port) {
        return false;
    }
    if let Ok(address) = IpAddr::from_str(name) {
        return !address.is_unspecified();
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let own = site.box_name.to_ascii_lowercase();
    let further = |known: &String| known.trim_end_matches('.').eq_ignore_ascii_case(&name);
    name == "localhost"
        || name == own
        || name.strip_suffix(".local").is_some_and(|name| is_numbered(name, &own))
        || site.names.iter().any(further)
}

/// Whether `name` is the box's, or the one that it took because another machine has it (`abusebox-2`).
fn is_numbered(name: &str, own: &str) -> bool {
    let number = name.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    name == own || number.is_some_and(|number| name == mdns::numbered(own, number))
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// The pairs of a query, each of which a page asks for; what is left nobody understands.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Self::read(text, PAIRS_MAX, |value| {
            value.len() <= VALUE_BYTES_MAX && !value.chars().any(char::is_control)
        })
    }

    /// The same of a form: it may choose every row of a page, and hold a text of several lines.
    pub(crate) fn parse_form(text: &str) -> Result<Self, Fault> {
        let is_wrong = |sign: char| sign.is_control() && !matches!(sign, '\r' | '\n' | '\t');
        let mut form = Self::read(text, PAIRS_MAX + ROWS_MAX, |value| {
            value.len() <= FORM_VALUE_BYTES_MAX && !value.chars().any(is_wrong)
        })?;
        // Browsers send lines as in mails (HTML, 4.10.21.4).
        for (_, value) in &mut form.0 {
            *value = value.replace("\r\n", "\n").replace('\r', "\n");
        }
        Ok(form)
    }

    fn read(text: &str, pairs_max: usize, may_be: impl Fn(&str) -> bool) -> Result<Self, Fault> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = |text| decoded(text).filter(|text| may_be(text));
            let (Some(key), Some(value)) = (read(key), read(value)) else {
                return Err(Fault::Query(|t| t.asked.unreadable));
            };
            if pairs.len() >= pairs_max || pairs.iter().any(|(known, _)| *known == key) {
                return Err(Fault::Query(|t| t.asked.twice));
            }
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }

    /// What is written for `key`, as it is; `None` if the key is not there.
    pub(crate) fn take_exact(&mut self, key: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.swap_remove(index).1)
    }

    /// The same without blanks around it; `None` if nothing is left.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.take_exact(key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The same, read as something.
    pub(crate) fn take_as<T: FromStr>(&mut self, key: &str, why: Pick) -> Result<Option<T>, Fault> {
        self.take(key).map(|text| text.parse().map_err(|_| Fault::Query(why))).transpose()
    }

    /// All pairs whose keys are `table`, or begin with it and a dot, with what stands there, be it nothing.
    pub(crate) fn take_below(&mut self, table: &str) -> Vec<(String, String)> {
        let is_below = |(key, _): &mut (String, String)| key.split('.').next() == Some(table);
        self.0.extract_if(.., is_below).collect()
    }

    /// The numbers that a form has chosen: of each pair whose key is [`CHOSEN`] and a number.
    pub(crate) fn take_ids(&mut self) -> Vec<u64> {
        let number = |(key, _): &(String, String)| key.strip_prefix(CHOSEN).and_then(|id| id.parse().ok());
        let mut ids: Vec<u64> = self.0.iter().filter_map(number).collect();
        self.0.retain(|pair| number(pair).is_none());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Fault::Query(|t| t.asked.not_here))
    }
}

/// Part of a query as a form encodes it.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

const HTML: &str = "text/html; charset=utf-8";

/// Nothing is loaded but our own style sheet, icon and frame; nothing runs; nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// For the HTML of a mail. It styles itself, as mails must, which the policy of our own pages forbids: so it is a
/// document of its own, which may do nothing else and counts as of another origin even when opened by itself.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; \
                           frame-ancestors 'self'; base-uri 'none'; sandbox";

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// What a job says is looked at again after so long.
const REFRESH_SECONDS: u64 = 2;
/// The longest honest one holds a customer's id, with three characters for each byte.
const TARGET_BYTES_MAX: usize = 4096;
/// The forms have five fields at most.
const PAIRS_MAX: usize = 8;
/// A customer's id has 200 characters at most, of up to four bytes; a file name has 255 bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 800;
/// Of a form: a list of some thousand networks; the door takes little more.
const FORM_VALUE_BYTES_MAX: usize = 48 * 1024;
/// What a key of a form begins with that chooses a row by its number.
pub(crate) const CHOSEN: &str = "id-";
/// No path has more parts; one more is enough to find that out.
const PARTS_MAX: usize = 5;

#[cfg(test)]
pub(crate) mod tests;
