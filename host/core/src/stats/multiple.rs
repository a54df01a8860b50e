//! Many tests at once.

/// Adjusted p-values (q-values) of Benjamini and Hochberg, in the order of `p`: rejecting what is at most `q` keeps the
/// expected share of false alarms among all alarms at most `q`.
///
/// Y. Benjamini, Y. Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57
/// (1995). Holds for independent tests and for tests that depend on one another positively, as tests that fail together
/// do. A NaN counts as 1.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let value = |i: usize| p.get(i).copied().filter(|p| !p.is_nan()).unwrap_or(1.0).clamp(0.0, 1.0);
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (from_last, &index) in order.iter().enumerate() {
        let rank = p.len() - from_last;
        #[expect(clippy::cast_precision_loss, reason = "numbers of tests are far below 2^53")]
        let scaled = value(index) * p.len() as f64 / rank as f64;
        least = least.min(scaled);
        if let Some(slot) = adjusted.get_mut(index) {
            *slot = least;
        }
    }
    adjusted
}

/// Adjusted p-values of Holm, in the order of `p`: rejecting what is at most `a` makes any false alarm at all with a
/// probability of at most `a`, however the tests depend on one another.
///
/// S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979). A
/// NaN counts as 1.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let value = |i: usize| p.get(i).copied().filter(|p| !p.is_nan()).unwrap_or(1.0).clamp(0.0, 1.0);
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    let mut adjusted = vec![1.0; p.len()];
    let mut most = 0.0_f64;
    for (before, &index) in order.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "numbers of tests are far below 2^53")]
        let scaled = value(index) * (p.len() - before) as f64;
        most = most.max(scaled.min(1.0));
        if let Some(slot) = adjusted.get_mut(index) {
            *slot = most;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the paper's section 4.1 (15 comparisons of Neuhaus et al., 1992): at 0.05 the procedure rejects
    /// the 4 smallest, where Bonferroni rejects 3.
    #[test]
    fn the_papers_own_example_rejects_four() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0000,
        ];
        let q = benjamini_hochberg(&p);
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        assert_eq!(p.iter().filter(|p| **p * 15.0 <= 0.05).count(), 3);
        assert!((q[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
        let mut turned = p;
        turned.reverse();
        let mut back = benjamini_hochberg(&turned);
        back.reverse();
        assert_eq!(back, q, "the order of the input does not matter");
    }

    /// R's documentation of `p.adjust` defines it so; the four values are those of Holm's procedure worked by hand:
    /// 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 raised to the value before it.
    #[test]
    fn holms_values_are_what_the_procedure_gives_by_hand() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (got, want) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((got - want).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
        assert_eq!(holm(&[f64::NAN, 0.6]), [1.0, 1.0]);
    }

    #[test]
    fn nothing_one_and_nan_are_no_trouble() {
        assert_eq!(benjamini_hochberg(&[]), Vec::<f64>::new());
        assert_eq!(benjamini_hochberg(&[0.2]), [0.2]);
        assert_eq!(benjamini_hochberg(&[f64::NAN, -1.0, 7.0]), [1.0, 0.0, 1.0]);
    }

    proptest! {
        #[test]
        fn holm_lies_between_the_value_itself_and_bonferroni(p in proptest::collection::vec(0.0_f64..=1.0, 1..40)) {
            #[expect(clippy::cast_precision_loss, reason = "a small count")]
            let n = p.len() as f64;
            for ((before, adjusted), fdr) in p.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
                prop_assert!(adjusted >= *before && adjusted <= (before * n).min(1.0) + 1e-12);
                prop_assert!(fdr <= adjusted + 1e-12);
            }
        }

        #[test]
        fn adjusted_values_are_larger_and_in_the_same_order(p in proptest::collection::vec(0.0_f64..=1.0, 0..40)) {
            let q = benjamini_hochberg(&p);
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] - 1e-12 && q[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || q[i] <= q[j]);
                }
            }
        }
    }
}
