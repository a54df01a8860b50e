//! Exact comparison of two failure rates, by the number of failures that fell into each group.

use statrs::function::gamma::ln_gamma;

/// One-sided p-value of Fisher's exact test: how likely `k1` failures or more would fall into the first
/// `n1` attempts, if all `k1 + k2` failures were spread over the `n1 + n2` attempts by chance. A small value
/// says that the first group fails more often than the second.
///
/// R. A. Fisher, "The Design of Experiments" (1935), chapter II; the count is hypergeometric. 1 when a group
/// is empty or nothing failed.
#[must_use]
pub fn fisher_exact_greater(k1: u32, n1: u32, k2: u32, n2: u32) -> f64 {
    let table = Table::new(k1, n1, k2, n2);
    let seen = u64::from(k1.min(n1));
    let least = table.failures.saturating_sub(table.others);
    if seen <= least {
        return 1.0;
    }
    // The sum is taken on the side of the mode where terms only shrink, so that it can end early.
    let p = if seen > table.mode() { table.from(seen) } else { 1.0 - table.down_from(seen - 1) };
    p.clamp(0.0, 1.0)
}

/// The same with half the weight on the table that was seen: the mid-p value. Its level is the nominal one on average
/// where the exact value's is far below it, and may pass it by a little.
///
/// H. O. Lancaster, "Significance Tests in Discrete Distributions", JASA 56 (1961).
#[must_use]
pub fn fisher_mid_p_greater(k1: u32, n1: u32, k2: u32, n2: u32) -> f64 {
    let (k1, k2) = (k1.min(n1), k2.min(n2));
    if n1 == 0 || n2 == 0 {
        return 1.0;
    }
    let table = Table::new(k1, n1, k2, n2);
    (fisher_exact_greater(k1, n1, k2, n2) - table.probability(u64::from(k1)) / 2.0).clamp(0.0, 1.0)
}

/// Two-sided p-value of Fisher's exact test: how likely a split of the failures would be that is as unlikely as this
/// one or more so, were they spread by chance. 1 when a group is empty or nothing failed.
///
/// Summing what is as unlikely is the usual way of two in use (A. Agresti, "A Survey of Exact Inference for Contingency
/// Tables", Statistical Science 7 (1992), section 2).
#[must_use]
pub fn fisher_exact(k1: u32, n1: u32, k2: u32, n2: u32) -> f64 {
    let (k1, k2) = (k1.min(n1), k2.min(n2));
    let table = Table::new(k1, n1, k2, n2);
    let seen = u64::from(k1);
    let mode = table.mode();
    // Equally likely splits must not fall apart by rounding.
    let limit = table.probability(seen) * (1.0 + 1e-7);
    let least = table.failures.saturating_sub(table.others);
    let most = table.attempts.min(table.failures);
    // Probabilities fall on either side of the mode: the other tail begins where they first are as small.
    let p = if seen > mode {
        let fits = |x: u64| table.probability(x) <= limit;
        let below = last_that(least, mode, fits);
        table.from(seen) + below.map_or(0.0, |x| table.down_from(x))
    } else if seen < mode {
        let above = first_that(mode, most, |x| table.probability(x) <= limit);
        table.down_from(seen) + above.map_or(0.0, |x| table.from(x))
    } else {
        1.0
    };
    p.clamp(0.0, 1.0)
}

/// The last of `from..=to` that fits, where those that do come first.
fn last_that(from: u64, to: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    if from > to || !fits(from) {
        return None;
    }
    let (mut good, mut past) = (from, to.saturating_add(1));
    while past - good > 1 {
        let middle = good + (past - good) / 2;
        if fits(middle) { good = middle } else { past = middle }
    }
    Some(good)
}

/// The first of `from..=to` that fits, where those that do come last.
fn first_that(from: u64, to: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    if from > to || !fits(to) {
        return None;
    }
    let (mut before, mut good) = (from, to);
    if fits(before) {
        return Some(before);
    }
    while good - before > 1 {
        let middle = before + (good - before) / 2;
        if fits(middle) { good = middle } else { before = middle }
    }
    Some(good)
}

/// Two groups of attempts and the failures among both, the margins that the test holds fixed.
struct Table {
    attempts: u64,
    others: u64,
    failures: u64,
}

impl Table {
    fn new(k1: u32, n1: u32, k2: u32, n2: u32) -> Self {
        Self {
            attempts: u64::from(n1),
            others: u64::from(n2),
            failures: u64::from(k1.min(n1)) + u64::from(k2.min(n2)),
        }
    }

    /// Most likely number of failures in the first group.
    fn mode(&self) -> u64 {
        let product = u128::from(self.attempts + 1) * u128::from(self.failures + 1);
        u64::try_from(product / u128::from(self.attempts + self.others + 2)).unwrap_or(u64::MAX)
    }

    /// Probability of exactly `x` failures in the first group; `x` must be possible.
    fn probability(&self, x: u64) -> f64 {
        (ln_choose(self.attempts, x) + ln_choose(self.others, self.failures.saturating_sub(x))
            - ln_choose(self.attempts + self.others, self.failures))
        .exp()
    }

    /// Probability of `x` failures or more, for an `x` past the mode.
    fn from(&self, x: u64) -> f64 {
        let most = self.attempts.min(self.failures);
        let mut term = self.probability(x);
        let mut sum = term;
        for x in x..most {
            term *= ratio(self.attempts - x, x + 1)
                * ratio(self.failures - x, (self.others + x + 1).saturating_sub(self.failures));
            if !adds(&mut sum, term) {
                break;
            }
        }
        sum
    }

    /// Probability of `x` failures or fewer, for an `x` before the mode.
    fn down_from(&self, x: u64) -> f64 {
        let least = self.failures.saturating_sub(self.others);
        let mut term = self.probability(x);
        let mut sum = term;
        for x in (least + 1..=x).rev() {
            term *= ratio(x, self.attempts - x + 1)
                * ratio((self.others + x).saturating_sub(self.failures), self.failures - x + 1);
            if !adds(&mut sum, term) {
                break;
            }
        }
        sum
    }
}

/// Adds a term; false when it no longer changes the sum.
fn adds(sum: &mut f64, term: f64) -> bool {
    let before = *sum;
    *sum += term;
    *sum > before
}

#[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^53")]
fn ratio(numerator: u64, denominator: u64) -> f64 {
    numerator as f64 / denominator as f64
}

/// Natural logarithm of the number of ways to choose k of n; k must not be above n.
#[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^53")]
fn ln_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n);
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choose(n: u128, k: u128) -> u128 {
        (0..k).fold(1, |ways, i| ways * (n - i) / (i + 1))
    }

    /// The definition, in whole numbers.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn by_counting(k1: u128, n1: u128, k2: u128, n2: u128) -> f64 {
        let failures = k1 + k2;
        let ways: u128 = (k1..=n1.min(failures))
            .filter(|x| failures - x <= n2)
            .map(|x| choose(n1, x) * choose(n2, failures - x))
            .sum();
        ways as f64 / choose(n1 + n2, failures) as f64
    }

    #[test]
    fn the_lady_tasting_tea_is_17_of_70() {
        // Fisher (1935), chapter II: 3 of 4 right by chance has probability 17/70, 4 of 4 has 1/70.
        assert!((fisher_exact_greater(3, 4, 1, 4) - 17.0 / 70.0).abs() < 1e-12);
        assert!((fisher_exact_greater(4, 4, 0, 4) - 1.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn every_small_table_agrees_with_counting() {
        for n1 in 0..=12_u32 {
            for n2 in 0..=12 {
                for k1 in 0..=n1 {
                    for k2 in 0..=n2 {
                        let got = fisher_exact_greater(k1, n1, k2, n2);
                        let want = by_counting(k1.into(), n1.into(), k2.into(), n2.into());
                        assert!((got - want).abs() < 1e-12, "{k1}/{n1} {k2}/{n2}: {got} {want}");
                    }
                }
            }
        }
    }

    /// The definitions, in whole numbers, for the two-sided and the mid-p value.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn two_sided_and_mid_p_values_of_every_small_table_agree_with_counting() {
        for (n1, n2) in [(1, 1), (5, 3), (4, 4), (9, 2), (10, 10), (12, 7), (0, 5), (5, 0)] {
            for (k1, k2) in (0..=n1).flat_map(|a| (0..=n2).map(move |b| (a, b))) {
                let ways = |x: u128| choose(n1, x) * choose(n2, k1 + k2 - x);
                let possible = (0..=n1.min(k1 + k2)).filter(|x| k1 + k2 - x <= n2);
                let as_unlikely: u128 = possible.map(ways).filter(|w| *w <= ways(k1)).sum();
                let all = choose(n1 + n2, k1 + k2) as f64;
                let [a, b, c, d] = [k1, n1, k2, n2].map(|n| u32::try_from(n).unwrap());
                assert!(
                    (fisher_exact(a, b, c, d) - as_unlikely as f64 / all).abs() < 1e-9,
                    "{a}/{b} {c}/{d}"
                );
                if n1 > 0 && n2 > 0 {
                    let mid = by_counting(k1, n1, k2, n2) - ways(k1) as f64 / all / 2.0;
                    assert!((fisher_mid_p_greater(a, b, c, d) - mid).abs() < 1e-9, "{a}/{b} {c}/{d}");
                }
            }
        }
    }

    /// SciPy's documentation of `fisher_exact` (1.14): the table [[6, 2], [1, 4]] has 0.102564 two-sided.
    #[test]
    fn the_two_sided_value_is_scipys() {
        assert!((fisher_exact(6, 8, 1, 5) - 0.102_564_102_564_102_62).abs() < 1e-12);
    }

    #[test]
    fn tables_of_a_run_agree_with_counting() {
        for (k1, n1, k2, n2) in
            [(5, 50, 0, 10), (12, 40, 0, 20), (40, 60, 30, 60), (1, 100, 0, 10), (60, 60, 0, 5)]
        {
            let got = fisher_exact_greater(k1, n1, k2, n2);
            let want = by_counting(k1.into(), n1.into(), k2.into(), n2.into());
            assert!((got - want).abs() < 1e-10 * want.max(1e-3), "{k1}/{n1} {k2}/{n2}: {got} {want}");
        }
    }

    #[test]
    fn counts_that_cannot_be_still_have_a_value() {
        for (k1, n1, k2, n2, want) in [(0, 0, 0, 0, 1.0), (5, 0, 5, 0, 1.0), (9, 4, 0, 4, 1.0 / 70.0)] {
            assert!((fisher_exact_greater(k1, n1, k2, n2) - want).abs() < 1e-12);
        }
        let huge = fisher_exact_greater(u32::MAX, u32::MAX, 0, u32::MAX);
        assert!((0.0..1e-12).contains(&huge), "{huge}");
    }

    proptest! {
        #[test]
        fn it_is_a_probability_that_falls_with_every_failure_of_the_first_group(
            n1 in 1_u32..1000, n2 in 0_u32..1000, a in 0.0..1.0, b in 0.0..1.0,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
            let share = |n: u32, x: f64| (f64::from(n) * x) as u32;
            let (k1, k2) = (share(n1, a).min(n1 - 1), share(n2, b));
            let (fewer, more) = (fisher_exact_greater(k1, n1, k2, n2), fisher_exact_greater(k1 + 1, n1, k2, n2));
            prop_assert!((0.0..=1.0).contains(&fewer) && (0.0..=1.0).contains(&more));
            prop_assert!(more <= fewer + 1e-9);
        }
    }
}
