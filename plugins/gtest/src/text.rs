//! What a test program prints.

mod line;

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, begins_ctest, outcome_when_cut, push_line, visible};
use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Exit, Failure, LineEnd, Outcome, PackedAttempt, Source,
};

use line::Line;

/// Longest name of a test that is believed: ids have 4096 bytes at most.
const LONGEST_NAME: usize = 4096;

/// Reads the output of one or several programs; `None` when there is none.
pub(crate) fn read(blob: &Blob<'_>, source: &Source, exit: &Exit) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = blob.lines();
    while let Some(line) = lines.next_line() {
        if reading.begun == 0 && begins_ctest(line.bytes) {
            return None;
        }
        if reading.running.as_ref().is_some_and(|running| running.failures.is_empty())
            && line::is_text(line.bytes)
        {
            continue;
        }
        reading.offset = line.offset;
        reading.line(&visible(line.bytes), line.end);
    }
    reading.finish(source, exit, blob.cut().is_some())
}

#[derive(Debug, Default)]
struct Reading {
    tests: TestsSoFar,
    offset: u64,
    /// How many programs began (repetitions count), and how many of them came to their end.
    begun: usize,
    ended: usize,
    /// Of the program that runs.
    announced: usize,
    tests_before: usize,
    /// Whether counts and tests disagree, and where.
    disagreement: Option<u64>,
    suite: String,
    running: Option<Running>,
    /// A test that was running when another program seemed to begin.
    outer: Option<Outer>,
    /// Tests whose last lines stand alone behind a failure, as `--gtest_brief` prints them.
    alone: Vec<Test>,
    failure_alone: bool,
    brief: bool,
    in_summary: bool,
    diagnostics: Vec<Diagnostic>,
}

/// A test between its first and its last line.
#[derive(Debug)]
struct Running {
    name: String,
    failures: Vec<Failure>,
}

/// A test that printed the first line of a program: it ran one, or it crashed and the next program began.
#[derive(Debug)]
struct Outer {
    running: Running,
    tests: usize,
    begun: usize,
    ended: usize,
    announced: usize,
    tests_before: usize,
    suite: String,
}

impl Reading {
    fn line(&mut self, text: &str, end: LineEnd) {
        let line = line::read(text);
        if self.running.is_some() {
            self.inside(text, line);
            return;
        }
        match line {
            Line::Begin { tests } => self.begin(tests),
            Line::End { tests } => self.end(tests),
            Line::Suite(name) if self.is_open() => name.clone_into(&mut self.suite),
            Line::Run(name) if self.is_open() && self.is_of_suite(name) && end == LineEnd::LineFeed => {
                self.running = Some(Running { name: name.to_owned(), failures: Vec::new() });
            }
            Line::Disabled(name) if self.is_open() && self.is_of_suite(name) && end == LineEnd::LineFeed => {
                self.add(name, Outcome::Skipped, None, Vec::new());
            }
            Line::Passed => self.in_summary = self.begun + usize::from(self.brief) > 0,
            Line::Result { before, outcome, rest } => self.outside(before, outcome, rest),
            Line::Text if self.begun == 0 => self.failure_alone |= line::failure(text).is_some(),
            _ => {}
        }
    }

    fn is_open(&self) -> bool {
        self.begun > self.ended
    }

    fn is_of_suite(&self, name: &str) -> bool {
        name.len() <= LONGEST_NAME
            && name.strip_prefix(self.suite.as_str()).and_then(|rest| rest.strip_prefix('.')).is_some()
    }

    fn begin(&mut self, tests: usize) {
        self.in_summary = false;
        self.begun += 1;
        self.announced = tests;
        self.tests_before = self.tests.0.len();
        self.suite.clear();
    }

    fn end(&mut self, tests: usize) {
        if !self.is_open() {
            self.brief = self.begun == 0;
            return;
        }
        self.ended += 1;
        let told = self.tests.0.iter().skip(self.tests_before).filter(|test| !is_disabled(&test.id)).count();
        if tests != self.announced || tests != told {
            self.disagreement.get_or_insert(self.offset);
        }
    }

    /// A line while a test runs: only its own last line, or the first of another program, is the framework's.
    fn inside(&mut self, text: &str, line: Line<'_>) {
        if let Line::Result { before, outcome, rest } = line {
            if let Some(duration) = self.running.as_ref().and_then(|r| line::result_of(rest, &r.name)) {
                let Some(mut running) = self.running.take() else { return };
                running.text(before);
                self.close(running, outcome, duration);
                return;
            }
            let of_outer = self.outer.as_ref().and_then(|o| line::result_of(rest, &o.running.name));
            if let Some(duration) = of_outer {
                self.return_to_outer(outcome, duration);
                return;
            }
        }
        if let Line::Begin { tests } = line
            && self.outer.is_none()
        {
            self.suspend();
            self.begin(tests);
            return;
        }
        if let Some(running) = &mut self.running {
            running.text(text);
        }
    }

    /// A result where no test runs: of a test that ran a program; in brief output; in the summary.
    fn outside(&mut self, before: &str, outcome: Outcome, rest: &str) {
        if let Some(duration) = self.outer.as_ref().and_then(|o| line::result_of(rest, &o.running.name)) {
            self.return_to_outer(outcome, duration);
            return;
        }
        let suite = rest.strip_suffix(": SetUpTestSuite or TearDownTestSuite");
        let suite = suite.or_else(|| rest.strip_suffix(": SetUpTestCase or TearDownTestCase"));
        if let Some(suite) = suite.filter(|_| self.in_summary && before.is_empty()) {
            let message = format!("set-up or tear-down of `{suite}` failed");
            self.diagnostics.push(Diagnostic::new("suite-error", message));
        } else if self.begun == 0 && before.is_empty() && outcome == Outcome::Failed && self.failure_alone {
            self.failure_alone = false;
            let name = rest.rsplit_once(" (").map_or(rest, |(name, _)| name);
            let name = name.split_once(", where ").map_or(name, |(name, _)| name);
            if line::result_of(rest, name).is_some_and(|time| time.is_some()) && name.contains('.') {
                self.alone.push(named(name, Outcome::Failed));
            }
        }
    }

    fn close(&mut self, running: Running, outcome: Outcome, duration: Option<u64>) {
        let failed = outcome == Outcome::Failed;
        let mut failures = if failed { running.failures } else { Vec::new() };
        for failure in &mut failures {
            failure.message.truncate(failure.message.trim_end().len());
            failure.trace.truncate(failure.trace.trim_end().len());
        }
        if failed && failures.is_empty() {
            failures.push(Failure::new("", ""));
        }
        self.add(&running.name, outcome, duration, failures);
    }

    fn add(&mut self, name: &str, outcome: Outcome, duration_ns: Option<u64>, failures: Vec<Failure>) {
        self.tests.0.push(Test { duration_ns, failures, ..named(name, outcome) });
    }

    fn suspend(&mut self) {
        let Some(running) = self.running.take() else { return };
        self.outer = Some(Outer {
            running,
            tests: self.tests.0.len(),
            begun: self.begun,
            ended: self.ended,
            announced: self.announced,
            tests_before: self.tests_before,
            suite: std::mem::take(&mut self.suite),
        });
    }

    /// All that was read since then was what the outer test printed.
    fn return_to_outer(&mut self, outcome: Outcome, duration: Option<u64>) {
        let Some(outer) = self.outer.take() else { return };
        self.running = None;
        self.tests.0.truncate(outer.tests);
        self.begun = outer.begun;
        self.ended = outer.ended;
        self.announced = outer.announced;
        self.tests_before = outer.tests_before;
        self.suite = outer.suite;
        self.in_summary = false;
        self.close(outer.running, outcome, duration);
    }

    fn finish(mut self, source: &Source, exit: &Exit, was_cut: bool) -> Option<PackedAttempt> {
        if self.begun == 0 {
            return self.brief.then(|| self.finish_brief());
        }
        let mut announced = Vec::new();
        let open = self.is_open() || self.outer.is_some();
        if let Some(outer) = self.outer.take() {
            // The next program began, so this one died.
            self.tests.0.insert(outer.tests, crashed(outer.running, Outcome::Crashed));
        }
        if let Some(running) = self.running.take() {
            match outcome_when_cut(exit) {
                Some(outcome) => self.tests.0.push(crashed(running, outcome)),
                None => announced.push(running.name),
            }
        }
        // A program that repeats its tests may have been stopped between two rounds.
        let was_ended = exit.timed_out || exit.signal.is_some();
        let complete = !open && !was_cut && !was_ended && self.disagreement.is_none();
        if let Some(offset) = self.disagreement {
            let warning =
                Diagnostic::warning("contradiction", "the tests that were read are not as many as counted");
            self.diagnostics.push(warning.offset(source.clone(), offset));
        }
        if complete && self.tests.0.is_empty() && announced.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "GoogleTest ran no test"));
        }
        Some(PackedAttempt {
            format: "gtest-text".to_owned(),
            tests: self.tests.pack(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics: self.diagnostics,
        })
    }

    /// Only failed tests have names.
    fn finish_brief(self) -> PackedAttempt {
        let message = "the tests that passed are not named";
        let mut diagnostics = self.diagnostics;
        diagnostics
            .push(Diagnostic::new("unnamed-tests", message).hint("run the program without `--gtest_brief`"));
        PackedAttempt {
            format: "gtest-text".to_owned(),
            tests: TestsSoFar(self.alone).pack(),
            completeness: Completeness::Truncated,
            announced: Vec::new(),
            diagnostics,
        }
    }
}

impl Running {
    /// A line that was printed while the test ran: the beginning of a failure, or more of one.
    fn text(&mut self, text: &str) {
        if let Some(said) = line::failure(text) {
            self.failures.push(Failure { trace: text.to_owned(), ..Failure::new("", said) });
            return;
        }
        let Some(failure) = self.failures.last_mut().filter(|failure| failure.trace.len() < MOST_TEXT) else {
            return;
        };
        push_line(&mut failure.message, text);
        push_line(&mut failure.trace, text);
    }
}

fn crashed(running: Running, outcome: Outcome) -> Test {
    Test { failures: running.failures, ..named(&running.name, outcome) }
}

/// `Cart.AddsUp`: the name of a suite has no point.
fn named(id: &str, outcome: Outcome) -> Test {
    Test { name_start: id.find('.').map_or(0, |point| point + 1), ..Test::new(id, outcome) }
}

/// Disabled tests are not among those counted, unless they run all the same.
fn is_disabled(id: &str) -> bool {
    let (suite, name) = id.split_once('.').unwrap_or(("", id));
    let is = |part: &str| part.split('/').any(|part| part.starts_with("DISABLED_"));
    is(suite) || is(name)
}
