//! What early stopping does to verdicts and intervals, by simulation with fixed seeds:
//!
//! ```text
//! cargo run --release -p flaky-core --example stopping [-- SUITES]
//! ```
//!
//! Every suite is one test with a planted failure rate, run until it is decided, at most 1,000 times. A suite of many
//! tests stops with its last one, so that the others know more than here: one test is the worst case.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use flaky_core::evidence::Interval;
use flaky_core::stats::{clopper_pearson, wilson};
use flaky_core::stop::{Certainty, Known};

const PERCENT: [f64; 10] = [0.0, 0.1, 1.0, 2.0, 5.0, 10.0, 30.0, 50.0, 90.0, 100.0];
const LEVEL: f64 = 0.95;
const AT_MOST: u32 = 1000;

/// A small generator (S. Vigna's splitmix64): the same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn fails(&mut self, rate: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
        let uniform = (z >> 11) as f64 / (1_u64 << 53) as f64;
        uniform < rate
    }
}

fn main() {
    let suites = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000_u32);
    let certainty = Certainty::new(0.10, 0.05);
    let Some(certainty) = certainty else { return };
    println!("asked: 10 %, error 5 %; {suites} suites per rate, at most {AT_MOST} attempts\n");
    println!(
        "| planted % | stable % | flaky % | broken % | undecided % | attempts: median | 90th percentile | Wilson covers % | Clopper-Pearson covers % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for percent in PERCENT {
        stopped(&certainty, percent / 100.0, suites);
    }
    println!("\nWithout stopping, coverage % of Wilson / Clopper-Pearson:\n");
    println!("| planted % | n = 20 | n = 100 | n = 500 |\n|---|---|---|---|");
    for percent in PERCENT {
        let cells = [20, 100, 500].map(|n| fixed(percent / 100.0, n, suites));
        println!("| {percent} | {} |", cells.join(" | "));
    }
}

/// One row of the first table.
fn stopped(certainty: &Certainty, rate: f64, suites: u32) {
    let mut chance = Chance(1);
    let mut verdicts = [0_u32; 4];
    let (mut lengths, mut covered) = (Vec::new(), [0_u32; 2]);
    for _ in 0..suites {
        let (mut failures, mut ran) = (0, 0);
        while ran < AT_MOST && certainty.of(failures, ran) == Known::Undecided {
            ran += 1;
            failures += u32::from(chance.fails(rate));
        }
        if let Some(count) = verdicts.get_mut(certainty.of(failures, ran) as usize) {
            *count += 1;
        }
        lengths.push(ran);
        count_coverage(&mut covered, failures, ran, rate);
    }
    lengths.sort_unstable();
    let at = |share: u32| lengths.get((suites * share / 100) as usize).copied().unwrap_or_default();
    let [stable, flaky, broken, undecided] = verdicts.map(|count| share(count, suites));
    let [wilson, exact] = covered.map(|count| share(count, suites));
    let percent = rate * 100.0;
    let (median, ninety) = (at(50), at(90));
    println!(
        "| {percent} | {stable} | {flaky} | {broken} | {undecided} | {median} | {ninety} | {wilson} | {exact} |"
    );
}

/// One cell of the second table.
fn fixed(rate: f64, n: u32, suites: u32) -> String {
    let mut chance = Chance(2);
    let mut covered = [0_u32; 2];
    for _ in 0..suites {
        let failures = (0..n).map(|_| u32::from(chance.fails(rate))).sum();
        count_coverage(&mut covered, failures, n, rate);
    }
    let [wilson, exact] = covered.map(|count| share(count, suites));
    format!("{wilson} / {exact}")
}

fn count_coverage(covered: &mut [u32; 2], failures: u32, ran: u32, rate: f64) {
    let contains = |interval: Interval| interval.low <= rate && rate <= interval.high;
    let [by_wilson, exact] = covered;
    *by_wilson += u32::from(contains(wilson(failures, ran, LEVEL)));
    *exact += u32::from(contains(clopper_pearson(failures, ran, LEVEL)));
}

fn share(count: u32, of: u32) -> String {
    format!("{:.1}", 100.0 * f64::from(count) / f64::from(of.max(1)))
}
