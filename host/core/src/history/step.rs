//! "3 % then, 9 % now": the one commit at which a test's rate changed most, and whether that is more than chance.
//!
//! The commits are split in two at every place, and the split under which the outcomes are likeliest is taken: the maximum
//! of the likelihood ratio of one change in a sequence of binomials (D. V. Hinkley, E. A. Hinkley, "Inference about the
//! change-point in a sequence of binomial variables", Biometrika 57 (1970); K. J. Worsley, "The power of likelihood ratio
//! and cumulative sum tests for a change in a binomial probability", Biometrika 70 (1983)). Its p-value is that of Fisher's
//! exact test, times the number of places that were tried (Bonferroni): no approximation, and never too small.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommitShare, LEVEL, Share};
use crate::stats::fisher_exact;

/// A change of the rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The first commit of the later part.
    pub at: String,
    /// Until then.
    pub before: Share,
    /// From there on.
    pub after: Share,
    /// How likely so large a difference is anywhere, had nothing changed.
    pub p_value: f64,
}

impl Step {
    /// Whether it is more than chance.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.p_value <= 1.0 - LEVEL
    }
}

/// Where the rate changed most; `None` where it is the same at all commits, or there is only one. Of splits that are equally
/// likely, the earliest.
#[must_use]
pub fn step(commits: &[CommitShare]) -> Option<Step> {
    let ran: Vec<&CommitShare> = commits.iter().filter(|commit| commit.share.ran > 0).collect();
    let all = Share::total(ran.iter().map(|commit| &commit.share));
    let mut before = Share::default();
    let mut best: Option<(f64, Step)> = None;
    for pair in ran.windows(2) {
        let [left, right] = pair else { continue };
        before = Share::total([&before, &left.share]);
        let after = Share {
            ran: all.ran.saturating_sub(before.ran),
            failed: all.failed.saturating_sub(before.failed),
        };
        let gain = log_likelihood(before) + log_likelihood(after) - log_likelihood(all);
        if gain > best.as_ref().map_or(LEAST_GAIN, |(most, _)| *most) {
            let step = Step { at: right.commit.clone(), before, after, p_value: 1.0 };
            best = Some((gain, step));
        }
    }
    let (_, mut step) = best?;
    let p = fisher_exact(step.before.failed, step.before.ran, step.after.failed, step.after.ran);
    let tried = u32::try_from(ran.len().saturating_sub(1)).unwrap_or(u32::MAX);
    step.p_value = (p * f64::from(tried)).min(1.0);
    Some(step)
}

/// What rounding can make of no difference.
const LEAST_GAIN: f64 = 1e-9;

/// `k ln(k/n) + (n-k) ln(1 - k/n)`, the largest log-likelihood of `k` failures of `n`, without the part that no split changes.
fn log_likelihood(share: Share) -> f64 {
    let term = |part: u32| match part {
        0 => 0.0,
        part => f64::from(part) * (f64::from(part) / f64::from(share.ran)).ln(),
    };
    term(share.failed) + term(share.ran.saturating_sub(share.failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{Chance, commits};

    #[test]
    fn the_split_that_makes_the_outcomes_likeliest_is_found() {
        for (shares, at, shown) in [
            (&[][..], None, false),
            (&[(100, 3)], None, false),
            (&[(100, 3), (100, 3)], None, false),
            (&[(100, 3), (100, 3), (100, 12), (100, 11)], Some("c2"), true),
            (&[(100, 3), (100, 9)], Some("c1"), false),
            (&[(300, 9), (300, 27)], Some("c1"), true),
            (&[(50, 0), (50, 0), (50, 20), (0, 0), (50, 22)], Some("c2"), true),
            (&[(50, 20), (50, 22), (50, 0)], Some("c2"), true),
        ] {
            let step = step(&commits(shares));
            assert_eq!(step.as_ref().map(|s| s.at.as_str()), at, "{shares:?}");
            assert_eq!(step.is_some_and(|s| s.is_shown()), shown, "{shares:?}");
        }
    }

    /// 9 of 300 against 27 of 300: 0.002964, by the definition with exact integers.
    #[test]
    fn its_p_value_is_fishers_times_the_places_tried() {
        let one = step(&commits(&[(300, 9), (300, 27)])).unwrap();
        let three = step(&commits(&[(150, 4), (150, 5), (150, 13), (150, 14)])).unwrap();
        assert_eq!((three.before, three.after), (one.before, one.after));
        assert!((one.p_value - 0.002_964_472).abs() < 1e-9);
        assert!((three.p_value - 3.0 * one.p_value).abs() < 1e-12);
    }

    #[test]
    fn where_nothing_changed_a_change_is_shown_at_most_once_in_twenty() {
        let mut chance = Chance::new(7);
        let mut shown = 0;
        for _ in 0..1000 {
            let shares: Vec<(u32, u32)> = (0..12).map(|_| (30, chance.failures(30, 0.1))).collect();
            shown += u32::from(step(&commits(&shares)).is_some_and(|step| step.is_shown()));
        }
        assert!(shown <= 50, "{shown} of 1000");
    }
}
