//! From columns to evidence.

use std::collections::HashMap;

use crate::evidence::{Bounds, Counts, Evidence, Interval, Tried};
use crate::parsed::Outcome;
use crate::stats::{MannWhitney, bounds, wilson};

use super::columns::{Cell, Row};
use super::conditions::Compared;
use super::groups::{self, Similar};
use super::interference::disturbs;
use super::times::Times;
use super::{AttemptKind, Ledger};

/// Which attempts evidence speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Those side by side.
    SideBySide,
    /// Those alone for tests whose copies disturb each other, else those side by side.
    Undisturbed,
}

/// Tests whose tallies are open at a time. Rows are read in order, each this many tests further: few enough
/// tallies to stay in the processor's cache, and reading a row is never a jump.
const CHUNK: u32 = 4096;

pub(super) fn evidence(ledger: &Ledger, level: f64, basis: Basis) -> Vec<Evidence> {
    let rows = ledger.ordered();
    let compared = ledger.conditions.compared(&rows);
    let mut cursors: Vec<Cursor<'_>> = rows.iter().map(|row| Cursor::new(row, &compared)).collect();
    let levels = compared.len();
    let mut derivation = Derivation {
        ledger,
        rows: &rows,
        basis,
        rates: Rates::new(level),
        telling: count(rows.iter().filter(|row| row.should_tell_all()).count()),
        compared,
        slower: MannWhitney::default(),
        similar: Similar::default(),
    };
    let tests = count(ledger.test_count());
    let mut all = Vec::with_capacity(ledger.test_count());
    let mut start = 0;
    while start < tests {
        let end = start.saturating_add(CHUNK).min(tests);
        let mut chunk: Vec<Tallies> = (start..end).map(|_| Tallies::default()).collect();
        for (number, cursor) in (0..).zip(&mut cursors) {
            cursor.read_into(&mut chunk, start, number, levels);
        }
        all.extend(
            (start..end).zip(chunk).filter_map(|(test, tallies)| derivation.evidence_of(test, tallies)),
        );
        start = end;
    }
    all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    all
}

/// What one test did in attempts of one sort.
#[derive(Debug, Default)]
struct Tally {
    counts: Counts,
    /// Attempts that should tell of every test, and have a cell for this one.
    present: u32,
    times: Times,
    /// Positions of rows, ascending.
    failing: Vec<u32>,
    /// Digests of failures and positions of rows.
    failures: Vec<(u64, u32)>,
    /// By position of a level of a condition; empty before the first.
    levels: Vec<Tried>,
}

#[derive(Debug, Default)]
struct Tallies {
    side_by_side: Tally,
    alone: Tally,
    selected: Tried,
}

impl Tally {
    fn add(&mut self, cell: Cell, row: u32) {
        let counts = &mut self.counts;
        let outcome = cell.outcome();
        counts.expected_failures += u32::from(outcome == Outcome::ExpectedFailure);
        counts.unexpected_passes += u32::from(outcome == Outcome::UnexpectedPass);
        match outcome {
            Outcome::Passed | Outcome::ExpectedFailure => counts.passed += 1,
            Outcome::Failed | Outcome::UnexpectedPass => counts.failed += 1,
            Outcome::Errored => counts.errored += 1,
            Outcome::TimedOut => counts.timed_out += 1,
            Outcome::Crashed => counts.crashed += 1,
            Outcome::Skipped => counts.skipped += 1,
            Outcome::NotRun | Outcome::Unknown => counts.missing += 1,
        }
        counts.ran += u32::from(outcome.counts());
        counts.retried += u32::from(cell.is_retried());
        if outcome.is_failure() {
            self.failing.push(row);
        }
    }

    fn times_of(&mut self, outcome: Outcome) -> &mut Vec<f32> {
        if outcome.is_failure() { &mut self.times.failed } else { &mut self.times.passed }
    }

    fn summary(&self) -> Tried {
        Tried { ran: self.counts.ran, failed: self.counts.failures() }
    }
}

/// How far one row has been read.
struct Cursor<'a> {
    row: &'a Row,
    /// Positions of its levels among those compared.
    levels: Vec<usize>,
    cell: usize,
    digest: usize,
    further: usize,
}

impl<'a> Cursor<'a> {
    fn new(row: &'a Row, compared: &Compared<'_>) -> Self {
        Self { row, levels: compared.positions(row), cell: 0, digest: 0, further: 0 }
    }

    /// Reads the cells of the chunk's tests, of which `start` is the first.
    fn read_into(&mut self, chunk: &mut [Tallies], start: u32, number: u32, levels: usize) {
        let row = self.row;
        while let Some((test, cell)) = row.tests.get(self.cell).zip(row.cells.get(self.cell)) {
            let Some(tallies) = test.checked_sub(start).and_then(|at| chunk.get_mut(at as usize)) else {
                return;
            };
            let (outcome, at) = (cell.outcome(), self.cell);
            let digests = self.digests_of(*test, outcome.is_failure());
            self.cell += 1;
            let tally = match row.place.kind {
                AttemptKind::SideBySide => &mut tallies.side_by_side,
                AttemptKind::Alone => &mut tallies.alone,
                AttemptKind::Selected => {
                    tallies.selected.ran += u32::from(outcome.counts());
                    tallies.selected.failed += u32::from(outcome.is_failure());
                    continue;
                }
            };
            tally.add(*cell, number);
            tally.present += u32::from(row.should_tell_all());
            tally.failures.extend(digests.map(|digest| (digest, number)));
            if !outcome.counts() {
                continue;
            }
            let duration = row.durations.get(at).filter(|ns| !ns.is_nan());
            tally.times_of(outcome).extend(duration);
            if !self.levels.is_empty() {
                tally.levels.resize(levels, Tried::default());
            }
            for level in &self.levels {
                if let Some(tried) = tally.levels.get_mut(*level) {
                    tried.ran += 1;
                    tried.failed += u32::from(outcome.is_failure());
                }
            }
        }
    }

    /// How the test of the cell at hand failed, if it did.
    fn digests_of(&mut self, test: u32, failed: bool) -> impl Iterator<Item = u64> + use<'a> {
        let row = self.row;
        let first = if failed { row.digests.get(self.digest) } else { None };
        self.digest += usize::from(failed);
        let from = self.further;
        while row.further.get(self.further).is_some_and(|(of, _)| *of == test) {
            self.further += 1;
        }
        let further = row.further.get(from..self.further).unwrap_or_default();
        first.copied().into_iter().chain(further.iter().map(|(_, digest)| *digest))
    }
}

/// What evidence is made from, besides a test's own tallies.
struct Derivation<'a> {
    ledger: &'a Ledger,
    /// In the order of their places.
    rows: &'a [&'a Row],
    basis: Basis,
    rates: Rates,
    /// Attempts that should tell of every known test.
    telling: u32,
    compared: Compared<'a>,
    slower: MannWhitney,
    similar: Similar,
}

impl Derivation<'_> {
    fn evidence_of(&mut self, test: u32, tallies: Tallies) -> Option<Evidence> {
        let id = self.ledger.tests.id(test)?;
        let Tallies { mut side_by_side, alone, selected } = tallies;
        side_by_side.counts.missing += self.telling.saturating_sub(side_by_side.present);
        let (beside, by_itself) = (side_by_side.summary(), alone.summary());
        let is_disturbed = self.basis == Basis::Undisturbed && disturbs(beside, by_itself);
        let mut tally = if is_disturbed { alone } else { side_by_side };
        let seen = tally.summary();
        let (interval, bounds) = self.rates.of(seen);
        let has_both = seen.failed > 0 && seen.failed < seen.ran;
        let location = self.ledger.locations.get(test as usize).cloned().flatten();
        let groups =
            groups::groups(self.ledger, self.rows, &mut self.similar, (test, id), &mut tally.failures);
        Some(Evidence {
            location: location.map(|(_, location)| location),
            counts: tally.counts,
            rate: rate(seen),
            interval,
            bounds,
            failing_attempts: groups::indices(self.rows, &tally.failing),
            failing_seeds: groups::seeds(self.rows, &tally.failing),
            groups,
            effects: if has_both { self.compared.effects(&tally.levels) } else { Vec::new() },
            alone: (by_itself.ran > 0).then_some(by_itself),
            side_by_side: is_disturbed.then_some(beside),
            selected: (selected.ran > 0).then_some(selected),
            durations: tally.times.summarise(&mut self.slower),
            ..Evidence::new(id.clone())
        })
    }
}

/// Intervals and bounds by counts: most tests of a run share theirs, and each takes thousands of steps.
struct Rates {
    level: f64,
    known: HashMap<(u32, u32), (Interval, Bounds)>,
}

impl Rates {
    fn new(level: f64) -> Self {
        Self { level, known: HashMap::new() }
    }

    fn of(&mut self, Tried { ran, failed }: Tried) -> (Interval, Bounds) {
        let level = self.level;
        *self
            .known
            .entry((failed, ran))
            .or_insert_with(|| (wilson(failed, ran, level), bounds(failed, ran, level)))
    }
}

fn rate(Tried { ran, failed }: Tried) -> f64 {
    if ran == 0 { 0.0 } else { f64::from(failed) / f64::from(ran) }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
