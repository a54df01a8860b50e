//! Markdown as GitHub renders it, and what must not be in it.
//!
//! The renderer is `comrak`, with every extension that GitHub has switched on. What GitHub adds after Markdown was
//! read (mentions, references, commits, emoji) is looked for in the text outside of code, by rules that are wider
//! than GitHub's own. Its filter of tags is left out: tags that are not ours are refused here.

use comrak::{Options, markdown_to_html};

/// The document as HTML.
#[must_use]
pub fn html(markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.autolink = true;
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    // As GitHub: HTML passes here and is cleaned afterwards. What is not ours must not even get that far.
    options.render.r#unsafe = true;
    markdown_to_html(markdown, &options)
}

/// A rendered document, in pieces.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Names of tags that were opened, in order.
    pub tags: Vec<String>,
    /// Addresses of links.
    pub links: Vec<String>,
    /// Text outside of code and links.
    pub text: String,
    /// Text of `<code>` and `<pre>`.
    pub code: Vec<String>,
    /// Cells of each table row.
    pub rows: Vec<usize>,
    /// What should not be there.
    pub problems: Vec<String>,
}

/// Tags that reporters write, and what Markdown of theirs becomes.
const TAGS: [&str; 22] = [
    "a", "br", "code", "details", "em", "h2", "h3", "hr", "li", "ol", "p", "pre", "strong", "sub", "summary",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
];

impl Rendered {
    /// Renders a document and looks at it. Links are ours when they begin with `site`.
    #[must_use]
    pub fn of(markdown: &str, site: &str) -> Self {
        let mut out = Self::default();
        // Where a line may end is not seen.
        out.look_at(&html(markdown).replace("<wbr>", ""), site);
        out.look_at_text();
        if markdown.contains("<!--") {
            out.problems.push("a hidden mark".to_owned());
        }
        if markdown.lines().any(|line| line.starts_with('/')) {
            out.problems.push("a line that GitLab takes for a command".to_owned());
        }
        out
    }

    /// How often a tag was opened.
    #[must_use]
    pub fn count(&self, tag: &str) -> usize {
        self.tags.iter().filter(|found| *found == tag).count()
    }

    fn look_at(&mut self, html: &str, site: &str) {
        let mut open: Vec<String> = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            self.take(text, &open);
            let end = tag.find('>').map_or(tag.len(), |end| end + 1);
            let (tag, after) = tag.split_at(end);
            rest = after;
            let inner = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/').trim();
            if let Some(name) = inner.strip_prefix('/') {
                if open.pop().as_deref() != Some(name) {
                    self.problems.push(format!("`{tag}` closes what is not open"));
                }
                continue;
            }
            self.opened(inner, site);
            let name = inner.split_whitespace().next().unwrap_or_default();
            match name {
                "br" | "hr" => {}
                "tr" => {
                    self.rows.push(0);
                    open.push(name.to_owned());
                }
                "td" | "th" => {
                    if let Some(cells) = self.rows.last_mut() {
                        *cells += 1;
                    }
                    open.push(name.to_owned());
                }
                _ => open.push(name.to_owned()),
            }
        }
        self.take(rest, &open);
        if !open.is_empty() {
            self.problems.push(format!("never closed: {open:?}"));
        }
    }

    fn opened(&mut self, inner: &str, site: &str) {
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        self.tags.push(name.to_owned());
        if !TAGS.contains(&name) {
            self.problems.push(format!("tag `<{inner}>`"));
        }
        match (name, attributes) {
            (_, "") | ("td" | "th", "align=\"right\"" | "align=\"left\"") => {}
            ("code", "class=\"language-sh\"") => {}
            ("a", _) => {
                let url = attributes.strip_prefix("href=\"").and_then(|rest| rest.strip_suffix('"'));
                let url = url.unwrap_or_default();
                self.links.push(url.to_owned());
                if !url.starts_with(site) {
                    self.problems.push(format!("a link to `{url}`"));
                }
            }
            _ => self.problems.push(format!("attributes of `<{inner}>`")),
        }
    }

    fn take(&mut self, text: &str, open: &[String]) {
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        let text = text.replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
        let inside = |tag: &str| open.iter().any(|name| name == tag);
        if inside("code") || inside("pre") {
            if !text.is_empty() {
                self.code.push(text);
            }
        } else if !inside("a") {
            self.text.push_str(&text);
        }
    }

    /// What the sites would make of plain text.
    fn look_at_text(&mut self) {
        let text = self.text.to_ascii_lowercase();
        let mut found = Vec::new();
        for (at, c) in text.char_indices() {
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            let next = rest.chars().next().unwrap_or(' ');
            let reference = match c {
                '@' | '~' | '^' => next.is_alphanumeric() || next == '"',
                '#' | '!' | '&' | '%' => next.is_ascii_digit(),
                '$' => !next.is_whitespace() && next != crate::WORD_JOINER,
                ':' => {
                    rest.starts_with("//")
                        || rest.split_once(':').is_some_and(|(name, _)| crate::markdown::may_be_emoji(name))
                }
                'g' => {
                    rest.starts_with("h-")
                        && rest.get(2..).is_some_and(|n| n.starts_with(|d: char| d.is_ascii_digit()))
                }
                'w' => rest.starts_with("ww."),
                _ => false,
            };
            if reference {
                found.push(format!("`{c}{}` in text", rest.chars().take(12).collect::<String>()));
            }
        }
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let hex =
                word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_alphabetic());
            if (7..=40).contains(&word.len()) && hex {
                found.push(format!("commit `{word}` in text"));
            }
        }
        self.problems.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sites_would_act_upon_is_found() {
        for bad in [
            "[x](https://evil.example)",
            "https://evil.example",
            "www.evil.example",
            "a@evil.example",
            "![i](https://forge.example/i.png)",
            "@everyone",
            "#1",
            "GH-1",
            "deadbeef",
            ":smile:",
            "$x$",
            "<script>x</script>",
            "<b>x</b>",
            "<p onclick=\"x\">y</p>",
            "<details>",
            "</details>",
            "> quote",
            "> [!NOTE]\n> x",
            "x[^1]\n\n[^1]: y",
            "# heading",
            "~~x~~",
            "- [ ] x",
            "<!-- x -->",
            "/close",
            "!1",
            "~bug",
        ] {
            let found = Rendered::of(bad, "https://forge.example/");
            assert!(!found.problems.is_empty(), "{bad}: {}", html(bad));
        }
    }

    #[test]
    fn what_reporters_write_is_let_pass() {
        let good = "## ok\n\n`@x` [run](https://forge.example/1) **b**\n\n- a\n\n```sh\n#1\n```\n\n\
            <details><summary><code>@y</code></summary>\n\nx\n\n</details>\n\n\
            <table>\n<tr><th align=\"left\">A</th><th>B</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>\n";
        let found = Rendered::of(good, "https://forge.example/");
        assert_eq!(found.problems, Vec::<String>::new(), "{}", html(good));
        assert_eq!(found.rows, [2, 2]);
        assert_eq!(found.code, ["@x", "#1\n", "@y"]);
        assert_eq!((found.count("details"), found.count("h2")), (1, 1));
    }
}
