//! What Playwright Test said, from the best source that an attempt has.
//!
//! Ids are `[project] > tests/cart.spec.ts > describe block > title`; without `[project]` where projects have no
//! names. Files are named from the folder of the configuration, as the text of newer versions does; the text of older
//! ones names them from the folder of the tests.

mod json;
mod text;

use flaky_plugin_javascript::sources;
use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// JSON files in the report folder.
pub(crate) const REPORTS: &str = "**/*.json";

/// Reads JSON as its reporter writes it, or the text of the reporter `list` and what others say of failed tests.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let sources = sources(attempt);
    let mut found = sources.iter().find_map(json::parse);
    found = found.or_else(|| sources.iter().find_map(text::parse));
    found.unwrap_or_default()
}
