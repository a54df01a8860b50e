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

/// One line of at most `most` characters: white space and control characters part words, and one space joins them. What is
/// left out is told by `…`.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // A character has four bytes at most: this is enough, however long the text goes on.
        if line.len() > 4 * most {
            break;
        }
    }
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// Levels of lists and objects in JSON, without reading anything else: brackets in texts do not count. Readers go down by
/// recursion, so this is asked before them.
#[must_use]
pub fn json_depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::{json_depth, one_line, visible};

    #[test]
    fn foreign_text_becomes_one_line_of_bounded_length() {
        for (text, most, expected) in [
            ("a\n\tb\u{7}c  ", 10, "a b c"),
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcdef…"),
            ("😀😀😀", 2, "😀😀…"),
            ("", 3, ""),
        ] {
            assert_eq!(one_line(text, most), expected);
        }
    }

    #[test]
    fn brackets_count_outside_of_texts() {
        for (json, depth) in [("1", 0), ("[{\"a\": [1]}, []]", 3), ("[\"[[\\\"[\"]", 1), ("]][", 1)] {
            assert_eq!(json_depth(json.as_bytes()), depth, "{json}");
        }
    }

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
