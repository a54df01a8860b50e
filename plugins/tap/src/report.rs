//! What streams of TAP tell, in the words of the contract.

use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder,
};

use crate::reading::{Stream, Test, description};
use crate::stderr::Said;

/// Streams of TAP, in the words of the contract.
#[derive(Debug)]
pub(crate) struct Report {
    tests: PackedTestsBuilder,
    announced: Vec<String>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    said: Said,
    pub(crate) cut: bool,
    was_ended: bool,
}

impl Report {
    pub(crate) fn of(attempt: &Attempt<'_>) -> Self {
        let exit = &attempt.info().exit;
        Self {
            tests: PackedTestsBuilder::default(),
            announced: Vec::new(),
            diagnostics: Vec::new(),
            said: Said::read(&attempt.stderr()),
            cut: false,
            was_ended: exit.timed_out || exit.signal.is_some(),
        }
    }

    /// Adds the tests of a stream, and says whether one of them failed.
    pub(crate) fn add(&mut self, mut stream: Stream, file: &str, todo_runs: bool) -> bool {
        let begun = stream.settle();
        let inside = |id: &str| if file.is_empty() { id.to_owned() } else { format!("{file} > {id}") };
        self.announced.extend(begun.iter().map(|id| inside(id)));
        if let Some(why) = &stream.bail_out {
            self.diagnostics.push(Diagnostic::new("bail-out", why.clone()));
        }
        self.cut |= !stream.is_whole();
        let mut failed = false;
        for test in std::mem::take(&mut stream.tests) {
            failed |= self.add_test(test, file, todo_runs);
        }
        failed
    }

    fn add_test(&mut self, test: Test, file: &str, todo_runs: bool) -> bool {
        let mut outcome = test.point.outcome(todo_runs);
        let hook = test.details.failure_type() == Some("hookFailed");
        if outcome == Outcome::Failed {
            outcome = match test.details.failure_type() {
                Some("testTimeoutFailure") => Outcome::TimedOut,
                Some("hookFailed" | "cancelledByParent") => Outcome::Errored,
                _ if test.comment.starts_with("Timeout of ") => Outcome::TimedOut,
                _ => Outcome::Failed,
            };
        }
        let name = description(&test.point);
        let mut path: Vec<&str> = test.parents.iter().map(String::as_str).rev().collect();
        if !file.is_empty() {
            path.insert(0, file);
        }
        path.push(&name);
        let id = path.join(" > ");
        let failure = self.failure(&test, &name);
        if test.details.is_suite() {
            // A group's own failure is that of its hooks.
            if hook {
                let said = failure.map(|failure| failure.message).unwrap_or_default();
                self.diagnostics.push(Diagnostic::new("hook-failed", format!("{id}: {said}")));
            }
            return false;
        }
        let failure = match failure {
            Some(failure) if outcome == Outcome::Failed && failure.message.starts_with("Timeout of ") => {
                outcome = Outcome::TimedOut;
                Some(failure)
            }
            failure => failure,
        };
        let index = self.tests.push(&id, outcome);
        self.tests.set_name(index, &name);
        if let Some(nanoseconds) = test.details.nanoseconds().or(test.point.nanoseconds) {
            self.tests.set_duration(index, nanoseconds);
        }
        if let Some(location) = test.details.location() {
            self.tests.set_location(index, &location.file, location.line);
        }
        let failed = matches!(
            outcome,
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::UnexpectedPass
        );
        if let Some(failure) = failure.filter(|_| failed) {
            self.tests.add_failure(index, failure);
        }
        failed
    }

    fn failure(&mut self, test: &Test, name: &str) -> Option<Failure> {
        if test.point.ok || test.point.directive.is_some() {
            return None;
        }
        if test.details.is_some() {
            return Some(test.details.failure(name));
        }
        if test.comment.trim().is_empty() {
            return self.said.take(&test.point.description);
        }
        // mocha's text is the message, and once more with the stack.
        let is_stack = |line: &&str| line.trim_start().starts_with("at ") || is_error(line);
        let message: Vec<&str> = test.comment.lines().take_while(|line| !is_stack(line)).collect();
        let message = message.join("\n").trim().to_owned();
        let message = if message.is_empty() { test.comment.trim().to_owned() } else { message };
        Some(Failure { kind: String::new(), message, trace: test.comment.clone() })
    }

    pub(crate) fn add_file(&mut self, file: &str, outcome: Outcome, failure: Option<Failure>) {
        let index = self.tests.push(file, outcome);
        self.tests.set_location(index, file, None);
        if let Some(failure) = failure {
            self.tests.add_failure(index, failure);
        }
    }

    pub(crate) fn finish(mut self, format: &str) -> PackedAttempt {
        let whole = !self.cut && !self.was_ended;
        if whole && self.tests.is_empty() && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "the plan has no tests"));
        }
        PackedAttempt {
            format: format.to_owned(),
            tests: self.tests.finish(),
            completeness: if whole { Completeness::Complete } else { Completeness::Truncated },
            announced: if whole { Vec::new() } else { self.announced },
            diagnostics: self.diagnostics,
        }
    }
}

/// `AssertionError [ERR_ASSERTION]: …` at the beginning of a line.
fn is_error(line: &str) -> bool {
    let word = line.split([':', ' ']).next().unwrap_or_default();
    word.ends_with("Error") && word.chars().all(char::is_alphanumeric)
}
