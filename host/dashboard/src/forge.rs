//! Addresses at forges, and which addresses may be links at all.

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest address that becomes a link; longer ones are not pages of CI runs.
const LONGEST: usize = 2048;

/// Where commits and pull requests of a repository can be looked at. Something is appended to each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forge {
    /// Before the commit.
    pub commit: String,
    /// Before the number.
    pub pull: String,
}

impl Forge {
    /// Of `host/owner/name`, where the host's name says what forge it is.
    pub(crate) fn of(repository: &str) -> Option<Self> {
        let (host, path) = repository.split_once('/')?;
        let plain = |text: &str| {
            !text.is_empty()
                && text != "."
                && text != ".."
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let segments = path.split('/').count();
        if !plain(host) || !path.split('/').all(plain) {
            return None;
        }
        let named = |forge: &str| host.split('.').any(|label| label == forge);
        let base = format!("https://{host}/{path}");
        if named("github") && segments == 2 {
            Some(Self { commit: format!("{base}/commit/"), pull: format!("{base}/pull/") })
        } else if named("gitlab") && segments >= 2 {
            Some(Self { commit: format!("{base}/-/commit/"), pull: format!("{base}/-/merge_requests/") })
        } else {
            None
        }
    }
}

/// The address, when it is one of the web and holds no password. Whatever else there is (`javascript:`, `data:`, `file:`)
/// never becomes a link.
pub(crate) fn web_address(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (web && url.username().is_empty() && url.password().is_none()).then(|| url.into())
}

/// A commit, when it is one: what is appended to an address has to be.
pub(crate) fn commit(text: &str) -> Option<&str> {
    let long_enough = (7..=64).contains(&text.len());
    (long_enough && text.bytes().all(|b| b.is_ascii_hexdigit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forges_are_known_by_their_host_and_nothing_else_becomes_an_address() {
        let table = [
            ("github.com/shop/cart", Some("https://github.com/shop/cart/commit/")),
            ("github.example.org/shop/cart", Some("https://github.example.org/shop/cart/commit/")),
            ("gitlab.com/a/b/c", Some("https://gitlab.com/a/b/c/-/commit/")),
            ("git.example.org/shop/cart", None),
            ("notgithub.com/shop/cart", None),
            ("github.com/shop", None),
            ("github.com/shop/..", None),
            ("github.com/shop/cart\"onclick=", None),
            ("github.com@evil.example/shop/cart", None),
            ("javascript:alert(1)//github.com/a/b", None),
            ("/home/me/github.com/shop", None),
            ("", None),
        ];
        for (repository, expected) in table {
            let got = Forge::of(repository).map(|f| f.commit);
            assert_eq!(got.as_deref(), expected, "{repository}");
        }
    }

    #[test]
    fn only_addresses_of_the_web_become_links() {
        let long = format!("https://ci.example.org/{}", "a".repeat(3000));
        let table = [
            ("https://ci.example.org/runs/7?a=b#c", true),
            ("http://127.0.0.1:8080/job", true),
            ("HTTPS://ci.example.org/", true),
            ("javascript:alert(1)", false),
            (" javascript:alert(1)", false),
            ("java\nscript:alert(1)", false),
            ("data:text/html,<script>alert(1)</script>", false),
            ("file:///etc/passwd", false),
            ("//ci.example.org/", false),
            ("https://user:secret@ci.example.org/", false),
            ("https://", false),
            ("", false),
            (&long, false),
        ];
        for (address, expected) in table {
            assert_eq!(web_address(address).is_some(), expected, "{address:.60}");
        }
    }

    #[test]
    fn a_commit_is_hexadecimal() {
        for (text, expected) in [("0123abc", true), ("0123ab", false), ("../../x", false), ("0123abg", false)]
        {
            assert_eq!(commit(text).is_some(), expected, "{text}");
        }
    }
}
