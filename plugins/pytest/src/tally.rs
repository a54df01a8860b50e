//! What became of every test, collected from reports of its phases.

use std::collections::HashMap;

use flaky_plugin_sdk::{Failure, Outcome, PackedTests, PackedTestsBuilder};

/// Most ways of failing that are kept of one test: its call, its tear-down, a few subtests.
const MOST_FAILURES: usize = 8;

/// One phase of one test, or one of its subtests.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) outcome: Outcome,
    /// Set-up or tear-down, not the test itself.
    pub(crate) around: bool,
    pub(crate) failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Entry {
    id: String,
    outcome: Option<Outcome>,
    failures: Vec<Failure>,
    tries: Vec<Outcome>,
    subtest_failed: bool,
    began: bool,
    duration_ns: Option<u64>,
    file: Option<String>,
    line: Option<u32>,
}

/// Tests in the order in which they were first heard of.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
}

/// Why tests that began have no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// The process died, or was ended, while it ran them.
    Ended(Outcome),
    /// pytest itself stopped there.
    Stopped,
}

impl Tally {
    /// The session says that it has this test.
    pub(crate) fn collected(&mut self, id: &str) {
        self.entry(id);
    }

    /// The test is about to run; one that has an outcome already runs again as another test of the same name.
    pub(crate) fn began(&mut self, id: &str) {
        let at = self.entry(id);
        let at = match self.entries.get(at) {
            Some(entry) if entry.outcome.is_some() => self.add(id),
            _ => at,
        };
        if let Some(entry) = self.entries.get_mut(at) {
            entry.began = true;
        }
    }

    /// A phase came to its end.
    pub(crate) fn phase(&mut self, id: &str, phase: Phase) {
        let at = self.entry(id);
        let Some(entry) = self.entries.get_mut(at) else { return };
        entry.began = true;
        let is_failure = phase.failure.is_some();
        // pytest 9 fails a test for its subtests; those have said more.
        let repeated = entry.subtest_failed
            && phase.failure.as_ref().is_some_and(|f| f.message.starts_with("contains ") && f.message.contains("subtest"));
        if let Some(failure) = phase.failure.filter(|_| !repeated && entry.failures.len() < MOST_FAILURES) {
            entry.failures.push(failure);
        }
        entry.outcome = Some(match entry.outcome {
            // What failed in the call stays that, whatever the tear-down adds.
            Some(before) if before.is_bad() => before,
            Some(before) if phase.around && !is_failure => before,
            _ => phase.outcome,
        });
    }

    /// A part of the test failed; the test itself goes on.
    pub(crate) fn subtest_failed(&mut self, id: &str, failure: Failure) {
        let at = self.entry(id);
        let Some(entry) = self.entries.get_mut(at) else { return };
        entry.subtest_failed = true;
        if entry.failures.len() < MOST_FAILURES {
            entry.failures.push(failure);
        }
    }

    /// The framework will try again.
    pub(crate) fn retried(&mut self, id: &str, outcome: Outcome) {
        let at = self.entry(id);
        let Some(entry) = self.entries.get_mut(at) else { return };
        entry.tries.push(outcome);
        entry.outcome = None;
        entry.failures.clear();
        entry.subtest_failed = false;
    }

    /// Adds to the duration; phases add up.
    pub(crate) fn took(&mut self, id: &str, nanoseconds: u64) {
        let at = self.entry(id);
        if let Some(entry) = self.entries.get_mut(at) {
            entry.duration_ns = Some(entry.duration_ns.unwrap_or_default().saturating_add(nanoseconds));
        }
    }

    /// Where the test stands, as far as its id does not say it.
    pub(crate) fn place(&mut self, id: &str, file: Option<&str>, line: Option<u32>) {
        let at = self.entry(id);
        let Some(entry) = self.entries.get_mut(at) else { return };
        entry.file = file.map(str::to_owned).or_else(|| entry.file.take());
        entry.line = line.or(entry.line);
    }

    /// Whether a test of this name is known.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.index.contains_key(id)
    }

    /// Whether no test has an outcome.
    pub(crate) fn nothing_ran(&self) -> bool {
        self.entries.iter().all(|entry| entry.outcome.is_none())
    }

    /// How many tests there are, with or without an outcome.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Ids and outcomes so far.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&str, Option<Outcome>)> {
        self.entries.iter().map(|entry| (entry.id.as_str(), entry.outcome))
    }

    /// Adds what went wrong to a test that is known to have failed.
    pub(crate) fn explain(&mut self, position: usize, failure: Failure) {
        if let Some(entry) = self.entries.get_mut(position).filter(|entry| entry.failures.len() < MOST_FAILURES) {
            if let Some(outcome) = entry.outcome {
                let special = crate::failure::outcome(&failure, outcome != Outcome::Errored);
                if special != outcome && special != Outcome::Failed && special != Outcome::Errored {
                    entry.outcome = Some(special);
                }
            }
            entry.failures.push(failure);
        }
    }

    /// Another session begins: what the one before left open is settled, and its names may come again.
    pub(crate) fn next_session(&mut self, unfinished: Unfinished) {
        self.settle(unfinished);
        self.index.clear();
    }

    /// The tests with an outcome, and the names of those without.
    pub(crate) fn finish(mut self, unfinished: Unfinished) -> (PackedTests, Vec<String>) {
        self.settle(unfinished);
        let id_bytes = self.entries.iter().map(|entry| entry.id.len()).sum();
        let mut packed = PackedTestsBuilder::with_capacity(self.entries.len(), id_bytes);
        let mut announced = Vec::new();
        for mut entry in self.entries {
            let Some(outcome) = entry.outcome else {
                announced.push(entry.id);
                continue;
            };
            let test = packed.push(&entry.id, outcome);
            if let Some(duration) = entry.duration_ns {
                packed.set_duration(test, duration);
            }
            let file = entry.file.as_deref().or_else(|| entry.id.split_once("::").map(|(file, _)| file));
            if let Some(file) = file.filter(|_| entry.line.is_some() || entry.file.is_some()) {
                packed.set_location(test, file, entry.line);
            }
            if outcome.is_bad() {
                for failure in entry.failures {
                    packed.add_failure(test, failure);
                }
            }
            if !entry.tries.is_empty() {
                entry.tries.push(outcome);
                packed.set_tries(test, entry.tries);
            }
        }
        (packed.finish(), announced)
    }

    fn settle(&mut self, unfinished: Unfinished) {
        for entry in &mut self.entries {
            if entry.subtest_failed && entry.outcome.is_none_or(|outcome| !outcome.is_bad()) {
                entry.outcome = Some(Outcome::Failed);
            }
            if let (None, true, Unfinished::Ended(outcome)) = (entry.outcome, entry.began, unfinished) {
                entry.outcome = Some(outcome);
            }
        }
    }

    fn entry(&mut self, id: &str) -> usize {
        match self.index.get(id) {
            Some(at) => *at,
            None => self.add(id),
        }
    }

    fn add(&mut self, id: &str) -> usize {
        let at = self.entries.len();
        self.entries.push(Entry { id: id.to_owned(), ..Entry::default() });
        self.index.insert(id.to_owned(), at);
        at
    }
}

/// Which outcomes are failures.
pub(crate) trait Bad {
    /// Whether something went wrong.
    fn is_bad(self) -> bool;
}

impl Bad for Outcome {
    fn is_bad(self) -> bool {
        use Outcome::{Crashed, Errored, Failed, TimedOut, UnexpectedPass};
        matches!(self, Failed | Errored | UnexpectedPass | TimedOut | Crashed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(outcome: Outcome, around: bool) -> Phase {
        let failure = outcome.is_bad().then(|| Failure::new("E", format!("{outcome:?}")));
        Phase { outcome, around, failure }
    }

    fn outcome_of(phases: &[Phase]) -> (Outcome, Option<Failure>) {
        let mut tally = Tally::default();
        for phase in phases {
            tally.phase("a.py::t", phase.clone());
        }
        let result = tally.finish(Unfinished::Stopped).0.results().remove(0);
        (result.outcome, result.failure)
    }

    #[test]
    fn the_call_decides_and_what_is_around_it_can_only_break_what_passed() {
        use Outcome::{Errored, ExpectedFailure, Failed, Passed, Skipped};
        for (phases, expected) in [
            (vec![phase(Passed, false)], Passed),
            (vec![phase(Errored, true)], Errored),
            (vec![phase(Skipped, true)], Skipped),
            (vec![phase(Passed, false), phase(Errored, true)], Errored),
            (vec![phase(Failed, false), phase(Errored, true)], Failed),
            (vec![phase(ExpectedFailure, false), phase(Errored, true)], Errored),
            (vec![phase(Errored, true), phase(Errored, true)], Errored),
        ] {
            assert_eq!(outcome_of(&phases).0, expected, "{phases:?}");
        }
    }

    #[test]
    fn a_failing_subtest_fails_its_test_and_tells_why() {
        let mut tally = Tally::default();
        tally.began("a.py::t");
        tally.subtest_failed("a.py::t", Failure::new("AssertionError", "(i=1) assert 0"));
        tally.phase("a.py::t", phase(Outcome::Passed, false));
        let result = tally.finish(Unfinished::Stopped).0.results().remove(0);
        assert_eq!(result.outcome, Outcome::Failed);
        assert_eq!(result.failure.unwrap().message, "(i=1) assert 0");
    }

    #[test]
    fn tries_are_kept_in_order_with_the_last_one_deciding() {
        let mut tally = Tally::default();
        tally.began("a.py::t");
        tally.retried("a.py::t", Outcome::Failed);
        tally.began("a.py::t");
        tally.phase("a.py::t", phase(Outcome::Passed, false));
        let (packed, announced) = tally.finish(Unfinished::Stopped);
        let result = packed.results().remove(0);
        assert_eq!((result.outcome, result.tries), (Outcome::Passed, vec![Outcome::Failed, Outcome::Passed]));
        assert!(announced.is_empty() && result.failure.is_none());
    }

    #[test]
    fn a_test_that_began_and_never_ended_took_the_process_down_and_the_others_were_only_announced() {
        let tally = || {
            let mut tally = Tally::default();
            tally.collected("a.py::one");
            tally.collected("a.py::two");
            tally.began("a.py::one");
            tally
        };
        let (packed, announced) = tally().finish(Unfinished::Ended(Outcome::Crashed));
        assert_eq!(packed.results()[0].outcome, Outcome::Crashed);
        assert_eq!(announced, ["a.py::two"]);
        let (packed, announced) = tally().finish(Unfinished::Stopped);
        assert!(packed.id_ends.is_empty());
        assert_eq!(announced, ["a.py::one", "a.py::two"]);
    }

    #[test]
    fn the_same_name_in_another_session_is_another_test() {
        let mut tally = Tally::default();
        tally.phase("a.py::t", phase(Outcome::Passed, false));
        tally.next_session(Unfinished::Stopped);
        tally.phase("a.py::t", phase(Outcome::Failed, false));
        let outcomes: Vec<_> = tally.finish(Unfinished::Stopped).0.results().iter().map(|r| r.outcome).collect();
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed]);
    }
}
