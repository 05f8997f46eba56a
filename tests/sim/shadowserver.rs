//! Shadowserver as its clients see it: the reports API and the download server, faithful where it is known how they
//! behave, and able to fail in every way that was seen or must be feared.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use serde_json::{Map, Value, json};

use super::kinds;
use super::net::{self, Answer, Authority, Background, Delivery, Request};
use super::reports::Report;
use super::world::{Rng, World};

/// Where and how to listen.
#[derive(Clone, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) api: SocketAddr,
    pub(crate) download: SocketAddr,
    /// HTTPS with a certificate of this authority; plain HTTP without.
    pub(crate) tls: Option<&'a Authority>,
    /// Name or address in the URLs that are told, and in the certificate.
    pub(crate) host: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { api: any, download: any, tls: None, host: "127.0.0.1" }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 401, as for a wrong key.
    BadKey,
    /// The key is right but its organisation has no reports.
    NoGroup,
    /// 429 with `Retry-After` in seconds.
    TooMany(u32),
    /// Any status, with an error text.
    Status(u16),
    /// 400, with this error text.
    Says(String),
    /// Nothing ever comes.
    Silent,
    /// The connection is closed without an answer.
    Close,
    /// One byte of the body per interval.
    Trickle(Duration),
    /// A web page with status 200.
    Html,
    /// The first half, with a length that fits it: broken JSON, or a report that ends early.
    Truncated,
    /// The first half, with the length of the whole.
    Cut,
    /// `{}` with status 200.
    EmptyObject,
    /// `{"error": ...}` with status 200.
    ErrorInOk,
    /// Status 200 and no bytes.
    Empty,
    /// A body without end.
    Endless,
    /// To another address.
    Redirect(String),
    /// Members of each listed report left out.
    Without(&'static [&'static str]),
    /// Members nobody knows in each listed report.
    Unknown,
    /// Each listed report's members as numbers, lists and null.
    WrongTypes,
}

impl Fault {
    /// A fault by the name used on the command line.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, fault)| fault.clone())
    }
}

/// Where it goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Everything,
    /// All methods of the API.
    Api,
    /// One method, as `reports/list`.
    Method(&'static str),
    /// All downloads.
    Downloads,
    /// Downloads of one file, by file name.
    File(String),
}

/// One request as it was made and answered.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) when: Instant,
    /// API method, or file name of the download; the path where it is neither.
    pub(crate) what: String,
    pub(crate) download: bool,
    pub(crate) request: Request,
    /// As planned; the client of a silent answer saw none.
    pub(crate) status: u16,
}

/// The running servers; they stop when it is dropped.
#[derive(Debug)]
pub(crate) struct Shadowserver {
    state: Arc<Mutex<State>>,
    api: SocketAddr,
    download: SocketAddr,
    base: String,
    _background: Background,
}

#[derive(Debug)]
struct State {
    key: String,
    secret: String,
    list: String,
    today: Day,
    reports: Vec<Report>,
    faults: Vec<Planned>,
    log: VecDeque<Logged>,
    /// How often each file was issued.
    issues: HashMap<String, u64>,
}

#[derive(Debug)]
struct Planned {
    at: At,
    fault: Fault,
    /// Requests still to fail; `None` for all.
    left: Option<u32>,
}

impl Shadowserver {
    /// Starts on free local ports, without TLS.
    pub(crate) fn start(world: &World) -> io::Result<Self> {
        Self::start_with(world, &Options::default())
    }

    pub(crate) fn start_with(world: &World, options: &Options) -> io::Result<Self> {
        let (api_listener, api) = net::bind(options.api)?;
        let (download_listener, download) = net::bind(options.download)?;
        let tls = options.tls.map(|authority| authority.acceptor(&[options.host])).transpose()?;
        let state = Arc::new(Mutex::new(State {
            key: world.key.clone(),
            secret: world.secret.clone(),
            list: world.list.clone(),
            today: world.today,
            reports: world.reports(),
            faults: Vec::new(),
            log: VecDeque::new(),
            issues: HashMap::new(),
        }));
        let (for_api, for_download) = (Arc::clone(&state), Arc::clone(&state));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let background = Background::run("shadowserver", move || async move {
            let api = net::serve_http(api_listener, tls.clone(), move |request| {
                lock(&for_api).answer(request, State::api)
            });
            let download = net::serve_http(download_listener, tls, move |request| {
                lock(&for_download).answer(request, State::download)
            });
            tokio::join!(api, download);
        })?;
        let base = format!("{scheme}://{}", options.host);
        Ok(Self { state, api, download, base, _background: background })
    }

    /// For `shadowserver.api_url`.
    pub(crate) fn api_url(&self) -> String {
        format!("{}:{}/api2/", self.base, self.api.port())
    }

    /// For `shadowserver.download_url`.
    pub(crate) fn download_url(&self) -> String {
        format!("{}:{}/", self.base, self.download.port())
    }

    /// Moves to another day: reports that appear until then are listed.
    pub(crate) fn set_today(&self, day: Day) {
        lock(&self.state).today = day;
    }

    /// Replaces key and secret.
    pub(crate) fn set_key(&self, key: &str, secret: &str) {
        let mut state = lock(&self.state);
        (state.key, state.secret) = (key.to_owned(), secret.to_owned());
    }

    /// Offers a report; one of the same id is replaced. Beyond the limit the oldest goes.
    pub(crate) fn add(&self, report: Report) {
        let mut state = lock(&self.state);
        state.reports.retain(|known| known.id != report.id);
        if state.reports.len() >= REPORTS_MAX {
            state.reports.remove(0);
        }
        state.reports.push(report);
    }

    /// All reports, also those that do not appear yet.
    pub(crate) fn reports(&self) -> Vec<Report> {
        lock(&self.state).reports.clone()
    }

    /// Changes a file in place, id included if `change` does so; false where there is none.
    pub(crate) fn change(&self, file: &str, change: impl FnOnce(Report) -> Report) -> bool {
        let mut state = lock(&self.state);
        let Some(report) = state.reports.iter_mut().find(|report| report.file == file) else { return false };
        *report = change(report.clone());
        true
    }

    /// Lists a file under a new id, with the same content.
    pub(crate) fn reissue(&self, file: &str) -> bool {
        let issue = {
            let mut state = lock(&self.state);
            let issue = state.issues.entry(file.to_owned()).or_default();
            *issue += 1;
            *issue
        };
        self.change(file, |report| report.reissued(issue))
    }

    /// Lists a file under a new id, with other content.
    pub(crate) fn correct(&self, file: &str, body: impl Into<Vec<u8>>) -> bool {
        self.reissue(file) && self.change(file, |report| report.with_body(body))
    }

    /// Takes a file away, or all of a day.
    pub(crate) fn remove(&self, gone: impl Fn(&Report) -> bool) {
        lock(&self.state).reports.retain(|report| !gone(report));
    }

    /// Lets requests fail: the next `times`, or all of them until [`Shadowserver::heal`]. Later calls come first.
    pub(crate) fn fail(&self, at: At, fault: Fault, times: Option<u32>) {
        lock(&self.state).faults.insert(0, Planned { at, fault, left: times });
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        lock(&self.state).faults.clear();
    }

    /// The newest requests, oldest first.
    pub(crate) fn log(&self) -> Vec<Logged> {
        lock(&self.state).log.iter().cloned().collect()
    }

    pub(crate) fn clear_log(&self) {
        lock(&self.state).log.clear();
    }

    /// How often a method was called or a file fetched, with any outcome.
    pub(crate) fn count(&self, what: &str) -> usize {
        lock(&self.state).log.iter().filter(|logged| logged.what == what).count()
    }

    /// How many downloads were asked for.
    pub(crate) fn downloads(&self) -> usize {
        lock(&self.state).log.iter().filter(|logged| logged.download).count()
    }
}

/// The state is whole after each statement, so a panic elsewhere in a test does not spoil it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a request is about, and its honest answer.
struct Honest {
    what: String,
    download: bool,
    answer: Answer,
}

impl State {
    fn answer(&mut self, request: &Request, honest: fn(&Self, &Request) -> Honest) -> Answer {
        let Honest { what, download, answer } = honest(self, request);
        let fault = self.faults.iter_mut().find(|planned| {
            let here = match &planned.at {
                At::Everything => true,
                At::Api => !download,
                At::Method(method) => !download && *method == what,
                At::Downloads => download,
                At::File(file) => download && *file == what,
            };
            here && planned.left != Some(0)
        });
        let answer = match fault {
            None => answer,
            Some(planned) => {
                planned.left = planned.left.map(|left| left - 1);
                spoil(answer, &planned.fault)
            }
        };
        if self.log.len() >= LOG_MAX {
            self.log.pop_front();
        }
        let (when, status) = (Instant::now(), answer.status);
        self.log.push_back(Logged { when, what, download, request: request.clone(), status });
        answer
    }

    fn download(&self, request: &Request) -> Honest {
        let id = request.path.trim_start_matches('/');
        let report = self.reports.iter().find(|report| report.id == id && report.appears <= self.today);
        let answer = match report {
            _ if request.method != "GET" => Answer::new(405, "text/plain", "Method Not Allowed"),
            None => Answer::new(404, "text/html", "<html><body>Not found</body></html>"),
            Some(report) => Answer::new(200, "text/csv", report.body.to_vec())
                .with("Content-Disposition", format!("attachment; filename={}", report.file))
                .with("Last-Modified", http_date(report.appears)),
        };
        let what = report.map_or_else(|| request.path.clone(), |report| report.file.clone());
        Honest { what, download: true, answer }
    }

    fn api(&self, request: &Request) -> Honest {
        let method = request.path.strip_prefix("/api2/").unwrap_or(&request.path);
        let answer = self.call(request, method).unwrap_or_else(|refused| refused);
        Honest { what: method.to_owned(), download: false, answer }
    }

    fn call(&self, request: &Request, method: &str) -> Result<Answer, Answer> {
        if request.method != "POST" {
            return Err(refusal(405, "Method Not Allowed").with("Allow", "POST"));
        }
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.secret.as_bytes());
        let signed = request.header("HMAC2").and_then(unhex);
        if signed.is_none_or(|tag| ring::hmac::verify(&key, &request.body, &tag).is_err()) {
            return Err(refusal(401, "Invalid HMAC"));
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) else {
            return Err(refusal(400, "The request is not a JSON object"));
        };
        if body.get("apikey").and_then(Value::as_str) != Some(self.key.as_str()) {
            return Err(refusal(401, "Invalid API key"));
        }
        let answer = match method {
            "test/ping" => json!({ "pong": format!("{} 12:00:00", self.today) }),
            "key/info" => json!([{ "user": "practice@example.net", "organization": self.list }]),
            "reports/subscribed" => json!([self.list]),
            "reports/types" => self.types(&body)?,
            "reports/list" => {
                let reports: Vec<String> = self.matching(&body)?.map(listed).collect();
                return Ok(Answer::new(200, "application/json", format!("[{}]", reports.join(","))));
            }
            "reports/stats" => self.stats(&body)?,
            "reports/schema" => schema(&body)?,
            // Also reports/download, which Shadowserver has taken away.
            _ => return Err(refusal(404, "Unknown method")),
        };
        Ok(Answer::json(200, &answer))
    }

    /// The reports a request asks for, oldest first, among those that are out.
    fn matching(&self, body: &Map<String, Value>) -> Result<impl Iterator<Item = &Report>, Answer> {
        let (from, to) = match body.get("date") {
            None => (Day::from_number(i32::MIN), self.today),
            Some(date) => self.dates(date).ok_or_else(|| refusal(400, "Invalid date"))?,
        };
        let lists = words(body, "reports")?;
        let types = match words(body, "types")? {
            None => words(body, "type")?,
            types => types,
        };
        let limit = body.get("limit").and_then(Value::as_u64).map_or(usize::MAX, |limit| limit as usize);
        let mut found: Vec<&Report> = self
            .reports
            .iter()
            .filter(|report| report.appears <= self.today && (from..=to).contains(&report.day))
            .filter(|report| lists.as_ref().is_none_or(|lists| lists.contains(&report.list)))
            .filter(|report| types.as_ref().is_none_or(|types| types.contains(&report.kind)))
            .collect();
        found.sort_by_key(|report| report.day);
        Ok(found.into_iter().take(limit))
    }

    /// `YYYY-MM-DD`, or a range of them with `:`; clients also send `now` and `-days`.
    fn dates(&self, date: &Value) -> Option<(Day, Day)> {
        let day = |text: &str| match text {
            "now" => Some(self.today),
            _ => match text.strip_prefix('-') {
                Some(days) => days.parse::<i32>().ok().map(|days| self.today.plus(-days)),
                None => text.parse().ok(),
            },
        };
        let text = date.as_str()?;
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        Some((day(from)?, day(to)?))
    }

    fn types(&self, body: &Map<String, Value>) -> Result<Value, Answer> {
        let mut types: Vec<&str> = self.matching(body)?.map(|report| report.kind.as_str()).collect();
        types.sort_unstable();
        types.dedup();
        let detail = body.get("detail").and_then(Value::as_bool).unwrap_or(false);
        let describe =
            |kind: &str| json!({ "type": kind, "description": title(kind), "url": help_url(kind) });
        Ok(types.into_iter().map(|kind| if detail { describe(kind) } else { json!(kind) }).collect())
    }

    /// Without a date: of yesterday.
    fn stats(&self, body: &Map<String, Value>) -> Result<Value, Answer> {
        let mut body = body.clone();
        body.entry("date").or_insert_with(|| json!(self.today.plus(-1).to_string()));
        let mut events: BTreeMap<(Day, String), usize> = BTreeMap::new();
        for report in self.matching(&body)? {
            *events.entry((report.day, report.kind.clone())).or_default() += report.rows();
        }
        let rows = events.into_iter().map(|((day, kind), count)| json!([day.to_string(), kind, count]));
        Ok(std::iter::once(json!(["date", "type", "events"])).chain(rows).collect())
    }
}

fn schema(body: &Map<String, Value>) -> Result<Value, Answer> {
    let kind = body.get("type").and_then(Value::as_str).filter(|kind| kinds::Kind::find(kind).is_some());
    let kind = kind.ok_or_else(|| refusal(400, "Unknown report type"))?;
    Ok(json!({ "name": title(kind), "url": help_url(kind), "fields": kinds::columns(kind) }))
}

/// A string or an array of strings.
fn words(body: &Map<String, Value>, member: &str) -> Result<Option<Vec<String>>, Answer> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let words = match body.get(member) {
        None => return Ok(None),
        Some(Value::Array(values)) => values.iter().map(word).collect(),
        Some(value) => word(value).map(|word| vec![word]),
    };
    words.map(Some).ok_or_else(|| refusal(400, &format!("{member} must be text or a list of texts")))
}

/// A report in the list. The order of the members varies, as it does at Shadowserver.
fn listed(report: &Report) -> String {
    let members = [
        ("file", &report.file),
        ("id", &report.id),
        ("report", &report.list),
        ("timestamp", &report.day.to_string()),
        ("type", &report.kind),
        ("url", &help_url(&report.kind)),
    ];
    let mut members = members.map(|(name, value)| format!("\"{name}\":{}", json!(value)));
    let by = Rng::new(0, &[&report.id]).below(members.len() as u64) as usize;
    members.rotate_left(by);
    format!("{{{}}}", members.join(","))
}

fn spoil(honest: Answer, fault: &Fault) -> Answer {
    let with = |delivery| honest.clone().delivered(delivery);
    match fault {
        Fault::BadKey => refusal(401, "Invalid API key"),
        Fault::NoGroup => refusal(400, "No supported report filters found"),
        Fault::TooMany(seconds) => refusal(429, "Too many requests").with("Retry-After", seconds.to_string()),
        Fault::Says(text) => refusal(400, text),
        Fault::Status(status) => refusal(*status, "The simulator was told to fail"),
        Fault::Silent => with(Delivery::Silent),
        Fault::Close => with(Delivery::Close),
        Fault::Trickle(interval) => with(Delivery::Trickle(*interval)),
        Fault::Cut => with(Delivery::Cut),
        Fault::Endless => with(Delivery::Endless),
        Fault::Html => {
            Answer::new(200, "text/html", "<!DOCTYPE html>\n<html><body>Maintenance</body></html>\n")
        }
        Fault::Truncated => {
            let half = honest.body[..honest.body.len() / 2].into();
            Answer { body: half, ..honest }
        }
        Fault::EmptyObject => Answer::json(200, &json!({})),
        Fault::ErrorInOk => Answer::json(200, &json!({ "error": "The query failed" })),
        Fault::Empty => Answer { body: [].into(), ..honest },
        Fault::Redirect(to) => refusal(302, "Moved").with("Location", to.clone()),
        Fault::Without(members) => each_listed(honest, |report| {
            report.retain(|name, _| !members.contains(&name.as_str()));
        }),
        Fault::Unknown => each_listed(honest, |report| {
            report.insert("expires".to_owned(), json!({ "days": [1, 2, 3], "\u{fc}": null }));
            report.insert("size".to_owned(), json!(1234));
        }),
        Fault::WrongTypes => each_listed(honest, |report| {
            let wrong = [json!(7), json!(["x"]), json!(null), json!({}), json!(true), json!(-1.5)];
            for (value, wrong) in report.values_mut().zip(wrong) {
                *value = wrong;
            }
        }),
    }
}

/// Changes each object of a listing; any other answer stays as it is.
fn each_listed(mut honest: Answer, change: impl Fn(&mut Map<String, Value>)) -> Answer {
    if let Ok(Value::Array(mut reports)) = serde_json::from_slice(&honest.body) {
        reports.iter_mut().filter_map(Value::as_object_mut).for_each(change);
        honest.body = Value::Array(reports).to_string().into_bytes().into();
    }
    honest
}

fn refusal(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // Lower case only, as Shadowserver's own programs send it.
    let digit = |byte: u8| b"0123456789abcdef".iter().position(|&known| known == byte);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8)).collect()
}

fn title(kind: &str) -> String {
    kind.replace('_', " ")
}

fn help_url(kind: &str) -> String {
    let page = kind.replace('_', "-");
    format!("https://www.shadowserver.org/what-we-do/network-reporting/{page}-report/")
}

/// Six in the morning of a day, as HTTP writes it.
fn http_date(day: Day) -> String {
    let time = day.start().plus_seconds(6 * 3600);
    time.in_zone(&jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// More requests than a test makes; a long practice run forgets its oldest.
const LOG_MAX: usize = 100_000;

/// A year of practice, about 80 files a day.
const REPORTS_MAX: usize = 30_000;

/// Faults that can be asked for on the command line.
pub(crate) const NAMED: &[(&str, Fault)] = &[
    ("bad-key", Fault::BadKey),
    ("no-group", Fault::NoGroup),
    ("too-many", Fault::TooMany(30)),
    ("error-500", Fault::Status(500)),
    ("error-503", Fault::Status(503)),
    ("not-found", Fault::Status(404)),
    ("silent", Fault::Silent),
    ("close", Fault::Close),
    ("slow", Fault::Trickle(Duration::from_secs(1))),
    ("html", Fault::Html),
    ("truncated", Fault::Truncated),
    ("cut", Fault::Cut),
    ("empty-object", Fault::EmptyObject),
    ("error-in-200", Fault::ErrorInOk),
    ("empty", Fault::Empty),
    ("endless", Fault::Endless),
    ("no-url", Fault::Without(&["url"])),
    ("no-id", Fault::Without(&["id"])),
    ("unknown-members", Fault::Unknown),
    ("wrong-types", Fault::WrongTypes),
];
