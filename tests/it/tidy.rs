//! The order of the house, read from the sources: who may import whom, who may know which package, who is pure.
//!
//! The tables at the end are the decisions. A new edge fails here first, so that it is a visible decision.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn every_rust_file_says_what_it_is_for_and_is_ascii() {
    check_each(|path| path.ends_with(".rs"), rust_faults);
}

#[test]
fn no_file_has_trailing_blanks_or_knows_where_it_was_written() {
    check_each(|_| true, text_faults);
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    check_each(is_product, edge_faults);
}

#[test]
fn each_package_stays_in_its_room() {
    check_each(is_product, package_faults);
}

#[test]
fn pure_rooms_touch_nothing() {
    check_each(is_product, purity_faults);
}

#[test]
fn the_room_table_has_no_circle() {
    for (index, (room, imports)) in ROOMS.iter().enumerate() {
        for import in imports.iter().filter(|import| **import != ANY) {
            assert!(
                ROOMS[..index].iter().any(|(earlier, _)| earlier == import),
                "{room} names {import} before its row"
            );
        }
    }
}

#[test]
fn the_architecture_names_every_room_and_dependency() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let paths: Vec<_> = sources().into_iter().map(|source| source.path).collect();
    assert_eq!(architecture_faults(&architecture, &manifest, &paths), NOTHING);
}

/// What lay about is easily committed with the rest.
#[test]
fn nothing_strange_lies_at_the_top() {
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    let Some(listed) = listed.ok().filter(|listed| listed.status.success()) else {
        println!("skipped: not a checkout of git");
        return;
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names: BTreeSet<&str> = listed.lines().filter_map(|path| path.split('/').next()).collect();
    let strange: Vec<_> = names.iter().filter(|name| !TOP.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

fn rust_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.text.starts_with("//!") {
        faults.push("1: begin with `//!` and what the file is for".to_owned());
    }
    for (number, line) in numbered(&source.text) {
        if !line.is_ascii() {
            faults.push(format!("{number}: write \\u{{...}} instead of a character beyond ASCII"));
        }
    }
    for (number, line) in numbered(&code(&source.text)) {
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            faults.push(format!("{number}: finish this, `{word}` is left"));
        }
    }
    faults
}

fn text_faults(source: &Source) -> Vec<String> {
    // In two parts, so that this file itself has it not.
    let machine = concat!("/wo", "rk/");
    let absolute = |line: &str, at: usize| at == 0 || !is_word(line.as_bytes()[at - 1]);
    let mut faults = Vec::new();
    for (number, line) in numbered(&source.text) {
        if line.ends_with([' ', '\t', '\r']) {
            faults.push(format!("{number}: take away the trailing blanks"));
        }
        if line.match_indices(machine).any(|(at, _)| absolute(line, at)) {
            faults.push(format!("{number}: take away the path of one machine"));
        }
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        faults.push("end the last line".to_owned());
    }
    faults
}

fn edge_faults(source: &Source) -> Vec<String> {
    let room = room(&source.path);
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("1: decide in ROOMS what {room} may import")];
    };
    let root = ["super"].repeat(depth(&source.path));
    let mut faults = Vec::new();
    for (line, path) in paths(&product_code(&source.text)) {
        let import = match path.first().map(String::as_str) {
            Some("crate") => path.get(1),
            Some("super") if path.starts_with(&root.iter().map(ToString::to_string).collect::<Vec<_>>()) => {
                path.get(root.len())
            }
            _ => None,
        };
        let Some(import) = import.map(String::as_str) else { continue };
        let is_room = import == "*" || ROOMS.iter().any(|(name, _)| *name == import);
        if is_room && import != room && !allowed.iter().any(|name| [import, ANY].contains(name)) {
            faults.push(format!("{line}: {room} must not import {import}"));
        }
    }
    faults
}

fn package_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, path) in paths(&product_code(&source.text)) {
        for (package, homes) in PACKAGES {
            if path[0] == *package && !homes.iter().any(|home| source.path.starts_with(home)) {
                faults.push(format!("{line}: only {} may know {package}", homes.join(", ")));
            }
        }
    }
    faults
}

fn purity_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if PURE.iter().any(|pure| source.path.starts_with(pure)) {
        for (line, path) in paths(&product_code(&source.text)) {
            for impure in IMPURE.iter().filter(|impure| touches(&path, impure)) {
                faults.push(format!("{line}: {impure} in a pure room; take the thing as an argument"));
            }
        }
    }
    faults
}

/// Whether the segments of `impure` stand one after another in `path`, or hide behind its `*`.
fn touches(path: &[String], impure: &str) -> bool {
    let impure: Vec<_> = impure.split("::").collect();
    let glob = path.last().is_some_and(|last| last == "*") && {
        let before = &path[..path.len() - 1];
        before.len() < impure.len() && before.iter().eq(&impure[..before.len()])
    };
    glob || path.windows(impure.len()).any(|part| part.iter().eq(&impure))
}

fn architecture_faults(architecture: &str, manifest: &str, paths: &[String]) -> Vec<String> {
    let modules: BTreeSet<_> = paths
        .iter()
        .filter_map(|path| {
            let rest = path.strip_prefix("src/").filter(|_| path.ends_with(".rs"))?;
            Some(rest.split_once('/').map_or(path.clone(), |(folder, _)| format!("src/{folder}/")))
        })
        .collect();
    let manifest: toml_edit::Document<_> = toml_edit::Document::parse(manifest).unwrap();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let packages: BTreeSet<_> = tables
        .iter()
        .filter_map(|table| manifest.get(table)?.as_table_like())
        .flat_map(|table| table.iter().map(|(name, _)| name.to_owned()))
        .collect();
    modules
        .into_iter()
        .chain(packages)
        .filter(|name| !architecture.contains(&format!("`{name}`")))
        .map(|name| format!("name `{name}` in ARCHITECTURE.md"))
        .collect()
}

// The scanner: enough of Rust to find paths. Strings and comments become blanks, lines stay.

/// The part of a file that ships: what stands before its tests, which close a file.
fn product_code(text: &str) -> String {
    let code = code(text);
    let end = code.find("#[cfg(test)]\nmod tests").unwrap_or(code.len());
    code[..end].to_owned()
}

/// The text with comments and literals blanked out.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let in_word = at > 0 && is_word(bytes[at - 1]);
        let length = match rest {
            [b'/', b'/', ..] => line_end(rest),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => quoted(rest),
            [b'r', ..] if !in_word => raw_string(rest),
            [b'b' | b'c', b'r', ..] if !in_word => {
                raw_string(&rest[1..]).map_or(0, |length| length + 1).into()
            }
            [b'\'', b'\\', ..] => {
                rest.iter().skip(3).position(|b| *b == b'\'').map_or(rest.len(), |end| end + 4).into()
            }
            [b'\'', ..] => character(&text[at..]),
            _ => None,
        };
        let length = length.filter(|length| *length > 0);
        let blank = length.is_some();
        for byte in &rest[..length.unwrap_or(1).min(rest.len())] {
            code.push(match byte {
                b'\n' => '\n',
                _ if blank || !byte.is_ascii() => ' ',
                byte => char::from(*byte),
            });
            at += 1;
        }
    }
    code
}

fn line_end(rest: &[u8]) -> Option<usize> {
    Some(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()))
}

fn block_comment(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return Some(at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    Some(rest.len())
}

fn quoted(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    Some(rest.len())
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let end = [b"\"", "#".repeat(hashes).as_bytes()].concat();
    let body = rest.get(1 + hashes..).filter(|body| body.first() == Some(&b'"'))?;
    let found = body[1..].windows(end.len()).position(|part| part == end);
    Some(found.map_or(rest.len(), |found| 1 + hashes + 1 + found + end.len()))
}

/// A character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let mut characters = rest.char_indices().skip(2);
    characters.next().filter(|(_, character)| *character == '\'').map(|(at, _)| at + 1)
}

/// Every path in `code` of two segments or more, and every imported one, with its line.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (line, token) = tokens[at];
        // `impl Trait + use<'a>` imports nothing.
        if token == "use" && tokens.get(at + 1).is_some_and(|(_, next)| *next != "<") {
            at = use_tree(&tokens, at + 1, &mut Vec::new(), &mut found);
        } else if is_word(token.as_bytes()[0]) {
            let mut path = vec![token.to_owned()];
            while let Some([(_, "::"), (_, next)]) = tokens.get(at + 1..at + 3)
                && is_word(next.as_bytes()[0])
            {
                path.push((*next).to_owned());
                at += 2;
            }
            if path.len() > 1 {
                found.push((line, path));
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one branch of a `use`, which begins at `at`; returns where it ends.
fn use_tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let outer = before.len();
    while let Some((line, token)) = tokens.get(at).copied() {
        match token {
            "::" => at += 1,
            "{" => {
                at += 1;
                loop {
                    at = use_tree(tokens, at, before, found);
                    let end = tokens.get(at).is_none_or(|(_, token)| *token != ",");
                    at += 1;
                    if end {
                        break;
                    }
                }
                break;
            }
            "," | ";" | "}" => break,
            // `as name` closes a path.
            "as" => at += 2,
            segment => {
                before.push(segment.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|(_, next)| *next != "::") {
                    found.push((line, before.clone()));
                }
            }
        }
    }
    before.truncate(outer);
    at
}

/// Words, `::` and single signs, with their lines.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let (mut tokens, mut line, mut at) = (Vec::new(), 1, 0);
    while at < bytes.len() {
        let length = match &bytes[at..] {
            [b':', b':', ..] => 2,
            rest if is_word(rest[0]) => rest.iter().take_while(|byte| is_word(**byte)).count(),
            _ => 1,
        };
        line += usize::from(bytes[at] == b'\n');
        if !bytes[at].is_ascii_whitespace() {
            tokens.push((line, &code[at..at + length]));
        }
        at += length;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

// The files.

#[track_caller]
fn check_each(of_interest: impl Fn(&str) -> bool, faults: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    let found: Vec<_> = sources
        .iter()
        .filter(|source| of_interest(&source.path))
        .flat_map(|source| faults(source).into_iter().map(|fault| format!("{}:{fault}", source.path)))
        .collect();
    assert!(sources.iter().any(|source| of_interest(&source.path)), "nothing was looked at");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Every text file that somebody wrote.
fn sources() -> Vec<Source> {
    let (mut sources, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let file = entry.path();
            let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let kind = entry.file_type().unwrap();
            if NOT_WRITTEN.contains(&path.rsplit('/').next().unwrap_or(&path))
                || AS_RECEIVED.contains(&&*path)
            {
                continue;
            }
            if kind.is_dir() {
                folders.push(file);
            } else if kind.is_file()
                && let Ok(text) = String::from_utf8(fs::read(&file).unwrap())
            {
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn is_product(path: &str) -> bool {
    path.starts_with("src/") && path.ends_with(".rs") && !path.ends_with("/tests.rs")
}

/// `src/store/tables.rs` and `src/store.rs` are both of the room `store`.
fn room(path: &str) -> &str {
    let rest = path.strip_prefix("src/").unwrap_or(path);
    rest.split(['/', '.']).next().unwrap_or(rest)
}

/// How many modules a file lies below the crate.
fn depth(path: &str) -> usize {
    path.strip_suffix("/mod.rs").or(path.strip_suffix(".rs")).unwrap_or(path).matches('/').count()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
}

const NOTHING: [String; 0] = [];

/// What stands in the row of a room that wires others together.
const ANY: &str = "any";

/// Files and folders of the top level.
#[rustfmt::skip]
const TOP: &[&str] = &[
    ".ci", ".editorconfig", ".gitignore", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.lock", "Cargo.toml", "LICENSE", "Makefile",
    "README.md", "board", "buildroot", "clippy.toml", "deny.toml", "docs", "rootfs-overlay", "rustfmt.toml", "src", "tests",
];

/// Each room and the rooms that it may import, which stand above it: so there is no circle.
#[rustfmt::skip]
const ROOMS: &[(&str, &[&str])] = &[
    ("clock",     &[]),
    ("files",     &[]),
    ("halt",      &[]),
    ("logbook",   &[]),
    ("net",       &["files"]),
    ("report",    &["clock"]),
    ("lang",      &["report"]),
    ("config",    &["clock", "files", "net", "report"]),
    ("customers", &["clock", "config", "report"]),
    ("sessions",  &["clock", "config", "customers"]),
    ("fetch",     &["clock", "config", "files", "halt", "net", "report"]),
    ("incident",  &["clock", "config", "customers", "report"]),
    ("notify",    &["clock", "config", "customers", "incident", "lang", "net", "report", "sessions"]),
    ("store",     &["clock", "config", "customers", "fetch", "halt", "incident", "notify", "report", "sessions"]),
    ("lines",     &["clock", "config", "incident", "notify", "report", "store"]),
    ("interop",   &["clock", "customers", "incident", "notify", "report"]),
    ("system",    &["clock", "config", "fetch", "files", "net", "store"]),
    ("web",       &["clock", "config", "customers", "fetch", "files", "incident", "interop", "lang", "lines", "net", "notify",
                    "report", "sessions", "store", "system"]),
    ("service",   &[ANY]),
    ("control",   &[ANY]),
    ("command",   &[ANY]),
    ("lib",       &[]),
    ("main",      &[ANY]),
    ("early",     &["system"]),
];

/// Packages that one place knows, and that place: to replace one is the work of that place alone.
const PACKAGES: &[(&str, &[&str])] = &[
    ("calamine", &["src/customers/sheet"]),
    ("csv", &["src/report/", "src/customers/", "src/notify/compose", "src/interop/"]),
    ("csv_core", &["src/report/"]),
    ("lettre", &["src/notify/smtp"]),
    ("multer", &["src/web/door/"]),
    ("redb", &["src/store/"]),
    ("reqwest", &["src/fetch/http"]),
    ("tiny_http", &["src/web/server"]),
    ("toml_edit", &["src/config/", "src/lang", "src/notify/texts"]),
];

/// Without socket, file, environment and clock: the same arguments give the same result.
const PURE: &[&str] = &[
    "src/config/raw",
    "src/fetch/api",
    "src/incident/",
    "src/lines",
    "src/notify/authentic",
    "src/notify/compose",
    "src/notify/dkim",
    "src/notify/weekly",
    "src/report/",
    "src/sessions/",
    "src/system/block",
    "src/system/rdnss",
    "src/system/request",
    "src/system/slot",
    "src/system/watchdog",
    "src/web/acts",
    "src/web/entry",
    "src/web/hand",
    "src/web/api",
    "src/web/html",
    "src/web/metrics",
    "src/web/page/",
    "src/web/router",
    "src/web/view",
    "src/web/x509",
];

const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::os::unix::net",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "tokio",
    "Instant",
    "SystemTime",
    "clock::Clock",
    "Timestamp::now",
    "Zoned::now",
    // These two ask the system for its zones.
    "TimeZone::get",
    "TimeZone::system",
];

const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// What a build, a run or a tool makes, wherever it lies.
const NOT_WRITTEN: &[&str] = &[".git", "target", "out", "abusebox-data", "corpus", "artifacts"];

/// Data whose bytes count.
const AS_RECEIVED: &[&str] = &["tests/data", "tests/fuzz/seeds", "tests/fuzz/found", "LICENSE", "Cargo.lock"];

mod self_test {
    //! Each rule, on a sample that breaks it: a rule that cannot fail holds nothing.

    use super::*;

    #[track_caller]
    fn check(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, expected: &[&str]) {
        let faults = rule(&Source { path: path.to_owned(), text: text.to_owned() });
        let lines: Vec<_> = faults.iter().map(|fault| fault.split(':').next().unwrap_or(fault)).collect();
        assert_eq!(lines, expected, "{faults:?}");
    }

    #[test]
    fn forms_are_seen() {
        check(rust_faults, "src/a.rs", "//! A.\nfn f() { todo!() } // todo!\n", &["2"]);
        check(rust_faults, "src/a.rs", "// A.\nconst A: &str = \"\u{e4} todo!\";\n", &["1", "2"]);
        check(text_faults, "a.md", "a \nb\t\nc\r\nd\n", &["1", "2", "3"]);
        check(text_faults, "a.md", concat!("see /wo", "rk/x\nnet/wo", "rk/y"), &["1", "end the last line"]);
    }

    #[test]
    fn edges_are_seen_in_every_form() {
        let bad = "//! Sample.\n\
            use crate::clock::Timestamp; // crate::store\n\
            use crate::{clock, store::{self, Store}, web::*};\n\
            use {std::fs, crate::{\n    report::kind as k,\n    service,\n}};\n\
            fn f() -> crate::system::Health { \"crate::web::x\"; g::<crate::web::Page>() }\n\
            use super::super::lang::Word; use super::store::local; use crate::*;\n\
            #[cfg(test)]\nmod tests {\n    use crate::web;\n}\n";
        check(edge_faults, "src/incident/policy.rs", bad, &["3", "3", "3", "6", "8", "8", "9", "9"]);
        check(edge_faults, "src/service.rs", bad, &[]);
        check(edge_faults, "src/incident/mod.rs", "use super::store;\nuse self::web::x;\n", &["1"]);
        check(
            edge_faults,
            "src/incident/a/b.rs",
            "use super::super::web;\nuse super::super::super::web;\n",
            &["2"],
        );
        check(edge_faults, "src/novelty/mod.rs", "", &["1"]);
    }

    #[test]
    fn packages_are_seen_in_every_form() {
        let bad = "use redb::Database;\nfn f() { lettre::Message::builder(); mail.csv; }\n\
            use {serde::Serialize, reqwest as http};\nfn g(csv: ::tiny_http::Server, x: crate::csv::Y) {}\n";
        check(package_faults, "src/fetch/http.rs", bad, &["1", "2", "4"]);
        check(package_faults, "src/store/mod.rs", "use redb::Database;\n", &[]);
        check(package_faults, "src/web/page.rs", "use csv;\n", &["1"]);
    }

    #[test]
    fn impurity_is_seen_in_every_form() {
        let bad = "use std::{io, fs};\nuse std::net::{IpAddr, TcpStream};\nlet now = std::time::Instant::now();\n\
            use std::os::unix::*;\nuse std::env as e;\nlet t = TimeZone::get(name);\nfn f() -> impl Fn() + use<> { loop { x; } }\n\
            /* use tokio::x; /* nested */ use tokio::y; */ let c = '\"'; let d: &'static str = r#\"\"tokio::fs\"#;\n\
            tokio::spawn(x);\n";
        check(purity_faults, "src/report/reader.rs", bad, &["1", "2", "3", "4", "5", "6", "9"]);
        check(purity_faults, "src/config/raw.rs", bad, &["1", "2", "3", "4", "5", "6", "9"]);
        check(purity_faults, "src/config/mod.rs", bad, &[]);
    }

    #[test]
    fn gaps_in_the_architecture_are_seen() {
        let manifest = "[dependencies]\nserde = \"1\"\n[dependencies.redb]\nversion = \"4\"\n";
        let paths = ["src/a.rs", "src/b/mod.rs", "src/b/c.rs", "src/lang/en.toml"].map(str::to_owned);
        assert_eq!(architecture_faults("`src/a.rs` `src/b/` `serde` `redb`", manifest, &paths), NOTHING);
        assert_eq!(architecture_faults("src/a.rs `src/b` `serde_json`", manifest, &paths).len(), 4);
    }
}
