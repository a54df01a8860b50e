//! Where a request may go: configuration grants origins, plugins ask for them, and whoever sends holds both against it.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Scheme, host and port. Only `https`, and `http` to this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Origin {
    clear: bool,
    host: String,
    port: u16,
}

/// A text that is no origin. It is not shown: somebody may have typed a secret into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// Not a URL with a host.
    #[error("not an origin such as `https://hooks.example.org`")]
    NotAUrl,
    /// Neither https nor http.
    #[error("neither `https://` nor `http://`")]
    Scheme,
    /// What is sent would be readable for everyone on the way.
    #[error("`http://` to another machine, which would send all of it unencrypted")]
    Clear,
    /// A user name or a password.
    #[error("has a user name or a password")]
    Credentials,
    /// A path, a query or a fragment.
    #[error("more than scheme, host and port")]
    Extra,
}

impl Origin {
    /// Where this URL leads.
    ///
    /// # Errors
    /// When no request is made there.
    pub fn of(url: &Url) -> Result<Self, InvalidOrigin> {
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or(InvalidOrigin::NotAUrl)?;
        let clear = match url.scheme() {
            "https" => false,
            "http" if is_this_machine(host) => true,
            "http" => return Err(InvalidOrigin::Clear),
            _ => return Err(InvalidOrigin::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidOrigin::Credentials);
        }
        let port = url.port_or_known_default().ok_or(InvalidOrigin::NotAUrl)?;
        Ok(Self { clear, host: host.to_owned(), port })
    }

    /// Where a URL leads that somebody has written down: a configured webhook's, say. What stands behind the host may hold
    /// placeholders of secrets.
    ///
    /// # Errors
    /// When no request is made there.
    pub fn of_url(text: &str) -> Result<Self, InvalidOrigin> {
        Self::of(&Url::parse(text.trim()).map_err(|_| InvalidOrigin::NotAUrl)?)
    }

    /// Whether requests stay on this machine and are not encrypted.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        self.clear
    }

    /// The address, where the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// Hosts as [`Url`] normalises them: `127.1` has become `127.0.0.1`, and names are in lower case.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761, section 6.3: this name is always the machine itself.
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidOrigin::NotAUrl)?;
        let origin = Self::of(&url)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if bare { Ok(origin) } else { Err(InvalidOrigin::Extra) }
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.clear { ("http", 80) } else { ("https", 443) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_unencrypted_only_here() {
        use InvalidOrigin::{Clear, Credentials, Extra, NotAUrl, Scheme};
        for (text, expected) in [
            ("https://Hooks.Slack.com", Ok("https://hooks.slack.com")),
            ("https://hooks.slack.com:443/", Ok("https://hooks.slack.com")),
            ("https://hooks.slack.com:8443", Ok("https://hooks.slack.com:8443")),
            ("http://127.1:80", Ok("http://127.0.0.1")),
            ("http://[::1]:8000", Ok("http://[::1]:8000")),
            ("http://localhost:8000", Ok("http://localhost:8000")),
            ("http://example.org", Err(Clear)),
            ("http://localhost.example.org", Err(Clear)),
            ("http://10.0.0.1", Err(Clear)),
            ("https://me@example.org", Err(Credentials)),
            ("https://example.org/path", Err(Extra)),
            ("https://example.org?x", Err(Extra)),
            ("ftp://example.org", Err(Scheme)),
            ("example.org", Err(NotAUrl)),
            ("", Err(NotAUrl)),
        ] {
            assert_eq!(
                text.parse::<Origin>().map(|o| o.to_string()).as_deref(),
                expected.as_deref(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_url_that_somebody_has_written_down_leads_to_its_origin() {
        for (text, expected) in [
            (" https://hooks.example.org/a/b?c=d#e\n", Ok("https://hooks.example.org")),
            ("https://hooks.example.org:8443/${{ secrets.PATH }}", Ok("https://hooks.example.org:8443")),
            ("http://127.0.0.1:80/x", Ok("http://127.0.0.1")),
            ("http://hooks.example.org/x", Err(InvalidOrigin::Clear)),
            ("https://me@hooks.example.org/x", Err(InvalidOrigin::Credentials)),
            ("https://${{ secrets.HOST }}/", Err(InvalidOrigin::NotAUrl)),
            ("${{ secrets.URL }}", Err(InvalidOrigin::NotAUrl)),
        ] {
            let origin = Origin::of_url(text).map(|o| o.to_string());
            assert_eq!(origin.as_deref(), expected.as_deref(), "{text}");
        }
    }

    #[test]
    fn names_that_only_look_alike_are_other_origins() {
        let slack: Origin = "https://hooks.slack.com".parse().unwrap();
        for other in [
            "https://hooks.slack.com.",
            "https://hooks.slack.com.example",
            "https://x.hooks.slack.com",
            "https://hooks.slack.com:444",
        ] {
            assert_ne!(other.parse::<Origin>().unwrap(), slack, "{other}");
        }
    }
}
