//! All of one test.

use std::collections::{HashMap, HashSet};

use flaky_core::history::{HistoryFilter, PastGroup, PastResult, Series, TestHistory, Timestamp};
use flaky_core::ids::TestId;
use sqlx::{AnyConnection, Row};

use crate::entry;
use crate::error::HistoryErrorKind as Error;
use crate::particular::Body;
use crate::read::{FROM, RUN, of_body, of_shape, past_run, rosters};
use crate::roster::TestNumber;
use crate::sql::{Statement, Value, bytes, filter, small};
use crate::write::{find_series, location};

/// Its runs, oldest first; none when no run that is asked for told of it.
pub(crate) async fn test(
    on: &mut AnyConnection,
    series: &Series,
    id: &TestId,
    wanted: &HistoryFilter,
) -> Result<Option<TestHistory>, Error> {
    let series = entry::series(series);
    let Some(series_number) = find_series(on, &series).await? else { return Ok(None) };
    let row = Statement::new("SELECT number, file, line FROM flaky_tests WHERE series = ")
        .with("", Value::Int(series_number))
        .with(" AND id = ", Value::Text(id.as_str().to_owned()))
        .first(on)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (number, location) = (small(&row, 0)?, location(&row, 1)?);
    let mut particular = particular(on, number).await?;
    let groups = groups(on, number).await?;
    let fingerprints = groups.iter().map(|(n, group)| (*n, group.fingerprint.clone())).collect();

    let mut statement = Statement::new(RUN);
    statement.push(FROM);
    filter(&mut statement, wanted);
    statement.push(" AND r.series = ").bind(Value::Int(series_number));
    statement.push(" ORDER BY r.started, r.number");
    let rows = statement.all(on).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.push(past_run(row)?);
    }
    let used: HashSet<u32> = all.iter().map(|(at, _)| at.roster).collect();
    let shapes: HashMap<u32, _> = rosters(on, &used)
        .await?
        .iter()
        .filter_map(|(roster, body)| Some((*roster, *body.shape(number)?)))
        .collect();
    let (mut runs, mut results) = (Vec::new(), Vec::new());
    for (at, run) in all {
        let Some(shape) = shapes.get(&at.roster) else { continue };
        results.push(match particular.remove(&at.run) {
            Some((median, body)) => of_body(&run, median, body, &fingerprints),
            None => of_shape(&run, shape),
        });
        runs.push(run);
    }
    if runs.is_empty() {
        return Ok(None);
    }
    let times = runs.iter().map(|run| run.context.started).collect::<Vec<_>>();
    let groups = counted(groups.into_values().collect(), &results, &times);
    Ok(Some(TestHistory { id: id.clone(), series, location, runs, results, groups }))
}

/// What has a row, by run.
async fn particular(
    on: &mut AnyConnection,
    test: TestNumber,
) -> Result<HashMap<i64, (Option<f64>, Body)>, Error> {
    let rows = Statement::new("SELECT run, median_seconds, body FROM flaky_results WHERE test = ")
        .with("", Value::Int(i64::from(test)))
        .all(on)
        .await?;
    let mut all = HashMap::with_capacity(rows.len());
    for row in &rows {
        all.insert(row.try_get(0)?, (row.try_get(1)?, Body::from_bytes(&bytes(row, 2)?)?));
    }
    Ok(all)
}

/// Its groups, not counted yet.
pub(crate) async fn groups(
    on: &mut AnyConnection,
    test: TestNumber,
) -> Result<HashMap<u32, PastGroup>, Error> {
    let rows =
        Statement::new("SELECT number, fingerprint, kind, message, trace FROM flaky_groups WHERE test = ")
            .with("", Value::Int(i64::from(test)))
            .all(on)
            .await?;
    let mut all = HashMap::with_capacity(rows.len());
    for row in &rows {
        let group = PastGroup {
            fingerprint: row.try_get(1)?,
            kind: row.try_get(2)?,
            message: row.try_get(3)?,
            trace: row.try_get(4)?,
            count: 0,
            runs: 0,
            first_seen: Timestamp(i64::MAX),
            last_seen: Timestamp(i64::MIN),
        };
        all.insert(small(row, 0)?, group);
    }
    Ok(all)
}

/// Those that occur, most frequent first.
fn counted(groups: Vec<PastGroup>, results: &[PastResult], times: &[Timestamp]) -> Vec<PastGroup> {
    let mut all: HashMap<String, PastGroup> =
        groups.into_iter().map(|group| (group.fingerprint.clone(), group)).collect();
    for (result, time) in results.iter().zip(times) {
        let mut here = HashSet::new();
        for fingerprint in result.failing.iter().filter_map(|f| f.fingerprint.as_ref()) {
            let Some(group) = all.get_mut(fingerprint) else { continue };
            group.count = group.count.saturating_add(1);
            group.runs += u32::from(here.insert(fingerprint));
            group.first_seen = group.first_seen.min(*time);
            group.last_seen = group.last_seen.max(*time);
        }
    }
    let mut groups: Vec<PastGroup> = all.into_values().filter(|group| group.count > 0).collect();
    groups.sort_by(|a, b| (b.count, &a.fingerprint).cmp(&(a.count, &b.fingerprint)));
    groups
}
