//! The API for programs, and the metrics: what a box knows, for whoever shows the token of the settings, and where another
//! token lets files in. Pure.
//!
//! `docs/openapi.json` describes it, and a test holds it against [`ROUTES`] and against what they give. A session of the
//! page opens nothing here, and the token opens no page: what is taken from a browser or from a script is of no use for
//! the other.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::entry;
use super::hand::{Landing, Received, Upload};
use super::metrics;
use super::router::{Desk, Fault, Query, Reply, decoded};
use super::view::{
    Cursor, CustomerFacts, Holding, IncidentFacts, IncidentRow, MailFacts, Order, Part, ROWS_MAX,
    ReportsWanted, Trouble, View, Wanted,
};
use super::words::PageWords;
use crate::clock::Day;
use crate::customers::CustomerNo;
use crate::customers::import::FILE_BYTES_MAX;
use crate::incident::policy::local_day;
use crate::incident::{OPERATOR, State, batch};
use crate::lines::{self, Outgoing};
use crate::notify::outbox;
use crate::report::kind::Severity;
use crate::report::{column, text};
use crate::sessions::LOG_BYTES_MAX;

/// The reply, if it is a matter of programs; `None`: it is one of the pages.
pub(crate) fn answer(desk: &Desk<'_>, path: &str, query: &str, view: &dyn View) -> Option<Reply> {
    if let Some((_, what, _)) = INTAKES.iter().find(|(route, ..)| *route == path) {
        return Some(receive(desk, *what, query).unwrap_or_else(Problem::into_reply));
    }
    let below_api = path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_ours = path == METRICS || below_api;
    is_ours.then(|| {
        admit(desk, Token::Api)
            .and_then(|()| read(desk, path, query, view))
            .unwrap_or_else(Problem::into_reply)
    })
}

/// What a route gives.
pub(crate) struct Answer {
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// What a route is asked.
pub(crate) struct Asked<'a> {
    pub(crate) desk: &'a Desk<'a>,
    pub(crate) view: &'a dyn View,
    /// What stands in the place of the braces; empty where there are none.
    id: String,
}

impl Asked<'_> {
    fn today(&self) -> Day {
        local_day(self.desk.now, &self.desk.site.zone)
    }
}

/// A path, with braces around what is any, and what it gives.
type Route = (&'static str, fn(&Asked<'_>, &mut Query) -> Result<Answer, Problem>);

const ROUTES: &[Route] = &[
    (METRICS, metrics::give),
    ("/api/v1/customers", customers),
    ("/api/v1/customers/{id}", customer),
    ("/api/v1/incidents", incidents),
    ("/api/v1/incidents/{id}", incident),
    ("/api/v1/mails", mails),
    ("/api/v1/mails/{id}", mail),
    ("/api/v1/openapi.json", openapi),
    ("/api/v1/reports", reports),
    ("/api/v1/reports/{file}", report),
    ("/api/v1/status", status),
];

/// Why there is no answer (RFC 9457).
pub(crate) struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    header: Option<(&'static str, &'static str)>,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), header: None }
    }

    fn query(why: &str) -> Self {
        Self::new(400, "This cannot be asked", why)
    }

    fn into_reply(self) -> Reply {
        let Self { status, title, detail, header } = self;
        let body = json!({ "type": "about:blank", "title": title, "status": status, "detail": detail });
        let answer = Answer { content_type: "application/problem+json", body: body.to_string() };
        let reply = answer.into_reply(status);
        header.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value))
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            // Programs are told in one language, whatever that of the pages is.
            Fault::Query(why) => Self::query(why(PageWords::of("en"))),
            Fault::NotFound => Self::new(404, "Not found", "There is nothing here, or it was forgotten."),
            Fault::Trouble(trouble) => trouble.into(),
        }
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::new(500, "This cannot be read", trouble.0)
    }
}

impl Answer {
    fn json(value: &Value) -> Self {
        Self { content_type: JSON, body: value.to_string() }
    }

    fn into_reply(self, status: u16) -> Reply {
        let Self { content_type, body } = self;
        Reply { status, content_type, policy: POLICY, further: Vec::new(), body }
    }
}

/// Where programs send a file, which is the body as it is: what it is, and the largest.
const INTAKES: &[(&str, Upload, u64)] = &[
    ("/api/customers", Upload::Customers, FILE_BYTES_MAX as u64),
    ("/api/sessions", Upload::Sessions, LOG_BYTES_MAX),
];

/// The largest body that is a file and may be sent there.
pub(crate) fn body_bytes_max(path: &str) -> Option<u64> {
    INTAKES.iter().find(|(route, ..)| *route == path).map(|(.., bytes_max)| *bytes_max)
}

/// Takes a file, and says what became of it.
fn receive(desk: &Desk<'_>, what: Upload, query: &str) -> Result<Reply, Problem> {
    admit(desk, Token::Intake)?;
    match desk.request.method {
        "POST" => {}
        // The door asks before it takes a file.
        "HEAD" => return Ok(Answer { content_type: JSON, body: String::new() }.into_reply(200)),
        _ => {
            let header = Some(("Allow", "POST"));
            return Err(Problem { header, ..Problem::new(405, "It only takes", "Send a file with POST.") });
        }
    }
    let mut query = Query::parse(query)?;
    let source = match what {
        Upload::Sessions => text_of(&mut query, "source")?,
        Upload::Customers | Upload::Report | Upload::Addresses => None,
    };
    query.finish()?;
    if desk.request.upload.is_empty() {
        return Err(Problem::query("Send the file as the body: curl --data-binary @FILE."));
    }
    let received = desk.hand.receive(desk.visitor.peer, what, desk.request.upload, source.as_deref())?;
    let Received { landing, count, complaints, complaints_more } = received;
    let (status, word, why) = match landing {
        Landing::Taken => (200, "taken", None),
        Landing::Held(why) => (202, "held", Some(why)),
        Landing::Refused(why) => (422, "refused", Some(why)),
    };
    let body = json!({
        "outcome": word, "why": why, "count": count, "complaints": complaints, "complaints_more": complaints_more,
    });
    Ok(Answer::json(&body).into_reply(status))
}

/// What a token opens.
#[derive(Clone, Copy)]
enum Token {
    Api,
    Intake,
}

/// Whether who asks may read, or send. Wrong tokens are not counted, as wrong passwords are: the settings take none that can be
/// guessed.
fn admit(desk: &Desk<'_>, which: Token) -> Result<(), Problem> {
    let setting = match which {
        Token::Api => "page.api_token",
        Token::Intake => "page.intake_token",
    };
    let token = desk.request.authorization.split_once(' ');
    let token =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer")).map(|(_, token)| token.trim());
    let opens = match which {
        Token::Api => desk.gate.opens_api(token.unwrap_or_default()),
        Token::Intake => desk.gate.opens_intake(token.unwrap_or_default()),
    };
    match opens {
        None => Err(Problem::new(
            404,
            "Not switched on",
            format!("Nothing is open to programs here: {setting} is not set."),
        )),
        Some(_) if !entry::may_send(desk) => {
            Err(Problem::new(403, "Not this way", "From that far away, the token is taken by HTTPS only."))
        }
        Some(true) => Ok(()),
        Some(false) => {
            let why = match token {
                None => format!("Send the token of {setting}: Authorization: Bearer TOKEN"),
                Some(_) => format!("This is not the token of {setting}."),
            };
            let challenge = token.map_or(CHALLENGE, |_| CHALLENGE_AGAIN);
            let header = Some(("WWW-Authenticate", challenge));
            Err(Problem { header, ..Problem::new(401, "A token is needed", why) })
        }
    }
}

fn read(desk: &Desk<'_>, path: &str, query: &str, view: &dyn View) -> Result<Reply, Problem> {
    let found = ROUTES.iter().find_map(|(route, give)| Some((give, id_in(route, path)?)));
    let Some((give, id)) = found else { return Err(Fault::NotFound.into()) };
    if !matches!(desk.request.method, "GET" | "HEAD") {
        let header = Some(("Allow", "GET, HEAD"));
        return Err(Problem { header, ..Problem::new(405, "It only reads", "Ask with GET.") });
    }
    let mut query = Query::parse(query)?;
    let answer = give(&Asked { desk, view, id }, &mut query)?;
    query.finish()?;
    Ok(answer.into_reply(200))
}

/// What stands in the place of the braces of a route that fits; empty where it has none.
fn id_in(route: &str, path: &str) -> Option<String> {
    let Some((before, _)) = route.split_once('{') else { return (path == route).then(String::new) };
    let id = path.strip_prefix(before).filter(|id| !id.is_empty() && !id.contains('/'))?;
    // A plus is one in a path, and a blank in a query only.
    decoded(&id.replace('+', "%2B"))
}

fn incidents(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let limit = limit(query)?;
    let before = number(query, "before")?;
    let severity = one_of(query, "severity", Severity::ALL.map(|severity| (severity.word(), severity)))?;
    let states = one_of(query, "state", STATES.map(|states| (states[0].word(), states)))?.unwrap_or_default();
    let address = text_of(query, "address")?.map(|address| address.parse::<IpAddr>()).transpose();
    let address = address.map_err(|_| Problem::query("Write an address, like 192.0.2.1 or 2001:db8::1."))?;
    let customer = text_of(query, "customer")?;
    let kind = text_of(query, "report")?;
    let today = asked.today();
    let wanted = Wanted { address, customer, kind, states, severity, today, order: Order::default() };
    let part = asked.view.incidents(&wanted, before.map(Cursor::at))?;
    let part = first(part, limit, |row| Cursor::at(row.incident.id));
    let row = |row: &IncidentRow| {
        let customer = row.customer.as_ref().map(|customer| customer.id.as_str());
        lines::incident(&row.key, &row.incident, &row.kind, customer, today)
    };
    Ok(list(part.rows.iter().map(row), part.next))
}

fn incident(asked: &Asked<'_>, _: &mut Query) -> Result<Answer, Problem> {
    let id = number_in(&asked.id).ok_or(Fault::NotFound)?;
    let IncidentFacts { row, file, notices, .. } = asked.view.incident(id)?.ok_or(Fault::NotFound)?;
    let IncidentRow { key, incident, kind, customer } = &row;
    let customer = customer.as_ref().map(|customer| customer.id.as_str());
    let cells = batch::shown_cells(&incident.evidence.shown);
    let columns: Map<String, Value> = cells
        .filter_map(|(number, cell)| Some((column::name(number)?.to_owned(), text(cell).into())))
        .collect();
    let mails: Vec<String> = notices.iter().map(|(number, _)| number.to_string()).collect();
    let more = json!({
        "file": file, "line": incident.evidence.line, "columns": columns,
        "more_addresses": incident.more_addresses, "mails": mails,
        "closed": incident.closed.map(|at| at.to_string()),
        "quiet_until": incident.quiet_until.map(|day| day.to_string()),
    });
    Ok(Answer::json(&with(lines::incident(key, incident, kind, customer, asked.today()), more)))
}

fn customers(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let limit = limit(query)?;
    let after = match number(query, "after")? {
        None => OPERATOR,
        // Behind the last there is none.
        Some(number) => CustomerNo(u32::try_from(number).unwrap_or(u32::MAX)),
    };
    let part = first(asked.view.customer_list(after)?, limit, |row| row.number);
    Ok(list(part.rows.iter().map(customer_line), part.next.map(|number| number.0)))
}

fn customer(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let from = number(query, "from")?.map_or(0, |from| usize::try_from(from).unwrap_or(usize::MAX));
    let (facts, part) = asked.view.customer(&asked.id, from)?.ok_or(Fault::NotFound)?;
    let prefix = |line: &Holding| {
        json!({
            "prefix": line.prefix.to_string(), "line": line.line, "mailed": line.mailed,
            "valid_from": line.from.map(|at| at.to_string()), "valid_to": line.until.map(|at| at.to_string()),
        })
    };
    let prefixes: Vec<Value> = part.rows.iter().map(prefix).collect();
    let more = json!({ "prefixes": prefixes, "next": part.next.map(|next| next.to_string()) });
    Ok(Answer::json(&with(customer_line(&facts), more)))
}

fn customer_line(facts: &CustomerFacts) -> Value {
    let CustomerFacts { customer, language, mails, .. } = facts;
    json!({ "id": customer.id, "name": lines::some(&customer.name), "language": language, "mails": mails })
}

fn reports(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let limit = limit(query)?;
    let before = text_of(query, "before")?;
    let part =
        first(asked.view.reports(&ReportsWanted::default(), before.as_deref())?, limit, |(file, _)| {
            file.clone()
        });
    Ok(list(part.rows.iter().map(|(file, report)| lines::report(file, report)), part.next))
}

fn report(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let from = number(query, "from")?.unwrap_or(0);
    let facts = asked.view.report(&asked.id, from)?.ok_or(Fault::NotFound)?;
    let rejected = facts.rejected.rows.iter();
    let rejected: Vec<Value> =
        rejected.map(|(line, row)| lines::rejected(&facts.report.kind, *line, row)).collect();
    let more = json!({ "rejected_rows": rejected, "next": facts.rejected.next.map(|line| line.to_string()) });
    Ok(Answer::json(&with(lines::report(&asked.id, &facts.report), more)))
}

fn mails(asked: &Asked<'_>, query: &mut Query) -> Result<Answer, Problem> {
    let limit = limit(query)?;
    let before = number(query, "before")?;
    let state = one_of(query, "state", MAIL_STATES)?;
    let part = first(asked.view.mails(state, before)?, limit, |row| row.notice.number);
    let mut rows = Vec::new();
    for row in &part.rows {
        let customer = row.customer.as_ref().map(|customer| customer.id.as_str());
        let Outgoing { incidents, mails } = asked.view.outgoing(&row.notice, asked.desk.now)?;
        rows.extend(mails.iter().map(|mail| lines::mail(&row.notice, customer, &incidents, mail)));
    }
    Ok(list(rows.into_iter(), part.next))
}

fn mail(asked: &Asked<'_>, _: &mut Query) -> Result<Answer, Problem> {
    let id = number_in(&asked.id).ok_or(Fault::NotFound)?;
    let MailFacts { row, mail, .. } = asked.view.mail(id, asked.desk.now)?.ok_or(Fault::NotFound)?;
    let customer = row.customer.as_ref().map(|customer| customer.id.as_str());
    let Outgoing { incidents, mails } = asked.view.outgoing(&row.notice, asked.desk.now)?;
    let rows: Vec<Value> =
        mails.iter().map(|mail| lines::mail(&row.notice, customer, &incidents, mail)).collect();
    let mail = mail.as_ref();
    let csv = mail.and_then(|mail| mail.csv.as_ref());
    Ok(Answer::json(&json!({
        "id": id.to_string(), "rows": rows,
        "subject": mail.map(|mail| &mail.subject), "text": mail.map(|mail| &mail.text),
        "html": mail.and_then(|mail| mail.html.as_ref()),
        "csv_name": csv.map(|(name, _)| name), "csv": csv.map(|(_, content)| content),
    })))
}

fn status(asked: &Asked<'_>, _: &mut Query) -> Result<Answer, Problem> {
    Ok(Answer::json(&lines::status(&asked.view.status(asked.desk.now)?)))
}

fn openapi(_: &Asked<'_>, _: &mut Query) -> Result<Answer, Problem> {
    Ok(Answer { content_type: JSON, body: OPENAPI.to_owned() })
}

/// Rows, and with what the next ones are asked for.
fn list(rows: impl Iterator<Item = Value>, next: Option<impl ToString>) -> Answer {
    let rows: Vec<Value> = rows.collect();
    Answer::json(&json!({ "rows": rows, "next": next.map(|next| next.to_string()) }))
}

/// The first `limit` rows; `cursor` of a row gives those after it.
fn first<T, C>(mut part: Part<T, C>, limit: usize, cursor: impl Fn(&T) -> C) -> Part<T, C> {
    if part.rows.len() > limit {
        part.rows.truncate(limit);
        part.next = part.rows.last().map(cursor);
    }
    part
}

/// One object of two.
fn with(mut value: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut value, more) {
        members.extend(more);
    }
    value
}

fn limit(query: &mut Query) -> Result<usize, Problem> {
    match query.take_exact("limit") {
        None => Ok(ROWS_MAX),
        Some(text) => {
            let limit = number_in(&text).and_then(|limit| usize::try_from(limit).ok());
            limit
                .filter(|limit| *limit <= ROWS_MAX)
                .ok_or_else(|| Problem::query("Write a number from 1 to 100 for limit."))
        }
    }
}

fn number(query: &mut Query, key: &str) -> Result<Option<u64>, Problem> {
    let why = || Problem::query("Write for before, after or from what stood at next, a number.");
    query.take_exact(key).map(|text| number_in(&text).ok_or_else(why)).transpose()
}

/// A number from 1, written in the one way in which we write it ourselves.
fn number_in(text: &str) -> Option<u64> {
    let is_one =
        text.len() <= DIGITS_MAX && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one)
}

fn text_of(query: &mut Query, key: &str) -> Result<Option<String>, Problem> {
    match query.take_exact(key) {
        Some(text) if !matches!(text.chars().count(), 1..=TEXT_CHARS_MAX) => {
            Err(Problem::query("Write something behind each name of the query, of at most 255 characters."))
        }
        text => Ok(text),
    }
}

fn one_of<T: Copy, const N: usize>(
    query: &mut Query,
    key: &str,
    words: [(&str, T); N],
) -> Result<Option<T>, Problem> {
    let Some(word) = query.take_exact(key) else { return Ok(None) };
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| Problem::query("There is no such state, or no such severity."))
}

const METRICS: &str = "/metrics";
const JSON: &str = "application/json";
/// Nothing of it is a page.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// RFC 6750, 3.
const CHALLENGE: &str = "Bearer realm=\"abusebox\"";
const CHALLENGE_AGAIN: &str = "Bearer realm=\"abusebox\", error=\"invalid_token\"";
const OPENAPI: &str = include_str!("../../docs/openapi.json");
const STATES: [&[State]; 4] = [&[State::Open], &[State::Told], &[State::Quiet], &[State::Closed]];
const MAIL_STATES: [(&str, outbox::State); 5] = [
    ("held", outbox::State::Held),
    ("queued", outbox::State::Queued),
    ("sent", outbox::State::Sent),
    ("failed", outbox::State::Failed),
    ("dropped", outbox::State::Dropped),
];
/// All numbers of so many digits fit.
const DIGITS_MAX: usize = 19;
/// A file name has as many bytes, and a customer's id fewer characters.
const TEXT_CHARS_MAX: usize = 255;

#[cfg(test)]
mod tests;
