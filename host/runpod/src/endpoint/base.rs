//! Where a platform's API is.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::{EndpointId, JobId};

/// Where the API of a platform is: what stands before the endpoint's id in every URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// A text that is not a base URL. It is not shown: somebody may have typed a password into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Not a URL with a host.
    #[error("the base URL is not a URL such as `{}`", BaseUrl::RUNPOD)]
    NotAUrl,
    /// Neither https nor http.
    #[error("the base URL is neither `https://` nor `http://`")]
    Scheme,
    /// The key would travel readable for everyone on the way.
    #[error(
        "the base URL is `http://` to another machine: the API key would travel unencrypted; use `https://`"
    )]
    Clear,
    /// Has a user name, a password, a query or a fragment.
    #[error(
        "the base URL has a user name, a password, a `?` or a `#`: only scheme, host, port and path belong there"
    )]
    Extra,
}

impl BaseUrl {
    /// RunPod's own.
    pub const RUNPOD: &str = "https://api.runpod.ai/v2";

    /// Whether requests stay on this machine and are not encrypted.
    pub(super) fn is_clear(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// `<base>/<endpoint>/<operation>[/<job>]`.
    pub(super) fn of(&self, endpoint: &EndpointId, operation: &str, job: Option<&JobId>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(endpoint.as_str()).push(operation).extend(job.map(JobId::as_str));
        }
        url
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidBaseUrl::NotAUrl)?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or(InvalidBaseUrl::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(InvalidBaseUrl::Clear),
            _ => return Err(InvalidBaseUrl::Scheme),
        }
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(Self(url)) } else { Err(InvalidBaseUrl::Extra) }
    }
}

/// Hosts as [`Url`] normalises them: `127.1` has become `127.0.0.1`, and names are in lower case.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761, section 6.3: this name is always the machine itself.
    host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

impl Default for BaseUrl {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant, parsed by a test")]
        Self::RUNPOD.parse().expect("a URL")
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_unencrypted_to_this_machine_alone() {
        use InvalidBaseUrl::{Clear, Extra, NotAUrl, Scheme};
        for (text, expected) in [
            (BaseUrl::RUNPOD, Ok("https://api.runpod.ai/v2")),
            ("https://api.runpod.ai/v2/", Ok("https://api.runpod.ai/v2")),
            (" https://proxy.example:8443 ", Ok("https://proxy.example:8443")),
            ("http://127.0.0.1:8000", Ok("http://127.0.0.1:8000")),
            ("http://127.1/v2", Ok("http://127.0.0.1/v2")),
            ("http://[::1]:8000", Ok("http://[::1]:8000")),
            ("http://LOCALHOST:8000", Ok("http://localhost:8000")),
            ("http://api.runpod.ai/v2", Err(Clear)),
            ("http://127.0.0.1.example", Err(Clear)),
            ("http://localhost.example", Err(Clear)),
            ("http://10.0.0.1", Err(Clear)),
            ("http://0.0.0.0", Err(Clear)),
            ("http://127.0.0.1@example.org", Err(Clear)),
            ("https://me:secret@api.runpod.ai", Err(Extra)),
            ("https://api.runpod.ai/v2?x=1", Err(Extra)),
            ("https://api.runpod.ai/v2#x", Err(Extra)),
            ("ftp://127.0.0.1", Err(Scheme)),
            ("api.runpod.ai/v2", Err(NotAUrl)),
            ("file:///etc/passwd", Err(NotAUrl)),
            ("", Err(NotAUrl)),
        ] {
            let got = text.parse::<BaseUrl>().map(|base| base.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{text:?}");
        }
        assert_eq!(BaseUrl::default().to_string(), BaseUrl::RUNPOD);
    }

    #[test]
    fn urls_are_base_endpoint_operation_and_job() {
        let (endpoint, job) = ("ep1".parse().unwrap(), "sync-1:2-u1".parse().unwrap());
        for (base, expected) in [
            ("https://api.runpod.ai/v2", "https://api.runpod.ai/v2/ep1/status/sync-1:2-u1"),
            ("https://api.runpod.ai/v2/", "https://api.runpod.ai/v2/ep1/status/sync-1:2-u1"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/ep1/status/sync-1:2-u1"),
        ] {
            let base: BaseUrl = base.parse().unwrap();
            assert_eq!(base.of(&endpoint, "status", Some(&job)).as_str(), expected);
        }
        let base: BaseUrl = "http://[::1]/a/b".parse().unwrap();
        assert_eq!(base.of(&endpoint, "run", None).as_str(), "http://[::1]/a/b/ep1/run");
    }
}
