//! Tests from what nextest prints for people.

use flaky_plugin_sdk::{Attempt, Blob, Diagnostic, LineEnd, PackedAttempt};
use flaky_plugin_text::{capped, plain};

use super::line::{self, Kind, Output, Status};
use super::report::Tests;

/// Nextest's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 256 * 1024;

#[derive(Debug, Default)]
struct Reading {
    tests: Tests,
    started: bool,
    /// How many tests ran, once the summary was seen.
    ran: Option<u64>,
    /// Whether lines of this run say where in it a test stands.
    is_placed: Option<bool>,
    /// The test that runs alone and whose output is not captured.
    running: Option<usize>,
    /// The test whose output follows.
    current: Option<usize>,
    output: Option<Output>,
    after_rule: bool,
    no_tests: bool,
    build: Option<String>,
    errors: String,
}

/// `None` when the text is not nextest's.
pub(super) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = plain(line.bytes);
        // The name of a test ends with its line.
        if line.end != LineEnd::EndOfData || line::status(&text).is_none() {
            reading.take(&text);
        }
    }
    reading.finish(attempt)
}

impl Reading {
    fn take(&mut self, text: &str) {
        if !self.started {
            self.before(text);
            return;
        }
        let after_rule = std::mem::replace(&mut self.after_rule, line::is_rule(text));
        if let Some(ran) = line::summary(text).filter(|_| after_rule && self.running.is_none()) {
            self.ran = Some(ran);
            self.output = None;
            self.current = None;
            return;
        }
        self.no_tests |= text == "error: no tests to run";
        if let Some(status) = line::status(text).filter(|status| self.is_own(status)) {
            self.status(status);
            return;
        }
        if let Some(running) = self.running {
            // Said by the harness before the test says anything.
            if text != "running 1 test" {
                self.tests.output(running, text);
            }
            return;
        }
        if let Some(output) = line::opens_output(text) {
            self.output = Some(output);
            return;
        }
        let printed = match self.output {
            Some(Output::Indented) if text.is_empty() => Some(text),
            Some(Output::Indented) => text.strip_prefix("    "),
            Some(Output::Plain) => Some(text),
            None => None,
        };
        match (printed, self.current) {
            (Some(printed), Some(at)) => self.tests.output(at, printed),
            (None, _) if !text.is_empty() => self.output = None,
            _ => {}
        }
    }

    /// Where nothing is captured, tests print between the lines of nextest; what looks like one is told apart by the test
    /// that runs.
    fn is_own(&mut self, status: &Status<'_>) -> bool {
        let is_placed = *self.is_placed.get_or_insert(status.is_placed);
        let is_running = |at| self.tests.is(at, status.binary, status.test);
        is_placed == status.is_placed && self.running.is_none_or(is_running)
    }

    fn status(&mut self, status: Status<'_>) {
        self.output = None;
        let at = self.tests.at(status.binary, status.test);
        self.current = Some(at);
        match status.kind {
            Kind::Begins => {
                self.running = Some(at);
                self.tests.forget_output(at);
            }
            Kind::Is(outcome) => {
                let was_running = self.running.take().is_some();
                let is_new = self.tests.add_try(at, status.attempt, outcome, status.nanoseconds);
                if is_new && !was_running {
                    self.tests.forget_output(at);
                }
                self.tests.set_last(at, status.is_last);
            }
            Kind::Running => {}
        }
    }

    fn before(&mut self, text: &str) {
        self.started = line::starting(text).is_some();
        if text.starts_with("error") || !self.errors.is_empty() {
            // The first errors say why.
            capped(&mut self.errors, text, 16 * 1024);
        }
        if text.starts_with("error: command `")
            && text.contains("` exited with code")
            && text.contains(" --no-run")
        {
            self.build = Some(self.errors.trim_end().to_owned());
        }
    }

    fn finish(self, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
        if let Some(error) = self.build {
            let failed = vec![Diagnostic::new("build-failed", error)];
            return Some(Tests::default().finish("nextest-text", attempt, true, failed));
        }
        if !self.started {
            return None;
        }
        let mut diagnostics = Vec::new();
        let unnamed = self.ran.unwrap_or_default().saturating_sub(self.tests.told());
        if unnamed > 0 {
            let message = format!("{unnamed} tests ran that the output does not name");
            diagnostics.push(
                Diagnostic::new("unnamed-tests", message).hint("run nextest with `--status-level pass`"),
            );
        }
        if self.no_tests || self.ran == Some(0) {
            diagnostics.push(Diagnostic::new("no-tests", "nextest found no test to run"));
        }
        Some(self.tests.finish("nextest-text", attempt, self.ran.is_some(), diagnostics))
    }
}
