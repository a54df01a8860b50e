//! How often verdicts are wrong, by simulation with fixed seeds, beside what is promised:
//!
//! ```text
//! cargo bench -p flaky-core --bench verdicts [-- SUITES]
//! ```
//!
//! It prints the tables of BENCHMARKS.md and ends with 1 where a promise is broken.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod chance;
mod change;
mod stopping;
mod suites;

use std::process::ExitCode;

/// Planted failure rates.
pub(crate) const PERCENT: [f64; 10] = [0.0, 0.1, 1.0, 2.0, 5.0, 10.0, 30.0, 50.0, 90.0, 100.0];

/// Confidence level of intervals.
pub(crate) const LEVEL: f64 = 0.95;

/// Collects what was promised and did not hold.
#[derive(Default)]
pub(crate) struct Promises {
    broken: Vec<String>,
}

impl Promises {
    pub(crate) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }
}

/// A share in percent.
pub(crate) fn share(count: u32, of: u32) -> f64 {
    100.0 * f64::from(count) / f64::from(of.max(1))
}

fn main() -> ExitCode {
    let suites = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(10_000_u32);
    let mut promises = Promises::default();
    stopping::print(suites, &mut promises);
    suites::print(suites, &mut promises);
    change::print(suites, &mut promises);
    if promises.broken.is_empty() {
        println!("\nAll promises hold.");
        return ExitCode::SUCCESS;
    }
    println!("\nBroken promises:\n");
    for promise in &promises.broken {
        println!("- {promise}");
    }
    ExitCode::FAILURE
}
