//! Lines as they would be seen on a terminal.

use std::borrow::Cow;

/// A line without control sequences, and of what a carriage return overwrote only the last state.
#[must_use]
pub fn plain(line: &[u8]) -> Cow<'_, str> {
    match plain_bytes(line) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

/// The same as bytes. Copies only lines that hold an escape character.
#[must_use]
pub fn plain_bytes(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = last_state(line);
    if memchr::memchr(0x1b, line).is_none() {
        return Cow::Borrowed(line);
    }
    let mut seen = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        let (before, sequence) = rest.split_at(at);
        seen.extend_from_slice(before);
        rest = after_sequence(sequence);
    }
    seen.extend_from_slice(rest);
    Cow::Owned(seen)
}

/// What the last carriage return left visible.
fn last_state(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let Some(rest) = line.strip_suffix(b"\r") {
        line = rest;
    }
    memchr::memrchr(b'\r', line).map_or(line, |at| line.get(at + 1..).unwrap_or_default())
}

/// What follows a control sequence (ECMA-48) or an operating system command.
fn after_sequence(sequence: &[u8]) -> &[u8] {
    let rest = sequence.get(1..).unwrap_or_default();
    let end = match rest.first() {
        Some(b'[') => rest.iter().skip(1).position(|byte| !(0x20..=0x3f).contains(byte)).map(|at| {
            let last = at + 1;
            // What is no final byte was never part of the sequence.
            if rest.get(last).is_some_and(|byte| (0x40..=0x7e).contains(byte)) { last + 1 } else { last }
        }),
        Some(b']') => memchr::memchr2(0x07, b'\\', rest).map(|at| at + 1),
        // `ESC ( B` chooses a set of characters.
        Some(b'(' | b')') => Some(2),
        Some(_) => Some(1),
        None => None,
    };
    end.and_then(|end| rest.get(end..)).unwrap_or_default()
}

/// Adds a line to what was kept of something, up to `most` bytes in all.
pub fn capped(kept: &mut String, line: &str, most: usize) {
    let room = most.saturating_sub(kept.len());
    if room == 0 {
        return;
    }
    if !kept.is_empty() {
        kept.push('\n');
    }
    let end = (0..=room.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
    kept.push_str(line.get(..end).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_would_be_seen() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (b"\xef\xbb\xbfmarked", "marked"),
            (b"\x1b[32mok\x1b[0m 1", "ok 1"),
            (b"\x1b[1;31;48:5m\x1b[Kx", "x"),
            (b"old\rnew", "new"),
            (b"kept\r", "kept"),
            (b"\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
            (b"\x1b(Bset", "set"),
            (b"cut \x1b[3", "cut "),
            (b"bytes \xff", "bytes \u{fffd}"),
            (b"\x1b", ""),
        ];
        for (line, seen) in cases {
            assert_eq!(plain(line), *seen, "{line:?}");
        }
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let mut kept = String::new();
        capped(&mut kept, "one", 9);
        capped(&mut kept, "tüü", 9);
        capped(&mut kept, "three", 9);
        assert_eq!(kept, "one\ntüü");
    }
}
