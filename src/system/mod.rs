//! The box around the program: which slot starts, what the first partition says about it, when the watchdog is fed, its
//! clock, its name in the local network, whom it asks for other names, and what the main process, which has no rights,
//! asks of `abusebox supervise`, which has them.
//!
//! `docs/slots.md` has the whole of the slots in a table: what fails, who notices, what happens, what is written where.

pub mod asking;
pub mod block;
pub mod disk;
pub mod heart;
pub mod ledger;
pub mod log;
pub mod marks;
pub mod mdns;
pub mod naming;
pub mod ntp;
pub mod rdnss;
pub mod request;
pub mod resolver;
pub mod root;
pub mod routers;
pub mod seed;
pub mod selector;
pub mod slot;
pub mod supervise;
pub mod switch;
pub mod watchdog;
pub mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The environment in which glibc keeps one heap for a program, and gives memory back. Else it keeps a heap for each of
/// some threads, and with them twice the memory at rest; it listens to nobody but the environment.
pub const ONE_HEAP: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "65536"), ("MALLOC_MMAP_THRESHOLD_", "65536")];

/// The folder in which the main process, the supervisor and the init scripts of a box meet. It lies in memory: what is
/// there was written since power on.
#[derive(Clone, Debug)]
pub struct Run(PathBuf);

impl Run {
    /// The one of a box.
    pub fn of_box() -> Self {
        Self::at(Path::new("/run/abusebox"))
    }

    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Is there once the clock was set, over the network or by the operator. Made by the supervisor.
    pub fn clock_trusted(&self) -> PathBuf {
        self.0.join("clock-trusted")
    }

    /// The time as it was last saved before this start, in Unix seconds. Made by the supervisor.
    pub fn clock_saved(&self) -> PathBuf {
        self.0.join("clock-saved")
    }

    /// Time servers that DHCP gave, an address a line. Made by the script that takes the lease.
    pub fn ntp(&self) -> PathBuf {
        self.0.join("ntp")
    }

    /// Words of the shell for the script that sets addresses; empty for DHCP. Made by the supervisor.
    pub fn address(&self) -> PathBuf {
        self.0.join("address")
    }

    /// Name servers that routers have named, in one line. Made by the supervisor.
    pub fn name_servers(&self) -> PathBuf {
        self.0.join("name-servers")
    }

    /// Number of the supervisor's process, for the script that stops all.
    pub fn supervisor_pid(&self) -> PathBuf {
        self.0.join("supervise.pid")
    }

    /// How the box is, for the console. Made by the supervisor.
    pub fn health(&self) -> PathBuf {
        self.0.join("health")
    }

    /// Is there when the data partition cannot be used. Made by the script that tries.
    pub fn data_lost(&self) -> PathBuf {
        self.0.join("data-lost")
    }

    /// Where the first partition is mounted, while it is in use.
    pub fn first(&self) -> PathBuf {
        self.0.join("first")
    }

    /// What was laid on the first partition, while it is checked.
    pub fn seed(&self) -> PathBuf {
        self.0.join("seed")
    }

    /// The socket at which the supervisor hears requests.
    pub fn supervisor(&self) -> PathBuf {
        self.0.join("supervise.sock")
    }
}

/// A random time up to `most`, so that many boxes do not all do the same in one moment.
pub fn random(most: Duration) -> Duration {
    let mut part = [0];
    // Without chance it is none at all, which is no worse than that.
    let _ = SystemRandom::new().fill(&mut part);
    most * u32::from(part[0]) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests;
