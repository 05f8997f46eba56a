//! Customer files: no line is lost in silence, and the table answers what a walk through all lines answers.

use std::net::IpAddr;

use abusebox::clock::Timestamp;
use abusebox::config::{Complaint, Networks};
use abusebox::customers::import::{
    self, COMPLAINTS_MAX, File, Line, MAILS_MAX, TEXT_CHARS_MAX, UNREADABLE_MAX,
};
use abusebox::customers::table::{self, Table};
use abusebox::customers::{self, CustomerNo, Login, Owner};
use jiff::tz::TimeZone;

use super::assert_showable;

/// A form feed parts two files, the second imported later.
pub(super) fn check(bytes: &[u8]) {
    let mut files = Vec::new();
    for bytes in bytes.splitn(2, |byte| *byte == b'\x0c') {
        let file = import::read(bytes, &TimeZone::UTC);
        check_file(&file);
        if let Ok(text) = std::str::from_utf8(bytes)
            && !file.refused
        {
            check_lines(&file, text.strip_prefix('\u{feff}').unwrap_or(text));
        }
        files.push(file);
    }
    check_table(&files);
}

fn check_file(file: &File) {
    assert!(!file.refused || !file.complaints.is_empty(), "refused without a reason");
    assert!(file.complaints.list.len() <= COMPLAINTS_MAX + 3 && file.unreadable.len() <= UNREADABLE_MAX);
    for Complaint { field, complaint, .. } in file.complaints.list.iter().chain(&file.notes.list) {
        assert_showable(field, 20);
        assert_showable(complaint, 3000);
    }
    let ids: Vec<&str> = file.customers.ids().collect();
    for (index, id) in ids.iter().enumerate() {
        assert_showable(id, TEXT_CHARS_MAX);
        let contact = file.customers.get(index).expect("each id is somebody's");
        assert_eq!(contact.id, *id);
        assert_showable(contact.name, TEXT_CHARS_MAX);
        assert!(contact.mails.len() <= MAILS_MAX, "{contact:?}");
        for mail in contact.mails {
            assert!(mail.is_ascii() && mail.len() <= 254, "{mail}");
            assert!(!mail.contains(|c: char| c.is_ascii_control() || " <>,;\"".contains(c)), "{mail}");
            assert!(
                mail.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
            );
        }
        assert!(contact.language.is_none_or(|tag| matches!(tag.as_bytes(), [b'a'..=b'z', b'a'..=b'z'])));
    }
    for line in &file.lines {
        let id = ids[line.customer as usize];
        assert!(!id.is_empty() || !line.mailed, "nobody is mailed: {line:?}");
        assert!(line.prefix.prefix_len() > 0 && line.prefix.trunc() == line.prefix, "{line:?}");
    }
    for login in &file.logins {
        let id = ids[login.customer as usize];
        assert!(!id.is_empty() || !login.mailed, "nobody is mailed: {login:?}");
        assert_showable(&login.login, 3 * TEXT_CHARS_MAX);
        assert_eq!(customers::login(&login.login), *login.login, "folded twice");
    }
}

/// Each line alone gives what it gives among the others, or something is said of it. Of lines between quotation marks,
/// which may be parts of one cell, nothing is known.
fn check_lines(file: &File, text: &str) {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(['\r', '\n']).collect();
    let sep = matches!(
        lines[0].as_bytes(),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', b';' | b',' | b'\t' | b'|']
    );
    let nothing = |line: &&str| line.chars().all(|c| c.is_whitespace() || ";,|".contains(c));
    let quoted = |line: &&str| line.contains('"');
    let Some(header) = (file.header as usize).checked_sub(1) else { return };
    if !file.doubts.is_empty()
        || usize::from(sep) > header
        || lines[..=header].iter().any(quoted)
        || lines.len() > LINES_MAX
        || file.complaints.more > 0
    {
        // What is guessed depends on all lines; and with many complaints not all are told.
        return;
    }
    // What one line says of a customer may hold for all of them.
    let switches = file.columns.iter().any(|column| column.role == Some("no_mail"));
    let first_quoted = lines.iter().position(quoted).unwrap_or(lines.len());
    let last_quoted = lines.iter().rposition(quoted).unwrap_or(0);
    let above = lines[..=header].join("\n");
    for (index, line) in lines.iter().enumerate().skip(header + 1) {
        if nothing(line) || (first_quoted..=last_quoted).contains(&index) {
            continue;
        }
        let alone = import::read(format!("{above}\n{line}").as_bytes(), &TimeZone::UTC);
        let roles = |file: &File| file.columns.iter().map(|column| column.role).collect::<Vec<_>>();
        if alone.header != file.header || roles(&alone) != roles(file) {
            // Other lines are looked at for what the columns hold.
            continue;
        }
        let mut told = file.complaints.list.iter().chain(&file.notes.list);
        let told = told.any(|complaint| complaint.line == Some(index as u64 + 1));
        assert!(
            told || !alone.lines.is_empty() || !alone.logins.is_empty(),
            "line {} is lost: {line:?}, {file:?}",
            index + 1
        );
        for own in &alone.lines {
            let id = alone.customers.ids().nth(own.customer as usize);
            let same = |line: &Line| {
                (line.prefix, line.from, line.until) == (own.prefix, own.from, own.until)
                    && (line.mailed == own.mailed || (switches && own.mailed))
                    && file.customers.ids().nth(line.customer as usize) == id
            };
            assert!(file.lines.iter().any(same), "line {} is lost: {own:?} of {id:?}", index + 1);
        }
        for own in &alone.logins {
            let id = alone.customers.ids().nth(own.customer as usize);
            let same = |login: &Login| {
                (&login.login, login.from, login.until) == (&own.login, own.from, own.until)
                    && (login.mailed == own.mailed || (switches && own.mailed))
                    && file.customers.ids().nth(login.customer as usize) == id
            };
            assert!(file.logins.iter().any(same), "line {} is lost: {own:?} of {id:?}", index + 1);
        }
    }
}

fn check_table(files: &[File]) {
    let whole = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
    let networks = Networks { cidrs: whole(&["0.0.0.0/0", "::/0"]), ..Networks::default() };
    let mut ids: Vec<String> = Vec::new();
    let mut number = |id: &str| {
        let known = ids.iter().position(|known| known == id).unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        });
        known as u32 + 1
    };
    let numbers: Vec<Vec<u32>> =
        files.iter().map(|file| file.customers.ids().map(&mut number).collect()).collect();
    let times = [IMPORTED, IMPORTED.plus_days(1)];
    let table = Table::build(&networks, times.into_iter().zip(files), &mut number);
    for file in files {
        assert!(table::check(file, &networks).is_empty(), "all addresses are ours");
        let step = file.lines.len() / LOOKED_UP_MAX + 1;
        for line in file.lines.iter().step_by(step) {
            let moments = [line.from, line.until].into_iter().chain(times);
            let moments = moments.flat_map(|at| [at.plus_seconds(-1), at, at.plus_seconds(1)]);
            let (first, last) = (line.prefix.network(), line.prefix.broadcast());
            for at in moments {
                for address in [first, last, beside(first, -1), beside(last, 1)] {
                    check_owner(&table, files, &numbers, address, at);
                }
                // A network is a customer's only if all of it is; an IPv4-mapped address is IPv4 and not of it.
                if let Owner::Customer { customer, mailed } = table.owner_of_network(line.prefix, at) {
                    for address in [first, last].into_iter().filter(|one| one.to_canonical() == *one) {
                        let owner = table.owner(address, at);
                        let is_same = matches!(owner, Owner::Customer { customer: same, mailed: told }
                            if same == customer && told >= mailed);
                        assert!(is_same, "{address} in {}: {owner:?}, not {customer:?}", line.prefix);
                    }
                }
            }
        }
    }
}

fn check_owner(table: &Table, files: &[File], numbers: &[Vec<u32>], address: IpAddr, at: Timestamp) {
    let address = address.to_canonical();
    // Before its successor is imported a file answers, and between the two both do.
    let answering = match (files.len(), at) {
        (1, _) => 0..1,
        (_, at) if at < IMPORTED => 0..1,
        (_, at) if at < IMPORTED.plus_days(1) => 0..2,
        _ => 1..2,
    };
    let owners = answering.map(|file| {
        let around = || files[file].lines.iter().filter(|line| line.prefix.contains(&address));
        let longest = around().map(|line| line.prefix.prefix_len()).max();
        let deciding = || around().filter(|line| Some(line.prefix.prefix_len()) == longest);
        let of = |line: &Line, mailed| {
            let customer = CustomerNo(numbers[file][line.customer as usize]);
            Owner::Customer { customer, mailed }
        };
        let valid = deciding().filter(|line| line.from <= at && at <= line.until);
        let owner = valid.map(|line| of(line, line.mailed)).reduce(both);
        owner.or_else(|| deciding().map(|line| of(line, false)).reduce(both)).unwrap_or(Owner::Unassigned)
    });
    let expected = owners.reduce(both).expect("there is a file");
    assert_eq!(table.owner(address, at), expected, "{address} at {at}");
    let explained = table.explain(address, at);
    assert_eq!(explained.owner, expected, "{address} at {at}");
    match expected {
        Owner::Customer { customer, .. } => {
            let contact = table.contact(customer).expect("an owner is in a file");
            assert_eq!(explained.customer_id, Some(contact.id));
            assert!(explained.candidates.iter().any(|line| line.won && line.customer_id == contact.id));
        }
        _ => assert_eq!(explained.customer_id, None),
    }
}

/// Two answers about one address.
fn both(one: Owner, other: Owner) -> Owner {
    match (one, other) {
        (Owner::Customer { customer: a, mailed }, Owner::Customer { customer: b, mailed: also })
            if a == b =>
        {
            Owner::Customer { customer: a, mailed: mailed && also }
        }
        _ if one == other => one,
        _ => Owner::Ambiguous,
    }
}

/// The address before or after; the same at the end of all.
fn beside(address: IpAddr, step: i8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            v4.to_bits().checked_add_signed(i32::from(step)).map_or(address, |bits| IpAddr::V4(bits.into()))
        }
        IpAddr::V6(v6) => {
            v6.to_bits().checked_add_signed(i128::from(step)).map_or(address, |bits| IpAddr::V6(bits.into()))
        }
    }
}

const IMPORTED: Timestamp = Timestamp::from_unix(1_795_200_000);
/// Lines of a file that are also read alone: with more of them it takes long, and says nothing new.
const LINES_MAX: usize = 40;
/// Lines of a file whose addresses are looked up.
const LOOKED_UP_MAX: usize = 12;
