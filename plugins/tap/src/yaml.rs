//! The diagnostics below a result, between `---` and `...`. Only what producers write is understood: keys of one level,
//! plain, quoted and block texts, and the place in a map below `at`.

use flaky_plugin_sdk::{Failure, Location};

use crate::line::nanoseconds;

#[derive(Debug, Default)]
pub(crate) struct Details {
    values: Vec<(String, String)>,
    raw: String,
}

impl Details {
    pub(crate) fn read(lines: &[String]) -> Self {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let base = lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| indent(line));
        let mut values: Vec<(String, String)> = Vec::new();
        let mut below: Vec<&str> = Vec::new();
        for line in lines {
            let key = (indent(line) == base).then(|| line.trim().split_once(':')).flatten();
            match key.filter(|(_, value)| value.is_empty() || value.starts_with(' ')) {
                Some((key, value)) => {
                    close(&mut values, &mut below);
                    values.push((key.trim_matches(['\'', '"']).to_owned(), value.trim().to_owned()));
                }
                None => below.push(line),
            }
        }
        close(&mut values, &mut below);
        let raw = lines
            .iter()
            .map(|line| line.get(base.min(indent(line))..).unwrap_or_default())
            .collect::<Vec<_>>();
        Self { values, raw: raw.join("\n") }
    }

    pub(crate) fn is_some(&self) -> bool {
        !self.values.is_empty()
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.values.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// The kind of failure in node:test.
    pub(crate) fn failure_type(&self) -> Option<&str> {
        self.get("failureType")
    }

    /// Whether it is about a group of tests.
    pub(crate) fn is_suite(&self) -> bool {
        self.get("type") == Some("suite")
    }

    pub(crate) fn nanoseconds(&self) -> Option<u64> {
        let milliseconds: f64 = self.get("duration_ms")?.parse().ok()?;
        nanoseconds(milliseconds * 1e6)
    }

    pub(crate) fn failure(&self, description: &str) -> Failure {
        let kind = self.get("name").or_else(|| self.get("type").filter(|kind| kind.ends_with("Error")));
        let told = ["error", "message"].iter().find_map(|key| self.get(key));
        let shown = || ["values", "details", "diff"].iter().find_map(|key| self.get(key));
        let message = match (told, shown()) {
            // ava names what it was, and shows what.
            (Some(told), Some(shown)) => format!("{told}\n{shown}"),
            (Some(text), None) | (None, Some(text)) => text.to_owned(),
            (None, None) => description.to_owned(),
        };
        Failure {
            kind: kind.unwrap_or_default().to_owned(),
            message: message.trim_end().to_owned(),
            trace: self.raw.clone(),
        }
    }

    /// Where the test is, if the file is told from the project's root.
    pub(crate) fn location(&self) -> Option<Location> {
        let (file, line) = match self.get("location") {
            Some(place) => {
                let mut parts = place.rsplitn(3, ':');
                let (_, line, file) = (parts.next()?, parts.next()?, parts.next()?);
                (file.to_owned(), line.parse().ok())
            }
            None => {
                let at = self.get("at")?;
                let value = |keys: [&str; 2]| {
                    at.lines().find_map(|line| {
                        let (key, value) = line.trim().split_once(": ")?;
                        keys.contains(&key).then(|| value.trim().to_owned())
                    })
                };
                (
                    value(["file", "fileName"])?,
                    value(["line", "lineNumber"]).and_then(|line| line.parse().ok()),
                )
            }
        };
        let outside = file.starts_with('/') || file.contains("://") || file.contains(":\\");
        (!outside).then_some(Location { file, line })
    }
}

/// Gives the last key what stands below it.
fn close(values: &mut [(String, String)], below: &mut Vec<&str>) {
    let lines = std::mem::take(below);
    let Some((_, value)) = values.last_mut() else { return };
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let dedented: Vec<&str> = lines
        .iter()
        .map(|line| if line.trim().is_empty() { "" } else { line.get(indent..).unwrap_or_default() })
        .collect();
    let header = value.as_str();
    *value = if header.starts_with('|') || header.is_empty() {
        dedented.join("\n").trim_end().to_owned()
    } else if header.starts_with('>') {
        // Folded: line ends are spaces, empty lines are line ends.
        dedented.join(" ").replace("  ", "\n").trim_end().to_owned()
    } else {
        let mut text = value.clone();
        for line in dedented {
            text.push('\n');
            text.push_str(line);
        }
        unquoted(text.trim_end())
    };
}

fn unquoted(text: &str) -> String {
    if let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return inner.replace("''", "'");
    }
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { Some(c) };
        plain.push(match (c, escaped) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('t')) => '\t',
            (_, Some(c)) => c,
            (_, None) => '\\',
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> Details {
        Details::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn texts_of_all_styles_are_read() {
        let cases = [
            ("message: |-\n  one\n    two\nstack: x", "one\n  two"),
            ("    message: |-\n      one\n    stack: x", "one"),
            ("error: 'it''s'", "it's"),
            (r#"error: "one\ntwo""#, "one\ntwo"),
            ("message: >-\n  one\n  two", "one two"),
            ("message: ''\ndetails:\n  'Difference': |-\n    - a\n    + b", "'Difference': |-\n  - a\n  + b"),
            ("error: plain", "plain"),
            ("operator: x", "description"),
        ];
        for (text, message) in cases {
            assert_eq!(details(text).failure("description").message, message, "{text}");
        }
    }

    #[test]
    fn places_are_those_in_the_project() {
        let place = |text: &str| details(text).location().map(|place| (place.file, place.line));
        assert_eq!(place("location: 'test/a.js:6:1'"), Some(("test/a.js".to_owned(), Some(6))));
        assert_eq!(place("location: '/home/a.js:6:1'"), None);
        assert_eq!(place("at:\n  line: 4\n  file: tap/shop.js"), Some(("tap/shop.js".to_owned(), Some(4))));
        assert_eq!(place("at: ''"), None);
    }
}
