//! How unittest ended, and what that says.

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, Outcome, PackedAttempt};

use crate::framework::recognises;

/// The outcome of a test that ran when the process ended without a word.
pub(crate) fn death(attempt: &Attempt<'_>) -> Outcome {
    if attempt.info().exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed }
}

/// argparse ends with this code.
const USAGE: i32 = 2;

/// What argparse and the interpreter say is short, and the last that they say.
const TAIL: u64 = 16 * 1024;

/// Names what kept unittest from running tests.
pub(crate) fn diagnose(attempt: &Attempt<'_>, parsed: &mut PackedAttempt) {
    let info = attempt.info();
    if parsed.completeness != Completeness::NothingRecognised || !recognises(&info.command) {
        return;
    }
    let stderr = tail(&attempt.stderr());
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let diagnostic = match info.exit.code {
        Some(USAGE) => last.split_once(": error: ").map(|(_, said)| Diagnostic::new("usage-error", said)),
        Some(code) if code != 0 && last.contains("ModuleNotFoundError: No module named 'django'") => {
            Some(Diagnostic::new("command-not-found", last))
        }
        _ => None,
    };
    if let Some(diagnostic) = diagnostic {
        parsed.completeness = Completeness::Complete;
        parsed.diagnostics.push(diagnostic);
    }
}

fn tail(blob: &Blob<'_>) -> String {
    let at = blob.size().saturating_sub(TAIL);
    let most = u32::try_from(TAIL).unwrap_or(u32::MAX);
    String::from_utf8_lossy(&blob.read_at(at, most)).into_owned()
}
