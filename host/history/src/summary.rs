//! Lists of tests.

use std::collections::{HashMap, HashSet};

use flaky_core::evidence::Interval;
use flaky_core::history::{HistoryFilter, Series, Share, TestSummary, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::parsed::Location;
use flaky_core::stats::clopper_pearson;
use flaky_core::verdict::Category;
use sqlx::{AnyConnection, Row};

use crate::error::HistoryErrorKind as Error;
use crate::read::{Line, lines, rosters};
use crate::roster::TestNumber;
use crate::sql::{Statement, small};
use crate::tally::{Period, Tally, count, fit};
use crate::write::location;

/// Parts of a trend at most: the days of a year.
const MOST_PARTS: u32 = 366;

/// Level of the interval, as in reports.
const LEVEL: f64 = 0.95;

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
    let largest = known.iter().map(|test| test.number).max().unwrap_or(0);
    let mut tallies = count(&lines, &rosters, &period(&lines, wanted, parts), largest)?;
    let mut intervals = HashMap::new();
    let search = wanted.search.as_ref().map(|s| s.to_lowercase());
    let mut all = Vec::new();
    for test in known {
        let Some(tally) = tallies.get_mut(test.number as usize).map(std::mem::take) else { continue };
        let fits = search.as_ref().is_none_or(|s| test.id.as_str().to_lowercase().contains(s.as_str()));
        if tally.runs > 0 && fits && (tally.first_failed > 0 || !wanted.failed_only) {
            all.push(summary(test, &tally, &lines, &mut intervals));
        }
    }
    all.sort_by(|a, b| (&a.series, &a.id).cmp(&(&b.series, &b.id)));
    Ok(all)
}

/// As it is asked for; else from the first run to the last one. `lines` are in order.
fn period(lines: &[Line], wanted: &HistoryFilter, parts: u32) -> Period {
    let edge = |line: Option<&Line>| line.map_or(0, |line| line.started);
    let start = wanted.since.map_or(edge(lines.first()), |t| t.0);
    let end = wanted.until.map_or(edge(lines.last()).saturating_add(1), |t| t.0);
    Period {
        start: i128::from(start),
        length: (i128::from(end) - i128::from(start)).max(1),
        parts: parts.clamp(1, MOST_PARTS) as usize,
    }
}

struct Known {
    number: TestNumber,
    id: TestId,
    series: Series,
    location: Option<Location>,
}

/// Every test.
async fn known_tests(on: &mut AnyConnection) -> Result<Vec<Known>, Error> {
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
            let id = TestId::new(row.try_get(2)?);
            Ok(Known { number: small(row, 0)?, id, series, location: location(row, 3)? })
        })
        .collect()
}

/// `intervals` are those that were computed before: most tests have the same counts.
fn summary(
    test: Known,
    tally: &Tally,
    lines: &[Line],
    intervals: &mut HashMap<(u32, u32), Interval>,
) -> TestSummary {
    let trend = tally.trend.iter().map(|&(ran, failed)| Share { ran: fit(ran), failed: fit(failed) });
    let (ran, failed) = tally.sums();
    let failed = failed.min(ran);
    let interval = *intervals.entry((failed, ran)).or_insert_with(|| clopper_pearson(failed, ran, LEVEL));
    let at = |position| time(lines, position);
    let (verdict, severity) = tally.verdict.unwrap_or((Category::Inconclusive, None));
    TestSummary {
        id: test.id,
        series: test.series,
        location: test.location,
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
        trend: trend.collect(),
    }
}

/// When the run at this position began, counted from 1.
pub(crate) fn time(lines: &[Line], position: usize) -> Option<Timestamp> {
    position.checked_sub(1).and_then(|i| lines.get(i)).map(|line| Timestamp(line.started))
}
