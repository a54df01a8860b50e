//! A sharper exact comparison of two failure rates.

use statrs::function::gamma::ln_gamma;

use super::exact::fisher_exact_greater;

/// Points at which the unknown common rate is tried first; the probability is smooth between them (a polynomial of
/// degree `n1 + n2` whose bumps are about `1 / sqrt(n)` wide), and the best ones are looked at more closely.
const GRID: u32 = 200;

/// Steps of the closer look, each halving the width: 2^-20 of the grid's is far below what a p-value shows.
const HALVINGS: u32 = 20;

/// One-sided p-value of Boschloo's test: how likely a table at least as striking as `k1` failures of `n1` beside `k2`
/// of `n2` would be, were both rates the same, whatever that rate is. Small when the first group fails more often.
///
/// R. D. Boschloo, "Raised conditional level of significance for the 2×2-table when testing the equality of two
/// probabilities", Statistica Neerlandica 24 (1970): Fisher's p-value orders the tables, and the probability of the set
/// is maximised over the common rate. Never larger than Fisher's, and as exact. 1 when a group is empty or nothing failed.
#[must_use]
pub fn boschloo_greater(k1: u32, n1: u32, k2: u32, n2: u32) -> f64 {
    let (k1, k2) = (k1.min(n1), k2.min(n2));
    if n1 == 0 || n2 == 0 || k1 == 0 {
        return 1.0;
    }
    let fisher = fisher_exact_greater(k1, n1, k2, n2);
    let set = StrikingTables::new(n1, n2, fisher);
    let at = |step: f64| set.probability(step / f64::from(GRID));
    let mut best = (0.0, 0.0);
    for step in 1..GRID {
        let p = at(f64::from(step));
        if p > best.1 {
            best = (f64::from(step), p);
        }
    }
    let (mut centre, mut most, mut width) = (best.0, best.1, 0.5);
    for _ in 0..HALVINGS {
        for step in [centre - width, centre + width] {
            let p = at(step.clamp(0.0, f64::from(GRID)));
            if p > most {
                (centre, most) = (step, p);
            }
        }
        width /= 2.0;
    }
    most.clamp(0.0, fisher.min(1.0))
}

/// All tables whose one-sided Fisher p-value is at most that of the table that was seen.
struct StrikingTables {
    first: LogBinomial,
    second: LogBinomial,
    /// For each number of failures in the first group: so many or fewer in the second belong to the set.
    most_in_second: Vec<Option<u32>>,
}

impl StrikingTables {
    fn new(n1: u32, n2: u32, fisher: f64) -> Self {
        // Equal tables must not fall apart by rounding.
        let limit = fisher * (1.0 + 1e-7);
        let mut most_in_second = Vec::with_capacity(n1 as usize + 1);
        // More failures in the first group let more into the second: one walk along the staircase.
        let mut next = 0_u32;
        for k1 in 0..=n1 {
            while next <= n2 && fisher_exact_greater(k1, n1, next, n2) <= limit {
                next += 1;
            }
            most_in_second.push(next.checked_sub(1));
        }
        Self { first: LogBinomial::new(n1), second: LogBinomial::new(n2), most_in_second }
    }

    /// Of the set, when both groups fail at `rate`.
    fn probability(&self, rate: f64) -> f64 {
        if rate <= 0.0 || rate >= 1.0 {
            return 0.0;
        }
        let second: Vec<f64> = self.second.up_to(rate);
        let sum: f64 = self
            .most_in_second
            .iter()
            .zip(self.first.at(rate))
            .filter_map(|(most, p)| Some(p * second.get((*most)? as usize)?))
            .sum();
        sum.clamp(0.0, 1.0)
    }
}

/// Binomial probabilities of one number of attempts.
struct LogBinomial {
    ln_choose: Vec<f64>,
}

impl LogBinomial {
    fn new(n: u32) -> Self {
        let n_f = f64::from(n);
        let ln_choose = |k: u32| {
            let k = f64::from(k);
            ln_gamma(n_f + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n_f - k + 1.0)
        };
        Self { ln_choose: (0..=n).map(ln_choose).collect() }
    }

    /// Probability of 0, 1, … failures.
    fn at(&self, rate: f64) -> impl Iterator<Item = f64> + '_ {
        let (fail, pass) = (rate.ln(), (1.0 - rate).ln());
        let n = self.ln_choose.len() - 1;
        #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^53")]
        let term =
            move |(k, ln_choose): (usize, &f64)| (ln_choose + k as f64 * fail + (n - k) as f64 * pass).exp();
        self.ln_choose.iter().enumerate().map(term)
    }

    /// Probability of at most 0, 1, … failures.
    fn up_to(&self, rate: f64) -> Vec<f64> {
        let add = |sum: &mut f64, p: f64| {
            *sum += p;
            Some(*sum)
        };
        self.at(rate).scan(0.0, add).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of SciPy's `boschloo_exact` (alternative "greater"; it samples the rate at 32 points unless told
    /// otherwise: these were made with 512, and agree with ours to its resolution).
    #[test]
    fn values_agree_with_an_independent_implementation() {
        for (k1, n1, k2, n2, expected) in [
            (7, 10, 1, 10, 0.003_977_775_6),
            (0, 20, 5, 20, 1.0),
            (5, 100, 0, 100, 0.022_156_524),
            (10, 30, 3, 30, 0.016_150_612_7),
            (3, 15, 0, 10, 0.119_301_547),
            (12, 12, 0, 3, 0.000_549_755_8),
        ] {
            let got = boschloo_greater(k1, n1, k2, n2);
            assert!((got - expected).abs() <= 2e-4 * expected, "{k1}/{n1} {k2}/{n2}: {got} for {expected}");
        }
    }

    /// At 100 attempts each, 0 against 5 %: power 38 % for Fisher's test and 56 % for Boschloo's, at the 5 % level
    /// (one-sided 2.5 %), as two-sided tests of 5 % have on this side.
    #[test]
    fn it_sees_a_rare_new_failure_more_often_than_fishers_test_does() {
        let binomial = LogBinomial::new(100);
        let power = |test: fn(u32, u32, u32, u32) -> f64| -> f64 {
            let seen = |k: usize| test(u32::try_from(k).unwrap(), 100, 0, 100) <= 0.025;
            binomial.at(0.05).enumerate().filter(|(k, _)| seen(*k)).map(|(_, p)| p).sum()
        };
        assert!((power(fisher_exact_greater) - 0.38).abs() < 0.01, "{}", power(fisher_exact_greater));
        assert!((power(boschloo_greater) - 0.56).abs() < 0.01, "{}", power(boschloo_greater));
    }

    /// The level is kept for every rate: the chance to call a difference where there is none.
    #[test]
    fn the_level_is_kept_at_every_common_rate() {
        let n = 12_u32;
        let p: Vec<Vec<f64>> =
            (0..=n).map(|a| (0..=n).map(|b| boschloo_greater(a, n, b, n)).collect()).collect();
        let binomial = LogBinomial::new(n);
        for step in 1..100 {
            let rate = f64::from(step) / 100.0;
            let of: Vec<f64> = binomial.at(rate).collect();
            let mut alarm = 0.0;
            for (a, row) in p.iter().enumerate() {
                for (b, value) in row.iter().enumerate() {
                    alarm += if *value <= 0.05 { of[a] * of[b] } else { 0.0 };
                }
            }
            assert!(alarm <= 0.05 + 1e-9, "{rate}: {alarm}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn it_lies_between_0_and_fishers_value(k1 in 0_u32..60, n1 in 0_u32..60, k2 in 0_u32..60, n2 in 0_u32..60) {
            let (ours, fisher) = (boschloo_greater(k1, n1, k2, n2), fisher_exact_greater(k1, n1, k2, n2));
            prop_assert!((0.0..=1.0).contains(&ours) && ours <= fisher + 1e-9, "{ours} {fisher}");
        }
    }
}
