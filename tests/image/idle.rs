//! What a box writes while nothing happens: flash wears out, and a partition that nobody writes to cannot be torn.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use abusebox::clock::Clock;

use crate::Tried;
use crate::disk::Disk;
use crate::guest::{Around, BIOS, Guest, HOST};
use crate::power::Log;
use crate::sim::world::World;
use crate::whole::Outside;

/// Time and log are kept every ten minutes, and so often Shadowserver is asked here; else once an hour. So two of each
/// are seen, and three times as many bytes are more than those of an hour.
const WATCHED: Duration = Duration::from_secs(20 * 60);
const PER_HOUR: u64 = 3;
const POLL_MINUTES: u32 = 10;
const BYTES_MAX: u64 = 1_000_000;
/// Of the reports of its first day, and of what is held back for a while.
const REST: Duration = Duration::from_secs(90);
const REPORTS: usize = 6;

pub(crate) fn an_idle_box_writes_little_and_to_its_data_partition_alone() -> Tried {
    let world = World::practice_days(Clock::system().untrusted_now().day(), 2);
    let outside = Outside::new(&world, HOST, REPORTS);
    let settings = outside.data.path().join("settings.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let often = format!("[shadowserver]\npoll_minutes = {POLL_MINUTES}\n");
    fs::write(&settings, text.replace("[shadowserver]\n", &often)).unwrap();
    let disk = Disk::with_data(Some(outside.data.path()))?;
    let (path, ports) = (disk.folder.path().join("log"), outside.ports());
    let around = Around { ports: &ports, log: Some(&path), ..Around::default() };
    let guest = Guest::boot_among(around, &disk, BIOS);
    guest.wait_for_page();
    let reports = outside.shadowserver.reports().len();
    guest.wait_for("all reports", || outside.shadowserver.downloads() >= reports);
    sleep(REST);
    let length = || fs::metadata(&path).unwrap().len();
    let (begin, asked) = (length(), outside.shadowserver.log().len());
    sleep(WATCHED);
    let end = length();
    assert!(outside.shadowserver.log().len() >= asked + 2, "Shadowserver is asked meanwhile");
    guest.power_off();

    let data = disk.partition(7).expect("it was there from the beginning");
    let log = Log::open(&path);
    let (mut inside, mut elsewhere) = (0, 0);
    for write in log.writes().filter(|write| begin < write.end && write.end <= end) {
        *if write.is_in(data) { &mut inside } else { &mut elsewhere } += write.bytes;
    }
    let an_hour = inside * PER_HOUR;
    println!("idle, in an hour: at most {an_hour} bytes on the data partition, {elsewhere} outside it");
    assert_eq!(elsewhere, 0);
    // With none at all it is not idle, but dead.
    assert!((1..=BYTES_MAX).contains(&an_hour));
    Ok(())
}
