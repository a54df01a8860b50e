//! When enough is known about a test to stop.
//!
//! A test that was seen to pass and to fail is flaky, whatever comes later. What only passed may still be flaky, and
//! what only failed may still pass at times: there a sequential test decides. It asks for a rate: a test that fails at
//! least that often ([`Certainty::new`]'s `asked`) is called stable with a probability of at most `error / (1 - error)`,
//! however often, and at whatever moments, somebody looks; and the same of tests that pass that often and are called
//! broken. Tests that fail more rarely than asked may be called stable: that is what asking for a rate means.

use crate::stats::{Decision, SequentialTest};

/// What a test may do without anybody calling it flaky: one attempt in a thousand. The lower rate of the sequential
/// tests; A. Wald's test needs one, and a failure is worth the more against it the smaller it is.
const NOISE: f64 = 0.001;

/// Attempts that are made before anything is decided by both kinds of outcome having been seen. Stopping at the first
/// failure would make rates look larger than they are, and the interval of a rare failure would miss the true rate too
/// often (`examples/stopping.rs` shows how often).
pub const AT_LEAST: u32 = 10;

/// How sure to be, of tests that fail (or pass) how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certainty {
    test: SequentialTest,
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
        SequentialTest::new(NOISE, asked, error, error).map(|test| Self { test })
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
    fn rates_and_errors_that_cannot_be_asked_for_are_refused() {
        for (asked, error) in
            [(0.001, 0.05), (0.0, 0.05), (1.0, 0.05), (0.1, 0.0), (0.1, 0.5), (f64::NAN, 0.05)]
        {
            assert_eq!(Certainty::new(asked, error), None, "{asked} {error}");
        }
    }
}
