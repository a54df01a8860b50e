//! A run and the history: what earlier runs know goes to the engine, and the run itself is kept once it was told.
//!
//! Nothing here changes a run's result: what fails is a warning, and every wait has an end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::history::{HistoryWindow, RunContext, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::moment;
use flaky_core::period::Period;
use flaky_core::surroundings::PullRequest;
use flaky_delivery::{CiPlace, Environment, ci_place};
use flaky_engine::folders::Folders;
use flaky_engine::past::{EarlierRuns, Extent, Looking, Provenance};
use flaky_engine::run::Finished;
use flaky_history::{Access, History, HistoryError, HistoryErrorKind};

use super::session::Session;
use super::tell::warn;
use crate::history_place::{Kept, NoPlace, Said, now, variable};

/// How long a run waits for what earlier ones know: two years of a large team take less than a second.
const LOOK_AT_MOST: Duration = Duration::from_secs(10);

/// How long the end of a run waits for it to be kept: longer than the store waits for others who write.
const RECORD_AT_MOST: Duration = Duration::from_secs(45);

/// How far policies see back: long enough for a test that fails once a month to show, and short enough that what is
/// seen is still the same test.
const WINDOW: Period = Period::days(180);

/// Looks at earlier runs for the engine.
#[derive(Debug)]
pub(crate) struct Past {
    said: Said,
    folders: Folders,
}

impl Past {
    pub(crate) fn new(said: Said, folders: &Folders) -> Arc<dyn EarlierRuns> {
        Arc::new(Self { said, folders: folders.clone() })
    }

    async fn known(&self, run: &Provenance) -> Result<BTreeMap<TestId, HistoryWindow>, Trouble> {
        let Some(kept) = place(&self.said, &self.folders, run)? else { return Ok(BTreeMap::new()) };
        let history = match History::open(&kept.place, Access::Read).await {
            Ok(history) => history,
            // The first run that is kept makes it.
            Err(error) if *error.kind() == HistoryErrorKind::NotThere => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        Ok(history.window(&run.series, WINDOW.before(now())).await?)
    }
}

impl EarlierRuns for Past {
    fn look<'a>(&'a self, run: &'a Provenance) -> Looking<'a> {
        Box::pin(async move {
            let known = tokio::time::timeout(LOOK_AT_MOST, self.known(run)).await;
            known
                .unwrap_or(Err(Trouble::Slow(LOOK_AT_MOST)))
                .map_err(|e| format!("earlier runs are not known: {e}"))
        })
    }
}

/// Why something could not be known or kept.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Place(#[from] NoPlace),
    #[error(transparent)]
    Store(#[from] HistoryError),
    #[error("the history did not answer within {} s", .0.as_secs())]
    Slow(Duration),
}

fn place(said: &Said, folders: &Folders, run: &Provenance) -> Result<Option<Kept>, NoPlace> {
    said.place(&run.history, run.beside.as_deref(), folders, &variable)
}

impl Session {
    /// Keeps a run. Nothing is kept of a run in which nothing was measured, nor of one that repeats a single attempt.
    /// `pull`: what is known of the pull request beside the job's variables.
    pub(crate) async fn record(&self, finished: &Finished, pull: Option<&PullRequest>) {
        let (Some(said), Some(run)) = (self.past(), &finished.provenance) else { return };
        if finished.report.total_runs == 0 || run.extent == Extent::Repeated {
            return;
        }
        let ci = ci_place(&Environment::of_process());
        let context = context(finished, run, ci, pull, now());
        let kept = tokio::time::timeout(RECORD_AT_MOST, keep(said, &self.folders, finished, &context)).await;
        if let Err(error) = kept.unwrap_or(Err(Trouble::Slow(RECORD_AT_MOST))) {
            warn(&format!("this run is not kept: {error}"));
        }
    }
}

async fn keep(
    said: &Said,
    folders: &Folders,
    finished: &Finished,
    context: &RunContext,
) -> Result<(), Trouble> {
    let Some(run) = &finished.provenance else { return Ok(()) };
    let Some(kept) = place(said, folders, run)? else { return Ok(()) };
    let history = History::open(&kept.place, Access::Write).await?;
    history.record(&finished.report, context).await?;
    if let Some(keep) = kept.keep {
        history.prune(keep.before(now())).await?;
    }
    Ok(())
}

fn context(
    finished: &Finished,
    run: &Provenance,
    ci: CiPlace,
    pull: Option<&PullRequest>,
    now: Timestamp,
) -> RunContext {
    // A job may look at the sources of another repository.
    let is_ours = finished.report.ci.as_ref().is_some_and(|job| {
        let (ours, its) = (run.series.repository.to_ascii_lowercase(), job.repository.to_ascii_lowercase());
        ours.ends_with(&format!("/{its}"))
    });
    let about = if is_ours { ci.clone() } else { CiPlace::default() };
    RunContext {
        series: run.series.clone(),
        // A run that was taken up again began when it was begun first.
        started: moment::begun(&finished.report.run).unwrap_or(now),
        branch: about.branch.or_else(|| run.branch.clone()),
        pull_request: pull.map(|pull| pull.number).or(about.pull_request),
        url: ci.url,
        changed: run.changed,
    }
}
