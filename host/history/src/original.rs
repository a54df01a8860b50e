//! The database of the tool that `flaky` replaces: `test_runs` and `test_results` in SQLite.
//!
//! It knew no tests, only its command: what comes of it is a test that is named like the command, as `flaky` does where
//! no parser recognises an output. Of attempts it kept no seeds, so failing attempts are counted and not listed.

use std::path::Path;

use flaky_core::evidence::Counts;
use flaky_core::history::{PastRun, RunContext, Series, Timestamp};
use flaky_core::ids::{RunId, TestId};
use flaky_core::report::IsolationUsed;
use flaky_core::verdict::{Category, Severity};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};

use crate::entry::{Entry, EntryTest};
use crate::error::HistoryErrorKind as Error;
use crate::names::severity_named;
use crate::place;
use crate::sql::Statement;

/// Every column is cast: its tables name types that the driver has no values for, and SQLite keeps anything anywhere.
const RUNS: &str = "SELECT CAST(id AS TEXT), CAST(strftime('%s', timestamp) AS BIGINT), CAST(repository AS TEXT), \
     CAST(test_command AS TEXT), CAST(total_runs AS BIGINT), CAST(failures AS BIGINT), CAST(severity AS TEXT), \
     CAST(coalesce(duration_seconds, 0) AS REAL), CAST(pr_number AS BIGINT), CAST(branch AS TEXT), \
     CAST(commit_sha AS TEXT), CAST(parallelism AS BIGINT), CAST(timestamp AS TEXT) FROM test_runs ORDER BY id";

/// All of its runs, as runs of this series; without one, of the repository that each of them names.
pub(crate) async fn entries(path: &Path, series: Option<&Series>) -> Result<Vec<Entry>, Error> {
    let mut connection = place::open_foreign(path).await?;
    let entries = read(&mut connection, series).await;
    connection.close().await?;
    entries
}

async fn read(on: &mut AnyConnection, series: Option<&Series>) -> Result<Vec<Entry>, Error> {
    let tables = Statement::new(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('test_runs', 'test_results')",
    );
    if tables.number(on).await? != Some(2) {
        return Err(Error::NotAHistory("without the tables `test_runs` and `test_results`".into()));
    }
    let rows = Statement::new(RUNS).all(on).await?;
    rows.iter().map(|row| entry(row, series)).collect()
}

fn entry(row: &AnyRow, series: Option<&Series>) -> Result<Entry, Error> {
    let text = |column: usize| Ok::<_, Error>(row.try_get::<Option<String>, _>(column)?);
    let number = |column: usize| Ok::<_, Error>(row.try_get::<Option<i64>, _>(column)?);
    let count = |column: usize| {
        Ok::<_, Error>(u32::try_from(number(column)?.unwrap_or(0).max(0)).unwrap_or(u32::MAX))
    };
    let (repository, command) = (text(2)?.unwrap_or_default(), text(3)?.unwrap_or_default());
    let attempts = count(4)?;
    let failed = count(5)?.min(attempts);
    let (verdict, severity) = verdict(attempts, failed, text(6)?.as_deref());
    let counts = Counts { ran: attempts, passed: attempts - failed, failed, ..Counts::default() };
    let test = EntryTest {
        id: TestId::new(&command),
        location: None,
        counts,
        verdict,
        severity,
        ignored: false,
        median_seconds: None,
        failing: Vec::new(),
        groups: Vec::new(),
    };
    let identity = [text(0)?, text(12)?, Some(repository.clone()), Some(command.clone())];
    let own = || Series { repository, suite: ".".into() };
    let run = PastRun {
        run: run_id(&identity)?,
        context: RunContext {
            series: series.cloned().unwrap_or_else(own),
            started: Timestamp(number(1)?.unwrap_or(0)),
            branch: text(9)?,
            pull_request: number(8)?.and_then(|n| u64::try_from(n).ok()),
            url: None,
            changed: false,
        },
        commit: text(10)?,
        flaky_version: "original".into(),
        command,
        // All of its attempts ran in one folder.
        isolation: IsolationUsed::Shared,
        attempts,
        failures: failed,
        tests: 1,
        verdict,
        cause: None,
        severity,
        wall_seconds: row.try_get(7)?,
        cpu_seconds: 0.0,
    };
    let more = serde_json::json!({ "imported": "original", "parallelism": number(11)? });
    Ok(Entry { run, more, tests: vec![test] }.cleaned())
}

/// It said nothing but a severity: no failure in a few attempts proves nothing.
fn verdict(attempts: u32, failed: u32, severity: Option<&str>) -> (Category, Option<Severity>) {
    let category = match failed {
        0 => Category::Inconclusive,
        n if n == attempts => Category::Broken,
        _ => Category::Flaky,
    };
    (category, severity.and_then(|s| severity_named(s).ok()))
}

/// The same row has the same id, whenever and from wherever it is read.
fn run_id(identity: &[Option<String>]) -> Result<RunId, Error> {
    let mut digest = Sha256::new();
    for part in identity {
        let part = part.as_deref().unwrap_or_default();
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digits: String = digest.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("original-{digits}").parse().map_err(|_| Error::Other("an id could not be made".into()))
}
