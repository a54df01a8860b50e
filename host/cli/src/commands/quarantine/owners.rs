//! CODEOWNERS: who owns what; the last pattern that matches counts.
//!
//! As GitHub reads it: <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>.
//! `ignore`'s matching of `.gitignore` files is not used: `!` and `[…]` mean nothing here, and `docs/*` owns no folder below
//! `docs`. GitLab's section headings are passed over.

use std::io::Read;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// Where GitHub looks, in its order, and GitLab's own place behind it.
const PLACES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Largest file read: GitHub's own limit.
const MOST_BYTES: u64 = 3 << 20;

/// Most owners of one line that are kept: an entry names whom to ask.
const MOST_OWNERS: usize = 5;

/// Who owns which path.
#[derive(Debug, Default)]
pub(super) struct CodeOwners {
    rules: Vec<Rule>,
}

/// A line with a pattern. Without owners it takes paths out of the lines before it.
#[derive(Debug)]
struct Rule {
    globs: Vec<GlobMatcher>,
    owners: Vec<String>,
}

impl CodeOwners {
    /// That of a repository; without a file nobody owns anything.
    pub(super) fn of_folder(root: &Path) -> Self {
        let text = |place: &str| {
            let path = root.join(place);
            // A link could lead anywhere, and a pipe would be waited for.
            path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
            let mut text = String::new();
            std::fs::File::open(path).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
            Some(text)
        };
        PLACES.iter().find_map(|place| text(place)).map(|text| Self::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        Self { rules: text.lines().filter_map(Rule::parse).collect() }
    }

    /// The owners of a path, relative to the root, as the line has them; `None` where nobody owns it.
    pub(super) fn of(&self, path: &str) -> Option<String> {
        let path = path.trim_start_matches("./");
        let rule = self.rules.iter().rev().find(|rule| rule.globs.iter().any(|glob| glob.is_match(path)))?;
        let owners = rule.owners.get(..MOST_OWNERS).unwrap_or(&rule.owners);
        (!owners.is_empty()).then(|| owners.join(" "))
    }
}

impl Rule {
    /// A line that means nothing is passed over, as GitHub does.
    fn parse(line: &str) -> Option<Self> {
        let words = words(line);
        let (pattern, owners) = words.split_first()?;
        // A section of GitLab: `[Documentation]`, `^[Optional][2] @owner`.
        if pattern.starts_with(['[', '!']) || pattern.starts_with("^[") {
            return None;
        }
        Some(Self { globs: globs(pattern)?, owners: owners.to_vec() })
    }
}

/// The words of a line up to a comment; `\ ` and `\#` stand for themselves.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.extend(characters.next()),
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// What a pattern matches: files, and what is below folders.
fn globs(pattern: &str) -> Option<Vec<GlobMatcher>> {
    let body = pattern.trim_matches('/');
    if body.is_empty() {
        // `/` alone: all of it.
        return Some(vec![glob("**")?]);
    }
    let anchored = pattern.starts_with('/') || body.contains('/');
    let body = escaped(body);
    let base = if anchored { body.clone() } else { format!("**/{body}") };
    let below = || glob(&format!("{base}/**"));
    if pattern.ends_with('/') {
        return Some(vec![below()?]);
    }
    // `docs/*` owns the files of the folder alone; `docs` owns all that is below.
    if body.ends_with("/*") {
        return Some(vec![glob(&base)?]);
    }
    Some(vec![glob(&base)?, below()?])
}

/// What means something to `globset` and nothing in CODEOWNERS.
fn escaped(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if matches!(c, '[' | ']' | '{' | '}' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn glob(pattern: &str) -> Option<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build().ok()?;
    Some(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns and paths of GitHub's own page, and what GitLab's files hold beside them.
    #[test]
    fn the_last_line_that_matches_counts() {
        let text = "\
# comment
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
/build/logs/ @doctocat
docs/* docs@example.org
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @logs
/apps/github
/apps/[x]{a}.rb @literal
with\\ space.txt @space
!negated @nobody
[Section]
^[Optional][2] @somebody
";
        let owners = CodeOwners::parse(text);
        for (path, expected) in [
            ("README.md", Some("@global-owner1 @global-owner2")),
            ("src/deep/app.js", Some("@js-owner")),
            ("main.go", Some("docs@example.com")),
            ("build/logs/a.txt", Some("@logs")),
            ("x/build/logs/a.txt", Some("@logs")),
            ("build/log.txt", Some("@global-owner1 @global-owner2")),
            ("docs/getting-started.md", Some("@doctocat")),
            ("web/apps/x.py", Some("@octocat")),
            ("scripts/a/b.sh", Some("@doctocat @octocat")),
            ("deep/logs/x", Some("@logs")),
            ("apps/github", None),
            ("apps/github/codeowners", None),
            ("apps/[x]{a}.rb", Some("@literal")),
            ("with space.txt", Some("@space")),
            ("negated", Some("@global-owner1 @global-owner2")),
            ("./src/app.js", Some("@js-owner")),
        ] {
            assert_eq!(owners.of(path).as_deref(), expected, "{path}");
        }
        let only = CodeOwners::parse("docs/* @a\n");
        assert_eq!(only.of("docs/a.md").as_deref(), Some("@a"));
        assert_eq!(only.of("docs/build/a.md"), None);
        assert_eq!(CodeOwners::parse("tests @a\n").of("x/tests/test_a.py").as_deref(), Some("@a"));
        assert_eq!(CodeOwners::parse("/ @a\n").of("x/y").as_deref(), Some("@a"));
        assert_eq!(CodeOwners::parse("* a b c d e f g\n").of("x").as_deref(), Some("a b c d e"));
        assert_eq!(CodeOwners::default().of("x"), None);
    }

    #[test]
    fn the_file_is_looked_for_where_forges_look_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |place: &str, owner: &str| {
            let path = folder.path().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("* {owner}\n")).unwrap();
        };
        let of = || CodeOwners::of_folder(folder.path()).of("x");
        assert_eq!(of(), None);
        write("docs/CODEOWNERS", "@docs");
        assert_eq!(of().as_deref(), Some("@docs"));
        write("CODEOWNERS", "@root");
        assert_eq!(of().as_deref(), Some("@root"));
        std::fs::create_dir(folder.path().join(".github")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join(".github/CODEOWNERS")).unwrap();
        assert_eq!(of().as_deref(), Some("@root"));
    }
}
