//! Single lines.

/// A line of the tree. Two spaces per level.
#[derive(Debug, PartialEq)]
pub(crate) struct Leaf<'l> {
    pub(crate) depth: usize,
    pub(crate) mark: Mark,
    pub(crate) title: &'l str,
    pub(crate) millis: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Passed,
    Pending,
    /// By the number of its error.
    Failed(u64),
}

/// Depth and text of an indented line.
pub(crate) fn indented(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    (spaces >= 2 && spaces.is_multiple_of(2) && !text.is_empty()).then(|| (spaces / 2 - 1, text))
}

/// `✔ title (12ms)`, `3) title`, `- title`
pub(crate) fn leaf(line: &str) -> Option<Leaf<'_>> {
    let (depth, text) = indented(line)?;
    if let Some(title) = skipped_by_itself(text) {
        return Some(Leaf { depth: 0, mark: Mark::Pending, title, millis: None });
    }
    let (mark, rest) = text.split_once(' ')?;
    let (mark, (title, millis)) = match mark {
        "✔" | "✓" | "√" => (Mark::Passed, duration(rest)),
        "-" => (Mark::Pending, (rest, None)),
        _ => (Mark::Failed(mark.strip_suffix(')')?.parse().ok()?), (rest, None)),
    };
    (!title.is_empty()).then_some(Leaf { depth, mark, title, millis })
}

/// The reporter `list` writes `title: ` when a test begins, and goes on in that line where the test skips itself.
fn skipped_by_itself(text: &str) -> Option<&str> {
    const BETWEEN: &str = ":   - ";
    let title = text.get(..text.len().checked_sub(BETWEEN.len())? / 2)?;
    let same = !title.is_empty() && text.strip_prefix(title)?.strip_prefix(BETWEEN)? == title;
    same.then_some(title)
}

/// A line of the tree that stands behind what a test printed without ending the line.
pub(crate) fn glued_leaf(line: &str) -> Option<Leaf<'_>> {
    let mut end = line.len();
    loop {
        let start = line.get(..end)?.rfind("  ")? + 2;
        let before = line.get(..start)?.trim_end_matches(' ');
        if let Some(found) = leaf(line.get(before.len()..)?).filter(|_| !before.is_empty()) {
            return Some(found);
        }
        end = before.len();
    }
}

fn duration(text: &str) -> (&str, Option<f64>) {
    let found =
        text.strip_suffix("ms)").and_then(|text| text.rsplit_once(" (")).and_then(|(title, number)| {
            let whole = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            whole.then(|| number.parse().ok().map(|millis| (title, Some(millis)))).flatten()
        });
    found.unwrap_or((text, None))
}

/// `title: 12ms`
pub(crate) fn timed(text: &str) -> Option<(&str, f64)> {
    let (title, number) = text.strip_suffix("ms")?.rsplit_once(": ")?;
    let whole = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| whole && !title.is_empty()).map(|millis| (title, millis))
}

/// `  14 passing (298ms)`: how many.
pub(crate) fn passing(line: &str) -> Option<u64> {
    let (number, rest) = line.strip_prefix("  ")?.split_once(" passing (")?;
    let time = rest.strip_suffix(')')?;
    time.starts_with(|c: char| c.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}

/// `  11 failing`, `  3 pending`
pub(crate) fn count(line: &str, word: &str) -> Option<u64> {
    line.strip_prefix("  ")?.strip_suffix(word)?.strip_suffix(' ')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_is_a_mark_and_a_title() {
        let cases = [
            ("    ✔ adds (12ms)", Some((1, Mark::Passed, "adds", Some(12.0)))),
            ("  ✓ adds (b)", Some((0, Mark::Passed, "adds (b)", None))),
            ("    12) adds (3ms)", Some((1, Mark::Failed(12), "adds (3ms)", None))),
            ("    - later", Some((1, Mark::Pending, "later", None))),
            ("    adds b:   - adds b", Some((0, Mark::Pending, "adds b", None))),
            ("    adds b:   - adds c", None),
            ("   ✔ adds", None),
            ("  cart", None),
            (" ✔ adds", None),
            ("    x) adds", None),
        ];
        for (line, expected) in cases {
            let found = leaf(line).map(|leaf| (leaf.depth, leaf.mark, leaf.title, leaf.millis));
            assert_eq!(found, expected, "{line}");
        }
        let glued = glued_leaf("no  newline    ✔ adds  up").map(|leaf| (leaf.depth, leaf.title));
        assert_eq!((glued, glued_leaf("    ✔ adds")), (Some((1, "adds  up")), None));
        assert_eq!(passing("  14 passing (2s)"), Some(14));
        assert_eq!(passing("14 passing (2s)"), None);
        assert_eq!(count("  3 pending", "pending"), Some(3));
        assert_eq!(count("  x pending", "pending"), None);
    }
}
