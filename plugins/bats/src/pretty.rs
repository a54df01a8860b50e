//! What bats prints on a terminal: a line with the name of a test that runs, overwritten by one with its result.

use flaky_plugin_sdk::{
    Attempt, Blob, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder,
};
use flaky_plugin_text::{capped, plain};

/// bats' own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 256 * 1024;

/// More of what one test printed tells nothing new about its failure.
const MOST_OUTPUT: usize = 64 * 1024;

#[derive(Debug)]
struct Test {
    name: String,
    outcome: Outcome,
    nanoseconds: Option<u64>,
    said: String,
}

#[derive(Debug, Default)]
struct Reading {
    tests: Vec<Test>,
    /// The test that runs, where the terminal shows it.
    begun: Option<String>,
    /// Whether it moves the cursor as bats does.
    moves: bool,
    total: Option<u64>,
}

/// `None` when it is something else: bats ends with its counts, and moves the cursor in a way of its own before.
pub(crate) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let mut shown = line.bytes;
        // `ESC [ 1 G` goes back to the first column: what was there is overwritten.
        while let Some(at) = find(shown, b"\x1b[1G") {
            let (before, rest) = shown.split_at(at);
            let before = plain(before);
            if let Some(name) = begun(&before) {
                reading.moves = true;
                reading.begun = Some(name.to_owned());
            }
            shown = rest.get(4..).unwrap_or_default();
        }
        let text = plain(shown);
        if line.end == flaky_plugin_sdk::LineEnd::EndOfData && total(&text).is_none() {
            if let Some(name) = begun(&text) {
                reading.moves = true;
                reading.begun = Some(name.to_owned());
            }
            continue;
        }
        reading.take(&text);
    }
    reading.finish(attempt)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == 0x1b) {
        if bytes.get(from + at..)?.starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The name in `   adds             1/11`.
fn begun(text: &str) -> Option<&str> {
    let (name, count) = text.strip_prefix("   ")?.rsplit_once('/')?;
    // With times, `in 1 sec` follows.
    count.split(" in ").next()?.trim_end().parse::<u32>().ok()?;
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some(name.trim_end())
}

/// A line with a result: ` ✓ adds`, ` ✗ fails [12]`, ` - is skipped (skipped: why)`.
fn result(text: &str) -> Option<(Outcome, &str, Option<u64>)> {
    let (mark, rest) = text.strip_prefix(' ')?.split_once(' ')?;
    let (rest, nanoseconds) = timed(rest.trim_end());
    match mark {
        "✓" => Some((Outcome::Passed, rest, nanoseconds)),
        "✗" => Some((Outcome::Failed, rest, nanoseconds)),
        "-" if rest.ends_with(')') => {
            let (name, why) = rest.split_once(" (skipped")?;
            (why == ")" || why.starts_with(": ")).then_some((Outcome::Skipped, name, nanoseconds))
        }
        _ => None,
    }
}

/// The number of `11 tests, 4 failures, 2 skipped`.
fn total(text: &str) -> Option<u64> {
    let mut parts = text.trim_end().split(", ");
    let count = |part: &str, words: [&str; 2]| {
        let (count, word) = part.split_once(' ')?;
        words.contains(&word).then(|| count.parse::<u64>().ok())?
    };
    let tests = count(parts.next()?, ["test", "tests"])?;
    let failures = parts.next()?;
    let failures = failures.split(" in ").next().unwrap_or(failures);
    count(failures, ["failure", "failures"])?;
    Some(tests)
}

impl Reading {
    fn take(&mut self, text: &str) {
        if let Some(tests) = total(text) {
            self.total = Some(tests);
            return;
        }
        let Some((outcome, name, nanoseconds)) = result(text) else {
            if let (Some(said), Some(test)) = (text.strip_prefix("   "), self.tests.last_mut())
                && test.outcome == Outcome::Failed
            {
                capped(&mut test.said, said, MOST_OUTPUT);
            }
            return;
        };
        // bats takes lines that a test prints past it for results, and shows the test's own again below.
        if self.begun.as_deref().is_some_and(|begun| !same(begun, name)) {
            return;
        }
        self.begun = None;
        let timed_out = outcome == Outcome::Failed && name.ends_with(" (timeout)");
        let outcome = if timed_out { Outcome::TimedOut } else { outcome };
        self.tests.push(Test { name: name.to_owned(), outcome, nanoseconds, said: String::new() });
    }

    fn finish(self, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
        let marks = self.tests.iter().any(|test| !test.name.is_empty());
        if !(self.moves || self.total.is_some() && (marks || self.total == Some(0))) {
            return None;
        }
        let exit = &attempt.info().exit;
        let was_ended = exit.timed_out || exit.signal.is_some();
        let whole = self.total == Some(self.tests.len() as u64) && !was_ended;
        let mut packed = PackedTestsBuilder::default();
        let mut diagnostics = Vec::new();
        if let Some(total) = self.total.filter(|total| *total != self.tests.len() as u64) {
            let message = format!("bats counts {total} tests, and shows {}", self.tests.len());
            diagnostics.push(Diagnostic::warning("contradicting-counts", message));
        }
        if whole && self.tests.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "bats found no test"));
        }
        for test in self.tests {
            let index = packed.push(&test.name, test.outcome);
            if let Some(nanoseconds) = test.nanoseconds {
                packed.set_duration(index, nanoseconds);
            }
            if !test.said.is_empty() {
                let failure = Failure { trace: test.said.clone(), ..Failure::new("", test.said.trim_end()) };
                packed.add_failure(index, failure);
            }
        }
        let mut announced = Vec::new();
        if let Some(begun) = self.begun.filter(|_| !whole) {
            if exit.timed_out {
                packed.push(&begun, Outcome::TimedOut);
            } else {
                announced.push(begun);
            }
        }
        Some(PackedAttempt {
            format: "bats-pretty".to_owned(),
            tests: packed.finish(),
            completeness: if whole { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics,
        })
    }
}

/// A long name is cut to the width of the terminal while its test runs.
fn same(begun: &str, name: &str) -> bool {
    let begun = begun.trim_end_matches("...");
    name.starts_with(begun)
}

/// The name and time of `adds [12]`, in milliseconds, and of `adds [3 ms]`.
fn timed(name: &str) -> (&str, Option<u64>) {
    let split = name.strip_suffix(']').and_then(|name| name.rsplit_once(" ["));
    let time = split.and_then(|(_, time)| time.trim_end_matches("ms").trim_end().parse::<u64>().ok());
    match (split, time) {
        (Some((name, _)), Some(time)) => (name, time.checked_mul(1_000_000)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_by_their_marks() {
        use Outcome::{Failed, Passed, Skipped};
        let cases = [
            (" ✓ adds", Some((Passed, "adds"))),
            (" ✗ fails - (skipped) too", Some((Failed, "fails - (skipped) too"))),
            (" - is skipped (skipped)", Some((Skipped, "is skipped"))),
            (" - is skipped (skipped: not here)", Some((Skipped, "is skipped"))),
            (" - a remark", None),
            ("   ✓ adds (3ms)", None),
            ("✓ adds", None),
        ];
        for (line, expected) in cases {
            assert_eq!(result(line).map(|(outcome, name, _)| (outcome, name)), expected, "{line}");
        }
        assert_eq!(timed("adds [12]"), ("adds", Some(12_000_000)));
        assert_eq!(timed("adds [a]"), ("adds [a]", None));
    }

    #[test]
    fn counts_end_the_output() {
        for (line, expected) in [
            ("11 tests, 4 failures, 2 skipped", Some(11)),
            ("1 test, 0 failures", Some(1)),
            ("2 tests, 1 failure in 3 seconds", Some(2)),
            ("11 tests, 4 errors", None),
            ("some tests", None),
        ] {
            assert_eq!(total(line), expected, "{line}");
        }
        assert_eq!(begun("   adds 12/34 times          1/11"), Some("adds 12/34 times"));
    }
}
