//! The text that vitest prints: tests or files with marks, a summary, and errors, these on standard error.

mod errors;
mod line;
mod run;

use flaky_plugin_javascript::{Kept, Lines, Root};
use flaky_plugin_sdk::{Diagnostic, PackedAttempt, Source};

use errors::Errors;
use run::Run;

/// `None` when no source is vitest's. Errors are told by a source of their own.
pub(crate) fn parse(sources: &[Kept<'_>]) -> Option<PackedAttempt> {
    for kept in sources {
        let mut run = Run::default();
        let mut lines = Lines::of(&kept.blob);
        while let Some(line) = lines.next_line() {
            run.line(&line.text, line.whole);
        }
        if !run.is_vitest() {
            continue;
        }
        let others = sources.iter().filter(|other| other.source != kept.source && is_printed(other));
        for other in others {
            run.errors.append(read_errors(other));
        }
        return Some(run.finish());
    }
    sources.iter().filter(|kept| is_printed(kept)).find_map(|kept| read_errors(kept).refusal())
}

/// Errors that belong to no test.
pub(crate) fn unhandled(kept: &Kept<'_>) -> Vec<Diagnostic> {
    read_errors(kept).unhandled
}

/// The folder that vitest says it runs in.
pub(crate) fn root(sources: &[Kept<'_>]) -> Option<Root> {
    sources.iter().filter(|kept| is_printed(kept)).find_map(|kept| {
        let mut lines = Lines::of(&kept.blob);
        while let Some(line) = lines.next_line() {
            if let Some(folder) = run::start(&line.text).filter(|_| line.whole) {
                return Some(Root::at(folder));
            }
        }
        None
    })
}

fn is_printed(kept: &Kept<'_>) -> bool {
    matches!(kept.source, Source::Stdout | Source::Stderr)
}

fn read_errors(kept: &Kept<'_>) -> Errors {
    let mut errors = Errors::default();
    let mut lines = Lines::of(&kept.blob);
    while let Some(line) = lines.next_line() {
        errors.line(&line.text);
    }
    errors.end();
    errors
}
