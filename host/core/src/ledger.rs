//! Every outcome of a run, kept compactly: attempts go in, in any order, and evidence per test comes out.
//!
//! What counts as what:
//!
//! - A test is *known* once any attempt gave it an outcome or announced it.
//! - A known test is *missing* from an attempt that the parser could read (complete or truncated) and that
//!   does not tell what became of it: it is absent, was announced or started without an outcome, or its outcome
//!   could not be told. Missing is never a failure. An attempt of which nothing was recognised tells nothing,
//!   not even that tests are missing.
//! - Attempts that ran *alone* or with *selected* tests may have been asked for a few only: there, a test is missing
//!   only if it was announced.
//! - A test whose framework tried again and then passed has passed, and is counted as retried.
//!
//! The evidence is the same whatever order attempts arrive in.

mod columns;
mod commits;
mod conditions;
mod derive;
mod examples;
mod groups;
mod interference;
mod mass;
mod recent;
mod times;

use crate::evidence::Evidence;
use crate::fingerprint::Reader;
use crate::ids::{AttemptIndex, Seed, TestId};
use crate::parsed::{Completeness, Failure, Location, ParsedAttempt};

use columns::{Interner, Row};
use conditions::Conditions;
use examples::{Examples, FULL, SHORT, Told, Worth};
use recent::{Recent, Said};

pub use interference::{INTERFERENCE_P, disturbs};
pub use mass::MassFailure;

/// How an attempt was made. What is measured in one way is never counted with what is measured in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AttemptKind {
    /// The whole suite, with other attempts beside it.
    #[default]
    SideBySide,
    /// With nothing beside it, to confirm what was seen side by side.
    Alone,
    /// With chosen tests only, without the rest of the suite.
    Selected,
}

/// One attempt, as it goes into the [`Ledger`].
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Which.
    pub index: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// How it was made.
    pub kind: AttemptKind,
    /// What differed between attempts: (condition, value).
    pub conditions: Vec<(String, String)>,
    /// What the parser made of it.
    pub parsed: ParsedAttempt,
}

/// Where an attempt stands among all; also the order in which they are told. Attempts side by side come first, then
/// those alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    kind: AttemptKind,
    index: AttemptIndex,
    seed: Seed,
}

/// One attempt in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptSummary {
    /// Which.
    pub index: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// How it was made.
    pub kind: AttemptKind,
    /// Whether the parser read all of it.
    pub completeness: Completeness,
    /// Tests that failed in it.
    pub failed_tests: u32,
}

/// How one test stands while attempts come in: side by side only, and without those set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Attempts whose outcome counts.
    pub ran: u32,
    /// Failed ones among them.
    pub failures: u32,
}

/// Every outcome of a run.
#[derive(Debug)]
pub struct Ledger {
    tests: Interner,
    /// By test: from the first attempt that told.
    locations: Vec<Option<(Place, Location)>>,
    /// By test, counted along: whether to go on is asked after every attempt.
    standings: Vec<Standing>,
    rows: Vec<Row>,
    conditions: Conditions,
    reader: Reader,
    recent: Recent,
    full: Examples,
    short: Examples,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// A ledger without attempts.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tests: Interner::default(),
            locations: Vec::new(),
            standings: Vec::new(),
            rows: Vec::new(),
            conditions: Conditions::default(),
            reader: Reader::default(),
            recent: Recent::default(),
            full: Examples::new(FULL),
            short: Examples::new(SHORT),
        }
    }

    /// Adds one attempt. Nothing is replaced: an index that comes twice is two attempts.
    pub fn record(&mut self, record: AttemptRecord) {
        let AttemptRecord { index, seed, kind, conditions, parsed } = record;
        let place = Place { kind, index, seed };
        let ids = self.tests.numbers(&parsed.tests.ids);
        let announced = self.tests.numbers(&parsed.announced);
        self.locations.resize(self.tests.len(), None);
        for (position, location) in parsed.tests.locations {
            if let Some(test) = columns::at(&ids, position) {
                self.locate(test, place, location);
            }
        }
        let mut row = Row::new(place, parsed.completeness);
        row.fill(
            &mut self.tests,
            &ids,
            &announced,
            &parsed.tests.outcomes,
            &parsed.tests.durations_ns,
            &parsed.tests.tries,
        );
        row.levels = self.conditions.set(conditions);
        self.count(&row);
        row.fail(&ids, parsed.tests.failures, |test, failure| self.tell(place, test, failure));
        self.rows.push(row);
    }

    /// Keeps the failure as an example if it is better than what is there; its digest.
    fn tell(&mut self, place: Place, test: u32, failure: &Failure) -> u64 {
        let worth = Worth::of(place, failure);
        let said = self.reader.said(failure);
        let known = self.recent.find(test, said);
        let digest = match known {
            // What was as good was offered before, and what became of it then would become of this.
            Some(known) if known.offered < worth => return known.digest,
            Some(known) => {
                known.offered = worth;
                known.digest
            }
            None => {
                let digest = self.reader.digest(failure);
                self.recent.remember(test, Said { said, digest, offered: worth });
                digest
            }
        };
        if let Some(id) = self.tests.id(test) {
            let told = Told { test, id, digest, failure };
            self.full.offer(worth, told);
            self.short.offer(worth, told);
        }
        digest
    }

    fn count(&mut self, row: &Row) {
        self.standings.resize(self.tests.len(), Standing::default());
        if row.place.kind != AttemptKind::SideBySide {
            return;
        }
        for (test, cell) in row.tests.iter().zip(&row.cells).filter(|(_, cell)| cell.outcome().counts()) {
            if let Some(standing) = self.standings.get_mut(*test as usize) {
                standing.ran += 1;
                standing.failures += u32::from(cell.outcome().is_failure());
            }
        }
    }

    /// How every known test stands, in the order in which tests became known.
    pub fn standings(&self) -> impl Iterator<Item = (&TestId, Standing)> {
        let id = |(number, standing): (usize, &Standing)| {
            Some((self.tests.id(u32::try_from(number).ok()?)?, *standing))
        };
        self.standings.iter().enumerate().filter_map(id)
    }

    /// Keeps the location that the first attempt told, whichever arrived first.
    fn locate(&mut self, test: u32, place: Place, location: Location) {
        let Some(kept) = self.locations.get_mut(test as usize) else { return };
        let earlier = kept.as_ref().is_none_or(|(by, known)| {
            (place, &location.file, location.line) < (*by, &known.file, known.line)
        });
        if earlier {
            *kept = Some((place, location));
        }
    }

    /// Number of known tests.
    #[must_use]
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }

    /// Every attempt: those side by side first, then by index.
    #[must_use]
    pub fn attempts(&self) -> Vec<AttemptSummary> {
        self.ordered().into_iter().map(Row::summary).collect()
    }

    /// Evidence about every known test, by id. Where a test was also tried alone or without the rest of the suite,
    /// `alone` and `selected` tell of that, and everything else speaks of the attempts side by side.
    ///
    /// `level` is the confidence level of intervals and bounds, e.g. 0.95.
    #[must_use]
    pub fn evidence(&self, level: f64) -> Vec<Evidence> {
        derive::evidence(self, level, derive::Basis::SideBySide)
    }

    /// The same with copies that [`disturbs`] finds to harm each other taken out: where a test failed side by
    /// side, and surely less often alone, everything speaks of the attempts alone, and `side_by_side` tells
    /// what does not count.
    #[must_use]
    pub fn judge_interference(&self, level: f64) -> Vec<Evidence> {
        derive::evidence(self, level, derive::Basis::Undisturbed)
    }

    /// Tests that the attempt should have told of and did not, by id. Of an index that ran in several ways,
    /// the attempt side by side is meant. Empty for an index that is not there.
    #[must_use]
    pub fn missing_in(&self, index: AttemptIndex) -> Vec<TestId> {
        let Some(row) = self.rows.iter().filter(|row| row.place.index == index).min_by_key(|row| row.place)
        else {
            return Vec::new();
        };
        let mut missing: Vec<TestId> =
            row.missing(self.tests.len()).filter_map(|test| self.tests.id(test).cloned()).collect();
        missing.sort_unstable();
        missing
    }

    fn ordered(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.place);
        rows
    }
}

#[cfg(test)]
mod tests;
