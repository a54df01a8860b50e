//! The short summary, and the line of totals.

use std::collections::{HashMap, HashSet, VecDeque};

use flaky_plugin_sdk::Outcome;

use super::blocks::title_of;
use super::line::leading_id;
use super::progress::{MOST_WORDS, Status, status_of};

#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) entries: Vec<Entry>,
}

/// `FAILED tests/a.py::t - assert 1 == 2`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) status: Status,
    /// After the word.
    pub(super) rest: String,
}

impl Summary {
    pub(super) fn take(&mut self, line: &str) {
        if let Some(rest) = failed_subtest(line) {
            self.entries.push(Entry { status: Status::SubtestFailed, rest: rest.to_owned() });
            return;
        }
        let Some((word, rest)) = line.split_once(' ') else { return };
        // Skipped tests come as `SKIPPED [2] file:line: reason`, without ids.
        if word != "SKIPPED"
            && let Some(status) = status_of(word)
        {
            self.entries.push(Entry { status, rest: without_phase(rest).to_owned() });
        }
    }
}

/// pytest 9 names the phase in which a test was expected to fail.
fn without_phase(rest: &str) -> &str {
    ["at setup of ", "at teardown of "].iter().find_map(|phase| rest.strip_prefix(phase)).unwrap_or(rest)
}

/// The letter by which the progress shows such a result.
fn letter(status: Status) -> Option<u8> {
    Some(match status {
        Status::Is(Outcome::Failed) => b'F',
        Status::Is(Outcome::UnexpectedPass) => b'X',
        Status::Is(Outcome::Errored) => b'E',
        Status::Is(Outcome::ExpectedFailure) => b'x',
        Status::Is(Outcome::Passed) => b'.',
        Status::TryFailed => b'R',
        _ => return None,
    })
}

impl Summary {
    /// Puts the entries, which come by kind of result, into the order in which the tests ran, which the letters of
    /// the progress show. Where the two do not agree, or where letters stand for other things, they stay.
    pub(super) fn in_order_of(&mut self, letters: &[u8]) {
        let mut by_letter: HashMap<u8, VecDeque<Entry>> = HashMap::new();
        let mut others = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            match letter(entry.status).filter(|_| entry.rest.contains("::")) {
                Some(letter) => by_letter.entry(letter).or_default().push_back(entry),
                None => others.push(entry),
            }
        }
        let count = |letter: u8| memchr::memchr_iter(letter, letters).count();
        let agree = by_letter.iter().all(|(letter, entries)| entries.len() == count(*letter));
        if agree {
            let next = |letter: &u8| by_letter.get_mut(letter).and_then(VecDeque::pop_front);
            self.entries.extend(letters.iter().filter_map(next));
        }
        let kinds = [b'.', b'F', b'E', b'x', b'R'];
        self.entries.extend(kinds.iter().filter_map(|kind| by_letter.remove(kind)).flatten());
        self.entries.extend(others);
    }
}

/// What follows the name of a failed subtest: `SUBFAILED[part] (i=1) id - message` of pytest 9,
/// `[part] (i=1) SUBFAIL id - message` of pytest-subtests.
fn failed_subtest(line: &str) -> Option<&str> {
    if let Some((_, rest)) = line.split_once(" SUBFAIL ").filter(|_| line.starts_with(['[', '('])) {
        return Some(rest);
    }
    let named = line.strip_prefix("SUBFAILED").filter(|rest| rest.starts_with(['[', '(', ' ']))?;
    let spaces = named.match_indices(' ').take(MOST_WORDS);
    spaces.filter_map(|(at, _)| named.get(at + 1..)).find(|rest| leading_id(rest).is_some())
}

/// A line of nothing but dashes would otherwise be compared with itself at each of them.
const MOST_DASHES: usize = 32;

/// Id and message. Both may hold ` - `: an id that is known, or that has a block of its own, decides.
pub(super) fn split_id<'e>(
    rest: &'e str,
    is_known: impl Fn(&str) -> bool,
    titles: &HashSet<&str>,
) -> (&'e str, &'e str) {
    let splits = || {
        rest.match_indices(" - ")
            .take(MOST_DASHES)
            .filter_map(|(at, _)| Some((rest.get(..at)?, rest.get(at + 3..)?)))
            .chain(std::iter::once((rest, "")))
    };
    let has_block = |id: &str| titles.contains(title_of(id).as_str());
    let told = splits().find(|(id, _)| is_known(id)).or_else(|| splits().find(|(id, _)| has_block(id)));
    // Older versions put no dash before the reason of an unexpected pass.
    let begin = || leading_id(rest).map(|id| (id, rest.get(id.len()..).unwrap_or_default()));
    let (id, message) = told.or_else(begin).unwrap_or((rest, ""));
    (id, message.strip_prefix(" - ").unwrap_or(message).trim())
}

/// `1 failed, 2 passed in 0.03s`, without errors (which come beside another result), retries, warnings and subtests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) expected_failures: usize,
    pub(super) unexpected_passes: usize,
}

impl Totals {
    pub(super) fn read(line: &str) -> Option<Self> {
        // Asked of nearly every line; only counts and `no tests ran` begin so.
        let line = line.trim();
        if !line.starts_with(|c: char| c.is_ascii_digit() || c == 'n') {
            return None;
        }
        let (counts, time) = line.rsplit_once(" in ")?;
        let time = time.split(' ').next()?.strip_suffix('s')?;
        time.parse::<f64>().ok()?;
        let mut totals = Self::default();
        if matches!(counts, "no tests ran" | "no tests collected") {
            return Some(totals);
        }
        for count in counts.split(", ") {
            let (number, what) = count.split_once(' ')?;
            // `3/5 tests collected (2 deselected)`
            let number: usize = number.split('/').next()?.parse().ok()?;
            match what {
                "passed" => totals.passed = number,
                "failed" => totals.failed = number,
                "skipped" => totals.skipped = number,
                "xfailed" => totals.expected_failures = number,
                "xpassed" => totals.unexpected_passes = number,
                "error" | "errors" | "rerun" | "reruns" | "warning" | "warnings" | "deselected" => {}
                _ if what.starts_with("subtests ")
                    || what.starts_with("snapshot")
                    || what.starts_with("test collected")
                    || what.starts_with("tests collected") => {}
                _ => return None,
            }
        }
        Some(totals)
    }

    /// Takes note of a result that a line told.
    pub(super) fn count(&mut self, status: Status) {
        let number = match status {
            Status::Is(Outcome::Passed) => &mut self.passed,
            Status::Is(Outcome::Failed) | Status::SubtestFailed => &mut self.failed,
            Status::Is(Outcome::Skipped) => &mut self.skipped,
            Status::Is(Outcome::ExpectedFailure) => &mut self.expected_failures,
            Status::Is(Outcome::UnexpectedPass) => &mut self.unexpected_passes,
            _ => return,
        };
        *number += 1;
    }

    pub(super) fn sum(&self) -> usize {
        let Self { passed, failed, skipped, expected_failures, unexpected_passes } = *self;
        [failed, skipped, expected_failures, unexpected_passes]
            .iter()
            .fold(passed, |sum, number| sum.saturating_add(*number))
    }

    /// How many results these totals count that were not told.
    pub(super) fn untold(&self, told: &Self) -> usize {
        let Self { passed, failed, skipped, expected_failures, unexpected_passes } = *self;
        [
            passed.saturating_sub(told.passed),
            failed.saturating_sub(told.failed),
            skipped.saturating_sub(told.skipped),
            expected_failures.saturating_sub(told.expected_failures),
            unexpected_passes.saturating_sub(told.unexpected_passes),
        ]
        .iter()
        .fold(0, |sum: usize, number| sum.saturating_add(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_exactly_what_pytest_prints() {
        let cases = [
            ("1 failed, 2 passed in 0.03s", Some(3)),
            ("8 failed, 11 passed, 2 skipped, 1 xfailed, 1 xpassed, 3 errors in 0.11s", Some(23)),
            ("2 failed, 1 passed, 3 subtests passed in 63.01s (0:01:03)", Some(3)),
            ("1 failed, 3 passed, 5 rerun in 0.12s", Some(4)),
            ("no tests ran in 0.01s", Some(0)),
            ("18446744073709551615 failed, 2 passed in 0.01s", Some(usize::MAX)),
            ("85 tests collected in 0.85s", Some(0)),
            ("3/5 tests collected (2 deselected) in 0.01s", Some(0)),
            ("1 passed in 3 rooms", None),
            ("10 files in 0.3s", None),
            ("done", None),
        ];
        for (line, tests) in cases {
            assert_eq!(Totals::read(line).map(|totals| totals.sum()), tests, "{line}");
        }
    }

    #[test]
    fn an_id_with_a_dash_is_known_by_its_block() {
        let titles = HashSet::from(["t[ - ]"]);
        assert_eq!(split_id("a.py::t[ - ] - boom - x", |_| false, &titles), ("a.py::t[ - ]", "boom - x"));
        assert_eq!(split_id("a.py::u - boom - x", |_| false, &titles), ("a.py::u", "boom - x"));
        assert_eq!(split_id("a.py::u - x", |id| id == "a.py::u - x", &titles), ("a.py::u - x", ""));
        assert_eq!(split_id("a.py::u", |_| false, &titles), ("a.py::u", ""));
    }
}
