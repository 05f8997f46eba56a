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

use std::time::Instant;

use crate::house::is_soak;
use world::Size;

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
    let mut slowest = (0.0, 0);
    let (mut all, mut failed) = (oracle::Figures::default(), Vec::new());
    for (done, &seed) in (1..).zip(&seeds) {
        let year = Instant::now();
        match std::panic::catch_unwind(|| drive::live(seed, size)) {
            Ok(figures) => all.add(figures),
            Err(_) => {
                println!(
                    "seed {seed} failed; alone: SEED={seed} CUSTOMERS={} DAYS={}",
                    size.customers, size.days
                );
                failed.push(seed);
            }
        }
        let seconds = year.elapsed().as_secs_f64();
        if seconds > slowest.0 {
            slowest = (seconds, seed);
        }
        if done % 10 == 0 || done == seeds.len() {
            println!(
                "{done} years of {} days for {} customers: {all}; {:.1} a minute, the slowest {:.1} s (seed {})",
                size.days,
                size.customers,
                done as f64 * 60.0 / began.elapsed().as_secs_f64(),
                slowest.0,
                slowest.1
            );
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?} failed");
}
