//! What a parser made of one attempt: outcomes of tests, kept as columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::TestId;

/// What became of one test in one attempt. The order is that of the plugin contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Outcome {
    /// The test ran and was content.
    Passed,
    /// The test's own assertion or code failed.
    Failed,
    /// Set-up, tear-down, collection or a hook failed.
    Errored,
    /// Not run, by its own choice.
    Skipped,
    /// Failed, and was meant to.
    ExpectedFailure,
    /// Passed, and was meant to fail.
    UnexpectedPass,
    /// Ran out of the framework's or our time.
    TimedOut,
    /// The process died while it ran the test.
    Crashed,
    /// Announced, and never started.
    NotRun,
    /// The parser could not tell.
    Unknown,
}

impl Outcome {
    /// All, by their position in the contract's enum.
    pub const ALL: [Self; 10] = [
        Self::Passed,
        Self::Failed,
        Self::Errored,
        Self::Skipped,
        Self::ExpectedFailure,
        Self::UnexpectedPass,
        Self::TimedOut,
        Self::Crashed,
        Self::NotRun,
        Self::Unknown,
    ];

    /// The outcome at a position of the contract's enum.
    #[must_use]
    pub fn from_position(position: u8) -> Option<Self> {
        Self::ALL.get(usize::from(position)).copied()
    }

    /// Whether the outcome says that something went wrong.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Errored | Self::TimedOut | Self::Crashed | Self::UnexpectedPass)
    }

    /// Whether the test ran far enough for its outcome to count in a rate.
    #[must_use]
    pub const fn counts(self) -> bool {
        self.is_failure() || matches!(self, Self::Passed | Self::ExpectedFailure)
    }
}

/// What went wrong in one test of one attempt; may be empty in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The exception or assertion type, e.g. `AssertionError`.
    pub kind: String,
    /// What it said, without the kind.
    pub message: String,
    /// Stack trace or the framework's own account.
    pub trace: String,
}

/// Where a test stands in the sources.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Relative to the project's root.
    pub file: String,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Whose problem a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiagnosticLevel {
    /// Something went wrong in the attempt.
    Error,
    /// The parser could not be sure.
    Warning,
}

/// A place in what a parser read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offset {
    /// `stdout`, `stderr`, or the path of a file.
    pub source: String,
    /// Bytes from its start.
    pub byte: u64,
}

/// A problem of the attempt, a file, package or build, rather than of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whose problem it is.
    pub level: DiagnosticLevel,
    /// Kebab case, e.g. `collection-error`, `no-tests`, `usage-error`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where.
    pub location: Option<Location>,
    /// Where in what was read.
    pub at: Option<Offset>,
}

/// How sure the parser is that the framework told everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// It finished and told everything.
    Complete,
    /// It was cut off; what is here is true.
    Truncated,
    /// Nothing in this attempt is of a kind the parser knows.
    NothingRecognised,
}

/// The tests of one attempt, one column per field. All columns of per-test values have the length of `ids`,
/// or are empty where no test has the value; sparse ones name the test by its position, ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TestColumns {
    /// In the order in which the tests ran. Ids are unique: a repeated one was numbered (` #2`) by the host.
    pub ids: Vec<TestId>,
    /// Where in each id the test's own name begins, in bytes: what stands before it is its suite. 0 where the id is
    /// all there is; empty when that is so for all.
    pub name_starts: Vec<u32>,
    /// One per test.
    pub outcomes: Vec<Outcome>,
    /// Nanoseconds, `u64::MAX` where unknown; empty when no test has one.
    pub durations_ns: Vec<u64>,
    /// Sparse.
    pub locations: Vec<(u32, Location)>,
    /// Sparse; a test that failed in several ways stands here several times.
    pub failures: Vec<(u32, Failure)>,
    /// Sparse: what the framework's own tries gave, in order.
    pub tries: Vec<(u32, Vec<Outcome>)>,
}

impl TestColumns {
    /// How many tests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The test's suite, without the separator behind it, and its own name; `None` where the id is all there is.
    #[must_use]
    pub fn suite_and_name(&self, index: usize) -> Option<(&str, &str)> {
        let start = self.name_starts.get(index).copied().filter(|start| *start != 0)?;
        let (suite, name) = self.ids.get(index)?.as_str().split_at_checked(start as usize)?;
        Some((suite.trim_end_matches([':', '.', '/', '>', '$', ' ', '#', '\u{203a}']), name))
    }

    /// Whether there is no test.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// What a parser made of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedAttempt {
    /// What was read, e.g. `go-test-json`.
    pub format: String,
    /// Outcomes.
    pub tests: TestColumns,
    /// Whether that is all.
    pub completeness: Completeness,
    /// Tests the framework announced but gave no outcome for.
    pub announced: Vec<TestId>,
    /// Problems that belong to no test.
    pub diagnostics: Vec<Diagnostic>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{
        Crashed, Errored, ExpectedFailure, Failed, NotRun, Passed, Skipped, TimedOut, UnexpectedPass, Unknown,
    };

    #[test]
    fn outcomes_mean_what_the_contract_says() {
        // Position and name in the contract's enum; failure; counts in a rate.
        let table = [
            (Passed, "passed", false, true),
            (Failed, "failed", true, true),
            (Errored, "errored", true, true),
            (Skipped, "skipped", false, false),
            (ExpectedFailure, "expected-failure", false, true),
            (UnexpectedPass, "unexpected-pass", true, true),
            (TimedOut, "timed-out", true, true),
            (Crashed, "crashed", true, true),
            (NotRun, "not-run", false, false),
            (Unknown, "unknown", false, false),
        ];
        for (position, (outcome, name, fails, counts)) in (0_u8..).zip(table) {
            assert_eq!(Outcome::from_position(position), Some(outcome));
            assert_eq!(outcome as u8, position);
            assert_eq!(serde_json::to_value(outcome).unwrap(), name);
            assert_eq!((outcome.is_failure(), outcome.counts()), (fails, counts), "{name}");
        }
        for position in [10, 127, 255] {
            assert_eq!(Outcome::from_position(position), None);
        }
    }

    #[test]
    fn columns_are_as_long_as_their_ids() {
        let mut columns = TestColumns::default();
        assert!(columns.is_empty());
        columns.ids.push(TestId::new("a"));
        assert_eq!((columns.len(), columns.is_empty()), (1, false));
    }
}
