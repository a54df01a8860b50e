//! From columns to evidence.

use std::collections::HashMap;

use crate::evidence::{Bounds, Counts, Durations, Evidence, FailureGroup, Interval, Tried};
use crate::fingerprint::{fingerprint, to_hex};
use crate::ids::TestId;
use crate::parsed::{Failure, Outcome};
use crate::stats::{bounds, wilson};

use super::Ledger;
use super::columns::{Cell, Row};
use super::interference::disturbs;

/// Which attempts evidence speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Those side by side.
    SideBySide,
    /// Those alone for tests whose copies disturb each other, else those side by side.
    Undisturbed,
}

/// Failure groups told of one test; the rest become one group. A table shows one and a page a handful. A test
/// with more fails in ways that normalising could not bring together, and more examples would not help.
const MAX_GROUPS: usize = 20;

/// Tests whose tallies are open at a time. Rows are read in order, each this many tests further: few enough
/// tallies to stay in the processor's cache, and reading a row is never a jump.
const CHUNK: u32 = 4096;

pub(super) fn evidence(ledger: &Ledger, level: f64, basis: Basis) -> Vec<Evidence> {
    let rows = ledger.ordered();
    let mut derivation = Derivation { ledger, rows: &rows, basis, rates: Rates::new(level), telling: 0 };
    derivation.telling = count(rows.iter().filter(|row| row.should_tell_all()).count());
    let tests = count(ledger.test_count());
    let mut cursors: Vec<Cursor<'_>> = rows.iter().map(|row| Cursor { row, cell: 0, failure: 0 }).collect();
    let mut all = Vec::with_capacity(ledger.test_count());
    let mut start = 0;
    while start < tests {
        let end = start.saturating_add(CHUNK).min(tests);
        let mut chunk: Vec<Tallies> = (start..end).map(|_| Tallies::default()).collect();
        for (number, cursor) in (0..).zip(&mut cursors) {
            cursor.read_into(&mut chunk, start, number);
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
    durations: Vec<f32>,
    /// Positions of rows, ascending.
    failing: Vec<u32>,
    /// Digests of failures and positions of rows.
    failures: Vec<(u64, u32)>,
}

#[derive(Debug, Default)]
struct Tallies {
    side_by_side: Tally,
    alone: Tally,
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

    fn summary(&self) -> Tried {
        Tried { ran: self.counts.ran, failed: self.counts.failures() }
    }

    fn durations(&mut self) -> Option<Durations> {
        let middle = self.durations.len() / 2;
        let is_even = self.durations.len().is_multiple_of(2);
        let largest = self.durations.iter().copied().max_by(f32::total_cmp)?;
        let (below, upper, _) = self.durations.select_nth_unstable_by(middle, f32::total_cmp);
        let lower = if is_even { below.iter().copied().max_by(f32::total_cmp) } else { None };
        let median = f64::midpoint(f64::from(*upper), f64::from(lower.unwrap_or(*upper)));
        Some(Durations {
            told: count(self.durations.len()),
            median_ns: whole(median),
            largest_ns: whole(f64::from(largest)),
            median_failed_ns: None,
            slower_when_failing: None,
        })
    }
}

/// How far one row has been read.
struct Cursor<'a> {
    row: &'a Row,
    cell: usize,
    failure: usize,
}

impl Cursor<'_> {
    /// Reads the cells of the chunk's tests, of which `start` is the first.
    fn read_into(&mut self, chunk: &mut [Tallies], start: u32, number: u32) {
        let row = self.row;
        while let Some((test, cell)) = row.tests.get(self.cell).zip(row.cells.get(self.cell)) {
            let Some(tallies) = test.checked_sub(start).and_then(|at| chunk.get_mut(at as usize)) else {
                return;
            };
            let tally = if row.place.alone { &mut tallies.alone } else { &mut tallies.side_by_side };
            tally.add(*cell, number);
            tally.present += u32::from(row.should_tell_all());
            let duration = row.durations.get(self.cell).filter(|ns| !ns.is_nan() && cell.outcome().counts());
            tally.durations.extend(duration);
            while row.failed.get(self.failure) == Some(test) {
                tally.failures.extend(row.digests.get(self.failure).map(|digest| (*digest, number)));
                self.failure += 1;
            }
            self.cell += 1;
        }
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
}

impl Derivation<'_> {
    fn evidence_of(&mut self, test: u32, tallies: Tallies) -> Option<Evidence> {
        let id = self.ledger.tests.id(test)?;
        let Tallies { mut side_by_side, alone } = tallies;
        side_by_side.counts.missing += self.telling.saturating_sub(side_by_side.present);
        let (beside, by_itself) = (side_by_side.summary(), alone.summary());
        let is_disturbed = self.basis == Basis::Undisturbed && disturbs(beside, by_itself);
        let mut tally = if is_disturbed { alone } else { side_by_side };
        let (interval, bounds) = self.rates.of(tally.summary());
        Some(Evidence {
            location: self
                .ledger
                .locations
                .get(test as usize)
                .cloned()
                .flatten()
                .map(|(_, location)| location),
            counts: tally.counts,
            rate: rate(tally.summary()),
            interval,
            bounds,
            failing_attempts: self.places(&tally.failing).map(|place| place.index).collect(),
            failing_seeds: self.places(&tally.failing).map(|place| place.seed).collect(),
            groups: self.groups(test, id, &mut tally.failures),
            alone: (by_itself.ran > 0).then_some(by_itself),
            side_by_side: is_disturbed.then_some(beside),
            durations: tally.durations(),
            ..Evidence::new(id.clone())
        })
    }

    fn places<'p>(&'p self, rows: &'p [u32]) -> impl Iterator<Item = super::Place> + 'p {
        rows.iter().filter_map(|row| self.rows.get(*row as usize)).map(|row| row.place)
    }

    /// Most frequent first, then the one that came first.
    fn groups(&self, test: u32, id: &TestId, failures: &mut [(u64, u32)]) -> Vec<FailureGroup> {
        failures.sort_unstable();
        let mut groups: Vec<(u64, Vec<u32>)> = failures
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|group| Some((group.first()?.0, group.iter().map(|(_, row)| *row).collect())))
            .collect();
        // By places, because rows of the same place stand in the order of their arrival.
        groups.sort_by(|(a, in_a), (b, in_b)| {
            in_b.len().cmp(&in_a.len()).then_with(|| self.places(in_a).cmp(self.places(in_b))).then(a.cmp(b))
        });
        let rest = groups.split_off(groups.len().min(MAX_GROUPS));
        let mut out: Vec<FailureGroup> =
            groups.into_iter().map(|(digest, rows)| self.group(test, id, digest, &rows)).collect();
        if !rest.is_empty() {
            out.push(self.other_ways(&rest));
        }
        out
    }

    fn group(&self, test: u32, id: &TestId, digest: u64, rows: &[u32]) -> FailureGroup {
        let example =
            self.ledger.full.get(test, id, digest).or_else(|| self.ledger.short.get(test, id, digest));
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        FailureGroup {
            fingerprint: to_hex(digest),
            kind: text(example.map(|example| &*example.kind)),
            message: text(example.map(|example| &*example.message)),
            trace: text(example.map(|example| &*example.trace)),
            attempts: self.places(rows).map(|place| place.index).collect(),
            seeds: self.places(rows).map(|place| place.seed).collect(),
        }
    }

    /// One group of all that is past [`MAX_GROUPS`].
    fn other_ways(&self, rest: &[(u64, Vec<u32>)]) -> FailureGroup {
        let mut rows: Vec<u32> = rest.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        let kind = "other".to_owned();
        FailureGroup {
            fingerprint: fingerprint(&Failure { kind: kind.clone(), ..Failure::default() }),
            kind,
            message: format!("{} more kinds of failure, each rarer than those told", rest.len()),
            trace: String::new(),
            attempts: self.places(&rows).map(|place| place.index).collect(),
            seeds: self.places(&rows).map(|place| place.seed).collect(),
        }
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` ends at the nearest bound")]
fn whole(nanoseconds: f64) -> u64 {
    nanoseconds.round() as u64
}
