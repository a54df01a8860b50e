//! Blocks of failures: a title after `●`, and text indented by four.

use flaky_plugin_javascript::failure;
use flaky_plugin_sdk::{Failure, Outcome};

/// Of a longer block only the beginning is kept: nobody reads more, and jest itself cuts diffs.
const LONGEST: usize = 256 * 1024;

/// One block as it is read.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) title: String,
    text: String,
}

impl Block {
    /// `  ● cart › adds`
    pub(crate) fn start(line: &str) -> Option<Self> {
        let title = line.strip_prefix("  ● ")?.trim();
        (!title.is_empty()).then(|| Self { title: title.to_owned(), text: String::new() })
    }

    /// Whether the line belongs to the block; it does when it is empty or indented by four.
    pub(crate) fn take(&mut self, line: &str) -> bool {
        let text = match line.strip_prefix("    ") {
            Some(text) => text,
            None if line.trim().is_empty() => "",
            None => return false,
        };
        if self.text.len() < LONGEST {
            self.text.push_str(text);
            self.text.push('\n');
        }
        true
    }

    /// What went wrong, in the order of the text: kind and message, code, stack.
    pub(crate) fn failure(&self) -> Failure {
        let text = self.text.trim_matches('\n');
        let mut end = text.len();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if is_code(line) || is_frame(line) {
                end = at;
                break;
            }
            at += line.len();
        }
        let head = failure(text.get(..end).unwrap_or(text));
        Failure { trace: text.to_owned(), ..head }
    }
}

/// `> 10 |   test(…)`, `  10 |`, `     |   ^`
fn is_code(line: &str) -> bool {
    let text = line.trim_start_matches(['>', ' ']);
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len() && rest.trim_start().starts_with('|') && rest.starts_with(' ')
}

/// `  at Object.toBe (tests/a.test.js:1:2)`
fn is_frame(line: &str) -> bool {
    let text = line.trim();
    line.starts_with("  ")
        && text.starts_with("at ")
        && text.ends_with(|c: char| c == ')' || c.is_ascii_digit())
}

/// What a failed test's message says of its outcome.
pub(crate) fn failed_outcome(message: &str) -> Outcome {
    let message = message.strip_prefix("thrown: \"").unwrap_or(message);
    if message.starts_with("Failing test passed even though it was supposed to fail") {
        Outcome::UnexpectedPass
    } else if message.starts_with("Exceeded timeout of ") {
        let first = message.lines().next().unwrap_or_default();
        if first.contains("for a hook") { Outcome::Errored } else { Outcome::TimedOut }
    } else {
        Outcome::Failed
    }
}
