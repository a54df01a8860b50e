//! The page over HTTP: answers `GET` and `HEAD`, and changes nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::assets;
use crate::documents::Documents;
use crate::guard::{Guard, Visitor};

/// Documents that are made at once: each may read all tests of a suite, and a database file gains nothing by more.
const MOST_AT_ONCE: usize = 4;

/// What the page may do: nothing but what it brings itself. The same stands in the page, for exports.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken, or is not this machine's.
    #[error("cannot listen at `{address}`")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Other machines could reach it, and nobody would be asked for a token.
    #[error("`{0}` can be reached by other machines: a token is needed there")]
    Open(SocketAddr),
    /// The server came to an end of itself.
    #[error("the server ended")]
    Ended(#[source] io::Error),
}

/// A server that listens already.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

/// What a request is answered from.
#[derive(Debug)]
struct Desk {
    documents: Documents,
    guard: Guard,
    port: u16,
    making: Semaphore,
}

impl Server {
    /// Takes the address; port 0 is any free one.
    ///
    /// # Errors
    /// When the address cannot be had, or needs a token and there is none.
    pub async fn bind(address: SocketAddr, documents: Documents, guard: Guard) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() && guard.token().is_none() {
            return Err(ServeError::Open(address));
        }
        let listen = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let making = Semaphore::new(MOST_AT_ONCE);
        let desk = Arc::new(Desk { documents, guard, port: address.port(), making });
        Ok(Self { listener, address, desk })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser; holds the token, where one is needed.
    #[must_use]
    pub fn url(&self) -> String {
        match self.desk.guard.token() {
            Some(token) => format!("http://{}/?token={}", self.address, token.as_str()),
            None => format!("http://{}/", self.address),
        }
    }

    /// Serves until `stop`. Answers that are under way are not waited for: whoever reads them can ask again.
    ///
    /// # Errors
    /// When the server comes to an end of itself.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let router = Router::new().fallback(answer).with_state(self.desk);
        tokio::select! {
            ended = async { axum::serve(self.listener, router).await } => ended.map_err(ServeError::Ended),
            () = stop => Ok(()),
        }
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let (mut response, cookie) = match desk.guard.check(&parts.uri, &parts.headers, desk.port) {
        Ok(visitor) => {
            let cookie = match visitor {
                Visitor::New(cookie) => HeaderValue::try_from(cookie).ok(),
                Visitor::Known => None,
            };
            (content(&desk, &parts.method, parts.uri.path()).await, cookie)
        }
        Err(refused) => (text(refused.status(), &refused.to_string()), None),
    };
    let headers = response.headers_mut();
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn content(desk: &Desk, method: &Method, path: &str) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "this page is only to be looked at");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    if let Some(asset) = assets::find(path) {
        return with(StatusCode::OK, asset.kind, Body::from(asset.body));
    }
    // The semaphore is never closed.
    let _turn = desk.making.acquire().await.ok();
    match desk.documents.document(path).await {
        Ok(Some(body)) => with(StatusCode::OK, "application/json", Body::from(body)),
        Ok(None) => text(StatusCode::NOT_FOUND, "there is nothing here"),
        // What the store says may name a place; whoever runs the program finds out with `flaky history check`.
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the history could not be read"),
    }
}

fn text(status: StatusCode, text: &str) -> Response {
    with(status, "text/plain; charset=utf-8", Body::from(format!("{text}\n")))
}

/// The body of an answer to `HEAD` is left away by the server, which still tells its length.
fn with(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
