//! What a box writes while nothing happens: flash wears out, and a partition that nobody writes to cannot be torn.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use abusebox::clock::Clock;

use crate::Tried;
use crate::disk::Disk;
use crate::guest::{Around, BIOS, Guest, HOST};
use crate::power::Log;
use crate::sim::world::World;
use crate::whole::Outside;

/// Time and log are kept every quarter of an hour, so what that takes counts four times for an hour. Shadowserver is asked
/// once an hour; here so often that it is seen, and apart from the other.
const WATCHED: Duration = Duration::from_secs(20 * 60);
const KEPT_PER_HOUR: u64 = 4;
const POLL_MINUTES: u32 = 11;
const BYTES_MAX: u64 = 1_000_000;
/// Of the reports of its first day, and of what is held back for a while.
const REST: Duration = Duration::from_secs(90);
/// What is written at once is on the disk whole after this time: half a minute may pass until Linux writes a block back
/// whose change is in the journal.
const BURST: Duration = Duration::from_secs(45);
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
    let asked = || outside.shadowserver.log().len();
    let begun = Instant::now();
    let mut seen = vec![(Duration::ZERO, length(), asked())];
    while begun.elapsed() < WATCHED {
        sleep(Duration::from_secs(1));
        seen.push((begun.elapsed(), length(), asked()));
    }
    guest.power_off();

    let data = disk.partition(7).expect("it was there from the beginning");
    let log = Log::open(&path);
    let mut elsewhere = 0;
    let mut bursts: Vec<Burst> = Vec::new();
    for [before, after] in seen.array_windows() {
        let new = log.writes().filter(|write| before.1 < write.end && write.end <= after.1);
        let (inside, outside): (Vec<_>, Vec<_>) = new.partition(|write| write.is_in(data));
        elsewhere += outside.iter().map(|write| write.bytes).sum::<u64>();
        let (bytes, is_asked) = (inside.iter().map(|write| write.bytes).sum(), before.2 < after.2);
        match bursts.last_mut() {
            Some(burst) if after.0 < burst.begin + BURST => {
                burst.bytes += bytes;
                burst.is_asked |= is_asked;
            }
            _ if bytes > 0 || is_asked => bursts.push(Burst { begin: after.0, bytes, is_asked }),
            _ => {}
        }
    }
    println!("idle: {bursts:?}");
    let most =
        |is_asked| bursts.iter().filter(|burst| burst.is_asked == is_asked).map(|burst| burst.bytes).max();
    let kept = most(false).expect("time and log are kept");
    let asked = most(true).expect("Shadowserver is asked");
    let an_hour = KEPT_PER_HOUR * kept + asked;
    println!("idle, in an hour: at most {an_hour} bytes on the data partition, {elsewhere} outside it");
    assert_eq!(elsewhere, 0);
    assert!(kept > 0, "with nothing at all it is not idle, but dead");
    assert!(an_hour <= BYTES_MAX);
    Ok(())
}

/// What was written on the data partition in one go.
#[derive(Debug)]
struct Burst {
    begin: Duration,
    bytes: u64,
    /// Whether Shadowserver was asked meanwhile.
    is_asked: bool,
}
