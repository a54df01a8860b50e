//! Printed lines as a terminal would show them.

use std::borrow::Cow;

use flaky_plugin_sdk::{Blob, LineEnd, Lines as Raw};

/// Of longer lines only the beginning matters: names, marks and summaries stand there.
const LONGEST_LINE: usize = 64 * 1024;

/// The lines of a source: without colours, what was overwritten by a carriage return, and a byte order mark.
#[derive(Debug)]
pub struct Lines<'b, 'a> {
    raw: Raw<'b, 'a>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<'l> {
    /// As shown, U+FFFD where it is not UTF-8.
    pub text: Cow<'l, str>,
    /// Where in the source it begins.
    pub offset: u64,
    /// Whether all of it is there.
    pub whole: bool,
}

impl<'b, 'a> Lines<'b, 'a> {
    /// The lines of a source.
    #[must_use]
    pub fn of(blob: &'b Blob<'a>) -> Self {
        Self { raw: blob.lines_up_to(LONGEST_LINE) }
    }

    /// The next line; `None` after the last.
    pub fn next_line(&mut self) -> Option<Shown<'_>> {
        let line = self.raw.next_line()?;
        let whole = matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong);
        let bytes = if line.offset == 0 {
            line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes)
        } else {
            line.bytes
        };
        Some(Shown { text: shown(bytes), offset: line.offset, whole })
    }
}

fn shown(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    // What stands after the last carriage return is what stays on the screen.
    let bytes = memchr::memrchr(b'\r', bytes).and_then(|at| bytes.get(at + 1..)).unwrap_or(bytes);
    if memchr::memchr(0x1b, bytes).is_none() {
        return String::from_utf8_lossy(bytes);
    }
    Cow::Owned(String::from_utf8_lossy(&without_escapes(bytes)).into_owned())
}

/// Without the control sequences of terminals (ECMA-48, 5.4).
pub(crate) fn without_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let after = escape.get(1..).unwrap_or_default();
        let body =
            |from: &[u8], low: u8, high: u8| from.iter().take_while(|b| (low..=high).contains(*b)).count();
        let length = if after.first() == Some(&b'[') {
            let parameters = 1 + body(after.get(1..).unwrap_or_default(), 0x20, 0x3f);
            parameters + usize::from(after.get(parameters).is_some_and(|b| (0x40..=0x7e).contains(b)))
        } else {
            let between = body(after, 0x20, 0x2f);
            between + usize::from(after.get(between).is_some_and(|b| (0x30..=0x7e).contains(b)))
        };
        rest = after.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_terminal_shows() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (b"\x1b[32m\xe2\x9c\x93\x1b[39m \x1b[2mname\x1b[22m", "\u{2713} name"),
            (b"1 of 9\r9 of 9", "9 of 9"),
            (b"\x1b[2K\x1b[1Gdone", "done"),
            (b"bad \xff byte", "bad \u{fffd} byte"),
            (b"cut \x1b[3", "cut "),
            (b"cut \x1b", "cut "),
        ];
        for (bytes, text) in cases {
            assert_eq!(shown(bytes), *text);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let blob = Blob::in_memory(b"\xef\xbb\xbfone\r\ntwo");
        let mut lines = Lines::of(&blob);
        assert_eq!(
            lines.next_line().map(|line| (line.text.into_owned(), line.whole)),
            Some(("one".to_owned(), true))
        );
        assert_eq!(
            lines.next_line().map(|line| (line.text.into_owned(), line.whole)),
            Some(("two".to_owned(), false))
        );
        assert!(lines.next_line().is_none());
    }
}
