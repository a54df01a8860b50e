//! Shapes of the database. Each is a file that is never changed once released; the list only grows.
//!
//! The table of versions is our own, not that of `sqlx::migrate`: it has to be read without being made (a history that
//! is only read stays as it is), a version that is not known is an outcome with a name, and a few words of the
//! statements differ between the two databases.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::HistoryErrorKind as Error;
use crate::place::Dialect;
use crate::sql::{Statement, Value};

/// Every shape, oldest first.
const SHAPES: [&str; 1] = [include_str!("schema/1.sql")];

/// The newest shape that this version knows.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(crate) const NEWEST: i64 = SHAPES.len() as i64;

/// Key of the lock that writers hold in PostgreSQL: "flaky" in ASCII.
const LOCK: i64 = 0x66_6c_61_6b_79;

/// Waits for its turn to write, until the end of the transaction.
pub(crate) async fn lock(on: &mut AnyConnection) -> Result<(), Error> {
    // It returns `void`, a type that the driver does not have.
    Statement::new("SELECT 1 FROM pg_advisory_xact_lock(")
        .with("", Value::Int(LOCK))
        .also(")")
        .first(on)
        .await?;
    Ok(())
}

/// The shape of what is there: 0 when nothing is.
pub(crate) async fn version(on: &mut AnyConnection, dialect: Dialect) -> Result<i64, Error> {
    let tables = match dialect {
        Dialect::Sqlite => {
            "SELECT count(*), CAST(coalesce(sum(name = 'flaky_shape'), 0) AS BIGINT) FROM sqlite_master"
        }
        // Other people's tables may be beside ours there.
        Dialect::Postgres => {
            "SELECT count(*), count(*) FROM pg_tables WHERE tablename = 'flaky_shape' AND schemaname = current_schema()"
        }
    };
    let row = Statement::new(tables).first(on).await?;
    let (all, ours) = match row {
        None => (0, 0),
        Some(row) => (crate::sql::small(&row, 0)?, crate::sql::small(&row, 1)?),
    };
    match (all, ours) {
        (0, _) => Ok(0),
        (_, 0) => Err(Error::NotAHistory("a database with tables of something else".into())),
        _ => {
            if dialect == Dialect::Sqlite {
                check_words(on).await?;
            }
            let version = Statement::new("SELECT max(version) FROM flaky_shape").number(on).await?;
            match version {
                Some(version @ 1..) if version <= NEWEST => Ok(version),
                Some(version) if version > NEWEST => {
                    Err(Error::NewerSchema { found: version, known: NEWEST })
                }
                _ => Err(Error::Damaged("it does not say which shape it has".into())),
            }
        }
    }
}

/// The statements that made a file's tables are plain ASCII. Of others, damaged ones, the driver would panic in a thread
/// of its own when it asks for the type of a column.
async fn check_words(on: &mut AnyConnection) -> Result<(), Error> {
    let rows = Statement::new("SELECT CAST(coalesce(sql, '') AS BLOB) FROM sqlite_master").all(on).await?;
    for row in &rows {
        if !crate::sql::bytes(row, 0)?.is_ascii() {
            return Err(Error::Damaged("its tables are not described as they were".into()));
        }
    }
    Ok(())
}

/// For reading: what is there has to be of a known shape.
pub(crate) async fn check(on: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    match version(on, dialect).await? {
        0 => Err(Error::NotThere),
        NEWEST => Ok(()),
        // Comes with the second shape: older ones are read as they are, or refused here.
        older => Err(Error::Other(format!("it has shape {older}; a run that is recorded brings it up"))),
    }
}

/// For writing: makes what is missing, each shape whole or not at all.
pub(crate) async fn bring_up(on: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    let found = version(on, dialect).await?;
    if dialect == Dialect::Sqlite {
        set_up_file(on, found).await?;
    }
    if found == NEWEST {
        return Ok(());
    }
    begin(on, dialect).await?;
    let done = apply(on, dialect).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::raw_sql(end).execute(&mut *on).await;
    done?;
    ended?;
    Ok(())
}

async fn begin(on: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    match dialect {
        Dialect::Sqlite => {
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(on).await?;
        }
        Dialect::Postgres => {
            sqlx::raw_sql("BEGIN").execute(&mut *on).await?;
            lock(on).await?;
        }
    }
    Ok(())
}

/// Whoever comes second finds it done.
async fn apply(on: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    let found = version(on, dialect).await?;
    if found == 0 {
        sqlx::raw_sql("CREATE TABLE flaky_shape (version BIGINT NOT NULL PRIMARY KEY)")
            .execute(&mut *on)
            .await?;
    }
    let known = usize::try_from(found).unwrap_or_default();
    for (index, shape) in SHAPES.iter().enumerate().skip(known) {
        sqlx::raw_sql(AssertSqlSafe(in_dialect(shape, dialect))).execute(&mut *on).await?;
        let version = i64::try_from(index).unwrap_or_default() + 1;
        Statement::new("INSERT INTO flaky_shape VALUES (")
            .with("", Value::Int(version))
            .also(")")
            .run(on)
            .await?;
    }
    Ok(())
}

/// The few words that differ.
fn in_dialect(shape: &str, dialect: Dialect) -> String {
    let (int, bytes, clustered) = match dialect {
        // Rows of a table without row ids lie in the order of its key: all results of a test side by side.
        Dialect::Sqlite => ("INTEGER", "BLOB", "WITHOUT ROWID"),
        Dialect::Postgres => ("BIGINT", "BYTEA", ""),
    };
    shape.replace("{int}", int).replace("{bytes}", bytes).replace("{clustered}", clustered)
}

/// What a file remembers. Room of rows that were taken away can be given back; readers do not wait for a writer.
async fn set_up_file(on: &mut AnyConnection, found: i64) -> Result<(), Error> {
    if found == 0 {
        // Only before the first table.
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut *on).await?;
    }
    // Some file systems (of networks) cannot: then the database stays with its rollback journal, which is as safe.
    // Nor can it be changed while another process has the file open; that one did or does it then.
    match sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *on).await.map_err(Error::from) {
        Ok(_) | Err(Error::Busy | Error::Other(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
