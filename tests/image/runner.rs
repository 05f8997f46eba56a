//! Runs tests as the runner of `cargo test` does, so many at once as a machine can bear, and knows a third outcome: a test
//! that cannot be tried here counts as ignored, with the reason.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Instant;

/// How a test ends that finds no fault.
pub(crate) type Tried = Result<(), Missing>;

/// Why a test cannot be tried.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

pub(crate) struct Test {
    name: String,
    run: Box<dyn Fn() -> Tried + Send + Sync>,
}

impl Test {
    pub(crate) fn new(name: impl Into<String>, run: impl Fn() -> Tried + Send + Sync + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Runs the tests whose names contain one of the words on the command line, or all.
pub(crate) fn run(mut tests: Vec<Test>, at_once: usize) -> ExitCode {
    let (options, words): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let all = tests.len();
    tests.retain(|test| words.is_empty() || words.iter().any(|word| test.name.contains(word)));
    if options.iter().any(|option| option == "--list") {
        tests.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    // As with the runner of `cargo test`.
    let asked = env::var("RUST_TEST_THREADS").ok().and_then(|number| number.parse().ok());
    println!("\nrunning {} tests", tests.len());
    let began = Instant::now();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    scope(|threads| {
        for _ in 0..asked.unwrap_or(at_once) {
            threads.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(&test.run)).ok();
                    let word = match &outcome {
                        Some(Ok(())) => "ok".to_owned(),
                        Some(Err(Missing(why))) => format!("ignored, {why}"),
                        None => "FAILED".to_owned(),
                    };
                    println!("test {} ... {word} ({:.0} s)", test.name, began.elapsed().as_secs_f64());
                    outcomes.lock().unwrap().push((&test.name, outcome));
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_none()).collect();
    let passed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Some(Ok(())))).count();
    failed.iter().for_each(|(name, _)| println!("failed: {name}"));
    println!(
        "\ntest result: {}. {passed} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        failed.len(),
        tests.len() - passed - failed.len(),
        all - tests.len(),
        began.elapsed().as_secs_f64()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
