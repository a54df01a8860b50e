//! Text of attributes and bodies: entities, control characters, sizes.

use std::borrow::Cow;

/// Most text that is kept of one failure, in bytes. A trace of this length fills twenty screens; some suites
/// write whole database dumps, and a hundred attempts of them would not fit in a plugin's memory.
pub(crate) const MOST_TEXT: usize = 64 * 1024;

/// What an entity or character reference (without `&` and `;`) stands for; `None` for one that XML does not
/// define by itself.
#[must_use]
pub fn reference(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        }
    }
}

/// An attribute's value. A reference that is none stays as it stands: writers that forget to escape `&` are
/// more frequent than writers that define entities.
#[must_use]
pub fn unescape(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let inside = from.get(1..).unwrap_or_default();
        // The longest reference there is, `&#x10FFFF;`, has eight characters between its ends.
        let end = inside.bytes().take(12).position(|b| b == b';');
        match end.and_then(|end| Some((end, reference(inside.get(..end)?)?))) {
            Some((end, c)) => {
                out.push(c);
                rest = inside.get(end + 1..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Appends what still fits under [`MOST_TEXT`], cut on a character boundary.
pub(crate) fn push_capped(out: &mut String, text: &str) {
    let room = MOST_TEXT.saturating_sub(out.len());
    out.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
}

/// A message or trace as a reader wants it: without colours and control characters, however they were written
/// (pytest writes the escape character as `#x1B`), with plain line ends.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = text.trim_matches(|c: char| c == '\n' || c == '\r').trim_end();
    if is_clean(text) {
        return text.to_owned();
    }
    let text = text.replace("#x1B", "\u{1b}");
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape_sequence(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            _ if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(c),
        }
    }
    out
}

fn is_clean(text: &str) -> bool {
    // Bytes first, without branches, so that it compiles to vector instructions: nearly every text is clean. The
    // last two are DEL, and the byte that U+0080 to U+009F begin with.
    let suspicious = text.bytes().fold(false, |found, b| {
        found | (b == b'#') | ((b < 0x20) & (b != b'\n') & (b != b'\t')) | (b == 0x7f) | (b == 0xc2)
    });
    !suspicious || !(text.contains("#x1B") || text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'))
}

/// Takes the rest of a control sequence (ECMA-48, 5.4): `[`, parameters, intermediates, one final byte. Of any
/// other escape its intermediates and final byte.
fn skip_escape_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next_if_eq(&'[').is_none() {
        while chars.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
        chars.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
        return;
    }
    while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
    chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_stray_ampersands_stay() {
        let cases = [
            ("plain", "plain"),
            ("a &lt; b &amp;&amp; c &gt; &quot;d&apos;", "a < b && c > \"d'"),
            ("line&#10;line&#xA;&#x1F600;", "line\nline\n😀"),
            ("Tom & Jerry &unknown; &", "Tom & Jerry &unknown; &"),
            ("&#xD800;&#99999999999;", "\u{FFFD}&#99999999999;"),
            ("&amp;lt;", "&lt;"),
        ];
        for (raw, expected) in cases {
            assert_eq!(unescape(raw), expected, "`{raw}`");
        }
    }

    #[test]
    fn colours_and_control_characters_leave_the_text() {
        let cases = [
            ("\n  kept\tas is\n\n", "  kept\tas is"),
            ("#x1B[31mred#x1B[0m", "red"),
            ("\u{1b}[1;31mred\u{1b}[0m\u{1b}7", "red"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("bell\u{7} and \u{9b}1m", "bell\u{FFFD} and \u{FFFD}1m"),
            ("cut \u{1b}[3", "cut "),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_on_a_character_boundary() {
        let mut out = "x".repeat(MOST_TEXT - 1);
        push_capped(&mut out, "€ and more");
        assert_eq!(out.len(), MOST_TEXT - 1);
        push_capped(&mut out, "yz");
        assert_eq!(out.len(), MOST_TEXT);
    }
}
