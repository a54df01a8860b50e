//! What the console and compact reporters print.

use std::collections::HashMap;

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, begins_ctest, push_line, visible};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Exit, Failure, Outcome, PackedAttempt, Source};

/// Rulers are as wide as the console, less one column.
const RULER: usize = 79;

/// Most lines between two rulers: a long name, and the sections it is in.
const LONGEST_TITLE: usize = 64;

pub(crate) fn read(blob: &Blob<'_>, source: &Source, exit: &Exit) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        if !reading.is_certain && begins_ctest(line.bytes) {
            return None;
        }
        reading.offset = line.offset;
        reading.line(&visible(line.bytes));
    }
    reading.finish(source, exit)
}

#[derive(Debug, Default)]
struct Reading {
    tests: TestsSoFar,
    by_name: HashMap<String, usize>,
    offset: u64,
    /// Something that only Catch2 prints, besides its counts: its version, a title.
    is_certain: bool,
    /// Something that others may print too: the seed, what was asked for.
    is_likely: bool,
    /// How the compact reporter names the seed.
    is_compact: bool,
    after_ruler: bool,
    state: State,
    /// `test cases: …`, when that was the last line.
    cases: Option<Counts>,
    /// The counts at the end, when nothing followed them, and where they stand.
    ending: Option<(Ending, Counts, u64)>,
}

/// Where in the output a line stands.
#[derive(Debug, Default)]
enum State {
    /// Between things.
    #[default]
    Outside,
    /// After the first ruler of a title.
    Title(Vec<String>),
    /// After the second: where the test is written comes next, then a dotted ruler.
    Place { name: String, seen: bool },
    /// In the part of a test, perhaps in an assertion.
    Test { index: usize, assertion: Option<Assertion> },
}

#[derive(Debug)]
struct Assertion {
    message: String,
    trace: String,
    blank: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Console,
    Compact,
}

/// `test cases: 18 | 7 passed | 8 failed | 1 skipped | 2 failed as expected`
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: usize,
    failed: usize,
    expected: usize,
}

impl Reading {
    fn line(&mut self, line: &str) {
        match glued_ruler(line) {
            Some((printed, ruler)) => {
                self.own_line(printed);
                self.own_line(ruler);
            }
            None => self.own_line(line),
        }
    }

    fn own_line(&mut self, line: &str) {
        let after_ruler = std::mem::take(&mut self.after_ruler);
        if is_ruler(line, b'-') {
            self.close_assertion();
            self.state = match std::mem::take(&mut self.state) {
                State::Title(lines) if !lines.is_empty() => State::Place { name: title(&lines), seen: false },
                _ => State::Title(Vec::new()),
            };
        } else if is_ruler(line, b'=') {
            self.close_assertion();
            self.state = State::Outside;
            self.after_ruler = true;
        } else {
            self.plain_line(line, after_ruler);
        }
    }

    fn plain_line(&mut self, line: &str, after_ruler: bool) {
        match &mut self.state {
            State::Outside => self.outside(line, after_ruler),
            State::Title(lines) if !line.is_empty() && lines.len() < LONGEST_TITLE => {
                lines.push(line.to_owned())
            }
            State::Place { seen, .. } if !*seen && is_place(line) => *seen = true,
            State::Place { name, seen: true } if is_ruler(line, b'.') => {
                let name = std::mem::take(name);
                self.begin(name);
            }
            State::Title(_) | State::Place { .. } => self.state = State::Outside,
            State::Test { .. } => self.in_test(line),
        }
    }

    /// A line between things: the head of the output, or its end. What follows an end shows that it was none, but
    /// something that a test printed.
    fn outside(&mut self, line: &str, after_ruler: bool) {
        if line.trim().is_empty() {
            return;
        }
        self.ending = None;
        let cases = self.cases.take();
        if let Some(counts) = all_passed(line).filter(|_| after_ruler || self.is_certain || self.is_likely) {
            self.ending = Some((self.kind(), counts, self.offset));
        } else if is_none(line) && (after_ruler || self.is_certain || self.is_likely) {
            self.ending = Some((self.kind(), Counts::default(), self.offset));
        } else if let Some(counts) = line.strip_prefix("test cases: ").and_then(counts_of) {
            self.cases = Some(counts);
        } else if let (Some(counts), true) = (cases, line.starts_with("assertions: ")) {
            let ending =
                if self.tests.0.is_empty() || self.is_compact { Ending::Compact } else { Ending::Console };
            self.ending = Some((ending, counts, self.offset));
        } else if let Some(counts) = compact(line) {
            self.ending = Some((Ending::Compact, counts, self.offset));
        } else {
            self.is_certain |= is_version(line);
            self.is_compact |= line.strip_prefix("RNG seed: ").is_some_and(is_number);
            self.is_likely |= self.is_compact
                || line.strip_prefix("Randomness seeded to: ").is_some_and(is_number)
                || line.starts_with("No test cases matched '");
        }
    }

    fn kind(&self) -> Ending {
        if self.is_compact { Ending::Compact } else { Ending::Console }
    }

    /// A test is told of once for each of its sections.
    fn begin(&mut self, name: String) {
        let next = self.tests.0.len();
        let index = *self.by_name.entry(name.clone()).or_insert(next);
        if index == next {
            self.tests.0.push(Test::new(name, Outcome::Passed));
        }
        self.is_certain = true;
        self.state = State::Test { index, assertion: None };
    }

    fn in_test(&mut self, line: &str) {
        if let Some(word) = verdict(line) {
            self.close_assertion();
            let outcome = match word {
                "FAILED:" => Outcome::Failed,
                "SKIPPED:" => Outcome::Skipped,
                _ => Outcome::Passed,
            };
            let State::Test { index, assertion } = &mut self.state else { return };
            if let Some(test) = self.tests.0.get_mut(*index)
                && outcome != Outcome::Passed
                && test.outcome != Outcome::Failed
            {
                test.outcome = outcome;
            }
            let failed = outcome == Outcome::Failed;
            *assertion =
                failed.then(|| Assertion { message: String::new(), trace: line.to_owned(), blank: false });
            return;
        }
        let State::Test { assertion: Some(assertion), .. } = &mut self.state else { return };
        if line.is_empty() {
            assertion.blank = true;
        } else if assertion.blank && !continues(line) {
            self.close_assertion();
        } else if assertion.trace.len() < MOST_TEXT {
            if std::mem::take(&mut assertion.blank) {
                assertion.message.push('\n');
                assertion.trace.push('\n');
            }
            push_line(&mut assertion.trace, line);
            push_line(&mut assertion.message, line.strip_prefix("  ").unwrap_or(line));
        }
    }

    fn close_assertion(&mut self) {
        let State::Test { index, assertion } = &mut self.state else { return };
        let Some(Assertion { message, trace, .. }) = assertion.take() else { return };
        let Some(test) = self.tests.0.get_mut(*index) else { return };
        if message.contains("due to a fatal error condition:") {
            test.outcome = Outcome::Crashed;
        }
        test.failures.push(Failure { kind: String::new(), message, trace });
    }

    fn finish(mut self, source: &Source, exit: &Exit) -> Option<PackedAttempt> {
        self.close_assertion();
        if !self.is_certain && self.ending.is_none() {
            return None;
        }
        let mut diagnostics = Vec::new();
        let named = self.tests.0.len();
        let crashed = self.tests.0.iter().any(|test| test.outcome == Outcome::Crashed);
        let (kind, counts) =
            self.ending.map_or((Ending::Console, None), |(kind, counts, _)| (kind, Some(counts)));
        // Counts that do not fit were printed by a test.
        let failed = self.tests.0.iter().filter(|test| !test.failures.is_empty()).count();
        let was_ended = exit.timed_out || exit.signal.is_some();
        let all_named = !was_ended
            && counts.is_some_and(|counts| {
                counts.all == named && failed <= counts.failed.saturating_add(counts.expected)
            });
        if !all_named {
            diagnostics.push(
                Diagnostic::new("unnamed-tests", "the tests that passed are not named")
                    .hint("run the program with `--reporter xml`"),
            );
        } else if named == 0 {
            diagnostics.push(Diagnostic::new("no-tests", "Catch2 ran no test"));
        }
        if let Some((_, counts, offset)) = self.ending.filter(|(_, counts, _)| counts.expected > 0) {
            diagnostics.extend(self.expected_failures(counts, source, offset));
        }
        let complete = all_named && !crashed;
        Some(PackedAttempt {
            format: if kind == Ending::Compact { "catch2-compact" } else { "catch2-console" }.to_owned(),
            tests: self.tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        })
    }

    /// A failure that was expected looks like any other; only the counts tell of it.
    fn expected_failures(&mut self, counts: Counts, source: &Source, offset: u64) -> Option<Diagnostic> {
        if counts.failed == 0 {
            for test in self.tests.0.iter_mut().filter(|test| test.outcome == Outcome::Failed) {
                test.outcome = Outcome::ExpectedFailure;
            }
            return None;
        }
        let message = "failures that were expected are not told apart from others";
        Some(Diagnostic::warning("ambiguous-outcome", message).offset(source.clone(), offset))
    }
}

/// Names are wrapped at the width of the console; the names of sections are indented.
fn title(lines: &[String]) -> String {
    let own: Vec<_> =
        lines.iter().take_while(|line| !line.starts_with(' ')).map(|line| line.trim_end()).collect();
    own.join(" ")
}

/// What a test printed without ending the line, and the ruler that follows it.
fn glued_ruler(line: &str) -> Option<(&str, &str)> {
    let (printed, ruler) = line.split_at_checked(line.len().checked_sub(RULER)?)?;
    let of = *ruler.as_bytes().first()?;
    let is_glued = matches!(of, b'-' | b'=') && is_ruler(ruler, of) && !printed.is_empty();
    (is_glued && !printed.ends_with(char::from(of))).then_some((printed, ruler))
}

fn is_ruler(line: &str, of: u8) -> bool {
    line.len() == RULER && line.bytes().all(|byte| byte == of)
}

/// `sample.cpp:17`, or `sample.cpp(17)` as Visual Studio wants it.
fn is_place(line: &str) -> bool {
    let number = line.rsplit_once(':').map(|(_, number)| number);
    let number = number.filter(|number| is_number(number));
    number.is_some()
        || line.strip_suffix(')').and_then(|l| l.rsplit_once('(')).is_some_and(|(_, n)| is_number(n))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last word of `sample.cpp:20: FAILED:`.
fn verdict(line: &str) -> Option<&str> {
    let (place, word) = line.rsplit_once(": ")?;
    (matches!(word, "FAILED:" | "PASSED:" | "SKIPPED:" | "FAILED - but was ok:") && is_place(place))
        .then_some(word)
}

/// Whether a line after an empty one belongs to the same assertion.
fn continues(line: &str) -> bool {
    line.starts_with("  ")
        || [
            "with expansion:",
            "with message:",
            "with messages:",
            "due to ",
            "explicitly with message",
            "but ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}

/// `tests is a Catch2 v3.7.1 host application.`, at the head.
fn is_version(line: &str) -> bool {
    let version = line.strip_suffix(" host application.").and_then(|line| line.rsplit_once(" is a Catch"));
    version.is_some_and(|(_, version)| version.starts_with(" v") || version.starts_with("2 v"))
}

fn is_none(line: &str) -> bool {
    line == "No tests ran" || line == "No tests ran."
}

/// `All tests passed (3 assertions in 2 test cases)`
fn all_passed(line: &str) -> Option<Counts> {
    let counts = line.strip_prefix("All tests passed (")?.strip_suffix(')')?;
    let (_, cases) = counts.split_once(" in ")?;
    let all = cases.strip_suffix(" test cases").or_else(|| cases.strip_suffix(" test case"))?;
    Some(Counts { all: all.parse().ok()?, ..Counts::default() })
}

/// `18 | 7 passed | 8 failed | 1 skipped | 2 failed as expected`
fn counts_of(text: &str) -> Option<Counts> {
    let mut parts = text.split('|').map(str::trim);
    let mut counts = Counts { all: parts.next()?.parse().ok()?, ..Counts::default() };
    for part in parts {
        let (count, word) = part.split_once(' ')?;
        let count: usize = count.parse().ok()?;
        match word {
            "failed" => counts.failed = count,
            "failed as expected" => counts.expected = count,
            "passed" | "skipped" => {}
            _ => return None,
        }
    }
    Some(counts)
}

/// The last line of the compact reporter of version 2: `Passed all 3 test cases with 4 assertions.`,
/// `Failed 8 test cases, failed 9 assertions.`
fn compact(line: &str) -> Option<Counts> {
    let passed = line.strip_prefix("Passed ").map(|rest| (rest, " with "));
    let (rest, between) = passed.or_else(|| line.strip_prefix("Failed ").map(|rest| (rest, ", failed ")))?;
    let (cases, assertions) = rest.split_once(between)?;
    assertions.strip_suffix(" assertions.").or_else(|| assertions.strip_suffix(" assertion."))?;
    let cases = cases.strip_suffix(" test cases").or_else(|| cases.strip_suffix(" test case"))?;
    let word = cases.strip_prefix("all ").or_else(|| cases.strip_prefix("both ")).unwrap_or(cases);
    let all = if cases == "both" { 2 } else { word.parse().ok()? };
    Some(Counts { all, ..Counts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_are_known_by_their_whole_form() {
        let all = |line| compact(line).or_else(|| all_passed(line)).map(|counts| counts.all);
        let cases = [
            ("Passed all 3 test cases with 4 assertions.", Some(3)),
            ("Passed 1 test case with 1 assertion.", Some(1)),
            ("Passed both 2 test cases with 4 assertions.", Some(2)),
            ("Failed 8 test cases, failed 8 assertions.", Some(8)),
            ("All tests passed (3 assertions in 2 test cases)", Some(2)),
            ("Passed 3 test cases", None),
            ("All tests passed", None),
            ("All tests passed (99)", None),
        ];
        for (line, expected) in cases {
            assert_eq!(all(line), expected, "{line}");
        }
    }
}
