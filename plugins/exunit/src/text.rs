//! A run as ExUnit prints it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTests, PackedTestsBuilder,
    Source, without_sequences,
};

use crate::block::{Blocks, Title};
use crate::trace::{self, Trace};

/// A test may print a long line in front of its result.
const LONGEST_LINE: usize = 2 * 1024 * 1024;

/// What is printed on standard error (warnings, broken code) belongs to the run, but names no test.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut cut = false;
    for source in [Source::Stdout, Source::Stderr] {
        let Some(blob) = attempt.open(&source) else { continue };
        let errors_only = source == Source::Stderr && reading.is_exunit();
        cut |= blob.cut().is_some() && !errors_only;
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let text = line.text();
            let text = without_sequences(&text);
            reading.broken_code(&text);
            if !errors_only {
                reading.take(&text, matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong));
            }
        }
    }
    let exit = &attempt.info().exit;
    reading.finish(cut, if exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed })
}

/// A test of a trace.
#[derive(Debug)]
struct Seen {
    module: Rc<str>,
    name: String,
    file: Rc<str>,
    line: Option<u32>,
    outcome: Outcome,
    seconds: Option<f64>,
    /// Its block, by position.
    block: Option<usize>,
}

/// `3 doctests, 22 tests, 10 failures, 1 excluded, 2 invalid, 2 skipped`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    tests: usize,
    excluded: usize,
}

impl Totals {
    fn read(line: &str) -> Option<Self> {
        let mut totals = Self { tests: 0, excluded: 0 };
        let mut has_failures = false;
        for part in line.trim_end().split(", ") {
            let (number, noun) = part.split_once(' ')?;
            let number: usize = number.parse().ok()?;
            match noun {
                "failure" | "failures" => has_failures = true,
                "excluded" => totals.excluded = number,
                "invalid" | "skipped" => {}
                _ if has_failures || !noun.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                    return None;
                }
                // Kinds of tests, `property` and the user's own included.
                _ => totals.tests = number.saturating_add(totals.tests),
            }
        }
        has_failures.then_some(totals)
    }
}

#[derive(Debug, Default)]
struct Reading {
    module: Option<(Rc<str>, Rc<str>)>,
    tests: Vec<Seen>,
    running: Option<Seen>,
    blocks: Blocks,
    /// `Finished in …` was seen, and whether it was in words that are ExUnit's alone.
    finished: bool,
    certain: bool,
    totals: Option<Totals>,
    /// Code that could not be compiled: what, and what was said.
    broken: Vec<(String, String)>,
    found_none: bool,
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        let seen = seen(line);
        if seen.trim().is_empty() {
            self.blocks.take(&seen);
            return;
        }
        if whole && seen.starts_with("Finished in ") && seen.contains(" second") {
            self.finished = true;
            // Others end alike, but for these words.
            self.certain |= seen.contains("s async, ") || seen.contains("s on load, ");
            return;
        }
        if self.finished && whole && self.totals.is_none() {
            self.totals = Totals::read(&seen);
            return;
        }
        self.found_none |= seen == "There are no tests to run" || seen == "All tests have been excluded.";
        if self.running.is_none() && whole && self.blocks.take(&seen) {
            return;
        }
        // The empty line above is missing where a test printed text without ending the line.
        if let Some((module, file)) = trace::module(&seen).filter(|_| whole && self.running.is_none()) {
            self.module = Some((module.into(), file.into()));
            return;
        }
        self.trace(line, whole);
    }

    fn trace(&mut self, line: &str, whole: bool) {
        let Some((module, file)) = &self.module else { return };
        let (begins, ends) = trace::read(line.strip_suffix('\r').unwrap_or(line));
        let new = |name: &str, line: Option<u32>| Seen {
            module: Rc::clone(module),
            name: name.to_owned(),
            file: Rc::clone(file),
            line,
            outcome: Outcome::Unknown,
            seconds: None,
            block: None,
        };
        let begun = match begins {
            Some(Trace::Begins { name, line }) if self.running.is_none() => Some(new(name, line)),
            _ => None,
        };
        if let Some(Trace::Ends { name, line, outcome, seconds }) = ends.filter(|_| whole) {
            let running = self.running.take();
            let test = begun.or(running).filter(|test| test.name == name).unwrap_or_else(|| new(name, line));
            self.tests.push(Seen {
                name: name.to_owned(),
                line: line.or(test.line),
                outcome,
                seconds,
                ..test
            });
        } else if let Some(test) = begun {
            // Cut inside of its name, it has none.
            if whole || test.line.is_some() {
                self.running = Some(test);
            }
        }
    }

    /// `== Compilation error in file test/cart_test.exs ==`, and what follows.
    fn broken_code(&mut self, line: &str) {
        if let Some(file) = line
            .trim_end()
            .strip_prefix("== Compilation error in file ")
            .and_then(|rest| rest.strip_suffix(" =="))
        {
            self.broken.push((file.to_owned(), String::new()));
        } else if let Some((_, said)) = self.broken.last_mut().filter(|(_, said)| said.is_empty())
            && let Some(text) = line.strip_prefix("** ")
        {
            *said = text.trim_end().to_owned();
        }
    }

    fn is_exunit(&self) -> bool {
        let ended = self.totals.is_some() && self.certain;
        ended || !self.tests.is_empty() || !self.blocks.blocks.is_empty()
    }

    fn finish(mut self, cut: bool, death: Outcome) -> Option<PackedAttempt> {
        let breaks_tests = self.broken.iter().any(|(file, _)| file.ends_with("_test.exs"));
        if !self.is_exunit() && !breaks_tests && self.running.is_none() {
            return None;
        }
        let mut parsed = PackedAttempt {
            format: "exunit-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        for (file, said) in &self.broken {
            let code = if file.ends_with(".exs") { "collection-error" } else { "build-failed" };
            parsed.diagnostics.push(Diagnostic::new(code, format!("{file}: {said}")));
        }
        let traced = !self.tests.is_empty() || self.running.is_some();
        if traced {
            self.blame();
        }
        parsed.tests = if traced { self.traced(death) } else { self.failed(&mut parsed) };
        let told = parsed.tests.id_ends.len();
        if let Some(totals) = self.totals {
            // Tests that are left out by a tag are counted and, by some versions, not named.
            let unnamed = totals.tests.saturating_sub(totals.excluded).saturating_sub(told);
            if unnamed > 0 {
                let message = format!("{unnamed} tests ran that the output does not name");
                let diagnostic = Diagnostic::new("unnamed-tests", message);
                parsed.diagnostics.push(diagnostic.hint("run `mix test` with `--trace`"));
            } else if !cut {
                parsed.completeness = Completeness::Complete;
            }
            if totals.tests == totals.excluded && parsed.diagnostics.is_empty() {
                parsed.diagnostics.push(Diagnostic::new("no-tests", "ExUnit ran no test"));
            }
        } else if breaks_tests && !traced {
            parsed.completeness = Completeness::Complete;
        }
        Some(parsed)
    }

    /// Gives every block to the tests that it is about.
    fn blame(&mut self) {
        if self.blocks.blocks.is_empty() {
            return;
        }
        let mut by_name: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        let mut by_module: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, test) in self.tests.iter().enumerate().rev() {
            by_name.entry((&test.module, &test.name)).or_default().push(at);
            by_module.entry(&test.module).or_default().push(at);
        }
        let mut blamed = Vec::new();
        for (number, block) in self.blocks.blocks.iter().enumerate() {
            match &block.title {
                Title::Test { name, module } => {
                    let tests = by_name.get_mut(&(module.as_str(), name.as_str()));
                    blamed.extend(tests.and_then(Vec::pop).map(|at| (at, number)));
                }
                // All its tests failed by the first block of a module; a further one is about none.
                Title::Module(module) => {
                    let tests = by_module.remove(module.as_str()).into_iter().flatten();
                    blamed.extend(tests.map(|at| (at, number)));
                }
            }
        }
        for (at, number) in blamed {
            let outcome = self.blocks.blocks.get(number).map_or(Outcome::Failed, |block| block.outcome());
            if let Some(test) = self.tests.get_mut(at).filter(|test| test.outcome == Outcome::Passed) {
                test.outcome = outcome;
                test.block = Some(number);
            }
        }
    }

    fn traced(&mut self, death: Outcome) -> PackedTests {
        let mut tests = PackedTestsBuilder::default();
        let died =
            self.running.take().filter(|_| self.totals.is_none()).map(|test| Seen { outcome: death, ..test });
        let mut told = None;
        for test in std::mem::take(&mut self.tests).into_iter().chain(died) {
            let index = tests.push(&format!("{}::{}", test.module, test.name), test.outcome);
            tests.set_name(index, &test.name);
            tests.set_location(index, &test.file, test.line);
            if let Some(seconds) = test.seconds {
                // Casts of floats saturate.
                tests.set_duration(index, (seconds * 1e9) as u64);
            }
            if let Some(block) = test.block.and_then(|number| self.blocks.blocks.get(number)) {
                // A block of a module is about all its tests, which stand one behind the other: the first tells it all.
                let again = told == test.block;
                told = test.block;
                tests.add_failure(index, if again { block.failure_in_short() } else { block.failure() });
            }
        }
        tests.finish()
    }

    /// With dots, only what failed has a name.
    fn failed(&self, parsed: &mut PackedAttempt) -> PackedTests {
        let mut tests = PackedTestsBuilder::default();
        for block in &self.blocks.blocks {
            match &block.title {
                Title::Test { name, module } => {
                    let index = tests.push(&format!("{module}::{name}"), block.outcome());
                    tests.set_name(index, name);
                    if let Some((file, line)) = &block.place {
                        tests.set_location(index, file, Some(*line));
                    }
                    tests.add_failure(index, block.failure());
                }
                Title::Module(module) => {
                    let said = block.failure().message;
                    let message = format!("{module}: failure on setup_all callback: {said}");
                    parsed.diagnostics.push(Diagnostic::new("hook-failed", message));
                }
            }
        }
        tests.finish()
    }
}

/// The last state of a line; ways back inside of it are looked at apart.
fn seen(line: &str) -> Cow<'_, str> {
    Cow::Borrowed(line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_may_stand_right_below_what_a_test_printed() {
        let text = "ATest [test/a_test.exs]\n  * test a [L#3]\r  * test a (0.1ms) [L#3]\nno newline\nBTest [test/b_test.exs]\n  * test b [L#3]\r  * test b (0.1ms) [L#3]\n\n\nFinished in 0.1 seconds (0.00s async, 0.1s sync)\n2 tests, 0 failures\n";
        let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(text);
        let found = parse(&recorded.attempt()).unwrap().tests.results();
        let ids: Vec<_> = found.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids, ["ATest::test a", "BTest::test b"]);
    }
}
