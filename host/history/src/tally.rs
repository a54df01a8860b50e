//! Counting over many runs, from runs and rosters alone.
//!
//! Runs that share a roster are counted together, and their sum is given to its tests once; then what is particular
//! is put in the place of what the roster said. So the time goes by rosters and failures, not by tests times runs.

use std::collections::{BTreeMap, HashMap};

use flaky_core::verdict::{Category, Severity};

use crate::error::HistoryErrorKind as Error;
use crate::read::Line;
use crate::roster::{Relative, Roster, TestNumber};

/// What is counted of one test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u32,
    pub(crate) flaky_runs: u32,
    /// Attempts that count and failed ones, by part of the period.
    pub(crate) trend: Vec<(i64, i64)>,
    pub(crate) cost: f64,
    /// Positions of runs, counted from 1: 0 is none.
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) first_failed: usize,
    pub(crate) last_failed: usize,
    pub(crate) verdict: Option<(Category, Option<Severity>)>,
}

/// Equal parts of a period.
pub(crate) struct Period {
    /// Seconds since 1970. Wider than what is kept, so that nothing overflows.
    pub(crate) start: i128,
    /// Seconds, one at least.
    pub(crate) length: i128,
    pub(crate) parts: usize,
}

impl Period {
    /// Counted from 0.
    fn part(&self, started: i64) -> usize {
        let offset = (i128::from(started) - self.start).clamp(0, self.length - 1);
        usize::try_from(offset * self.parts as i128 / self.length).unwrap_or(0)
    }
}

/// Tallies by number of the test, for numbers up to the largest that there is.
pub(crate) fn count(
    lines: &[Line],
    rosters: &HashMap<u32, Roster>,
    period: &Period,
    largest: TestNumber,
) -> Result<Vec<Tally>, Error> {
    let mut tallies = vec![Tally::default(); largest as usize + 1];
    for (number, shared) in share(lines, period) {
        give(&mut tallies, roster(rosters, number)?, &shared, period.parts)?;
    }
    for (index, line) in lines.iter().enumerate() {
        correct(&mut tallies, roster(rosters, line.roster)?, line, index + 1, period)?;
    }
    Ok(tallies)
}

pub(crate) fn roster(rosters: &HashMap<u32, Roster>, number: u32) -> Result<&Roster, Error> {
    rosters.get(&number).ok_or_else(|| Error::Damaged(format!("roster {number} is nowhere")))
}

pub(crate) fn unknown(test: TestNumber) -> Error {
    Error::Damaged(format!("a run tells of test {test}, which is nowhere or not of its suite"))
}

/// What runs of one roster have in common.
struct Shared {
    first: usize,
    last: usize,
    /// Runs and attempts, by part of the period; parts without any are left out.
    parts: BTreeMap<usize, (u32, i64)>,
}

/// By roster, in the order of numbers.
fn share(lines: &[Line], period: &Period) -> BTreeMap<u32, Shared> {
    let mut all: BTreeMap<u32, Shared> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let new = || Shared { first: index + 1, last: 0, parts: BTreeMap::new() };
        let shared = all.entry(line.roster).or_insert_with(new);
        shared.last = index + 1;
        let (runs, attempts) = shared.parts.entry(period.part(line.started)).or_default();
        *runs += 1;
        *attempts += i64::from(line.attempts);
    }
    all
}

/// Gives what runs of a roster have in common to its tests.
fn give(tallies: &mut [Tally], roster: &Roster, shared: &Shared, parts: usize) -> Result<(), Error> {
    let Some((base, over)) = roster.layers.split_first() else { return Ok(()) };
    let runs = shared.parts.values().fold(0_u32, |sum, (runs, _)| sum.saturating_add(*runs));
    for test in base.tests() {
        let tally = tallies.get_mut(test as usize).ok_or_else(|| unknown(test))?;
        tally.trend.resize(parts, (0, 0));
        tally.runs = tally.runs.saturating_add(runs);
        if tally.first == 0 || shared.first < tally.first {
            tally.first = shared.first;
        }
        add(tally, base.shape.ran(), shared, 1);
        if shared.last > tally.last {
            tally.last = shared.last;
            tally.verdict = Some((base.shape.verdict, base.shape.severity));
        }
    }
    for layer in over {
        for test in layer.tests() {
            let tally = tallies.get_mut(test as usize).ok_or_else(|| unknown(test))?;
            add(tally, base.shape.ran(), shared, -1);
            add(tally, layer.shape.ran(), shared, 1);
            if shared.last == tally.last {
                tally.verdict = Some((layer.shape.verdict, layer.shape.severity));
            }
        }
    }
    Ok(())
}

fn add(tally: &mut Tally, ran: Relative, shared: &Shared, sign: i64) {
    for (part, (runs, attempts)) in &shared.parts {
        let sum = match ran {
            Relative::All => *attempts,
            Relative::Exactly(n) => i64::from(n) * i64::from(*runs),
        };
        if let Some((ran, _)) = tally.trend.get_mut(*part) {
            *ran += sign * sum;
        }
    }
}

/// Puts what is particular to tests of a run in the place of what its roster says of them.
fn correct(
    tallies: &mut [Tally],
    roster: &Roster,
    line: &Line,
    position: usize,
    period: &Period,
) -> Result<(), Error> {
    let part = period.part(line.started);
    for short in &line.particular {
        let shape = roster.shape(short.test).ok_or_else(|| unknown(short.test))?;
        let tally = tallies.get_mut(short.test as usize).ok_or_else(|| unknown(short.test))?;
        if let Some((ran, failed)) = tally.trend.get_mut(part) {
            *ran += i64::from(short.ran) - i64::from(shape.ran().of(line.attempts));
            *failed += i64::from(short.failed);
        }
        tally.flaky_runs += u32::from(short.is_flaky());
        if short.failed > 0 {
            if tally.first_failed == 0 {
                tally.first_failed = position;
            }
            tally.last_failed = position;
            tally.cost += f64::from(short.failed) * line.cpu_seconds / f64::from(line.attempts.max(1));
        }
        if tally.last == position {
            tally.verdict = Some((short.verdict, short.severity));
        }
    }
    Ok(())
}

impl Tally {
    /// Attempts that count, and failed ones among them, over the whole period.
    pub(crate) fn sums(&self) -> (u32, u32) {
        let (ran, failed) = self.trend.iter().fold((0, 0), |(r, f), (ran, failed)| (r + ran, f + failed));
        (fit(ran), fit(failed))
    }
}

/// Sums are kept in 64 bits, and told in 32.
pub(crate) fn fit(sum: i64) -> u32 {
    u32::try_from(sum.max(0)).unwrap_or(u32::MAX)
}
