//! What lies on the first partition and says which slot starts: two blocks for GRUB on x86, `autoboot.txt` on the Pi.
//!
//! It is planned as a list of writes, in an order in which the power may go after each of them, or in it. All of it is
//! below one folder, where the partition is mounted for as long as it is written.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::{self, BLOCK_BYTES};
use super::slot::Slot;
use crate::files;

/// The boards, as far as they differ in how a slot is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    X86,
    /// The firmware chooses. For a trial it is told by a word with the restart, which it forgets at once.
    Pi,
}

/// What the files of a selector say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    board: Board,
    /// The files as they are, in the order of [`Board::files`].
    found: Vec<Option<Vec<u8>>>,
}

/// One file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Below the folder of the selector.
    pub file: &'static str,
    pub bytes: Vec<u8>,
}

/// How to restart, so that what was asked for is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    Plain,
    /// With the words `0 tryboot` for the Pi's firmware.
    Tryboot,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be written, so the slot is not changed: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

impl Board {
    /// The one that this program was built for.
    pub const HERE: Self = if cfg!(target_arch = "x86_64") { Self::X86 } else { Self::Pi };

    /// The files, in the order in which they are written. GRUB reads the last one first, and the other one if that is
    /// damaged.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::X86 => &["grub/env2", "grub/env1"],
            Self::Pi => &["autoboot.txt"],
        }
    }
}

impl Selector {
    /// Reads the selector below `folder`. What cannot be read is as good as damaged: it is written anew.
    pub fn read(board: Board, folder: &Path) -> Self {
        let read = |file: &&str| files::read_max(&folder.join(file), FILE_BYTES_MAX).ok();
        Self { board, found: board.files().iter().map(read).collect() }
    }

    #[cfg(test)]
    pub(super) fn of(board: Board, read: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        Self { board, found: board.files().iter().map(|file| read(file)).collect() }
    }

    /// The committed slot, if what says so is whole; of two blocks that disagree the newer one.
    pub fn committed(&self) -> Option<Slot> {
        match self.board {
            Board::X86 => self.blocks().into_iter().flatten().max_by_key(|b| b.sequence).map(|b| b.committed),
            Board::Pi => self.found[0].as_deref().and_then(autoboot_slot),
        }
    }

    /// What is to be written so that `committed` is committed and no trial waits; nothing if that is so.
    pub fn commit(&self, committed: Slot) -> Vec<Change> {
        self.set(committed, None)
    }

    /// What is to be written, and how to restart, so that `slot` is started next and, unless it is `committed`, only
    /// once.
    pub fn lead_to(&self, slot: Slot, committed: Slot) -> (Vec<Change>, Restart) {
        let trial = Some(slot).filter(|slot| *slot != committed);
        let restart = match self.board {
            Board::Pi if trial.is_some() => Restart::Tryboot,
            _ => Restart::Plain,
        };
        (self.set(committed, trial), restart)
    }

    fn set(&self, committed: Slot, trial: Option<Slot>) -> Vec<Change> {
        let bytes = match self.board {
            Board::X86 => {
                let blocks = self.blocks();
                let says =
                    |b: &Option<Block>| b.is_some_and(|b| (b.committed, b.trial) == (committed, trial));
                if blocks.iter().all(says) {
                    return Vec::new();
                }
                let newest = blocks.into_iter().flatten().map(|block| block.sequence).max().unwrap_or(0);
                Block { sequence: newest + 1, committed, trial }.encode()
            }
            Board::Pi if self.committed() == Some(committed) => return Vec::new(),
            Board::Pi => autoboot(committed).into_bytes(),
        };
        let change = |file: &&'static str| Change { file, bytes: bytes.clone() };
        self.board.files().iter().map(change).collect()
    }

    fn blocks(&self) -> Vec<Option<Block>> {
        self.found.iter().map(|bytes| Block::decode(bytes.as_deref()?)).collect()
    }
}

/// Does all of `changes` below `folder`, each on the disk before the next begins.
pub fn write(board: Board, folder: &Path, changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        let path = folder.join(change.file);
        let written = match board {
            Board::X86 => write_in_place(&path, &change.bytes),
            Board::Pi => files::save_atomic(&path, &change.bytes, 0o644),
        };
        written.map_err(|source| Error::File { path, source })?;
    }
    Ok(())
}

/// GRUB writes to the place where a file lies and cannot make it longer. So the file keeps place and length, and only
/// one sector of it changes.
fn write_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all_at(bytes, 0)?;
    if file.metadata()?.len() != bytes.len() as u64 {
        file.set_len(bytes.len() as u64)?;
    }
    file.sync_all()?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// One of the two blocks for GRUB, which knows nothing of `sequence`.
#[derive(Clone, Copy)]
struct Block {
    sequence: u64,
    committed: Slot,
    trial: Option<Slot>,
}

impl Block {
    fn encode(self) -> Vec<u8> {
        let trial = self.trial.map_or_else(String::new, |slot| slot.to_string());
        block::encode(&[
            (KEYS[0], self.sequence.to_string()),
            (KEYS[1], self.committed.to_string()),
            (KEYS[2], trial),
        ])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [sequence, committed, trial] = block::decode(bytes, KEYS)?;
        let sequence = sequence.parse().ok().filter(|sequence| *sequence < u64::MAX)?;
        let trial = match trial {
            "" => None,
            slot => Some(slot.parse().ok()?),
        };
        Some(Self { sequence, committed: committed.parse().ok()?, trial })
    }
}

/// The committed slot by an `autoboot.txt`, if it is one that we could have written, byte for byte: of anything else
/// only the firmware knows what it means.
fn autoboot_slot(bytes: &[u8]) -> Option<Slot> {
    [Slot::A, Slot::B].into_iter().find(|slot| autoboot(*slot).as_bytes() == bytes)
}

/// Boot partitions are 2 and 3. With the flag of a trial, what stands below `[tryboot]` wins.
fn autoboot(committed: Slot) -> String {
    let partition = |slot| match slot {
        Slot::A => 2,
        Slot::B => 3,
    };
    format!(
        "[all]\ntryboot_a_b=1\nboot_partition={}\n[tryboot]\nboot_partition={}\n",
        partition(committed),
        partition(committed.other())
    )
}

const KEYS: [&str; 3] = ["sequence", "committed", "trial"];

/// What is longer than a block was not written by us.
const FILE_BYTES_MAX: u64 = BLOCK_BYTES as u64;

#[cfg(test)]
mod tests {
    use super::Slot::{A, B};
    use super::*;

    fn block(sequence: u64, committed: Slot, trial: Option<Slot>) -> Vec<u8> {
        Block { sequence, committed, trial }.encode()
    }

    fn grub(env1: Option<Vec<u8>>, env2: Option<Vec<u8>>) -> Selector {
        Selector::of(Board::X86, |file| if file == "grub/env1" { env1.clone() } else { env2.clone() })
    }

    fn damaged() -> Vec<Option<Vec<u8>>> {
        let good = block(3, A, None);
        let mut noise: Vec<u8> = (0..1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        noise[0] = 0xFF;
        let empty = Vec::new();
        let half = good[..512].to_vec();
        let foreign = block::encode(&[
            ("sequence", "3".to_owned()),
            ("committed", "C".to_owned()),
            ("trial", String::new()),
        ]);
        vec![None, Some(empty), Some(vec![0; 1024]), Some(noise), Some(half), Some(foreign)]
    }

    #[test]
    fn the_shipped_blocks_are_as_the_image_has_them() {
        let shipped = "# GRUB Environment Block\nsequence=1\ncommitted=A\ntrial=\n";
        let mut bytes = shipped.as_bytes().to_vec();
        bytes.resize(1024, b'#');
        assert_eq!(block(1, A, None), bytes);
    }

    #[test]
    fn of_two_blocks_the_newer_whole_one_counts() {
        for bad in damaged() {
            assert_eq!(grub(bad.clone(), Some(block(3, B, None))).committed(), Some(B));
            assert_eq!(grub(Some(block(3, B, None)), bad.clone()).committed(), Some(B));
            assert_eq!(grub(bad.clone(), bad).committed(), None);
        }
        assert_eq!(grub(Some(block(3, A, None)), Some(block(4, B, None))).committed(), Some(B));
    }

    #[test]
    fn nothing_is_written_that_is_there() {
        let same = grub(Some(block(9, B, None)), Some(block(8, B, None)));
        assert_eq!(same.commit(B), []);
        assert_eq!(same.lead_to(B, B), (Vec::new(), Restart::Plain));
        let pi = |text: String| Selector::of(Board::Pi, |_| Some(text.clone().into_bytes()));
        assert_eq!(pi(autoboot(A)).commit(A), []);
        assert_eq!(pi(autoboot(A)).lead_to(B, A), (Vec::new(), Restart::Tryboot));
    }

    #[test]
    fn damage_is_written_over_on_both_boards() {
        for bad in damaged() {
            let changes = grub(bad.clone(), Some(block(3, B, None))).commit(B);
            let names: Vec<_> = changes.iter().map(|change| change.file).collect();
            assert_eq!(names, ["grub/env2", "grub/env1"]);
            assert!(changes.iter().all(|change| change.bytes == block(4, B, None)));
        }
        for bad in [None, Some(Vec::new()), Some(b"[all]\nboot_partition=2\n".to_vec()), Some(vec![0; 90])] {
            let pi = Selector::of(Board::Pi, |_| bad.clone());
            assert_eq!(pi.committed(), None);
            let (changes, restart) = pi.lead_to(B, B);
            assert_eq!((changes[0].bytes.as_slice(), restart), (autoboot(B).as_bytes(), Restart::Plain));
        }
    }

    #[test]
    fn what_is_written_is_read_and_keeps_its_place() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        for board in [Board::X86, Board::Pi] {
            let read = || Selector::read(board, folder.path());
            assert_eq!(read().committed(), None);
            for committed in [A, B, A] {
                write(board, folder.path(), &read().commit(committed)).unwrap();
                assert_eq!(read().committed(), Some(committed));
                assert_eq!(read().commit(committed), []);
            }
        }
        let env = folder.path().join("grub/env1");
        let inode = || fs::metadata(&env).unwrap().ino();
        let before = inode();
        for length in [0, 512, 5000] {
            OpenOptions::new().write(true).open(&env).unwrap().set_len(length).unwrap();
            write(Board::X86, folder.path(), &Selector::read(Board::X86, folder.path()).commit(A)).unwrap();
            assert_eq!(Selector::read(Board::X86, folder.path()).commit(A), []);
            assert_eq!((inode(), fs::metadata(&env).unwrap().len()), (before, 1024));
        }
    }

    #[test]
    fn a_failed_write_says_where_and_stops() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("grub/env2")).unwrap();
        let changes = Selector::read(Board::X86, folder.path()).commit(B);
        let error = write(Board::X86, folder.path(), &changes).unwrap_err();
        assert!(error.to_string().contains("grub/env2 cannot be written"), "{error}");
        assert!(!folder.path().join("grub/env1").exists());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(one: Vec<u8>, two in "# GRUB Environment Block\n(sequence=[0-9]{0,20}\n|trial=[ABC]?\n|committed=.?\n){0,5}") {
            let mut block = two.into_bytes();
            block.resize(BLOCK_BYTES.max(block.len()), b'#');
            let found = grub(Some(one.clone()), Some(block));
            for change in found.commit(A) {
                proptest::prop_assert!(Block::decode(&change.bytes).is_some());
            }
            Selector::of(Board::Pi, |_| Some(one.clone())).commit(A);
        }
    }
}
