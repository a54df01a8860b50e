//! `<test-run>` of NUnit 3, `<test-results>` of NUnit 2.

use flaky_plugin_console::{Test, TestsSoFar};
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_junit::{Ending, nanoseconds};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt};

/// Reads the reports; `None` when there is none.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let ending = read_attempt(attempt, &["test-run", "test-results"], |root, elements| {
        reading.document(&root, elements)
    })?;
    if !reading.is_certain {
        return None;
    }
    let complete = ending == Ending::Whole;
    if complete && reading.tests.0.is_empty() && reading.diagnostics.is_empty() {
        reading.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
    }
    Some(PackedAttempt {
        format: if reading.is_old { "nunit2-xml" } else { "nunit3-xml" }.to_owned(),
        tests: reading.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: reading.announced,
        diagnostics: reading.diagnostics,
    })
}

#[derive(Debug, Default)]
struct Reading {
    is_certain: bool,
    is_old: bool,
    tests: TestsSoFar,
    announced: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    fn document(&mut self, root: &Element, elements: &mut Elements<Bytes<'_>>) -> Ending {
        let is_old = root.name == "test-results";
        // Both names are used elsewhere too; both versions count what they ran in the root.
        let marks = if is_old { ["total", "failures"] } else { ["testcasecount", "result"] };
        let is_certain = marks.iter().all(|mark| root.attribute(mark).is_some());
        self.is_certain |= is_certain;
        self.is_old |= is_old && is_certain;
        let mut suites: Vec<String> = Vec::new();
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "test-suite" => {
                    suites.push(
                        element
                            .attribute("fullname")
                            .or(element.attribute("name"))
                            .unwrap_or_default()
                            .to_owned(),
                    );
                }
                Part::Close(name) if name == "test-suite" => {
                    suites.pop();
                }
                Part::Open(element) if element.name == "test-case" => match elements.whole(element) {
                    Ok(case) if is_certain => self.tests.0.push(test_of(&case)),
                    Ok(_) => {}
                    Err(case) => self.announced.extend(is_certain.then(|| id_of(&case).0)),
                },
                // Only what stands in a suite: what a case says of its failure was read with it.
                Part::Open(element) if element.name == "failure" => {
                    let Ok(failure) = elements.whole(element) else { continue };
                    self.suite_error(suites.last().map_or("", String::as_str), &failure);
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }

    /// Most suites only say that a test in them failed.
    fn suite_error(&mut self, suite: &str, failure: &Element) {
        let message = failure.child("message").map(Element::clean_text).unwrap_or_default();
        let says_nothing = message.trim().is_empty()
            || message.trim() == "One or more child tests had errors"
            || message.trim() == "One or more child tests had warnings";
        if !says_nothing && self.is_certain {
            self.diagnostics.push(Diagnostic::new("suite-error", format!("`{suite}`: {}", message.trim())));
        }
    }
}

/// The full name, and where in it the test's own begins.
fn id_of(case: &Element) -> (String, usize) {
    let name = case.attribute("name").unwrap_or_default();
    let full = case.attribute("fullname").filter(|full| !full.is_empty()).unwrap_or(name);
    // NUnit 2 writes the full name only.
    let own = if case.attribute("fullname").is_some() { name } else { last_part(full) };
    if full.is_empty() {
        return ("(unnamed)".to_owned(), 0);
    }
    let start = if !own.is_empty() && full.ends_with(own) { full.len() - own.len() } else { 0 };
    (full.to_owned(), start)
}

/// What stands behind the last point before any arguments: `Adds(1.5)` of `Shop.CartTest.Adds(1.5)`.
fn last_part(full: &str) -> &str {
    let end = full.find(['(', '"', '<']).unwrap_or(full.len());
    let point = full.get(..end).and_then(|head| head.rfind('.'));
    point.and_then(|point| full.get(point + 1..)).unwrap_or(full)
}

fn test_of(case: &Element) -> Test {
    let outcome = outcome_of(case);
    let (id, name_start) = id_of(case);
    let time = case.attribute("duration").or_else(|| case.attribute("time"));
    let mut failures = Vec::new();
    if !matches!(outcome, Outcome::Passed | Outcome::Skipped | Outcome::NotRun) {
        let failure = case.child("failure").or_else(|| case.child("reason"));
        let text =
            |name: &str| failure.and_then(|f| f.child(name)).map(Element::clean_text).unwrap_or_default();
        failures.push(failure_of(text("message").trim(), text("stack-trace")));
    }
    Test { name_start, duration_ns: time.and_then(nanoseconds), failures, ..Test::new(id, outcome) }
}

fn outcome_of(case: &Element) -> Outcome {
    let attribute = |name: &str| case.attribute(name).unwrap_or_default();
    // Where in the life of a test it failed.
    let elsewhere = matches!(attribute("site"), "SetUp" | "TearDown" | "Parent" | "Child");
    let says = |text: &str| {
        case.child("failure").and_then(|f| f.child("message")).is_some_and(|m| m.text.contains(text))
    };
    match attribute("result") {
        "Passed" | "Success" | "Warning" => Outcome::Passed,
        "Skipped" | "Ignored" | "Inconclusive" => Outcome::Skipped,
        "NotRunnable" => Outcome::Errored,
        "Failed" | "Failure" if says("Test exceeded Timeout value") => Outcome::TimedOut,
        "Failed" if elsewhere => Outcome::Errored,
        "Failed" if matches!(attribute("label"), "Invalid") => Outcome::Errored,
        "Failed" if matches!(attribute("label"), "Cancelled") => Outcome::Crashed,
        "Failed" | "Failure" | "Error" => Outcome::Failed,
        "Cancelled" => Outcome::Crashed,
        // Before 2.5 a case had no `result`.
        "" => match (attribute("executed"), attribute("success")) {
            ("False", _) => Outcome::Skipped,
            (_, "True") => Outcome::Passed,
            (_, "False") => Outcome::Failed,
            _ => Outcome::Unknown,
        },
        _ => Outcome::Unknown,
    }
}

/// `System.InvalidOperationException : no such item`
fn failure_of(message: &str, trace: String) -> Failure {
    // Set-up and tear-down are named before.
    let said =
        ["SetUp : ", "TearDown : "].iter().find_map(|start| message.strip_prefix(start)).unwrap_or(message);
    let (kind, said) = match said.split_once(" : ") {
        Some((kind, rest)) if is_exception(kind) => (kind, rest),
        _ => ("", message),
    };
    Failure { kind: kind.to_owned(), message: said.to_owned(), trace }
}

fn is_exception(text: &str) -> bool {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._+`".contains(c));
    is_name && text.ends_with("Exception")
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    #[test]
    fn before_2_5_a_case_says_whether_it_ran_and_whether_it_succeeded() {
        let text = "<test-results name=\"a.dll\" total=\"2\" failures=\"1\" not-run=\"1\">\
            <test-suite name=\"A\" success=\"False\"><results>\
            <test-case name=\"A.Adds\" executed=\"True\" success=\"True\" time=\"0.001\" asserts=\"1\" />\
            <test-case name=\"A.Fails\" executed=\"True\" success=\"False\" time=\"0.001\"><failure>\
            <message>Expected: 1</message><stack-trace>at A.Fails</stack-trace></failure></test-case>\
            <test-case name=\"A.IsIgnored\" executed=\"False\"><reason><message>later</message></reason></test-case>\
            </results></test-suite></test-results>";
        let recorded = Recorded::default().report("TestResult.xml", text);
        let found = read(&recorded.attempt()).unwrap().tests.results();
        let told: Vec<_> = found.iter().map(|test| (test.id.as_str(), test.outcome)).collect();
        let expected =
            [("A.Adds", Outcome::Passed), ("A.Fails", Outcome::Failed), ("A.IsIgnored", Outcome::Skipped)];
        assert_eq!(told, expected);
    }
}
