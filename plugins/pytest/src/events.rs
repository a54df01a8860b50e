//! The lines of our own pytest plugin, see `reporting.py`.

use std::borrow::Cow;

use flaky_plugin_sdk::{Blob, Diagnostic, Failure, LineEnd, Location, Outcome};
use serde::Deserialize;

use crate::failure;
use crate::tally::{Phase, Tally, Unfinished};

/// Longest line that is read: a chunk of 200 ids of 4 KiB each, and a page more.
const LONGEST_LINE: usize = 1024 * 1024;

/// Most diagnostics of one attempt; beyond them every file of a project is broken.
const MOST_DIAGNOSTICS: usize = 200;

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Start,
    Collected,
    Begin,
    Report,
    Collect,
    Internal,
    End,
    /// Of a later version.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Event<'a> {
    e: Kind,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    ids: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    when: Cow<'a, str>,
    #[serde(borrow, default)]
    outcome: Cow<'a, str>,
    #[serde(default)]
    duration: f64,
    #[serde(borrow)]
    file: Option<Cow<'a, str>>,
    line: Option<u32>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trace: Option<Cow<'a, str>>,
    #[serde(default)]
    xfail: bool,
    #[serde(borrow)]
    sub: Option<Cow<'a, str>>,
    exit: Option<i32>,
}

/// What the lines say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The tests.
    pub(crate) tally: Tally,
    /// What belongs to no test.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// A session began.
    pub(crate) started: bool,
    /// The last session that began also ended, with this exit code.
    pub(crate) ended: Option<i32>,
    /// An earlier session never ended, or lines are missing.
    pub(crate) gap: bool,
}

/// Reads a report; `died` is what becomes of a test in which the process ended.
pub(crate) fn read(blob: &Blob<'_>, died: Outcome) -> Told {
    let mut told = Told::default();
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.is_empty() {
            continue;
        }
        let read = match line.end {
            LineEnd::LineFeed => std::str::from_utf8(line.bytes).ok().and_then(|t| serde_json::from_str(t).ok()),
            _ => None,
        };
        match read {
            Some(event) => told.take(event, died),
            None => told.gap = true,
        }
    }
    told
}

impl Told {
    fn take(&mut self, event: Event<'_>, died: Outcome) {
        match event.e {
            Kind::Start => {
                if self.started {
                    self.gap |= self.ended.is_none();
                    let unfinished = if self.ended.is_some() { Unfinished::Stopped } else { Unfinished::Ended(died) };
                    self.tally.next_session(unfinished);
                }
                self.started = true;
                self.ended = None;
            }
            Kind::Collected => event.ids.iter().for_each(|id| self.tally.collected(id)),
            Kind::Begin => self.tally.began(&event.id),
            Kind::Report => self.report(&event),
            Kind::Collect => self.collect(&event),
            Kind::Internal => {
                let crash = failure_of(&event);
                let text = format!("{}: {}", crash.kind, crash.message);
                self.diagnose(Diagnostic::new("internal-error", text.trim_start_matches(": ")));
            }
            Kind::End => self.ended = Some(event.exit.unwrap_or_default()),
            Kind::Other => {}
        }
    }

    fn report(&mut self, event: &Event<'_>) {
        let id = event.id.as_ref();
        let around = event.when != "call";
        if let Some(sub) = &event.sub {
            if event.outcome == "failed" {
                let failure = failure_of(event);
                let message = format!("{sub} {}", failure.message);
                self.tally.subtest_failed(id, Failure { message, ..failure });
            }
            return;
        }
        self.tally.took(id, nanoseconds(event.duration));
        self.tally.place(id, event.file.as_deref(), event.line);
        let phase = match event.outcome.as_ref() {
            "passed" => Phase { outcome: Outcome::Passed, around, failure: None },
            "skipped" if event.xfail => Phase { outcome: Outcome::ExpectedFailure, around: false, failure: None },
            "skipped" => Phase { outcome: Outcome::Skipped, around, failure: None },
            "failed" => {
                let failure = failure_of(event);
                Phase { outcome: failure::outcome(&failure, !around), around, failure: Some(failure) }
            }
            // The words of pytest-rerunfailures and pytest-retry.
            "rerun" | "retried" => {
                let outcome = failure::outcome(&failure_of(event), !around);
                self.tally.retried(id, outcome);
                return;
            }
            _ => Phase { outcome: Outcome::Unknown, around, failure: None },
        };
        self.tally.phase(id, phase);
    }

    fn collect(&mut self, event: &Event<'_>) {
        let file = event.id.split("::").next().unwrap_or_default();
        let (code, message) = if event.outcome == "skipped" {
            ("module-skipped", event.message.as_deref().unwrap_or_default().to_owned())
        } else {
            ("collection-error", collection_message(event))
        };
        let place = if event.id.is_empty() { String::new() } else { format!("{}: ", event.id) };
        let diagnostic = Diagnostic::new(code, format!("{place}{message}"));
        self.diagnose(if file.is_empty() { diagnostic } else { diagnostic.at(Location::new(file, None)) });
    }

    fn diagnose(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MOST_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }
}

fn failure_of(event: &Event<'_>) -> Failure {
    let trace = event.trace.as_deref().unwrap_or_default();
    failure::of_crash(event.message.as_deref().unwrap_or_default(), trace)
}

/// pytest gives a broken import as text, in which the exception is the last of the lines marked with `E`.
fn collection_message(event: &Event<'_>) -> String {
    if let Some(message) = event.message.as_deref().filter(|message| !message.is_empty()) {
        return message.to_owned();
    }
    let trace = event.trace.as_deref().unwrap_or_default();
    let marked = trace.lines().rev().find_map(|line| line.strip_prefix("E  ")).map(str::trim);
    marked.unwrap_or_else(|| failure::last_line(trace)).to_owned()
}

fn nanoseconds(seconds: f64) -> u64 {
    // What is negative or not a number becomes 0, what is too large the largest there is.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, as wanted here")]
    let nanoseconds = (seconds * 1e9).round() as u64;
    nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &str) -> Told {
        read(&Blob::in_memory(lines.as_bytes()).in_chunks_of(7), Outcome::Crashed)
    }

    #[test]
    fn lines_that_cannot_be_read_are_a_gap_and_nothing_else() {
        let told = told(
            "{\"e\":\"start\"}\nnot json\n{\"e\":\"later\",\"x\":1}\n{\"e\":\"report\",\"id\":\"a.py::t\",\"when\":\"call\",\
             \"outcome\":\"passed\",\"duration\":0.5,\"line\":3}\n{\"e\":\"begin\",\"id\":\"a.p",
        );
        assert!(told.started && told.gap && told.ended.is_none());
        let result = told.tally.finish(Unfinished::Stopped).0.results().remove(0);
        assert_eq!((result.outcome, result.duration_ns), (Outcome::Passed, Some(500_000_000)));
        assert_eq!(result.location, Some(Location::new("a.py", Some(3))));
    }

    #[test]
    fn a_session_that_died_is_settled_when_the_next_one_begins() {
        let told = told(
            "{\"e\":\"start\"}\n{\"e\":\"begin\",\"id\":\"a.py::t\"}\n{\"e\":\"start\"}\n{\"e\":\"end\",\"exit\":5}\n",
        );
        assert_eq!(told.ended, Some(5));
        assert!(told.gap);
        let (packed, _) = told.tally.finish(Unfinished::Stopped);
        assert_eq!(packed.results()[0].outcome, Outcome::Crashed);
    }

    #[test]
    fn a_broken_import_is_told_by_its_last_marked_line() {
        let told = told(
            "{\"e\":\"start\"}\n{\"e\":\"collect\",\"id\":\"a/b.py\",\"outcome\":\"failed\",\
             \"trace\":\"ImportError while importing\\nE   ModuleNotFoundError: No module named 'x'\\nhint\"}\n",
        );
        let diagnostic = &told.diagnostics[0];
        assert_eq!(diagnostic.code, "collection-error");
        assert_eq!(diagnostic.message, "a/b.py: ModuleNotFoundError: No module named 'x'");
        assert_eq!(diagnostic.location, Some(Location::new("a/b.py", None)));
    }

    #[test]
    fn durations_that_make_no_sense_do_no_harm() {
        assert_eq!([nanoseconds(-1.0), nanoseconds(f64::NAN), nanoseconds(1e300)], [0, 0, u64::MAX]);
    }
}
