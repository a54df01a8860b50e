//! What `ctest` prints.

mod line;

use std::collections::HashMap;

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, outcome_when_cut, push_line, visible};
use flaky_plugin_sdk::{
    Attempt, Blob, Completeness, Diagnostic, Failure, LineEnd, Outcome, PackedAttempt, Source,
};

use crate::log;
use line::{Line, Result};

/// Reads the output; `None` when it is not that of `ctest`.
pub(crate) fn read(blob: &Blob<'_>, source: &Source, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        // Most lines are of tests: without a copy, where nothing is kept of them.
        if reading.is_recognised && reading.open.is_none() && line::is_text(line.bytes) {
            continue;
        }
        reading.offset = line.offset;
        reading.line(&visible(line.bytes), line.end);
    }
    if !reading.is_recognised {
        return None;
    }
    if !reading.found_none {
        // Where nothing was found, standard error says so.
        let stderr = attempt.stderr();
        let mut lines = stderr.lines_up_to(100);
        while let Some(line) = lines.next_line() {
            reading.found_none |= line.bytes == NONE.as_bytes();
        }
    }
    reading.finish(source, attempt, blob.cut().is_some())
}

const NONE: &str = "No tests were found!!!";

#[derive(Debug, Default)]
struct Reading {
    offset: u64,
    /// `Test project /path`
    is_recognised: bool,
    found_none: bool,
    /// Names by number, from the lines in which tests begin.
    names: HashMap<u64, Started>,
    tests: Vec<Told>,
    /// `n` and `m` of the last line with a result, which count up.
    last: Option<(u64, u64)>,
    /// The test whose output may follow.
    open: Option<usize>,
    /// Whether outputs follow results, as `--output-on-failure` has it; each ends with an empty line.
    shows_output: bool,
    after_empty: bool,
    /// Whether outputs stand before results, as `--verbose` has it.
    is_verbose: bool,
    summary: Option<Summary>,
}

#[derive(Debug)]
struct Started {
    name: String,
    /// Lines marked with its number, as `--verbose` prints them.
    output: String,
    /// In which order tests began.
    order: usize,
    running: bool,
    /// Position in `tests`, once it has a result.
    told: Option<usize>,
}

#[derive(Debug)]
struct Told {
    name: String,
    tries: Vec<Outcome>,
    duration_ns: Option<u64>,
    words: String,
    output: String,
}

#[derive(Debug, Clone, Copy)]
struct Summary {
    all: u64,
    failed: Option<u64>,
    offset: u64,
}

impl Reading {
    fn line(&mut self, text: &str, end: LineEnd) {
        if !self.is_recognised {
            self.is_recognised =
                text.starts_with("Test project ") || text == "Internal ctest changing into directory: ";
            return;
        }
        let in_output = self.open.is_some() && self.shows_output && !self.after_empty;
        self.after_empty = text.is_empty();
        match line::read(text) {
            Line::Start { number, name } if end == LineEnd::LineFeed && !in_output => {
                self.start(number, name)
            }
            Line::Result(result) if end == LineEnd::LineFeed && self.result(&result) => {}
            Line::Output { number, text }
                if self.names.get(&number).is_some_and(|started| started.running) =>
            {
                self.output(number, text);
            }
            Line::Summary { all, failed } => {
                self.open = None;
                self.summary = Some(Summary { all, failed, offset: self.offset });
            }
            Line::None => self.found_none = true,
            _ => {
                let told = self.open.and_then(|open| self.tests.get_mut(open));
                if let Some(told) = told.filter(|told| told.output.len() < MOST_TEXT) {
                    self.shows_output |= !text.is_empty();
                    push_line(&mut told.output, text);
                }
            }
        }
    }

    fn start(&mut self, number: u64, name: &str) {
        self.open = None;
        let order = self.names.len();
        let started = self.names.entry(number).or_insert_with(|| Started {
            name: name.to_owned(),
            output: String::new(),
            order,
            running: true,
            told: None,
        });
        // A test that printed such a line does not rename one that runs.
        if !started.running {
            started.running = true;
            started.output.clear();
        }
    }

    /// A line that `--verbose` marks with the number of its test. The first few are CTest's own.
    fn output(&mut self, number: u64, text: &str) {
        self.is_verbose = true;
        let Some(started) = self.names.get_mut(&number).filter(|started| started.output.len() < MOST_TEXT)
        else {
            return;
        };
        let own = [
            "Test command: ",
            "Working Directory: ",
            "Environment variables: ",
            "Test timeout computed to be: ",
        ];
        if !(started.output.is_empty() && own.iter().any(|start| text.starts_with(start))) {
            push_line(&mut started.output, text);
        }
    }

    /// Whether a line counts up from the last of this run: tests print lines of runs of their own.
    fn is_next(&self, result: &Result<'_>) -> bool {
        match (result.position, self.last) {
            (Some((n, m)), Some((last, all))) => m == all && n > last && n <= m,
            (Some((n, m)), None) => n >= 1 && n <= m,
            // Another try of a test.
            (None, _) => true,
        }
    }

    /// Says whether it was the result of a test of this run.
    fn result(&mut self, result: &Result<'_>) -> bool {
        let is_next = self.is_next(result);
        let started = self.names.get_mut(&result.number).filter(|started| started.running && is_next);
        let Some(started) = started else { return false };
        let Some(status) = line::status(result.rest, &started.name) else { return false };
        started.running = false;
        self.last = result.position.or(self.last);
        let next = self.tests.len();
        let index = *started.told.get_or_insert(next);
        let output = std::mem::take(&mut started.output);
        if index == next {
            self.tests.push(Told {
                name: started.name.clone(),
                tries: Vec::new(),
                duration_ns: None,
                words: String::new(),
                output: String::new(),
            });
        }
        let Some(told) = self.tests.get_mut(index) else { return true };
        told.tries.push(status.outcome);
        told.duration_ns = status.duration_ns;
        if !is_good(status.outcome) {
            status.words.clone_into(&mut told.words);
            told.output = output;
        }
        let may_have_output = !is_good(status.outcome) && status.outcome != Outcome::NotRun;
        self.open = Some(index).filter(|_| may_have_output && !self.is_verbose);
        true
    }

    fn finish(mut self, source: &Source, attempt: &Attempt<'_>, was_cut: bool) -> Option<PackedAttempt> {
        if self.tests.is_empty() && self.names.is_empty() && !self.found_none {
            return None;
        }
        let mut outputs = log::read(attempt);
        let mut told: Vec<_> = std::mem::take(&mut self.tests);
        let failed =
            told.iter().filter(|told| told.tries.last().is_some_and(|o| counts_as_failed(*o))).count();
        let mut diagnostics = Vec::new();
        let mut complete = !was_cut && (self.summary.is_some() || (self.found_none && told.is_empty()));
        if let Some(summary) = self.summary {
            let as_many = self.last.is_none_or(|(last, all)| last == all) && summary.all <= told.len() as u64;
            if !as_many || summary.failed.is_some_and(|count| count != failed as u64) {
                complete = false;
                let warning = Diagnostic::warning(
                    "contradiction",
                    "the tests that were read are not as many as counted",
                );
                diagnostics.push(warning.offset(source.clone(), summary.offset));
            }
        }
        let mut announced = Vec::new();
        if self.summary.is_none() {
            announced = take_undecided(&mut told);
        }
        let mut tests: Vec<Test> = told.into_iter().map(|told| told.into_test(&mut outputs)).collect();
        if self.summary.is_none() {
            let mut running: Vec<&Started> = self.names.values().filter(|started| started.running).collect();
            running.sort_by_key(|started| started.order);
            match outcome_when_cut(&attempt.info().exit) {
                // CTest's own death is not that of its tests.
                Some(Outcome::TimedOut) => {
                    tests.extend(running.iter().map(|started| Test::new(&*started.name, Outcome::TimedOut)));
                }
                _ => announced.extend(running.iter().map(|started| started.name.clone())),
            }
        }
        if complete && tests.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "CTest found no test"));
        }
        Some(PackedAttempt {
            format: "ctest-text".to_owned(),
            tests: TestsSoFar(tests).pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics,
        })
    }
}

/// Takes out the tests that failed and would perhaps have been tried again, had the run gone on.
fn take_undecided(told: &mut Vec<Told>) -> Vec<String> {
    let most = told.iter().map(|told| told.tries.len()).max().unwrap_or(0);
    let is_undecided = |told: &Told| told.tries.len() < most && !told.tries.contains(&Outcome::Passed);
    let names = told.iter().filter(|told| is_undecided(told)).map(|told| told.name.clone()).collect();
    told.retain(|told| !is_undecided(told));
    names
}

impl Told {
    fn into_test(self, outputs: &mut HashMap<String, String>) -> Test {
        let outcome = self.tries.last().copied().unwrap_or(Outcome::Unknown);
        let mut output = self.output;
        output.truncate(output.trim_end().len());
        if output.is_empty() {
            output = outputs.remove(&self.name).unwrap_or_default();
        }
        let mut failures = Vec::new();
        if counts_as_failed(outcome) {
            let message = if output.trim().is_empty() { self.words } else { output.clone() };
            failures.push(Failure { kind: String::new(), message, trace: output });
        }
        Test { failures, duration_ns: self.duration_ns, tries: self.tries, ..Test::new(self.name, outcome) }
    }
}

fn is_good(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Passed | Outcome::Skipped)
}

fn counts_as_failed(outcome: Outcome) -> bool {
    !is_good(outcome)
}
