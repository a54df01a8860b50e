//! Our own report as `flaky_rspec_report.rb` writes it: one JSON object per line, one file per process.

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, Outcome, PackedAttempt, PackedTests};
use serde::Deserialize;

use super::FOLDER;
use super::example::{self, Example};

/// Messages of exceptions are whole in a line; a longer one is not read, and its example is told as it began.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "lowercase")]
enum Record {
    Begin,
    Start { example: Example },
    End { example: Example },
    Message { text: String },
    Finish { outside: Option<usize> },
}

#[derive(Debug, Default)]
struct Reading {
    examples: Vec<Example>,
    /// Begun and not ended when the file did.
    running: Vec<Example>,
    diagnostics: Vec<Diagnostic>,
    files: usize,
    finished: usize,
    outside: usize,
}

pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    for (path, blob) in attempt.reports() {
        let is_ours = path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'));
        if is_ours && path.ends_with(".jsonl") {
            reading.file(&blob);
        }
    }
    reading.finish(attempt.info().exit.timed_out)
}

impl Reading {
    fn file(&mut self, blob: &Blob<'_>) {
        let mut running: Option<Example> = None;
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            // A line that is cut is no JSON.
            let Ok(record) = serde_json::from_slice::<Record>(line.bytes) else { continue };
            match record {
                Record::Begin => self.files += 1,
                Record::Start { example } => self.running.extend(running.replace(example)),
                Record::End { example } => {
                    running = None;
                    self.examples.push(example);
                }
                Record::Message { text } => self.diagnostics.extend(example::outside(&text)),
                Record::Finish { outside } => {
                    self.finished += 1;
                    self.outside += outside.unwrap_or_default();
                }
            }
        }
        self.running.extend(running);
    }

    fn finish(mut self, timed_out: bool) -> Option<PackedAttempt> {
        if self.files == 0 {
            return None;
        }
        let complete = self.finished == self.files && self.running.is_empty();
        if self.outside > 0 && self.diagnostics.is_empty() {
            let message = format!("{} errors occurred outside of examples", self.outside);
            self.diagnostics.push(Diagnostic::new("internal-error", message));
        }
        if complete && self.examples.is_empty() && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "RSpec found no example to run"));
        }
        Some(PackedAttempt {
            format: "rspec-report".to_owned(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            tests: self.tests(if timed_out { Outcome::TimedOut } else { Outcome::Crashed }),
            announced: Vec::new(),
            diagnostics: self.diagnostics,
        })
    }

    /// The examples that ended, and those that ran when their process died.
    fn tests(&mut self, death: Outcome) -> PackedTests {
        let status = if death == Outcome::TimedOut { "timed-out" } else { "crashed" };
        let died = std::mem::take(&mut self.running)
            .into_iter()
            .map(|example| Example { status: status.to_owned(), ..example });
        self.examples.extend(died);
        example::pack(std::mem::take(&mut self.examples))
    }
}
