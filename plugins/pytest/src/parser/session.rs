//! One run of pytest, put together of what any of its reports says.

use std::collections::HashMap;

use flaky_plugin_sdk::{
    Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};

use super::failure::{failed_outcome, failure, is_sum_of_subtests};
use super::own_name;
use super::records::Record;

/// More tests than this in one session are none that pytest runs; it bounds what a forged report costs.
const MOST_TESTS: u32 = 2_000_000;

/// One run of pytest.
#[derive(Debug, Default)]
pub(crate) struct Session {
    tests: Vec<Test>,
    /// Position in `tests` by the report's number.
    by_number: HashMap<u32, usize>,
    diagnostics: Vec<Diagnostic>,
    status: Option<i32>,
    interrupted: bool,
    collect_only: bool,
}

#[derive(Debug, Default)]
struct Test {
    id: String,
    place: Option<Location>,
    stage: Stage,
    outcome: Option<Outcome>,
    nanoseconds: Option<u64>,
    failures: Vec<Failure>,
    tries: Vec<Outcome>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Waiting,
    Running,
    Ended,
}

impl Session {
    pub(crate) fn take(&mut self, record: Record<'_>) {
        match &*record.event {
            "test" => self.name(&record),
            "start" => self.start(record),
            "phase" => {
                if let Some(test) = self.test(record.number) {
                    test.phase(record);
                }
            }
            "collected" => self.collect_only = record.only == Some(true),
            "collect-error" => self.diagnostics.push(collection_error(record)),
            "internal-error" => {
                let trace = record.trace.unwrap_or_default();
                self.diagnostics.push(Diagnostic::new("internal-error", last_line(&trace)));
            }
            "interrupted" => {
                // pytest's own stop, after errors of collection, is no interruption from outside.
                let by_itself = record.message.is_some_and(|message| message.starts_with("Interrupted: "));
                self.interrupted |= !by_itself;
            }
            "finish" => self.status = record.status,
            _ => {}
        }
    }

    fn test(&mut self, number: Option<u32>) -> Option<&mut Test> {
        let position = self.by_number.get(&number?)?;
        self.tests.get_mut(*position)
    }

    fn name(&mut self, record: &Record<'_>) {
        let (Some(number), Some(id)) = (record.number, &record.id) else { return };
        if number < MOST_TESTS {
            self.by_number.insert(number, self.tests.len());
            self.tests.push(Test { id: id.clone(), ..Test::default() });
        }
    }

    fn start(&mut self, record: Record<'_>) {
        let Some(test) = self.test(record.number) else { return };
        // The same id again is another run of it (`--keep-duplicates`), unless it is the next try of a failed one.
        if test.stage == Stage::Ended && test.outcome.is_some() {
            let again = Test { id: test.id.clone(), ..Test::default() };
            if let Some(number) = record.number {
                self.by_number.insert(number, self.tests.len());
            }
            self.tests.push(again);
        }
        let Some(test) = self.test(record.number) else { return };
        test.stage = Stage::Running;
        let line = record.line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
        test.place = record.file.map(|file| Location::new(file.replace('\\', "/"), line));
    }

    /// Adds what the session says to the attempt. `death` is the outcome of a test that was running when the
    /// session ended without a word.
    pub(crate) fn tell(self, death: Outcome, tests: &mut PackedTestsBuilder, parsed: &mut PackedAttempt) {
        let ended = self.status.is_some();
        if !ended || self.interrupted {
            parsed.completeness = Completeness::Truncated;
        }
        parsed.diagnostics.extend(self.diagnostics);
        for test in self.tests {
            let outcome = match (test.stage, test.outcome) {
                (Stage::Waiting, None) if self.collect_only => continue,
                (Stage::Waiting, None) if ended && !self.interrupted => Outcome::NotRun,
                (Stage::Waiting, None) => {
                    parsed.announced.push(test.id);
                    continue;
                }
                (Stage::Running, Some(Outcome::Failed)) => Outcome::Failed,
                (Stage::Running, _) if !ended => death,
                (_, Some(outcome)) => outcome,
                (_, None) => Outcome::Unknown,
            };
            test.tell(outcome, tests);
        }
    }
}

impl Test {
    fn phase(&mut self, record: Record<'_>) {
        if let Some(nanoseconds) = record.seconds.and_then(nanoseconds) {
            self.nanoseconds = Some(self.nanoseconds.unwrap_or_default().saturating_add(nanoseconds));
        }
        let is_subtest = record.sub.is_some();
        self.stage = match &*record.when {
            "teardown" | "???" => Stage::Ended,
            _ => Stage::Running,
        };
        match &*record.outcome {
            "passed" if record.when == "call" && !is_subtest => {
                let expected = record.xfail.is_some();
                self.outcome.get_or_insert(if expected { Outcome::UnexpectedPass } else { Outcome::Passed });
            }
            "skipped" if !is_subtest => {
                let expected = record.xfail.is_some();
                self.outcome = Some(if expected { Outcome::ExpectedFailure } else { Outcome::Skipped });
            }
            "failed" => self.fail(record),
            "rerun" => {
                let (outcome, _) = judge(&record);
                self.tries.push(outcome);
                self.outcome = None;
                self.failures.clear();
            }
            _ => {}
        }
    }

    fn fail(&mut self, record: Record<'_>) {
        let (outcome, mut failure) = judge(&record);
        if let Some(name) = &record.sub {
            failure.message = format!("{name} {}", failure.message);
        }
        self.failures.push(failure);
        // A test that failed already stays failed when its tear-down does too.
        if !matches!(self.outcome, Some(Outcome::Failed | Outcome::TimedOut | Outcome::UnexpectedPass)) {
            self.outcome = Some(outcome);
        }
    }

    fn tell(mut self, outcome: Outcome, tests: &mut PackedTestsBuilder) {
        let index = tests.push(&self.id, outcome);
        tests.set_name(index, own_name(&self.id));
        if let Some(nanoseconds) = self.nanoseconds {
            tests.set_duration(index, nanoseconds);
        }
        if let Some(place) = &self.place {
            tests.set_location(index, &place.file, place.line);
        }
        if self.failures.len() > 1 {
            self.failures.retain(|failure| !is_sum_of_subtests(&failure.message));
        }
        for failure in self.failures {
            tests.add_failure(index, failure);
        }
        if !self.tries.is_empty() {
            self.tries.push(outcome);
            tests.set_tries(index, self.tries);
        }
    }
}

/// What a failed phase makes of its test.
fn judge(record: &Record<'_>) -> (Outcome, Failure) {
    let failure =
        failure(record.message.as_deref().unwrap_or_default(), record.trace.as_deref().unwrap_or_default());
    let outcome = match (&*record.when, failed_outcome(&failure)) {
        ("???", _) => Outcome::Crashed,
        (_, Outcome::TimedOut) => Outcome::TimedOut,
        ("call", outcome) => outcome,
        _ => Outcome::Errored,
    };
    (outcome, failure)
}

fn collection_error(record: Record<'_>) -> Diagnostic {
    let trace = record.trace.unwrap_or_default();
    let message = record.message.unwrap_or_default();
    let id = record.id.unwrap_or_default();
    let file = id.split("::").next().unwrap_or_default().to_owned();
    let message = format!("{id}: {}", cause_of(&message, &trace));
    let diagnostic = Diagnostic::new("collection-error", message);
    if file.is_empty() { diagnostic } else { diagnostic.at(Location::new(file, None)) }
}

/// The last line that pytest marks as the error; the whole text starts with how it got there.
fn cause_of<'t>(message: &'t str, trace: &'t str) -> &'t str {
    let marked = trace.lines().rev().find_map(|line| line.strip_prefix("E  ")).map(str::trim);
    marked.filter(|line| !line.is_empty()).unwrap_or_else(|| message.trim())
}

fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no text")
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
