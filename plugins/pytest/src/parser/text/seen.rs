//! Tests as the output tells of them: what progress, summary and blocks of failures say, put together.

use std::collections::HashMap;

use flaky_plugin_sdk::{Outcome, PackedTestsBuilder};

use super::blocks::{self, Block, Blocks};
use super::line;
use super::progress::Status;
use crate::parser::failure::{self, failed_outcome, failure};
use crate::parser::own_name;

/// A test as the output tells it.
#[derive(Debug)]
pub(super) struct Seen {
    id: String,
    pub(super) outcome: Outcome,
    tries: Vec<Outcome>,
    failures: Vec<(Cause, flaky_plugin_sdk::Failure)>,
    /// What the summary says, cut to the width of the terminal.
    pub(super) told: Option<String>,
    /// Blocks of the FAILURES and ERRORS sections that are still to come.
    due: (usize, usize),
    failed_subtests: usize,
    /// Failed subtests of the summary.
    listed_subtests: usize,
}

/// Which section of failures a block stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Test,
    Fixture,
}

impl Seen {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            outcome: Outcome::Unknown,
            tries: Vec::new(),
            failures: Vec::new(),
            told: None,
            due: (0, 0),
            failed_subtests: 0,
            listed_subtests: 0,
        }
    }

    /// Whether the summary tells of a failed subtest that the progress left out: where output is captured, pytest captures
    /// those lines of unittest's subtests too.
    pub(super) fn lacks_subtest(&mut self, status: Status) -> bool {
        let is_failed_subtest = matches!(status, Status::SubtestFailed);
        self.listed_subtests += usize::from(is_failed_subtest);
        is_failed_subtest && self.listed_subtests > self.failed_subtests
    }

    pub(super) fn add(&mut self, status: Status, death: Outcome) {
        match status {
            Status::Is(Outcome::Failed) => {
                self.due.0 += 1;
                self.outcome = Outcome::Failed;
            }
            Status::Is(Outcome::Errored) => {
                self.due.1 += 1;
                if self.outcome != Outcome::Failed {
                    self.outcome = Outcome::Errored;
                }
            }
            // A parent of failed subtests says that it passed.
            Status::Is(outcome) if !matches!(self.outcome, Outcome::Failed | Outcome::Errored) => {
                self.outcome = outcome;
            }
            Status::Is(_) => {}
            Status::SubtestFailed => {
                self.due.0 += 1;
                self.failed_subtests += 1;
                self.outcome = Outcome::Failed;
            }
            Status::TryFailed => self.tries.push(Outcome::Failed),
            Status::Running => self.outcome = death,
        }
    }
}

/// Tests by the title that a block of theirs has.
pub(super) struct Titles(HashMap<String, Titled>);

/// Tests of one title: titles lack the file.
#[derive(Debug, Default)]
struct Titled {
    all: Vec<usize>,
    /// How many of them, from the first, have had all their blocks, by cause.
    explained: [usize; 2],
}

impl Titled {
    /// The first test that a block is still to come of. What had all its blocks is not looked at twice.
    fn due(&mut self, tests: &[Seen], cause: Cause) -> Option<usize> {
        let due = |test: &Seen| if cause == Cause::Test { test.due.0 > 0 } else { test.due.1 > 0 };
        let [of_tests, of_fixtures] = &mut self.explained;
        let explained = if cause == Cause::Test { of_tests } else { of_fixtures };
        while self.all.get(*explained).is_some_and(|at| !tests.get(*at).is_some_and(due)) {
            *explained += 1;
        }
        self.all.get(*explained).copied()
    }
}

impl Titles {
    pub(super) fn of(tests: &[Seen]) -> Self {
        let mut titles: HashMap<String, Titled> = HashMap::new();
        // Nearly all tests pass, and have no block.
        for (at, test) in tests.iter().enumerate().filter(|(_, test)| test.due != (0, 0)) {
            titles.entry(blocks::title_of(&test.id)).or_default().all.push(at);
        }
        Self(titles)
    }

    /// A subtest's block has its name after the title.
    fn get(&mut self, title: &str) -> Option<&mut Titled> {
        if self.0.contains_key(title) {
            return self.0.get_mut(title);
        }
        let beginning = [" [", " ("].iter().filter_map(|begin| title.find(begin)).min()?;
        self.0.get_mut(title.get(..beginning)?)
    }
}

/// Gives a block of the failure sections to its test: blocks come in the order of the tests, under titles that lack
/// the file.
pub(super) fn explain(tests: &mut [Seen], titles: &mut Titles, block: &Block, cause: Cause) {
    let titled = titles.get(blocks::without_phase(&block.title));
    let Some(at) = titled.and_then(|titled| titled.due(tests, cause)) else { return };
    let Some(test) = tests.get_mut(at) else { return };
    match cause {
        Cause::Test => test.due.0 -= 1,
        Cause::Fixture => test.due.1 -= 1,
    }
    let failure = failure(&block.message, &block.trace);
    match (cause, failed_outcome(&failure)) {
        (Cause::Test, outcome) if test.outcome == Outcome::Failed && test.failures.is_empty() => {
            test.outcome = outcome;
        }
        (Cause::Fixture, Outcome::TimedOut) if test.outcome == Outcome::Errored => {
            test.outcome = Outcome::TimedOut;
        }
        _ => {}
    }
    test.failures.push((cause, failure));
}

/// Takes whole messages from lines without a block (`--tb=line`) for those that the summary cuts, and from both what kind
/// of failure it was.
pub(super) fn complete_messages(tests: &mut [Seen], failures: &Blocks) {
    let lines = failures.loose_messages();
    // Both stand in the order of the tests.
    let mut next = 0;
    for test in tests.iter_mut().filter(|test| test.failures.is_empty()) {
        let Some(told) = &mut test.told else { continue };
        let rest = lines.get(next..).unwrap_or_default();
        if let Some(beginning) = told.strip_suffix("...")
            && let Some(at) = rest.iter().position(|line| line.starts_with(beginning))
            && let Some(whole) = rest.get(at)
        {
            next += at + 1;
            *told = (*whole).to_owned();
        }
        if test.outcome == Outcome::Failed {
            test.outcome = failed_outcome(&failure(told, ""));
        }
    }
}

pub(super) fn pack(tests: Vec<Seen>, packed: &mut PackedTestsBuilder) {
    for mut test in tests {
        let index = packed.push(&test.id, test.outcome);
        packed.set_name(index, own_name(&test.id));
        if let Some((file, _)) = line::split_id(&test.id) {
            packed.set_location(index, file, None);
        }
        // What the test itself did comes before what its tear-down did.
        test.failures.sort_by_key(|(cause, _)| *cause == Cause::Fixture);
        // Beside those of its subtests, a test's own failure says only that there were some.
        if test.failures.len() > 1 {
            test.failures.retain(|(_, failure)| !failure::is_sum_of_subtests(&failure.message));
        }
        let failed = match test.outcome {
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => true,
            // Only where the pass was a failure.
            Outcome::UnexpectedPass => {
                test.told.as_ref().is_some_and(|told| told.starts_with("[XPASS(strict)]"))
            }
            _ => false,
        };
        if failed && test.failures.is_empty() {
            test.failures.extend(
                test.told
                    .filter(|told| !told.is_empty())
                    .map(|told| (Cause::Test, failure::failure(&told, ""))),
            );
        }
        for (_, failure) in test.failures {
            packed.add_failure(index, failure);
        }
        if !test.tries.is_empty() {
            test.tries.push(test.outcome);
            packed.set_tries(index, test.tries);
        }
    }
}
