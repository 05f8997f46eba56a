//! What a process has used: time of the processor, memory, bytes written. Linux only, from the kernel's own books.

#![allow(dead_code, reason = "two crates use this file, neither of them all of it")]

use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

/// User and system time of all threads of this process so far.
pub(crate) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What `work` costs in seconds of the processor.
pub(crate) fn costs<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = cpu_seconds();
    let done = work();
    (done, cpu_seconds() - start)
}

/// Bytes written by this process, sockets not counted (proc(5), /proc/pid/io).
#[derive(Clone, Copy)]
pub(crate) struct Written {
    /// Handed to the kernel.
    pub(crate) calls: u64,
    /// On their way to a disk, in whole pages; nothing for a file system in memory.
    pub(crate) disk: u64,
}

pub(crate) fn written() -> Written {
    let io = fs::read_to_string("/proc/self/io").expect("Linux");
    Written { calls: number_after(&io, "wchar:"), disk: number_after(&io, "write_bytes:") }
}

/// Lets the peak count anew (proc(5), clear_refs).
pub(crate) fn forget_peak() {
    let book = fs::OpenOptions::new().write(true).open("/proc/self/clear_refs");
    let _ = book.and_then(|mut book| std::io::Write::write_all(&mut book, b"5"));
}

/// The most memory so far, in MiB.
pub(crate) fn peak_mib() -> f64 {
    status_mib("self", "VmHWM:")
}

/// `VmHWM:` or `VmRSS:` of a process, in MiB.
pub(crate) fn status_mib(process: &str, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    number_after(&status, field) as f64 / 1024.0
}

/// Memory at this moment, to the page.
pub(crate) fn memory_bytes() -> u64 {
    number_after(&fs::read_to_string("/proc/self/smaps_rollup").expect("Linux"), "Rss:") * 1024
}

/// Ticks of the processor that another process has used.
pub(crate) fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    // After the name in brackets: utime and stime are the 14th and 15th of all.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Whether what is written there reaches no disk.
pub(crate) fn is_in_memory(path: &Path) -> bool {
    let kind = rustix::fs::statfs(path).map(|system| system.f_type);
    kind.is_ok_and(|kind| [TMPFS, RAMFS].contains(&i128::from(kind)))
}

fn number_after(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Kinds of file systems, from linux/magic.h.
const TMPFS: i128 = 0x0102_1994;
const RAMFS: i128 = 0x8584_58f6;
