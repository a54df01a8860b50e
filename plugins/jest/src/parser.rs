//! What jest said, from the best source that an attempt has.
//!
//! Ids are the same from every source: `tests/cart.test.js > describe block > title`.

mod json;
mod text;

use flaky_plugin_javascript::{SEPARATOR, read_report, sources};
use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// JSON files in the report folder.
pub(crate) const REPORTS: &str = "**/*.json";

/// Reads JSON as `--json` writes it, or the printed text.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "jest", SEPARATOR, text::failed_outcome) {
        return parsed;
    }
    let sources: Vec<_> = sources(attempt).into_iter().filter(|kept| !kept.is_ours()).collect();
    let mut found = sources.iter().find_map(|kept| json::parse(kept, &sources));
    found = found.or_else(|| sources.iter().find_map(text::parse));
    found.unwrap_or_default()
}
