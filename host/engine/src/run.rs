//! A run from request to report. [`run`] is the table of contents; every stage has a room of its own.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use flaky_config::job::JobInput;
use flaky_config::{ConfigError, FlagSettings, ReporterEntry, RunSettings, SeedChoice, SettingsError, Trust};
use flaky_core::ids::{AttemptIndex, RunId, Seed};
use flaky_core::notify::Notify;
use flaky_core::report::{CiJob, RunReport};
use flaky_core::seeds::SeedPlan;
use flaky_core::settings::{Condition, FailOn};
use flaky_exec::checkout::{CheckoutSettings, CommitId, RefName, RepositorySource};
use flaky_exec::{ExecError, LauncherProgram, RunAs};
use flaky_plugin_host::{HostError, HostSettings, Limits, PluginHost, Want};
use serde_json::{Value, json};

use crate::assemble::{Findings, assemble};
use crate::backend::BackendError;
use crate::cancel::Cancel;
use crate::conduct::{PlannedAttempt, TestOrder};
use crate::environment::Environment;
use crate::event::{Events, RunEvent};
use crate::findings::without_sources;
use crate::folders::Folders;
use crate::isolation::Unavailable;
use crate::journal::Journal;
use crate::output::AttemptOutput;
use crate::past::{EarlierRuns, Provenance};
use crate::plugins::{Candidate, LoadError, Member, PluginSet};
use crate::prepare::{self, Project, ProjectError};
use crate::quarantine::{self, InQuarantine};
use crate::remote::{RemoteAccess, RemoteError};
use crate::sources::{self, BaseSources, NoBase, NoSources, Sources};
use crate::supply::{self, PluginSupply};
use crate::tally::{Tallies, Tally};
use crate::trust::{self, Authority};

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
    /// A revision of the same repository to compare with.
    pub base: Option<String>,
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
    /// The CI job that we run in, for the report.
    pub ci: Option<CiJob>,
    /// The environment of tests: ours, without secrets.
    pub environment: Vec<(OsString, OsString)>,
    /// Variables that were kept from the tests, by name.
    pub withheld: Vec<String>,
    /// Our own program.
    pub launcher: LauncherProgram,
    /// The switch that ends the run early.
    pub cancel: Cancel,
    /// Bytes of each stream of each attempt to hand back in [`Finished::outputs`]; `None` is none at all.
    pub keep_output: Option<u64>,
    /// As whom tests and installations run; `None` is as whom we run.
    pub run_as: Option<RunAs>,
    /// Knows of earlier runs; `None`: nobody does.
    pub past: Option<Arc<dyn EarlierRuns>>,
    /// Brings plugins that are not on this machine; `None`: there are none.
    pub supply: Option<Arc<dyn PluginSupply>>,
    /// Whether settings in a fetched repository count as its own folder would for a user.
    pub fetched: Trust,
    /// Whose word the configuration file of a local folder is.
    pub authority: Authority,
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
    /// The revision to compare with.
    #[error(transparent)]
    Base(#[from] NoBase),
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
    /// Who tells the report in CI, by the configuration.
    pub reporters: Vec<ReporterEntry>,
    /// Which results are sent to people, by the configuration; `None`: all.
    pub notify: Option<Notify>,
    /// Where the run comes from; `None` where its sources are not to be had.
    pub provenance: Option<Provenance>,
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
    let mut sources = match sources::obtain(&request, events).await {
        Ok(sources) => sources,
        Err(NoSources::NotAFolder(path, source)) => return Err(RunError::Source { path, source }),
        Err(NoSources::Unreachable(aside)) => return Ok(without_sources(&request, aside)),
    };
    let base = sources::obtain_base(&request, &sources, events).await?;
    request.checkout.forget_credentials();
    let (settings, quarantine) = resolve_settings(&request, &mut sources, events).await?;
    // And with it the token that fetched another revision.
    request.authority = Authority::everything();
    let host = PluginHost::new(HostSettings {
        cache: Some(request.folders.components()),
        limits: Limits::default(),
    })?;
    let place = supply::place(&request, &sources.tree);
    let brought = supply::bring(request.supply.as_deref(), &host, &settings.plugins, &place).await?;
    let plugins = PluginSet::load(&host, &settings.plugins, &brought, |name, bundled| {
        plugin_settings(&settings, name, bundled)
    })
    .await?;
    for warning in plugins.warnings() {
        events.send(RunEvent::Warning(warning));
    }
    check_reporters(&request, &settings, &plugins)?;
    // Policies are needed in the end, whatever happens: what is wrong with them is known before anything runs.
    let (policies, project) =
        tokio::join!(plugins.policies(), prepare::project(&plugins, &settings, &sources.tree));
    let (policies, project) = (policies?, project?);
    let stage = Stage { request, sources, base, settings, quarantine, plugins, policies, project, events };
    stage.run().await
}

fn check_reporters(
    request: &RunRequest,
    settings: &RunSettings,
    plugins: &PluginSet,
) -> Result<(), RunError> {
    let known: Vec<&str> = plugins.reporters().map(Candidate::name).collect();
    let configured = settings.reporters.iter().map(|reporter| &reporter.name);
    match request.reporters.iter().chain(configured).find(|name| !known.contains(&name.as_str())) {
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
    /// What they are compared with.
    pub(crate) base: Option<BaseSources>,
    pub(crate) settings: RunSettings,
    pub(crate) quarantine: InQuarantine,
    pub(crate) plugins: PluginSet,
    pub(crate) policies: Vec<Member>,
    pub(crate) project: Project,
    pub(crate) events: &'a Events,
}

impl Stage<'_> {
    async fn run(self) -> Result<Finished, RunError> {
        let plan = self.plan();
        let new = || {
            Tally::new(&self.project.command.argv, self.settings.ignore.value.clone())
                .with_quarantine(self.quarantine.tests())
        };
        let mut tallies = Tallies { head: new(), base: self.base.as_ref().map(|_| new()) };
        let (outcome, wall) = match self.endpoint() {
            Some(access) => self.remotely(access, &mut tallies, &plan).await?,
            None => self.locally(&mut tallies, &plan).await?,
        };
        let outputs = tallies.head.take_outputs();
        let findings = self.findings(tallies, outcome, wall, &plan).await;
        Ok(self.finish(findings, outputs))
    }

    fn plan(&self) -> Vec<PlannedAttempt> {
        match self.request.attempts {
            AttemptChoice::Planned => (0..self.settings.runs.value.get())
                .map(|i| self.planned(AttemptIndex(i), i, self.seeds().seed(AttemptIndex(i))))
                .collect(),
            AttemptChoice::Repeat { seed, number, times } => {
                (0..times).map(|i| self.planned(AttemptIndex(i), number, seed)).collect()
            }
        }
    }

    /// Every other attempt is shuffled where the order is a condition: which, its number tells.
    fn planned(&self, index: AttemptIndex, number: u32, seed: Seed) -> PlannedAttempt {
        let varied = self.settings.conditions.value.contains(&Condition::Order);
        let order = if number % 2 == 1 { TestOrder::Shuffled } else { TestOrder::AsGiven };
        PlannedAttempt { order: varied.then_some(order), ..PlannedAttempt::new(index, number, seed) }
    }

    pub(crate) fn seeds(&self) -> SeedPlan {
        match self.settings.seeds.value {
            SeedChoice::First(first) => SeedPlan::First(first),
            SeedChoice::Drawn { master, range } => {
                SeedPlan::Drawn { master: master.unwrap_or(self.request.fresh_seed), range }
            }
        }
    }

    pub(crate) fn base_environment(&self) -> Environment {
        let mut base = Environment::new(self.request.environment.clone());
        for (name, value) in &self.settings.env {
            base.set(name.as_str(), value.as_str());
        }
        base
    }

    /// Which files parsers want to see: of the report folder, and of the work tree.
    pub(crate) fn globs(&self) -> (Vec<String>, Vec<String>) {
        let wants = || self.plugins.parsers().flat_map(|p| &p.manifest().wants);
        let report =
            wants().filter_map(|w| if let Want::ReportFiles(g) = w { Some(g.clone()) } else { None });
        let tree = wants().filter_map(|w| if let Want::TreeFiles(g) = w { Some(g.clone()) } else { None });
        // Many parsers want the same files; each glob is matched once.
        let (report, tree): (BTreeSet<_>, BTreeSet<_>) = (report.collect(), tree.collect());
        (report.into_iter().collect(), tree.into_iter().collect())
    }

    fn finish(self, findings: Findings, outputs: Vec<AttemptOutput>) -> Finished {
        let report = assemble(findings);
        let folder = self.request.folders.runs().join(report.run.as_str());
        if folder.is_dir()
            && let Err(error) = Journal::keep_report(&folder, &report)
        {
            self.events.send(RunEvent::Warning(format!("`{}` cannot be written: {error}", folder.display())));
        }
        let provenance = Some(self.provenance());
        Finished {
            report,
            provenance,
            fail_on: self.settings.fail_on.value,
            plugins: Some(self.plugins),
            outputs,
            reporters: self.settings.reporters,
            notify: self.settings.notify,
        }
    }
}

async fn resolve_settings(
    request: &RunRequest,
    sources: &mut Sources,
    events: &Events,
) -> Result<(RunSettings, InQuarantine), RunError> {
    let file = flaky_config::load_named_or_own(request.config.as_deref(), &sources.tree).map_err(Box::new)?;
    for warning in file.iter().flat_map(|f| &f.warnings) {
        events.send(RunEvent::Warning(sources.relative(&warning.to_string())));
    }
    // A file that the user named is the user's own word, wherever the sources come from.
    let settled_by_trust = async |file| {
        let store = request.folders.trusted_components();
        let (tree, commit) = (&sources.tree, sources.commit.as_deref());
        trust::settle(&request.authority, tree, commit, file, &store, &request.cancel).await
    };
    let mut held = None;
    let (file, trust, withheld) = match (&request.config, &request.source) {
        (Some(_), RepositorySource::Local(_)) => {
            // The tests in quarantine are the folder's word all the same.
            held = settled_by_trust(None).await.quarantine;
            (file, Trust::Trusted, Vec::new())
        }
        (Some(_), RepositorySource::Remote(_)) => (file, Trust::Trusted, Vec::new()),
        (None, RepositorySource::Remote(_)) => (file, sources.trust, Vec::new()),
        (None, RepositorySource::Local(_)) => {
            let settled = settled_by_trust(file).await;
            held = settled.quarantine;
            settled.notes.iter().for_each(|note| events.send(RunEvent::Warning(note.text.clone())));
            sources.notes.extend(settled.notes);
            (settled.file, Trust::Trusted, settled.ignored)
        }
    };
    let mut settings =
        RunSettings::resolve(request.flags.clone(), request.job.clone(), file, trust).map_err(Box::new)?;
    settings.ignored.extend(withheld);
    for ignored in &settings.ignored {
        events.send(RunEvent::Warning(sources.relative(&ignored.to_string())));
    }
    let quarantine = quarantine::settle(request, sources, &settings, held)?;
    quarantine.warnings().into_iter().for_each(|text| events.send(RunEvent::Warning(text)));
    Ok((settings, quarantine))
}

fn with(settings: &Value, key: &str, value: &str) -> Value {
    let mut settings = settings.clone();
    settings[key] = value.into();
    settings
}

/// What the settings say of a plugin beside what stands at its source: of a reporter, what stands at its name; of the
/// bundled ones, what keys of their own say.
#[must_use]
pub fn plugin_settings(settings: &RunSettings, name: &str, bundled: bool) -> Value {
    let mut of = match name {
        "statistical" if bundled => {
            with(&policy_settings(settings), "severity_on", settings.severity_on.value.name())
        }
        "thresholds" if bundled => policy_settings(settings),
        // Other readers of these formats know failures only: a flaky test is one where it fails the run.
        "junit" | "ctrf" if bundled => json!({ "flaky_is_failure": settings.fail_on.value == FailOn::Flaky }),
        _ => json!({}),
    };
    let said = settings.reporters.iter().filter(|reporter| reporter.name == name);
    for (key, value) in said.flat_map(|reporter| &reporter.settings) {
        of[key] = value.clone();
    }
    of
}

/// The settings of the bundled policies come from keys of their own.
fn policy_settings(settings: &RunSettings) -> Value {
    let s = settings.severity.value;
    json!({
        "critical": s.critical, "high": s.high, "medium": s.medium, "low": s.low,
        "stable_below": settings.stable_below.value, "broken_below": settings.broken_below.value,
    })
}
