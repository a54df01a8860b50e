//! Tests as nextest tells of them, try by try.

use std::collections::HashMap;

use flaky_plugin_cargo_test::panic_of;
use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder,
};
use flaky_plugin_text::capped;

/// More of what one test printed tells nothing new about its failure.
const MOST_OUTPUT: usize = 256 * 1024;

/// Whoever tries more often has no use for the list.
const MOST_TRIES: u32 = 1000;

#[derive(Debug, Default)]
pub(super) struct Tests {
    tests: Vec<Test>,
    by_id: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct Test {
    id: String,
    /// Where the test's own path begins in the id.
    name_at: usize,
    tries: Vec<Outcome>,
    /// Another try may follow.
    goes_on: bool,
    nanoseconds: Option<u64>,
    output: String,
    /// What is known of a failure without its output.
    failure: Option<Failure>,
}

impl Tests {
    /// Position of a test, new or known.
    pub(super) fn at(&mut self, binary: &str, name: &str) -> usize {
        let id = format!("{binary}::{name}");
        if let Some(at) = self.by_id.get(&id) {
            return *at;
        }
        let at = self.tests.len();
        self.by_id.insert(id.clone(), at);
        self.tests.push(Test { name_at: id.len() - name.len(), id, ..Test::default() });
        at
    }

    pub(super) fn is(&self, at: usize, binary: &str, name: &str) -> bool {
        let id = self.tests.get(at).map(|test| test.id.as_str());
        id.and_then(|id| id.strip_suffix(name)?.strip_suffix("::")) == Some(binary)
    }

    /// Whether this was news.
    pub(super) fn add_try(
        &mut self,
        at: usize,
        attempt: Option<u32>,
        outcome: Outcome,
        nanoseconds: Option<u64>,
    ) -> bool {
        let Some(test) = self.tests.get_mut(at) else { return false };
        // The list at the end repeats what was told.
        if attempt.is_some_and(|attempt| (attempt as usize) <= test.tries.len())
            || (attempt.is_none() && !test.tries.is_empty())
        {
            return false;
        }
        // Tries that were not shown failed, or there would be no other.
        let before = attempt.map_or(0, |attempt| attempt.saturating_sub(1).min(MOST_TRIES) as usize);
        test.tries.resize(before.max(test.tries.len()), Outcome::Failed);
        test.tries.push(outcome);
        test.nanoseconds = nanoseconds.or(test.nanoseconds);
        true
    }

    /// What was printed before was another try's.
    pub(super) fn forget_output(&mut self, at: usize) {
        if let Some(test) = self.tests.get_mut(at) {
            test.output.clear();
        }
    }

    pub(super) fn set_last(&mut self, at: usize, is_last: bool) {
        if let Some(test) = self.tests.get_mut(at) {
            test.goes_on = !is_last;
        }
    }

    pub(super) fn set_failure(&mut self, at: usize, failure: Failure) {
        if let Some(test) = self.tests.get_mut(at) {
            test.failure = Some(failure);
        }
    }

    pub(super) fn output(&mut self, at: usize, line: &str) {
        if let Some(test) = self.tests.get_mut(at) {
            capped(&mut test.output, line, MOST_OUTPUT);
        }
    }

    pub(super) fn told(&self) -> u64 {
        self.tests.iter().filter(|test| test.tries.last().is_some_and(|o| *o != Outcome::Skipped)).count()
            as u64
    }

    pub(super) fn finish(
        self,
        format: &str,
        attempt: &Attempt<'_>,
        ended: bool,
        mut diagnostics: Vec<Diagnostic>,
    ) -> PackedAttempt {
        let exit = &attempt.info().exit;
        let whole = ended && !exit.timed_out && exit.signal.is_none();
        let mut packed = PackedTestsBuilder::default();
        let mut announced = Vec::new();
        let nothing = self.tests.is_empty();
        for test in self.tests {
            let outcome = match test.tries.last() {
                Some(outcome) if ended || !test.goes_on => *outcome,
                _ if exit.timed_out => Outcome::TimedOut,
                _ => {
                    announced.push(test.id);
                    continue;
                }
            };
            let name = test.id.get(test.name_at..).unwrap_or_default();
            let index = packed.push(&test.id, outcome);
            packed.set_name(index, name);
            if let Some(nanoseconds) = test.nanoseconds {
                packed.set_duration(index, nanoseconds);
            }
            if !matches!(outcome, Outcome::Passed | Outcome::Skipped) {
                let failure = test.failure.or_else(|| failure_of(&test.output, name));
                if let Some(failure) = failure {
                    packed.add_failure(index, failure);
                }
            }
            if test.tries.len() > 1 {
                packed.set_tries(index, test.tries);
            }
        }
        if whole && nothing && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new("no-tests", "nextest found no test to run"));
        }
        let named = !diagnostics.iter().any(|diagnostic| diagnostic.code == "unnamed-tests");
        PackedAttempt {
            format: format.to_owned(),
            tests: packed.finish(),
            completeness: if whole && named { Completeness::Complete } else { Completeness::Truncated },
            announced,
            diagnostics,
        }
    }
}

/// What a test said itself; without that, what nextest says of its end: `(test failed with exit code 3)`.
fn failure_of(output: &str, test: &str) -> Option<Failure> {
    if output.trim().is_empty() {
        return None;
    }
    let failure = panic_of(output, test);
    if !failure.kind.is_empty() || failure.message.starts_with("Error: ") {
        return Some(failure);
    }
    let verdict = output.lines().rev().find_map(|line| line.strip_prefix("(test ")?.strip_suffix(')'));
    Some(match verdict {
        Some(verdict) => Failure { message: format!("test {verdict}"), ..failure },
        None => failure,
    })
}
