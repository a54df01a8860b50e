//! Text from plugins, made safe to show and to keep.

use std::borrow::Cow;

use crate::limits::{LINE_BYTES, TEXT_BYTES};

/// One line: control characters become spaces, and what is too long is cut.
pub(crate) fn line(text: &str) -> String {
    within(&clean(text, Keep::Nothing), LINE_BYTES)
}

/// Text of several lines: line ends and tabs stay, colour sequences go, other control characters become U+FFFD.
pub(crate) fn text(text: String) -> String {
    capped(text, TEXT_BYTES)
}

/// The same with a cap of one's own.
pub(crate) fn capped(text: String, cap: usize) -> String {
    if text.len() <= cap && !has_control(text.as_bytes()) {
        return text;
    }
    within(&clean(&text, Keep::Lines), cap)
}

/// Text for a terminal: colour sequences stay where they are welcome; every other control character goes.
pub(crate) fn terminal(text: String, colour: bool) -> String {
    if !has_control(text.as_bytes()) {
        return text;
    }
    clean(&text, if colour { Keep::Colours } else { Keep::Lines }).into_owned()
}

/// Whether there is a byte that could be (part of) a control character other than line end and tab. Says yes for the
/// lead byte of U+0080 to U+009F's block as well; the caller then looks closer.
fn has_control(bytes: &[u8]) -> bool {
    // Without branches, so that it compiles to vector instructions.
    bytes.chunks(64).any(|chunk| {
        chunk.iter().fold(false, |found, &b| {
            found | ((b < 0x20) & (b != b'\n') & (b != b'\t')) | (b == 0x7f) | (b == 0xc2)
        })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    Lines,
    Colours,
}

fn clean(text: &str, keep: Keep) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = colour_sequence(rest) {
            if keep == Keep::Colours {
                out.push_str(sequence);
            }
            rest = &rest[sequence.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' | '\t' if keep != Keep::Nothing => out.push(c),
            '\r' if rest.starts_with('\n') => {}
            _ if !c.is_control() => out.push(c),
            _ if keep == Keep::Nothing => out.push(' '),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(out)
}

/// `ESC [ digits ; … m` at the start of `text`. Nothing else that begins with ESC is harmless: others move the
/// cursor, set the title, or make the terminal answer.
fn colour_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let length = parameters.bytes().position(|b| !(b.is_ascii_digit() || b == b';'))?;
    (parameters.as_bytes().get(length) == Some(&b'm')).then(|| &text[..length + 3])
}

/// Cut on a character boundary, with `…` where something is missing.
fn within(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(cap.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_lines_and_loses_what_could_drive_a_terminal() {
        for (dirty, as_line, as_text, as_terminal) in [
            ("plain é", "plain é", "plain é", "plain é"),
            ("a\nb\tc", "a b c", "a\nb\tc", "a\nb\tc"),
            ("a\r\nb", "a b", "a\nb", "a\nb"),
            ("\x1b[1;31mred\x1b[0m", "red", "red", "\x1b[1;31mred\x1b[0m"),
            ("\x1b[2Jgone", " [2Jgone", "\u{fffd}[2Jgone", "\u{fffd}[2Jgone"),
            ("\x1b]0;title\x07", " ]0;title ", "\u{fffd}]0;title\u{fffd}", "\u{fffd}]0;title\u{fffd}"),
            ("c1 \u{9b}31m", "c1  31m", "c1 \u{fffd}31m", "c1 \u{fffd}31m"),
            ("nul\0del\x7f", "nul del ", "nul\u{fffd}del\u{fffd}", "nul\u{fffd}del\u{fffd}"),
            ("\x1b[", " [", "\u{fffd}[", "\u{fffd}["),
        ] {
            assert_eq!(line(dirty), as_line);
            assert_eq!(text(dirty.to_owned()), as_text);
            assert_eq!(terminal(dirty.to_owned(), true), as_terminal);
            assert_eq!(terminal(dirty.to_owned(), false), as_text);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = "é".repeat(LINE_BYTES);
        let cut = line(&long);
        assert!(cut.len() <= LINE_BYTES && cut.ends_with("é…"), "{}", cut.len());
        assert_eq!(capped("abcdef".into(), 5), "ab…");
    }
}
