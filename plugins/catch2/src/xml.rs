//! The XML report. It is written as tests run, and by default to standard output, so that what tests print stands in
//! it as well.

use flaky_plugin_console::{Test, TestsSoFar, outcome_when_cut, seconds};
use flaky_plugin_junit::Ending;
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt};

/// Version 2, version 3.
const ROOTS: [&str; 2] = ["Catch", "Catch2TestRun"];

pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let ending = read_attempt(attempt, &ROOTS, |_, elements| reading.document(elements))?;
    if let Some(cut) = reading.cut.take() {
        match outcome_when_cut(&attempt.info().exit) {
            Some(outcome) => reading.tests.0.push(Test { outcome, ..test_of(&cut) }),
            None => reading.announced.extend(cut.attribute("name").map(str::to_owned)),
        }
    }
    let crashed = reading.tests.0.iter().any(|test| test.outcome == Outcome::Crashed);
    let complete = ending == Ending::Whole && !crashed;
    let mut diagnostics = Vec::new();
    if complete && reading.tests.0.is_empty() {
        diagnostics.push(Diagnostic::new("no-tests", "Catch2 ran no test"));
    }
    Some(PackedAttempt {
        format: "catch2-xml".to_owned(),
        tests: reading.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: reading.announced,
        diagnostics,
    })
}

#[derive(Debug, Default)]
struct Reading {
    tests: TestsSoFar,
    announced: Vec<String>,
    /// The test in which the text ended.
    cut: Option<Element>,
}

impl Reading {
    fn document(&mut self, elements: &mut Elements<Bytes<'_>>) -> Ending {
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "TestCase" => {
                    match elements.whole_but(element, held) {
                        Ok(case) => self.tests.0.push(test_of(&case)),
                        Err(case) => self.cut = Some(case),
                    }
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }
}

/// With `--success` every assertion is told, and those that held are most of the text.
fn held(element: &Element) -> bool {
    element.name == "Expression" && element.attribute("success") == Some("true")
}

fn test_of(case: &Element) -> Test {
    let name = case.attribute("name").unwrap_or_default();
    let result = case.child("OverallResult");
    let mut said = Said::default();
    said.read(case, "");
    let outcome = outcome_of(case, result, &said);
    let failed = !matches!(outcome, Outcome::Passed | Outcome::Skipped);
    let line = case.attribute("line").and_then(|line| line.parse().ok());
    let duration = result.and_then(|result| result.attribute("durationInSeconds"));
    Test {
        duration_ns: duration.and_then(flaky_plugin_junit::nanoseconds).or_else(|| seconds(duration?)),
        failures: if failed { said.failures } else { Vec::new() },
        location: case.attribute("filename").map(|file| Location { file: file.replace('\\', "/"), line }),
        ..Test::new(if name.is_empty() { "(unnamed)" } else { name }, outcome)
    }
}

/// Catch2 counts a test as failed, failed as it may, skipped or passed, in this order.
fn outcome_of(case: &Element, result: Option<&Element>, said: &Said) -> Outcome {
    let tags = case.attribute("tags").unwrap_or_default();
    let success = result.and_then(|result| result.attribute("success")) == Some("true");
    let should_fail = tags.contains("[!shouldfail]");
    let skips = result.and_then(|result| result.attribute("skips")).unwrap_or("0");
    if said.crashed {
        Outcome::Crashed
    } else if success && (should_fail || !said.failures.is_empty()) {
        Outcome::ExpectedFailure
    } else if should_fail && said.failures.is_empty() {
        Outcome::UnexpectedPass
    } else if !success {
        Outcome::Failed
    } else if skips != "0" {
        Outcome::Skipped
    } else {
        Outcome::Passed
    }
}

/// What a test case says in its elements, sections included.
#[derive(Debug, Default)]
struct Said {
    failures: Vec<Failure>,
    crashed: bool,
}

impl Said {
    fn read(&mut self, element: &Element, section: &str) {
        let mut infos: Vec<String> = Vec::new();
        for child in &element.children {
            match child.name.as_str() {
                "Section" => {
                    let name = child.attribute("name").unwrap_or_default();
                    let inner =
                        if section.is_empty() { name.to_owned() } else { format!("{section} > {name}") };
                    self.read(child, &inner);
                }
                "Info" | "Warning" => infos.push(text_of(child)),
                "Expression" if child.attribute("success") != Some("true") => {
                    let failure = self.expression(child);
                    self.add(failure, &std::mem::take(&mut infos), child, section);
                }
                "Exception" | "Failure" | "FatalErrorCondition" => {
                    self.crashed |= child.name == "FatalErrorCondition";
                    self.add(text_of(child), &std::mem::take(&mut infos), child, section);
                }
                // v2 writes a failure outside of an assertion so.
                "Expression" => infos.clear(),
                _ => {}
            }
        }
    }

    /// As the console says it.
    fn expression(&mut self, element: &Element) -> String {
        let part = |name: &str| element.child(name).map(text_of);
        let original = part("Original").unwrap_or_default();
        let macro_name = element.attribute("type").unwrap_or_default();
        let mut message = match macro_name {
            "" => original.clone(),
            _ => format!("{macro_name}( {original} )"),
        };
        if let Some(expanded) = part("Expanded").filter(|expanded| *expanded != original) {
            message = format!("{message}\nwith expansion:\n{expanded}");
        }
        for (name, words) in [
            ("Exception", "due to unexpected exception with message:"),
            ("FatalErrorCondition", "due to a fatal error condition:"),
        ] {
            if let Some(text) = part(name) {
                self.crashed |= name == "FatalErrorCondition";
                message = format!("{message}\n{words}\n{text}");
            }
        }
        message
    }

    fn add(&mut self, message: String, infos: &[String], element: &Element, section: &str) {
        let mut message = message;
        if !infos.is_empty() {
            message = format!("{message}\nwith message:\n{}", infos.join("\n")).trim().to_owned();
        }
        let mut trace = String::new();
        if let (Some(file), Some(line)) = (element.attribute("filename"), element.attribute("line")) {
            trace = format!("{file}:{line}: FAILED:\n");
        }
        if !section.is_empty() {
            trace = format!("in {section}\n{trace}");
        }
        trace.push_str(&message);
        self.failures.push(Failure { kind: String::new(), message, trace });
    }
}

/// Without the indentation of the writer.
fn text_of(element: &Element) -> String {
    element.clean_text().trim().to_owned()
}
