//! What earlier runs found: a store in SQLite, or in PostgreSQL for teams whose CI machines come and go.
//!
//! History is a fold over reports. [`History::record`] takes a [`RunReport`] and the [`RunContext`] it was made in, once
//! per run id; everything else is a question, upkeep, or a way from one history into another.
//!
//! # What is kept
//!
//! - Of a run: every field of [`PastRun`], and as JSON what it was made with (framework, parser, versions of plugins,
//!   parallelism, seeds). A run that could tell nothing is kept with its cause and without tests.
//! - Of a test in a run: counts by outcome, verdict, severity, whether it was ignored. Of one that failed, or that had
//!   counts of its own, also its median duration and the failing attempts with seed and failure group. Of the others
//!   the median is left out: five thousand durations of each run, which nobody asks for, would be most of the database.
//! - Of a failure: kind, message and trace once per test and fingerprint, capped (`entry.rs` has the limits).
//!   No other output of tests is kept.
//!
//! # How
//!
//! Nearly all tests of a run do the same as in the run before: they pass. Which tests a run told of, and what is to say
//! of all those with nothing particular, is a *roster* (`roster.rs`), and runs share it. A test has a row of its own only
//! in runs in which it is particular; the run holds these rows in short, too (`particular.rs`), so lists of tests read
//! runs and rosters alone. Rows are sealed with a digest, by which [`History::check`] finds what a disk has changed.
//!
//! One text of SQL serves both databases, through the `Any` driver of `sqlx`; `schema.rs` has the few words that differ.
//! Shapes are only added, and a history of a newer shape is refused with its name, unchanged.
//!
//! # What survives what
//!
//! - A run is one transaction: it is there whole, or not at all.
//! - What `record` has called [`Recorded::New`] survives `kill -9` and, as far as the disk keeps its word, a power cut:
//!   SQLite flushes its log before it acknowledges (`synchronous = FULL`), a PostgreSQL server as it is set up.
//! - Writers take turns from their first statement on (`BEGIN IMMEDIATE`, an advisory lock), so none fails because of
//!   another one, but for [`HistoryErrorKind::Busy`] when others write for half a minute.
//! - A full disk, a folder that cannot be written, a damaged file: named outcomes, and what was there before stays.
//!
//! Nothing that a report says can break it: texts are cut and lose what PostgreSQL cannot hold, numbers are clamped.

mod bytes;
mod check;
mod entry;
mod error;
mod lines;
mod names;
mod one;
mod original;
mod particular;
mod place;
mod prune;
mod read;
mod roster;
mod schema;
mod seal;
mod sql;
mod summary;
mod tally;
mod window;
mod write;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

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

impl History {
    /// Takes away runs that began before, and with them what only they needed; how many runs.
    ///
    /// # Errors
    /// When they could not be taken away; then none was.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, HistoryError> {
        let pruned = prune::prune(&self.pool, self.place.dialect(), before).await;
        pruned.map_err(|kind| self.place.error(kind))
    }

    /// Looks for what is wrong; nothing when all is well.
    ///
    /// # Errors
    /// When it could not be looked at.
    pub async fn check(&self) -> Result<Vec<Fault>, HistoryError> {
        reading!(self, |on| check::check(on, self.place.dialect()))
    }

    /// Writes runs as JSON Lines, oldest first; how many. Of the filter, what is asked of tests has no effect: a run
    /// is written whole.
    ///
    /// # Errors
    /// When they could not be read or written.
    pub async fn export(
        &self,
        filter: &HistoryFilter,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, HistoryError> {
        reading!(self, |on| export(on, filter, out))
    }

    /// Reads what [`export`](Self::export) wrote. Runs that are there already stay as they are.
    ///
    /// # Errors
    /// At the first line that cannot be taken in: nothing of it is kept, all of those before it.
    pub async fn import(&self, input: &mut (dyn BufRead + Send)) -> Result<Imported, HistoryError> {
        self.take_lines(input).await.map_err(|kind| self.place.error(kind))
    }

    /// Takes in the runs of another one, which stays as it is.
    ///
    /// # Errors
    /// When the other could not be read, or this one not written; what was taken in until then stays.
    pub async fn merge(&self, other: &Self) -> Result<Imported, HistoryError> {
        let mut imported = Imported::default();
        let mut entries = lines::Entries::new(&HistoryFilter::default());
        loop {
            let next = reading!(other, |on| entries.next(on))?;
            if next.is_empty() {
                return Ok(imported);
            }
            let added = self.add_all(&next).await.map_err(|kind| self.place.error(kind))?;
            imported += added;
        }
    }

    /// Takes in the database of the tool that `flaky` replaces (`flaky_test_history.db`), as runs of this series;
    /// without one, of the repositories that it names.
    ///
    /// # Errors
    /// When there is no such database, or this one could not be written.
    pub async fn import_original(
        &self,
        path: &Path,
        series: Option<&Series>,
    ) -> Result<Imported, HistoryError> {
        let theirs = HistoryPlace::File(path.to_owned());
        let entries = original::entries(path, series).await.map_err(|kind| theirs.error(kind))?;
        self.add_all(&entries).await.map_err(|kind| self.place.error(kind))
    }

    /// Closes it, and waits until that is done: an SQLite database is one file then, without a log beside it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Adds runs in one transaction.
    async fn add_all(&self, entries: &[Entry]) -> Result<Imported, HistoryErrorKind> {
        let mut transaction = place::begin(&self.pool, self.place.dialect()).await?;
        let mut imported = Imported::default();
        for entry in entries {
            match write::write(&mut transaction, entry).await? {
                Recorded::New => imported.new += 1,
                Recorded::Known => imported.known += 1,
            }
        }
        transaction.commit().await?;
        Ok(imported)
    }

    async fn take_lines(&self, input: &mut (dyn BufRead + Send)) -> Result<Imported, HistoryErrorKind> {
        let (mut imported, mut number) = (Imported::default(), 0);
        let mut batch = Vec::new();
        loop {
            let outcome = match lines::next_line(input, &mut number) {
                Ok(Some(line)) => lines::from_line(&line)
                    .map(Some)
                    .map_err(|what| HistoryErrorKind::Line { line: number, what }),
                Ok(None) => Ok(None),
                Err(kind) => Err(kind),
            };
            let (done, ended) = match outcome {
                Ok(Some(entry)) => {
                    batch.push(entry);
                    (batch.len() >= LINES_AT_ONCE, None)
                }
                Ok(None) => (true, Some(Ok(()))),
                Err(kind) => (true, Some(Err(kind))),
            };
            if done {
                imported += self.add_all(&std::mem::take(&mut batch)).await?;
            }
            if let Some(end) = ended {
                return end.map(|()| imported);
            }
        }
    }
}

/// Lines of one transaction: flushing the disk for each would take most of the time.
const LINES_AT_ONCE: usize = 20;

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, more: Self) {
        self.new += more.new;
        self.known += more.known;
    }
}

async fn export(
    on: &mut sqlx::AnyConnection,
    filter: &HistoryFilter,
    out: &mut (dyn Write + Send),
) -> Result<u64, HistoryErrorKind> {
    let mut entries = lines::Entries::new(filter);
    let mut count = 0;
    loop {
        let next = entries.next(on).await?;
        if next.is_empty() {
            out.flush()?;
            return Ok(count);
        }
        for entry in next {
            lines::write_line(out, entry)?;
            count += 1;
        }
    }
}
