//! A test as its log tells of it.

use flaky_plugin_console::Test;
use flaky_plugin_sdk::{Failure, Outcome};

use crate::report::Report;

/// What the log says of one test.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// `suite/inner/name`, as Boost.Test names it itself, without the module.
    pub(crate) path: String,
    pub(crate) failures: Vec<Failure>,
    /// Where an exception came from: `"name" fixture ctor`, `"name" test entry`.
    pub(crate) checkpoint: String,
    pub(crate) duration_ns: Option<u64>,
}

impl Case {
    pub(crate) fn new(path: String) -> Self {
        Self { path, ..Self::default() }
    }

    /// The test, with what the report says of it, where there is one.
    pub(crate) fn into_test(self, report: &Report) -> Test {
        let outcome = report.outcome(&self.path).unwrap_or_else(|| self.own_outcome());
        let detailed = match outcome {
            Outcome::Failed => self.own_outcome(),
            told => told,
        };
        let outcome = if detailed == Outcome::Passed { outcome } else { detailed };
        Test { failures: self.failures, duration_ns: self.duration_ns, ..test_of(&self.path, outcome) }
    }

    /// What the log alone tells.
    pub(crate) fn own_outcome(&self) -> Outcome {
        let says = |starts: &[&str]| {
            self.failures.iter().any(|failure| starts.iter().any(|start| failure.message.starts_with(start)))
        };
        if self.failures.is_empty() {
            Outcome::Passed
        } else if says(&["signal: SIGALRM (timeout"]) {
            Outcome::TimedOut
        } else if says(&["signal: ", "memory access violation"]) {
            Outcome::Crashed
        } else if self.checkpoint.contains("\" fixture ") {
            Outcome::Errored
        } else {
            Outcome::Failed
        }
    }
}

/// `suite/name`
pub(crate) fn test_of(path: &str, outcome: Outcome) -> Test {
    Test { name_start: path.rfind('/').map_or(0, |slash| slash + 1), ..Test::new(path, outcome) }
}

/// `std::runtime_error: no such item` as kind and message; other messages have no kind.
pub(crate) fn failure_of(message: &str, trace: String) -> Failure {
    let (kind, said) = match message.split_once(": ") {
        Some((kind, said)) if is_type(kind) => (kind, said),
        _ => ("", message),
    };
    Failure { kind: kind.to_owned(), message: said.to_owned(), trace }
}

fn is_type(text: &str) -> bool {
    text.contains("::")
        && text.chars().all(|c| c.is_alphanumeric() || "_:<>,* ".contains(c))
        && !text.contains(": ")
}
