//! Single lines.

/// What stands before a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Tests of it follow.
    Open,
    Passed,
    Failed,
    Skipped,
}

/// `  ✔ title (1.5ms) # TODO`. Two spaces per level.
#[derive(Debug, PartialEq)]
pub(crate) struct Marked<'l> {
    pub(crate) depth: usize,
    pub(crate) mark: Mark,
    pub(crate) title: &'l str,
    pub(crate) millis: Option<f64>,
    /// What stands after `#`.
    pub(crate) directive: Option<&'l str>,
}

pub(crate) fn marked(line: &str) -> Option<Marked<'_>> {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    let (mark, rest) = text.split_once(' ')?;
    let mark = match mark {
        "▶" => Mark::Open,
        "✔" => Mark::Passed,
        "✖" => Mark::Failed,
        "﹣" | "⚠" => Mark::Skipped,
        _ => return None,
    };
    if !spaces.is_multiple_of(2) || rest.is_empty() {
        return None;
    }
    let (title, millis, directive) = if mark == Mark::Open { (rest, None, None) } else { ending(rest)? };
    Some(Marked { depth: spaces / 2, mark, title, millis, directive })
}

/// What of a line is the runner's, where a test printed something before it without ending the line.
pub(crate) fn glued(line: &str) -> Option<&str> {
    let at = ["▶ ", "✔ ", "✖ ", "﹣ ", "⚠ ", "ℹ "].iter().filter_map(|mark| line.rfind(mark)).max()?;
    let before = line.get(..at)?.trim_end_matches(' ');
    if before.is_empty() { None } else { line.get(before.len()..) }
}

type Ending<'l> = (&'l str, Option<f64>, Option<&'l str>);

/// Duration and directive at the end. Durations have decimals: a whole number is none of the runner's.
fn ending(text: &str) -> Option<Ending<'_>> {
    for (at, _) in text.rmatch_indices(" (") {
        let after = text.get(at + 2..)?;
        let Some((number, rest)) = after.split_once("ms)") else { continue };
        let Ok(millis) = number.parse::<f64>() else { continue };
        let directive = rest.strip_prefix(" # ");
        if rest.is_empty() || directive.is_some() {
            return number.contains('.').then_some((text.get(..at)?, Some(millis), directive));
        }
    }
    // What was cancelled has no duration.
    match text.rsplit_once(" # ") {
        Some((title, directive)) if matches!(directive, "SKIP" | "TODO") => {
            Some((title, None, Some(directive)))
        }
        _ => Some((text, None, None)),
    }
}

/// `ℹ tests 27`: word and number.
pub(crate) fn count(line: &str) -> Option<(&str, f64)> {
    let (word, number) = line.strip_prefix("ℹ ")?.split_once(' ')?;
    Some((word, number.parse().ok()?))
}

/// `test at test/a.test.js:5:3`: file and line.
pub(crate) fn place(line: &str) -> Option<(&str, u32)> {
    let mut ends = line.strip_prefix("test at ")?.rsplitn(3, ':');
    let _column: u32 = ends.next()?.parse().ok()?;
    let line = ends.next()?.parse().ok()?;
    Some((ends.next()?, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_mark_a_title_and_what_stands_behind() {
        let cases = [
            ("▶ cart", Some((0, Mark::Open, "cart", None))),
            ("  ✔ adds (1.5ms)", Some((1, Mark::Passed, "adds", None))),
            ("    ✖ sums a b # SKIP (0.5ms)", Some((2, Mark::Failed, "sums a b # SKIP", None))),
            (
                "  ﹣ later (0.4ms) # not here (yet)",
                Some((1, Mark::Skipped, "later", Some("not here (yet)"))),
            ),
            ("  ✔ open (0.4ms) # TODO", Some((1, Mark::Passed, "open", Some("TODO")))),
            ("  ✖ cancelled", Some((1, Mark::Failed, "cancelled", None))),
            ("✔ fake (1ms)", None),
            (" ✔ adds (1.5ms)", None),
            ("✓ adds (1.5ms)", None),
        ];
        for (line, expected) in cases {
            let found = marked(line).map(|m| (m.depth, m.mark, m.title, m.directive));
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(place("test at test/a.test.js:5:3"), Some(("test/a.test.js", 5)));
        assert_eq!(count("ℹ duration_ms 1.5"), Some(("duration_ms", 1.5)));
    }
}
