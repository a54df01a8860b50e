//! The sections `Pending:` and `Failures:`: a numbered block for each example.

use flaky_plugin_sdk::Failure;

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_BLOCK: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_BLOCKS: usize = 16 * 1024 * 1024;

/// `  1) Cart adds up`, and what follows, without its indentation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) title: String,
    /// It was pending, and passed.
    pub(super) fixed: bool,
    /// Says what failed; a pending example that did not run says nothing.
    pub(super) has_failure: bool,
    /// First place that is named: for a pending example its own.
    pub(super) place: Option<String>,
    indent: usize,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    bytes: usize,
    /// A block with words that only RSpec uses.
    certain: bool,
}

impl Blocks {
    pub(super) fn take(&mut self, line: &str) {
        if let Some((indent, title)) = title(line, self.blocks.len() + 1) {
            let stripped = title.strip_suffix(" FIXED");
            self.blocks.push(Block {
                title: stripped.unwrap_or(title).trim_end().to_owned(),
                fixed: stripped.is_some(),
                indent,
                ..Block::default()
            });
            return;
        }
        let Some(block) = self.blocks.last_mut() else { return };
        let line = line.get(block.indent..).filter(|_| line.trim_start().len() + block.indent <= line.len());
        let line = line.unwrap_or_default();
        block.has_failure |= line.starts_with("Failure/Error:") || line.starts_with("Got ");
        self.certain |= line.starts_with("Failure/Error:");
        if let Some(place) = line.strip_prefix("# ./")
            && block.place.is_none()
        {
            block.place = Some(place.split(":in ").next().unwrap_or(place).to_owned());
        }
        if block.text.len() < LONGEST_BLOCK && self.bytes < ALL_BLOCKS {
            block.text.push_str(line);
            block.text.push('\n');
            self.bytes += line.len() + 1;
        }
    }

    pub(super) fn is_certain(&self) -> bool {
        self.certain
    }

    pub(super) fn finish(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.blocks)
    }
}

/// `  1) title`: the indentation of what follows, and the title. Blocks are numbered in order, so that a line of a
/// message that only looks alike is told from them.
fn title(line: &str, number: usize) -> Option<(usize, &str)> {
    let text = line.strip_prefix("  ")?;
    let (digits, title) = text.split_once(") ")?;
    let is_next = digits.parse() == Ok(number) && !title.is_empty();
    is_next.then_some((line.len() - title.len(), title))
}

impl Block {
    /// Where the whole hook is the line that is shown.
    pub(super) fn is_of_a_hook(&self) -> bool {
        const HOOKS: [&str; 6] =
            ["before", "after", "prepend_before", "append_after", "append_before", "prepend_after"];
        let Some(code) = self.text.trim_start().strip_prefix("Failure/Error: ") else { return false };
        let word = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let rest = code.get(word.len()..).unwrap_or_default().trim_start();
        HOOKS.contains(&word) && rest.starts_with(['{', '(', 'd'])
    }

    pub(super) fn failure(&self) -> Failure {
        let text = self.text.trim_matches('\n');
        let (said, trace) = split_trace(text);
        // A pending example has its reason first, as a comment.
        let (kind, message) = match said.trim_start().strip_prefix("Failure/Error:") {
            Some(rest) => explained(rest),
            None if said.trim().is_empty() => {
                let reason = text.lines().next().unwrap_or_default();
                return Failure::new("", reason.trim_start_matches("# "));
            }
            None => (String::new(), said.trim().to_owned()),
        };
        Failure { kind, message, trace: trace.trim_end().to_owned() }
    }
}

/// What is said, and the frames at the end. Of several failures in one the frames of each stand inside.
fn split_trace(text: &str) -> (&str, &str) {
    let is_reason = text.starts_with("# ");
    let from = if is_reason { text.find('\n').unwrap_or(text.len()) } else { 0 };
    let rest = text.get(from..).unwrap_or_default();
    let several = rest.trim_start().starts_with("Got ");
    let at = if several { None } else { rest.find("\n# ") };
    let Some(at) = at else { return (rest, "") };
    // Above the frames stands which group of shared examples it was.
    let shared = rest.get(..at).and_then(|said| said.find("\nShared Example Group: \""));
    rest.split_at(shared.unwrap_or(at) + 1)
}

/// After `Failure/Error:` come the line of code, an empty line, and the message; that of an exception stands below its
/// type.
fn explained(text: &str) -> (String, String) {
    // An exception without a message has no empty line before it.
    let alone = || text.trim_end().rsplit_once('\n').filter(|(_, last)| last.ends_with(':'));
    let parted = text.split_once("\n\n").or_else(alone);
    let message = parted.map_or(text, |(_, message)| message).trim_matches('\n');
    let mut lines = message.lines();
    let kind = lines.next().and_then(|first| first.strip_suffix(':')).filter(|kind| is_constant(kind));
    let dedent = |lines: &mut dyn Iterator<Item = &str>| {
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        lines.join("\n").trim_matches('\n').trim_end().to_owned()
    };
    match kind {
        Some(kind) => (kind.to_owned(), dedent(&mut lines)),
        None => (String::new(), dedent(&mut message.lines())),
    }
}

/// A name of a class, with modules before it.
pub(super) fn is_constant(text: &str) -> bool {
    !text.is_empty()
        && text.split("::").all(|part| {
            part.starts_with(|c: char| c.is_uppercase())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Block {
        let mut blocks = Blocks::default();
        text.lines().for_each(|line| blocks.take(line));
        blocks.finish().into_iter().next().unwrap()
    }

    #[test]
    fn a_message_is_what_stands_between_code_and_trace() {
        let block = one(
            "  1) A b\n     Failure/Error: expect(1).to eq 2\n\n       expected: 2\n            got: 1\n     # ./spec/a.rb:3:in `x'",
        );
        let failure = block.failure();
        assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("", "expected: 2\n     got: 1"));
        assert_eq!(
            (failure.trace.as_str(), block.place.as_deref()),
            ("# ./spec/a.rb:3:in `x'", Some("spec/a.rb:3"))
        );
    }

    #[test]
    fn an_exception_has_its_type_before_its_message() {
        let text = "  1) A\n     Failure/Error:\n       raise(\n         x)\n\n     Shop::Error:\n       no such\n       article\n     # ./a.rb:1";
        let failure = one(text).failure();
        assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("Shop::Error", "no such\narticle"));
    }

    #[test]
    fn an_exception_without_a_message_is_its_type() {
        let failure =
            one("  1) A\n     Failure/Error: raise \"\"\n     RuntimeError:\n     # ./a.rb:1").failure();
        assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("RuntimeError", ""));
    }

    #[test]
    fn the_group_of_shared_examples_is_no_part_of_the_message() {
        let text = "  1) A\n     Failure/Error: x\n\n       expected: 2\n     Shared Example Group: \"b\" called from ./a.rb:2\n     # ./a.rb:1";
        let failure = one(text).failure();
        assert_eq!(failure.message, "expected: 2");
        assert!(failure.trace.starts_with("Shared Example Group: "), "{}", failure.trace);
    }

    #[test]
    fn blocks_are_numbered_in_order() {
        let mut blocks = Blocks::default();
        for line in ["  1) one", "     Failure/Error: x", "  7) printed", "  2) two FIXED"] {
            blocks.take(line);
        }
        let titles: Vec<_> = blocks.finish().into_iter().map(|block| (block.title, block.fixed)).collect();
        assert_eq!(titles, [("one".to_owned(), false), ("two".to_owned(), true)]);
    }

    #[test]
    fn the_line_of_a_hook_says_that_it_is_one() {
        for (code, hook) in [
            ("before { raise }", true),
            ("after(:each) do", true),
            ("before_action = 1", false),
            ("before.call", false),
        ] {
            assert_eq!(one(&format!("  1) A\n     Failure/Error: {code}")).is_of_a_hook(), hook, "{code}");
        }
    }
}
