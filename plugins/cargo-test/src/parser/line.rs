//! Single lines of the harness.

use flaky_plugin_sdk::Outcome;

/// `test result: FAILED. 5 passed; 6 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.49s`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
    pub(super) measured: u64,
}

impl Totals {
    pub(super) fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("test result: ")?;
        let rest = rest.strip_prefix("ok. ").or_else(|| rest.strip_prefix("FAILED. "))?;
        let mut parts = rest.split("; ");
        let mut count = |word: &str| parts.next()?.strip_suffix(word)?.strip_suffix(' ')?.parse().ok();
        let totals = Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
            measured: count("measured")?,
        };
        // Rust before 1.30 had no more than `filtered out`.
        rest.contains(" filtered out").then_some(totals)
    }

    pub(super) fn sum(&self) -> u64 {
        [self.failed, self.ignored, self.measured].iter().fold(self.passed, |sum, n| sum.saturating_add(*n))
    }
}

/// The number of `running 13 tests`.
pub(super) fn running(line: &str) -> Option<u64> {
    let (count, word) = line.strip_prefix("running ")?.split_once(' ')?;
    let count: u64 = count.parse().ok()?;
    (word == if count == 1 { "test" } else { "tests" }).then_some(count)
}

/// A line that begins with `test NAME ... `.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'l> {
    pub(super) name: &'l str,
    /// What follows it.
    pub(super) rest: &'l str,
    /// `None` where something else than a result follows: what the test prints itself.
    pub(super) status: Option<Status>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Is(Outcome, Option<u64>),
    Bench,
}

pub(super) fn named(line: &str) -> Option<Named<'_>> {
    let rest = line.strip_prefix("test ")?;
    let (name, rest) = rest.split_once(" ... ").or_else(|| Some((rest.strip_suffix(" ...")?, "")))?;
    // Names are paths; those of doc tests hold ` - ` and the line.
    if name.is_empty() || name.contains(' ') && !name.contains(" - ") {
        return None;
    }
    Some(Named { name: without_mode(name), rest, status: status(rest) })
}

/// A test with its result behind what another thread printed, which may hold the word itself.
pub(super) fn named_behind(line: &str) -> Option<Named<'_>> {
    line.match_indices("test ")
        .filter(|(at, _)| *at > 0)
        .filter_map(|(at, _)| line.get(at..).and_then(named))
        .find(|named| named.status.is_some())
}

/// `ok`, `FAILED`, `ignored, because`, with a time behind them.
pub(super) fn status(text: &str) -> Option<Status> {
    if text.starts_with("bench: ") {
        return Some(Status::Bench);
    }
    if text == "ignored" || text.starts_with("ignored, ") {
        return Some(Status::Is(Outcome::Skipped, None));
    }
    let (word, nanoseconds) = match text.strip_suffix("s>").and_then(|text| text.rsplit_once(" <")) {
        Some((word, seconds)) => (word, Some(nanoseconds(seconds.parse().ok()?)?)),
        None => (text, None),
    };
    match word {
        "ok" => Some(Status::Is(Outcome::Passed, nanoseconds)),
        "FAILED" => Some(Status::Is(Outcome::Failed, nanoseconds)),
        "FAILED (time limit exceeded)" => Some(Status::Is(Outcome::TimedOut, nanoseconds)),
        _ => None,
    }
}

/// The result behind what a test printed without ending its line.
pub(super) fn glued_status(text: &str) -> Option<Status> {
    status(text).or_else(|| {
        let word = ["ok", "FAILED"].iter().find(|word| text.ends_with(**word))?;
        status(word)
    })
}

/// The harness says how it runs a test behind its name.
pub(super) fn without_mode(name: &str) -> &str {
    [" - should panic", " - compile fail", " - compile"]
        .iter()
        .find_map(|mode| name.strip_suffix(mode))
        .unwrap_or(name)
}

pub(super) fn nanoseconds(seconds: f64) -> Option<u64> {
    let nanoseconds = (seconds * 1e9).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..9.0e15).contains(&nanoseconds).then_some(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_from_printed_text() {
        use Outcome::{Failed, Passed, Skipped};
        let is = |outcome| Some(Status::Is(outcome, None));
        let cases = [
            ("test a::b ... ok", Some(("a::b", is(Passed)))),
            ("test a::b - should panic ... FAILED", Some(("a::b", is(Failed)))),
            ("test a ... ignored, not now", Some(("a", is(Skipped)))),
            ("test a ... ok <0.250s>", Some(("a", Some(Status::Is(Passed, Some(250_000_000)))))),
            (
                "test src/lib.rs - sum (line 13) - compile ... ok",
                Some(("src/lib.rs - sum (line 13)", is(Passed))),
            ),
            ("test a ... half a lineok", Some(("a", None))),
            ("test a ... ", Some(("a", None))),
            ("test a ... bench:   1,2 ns/iter (+/- 3)", Some(("a", Some(Status::Bench)))),
            ("test some words ... ok", None),
            ("test result: ok. 1 passed", None),
        ];
        for (line, expected) in cases {
            assert_eq!(named(line).map(|named| (named.name, named.status)), expected, "{line}");
        }
    }

    #[test]
    fn results_are_found_behind_what_another_thread_printed() {
        let cases = [
            ("half test a::b ... ok", Some("a::b")),
            ("zzmore test a ... ok", Some("a")),
            ("test oktest g ... FAILED", Some("g")),
            ("a test of a test g ... ok", Some("g")),
            ("test a ... ok", None),
            ("half test a ... words", None),
        ];
        for (line, expected) in cases {
            assert_eq!(named_behind(line).map(|named| named.name), expected, "{line}");
        }
    }

    #[test]
    fn totals_and_counts_are_read() {
        let line = "test result: FAILED. 5 passed; 6 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.49s";
        assert_eq!(Totals::read(line).map(|totals| totals.sum()), Some(13));
        assert_eq!(Totals::read("test result: ok. 1 passed"), None);
        for (line, count) in [
            ("running 1 test", Some(1)),
            ("running 0 tests", Some(0)),
            ("running 2 test", None),
            ("running fast", None),
        ] {
            assert_eq!(running(line), count, "{line}");
        }
    }
}
