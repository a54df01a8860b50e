//! One SQL text for both databases, with its values: `$1`, `$2` … are numbered while it is put together.

use flaky_core::history::HistoryFilter;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::entry;
use crate::error::HistoryErrorKind as Error;

/// A value. `Arc<str>` is not among them: the SQLite side of the `Any` driver has no case for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
    Real(f64),
    MaybeReal(Option<f64>),
    Bytes(Vec<u8>),
}

/// A statement. Its text is made of constants alone, whatever comes from outside is a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// More text.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A value at the end of the text so far.
    pub(crate) fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// `text` and a value after it.
    pub(crate) fn with(mut self, text: &'static str, value: Value) -> Self {
        self.push(text).bind(value);
        self
    }

    /// More text, in a chain.
    pub(crate) fn also(mut self, text: &'static str) -> Self {
        self.push(text);
        self
    }

    fn ready(self) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        // Kept prepared: there are a few dozen different texts, and they come again.
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for value in self.values {
            query = match value {
                Value::Int(v) => query.bind(v),
                Value::MaybeInt(v) => query.bind(v),
                Value::Text(v) => query.bind(v),
                Value::MaybeText(v) => query.bind(v),
                Value::Real(v) => query.bind(v),
                Value::MaybeReal(v) => query.bind(v),
                Value::Bytes(v) => query.bind(v),
            };
        }
        query
    }

    /// Carries it out; how many rows it changed.
    pub(crate) async fn run(self, on: &mut AnyConnection) -> Result<u64, Error> {
        Ok(self.ready().execute(on).await?.rows_affected())
    }

    /// All rows.
    pub(crate) async fn all(self, on: &mut AnyConnection) -> Result<Vec<AnyRow>, Error> {
        Ok(self.ready().fetch_all(on).await?)
    }

    /// The first row.
    pub(crate) async fn first(self, on: &mut AnyConnection) -> Result<Option<AnyRow>, Error> {
        Ok(self.ready().fetch_optional(on).await?)
    }

    /// The number in the first row.
    pub(crate) async fn number(self, on: &mut AnyConnection) -> Result<Option<i64>, Error> {
        match self.first(on).await? {
            None => Ok(None),
            Some(row) => Ok(row.try_get::<Option<i64>, _>(0)?),
        }
    }
}

/// Values in one statement: SQLite allows 32,766, PostgreSQL 65,535; texts of a few hundred rows are prepared quickly.
const VALUES_AT_ONCE: usize = 2_000;

/// Adds rows, many at a time: a row of its own each would be a round trip to a server each.
pub(crate) async fn insert(
    on: &mut AnyConnection,
    into: &'static str,
    mut rows: Vec<Vec<Value>>,
) -> Result<(), Error> {
    while let Some(width) = rows.first().map(Vec::len) {
        let rest = rows.split_off(rows.len().min((VALUES_AT_ONCE / width.max(1)).max(1)));
        let mut statement = Statement::new("INSERT INTO ");
        statement.push(into).push(" VALUES ");
        for (i, row) in rows.into_iter().enumerate() {
            statement.push(if i == 0 { "(" } else { ", (" });
            for (j, value) in row.into_iter().enumerate() {
                statement.push(if j == 0 { "" } else { ", " }).bind(value);
            }
            statement.push(")");
        }
        statement.run(on).await?;
        rows = rest;
    }
    Ok(())
}

/// Appends the conditions of a filter on runs, whose table is named `r`, with their series as `s`.
pub(crate) fn filter(statement: &mut Statement, filter: &HistoryFilter) {
    statement.push(" WHERE 1 = 1");
    let text = |value: &str| Value::Text(value.to_owned());
    if let Some(repository) = &filter.repository {
        let value = text(&entry::bounded(repository));
        statement.push(" AND s.repository = ").bind(value);
    }
    if let Some(suite) = &filter.suite {
        let value = text(&entry::bounded(suite));
        statement.push(" AND s.suite = ").bind(value);
    }
    if let Some(branch) = &filter.branch {
        statement.push(" AND r.branch = ").bind(text(&entry::branch(branch)));
    }
    if let Some(since) = filter.since {
        statement.push(" AND r.started >= ").bind(Value::Int(since.0));
    }
    if let Some(until) = filter.until {
        statement.push(" AND r.started < ").bind(Value::Int(until.0));
    }
}

/// A number of a row that has to fit.
pub(crate) fn small(row: &AnyRow, column: usize) -> Result<u32, Error> {
    let value: i64 = row.try_get(column)?;
    u32::try_from(value).map_err(|_| Error::Damaged(format!("the number {value} is out of bounds")))
}

/// A blob of a row. Empty ones come back as NULL from some versions of SQLite's interface.
pub(crate) fn bytes(row: &AnyRow, column: usize) -> Result<Vec<u8>, Error> {
    Ok(row.try_get::<Option<Vec<u8>>, _>(column)?.unwrap_or_default())
}
