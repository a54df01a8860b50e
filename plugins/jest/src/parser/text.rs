//! The text that jest prints: a line per file, in verbose mode a tree of its tests, blocks of failures, a summary.

mod blocks;
mod line;
mod run;

use flaky_plugin_javascript::{Kept, Lines};
use flaky_plugin_sdk::{Blob, Outcome, PackedAttempt};

pub(crate) use blocks::failed_outcome;
use line::header;
use run::Run;

/// `None` when the text is not jest's.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut run = Run::default();
    let mut lines = Lines::of(&kept.blob);
    while let Some(line) = lines.next_line() {
        run.line(&line.text, line.whole);
    }
    run.finish()
}

/// The files that the text names, in order.
pub(crate) fn files(blob: &Blob<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = Lines::of(blob);
    while let Some(line) = lines.next_line() {
        found.extend(header(&line.text).map(|(_, file)| file.to_owned()));
    }
    found
}

/// Whether the outcome may come from a failed test.
fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Errored | Outcome::UnexpectedPass)
}
