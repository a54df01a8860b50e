//! `ignore_patterns`: shell patterns on test names, as Python's `fnmatch` reads them.
//!
//! Not `globset`: its `{a,b}`, `\` and `[^…]` mean something else there, and an unclosed `[` is an error to it
//! and a character to `fnmatch`. A pattern that changes its meaning would silently judge other tests.

use flaky_core::ids::TestId;
use flaky_core::settings::InvalidSetting;
use schemars::JsonSchema;
use serde::Deserialize;

/// Longest pattern taken, in characters: matching may cost its length times the name's.
const MAX_PATTERN_CHARS: usize = 1000;

/// Why a text is not an [`IgnorePattern`].
pub type InvalidIgnorePattern = InvalidSetting;

/// One pattern: `*` any text, `?` one character, `[abc]`, `[a-z]` and `[!abc]` one character of a set; an
/// unclosed `[` is itself. Letter case counts. The whole name must match.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct IgnorePattern {
    text: String,
    parts: Vec<Part>,
}

/// The patterns of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IgnorePatterns(Vec<IgnorePattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    AnyText,
    AnyChar,
    Char(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl IgnorePattern {
    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        matches_all(&self.parts, &name)
    }
}

impl TryFrom<String> for IgnorePattern {
    type Error = InvalidIgnorePattern;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Err(InvalidSetting("expected a pattern, found an empty text".to_owned()));
        }
        if text.chars().nth(MAX_PATTERN_CHARS).is_some() {
            return Err(InvalidSetting(format!("a pattern has at most {MAX_PATTERN_CHARS} characters")));
        }
        let parts = compile(&text.chars().collect::<Vec<_>>());
        Ok(Self { text, parts })
    }
}

impl IgnorePatterns {
    /// The first pattern that matches the test: its whole id, or its name alone, which is what follows the last
    /// `::` (and, for a parametrised test, also what of that stands before `[`).
    #[must_use]
    pub fn first_match(&self, test: &TestId) -> Option<&IgnorePattern> {
        let id = test.as_str();
        // `::` inside a parameter is not a separator.
        let (before_parameters, _) = id.split_once('[').unwrap_or((id, ""));
        let start = before_parameters.rfind("::").map_or(0, |position| position + 2);
        let with_parameters = id.get(start..).unwrap_or(id);
        let bare = before_parameters.get(start..).unwrap_or(id);
        self.0.iter().find(|pattern| {
            pattern.matches(id)
                || (with_parameters != id && pattern.matches(with_parameters))
                || (bare != with_parameters && !bare.is_empty() && pattern.matches(bare))
        })
    }

    /// Every pattern, as given.
    #[must_use]
    pub fn patterns(&self) -> &[IgnorePattern] {
        &self.0
    }
}

impl FromIterator<IgnorePattern> for IgnorePatterns {
    fn from_iter<I: IntoIterator<Item = IgnorePattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

fn compile(pattern: &[char]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            // Several in a row are one, or matching would try each way to share the text among them.
            '*' if parts.last() == Some(&Part::AnyText) => {}
            '*' => parts.push(Part::AnyText),
            '?' => parts.push(Part::AnyChar),
            '[' => match set(tail) {
                Some((part, after)) => {
                    parts.push(part);
                    rest = after;
                }
                None => parts.push(Part::Char('[')),
            },
            other => parts.push(Part::Char(*other)),
        }
    }
    parts
}

/// What stands between `[` and its `]`, and the rest after it; `None` when it is never closed. A `]` that comes
/// first belongs to the set.
fn set(after_bracket: &[char]) -> Option<(Part, &[char])> {
    let (negated, body) = match after_bracket {
        ['!', body @ ..] => (true, body),
        body => (false, body),
    };
    let end = body.iter().skip(1).position(|c| *c == ']')? + 1;
    let (mut members, rest) = body.split_at_checked(end)?;
    let mut ranges = Vec::new();
    while let [first, tail @ ..] = members {
        members = match tail {
            ['-', last, tail @ ..] => {
                // A range that runs backwards holds nothing.
                if first <= last {
                    ranges.push((*first, *last));
                }
                tail
            }
            _ => {
                ranges.push((*first, *first));
                tail
            }
        };
    }
    Some((Part::Set { negated, ranges }, rest.get(1..).unwrap_or_default()))
}

/// Walks both at once; after a mismatch only the last `*` needs to take one character more, as any earlier one
/// has already matched as little as it can.
fn matches_all(parts: &[Part], name: &[char]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = name.get(at) {
        match parts.get(part) {
            Some(Part::AnyText) => {
                part += 1;
                retry = Some((part, at));
            }
            Some(other) if fits(other, *c) => {
                part += 1;
                at += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    part = after_star;
                    at = taken + 1;
                    retry = Some((after_star, at));
                }
                None => return false,
            },
        }
    }
    parts.get(part..).unwrap_or_default().iter().all(|left| *left == Part::AnyText)
}

fn fits(part: &Part, c: char) -> bool {
    match part {
        Part::AnyText => false,
        Part::AnyChar => true,
        Part::Char(wanted) => *wanted == c,
        Part::Set { negated, ranges } => {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::ids::TestId;

    use super::{IgnorePattern, IgnorePatterns};

    fn pattern(text: &str) -> IgnorePattern {
        IgnorePattern::try_from(text.to_owned()).unwrap()
    }

    /// `tests/fnmatch.txt`: pattern, name, and what Python 3.11's `fnmatch.fnmatchcase` says of them.
    #[test]
    fn patterns_match_what_python_matches() {
        let table = include_str!("../tests/fnmatch.txt");
        let mut rows = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let [text, name, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line:?}");
            };
            assert_eq!(pattern(text).matches(name), expected == "yes", "{line:?}");
            rows += 1;
        }
        assert!(rows > 300, "{rows} rows");
    }

    #[test]
    fn a_test_is_matched_by_its_id_its_name_or_its_name_without_parameters() {
        let first = |text: &str, id: &str| {
            let patterns: IgnorePatterns = [pattern(text)].into_iter().collect();
            patterns.first_match(&TestId::new(id)).is_some()
        };
        assert!(first("tests/test_a.py::*", "tests/test_a.py::test_x"));
        assert!(first("test_known_flaky_*", "tests/test_a.py::test_known_flaky_one"));
        assert!(first("*_integration_test", "a.py::cart_integration_test[eu-west]"));
        assert!(first("test_x[[]a]", "a.py::test_x[a]"));
        assert!(first("test_x", "a.py::test_x[a::b]"));
        assert!(first("TestCart::test_x", "TestCart::test_x"));
        assert!(!first("test_x", "a.py::test_xy"));
        assert!(!first("test_x", "a.py::test_x::test_y"));
        assert!(!first("b]", "a.py::test_x[a::b]"));
        assert!(!first("Test_x", "a.py::test_x"));
    }

    #[test]
    fn many_stars_do_not_make_matching_explode() {
        let text = "*a".repeat(500);
        assert!(!pattern(&text).matches(&"a".repeat(499)));
        assert!(!pattern(&format!("{}b", "a*".repeat(499))).matches(&"a".repeat(4000)));
        assert!(IgnorePattern::try_from("a".repeat(1001)).is_err());
        assert!(IgnorePattern::try_from(String::new()).is_err());
    }
}
