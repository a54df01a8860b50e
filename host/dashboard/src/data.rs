//! The documents that the page reads. Fields are only ever added within one [`DATA_VERSION`].
//!
//! | Path | Document |
//! |---|---|
//! | `data/version.json` | [`Version`]: cheap, asked for every few seconds |
//! | `data/index.json` | [`Catalogue`]: which suites, branches and periods there are |
//! | `data/view/SERIES/BRANCH/PERIOD.json` | [`View`]: figures and tests of a suite, of one branch or of `all` |
//! | `data/runs/SERIES.json` | [`RunList`]: its newest runs |
//! | `data/run/RUN.json` | [`RunDetail`]: one of these |
//! | `data/test/TEST.json` | [`TestDetail`]: a test that ever failed |

use flaky_core::evidence::Interval;
use flaky_core::history::Timestamp;
use flaky_core::ids::TestId;
use flaky_core::parsed::Location;
use flaky_core::verdict::{Category, Severity};
use serde::{Deserialize, Serialize};

mod run;
mod test;

pub use self::run::{Failing, RunDetail, RunLine, RunList, RunPlace, RunTest, TestResult};
pub use self::test::{Onset, RunMention, ShareLine, TestDetail, TestRun};
pub use crate::forge::Forge;
pub use crate::period::Period;

/// Version of all documents here.
pub const DATA_VERSION: u32 = 1;

/// Whether there is anything new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// [`DATA_VERSION`].
    pub data_version: u32,
    /// Changes when runs are added, and when a day begins.
    pub stamp: String,
    /// When this was said: for an export, what its data are as of.
    pub as_of: Timestamp,
    /// Whether asking again can bring something else.
    pub live: bool,
    /// Of the program.
    pub flaky_version: String,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// [`DATA_VERSION`].
    pub data_version: u32,
    /// As in [`Version::stamp`].
    pub stamp: String,
    /// Suites, by repository and name.
    pub series: Vec<SeriesLine>,
    /// Periods that can be asked for, the shortest first.
    pub periods: Vec<Period>,
    /// Tests that do not gate at present; absent when nobody keeps such a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Vec<Quarantined>>,
}

/// A suite of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesLine {
    /// Its name in paths.
    pub key: String,
    /// `host/owner/name`, or a folder.
    pub repository: String,
    /// Name of the suite.
    pub suite: String,
    /// Where its commits can be looked at, when that is known.
    pub forge: Option<Forge>,
    /// Runs of it.
    pub runs: u32,
    /// When the first one began.
    pub first: Timestamp,
    /// When the newest one began.
    pub last: Timestamp,
    /// Branches of most runs, those of most runs first.
    pub branches: Vec<BranchLine>,
    /// Branches that are not among them; their runs count where all branches are asked for.
    pub branches_left_out: u32,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchLine {
    /// Its name in paths.
    pub key: String,
    /// As git has it.
    pub name: String,
    /// Runs of it.
    pub runs: u32,
}

/// A test in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// As its framework names it, or a pattern of such names.
    pub test: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Why it is there.
    pub reason: Option<String>,
    /// When it came there, as a date.
    pub since: Option<String>,
    /// When it has to leave, as a date.
    pub expires: Option<String>,
    /// What is known of it now, in one sentence.
    pub state: Option<String>,
}

/// A suite over a period, of one branch or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// [`DATA_VERSION`].
    pub data_version: u32,
    /// The first moment in it.
    pub since: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// Numbers of all of it.
    pub figures: Figures,
    /// Runs by their severity.
    pub run_severities: Severities,
    /// Tests that failed, by what was last said of them.
    pub test_severities: Severities,
    /// Equal parts of the period, oldest first.
    pub trend: Vec<Part>,
    /// Tests that failed, the most costly first.
    pub tests: Vec<TestLine>,
    /// Tests that never failed, by id.
    pub clean: Vec<CleanLine>,
}

/// Numbers of a suite over a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Runs.
    pub runs: u32,
    /// Those of them in which anything failed.
    pub failing_runs: u32,
    /// Those of them that could say nothing.
    pub inconclusive_runs: u32,
    /// Tests that were told of.
    pub tests: u32,
    /// Tests that were last called flaky.
    pub flaky: u32,
    /// Tests that were last called broken.
    pub broken: u32,
    /// Tests that failed and are now called neither.
    pub recovered: u32,
    /// Attempts that counted.
    pub attempts: u64,
    /// Those of them in which anything failed.
    pub failures: u64,
    /// Of all attempts.
    pub cpu_seconds: f64,
    /// Of the attempts in which anything failed, each counted as an average one of its run.
    pub spoiled_cpu_seconds: f64,
}

/// How many of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Severities {
    /// Nearly always.
    pub critical: u32,
    /// Every second time and more.
    pub high: u32,
    /// One in ten and more.
    pub medium: u32,
    /// Rare.
    pub low: u32,
    /// No failure.
    pub none: u32,
    /// Inconclusive: no severity.
    pub unknown: u32,
}

/// A part of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// When it begins.
    pub from: Timestamp,
    /// Runs that began in it.
    pub runs: u32,
    /// Those of them in which anything failed.
    pub failing_runs: u32,
    /// Attempts that counted.
    pub attempts: u64,
    /// Those of them in which anything failed.
    pub failures: u64,
}

/// A test that failed in the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestLine {
    /// Its name in paths.
    pub key: String,
    /// As its framework names it.
    pub id: TestId,
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
    /// `failed / ran`.
    pub rate: f64,
    /// Of the rate.
    pub interval: Interval,
    /// When it first failed.
    pub first_failed: Option<Timestamp>,
    /// When it last failed.
    pub last_failed: Option<Timestamp>,
    /// When it was last told of.
    pub last_seen: Timestamp,
    /// What was last said of it.
    pub verdict: Category,
    /// What was last said of it; null when inconclusive.
    pub severity: Option<Severity>,
    /// CPU seconds of the attempts that it spoiled.
    pub cost_cpu_seconds: f64,
    /// Attempts and failed ones among them, by parts of the period.
    pub trend: Vec<(u32, u32)>,
}

/// A test that never failed in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanLine {
    /// As its framework names it.
    pub id: TestId,
    /// Runs that told of it.
    pub runs: u32,
    /// Attempts that count.
    pub ran: u32,
    /// When it was last told of.
    pub last_seen: Timestamp,
    /// What was last said of it.
    pub verdict: Category,
}
