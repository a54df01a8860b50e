//! A run goes in: in one transaction, whole or not at all.

use std::collections::{BTreeMap, HashMap};

use flaky_core::history::{PastGroup, Series, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::parsed::Location;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use crate::Recorded;
use crate::entry::{Entry, EntryGroup, EntryTest};
use crate::error::HistoryErrorKind as Error;
use crate::particular::{Body, Failing, Short, write_shorts};
use crate::roster::{Layer, MAX_TESTS, Roster, Shape, TestNumber};
use crate::seal;
use crate::sql::{Statement, Value, bytes, insert, small};

/// Fewer tests of one shape have rows of their own: sets of a few are not seen again.
const LEAST_OF_A_LAYER: usize = 8;
/// Layers at most: suites have tests that pass and that are skipped, and little else that many have in common.
const MOST_LAYERS: usize = 16;
/// Groups of one test that keep message and trace. What fails in more ways has something random in its fingerprint,
/// and another example tells nothing new.
const MOST_EXAMPLES: usize = 100;

/// Adds a run. To be called in a transaction that waits for its turn to write.
pub(crate) async fn write(on: &mut AnyConnection, entry: &Entry) -> Result<Recorded, Error> {
    if entry.tests.len() > MAX_TESTS {
        return Err(Error::TooLarge(format!("{} tests, at most {MAX_TESTS}", entry.tests.len())));
    }
    let id = Value::Text(entry.run.run.as_str().to_owned());
    if Statement::new("SELECT number FROM flaky_runs WHERE run = ").with("", id).number(on).await?.is_some() {
        return Ok(Recorded::Known);
    }
    let series = series_number(on, &entry.run.context.series).await?;
    let numbers = test_numbers(on, series, entry).await?;
    let (roster, particular) = sort(entry, &numbers)?;
    let roster = roster_number(on, series, &roster).await?;
    let run = next(on, "SELECT max(number) FROM flaky_runs").await?;
    let mut results = Vec::with_capacity(particular.len());
    for &(test, number) in &particular {
        let body = body(on, test, number, entry.run.context.started.0).await?;
        results.push((number, test.median_seconds, body.to_bytes()));
    }
    insert_run(on, run, series, roster, entry, &particular, &results).await?;
    let rows = results.into_iter().map(|(number, median, body)| {
        vec![Value::Int(i64::from(number)), Value::Int(run), Value::MaybeReal(median), Value::Bytes(body)]
    });
    insert(on, "flaky_results (test, run, median_seconds, body)", rows.collect()).await?;
    Ok(Recorded::New)
}

/// The number after the largest.
async fn next(on: &mut AnyConnection, largest: &'static str) -> Result<i64, Error> {
    Ok(Statement::new(largest).number(on).await?.unwrap_or_default().saturating_add(1))
}

/// The series' number, when it is known.
pub(crate) async fn find_series(on: &mut AnyConnection, series: &Series) -> Result<Option<i64>, Error> {
    Statement::new("SELECT number FROM flaky_series WHERE repository = ")
        .with("", Value::Text(series.repository.clone()))
        .with(" AND suite = ", Value::Text(series.suite.clone()))
        .number(on)
        .await
}

async fn series_number(on: &mut AnyConnection, series: &Series) -> Result<i64, Error> {
    if let Some(number) = find_series(on, series).await? {
        return Ok(number);
    }
    let number = next(on, "SELECT max(number) FROM flaky_series").await?;
    let row =
        vec![Value::Int(number), Value::Text(series.repository.clone()), Value::Text(series.suite.clone())];
    insert(on, "flaky_series (number, repository, suite)", vec![row]).await?;
    Ok(number)
}

/// Numbers of all tests of the run; those that are new get one. Where a test stands is what the newest run says.
async fn test_numbers(
    on: &mut AnyConnection,
    series: i64,
    entry: &Entry,
) -> Result<HashMap<TestId, TestNumber>, Error> {
    let newest = Statement::new("SELECT max(started) FROM flaky_runs WHERE series = ")
        .with("", Value::Int(series))
        .number(on)
        .await?;
    let is_newest = newest.is_none_or(|newest| entry.run.context.started.0 >= newest);
    let mut known = HashMap::new();
    let rows = Statement::new("SELECT number, id, file, line FROM flaky_tests WHERE series = ")
        .with("", Value::Int(series))
        .all(on)
        .await?;
    for row in &rows {
        known.insert(TestId::new(row.try_get(1)?), (small(row, 0)?, location(row, 2)?));
    }
    let mut largest = next(on, "SELECT max(number) FROM flaky_tests").await?;
    let (mut numbers, mut rows) = (HashMap::with_capacity(entry.tests.len()), Vec::new());
    for test in &entry.tests {
        let number = match known.get(&test.id) {
            Some((number, stood)) => {
                if is_newest && test.location.is_some() && *stood != test.location {
                    move_test(on, *number, test).await?;
                }
                *number
            }
            None => {
                let number = TestNumber::try_from(largest)
                    .map_err(|_| Error::TooLarge("more tests than numbers".into()))?;
                rows.push(test_row(series, number, test));
                largest += 1;
                number
            }
        };
        numbers.insert(test.id.clone(), number);
    }
    insert(on, "flaky_tests (number, series, id, file, line, seal)", rows).await?;
    Ok(numbers)
}

fn test_row(series: i64, number: TestNumber, test: &EntryTest) -> Vec<Value> {
    let location = test.location.as_ref();
    vec![
        Value::Int(i64::from(number)),
        Value::Int(series),
        Value::Text(test.id.as_str().to_owned()),
        Value::MaybeText(location.map(|l| l.file.clone())),
        Value::MaybeInt(location.and_then(|l| l.line).map(i64::from)),
        Value::Bytes(seal::test(&test.id, location)),
    ]
}

async fn move_test(on: &mut AnyConnection, number: TestNumber, test: &EntryTest) -> Result<(), Error> {
    let location = test.location.as_ref();
    Statement::new("UPDATE flaky_tests SET file = ")
        .with("", Value::MaybeText(location.map(|l| l.file.clone())))
        .with(", line = ", Value::MaybeInt(location.and_then(|l| l.line).map(i64::from)))
        .with(", seal = ", Value::Bytes(seal::test(&test.id, location)))
        .with(" WHERE number = ", Value::Int(i64::from(number)))
        .run(on)
        .await?;
    Ok(())
}

/// Reads a location from two columns.
pub(crate) fn location(row: &sqlx::any::AnyRow, column: usize) -> Result<Option<Location>, Error> {
    let Some(file) = row.try_get::<Option<String>, _>(column)? else { return Ok(None) };
    let line = row.try_get::<Option<i64>, _>(column + 1)?.and_then(|n| u32::try_from(n).ok());
    Ok(Some(Location { file, line }))
}

/// Tests that have a row of their own.
type Particular<'a> = Vec<(&'a EntryTest, TestNumber)>;

/// What many tests have in common, and the tests that need a row of their own, ascending.
fn sort<'a>(
    entry: &'a Entry,
    numbers: &HashMap<TestId, TestNumber>,
) -> Result<(Roster, Particular<'a>), Error> {
    let mut all = Vec::with_capacity(entry.tests.len());
    for test in &entry.tests {
        let number = numbers.get(&test.id).ok_or_else(|| Error::Other("a test has no number".into()))?;
        all.push((test, *number));
    }
    all.sort_unstable_by_key(|(_, number)| *number);
    let mut shapes: BTreeMap<Shape, Vec<TestNumber>> = BTreeMap::new();
    let mut particular = Vec::new();
    let attempts = entry.run.attempts;
    let shape = |t: &EntryTest| Shape::new(&t.counts, attempts, t.verdict, t.severity, t.ignored);
    for &(test, number) in all.iter().filter(|(test, _)| test.is_plain()) {
        shapes.entry(shape(test)).or_default().push(number);
    }
    // Largest first, and in the order of shapes where they are as large: the same tests make the same roster.
    let mut shapes: Vec<_> = shapes.into_iter().collect();
    shapes.sort_by_key(|(_, tests)| std::cmp::Reverse(tests.len()));
    let mut kept = shapes
        .into_iter()
        .enumerate()
        .filter(|(i, (_, tests))| *i == 0 || (*i < MOST_LAYERS && tests.len() >= LEAST_OF_A_LAYER))
        .map(|(_, shape)| shape);
    let everything: Vec<_> = all.iter().map(|(_, number)| *number).collect();
    let nothing =
        || Shape::new(&Default::default(), 0, flaky_core::verdict::Category::Inconclusive, None, false);
    let base = kept.next().map_or_else(nothing, |(shape, _)| shape);
    let mut layers = vec![Layer::new(base, &everything)];
    layers.extend(kept.map(|(shape, tests)| Layer::new(shape, &tests)));
    let roster = Roster { layers };
    for (test, number) in all {
        if !test.is_plain() || roster.shape(number) != Some(&shape(test)) {
            particular.push((test, number));
        }
    }
    Ok((roster, particular))
}

/// SHA-256 of a roster's bytes.
pub(crate) fn digest(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

async fn roster_number(on: &mut AnyConnection, series: i64, roster: &Roster) -> Result<i64, Error> {
    let body = roster.to_bytes();
    let digest = digest(&body);
    let found = Statement::new("SELECT number, body FROM flaky_rosters WHERE series = ")
        .with("", Value::Int(series))
        .with(" AND digest = ", Value::Bytes(digest.clone()))
        .all(on)
        .await?;
    for row in &found {
        // One that was damaged is not used again.
        if bytes(row, 1)? == body {
            return Ok(row.try_get(0)?);
        }
    }
    let number = next(on, "SELECT max(number) FROM flaky_rosters").await?;
    let row = vec![Value::Int(number), Value::Int(series), Value::Bytes(digest), Value::Bytes(body)];
    insert(on, "flaky_rosters (number, series, digest, body)", vec![row]).await?;
    Ok(number)
}

async fn insert_run(
    on: &mut AnyConnection,
    number: i64,
    series: i64,
    roster: i64,
    entry: &Entry,
    particular: &Particular<'_>,
    results: &[(TestNumber, Option<f64>, Vec<u8>)],
) -> Result<(), Error> {
    let run = &entry.run;
    let shorts: Vec<Short> = particular.iter().map(|&(test, number)| short(test, number)).collect();
    let (shorts, more) = (write_shorts(&shorts), entry.more.to_string());
    let seal = seal::run(run, &shorts, &more, results);
    let row = vec![
        Value::Int(number),
        Value::Text(run.run.as_str().to_owned()),
        Value::Int(series),
        Value::Int(roster),
        Value::Int(run.context.started.0),
        Value::MaybeText(run.context.branch.clone()),
        Value::MaybeInt(run.context.pull_request.map(|n| i64::try_from(n).unwrap_or(i64::MAX))),
        Value::MaybeText(run.context.url.clone()),
        Value::Int(i64::from(run.context.changed)),
        Value::MaybeText(run.commit.clone()),
        Value::Text(run.flaky_version.clone()),
        Value::Text(run.command.clone()),
        Value::Text(run.isolation.name().to_owned()),
        Value::Int(i64::from(run.attempts)),
        Value::Int(i64::from(run.failures)),
        Value::Int(i64::from(run.tests)),
        Value::Text(run.verdict.to_string()),
        Value::MaybeText(run.cause.map(|c| c.name().to_owned())),
        Value::MaybeText(run.severity.map(|s| s.to_string())),
        Value::Real(run.wall_seconds),
        Value::Real(run.cpu_seconds),
        Value::Bytes(shorts),
        Value::Text(more),
        Value::Bytes(seal),
    ];
    insert(
        on,
        "flaky_runs (number, run, series, roster, started, branch, pull_request, url, changed, revision, flaky_version, \
         command, isolation, attempts, failures, tests, verdict, cause, severity, wall_seconds, cpu_seconds, particular, more, seal)",
        vec![row],
    )
    .await
}

fn short(test: &EntryTest, number: TestNumber) -> Short {
    Short {
        test: number,
        ran: test.counts.ran,
        passed: test.counts.passed,
        failed: test.counts.failures(),
        verdict: test.verdict,
        severity: test.severity,
    }
}

async fn body(
    on: &mut AnyConnection,
    test: &EntryTest,
    number: TestNumber,
    started: i64,
) -> Result<Body, Error> {
    let groups = group_numbers(on, test, number, started).await?;
    let failing = test.failing.iter().map(|failing| Failing {
        attempt: failing.attempt,
        seed: failing.seed,
        group: failing.fingerprint.as_ref().and_then(|f| groups.get(f.as_str()).copied()),
    });
    Ok(Body {
        counts: test.counts,
        verdict: test.verdict,
        severity: test.severity,
        ignored: test.ignored,
        failing: failing.collect(),
    })
}

/// Numbers of the groups of a test, by the run's fingerprint. What an earlier run knew by another fingerprint, and this
/// one calls nearly the same, goes on as what it was.
async fn group_numbers<'a>(
    on: &mut AnyConnection,
    test: &'a EntryTest,
    number: TestNumber,
    started: i64,
) -> Result<HashMap<&'a str, u32>, Error> {
    let mut numbers = HashMap::new();
    if test.groups.is_empty() {
        return Ok(numbers);
    }
    let rows = Statement::new("SELECT fingerprint, number, last_seen FROM flaky_groups WHERE test = ")
        .with("", Value::Int(i64::from(number)))
        .all(on)
        .await?;
    let mut known: HashMap<String, (u32, i64)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        known.insert(row.try_get(0)?, (small(row, 1)?, row.try_get(2)?));
    }
    let mut largest = next(on, "SELECT max(number) FROM flaky_groups").await?;
    let mut new = Vec::new();
    for group in &test.groups {
        let mut names = std::iter::once(&group.fingerprint).chain(&group.also);
        let group_number = if let Some(&(group_number, last)) = names.find_map(|name| known.get(name)) {
            if started > last {
                saw(on, group_number, started).await?;
            }
            group_number
        } else {
            let group_number =
                u32::try_from(largest).map_err(|_| Error::TooLarge("more failures than numbers".into()))?;
            largest += 1;
            new.push(group_row(group_number, number, group, known.len() < MOST_EXAMPLES, started));
            known.insert(group.fingerprint.clone(), (group_number, started));
            group_number
        };
        numbers.insert(group.fingerprint.as_str(), group_number);
    }
    insert(on, "flaky_groups (number, test, fingerprint, kind, message, trace, last_seen, seal)", new)
        .await?;
    Ok(numbers)
}

fn group_row(
    number: u32,
    test: TestNumber,
    group: &EntryGroup,
    has_example: bool,
    started: i64,
) -> Vec<Value> {
    let text = |text: &str| if has_example { text.to_owned() } else { String::new() };
    let group = PastGroup {
        fingerprint: group.fingerprint.clone(),
        kind: group.kind.clone(),
        message: text(&group.message),
        trace: text(&group.trace),
        count: 0,
        runs: 0,
        first_seen: Timestamp(started),
        last_seen: Timestamp(started),
    };
    let seal = seal::group(&group);
    vec![
        Value::Int(i64::from(number)),
        Value::Int(i64::from(test)),
        Value::Text(group.fingerprint),
        Value::Text(group.kind),
        Value::Text(group.message),
        Value::Text(group.trace),
        Value::Int(started),
        Value::Bytes(seal),
    ]
}

async fn saw(on: &mut AnyConnection, group: u32, started: i64) -> Result<(), Error> {
    Statement::new("UPDATE flaky_groups SET last_seen = ")
        .with("", Value::Int(started))
        .with(" WHERE number = ", Value::Int(i64::from(group)))
        .run(on)
        .await?;
    Ok(())
}
