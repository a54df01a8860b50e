//! What unittest said, from the best source that an attempt has.

mod blocks;
mod describe;
mod ending;
mod progress;
mod report;
mod text;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-unittest";

/// Our own reports: one file per run of a test runner.
pub(crate) const REPORTS: &str = "flaky-unittest/*.jsonl";

/// Reads our own report; without one, what was printed: unittest writes to standard error, where fewer tests print.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let death = ending::death(attempt);
    let parsed = report::parse(attempt, death)
        .or_else(|| text::parse(&attempt.stderr(), death))
        .or_else(|| text::parse(&attempt.stdout(), death));
    let mut parsed = parsed.unwrap_or_default();
    ending::diagnose(attempt, &mut parsed);
    parsed
}

/// The method's own name.
pub(crate) fn own_name(id: &str) -> &str {
    id.rsplit('.').next().filter(|name| !name.is_empty()).unwrap_or(id)
}
