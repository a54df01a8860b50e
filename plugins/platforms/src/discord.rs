//! Text of others in Discord messages (discord.com/developers, "Message formatting").

use flaky_plugin_sdk::report::visible;

use crate::WORD_JOINER;
use crate::limits::DISCORD_UNIT;
use crate::measure::cut_escaped;

/// Stands for a backtick, which would end a code span: inside one, Discord knows no way to escape it.
const NO_BACKTICK: char = 'ˋ';

/// A code span on one line, of at most `most` characters. Empty where there is nothing to show.
#[must_use]
pub fn code(text: &str, most: usize) -> String {
    let text = visible(text).replace('`', &NO_BACKTICK.to_string());
    let inner = cut_escaped(text.trim(), most.saturating_sub(2), DISCORD_UNIT, |c, out| out.push(c));
    if inner.is_empty() { inner } else { format!("`{inner}`") }
}

/// A sentence on one line, of at most `most` characters, in which nothing is formatted, linked or a mention. A
/// backslash before a sign takes its meaning away; a joiner keeps addresses and mentions from being seen as such.
#[must_use]
pub fn sentence(text: &str, most: usize) -> String {
    let mut text = visible(text);
    // `www.…` is a link in some clients.
    for www in ["ww.", "WW.", "wW.", "Ww."] {
        text = text.replace(www, &format!("{}{WORD_JOINER}.", www.trim_end_matches('.')));
    }
    cut_escaped(text.trim(), most, DISCORD_UNIT, |c, out| match c {
        '@' => {
            out.push(c);
            out.push(WORD_JOINER);
        }
        // Addresses are links wherever `://` stands.
        '/' => {
            out.push(WORD_JOINER);
            out.push(c);
        }
        '\\' | '*' | '_' | '~' | '|' | '`' | '>' | '<' | '#' | '-' | '[' | ']' | '(' | ')' | ':' | '+'
        | '!' => {
            out.push('\\');
            out.push(c);
        }
        _ => out.push(c),
    })
}

/// Whether it is the id of a user: a snowflake.
#[must_use]
pub fn is_user(id: &str) -> bool {
    (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_hold_no_markup() {
        let cases = [
            ("passed 14 of 14", "passed 14 of 14"),
            ("@everyone <@1>", "@\u{2060}everyone \\<@\u{2060}1\\>"),
            ("[x](https://y)", "\\[x\\]\\(https\\:\u{2060}/\u{2060}/y\\)"),
            ("**b** ||s|| `c` :smile:", "\\*\\*b\\*\\* \\|\\|s\\|\\| \\`c\\` \\:smile\\:"),
            ("# a\n- b", "\\# a \\- b"),
            ("www.x WWW.y", "www\u{2060}.x WWW\u{2060}.y"),
        ];
        for (text, expected) in cases {
            assert_eq!(sentence(text, 200), expected);
        }
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a`` ` b\u{202e}", 100), "`aˋˋ ˋ b\\u{202e}`");
        assert_eq!(code("\n", 100), "");
    }

    #[test]
    fn the_limit_holds_for_what_is_sent() {
        for text in ["*".repeat(60), "😀".repeat(60), "a".repeat(60)] {
            for most in 0..130 {
                assert!(DISCORD_UNIT.length(&sentence(&text, most)) <= most);
                assert!(DISCORD_UNIT.length(&code(&text, most)) <= most.max(3));
                assert!(!sentence(&text, most).ends_with("\\…"), "a backslash was cut off");
            }
        }
    }

    #[test]
    fn only_snowflakes_are_users() {
        assert!(is_user("80351110224678912"));
        for bad in ["", "U012AB3CD", "123", "&80351110224678912", "803511102246789121234"] {
            assert!(!is_user(bad), "{bad}");
        }
    }
}
