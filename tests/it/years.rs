//! Years in seconds: a thousand customers for a year, from a seed, with all that goes wrong in one, and an oracle that
//! knows the truth and looks at every mail.
//!
//! Reports come as bytes and not over HTTP; the rest is the product: its store, its reader, its owners, its plans, its
//! mails and its SMTP. A seed that fails is tried alone with `SEED=n`, in its size with `CUSTOMERS=` and `DAYS=`.

mod chance;
mod drive;
mod oracle;
mod post;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::house::is_soak;
use world::Size;

/// What has come of the years so far.
#[derive(Default)]
struct Lived {
    years: usize,
    all: oracle::Figures,
    /// Seeds.
    failed: Vec<u64>,
    /// Seconds, and of which seed.
    slowest: (f64, u64),
}

#[test]
fn years_pass_and_everybody_is_told_what_is_theirs_and_no_more() {
    let number = |name: &str, usual: u64| -> u64 {
        std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
    };
    let (customers, days, seeds) = if is_soak() { (1000, 365, 200) } else { (40, 50, 4) };
    let size = Size { customers: number("CUSTOMERS", customers) as usize, days: number("DAYS", days) as i32 };
    let seeds = match std::env::var("SEED") {
        Ok(_) => vec![number("SEED", 0)],
        Err(_) => (1..=number("SEEDS", seeds)).collect(),
    };
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let lived = Mutex::new(Lived::default());
    let live = || {
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let year = Instant::now();
            let outcome = std::panic::catch_unwind(|| drive::live(seed, size));
            let seconds = year.elapsed().as_secs_f64();
            let mut lived = lived.lock().unwrap();
            match outcome {
                Ok(figures) => lived.all.add(figures),
                Err(_) => {
                    println!(
                        "seed {seed} failed; alone: SEED={seed} CUSTOMERS={} DAYS={}",
                        size.customers, size.days
                    );
                    lived.failed.push(seed);
                }
            }
            if seconds > lived.slowest.0 {
                lived.slowest = (seconds, seed);
            }
            lived.years += 1;
            if lived.years % 10 == 0 || lived.years == seeds.len() {
                println!(
                    "{} years of {} days for {} customers: {}; {:.1} a minute, the slowest {:.1} s (seed {})",
                    lived.years,
                    size.days,
                    size.customers,
                    lived.all,
                    lived.years as f64 * 60.0 / began.elapsed().as_secs_f64(),
                    lived.slowest.0,
                    lived.slowest.1
                );
            }
        }
    };
    // Each year is a world of its own: in a long run every processor lives one.
    let at_once = if is_soak() { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(live);
        }
    });
    let failed = lived.into_inner().unwrap().failed;
    assert!(failed.is_empty(), "seeds {failed:?} failed");
}
