//! What policies get to know of the tests of a series.

use std::collections::{BTreeMap, HashMap, HashSet};

use flaky_core::history::{CommitShare, HistoryFilter, HistoryWindow, Series, Share, Timestamp};
use flaky_core::ids::TestId;
use sqlx::{AnyConnection, Row};

use crate::entry;
use crate::error::HistoryErrorKind as Error;
use crate::read::{Line, lines, rosters};
use crate::roster::{Relative, Roster, TestNumber};
use crate::sql::{Statement, Value, small};
use crate::summary::time;
use crate::tally::{Period, Tally, count, roster, unknown};
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
    let names = names(on, number).await?;
    let largest = names.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let period = Period { start: 0, length: 1, parts: 1 };
    let mut tallies = count(&lines, &rosters, &period, largest)?;
    let mut commits = by_commit(&lines, &rosters, largest)?;
    let mut windows = BTreeMap::new();
    for (number, id) in names {
        let tally = tallies.get_mut(number as usize).map(std::mem::take).unwrap_or_default();
        let shares = commits.get_mut(number as usize).map(std::mem::take).unwrap_or_default();
        if tally.runs > 0 {
            windows.insert(id, of(&tally, shares, &lines));
        }
    }
    Ok(windows)
}

async fn names(on: &mut AnyConnection, series: i64) -> Result<Vec<(TestNumber, TestId)>, Error> {
    let rows = Statement::new("SELECT number, id FROM flaky_tests WHERE series = ")
        .with("", Value::Int(series))
        .all(on)
        .await?;
    rows.iter().map(|row| Ok((small(row, 0)?, TestId::new(row.try_get(1)?)))).collect()
}

fn of(tally: &Tally, mut newest_first: Vec<CommitOf<'_>>, lines: &[Line]) -> HistoryWindow {
    let (ran, failed) = tally.sums();
    newest_first.reverse();
    let commits = newest_first.into_iter().map(|commit| CommitShare {
        commit: commit.name.to_owned(),
        first_run: Timestamp(commit.first_run),
        share: Share { ran: crate::tally::fit(commit.ran), failed: crate::tally::fit(commit.failed) },
    });
    HistoryWindow {
        runs: tally.runs,
        flaky_runs: tally.flaky_runs,
        ran,
        failed,
        first_seen: time(lines, tally.first),
        last_seen: time(lines, tally.last),
        first_failed: time(lines, tally.first_failed),
        last_failed: time(lines, tally.last_failed),
        commits: commits.collect(),
    }
}

/// A test at one commit.
struct CommitOf<'a> {
    name: &'a str,
    first_run: i64,
    ran: i64,
    failed: i64,
}

/// By test, newest first. A commit is as old as its first run.
fn by_commit<'a>(
    lines: &'a [Line],
    rosters: &HashMap<u32, Roster>,
    largest: TestNumber,
) -> Result<Vec<Vec<CommitOf<'a>>>, Error> {
    let mut tests: Vec<Vec<CommitOf<'a>>> = Vec::new();
    tests.resize_with(largest as usize + 1, Vec::new);
    let mut order: Vec<&str> = Vec::new();
    let mut runs: HashMap<&str, Vec<&Line>> = HashMap::new();
    for line in lines {
        let Some(commit) = line.revision.as_deref() else { continue };
        let of_commit = runs.entry(commit).or_default();
        if of_commit.is_empty() {
            order.push(commit);
        }
        of_commit.push(line);
    }
    for name in order.into_iter().rev() {
        let Some(runs) = runs.get(name) else { continue };
        add(&mut tests, name, runs, rosters)?;
    }
    Ok(tests)
}

/// Adds the runs of one commit, which come oldest first, to tests that have not enough commits yet.
fn add<'a>(
    tests: &mut [Vec<CommitOf<'a>>],
    name: &'a str,
    runs: &[&'a Line],
    rosters: &HashMap<u32, Roster>,
) -> Result<(), Error> {
    // Runs, attempts and the first run's time, by roster.
    let mut shared: BTreeMap<u32, (i64, i64, i64)> = BTreeMap::new();
    for line in runs {
        let (count, attempts, _) = shared.entry(line.roster).or_insert((0, 0, line.started));
        *count += 1;
        *attempts += i64::from(line.attempts);
    }
    for (number, (count, attempts, first_run)) in shared {
        let sum = |ran: Relative| match ran {
            Relative::All => attempts,
            Relative::Exactly(n) => i64::from(n).saturating_mul(count),
        };
        let Some((base, over)) = roster(rosters, number)?.layers.split_first() else { continue };
        for test in base.tests() {
            let commits = tests.get_mut(test as usize).ok_or_else(|| unknown(test))?;
            let full = commits.len() >= MOST_COMMITS;
            match commits.last_mut() {
                Some(last) if last.name == name => {
                    last.first_run = last.first_run.min(first_run);
                    last.ran += sum(base.shape.ran());
                }
                _ if full => {}
                _ => commits.push(CommitOf { name, first_run, ran: sum(base.shape.ran()), failed: 0 }),
            }
        }
        for layer in over {
            for test in layer.tests() {
                if let Some(last) = last_of(tests, test, name) {
                    last.ran += sum(layer.shape.ran()) - sum(base.shape.ran());
                }
            }
        }
    }
    for line in runs {
        let roster = roster(rosters, line.roster)?;
        for short in &line.particular {
            let shape = roster.shape(short.test).ok_or_else(|| unknown(short.test))?;
            if let Some(last) = last_of(tests, short.test, name) {
                last.ran += i64::from(short.ran) - i64::from(shape.ran().of(line.attempts));
                last.failed += i64::from(short.failed);
            }
        }
    }
    Ok(())
}

fn last_of<'t, 'a>(
    tests: &'t mut [Vec<CommitOf<'a>>],
    test: TestNumber,
    name: &str,
) -> Option<&'t mut CommitOf<'a>> {
    tests.get_mut(test as usize)?.last_mut().filter(|last| last.name == name)
}
