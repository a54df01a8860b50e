//! Confidence intervals and bounds of a failure rate.

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc_inv;

use crate::evidence::{Bounds, Interval};

/// Two-sided Wilson score interval of `failures / attempts`: what reports show.
///
/// With z the normal quantile of the level, n attempts and p = k/n:
/// `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)`; E. B. Wilson, "Probable Inference, the Law of
/// Succession, and Statistical Inference", JASA 22 (1927), 209–212. Unlike the textbook (Wald) interval it
/// keeps close to its level for small n and rates near 0 or 1. Without attempts it is 0 to 1.
#[must_use]
pub fn wilson(failures: u32, attempts: u32, level: f64) -> Interval {
    let (k, n, level) = sane(failures, attempts, level);
    let z = std::f64::consts::SQRT_2 * erfc_inv(1.0 - level);
    if attempts == 0 || !z.is_finite() {
        return Interval { low: 0.0, high: 1.0, level };
    }
    let (p, z2) = (k / n, z * z);
    let scale = 1.0 + z2 / n;
    let centre = (p + z2 / (2.0 * n)) / scale;
    let half = z / scale * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // The ends are exact where k is 0 or n; elsewhere rounding must not push an end past the rate.
    let low = if k == 0.0 { 0.0 } else { (centre - half).clamp(0.0, p) };
    let high = if k >= n { 1.0 } else { (centre + half).clamp(p, 1.0) };
    Interval { low, high, level }
}

/// Two-sided Clopper–Pearson interval of `failures / attempts`: never covers less than its level.
///
/// The ends are beta quantiles: C. J. Clopper and E. S. Pearson, "The Use of Confidence or Fiducial Limits
/// Illustrated in the Case of the Binomial", Biometrika 26 (1934), 404–413. Without attempts it is 0 to 1.
#[must_use]
pub fn clopper_pearson(failures: u32, attempts: u32, level: f64) -> Interval {
    let (k, n, level) = sane(failures, attempts, level);
    let tail = (1.0 - level) / 2.0;
    Interval { low: 1.0 - at_most(n - k, n, tail), high: at_most(k, n, tail), level }
}

/// One-sided Clopper–Pearson bounds of the failure rate and of the pass rate, each at `level`.
#[must_use]
pub fn bounds(failures: u32, attempts: u32, level: f64) -> Bounds {
    let (k, n, level) = sane(failures, attempts, level);
    let tail = 1.0 - level;
    Bounds { failure_at_most: at_most(k, n, tail), pass_at_most: at_most(n - k, n, tail), level }
}

/// Counts as numbers with k ≤ n, and a level from 0 to 1.
fn sane(failures: u32, attempts: u32, level: f64) -> (f64, f64, f64) {
    let level = if (0.0..=1.0).contains(&level) { level } else { 1.0 };
    (f64::from(failures.min(attempts)), f64::from(attempts), level)
}

/// The largest rate under which seeing `k` of `n` or fewer has probability `tail`: the `1 − tail` quantile of
/// Beta(k+1, n−k).
fn at_most(k: f64, n: f64, tail: f64) -> f64 {
    if k >= n || tail <= 0.0 {
        return 1.0;
    }
    if k == 0.0 {
        // Beta(1, n) has a closed form: (1 − rate)ⁿ = tail.
        return -(tail.ln() / n).exp_m1();
    }
    beta_quantile(1.0 - tail, k + 1.0, n - k)
}

/// Steps after which a bisection of 0 to 1 has used up all bits of a number that is 2⁻²⁷ or more; a rate of
/// less takes more attempts than a `u32` counts in any run's lifetime.
const BISECTIONS: u32 = 80;

/// The x at which the regularised incomplete beta function reaches `probability`. Bisected, because the
/// function is monotone and bisection ends on every input; results are right to 12 digits up to n = 10,000.
fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..BISECTIONS {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high {
            break;
        }
        // An error means an argument outside the function's domain, which a and b above 0 rule out.
        if checked_beta_reg(a, b, middle).unwrap_or(1.0) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.midpoint(high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(got: f64, want: f64, tolerance: f64, what: &str) {
        assert!((got - want).abs() <= tolerance, "{what}: got {got}, want {want}");
    }

    /// R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
    /// methods", Statistics in Medicine 17 (1998), 857–872, table I: methods 3 (Wilson) and 5 (exact), 95 %.
    #[test]
    fn intervals_are_those_of_the_published_table() {
        let table = [
            (81, 263, 0.2553, 0.3662, 0.2527, 0.3676),
            (15, 148, 0.0624, 0.1605, 0.0578, 0.1617),
            (0, 20, 0.0, 0.1611, 0.0, 0.1684),
            (1, 29, 0.0061, 0.1718, 0.0009, 0.1776),
        ];
        for (k, n, wilson_low, wilson_high, exact_low, exact_high) in table {
            let what = format!("{k}/{n}");
            let (score, exact) = (wilson(k, n, 0.95), clopper_pearson(k, n, 0.95));
            close(score.low, wilson_low, 5e-5, &what);
            close(score.high, wilson_high, 5e-5, &what);
            close(exact.low, exact_low, 5e-5, &what);
            close(exact.high, exact_high, 5e-5, &what);
        }
    }

    #[test]
    fn thirty_one_of_a_hundred_is_22_1_to_41_0_per_cent() {
        let interval = clopper_pearson(31, 100, 0.95);
        close(interval.low, 0.221, 5e-4, "low");
        close(interval.high, 0.410, 5e-4, "high");
    }

    /// Without failures the bound solves (1 − p)ⁿ = 0.05 (the exact form of the "rule of three", J. A. Hanley
    /// and A. Lippman-Hand, JAMA 249 (1983), 1743–1745).
    #[test]
    fn bounds_without_failures_are_those_we_promise() {
        let table = [(100, 0.0295), (14, 0.1926), (13, 0.2058), (10, 0.2589), (29, 0.0981), (59, 0.0495)];
        for (n, want) in table {
            close(bounds(0, n, 0.95).failure_at_most, want, 5e-5, &format!("0/{n}"));
            close(bounds(n, n, 0.95).pass_at_most, want, 5e-5, &format!("{n}/{n}"));
        }
        assert!(bounds(0, 100, 0.95).failure_at_most < 0.0296);
        assert!(bounds(0, 14, 0.95).failure_at_most < 0.20);
        assert!(bounds(0, 13, 0.95).failure_at_most > 0.20);
    }

    /// An independent definition: the binomial tail summed term by term.
    fn binomial_at_most(k: u32, n: u32, p: f64) -> f64 {
        let mut term = f64::from(n) * (-p).ln_1p();
        let mut sum = 0.0;
        for i in 0..=k {
            sum += term.exp();
            term += (f64::from(n - i) / f64::from(i + 1)).ln() + p.ln() - (-p).ln_1p();
        }
        sum
    }

    #[test]
    fn a_bound_puts_exactly_the_tail_on_the_other_side() {
        for n in [1, 2, 3, 10, 14, 100, 365, 1000, 10_000] {
            for k in [0, 1, 2, n / 10, n / 3, n / 2, n - 1].into_iter().filter(|k| *k < n) {
                for level in [0.9, 0.95, 0.99] {
                    let bound = bounds(k, n, level).failure_at_most;
                    close(binomial_at_most(k, n, bound), 1.0 - level, 1e-9, &format!("{k}/{n} at {level}"));
                }
            }
        }
    }

    #[test]
    fn without_attempts_nothing_is_excluded() {
        for interval in [wilson(0, 0, 0.95), clopper_pearson(0, 0, 0.95), wilson(3, 0, 0.95)] {
            assert_eq!((interval.low, interval.high), (0.0, 1.0));
        }
        let none = bounds(0, 0, 0.95);
        assert_eq!((none.failure_at_most, none.pass_at_most), (1.0, 1.0));
    }

    #[test]
    fn a_level_that_is_none_excludes_nothing() {
        for level in [1.0, 1.5, -0.1, f64::NAN, f64::INFINITY] {
            for interval in [wilson(3, 10, level), clopper_pearson(3, 10, level)] {
                assert_eq!((interval.low, interval.high, interval.level), (0.0, 1.0, 1.0), "{level}");
            }
            assert_eq!(bounds(3, 10, level).failure_at_most, 1.0);
        }
    }

    #[test]
    fn the_largest_counts_are_no_special_case() {
        for (k, n) in [(0, u32::MAX), (u32::MAX, u32::MAX), (u32::MAX / 2, u32::MAX), (7, 3)] {
            for interval in [wilson(k, n, 0.95), clopper_pearson(k, n, 0.95)] {
                assert!(0.0 <= interval.low && interval.low <= interval.high && interval.high <= 1.0);
            }
        }
    }

    fn counts() -> impl Strategy<Value = (u32, u32)> {
        (1_u32..2000).prop_flat_map(|n| (0..=n, Just(n)))
    }

    proptest! {
        #[test]
        fn an_interval_is_within_0_to_1_and_holds_the_rate((k, n) in counts(), level in 0.5..0.999) {
            let rate = f64::from(k) / f64::from(n);
            for interval in [wilson(k, n, level), clopper_pearson(k, n, level)] {
                prop_assert!(0.0 <= interval.low && interval.low <= rate, "{interval:?} of {rate}");
                prop_assert!(rate <= interval.high && interval.high <= 1.0, "{interval:?} of {rate}");
            }
            let both = bounds(k, n, level);
            prop_assert!(rate <= both.failure_at_most && 1.0 - rate <= both.pass_at_most + 1e-12);
        }

        #[test]
        fn another_failure_moves_every_end_up((k, n) in counts(), level in 0.5..0.999) {
            prop_assume!(k < n);
            for interval in [wilson, clopper_pearson] {
                let (fewer, more) = (interval(k, n, level), interval(k + 1, n, level));
                prop_assert!(fewer.low <= more.low && fewer.high <= more.high);
            }
            let (fewer, more) = (bounds(k, n, level), bounds(k + 1, n, level));
            prop_assert!(fewer.failure_at_most <= more.failure_at_most);
            prop_assert!(fewer.pass_at_most >= more.pass_at_most);
        }

        #[test]
        fn another_pass_moves_the_bound_down((k, n) in counts()) {
            prop_assert!(bounds(k, n + 1, 0.95).failure_at_most <= bounds(k, n, 0.95).failure_at_most);
        }

        #[test]
        fn a_higher_level_is_wider((k, n) in counts(), level in 0.5..0.99) {
            for interval in [wilson, clopper_pearson] {
                let (narrow, wide) = (interval(k, n, level), interval(k, n, level + 0.009));
                prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
            }
        }

        #[test]
        fn failures_and_passes_are_mirror_images((k, n) in counts()) {
            for interval in [wilson, clopper_pearson] {
                let (one, other) = (interval(k, n, 0.95), interval(n - k, n, 0.95));
                prop_assert!((one.low - (1.0 - other.high)).abs() < 1e-12);
            }
        }
    }
}
