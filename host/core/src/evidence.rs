//! All numbers known about one test: what policies judge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

impl Counts {
    /// Everything that went wrong.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failed + self.errored + self.timed_out + self.crashed
    }
}

/// Failures of one test with the same fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Hexadecimal digest of the normalised failure.
    pub fingerprint: String,
    /// The exception or assertion type.
    pub kind: String,
    /// One example, capped.
    pub message: String,
    /// Its trace, capped.
    pub trace: String,
    /// Attempts that failed this way, ascending.
    pub attempts: Vec<AttemptIndex>,
    /// Their seeds, in the same order.
    pub seeds: Vec<Seed>,
}

/// The same test run with nothing beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alone {
    /// Attempts.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
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
    /// What was seen with nothing beside it, when that was tried.
    pub alone: Option<Alone>,
    /// What was seen with copies side by side, when `counts` speak of the attempts alone because the copies
    /// were found to disturb each other.
    pub side_by_side: Option<Alone>,
    /// Median and largest duration in nanoseconds, of attempts that told.
    pub duration_ns: Option<(u64, u64)>,
}
