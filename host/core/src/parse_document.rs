//! The document that `flaky parse --json` writes: what a parser saw in one file. Its JSON Schema is published as
//! `docs/schema/parse.schema.json`. Fields are only ever added within one `parse_version`.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::TestId;
use crate::parsed::{
    Completeness, Diagnostic, DiagnosticLevel, Failure, Outcome, ParsedAttempt, TestColumns,
};

/// Version of [`ParseDocument`].
pub const PARSE_VERSION: u32 = 1;

/// What a parser saw in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParseDocument {
    /// Version of this document's shape.
    pub parse_version: u32,
    /// The file as it was named; `-` is standard input.
    pub file: String,
    /// The parser that read it; null when none recognised it.
    pub parser: Option<String>,
    /// What was read, e.g. `go-test-json`; null when nothing was.
    pub format: Option<String>,
    /// How the parser came to read it; null when nothing was read.
    pub chosen: Option<Chosen>,
    /// Names of other parsers that recognised the file too.
    pub also_recognised_by: Vec<String>,
    /// Whether the framework finished and told everything.
    pub complete: bool,
    /// In the order in which they ran.
    pub tests: Vec<ParsedTest>,
    /// Ids of tests that the framework announced but gave no outcome for.
    pub announced: Vec<TestId>,
    /// What went wrong in the attempt rather than in a test: a file, package, build or hook.
    pub errors: Vec<ParsedError>,
    /// What the parser could not be sure of.
    pub warnings: Vec<ParsedWarning>,
}

/// How a parser came to read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// It was named.
    Named,
    /// No other recognised the file.
    Only,
    /// Others recognised it too, and a fixed rule decided: report files before text, then who names more tests, then
    /// the parser's name.
    Among,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParsedTest {
    /// Stable across attempts; a repeated one has a number (` #2`).
    pub id: TestId,
    /// The test's own name: the end of the id, or all of it, without the number that tells repeated ids apart.
    pub name: String,
    /// What stands before the name: class, file, package; null where the id is all there is.
    pub suite: Option<String>,
    /// Relative to the project, where the framework said so.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// What became of it.
    pub outcome: Outcome,
    /// Milliseconds; null when the framework did not say.
    pub duration_ms: Option<f64>,
    /// What went wrong, kind and message, as people read it.
    pub message: Option<String>,
    /// The exception or assertion type.
    pub kind: Option<String>,
    /// Stack trace, or the framework's own account.
    pub trace: Option<String>,
    /// How often the framework tried it.
    pub attempts: u32,
    /// Outcomes of these tries, in order; empty when there was one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<Outcome>,
}

/// A problem of the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParsedError {
    /// Kebab case, e.g. `collection-error`, `no-tests`, `usage-error`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
}

/// A doubt of the parser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParsedWarning {
    /// Kebab case.
    pub code: String,
    /// What is doubtful.
    pub message: String,
    /// `stdout`, or the path of the file as a report.
    pub source: Option<String>,
    /// Bytes from its start.
    pub offset: Option<u64>,
}

impl ParseDocument {
    /// Of a file that no parser recognised.
    #[must_use]
    pub fn not_recognised(file: &str) -> Self {
        Self {
            parse_version: PARSE_VERSION,
            file: file.to_owned(),
            parser: None,
            format: None,
            chosen: None,
            also_recognised_by: Vec::new(),
            complete: false,
            tests: Vec::new(),
            announced: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Of what a parser made of a file.
    #[must_use]
    pub fn read(file: &str, parser: &str, chosen: Chosen, also: Vec<String>, parsed: ParsedAttempt) -> Self {
        let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
            parsed.diagnostics.into_iter().partition(|d| d.level == DiagnosticLevel::Error);
        Self {
            parser: Some(parser.to_owned()),
            format: Some(parsed.format).filter(|format| !format.is_empty()),
            chosen: Some(chosen),
            also_recognised_by: also,
            complete: parsed.completeness == Completeness::Complete,
            tests: tests(parsed.tests),
            announced: parsed.announced,
            errors: errors.into_iter().map(ParsedError::from).collect(),
            warnings: warnings.into_iter().map(ParsedWarning::from).collect(),
            ..Self::not_recognised(file)
        }
    }
}

/// Rows of columns. Sparse columns ascend, so that each is gone through once.
fn tests(columns: TestColumns) -> Vec<ParsedTest> {
    let mut tests: Vec<ParsedTest> = (0..columns.len()).filter_map(|i| test(&columns, i)).collect();
    without_numbers(&mut tests);
    for (index, location) in columns.locations {
        if let Some(test) = tests.get_mut(index as usize) {
            (test.file, test.line) = (Some(location.file), location.line);
        }
    }
    for (index, failure) in columns.failures {
        if let Some(test) = tests.get_mut(index as usize) {
            test.fail(failure);
        }
    }
    for (index, tries) in columns.tries {
        if let Some(test) = tests.get_mut(index as usize) {
            test.attempts = u32::try_from(tries.len()).unwrap_or(u32::MAX).max(1);
            test.tries = tries;
        }
    }
    tests
}

fn test(columns: &TestColumns, index: usize) -> Option<ParsedTest> {
    let id = columns.ids.get(index)?;
    let (suite, name) = match columns.suite_and_name(index) {
        Some((suite, name)) => (Some(suite.to_owned()), name.to_owned()),
        None => (None, id.as_str().to_owned()),
    };
    let duration = columns.durations_ns.get(index).copied().filter(|ns| *ns != u64::MAX);
    Some(ParsedTest {
        name,
        suite,
        file: None,
        line: None,
        outcome: columns.outcomes.get(index).copied().unwrap_or(Outcome::Unknown),
        duration_ms: duration.map(milliseconds),
        message: None,
        kind: None,
        trace: None,
        attempts: 1,
        tries: Vec::new(),
        id: id.clone(),
    })
}

/// Repeated ids were numbered (` #2`), so that they can be told apart; the test's own name is what the framework says.
fn without_numbers(tests: &mut [ParsedTest]) {
    let mut seen: HashSet<TestId> = HashSet::new();
    for test in tests {
        let numbered = |text: &str| {
            let (before, number) = text.rsplit_once(" #")?;
            number.bytes().all(|b| b.is_ascii_digit()).then(|| before.to_owned())
        };
        let repeats = numbered(test.id.as_str()).is_some_and(|id| seen.contains(&TestId::new(&id)));
        if repeats && let Some(name) = numbered(&test.name) {
            test.name = name;
        }
        seen.insert(test.id.clone());
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations below a year keep their microseconds")]
fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}

impl ParsedTest {
    /// A test that failed in several ways tells them one after the other.
    fn fail(&mut self, failure: Failure) {
        let Failure { kind, message, trace } = failure;
        add(&mut self.message, &in_words(&kind, &message));
        add(&mut self.trace, &trace);
        if self.kind.is_none() && !kind.is_empty() {
            self.kind = Some(kind);
        }
    }
}

/// Kind and message as people read them: `AssertionError: 1 != 2`. Many frameworks begin the message with the kind.
fn in_words(kind: &str, message: &str) -> String {
    let kind = kind.trim();
    if kind.is_empty() || message.trim_start().starts_with(kind) {
        message.to_owned()
    } else if message.trim().is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}: {message}")
    }
}

fn add(text: &mut Option<String>, more: &str) {
    if more.is_empty() {
        return;
    }
    match text {
        Some(text) => {
            text.push('\n');
            text.push_str(more);
        }
        None => *text = Some(more.to_owned()),
    }
}

impl From<Diagnostic> for ParsedError {
    fn from(d: Diagnostic) -> Self {
        let line = d.location.as_ref().and_then(|l| l.line);
        Self { code: d.code, message: d.message, hint: d.hint, file: d.location.map(|l| l.file), line }
    }
}

impl From<Diagnostic> for ParsedWarning {
    fn from(d: Diagnostic) -> Self {
        let offset = d.at.as_ref().map(|at| at.byte);
        Self { code: d.code, message: d.message, source: d.at.map(|at| at.source), offset }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parsed::{Location, Offset};

    fn failure(kind: &str, message: &str) -> Failure {
        Failure { kind: kind.into(), message: message.into(), trace: String::new() }
    }

    #[test]
    fn a_document_has_a_row_per_test_and_tells_errors_from_doubts() {
        let diagnostic = |level, code: &str| Diagnostic {
            level,
            code: code.into(),
            message: "said".into(),
            hint: None,
            location: Some(Location { file: "b.py".into(), line: Some(7) }),
            at: Some(Offset { source: "stdout".into(), byte: 12 }),
        };
        let parsed = ParsedAttempt {
            format: "pytest-text".into(),
            tests: TestColumns {
                ids: vec![TestId::new("a.py::T::x"), TestId::new("whole")],
                name_starts: vec![9, 0],
                outcomes: vec![Outcome::Failed, Outcome::Passed],
                durations_ns: vec![1_500_000, u64::MAX],
                locations: vec![(0, Location { file: "a.py".into(), line: None })],
                failures: vec![(0, failure("AssertionError", "1 != 2")), (0, failure("OSError", ""))],
                tries: vec![(1, vec![Outcome::Failed, Outcome::Passed])],
            },
            completeness: Completeness::Truncated,
            announced: vec![TestId::new("later")],
            diagnostics: vec![
                diagnostic(DiagnosticLevel::Error, "build-failed"),
                diagnostic(DiagnosticLevel::Warning, "cut"),
            ],
        };
        let document = ParseDocument::read("f", "pytest", Chosen::Among, vec!["tap".into()], parsed);
        let expected = json!({
            "parse_version": 1, "file": "f", "parser": "pytest", "format": "pytest-text", "chosen": "among",
            "also_recognised_by": ["tap"], "complete": false, "announced": ["later"],
            "tests": [
                {"id": "a.py::T::x", "name": "x", "suite": "a.py::T", "file": "a.py", "line": null,
                 "outcome": "failed", "duration_ms": 1.5, "message": "AssertionError: 1 != 2\nOSError",
                 "kind": "AssertionError", "trace": null, "attempts": 1},
                {"id": "whole", "name": "whole", "suite": null, "file": null, "line": null,
                 "outcome": "passed", "duration_ms": null, "message": null, "kind": null, "trace": null,
                 "attempts": 2, "tries": ["failed", "passed"]},
            ],
            "errors": [{"code": "build-failed", "message": "said", "hint": null, "file": "b.py", "line": 7}],
            "warnings": [{"code": "cut", "message": "said", "source": "stdout", "offset": 12}],
        });
        assert_eq!(serde_json::to_value(document).unwrap(), expected);
    }

    #[test]
    fn a_repeated_test_keeps_its_own_name_and_a_name_that_ends_in_a_number_too() {
        let ids = ["s > twin", "s > twin #2", "s > issue #7", "lone", "lone #2"];
        let columns = TestColumns {
            ids: ids.iter().map(|id| TestId::new(id)).collect(),
            name_starts: vec![4, 4, 4, 0, 0],
            outcomes: vec![Outcome::Passed; ids.len()],
            ..TestColumns::default()
        };
        let rows = tests(columns);
        let names: Vec<&str> = rows.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["twin", "twin", "issue #7", "lone", "lone"]);
        assert_eq!(rows[1].id.as_str(), "s > twin #2");
    }

    #[test]
    fn kind_and_message_read_as_one_and_never_say_the_kind_twice() {
        for (kind, message, expected) in [
            ("AssertionError", "1 != 2", "AssertionError: 1 != 2"),
            ("AssertionError", "AssertionError: 1 != 2", "AssertionError: 1 != 2"),
            ("", "  1 != 2\n", "  1 != 2\n"),
            ("Error", "", "Error"),
            ("", "", ""),
        ] {
            assert_eq!(in_words(kind, message), expected);
        }
    }

    #[test]
    fn a_file_that_nobody_recognised_has_nulls_and_no_tests() {
        let document = serde_json::to_value(ParseDocument::not_recognised("x")).unwrap();
        assert_eq!(
            (&document["parser"], &document["format"], &document["complete"]),
            (&json!(null), &json!(null), &json!(false))
        );
    }
}
