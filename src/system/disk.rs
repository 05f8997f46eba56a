//! The disk that the root came from, whatever it is called: its first partition and the one with the data.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags};

use super::ledger::{Place, Room};
use super::slot::Boot;
use super::switch::{Access, FirstPartition};

/// How this boot came about, as the boot loader told the kernel.
pub fn booted() -> io::Result<Boot> {
    let line = fs::read_to_string("/proc/cmdline")?;
    let tryboot = fs::read("/proc/device-tree/chosen/bootloader/tryboot").ok();
    Boot::read(&line, tryboot.as_deref()).ok_or_else(|| missing("the kernel was not told which slot this is"))
}

/// The partitions beside the root's, as devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    first: PathBuf,
    /// Not there before the first boot has made it.
    data: Option<PathBuf>,
    /// Where the first partition is mounted while it is in use.
    mount_point: PathBuf,
}

impl Disk {
    /// By what the kernel says in `sys`, where sysfs is mounted; devices are named as in `dev`. The root is the first
    /// device of the device mapper, made of the root partition.
    pub fn of_root(sys: &Path, dev: &Path, mount_point: &Path) -> io::Result<Self> {
        let mut partitions = fs::read_dir(sys.join("block/dm-0/slaves"))?;
        let root = partitions.next().ok_or_else(|| missing("the root is made of no partition"))??;
        let root = fs::canonicalize(root.path())?;
        let disk = root.parent().ok_or_else(|| missing("the root is not on a disk"))?;
        let (mut first, mut data) = (None, None);
        for entry in fs::read_dir(disk)? {
            let entry = entry?;
            // Most entries are no partitions and have no such file.
            let number = fs::read_to_string(entry.path().join("partition")).unwrap_or_default();
            match number.trim_end() {
                FIRST_NUMBER => first = Some(dev.join(entry.file_name())),
                DATA_NUMBER => data = Some(dev.join(entry.file_name())),
                _ => {}
            }
        }
        let first = first.ok_or_else(|| missing("the disk has no first partition"))?;
        Ok(Self { first, data, mount_point: mount_point.to_owned() })
    }

    /// Where the tally is kept, in the order in which it is written.
    pub fn places(&self) -> Vec<Place> {
        let data = self.data.iter().map(|device| Place { device: device.clone(), room: Room::Data });
        data.chain([Place { device: self.first.clone(), room: Room::Selector }]).collect()
    }
}

impl FirstPartition for Disk {
    fn with<T, E: From<io::Error>>(
        &self,
        access: Access,
        work: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        fs::create_dir_all(&self.mount_point)?;
        let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
        if access == Access::Read {
            flags |= MountFlags::RDONLY;
        }
        rustix::mount::mount(&self.first, &self.mount_point, c"vfat", flags, None)
            .map_err(io::Error::from)?;
        let result = work(&self.mount_point);
        // Whoever still reads there keeps the rest of it until it is done; nobody else comes in.
        let unmounted = rustix::mount::unmount(&self.mount_point, UnmountFlags::DETACH);
        let value = result?;
        unmounted.map_err(io::Error::from)?;
        Ok(value)
    }
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, what)
}

const FIRST_NUMBER: &str = "1";
const DATA_NUMBER: &str = "7";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What the kernel shows of a disk with these partitions, whose root is the one with number 5.
    fn sysfs(folder: &Path, partitions: &[(&str, &str)]) {
        let disk = folder.join("devices/pci/block/nvme0n1");
        fs::create_dir_all(disk.join("queue")).unwrap();
        fs::create_dir_all(folder.join("block/dm-0/slaves")).unwrap();
        for (name, number) in partitions {
            fs::create_dir_all(disk.join(name)).unwrap();
            crate::files::save_atomic(&disk.join(name).join("partition"), number.as_bytes(), 0o444).unwrap();
            if *number == "5\n" {
                symlink(disk.join(name), folder.join("block/dm-0/slaves").join(name)).unwrap();
            }
        }
    }

    fn of_root(folder: &Path) -> io::Result<Disk> {
        Disk::of_root(folder, Path::new("/dev"), Path::new("/first"))
    }

    #[test]
    fn the_partitions_are_those_beside_the_root() {
        let folder = tempfile::tempdir().unwrap();
        of_root(folder.path()).unwrap_err();
        sysfs(folder.path(), &[("nvme0n1p1", "1\n"), ("nvme0n1p5", "5\n"), ("nvme0n1p6", "6\n")]);
        let devices = |disk: Disk| disk.places().into_iter().map(|place| place.device).collect::<Vec<_>>();
        assert_eq!(devices(of_root(folder.path()).unwrap()), [Path::new("/dev/nvme0n1p1")]);
        sysfs(folder.path(), &[("nvme0n1p7", "7\n"), ("nvme0n1p17", "17\n")]);
        let expected = ["/dev/nvme0n1p7", "/dev/nvme0n1p1"].map(PathBuf::from);
        assert_eq!(devices(of_root(folder.path()).unwrap()), expected);
    }

    #[test]
    fn a_disk_without_a_first_partition_is_none_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        sysfs(folder.path(), &[("sda5", "5\n"), ("sda7", "7\n")]);
        assert_eq!(of_root(folder.path()).unwrap_err().to_string(), "the disk has no first partition");
    }

    #[test]
    fn what_cannot_be_mounted_is_an_error_and_no_work_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let disk =
            Disk { first: folder.path().join("none"), data: None, mount_point: folder.path().join("first") };
        let result = disk.with(Access::Read, |_| -> io::Result<()> { panic!("it is not mounted") });
        result.unwrap_err();
    }
}
