//! Comparing two samples by their ranks.

use std::collections::HashMap;

use statrs::function::erf::erfc;

/// Pairs up to which the exact distribution is used, where no value repeats. At 20 values each it and the normal
/// approximation agree to the third digit of a p-value of 5 %.
const EXACT_UP_TO: usize = 400;

/// The one-sided rank-sum test of F. Wilcoxon in the form of H. B. Mann and D. R. Whitney, "On a Test of Whether one of
/// Two Random Variables is Stochastically Larger than the Other", Annals of Mathematical Statistics 18 (1947): the exact
/// distribution by their recurrence for small samples without ties, else the normal approximation with the correction
/// for ties and for continuity (E. L. Lehmann, "Nonparametrics" (1975), section 1.4).
///
/// Remembers exact distributions, because the same sizes come again and again.
#[derive(Debug, Default)]
pub struct MannWhitney {
    /// By sizes: the probability of at least 0, 1, … pairs in which the first is larger.
    exact: HashMap<(usize, usize), Vec<f64>>,
}

impl MannWhitney {
    /// How likely the values of `x` would be as much larger than those of `y` as they are, or more, did both come from
    /// the same distribution. 1 when one of them is empty. A NaN is larger than all numbers.
    #[must_use]
    pub fn greater(&mut self, x: &[f32], y: &[f32]) -> f64 {
        if x.is_empty() || y.is_empty() {
            return 1.0;
        }
        // With one value the permutation distribution is simple, ties or not.
        if let [x] = x {
            let as_large = y.iter().filter(|y| y.total_cmp(x).is_ge()).count();
            return ratio(as_large + 1, y.len() + 1);
        }
        let ranked = Ranked::new(x, y);
        let has_ties = ranked.ties > 0.0;
        if !has_ties && x.len().saturating_mul(y.len()) <= EXACT_UP_TO {
            let at_least =
                self.exact.entry((x.len(), y.len())).or_insert_with(|| distribution(x.len(), y.len()));
            return at_least.get(ranked.twice_u / 2).copied().unwrap_or_default().min(1.0);
        }
        ranked.normal(x.len(), y.len())
    }
}

/// Two samples, put in one order.
struct Ranked {
    /// Twice the number of pairs in which the first is larger, pairs of equals being half: a whole number.
    twice_u: usize,
    /// Sum of t³ − t over values that occur t times.
    ties: f64,
}

impl Ranked {
    fn new(x: &[f32], y: &[f32]) -> Self {
        let mut all: Vec<(f32, bool)> = Vec::with_capacity(x.len() + y.len());
        all.extend(x.iter().map(|value| (*value, true)));
        all.extend(y.iter().map(|value| (*value, false)));
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut twice_u, mut ties) = (0_usize, 0_usize, 0.0);
        for equal in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let of_x = equal.iter().filter(|(_, is_x)| *is_x).count();
            let of_y = equal.len() - of_x;
            twice_u = twice_u.saturating_add(of_x.saturating_mul(2 * below + of_y));
            below += of_y;
            let t = ratio(equal.len(), 1);
            ties += t * t * t - t;
        }
        Self { twice_u, ties }
    }

    fn normal(&self, m: usize, n: usize) -> f64 {
        let (m, n) = (ratio(m, 1), ratio(n, 1));
        let all = m + n;
        let variance = m * n / 12.0 * ((all + 1.0) - self.ties / (all * (all - 1.0)));
        if variance <= 0.0 {
            // All values are equal.
            return 1.0;
        }
        let z = (ratio(self.twice_u, 2) - m * n / 2.0 - 0.5) / variance.sqrt();
        (erfc(z / std::f64::consts::SQRT_2) / 2.0).clamp(0.0, 1.0)
    }
}

/// By Mann and Whitney's recurrence on probabilities: the largest of all values is one of the `m` with probability
/// `m / (m + n)`, and then larger than each of the `n`; so
/// `p(u; m, n) = m / (m + n) p(u - n; m - 1, n) + n / (m + n) p(u; m, n - 1)`.
fn distribution(m: usize, n: usize) -> Vec<f64> {
    // By number of x's: the distribution for as many y's as the outer loop has reached; with none, u is 0.
    let mut by_m: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for n in 1..=n {
        for m in 1..=m {
            let first = ratio(m, m + n);
            let mut next = vec![0.0; m * n + 1];
            if let Some(fewer) = by_m.get(m - 1) {
                for (slot, p) in next.iter_mut().skip(n).zip(fewer) {
                    *slot += first * p;
                }
            }
            if let Some(before) = by_m.get_mut(m) {
                for (slot, p) in next.iter_mut().zip(before.iter()) {
                    *slot += (1.0 - first) * p;
                }
                *before = next;
            }
        }
    }
    let mut at_least = by_m.pop().unwrap_or_default();
    let mut sum = 0.0;
    for p in at_least.iter_mut().rev() {
        sum += *p;
        *p = sum;
    }
    at_least
}

#[expect(clippy::cast_precision_loss, reason = "numbers of attempts and their pairs are far below 2^53")]
fn ratio(numerator: usize, denominator: usize) -> f64 {
    numerator as f64 / denominator as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greater(x: &[f32], y: &[f32]) -> f64 {
        MannWhitney::default().greater(x, y)
    }

    /// SciPy's documentation of `mannwhitneyu` (1.14): ages at diagnosis of males 19, 22, 16, 29, 24 and females 20, 11,
    /// 17, 12 have U = 17 and a two-sided p-value of 0.11111111111111110 (exact), and 0.11134688653314041 with the
    /// normal approximation and the correction for continuity. Ours is one-sided: half of it.
    #[test]
    fn the_example_of_scipys_documentation_has_its_values() {
        let (males, females) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        let ranked = Ranked::new(&males, &females);
        assert_eq!(ranked.twice_u, 34);
        assert!((greater(&males, &females) - 0.111_111_111_111_111_1 / 2.0).abs() < 1e-12);
        assert!((ranked.normal(5, 4) - 0.111_346_886_533_140_41 / 2.0).abs() < 1e-9);
    }

    /// H. B. Mann, D. R. Whitney (1947), table I: probability of at most U for small samples, e.g. n = 8, m = 8.
    #[test]
    fn the_distribution_is_that_of_the_published_table() {
        for (m, n, u, p) in [
            (3, 3, 0, 0.050),
            (3, 3, 1, 0.100),
            (4, 4, 1, 0.029),
            (5, 5, 2, 0.016),
            (5, 5, 4, 0.048),
            (6, 6, 7, 0.047),
            (7, 7, 11, 0.049),
            (8, 8, 15, 0.042),
        ] {
            // The distribution is symmetric: at most u is at least m n - u.
            let at_least = distribution(m, n);
            assert!((at_least[m * n - u] - p).abs() < 6e-4, "{m} {n} {u}: {}", at_least[m * n - u]);
        }
    }

    /// All ways to choose which of the ranks are the first sample's.
    #[test]
    fn small_samples_agree_with_counting() {
        for (m, n) in [(2_usize, 2_usize), (2, 5), (4, 3), (5, 4), (3, 6)] {
            let all = m + n;
            let mut by_u = vec![0_u32; m * n + 1];
            for chosen in (0_u32..1 << all).filter(|c| c.count_ones() as usize == m) {
                let is_x = |rank: usize| chosen >> rank & 1 == 1;
                let u = (0..all)
                    .filter(|r| is_x(*r))
                    .map(|r| (0..r).filter(|q| !is_x(*q)).count())
                    .sum::<usize>();
                by_u[u] += 1;
            }
            let total: u32 = by_u.iter().sum();
            let at_least = distribution(m, n);
            for u in 0..=m * n {
                let want = f64::from(by_u[u..].iter().sum::<u32>()) / f64::from(total);
                assert!((at_least[u] - want).abs() < 1e-12, "{m} {n} {u}");
            }
        }
    }

    #[test]
    fn nothing_equals_and_a_single_value_are_no_trouble() {
        for (x, y, want) in [
            (&[][..], &[1.0][..], 1.0),
            (&[1.0], &[], 1.0),
            (&[1.0, 1.0], &[1.0, 1.0, 1.0], 1.0),
            (&[5.0], &[1.0, 2.0, 3.0, 4.0], 0.2),
            (&[4.0], &[1.0, 2.0, 3.0, 4.0], 0.4),
            (&[0.0], &[1.0, 2.0, 3.0, 4.0], 1.0),
            (&[3.0, 4.0], &[1.0, 2.0], 1.0 / 6.0),
            (&[f32::NAN, f32::INFINITY], &[1.0, 2.0], 1.0 / 6.0),
        ] {
            assert!((greater(x, y) - want).abs() < 1e-12, "{x:?} {y:?}: {}", greater(x, y));
        }
    }

    /// The level is kept: samples of one distribution with many ties, 20,000 times (fixed seed).
    #[test]
    fn samples_of_one_distribution_look_slower_in_at_most_one_of_twenty() {
        let mut state = 9_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 40
        };
        let mut test = MannWhitney::default();
        for (m, n, values) in
            [(3_usize, 57_usize, 1 << 24), (10, 50, 1 << 24), (10, 50, 6), (2, 300, 20), (30, 70, 1 << 24)]
        {
            let mut alarms = 0_u32;
            for _ in 0..20_000 {
                #[expect(clippy::cast_precision_loss, reason = "24 bits at most")]
                let mut sample =
                    |count: usize| (0..count).map(|_| (next() % values) as f32).collect::<Vec<f32>>();
                let (x, y) = (sample(m), sample(n));
                alarms += u32::from(test.greater(&x, &y) <= 0.05);
            }
            assert!(alarms <= 1_070, "{m} {n} {values}: {alarms} of 20000");
        }
    }

    proptest! {
        #[test]
        fn slower_values_never_make_it_less_sure(
            x in proptest::collection::vec(0_u8..40, 1..30), y in proptest::collection::vec(0_u8..40, 1..30), by in 1_u8..9,
        ) {
            let of = |values: &[u8], add: u8| values.iter().map(|v| f32::from(v + add)).collect::<Vec<f32>>();
            let (before, after) = (greater(&of(&x, 0), &of(&y, 0)), greater(&of(&x, by), &of(&y, 0)));
            prop_assert!((0.0..=1.0).contains(&before) && (0.0..=1.0).contains(&after));
            // Ties and none use different forms: they may differ in the third digit.
            prop_assert!(after <= before + 0.02, "{} {}", before, after);
        }
    }
}
