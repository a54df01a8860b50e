//! Comparing two series of attempts that were made under the same seeds.

use statrs::function::gamma::ln_gamma;

/// Two-sided p-value of McNemar's exact test with the mid-p correction: how likely the pairs that differ would be as
/// uneven as this, were either direction as likely as the other.
///
/// `only_first` pairs failed in the first series alone, `only_second` in the second alone; pairs that agree say
/// nothing. Q. McNemar, Psychometrika 12 (1947); the mid-p form is the recommendation of M. W. Fagerland, S. Lydersen
/// and P. Laake, BMC Medical Research Methodology 13:91 (2013): it keeps the nominal level in practice where the exact
/// conditional test is far below it. 1 when no pair differs.
#[must_use]
pub fn mcnemar_mid_p(only_first: u32, only_second: u32) -> f64 {
    let Some((exact, point)) = binomial_half(only_first, only_second) else { return 1.0 };
    (exact - point).clamp(0.0, 1.0)
}

/// Two-sided p-value of McNemar's exact conditional test: never above the nominal level, and conservative for it.
#[must_use]
pub fn mcnemar_exact(only_first: u32, only_second: u32) -> f64 {
    binomial_half(only_first, only_second).map_or(1.0, |(exact, _)| exact.min(1.0))
}

/// Twice the smaller tail of a fair coin, and the probability of the very outcome that was seen.
fn binomial_half(a: u32, b: u32) -> Option<(f64, f64)> {
    let (least, n) = (a.min(b), a.checked_add(b)?);
    if n == 0 {
        return None;
    }
    let point = |k: u32| {
        let (n, k) = (f64::from(n), f64::from(k));
        (ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) - n * std::f64::consts::LN_2).exp()
    };
    // From the largest term down, so that it can end early.
    let mut tail = 0.0;
    for k in (0..=least).rev() {
        let before = tail;
        tail += point(k);
        if tail <= before {
            break;
        }
    }
    Some((2.0 * tail, point(least)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) -> bool {
        (got - want).abs() <= relative * want
    }

    /// Fagerland, Lydersen, Laake (2013), table 2: airway hyper-responsiveness before and after stem-cell
    /// transplantation, 1 against 7 discordant pairs: exact 0.0703, mid-p 0.0391. Table 3: complete response of
    /// Bentur et al., and the arithmetic behind both is 2 * sum and 2 * sum - point over 2^-n.
    #[test]
    fn published_pairs_give_published_values() {
        assert!(close(mcnemar_exact(1, 7), 0.0703, 0.001));
        assert!(close(mcnemar_mid_p(1, 7), 0.0391, 0.002));
    }

    #[test]
    fn small_cases_are_what_counting_says() {
        for (a, b, exact, mid) in [
            (0, 0, 1.0, 1.0),
            (0, 1, 1.0, 0.5),
            (0, 5, 0.0625, 0.03125),
            (0, 6, 0.03125, 0.015_625),
            (5, 0, 0.0625, 0.03125),
            (3, 3, 1.0, 1.0),
            (2, 6, 74.0 / 256.0, 46.0 / 256.0),
        ] {
            assert!((mcnemar_exact(a, b) - exact).abs() < 1e-12, "{a} {b}");
            assert!((mcnemar_mid_p(a, b) - mid).abs() < 1e-12, "{a} {b}: {}", mcnemar_mid_p(a, b));
        }
    }

    #[test]
    fn the_more_uneven_the_smaller_and_never_outside_0_to_1() {
        for n in [1_u32, 2, 9, 50, 1000, 100_000] {
            let mut last = 0.0;
            for k in (0..=n / 2).step_by((n / 40).max(1) as usize) {
                let (exact, mid) = (mcnemar_exact(k, n - k), mcnemar_mid_p(k, n - k));
                assert!((0.0..=1.0).contains(&mid) && mid <= exact && exact <= 1.0, "{k} of {n}");
                assert!(exact >= last, "{k} of {n}");
                last = exact;
            }
        }
        assert!(mcnemar_exact(u32::MAX, u32::MAX) <= 1.0);
    }
}
