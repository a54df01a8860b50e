//! What pytest said, from the best source that an attempt has.

mod ending;
mod failure;
mod records;
mod report;
mod text;
mod xml;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-pytest";

/// Our own reports: one file per session of pytest.
pub(crate) const REPORTS: &str = "flaky-pytest/*.jsonl";

/// Reads our own report; without one, the JUnit XML that pytest was asked for; without that, the printed text.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let parsed = report::parse(attempt).or_else(|| xml::parse(attempt)).or_else(|| text::parse(attempt));
    let mut parsed = parsed.unwrap_or_default();
    ending::diagnose(attempt, &mut parsed);
    parsed
}
