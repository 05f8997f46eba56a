//! The power fails at any moment. QEMU notes every write and every flush of the disk while the box is at work; then the
//! disk is made as a power cut may leave it: all that was written before the last flush, and of what came after it
//! each write wholly, in part or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use abusebox::clock::Clock;
use serde_json::Value;

use crate::disk::{Disk, State};
use crate::guest::{Around, BIOS, Guest, HOST};
use crate::sim::mail::Mail;
use crate::sim::world::{Rng, World};
use crate::whole::{Outside, once, told};
use crate::{SLOTS, Tried, seed};

/// What stands in the log, in order.
struct Entry {
    kind: Kind,
    /// Behind it in the log.
    end: u64,
}

enum Kind {
    Flush,
    /// Of `bytes` at `place` of the disk, which stand in the log at `data`.
    Write {
        place: u64,
        bytes: usize,
        data: u64,
    },
}

/// A write, as those see it who do not care for what was written.
pub(crate) struct Written {
    place: u64,
    pub(crate) bytes: u64,
    /// Behind it in the log.
    pub(crate) end: u64,
}

impl Written {
    /// Whether all of it lies between the two places of the disk.
    pub(crate) fn is_in(&self, (begin, end): (u64, u64)) -> bool {
        begin <= self.place && self.place + self.bytes <= end
    }
}

/// The log of a disk, as the device mapper's target log-writes has it (Linux, `dm-log-writes.c`): after one sector of
/// its own, a sector for each entry, and what was written.
pub(crate) struct Log {
    file: File,
    entries: Vec<Entry>,
}

impl Log {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let end = file.metadata().unwrap().len();
        let numbers = |at: u64| {
            let mut head = [0; 32];
            file.read_exact_at(&mut head, at).unwrap();
            [0, 8, 16, 24].map(|at| u64::from_le_bytes(head[at..at + 8].try_into().unwrap()))
        };
        assert_eq!(numbers(0)[0], LOG_MAGIC);
        let (mut entries, mut at) = (Vec::new(), SECTOR);
        // Of the last entry a part may be missing.
        while at + SECTOR <= end {
            let [sector, sectors, flags, _] = numbers(at);
            at += SECTOR;
            if flags & LOG_FLUSH != 0 {
                entries.push(Entry { kind: Kind::Flush, end: at });
            }
            // What a discarded block holds is anybody's guess, and nothing in the box discards.
            assert_eq!(flags & LOG_DISCARD, 0, "sector {sector} was discarded");
            if sectors == 0 {
                continue;
            }
            let (data, bytes) = (at, sectors * SECTOR);
            at += bytes;
            if at > end {
                break;
            }
            let bytes = usize::try_from(bytes).unwrap();
            entries.push(Entry { kind: Kind::Write { place: sector * SECTOR, bytes, data }, end: at });
        }
        Self { file, entries }
    }

    pub(crate) fn writes(&self) -> impl Iterator<Item = Written> {
        self.entries.iter().filter_map(|entry| match entry.kind {
            Kind::Write { place, bytes, .. } => Some(Written { place, bytes: bytes as u64, end: entry.end }),
            Kind::Flush => None,
        })
    }

    /// Brings a write onto a disk, those of its sectors that `keeps` wants.
    fn apply(&self, entry: &Entry, disk: &File, mut keeps: impl FnMut() -> bool) {
        let Kind::Write { place, bytes, data } = entry.kind else { return };
        let mut content = vec![0; bytes];
        self.file.read_exact_at(&mut content, data).unwrap();
        for (place, sector) in (place..).step_by(SECTOR as usize).zip(content.chunks(SECTOR as usize)) {
            if keeps() {
                disk.write_all_at(sector, place).unwrap();
            }
        }
    }
}

/// A disk after a power cut.
struct Cut {
    disk: Disk,
    /// How long the log was.
    log_bytes: u64,
    /// Writes since the last flush, which may be lost.
    open: usize,
}

/// Cuts the power after so many entries of the log each; `before` is the disk on which the log begins.
fn cuts(log: &Log, before: &Disk, points: &BTreeSet<usize>, rng: &mut Rng, mut each: impl FnMut(Cut)) {
    let flushed = before.copy();
    let file = File::options().write(true).open(&flushed.path).unwrap();
    let mut done = 0;
    for &point in points {
        let is_flush = |entry: &Entry| matches!(entry.kind, Kind::Flush);
        let last = log.entries[..point].iter().rposition(is_flush).unwrap_or(0).max(done);
        for entry in &log.entries[done..last] {
            log.apply(entry, &file, || true);
        }
        done = last;
        let disk = flushed.copy();
        let file = File::options().write(true).open(&disk.path).unwrap();
        let open = &log.entries[last..point];
        for entry in open {
            match rng.below(3) {
                0 => {}
                1 => log.apply(entry, &file, || true),
                _ => log.apply(entry, &file, || rng.below(2) == 0),
            }
        }
        let log_bytes = log.entries[point - 1].end;
        each(Cut { disk, log_bytes, open: open.iter().filter(|entry| !is_flush(entry)).count() });
    }
}

/// So many places in the log, each another.
fn points(count: usize, log: &Log, rng: &mut Rng) -> BTreeSet<usize> {
    assert!(log.entries.len() >= count, "{} writes are too few", log.entries.len());
    let mut points = BTreeSet::new();
    while points.len() < count {
        points.insert(1 + rng.below(log.entries.len() as u64) as usize);
    }
    points
}

/// What the outside world had seen of the box while the log grew from `begin` to `end`.
struct Seen {
    begin: u64,
    end: u64,
    mails: usize,
    downloads: usize,
}

pub(crate) fn a_power_cut_at_any_write_loses_nothing_that_was_acknowledged() -> Tried {
    let seed = seed();
    let mut rng = Rng::new(seed, &["power"]);
    let world = World::practice_days(Clock::system().untrusted_now().day(), 2);
    let outside = Outside::new(&world, HOST, REPORTS);
    let disk = Disk::with_data(Some(outside.data.path()))?;
    let well = Outside::new(&world, "127.0.0.1", REPORTS);
    once(well.data.path());
    let expected = well.told();
    let counted = reports(well.data.path());
    assert_eq!(counted.len(), well.shadowserver.reports().len());

    let before = disk.copy();
    let path = disk.folder.path().join("log");
    let ports = outside.ports();
    let around = Around { ports: &ports, log: Some(&path), ..Around::default() };
    let guest = Guest::boot_among(around, &disk, BIOS);
    let mut seen = Vec::new();
    let length = || fs::metadata(&path).unwrap().len();
    let began = Instant::now();
    let mut quiet = None;
    // Until all is told, and some seconds longer: what was told last is noted then, too.
    while quiet.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(8)) {
        assert!(began.elapsed() < LOOP_TIME_MAX, "{:#?}", outside.told());
        let begin = length();
        let (mails, downloads) = (outside.mails.mails().len(), outside.shadowserver.downloads());
        let is_news = seen.last().is_some_and(|last: &Seen| last.mails < mails);
        seen.push(Seen { begin, end: length(), mails, downloads });
        if quiet.is_none() && is_news && outside.told() == expected {
            quiet = Some(Instant::now());
        }
        sleep(Duration::from_millis(20));
    }
    drop(guest);
    assert_eq!(outside.told(), expected);
    let mails = outside.mails.mails();

    let log = Log::open(&path);
    let data = disk.partition(7).expect("it was there from the beginning");
    // Between the reserved sectors of the first partition a new box notes once which slot it has committed.
    let first = disk.partition(1).map(|(begin, _)| (begin + 8192, begin + 16384)).unwrap();
    for write in log.writes() {
        assert!(write.is_in(data) || write.is_in(first), "written at {}, outside partition 7", write.place);
    }
    let flushes = log.entries.len() - log.writes().count();
    println!("seed {seed}: {} writes and {flushes} flushes", log.entries.len() - flushes);

    // The most eventful cuts, by how much is open, which also go on to the end.
    let mut worst: Vec<(Cut, Promise)> = Vec::new();
    let mut checked = Vec::new();
    let began = Instant::now();
    let points = points(CUTS, &log, &mut rng);
    cuts(&log, &before, &points, &mut rng, |cut| {
        let promise = Promise::at(cut.log_bytes, &seen);
        let what = format!("seed {seed}, cut at byte {} of the log, {promise:?}", cut.log_bytes);
        check(&cut, &promise, &mails, &counted, &what);
        let copy = cut.disk.copy();
        let guest = Guest::boot(&copy, BIOS);
        guest.wait_for_page();
        assert!(!guest.serial().contains("NO DATA PARTITION"), "{what}");
        drop(guest);
        checked.push(promise.mails_settled);
        worst.push((cut, promise));
        worst.sort_by_key(|(cut, _)| std::cmp::Reverse(cut.open));
        worst.truncate(BOOTS);
    });
    println!(
        "{} cuts checked and booted in {:.0} s, {} of them amid the mails",
        checked.len(),
        began.elapsed().as_secs_f64(),
        checked.iter().filter(|&&settled| settled > 0 && settled + 1 < mails.len()).count()
    );

    for (cut, promise) in worst {
        let earlier = outside.mails.mails().len();
        let around = Around { ports: &ports, ..Around::default() };
        let guest = Guest::boot_among(around, &cut.disk, BIOS);
        guest.wait_for_page();
        println!("{} open writes, {promise:?}", cut.open);
        // What had been accepted before the cut, and what is sent after it.
        let both = || {
            let again = outside.mails.mails().split_off(earlier);
            let first = mails[..promise.mails_begun_max].iter().cloned();
            first.chain(again).map(|mail| (mail.message_id(), mail)).collect::<BTreeMap<_, _>>()
        };
        let all = || told(both().values());
        let began = Instant::now();
        while all() != expected {
            assert!(began.elapsed() < LOOP_TIME_MAX, "seed {seed}: {:#?}", all());
            sleep(Duration::from_millis(100));
        }
        // Whoever is told twice is so before long.
        sleep(Duration::from_secs(3));
        guest.power_off();
        assert_eq!(all(), expected, "seed {seed}, {promise:?}");
        let again = outside.mails.mails().split_off(earlier);
        for mail in &mails[..promise.mails_settled] {
            let id = mail.message_id();
            assert!(again.iter().all(|other| other.message_id() != id), "seed {seed}: {id} came again");
        }
        cut.disk.check_data();
    }
    Ok(())
}

pub(crate) fn a_power_cut_at_any_write_of_the_first_boot_is_made_good() -> Tried {
    let disk = Disk::new()?;
    let seed = seed();
    let mut rng = Rng::new(seed, &["first boot"]);
    let before = disk.copy();
    let path = disk.folder.path().join("log");
    let guest = Guest::boot_among(Around { log: Some(&path), ..Around::default() }, &disk, BIOS);
    guest.wait_for_page();
    drop(guest);
    let log = Log::open(&path);
    let (begin, _) = disk.partition(7).expect("it was made");
    println!("seed {seed}: {} writes and flushes", log.entries.len());

    // How many of each kind, and the first and the last of them.
    let mut states = BTreeMap::<State, (usize, Vec<Cut>)>::new();
    cuts(&log, &before, &points(FIRST_CUTS, &log, &mut rng), &mut rng, |cut| {
        let state = cut.disk.state();
        assert_ne!(state, State::Lost, "seed {seed}, cut at byte {} of the log", cut.log_bytes);
        let (count, chosen) = states.entry(state).or_default();
        *count += 1;
        chosen.truncate(1);
        chosen.push(cut);
    });
    let fixed = SLOTS.map(|number| before.digest(number));
    for (state, (count, chosen)) in states {
        println!("{count} {state:?}");
        for cut in chosen {
            let what = format!("seed {seed}, cut at byte {} of the log, {state:?}", cut.log_bytes);
            let guest = Guest::boot(&cut.disk, BIOS);
            guest.wait_for_page();
            let serial = guest.power_off();
            assert!(!serial.contains("NO DATA PARTITION"), "{what}: {serial}");
            assert_eq!(cut.disk.partition(7), Some((begin, cut.disk.size())), "{what}");
            assert_eq!(SLOTS.map(|number| cut.disk.digest(number)), fixed, "{what}");
            cut.disk.check_data();
        }
    }
    Ok(())
}

/// What a box must know, and may know, after a cut.
#[derive(Debug)]
struct Promise {
    /// So many mails are noted as sent, and one more had begun.
    mails_settled: usize,
    /// No more than these were ever sent.
    mails_begun_max: usize,
    reports_taken: usize,
    reports_taken_max: usize,
}

impl Promise {
    /// The box notes a mail as sent before it begins the next, and takes in a report before it asks for the next.
    fn at(log_bytes: u64, seen: &[Seen]) -> Self {
        let sure = seen.iter().rev().find(|seen| seen.end <= log_bytes);
        let possible =
            seen.iter().find(|seen| seen.begin >= log_bytes).or(seen.last()).expect("much was seen");
        let before = |count: usize| count.saturating_sub(1);
        Self {
            mails_settled: before(sure.map_or(0, |seen| seen.mails)),
            mails_begun_max: possible.mails,
            reports_taken: before(sure.map_or(0, |seen| seen.downloads)),
            reports_taken_max: possible.downloads,
        }
    }
}

/// The partition can be repaired as the box does it, without questions, and the program finds in its store what it must.
fn check(cut: &Cut, promise: &Promise, mails: &[Arc<Mail>], counted: &BTreeMap<String, Value>, what: &str) {
    let data = cut.disk.data(what);
    let data = data.path();
    let known = reports(data);
    let files = known.len();
    assert!((promise.reports_taken..=promise.reports_taken_max).contains(&files), "{what}: {files} reports");
    for (file, line) in &known {
        assert_eq!(Some(line), counted.get(file), "{what}");
    }
    let number = |id: &str| mails.iter().position(|mail| mail.message_id().trim_matches(['<', '>']) == id);
    let mut sent = BTreeSet::new();
    for line in ask(data, "outbox") {
        let id = line["message_id"].as_str().map(|id| id.trim_matches(['<', '>']));
        if line["state"] == "sent" {
            sent.insert(id.and_then(number).unwrap_or_else(|| panic!("{what}: never sent: {line}")));
        }
    }
    let missing: Vec<_> = (0..promise.mails_settled).filter(|number| !sent.contains(number)).collect();
    assert!(missing.is_empty(), "{what}: not noted as sent: {missing:?}");
    assert!(sent.last().is_none_or(|&last| last < promise.mails_begun_max), "{what}: {sent:?}");
}

/// The reports that a store knows, by file, with what their rows came to.
fn reports(data: &Path) -> BTreeMap<String, Value> {
    let lines = ask(data, "reports");
    lines.into_iter().map(|line| (line["file"].as_str().unwrap().to_owned(), line)).collect()
}

/// What the program on this machine says of a data folder.
fn ask(data: &Path, command: &str) -> Vec<Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_abusebox"));
    let output = program.arg("--data").arg(data).args([command, "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("panic") && !said.contains("store is lost"),
        "{}: {command}: {said}",
        data.display()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const CUTS: usize = 100;
const BOOTS: usize = 5;
const FIRST_CUTS: usize = 80;
/// Shadowserver wishes one request a second.
const REPORTS: usize = 25;
const SECTOR: u64 = 512;
const LOG_MAGIC: u64 = 0x006a_7366_7773_6872;
const LOG_FLUSH: u64 = 1;
const LOG_DISCARD: u64 = 4;
/// The start, the reports one a second, and the mails.
const LOOP_TIME_MAX: Duration = Duration::from_secs(240);
