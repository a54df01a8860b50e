//! What a report says of one test.

use serde::Deserialize;

use super::{Category, Change, Severity, or_default};

/// One test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Test {
    /// As its framework names it.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// Where it stands.
    pub location: Option<Location>,
    /// Attempts that count.
    #[serde(deserialize_with = "or_default")]
    pub ran: u32,
    /// Failed ones among them.
    #[serde(deserialize_with = "or_default")]
    pub failures: u32,
    /// `failures / ran`, 0 when it never ran.
    #[serde(deserialize_with = "or_default")]
    pub rate: f64,
    /// Of the rate, two-sided.
    #[serde(deserialize_with = "or_default")]
    pub interval: Interval,
    /// What kind of test it is.
    #[serde(deserialize_with = "or_default")]
    pub verdict: Category,
    /// `None` when inconclusive.
    pub severity: Option<Severity>,
    /// 0 to 1.
    #[serde(deserialize_with = "or_default")]
    pub confidence: f64,
    /// The verdict in one sentence, with n.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// Name of the policy that decided.
    #[serde(deserialize_with = "or_default")]
    pub decided_by: String,
    /// Matched by `ignore_patterns`: run, but not judged.
    #[serde(deserialize_with = "or_default")]
    pub ignored: bool,
    /// In quarantine: run and judged, but its verdict is not the run's.
    pub quarantined: Option<Quarantine>,
    /// Attempts by outcome.
    #[serde(deserialize_with = "or_default")]
    pub counts: Counts,
    /// Ascending by attempt.
    #[serde(deserialize_with = "or_default")]
    pub failing_seeds: Vec<u64>,
    /// Most frequent first.
    #[serde(deserialize_with = "or_default")]
    pub failure_groups: Vec<FailureGroup>,
    /// With nothing beside it, when that was tried.
    pub alone: Option<Tried>,
    /// With copies side by side, when these were found to disturb each other and do not count.
    pub side_by_side: Option<Tried>,
    /// Median duration in seconds, when the framework told.
    pub median_seconds: Option<f64>,
    /// Without the other tests of its suite, when that was tried; not in `counts`.
    pub selected: Option<Tried>,
    /// The same test at the base, when there is one.
    pub base: Option<BaseTest>,
    /// Somebody said that it failed in CI.
    #[serde(deserialize_with = "or_default")]
    pub failed_in_ci: bool,
    /// How its failure can be repeated, where that was tried.
    pub reproduction: Option<Reproduction>,
    /// What earlier runs know of it, where that is worth a line.
    pub history: Option<Earlier>,
    /// From policies: `key=value`.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<(String, String)>,
}

/// What earlier runs know of a test; it decided nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Earlier {
    /// All of it in one line for people; it stands behind the test's reason, too, where the test fails.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
}

/// Why a test's verdict is not the run's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Quarantine {
    /// Who mends it; `None` in what untrusted code may have written.
    pub owner: Option<String>,
    /// Why it is there; `None` in what untrusted code may have written.
    pub reason: Option<String>,
    /// The day on which it came there.
    #[serde(deserialize_with = "or_default")]
    pub since: String,
    /// The first day on which it gates again.
    #[serde(deserialize_with = "or_default")]
    pub expires: String,
}

/// Where a test stands in the sources.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Location {
    /// Relative to the project's root.
    #[serde(deserialize_with = "or_default")]
    pub file: String,
    /// Counted from 1.
    pub line: Option<u32>,
}

/// A two-sided confidence interval of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// 0 to 1.
    pub low: f64,
    /// 0 to 1.
    pub high: f64,
    /// Confidence level, e.g. 0.95.
    pub level: f64,
}

impl Default for Interval {
    fn default() -> Self {
        Self { low: 0.0, high: 1.0, level: 0.95 }
    }
}

/// Attempts by what became of the test in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Attempts whose outcome counts in the rate.
    pub ran: u32,
    /// Content, expected failures included.
    pub passed: u32,
    /// The test's own assertion or code.
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

/// The same test under another arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Tried {
    /// Attempts.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
}

/// One test at the base.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct BaseTest {
    /// Attempts.
    #[serde(deserialize_with = "or_default")]
    pub ran: u32,
    /// Failed ones.
    #[serde(deserialize_with = "or_default")]
    pub failed: u32,
    /// What the change did.
    #[serde(deserialize_with = "or_default")]
    pub change: Change,
    /// Of the test that found it, corrected for how many tests were compared.
    #[serde(deserialize_with = "or_default")]
    pub p_value: f64,
}

/// How the failure of a test can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Reproduction {
    /// A command of `flaky`, which makes the conditions that the attempts had.
    #[serde(deserialize_with = "or_default")]
    pub command: String,
    /// The test command itself.
    #[serde(deserialize_with = "or_default")]
    pub shell: String,
    /// Of the attempt that is repeated.
    #[serde(deserialize_with = "or_default")]
    pub seed: u64,
    /// Whether the test runs without the others of its suite.
    #[serde(deserialize_with = "or_default")]
    pub only_this_test: bool,
    /// Whether the tests are shuffled by the seed.
    #[serde(deserialize_with = "or_default")]
    pub shuffled: bool,
    /// How often it failed.
    #[serde(deserialize_with = "or_default")]
    pub failed: u32,
    /// How often it was tried.
    #[serde(deserialize_with = "or_default")]
    pub ran: u32,
}

/// Failures of one test with the same fingerprint, or nearly the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FailureGroup {
    /// Hexadecimal digest of the normalised failure; of the most frequent one where several are nearly the same.
    #[serde(deserialize_with = "or_default")]
    pub fingerprint: String,
    /// Fingerprints of those that are nearly the same.
    #[serde(deserialize_with = "or_default")]
    pub also: Vec<String>,
    /// How many failures.
    #[serde(deserialize_with = "or_default")]
    pub count: u32,
    /// The exception or assertion type.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// One example.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// Its trace.
    #[serde(deserialize_with = "or_default")]
    pub trace: String,
    /// Seeds that failed this way, ascending by attempt.
    #[serde(deserialize_with = "or_default")]
    pub seeds: Vec<u64>,
}
