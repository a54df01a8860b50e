//! What a change did to each test: the same tests at two commits, under the same seeds and conditions.
//!
//! The words, for a test that ran at both commits, when a difference is *sure* if its p-value, two-sided and corrected for
//! how many tests were compared, is at most [`LEVEL`]:
//!
//! | at the base | now | sure | |
//! |---|---|---|---|
//! | never failed | more often | yes | introduced |
//! | failed | more often | yes | worsened |
//! | failed | less often, or never | yes | fixed |
//! | failed | failed | no | was there before |
//! | anything else | | no | no evidence |
//!
//! A test that fails now and did not run at the base at all, where others did, was introduced as well: it is new, or the
//! change made it run. Nothing has to be compared for that.
//!
//! The test is McNemar's (mid-p) where failing follows the seed, so that attempts with the same seed can be compared
//! with each other, and Boschloo's otherwise. Boschloo's holds in either case, and can see that a test which never
//! failed at the base fails now, where no pair could say whether failing follows the seed.

use std::collections::{BTreeMap, HashMap};

use crate::evidence::{Base, Change, Tried};
use crate::stats::{
    benjamini_hochberg, boschloo_greater, fisher_exact_greater, fisher_mid_p_greater, mcnemar_mid_p,
};

/// Where a difference is sure: at most this share of the differences that are told (one in twenty, as everywhere) is
/// none; of comparisons where nothing changed, at most this share tells any.
pub const LEVEL: f64 = 0.05;

/// Failing follows the seed when so many shared seeds fail at both commits by chance at most this often. Far below
/// [`LEVEL`], because choosing the test by what was seen adds at most this much to the rate of false alarms, and Boschloo's
/// alone comes close to what is allowed.
const FOLLOWS_SEED: f64 = 0.001;

/// Attempts at both commits together up to which Boschloo's test is made: half a millisecond each at 200, and growing
/// with the square. Beyond, Fisher's mid-p value differs from it by less than anybody reads off it.
const BOSCHLOO_UP_TO: u32 = 400;

/// One test at two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TwoCommits {
    /// All attempts at the base.
    pub base_ran: u32,
    /// Failed ones.
    pub base_failed: u32,
    /// All attempts at the head.
    pub head_ran: u32,
    /// Failed ones.
    pub head_failed: u32,
    /// Attempts under the same seed; all 0 where the seeds differ or were not kept.
    pub pairs: Pairs,
}

/// Seeds under which the test ran at both commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pairs {
    /// Failed at both.
    pub both: u32,
    /// Failed at the base alone.
    pub only_base: u32,
    /// Failed at the head alone.
    pub only_head: u32,
    /// Passed at both.
    pub neither: u32,
}

impl Pairs {
    /// Adds one seed.
    pub fn add(&mut self, base_failed: bool, head_failed: bool) {
        let count = match (base_failed, head_failed) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_base,
            (false, true) => &mut self.only_head,
            (false, false) => &mut self.neither,
        };
        *count = count.saturating_add(1);
    }

    fn follow_the_seed(&self) -> bool {
        let head_passed = self.only_base.saturating_add(self.neither);
        let head_failed = self.both.saturating_add(self.only_head);
        self.both > 0
            && fisher_exact_greater(self.both, head_failed, self.only_base, head_passed) <= FOLLOWS_SEED
    }
}

impl TwoCommits {
    /// Counts without pairs.
    #[must_use]
    pub const fn unpaired(base: Tried, head: Tried) -> Self {
        Self {
            base_ran: base.ran,
            base_failed: base.failed,
            head_ran: head.ran,
            head_failed: head.failed,
            pairs: Pairs { both: 0, only_base: 0, only_head: 0, neither: 0 },
        }
    }

    /// What the change did to a test that did not run at a base where others did: all of its failures are the change's.
    /// `None` where it ran there, or does not fail.
    #[must_use]
    pub fn as_new(&self) -> Option<Base> {
        (self.base_ran == 0 && self.head_failed > 0).then_some(Base {
            ran: 0,
            failed: 0,
            change: Change::Introduced,
            p_value: 0.0,
            paired: false,
        })
    }

    fn clean(self) -> Self {
        Self {
            base_failed: self.base_failed.min(self.base_ran),
            head_failed: self.head_failed.min(self.head_ran),
            ..self
        }
    }

    fn is_told(&self) -> bool {
        self.base_ran > 0 && self.head_ran > 0 && (self.base_failed > 0 || self.head_failed > 0)
    }

    fn fails_more_now(&self) -> bool {
        u64::from(self.head_failed) * u64::from(self.base_ran)
            > u64::from(self.base_failed) * u64::from(self.head_ran)
    }

    fn unpaired_p_value(&self) -> f64 {
        let head = (self.head_failed, self.head_ran);
        let base = (self.base_failed, self.base_ran);
        let (more, less) = if self.fails_more_now() { (head, base) } else { (base, head) };
        let exact = self.base_ran.saturating_add(self.head_ran) <= BOSCHLOO_UP_TO;
        let greater = if exact { boschloo_greater } else { fisher_mid_p_greater };
        (2.0 * greater(more.0, more.1, less.0, less.1)).min(1.0)
    }

    fn change(&self, q: f64, paired: bool) -> Change {
        let more = match paired {
            true => self.pairs.only_head > self.pairs.only_base,
            false => self.fails_more_now(),
        };
        match (q <= LEVEL, more) {
            (true, true) if self.base_failed == 0 => Change::Introduced,
            (true, true) => Change::Worsened,
            (true, false) => Change::Fixed,
            (false, _) if self.base_failed > 0 && self.head_failed > 0 => Change::WasThereBefore,
            (false, _) => Change::NoEvidence,
        }
    }
}

/// [`Comparisons::of`] once.
#[must_use]
pub fn compare(tests: &[TwoCommits]) -> Vec<Option<Base>> {
    Comparisons::default().of(tests)
}

/// Compares, and remembers results by counts: many tests have the same numbers, and the exact test is not free.
#[derive(Debug, Default)]
pub struct Comparisons {
    known: HashMap<[u32; 4], f64>,
}

impl Comparisons {
    /// What the change did to each test, in the order of `tests`; `None` for one that did not run at both commits.
    ///
    /// P-values are corrected (Benjamini–Hochberg) over the tests that failed at either commit: one that never failed
    /// cannot have changed, and whether a test failed at all says nothing about where. A suite without any difference
    /// gives a false alarm of any kind in at most [`LEVEL`] of the runs (`benches/verdicts` counts them).
    #[must_use]
    pub fn of(&mut self, tests: &[TwoCommits]) -> Vec<Option<Base>> {
        let tests: Vec<TwoCommits> = tests.iter().map(|test| test.clean()).collect();
        let told = tests.iter().enumerate().filter(|(_, test)| test.is_told());
        let found: BTreeMap<usize, (f64, bool)> =
            told.map(|(index, test)| (index, self.p_value(test))).collect();
        let corrected = benjamini_hochberg(&found.values().map(|(p, _)| *p).collect::<Vec<f64>>());
        let corrected: BTreeMap<usize, (f64, bool)> =
            found.iter().zip(corrected).map(|((index, (_, paired)), q)| (*index, (q, *paired))).collect();
        let base = |(index, test): (usize, &TwoCommits)| {
            let (p_value, paired) = corrected.get(&index).copied().unwrap_or((1.0, false));
            (test.base_ran > 0 && test.head_ran > 0).then(|| Base {
                ran: test.base_ran,
                failed: test.base_failed,
                change: test.change(p_value, paired),
                p_value,
                paired,
            })
        };
        tests.iter().enumerate().map(base).collect()
    }

    /// Two-sided p-value, not corrected, and whether pairs gave it.
    fn p_value(&mut self, test: &TwoCommits) -> (f64, bool) {
        if test.pairs.follow_the_seed() {
            return (mcnemar_mid_p(test.pairs.only_base, test.pairs.only_head), true);
        }
        let counts = [test.base_failed, test.base_ran, test.head_failed, test.head_ran];
        (*self.known.entry(counts).or_insert_with(|| test.unpaired_p_value()), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Change::{Fixed, Introduced, NoEvidence, WasThereBefore, Worsened};

    fn counts(base: (u32, u32), head: (u32, u32)) -> TwoCommits {
        TwoCommits::unpaired(Tried { failed: base.0, ran: base.1 }, Tried { failed: head.0, ran: head.1 })
    }

    fn paired(both: u32, only_base: u32, only_head: u32, neither: u32) -> TwoCommits {
        let ran = both + only_base + only_head + neither;
        TwoCommits {
            pairs: Pairs { both, only_base, only_head, neither },
            ..counts((both + only_base, ran), (both + only_head, ran))
        }
    }

    fn alone(test: TwoCommits) -> (Change, bool) {
        let base = compare(&[test])[0].unwrap();
        (base.change, base.paired)
    }

    #[test]
    fn each_word_has_its_rule() {
        for (base, head, expected) in [
            ((0, 60), (6, 60), Introduced),
            ((0, 60), (60, 60), Introduced),
            ((0, 100), (5, 100), Introduced),
            ((0, 100), (4, 100), NoEvidence),
            ((0, 60), (1, 60), NoEvidence),
            ((0, 60), (0, 60), NoEvidence),
            ((6, 60), (30, 60), Worsened),
            ((6, 60), (9, 60), WasThereBefore),
            ((60, 60), (60, 60), WasThereBefore),
            ((1, 60), (1, 60), WasThereBefore),
            ((30, 60), (0, 60), Fixed),
            ((60, 60), (6, 60), Fixed),
            ((1, 60), (0, 60), NoEvidence),
            ((0, 1000), (20, 1000), Introduced),
            ((0, 1), (1, 1), NoEvidence),
        ] {
            assert_eq!(alone(counts(base, head)), (expected, false), "{base:?} {head:?}");
        }
    }

    #[test]
    fn pairs_are_compared_where_failing_follows_the_seed() {
        // 20 of 100 seeds fail at both commits, and 6 more at one of them: unpaired, 20 against 26 would say nothing.
        assert_eq!(alone(paired(20, 0, 6, 74)), (Worsened, true));
        assert_eq!(alone(paired(20, 6, 0, 74)), (Fixed, true));
        assert_eq!(alone(paired(20, 3, 4, 73)), (WasThereBefore, true));
        assert_eq!(alone(counts((20, 100), (26, 100))), (WasThereBefore, false));
        // Where it does not, 4 of 20 and 20 at the same seeds are what chance gives.
        assert_eq!(alone(paired(4, 16, 16, 64)), (WasThereBefore, false));
        // And a test that never failed at the base gives no pair that could tell.
        assert_eq!(alone(paired(0, 0, 6, 54)), (Introduced, false));
    }

    #[test]
    fn the_more_tests_fail_the_more_one_has_to_show() {
        let found = counts((0, 100), (5, 100));
        let others = vec![counts((3, 100), (3, 100)); 20];
        let mut suite = vec![found];
        assert_eq!(compare(&suite)[0].unwrap().change, Introduced);
        suite.extend(vec![counts((0, 100), (0, 100)); 5000]);
        assert_eq!(compare(&suite)[0].unwrap().change, Introduced, "what never failed was no comparison");
        suite.extend(others);
        assert_eq!(compare(&suite)[0].unwrap().change, NoEvidence);
    }

    #[test]
    fn a_test_of_one_commit_is_not_compared_and_impossible_counts_do_no_harm() {
        assert_eq!(compare(&[counts((0, 0), (5, 10)), counts((5, 10), (0, 0))]), [None, None]);
        assert_eq!(compare(&[]), []);
        let all = u32::MAX;
        for test in [counts((9, 3), (7, 2)), counts((all, all), (0, all)), paired(3, u32::MAX / 4, 1, 2)] {
            let base = compare(&[test])[0].unwrap();
            assert!((0.0..=1.0).contains(&base.p_value) && base.failed <= base.ran, "{base:?}");
        }
    }
}
