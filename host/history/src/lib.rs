//! What earlier runs found: a store in SQLite, or in PostgreSQL for teams whose CI machines come and go.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use flaky_core::history::{
    HistoryFilter, HistoryWindow, PastResult, PastRun, RunContext, Series, TestHistory, TestSummary,
    Timestamp,
};
use flaky_core::ids::{RunId, TestId};
use flaky_core::report::RunReport;

/// Where a history is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryPlace {
    /// An SQLite database; made where there is none.
    File(PathBuf),
    /// `postgres://…`: may hold a password, so it is never printed whole.
    Postgres(String),
}

/// What it is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is made or changed; a place where nothing is is an error.
    Read,
    /// Made, and brought up to this version's shape, as needed.
    Write,
}

/// What became of a run that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the history now, for good.
    New,
    /// A run of this id was there already.
    Known,
}

/// What an import or a merge brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Runs that were not there before.
    pub new: u64,
    /// Runs that were.
    pub known: u64,
}

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a table, a run, a test.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// To be told apart by the store.
    #[error("{0}")]
    Todo(String),
}

/// An open history.
#[derive(Debug)]
pub struct History {}

#[expect(
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    clippy::missing_errors_doc,
    reason = "being built"
)]
impl History {
    /// Opens the place.
    pub async fn open(place: &HistoryPlace, access: Access) -> Result<Self, HistoryError> {
        todo!()
    }
    /// Adds one run, whole or not at all.
    pub async fn record(&self, report: &RunReport, context: &RunContext) -> Result<Recorded, HistoryError> {
        todo!()
    }
    /// Every suite of every repository.
    pub async fn series(&self) -> Result<Vec<Series>, HistoryError> {
        todo!()
    }
    /// The newest runs, newest first.
    pub async fn runs(&self, filter: &HistoryFilter, most: u32) -> Result<Vec<PastRun>, HistoryError> {
        todo!()
    }
    /// One run and its tests; of those that always passed, too.
    pub async fn run(
        &self,
        run: &RunId,
    ) -> Result<Option<(PastRun, Vec<(TestId, PastResult)>)>, HistoryError> {
        todo!()
    }
    /// Every test of the runs that are asked for; their trend in this many equal parts of the period.
    pub async fn tests(&self, filter: &HistoryFilter, parts: u32) -> Result<Vec<TestSummary>, HistoryError> {
        todo!()
    }
    /// All of one test.
    pub async fn test(
        &self,
        series: &Series,
        id: &TestId,
        filter: &HistoryFilter,
    ) -> Result<Option<TestHistory>, HistoryError> {
        todo!()
    }
    /// What policies get to know of these tests; those that are not known are left out.
    pub async fn window(
        &self,
        series: &Series,
        since: Timestamp,
    ) -> Result<BTreeMap<TestId, HistoryWindow>, HistoryError> {
        todo!()
    }
    /// Takes away runs that began before; how many.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, HistoryError> {
        todo!()
    }
    /// Looks for what is wrong.
    pub async fn check(&self) -> Result<Vec<Fault>, HistoryError> {
        todo!()
    }
    /// Writes runs as JSON Lines, oldest first; how many.
    pub async fn export(
        &self,
        filter: &HistoryFilter,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, HistoryError> {
        todo!()
    }
    /// Reads what [`export`](Self::export) wrote.
    pub async fn import(&self, input: &mut (dyn BufRead + Send)) -> Result<Imported, HistoryError> {
        todo!()
    }
    /// Takes in the runs of another one.
    pub async fn merge(&self, other: &Self) -> Result<Imported, HistoryError> {
        todo!()
    }
}
