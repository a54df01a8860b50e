//! The columns behind the ledger: five bytes for one test in one attempt, eight more where it failed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::ids::TestId;
use crate::parsed::{Completeness, Failure, Outcome};

use super::{AttemptKind, AttemptSummary, Place};

/// Numbers for test ids, and one copy of every set of tests that attempts told of.
#[derive(Debug, Default)]
pub(super) struct Interner {
    numbers: HashMap<TestId, u32>,
    ids: Vec<TestId>,
    sets: HashSet<Arc<[u32]>>,
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of every id, new ones for new ids.
    pub(super) fn numbers(&mut self, ids: &[TestId]) -> Vec<u32> {
        // Attempts mostly tell of the same tests in the same order: the number after the last one is a good
        // guess, and comparing is cheaper than looking up.
        let mut guess = 0;
        ids.iter()
            .map(|id| {
                let number = match self.ids.get(guess) {
                    Some(known) if known == id => u32::try_from(guess).unwrap_or(u32::MAX),
                    _ => self.number(id),
                };
                guess = number as usize + 1;
                number
            })
            .collect()
    }

    fn number(&mut self, id: &TestId) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        // Memory ends long before four billion ids do.
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id.clone());
        self.numbers.insert(id.clone(), number);
        number
    }

    /// The id of a number that [`numbers`](Self::numbers) gave.
    pub(super) fn id(&self, number: u32) -> Option<&TestId> {
        self.ids.get(number as usize)
    }

    /// The number of an id that has one.
    pub(super) fn find(&self, id: &TestId) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// One shared copy of a set of tests.
    fn set(&mut self, tests: &[u32]) -> Arc<[u32]> {
        if let Some(known) = self.sets.get(tests) {
            return Arc::clone(known);
        }
        let new: Arc<[u32]> = Arc::from(tests);
        self.sets.insert(Arc::clone(&new));
        new
    }
}

/// The test at a position that sparse columns name.
pub(super) fn at(ids: &[u32], position: u32) -> Option<u32> {
    ids.get(position as usize).copied()
}

/// What became of one test, in one byte: the outcome's position, and whether the framework had to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(u8);

impl Cell {
    const RETRIED: u8 = 0x80;

    fn new(outcome: Outcome, tries: &[Outcome]) -> Self {
        match tries.split_last() {
            Some((Outcome::Passed | Outcome::ExpectedFailure, before))
                if before.iter().any(|o| o.is_failure()) =>
            {
                Self(Outcome::Passed as u8 | Self::RETRIED)
            }
            _ => Self(outcome as u8),
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        Outcome::from_position(self.0 & !Self::RETRIED).unwrap_or(Outcome::Unknown)
    }

    pub(super) fn is_retried(self) -> bool {
        self.0 & Self::RETRIED != 0
    }

    /// Whether the attempt should have told what became of the test, and did not.
    pub(super) fn is_missing(self) -> bool {
        matches!(self.outcome(), Outcome::NotRun | Outcome::Unknown)
    }

    /// Which of two cells of one test in one attempt stands: the one that says more, failures before all. Ids
    /// are unique by contract, so this is for hosts that break it.
    fn rank(self) -> (bool, bool, u8) {
        (self.outcome().is_failure(), !self.is_missing(), self.0)
    }
}

/// One attempt. Tests are in ascending order of their numbers.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) completeness: Completeness,
    /// Mostly the same set in all attempts, and then the same memory.
    pub(super) tests: Arc<[u32]>,
    pub(super) cells: Box<[Cell]>,
    /// Nanoseconds, NaN where unknown; empty when no test has one. 24 bits of precision are 60 ns in a second,
    /// far below what a repeated measurement agrees on, for half the memory.
    pub(super) durations: Box<[f32]>,
    /// One digest for every cell that is a failure, in the order of the cells: how it failed.
    pub(super) digests: Box<[u64]>,
    /// Further ways in which tests failed, by test and digest, ascending.
    pub(super) further: Box<[(u32, u64)]>,
    /// Numbers of what differed from other attempts, as [`Conditions`](super::conditions::Conditions) gave them.
    pub(super) levels: Arc<[u32]>,
}

impl Row {
    pub(super) fn new(place: Place, completeness: Completeness) -> Self {
        Self {
            place,
            completeness,
            tests: Arc::from([]),
            cells: Box::default(),
            durations: Box::default(),
            digests: Box::default(),
            further: Box::default(),
            levels: Arc::from([]),
        }
    }

    /// Takes the outcomes. `ids` and `announced` are numbers of tests; the other columns speak of `ids`, and
    /// may be shorter.
    pub(super) fn fill(
        &mut self,
        interner: &mut Interner,
        ids: &[u32],
        announced: &[u32],
        outcomes: &[Outcome],
        durations_ns: &[u64],
        tries: &[(u32, Vec<Outcome>)],
    ) {
        let mut cells: Vec<(u32, Cell, f32)> = Vec::with_capacity(ids.len() + announced.len());
        for (position, test) in ids.iter().enumerate() {
            let outcome = outcomes.get(position).copied().unwrap_or(Outcome::Unknown);
            cells.push((*test, Cell::new(outcome, &[]), nanoseconds(durations_ns.get(position))));
        }
        for (position, tries) in tries {
            let outcome = outcomes.get(*position as usize).copied().unwrap_or(Outcome::Unknown);
            if let Some((_, cell, _)) = cells.get_mut(*position as usize) {
                *cell = Cell::new(outcome, tries);
            }
        }
        let unheard = Cell::new(Outcome::NotRun, &[]);
        cells.extend(announced.iter().map(|test| (*test, unheard, f32::NAN)));
        if !cells.is_sorted_by(|a, b| a.0 < b.0) {
            cells.sort_by(|a, b| (a.0, b.1.rank()).cmp(&(b.0, a.1.rank())).then(a.2.total_cmp(&b.2)));
            cells.dedup_by_key(|cell| cell.0);
        }
        let tests: Vec<u32> = cells.iter().map(|cell| cell.0).collect();
        self.tests = interner.set(&tests);
        self.cells = cells.iter().map(|cell| cell.1).collect();
        if cells.iter().any(|cell| !cell.2.is_nan()) {
            self.durations = cells.iter().map(|cell| cell.2).collect();
        }
    }

    /// Takes the failures of tests that failed. `tell` is told each, with the number of its test, and says its digest.
    /// Tests that failed without a word get a failure named after the outcome.
    pub(super) fn fail(
        &mut self,
        ids: &[u32],
        failures: Vec<(u32, Failure)>,
        mut tell: impl FnMut(u32, &Failure) -> u64,
    ) {
        let mut ways: Vec<(u32, u64)> = Vec::with_capacity(failures.len());
        for (position, failure) in failures {
            let Some(test) = at(ids, position) else { continue };
            // Mostly the tests of a row are those of the attempt, in its order.
            let cell = match self.tests.get(position as usize) {
                Some(same) if *same == test => self.cells.get(position as usize).copied(),
                _ => self.cell(test),
            };
            if cell.is_some_and(|cell| cell.outcome().is_failure()) {
                ways.push((test, tell(test, &failure)));
            }
        }
        if !ways.is_sorted_by(|a, b| a < b) {
            ways.sort_unstable();
            ways.dedup();
        }
        // Both ascend by test, so one walk finds the tests without a failure.
        let mut worded = ways.iter().peekable();
        let mut digests = Vec::new();
        let mut further = Vec::new();
        for (test, cell) in self.tests.iter().zip(&self.cells).filter(|(_, cell)| cell.outcome().is_failure())
        {
            digests.push(match worded.next_if(|(worded, _)| worded == test) {
                Some((_, digest)) => *digest,
                None => tell(*test, &without_words(cell.outcome())),
            });
            while let Some(way) = worded.next_if(|(worded, _)| worded == test) {
                further.push(*way);
            }
        }
        self.digests = digests.into_boxed_slice();
        self.further = further.into_boxed_slice();
    }

    fn cell(&self, test: u32) -> Option<Cell> {
        self.cells.get(self.tests.binary_search(&test).ok()?).copied()
    }

    /// Whether a known test that is absent here is missing.
    pub(super) fn should_tell_all(&self) -> bool {
        self.place.kind == AttemptKind::SideBySide && self.completeness != Completeness::NothingRecognised
    }

    /// Numbers of tests missing here, when `known` tests are known.
    pub(super) fn missing(&self, known: usize) -> impl Iterator<Item = u32> {
        let known = u32::try_from(known).unwrap_or(u32::MAX);
        (0..known).filter(|test| self.cell(*test).map_or(self.should_tell_all(), Cell::is_missing))
    }

    pub(super) fn summary(&self) -> AttemptSummary {
        let failed = self.cells.iter().filter(|cell| cell.outcome().is_failure()).count();
        AttemptSummary {
            index: self.place.index,
            seed: self.place.seed,
            kind: self.place.kind,
            completeness: self.completeness,
            failed_tests: u32::try_from(failed).unwrap_or(u32::MAX),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "24 bits are kept, see `Row::durations`")]
fn nanoseconds(duration: Option<&u64>) -> f32 {
    duration.filter(|ns| **ns != u64::MAX).map_or(f32::NAN, |ns| *ns as f32)
}

/// A failure of which the framework said nothing.
fn without_words(outcome: Outcome) -> Failure {
    let kind = match outcome {
        Outcome::TimedOut => "timed-out",
        Outcome::Crashed => "crashed",
        Outcome::Errored => "errored",
        Outcome::UnexpectedPass => "unexpected-pass",
        _ => "failed",
    };
    Failure { kind: kind.to_owned(), ..Failure::default() }
}
