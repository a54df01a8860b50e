//! Many tests at once: of those called stable, how many fail as often as asked?

use flaky_core::stop::{Certainty, Known};

use crate::chance::Chance;
use crate::{Promises, share};

/// Tests of a suite.
const TESTS: u32 = 100;

/// Attempts after which a suite ends undecided.
const AT_MOST: u32 = 200;

/// Suites are a hundred times the work of one test.
const FEWER: u32 = 10;

pub(crate) fn print(suites: u32, promises: &mut Promises) {
    let Some(certainty) = Certainty::new(0.10, 0.05) else { return };
    let suites = suites / FEWER;
    println!("\n## Suites of {TESTS} tests, some of which fail at 10 %; {suites} suites per row\n");
    println!(
        "Share of tests that fail at 10 % among those called stable (mean over suites, 0 where none is called stable), and \
         attempts until all are decided (median): each test by itself, and over the suite.\n"
    );
    println!(
        "| fail at 10 % | false stable %, each by itself | attempts | false stable %, over the suite | attempts |\n|---|---|---|---|---|"
    );
    for flaky in [0, 1, 10, 50, 90, 100] {
        let by_itself = run(flaky, suites, |tests| tests.iter().map(|(k, n)| certainty.of(*k, *n)).collect());
        let suite = run(flaky, suites, |tests| certainty.of_suite(tests));
        println!(
            "| {flaky} of {TESTS} | {:.2} | {} | {:.2} | {} |",
            by_itself.0, by_itself.1, suite.0, suite.1
        );
        promises.check(suite.0 <= 5.0, || {
            format!("{:.2} % of stable calls are false with {flaky} flaky tests", suite.0)
        });
    }
}

/// Mean share of false calls in percent, and the median of attempts.
fn run(flaky: u32, suites: u32, judge: impl Fn(&[(u32, u32)]) -> Vec<Known>) -> (f64, u32) {
    let mut chance = Chance(3);
    let (mut false_share, mut lengths) = (0.0, Vec::new());
    for _ in 0..suites {
        let mut tests = vec![(0_u32, 0_u32); TESTS as usize];
        let mut known = Vec::new();
        for _ in 0..AT_MOST {
            for (number, (failures, ran)) in (0..).zip(&mut tests) {
                *ran += 1;
                *failures += u32::from(number < flaky && chance.fails(0.10));
            }
            known = judge(&tests);
            if !known.contains(&Known::Undecided) {
                break;
            }
        }
        let stable = |from: u32, to: u32| {
            let within =
                (0..).zip(&known).filter(|(number, k)| (from..to).contains(number) && **k == Known::Stable);
            u32::try_from(within.count()).unwrap_or(u32::MAX)
        };
        false_share += share(stable(0, flaky), stable(0, TESTS));
        lengths.push(tests.first().map_or(0, |(_, ran)| *ran));
    }
    lengths.sort_unstable();
    (false_share / f64::from(suites.max(1)), lengths.get(lengths.len() / 2).copied().unwrap_or_default())
}
