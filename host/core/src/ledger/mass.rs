//! Attempts in which nearly everything failed that passes elsewhere: something went wrong with the attempt (a database
//! that was not there, a disk that was full), and the tests say nothing about themselves.

use std::collections::{BTreeMap, HashSet};

use crate::ids::AttemptIndex;
use crate::parsed::Outcome;

use super::columns::Row;
use super::{AttemptKind, Ledger};

/// Part of the tests that ran that has to fail: of tests that fail one time in two, each on its own, so many fail
/// together in one of ten attempts among 5, and in one of a hundred thousand among 50.
const LEAST_SHARE: f64 = 0.8;

/// Tests that have to fail: fewer have a common cause too often.
const LEAST_TESTS: u32 = 5;

/// An attempt that failed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MassFailure {
    /// How it was made.
    pub kind: AttemptKind,
    /// Which.
    pub index: AttemptIndex,
    /// Tests that ran in it.
    pub ran: u32,
    /// Those of them that failed and pass in some other attempt.
    pub failed: u32,
    /// The kind of failure that most of them had, and an example, if there is one.
    pub failure: Option<(String, String)>,
}

impl MassFailure {
    /// Why the attempt does not count, in one clause with n.
    #[must_use]
    pub fn why(&self) -> String {
        let Self { ran, failed, .. } = self;
        let common = match &self.failure {
            Some((kind, message)) if kind.is_empty() => message.clone(),
            Some((kind, message)) if message.is_empty() => kind.clone(),
            Some((kind, message)) => format!("{kind}: {message}"),
            None => String::new(),
        };
        let line = common.lines().next().unwrap_or_default();
        let mut line: String = line.chars().take(160).collect();
        if !line.is_empty() {
            line.insert_str(0, ", most with ");
        }
        format!("{failed} of its {ran} tests failed that pass in other attempts{line}")
    }
}

impl Ledger {
    /// Attempts in which at least four fifths of the tests that ran, and at least 5, failed although they pass in some
    /// other attempt; in the order of attempts. They say nothing about tests: give them to [`set_aside`](Self::set_aside).
    #[must_use]
    pub fn mass_failures(&self) -> Vec<MassFailure> {
        let rows = self.ordered();
        let suspects: Vec<&Row> = rows.iter().copied().filter(|row| fails_as_a_whole(row)).collect();
        if suspects.is_empty() {
            return Vec::new();
        }
        let mut passes = vec![false; self.tests.len()];
        for row in &rows {
            for (test, cell) in row.tests.iter().zip(&row.cells) {
                if matches!(cell.outcome(), Outcome::Passed | Outcome::ExpectedFailure)
                    && let Some(slot) = passes.get_mut(*test as usize)
                {
                    *slot = true;
                }
            }
        }
        suspects.into_iter().filter_map(|row| self.mass_failure(row, &passes)).collect()
    }

    fn mass_failure(&self, row: &Row, passes: &[bool]) -> Option<MassFailure> {
        let ran = ran(row);
        let mut failed = 0_u32;
        let mut ways: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
        let mut digests = row.digests.iter();
        for (test, _) in row.tests.iter().zip(&row.cells).filter(|(_, cell)| cell.outcome().is_failure()) {
            let digest = digests.next();
            // It failed here, so that wherever it passed was elsewhere.
            if passes.get(*test as usize) != Some(&true) {
                continue;
            }
            failed += 1;
            if let Some(digest) = digest {
                ways.entry(*digest).or_insert((0, *test)).0 += 1;
            }
        }
        (failed >= LEAST_TESTS && is_share(failed, ran)).then(|| {
            let most = ways.iter().max_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then_with(|| b.cmp(a)));
            let example = most.and_then(|(digest, (_, test))| {
                let id = self.tests.id(*test)?;
                self.full.get(*test, id, *digest).or_else(|| self.short.get(*test, id, *digest))
            });
            MassFailure {
                kind: row.place.kind,
                index: row.place.index,
                ran,
                failed,
                failure: example.map(|example| (example.kind.to_string(), example.message.to_string())),
            }
        })
    }

    /// Takes attempts out, all that have this kind and index. What they said of tests is gone from evidence, standings
    /// and the list of attempts; examples of failures that other attempts had too may still be theirs.
    pub fn set_aside(&mut self, attempts: &[(AttemptKind, AttemptIndex)]) {
        let attempts: HashSet<(AttemptKind, AttemptIndex)> = attempts.iter().copied().collect();
        let is_aside = |row: &Row| attempts.contains(&(row.place.kind, row.place.index));
        let aside: Vec<Row> = self.rows.extract_if(.., |row| is_aside(row)).collect();
        for row in aside.iter().filter(|row| row.place.kind == AttemptKind::SideBySide) {
            for (test, cell) in row.tests.iter().zip(&row.cells).filter(|(_, cell)| cell.outcome().counts()) {
                if let Some(standing) = self.standings.get_mut(*test as usize) {
                    standing.ran = standing.ran.saturating_sub(1);
                    standing.failures =
                        standing.failures.saturating_sub(u32::from(cell.outcome().is_failure()));
                }
            }
        }
    }
}

fn ran(row: &Row) -> u32 {
    let ran = row.cells.iter().filter(|cell| cell.outcome().counts()).count();
    u32::try_from(ran).unwrap_or(u32::MAX)
}

fn fails_as_a_whole(row: &Row) -> bool {
    let failed = u32::try_from(row.digests.len()).unwrap_or(u32::MAX);
    failed >= LEAST_TESTS && is_share(failed, ran(row))
}

fn is_share(failed: u32, ran: u32) -> bool {
    f64::from(failed) >= LEAST_SHARE * f64::from(ran)
}
