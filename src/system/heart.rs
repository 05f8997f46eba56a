//! The main process's sign of life, from a thread of its own: whoever waits for a slow disk for minutes, in the loops or
//! before they begin, is alive.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::asking;
use super::request::Request;

/// Beats until the process ends, or the loops stand still.
#[derive(Clone)]
pub struct Heart {
    began: Instant,
    /// When the loops turned last, in milliseconds from the beginning; 0 before they have begun.
    turned: Arc<AtomicU64>,
}

impl Heart {
    /// Tells the supervisor behind `socket`.
    pub fn start(socket: PathBuf) -> io::Result<Self> {
        let heart = Self { began: Instant::now(), turned: Arc::default() };
        let own = heart.clone();
        thread::Builder::new().name("heart".to_owned()).spawn(move || {
            let mut told = false;
            loop {
                if let Some(starting) = own.says() {
                    let done = asking::ask(&socket, &Request::Alive { starting });
                    if let Err(error) = &done
                        && !told
                    {
                        tracing::warn!("not heard that all is well: {error}");
                    }
                    told = done.is_err();
                }
                thread::sleep(EVERY);
            }
        })?;
        Ok(heart)
    }

    /// The loops turn. To be said every few seconds.
    pub fn turn(&self) {
        self.turned.store(self.now().max(1), Ordering::Relaxed);
    }

    /// Whether it is still starting; `None`: it is not well.
    fn says(&self) -> Option<bool> {
        match self.turned.load(Ordering::Relaxed) {
            0 => Some(true),
            turned => (self.now() - turned <= STANDSTILL_MAX.as_millis() as u64).then_some(false),
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

/// So often.
pub const EVERY: Duration = Duration::from_secs(5);

/// A loop may wait for the end of a large report's transaction.
const STANDSTILL_MAX: Duration = Duration::from_secs(180);
