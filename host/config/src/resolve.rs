//! Flags over job over file over defaults.

use std::fmt;
use std::path::{Path, PathBuf};

use flaky_core::digest::Sha256Digest;
use flaky_core::grant::Grant;
use flaky_core::ids::{Seed, TestId};
use flaky_core::notify::Notify;
use flaky_core::settings::{
    BackendKind, Condition, Dollars, FailOn, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs,
    SeedRange, SeverityBasis, SeverityThresholds, Shards, StopRule, TimeBudget, TimeoutSeconds, defaults,
};
use serde_json::{Map, Value as Json};

use crate::backend::BackendSettings;
use crate::command::TestCommand;
use crate::environment::{EnvName, EnvValue, Environment};
use crate::error::Place;
use crate::file::ConfigFile;
use crate::history::HistoryEntry;
use crate::ignore::IgnorePatterns;
use crate::job::JobInput;
use crate::plugin::{PluginAddress, PluginEntry, PluginTerms};
use crate::quarantine::QuarantineChoice;
use crate::reporters::ReporterEntry;
use crate::suites::{SuiteEntry, WorkingDirectory};
use crate::trust::{IgnoredKey, Trust, withhold};

/// What was given on the command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlagSettings {
    /// `--runs`.
    pub runs: Option<Runs>,
    /// `--parallelism`.
    pub parallelism: Option<Parallelism>,
    /// `--timeout`.
    pub timeout: Option<TimeoutSeconds>,
    /// `--test-command`, or what follows `--`.
    pub test_command: Option<TestCommand>,
    /// `--seed`: the master seed.
    pub seed: Option<u64>,
    /// `--first-seed`.
    pub first_seed: Option<u64>,
    /// `--isolation`.
    pub isolation: Option<IsolationChoice>,
    /// `--network`.
    pub network: Option<NetworkChoice>,
    /// `--stop`.
    pub stop: Option<StopRule>,
    /// `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// `--plugin`, each.
    pub plugins: Vec<PluginAddress>,
    /// `--grant`, each: for the plugins of the command line.
    pub grants: Vec<Grant>,
    /// `--env`, each.
    pub env: Environment,
    /// `--no-install`.
    pub auto_install: Option<bool>,
    /// `--backend`.
    pub backend: Option<BackendKind>,
    /// `--endpoint`, as it was written.
    pub endpoint: Option<String>,
    /// `--shards`.
    pub shards: Option<Shards>,
    /// `--budget-usd`.
    pub budget: Option<Dollars>,
    /// `--budget`.
    pub time_budget: Option<TimeBudget>,
    /// `--reproduce`.
    pub reproduce: Option<Repetitions>,
    /// `--shuffle`.
    pub conditions: Option<Vec<Condition>>,
    /// `--failed-in-ci`, each.
    pub failed_in_ci: Vec<TestId>,
    /// `--test`, each.
    pub tests: Vec<TestId>,
    /// `--working-directory`.
    pub working_directory: Option<WorkingDirectory>,
    /// Who asks, which decides what holds where nobody said anything.
    pub asked_by: AskedBy,
}

/// Who asks for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskedBy {
    /// A job: it gets the number of attempts that it counts on.
    #[default]
    Job,
    /// Somebody at a terminal, or a script that runs the command: it ends when enough is known.
    Terminal,
}

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

/// Why settings that are each fine do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// File and place of the setting, when it comes from the file.
    pub place: Option<(PathBuf, Place)>,
    /// Why.
    pub kind: SettingsErrorKind,
}

/// Why settings that are each fine do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsErrorKind {
    /// Both decide the same.
    #[error("`--seed` and `--first-seed` both decide the seeds: give one of them")]
    TwoSeeds,
    /// A range that is too small.
    #[error(
        "`random_seed_range`: the {seeds} seeds from `{min}` to `{max}` are too few for {runs} runs without repeats"
    )]
    TooFewSeeds {
        /// Least.
        min: u64,
        /// Largest.
        max: u64,
        /// How many there are.
        seeds: u64,
        /// How many are needed.
        runs: u32,
    },
    /// A flag that means something only with an endpoint.
    #[error("`{flag}` is for runs on an endpoint, and this one is on this machine")]
    NeedsEndpoint {
        /// Which.
        flag: &'static str,
    },
    /// No price, no sum.
    #[error(
        "`--budget-usd` cannot be kept: no CPU price is published, so without a configured `price_per_second` only seconds are known"
    )]
    BudgetWithoutPrice,
    /// The last seed would not fit.
    #[error("`--first-seed {first}` leaves no room for {runs} seeds: the largest seed is `{}`", u64::MAX)]
    FirstSeedTooLarge {
        /// The first.
        first: u64,
        /// How many are needed.
        runs: u32,
    },
}

impl SettingsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            SettingsErrorKind::TooFewSeeds { min, runs, .. } => Some(format!(
                "set `max` to at least `{}`, or make fewer runs",
                min.saturating_add(u64::from(*runs).saturating_sub(1))
            )),
            SettingsErrorKind::NeedsEndpoint { .. } => Some("add `--backend runpod`".to_owned()),
            SettingsErrorKind::BudgetWithoutPrice => Some(
                "write what you pay into the configuration: `backend: {kind: runpod, price_per_second: 0.00002}`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((path, place)) = &self.place {
            write!(f, "{}:{place}: ", path.display())?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for SettingsError {}

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

/// The layers under the flags.
struct Layers<'a> {
    job: Option<&'a JobInput>,
    file: &'a ConfigFile,
}

impl Layers<'_> {
    fn pick<T>(
        &self,
        flag: Option<T>,
        job: impl FnOnce(&JobInput) -> Option<T>,
        file: Option<T>,
        default: T,
    ) -> Sourced<T> {
        if let Some(value) = flag {
            return Sourced { value, origin: Origin::Flag };
        }
        if let Some(value) = self.job.and_then(job) {
            return Sourced { value, origin: Origin::Job };
        }
        file_or(file, default)
    }

    fn maybe<T>(&self, flag: Option<T>, file: Option<T>) -> Option<Sourced<T>> {
        let flag = flag.map(|value| Sourced { value, origin: Origin::Flag });
        flag.or_else(|| file.map(|value| Sourced { value, origin: Origin::File }))
    }

    fn test_command(&self, flag: Option<TestCommand>) -> Option<Sourced<TestCommand>> {
        let job = self.job.map(|job| (job.test_command.clone(), Origin::Job));
        let file = self.file.settings.test_command.clone().map(|command| (command, Origin::File));
        flag.map(|command| (command, Origin::Flag))
            .or(job)
            .or(file)
            .map(|(value, origin)| Sourced { value, origin })
    }

    /// The suite whose folder and command these are; a suite without a command runs that of the file.
    fn suite(&self, flags: &FlagSettings) -> Option<String> {
        let settings = &self.file.settings;
        let folder = flags.working_directory.clone().unwrap_or_default();
        let command = self.test_command(flags.test_command.clone()).map(|command| command.value);
        let suites = settings.suites.iter().chain(&settings.test_suites).flatten();
        let is_it = |suite: &SuiteEntry| {
            let own = suite.command().or(settings.test_command.as_ref());
            suite.working_directory.clone().unwrap_or_default() == folder && own == command.as_ref()
        };
        suites.into_iter().find(|(_, suite)| is_it(suite)).map(|(name, _)| name.clone())
    }

    /// `--first-seed`, or seeds drawn with `--seed` or the job's `seed`.
    fn seeds(&self, flags: &FlagSettings, runs: Runs) -> Result<Sourced<SeedChoice>, SettingsError> {
        let fail = |kind| SettingsError { place: None, kind };
        if let Some(first) = flags.first_seed {
            if flags.seed.is_some() {
                return Err(fail(SettingsErrorKind::TwoSeeds));
            }
            if first.checked_add(u64::from(runs.get()) - 1).is_none() {
                return Err(fail(SettingsErrorKind::FirstSeedTooLarge { first, runs: runs.get() }));
            }
            return Ok(Sourced { value: SeedChoice::First(Seed(first)), origin: Origin::Flag });
        }
        let given = self.file.settings.random_seed_range;
        let range = given.map_or(defaults::SEED_RANGE, |given| given.complete());
        if range.len() < u64::from(runs.get()) {
            let (min, max, seeds) = (range.min, range.max, range.len());
            let kind = SettingsErrorKind::TooFewSeeds { min, max, seeds, runs: runs.get() };
            let place = self.file.place("random_seed_range").map(|place| (self.file.path.clone(), place));
            return Err(SettingsError { place, kind });
        }
        let job = self.job.and_then(|job| job.seed);
        let (master, origin) = match (flags.seed, job, given) {
            (Some(master), ..) => (Some(master), Origin::Flag),
            (None, Some(master), _) => (Some(master), Origin::Job),
            (None, None, Some(_)) => (None, Origin::File),
            (None, None, None) => (None, Origin::Default),
        };
        Ok(Sourced { value: SeedChoice::Drawn { master, range }, origin })
    }

    /// `--endpoint`, `--shards` and `--budget-usd` speak of an endpoint: where none is used they would have no effect,
    /// which is never what somebody meant who typed them.
    fn backend(&self, flags: &FlagSettings) -> Result<Sourced<BackendSettings>, SettingsError> {
        let fail = |kind| Err(SettingsError { place: None, kind });
        let file = self.file.settings.backend.clone();
        let (kind, origin) = match (flags.backend, &file) {
            (Some(kind), _) => (kind, Origin::Flag),
            (None, Some(entry)) => (entry.kind, Origin::File),
            (None, None) => (BackendKind::Local, Origin::Default),
        };
        let entry = file.unwrap_or_default();
        let value = BackendSettings {
            kind,
            endpoint: flags.endpoint.clone().or(entry.endpoint),
            shards: flags.shards.or(entry.shards),
            workers: entry.workers,
            price_per_second: entry.price_per_second,
            low_priority: entry.low_priority.unwrap_or(false),
            budget: flags.budget,
        };
        let typed = [
            ("--endpoint", flags.endpoint.is_some()),
            ("--shards", flags.shards.is_some()),
            ("--budget-usd", flags.budget.is_some()),
        ];
        match typed.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) if kind == BackendKind::Local => fail(SettingsErrorKind::NeedsEndpoint { flag }),
            _ if kind == BackendKind::RunPod
                && value.budget.is_some()
                && value.price_per_second.is_none() =>
            {
                fail(SettingsErrorKind::BudgetWithoutPrice)
            }
            _ => Ok(Sourced { value, origin }),
        }
    }

    fn env(&self, flags: &Environment) -> Vec<(EnvName, EnvValue)> {
        let settings = &self.file.settings;
        let mut all = Environment::default();
        let job = self.job.map(|job| &job.env);
        let layers = [settings.environment.as_ref(), settings.env.as_ref(), job, Some(flags)];
        for layer in layers.into_iter().flatten() {
            all.extend(layer);
        }
        all.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn plugins(&self, flags: Vec<PluginAddress>, grants: &[Grant]) -> Vec<PluginRef> {
        let of = |entry: &PluginEntry, source: PluginAddress, origin| PluginRef {
            source,
            sha256: entry.sha256,
            written: entry.source.to_string(),
            settings: entry.settings.clone(),
            terms: entry.terms.clone(),
            origin,
        };
        let from_flags = flags.into_iter().map(|source| PluginRef::typed(source, grants));
        let job = self.job.iter().flat_map(|job| &job.plugins);
        let from_job = job.map(|entry| of(entry, entry.source.clone(), Origin::Job));
        let entries = self.file.settings.plugins.iter().flatten();
        let from_file = entries.map(|entry| {
            let elsewhere = entry.taken_from.clone().map(PluginAddress::File);
            of(entry, elsewhere.unwrap_or_else(|| self.beside_file(&entry.source)), Origin::File)
        });
        from_flags.chain(from_job).chain(from_file).collect()
    }

    /// Paths in the file are meant from the folder that it stands in.
    fn beside_file(&self, source: &PluginAddress) -> PluginAddress {
        match (source, self.file.path.parent()) {
            (PluginAddress::File(path), Some(folder)) => PluginAddress::File(folder.join(path)),
            _ => source.clone(),
        }
    }
}

fn file_or<T>(file: Option<T>, default: T) -> Sourced<T> {
    match file {
        Some(value) => Sourced { value, origin: Origin::File },
        None => Sourced { value: default, origin: Origin::Default },
    }
}
