//! The first program of the box, in a RAM disk beside the kernel, as its `/init`: counts this boot or gives way to the
//! other slot, and starts the root. `docs/slots.md` says why there is one.
//!
//! Nothing here may keep a sound root from starting. Whatever fails is said, and it goes on; only without a root it
//! ends, which makes the kernel panic and reset.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use abusebox::system::disk::{self, Disk};
use abusebox::system::ledger::Ledger;
use abusebox::system::selector::{Board, Restart};
use abusebox::system::switch::{self, Next};
use anyhow::Context;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::system::RebootCommand;

fn main() -> ExitCode {
    if std::process::id() != 1 {
        let _ = writeln!(io::stderr(), "abusebox-early is the box's first program and nothing else");
        return ExitCode::from(2);
    }
    for (kind, folder) in SYSTEM {
        let mounted = fs::create_dir_all(folder)
            .and_then(|()| Ok(rustix::mount::mount(kind, folder, kind, MountFlags::NOSUID, None)?));
        if let Err(error) = mounted {
            say(&format!("{folder} cannot be mounted: {error}"));
        }
    }
    let mut watchdog = Watchdog::start();
    if let Err(error) = choose(&mut watchdog) {
        say(&format!("{error:#}"));
    }
    watchdog.feed();
    say(&format!("the root cannot be started: {:#}", start_root()));
    ExitCode::FAILURE
}

/// Returns when the root is to be started.
fn choose(watchdog: &mut Watchdog) -> anyhow::Result<()> {
    let boot = disk::booted()?;
    let disk = Disk::of_root(Path::new("/sys"), Path::new("/dev"), Path::new("/first"))?;
    let mut ledger = Ledger::open(disk.places());
    match switch::begin(Board::HERE, boot, &mut ledger, &disk)? {
        Next::Root => {}
        Next::LastResort => {
            say(
                "NEITHER SLOT WORKS. This one worked last, so it is started again. Write the image to this disk anew.",
            );
            // Time to read it, and to pull the plug.
            for _ in 0..LAST_RESORT_SECONDS {
                watchdog.feed();
                sleep(Duration::from_secs(1));
            }
        }
        Next::Restart(restart) => {
            say("This slot has failed three times. Starting the other one.");
            say(&format!("that could not be: {}", reset(restart)));
            switch::stay(boot, &mut ledger)?;
        }
    }
    Ok(())
}

/// Restarts; returns only why not.
fn reset(restart: Restart) -> io::Error {
    rustix::fs::sync();
    let done = match restart {
        Restart::Plain => rustix::system::reboot(RebootCommand::Restart).map_err(io::Error::from),
        // The kernel takes the firmware's words with a system call that has no safe form. As a program of its own it
        // leaves this one, which must not end, as it is.
        Restart::Tryboot => Command::new(RESET_WITH).arg("0 tryboot").status().and_then(|status| {
            Err(status
                .code()
                .map_or_else(|| io::Error::other(status.to_string()), io::Error::from_raw_os_error))
        }),
    };
    done.err().unwrap_or_else(|| io::Error::other("nothing happened"))
}

/// Becomes the root's init; returns only why not.
fn start_root() -> anyhow::Error {
    let started = || -> anyhow::Result<()> {
        fs::create_dir_all(ROOT)?;
        let flags = MountFlags::RDONLY;
        rustix::mount::mount("/dev/dm-0", ROOT, "squashfs", flags, None).context("/dev/dm-0")?;
        // The root mounts its own; devices it finds, as from the kernel.
        rustix::mount::mount_move("/dev", format!("{ROOT}/dev")).context("/dev")?;
        for folder in ["/proc", "/sys"] {
            let _ = rustix::mount::unmount(folder, UnmountFlags::DETACH);
        }
        // What lies in the RAM disk would stay in memory for ever.
        for file in ["/init", RESET_WITH] {
            let _ = fs::remove_file(file);
        }
        std::env::set_current_dir(ROOT)?;
        rustix::mount::mount_move(".", "/").context("the root")?;
        std::os::unix::fs::chroot(".")?;
        std::env::set_current_dir("/")?;
        Ok(())
    };
    match started() {
        Ok(()) => Command::new("/sbin/init").exec().into(),
        Err(error) => error,
    }
}

/// From its opening on the box is reset unless it is fed. It is not stopped when this program ends: the supervisor
/// takes over.
struct Watchdog(Option<File>);

impl Watchdog {
    fn start() -> Self {
        let mut watchdog = Self(OpenOptions::new().write(true).open("/dev/watchdog").ok());
        watchdog.feed();
        watchdog
    }

    fn feed(&mut self) {
        // Any byte but one, which is for stopping it.
        let _ = self.0.as_mut().map(|device| device.write_all(b"\n"));
    }
}

/// To every console, and into what is kept of the kernel's words over a reset.
fn say(text: &str) {
    let line = format!("<1>abusebox: {text}\n");
    let said =
        OpenOptions::new().write(true).open("/dev/kmsg").and_then(|mut log| log.write_all(line.as_bytes()));
    if said.is_err() {
        let _ = writeln!(io::stderr(), "abusebox: {text}");
    }
}

const ROOT: &str = "/root";

/// Ends with the number of the kernel's error (`board/rpi/reset-with.S`).
const RESET_WITH: &str = "/reset-with";

/// What a program in a RAM disk has not yet: kind of file system, and folder.
const SYSTEM: [(&str, &str); 3] = [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")];

const LAST_RESORT_SECONDS: u32 = 30;
