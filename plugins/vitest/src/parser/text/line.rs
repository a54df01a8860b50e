//! Single lines.

use flaky_plugin_javascript::is_script;
use flaky_plugin_sdk::Outcome;

/// A line with a mark: ` ✓ tests/a.test.ts > adds 3ms`, `   × adds (retry x2)`.
#[derive(Debug, PartialEq)]
pub(crate) struct Marked<'l> {
    /// Spaces before the mark.
    pub(crate) indent: usize,
    /// `None` for `❯`, which stands before files, blocks, and in version 1 before failed tests.
    pub(crate) outcome: Option<Outcome>,
    /// Without what stands at the end.
    pub(crate) title: &'l str,
    pub(crate) millis: Option<f64>,
    pub(crate) retries: usize,
}

/// More tries than anybody asks for; it bounds what a forged line costs.
const MOST_RETRIES: usize = 1000;

pub(crate) fn marked(line: &str) -> Option<Marked<'_>> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    if indent == 0 || indent.is_multiple_of(2) {
        return None;
    }
    let (mark, rest) = text.split_once(' ')?;
    let outcome = match mark {
        "✓" | "√" => Some(Outcome::Passed),
        "×" => Some(Outcome::Failed),
        "↓" | "□" => Some(Outcome::Skipped),
        "❯" => None,
        _ => return None,
    };
    let rest = rest.strip_suffix(" [skipped]").unwrap_or(rest);
    let rest = rest
        .strip_suffix(" MB heap used")
        .and_then(|rest| rest.rsplit_once(' '))
        .map_or(rest, |(rest, _)| rest);
    let (rest, _) = counted(rest, " (repeat x");
    let (rest, retries) = counted(rest, " (retry x");
    let (rest, millis) = duration(rest);
    // Older versions put the duration last.
    let (rest, before) = counted(rest, " (retry x");
    Some(Marked {
        indent,
        outcome,
        title: rest.trim(),
        millis,
        retries: retries.max(before).min(MOST_RETRIES),
    })
}

fn counted<'l>(text: &'l str, start: &str) -> (&'l str, usize) {
    let found = text.strip_suffix(')').and_then(|text| text.rsplit_once(start));
    let found = found.and_then(|(rest, count)| Some((rest, count.parse().ok()?)));
    found.unwrap_or((text, 0))
}

fn duration(text: &str) -> (&str, Option<f64>) {
    let found = text.rsplit_once(' ').and_then(|(rest, word)| {
        let millis: f64 = word.strip_suffix("ms")?.parse().ok()?;
        word.starts_with(|c: char| c.is_ascii_digit()).then_some((rest, millis))
    });
    found.map_or((text, None), |(rest, millis)| (rest, Some(millis)))
}

/// `tests/a.test.ts (3 tests | 1 failed)`: the file. Version 1 has two spaces before the bracket.
pub(crate) fn file(title: &str) -> Option<&str> {
    let (file, counts) = title.strip_suffix(')')?.rsplit_once(" (")?;
    let number = counts.split(' ').next()?;
    let counts_tests = number.bytes().all(|b| b.is_ascii_digit()) && counts.contains(" test");
    let file = without_project(file.trim());
    (counts_tests && is_script(file)).then_some(file)
}

/// `cart (17)`: the block.
pub(crate) fn block(title: &str) -> Option<&str> {
    let (title, count) = title.strip_suffix(')')?.rsplit_once(" (")?;
    (!count.is_empty() && count.bytes().all(|b| b.is_ascii_digit())).then_some(title)
}

/// `tests/a.test.ts > cart > adds`: file, and the rest.
pub(crate) fn path(title: &str) -> Option<(&str, &str)> {
    let (file, rest) = title.split_once(" > ")?;
    let file = without_project(file);
    is_script(file).then_some((file, rest))
}

/// `|unit| tests/a.test.ts`: the file alone, as JSON has it.
pub(crate) fn without_project(text: &str) -> &str {
    let after = text.strip_prefix('|').and_then(|rest| rest.split_once("| ")).map(|(_, rest)| rest);
    after.unwrap_or(text).trim_start()
}

/// `      Tests  10 failed | 15 passed | 1 skipped | 1 todo (29)`: those that ran, and all.
pub(crate) fn totals(line: &str) -> Option<(u64, u64)> {
    let counts = line.strip_prefix("      Tests  ")?;
    if counts == "no tests" {
        return Some((0, 0));
    }
    let (parts, all) = counts.strip_suffix(')')?.rsplit_once(" (")?;
    let mut ran = 0_u64;
    for part in parts.split(" | ") {
        let (number, word) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match word {
            "failed" | "passed" | "expected fail" => ran = ran.saturating_add(number),
            "skipped" | "todo" => {}
            _ => return None,
        }
    }
    Some((ran, all.parse().ok()?))
}

/// `⎯⎯⎯⎯ Failed Tests 10 ⎯⎯⎯⎯`: what stands between the lines.
pub(crate) fn divider(line: &str) -> Option<&str> {
    let inner = line.trim_matches('⎯');
    (inner.len() < line.len() && line.starts_with('⎯')).then(|| inner.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_mark_a_title_and_what_is_known_of_the_run() {
        let passed = Some(Outcome::Passed);
        let cases = [
            (" ✓ tests/a.test.ts > adds 3ms", Some((1, passed, "tests/a.test.ts > adds", Some(3.0), 0))),
            ("   ✓ adds  403ms", Some((3, passed, "adds", Some(403.0), 0))),
            ("   × adds 10ms (retry x2)", Some((3, Some(Outcome::Failed), "adds", Some(10.0), 2))),
            (
                " ↓ a.test.ts > later [skipped]",
                Some((1, Some(Outcome::Skipped), "a.test.ts > later", None, 0)),
            ),
            (" ✓ a.test.ts > waits 3ms long", Some((1, passed, "a.test.ts > waits 3ms long", None, 0))),
            (
                " ❯ a.test.ts (2 tests | 1 failed) 5ms",
                Some((1, None, "a.test.ts (2 tests | 1 failed)", Some(5.0), 0)),
            ),
            ("✓ adds 3ms", None),
            ("  ✓ adds 3ms", None),
            (" → adds", None),
        ];
        for (line, expected) in cases {
            let found = marked(line).map(|m| (m.indent, m.outcome, m.title, m.millis, m.retries));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn files_blocks_and_totals_are_told_by_their_brackets() {
        assert_eq!(file("tests/a.test.ts  (2 tests | 1 failed)"), Some("tests/a.test.ts"));
        assert_eq!(file("|unit| tests/a.test.ts (1 test)"), Some("tests/a.test.ts"));
        assert_eq!(file("cart (17)"), None);
        assert_eq!(block("cart (17)"), Some("cart"));
        assert_eq!(block("cart (some)"), None);
        assert_eq!(path("|unit| a.test.ts > b > c"), Some(("a.test.ts", "b > c")));
        assert_eq!(path("cart > adds"), None);
        assert_eq!(totals("      Tests  10 failed | 15 passed | 1 skipped | 1 todo (29)"), Some((25, 29)));
        assert_eq!(totals("      Tests  no tests"), Some((0, 0)));
        assert_eq!(totals("Tests:       1 passed, 1 total"), None);
        assert_eq!(divider("⎯⎯ Failed Tests 10 ⎯⎯"), Some("Failed Tests 10"));
        assert_eq!(divider("⎯⎯⎯"), Some(""));
        assert_eq!(divider("--"), None);
    }
}
