//! Text that is seen and does not act.

use std::borrow::Cow;

use flaky_plugin_sdk::report::{visible, without_colours};

/// Where something is missing.
const MARK: &str = "… (cut)";

/// One line of text of a test, cut, in which nothing acts.
pub(crate) fn short(text: &str, most: usize) -> String {
    cut(&visible(&without_colours(window(text, most))), most).into_owned()
}

/// Several lines of text of a test, cut, in which nothing acts.
pub(crate) fn long(text: &str, most: usize) -> String {
    let text = without_colours(window(text, most));
    let mut out = String::with_capacity(text.len());
    for line in text.trim_end().lines() {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&visible(&line.trim_end_matches('\r').replace('\t', "    ")));
    }
    cut(&out, most).into_owned()
}

/// What of a text can be seen at all: no time is spent on the rest of a megabyte.
fn window(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most.saturating_mul(4))).unwrap_or(text)
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    Cow::Owned(format!("{}{MARK}", text.get(..end).unwrap_or_default()))
}

/// Text as HTML, between tags and in quoted attributes.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// JSON as the content of a script element, which nothing in it may end or comment out (HTML, 4.12.1.3 "Restrictions
/// for contents of script elements"). These characters stand only in strings, where an escape means the same.
pub(crate) fn in_script(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_its_limit_and_shown_instead_of_acting() {
        assert_eq!(short("a\u{1b}[31mb\u{202e}\n c", 100), "ab\\u{202e}  c");
        assert_eq!(long("a\n\tb\r\nc\u{7}  \n\n", 100), "a\n    b\nc\\u{7}");
        assert_eq!(short("xxxxxxxxxx", 10), "xxxxxxxxxx");
        assert_eq!(short("xxxxxxxxxxx", 10), "x… (cut)");
        assert!(long(&"😀".repeat(100), 50).len() <= 50);
    }

    #[test]
    fn nothing_ends_a_script_element() {
        let json = serde_json::to_string("</script><!--<script>&\u{2028}").unwrap();
        let safe = in_script(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), "</script><!--<script>&\u{2028}");
    }
}
