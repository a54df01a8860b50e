//! JSON as the reporter `json` writes it.

use flaky_plugin_javascript::{
    Document, Kept, Root, Test, documents, failure, first_paragraph, nanoseconds_of_millis, push,
};
use flaky_plugin_sdk::{
    Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder, Source,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{failed_outcome, text};

/// The shape is jest's; what only jest writes must not be there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    was_interrupted: Option<IgnoredAny>,
    num_runtime_error_test_suites: Option<IgnoredAny>,
    num_total_tests: u64,
    #[serde(rename = "numTotalTestSuites")]
    _suites: u64,
    #[serde(rename = "numPassedTests")]
    _passed: u64,
    #[serde(rename = "startTime")]
    _start: f64,
    #[serde(rename = "success")]
    _success: bool,
    test_results: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    #[serde(default)]
    message: Option<String>,
    assertion_results: Vec<Assertion>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    /// What is thrown need not have a message: `null` for `throw undefined`.
    #[serde(default)]
    failure_messages: Option<Vec<Option<String>>>,
}

/// `None` when there is no such document.
pub(crate) fn parse(kept: &Kept<'_>, all: &[Kept<'_>]) -> Option<PackedAttempt> {
    let mut found: Vec<Document<Results>> = documents(&kept.blob, "numTotalTestSuites");
    found.retain(|document| {
        document.value.was_interrupted.is_none() && document.value.num_runtime_error_test_suites.is_none()
    });
    if found.is_empty() {
        return None;
    }
    let names = found.iter().flat_map(|document| &document.value.test_results).map(|file| file.name.as_str());
    let root = text::root(all).unwrap_or_else(|| Root::of(names));
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "vitest-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for Document { value, offset } in found {
        let before = tests.len();
        for file in value.test_results {
            file.tell(&root, &mut tests, &mut parsed);
        }
        let told = (tests.len() - before) as u64;
        if told != value.num_total_tests {
            let said = format!("the report counts {} tests and holds {told}", value.num_total_tests);
            parsed.completeness = Completeness::Truncated;
            let doubt = Diagnostic::warning("counters-disagree", said);
            parsed.diagnostics.push(doubt.offset(kept.source.clone(), offset));
        }
    }
    let printed = all.iter().filter(|kept| matches!(kept.source, Source::Stdout | Source::Stderr));
    parsed.diagnostics.extend(printed.flat_map(text::unhandled));
    if tests.is_empty() && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "vitest found no test to run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

impl File {
    fn tell(self, root: &Root, tests: &mut PackedTestsBuilder, parsed: &mut PackedAttempt) {
        let name = root.relative(&self.name);
        let message = self.message.unwrap_or_default();
        let failed = self.status == "failed";
        let place = || Location::new(name.clone(), None);
        if self.assertion_results.is_empty() && failed {
            let said = format!("{name}: {}", first_paragraph(&message));
            parsed.diagnostics.push(Diagnostic::new("collection-error", said).at(place()));
        } else if failed && !self.assertion_results.iter().any(|test| test.status == "failed") {
            let said = match first_paragraph(&message) {
                said if said.is_empty() => format!("{name}: a hook failed outside of the tests"),
                said => format!("{name}: {said}"),
            };
            parsed.diagnostics.push(Diagnostic::new("suite-error", said).at(place()));
        }
        for assertion in self.assertion_results {
            push(tests, assertion.test(&name));
        }
    }
}

impl Assertion {
    fn test(self, file: &str) -> Test {
        let failures: Vec<Failure> = self
            .failure_messages
            .iter()
            .flatten()
            .flatten()
            .map(|text| with_message(failure(text)))
            .collect();
        let outcome = match self.status.as_str() {
            "passed" => Outcome::Passed,
            "failed" => failures.first().map_or(Outcome::Failed, |failure| failed_outcome(&failure.message)),
            // Before version 2, `pending` is a test whose set-up failed; later versions say `skipped`.
            "skipped" | "todo" | "disabled" | "pending" => Outcome::Skipped,
            _ => Outcome::Unknown,
        };
        let mut path = Vec::with_capacity(self.ancestor_titles.len() + 2);
        path.push(file.to_owned());
        path.extend(self.ancestor_titles.into_iter().filter(|title| !title.is_empty()));
        path.push(self.title);
        let mut test = Test {
            duration: self.duration.and_then(nanoseconds_of_millis),
            location: Some(Location::new(file, None)),
            ..Test::new(path, outcome)
        };
        if outcome == Outcome::Passed {
            // What passed has messages only of tries before. How often a failed one was tried is not told: several
            // messages may be of one try.
            test.tries = vec![Outcome::Failed; failures.len()];
            test.tries.push(outcome);
        } else {
            test.failures = failures;
        }
        test
    }
}

/// Vitest 3 and 4 put where it was declared in the place of what is said of a test or hook that ran out of time.
fn with_message(failure: Failure) -> Failure {
    if failure.message != "STACK_TRACE_ERROR" {
        return failure;
    }
    let declared = failure.trace.lines().nth(1).unwrap_or_default().trim();
    let place = declared.strip_prefix("at ").unwrap_or(declared).trim_start_matches("Object.");
    let hook = ["before", "after", "around", "onTest"].iter().any(|name| place.starts_with(name));
    let message = if hook { "Hook timed out" } else { "Test timed out" };
    Failure { message: message.to_owned(), ..failure }
}
