//! When a test may leave quarantine.
//!
//! A test is released when its clean attempts since the last failure bound its failure rate below a threshold: with 95 %
//! confidence, one-sided, by Clopper and Pearson, which for clean attempts is `1 - 0.05^(1/n)`; 59 of them release at 5 %.
//!
//! What that promises: of stretches of clean attempts that a test of the threshold's rate makes, one in twenty is long enough
//! to be luck, and the more often somebody looks, the more stretches there are. So a test that still fails at just that rate
//! comes out in the end: after 392 attempts on average, by `(1/p) ((1-p)^-n - 1)`, the waiting time for a run of successes (W. Feller,
//! "An Introduction to Probability Theory and Its Applications" I, XIII.7). One that fails at twice the rate takes 4,998, at four times
//! 2.6 million. What came out wrongly is seen again, and back in quarantine with its evidence; a bound that no look can
//! cheat would keep mended tests in for three times as long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CleanStretch, LEVEL, Share};
use crate::refute::passes_to_refute;

/// The failure rate below which a test is released where nobody says otherwise: what 59 clean attempts show, one run of
/// `flaky` as it is by default.
pub const RELEASE_BELOW: f64 = 0.05;

/// What is known for a release.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// Clean attempts since the last failure.
    pub clean: u32,
    /// In so many runs.
    pub runs: u32,
    /// The failure rate is at most this (one-sided, 95 %).
    pub at_most: f64,
    /// What it has to be below.
    pub below: f64,
    /// Clean attempts that it takes.
    pub needed: u32,
}

impl Release {
    /// Of a stretch of clean attempts.
    #[must_use]
    pub fn of(stretch: CleanStretch, below: f64) -> Self {
        Self {
            clean: stretch.ran,
            runs: stretch.runs,
            at_most: Share { ran: stretch.ran, failed: 0 }.at_most(),
            below,
            needed: passes_to_refute(below, LEVEL).unwrap_or(u32::MAX),
        }
    }

    /// Whether the attempts suffice.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.clean >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::Chance;

    fn of(ran: u32, below: f64) -> Release {
        Release::of(CleanStretch { ran, runs: 1, began: None }, below)
    }

    #[test]
    fn enough_clean_attempts_release_and_one_fewer_does_not() {
        for (below, needed) in [(0.2, 14), (0.1, 29), (0.05, 59), (0.02, 149), (0.01, 299)] {
            assert_eq!(of(0, below).needed, needed);
            assert!(of(needed, below).is_due() && of(needed, below).at_most <= below, "{below}");
            assert!(!of(needed - 1, below).is_due() && of(needed - 1, below).at_most > below, "{below}");
        }
        assert!((of(60, 0.05).at_most - 0.0487).abs() < 1e-4);
        assert!(!of(0, 0.05).is_due());
    }

    /// Attempts until a test that still fails comes out, somebody looking after every one: Feller's formula, by simulation.
    #[test]
    fn a_test_that_still_fails_comes_out_late() {
        let waiting = |rate: f64, chance: &mut Chance| {
            let (mut attempts, mut clean) = (0_u32, 0);
            while !of(clean, RELEASE_BELOW).is_due() {
                attempts += 1;
                clean = if chance.happens(rate) { 0 } else { clean + 1 };
            }
            f64::from(attempts)
        };
        let mut chance = Chance::new(11);
        for (rate, expected) in [(0.05, 392.0), (0.1, 4_998.0)] {
            let mean = (0..400).map(|_| waiting(rate, &mut chance)).sum::<f64>() / 400.0;
            assert!((mean / expected - 1.0).abs() < 0.15, "{rate}: {mean}");
        }
    }
}
