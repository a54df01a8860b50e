//! What nextest said, from the best source that an attempt has.

mod json;
mod line;
mod report;
mod text;
mod xml;

use flaky_plugin_sdk::{Attempt, Completeness, PackedAttempt};

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-nextest";

/// Our own report.
pub(crate) const REPORTS: &str = "flaky-nextest/*.xml";

/// The printed text tells all, also of a run that was killed, unless the user hides tests that pass: then the report
/// that nextest wrote at its end does.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    for (_, blob) in attempt.reports() {
        if let Some(parsed) = json::parse(&blob, attempt) {
            return parsed;
        }
    }
    let printed = [attempt.stdout(), attempt.stderr()].iter().find_map(|blob| text::parse(blob, attempt));
    match printed {
        Some(parsed) if parsed.completeness == Completeness::Complete => parsed,
        printed => {
            let other = || json::parse(&attempt.stdout(), attempt);
            xml::parse(attempt).or(printed).or_else(other).unwrap_or_default()
        }
    }
}
