//! `<TestRun>`: results in the order in which they came, and apart from them the definitions that say which class a
//! test is in.

use std::collections::HashMap;

use flaky_plugin_console::{Test, TestsSoFar, seconds};
use flaky_plugin_junit::Ending;
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt};

/// The namespace of every TRX file.
const NAMESPACE: &str = "http://microsoft.com/schemas/VisualStudio/TeamTest/";

/// Reads the reports; `None` when there is none.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut all = Reading::default();
    let ending = read_attempt(attempt, &["TestRun"], |root, elements| {
        let mut run = Run::default();
        let is_trx = root.attribute("xmlns").is_some_and(|space| space.starts_with(NAMESPACE));
        let ending = run.read(elements);
        if is_trx {
            all.add(run, ending);
        }
        ending
    })?;
    if all.runs == 0 {
        return None;
    }
    let complete = ending == Ending::Whole && all.has_summaries;
    if complete && all.tests.0.is_empty() && all.diagnostics.is_empty() {
        all.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
    }
    Some(PackedAttempt {
        format: "trx".to_owned(),
        tests: all.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: Vec::new(),
        diagnostics: all.diagnostics,
    })
}

/// Over all reports: a solution has one for each of its projects.
#[derive(Debug, Default)]
struct Reading {
    runs: usize,
    has_summaries: bool,
    tests: TestsSoFar,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    fn add(&mut self, run: Run, ending: Ending) {
        self.has_summaries = (self.runs == 0 || self.has_summaries) && run.outcome.is_some();
        self.runs += 1;
        for text in run.errors {
            self.diagnostics.push(Diagnostic::new("run-error", text));
        }
        if run.outcome.as_deref() == Some("Aborted") {
            self.diagnostics.push(Diagnostic::new("run-aborted", "the test run was aborted"));
        }
        let mut unknown = 0;
        for result in run.results {
            let class = run.classes.get(&result.test);
            // The definitions stand behind the results: a report that was cut does not say what its tests are.
            if class.is_none() && ending == Ending::CutOff {
                unknown += 1;
                continue;
            }
            self.tests.0.push(result.into_test(class.map_or("", String::as_str)));
        }
        if unknown > 0 {
            let message = format!("the report was cut before it says of which class {unknown} results are");
            self.diagnostics.push(Diagnostic::warning("cut-off", message));
        }
    }
}

#[derive(Debug, Default)]
struct Run {
    results: Vec<Told>,
    /// Names of classes by the ids of tests.
    classes: HashMap<String, String>,
    /// Of the summary.
    outcome: Option<String>,
    errors: Vec<String>,
}

/// A result as written.
#[derive(Debug)]
struct Told {
    test: String,
    name: String,
    outcome: Outcome,
    duration_ns: Option<u64>,
    failures: Vec<Failure>,
}

impl Run {
    fn read(&mut self, elements: &mut Elements<Bytes<'_>>) -> Ending {
        loop {
            let element = match elements.next_part() {
                Part::Open(element) => element,
                Part::Close(_) => continue,
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            };
            match element.name.as_str() {
                "UnitTestResult" | "TestResult" | "GenericTestResult" | "WebTestResult" => {
                    if let Ok(result) = elements.whole(element) {
                        self.result(&result);
                    }
                }
                "UnitTest" => {
                    if let Ok(definition) = elements.whole(element) {
                        self.definition(&definition);
                    }
                }
                "ResultSummary" => {
                    if let Ok(summary) = elements.whole(element) {
                        self.summary(&summary);
                    }
                }
                _ => {}
            }
        }
    }

    /// Rows of data are results in a result, which only adds them up.
    fn result(&mut self, result: &Element) {
        let inner =
            result.child("InnerResults").map(|inner| &inner.children).filter(|inner| !inner.is_empty());
        match inner {
            Some(inner) => inner.iter().for_each(|inner| self.result(inner)),
            None => self.results.push(told(result)),
        }
    }

    fn definition(&mut self, definition: &Element) {
        let class = definition.child("TestMethod").and_then(|method| method.attribute("className"));
        if let (Some(id), Some(class)) = (definition.attribute("id"), class) {
            // `Shop.Tests.CartTest, Shop.Tests, Version=…`
            let class = class.split(',').next().unwrap_or(class).trim();
            self.classes.insert(id.to_owned(), class.to_owned());
        }
    }

    fn summary(&mut self, summary: &Element) {
        self.outcome = Some(summary.attribute("outcome").unwrap_or("Completed").to_owned());
        let infos = summary.child("RunInfos").map(|infos| infos.children.as_slice()).unwrap_or_default();
        let errors = infos.iter().filter(|info| info.attribute("outcome") == Some("Error"));
        let texts = errors.filter_map(|info| Some(info.child("Text")?.clean_text()));
        // That a test failed is said of the run as well.
        self.errors.extend(texts.filter(|text| !text.trim_start().starts_with("[xUnit.net ")));
    }
}

fn told(result: &Element) -> Told {
    let attribute = |name: &str| result.attribute(name).unwrap_or_default();
    let outcome = outcome_of(attribute("outcome"));
    let error = result.child("Output").and_then(|output| output.child("ErrorInfo"));
    let text =
        |name: &str| error.and_then(|error| error.child(name)).map(Element::clean_text).unwrap_or_default();
    let mut failures = Vec::new();
    if !matches!(outcome, Outcome::Passed | Outcome::Skipped) {
        failures.push(failure_of(&text("Message"), text("StackTrace")));
    }
    Told {
        test: attribute("testId").to_owned(),
        name: attribute("testName").to_owned(),
        outcome,
        duration_ns: result.attribute("duration").and_then(clock),
        failures,
    }
}

fn outcome_of(word: &str) -> Outcome {
    match word {
        "Passed" | "PassedButRunAborted" | "Warning" => Outcome::Passed,
        "Failed" => Outcome::Failed,
        "Error" | "" => Outcome::Errored,
        "Timeout" => Outcome::TimedOut,
        "Aborted" | "Disconnected" => Outcome::Crashed,
        "NotExecuted" | "Inconclusive" | "NotRunnable" => Outcome::Skipped,
        "Pending" | "InProgress" => Outcome::NotRun,
        _ => Outcome::Unknown,
    }
}

/// `00:00:01.2345678`
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = hours.parse::<u64>().ok()?.checked_mul(60)?.checked_add(minutes.parse().ok()?)?;
    whole.checked_mul(60_000_000_000)?.checked_add(seconds(rest)?)
}

/// `System.InvalidOperationException : no such item` of xUnit.net and NUnit;
/// `Test method Shop.CartTest.Throws threw exception: System.InvalidOperationException: no such item` of MSTest.
fn failure_of(message: &str, trace: String) -> Failure {
    let message = message.trim();
    let said = match message.split_once(" threw exception: ") {
        Some((before, said)) if before.starts_with("Test method ") => said.trim_start(),
        _ => message,
    };
    let (kind, said) = match said.split_once(':') {
        Some((kind, rest)) if is_exception(kind.trim_end()) => (kind.trim_end(), rest.trim_start()),
        _ => ("", said),
    };
    Failure { kind: kind.to_owned(), message: said.to_owned(), trace }
}

fn is_exception(text: &str) -> bool {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._+`".contains(c));
    is_name && text.rsplit('.').next().is_some_and(|last| last.ends_with("Exception"))
}

impl Told {
    /// xUnit.net writes the class in front of the name, MSTest and NUnit leave it to the definition.
    fn into_test(self, class: &str) -> Test {
        let name =
            self.name.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&self.name);
        let name = if name.is_empty() { "(unnamed)" } else { name };
        let test = Test::of_suite(class, ".", name, self.outcome);
        Test { duration_ns: self.duration_ns, failures: self.failures, ..test }
    }
}
