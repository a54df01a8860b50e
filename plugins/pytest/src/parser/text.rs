//! Tests from what pytest printed.
//!
//! Only `-v` names tests that passed. From other output come the tests that the summary names; that others ran
//! without being named is said.

mod blocks;
mod line;
mod progress;
mod seen;
mod summary;

use std::borrow::Cow;
use std::collections::HashSet;

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, LineEnd, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};

use blocks::Blocks;
use progress::{Progress, Status};
use seen::{Cause, Seen, Titles, complete_messages, explain, pack};
use summary::{Summary, Totals};

/// pytest's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 256 * 1024;

/// The title that a run of pytest begins with.
const HEADER: &str = "test session starts";

/// The line of totals when there were none; nobody else says it so.
const NO_TESTS: &str = "no tests ran in ";

/// `None` when the output is not pytest's.
pub(crate) fn parse(printed: &Blob<'_>, death: Outcome) -> Option<PackedAttempt> {
    let mut sessions = Sessions::default();
    let mut reading = Reading::default();
    let mut lines = printed.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = line.text();
        let text = line::plain(&text);
        // TeamCity's messages stand in for the progress: another parser's.
        if text.starts_with("##teamcity[") {
            return None;
        }
        if reading.is_over() && line::section_title(&text) == Some(HEADER) {
            sessions.add(std::mem::take(&mut reading), death);
        }
        // A name that the end cut through is nobody's; pytest writes a space behind a whole one.
        let may_be_cut = line::ends_in_id(&text) || reading.section == Section::Summary;
        if line.end == LineEnd::LineFeed || !may_be_cut || Totals::read(&text).is_some() {
            reading.take(&text);
        }
    }
    sessions.add(reading, death);
    sessions.finish()
}

/// What was read of runs of pytest that follow each other in one output.
#[derive(Debug, Default)]
struct Sessions {
    tests: PackedTestsBuilder,
    diagnostics: Vec<Diagnostic>,
    found: bool,
    cut: bool,
}

impl Sessions {
    fn add(&mut self, reading: Reading, death: Outcome) {
        let Some(session) = reading.finish(death) else { return };
        self.found = true;
        self.cut |= session.cut;
        self.diagnostics.extend(session.diagnostics);
        pack(session.tests, &mut self.tests);
    }

    fn finish(self) -> Option<PackedAttempt> {
        self.found.then(|| PackedAttempt {
            format: "pytest-text".to_owned(),
            completeness: if self.cut { Completeness::Truncated } else { Completeness::Complete },
            diagnostics: self.diagnostics,
            tests: self.tests.finish(),
            ..PackedAttempt::default()
        })
    }
}

/// One run of pytest.
struct Session {
    tests: Vec<Seen>,
    diagnostics: Vec<Diagnostic>,
    cut: bool,
}

/// Which part of the output a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Before,
    Progress,
    Errors,
    Failures,
    Summary,
    Other,
}

#[derive(Debug, Default)]
struct Reading {
    section: Section,
    /// The section of failures that something framed like the beginning of another one came into.
    interrupted: Option<Section>,
    has_header: bool,
    /// Tests printed whole runs of pytest.
    has_others_inside: bool,
    /// A line of progress or the title of a section that no other tool prints.
    has_mark: bool,
    /// Of the progress, when it is shown by letters.
    letters: Vec<u8>,
    progress: Progress,
    errors: Blocks,
    failures: Blocks,
    summary: Summary,
    totals: Option<Totals>,
    /// Results that were named.
    told: Totals,
    /// Whether lines of progress name tests.
    named_by_progress: bool,
    /// Workers of xdist that died, with the test they ran.
    crashed: Vec<String>,
}

impl Reading {
    fn take(&mut self, line: &str) {
        if let Some(title) = line::section_title(line)
            && !self.progress.is_waiting()
        {
            self.section(title);
            return;
        }
        // A test that printed such a frame: what follows is the next failure, not what the frame said.
        if let Some(section) = self.interrupted
            && blocks::title(line).is_some()
        {
            self.section = section;
            self.interrupted = None;
        }
        match self.section {
            Section::Before | Section::Progress => {
                if let Some(letters) = line::dots(line) {
                    self.letters.extend_from_slice(letters.as_bytes());
                    self.has_mark = true;
                    self.section = Section::Progress;
                }
                self.progress.take(line);
            }
            Section::Errors => self.errors.take(line),
            Section::Failures => {
                self.crashed.extend(line::crashed_test(line).map(str::to_owned));
                self.failures.take(line);
            }
            Section::Summary => self.summary.take(line),
            Section::Other => {}
        }
        // With `-q` the last line has no frame.
        if self.section != Section::Other
            && let Some(totals) = Totals::read(line)
            && !self.progress.is_waiting()
        {
            self.has_mark |= totals.sum() == 0 && line.trim_start().starts_with(NO_TESTS);
            self.totals = Some(totals);
        }
    }

    /// Whether the line of totals was this run's last.
    fn is_over(&self) -> bool {
        let is_last = matches!(self.section, Section::Summary | Section::Other) && self.interrupted.is_none();
        self.totals.is_some() && is_last && !self.has_others_inside
    }

    fn section(&mut self, title: &str) {
        self.interrupted = match (title, self.section) {
            ("ERRORS" | "FAILURES" | "PASSES" | "warnings summary", _) => None,
            (_, section @ (Section::Errors | Section::Failures)) => Some(section),
            _ => self.interrupted,
        };
        self.has_mark |= matches!(title, "ERRORS" | "FAILURES" | "short test summary info");
        self.section = match title {
            HEADER => {
                self.has_others_inside |= self.has_header;
                self.has_header = true;
                Section::Progress
            }
            "ERRORS" => Section::Errors,
            "FAILURES" => Section::Failures,
            // A test can print a whole summary; the last one is pytest's.
            "short test summary info" => {
                self.summary = Summary::default();
                Section::Summary
            }
            _ => {
                if let Some(totals) = Totals::read(title) {
                    self.totals = Some(totals);
                }
                Section::Other
            }
        };
    }

    fn finish(mut self, death: Outcome) -> Option<Session> {
        // With `-q` there is no header; `3 passed in 0.1s` alone could be anybody's. With `-qq` there are no totals either.
        let ends_as_pytest =
            self.totals.is_some() || !(self.letters.is_empty() || self.summary.entries.is_empty());
        if !(self.has_header || (self.has_mark && ends_as_pytest)) {
            return None;
        }
        let mut tests = self.tests(death);
        let mut titles = Titles::of(&tests);
        let diagnostics = self.errors.take_all().into_iter().filter_map(|block| {
            let Some(file) = block.title.strip_prefix("ERROR collecting ") else {
                explain(&mut tests, &mut titles, &block, Cause::Fixture);
                return None;
            };
            let said = block.message.lines().next().unwrap_or_default();
            Some(Diagnostic::new("collection-error", format!("{file}: {said}")).at(Location::new(file, None)))
        });
        let mut diagnostics: Vec<Diagnostic> = diagnostics.collect();
        for block in self.failures.take_all() {
            explain(&mut tests, &mut titles, &block, Cause::Test);
        }
        complete_messages(&mut tests, &self.failures);
        let unnamed = self.unnamed().filter(|_| diagnostics.is_empty());
        let cut = self.totals.is_none() || unnamed.is_some();
        diagnostics.extend(unnamed);
        Some(Session { tests, diagnostics, cut })
    }

    /// The tests by name: those of the progress lines, and those that only the summary names.
    fn tests(&mut self, death: Outcome) -> Vec<Seen> {
        let died = self.totals.is_none();
        let results = std::mem::take(&mut self.progress).results(died);
        let mut by_id = results.tests;
        let mut ids: Vec<(&String, usize)> = by_id.iter().map(|(id, at)| (id, *at)).collect();
        ids.sort_unstable_by_key(|(_, at)| *at);
        let mut tests: Vec<Seen> = ids.into_iter().map(|(id, _)| Seen::new(id)).collect();
        for (at, status) in results.told {
            self.told.count(status);
            if let Some(test) = tests.get_mut(at) {
                test.add(status, death);
            }
        }
        self.summary.in_order_of(&self.letters);
        let known = |id: &str| by_id.contains_key(id);
        let titles: HashSet<&str> =
            self.failures.titles().chain(self.errors.titles()).map(blocks::without_phase).collect();
        let mut named: Vec<(String, Status, String)> = Vec::new();
        for entry in &self.summary.entries {
            let (id, message) = summary::split_id(&entry.rest, known, &titles);
            if is_named(id) {
                named.push((id.to_owned(), entry.status, message.to_owned()));
            }
        }
        self.named_by_progress = !tests.is_empty();
        for (id, status, message) in named {
            let is_new = !by_id.contains_key(&id);
            if self.named_by_progress && is_new {
                continue;
            }
            let at = *by_id.entry(id).or_insert_with_key(|id| {
                tests.push(Seen::new(id));
                tests.len() - 1
            });
            let Some(test) = tests.get_mut(at) else { continue };
            if !self.named_by_progress || test.lacks_subtest(status) {
                self.told.count(status);
                test.add(status, death);
            }
            test.told.get_or_insert(message);
        }
        for id in &self.crashed {
            if let Some(test) = by_id.get(id).and_then(|at| tests.get_mut(*at)) {
                test.outcome = Outcome::Crashed;
                test.told = Some(format!("worker crashed while running `{id}`"));
            }
        }
        tests
    }

    /// What is to be said of tests that ran and have no name in the output.
    fn unnamed(&self) -> Option<Diagnostic> {
        let mut totals = self.totals?;
        // Files that were skipped as they were collected count as skipped tests.
        if self.named_by_progress {
            totals.skipped = 0;
        }
        let unnamed = totals.untold(&self.told);
        (unnamed > 0).then(|| {
            let message = format!("{unnamed} tests ran that the output does not name");
            Diagnostic::new("unnamed-tests", message).hint("run pytest with `-v`")
        })
    }
}

/// Whether the summary names a test, and not a file that could not be collected, with words behind it that hold `::`.
fn is_named(id: &str) -> bool {
    line::split_id(id).is_some_and(|(file, _)| !file.contains(" - "))
}

/// Text that may have had control sequences taken out.
type Plain<'l> = Cow<'l, str>;
