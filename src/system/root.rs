//! Every block of the root is read once, so that a damaged one shows now and not when it is needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The device of the root, and how far it is known to be whole.
pub struct Root {
    device: PathBuf,
    reading: Option<JoinHandle<io::Result<()>>>,
    is_read: bool,
    /// Not before, after an error.
    again: Instant,
}

impl Root {
    pub fn at(device: &Path) -> Self {
        Self { device: device.to_owned(), reading: None, is_read: false, again: Instant::now() }
    }

    /// Whether all of it was read. Who asks first has it read, on a thread of its own; after an error, who asks a minute
    /// later.
    ///
    /// A block with a wrong hash is no error here: the kernel ends. A sector that the disk cannot read is one.
    pub fn is_read(&mut self, now: Instant) -> bool {
        if self.is_read || now < self.again {
            return self.is_read;
        }
        let done = match self.reading.take() {
            None => {
                let device = self.device.clone();
                let reading = Builder::new().name("root".to_owned()).spawn(move || read_whole(&device));
                reading.map(|reading| self.reading = Some(reading))
            }
            Some(reading) if reading.is_finished() => reading
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("who read it is gone")))
                .map(|()| self.is_read = true),
            reading => {
                self.reading = reading;
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::error!("{} cannot be read: {error}", self.device.display());
            self.again = now + AGAIN_AFTER;
        }
        self.is_read
    }

    /// Until all of it was read.
    pub async fn read(&mut self) {
        while !self.is_read(Instant::now()) {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn read_whole(device: &Path) -> io::Result<()> {
    let mut file = File::open(device)?;
    let mut buffer = vec![0; 64 * 1024];
    while file.read(&mut buffer)? > 0 {
        // Others want to read from the disk, too.
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

const AGAIN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said `later`, once whoever reads has had the time.
    fn asked(root: &mut Root, later: Duration) -> bool {
        let now = Instant::now() + later;
        root.is_read(now);
        while root.reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            std::thread::yield_now();
        }
        root.is_read(now)
    }

    #[test]
    fn a_root_is_read_when_somebody_asks_and_again_a_minute_after_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("dm-0");
        let mut root = Root::at(&device);
        assert!(root.reading.is_none());
        assert!(!asked(&mut root, Duration::ZERO), "there is none");
        crate::files::save_atomic(&device, &[1; 100_000], 0o600).unwrap();
        assert!(!asked(&mut root, AGAIN_AFTER / 2), "too early");
        assert!(root.reading.is_none());
        assert!(asked(&mut root, AGAIN_AFTER * 2));
        std::fs::remove_file(&device).unwrap();
        assert!(asked(&mut root, AGAIN_AFTER * 4), "it was read, and that stays so");
    }
}
