//! Models of what chooses a slot before any of our code runs, GRUB with our `grub.cfg` and the Pi's firmware, and a box
//! around them: it is updated, broken, cut off from power in each of its writes, and must come up again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use proptest::prelude::*;

use super::ledger::{Ledger, Place, Room};
use super::selector::{Board, Restart, Selector};
use super::slot::{Boot, Slot, Standing, Verdict};
use super::switch::{self, Access, FirstPartition, Next};

// The firmware of the Pi.

/// What a partition holds of what the firmware needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Firmware {
    None,
    /// Files of another model, or broken ones.
    Unusable,
    Usable,
}

/// Of the boot loader in the EEPROM.
#[derive(Clone, Copy, Debug)]
struct Eeprom {
    /// Since the end of 2022 the sections of `autoboot.txt` count.
    knows_sections: bool,
    /// Where its own watchdog restarts to.
    rescue: Option<u8>,
}

const EEPROM: Eeprom = Eeprom { knows_sections: true, rescue: None };

/// The partition (from 1) whose kernel the firmware starts, or none: a black screen.
fn firmware(autoboot: Option<&[u8]>, partitions: [Firmware; 3], tryboot: bool, eeprom: Eeprom) -> Option<u8> {
    let text = autoboot.filter(|bytes| bytes.len() <= 512).map(String::from_utf8_lossy).unwrap_or_default();
    let (mut applies, mut wanted) = (true, 0);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') && eeprom.knows_sections {
            applies = line == "[all]" || (line == "[tryboot]" && tryboot);
        } else if let Some(number) = line.strip_prefix("boot_partition=").filter(|_| applies) {
            wanted = number.parse().unwrap_or(0);
        }
    }
    let at = |number: u8| partitions.get(usize::from(number).checked_sub(1)?).copied();
    let first = || (1..=3).find(|number| at(*number) != Some(Firmware::None)).unwrap_or(0);
    let chosen = if wanted == 0 { first() } else { wanted };
    [Some(chosen), eeprom.rescue].into_iter().flatten().find(|number| at(*number) == Some(Firmware::Usable))
}

/// What was seen on real boards (Pi 4): for each case what lies on the first partition, and what came up.
#[test]
fn the_firmware_chooses_as_it_was_seen_to() {
    use Firmware::{None as Nothing, Unusable, Usable};
    let folder = tempfile::tempdir().unwrap();
    let changes = Selector::read(Board::Pi, folder.path()).commit(Slot::A);
    let ours = changes[0].bytes.as_slice();
    let swapped = Selector::read(Board::Pi, folder.path()).commit(Slot::B);
    let both = [Nothing, Usable, Usable];
    let old = Eeprom { knows_sections: false, rescue: None };
    let rescue = |number| Eeprom { rescue: Some(number), ..EEPROM };
    for (case, autoboot, partitions, tryboot, eeprom, expected) in [
        ("T0: EEPROM of 2021", Some(ours), both, false, old, Some(3)),
        ("T0: and no trial", Some(ours), both, true, old, Some(3)),
        ("T1: the committed slot", Some(ours), both, false, EEPROM, Some(2)),
        ("T2: a trial", Some(ours), both, true, EEPROM, Some(3)),
        ("T3: after the commit", Some(&*swapped[0].bytes), both, false, EEPROM, Some(3)),
        ("T4, T5: power off ends a trial", Some(ours), both, false, EEPROM, Some(2)),
        ("T6b: some start.elf on p1", Some(b"".as_slice()), [Unusable, Usable, Usable], false, EEPROM, None),
        ("T6c: missing", None, both, false, EEPROM, Some(2)),
        ("T7: empty", Some(b""), both, false, EEPROM, Some(2)),
        ("T7: garbage", Some(b"\0\xFFboot_partition"), both, false, EEPROM, Some(2)),
        ("T8: a trial that hung", Some(ours), both, false, EEPROM, Some(2)),
        ("T9: a committed one that hangs", Some(ours), both, false, rescue(3), Some(2)),
        ("T10: start4.elf broken", Some(ours), [Nothing, Unusable, Usable], false, rescue(3), Some(3)),
        ("T10: and no watchdog", Some(ours), [Nothing, Unusable, Usable], false, EEPROM, None),
    ] {
        assert_eq!(firmware(autoboot, partitions, tryboot, eeprom), expected, "{case}");
    }
}

// GRUB.

/// As GRUB reads a block: what it does not understand it passes over.
fn grub_values(block: Option<&[u8]>) -> BTreeMap<String, String> {
    let Some(text) = block.and_then(|bytes| bytes.strip_prefix(b"# GRUB Environment Block\n")) else {
        return BTreeMap::new();
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn slot_of(values: &BTreeMap<String, String>, key: &str) -> Option<Slot> {
    values.get(key)?.parse().ok()
}

/// The committed slot and the trial by the two blocks.
fn grub_look(env1: Option<&[u8]>, env2: Option<&[u8]>) -> (Slot, Option<Slot>) {
    let blocks = [env1, env2].map(grub_values);
    let known = blocks.iter().find(|values| slot_of(values, "committed").is_some());
    known.map_or((Slot::A, None), |values| {
        (slot_of(values, "committed").unwrap_or(Slot::A), slot_of(values, "trial"))
    })
}

/// The block after `save_env trial` with an empty value; none where GRUB refuses.
fn grub_end_trial(block: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(block).ok().filter(|text| text.starts_with("# GRUB Environment Block\n"))?;
    let start = text.find("\ntrial=")? + "\ntrial=".len();
    let end = start + text[start..].find('\n')?;
    let mut new = [&text[..start], &text[end..]].concat().into_bytes();
    new.resize(block.len(), b'#');
    Some(new)
}

// The box.

/// What is wrong with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// The kernel's file is damaged.
    Kernel,
    /// The kernel stops before it starts our first program.
    Early,
    /// A block of the root fails its check.
    Root,
    /// The main process works never, the supervisor does.
    Main,
    /// All of it hangs, and the watchdog resets the box.
    Hang,
}

#[derive(Clone, Copy, Debug)]
struct Content {
    fault: Fault,
    /// It was healthy once on this box, or is what was shipped.
    worked: bool,
    /// It was about to be replaced: it may be relied on, or not.
    doubted: bool,
    /// How often it was started on trial.
    trials: u32,
}

const SHIPPED: Content = Content { fault: Fault::Nothing, worked: true, doubted: false, trials: 0 };

/// The power was cut.
#[derive(Debug)]
struct Cut;

/// How the write looks in which the power was cut.
#[derive(Clone, Copy, Debug)]
enum Tear {
    Old,
    New,
    Zeros,
    Noise,
    Half,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Up,
    /// It stays up without working, and says so.
    Idle,
    /// It is reset, or has restarted itself.
    Down,
}

#[derive(Debug)]
struct Machine {
    board: Board,
    folder: tempfile::TempDir,
    slots: [Content; 2],
    tryboot: bool,
    eeprom: Eeprom,
    /// Whether GRUB can write to the disk.
    grub_writes: bool,
    /// Whether our first program can restart the box.
    restarts: bool,
    /// So many writes go well, and the next one not.
    cut: Option<(usize, Tear)>,
    /// Cuts since the box worked for a day.
    cuts: u32,
    /// What started last; none where no kernel does.
    running: Option<Slot>,
    /// How it stands with the last healthy boot.
    boot: Boot,
    mounts: Rc<RefCell<Vec<Access>>>,
}

/// The first partition of a model: a folder.
pub(super) struct Mounted(pub(super) PathBuf, pub(super) Rc<RefCell<Vec<Access>>>);

impl FirstPartition for Mounted {
    fn with<T, E: From<std::io::Error>>(
        &self,
        access: Access,
        work: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        self.1.borrow_mut().push(access);
        work(&self.0)
    }
}

impl Machine {
    fn new(board: Board) -> Self {
        // A disk in memory, if there is one: all is written through.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (p1, p7) = (folder.path().join("p1"), folder.path().join("p7"));
        let device = File::create(&p1).unwrap();
        device.set_len(1 << 20).unwrap();
        for (at, bytes) in [(11, [0, 2]), (14, [32, 0]), (510, [0x55, 0xAA])] {
            device.write_all_at(&bytes, at).unwrap();
        }
        File::create(&p7).unwrap().set_len(2 << 20).unwrap();
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        super::selector::write(board, &files, &Selector::read(board, &files).commit(Slot::A)).unwrap();
        Self {
            board,
            folder,
            slots: [SHIPPED; 2],
            tryboot: false,
            eeprom: EEPROM,
            grub_writes: true,
            restarts: true,
            cut: None,
            cuts: 0,
            running: None,
            boot: Boot { running: Slot::A, committed: Slot::A },
            mounts: Rc::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ledger(&self) -> Ledger {
        let place = |name: &str, room| Place { device: self.path(name), room };
        let mut places = vec![place("p7", Room::Data), place("p1", Room::Selector)];
        // A partition that is not there is not named.
        places.retain(|place| place.device.exists());
        Ledger::open(places)
    }

    fn first(&self) -> Mounted {
        Mounted(self.path("files"), Rc::clone(&self.mounts))
    }

    fn names(&self) -> &'static [&'static str] {
        match self.board {
            Board::X86 => &["files/grub/env2", "files/grub/env1"],
            Board::Pi => &["files/autoboot.txt"],
        }
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    /// Everything that can be written, in the order in which it is: name, place, content.
    fn disk(&self) -> Vec<(&'static str, u64, Option<Vec<u8>>)> {
        let window = |name: &'static str, at| {
            let mut bytes = vec![0; 8192];
            let read = File::open(self.path(name)).and_then(|file| file.read_exact_at(&mut bytes, at));
            (name, at, read.ok().map(|()| bytes))
        };
        let mut disk = vec![window("p7", 1 << 20), window("p1", 8192)];
        disk.extend(self.names().iter().map(|name| (*name, 0, self.file(name))));
        disk
    }

    fn put(&self, name: &str, at: u64, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else {
            let _ = fs::remove_file(self.path(name));
            return;
        };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.path(name)).unwrap();
        if at == 0 {
            file.set_len(0).unwrap();
        }
        file.write_all_at(bytes, at).unwrap();
    }

    /// Does something that writes; a cut that falls into it takes back what had not been written yet.
    fn writing<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, Cut> {
        let before = self.disk();
        let result = work(self);
        let after = self.disk();
        let written: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old.2 != new.2).collect();
        let Some((left, tear)) = self.cut else { return Ok(result) };
        if left >= written.len() {
            self.cut = Some((left - written.len(), tear));
            return Ok(result);
        }
        for (index, (old, new)) in written.into_iter().enumerate().skip(left) {
            let (name, at) = (old.0, old.1);
            if index > left {
                self.put(name, at, old.2.as_deref());
                continue;
            }
            let bytes = new.2.clone().unwrap_or_default();
            // In a window only the block that differs is torn.
            let from = old.2.iter().flat_map(|old| old.iter().zip(&bytes)).position(|(a, b)| a != b);
            let (from, to) = match at {
                0 => (0, bytes.len()),
                _ => (from.unwrap_or(0) & !1023, (from.unwrap_or(0) & !1023) + 1024),
            };
            let mut torn = bytes.clone();
            match tear {
                Tear::New => {}
                Tear::Old => torn = old.2.clone().unwrap_or_default(),
                Tear::Zeros => torn[from..to].fill(0),
                Tear::Noise => {
                    torn[from..to].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(91) ^ 0xC3)
                }
                Tear::Half => torn[from + (to - from).min(80) / 2..to].fill(0),
            }
            self.put(name, at, Some(&torn));
        }
        self.cut = None;
        self.cuts += 1;
        self.tryboot = false;
        Err(Cut)
    }

    fn content(&mut self, slot: Slot) -> &mut Content {
        &mut self.slots[slot as usize]
    }

    /// What a plain reset would start.
    fn plain(&self) -> Slot {
        match self.board {
            Board::X86 => self.by_grub().0,
            Board::Pi => self.by_firmware(false),
        }
    }

    fn by_firmware(&self, tryboot: bool) -> Slot {
        let partitions = [Firmware::None, Firmware::Usable, Firmware::Usable];
        match firmware(self.file("files/autoboot.txt").as_deref(), partitions, tryboot, self.eeprom) {
            Some(3) => Slot::B,
            _ => Slot::A,
        }
    }

    fn by_grub(&self) -> (Slot, Option<Slot>) {
        let [env2, env1] = ["files/grub/env2", "files/grub/env1"].map(|name| self.file(name));
        grub_look(env1.as_deref(), env2.as_deref())
    }

    /// From the reset to a kernel that starts: how it was chosen, and whether it is a trial. None: no kernel starts.
    fn choose(&mut self) -> Result<Option<(Boot, bool)>, Cut> {
        if self.board == Board::Pi {
            let tryboot = std::mem::take(&mut self.tryboot);
            let running = self.by_firmware(tryboot);
            let flag = [0, 0, 0, u8::from(tryboot)];
            let boot = Boot::read(&format!("abusebox.slot={running}"), Some(&flag)).unwrap();
            let starts = self.content(running).fault != Fault::Kernel;
            return Ok(starts.then_some((boot, tryboot)));
        }
        let (committed, trial) = self.by_grub();
        let mut wanted = committed;
        if let Some(trial) = trial {
            let mut saved = true;
            for name in self.names() {
                let ended = self.file(name).and_then(|bytes| grub_end_trial(&bytes));
                saved = saved && ended.is_some() && self.grub_writes;
                if let Some(bytes) = ended.filter(|_| saved) {
                    self.writing(|machine| machine.put(name, 0, Some(&bytes)))?;
                }
            }
            wanted = if saved { trial } else { committed };
        }
        let sound =
            [wanted, wanted.other()].into_iter().find(|slot| self.content(*slot).fault != Fault::Kernel);
        Ok(sound.map(|running| {
            let line = format!("quiet abusebox.slot={running} abusebox.committed={committed}");
            (Boot::read(&line, None).unwrap(), wanted == running && wanted != committed)
        }))
    }

    /// One start, up to where it goes on no more by itself.
    fn start(&mut self) -> Result<Came, Cut> {
        let Some((boot, by_trial)) = self.choose()? else {
            self.running = None;
            return Ok(Came::Down);
        };
        let running = boot.running;
        self.running = Some(running);
        let content = self.content(running);
        let fault = content.fault;
        if by_trial && !content.worked {
            content.trials += 1;
            assert_eq!(content.trials, 1, "a trial is one attempt");
        }
        if fault == Fault::Early {
            return Ok(Came::Down);
        }
        let board = self.board;
        let selected = self.plain();
        let next = self.writing(|m| switch::begin(board, boot, &mut m.ledger(), &m.first()))?;
        self.is_committed_by_health(selected);
        match next {
            Ok(Next::Restart(_)) if !self.restarts => {
                self.writing(|m| switch::stay(boot, &mut m.ledger()))?.unwrap();
                assert!(matches!(self.ledger().tally().standing(boot), Standing::Unreachable(_)));
            }
            Ok(Next::Restart(restart)) => {
                self.tryboot = restart == Restart::Tryboot;
                return Ok(Came::Down);
            }
            Ok(Next::LastResort) => {
                assert_eq!(self.ledger().tally().standing(boot), Standing::BothFailed);
            }
            Ok(Next::Root) => {}
            Err(error) => panic!("{error}"),
        }
        let tally = self.ledger().tally();
        match fault {
            Fault::Root | Fault::Hang => Ok(Came::Down),
            Fault::Nothing => {
                assert_eq!(tally.verdict(boot, false, 300, Some(200)), Verdict::Healthy);
                let selected = self.plain();
                let confirmed = self.writing(|m| switch::confirm(board, boot, &mut m.ledger(), &m.first()));
                // Where the power was cut before that was written down, nobody knows of it.
                if self.ledger().tally().worked[running as usize] {
                    let content = self.content(running);
                    (content.worked, content.doubted) = (true, false);
                }
                self.boot = confirmed?.unwrap();
                self.is_committed_by_health(selected);
                Ok(Came::Up)
            }
            _ => match tally.verdict(boot, false, 600, None) {
                Verdict::Restart => Ok(Came::Down),
                _ => Ok(Came::Idle),
            },
        }
    }

    /// What we wrote has not made a slot the one that a reset starts that never worked.
    fn is_committed_by_health(&mut self, before: Slot) {
        let now = self.plain();
        assert!(now == before || self.content(now).worked, "committed without being healthy");
    }

    /// Starts until it stays up, or will not any more.
    fn settle(&mut self) -> Came {
        let (mut came, mut ran) = (Came::Down, Vec::new());
        for _ in 0..STARTS {
            came = match self.start() {
                Ok(came) => came,
                Err(Cut) => Came::Down,
            };
            if came != Came::Down {
                return came;
            }
            ran.push(self.running);
        }
        let last = &ran[STARTS - 5..];
        assert!(last.iter().all(|slot| *slot == last[0]), "an endless change: {ran:?}");
        came
    }

    /// Whether some slot must come up: it worked, nothing is wrong with it, and what a reset starts comes as far as to
    /// our first program, or is it.
    fn must_come_up(&mut self) -> bool {
        let committed = self.plain();
        let reaches = match self.content(committed).fault {
            Fault::Early => false,
            Fault::Kernel => self.board == Board::X86,
            _ => true,
        };
        let good = |content: &Content| content.worked && !content.doubted && content.fault == Fault::Nothing;
        reaches && self.cuts < 3 && self.slots.iter().any(good)
    }

    /// The running and healthy main process writes a new version to the other slot and restarts into it, unless that is
    /// refused.
    fn update(&mut self, fault: Fault) -> Result<bool, Cut> {
        let board = self.board;
        let boot = self.boot;
        let other = boot.running.other();
        let before = *self.content(other);
        self.content(other).doubted = true;
        let replaced = self.writing(|m| switch::replace(boot, &mut m.ledger()))?;
        let Ok(slot) = replaced else {
            *self.content(other) = before;
            return Ok(false);
        };
        assert_eq!(slot, other);
        // Until it is whole, its kernel is not to be started.
        *self.content(other) = Content { fault: Fault::Kernel, worked: false, doubted: false, trials: 0 };
        if self.cut.is_some_and(|(left, _)| left == 0) {
            self.cut = None;
            self.cuts += 1;
            return Err(Cut);
        }
        self.content(other).fault = fault;
        let selected = self.plain();
        let restart = self.writing(|m| switch::try_new(board, boot, &mut m.ledger(), &m.first()))?.unwrap();
        self.is_committed_by_health(selected);
        self.tryboot = restart == Restart::Tryboot;
        Ok(true)
    }

    fn damage(&self, name: &str, tear: Tear) {
        let bytes = match tear {
            Tear::Old => None,
            Tear::New => Some(Vec::new()),
            Tear::Zeros => Some(vec![0; 1024]),
            Tear::Noise => Some((0..1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
            Tear::Half => self.file(name).map(|bytes| bytes[..bytes.len() / 2].to_vec()),
        };
        self.put(name, 0, bytes.as_deref());
    }

    fn outside_data(&self) -> Vec<(&'static str, u64, Option<Vec<u8>>)> {
        self.disk().split_off(1)
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A restart of a box that works.
    Reset,
    Update(Fault),
    Break(Slot, Fault),
    /// A later write does not come to its end.
    CutAt(usize, Tear),
    /// The files of the selector, by bits.
    Damage(u8, Tear),
    LoseData,
    FindData,
    /// It works for a day.
    Day,
}

fn run(board: Board, events: &[Event]) {
    let mut machine = Machine::new(board);
    assert_eq!(machine.settle(), Came::Up);
    let mut normal = false;
    for event in events {
        let up = machine.settle() == Came::Up;
        match *event {
            Event::Reset => {
                let (before, ran) = (machine.outside_data(), machine.running);
                machine.mounts.borrow_mut().clear();
                let came = machine.start();
                if normal && up && machine.cut.is_none() && matches!(came, Ok(Came::Up)) {
                    assert_eq!(machine.running, ran);
                    assert!(machine.outside_data() == before, "a normal boot wrote outside the data");
                    assert!(!machine.mounts.borrow().contains(&Access::Write));
                }
                normal = matches!(came, Ok(Came::Up)) && machine.path("p7").exists();
                continue;
            }
            Event::Update(fault) if up => {
                let _ = machine.update(fault);
            }
            Event::Update(_) => {}
            Event::Break(slot, fault) => machine.content(slot).fault = fault,
            Event::CutAt(writes, tear) => machine.cut = Some((writes, tear)),
            Event::Damage(which, tear) => {
                for (bit, name) in machine.names().iter().enumerate().filter(|(bit, _)| which >> bit & 1 == 1)
                {
                    let _ = bit;
                    machine.damage(name, tear);
                }
            }
            Event::LoseData => {
                let _ = fs::rename(machine.path("p7"), machine.path("away"));
            }
            Event::FindData => {
                let _ = fs::rename(machine.path("away"), machine.path("p7"));
            }
            Event::Day if up => {
                let mut ledger = machine.ledger();
                let mut tally = ledger.tally();
                tally.settled();
                ledger.save(tally).unwrap();
                machine.cuts = 0;
            }
            Event::Day => {}
        }
        normal = false;
        let must = machine.must_come_up();
        let came = machine.settle();
        assert!(!must || !machine.must_come_up() || came == Came::Up, "it came to {came:?} after {event:?}");
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    use Fault::{Early, Hang, Kernel, Main, Nothing, Root};
    prop_oneof![3 => Just(Nothing), 3 => proptest::sample::select(vec![Kernel, Early, Root, Main, Hang])]
}

fn tear() -> impl Strategy<Value = Tear> {
    proptest::sample::select(vec![Tear::Old, Tear::New, Tear::Zeros, Tear::Noise, Tear::Half])
}

fn event() -> impl Strategy<Value = Event> {
    let slot = proptest::sample::select(vec![Slot::A, Slot::B]);
    let broken = fault().prop_filter("a fault", |fault| *fault != Fault::Nothing);
    prop_oneof![
        4 => Just(Event::Reset),
        4 => fault().prop_map(Event::Update),
        2 => (slot, broken).prop_map(|(slot, fault)| Event::Break(slot, fault)),
        4 => (0_usize..7, tear()).prop_map(|(writes, tear)| Event::CutAt(writes, tear)),
        1 => (1_u8..4, tear()).prop_map(|(which, tear)| Event::Damage(which, tear)),
        1 => Just(Event::LoseData),
        1 => Just(Event::FindData),
        2 => Just(Event::Day),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_worked_comes_up(pi: bool, events in proptest::collection::vec(event(), 1..25)) {
        run(if pi { Board::Pi } else { Board::X86 }, &events);
    }
}

#[test]
fn health_that_was_not_written_down_is_no_promise() {
    let news = Event::Update(Fault::Nothing);
    let cut = Event::CutAt(6, Tear::Zeros);
    run(Board::Pi, &[Event::LoseData, news, cut, news, Event::Break(Slot::B, Fault::Root)]);
}

#[test]
fn a_data_partition_that_comes_back_does_not_undo_what_was_done_without_it() {
    let news = Event::Update(Fault::Nothing);
    let cut = Event::CutAt(0, Tear::Old);
    let broken = Event::Break(Slot::B, Fault::Kernel);
    let mut events =
        vec![Event::Reset, cut, Event::Reset, Event::FindData, Event::Reset, Event::Reset, broken];
    events.extend([Event::LoseData, news, Event::Update(Fault::Kernel), Event::FindData]);
    for board in [Board::X86, Board::Pi] {
        run(board, &events);
    }
}

#[test]
fn each_fault_of_the_committed_slot_gives_way_to_the_other() {
    for board in [Board::X86, Board::Pi] {
        for fault in [Fault::Root, Fault::Main, Fault::Hang] {
            let mut machine = Machine::new(board);
            assert_eq!(machine.settle(), Came::Up);
            machine.content(Slot::A).fault = fault;
            let ran: Vec<_> = (0..5).map(|_| (machine.start().unwrap(), machine.running.unwrap())).collect();
            let failed = (Came::Down, Slot::A);
            assert_eq!(ran, [failed, failed, failed, failed, (Came::Up, Slot::B)], "{board:?} {fault:?}");
            assert_eq!(machine.plain(), Slot::B);
            machine.content(Slot::B).fault = fault;
            let came = machine.settle();
            assert_eq!((came == Came::Idle, machine.running), (fault == Fault::Main, Some(Slot::B)));
        }
    }
}

#[test]
fn a_restart_that_is_not_possible_is_no_fault_of_the_other_slot() {
    let mut machine = Machine::new(Board::Pi);
    assert_eq!(machine.settle(), Came::Up);
    machine.content(Slot::A).fault = Fault::Main;
    machine.restarts = false;
    assert_eq!((machine.settle(), machine.running), (Came::Idle, Some(Slot::A)));
    for _ in 0..5 {
        assert_eq!(machine.start().unwrap(), Came::Idle, "it stays up for whoever looks for the reason");
    }
    machine.restarts = true;
    assert_eq!((machine.settle(), machine.running), (Came::Up, Some(Slot::B)));
    assert_eq!(machine.plain(), Slot::B);
}

#[test]
fn a_cut_in_any_write_of_an_update_leaves_the_old_or_the_new() {
    for board in [Board::X86, Board::Pi] {
        for fault in [Fault::Nothing, Fault::Root] {
            for writes in 0..16 {
                for tear in [Tear::Old, Tear::New, Tear::Zeros, Tear::Noise, Tear::Half] {
                    let mut machine = Machine::new(board);
                    assert_eq!(machine.settle(), Came::Up);
                    machine.cut = Some((writes, tear));
                    let _ = machine.update(fault);
                    assert_eq!(machine.settle(), Came::Up, "{board:?} {fault:?} {writes} {tear:?}");
                    machine.cut = None;
                    let before = machine.running;
                    // What was committed in part is whole by now.
                    for _ in 0..3 {
                        assert_eq!(machine.start().unwrap(), Came::Up);
                    }
                    let ran = machine.running;
                    assert!(fault == Fault::Nothing || (before, ran) == (Some(Slot::A), Some(Slot::A)));
                    assert_eq!(Some(machine.plain()), ran);
                }
            }
        }
    }
}

#[test]
fn twenty_boots_write_nothing_outside_the_data() {
    for board in [Board::X86, Board::Pi] {
        let mut machine = Machine::new(board);
        assert_eq!(machine.settle(), Came::Up);
        machine.mounts.borrow_mut().clear();
        let before = machine.disk();
        for _ in 0..20 {
            assert_eq!(machine.start().unwrap(), Came::Up);
        }
        assert!(machine.outside_data() == before[1..]);
        assert!(machine.disk()[0] != before[0], "they are counted");
        assert!(machine.mounts.borrow().iter().all(|access| *access == Access::Read));
    }
}

#[test]
fn where_the_boot_loader_cannot_write_there_is_no_trial_and_no_end_of_the_box() {
    let mut machine = Machine::new(Board::X86);
    machine.grub_writes = false;
    assert_eq!(machine.settle(), Came::Up);
    assert!(machine.update(Fault::Nothing).unwrap());
    for _ in 0..5 {
        assert_eq!((machine.start().unwrap(), machine.running), (Came::Up, Some(Slot::A)));
    }
    assert_eq!(machine.by_grub(), (Slot::A, None), "a trial that waits would come as a surprise");
}

#[test]
fn firmware_that_ignores_what_is_asked_keeps_its_slot() {
    let mut machine = Machine::new(Board::Pi);
    machine.eeprom = Eeprom { knows_sections: false, rescue: None };
    assert_eq!(machine.settle(), Came::Up);
    let autoboot = machine.file("files/autoboot.txt");
    assert!(!machine.update(Fault::Root).unwrap(), "it would be started without having worked");
    for _ in 0..5 {
        assert_eq!((machine.start().unwrap(), machine.running), (Came::Up, Some(Slot::B)));
        assert_eq!(machine.file("files/autoboot.txt"), autoboot);
    }
    machine.content(Slot::B).fault = Fault::Root;
    assert_eq!((machine.settle(), machine.running), (Came::Down, Some(Slot::B)));
    assert_eq!(machine.file("files/autoboot.txt"), autoboot);
}

/// Enough for three attempts of each slot, what leads from one to the other, and to see that it is over.
const STARTS: usize = 24;
