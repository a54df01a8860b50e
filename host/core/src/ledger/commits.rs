//! This ledger's tests beside those of another commit.

use std::collections::BTreeMap;

use crate::compare::{TwoCommits, compare};
use crate::evidence::Base;
use crate::ids::{Seed, TestId};

use super::columns::Row;
use super::{AttemptKind, Ledger};

impl Ledger {
    /// What the change from `base` to here did to every test that ran at both, and to those that fail here and are not
    /// there, see [`compare`]. Attempts of the whole suite count, as they are in both ledgers now; those with the same seed
    /// are pairs.
    #[must_use]
    pub fn compare_with_base(&self, base: &Self) -> BTreeMap<TestId, Base> {
        let mut tests = vec![TwoCommits::default(); self.tests.len()];
        for (test, standing) in tests.iter_mut().zip(&self.standings) {
            (test.head_ran, test.head_failed) = (standing.ran, standing.failures);
        }
        // By number of the base's test: its number here.
        let here: Vec<Option<usize>> = (0..u32::try_from(base.tests.len()).unwrap_or(u32::MAX))
            .map(|n| Some(self.tests.find(base.tests.id(n)?)? as usize))
            .collect();
        for (number, standing) in here.iter().zip(&base.standings) {
            if let Some(test) = number.and_then(|n| tests.get_mut(n)) {
                (test.base_ran, test.base_failed) = (standing.ran, standing.failures);
            }
        }
        pair(&self.by_seed(), &base.by_seed(), &here, &mut tests);
        // Of a base at which nothing ran, nobody knows which tests it has.
        let measured = base.standings.iter().any(|standing| standing.ran > 0);
        let new = |test: &TwoCommits| test.as_new().filter(|_| measured);
        let found = tests.iter().zip(compare(&tests)).map(|(test, base)| base.or_else(|| new(test)));
        (0..).zip(found).filter_map(|(n, base)| Some((self.tests.id(n)?.clone(), base?))).collect()
    }

    /// Attempts of the whole suite; of those with the same seed, in the order of their indices.
    fn by_seed(&self) -> BTreeMap<Seed, Vec<&Row>> {
        let mut rows: BTreeMap<Seed, Vec<&Row>> = BTreeMap::new();
        for row in self.ordered().into_iter().filter(|row| row.place.kind == AttemptKind::SideBySide) {
            rows.entry(row.place.seed).or_default().push(row);
        }
        rows
    }
}

/// Counts what became of every test in attempts with the same seed.
fn pair(
    head: &BTreeMap<Seed, Vec<&Row>>,
    base: &BTreeMap<Seed, Vec<&Row>>,
    here: &[Option<usize>],
    tests: &mut [TwoCommits],
) {
    // By number here: whether it failed in the base's attempt at hand.
    let mut at_base: Vec<Option<bool>> = vec![None; tests.len()];
    let seeds = head.iter().filter_map(|(seed, rows)| Some((rows, base.get(seed)?)));
    for (in_head, in_base) in seeds.flat_map(|(head, base)| head.iter().zip(base)) {
        at_base.fill(None);
        for (test, cell) in in_base.tests.iter().zip(&in_base.cells).filter(|(_, c)| c.outcome().counts()) {
            let number = here.get(*test as usize).copied().flatten();
            if let Some(slot) = number.and_then(|n| at_base.get_mut(n)) {
                *slot = Some(cell.outcome().is_failure());
            }
        }
        for (test, cell) in in_head.tests.iter().zip(&in_head.cells).filter(|(_, c)| c.outcome().counts()) {
            let number = *test as usize;
            if let (Some(Some(base_failed)), Some(both)) = (at_base.get(number), tests.get_mut(number)) {
                both.pairs.add(*base_failed, cell.outcome().is_failure());
            }
        }
    }
}
