//! Addresses that may become links.

use flaky_plugin_sdk::surroundings::Ci;

/// Longest address that is made a link: it fits into a field of a Slack or Discord message with room to spare.
const LONGEST: usize = 500;

/// The address, if it is a page of the forge that the job runs on and of letters that mean nothing in any markup.
/// What else surroundings may name is shown nowhere.
#[must_use]
pub fn page<'a>(ci: &Ci, url: &'a str) -> Option<&'a str> {
    let server = ci.server.trim_end_matches('/');
    let is_site = server.starts_with("https://") || server.starts_with("http://");
    let rest = url.strip_prefix(server)?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-._~/?#=%+:,@".contains(c);
    (is_site && url.len() <= LONGEST && rest.starts_with('/') && url.chars().all(harmless)).then_some(url)
}

/// The page of the run that failed, or else of the one that tells.
#[must_use]
pub fn run_page(ci: &Ci) -> Option<&str> {
    [&ci.failed_run_url, &ci.run_url].into_iter().flatten().find_map(|url| page(ci, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_pages_of_the_forge_are_links() {
        let ci = Ci { server: "https://forge.example".into(), ..Ci::default() };
        let cases = [
            ("https://forge.example/a/b/actions/runs/1", true),
            ("https://forge.example/a/b/-/compare/x...y?z=%20#n", true),
            ("https://forge.example", false),
            ("https://forge.example.evil.example/", false),
            ("https://forge.example@evil.example/", false),
            ("https://evil.example/https://forge.example/", false),
            ("https://forge.example/a) [x](https://evil.example", false),
            ("https://forge.example/a\nb", false),
            ("https://forge.example/<b>|\"", false),
            ("https://forge.example/é", false),
            ("javascript:alert(1)", false),
            ("", false),
        ];
        for (url, expected) in cases {
            assert_eq!(page(&ci, url).is_some(), expected, "{url}");
        }
        assert_eq!(page(&ci, &format!("https://forge.example/{}", "a".repeat(LONGEST))), None);
        assert_eq!(page(&Ci::default(), "https://forge.example/a"), None);
        assert_eq!(page(&Ci::default(), "/a"), None);
    }
}
