//! What Gradle prints of its test tasks. What tests print is shown only when asked for, and then it is indented: a
//! result stands at the beginning of a line.

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, push_line, visible};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, Source};

/// What was printed, when it was Gradle that printed it.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    tests: TestsSoFar,
    /// A test task began: `> Task :test`, `:test` before version 4.7.
    has_task: bool,
    /// `BUILD SUCCESSFUL in 3s` or its contrary.
    ended: Option<Ended>,
    passes_named: bool,
    no_source: bool,
    /// `7 tests completed, 4 failed, 1 skipped`, over all tasks.
    completed: Option<u64>,
    /// The failed test that the line belongs to.
    open: Option<usize>,
    problems: Vec<Diagnostic>,
    /// After `* What went wrong:`.
    went_wrong: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Badly,
}

/// Reads standard output, or else standard error; what went wrong is told by the latter.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<Printed> {
    let mut printed = Printed::default();
    for source in [Source::Stdout, Source::Stderr] {
        let Some(blob) = attempt.open(&source) else { continue };
        let mut lines = blob.lines();
        while let Some(line) = lines.next_line() {
            printed.line(&visible(line.bytes));
        }
        printed.open = None;
        if blob.cut().is_some() {
            printed.ended = None;
        }
    }
    let has_something = printed.has_task || !printed.problems.is_empty();
    let is_gradle = printed.ended.is_some() || (printed.has_task && !printed.tests.0.is_empty());
    (has_something && is_gradle).then_some(printed)
}

impl Printed {
    fn line(&mut self, line: &str) {
        if let Some(index) = self.open {
            if line.starts_with("    ") {
                self.trace(index, line.get(4..).unwrap_or_default());
                return;
            }
            if !line.is_empty() {
                self.open = None;
            }
        }
        if line.starts_with(' ') || line.is_empty() {
            return;
        }
        if let Some(outcome) = task(line) {
            self.has_task = true;
            self.no_source |= outcome == "NO-SOURCE";
        } else if line.starts_with("BUILD SUCCESSFUL") {
            self.ended = Some(Ended::Well);
        } else if line.starts_with("BUILD FAILED") || line == "FAILURE: Build failed with an exception." {
            self.ended = Some(Ended::Badly);
        } else if line == "* What went wrong:" {
            self.went_wrong = true;
        } else if std::mem::take(&mut self.went_wrong) {
            self.problem(line);
        } else if let Some(count) = completed(line) {
            self.completed = Some(self.completed.unwrap_or(0).saturating_add(count));
        } else if line.starts_with("> No tests found for given includes: ") {
            self.problems = vec![Diagnostic::new("no-tests", line.trim_start_matches("> "))];
        } else if line.starts_with("> There were failing tests")
            || line.starts_with("> There were test failures")
        {
            self.problems.pop();
        } else if self.has_task {
            self.result(line);
        }
    }

    fn problem(&mut self, line: &str) {
        self.problems.push(Diagnostic::new("build-failed", line));
    }

    /// `CartTest > adds() PASSED`
    fn result(&mut self, line: &str) {
        let Some((path, word)) = line.rsplit_once(' ') else { return };
        let outcome = match word {
            "PASSED" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            "SKIPPED" => Outcome::Skipped,
            _ => return,
        };
        let Some((suite, name)) = path.rsplit_once(" > ") else { return };
        // What failed before the tests of a class.
        let is_class = matches!(name, "classMethod" | "initializationError" | "executionError");
        let outcome = if is_class && outcome == Outcome::Failed { Outcome::Errored } else { outcome };
        self.passes_named |= outcome == Outcome::Passed;
        let mut test = Test::of_suite(suite, " > ", name, outcome);
        if matches!(outcome, Outcome::Failed | Outcome::Errored) {
            test.failures.push(Failure::new("", ""));
            self.open = Some(self.tests.0.len());
        }
        self.tests.0.push(test);
    }

    fn trace(&mut self, index: usize, line: &str) {
        let failure = self.tests.0.get_mut(index).and_then(|test| test.failures.first_mut());
        if let Some(failure) = failure.filter(|failure| failure.trace.len() < MOST_TEXT) {
            push_line(&mut failure.trace, line);
        }
    }

    /// What kept tests from running.
    pub(crate) fn problems(&self) -> Vec<Diagnostic> {
        self.problems.clone()
    }

    pub(crate) fn into_attempt(mut self) -> PackedAttempt {
        for test in &mut self.tests.0 {
            for failure in &mut test.failures {
                *failure = failure_of(&failure.trace);
            }
            let timed_out = test.failures.iter().any(|f| {
                f.kind.ends_with("TestTimedOutException") || f.kind == "java.util.concurrent.TimeoutException"
            });
            if timed_out && test.outcome == Outcome::Failed {
                test.outcome = Outcome::TimedOut;
            }
        }
        let mut diagnostics = self.problems;
        let named = self.tests.0.len() as u64;
        let all_named = match (self.completed, self.ended) {
            (_, None) => false,
            (Some(completed), _) => completed == named,
            // Nothing failed, so nothing was counted.
            (None, Some(Ended::Well)) => self.passes_named || (named == 0 && self.no_source),
            (None, Some(Ended::Badly)) => named == 0,
        };
        if all_named && named == 0 && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "Gradle found no test to run"));
        } else if !all_named {
            let unnamed = Diagnostic::new("unnamed-tests", "the tests that passed are not named");
            diagnostics.push(unnamed.hint("the reports in `build/test-results` name them"));
        }
        PackedAttempt {
            format: "gradle-console".to_owned(),
            tests: self.tests.pack(),
            completeness: if all_named { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        }
    }
}

/// What became of a test task, perhaps nothing yet: `> Task :core:test FAILED`, `:test`.
fn task(line: &str) -> Option<&str> {
    let path = line.strip_prefix("> Task ").unwrap_or(line);
    let (path, outcome) = path.split_once(' ').unwrap_or((path, ""));
    let name = path.strip_prefix(':')?.rsplit(':').next()?;
    let is_outcome =
        outcome.is_empty() || outcome.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    (is_outcome && crate::framework::is_test_task(name)).then_some(outcome)
}

/// `7 tests completed, 4 failed, 1 skipped`
fn completed(line: &str) -> Option<u64> {
    let (count, rest) = line.split_once(" test")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(" completed")?;
    (rest.is_empty() || rest.starts_with(", ")).then(|| count.parse().ok())?
}

/// `java.lang.IllegalStateException: no such item` and frames, or in short `java.lang.IllegalStateException at
/// CartTest.java:36`.
fn failure_of(trace: &str) -> Failure {
    let said: Vec<&str> = trace.lines().take_while(|line| !line.trim_start().starts_with("at ")).collect();
    let said = said.join("\n");
    let said = said.trim_end();
    let head = said.lines().next().unwrap_or_default();
    let split = said.split_once(':').filter(|(kind, _)| is_class(kind));
    let short = head.split_once(" at ").filter(|(kind, _)| is_class(kind));
    let (kind, message) = match (split, short) {
        (Some((kind, message)), _) => (kind, message.trim_start()),
        (None, Some((kind, place))) => (kind, place),
        (None, None) if is_class(said) => (said, ""),
        (None, None) => ("", said),
    };
    Failure { kind: kind.to_owned(), message: message.to_owned(), trace: trace.trim_end().to_owned() }
}

fn is_class(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || "._$".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_tasks_of_all_versions_are_known() {
        let cases = [
            (":test", Some("")),
            ("> Task :test", Some("")),
            ("> Task :core:test FAILED", Some("FAILED")),
            (":app:testDebugUnitTest NO-SOURCE", Some("NO-SOURCE")),
            ("> Task :integrationTest UP-TO-DATE", Some("UP-TO-DATE")),
            ("> Task :compileTestJava", None),
            ("> Task :testClasses", None),
            (":test was here", None),
            ("test", None),
        ];
        for (line, expected) in cases {
            assert_eq!(task(line), expected, "{line}");
        }
    }
}
