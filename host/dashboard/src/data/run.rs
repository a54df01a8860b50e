//! Runs, and what became of tests in them.

use flaky_core::evidence::Counts;
use flaky_core::history::Timestamp;
use flaky_core::ids::{AttemptIndex, RunId, Seed, TestId};
use flaky_core::report::IsolationUsed;
use flaky_core::verdict::{Category, Cause, Severity};
use serde::{Deserialize, Serialize};

/// The newest runs of a suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    /// [`DATA_VERSION`](super::DATA_VERSION).
    pub data_version: u32,
    /// Newest first.
    pub runs: Vec<RunLine>,
    /// Older ones that are not in the list.
    pub left_out: u32,
}

/// One run in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// Which; its name in paths, too.
    pub run: RunId,
    /// When and where it was made.
    #[serde(flatten)]
    pub place: RunPlace,
    /// Attempts that counted.
    pub attempts: u32,
    /// Those of them in which anything failed.
    pub failures: u32,
    /// Tests that it told of.
    pub tests: u32,
    /// The run's.
    pub verdict: Category,
    /// Why, when inconclusive.
    pub cause: Option<Cause>,
    /// The run's; null when inconclusive.
    pub severity: Option<Severity>,
    /// Seconds from the first attempt's start to the last one's end.
    pub wall_seconds: f64,
    /// CPU seconds of all attempts.
    pub cpu_seconds: f64,
}

/// When and where a run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlace {
    /// When it began.
    pub started: Timestamp,
    /// The branch.
    pub branch: Option<String>,
    /// The commit, where it is one.
    pub commit: Option<String>,
    /// Number of the pull or merge request.
    pub pull_request: Option<u64>,
    /// Page of the CI run; an address of the web.
    pub url: Option<String>,
    /// The work tree had changes that are in no commit.
    pub changed: bool,
}

/// One run and its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// [`DATA_VERSION`](super::DATA_VERSION).
    pub data_version: u32,
    /// The suite, by its name in paths.
    pub series: String,
    /// The run.
    #[serde(flatten)]
    pub line: RunLine,
    /// The command.
    pub command: String,
    /// Version of `flaky`.
    pub flaky_version: String,
    /// How attempts were kept apart.
    pub isolation: IsolationUsed,
    /// Tests that failed, the most often failing first.
    pub failing: Vec<RunTest>,
    /// Failing ones that are not in the list.
    pub failing_left_out: u32,
    /// Tests that passed whenever they ran.
    pub clean: u32,
    /// Tests that did not run in any attempt.
    pub never_ran: u32,
}

/// A failing test of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunTest {
    /// Its name in paths.
    pub key: String,
    /// As its framework names it.
    pub id: TestId,
    /// What became of it.
    #[serde(flatten)]
    pub result: TestResult,
}

/// What became of a test in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// What was said of it then.
    pub verdict: Category,
    /// Null when inconclusive.
    pub severity: Option<Severity>,
    /// Run, but not judged.
    pub ignored: bool,
    /// Attempts by outcome.
    pub counts: Counts,
    /// Median duration in seconds, when the framework told.
    pub median_seconds: Option<f64>,
    /// Attempts in which it failed.
    pub failing: Vec<Failing>,
    /// Failing attempts that are not in the list.
    pub failing_left_out: u32,
}

/// A failing attempt of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Which attempt of its run, where that is known.
    pub attempt: Option<AttemptIndex>,
    /// Its seed. As text: JavaScript's numbers end at 53 bits.
    pub seed: String,
    /// Fingerprint of its failure group.
    pub fingerprint: Option<String>,
}

impl Failing {
    pub(crate) fn new(attempt: Option<AttemptIndex>, seed: Seed, fingerprint: Option<String>) -> Self {
        Self { attempt, seed: seed.to_string(), fingerprint }
    }
}
