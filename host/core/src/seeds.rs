//! Which attempt gets which seed.
//!
//! Drawn seeds are a *permutation* of the range, read off at the attempt's index. So they never repeat, and
//! attempt i's seed depends on the master seed, the range and i alone: a run of 10 attempts has the first 10
//! seeds of a run of 1,000, and a single attempt can be repeated without drawing those before it.
//!
//! The permutation is a balanced Feistel network over the least even number of bits that holds the range,
//! followed by cycle walking (apply it again until the value is in the range): J. Black and P. Rogaway,
//! "Ciphers with Arbitrary Finite Domains", CT-RSA 2002. It scatters seeds; it keeps no secret.

use crate::ids::{AttemptIndex, Seed};
use crate::report::SeedReport;
use crate::settings::SeedRange;

/// Rounds of the network. Four make it indistinguishable from chance for large ranges (Luby and Rackoff,
/// 1988); small ranges, with round functions of a few bits, need more to reach most of their permutations.
const ROUNDS: u64 = 12;

/// How the seeds of a run are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedPlan {
    /// Attempt i has this seed plus i.
    First(Seed),
    /// Drawn from a range without repeats.
    Drawn {
        /// The same master and range give the same seeds.
        master: u64,
        /// Where seeds come from.
        range: SeedRange,
    },
}

/// Why a plan has no seeds for all attempts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeedPlanError {
    /// Seeds would have to repeat.
    #[error("the seed range `{min}` to `{max}` holds fewer seeds than the `{runs}` runs need")]
    RangeTooSmall {
        /// Least seed.
        min: u64,
        /// Largest seed.
        max: u64,
        /// Attempts planned.
        runs: u32,
    },
    /// Counting up from the first seed would pass the largest number there is.
    #[error("the first seed `{first}` leaves no room for `{runs}` runs: seeds end at `{}`", u64::MAX)]
    FirstTooLarge {
        /// The first seed.
        first: u64,
        /// Attempts planned.
        runs: u32,
    },
}

impl SeedPlan {
    /// The seed of an attempt. For attempts that [`check`](Self::check) did not allow for it is still a seed
    /// of the plan, but no longer one of its own.
    #[must_use]
    pub fn seed(&self, attempt: AttemptIndex) -> Seed {
        let index = u64::from(attempt.0);
        match *self {
            Self::First(first) => Seed(first.0.saturating_add(index)),
            Self::Drawn { master, range } => {
                let last = range.max.saturating_sub(range.min);
                let position = last.checked_add(1).map_or(index, |seeds| index % seeds);
                Seed(range.min.saturating_add(permuted(position, last, master)))
            }
        }
    }

    /// Whether every attempt of a run gets a seed of its own.
    ///
    /// # Errors
    /// When the plan holds fewer seeds than `runs`.
    pub fn check(&self, runs: u32) -> Result<(), SeedPlanError> {
        let last_index = u64::from(runs.saturating_sub(1));
        match *self {
            Self::First(Seed(first)) if first.checked_add(last_index).is_none() => {
                Err(SeedPlanError::FirstTooLarge { first, runs })
            }
            Self::Drawn { range: SeedRange { min, max }, .. } if max.saturating_sub(min) < last_index => {
                Err(SeedPlanError::RangeTooSmall { min, max, runs })
            }
            Self::First(_) | Self::Drawn { .. } => Ok(()),
        }
    }

    /// The plan as the report tells it.
    #[must_use]
    pub fn report(&self) -> SeedReport {
        match *self {
            Self::First(Seed(first)) => SeedReport::First(first),
            Self::Drawn { master, range: SeedRange { min, max } } => SeedReport::Drawn { master, min, max },
        }
    }
}

/// Where the permutation of `0..=last` that `key` names sends `value`, which must be in it.
fn permuted(value: u64, last: u64, key: u64) -> u64 {
    if last == 0 {
        return 0;
    }
    let half_bits = (u64::BITS - last.leading_zeros()).div_ceil(2);
    let mut value = value;
    // The network permutes at most four times as many values as the range has, so this takes fewer than four
    // steps on average. It ends: the cycle through `value` comes back to `value`, which is in the range.
    loop {
        value = feistel(value, half_bits, key);
        if value <= last {
            return value;
        }
    }
}

/// One pass over `2 * half_bits` bits.
fn feistel(value: u64, half_bits: u32, key: u64) -> u64 {
    let mask = (1_u64 << half_bits) - 1;
    let (mut left, mut right) = (value >> half_bits, value & mask);
    for round in 0..ROUNDS {
        let mixed = mix(mix(key ^ mix(round)).wrapping_add(right)) & mask;
        (left, right) = (right, left ^ mixed);
    }
    (left << half_bits) | right
}

/// SplitMix64's step: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::settings::defaults;

    fn drawn(master: u64, min: u64, max: u64) -> SeedPlan {
        SeedPlan::Drawn { master, range: SeedRange { min, max } }
    }

    fn seeds(plan: SeedPlan, runs: u32) -> Vec<u64> {
        (0..runs).map(|i| plan.seed(AttemptIndex(i)).0).collect()
    }

    #[test]
    fn the_first_seed_is_counted_up() {
        assert_eq!(seeds(SeedPlan::First(Seed(1)), 4), [1, 2, 3, 4]);
        assert_eq!(SeedPlan::First(Seed(u64::MAX)).seed(AttemptIndex(7)), Seed(u64::MAX));
    }

    #[test]
    fn drawn_seeds_are_the_same_for_ever() {
        // A report's master seed must repeat the run under every later version.
        let plan = SeedPlan::Drawn { master: 42, range: defaults::SEED_RANGE };
        assert_eq!(seeds(plan, 5), PINNED);
    }
    const PINNED: [u64; 5] = [863_799, 247_185, 524_580, 409_475, 110_357];

    #[test]
    fn a_small_range_is_used_up_exactly() {
        for (min, max) in [(0, 0), (7, 7), (1, 2), (1, 10), (100, 1123), (u64::MAX - 16, u64::MAX)] {
            for master in 0..20 {
                let count = u32::try_from(max - min + 1).unwrap();
                let mut got = seeds(drawn(master, min, max), count);
                got.sort_unstable();
                assert_eq!(got, (min..=max).collect::<Vec<_>>(), "{min}..={max}, master {master}");
            }
        }
    }

    #[test]
    fn the_largest_ranges_work() {
        for (min, max) in [(0, u64::MAX), (1, u64::MAX), (0, u64::MAX - 1)] {
            let got = seeds(drawn(3, min, max), 1000);
            assert_eq!(got.iter().collect::<HashSet<_>>().len(), 1000);
            assert!(got.iter().any(|s| *s > u64::MAX / 2) && got.iter().any(|s| *s < u64::MAX / 2));
        }
    }

    #[test]
    fn a_range_that_is_upside_down_gives_its_least_seed() {
        assert_eq!(seeds(drawn(1, 9, 3), 2), [9, 9]);
    }

    #[test]
    fn past_the_range_seeds_repeat_instead_of_failing() {
        let plan = drawn(5, 1, 3);
        assert_eq!(plan.seed(AttemptIndex(4)), plan.seed(AttemptIndex(1)));
    }

    #[test]
    fn drawn_seeds_spread_evenly_over_the_range() {
        // Pearson's chi-square over 50 bins, 1,000 seeds each: 49 degrees of freedom, of which 99.9 % of even
        // draws stay under 85.4. Masters are fixed, so this either always passes or never.
        for master in 0..20 {
            let mut bins = [0_u32; 50];
            for seed in seeds(drawn(master, 1, 1_000_000), 1000) {
                bins[usize::try_from((seed - 1) / 20_000).unwrap()] += 1;
            }
            let chi_square: f64 = bins.iter().map(|&n| (f64::from(n) - 20.0).powi(2) / 20.0).sum();
            assert!(chi_square < 85.4, "master {master}: {chi_square}");
        }
    }

    #[test]
    fn the_same_attempt_gets_every_seed_of_a_small_range_equally_often() {
        // 6 seeds, 6,000 masters: 5 degrees of freedom, 99.9 % of even draws stay under 20.5.
        for attempt in 0..6 {
            let mut bins = [0_u32; 6];
            for master in 0..6000 {
                let seed = drawn(master, 0, 5).seed(AttemptIndex(attempt)).0;
                bins[usize::try_from(seed).unwrap()] += 1;
            }
            let chi_square: f64 = bins.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
            assert!(chi_square < 20.5, "attempt {attempt}: {chi_square}, {bins:?}");
        }
    }

    #[test]
    fn a_plan_without_enough_seeds_is_refused_with_its_numbers() {
        let full = SeedPlan::First(Seed(u64::MAX - 9));
        assert_eq!(full.check(10), Ok(()));
        assert_eq!(full.check(11), Err(SeedPlanError::FirstTooLarge { first: u64::MAX - 9, runs: 11 }));
        assert_eq!(drawn(1, 1, 10).check(10), Ok(()));
        assert_eq!(drawn(1, 0, u64::MAX).check(u32::MAX), Ok(()));
        let error = drawn(1, 1, 10).check(11).unwrap_err();
        assert_eq!(error.to_string(), "the seed range `1` to `10` holds fewer seeds than the `11` runs need");
    }

    #[test]
    fn the_report_names_what_repeats_the_seeds() {
        assert_eq!(SeedPlan::First(Seed(3)).report(), SeedReport::First(3));
        assert_eq!(drawn(9, 1, 5).report(), SeedReport::Drawn { master: 9, min: 1, max: 5 });
    }

    proptest! {
        #[test]
        fn drawn_seeds_never_repeat_and_stay_in_range(master: u64, min: u64, width in 0_u64..100_000) {
            let range = SeedRange { min, max: min.saturating_add(width) };
            let runs = u32::try_from(range.len().min(300)).unwrap();
            let got = seeds(SeedPlan::Drawn { master, range }, runs);
            prop_assert!(got.iter().all(|s| (range.min..=range.max).contains(s)));
            prop_assert_eq!(got.iter().collect::<HashSet<_>>().len(), got.len());
        }

        #[test]
        fn another_master_gives_other_seeds(master: u64) {
            prop_assert_ne!(
                seeds(drawn(master, 1, 1_000_000), 20),
                seeds(drawn(master ^ 1, 1, 1_000_000), 20)
            );
        }
    }
}
