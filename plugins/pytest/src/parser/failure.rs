//! What one failure was.

use flaky_plugin_sdk::{Failure, Outcome};

/// A failure from what pytest calls the crash message: `ValueError: bad`, `assert 1 == 2`.
pub(crate) fn failure(message: &str, trace: &str) -> Failure {
    let (kind, message) = split_kind(message);
    Failure { kind: kind.to_owned(), message: message.to_owned(), trace: trace.to_owned() }
}

/// The outcome of a test whose call failed with this.
pub(crate) fn failed_outcome(failure: &Failure) -> Outcome {
    match failure.kind.as_str() {
        // pytest-timeout fails the test by the same call as `pytest.fail`.
        "Failed" if is_timeout(&failure.message) => Outcome::TimedOut,
        STRICT_PASS => Outcome::UnexpectedPass,
        _ => Outcome::Failed,
    }
}

/// How pytest begins the message of a test that had to fail and did not.
const STRICT_PASS: &str = "XPASS(strict)";

fn is_timeout(message: &str) -> bool {
    message.strip_prefix("Timeout ").is_some_and(|rest| rest.starts_with('>') || rest.starts_with("(>"))
}

/// `contains 2 failed subtests`.
pub(crate) fn is_sum_of_subtests(message: &str) -> bool {
    let number = message.strip_prefix("contains ").and_then(|rest| rest.split_once(' '));
    number.is_some_and(|(number, rest)| {
        number.parse::<u64>().is_ok() && matches!(rest, "failed subtest" | "failed subtests")
    })
}

fn split_kind(message: &str) -> (&str, &str) {
    let message = message.trim_end();
    if let Some(reason) = message.strip_prefix("[XPASS(strict)]") {
        return (STRICT_PASS, reason.trim_start());
    }
    if message.starts_with("assert ") {
        return ("AssertionError", message);
    }
    let line_end = message.find('\n').unwrap_or(message.len());
    let head = message.get(..line_end).unwrap_or(message);
    let (kind, rest) = match head.find(": ") {
        Some(colon) => (head.get(..colon), message.get(colon + 2..)),
        None => (Some(head.trim_end_matches(':')), message.get(line_end..)),
    };
    match kind {
        Some(kind) if is_exception(kind) => (kind, rest.unwrap_or_default().trim_start_matches('\n')),
        _ => ("", message),
    }
}

/// A dotted name whose last part is written as classes are.
fn is_exception(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.starts_with(char::is_uppercase)
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '<' || c == '>')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_what_stands_before_the_colon_if_it_is_a_class() {
        let cases = [
            ("ValueError: bad: worse", "ValueError", "bad: worse"),
            ("assert 1 == 2\n +  where 1 = f()", "AssertionError", "assert 1 == 2\n +  where 1 = f()"),
            ("AssertionError: cart\nassert 1 == 2", "AssertionError", "cart\nassert 1 == 2"),
            ("AssertionError", "AssertionError", ""),
            (
                "requests.exceptions.ConnectionError: refused",
                "requests.exceptions.ConnectionError",
                "refused",
            ),
            ("Failed: by hand", "Failed", "by hand"),
            ("KeyError: 'x'", "KeyError", "'x'"),
            ("[XPASS(strict)] known bug", "XPASS(strict)", "known bug"),
            (
                "worker 'gw0' crashed while running 'a.py::t'",
                "",
                "worker 'gw0' crashed while running 'a.py::t'",
            ),
            ("some text: with a colon", "", "some text: with a colon"),
            ("", "", ""),
        ];
        for (text, kind, message) in cases {
            let failure = failure(text, "");
            assert_eq!((failure.kind.as_str(), failure.message.as_str()), (kind, message), "{text}");
        }
    }

    #[test]
    fn a_time_out_and_a_pass_that_had_to_fail_have_outcomes_of_their_own() {
        let cases = [
            ("Failed: Timeout >1.0s", Outcome::TimedOut),
            ("Failed: Timeout (>1.0s) from pytest-timeout.", Outcome::TimedOut),
            ("Failed: Timeout was not expected", Outcome::Failed),
            ("[XPASS(strict)] ", Outcome::UnexpectedPass),
            ("ValueError: x", Outcome::Failed),
        ];
        for (text, outcome) in cases {
            assert_eq!(failed_outcome(&failure(text, "")), outcome, "{text}");
        }
    }
}
