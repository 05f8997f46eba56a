//! Every report type, and for each the column that is the customer's.
//!
//! Which column that is stands here a second time, as the facts about Shadowserver's reports have it, and not as
//! the product's table does.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use abusebox::clock::Timestamp;
use abusebox::incident::{Audience, OPERATOR, Ownership};
use abusebox::report::kind::{self, KINDS, Kind, Severity};
use abusebox::report::{Address, Hint, Item, Reader, Rejection};
use ipnet::IpNet;
use serde_json::Value;

use crate::house::{House, at, csv, stamp};
use crate::sim::world::Rng;

/// Columns with the customer's address and port, by the report pages.
fn customers_side(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        // The address that was attacked; the attacker's is in src_ip.
        "event4_honeypot_ddos_target" => Some(("dst_ip", "dst_port")),
        // The site that sent its visitors to the sinkhole.
        "event4_sinkhole_http_referer" | "event6_sinkhole_http_referer" => {
            Some(("http_referer_ip", "http_referer_port"))
        }
        "compromised_account" | "ransomware_victim" | "sandbox_dns" => None,
        _ if name.starts_with("event") => Some(("src_ip", "src_port")),
        _ => Some(("ip", "port")),
    }
}

fn active() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| !kind.retired)
}

fn is_v6(name: &str) -> bool {
    name.split('_').next().is_some_and(|word| word.ends_with('6')) || name.ends_with('6')
}

/// The n-th row of a made-up report: our customer's address on his side, a neighbour's in every other place.
struct Made {
    time: Timestamp,
    address: IpAddr,
    port: Option<u16>,
    severity: Option<Severity>,
    cells: Vec<String>,
}

fn make(name: &str, columns: &[&str], number: u64) -> Made {
    let mut rng = Rng::new(7, &[name, &number.to_string()]);
    let time = NOON.plus_seconds(number as i64 * 61 - 3000);
    let (own, other) =
        if is_v6(name) { ("2001:db8:1::", "2001:db8:2::") } else { ("198.18.1.", "198.18.2.") };
    let address: IpAddr = format!("{own}{}", number + 1).parse().unwrap();
    let neighbour = format!("{other}{}", number + 1);
    let side = customers_side(name);
    let port = side.filter(|(_, port)| columns.contains(port)).and_then(|_| match number % 5 {
        0 => None,
        _ => Some(1024 + rng.below(60_000) as u16),
    });
    let severity = (!number.is_multiple_of(4)).then(|| *rng.pick(&Severity::ALL).unwrap());
    let cells = columns.iter().map(|&column| match column {
        "timestamp" => stamp(time),
        "severity" => severity.map_or(["", "0"][rng.below(2) as usize].to_owned(), |s| s.word().to_owned()),
        "protocol" => ["tcp", "udp", ""][rng.below(3) as usize].to_owned(),
        _ if side.is_some_and(|(own, _)| own == column) => match address {
            IpAddr::V6(v6) if number.is_multiple_of(2) => {
                v6.segments().map(|group| format!("{group:04X}")).join(":")
            }
            address => address.to_string(),
        },
        _ if side.is_some_and(|(_, own)| own == column) => {
            port.map_or(["", "0", "99999"][rng.below(3) as usize].to_owned(), |port| port.to_string())
        }
        _ if column.ends_with("ip") || column.ends_with("network") => neighbour.clone(),
        _ => (*rng.pick(VALUES).unwrap()).to_owned(),
    });
    let cells = cells.collect();
    Made { time, address, port, severity, cells }
}

fn file_name(name: &str) -> String {
    format!("2026-11-20-{name}-example-asn.csv")
}

#[test]
fn every_type_is_read_whole_and_on_the_customers_side() {
    assert_eq!(active().count(), 170);
    for kind in active() {
        let columns = kind::columns(kind.name).unwrap();
        let made: Vec<Made> = (0..ROWS).map(|number| make(kind.name, &columns, number)).collect();
        let bytes = csv(&columns, made.iter().map(|made| made.cells.clone()));
        let hint = Hint { kind: None, file_name: Some(&file_name(kind.name)) };
        let mut reader = Reader::new(&bytes[..], hint).unwrap();
        let header = reader.header.clone();
        assert_eq!(header.kind_name, kind.name);
        for made in &made {
            match reader.next_item().unwrap() {
                Some(Item::Row(row)) => {
                    let address =
                        customers_side(kind.name).map_or(Address::None, |_| Address::Ip(made.address));
                    assert_eq!((row.time, row.address), (made.time, address), "{}", kind.name);
                    assert_eq!(row.port, made.port, "{}", kind.name);
                    assert_eq!(row.severity, made.severity.unwrap_or(kind.severity), "{}", kind.name);
                    for (index, cell) in made.cells.iter().enumerate() {
                        assert_eq!(row.cell(index), cell.as_bytes(), "{} {}", kind.name, columns[index]);
                    }
                }
                Some(Item::Rejected { line, reason, detail }) => {
                    panic!("{} line {line}: {reason:?} {detail}", kind.name)
                }
                None => panic!("{}: rows are missing", kind.name),
            }
        }
        assert!(reader.next_item().unwrap().is_none(), "{}", kind.name);
    }
}

#[test]
fn every_type_reaches_its_customer_and_never_the_neighbour() {
    let house = house();
    let own = house.engine.store.view().unwrap().customer_number("own").unwrap().unwrap();
    for kind in active() {
        let columns = kind::columns(kind.name).unwrap();
        let rows = (0..ROWS).map(|number| make(kind.name, &columns, number).cells);
        let counts = house.read(&file_name(kind.name), &csv(&columns, rows), NOW).counts;
        let expected = match customers_side(kind.name) {
            Some(_) => (ROWS, ROWS, 0),
            None => (ROWS, 0, ROWS),
        };
        assert_eq!((counts.rows, counts.matched, counts.unattributable), expected, "{}", kind.name);
    }
    let mut seen = BTreeSet::new();
    let view = house.engine.store.view().unwrap();
    let kinds = view.kinds().unwrap();
    view.incidents(|key, incident| {
        let name = kinds[usize::from(key.kind())].as_str();
        let whose = if customers_side(name).is_some() { own } else { OPERATOR };
        assert_eq!(key.customer(), whose, "{name}: {incident:?}");
        seen.insert(name);
    })
    .unwrap();
    assert_eq!(seen, active().map(|kind| kind.name).collect());
}

/// A report of one type with these cells, the rest empty; who hears of its rows.
fn trap(name: &str, cells: &[(&str, &str)]) -> Vec<(Option<String>, Ownership, Audience)> {
    let house = house();
    let columns = kind::columns(name).unwrap();
    let row = columns.iter().map(|column| match *column {
        "timestamp" => stamp(NOON),
        _ => cells
            .iter()
            .find(|(given, _)| given == column)
            .map_or(String::new(), |(_, cell)| (*cell).to_owned()),
    });
    for (given, _) in cells {
        assert!(columns.contains(given), "{name} has no column {given}");
    }
    let counts = house.read(&file_name(name), &csv(&columns, [row.collect()]), NOW).counts;
    assert_eq!((counts.rows, counts.rejected), (1, 0), "{name}");
    let view = house.engine.store.view().unwrap();
    let mut found = Vec::new();
    view.incidents(|key, incident| {
        let place = incident.place(&key).map(|place| {
            let mut who = None;
            view.customer_numbers(|id, number| {
                if number == key.customer() {
                    who = Some(id.to_owned());
                }
            })
            .unwrap();
            format!("{place} of {}", who.as_deref().unwrap_or("nobody"))
        });
        found.push((place, incident.ownership, incident.audience));
    })
    .unwrap();
    found
}

#[track_caller]
fn check_trap(name: &str, cells: &[(&str, &str)], place: &str, ownership: Ownership, audience: Audience) {
    let place = (!place.is_empty()).then(|| place.to_owned());
    assert_eq!(trap(name, cells), [(place, ownership, audience)], "{name}");
}

#[test]
fn ddos_target_is_about_the_attacked_address() {
    let cells = [("src_ip", "198.18.2.9"), ("dst_ip", "198.18.1.9"), ("attack_src_ip", "198.18.2.8")];
    let name = "event4_honeypot_ddos_target";
    check_trap(name, &cells, "198.18.1.9 of own", Ownership::Customer, Audience::Nobody);
}

#[test]
fn ddos_amp_is_about_the_victim_in_src_ip() {
    let cells = [("src_ip", "198.18.1.9"), ("dst_ip", "198.18.2.9")];
    check_trap(
        "event4_honeypot_ddos_amp",
        &cells,
        "198.18.1.9 of own",
        Ownership::Customer,
        Audience::Nobody,
    );
}

#[test]
fn http_referer_is_about_the_site_that_refers() {
    for (name, own, other) in [
        ("event4_sinkhole_http_referer", "198.18.1.9", "198.18.2.9"),
        ("event6_sinkhole_http_referer", "2001:db8:1::9", "2001:db8:2::9"),
    ] {
        let cells = [("http_referer_ip", own), ("src_ip", other), ("dst_ip", other)];
        let given = kind::columns(name).unwrap();
        let cells: Vec<_> = cells.into_iter().filter(|(column, _)| given.contains(column)).collect();
        let place = format!("{own} of own");
        check_trap(name, &cells, &place, Ownership::Customer, Audience::Customer);
    }
}

#[test]
fn http_referer_without_an_address_costs_its_row() {
    let name = "event4_sinkhole_http_referer";
    let columns = kind::columns(name).unwrap();
    let row = columns.iter().map(|&column| match column {
        "timestamp" => stamp(NOON),
        "dst_ip" => "198.18.1.9".to_owned(),
        _ => String::new(),
    });
    let counts = house().read(&file_name(name), &csv(&columns, [row.collect()]), NOW).counts;
    assert_eq!((counts.rows, counts.rejected), (1, 1), "it is nobody else's instead");
}

#[test]
fn spam_url_is_about_the_advertised_host() {
    let mut cells = vec![("ip", "198.18.1.9")];
    if kind::columns("spam_url").unwrap().contains(&"src_ip") {
        cells.push(("src_ip", "198.18.2.9"));
    }
    check_trap("spam_url", &cells, "198.18.1.9 of own", Ownership::Customer, Audience::Customer);
}

#[test]
fn sinkhole_dns_is_about_the_resolver_and_untold() {
    let cells = [("src_ip", "198.18.1.9")];
    check_trap("event4_sinkhole_dns", &cells, "198.18.1.9 of own", Ownership::Customer, Audience::Nobody);
}

#[test]
fn ip_spoofer_is_the_operators_matter() {
    let cells = [("src_ip", "198.18.1.9")];
    check_trap("event4_ip_spoofer", &cells, "198.18.1.9 of own", Ownership::Customer, Audience::Operator);
}

#[test]
fn types_without_address_are_nobodys() {
    for name in ["compromised_account", "ransomware_victim", "sandbox_dns"] {
        check_trap(name, &[], "", Ownership::Unattributable, Audience::Operator);
    }
}

#[test]
fn blocklist_may_name_a_network() {
    let place = |text: &str| text.to_owned();
    for (ip, expected) in [
        ("198.18.1.9", Some((place("198.18.1.9 of own"), Ownership::Customer))),
        ("198.18.1.9/32", Some((place("198.18.1.9 of own"), Ownership::Customer))),
        ("198.18.1.64/26", Some((place("198.18.1.64/26 of own"), Ownership::Customer))),
        ("198.18.1.99/26", Some((place("198.18.1.64/26 of own"), Ownership::Customer))),
        // Two customers' and, wider, not even all ours.
        ("198.18.0.0/22", Some((place("198.18.0.0/22 of nobody"), Ownership::Ambiguous))),
        ("198.18.0.0/15", Some((place("198.18.0.0/15 of nobody"), Ownership::Ambiguous))),
        ("198.18.64.0/24", Some((place("198.18.64.0/24 of nobody"), Ownership::Unassigned))),
        ("2001:db8:1:40::/60", Some((place("2001:db8:1:40::/60 of own"), Ownership::Customer))),
        ("192.0.2.0/24", None),
    ] {
        // The type is not told, whoever owns it.
        let expected = expected.map(|(place, ownership)| (Some(place), ownership, Audience::Nobody));
        assert_eq!(trap("blocklist", &[("ip", ip)]), Vec::from_iter(expected), "{ip}");
    }
}

/// A folder beside the clone, or none, said aloud.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn shared(path: &str) -> Option<PathBuf> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared", path].iter().collect();
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

fn csv_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "csv")).collect();
    files.sort();
    files
}

/// What the product makes of a record, without what it borrows.
struct Outcome {
    row: Option<(Timestamp, Address, Option<u16>)>,
    rejected: Option<Rejection>,
}

/// Reads a file twice, with the product and with another reader, and compares record by record.
fn compare(path: &Path) -> (String, Vec<Outcome>) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(path).unwrap();
    let mut records = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..]);
    let header = records.byte_headers().unwrap().clone();
    let mut reader = Reader::new(&bytes[..], Hint { kind: None, file_name: Some(&name) }).unwrap();
    let kind = reader.header.kind_name.clone();
    let side = customers_side(&kind);
    let at = |wanted: &str| header.iter().position(|column| column == wanted.as_bytes());
    let mut outcomes = Vec::new();
    for record in records.byte_records() {
        let record = record.unwrap();
        let cell = |column: &str| {
            let cell = at(column).and_then(|index| record.get(index)).unwrap_or_default();
            String::from_utf8_lossy(cell).trim().to_owned()
        };
        let line = record.position().unwrap().line();
        let outcome = match reader.next_item().unwrap() {
            Some(Item::Row(row)) => {
                assert_eq!(row.line, line, "{name}");
                for (index, theirs) in record.iter().enumerate() {
                    assert_eq!(row.cell(index), theirs, "{name} line {line}");
                }
                assert_eq!(stamp(row.time), cell("timestamp"), "{name} line {line}");
                Outcome { row: Some((row.time, row.address, row.port)), rejected: None }
            }
            Some(Item::Rejected { line: ours, reason, .. }) => {
                assert_eq!(ours, line, "{name}");
                let address = side.map(|(column, _)| cell(column)).unwrap_or_default();
                let usable = address.parse::<IpNet>().is_ok()
                    || address.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified());
                let confirmed = match reason {
                    Rejection::Address => side.is_some() && !usable,
                    Rejection::Time => cell("timestamp").parse::<jiff::civil::DateTime>().is_err(),
                    Rejection::RepeatedHeader => cell("timestamp") == "timestamp",
                    Rejection::UnclosedQuote | Rejection::TooLong => false,
                };
                assert!(confirmed, "{name} line {line}: {reason:?}, {address:?}");
                Outcome { row: None, rejected: Some(reason) }
            }
            None => panic!("{name}: line {line} is missing"),
        };
        outcomes.push(outcome);
    }
    assert!(reader.next_item().unwrap().is_none(), "{name}: more rows than records");
    (kind, outcomes)
}

#[test]
fn rows_agree_with_the_events_intelmq_makes() {
    let Some(folder) = shared("data/intelmq-events") else { return };
    let (mut files, mut rows, mut rejected) = (0, 0, 0);
    for path in csv_files(&folder) {
        let (kind, outcomes) = compare(&path);
        let events = std::fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), outcomes.len(), "{kind}");
        let [ip, port] = match THE_OTHER_SIDE.contains(&kind.as_str()) {
            true => ["destination.ip", "destination.port"],
            false => ["source.ip", "source.port"],
        };
        for (number, (event, outcome)) in events.iter().zip(&outcomes).enumerate() {
            let place = format!("{kind} row {}", number + 1);
            let their_ip: Option<IpAddr> = event.get(ip).map(|ip| ip.as_str().unwrap().parse().unwrap());
            match (&outcome.row, their_ip) {
                (Some((time, address, our_port)), _) => {
                    let theirs = event["time.source"].as_str().unwrap();
                    assert_eq!(theirs.parse::<Timestamp>().unwrap(), *time, "{place}");
                    let theirs = match event.get("source.network").filter(|_| their_ip.is_none()) {
                        Some(net) => Address::Net(net.as_str().unwrap().parse().unwrap()),
                        None => their_ip.map_or(Address::None, Address::Ip),
                    };
                    // IntelMQ drops a network in a column that it wants an address from.
                    if !matches!((theirs, *address), (Address::None, Address::Net(_))) {
                        assert_eq!(theirs, *address, "{place}");
                    }
                    // Port 0 is none.
                    let theirs = event.get(port).and_then(Value::as_u64).filter(|port| *port > 0);
                    assert_eq!(theirs, our_port.map(u64::from), "{place}");
                    rows += 1;
                }
                (None, None) => rejected += 1,
                (None, Some(ip)) => panic!("{place}: {:?}, but IntelMQ has {ip}", outcome.rejected),
            }
        }
        files += 1;
    }
    assert!(files >= 40 && rows >= 2000 && rejected > 0, "{files} files, {rows} rows, {rejected} rejected");
}

#[test]
fn every_type_with_hostile_values_is_read_to_its_end() {
    let Some(generator) = shared("tools/gen_reports.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut python = Command::new("python3");
    match python.arg(&generator).args(["--all", "--rows", "60", "--out"]).arg(folder.path()).output() {
        Ok(output) if output.status.success() => {}
        other => return println!("skipped: the generator does not run: {other:?}"),
    }
    let mut kinds = BTreeSet::new();
    for path in csv_files(folder.path()) {
        let (kind, outcomes) = compare(&path);
        assert_eq!(outcomes.len(), 60, "{kind}");
        kinds.insert(kind);
    }
    assert_eq!(kinds, active().map(|kind| kind.name.to_owned()).collect());
}

fn house() -> House {
    let settings = "[networks]\ncidrs = [\"198.18.0.0/16\", \"2001:db8::/32\"]\n";
    let house = House::new(settings, NOW);
    let customers = "customer_id,name,email,cidr\n\
        own,Own,own@example.net,198.18.1.0/24\nown,Own,own@example.net,2001:db8:1::/48\n\
        other,Other,other@example.net,198.18.2.0/24\nother,Other,other@example.net,2001:db8:2::/48\n";
    house.import(customers, at("2026-11-01T00:00:00Z"));
    house
}

/// 2026-11-20T12:00:00Z
const NOON: Timestamp = Timestamp::from_unix(1_795_176_000);
const NOW: Timestamp = NOON.plus_days(1);
const ROWS: u64 = 12;

/// Types whose event IntelMQ makes about the other side: for ddos_target its source is the attacker, and the
/// customer, who was attacked, its destination.
const THE_OTHER_SIDE: &[&str] = &["event4_honeypot_ddos_target"];

const VALUES: &[&str] = &[
    "",
    "0",
    "-",
    "N/A",
    "unknown",
    " leading",
    "trailing ",
    "say \"hi\"",
    "\"",
    "comma, inside",
    "semi;colon",
    "tab\tinside",
    "two\nlines",
    "two\r\nlines",
    "b'\\x00'",
    "back\\slash\\",
    "{\"a\": [1, 2]}",
    "=HYPERLINK(\"http://bad.example\")",
    "\u{fc}n\u{ef}c\u{f6}d\u{e9} \u{20ac}",
    "198.18.2.77",
    "2001:db8:2::77",
    "220 FTP Server ready.|",
];
