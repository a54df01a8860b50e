//! All lines of an output, one after the other.

use std::collections::HashMap;

use flaky_plugin_javascript::{Test, failure, nanoseconds_of_millis, push};
use flaky_plugin_sdk::{Completeness, Diagnostic, Location, Outcome, PackedAttempt, PackedTestsBuilder};

use super::errors::Errors;
use super::line::{Marked, block, file, marked, path, totals};
use crate::parser::failed_outcome;

/// What the text has told so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) errors: Errors,
    tests: Vec<Test>,
    /// Whether ` RUN  v3.2.1 /folder` was seen.
    started: bool,
    /// The file whose tests stand below it.
    file: Option<String>,
    /// Blocks of a tree, with their indents.
    blocks: Vec<(usize, String)>,
    /// A line that is a block if the next one stands deeper, else a test.
    waiting: Option<(Test, usize)>,
    /// What a test printed goes up to an empty line.
    printed: bool,
    /// Whether the last line was a test or what it said, so that what follows may go on with it.
    said: bool,
    after_files: bool,
    totals: Option<(u64, u64)>,
    runs_open: bool,
}

/// Blocks around a test; what is deeper is looked up by its first ones.
const DEEPEST: usize = 32;

/// Failed tests of one name.
#[derive(Debug, Default)]
struct Named {
    all: Vec<usize>,
    /// How many of them were told of, from the first.
    told: usize,
}

impl Named {
    /// The first that was not told of, or the last. What was told of stays so: nothing is looked at twice.
    fn next(&mut self, told: &HashMap<usize, String>) -> Option<usize> {
        while self.all.get(self.told).is_some_and(|index| told.contains_key(index)) {
            self.told += 1;
        }
        self.all.get(self.told).or(self.all.last()).copied()
    }
}

/// ` RUN  v3.2.1 /folder`: the folder.
pub(crate) fn start(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix("RUN  v").or_else(|| line.trim().strip_prefix("DEV  v"))?;
    let (version, folder) = rest.split_once(' ')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| folder.trim())
}

impl Run {
    /// `whole` is false for a last line that may have lost its end.
    pub(crate) fn line(&mut self, line: &str, whole: bool) {
        if line.is_empty() {
            self.printed = false;
            self.said = false;
            self.errors.line(line);
            return;
        }
        if self.printed {
            return;
        }
        if line.starts_with("stdout | ") || line.starts_with("stderr | ") {
            self.printed = true;
            return;
        }
        if start(line).is_some() {
            self.started = true;
            self.runs_open = true;
            return;
        }
        if self.summary(line) || self.errors.line(line) {
            return;
        }
        if let Some(found) = marked(line).filter(|_| self.started) {
            if whole {
                self.marked(&found);
            }
        } else if self.said {
            self.goes_on(line);
        }
    }

    fn summary(&mut self, line: &str) -> bool {
        if line.starts_with(" Test Files  ") {
            self.end_file();
            self.after_files = true;
            return true;
        }
        let counted = totals(line).filter(|_| std::mem::take(&mut self.after_files));
        self.after_files = false;
        let Some((ran, all)) = counted else { return false };
        let (before, before_all) = self.totals.unwrap_or_default();
        self.totals = Some((before.saturating_add(ran), before_all.saturating_add(all)));
        self.runs_open = false;
        true
    }

    fn marked(&mut self, line: &Marked<'_>) {
        self.said = false;
        if let Some((test, indent)) = self.waiting.take() {
            let title = test.path.last().cloned().unwrap_or_default();
            match block(&title).filter(|_| line.indent > indent) {
                Some(block) => self.blocks.push((indent, block.to_owned())),
                None => self.tests.push(test),
            }
        }
        if line.indent == 1 {
            self.end_file();
            if let Some(file) = file(line.title) {
                self.file = Some(file.to_owned());
            } else if let (Some((file, rest)), Some(outcome)) = (path(line.title), line.outcome) {
                let parts = vec![file.to_owned(), rest.to_owned()];
                self.tests.push(test(parts, outcome, line));
                self.said = true;
            }
            return;
        }
        let Some(file) = self.file.clone() else { return };
        while self.blocks.last().is_some_and(|(indent, _)| *indent >= line.indent) {
            self.blocks.pop();
        }
        let own = path(line.title).filter(|(named, _)| *named == file).map_or(line.title, |(_, rest)| rest);
        let mut parts = vec![file];
        parts.extend(self.blocks.iter().map(|(_, title)| title.clone()));
        parts.push(own.to_owned());
        let waits = block(line.title).is_some() && line.millis.is_none();
        match line.outcome {
            Some(outcome) if waits => self.waiting = Some((test(parts, outcome, line), line.indent)),
            Some(outcome) => {
                self.tests.push(test(parts, outcome, line));
                self.said = true;
            }
            // A block with a failed test in it, or in version 1 that test.
            None => match block(line.title) {
                Some(title) => self.blocks.push((line.indent, title.to_owned())),
                None => {
                    self.tests.push(test(parts, Outcome::Failed, line));
                    self.said = true;
                }
            },
        }
    }

    /// `   → message`, and its further lines.
    fn goes_on(&mut self, line: &str) {
        let Some(test) = self.tests.last_mut() else { return };
        if let Some(message) = line.trim_start().strip_prefix("→ ") {
            test.failures.push(failure(message));
        } else if let Some(failure) = test.failures.last_mut() {
            failure.message.push('\n');
            failure.message.push_str(line);
        } else {
            self.said = false;
        }
    }

    fn end_file(&mut self) {
        if let Some((test, _)) = self.waiting.take() {
            self.tests.push(test);
        }
        self.file = None;
        self.blocks.clear();
    }

    pub(crate) fn is_vitest(&self) -> bool {
        self.started || self.totals.is_some()
    }

    pub(crate) fn finish(mut self) -> PackedAttempt {
        if self.totals.is_none() {
            // It may be a block whose tests were cut off.
            self.waiting = None;
        }
        self.end_file();
        self.errors.end();
        self.add_errors();
        let mut parsed = PackedAttempt {
            format: "vitest-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        if let Some(refused) = self.errors.refused() {
            parsed.completeness = Completeness::Complete;
            parsed.diagnostics.push(refused);
        }
        parsed.diagnostics.append(&mut self.errors.suites);
        parsed.diagnostics.append(&mut self.errors.unhandled);
        if let Some((ran, _)) = self.totals.filter(|_| !self.runs_open) {
            let named = self.tests.iter().filter(|test| test.outcome != Outcome::Skipped).count() as u64;
            if named == ran {
                parsed.completeness = Completeness::Complete;
            } else {
                let said = format!("{ran} tests ran, and {named} are named");
                parsed.diagnostics.push(if named < ran {
                    Diagnostic::new("unnamed-tests", said).hint("run vitest with `--reporter=verbose`")
                } else {
                    Diagnostic::warning("counters-disagree", said)
                });
            }
        }
        let mut tests = PackedTestsBuilder::default();
        for test in self.tests {
            push(&mut tests, flat(test));
        }
        parsed.tests = tests.finish();
        parsed
    }

    /// Gives the failed tests what the sections of errors say of them.
    fn add_errors(&mut self) {
        let mut whole: HashMap<String, Named> = HashMap::new();
        let mut short: HashMap<String, Named> = HashMap::new();
        for (index, test) in
            self.tests.iter_mut().enumerate().filter(|(_, test)| test.outcome == Outcome::Failed)
        {
            whole.entry(test.path.join(" > ")).or_default().all.push(index);
            if let (Some(file), Some(title)) = (test.path.first(), test.path.last()) {
                short.entry(format!("{file} > {title}")).or_default().all.push(index);
            }
            if let Some(first) = test.failures.first() {
                test.outcome = failed_outcome(&first.message);
            }
        }
        let mut told: HashMap<usize, String> = HashMap::new();
        let mut extra = Vec::new();
        for (title, failure) in std::mem::take(&mut self.errors.failed) {
            let ends = title.match_indices(" > ").map(|(at, _)| at).take(DEEPEST);
            let file = title.split(" > ").next().unwrap_or_default();
            // The default text of version 4 leaves blocks out: only file and title are there.
            let mut shorter = ends.map(|at| format!("{file}{}", title.get(at..).unwrap_or_default()));
            let named = match whole.get_mut(&title) {
                Some(named) => Some(named),
                None => shorter.find(|name| short.contains_key(name)).and_then(|name| short.get_mut(&name)),
            };
            let known = named.and_then(|named| named.next(&told));
            let Some((index, test)) = known.and_then(|index| Some((index, self.tests.get_mut(index)?)))
            else {
                extra.push((title, failure));
                continue;
            };
            // The text of a section says more than the line below the test.
            if told.insert(index, title).is_none() {
                test.failures.clear();
                test.outcome = failed_outcome(&failure.message);
            }
            test.failures.push(failure);
        }
        // Where the text was cut, what it does not name may be told of by another name.
        let extra = if self.totals.is_some() { extra } else { Vec::new() };
        for (title, failure) in extra {
            let Some((file, rest)) = path(&title) else { continue };
            let outcome = failed_outcome(&failure.message);
            let parts = vec![file.to_owned(), rest.to_owned()];
            let location = Some(Location::new(file, None));
            self.tests.push(Test { failures: vec![failure], location, ..Test::new(parts, outcome) });
        }
    }
}

fn test(path: Vec<String>, outcome: Outcome, line: &Marked<'_>) -> Test {
    let file = path.first().cloned().unwrap_or_default();
    let mut tries = vec![Outcome::Failed; line.retries];
    tries.push(outcome);
    Test {
        duration: line.millis.and_then(nanoseconds_of_millis),
        location: Some(Location::new(file, None)),
        tries,
        ..Test::new(path, outcome)
    }
}

/// The title alone, where it stands behind its blocks in one line.
fn flat(mut test: Test) -> Test {
    if let Some(last) = test.path.pop() {
        test.path.extend(last.split(" > ").map(str::to_owned));
    }
    if let Some(last) = test.tries.last_mut() {
        *last = test.outcome;
    }
    test
}
