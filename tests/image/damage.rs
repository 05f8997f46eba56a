//! What is damaged gives way or is repaired, and what stands still is ended.

use std::thread::sleep;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

use crate::Tried;
use crate::disk::Disk;
use crate::guest::{BIOS, Guest};

pub(crate) fn a_trial_is_one_attempt_and_a_damaged_choice_is_no_harm() -> Tried {
    let disk = Disk::new()?;
    let slot_of = |environments: [&[u8]; 2], expected: &str| {
        disk.write_file(1, "grub/env1", environments[0]);
        disk.write_file(1, "grub/env2", environments[1]);
        let guest = Guest::boot(&disk, BIOS);
        guest.wait_for_serial(&format!(", {expected}\n"));
        // At once: a slot that works for a while is committed.
        drop(guest);
    };
    let trial = environment("sequence=1\ncommitted=A\ntrial=B\n");
    slot_of([&trial, &trial], "slot B instead of A");
    let after = [disk.read_file(1, "grub/env1"), disk.read_file(1, "grub/env2")];
    assert_eq!(after, [(); 2].map(|()| environment("sequence=1\ncommitted=A\ntrial=\n")));
    slot_of([&after[0], &after[1]], "slot A");
    slot_of([&[0; 1024], &environment("sequence=1\ncommitted=B\ntrial=\n")], "slot B");
    slot_of([b"", &[0xff; 1024]], "slot A");
    Ok(())
}

pub(crate) fn a_slot_whose_kernel_is_damaged_gives_way_to_the_other() -> Tried {
    let disk = Disk::new()?;
    let mut kernel = disk.read_file(2, "vmlinuz");
    let middle = kernel.len() / 2;
    kernel[middle] ^= 1;
    disk.write_file(2, "vmlinuz", &kernel);
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.wait_for_serial(", slot B");
    let serial = guest.power_off();
    assert!(serial.contains("Slot A cannot be started"), "{serial}");
    Ok(())
}

pub(crate) fn a_root_that_is_damaged_is_noticed_and_gives_way_to_the_other() -> Tried {
    let disk = Disk::new()?;
    // In so little memory the next kernel would often lie by chance where the last one left its words. And on a busy machine
    // QEMU's timer comes so late that a kernel takes it for broken.
    for number in [2, 3] {
        tell_kernel(&disk, number, "nokaslr no_timer_check");
    }
    // Attempts are counted on the data partition, so there must be one.
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.power_off();
    let (begin, _) = disk.partition(5).expect("there is a partition 5");
    // The superblock of the root, which every boot reads.
    disk.flip(begin + 64);
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_serial("slot A does not work any more");
    let serial = guest.power_off();
    assert!(serial.contains("slot B instead of A"), "{serial}");
    // Three attempts, one that gives way, and what it gives way to.
    let slots: String =
        serial.lines().filter_map(|line| line.split_once("Slot ")).map(|(_, slot)| slot).collect();
    assert_eq!(slots, "AAAAB", "{serial}");
    assert!(serial.contains("data block 0 is corrupted"), "{serial}");
    // Three times it says so while it dies, and then the other slot tells what it died of.
    let panic = "Kernel panic - not syncing: dm-verity device corrupted";
    assert_eq!(serial.lines().filter(|line| line.starts_with(panic)).count(), 3, "{serial}");
    let told = format!("before this start a kernel died: {panic}");
    assert!(serial.contains(&told), "{serial}");
    let data = disk.data("log");
    let log = std::fs::read_to_string(data.path().join("log/messages")).unwrap();
    assert!(log.contains(&told), "{log}");
    let words = std::fs::read_to_string(data.path().join("system/died/dmesg-ramoops-0")).unwrap();
    assert!(words.contains("data block 0 is corrupted"), "{words}");

    // It is the committed one now.
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.wait_for_serial(", slot B\n");
    let serial = guest.power_off();
    assert!(!serial.contains("Slot A"), "{serial}");
    Ok(())
}

pub(crate) fn a_root_that_is_damaged_where_no_boot_reads_gives_way_too() -> Tried {
    let disk = Disk::new()?;
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.power_off();
    // In the program that makes a data partition: the first boot was the last that needed it.
    let (begin, end) = disk.partition(5).expect("there is a partition 5");
    let mut root = vec![0; usize::try_from(end - begin).unwrap()];
    disk.read(begin, &mut root);
    let place = memchr::memmem::find(&root, b"-c|-l filename").expect("mke2fs tells how it is used");
    disk.flip(begin + u64::try_from(place).unwrap());
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.wait_for_serial("slot A does not work any more");
    Ok(())
}

pub(crate) fn two_slots_that_are_damaged_do_not_change_without_end() -> Tried {
    let disk = Disk::new()?;
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    guest.power_off();
    for root in [5, 6] {
        let (begin, _) = disk.partition(root).expect("there are roots");
        disk.flip(begin + 64);
    }
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_serial("NEITHER SLOT WORKS");
    Ok(())
}

pub(crate) fn a_data_partition_is_repaired_or_done_without() -> Tried {
    let disk = Disk::new()?;
    let restart = |expected: &str| {
        let guest = Guest::boot(&disk, BIOS);
        guest.wait_for_page();
        guest.wait_for_serial(expected);
        guest.power_off();
    };
    restart("formatted");
    let (begin, _) = disk.partition(7).expect("there is a partition 7");
    disk.overwrite(begin + 1024, 1024, 0);
    restart("damaged, repairing it");
    disk.check_data();
    // The superblock, and its copies in the groups 1 and 3.
    for group in [0, 1, 3] {
        disk.overwrite(begin + group * (128 << 20), 1 << 20, 0xaa);
    }
    // Behind it boots are counted.
    let file_system = || disk.digest_range(begin, disk.size() - (1 << 20));
    let before = file_system();
    restart("the data partition cannot be used");
    assert_eq!(file_system(), before, "whoever can read it still finds what there is");
    Ok(())
}

pub(crate) fn a_main_process_that_stands_still_is_ended_by_the_watchdog() -> Tried {
    let disk = Disk::debug()?;
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_serial("  at work\n");
    guest.type_line("");
    guest.wait_for_serial("~ # ");
    guest.type_line(
        "for p in $(pidof abusebox); do grep -q '^Uid:.900' /proc/$p/status && kill -STOP $p; done",
    );
    let began = Instant::now();
    guest.wait_for("second start", || guest.serial().matches("vmlinuz: OK").count() == 2);
    let reset_after = began.elapsed();
    println!("reset {:.0} s after it was stopped", reset_after.as_secs_f64());
    assert!(reset_after < Duration::from_secs(60), "with the boot loader's own time");
    guest.wait_for("page", || guest.get("/healthz").is_some());
    Ok(())
}

pub(crate) fn a_disk_that_stalls_for_two_minutes_is_waited_for() -> Tried {
    let disk = Disk::new()?;
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    // Soon a new box notes on the first partition, too, that it works. The disk takes one more write, and then none for four
    // times as long as the watchdog waits.
    let (begin, _) = disk.partition(1).expect("there is a partition 1");
    let noted = || {
        let mut room = [0; 8192];
        disk.read(begin + 8192, &mut room);
        String::from_utf8_lossy(&room).contains("committed=A")
    };
    guest.slow_writes(1);
    guest.wait_for_serial("  at work\n");
    sleep(Duration::from_secs(120));
    assert!(!noted(), "the disk did not stall");
    guest.slow_writes(1 << 40);
    guest.wait_for("note", noted);
    let serial = guest.power_off();
    assert_eq!(serial.matches("vmlinuz: OK").count(), 1, "{serial}");
    disk.check_data();
    Ok(())
}

/// A block of variables as GRUB reads and writes it.
fn environment(lines: &str) -> Vec<u8> {
    let mut block = format!("# GRUB Environment Block\n{lines}").into_bytes();
    block.resize(1024, b'#');
    block
}

/// Gives the kernel in a boot partition more words.
fn tell_kernel(disk: &Disk, number: u32, more: &str) {
    let [words, sums] = ["cmdline.env", "MD5SUMS"].map(|name| disk.read_file(number, name));
    let mut new = String::from_utf8(words.clone()).unwrap().replacen("quiet", &format!("quiet {more}"), 1);
    // It keeps its length.
    new.truncate(words.len());
    let sum = |bytes: &[u8]| format!("{:x}", Md5::digest(bytes));
    let sums = String::from_utf8(sums).unwrap().replace(&sum(&words), &sum(new.as_bytes()));
    disk.write_file(number, "cmdline.env", new.as_bytes());
    disk.write_file(number, "MD5SUMS", sums.as_bytes());
}
