//! What the user named as the repository: a folder or a URL, decided once.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

mod problem;
mod related;

pub use problem::{SourceError, SourceProblem};
pub(super) use related::NotAsked;

/// Longer than any real repository URL; browsers and proxies cut at about this length too.
const LONGEST_URL: usize = 2_048;
/// Longest host name, RFC 1035 section 2.3.4.
const LONGEST_HOST: usize = 253;

/// Where the sources come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositorySource {
    /// A folder on this machine, used as it stands.
    Local(PathBuf),
    /// To be fetched.
    Remote(RepositoryUrl),
}

impl RepositorySource {
    /// Decides what `text` names. A folder that exists wins over a URL of the `host:path` kind.
    ///
    /// # Errors
    /// Text that is neither, and URLs that are not fetched on purpose: see [`SourceProblem`].
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let refuse = |problem| SourceError::new(text, problem);
        let scheme = scheme(text);
        first_look(text).map_err(refuse)?;
        if scheme.is_none() && Path::new(text).is_dir() {
            return Ok(Self::Local(PathBuf::from(text)));
        }
        match scheme {
            Some((scheme, rest)) => with_scheme(&scheme, rest),
            None => scp_like(text),
        }
        .map(Self::Remote)
        .map_err(refuse)
    }
}

impl FromStr for RepositorySource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        Self::parse(text)
    }
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP over TLS; certificates are always verified.
    Https,
    /// Plain HTTP; only to this machine itself.
    Http,
    /// SSH; host keys are always checked.
    Ssh,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }
}

/// A URL that may be fetched. Holds no password; its text shows no user name either, except with SSH, where
/// it is not a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    /// Written as `user@host:path`: the path is relative to the user's home there.
    scp: bool,
}

impl RepositoryUrl {
    /// How it is reached.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host name or address, lower case, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As given, or the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The user name given, if any.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// An address into which git's `url.….insteadOf` rewrote one. The user's own configuration may put credentials into
    /// it: libgit2 uses them, here they are left out.
    pub(super) fn rewritten(address: &str) -> Result<Self, SourceError> {
        let without = match scheme(address) {
            Some((scheme, rest)) if scheme != "ssh" => {
                let authority = rest.split('/').next().unwrap_or_default();
                let user = authority.rfind('@').map_or(0, |at| at + 1);
                format!("{scheme}://{}", &rest[user..])
            }
            _ => address.to_owned(),
        };
        match RepositorySource::parse(&without)? {
            RepositorySource::Remote(url) => Ok(url),
            RepositorySource::Local(_) => Err(SourceError::new(address, SourceProblem::File)),
        }
    }

    /// Whether `url`, as a server was contacted under, leads to the same scheme, host and port.
    pub(super) fn same_server(&self, url: &str) -> bool {
        let Some((scheme, rest)) = scheme(url) else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let Ok((host, port)) = host_and_port(place) else { return false };
        scheme == self.scheme.name()
            && host == self.host
            && port.unwrap_or(self.scheme.default_port()) == self.port()
    }

    /// As libgit2 takes it: with the user name, which a server may need.
    pub(super) fn to_git(&self) -> String {
        match (&self.user, self.scheme) {
            (Some(user), Scheme::Https | Scheme::Http) => {
                self.to_string().replacen("://", &format!("://{user}@"), 1)
            }
            _ => self.to_string(),
        }
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = match (&self.user, self.scheme) {
            (Some(user), Scheme::Ssh) => format!("{user}@"),
            _ => String::new(),
        };
        let host = self.bracketed_host();
        if self.scp {
            return write!(f, "{user}{host}:{}", self.path);
        }
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        write!(f, "{}://{user}{host}{port}{}", self.scheme.name(), self.path)
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryUrl({self})")
    }
}

fn first_look(text: &str) -> Result<(), SourceProblem> {
    if text.trim().is_empty() {
        return Err(SourceProblem::Empty);
    }
    if text.starts_with('-') {
        return Err(SourceProblem::LeadingDash);
    }
    if text.chars().any(char::is_control) {
        return Err(SourceProblem::ControlCharacter);
    }
    let helper = text.find("::").is_some_and(|at| text[..at].chars().all(is_scheme_character));
    // An address in brackets is no transport: `[::1]:path`.
    if helper {
        return Err(SourceProblem::Helper);
    }
    if text.len() > LONGEST_URL { Err(SourceProblem::TooLong) } else { Ok(()) }
}

const fn is_scheme_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-')
}

/// Scheme in lower case, and what follows `://`.
fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_one =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_character);
    is_one.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn with_scheme(scheme: &str, rest: &str) -> Result<RepositoryUrl, SourceProblem> {
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        "ssh" => Scheme::Ssh,
        "file" => return Err(SourceProblem::File),
        "git" => return Err(SourceProblem::GitProtocol),
        "ext" => return Err(SourceProblem::Helper),
        other => return Err(SourceProblem::UnknownScheme(other.to_owned())),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, place) = match authority.rsplit_once('@') {
        Some((info, place)) => (Some(user_name(info, scheme)?), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(place)?;
    if scheme == Scheme::Http && !is_loopback(&host) {
        return Err(SourceProblem::PlainHttp);
    }
    if rest.contains(char::is_whitespace) {
        return Err(SourceProblem::Blank);
    }
    if path.contains(['?', '#']) {
        return Err(SourceProblem::Query);
    }
    // The path after the first slash is an argument of a program on the server.
    if path.len() < 2 || path.starts_with("/-") {
        return Err(SourceProblem::Path);
    }
    Ok(RepositoryUrl { scheme, user, host, port, path: path.to_owned(), scp: false })
}

/// `user@host:path`, `host:path`.
fn scp_like(text: &str) -> Result<RepositoryUrl, SourceProblem> {
    let after_brackets = text.find("]:").map(|at| at + 1);
    let Some(colon) = after_brackets.or_else(|| text.find(':')) else { return Err(SourceProblem::Neither) };
    let (authority, path) = (&text[..colon], &text[colon + 1..]);
    if authority.contains('/') || authority.is_empty() {
        return Err(SourceProblem::Neither);
    }
    let (user, place) = match authority.rsplit_once('@') {
        Some((info, place)) => (Some(user_name(info, Scheme::Ssh)?), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(place)?;
    if text.contains(char::is_whitespace) {
        return Err(SourceProblem::Blank);
    }
    if path.is_empty() || path.starts_with('-') || port.is_some() {
        return Err(SourceProblem::Path);
    }
    Ok(RepositoryUrl { scheme: Scheme::Ssh, user, host, port: None, path: path.to_owned(), scp: true })
}

fn user_name(info: &str, scheme: Scheme) -> Result<String, SourceProblem> {
    // Prefixes by which GitHub and GitLab mark their access tokens, so that scanners find them.
    const TOKENS: [&str; 8] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-"];
    // GitHub's longest user name has 39 characters; what is longer and not SSH is a token.
    let looks_secret = TOKENS.iter().any(|t| info.starts_with(t)) || info.len() > 39;
    if info.contains(':') || (scheme != Scheme::Ssh && looks_secret) {
        return Err(SourceProblem::Credentials);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._~+-%".contains(c);
    if info.is_empty() || info.starts_with('-') || info.len() > 128 || !info.chars().all(fits) {
        return Err(SourceProblem::User);
    }
    Ok(info.to_owned())
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), SourceProblem> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(SourceProblem::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| SourceProblem::Host)?;
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port),
                None if port.is_empty() => None,
                None => return Err(SourceProblem::Host),
            };
            (host, port)
        }
        None => {
            let (host, port) = place.split_once(':').map_or((place, None), |(h, p)| (h, Some(p)));
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let edges = host.starts_with(['-', '.']) || host.ends_with('-');
            if host.is_empty() || host.len() > LONGEST_HOST || edges || !host.chars().all(fits) {
                return Err(SourceProblem::Host);
            }
            (host, port)
        }
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|p| *p != 0).ok_or(SourceProblem::Port)?)
        }
        Some(_) => return Err(SourceProblem::Port),
    };
    Ok((host.to_ascii_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|a| a.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|a| a.is_loopback())
}
