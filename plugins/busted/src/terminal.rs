//! The outputs `utfTerminal` and `plainTerminal`: a mark per test, the totals, and a block for each test that did not
//! pass.

use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder};

use crate::{each_line, outside, place, said};

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_BLOCK: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_BLOCKS: usize = 16 * 1024 * 1024;

/// `8 successes / 3 failures / 8 errors / 3 pending : 0.025931 seconds`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    successes: usize,
    all: usize,
}

impl Totals {
    fn read(line: &str) -> Option<Self> {
        let (counts, time) = line.trim_end().split_once(" : ")?;
        time.strip_suffix(" seconds").or_else(|| time.strip_suffix(" second"))?.parse::<f64>().ok()?;
        let mut parts = counts.split(" / ");
        let mut next = |nouns: [&str; 2]| {
            let (number, noun) = parts.next()?.split_once(' ')?;
            nouns.contains(&noun).then_some(())?;
            number.parse::<usize>().ok()
        };
        let successes = next(["success", "successes"])?;
        let failures = next(["failure", "failures"])?;
        let errors = next(["error", "errors"])?;
        let pending = next(["pending", "pendings"])?;
        Some(Self { successes, all: successes + failures + errors + pending })
    }
}

#[derive(Debug)]
struct Block {
    outcome: Outcome,
    /// After the arrow.
    head: String,
    text: String,
}

#[derive(Debug, Default)]
struct Reading {
    totals: Option<Totals>,
    blocks: Vec<Block>,
    after_empty: bool,
    bytes: usize,
}

pub(crate) fn parse(blob: &Blob<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    each_line(blob, |line, whole| reading.take(line, whole));
    reading.finish(blob.cut().is_some())
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        if !whole {
            return;
        }
        // A test may print such a line; busted's own is the last.
        if let Some(totals) = Totals::read(line) {
            *self = Self { totals: Some(totals), ..Self::default() };
            return;
        }
        if self.totals.is_none() {
            return;
        }
        if self.blocks.is_empty() && is_result_of_tap(line) {
            // A test printed that line, in a run with another output.
            self.totals = None;
            return;
        }
        let after_empty = std::mem::replace(&mut self.after_empty, line.is_empty());
        if let Some((outcome, head)) = head(line).filter(|_| after_empty) {
            self.blocks.push(Block { outcome, head: head.to_owned(), text: String::new() });
        } else if let Some(block) = self.blocks.last_mut()
            && block.text.len() < LONGEST_BLOCK
            && self.bytes < ALL_BLOCKS
        {
            block.text.push_str(line);
            block.text.push('\n');
            self.bytes += line.len() + 1;
        }
    }

    fn finish(self, cut: bool) -> Option<PackedAttempt> {
        let totals = self.totals?;
        let mut parsed = PackedAttempt {
            format: "busted-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        let mut tests = PackedTestsBuilder::default();
        let told = self.blocks.len();
        for block in self.blocks {
            block.tell(&mut tests, &mut parsed.diagnostics);
        }
        if totals.successes > 0 {
            let message = format!("{} tests ran that the output does not name", totals.successes);
            let diagnostic = Diagnostic::new("unnamed-tests", message);
            parsed.diagnostics.push(diagnostic.hint("run busted with `--output=gtest` or `--output=TAP`"));
        } else if told >= totals.all && !cut {
            parsed.completeness = Completeness::Complete;
        }
        if totals.all == 0 {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "busted found no test to run"));
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }
}

/// `not ok 2 - adds`, as busted's own TAP says.
fn is_result_of_tap(line: &str) -> bool {
    let rest = line.strip_prefix("not ").unwrap_or(line).strip_prefix("ok ");
    let number = rest.and_then(|rest| rest.split_once(" - ")).map(|(number, _)| number);
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// `Failure → spec/cart_spec.lua @ 5`, with `->` where the terminal is plain.
fn head(line: &str) -> Option<(Outcome, &str)> {
    const WORDS: [(&str, Outcome); 3] =
        [("Pending", Outcome::Skipped), ("Failure", Outcome::Failed), ("Error", Outcome::Errored)];
    WORDS.iter().find_map(|(word, outcome)| {
        let rest = line.strip_prefix(word)?;
        let rest = rest.strip_prefix(" → ").or_else(|| rest.strip_prefix(" -> "))?;
        Some((*outcome, rest))
    })
}

impl Block {
    fn tell(self, tests: &mut PackedTestsBuilder, diagnostics: &mut Vec<Diagnostic>) {
        let text = self.text.trim_end();
        let Some((file, line)) = place(&self.head) else {
            let code = match self.head.as_str() {
                head if head.starts_with("No test files found") => "no-tests",
                head if head.starts_with("Cannot find file or directory") => "usage-error",
                _ => "collection-error",
            };
            diagnostics.push(Diagnostic::new(code, self.head));
            return;
        };
        let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (message, trace) = rest.split_once("\nstack traceback:").unwrap_or((rest, ""));
        let message = said(message, file);
        if self.outcome == Outcome::Errored
            && let Some(diagnostic) = outside(name, &message)
        {
            diagnostics.push(diagnostic);
            return;
        }
        if name.is_empty() {
            return;
        }
        let index = tests.push(name, self.outcome);
        tests.set_location(index, file.strip_prefix("./").unwrap_or(file), Some(line));
        if !message.is_empty() {
            tests
                .add_failure(index, Failure { kind: String::new(), message, trace: trace.trim().to_owned() });
        }
    }
}
