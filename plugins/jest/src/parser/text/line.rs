//! Single lines.

use flaky_plugin_javascript::is_script;
use flaky_plugin_sdk::Outcome;

/// `PASS tests/a.test.js`, `FAIL project tests/a.test.js (5.2 s)`; with colours there is a space before. Gives whether
/// it passed, and the file.
pub(crate) fn header(line: &str) -> Option<(bool, &str)> {
    let line = line.strip_prefix(' ').unwrap_or(line);
    let (passed, rest) = match (line.strip_prefix("PASS "), line.strip_prefix("FAIL ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let rest = rest.trim();
    let rest = match rest.rsplit_once(" (") {
        Some((file, time)) if time.ends_with(')') && time.starts_with(|c: char| c.is_ascii_digit()) => file,
        _ => rest,
    };
    if !is_script(rest) {
        return None;
    }
    // A project's name stands before the file; it is one word, or in colours between spaces of its own.
    let file = match rest.rsplit_once("  ") {
        Some((_, file)) => file,
        None => match rest.split_once(' ') {
            Some((project, file)) if !project.contains('/') => file,
            _ => rest,
        },
    };
    Some((passed, file.trim()))
}

/// A line of the tree: how deep, what became of it, its title, and its duration in milliseconds.
#[derive(Debug, PartialEq)]
pub(crate) struct Leaf<'l> {
    pub(crate) depth: usize,
    pub(crate) outcome: Outcome,
    pub(crate) title: &'l str,
    pub(crate) millis: Option<f64>,
}

/// Two spaces per level.
pub(crate) fn indented(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    (spaces >= 2 && spaces.is_multiple_of(2) && !text.is_empty()).then(|| (spaces / 2 - 1, text))
}

/// `✓ title (3 ms)`, `✕ title`, `○ skipped title`, `✎ todo title`; other marks on Windows.
pub(crate) fn leaf(line: &str) -> Option<Leaf<'_>> {
    let (depth, text) = indented(line)?;
    let (mark, rest) = text.split_once(' ')?;
    let (outcome, rest) = match mark {
        "✓" | "√" => (Outcome::Passed, rest),
        "✕" | "×" => (Outcome::Failed, rest),
        "○" => {
            (Outcome::Skipped, rest.strip_prefix("skipped ").or_else(|| rest.strip_prefix("disabled "))?)
        }
        "✎" => (Outcome::Skipped, rest.strip_prefix("todo ")?),
        _ => return None,
    };
    let (title, millis) = match outcome {
        Outcome::Skipped => (rest, None),
        _ => duration(rest),
    };
    Some(Leaf { depth, outcome, title: title.trim(), millis })
}

/// `title (3 ms)`, `title (1.2 s)`.
fn duration(text: &str) -> (&str, Option<f64>) {
    let found = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")).and_then(|(title, time)| {
        let (number, unit) = time.split_once(' ')?;
        let scale = match unit {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            _ => return None,
        };
        Some((title, number.parse::<f64>().ok()? * scale))
    });
    found.map_or((text, None), |(title, millis)| (title, Some(millis)))
}

/// `Tests:       1 failed, 1 passed, 2 total`: the total.
pub(crate) fn total(line: &str, name: &str) -> Option<u64> {
    let counts = line.strip_prefix(name)?.strip_prefix(':')?;
    let (_, last) = counts.strip_suffix(" total")?.rsplit_once(' ')?;
    last.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_with_its_result() {
        let cases = [
            ("PASS tests/a.test.js", Some((true, "tests/a.test.js"))),
            ("FAIL tests/a.test.tsx (5.21 s, 120 MB heap size)", Some((false, "tests/a.test.tsx"))),
            (" PASS  tests/a.test.js", Some((true, "tests/a.test.js"))),
            ("PASS server tests/a.test.js", Some((true, "tests/a.test.js"))),
            ("PASS my tests/a.test.js", Some((true, "tests/a.test.js"))),
            ("PASS a dir/b c/a.test.js", Some((true, "dir/b c/a.test.js"))),
            (" PASS  test/a.js 10 OK 5s", None),
            (" FAIL  tests/a.test.js > cart > adds", None),
            (" FAIL  tests/a.test.js [ tests/a.test.js ]", None),
            ("PASS", None),
            ("PASS: all", None),
            ("    PASS tests/a.test.js", None),
        ];
        for (line, expected) in cases {
            assert_eq!(header(line), expected, "{line}");
        }
    }

    #[test]
    fn a_test_is_a_mark_a_title_and_a_duration() {
        let cases = [
            ("  ✓ adds (3 ms)", Some((0, Outcome::Passed, "adds", Some(3.0)))),
            ("    ✕ a (b) (1.5 s)", Some((1, Outcome::Failed, "a (b)", Some(1500.0)))),
            ("    ✕ a (b)", Some((1, Outcome::Failed, "a (b)", None))),
            ("  ○ skipped later (3 ms)", Some((0, Outcome::Skipped, "later (3 ms)", None))),
            ("  ✎ todo write it", Some((0, Outcome::Skipped, "write it", None))),
            ("  ○ skipped 2 tests", Some((0, Outcome::Skipped, "2 tests", None))),
            ("✓ adds (3 ms)", None),
            (" ✓ adds (3 ms)", None),
            ("  cart", None),
        ];
        for (line, expected) in cases {
            let found = leaf(line).map(|leaf| (leaf.depth, leaf.outcome, leaf.title, leaf.millis));
            assert_eq!(found, expected, "{line}");
        }
    }
}
