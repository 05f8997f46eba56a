//! The development image in QEMU, without KVM: it boots, comes up with its page, writes nothing that it should not, and
//! copes with damage. `make test-image` makes the image and runs this; without an image the tests say so and do nothing.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "a test's files need not survive a power cut")]
#![allow(clippy::print_stdout, reason = "figures and skipped tests are told")]

mod boots;
mod disk;
mod guest;
mod lan;
mod network;
mod power;
#[path = "../sim/mod.rs"]
mod sim;
mod whole;

use std::path::Path;
use std::time::{Duration, Instant};

use abusebox::clock::Clock;
use disk::Disk;
use guest::{BIOS, Guest, Machine, OTHERS, UEFI, one_at_a_time};

/// Where kernels and roots lie.
const SLOTS: [u32; 4] = [2, 3, 5, 6];

/// A new disk with the image on it, unless there is no image.
macro_rules! disk {
    () => {
        disk!(new)
    };
    ($variant:ident) => {
        match Disk::$variant() {
            Some(disk) => disk,
            None => return,
        }
    };
}

#[test]
fn the_first_boot_makes_the_data_partition_and_later_ones_change_nothing_else() {
    let disk = disk!();
    let turn = one_at_a_time();
    let slots = SLOTS.map(|number| disk.digest(number));
    let guest = Guest::boot(&disk, BIOS, &turn);
    guest.wait_for_page();
    let (status, body) = guest.get("/").expect("the page answers");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("Claim this abusebox"), "{body}");
    assert_eq!(guest.get("/incidents").map(|(status, _)| status), Some(303));
    guest.wait_for_serial("  at work\n");
    let serial = guest.power_off();
    for part in
        ["partition 7 made", "formatted", "slot A\n", "setup code ", "certificate ", "http://10.0.2.15"]
    {
        assert!(serial.contains(part), "{part}: {serial}");
    }
    assert_eq!(SLOTS.map(|number| disk.digest(number)), slots);
    let (begin, end) = disk.partition(7).expect("there is a partition 7");
    assert_eq!(end, disk.size(), "it takes the rest");
    disk.check_data();

    let rest = disk.digest_until(begin);
    let guest = Guest::boot(&disk, BIOS, &turn);
    guest.wait_for_page();
    guest.wait_for_serial("  at work\n");
    let serial = guest.power_off();
    assert!(!serial.contains("data:"), "{serial}");
    assert_eq!(disk.digest_until(begin), rest);
    disk.check_data();
}

#[test]
fn it_boots_by_uefi_and_finds_disk_and_network_whatever_they_are() {
    let disk = disk!();
    let turn = one_at_a_time();
    for machine in [UEFI].into_iter().chain(OTHERS).filter(Machine::exists) {
        let guest = Guest::boot(&disk, machine, &turn);
        guest.wait_for_page();
        guest.power_off();
    }
}

#[test]
fn a_trial_is_one_attempt_and_a_damaged_choice_is_no_harm() {
    let disk = disk!();
    let turn = one_at_a_time();
    let slot_of = |environments: [&[u8]; 2], expected: &str| {
        disk.write_file(1, "grub/env1", environments[0]);
        disk.write_file(1, "grub/env2", environments[1]);
        let guest = Guest::boot(&disk, BIOS, &turn);
        guest.wait_for_serial(&format!(", {expected}\n"));
        guest.power_off();
    };
    let trial = environment("sequence=1\ncommitted=A\ntrial=B\n");
    slot_of([&trial, &trial], "slot B instead of A");
    let after = [disk.read_file(1, "grub/env1"), disk.read_file(1, "grub/env2")];
    assert_eq!(after, [(); 2].map(|()| environment("sequence=1\ncommitted=A\ntrial=\n")));
    slot_of([&after[0], &after[1]], "slot A");
    slot_of([&[0; 1024], &environment("sequence=1\ncommitted=B\ntrial=\n")], "slot B");
    slot_of([b"", &[0xff; 1024]], "slot A");
}

#[test]
fn a_slot_whose_kernel_is_damaged_gives_way_to_the_other() {
    let disk = disk!();
    let mut kernel = disk.read_file(2, "vmlinuz");
    let middle = kernel.len() / 2;
    kernel[middle] ^= 1;
    disk.write_file(2, "vmlinuz", &kernel);
    let guest = Guest::boot(&disk, BIOS, &one_at_a_time());
    guest.wait_for_page();
    let serial = guest.power_off();
    assert!(serial.contains("Slot A cannot be started") && serial.contains("slot B"), "{serial}");
}

#[test]
fn a_root_that_is_damaged_is_noticed_and_gives_way_to_the_other() {
    let disk = disk!();
    let turn = one_at_a_time();
    // In so little memory the next kernel would often lie by chance where the last one left its words.
    for number in [2, 3] {
        tell_kernel(&disk, number, "nokaslr");
    }
    // Attempts are counted on the data partition, so there must be one.
    let guest = Guest::boot(&disk, BIOS, &turn);
    guest.wait_for_page();
    guest.power_off();
    let (begin, _) = disk.partition(5).expect("there is a partition 5");
    // The superblock of the root, which every boot reads.
    disk.flip(begin + 64);
    let guest = Guest::boot(&disk, BIOS, &turn);
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
    let guest = Guest::boot(&disk, BIOS, &turn);
    guest.wait_for_page();
    let serial = guest.power_off();
    assert!(serial.contains("slot B\n") && !serial.contains("Slot A"), "{serial}");

    // When that fails too, the end is not a change without end.
    let (begin, _) = disk.partition(6).expect("there is a partition 6");
    disk.flip(begin + 64);
    let guest = Guest::boot(&disk, BIOS, &turn);
    guest.wait_for_serial("NEITHER SLOT WORKS");
}

#[test]
fn a_data_partition_is_repaired_or_done_without() {
    let disk = disk!();
    let turn = one_at_a_time();
    let restart = |expected: &str| {
        let guest = Guest::boot(&disk, BIOS, &turn);
        guest.wait_for_page();
        let serial = guest.power_off();
        assert!(serial.contains(expected), "{serial}");
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
}

#[test]
fn a_main_process_that_stands_still_is_ended_by_the_watchdog() {
    let disk = disk!(debug);
    let guest = Guest::boot(&disk, BIOS, &one_at_a_time());
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
    assert!(reset_after < Duration::from_secs(65), "with the boot loader's own time");
    guest.wait_for("page", || guest.get("/healthz").is_some());
}

/// A block of variables as GRUB reads and writes it.
fn environment(lines: &str) -> Vec<u8> {
    let mut block = format!("# GRUB Environment Block\n{lines}").into_bytes();
    block.resize(1024, b'#');
    block
}

/// Gives the kernel in a boot partition one word more.
fn tell_kernel(disk: &Disk, number: u32, word: &str) {
    let [words, sums] = ["cmdline.env", "SHA256SUMS"].map(|name| disk.read_file(number, name));
    let mut new = String::from_utf8(words.clone()).unwrap().replacen("quiet", &format!("quiet {word}"), 1);
    // It keeps its length.
    new.truncate(words.len());
    let hash = |bytes: &[u8]| {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let sums = String::from_utf8(sums).unwrap().replace(&hash(&words), &hash(new.as_bytes()));
    disk.write_file(number, "cmdline.env", new.as_bytes());
    disk.write_file(number, "SHA256SUMS", sums.as_bytes());
}

/// Another each time, unless one is asked for.
fn seed() -> u64 {
    let asked = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    asked.unwrap_or_else(|| Clock::system().untrusted_now().unix().unsigned_abs())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
