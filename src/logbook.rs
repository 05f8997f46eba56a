//! The newest lines of the log, for the page: on a box nobody sees what goes to stderr.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

static KEPT: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where in the program it was written: module and line of its source.
    pub place: String,
    pub text: String,
}

/// Writes the log to stderr and keeps its newest lines.
pub struct Logbook;

/// Takes one line.
pub struct Writer {
    place: String,
}

impl<'a> MakeWriter<'a> for Logbook {
    type Writer = Writer;

    fn make_writer(&'a self) -> Writer {
        Writer { place: String::new() }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Writer {
        let module = about.module_path().unwrap_or_default();
        Writer { place: format!("{module}:{}", about.line().unwrap_or_default()) }
    }
}

/// What is written at once is one event, and so one line.
impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        keep(&mut KEPT.lock().unwrap_or_else(PoisonError::into_inner), &self.place, line);
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The lines that are kept and hold all of these words, whatever their case; the newest first, at most `max`.
pub fn lines(words: &str, max: usize) -> Vec<String> {
    find(&KEPT.lock().unwrap_or_else(PoisonError::into_inner), words, max)
}

/// The newest first, at most `max`.
pub fn kept(max: usize) -> Vec<Line> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().take(max).cloned().collect()
}

fn keep(kept: &mut VecDeque<Line>, place: &str, line: &[u8]) {
    if kept.len() >= LINES_MAX {
        kept.pop_front();
    }
    let text = String::from_utf8_lossy(line).trim_end().chars().take(LINE_CHARS_MAX).collect();
    kept.push_back(Line { place: place.to_owned(), text });
}

fn find(kept: &VecDeque<Line>, words: &str, max: usize) -> Vec<String> {
    let words = words.to_lowercase();
    let fits = |line: &&String| {
        let line = line.to_lowercase();
        words.split_whitespace().all(|word| line.contains(word))
    };
    kept.iter().rev().map(|line| &line.text).filter(fits).take(max).cloned().collect()
}

/// Some days of a quiet box, in 256 KiB at most.
const LINES_MAX: usize = 500;
/// Of one line, such as a mail server's words.
const LINE_CHARS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_found_by_their_words() {
        let mut kept = VecDeque::new();
        for number in 0..LINES_MAX + 3 {
            keep(&mut kept, "", format!("WARN line {number} of \u{e4}\u{ff}\n").as_bytes());
        }
        keep(&mut kept, "", &[b"INFO \xff".as_slice(), &[b'x'; 2 * LINE_CHARS_MAX]].concat());
        assert_eq!(kept.len(), LINES_MAX);
        assert_eq!(kept[0].text, "WARN line 4 of \u{e4}\u{ff}");
        assert_eq!(find(&kept, "", 2)[1], format!("WARN line {} of \u{e4}\u{ff}", LINES_MAX + 2));
        assert_eq!(
            find(&kept, " warn  77 ", 9),
            [
                "WARN line 477 of \u{e4}\u{ff}",
                "WARN line 377 of \u{e4}\u{ff}",
                "WARN line 277 of \u{e4}\u{ff}",
                "WARN line 177 of \u{e4}\u{ff}",
                "WARN line 77 of \u{e4}\u{ff}"
            ]
        );
        assert_eq!(find(&kept, "info", 9)[0].chars().count(), LINE_CHARS_MAX);
        assert!(find(&kept, "nowhere", 9).is_empty());
    }
}
