//! Everything before the first attempt.

use std::path::PathBuf;

use flaky_config::Trust;
use flaky_core::report::{IsolationUsed, Note};
use flaky_core::verdict::Cause;
use flaky_exec::checkout::{CheckoutRequest, CommitId, RefName, RepositorySource, RepositoryUrl};
use flaky_exec::{Capabilities, CollectGlobs, ExecutorSettings, LocalExecutor, RunAs};
use flaky_files::{Passing, temporary_folder};
use flaky_plugin_host::{InstallPlan, InstallStep};
use flaky_runpod::pack::{PackError, UnpackLimits, unpack_folder};
use flaky_runpod::wire::{ShardOrder, WireInstall, WireSource};
use tempfile::TempDir;

use super::fill::Places;
use super::{NoAttempts, ShardError, ShardRequest, lower};
use crate::attempt::SetAside;
use crate::environment::{Environment, tools_in_temporary_folders};
use crate::event::Events;
use crate::install::{InstallError, Installation};
use crate::prepare::EnvironmentFolder;
use crate::sources::{self, NoSources};

/// Sources of a shard on disk.
pub(super) struct Tree {
    pub(super) path: PathBuf,
    pub(super) commit: Option<String>,
    pub(super) notes: Vec<Note>,
    /// Removes them.
    _folder: Box<dyn std::any::Any + Send + Sync>,
}

impl Tree {
    /// Fetches or unpacks them. What was packed is taken out of the order.
    pub(super) async fn obtain(request: &mut ShardRequest) -> Result<Self, NoAttempts> {
        match &mut request.order.source {
            WireSource::Packed(bytes) => {
                let bytes = std::mem::take(bytes);
                let run_as = request.run_as;
                let unpacked = tokio::task::spawn_blocking(move || unpack(&bytes, run_as)).await;
                unpacked.map_err(|e| ShardError::Broke(e.to_string()))?
            }
            WireSource::Repository { url, reference, commit } => {
                let checkout = CheckoutRequest {
                    url: remote(url)?,
                    reference: revision(reference.as_deref(), RefName::parse)?,
                    commit: revision(commit.as_deref(), CommitId::parse)?,
                    settings: request.checkout.clone(),
                };
                let fetched = sources::fetch(checkout, request.run_as, Trust::Untrusted, &request.cancel);
                match fetched.await {
                    Ok(sources) => Ok(Self {
                        path: sources.tree.clone(),
                        commit: sources.commit.clone(),
                        notes: sources.notes.clone(),
                        _folder: Box::new(sources),
                    }),
                    Err(NoSources::Unreachable(aside)) => Err(NoAttempts::Aside(aside)),
                    Err(NoSources::NotAFolder(path, source)) => {
                        Err(ShardError::Folder { path, source }.into())
                    }
                }
            }
        }
    }
}

/// Orders name no folder of the worker.
fn remote(url: &str) -> Result<RepositoryUrl, NoAttempts> {
    match RepositorySource::parse(url) {
        Ok(RepositorySource::Remote(url)) => Ok(url),
        Ok(RepositorySource::Local(_)) => Err(no_sources("a worker fetches URLs, not its own folders")),
        Err(error) => Err(no_sources(error)),
    }
}

fn revision<T, E: std::fmt::Display>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, NoAttempts> {
    text.map(parse).transpose().map_err(no_sources)
}

fn no_sources(why: impl std::fmt::Display) -> NoAttempts {
    NoAttempts::Aside(SetAside { cause: Cause::RepositoryUnreachable, why: why.to_string(), hint: None })
}

fn unpack(bytes: &[u8], run_as: Option<RunAs>) -> Result<Tree, NoAttempts> {
    let folder = sources::folder_for(run_as)
        .map_err(|source| ShardError::Folder { path: std::env::temp_dir(), source })?;
    let path = folder.path().join("tree");
    let failed = |source| ShardError::Folder { path: path.clone(), source };
    unpack_folder(bytes, &path, UnpackLimits::default()).map_err(|error| match error {
        // This machine's disk, not the archive.
        PackError::Io { path, source, .. } => ShardError::Folder { path, source }.into(),
        error => no_sources(error),
    })?;
    if let Some(user) = run_as {
        user.take_over(&path).map_err(failed)?;
    }
    let path = path.canonicalize().map_err(failed)?;
    Ok(Tree { path, commit: None, notes: Vec::new(), _folder: Box::new(folder) })
}

/// An executor over the sources, at a level.
pub(super) struct Machine {
    pub(super) executor: LocalExecutor,
    pub(super) capabilities: Capabilities,
    pub(super) level: IsolationUsed,
    /// Of variables that settings name over the worker's own.
    pub(super) base: Environment,
    pub(super) folder: Option<EnvironmentFolder>,
    _scratch: TempDir,
}

impl Machine {
    pub(super) async fn start(request: &ShardRequest, tree: &Tree) -> Result<Self, ShardError> {
        let order = &request.order;
        let mut base = Environment::new(request.environment.clone());
        for (name, value) in &order.env {
            base.set(name, value);
        }
        let environments = request.folders.environments();
        let folder = order
            .install
            .as_ref()
            .filter(|install| !install.steps.is_empty())
            .map(|install| EnvironmentFolder::open(&environments, &folder_name(order, install)))
            .transpose()
            .map_err(|source| ShardError::Folder { path: environments, source })?;
        let passing = if request.run_as.is_some() { Passing::Others } else { Passing::Nobody };
        let scratch = temporary_folder("flaky-shard-", passing)
            .map_err(|source| ShardError::Folder { path: std::env::temp_dir(), source })?;
        let argv = order.attempts.first().map(|a| a.command.argv.as_slice()).unwrap_or_default();
        let mut writable: Vec<PathBuf> = folder.iter().map(|f| f.path.clone()).collect();
        writable.extend(tools_in_temporary_folders(&base, argv));
        let executor = LocalExecutor::start(ExecutorSettings {
            tree: tree.path.clone(),
            scratch: scratch.path().join("work"),
            parallelism: slots(order),
            output_quota: order.output_quota,
            launcher: request.launcher.clone(),
            writable,
            collect: CollectGlobs::new(order.report_globs.clone(), order.tree_globs.clone())?,
            run_as: request.run_as,
        })
        .await?;
        let capabilities = executor.capabilities().await?;
        let level = lower(capabilities.best, order.isolation);
        Ok(Self { executor, capabilities, level, base, folder, _scratch: scratch })
    }

    /// Installs what the order says; what attempts' environments get by it is in `base` then.
    pub(super) async fn install(&mut self, request: &ShardRequest, tree: &Tree) -> Result<(), NoAttempts> {
        let Some(install) = &request.order.install else { return Ok(()) };
        let env_dir = self.folder.as_ref().map(|f| f.path.as_path());
        let plan = plan(install, &Places::of_installation(env_dir, &tree.path));
        if let Some(folder) = &self.folder {
            let (sender, _) = tokio::sync::mpsc::unbounded_channel();
            let installation = Installation {
                folder,
                executor: &self.executor,
                base: &self.base,
                best: self.level,
                timeout: install.timeout,
                run_as: request.run_as,
                cancel: &request.cancel,
                // Nobody watches a worker; what fails says so in the head.
                events: &Events::new(sender),
            };
            if let Some(aside) = installation.make(&plan).await.map_err(ShardError::from)? {
                return Err(NoAttempts::Aside(aside));
            }
        }
        self.base.apply(&plan.env);
        Ok(())
    }

    /// Ends everything that runs, and removes what may not be used again.
    pub(super) async fn end(self, order: &ShardOrder) {
        self.executor.shutdown().await;
        let never_again = order.install.as_ref().is_some_and(|install| install.cache_key.is_empty());
        if let Some(folder) = self.folder.filter(|_| never_again) {
            // What cannot be removed is in nobody's way: no other shard uses a folder of its name.
            let _ = tokio::task::spawn_blocking(move || folder.discard()).await;
        }
    }
}

impl From<InstallError> for ShardError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Folder { path, source } => Self::Folder { path, source },
            InstallError::Exec(error) => Self::Exec(error),
        }
    }
}

/// Attempts side by side; no more than there are.
pub(super) fn slots(order: &ShardOrder) -> usize {
    let asked = usize::try_from(order.parallelism).unwrap_or(usize::MAX);
    asked.min(order.attempts.len()).max(1)
}

/// What stands in the folder is replaced when the project's dependencies change. A packed folder has no name that says
/// which project it is: there every set of dependencies has a folder of its own.
pub(super) fn folder_name(order: &ShardOrder, install: &WireInstall) -> String {
    if install.cache_key.is_empty() {
        return format!("shard\n{}\n{}", order.run, order.shard);
    }
    let within = install.steps.first().map(|step| step.command.cwd.as_str()).unwrap_or_default();
    match &order.source {
        WireSource::Repository { url, .. } => format!("shard\n{url}\n{within}"),
        WireSource::Packed(_) => format!("packed\n{}\n{within}", install.cache_key),
    }
}

fn plan(install: &WireInstall, places: &Places) -> InstallPlan {
    let steps = install.steps.iter().map(|step| InstallStep {
        command: places.command(&step.command),
        title: step.title.clone(),
        network: true,
    });
    InstallPlan {
        steps: steps.collect(),
        env: places.changes(&install.env),
        cache_key: install.cache_key.clone(),
    }
}
