//! `make bench`: the figures that have a budget, each with the baseline it is measured against in the same run.
//!
//! `cargo bench --bench budgets -- [--large] [--page] [DIR]`: DIR holds reports of 2026-11-20 and customers.csv, for the
//! parse and the whole pass; without it, made ones. `--large` also measures two million rows and waits until memory is
//! given back, which takes minutes. `--page` measures the page alone.
//!
//! Wall clocks differ between machines and moments, so what counts are seconds of the processor and ratios. A missed
//! budget is marked in the table at the end and is no failure.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use abusebox::report::{Hint, Item, Reader};
use ipnet::Ipv4Net;

mod floor;
mod meter;
#[path = "../it/operator.rs"]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod operator;
mod page;
#[path = "../sim/mod.rs"]
mod sim;
mod stages;
mod world;

use floor::Floor;
use operator::between;
use page::Page;
use stages::{Checked, Idle, MIB, Mails, OneFile, Owners, Pass, Sessions, Stage, reports, settle};
use world::{DAY, World};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `--bench` is from cargo.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [argument, stage] = &words[..]
        && argument == stages::ARGUMENT
    {
        return Ok(serde_json::from_str::<Stage>(stage)?.run()?);
    }
    let large = words.iter().any(|word| word == LARGE);
    let only_page = words.iter().any(|word| word == PAGE);
    if let Some(word) =
        words.iter().find(|word| word.starts_with('-') && ![LARGE, PAGE].contains(&word.as_str()))
    {
        return Err(format!("{word} is not known here: give [{LARGE}] [{PAGE}] [DIR]").into());
    }
    let given = words.iter().find(|word| !word.starts_with('-')).map(PathBuf::from);
    // In the target folder, which lies on a disk; a temporary folder often does not.
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut bench = Bench { room: room.path(), budgets: Vec::new() };
    println!("{:.2} of a processor is free\n", free_share());
    if !only_page {
        bench.main_world(given)?;
        bench.more_rows(large)?;
        bench.more_prefixes()?;
        bench.customer_file()?;
        bench.one_file();
        bench.sessions()?;
        bench.mails()?;
    }
    bench.page(large)?;
    bench.print();
    Ok(())
}

/// A run, and what it has come to so far.
struct Bench<'a> {
    room: &'a Path,
    budgets: Vec<Budget>,
}

/// A line of the table at the end.
struct Budget {
    what: String,
    figure: String,
    budget: &'static str,
    met: bool,
    baseline: String,
}

impl Bench<'_> {
    fn budget(&mut self, what: &str, figure: String, budget: &'static str, met: bool, baseline: String) {
        self.budgets.push(Budget { what: what.to_owned(), figure, budget, met, baseline });
    }

    fn folder(&self, name: &str) -> std::io::Result<PathBuf> {
        let folder = self.room.join(name);
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Parse, the pass of two days, look-ups, and the box at rest after it.
    fn main_world(&mut self, given: Option<PathBuf>) -> std::io::Result<()> {
        let world = World::of_the_budgets();
        let folder = match given {
            Some(folder) => folder.canonicalize()?,
            None => {
                let folder = self.folder("world")?;
                world.write(&folder)?;
                folder
            }
        };
        let csv_rows = self.parse(&folder)?;
        let data = self.folder("data")?;
        let days = two_days(&folder, &data)?;
        let floor: Floor = Stage::Floor { data: data.clone() }.measure();
        println!("whole pass: parse, match, incidents, notices, store committed");
        for ((pass, day), keep) in days.iter().zip(["first day", "next day"]).zip(floor.keep) {
            let (rows, share) =
                (pass.rows as f64 / pass.cpu(), pass.matched as f64 * 100.0 / pass.rows as f64);
            let alone = floor.part + keep;
            println!(
                "  {day}: {rows:.0} rows a CPU second; {} rows, {share:.0} % matched, {} incidents so far; \
                 {:.2} CPU s to take in, {:.2} to plan, {:.2} s in all; before it {:.2} CPU s to open, \
                 {:.2} to spool",
                pass.rows, pass.incidents, pass.take, pass.plan, pass.wall, pass.open, pass.spool
            );
            println!(
                "    memory {:.1} MiB before, {:.1} at the peak; {:.1} while opening",
                pass.before_mib, pass.peak_mib, pass.open_peak_mib
            );
            println!(
                "    the packages alone: {:.2} CPU s to unpack and part, {keep:.2} to keep the incidents; the pass takes \
                 {:.2} times that",
                floor.part,
                pass.cpu() / alone
            );
            self.budget(
                &format!("whole pass, {day}: {} rows, {share:.0} % matched", pass.rows),
                format!("{rows:.0} rows/CPU s"),
                ">= 200000",
                rows >= 200_000.0,
                format!(
                    "unpacking, csv and redb alone {:.0} (ratio {:.2}), csv::ByteRecord {csv_rows:.0}",
                    pass.rows as f64 / alone,
                    alone / pass.cpu()
                ),
            );
        }
        let worst = days.iter().max_by(|a, b| a.peak_mib.total_cmp(&b.peak_mib)).unwrap_or(&days[0]);
        self.budget(
            "peak memory in that pass",
            format!("{:.1} MiB", worst.peak_mib),
            "<= 64 MiB",
            worst.peak_mib <= 64.0,
            format!("before it {:.1} MiB", worst.before_mib),
        );
        written(&days, self.room);
        let network = world.network.to_string();
        let owners: Owners = Stage::Owners { customers: folder.join(CUSTOMERS), network }.measure();
        println!(
            "look-ups among {} prefixes: {:.0} a CPU second, {:.0} % found",
            owners.prefixes,
            owners.look_ups,
            owners.found * 100.0
        );
        self.idle(data, days[1].calls)
    }

    /// The box at rest: with nothing in it, with what a small ISP has, and after the pass.
    fn idle(&mut self, full: PathBuf, pass_bytes: u64) -> std::io::Result<()> {
        let (empty, small) = (self.folder("empty")?, self.folder("small")?);
        settle(&empty, &empty.join(CUSTOMERS), "");
        World { customers: 2_000, rows: 2_000, ..World::of_the_budgets() }.write(&small)?;
        let small_data = small.join("data");
        two_days(&small, &small_data)?;
        println!("abusebox run at rest");
        let at_rest = |what: &str, data| {
            let idle: Idle = Stage::Idle { data, days: 1 }.measure();
            println!(
                "  {:5.1} MiB, {:.1} at the peak of its start; {:.0} bytes written an hour, {:.0} in the busiest \
                 hour of a day: {what}",
                idle.mib, idle.start_peak_mib, idle.hour_mean, idle.hour_most
            );
            idle
        };
        let empty = at_rest("an empty folder", empty);
        let small = at_rest("2000 customers, 10000 rows a day", small_data);
        let full = at_rest("after the pass above", full);
        for (idle, whose) in [(&small, "with 2000 customers"), (&full, "after that pass")] {
            self.budget(
                &format!("idle memory of abusebox run, {whose}"),
                format!("{:.1} MiB", idle.mib),
                "<= 16 MiB",
                idle.mib <= 16.0,
                format!("on an empty folder {:.1} MiB", empty.mib),
            );
        }
        self.budget(
            "bytes written per idle hour, data folder, mean of a day",
            format!("{:.2} MB", full.hour_mean / 1e6),
            "<= 1 MB",
            full.hour_mean <= 1e6,
            format!("the pass of a day {:.0} MB", pass_bytes as f64 / 1e6),
        );
        Ok(())
    }

    /// A mail to each of ten thousand customers.
    fn mails(&mut self) -> std::io::Result<()> {
        let folder = self.folder("mails")?;
        let world = World { customers: 10_000, rows: 10_000, ..World::of_the_budgets() };
        world.write(&folder)?;
        let data = folder.join("data");
        settle(&data, &folder.join(CUSTOMERS), "");
        let _: Pass = Stage::Pass { reports: folder, data: data.clone(), day: 0 }.measure();
        let mails: Mails = Stage::Mails { data, day: 0 }.measure();
        let each = mails.cpu / mails.mails as f64;
        println!(
            "{} mails about {} problems, {} MiB: {:.2} CPU s; memory {:.1} MiB before, {:.1} at the peak",
            mails.mails,
            mails.problems,
            mails.bytes >> 20,
            mails.cpu,
            mails.before_mib,
            mails.peak_mib
        );
        self.budget(
            "10,000 customers' digests composed",
            format!("{:.2} CPU s", each * 10_000.0),
            "<= 5 s",
            each * 10_000.0 <= 5.0,
            format!("finding what they tell {:.2} s", mails.baseline / mails.mails as f64 * 10_000.0),
        );
        Ok(())
    }

    /// Two million sessions: what they need, and how long a look-up takes.
    fn sessions(&mut self) -> std::io::Result<()> {
        let data = self.folder("sessions")?;
        let sessions: Sessions = Stage::Sessions { data, count: 2_000_000 }.measure();
        println!(
            "{} sessions of 14 days from a log of {} MiB: {:.1} CPU s to take in, {:.1} MiB at the peak",
            sessions.kept,
            sessions.log_bytes >> 20,
            sessions.take,
            sessions.peak_mib
        );
        let mib = sessions.store_bytes as f64 / MIB;
        self.budget(
            "2,000,000 sessions, on disk",
            format!("{mib:.0} MiB"),
            "<= 200 MiB",
            mib <= 200.0,
            format!("their log {} MiB", sessions.log_bytes >> 20),
        );
        self.budget(
            "look-up among them, as for a row",
            format!("{:.1} CPU us, {:.0} % found", sessions.look_up, sessions.found * 100.0),
            "<= 50 us",
            sessions.look_up <= 50.0,
            format!("binary search in memory {:.2} us", sessions.baseline),
        );
        Ok(())
    }

    /// Typed rows against `csv::ByteRecord` on the same bytes, file by file. Returns the rows a second that the
    /// latter reads of all files together.
    fn parse(&mut self, folder: &Path) -> std::io::Result<f64> {
        println!("parse to typed rows, as a share of what csv::ByteRecord reads from the same bytes");
        let (mut rows, mut seconds) = (0, 0.0);
        let mut worst: Option<(f64, String)> = None;
        for file in reports(folder, DAY) {
            let bytes = std::fs::read(folder.join(&file))?;
            let (mut csv, mut typed) = (f64::MAX, f64::MAX);
            for _ in 0..5 {
                let (records, cost) = meter::costs(|| csv_records(&bytes));
                csv = csv.min(cost);
                let (items, cost) = meter::costs(|| typed_items(&bytes, &file));
                typed = typed.min(cost);
                assert_eq!(items, records, "both read the same");
                rows += records;
            }
            seconds += csv;
            let (share, megabytes) = (csv / typed, bytes.len() as f64 / 1e6);
            let speeds = format!("{:.0} MB/s against {:.0} MB/s", megabytes / typed, megabytes / csv);
            println!("  {share:5.2}  {file}: {speeds}");
            if worst.as_ref().is_none_or(|(least, _)| share < *least) {
                worst = Some((share, format!("{file}: {speeds}")));
            }
        }
        let (share, baseline) = worst.ok_or_else(|| std::io::Error::other("no report of the five types"))?;
        let figure = format!("{share:.2} of csv::ByteRecord");
        self.budget("parse to typed rows, the slowest type", figure, ">= 0.5", share >= 0.5, baseline);
        Ok(rows as f64 / 5.0 / seconds)
    }

    /// What a row costs as rows grow tenfold.
    fn more_rows(&self, large: bool) -> std::io::Result<()> {
        println!("\ncost as rows grow, 100000 prefixes, nearly each row a problem of its own");
        println!("       rows   first day us/row      x   next day us/row      x   peak MiB   incidents");
        let mut before: Option<[Pass; 2]> = None;
        for rows in [20_000, 200_000, 2_000_000].into_iter().take(if large { 3 } else { 2 }) {
            let (days, folder) = self.wide(100_000, rows)?;
            let [first, next] = days.each_ref().map(Pass::microseconds_a_row);
            let [grown_first, grown_next] = [0, 1].map(|day| {
                ratio(before.as_ref().map(|before| before[day].microseconds_a_row()), [first, next][day])
            });
            println!(
                "  {:>9} {first:>18.2} {grown_first:>6} {next:>17.2} {grown_next:>6} {:>10.1} {:>11}",
                days[0].rows,
                days[0].peak_mib.max(days[1].peak_mib),
                days[1].incidents
            );
            before = Some(days);
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }

    /// What a row, a look-up and an import cost as prefixes grow tenfold.
    fn more_prefixes(&self) -> std::io::Result<()> {
        println!("\ncost as prefixes grow, 200000 rows");
        println!(
            "   prefixes   first day us/row      x   next day us/row      x   look-ups/s      x   table MiB      x   \
             import CPU s      x   peak MiB of the import, of the pass"
        );
        let mut before: Option<[f64; 5]> = None;
        for customers in [10_000, 100_000, 1_000_000] {
            let ([first, next], folder) = self.wide(customers, 200_000)?;
            let owners = Stage::Owners { customers: folder.join(CUSTOMERS), network: WIDE.to_string() };
            let owners: Owners = owners.measure();
            let figures = [
                first.microseconds_a_row(),
                next.microseconds_a_row(),
                owners.look_ups,
                owners.table_bytes / MIB,
                first.open,
            ];
            let [row, next_row, look_ups, table, import] = figures;
            let grown = |index: usize| ratio(before.map(|before| before[index]), figures[index]);
            println!(
                "  {:>9} {row:>18.2} {:>6} {next_row:>17.2} {:>6} {look_ups:>12.0} {:>6} {table:>11.2} {:>6} \
                 {import:>14.2} {:>6} {:>10.1} {:.1}",
                owners.prefixes,
                grown(0),
                grown(1),
                grown(2),
                grown(3),
                grown(4),
                first.open_peak_mib,
                first.peak_mib.max(next.peak_mib)
            );
            println!(
                "            of the import: {:.2} CPU s the file to lines, {:.2} lines to the table ({:.1} MiB at \
                 the peak of both), the rest for the store",
                owners.read, owners.build, owners.peak_mib
            );
            before = Some(figures);
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }

    /// Two days in a wide world.
    /// A customer file as large as the largest small ISP's.
    fn customer_file(&mut self) -> std::io::Result<()> {
        let path = self.room.join("large.csv");
        let mut text = "customer_id,name,email,cidr,login,language,status\n".to_owned();
        let first = u32::from(WIDE.network());
        for line in 0..250_000_u32 {
            // A customer has two or three prefixes.
            let (customer, address) = (line * 2 / 5, std::net::Ipv4Addr::from(first + line * 8));
            text += &format!(
                "C{customer:06},Customer number {customer},abuse{customer}@customer{customer}.example,{address}/29,\
                 user{customer},de,active\n"
            );
        }
        abusebox::files::save_atomic(&path, text.as_bytes(), 0o600)?;
        let checked: Checked = Stage::Check { customers: path }.measure();
        println!(
            "\na customer file of {:.1} MiB: {} customers, {} prefixes; {:.2} CPU s to check, {:.1} MiB at the peak",
            checked.bytes as f64 / MIB,
            checked.customers,
            checked.prefixes,
            checked.cpu,
            checked.peak_mib
        );
        self.budget(
            &format!("check of {} customers with {} prefixes", checked.customers, checked.prefixes),
            format!("{:.2} CPU s", checked.cpu),
            "<= 2",
            checked.cpu <= 2.0,
            format!("csv::ByteRecord {:.2} (ratio {:.1})", checked.baseline, checked.cpu / checked.baseline),
        );
        self.budget(
            "peak memory of that check",
            format!("{:.1} MiB", checked.peak_mib),
            "<= 64",
            checked.peak_mib <= 64.0,
            format!("the file alone {:.1}", checked.bytes as f64 / MIB),
        );
        Ok(())
    }

    fn wide(&self, customers: usize, rows: usize) -> std::io::Result<([Pass; 2], PathBuf)> {
        let folder = self.folder("wide")?;
        World { network: WIDE, customers, rows: rows / world::KINDS.len() }.write(&folder)?;
        let data = folder.join("data");
        Ok((two_days(&folder, &data)?, folder))
    }

    /// Whether memory grows with the size of a file.
    fn one_file(&mut self) {
        let customers = self.room.join("none.csv");
        println!("\none report of scan_ssl, without customers");
        let measured = |megabytes: u64, network: &str| {
            let data = self.room.join(format!("file-{megabytes}-{}", network.replace('/', "-")));
            settle(&data, &customers, "");
            let stage = Stage::OneFile { data, bytes: megabytes * 1_000_000, network: network.to_owned() };
            let one: OneFile = stage.measure();
            println!(
                "  {:>5.0} MB: {} rows, {} incidents, {:.2} CPU s to take in, {:.1} MiB at the peak",
                one.bytes as f64 / 1e6,
                one.rows,
                one.incidents,
                one.take,
                one.peak_mib
            );
            one
        };
        let small = measured(10, FEW);
        let same = measured(1000, FEW);
        let large = measured(1000, MANY);
        let more = large.peak_mib - small.peak_mib;
        self.budget(
            "a 1 GB file beyond a 10 MB one, peak memory",
            format!("{more:+.1} MiB"),
            "<= 8 MiB",
            more <= 8.0,
            format!(
                "10 MB: {:.1} MiB; with the same problems {:+.1}",
                small.peak_mib,
                same.peak_mib - small.peak_mib
            ),
        );
    }

    /// Overview and pages of Incidents with a million stored, in the real program, over HTTP on this machine.
    fn page(&mut self, large: bool) -> std::io::Result<()> {
        let folder = self.folder("page")?;
        World { network: WIDE, customers: 100_000, rows: 225_000 }.write(&folder)?;
        let data = folder.join("data");
        settle(&data, &folder.join(CUSTOMERS), "");
        let pass: Pass = Stage::Pass { reports: folder, data: data.clone(), day: 0 }.measure();
        let stored = pass.incidents;
        println!("\nthe page of abusebox run, {stored} incidents stored, 100000 customers");
        let page = Page::open(&data, stages::noon(0));
        let memory = page.memory_mib("VmRSS:");
        println!("  ms: first   median    worst   of CPU     bytes");
        let mut worst: Option<(f64, String)> = None;
        let mut cost = |what: &str, target: &str, counts: bool| {
            let cost = page.cost(target);
            let page::Cost { first, median, worst: longest, cpu, bytes } = cost;
            println!("  {first:9.2} {median:8.2} {longest:8.2} {cpu:8.2} {bytes:9}  {what}: {target}");
            if counts && worst.as_ref().is_none_or(|(known, _)| *known < median) {
                worst = Some((median, format!("{what}: {cpu:.2} ms of CPU")));
            }
            median
        };
        let least = cost("baseline", "/healthz", false);
        let people = cost("baseline", "/people", false);
        cost("Overview, the first time counted", "/", true);
        let half = stored / 2;
        let noon = stages::noon(-1).unix();
        let first = page.operator.get("/incidents");
        let address = between(&first, "<code>", "</code>").to_owned();
        let customer = between(&first, "/customer?id=", "\"").to_owned();
        for (what, target) in [
            ("first page", "/incidents".to_owned()),
            ("middle page", format!("/incidents?before={half}")),
            ("last page", "/incidents?before=51".to_owned()),
            ("the oldest first", "/incidents?sort=number-rising".to_owned()),
            ("all but closed", "/incidents?state=current".to_owned()),
            ("critical ones, middle", format!("/incidents?severity=critical&before={half}")),
            ("closed ones: none", "/incidents?state=closed".to_owned()),
            ("of a type", "/incidents?report=scan_snmp".to_owned()),
            ("of a customer", format!("/incidents?q={customer}")),
            ("at an address", format!("/incidents?q={address}")),
            ("at an address: none", "/incidents?q=192.0.2.1".to_owned()),
            ("the worst first", "/incidents?sort=severity".to_owned()),
            ("the worst first, middle", format!("/incidents?sort=severity&before=2-{half}")),
            ("the worst last", "/incidents?sort=severity-rising".to_owned()),
            ("by customer", "/incidents?sort=customer-rising".to_owned()),
            ("by customer, middle", format!("/incidents?sort=customer-rising&before=50000-{half}")),
            ("by customer, falling", "/incidents?sort=customer".to_owned()),
            ("last seen first", "/incidents?sort=last-seen".to_owned()),
            ("last seen, middle", format!("/incidents?sort=last-seen&before={noon}-{half}")),
            ("last seen last", "/incidents?sort=last-seen-rising".to_owned()),
            ("most rows first", "/incidents?sort=rows".to_owned()),
            ("most rows first, middle", format!("/incidents?sort=rows&before=1-{half}")),
            ("fewest rows first", "/incidents?sort=rows-rising".to_owned()),
            (
                "filtered and sorted",
                "/incidents?report=scan_ssl&state=open&severity=high&sort=last-seen".to_owned(),
            ),
        ] {
            cost(what, &target, true);
        }
        let looked = page.memory_mib("VmRSS:");
        println!(
            "  memory: {memory:.1} MiB before the first look, {looked:.1} after, {:.1} at the peak",
            page.memory_mib("VmHWM:")
        );
        if large {
            page.leave_alone();
            println!("  {:.1} MiB when nobody has looked for a while", page.memory_mib("VmRSS:"));
        }
        let (slowest, which) = worst.unwrap_or_default();
        self.budget(
            "Overview and any page of Incidents, the slowest, median",
            format!("{slowest:.2} ms"),
            "<= 20 ms",
            slowest <= 20.0,
            format!("{which}; /healthz {least:.2} ms, /people {people:.2} ms"),
        );
        Ok(())
    }

    fn print(&self) {
        println!("\n{:<56} {:<24} {:<10} {:<7} baseline", "what", "figure", "budget", "");
        for Budget { what, figure, budget, met, baseline } in &self.budgets {
            let met = if *met { "met" } else { "MISSED" };
            println!("{what:<56} {figure:<24} {budget:<10} {met:<7} {baseline}");
        }
        println!(
            "not to be measured here: size of the image, boot with 128 MiB, power on to page, bytes written outside \
             the data partition"
        );
    }
}

/// The first day, on which every incident is new, and the next, on which every one is known.
fn two_days(folder: &Path, data: &Path) -> std::io::Result<[Pass; 2]> {
    settle(data, &folder.join(CUSTOMERS), "");
    let pass = |reports: &Path, day| {
        Stage::Pass { reports: reports.to_owned(), data: data.to_owned(), day }.measure()
    };
    let first = pass(folder, 0);
    let shifted = data.join("next day");
    std::fs::create_dir(&shifted)?;
    for file in reports(folder, DAY) {
        let text = std::fs::read_to_string(folder.join(&file))?;
        let text = text.replace(&format!("{DAY} "), &format!("{NEXT_DAY} "));
        let path = shifted.join(file.replace(DAY, NEXT_DAY));
        abusebox::files::save_atomic(&path, text.as_bytes(), 0o600)?;
    }
    let next = pass(&shifted, 1);
    std::fs::remove_dir_all(shifted)?;
    Ok([first, next])
}

/// What of a report reaches the disk.
fn written(days: &[Pass; 2], room: &Path) {
    println!("bytes written, by calls and to the disk");
    for (pass, day) in days.iter().zip(["first day", "next day"]) {
        let rows = pass.rows as f64;
        println!(
            "  {day}: store {:.0} and {:.0} a row, {:.2} and {:.2} of the report's {:.0}; spool {:.0} to the disk; \
             the store is {:.1} MB, {:.0} bytes an incident",
            pass.calls as f64 / rows,
            pass.disk as f64 / rows,
            pass.calls as f64 / pass.bytes as f64,
            pass.disk as f64 / pass.bytes as f64,
            pass.bytes as f64 / rows,
            pass.spool_disk as f64 / rows,
            pass.store_bytes as f64 / 1e6,
            pass.store_bytes as f64 / pass.incidents as f64
        );
    }
    if meter::is_in_memory(room) {
        println!("  {} lies in memory: there the kernel counts nothing to the disk", room.display());
    }
}

fn csv_records(bytes: &[u8]) -> u64 {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Cursor::new(bytes));
    let mut record = csv::ByteRecord::new();
    let mut records = 0;
    while reader.read_byte_record(&mut record).expect("a record") {
        records += 1;
    }
    records
}

fn typed_items(bytes: &[u8], file: &str) -> u64 {
    let hint = Hint { kind: None, file_name: Some(file) };
    let mut reader = Reader::new(Cursor::new(bytes), hint).expect("a report");
    let (mut items, mut sum) = (0, 0);
    while let Some(item) = reader.next_item().expect("readable") {
        items += 1;
        if let Item::Row(row) = item {
            sum += row.time.unix() as u64 + u64::from(row.port.unwrap_or(0));
        }
    }
    std::hint::black_box(sum);
    items
}

/// How many times as much as before.
fn ratio(before: Option<f64>, now: f64) -> String {
    before.map_or_else(String::new, |before| format!("{:.2}", now / before))
}

/// Seconds of the processor that a busy second gets: on a shared machine the figures are worse than they would be.
fn free_share() -> f64 {
    let start = std::time::Instant::now();
    let ((), cpu) = meter::costs(|| while start.elapsed().as_millis() < 500 {});
    cpu / start.elapsed().as_secs_f64()
}

const LARGE: &str = "--large";
const PAGE: &str = "--page";
const CUSTOMERS: &str = "customers.csv";
const NEXT_DAY: &str = "2026-11-21";
/// Networks of a report: so few addresses that 10 MB name most of them, and so many that 1 GB does not.
const FEW: &str = "198.18.0.0/22";
const MANY: &str = "198.18.0.0/15";
/// Room for a million prefixes, and so many addresses that few rows meet at one.
const WIDE: Ipv4Net = match Ipv4Net::new(std::net::Ipv4Addr::new(10, 64, 0, 0), 10) {
    Ok(network) => network,
    Err(_) => panic!("a network"),
};
