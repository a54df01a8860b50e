//! Requests: where they may go, how long they may take, how much of an answer is read.

use std::error::Error;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use flaky_core::text::visible;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};

use crate::error::{Piece, RegistryErrorKind};
use crate::store::{Arrived, Incoming};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until a connection stands: across the world with a few lost packets.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For one request in all: 64 MB over a line of 1 Mbit/s.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(600),
        }
    }
}

/// Redirects in a row: registries send once to their storage, which may send to a nearer copy.
const MOST_REDIRECTS: usize = 4;
/// How much of a refusal is read, and how much of it is shown.
const SAID_READ: u64 = 4 << 10;
const SAID_SHOWN: usize = 200;

/// Speaks HTTP.
#[derive(Debug)]
pub(crate) struct Wire {
    patience: Patience,
    /// To other machines, by way of the user's proxy.
    far: OnceLock<Client>,
    /// To this machine: never by way of a proxy, and nothing is encrypted there.
    near: OnceLock<Client>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Sent to the origin of `url`, and to no other.
    pub(crate) authorization: Option<HeaderValue>,
    /// What is asked for, for messages.
    pub(crate) piece: Piece,
    pub(crate) redirects: Redirects,
}

/// Where a server may send us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Nowhere: what a name means is said by the server that it names.
    Stay,
    /// To any server over TLS: what comes is held against a digest.
    Follow,
}

impl Request {
    pub(crate) fn get(url: Url, piece: Piece) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            authorization: None,
            piece,
            redirects: Redirects::Stay,
        }
    }
}

impl Wire {
    pub(crate) const fn new(patience: Patience) -> Self {
        Self { patience, far: OnceLock::new(), near: OnceLock::new() }
    }

    /// Sends, and follows where that is allowed. The body of the answer is still to be read.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, RegistryErrorKind> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.once(&request).await?;
            let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !moved || request.method != Method::GET {
                return Ok(response);
            }
            let next = next(&request, &response)?;
            if origin(&next) != origin(&request.url) {
                request.authorization = None;
            }
            request.url = next;
        }
        Err(redirect(&request, format!("it did so {MOST_REDIRECTS} times before")))
    }

    async fn once(&self, request: &Request) -> Result<Response, RegistryErrorKind> {
        let mut headers = request.headers.clone();
        if let Some(value) = &request.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let mut asked = self.client(&request.url)?.request(request.method.clone(), request.url.clone());
        if !request.body.is_empty() || request.method != Method::GET {
            asked = asked.body(request.body.clone());
        }
        asked.headers(headers).send().await.map_err(|e| self.failed(&request.url, &e))
    }

    /// Made when first needed: setting TLS up reads all certificates of the system.
    fn client(&self, url: &Url) -> Result<&Client, RegistryErrorKind> {
        let near = is_this_machine(url);
        let cell = if near { &self.near } else { &self.far };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("flaky/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.patience.connect)
            .read_timeout(self.patience.idle)
            .timeout(self.patience.whole);
        if near {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|e| RegistryErrorKind::Setup(told(&e.without_url())))?;
        Ok(cell.get_or_init(|| client))
    }

    fn failed(&self, url: &Url, error: &reqwest::Error) -> RegistryErrorKind {
        let host = host(url);
        if error.is_timeout() {
            let after = if error.is_connect() { self.patience.connect } else { self.patience.idle };
            return RegistryErrorKind::Late { host, after };
        }
        RegistryErrorKind::Unreachable { host, why: told(error) }
    }

    /// A small answer, whole.
    pub(crate) async fn read(
        &self,
        mut response: Response,
        piece: Piece,
        limit: u64,
    ) -> Result<Vec<u8>, RegistryErrorKind> {
        let announced = response.content_length();
        check_size(announced, piece, limit)?;
        let url = response.url().clone();
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let found = body.len() as u64;
            let Some(chunk) = chunk.map_err(|e| self.broken(&url, &e, piece, announced, found))? else {
                return Ok(body);
            };
            if found + chunk.len() as u64 > limit {
                return Err(RegistryErrorKind::TooLarge { piece, size: None, limit });
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// A component, to disk. It ends as soon as it is larger than `limit`, whatever was announced.
    pub(crate) async fn receive(
        &self,
        mut response: Response,
        mut into: Incoming,
        limit: u64,
    ) -> Result<Arrived, RegistryErrorKind> {
        let piece = Piece::Component;
        let announced = response.content_length();
        check_size(announced, piece, limit)?;
        let url = response.url().clone();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|e| self.broken(&url, &e, piece, announced, into.size()))?;
            let Some(chunk) = chunk else { break };
            if into.size() + chunk.len() as u64 > limit {
                return Err(RegistryErrorKind::TooLarge { piece, size: None, limit });
            }
            into.take(&chunk)?;
        }
        Ok(into.end())
    }

    /// A connection that ends before all that was announced has come says so, and not that nobody is there.
    fn broken(
        &self,
        url: &Url,
        error: &reqwest::Error,
        piece: Piece,
        announced: Option<u64>,
        found: u64,
    ) -> RegistryErrorKind {
        match announced {
            Some(expected) if expected > found && !error.is_timeout() => {
                RegistryErrorKind::Truncated { piece, expected, found }
            }
            _ => self.failed(url, error),
        }
    }

    /// What a status that is not the one hoped for means.
    pub(crate) async fn refused(
        &self,
        mut response: Response,
        piece: Piece,
        with_credentials: bool,
    ) -> RegistryErrorKind {
        let host = host(response.url());
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                RegistryErrorKind::Denied { host, with_credentials }
            }
            StatusCode::NOT_FOUND => RegistryErrorKind::NotFound { host, piece },
            _ => {
                let mut said = Vec::new();
                while let Ok(Some(chunk)) = response.chunk().await {
                    said.extend_from_slice(&chunk);
                    if said.len() as u64 > SAID_READ {
                        break;
                    }
                }
                let said = visible(String::from_utf8_lossy(&said).trim());
                let said = said.chars().take(SAID_SHOWN).collect();
                RegistryErrorKind::Status { host, status: status.as_u16(), piece, said }
            }
        }
    }
}

fn check_size(announced: Option<u64>, piece: Piece, limit: u64) -> Result<(), RegistryErrorKind> {
    match announced {
        Some(size) if size > limit => Err(RegistryErrorKind::TooLarge { piece, size: Some(size), limit }),
        _ => Ok(()),
    }
}

fn redirect(request: &Request, why: impl Into<String>) -> RegistryErrorKind {
    RegistryErrorKind::Redirect { host: host(&request.url), piece: request.piece, why: why.into() }
}

/// Where a redirect leads, if it is followed.
fn next(request: &Request, response: &Response) -> Result<Url, RegistryErrorKind> {
    let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok());
    let location = location.ok_or_else(|| redirect(request, "it does not say where to"))?;
    let next = request.url.join(location).map_err(|_| redirect(request, "to what is no address"))?;
    let to = visible(&shown(&next));
    if !next.username().is_empty() || next.password().is_some() {
        return Err(redirect(request, "to an address with a user name or a password"));
    }
    if next.host_str().is_none_or(str::is_empty) || !matches!(next.scheme(), "https" | "http") {
        return Err(redirect(request, format!("`{to}` is no web server")));
    }
    if is_this_machine(&next) && !is_this_machine(&request.url) {
        return Err(redirect(request, format!("`{to}` is this machine")));
    }
    if next.scheme() != "https" && !(is_this_machine(&next) && request.url.scheme() == "http") {
        return Err(redirect(request, format!("`{to}` is not encrypted")));
    }
    if request.redirects == Redirects::Stay && origin(&next) != origin(&request.url) {
        return Err(redirect(
            request,
            format!("`{to}` is another server, and what a name means says its own"),
        ));
    }
    Ok(next)
}

/// Scheme, host and port.
pub(crate) fn origin(url: &Url) -> (&str, Option<&str>, Option<u16>) {
    (url.scheme(), url.host_str(), url.port_or_known_default())
}

/// Host and port, for people.
pub(crate) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Without query: it may hold a signature that gives access.
pub(crate) fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), host(url), url.path()).chars().take(SAID_SHOWN).collect()
}

/// Whether a request stays on this machine.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// An error and its causes, without URLs.
fn told(error: &reqwest::Error) -> String {
    let mut source = error.source();
    // The outermost says only that a request failed; the innermost says why.
    let mut text = source.map_or_else(|| error.to_string(), ToString::to_string);
    while let Some(cause) = source {
        source = cause.source();
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    visible(&text)
}
