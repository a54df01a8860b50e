//! What cargo said on its standard error.

use std::collections::{HashMap, VecDeque};

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, Failure, PackedAttempt};
use flaky_plugin_text::{capped, plain};

use crate::{framework, panic};

/// More of what tests and the compiler said tells nothing new.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// Longest line that is looked at here.
const LONGEST_LINE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Cargo {
    /// `could not compile` and what came with it.
    build_error: Option<String>,
    /// `process didn't exit successfully: … (signal: 6, SIGABRT: process abort signal)`, for every such binary.
    pub(super) deaths: Vec<String>,
    /// Whether it named a test binary that it ran.
    pub(super) runs_tests: bool,
    /// It is nextest that runs the tests, one by one: its own plugin reads that.
    pub(super) is_nextest: bool,
    /// Cargo spoke again after the tests, so that it was not killed with them.
    pub(super) outlived: bool,
    usage_error: Option<String>,
    printed: String,
}

impl Cargo {
    pub(super) fn read(stderr: &Blob<'_>) -> Self {
        let mut cargo = Self::default();
        let mut error = String::new();
        let mut lines = stderr.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let text = plain(line.bytes);
            let trimmed = text.trim_start();
            if trimmed.starts_with("Running ") && text.starts_with("     Running ")
                || trimmed.starts_with("Doc-tests ")
            {
                cargo.runs_tests = true;
            }
            cargo.is_nextest |= is_nextest(&text);
            cargo.outlived |= text.starts_with("error: test failed, to rerun pass")
                || text.starts_with("error: doctest failed")
                || text.ends_with(" target failed:")
                || text.ends_with(" targets failed:");
            if text.contains("process didn't exit successfully: `") {
                // A binary that ended with 101 has told of its failures itself.
                let death = trimmed.rsplit_once(" (").map(|(_, why)| why.trim_end_matches(')'));
                cargo
                    .deaths
                    .extend(death.filter(|why| !why.starts_with("exit status: 101")).map(str::to_owned));
            }
            if text.starts_with("error: could not compile `") {
                cargo.build_error = Some(format!("{text}\n{error}").trim_end().to_owned());
            } else if text.starts_with("error") {
                if cargo.usage_error.is_none() && is_usage(&text) {
                    cargo.usage_error = Some(text.clone().into_owned());
                }
                capped(&mut error, &text, 16 * 1024);
            } else if !error.is_empty() && !trimmed.is_empty() {
                capped(&mut error, &text, 16 * 1024);
            }
            capped(&mut cargo.printed, &text, MOST_KEPT);
        }
        // `cargo test` runs binaries by name, whatever one of them prints.
        cargo.is_nextest &= !cargo.runs_tests;
        cargo
    }

    /// What tests said here because nothing was captured, by the thread's name, in order.
    pub(super) fn panics(&self) -> HashMap<&str, VecDeque<Failure>> {
        let mut by_thread: HashMap<&str, VecDeque<Failure>> = HashMap::new();
        for panic in panic::panics(&self.printed) {
            by_thread.entry(panic.thread).or_default().push_back(Failure::new("panic", panic.message));
        }
        by_thread
    }

    pub(super) fn build_failed(&self) -> Option<Diagnostic> {
        self.build_error.as_ref().map(|error| Diagnostic::new("build-failed", error.clone()))
    }

    /// Names the fault of a `cargo test` that came to no test.
    pub(super) fn explain(&self, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
        let own = || framework::find(&attempt.info().command).is_some();
        let diagnostic = match (self.build_failed(), &self.usage_error) {
            // What is only built without tests may be anybody's.
            (Some(failed), _)
                if own() || failed.message.contains(" test)") || failed.message.contains("(test ") =>
            {
                failed
            }
            (_, Some(error)) if own() => Diagnostic::new("usage-error", error.clone()),
            _ => return None,
        };
        Some(PackedAttempt {
            format: "libtest-text".to_owned(),
            completeness: Completeness::Complete,
            diagnostics: vec![diagnostic],
            ..PackedAttempt::default()
        })
    }
}

/// What nextest says before it runs anything.
pub(super) fn is_nextest(text: &str) -> bool {
    text.starts_with(" Nextest run ID ")
}

fn is_usage(text: &str) -> bool {
    [
        "unexpected argument",
        "could not find `Cargo.toml`",
        "no test target named",
        "no such command",
        "Unrecognized option",
    ]
    .iter()
    .any(|words| text.contains(words))
}
