//! What PHPUnit said, from the best source that an attempt has.

mod debug;
mod defects;
mod report;
mod testdox;
mod text;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

/// Folder of the log that we ask for, in the report folder.
pub(crate) const FOLDER: &str = "flaky-phpunit";

/// The log.
pub(crate) const REPORTS: &str = "flaky-phpunit/*.log";

/// Reads the log; without one, the printed text.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    report::parse(attempt).or_else(|| text::parse(attempt)).unwrap_or_default()
}

/// Whether a text can be the name of an exception: a class of PHP, with its namespace.
fn is_class(text: &str) -> bool {
    !text.is_empty()
        && text.split('\\').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}
