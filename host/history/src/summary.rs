//! Lists of tests: everything is counted from runs and rosters alone.
//!
//! Runs that share a roster are counted together, and their sum is given to its tests once; then what is particular
//! is put in the place of what the roster said. So the time goes by rosters and failures, not by tests times runs.

use std::collections::{BTreeMap, HashMap, HashSet};

use flaky_core::history::{HistoryFilter, Series, Share, TestSummary, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::parsed::Location;
use flaky_core::stats::clopper_pearson;
use flaky_core::verdict::{Category, Severity};
use sqlx::{AnyConnection, Row};

use crate::error::HistoryErrorKind as Error;
use crate::read::{Line, lines, rosters};
use crate::roster::{Relative, Roster, TestNumber};
use crate::sql::{Statement, small};
use crate::write::location;

/// Parts of a trend at most: more than a screen has columns for.
const MOST_PARTS: u32 = 1_000;

/// Level of the interval, as in reports.
const LEVEL: f64 = 0.95;

/// What is counted of one test.
#[derive(Debug, Clone, Default)]
struct Tally {
    runs: u32,
    flaky_runs: u32,
    /// By part of the period.
    trend: Vec<(i64, i64)>,
    cost: f64,
    /// Positions of runs, counted from 1: 0 is none.
    first: usize,
    last: usize,
    first_failed: usize,
    last_failed: usize,
    verdict: Option<(Category, Option<Severity>)>,
}

/// What runs of one roster have in common.
#[derive(Debug, Clone)]
struct Shared {
    first: usize,
    last: usize,
    /// Runs and attempts, by part of the period; parts without any are left out.
    parts: BTreeMap<usize, (u32, i64)>,
}

/// Every test of the runs that are asked for.
pub(crate) async fn tests(
    on: &mut AnyConnection,
    wanted: &HistoryFilter,
    parts: u32,
) -> Result<Vec<TestSummary>, Error> {
    let lines = lines(on, wanted).await?;
    let used: HashSet<u32> = lines.iter().map(|line| line.roster).collect();
    let rosters = rosters(on, &used).await?;
    let known = known_tests(on).await?;
    let period = Period::new(&lines, wanted, parts);
    let mut tallies: HashMap<TestNumber, Tally> = HashMap::new();
    for (number, shared) in share(&lines, &period) {
        if let Some(roster) = rosters.get(&number) {
            give(&mut tallies, roster, &shared, period.parts);
        }
    }
    for (index, line) in lines.iter().enumerate() {
        if let Some(roster) = rosters.get(&line.roster) {
            correct(&mut tallies, roster, line, index + 1, &period)?;
        }
    }
    let mut intervals = Intervals::default();
    let search = wanted.search.as_ref().map(|s| s.to_lowercase());
    let mut all = Vec::new();
    for (number, id, series, location) in known {
        let Some(tally) = tallies.remove(&number) else { continue };
        let fits = search.as_ref().is_none_or(|s| id.as_str().to_lowercase().contains(s.as_str()));
        if fits && (tally.first_failed > 0 || !wanted.failed_only) {
            all.push(summary(id, series, location, tally, &lines, &mut intervals));
        }
    }
    all.sort_by(|a, b| (&a.series, &a.id).cmp(&(&b.series, &b.id)));
    Ok(all)
}

/// Equal parts of a period.
struct Period {
    start: i128,
    length: i128,
    parts: usize,
}

impl Period {
    /// As it is asked for; else from the first run to the last one. `lines` are in order.
    fn new(lines: &[Line], wanted: &HistoryFilter, parts: u32) -> Self {
        let edge = |line: Option<&Line>| line.map_or(0, |line| line.started);
        let start = wanted.since.map_or(edge(lines.first()), |t| t.0);
        let end = wanted.until.map_or(edge(lines.last()).saturating_add(1), |t| t.0);
        let length = (i128::from(end) - i128::from(start)).max(1);
        Self { start: i128::from(start), length, parts: parts.clamp(1, MOST_PARTS) as usize }
    }

    /// Counted from 0.
    fn part(&self, started: i64) -> usize {
        let offset = (i128::from(started) - self.start).clamp(0, self.length - 1);
        usize::try_from(offset * self.parts as i128 / self.length).unwrap_or(0)
    }
}

/// By roster, in the order of numbers.
fn share(lines: &[Line], period: &Period) -> BTreeMap<u32, Shared> {
    let mut all: BTreeMap<u32, Shared> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let shared = all.entry(line.roster).or_insert_with(|| Shared {
            first: index + 1,
            last: 0,
            parts: BTreeMap::new(),
        });
        shared.last = index + 1;
        let (runs, attempts) = shared.parts.entry(period.part(line.started)).or_default();
        *runs += 1;
        *attempts += i64::from(line.attempts);
    }
    all
}

/// Gives what runs of a roster have in common to its tests.
fn give(tallies: &mut HashMap<TestNumber, Tally>, roster: &Roster, shared: &Shared, parts: usize) {
    let Some((base, over)) = roster.layers.split_first() else { return };
    let runs = shared.parts.values().fold(0_u32, |sum, (runs, _)| sum.saturating_add(*runs));
    for test in base.tests() {
        let tally = tallies.entry(test).or_default();
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
            let Some(tally) = tallies.get_mut(&test) else { continue };
            add(tally, base.shape.ran(), shared, -1);
            add(tally, layer.shape.ran(), shared, 1);
            if shared.last == tally.last {
                tally.verdict = Some((layer.shape.verdict, layer.shape.severity));
            }
        }
    }
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
    tallies: &mut HashMap<TestNumber, Tally>,
    roster: &Roster,
    line: &Line,
    position: usize,
    period: &Period,
) -> Result<(), Error> {
    let part = period.part(line.started);
    for short in &line.particular {
        let (Some(shape), Some(tally)) = (roster.shape(short.test), tallies.get_mut(&short.test)) else {
            return Err(Error::Damaged(format!("a run says of test {} what it did not tell of", short.test)));
        };
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

/// Number, id, series and location of every test.
async fn known_tests(
    on: &mut AnyConnection,
) -> Result<Vec<(TestNumber, TestId, Series, Option<Location>)>, Error> {
    let rows = Statement::new("SELECT number, repository, suite FROM flaky_series").all(on).await?;
    let mut series: HashMap<i64, Series> = HashMap::new();
    for row in &rows {
        series.insert(row.try_get(0)?, Series { repository: row.try_get(1)?, suite: row.try_get(2)? });
    }
    let rows = Statement::new("SELECT number, series, id, file, line FROM flaky_tests").all(on).await?;
    rows.iter()
        .map(|row| {
            let series = series.get(&row.try_get(1)?).cloned();
            let series = series.ok_or_else(|| Error::Damaged("a test is of no suite".into()))?;
            Ok((small(row, 0)?, TestId::new(row.try_get(2)?), series, location(row, 3)?))
        })
        .collect()
}

/// Intervals of counts that came before: most tests have the same.
#[derive(Default)]
struct Intervals(HashMap<(u32, u32), flaky_core::evidence::Interval>);

fn summary(
    id: TestId,
    series: Series,
    location: Option<Location>,
    tally: Tally,
    lines: &[Line],
    intervals: &mut Intervals,
) -> TestSummary {
    let fit = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    let trend: Vec<Share> =
        tally.trend.iter().map(|&(ran, failed)| Share { ran: fit(ran), failed: fit(failed) }).collect();
    let ran = fit(tally.trend.iter().map(|(ran, _)| ran).sum());
    let failed = fit(tally.trend.iter().map(|(_, failed)| failed).sum()).min(ran);
    let interval = *intervals.0.entry((failed, ran)).or_insert_with(|| clopper_pearson(failed, ran, LEVEL));
    let at =
        |position: usize| position.checked_sub(1).and_then(|i| lines.get(i)).map(|l| Timestamp(l.started));
    let (verdict, severity) = tally.verdict.unwrap_or((Category::Inconclusive, None));
    TestSummary {
        id,
        series,
        location,
        runs: tally.runs,
        flaky_runs: tally.flaky_runs,
        ran,
        failed,
        rate: if ran == 0 { 0.0 } else { f64::from(failed) / f64::from(ran) },
        interval,
        first_seen: at(tally.first).unwrap_or(Timestamp(0)),
        last_seen: at(tally.last).unwrap_or(Timestamp(0)),
        first_failed: at(tally.first_failed),
        last_failed: at(tally.last_failed),
        verdict,
        severity,
        cost_cpu_seconds: tally.cost,
        trend,
    }
}
