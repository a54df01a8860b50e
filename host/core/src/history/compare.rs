//! The tests of two sets of runs, beside each other.
//!
//! Each test that ran in both is compared by Fisher's exact test, two-sided. As many tests are compared at once, their p-values are
//! corrected by Benjamini and Hochberg ([`crate::stats::benjamini_hochberg`]): of the tests that are said to have
//! changed, one in twenty did not, on average.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, LEVEL, Share};
use crate::ids::TestId;
use crate::stats::{benjamini_hochberg, fisher_exact};

/// One test then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Which.
    pub id: TestId,
    /// Its attempts then; `ran` is 0 where it did not run.
    pub then: Share,
    /// Its attempts now.
    pub now: Share,
    /// Fisher's exact test, corrected for how many tests were compared; null where it ran on one side alone.
    pub q_value: Option<f64>,
    /// What the numbers say, at 5 %.
    pub direction: Direction,
}

/// All tests of both sides: those that changed first, the surest first, then those that differ most, then by id.
#[must_use]
pub fn compared(then: &BTreeMap<TestId, Share>, now: &BTreeMap<TestId, Share>) -> Vec<Compared> {
    let mut ids: Vec<&TestId> = then.keys().chain(now.keys()).collect();
    ids.sort();
    ids.dedup();
    let of = |side: &BTreeMap<TestId, Share>, id| side.get(id).copied().unwrap_or_default();
    let pairs: Vec<(&TestId, Share, Share)> =
        ids.into_iter().map(|id| (id, of(then, id), of(now, id))).collect();
    let in_both = |(_, then, now): &&(&TestId, Share, Share)| then.ran > 0 && now.ran > 0;
    let p: Vec<f64> = pairs
        .iter()
        .filter(in_both)
        .map(|(_, then, now)| fisher_exact(then.failed, then.ran, now.failed, now.ran))
        .collect();
    let mut q = benjamini_hochberg(&p).into_iter();
    let mut all: Vec<Compared> = pairs
        .iter()
        .map(|pair| {
            let (id, then, now) = *pair;
            let q_value = if in_both(&pair) { q.next() } else { None };
            let direction = match q_value.is_some_and(|q| q <= 1.0 - LEVEL) {
                true if now.rate() > then.rate() => Direction::Worse,
                true => Direction::Better,
                false => Direction::Steady,
            };
            Compared { id: id.clone(), then, now, q_value, direction }
        })
        .collect();
    all.sort_by(changed_first);
    all
}

fn changed_first(a: &Compared, b: &Compared) -> Ordering {
    let steady = |c: &Compared| c.direction == Direction::Steady;
    let sureness = |c: &Compared| c.q_value.unwrap_or(1.0);
    let difference = |c: &Compared| (c.now.rate() - c.then.rate()).abs();
    (steady(a).cmp(&steady(b)))
        .then(sureness(a).total_cmp(&sureness(b)))
        .then(difference(b).total_cmp(&difference(a)))
        .then_with(|| a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(tests: &[(&str, u32, u32)]) -> BTreeMap<TestId, Share> {
        tests.iter().map(|&(id, ran, failed)| (TestId::new(id), Share { ran, failed })).collect()
    }

    #[test]
    fn what_changed_comes_first_and_chance_does_not_count() {
        let then =
            side(&[("mended", 60, 30), ("same", 60, 6), ("broken", 60, 0), ("gone", 60, 6), ("few", 3, 0)]);
        let now =
            side(&[("mended", 60, 0), ("same", 60, 7), ("broken", 60, 60), ("new", 60, 6), ("few", 3, 1)]);
        let all = compared(&then, &now);
        let said: Vec<(&str, Direction)> = all.iter().map(|c| (c.id.as_str(), c.direction)).collect();
        use Direction::{Better, Steady, Worse};
        assert_eq!(
            said,
            [
                ("broken", Worse),
                ("mended", Better),
                ("few", Steady),
                ("gone", Steady),
                ("new", Steady),
                ("same", Steady)
            ]
        );
        assert!(all.iter().all(|c| c.q_value.is_some() == (c.then.ran > 0 && c.now.ran > 0)));
        assert_eq!(compared(&side(&[]), &side(&[])), []);
    }

    #[test]
    fn many_tests_that_did_not_change_do_not_make_one_that_did() {
        // p = 0.04 alone; of a hundred tests a few are always like that.
        let ids: Vec<String> = (0..100).map(|at| format!("t{at:03}")).collect();
        let of = |failed: u32| -> BTreeMap<TestId, Share> {
            ids.iter()
                .enumerate()
                .map(|(at, id)| {
                    (TestId::new(id), Share { ran: 60, failed: if at == 0 { failed } else { 3 } })
                })
                .collect()
        };
        assert!(compared(&of(3), &of(11)).iter().all(|c| c.direction == Direction::Steady));
    }
}
