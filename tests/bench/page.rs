//! The page of a running `abusebox run` in which a million incidents are stored, asked over HTTP as a browser asks it.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abusebox::clock::Timestamp;

use crate::meter;
use crate::operator::Operator;

/// What one page costs.
pub(crate) struct Cost {
    /// By the clock, in milliseconds: the first time, then the middle one of many and the longest.
    pub(crate) first: f64,
    pub(crate) median: f64,
    pub(crate) worst: f64,
    /// Of the processor, in milliseconds.
    pub(crate) cpu: f64,
    pub(crate) bytes: usize,
}

/// The program at work, and an operator who has logged in.
pub(crate) struct Page {
    child: Child,
    pub(crate) operator: Operator,
}

impl Page {
    pub(crate) fn open(data: &Path, now: Timestamp) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_abusebox"))
            .arg("--data")
            .arg(data)
            .args(["--at", &now.to_string(), "run"])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split_once("http://127.0.0.1:")?.1.split('/').next()?.parse().ok());
        // Whoever does not read would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let mut operator = Operator::at((Ipv4Addr::LOCALHOST, port.expect("its page")).into());
        operator.claim(std::fs::read_to_string(data.join("setup-code")).expect("a setup code").trim());
        Self { child, operator }
    }

    pub(crate) fn cost(&self, target: &str) -> Cost {
        let took = || {
            let began = Instant::now();
            let bytes = self.operator.get(target).len();
            (began.elapsed().as_secs_f64() * 1e3, bytes)
        };
        let (first, bytes) = took();
        let ticks = meter::ticks(self.child.id());
        let mut times: Vec<f64> = (0..TIMES).map(|_| took().0).collect();
        let ticks = meter::ticks(self.child.id()) - ticks;
        times.sort_by(f64::total_cmp);
        let cpu = ticks as f64 * TICK_MILLIS / TIMES as f64;
        Cost { first, median: times[TIMES / 2], worst: times[TIMES - 1], cpu, bytes }
    }

    /// `VmRSS:` and the like, in MiB.
    pub(crate) fn memory_mib(&self, field: &str) -> f64 {
        meter::status_mib(&self.child.id().to_string(), field)
    }

    /// Waits until nobody has looked for so long that memory is given back.
    pub(crate) fn leave_alone(&self) {
        std::thread::sleep(LEFT_ALONE);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often each page is asked for.
const TIMES: usize = 40;
/// Of the kernel's books.
const TICK_MILLIS: f64 = 10.0;
/// Longer than what is kept for those who look.
const LEFT_ALONE: Duration = Duration::from_secs(320);
