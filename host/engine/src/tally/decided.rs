//! Whether enough is known of the tests.

use std::collections::BTreeSet;

use flaky_core::ids::TestId;
use flaky_core::ledger::{AttemptKind, Standing};
use flaky_core::stop::{Certainty, Known};

use super::Tally;
use super::command::CommandResult;

impl Tally {
    /// Tests that are judged, ran, and are not decided.
    pub(crate) fn undecided(&self, certainty: &Certainty) -> Vec<TestId> {
        let judged: Vec<(&TestId, Standing)> = self.judged().collect();
        let known = certainty.of_suite(&counts_of(&judged));
        let open = judged.iter().zip(known).filter(|((_, s), known)| s.ran > 0 && *known == Known::Undecided);
        open.map(|((id, _), _)| (*id).clone()).collect()
    }

    /// How the tests stand that are judged.
    fn judged(&self) -> impl Iterator<Item = (&TestId, Standing)> {
        self.tests.standings().filter(|(id, _)| !self.ignores(id))
    }

    /// Whether what these tests do without the others is decided; one that was not found there never will be.
    pub(crate) fn are_decided_alone(&self, tests: &BTreeSet<TestId>, certainty: &Certainty) -> bool {
        let mut told = 0;
        for (_, standing) in self.without_others.iter().filter(|(id, _)| tests.contains(*id)) {
            told += 1;
            if certainty.of(standing.failures, standing.ran) == Known::Undecided {
                return false;
            }
        }
        told == tests.len() || self.selected >= certainty.attempts_needed()
    }

    /// Whether every test that is judged is decided, and the command where it stands for a test. A test that never ran
    /// (skipped, say) keeps nobody waiting longer than one that always passes.
    pub(crate) fn is_decided(&self, certainty: &Certainty) -> bool {
        let speaks = self.commands.iter().any(|c| c.speaks);
        if self.tests.test_count() == 0 && !speaks {
            return false;
        }
        let judged: Vec<(&TestId, Standing)> = self.judged().collect();
        let long_enough = self.counted >= certainty.attempts_needed();
        let never_ran = judged.iter().any(|(_, s)| s.ran == 0);
        if (never_ran && !long_enough)
            || judged
                .iter()
                .zip(certainty.of_suite(&counts_of(&judged)))
                .any(|((_, s), known)| s.ran > 0 && known == Known::Undecided)
        {
            return false;
        }
        let side_by_side = || self.commands.iter().filter(|c| c.record.kind == AttemptKind::SideBySide);
        let failed = |c: &&CommandResult| c.record.parsed.tests.outcomes.iter().any(|o| o.is_failure());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (ran, failed) = (count(side_by_side().count()), count(side_by_side().filter(failed).count()));
        !speaks || certainty.of(failed, ran) != Known::Undecided
    }
}

/// Failures and attempts, as early stopping looks at them.
fn counts_of(tests: &[(&TestId, Standing)]) -> Vec<(u32, u32)> {
    tests.iter().map(|(_, standing)| (standing.failures, standing.ran)).collect()
}
