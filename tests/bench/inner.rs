//! `cargo bench --bench inner`: the inner loops, each by itself, with criterion.
//!
//! Seconds are those of the processor, so that a busy machine does not count. What a room keeps to itself is measured at the next public level: records and typed cells through `Reader`, on
//! reports made of little else; the bytes of a stored incident through postcard, as the store calls it.

use std::hint::black_box;
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use abusebox::clock::{Day, Timestamp};
use abusebox::config::{self, Settings};
use abusebox::customers::table::Table;
use abusebox::customers::{CustomerNo, Owner, import};
use abusebox::incident::batch::{self, Batch, Match};
use abusebox::incident::policy::Reason;
use abusebox::incident::{Audience, Incident, Key, Ownership, Place, Sighting};
use abusebox::notify::mime::{self, Envelope};
use abusebox::notify::texts::Texts;
use abusebox::notify::{Digest, Problem, Sender, compose, redact};
use abusebox::report::kind::{self, Severity};
use abusebox::report::{Address, Hint, Item, Reader};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ipnet::IpNet;
use jiff::tz::TimeZone;

mod meter;
mod world;

use world::{KINDS, Random, World, report_name};

criterion_main!(inner);
criterion_group! {
    name = inner;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = records, cells, rows, owners, incidents, redaction, mails
}

/// In seconds; shown like any other time.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        meter::cpu_seconds()
    }

    fn end(&self, start: f64) -> f64 {
        meter::cpu_seconds() - start
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, seconds: &f64) -> f64 {
        // What the formatter takes.
        seconds * 1e9
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Cutting bytes into records: a wide report of which nothing but the time is typed.
fn records(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("records");
    let quoted = |cell: &str| format!("\"{cell}\",").repeat(60);
    for (what, cells) in [
        ("quoted", quoted("some text")),
        ("plain", "some text,".repeat(60)),
        ("empty", ",".repeat(60)),
        ("doubled quotes", quoted("some \"\"text\"\"")),
    ] {
        let names: String = (0..60).map(|n| format!("c{n},")).collect();
        let report = format!("timestamp,{names}\n") + &format!("2026-11-20 01:02:03,{cells}\n").repeat(ROWS);
        group.throughput(Throughput::Bytes(report.len() as u64));
        group.bench_function(what, |b| b.iter(|| read(&report, None)));
    }
    group.finish();
}

/// What a typed cell costs: the difference to the line above it.
fn cells(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("cells");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (what, header, row) in [
        ("time", "timestamp", "2026-11-20 01:02:03"),
        ("time of RFC 3339", "timestamp", "2026-11-20T01:02:03+01:00"),
        ("time, IPv4", "timestamp,ip", "2026-11-20 01:02:03,198.18.107.200"),
        ("time, IPv6", "timestamp,ip", "2026-11-20 01:02:03,2001:db8:1f3:8800::1:5"),
        ("time, network", "timestamp,ip", "2026-11-20 01:02:03,198.18.107.0/24"),
        ("time, IPv4, port", "timestamp,ip,port", "2026-11-20 01:02:03,198.18.107.200,44321"),
        (
            "time, IPv4, port, severity",
            "timestamp,ip,port,severity",
            "2026-11-20 01:02:03,198.18.107.200,44321,medium",
        ),
    ] {
        let report = format!("{header}\n") + &format!("{row}\n").repeat(ROWS);
        group.bench_function(what, |b| b.iter(|| read(&report, None)));
    }
    group.finish();
}

/// Whole rows of each shape of report, beside what `csv` reads from the same bytes.
fn rows(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("rows");
    for kind in KINDS {
        let report = made(kind);
        group.throughput(Throughput::Bytes(report.len() as u64));
        group.bench_with_input(BenchmarkId::new("typed", kind), &report, |b, report| {
            b.iter(|| read(report, Some(kind)));
        });
        group.bench_with_input(BenchmarkId::new("csv::ByteRecord", kind), &report, |b, report| {
            b.iter(|| {
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Cursor::new(report));
                let mut record = csv::ByteRecord::new();
                let mut records = 0;
                while reader.read_byte_record(&mut record).expect("a record") {
                    records += 1;
                }
                records
            });
        });
    }
    group.finish();
}

/// Whose address it was, among 100,000 prefixes of IPv4 and 10,000 of IPv6.
fn owners(c: &mut Criterion<CpuTime>) {
    let (mut csv, mut random) = (Vec::new(), Random::new());
    World::of_the_budgets().write_customers(&mut csv, &mut random).expect("a Vec takes all");
    let v6 = |random: &mut Random| {
        Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(random.below(10_000)) << 72 | 1)
    };
    for n in 0..10_000u32 {
        let prefix = Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(n) << 72);
        csv.extend_from_slice(format!("S{n},Site {n},s{n}@customer.example,{prefix}/56\n").as_bytes());
    }
    let file = import::read(&csv, &TimeZone::UTC);
    let mut customers = 0;
    let number = |_: &str| {
        customers += 1;
        customers
    };
    let table = Table::build(&settings().networks, [(moment(), &file)], number);
    let mut group = c.benchmark_group("owner");
    group.throughput(Throughput::Elements(ROWS as u64));
    type Make<'a> = &'a dyn Fn(&mut Random) -> IpAddr;
    let v4 = |base: u32, random: &mut Random| Ipv4Addr::from(base | random.below(1 << 16) as u32);
    type Case<'a> = (&'a str, Make<'a>, fn(Owner) -> bool);
    let cases: [Case<'_>; 6] = [
        ("IPv4 of a customer", &|r| v4(0xc612_0000, r).into(), |o| matches!(o, Owner::Customer { .. })),
        ("IPv6 of a customer", &|r| v6(r).into(), |o| matches!(o, Owner::Customer { .. })),
        ("IPv4 of nobody", &|r| v4(0xcb00_0000, r).into(), |o| o == Owner::Unassigned),
        ("IPv4 in networks.dynamic", &|r| v4(0x0a01_0000, r).into(), |o| o == Owner::Unattributable),
        (
            "IPv6 in networks.dynamic",
            &|r| Ipv6Addr::from(0x2001_0db8_ffff_u128 << 80 | u128::from(r.below(1 << 30))).into(),
            |o| o == Owner::Unattributable,
        ),
        ("IPv4 outside", &|r| v4(0x0808_0000, r).into(), |o| o == Owner::Outside),
    ];
    for (what, make, expected) in cases {
        let addresses: Vec<IpAddr> = (0..ROWS).map(|_| make(&mut random)).collect();
        assert!(addresses.iter().all(|&address| expected(table.owner(address, moment()))), "{what}");
        group.bench_function(what, |b| {
            b.iter(|| addresses.iter().filter(|&&a| expected(table.owner(a, moment()))).count());
        });
    }
    group.finish();
}

/// From a matched row to the bytes of its incident, and back.
fn incidents(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("incident");
    let customer = CustomerNo(4711);
    let place = Place::Address(Ipv4Addr::new(198, 18, 7, 200).into());
    group.bench_function("key", |b| b.iter(|| Key::new(7, black_box(customer), black_box(place), 443)));

    let report = made("scan_ssl");
    group.throughput(Throughput::Elements(ROWS as u64));
    let mut batch = Batch::default();
    group.bench_function("gather and hand out rows of scan_ssl", |b| {
        b.iter(|| {
            gather(&report, &mut batch);
            hand_out(&mut batch).len()
        });
    });

    gather(&report, &mut batch);
    let mut seen = hand_out(&mut batch);
    let seen = seen.swap_remove(0);
    let day = moment().day();
    let known = Incident::open(1, seen.clone(), day, 1);
    let bytes = postcard::to_stdvec(&known).expect("own types");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |b| {
        let mut buffer = Vec::with_capacity(1024);
        b.iter(|| {
            buffer.clear();
            buffer = postcard::to_extend(&known, std::mem::take(&mut buffer)).expect("own types");
            buffer.len()
        });
    });
    group.bench_function("decode", |b| {
        b.iter(|| postcard::from_bytes::<Incident>(&bytes).expect("just written"));
    });
    let shown = &known.evidence.shown;
    group.throughput(Throughput::Bytes(shown.len() as u64));
    group.bench_function("shown cells", |b| {
        b.iter(|| {
            batch::shown_cells(shown).map(|(number, cell)| usize::from(number) + cell.len()).sum::<usize>()
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("see it again the next day", |b| {
        b.iter_batched(
            || (known.clone(), seen.clone()),
            |(mut incident, seen)| {
                incident.see(seen, day.plus(1), 2);
                incident
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Foreign text on its way into a mail.
fn redaction(c: &mut Criterion<CpuTime>) {
    let networks = settings().networks.cidrs;
    let own: IpNet = "198.18.7.200/32".parse().expect("a network");
    let mut group = c.benchmark_group("redact");
    for (what, text) in [
        ("host name, own", "198-18-7-200.dyn.example.net".to_owned()),
        ("host name, foreign", "198-18-7-201.dyn.example.net".to_owned()),
        ("banner", "220 mail.example.net ESMTP Postfix (Debian/GNU) 198.18.7.201 ready".to_owned()),
        ("fingerprint", "9F:86:D0:81:88:4C:7D:65:".repeat(4)),
        ("300 digits", "1980180072".repeat(30)),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(what, |b| {
            b.iter(|| {
                let inside = |address: IpAddr| networks.iter().any(|net| net.contains(&address));
                redact::defang(&redact::clean(&text, |address| own.contains(&address), inside))
            });
        });
    }
    group.finish();
}

/// A customer's mail: its words, and its bytes as they go over the wire.
fn mails(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("mail");
    let texts = Texts::default();
    for problems in [1, 30, 2_000] {
        let digest = digest(problems);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("compose", problems), |b| {
            b.iter(|| compose::customer(&digest, &texts.voice("en")));
        });
        let mail = compose::customer(&digest, &texts.voice("en"));
        let envelope = Envelope {
            from_name: "Example Net".to_owned(),
            from: "abuse@example.net".to_owned(),
            to: "a1@customer.example".to_owned(),
            reply_to: None,
            message_id: mime::message_id("00c0ffee", 1, 0, "example.net"),
            references: Vec::new(),
            date: moment(),
        };
        group.throughput(Throughput::Bytes(mime::message(&mail, &envelope).len() as u64));
        group.bench_function(BenchmarkId::new("mime", problems), |b| {
            b.iter(|| mime::message(&mail, &envelope));
        });
    }
    group.finish();
}

/// Rows in each report here.
const ROWS: usize = 2_000;

fn made(kind: &str) -> String {
    let mut report = Vec::new();
    let world = World { rows: ROWS, ..World::of_the_budgets() };
    world.write_report(&mut report, kind, &mut Random::new()).expect("a Vec takes all");
    String::from_utf8(report).expect("ASCII")
}

/// Reads a report to its end; returns something that depends on each row.
fn read(report: &str, kind: Option<&str>) -> u64 {
    let mut reader = Reader::new(Cursor::new(report), Hint { kind, file_name: None }).expect("a report");
    let mut sum = 0;
    while let Some(item) = reader.next_item().expect("readable") {
        let Item::Row(row) = item else { panic!("a rejected row") };
        sum += row.time.unix() as u64 + u64::from(row.port.unwrap_or(0)) + row.severity as u64;
    }
    sum
}

fn gather(report: &str, batch: &mut Batch) {
    let name = report_name("scan_ssl", world::DAY);
    let hint = Hint { kind: None, file_name: Some(&name) };
    let mut reader = Reader::new(Cursor::new(report), hint).expect("a report");
    let header = reader.header.clone();
    while let Some(item) = reader.next_item().expect("readable") {
        let Item::Row(row) = item else { panic!("a rejected row") };
        let Address::Ip(address) = row.address else { panic!("no address") };
        let key = Key::new(7, CustomerNo(1), Place::Address(address), batch::same(&row, &header));
        batch.add(Match { key, ownership: Ownership::Customer, audience: Audience::Customer }, &row, &header);
    }
}

fn hand_out(batch: &mut Batch) -> Vec<Sighting> {
    batch.drain(1).map(|(_, sighting)| sighting).collect()
}

fn digest(problems: usize) -> Digest {
    let scan = kind::find("scan_ssl").expect("a known type");
    let problem = |n: usize| Problem {
        incident: n as u64,
        report: scan.name.to_owned(),
        family: scan.family,
        severity: Severity::ALL[n % 5],
        nature: scan.nature,
        reason: Reason::New,
        place: Ipv4Addr::from(0xc612_0000 | n as u32).to_string(),
        more_addresses: Vec::new(),
        port: Some(443),
        protocol: "tcp".to_owned(),
        seen: moment(),
        first_seen: moment(),
        days_seen: 1,
        shown: scan.shown_columns().map(|name| (name.to_owned(), format!("{name} {n}"))).collect(),
    };
    Digest {
        sender: Sender {
            organisation: "Example Net".to_owned(),
            abuse_address: "abuse@example.net".to_owned(),
        },
        phrase: String::new(),
        notice: 1,
        customer_id: "C000001".to_owned(),
        customer_name: "Customer 1".to_owned(),
        zone: TimeZone::UTC,
        pass_on: false,
        practice_for: None,
        plain: false,
        problems: (0..problems).map(problem).collect(),
        still_open: Vec::new(),
        gone: Vec::new(),
    }
}

fn settings() -> Settings {
    let text = "[networks]\n\
        cidrs = [\"198.18.0.0/15\", \"203.0.0.0/16\", \"10.1.0.0/16\", \"2001:db8::/32\"]\n\
        dynamic = [\"10.1.0.0/16\", \"2001:db8:ffff::/48\"]\n";
    config::raw::parse(text, Path::new("")).expect("valid settings")
}

fn moment() -> Timestamp {
    let day: Day = world::DAY.parse().expect("a day");
    day.start()
}
