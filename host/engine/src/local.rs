//! A run on this machine: executors, what they need, and the attempts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flaky_core::report::Note;
use flaky_exec::{CollectGlobs, ExecError, ExecutorSettings, LocalExecutor};

use crate::attempts::Outcome;
use crate::backend::{Backend, Here};
use crate::conduct::{Conductor, PlannedAttempt, Side};
use crate::environment::tools_in_temporary_folders;
use crate::isolation;
use crate::prepare::EnvironmentFolder;
use crate::read::Reader;
use crate::run::{OUTPUT_QUOTA, RunError, Stage};
use crate::sources::Sources;
use crate::tally::Tallies;

/// One of the commits, ready to be installed and run.
struct Place {
    conductor: Conductor,
    environment: Option<EnvironmentFolder>,
}

impl Stage<'_> {
    /// On this machine; with the time from the first attempt's start.
    pub(crate) async fn locally(
        &self,
        tallies: &mut Tallies,
        plan: &[PlannedAttempt],
    ) -> Result<(Outcome, Duration), RunError> {
        let scratch = tempfile::Builder::new()
            .prefix("flaky-run-")
            .tempdir()
            .map_err(|source| RunError::Folder { path: std::env::temp_dir(), source })?;
        let mut head = self.open(&self.sources, Side::Head, &scratch.path().join("work")).await?;
        let machine = head.conductor.executor.capabilities().await?;
        let start = isolation::start(self.settings.isolation.value, self.settings.network.value, &machine)?;
        let mut executors = vec![head.conductor.executor.clone()];
        let mut begun = Instant::now();
        let installed =
            self.install(&self.sources, &mut head.conductor, head.environment.as_ref(), &start).await?;
        let outcome = match installed {
            Some(aside) => Outcome::before_attempts(aside, &start),
            None => {
                let (base, note) = self.open_base(tallies, &scratch.path().join("base"), &start).await?;
                executors.extend(base.iter().map(|base| base.conductor.executor.clone()));
                begun = Instant::now();
                let here = Here {
                    head: head.conductor,
                    base: base.map(|base| base.conductor),
                    parallelism: self.settings.parallelism.value.get() as usize,
                };
                let mut outcome =
                    self.attempts(&Backend::Local(Arc::new(here)), tallies, start, plan).await?;
                outcome.notes.extend(note);
                outcome
            }
        };
        let wall = begun.elapsed();
        for executor in executors {
            // In order: what still runs ends, and the launcher is waited for, so that its use of the machine is
            // accounted to us.
            executor.shutdown().await;
        }
        Ok((outcome, wall))
    }

    async fn open(&self, sources: &Sources, side: Side, scratch: &Path) -> Result<Place, RunError> {
        let environment = self.environment_folder(side)?;
        let executor =
            LocalExecutor::start(self.executor_settings(sources, &environment, scratch.to_owned())?).await?;
        let conductor = Conductor::new(
            executor,
            self.project.clone(),
            self.base_environment(),
            self.settings.timeout.value.duration(),
            Reader::new(&self.plugins, &self.project, self.request.keep_output),
        );
        Ok(Place { conductor, environment })
    }

    /// What the head is compared with, installed. A base that cannot be is no reason not to judge the head: the
    /// comparison is left out, and the note says why.
    async fn open_base(
        &self,
        tallies: &mut Tallies,
        scratch: &Path,
        start: &isolation::Start,
    ) -> Result<(Option<Place>, Option<Note>), RunError> {
        let Some(base) = &self.base else { return Ok((None, None)) };
        let mut place = self.open(&base.sources, Side::Base, scratch).await?;
        let installed =
            self.install(&base.sources, &mut place.conductor, place.environment.as_ref(), start).await?;
        let Some(aside) = installed else { return Ok((Some(place), None)) };
        place.conductor.executor.shutdown().await;
        tallies.base = None;
        let text = format!("the base `{}` could not be tested: {}", base.revision, aside.why);
        Ok((None, Some(Note { code: "base-not-tested".into(), text })))
    }

    /// Only where something will be installed: a run without dependencies makes no folder.
    fn environment_folder(&self, side: Side) -> Result<Option<EnvironmentFolder>, RunError> {
        if self.project.framework.is_none() || !self.settings.auto_install.value {
            return Ok(None);
        }
        let folder = self.request.folders.environments();
        // The base has one of its own: both are in use at the same time, and may need different things.
        let suffix = if side == Side::Base { "\nbase" } else { "" };
        let project = format!("{}\n{}{suffix}", self.sources.name, self.project.root);
        EnvironmentFolder::open(&folder, &project)
            .map(Some)
            .map_err(|source| RunError::Folder { path: folder, source })
    }

    fn executor_settings(
        &self,
        sources: &Sources,
        environment: &Option<EnvironmentFolder>,
        scratch: PathBuf,
    ) -> Result<ExecutorSettings, ExecError> {
        let (report, tree) = self.globs();
        let collect = CollectGlobs::new(report, tree)?;
        Ok(ExecutorSettings {
            tree: sources.tree.clone(),
            scratch,
            parallelism: self.settings.parallelism.value.get() as usize,
            output_quota: OUTPUT_QUOTA,
            launcher: self.request.launcher.clone(),
            writable: self.visible_folders(sources, environment),
            collect,
            run_as: self.request.run_as,
        })
    }

    /// What attempts have to see although it may lie where they have a private folder of their own: the installed
    /// dependencies, and tools that the user keeps in a temporary folder.
    fn visible_folders(&self, sources: &Sources, environment: &Option<EnvironmentFolder>) -> Vec<PathBuf> {
        let base = self.base_environment();
        let mut folders: Vec<PathBuf> = environment.iter().map(|e| e.path.clone()).collect();
        for folder in tools_in_temporary_folders(&base, &self.project.command.argv) {
            if !folders.iter().any(|f| folder.starts_with(f)) && !folder.starts_with(&sources.tree) {
                folders.push(folder);
            }
        }
        folders
    }
}
