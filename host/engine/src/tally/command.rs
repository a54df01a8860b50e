//! The command taken as a test: where no framework tells of tests, or where it fails and no test does.

use flaky_core::ids::TestId;
use flaky_core::ledger::AttemptRecord;
use flaky_core::parsed::{Completeness, Failure, Outcome, ParsedAttempt, TestColumns};

use crate::attempt::exit_in_words;

#[derive(Debug)]
pub(super) struct CommandResult {
    pub(super) record: AttemptRecord,
    /// No parser spoke, or what it said does not explain the exit code.
    pub(super) speaks: bool,
}

pub(super) fn command_failure(exit: flaky_core::attempt::Exit, tail: Option<&str>) -> Failure {
    let tail = tail.unwrap_or_default();
    let last = tail.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    Failure { kind: exit_in_words(exit), message: last.to_owned(), trace: tail.to_owned() }
}

pub(super) fn one_test(id: &TestId, outcome: Outcome, failure: Option<Failure>) -> ParsedAttempt {
    ParsedAttempt {
        format: String::new(),
        tests: TestColumns {
            ids: vec![id.clone()],
            outcomes: vec![outcome],
            failures: failure.map(|f| (0, f)).into_iter().collect(),
            ..TestColumns::default()
        },
        completeness: Completeness::Complete,
        announced: Vec::new(),
        diagnostics: Vec::new(),
    }
}

pub(super) fn nothing_told() -> ParsedAttempt {
    ParsedAttempt {
        format: String::new(),
        tests: TestColumns::default(),
        completeness: Completeness::Truncated,
        announced: Vec::new(),
        diagnostics: Vec::new(),
    }
}
