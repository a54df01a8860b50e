//! What Playwright Test said, from the best source that an attempt has.
//!
//! Ids are `[project] > tests/cart.spec.ts > describe block > title`; without `[project]` where projects have no
//! names. Files are named from the folder of the configuration, as the text of newer versions does; the text of older
//! ones names them from the folder of the tests.

mod json;
mod text;

use flaky_plugin_javascript::{SEPARATOR, read_report, sources};
use flaky_plugin_sdk::{Attempt, Outcome, PackedAttempt};

/// JSON files in the report folder.
pub(crate) const REPORTS: &str = "**/*.json";

/// Reads JSON as its reporter writes it, or the text of the reporter `list` and what others say of failed tests.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "playwright", SEPARATOR, failed_outcome) {
        return parsed;
    }
    let sources: Vec<_> = sources(attempt).into_iter().filter(|kept| !kept.is_ours()).collect();
    let mut found = sources.iter().find_map(json::parse);
    found = found.or_else(|| sources.iter().find_map(text::parse));
    found.unwrap_or_default()
}

/// What a failed test's message says of its outcome.
fn failed_outcome(message: &str) -> Outcome {
    if message.starts_with("Expected to fail, but passed") {
        Outcome::UnexpectedPass
    } else if message.starts_with("Test timeout of ") {
        Outcome::TimedOut
    } else if message.starts_with("worker process exited unexpectedly")
        || message.starts_with("Worker process exited unexpectedly")
    {
        Outcome::Crashed
    } else {
        Outcome::Failed
    }
}
