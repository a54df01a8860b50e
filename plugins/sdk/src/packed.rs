//! Tests as columns.

use std::collections::HashMap;

use crate::{Failure, Location, Outcome, PackedTests, TestResult};

/// In place of a duration that is not known.
const NO_DURATION: u64 = u64::MAX;
/// In place of the index of a file that is not known.
const NO_FILE: u32 = u32::MAX;

/// Collects tests as columns. Columns that no test needs stay empty.
///
/// ```
/// use flaky_plugin_sdk::{Failure, Outcome, PackedTestsBuilder};
///
/// let mut tests = PackedTestsBuilder::default();
/// tests.push("cart::adds", Outcome::Passed);
/// let rounds = tests.push("cart::rounds", Outcome::Failed);
/// tests.set_duration(rounds, 1_500_000);
/// tests.set_location(rounds, "cart.py", Some(12));
/// tests.add_failure(rounds, Failure { kind: "AssertionError".into(), message: "1 != 2".into(), trace: String::new() });
/// let packed = tests.finish();
/// assert_eq!(packed.ids, b"cart::addscart::rounds");
/// assert_eq!(packed.results()[1].location.as_ref().unwrap().file, "cart.py");
/// ```
#[derive(Debug, Clone, Default)]
pub struct PackedTestsBuilder {
    packed: Columns,
    files: HashMap<String, u32>,
    /// Most tests are in the file of the one before.
    last_file: Option<(String, u32)>,
}

/// Which test of a [`PackedTestsBuilder`]; the first is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestIndex(u32);

#[derive(Debug, Clone, Default)]
struct Columns {
    ids: Vec<u8>,
    id_ends: Vec<u32>,
    name_starts: Vec<u32>,
    outcomes: Vec<u8>,
    durations: Vec<u64>,
    files: Vec<String>,
    file_of: Vec<u32>,
    lines: Vec<u32>,
    failures: Vec<(u32, Failure)>,
    tries: Vec<(u32, Vec<Outcome>)>,
}

impl PackedTestsBuilder {
    /// With room for so many tests and bytes of ids.
    #[must_use]
    pub fn with_capacity(tests: usize, id_bytes: usize) -> Self {
        let mut new = Self::default();
        new.packed.ids.reserve(id_bytes);
        new.packed.id_ends.reserve(tests);
        new.packed.outcomes.reserve(tests);
        new
    }

    /// How many tests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed.id_ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.id_ends.is_empty()
    }

    /// Adds a test.
    pub fn push(&mut self, id: &str, outcome: Outcome) -> TestIndex {
        let index = TestIndex(small(self.len()));
        self.packed.ids.extend_from_slice(id.as_bytes());
        self.packed.id_ends.push(small(self.packed.ids.len()));
        self.packed.outcomes.push(outcome as u8);
        index
    }

    /// Replaces the outcome.
    pub fn set_outcome(&mut self, test: TestIndex, outcome: Outcome) {
        if let Some(slot) = self.packed.outcomes.get_mut(test.0 as usize) {
            *slot = outcome as u8;
        }
    }

    /// Says which part of the id is the test's own name: its end. What stands before is its suite. A name that the id
    /// does not end in is not taken.
    pub fn set_name(&mut self, test: TestIndex, name: &str) {
        let index = test.0 as usize;
        let end = self.packed.id_ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).and_then(|i| self.packed.id_ends.get(i)).map_or(0, |s| *s as usize);
        let Some(id) = self.packed.ids.get(start..end) else { return };
        if !name.is_empty() && id.ends_with(name.as_bytes()) {
            let (count, at) = (self.len(), small(id.len() - name.len()));
            set(&mut self.packed.name_starts, count, test, at, 0);
        }
    }

    /// How long the test took, in nanoseconds.
    pub fn set_duration(&mut self, test: TestIndex, nanoseconds: u64) {
        let count = self.len();
        set(&mut self.packed.durations, count, test, nanoseconds.min(NO_DURATION - 1), NO_DURATION);
    }

    /// Where the test is written; lines count from 1.
    pub fn set_location(&mut self, test: TestIndex, file: &str, line: Option<u32>) {
        let count = self.len();
        let file = self.file(file);
        set(&mut self.packed.file_of, count, test, file, NO_FILE);
        if let Some(line) = line {
            set(&mut self.packed.lines, count, test, line, 0);
        }
    }

    /// What went wrong; a test may fail in several ways.
    pub fn add_failure(&mut self, test: TestIndex, failure: Failure) {
        self.packed.failures.push((test.0, failure));
    }

    /// Outcomes of the tries that the framework itself made, in order.
    pub fn set_tries(&mut self, test: TestIndex, tries: Vec<Outcome>) {
        self.packed.tries.push((test.0, tries));
    }

    /// The columns.
    #[must_use]
    pub fn finish(self) -> PackedTests {
        let count = self.len();
        let mut columns = self.packed;
        fill(&mut columns.name_starts, count, 0);
        fill(&mut columns.durations, count, NO_DURATION);
        fill(&mut columns.file_of, count, NO_FILE);
        fill(&mut columns.lines, count, 0);
        // Stable: several failures of one test stay in their order.
        columns.failures.sort_by_key(|(index, _)| *index);
        columns.tries.sort_by_key(|(index, _)| *index);
        PackedTests {
            ids: columns.ids,
            id_ends: columns.id_ends,
            name_starts: columns.name_starts,
            outcomes: columns.outcomes,
            durations_ns: columns.durations,
            files: columns.files,
            file_of: columns.file_of,
            lines: columns.lines,
            failures: columns.failures,
            tries: columns.tries,
        }
    }

    fn file(&mut self, file: &str) -> u32 {
        if let Some((last, index)) = &self.last_file
            && last == file
        {
            return *index;
        }
        let index = match self.files.get(file) {
            Some(index) => *index,
            None => {
                let index = small(self.packed.files.len());
                self.packed.files.push(file.to_owned());
                self.files.insert(file.to_owned(), index);
                index
            }
        };
        self.last_file = Some((file.to_owned(), index));
        index
    }
}

/// Puts a value into a column that may be shorter than the number of tests.
fn set<T: Copy>(column: &mut Vec<T>, count: usize, test: TestIndex, value: T, unknown: T) {
    if column.len() < count {
        column.resize(count, unknown);
    }
    if let Some(slot) = column.get_mut(test.0 as usize) {
        *slot = value;
    }
}

fn fill<T: Copy>(column: &mut Vec<T>, count: usize, unknown: T) {
    if !column.is_empty() {
        column.resize(count, unknown);
    }
}

/// A component has 4 GiB of memory at most, so nothing in it has a larger index.
fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl PackedTests {
    /// The tests as plain records, of several failures the first. For tests of parsers.
    #[must_use]
    pub fn results(&self) -> Vec<TestResult> {
        let mut start = 0;
        let mut results: Vec<TestResult> = (0..self.id_ends.len())
            .map(|index| {
                let end = self.id_ends.get(index).map_or(start, |end| *end as usize);
                let id = String::from_utf8_lossy(self.ids.get(start..end).unwrap_or_default()).into_owned();
                start = end;
                let outcome =
                    self.outcomes.get(index).and_then(|byte| outcome_of(*byte)).unwrap_or(Outcome::Unknown);
                let file = self.file_of.get(index).and_then(|file| self.files.get(*file as usize));
                let line = self.lines.get(index).copied().filter(|line| *line != 0);
                let name_start = self.name_starts.get(index).copied().filter(|start| *start != 0);
                TestResult {
                    name: name_start.and_then(|start| id.get(start as usize..)).map(str::to_owned),
                    duration_ns: self.durations_ns.get(index).copied().filter(|&ns| ns != NO_DURATION),
                    location: file.map(|file| Location { file: file.clone(), line }),
                    ..TestResult::new(&id, outcome)
                }
            })
            .collect();
        for (index, failure) in &self.failures {
            if let Some(result) = results.get_mut(*index as usize) {
                result.failure.get_or_insert_with(|| failure.clone());
            }
        }
        for (index, tries) in &self.tries {
            if let Some(result) = results.get_mut(*index as usize) {
                result.tries.clone_from(tries);
            }
        }
        results
    }
}

fn outcome_of(byte: u8) -> Option<Outcome> {
    use Outcome::{
        Crashed, Errored, ExpectedFailure, Failed, NotRun, Passed, Skipped, TimedOut, UnexpectedPass, Unknown,
    };
    let all = [
        Passed,
        Failed,
        Errored,
        Skipped,
        ExpectedFailure,
        UnexpectedPass,
        TimedOut,
        Crashed,
        NotRun,
        Unknown,
    ];
    all.into_iter().find(|outcome| *outcome as u8 == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        Failure { kind: String::new(), message: message.to_owned(), trace: String::new() }
    }

    #[test]
    fn columns_that_nothing_needs_stay_empty() {
        let mut tests = PackedTestsBuilder::default();
        tests.push("a", Outcome::Passed);
        tests.push("b", Outcome::Skipped);
        let packed = tests.finish();
        assert_eq!((packed.durations_ns.len(), packed.file_of.len(), packed.lines.len()), (0, 0, 0));
        assert_eq!(packed.outcomes, [0, 3]);
        assert_eq!(packed.id_ends, [1, 2]);
    }

    #[test]
    fn columns_have_an_entry_per_test_whichever_test_said_something() {
        let mut tests = PackedTestsBuilder::default();
        tests.push("a", Outcome::Passed);
        let b = tests.push("b", Outcome::Passed);
        tests.set_duration(b, 5);
        tests.set_location(b, "x.py", Some(3));
        tests.push("c", Outcome::Passed);
        let d = tests.push("d", Outcome::Passed);
        tests.set_location(d, "x.py", None);
        let packed = tests.finish();
        assert_eq!(packed.durations_ns, [NO_DURATION, 5, NO_DURATION, NO_DURATION]);
        assert_eq!(packed.file_of, [NO_FILE, 0, NO_FILE, 0]);
        assert_eq!(packed.lines, [0, 3, 0, 0]);
        assert_eq!(packed.files, ["x.py"]);
    }

    #[test]
    fn failures_come_in_the_order_of_tests_and_keep_theirs_within_one() {
        let mut tests = PackedTestsBuilder::default();
        let a = tests.push("a", Outcome::Failed);
        let b = tests.push("b", Outcome::Failed);
        tests.add_failure(b, failure("b1"));
        tests.add_failure(a, failure("a1"));
        tests.add_failure(a, failure("a2"));
        let packed = tests.finish();
        let order: Vec<_> =
            packed.failures.iter().map(|(index, failure)| (*index, failure.message.as_str())).collect();
        assert_eq!(order, [(0, "a1"), (0, "a2"), (1, "b1")]);
        assert_eq!(packed.results()[0].failure, Some(failure("a1")));
    }
}
