//! What pytest says of a failure, split into kind, message and trace.

use flaky_plugin_sdk::{Failure, Outcome};

/// Longest trace that is kept, in bytes: a page or two at each end.
const TRACE: usize = 16 * 1024;

/// Makes a failure of the line of an exception (`Type: text`) and the whole account.
pub(crate) fn of_crash(crash: &str, trace: &str) -> Failure {
    let crash = if crash.trim().is_empty() { last_line(trace) } else { crash };
    let (kind, message) = split(crash);
    Failure { kind, message, trace: shortened(trace) }
}

/// The kind of an exception and its text. pytest leaves `AssertionError: ` out where it explains an `assert`.
pub(crate) fn split(crash: &str) -> (String, String) {
    let crash = crash.trim();
    if crash.starts_with("assert ") || crash == "assert" {
        return ("AssertionError".to_owned(), crash.to_owned());
    }
    let first = crash.lines().next().unwrap_or_default();
    let kind = first.split(": ").next().unwrap_or_default().trim_end_matches(':');
    if !is_type(kind) {
        return (String::new(), crash.to_owned());
    }
    let message = crash.get(kind.len()..).unwrap_or_default();
    let message = message.strip_prefix(':').unwrap_or(message);
    (kind.to_owned(), message.trim().to_owned())
}

/// A dotted name whose last part begins with a capital letter, as types of exceptions do, or ends in a word that
/// only they do: `socket.timeout` is a type, `note` is not.
fn is_type(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let known = ["error", "timeout", "exception", "warning"];
    let dotted_name = !name.is_empty()
        && name.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
    dotted_name
        && (last.trim_start_matches('_').starts_with(char::is_uppercase)
            || known.iter().any(|word| last.ends_with(word)))
}

/// How the test ended, when it is known that it failed.
pub(crate) fn outcome(failure: &Failure, in_call: bool) -> Outcome {
    // The texts of pytest-timeout, of xdist, and of pytest itself.
    let text = if failure.message.is_empty() { &failure.trace } else { &failure.message };
    let text = text.trim_start();
    if failure.kind == "Failed" && (text.starts_with("Timeout >") || text.starts_with("Timeout (>")) {
        Outcome::TimedOut
    } else if text.starts_with("worker '") && text.contains("' crashed while running '") {
        Outcome::Crashed
    } else if text.starts_with("[XPASS(strict)]") || text == "Unexpected success" {
        Outcome::UnexpectedPass
    } else if in_call {
        Outcome::Failed
    } else {
        Outcome::Errored
    }
}

/// The last line that says something.
pub(crate) fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The beginning and the end of a text that is too long.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= TRACE {
        return text.to_owned();
    }
    let mut head = TRACE / 2;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - TRACE / 2;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let (head, tail) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    format!("{head}\n[...]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_exception_is_told_from_its_text() {
        for (crash, kind, message) in [
            ("assert 1 == 2", "AssertionError", "assert 1 == 2"),
            ("AssertionError: off by one\nassert 1 == 2", "AssertionError", "off by one\nassert 1 == 2"),
            ("ValueError", "ValueError", ""),
            ("ValueError: a: b", "ValueError", "a: b"),
            ("json.decoder.JSONDecodeError: Expecting value", "json.decoder.JSONDecodeError", "Expecting value"),
            ("socket.timeout: timed out", "socket.timeout", "timed out"),
            ("Failed: DID NOT RAISE <class 'X'>", "Failed", "DID NOT RAISE <class 'X'>"),
            ("KeyError: 'k'", "KeyError", "'k'"),
            ("_MyError: x", "_MyError", "x"),
            ("note: this is text", "", "note: this is text"),
            ("Several words: x", "", "Several words: x"),
            ("", "", ""),
        ] {
            assert_eq!(split(crash), (kind.to_owned(), message.to_owned()), "{crash}");
        }
    }

    #[test]
    fn a_long_trace_keeps_both_ends_and_whole_characters() {
        let text = format!("begin{}end", "ü".repeat(TRACE));
        let short = shortened(&text);
        assert!(short.len() < TRACE + 16);
        assert!(short.starts_with("beginü") && short.ends_with("üend") && short.contains("\n[...]\n"));
    }

    #[test]
    fn failures_of_special_kinds_have_their_own_outcome() {
        let of = |crash: &str, call| outcome(&of_crash(crash, crash), call);
        assert_eq!(of("Failed: Timeout >1.0s", true), Outcome::TimedOut);
        assert_eq!(of("Failed: Timeout (>1.0s) from pytest-timeout.", true), Outcome::TimedOut);
        assert_eq!(of("ValueError: Timeout >1", true), Outcome::Failed);
        assert_eq!(of("worker 'gw0' crashed while running 'a.py::t'", true), Outcome::Crashed);
        assert_eq!(of("[XPASS(strict)] why", true), Outcome::UnexpectedPass);
        assert_eq!(of("Unexpected success", true), Outcome::UnexpectedPass);
        assert_eq!(of("ValueError: x", false), Outcome::Errored);
    }
}
