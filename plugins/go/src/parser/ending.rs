//! What kept Go from running tests.

use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, PackedAttempt};
use flaky_plugin_text::plain;

use crate::framework::recognises;

/// Go's complaints are short and come first.
const MOST_LINES: usize = 200;

/// Names the fault when a `go test` ended before any package.
pub(super) fn explain(attempt: &Attempt<'_>) -> PackedAttempt {
    let info = attempt.info();
    if !recognises(&info.command) || info.exit.code.is_none_or(|code| code == 0) {
        return PackedAttempt::default();
    }
    let stderr = attempt.stderr();
    let mut lines = stderr.lines_up_to(16 * 1024);
    for _ in 0..MOST_LINES {
        let Some(line) = lines.next_line() else { break };
        let text = plain(line.bytes);
        let code = if text.starts_with("no packages to test") || text.contains("matched no packages") {
            "no-tests"
        } else if text.starts_with("flag provided but not defined")
            || text.starts_with("go: ")
                && !text.starts_with("go: downloading ")
                && !text.starts_with("go: finding ")
            || text.starts_with("pattern ")
        {
            "usage-error"
        } else {
            continue;
        };
        return PackedAttempt {
            completeness: Completeness::Complete,
            diagnostics: vec![Diagnostic::new(code, text.into_owned())],
            ..PackedAttempt::default()
        };
    }
    PackedAttempt::default()
}
