//! What earlier runs found: a store in SQLite, or in PostgreSQL for teams whose CI machines come and go.

mod bytes;
mod entry;
mod error;
mod names;
mod one;
mod particular;
mod place;
mod read;
mod roster;
mod schema;
mod sql;
mod summary;
mod window;
mod write;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use flaky_core::history::{
    HistoryFilter, HistoryWindow, PastResult, PastRun, RunContext, Series, TestHistory, TestSummary,
    Timestamp,
};
use flaky_core::ids::{RunId, TestId};
use flaky_core::report::RunReport;
use sqlx::AnyPool;

pub use error::{HistoryError, HistoryErrorKind};
pub use place::HistoryPlace;

use entry::Entry;

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

/// In a transaction, so that all statements see the same state.
macro_rules! reading {
    ($history:expr, |$on:ident| $call:expr) => {{
        let history: &History = $history;
        let answer = async {
            let mut transaction = place::begin_reading(&history.pool, history.place.dialect()).await?;
            let $on = &mut *transaction;
            let answer = $call.await?;
            // Nothing was changed, so nothing can be lost.
            transaction.rollback().await?;
            Ok(answer)
        };
        answer.await.map_err(|kind: HistoryErrorKind| history.place.error(kind))
    }};
}

/// An open history. Cheap to share by reference; all of its methods may run at the same time.
#[derive(Debug)]
pub struct History {
    place: HistoryPlace,
    pool: AnyPool,
}

impl History {
    /// Opens the place; with [`Access::Write`] it is made, or brought up to this version's shape, as needed.
    ///
    /// # Errors
    /// Where nothing is to be read, where something else is, a newer version wrote it, or it cannot be used.
    pub async fn open(place: &HistoryPlace, access: Access) -> Result<Self, HistoryError> {
        let pool = place::open(place, access).await.map_err(|kind| place.error(kind))?;
        Ok(Self { place: place.clone(), pool })
    }

    /// Adds one run, whole or not at all. When it says [`Recorded::New`], the run survives whatever happens next:
    /// the end of this process, and of the machine's power.
    ///
    /// # Errors
    /// When it could not be kept; then nothing of it was.
    pub async fn record(&self, report: &RunReport, context: &RunContext) -> Result<Recorded, HistoryError> {
        if report.run == RunId::none() {
            return Err(self.place.error(HistoryErrorKind::RunWithoutResult));
        }
        self.add(&Entry::of_report(report, context)).await.map_err(|kind| self.place.error(kind))
    }

    async fn add(&self, entry: &Entry) -> Result<Recorded, HistoryErrorKind> {
        let mut transaction = place::begin(&self.pool, self.place.dialect()).await?;
        let recorded = write::write(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(recorded)
    }

    /// Every suite of every repository, by name.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn series(&self) -> Result<Vec<Series>, HistoryError> {
        reading!(self, |on| read::series(on))
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn runs(&self, filter: &HistoryFilter, most: u32) -> Result<Vec<PastRun>, HistoryError> {
        reading!(self, |on| read::runs(on, filter, most))
    }

    /// One run and its tests, by id; of those that always passed, too.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn run(
        &self,
        run: &RunId,
    ) -> Result<Option<(PastRun, Vec<(TestId, PastResult)>)>, HistoryError> {
        reading!(self, |on| read::run(on, run))
    }

    /// Every test of the runs that are asked for, by series and id; their trend in this many equal parts of the
    /// period: as the filter says, else from the first run to the last.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn tests(&self, filter: &HistoryFilter, parts: u32) -> Result<Vec<TestSummary>, HistoryError> {
        reading!(self, |on| summary::tests(on, filter, parts))
    }

    /// All of one test; none when no run that is asked for told of it.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn test(
        &self,
        series: &Series,
        id: &TestId,
        filter: &HistoryFilter,
    ) -> Result<Option<TestHistory>, HistoryError> {
        reading!(self, |on| one::test(on, series, id, filter))
    }

    /// What policies get to know of the tests of a series; those that are not known are left out.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn window(
        &self,
        series: &Series,
        since: Timestamp,
    ) -> Result<BTreeMap<TestId, HistoryWindow>, HistoryError> {
        reading!(self, |on| window::window(on, series, since))
    }
}

#[expect(
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    clippy::missing_errors_doc,
    reason = "being built"
)]
impl History {
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
