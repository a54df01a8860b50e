//! What mocha said, from the best source that an attempt has.
//!
//! Ids are mocha's full titles: the titles of the enclosing blocks and the test's own, with spaces between. The text
//! names no files, and JSON does not say where in a full title the blocks end, so nothing else is the same everywhere.

mod ending;
mod json;
mod spec;
mod stream;

use flaky_plugin_javascript::{Test, one_line, push_as, read_report, sources};
use flaky_plugin_sdk::{Attempt, Outcome, PackedAttempt, PackedTestsBuilder};

/// JSON files in the report folder.
pub(crate) const REPORTS: &str = "**/*.json";

/// Reads JSON, a stream of JSON, or the text of the reporter `spec`.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "mocha", " ", |message| failed_outcome("", message)) {
        return parsed;
    }
    let sources: Vec<_> = sources(attempt).into_iter().filter(|kept| !kept.is_ours()).collect();
    let mut found = sources.iter().find_map(json::parse);
    found = found.or_else(|| sources.iter().find_map(stream::parse));
    found = found.or_else(|| sources.iter().find_map(spec::parse));
    found = found.or_else(|| sources.iter().find_map(ending::parse));
    found.unwrap_or_default()
}

/// What a failed test is by its title and message. A hook that fails is told as a test of its own.
fn failed_outcome(title: &str, message: &str) -> Outcome {
    if is_hook(title) {
        Outcome::Errored
    } else if message.starts_with("Timeout of ") && message.contains("ms exceeded") {
        Outcome::TimedOut
    } else {
        Outcome::Failed
    }
}

/// `"before each" hook for "adds"`, `"after all" hook: clean`
fn is_hook(title: &str) -> bool {
    ["\"before all\" hook", "\"before each\" hook", "\"after each\" hook", "\"after all\" hook"]
        .iter()
        .any(|start| title.starts_with(start))
}

/// Adds a test by its full title, which ends in its own.
fn push(tests: &mut PackedTestsBuilder, full: &str, title: &str, test: Test) {
    push_as(tests, &one_line(full), &one_line(title), test);
}

/// More tries than anybody asks for; it bounds what a forged report costs.
const MOST_TRIES: usize = 1000;

/// The tries of a test that was tried again so often.
fn tries(retries: usize, outcome: Outcome) -> Vec<Outcome> {
    let mut all = vec![Outcome::Failed; retries.min(MOST_TRIES)];
    all.push(outcome);
    all
}
