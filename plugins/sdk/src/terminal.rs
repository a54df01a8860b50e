//! Text that was meant for a terminal.

use std::borrow::Cow;

/// A line as it would be seen: without control sequences, and of what was overwritten only the last state.
///
/// ```
/// use flaky_plugin_sdk::plain;
///
/// assert_eq!(plain("running\r\u{1b}[32mok\u{1b}[0m"), "ok");
/// assert_eq!(plain("\u{feff}no control at all"), "no control at all");
/// ```
#[must_use]
pub fn plain(line: &str) -> Cow<'_, str> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let line = match memchr::memchr(b'\r', line.as_bytes()) {
        None => line,
        Some(_) => line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default(),
    };
    without_sequences(line)
}

/// A text without control sequences (ECMA-48 and operating system commands).
#[must_use]
pub fn without_sequences(text: &str) -> Cow<'_, str> {
    if memchr::memchr(ESC as u8, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != ESC {
            seen.push(c);
        } else if chars.next_if_eq(&'[').is_some() {
            // Parameters and intermediates, then one final character.
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        } else if chars.next_if_eq(&']').is_some() {
            // Up to BEL, or up to ESC and a backslash.
            while chars.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
            if chars.next_if_eq(&'\u{7}').is_none() && chars.next_if_eq(&ESC).is_some() {
                chars.next_if_eq(&'\\');
            }
        } else if chars.next_if_eq(&'(').is_some() {
            // Choice of a character set.
            chars.next();
        }
    }
    Cow::Owned(seen)
}

const ESC: char = '\u{1b}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_of_a_line_counts() {
        let cases = [
            ("plain", "plain"),
            ("\u{1b}[32mgreen\u{1b}[0m", "green"),
            ("\u{1b}[38;5;34mgreen\u{1b}(B\u{1b}[m", "green"),
            ("collecting ... \rcollected 3 items", "collected 3 items"),
            ("cut \u{1b}[3", "cut "),
            ("x\r", "x"),
            ("\u{1b}]8;;file:///a\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
            ("\u{feff}first", "first"),
            ("", ""),
        ];
        for (line, seen) in cases {
            assert_eq!(plain(line), seen, "{line:?}");
        }
    }
}
