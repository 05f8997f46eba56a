//! A power cut at every write of the store, and damage of every kind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use redb::{Database, Key, StorageBackend, StorageError, TableDefinition, Value};

use super::*;
use crate::clock::Clock;
use crate::files::save_atomic;
use crate::incident::{self, Evidence, Ownership, Place};
use crate::notify::outbox::{Also, Delivery, End};
use crate::notify::{Mail, Sender};
use crate::report::kind::{Nature, Severity};
use crate::service::Engine;
use crate::service::intake::Source;

const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);

/// What a disk is asked to do.
#[derive(Clone, Debug)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// A disk in memory, and the list of all it was asked to do.
#[derive(Clone, Debug, Default)]
struct Disk {
    image: Arc<Mutex<Vec<u8>>>,
    done: Arc<Mutex<Vec<Op>>>,
}

impl Disk {
    fn holding(image: Vec<u8>) -> Self {
        Self { image: Arc::new(Mutex::new(image)), done: Arc::default() }
    }

    fn ops(&self) -> usize {
        self.done.lock().unwrap().len()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = self.image.lock().unwrap();
        let part = image.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.done.lock().unwrap().push(Op::SetLen(len));
        self.image.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.done.lock().unwrap().push(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.done.lock().unwrap().push(Op::Write(offset, data.to_vec()));
        let mut image = self.image.lock().unwrap();
        let part = image.get_mut(offset as usize..offset as usize + data.len());
        part.ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
}

/// What of an operation reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// Only some of the sectors.
    Torn(u64),
}

fn do_it(image: &mut Vec<u8>, op: &Op, fate: Fate) {
    match (op, fate) {
        (_, Fate::Dropped) | (Op::Sync, _) => {}
        (Op::SetLen(len), _) => image.resize(*len as usize, 0),
        (Op::Write(offset, data), _) => {
            let from = *offset as usize;
            // The growth of the file may have been dropped.
            image.resize(image.len().max(from + data.len()), 0);
            for (number, sector) in data.chunks(SECTOR).enumerate() {
                if let Fate::Torn(which) = fate
                    && which >> (number % 64) & 1 == 0
                {
                    continue;
                }
                image[from + number * SECTOR..][..sector.len()].copy_from_slice(sector);
            }
        }
    }
}

/// The smallest thing that a disk writes as a whole.
const SECTOR: usize = 512;

/// A small generator (xorshift): the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }
}

fn reopen(image: Vec<u8>) -> Result<Store, redb::Error> {
    let mut db = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(Disk::holding(image))?;
    db.check_integrity()?;
    Ok(Store::with(Open { db, health: Arc::default(), writable: true }).unwrap())
}

/// Everything in the store, readable.
fn everything(store: &Store) -> String {
    fn of<K: Key + 'static, V: Value + 'static>(
        view: &View,
        table: TableDefinition<'_, K, V>,
        all: &mut String,
    ) {
        let entries = view.later_table(table).unwrap();
        for entry in entries.iter().flat_map(|table| table.iter().unwrap()) {
            let (key, value) = entry.unwrap();
            writeln!(all, "{table}: {:?} {:?}", key.value(), value.value()).unwrap();
        }
    }
    let (view, mut all) = (store.view().unwrap(), String::new());
    of(&view, META, &mut all);
    of(&view, REPORTS, &mut all);
    of(&view, CONTENTS, &mut all);
    of(&view, REJECTED, &mut all);
    of(&view, KINDS, &mut all);
    of(&view, CUSTOMERS, &mut all);
    of(&view, IMPORTS, &mut all);
    of(&view, INCIDENTS, &mut all);
    of(&view, INCIDENT_IDS, &mut all);
    of(&view, RECEIVERS, &mut all);
    of(&view, DUE, &mut all);
    of(&view, NOTICES, &mut all);
    of(&view, UNSENT, &mut all);
    of(&view, MAILS, &mut all);
    of(&view, MAILED, &mut all);
    of(&view, COVERED, &mut all);
    of(&view, ALARMS, &mut all);
    of(&view, PAST_ALARMS, &mut all);
    all
}

/// A report is finished if and only if its incidents and its counts are there. Holds where each address is in one
/// report only.
fn check_reports(store: &Store) {
    let view = store.view().unwrap();
    let mut incidents = std::collections::BTreeMap::<u32, u64>::new();
    view.incidents(|_, incident| {
        *incidents.entry(incident.evidence.report).or_default() += incident.rows();
    })
    .unwrap();
    view.reports(|file, report| {
        let Counts { rows, matched, unassigned, ambiguous, unattributable, outside, rejected } =
            report.counts;
        assert_eq!(rows, matched + unassigned + ambiguous + unattributable + outside + rejected, "{file}");
        let inside = rows - outside - rejected;
        assert_eq!(incidents.remove(&report.number).unwrap_or_default(), inside, "{file}");
        assert_eq!(view.rejected(report.number, 0, 1000).unwrap().len() as u64, rejected, "{file}");
    })
    .unwrap();
    assert!(incidents.is_empty(), "incidents of reports that are not finished: {incidents:?}");
}

/// A store after each thing that was done to it: how many operations of the disk that took, and what it held.
struct Recorded {
    disk: Disk,
    states: Vec<(usize, String)>,
}

/// What the box does in its life, with a note after each step.
fn recorded(folder: &Path) -> Recorded {
    let settings = "[box]\nmode = \"live\"\n[organisation]\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.51.100.0/24\"]\n";
    save_atomic(&folder.join("settings.toml"), settings.as_bytes(), 0o600).unwrap();
    std::fs::create_dir(folder.join("customers")).unwrap();
    let disk = Disk::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    let engine = Engine::with(store, folder, &folder.join("settings.toml"), Clock::fixed(NOW)).unwrap();
    let mut states = vec![(disk.ops(), everything(&engine.store))];
    let mut note = |engine: &Engine| states.push((disk.ops(), everything(&engine.store)));

    for day in 0..if soaks() { 5 } else { 2 } {
        let now = NOW.plus_days(day);
        let customers = format!(
            "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/25\nB{day},Beta,b@beta.example,198.51.100.128/26\n"
        );
        engine.import_customers(customers.as_bytes(), true, now).unwrap();
        note(&engine);
        for kind in ["scan_rdp", "scan_ftp"] {
            let mut csv = "timestamp,severity,ip,port,protocol,banner\n".to_owned();
            for host in 0..60 {
                // Each report has addresses of its own; some are nobody's, some outside, some no address.
                let ip = match host {
                    57 => "192.0.2.1".to_owned(),
                    58 => "nowhere".to_owned(),
                    _ => format!("198.51.100.{}", host * 4),
                };
                let port = 1000 + day * 100 + kind.len() as i64 + i64::from(kind == "scan_rdp");
                writeln!(csv, "{},high,{ip},{port},tcp,{}", stamp(now), "x".repeat(200)).unwrap();
            }
            let file = format!("{}-{kind}-example-asn.csv", now.day());
            save_atomic(&folder.join(&file), csv.as_bytes(), 0o600).unwrap();
            let spooled = engine.spool.ingest(&folder.join(&file), now).unwrap();
            engine.take(&Source { file, kind: None, day: None, id_hash: None }, &spooled, now).unwrap();
            note(&engine);
        }
        engine.plan(now.plus_seconds(86_400)).unwrap();
        note(&engine);
        let mut unsent = Vec::new();
        engine.store.view().unwrap().unsent(|notice| unsent.push(notice)).unwrap();
        for notice in unsent {
            send(&engine.store, notice, now);
            note(&engine);
        }
        engine.alarm("disk", (day == 0).then_some("full"), now).unwrap();
        note(&engine);
    }
    drop(engine);
    Recorded { disk, states }
}

/// What the mail loop writes: the text before DATA, and the end after the answer. Both in one here.
fn send(store: &Store, mut notice: Notice, now: Timestamp) {
    let mail = Frozen {
        made: now,
        sender: Sender {
            organisation: "Example Net".to_owned(),
            abuse_address: "abuse@example.net".to_owned(),
        },
        mail: Mail { subject: "s".to_owned(), text: "long ".repeat(2000), html: None, csv: None },
        references: vec![Vec::new()],
        signatures: vec!["DKIM-Signature: v=1\r\n".to_owned()],
        also: Also { gone: vec![2], ..Also::default() },
    };
    notice.deliveries.push(Delivery {
        to: "a@alpha.example".to_owned(),
        token: "token".to_owned(),
        message_id: format!("{}@example.net", notice.number),
        attempts: 1,
        next: now,
        done: Some((now, true)),
        reply: "250 ok".to_owned(),
    });
    notice.frozen = true;
    notice.done = Some((now, End::Sent));
    store
        .write(|txn| {
            txn.put_mail(notice.number, &mail)?;
            for id in 1..=3 {
                let Some(key) = txn.incident_key(id)? else { continue };
                let Some(mut incident) = txn.incident(&key)? else { continue };
                incident.mark_told(notice.number, Severity::High, now);
                txn.put_incident(&key, &incident)?;
            }
            txn.put_notice(&notice)
        })
        .unwrap();
}

/// `SOAK=1` asks for more of everything.
fn soaks() -> bool {
    std::env::var_os("SOAK").is_some()
}

fn stamp(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}

/// At every operation the power goes. What was not synced by then is there, or not, or in part, in any order.
#[test]
fn a_power_cut_at_any_write_leaves_one_of_two_states() {
    let folder = tempfile::tempdir().unwrap();
    let Recorded { disk, states } = recorded(folder.path());
    let ops = disk.done.lock().unwrap().clone();
    let first = states[0].0;
    let mut dice = Dice(0x5eed);
    let rounds = if soaks() { 20 } else { 1 };
    let (mut synced, mut waiting): (Vec<u8>, Vec<&Op>) = Default::default();
    let (mut images, mut newer) = (0, 0);
    for (cut, op) in ops.iter().enumerate() {
        if cut >= first {
            // How many states were acknowledged before the cut: the last of them must be there, or the next one.
            let acknowledged = states.partition_point(|(at, _)| *at <= cut);
            let (before, after) =
                (&states[acknowledged - 1].1, states.get(acknowledged).map(|state| &state.1));
            let mut variants = vec![vec![Fate::Kept; waiting.len()]];
            if !waiting.is_empty() {
                variants.push(vec![Fate::Dropped; waiting.len()]);
                for _ in 0..rounds {
                    let mut any = |torn: bool| {
                        let mut fate = |_| match dice.roll() % 4 {
                            0 | 1 => Fate::Kept,
                            2 if torn => Fate::Torn(dice.roll()),
                            _ => Fate::Dropped,
                        };
                        (0..waiting.len()).map(&mut fate).collect::<Vec<_>>()
                    };
                    variants.extend([any(false), any(true)]);
                    // The newest write alone reached the disk, or half of it.
                    let mut last = vec![Fate::Dropped; waiting.len()];
                    *last.last_mut().unwrap() =
                        if dice.below(2) == 0 { Fate::Kept } else { Fate::Torn(0x0f0f) };
                    variants.push(last);
                }
            }
            variants.dedup();
            for fates in variants {
                let mut image = synced.clone();
                waiting.iter().zip(&fates).for_each(|(op, fate)| do_it(&mut image, op, *fate));
                images += 1;
                let store = reopen(image).unwrap_or_else(|error| panic!("cut {cut}, {fates:?}: {error}"));
                let found = everything(&store);
                if found != *before {
                    assert!(
                        after == Some(&found),
                        "cut {cut}, {fates:?}: neither before nor after:\n{found}"
                    );
                    newer += 1;
                }
                check_reports(&store);
                if images % 16 == 0 {
                    // It can be written to, and what is written is there.
                    store.write(|txn| txn.cover(Day::from_number(1))).unwrap();
                    assert_eq!(store.view().unwrap().covered().unwrap()[0], Day::from_number(1));
                }
            }
        }
        match op {
            Op::Sync => waiting.drain(..).for_each(|op| do_it(&mut synced, op, Fate::Kept)),
            op => waiting.push(op),
        }
    }
    println!("{} operations, {images} images, {newer} of them a step ahead", ops.len());
    assert!(ops.len() - first > 100 && images > 300 && newer > 0, "the recording is too small");
}

/// The same store file with damage: it is sound and says what it said, or it is known to be damaged. It never ends
/// the program, and never passes for an empty one.
#[test]
fn damage_is_found_when_the_store_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let Recorded { disk, states } = recorded(folder.path());
    let whole = disk.image.lock().unwrap().clone();
    let said = &states.last().unwrap().1;
    let path = folder.path().join("damaged.redb");
    let pages = whole.len() / 4096;
    let mut dice = Dice(0xdada);
    let rounds = if soaks() { 2000 } else { 40 };
    let mut sound = 0;
    for round in 0..rounds {
        let mut kinds: [Vec<u8>; 6] = std::array::from_fn(|_| whole.clone());
        let [bits, header, short, noise, swapped, erased] = &mut kinds;
        for _ in 0..=dice.below(8) {
            bits[dice.below(whole.len())] ^= 1 << dice.below(8);
        }
        header[dice.below(320)] = dice.roll() as u8;
        short.truncate(dice.below(whole.len()));
        let page = dice.below(pages) * 4096;
        noise[page..page + 4096].fill_with(|| dice.roll() as u8);
        let other = dice.below(pages) * 4096;
        swapped.copy_within(other..other + 4096, page);
        erased[page..].fill(if round % 2 == 0 { 0 } else { 0xff });
        for (kind, bytes) in kinds.iter().enumerate() {
            save_atomic(&path, bytes, 0o600).unwrap();
            match Store::find(&path).unwrap_or_else(|error| panic!("{round}.{kind}: {error}")) {
                Found::Nothing => panic!("{round}.{kind}: it is there"),
                Found::Damaged { why, .. } => assert!(!why.is_empty()),
                Found::Sound(store) => {
                    sound += 1;
                    assert!(everything(&store) == *said, "{round}.{kind}: sound, but not what it was");
                }
            }
        }
    }
    println!("{} damaged files, {sound} of them sound where it counts", rounds * 6);
    assert!((1..rounds * 5).contains(&sound));
    for bytes in [&b""[..], b"redb", &[0; 100_000], b"SQLite format 3\0"] {
        save_atomic(&path, bytes, 0o600).unwrap();
        assert!(matches!(Store::find(&path).unwrap(), Found::Damaged { .. }), "{bytes:?}");
        assert!(matches!(Store::open(&path), Err(Error::Broken { .. })));
    }
}

#[test]
fn what_anybody_may_do_again_and_again_is_one_entry_that_counts() {
    let store = Store::in_memory().unwrap();
    let entry = |who: &str, from: u8, seconds: i64| AuditEntry {
        at: NOW.plus_seconds(seconds),
        who: who.to_owned(),
        from: Some([192, 0, 2, from].into()),
        what: Deed::plain(What::LoggedIn),
    };
    let count = |who: &str, from, seconds| {
        store.write(|txn| txn.count_audit(&entry(who, from, seconds))).unwrap();
    };
    let noted = || {
        let entries = store.view().unwrap().audit_back(None, 100).unwrap().into_iter();
        entries.map(|(_, entry)| (entry.who, entry.from, entry.what.times)).collect::<Vec<_>>()
    };
    for n in 0..300 {
        count("vic", 7, n * 10);
    }
    count("ann", 7, 3_000);
    count("vic", 8, 3_001);
    count("vic", 7, 3_600);
    let shown = |who: &str, from: u8, times: u64| (who.to_owned(), Some([192, 0, 2, from].into()), times);
    let expected = [shown("vic", 7, 1), shown("vic", 8, 1), shown("ann", 7, 1), shown("vic", 7, 300)];
    assert_eq!(noted(), expected, "after an hour, it is said anew");
    // Nor with all the addresses there are.
    for from in 0..200 {
        count("eve", from, 4_000);
    }
    let of_eve: Vec<_> = noted().into_iter().filter(|(who, ..)| who == "eve").collect();
    assert_eq!(of_eve.len(), COUNTED_ADDRESSES);
    assert_eq!(of_eve[0].2, 201 - COUNTED_ADDRESSES as u64);
    // What only operators do is noted each time.
    store.write(|txn| (0..3).try_for_each(|_| txn.add_audit(&entry("ann", 1, 4_000)))).unwrap();
    assert_eq!(noted()[..4].iter().filter(|(who, ..)| who == "ann").count(), 3);
}

#[test]
fn a_newer_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.redb");
    drop(Store::open(&path).unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    // Where redb writes its own version; if it moved, this test tells.
    assert_eq!((&bytes[..9], bytes[64], bytes[192]), (&b"redb\x1a\x0a\xa9\x0d\x0a"[..], 3, 3));
    (bytes[64], bytes[192]) = (4, 4);
    save_atomic(&path, &bytes, 0o600).unwrap();
    assert!(matches!(Store::find(&path), Err(Error::Newer { .. })));
    bytes[192] = 3;
    save_atomic(&path, &bytes, 0o600).unwrap();
    assert!(matches!(Store::find(&path).unwrap(), Found::Damaged { .. }), "one of two copies is damage");

    let path = folder.path().join("newer.redb");
    let store = Store::open(&path).unwrap();
    store.write(|txn| txn.set_meta(&Format { version: migrate::FORMAT + 1, store_id: 1 })).unwrap();
    drop(store);
    assert!(matches!(Store::find(&path), Err(Error::Newer { .. })));
}

/// Two processes that both find nothing: one of them makes the store.
#[test]
fn only_one_makes_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (store, fresh) = Fresh::begin(&path, None).unwrap();
    assert!(matches!(Fresh::begin(&path, None), Err(Error::InUse)));
    fresh.put_in_place(&store, None).unwrap();
    assert!(matches!(Store::find(&path), Err(Error::InUse)));
    // Who still believes that there is none.
    assert!(matches!(Fresh::begin(&path, None), Err(Error::InUse)));
    drop(store);
    assert!(matches!(Store::find(&path).unwrap(), Found::Sound(_)));
    // Half a store that never got its place.
    save_atomic(&folder.path().join("other.redb.new"), b"half", 0o600).unwrap();
    let store = Store::open(&folder.path().join("other.redb")).unwrap();
    store.write(|txn| txn.cover(Day::from_number(1))).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A store made just now lives with a failed disk like one that was there; the check itself changes nothing.
#[test]
fn a_new_store_is_opened_again_after_its_disk_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = Store::open(&path).unwrap();
    store.write(|txn| txn.cover(Day::from_number(1))).unwrap();
    store.current().unwrap().health.fail();
    assert_eq!(store.view().unwrap().covered().unwrap(), [Day::from_number(1)]);
    assert!(!store.current().unwrap().writable);
    store.write(|txn| txn.cover(Day::from_number(2))).unwrap();
    assert!(matches!(Store::find(&path), Err(Error::InUse)), "the lock lasts");
    drop(store);
    assert_eq!(Store::open(&path).unwrap().view().unwrap().covered().unwrap().len(), 2);

    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..512].iter_mut().for_each(|byte| *byte ^= 0x5a);
    save_atomic(&path, &bytes, 0o600).unwrap();
    assert!(matches!(Store::find(&path).unwrap(), Found::Damaged { .. }));
    assert!(std::fs::read(&path).unwrap() == bytes);
}

/// A disk that cannot be read says nothing about the store.
#[test]
fn what_the_disk_fails_at_is_no_damage() {
    for errno in [5, 28, 30] {
        let error = StorageError::Io(io::Error::from_raw_os_error(errno));
        assert!(matches!(opening::damage(error.into()), Err(Error::File(_))), "{errno}");
    }
}

/// Known and new problems in any mixture, some of them in several sightings.
#[test]
fn sightings_change_the_store_together_as_one_by_one() {
    for seed in 1..=60 {
        let mut dice = Dice(seed);
        let stores = [(); 2].map(|()| Store::in_memory().unwrap());
        for pass in 1..=3 {
            let day = Day::from_number(20_000 + pass);
            let mut sightings: Vec<_> = (0..dice.below(60)).map(|_| sighting(&mut dice, day)).collect();
            sightings.sort_by_key(|(key, _)| *key);
            let apply = |store: &Store, some: &[(incident::Key, Sighting)]| {
                let mut seen = Vec::new();
                let all = some.iter().cloned().map(Ok);
                let each = |key: &incident::Key, incident: &Incident| seen.push((*key, incident.clone()));
                store.write(|txn| txn.apply(all, day, pass as u64, each)).unwrap();
                seen
            };
            let together = apply(&stores[0], &sightings);
            let mut last = BTreeMap::new();
            for one in sightings.chunks(1) {
                last.extend(apply(&stores[1], one));
            }
            assert_eq!(together, Vec::from_iter(last), "seed {seed}, pass {pass}");
        }
        // Each store has its own number.
        let [together, one_by_one] = stores.map(|store| everything(&store));
        let own = |line: &str| line.starts_with("meta") && line.contains("\"format\"");
        let lines = together.lines().zip(one_by_one.lines()).filter(|(a, b)| a != b && !own(a));
        assert_eq!(lines.collect::<Vec<_>>(), [], "seed {seed}");
        assert_eq!(together.lines().count(), one_by_one.lines().count(), "seed {seed}");
    }
}

fn sighting(dice: &mut Dice, day: Day) -> (incident::Key, Sighting) {
    let place = Place::Address([192, 0, 2, dice.below(40) as u8].into());
    let customer = dice.below(3);
    let key = incident::Key::new(dice.below(2) as u16, CustomerNo(customer as u32), place, 0);
    let last = day.start().plus_seconds(dice.below(1000) as i64);
    let sighting = Sighting {
        ownership: Ownership::Customer,
        audience: [Audience::Operator, Audience::Customer, Audience::Operator][customer],
        nature: Nature::Exposed,
        severity: [Severity::Low, Severity::High][dice.below(2)],
        first: last,
        last,
        rows: 1 + dice.below(5) as u64,
        more_addresses: Vec::new(),
        evidence: Evidence { line: dice.below(1000) as u64, ..Evidence::default() },
    };
    (key, sighting)
}
