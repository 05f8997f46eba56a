//! Many boots of one box, and the first boots of two.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

use crate::disk::Disk;
use crate::guest::{BIOS, Guest, Machine};
use crate::operator::{Operator, between};
use crate::sim::world::Rng;
use crate::{SLOTS, Tried, seed};

pub(crate) fn the_first_boot_makes_the_data_partition_and_later_ones_change_nothing_else(
    machine: Machine,
) -> Tried {
    let disk = Disk::of(machine.image)?;
    machine.check()?;
    let slots = SLOTS.map(|number| disk.digest(number));
    let guest = Guest::boot(&disk, machine);
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
    let guest = Guest::boot(&disk, machine);
    guest.wait_for_page();
    guest.wait_for_serial("  at work\n");
    let serial = guest.power_off();
    assert!(!serial.contains("data:"), "{serial}");
    assert_eq!(disk.digest_until(begin), rest);
    disk.check_data();
    Ok(())
}

/// By whatever firmware, and finds disk and network whatever they are.
pub(crate) fn comes_up(machine: Machine) -> Tried {
    let disk = Disk::of(machine.image)?;
    machine.check()?;
    let guest = Guest::boot(&disk, machine);
    guest.wait_for_page();
    guest.wait_for_serial("  at work\n");
    assert_eq!(disk.partition(7).map(|(_, end)| end), Some(disk.size()));
    if machine.button {
        guest.power_off();
    }
    Ok(())
}

pub(crate) fn twenty_boots_with_ten_hard_ends_change_nothing_outside_the_data_partition() -> Tried {
    let disk = Disk::new()?;
    let seed = seed();
    println!("seed {seed}");
    let mut rng = Rng::new(seed, &["boots"]);
    let began = Instant::now();
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for_page();
    let usual = began.elapsed();
    guest.power_off();
    let (begin, end) = disk.partition(7).expect("the first boot makes it");
    assert_eq!(end, disk.size());
    let rest = disk.digest_until(begin);

    let mut chances = Vec::new();
    for round in 0..10 {
        let guest = Guest::boot(&disk, BIOS);
        // At any moment from the firmware on to some seconds of work.
        let moment = usual.mul_f64(rng.below(130) as f64 / 100.0);
        sleep(moment);
        let what = format!("seed {seed}, round {round}, hard end after {:.1} s", moment.as_secs_f64());
        // By turns the reset button, which leaves the memory, and the plug.
        let guest = if round % 2 == 0 {
            guest.reset();
            guest
        } else {
            drop(guest);
            assert!(disk.digest_until(begin) == rest, "{what}");
            Guest::boot(&disk, BIOS)
        };
        guest.wait_for_page();
        guest.wait_for_serial(", slot ");
        let serial = guest.power_off();
        assert!(disk.digest_until(begin) == rest, "{what}: {serial}");
        // Neither the last resort nor the other slot was needed.
        assert!(!serial.contains("data:") && !serial.contains("slot B"), "{what}: {serial}");
        disk.check_data();
        chances.push(chance(&disk));
    }
    chances.sort();
    chances.dedup();
    assert_eq!(chances.len(), 10, "what a box starts its randomness with is never used twice");
    Ok(())
}

pub(crate) fn the_image_is_small() -> Tried {
    let disk = Disk::new()?;
    let roots = [5, 6].map(|number| {
        let (begin, _) = disk.partition(number).unwrap();
        // Of squashfs, which says how many bytes it takes.
        let mut superblock = [0; 48];
        disk.read(begin, &mut superblock);
        assert!(superblock.starts_with(b"hsqs"));
        u64::from_le_bytes(superblock[40..].try_into().unwrap())
    });
    // Packed as `buildroot/build.sh` does it, though the disk is larger by what is empty.
    let how = ["--stdout", "--check=sha256", "--threads=1", "--lzma2=preset=9,dict=192MiB"];
    let packed = Command::new("xz").args(how).arg(&disk.path).output().unwrap();
    let packed = packed.stdout.len() as u64;
    println!("the image packed takes {packed} bytes, its roots {roots:?}");
    assert!(packed > 0 && packed <= 24 << 20);
    assert!(roots.into_iter().all(|root| root <= 32 << 20));
    Ok(())
}

pub(crate) fn two_boxes_of_one_image_have_no_secret_in_common() -> Tried {
    let first_boot = || {
        let disk = Disk::new()?;
        let guest = Guest::boot(&disk, BIOS);
        guest.wait_for_page();
        guest.power_off();
        Ok(disk)
    };
    let (one, other) = (first_boot()?, first_boot()?);
    assert_ne!(chance(&one), chance(&other));
    // The file system's own name, at byte 104 of its superblock, also seeds the hashes of its folders.
    let name = |disk: &Disk| {
        let mut name = [0; 16];
        disk.read(disk.partition(7).unwrap().0 + 1024 + 104, &mut name);
        name
    };
    assert_ne!(name(&one), name(&other));
    let made = |disk: &Disk, name: &str| {
        let text = fs::read_to_string(disk.data(name).path().join(name)).unwrap();
        assert!(text.trim().len() > 8, "{name}: {text}");
        text
    };
    for name in ["system/machine-id", "setup-code", "tls/fingerprint", "tls/made.pem"] {
        assert_ne!(made(&one, name), made(&other, name));
    }
    // Whoever adds a key to what a new box makes for itself adds it here.
    let files = files(&one);
    let known = [
        "abusebox.redb",
        "log/messages",
        "settings.toml",
        "system/machine-id",
        "system/seed",
        "setup-code",
        "tls/fingerprint",
        "tls/made.pem",
    ];
    assert!(files.iter().all(|file| known.contains(&&**file)), "{files:?}");
    Ok(())
}

pub(crate) fn what_lies_on_the_first_partition_is_taken_over_and_erased() -> Tried {
    let disk = Disk::new()?;
    let start = |expected: &str| {
        let guest = Guest::boot(&disk, BIOS);
        guest.wait_for_serial(expected);
        guest.power_off()
    };
    let kept = |name: &str| fs::read_to_string(disk.data(name).path().join(name)).unwrap_or_default();
    assert!(disk.has_file(1, "abusebox-example.toml"));
    disk.write_file(1, "abusebox.toml", b"[box]\nnames = \"here\"\n");
    start("see abusebox-complaints.txt");
    let complaints = String::from_utf8(disk.read_file(1, "abusebox-complaints.txt")).unwrap();
    assert!(complaints.contains("abusebox.toml, line 2, box.names: "), "{complaints}");
    assert!(!kept("settings.toml").contains("names"));

    let settings = "[networks]\ncidrs = [\"192.0.2.0/24\"]\n[shadowserver]\nkey = \"known-to-nobody-else\"\n";
    let customers = "customer_id,name,email,cidr\nC1,Shop,shop@example.net,192.0.2.1\n";
    disk.write_file(1, "abusebox.toml", settings.as_bytes());
    disk.write_file(1, "customers.csv", customers.as_bytes());
    start("  at work\n");
    assert_eq!((kept("settings.toml"), kept("customers.csv")), (settings.to_owned(), customers.to_owned()));
    for name in ["abusebox.toml", "customers.csv", "abusebox-complaints.txt"] {
        assert!(!disk.has_file(1, name), "{name}");
    }
    let (begin, end) = disk.partition(1).unwrap();
    let mut partition = vec![0; usize::try_from(end - begin).unwrap()];
    disk.read(begin, &mut partition);
    assert!(
        memchr::memmem::find(&partition, b"known-to-nobody-else").is_none(),
        "it is still there to be read"
    );

    disk.write_file(1, "factory-reset", b"");
    // It starts anew by itself.
    let guest = Guest::boot(&disk, BIOS);
    guest.wait_for("second start", || guest.serial().matches("vmlinuz: OK").count() == 2);
    guest.wait_for_page();
    guest.power_off();
    assert!(!disk.has_file(1, "factory-reset"));
    assert!(!kept("settings.toml").contains("known-to-nobody-else"));
    assert_eq!(kept("customers.csv"), "");
    Ok(())
}

pub(crate) fn a_new_password_can_be_wished_for_whatever_is_wrong_with_the_settings() -> Tried {
    let disk = Disk::new()?;
    let start = || {
        let guest = Guest::boot(&disk, BIOS);
        guest.wait_for_page();
        guest
    };
    let is_claimed = |guest: &Guest| {
        let (_, body) = guest.get("/").expect("the page answers");
        !body.contains("Claim this abusebox")
    };
    let guest = start();
    guest.wait_for_serial("setup code ");
    Operator::at(guest.address()).claim(between(&guest.serial(), "setup code ", "\n"));
    assert!(is_claimed(&guest));
    guest.power_off();
    disk.write_data("settings.toml", b"[box]\nmode = \"fast\"\n");
    let guest = start();
    assert!(is_claimed(&guest));
    guest.power_off();
    disk.write_file(1, "reset-password.txt", b"");
    let guest = start();
    assert!(!is_claimed(&guest));
    guest.power_off();
    assert!(!disk.has_file(1, "reset-password.txt") && !disk.has_file(1, "abusebox-complaints.txt"));

    // Now the store is damaged as well. It is made anew by the settings, when those are right.
    disk.write_data("abusebox.redb", b"no store");
    let guest = start();
    guest.wait_for_serial("setup code ");
    let mut operator = Operator::at(guest.address());
    operator.claim(between(&guest.serial(), "setup code ", "\n"));
    let overview = operator.get("/");
    assert!(overview.contains("The database is damaged") && overview.contains("box.mode"), "{overview}");
    let saved = operator.set("box", "box.mode=practice");
    assert!(saved.contains("Location: /settings#box\r\n"), "{saved}");
    let is_anew = || guest.get("/").is_some_and(|(_, body)| body.contains("Claim this abusebox"));
    guest.wait_for("the store is made anew", is_anew);
    guest.power_off();
    assert!(files(&disk).iter().any(|name| name.starts_with("abusebox.redb.damaged-")));
    Ok(())
}

/// What the box has kept of chance for its next start.
fn chance(disk: &Disk) -> Vec<u8> {
    let seed = fs::read(disk.data("seed").path().join("system/seed")).unwrap();
    assert_eq!(seed.len(), 512);
    seed
}

/// All files of the data partition.
fn files(disk: &Disk) -> Vec<String> {
    let data = disk.data("files");
    let (mut files, mut folders) = (Vec::new(), vec![data.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(data.path()).unwrap().display().to_string()),
            }
        }
    }
    files
}
