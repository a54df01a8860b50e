//! Examples from what RSpec printed for people: the documentation formatter names all of them, the progress formatter
//! only those that failed or are pending.

mod blocks;
mod summary;
mod tree;

use std::collections::{HashMap, HashSet};

use flaky_plugin_sdk::{
    Attempt, Blob, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder, Source,
    plain,
};

use blocks::{Block, Blocks};
use summary::Totals;
use tree::{Leaf, Mark, Tree};

use super::example;

/// RSpec's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 64 * 1024;

/// `None` when neither of the outputs is RSpec's.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    [Source::Stdout, Source::Stderr].iter().find_map(|source| {
        let blob = attempt.open(source)?;
        let mut reading = Reading { headings: headings(&blob), ..Reading::default() };
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let text = line.text();
            let whole = matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong);
            reading.take(&plain(&text), whole);
        }
        reading.finish(blob.cut().is_some())
    })
}

/// Which of the lines `Failures:` head RSpec's list, by their number: the last before each end. Tests print such lines
/// as well.
fn headings(blob: &Blob<'_>) -> HashSet<usize> {
    let mut found = HashSet::new();
    let mut seen = 0;
    let mut last = None;
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes == HEADING.as_bytes() {
            last = Some(seen);
            seen += 1;
        } else if line.bytes.starts_with(b"Finished in ") {
            found.extend(last.take());
        }
    }
    found.extend(last);
    found
}

const HEADING: &str = "Failures:";

/// Which part of the output a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Examples,
    /// What went wrong outside of examples, up to the end of its trace.
    Outside,
    Pending,
    Failures,
    /// After `Finished in …`.
    Ending,
    /// `Failed examples:`
    Failed,
}

#[derive(Debug)]
struct Glued(Tree);

impl Default for Glued {
    fn default() -> Self {
        Self(Tree::of_glued())
    }
}

#[derive(Debug, Default)]
struct Reading {
    section: Section,
    /// Those of the lines `Failures:` that head the list, and how many there were.
    headings: HashSet<usize>,
    headings_seen: usize,
    tree: Tree,
    /// The same with examples behind printed text, where the totals speak of more.
    glued: Glued,
    outside: Vec<String>,
    in_trace: bool,
    pending: Blocks,
    has_pending: bool,
    failures: Blocks,
    totals: Option<Totals>,
    /// Position (`./spec/a_spec.rb:3`) and full description of what failed, in the order of the failures.
    failed: Vec<(String, String)>,
    found_none: bool,
    runs: usize,
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        match line {
            "Pending: (Failures listed here are expected and do not affect your suite's status)" if whole => {
                self.has_pending = true;
                self.section = Section::Pending;
                return;
            }
            HEADING if whole => {
                self.headings_seen += 1;
                if self.headings.contains(&(self.headings_seen - 1)) {
                    self.section = Section::Failures;
                    return;
                }
            }
            "Failed examples:" if whole && self.totals.is_some() => {
                self.section = Section::Failed;
                return;
            }
            "No examples found." | "All examples were filtered out" => self.found_none = true,
            _ => {}
        }
        if line.starts_with("Finished in ") && line.contains(" (files took ") && whole {
            self.section = Section::Ending;
            self.runs += 1;
            self.totals = None;
            return;
        }
        if line.starts_with("An error occurred ") || line.starts_with("While loading ") {
            self.section = Section::Outside;
            self.in_trace = false;
            self.outside.push(String::new());
        }
        match self.section {
            Section::Examples => self.in_tree(line, whole),
            Section::Outside => self.outside(line),
            Section::Pending if whole => self.pending.take(line),
            Section::Failures if whole => self.failures.take(line),
            Section::Ending if whole => {
                if self.totals.is_none() {
                    self.totals = Totals::read(line);
                }
            }
            Section::Failed if whole => self.failed.extend(summary::failed_example(line)),
            Section::Pending | Section::Failures | Section::Ending | Section::Failed => {}
        }
    }

    fn in_tree(&mut self, line: &str, whole: bool) {
        self.tree.take(line, whole);
        self.glued.0.take(line, whole);
    }

    /// The account of an error outside of examples ends with its trace.
    fn outside(&mut self, line: &str) {
        let is_frame = line.starts_with("# ");
        if self.in_trace && !is_frame {
            self.section = Section::Examples;
            self.tree.interrupted();
            self.glued.0.interrupted();
            self.in_tree(line, true);
            return;
        }
        self.in_trace |= is_frame;
        if let Some(text) = self.outside.last_mut().filter(|text| text.len() < LONGEST_LINE) {
            text.push_str(line);
            text.push('\n');
        }
    }

    /// Whether what was read can be nobody else's.
    fn is_rspec(&self) -> bool {
        self.totals.is_some() || self.tree.has_failure() || self.failures.is_certain()
    }

    fn finish(mut self, cut: bool) -> Option<PackedAttempt> {
        if !self.is_rspec() {
            return None;
        }
        let mut parsed = PackedAttempt {
            format: "rspec-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        parsed.diagnostics = self.outside.iter().filter_map(|text| example::outside(text)).collect();
        let pending = self.pending.finish();
        let failures = self.failures.finish();
        let mut leaves = std::mem::take(&mut self.tree).leaves(self.totals.is_some());
        if let Some(totals) = &self.totals {
            let checked = |mut leaves: Vec<Leaf>| {
                tree::verify(&mut leaves, &pending, &failures, self.has_pending);
                tree::drop_printed(&mut leaves, totals.examples);
                leaves
            };
            leaves = checked(leaves);
            if !leaves.is_empty() && leaves.len() != totals.examples {
                let glued = checked(std::mem::take(&mut self.glued.0).leaves(true));
                leaves = if glued.len() == totals.examples { glued } else { leaves };
            }
        } else {
            // Nothing counts them or tells marks from names that look alike; what is pending counts for nothing.
            tree::drop_printed(&mut leaves, 0);
            leaves.retain(|leaf| leaf.mark != Mark::Pending);
        }
        let listed = unnamed(&pending, &failures);
        // A tree tells of all that is listed; with dots, what looks like one was printed by a test.
        let is_tree =
            self.totals.is_none_or(|totals| totals.examples == leaves.len()) || leaves.len() > listed.len();
        let told = if leaves.is_empty() || !is_tree { listed } else { leaves };
        self.diagnose(told.len(), cut, &mut parsed);
        parsed.tests = self.pack(&told, &pending, &failures);
        Some(parsed)
    }

    fn diagnose(&self, told: usize, cut: bool, parsed: &mut PackedAttempt) {
        let Some(totals) = &self.totals else { return };
        if totals.outside > 0 && parsed.diagnostics.is_empty() {
            let message = format!("{} errors occurred outside of examples", totals.outside);
            parsed.diagnostics.push(Diagnostic::new("internal-error", message));
        }
        if totals.examples == 0 && totals.outside == 0 {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "RSpec found no example to run"));
        }
        let unnamed = totals.examples.saturating_sub(told);
        if unnamed > 0 {
            let message = format!("{unnamed} examples ran that the output does not name");
            parsed.diagnostics.push(
                Diagnostic::new("unnamed-tests", message).hint("run rspec with `--format documentation`"),
            );
            return;
        }
        if told > totals.examples {
            let message = format!("{told} examples are named, and the summary speaks of {}", totals.examples);
            parsed.diagnostics.push(Diagnostic::warning("contradicting-counts", message));
        }
        if self.runs > 1 {
            let message = "RSpec ran several times, and their examples cannot be told apart";
            parsed.diagnostics.push(Diagnostic::warning("several-runs", message));
            return;
        }
        if !cut {
            parsed.completeness = Completeness::Complete;
        }
    }

    fn pack(&self, told: &[Leaf], pending: &[Block], failures: &[Block]) -> flaky_plugin_sdk::PackedTests {
        let mut waiting: HashMap<&str, Vec<&Block>> = HashMap::new();
        for block in pending.iter().rev() {
            waiting.entry(&block.title).or_default().push(block);
        }
        let mut tests = PackedTestsBuilder::default();
        for leaf in told {
            let id = leaf.full_description();
            let block = match leaf.mark {
                Mark::Failed(number) => failures.get(number.saturating_sub(1)),
                Mark::Pending => waiting.get_mut(id.as_str()).and_then(Vec::pop),
                Mark::None => None,
            };
            let index = tests.push(&id, outcome(leaf.mark, block));
            if !leaf.path.is_empty() {
                tests.set_name(index, &leaf.name);
            }
            if let Some(block) = block {
                tests.add_failure(index, block.failure());
            } else if let Some(reason) = &leaf.reason {
                tests.add_failure(index, flaky_plugin_sdk::Failure::new("", reason.as_str()));
            }
            let place = match leaf.mark {
                Mark::Failed(number) => {
                    self.failed.get(number.saturating_sub(1)).map(|(place, _)| place.as_str())
                }
                // Where a pending example ran, its failure is placed, not the example.
                _ => block.filter(|block| !block.has_failure).and_then(|block| block.place.as_deref()),
            };
            if let Some((file, line)) = place.and_then(summary::location) {
                tests.set_location(index, file, line);
            }
        }
        tests.finish()
    }
}

/// With dots, only these have names.
fn unnamed(pending: &[Block], failures: &[Block]) -> Vec<Leaf> {
    let pending = pending.iter().map(|block| Leaf::titled(&block.title, Mark::Pending));
    let failures =
        failures.iter().enumerate().map(|(at, block)| Leaf::titled(&block.title, Mark::Failed(at + 1)));
    pending.chain(failures).collect()
}

fn outcome(mark: Mark, block: Option<&Block>) -> Outcome {
    match mark {
        Mark::None => Outcome::Passed,
        Mark::Pending if block.is_some_and(|block| block.has_failure) => Outcome::ExpectedFailure,
        Mark::Pending => Outcome::Skipped,
        Mark::Failed(_) if block.is_some_and(|block| block.fixed) => Outcome::UnexpectedPass,
        Mark::Failed(_) if block.is_some_and(Block::is_of_a_hook) => Outcome::Errored,
        Mark::Failed(_) => Outcome::Failed,
    }
}
