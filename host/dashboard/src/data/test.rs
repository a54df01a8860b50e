//! One test over all its runs.

use flaky_core::evidence::Interval;
use flaky_core::history::{PastGroup, Timestamp};
use flaky_core::ids::{RunId, TestId};
use flaky_core::parsed::Location;
use serde::{Deserialize, Serialize};

use super::{Period, RunPlace, TestResult};

/// One test, of all branches and all times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestDetail {
    /// [`DATA_VERSION`](super::DATA_VERSION).
    pub data_version: u32,
    /// Its name in paths.
    pub key: String,
    /// As its framework names it.
    pub id: TestId,
    /// The suite, by its name in paths.
    pub series: String,
    /// Where it stood when last seen.
    pub location: Option<Location>,
    /// Numbers by branch and period, of those that the catalogue has.
    pub shares: Vec<ShareLine>,
    /// Around its first failure, of all branches and of each that the catalogue has; those where it failed in the very first
    /// run, or only in changed work trees, are absent.
    pub onsets: Vec<Onset>,
    /// Oldest first: the newest ones, and of those before the ones in which it failed.
    pub runs: Vec<TestRun>,
    /// Runs that are not in the list.
    pub runs_left_out: u32,
    /// Most frequent first.
    pub groups: Vec<PastGroup>,
    /// Groups that are not in the list.
    pub groups_left_out: u32,
}

/// How often a test failed on a branch in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareLine {
    /// The branch, by its name in paths; null for all.
    pub branch: Option<String>,
    /// The period.
    pub period: Period,
    /// Runs that told of it.
    pub runs: u32,
    /// Those of them in which it failed and passed.
    pub flaky_runs: u32,
    /// Attempts that count.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
    /// Of the rate (Clopper–Pearson, 95 %), as if all attempts were alike.
    pub interval: Interval,
}

/// Between which runs a test began to fail. What is blamed for it is for people to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Onset {
    /// The branch, by its name in paths; null for all.
    pub branch: Option<String>,
    /// The last run before, in which it passed.
    pub last_clean: RunMention,
    /// The first run in which it failed.
    pub first_failing: RunMention,
}

/// A run that is spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMention {
    /// Which.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// Its commit.
    pub commit: Option<String>,
    /// Attempts of the test.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
}

/// A run as one test had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestRun {
    /// Which.
    pub run: RunId,
    /// When and where it was made.
    #[serde(flatten)]
    pub place: RunPlace,
    /// What became of the test in it.
    #[serde(flatten)]
    pub result: TestResult,
}
