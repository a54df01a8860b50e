//! What a parser said against what is true.

use std::collections::HashMap;

use flaky_plugin_sdk::{Completeness, DiagnosticLevel, Outcome, PackedAttempt, TestResult};
use serde::Deserialize;

/// What is true of a recorded attempt. What is not given is not compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// What was read.
    pub format: String,
    /// Whether the framework came to its end.
    pub complete: bool,
    /// In order.
    pub tests: Vec<ExpectedTest>,
    /// Tests without an outcome, in any order.
    #[serde(default)]
    pub announced: Vec<String>,
    /// Codes of the diagnostics of level `error`, in any order.
    #[serde(default)]
    pub errors: Vec<String>,
}

/// What is true of one test.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedTest {
    /// Its id. A repeated one stands here as often as it is told.
    pub id: String,
    /// Its own name.
    pub name: Option<String>,
    /// What stands before the name, without the separator.
    pub suite: Option<String>,
    /// In kebab case.
    pub outcome: String,
    /// Part of what it said, kind and message.
    pub message: Option<String>,
    /// Tries that the framework made; 1 when it did not try again.
    pub attempts: Option<usize>,
    /// Where it stands.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
}

/// How much of what was expected is there.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// Tests expected.
    pub tests: usize,
    /// Of these, found by id.
    pub ids: usize,
    /// Of these, everything that is given is right.
    pub right: usize,
    /// Tests that were told and are not expected.
    pub invented: usize,
    /// Everything that is not as expected, a sentence each.
    pub problems: Vec<String>,
}

/// Whether a parser recognised nothing.
pub(crate) fn is_nothing(parsed: &PackedAttempt) -> bool {
    parsed.completeness == Completeness::NothingRecognised
}

/// Compares.
#[must_use]
pub fn compare(expected: &Expected, parsed: &PackedAttempt) -> Score {
    let mut score = Score { tests: expected.tests.len(), ..Score::default() };
    if is_nothing(parsed) {
        score.problems.push("nothing was recognised".to_owned());
        return score;
    }
    if parsed.format != expected.format {
        score.problems.push(format!("read as `{}`, expected `{}`", parsed.format, expected.format));
    }
    let complete = parsed.completeness == Completeness::Complete;
    if complete != expected.complete {
        score.problems.push(format!("complete is {complete}"));
    }
    tests(expected, parsed, &mut score);
    same_set("announced", expected.announced.clone(), parsed.announced.clone(), &mut score);
    let errors = parsed.diagnostics.iter().filter(|d| d.level == DiagnosticLevel::Error);
    same_set("errors", expected.errors.clone(), errors.map(|d| d.code.clone()).collect(), &mut score);
    score
}

fn tests(expected: &Expected, parsed: &PackedAttempt, score: &mut Score) {
    let results = parsed.tests.results();
    let mut by_id: HashMap<&str, Vec<&TestResult>> = HashMap::new();
    for result in results.iter().rev() {
        by_id.entry(&result.id).or_default().push(result);
    }
    for test in &expected.tests {
        let Some(found) = by_id.get_mut(test.id.as_str()).and_then(Vec::pop) else {
            score.problems.push(format!("`{}` is missing", test.id));
            continue;
        };
        score.ids += 1;
        let differences = test.differences(found);
        score.right += usize::from(differences.is_empty());
        score.problems.extend(differences);
    }
    let extra: Vec<&TestResult> = by_id.into_values().flatten().collect();
    score.invented = extra.len();
    score.problems.extend(extra.iter().map(|t| format!("`{}` ({}) is invented", t.id, word(t.outcome))));
    let order = |ids: Vec<&str>| ids.join("\n");
    let wanted = order(expected.tests.iter().map(|t| t.id.as_str()).collect());
    if score.problems.is_empty() && wanted != order(results.iter().map(|t| t.id.as_str()).collect()) {
        score.problems.push("the tests are in another order".to_owned());
    }
}

impl ExpectedTest {
    fn differences(&self, found: &TestResult) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |what: &str, found: String, wanted: String| {
            all.push(format!("`{}`: {what} is `{found}`, expected `{wanted}`", self.id));
        };
        if word(found.outcome) != self.outcome {
            say("outcome", word(found.outcome).to_owned(), self.outcome.clone());
        }
        let failure = found.failure.as_ref();
        let message = failure.map(|f| format!("{}: {}", f.kind, f.message)).unwrap_or_default();
        if let Some(wanted) = self.message.as_ref().filter(|wanted| !message.contains(wanted.as_str())) {
            say("message", message.clone(), wanted.clone());
        }
        let attempts = found.tries.len().max(1);
        if self.attempts.is_some_and(|wanted| wanted != attempts) {
            say("attempts", attempts.to_string(), self.attempts.unwrap_or_default().to_string());
        }
        let name = found.name.as_deref().unwrap_or(&found.id);
        if let Some(wanted) = self.name.as_deref().filter(|wanted| *wanted != name) {
            say("name", name.to_owned(), wanted.to_owned());
        }
        let suite = found.id.strip_suffix(name).unwrap_or_default();
        if let Some(wanted) = self.suite.as_deref().filter(|wanted| !is_suite(suite, wanted)) {
            say("suite", suite.to_owned(), wanted.to_owned());
        }
        let place = found.location.as_ref();
        if self.file.is_some() && self.file.as_ref() != place.map(|p| &p.file) {
            say("file", format!("{:?}", place.map(|p| &p.file)), format!("{:?}", self.file));
        }
        if self.line.is_some() && self.line != place.and_then(|p| p.line) {
            say("line", format!("{:?}", place.and_then(|p| p.line)), format!("{:?}", self.line));
        }
        all
    }
}

/// What stands before a name is the suite and a separator.
fn is_suite(before: &str, suite: &str) -> bool {
    before.strip_prefix(suite).is_some_and(|rest| !rest.chars().any(char::is_alphanumeric))
}

fn same_set(what: &str, mut wanted: Vec<String>, mut found: Vec<String>, score: &mut Score) {
    wanted.sort();
    found.sort();
    if wanted != found {
        score.problems.push(format!("{what}: {found:?}, expected {wanted:?}"));
    }
}

/// As `expected.json` names it.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Errored => "errored",
        Outcome::Skipped => "skipped",
        Outcome::ExpectedFailure => "expected-failure",
        Outcome::UnexpectedPass => "unexpected-pass",
        Outcome::TimedOut => "timed-out",
        Outcome::Crashed => "crashed",
        Outcome::NotRun => "not-run",
        Outcome::Unknown => "unknown",
    }
}
