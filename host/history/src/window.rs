//! What policies get to know of the tests of a series.

use std::collections::{BTreeMap, HashMap, HashSet};

use flaky_core::history::{CommitShare, HistoryFilter, HistoryWindow, Series, Share, Timestamp};
use flaky_core::ids::TestId;
use sqlx::{AnyConnection, Row};

use crate::entry;
use crate::error::HistoryErrorKind as Error;
use crate::read::{Line, lines, rosters};
use crate::roster::{Roster, TestNumber};
use crate::sql::{Statement, Value, small};
use crate::write::find_series;

/// Commits of one test at most: what a policy or a reader looks at.
const MOST_COMMITS: usize = 50;

/// Of every test that runs since then told of.
pub(crate) async fn window(
    on: &mut AnyConnection,
    series: &Series,
    since: Timestamp,
) -> Result<BTreeMap<TestId, HistoryWindow>, Error> {
    let series = entry::series(series);
    let Some(number) = find_series(on, &series).await? else { return Ok(BTreeMap::new()) };
    let wanted = HistoryFilter {
        repository: Some(series.repository),
        suite: Some(series.suite),
        since: Some(since),
        ..HistoryFilter::default()
    };
    let lines = lines(on, &wanted).await?;
    let used: HashSet<u32> = lines.iter().map(|line| line.roster).collect();
    let rosters = rosters(on, &used).await?;
    let windows = count(&lines, &rosters)?;
    let rows = Statement::new("SELECT number, id FROM flaky_tests WHERE series = ")
        .with("", Value::Int(number))
        .all(on)
        .await?;
    let mut windows = windows;
    let mut named = BTreeMap::new();
    for row in &rows {
        if let Some(window) = windows.remove(&small(row, 0)?) {
            named.insert(TestId::new(row.try_get(1)?), window);
        }
    }
    Ok(named)
}

/// By test. Newest runs first: so each test has its newest commits when it has enough.
fn count(
    lines: &[Line],
    rosters: &HashMap<u32, Roster>,
) -> Result<HashMap<TestNumber, HistoryWindow>, Error> {
    let ages = ages(lines);
    let mut windows: HashMap<TestNumber, (HistoryWindow, BTreeMap<usize, CommitShare>)> = HashMap::new();
    for line in lines.iter().rev() {
        let roster = rosters.get(&line.roster);
        let roster = roster.ok_or_else(|| Error::Damaged("a roster is nowhere".into()))?;
        let commit = line.revision.as_deref().and_then(|commit| Some((commit, *ages.get(commit)?)));
        let mut particular = line.particular.iter().peekable();
        for (test, shape) in roster.shapes() {
            let short = particular.next_if(|short| short.test == test);
            let ran = short.map_or_else(|| shape.ran().of(line.attempts), |short| short.ran);
            let share = Share { ran, failed: short.map_or(0, |short| short.failed) };
            let (window, commits) = windows.entry(test).or_default();
            add(window, share, Timestamp(line.started), short.is_some_and(|s| s.is_flaky()));
            if let Some((commit, age)) = commit {
                add_commit(commits, commit, age, share, Timestamp(line.started));
            }
        }
        if let Some(short) = particular.next() {
            return Err(Error::Damaged(format!("a run says of test {} what it did not tell of", short.test)));
        }
    }
    Ok(windows
        .into_iter()
        .map(|(test, (mut window, commits))| {
            window.commits = commits.into_values().rev().collect();
            (test, window)
        })
        .collect())
}

/// How many commits were first run after each.
fn ages(lines: &[Line]) -> HashMap<&str, usize> {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    for commit in lines.iter().filter_map(|line| line.revision.as_deref()) {
        if seen.insert(commit) {
            order.push(commit);
        }
    }
    order.into_iter().rev().enumerate().map(|(age, commit)| (commit, age)).collect()
}

fn add(window: &mut HistoryWindow, share: Share, started: Timestamp, flaky: bool) {
    window.runs += 1;
    window.flaky_runs += u32::from(flaky);
    window.ran = window.ran.saturating_add(share.ran);
    window.failed = window.failed.saturating_add(share.failed);
    // Runs come newest first.
    window.first_seen = Some(started);
    window.last_seen = window.last_seen.or(Some(started));
    if share.failed > 0 {
        window.first_failed = Some(started);
        window.last_failed = window.last_failed.or(Some(started));
    }
}

/// Keeps the youngest commits.
fn add_commit(
    commits: &mut BTreeMap<usize, CommitShare>,
    commit: &str,
    age: usize,
    share: Share,
    started: Timestamp,
) {
    let full = commits.len() >= MOST_COMMITS && !commits.contains_key(&age);
    if full && commits.last_key_value().is_some_and(|(oldest, _)| *oldest < age) {
        return;
    }
    let entry = commits.entry(age).or_insert_with(|| CommitShare {
        commit: commit.to_owned(),
        first_run: started,
        share: Share::default(),
    });
    entry.first_run = started;
    entry.share.ran = entry.share.ran.saturating_add(share.ran);
    entry.share.failed = entry.share.failed.saturating_add(share.failed);
    if commits.len() > MOST_COMMITS {
        commits.pop_last();
    }
}
