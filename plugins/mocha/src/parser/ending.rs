//! What kept mocha from running any test.

use flaky_plugin_javascript::{Kept, Lines, first_paragraph};
use flaky_plugin_sdk::{Completeness, Diagnostic, PackedAttempt};

/// Only so much of a text is looked at: what mocha says of itself is short.
const MOST_LINES: usize = 2000;

/// `None` when mocha said nothing of the kind.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut lines = Lines::of(&kept.blob);
    let mut text = String::new();
    let mut code = None;
    for _ in 0..MOST_LINES {
        let Some(line) = lines.next_line() else { break };
        let line = line.text;
        if code.is_none() {
            code = Some(if line.starts_with("Error: No test files found") {
                "no-tests"
            } else if line.starts_with(" Exception during run: ") {
                "collection-error"
            } else if line.starts_with("✖ ERROR: ") || line.starts_with(" × ERROR: ") {
                "usage-error"
            } else if line.starts_with("Error: ") || line.starts_with("SyntaxError: ") {
                "collection-error"
            } else {
                continue;
            });
        }
        text.push_str(&line);
        text.push('\n');
    }
    let code = code?;
    // What anybody could have printed counts only with mocha's own code in the stack.
    let own = text.contains("/mocha/lib/") || text.contains("/mocha/bin/") || text.contains("\\mocha\\lib\\");
    if code != "no-tests" && !own {
        return None;
    }
    let said = first_paragraph(&text);
    let said = said.trim_start_matches("Exception during run: ").trim_start_matches("✖ ERROR: ");
    let head: Vec<&str> = said
        .lines()
        .take_while(|line| !line.starts_with("at ") && !line.starts_with("Require stack"))
        .collect();
    Some(PackedAttempt {
        format: "mocha-text".to_owned(),
        completeness: Completeness::Complete,
        diagnostics: vec![Diagnostic::new(code, head.join("\n"))],
        ..PackedAttempt::default()
    })
}
