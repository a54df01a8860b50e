//! The text of the reporter `spec`: a tree of titles with marks, counts, and the errors, by number.

mod errors;
mod line;
mod run;

use flaky_plugin_javascript::{Kept, Lines};
use flaky_plugin_sdk::{Completeness, PackedAttempt};

use run::Run;

/// `None` when the text is not mocha's.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let read = |mut run: Run| {
        let mut lines = Lines::of(&kept.blob);
        while let Some(line) = lines.next_line() {
            run.line(&line.text, line.whole);
        }
        run.finish()
    };
    let parsed = read(Run::default())?;
    if parsed.completeness == Completeness::Complete {
        return Some(parsed);
    }
    // Tests that are missing may stand behind printed text, if that explains all.
    let glued = read(Run::of_glued()).filter(|glued| glued.completeness == Completeness::Complete);
    Some(glued.unwrap_or(parsed))
}
