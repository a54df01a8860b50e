//! The log of service messages that we asked for.

use flaky_plugin_sdk::{Attempt, Diagnostic, Outcome, PackedAttempt};
use flaky_plugin_teamcity::{Log, Test};

use super::{FOLDER, is_class, text};

/// `None` when there is no log with anything in it: PHPUnit did not get as far as running tests.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut logs = attempt.reports().filter_map(|(path, blob)| {
        let is_ours = path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'));
        if is_ours { Log::read(&blob) } else { None }
    });
    let mut log = logs.next()?;
    log.tests.iter_mut().for_each(refine);
    let exit = &attempt.info().exit;
    let ended = exit.signal.is_none() && !exit.timed_out;
    let mut parsed = log.pack(ended, exit.timed_out);
    parsed.format = "phpunit-log".to_owned();
    for diagnostic in &mut parsed.diagnostics {
        if diagnostic.code == "no-tests" {
            *diagnostic = Diagnostic::new("no-tests", "PHPUnit found no test to run");
        }
    }
    // Errors of hooks and of classes are printed, and no message tells of them.
    if let Some(printed) = text::parse(attempt) {
        let known = |code: &str| matches!(code, "hook-failed" | "internal-error");
        parsed.diagnostics.extend(printed.diagnostics.into_iter().filter(|found| known(&found.code)));
    }
    Some(parsed)
}

/// Messages know only failures: exceptions show by what they say.
fn refine(test: &mut Test) {
    if test.outcome != Some(Outcome::Failed) {
        return;
    }
    let Some(failure) = test.failures.first_mut() else { return };
    // `InvalidArgumentException : no such`; of a whole class `RuntimeException: nothing works in …`.
    let named = |class: &str| is_class(class) && (class.ends_with("Exception") || class.ends_with("Error"));
    let split = failure.message.split_once(" : ").filter(|(class, _)| is_class(class));
    let split = split.or_else(|| failure.message.split_once(": ").filter(|(class, _)| named(class)));
    if let Some((class, said)) = split {
        let (class, said) = (class.to_owned(), said.to_owned());
        failure.kind = class;
        failure.message = said;
        test.outcome = Some(Outcome::Errored);
    }
}
