//! Who may look: this machine, or whoever was given the token.
//!
//! A page from elsewhere, shown by a browser of this machine, can send requests to loopback addresses. It cannot read the
//! answers, unless its own name resolves to a loopback address ("DNS rebinding"): then `Host` is that name, and refused.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;

use axum::http::header::{COOKIE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};

/// Bytes of a token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

/// What the cookie is called, before the port: cookies of all ports of a machine are one heap.
const COOKIE_NAME: &str = "flaky_dashboard_";

/// What lets one in.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// It must not stand in logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("no token could be made: there is no randomness to be had")]
pub struct TokenError(#[from] io::Error);

impl Token {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = [0; TOKEN_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })))
    }

    /// As it stands in the address that is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this text. Takes as long whatever of it is wrong, so that it cannot be found out bit by bit.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let differing = own.iter().zip(given).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
        own.len() == given.len() && differing == 0
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Guard {
    token: Option<Token>,
    hosts: BTreeSet<String>,
}

/// Someone who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// Comes as it should.
    Known,
    /// Brought the token in the address: a cookie of this content keeps it from now on.
    New(String),
}

/// Someone who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "the `Host` header does not name this machine: ask by its address, or start with `--allow-host NAME`"
    )]
    Host,
    #[error("open the address that was printed when the dashboard was started: it holds the token")]
    Token,
}

impl Refused {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }
}

impl Guard {
    /// For a loopback address: whoever is on this machine.
    #[must_use]
    pub fn this_machine() -> Self {
        Self { token: None, hosts: BTreeSet::new() }
    }

    /// For any address: whoever has the token.
    #[must_use]
    pub fn with_token(token: Token) -> Self {
        Self { token: Some(token), hosts: BTreeSet::new() }
    }

    /// By these names, too. A name and no port, since ports may be forwarded.
    #[must_use]
    pub fn known_as(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.hosts.extend(hosts.into_iter().map(|host| host.to_ascii_lowercase()));
        self
    }

    /// The token, when one is needed.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Whether this request is answered.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap, port: u16) -> Result<Visitor, Refused> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok()).ok_or(Refused::Host)?;
        if hosts.next().is_some() || !self.is_named(host) {
            return Err(Refused::Host);
        }
        let Some(token) = &self.token else { return Ok(Visitor::Known) };
        let name = format!("{COOKIE_NAME}{port}");
        if cookies(headers).any(|(key, value)| key == name && token.is(value)) {
            return Ok(Visitor::Known);
        }
        let given = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("token="));
        if !given.is_some_and(|given| token.is(given)) {
            return Err(Refused::Token);
        }
        let kept = token.as_str();
        Ok(Visitor::New(format!("{name}={kept}; Path=/; HttpOnly; SameSite=Strict")))
    }

    /// Addresses are always this machine's own: who rebinds a name has to ask by that name.
    fn is_named(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        let is_address = match bare {
            Some(bare) => bare.parse::<IpAddr>().is_ok_and(|a| a.is_ipv6() && self.may_be(a)),
            None => name.parse::<IpAddr>().is_ok_and(|a| a.is_ipv4() && self.may_be(a)),
        };
        name == "localhost" || is_address || self.hosts.contains(&name)
    }

    fn may_be(&self, address: IpAddr) -> bool {
        self.token.is_some() || address.is_loopback()
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, uri: &str, pairs: &[(&str, &str)]) -> Result<Visitor, Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: axum::http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        guard.check(&uri.parse().unwrap(), &headers, 8080)
    }

    #[test]
    fn names_that_somebody_else_may_own_are_refused() {
        let here = Guard::this_machine().known_as(["Box.local".to_owned()]);
        for host in
            ["127.0.0.1:8080", "127.8.9.1", "[::1]:8080", "LOCALHOST:1", "localhost", "box.LOCAL:8080"]
        {
            assert_eq!(check(&here, "/", &[("host", host)]), Ok(Visitor::Known), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.7:8080",
            "[::2]",
            "::1",
            "[127.0.0.1]",
            "localhost:80:80",
            "localhost:",
            "",
        ] {
            assert_eq!(check(&here, "/", &[("host", host)]), Err(Refused::Host), "{host}");
        }
        assert_eq!(check(&here, "/", &[]), Err(Refused::Host));
        assert_eq!(check(&here, "/", &[("host", "localhost"), ("host", "evil.example")]), Err(Refused::Host));
    }

    #[test]
    fn a_token_lets_in_once_by_the_address_and_then_by_its_cookie() {
        let token = Token::generate().unwrap();
        let guard = Guard::with_token(token.clone());
        let host = ("host", "192.168.1.7:8080");
        let text = token.as_str();
        let Ok(Visitor::New(cookie)) = check(&guard, &format!("/?token={text}"), &[host]) else {
            panic!("let in")
        };
        assert_eq!(cookie, format!("flaky_dashboard_8080={text}; Path=/; HttpOnly; SameSite=Strict"));
        let kept = format!("other=1; flaky_dashboard_8080={text}");
        assert_eq!(check(&guard, "/data/index.json", &[host, ("cookie", &kept)]), Ok(Visitor::Known));
        let wrong = "0".repeat(64);
        for (uri, cookie) in [
            ("/", String::new()),
            ("/?token=", String::new()),
            (&format!("/?token={wrong}"), String::new()),
            (&format!("/?token={}", &text[..63]), String::new()),
            (&format!("/?token={text}0"), String::new()),
            (&format!("/?xtoken={text}"), String::new()),
            ("/", format!("flaky_dashboard_8080={wrong}")),
            ("/", format!("flaky_dashboard_9090={text}")),
        ] {
            assert_eq!(
                check(&guard, uri, &[host, ("cookie", &cookie)]),
                Err(Refused::Token),
                "{uri} {cookie}"
            );
        }
        let named = [("host", "evil.example"), ("cookie", kept.as_str())];
        assert_eq!(check(&guard, "/", &named), Err(Refused::Host));
    }

    #[test]
    fn tokens_differ_and_stand_in_no_log() {
        let token = Token::generate().unwrap();
        assert!(token.as_str().len() == 64 && token != Token::generate().unwrap());
        assert!(!format!("{:?}", Guard::with_token(token.clone())).contains(token.as_str()));
    }
}
