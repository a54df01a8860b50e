//! JSON as the reporter `json` writes it.

use std::collections::HashMap;

use flaky_plugin_javascript::{Document, Kept, Root, Test, documents, failure, nanoseconds_of_millis};
use flaky_plugin_sdk::{
    Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};
use serde::Deserialize;

use super::{failed_outcome, push, tries};

#[derive(Debug, Deserialize)]
struct Report {
    stats: Stats,
    tests: Vec<Entry>,
    pending: Vec<Entry>,
    failures: Vec<Entry>,
    passes: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Stats {
    #[serde(rename = "suites")]
    _suites: u64,
    tests: u64,
    passes: u64,
    failures: u64,
    #[serde(default)]
    end: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) title: String,
    full_title: String,
    #[serde(default)]
    pub(crate) file: Option<String>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    current_retry: Option<usize>,
    #[serde(default)]
    speed: Option<String>,
    #[serde(default)]
    err: Thrown,
    /// Beside `err`, where that is a text.
    #[serde(default)]
    stack: Option<String>,
}

/// What was thrown; empty when nothing was. In a stream it is the message alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Thrown {
    Error(Error),
    Message(Option<String>),
}

impl Default for Thrown {
    fn default() -> Self {
        Self::Message(None)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error {
    message: Option<serde_json::Value>,
    stack: Option<serde_json::Value>,
    name: Option<serde_json::Value>,
    code: Option<serde_json::Value>,
}

/// `None` when there is no such document.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let found: Vec<Document<Report>> = documents(&kept.blob, "fullTitle");
    let found = if found.is_empty() { documents(&kept.blob, "passes") } else { found };
    if found.is_empty() {
        return None;
    }
    let entries =
        found.iter().flat_map(|document| document.value.tests.iter().chain(&document.value.failures));
    let root = Root::of(entries.filter_map(|entry| entry.file.as_deref()));
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "mocha-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for Document { value, offset } in found {
        let agrees = value.stats.end.is_some()
            && value.stats.tests == value.tests.len() as u64
            && value.stats.passes == value.passes.len() as u64
            && value.stats.failures == value.failures.len() as u64;
        if !agrees {
            parsed.completeness = Completeness::Truncated;
            let doubt =
                Diagnostic::warning("counters-disagree", "the report counts other tests than it holds");
            parsed.diagnostics.push(doubt.offset(kept.source.clone(), offset));
        }
        value.tell(&root, &mut tests);
    }
    if tests.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "mocha ran no test"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

impl Report {
    fn tell(self, root: &Root, tests: &mut PackedTestsBuilder) {
        let mut pending: HashMap<&str, usize> = HashMap::new();
        for entry in &self.pending {
            *pending.entry(&entry.full_title).or_default() += 1;
        }
        let mut failed: HashMap<String, usize> = HashMap::new();
        for entry in self.tests {
            let waits =
                entry.speed.is_none() && pending.get(entry.full_title.as_str()).is_some_and(|left| *left > 0);
            let outcome = if let Some(failure) = entry.failure() {
                *failed.entry(entry.full_title.clone()).or_default() += 1;
                failed_outcome(&entry.title, &failure.message)
            } else if waits {
                if let Some(left) = pending.get_mut(entry.full_title.as_str()) {
                    *left -= 1;
                }
                Outcome::Skipped
            } else {
                Outcome::Passed
            };
            entry.tell(outcome, root, tests);
        }
        // Hooks that failed are among the failures alone.
        for entry in self.failures {
            match failed.get_mut(&entry.full_title).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => {
                    let message = entry.failure().map(|failure| failure.message).unwrap_or_default();
                    let outcome = failed_outcome(&entry.title, &message);
                    entry.tell(outcome, root, tests);
                }
            }
        }
    }
}

impl Entry {
    pub(crate) fn tell(self, outcome: Outcome, root: &Root, tests: &mut PackedTestsBuilder) {
        let failures = self.failure().into_iter().collect();
        let test = self.test(outcome, failures, root);
        push(tests, &self.full_title, &self.title, test);
    }

    /// What went wrong.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match &self.err {
            Thrown::Error(error) => error.failure(),
            Thrown::Message(message) => {
                let stack = self.stack.as_deref().unwrap_or_default();
                message.as_ref().map(|message| thrown(message, stack))
            }
        }
    }

    fn test(&self, outcome: Outcome, failures: Vec<Failure>, root: &Root) -> Test {
        Test {
            duration: self.duration.and_then(nanoseconds_of_millis),
            location: self.file.as_ref().map(|file| Location::new(root.relative(file), None)),
            failures,
            tries: tries(self.current_retry.unwrap_or_default(), outcome),
            ..Test::new(Vec::new(), outcome)
        }
    }
}

impl Error {
    fn failure(&self) -> Option<Failure> {
        let text = |value: &Option<serde_json::Value>| match value {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let (message, stack, name) = (text(&self.message), text(&self.stack), text(&self.name));
        if message.is_empty() && stack.is_empty() && name.is_empty() && self.code.is_none() {
            return None;
        }
        Some(thrown(&message, &stack))
    }
}

/// An error by its message and stack, either of which may be missing.
fn thrown(message: &str, stack: &str) -> Failure {
    let from_stack = failure(stack);
    if message.is_empty() {
        return from_stack;
    }
    let message = flaky_plugin_javascript::strip_colours(message).trim_end().to_owned();
    Failure { message, ..from_stack }
}
