//! The words of Shadowserver's reports API: signed questions, and what the answers mean. Pure.
//!
//! <https://github.com/The-Shadowserver-Foundation/api_utils/wiki>: POST, one JSON object with the key in it,
//! and header `HMAC2` over its exact bytes; every status but 200 is an error.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ring::hmac;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{Error, FILE_NAME_BYTES_MAX};
use crate::clock::{Day, Timestamp};
use crate::config::Secret;

/// What can be asked.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// Whether key and secret fit together.
    Ping,
    /// The names of the lists that the key can see.
    Subscribed,
    /// The report types of a day.
    Types { day: Day },
    /// The report files of a day; of these lists only, if any is named.
    List { day: Day, reports: &'a [String] },
}

impl Ask<'_> {
    /// The part of the address after the API's root.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Ping => "test/ping",
            Self::Subscribed => "reports/subscribed",
            Self::Types { .. } => "reports/types",
            Self::List { .. } => "reports/list",
        }
    }
}

/// A question ready to be sent. Has no `Debug`: the key is in the body.
pub struct Signed {
    /// ASCII; sent exactly like this, since this is what is signed.
    pub body: String,
    /// Value of the header `HMAC2`.
    pub hmac2: String,
}

/// The access right to one report: never shown or logged, since who has it needs no key.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReportId(String);

impl ReportId {
    /// Takes only `[A-Za-z0-9?_-]{1,200}`, the class that other clients match, so that it may stand in an
    /// address as it is.
    pub fn new(text: &str) -> Option<Self> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"?_-".contains(&b);
        (!text.is_empty() && text.len() <= ID_BYTES_MAX && text.bytes().all(good))
            .then(|| Self(text.to_owned()))
    }

    /// The id itself, for the download and the store only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl TryFrom<String> for ReportId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("not a report id")
    }
}

impl From<ReportId> for String {
    fn from(id: ReportId) -> Self {
        id.0
    }
}

/// One report file that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: ReportId,
    /// File name, without any path.
    pub file: String,
    /// Report type (`scan_rdp`).
    pub kind: Option<String>,
    /// Name of the list it belongs to.
    pub list: Option<String>,
    /// Day on which the events were seen.
    pub day: Option<Day>,
}

/// The answer to [`Ask::List`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub reports: Vec<Listed>,
    /// Entries that cannot be used, by reason.
    pub skipped: BTreeMap<Skip, u64>,
}

/// Why an entry of a list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Skip {
    #[error("entry is not an object")]
    NotAnObject,
    #[error("entry without id")]
    NoId,
    #[error("entry with an id that is none")]
    BadId,
    #[error("entry without file name")]
    NoFile,
    #[error("entry with a file name that is none")]
    BadFile,
    #[error("more entries than any day has")]
    TooMany,
}

/// What stands before the body of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Who answered.
    pub host: &'a str,
    pub status: u16,
    pub retry_after: Option<&'a str>,
    /// The server's own time, against which a date in `retry_after` is read.
    pub date: Option<&'a str>,
    pub location: Option<&'a str>,
}

/// Writes and signs a question.
pub fn sign(ask: &Ask, key: &Secret, secret: &Secret) -> Signed {
    #[derive(Serialize)]
    struct Body<'a> {
        apikey: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        date: Option<String>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        reports: &'a [String],
    }
    let (date, reports) = match *ask {
        Ask::Ping | Ask::Subscribed => (None, &[][..]),
        Ask::Types { day } => (Some(day.to_string()), &[][..]),
        Ask::List { day, reports } => (Some(day.to_string()), reports),
    };
    let body = serde_json::to_string(&Body { apikey: &key.0, date, reports });
    let body = escape_non_ascii(&body.expect("a struct of strings is always JSON"));
    let hmac2 = hmac2(secret, body.as_bytes());
    Signed { body, hmac2 }
}

/// Turns every answer but HTTP 200 into what it means.
pub fn check(head: &Head, body: &[u8], key: &Secret) -> Result<(), Error> {
    let host = head.host.to_owned();
    let status = head.status;
    if status == 200 {
        return Ok(());
    }
    if is_about_filters(&String::from_utf8_lossy(body)) {
        return Err(Error::NoReportsGroup);
    }
    Err(match status {
        300..=399 => {
            Error::Redirected { host, to: head.location.map_or("nowhere".to_owned(), |to| origin(to, key)) }
        }
        401 | 403 => Error::KeyRefused { status },
        404 | 410 => Error::NotFound { host, status },
        429 => Error::Throttled { host, retry_after_seconds: head.retry_after_seconds() },
        503 if head.retry_after.is_some() => {
            Error::Throttled { host, retry_after_seconds: head.retry_after_seconds() }
        }
        500.. => Error::Server { host, status },
        _ => {
            let said = decode(body).ok();
            let text = said.as_ref().and_then(Json::error).unwrap_or(NO_REASON);
            Error::ServerSaid { host, status, text: clean(text, key) }
        }
    })
}

/// The same for a download, where no key is involved and `file` is what was asked for.
pub fn check_download(head: &Head, file: &str) -> Result<(), Error> {
    match head.status {
        401 | 403 | 404 | 410 => {
            Err(Error::Gone { host: head.host.to_owned(), file: file.to_owned(), status: head.status })
        }
        _ => check(head, b"", &Secret::default()),
    }
}

/// Reads the answer to [`Ask::List`]. An entry that cannot be used costs only itself.
pub fn read_list(host: &str, body: &[u8], key: &Secret) -> Result<Listing, Error> {
    let (entries, too_many) = read_entries(host, body, key)?;
    let mut listing = Listing::default();
    for entry in entries {
        match listed(entry) {
            Ok(listed) => listing.reports.push(listed),
            Err(skip) => *listing.skipped.entry(skip).or_default() += 1,
        }
    }
    if too_many > 0 {
        listing.skipped.insert(Skip::TooMany, too_many);
    }
    Ok(listing)
}

/// Reads the answer to [`Ask::Subscribed`] and [`Ask::Types`]. What is not a name is left out.
pub fn read_names(host: &str, body: &[u8], key: &Secret) -> Result<Vec<String>, Error> {
    let (entries, _) = read_entries(host, body, key)?;
    let name = |entry| match entry {
        Json::Text(text) if is_name(&text) => Some(text),
        _ => None,
    };
    Ok(entries.into_iter().filter_map(name).collect())
}

/// Reads the answer to [`Ask::Ping`].
pub fn read_pong(host: &str, body: &[u8], key: &Secret) -> Result<(), Error> {
    match read(host, body, key)? {
        Json::Object { known, .. } if known.contains_key("pong") => Ok(()),
        _ => Err(Error::NotJson { host: host.to_owned(), found: UNEXPECTED }),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Head<'_> {
    /// `Retry-After` is either seconds or a date (RFC 9110, 10.2.3).
    fn retry_after_seconds(&self) -> Option<u64> {
        let text = self.retry_after?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(seconds);
        }
        let wait = http_date(text)?.since(http_date(self.date?)?);
        Some(u64::try_from(wait).unwrap_or(0))
    }
}

/// A date as HTTP writes it (RFC 9110, 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_unix(date.timestamp().as_second()))
}

fn hmac2(secret: &Secret, body: &[u8]) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes()), body).as_ref())
}

/// Outside ASCII the encoding that Shadowserver signs has changed once, so the body stays within it. In JSON such
/// characters stand within strings only.
fn escape_non_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii
}

fn read_entries(host: &str, body: &[u8], key: &Secret) -> Result<(Vec<Json>, u64), Error> {
    match read(host, body, key)? {
        Json::List { entries, too_many } => Ok((entries, too_many)),
        // An empty object stands for an empty list: IntelMQ's collector has met it.
        Json::Object { members: 0, .. } => Ok((Vec::new(), 0)),
        _ => Err(Error::NotJson { host: host.to_owned(), found: UNEXPECTED }),
    }
}

/// Reads any answer with status 200; one that tells of an error becomes that error.
fn read(host: &str, body: &[u8], key: &Secret) -> Result<Json, Error> {
    let host = host.to_owned();
    match decode(body) {
        Ok(json) => match json.error() {
            Some(text) if is_about_filters(text) => Err(Error::NoReportsGroup),
            Some(text) => Err(Error::ServerSaid { host, status: 200, text: clean(text, key) }),
            None => Ok(json),
        },
        Err(error) => Err(match body.trim_ascii_start().first() {
            None => Error::NotJson { host, found: "nothing" },
            Some(b'<') => Error::NotJson { host, found: "a web page" },
            Some(_) if error.is_eof() => Error::Cut { host },
            Some(_) => Error::NotJson { host, found: UNEXPECTED },
        }),
    }
}

fn decode(body: &[u8]) -> Result<Json, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let json = Shape { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(json)
}

/// Scheme and host of an address; the rest of it may hold an id.
fn origin(location: &str, key: &Secret) -> String {
    match location.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            clean(&format!("{scheme}://{host}"), key)
        }
        None => "another page of its own".to_owned(),
    }
}

/// How Shadowserver says that the key has no access to reports ("No supported report filters found", "limited to
/// members of the reports group").
fn is_about_filters(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("report filters") || text.contains("reports group")
}

/// A server's words, fit for a log line: without the key, should it repeat it.
fn clean(text: &str, key: &Secret) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = if key.0.is_empty() { text } else { text.replace(&key.0, "***") };
    text.chars().take(SAID_CHARS_MAX).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= FILE_NAME_BYTES_MAX && !text.contains(char::is_control)
}

/// Makes of one entry of a list what can be downloaded.
fn listed(entry: Json) -> Result<Listed, Skip> {
    let Json::Object { mut known, .. } = entry else {
        return Err(Skip::NotAnObject);
    };
    let mut take = |member| known.remove(member).flatten();
    let id = ReportId::new(&take("id").ok_or(Skip::NoId)?).ok_or(Skip::BadId)?;
    let file = take("file").ok_or(Skip::NoFile)?;
    // Not stricter: list names are part of it, and a name of a new kind must not cost a report. The spool makes
    // safe names of its own.
    if !is_name(&file) || file.starts_with('.') || file.contains(['/', '\\']) {
        return Err(Skip::BadFile);
    }
    Ok(Listed {
        id,
        file,
        kind: take("type").filter(|kind| is_name(kind)),
        list: take("report").filter(|list| is_name(list)),
        day: take("timestamp").and_then(|text| text.get(..10)?.parse().ok()),
    })
}

/// An answer of any shape, of which only what is used is kept, so that a large one needs little memory.
enum Json {
    List {
        entries: Vec<Json>,
        too_many: u64,
    },
    Object {
        /// How many members there were, known or not.
        members: usize,
        /// The members in [`KNOWN`]; `None` where one is neither text nor a number.
        known: BTreeMap<&'static str, Option<String>>,
    },
    Text(String),
    Other,
}

impl Json {
    /// The text of the member `error`, if there is such a member.
    fn error(&self) -> Option<&str> {
        match self {
            Self::Object { known, .. } => Some(known.get("error")?.as_deref().unwrap_or(NO_REASON)),
            _ => None,
        }
    }
}

/// Reads [`Json`]; `depth` counts the lists and objects around it.
#[derive(Clone, Copy)]
struct Shape {
    depth: u32,
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Text(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        // Only the outermost list is of use.
        if self.depth == 0 {
            while entries.len() < LIST_ENTRIES_MAX {
                match seq.next_element_seed(Shape { depth: 1 })? {
                    Some(entry) => entries.push(entry),
                    None => return Ok(Json::List { entries, too_many: 0 }),
                }
            }
        }
        let mut too_many = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            too_many += 1;
        }
        Ok(Json::List { entries, too_many })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = 0;
        let mut known = BTreeMap::new();
        while let Some(name) = map.next_key::<Cow<str>>()? {
            members += 1;
            match KNOWN.iter().find(|known| **known == name) {
                Some(name) => match map.next_value_seed(Shape { depth: self.depth + 1 })? {
                    Json::Text(text) => known.insert(*name, Some(text)),
                    _ => known.insert(*name, None),
                },
                None => map.next_value::<IgnoredAny>().map(|_| None)?,
            };
        }
        Ok(Json::Object { members, known })
    }
}

/// Largest answer of the API that is read, in bytes: ten thousand entries need a quarter of it.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Most entries of a list that are used: a day has at most a few reports of each of some 200 types.
pub const LIST_ENTRIES_MAX: usize = 10_000;
/// Longest report id; those seen have 50 characters.
const ID_BYTES_MAX: usize = 200;
/// How much of a server's error text is kept.
const SAID_CHARS_MAX: usize = 200;

/// Members of answers that mean something here.
const KNOWN: &[&str] = &["error", "file", "id", "pong", "report", "timestamp", "type"];
const UNEXPECTED: &str = "something unexpected";
const NO_REASON: &str = "no reason given";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    fn key() -> Secret {
        secret("test-key")
    }

    fn list(body: &str) -> Result<Listing, Error> {
        read_list("h", body.as_bytes(), &key())
    }

    fn head(status: u16) -> Head<'static> {
        Head { host: "h", status, retry_after: None, date: None, location: None }
    }

    #[test]
    fn the_signature_is_the_known_one() {
        let vectors = [
            (r#"{"apikey":"test-key"}"#, "66752e66a5812a655a36b8c5aa02d1926e20ead7c86b9dbc186d2bd575086b00"),
            (
                r#"{"date": "2026-11-21", "apikey": "test-key"}"#,
                "aa75d25a9c87a70d7b1fed1c37a13191c90305880c429a46de7e52f10c03ce86",
            ),
        ];
        for (body, expected) in vectors {
            assert_eq!(hmac2(&secret("test-secret"), body.as_bytes()), expected);
        }
        let signed = sign(&Ask::Ping, &key(), &secret("test-secret"));
        assert_eq!((signed.body.as_str(), signed.hmac2.as_str()), vectors[0]);
    }

    #[test]
    fn each_question_has_its_body() {
        let day: Day = "2026-11-21".parse().unwrap();
        let reports = ["united-states".to_owned(), "\u{fc}\u{1f41d}\"".to_owned()];
        let cases = [
            (Ask::Subscribed, "reports/subscribed", r#"{"apikey":"test-key"}"#),
            (Ask::Types { day }, "reports/types", r#"{"apikey":"test-key","date":"2026-11-21"}"#),
            (Ask::List { day, reports: &[] }, "reports/list", r#"{"apikey":"test-key","date":"2026-11-21"}"#),
            (
                Ask::List { day, reports: &reports },
                "reports/list",
                r#"{"apikey":"test-key","date":"2026-11-21","reports":["united-states","\u00fc\ud83d\udc1d\""]}"#,
            ),
        ];
        for (ask, method, body) in cases {
            let signed = sign(&ask, &key(), &secret("s"));
            assert_eq!((ask.method(), signed.body.as_str()), (method, body));
            assert_eq!(signed.hmac2, hmac2(&secret("s"), body.as_bytes()));
        }
        let body: serde_json::Value =
            serde_json::from_str(&sign(&cases[3].0, &key(), &secret("s")).body).unwrap();
        assert_eq!(body["reports"][1], reports[1], "the escapes mean the same name");
    }

    #[test]
    fn a_list_gives_what_can_be_downloaded() {
        let listing = list(
            r#" [{"type":"scan_ssl","file":"2024-01-04-scan_ssl-company-ip.csv","id":"aB3?-_x","more":{"a":[1]},
                  "report":"company","timestamp":"2024-01-04","url":"https://www.example/"},
                 {"id":12345,"file":"x.csv","type":null,"report":["a"],"timestamp":"yesterday"}] "#,
        )
        .unwrap();
        let id = |text| ReportId::new(text).unwrap();
        let full = Listed {
            id: id("aB3?-_x"),
            file: "2024-01-04-scan_ssl-company-ip.csv".to_owned(),
            kind: Some("scan_ssl".to_owned()),
            list: Some("company".to_owned()),
            day: Some("2024-01-04".parse().unwrap()),
        };
        let bare = Listed { id: id("12345"), file: "x.csv".to_owned(), kind: None, list: None, day: None };
        assert_eq!(listing, Listing { reports: vec![full, bare], skipped: BTreeMap::new() });
        assert_eq!(list("[]").unwrap(), Listing::default());
        assert_eq!(list("{}").unwrap(), Listing::default());
    }

    #[test]
    fn a_bad_entry_costs_only_itself() {
        let long = "a".repeat(201);
        let cases = [
            ("7".to_owned(), Skip::NotAnObject),
            ("null".to_owned(), Skip::NotAnObject),
            (r#"[{"id":"a","file":"b"}]"#.to_owned(), Skip::NotAnObject),
            (r#"{"file":"a.csv"}"#.to_owned(), Skip::NoId),
            (r#"{"id":{"id":"a"},"file":"a.csv"}"#.to_owned(), Skip::NoId),
            (r#"{"id":"","file":"a.csv"}"#.to_owned(), Skip::BadId),
            (r#"{"id":"../a","file":"a.csv"}"#.to_owned(), Skip::BadId),
            (r#"{"id":"a#b","file":"a.csv"}"#.to_owned(), Skip::BadId),
            (format!(r#"{{"id":"{long}","file":"a.csv"}}"#), Skip::BadId),
            (r#"{"id":"a"}"#.to_owned(), Skip::NoFile),
            (r#"{"id":"a","file":""}"#.to_owned(), Skip::BadFile),
            (r#"{"id":"a","file":".."}"#.to_owned(), Skip::BadFile),
            (r#"{"id":"a","file":"a/b.csv"}"#.to_owned(), Skip::BadFile),
            (r#"{"id":"a","file":"a\\b.csv"}"#.to_owned(), Skip::BadFile),
            (r#"{"id":"a","file":"a\u0000.csv"}"#.to_owned(), Skip::BadFile),
            (format!(r#"{{"id":"a","file":"{long}"}}"#), Skip::BadFile),
        ];
        for (entry, skip) in cases {
            let listing = list(&format!(r#"[{{"id":"a","file":"b.csv"}},{entry}]"#)).unwrap();
            assert_eq!(listing.reports.len(), 1);
            assert_eq!(listing.skipped, BTreeMap::from([(skip, 1)]), "{entry}");
        }
    }

    #[test]
    fn a_list_without_end_is_counted_not_kept() {
        let body = format!("[{}1]", r#"{"id":"a","file":"b"},"#.repeat(LIST_ENTRIES_MAX + 4));
        let listing = list(&body).unwrap();
        assert_eq!(listing.reports.len(), LIST_ENTRIES_MAX);
        assert_eq!(listing.skipped, BTreeMap::from([(Skip::TooMany, 5)]));
    }

    #[test]
    fn what_is_no_list_says_what_it_is() {
        let cases = [
            (r#"{"error":"bad day for test-key\n"}"#, "h answers with an error (HTTP 200): bad day for ***"),
            (r#"{"error":{"code":1}}"#, "h answers with an error (HTTP 200): no reason given"),
            (r#"{"error":"No supported report filters found"}"#, "Shadowserver knows the key"),
            (r#"{"pong":"now"}"#, "h answers with something unexpected"),
            ("\"text\"", "h answers with something unexpected"),
            ("[] []", "h answers with something unexpected"),
            ("", "h answers with nothing"),
            (" \n", "h answers with nothing"),
            ("\n<!DOCTYPE html>", "h answers with a web page"),
            (r#"[{"id":"a","fi"#, "the answer of h ends in the middle"),
            ("[", "the answer of h ends in the middle"),
        ];
        for (body, message) in cases {
            let error = list(body).unwrap_err().to_string();
            assert!(error.starts_with(message), "{body}: {error}");
        }
        assert!(list(&"[".repeat(1_000_000)).is_err(), "deep nesting must not exhaust the stack");
    }

    #[test]
    fn every_status_has_a_meaning() {
        let filters = r#"{"error":"No supported report filters found"}"#;
        let cases = [
            (401, "{}", "Shadowserver refuses the key (HTTP 401)"),
            (403, "", "Shadowserver refuses the key (HTTP 403)"),
            (403, filters, "Shadowserver knows the key"),
            (400, "limited to members of the reports group", "Shadowserver knows the key"),
            (404, "", "h does not know what was asked for (HTTP 404)"),
            (429, "", "h asks to be left alone"),
            (500, "<html>", "h has a fault of its own (HTTP 500)"),
            (503, "", "h has a fault of its own (HTTP 503)"),
            (302, "", "h sends us on to nowhere"),
            (400, r#"{"error":"bad date"}"#, "h answers with an error (HTTP 400): bad date"),
            (418, "tea", "h answers with an error (HTTP 418): no reason given"),
            (204, "", "h answers with an error (HTTP 204): no reason given"),
        ];
        for (status, body, message) in cases {
            let error = check(&head(status), body.as_bytes(), &key()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{status}: {error}");
        }
        check(&head(200), b"anything", &key()).unwrap();
        for status in [401, 403, 404, 410] {
            assert!(matches!(check_download(&head(status), "f"), Err(Error::Gone { .. })));
        }
        assert!(matches!(check_download(&head(503), "f"), Err(Error::Server { .. })));
        check_download(&head(200), "f").unwrap();
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Fri, 20 Nov 2026 08:00:00 GMT");
        let cases = [
            (429, Some("120"), None, Some(120)),
            (503, Some(" 7 "), None, Some(7)),
            (429, Some("Fri, 20 Nov 2026 08:01:30 GMT"), date, Some(90)),
            (429, Some("Fri, 20 Nov 2026 07:00:00 GMT"), date, Some(0)),
            (429, Some("Fri, 20 Nov 2026 08:01:30 GMT"), None, None),
            (429, Some("soon"), date, None),
            (429, Some("-1"), date, None),
            (429, None, date, None),
        ];
        for (status, retry_after, date, seconds) in cases {
            match check(&Head { retry_after, date, ..head(status) }, b"", &key()) {
                Err(Error::Throttled { retry_after_seconds, .. }) => assert_eq!(retry_after_seconds, seconds),
                other => panic!("{retry_after:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_redirect_tells_where_to_but_not_which_report() {
        let cases = [
            ("https://login.example/portal?id=secret", "https://login.example"),
            ("https://user:word@login.example#x", "https://login.example"),
            ("/secret", "another page of its own"),
        ];
        for (location, expected) in cases {
            match check(&Head { location: Some(location), ..head(302) }, b"", &key()) {
                Err(Error::Redirected { to, .. }) => assert_eq!(to, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn names_and_pong() {
        let names = |body: &str| read_names("h", body.as_bytes(), &key());
        assert_eq!(names(r#"["united-states",3,null,"",["x"]]"#).unwrap(), ["united-states", "3"]);
        assert!(names(r#"{"error":"x"}"#).is_err());
        read_pong("h", br#"{"pong":"2020-10-26 23:06:37"}"#, &key()).unwrap();
        assert!(read_pong("h", b"[]", &key()).is_err());
        assert!(read_pong("h", br#"{"error":"x","pong":1}"#, &key()).is_err());
    }

    #[test]
    fn ids_stay_secret_but_survive_the_store() {
        let id = ReportId::new("xNDSuwXrKnrLr").unwrap();
        assert_eq!(format!("{id} {id:?}"), "*** ***");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ReportId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<ReportId>("\"a/b\"").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body: Vec<u8>) {
            let _ = read_list("h", &body, &key());
        }

        #[test]
        fn no_text_like_json_makes_it_panic(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "[", "]", "{", "}", ",", ":", "\"id\"", "\"file\"", "\"error\"", "\"timestamp\"", "\"a\"",
                    "\"\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\"", "\"\\ud800\"", "1e999", "-7", "null", "\u{feff}",
                ]),
                0..40,
            ),
        ) {
            let body = parts.concat();
            // What is skipped over is not looked at as closely as by serde_json itself, so that one may refuse more.
            if let (Ok(listing), Ok(json)) = (list(&body), serde_json::from_str::<serde_json::Value>(&body)) {
                let entries = json.as_array().map_or(0, Vec::len) as u64;
                prop_assert_eq!(listing.reports.len() as u64 + listing.skipped.values().sum::<u64>(), entries);
            }
        }
    }
}
