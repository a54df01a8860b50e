//! What both forms say of tests and suites.

use flaky_plugin_sdk::{Diagnostic, Failure, Outcome, PackedTestsBuilder};

/// Format of what is printed.
pub(crate) const TEXT: &str = "robot-text";
/// Format of `output.xml`.
pub(crate) const XML: &str = "robot-xml";

/// Words of both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pass,
    Fail,
    Skip,
    /// Of a test that was announced and not begun; `NOT_RUN` before Robot 4.
    NotRun,
}

impl Status {
    pub(crate) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "PASS" => Self::Pass,
            "FAIL" => Self::Fail,
            "SKIP" => Self::Skip,
            "NOT RUN" | "NOT_RUN" => Self::NotRun,
            _ => return None,
        })
    }
}

/// A test as it ended.
#[derive(Debug)]
pub(crate) struct Test {
    /// The long name of its suite.
    pub(crate) suite: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) duration_ns: Option<u64>,
}

impl Test {
    pub(crate) fn tell(self, tests: &mut PackedTestsBuilder) {
        let outcome = self.outcome();
        let index = tests.push(&long_name(&self.suite, &self.name), outcome);
        tests.set_name(index, &self.name);
        if let Some(duration) = self.duration_ns {
            tests.set_duration(index, duration);
        }
        if self.status == Status::Fail {
            tests.add_failure(
                index,
                Failure { kind: String::new(), message: self.message, trace: String::new() },
            );
        }
    }

    fn outcome(&self) -> Outcome {
        let begins = |words: &[&str]| words.iter().any(|word| self.message.starts_with(word));
        match self.status {
            Status::Pass => Outcome::Passed,
            Status::Skip => Outcome::Skipped,
            Status::NotRun => Outcome::NotRun,
            Status::Fail if is_timeout(&self.message) => Outcome::TimedOut,
            Status::Fail
                if begins(&[
                    "Setup failed:",
                    "Teardown failed:",
                    "Parent suite setup failed:",
                    "Parent suite teardown failed:",
                ]) =>
            {
                Outcome::Errored
            }
            Status::Fail => Outcome::Failed,
        }
    }
}

/// `Test timeout 300 milliseconds exceeded.`
fn is_timeout(message: &str) -> bool {
    let first = message.lines().next().unwrap_or_default();
    (first.starts_with("Test timeout ") || first.starts_with("Task timeout "))
        && first.ends_with(" exceeded.")
}

pub(crate) fn long_name(suite: &str, name: &str) -> String {
    if suite.is_empty() { name.to_owned() } else { format!("{suite}.{name}") }
}

/// What went wrong in the set-up or tear-down of a suite; `None` for a suite that only holds tests that failed.
pub(crate) fn suite_error(suite: &str, message: &str) -> Option<Diagnostic> {
    let (what, said) = message.split_once(" failed:")?;
    let is_own = matches!(what, "Suite setup" | "Suite teardown");
    is_own.then(|| Diagnostic::new("suite-error", format!("{what} of `{suite}`: {}", said.trim())))
}
