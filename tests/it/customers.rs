//! Customer files as CRMs, spreadsheets and people make them: each file of `tests/data/customers` stands for one thing that
//! is tolerated or refused, and beside it lies what is read from it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use abusebox::clock::Timestamp;
use abusebox::customers::import::{self, File};
use jiff::tz::TimeZone;

#[test]
fn each_file_of_the_corpus_is_read_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/customers");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let is = |path: &Path, kinds: &[&str]| kinds.contains(&path.extension().unwrap().to_str().unwrap());
    let mut faults = Vec::new();
    let mut count = 0;
    for path in files.iter().filter(|path| !is(path, &["expected", "py"])) {
        count += 1;
        let read = told(&import::read(&fs::read(path).unwrap(), &zone()));
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
        if read != expected {
            let name = path.file_name().unwrap().display();
            faults.push(format!("{name} is read as:\n{read}"));
        }
    }
    for path in files.iter().filter(|path| is(path, &["expected"])) {
        let of = files.iter().any(|file| file != path && file.file_stem() == path.file_stem());
        assert!(of, "{} is of no file", path.display());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= 60, "{count} files");
}

/// All that is read from a file: a line for each customer, login, prefix and so on.
fn told(file: &File) -> String {
    let mut told = String::new();
    if file.refused {
        told += "refused\n";
    }
    writeln!(told, "header on line {}", file.header).unwrap();
    for column in file.columns.iter().filter(|column| column.role.is_some()) {
        writeln!(told, "column {}: {}", column.role.unwrap(), column.header).unwrap();
    }
    let ids: Vec<&str> = file.customers.ids().collect();
    for (index, id) in ids.iter().enumerate().filter(|(_, id)| !id.is_empty()) {
        let contact = file.customers.get(index).unwrap();
        let language = contact.language.map(|tag| format!(", {tag}")).unwrap_or_default();
        let plain = if contact.plain { ", plain text" } else { "" };
        writeln!(told, "customer {id}: {} <{}>{language}{plain}", contact.name, contact.mails.join(" "))
            .unwrap();
    }
    let whose = |customer: u32| Some(ids[customer as usize]).filter(|id| !id.is_empty()).unwrap_or("nobody");
    let mut say = |what: &str, customer, line, from, until, mailed| {
        let mailed = if mailed { "" } else { ", not mailed" };
        writeln!(told, "line {line}: {what} of {}{}{mailed}", whose(customer), times(from, until)).unwrap();
    };
    for line in &file.lines {
        say(&line.prefix.to_string(), line.customer, line.line, line.from, line.until, line.mailed);
    }
    for l in &file.logins {
        say(&format!("login {}", l.login), l.customer, l.line, l.from, l.until, l.mailed);
    }
    for line in &file.unreadable {
        writeln!(told, "unreadable {}: {} of {}", line.line, line.text, line.customer_id).unwrap();
    }
    file.doubts.iter().for_each(|doubt| writeln!(told, "doubt: {doubt}").unwrap());
    file.complaints.list.iter().for_each(|complaint| writeln!(told, "complaint: {complaint}").unwrap());
    file.notes.list.iter().for_each(|note| writeln!(told, "note: {note}").unwrap());
    told
}

/// Nothing if it is always.
fn times(from: Timestamp, until: Timestamp) -> String {
    let mut text = String::new();
    if from != Timestamp::from_unix(i64::MIN) {
        write!(text, ", from {from}").unwrap();
    }
    if until != Timestamp::from_unix(i64::MAX) {
        write!(text, ", until {until}").unwrap();
    }
    text
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}
