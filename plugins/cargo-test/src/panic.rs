//! What a failed Rust test said.

use flaky_plugin_sdk::Failure;

/// Makes a failure of what a test printed. Of several panics, the one in the test's own thread counts; without one,
/// the last.
#[must_use]
pub fn of(printed: &str, test: &str) -> Failure {
    let panics = panics(printed);
    let own = panics.iter().find(|panic| panic.thread == test).or_else(|| panics.last());
    let (kind, mut message) = match own {
        Some(panic) => ("panic", panic.message.clone()),
        None => ("", error(printed)),
    };
    // `#[should_panic]` says what it missed behind the panic.
    let note = printed.find("note: panic did not contain expected string");
    if let Some(note) = note.and_then(|at| printed.get(at..)) {
        message = format!("{message}\n{}", note.trim_end());
    }
    Failure { kind: kind.to_owned(), message, trace: printed.trim().to_owned() }
}

/// A panic as the default hook prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic<'t> {
    pub(crate) thread: &'t str,
    pub(crate) message: String,
}

pub(crate) fn panics(printed: &str) -> Vec<Panic<'_>> {
    let mut all: Vec<Panic<'_>> = Vec::new();
    let mut in_message = false;
    for line in printed.lines() {
        if let Some((thread, rest)) = header(line) {
            // Until Rust 1.72 the message stood in the header: `panicked at 'message', src/lib.rs:1:2`.
            let old =
                rest.strip_prefix('\'').and_then(|rest| rest.rsplit_once("', ")).map(|(message, _)| message);
            let begins = rest.strip_prefix('\'').filter(|_| old.is_none());
            in_message = old.is_none();
            all.push(Panic { thread, message: old.or(begins).unwrap_or_default().to_owned() });
        } else if in_message && !is_note(line) {
            let Some(panic) = all.last_mut() else { continue };
            // The last line of an old message of several.
            let old_end = line.rsplit_once("', ").filter(|(_, place)| is_place(place));
            in_message = old_end.is_none();
            if !panic.message.is_empty() {
                panic.message.push('\n');
            }
            panic.message.push_str(old_end.map_or(line, |(line, _)| line));
        } else {
            in_message = false;
        }
    }
    for panic in &mut all {
        panic.message.truncate(panic.message.trim_end().len());
    }
    all
}

/// Thread and place of `thread 'name' (12) panicked at src/lib.rs:1:2:`.
fn header(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("thread '")?;
    let (thread, rest) = rest.split_once("' ")?;
    let rest = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(") ")?.1,
        None => rest,
    };
    Some((thread, rest.strip_prefix("panicked at ")?))
}

fn is_place(text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let number =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    number(parts.next()) && number(parts.next()) && parts.next().is_some()
}

/// Lines that follow a message.
fn is_note(line: &str) -> bool {
    line == "stack backtrace:"
        || line.starts_with("note: run with `RUST_BACKTRACE")
        || line.starts_with("note: Some details are omitted")
        || line.starts_with("note: panic did not contain expected string")
}

/// What a test without a panic said: the error that it returned, or the harness' own note.
fn error(printed: &str) -> String {
    if let Some(at) = printed.lines().position(|line| line.starts_with("Error: ")) {
        return printed.lines().skip(at).collect::<Vec<_>>().join("\n").trim_end().to_owned();
    }
    let note =
        printed.lines().find_map(|line| line.strip_prefix("note: ").filter(|line| line.starts_with("test ")));
    note.unwrap_or_else(|| printed.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_the_test_said_itself() {
        let cases = [
            (
                "\nthread 'a::b' (17) panicked at src/lib.rs:1:2:\nboom\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1` …",
                "boom\n  left: 1\n right: 2",
            ),
            (
                "\nthread 'a::b' panicked at 'boom', src/lib.rs:1:2\nnote: run with `RUST_BACKTRACE=1` …",
                "boom",
            ),
            (
                "thread 'a::b' panicked at 'assertion failed\n  left: `1`', src/lib.rs:1:2\nstack backtrace:",
                "assertion failed\n  left: `1`",
            ),
            (
                "thread '<unnamed>' panicked at x.rs:1:2:\nother\nnote: run with `RUST_BACKTRACE=1`\nthread 'a::b' panicked at x.rs:1:2:\nown\n",
                "own",
            ),
            ("thread '<unnamed>' panicked at x.rs:1:2:\nother\n", "other"),
            ("printed\nError: \"no stock\"\n", "Error: \"no stock\""),
            (
                "note: test did not panic as expected at src/lib.rs:64:8\n",
                "test did not panic as expected at src/lib.rs:64:8",
            ),
            ("just words\n", "just words"),
            ("", ""),
        ];
        for (printed, message) in cases {
            assert_eq!(of(printed, "a::b").message, message, "{printed}");
        }
        let missed = "thread 'a::b' panicked at x.rs:1:2:\nbang\nnote: panic did not contain expected string\n expected: x";
        assert_eq!(
            of(missed, "a::b").message,
            "bang\nnote: panic did not contain expected string\n expected: x"
        );
    }
}
