//! The documentation formatter's tree: a line per group and example, each two spaces deeper than the group around it.
//!
//! Groups and passed examples look alike. A line is a group when the next line of the tree is deeper, because RSpec
//! names only groups that have examples.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::blocks::{Block, is_constant};

/// What a line says of its example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// Number of its block, from 1.
    Failed(usize),
    Pending,
}

/// An example in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Descriptions of the groups around it, which it shares with the examples beside it.
    pub(super) path: Rc<Vec<String>>,
    pub(super) name: String,
    pub(super) mark: Mark,
    /// Why it is pending.
    pub(super) reason: Option<String>,
    /// The line as it stood there, when the mark may be part of the name.
    line: Option<String>,
    /// Text that is not of the tree stands right before it: the example may be printed text as well.
    doubtful: bool,
}

impl Leaf {
    /// An example of which only the full description is known.
    pub(super) fn titled(title: &str, mark: Mark) -> Self {
        Self { path: Rc::default(), name: title.to_owned(), mark, reason: None, line: None, doubtful: false }
    }

    /// As RSpec joins descriptions: with a space, but for methods after a class.
    pub(super) fn full_description(&self) -> String {
        let mut full = String::new();
        let mut last = "";
        for part in self.path.iter().map(String::as_str).chain([self.name.as_str()]) {
            let is_method = ["#", "::", "."].iter().any(|start| part.starts_with(start));
            let glued = is_method && is_constant(last);
            if !full.is_empty() && !glued {
                full.push(' ');
            }
            full.push_str(part);
            last = part;
        }
        full
    }
}

#[derive(Debug)]
struct Line {
    depth: usize,
    text: String,
    mark: Mark,
    reason: Option<String>,
    doubtful: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    leaves: Vec<Leaf>,
    path: Rc<Vec<String>>,
    /// A group or a passed example: the next line tells.
    waiting: Option<Line>,
    after_empty: bool,
    /// The line before was not of the tree.
    printed: bool,
    failures: usize,
    /// What stands behind printed text in one line with it is of the tree as well.
    glued: bool,
}

/// Deepest nesting that is followed; nobody reads deeper specifications.
const DEEPEST: usize = 100;

impl Tree {
    /// A tree that also holds what was printed behind the text of a test that ended no line.
    pub(super) fn of_glued() -> Self {
        Self { glued: true, ..Self::default() }
    }

    pub(super) fn take(&mut self, line: &str, whole: bool) {
        let text = line.trim();
        if text.is_empty() {
            self.after_empty = true;
            return;
        }
        let after_empty = std::mem::take(&mut self.after_empty);
        let indent = line.len() - line.trim_start_matches(' ').len();
        let deepest = self.waiting.as_ref().map_or(self.path.len(), |waiting| waiting.depth + 1).min(DEEPEST);
        let fits = indent.is_multiple_of(2) && indent / 2 <= deepest && (indent > 0 || after_empty);
        let found = match fits {
            true => Some((indent / 2, text)),
            false => glued(line, deepest).filter(|_| self.glued),
        };
        let Some((depth, text)) = found.filter(|_| whole) else {
            self.printed = true;
            return;
        };
        // Outside of groups there is no example.
        let (text, mark, reason) =
            if depth == 0 { (text.to_owned(), Mark::None, None) } else { self.mark(text) };
        // What has a mark is no group.
        if depth == deepest && self.waiting.as_ref().is_some_and(|waiting| waiting.mark != Mark::None) {
            self.printed = true;
            return;
        }
        if let Mark::Failed(number) = mark {
            self.failures = number;
        }
        self.settle(Some(depth));
        let doubtful = std::mem::take(&mut self.printed);
        self.waiting = Some(Line { depth, text, mark, reason, doubtful });
    }

    /// Text of RSpec itself came in between: the groups around it go on.
    pub(super) fn interrupted(&mut self) {
        self.settle(None);
        self.after_empty = true;
        self.printed = false;
    }

    /// Splits `(FAILED - 3)` or `(PENDING: reason)` off. Failures are numbered in order.
    fn mark(&self, text: &str) -> (String, Mark, Option<String>) {
        let next = self.failures + 1;
        if !text.ends_with(')') {
            return (text.to_owned(), Mark::None, None);
        }
        if let Some(name) = text.strip_suffix(&format!(" (FAILED - {next})")) {
            return (name.to_owned(), Mark::Failed(next), None);
        }
        if let Some((name, reason)) = text.strip_suffix(')').and_then(|text| text.split_once(" (PENDING: ")) {
            return (name.to_owned(), Mark::Pending, Some(reason.to_owned()));
        }
        (text.to_owned(), Mark::None, None)
    }

    /// The next line of the tree is `next` deep, or there is none.
    fn settle(&mut self, next: Option<usize>) {
        let Some(line) = self.waiting.take() else { return };
        if self.path.len() > line.depth {
            Rc::make_mut(&mut self.path).truncate(line.depth);
        }
        if next == Some(line.depth + 1) {
            Rc::make_mut(&mut self.path).push(line.text);
        } else if line.depth > 0 {
            let shown = match (line.mark, &line.reason) {
                (Mark::None, _) => None,
                (Mark::Failed(number), _) => Some(format!("{} (FAILED - {number})", line.text)),
                (Mark::Pending, reason) => {
                    Some(format!("{} (PENDING: {})", line.text, reason.as_deref().unwrap_or_default()))
                }
            };
            self.leaves.push(Leaf {
                path: Rc::clone(&self.path),
                name: line.text,
                mark: line.mark,
                reason: line.reason,
                line: shown,
                doubtful: line.doubtful,
            });
        }
    }

    /// A numbered failure below a group: nobody else writes that.
    pub(super) fn has_failure(&self) -> bool {
        let waiting = self.waiting.as_ref().is_some_and(|w| w.depth > 0 && matches!(w.mark, Mark::Failed(_)));
        waiting || self.leaves.iter().any(|leaf| matches!(leaf.mark, Mark::Failed(_)))
    }

    /// The examples. Where the output ends in the tree, the last line may be a group whose examples are missing.
    pub(super) fn leaves(mut self, ended: bool) -> Vec<Leaf> {
        if ended || self.waiting.as_ref().is_some_and(|waiting| waiting.mark != Mark::None) {
            self.settle(None);
        }
        self.leaves
    }
}

/// Depth and text of a line of the tree that stands behind printed text: `printed    adds`.
fn glued(line: &str, deepest: usize) -> Option<(usize, &str)> {
    let mut end = line.trim_end().len();
    loop {
        let start = line.get(..end)?.rfind("  ")? + 2;
        let before = line.get(..start)?.trim_end_matches(' ');
        let spaces = start - before.len();
        if spaces.is_multiple_of(2) && spaces / 2 <= deepest && !before.is_empty() {
            return Some((spaces / 2, line.get(start..)?.trim_end()));
        }
        end = before.len();
    }
}

/// Takes marks back that the sections below do not know: then the words are part of the name.
pub(super) fn verify(leaves: &mut [Leaf], pending: &[Block], failures: &[Block], has_pending: bool) {
    let waiting: HashSet<&str> = pending.iter().map(|block| block.title.as_str()).collect();
    let mut by_title: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, block) in failures.iter().enumerate().rev() {
        by_title.entry(&block.title).or_default().push(at + 1);
    }
    for leaf in leaves {
        if leaf.mark == Mark::None {
            restore_failure(leaf, &mut by_title);
            continue;
        }
        let full = leaf.full_description();
        let known = match leaf.mark {
            Mark::None => true,
            Mark::Failed(number) => {
                let known = failures.get(number - 1).is_none_or(|block| block.title == full);
                if known && let Some(numbers) = by_title.get_mut(full.as_str()) {
                    numbers.retain(|other| *other != number);
                }
                known
            }
            Mark::Pending => !has_pending || waiting.contains(full.as_str()),
        };
        if !known && let Some(line) = leaf.line.take() {
            leaf.name = line;
            leaf.mark = Mark::None;
            leaf.reason = None;
        }
    }
}

/// A printed line may have taken the number of a failure: the example that it belongs to is known by its block.
fn restore_failure(leaf: &mut Leaf, by_title: &mut HashMap<&str, Vec<usize>>) {
    let Some((name, number)) = leaf.name.strip_suffix(')').and_then(|name| name.rsplit_once(" (FAILED - "))
    else {
        return;
    };
    let Ok(number) = number.parse::<usize>() else { return };
    let real = Leaf { name: name.to_owned(), mark: Mark::Failed(number), ..leaf.clone() };
    let numbers = by_title.get_mut(real.full_description().as_str());
    if numbers.is_some_and(|numbers| numbers.contains(&number)) {
        *leaf = real;
    }
}

/// Leaves out as many of the doubtful passed examples as there are too many: printed text stands before the line of
/// the example that printed it.
pub(super) fn drop_printed(leaves: &mut Vec<Leaf>, examples: usize) {
    let mut too_many = leaves.len().saturating_sub(examples);
    leaves.retain(|leaf| {
        let drop = too_many > 0 && leaf.doubtful && leaf.mark == Mark::None;
        too_many -= usize::from(drop);
        !drop
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Mark)> {
        let mut tree = Tree::default();
        text.lines().for_each(|line| tree.take(line, true));
        tree.leaves(true).iter().map(|leaf| (leaf.full_description(), leaf.mark)).collect()
    }

    #[test]
    fn a_line_with_deeper_ones_is_a_group() {
        let text = "\nCart\n  #total\n    adds\n    rounds (FAILED - 1)\n  is empty\n\nShop\n  opens (PENDING: not (yet))\n";
        let expected = [
            ("Cart#total adds", Mark::None),
            ("Cart#total rounds", Mark::Failed(1)),
            ("Cart is empty", Mark::None),
            ("Shop opens", Mark::Pending),
        ];
        assert_eq!(read(text), expected.map(|(name, mark)| (name.to_owned(), mark)));
    }

    #[test]
    fn an_example_may_stand_behind_printed_text() {
        let mut tree = Tree::of_glued();
        let text = "\nCart\n  #total\nno newline    adds\na  b    fails (FAILED - 1)\n  is empty\n";
        text.lines().for_each(|line| tree.take(line, true));
        let found: Vec<_> = tree.leaves(true).iter().map(|l| (l.full_description(), l.mark)).collect();
        let expected = [
            ("Cart#total adds", Mark::None),
            ("Cart#total fails", Mark::Failed(1)),
            ("Cart is empty", Mark::None),
        ];
        assert_eq!(found, expected.map(|(name, mark)| (name.to_owned(), mark)));
    }

    #[test]
    fn a_group_is_no_example_whatever_it_is_called() {
        let text = "\nCart (FAILED - 1)\n  adds\n";
        assert_eq!(read(text), [("Cart (FAILED - 1) adds".to_owned(), Mark::None)]);
    }

    #[test]
    fn text_at_the_left_and_too_deep_is_printed() {
        let text = "\nCart\nprinted\n  a\n      too deep\n   odd\n  b (FAILED - 9)\n";
        assert_eq!(
            read(text),
            [("Cart a".to_owned(), Mark::None), ("Cart b (FAILED - 9)".to_owned(), Mark::None)]
        );
    }
}
