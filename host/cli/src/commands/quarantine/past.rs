//! What earlier runs say of tests: where that is kept, and which of it is of this repository.

use std::path::{Path, PathBuf};

use flaky_core::history::{HistoryFilter, Series, TestHistory, TestSummary, repository_name};
use flaky_core::ids::TestId;
use flaky_core::text::visible;
use flaky_engine::past::CHOSEN;
use flaky_exec::checkout::describe_local;
use flaky_history::{Access, History, HistoryError, HistoryErrorKind};

use super::shelf::Shelf;
use crate::args::quarantine::PastArgs;
use crate::error::CliError;
use crate::history_place;

/// The earlier runs of this repository.
pub(super) struct Past {
    store: History,
    filter: HistoryFilter,
    series: Vec<Series>,
}

impl Past {
    /// `None`: there are none yet.
    pub(super) async fn open(args: &PastArgs, shelf: &Shelf) -> Result<Option<Self>, CliError> {
        let Some(kept) = history_place::of_folder_if_any(&shelf.session, &args.place).await? else {
            return Ok(None);
        };
        let fault = |e: HistoryError| history_place::unusable(&e);
        let store = match History::open(&kept.place, Access::Read).await {
            Ok(store) => store,
            // One that was named has to be there; that of the state folder comes with the first run.
            Err(error) if *error.kind() == HistoryErrorKind::NotThere && args.place.history.is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(fault(error)),
        };
        let repository = repository_here();
        let series = store.series().await.map_err(fault)?;
        // Tests that were chosen because they had failed say nothing of the suite's rates.
        let is_ours = |series: &Series| series.repository == repository && !series.suite.ends_with(CHOSEN);
        let series = series.into_iter().filter(is_ours).collect();
        let filter = HistoryFilter {
            repository: Some(repository),
            branch: args.branch.clone(),
            ..HistoryFilter::default()
        };
        Ok(Some(Self { store, filter, series }))
    }

    /// Tests that failed.
    pub(super) async fn failing(&self) -> Result<Vec<TestSummary>, CliError> {
        let filter = HistoryFilter { failed_only: true, ..self.filter.clone() };
        let all = self.store.tests(&filter, 1).await.map_err(|e| history_place::unusable(&e))?;
        Ok(all.into_iter().filter(|test| self.series.contains(&test.series)).collect())
    }

    /// All of one test of one suite.
    pub(super) async fn of(&self, series: &Series, test: &TestId) -> Result<Option<TestHistory>, CliError> {
        self.store.test(series, test, &self.filter).await.map_err(|e| history_place::unusable(&e))
    }

    /// One test in every suite, or in the one that is named.
    pub(super) async fn everywhere(
        &self,
        test: &TestId,
        suite: Option<&str>,
    ) -> Result<Vec<TestHistory>, CliError> {
        let mut found = Vec::new();
        for series in self.series.iter().filter(|series| suite.is_none_or(|suite| series.suite == suite)) {
            found.extend(self.of(series, test).await?);
        }
        Ok(found)
    }
}

/// What the history calls the repository of this folder, as runs do that are made here.
fn repository_here() -> String {
    let here = Path::new(".").canonicalize().unwrap_or_else(|_| PathBuf::from("."));
    let state = describe_local(&here);
    let origin = state.origin.as_deref().and_then(repository_name);
    let root = state.root.and_then(|root| root.canonicalize().ok()).unwrap_or(here);
    origin.unwrap_or_else(|| visible(&root.display().to_string()))
}
