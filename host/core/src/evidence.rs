//! All numbers known about one test: what policies judge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::HistoryWindow;
use crate::ids::{AttemptIndex, Seed, TestId};
use crate::parsed::Location;

/// A two-sided confidence interval of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// 0 to 1.
    pub low: f64,
    /// 0 to 1, at least `low`.
    pub high: f64,
    /// Confidence level, e.g. 0.95.
    pub level: f64,
}

/// One-sided Clopper–Pearson bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// The failure rate is at most this.
    pub failure_at_most: f64,
    /// The pass rate is at most this.
    pub pass_at_most: f64,
    /// Confidence level of each, e.g. 0.95.
    pub level: f64,
}

/// Attempts by what became of the test in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Attempts whose outcome counts in the rate.
    pub ran: u32,
    /// Content, expected failures included.
    pub passed: u32,
    /// The test's own assertion or code (unexpected passes included).
    pub failed: u32,
    /// Set-up, tear-down, collection, hook.
    pub errored: u32,
    /// Out of time.
    pub timed_out: u32,
    /// The process died in it.
    pub crashed: u32,
    /// Not run by its own choice.
    pub skipped: u32,
    /// Attempts that should have told of the test and did not.
    pub missing: u32,
    /// Passed only after the framework tried again.
    pub retried: u32,
    /// Of `passed`: failed, and was meant to.
    #[serde(default)]
    pub expected_failures: u32,
    /// Of `failed`: passed, and was meant to fail.
    #[serde(default)]
    pub unexpected_passes: u32,
}

impl Counts {
    /// Everything that went wrong.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failed + self.errored + self.timed_out + self.crashed
    }
}

/// Failures of one test with the same fingerprint, or nearly the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Hexadecimal digest of the normalised failure; of the most frequent one where several are nearly the same.
    pub fingerprint: String,
    /// Fingerprints of those that are nearly the same, ascending.
    pub also: Vec<String>,
    /// The exception or assertion type.
    pub kind: String,
    /// The most telling example (one with message and trace before others, then the earliest), capped.
    pub message: String,
    /// Its trace, capped.
    pub trace: String,
    /// Attempts that failed this way, ascending.
    pub attempts: Vec<AttemptIndex>,
    /// Their seeds, in the same order.
    pub seeds: Vec<Seed>,
}

/// Attempts of a test under one value of one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConditionEffect {
    /// What differed between attempts, e.g. `cpu-load`.
    pub condition: String,
    /// What it was here, e.g. `high`.
    pub value: String,
    /// Attempts under this value.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
    /// Fisher's exact test, two-sided, against the attempts under the other values of the condition; corrected (Holm)
    /// for how many comparisons were made for this test.
    pub p_value: f64,
}

/// How long a test took, in the attempts that told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// How many told.
    pub told: u32,
    /// Nanoseconds.
    pub median_ns: u64,
    /// Nanoseconds.
    pub largest_ns: u64,
    /// Nanoseconds, of the attempts in which it failed.
    pub median_failed_ns: Option<u64>,
    /// Whether it is slower when it fails: p-value of the one-sided Mann–Whitney test of the failed against the passed
    /// attempts; `None` where one kind is missing.
    pub slower_when_failing: Option<f64>,
}

/// What a change did to a test. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It failed at the base, and surely less often now.
    Fixed,
    /// The numbers do not tell.
    NoEvidence,
    /// It failed at the base as well.
    WasThereBefore,
    /// It fails more often than at the base.
    Worsened,
    /// It did not fail at the base, or did not run there, and fails now.
    Introduced,
}

/// The same test at another commit, under the same seeds and conditions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// Attempts; 0 for a test that the base does not have, where that is known.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
    /// What the change did.
    pub change: Change,
    /// Of the test that found it, corrected for how many tests were compared; 0 where the base does not have the test.
    pub p_value: f64,
    /// Whether attempts with the same seed were compared with each other.
    pub paired: bool,
}

/// Attempts of a test that are told apart from those of its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// Attempts.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
}

impl Evidence {
    /// Of a test of which nothing is known.
    #[must_use]
    pub fn new(id: TestId) -> Self {
        let level = 0.95;
        Self {
            id,
            location: None,
            counts: Counts::default(),
            rate: 0.0,
            interval: Interval { low: 0.0, high: 1.0, level },
            bounds: Bounds { failure_at_most: 1.0, pass_at_most: 1.0, level },
            failing_attempts: Vec::new(),
            failing_seeds: Vec::new(),
            groups: Vec::new(),
            effects: Vec::new(),
            alone: None,
            side_by_side: None,
            selected: None,
            base: None,
            failed_in_ci: false,
            durations: None,
            history: None,
        }
    }
}

/// All numbers known about one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Which.
    pub id: TestId,
    /// Where it stands, when a parser said so.
    pub location: Option<Location>,
    /// Attempts by outcome.
    pub counts: Counts,
    /// `counts.failures() / counts.ran`; 0 when it never ran.
    pub rate: f64,
    /// Of the rate.
    pub interval: Interval,
    /// Of the rate, one-sided.
    pub bounds: Bounds,
    /// Ascending.
    pub failing_attempts: Vec<AttemptIndex>,
    /// In the order of `failing_attempts`.
    pub failing_seeds: Vec<Seed>,
    /// Most frequent first.
    pub groups: Vec<FailureGroup>,
    /// What differed between attempts and whether it mattered, the surest first; empty for a test that always passed
    /// or always failed.
    pub effects: Vec<ConditionEffect>,
    /// What was seen with nothing beside it, when that was tried.
    pub alone: Option<Tried>,
    /// What was seen with copies side by side, when `counts` speak of the attempts alone because the copies
    /// were found to disturb each other.
    pub side_by_side: Option<Tried>,
    /// What was seen without the other tests of the suite, when that was tried.
    pub selected: Option<Tried>,
    /// The same test at another commit, when that was compared.
    pub base: Option<Base>,
    /// Somebody said that it failed elsewhere, which is why the run was made.
    pub failed_in_ci: bool,
    /// How long it took.
    pub durations: Option<Durations>,
    /// What earlier runs know of it: beside the numbers of this run, and in none of them.
    pub history: Option<HistoryWindow>,
}
