//! Tests of all binaries, in the words of the contract.

use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder,
};

use super::cargo::Cargo;

#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) name: String,
    /// `None` while it runs.
    pub(super) outcome: Option<Outcome>,
    pub(super) nanoseconds: Option<u64>,
    pub(super) failure: Option<Failure>,
}

/// How the tests of a binary ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// No result of the binary was seen, and another one ran after it.
    Died,
    /// The output stops.
    Cut,
}

#[derive(Debug)]
pub(super) struct Report {
    tests: PackedTestsBuilder,
    announced: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    timed_out: bool,
    was_ended: bool,
    cut: bool,
    unnamed: u64,
    deaths: usize,
}

impl Report {
    pub(super) fn of(attempt: &Attempt<'_>) -> Self {
        let exit = &attempt.info().exit;
        Self {
            tests: PackedTestsBuilder::default(),
            announced: Vec::new(),
            diagnostics: Vec::new(),
            timed_out: exit.timed_out,
            was_ended: exit.timed_out || exit.signal.is_some(),
            cut: false,
            unnamed: 0,
            deaths: 0,
        }
    }

    pub(super) fn unnamed(&mut self, tests: u64) {
        self.unnamed = self.unnamed.saturating_add(tests);
    }

    pub(super) fn binary(&mut self, tests: Vec<Test>, end: End, cargo: &Cargo) {
        let died = end == End::Died || (end == End::Cut && cargo.outlived && !self.was_ended);
        let why = if died {
            let why = cargo.deaths.get(self.deaths).cloned();
            self.deaths += 1;
            why.unwrap_or_else(|| "the process ended without a result".to_owned())
        } else {
            String::new()
        };
        self.cut |= end == End::Cut && !died;
        let mut blamed = end == End::Whole;
        for test in tests {
            let (outcome, failure) = match test.outcome {
                Some(outcome) => (outcome, test.failure),
                None if died => (Outcome::Crashed, Some(Failure::new("", why.clone()))),
                None if self.timed_out => (Outcome::TimedOut, None),
                None => {
                    self.announced.push(test.name);
                    continue;
                }
            };
            blamed |= outcome == Outcome::Crashed;
            self.add(&test.name, outcome, test.nanoseconds, failure);
        }
        if died && !blamed {
            self.diagnostics.push(Diagnostic::new("process-crashed", format!("a test binary died: {why}")));
        }
    }

    fn add(&mut self, name: &str, outcome: Outcome, nanoseconds: Option<u64>, failure: Option<Failure>) {
        let index = self.tests.push(name, outcome);
        let is_doc_test = name.contains(" - ");
        if !is_doc_test && let Some((_, own)) = name.rsplit_once("::") {
            self.tests.set_name(index, own);
        }
        if let Some((file, line)) = doc_test_place(name) {
            self.tests.set_location(index, file, Some(line));
        }
        if let Some(nanoseconds) = nanoseconds {
            self.tests.set_duration(index, nanoseconds);
        }
        if let Some(failure) = failure {
            self.tests.add_failure(index, failure);
        }
    }

    pub(super) fn finish(mut self, format: &str, cargo: &Cargo) -> PackedAttempt {
        self.diagnostics.extend(cargo.build_failed());
        if self.unnamed > 0 {
            let message = format!("{} tests ran that the output does not name", self.unnamed);
            self.diagnostics
                .push(Diagnostic::new("unnamed-tests", message).hint("run the tests without `--quiet`"));
        }
        let whole = !self.cut && !self.was_ended && self.unnamed == 0;
        if whole && self.tests.is_empty() && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "there was no test to run"));
        }
        PackedAttempt {
            format: format.to_owned(),
            tests: self.tests.finish(),
            completeness: if whole { Completeness::Complete } else { Completeness::Truncated },
            announced: self.announced,
            diagnostics: self.diagnostics,
        }
    }
}

/// File and line of `src/lib.rs - path::item (line 9)`.
fn doc_test_place(name: &str) -> Option<(&str, u32)> {
    let (file, rest) = name.split_once(" - ")?;
    let (_, line) = rest.strip_suffix(')')?.rsplit_once("(line ")?;
    Some((file, line.parse().ok()?))
}
