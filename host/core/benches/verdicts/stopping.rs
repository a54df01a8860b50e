//! What early stopping does to verdicts and intervals. Every suite is one test with a planted failure rate, run until it
//! is decided. A suite of many tests stops with its last one, so that the others know more than here: one is the worst.

use flaky_core::evidence::Interval;
use flaky_core::stats::{clopper_pearson, wilson};
use flaky_core::stop::{Certainty, Known};

use crate::chance::Chance;
use crate::{LEVEL, PERCENT, Promises, share};

const ASKED: f64 = 0.10;
const ERROR: f64 = 0.05;

/// Attempts after which a suite ends undecided.
const AT_MOST: u32 = 1000;

pub(crate) fn print(suites: u32, promises: &mut Promises) {
    let Some(certainty) = Certainty::new(ASKED, ERROR) else { return };
    println!("## Stopping early, asked 10 %, error 5 %; {suites} suites of one test per rate\n");
    println!(
        "| planted % | stable % | flaky % | broken % | undecided % | attempts: median | 90th percentile | \
         attempts to a right verdict: median | Wilson covers % | Clopper-Pearson covers % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for percent in PERCENT {
        stopped(&certainty, percent, suites, promises);
    }
    coverage(promises);
}

/// Without stopping there is nothing to simulate: coverage is a sum over what can come out.
fn coverage(promises: &mut Promises) {
    println!("\n## Coverage without stopping, %: Wilson / Clopper-Pearson; computed, not simulated\n");
    println!("| planted % | n = 20 | n = 100 | n = 500 |\n|---|---|---|---|");
    let sizes = [20, 100, 500];
    let mut sums = [0.0; 3];
    for percent in PERCENT {
        let cells = sizes.map(|n| {
            [wilson, clopper_pearson].map(|interval| 100.0 * covered_share(percent / 100.0, n, interval))
        });
        for ((sum, [shown, exact]), n) in sums.iter_mut().zip(&cells).zip(sizes) {
            *sum += shown;
            promises.check(*exact >= 95.0, || {
                format!("Clopper-Pearson covers {exact:.2} % at {percent} %, n = {n}")
            });
            promises.check(*shown >= 90.0, || format!("Wilson covers {shown:.2} % at {percent} %, n = {n}"));
        }
        let cells = cells.map(|[shown, exact]| format!("{shown:.1} / {exact:.1}"));
        println!("| {percent} | {} |", cells.join(" | "));
    }
    let means = sums.map(|sum| sum / 10.0);
    println!("| mean of Wilson | {} |", means.map(|mean| format!("{mean:.1}")).join(" | "));
    for mean in means {
        promises.check(mean >= 94.0, || format!("Wilson covers {mean:.1} % on average"));
    }
}

/// Probability that the interval of so many attempts holds the rate.
fn covered_share(rate: f64, n: u32, interval: fn(u32, u32, f64) -> Interval) -> f64 {
    let holds = |failures: u32| contains(interval(failures, n, LEVEL), rate);
    if rate <= 0.0 || rate >= 1.0 {
        return f64::from(u8::from(holds(if rate >= 1.0 { n } else { 0 })));
    }
    let mut term = f64::from(n) * (1.0 - rate).ln();
    let mut sum = 0.0;
    for failures in 0..=n {
        if holds(failures) {
            sum += term.exp();
        }
        term += (f64::from(n - failures) / f64::from(failures + 1)).ln() + rate.ln() - (1.0 - rate).ln();
    }
    sum
}

fn contains(interval: Interval, rate: f64) -> bool {
    interval.low <= rate && rate <= interval.high
}

/// Which verdict is right; a rate between 0 and what was asked has two.
fn is_right(known: Known, rate: f64) -> bool {
    match known {
        Known::Stable => rate < ASKED,
        Known::Broken => rate > 1.0 - ASKED,
        Known::Flaky => rate > 0.0 && rate < 1.0,
        Known::Undecided => false,
    }
}

/// One row of the first table.
fn stopped(certainty: &Certainty, percent: f64, suites: u32, promises: &mut Promises) {
    let rate = percent / 100.0;
    let mut chance = Chance(1);
    let (mut verdicts, mut wrong) = ([0_u32; 4], 0_u32);
    let (mut lengths, mut to_right, mut covered) = (Vec::new(), Vec::new(), [0_u32; 2]);
    for _ in 0..suites {
        let (mut failures, mut ran) = (0, 0);
        while ran < AT_MOST && certainty.of(failures, ran) == Known::Undecided {
            ran += 1;
            failures += u32::from(chance.fails(rate));
        }
        let known = certainty.of(failures, ran);
        if let Some(count) = verdicts.get_mut(known as usize) {
            *count += 1;
        }
        lengths.push(ran);
        to_right.push(if is_right(known, rate) { ran } else { u32::MAX });
        wrong += u32::from(!is_right(known, rate));
        count_coverage(&mut covered, failures, ran, rate);
    }
    let median = percentile(&mut lengths, suites, 50);
    let ninety = percentile(&mut lengths, suites, 90);
    let right = percentile(&mut to_right, suites, 50);
    let [stable, flaky, broken, undecided] = verdicts.map(|count| share(count, suites));
    let [shown, exact] = covered.map(|count| share(count, suites));
    println!(
        "| {percent} | {stable:.1} | {flaky:.1} | {broken:.1} | {undecided:.1} | {median} | {ninety} | {right} | {shown:.1} | {exact:.1} |"
    );
    // Wald's bound for a test that fails just as often as asked; rates further off are easier.
    let at_most = 100.0 * ERROR / (1.0 - ERROR);
    promises.check(share(wrong, suites) <= at_most, || {
        format!("{:.1} % of verdicts are wrong at {percent} %", share(wrong, suites))
    });
    let aim = if percent > 0.0 && percent < 100.0 { 25 } else { 30 };
    let is_promised = percent == 0.0 || (10.0..=90.0).contains(&percent) || percent == 100.0;
    promises.check(!is_promised || right <= aim, || {
        format!("{right} attempts to a right verdict at {percent} %")
    });
    // Runs that stopped early show the exact interval.
    promises.check(exact >= 90.0, || format!("after stopping, {exact:.1} % are covered at {percent} %"));
}

fn percentile(values: &mut [u32], of: u32, percent: u32) -> u32 {
    values.sort_unstable();
    values.get((u64::from(of) * u64::from(percent) / 100) as usize).copied().unwrap_or_default()
}

fn count_coverage(covered: &mut [u32; 2], failures: u32, ran: u32, rate: f64) {
    let [by_wilson, exact] = covered;
    *by_wilson += u32::from(contains(wilson(failures, ran, LEVEL), rate));
    *exact += u32::from(contains(clopper_pearson(failures, ran, LEVEL), rate));
}
