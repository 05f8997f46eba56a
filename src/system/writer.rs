//! What the supervisor puts on the disk, on a thread of its own: whatever the disk does, the watchdog is fed. A place for
//! one order lies between them, and a newer order takes that of one which was not begun; what that was to remember of the
//! slots stays.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::log::Keeper;
use super::marks::Mark;
use super::watchdog::Disk;
use crate::files;

/// What is to be put on the disk. The log always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The time that is known to be right, in Unix seconds.
    pub time: Option<i64>,
    /// Somebody must know whether the disk takes anything.
    pub probe: bool,
    /// What is found of this boot.
    pub mark: Option<Mark>,
}

/// The thread, as seen from the others.
pub struct Writer {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    order: Option<Order>,
    is_over: bool,
    /// Since when an order is carried out.
    busy: Option<Instant>,
    last: Disk,
}

impl Writer {
    /// `carry_out` may take as long as it likes, and says how the disk is.
    pub fn start(mut carry_out: impl FnMut(Order) -> Disk + Send + 'static) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let own = desk.clone();
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || {
            while let Some(order) = own.next() {
                let disk = carry_out(order);
                let mut state = own.lock();
                (state.busy, state.last) = (None, disk);
            }
        })?;
        Ok(Self { desk, thread })
    }

    /// Does not wait.
    pub fn post(&self, mut order: Order) {
        let mut state = self.desk.lock();
        order.mark = order.mark.or(state.order.and_then(|before| before.mark));
        state.order = Some(order);
        self.desk.changed.notify_one();
    }

    /// How the disk was last; [`Disk::Hangs`] if it takes longer than `patience`.
    pub fn disk(&self, patience: Duration) -> Disk {
        let state = self.desk.lock();
        if state.busy.is_some_and(|since| since.elapsed() > patience) { Disk::Hangs } else { state.last }
    }

    /// Nothing is ordered any more. Waits for what was, for no longer than `patience`; returns whether all is done.
    pub async fn finish(self, patience: Duration) -> bool {
        self.desk.lock().is_over = true;
        self.desk.changed.notify_one();
        let began = Instant::now();
        while !self.thread.is_finished() && began.elapsed() < patience {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.thread.is_finished()
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an order; none comes any more after the end.
    fn next(&self) -> Option<Order> {
        let mut state = self.lock();
        loop {
            if let Some(order) = state.order.take() {
                state.busy = Some(Instant::now());
                return Some(order);
            }
            if state.is_over {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the supervisor keeps over a restart, below the data folder.
pub struct Kept {
    data: PathBuf,
    log: Keeper,
}

impl Kept {
    pub fn new(data: &Path, log: &Path) -> Self {
        Self { data: data.to_owned(), log: Keeper::new(log, &data.join("log")) }
    }

    /// Carries an order out, as far as the disk lets it.
    pub fn carry_out(&mut self, order: Order) -> Disk {
        let time = order
            .time
            .map(|time| files::save_atomic(&self.data.join(TIME), time.to_string().as_bytes(), 0o600));
        let probe = order.probe.then(|| self.probe());
        let failed = [time, Some(self.log.keep()), probe].into_iter().flatten().find_map(Result::err);
        if let Some(error) = &failed {
            tracing::warn!("time and log are not kept over a restart: {error}");
        }
        let is_full = failed.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull)
            // For this process there is some room left when for the others there is none.
            || files::room(&self.data).is_ok_and(|(free, _)| free < FREE_BYTES_MIN);
        match failed {
            _ if is_full => Disk::Full,
            Some(_) => Disk::Broken,
            None if order.probe => Disk::Works,
            None => Disk::Unknown,
        }
    }

    /// An empty file would find room on a disk that is full.
    fn probe(&self) -> io::Result<()> {
        let path = self.data.join("system/probe");
        files::save_atomic(&path, &[b'\n'; PROBE_BYTES], 0o600)?;
        std::fs::remove_file(path)
    }
}

/// Below the data folder: the last time that was known to be right, in Unix seconds.
pub const TIME: &str = "system/time";

/// A transaction of the store takes at least as much.
const PROBE_BYTES: usize = 64 * 1024;
/// With less no store can work.
const FREE_BYTES_MIN: u64 = 1 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const AT_ONCE: Duration = Duration::from_millis(1);

    fn order(time: i64) -> Order {
        Order { time: Some(time), ..Order::default() }
    }

    /// A disk that says what it was told, and goes on when it may.
    fn slow() -> (Writer, Receiver<Order>, Sender<Disk>) {
        let ((told, hears), (goes, waits)) = (channel(), channel());
        let writer = Writer::start(move |order| {
            told.send(order).unwrap();
            waits.recv().unwrap()
        });
        (writer.unwrap(), hears, goes)
    }

    #[tokio::test]
    async fn nobody_waits_for_the_disk_and_the_newest_order_counts() {
        let (writer, hears, goes) = slow();
        assert_eq!(writer.disk(SOON), Disk::Unknown);
        writer.post(order(1));
        assert_eq!(hears.recv_timeout(SOON).unwrap(), order(1));
        let mark = Some(Mark::Healthy);
        writer.post(Order { mark, ..order(2) });
        (3..5).for_each(|time| writer.post(order(time)));
        thread::sleep(AT_ONCE * 5);
        assert_eq!((writer.disk(AT_ONCE), writer.disk(SOON)), (Disk::Hangs, Disk::Unknown));
        goes.send(Disk::Full).unwrap();
        let next = hears.recv_timeout(SOON).unwrap();
        assert_eq!(next, Order { mark, ..order(4) }, "2 and 3 are of the past, but for what was found");
        assert_eq!(writer.disk(SOON), Disk::Full);
        goes.send(Disk::Works).unwrap();
        // What is ordered last is done before the end.
        writer.post(order(5));
        goes.send(Disk::Works).unwrap();
        assert!(writer.finish(SOON).await);
        assert_eq!(hears.recv().unwrap(), order(5));
        assert!(hears.recv().is_err());
    }

    #[tokio::test]
    async fn the_end_does_not_wait_for_a_disk_that_hangs() {
        let (writer, hears, _goes) = slow();
        writer.post(order(1));
        hears.recv_timeout(SOON).unwrap();
        assert!(!writer.finish(AT_ONCE).await);
    }

    #[test]
    fn an_order_says_how_the_disk_is() {
        let folder = tempfile::tempdir().unwrap();
        let (data, log) = (folder.path().join("data"), folder.path().join("messages"));
        let mut kept = Kept::new(&data, &log);
        let probe = Order { probe: true, ..order(1_800_000_000) };
        assert_eq!(kept.carry_out(probe), Disk::Broken);
        fs::create_dir_all(data.join("system")).unwrap();
        assert_eq!(kept.carry_out(probe), Disk::Works);
        assert_eq!(fs::read_to_string(data.join(TIME)).unwrap(), "1800000000");
        assert!(!data.join("system/probe").exists());
        files::save_atomic(&log, b"a line\n", 0o600).unwrap();
        assert_eq!(
            kept.carry_out(Order::default()),
            Disk::Unknown,
            "nothing was asked of it that could fail"
        );
        assert_eq!(fs::read_to_string(data.join(TIME)).unwrap(), "1800000000");
        assert_eq!(fs::read_to_string(data.join("log/messages")).unwrap(), "a line\n");
        fs::remove_dir_all(data.join("system")).unwrap();
        assert_eq!(kept.carry_out(order(1)), Disk::Broken, "also who does not ask hears of it");
    }
}
