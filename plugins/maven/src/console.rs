//! What Maven and Surefire print, versions 2 and 3.

mod line;

use std::collections::HashMap;

use flaky_plugin_console::{MOST_TEXT, Test, TestsSoFar, push_line, visible};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, Source};

use line::Head;

/// What was printed, when it was Maven that printed it.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    tests: TestsSoFar,
    by_id: HashMap<String, usize>,
    state: State,
    /// `[INFO] BUILD SUCCESS` or its contrary, in the last line but a few.
    is_ended: bool,
    is_recognised: bool,
    /// How many tests ran, over all modules.
    ran: u64,
    none: bool,
    problems: Vec<Diagnostic>,
    goal_failed: Option<String>,
    has_results: bool,
}

/// Where in the output a line stands.
#[derive(Debug, Default)]
enum State {
    /// What Maven says outside of tests.
    #[default]
    Outside,
    /// Tests run, and print what they like.
    Running,
    /// A class is done: what failed in it is told, each with a trace that an empty line ends.
    Told { class: String, open: Option<usize> },
    /// `Results:`, up to the counts.
    Results { test: Option<String>, tries: Vec<Outcome> },
}

/// Reads standard output, or else standard error.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<Printed> {
    [Source::Stdout, Source::Stderr].iter().find_map(|source| {
        let blob = attempt.open(source)?;
        let mut printed = Printed::default();
        let mut lines = blob.lines();
        while let Some(line) = lines.next_line() {
            printed.line(&visible(line.bytes));
        }
        printed.is_ended &= blob.cut().is_none();
        printed.is_recognised.then_some(printed)
    })
}

impl Printed {
    fn line(&mut self, line: &str) {
        let (level, text) = line::level(line);
        if text.trim() == "T E S T S" {
            self.state = State::Running;
            self.is_recognised = true;
            return;
        }
        if level.is_some() && (text == "BUILD SUCCESS" || text == "BUILD FAILURE") {
            self.is_recognised |= self.none || self.goal_failed.is_some() || !self.problems.is_empty();
            self.is_ended = true;
            self.state = State::Outside;
            return;
        }
        if !matches!(self.state, State::Outside) {
            self.in_tests(level, text);
            return;
        }
        self.outside(level, text);
    }

    fn outside(&mut self, level: Option<&str>, text: &str) {
        if level.is_none() {
            return;
        }
        if text == "No tests to run." {
            self.none = true;
        } else if text == "COMPILATION ERROR : " || text == "COMPILATION ERROR :" {
            self.problems.push(Diagnostic::new("build-failed", "the sources do not compile"));
        } else if let Some(goal) = text.strip_prefix("Failed to execute goal ") {
            self.goal_failed.get_or_insert_with(|| goal.to_owned());
            self.is_recognised |= self.is_ended;
        } else if let Some(problem) = self.problems.last_mut().filter(|p| p.message.len() < 4096)
            && level == Some("ERROR")
            && !self.is_ended
            && !text.is_empty()
        {
            push_line(&mut problem.message, text);
        }
    }

    fn in_tests(&mut self, level: Option<&str>, text: &str) {
        if let Some(class) = line::class_done(line::counted_part(text)) {
            self.state = State::Told { class: class.to_owned(), open: None };
            return;
        }
        // Tests print such lines as well, and then they run still.
        if text.strip_prefix("Running ").is_some_and(|class| !class.contains(' ')) {
            self.state = State::Running;
            return;
        }
        if (text == "Results:" || text == "Results :") && !matches!(self.state, State::Results { .. }) {
            self.state = State::Results { test: None, tries: Vec::new() };
            self.has_results = true;
            return;
        }
        match &mut self.state {
            State::Told { .. } => self.told(text),
            State::Results { .. } => self.results(level, text),
            State::Running | State::Outside => {}
        }
    }

    fn told(&mut self, text: &str) {
        let State::Told { class, open } = &mut self.state else { return };
        if open.is_none()
            && let Some(Head { name, outcome, duration_ns }) = line::head(text)
        {
            let test = test_of(class, name, outcome);
            let next = self.tests.0.len();
            let index = *self.by_id.entry(test.id.clone()).or_insert(next);
            if index == next {
                let failures = vec![Failure::new("", "")];
                self.tests.0.push(Test { duration_ns, failures, ..test });
                *open = Some(index);
            }
            return;
        }
        let Some(index) = *open else { return };
        if text.is_empty() {
            *open = None;
            return;
        }
        let failure = self.tests.0.get_mut(index).and_then(|test| test.failures.first_mut());
        if let Some(failure) = failure.filter(|failure| failure.trace.len() < MOST_TEXT) {
            push_line(&mut failure.trace, text);
        }
    }

    /// Tests that were tried again are told of with each try.
    fn results(&mut self, level: Option<&str>, text: &str) {
        let State::Results { test, tries } = &mut self.state else { return };
        if let Some(run) = text.trim_start().strip_prefix("Run ").filter(|_| text.starts_with("  ")) {
            let said = run.split_once(": ").map_or("", |(_, said)| said);
            tries.push(if said == "PASS" { Outcome::Passed } else { Outcome::Failed });
            return;
        }
        if let Some(name) = test.take().filter(|_| !tries.is_empty()) {
            let tries = std::mem::take(tries);
            self.tried(&name, tries);
        }
        if let Some(ran) = line::counts(text) {
            self.ran = self.ran.saturating_add(ran);
            self.state = State::Outside;
            return;
        }
        let is_name = level.is_some() && !text.is_empty() && !text.contains(' ') && text.contains('.');
        if let State::Results { test, tries } = &mut self.state {
            tries.clear();
            *test = is_name.then(|| text.to_owned());
        }
    }

    /// `shop.CartTest.adds`, and how its tries ended.
    fn tried(&mut self, name: &str, tries: Vec<Outcome>) {
        let Some((class, method)) = name.rsplit_once('.') else { return };
        let test = test_of(class, method, Outcome::Passed);
        let next = self.tests.0.len();
        let index = *self.by_id.entry(test.id.clone()).or_insert(next);
        if index == next {
            self.tests.0.push(test);
        }
        if let Some(test) = self.tests.0.get_mut(index) {
            if tries.last() == Some(&Outcome::Passed) {
                test.outcome = Outcome::Passed;
                test.failures.clear();
            }
            test.tries = tries;
        }
    }

    /// What kept tests from running.
    pub(crate) fn problems(&self) -> Vec<Diagnostic> {
        let mut problems = self.problems.clone();
        let of_tests = |goal: &String| {
            goal.contains("There are test failures")
                || goal.contains("-surefire-plugin:")
                || goal.contains("-failsafe-plugin:")
        };
        if problems.is_empty()
            && let Some(goal) = self.goal_failed.as_ref().filter(|goal| !of_tests(goal))
        {
            problems.push(Diagnostic::new("build-failed", goal.clone()));
        }
        if let Some(goal) = self.goal_failed.as_ref().filter(|goal| goal.contains("The forked VM terminated"))
        {
            problems.push(Diagnostic::new("runner-crashed", goal.clone()));
        }
        problems
    }

    pub(crate) fn into_attempt(mut self) -> PackedAttempt {
        for failure in self.tests.0.iter_mut().flat_map(|test| &mut test.failures) {
            *failure = line::failure_of(&failure.trace);
        }
        let mut diagnostics = self.problems();
        let named = self.tests.0.len() as u64;
        let all_named = self.is_ended && named == self.ran;
        if !all_named && (self.has_results || named > 0 || diagnostics.is_empty() && !self.none) {
            let unnamed = Diagnostic::new("unnamed-tests", "the tests that passed are not named");
            diagnostics.push(unnamed.hint("the reports in `target/surefire-reports` name them"));
        }
        let none = self.is_ended && named == 0 && self.ran == 0;
        if none && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "Maven found no test to run"));
        }
        PackedAttempt {
            format: "maven-console".to_owned(),
            tests: self.tests.pack(),
            completeness: if all_named { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        }
    }
}

/// As the reports name it. A class that failed as such stands for itself.
fn test_of(class: &str, name: &str, outcome: Outcome) -> Test {
    let name = name.strip_prefix(class).map_or(name, |rest| rest.strip_prefix('.').unwrap_or(rest));
    // `adds(shop.CartTest)`, as version 2 names it for older frameworks.
    let name =
        name.strip_suffix(')').and_then(|name| name.strip_suffix(class)?.strip_suffix('(')).unwrap_or(name);
    if name.is_empty() { Test::new(class, outcome) } else { Test::of_suite(class, "::", name, outcome) }
}
