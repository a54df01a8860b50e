//! `.flaky-detector.yml`: the keys, and the document they make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flaky_core::settings::{
    Condition, Dollars, FailOn, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs, SeedRange,
    SeverityBasis, SeverityThresholds, StopRule, TimeBudget, TimeoutSeconds, defaults,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use crate::backend::BackendEntry;
use crate::command::TestCommand;
use crate::de::from_node;
use crate::environment::Environment;
use crate::error::{ConfigError, ConfigErrorKind, Place, Warning};
use crate::history::HistoryEntry;
use crate::ignore::IgnorePatterns;
use crate::notify::NotifyRule;
use crate::plugin::PluginEntry;
use crate::quarantine::QuarantineChoice;
use crate::rate::{Rate, VerdictBound};
use crate::reporters::ReporterEntry;
use crate::suites::SuiteEntry;
use crate::tree::{self, Node, Problem, Value};

/// Settings of the flaky-test detector for one project.
///
/// What is `None` was not given. Lists and mappings may be left empty (all their lines commented out, say); any
/// other key must have a value.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a mapping of settings")]
#[schemars(description = "Settings of the flaky-test detector for one project.")]
#[non_exhaustive]
pub struct FileSettings {
    /// How many attempts a run makes at most: 60 where it may stop before that, 10 for jobs and where it may not.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Runs", extend("minimum" = 1, "maximum" = 1000))]
    pub runs: Option<Runs>,
    /// How many attempts run side by side.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Parallelism", extend("minimum" = 1, "maximum" = 50), extend("default" = defaults::PARALLELISM.get()))]
    pub parallelism: Option<Parallelism>,
    /// Seconds after which one attempt is ended.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TimeoutSeconds", extend("minimum" = 1, "maximum" = 86_400), extend("default" = defaults::TIMEOUT.get()))]
    pub timeout: Option<TimeoutSeconds>,
    /// The command that runs the tests, split into words as a shell would; no shell is involved.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TestCommand", extend("minLength" = 1))]
    pub test_command: Option<TestCommand>,
    /// Shell patterns (`*`, `?`, `[abc]`) on test names: such tests run, are not judged, and are listed as ignored.
    #[schemars(extend("default" = Json::Array(Vec::new())))]
    pub ignore_patterns: Option<IgnorePatterns>,
    /// Failure rates at and above which a severity begins, descending; any failure is at least LOW.
    pub severity_thresholds: Option<SeverityThresholdSettings>,
    /// Whether dependencies are installed before the first attempt.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool", extend("default" = true))]
    pub auto_install_dependencies: Option<bool>,
    /// Seconds after which the installation of dependencies is ended, whatever installs them.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TimeoutSeconds", extend("minimum" = 1, "maximum" = 86_400), extend("default" = defaults::INSTALL_TIMEOUT.get()))]
    pub pip_install_timeout: Option<TimeoutSeconds>,
    /// The range that seeds are drawn from without repeats; it must hold as many as there are runs.
    pub random_seed_range: Option<SeedRangeSettings>,
    /// Environment variables for the test command.
    pub env: Option<Environment>,
    /// Environment variables for the test command: another name for `env`.
    pub environment: Option<Environment>,
    /// How far attempts are kept apart.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "IsolationChoice", extend("default" = "auto"))]
    pub isolation: Option<IsolationChoice>,
    /// Which network attempts see at isolation `full`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "NetworkChoice", extend("default" = "auto"))]
    pub network: Option<NetworkChoice>,
    /// When a run may end before all its attempts are done: `certain` for `flaky run`, `never` for jobs, where nobody says it.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "StopRule")]
    pub stop: Option<StopRule>,
    /// A test is stable when its failure rate is surely below this.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "VerdictBound", extend("default" = defaults::STABLE_BELOW))]
    pub stable_below: Option<VerdictBound>,
    /// A test is broken when its pass rate is surely below this.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "VerdictBound", extend("default" = defaults::BROKEN_BELOW))]
    pub broken_below: Option<VerdictBound>,
    /// From which verdict on the exit code says failure.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "FailOn", extend("default" = "flaky"))]
    pub fail_on: Option<FailOn>,
    /// Which number of a test its severity is read off: its failure rate, or an end of the rate's interval.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "SeverityBasis", extend("default" = "rate"))]
    pub severity_on: Option<SeverityBasis>,
    /// How long the attempts of a run may take; what is known then decides.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TimeBudget")]
    pub budget: Option<TimeBudget>,
    /// How often the best way to repeat the failure of a flaky test is tried before it is told.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Repetitions", extend("minimum" = 0, "maximum" = 100), extend("default" = defaults::REPETITIONS.get()))]
    pub reproduce: Option<Repetitions>,
    /// What differs between attempts beside the seed: `order` has every other attempt's tests shuffled.
    #[schemars(extend("default" = Json::Array(Vec::new())))]
    pub conditions: Option<Vec<Condition>>,
    /// Where attempts run.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "BackendEntry", extend("default" = "local"))]
    pub backend: Option<BackendEntry>,
    /// Plugins to load beside the built-in ones.
    #[schemars(extend("default" = Json::Array(Vec::new())))]
    pub plugins: Option<Vec<PluginEntry>>,

    /// No effect yet. Of the original: whether temporary folders are removed after a failure.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool", extend("default" = true))]
    pub cleanup_on_failure: Option<bool>,
    /// No effect yet. Of the original: whether temporary folders are kept for a look at them.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool", extend("default" = false))]
    pub preserve_temp_dir: Option<bool>,
    /// No effect yet. Of the original: whether the whole output of every attempt is kept.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool", extend("default" = false))]
    pub save_full_output: Option<bool>,
    /// No effect yet. Of the original: the length to which error texts are cut, in characters.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "u32", extend("default" = 200))]
    pub max_error_length: Option<u32>,
    /// Whether `flaky ci` looks into a failed CI run.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool", extend("default" = true))]
    pub auto_trigger_on_failure: Option<bool>,
    /// How many attempts `flaky ci` makes at most; half of them for drafts.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Runs", extend("minimum" = 1, "maximum" = 1000), extend("default" = 20))]
    pub auto_trigger_runs: Option<Runs>,
    /// How many attempts of `flaky ci` run side by side.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Parallelism", extend("minimum" = 1, "maximum" = 50), extend("default" = 5))]
    pub auto_trigger_parallelism: Option<Parallelism>,
    /// How long all attempts that `flaky ci` makes for one pull request may take together.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TimeBudget")]
    pub budget_per_pull_request: Option<TimeBudget>,
    /// What they may cost together, in US dollars; needs `price_per_second` of the backend.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Dollars", extend("exclusiveMinimum" = 0))]
    pub budget_usd_per_pull_request: Option<Dollars>,
    /// Another name for `suites`.
    pub test_suites: Option<BTreeMap<String, SuiteEntry>>,
    /// Parts of the repository with test commands of their own, by name, and the CI jobs that run them: after a failed
    /// job, its suite is what is looked into.
    pub suites: Option<BTreeMap<String, SuiteEntry>>,
    /// No effect yet. Of the original: the framework's `type`, and settings by language.
    pub framework: Option<Map<String, Json>>,
    /// No effect yet. Of the original: `env_var`, the variable that carries the seed, and `range`.
    pub seed: Option<Map<String, Json>>,
    /// No effect yet. Which policies judge.
    pub policy: Option<Json>,
    /// Who tells a run's report where people look, in CI: at a terminal only those speak that the command line names.
    #[schemars(extend("default" = Json::Array(Vec::new())))]
    pub reporters: Option<Vec<ReporterEntry>>,
    /// Where earlier runs are kept: `false` for nowhere, a file, or PostgreSQL. Left out: in the state folder.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "HistoryEntry", extend("default" = true))]
    pub history: Option<HistoryEntry>,
    /// Which results reporters send by HTTP (Slack, Discord, a webhook); left out: all.
    pub notify: Option<Vec<NotifyRule>>,
    /// The file of tests that are known to be flaky, below the repository's root; `false` for none.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "QuarantineChoice", extend("default" = crate::quarantine::QUARANTINE_FILE_NAME))]
    pub quarantine: Option<QuarantineChoice>,
    /// No effect yet. Seconds after which the whole run is ended.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "TimeoutSeconds", extend("minimum" = 1, "maximum" = 86_400))]
    pub job_timeout: Option<TimeoutSeconds>,
}

/// The keys that are read and change nothing yet.
const WITHOUT_EFFECT: [&str; 8] = [
    "cleanup_on_failure",
    "preserve_temp_dir",
    "save_full_output",
    "max_error_length",
    "framework",
    "seed",
    "policy",
    "job_timeout",
];

/// Failure rates at and above which a severity begins; what is left out keeps its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a mapping")]
#[non_exhaustive]
pub struct SeverityThresholdSettings {
    /// From here on CRITICAL.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Rate", extend("default" = defaults::SEVERITY.critical))]
    pub critical: Option<Rate>,
    /// From here on HIGH.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Rate", extend("default" = defaults::SEVERITY.high))]
    pub high: Option<Rate>,
    /// From here on MEDIUM.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Rate", extend("default" = defaults::SEVERITY.medium))]
    pub medium: Option<Rate>,
    /// From here on LOW.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Rate", extend("default" = defaults::SEVERITY.low))]
    pub low: Option<Rate>,
}

impl SeverityThresholdSettings {
    /// With defaults for what was left out.
    #[must_use]
    pub fn complete(&self) -> SeverityThresholds {
        let or = |rate: Option<Rate>, default| rate.map_or(default, Rate::get);
        SeverityThresholds {
            critical: or(self.critical, defaults::SEVERITY.critical),
            high: or(self.high, defaults::SEVERITY.high),
            medium: or(self.medium, defaults::SEVERITY.medium),
            low: or(self.low, defaults::SEVERITY.low),
        }
    }
}

/// The closed range that seeds are drawn from; what is left out keeps its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a mapping with `min` and `max`")]
#[non_exhaustive]
pub struct SeedRangeSettings {
    /// Least seed.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "u64", extend("default" = defaults::SEED_RANGE.min))]
    pub min: Option<u64>,
    /// Largest seed.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "u64", extend("default" = defaults::SEED_RANGE.max))]
    pub max: Option<u64>,
}

impl SeedRangeSettings {
    /// With defaults for what was left out.
    #[must_use]
    pub fn complete(&self) -> SeedRange {
        SeedRange {
            min: self.min.unwrap_or(defaults::SEED_RANGE.min),
            max: self.max.unwrap_or(defaults::SEED_RANGE.max),
        }
    }
}

/// A key that is there must have a value; left out, its field stays `None`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A configuration file, read and checked.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ConfigFile {
    /// The file, as it was named.
    pub path: PathBuf,
    /// What it says.
    pub settings: FileSettings,
    /// What in it changes nothing, in the file's order.
    pub warnings: Vec<Warning>,
    places: BTreeMap<String, Place>,
}

impl ConfigFile {
    /// Where a key of the top level stands.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<Place> {
        self.places.get(key).copied()
    }
}

/// Parses a configuration; `path` is only for messages and as the base of relative plugin paths.
///
/// # Errors
/// The first thing that is wrong, at its line and column.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<ConfigFile, ConfigError> {
    let fail = |problem: Problem| ConfigError::new(path, Some(problem.place), problem.kind);
    let text = text_of(bytes).map_err(fail)?;
    let Some(root) = tree::parse(text).map_err(fail)? else {
        return Ok(ConfigFile { path: path.to_owned(), ..ConfigFile::default() });
    };
    let settings: FileSettings = from_node(&root).map_err(fail)?;
    check_together(&root, &settings).map_err(fail)?;
    let Value::Map(entries) = &root.value else {
        return Ok(ConfigFile { path: path.to_owned(), settings, ..ConfigFile::default() });
    };
    let mut file = ConfigFile { path: path.to_owned(), settings, ..ConfigFile::default() };
    for entry in entries.iter() {
        file.places.insert(entry.key.as_ref().to_owned(), entry.key_place);
        if let Some(key) = WITHOUT_EFFECT.into_iter().find(|key| **key == *entry.key) {
            file.warnings.push(Warning { path: path.to_owned(), place: entry.key_place, key });
        }
    }
    Ok(file)
}

/// The JSON Schema of the file, for editors.
#[must_use]
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(FileSettings);
    schema.insert("title".to_owned(), Json::from(crate::FILE_NAME));
    // An empty file is valid: it changes nothing.
    schema.insert("type".to_owned(), serde_json::json!(["object", "null"]));
    let mut schema = schema.to_value();
    let properties = schema.get_mut("properties").and_then(Json::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Json::as_object_mut) {
        // A default of nothing says nothing.
        if property.get("default").is_some_and(Json::is_null) {
            property.remove("default");
        }
    }
    schema
}

/// What no single value can show: rules between keys.
fn check_together(root: &Node, settings: &FileSettings) -> Result<(), Problem> {
    if settings.env.is_some() && settings.environment.is_some() {
        let later = key_place(root, &["env"]).max(key_place(root, &["environment"]));
        let message = "`env` and `environment` mean the same: keep one of them".to_owned();
        let kind = ConfigErrorKind::Invalid { key: String::new(), message };
        return Err(Problem { place: later, kind });
    }
    if settings.suites.is_some() && settings.test_suites.is_some() {
        let later = key_place(root, &["suites"]).max(key_place(root, &["test_suites"]));
        let message = "`suites` and `test_suites` mean the same: keep one of them".to_owned();
        let kind = ConfigErrorKind::Invalid { key: String::new(), message };
        return Err(Problem { place: later, kind });
    }
    if let Some(given) = settings.severity_thresholds {
        check_descending(root, &given)?;
    }
    if let Some(given) = settings.random_seed_range {
        let range = given.complete();
        if range.min > range.max {
            let key = if given.max.is_some() { "max" } else { "min" };
            let message = format!("the largest seed `{}` is below the least, `{}`", range.max, range.min);
            let path = format!("random_seed_range.{key}");
            let kind = ConfigErrorKind::Invalid { key: path, message };
            return Err(Problem { place: value_place(root, &["random_seed_range", key]), kind });
        }
    }
    Ok(())
}

fn check_descending(root: &Node, given: &SeverityThresholdSettings) -> Result<(), Problem> {
    let all = given.complete();
    let steps = [
        ("critical", all.critical, given.critical.is_some()),
        ("high", all.high, given.high.is_some()),
        ("medium", all.medium, given.medium.is_some()),
        ("low", all.low, given.low.is_some()),
    ];
    for pair in steps.windows(2) {
        let [(upper, high, _), (lower, low, lower_given)] = pair else { continue };
        if low > high {
            let key = if *lower_given { lower } else { upper };
            let message = format!("`{lower}` ({low}) is above `{upper}` ({high}): expected descending rates");
            let kind = ConfigErrorKind::Invalid { key: format!("severity_thresholds.{key}"), message };
            return Err(Problem { place: value_place(root, &["severity_thresholds", key]), kind });
        }
    }
    Ok(())
}

fn find<'a>(root: &'a Node, path: &[&str]) -> Option<&'a tree::Entry> {
    let [first, rest @ ..] = path else { return None };
    let Value::Map(entries) = &root.value else { return None };
    let entry = entries.iter().find(|entry| *entry.key == **first)?;
    if rest.is_empty() { Some(entry) } else { find(&entry.node, rest) }
}

fn key_place(root: &Node, path: &[&str]) -> Place {
    find(root, path).map_or(root.place, |entry| entry.key_place)
}

fn value_place(root: &Node, path: &[&str]) -> Place {
    find(root, path).map_or(root.place, |entry| entry.node.place)
}

/// The bytes as text.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| Problem {
        place: place_after(bytes, error.valid_up_to()),
        kind: ConfigErrorKind::NotUtf8,
    })
}

/// The place of the byte after `offset` valid ones.
fn place_after(bytes: &[u8], offset: usize) -> Place {
    let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or(bytes));
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Place { line, column }
}
