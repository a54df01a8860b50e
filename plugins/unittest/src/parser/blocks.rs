//! The blocks behind the progress: what went wrong in each test.

use flaky_plugin_sdk::Failure;

use super::describe::{Description, Subject};

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_TRACE: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_TRACES: usize = 16 * 1024 * 1024;

/// How a block begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fail,
    Error,
    UnexpectedSuccess,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) subject: Subject,
    /// `[message] (i=1)` where it is a subtest's.
    pub(super) subtest: String,
    text: String,
    /// The line of dashes below the heading was seen; before it stands the beginning of the documentation.
    in_text: bool,
    is_described: bool,
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) all: Vec<Block>,
    kept: usize,
}

/// `FAIL: test_x (m.C)` and the like, which stands below a line of `=`.
pub(super) fn heading(line: &str) -> Option<Block> {
    let words =
        [("FAIL: ", Kind::Fail), ("ERROR: ", Kind::Error), ("UNEXPECTED SUCCESS: ", Kind::UnexpectedSuccess)];
    let (rest, kind) = words.iter().find_map(|(word, kind)| Some((line.strip_prefix(word)?, *kind)))?;
    let (subject, subtest) = match Description::read(rest) {
        Some(description) => (description.subject(), description.rest.trim().to_owned()),
        // Of functions as tests, which runners of others know.
        None => (Subject::Test(rest.trim().to_owned()), String::new()),
    };
    let is_described = Description::read(rest).is_some();
    Some(Block { kind, subject, subtest, text: String::new(), in_text: false, is_described })
}

impl Blocks {
    /// Whether there is a block whose heading and rule nobody else writes.
    pub(super) fn are_unittests(&self) -> bool {
        self.all.iter().any(|block| block.in_text && block.is_described)
    }

    /// What follows belongs to no block.
    pub(super) fn close(&mut self) {
        self.kept = ALL_TRACES;
    }

    pub(super) fn take(&mut self, line: &str, is_dashes: bool) {
        let Some(block) = self.all.last_mut() else { return };
        if !block.in_text {
            block.in_text = is_dashes;
            return;
        }
        if block.text.len() < LONGEST_TRACE && self.kept < ALL_TRACES {
            let line = line.get(..line.floor_char_boundary(LONGEST_TRACE)).unwrap_or(line);
            block.text.push_str(line);
            block.text.push('\n');
            self.kept += line.len() + 1;
        }
    }
}

impl Block {
    pub(super) fn failure(&self) -> Failure {
        let text = self.text.trim_end();
        let said = message(text);
        let (kind, message) = split_kind(&said);
        let message =
            if self.subtest.is_empty() { message.to_owned() } else { format!("{} {message}", self.subtest) };
        Failure { kind: kind.to_owned(), message, trace: text.to_owned() }
    }
}

const TRACEBACK: &str = "Traceback (most recent call last):";

/// What the last exception of a chain said: what follows its frames, which are indented.
fn message(text: &str) -> String {
    // With `--buffer` what the test printed follows.
    let end = ["\n\nStdout:\n", "\n\nStderr:\n"].iter().filter_map(|mark| text.find(mark)).min();
    let text = end.and_then(|end| text.get(..end)).unwrap_or(text);
    let last = text
        .rfind(TRACEBACK)
        .filter(|at| *at == 0 || text.get(..*at).is_some_and(|before| before.ends_with('\n')));
    let Some(last) = last else { return text.trim().to_owned() };
    let lines = text.get(last..).unwrap_or_default().lines().skip(1);
    let said: Vec<&str> = lines.skip_while(|line| line.starts_with(' ')).collect();
    said.join("\n").trim().to_owned()
}

/// `AssertionError: 1 != 2` as kind and message. Only what is written as a class is one.
pub(super) fn split_kind(said: &str) -> (&str, &str) {
    let line = said.find('\n').unwrap_or(said.len());
    let head = said.get(..line).unwrap_or(said);
    let (kind, rest) = match head.find(": ") {
        Some(colon) => (head.get(..colon), said.get(colon + 2..)),
        None => (Some(head.trim_end_matches(':')), said.get(line..)),
    };
    let is_class = |name: &str| {
        name.rsplit('.').next().is_some_and(|last| last.starts_with(char::is_uppercase))
            && name.split('.').all(|part| {
                !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_<>".contains(c))
            })
    };
    match kind {
        Some(kind) if is_class(kind) => (kind, rest.unwrap_or_default().trim_start_matches('\n')),
        _ => ("", said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_exception_of_a_chain_is_the_message() {
        let cases = [
            (
                "Traceback (most recent call last):\n  File \"a\"\n    x\n    ^^\nAssertionError: {'a': 1} != {}\n- {'a': 1}\n\n+ {}",
                "AssertionError",
                "{'a': 1} != {}\n- {'a': 1}\n\n+ {}",
            ),
            (
                "Traceback (most recent call last):\n  x\nKeyError: 1\n\nThe above\n\nTraceback (most recent call last):\n  y\nOSError: chained",
                "OSError",
                "chained",
            ),
            ("ValueError: invalid literal", "ValueError", "invalid literal"),
            ("Traceback (most recent call last):\n  y\nAssertionError", "AssertionError", ""),
            (
                "Traceback (most recent call last):\n  y\nAssertionError: no\n\nStdout:\nTraceback",
                "AssertionError",
                "no",
            ),
            ("", "", ""),
        ];
        for (text, kind, message) in cases {
            let mut block = heading("FAIL: t (m.C)").unwrap();
            block.text = text.to_owned();
            let failure = block.failure();
            assert_eq!((failure.kind.as_str(), failure.message.as_str()), (kind, message), "{text}");
        }
    }
}
