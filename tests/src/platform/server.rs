//! HTTP: every request is read, recorded, checked and answered here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State as Handed};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Router, handler::Handler};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::ReaderStream;

use super::faults::Fault;
use super::requests::{Request, Route, Target};
use super::state::{Shared, State};
use super::{CLIENT_KEY, ENDPOINT, WORKER_KEY, endpoint_side, worker_side};

/// Far beyond the platform's limits, so that tests see how much somebody really sent.
const LARGEST_BODY: usize = 200_000_000;

/// How long a job may be over its time before that is noticed.
const HOUSE_KEEPING: Duration = Duration::from_millis(50);

/// Tries of a webhook, the first included.
const WEBHOOK_TRIES: usize = 3;

/// A request that is to be served.
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) names: Vec<String>,
    pub(super) query: String,
    pub(super) body: Bytes,
}

/// An answer before it is HTTP.
pub(super) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    retry_after: Option<u32>,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    pub(super) fn nothing() -> Self {
        Self::text(204, "application/json", String::new())
    }

    fn text(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body: body.into_bytes(), retry_after: None }
    }
}

/// Serves until its runtime ends.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for the server");
    tokio::spawn(keep_house(Arc::clone(&shared)));
    let everything = Router::new().fallback_service(answer.with_state(shared));
    let service = everything.into_make_service_with_connect_info::<SocketAddr>();
    // It ends only with the runtime.
    let _ = axum::serve(listener, service).await;
}

async fn answer(
    Handed(shared): Handed<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body::to_bytes(body, LARGEST_BODY).await else {
        return into_response(Reply::json(413, &json!({ "error": "the body is far too large" })), false);
    };
    let target = Target::of(&parts.method, &parts.uri);
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let headers = parts.headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let (number, fault) = shared.change(|state| {
        let number = state.requests.len();
        state.requests.push(Request {
            number,
            route: target.route,
            at: state.now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.clone(),
            headers,
            body: body.clone(),
            connection: peer.port(),
            answer: None,
            abandoned: None,
        });
        (number, state.faults.draw(target.route))
    });
    let open = Open { shared: Arc::clone(&shared), number, route: target.route, counted: false };
    let call = Call { route: target.route, names: target.names.clone(), query, body };
    meet(&shared, fault, open, &parts.headers, &target, &call).await
}

/// Serves a request, or lets it meet its fault.
async fn meet(
    shared: &Shared,
    fault: Fault,
    mut open: Open,
    headers: &HeaderMap,
    target: &Target,
    call: &Call,
) -> Response {
    let unserved = match &fault {
        Fault::Status(status) => Some(Reply::json(*status, &json!({ "error": "this was planned" }))),
        Fault::TooMany(seconds) => Some(Reply {
            retry_after: Some(*seconds),
            ..Reply::json(429, &json!({ "error": "too many requests" }))
        }),
        Fault::Text(text) => Some(Reply::text(200, "application/json", text.clone())),
        Fault::TextOf(content_type, text) => Some(Reply::text(200, content_type, text.clone())),
        Fault::Drop => {
            drop(open);
            // Ends this connection's task, and with it the connection, without a word on standard error.
            panic::resume_unwind(Box::new("planned"))
        }
        Fault::Hang => {
            let route = target.route;
            let before = shared.lock().faults.healed(route);
            let forever = Duration::from_secs(3600);
            let healed = |state: &mut State| (state.faults.healed(route) != before).then_some(());
            let _ = shared.attempt_for(forever, healed).await;
            None
        }
        Fault::None | Fault::CutAnswer | Fault::ServedBut(_) => None,
    };
    let mut reply = match unserved {
        Some(reply) => reply,
        None => serve_one(shared, &mut open, headers, target, call).await,
    };
    if let Fault::ServedBut(status) = fault {
        reply = Reply::json(status, &json!({ "error": "this was planned" }));
    }
    open.answered(reply.status);
    into_response(reply, fault == Fault::CutAnswer)
}

async fn serve_one(
    shared: &Shared,
    open: &mut Open,
    headers: &HeaderMap,
    target: &Target,
    call: &Call,
) -> Reply {
    match target.route {
        Route::Webhook => return Reply::json(200, &json!({})),
        Route::Unknown => return Reply::json(404, &json!({ "error": "not found" })),
        _ => {}
    }
    if !is_allowed(headers, target.route) {
        return Reply::json(401, &json!({ "error": "unauthorized" }));
    }
    if target.endpoint != ENDPOINT {
        return Reply::json(404, &json!({ "error": "endpoint not found" }));
    }
    if target.route.is_workers() {
        return worker_side::answer(shared, call).await;
    }
    let entered = shared.change(|state| {
        let now = state.now();
        state.limits.enter(target.route, now)
    });
    if !entered {
        return Reply::json(429, &json!({ "error": "too many requests" }));
    }
    open.counted = true;
    endpoint_side::answer(shared, call).await
}

/// Workers show their key bare, clients as a bearer's (or bare, as some pages of the documentation have it).
fn is_allowed(headers: &HeaderMap, route: Route) -> bool {
    let shown = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if route.is_workers() {
        return shown == WORKER_KEY;
    }
    shown.strip_prefix("Bearer ").unwrap_or(shown) == CLIENT_KEY
}

/// A request without an answer yet; says so when it never gets one.
struct Open {
    shared: Arc<Shared>,
    number: usize,
    route: Route,
    /// It counts among those that are served at once.
    counted: bool,
}

impl Open {
    fn answered(self, status: u16) {
        self.shared.change(|state| {
            let now = state.now();
            state.requests[self.number].answer = Some((status, now));
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.change(|state: &mut State| {
            let now = state.now();
            if self.counted {
                state.limits.leave(self.route);
            }
            let request = &mut state.requests[self.number];
            if request.answer.is_none() {
                request.abandoned = Some(now);
            }
        });
    }
}

fn into_response(reply: Reply, cut: bool) -> Response {
    let Reply { status, content_type, body, retry_after } = reply;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    if let Some(seconds) = retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    // A length that is never reached, or an answer of nothing could not be cut.
    let promised: Option<(HeaderName, usize)> = cut.then(|| (CONTENT_LENGTH, body.len().max(2) + 1));
    if let Some((name, length)) = promised {
        response = response.header(name, length);
    }
    let half = body.get(..body.len() / 2).unwrap_or_default().to_vec();
    let body = if cut { Body::from_stream(ReaderStream::new(Cut::of(half))) } else { Body::from(body) };
    response.body(body).expect("a response of known parts")
}

/// Some bytes, a moment for them to go out, and then a failure.
struct Cut {
    bytes: Option<Vec<u8>>,
    waited: bool,
}

impl Cut {
    const fn of(bytes: Vec<u8>) -> Self {
        Self { bytes: Some(bytes), waited: false }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            let most = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..most]);
            return Poll::Ready(Ok(()));
        }
        if !self.waited {
            self.waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

/// What happens by itself: times that run out, and webhooks.
async fn keep_house(shared: Arc<Shared>) {
    let mut changes = shared.changes();
    loop {
        shared.attempt(|state| state.keep_house().then_some(()));
        let due = std::mem::take(&mut shared.lock().webhooks);
        for (url, body) in due {
            tokio::spawn(call_webhook(Arc::clone(&shared), url, body));
        }
        let _ = tokio::time::timeout(HOUSE_KEEPING, changes.changed()).await;
    }
}

async fn call_webhook(shared: Arc<Shared>, url: String, body: Value) {
    let pause = shared.lock().settings.webhook_pause;
    let client = reqwest::Client::new();
    for attempt in 1..=WEBHOOK_TRIES {
        let sent = client.post(&url).json(&body).send().await;
        if attempt == WEBHOOK_TRIES || sent.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}
