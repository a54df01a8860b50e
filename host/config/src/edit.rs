//! Adding to the list `plugins` of a file, and taking away from it, without touching another line.
//!
//! The file is the user's, with comments and an order of its own, so lines are put in or taken out and nothing is written
//! anew. Afterwards the text is read again: it must say what it said before and the one thing more or less, or it is not
//! used.

use std::path::Path;

use crate::file::{ConfigFile, parse};
use crate::plugin::PluginEntry;

/// A file that is written in a way that no line can be put into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the list `plugins` is not written with one `- ` line per plugin, so it is not changed")]
pub struct NotUnderstood;

/// The text of a new file that names this plugin.
#[must_use]
pub fn new_file(source: &str) -> String {
    format!("plugins:\n{}\n", line("  ", source))
}

/// The line that names a plugin.
#[must_use]
pub fn plugin_line(source: &str) -> String {
    line("  ", source)
}

/// The text with one plugin more, behind the others.
///
/// # Errors
/// When the text is not understood well enough.
pub fn add_plugin(text: &str, source: &str) -> Result<String, NotUnderstood> {
    let before = understood(text)?;
    let layout = Layout::of(text)?;
    let mut lines: Vec<String> = layout.lines.iter().map(|l| (*l).to_owned()).collect();
    let end = layout.line_end;
    match (layout.key, layout.items.last()) {
        (None, _) => {
            if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
                last.push_str(end);
            }
            if lines.last().is_some_and(|last| !last.trim().is_empty()) {
                lines.push(end.to_owned());
            }
            lines.push(format!("plugins:{end}{}{end}", line("  ", source)));
        }
        (Some(key), None) => {
            lines[key.at] = key.emptied(end);
            lines.insert(key.at + 1, format!("{}{end}", line("  ", source)));
        }
        (Some(_), Some(item)) => {
            let last = &mut lines[item.last];
            if !last.ends_with('\n') {
                last.push_str(end);
            }
            lines.insert(item.last + 1, format!("{}{end}", line(&" ".repeat(layout.indent), source)));
        }
    }
    let after = lines.concat();
    let source = source.parse().map_err(|_| NotUnderstood)?;
    let mut expected = before.settings;
    expected.plugins.get_or_insert_default().push(PluginEntry::of(source));
    if understood(&after)?.settings == expected { Ok(after) } else { Err(NotUnderstood) }
}

/// The text without the plugin at this place of the list.
///
/// # Errors
/// When the text is not understood well enough, or there is no such place.
pub fn remove_plugin(text: &str, at: usize) -> Result<String, NotUnderstood> {
    let before = understood(text)?;
    let layout = Layout::of(text)?;
    let mut expected = before.settings;
    let plugins = expected.plugins.as_mut().ok_or(NotUnderstood)?;
    if plugins.len() != layout.items.len() || at >= plugins.len() {
        return Err(NotUnderstood);
    }
    plugins.remove(at);
    let (Some(item), Some(key)) = (layout.items.get(at), layout.key) else { return Err(NotUnderstood) };
    let mut lines: Vec<String> = layout.lines.iter().map(|l| (*l).to_owned()).collect();
    lines.drain(item.first..=item.last);
    if layout.items.len() == 1 {
        lines[key.at] = key.with("[]", layout.line_end);
    }
    let after = lines.concat();
    if understood(&after)?.settings == expected { Ok(after) } else { Err(NotUnderstood) }
}

fn understood(text: &str) -> Result<ConfigFile, NotUnderstood> {
    parse(Path::new(crate::source::FILE_NAME), text.as_bytes()).map_err(|_| NotUnderstood)
}

/// One entry. What YAML would read as something else than this text is quoted.
fn line(indent: &str, source: &str) -> String {
    let first = source.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b"./".contains(&b));
    let plain = source.bytes().all(|b| b.is_ascii_alphanumeric() || b"./:_-+@~=%?&".contains(&b));
    let colon = source.ends_with(':') || source.bytes().all(|b| b.is_ascii_digit() || b".:_".contains(&b));
    if first && plain && !colon {
        format!("{indent}- {source}")
    } else {
        // A string of JSON is one of YAML.
        format!("{indent}- {}", serde_json::Value::from(source))
    }
}

/// Where things stand in the text.
struct Layout<'a> {
    /// With their ends.
    lines: Vec<&'a str>,
    line_end: &'static str,
    key: Option<Key<'a>>,
    /// Of the items, before their `-`.
    indent: usize,
    items: Vec<Item>,
}

/// The line `plugins:`.
#[derive(Clone, Copy)]
struct Key<'a> {
    at: usize,
    /// A comment at its end, with the blanks before it.
    comment: &'a str,
}

impl Key<'_> {
    fn emptied(&self, end: &str) -> String {
        format!("plugins:{}{end}", self.comment)
    }

    fn with(&self, value: &str, end: &str) -> String {
        format!("plugins: {value}{}{end}", self.comment)
    }
}

/// Lines of one entry, the last one included; comments and blank lines behind it are not its own.
struct Item {
    first: usize,
    last: usize,
}

impl<'a> Layout<'a> {
    fn of(text: &'a str) -> Result<Self, NotUnderstood> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let line_end = if lines.iter().any(|l| l.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let at = lines.iter().position(|line| line.starts_with("plugins:"));
        let Some(at) = at else {
            return Ok(Self { lines, line_end, key: None, indent: 2, items: Vec::new() });
        };
        let rest = lines[at].trim_end().strip_prefix("plugins:").unwrap_or_default();
        let (value, comment) = match rest.find(" #") {
            Some(hash) => rest.split_at(hash),
            None => (rest, ""),
        };
        let key = Some(Key { at, comment });
        match value.trim() {
            "" => {}
            "[]" | "~" | "null" => return Ok(Self { lines, line_end, key, indent: 2, items: Vec::new() }),
            _ => return Err(NotUnderstood),
        }
        let mut items: Vec<Item> = Vec::new();
        let mut indent = None;
        for (number, line) in lines.iter().enumerate().skip(at + 1) {
            let content = line.trim_start_matches(' ');
            if content.trim().is_empty() || content.starts_with('#') {
                continue;
            }
            let depth = line.len() - content.len();
            let begins = content.starts_with("- ") || content.trim_end() == "-";
            match (*indent.get_or_insert(depth), begins) {
                (indent, true) if depth == indent => items.push(Item { first: number, last: number }),
                (indent, _) if depth > indent => items.last_mut().ok_or(NotUnderstood)?.last = number,
                // The first line is no item: it is the next key, or a list of another kind.
                _ => break,
            }
        }
        Ok(Self { lines, line_end, key, indent: indent.unwrap_or(2), items })
    }
}

#[cfg(test)]
mod tests;
