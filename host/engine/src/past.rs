//! Earlier runs. Who knows of them, and where they are kept, is not the engine's business.
//!
//! What is known reaches policies as evidence, and reporters beside the numbers of this run. It is in none of these numbers,
//! and changes no result of a run: [`flaky_core::history`] says why nothing sound would.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;

use flaky_config::{HistoryEntry, RunSettings};
use flaky_core::history::{HistoryReport, HistoryWindow, Series, Share, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::moment;
use flaky_core::verdict::Category;

use crate::assemble::Findings;
use crate::event::RunEvent;
use crate::judge::Judged;
use crate::run::{AttemptChoice, RunRequest, Stage};
use crate::sources::Sources;

/// Knows of earlier runs.
pub trait EarlierRuns: fmt::Debug + Send + Sync {
    /// What they know of the tests that this run can be compared with.
    fn look<'a>(&'a self, run: &'a Provenance) -> Looking<'a>;
}

/// What [`EarlierRuns::look`] returns: tests that are not known are left out. An error is told, and changes nothing.
pub type Looking<'a> =
    Pin<Box<dyn Future<Output = Result<BTreeMap<TestId, HistoryWindow>, String>> + Send + 'a>>;

/// Where a run comes from, as far as its sources and its settings tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What it can be compared with.
    pub series: Series,
    /// The branch that is checked out, or that was asked for.
    pub branch: Option<String>,
    /// The work tree has changes that are in no commit.
    pub changed: bool,
    /// What the settings say of the history.
    pub history: HistoryEntry,
    /// The folder that paths in `history` are meant from.
    pub beside: Option<PathBuf>,
    /// What of the suite was run.
    pub extent: Extent,
}

/// What of the suite was run. Only what was measured in one way can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that the command runs, in the attempts that settings plan.
    Whole,
    /// Tests that were named, without the others.
    Chosen,
    /// One attempt several times, chosen because it failed.
    Repeated,
}

/// What stands behind the name of a suite of which only some tests were run: chosen because they had failed, mostly, and
/// without the others beside them, so that their rates are not those of the suite.
pub const CHOSEN: &str = " (chosen tests)";

impl Provenance {
    pub(crate) fn of(request: &RunRequest, sources: &Sources, settings: &RunSettings) -> Self {
        let extent = match request.attempts {
            AttemptChoice::Repeat { .. } => Extent::Repeated,
            AttemptChoice::Planned if !settings.tests.is_empty() => Extent::Chosen,
            AttemptChoice::Planned => Extent::Whole,
        };
        let suite = settings.suite.clone().unwrap_or_else(|| {
            let parts = [sources.place.below.as_str(), settings.working_directory.as_str()];
            let folder = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
            if folder.is_empty() { ".".to_owned() } else { folder }
        });
        let suite = match extent {
            Extent::Chosen => format!("{suite}{CHOSEN}"),
            Extent::Whole | Extent::Repeated => suite,
        };
        Self {
            series: Series { repository: sources.place.repository.clone(), suite },
            branch: sources.place.branch.clone(),
            changed: sources.place.changed,
            history: settings.history.clone(),
            beside: settings.history_beside.clone(),
            extent,
        }
    }
}

impl Stage<'_> {
    pub(crate) fn provenance(&self) -> Provenance {
        Provenance::of(&self.request, &self.sources, &self.settings)
    }

    /// What earlier runs know; nothing, where nobody knows or that cannot be found out.
    pub(crate) async fn earlier(&self) -> BTreeMap<TestId, HistoryWindow> {
        let Some(past) = &self.request.past else { return BTreeMap::new() };
        match past.look(&self.provenance()).await {
            Ok(known) => known,
            Err(why) => {
                self.events.send(RunEvent::Warning(why));
                BTreeMap::new()
            }
        }
    }
}

/// What the report says of the earlier runs of a test.
pub(crate) fn told(judged: &Judged, began: Option<Timestamp>) -> Option<HistoryReport> {
    let window = judged.evidence.history.as_ref()?;
    let counts = judged.evidence.counts;
    let present = Share { ran: counts.ran, failed: counts.failures() };
    HistoryReport::of(window, present, began.or(window.last_seen)?)
}

/// The verdict's sentence, and behind it what earlier runs knew where the test fails now: so every reporter tells it, also one
/// that knows of no history.
pub(crate) fn sentence(reason: String, verdict: Category, history: Option<&HistoryReport>) -> String {
    match history {
        Some(history) if matches!(verdict, Category::Flaky | Category::Broken) => {
            format!("{reason}; {}", history.text)
        }
        _ => reason,
    }
}

/// When the run of these findings began, where its id says so.
pub(crate) fn began(findings: &Findings) -> Option<Timestamp> {
    moment::begun(&findings.run)
}
