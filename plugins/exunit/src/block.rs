//! What went wrong: `  1) test adds (CartTest)`, its place, and the account of it.

use flaky_plugin_sdk::{Failure, Outcome};

use crate::trace::is_module;

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_BLOCK: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_BLOCKS: usize = 16 * 1024 * 1024;

/// Of an account that is told once more, the beginning of its first line: as much as a table shows.
const LONGEST_AGAIN: usize = 200;

/// Whom a block is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Title {
    Test {
        name: String,
        module: String,
    },
    /// All tests of a module, whose `setup_all` failed.
    Module(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) title: Title,
    /// File and line.
    pub(super) place: Option<(String, u32)>,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    numbered: usize,
    /// A title whose next line has yet to show that it is one.
    waiting: Option<(usize, Title)>,
    inside: bool,
    bytes: usize,
}

impl Blocks {
    /// Whether the line belongs to a block.
    pub(super) fn take(&mut self, line: &str) -> bool {
        if let Some((number, title)) = self.waiting.take() {
            let place = place(line);
            let is_account = matches!(title, Title::Module(_)) && line.starts_with("     ");
            if place.is_some() || is_account {
                self.numbered = number;
                let text = if is_account { format!("{}\n", line.trim_start()) } else { String::new() };
                self.blocks.push(Block { title, place, text });
                self.inside = true;
                return true;
            }
        }
        if let Some((number, title)) = title(line)
            && (number == self.numbered + 1 || matches!(title, Title::Module(_)))
        {
            self.waiting = Some((number, title));
            self.inside = false;
            return true;
        }
        if !self.inside {
            return false;
        }
        // All of it is indented by five, but for empty lines.
        if !line.trim().is_empty() && !line.starts_with("     ") {
            self.inside = false;
            return false;
        }
        if let Some(block) = self.blocks.last_mut()
            && block.text.len() < LONGEST_BLOCK
            && self.bytes < ALL_BLOCKS
        {
            block.text.push_str(line.get(5..).unwrap_or_default());
            block.text.push('\n');
            self.bytes += line.len() + 1;
        }
        true
    }
}

/// `  1) test adds (CartTest)` or `  0) CartTest: failure on setup_all callback, …`
fn title(line: &str) -> Option<(usize, Title)> {
    let text = line.trim_end().strip_prefix(' ')?.trim_start();
    let (number, rest) = text.split_once(") ")?;
    let number = number.parse().ok()?;
    if let Some((module, _)) = rest.split_once(": failure on setup_all callback") {
        return is_module(module).then(|| (number, Title::Module(module.to_owned())));
    }
    let (name, module) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let title = Title::Test { name: name.to_owned(), module: module.to_owned() };
    is_module(module).then_some((number, title))
}

/// `     test/cart_test.exs:7`
fn place(line: &str) -> Option<(String, u32)> {
    let (file, number) = line.strip_prefix("     ")?.trim_end().rsplit_once(':')?;
    let is_file = (file.ends_with(".exs") || file.ends_with(".ex")) && !file.starts_with(' ');
    Some((is_file.then(|| file.to_owned())?, number.parse().ok()?))
}

impl Block {
    pub(super) fn failure(&self) -> Failure {
        let text = self.text.trim_matches('\n').trim_end();
        let mut said: Vec<&str> = text.lines().take_while(|line| *line != "stacktrace:").collect();
        let mut kind = "";
        if let Some((exception, message)) =
            said.first().and_then(|first| first.strip_prefix("** (")).and_then(|first| first.split_once(") "))
        {
            kind = exception;
            if let Some(first) = said.first_mut() {
                *first = message;
            }
            // The line of code is that of the test, not what was said.
            let end = said.iter().position(|line| line.starts_with("code: ")).unwrap_or(said.len());
            said.truncate(end);
        }
        let trace = text.get(text.find("stacktrace:").unwrap_or(text.len())..).unwrap_or_default();
        Failure {
            kind: kind.to_owned(),
            message: said.join("\n").trim_end().to_owned(),
            trace: trace.to_owned(),
        }
    }

    /// What is told of every further test of a module: thousands of copies of the whole account would be the same.
    pub(super) fn failure_in_short(&self) -> Failure {
        let Failure { kind, mut message, .. } = self.failure();
        let line = message.lines().next().unwrap_or_default();
        message.truncate(line.floor_char_boundary(LONGEST_AGAIN));
        Failure { kind, message, trace: String::new() }
    }

    pub(super) fn outcome(&self) -> Outcome {
        // A test is killed under its own module's name; set-up and tear-down have functions of ExUnit around them.
        if self.text.starts_with("** (ExUnit.TimeoutError)") {
            Outcome::TimedOut
        } else if matches!(self.title, Title::Module(_))
            || self.text.contains(".__ex_unit_setup_")
            || self.text.contains("ExUnit.OnExitHandler.exec_callback")
        {
            Outcome::Errored
        } else {
            Outcome::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Block> {
        let mut blocks = Blocks::default();
        text.lines().for_each(|line| {
            blocks.take(line);
        });
        blocks.blocks
    }

    #[test]
    fn a_block_needs_its_number_and_its_place() {
        let blocks = read(
            "  1) test fakes (A)\nno place\n  1) test a (A.B)\n     test/a_test.exs:3\n     ** (KeyError) key\n     :x\n     code: f()\n     stacktrace:\n       x\n\n  3) test no (A)\n     test/a_test.exs:3\n",
        );
        let block = blocks.first().unwrap();
        assert_eq!(block.title, Title::Test { name: "test a".to_owned(), module: "A.B".to_owned() });
        assert_eq!(block.place, Some(("test/a_test.exs".to_owned(), 3)));
        let failure = block.failure();
        assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("KeyError", "key\n:x"));
        assert_eq!(blocks.len(), 1);
    }
}
