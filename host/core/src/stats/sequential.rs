//! Deciding while attempts still come in.

/// Wald's sequential probability ratio test of a failure rate: `p0` or less against `p1` or more.
///
/// A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16 (1945), with his
/// bounds `A = (1 - beta) / alpha` and `B = beta / (1 - alpha)`. Looked at after every attempt, after a batch, or at any
/// other moments that do not depend on the future, the chance of a wrong answer is at most `alpha / (1 - beta)` when the
/// rate is `p0`, and `beta / (1 - alpha)` when it is `p1`; with both at 5 % that is 5.3 %. A rate between the two gets
/// one answer or the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequentialTest {
    failure: f64,
    pass: f64,
    accept: f64,
    reject: f64,
}

/// What a sequential test says so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The rate is at most the lower one.
    Low,
    /// The rate is at least the higher one.
    High,
    /// Go on.
    Undecided,
}

impl SequentialTest {
    /// `None` unless `0 < p0 < p1 < 1`, and both error rates are above 0 and their sum is below 1.
    #[must_use]
    pub fn new(p0: f64, p1: f64, alpha: f64, beta: f64) -> Option<Self> {
        let rates = 0.0 < p0 && p0 < p1 && p1 < 1.0;
        let errors = alpha > 0.0 && beta > 0.0 && alpha + beta < 1.0;
        (rates && errors).then(|| Self {
            failure: (p1 / p0).ln(),
            pass: ((1.0 - p1) / (1.0 - p0)).ln(),
            accept: (beta / (1.0 - alpha)).ln(),
            reject: ((1.0 - beta) / alpha).ln(),
        })
    }

    /// What `failures` of `attempts` say, in whatever order they came.
    #[must_use]
    pub fn decide(&self, failures: u32, attempts: u32) -> Decision {
        let failures = failures.min(attempts);
        let passes = attempts - failures;
        let ratio = f64::from(failures) * self.failure + f64::from(passes) * self.pass;
        if ratio >= self.reject {
            Decision::High
        } else if ratio <= self.accept {
            Decision::Low
        } else {
            Decision::Undecided
        }
    }

    /// How many passes in a row, from the first attempt on, are enough to say that the rate is low.
    #[must_use]
    pub fn passes_needed(&self) -> u32 {
        let passes = (self.accept / self.pass).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturating is right"
        )]
        let passes = passes as u32;
        passes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn straight_passes_are_enough_after_as_many_attempts_as_walds_bounds_say() {
        // ln(0.05 / 0.95) / ln((1 - p1) / (1 - 0.001)), rounded up.
        for (p1, passes) in [(0.10, 29), (0.05, 59), (0.02, 154)] {
            let test = SequentialTest::new(0.001, p1, 0.05, 0.05).unwrap();
            assert_eq!(test.passes_needed(), passes, "{p1}");
            assert_eq!(test.decide(0, passes), Decision::Low);
            assert_eq!(test.decide(0, passes - 1), Decision::Undecided);
        }
    }

    /// A. Wald, "Sequential Analysis" (1947), section 5.3: acceptance and rejection lines of an inspection plan with
    /// `p0 = 0.1, p1 = 0.3, alpha = 0.02, beta = 0.03`. With `g = ln(p1 (1 - p0) / (p0 (1 - p1))) = 1.34993`, they are
    /// `ln(B) / g + s m` and `ln(A) / g + s m` with the slope `s = ln((1 - p0) / (1 - p1)) / g`.
    #[test]
    fn the_lines_of_an_inspection_plan_are_walds() {
        let test = SequentialTest::new(0.1, 0.3, 0.02, 0.03).unwrap();
        for m in 1..200_u32 {
            let accept = -2.5827 + 0.186_17 * f64::from(m);
            let reject = 2.8755 + 0.186_17 * f64::from(m);
            for k in 0..=m {
                let said = test.decide(k, m);
                let near = |line: f64| (f64::from(k) - line).abs() < 0.01;
                if near(accept) || near(reject) {
                    continue;
                }
                let expected = match f64::from(k) {
                    k if k <= accept => Decision::Low,
                    k if k >= reject => Decision::High,
                    _ => Decision::Undecided,
                };
                assert_eq!(said, expected, "{k} of {m}");
            }
        }
    }

    #[test]
    fn what_makes_no_test_is_refused() {
        for (p0, p1, a, b) in [
            (0.0, 0.1, 0.05, 0.05),
            (0.1, 0.1, 0.05, 0.05),
            (0.2, 0.1, 0.05, 0.05),
            (0.1, 1.0, 0.05, 0.05),
            (0.1, 0.2, 0.0, 0.05),
            (0.1, 0.2, 0.5, 0.5),
            (f64::NAN, 0.2, 0.05, 0.05),
        ] {
            assert_eq!(SequentialTest::new(p0, p1, a, b), None);
        }
    }

    proptest! {
        #[test]
        fn more_failures_never_speak_for_a_lower_rate(n in 1_u32..500, k in 0_u32..500) {
            let rank = |d| match d { Decision::Low => 0, Decision::Undecided => 1, Decision::High => 2 };
            let test = SequentialTest::new(0.001, 0.1, 0.05, 0.05).unwrap();
            let k = k.min(n - 1);
            prop_assert!(rank(test.decide(k, n)) <= rank(test.decide(k + 1, n)));
        }
    }
}
