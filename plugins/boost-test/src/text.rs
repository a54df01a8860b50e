//! The log as text.

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, begins_ctest, outcome_when_cut, push_line, visible};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Exit, Outcome, PackedAttempt};

use crate::case::{Case, failure_of, test_of};
use crate::report::Report;

/// Reads a log; `None` when there is none.
pub(crate) fn read(blob: &Blob<'_>, report: &Report, exit: &Exit) -> Option<PackedAttempt> {
    let mut log = Log::new(report);
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        if !log.is_whole && begins_ctest(line.bytes) {
            return None;
        }
        log.line(&visible(line.bytes));
    }
    log.finish(exit)
}

/// What is said of failures that were expected, and what cannot be known of them.
pub(crate) fn judge_expected(tests: &mut TestsSoFar, report: &Report) -> Option<Diagnostic> {
    if report.all_expected() {
        for test in tests.0.iter_mut().filter(|test| test.outcome == Outcome::Failed) {
            test.outcome = Outcome::ExpectedFailure;
        }
    } else if report.is_ambiguous() {
        let message = "failures that were expected are not told apart from others";
        return Some(
            Diagnostic::warning("ambiguous-outcome", message)
                .hint("run the program with `--report_level=detailed`"),
        );
    }
    None
}

struct Log<'r> {
    report: &'r Report,
    tests: TestsSoFar,
    /// `Running 18 test cases...`
    is_announced: bool,
    /// The log names all tests.
    is_whole: bool,
    is_ended: bool,
    is_aborted: bool,
    suites: Vec<String>,
    running: Option<Case>,
    /// Of a log that names what failed alone.
    alone: Vec<Case>,
    /// The message that a line belongs to: that of the last failure.
    message: Option<Message>,
}

#[derive(Debug)]
struct Message {
    text: String,
    trace: String,
}

/// What the framework says in a line.
enum Line<'l> {
    Enter {
        kind: &'l str,
        name: &'l str,
    },
    Leave {
        kind: &'l str,
        rest: &'l str,
    },
    Skipped(&'l str),
    Error {
        path: &'l str,
        message: &'l str,
    },
    Checkpoint(&'l str),
    /// Said by the framework, and of no use.
    Other,
    Text,
}

impl<'r> Log<'r> {
    fn new(report: &'r Report) -> Self {
        Self {
            report,
            tests: TestsSoFar::default(),
            is_announced: false,
            is_whole: false,
            is_ended: false,
            is_aborted: false,
            suites: Vec::new(),
            running: None,
            alone: Vec::new(),
            message: None,
        }
    }

    fn line(&mut self, line: &str) {
        match read_line(line) {
            Line::Enter { kind: "module", .. } if self.running.is_none() => {
                self.end_message();
                self.is_whole = true;
                self.is_ended = false;
                self.suites.clear();
            }
            Line::Enter { kind: "suite", name } if self.is_open() && self.running.is_none() => {
                self.suites.push(name.to_owned());
            }
            Line::Enter { kind: "case", name } if self.is_open() && self.running.is_none() => {
                self.running = Some(Case::new(self.path(name)));
            }
            Line::Leave { kind, rest } => self.leave(kind, rest, line),
            Line::Skipped(path) if self.is_open() && self.running.is_none() => {
                self.tests.0.push(test_of(path, Outcome::Skipped));
            }
            Line::Error { path, message } if self.is_about(path) => self.fail(path, message, line),
            Line::Checkpoint(text) => {
                self.end_message();
                let case = if self.is_whole { self.running.as_mut() } else { self.alone.last_mut() };
                if let Some(case) = case {
                    text.clone_into(&mut case.checkpoint);
                }
            }
            Line::Other => self.end_message(),
            _ => self.text(line),
        }
    }

    fn is_open(&self) -> bool {
        self.is_whole && !self.is_ended
    }

    fn path(&self, name: &str) -> String {
        let mut path = self.suites.join("/");
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        path
    }

    /// Whether a failure can be of this test: of the one that runs, where the log says which that is.
    fn is_about(&self, path: &str) -> bool {
        match &self.running {
            Some(running) => running.path == path || running.path.rsplit('/').next() == Some(path),
            None => !self.is_whole,
        }
    }

    fn fail(&mut self, path: &str, message: &str, line: &str) {
        self.end_message();
        if !self.is_whole && self.alone.last().is_none_or(|case| case.path != path) {
            self.alone.push(Case::new(path.to_owned()));
        }
        self.message = Some(Message { text: message.to_owned(), trace: line.to_owned() });
    }

    fn end_message(&mut self) {
        let Some(message) = self.message.take() else { return };
        let failure = failure_of(message.text.trim_end(), message.trace.trim_end().to_owned());
        let case = if self.is_whole { self.running.as_mut() } else { self.alone.last_mut() };
        if let Some(case) = case {
            case.failures.push(failure);
        }
    }

    fn leave(&mut self, kind: &str, rest: &str, line: &str) {
        let (name, time) = match rest.rsplit_once("\"; testing time: ") {
            Some((name, time)) => (name, duration(time)),
            None => (rest.strip_suffix('"').unwrap_or(rest), None),
        };
        match kind {
            "case" => {
                let is_running = self.running.as_ref().is_some_and(|case| case.path == self.path(name));
                if !is_running {
                    self.text(line);
                    return;
                }
                self.end_message();
                let Some(case) = self.running.take() else { return };
                let test = Case { duration_ns: time, ..case }.into_test(self.report);
                self.tests.0.push(test);
            }
            "suite" if self.running.is_none() && self.suites.last().is_some_and(|suite| suite == name) => {
                self.suites.pop();
            }
            "module" if self.running.is_none() => self.is_ended = true,
            _ => self.text(line),
        }
    }

    /// A line of a message, or of what a test prints.
    fn text(&mut self, line: &str) {
        if self.running.is_none() {
            self.is_announced |= is_announcement(line);
            self.is_aborted |= self.is_open() && line == "Test is aborted";
        }
        if let Some(message) = self.message.as_mut().filter(|message| message.trace.len() < MOST_TEXT) {
            push_line(&mut message.text, line);
            push_line(&mut message.trace, line);
        }
    }

    fn finish(mut self, exit: &Exit) -> Option<PackedAttempt> {
        self.end_message();
        if !self.is_whole {
            let is_ours = self.is_announced && (self.report.has_ending() || !self.alone.is_empty());
            return is_ours.then(|| self.finish_unnamed());
        }
        let mut announced = Vec::new();
        let is_open = self.is_open() || self.running.is_some();
        if let Some(case) = self.running.take() {
            match outcome_when_cut(exit) {
                Some(outcome) => {
                    let failures = case.failures;
                    self.tests.0.push(Test { failures, ..test_of(&case.path, outcome) });
                }
                None => announced.push(case.path),
            }
        }
        let mut diagnostics: Vec<_> = judge_expected(&mut self.tests, self.report).into_iter().collect();
        let complete = !is_open && !self.is_aborted;
        if complete && self.tests.0.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "Boost.Test ran no test"));
        }
        Some(PackedAttempt {
            format: "boost-test-text".to_owned(),
            tests: self.tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics,
        })
    }

    fn finish_unnamed(self) -> PackedAttempt {
        let report = self.report;
        let mut tests = TestsSoFar(self.alone.into_iter().map(|case| case.into_test(report)).collect());
        let unnamed = Diagnostic::new("unnamed-tests", "the tests that passed are not named")
            .hint("run the program with `--log_level=test_suite`");
        let mut diagnostics = vec![unnamed];
        diagnostics.extend(judge_expected(&mut tests, report));
        PackedAttempt {
            format: "boost-test-text".to_owned(),
            tests: tests.pack(),
            completeness: Completeness::Truncated,
            announced: Vec::new(),
            diagnostics,
        }
    }
}

fn is_announcement(line: &str) -> bool {
    let count = line
        .strip_prefix("Running ")
        .and_then(|rest| rest.strip_suffix(" test cases...").or_else(|| rest.strip_suffix(" test case...")));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

fn read_line(line: &str) -> Line<'_> {
    // Most lines are of tests, and are told by one byte.
    if !matches!(line.bytes().next(), Some(b'E' | b'L' | b'T'))
        && memchr::memchr2(b'(', b':', line.as_bytes()).is_none()
    {
        return Line::Text;
    }
    if let Some(rest) = line.strip_prefix("Entering test ") {
        return enter(rest);
    }
    if let Some(rest) = line.strip_prefix("Leaving test ") {
        return leave(rest);
    }
    let Some(said) = after_place(line) else {
        let is_note = line.starts_with("Test case ") && line.ends_with(" did not check any assertions");
        return if is_note { Line::Other } else { Line::Text };
    };
    if let Some(rest) = said.strip_prefix("Entering test ") {
        return enter(rest);
    }
    if let Some(rest) = said.strip_prefix("Leaving test ") {
        return leave(rest);
    }
    if let Some(rest) = said.strip_prefix("Test case \"") {
        return rest.split_once("\" is skipped").map_or(Line::Text, |(path, _)| Line::Skipped(path));
    }
    if let Some(text) = said.strip_prefix("last checkpoint") {
        return Line::Checkpoint(text);
    }
    // The colon came with 1.59.
    for word in ["error: in \"", "fatal error: in \"", "error in \"", "fatal error in \""] {
        if let Some((path, message)) = said.strip_prefix(word).and_then(|rest| rest.split_once("\": ")) {
            return Line::Error { path, message };
        }
    }
    let is_other = ["info: ", "warning: in \"", "warning in \"", "Test suite \""]
        .iter()
        .any(|word| said.starts_with(word));
    if is_other { Line::Other } else { Line::Text }
}

fn enter(text: &str) -> Line<'_> {
    let quoted = text.split_once(" \"").and_then(|(kind, rest)| Some((kind, rest.strip_suffix('"')?)));
    quoted.map_or(Line::Text, |(kind, name)| Line::Enter { kind, name })
}

fn leave(text: &str) -> Line<'_> {
    text.split_once(" \"").map_or(Line::Text, |(kind, rest)| Line::Leave { kind, rest })
}

/// What stands after `sample.cpp(19): ` or `unknown location(0): `; on macOS after `sample.cpp:19: `.
fn after_place(line: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((place, said)) = line.split_once("): ")
        && place.rsplit_once('(').is_some_and(|(_, number)| is_number(number))
    {
        return Some(said);
    }
    // Paths may hold a colon themselves.
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find(": ")).map(|at| from + at) {
        let (place, said) = line.split_at(at);
        if place.rsplit_once(':').is_some_and(|(file, number)| !file.is_empty() && is_number(number)) {
            return said.get(2..);
        }
        from = at + 2;
    }
    None
}

/// `76us`, `76mks` before 1.59, `3ms`
fn duration(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "us" | "mks" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_line_in_two_ways() {
        let cases = [
            ("sample.cpp(19): error: in \"a\": no", Some("error: in \"a\": no")),
            ("sample.cpp:19: error: in \"a\": no", Some("error: in \"a\": no")),
            ("/a b/c:d.cpp:7: Leaving test case \"x\"", Some("Leaving test case \"x\"")),
            ("unknown location:0: fatal error: in \"a\": b", Some("fatal error: in \"a\": b")),
            ("text: 19: more", None),
            ("no place", None),
        ];
        for (line, expected) in cases {
            assert_eq!(after_place(line), expected, "{line}");
        }
    }
}
