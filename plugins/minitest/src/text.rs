//! A run as minitest prints it.

use std::collections::HashMap;

use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder, Source, plain,
};

use crate::block::{Block, Blocks};
use crate::progress::{Progress, split};

/// minitest's own lines are short; of what tests print, only the beginning and the end of a line matter.
const LONGEST_LINE: usize = 2 * 1024 * 1024;

/// `None` when neither of the outputs is minitest's.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    [Source::Stdout, Source::Stderr].iter().find_map(|source| {
        let blob = attempt.open(source)?;
        let mut reading = Reading::default();
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let text = line.text();
            reading.take(&plain(&text), matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong));
        }
        let exit = &attempt.info().exit;
        // Of several runs the last may not have begun.
        let cut = blob.cut().is_some() || exit.timed_out || exit.signal.is_some();
        reading.finish(cut, if exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed })
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Before,
    /// `Run options: …` was seen.
    Options,
    Running,
    /// After `Finished in …`.
    Blocks,
    /// After the totals.
    After,
}

/// `19 runs, 14 assertions, 6 failures, 3 errors, 3 skips`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    runs: usize,
}

impl Totals {
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.trim_end().split(", ");
        let mut next = |noun: &str| {
            let (number, found) = parts.next()?.split_once(' ')?;
            (found.trim_end_matches('s') == noun).then_some(())?;
            number.parse::<usize>().ok()
        };
        let runs = next("run")?;
        for noun in ["assertion", "failure", "error", "skip"] {
            next(noun)?;
        }
        Some(Self { runs })
    }
}

/// One run of minitest; a command may make several.
#[derive(Debug, Default)]
struct Run {
    progress: Progress,
    blocks: Blocks,
    totals: Option<Totals>,
    /// It was asked to name its tests.
    verbose: bool,
    /// It ended before its tests did, with totals of those that had run.
    interrupted: bool,
}

#[derive(Debug, Default)]
struct Reading {
    section: Section,
    verbose: bool,
    run: Run,
    done: Vec<Run>,
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        match self.section {
            Section::Before | Section::After if line.starts_with("Run options: ") => {
                self.verbose = line.split(' ').any(|option| matches!(option, "-v" | "--verbose"));
                self.section = Section::Options;
            }
            Section::Before | Section::After => {}
            Section::Options if line == "# Running:" => {
                let next = Run { verbose: self.verbose, ..Run::default() };
                self.done.push(std::mem::replace(&mut self.run, next));
                self.section = Section::Running;
            }
            Section::Options if line.trim().is_empty() => {}
            Section::Options => self.section = Section::Before,
            Section::Running if whole && is_end(line) => {
                self.run.blocks.close();
                self.section = Section::Blocks;
            }
            Section::Running if !whole => {
                // The line may have lost its result, but not its beginning.
                if !line.contains(" s = ") {
                    self.run.progress.take(line);
                }
            }
            Section::Running if line.ends_with("Interrupted. Exiting...") => {
                self.run.interrupted = true;
                self.run.progress.take(line);
            }
            Section::Running => {
                if !self.run.blocks.take_inline(line) {
                    self.run.progress.take(line);
                }
            }
            Section::Blocks => {
                let totals = Totals::read(line).filter(|_| whole);
                if totals.is_some() {
                    self.run.totals = totals;
                    self.section = Section::After;
                } else if whole {
                    self.run.blocks.take_numbered(line);
                }
            }
        }
    }

    fn finish(mut self, cut: bool, death: Outcome) -> Option<PackedAttempt> {
        self.done.push(std::mem::take(&mut self.run));
        // Before the first heading there is no run.
        let runs: Vec<Run> = self.done.into_iter().skip(1).collect();
        if runs.is_empty() {
            return None;
        }
        let ended = runs.iter().all(|run| run.totals.is_some() && !run.interrupted);
        let mut parsed = PackedAttempt {
            format: "minitest-text".to_owned(),
            completeness: if ended && !cut { Completeness::Complete } else { Completeness::Truncated },
            ..PackedAttempt::default()
        };
        let counted: usize = runs.iter().filter_map(|run| run.totals).map(|totals| totals.runs).sum();
        let mut tests = PackedTestsBuilder::default();
        for run in runs {
            run.tell(death, &mut tests);
        }
        let unnamed = counted.saturating_sub(tests.len());
        if unnamed > 0 {
            parsed.completeness = Completeness::Truncated;
            let message = format!("{unnamed} tests ran that the output does not name");
            parsed
                .diagnostics
                .push(Diagnostic::new("unnamed-tests", message).hint("run the tests with `--verbose`"));
        } else if ended && counted == 0 {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "minitest found no test to run"));
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }
}

/// `Finished in 0.066650s, 285.0707 runs/s, 210.0521 assertions/s.`
fn is_end(line: &str) -> bool {
    line.starts_with("Finished in ") && line.contains(" runs/s, ")
}

impl Run {
    fn tell(mut self, death: Outcome, tests: &mut PackedTestsBuilder) {
        // With dots, lines of that kind were printed by tests; unless they are as many as there were tests.
        if !self.verbose && self.totals.is_none_or(|totals| totals.runs != self.progress.ended.len()) {
            self.progress = Progress::default();
        }
        let sure = self.progress.ended.iter().filter(|test| !test.doubtful).count();
        // Tests that run at the same time print into each other's lines: then all lines together are what ran.
        let all_count =
            self.totals.is_some_and(|totals| totals.runs > sure && totals.runs >= self.progress.ended.len());
        let named = !self.progress.ended.is_empty();
        let mut blocks: HashMap<String, Vec<Block>> = HashMap::new();
        let found = std::mem::take(&mut self.blocks.blocks);
        if !named {
            for block in &found {
                push(tests, &block.id, block.outcome, Some(block));
            }
        }
        for block in found.into_iter().rev() {
            blocks.entry(block.id.clone()).or_default().push(block);
        }
        for test in &self.progress.ended {
            if test.doubtful && !all_count {
                continue;
            }
            let block = match test.outcome {
                Outcome::Passed => None,
                _ => blocks.get_mut(&test.id).and_then(Vec::pop),
            };
            let index = push(tests, &test.id, test.outcome, block.as_ref());
            // Casts of floats saturate.
            tests.set_duration(index, (test.seconds * 1e9) as u64);
        }
        if let Some(running) = self.progress.running().filter(|_| self.totals.is_none() || self.interrupted) {
            push(tests, running, death, None);
        }
    }
}

fn push(
    tests: &mut PackedTestsBuilder,
    id: &str,
    outcome: Outcome,
    block: Option<&Block>,
) -> flaky_plugin_sdk::TestIndex {
    let index = tests.push(id, outcome);
    if let Some((_, name)) = split(id) {
        tests.set_name(index, name);
    }
    if let Some(block) = block {
        tests.add_failure(index, block.failure());
    }
    index
}
