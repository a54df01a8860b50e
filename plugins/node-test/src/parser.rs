//! The text of the reporter `spec`: a tree of titles with marks, counts, and the errors of failed tests.
//!
//! Ids are the titles of the enclosing tests and the test's own, with ` > ` between: the text names no files. What has
//! tests in it is no test itself; where it fails by itself (a hook), that is a diagnostic.

mod line;
mod run;

use flaky_plugin_javascript::{Lines, SEPARATOR, read_report, sources};
use flaky_plugin_sdk::{Attempt, PackedAttempt};

use run::Run;

/// Reads our own report, or the first source that is the reporter's.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "node-test", SEPARATOR, run::failed_outcome) {
        return parsed;
    }
    let read = |kept: &flaky_plugin_javascript::Kept<'_>| {
        let mut run = Run::default();
        let mut lines = Lines::of(&kept.blob);
        while let Some(line) = lines.next_line() {
            run.line(&line.text, line.whole);
        }
        run.finish()
    };
    sources(attempt).iter().filter(|kept| !kept.is_ours()).find_map(read).unwrap_or_default()
}
