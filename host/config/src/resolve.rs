//! Flags over job over file over defaults.

mod error;
mod flags;
mod layers;

use std::fmt;
use std::path::{Path, PathBuf};

use flaky_core::digest::Sha256Digest;
use flaky_core::grant::Grant;
use flaky_core::ids::{Seed, TestId};
use flaky_core::notify::Notify;
use flaky_core::settings::{
    Condition, FailOn, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs, SeedRange,
    SeverityBasis, SeverityThresholds, StopRule, TimeBudget, TimeoutSeconds, defaults,
};
use serde_json::{Map, Value as Json};

use crate::backend::BackendSettings;
use crate::command::TestCommand;
use crate::environment::{EnvName, EnvValue};
use crate::file::ConfigFile;
use crate::history::HistoryEntry;
use crate::ignore::IgnorePatterns;
use crate::job::JobInput;
use crate::plugin::{PluginAddress, PluginTerms};
use crate::quarantine::QuarantineChoice;
use crate::reporters::ReporterEntry;
use crate::suites::WorkingDirectory;
use crate::trust::{IgnoredKey, Trust, withhold};

pub use error::{SettingsError, SettingsErrorKind};
pub use flags::{AskedBy, FlagSettings};
use layers::{Layers, file_or};

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The job.
    Job,
    /// The configuration file.
    File,
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flag => "flag",
            Self::Job => "job",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// A setting and who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sourced<T> {
    /// What holds.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// Where the attempts' seeds come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedChoice {
    /// Attempt i gets this plus i.
    First(Seed),
    /// Drawn without repeats.
    Drawn {
        /// The seed they are drawn with; `None` leaves its choice to the run, which must say it.
        master: Option<u64>,
        /// The range they are drawn from.
        range: SeedRange,
    },
}

/// A plugin to load.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginRef {
    /// Where it is; a path from the file is already joined to the file's folder.
    pub source: PluginAddress,
    /// Digest that it must have, where somebody says so.
    pub sha256: Option<Sha256Digest>,
    /// As it was written.
    pub written: String,
    /// What the plugin itself checks and reads; an object.
    pub settings: Map<String, Json>,
    /// What it may do, and what its failure means.
    pub terms: PluginTerms,
    /// Who asked for it.
    pub origin: Origin,
}

impl PluginRef {
    /// One of the command line.
    #[must_use]
    pub fn typed(source: PluginAddress, grants: &[Grant]) -> Self {
        Self {
            sha256: None,
            written: source.to_string(),
            source,
            settings: Map::new(),
            terms: PluginTerms { grants: grants.to_vec(), ..PluginTerms::default() },
            origin: Origin::Flag,
        }
    }
}

/// Every setting of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunSettings {
    /// How many attempts.
    pub runs: Sourced<Runs>,
    /// How many of them side by side.
    pub parallelism: Sourced<Parallelism>,
    /// Per attempt.
    pub timeout: Sourced<TimeoutSeconds>,
    /// Per installation.
    pub install_timeout: Sourced<TimeoutSeconds>,
    /// What runs the tests; `None` leaves it to what the project looks like.
    pub test_command: Option<Sourced<TestCommand>>,
    /// Where seeds come from.
    pub seeds: Sourced<SeedChoice>,
    /// How far attempts are kept apart.
    pub isolation: Sourced<IsolationChoice>,
    /// Which network they see.
    pub network: Sourced<NetworkChoice>,
    /// When the run may end early.
    pub stop: Sourced<StopRule>,
    /// Time for all attempts.
    pub time_budget: Option<Sourced<TimeBudget>>,
    /// How often a way to repeat a failure is tried.
    pub reproduce: Sourced<Repetitions>,
    /// What differs between attempts beside the seed.
    pub conditions: Sourced<Vec<Condition>>,
    /// Tests that failed elsewhere.
    pub failed_in_ci: Vec<TestId>,
    /// From which verdict on the exit code says failure.
    pub fail_on: Sourced<FailOn>,
    /// Which number of a test decides its severity.
    pub severity_on: Sourced<SeverityBasis>,
    /// Rates at which severities begin.
    pub severity: Sourced<SeverityThresholds>,
    /// Bound for stable.
    pub stable_below: Sourced<f64>,
    /// Bound for broken.
    pub broken_below: Sourced<f64>,
    /// Tests that run and are not judged.
    pub ignore: Sourced<IgnorePatterns>,
    /// Whether dependencies are installed.
    pub auto_install: Sourced<bool>,
    /// Where attempts run.
    pub backend: Sourced<BackendSettings>,
    /// For the test command, sorted by name: file, then job, then flags, of which the last wins.
    pub env: Vec<(EnvName, EnvValue)>,
    /// The command line's first, then the job's, then the file's.
    pub plugins: Vec<PluginRef>,
    /// The tests to run; empty is all that the command runs.
    pub tests: Vec<TestId>,
    /// Where the test command runs, below the sources' root.
    pub working_directory: WorkingDirectory,
    /// Who tells the report in CI.
    pub reporters: Vec<ReporterEntry>,
    /// Which results are sent to people; `None`: all.
    pub notify: Option<Notify>,
    /// Where earlier runs are kept.
    pub history: HistoryEntry,
    /// The folder that paths of `history` are meant from: that of the file.
    pub history_beside: Option<PathBuf>,
    /// Name of the configured suite that this is a run of.
    pub suite: Option<String>,
    /// Which file holds the tests in quarantine.
    pub quarantine: QuarantineChoice,
    /// What an untrusted file asked for in vain.
    pub ignored: Vec<IgnoredKey>,
}

impl RunSettings {
    /// Puts the layers together.
    ///
    /// # Errors
    /// When settings that are each fine do not go together.
    pub fn resolve(
        flags: FlagSettings,
        job: Option<JobInput>,
        file: Option<ConfigFile>,
        trust: Trust,
    ) -> Result<Self, SettingsError> {
        let mut file = file.unwrap_or_default();
        let ignored = match trust {
            Trust::Trusted => Vec::new(),
            Trust::Untrusted => withhold(&mut file),
        };
        let layers = Layers { job: job.as_ref(), file: &file };
        let at_terminal = flags.asked_by == AskedBy::Terminal && job.is_none();
        let (default_stop, default_reproduce) = match at_terminal {
            true => (StopRule::Certain, defaults::REPETITIONS),
            false => (StopRule::Never, Repetitions::clamped(0)),
        };
        let stop = layers.pick(flags.stop, |job| job.stop, file.settings.stop, default_stop);
        let default_runs = match stop.value {
            StopRule::Certain if at_terminal => defaults::RUNS_AT_MOST,
            StopRule::Certain | StopRule::Never => defaults::RUNS,
        };
        let runs = layers.pick(flags.runs, |job| job.runs, file.settings.runs, default_runs);
        let seeds = layers.seeds(&flags, runs.value)?;
        let suite = layers.suite(&flags);
        let settings = &file.settings;
        Ok(Self {
            runs,
            seeds,
            parallelism: layers.pick(
                flags.parallelism,
                |job| job.parallelism,
                settings.parallelism,
                defaults::PARALLELISM,
            ),
            timeout: layers.pick(flags.timeout, |job| job.timeout, settings.timeout, defaults::TIMEOUT),
            install_timeout: file_or(settings.pip_install_timeout, defaults::INSTALL_TIMEOUT),
            test_command: layers.test_command(flags.test_command.clone()),
            isolation: layers.pick(flags.isolation, |_| None, settings.isolation, IsolationChoice::default()),
            network: layers.pick(flags.network, |_| None, settings.network, NetworkChoice::default()),
            stop,
            time_budget: layers.maybe(flags.time_budget, settings.budget),
            reproduce: layers.pick(flags.reproduce, |_| None, settings.reproduce, default_reproduce),
            conditions: layers.pick(
                flags.conditions.clone(),
                |_| None,
                settings.conditions.clone(),
                Vec::new(),
            ),
            failed_in_ci: flags.failed_in_ci.clone(),
            severity_on: file_or(settings.severity_on, SeverityBasis::default()),
            fail_on: layers.pick(flags.fail_on, |_| None, settings.fail_on, FailOn::default()),
            severity: file_or(settings.severity_thresholds.map(|given| given.complete()), defaults::SEVERITY),
            stable_below: file_or(settings.stable_below.map(|bound| bound.get()), defaults::STABLE_BELOW),
            broken_below: file_or(settings.broken_below.map(|bound| bound.get()), defaults::BROKEN_BELOW),
            ignore: file_or(settings.ignore_patterns.clone(), IgnorePatterns::default()),
            auto_install: layers.pick(flags.auto_install, |_| None, settings.auto_install_dependencies, true),
            backend: layers.backend(&flags)?,
            env: layers.env(&flags.env),
            plugins: layers.plugins(flags.plugins, &flags.grants),
            tests: flags.tests.iter().chain(job.iter().flat_map(|job| &job.tests)).cloned().collect(),
            working_directory: flags.working_directory.unwrap_or_default(),
            reporters: settings.reporters.clone().unwrap_or_default(),
            history: settings.history.clone().unwrap_or_default(),
            history_beside: file.path.parent().map(Path::to_owned),
            suite,
            quarantine: settings.quarantine.clone().unwrap_or_default(),
            notify: settings.notify.as_ref().map(|rules| Notify::new(rules.iter().map(|r| r.0).collect())),
            ignored,
        })
    }
}
