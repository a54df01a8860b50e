//! A run from request to report. [`run`] is the table of contents; every stage has a room of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flaky_config::job::JobInput;
use flaky_config::{ConfigError, ConfigFile, FlagSettings, RunSettings, SeedChoice, SettingsError, Trust};
use flaky_core::ids::{AttemptIndex, RunId, Seed};
use flaky_core::report::RunReport;
use flaky_core::seeds::SeedPlan;
use flaky_core::settings::FailOn;
use flaky_exec::checkout::{CheckoutSettings, CommitId, RefName, RepositorySource};
use flaky_exec::{CollectGlobs, ExecError, ExecutorSettings, LauncherProgram, LocalExecutor, RunAs};
use flaky_plugin_host::{HostError, HostSettings, Limits, PluginHost, Want};
use serde_json::{Value, json};

use crate::assemble::{Findings, assemble};
use crate::attempts::Outcome;
use crate::backend::{Backend, BackendError};
use crate::cancel::Cancel;
use crate::conduct::{Conductor, PlannedAttempt};
use crate::environment::{Environment, tools_in_temporary_folders};
use crate::event::{Events, RunEvent};
use crate::findings::without_sources;
use crate::folders::Folders;
use crate::isolation::{self, Unavailable};
use crate::journal::Journal;
use crate::output::AttemptOutput;
use crate::plugins::{Builtin, LoadError, PluginSet};
use crate::prepare::{self, EnvironmentFolder, Project, ProjectError};
use crate::read::Reader;
use crate::remote::{RemoteAccess, RemoteError};
use crate::sources::{self, NoSources, Sources};
use crate::tally::Tally;

/// Everything a run needs from outside.
#[derive(Debug)]
pub struct RunRequest {
    /// Its id.
    pub run: RunId,
    /// Where the sources are.
    pub source: RepositorySource,
    /// Branch, tag or reference.
    pub reference: Option<RefName>,
    /// Commit.
    pub commit: Option<CommitId>,
    /// How to fetch: credentials, known hosts, time limit.
    pub checkout: CheckoutSettings,
    /// From the command line.
    pub flags: FlagSettings,
    /// From a job file.
    pub job: Option<JobInput>,
    /// A configuration file named on the command line.
    pub config: Option<PathBuf>,
    /// Which attempts.
    pub attempts: AttemptChoice,
    /// Master seed, should one be needed and none be named.
    pub fresh_seed: u64,
    /// Where `flaky` keeps things.
    pub folders: Folders,
    /// Names of reporters that will be asked for; refused before anything runs when there is none of that name.
    pub reporters: Vec<String>,
    /// Names of the bundled reporters, which are loaded by whoever delivers.
    pub bundled_reporters: Vec<&'static str>,
    /// The environment of tests: ours, without secrets.
    pub environment: Vec<(OsString, OsString)>,
    /// Variables that were kept from the tests, by name.
    pub withheld: Vec<String>,
    /// Bundled plugins that run and judge.
    pub builtins: Vec<Builtin>,
    /// Our own program.
    pub launcher: LauncherProgram,
    /// The switch that ends the run early.
    pub cancel: Cancel,
    /// Bytes of each stream of each attempt to hand back in [`Finished::outputs`]; `None` is none at all.
    pub keep_output: Option<u64>,
    /// As whom tests and installations run; `None` is as whom we run.
    pub run_as: Option<RunAs>,
    /// Whether settings in a fetched repository count as its own folder would for a user.
    pub fetched: Trust,
    /// How to reach an endpoint, should settings send the attempts there. `None`: everything runs here, whatever
    /// settings say (a worker does not pass its work on).
    pub remote: Option<RemoteAccess>,
}

/// Which attempts to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptChoice {
    /// As settings plan them.
    Planned,
    /// One earlier attempt, several times.
    Repeat {
        /// Its seed.
        seed: Seed,
        /// Its `ATTEMPT`.
        number: u32,
        /// How many times.
        times: u32,
    },
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The source is no folder.
    #[error("`{}` is not a folder that can be read: {source}", path.display())]
    Source {
        /// What was named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// Settings that do not go together.
    #[error(transparent)]
    Settings(#[from] Box<SettingsError>),
    /// A plugin that was named cannot be used.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// Nothing says what to run.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A report of a kind that no loaded plugin makes.
    #[error("there is no reporter `{name}`: expected one of {}", known.join(", "))]
    NoSuchReporter {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The isolation that was asked for cannot be had.
    #[error(transparent)]
    Isolation(#[from] Unavailable),
    /// Running attempts.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Running attempts on an endpoint.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Hosting plugins.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A folder of ours.
    #[error("`{}`: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<BackendError> for RunError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Exec(error) => Self::Exec(error),
            BackendError::Remote(error) => Self::Remote(error),
        }
    }
}

/// A report, and what the settings say of its exit code.
#[derive(Debug)]
pub struct Finished {
    /// The report.
    pub report: RunReport,
    /// From which verdict on the exit code says failure.
    pub fail_on: FailOn,
    /// The loaded plugins, for reporters that the user named.
    pub plugins: Option<PluginSet>,
    /// What attempts printed, ascending, without those repeated alone; empty unless [`RunRequest::keep_output`] asks.
    pub outputs: Vec<AttemptOutput>,
}

/// How much of each attempt's output is kept: the head and the tail that a person would read are in it, and a
/// hundred floods do not fill a disk.
pub(crate) const OUTPUT_QUOTA: u64 = 64 << 20;

/// Runs, and reports. An obstacle that is not the user's mistake (no repository, failed installation, …) is a report
/// with the verdict "inconclusive", not an error.
///
/// # Errors
/// When nothing was run because of a mistake in settings or plugins, or because `flaky` itself failed.
pub async fn run(mut request: RunRequest, events: &Events) -> Result<Finished, RunError> {
    let sources = match sources::obtain(&request, events).await {
        Ok(sources) => sources,
        Err(NoSources::NotAFolder(path, source)) => return Err(RunError::Source { path, source }),
        Err(NoSources::Unreachable(aside)) => return Ok(without_sources(&request, aside)),
    };
    request.checkout.forget_credentials();
    let settings = resolve_settings(&request, &sources, events)?;
    let host = PluginHost::new(HostSettings {
        cache: Some(request.folders.components()),
        limits: Limits::default(),
    })?;
    let thresholds = thresholds_settings(&settings);
    let plugins = PluginSet::load(&host, &settings.plugins, &request.builtins, |name| match name {
        "statistical" | "thresholds" => thresholds.clone(),
        _ => json!({}),
    })
    .await?;
    check_reporters(&request, &plugins)?;
    let project = prepare::project(&plugins, &settings, &sources.tree).await?;
    let stage = Stage { request, sources, settings, plugins, project, events };
    stage.run().await
}

fn check_reporters(request: &RunRequest, plugins: &PluginSet) -> Result<(), RunError> {
    let own = plugins.members().iter().filter(|m| m.plugin.roles().reporter).map(|m| m.name());
    let known: Vec<&str> = request.bundled_reporters.iter().copied().chain(own).collect();
    match request.reporters.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(RunError::NoSuchReporter {
            name: name.clone(),
            known: known.iter().map(|k| format!("`{k}`")).collect(),
        }),
    }
}

/// What is known once the project is.
pub(crate) struct Stage<'a> {
    pub(crate) request: RunRequest,
    pub(crate) sources: Sources,
    pub(crate) settings: RunSettings,
    pub(crate) plugins: PluginSet,
    pub(crate) project: Project,
    pub(crate) events: &'a Events,
}

impl Stage<'_> {
    async fn run(self) -> Result<Finished, RunError> {
        let plan = self.plan();
        let mut tally = Tally::new(&self.project.command.argv, self.settings.ignore.value.clone());
        let (outcome, wall) = match self.endpoint() {
            Some(access) => self.remotely(access, &mut tally, &plan).await?,
            None => self.locally(&mut tally, &plan).await?,
        };
        let outputs = tally.take_outputs();
        let findings = self.findings(tally, outcome, wall, &plan).await;
        Ok(self.finish(findings, outputs))
    }

    /// On this machine; with the time from the first attempt's start.
    async fn locally(
        &self,
        tally: &mut Tally,
        plan: &[PlannedAttempt],
    ) -> Result<(Outcome, Duration), RunError> {
        let environment = self.environment_folder()?;
        let scratch = tempfile::Builder::new()
            .prefix("flaky-run-")
            .tempdir()
            .map_err(|source| RunError::Folder { path: std::env::temp_dir(), source })?;
        let executor =
            LocalExecutor::start(self.executor_settings(&environment, scratch.path().join("work"))?).await?;
        let machine = executor.capabilities().await?;
        let start = isolation::start(self.settings.isolation.value, self.settings.network.value, &machine)?;
        let mut conductor = Conductor::new(
            executor.clone(),
            self.project.clone(),
            self.base_environment(),
            self.settings.timeout.value.duration(),
            Reader::new(&self.plugins, &self.project, self.request.keep_output),
        );
        let mut begun = Instant::now();
        let outcome = match self.install(&mut conductor, environment.as_ref(), &start).await? {
            Some(aside) => Outcome::before_attempts(aside, &start),
            None => {
                begun = Instant::now();
                self.attempts(&Backend::Local(Arc::new(conductor)), tally, start, plan).await?
            }
        };
        let wall = begun.elapsed();
        // In order: what still runs ends, and the launcher is waited for, so that its use of the machine is accounted to us.
        executor.shutdown().await;
        Ok((outcome, wall))
    }

    fn plan(&self) -> Vec<PlannedAttempt> {
        match self.request.attempts {
            AttemptChoice::Planned => (0..self.settings.runs.value.get())
                .map(|i| PlannedAttempt {
                    index: AttemptIndex(i),
                    number: i,
                    seed: self.seeds().seed(AttemptIndex(i)),
                })
                .collect(),
            AttemptChoice::Repeat { seed, number, times } => {
                (0..times).map(|i| PlannedAttempt { index: AttemptIndex(i), number, seed }).collect()
            }
        }
    }

    pub(crate) fn seeds(&self) -> SeedPlan {
        match self.settings.seeds.value {
            SeedChoice::First(first) => SeedPlan::First(first),
            SeedChoice::Drawn { master, range } => {
                SeedPlan::Drawn { master: master.unwrap_or(self.request.fresh_seed), range }
            }
        }
    }

    fn base_environment(&self) -> Environment {
        let mut base = Environment::new(self.request.environment.clone());
        for (name, value) in &self.settings.env {
            base.set(name.as_str(), value.as_str());
        }
        base
    }

    /// Only where something will be installed: a run without dependencies makes no folder.
    fn environment_folder(&self) -> Result<Option<EnvironmentFolder>, RunError> {
        if self.project.framework.is_none() || !self.settings.auto_install.value {
            return Ok(None);
        }
        let folder = self.request.folders.environments();
        EnvironmentFolder::open(&folder, &format!("{}\n{}", self.sources.name, self.project.root))
            .map(Some)
            .map_err(|source| RunError::Folder { path: folder, source })
    }

    fn executor_settings(
        &self,
        environment: &Option<EnvironmentFolder>,
        scratch: PathBuf,
    ) -> Result<ExecutorSettings, ExecError> {
        let (report, tree) = self.globs();
        let collect = CollectGlobs::new(report, tree)?;
        Ok(ExecutorSettings {
            tree: self.sources.tree.clone(),
            scratch,
            parallelism: self.settings.parallelism.value.get() as usize,
            output_quota: OUTPUT_QUOTA,
            launcher: self.request.launcher.clone(),
            writable: self.visible_folders(environment),
            collect,
            run_as: self.request.run_as,
        })
    }

    /// Which files parsers want to see: of the report folder, and of the work tree.
    pub(crate) fn globs(&self) -> (Vec<String>, Vec<String>) {
        let wants = || self.plugins.members().iter().flat_map(|m| &m.plugin.manifest().wants);
        let report =
            wants().filter_map(|w| if let Want::ReportFiles(g) = w { Some(g.clone()) } else { None });
        let tree = wants().filter_map(|w| if let Want::TreeFiles(g) = w { Some(g.clone()) } else { None });
        (report.collect(), tree.collect())
    }

    /// What attempts have to see although it may lie where they have a private folder of their own: the installed
    /// dependencies, and tools that the user keeps in a temporary folder.
    fn visible_folders(&self, environment: &Option<EnvironmentFolder>) -> Vec<PathBuf> {
        let base = self.base_environment();
        let mut folders: Vec<PathBuf> = environment.iter().map(|e| e.path.clone()).collect();
        for folder in tools_in_temporary_folders(&base, &self.project.command.argv) {
            if !folders.iter().any(|f| folder.starts_with(f)) && !folder.starts_with(&self.sources.tree) {
                folders.push(folder);
            }
        }
        folders
    }

    fn finish(self, findings: Findings, outputs: Vec<AttemptOutput>) -> Finished {
        let report = assemble(findings);
        let folder = self.request.folders.runs().join(report.run.as_str());
        if folder.is_dir()
            && let Err(error) = Journal::keep_report(&folder, &report)
        {
            self.events.send(RunEvent::Warning(format!("`{}` cannot be written: {error}", folder.display())));
        }
        Finished { report, fail_on: self.settings.fail_on.value, plugins: Some(self.plugins), outputs }
    }
}

fn resolve_settings(
    request: &RunRequest,
    sources: &Sources,
    events: &Events,
) -> Result<RunSettings, RunError> {
    let file: Option<ConfigFile> = match &request.config {
        Some(path) => Some(flaky_config::load(path).map_err(Box::new)?),
        None => flaky_config::discover(&sources.tree)
            .map_err(Box::new)?
            .map(|path| flaky_config::load(&path))
            .transpose()
            .map_err(Box::new)?,
    };
    for warning in file.iter().flat_map(|f| &f.warnings) {
        events.send(RunEvent::Warning(sources.relative(&warning.to_string())));
    }
    // A file that the user named is the user's own word, wherever the sources come from.
    let trust = if request.config.is_some() { Trust::Trusted } else { sources.trust };
    let settings =
        RunSettings::resolve(request.flags.clone(), request.job.clone(), file, trust).map_err(Box::new)?;
    for ignored in &settings.ignored {
        events.send(RunEvent::Warning(sources.relative(&ignored.to_string())));
    }
    Ok(settings)
}

/// The settings of the bundled policies come from keys of their own.
fn thresholds_settings(settings: &RunSettings) -> Value {
    let s = settings.severity.value;
    json!({
        "critical": s.critical, "high": s.high, "medium": s.medium, "low": s.low,
        "stable_below": settings.stable_below.value, "broken_below": settings.broken_below.value,
    })
}
