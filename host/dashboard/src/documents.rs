//! Which document a path means, and how it is made. What is served and what is exported comes from here, so both are the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flaky_core::history::{HistoryFilter, PastRun, Series, Timestamp};
use flaky_core::ids::TestId;
use flaky_history::History;
use serde::Serialize;

use self::make::Maker;
pub(crate) use self::path::DocumentPath;
use crate::DashboardError;
use crate::data::{BranchLine, Catalogue, DATA_VERSION, Forge, Period, Quarantined, SeriesLine, Version};
use crate::figures::count;
use crate::keys;
use crate::period::Span;

mod make;
mod path;

/// Branches that can be chosen, per suite: each of them is a list of all tests in every period of an export.
const MOST_BRANCHES: usize = 12;

/// Newest runs that a state of the history is known by: more than are added while a page waits to ask again.
const RUNS_OF_A_STAMP: u32 = 64;

/// How long what was read is believed while no run is added: for what is changed otherwise, by `flaky history prune` say.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// Bytes of documents that are kept while nothing changes.
const MOST_KEPT: usize = 64 << 20;

/// What time it is.
pub type Clock = fn() -> Timestamp;

/// Whether the history may still grow while its documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are made when they are asked for.
    Live,
    /// They are made once.
    Export,
}

/// All documents of a history.
#[derive(Debug)]
pub struct Documents {
    history: History,
    clock: Clock,
    mode: Mode,
    quarantine: Option<Vec<Quarantined>>,
    snapshot: tokio::sync::Mutex<Option<Arc<Snapshot>>>,
}

/// What is known of one state of the history.
#[derive(Debug)]
pub(crate) struct Snapshot {
    catalogue: Catalogue,
    now: Timestamp,
    /// When the first run of all began: periods of all suites are divided alike, so that they can be added up.
    first: Timestamp,
    read: Instant,
    suites: Vec<Suite>,
    bodies: Mutex<HashMap<String, Bytes>>,
}

/// A suite of it.
#[derive(Debug)]
struct Suite {
    key: String,
    series: Series,
    /// Newest first.
    runs: Vec<PastRun>,
    first: Timestamp,
    /// Names by their keys.
    branches: BTreeMap<String, String>,
    /// Tests that ever failed, by their keys.
    failed: BTreeMap<String, TestId>,
}

impl Suite {
    fn filter(&self) -> HistoryFilter {
        HistoryFilter {
            repository: Some(self.series.repository.clone()),
            suite: Some(self.series.suite.clone()),
            ..HistoryFilter::default()
        }
    }
}

impl Documents {
    /// Of this history.
    #[must_use]
    pub fn new(history: History, clock: Clock, mode: Mode) -> Self {
        Self { history, clock, mode, quarantine: None, snapshot: tokio::sync::Mutex::new(None) }
    }

    /// With tests that do not gate at present.
    #[must_use]
    pub fn with_quarantine(self, quarantine: Vec<Quarantined>) -> Self {
        Self { quarantine: Some(quarantine), ..self }
    }

    /// The document of this path below the page's folder (`data/index.json`); `None` where there is none.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn document(&self, path: &str) -> Result<Option<Bytes>, DashboardError> {
        let Some(path) = DocumentPath::parse(path) else { return Ok(None) };
        if path == DocumentPath::Version {
            let now = (self.clock)();
            return json(&self.version(self.stamp(now).await?, now)).map(Some);
        }
        let snapshot = self.snapshot().await?;
        self.of(&snapshot, &path).await
    }

    /// Every document of an export, in order.
    pub(crate) fn paths(&self, snapshot: &Snapshot) -> Vec<DocumentPath> {
        let mut paths = vec![DocumentPath::Index];
        for suite in &snapshot.suites {
            let series = &suite.key;
            for branch in [None].into_iter().chain(suite.branches.keys().cloned().map(Some)) {
                paths.extend(Period::ALL.into_iter().map(|period| DocumentPath::View {
                    series: series.clone(),
                    branch: branch.clone(),
                    period,
                }));
            }
            paths.push(DocumentPath::Runs(series.clone()));
            let runs = suite.runs.iter().take(make::MOST_RUNS_LISTED);
            paths.extend(runs.map(|run| DocumentPath::Run(run.run.clone())));
            paths.extend(suite.failed.keys().cloned().map(DocumentPath::Test));
        }
        paths
    }

    /// The document of a path, of this state.
    pub(crate) async fn of(
        &self,
        snapshot: &Snapshot,
        path: &DocumentPath,
    ) -> Result<Option<Bytes>, DashboardError> {
        let name = path.to_string();
        if let Some(body) = snapshot.kept().get(&name) {
            return Ok(Some(body.clone()));
        }
        let maker = Maker { history: &self.history, snapshot };
        let made = match path {
            DocumentPath::Version => {
                Some(json(&self.version(snapshot.catalogue.stamp.clone(), snapshot.now))?)
            }
            DocumentPath::Index => Some(json(&snapshot.catalogue)?),
            DocumentPath::View { series, branch, period } => {
                maker.view(series, branch.as_deref(), *period).await?.map(|d| json(&d)).transpose()?
            }
            DocumentPath::Runs(series) => maker.runs(series).map(|d| json(&d)).transpose()?,
            DocumentPath::Run(run) => maker.run(run).await?.map(|d| json(&d)).transpose()?,
            DocumentPath::Test(key) => maker.test(key).await?.map(|d| json(&d)).transpose()?,
        };
        if let Some(body) = &made
            && self.mode == Mode::Live
        {
            snapshot.keep(name, body);
        }
        Ok(made)
    }

    /// The present state; the same one as long as nothing was added.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, DashboardError> {
        let now = (self.clock)();
        let stamp = self.stamp(now).await?;
        // Held while reading, so that a page that asks for three documents at once has the history read once.
        let mut held = self.snapshot.lock().await;
        if let Some(known) = held.as_ref()
            && known.catalogue.stamp == stamp
            && (self.mode == Mode::Export || known.read.elapsed() < BELIEVED_FOR)
        {
            return Ok(Arc::clone(known));
        }
        let snapshot = Arc::new(self.read(stamp, now).await?);
        *held = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn version(&self, stamp: String, now: Timestamp) -> Version {
        Version {
            data_version: DATA_VERSION,
            stamp,
            as_of: now,
            live: self.mode == Mode::Live,
            flaky_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn stamp(&self, now: Timestamp) -> Result<String, DashboardError> {
        let newest = self.history.runs(&HistoryFilter::default(), RUNS_OF_A_STAMP).await?;
        let day = Period::Week.span(now, now).until().0.to_string();
        Ok(keys::stamp([day.as_str()].into_iter().chain(newest.iter().map(|run| run.run.as_str()))))
    }

    async fn read(&self, stamp: String, now: Timestamp) -> Result<Snapshot, DashboardError> {
        let mut suites = Vec::new();
        for series in self.history.series().await? {
            let mut suite = Suite {
                key: keys::series(&series),
                series,
                runs: Vec::new(),
                first: now,
                branches: BTreeMap::new(),
                failed: BTreeMap::new(),
            };
            suite.runs = self.history.runs(&suite.filter(), u32::MAX).await?;
            let Some(first) = suite.runs.iter().map(|run| run.context.started).min() else { continue };
            suite.first = first;
            let failed = HistoryFilter { failed_only: true, ..suite.filter() };
            for test in self.history.tests(&failed, 1).await? {
                suite.failed.insert(keys::test(&suite.series, &test.id), test.id);
            }
            suites.push(suite);
        }
        suites.sort_by(|a, b| a.series.cmp(&b.series));
        let first = suites.iter().map(|suite| suite.first).min().unwrap_or(now);
        let lines = suites.iter_mut().map(series_line).collect();
        let catalogue = Catalogue {
            data_version: DATA_VERSION,
            stamp,
            series: lines,
            periods: Period::ALL.to_vec(),
            quarantine: self.quarantine.clone(),
        };
        Ok(Snapshot { catalogue, now, first, read: Instant::now(), suites, bodies: Mutex::default() })
    }
}

impl Snapshot {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bytes>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, name: String, body: &Bytes) {
        let mut kept = self.kept();
        let held: usize = kept.values().map(Bytes::len).sum();
        if held.saturating_add(body.len()) <= MOST_KEPT {
            kept.insert(name, body.clone());
        }
    }

    /// From when to when a period is.
    fn span(&self, period: Period) -> Span {
        period.span(self.first, self.now)
    }

    fn suite(&self, key: &str) -> Option<&Suite> {
        self.suites.iter().find(|suite| suite.key == key)
    }
}

/// What the catalogue says of a suite; its branches are chosen here.
fn series_line(suite: &mut Suite) -> SeriesLine {
    let mut runs_of: BTreeMap<&str, u32> = BTreeMap::new();
    for branch in suite.runs.iter().filter_map(|run| run.context.branch.as_deref()) {
        *runs_of.entry(branch).or_default() += 1;
    }
    let mut branches: Vec<BranchLine> = runs_of
        .into_iter()
        .map(|(name, runs)| BranchLine { key: keys::branch(name), name: name.to_owned(), runs })
        .collect();
    branches.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.name.cmp(&b.name)));
    let left_out = count(branches.len().saturating_sub(MOST_BRANCHES));
    branches.truncate(MOST_BRANCHES);
    suite.branches = branches.iter().map(|b| (b.key.clone(), b.name.clone())).collect();
    SeriesLine {
        key: suite.key.clone(),
        repository: suite.series.repository.clone(),
        suite: suite.series.suite.clone(),
        forge: Forge::of(&suite.series.repository),
        runs: count(suite.runs.len()),
        first: suite.first,
        last: suite.runs.iter().map(|run| run.context.started).max().unwrap_or(suite.first),
        branches,
        branches_left_out: left_out,
    }
}

fn json(document: &impl Serialize) -> Result<Bytes, DashboardError> {
    Ok(serde_json::to_vec(document)?.into())
}
