//! Old runs go, and with them what only they needed.

use std::collections::HashSet;

use flaky_core::history::Timestamp;
use sqlx::{AnyConnection, AnyPool, Row};

use crate::error::HistoryErrorKind as Error;
use crate::place::{Dialect, begin};
use crate::roster::Roster;
use crate::sql::{Statement, Value, bytes, small};

/// Numbers in one statement.
const AT_ONCE: usize = 500;

/// Takes away runs that began before; how many.
pub(crate) async fn prune(pool: &AnyPool, dialect: Dialect, before: Timestamp) -> Result<u64, Error> {
    let mut transaction = begin(pool, dialect).await?;
    let gone = take_away(&mut transaction, before).await?;
    transaction.commit().await?;
    if gone > 0 && dialect == Dialect::Sqlite {
        // Gives room back to the disk. PostgreSQL does so by itself.
        let mut connection = pool.acquire().await?;
        sqlx::raw_sql("PRAGMA incremental_vacuum").execute(&mut *connection).await?;
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    }
    Ok(gone)
}

async fn take_away(on: &mut AnyConnection, before: Timestamp) -> Result<u64, Error> {
    let old = || Value::Int(before.0);
    Statement::new("DELETE FROM flaky_results WHERE run IN (SELECT number FROM flaky_runs WHERE started < ")
        .with("", old())
        .also(")")
        .run(on)
        .await?;
    let gone = Statement::new("DELETE FROM flaky_runs WHERE started < ").with("", old()).run(on).await?;
    if gone == 0 {
        return Ok(0);
    }
    // When a group was last seen is kept, so those that no run has any more are known.
    Statement::new("DELETE FROM flaky_groups WHERE last_seen < ").with("", old()).run(on).await?;
    Statement::new(
        "DELETE FROM flaky_rosters WHERE NOT EXISTS (SELECT 1 FROM flaky_runs r WHERE r.roster = flaky_rosters.number)",
    )
    .run(on)
    .await?;
    take_tests(on).await?;
    Statement::new(
        "DELETE FROM flaky_series WHERE NOT EXISTS (SELECT 1 FROM flaky_runs r WHERE r.series = flaky_series.number)",
    )
    .run(on)
    .await?;
    Ok(gone)
}

/// Tests that no roster names any more.
async fn take_tests(on: &mut AnyConnection) -> Result<(), Error> {
    let mut used = HashSet::new();
    for row in &Statement::new("SELECT body FROM flaky_rosters").all(on).await? {
        let roster = Roster::from_bytes(&bytes(row, 0)?)?;
        used.extend(roster.layers.iter().take(1).flat_map(|layer| layer.tests().collect::<Vec<_>>()));
    }
    let rows = Statement::new("SELECT number FROM flaky_tests").all(on).await?;
    let mut unused = Vec::new();
    for row in &rows {
        let number = small(row, 0)?;
        if !used.contains(&number) {
            unused.push(row.try_get::<i64, _>(0)?);
        }
    }
    for table in ["DELETE FROM flaky_groups WHERE test IN (0", "DELETE FROM flaky_tests WHERE number IN (0"] {
        for chunk in unused.chunks(AT_ONCE) {
            let mut statement = Statement::new(table);
            chunk.iter().for_each(|number| {
                statement.push(", ").bind(Value::Int(*number));
            });
            statement.push(")");
            statement.run(on).await?;
        }
    }
    Ok(())
}
