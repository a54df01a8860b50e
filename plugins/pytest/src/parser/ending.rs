//! How pytest ended, and what that says.

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, Outcome, PackedAttempt};

use crate::framework::recognises;

/// Only so much of the standard error is looked at: what pytest says there is short, and stands at its end.
const TAIL: u64 = 256 * 1024;

/// The outcome of a test that ran when pytest ended without a word.
pub(crate) fn death(attempt: &Attempt<'_>) -> Outcome {
    let out_of_time = attempt.info().exit.timed_out
        || [attempt.stderr(), attempt.stdout()].iter().any(ended_by_pytest_timeout);
    if out_of_time { Outcome::TimedOut } else { Outcome::Crashed }
}

/// pytest-timeout's other method prints all stacks between two such lines and ends the process.
fn ended_by_pytest_timeout(stderr: &Blob<'_>) -> bool {
    tail(stderr).lines().any(|line| {
        let middle = line.trim_matches('+');
        line.len() - middle.len() > 8 && middle.trim() == "Timeout"
    })
}

fn tail(blob: &Blob<'_>) -> String {
    let mut at = blob.size().saturating_sub(TAIL);
    let mut bytes = Vec::new();
    while let chunk = blob.read_at(at, 64 * 1024)
        && !chunk.is_empty()
    {
        at += chunk.len() as u64;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Names what kept pytest from running tests: pytest's own exit codes, and its absence.
pub(crate) fn diagnose(attempt: &Attempt<'_>, parsed: &mut PackedAttempt) {
    let ours = parsed.completeness != Completeness::NothingRecognised || recognises(&attempt.info().command);
    if !ours {
        return;
    }
    let ran = !parsed.tests.id_ends.is_empty();
    let diagnostic = match attempt.info().exit.code {
        Some(1) if !ran => missing(&tail(&attempt.stderr())),
        Some(3) => Some(Diagnostic::new("internal-error", "pytest broke (exit code 3)")),
        Some(4) => Some(refused(&tail(&attempt.stderr()))),
        Some(5) => Some(Diagnostic::new("no-tests", "pytest found no test to run (exit code 5)")),
        _ => None,
    };
    let Some(diagnostic) = diagnostic else { return };
    if parsed.completeness == Completeness::NothingRecognised {
        parsed.completeness = Completeness::Complete;
    }
    if !parsed.diagnostics.iter().any(|known| known.code == diagnostic.code) {
        parsed.diagnostics.push(diagnostic);
    }
}

/// `python -m pytest` where it is not installed.
fn missing(stderr: &str) -> Option<Diagnostic> {
    let line = stderr.lines().find(|line| line.trim_end().ends_with("No module named pytest"))?;
    Some(
        Diagnostic::new("command-not-found", line.trim())
            .hint("install pytest, or name it in the project's requirements"),
    )
}

/// What pytest says with exit code 4: an option or path that it does not take, or a `conftest.py` that cannot be
/// imported.
fn refused(stderr: &str) -> Diagnostic {
    if let Some(start) = stderr.find("ImportError while loading conftest") {
        let text = stderr.get(start..).unwrap_or_default();
        let cause = text.lines().rev().find_map(|line| line.strip_prefix("E  ")).map_or("", str::trim);
        let first = text.lines().next().unwrap_or_default();
        return Diagnostic::new("collection-error", format!("{first} {cause}").trim());
    }
    let mut said: Vec<&str> = stderr
        .lines()
        .filter_map(|line| {
            // `pytest: error: unrecognized arguments: --x`, under whatever name pytest was called.
            let error = line.find(": error: ").and_then(|colon| line.get(colon + 9..));
            error.or_else(|| line.strip_prefix("ERROR: ").filter(|rest| !rest.starts_with("usage:")))
        })
        .map(str::trim)
        .collect();
    // Some versions say it twice.
    said.dedup();
    let message = if said.is_empty() {
        "pytest refused its arguments (exit code 4)".to_owned()
    } else {
        said.join("; ")
    };
    Diagnostic::new("usage-error", message)
}
