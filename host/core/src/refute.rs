//! How many attempts without a failure refute an earlier failure rate.

/// Attempts that must all pass before a failure rate of `rate` is refuted with confidence `level`: the least n with
/// `(1 - rate)^n <= 1 - level`, which is where the one-sided Clopper–Pearson bound of n passes falls to `rate`. `None` when
/// either is not above 0 and below 1, or when it takes more than four billion.
#[must_use]
pub fn passes_to_refute(rate: f64, level: f64) -> Option<u32> {
    let within = |share: f64| share > 0.0 && share < 1.0;
    if !within(rate) || !within(level) {
        return None;
    }
    // `ln_1p`: of rates near 0, `1 - rate` would lose the digits that matter.
    let attempts = ((1.0 - level).ln() / (-rate).ln_1p()).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, and at least 1")]
    (attempts <= f64::from(u32::MAX)).then_some(attempts as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bounds;

    #[test]
    fn known_numbers_of_attempts_see_a_failure_with_95_and_99_percent() {
        // By hand: ln 0.05 / ln(1 - p) and ln 0.01 / ln(1 - p), rounded up.
        let table =
            [(0.5, 5, 7), (0.2, 14, 21), (0.1, 29, 44), (0.05, 59, 90), (0.02, 149, 228), (0.01, 299, 459)];
        for (rate, at_95, at_99) in table {
            assert_eq!(passes_to_refute(rate, 0.95), Some(at_95), "{rate}");
            assert_eq!(passes_to_refute(rate, 0.99), Some(at_99), "{rate}");
        }
    }

    #[test]
    fn so_many_passes_bring_the_bound_below_the_rate_and_one_fewer_do_not() {
        for rate in [0.9, 0.31, 0.123, 0.04, 0.0031] {
            let n = passes_to_refute(rate, 0.95).unwrap();
            assert!(bounds(0, n, 0.95).failure_at_most <= rate, "{rate} {n}");
            assert!(n == 1 || bounds(0, n - 1, 0.95).failure_at_most > rate, "{rate} {n}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for (rate, level) in
            [(0.0, 0.95), (1.0, 0.95), (0.1, 0.0), (0.1, 1.0), (f64::NAN, 0.95), (1e-300, 0.95)]
        {
            assert_eq!(passes_to_refute(rate, level), None, "{rate} {level}");
        }
    }
}
