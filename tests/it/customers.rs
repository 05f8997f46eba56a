//! Customer files as CRMs, spreadsheets and people make them: each file of `tests/data/customers` stands for one thing that
//! is tolerated or refused, and beside it lies what is read from it.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use abusebox::clock::Timestamp;
use abusebox::config::Networks;
use abusebox::customers::Owner;
use abusebox::customers::import::{self, File};
use abusebox::customers::table::Table;
use jiff::tz::TimeZone;
use proptest::prelude::*;

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
    for f in &file.forwards {
        let what = format!("ports {}-{} of {}", f.ports.0, f.ports.1, f.address);
        say(&what, f.customer, f.line, f.from, f.until, f.mailed);
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

/// A line of a file in the own form, as text cells.
type Cells = (u8, u8, u8, u8, u8);

/// Customer ids, prefixes that nest and meet, mails, days and words, some of them wrong.
fn lines() -> impl Strategy<Value = Vec<Cells>> {
    prop::collection::vec((0_u8..6, any::<u8>(), 0_u8..7, 0_u8..6, 0_u8..5), 1..16)
}

fn line(&(id, net, mail, times, status): &Cells) -> String {
    let id = if id == 5 { String::new() } else { format!("C{id}") };
    let len = 24 + net % 9;
    let mail =
        ["", "a@x.example", "b@x.example;c@x.example", "nonsense", "none@x.example", "keine Mail", "POST"]
            [mail as usize];
    let times =
        [",", "2026-11-05,", ",2026-11-20", "2026-11-05,2026-11-20", "soon,", "2026-11-20,2026-11-05"]
            [times as usize];
    let status = ["", "active", "cancelled", "gold", "keine Mail"][status as usize];
    format!("{id},{mail},192.0.2.{}/{len},{times},{status}\n", net & 0b1101_1000)
}

const HEADER: &str = "customer_id,email,cidr,valid_from,valid_to,status\n";

fn read(text: &str) -> File {
    import::read(text.as_bytes(), &TimeZone::UTC)
}

/// What a file says, without the numbers of its lines and the order of its customers.
fn sense(file: &File) -> Vec<String> {
    let id = |customer: u32| file.customers.ids().nth(customer as usize).unwrap_or_default().to_owned();
    let mut said: Vec<String> = file
        .lines
        .iter()
        .map(|line| {
            format!("{} {} {} {} {}", line.prefix, id(line.customer), line.from, line.until, line.mailed)
        })
        .chain(
            file.logins
                .iter()
                .map(|l| format!("{} {} {} {} {}", l.login, id(l.customer), l.from, l.until, l.mailed)),
        )
        .chain((0..file.customers.ids().count()).filter_map(|index| {
            let contact = file.customers.get(index)?;
            let mut mails = contact.mails.clone();
            mails.sort_unstable();
            Some(format!("{} {mails:?} {:?} {}", contact.id, contact.language, contact.plain))
        }))
        .collect();
    said.sort_unstable();
    said
}

/// The file as it was understood, under its own header.
fn written(file: &File) -> String {
    let mut text =
        "customer_id,name,email,cidr,login,language,plain_text,valid_from,valid_to,status\n".to_owned();
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let mut put = |customer: u32, net: &str, login: &str, from: Timestamp, until: Timestamp, mailed: bool| {
        let contact = file.customers.get(customer as usize).unwrap();
        let at = |time: Timestamp, never: i64| {
            if time == Timestamp::from_unix(never) { String::new() } else { time.to_string() }
        };
        let (from, until) = (at(from, i64::MIN), at(until, i64::MAX));
        let status = if mailed { "active" } else { "suspended" };
        let cells = [
            contact.id,
            contact.name,
            &contact.mails.join(" "),
            net,
            login,
            contact.language.unwrap_or_default(),
        ];
        let cells: Vec<String> = cells.map(quoted).into();
        let plain = if contact.plain { "yes" } else { "" };
        writeln!(text, "{},{plain},{from},{until},{status}", cells.join(",")).unwrap();
    };
    for line in &file.lines {
        put(line.customer, &line.prefix.to_string(), "", line.from, line.until, line.mailed);
    }
    for f in &file.forwards {
        let ports = format!("{}:{}-{}", f.address, f.ports.0, f.ports.1);
        put(f.customer, &ports, "", f.from, f.until, f.mailed);
    }
    for login in &file.logins {
        put(login.customer, "", &login.login, login.from, login.until, login.mailed);
    }
    text
}

/// Customers that have an address or a login.
fn placed(said: &[String], file: &File) -> Vec<String> {
    let forwarded = file.forwards.iter().map(|forward| forward.customer);
    let customers = file.lines.iter().map(|line| line.customer).chain(file.logins.iter().map(|l| l.customer));
    let customers = customers.chain(forwarded);
    let ids: Vec<&str> = file.customers.ids().collect();
    let placed: Vec<String> = customers.map(|customer| format!("{} [", ids[customer as usize])).collect();
    said.iter()
        .filter(|said| !said.contains(" [") || placed.iter().any(|id| said.starts_with(id)))
        .cloned()
        .collect()
}

#[test]
fn what_was_understood_of_the_corpus_can_be_written_and_read_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/customers");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = import::read(&fs::read(&path).unwrap(), &zone());
        let ending = path.extension().unwrap();
        if file.refused || ending == "expected" || ending == "py" {
            continue;
        }
        let again = read(&written(&file));
        assert_eq!(sense(&again), placed(&sense(&file), &file), "{}", path.display());
    }
}

proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(mut lines in lines(), turn in any::<prop::sample::Index>()) {
        let text = |lines: &[Cells]| HEADER.to_owned() + &lines.iter().map(line).collect::<String>();
        let first = read(&text(&lines));
        let middle = turn.index(lines.len());
        lines.rotate_left(middle);
        lines.reverse();
        prop_assert_eq!(sense(&first), sense(&read(&text(&lines))));
    }

    #[test]
    fn what_was_understood_is_read_again_as_it_was(lines in lines()) {
        let file = read(&(HEADER.to_owned() + &lines.iter().map(line).collect::<String>()));
        let again = read(&written(&file));
        prop_assert_eq!(sense(&again), placed(&sense(&file), &file));
    }

    #[test]
    fn a_complaint_names_its_line(lines in lines()) {
        let file = read(&(HEADER.to_owned() + &lines.iter().map(line).collect::<String>()));
        prop_assert!(file.refused || file.complaints.list.iter().all(|complaint| complaint.line.is_some()));
    }

    /// Whatever else is wrong with a line: who asks for its address never hears of the customer of a wider prefix, and a
    /// customer is named outside his time only as one who is not mailed.
    #[test]
    fn no_line_lets_its_rows_through_to_the_wider_prefix(lines in lines(), day in 1_i64..28) {
        let networks = Networks { cidrs: vec!["192.0.2.0/24".parse().unwrap()], ..Networks::default() };
        let file = read(&(HEADER.to_owned() + &lines.iter().map(line).collect::<String>()));
        let mut ids: Vec<String> = vec!["nobody".to_owned()];
        let table = Table::build(&networks, [(Timestamp::from_unix(0), &file)], |id| {
            ids.push(id.to_owned());
            ids.len() as u32 - 1
        });
        let at: Timestamp = format!("2026-11-{day:02}T12:00:00Z").parse().unwrap();
        for host in 0..=255_u8 {
            let address = IpAddr::from([192, 0, 2, host]);
            let around = || file.lines.iter().filter(|line| line.prefix.contains(&address));
            let longest = around().map(|line| line.prefix.prefix_len()).max();
            match table.owner(address, at) {
                Owner::Customer { customer, mailed } => {
                    let id = &ids[customer.0 as usize];
                    let own = around().filter(|line| file.customers.ids().nth(line.customer as usize) == Some(id));
                    let mut own = own.filter(|line| Some(line.prefix.prefix_len()) == longest);
                    prop_assert!(own.any(|line| !mailed || (line.from <= at && at <= line.until && line.mailed)));
                }
                Owner::Unassigned => prop_assert!(longest.is_none()),
                other => prop_assert!(other == Owner::Ambiguous && longest.is_some()),
            }
        }
    }
}
