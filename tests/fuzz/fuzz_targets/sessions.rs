//! One of the targets, see `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| abusebox_fuzz::check(env!("CARGO_BIN_NAME"), bytes));
