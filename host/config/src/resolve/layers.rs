//! What holds where several layers speak of the same setting.

use flaky_core::grant::Grant;
use flaky_core::ids::Seed;
use flaky_core::settings::{BackendKind, Runs, defaults};

use super::{FlagSettings, Origin, PluginRef, SeedChoice, SettingsError, SettingsErrorKind, Sourced};
use crate::backend::BackendSettings;
use crate::command::TestCommand;
use crate::environment::{EnvName, EnvValue, Environment};
use crate::file::ConfigFile;
use crate::job::JobInput;
use crate::plugin::{PluginAddress, PluginEntry};
use crate::suites::SuiteEntry;

/// The layers under the flags.
pub(super) struct Layers<'a> {
    pub(super) job: Option<&'a JobInput>,
    pub(super) file: &'a ConfigFile,
}

impl Layers<'_> {
    pub(super) fn pick<T>(
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

    pub(super) fn maybe<T>(&self, flag: Option<T>, file: Option<T>) -> Option<Sourced<T>> {
        let flag = flag.map(|value| Sourced { value, origin: Origin::Flag });
        flag.or_else(|| file.map(|value| Sourced { value, origin: Origin::File }))
    }

    pub(super) fn test_command(&self, flag: Option<TestCommand>) -> Option<Sourced<TestCommand>> {
        let job = self.job.map(|job| (job.test_command.clone(), Origin::Job));
        let file = self.file.settings.test_command.clone().map(|command| (command, Origin::File));
        flag.map(|command| (command, Origin::Flag))
            .or(job)
            .or(file)
            .map(|(value, origin)| Sourced { value, origin })
    }

    /// The suite whose folder and command these are; a suite without a command runs that of the file.
    pub(super) fn suite(&self, flags: &FlagSettings) -> Option<String> {
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
    pub(super) fn seeds(
        &self,
        flags: &FlagSettings,
        runs: Runs,
    ) -> Result<Sourced<SeedChoice>, SettingsError> {
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
    pub(super) fn backend(&self, flags: &FlagSettings) -> Result<Sourced<BackendSettings>, SettingsError> {
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

    pub(super) fn env(&self, flags: &Environment) -> Vec<(EnvName, EnvValue)> {
        let settings = &self.file.settings;
        let mut all = Environment::default();
        let job = self.job.map(|job| &job.env);
        let layers = [settings.environment.as_ref(), settings.env.as_ref(), job, Some(flags)];
        for layer in layers.into_iter().flatten() {
            all.extend(layer);
        }
        all.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(super) fn plugins(&self, flags: Vec<PluginAddress>, grants: &[Grant]) -> Vec<PluginRef> {
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

/// What the file says, or else what holds where nobody says anything.
pub(super) fn file_or<T>(file: Option<T>, default: T) -> Sourced<T> {
    match file {
        Some(value) => Sourced { value, origin: Origin::File },
        None => Sourced { value: default, origin: Origin::Default },
    }
}
