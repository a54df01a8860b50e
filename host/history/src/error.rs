//! What can go wrong, told apart by what somebody can do about it.

use std::fmt;

/// Why something could not be done, and where.
#[derive(Debug)]
pub struct HistoryError {
    pub(crate) place: String,
    pub(crate) kind: HistoryErrorKind,
}

impl HistoryError {
    /// The place, without a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> &HistoryErrorKind {
        &self.kind
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the history `{}` {}", self.place, self.kind)
    }
}

impl std::error::Error for HistoryError {}

/// What went wrong: a fragment that goes after the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryErrorKind {
    /// Opened to read, and nothing is there.
    #[error("is not there; a run that is recorded makes it")]
    NotThere,
    /// Something else is there.
    #[error("is something else than a history of flaky ({0}); nothing in it was changed")]
    NotAHistory(String),
    /// It holds what no version wrote.
    #[error(
        "is damaged: {0}; `flaky history check` says what is wrong, and an export of a copy saves what can be read"
    )]
    Damaged(String),
    /// A later version wrote it.
    #[error(
        "has shape {found}, and this version of flaky knows shapes up to {known}; nothing was changed, use a newer flaky"
    )]
    NewerSchema {
        /// Its shape.
        found: i64,
        /// The newest one that is known.
        known: i64,
    },
    /// It, or its folder, cannot be written.
    #[error("cannot be written: {0}")]
    ReadOnly(String),
    /// No room.
    #[error("has no room left on its disk; nothing of what was to be added was kept")]
    Full,
    /// Others wrote all the time.
    #[error("is in use by others for too long; nothing was changed, try again")]
    Busy,
    /// The server does not answer, or not to us.
    #[error("cannot be connected to: {0}")]
    NoConnection(String),
    /// A report of a run that never was.
    #[error("takes no run without an id: this one never began")]
    RunWithoutResult,
    /// More than any run has.
    #[error("takes no run of this size: {0}")]
    TooLarge(String),
    /// A line that cannot be read in.
    #[error("cannot take in line {line}: {what}; the lines before it are in")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Reading or writing outside of the database failed.
    #[error("could not be copied: {0}")]
    Io(String),
    /// Anything else, in the database's words.
    #[error("could not be used: {0}")]
    Other(String),
}

impl From<crate::bytes::Broken> for HistoryErrorKind {
    fn from(broken: crate::bytes::Broken) -> Self {
        Self::Damaged(format!("a value {broken}"))
    }
}

impl From<std::io::Error> for HistoryErrorKind {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl From<sqlx::Error> for HistoryErrorKind {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => {
                let code = inner.code().unwrap_or_default();
                match code.parse::<u32>() {
                    // Codes of SQLite are numbers below 2^16, those of PostgreSQL five characters.
                    Ok(number) if code.len() != SQLSTATE_LENGTH => of_sqlite(number, inner.message()),
                    _ => of_postgres(&code, inner.message()),
                }
            }
            sqlx::Error::Io(inner) if inner.kind() == std::io::ErrorKind::StorageFull => Self::Full,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => {
                Self::NoConnection(error.to_string())
            }
            // The thread of an SQLite connection ends only where a file holds what none should.
            sqlx::Error::WorkerCrashed
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::AnyDriverError(_) => Self::Damaged(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Length of an SQLSTATE. Extended codes of SQLite that matter here have at most four digits.
const SQLSTATE_LENGTH: usize = 5;

/// <https://www.sqlite.org/rescode.html>; the low byte of an extended code is the primary one.
fn of_sqlite(code: u32, message: &str) -> HistoryErrorKind {
    // Writing a write-ahead log on a full disk is an I/O error of its own name.
    const IO_WRITE: u32 = 778;
    const PROTOCOL: u32 = 15;
    match (code, code & 0xff) {
        (IO_WRITE, _) | (_, 13) => HistoryErrorKind::Full,
        (_, 5 | 6 | PROTOCOL) => HistoryErrorKind::Busy,
        (_, 8) => HistoryErrorKind::ReadOnly(message.to_owned()),
        // Bad schemas of damaged files show as plain errors, too: `Other` keeps their words.
        (_, 11) => HistoryErrorKind::Damaged(message.to_owned()),
        (_, 26) => HistoryErrorKind::NotAHistory("not an SQLite database".into()),
        (_, 14 | 3 | 23) => HistoryErrorKind::ReadOnly(message.to_owned()),
        _ => HistoryErrorKind::Other(message.to_owned()),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_postgres(code: &str, message: &str) -> HistoryErrorKind {
    match code {
        "53100" => HistoryErrorKind::Full,
        "25006" | "42501" => HistoryErrorKind::ReadOnly(message.to_owned()),
        "40001" | "40P01" | "55P03" | "57014" => HistoryErrorKind::Busy,
        "3D000" => HistoryErrorKind::NoConnection(message.to_owned()),
        "XX001" | "XX002" => HistoryErrorKind::Damaged(message.to_owned()),
        _ if ["08", "28", "53", "57"].iter().any(|class| code.starts_with(class)) => {
            HistoryErrorKind::NoConnection(message.to_owned())
        }
        _ => HistoryErrorKind::Other(message.to_owned()),
    }
}
