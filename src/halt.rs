//! Where a test stops the program in order to kill it: points of the work that cannot be seen from outside. In
//! release builds there is nothing of it.

/// A point that a power cut may hit. With `ABUSEBOX_HALT=name` in the environment, the program says so on stderr when
/// it first comes here, and goes on after a line on its standard input.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("ABUSEBOX_HALT").ok());
    static REACHED: AtomicBool = AtomicBool::new(false);
    if WANTED.as_deref() == Some(name) && !REACHED.swap(true, Ordering::Relaxed) {
        let _ = writeln!(std::io::stderr(), "halted at {name}");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn point(_: &str) {}
