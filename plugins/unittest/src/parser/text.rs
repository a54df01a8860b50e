//! Tests from what unittest printed.
//!
//! With `-v` every test has a line; without it only what went wrong has a name, and that there is more is said.

use std::collections::{HashMap, VecDeque};

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Failure, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder,
};

use super::blocks::{Block, Blocks, Kind, heading};
use super::describe::Subject;
use super::own_name;
use super::progress::Progress;

/// unittest's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 256 * 1024;

/// Between blocks, and below their headings.
const RULE: usize = 70;

/// `None` when the output is not unittest's. `death` is the outcome of a test that was running at the end.
pub(crate) fn parse(printed: &Blob<'_>, death: Outcome) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = printed.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let is_whole = line.end == LineEnd::LineFeed || line.end == LineEnd::TooLong;
        let text = line.text();
        if line.bytes.contains(&0x1b) || line.bytes.contains(&b'\r') {
            reading.take(&plain(&text), is_whole);
        } else {
            reading.take(&text, is_whole);
        }
    }
    reading.finish(death)
}

/// A line as it would be seen: without control sequences, and of what was overwritten only the last state.
fn plain(line: &str) -> String {
    let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    let mut seen = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            seen.push(c);
        } else if chars.next_if_eq(&'[').is_some() {
            // ECMA-48: parameters and intermediates, then one final character.
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    seen
}

/// What the lines so far lead to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    Progress,
    /// A line of `=` was seen: a heading has to follow.
    Rule,
    Blocks,
    /// A line of `-` was seen behind the text of a block, or behind the progress: the totals may follow.
    Totals,
    /// The totals were seen, the verdict follows.
    Verdict,
}

#[derive(Debug, Default)]
struct Reading {
    section: Section,
    /// Where a rule was seen.
    before_rule: Section,
    progress: Progress,
    blocks: Blocks,
    /// Of all runs in the output.
    ran: Option<usize>,
    /// Tests and blocks of runs that came to their end, with their verdict.
    ended: Vec<Ended>,
    found_none: bool,
}

#[derive(Debug)]
struct Ended {
    progress: Progress,
    blocks: Blocks,
    ran: usize,
}

impl Reading {
    fn take(&mut self, line: &str, is_whole: bool) {
        let is_rule = |c: u8| line.len() == RULE && line.bytes().all(|byte| byte == c);
        match self.section {
            Section::Rule => {
                if let Some(block) = heading(line).filter(|_| is_whole) {
                    self.blocks.all.push(block);
                    self.section = Section::Blocks;
                    return;
                }
                self.section = self.before_rule;
            }
            Section::Totals => {
                if let Some(ran) = totals(line).filter(|_| is_whole) {
                    self.ran = Some(ran);
                    self.section = Section::Verdict;
                    return;
                }
                self.section = self.before_rule;
            }
            Section::Verdict => {
                self.verdict(line);
                return;
            }
            Section::Progress | Section::Blocks => {}
        }
        if is_rule(b'=') {
            self.before_rule = self.section;
            self.section = Section::Rule;
        } else if is_rule(b'-') {
            if self.section == Section::Blocks {
                self.blocks.take(line, true);
            }
            self.before_rule = self.section;
            self.section = Section::Totals;
        } else if self.section == Section::Blocks {
            if line == "Slowest test durations" {
                // Belongs to no block, and ends in the rule above the totals.
                self.blocks.close();
                return;
            }
            self.blocks.take(line, false);
        } else {
            self.progress.take(line, is_whole);
        }
    }

    fn verdict(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.section = Section::Progress;
        let Some(ran) = self.ran.take() else { return };
        let is_verdict = line == "OK"
            || line == "NO TESTS RAN"
            || line == "FAILED"
            || ["OK (", "FAILED (", "NO TESTS RAN ("]
                .iter()
                .any(|word| line.starts_with(word) && line.ends_with(')'));
        if is_verdict {
            self.found_none |= ran == 0 && self.blocks.all.is_empty();
            let progress = std::mem::take(&mut self.progress);
            let blocks = std::mem::take(&mut self.blocks);
            self.ended.push(Ended { progress, blocks, ran });
        }
    }

    fn finish(self, death: Outcome) -> Option<PackedAttempt> {
        let Self { progress, blocks, ended, found_none, .. } = self;
        let is_open = progress.has_tests() || !blocks.all.is_empty();
        if ended.is_empty() && !progress.is_unittests() && !blocks.are_unittests() {
            return None;
        }
        let mut parsed = PackedAttempt { format: "unittest-text".to_owned(), ..PackedAttempt::default() };
        parsed.completeness =
            if is_open || ended.is_empty() { Completeness::Truncated } else { Completeness::Complete };
        let mut packed = PackedTestsBuilder::default();
        for Ended { progress, blocks, ran } in ended {
            tell(progress.finish(None), blocks, Some(ran), &mut packed, &mut parsed);
        }
        if is_open {
            // Blocks come when all tests have ended.
            let death = blocks.all.is_empty().then_some(death);
            tell(progress.finish(death), blocks, None, &mut packed, &mut parsed);
        }
        if packed.is_empty() && found_none && parsed.diagnostics.is_empty() {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "unittest found no test to run"));
        }
        parsed.tests = packed.finish();
        Some(parsed)
    }
}

/// `12` of `Ran 12 tests in 0.003s`.
fn totals(line: &str) -> Option<usize> {
    let (count, time) = line.strip_prefix("Ran ")?.split_once(" in ")?;
    let (number, what) = count.split_once(' ')?;
    time.strip_suffix('s')?.parse::<f64>().ok()?;
    matches!(what, "test" | "tests").then(|| number.parse().ok())?
}

/// Tests of one run, with what their blocks say.
fn tell(
    seen: super::progress::Seen,
    blocks: Blocks,
    ran: Option<usize>,
    packed: &mut PackedTestsBuilder,
    parsed: &mut PackedAttempt,
) {
    let named_all = !seen.tests.is_empty();
    let mut tests: Vec<Test> = seen.tests.into_iter().map(|(id, outcome)| Test::new(id, outcome)).collect();
    let mut by_id: HashMap<String, Runs> = HashMap::new();
    for (at, test) in tests.iter().enumerate() {
        by_id.entry(test.id.clone()).or_default().all.push(at);
    }
    let mut not_loaded = 0;
    for block in in_order(blocks.all, &seen.letters) {
        let failure = block.failure();
        match block.subject {
            Subject::Hook(hook) => {
                parsed
                    .diagnostics
                    .push(Diagnostic::new("suite-error", format!("{hook}: {}", one_line(&failure))));
            }
            Subject::NotLoaded(name) => {
                not_loaded += 1;
                parsed
                    .diagnostics
                    .push(Diagnostic::new("collection-error", format!("{name}: {}", last_line(&failure))));
            }
            Subject::Test(id) => {
                let known = by_id.entry(id.clone()).or_default();
                if known.all.is_empty() {
                    known.all.push(tests.len());
                    tests.push(Test::new(id, Outcome::Unknown));
                }
                let at = known.due(&tests).unwrap_or(usize::MAX);
                if let Some(test) = tests.get_mut(at) {
                    test.explain(block.kind, failure);
                }
            }
        }
    }
    let named = tests.len();
    tests.into_iter().for_each(|test| test.tell(packed));
    let unnamed = ran.unwrap_or(0).saturating_sub(named + not_loaded);
    if unnamed > 0 && !named_all {
        parsed.completeness = Completeness::Truncated;
        let message = format!("{unnamed} tests ran that the output does not name");
        parsed.diagnostics.push(Diagnostic::new("unnamed-tests", message).hint("run unittest with `-v`"));
    } else if unnamed > 0 {
        let message = format!("unittest counts {unnamed} tests more than it names");
        parsed.diagnostics.push(Diagnostic::warning("contradicting-counts", message));
    }
}

/// Positions of all runs of a test.
#[derive(Debug, Default)]
struct Runs {
    all: Vec<usize>,
    /// How many of them are explained, from the first.
    explained: usize,
}

impl Runs {
    /// The first that is not explained yet, or the first. What is explained stays so: nothing is looked at twice.
    fn due(&mut self, tests: &[Test]) -> Option<usize> {
        let is_due = |at: &usize| tests.get(*at).is_some_and(Test::is_due);
        while self.all.get(self.explained).is_some_and(|at| !is_due(at)) {
            self.explained += 1;
        }
        self.all.get(self.explained).or(self.all.first()).copied()
    }
}

/// Blocks come errors first; the letters of the progress show the order, where they agree with the blocks.
fn in_order(blocks: Vec<Block>, letters: &[u8]) -> Vec<Block> {
    let letter = |block: &Block| match block.kind {
        Kind::Fail => b'F',
        Kind::Error => b'E',
        Kind::UnexpectedSuccess => b'u',
    };
    let counts = |letter: u8| letters.iter().filter(|&&l| l == letter).count();
    let agree = !letters.is_empty()
        && [b'F', b'E']
            .iter()
            .all(|l| counts(*l) == blocks.iter().filter(|block| letter(block) == *l).count());
    if !agree {
        return blocks;
    }
    let mut queues: HashMap<u8, VecDeque<Block>> = HashMap::new();
    for block in blocks {
        queues.entry(letter(&block)).or_default().push_back(block);
    }
    let mut ordered: Vec<Block> =
        letters.iter().filter_map(|letter| queues.get_mut(letter).and_then(VecDeque::pop_front)).collect();
    for letter in [b'E', b'F', b'u'] {
        ordered.extend(queues.remove(&letter).into_iter().flatten());
    }
    ordered
}

fn one_line(failure: &Failure) -> String {
    let first = failure.message.lines().next().unwrap_or_default();
    if failure.kind.is_empty() { first.to_owned() } else { format!("{}: {first}", failure.kind) }
}

/// What was not imported says so first, and why at the end.
fn last_line(failure: &Failure) -> String {
    let last = failure.trace.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.unwrap_or_default().to_owned()
}

#[derive(Debug)]
struct Test {
    id: String,
    outcome: Outcome,
    failures: Vec<Failure>,
    errors: Vec<Failure>,
}

impl Test {
    fn new(id: String, outcome: Outcome) -> Self {
        Self { id, outcome, failures: Vec::new(), errors: Vec::new() }
    }

    /// Whether a block is still to come: the progress said so.
    fn is_due(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::Errored | Outcome::Unknown)
            && self.failures.is_empty()
            && self.errors.is_empty()
    }

    fn explain(&mut self, kind: Kind, failure: Failure) {
        match kind {
            Kind::Fail => {
                self.outcome = Outcome::Failed;
                self.failures.push(failure);
            }
            Kind::Error => {
                // A test that failed already stays failed when its tear-down breaks too.
                if self.outcome != Outcome::Failed {
                    self.outcome = Outcome::Errored;
                }
                self.errors.push(failure);
            }
            // The run fails by it: without a failure it would look as if that were allowed.
            Kind::UnexpectedSuccess => {
                self.outcome = Outcome::UnexpectedPass;
                self.failures.push(failure);
            }
        }
    }

    fn tell(self, packed: &mut PackedTestsBuilder) {
        let index = packed.push(&self.id, self.outcome);
        packed.set_name(index, own_name(&self.id));
        for failure in self.failures.into_iter().chain(self.errors) {
            packed.add_failure(index, failure);
        }
    }
}
