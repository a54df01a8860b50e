//! `Test.xml`, the report for a dashboard that `ctest -T Test` leaves in the build folder.

use flaky_plugin_console::{Test, TestsSoFar};
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_junit::{Ending, nanoseconds};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt};

/// Where it stands.
pub(crate) const FILE: &str = "**/Testing/*/Test.xml";

/// Reads the report; `None` when there is none.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut report = Report::default();
    let ending = read_attempt(attempt, &["Site"], |_, elements| report.document(elements))?;
    if !report.is_of_tests {
        return None;
    }
    let told = report.tests.0.len();
    let complete = ending == Ending::Whole;
    let mut diagnostics = Vec::new();
    if complete && told == 0 {
        diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
    }
    Some(PackedAttempt {
        format: "ctest-xml".to_owned(),
        tests: report.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: Vec::new(),
        diagnostics,
    })
}

#[derive(Debug, Default)]
struct Report {
    is_of_tests: bool,
    tests: TestsSoFar,
}

impl Report {
    fn document(&mut self, elements: &mut Elements<Bytes<'_>>) -> Ending {
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "Testing" => self.is_of_tests = true,
                Part::Open(element) if element.name == "Test" => {
                    // Without a status it stands in the list before, by a path that may not be its name.
                    let Ok(test) = elements.whole(element) else { continue };
                    let status = test.attribute("Status").map(str::to_owned);
                    self.tests.0.extend(status.and_then(|status| test_of(&test, &status)));
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }
}

fn test_of(test: &Element, status: &str) -> Option<Test> {
    let name = test.child("Name")?.clean_text();
    let results = test.child("Results");
    let measured = |wanted: &str| {
        let named = results?.children.iter().find(|child| child.attribute("name") == Some(wanted))?;
        Some(named.child("Value")?.clean_text())
    };
    let exit = measured("Exit Code").unwrap_or_default();
    let completion = measured("Completion Status").unwrap_or_default();
    let outcome = match status {
        "passed" => Outcome::Passed,
        "notrun" if completion == "Disabled" || completion.starts_with("SKIP_") => Outcome::Skipped,
        "notrun" => Outcome::NotRun,
        _ if exit == "Timeout" || completion == "Timeout" => Outcome::TimedOut,
        _ if matches!(exit.as_str(), "SEGFAULT" | "ILLEGAL" | "INTERRUPT" | "NUMERICAL" | "OTHER_FAULT")
            || exit.ends_with("aborted")
            || exit.ends_with("killed") =>
        {
            Outcome::Crashed
        }
        "failed" => Outcome::Failed,
        _ => Outcome::Unknown,
    };
    let time = measured("Execution Time");
    let mut failures = Vec::new();
    if !matches!(outcome, Outcome::Passed | Outcome::Skipped) {
        let reason = measured("Fail Reason").unwrap_or_default();
        let words = [&reason, &exit, &completion].into_iter().find(|words| !words.is_empty());
        failures.push(failure_of(results, words.map_or("", String::as_str)));
    }
    Some(Test { failures, duration_ns: time.and_then(|time| nanoseconds(&time)), ..Test::new(name, outcome) })
}

fn failure_of(results: Option<&Element>, words: &str) -> Failure {
    let value = results.and_then(|results| results.child("Measurement")?.child("Value"));
    // Long outputs are compressed, unless CTest is told otherwise.
    let plain = value
        .filter(|value| value.attribute("encoding").is_none() && value.attribute("compression").is_none());
    let output = plain.map(|value| value.clean_text().trim_end().to_owned()).unwrap_or_default();
    let message = if output.is_empty() { words.to_owned() } else { output.clone() };
    Failure { kind: String::new(), message, trace: output }
}
