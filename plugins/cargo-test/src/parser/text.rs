//! Tests from the text of the harness.
//!
//! Tests may print all of it themselves. What they print is captured and shown behind the results, in blocks; where it is
//! not captured, the counts that the harness prints decide what is its own.

use std::collections::{HashMap, HashSet, VecDeque};

use flaky_plugin_sdk::{Attempt, Blob, Failure, Outcome, PackedAttempt};
use flaky_plugin_text::{capped, plain};

use super::LONGEST_LINE;
use super::cargo::{Cargo, is_nextest};
use super::line::{self, Status, Totals};
use super::report::{End, Report, Test};
use crate::panic;

/// More of what one test printed tells nothing new about its failure.
const MOST_OUTPUT: usize = 256 * 1024;

/// `None` when the text is not the harness'.
pub(super) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>, cargo: &Cargo) -> Option<PackedAttempt> {
    let panics = cargo.panics();
    let mut reading = Reading { report: Report::of(attempt), cargo, panics, open: None, recognised: false };
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = plain(line.bytes);
        if reading.open.is_none() && !reading.recognised && is_nextest(&text) {
            return None;
        }
        reading.take(&text);
    }
    reading.finish()
}

struct Reading<'c> {
    report: Report,
    cargo: &'c Cargo,
    panics: HashMap<&'c str, VecDeque<Failure>>,
    open: Option<Binary>,
    recognised: bool,
}

/// Which part of a binary's output a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Results,
    /// With `--show-output`: what passed tests printed.
    Successes,
    Failures,
    /// The names of the failed tests, which end the failures.
    Names,
}

#[derive(Debug, Default)]
struct Binary {
    announced: u64,
    tests: Vec<Test>,
    benches: u64,
    /// A test whose result does not stand in the line that names it.
    pending: Option<usize>,
    section: Section,
    /// What failed tests printed, by name.
    blocks: HashMap<String, String>,
    block: Option<String>,
    /// Names of the blocks as they came.
    order: Vec<String>,
    /// Names of the tests that failed, once they are looked for.
    failed: HashSet<String>,
    names: Vec<String>,
    /// Whether results are dots.
    dots: bool,
}

impl Reading<'_> {
    fn take(&mut self, text: &str) {
        if let Some(count) = line::running(text)
            && self.open.as_ref().is_none_or(|binary| binary.may_be_over())
        {
            self.end(End::Died, None);
            self.open = Some(Binary { announced: count, ..Binary::default() });
            return;
        }
        let Some(binary) = &mut self.open else { return };
        if let Some(totals) = Totals::read(text)
            && binary.agrees(&totals)
        {
            self.recognised = true;
            self.end(End::Whole, Some(totals));
            return;
        }
        binary.take(text);
        self.recognised |= !binary.tests.is_empty();
    }

    fn end(&mut self, end: End, totals: Option<Totals>) {
        let Some(mut binary) = self.open.take() else { return };
        binary.settle(end);
        for test in binary.tests.iter_mut().filter(|test| test.outcome == Some(Outcome::Failed)) {
            let printed = binary.blocks.get(&test.name).map(String::as_str).unwrap_or_default();
            let mut failure = panic::of(printed, &test.name);
            // What was not captured went to the other stream.
            let told = self.panics.get_mut(test.name.as_str()).filter(|_| failure.kind.is_empty());
            if let Some(own) = told.and_then(VecDeque::pop_front) {
                let said = [own.message.as_str(), failure.message.as_str()].join("\n");
                failure = Failure { message: said.trim().to_owned(), trace: failure.trace, ..own };
            } else if printed.is_empty() {
                continue;
            }
            test.failure = Some(failure);
        }
        if binary.dots {
            let sum = totals.map_or(binary.announced, |totals| totals.sum());
            self.report.unnamed(sum.saturating_sub(binary.tests.len() as u64));
        }
        self.report.binary(binary.tests, end, self.cargo);
    }

    fn finish(mut self) -> Option<PackedAttempt> {
        let known = self.recognised || (self.open.is_some() && self.cargo.runs_tests);
        if !known {
            return None;
        }
        self.end(End::Cut, None);
        Some(self.report.finish("libtest-text", self.cargo))
    }
}

impl Binary {
    /// A test that prints the first line of a binary does it while it runs, or in its block.
    fn may_be_over(&self) -> bool {
        let unfinished = self.pending.is_some() || (self.tests.len() as u64) < self.announced;
        self.announced == 0 || (self.section == Section::Results && unfinished)
    }

    /// The totals of this binary count all that it announced; such a line that a test printed hardly does.
    fn agrees(&self, totals: &Totals) -> bool {
        let told = self.tests.len() as u64 + self.benches;
        let all_named = told >= totals.sum() || self.dots || !self.names.is_empty();
        totals.sum() == self.announced && all_named && (totals.failed == 0 || self.section == Section::Names)
    }

    fn take(&mut self, text: &str) {
        match self.section {
            Section::Results => self.result(text),
            Section::Successes => {
                if text == "failures:" {
                    self.section = Section::Failures;
                }
            }
            Section::Failures => self.failure(text),
            Section::Names => self.name(text),
        }
    }

    fn result(&mut self, text: &str) {
        if self.goes_on(text) {
            return;
        }
        match text {
            "failures:" => self.section = Section::Failures,
            "successes:" => self.section = Section::Successes,
            _ => {
                if let Some(named) = line::named(text) {
                    self.open(named);
                } else if !self.dots
                    && self.tests.is_empty()
                    && (is_dots(text) || text.ends_with(" --- FAILED"))
                {
                    self.dots = true;
                } else if let Some(named) = line::named_behind(text)
                    && (self.tests.len() as u64) < self.announced
                {
                    self.open(named);
                }
            }
        }
    }

    /// Whether a line is the running test's own. What looks like another test's line is printed while no result was seen;
    /// behind text that ends like a result, it is not.
    fn goes_on(&mut self, text: &str) -> bool {
        let Some(at) = self.pending else { return false };
        let is_named = line::named(text).is_some();
        let has_result = self.tests.get(at).is_some_and(|test| test.outcome.is_some());
        if is_named || text == "failures:" || text == "successes:" {
            if has_result {
                self.pending = None;
            }
            return !has_result;
        }
        if let Some(status) = line::status(text) {
            self.close(at, status);
            self.pending = None;
        } else if let Some(status) = line::glued_status(text) {
            self.close(at, status);
        }
        true
    }

    fn open(&mut self, named: line::Named<'_>) {
        let test = Test { name: named.name.to_owned(), outcome: None, nanoseconds: None, failure: None };
        match named.status {
            Some(Status::Bench) => self.benches += 1,
            status => {
                self.tests.push(test);
                let at = self.tests.len() - 1;
                match status {
                    Some(status) => self.close(at, status),
                    None => {
                        self.pending = Some(at);
                        if line::named(named.rest).is_none()
                            && let Some(status) = line::glued_status(named.rest)
                        {
                            self.close(at, status);
                        }
                    }
                }
            }
        }
    }

    fn close(&mut self, at: usize, status: Status) {
        match (status, self.tests.get_mut(at)) {
            (Status::Is(outcome, nanoseconds), Some(test)) => {
                test.outcome = Some(outcome);
                test.nanoseconds = nanoseconds;
            }
            (Status::Bench, _) => {
                self.tests.truncate(at);
                self.benches += 1;
            }
            _ => {}
        }
    }

    fn failure(&mut self, text: &str) {
        if let Some(name) = text.strip_prefix("---- ").and_then(|text| text.strip_suffix(" stdout ----")) {
            let name = line::without_mode(name);
            if self.failed.is_empty() {
                let failed = self.tests.iter().filter(|test| is_failed(test));
                self.failed = failed.map(|test| test.name.clone()).collect();
            }
            let is_known = self.dots || self.failed.contains(name);
            if is_known && !self.blocks.contains_key(name) {
                self.blocks.insert(name.to_owned(), String::new());
                self.order.push(name.to_owned());
                self.block = Some(name.to_owned());
                return;
            }
        }
        if text == "failures:" {
            self.section = Section::Names;
            self.names.clear();
            return;
        }
        if let Some(block) = self.block.as_ref().and_then(|name| self.blocks.get_mut(name)) {
            capped(block, text, MOST_OUTPUT);
        }
    }

    fn name(&mut self, text: &str) {
        if let Some(name) = text.strip_prefix("    ") {
            self.names.push(line::without_mode(name).to_owned());
        } else if !text.is_empty() {
            // A test printed that word.
            self.section = Section::Failures;
            if let Some(block) = self.block.as_ref().and_then(|name| self.blocks.get_mut(name)) {
                capped(block, "failures:", MOST_OUTPUT);
            }
            self.failure(text);
        }
    }

    /// Where results are dots, only the list at the end says which blocks are those of tests.
    fn join_printed_blocks(&mut self, names: &[String]) {
        let listed: HashSet<&String> = names.iter().collect();
        let mut owner: Option<&String> = None;
        for name in &self.order {
            if listed.contains(name) {
                owner = Some(name);
            } else if let (Some(printed), Some(owner)) = (self.blocks.remove(name), owner)
                && let Some(block) = self.blocks.get_mut(owner)
            {
                capped(block, &printed, MOST_OUTPUT);
            }
        }
    }

    /// The list of failed tests at the end has the last word.
    fn settle(&mut self, end: End) {
        if end != End::Whole {
            return;
        }
        if self.dots {
            let names = std::mem::take(&mut self.names);
            self.join_printed_blocks(&names);
            self.tests.extend(names.into_iter().map(|name| Test {
                name,
                outcome: Some(Outcome::Failed),
                nanoseconds: None,
                failure: None,
            }));
            return;
        }
        let listed: HashSet<&String> = self.names.iter().collect();
        // Printed results: of those that have a name more than once, the first that the list does not contradict stays.
        if self.tests.len() as u64 + self.benches > self.announced {
            let mut right: HashMap<String, usize> = HashMap::new();
            for (at, test) in self.tests.iter().enumerate() {
                if is_failed(test) == listed.contains(&test.name) {
                    right.entry(test.name.clone()).or_insert(at);
                }
            }
            let mut at = 0;
            self.tests.retain(|test| {
                at += 1;
                right.get(&test.name).is_none_or(|right| right + 1 == at)
            });
        }
        for test in &mut self.tests {
            if listed.contains(&test.name) && test.outcome == Some(Outcome::Passed) {
                test.outcome = Some(Outcome::Failed);
            }
        }
    }
}

fn is_failed(test: &Test) -> bool {
    matches!(test.outcome, Some(Outcome::Failed | Outcome::TimedOut))
}

/// `..F.i 13/13`
fn is_dots(text: &str) -> bool {
    let (dots, rest) = text.split_once(' ').unwrap_or((text, ""));
    let counts = rest
        .split_once('/')
        .is_some_and(|(done, all)| done.parse::<u64>().is_ok() && all.parse::<u64>().is_ok());
    !dots.is_empty() && dots.bytes().all(|byte| b".Fi".contains(&byte)) && (rest.is_empty() || counts)
}
