//! JSON as `--json` prints it and `--outputFile` writes it.

use flaky_plugin_javascript::{
    Document, Kept, Root, Test, documents, failure, first_paragraph, nanoseconds_of_millis, push,
    strip_colours,
};
use flaky_plugin_sdk::{
    Completeness, Diagnostic, Location, Outcome, PackedAttempt, PackedTestsBuilder, Source,
};
use serde::Deserialize;

use super::text;

/// All keys that make it jest's: vitest and others write the same shape without the first two.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    was_interrupted: bool,
    #[serde(rename = "numRuntimeErrorTestSuites")]
    _broken_suites: u64,
    num_total_tests: u64,
    num_total_test_suites: u64,
    test_results: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    #[serde(default)]
    message: Option<String>,
    assertion_results: Vec<Assertion>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    /// Since jest 30: whether the test is meant to fail.
    #[serde(default)]
    failing: Option<bool>,
    /// What is thrown need not have a message.
    #[serde(default)]
    failure_messages: Option<Vec<Option<String>>>,
    #[serde(default)]
    invocations: Option<u32>,
    #[serde(default)]
    location: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    line: Option<u32>,
}

/// More tries than anybody asks for; it bounds what a forged report costs.
const MOST_TRIES: u32 = 1000;

/// `None` when there is no such document.
pub(crate) fn parse(kept: &Kept<'_>, all: &[Kept<'_>]) -> Option<PackedAttempt> {
    let found: Vec<Document<Results>> = documents(&kept.blob, "wasInterrupted");
    if found.is_empty() {
        return None;
    }
    let names = found.iter().flat_map(|document| &document.value.test_results).map(|file| file.name.as_str());
    let root = root(names.collect(), all);
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "jest-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for document in found {
        let Document { value, offset } = document;
        tell(value, &root, &mut tests, &mut parsed, (&kept.source, offset));
    }
    if tests.is_empty() && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "jest found no test to run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

/// The folder that the text names files from, where there is text; jest prints it beside the JSON.
fn root(files: Vec<&str>, all: &[Kept<'_>]) -> Root {
    let text = all.iter().filter(|kept| matches!(kept.source, Source::Stderr | Source::Stdout));
    for kept in text {
        for shown in text::files(&kept.blob) {
            let end = format!("/{shown}");
            let whole = files.iter().find_map(|file| file.strip_suffix(end.as_str()));
            if let Some(folder) = whole.filter(|folder| !folder.is_empty()) {
                return Root::at(folder);
            }
        }
    }
    Root::of(files)
}

fn tell(
    results: Results,
    root: &Root,
    tests: &mut PackedTestsBuilder,
    parsed: &mut PackedAttempt,
    (source, offset): (&Source, u64),
) {
    let before = tests.len();
    let files = results.test_results.len() as u64;
    for file in results.test_results {
        let name = root.relative(&file.name);
        let message = file.message.as_deref().unwrap_or_default();
        let error = suite_error(message, file.assertion_results.is_empty());
        if let Some((code, said)) = error {
            let said = format!("{name}: {said}");
            parsed.diagnostics.push(Diagnostic::new(code, said).at(Location::new(name.clone(), None)));
        }
        for assertion in file.assertion_results {
            push(tests, assertion.test(&name));
        }
    }
    let told = (tests.len() - before) as u64;
    if results.was_interrupted {
        parsed.completeness = Completeness::Truncated;
    }
    if told != results.num_total_tests || files > results.num_total_test_suites {
        let said = format!("the report counts {} tests and holds {told}", results.num_total_tests);
        parsed.completeness = Completeness::Truncated;
        parsed
            .diagnostics
            .push(Diagnostic::warning("counters-disagree", said).offset(source.clone(), offset));
    }
}

/// What kept a file from running, or broke it around its tests.
fn suite_error(message: &str, no_tests: bool) -> Option<(&'static str, String)> {
    let plain = strip_colours(message);
    let marked = plain.split_once("● Test suite failed to run");
    match marked {
        Some((_, rest)) if no_tests => Some(("collection-error", first_paragraph(rest))),
        Some((_, rest)) => Some(("suite-error", first_paragraph(rest))),
        None if no_tests && !plain.trim().is_empty() => Some(("collection-error", first_paragraph(&plain))),
        None => None,
    }
}

impl Assertion {
    fn test(self, file: &str) -> Test {
        let failures: Vec<_> =
            self.failure_messages.iter().flatten().flatten().map(|text| failure(text)).collect();
        let outcome = match self.status.as_str() {
            "passed" if self.failing == Some(true) => Outcome::ExpectedFailure,
            "passed" => Outcome::Passed,
            "failed" => text::failed_outcome(failures.first().map_or("", |failure| &failure.message)),
            "pending" | "skipped" | "todo" | "disabled" => Outcome::Skipped,
            _ => Outcome::Unknown,
        };
        let mut path = Vec::with_capacity(self.ancestor_titles.len() + 2);
        path.push(file.to_owned());
        path.extend(self.ancestor_titles);
        path.push(self.title);
        let before = self.invocations.unwrap_or(1).min(MOST_TRIES).saturating_sub(1) as usize;
        let mut tries = vec![Outcome::Failed; before];
        tries.push(outcome);
        let line = self.location.and_then(|place| place.line);
        Test {
            duration: self.duration.and_then(nanoseconds_of_millis),
            location: Some(Location::new(file, line)),
            failures,
            tries,
            ..Test::new(path, outcome)
        }
    }
}
