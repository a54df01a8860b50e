//! Looks for what is wrong: what the database says of itself, and whether everything fits together.

use std::collections::{HashMap, HashSet};

use flaky_core::ids::TestId;
use sqlx::{AnyConnection, Row};

use crate::Fault;
use crate::error::HistoryErrorKind as Error;
use crate::one::groups;
use crate::particular::{Body, Short, read_shorts};
use crate::place::Dialect;
use crate::read::{FROM, RUN, past_run};
use crate::roster::{Roster, TestNumber};
use crate::seal;
use crate::sql::{Statement, Value, bytes, small};
use crate::write::{digest, location};

/// Faults told at most: a damaged disk has one cause, not thousands.
const MOST_FAULTS: usize = 1_000;

/// Runs read at once.
const AT_ONCE: i64 = 500;

/// Faults so far.
#[derive(Default)]
struct Found(Vec<Fault>);

impl Found {
    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(Fault { place: place.into(), what: what.into() });
        }
    }

    /// Damage is what is looked for; anything else ends the search.
    fn note(&mut self, place: &str, outcome: Result<(), Error>) -> Result<(), Error> {
        match outcome {
            Err(Error::Damaged(what) | Error::Other(what)) => {
                self.add(place, what);
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// What was read before.
#[derive(Default)]
struct Seen {
    /// Series of each test.
    tests: HashMap<TestNumber, i64>,
    /// Rosters that can be read, with their series.
    rosters: HashMap<u32, (i64, Roster)>,
    /// Test of each group, and when it was last seen by what its row says.
    groups: HashMap<u32, (TestNumber, i64)>,
    /// When it was by its runs.
    groups_seen: HashMap<u32, i64>,
}

/// Everything that is wrong; empty when nothing is.
pub(crate) async fn check(on: &mut AnyConnection, dialect: Dialect) -> Result<Vec<Fault>, Error> {
    let mut found = Found::default();
    let mut seen = Seen::default();
    if dialect == Dialect::Sqlite {
        let outcome = of_itself(on, &mut found).await;
        found.note("file", outcome)?;
    }
    let outcome = tests(on, &mut found, &mut seen).await;
    found.note("flaky_tests", outcome)?;
    let outcome = rosters(on, &mut found, &mut seen).await;
    found.note("flaky_rosters", outcome)?;
    let outcome = all_groups(on, &mut found, &mut seen).await;
    found.note("flaky_groups", outcome)?;
    let outcome = runs(on, &mut found, &mut seen).await;
    found.note("flaky_runs", outcome)?;
    for (group, (_, told)) in &seen.groups {
        match seen.groups_seen.get(group) {
            Some(last) if last == told => {}
            Some(_) => found.add(format!("group {group}"), "was last seen at another time than it says"),
            // Runs outlive none of their groups; the other way round nothing is lost.
            None => found.add(format!("group {group}"), "is of no run"),
        }
    }
    Ok(found.0)
}

/// What SQLite says.
async fn of_itself(on: &mut AnyConnection, found: &mut Found) -> Result<(), Error> {
    for row in &Statement::new("PRAGMA integrity_check").all(on).await? {
        let text: String = row.try_get(0)?;
        if text != "ok" {
            found.add("file", text);
        }
    }
    for row in &Statement::new("PRAGMA foreign_key_check").all(on).await? {
        let table: String = row.try_get(0)?;
        found.add(table, "refers to a row that is nowhere");
    }
    Ok(())
}

async fn tests(on: &mut AnyConnection, found: &mut Found, seen: &mut Seen) -> Result<(), Error> {
    let rows = Statement::new("SELECT number, id, file, line, seal, series FROM flaky_tests").all(on).await?;
    for row in &rows {
        let number = small(row, 0)?;
        seen.tests.insert(number, row.try_get(5)?);
        let id = TestId::new(row.try_get(1)?);
        if seal::test(&id, location(row, 2)?.as_ref()) != bytes(row, 4)? {
            found.add(format!("test {number}"), "is not what was written");
        }
    }
    Ok(())
}

async fn rosters(on: &mut AnyConnection, found: &mut Found, seen: &mut Seen) -> Result<(), Error> {
    let rows = Statement::new("SELECT number, series, digest, body FROM flaky_rosters").all(on).await?;
    for row in &rows {
        let (number, series, body) = (small(row, 0)?, row.try_get(1)?, bytes(row, 3)?);
        let place = format!("roster {number}");
        if digest(&body) != bytes(row, 2)? {
            found.add(&place, "does not have its digest");
        }
        match Roster::from_bytes(&body) {
            Err(broken) => found.add(&place, broken.to_string()),
            Ok(roster) => {
                let stray = roster.shapes().find(|(test, _)| seen.tests.get(test) != Some(&series));
                if let Some((test, _)) = stray {
                    found.add(&place, format!("names test {test}, which is nowhere or of another suite"));
                }
                seen.rosters.insert(number, (series, roster));
            }
        }
    }
    Ok(())
}

async fn all_groups(on: &mut AnyConnection, found: &mut Found, seen: &mut Seen) -> Result<(), Error> {
    let mut of_tests = HashSet::new();
    let rows = Statement::new("SELECT number, test, last_seen, seal FROM flaky_groups").all(on).await?;
    let mut seals = HashMap::new();
    for row in &rows {
        let (number, test) = (small(row, 0)?, small(row, 1)?);
        seen.groups.insert(number, (test, row.try_get(2)?));
        seals.insert(number, bytes(row, 3)?);
        of_tests.insert(test);
    }
    for test in of_tests {
        for (number, group) in groups(on, test).await? {
            if seals.get(&number) != Some(&seal::group(&group)) {
                found.add(format!("group {number}"), "is not what was written");
            }
        }
    }
    Ok(())
}

/// Rows of results: test, median and body.
type Rows = Vec<(TestNumber, Option<f64>, Vec<u8>)>;

async fn runs(on: &mut AnyConnection, found: &mut Found, seen: &mut Seen) -> Result<(), Error> {
    let last = Statement::new("SELECT max(number) FROM flaky_runs").number(on).await?.unwrap_or_default();
    let mut from = 0;
    while from <= last {
        let between = |text: &'static str| {
            Statement::new(text).with("", Value::Int(from)).with(" AND ", Value::Int(from + AT_ONCE - 1))
        };
        let results = between("SELECT run, test, median_seconds, body FROM flaky_results WHERE run BETWEEN ")
            .also(" ORDER BY run, test")
            .all(on)
            .await?;
        let mut by_run: HashMap<i64, Rows> = HashMap::new();
        for row in &results {
            let run = by_run.entry(row.try_get(0)?).or_default();
            run.push((small(row, 1)?, row.try_get(2)?, bytes(row, 3)?));
        }
        let mut statement = Statement::new(RUN);
        statement
            .push(", r.series, r.particular, r.more, r.seal")
            .push(FROM)
            .push(" WHERE r.number BETWEEN ");
        statement.bind(Value::Int(from)).push(" AND ").bind(Value::Int(from + AT_ONCE - 1));
        for row in &statement.all(on).await? {
            let number: i64 = row.try_get(0)?;
            let results = by_run.remove(&number).unwrap_or_default();
            let place = format!("run {number}");
            let outcome = one_run(row, &results, found, seen);
            found.note(&place, outcome)?;
        }
        for run in by_run.keys() {
            found.add(format!("results of run {run}"), "are of a run that is nowhere");
        }
        from += AT_ONCE;
    }
    Ok(())
}

fn one_run(row: &sqlx::any::AnyRow, results: &Rows, found: &mut Found, seen: &mut Seen) -> Result<(), Error> {
    let (at, run) = past_run(row)?;
    let place = format!("run `{}`", run.run);
    let series: i64 = row.try_get(22)?;
    let (particular, more, told) = (bytes(row, 23)?, row.try_get::<String, _>(24)?, bytes(row, 25)?);
    if seal::run(&run, &particular, &more, results) != told {
        found.add(&place, "is not what was written");
    }
    let Some((of_series, roster)) = seen.rosters.get(&at.roster) else {
        found.add(&place, "has a roster that is nowhere, or damaged");
        return Ok(());
    };
    let count = roster.layers.first().map_or(0, |layer| layer.tests().count());
    if *of_series != series || count != run.tests as usize {
        found.add(&place, "does not tell of the tests that its roster names");
    }
    let mut shorts = Vec::with_capacity(results.len());
    for (test, _, body) in results {
        let body = Body::from_bytes(body)?;
        for group in body.failing.iter().filter_map(|failing| failing.group) {
            if seen.groups.get(&group).is_none_or(|(of, _)| of != test) {
                found.add(&place, format!("names group {group}, which is nowhere or of another test"));
            }
        }
        let groups: HashSet<u32> = body.failing.iter().filter_map(|failing| failing.group).collect();
        for group in groups {
            let last = seen.groups_seen.entry(group).or_insert(i64::MIN);
            *last = (*last).max(run.context.started.0);
        }
        shorts.push(short(*test, &body));
    }
    if read_shorts(&particular)? != shorts || shorts.iter().any(|s| roster.shape(s.test).is_none()) {
        found.add(&place, "and the rows of its tests do not say the same");
    }
    Ok(())
}

fn short(test: TestNumber, body: &Body) -> Short {
    Short {
        test,
        ran: body.counts.ran,
        passed: body.counts.passed,
        failed: failures(&body.counts),
        verdict: body.verdict,
        severity: body.severity,
    }
}

/// Of a damaged row, too, whose counts may be anything.
fn failures(counts: &flaky_core::evidence::Counts) -> u32 {
    let kinds = [counts.failed, counts.errored, counts.timed_out, counts.crashed];
    kinds.into_iter().fold(0, u32::saturating_add)
}
