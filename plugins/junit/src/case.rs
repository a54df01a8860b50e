//! One `<testcase>`: what was collected of it, and what became of the test.

use crate::identity::Dialect;
use crate::model::{Failure, Outcome};
use crate::{account, text};

/// An element inside a case that tells of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultKind {
    Failure,
    Error,
    Skipped,
    /// Surefire and nextest: one more failed try of a test that failed in the end.
    RerunFailure,
    RerunError,
    /// Surefire and nextest: a failed try of a test that passed in the end.
    FlakyFailure,
    FlakyError,
}

impl ResultKind {
    pub(crate) fn of_element(name: &str) -> Option<Self> {
        Some(match name {
            "failure" => Self::Failure,
            "error" => Self::Error,
            "skipped" | "skip" | "ignored" | "disabled" => Self::Skipped,
            "rerunFailure" => Self::RerunFailure,
            "rerunError" => Self::RerunError,
            "flakyFailure" => Self::FlakyFailure,
            "flakyError" => Self::FlakyError,
            _ => return None,
        })
    }
}

/// A result element with its text, as written.
#[derive(Debug, Clone)]
pub(crate) struct CaseResult {
    pub(crate) kind: ResultKind,
    pub(crate) type_name: String,
    pub(crate) message: String,
    pub(crate) body: String,
}

/// A `<testcase>` as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// `None` when the attribute is missing, which means something else than an empty one.
    pub(crate) class: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) duration_ns: Option<u64>,
    /// What `status` and `result` attributes say.
    pub(crate) stated: Option<Outcome>,
    pub(crate) results: Vec<CaseResult>,
}

/// What became of the test.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) failures: Vec<Failure>,
    pub(crate) tries: Vec<Outcome>,
}

/// The word of a `status` or `result` attribute; `None` for words without a meaning, such as `run`.
pub(crate) fn stated(word: &str) -> Option<Outcome> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "failed" | "fail" | "failure" => Outcome::Failed,
        "error" | "errored" | "broken" => Outcome::Errored,
        "skipped" | "skip" | "ignored" | "disabled" | "pending" | "todo" | "notrun" | "not_run"
        | "suppressed" => Outcome::Skipped,
        "timeout" | "timedout" | "timed_out" => Outcome::TimedOut,
        "crashed" | "aborted" => Outcome::Crashed,
        _ => return None,
    })
}

impl Case {
    /// Whether pytest says that it could not collect what the case is named after.
    pub(crate) fn is_collection_failure(&self) -> bool {
        self.results.iter().any(|r| r.kind == ResultKind::Error && r.message == "collection failure")
    }

    pub(crate) fn judge(&self, dialect: Dialect) -> Judged {
        let failed = self.results.iter().any(|r| matches!(r.kind, ResultKind::Failure | ResultKind::Error));
        // pytest puts a skipped subtest, and the failed tear-down of a skipped test, into one case with the others.
        let is_beside_failure = failed && dialect == Dialect::Pytest;
        let skipped = self.results.iter().find(|result| result.kind == ResultKind::Skipped);
        if let Some(skipped) = skipped.filter(|_| !is_beside_failure) {
            // Wins over a failure beside it: that is how Catch2 writes a failure that was expected.
            let outcome = match skipped.type_name.as_str() {
                "pytest.xfail" => Outcome::ExpectedFailure,
                _ => Outcome::Skipped,
            };
            return Judged { outcome, failures: Vec::new(), tries: Vec::new() };
        }
        let mut failures = Vec::new();
        let mut tries = Vec::new();
        let mut outcome = None;
        let mut flaky_tries = Vec::new();
        for result in self.results.iter().filter(|result| !is_risky(result)) {
            let (failure, kind) = failure_of(result, self.name.trim());
            match result.kind {
                ResultKind::Failure | ResultKind::Error => {
                    keep(&mut failures, failure);
                    // The test's own failure says more than that of its tear-down.
                    outcome = Some(worse(outcome, kind));
                }
                ResultKind::RerunFailure | ResultKind::RerunError => {
                    keep(&mut failures, failure);
                    tries.push(kind);
                }
                ResultKind::FlakyFailure | ResultKind::FlakyError => flaky_tries.push(kind),
                ResultKind::Skipped => {}
            }
        }
        drop_summaries(&mut failures);
        // With re-runs alone the first try must have failed too, whatever else was lost.
        let outcome = outcome.or_else(|| tries.first().copied()).or(self.stated).unwrap_or(Outcome::Passed);
        if !tries.is_empty() {
            tries.insert(0, outcome);
        } else if !flaky_tries.is_empty() {
            tries = flaky_tries;
            tries.push(outcome);
        }
        Judged { outcome, failures, tries }
    }
}

/// PHPUnit before 10 writes a risky test as an error, and counts it as one in the file; on its own screen it is none, and
/// the command ends with 0. (`TestResult::addFailure` of PHPUnit 9 names these classes.)
fn is_risky(result: &CaseResult) -> bool {
    const RISKY: [&str; 5] = [
        "RiskyTestError",
        "OutputError",
        "CoveredCodeNotExecutedException",
        "MissingCoversAnnotationException",
        "UnintentionallyCoveredCodeError",
    ];
    let class = result.type_name.strip_prefix("PHPUnit\\Framework\\");
    result.kind == ResultKind::Error && class.is_some_and(|class| RISKY.contains(&class))
}

/// A re-run that failed as the first try did is no second way of failing.
pub(crate) fn keep(failures: &mut Vec<Failure>, failure: Failure) {
    if !failures.iter().any(|kept| kept.kind == failure.kind && kept.message == failure.message) {
        failures.push(failure);
    }
}

/// pytest adds a failure of its own to those of failed subtests, which says only that there were some.
pub(crate) fn drop_summaries(failures: &mut Vec<Failure>) {
    let is_summary = |failure: &Failure| {
        failure.message.starts_with("contains ")
            && (failure.message.ends_with(" failed subtest") || failure.message.ends_with(" failed subtests"))
    };
    if failures.iter().any(|failure| !is_summary(failure)) {
        failures.retain(|failure| !is_summary(failure));
    }
}

fn worse(before: Option<Outcome>, now: Outcome) -> Outcome {
    match (before, now) {
        (None | Some(Outcome::Errored), now) => now,
        (Some(before), _) => before,
    }
}

/// The failure and what kind of outcome it is by itself.
fn failure_of(result: &CaseResult, test: &str) -> (Failure, Outcome) {
    let trace = text::clean(&result.body);
    let mut message = account::message(text::clean(&result.message), &result.type_name, &trace, test);
    let mut kind = text::clean(result.type_name.trim());
    if kind.is_empty() {
        if let Some((exception, rest)) = split_exception(&message) {
            kind = exception.to_owned();
            message = rest.to_owned();
        } else if let Some((exception, rest)) = collection_failure(&message, &trace).and_then(split_exception)
        {
            kind = exception.to_owned();
            message = rest.to_owned();
        } else if let Some((exception, _)) = fixture_failure(&message).and_then(split_exception) {
            kind = exception.to_owned();
        } else if let Some(exception) = named_last(&trace) {
            kind = exception.to_owned();
        }
    } else if let Some(rest) = message.strip_prefix(kind.as_str()).and_then(|rest| rest.strip_prefix(": ")) {
        message = rest.to_owned();
    }
    let outcome = outcome_of(result, &kind, &message);
    (Failure { kind, message, trace }, outcome)
}

fn outcome_of(result: &CaseResult, kind: &str, message: &str) -> Outcome {
    let own = match result.kind {
        ResultKind::Error | ResultKind::RerunError | ResultKind::FlakyError => Outcome::Errored,
        _ => Outcome::Failed,
    };
    let kind = kind.to_ascii_lowercase();
    // pytest for a strict expected failure that passed.
    if message.starts_with("[XPASS(strict)]") {
        Outcome::UnexpectedPass
    // nextest; CTest; pytest-timeout.
    } else if kind == "timeout"
        || kind == "test timeout"
        || message == "Timeout"
        || message.starts_with("Timeout (>")
        || message.starts_with("Timeout >")
        || fixture_failure(message).is_some_and(|quoted| quoted.starts_with("Failed: Timeout "))
    {
        Outcome::TimedOut
    // nextest for a signal; pytest-xdist for a worker that died.
    } else if kind == "test abort"
        || (message.contains("worker '") && message.contains("' crashed while running '"))
    {
        Outcome::Crashed
    } else {
        own
    }
}

/// `KeyError: 'a'` as kind and message. Only what looks like the name of an exception counts, so that prose
/// with a colon stays whole.
fn split_exception(message: &str) -> Option<(&str, &str)> {
    let (head, rest) = match message.split_once(':') {
        Some((head, rest)) if rest.is_empty() || rest.starts_with([' ', '\n']) => (head, rest.trim_start()),
        _ => return None,
    };
    let last = head.rsplit(['.', ':', '\\', '$']).next().unwrap_or(head);
    let is_name = !head.is_empty() && head.chars().all(|c| c.is_alphanumeric() || "._$\\".contains(c));
    let is_exception = ["Error", "Exception", "Warning", "Failed", "Failure", "Fault", "Interrupt", "Exit"]
        .iter()
        .any(|end| last.ends_with(end));
    (is_name && is_exception).then_some((head, rest))
}

/// The exception that ends a trace of pytest: `tests/test_cart.py:31: AssertionError`.
fn named_last(trace: &str) -> Option<&str> {
    let (place, exception) = trace.lines().next_back()?.rsplit_once(": ")?;
    let (_, line) = place.rsplit_once(':')?;
    let is_place = !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit());
    let is_name = exception.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    (is_place && is_name && !exception.is_empty()).then_some(exception)
}

/// What pytest quotes of a failed fixture: `failed on setup with "KeyError: 'a'"`.
fn fixture_failure(message: &str) -> Option<&str> {
    message.strip_prefix("failed on ")?.split_once(" with \"").map(|(_, quoted)| quoted)
}

/// What pytest shows of the exception that stopped it from collecting: the last line marked `E`.
fn collection_failure<'a>(message: &str, trace: &'a str) -> Option<&'a str> {
    if message != "collection failure" {
        return None;
    }
    trace.lines().rev().find_map(|line| line.strip_prefix("E   "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(kind: ResultKind, type_name: &str, message: &str, body: &str) -> CaseResult {
        CaseResult { kind, type_name: type_name.into(), message: message.into(), body: body.into() }
    }

    #[test]
    fn what_phpunit_calls_risky_has_passed_unless_it_failed_as_well() {
        use ResultKind::{Error, Failure};
        let risky = |class: &str| result(Error, &format!("PHPUnit\\Framework\\{class}"), "", "Risky Test");
        let failed = result(Failure, "PHPUnit\\Framework\\ExpectationFailedException", "", "no");
        for (results, expected) in [
            (vec![risky("RiskyTestError")], Outcome::Passed),
            (vec![risky("OutputError"), risky("UnintentionallyCoveredCodeError")], Outcome::Passed),
            (vec![risky("RiskyTestError"), failed], Outcome::Failed),
            (vec![risky("Exception")], Outcome::Errored),
            (vec![result(Error, "RiskyTestError", "", "")], Outcome::Errored),
        ] {
            let case = Case { results, ..Case::default() };
            assert_eq!(case.judge(Dialect::Other).outcome, expected, "{case:?}");
        }
    }

    #[test]
    fn kind_and_message_are_told_apart() {
        use ResultKind::{Error, Failure};
        let cases = [
            (
                Failure,
                "",
                "AssertionError: assert 1 == 2\n  +x",
                "",
                ("AssertionError", "assert 1 == 2\n  +x", Outcome::Failed),
            ),
            (
                Failure,
                "java.lang.AssertionError",
                "expected 1",
                "t",
                ("java.lang.AssertionError", "expected 1", Outcome::Failed),
            ),
            (Failure, "E", "E: said twice", "", ("E", "said twice", Outcome::Failed)),
            (Failure, "", "", "\n  at first line\nrest", ("", "at first line\nrest", Outcome::Failed)),
            (Failure, "", "note: this is prose", "", ("", "note: this is prose", Outcome::Failed)),
            (
                Failure,
                "",
                "Failed: Timeout (>1.0s) from pytest-timeout.",
                "",
                ("Failed", "Timeout (>1.0s) from pytest-timeout.", Outcome::TimedOut),
            ),
            (
                Failure,
                "",
                "[XPASS(strict)] known bug",
                "",
                ("", "[XPASS(strict)] known bug", Outcome::UnexpectedPass),
            ),
            (
                Error,
                "",
                "failed on setup with \"Failed: Timeout (>1.0s) from pytest-timeout.\"",
                "",
                (
                    "Failed",
                    "failed on setup with \"Failed: Timeout (>1.0s) from pytest-timeout.\"",
                    Outcome::TimedOut,
                ),
            ),
            (Failure, "test timeout", "", "", ("test timeout", "", Outcome::TimedOut)),
            (Failure, "test abort", "", "", ("test abort", "", Outcome::Crashed)),
            (
                Error,
                "",
                "failed on setup with \"RuntimeError: boom\"",
                "",
                ("RuntimeError", "failed on setup with \"RuntimeError: boom\"", Outcome::Errored),
            ),
            (
                Error,
                "",
                "worker 'gw0' crashed while running 'a'",
                "",
                ("", "worker 'gw0' crashed while running 'a'", Outcome::Crashed),
            ),
        ];
        for (kind, type_name, message, body, expected) in cases {
            let (failure, outcome) = failure_of(&result(kind, type_name, message, body), "t");
            assert_eq!((failure.kind.as_str(), failure.message.as_str(), outcome), expected);
        }
    }

    #[test]
    fn a_failure_of_pytest_counts_beside_what_was_skipped() {
        let results = [ResultKind::Skipped, ResultKind::Error, ResultKind::Skipped];
        let results = results.iter().map(|kind| result(*kind, "", "m", "b")).collect();
        let case = Case { results, ..Case::default() };
        assert_eq!(case.judge(Dialect::Pytest).outcome, Outcome::Errored);
        assert_eq!(case.judge(Dialect::Other).outcome, Outcome::Skipped);
    }

    #[test]
    fn results_decide_the_outcome_and_the_tries() {
        use Outcome::{Errored, ExpectedFailure, Failed, Passed, Skipped};
        use ResultKind as K;
        /// Results, stated outcome; outcome, number of failures, tries.
        type Row<'a> = (&'a [(ResultKind, &'a str)], Option<Outcome>, Outcome, usize, &'a [Outcome]);
        let cases: &[Row<'_>] = &[
            (&[], None, Passed, 0, &[]),
            (&[], Some(Skipped), Skipped, 0, &[]),
            (&[(K::Failure, "")], Some(Skipped), Failed, 1, &[]),
            (&[(K::Error, "a"), (K::Failure, "b")], None, Failed, 2, &[]),
            (&[(K::Failure, "a"), (K::Error, "b")], None, Failed, 2, &[]),
            (&[(K::Failure, "a"), (K::Failure, "b")], None, Failed, 2, &[]),
            (&[(K::Failure, ""), (K::Skipped, "")], None, Skipped, 0, &[]),
            (&[(K::Skipped, "pytest.xfail")], None, ExpectedFailure, 0, &[]),
            (&[(K::FlakyFailure, ""), (K::FlakyError, "")], None, Passed, 0, &[Failed, Errored, Passed]),
            (&[(K::Failure, ""), (K::RerunFailure, "")], None, Failed, 1, &[Failed, Failed]),
            (&[(K::RerunError, "")], None, Errored, 1, &[Errored, Errored]),
        ];
        for (results, stated, outcome, failures, tries) in cases {
            let case = Case {
                stated: *stated,
                results: results.iter().map(|(kind, name)| result(*kind, name, "m", "b")).collect(),
                ..Case::default()
            };
            let judged = case.judge(Dialect::Other);
            assert_eq!(
                (judged.outcome, judged.failures.len(), judged.tries.as_slice()),
                (*outcome, *failures, *tries),
                "{results:?}"
            );
        }
    }
}
