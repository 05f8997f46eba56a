//! A box's disk, seen from outside.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ring::digest;
use tempfile::TempDir;

use crate::{Missing, root};

/// What `make dev-image` makes lies here.
const IMAGES: &str = "out/dev";
/// That for a PC; `IMAGE` in the environment names another in its place, a release for instance.
const IMAGE: &str = "abusebox-x86_64.img";
/// The same with a shell on the serial line.
const DEBUG_IMAGE: &str = "abusebox-x86_64-debug.img";
/// QEMU's SD card wants a power of two.
const MIB: u32 = 1024;
const SECTOR: u64 = 512;
/// The type of a data partition whose file system is not there yet.
const UNMADE: u8 = 127;

pub(crate) struct Disk {
    pub(crate) path: PathBuf,
    pub(crate) folder: TempDir,
}

/// Of a data partition, from what a new box has to what nobody can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Missing,
    /// Its file system may be there in part.
    Unmade,
    /// After a repair without questions, if need be.
    Whole,
    /// Until all questions of the repair are answered with yes.
    Damaged,
    Lost,
}

impl Disk {
    /// A copy of the image on a larger disk.
    pub(crate) fn new() -> Result<Self, Missing> {
        Self::of(IMAGE)
    }

    /// The same of the debug variant.
    pub(crate) fn debug() -> Result<Self, Missing> {
        Self::of(DEBUG_IMAGE)
    }

    /// The same of another image.
    pub(crate) fn of(name: &str) -> Result<Self, Missing> {
        Self::with(name, None)
    }

    /// The same; with a folder, its files lie on the data partition already.
    pub(crate) fn with_data(data: Option<&Path>) -> Result<Self, Missing> {
        Self::with(IMAGE, data)
    }

    fn with(name: &str, data: Option<&Path>) -> Result<Self, Missing> {
        let image = match env::var_os("IMAGE") {
            Some(asked) if name == IMAGE => root().join(asked),
            _ => root().join(IMAGES).join(name),
        };
        if !image.exists() {
            let image = image.display();
            return Err(Missing(format!("there is no {image}; `make test-image` makes those of {IMAGES}")));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let mut prepare = Command::new(root().join("tests/image/prepare.sh"));
        run(prepare.args([&image, &path]).arg(MIB.to_string()).args(data));
        Ok(Self { path, folder })
    }

    /// Another disk with the same on it.
    pub(crate) fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        run(Command::new("cp").arg("--sparse=always").args([&self.path, &path]));
        Self { path, folder }
    }

    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.path).unwrap().len()
    }

    /// First byte of a partition, and the one after its last, read by the rules of the MBR.
    pub(crate) fn partition(&self, number: u32) -> Option<(u64, u64)> {
        let entry = |sector: u64, index: u64| {
            let mut bytes = [0; 16];
            self.read(sector * SECTOR + 446 + index * 16, &mut bytes);
            let number = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
            (bytes[4] != 0).then(|| (number(8), number(12)))
        };
        if number <= 4 {
            let (start, sectors) = entry(0, u64::from(number) - 1)?;
            return Some((start * SECTOR, (start + sectors) * SECTOR));
        }
        let (extended, _) = entry(0, 3)?;
        let mut link = extended;
        for _ in 5..number {
            link = extended + entry(link, 1)?.0;
        }
        let (start, sectors) = entry(link, 0)?;
        Some(((link + start) * SECTOR, (link + start + sectors) * SECTOR))
    }

    /// Of a partition's bytes.
    pub(crate) fn digest(&self, partition: u32) -> Vec<u8> {
        let (begin, end) = self.partition(partition).unwrap();
        self.digest_range(begin, end)
    }

    /// Of all bytes before `end`.
    pub(crate) fn digest_until(&self, end: u64) -> Vec<u8> {
        self.digest_range(0, end)
    }

    /// Of the bytes from `begin` on and before `end`.
    pub(crate) fn digest_range(&self, begin: u64, end: u64) -> Vec<u8> {
        let mut digest = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; 1 << 20];
        let mut at = begin;
        while at < end {
            let size = usize::try_from((end - at).min(buffer.len() as u64)).unwrap();
            self.read(at, &mut buffer[..size]);
            digest.update(&buffer[..size]);
            at += size as u64;
        }
        digest.finish().as_ref().to_vec()
    }

    /// Damages a byte.
    pub(crate) fn flip(&self, at: u64) {
        let mut byte = [0];
        self.read(at, &mut byte);
        self.write(at, &[byte[0] ^ 1]);
    }

    pub(crate) fn overwrite(&self, at: u64, count: usize, byte: u8) {
        self.write(at, &vec![byte; count]);
    }

    pub(crate) fn read(&self, at: u64, bytes: &mut [u8]) {
        File::open(&self.path).unwrap().read_exact_at(bytes, at).unwrap();
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        File::options().write(true).open(&self.path).unwrap().write_all_at(bytes, at).unwrap();
    }

    /// A file of a FAT partition.
    pub(crate) fn read_file(&self, partition: u32, name: &str) -> Vec<u8> {
        let copy = self.folder.path().join("file");
        run(self.mtools("mcopy", partition).arg("-n").arg(format!("::{name}")).arg(&copy));
        fs::read(&copy).unwrap()
    }

    pub(crate) fn write_file(&self, partition: u32, name: &str, bytes: &[u8]) {
        let copy = self.folder.path().join("file");
        fs::write(&copy, bytes).unwrap();
        run(self.mtools("mcopy", partition).arg("-o").arg(&copy).arg(format!("::{name}")));
    }

    fn mtools(&self, tool: &str, partition: u32) -> Command {
        let (begin, _) = self.partition(partition).unwrap();
        let mut command = Command::new(tool);
        command.arg("-i").arg(format!("{}@@{begin}", self.path.display()));
        command
    }

    /// Whether it is on a FAT partition.
    pub(crate) fn has_file(&self, partition: u32, name: &str) -> bool {
        self.mtools("mdir", partition).arg("-b").arg(format!("::{name}")).output().unwrap().status.success()
    }

    /// The files of the data partition, after the repair that a box begins with: a superblock that was torn in two is
    /// taken from one of its copies. The disk stays as it is.
    pub(crate) fn data(&self, what: &str) -> TempDir {
        let partition = self.take_data();
        let repaired = |how| {
            let output = tool("e2fsck").arg(how).arg(&partition).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // 1: repaired.
            if matches!(output.status.code(), Some(0 | 1)) { Ok(()) } else { Err(text) }
        };
        repaired("-p").or_else(|_| repaired("-y")).unwrap_or_else(|text| panic!("{what}: {text}"));
        run(tool("e2fsck").args(["-f", "-n"]).arg(&partition));
        let files = tempfile::tempdir().unwrap();
        run(tool("debugfs").args(["-R", &format!("rdump / {}", files.path().display())]).arg(&partition));
        files
    }

    /// Puts a file in the place of one of the data partition.
    pub(crate) fn write_data(&self, name: &str, bytes: &[u8]) {
        let copy = self.folder.path().join("file");
        fs::write(&copy, bytes).unwrap();
        for request in [format!("rm {name}"), format!("write {} {name}", copy.display())] {
            run(tool("debugfs").args(["-w", "-R", &request]).arg(self.place_of_data()));
        }
    }

    /// What a box will find. The disk stays as it is.
    pub(crate) fn state(&self) -> State {
        let Some((begin, _)) = self.partition(7) else { return State::Missing };
        // The link lies a MiB before what it leads to.
        let mut kind = [0];
        self.read(begin - (1 << 20) + 446 + 4, &mut kind);
        if kind == [UNMADE] {
            return State::Unmade;
        }
        let partition = self.take_data();
        let fails = |how| tool("e2fsck").arg(how).arg(&partition).output().unwrap().status.code() >= Some(4);
        match (fails("-p"), fails("-y")) {
            (false, _) => State::Whole,
            (true, false) => State::Damaged,
            (true, true) => State::Lost,
        }
    }

    /// The data partition, in the words of the tools for its file system.
    fn place_of_data(&self) -> String {
        let (begin, _) = self.partition(7).unwrap();
        format!("{}?offset={begin}", self.path.display())
    }

    /// A copy of the data partition, on its own: of one within a disk, e2fsck replays the journal to another place.
    fn take_data(&self) -> PathBuf {
        let (begin, end) = self.partition(7).unwrap();
        let partition = self.folder.path().join("data");
        run(Command::new("dd")
            .args(["bs=1M", "conv=sparse", "status=none", "iflag=skip_bytes,count_bytes"])
            .arg(format!("if={}", self.path.display()))
            .arg(format!("of={}", partition.display()))
            .args([format!("skip={begin}"), format!("count={}", end - begin)]));
        partition
    }

    /// The file system on the data partition is whole, and was left in order.
    pub(crate) fn check_data(&self) {
        let place = self.place_of_data();
        run(tool("e2fsck").args(["-f", "-n"]).arg(&place));
        let about = run(tool("dumpe2fs").args(["-h", &place]));
        assert!(about.contains("Filesystem state:         clean"), "{about}");
        assert!(!about.contains("needs_recovery"), "{about}");
    }
}

/// A tool of the administrator, who has it in the path.
fn tool(name: &str) -> Command {
    let path = Path::new("/usr/sbin").join(name);
    Command::new(if path.exists() { path } else { PathBuf::from(name) })
}

/// What it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
