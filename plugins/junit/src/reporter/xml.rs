//! XML 1.0, written.

use flaky_plugin_sdk::report::without_colours;

/// A document being written. Elements without content are closed at once; nothing is indented but by level.
#[derive(Debug)]
pub(super) struct Xml {
    out: String,
    depth: usize,
    /// The innermost element's start tag is not closed yet.
    in_tag: bool,
    /// The innermost element holds text: white space in it would be part of it.
    in_text: bool,
}

impl Xml {
    /// With room for about so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        let mut out = String::with_capacity(bytes);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        Self { out, depth: 0, in_tag: false, in_text: false }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn open(&mut self, name: &str) {
        self.end_tag();
        self.new_line();
        self.out.push('<');
        self.out.push_str(name);
        self.depth += 1;
        self.in_tag = true;
        self.in_text = false;
    }

    /// Of the element opened last, before anything is in it.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape(&mut self.out, value, true);
        self.out.push('"');
    }

    pub(super) fn text(&mut self, text: &str) {
        self.end_tag();
        escape(&mut self.out, text, false);
        self.in_text = true;
    }

    pub(super) fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        if self.in_tag {
            self.out.push_str("/>");
        } else {
            if !self.in_text {
                self.new_line();
            }
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        self.in_tag = false;
        self.in_text = false;
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push('\n');
        self.out
    }

    fn end_tag(&mut self) {
        if self.in_tag {
            self.out.push('>');
            self.in_tag = false;
        }
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        (0..self.depth).for_each(|_| self.out.push_str("  "));
    }
}

/// Writes text so that it is text. Colours of terminals go; what XML 1.0 cannot hold (section 2.2, "Characters"), and
/// the control characters that it advises against, become U+FFFD. `>` is escaped too, so that `]]>` never stands
/// there, and so are line ends in attributes, which readers would make spaces of.
fn escape(out: &mut String, text: &str, in_attribute: bool) {
    let coloured = text.contains('\u{1b}');
    let cleaned = if coloured { without_colours(text) } else { String::new() };
    for c in if coloured { cleaned.as_str() } else { text }.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\n' if in_attribute => out.push_str("&#10;"),
            '\t' if in_attribute => out.push_str("&#9;"),
            '\n' | '\t' => out.push(c),
            // Readers make a line end of it, alone or before one.
            '\r' => {}
            '\u{FFFE}' | '\u{FFFF}' => out.push(char::REPLACEMENT_CHARACTER),
            _ if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(c),
        }
    }
}
