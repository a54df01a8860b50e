//! The XML forms of log and report.

use flaky_plugin_console::{Test, TestsSoFar, outcome_when_cut};
use flaky_plugin_junit::Ending;
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Location, Outcome, PackedAttempt};

use crate::case::{Case, failure_of, test_of};
use crate::report::{Report, word};

/// Reads reports into `report`; false when there is none.
pub(crate) fn read_report(attempt: &Attempt<'_>, report: &mut Report) -> bool {
    let found = read_attempt(attempt, &["TestResult"], |_, elements| {
        let mut path = Path::default();
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "TestSuite" => path.enter(&element),
                Part::Close(name) if name == "TestSuite" => path.leave(),
                Part::Open(case) if case.name == "TestCase" => {
                    let outcome = case.attribute("result").and_then(word);
                    let expected = case.attribute("expected_failures").is_some_and(|count| count != "0");
                    if let Some(outcome) = outcome {
                        let expected = expected && outcome == Outcome::Passed;
                        report
                            .tell(path.of(&case), if expected { Outcome::ExpectedFailure } else { outcome });
                    }
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    });
    // A report that was cut off adds nothing to the log.
    found == Some(Ending::Whole)
}

pub(crate) fn read_log(attempt: &Attempt<'_>, report: &Report) -> Option<PackedAttempt> {
    let mut log = Log { report, tests: TestsSoFar::default(), cut: None };
    let ending = read_attempt(attempt, &["TestLog"], |_, elements| log.document(elements))?;
    let mut announced = Vec::new();
    if let Some(test) = log.cut.take() {
        match outcome_when_cut(&attempt.info().exit) {
            Some(outcome) => log.tests.0.push(Test { outcome, ..test }),
            None => announced.push(test.id),
        }
    }
    let crashed = log.tests.0.iter().any(|test| test.outcome == Outcome::Crashed);
    let complete = ending == Ending::Whole && !crashed;
    let mut diagnostics = Vec::new();
    if complete && log.tests.0.is_empty() {
        diagnostics.push(Diagnostic::new("no-tests", "the log names no test"));
    }
    diagnostics.extend(crate::text::judge_expected(&mut log.tests, report));
    Some(PackedAttempt {
        format: "boost-test-xml".to_owned(),
        tests: log.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced,
        diagnostics,
    })
}

/// The open suites. The outermost is the module, which paths do not name.
#[derive(Debug, Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, suite: &Element) {
        self.0.push(suite.attribute("name").unwrap_or_default().to_owned());
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    fn of(&self, case: &Element) -> String {
        let mut path = String::new();
        for suite in self.0.iter().skip(1) {
            path.push_str(suite);
            path.push('/');
        }
        path.push_str(case.attribute("name").unwrap_or("(unnamed)"));
        path
    }
}

struct Log<'r> {
    report: &'r Report,
    tests: TestsSoFar,
    /// The test in which the text ended.
    cut: Option<Test>,
}

impl Log<'_> {
    fn document(&mut self, elements: &mut Elements<Bytes<'_>>) -> Ending {
        let mut path = Path::default();
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "TestSuite" => path.enter(&element),
                Part::Close(name) if name == "TestSuite" => path.leave(),
                Part::Open(element) if element.name == "TestCase" => {
                    let id = path.of(&element);
                    match elements.whole(element) {
                        Ok(case) => self.tests.0.push(self.test(&case, id)),
                        Err(case) => self.cut = Some(self.test(&case, id)),
                    }
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }

    fn test(&self, element: &Element, path: String) -> Test {
        let line = element.attribute("line").and_then(|line| line.parse().ok());
        let location = element.attribute("file").map(|file| Location { file: file.replace('\\', "/"), line });
        if element.attribute("skipped") == Some("yes") {
            return Test { location, ..test_of(&path, Outcome::Skipped) };
        }
        let mut case = Case::new(path);
        for child in &element.children {
            match child.name.as_str() {
                "Error" | "FatalError" | "Exception" => {
                    let mut message = child.clean_text().trim().to_owned();
                    if let Some(context) = context(child) {
                        message.push_str(&format!("\nFailure occurred in a following context:\n{context}"));
                    }
                    let place = |name: &str| child.attribute(name).unwrap_or_default();
                    let trace = format!("{}({}): error: {message}", place("file"), place("line"));
                    case.failures.push(failure_of(&message, trace));
                    if let Some(checkpoint) = child.child("LastCheckpoint") {
                        case.checkpoint = checkpoint.clean_text();
                    }
                }
                // Microseconds.
                "TestingTime" => {
                    let time: Option<u64> = child.text.trim().parse().ok();
                    case.duration_ns = time.and_then(|time| time.checked_mul(1000));
                }
                _ => {}
            }
        }
        Test { location, ..case.into_test(self.report) }
    }
}

fn context(element: &Element) -> Option<String> {
    let frames = element.child("Context")?.children.iter().filter(|frame| frame.name == "Frame");
    let frames: Vec<_> = frames.map(|frame| format!("    {}", frame.clean_text().trim())).collect();
    Some(frames.join("\n"))
}
