//! Errors as JavaScript prints them.

use flaky_plugin_sdk::Failure;

use crate::lines::without_escapes;

/// Text without the control sequences of terminals.
#[must_use]
pub fn strip_colours(text: &str) -> String {
    if !text.contains('\u{1b}') {
        return text.to_owned();
    }
    String::from_utf8_lossy(&without_escapes(text.as_bytes())).into_owned()
}

/// An error from its text, which is what `error.stack` holds: `TypeError: message`, lines of the message, and then the
/// stack.
#[must_use]
pub fn failure(text: &str) -> Failure {
    let text = strip_colours(text);
    let text = text.trim_end();
    let stack = stack_start(text);
    let head = text.get(..stack).unwrap_or(text).trim_end();
    let (kind, message) = kind_of(head);
    Failure { kind: kind.to_owned(), message: message.to_owned(), trace: text.to_owned() }
}

/// Where the stack begins: at the first line that names a place in a file.
fn stack_start(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_frame(line) {
            return at;
        }
        at += line.len();
    }
    text.len()
}

/// `    at name (file:1:2)`, `    at file:1:2`, `    at async …`, `    at new Promise (<anonymous>)`.
fn is_frame(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("    ").map(str::trim).and_then(|line| line.strip_prefix("at "))
    else {
        return false;
    };
    rest.ends_with(')') && rest.contains('(') || place_at_end(rest)
}

fn place_at_end(text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let mut number =
        || parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    number() && number()
}

/// `TypeError: message`, `AssertionError [ERR_ASSERTION]: message`.
fn kind_of(text: &str) -> (&str, &str) {
    let name_end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.')))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let known = name.starts_with(|c: char| c.is_ascii_uppercase())
        && ["Error", "Exception", "Failure", "Warning"].iter().any(|end| name.ends_with(end));
    if !known {
        return ("", text);
    }
    if rest.is_empty() {
        return (name, "");
    }
    let code = rest.strip_prefix(" [").and_then(|rest| rest.split_once(']'));
    let (after, kind) = match code {
        Some((code, after))
            if code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') =>
        {
            (after, text.get(..name.len() + code.len() + 3).unwrap_or(name))
        }
        // `TypeError [Error]: message`, as other realms are shown.
        Some(("Error", after)) => (after, name),
        _ => (rest, name),
    };
    match after.strip_prefix(':') {
        Some(message) => (kind, message.strip_prefix(' ').unwrap_or(message)),
        None => ("", text),
    }
}

/// The first lines of a text up to an empty one: what a diagnostic needs.
#[must_use]
pub fn first_paragraph(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

/// Milliseconds as nanoseconds; `None` for what is no duration.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite and not negative; `as` saturates"
)]
pub fn nanoseconds_of_millis(millis: f64) -> Option<u64> {
    (millis.is_finite() && millis >= 0.0).then_some((millis * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_kind_message_and_stack() {
        let cases = [
            (
                "TypeError: boom\nsecond line\n    at f (/x.js:1:2)\n    at new Promise (<anonymous>)",
                "TypeError",
                "boom\nsecond line",
            ),
            (
                "AssertionError [ERR_ASSERTION]: 1 == 2\n\n1 !== 2\n\n    at /x.js:1:2",
                "AssertionError [ERR_ASSERTION]",
                "1 == 2\n\n1 !== 2",
            ),
            ("thrown: \"only text\"", "", "thrown: \"only text\""),
            ("Error", "Error", ""),
            ("Error: ", "Error", ""),
            ("\u{1b}[31mError: red\u{1b}[39m", "Error", "red"),
            ("Errors: none", "", "Errors: none"),
            ("a.b.CustomError: x\n    at half a line", "", "a.b.CustomError: x\n    at half a line"),
            ("", "", ""),
        ];
        for (text, kind, message) in cases {
            let found = failure(text);
            assert_eq!((found.kind.as_str(), found.message.as_str()), (kind, message), "{text}");
        }
    }
}
