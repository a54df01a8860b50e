//! The text of the reporter `list`, and what all text reporters say at the end.

mod line;
mod run;
mod sections;

use flaky_plugin_javascript::{Kept, Lines};
use flaky_plugin_sdk::PackedAttempt;

use run::Run;

/// `None` when the text is not Playwright's.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut run = Run::default();
    let mut lines = Lines::of(&kept.blob);
    while let Some(line) = lines.next_line() {
        run.line(&line.text, line.whole);
    }
    run.finish()
}
