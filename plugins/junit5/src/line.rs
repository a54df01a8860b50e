//! Lines of a tree, in both themes.

use flaky_plugin_sdk::Outcome;

/// A line that begins a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Branch<'l> {
    pub(crate) depth: usize,
    pub(crate) theme: Theme,
    /// The last of its siblings; verbose trees end a node so.
    pub(crate) is_last: bool,
    pub(crate) text: &'l str,
}

/// What the tree is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Unicode,
    Ascii,
}

/// Deepest node that is read; containers of tests stay under ten levels.
const DEEPEST: usize = 100;

/// Whether the line is the root of a tree.
pub(crate) fn root(line: &str) -> Option<Theme> {
    match line {
        "╷" => Some(Theme::Unicode),
        "." => Some(Theme::Ascii),
        _ => None,
    }
}

pub(crate) fn branch(line: &str) -> Option<Branch<'_>> {
    let is_ascii = line.trim_start_matches(['|', ' ']).starts_with(['+', '\'']);
    let theme = if is_ascii { Theme::Ascii } else { Theme::Unicode };
    let (units, branches) = match theme {
        Theme::Unicode => (["│  ", "   "], [("├─ ", false), ("└─ ", true)]),
        Theme::Ascii => (["| ", "  "], [("+-- ", false), ("'-- ", true)]),
    };
    let mut rest = line;
    for depth in 0..DEEPEST {
        for (branch, is_last) in branches {
            if let Some(text) = rest.strip_prefix(branch) {
                return Some(Branch { depth, theme, is_last, text });
            }
        }
        rest = units.iter().find_map(|unit| rest.strip_prefix(unit))?;
    }
    None
}

/// A line that belongs to a node: what stands behind the lines of the tree.
pub(crate) fn inside(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some(next) = rest.strip_prefix("│  ").or_else(|| rest.strip_prefix("| ")) {
        rest = next;
    }
    (rest.len() < line.len() || rest.starts_with("   ")).then(|| rest.trim_start())
}

/// Signs of results, in both themes.
pub(crate) fn signs(theme: Theme) -> [(&'static str, Outcome); 4] {
    let signs = match theme {
        Theme::Unicode => ["✔", "✘", "■", "↷"],
        Theme::Ascii => ["[OK]", "[X]", "[A]", "[S]"],
    };
    let [passed, failed, aborted, skipped] = signs;
    // A test whose assumption does not hold is as good as one that was skipped.
    [
        (passed, Outcome::Passed),
        (failed, Outcome::Failed),
        (aborted, Outcome::Skipped),
        (skipped, Outcome::Skipped),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_known_by_their_branches() {
        let cases = [
            ("├─ JUnit Jupiter ✔", Some((0, "JUnit Jupiter ✔"))),
            ("│  ├─ a ✔", Some((1, "a ✔"))),
            ("   │  └─ a ✔", Some((2, "a ✔"))),
            ("'-- JUnit Jupiter [OK]", Some((0, "JUnit Jupiter [OK]"))),
            ("  | +-- a ─ b [OK]", Some((2, "a ─ b [OK]"))),
            ("  | +-- a [OK]", Some((2, "a [OK]"))),
            ("│  │        more", None),
            ("text ├─ a", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let found = branch(line).map(|branch| (branch.depth, branch.text));
            assert_eq!(found, expected, "{line}");
        }
    }
}
