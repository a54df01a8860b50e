//! Which revision is wanted.

use std::fmt;
use std::str::FromStr;

/// Git itself takes longer ones, file systems and servers do not.
const LONGEST_REF: usize = 255;
/// Git's own default for abbreviated commits; shorter ones are ambiguous in any larger repository.
const SHORTEST_COMMIT: usize = 7;
/// Hexadecimal digits of SHA-1.
const FULL_COMMIT: usize = 40;

/// A branch, a tag or a full reference such as `refs/pull/7/head`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefName(String);

impl RefName {
    /// Checks the name by the rules of `git check-ref-format`, and that it is no option.
    ///
    /// # Errors
    /// A name that no reference can have.
    pub fn parse(text: &str) -> Result<Self, RevisionError> {
        let refuse = |why| Err(RevisionError { shown: shown(text), kind: "a branch, tag or reference", why });
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.starts_with('-') {
            return refuse("it starts with a dash, like an option");
        }
        if text.len() > LONGEST_REF {
            return refuse("it is longer than 255 bytes");
        }
        // `refs/heads/…` also checks names of one part.
        let full = if text.starts_with("refs/") { text.to_owned() } else { format!("refs/heads/{text}") };
        if text.chars().any(char::is_control) || !git2::Reference::is_valid_name(&full) {
            return refuse("git allows no such name");
        }
        Ok(Self(text.to_owned()))
    }

    /// As given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Full names that it may stand for, best first: the order of `git clone --branch`, then as below `refs/`.
    pub(super) fn candidates(&self) -> Vec<String> {
        if self.0 == "HEAD" || self.0.starts_with("refs/") {
            return vec![self.0.clone()];
        }
        ["refs/heads/", "refs/tags/", "refs/"].iter().map(|start| format!("{start}{}", self.0)).collect()
    }
}

/// A commit: its full id, or at least 7 digits of it. Lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitId(String);

impl CommitId {
    /// Checks length and digits.
    ///
    /// # Errors
    /// Text that no commit id of SHA-1 starts with.
    pub fn parse(text: &str) -> Result<Self, RevisionError> {
        let refuse = |why| Err(RevisionError { shown: shown(text), kind: "a commit id", why });
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return refuse("it is not hexadecimal");
        }
        if text.len() < SHORTEST_COMMIT {
            return refuse("it has fewer than 7 digits");
        }
        if text.len() > FULL_COMMIT {
            return refuse("it has more than 40 digits (repositories of SHA-256 are not supported)");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Lower-case digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, when all its digits are known.
    pub(super) fn full(&self) -> Option<git2::Oid> {
        (self.0.len() == FULL_COMMIT).then(|| git2::Oid::from_str(&self.0).ok()).flatten()
    }

    /// Whether `id` starts with these digits.
    pub(super) fn matches(&self, id: git2::Oid) -> bool {
        id.to_string().starts_with(&self.0)
    }
}

macro_rules! text_type {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = RevisionError;

            fn from_str(text: &str) -> Result<Self, RevisionError> {
                Self::parse(text)
            }
        }
    )*};
}
text_type!(RefName, CommitId);

/// Text that names no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not {kind}: {why}")]
pub struct RevisionError {
    shown: String,
    kind: &'static str,
    why: &'static str,
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_names_are_checked_once() {
        let long = "x".repeat(256);
        let cases: [(&str, Result<&[&str], &str>); 14] = [
            ("main", Ok(&["refs/heads/main", "refs/tags/main", "refs/main"])),
            ("pull/7/head", Ok(&["refs/heads/pull/7/head", "refs/tags/pull/7/head", "refs/pull/7/head"])),
            ("refs/pull/7/head", Ok(&["refs/pull/7/head"])),
            ("HEAD", Ok(&["HEAD"])),
            ("", Err("it is empty")),
            ("-oProxyCommand=x", Err("it starts with a dash, like an option")),
            ("--upload-pack=x", Err("it starts with a dash, like an option")),
            ("a b", Err("git allows no such name")),
            ("a..b", Err("git allows no such name")),
            ("a:b", Err("git allows no such name")),
            ("a\nb", Err("git allows no such name")),
            ("refs/heads/*", Err("git allows no such name")),
            ("x.lock", Err("git allows no such name")),
            (&long, Err("it is longer than 255 bytes")),
        ];
        for (text, expected) in cases {
            match (RefName::parse(text), expected) {
                (Ok(name), Ok(full)) => assert_eq!(name.candidates(), full, "{text}"),
                (Err(error), Err(why)) => assert!(error.to_string().ends_with(why), "{text}: {error}"),
                (got, _) => panic!("{text:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn commits_have_seven_to_forty_hexadecimal_digits() {
        let (full, long) = ("0123456789abcdef0123456789ABCDEF01234567", "a".repeat(64));
        assert_eq!(CommitId::parse(full).unwrap().to_string(), full.to_ascii_lowercase());
        assert!(CommitId::parse(full).unwrap().full().is_some());
        assert_eq!(CommitId::parse("abcdef1").unwrap().full(), None);
        let refused = [
            ("", "hexadecimal"),
            ("abcdef", "fewer than 7"),
            ("HEAD", "hexadecimal"),
            ("abcdefg", "hexadecimal"),
            (&long, "SHA-256"),
        ];
        for (text, why) in refused {
            let error = CommitId::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
