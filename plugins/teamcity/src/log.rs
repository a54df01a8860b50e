//! What the messages of a log say together.

use std::collections::HashMap;

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder, without_sequences,
};

use crate::message::Message;

/// A message is one line with everything that a test said; of a longer one the rest is lost, and the message with it.
const LONGEST_LINE: usize = 4 * 1024 * 1024;
/// Deepest nesting of suites that is followed.
const DEEPEST: usize = 200;

/// Running tests of one name that are told apart.
const MOST_AT_ONCE: usize = 64;

/// A test of a log.
#[derive(Debug, Clone)]
pub struct Test {
    /// Suites and name; see the crate.
    pub id: String,
    /// The end of the id.
    pub name: String,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// Milliseconds.
    pub duration: Option<u64>,
    /// As the log says it, e.g. `php_qn:///project/CartTest.php::\Shop\CartTest::testAdds`.
    pub place: String,
    /// As its messages name it.
    raw_name: String,
    flow: String,
    ended: bool,
}

/// Suites and tests that belong together: messages of different flows may stand in any order.
#[derive(Debug, Default)]
struct Flow {
    suites: Vec<String>,
    /// The suites as an id begins, once that was asked for.
    path: Option<String>,
    parent: Option<String>,
    /// Tests that began, by their place among all; those that ended stay until their suite ends.
    begun: Vec<usize>,
}

/// A log of service messages.
#[derive(Debug, Default)]
pub struct Log {
    /// In the order in which they began.
    pub tests: Vec<Test>,
    flows: HashMap<String, Flow>,
    /// The last tests of a name.
    by_name: HashMap<String, Vec<usize>>,
    running: usize,
    announced: Option<usize>,
    suites_closed: usize,
    diagnostics: Vec<Diagnostic>,
    cut: bool,
}

impl Log {
    /// Reads a text that holds messages about tests; `None` when there is none.
    #[must_use]
    pub fn read(blob: &Blob<'_>) -> Option<Self> {
        let mut log = Self { cut: blob.cut().is_some(), ..Self::default() };
        let finder = memchr::memmem::Finder::new(b"##teamcity[");
        let mut found = false;
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            if finder.find(line.bytes).is_none() {
                continue;
            }
            let text = line.text();
            let mut rest: &str = &text;
            while let Some((message, after)) = Message::find(rest) {
                found |= log.take(&message);
                rest = after;
            }
        }
        found.then_some(log)
    }

    /// Whether the message is about tests.
    fn take(&mut self, message: &Message) -> bool {
        let flow = message.get("flowId").unwrap_or_default().to_owned();
        let name = without_sequences(message.get("name").unwrap_or_default()).into_owned();
        match message.name.as_str() {
            "testCount" => {
                let count = message.get("count").and_then(|count| count.parse::<usize>().ok());
                self.announced = Some(self.announced.unwrap_or_default() + count.unwrap_or_default());
            }
            "flowStarted" => {
                let parent = message.get("parent").map(str::to_owned);
                self.flows.entry(flow).or_default().parent = parent;
                return false;
            }
            "testSuiteStarted" => {
                let data = self.flows.entry(flow).or_default();
                if data.suites.len() < DEEPEST {
                    data.suites.push(name);
                    data.path = None;
                }
            }
            "testSuiteFinished" => self.close_suite(&flow, &name),
            "testStarted" => {
                self.begin(&flow, name, message);
            }
            "testFailed" => self.fail(&flow, &name, message),
            "testIgnored" => self.ignore(&flow, name, message),
            "testFinished" => self.end(&flow, &name, message),
            "buildProblem" => {
                let said = message.get("description").unwrap_or_default();
                self.diagnostics.push(Diagnostic::new("build-problem", said));
                return false;
            }
            _ => return false,
        }
        true
    }

    fn begin(&mut self, flow: &str, name: String, message: &Message) -> usize {
        let place = message.get("locationHint").unwrap_or_default().to_owned();
        let path = self.path(flow);
        let (id, own) = identity(&path, &name, &place, message.get("metainfo"));
        let at = self.tests.len();
        let same = self.by_name.entry(name.clone()).or_default();
        // Repetitions run one after another; more of them at once than this would only make the search long.
        if same.len() >= MOST_AT_ONCE {
            same.remove(0);
        }
        same.push(at);
        self.flows.entry(flow.to_owned()).or_default().begun.push(at);
        self.running += 1;
        self.tests.push(Test {
            id,
            name: own,
            outcome: None,
            failures: Vec::new(),
            duration: None,
            place,
            raw_name: name,
            flow: flow.to_owned(),
            ended: false,
        });
        at
    }

    /// The names of the suites around a flow. What a suite repeats of the one around it is left out.
    fn path(&mut self, flow: &str) -> String {
        let is_own = self.flows.get(flow).is_some_and(|data| data.parent.is_none());
        let known = self.flows.get(flow).and_then(|data| data.path.clone()).filter(|_| is_own);
        if let Some(path) = known {
            return path;
        }
        let suites = self.suites(flow);
        let mut names: Vec<&str> = Vec::new();
        for suite in suites.iter().map(|suite| suite.trim()).filter(|suite| !suite.is_empty()) {
            if names.last() != Some(&suite) {
                names.push(suite);
            }
        }
        let path = names.join(" > ");
        if let Some(data) = self.flows.get_mut(flow) {
            data.path = Some(path.clone());
        }
        path
    }

    /// The suites around a flow: its own, below those of the flow that it came from.
    fn suites(&self, flow: &str) -> Vec<String> {
        let mut all = Vec::new();
        let mut next = Some(flow);
        // Flows that are each other's parents would have no end.
        for _ in 0..DEEPEST {
            let Some(flow) = next.and_then(|name| self.flows.get(name)) else { break };
            all.splice(0..0, flow.suites.iter().cloned());
            next = flow.parent.as_deref();
        }
        all
    }

    /// The running test of a name: in its flow, else in any (some writers give parts of a test flows of their own).
    fn open(&self, flow: &str, name: &str) -> Option<usize> {
        let same = self.by_name.get(name)?;
        let running = |at: &&usize| self.tests.get(**at).is_some_and(|test| !test.ended);
        let own = |at: &&usize| self.tests.get(**at).is_some_and(|test| test.flow == flow);
        let found = same.iter().rev().filter(running).find(own);
        found.or_else(|| same.iter().rev().find(running)).copied()
    }

    fn fail(&mut self, flow: &str, name: &str, message: &Message) {
        let failure = failure(message);
        let outcome = failed(&failure);
        if let Some(at) = self.open(flow, name) {
            if !self.tests.get(at).is_some_and(|test| is_risky(test, &failure)) {
                self.fail_test(at, outcome, failure);
            }
            return;
        }
        // Mocha's hooks fail under a name of their own, some of them while a test waits for them.
        if let Some((hook, test)) = name.strip_prefix('"').and_then(|rest| rest.split_once("\" hook")) {
            let test =
                test.strip_prefix(" for \"").and_then(|test| test.strip_suffix('"')).unwrap_or_default();
            if let Some(at) = self.open(flow, test) {
                self.fail_test(at, Outcome::Errored, failure);
            } else {
                let said = format!("`{hook}` hook failed: {}", failure.message);
                self.diagnostics.push(Diagnostic::new("hook-failed", said));
            }
            return;
        }
        // Told again after its end, or told without a beginning.
        let again = self.by_name.get(name).and_then(|same| same.last()).copied();
        let at = again.unwrap_or_else(|| self.begin(flow, name.to_owned(), message));
        self.fail_test(at, outcome, failure);
        self.close(at);
    }

    fn fail_test(&mut self, at: usize, outcome: Outcome, failure: Failure) {
        let Some(test) = self.tests.get_mut(at) else { return };
        if test.outcome.is_none() || test.outcome == Some(Outcome::Passed) {
            test.outcome = Some(outcome);
        }
        test.failures.push(failure);
    }

    fn ignore(&mut self, flow: &str, name: String, message: &Message) {
        let at = match self.open(flow, &name) {
            Some(at) => at,
            None => self.begin(flow, name, message),
        };
        let Some(test) = self.tests.get_mut(at) else { return };
        test.outcome = test.outcome.or(Some(Outcome::Skipped));
        let reason = message.get("message").filter(|reason| !reason.is_empty() && *reason != test.raw_name);
        test.failures.extend(reason.map(|reason| Failure::new("", without_sequences(reason).into_owned())));
    }

    fn end(&mut self, flow: &str, name: &str, message: &Message) {
        let Some(at) = self.open(flow, name) else { return };
        self.close(at);
        let Some(test) = self.tests.get_mut(at) else { return };
        test.outcome = test.outcome.or(Some(Outcome::Passed));
        test.duration = message.get("duration").and_then(milliseconds);
        // Writers that give every test a flow of its own would leave as many behind.
        let flow = test.flow.clone();
        let done = |data: &Flow| data.suites.is_empty() && data.parent.is_none();
        if !flow.is_empty() && self.flows.get(&flow).is_some_and(done) && self.flows.len() > 1 {
            self.flows.remove(&flow);
        }
    }

    fn close(&mut self, at: usize) {
        let Some(test) = self.tests.get_mut(at) else { return };
        if !std::mem::replace(&mut test.ended, true) {
            self.running -= 1;
        }
    }

    /// What still runs in a suite that ends never got to its end.
    fn close_suite(&mut self, flow: &str, name: &str) {
        let Some(data) = self.flows.get_mut(flow) else { return };
        let Some(at) = data.suites.iter().rposition(|suite| suite == name) else { return };
        data.suites.truncate(at);
        data.path = None;
        self.suites_closed += 1;
        for at in std::mem::take(&mut data.begun) {
            self.close(at);
            if let Some(test) = self.tests.get_mut(at) {
                test.outcome = test.outcome.or(Some(Outcome::Unknown));
            }
        }
    }

    /// Whether everything that began has ended, and all that was announced is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let closed = self.running == 0 && self.flows.values().all(|flow| flow.suites.is_empty());
        let enough = self.announced.is_none_or(|count| count <= self.tests.len());
        closed && enough && !self.cut && (self.suites_closed > 0 || self.announced.is_some())
    }

    /// As the contract wants it. A log that is whole may still come from a process that was killed.
    #[must_use]
    pub fn pack(self, ended: bool, timed_out: bool) -> PackedAttempt {
        let complete = ended && self.is_complete();
        let death = if timed_out { Outcome::TimedOut } else { Outcome::Crashed };
        let mut diagnostics = self.diagnostics;
        if complete && self.tests.is_empty() && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "the log names no test"));
        }
        let mut tests = PackedTestsBuilder::default();
        for test in self.tests {
            let index = tests.push(&test.id, test.outcome.unwrap_or(death));
            tests.set_name(index, &test.name);
            if let Some(duration) = test.duration {
                tests.set_duration(index, duration.saturating_mul(1_000_000));
            }
            for failure in test.failures {
                tests.add_failure(index, failure);
            }
        }
        PackedAttempt {
            format: "teamcity".to_owned(),
            tests: tests.finish(),
            completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
            announced: Vec::new(),
            diagnostics,
        }
    }
}

/// Id and own name.
fn identity(path: &str, name: &str, place: &str, own: Option<&str>) -> (String, String) {
    // PHPUnit: `php_qn://FILE::\CLASS::METHOD`.
    if let Some((_, qualified)) = place.strip_prefix("php_qn://").and_then(|place| place.split_once("::\\"))
        && let Some((_, method)) = qualified.split_once("::")
    {
        return (qualified.to_owned(), method.to_owned());
    }
    if path.is_empty() {
        // teamcity-messages: dotted, and parameters in round brackets for square ones.
        let dots = name.split('(').next().unwrap_or(name).rfind('.');
        let end = own.and(dots).and_then(|dot| name.get(dot + 1..)).unwrap_or(name);
        return (name.to_owned(), end.to_owned());
    }
    (format!("{path}::{name}"), name.to_owned())
}

fn failure(message: &Message) -> Failure {
    let seen = |key: &str| without_sequences(message.get(key).unwrap_or_default()).into_owned();
    let mut said = seen("message").trim_end().to_owned();
    let details = seen("details");
    if said.is_empty() {
        said = details.trim().lines().next().unwrap_or_default().to_owned();
    }
    if let (Some(expected), Some(actual)) = (message.get("expected"), message.get("actual")) {
        said.push_str(&format!("\nexpected: {expected}\nactual: {actual}"));
    }
    // `TypeError: no such`, before the frames.
    let kind = details.split_once(':').map_or("", |(kind, _)| kind.trim());
    let is_kind = !kind.is_empty()
        && kind.starts_with(|c: char| c.is_uppercase())
        && kind.chars().all(|c| c.is_alphanumeric() || "._\\".contains(c))
        && (kind.ends_with("Error") || kind.ends_with("Exception"));
    Failure {
        kind: if is_kind { kind.to_owned() } else { String::new() },
        message: said,
        trace: details.trim_end().to_owned(),
    }
}

/// PHPUnit says of risky tests that they failed, and nothing of where. On its own screen they did not, and the command ends
/// with 0.
fn is_risky(test: &Test, failure: &Failure) -> bool {
    test.place.starts_with("php_qn://") && failure.trace.trim().is_empty()
}

fn failed(failure: &Failure) -> Outcome {
    let said = failure.message.as_str();
    if said.starts_with("test setup failed") || said.starts_with("failed on setup") {
        Outcome::Errored
    } else if failure.trace.starts_with("[XPASS(strict)]") {
        Outcome::UnexpectedPass
    } else if said.starts_with("Timeout of ") && said.contains("ms exceeded") {
        Outcome::TimedOut
    } else {
        Outcome::Failed
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let number: f64 = text.trim().parse().ok()?;
    // Casts of floats saturate.
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}
