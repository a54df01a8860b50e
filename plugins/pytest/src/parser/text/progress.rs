//! The lines that appear while tests run.

use std::collections::HashMap;

use flaky_plugin_sdk::Outcome;

use super::line::{Tail, is_id, is_spaced_id, leading_id, split_tail};

/// What a line says of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Is(Outcome),
    /// pytest-rerunfailures will try again.
    TryFailed,
    SubtestFailed,
    /// It was begun, and nothing more was said.
    Running,
}

/// Words of a subtest's name that are looked through for the id behind it.
pub(super) const MOST_WORDS: usize = 256;

/// Words of the verbose output, with what they mean; `None` for what says nothing about the test as a whole.
const WORDS: [(&str, Option<Status>); 14] = [
    ("PASSED", Some(Status::Is(Outcome::Passed))),
    ("FAILED", Some(Status::Is(Outcome::Failed))),
    ("ERROR", Some(Status::Is(Outcome::Errored))),
    ("SKIPPED", Some(Status::Is(Outcome::Skipped))),
    ("XFAIL", Some(Status::Is(Outcome::ExpectedFailure))),
    // Without `strict` a test may fail and need not: pytest counts this as success, and there is no failure beside it.
    ("XPASS", Some(Status::Is(Outcome::UnexpectedPass))),
    ("RERUN", Some(Status::TryFailed)),
    ("SUBFAIL", Some(Status::SubtestFailed)),
    ("SUBFAILED", Some(Status::SubtestFailed)),
    ("SUBPASS", None),
    ("SUBPASSED", None),
    ("SUBSKIP", None),
    ("SUBSKIPPED", None),
    ("SUBXFAIL", None),
];

/// The meaning of a status word, as the summary has it too.
pub(super) fn status_of(word: &str) -> Option<Status> {
    WORDS.iter().find(|(known, _)| *known == word).and_then(|(_, status)| *status)
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    seen: Results,
    /// How many tests there are.
    collected: Option<u32>,
    /// Whether lines of results end with the progress; all do or none does.
    tailed: Option<bool>,
    /// A test whose name was printed, and its result not yet; with the last word that could be its result.
    waiting: Option<(String, Option<Status>)>,
    /// A test of which a subtest ended, and which may run on.
    in_subtests: Option<String>,
    /// Tests that workers of xdist were given.
    begun: Vec<String>,
    by_workers: bool,
    /// By how much the results that were told exceed those that were seen; negative where some came twice.
    missed: i64,
    /// What a reason of several lines goes on with (`SKIPPED (first line`).
    open_reason: Option<Status>,
}

/// What was told of tests so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Tests of which a result was seen, with their positions in the order of their first ones.
    pub(super) tests: HashMap<String, usize>,
    /// Position of a test, and a result of it.
    pub(super) told: Vec<(usize, Status)>,
}

impl Progress {
    /// Whether a test runs whose result is not known: then anything may be its output.
    pub(super) fn is_waiting(&self) -> bool {
        !self.by_workers && matches!(self.waiting, Some((_, None)))
    }

    pub(super) fn take(&mut self, line: &str) {
        if line.starts_with("collect") || counts_items(line) {
            self.collected = collected(line).or(self.collected);
        }
        if let Some((id, status)) = by_worker(line) {
            self.by_workers = true;
            self.waiting = None;
            if let Some(status) = status {
                self.add(id, status);
            }
            return;
        }
        // The next name ends the output of the test before it.
        if matches!(self.waiting, Some((_, Some(_)))) && leading_id(line).is_some() {
            self.close();
        }
        let (text, tail) = split_tail(line);
        if let Some((id, status)) = self.result(text, tail) {
            self.close();
            self.tailed.get_or_insert(tail != Tail::Bare);
            match status {
                Some(status) => self.add(id, status),
                None => self.in_subtests = Some(id.to_owned()),
            }
            self.keep_step(tail);
            return;
        }
        if let Some(id) = leading_id(line) {
            self.begin(id);
            self.open_reason = line.get(id.len()..).and_then(opens_reason);
            return;
        }
        if self.open_reason.is_some()
            && text.ends_with(')')
            && self.tailed.is_none_or(|tailed| tailed == (tail != Tail::Bare))
        {
            if let Some((_, result)) = &mut self.waiting {
                *result = self.open_reason.take();
            }
            self.close();
            self.keep_step(tail);
            return;
        }
        if let Some((_, result)) = &mut self.waiting
            && self.tailed.is_none_or(|tailed| tailed == (tail != Tail::Bare))
            && let Some(status) = last_word(text)
        {
            *result = Some(status);
            self.tailed.get_or_insert(tail != Tail::Bare);
        }
    }

    /// A line that names a test and its result.
    fn result<'l>(&self, text: &'l str, tail: Tail) -> Option<(&'l str, Option<Status>)> {
        if self.tailed.is_some_and(|tailed| tailed != (tail != Tail::Bare)) {
            return None;
        }
        let (id, status) = split_status(text)?;
        // Where nothing but the result can follow a name, the name may have spaces; otherwise it ends at the first.
        let id = if tail == Tail::Bare { leading_id(id)? } else { id };
        // pytest-subtests puts the subtest after the name.
        let id = if matches!(status, None | Some(Status::SubtestFailed)) { leading_id(id)? } else { id };
        // Folders may have spaces. Of what a running test prints, such a line is too often no test's.
        let is_named = is_id(id) || (tail != Tail::Bare && self.waiting.is_none() && is_spaced_id(id));
        (is_named && self.fits(id, tail)).then_some((id, status))
    }

    /// Whether a line that names a test and its result is no test's output. While a test runs, and where a name has spaces
    /// that may begin what it prints, the progress after this result has to be what the line says, which what was
    /// printed to look like one hardly ever knows.
    fn fits(&self, id: &str, tail: Tail) -> bool {
        let is_expected = self.waiting.as_ref().is_none_or(|(waiting, _)| waiting == id);
        if is_expected && leading_id(id).is_some_and(|leading| leading == id) {
            return true;
        }
        let (Some(all), Tail::Percent(percent)) = (self.collected, tail) else { return true };
        let done = i64::try_from(self.seen.tests.len()).unwrap_or(i64::MAX).saturating_add(self.missed);
        let is_at = |done: i64| all == 0 || percent_of(done, all) == i64::from(percent);
        if self.seen.tests.contains_key(id) {
            return is_at(done);
        }
        // Of the test that runs the result may have been missed.
        is_at(done.saturating_add(1)) || is_at(done.saturating_add(2))
    }

    /// Brings the count of results in step with the progress that a result's line told: some lines cannot be read, and
    /// what pytest says that it collected is not always what it counts.
    fn keep_step(&mut self, tail: Tail) {
        let (Some(all @ 1..), Tail::Percent(percent)) = (self.collected, tail) else { return };
        let seen = i64::try_from(self.seen.tests.len()).unwrap_or(i64::MAX);
        if percent_of(seen.saturating_add(self.missed), all) != i64::from(percent) {
            // The fewest results of which this is the share.
            self.missed = (i64::from(percent) * i64::from(all)).div_euclid(100) - seen;
            if percent_of(seen.saturating_add(self.missed), all) < i64::from(percent) {
                self.missed += 1;
            }
        }
    }

    fn begin(&mut self, id: &str) {
        self.close();
        self.open_reason = None;
        if self.by_workers || self.tailed.is_none() {
            self.begun.push(id.to_owned());
        }
        self.waiting = Some((id.to_owned(), None));
    }

    fn close(&mut self) {
        if let Some((id, result)) = self.waiting.take()
            && let Some(status) = result
        {
            self.add(&id, status);
        }
    }

    fn add(&mut self, id: &str, status: Status) {
        let next = self.seen.tests.len();
        let at = *self.seen.tests.entry(id.to_owned()).or_insert(next);
        self.seen.told.push((at, status));
    }

    /// Results in order; after a death also the tests that were running.
    pub(super) fn results(mut self, died: bool) -> Results {
        let last = self.waiting.as_ref().map(|(id, _)| id.clone());
        self.close();
        if died {
            let begun = if self.by_workers { std::mem::take(&mut self.begun) } else { Vec::new() };
            for id in begun.into_iter().chain(self.in_subtests.take()).chain(last) {
                if !self.seen.tests.contains_key(&id) {
                    self.add(&id, Status::Running);
                }
            }
        }
        self.seen
    }
}

/// How many per cent of `all` are done, as pytest rounds it.
fn percent_of(done: i64, all: u32) -> i64 {
    done.saturating_mul(100).div_euclid(i64::from(all.max(1)))
}

/// The result of which the reason goes on in the next line: ` SKIPPED (first line`.
fn opens_reason(text: &str) -> Option<Status> {
    let (word, reason) = text.trim_start().split_once(" (")?;
    let status = status_of(word).filter(|_| matches!(word, "SKIPPED" | "XFAIL" | "XPASS"))?;
    (!reason.ends_with(')')).then_some(status)
}

/// Whether ` items]` or ` item]` is somewhere in the line.
fn counts_items(line: &str) -> bool {
    let bytes = line.as_bytes();
    memchr::memchr_iter(b']', bytes)
        .filter_map(|at| bytes.get(..at))
        .any(|before| before.strip_suffix(b"s").unwrap_or(before).ends_with(b" item"))
}

/// `24` of `collected 24 items`, `collected 30 items / 6 deselected / 24 selected`, `2 workers [24 items]`.
fn collected(line: &str) -> Option<u32> {
    let line = line.strip_prefix("collecting ... ").unwrap_or(line);
    let number = |text: &str| -> Option<u32> { text.split(' ').next()?.parse().ok() };
    if let Some(rest) = line.strip_prefix("collected ") {
        // What is `selected` leaves out files that were skipped in old versions; the progress never does.
        let deselected = rest.split(" / ").find(|part| part.ends_with(" deselected")).and_then(number);
        return Some(number(rest)?.saturating_sub(deselected.unwrap_or(0)));
    }
    let (workers, items) = line.split_once('[')?;
    (workers.contains(" worker") && items.contains("item")).then(|| number(items))?
}

/// `[gw0] [ 50%] PASSED id`, with the name of a subtest behind the word (pytest 9) or before it (pytest-subtests).
fn by_worker(line: &str) -> Option<(&str, Option<Status>)> {
    let rest =
        line.strip_prefix("[gw")?.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("] [")?;
    let (percent, rest) = rest.split_once("] ")?;
    percent.strip_suffix('%')?.trim_start().parse::<u32>().ok()?;
    let rest = rest.trim_end();
    if let Some((word, id)) = rest.split_once(' ')
        && let Some(status) = status_of(word)
        && is_spaced_id(id)
    {
        return Some((id, Some(status)));
    }
    subtest_by_worker(rest)
}

/// `SUBFAILED[part] (i=1) id`, `[part] (i=1) SUBFAIL id`.
fn subtest_by_worker(rest: &str) -> Option<(&str, Option<Status>)> {
    let words = WORDS.iter().filter(|(word, _)| word.starts_with("SUB"));
    words.rev().find_map(|(word, status)| {
        let id =
            if let Some(named) = rest.strip_prefix(word).filter(|named| named.starts_with(['[', '(', ' '])) {
                let spaces = named.match_indices(' ').take(MOST_WORDS);
                spaces.filter_map(|(at, _)| named.get(at + 1..)).find(|id| is_id(id))
            } else {
                let (_, id) = rest.rsplit_once(&format!(" {word} "))?;
                rest.starts_with(['[', '(']).then_some(id).filter(|id| is_id(id))
            };
        Some((id?, *status))
    })
}

/// `id STATUS`, `id STATUS (reason)`, split at the last status word: names may hold such words too.
fn split_status(text: &str) -> Option<(&str, Option<Status>)> {
    let mut end = text.len();
    while let Some(space) = text.get(..end)?.rfind(' ') {
        let rest = text.get(space + 1..)?;
        let word_end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let whole = match after.as_bytes().first() {
            None => true,
            Some(b' ') => after.starts_with(" (") && after.ends_with(')'),
            Some(b'[' | b'(') => word.starts_with("SUB"),
            Some(_) => false,
        };
        if whole && let Some((_, status)) = WORDS.iter().find(|(known, _)| *known == word) {
            return Some((text.get(..space)?.trim_end(), *status));
        }
        end = space;
    }
    None
}

/// A status word at the end of a test's own output, perhaps without a space before it.
fn last_word(text: &str) -> Option<Status> {
    let text = match text.rfind(" (") {
        Some(reason) if text.ends_with(')') => text.get(..reason)?,
        _ => text,
    };
    WORDS
        .iter()
        .filter(|(word, _)| text.ends_with(word))
        .max_by_key(|(word, _)| word.len())
        .and_then(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_its_last_status_word() {
        let passed = Some(Status::Is(Outcome::Passed));
        let cases = [
            ("a.py::t PASSED", Some(("a.py::t", passed))),
            ("a.py::t[x PASSED] PASSED", Some(("a.py::t[x PASSED]", passed))),
            (
                "a.py::t SKIPPED (not (yet) PASSED here)",
                Some(("a.py::t", Some(Status::Is(Outcome::Skipped)))),
            ),
            ("a.py::t SUBFAILED[part] (i=1)", Some(("a.py::t", Some(Status::SubtestFailed)))),
            ("a.py::t [part] (i=1) SUBPASS", Some(("a.py::t [part] (i=1)", None))),
            ("a.py::t", None),
            ("PASSED", None),
            ("a.py::t PASSEDX", None),
        ];
        for (text, expected) in cases {
            assert_eq!(split_status(text), expected, "{text}");
        }
    }

    #[test]
    fn the_number_of_tests_is_that_of_the_selected_ones() {
        let cases = [
            ("collecting ... collected 24 items", Some(24)),
            ("collected 1 item", Some(1)),
            ("collected 30 items / 6 deselected / 24 selected", Some(24)),
            ("collected 2 items / 1 error", Some(2)),
            ("2 workers [24 items]", Some(24)),
            ("collected by hand", None),
        ];
        for (line, number) in cases {
            assert_eq!(collected(line), number, "{line}");
        }
    }
}
