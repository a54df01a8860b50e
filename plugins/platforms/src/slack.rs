//! Text of others in Slack messages (docs.slack.dev, "Formatting message text").

use flaky_plugin_sdk::report::visible;

use crate::limits::SLACK_UNIT;
use crate::measure::cut_escaped;

/// Stands for a backtick, which would end a code span: Slack knows no way to escape one.
const NO_BACKTICK: char = 'ˋ';

/// `&`, `<` and `>`, by which mentions, links and dates are written.
fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(c),
    }
}

/// A code span on one line, of at most `most` characters: nothing in it is formatted, linked or a mention. Empty
/// where there is nothing to show.
#[must_use]
pub fn code(text: &str, most: usize) -> String {
    let text = visible(text).replace('`', &NO_BACKTICK.to_string());
    let inner = cut_escaped(text.trim(), most.saturating_sub(2), SLACK_UNIT, escape);
    if inner.is_empty() { inner } else { format!("`{inner}`") }
}

/// Text on one line for an object of type `plain_text`, in which no markup is read at all.
#[must_use]
pub fn plain(text: &str, most: usize) -> String {
    cut_escaped(visible(text).trim(), most, SLACK_UNIT, |c, out| out.push(c))
}

/// A link of our own; the address was checked, and the text is ours.
#[must_use]
pub fn link(url: &str, text: &str) -> String {
    let mut out = String::from("<");
    url.chars().for_each(|c| escape(c, &mut out));
    out.push('|');
    text.chars().for_each(|c| escape(c, &mut out));
    out.push('>');
    out
}

/// Whether it is the id of a member: `U` or `W`, then capital letters and digits.
#[must_use]
pub fn is_member(id: &str) -> bool {
    (3..=21).contains(&id.len())
        && id.starts_with(['U', 'W'])
        && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A mention of a member.
#[must_use]
pub fn mention(id: &str) -> String {
    format!("<@{id}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_be_left_and_mentions_nobody() {
        let cases = [
            ("a::b", "`a::b`"),
            ("a`b", "`aˋb`"),
            (
                "<!channel> <@U1> <https://x|y> &lt;",
                "`&lt;!channel&gt; &lt;@U1&gt; &lt;https://x|y&gt; &amp;lt;`",
            ),
            ("a\nb\u{1b}", "`a b\\u{1b}`"),
            (" ` ", "`ˋ`"),
            ("  ", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text, 100), expected);
        }
    }

    #[test]
    fn the_limit_holds_for_what_is_sent() {
        for text in ["&".repeat(60), "😀".repeat(60), "a".repeat(60)] {
            for most in 0..200 {
                let sent = code(&text, most);
                assert!(SLACK_UNIT.length(&sent) <= most.max(3), "{most}: {sent}");
                assert!(!sent.contains("&…") && !sent.contains("p…"), "an entity was cut: {sent}");
            }
        }
        assert_eq!(code("&&&&", 22), "`&amp;&amp;&amp;&amp;`");
        assert_eq!(code("&&&&", 21), "`&amp;&amp;&amp;…`");
    }

    #[test]
    fn only_members_are_mentioned() {
        for good in ["U012AB3CD", "W0123456"] {
            assert!(is_member(good), "{good}");
        }
        for bad in ["", "U", "S012AB3CD", "!channel", "U1|x>", "u012ab3cd", "U0123456789012345678901"] {
            assert!(!is_member(bad), "{bad}");
        }
    }
}
