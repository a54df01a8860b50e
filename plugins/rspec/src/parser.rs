//! What RSpec said, from the best source that an attempt has.

mod document;
mod example;
mod report;
mod text;

use flaky_plugin_sdk::{Attempt, Diagnostic, PackedAttempt};

use crate::framework;

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-rspec";

/// Our own reports: one file per process.
pub(crate) const REPORTS: &str = "flaky-rspec/*.jsonl";

/// Reads our own report; without one, a document of the JSON formatter from a file; without that, what was printed: a
/// document, or text.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    report::parse(attempt)
        .or_else(|| document::of_files(attempt))
        .or_else(|| document::printed(attempt))
        .or_else(|| text::parse(attempt))
        .or_else(|| refused(attempt))
        .unwrap_or_default()
}

/// RSpec's complaints are short, and all there is.
const LONGEST_COMPLAINT: u64 = 16 * 1024;

/// Options that RSpec does not take. Nothing in the words is RSpec's own, so the command has to be.
fn refused(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    if !framework::recognises(&attempt.info().command) {
        return None;
    }
    let said = attempt.stderr().read_text(LONGEST_COMPLAINT).ok()?;
    let complaint = said.lines().find(|line| {
        ["invalid option: ", "missing argument: ", "ambiguous option: ", "invalid argument: "]
            .iter()
            .any(|start| line.starts_with(start))
    });
    let missing = said.lines().find(|line| {
        line.contains("can't find executable rspec") || line.contains("command not found: rspec")
    });
    let diagnostic = match (complaint, missing) {
        (Some(line), _) => Diagnostic::new("usage-error", line),
        (None, Some(line)) => Diagnostic::new("command-not-found", line.trim()),
        (None, None) => return None,
    };
    Some(PackedAttempt {
        format: "rspec-text".to_owned(),
        completeness: flaky_plugin_sdk::Completeness::Complete,
        diagnostics: vec![diagnostic],
        ..PackedAttempt::default()
    })
}
