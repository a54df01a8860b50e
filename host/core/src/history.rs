//! What earlier runs know of tests: what goes into the history, and what comes out of it. The store is
//! `flaky-history`; what is concluded from its numbers is concluded here.
//!
//! History is a fold over reports: one [`RunReport`](crate::report::RunReport) with the [`RunContext`] it was made in
//! goes in, once per run id. What is kept of it is what these types hold; nothing comes out that no report said.

mod compare;
mod entry;
mod onset;
mod past;
mod prior;
mod release;
mod repository;
mod share;
mod step;
#[cfg(test)]
mod testing;
mod told;
mod trend;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::compare::{Compared, compared};
pub use self::entry::{EntryEvidence, NoEntry, costliest_first, entry, evidence};
pub use self::onset::{Onset, Recovery, onset, recovery};
pub use self::past::CleanStretch;
pub use self::prior::{flakiest_first, known_at};
pub use self::release::{RELEASE_BELOW, Release};
pub use self::repository::repository_name;
pub use self::share::{LEVEL, flips};
pub use self::step::{Step, step};
pub use self::told::{FlakySince, HistoryReport, ago, percent, short};
pub use self::trend::{Direction, Trend, trend};
use crate::evidence::{Counts, Interval};
use crate::ids::{AttemptIndex, RunId, Seed, TestId};
use crate::parsed::Location;
use crate::report::IsolationUsed;
use crate::verdict::{Category, Cause, Severity};

/// Seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Which runs can be compared: those of one suite of one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// `host/owner/name` of the repository's `origin`, in lower case where the host is; else the folder's absolute path.
    pub repository: String,
    /// Name of the suite in the configuration; else its working directory, `.` for the root.
    pub suite: String,
}

/// Where and when a run was made: what its report does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunContext {
    /// What it can be compared with.
    pub series: Series,
    /// When it began.
    pub started: Timestamp,
    /// The branch that was checked out, or that the job was started for.
    pub branch: Option<String>,
    /// Number of the pull or merge request that it was made for.
    pub pull_request: Option<u64>,
    /// Page of the CI run.
    pub url: Option<String>,
    /// The work tree had changes that are in no commit: its numbers are shown, and no commit is blamed for them.
    pub changed: bool,
}

/// One run in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastRun {
    /// Which.
    pub run: RunId,
    /// Where and when.
    #[serde(flatten)]
    pub context: RunContext,
    /// The commit that was tested.
    pub commit: Option<String>,
    /// Version of `flaky`.
    pub flaky_version: String,
    /// The command, words joined as a shell would read them.
    pub command: String,
    /// How attempts were kept apart.
    pub isolation: IsolationUsed,
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

/// One test in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastResult {
    /// Which run; its line is beside it, in [`TestHistory::runs`].
    pub run: RunId,
    /// Attempts by outcome.
    pub counts: Counts,
    /// What was said of it then.
    pub verdict: Category,
    /// Null when inconclusive.
    pub severity: Option<Severity>,
    /// Matched by `ignore_patterns`, or in quarantine.
    pub ignored: bool,
    /// Median duration in seconds, when the framework told.
    pub median_seconds: Option<f64>,
    /// Attempts in which it failed, ascending.
    pub failing: Vec<PastFailure>,
}

/// A failing attempt of one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastFailure {
    /// Which attempt of its run, where the run's seeds tell.
    pub attempt: Option<AttemptIndex>,
    /// Its seed.
    pub seed: Seed,
    /// The failure group, by its fingerprint.
    pub fingerprint: Option<String>,
}

/// Failures of one test with one fingerprint, over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastGroup {
    /// Hexadecimal digest of the normalised failure.
    pub fingerprint: String,
    /// The exception or assertion type.
    pub kind: String,
    /// An example, capped.
    pub message: String,
    /// Its trace, capped.
    pub trace: String,
    /// How many failures.
    pub count: u32,
    /// In how many runs.
    pub runs: u32,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
}

/// Everything known of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestHistory {
    /// As its framework names it.
    pub id: TestId,
    /// Which suite's.
    pub series: Series,
    /// Where it stood when last seen.
    pub location: Option<Location>,
    /// The runs that told of it, oldest first.
    pub runs: Vec<PastRun>,
    /// One for each of `runs`, in their order.
    pub results: Vec<PastResult>,
    /// Most frequent first.
    pub groups: Vec<PastGroup>,
}

/// One test over a period, for lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestSummary {
    /// As its framework names it.
    pub id: TestId,
    /// Which suite's.
    pub series: Series,
    /// Where it stood when last seen.
    pub location: Option<Location>,
    /// Runs that told of it.
    pub runs: u32,
    /// Those of them in which it failed and passed.
    pub flaky_runs: u32,
    /// Attempts that count.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
    /// `failed / ran`, 0 when it never ran.
    pub rate: f64,
    /// Of the rate (Clopper–Pearson), as if all attempts were alike.
    pub interval: Interval,
    /// When it was first told of.
    pub first_seen: Timestamp,
    /// When it was last told of.
    pub last_seen: Timestamp,
    /// When it first failed.
    pub first_failed: Option<Timestamp>,
    /// When it last failed.
    pub last_failed: Option<Timestamp>,
    /// What was last said of it.
    pub verdict: Category,
    /// What was last said of it; null when inconclusive.
    pub severity: Option<Severity>,
    /// CPU seconds of the attempts that it spoiled: its failures, times what an attempt of their run took.
    pub cost_cpu_seconds: f64,
    /// Failures by ran in equal parts of the period, oldest first.
    pub trend: Vec<Share>,
}

/// Failures among attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Attempts that count.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
}

/// Which runs and tests are asked for; empty is all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HistoryFilter {
    /// [`Series::repository`].
    pub repository: Option<String>,
    /// [`Series::suite`].
    pub suite: Option<String>,
    /// [`RunContext::branch`].
    pub branch: Option<String>,
    /// Runs that began at or after this.
    pub since: Option<Timestamp>,
    /// Runs that began before this.
    pub until: Option<Timestamp>,
    /// Tests whose id holds this, in either case.
    pub search: Option<String>,
    /// Only tests that failed in a run that is asked for.
    pub failed_only: bool,
}

/// What earlier runs know of one test: evidence beside the present run's numbers, never mixed with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HistoryWindow {
    /// Runs that told of it.
    pub runs: u32,
    /// Those of them in which it failed and passed.
    pub flaky_runs: u32,
    /// Attempts that count.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
    /// When it was first told of.
    pub first_seen: Option<Timestamp>,
    /// When it was last told of.
    pub last_seen: Option<Timestamp>,
    /// When it first failed.
    pub first_failed: Option<Timestamp>,
    /// When it last failed.
    pub last_failed: Option<Timestamp>,
    /// By commit, oldest first; at most the newest 50. Runs of changed work trees are left out.
    pub commits: Vec<CommitShare>,
}

/// A test at one commit, over all runs of that commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitShare {
    /// In full.
    pub commit: String,
    /// When it was first run.
    pub first_run: Timestamp,
    /// Its attempts.
    #[serde(flatten)]
    pub share: Share,
}
