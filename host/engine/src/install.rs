//! Installing dependencies the way a framework plugin says: into a folder of their own, from a copy of the tree.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_exec::{AttemptSpec, ExecError, LocalExecutor, Purpose, RunAs};
use flaky_plugin_host::{InstallPlan, InstallStep, ProjectInput};

use crate::attempt::{SetAside, command_in_short, exit_in_words};
use crate::attempts::interrupted_early;
use crate::cancel::Cancel;
use crate::conduct::Conductor;
use crate::environment::Environment;
use crate::event::{Events, RunEvent};
use crate::isolation;
use crate::prepare::{self, EnvironmentFolder, ProjectError};
use crate::run::{RunError, Stage};
use crate::sources::Sources;
use crate::tail;

/// How often a locked folder is looked at: soon enough that nobody notices, and no load.
const LOCK_POLL: Duration = Duration::from_millis(100);

impl Stage<'_> {
    /// Installs what the framework plugin says, unless it stands there already. `Some` is why it failed.
    pub(crate) async fn install(
        &self,
        sources: &Sources,
        conductor: &mut Conductor,
        folder: Option<&EnvironmentFolder>,
        start: &isolation::Start,
    ) -> Result<Option<SetAside>, RunError> {
        let (Some(framework), Some(folder)) = (&self.project.framework, folder) else { return Ok(None) };
        let input = ProjectInput { root: sources.tree.clone() };
        let env_dir = folder.path.display().to_string();
        let plan = framework
            .plugin
            .install(&input, &self.project.root, &env_dir)
            .await
            .map_err(|e| ProjectError::Plugin(Box::new(e)))?;
        conductor.install_env = plan.env.clone();
        let installation = Installation {
            folder,
            executor: &conductor.executor,
            base: &conductor.base,
            best: start.level,
            timeout: self.settings.install_timeout.value.duration(),
            run_as: self.request.run_as,
            cancel: &self.request.cancel,
            events: self.events,
        };
        Ok(installation.make(&plan).await?)
    }
}

/// One installation, and what it needs.
#[derive(Debug)]
pub(crate) struct Installation<'a> {
    /// Where to.
    pub(crate) folder: &'a EnvironmentFolder,
    pub(crate) executor: &'a LocalExecutor,
    /// What the environment of every step begins with.
    pub(crate) base: &'a Environment,
    /// The level that attempts will have.
    pub(crate) best: IsolationUsed,
    /// Per step.
    pub(crate) timeout: Duration,
    /// As whom steps run.
    pub(crate) run_as: Option<RunAs>,
    pub(crate) cancel: &'a Cancel,
    pub(crate) events: &'a Events,
}

/// Why an installation could not even be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// Its folder.
    #[error("`{}`: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// The executor.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl From<InstallError> for RunError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Folder { path, source } => Self::Folder { path, source },
            InstallError::Exec(error) => Self::Exec(error),
        }
    }
}

impl Installation<'_> {
    /// Does what the plan says, unless its result stands there already. `Some` is why it failed.
    ///
    /// # Errors
    /// When folder or executor fail.
    pub(crate) async fn make(&self, plan: &InstallPlan) -> Result<Option<SetAside>, InstallError> {
        let key = prepare::cache_key(plan, self.base.get("PATH"));
        if plan.steps.is_empty() {
            return Ok(None);
        }
        if !self.own(&key).await.map_err(|e| self.fault(e))? {
            return Ok(self.cancel.is_cancelled().then(interrupted_early));
        }
        self.open().map_err(|e| self.fault(e))?;
        for step in &plan.steps {
            self.events.stage(step.title.clone());
            self.events.send(RunEvent::Command(command_in_short(&step.command.argv)));
            if let Some(aside) = self.step(step).await? {
                return Ok(Some(aside));
            }
        }
        self.close(&key).map_err(|e| self.fault(e))?;
        Ok(None)
    }

    fn fault(&self, source: io::Error) -> InstallError {
        InstallError::Folder { path: self.folder.path.clone(), source }
    }

    fn open(&self) -> io::Result<()> {
        self.folder.clear()?;
        self.run_as.map_or(Ok(()), |user| self.folder.hand_to(user))
    }

    /// The marker comes last: what is not whole, or not ours again, is not used.
    fn close(&self, key: &str) -> io::Result<()> {
        if self.run_as.is_some() {
            self.folder.take_back()?;
        }
        self.folder.complete(key)?;
        self.folder.share()
    }

    /// Waits for the folder: `true` when it is ours to fill, `false` when it holds what is needed, or the run was
    /// ended meanwhile.
    async fn own(&self, key: &str) -> io::Result<bool> {
        let mut told = false;
        while !self.cancel.is_cancelled() {
            if self.folder.reuse(key)? {
                return Ok(false);
            }
            if self.folder.try_own()? {
                return Ok(true);
            }
            if !told {
                told = true;
                self.events
                    .stage("waiting for another run that uses or installs this project's dependencies");
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
        Ok(false)
    }

    async fn step(&self, step: &InstallStep) -> Result<Option<SetAside>, InstallError> {
        let mut env = self.base.clone();
        env.apply(&step.command.env);
        let level = match self.best {
            // Packages come over the network.
            IsolationUsed::Full => IsolationUsed::FullSharedNetwork,
            // Attempts may share the user's folder, but what installs would leave things in it.
            IsolationUsed::Shared => IsolationUsed::Copy,
            other => other,
        };
        let mut slot = self.executor.acquire(level).await?;
        let spec = AttemptSpec {
            index: AttemptIndex(0),
            seed: Seed(0),
            argv: step.command.argv.iter().map(Into::into).collect(),
            env: env.into_variables(),
            working_directory: PathBuf::from(&step.command.cwd),
            timeout: self.timeout,
            support_files: Vec::new(),
            purpose: Purpose::Install,
        };
        let raw = tokio::select! {
            raw = slot.run(spec) => raw?,
            () = self.cancel.cancelled() => return Ok(Some(interrupted_early())),
        };
        if raw.exit.is_success() {
            return Ok(None);
        }
        let output = tail::of_outputs(&raw.stdout.path, &raw.stderr.path);
        let how = exit_in_words(raw.exit);
        Ok(Some(prepare::install_failed(&step.title, &how, &output)))
    }
}
