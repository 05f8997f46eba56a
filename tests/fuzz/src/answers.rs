//! Answers of the reports API: what is taken from them is safe to use as it is, and what is told is safe to show.

use std::path::{Component, Path};

use abusebox::config::Secret;
use abusebox::fetch::api::{self, Head, LIST_ENTRIES_MAX, Listed, Listing};
use abusebox::fetch::{Error, FILE_NAME_BYTES_MAX, spool};
use serde_json::Value;

use super::assert_showable;

pub(super) fn check(bytes: &[u8]) {
    let key = Secret(KEY.to_owned());
    let json = serde_json::from_slice::<Value>(bytes).ok();
    match api::read_list(HOST, bytes, &key) {
        Ok(listing) => check_listing(&listing, json.as_ref()),
        Err(error) => {
            assert!(!matches!(json, Some(Value::Array(_))), "a list is not taken: {error}");
            check_error(&error);
        }
    }
    match api::read_names(HOST, bytes, &key) {
        Ok(names) => names.iter().for_each(|name| check_name(name)),
        Err(error) => check_error(&error),
    }
    if let Err(error) = api::read_pong(HOST, bytes, &key) {
        check_error(&error);
    }
    // The same bytes as what stands before a body.
    let line = String::from_utf8_lossy(bytes);
    let (retry_after, date) = line.split_once('\n').unwrap_or((&line, ""));
    for status in [200, 302, 400, 403, 404, 429, 500, 503] {
        let (retry_after, date) = (Some(retry_after), Some(date));
        let head = Head { host: HOST, status, retry_after, date, location: Some(&line) };
        let (asked, downloaded) = (api::check(&head, bytes, &key), api::check_download(&head, "file.csv"));
        assert_eq!((asked.is_ok(), downloaded.is_ok()), (status == 200, status == 200), "only 200 is good");
        asked.err().iter().for_each(check_error);
        // Who is asked for a download is never told the key.
        downloaded.err().iter().for_each(|error| assert_showable(&error.to_string(), TOLD_CHARS_MAX));
    }
}

fn check_listing(listing: &Listing, json: Option<&Value>) {
    let skipped: u64 = listing.skipped.values().sum();
    match json {
        Some(Value::Array(entries)) => {
            assert_eq!(listing.reports.len() as u64 + skipped, entries.len() as u64, "{listing:?}");
        }
        Some(Value::Object(members)) => assert!(members.is_empty() && listing == &Listing::default()),
        // Beyond what the other reader takes (numbers, depth); it has then no opinion.
        None => {}
        Some(other) => panic!("{other} is no list"),
    }
    assert!(listing.reports.len() <= LIST_ENTRIES_MAX);
    for Listed { id, file, kind, list, day } in &listing.reports {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"?_-".contains(&byte);
        assert!((1..=200).contains(&id.expose().len()) && id.expose().bytes().all(good), "{}", id.expose());
        assert_eq!((format!("{id:?}"), id.to_string()), ("***".to_owned(), "***".to_owned()));
        check_name(file);
        check_file_name(file);
        assert!(!file.starts_with('.'), "{file}");
        check_file_name(&spool::file_key(file));
        kind.iter().chain(list).for_each(|name| check_name(name));
        if let Some(day) = day {
            assert_eq!(day.to_string().parse().ok(), Some(*day));
        }
    }
}

fn check_name(name: &str) {
    assert!((1..=FILE_NAME_BYTES_MAX).contains(&name.len()), "{} bytes", name.len());
    assert_showable(name, FILE_NAME_BYTES_MAX);
}

/// One ordinary step of a path, which leads neither up nor elsewhere.
fn check_file_name(name: &str) {
    let steps: Vec<_> = Path::new(name).components().collect();
    assert!(matches!(steps[..], [Component::Normal(step)] if step == name), "{name:?}");
    assert!(!name.contains('\\'), "{name:?}");
}

fn check_error(error: &Error) {
    let told = error.to_string();
    assert_showable(&told, TOLD_CHARS_MAX);
    assert!(!told.contains(KEY) && !format!("{error:?}").contains(KEY), "the key is in {told}");
}

const HOST: &str = "api.example.net";
const KEY: &str = "k3y";
/// A sentence of ours with a few words of theirs.
const TOLD_CHARS_MAX: usize = 600;
