//! Lines of a given width: measuring, wrapping, colouring. Text that comes in here is visible already
//! ([`flaky_plugin_sdk::report::visible`]); the only escape sequences are those that [`Style`] adds.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    /// Less important.
    Dim,
    Good,
    Warning,
    Bad,
    Unsure,
}

impl Style {
    /// Parameters of "select graphic rendition" (ECMA-48, 8.3.117): the sixteen colours that every theme sets.
    const fn parameters(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "1;32",
            Self::Warning => "1;33",
            Self::Bad => "1;31",
            Self::Unsure => "1;35",
        }
    }
}

/// Text that grows line by line.
pub(crate) struct Page {
    pub(crate) width: usize,
    colour: bool,
    text: String,
}

/// Columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

impl Page {
    pub(crate) const fn new(width: usize, colour: bool) -> Self {
        Self { width, colour, text: String::new() }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// The text, coloured when colours are wanted.
    pub(crate) fn painted(&self, text: &str, style: Style) -> String {
        if self.colour && style != Style::Plain && !text.trim().is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.parameters())
        } else {
            text.to_owned()
        }
    }

    /// A line as it is. It may be longer than the page: commands are, which have to be copied in one piece.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Parts with a middle dot between, wrapped between parts where they do not fit.
    pub(crate) fn separated(&mut self, parts: &[(String, Style)]) {
        let mut line = String::new();
        let mut used = 0;
        for (text, style) in parts {
            let text = &shortened(text, self.width);
            let wide = columns(text);
            if used > 0 && used + 3 + wide > self.width {
                self.line(&line);
                line.clear();
                used = 0;
            }
            if used > 0 {
                line.push_str(&self.painted(" · ", Style::Dim));
                used += 3;
            }
            line.push_str(&self.painted(text, *style));
            used += wide;
        }
        self.line(&line);
    }

    /// Wrapped text behind a label; further lines stand under the text.
    pub(crate) fn paragraph(&mut self, label: &str, text: &str, style: Style) {
        self.short_paragraph(label, text, style, usize::MAX);
    }

    /// The same, of `most` lines at most.
    pub(crate) fn short_paragraph(&mut self, label: &str, text: &str, style: Style, most: usize) {
        let indent = columns(label);
        let room = self.width.saturating_sub(indent).max(LEAST_ROOM);
        let mut lines = wrapped(text, room);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                let shorter = shortened(&format!("{last} …"), room);
                *last = shorter;
            }
        }
        for (number, part) in lines.iter().enumerate() {
            let painted = self.painted(part, style);
            if number == 0 {
                let label = self.painted(label, Style::Dim);
                self.line(&format!("{label}{painted}").replace(GLUE, " "));
            } else {
                self.line(&format!("{:indent$}{painted}", "").replace(GLUE, " "));
            }
        }
    }
}

/// A space at which paragraphs are not wrapped: between a number and its unit.
pub(crate) const GLUE: char = '\u{a0}';

/// Text never gets less room than this, however deep it is indented.
pub(crate) const LEAST_ROOM: usize = 16;

/// Lines of at most `room` columns, broken after spaces; a word that is too long is broken where an id or path
/// has a joint, else anywhere.
pub(crate) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while columns(rest) > room {
        let fits = fitting(rest, room);
        let (head, _) = rest.split_at(fits);
        // The break may fall on the very space that follows what fits.
        let at_space = rest.get(fits..).is_some_and(|after| after.starts_with(' '));
        let broken = if at_space { fits } else { break_at(head).unwrap_or(fits) };
        let (line, after) = rest.split_at(broken);
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// Where to break a text that fills the line: after the last space, else after the last joint; not in the first
/// third, which would leave a ragged hole.
fn break_at(head: &str) -> Option<usize> {
    let late = |at: &usize| *at > head.len() / 3;
    let space = head.rfind(' ').map(|at| at + 1).filter(late);
    // Not in the middle of `::`, of which the line may hold the first half.
    let whole = head.strip_suffix(':').filter(|before| !before.ends_with(':')).unwrap_or(head);
    let joint = || whole.rfind(['/', ':', ',', '[', '-', '_', '.']).map(|at| at + 1).filter(late);
    space.or_else(joint)
}

/// How many bytes of the text fit in `room` columns; at least one character, so that wrapping ends.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > room && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The text in at most `room` columns, its end cut away when it is longer.
pub(crate) fn shortened(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let (head, _) = text.split_at(fitting(text, room.saturating_sub(1)));
    format!("{}…", head.trim_end_matches([' ', '…']))
}

/// The text filled up with spaces.
pub(crate) fn padded(text: &str, room: usize) -> String {
    format!("{text}{:fill$}", "", fill = room.saturating_sub(columns(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_then_at_joints_then_anywhere() {
        let cases: &[(&str, usize, &[&str])] = &[
            ("one two three", 20, &["one two three"]),
            ("one two three", 8, &["one two", "three"]),
            ("one two three", 7, &["one two", "three"]),
            ("tests/orders/test_cart.py::test_adds", 20, &["tests/orders/test_", "cart.py::test_adds"]),
            ("tests/test_cart.py::test_adds", 20, &["tests/test_cart.py::", "test_adds"]),
            ("tests/test_cart.py::test_adds", 19, &["tests/test_cart.", "py::test_adds"]),
            ("aaaaaaaaaa", 4, &["aaaa", "aaaa", "aa"]),
            ("日本語テスト", 5, &["日本", "語テ", "スト"]),
            ("日", 1, &["日"]),
            ("", 5, &[""]),
        ];
        for (text, room, lines) in cases {
            assert_eq!(wrapped(text, *room), *lines, "{text}");
        }
    }

    #[test]
    fn long_text_is_shortened_by_columns() {
        assert_eq!(shortened("日本語", 5), "日本…");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(padded("日本", 6), "日本  ");
    }
}
