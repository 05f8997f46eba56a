//! What must hold for any bytes at all: a check for each door through which foreign bytes come in.
//!
//! `fuzz_targets` hands them what a fuzzer thinks of, `tests/it/fuzz.rs` the inputs in `seeds` and `found`.

mod answers;
pub mod chunked;
mod customers;
mod report;
mod sessions;
mod settings;
mod smtp;
mod stored;

/// Panics if something does not hold.
pub type Check = fn(&[u8]);

/// Each target's name and its check.
pub const TARGETS: [(&str, Check); 7] = [
    ("answers", answers::check),
    ("customers", customers::check),
    ("report", report::check),
    ("sessions", sessions::check),
    ("settings", settings::check),
    ("smtp", smtp::check),
    ("stored", stored::check),
];

/// The check of the target that is being built.
pub fn check(target: &str, bytes: &[u8]) {
    let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).expect("each binary is a target");
    check(bytes);
}

/// What a log, a terminal or a mail can show: no control characters, and no more of them than told.
fn assert_showable(text: &str, chars_max: usize) {
    assert!(!text.contains(char::is_control), "control characters in {text:?}");
    assert!(text.chars().count() <= chars_max, "{} characters: {text}", text.chars().count());
}
