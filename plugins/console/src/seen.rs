//! Lines as a person saw them.

use std::borrow::Cow;

/// Most text that is kept of one failure, in bytes; as for reports (a trace of this length fills twenty screens).
pub const MOST_TEXT: usize = 64 * 1024;

/// A line without colours, and of what was overwritten after a carriage return only the last; U+FFFD where it is not
/// UTF-8. Allocates only where there was something to take out.
#[must_use]
pub fn visible(line: &[u8]) -> Cow<'_, str> {
    let mut line = line;
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    if let Some(at) = memchr::memrchr(b'\r', line) {
        line = line.get(at + 1..).unwrap_or_default();
    }
    if memchr::memchr(0x1b, line).is_none() {
        return String::from_utf8_lossy(line);
    }
    Cow::Owned(String::from_utf8_lossy(&without_sequences(line)).into_owned())
}

/// Leaves out control sequences (ECMA-48, 5.4) and operating system commands (links, titles).
fn without_sequences(line: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != 0x1b {
            kept.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'[') => {
                while bytes.next_if(|byte| (0x20..=0x3f).contains(byte)).is_some() {}
                bytes.next_if(|byte| (0x40..=0x7e).contains(byte));
            }
            // Ends by BEL or by ESC and a backslash.
            Some(b']') => {
                while bytes.next_if(|byte| !matches!(byte, 0x07 | 0x1b)).is_some() {}
                if bytes.next() == Some(0x1b) {
                    bytes.next_if_eq(&b'\\');
                }
            }
            Some(0x20..=0x2f) => {
                while bytes.next_if(|byte| (0x20..=0x2f).contains(byte)).is_some() {}
                bytes.next_if(|byte| (0x30..=0x7e).contains(byte));
            }
            _ => {}
        }
    }
    kept
}

/// Adds a line to a text as far as it fits under [`MOST_TEXT`], cut on a character boundary. The first line brings no
/// line feed, so an empty first line is left out.
pub fn push_line(text: &mut String, line: &str) {
    if !text.is_empty() && text.len() < MOST_TEXT {
        text.push('\n');
    }
    let room = MOST_TEXT.saturating_sub(text.len());
    text.push_str(line.get(..line.floor_char_boundary(room)).unwrap_or_default());
}

/// Nanoseconds of a number of seconds such as `0.012` or `0,012`; `None` for anything else.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut nanoseconds = 0;
    let mut unit = 100_000_000;
    for digit in fraction.bytes().take(9) {
        nanoseconds += u64::from(digit - b'0') * unit;
        unit /= 10;
    }
    whole.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_person_saw() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (b"ends\r", "ends"),
            (b"10%\r50%\rdone\r\r", "done"),
            (b"\x1b[0;32m[ RUN      ] \x1b[mA.b", "[ RUN      ] A.b"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
            (b"\x1b(Bx\x1b", "x"),
            (b"cut \x1b[3", "cut "),
            (b"a\xffb", "a\u{fffd}b"),
            ("gr\u{fc}n".as_bytes(), "grün"),
        ];
        for (line, expected) in cases {
            assert_eq!(visible(line), *expected, "{line:?}");
        }
    }

    #[test]
    fn text_is_cut_on_a_character_boundary() {
        let mut text = "x".repeat(MOST_TEXT - 2);
        push_line(&mut text, "€");
        push_line(&mut text, "more");
        assert!(text.len() <= MOST_TEXT);
        assert!(!text.contains("more"));
    }

    #[test]
    fn seconds_are_numbers_and_nothing_else() {
        let cases = [
            ("0.012", Some(12_000_000)),
            ("0,288", Some(288_000_000)),
            ("3", Some(3_000_000_000)),
            ("1.", Some(1_000_000_000)),
            ("1.0000000019", Some(1_000_000_001)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
