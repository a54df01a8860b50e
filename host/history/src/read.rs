//! Runs come out again.

use std::collections::{HashMap, HashSet};

use flaky_core::history::{HistoryFilter, PastFailure, PastResult, PastRun, RunContext, Series, Timestamp};
use flaky_core::ids::{RunId, TestId};
use flaky_core::parsed::Location;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use crate::error::HistoryErrorKind as Error;
use crate::names::{category_named, cause_named, isolation_named, severity_named};
use crate::particular::{Body, Short, read_shorts};
use crate::roster::{Roster, TestNumber};
use crate::sql::{Statement, Value, bytes, filter, small};
use crate::write::location;

/// Columns of a [`PastRun`], as [`past_run`] reads them.
pub(crate) const RUN: &str = "SELECT r.number, r.roster, s.repository, s.suite, r.run, r.started, r.branch, r.pull_request, \
     r.url, r.changed, r.revision, r.flaky_version, r.command, r.isolation, r.attempts, r.failures, r.tests, r.verdict, \
     r.cause, r.severity, r.wall_seconds, r.cpu_seconds";

/// The table of runs with their series.
pub(crate) const FROM: &str = " FROM flaky_runs r JOIN flaky_series s ON s.number = r.series";

/// Where a run is in the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) run: i64,
    pub(crate) roster: u32,
}

/// Reads a row of [`RUN`].
pub(crate) fn past_run(row: &AnyRow) -> Result<(At, PastRun), Error> {
    let text = |column: usize| row.try_get::<Option<&str>, _>(column);
    let owned = |column: usize| Ok::<_, sqlx::Error>(text(column)?.map(str::to_owned));
    let needed = |column: usize| row.try_get::<String, _>(column);
    let pull_request: Option<i64> = row.try_get(7)?;
    let context = RunContext {
        series: Series { repository: needed(2)?, suite: needed(3)? },
        started: Timestamp(row.try_get(5)?),
        branch: owned(6)?,
        pull_request: pull_request.map(i64::unsigned_abs),
        url: owned(8)?,
        changed: row.try_get::<i64, _>(9)? != 0,
    };
    let run = PastRun {
        run: RunId::try_from(needed(4)?).map_err(|e| Error::Damaged(e.to_string()))?,
        context,
        commit: owned(10)?,
        flaky_version: needed(11)?,
        command: needed(12)?,
        isolation: isolation_named(row.try_get(13)?)?,
        attempts: small(row, 14)?,
        failures: small(row, 15)?,
        tests: small(row, 16)?,
        verdict: category_named(row.try_get(17)?)?,
        cause: text(18)?.map(cause_named).transpose()?,
        severity: text(19)?.map(severity_named).transpose()?,
        wall_seconds: row.try_get(20)?,
        cpu_seconds: row.try_get(21)?,
    };
    Ok((At { run: row.try_get(0)?, roster: small(row, 1)? }, run))
}

/// Every suite of every repository, by name.
pub(crate) async fn series(on: &mut AnyConnection) -> Result<Vec<Series>, Error> {
    let rows = Statement::new(
        "SELECT s.repository, s.suite FROM flaky_series s \
         WHERE EXISTS (SELECT 1 FROM flaky_runs r WHERE r.series = s.number)",
    )
    .all(on)
    .await?;
    let mut series = Vec::with_capacity(rows.len());
    for row in &rows {
        series.push(Series { repository: row.try_get(0)?, suite: row.try_get(1)? });
    }
    // By us: what order texts have is a setting of a server.
    series.sort();
    Ok(series)
}

/// Newest first.
pub(crate) async fn runs(
    on: &mut AnyConnection,
    wanted: &HistoryFilter,
    most: u32,
) -> Result<Vec<PastRun>, Error> {
    let mut statement = Statement::new(RUN);
    statement.push(FROM);
    filter(&mut statement, wanted);
    statement.push(" ORDER BY r.started DESC, r.number DESC LIMIT ").bind(Value::Int(i64::from(most)));
    let rows = statement.all(on).await?;
    rows.iter().map(|row| past_run(row).map(|(_, run)| run)).collect()
}

/// A run, and where it is.
pub(crate) async fn find(on: &mut AnyConnection, run: &RunId) -> Result<Option<(At, PastRun)>, Error> {
    let statement =
        Statement::new(RUN).also(FROM).with(" WHERE r.run = ", Value::Text(run.as_str().to_owned()));
    statement.first(on).await?.as_ref().map(past_run).transpose()
}

/// A test as its row has it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: TestId,
    pub(crate) location: Option<Location>,
}

/// What many runs share, read once.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    rosters: HashMap<u32, Roster>,
    tests: HashMap<TestNumber, Known>,
}

impl Shelf {
    /// Makes sure that the roster is there, and the tests of its series.
    async fn fetch(&mut self, on: &mut AnyConnection, number: u32) -> Result<(), Error> {
        if !self.rosters.contains_key(&number) {
            let roster = one_roster(on, number).await?;
            let last = roster.layers.first().and_then(|layer| layer.ranges.last());
            let known = last.is_none_or(|&(first, length)| self.tests.contains_key(&(first + (length - 1))));
            if !known {
                self.tests.extend(tests_like(on, number).await?);
            }
            self.rosters.insert(number, roster);
        }
        Ok(())
    }
}

/// Every test of a run, by id.
pub(crate) async fn run(
    on: &mut AnyConnection,
    run: &RunId,
) -> Result<Option<(PastRun, Vec<(TestId, PastResult)>)>, Error> {
    let Some((at, past)) = find(on, run).await? else { return Ok(None) };
    let mut tests = results(on, at, &past, &mut Shelf::default()).await?;
    tests.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    Ok(Some((past, tests.into_iter().map(|(known, result)| (known.id, result)).collect())))
}

/// Every test of a run, in the order of their numbers.
pub(crate) async fn results(
    on: &mut AnyConnection,
    at: At,
    past: &PastRun,
    shelf: &mut Shelf,
) -> Result<Vec<(Known, PastResult)>, Error> {
    shelf.fetch(on, at.roster).await?;
    let rows = Statement::new("SELECT test, median_seconds, body FROM flaky_results WHERE run = ")
        .with("", Value::Int(at.run))
        .all(on)
        .await?;
    let mut particular = HashMap::with_capacity(rows.len());
    for row in &rows {
        let median: Option<f64> = row.try_get(1)?;
        particular.insert(small(row, 0)?, (median, Body::from_bytes(&bytes(row, 2)?)?));
    }
    let groups = if particular.values().any(|(_, body)| body.failing.iter().any(|f| f.group.is_some())) {
        fingerprints_of_run(on, at.run).await?
    } else {
        HashMap::new()
    };
    let roster = crate::tally::roster(&shelf.rosters, at.roster)?;
    let mut all = Vec::new();
    for (test, shape) in roster.shapes() {
        let result = match particular.remove(&test) {
            Some((median, body)) => of_body(past, median, body, &groups),
            None => of_shape(past, shape),
        };
        let known = shelf.tests.get(&test).cloned().ok_or_else(|| crate::tally::unknown(test))?;
        all.push((known, result));
    }
    Ok(all)
}

/// What is said of a test with nothing particular.
pub(crate) fn of_shape(run: &PastRun, shape: &crate::roster::Shape) -> PastResult {
    PastResult {
        run: run.run.clone(),
        counts: shape.counts(run.attempts),
        verdict: shape.verdict,
        severity: shape.severity,
        ignored: shape.ignored,
        median_seconds: None,
        failing: Vec::new(),
    }
}

/// What is said of one with a row of its own.
pub(crate) fn of_body(
    run: &PastRun,
    median_seconds: Option<f64>,
    body: Body,
    fingerprints: &HashMap<u32, String>,
) -> PastResult {
    let failing = body.failing.into_iter().map(|f| PastFailure {
        attempt: f.attempt,
        seed: f.seed,
        fingerprint: f.group.and_then(|group| fingerprints.get(&group).cloned()),
    });
    PastResult {
        run: run.run.clone(),
        counts: body.counts,
        verdict: body.verdict,
        severity: body.severity,
        ignored: body.ignored,
        median_seconds,
        failing: failing.collect(),
    }
}

async fn fingerprints_of_run(on: &mut AnyConnection, run: i64) -> Result<HashMap<u32, String>, Error> {
    let rows = Statement::new(
        "SELECT g.number, g.fingerprint FROM flaky_groups g WHERE g.test IN (SELECT test FROM flaky_results WHERE run = ",
    )
    .with("", Value::Int(run))
    .also(")")
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((small(row, 0)?, row.try_get(1)?))).collect()
}

async fn one_roster(on: &mut AnyConnection, number: u32) -> Result<Roster, Error> {
    let row = Statement::new("SELECT body FROM flaky_rosters WHERE number = ")
        .with("", Value::Int(i64::from(number)))
        .first(on)
        .await?;
    let row = row.ok_or_else(|| Error::Damaged(format!("roster {number} is nowhere")))?;
    Ok(Roster::from_bytes(&bytes(&row, 0)?)?)
}

/// The tests of a roster's series.
async fn tests_like(on: &mut AnyConnection, roster: u32) -> Result<HashMap<TestNumber, Known>, Error> {
    let rows = Statement::new(
        "SELECT t.number, t.id, t.file, t.line FROM flaky_tests t \
         WHERE t.series = (SELECT series FROM flaky_rosters WHERE number = ",
    )
    .with("", Value::Int(i64::from(roster)))
    .also(")")
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((small(row, 0)?, Known { id: TestId::new(row.try_get(1)?), location: location(row, 2)? }))
        })
        .collect()
}

/// A run in as little as lists of tests need.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) roster: u32,
    pub(crate) started: i64,
    pub(crate) attempts: u32,
    pub(crate) cpu_seconds: f64,
    pub(crate) particular: Vec<Short>,
    /// The commit that is to be blamed, if any.
    pub(crate) revision: Option<String>,
}

/// Oldest first.
pub(crate) async fn lines(on: &mut AnyConnection, wanted: &HistoryFilter) -> Result<Vec<Line>, Error> {
    let mut statement = Statement::new(
        "SELECT r.roster, r.started, r.attempts, r.cpu_seconds, r.particular, \
         CASE WHEN r.changed = 0 THEN r.revision END",
    );
    statement.push(FROM);
    filter(&mut statement, wanted);
    statement.push(" ORDER BY r.started, r.number");
    let rows = statement.all(on).await?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                roster: small(row, 0)?,
                started: row.try_get(1)?,
                attempts: small(row, 2)?,
                cpu_seconds: row.try_get(3)?,
                particular: read_shorts(&bytes(row, 4)?)?,
                revision: row.try_get(5)?,
            })
        })
        .collect()
}

/// The rosters with these numbers.
pub(crate) async fn rosters(
    on: &mut AnyConnection,
    wanted: &HashSet<u32>,
) -> Result<HashMap<u32, Roster>, Error> {
    let mut all = HashMap::with_capacity(wanted.len());
    let numbers: Vec<u32> = wanted.iter().copied().collect();
    // Texts of a few lengths only, so that few are prepared: the last one is filled up with a number nobody has.
    const AT_ONCE: usize = 500;
    for chunk in numbers.chunks(AT_ONCE) {
        let mut statement = Statement::new("SELECT number, body FROM flaky_rosters WHERE number IN (0");
        for i in 0..AT_ONCE {
            statement.push(", ").bind(Value::Int(chunk.get(i).copied().map_or(0, i64::from)));
        }
        statement.push(")");
        for row in &statement.all(on).await? {
            all.insert(small(row, 0)?, Roster::from_bytes(&bytes(row, 1)?)?);
        }
    }
    match wanted.iter().find(|number| !all.contains_key(number)) {
        None => Ok(all),
        Some(number) => Err(Error::Damaged(format!("roster {number} is nowhere"))),
    }
}
