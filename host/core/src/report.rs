//! The report: the complete, versioned result of a run, and the only input of reporters. Its JSON Schema is
//! published as `docs/schema/report.schema.json`. Fields are only ever added within one `report_version`.

mod test;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attempt::Exit;
use crate::evidence::Tried;
use crate::ids::{AttemptIndex, RunId, Seed, TestId};
use crate::settings::{BackendKind, IsolationChoice};
use crate::verdict::{Category, Cause, Severity};

pub use self::test::{Addition, FailureGroupReport, QuarantineReport, Reproduction, TestReport};

/// Version of [`RunReport`].
pub const REPORT_VERSION: u32 = 1;

/// A finished (or interrupted) run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Version of this document's shape.
    pub report_version: u32,
    /// Which run this is.
    pub run: RunId,
    /// Version of `flaky` that wrote it.
    pub flaky_version: String,
    /// Attempts that counted.
    pub total_runs: u32,
    /// Attempts that counted and in which anything failed that is neither ignored nor in quarantine.
    pub failures: u32,
    /// `failures / total_runs`, rounded to 3 digits as Python's `round` does; null when nothing counted.
    pub repro_rate: Option<f64>,
    /// The worst test's, of those that gate.
    pub verdict: Category,
    /// Why, when inconclusive.
    pub cause: Option<Cause>,
    /// From `repro_rate`; null when inconclusive.
    pub severity: Option<Severity>,
    /// The verdict in one sentence.
    pub reason: String,
    /// What to do next, when something can be done.
    pub hint: Option<String>,
    /// How attempts were kept apart.
    pub isolation: IsolationReport,
    /// The CI job that made it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<CiJob>,
    /// What ran.
    pub subject: Subject,
    /// What it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseReport>,
    /// Numbers of the run as a whole.
    pub execution: Execution,
    /// Those that gate first, then those in quarantine, then ignored ones; worst verdict first, then highest rate, then id.
    pub tests: Vec<TestReport>,
    /// Tests that fail together, those of most tests first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterReport>,
    /// Attempts that failed, did not count, or told less than the others; ascending.
    pub attempts: Vec<AttemptReport>,
    /// Plugins that took part, and what became of those that failed.
    pub plugins: Vec<PluginReport>,
    /// Things the reader should know: what was ignored, cut, guessed.
    pub notes: Vec<Note>,
}

impl RunReport {
    /// Of a run that never was, for this reason.
    #[must_use]
    pub fn without_result(cause: Cause, reason: &str) -> Self {
        Self {
            report_version: REPORT_VERSION,
            run: RunId::none(),
            flaky_version: String::new(),
            total_runs: 0,
            failures: 0,
            repro_rate: None,
            verdict: Category::Inconclusive,
            cause: Some(cause),
            severity: None,
            reason: reason.to_owned(),
            hint: None,
            isolation: IsolationReport {
                asked: IsolationChoice::Auto,
                used: IsolationUsed::Shared,
                why: Some("nothing was run".into()),
            },
            ci: None,
            subject: Subject::default(),
            base: None,
            execution: Execution::nothing(),
            tests: Vec::new(),
            clusters: Vec::new(),
            attempts: Vec::new(),
            plugins: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The CI job that made a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiJob {
    /// `owner/name`.
    pub repository: String,
    /// Number of the CI run (of the pipeline, at GitLab).
    pub run: u64,
    /// Which attempt of that run, counted from 1.
    pub attempt: u32,
    /// The commit that it was started for: of a pull request, its head.
    pub commit: Option<String>,
}

/// How attempts were kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IsolationReport {
    /// What the settings asked for.
    pub asked: IsolationChoice,
    /// What attempts got.
    pub used: IsolationUsed,
    /// One sentence, when `used` is less than could be.
    pub why: Option<String>,
}

/// What attempts got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationUsed {
    /// Own tree, processes, `HOME` and network.
    Full,
    /// Own tree and processes; the host's network and `HOME`.
    FullSharedNetwork,
    /// Own tree, `TMPDIR` and cache folders.
    Copy,
    /// All in one folder.
    Shared,
}

impl IsolationUsed {
    /// The name the report uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::FullSharedNetwork => "full-shared-network",
            Self::Copy => "copy",
            Self::Shared => "shared",
        }
    }
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// A folder, or the URL of a repository without credentials.
    pub source: String,
    /// Commit, when the source is a repository.
    pub commit: Option<String>,
    /// What was asked for, when it was.
    pub reference: Option<String>,
    /// The command as the user knows it.
    pub command: Vec<String>,
    /// Folder of the command, relative to the source; empty is its root.
    pub working_directory: String,
    /// Name of the framework, or `unknown`.
    pub framework: String,
    /// Name of the parser that read the attempts; null when none recognised them and the exit code decided.
    pub parser: Option<String>,
}

/// Numbers of the run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// Attempts planned.
    pub planned: u32,
    /// Side by side.
    pub parallelism: u32,
    /// Attempts that ended, counted or not, without those tried alone.
    pub finished: u32,
    /// How seeds were chosen.
    pub seeds: SeedReport,
    /// Attempts were repeated with nothing beside them, this many times.
    pub alone: u32,
    /// Whether somebody ended the run early.
    pub interrupted: bool,
    /// Seconds from the first attempt's start to the last one's end.
    pub wall_seconds: f64,
    /// CPU seconds of all attempts.
    pub cpu_seconds: f64,
    /// Largest resident set of one process, in bytes.
    pub peak_memory: u64,
    /// Command line that repeats one failing attempt, when there is one.
    pub reproduce: Option<String>,
    /// The test command itself of that attempt, for a machine that does not know the run: as one would type it in the folder
    /// where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce_shell: Option<String>,
    /// What came of trying that command, where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduced: Option<Tried>,
    /// Attempts that ran undecided tests without the others of their suite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub selected: u32,
    /// Where attempts ran, when that was not the machine that wrote the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<BackendReport>,
}

impl Execution {
    /// Of a run that never was.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            planned: 0,
            parallelism: 0,
            finished: 0,
            seeds: SeedReport::First(0),
            alone: 0,
            interrupted: false,
            wall_seconds: 0.0,
            cpu_seconds: 0.0,
            peak_memory: 0,
            reproduce: None,
            reproduce_shell: None,
            reproduced: None,
            selected: 0,
            backend: None,
        }
    }
}

/// What a run on an endpoint took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackendReport {
    /// What kind of backend it was.
    pub kind: BackendKind,
    /// The endpoint's id.
    pub endpoint: String,
    /// Jobs submitted.
    pub jobs: u32,
    /// Those of them that replaced one that was of no use.
    pub resubmitted: u32,
    /// Seconds on workers, each job's rounded up. Starts and idle times of workers are billed too, but not told per job.
    pub execution_seconds: u64,
    /// Jobs that ran, or may have, and whose time the platform did not tell.
    pub untold: u32,
    /// `execution_seconds` at the configured price; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// Another commit, under the same seeds and conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaseReport {
    /// As it was asked for.
    pub revision: String,
    /// Its commit.
    pub commit: Option<String>,
    /// Attempts that counted.
    pub total_runs: u32,
    /// Attempts that counted and in which anything failed.
    pub failures: u32,
}

/// How seeds were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeedReport {
    /// Attempt i had this seed plus i.
    First(u64),
    /// Drawn without repeats from `min..=max`, by this master seed.
    Drawn {
        /// Give it to `--seed` for the same seeds.
        master: u64,
        /// Least seed.
        min: u64,
        /// Largest seed.
        max: u64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Tests that failed in the same attempts, beyond chance: probably for one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterReport {
    /// By id; two at least.
    pub tests: Vec<TestId>,
    /// Attempts in which more than half of them failed, ascending.
    pub attempts: Vec<AttemptIndex>,
    /// 0 to 1: how nearly the same their failing attempts are (mean Jaccard index with those of the most typical test).
    pub together: f64,
    /// The kind of failure that most of the tests have most often.
    pub kind: String,
    /// An example of it.
    pub message: String,
    /// What it speaks for in one word, e.g. `network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What was seen of that, e.g. `port 5432`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// All of it in one line for people.
    pub text: String,
}

/// An attempt that is worth a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReport {
    /// Which.
    pub attempt: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// How its command ended.
    pub exit: Exit,
    /// Seconds.
    pub wall_seconds: f64,
    /// How many tests failed in it.
    pub failed_tests: u32,
    /// Run with nothing beside it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alone: bool,
    /// Why it does not count, when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
    /// Tests it should have told of and did not; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<TestId>,
    /// End of what it printed, when no parser could tell what failed; at most 4 kB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tail: Option<String>,
}

/// A plugin that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginReport {
    /// From its manifest.
    pub name: String,
    /// From its manifest.
    pub version: String,
    /// `builtin:NAME` or a path.
    pub source: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// What it was used for.
    pub roles: Vec<String>,
    /// Calls that failed: error text, and how many times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<(String, u32)>,
    /// The same where its entry says `on_error: fallback`: another plugin was asked, and nobody is warned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fell_back: Vec<(String, u32)>,
    /// What it asks for and may do, as `--grant` writes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<String>,
    /// What it asks for in vain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

/// Something the reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Kebab case, stable: for programs.
    pub code: String,
    /// For people: one sentence.
    pub text: String,
}
