//! When enough is known about a test to stop.
//!
//! A test that was seen to pass and to fail is flaky, whatever comes later. What only passed may still be flaky, and
//! what only failed may still pass at times: there a sequential test decides. It asks for a rate: a test that fails at
//! least that often ([`Certainty::new`]'s `asked`) is called stable with a probability of at most `error / (1 - error)`,
//! however often, and at whatever moments, somebody looks; and the same of tests that pass that often and are called
//! broken. Tests that fail more rarely than asked may be called stable: that is what asking for a rate means.
//!
//! Of many tests ([`Certainty::of_suite`]), the error is the expected share of tests that fail as often as asked among
//! all that are called stable, and the same of broken ones: with the rule for one test, a suite in which every test is
//! flaky would have its few stable tests all wrong. Calling a test flaky needs no correction: it was seen to do both.

use crate::stats::{Decision, SequentialTest};

/// What a test may do without anybody calling it flaky: one attempt in a thousand. The lower rate of the sequential
/// tests; A. Wald's test needs one, and a failure is worth the more against it the smaller it is.
const NOISE: f64 = 0.001;

/// Attempts that are made before anything is decided by both kinds of outcome having been seen. Stopping at the first
/// failure would make rates look larger than they are, and the interval of a rare failure would miss the true rate too
/// often (`benches/verdicts` shows how often).
pub const AT_LEAST: u32 = 10;

/// How sure to be, of tests that fail (or pass) how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certainty {
    test: SequentialTest,
    asked: f64,
    error: f64,
}

/// What is known about a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// It fails more rarely than asked.
    Stable,
    /// It passes and it fails.
    Flaky,
    /// It passes more rarely than asked.
    Broken,
    /// Not enough.
    Undecided,
}

impl Certainty {
    /// `asked` is the failure rate that must not be missed, `error` the probability with which it may be. `None` when
    /// `asked` is not above one in a thousand and below 1, or `error` not above 0 and below a half.
    #[must_use]
    pub fn new(asked: f64, error: f64) -> Option<Self> {
        SequentialTest::new(NOISE, asked, error, error).map(|test| Self { test, asked, error })
    }

    /// What `failures` of `ran` attempts tell.
    #[must_use]
    pub fn of(&self, failures: u32, ran: u32) -> Known {
        let failures = failures.min(ran);
        match (failures, ran - failures) {
            (0, 0) => Known::Undecided,
            (0, passes) if self.test.decide(0, passes) == Decision::Low => Known::Stable,
            (failures, 0) if self.test.decide(0, failures) == Decision::Low => Known::Broken,
            (0, _) | (_, 0) => Known::Undecided,
            _ if ran < AT_LEAST => Known::Undecided,
            _ => Known::Flaky,
        }
    }

    /// What is known of each test of a suite, by failures and attempts, in order: looked at whenever somebody likes.
    ///
    /// The evidence against "fails as often as asked" of `n` straight passes is the likelihood ratio of a test that
    /// hardly ever fails: an e-value at any moment (J. Ville's inequality for martingales). Tests with the largest are
    /// called stable by the rule of R. Wang and A. Ramdas, "False Discovery Rate Control with E-values", JRSS B 84
    /// (2022): the `k` largest of `m`, where the least of them is at least `m / (k error)`. That is Benjamini's and
    /// Hochberg's rule, and holds however tests depend on one another. Where nothing fails, it takes as many attempts as
    /// one test does.
    #[must_use]
    pub fn of_suite(&self, tests: &[(u32, u32)]) -> Vec<Known> {
        let counted = |(failures, ran): &(u32, u32)| (*ran > 0).then(|| ((*failures).min(*ran), *ran));
        let ran = tests.iter().filter_map(counted).count();
        let straight = |kind: fn(u32, u32) -> bool| {
            tests.iter().filter_map(counted).filter(move |(k, n)| kind(*k, *n)).map(|(_, n)| n)
        };
        let stable_from = self.row_needed(straight(|failures, _| failures == 0), ran);
        let broken_from = self.row_needed(straight(|failures, ran| failures == ran), ran);
        let known = |test: &(u32, u32)| match counted(test) {
            None => Known::Undecided,
            Some((0, ran)) if ran >= stable_from => Known::Stable,
            Some((failures, ran)) if failures == ran && ran >= broken_from => Known::Broken,
            Some((failures, ran)) if failures == 0 || failures == ran || ran < AT_LEAST => Known::Undecided,
            Some(_) => Known::Flaky,
        };
        tests.iter().map(known).collect()
    }

    /// Length from which a row of equal outcomes is enough, given all such rows among `of` tests.
    fn row_needed(&self, rows: impl Iterator<Item = u32>, of: usize) -> u32 {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable_by(|a, b| b.cmp(a));
        let step = ((1.0 - NOISE) / (1.0 - self.asked)).ln();
        let enough = |(before, row): (usize, &u32)| {
            #[expect(clippy::cast_precision_loss, reason = "numbers of tests are far below 2^53")]
            let needed = (of as f64 / ((before + 1) as f64 * self.error)).ln();
            (f64::from(*row) * step >= needed).then_some(*row)
        };
        rows.iter().enumerate().filter_map(enough).next_back().unwrap_or(u32::MAX)
    }

    /// Attempts with the same outcome after which a test is decided.
    #[must_use]
    pub fn attempts_needed(&self) -> u32 {
        self.test.passes_needed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_of_outcome_takes_a_row_of_them_and_both_kinds_are_proof() {
        let ten_percent = Certainty::new(0.10, 0.05).unwrap();
        for (failures, ran, expected) in [
            (0, 0, Known::Undecided),
            (0, 28, Known::Undecided),
            (0, 29, Known::Stable),
            (28, 28, Known::Undecided),
            (29, 29, Known::Broken),
            (1, 2, Known::Undecided),
            (1, 9, Known::Undecided),
            (1, 10, Known::Flaky),
            (9, 10, Known::Flaky),
            (1, 1000, Known::Flaky),
            (999, 1000, Known::Flaky),
            (7, 5, Known::Undecided),
        ] {
            assert_eq!(ten_percent.of(failures, ran), expected, "{failures} of {ran}");
        }
        assert_eq!(ten_percent.attempts_needed(), 29);
    }

    #[test]
    fn a_suite_takes_longer_the_fewer_of_its_tests_never_fail() {
        let ten_percent = Certainty::new(0.10, 0.05).unwrap();
        let suite = |stable: usize, flaky: usize, ran: u32| {
            let mut tests = vec![(0, ran); stable];
            tests.extend(vec![(3, ran); flaky]);
            ten_percent.of_suite(&tests)
        };
        // ln(m / (k 0.05)) / ln(0.999 / 0.9), rounded up.
        for (stable, flaky, needed) in [(1, 0, 29), (5000, 0, 29), (10, 10, 36), (1, 99, 73), (1, 4999, 111)]
        {
            assert_eq!(suite(stable, flaky, needed)[0], Known::Stable, "{stable} {flaky}");
            assert_eq!(suite(stable, flaky, needed - 1)[0], Known::Undecided, "{stable} {flaky}");
        }
        assert_eq!(
            ten_percent.of_suite(&[(29, 29), (0, 0), (1, 9), (1, 10)])[1..],
            [Known::Undecided, Known::Undecided, Known::Flaky]
        );
        assert_eq!(ten_percent.of_suite(&[(29, 29)]), [Known::Broken]);
        assert_eq!(ten_percent.of_suite(&[]), []);
    }

    #[test]
    fn rates_and_errors_that_cannot_be_asked_for_are_refused() {
        for (asked, error) in
            [(0.001, 0.05), (0.0, 0.05), (1.0, 0.05), (0.1, 0.0), (0.1, 0.5), (f64::NAN, 0.05)]
        {
            assert_eq!(Certainty::new(asked, error), None, "{asked} {error}");
        }
    }
}
