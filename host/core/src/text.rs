//! Text from outside, made fit to be seen.

/// One line in which every character is seen: line ends and tabs become spaces, and characters that do something
/// instead (control characters, bidirectional overrides, characters without width) are written as escapes, so that
/// no name of a test can move the cursor, colour a line or hide what stands beside it. The second group follows
/// Unicode Standard Annex 9 and Boucher and Anderson, "Trojan Source" (2021).
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            _ if acts(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_acts_instead_of_being_seen_is_escaped() {
        for (text, expected) in [
            ("plain é 🙂", "plain é 🙂"),
            ("a\nb\tc", "a b c"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{202e}b\u{200b}c", "a\\u{202e}b\\u{200b}c"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }
}
