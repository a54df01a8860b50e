//! Installing dependencies the way the framework plugin says: into a folder of their own, from a copy of the tree.

use std::path::PathBuf;
use std::time::Duration;

use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_exec::{AttemptSpec, Purpose};
use flaky_plugin_host::{InstallStep, ProjectInput};

use crate::attempt::{SetAside, exit_in_words};
use crate::attempts::interrupted_early;
use crate::conduct::Conductor;
use crate::event::RunEvent;
use crate::isolation;
use crate::prepare::{self, EnvironmentFolder, ProjectError};
use crate::run::{RunError, Stage};
use crate::tail;

/// How often a locked folder is looked at: soon enough that nobody notices, and no load.
const LOCK_POLL: Duration = Duration::from_millis(100);

impl Stage<'_> {
    /// Installs what the framework plugin says, unless it stands there already. `Some` is why it failed.
    pub(crate) async fn install(
        &self,
        conductor: &mut Conductor,
        folder: Option<&EnvironmentFolder>,
        start: &isolation::Start,
    ) -> Result<Option<SetAside>, RunError> {
        let (Some(framework), Some(folder)) = (&self.project.framework, folder) else { return Ok(None) };
        let input = ProjectInput { root: self.sources.tree.clone() };
        let env_dir = folder.path.display().to_string();
        let plan = framework
            .plugin
            .install(&input, &self.project.root, &env_dir)
            .await
            .map_err(|e| ProjectError::Plugin(Box::new(e)))?;
        conductor.install_env = plan.env.clone();
        let key = prepare::cache_key(&plan, conductor.base.get("PATH"));
        let folder_fault = |source| RunError::Folder { path: folder.path.clone(), source };
        if plan.steps.is_empty() {
            return Ok(None);
        }
        if !self.own(folder, &key).await.map_err(folder_fault)? {
            return Ok(self.request.cancel.is_cancelled().then(interrupted_early));
        }
        folder.clear().map_err(folder_fault)?;
        let level = match start.level {
            IsolationUsed::Full => IsolationUsed::FullSharedNetwork,
            other => other,
        };
        for step in &plan.steps {
            self.events.stage(step.title.clone());
            self.events.send(RunEvent::Command(in_words(&step.command.argv)));
            if let Some(aside) = self.install_step(conductor, step, level).await? {
                return Ok(Some(aside));
            }
        }
        folder.complete(&key).and_then(|()| folder.share()).map_err(folder_fault)?;
        Ok(None)
    }

    /// Waits for the folder: `true` when it is ours to fill, `false` when it holds what is needed, or the run was
    /// ended meanwhile.
    async fn own(&self, folder: &EnvironmentFolder, key: &str) -> std::io::Result<bool> {
        let mut told = false;
        while !self.request.cancel.is_cancelled() {
            if folder.reuse(key)? {
                return Ok(false);
            }
            if folder.try_own()? {
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

    async fn install_step(
        &self,
        conductor: &Conductor,
        step: &InstallStep,
        level: IsolationUsed,
    ) -> Result<Option<SetAside>, RunError> {
        let mut env = conductor.base.clone();
        env.apply(&step.command.env);
        let mut slot = conductor.executor.acquire(level).await?;
        let spec = AttemptSpec {
            index: AttemptIndex(0),
            seed: Seed(0),
            argv: step.command.argv.iter().map(Into::into).collect(),
            env: env.into_variables(),
            working_directory: PathBuf::from(&step.command.cwd),
            timeout: self.settings.install_timeout.value.duration(),
            support_files: Vec::new(),
            purpose: Purpose::Install,
        };
        let raw = tokio::select! {
            raw = slot.run(spec) => raw?,
            () = self.request.cancel.cancelled() => return Ok(Some(interrupted_early())),
        };
        if raw.exit.is_success() {
            return Ok(None);
        }
        let output = tail::of_outputs(&raw.stdout.path, &raw.stderr.path);
        let how = exit_in_words(raw.exit);
        Ok(Some(prepare::install_failed(&step.title, &how, &output)))
    }
}

/// A command as a user would type it.
fn in_words(argv: &[String]) -> String {
    argv.iter()
        .map(|a| {
            let plain =
                !a.is_empty() && a.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:@%+,".contains(&b));
            if plain { a.clone() } else { format!("'{}'", a.replace('\'', r"'\''")) }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
