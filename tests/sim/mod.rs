//! A simulated outside world: Shadowserver's API and downloads, a mail server, and the networks they are about.
//!
//! Used in-process by the integration tests and as a program by people ([`main.rs`](main.rs)). Every part runs on a
//! thread of its own, so a test may block, and stops when its handle is dropped. Nothing in it reads the clock:
//! what exists depends on a seed and on the day it is told.

#![allow(dead_code, reason = "two crates use this tree, neither of them all of it")]

pub(crate) mod kinds;
pub(crate) mod mail;
pub(crate) mod net;
pub(crate) mod ntp;
mod page;
pub(crate) mod reports;
pub(crate) mod shadowserver;
pub(crate) mod values;
pub(crate) mod world;
