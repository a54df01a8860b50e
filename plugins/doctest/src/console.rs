//! What the console reporter prints.

use std::collections::HashMap;

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, begins_ctest, push_line, visible};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Exit, Failure, Outcome, PackedAttempt};

/// The ruler between tests.
const RULER: usize = 79;

pub(crate) fn read(blob: &Blob<'_>, exit: &Exit) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        if !reading.is_certain && begins_ctest(line.bytes) {
            return None;
        }
        reading.line(&visible(line.bytes));
    }
    reading.finish(exit)
}

#[derive(Debug, Default)]
struct Reading {
    tests: TestsSoFar,
    /// By place, suite and name: a test is told of once for each of its subcases.
    known: HashMap<String, usize>,
    is_certain: bool,
    state: State,
    counts: Option<Counts>,
    /// The counts at the end, when nothing followed them.
    ending: Option<Counts>,
}

/// Where in the output a line stands.
#[derive(Debug, Default)]
enum State {
    #[default]
    Outside,
    /// After a ruler.
    Ruler,
    /// In the head of a test: its place, suite and name.
    Head(Head),
    /// In what is told of a test; it is one once something is.
    Test { head: Head, index: Option<usize>, in_failure: bool },
}

#[derive(Debug, Default)]
struct Head {
    place: String,
    suite: String,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    cases: usize,
}

/// What a line of the framework says of its test.
enum Said<'l> {
    Failure(&'l str),
    Outcome(Outcome),
    Nothing,
}

impl Reading {
    fn line(&mut self, line: &str) {
        if is_ruler(line) {
            self.state = State::Ruler;
            return;
        }
        if let Some(rest) = line.strip_prefix("[doctest] ") {
            self.of_framework(rest);
            return;
        }
        if !line.trim().is_empty() {
            self.ending = None;
        }
        self.counts = None;
        match &mut self.state {
            State::Outside => {}
            State::Ruler => {
                let place = line.strip_suffix(':').filter(|place| is_place(place));
                self.state = place.map_or(State::Outside, |place| {
                    State::Head(Head { place: place.to_owned(), ..Head::default() })
                });
            }
            State::Head(head) => {
                if let Some(suite) = line.strip_prefix("TEST SUITE: ") {
                    suite.clone_into(&mut head.suite);
                } else if line.starts_with("DESCRIPTION: ") {
                    // Says nothing that is needed.
                } else if let Some(name) = name_of(line) {
                    name.clone_into(&mut head.name);
                    let head = std::mem::take(head);
                    self.state = State::Test { head, index: None, in_failure: false };
                } else {
                    self.state = State::Outside;
                }
            }
            State::Test { .. } => self.in_test(line),
        }
    }

    /// A line that begins with `[doctest] `: the version, or one of the last three.
    fn of_framework(&mut self, line: &str) {
        if line.starts_with("doctest version is \"") {
            self.is_certain = true;
        } else if let Some(counts) = line.strip_prefix("test cases:").and_then(counts_of) {
            self.counts = Some(counts);
        } else if line.starts_with("Status: ") {
            self.ending = self.counts.take();
        } else if !line.starts_with("assertions:") {
            self.counts = None;
        }
    }

    fn in_test(&mut self, line: &str) {
        let said = if line.is_empty() { None } else { said(line) };
        let State::Test { head, index, in_failure } = &mut self.state else { return };
        let Some(said) = said else {
            if line.is_empty() {
                *in_failure = false;
            }
            let failure = index.and_then(|index| self.tests.0.get_mut(index)?.failures.last_mut());
            if let Some(failure) = failure.filter(|failure| *in_failure && failure.trace.len() < MOST_TEXT) {
                push_line(&mut failure.message, line);
                push_line(&mut failure.trace, line);
            }
            return;
        };
        let index = *index.get_or_insert_with(|| {
            let key = format!("{}\0{}\0{}", head.place, head.suite, head.name);
            let next = self.tests.0.len();
            let index = *self.known.entry(key).or_insert(next);
            if index == next {
                let name = if head.name.is_empty() { "(unnamed)" } else { &head.name };
                self.tests.0.push(Test::of_suite(&head.suite, "::", name, Outcome::Passed));
            }
            index
        });
        self.is_certain = true;
        let Some(test) = self.tests.0.get_mut(index) else { return };
        *in_failure = false;
        match said {
            Said::Failure(message) => {
                *in_failure = true;
                let crashed = message.starts_with("test case CRASHED: ");
                if test.outcome == Outcome::Passed || crashed {
                    test.outcome = if crashed { Outcome::Crashed } else { Outcome::Failed };
                }
                let message = message.strip_prefix("test case THREW exception: ").unwrap_or(message);
                test.failures.push(Failure { trace: line.to_owned(), ..Failure::new("", message) });
            }
            Said::Outcome(outcome) => test.outcome = outcome,
            Said::Nothing => {}
        }
    }

    fn finish(self, exit: &Exit) -> Option<PackedAttempt> {
        if !self.is_certain && self.ending.is_none() {
            return None;
        }
        let named = self.tests.0.len();
        let crashed = self.tests.0.iter().any(|test| test.outcome == Outcome::Crashed);
        let was_ended = exit.timed_out || exit.signal.is_some();
        let all_named = !was_ended && self.ending.is_some_and(|counts| counts.cases == named);
        let mut diagnostics = Vec::new();
        if !all_named {
            diagnostics.push(
                Diagnostic::new("unnamed-tests", "the tests that passed are not named")
                    .hint("run the program with `--success`, or with `--reporters=xml`"),
            );
        } else if named == 0 {
            diagnostics.push(Diagnostic::new("no-tests", "doctest ran no test"));
        }
        let complete = all_named && !crashed;
        Some(PackedAttempt {
            format: "doctest-console".to_owned(),
            tests: self.tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        })
    }
}

/// A test may have printed something before it without ending the line.
fn is_ruler(line: &str) -> bool {
    let parts = line.len().checked_sub(RULER).and_then(|at| line.split_at_checked(at));
    parts.is_some_and(|(printed, ruler)| ruler.bytes().all(|byte| byte == b'=') && !printed.ends_with('='))
}

fn name_of(line: &str) -> Option<&str> {
    // Scenarios of behaviour-driven tests are printed as they are named.
    line.strip_prefix("TEST CASE:  ").or_else(|| line.starts_with("  Scenario:").then_some(line))
}

/// `None` for what is no line of the framework.
fn said(line: &str) -> Option<Said<'_>> {
    let outcome = match line {
        "Failed as expected so marking it as not failed" | "Allowed to fail so marking it as not failed" => {
            Outcome::ExpectedFailure
        }
        "Should have failed but didn't! Marking it as failed!" => Outcome::UnexpectedPass,
        _ if line.starts_with("Failed exactly ")
            && line.ends_with(" times as expected so marking it as not failed!") =>
        {
            Outcome::ExpectedFailure
        }
        _ if line.starts_with("Didn't fail exactly ")
            && line.ends_with(" times so marking it as failed!") =>
        {
            Outcome::Failed
        }
        _ if line.starts_with("Test case exceeded time limit of ") => Outcome::TimedOut,
        _ => return assertion(line),
    };
    Some(Said::Outcome(outcome))
}

/// `sample.cpp:19: ERROR: CHECK( … ) is NOT correct!`
fn assertion(line: &str) -> Option<Said<'_>> {
    let (place, rest) = line.split_once(": ")?;
    if !is_place(place) {
        return None;
    }
    if let Some(message) = rest.strip_prefix("ERROR: ").or_else(|| rest.strip_prefix("FATAL ERROR: ")) {
        return Some(Said::Failure(message));
    }
    ["SUCCESS: ", "WARNING: ", "MESSAGE: "].iter().any(|word| rest.starts_with(word)).then_some(Said::Nothing)
}

/// `sample.cpp:17`, or `sample.cpp(17)` as Visual Studio wants it.
fn is_place(place: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    place.rsplit_once(':').is_some_and(|(_, line)| is_number(line))
        || place.strip_suffix(')').and_then(|p| p.rsplit_once('(')).is_some_and(|(_, line)| is_number(line))
}

/// ` 19 | 11 passed | 8 failed | 1 skipped`; those skipped are not counted.
fn counts_of(text: &str) -> Option<Counts> {
    let (cases, rest) = text.split_once('|')?;
    rest.contains(" passed").then_some(())?;
    Some(Counts { cases: cases.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ruler_may_stand_behind_what_a_test_printed() {
        let ruler = "=".repeat(RULER);
        let cases = [
            (ruler.clone(), true),
            (format!("no newline{ruler}"), true),
            (format!("{ruler}="), false),
            (format!("x{}", &ruler[1..]), false),
            ("short".to_owned(), false),
        ];
        for (line, expected) in cases {
            assert_eq!(is_ruler(&line), expected, "{line}");
        }
    }
}
