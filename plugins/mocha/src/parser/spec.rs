//! The text of the reporter `spec`: a tree of titles with marks, counts, and the errors, by number.

mod errors;
mod line;
mod run;

use flaky_plugin_javascript::{Kept, Lines};
use flaky_plugin_sdk::PackedAttempt;

use run::Run;

/// `None` when the text is not mocha's.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut run = Run::default();
    let mut lines = Lines::of(&kept.blob);
    while let Some(line) = lines.next_line() {
        run.line(&line.text, line.whole);
    }
    run.finish()
}
