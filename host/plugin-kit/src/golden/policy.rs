//! Cases of policies.

use std::path::Path;

use flaky_core::evidence::{
    Base, Bounds, ConditionEffect, Counts, Durations, Evidence, FailureGroup, Interval, Tried,
};
use flaky_core::history::HistoryWindow;
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::parsed::Location;
use flaky_core::stats;
use flaky_core::verdict::Verdict;
use flaky_plugin_host::{Plugin, PluginError, RunSummary};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::files::json_file;
use super::{Answer, CaseError};

/// Level of intervals and bounds that a case does not give: that of reports.
const LEVEL: f64 = 0.95;

/// Fields of a report's test that are no evidence: they follow from the counts, or a policy said them.
const SAID: [&str; 12] = [
    "ran",
    "failures",
    "rate",
    "verdict",
    "severity",
    "confidence",
    "reason",
    "decided_by",
    "ignored",
    "median_seconds",
    "reproduction",
    "tags",
];

/// One test of `evidence.json`. The names are those of a test in the report, so that a test can be taken from there as it
/// stands; what follows from the counts need not be given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    id: TestId,
    #[serde(default)]
    location: Option<Location>,
    #[serde(default)]
    counts: GivenCounts,
    #[serde(default)]
    interval: Option<Interval>,
    #[serde(default)]
    bounds: Option<Bounds>,
    #[serde(default)]
    failing_attempts: Option<Vec<AttemptIndex>>,
    #[serde(default)]
    failing_seeds: Vec<Seed>,
    #[serde(default)]
    failure_groups: Vec<GivenGroup>,
    #[serde(default)]
    effects: Vec<ConditionEffect>,
    #[serde(default)]
    alone: Option<Tried>,
    #[serde(default)]
    side_by_side: Option<Tried>,
    #[serde(default)]
    selected: Option<Tried>,
    #[serde(default)]
    base: Option<Base>,
    #[serde(default)]
    failed_in_ci: bool,
    #[serde(default)]
    durations: Option<Durations>,
    #[serde(default)]
    history: Option<HistoryWindow>,
}

/// As [`Counts`], of which those that are 0 need not be given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenCounts {
    ran: u32,
    passed: u32,
    failed: u32,
    errored: u32,
    timed_out: u32,
    crashed: u32,
    skipped: u32,
    missing: u32,
    retried: u32,
    expected_failures: u32,
    unexpected_passes: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenGroup {
    #[serde(default)]
    fingerprint: String,
    #[serde(default)]
    also: Vec<String>,
    count: u32,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    trace: String,
    #[serde(default)]
    seeds: Vec<Seed>,
}

/// The evidence of a case.
///
/// # Errors
/// When the file cannot be used.
pub fn input(folder: &Path) -> Result<Vec<Evidence>, CaseError> {
    let path = folder.join("evidence.json");
    let tests: Vec<Map<String, Value>> = json_file(&path)?;
    let read = |(i, mut test): (usize, Map<String, Value>)| {
        SAID.iter().for_each(|name| drop(test.remove(*name)));
        let given: Result<Given, _> = serde_json::from_value(Value::Object(test));
        given
            .map(Evidence::from)
            .map_err(|e| CaseError::Content { path: path.clone(), why: format!("[{i}]: {e}") })
    };
    tests.into_iter().enumerate().map(read).collect()
}

impl From<Given> for Evidence {
    fn from(given: Given) -> Self {
        let counts = Counts::from(given.counts);
        let (failures, ran) = (counts.failures(), counts.ran);
        let rate = if ran == 0 { 0.0 } else { f64::from(failures) / f64::from(ran) };
        // Where nobody said which attempts failed, the first did.
        let attempts = given.failing_attempts.unwrap_or_else(|| (0..failures).map(AttemptIndex).collect());
        Self {
            id: given.id,
            location: given.location,
            rate,
            interval: given.interval.unwrap_or_else(|| stats::wilson(failures, ran, LEVEL)),
            bounds: given.bounds.unwrap_or_else(|| stats::bounds(failures, ran, LEVEL)),
            failing_attempts: attempts,
            failing_seeds: given.failing_seeds,
            groups: given.failure_groups.into_iter().map(FailureGroup::from).collect(),
            effects: given.effects,
            alone: given.alone,
            side_by_side: given.side_by_side,
            selected: given.selected,
            base: given.base,
            failed_in_ci: given.failed_in_ci,
            durations: given.durations,
            history: given.history,
            counts,
        }
    }
}

impl From<GivenCounts> for Counts {
    fn from(given: GivenCounts) -> Self {
        let GivenCounts { ran, passed, failed, errored, timed_out, crashed, .. } = given;
        Self {
            ran,
            passed,
            failed,
            errored,
            timed_out,
            crashed,
            skipped: given.skipped,
            missing: given.missing,
            retried: given.retried,
            expected_failures: given.expected_failures,
            unexpected_passes: given.unexpected_passes,
        }
    }
}

impl From<GivenGroup> for FailureGroup {
    fn from(given: GivenGroup) -> Self {
        Self {
            fingerprint: given.fingerprint,
            also: given.also,
            kind: given.kind,
            message: given.message,
            trace: given.trace,
            attempts: (0..given.count).map(AttemptIndex).collect(),
            seeds: given.seeds,
        }
    }
}

/// What a policy says of the tests, and of the run whose tests it decided.
///
/// # Errors
/// Whatever ended a call.
pub async fn answer(plugin: &Plugin, evidence: &[Evidence]) -> Result<Answer, PluginError> {
    let verdicts = plugin.classify(evidence).await?;
    let pairs = evidence.iter().zip(&verdicts);
    let tests: Vec<Value> = pairs
        .clone()
        .map(|(test, v)| json!({ "id": test.id, "verdict": v.as_ref().map(document) }))
        .collect();
    let run = RunSummary {
        total_runs: evidence.iter().map(|test| test.counts.ran).max().unwrap_or(0),
        failures: evidence.iter().map(|test| test.counts.failures()).max().unwrap_or(0),
        verdicts: pairs.filter_map(|(test, v)| Some((test.id.clone(), v.clone()?))).collect(),
    };
    let of_run = plugin.summarise(&run).await?;
    let document = json!({ "tests": tests, "run": of_run.as_ref().map(document) });
    Ok(Answer { document, files: Vec::new() })
}

/// A verdict in the words of the report.
fn document(verdict: &Verdict) -> Value {
    json!({
        "category": verdict.category,
        "severity": verdict.severity,
        "confidence": verdict.confidence,
        "reason": verdict.reason,
        "tags": verdict.tags,
    })
}
