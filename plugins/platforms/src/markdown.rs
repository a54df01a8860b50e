//! Text of others in Markdown as GitHub and GitLab read it, made safe for each place it can stand in.
//!
//! Both sites make links and mentions of plain text after Markdown was read: of names, numbers of issues, commits,
//! addresses, emoji by name. A backslash does not keep them from it, a joiner does.

use flaky_plugin_sdk::report::{visible, without_colours};

use crate::WORD_JOINER;

/// What hidden marks begin with. The host finds its own comment by one, so a text of others must not hold any, not
/// even where it is code.
const COMMENT: &str = "<!--";

/// Text in at most `most` characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
    }
}

/// Inside a tag of an HTML block, on one line.
#[must_use]
pub fn html(text: &str) -> String {
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
#[must_use]
pub fn html_code(text: &str) -> String {
    format!("<code>{}</code>", html(text))
}

/// A code span of Markdown, on one line: its fence is longer than every run of backticks in it (CommonMark 6.1).
#[must_use]
pub fn code_span(text: &str) -> String {
    let text = unmarked(&visible(text));
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
#[must_use]
pub fn block(language: &str, text: &str) -> String {
    let mut out = String::new();
    let text = without_colours(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    out.push_str(&fence);
    out.push_str(language);
    out.push('\n');
    for line in text.trim_matches('\n').lines() {
        // A tab stays: it cannot do harm inside a line, and traces are full of them.
        let parts: Vec<String> = line.split('\t').map(visible).collect();
        // GitLab looks for commands (`/close`) at the start of lines, and has taken inner fences for the end of code.
        if line.starts_with('/') {
            out.push(' ');
        }
        out.push_str(unmarked(&parts.join("\t")).trim_end());
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
#[must_use]
pub fn sentence(text: &str) -> String {
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
    if text.trim().is_empty() { text.to_owned() } else { format!("`{}`", unmarked(text)) }
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
        // A slash would be a command at GitLab.
        Some(b'-' | b'+' | b'=' | b'/' | b':') if digits == 0 => format!("\\{escaped}"),
        _ => escaped,
    }
}

/// Backslashes before what is markup, and a joiner inside what sites turn into links and mentions.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut before = ' ';
    // Digits of what may be a commit, so far.
    let mut digits = 0;
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        digits = if c.is_ascii_hexdigit() { digits + 1 } else { 0 };
        // `https://…`, `www.…`; seven digits may be a commit; `GH-12`.
        let in_link = (c == '/' && before == ':') || (c == '.' && before.eq_ignore_ascii_case(&'w'));
        let in_issue = c == '-'
            && before.eq_ignore_ascii_case(&'h')
            && rest.starts_with(|next: char| next.is_ascii_digit());
        if in_link || in_issue {
            out.push(WORD_JOINER);
        }
        if digits == SHORTEST_COMMIT {
            out.push(WORD_JOINER);
            digits = 1;
        }
        if is_markup(c) {
            out.push('\\');
        }
        out.push(c);
        if is_reference(c, rest) {
            out.push(WORD_JOINER);
        }
        before = c;
    }
    out
}

/// Fewest hexadecimal digits that GitHub takes for a commit.
const SHORTEST_COMMIT: u32 = 7;

const fn is_markup(c: char) -> bool {
    matches!(
        c,
        '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '$' | '&' | '!' | '^'
    )
}

/// Whether a sign could begin a mention, a reference, mathematics or an emoji together with what follows:
/// `@name`, `#12`, `$x$`, `:name:`, and at GitLab `!12`, `~label`, `&12`, `%12`, `^alert`.
fn is_reference(c: char, rest: &str) -> bool {
    match c {
        '@' | '#' | '$' => true,
        '!' | '~' | '&' | '%' | '^' => {
            rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '"' | '{' | '_'))
        }
        ':' => rest.split_once(':').is_some_and(|(name, _)| may_be_emoji(name)),
        _ => false,
    }
}

/// Whether sites may know an emoji by this name. Ports and lines stand between colons as well.
#[must_use]
pub fn may_be_emoji(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'));
    let is_number = name.bytes().all(|b| b.is_ascii_digit()) && !matches!(name, "100" | "1234");
    letters && !is_number
}

/// Text in which no hidden mark begins.
fn unmarked(text: &str) -> String {
    text.replace(COMMENT, &format!("<{WORD_JOINER}!--"))
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
        assert_eq!(block("", "/close\n<!-- a"), "```\n /close\n<\u{2060}!-- a\n```\n");
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
            ("/close", "\\/close"),
            ("at 127.0.0.1:5432: x :100:", "at 127.0.0.1:5432: x :\u{2060}100:"),
            (
                "$x$ :smile: a::b ~bug !1 &2 3 %",
                "\\$\u{2060}x\\$\u{2060} :\u{2060}smile: a::b \\~\u{2060}bug \\!\u{2060}1 \\&\u{2060}2 3 %",
            ),
            ("deadbeefcafe gh-1", "deadbe\u{2060}efcafe gh\u{2060}-1"),
            ("a <!-- flaky --> b", "a \\<\\!-- flaky --\\> b"),
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
