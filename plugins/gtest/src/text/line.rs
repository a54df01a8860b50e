//! One line of GoogleTest, between the text of tests.

use flaky_plugin_console::seconds;
use flaky_plugin_sdk::Outcome;

/// What the framework says in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// `[==========] Running 21 tests from 9 test suites.`
    Begin { tests: usize },
    /// `[==========] 21 tests from 9 test suites ran. (5 ms total)`
    End { tests: usize },
    /// `[----------] 9 tests from Cart`, at the beginning of a suite.
    Suite(&'l str),
    /// `[ RUN      ] Cart.AddsUp`
    Run(&'l str),
    /// `[ DISABLED ] Cart.DISABLED_Adds`
    Disabled(&'l str),
    /// `[       OK ] Cart.AddsUp (0 ms)`, and the same with `FAILED` and `SKIPPED`: what stands before the mark (a
    /// test may print without a line feed), and what follows it.
    Result { before: &'l str, outcome: Outcome, rest: &'l str },
    /// `[  PASSED  ] 11 tests.`
    Passed,
    /// Anything else.
    Text,
}

const RESULTS: [(&str, Outcome); 3] = [
    ("[       OK ] ", Outcome::Passed),
    ("[  FAILED  ] ", Outcome::Failed),
    ("[  SKIPPED ] ", Outcome::Skipped),
];

/// Whether a line can be neither the framework's nor the beginning of a failure: most lines are, and need no copy.
pub(super) fn is_text(line: &[u8]) -> bool {
    memchr::memchr3(b'[', b')', 0x1b, line).is_none() && !line.trim_ascii_end().ends_with(b": Failure")
}

pub(super) fn read(line: &str) -> Line<'_> {
    // Most lines are a test's own, and hold no bracket.
    if memchr::memchr(b'[', line.as_bytes()).is_none() {
        return Line::Text;
    }
    if let Some(rest) = line.strip_prefix("[==========] ") {
        return turn(rest);
    }
    if let Some(name) = line.strip_prefix("[ RUN      ] ") {
        return Line::Run(name);
    }
    if let Some(rest) = line.strip_prefix("[----------] ") {
        return suite(rest).map_or(Line::Text, Line::Suite);
    }
    if let Some(name) = line.strip_prefix("[ DISABLED ] ") {
        return Line::Disabled(name);
    }
    if let Some(rest) = line.strip_prefix("[  PASSED  ] ") {
        return if is_count(rest, ".").is_some() { Line::Passed } else { Line::Text };
    }
    let found = RESULTS.iter().filter_map(|(mark, outcome)| Some((line.find(mark)?, mark, *outcome))).min();
    let Some((at, mark, outcome)) = found else { return Line::Text };
    let before = line.get(..at).unwrap_or_default();
    Line::Result { before, outcome, rest: line.get(at + mark.len()..).unwrap_or_default() }
}

/// `Running 2 tests from 1 test suite.` or `2 tests from 1 test suite ran. (3 ms total)`; test cases before 1.10.
fn turn(text: &str) -> Line<'_> {
    if let Some(rest) = text.strip_prefix("Running ") {
        return counted(rest)
            .filter(|(_, end)| *end == ".")
            .map_or(Line::Text, |(tests, _)| Line::Begin { tests });
    }
    match counted(text) {
        Some((tests, end)) if end == " ran." || end.starts_with(" ran. (") => Line::End { tests },
        _ => Line::Text,
    }
}

fn counted(text: &str) -> Option<(usize, &str)> {
    let (tests, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("tests from ").or_else(|| rest.strip_prefix("test from "))?;
    let (suites, rest) = rest.split_once(' ')?;
    let words = ["test suites", "test suite", "test cases", "test case"];
    let end = words.iter().find_map(|words| rest.strip_prefix(words))?;
    suites.parse::<usize>().ok()?;
    Some((tests.parse().ok()?, end))
}

/// The suite's name in `9 tests from Cart` and `1 test from Typed/0, where TypeParam = int`; its end has a time.
fn suite(text: &str) -> Option<&str> {
    let (count, rest) = text.split_once(' ')?;
    count.parse::<usize>().ok()?;
    let name = rest.strip_prefix("tests from ").or_else(|| rest.strip_prefix("test from "))?;
    let name = name.split_once(", where ").map_or(name, |(name, _)| name);
    (!name.contains(' ')).then_some(name)
}

/// The number in `11 tests.`
pub(super) fn is_count(text: &str, end: &str) -> Option<usize> {
    let (count, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("tests").or_else(|| rest.strip_prefix("test"))?;
    (rest == end).then(|| count.parse().ok()).flatten()
}

/// Whether what follows a mark of a result is about this test, and its duration: `Cart.AddsUp (0 ms)`,
/// `Cart.AddsUp` where times are off, `P.Is/1, where GetParam() = 3 (0 ms)`.
pub(super) fn result_of(rest: &str, name: &str) -> Option<Option<u64>> {
    let rest = rest.strip_prefix(name)?;
    let time = rest.rsplit_once(" (").and_then(|(_, time)| milliseconds(time));
    let is_whole =
        rest.is_empty() || (rest.starts_with(" (") && time.is_some()) || rest.starts_with(", where ");
    is_whole.then_some(time)
}

fn milliseconds(text: &str) -> Option<u64> {
    seconds(text.strip_suffix(" ms)")?).map(|nanoseconds| nanoseconds / 1000)
}

/// The place of `sample.cpp:13: Failure`, `sample.cpp(13): error: …`, `unknown file: Failure`, and what else stands
/// in the line.
pub(super) fn failure(line: &str) -> Option<&str> {
    if let Some(place) = line.strip_suffix(": Failure") {
        let numbered = place.rsplit_once(':').is_some_and(|(_, number)| is_number(number));
        return (numbered || place.ends_with("unknown file")).then_some("");
    }
    // As Visual Studio wants it.
    let (place, said) = line.split_once("): error: ")?;
    place.rsplit_once('(').filter(|(_, number)| is_number(number)).map(|_| said)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
