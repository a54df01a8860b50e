//! What went wrong: `  1) Failure:`, the test, the message.

use flaky_plugin_sdk::{Failure, Outcome};

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_BLOCK: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_BLOCKS: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) id: String,
    pub(super) outcome: Outcome,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    /// The kind of the block whose test is named by the next line.
    opened: Option<Outcome>,
    /// The heading of that block, with which a message may have gone on.
    heading: String,
    /// Lines belong to the last block.
    inside: bool,
    numbered: usize,
    bytes: usize,
}

impl Blocks {
    /// `  1) Failure:`; they are numbered in order, so that a line of a message that looks alike is none.
    pub(super) fn take_numbered(&mut self, line: &str) {
        let kind = line.trim_start().split_once(") ").and_then(|(number, kind)| {
            (number.parse() == Ok(self.numbered + 1)).then(|| outcome(kind)).flatten()
        });
        match kind {
            Some(kind) => {
                self.numbered += 1;
                self.opened = Some(kind);
                line.clone_into(&mut self.heading);
            }
            None => {
                let opened = self.opened.filter(|kind| title(line, *kind).is_none());
                if opened.is_some() {
                    self.not_a_block();
                }
                self.line(line);
            }
        }
    }

    /// As Rails prints them, between the results: a heading without a number, and the command that repeats the test at
    /// the end. True when the line is part of one.
    pub(super) fn take_inline(&mut self, line: &str) -> bool {
        if let Some(kind) = outcome(line) {
            self.opened = Some(kind);
            return true;
        }
        let inside = self.opened.is_some() || self.inside;
        if inside
            && ["rails test ", "bin/rails test ", "bin/test ", "ruby "].iter().any(|c| line.starts_with(c))
        {
            self.inside = false;
            return true;
        }
        if inside {
            self.line(line);
        }
        inside
    }

    /// The heading was a line of the message before.
    fn not_a_block(&mut self) {
        self.numbered -= 1;
        self.opened = None;
        self.inside = !self.blocks.is_empty();
        let heading = std::mem::take(&mut self.heading);
        self.line(&heading);
    }

    fn line(&mut self, line: &str) {
        if let Some(kind) = self.opened.take() {
            self.inside = false;
            if let Some(id) = title(line, kind) {
                self.blocks.push(Block { id: id.to_owned(), outcome: kind, text: String::new() });
                self.inside = true;
            }
            return;
        }
        if let Some(block) = self.blocks.last_mut().filter(|_| self.inside)
            && block.text.len() < LONGEST_BLOCK
            && self.bytes < ALL_BLOCKS
        {
            block.text.push_str(line);
            block.text.push('\n');
            self.bytes += line.len() + 1;
        }
    }

    pub(super) fn close(&mut self) {
        self.inside = false;
        self.opened = None;
    }
}

fn outcome(heading: &str) -> Option<Outcome> {
    match heading {
        "Failure:" => Some(Outcome::Failed),
        "Error:" => Some(Outcome::Errored),
        "Skipped:" => Some(Outcome::Skipped),
        _ => None,
    }
}

/// `CartTest#test_adds [test/cart_test.rb:3]:`, for an error `CartTest#test_adds:`.
fn title(line: &str, kind: Outcome) -> Option<&str> {
    let line = line.strip_suffix(':')?;
    let placed = line.strip_suffix(']').and_then(|line| line.rsplit_once(" ["));
    let id = match (kind, placed) {
        (Outcome::Errored, _) | (_, None) => line,
        (_, Some((id, _))) => id,
    };
    id.contains('#').then_some(id)
}

impl Block {
    pub(super) fn failure(&self) -> Failure {
        let text = self.text.trim_matches('\n').trim_end();
        let is_frame = |line: &&str| line.starts_with("    ") && line.contains(':');
        let frames =
            text.lines().position(|line| is_frame(&line)).filter(|_| self.outcome == Outcome::Errored);
        let lines: Vec<&str> = text.lines().collect();
        let (said, trace) = lines.split_at(frames.unwrap_or(lines.len()));
        let said = said.join("\n");
        let (kind, message) = match said.split_once(": ") {
            Some((kind, rest)) if self.outcome == Outcome::Errored && is_constant(kind) => (kind, rest),
            _ => ("", said.as_str()),
        };
        let trace = trace.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join("\n");
        Failure { kind: kind.to_owned(), message: message.trim_end().to_owned(), trace }
    }
}

fn is_constant(text: &str) -> bool {
    text.starts_with(|c: char| c.is_uppercase())
        && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Outcome, Failure)> {
        let mut blocks = Blocks::default();
        text.lines().for_each(|line| blocks.take_numbered(line));
        blocks.blocks.iter().map(|block| (block.id.clone(), block.outcome, block.failure())).collect()
    }

    #[test]
    fn messages_are_whole_and_frames_are_apart() {
        let said = "  1) Failure:\nA#test_a [a_test.rb:3]:\nfirst\n  2) Failure:\nno test\n\n  2) Failure:\nA#test_b [a_test.rb:4]:\nsecond\n";
        let messages: Vec<_> = read(said).into_iter().map(|(_, _, failure)| failure.message).collect();
        assert_eq!(messages, ["first\n  2) Failure:\nno test", "second"]);
        let text = "  1) Failure:\nA#test_a [a_test.rb:3]:\nExpected: 1\n  Actual: 2\n\n  2) Error:\nA#test_b:\nNo::Such: x\n  9) Failure:\ny\n    a_test.rb:5:in `test_b'\n";
        let found = read(text);
        assert_eq!(
            found[0],
            ("A#test_a".to_owned(), Outcome::Failed, Failure::new("", "Expected: 1\n  Actual: 2"))
        );
        assert_eq!((found[1].0.as_str(), found[1].2.kind.as_str()), ("A#test_b", "No::Such"));
        assert_eq!(found[1].2.message, "x\n  9) Failure:\ny");
        assert_eq!((found[1].2.trace.as_str(), found.len()), ("a_test.rb:5:in `test_b'", 2));
    }
}
