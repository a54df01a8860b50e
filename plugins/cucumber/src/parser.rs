//! What Cucumber said: a scenario is a test, each row of an outline one.
//!
//! Ids are `features/cart.feature > feature > scenario`.

mod json;
mod messages;

use flaky_plugin_javascript::{failure, sources};
use flaky_plugin_sdk::{Attempt, Failure, Outcome, PackedAttempt};

/// Reads JSON, or messages.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let sources = sources(attempt);
    let mut found = sources.iter().find_map(json::parse);
    found = found.or_else(|| sources.iter().find_map(messages::parse));
    found.unwrap_or_default()
}

/// One step or hook.
#[derive(Debug)]
struct Step {
    hook: bool,
    /// In small letters.
    status: String,
    text: String,
    message: String,
    nanoseconds: u64,
}

/// What the steps make of their scenario: the first that did not pass decides.
fn judge(steps: &[Step]) -> (Outcome, Vec<Failure>, u64) {
    let nanoseconds = steps.iter().fold(0_u64, |sum, step| sum.saturating_add(step.nanoseconds));
    let mut outcome = Outcome::Passed;
    let mut failures = Vec::new();
    for step in steps {
        let of_step = match step.status.as_str() {
            "passed" => continue,
            "failed" if step.hook => Outcome::Errored,
            "failed" if step.message.contains("function timed out") => Outcome::TimedOut,
            "failed" | "ambiguous" => Outcome::Failed,
            // No step of the suite's own is there: it could not be run.
            "undefined" => Outcome::Errored,
            "skipped" | "pending" => Outcome::Skipped,
            _ => Outcome::Unknown,
        };
        let is_failure = matches!(of_step, Outcome::Failed | Outcome::Errored | Outcome::TimedOut);
        if outcome == Outcome::Passed || outcome == Outcome::Skipped && is_failure {
            outcome = of_step;
        }
        if is_failure {
            let said = failure(&step.message);
            failures.push(if step.status == "undefined" {
                Failure::new("", format!("undefined step: {}", step.text.trim()))
            } else {
                said
            });
        }
    }
    (outcome, failures, nanoseconds)
}

/// `file:features/a.feature`, `classpath:a.feature`, absolute or not: as ids have it.
fn feature_file(uri: &str) -> String {
    let uri = uri.strip_prefix("file://").or_else(|| uri.strip_prefix("file:")).unwrap_or(uri);
    uri.strip_prefix("classpath:").unwrap_or(uri).replace('\\', "/").trim_start_matches("./").to_owned()
}
