//! What the attempts at the head said, and at the base where there is one.

use std::collections::BTreeMap;

use flaky_core::evidence::{Base, Change};
use flaky_core::ids::TestId;
use flaky_core::stop::Certainty;

use super::Tally;
use crate::conduct::Side;

/// What the attempts at each of two commits said.
#[derive(Debug)]
pub(crate) struct Tallies {
    pub(crate) head: Tally,
    /// What the head is compared with, where it is.
    pub(crate) base: Option<Tally>,
}

impl Tallies {
    pub(crate) fn of(&mut self, side: Side) -> Option<&mut Tally> {
        match side {
            Side::Head => Some(&mut self.head),
            Side::Base => self.base.as_mut(),
        }
    }

    /// Whether every test is decided; compared with a base, whether also every difference is.
    pub(crate) fn are_decided(&self, certainty: &Certainty) -> bool {
        let Some(base) = &self.base else { return self.head.is_decided(certainty) };
        self.head.is_decided(certainty)
            && base.is_decided(certainty)
            && self.changes().values().all(|base| base.change != Change::NoEvidence || base.failed == 0)
    }

    /// What became of each test that ran at both commits; empty without a base.
    pub(crate) fn changes(&self) -> BTreeMap<TestId, Base> {
        let Some(base) = &self.base else { return BTreeMap::new() };
        let mut changes = self.head.tests.compare_with_base(&base.tests);
        if let (Some(head), Some(base)) = (self.head.command_ledger(), base.command_ledger()) {
            changes.extend(head.compare_with_base(&base));
        }
        changes
    }

    /// See [`Tally::set_mass_failures_aside`].
    pub(crate) fn set_mass_failures_aside(&mut self) {
        self.head.set_mass_failures_aside();
        if let Some(base) = &mut self.base {
            base.set_mass_failures_aside();
        }
    }
}
