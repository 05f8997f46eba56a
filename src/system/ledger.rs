//! Where the [`Tally`] is kept: as blocks outside all file systems, so that it needs no mount, survives whatever
//! happens to a file system, and costs one sector per write.
//!
//! The first place is the last MiB of the data partition, which its file system leaves free; the second, for a box
//! without a data partition, lies in the reserved sectors of the first partition's FAT. In a normal boot only the first
//! is written. What is more than a count of attempts goes to both; where the power was cut between the two, the next
//! count does. What is written while one of them is missing or cannot be read counts as newer than all that it holds,
//! should it come back.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::block::{self, BLOCK_BYTES};
use super::slot::{Slot, Tally};

/// The tally, and the devices that hold it.
#[derive(Debug)]
pub struct Ledger {
    places: Vec<Place>,
    record: Record,
    /// How far the next sequence number is from the last one.
    step: u64,
    /// A place does not know of more than counts, since the power was cut between two writes.
    is_behind: bool,
}

/// One device with room for two blocks.
#[derive(Clone, Debug)]
pub struct Place {
    pub device: PathBuf,
    pub room: Room,
}

/// Where on a device the room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// At the end of the data partition.
    Data,
    /// In the reserved sectors of a FAT.
    Selector,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("boots cannot be counted, no disk takes it: {0}")]
    NotSaved(#[source] io::Error),
}

impl Ledger {
    /// Reads what is remembered; nothing where no place can be read. The places in the order in which they are to be
    /// written.
    pub fn open(places: Vec<Place>) -> Self {
        let read: Vec<_> = places.iter().filter_map(|place| place.read().ok()).collect();
        let step = if read.len() < PLACES { LEAP } else { 1 };
        let record = newest(read.as_flattened());
        let is_behind = read.iter().any(|blocks| !newest(blocks).tally.same_but_attempts(&record.tally));
        Self { places, record, step, is_behind }
    }

    pub fn tally(&self) -> Tally {
        self.record.tally
    }

    /// Keeps `tally`; what is kept already is not written again. At least one place has taken it when this returns.
    pub fn save(&mut self, tally: Tally) -> Result<(), Error> {
        if tally == self.record.tally {
            return Ok(());
        }
        let counts_only = !self.is_behind && tally.same_but_attempts(&self.record.tally);
        let record = Record { sequence: self.record.sequence + self.step, tally };
        let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "there is none"));
        for place in &self.places {
            match place.write(&record) {
                Ok(()) => result = Ok(()),
                Err(error) if result.is_err() => result = Err(error),
                Err(_) => {}
            }
            if result.is_ok() && counts_only {
                break;
            }
        }
        result.map_err(Error::NotSaved)?;
        (self.record, self.is_behind) = (record, false);
        Ok(())
    }
}

impl Place {
    fn read(&self) -> io::Result<[Vec<u8>; 2]> {
        let file = File::open(&self.device)?;
        self.room.read(&file)
    }

    fn write(&self, record: &Record) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.device)?;
        let older = older(&self.room.read(&file)?);
        file.write_all_at(&record.encode(), self.room.offset(&file)? + older as u64 * BLOCK_DISTANCE)?;
        file.sync_all()
    }
}

impl Room {
    fn read(self, file: &File) -> io::Result<[Vec<u8>; 2]> {
        let offset = self.offset(file)?;
        let mut blocks = [vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]];
        for (index, block) in blocks.iter_mut().enumerate() {
            file.read_exact_at(block, offset + index as u64 * BLOCK_DISTANCE)?;
        }
        Ok(blocks)
    }

    /// An error if a file system has not left this room free.
    fn offset(self, file: &File) -> io::Result<u64> {
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0)?;
        // The length of a device is not in its metadata.
        let end = (&*file).seek(SeekFrom::End(0))?;
        let free = match self {
            Self::Data => end
                .checked_sub(DATA_ROOM_BYTES)
                .filter(|offset| *offset >= DATA_ROOM_BYTES && ext4_bytes(&head) <= *offset),
            Self::Selector => Some(FAT_ROOM_AT)
                .filter(|offset| offset + 2 * BLOCK_DISTANCE <= fat_reserved_bytes(&head).min(end)),
        };
        free.ok_or_else(|| io::Error::other("its file system leaves no room"))
    }
}

/// A tally with its place in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sequence: u64,
    pub(super) tally: Tally,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let slot = |slot: Option<Slot>| slot.map_or_else(String::new, |slot| slot.to_string());
        let Tally { attempts: [attempts_a, attempts_b], worked, .. } = self.tally;
        block::encode(&[
            (KEYS[0], self.sequence.to_string()),
            (KEYS[1], slot(self.tally.committed)),
            (KEYS[2], slot(self.tally.trial)),
            (KEYS[3], attempts_a.to_string()),
            (KEYS[4], attempts_b.to_string()),
            (KEYS[5], u8::from(worked[0]).to_string()),
            (KEYS[6], u8::from(worked[1]).to_string()),
        ])
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [sequence, committed, trial, attempts_a, attempts_b, worked_a, worked_b] =
            block::decode(bytes, KEYS)?;
        let slot = |text: &str| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        };
        let yes = |text: &str| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        let attempts = [attempts_a.parse().ok()?, attempts_b.parse().ok()?];
        let worked = [yes(worked_a)?, yes(worked_b)?];
        // One that leaves no room for the next ones is none of ours.
        let sequence = sequence.parse().ok().filter(|sequence| *sequence < u64::MAX / 2)?;
        let (committed, trial) = (slot(committed)?, slot(trial)?);
        Some(Self { sequence, tally: Tally { committed, trial, attempts, worked } })
    }
}

/// The newest record of these blocks, or that of a box as it is shipped.
pub(super) fn newest(blocks: &[Vec<u8>]) -> Record {
    let records = blocks.iter().filter_map(|block| Record::decode(block));
    records.max_by_key(|record| record.sequence).unwrap_or_default()
}

/// Which of a place's two blocks a new record replaces: never the newer one.
pub(super) fn older(blocks: &[Vec<u8>; 2]) -> usize {
    let sequence = |block: &Vec<u8>| Record::decode(block).map(|record| record.sequence);
    usize::from(sequence(&blocks[1]) < sequence(&blocks[0]))
}

/// The size of the ext4 file system that begins with `head`; 0 without one. Its superblock is at byte 1024: number of
/// blocks, size of a block, magic number and upper half of the number of blocks are at 4, 24, 56 and 336 of it.
fn ext4_bytes(head: &[u8; HEAD_BYTES]) -> u64 {
    let number = |at: usize| {
        let bytes = [head[1024 + at], head[1025 + at], head[1026 + at], head[1027 + at]];
        u64::from(u32::from_le_bytes(bytes))
    };
    if head[1080..1082] != [0x53, 0xEF] {
        return 0;
    }
    let has_64_bits = number(96) & 0x80 != 0;
    let blocks = number(4) | if has_64_bits { number(336) << 32 } else { 0 };
    blocks.saturating_mul(1024 << (number(24) & 0x0F))
}

/// What a FAT that begins with `head` has before its first table; 0 without one. Size of a sector and number of
/// reserved sectors are at byte 11 and 14, and the sector ends with 55 AA.
fn fat_reserved_bytes(head: &[u8; HEAD_BYTES]) -> u64 {
    let number = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]));
    if head[510..512] == [0x55, 0xAA] { number(11) * number(14) } else { 0 }
}

const KEYS: [&str; 7] =
    ["sequence", "committed", "trial", "attempts_a", "attempts_b", "worked_a", "worked_b"];

/// The two of a box that lacks nothing.
const PLACES: usize = 2;

/// More than what a place that is away may have counted ahead of the other one. A box that never has both of them can
/// count a thousand million boots all the same.
const LEAP: u64 = 1 << 32;

/// The second block lies in another page of flash than the first.
const BLOCK_DISTANCE: u64 = 4096;

/// What the data partition's file system leaves free at its end.
const DATA_ROOM_BYTES: u64 = 1 << 20;

/// Of the 32 reserved sectors of a FAT32 the first eight are in use.
const FAT_ROOM_AT: u64 = 8192;

/// Enough for the first sector of a FAT and the superblock of an ext4.
const HEAD_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A device of `bytes` bytes that begins with `head`.
    fn device(path: &Path, bytes: u64, head: &[(u64, &[u8])]) {
        let file = File::create(path).unwrap();
        file.set_len(bytes).unwrap();
        for (at, bytes) in head {
            file.write_all_at(bytes, *at).unwrap();
        }
    }

    /// What `mkfs.fat -F 32` begins with.
    const FAT: [(u64, &[u8]); 3] = [(11, &[0, 2]), (14, &[32, 0]), (510, &[0x55, 0xAA])];

    const DATA_BYTES: u64 = 8 << 20;

    fn places(folder: &Path) -> Vec<Place> {
        device(&folder.join("p7"), DATA_BYTES, &[]);
        device(&folder.join("p1"), 1 << 20, &FAT);
        [("p7", Room::Data), ("p1", Room::Selector)]
            .map(|(name, room)| Place { device: folder.join(name), room })
            .to_vec()
    }

    fn counted(tally: Tally, to: u8) -> Tally {
        Tally { attempts: [to, tally.attempts[1]], ..tally }
    }

    fn content(folder: &Path) -> [Vec<u8>; 2] {
        ["p7", "p1"].map(|name| std::fs::read(folder.join(name)).unwrap())
    }

    #[test]
    fn attempts_are_kept_in_the_data_partition_alone_and_all_else_in_both_places() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let mut ledger = Ledger::open(places.clone());
        assert_eq!(ledger.tally(), Tally::default());
        let blank = content(folder.path());

        let tally = counted(ledger.tally(), 1);
        ledger.save(tally).unwrap();
        let [data, selector] = content(folder.path());
        assert_eq!((data != blank[0], selector == blank[1]), (true, true));
        assert_eq!(data[..DATA_BYTES as usize - (1 << 20)], blank[0][..DATA_BYTES as usize - (1 << 20)]);
        assert_eq!(Ledger::open(places.clone()).tally(), tally);

        let tally = Tally { committed: Some(Slot::B), trial: Some(Slot::A), ..tally };
        ledger.save(tally).unwrap();
        let [_, selector] = content(folder.path());
        assert_eq!(selector[..8192], blank[1][..8192]);
        assert_eq!(selector[16384..], blank[1][16384..]);
        assert_eq!(Ledger::open(places[1..].to_vec()).tally(), tally);

        let before = content(folder.path());
        ledger.save(tally).unwrap();
        assert_eq!(content(folder.path()), before, "nothing new, nothing written");
    }

    #[test]
    fn a_torn_write_leaves_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path())[..1].to_vec();
        let mut ledger = Ledger::open(places.clone());
        for attempts in [1, 2, 3, 1, 2] {
            let before = ledger.tally();
            let old = std::fs::read(&places[0].device).unwrap();
            ledger.save(counted(before, attempts)).unwrap();
            let new = std::fs::read(&places[0].device).unwrap();
            let at = (0..old.len()).find(|at| old[*at] != new[*at]).unwrap() & !1023;
            let file = OpenOptions::new().write(true).open(&places[0].device).unwrap();
            for torn in [vec![0; 1024], vec![0xA5; 512], new[at..at + 10].to_vec(), vec![b'#'; 300]] {
                file.write_all_at(&torn, at as u64).unwrap();
                let read = Ledger::open(places.clone()).tally();
                assert!(read == before || read == ledger.tally(), "{read:?}");
                file.write_all_at(&new[at..at + 1024], at as u64).unwrap();
            }
            assert_eq!(Ledger::open(places.clone()).tally(), counted(before, attempts));
        }
    }

    #[test]
    fn a_box_without_data_counts_on_the_selector_and_the_newest_count_wins() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let mut ledger = Ledger::open(places.clone());
        ledger.save(counted(ledger.tally(), 1)).unwrap();
        let away = folder.path().join("away");
        std::fs::rename(&places[0].device, &away).unwrap();
        let mut ledger = Ledger::open(places.clone());
        for attempts in [1, 2, 3] {
            ledger.save(counted(ledger.tally(), attempts)).unwrap();
        }
        // It was never asked for there before, so it starts from nothing; then it counts on.
        std::fs::rename(away, &places[0].device).unwrap();
        assert_eq!(Ledger::open(places.clone()).tally().attempts, [3, 0]);
        assert_eq!(Ledger::open(places[..1].to_vec()).tally().attempts, [1, 0]);
    }

    #[test]
    fn what_was_written_while_the_data_was_away_is_newer() {
        for listed in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let places = places(folder.path());
            for attempts in 1..100 {
                let mut ledger = Ledger::open(places.clone());
                ledger.save(counted(ledger.tally(), attempts)).unwrap();
            }
            let away = folder.path().join("away");
            std::fs::rename(&places[0].device, &away).unwrap();
            let mut ledger = Ledger::open(places[usize::from(!listed)..].to_vec());
            let committed = Tally { committed: Some(Slot::B), ..ledger.tally() };
            ledger.save(committed).unwrap();
            std::fs::rename(away, &places[0].device).unwrap();
            let mut ledger = Ledger::open(places.clone());
            assert_eq!(ledger.tally(), committed, "listed: {listed}");
            ledger.save(counted(committed, 1)).unwrap();
            assert_eq!(Ledger::open(places[..1].to_vec()).tally(), counted(committed, 1));
        }
    }

    #[test]
    fn a_place_that_was_left_behind_by_a_cut_catches_up_with_the_next_count() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let second = |places: &[Place]| Ledger::open(places[1..].to_vec()).tally();
        let mut ledger = Ledger::open(places.clone());
        let before = std::fs::copy(&places[1].device, folder.path().join("before"));
        let committed = Tally { committed: Some(Slot::B), worked: [true, true], ..ledger.tally() };
        ledger.save(committed).unwrap();
        // As if the power had gone between the two.
        before.and_then(|_| std::fs::copy(folder.path().join("before"), &places[1].device)).unwrap();
        assert_ne!(second(&places), committed);
        Ledger::open(places.clone()).save(counted(committed, 1)).unwrap();
        assert_eq!(second(&places), counted(committed, 1));
        // And then counts go to the first alone again.
        Ledger::open(places.clone()).save(counted(committed, 2)).unwrap();
        assert_eq!(
            (second(&places), Ledger::open(places.clone()).tally()),
            (counted(committed, 1), counted(committed, 2))
        );
    }

    #[test]
    fn no_room_is_taken_that_a_file_system_uses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device");
        let place = |room| vec![Place { device: path.clone(), room }];
        let save = |room| {
            let mut ledger = Ledger::open(place(room));
            ledger.save(counted(ledger.tally(), 1))
        };
        let ext4 = |blocks: u32| {
            device(&path, DATA_BYTES, &[(1028, &blocks.to_le_bytes()), (1048, &[2]), (1080, &[0x53, 0xEF])]);
        };
        ext4(7 << 8);
        save(Room::Data).unwrap();
        for blocks in [(7 << 8) + 1, 8 << 8, u32::MAX] {
            ext4(blocks);
            let before = std::fs::read(&path).unwrap();
            save(Room::Data).unwrap_err();
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        device(&path, 2 << 20, &[]);
        save(Room::Data).unwrap();
        save(Room::Selector).unwrap_err();
        for (bytes, head) in [(1 << 20, &[][..]), (1000, &[]), (0, &[])] {
            device(&path, bytes, head);
            save(Room::Data).unwrap_err();
        }
        device(&path, 1 << 20, &[FAT[0], (14, &[8, 0]), FAT[2]]);
        save(Room::Selector).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(save(Room::Data).unwrap_err().to_string().starts_with("boots cannot be counted"));
        Ledger::open(Vec::new()).save(counted(Tally::default(), 1)).unwrap_err();
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, text in "# GRUB Environment Block\n(sequence=[0-9]{0,20}\n|trial=[ABC]?\n|committed=.?\n|attempts_[ab]=[0-9]{0,4}\n|worked_[ab]=[0-9]?\n){0,9}") {
            let _ = Record::decode(&bytes);
            let mut block = text.into_bytes();
            block.resize(BLOCK_BYTES.max(block.len()), b'#');
            if let Some(record) = Record::decode(&block) {
                proptest::prop_assert_eq!(Record::decode(&record.encode()), Some(record));
            }
        }
    }
}
