//! How pytest's reports write what went wrong: a text, an object with the parts of a trace, or file, line and reason.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(untagged)]
enum Longrepr {
    Text(String),
    Parts(Parts),
    /// Of a skipped test.
    Reason(IgnoredAny, IgnoredAny, String),
}

#[derive(Deserialize)]
struct Parts {
    reprcrash: Option<Crash>,
    reprtraceback: Option<Traceback>,
}

#[derive(Deserialize)]
struct Crash {
    message: String,
}

#[derive(Deserialize)]
struct Traceback {
    #[serde(default)]
    reprentries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    data: EntryData,
}

#[derive(Deserialize)]
struct EntryData {
    #[serde(default)]
    lines: Vec<String>,
    reprfileloc: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    path: String,
    lineno: i64,
    message: String,
}

/// Longer traces are cut; nobody reads more.
const LONGEST_TRACE: usize = 64 * 1024;

/// Message and trace.
pub(crate) fn read(raw: Option<&RawValue>) -> (Option<String>, Option<String>) {
    match raw.and_then(|raw| serde_json::from_str::<Longrepr>(raw.get()).ok()) {
        None => (None, None),
        Some(Longrepr::Reason(_, _, reason)) => (Some(reason), None),
        Some(Longrepr::Text(text)) => of_text(&text),
        Some(Longrepr::Parts(parts)) => {
            let trace = parts.reprtraceback.map(|traceback| traceback.text()).unwrap_or_default();
            match parts.reprcrash {
                Some(crash) => (Some(crash.message), Some(trace)),
                None => of_text(&trace),
            }
        }
    }
}

/// Message and trace of a text as pytest prints it: what is marked `E` at its end is the message, else all of it is.
pub(crate) fn of_text(text: &str) -> (Option<String>, Option<String>) {
    let mut marked: Vec<&str> = Vec::new();
    let mut among_marked = false;
    for line in text.lines() {
        match line.strip_prefix('E').filter(|rest| rest.is_empty() || rest.starts_with("  ")) {
            Some(rest) => {
                // Of a chain of exceptions the last is the one that came through.
                if !among_marked {
                    marked.clear();
                }
                among_marked = true;
                marked.push(rest);
            }
            None => among_marked &= line.trim().is_empty(),
        }
    }
    let message = if marked.is_empty() { text.trim().to_owned() } else { unindented(&marked) };
    (Some(cut(message)), Some(cut(text.to_owned())))
}

fn unindented(lines: &[&str]) -> String {
    let spaces = |line: &str| line.len() - line.trim_start().len();
    let indent = lines.first().map_or(0, |line| spaces(line));
    let lines: Vec<&str> =
        lines.iter().map(|line| line.get(indent.min(spaces(line))..).unwrap_or_default()).collect();
    lines.join("\n").trim_end().to_owned()
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_TRACE));
    text
}

impl Traceback {
    fn text(self) -> String {
        let mut text = String::new();
        for entry in self.reprentries {
            for line in entry.data.lines {
                text.push_str(&line);
                text.push('\n');
            }
            if let Some(Place { path, lineno, message }) = entry.data.reprfileloc {
                text.push_str(&format!("\n{path}:{lineno}: {message}\n"));
            }
        }
        cut(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_a_message() {
        let cases = [
            (r#""E   KeyError: 'a'\n\nx\nE   ValueError: b\nE     more""#, "ValueError: b\n  more"),
            (r#""[XPASS(strict)] must fail""#, "[XPASS(strict)] must fail"),
            (r#"["a.py", 3, "Skipped: no network"]"#, "Skipped: no network"),
            (
                r#"{"reprcrash": {"path": "a", "lineno": 1, "message": "assert 1 == 2\n +x"}, "reprtraceback": {"reprentries": []}}"#,
                "assert 1 == 2\n +x",
            ),
            (
                r#"{"reprcrash": null, "reprtraceback": {"reprentries": [{"data": {"lines": ["E   OSError: c"]}}]}}"#,
                "OSError: c",
            ),
        ];
        for (json, message) in cases {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            assert_eq!(read(Some(&raw)).0.as_deref(), Some(message), "{json}");
        }
        assert_eq!(read(None), (None, None));
    }
}
