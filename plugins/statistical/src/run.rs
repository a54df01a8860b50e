//! The run as a whole: the sentence of `thresholds`, and what became of it by a change.

use flaky_plugin_sdk::{RunSummary, Verdict};
use flaky_plugin_thresholds::run as gates;
use serde_json::Value;

use crate::settings::Settings;

/// Lines about clusters that a sentence holds; the report has them all.
const MOST_CLUSTERS: usize = 1;

/// What the policy says of the run; `None` when there is no test to speak of. Severities of runs are always those of the
/// rate of failed attempts, which has no interval here.
///
/// Of `more`, a JSON object, these keys are read: `clusters`, a list of sentences about tests that fail together.
#[must_use]
pub fn summarise(run: &RunSummary, settings: &Settings) -> Option<Verdict> {
    let mut verdict = gates::summarise(run, &settings.rates)?;
    // A single test has said it of itself.
    if run.verdicts.len() > 1 {
        let said = |change: &str| {
            run.verdicts
                .iter()
                .filter(|(_, verdict)| {
                    verdict.tags.iter().any(|(key, value)| key == "change" && value == change)
                })
                .count()
        };
        let changes = [("introduced", "introduced"), ("worsened", "worsened"), ("fixed", "fixed")];
        let told: Vec<String> = changes
            .iter()
            .map(|(change, word)| (said(change), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if !told.is_empty() {
            verdict.reason.push_str(&format!("; by the change: {}", told.join(", ")));
        }
    }
    let more: Value = serde_json::from_str(&run.more).unwrap_or_default();
    let clusters = more.get("clusters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for line in clusters.iter().filter_map(Value::as_str).take(MOST_CLUSTERS) {
        verdict.reason.push_str("; ");
        verdict.reason.push_str(line);
    }
    Some(verdict)
}
