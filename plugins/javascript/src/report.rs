//! The report of our own: a line of JSON per event, as `report/writer.cjs` writes it.

use std::collections::HashMap;

use flaky_plugin_sdk::{
    Attempt, Blob, Completeness, Diagnostic, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};
use serde::Deserialize;

use crate::{Test, failure, first_paragraph, nanoseconds_of_millis, one_line, push_as};

/// Folder of our own reports, in the report folder.
pub const FOLDER: &str = "flaky-javascript";

/// Our own reports: one file per process that ran tests.
pub const REPORTS: &str = "flaky-javascript/*.jsonl";

/// The writer cuts texts; a test with many failures is the longest that there is.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// More tries than anybody asks for; it bounds what a forged report costs.
const MOST_TRIES: usize = 1000;

/// One line. Which fields are there depends on `event`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    #[serde(rename = "e")]
    event: String,
    /// Who runs the tests.
    tool: String,
    path: Vec<String>,
    outcome: String,
    /// `failed` where the test was meant to fail.
    expected: Option<String>,
    /// Whether `outcome` is what happened in the test (Playwright), not what that means (jest, vitest).
    raw: bool,
    #[serde(rename = "ms")]
    millis: Option<f64>,
    tries: Option<usize>,
    /// Of every try.
    statuses: Option<Vec<String>>,
    failures: Vec<String>,
    file: String,
    line: Option<u32>,
    code: String,
    message: String,
    complete: bool,
}

/// Reads our own reports of a tool; `None` when there is none. `separator` stands between the parts of ids, and `failed` says what a
/// failed test is by its message.
#[must_use]
pub fn read_report(
    attempt: &Attempt<'_>,
    tool: &str,
    separator: &str,
    failed: fn(&str) -> Outcome,
) -> Option<PackedAttempt> {
    let reports = attempt.reports().filter(|(path, _)| path.starts_with("flaky-javascript/"));
    let sessions: Vec<Session> = reports.filter_map(|(_, blob)| Session::read(&blob, tool, failed)).collect();
    if sessions.is_empty() {
        return None;
    }
    let mut parsed = PackedAttempt {
        format: format!("flaky-{tool}"),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    let death = if attempt.info().exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed };
    let mut tests = PackedTestsBuilder::default();
    for session in sessions {
        session.tell(separator, death, &mut tests, &mut parsed);
    }
    if tests.is_empty() && parsed.diagnostics.is_empty() && parsed.completeness == Completeness::Complete {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "no test was run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

/// One process that ran tests.
#[derive(Debug, Default)]
struct Session {
    /// Told, or begun only.
    tests: Vec<Option<Told>>,
    running: HashMap<Vec<String>, usize>,
    /// Tests of a file, which its end tells again.
    by_file: HashMap<String, Vec<usize>>,
    diagnostics: Vec<Diagnostic>,
    /// Whether it ended, and had run everything by then.
    ended: Option<bool>,
}

#[derive(Debug)]
struct Told {
    test: Test,
    begun: bool,
}

impl Session {
    fn read(blob: &Blob<'_>, tool: &str, failed: fn(&str) -> Outcome) -> Option<Self> {
        let mut session: Option<Self> = None;
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let Ok(record) = serde_json::from_slice::<Record>(line.bytes) else { continue };
            if record.event == "run" && record.tool == tool {
                session.get_or_insert_with(Self::default);
            } else if let Some(session) = &mut session {
                session.take(record, failed);
            }
        }
        session
    }

    fn take(&mut self, record: Record, failed: fn(&str) -> Outcome) {
        match record.event.as_str() {
            // What begins again is the next try of it.
            "start" if self.running.contains_key(&record.path) => {}
            "start" => {
                let place = Location::new(record.file.clone(), None);
                let test = Test { location: Some(place), ..Test::new(record.path.clone(), Outcome::Unknown) };
                let index = self.add(record.file, Told { test, begun: true });
                self.running.insert(record.path, index);
            }
            "test" => {
                let file = record.file.clone();
                let begun = self.running.remove(&record.path);
                let told = Told { test: record.test(failed), begun: false };
                match begun.and_then(|index| self.tests.get_mut(index)) {
                    Some(slot) => *slot = Some(told),
                    None => {
                        self.add(file, told);
                    }
                }
            }
            "file" => {
                for index in self.by_file.remove(&record.file).unwrap_or_default() {
                    if let Some(told) = self.tests.get_mut(index).and_then(Option::take) {
                        self.running.remove(&told.test.path);
                    }
                }
            }
            "error" => {
                let said = first_paragraph(&crate::strip_colours(&record.message));
                let said =
                    said.lines().take_while(|line| !line.starts_with("at ")).collect::<Vec<_>>().join("\n");
                let message = if record.file.is_empty() { said } else { format!("{}: {said}", record.file) };
                let diagnostic = Diagnostic::new(&record.code, message);
                self.diagnostics.push(match record.file.as_str() {
                    "" => diagnostic,
                    file => diagnostic.at(Location::new(file, None)),
                });
            }
            "end" => self.ended = Some(record.complete),
            _ => {}
        }
    }

    fn add(&mut self, file: String, told: Told) -> usize {
        let index = self.tests.len();
        self.tests.push(Some(told));
        self.by_file.entry(file).or_default().push(index);
        index
    }

    /// `death` is the outcome of a test that was running when the session ended without a word.
    fn tell(
        self,
        separator: &str,
        death: Outcome,
        tests: &mut PackedTestsBuilder,
        parsed: &mut PackedAttempt,
    ) {
        if self.ended != Some(true) {
            parsed.completeness = Completeness::Truncated;
        }
        parsed.diagnostics.extend(self.diagnostics);
        for told in self.tests.into_iter().flatten() {
            let mut test = told.test;
            if told.begun {
                // Where the run came to its end, what began and was never told of was stopped by a hook, which is told.
                if self.ended.is_some() {
                    continue;
                }
                test.outcome = death;
            }
            let parts: Vec<String> =
                test.path.iter().filter(|part| !part.is_empty()).map(|part| one_line(part)).collect();
            let name = parts.last().cloned().unwrap_or_default();
            push_as(tests, &parts.join(separator), &name, test);
        }
    }
}

impl Record {
    fn test(self, failed: fn(&str) -> Outcome) -> Test {
        let failures: Vec<_> = self.failures.iter().map(|text| failure(text)).collect();
        let said = failures.first().map_or("", |failure| failure.message.as_str());
        let expects_failure = self.expected.as_deref() == Some("failed");
        let of = |word: &str| match word {
            "passed" if expects_failure && self.raw => Outcome::UnexpectedPass,
            "failed" if expects_failure && self.raw => Outcome::ExpectedFailure,
            "passed" if expects_failure => Outcome::ExpectedFailure,
            "passed" => Outcome::Passed,
            "failed" => failed(said),
            "errored" => Outcome::Errored,
            "timedOut" => Outcome::TimedOut,
            "skipped" | "pending" | "todo" | "disabled" => Outcome::Skipped,
            "not-run" => Outcome::NotRun,
            _ => Outcome::Unknown,
        };
        let outcome = of(&self.outcome);
        let mut tries: Vec<Outcome> = match &self.statuses {
            Some(statuses) => statuses.iter().take(MOST_TRIES).map(|status| of(status)).collect(),
            None => {
                let before = self.tries.unwrap_or(1).min(MOST_TRIES).saturating_sub(1);
                let mut all = vec![Outcome::Failed; before];
                all.push(outcome);
                all
            }
        };
        if let Some(last) = tries.last_mut() {
            *last = outcome;
        }
        let place = (!self.file.is_empty()).then(|| Location::new(self.file.clone(), self.line));
        Test {
            duration: self.millis.and_then(nanoseconds_of_millis),
            location: place,
            failures: if matches!(outcome, Outcome::Passed | Outcome::Skipped) {
                Vec::new()
            } else {
                failures
            },
            tries,
            ..Test::new(self.path, outcome)
        }
    }
}
