//! What was read of all packages, in the words of the contract.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Outcome, PackedAttempt, PackedTestsBuilder};

use super::build;
use super::package::{End, Package};

/// More problems than this tell nothing new.
const MOST_PROBLEMS: usize = 200;

#[derive(Debug)]
pub(super) struct Report {
    tests: PackedTestsBuilder,
    announced: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    /// The attempt did not end by itself.
    was_ended: bool,
    out_of_time: bool,
    cut: bool,
    packages: usize,
    without_tests: usize,
    /// Packages whose passed tests the output does not name.
    pub(super) unnamed: usize,
    /// What the compiler said, by package.
    pub(super) build_errors: BTreeMap<String, String>,
}

impl Report {
    pub(super) fn of(attempt: &Attempt<'_>) -> Self {
        let exit = &attempt.info().exit;
        Self {
            tests: PackedTestsBuilder::default(),
            announced: Vec::new(),
            diagnostics: Vec::new(),
            was_ended: exit.timed_out || exit.signal.is_some(),
            out_of_time: exit.timed_out,
            cut: false,
            packages: 0,
            without_tests: 0,
            unnamed: 0,
            build_errors: build::errors(&attempt.stderr()),
        }
    }

    /// A package whose end was seen.
    pub(super) fn package(&mut self, path: &str, package: Package, end: End) {
        self.packages += 1;
        self.without_tests += usize::from(package.len() == 0 && end == End::Ok);
        let last_words = package.last_words();
        let failed = self.take(path, package, end);
        if end == End::Failed && !failed {
            let why = last_words.map_or_else(|| "no test of it did".to_owned(), |f| f.message);
            self.problem("package-failed", format!("`{path}` failed: {why}"));
        }
    }

    /// A package whose output stops.
    pub(super) fn cut_package(&mut self, path: &str, package: Package) {
        self.cut = true;
        let end = if self.out_of_time { End::OutOfTime } else { End::Cut };
        self.take(path, package, end);
    }

    pub(super) fn cut(&mut self) {
        self.cut = true;
    }

    pub(super) fn not_built(&mut self, path: &str) {
        self.packages += 1;
        let said = self.build_errors.get(path).map_or("", String::as_str);
        let message = format!("`{path}` could not be built\n{said}");
        self.problem("build-failed", message.trim_end().to_owned());
    }

    pub(super) fn without_tests(&mut self) {
        self.packages += 1;
        self.without_tests += 1;
    }

    /// Whether the attempt did not end by itself.
    pub(super) fn was_ended(&self) -> bool {
        self.was_ended
    }

    pub(super) fn packages(&self) -> usize {
        self.packages
    }

    fn problem(&mut self, code: &str, message: String) {
        if self.diagnostics.len() < MOST_PROBLEMS {
            self.diagnostics.push(Diagnostic::new(code, message));
        }
    }

    /// Says whether a test failed.
    fn take(&mut self, path: &str, package: Package, end: End) -> bool {
        let mut failed = false;
        for test in package.finish(end) {
            let id = if path.is_empty() { test.name.clone() } else { format!("{path}::{}", test.name) };
            let Some(outcome) = test.outcome else {
                self.announced.push(id);
                continue;
            };
            failed |= !matches!(outcome, Outcome::Passed | Outcome::Skipped);
            let index = self.tests.push(&id, outcome);
            self.tests.set_name(index, &test.name);
            if let Some(nanoseconds) = test.nanoseconds {
                self.tests.set_duration(index, nanoseconds);
            }
            if let Some(failure) = test.failure {
                self.tests.add_failure(index, failure);
            }
        }
        failed
    }

    pub(super) fn finish(mut self, format: &str) -> PackedAttempt {
        let whole = !self.cut && !self.was_ended && self.unnamed == 0;
        if self.unnamed > 0 {
            let message = format!("tests of {} packages ran that the output does not name", self.unnamed);
            self.diagnostics.push(Diagnostic::new("unnamed-tests", message).hint("run `go test` with `-v`"));
        }
        if self.packages > 0 && self.packages == self.without_tests && !self.cut {
            self.problem("no-tests", "the packages have no tests".to_owned());
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
