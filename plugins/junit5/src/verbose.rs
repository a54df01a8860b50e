//! The verbose tree, which is printed while tests run.

use flaky_plugin_console::{MOST_TEXT, TestsSoFar, outcome_when_cut, push_line, visible};
use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Exit, Failure, LineEnd, Outcome, PackedAttempt, Source,
};

use crate::failures::failure_of;
use crate::line::{self, Branch};
use crate::tree::{shown, test_of};

/// Reads a verbose tree; `None` when there is none.
pub(crate) fn read(blob: &Blob<'_>, _source: &Source, exit: &Exit) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        reading.line(&visible(line.bytes), line.end);
    }
    reading.finish(exit, blob.cut().is_some())
}

#[derive(Debug, Default)]
struct Reading {
    /// `Test plan execution started. Number of static tests: 14`
    is_recognised: bool,
    is_ended: bool,
    path: Vec<String>,
    /// Whether the innermost node is a test that runs: it has no nodes of its own.
    running: bool,
    caught: Option<Caught>,
    duration_ns: Option<u64>,
    tests: TestsSoFar,
    diagnostics: Vec<Diagnostic>,
}

/// An exception: its text, then frames.
#[derive(Debug, Default)]
struct Caught {
    said: String,
    trace: String,
    in_message: bool,
}

impl Reading {
    fn line(&mut self, line: &str, end: LineEnd) {
        if !self.is_recognised {
            self.is_recognised = line.starts_with("Test plan execution started. Number of static tests: ");
            return;
        }
        if line.starts_with("Test plan execution finished. Number of all tests: ") {
            self.is_ended = true;
        }
        if self.is_ended || end != LineEnd::LineFeed {
            return;
        }
        if let Some(branch) = line::branch(line).filter(|_| !self.running) {
            self.branch(branch);
        } else if let Some(text) = line::inside(line) {
            self.detail(text);
        } else if let Some(caught) = &mut self.caught {
            // Lines of a message are not indented by all themes.
            caught.line(line);
        }
    }

    fn branch(&mut self, branch: Branch<'_>) {
        self.container_failed();
        let ends = branch.is_last && branch.text.contains(" finished after ");
        if ends {
            self.path.truncate(branch.depth);
        } else if !branch.text.ends_with(" dynamically registered") && branch.depth <= self.path.len() {
            self.path.truncate(branch.depth);
            self.path.push(branch.text.to_owned());
        }
    }

    /// What is caught where no test runs is of a container.
    fn container_failed(&mut self) {
        if let Some(caught) = self.caught.take() {
            let failure = caught.into_failure();
            let message = format!("`{}`: {} {}", shown(&self.path), failure.kind, failure.message);
            self.diagnostics.push(Diagnostic::new("suite-error", message));
        }
    }

    fn detail(&mut self, text: &str) {
        let (key, value) = text.split_once(": ").unwrap_or((text, ""));
        match key {
            "tags" if value.starts_with('[') && !self.running => {
                self.running = true;
                self.caught = None;
                self.duration_ns = None;
            }
            "caught" if self.caught.is_none() => {
                let (said, trace) = (value.to_owned(), value.to_owned());
                self.caught = Some(Caught { said, trace, in_message: true });
            }
            "duration" if self.running => {
                let time: Option<u64> = value.strip_suffix(" ms").and_then(|time| time.parse().ok());
                self.duration_ns = time.and_then(|time| time.checked_mul(1_000_000));
            }
            "status" if self.running => self.status(value),
            _ => {
                if let Some(caught) = &mut self.caught {
                    caught.line(text);
                }
            }
        }
    }

    fn status(&mut self, value: &str) {
        let outcome = match value.rsplit(' ').next() {
            Some("SUCCESSFUL") => Outcome::Passed,
            Some("FAILED") => Outcome::Failed,
            Some("ABORTED" | "SKIPPED") => Outcome::Skipped,
            _ => return,
        };
        self.running = false;
        let failure = self.caught.take().map_or_else(|| Failure::new("", ""), Caught::into_failure);
        let mut test = test_of(&self.path, outcome, failure);
        test.duration_ns = self.duration_ns.take();
        self.tests.0.push(test);
    }

    fn finish(mut self, exit: &Exit, was_cut: bool) -> Option<PackedAttempt> {
        if !self.is_recognised {
            return None;
        }
        let mut announced = Vec::new();
        if self.running {
            self.caught = None;
            match outcome_when_cut(exit) {
                Some(outcome) => self.tests.0.push(test_of(&self.path, outcome, Failure::new("", ""))),
                None => announced.push(shown(&self.path)),
            }
        }
        self.container_failed();
        let complete = self.is_ended && !was_cut;
        if complete && self.tests.0.is_empty() && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "the JUnit Platform found no test"));
        }
        Some(PackedAttempt {
            format: "junit5-verbose".to_owned(),
            tests: self.tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics: self.diagnostics,
        })
    }
}

impl Caught {
    fn line(&mut self, text: &str) {
        if self.trace.len() >= MOST_TEXT {
            return;
        }
        let text = text.trim_end();
        self.in_message &= !text.trim_start().starts_with("at ");
        if self.in_message {
            push_line(&mut self.said, text);
        }
        push_line(&mut self.trace, text);
    }

    fn into_failure(self) -> Failure {
        failure_of(&self.said, self.trace)
    }
}
