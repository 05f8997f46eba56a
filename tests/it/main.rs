//! The integration tests, one crate: cargo links every test binary anew and runs them one after another.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "a test's files need not survive a power cut")]
#![allow(clippy::print_stdout, reason = "figures and skipped tests are told")]

mod accounting;
mod acts;
mod api;
mod attack;
mod citizen;
mod cli;
mod confidential;
mod customers;
mod damaged;
mod disk;
mod faults;
mod fuzz;
mod hostile;
mod house;
mod image_tree;
mod kill;
mod kinds;
mod lending;
mod line_up;
mod load;
mod mails;
mod memory;
mod month;
mod mta;
mod naming;
mod operator;
mod oracle;
mod overlay;
mod radius;
mod rebuild;
mod receivers;
mod retention;
mod review;
mod rig;
mod servers;
mod setup;
#[path = "../sim/mod.rs"]
mod sim;
mod sim_tests;
mod stored;
mod tidy;
mod timing;
mod types;
mod when;
mod years;
