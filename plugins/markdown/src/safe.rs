//! Text of others, made safe for each place it can stand in.

use flaky_plugin_sdk::report::{visible, without_colours};

/// U+2060: takes no room, and a name behind it is no mention any more.
const WORD_JOINER: char = '\u{2060}';

/// Text in at most `most` characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
    }
}

/// Inside a tag of an HTML block, on one line.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
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

/// `<code>` inside an HTML block. Sites leave what is in it alone: no mentions, no links.
pub(crate) fn html_code(text: &str) -> String {
    format!("<code>{}</code>", html(text))
}

/// A code span of Markdown, on one line: its fence is longer than every run of backticks in it (CommonMark 6.1).
pub(crate) fn code_span(text: &str) -> String {
    let text = visible(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    // One space on each side is taken off again, and keeps a backtick apart from the fence.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block (CommonMark 4.5) whose fence is longer than every run of backticks in it.
pub(crate) fn block(language: &str, text: &str) -> String {
    let mut out = String::new();
    let text = without_colours(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    out.push_str(&fence);
    out.push_str(language);
    out.push('\n');
    for line in text.trim_matches('\n').lines() {
        // A tab stays: it cannot do harm inside a line, and traces are full of them.
        let parts: Vec<String> = line.split('\t').map(visible).collect();
        out.push_str(parts.join("\t").trim_end());
        out.push('\n');
    }
    out.push_str(&fence);
    out.push('\n');
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence as a paragraph. Pairs of backticks in it stay code; everything else is text.
pub(crate) fn sentence(text: &str) -> String {
    let text = visible(text);
    let text = text.trim();
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of backticks leaves an odd number of parts; the ones between are code.
    let paired = parts.len() % 2 == 1 && !text.contains("``");
    if !paired {
        return prose(text);
    }
    let mut out = String::new();
    for (number, part) in parts.iter().enumerate() {
        match number % 2 {
            0 if number == 0 => out.push_str(&prose(part)),
            0 => out.push_str(&escaped(part)),
            _ => out.push_str(&code_span_keeping_spaces(part)),
        }
    }
    out
}

fn code_span_keeping_spaces(text: &str) -> String {
    if text.trim().is_empty() { text.to_owned() } else { format!("`{text}`") }
}

/// Text at the start of a paragraph: it must not begin a list, a heading or another block.
fn prose(text: &str) -> String {
    let escaped = escaped(text);
    let digits = escaped.bytes().take_while(u8::is_ascii_digit).count();
    match escaped.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => {
            let (number, rest) = escaped.split_at(digits);
            format!("{number}\\{rest}")
        }
        Some(b'-' | b'+' | b'=') if digits == 0 => format!("\\{escaped}"),
        _ => escaped,
    }
}

/// Backslashes before what is markup, and a joiner inside what sites turn into links and mentions.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '$' | '&' | '!'
        ) {
            out.push('\\');
        }
        // `https://…`, `www.…`.
        let in_link = (c == '/' && before == ':') || (c == '.' && before.eq_ignore_ascii_case(&'w'));
        if in_link {
            out.push(WORD_JOINER);
        }
        out.push(c);
        // `@name`, `name@host`, `#12`.
        if matches!(c, '@' | '#') {
            out.push(WORD_JOINER);
        }
        before = c;
    }
    // `GH-12`.
    out.replace("GH-", &format!("GH{WORD_JOINER}-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_cannot_be_left() {
        let cases = [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``x", "``` ``x ```"),
            (" ", ""),
            ("a\nb", "`a b`"),
            ("a\u{1b}b", "`a\\u{1b}b`"),
        ];
        for (text, expected) in cases {
            assert_eq!(code_span(text), expected);
        }
    }

    #[test]
    fn blocks_cannot_be_left() {
        assert_eq!(block("", "a\n```\nb\tc\u{1b}[31m\n"), "````\na\n```\nb\tc\n````\n");
        assert_eq!(block("sh", "x"), "```sh\nx\n```\n");
    }

    #[test]
    fn sentences_are_text_but_for_paired_backticks() {
        let cases = [
            ("passed 14 of 14: fails at most 19.3 %", "passed 14 of 14: fails at most 19.3 %"),
            ("run `--runs 14` now", "run `--runs 14` now"),
            ("a ` b", "a \\` b"),
            ("x ``` y", "x \\`\\`\\` y"),
            ("1. list", "1\\. list"),
            ("- list", "\\- list"),
            ("# head <b> [l](u) *x* |", "\\#\u{2060} head \\<b\\> \\[l\\](u) \\*x\\* \\|"),
            (
                "@all see #1 at https://x.y or www.x.y GH-3",
                "@\u{2060}all see \\#\u{2060}1 at https:\u{2060}//x.y or www\u{2060}.x.y GH\u{2060}-3",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(sentence(text), expected);
        }
    }
}
