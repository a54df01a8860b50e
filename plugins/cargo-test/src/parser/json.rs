//! Tests from the unstable JSON of the harness.

use std::borrow::Cow;
use std::collections::HashMap;

use flaky_plugin_sdk::{Attempt, Blob, Failure, Outcome, PackedAttempt};
use serde::Deserialize;

use super::LONGEST_LINE;
use super::cargo::Cargo;
use super::line;
use super::report::{End, Report, Test};
use crate::panic;

#[derive(Debug, Deserialize)]
struct Event<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
    #[serde(borrow)]
    event: Cow<'l, str>,
    #[serde(borrow, default)]
    name: Option<Cow<'l, str>>,
    #[serde(default)]
    test_count: Option<u64>,
    #[serde(default)]
    exec_time: Option<f64>,
    #[serde(borrow, default)]
    stdout: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'l, str>>,
}

/// `None` when it is something else: its first event is that of a suite, and the names hold no binary as nextest's do.
pub(super) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>, cargo: &Cargo) -> Option<PackedAttempt> {
    let mut reading = Reading { report: Report::of(attempt), cargo, open: None };
    let mut recognised = false;
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() != Some(&b'{') {
            continue;
        }
        let Ok(event) = serde_json::from_slice::<Event<'_>>(line.bytes) else { continue };
        if event.name.as_deref().is_some_and(|name| name.contains('$')) {
            return None;
        }
        if !recognised {
            recognised = event.kind == "suite" && event.event == "started" && event.test_count.is_some();
            if !recognised {
                return None;
            }
            // Nextest adds to the same events what they lack.
            if memchr::memmem::find(line.bytes, b"\"nextest\":").is_some() {
                return None;
            }
        }
        reading.take(&event);
    }
    recognised.then(|| reading.finish())
}

struct Reading<'c> {
    report: Report,
    cargo: &'c Cargo,
    open: Option<Binary>,
}

#[derive(Debug, Default)]
struct Binary {
    tests: Vec<Test>,
    by_name: HashMap<String, usize>,
}

impl Reading<'_> {
    fn take(&mut self, event: &Event<'_>) {
        match (event.kind.as_ref(), event.event.as_ref(), event.name.as_deref()) {
            ("suite", "started", _) => {
                self.end(End::Died);
                self.open = Some(Binary::default());
            }
            ("suite", "ok" | "failed", _) => self.end(End::Whole),
            ("test", word, Some(name)) => {
                if let Some(binary) = &mut self.open {
                    binary.take(word, name, event);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, end: End) {
        if let Some(binary) = self.open.take() {
            self.report.binary(binary.tests, end, self.cargo);
        }
    }

    fn finish(mut self) -> PackedAttempt {
        self.end(End::Cut);
        self.report.finish("libtest-json", self.cargo)
    }
}

impl Binary {
    fn take(&mut self, word: &str, name: &str, event: &Event<'_>) {
        let outcome = match word {
            "started" => None,
            "ok" => Some(Outcome::Passed),
            "failed" if event.reason.as_deref() == Some("time limit exceeded") => Some(Outcome::TimedOut),
            "failed" => Some(Outcome::Failed),
            "ignored" => Some(Outcome::Skipped),
            // `timeout`: it takes long, and goes on.
            _ => return,
        };
        let at = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.tests.push(Test { name: name.to_owned(), outcome: None, nanoseconds: None, failure: None });
            self.tests.len() - 1
        });
        let (Some(test), Some(outcome)) = (self.tests.get_mut(at), outcome) else { return };
        test.outcome = Some(outcome);
        test.nanoseconds = event.exec_time.and_then(line::nanoseconds);
        if outcome == Outcome::Failed {
            let mut failure = panic::of(event.stdout.as_deref().unwrap_or_default(), name);
            if let Some(message) = event.message.as_deref() {
                failure = Failure {
                    message: [failure.message.as_str(), message].join("\n").trim().to_owned(),
                    ..failure
                };
            }
            test.failure = Some(failure);
        }
    }
}
