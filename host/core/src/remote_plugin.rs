//! Names of plugins that are not on this machine.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use crate::digest::Sha256Digest;

/// Name of the file that says which bytes the names stand for; it stands beside the configuration.
pub const LOCK_FILE_NAME: &str = ".flaky-detector.lock";

/// Where a plugin is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemotePlugin {
    /// A file on a web server.
    Https(HttpsAddress),
    /// An artifact in a registry of the OCI distribution specification.
    Oci(OciAddress),
}

/// `https://HOST/PATH`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpsAddress(String);

/// `oci://HOST/REPOSITORY` with a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciAddress {
    text: String,
    host: String,
    repository: String,
    version: OciVersion,
}

/// Which artifact of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OciVersion {
    /// A name that whoever may publish there can move.
    Tag(String),
    /// Of the manifest; it cannot come to mean something else.
    Digest(Sha256Digest),
}

/// Why a text names no plugin elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRemote {
    /// `ftp://` and the like.
    #[error("a plugin comes from `https://…` or `oci://…`, not from `{0}://`")]
    Scheme(String),
    /// No address at all.
    #[error("the address begins neither with `https://` nor with `oci://`")]
    NoScheme,
    /// What came would be whatever somebody on the way made of it.
    #[error("plugins are not fetched over `http://`: name them as `https://…`")]
    Clear,
    /// `https://name:password@host`: it would stand in the file, the lock and every message.
    #[error("the address holds a user name or a password")]
    Credentials,
    /// Nothing between `//` and `/`, or characters that no host name has.
    #[error("the address names no host")]
    Host,
    /// A blank, a control character, a quote.
    #[error("the address holds a character that no address has: write it as `%XX`")]
    Character,
    /// `#…` is never sent.
    #[error("the address ends in a fragment (`#…`), which no server sees")]
    Fragment,
    /// More than anybody writes.
    #[error("the address is longer than {ADDRESS_BYTES} bytes")]
    TooLong,
    /// `oci://host/Team/Name`.
    #[error(
        "`{0}` is not a repository: expected lower-case letters, digits, `.`, `_` and `-`, in parts between `/`"
    )]
    Repository(String),
    /// No tag, no digest.
    #[error("the address names no version: end it in `:TAG`, `@VERSION` or `@sha256:DIGEST`")]
    NoVersion,
    /// Not a tag.
    #[error("`{0}` is not a version: expected at most 128 letters, digits, `.`, `_` and `-`")]
    Tag(String),
    /// `@sha256:` with something else behind it.
    #[error("what follows `@sha256:` is {0}")]
    Digest(#[from] crate::digest::InvalidDigest),
}

/// Longest address: servers and proxies cut off near 8 kB, and no repository comes near 2.
const ADDRESS_BYTES: usize = 2048;
/// The longest repository name that registries take with their host name (distribution specification, "Pulling manifests").
const REPOSITORY_BYTES: usize = 255;
/// The longest tag, by the same specification.
const TAG_BYTES: usize = 128;

impl FromStr for RemotePlugin {
    type Err = InvalidRemote;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > ADDRESS_BYTES {
            return Err(InvalidRemote::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && !br#""'<>\^`{|}"#.contains(&b)) {
            return Err(InvalidRemote::Character);
        }
        match text.split_once("://") {
            Some(("https", rest)) => https(text, rest).map(Self::Https),
            Some(("oci", rest)) => oci(text, rest).map(Self::Oci),
            Some(("http", _)) => Err(InvalidRemote::Clear),
            Some((scheme, _)) => Err(InvalidRemote::Scheme(scheme.chars().take(20).collect())),
            None => Err(InvalidRemote::NoScheme),
        }
    }
}

fn https(text: &str, rest: &str) -> Result<HttpsAddress, InvalidRemote> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(InvalidRemote::Credentials);
    }
    if !is_host(host) {
        return Err(InvalidRemote::Host);
    }
    if text.contains('#') {
        return Err(InvalidRemote::Fragment);
    }
    Ok(HttpsAddress(text.to_owned()))
}

fn oci(text: &str, rest: &str) -> Result<OciAddress, InvalidRemote> {
    let (host, path) = rest.split_once('/').ok_or(InvalidRemote::NoVersion)?;
    if host.contains('@') {
        return Err(InvalidRemote::Credentials);
    }
    if !is_host(host) {
        return Err(InvalidRemote::Host);
    }
    let (named, after_at) = match path.split_once('@') {
        Some((named, version)) => (named, Some(version)),
        None => (path, None),
    };
    let (repository, tag) = match named.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (named, None),
    };
    if !is_repository(repository) {
        return Err(InvalidRemote::Repository(repository.chars().take(80).collect()));
    }
    // A digest decides; a tag beside it is for people.
    let version = match (after_at.map(|v| (v, v.strip_prefix("sha256:"))), tag) {
        (Some((_, Some(digest))), tag) => {
            tag.map_or(Ok(()), check_tag)?;
            OciVersion::Digest(digest.parse()?)
        }
        (Some((version, None)), None) | (None, Some(version)) => {
            check_tag(version)?;
            OciVersion::Tag(version.to_owned())
        }
        (Some((version, None)), Some(_)) => {
            return Err(InvalidRemote::Tag(version.chars().take(80).collect()));
        }
        (None, None) => return Err(InvalidRemote::NoVersion),
    };
    Ok(OciAddress {
        text: text.to_owned(),
        host: host.to_owned(),
        repository: repository.to_owned(),
        version,
    })
}

/// A name or an address, and maybe a port.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) if !rest.is_empty() && !rest.starts_with(':') => return false,
        Some((address, port)) if address.parse::<core::net::Ipv6Addr>().is_ok() => {
            ("v6", port.strip_prefix(':'))
        }
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    port_fits && name.len() <= 253 && name.split('.').all(label)
}

/// By the distribution specification, "Pulling manifests".
fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends = part.bytes().next().is_some_and(inner) && part.bytes().last().is_some_and(inner);
        let characters = part.bytes().all(|b| inner(b) || b"._-".contains(&b));
        ends && characters
            && !["..", "._", "_.", "___", ".-", "-.", "_-", "-_"].iter().any(|bad| part.contains(bad))
    };
    text.len() <= REPOSITORY_BYTES && text.split('/').all(part)
}

fn check_tag(text: &str) -> Result<(), InvalidRemote> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if first && rest && text.len() <= TAG_BYTES {
        Ok(())
    } else {
        Err(InvalidRemote::Tag(text.chars().take(80).collect()))
    }
}

impl RemotePlugin {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Https(address) => address.as_str(),
            Self::Oci(address) => address.as_str(),
        }
    }

    /// Whether the name itself says which bytes are meant, so that nobody can move it.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        matches!(self, Self::Oci(OciAddress { version: OciVersion::Digest(_), .. }))
    }
}

impl fmt::Display for RemotePlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HttpsAddress {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OciAddress {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port of the registry, as they were written.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the registry is on this machine: the only place that is spoken to unencrypted.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        let name = match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        };
        // RFC 6761, section 6.3: this name is always the machine itself.
        name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// The repository in the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which artifact.
    #[must_use]
    pub const fn version(&self) -> &OciVersion {
        &self.version
    }
}

impl fmt::Display for OciVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => write!(f, "sha256:{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, InvalidRemote> {
        text.parse::<RemotePlugin>().map(|plugin| match &plugin {
            RemotePlugin::Https(address) => address.as_str().to_owned(),
            RemotePlugin::Oci(a) => {
                format!("{} {} {} {}", a.host(), a.repository(), a.version(), a.is_this_machine())
            }
        })
    }

    #[test]
    fn addresses_are_taken_apart_as_registries_do() {
        let digest = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            ("https://example.org/p.wasm?x=1".to_owned(), "https://example.org/p.wasm?x=1".to_owned()),
            ("oci://ghcr.io/team/infra:1.2.0".to_owned(), "ghcr.io team/infra 1.2.0 false".to_owned()),
            ("oci://ghcr.io/team/infra@1.2.0".to_owned(), "ghcr.io team/infra 1.2.0 false".to_owned()),
            ("oci://localhost:5000/a__b:latest".to_owned(), "localhost:5000 a__b latest true".to_owned()),
            ("oci://[::1]:5000/a:1".to_owned(), "[::1]:5000 a 1 true".to_owned()),
            ("oci://127.0.0.1/a:1".to_owned(), "127.0.0.1 a 1 true".to_owned()),
            ("oci://localhost.example.org/a:1".to_owned(), "localhost.example.org a 1 false".to_owned()),
            (format!("oci://h/a/b@sha256:{digest}"), format!("h a/b sha256:{digest} false")),
            (format!("oci://h/a/b:1@sha256:{digest}"), format!("h a/b sha256:{digest} false")),
        ] {
            assert_eq!(parsed(&text).as_deref(), Ok(expected.as_str()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_what_is_wrong_with_it() {
        use InvalidRemote::{
            Character, Clear, Credentials, Fragment, Host, NoVersion, Repository, Scheme, Tag,
        };
        for (text, expected) in [
            ("http://example.org/p.wasm", Clear),
            ("ftp://example.org/p.wasm", Scheme("ftp".into())),
            ("https://me:secret@example.org/p.wasm", Credentials),
            ("oci://me@example.org/p:1", Credentials),
            ("https:///p.wasm", Host),
            ("oci://[::1]x/p:1", Host),
            ("oci://[::1]:/p:1", Host),
            ("https://-a.example/p.wasm", Host),
            ("https://example.org:99999/p.wasm", Host),
            ("https://exa%6dple.org/p.wasm", Host),
            ("https://example.org/p.wasm#x", Fragment),
            ("https://example.org/a b", Character),
            ("https://example.org/\u{1b}[31m", Character),
            ("oci://example.org", NoVersion),
            ("oci://example.org/team/p", NoVersion),
            ("oci://example.org/Team/p:1", Repository("Team/p".into())),
            ("oci://example.org/team/../p:1", Repository("team/../p".into())),
            ("oci://example.org/team//p:1", Repository("team//p".into())),
            ("oci://example.org/p:", Tag(String::new())),
            ("oci://example.org/p:.1", Tag(".1".into())),
            ("oci://example.org/p:1/../../x", Tag("1/../../x".into())),
            ("oci://example.org/p:1@2", Tag("2".into())),
            ("oci://example.org/p@sha256:12", InvalidRemote::Digest(crate::digest::InvalidDigest)),
        ] {
            assert_eq!(parsed(text), Err(expected), "{text}");
        }
        assert_eq!(parsed(&format!("https://h/{}", "x".repeat(3000))), Err(InvalidRemote::TooLong));
        assert!(matches!(parsed(&format!("oci://h/p:{}", "x".repeat(129))), Err(Tag(_))));
    }
}
