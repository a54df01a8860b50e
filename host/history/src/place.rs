//! Where a history is kept, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection};
use url::Url;

use crate::Access;
use crate::error::{HistoryError, HistoryErrorKind as Error};
use crate::schema;

/// Where a history is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum HistoryPlace {
    /// An SQLite database; made where there is none.
    File(PathBuf),
    /// `postgres://…`: may hold a password, so it is never printed whole.
    Postgres(String),
}

/// Without a password.
impl fmt::Display for HistoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_secrets(url)),
        }
    }
}

/// Without a password.
impl fmt::Debug for HistoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryPlace({self})")
    }
}

impl HistoryPlace {
    /// The error of this place; what a library says of it goes through here, so that no password gets out.
    pub(crate) fn error(&self, kind: Error) -> HistoryError {
        let clean = |text: String| self.clean(text);
        let kind = match kind {
            Error::NotAHistory(text) => Error::NotAHistory(clean(text)),
            Error::Damaged(text) => Error::Damaged(clean(text)),
            Error::ReadOnly(text) => Error::ReadOnly(clean(text)),
            Error::NoConnection(text) => Error::NoConnection(clean(text)),
            Error::Other(text) => Error::Other(clean(text)),
            kind => kind,
        };
        HistoryError { place: self.to_string(), kind }
    }

    fn clean(&self, text: String) -> String {
        let Self::Postgres(url) = self else { return text };
        let secrets = secrets(url);
        secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "***"))
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::File(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

/// `postgres://user@host:port/database`: the query may hold a password, too.
fn without_secrets(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return "postgres://…".into() };
    // Only URLs without a host refuse a password, and those have none.
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// What of a URL must not be shown, longest first, as it stands there and as it is meant.
fn secrets(text: &str) -> Vec<String> {
    let mut secrets = vec![text.to_owned()];
    if let Ok(url) = Url::parse(text) {
        secrets.push(url.to_string());
        secrets.extend(url.password().map(str::to_owned));
        secrets.extend(url.password().and_then(decoded));
        let hidden = url.query_pairs().filter(|(key, _)| key.contains("password"));
        secrets.extend(hidden.map(|(_, value)| value.into_owned()));
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// `%41` as `A`. A query decodes it; `+` stays what it is.
fn decoded(text: &str) -> Option<String> {
    let query = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned())
}

/// Which database is spoken to. Nearly nothing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// How long others may write before we give up: forty writes of the largest runs.
const BUSY_MILLISECONDS: u32 = 30_000; // also in `prepare`

/// How long a server may take to answer the first time.
const CONNECT: Duration = Duration::from_secs(15);

/// Connections at most: a page asks a few things at once, writers take turns anyway.
const CONNECTIONS: u32 = 4;

/// Opens a place.
pub(crate) async fn open(place: &HistoryPlace, access: Access) -> Result<AnyPool, Error> {
    sqlx::any::install_default_drivers();
    let (options, mut first) = match place {
        HistoryPlace::File(path) => open_file(path, access).await?,
        HistoryPlace::Postgres(url) => {
            let options = quiet(AnyConnectOptions::from_str(url)?);
            let first = tokio::time::timeout(CONNECT, options.connect()).await;
            let first = first.map_err(|_| Error::NoConnection("it does not answer".into()))??;
            (options, first)
        }
    };
    let dialect = place.dialect();
    prepare(&mut first, dialect, access).await?;
    let made = match access {
        Access::Write => schema::bring_up(&mut first, dialect).await,
        Access::Read => schema::check(&mut first, dialect).await,
    };
    // Closed in any case: an SQLite database is left as one file then.
    let closed = first.close().await;
    made?;
    closed?;
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_millis(u64::from(BUSY_MILLISECONDS)))
        .after_connect(move |connection, _| {
            Box::pin(async move { prepare(connection, dialect, access).await })
        });
    Ok(pool.connect_lazy_with(options))
}

/// Statements are logged nowhere: they are ours, and their values are the user's.
fn quiet(options: AnyConnectOptions) -> AnyConnectOptions {
    options.disable_statement_logging()
}

async fn open_file(path: &Path, access: Access) -> Result<(AnyConnectOptions, AnyConnection), Error> {
    if access == Access::Read && !path.exists() {
        return Err(Error::NotThere);
    }
    if path.is_dir() {
        return Err(Error::NotAHistory("a folder".into()));
    }
    if access == Access::Write
        && let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|e| of_folder(&e))?;
    }
    let mode = if access == Access::Write { "mode=rwc" } else { "mode=ro" };
    let options = quiet(AnyConnectOptions::from_str(&file_url(path, mode)?)?);
    match options.connect().await {
        Ok(mut connection) if access == Access::Read => {
            // In a folder that cannot be written, a write-ahead log cannot be shared. When there is none, nothing is
            // outstanding, and the file alone is all.
            let Err(error) = schema::version(&mut connection, Dialect::Sqlite).await else {
                return Ok((options, connection));
            };
            connection.close().await?;
            if !matches!(error, Error::ReadOnly(_)) || wal_of(path).metadata().is_ok_and(|m| m.len() > 0) {
                return Err(error);
            }
            let options = quiet(AnyConnectOptions::from_str(&file_url(path, "mode=ro&immutable=1")?)?);
            let connection = options.connect().await?;
            Ok((options, connection))
        }
        Ok(connection) => Ok((options, connection)),
        Err(error) => Err(error.into()),
    }
}

/// Opens somebody else's SQLite database, to read.
pub(crate) async fn open_foreign(path: &Path) -> Result<AnyConnection, Error> {
    sqlx::any::install_default_drivers();
    if !path.exists() {
        return Err(Error::NotThere);
    }
    Ok(quiet(AnyConnectOptions::from_str(&file_url(path, "mode=ro")?)?).connect().await?)
}

fn of_folder(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full,
        _ => Error::ReadOnly(format!("its folder cannot be made: {error}")),
    }
}

fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// The driver takes nothing but URLs. Whatever is not a plain character is written as `%41`.
fn file_url(path: &Path, query: &str) -> Result<String, Error> {
    let path = std::path::absolute(path).map_err(|e| Error::Other(e.to_string()))?;
    let path = path.to_str().ok_or_else(|| Error::Other("its path is not UTF-8".into()))?;
    let mut url = String::from("sqlite://");
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(format!("{url}?{query}"))
}

/// Sets a new connection up.
async fn prepare(on: &mut AnyConnection, dialect: Dialect, access: Access) -> Result<(), sqlx::Error> {
    let statements: &[&'static str] = match (dialect, access) {
        // FULL: what was acknowledged survives a power cut, too. It costs one flush of the disk per run.
        (Dialect::Sqlite, Access::Write) => {
            &["PRAGMA busy_timeout = 30000", "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"]
        }
        (Dialect::Sqlite, Access::Read) => &["PRAGMA busy_timeout = 30000", "PRAGMA query_only = ON"],
        (Dialect::Postgres, Access::Write) => &["SET lock_timeout = 30000"],
        (Dialect::Postgres, Access::Read) => {
            &["SET lock_timeout = 30000", "SET default_transaction_read_only = on"]
        }
    };
    for statement in statements {
        sqlx::raw_sql(*statement).execute(&mut *on).await?;
    }
    Ok(())
}

/// Begins a transaction that writes. Writers take turns from its first statement on, so none of them has to give up
/// half-way because another one changed what it read.
pub(crate) async fn begin(
    pool: &AnyPool,
    dialect: Dialect,
) -> Result<sqlx::Transaction<'static, sqlx::Any>, Error> {
    match dialect {
        Dialect::Sqlite => Ok(pool.begin_with("BEGIN IMMEDIATE").await?),
        Dialect::Postgres => {
            let mut transaction = pool.begin().await?;
            schema::lock(&mut transaction).await?;
            Ok(transaction)
        }
    }
}

/// Begins one that reads: all of its statements see the same state.
pub(crate) async fn begin_reading(
    pool: &AnyPool,
    dialect: Dialect,
) -> Result<sqlx::Transaction<'static, sqlx::Any>, Error> {
    match dialect {
        Dialect::Sqlite => Ok(pool.begin_with("BEGIN DEFERRED").await?),
        Dialect::Postgres => Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?),
    }
}
