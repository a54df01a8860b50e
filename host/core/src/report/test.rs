//! What a report says of one test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::date::Date;
use crate::evidence::{Base, Change, Counts, Interval, Tried};
use crate::history::HistoryReport;
use crate::ids::{Seed, TestId};
use crate::parsed::Location;
use crate::verdict::{Category, Severity};

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestReport {
    /// As its framework names it.
    pub id: TestId,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Attempts that count.
    pub ran: u32,
    /// Failed ones among them.
    pub failures: u32,
    /// `failures / ran`, 0 when it never ran.
    pub rate: f64,
    /// Of the rate.
    pub interval: Interval,
    /// What kind of test it is.
    pub verdict: Category,
    /// Null when inconclusive.
    pub severity: Option<Severity>,
    /// 0 to 1.
    pub confidence: f64,
    /// The verdict in one sentence, with n.
    pub reason: String,
    /// Name of the policy that decided.
    pub decided_by: String,
    /// Matched by `ignore_patterns`: run, but not judged.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignored: bool,
    /// In quarantine: run and judged, but its verdict is not the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<QuarantineReport>,
    /// Attempts by outcome.
    pub counts: Counts,
    /// Ascending by attempt.
    pub failing_seeds: Vec<Seed>,
    /// Most frequent first.
    pub failure_groups: Vec<FailureGroupReport>,
    /// With nothing beside it, when that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone: Option<Tried>,
    /// With copies side by side, when these were found to disturb each other and do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_by_side: Option<Tried>,
    /// Median duration in seconds, when the framework told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_seconds: Option<f64>,
    /// Without the other tests of its suite, when that was tried; not in `counts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<Tried>,
    /// The same test at the base, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Somebody said that it failed in CI.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed_in_ci: bool,
    /// How its failure can be repeated, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduction: Option<Reproduction>,
    /// What earlier runs know of it, where it failed in them or fails now; in none of the numbers above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryReport>,
    /// From policies: `key=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// What other policies added to the verdict, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Addition>,
}

impl TestReport {
    /// Whether its verdict is one of those that the run's is made of: neither ignored nor in quarantine.
    #[must_use]
    pub const fn gates(&self) -> bool {
        !self.ignored && self.quarantined.is_none()
    }

    /// Whether the change that the run is about brought its failures, or more of them. Of a test that the base does not have
    /// only a verdict says so: names that are new in every attempt run once, and nothing is known of them.
    #[must_use]
    pub fn is_introduced(&self) -> bool {
        let judged = matches!(self.verdict, Category::Flaky | Category::Broken);
        let brought = |base: Base| match base.change {
            Change::Introduced => base.ran > 0 || judged,
            Change::Worsened => true,
            Change::Fixed | Change::WasThereBefore | Change::NoEvidence => false,
        };
        self.gates() && self.base.is_some_and(brought)
    }
}

/// Why a test's verdict is not the run's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineReport {
    /// Who mends it; null in what untrusted code may have written.
    pub owner: Option<String>,
    /// Why it is there; null in what untrusted code may have written.
    pub reason: Option<String>,
    /// The day on which it came there.
    pub since: Date,
    /// The first day on which it gates again.
    pub expires: Date,
}

/// What a policy added to the verdict of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Addition {
    /// Name of the policy.
    pub policy: String,
    /// Its reason, as it gave one.
    pub reason: String,
    /// The tags that were not there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// What the severity was before this policy raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_from: Option<Severity>,
}

/// How the failure of a test can be repeated, tried before it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reproduction {
    /// A command of `flaky`, which makes the conditions that the attempts had.
    pub command: String,
    /// The test command itself, as one would type it in the project's folder.
    pub shell: String,
    /// Of the attempt that is repeated.
    pub seed: Seed,
    /// Whether the test runs without the others of its suite.
    pub only_this_test: bool,
    /// Whether the tests are shuffled by the seed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shuffled: bool,
    /// How often it failed.
    pub failed: u32,
    /// How often it was tried.
    pub ran: u32,
}

/// Failures of one test with the same fingerprint, or nearly the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureGroupReport {
    /// Hexadecimal digest of the normalised failure; of the most frequent one where several are nearly the same.
    pub fingerprint: String,
    /// Fingerprints of those that are nearly the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// How many failures.
    pub count: u32,
    /// The exception or assertion type.
    pub kind: String,
    /// The most telling example.
    pub message: String,
    /// Its trace.
    pub trace: String,
    /// Seeds that failed this way, ascending by attempt.
    pub seeds: Vec<Seed>,
}
