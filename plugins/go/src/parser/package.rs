//! The tests of one package while they run.

use std::collections::{HashMap, HashSet};

use flaky_plugin_sdk::{Failure, Outcome};
use flaky_plugin_text::capped;

use super::{failure, line};

/// More of what one test printed tells nothing new about its failure.
const MOST_OUTPUT: usize = 64 * 1024;

/// A package whose tests are running.
#[derive(Debug, Default)]
pub(super) struct Package {
    tests: Vec<Test>,
    /// Position of the latest test of a name.
    latest: HashMap<String, usize>,
    /// The test that printed lines belong to.
    current: Option<usize>,
    /// How many tests have no result.
    open: usize,
    /// Counts changes of which test runs.
    moves: u64,
    death: Death,
}

#[derive(Debug)]
struct Test {
    name: String,
    state: State,
    nanoseconds: Option<u64>,
    output: String,
    /// When it was closed, in moves.
    closed_at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Closed(Outcome),
}

/// What the runtime printed when it ended the process.
#[derive(Debug, Default)]
struct Death {
    printed: String,
    timed_out: bool,
    /// Since Go 1.20 the runtime names the tests that ran.
    in_list: bool,
    running: Vec<String>,
}

/// How a package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    Failed,
    /// The output stops.
    Cut,
    /// The output stops because the attempt's own time was up.
    OutOfTime,
}

/// A test that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) name: String,
    /// `None` when it was announced and no more.
    pub(super) outcome: Option<Outcome>,
    pub(super) nanoseconds: Option<u64>,
    pub(super) failure: Option<Failure>,
}

impl Package {
    pub(super) fn len(&self) -> usize {
        self.tests.len()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.tests.iter().any(|test| test.state == State::Closed(Outcome::Failed))
    }

    pub(super) fn has_open_tests(&self) -> bool {
        self.open > 0
    }

    /// Position of a test of this name that has no result yet.
    pub(super) fn open(&self, name: &str) -> Option<usize> {
        let at = *self.latest.get(name)?;
        let test = self.tests.get(at)?;
        (!matches!(test.state, State::Closed(_))).then_some(at)
    }

    pub(super) fn begin(&mut self, name: &str) {
        self.moves += 1;
        // A process that ended by this would not have gone on.
        self.death = Death::default();
        if !line::is_test_name(name) {
            self.current = None;
            return;
        }
        if let Some(at) = self.open(name) {
            self.current = Some(at);
            return;
        }
        self.push(name, State::Running);
    }

    fn push(&mut self, name: &str, state: State) {
        let at = self.tests.len();
        self.open += usize::from(!matches!(state, State::Closed(_)));
        self.latest.insert(name.to_owned(), at);
        self.tests.push(Test {
            name: name.to_owned(),
            state,
            nanoseconds: None,
            output: String::new(),
            closed_at: self.moves,
        });
        self.current = Some(at);
    }

    pub(super) fn pause(&mut self, name: &str) {
        if let Some(test) = self.open(name).and_then(|at| self.tests.get_mut(at)) {
            test.state = State::Paused;
        }
        self.moves += 1;
    }

    /// What follows is this test's.
    pub(super) fn go_on(&mut self, name: &str) {
        self.moves += 1;
        self.current = self.latest.get(name).copied();
        if let Some(test) = self.open(name).and_then(|at| self.tests.get_mut(at)) {
            test.state = State::Running;
        }
    }

    /// Gives a test its result, and says whether it was one to be had: of a test that has begun, and that has no result,
    /// or only one after which no other test came to run (so that it printed that one itself).
    pub(super) fn close(&mut self, name: &str, outcome: Outcome, nanoseconds: Option<u64>) -> bool {
        let Some(at) = self.latest.get(name).copied() else { return false };
        let moves = self.moves;
        let Some(test) = self.tests.get_mut(at) else { return false };
        if matches!(test.state, State::Closed(_)) && test.closed_at != moves {
            return false;
        }
        self.open -= usize::from(!matches!(test.state, State::Closed(_)));
        test.state = State::Closed(outcome);
        test.nanoseconds = nanoseconds;
        test.closed_at = moves;
        self.current = Some(at);
        true
    }

    /// Adds a test that is named only when it failed.
    pub(super) fn add_failed(&mut self, name: &str, nanoseconds: Option<u64>) {
        self.push(name, State::Closed(Outcome::Failed));
        if let Some(test) = self.tests.last_mut() {
            test.nanoseconds = nanoseconds;
        }
    }

    /// Chooses whose lines follow.
    pub(super) fn speak(&mut self, name: &str) {
        self.current = self.latest.get(name).copied();
    }

    pub(super) fn output(&mut self, text: &str) {
        if self.death.take(text) {
            return;
        }
        let Some(test) = self.current.and_then(|at| self.tests.get_mut(at)) else { return };
        if !matches!(test.state, State::Closed(Outcome::Passed | Outcome::Skipped)) {
            capped(&mut test.output, text, MOST_OUTPUT);
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        !self.death.printed.is_empty()
    }

    /// What the runtime said at the end, if it did.
    pub(super) fn last_words(&self) -> Option<Failure> {
        self.is_dead().then(|| failure::of_death(&self.death.printed))
    }

    /// The first `count` tests as a package of their own; the others stay.
    pub(super) fn split(&mut self, count: usize) -> Self {
        let rest = self.tests.split_off(count.min(self.tests.len()));
        let latest = rest.iter().enumerate().map(|(at, test)| (test.name.clone(), at)).collect();
        let current = self.current.and_then(|at| at.checked_sub(count));
        let is_open = |test: &&Test| !matches!(test.state, State::Closed(_));
        let open = rest.iter().filter(is_open).count();
        self.open -= open;
        let next = Self { tests: rest, latest, current, open, moves: self.moves, death: Death::default() };
        std::mem::replace(self, next)
    }

    /// The tests in the order in which they began.
    pub(super) fn finish(mut self, end: End) -> Vec<Finished> {
        if self.death.timed_out {
            for name in std::mem::take(&mut self.death.running) {
                if line::is_test_name(&name) && self.open(&name).is_none() {
                    self.push(&name, State::Running);
                }
                self.death.running.push(name);
            }
        }
        let running = self.running();
        let blamed = self.blamed_for_death(end);
        let mut last_words =
            self.last_words().map(|said| failure::Shared::among(running.len() + blamed.len(), said));
        let tests = self.tests.into_iter().enumerate().filter_map(|(at, test)| {
            let outcome = match (test.state, end) {
                (State::Closed(outcome), _) => Some(outcome),
                // Only a line that a test printed can have named it.
                (_, End::Ok) => return None,
                _ if running.binary_search(&at).is_err() => None,
                (_, End::OutOfTime) => Some(Outcome::TimedOut),
                (_, End::Cut) => None,
                (_, End::Failed) if self.death.timed_out => Some(Outcome::TimedOut),
                (_, End::Failed) => Some(Outcome::Crashed),
            };
            let own = match outcome {
                Some(Outcome::Failed) => failure::of_output(&test.output),
                _ => None,
            };
            let dies = matches!(outcome, Some(Outcome::TimedOut | Outcome::Crashed))
                || blamed.binary_search(&at).is_ok();
            let failure = own.or_else(|| last_words.as_mut().filter(|_| dies).map(failure::Shared::next));
            Some(Finished { name: test.name, outcome, nanoseconds: test.nanoseconds, failure })
        });
        tests.collect()
    }

    /// Positions of the tests that ran at the end, in order: those that the runtime named, with their parents, or all that
    /// had begun and were not waiting for their turn.
    fn running(&self) -> Vec<usize> {
        let named: HashSet<&str> = self.death.running.iter().flat_map(|name| with_parents(name)).collect();
        let is_running = |test: &Test| match named.is_empty() {
            true => test.state == State::Running,
            false => named.contains(test.name.as_str()),
        };
        let is_open = |test: &Test| !matches!(test.state, State::Closed(_));
        let open = self.tests.iter().enumerate().filter(|(_, test)| is_open(test) && is_running(test));
        open.map(|(at, _)| at).collect()
    }

    /// Positions, in order, of the tests whose panic ended the process: Go says that they failed before it says why. They
    /// are the last that failed, a subtest and its parents.
    fn blamed_for_death(&self, end: End) -> Vec<usize> {
        if end != End::Failed || self.death.printed.is_empty() || self.death.timed_out {
            return Vec::new();
        }
        let Some(last) = self.tests.iter().rev().find(|t| t.state == State::Closed(Outcome::Failed)) else {
            return Vec::new();
        };
        let root = last.name.split('/').next().unwrap_or_default();
        let family = |test: &Test| test.name.split('/').next() == Some(root);
        let failed =
            |test: &Test| test.state == State::Closed(Outcome::Failed) && test.output.trim().is_empty();
        let all = self.tests.iter().enumerate().filter(|(_, test)| family(test) && failed(test));
        all.map(|(at, _)| at).collect()
    }
}

/// A test's name and those of the tests that it is part of.
fn with_parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at)).chain([name])
}

impl Death {
    /// Keeps a line if it is part of what the runtime prints at its end.
    fn take(&mut self, text: &str) -> bool {
        if self.printed.is_empty() {
            let starts = ["panic: ", "fatal error: ", "SIGQUIT: ", "exit status ", "signal: "];
            if !starts.iter().any(|start| text.starts_with(start)) {
                return false;
            }
            self.timed_out = text.starts_with("panic: test timed out after ");
        } else if text.trim_start() == "running tests:" {
            // Go 1.20 to 1.22 indent the list less.
            self.in_list = true;
        } else if self.in_list {
            let named = text.strip_prefix('\t').and_then(|line| line.trim_start().rsplit_once(" ("));
            self.in_list = named.is_some();
            self.running.extend(named.map(|(name, _)| name.to_owned()));
        }
        capped(&mut self.printed, text, MOST_OUTPUT);
        true
    }
}
