//! The report document, as a reporter reads it.
//!
//! Reading is lenient on purpose: a field that is missing or null gets its default and one that is unknown is
//! passed over, so that a reporter works with reports of later hosts. What a word of an enumeration that this
//! version does not know was, is kept (`Other`). The full, strict shape is published as
//! `docs/schema/report.schema.json`.

mod test;
mod values;
mod words;

use std::fmt;

use serde::{Deserialize, Deserializer};

pub use test::{
    BaseTest, Counts, Earlier, FailureGroup, Interval, Location, Quarantine, Reproduction, Test, Tried,
};
pub use values::{Category, Change, Exit, Seeds, Severity};
pub use words::{at_most_when_never, percent, plural, seconds, visible, without_colours};

/// A finished (or interrupted) run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Version of the document's shape.
    #[serde(deserialize_with = "or_default")]
    pub report_version: u32,
    /// Which run this is.
    #[serde(deserialize_with = "or_default")]
    pub run: String,
    /// Version of `flaky` that wrote it.
    #[serde(deserialize_with = "or_default")]
    pub flaky_version: String,
    /// Attempts that counted.
    #[serde(deserialize_with = "or_default")]
    pub total_runs: u32,
    /// Attempts that counted and in which anything failed.
    #[serde(deserialize_with = "or_default")]
    pub failures: u32,
    /// `failures / total_runs`, rounded to 3 digits; `None` when nothing counted.
    pub repro_rate: Option<f64>,
    /// The worst test's.
    #[serde(deserialize_with = "or_default")]
    pub verdict: Category,
    /// Why, when inconclusive: `too-few-attempts`, `install-failed` and so on.
    pub cause: Option<String>,
    /// From `repro_rate`; `None` when inconclusive.
    pub severity: Option<Severity>,
    /// The verdict in one sentence.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// What to do next, when something can be done.
    pub hint: Option<String>,
    /// How attempts were kept apart.
    #[serde(deserialize_with = "or_default")]
    pub isolation: Isolation,
    /// What ran.
    #[serde(deserialize_with = "or_default")]
    pub subject: Subject,
    /// What it was compared with.
    pub base: Option<BaseRun>,
    /// Numbers of the run as a whole.
    #[serde(deserialize_with = "or_default")]
    pub execution: Execution,
    /// Worst verdict first, then highest rate, then id.
    #[serde(deserialize_with = "or_default")]
    pub tests: Vec<Test>,
    /// Tests that fail together, those of most tests first.
    #[serde(deserialize_with = "or_default")]
    pub clusters: Vec<Cluster>,
    /// Attempts that failed, did not count, or told less than the others; ascending.
    #[serde(deserialize_with = "or_default")]
    pub attempts: Vec<Attempt>,
    /// Plugins that took part.
    #[serde(deserialize_with = "or_default")]
    pub plugins: Vec<Plugin>,
    /// Things the reader should know: what was ignored, cut, guessed.
    #[serde(deserialize_with = "or_default")]
    pub notes: Vec<Note>,
}

/// Why a text is not a report.
#[derive(Debug)]
pub struct InvalidReport(serde_json::Error);

impl fmt::Display for InvalidReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a report document: {}", self.0)
    }
}

impl std::error::Error for InvalidReport {}

impl Report {
    /// Reads the JSON document.
    ///
    /// # Errors
    /// [`InvalidReport`] when it is not JSON, not an object, or has a known field of another type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InvalidReport> {
        serde_json::from_slice(bytes).map_err(InvalidReport)
    }
}

/// How attempts were kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Isolation {
    /// What the settings asked for: `auto`, `shared`, `copy`, `full`.
    #[serde(deserialize_with = "or_default")]
    pub asked: String,
    /// What attempts got: `full`, `full-shared-network`, `copy`, `shared`.
    #[serde(deserialize_with = "or_default")]
    pub used: String,
    /// One sentence, when that is less than could be.
    pub why: Option<String>,
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// A folder, or the URL of a repository without credentials.
    #[serde(deserialize_with = "or_default")]
    pub source: String,
    /// Commit, when the source is a repository.
    pub commit: Option<String>,
    /// Branch or tag that was asked for, when one was.
    pub reference: Option<String>,
    /// The command as the user knows it.
    #[serde(deserialize_with = "or_default")]
    pub command: Vec<String>,
    /// Folder of the command, relative to the source; empty is its root.
    #[serde(deserialize_with = "or_default")]
    pub working_directory: String,
    /// Name of the framework, or `unknown`.
    #[serde(deserialize_with = "or_default")]
    pub framework: String,
    /// Name of the parser; `None` when the exit code decided.
    pub parser: Option<String>,
}

/// Numbers of the run as a whole.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Execution {
    /// Attempts planned.
    #[serde(deserialize_with = "or_default")]
    pub planned: u32,
    /// Side by side.
    #[serde(deserialize_with = "or_default")]
    pub parallelism: u32,
    /// Attempts that ended, counted or not, without those tried alone.
    #[serde(deserialize_with = "or_default")]
    pub finished: u32,
    /// How seeds were chosen.
    #[serde(deserialize_with = "or_default")]
    pub seeds: Seeds,
    /// Attempts repeated with nothing beside them.
    #[serde(deserialize_with = "or_default")]
    pub alone: u32,
    /// Whether somebody ended the run early.
    #[serde(deserialize_with = "or_default")]
    pub interrupted: bool,
    /// Seconds from the first attempt's start to the last one's end.
    #[serde(deserialize_with = "or_default")]
    pub wall_seconds: f64,
    /// CPU seconds of all attempts.
    #[serde(deserialize_with = "or_default")]
    pub cpu_seconds: f64,
    /// Largest resident set of one process, in bytes.
    #[serde(deserialize_with = "or_default")]
    pub peak_memory: u64,
    /// Command line that repeats one failing attempt, when there is one.
    pub reproduce: Option<String>,
    /// The test command itself of that attempt, for a machine that does not know the run.
    pub reproduce_shell: Option<String>,
    /// What came of trying it, where it was tried.
    pub reproduced: Option<Tried>,
    /// Attempts that ran undecided tests without the others of their suite.
    #[serde(deserialize_with = "or_default")]
    pub selected: u32,
}

/// Another commit, under the same seeds and conditions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct BaseRun {
    /// As it was asked for.
    #[serde(deserialize_with = "or_default")]
    pub revision: String,
    /// Its commit.
    pub commit: Option<String>,
    /// Attempts that counted.
    #[serde(deserialize_with = "or_default")]
    pub total_runs: u32,
    /// Attempts that counted and in which anything failed.
    #[serde(deserialize_with = "or_default")]
    pub failures: u32,
}

/// Tests that failed in the same attempts, beyond chance: probably for one cause.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// By id; two at least.
    #[serde(deserialize_with = "or_default")]
    pub tests: Vec<String>,
    /// Attempts in which more than half of them failed, ascending.
    #[serde(deserialize_with = "or_default")]
    pub attempts: Vec<u32>,
    /// 0 to 1: how nearly the same their failing attempts are.
    #[serde(deserialize_with = "or_default")]
    pub together: f64,
    /// The kind of failure that most of the tests have most often.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// An example of it.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// What it speaks for in one word, e.g. `network`.
    pub cause: Option<String>,
    /// What was seen of that, e.g. `port 5432`.
    pub seen: Option<String>,
    /// All of it in one line for people.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
}

/// An attempt that is worth a line.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Position in the run, from 0.
    #[serde(deserialize_with = "or_default")]
    pub attempt: u32,
    /// Its seed.
    #[serde(deserialize_with = "or_default")]
    pub seed: u64,
    /// How its command ended.
    #[serde(deserialize_with = "or_default")]
    pub exit: Exit,
    /// Seconds.
    #[serde(deserialize_with = "or_default")]
    pub wall_seconds: f64,
    /// How many tests failed in it.
    #[serde(deserialize_with = "or_default")]
    pub failed_tests: u32,
    /// Run with nothing beside it.
    #[serde(deserialize_with = "or_default")]
    pub alone: bool,
    /// Why it does not count, when it does not.
    pub set_aside: Option<String>,
    /// Tests it should have told of and did not; at most 100.
    #[serde(deserialize_with = "or_default")]
    pub missing: Vec<String>,
    /// End of what it printed, when no parser could tell what failed.
    pub output_tail: Option<String>,
}

/// A plugin that took part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Plugin {
    /// From its manifest.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// From its manifest.
    #[serde(deserialize_with = "or_default")]
    pub version: String,
    /// `builtin:NAME` or a path.
    #[serde(deserialize_with = "or_default")]
    pub source: String,
    /// What it was used for.
    #[serde(deserialize_with = "or_default")]
    pub roles: Vec<String>,
    /// Calls that failed: error text, and how many times.
    #[serde(deserialize_with = "or_default")]
    pub errors: Vec<(String, u32)>,
}

/// Something the reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Note {
    /// Kebab case, stable: for programs.
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    /// For people: one sentence.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
}

/// Null means the default, as a missing field does.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
