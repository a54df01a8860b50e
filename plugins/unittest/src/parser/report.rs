//! Tests from our own report, as `flaky_unittest_report.py` writes it: one JSON object per line.

use std::borrow::Cow;
use std::collections::HashMap;

use flaky_plugin_sdk::{
    Attempt, Blob, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};
use serde::Deserialize;

use super::describe::{Description, Subject};
use super::{FOLDER, own_name};

/// The writer cuts texts, so no line of its is longer.
const LONGEST_LINE: usize = 1024 * 1024;

/// One line. Which fields are there depends on `event`; all others are none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(rename = "e", borrow)]
    event: Cow<'a, str>,
    /// Which of the tests that were started.
    #[serde(rename = "n")]
    number: Option<u32>,
    id: String,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    /// Seconds.
    #[serde(rename = "s")]
    seconds: Option<f64>,
    kind: String,
    message: String,
    trace: String,
    /// The description of a subtest.
    sub: Option<String>,
    file: Option<String>,
    /// Counted from 1.
    line: Option<u32>,
}

#[derive(Debug)]
struct Test {
    id: String,
    outcome: Option<Outcome>,
    has_ended: bool,
    place: Option<Location>,
    nanoseconds: Option<u64>,
    failures: Vec<Failure>,
}

#[derive(Debug, Default)]
struct Run {
    tests: Vec<Test>,
    by_number: HashMap<u32, usize>,
    diagnostics: Vec<Diagnostic>,
    has_finished: bool,
}

/// `None` when there is no report.
pub(crate) fn parse(attempt: &Attempt<'_>, death: Outcome) -> Option<PackedAttempt> {
    let runs: Vec<Run> = attempt
        .reports()
        .filter(|(path, _)| path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/')))
        .filter_map(|(_, blob)| Run::read(&blob))
        .collect();
    if runs.is_empty() {
        return None;
    }
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "flaky-unittest".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for run in runs {
        run.tell(death, &mut tests, &mut parsed);
    }
    if tests.is_empty() && parsed.diagnostics.is_empty() && parsed.completeness == Completeness::Complete {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "unittest found no test to run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

impl Run {
    fn read(blob: &Blob<'_>) -> Option<Self> {
        let mut run = None;
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let Ok(record) = serde_json::from_slice::<Record<'_>>(line.bytes) else { continue };
            if record.event == "run" {
                run.get_or_insert_with(Self::default);
            } else if let Some(run) = &mut run {
                run.take(record);
            }
        }
        run
    }

    fn take(&mut self, record: Record<'_>) {
        match &*record.event {
            "begin" => self.has_finished = false,
            "finish" => self.has_finished = true,
            "start" => {
                let Some(number) = record.number else { return };
                self.by_number.insert(number, self.tests.len());
                self.tests.push(Test {
                    id: record.id,
                    outcome: None,
                    has_ended: false,
                    place: record.file.map(|file| Location::new(file.replace('\\', "/"), record.line)),
                    nanoseconds: None,
                    failures: Vec::new(),
                });
            }
            "stop" => {
                if let Some(test) = self.test(record.number) {
                    test.has_ended = true;
                    test.nanoseconds = record.seconds.and_then(nanoseconds);
                }
            }
            "outcome" => self.outcome(record),
            _ => {}
        }
    }

    fn test(&mut self, number: Option<u32>) -> Option<&mut Test> {
        let at = self.by_number.get(&number?)?;
        self.tests.get_mut(*at)
    }

    fn outcome(&mut self, record: Record<'_>) {
        let Some(outcome) = outcome_of(&record.outcome) else { return };
        if let Some(test) = self.test(record.number) {
            test.take(outcome, record);
            return;
        }
        // A hook that skips its class says nothing of any test.
        if !matches!(outcome, Outcome::Failed | Outcome::Errored) {
            return;
        }
        let hook = match Description::read(&record.id).map(Description::subject) {
            Some(Subject::Hook(hook)) => hook,
            _ => record.id,
        };
        let said = record.message.lines().next().unwrap_or_default();
        self.diagnostics.push(Diagnostic::new("suite-error", format!("{hook}: {}: {said}", record.kind)));
    }

    /// Adds what the run says to the attempt.
    fn tell(self, death: Outcome, tests: &mut PackedTestsBuilder, parsed: &mut PackedAttempt) {
        if !self.has_finished {
            parsed.completeness = Completeness::Truncated;
        }
        parsed.diagnostics.extend(self.diagnostics);
        for test in self.tests {
            if let Some(name) = test.not_loaded() {
                let why = test.failures.first().map(|failure| failure.message.trim_end()).unwrap_or_default();
                let why = why.lines().next_back().unwrap_or_default();
                parsed.diagnostics.push(Diagnostic::new("collection-error", format!("{name}: {why}")));
                continue;
            }
            test.tell(death, tests);
        }
    }
}

impl Test {
    /// The module that the loader put an error in the place of.
    fn not_loaded(&self) -> Option<&str> {
        self.id.strip_prefix("unittest.loader._FailedTest.")
    }

    fn take(&mut self, outcome: Outcome, record: Record<'_>) {
        let is_failure = matches!(outcome, Outcome::Failed | Outcome::Errored);
        let failed_before = matches!(self.outcome, Some(Outcome::Failed | Outcome::Errored));
        if is_failure {
            let message = match record.sub {
                Some(sub) => format!("{sub} {}", record.message),
                None => record.message,
            };
            let failure = Failure { kind: record.kind, message, trace: record.trace };
            // Its own assertion says more than its clean-up.
            if outcome == Outcome::Failed && self.outcome == Some(Outcome::Errored) {
                self.failures.insert(0, failure);
            } else {
                self.failures.push(failure);
            }
        }
        if self.outcome != Some(Outcome::Failed) && (is_failure || !failed_before) {
            self.outcome = Some(outcome);
        }
    }

    fn tell(self, death: Outcome, tests: &mut PackedTestsBuilder) {
        let outcome = match self.outcome {
            Some(outcome) if self.has_ended || outcome != Outcome::Passed => outcome,
            None if self.has_ended => Outcome::Unknown,
            _ => death,
        };
        let index = tests.push(&self.id, outcome);
        tests.set_name(index, own_name(&self.id));
        if let Some(place) = &self.place {
            tests.set_location(index, &place.file, place.line);
        }
        if let Some(nanoseconds) = self.nanoseconds {
            tests.set_duration(index, nanoseconds);
        }
        if outcome == Outcome::UnexpectedPass && self.failures.is_empty() {
            // The run fails by it: without a failure it would look as if that were allowed.
            tests.add_failure(index, Failure::new("", "unexpected success"));
        }
        for failure in self.failures {
            tests.add_failure(index, failure);
        }
    }
}

fn outcome_of(word: &str) -> Option<Outcome> {
    Some(match word {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "errored" => Outcome::Errored,
        "skipped" => Outcome::Skipped,
        "expected-failure" => Outcome::ExpectedFailure,
        "unexpected-pass" => Outcome::UnexpectedPass,
        _ => return None,
    })
}

/// `None` for what is no duration.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a finite, non-negative number; `as` saturates"
)]
fn nanoseconds(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1e9).round() as u64)
}
