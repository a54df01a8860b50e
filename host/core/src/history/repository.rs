//! How a repository is called in the history, so that every clone of it has one name.

use crate::text::visible;

/// `host/owner/name` of the address of a repository: without scheme, user, password, usual port and `.git`, the host in lower
/// case. Of a folder, its path. `None`: the text names nothing.
#[must_use]
pub fn repository_name(origin: &str) -> Option<String> {
    let origin = origin.trim();
    let (scheme, rest) = match origin.split_once("://") {
        Some(("file", path)) => return path_name(path),
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        // `git@host:owner/name`, as ssh writes it; a path with a colon has a slash before it.
        None => match origin.split_once(':') {
            Some((host, path)) if !host.contains('/') && !host.is_empty() => {
                ("ssh".to_owned(), format!("{host}/{}", path.trim_start_matches('/')))
            }
            _ => return path_name(origin),
        },
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    // One repository is the same by ssh and by https: of ports only those of web servers tell some apart.
    let host = match (host.rsplit_once(':'), scheme.as_str()) {
        (Some((name, _)), "ssh" | "git") | (Some((name, "443")), "https") | (Some((name, "80")), "http") => {
            name.to_owned()
        }
        _ => host,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    match (host.is_empty(), path.is_empty()) {
        (true, _) => None,
        (false, true) => Some(visible(&host)),
        (false, false) => Some(visible(&format!("{host}/{path}"))),
    }
}

fn path_name(path: &str) -> Option<String> {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix("/.git").or_else(|| path.strip_suffix(".git")).unwrap_or(path);
    (!path.is_empty()).then(|| visible(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clone_of_a_repository_has_one_name() {
        for (origin, name) in [
            ("https://github.com/acme/shop.git", "github.com/acme/shop"),
            ("https://GitHub.com/acme/Shop/", "github.com/acme/Shop"),
            ("https://me:hunter2@github.com:443/acme/shop", "github.com/acme/shop"),
            ("https://x-access-token:ghs_1@github.com/acme/shop?a=b#c", "github.com/acme/shop"),
            ("git@github.com:acme/shop.git", "github.com/acme/shop"),
            ("ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"),
            ("ssh://git@github.com/acme/shop.git", "github.com/acme/shop"),
            ("http://127.0.0.1:8080/acme/shop.git", "127.0.0.1:8080/acme/shop"),
            ("https://a@b@example.org/x", "example.org/x"),
            ("/srv/git/shop.git", "/srv/git/shop"),
            ("file:///srv/git/shop/.git", "/srv/git/shop"),
            ("../shop", "../shop"),
            ("https://example.org", "example.org"),
            ("https://example.org/a\nb", "example.org/a b"),
        ] {
            let found = repository_name(origin);
            assert_eq!(found.as_deref(), Some(name), "{origin}");
            assert!(!found.is_some_and(|name| name.contains("hunter2") || name.contains("ghs_")));
        }
        for nothing in ["", "  ", "https://", "file://", "https://@/x"] {
            assert_eq!(repository_name(nothing), None, "{nothing}");
        }
    }
}
