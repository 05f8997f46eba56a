//! `make bench`: the figures that have a budget, each with the baseline it is measured against in the same run.
//!
//! Wall clocks differ between machines and moments, so what counts are CPU seconds and ratios.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use abusebox::clock::{Clock, Timestamp};
use abusebox::report::{Hint, Item, Reader};
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};

const KINDS: [&str; 5] = ["device_id", "scan_ssl", "scan_snmp", "event4_honeypot_brute_force", "blocklist"];
const CUSTOMERS: usize = 100_000;

fn main() {
    // `cargo bench -- DIR` measures the reports and customers.csv in DIR; without, made ones.
    let folder = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let made = tempfile::tempdir().expect("a temporary folder");
    let folder = match &folder {
        Some(folder) => Path::new(folder),
        None => {
            make_world(made.path(), 200_000);
            made.path()
        }
    };
    parse(folder);
    let data = tempfile::tempdir().expect("a temporary folder");
    pass(folder, data.path());
}

/// Typed rows against `csv::ByteRecord` on the same bytes, file by file.
fn parse(folder: &Path) {
    println!(
        "parse to typed rows, as a share of what csv::ByteRecord reads from the same bytes (budget: 0.5)"
    );
    for file in reports(folder) {
        let bytes = std::fs::read(folder.join(&file)).expect("a report");
        let mut best = [f64::MAX; 2];
        for _ in 0..5 {
            let start = cpu_seconds();
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Cursor::new(&bytes));
            let mut record = csv::ByteRecord::new();
            let mut records = 0u64;
            while reader.read_byte_record(&mut record).expect("a record") {
                records += 1;
            }
            best[0] = best[0].min(cpu_seconds() - start);
            let start = cpu_seconds();
            let mut reader = Reader::new(Cursor::new(&bytes), Hint { kind: None, file_name: Some(&file) })
                .expect("a report");
            let (mut rows, mut sum) = (0u64, 0u64);
            while let Some(item) = reader.next_item().expect("readable") {
                rows += 1;
                if let Item::Row(row) = item {
                    sum += row.time.unix() as u64 + u64::from(row.port.unwrap_or(0));
                }
            }
            best[1] = best[1].min(cpu_seconds() - start);
            assert_eq!(rows, records, "both read the same");
            std::hint::black_box(sum);
        }
        let megabytes = bytes.len() as f64 / 1e6;
        println!(
            "  {:6.2}  {file}: {:.0} MB/s against {:.0} MB/s",
            best[0] / best[1],
            megabytes / best[1],
            megabytes / best[0]
        );
    }
}

/// The whole pass, first day and next day.
fn pass(folder: &Path, data: &Path) {
    let settings = "[organisation]\nname = \"Bench\"\nabuse_address = \"abuse@example.net\"\n\
        operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.18.0.0/15\", \"2001:db8::/32\"]\n";
    let customers = folder.join("customers.csv");
    let settings_path = data.join("settings.toml");
    let text = format!("{settings}[customers]\nfile = \"{}\"\n", customers.display());
    abusebox::files::save_atomic(&settings_path, text.as_bytes(), 0o600).expect("settings");
    let first: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    println!(
        "whole pass: parse, match, incidents, notices, store committed (budget: 200000 rows per CPU second)"
    );
    for day in 0..2 {
        let now = first.plus_days(day);
        let engine = Engine::open(&data.join("data"), &settings_path, Clock::fixed(now)).expect("an engine");
        let spooled: Vec<_> = reports(folder)
            .into_iter()
            .map(|file| {
                let spooled = engine.spool.ingest(&shifted(folder, &file, data, day), now).expect("spooled");
                (file.replace("2026-11-20", &now.plus_days(-1).day().to_string()), spooled)
            })
            .collect();
        // From here on the peak counts anew (proc(5), clear_refs).
        let _ = std::fs::OpenOptions::new()
            .write(true)
            .open("/proc/self/clear_refs")
            .and_then(|mut file| file.write_all(b"5"));
        let (start, wall) = (cpu_seconds(), std::time::Instant::now());
        let (mut rows, mut matched) = (0, 0);
        for (file, spooled) in &spooled {
            let source = Source { file: file.clone(), kind: None, day: None, id_hash: None };
            match engine.take(&source, spooled, now).expect("taken") {
                Taken::Processed(report) => {
                    rows += report.counts.rows;
                    matched += report.counts.matched;
                }
                other => panic!("{file}: {other:?}"),
            }
        }
        let taken = cpu_seconds() - start;
        engine.plan(now).expect("planned");
        let cpu = cpu_seconds() - start;
        println!(
            "  {:>9.0}  day {}: {rows} rows, {:.0} % matched, {cpu:.2} CPU s (of it planning {:.2}), {:.2} s, peak memory {} MiB",
            rows as f64 / cpu,
            day + 1,
            matched as f64 * 100.0 / rows as f64,
            cpu - taken,
            wall.elapsed().as_secs_f64(),
            peak_memory_mib()
        );
        if day == 1 {
            look_up(&engine, now);
        }
    }
}

fn look_up(engine: &Engine, now: Timestamp) {
    let loaded = engine.loaded();
    let count = 5_000_000u32;
    let start = cpu_seconds();
    let mut found = 0u64;
    let mut state = 1u32;
    for _ in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let address = IpAddr::V4(Ipv4Addr::from(0xC612_0000 | state >> 15));
        let owner = loaded.table.owner(address, None, now);
        found += u64::from(matches!(owner, abusebox::customers::Owner::Customer { .. }));
    }
    let cpu = cpu_seconds() - start;
    println!(
        "look-ups among {} prefixes\n  {:>9.0}  a CPU second, {:.0} % found",
        loaded.table.prefixes_len(),
        f64::from(count) / cpu,
        found as f64 * 100.0 / f64::from(count)
    );
}

/// The reports in a folder, those of the five types in their order.
fn reports(folder: &Path) -> Vec<String> {
    KINDS
        .iter()
        .map(|kind| format!("2026-11-20-{kind}-example-asn.csv"))
        .filter(|f| folder.join(f).exists())
        .collect()
}

/// The same findings a day later.
fn shifted(folder: &Path, file: &str, data: &Path, day: i64) -> std::path::PathBuf {
    if day == 0 {
        return folder.join(file);
    }
    let text = std::fs::read_to_string(folder.join(file)).expect("a report");
    let next = data.join(file.replace("2026-11-20", "2026-11-21"));
    let text = text.replace("2026-11-20 ", "2026-11-21 ");
    abusebox::files::save_atomic(&next, text.as_bytes(), 0o600).expect("written");
    next
}

/// Five reports of different width, and customers with nested prefixes.
fn make_world(folder: &Path, rows: usize) {
    let mut state = 20_261_122u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut csv = String::from("customer_id,name,email,cidr\n");
    let mut seen = std::collections::HashSet::new();
    while seen.len() < CUSTOMERS {
        let length = [22, 24, 26, 28, 29, 30, 32, 32, 32][random(9) as usize];
        let address = (0xC612_0000 | random(131_072) as u32) & (u32::MAX << (32 - length));
        if seen.insert((address, length)) {
            let number = seen.len();
            let _ = writeln!(
                csv,
                "C{number:06},Customer {number},abuse{number}@customer.example,{}/{length}",
                Ipv4Addr::from(address)
            );
        }
    }
    abusebox::files::save_atomic(&folder.join("customers.csv"), csv.as_bytes(), 0o600).expect("written");
    for kind in KINDS {
        let columns = abusebox::report::kind::columns(kind).expect("a known type");
        let mut csv = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",") + "\n";
        for row in 0..rows {
            let seconds = row * 86_399 / rows;
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            for (index, name) in columns.iter().enumerate() {
                if index > 0 {
                    csv.push(',');
                }
                let _ = match *name {
                    "timestamp" => write!(csv, "\"2026-11-20 {hour:02}:{minute:02}:{second:02}\""),
                    "ip" | "src_ip" => {
                        write!(csv, "\"{}\"", Ipv4Addr::from(0xC612_0000 | random(131_072) as u32))
                    }
                    "severity" => write!(
                        csv,
                        "\"{}\"",
                        ["critical", "high", "medium", "low", "info"][random(5) as usize]
                    ),
                    "protocol" => write!(csv, "\"tcp\""),
                    "port" | "src_port" => write!(csv, "{}", [80, 443, 8443, 161, 22][random(5) as usize]),
                    "asn" | "src_asn" => write!(csv, "64500"),
                    "tag" => write!(csv, "\"{}\"", kind.replace('_', "-")),
                    _ if random(3) == 0 => Ok(()),
                    name => write!(csv, "\"{name} {}\"", random(100_000)),
                };
            }
            csv.push('\n');
        }
        let file = folder.join(format!("2026-11-20-{kind}-example-asn.csv"));
        abusebox::files::save_atomic(&file, csv.as_bytes(), 0o600).expect("written");
    }
}

/// User and system time of this process so far, from /proc: ticks of a hundredth of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // After the name and the state letter: utime and stime are the 14th and 15th of all.
    (fields[10] + fields[11]) / 100.0
}

fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
