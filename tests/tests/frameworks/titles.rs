//! Tests with titles that a shell, a regular expression or an option parser could misread.

use serde_json::json;

/// Each differs from all others in more than case, which jest does not regard.
const TITLES: [&str; 11] = [
    "adds",
    "adds more",
    "never adds",
    "a > b",
    "costs $1 (in €) [x]{2} ^a|b$ .*+? c\\d/e",
    "says \"it's\" `id` && echo $HOME; # %PATH% !",
    "--bail",
    "日本語 🚀",
    "two  spaces",
    "42",
    "one\ttab",
];

/// A file that has a test of each.
pub(crate) fn file(head: &str, test: &str) -> String {
    format!("{head}\nfor (const title of {}) {test}(title, () => {{}});\n", json!(TITLES))
}
