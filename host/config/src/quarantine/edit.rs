//! Putting an entry into a quarantine file, and taking one out, without touching another line.
//!
//! As with the configuration's plugins: lines are put in or taken out and nothing is written anew, so that comments stay and a
//! reviewer sees what changed. Afterwards the text is read again: it must say what it said before and the one entry more or
//! less, or it is not used.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value as Json;

use super::{QUARANTINE_FILE_NAME, Quarantine, QuarantineEntry, parse};

/// A file that is written in a way that no line can be put into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not written with one `- ` per entry, so it is not changed")]
pub struct NotUnderstood;

/// What stands at the top of a file that the program begins.
const HEAD: &str = "\
# Tests that are known to be flaky. They run and are told of, and fail no run until they expire.
# `flaky quarantine check` says which can go. A reviewer asks: who mends it, and by when?
";

/// The text with one entry more, behind the others. An empty text gets a line of explanation.
///
/// # Errors
/// When the text is not understood well enough, or would say something else.
pub fn add(text: &str, entry: &QuarantineEntry) -> Result<String, NotUnderstood> {
    let before = understood(text)?;
    let layout = Layout::of(text)?;
    let end = layout.line_end;
    let mut after = if text.trim().is_empty() { HEAD.to_owned() } else { text.to_owned() };
    if !after.ends_with('\n') {
        after.push_str(end);
    }
    after.push_str(&written(entry, layout.indent).replace('\n', end));
    let mut expected = before.entries;
    expected.push(entry.clone());
    if understood(&after)?.entries == expected { Ok(after) } else { Err(NotUnderstood) }
}

/// The text without the entry at this place of the list. Comments above it stay: they may speak of what follows.
///
/// # Errors
/// When the text is not understood well enough, or there is no such place.
pub fn remove(text: &str, at: usize) -> Result<String, NotUnderstood> {
    let before = understood(text)?;
    let layout = Layout::of(text)?;
    let mut expected = before.entries;
    if expected.len() != layout.items.len() || at >= expected.len() {
        return Err(NotUnderstood);
    }
    expected.remove(at);
    let item = layout.items.get(at).ok_or(NotUnderstood)?;
    let kept =
        layout.lines.iter().enumerate().filter(|(number, _)| !(item.first..=item.last).contains(number));
    let after: String = kept.map(|(_, line)| *line).collect();
    if understood(&after)?.entries == expected { Ok(after) } else { Err(NotUnderstood) }
}

/// An entry as the file has it, every line behind so many blanks.
#[must_use]
pub fn written(entry: &QuarantineEntry, indent: usize) -> String {
    let mut lines = vec![format!("test: {}", scalar(entry.test.as_str()))];
    if let Some(suite) = &entry.suite {
        lines.push(format!("suite: {}", scalar(suite.as_str())));
    }
    lines.push(format!("owner: {}", scalar(entry.owner.as_str())));
    lines.push(format!("reason: {}", scalar(entry.reason.as_str())));
    lines.push(format!("since: {}", entry.since));
    if let Some(evidence) = entry.evidence {
        let super::QuarantineEvidence { failed, ran, runs, commits } = evidence;
        lines.push(format!("evidence: {{failed: {failed}, ran: {ran}, runs: {runs}, commits: {commits}}}"));
    }
    lines.push(format!("expires: {}", entry.expires));
    if let Some(below) = entry.release_below {
        lines.push(format!("release_below: {}", below.get()));
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let dash = if at == 0 { "- " } else { "  " };
        let _ = writeln!(text, "{:indent$}{dash}{line}", "");
    }
    text
}

/// Words that YAML, of one version or another, takes for something else than text.
const NOT_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A text as YAML reads it; quoted wherever it could be read as something else.
fn scalar(text: &str) -> String {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b" ./:_-+,()=".contains(&b));
    let special = text.contains(": ")
        || text.ends_with([':', ' '])
        || NOT_TEXT.iter().any(|word| text.eq_ignore_ascii_case(word));
    // A string of JSON is one of YAML.
    if first && plain && !special { text.to_owned() } else { Json::from(text).to_string() }
}

fn understood(text: &str) -> Result<Quarantine, NotUnderstood> {
    parse(Path::new(QUARANTINE_FILE_NAME), text.as_bytes()).map_err(|_| NotUnderstood)
}

/// Where things stand in the text.
struct Layout<'a> {
    /// With their ends.
    lines: Vec<&'a str>,
    line_end: &'static str,
    /// Of the items, before their `-`.
    indent: usize,
    items: Vec<Item>,
}

/// Lines of one entry, the last one included; comments and blank lines behind it are not its own.
struct Item {
    first: usize,
    last: usize,
}

impl<'a> Layout<'a> {
    fn of(text: &'a str) -> Result<Self, NotUnderstood> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let line_end = if lines.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let mut items: Vec<Item> = Vec::new();
        let mut indent = None;
        for (number, line) in lines.iter().enumerate() {
            let content = line.trim_start_matches(' ');
            if content.trim().is_empty() || content.starts_with('#') {
                continue;
            }
            if items.is_empty() && line.trim_end() == "---" {
                continue;
            }
            let depth = line.len() - content.len();
            let begins = content.starts_with("- ") || content.trim_end() == "-";
            match (*indent.get_or_insert(depth), begins) {
                (indent, true) if depth == indent => items.push(Item { first: number, last: number }),
                (indent, _) if depth > indent => items.last_mut().ok_or(NotUnderstood)?.last = number,
                _ => return Err(NotUnderstood),
            }
        }
        Ok(Self { lines, line_end, indent: indent.unwrap_or(0), items })
    }
}

#[cfg(test)]
mod tests;
