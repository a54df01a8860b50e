//! What can be said of failures among attempts.

use super::Share;
use crate::evidence::Interval;
use crate::stats::{bounds, clopper_pearson};

/// Confidence level of every bound and test of the history: as sure as verdicts are.
pub const LEVEL: f64 = 0.95;

impl Share {
    /// Failures among attempts, counted together.
    #[must_use]
    pub fn total<'a>(shares: impl IntoIterator<Item = &'a Self>) -> Self {
        shares.into_iter().fold(Self::default(), |sum, share| Self {
            ran: sum.ran.saturating_add(share.ran),
            failed: sum.failed.saturating_add(share.failed),
        })
    }

    /// `failed / ran`; 0 when nothing ran.
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.ran.max(1))
    }

    /// Of the rate (Clopper–Pearson), two-sided.
    #[must_use]
    pub fn interval(&self) -> Interval {
        clopper_pearson(self.failed, self.ran, LEVEL)
    }

    /// The one-sided upper bound of the rate (C. J. Clopper, E. S. Pearson, Biometrika 26 (1934)). Of clean attempts alone
    /// it is `1 - 0.05^(1/ran)`: 59 of them bound the rate by 4.95 %.
    #[must_use]
    pub fn at_most(&self) -> f64 {
        bounds(self.failed, self.ran, LEVEL).failure_at_most
    }

    /// It ran, and never failed.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.ran > 0 && self.failed == 0
    }

    /// It failed and passed.
    #[must_use]
    pub const fn is_mixed(&self) -> bool {
        self.failed > 0 && self.failed < self.ran
    }
}

/// Changes from clean to failing and back, from each commit at which the test ran to the next one.
#[must_use]
pub fn flips<'a>(commits: impl IntoIterator<Item = &'a Share>) -> u32 {
    let mut before = None;
    let mut flips = 0_u32;
    for share in commits.into_iter().filter(|share| share.ran > 0) {
        let clean = share.is_clean();
        flips = flips.saturating_add(u32::from(before.is_some_and(|before| before != clean)));
        before = Some(clean);
    }
    flips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_clean_attempts_are_the_published_ones() {
        // 1 - 0.05^(1/n): 59 and 60 clean attempts; 100 are the "rule of three" (J. A. Hanley, A. Lippman-Hand, JAMA 249 (1983)).
        for (ran, at_most) in
            [(1, 0.95), (14, 0.1926), (58, 0.0503), (59, 0.0495), (60, 0.0487), (100, 0.0295)]
        {
            let share = Share { ran, failed: 0 };
            assert!((share.at_most() - at_most).abs() < 6e-5, "{ran}: {}", share.at_most());
        }
        assert!((Share::default().at_most() - 1.0).abs() < 1e-12, "nothing is known");
    }

    #[test]
    fn flips_are_changes_between_commits_at_which_it_ran() {
        for (shares, expected) in [
            (&[][..], 0),
            (&[(10, 0)], 0),
            (&[(10, 0), (10, 1)], 1),
            (&[(10, 0), (0, 0), (10, 0), (10, 1), (10, 10), (10, 0)], 2),
            (&[(1, 1), (1, 0), (1, 1), (1, 0)], 3),
        ] {
            let shares: Vec<Share> = shares.iter().map(|&(ran, failed)| Share { ran, failed }).collect();
            assert_eq!(flips(&shares), expected, "{shares:?}");
        }
    }
}
