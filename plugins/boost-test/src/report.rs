//! The result report: how each test was counted in the end.

use std::collections::HashMap;

use flaky_plugin_console::{TestsSoFar, visible};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Outcome, PackedAttempt};

use crate::case::test_of;

/// What the short form counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// No failure but those expected.
    NoErrors,
    /// Failures, and none was expected.
    Errors,
    Some {
        failures: u64,
        expected: u64,
    },
}

/// What the report says, detailed or short.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// In order, by path.
    told: Vec<(String, Outcome)>,
    by_path: HashMap<String, usize>,
    /// The short form.
    counts: Option<Counts>,
    open: Option<(String, Outcome)>,
}

impl Report {
    /// What it says of a test.
    pub(crate) fn outcome(&self, path: &str) -> Option<Outcome> {
        let (_, outcome) = self.told.get(*self.by_path.get(path)?)?;
        Some(*outcome)
    }

    /// Whether the short form was seen.
    pub(crate) fn has_ending(&self) -> bool {
        self.counts.is_some()
    }

    /// Whether all failures were expected.
    pub(crate) fn all_expected(&self) -> bool {
        match self.counts {
            Some(Counts::NoErrors) => true,
            Some(Counts::Some { failures, expected }) => failures == expected,
            Some(Counts::Errors) | None => false,
        }
    }

    /// Whether some failures were expected, and it does not say which.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.told.is_empty() && matches!(self.counts, Some(Counts::Some { .. }))
    }

    /// Keeps what is said of a test; the first word counts.
    pub(crate) fn tell(&mut self, path: String, outcome: Outcome) {
        if !self.by_path.contains_key(&path) {
            self.by_path.insert(path.clone(), self.told.len());
            self.told.push((path, outcome));
        }
    }

    /// Takes the report out of printed text.
    pub(crate) fn read_text(&mut self, blob: &Blob<'_>) {
        let mut lines = blob.lines();
        let mut in_details = false;
        // The short form is the last line; where more follows, a test printed it.
        let mut short = None;
        while let Some(line) = lines.next_line() {
            // Most lines are of the log, and need no copy.
            if !in_details && !looks_like_ours(line.bytes) {
                if !line.bytes.is_empty() {
                    short = None;
                }
                continue;
            }
            let line = visible(line.bytes);
            if !line.trim().is_empty() {
                short = None;
            }
            if line.starts_with("Test module \"")
                && (line.ends_with(" with:") || line.ends_with(" has passed"))
            {
                in_details = true;
            } else if line.starts_with("*** ") {
                short = short_form(&line);
            } else if in_details {
                self.detail(&line);
            }
        }
        self.close();
        if let Some(counts) = short {
            self.counts = Some(counts);
        }
    }

    /// `    Test case "cart/requires" was aborted with:`, then its counts.
    fn detail(&mut self, line: &str) {
        let line = line.trim_start();
        if let Some((_, outcome)) = &mut self.open
            && line.ends_with(" expected failure") | line.ends_with(" expected failures")
            && *outcome == Outcome::Passed
        {
            *outcome = Outcome::ExpectedFailure;
        }
        let is_case = line.strip_prefix("Test case \"");
        if line.is_empty() || is_case.is_some() || line.starts_with("Test suite \"") {
            self.close();
        }
        let Some((path, words)) = is_case.and_then(|rest| rest.rsplit_once("\" ")) else { return };
        if let Some(outcome) = word(words.trim_end_matches(" with:")) {
            self.open = Some((path.to_owned(), outcome));
        }
    }

    fn close(&mut self) {
        if let Some((path, outcome)) = self.open.take() {
            self.tell(path, outcome);
        }
    }

    /// The report by itself.
    pub(crate) fn into_attempt(self) -> PackedAttempt {
        let tests: Vec<_> = self.told.iter().map(|(path, outcome)| test_of(path, *outcome)).collect();
        let mut diagnostics = Vec::new();
        if tests.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
        }
        PackedAttempt {
            format: "boost-test-report".to_owned(),
            tests: TestsSoFar(tests).pack(),
            completeness: Completeness::Complete,
            announced: Vec::new(),
            diagnostics,
        }
    }
}

/// Failures, and how many of them were expected, of `*** No errors detected` or
/// `*** 10 failures are detected (1 failure is expected) in the test module "Shop tests"`.
fn short_form(line: &str) -> Option<Counts> {
    if line == "*** No errors detected" {
        return Some(Counts::NoErrors);
    }
    let starts = ["*** The test module \"", "*** Errors were detected in the test module \""];
    if starts.iter().any(|start| line.starts_with(start))
        && line.ends_with("; see standard output for details")
    {
        return Some(Counts::Errors);
    }
    let (counts, _) = line.strip_prefix("*** ")?.split_once(" in the test module \"")?;
    let number = |text: &str| text.split_once(" failure").and_then(|(number, _)| number.parse::<u64>().ok());
    let (failures, expected) = counts.split_once(" detected")?;
    let failures = number(failures)?;
    let expected = expected.strip_prefix(" (").and_then(number).unwrap_or(0);
    Some(if expected == 0 { Counts::Errors } else { Counts::Some { failures, expected } })
}

fn looks_like_ours(line: &[u8]) -> bool {
    line.starts_with(b"***") || line.starts_with(b"Test module \"") || line.starts_with(b"\x1b")
}

/// The result in words of the text and of the XML form.
pub(crate) fn word(words: &str) -> Option<Outcome> {
    Some(match words {
        "has passed" | "passed" => Outcome::Passed,
        "has failed" | "failed" | "was aborted" | "aborted" => Outcome::Failed,
        "was skipped" | "skipped" => Outcome::Skipped,
        "has timed out" | "timed-out" | "timed out" => Outcome::TimedOut,
        _ => return None,
    })
}
