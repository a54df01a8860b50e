//! What vitest said, from the best source that an attempt has.
//!
//! Ids are the same from every source: `tests/cart.test.ts > describe block > title`. Only the default text of
//! vitest 4 leaves the blocks out, and so do ids from there.

mod json;
mod text;

use flaky_plugin_javascript::{SEPARATOR, read_report, sources};
use flaky_plugin_sdk::{Attempt, Outcome, PackedAttempt};

/// JSON files in the report folder.
pub(crate) const REPORTS: &str = "**/*.json";

/// Reads JSON as its reporter writes it, or the printed text.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "vitest", SEPARATOR, failed_outcome) {
        return parsed;
    }
    let sources: Vec<_> = sources(attempt).into_iter().filter(|kept| !kept.is_ours()).collect();
    let mut found = sources.iter().find_map(|kept| json::parse(kept, &sources));
    found = found.or_else(|| text::parse(&sources));
    found.unwrap_or_default()
}

/// What a failed test's message says of its outcome.
fn failed_outcome(message: &str) -> Outcome {
    if message.starts_with("Test timed out") {
        Outcome::TimedOut
    } else if message.starts_with("Hook timed out") {
        Outcome::Errored
    } else if message.trim_end() == "Expect test to fail" {
        Outcome::UnexpectedPass
    } else {
        Outcome::Failed
    }
}
