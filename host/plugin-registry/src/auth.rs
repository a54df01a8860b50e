//! Access to a registry: anonymous first, then what it asks for (distribution specification, "Token Authentication").

use flaky_core::remote_plugin::OciAddress;
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use crate::credentials::{Credentials, Login};
use crate::error::{Piece, RegistryErrorKind};
use crate::oci::registry_host;
use crate::wire::{Redirects, Request, Wire, is_this_machine, origin, shown};

/// The largest answer of a token service: tokens that list a hundred repositories have 20 kB.
const TOKEN_BYTES: u64 = 256 << 10;

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pull,
    Push,
}

/// Requests to one repository. What opened it for the first one opens it for the others.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    wire: &'a Wire,
    credentials: &'a Credentials,
    address: &'a OciAddress,
    action: Action,
    authorization: Option<HeaderValue>,
    with_credentials: bool,
}

impl<'a> Session<'a> {
    pub(crate) const fn new(
        wire: &'a Wire,
        credentials: &'a Credentials,
        address: &'a OciAddress,
        action: Action,
    ) -> Self {
        Self { wire, credentials, address, action, authorization: None, with_credentials: false }
    }

    /// Sends; where the registry asks who we are, says it and sends again.
    pub(crate) async fn send(&mut self, mut request: Request) -> Result<Response, RegistryErrorKind> {
        request.authorization = self.authorization.clone();
        let response = self.wire.send(request.clone()).await?;
        let own = origin(response.url()) == origin(&request.url);
        if response.status() != StatusCode::UNAUTHORIZED || self.authorization.is_some() || !own {
            return Ok(response);
        }
        let challenge = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(Challenge::parse);
        let login = self.credentials.of(registry_host(self.address))?;
        self.authorization = match (challenge, login) {
            (Some(Challenge::Basic), Some(login)) => {
                self.with_credentials = true;
                login.basic()
            }
            (Some(Challenge::Bearer { realm, service }), login) => {
                Some(self.token(&request.url, &realm, service.as_deref(), login).await?)
            }
            (Some(Challenge::Basic) | None, _) => return Ok(response),
        };
        request.authorization = self.authorization.clone();
        self.wire.send(request).await
    }

    /// What an answer that is not the one hoped for means.
    pub(crate) async fn refused(&self, response: Response, piece: Piece) -> RegistryErrorKind {
        self.wire.refused(response, piece, self.with_credentials).await
    }

    async fn token(
        &mut self,
        registry: &Url,
        realm: &str,
        service: Option<&str>,
        login: Option<Login>,
    ) -> Result<HeaderValue, RegistryErrorKind> {
        let mut url =
            Url::parse(realm).map_err(|_| RegistryErrorKind::Address(realm.chars().take(80).collect()))?;
        let elsewhere = || RegistryErrorKind::Realm { realm: shown(&url) };
        let encrypted = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(registry));
        if !encrypted || (is_this_machine(&url) && !is_this_machine(registry)) || !url.username().is_empty() {
            return Err(elsewhere());
        }
        if url.scheme() == "http" && !is_this_machine(&url) {
            return Err(elsewhere());
        }
        if login.is_some() && !belong_together(registry, &url) {
            return Err(elsewhere());
        }
        // What we want, and not what the answer says that we want.
        let actions = if self.action == Action::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.address.repository());
        url.query_pairs_mut().extend_pairs(service.map(|s| ("service", s))).append_pair("scope", &scope);
        let mut request = Request::get(url, Piece::Token);
        request.redirects = Redirects::Stay;
        request.authorization = login.as_ref().and_then(Login::basic);
        self.with_credentials = login.is_some();
        let response = self.wire.send(request).await?;
        if !response.status().is_success() {
            return Err(self.refused(response, Piece::Token).await);
        }
        let bytes = self.wire.read(response, Piece::Token, TOKEN_BYTES).await?;
        bearer(&bytes)
            .ok_or_else(|| RegistryErrorKind::Layout("the token service answers with no token".into()))
    }
}

fn bearer(bytes: &[u8]) -> Option<HeaderValue> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        access_token: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(bytes).ok()?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty())?;
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether a token service may be given the registry's credentials: it is the same machine name, or one of the same
/// domain (`auth.docker.io` for `registry-1.docker.io`, `gitlab.com` for `registry.gitlab.com`).
fn belong_together(registry: &Url, realm: &Url) -> bool {
    let (Some(registry), Some(realm)) = (registry.host_str(), realm.host_str()) else { return false };
    let domain = |host: &str| -> Option<String> {
        let (_, rest) = host.split_once('.')?;
        // A domain of one part is everybody's, and an address has none.
        let named = host.bytes().any(|b| b.is_ascii_alphabetic());
        (rest.contains('.') && named).then(|| rest.to_owned())
    };
    registry == realm
        || domain(registry).is_some_and(|of| of == realm || domain(realm).is_some_and(|other| of == other))
        || domain(realm).is_some_and(|of| of == registry)
}

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// One value of `WWW-Authenticate` (RFC 9110, section 11.6.1); its first challenge counts.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        for (name, value) in Parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
        }
        Some(Self::Bearer { realm: realm?, service })
    }
}

/// `name=value` and `name="value"`, separated by commas.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.trim_start_matches([' ', ',', '\t']).split_once('=')?;
        // Around `=` a recipient has to take spaces (RFC 9110, section 11.2).
        let rest = rest.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, rest) = rest.split_once(',').unwrap_or((rest, ""));
            self.0 = rest;
            return Some((name.trim(), value.trim().to_owned()));
        };
        let (mut value, mut escaped) = (String::new(), false);
        for (at, c) in quoted.char_indices() {
            match (c, escaped) {
                ('\\', false) => escaped = true,
                ('"', false) => {
                    self.0 = quoted.get(at + 1..).unwrap_or_default();
                    return Some((name.trim(), value));
                }
                _ => {
                    value.push(c);
                    escaped = false;
                }
            }
        }
        self.0 = "";
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (r#"bearer Service=x, Realm = "https://h/\"t""#, bearer("https://h/\"t", Some("x"))),
            (r#"Bearer realm="https://h/t""#, bearer("https://h/t", None)),
            (r#"Basic realm="Registry""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            (r#"Bearer realm="https://h/t"#, None),
            (r#"Bearer service="x""#, None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn credentials_go_to_token_services_of_the_registrys_own_domain_alone() {
        for (registry, realm, together) in [
            ("registry-1.docker.io", "auth.docker.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("ghcr.io", "ghcr.io", true),
            ("registry.example.org", "login.example.org", true),
            ("example.org", "auth.example.org", true),
            ("ghcr.io", "quay.io", false),
            ("registry.example.org", "example.com", false),
            ("registry.example.org", "registry.example.org.evil.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "11.0.0.1", false),
        ] {
            let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(belong_together(&url(registry), &url(realm)), together, "{registry} {realm}");
        }
    }

    #[test]
    fn a_token_is_taken_under_either_of_its_names() {
        for (text, expected) in [
            (r#"{"token": "a"}"#, Some("Bearer a")),
            (r#"{"access_token": "b"}"#, Some("Bearer b")),
            (r#"{"token": ""}"#, None),
            (r#"{"token": "a\nb"}"#, None),
            ("[]", None),
        ] {
            let value = bearer(text.as_bytes());
            assert_eq!(value.as_ref().and_then(|v| v.to_str().ok()), expected, "{text}");
        }
    }
}
