//! What was asked of the platform.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Uri};
use serde_json::Value;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// A worker asks for one job.
    Take,
    /// A worker asks for several.
    TakeBatch,
    /// A worker asks which of its jobs to stop.
    Stop,
    /// A worker hands in a result, or progress.
    Done,
    /// A worker hands in a part of a result.
    StreamChunk,
    /// A worker says that it lives.
    Ping,
    /// A client submits a job.
    Run,
    /// A client submits a job and waits.
    RunSync,
    /// A client asks how a job is.
    Status,
    /// A client asks for parts of a result.
    Stream,
    /// A client gives a job up.
    Cancel,
    /// A client wants a failed job to be done again.
    Retry,
    /// A client empties the queue.
    Purge,
    /// A client asks how the endpoint is.
    Health,
    /// The platform itself, or a worker's local server, tells somebody about a job.
    Webhook,
    /// Nothing of the above.
    Unknown,
}

/// Where a request goes, read from its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) route: Route,
    pub(super) endpoint: String,
    /// Worker and job for a worker's requests, the job for a client's.
    pub(super) names: Vec<String>,
}

impl Target {
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let path = uri.path();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let unknown = Self { route: Route::Unknown, endpoint: String::new(), names: Vec::new() };
        if parts.first() == Some(&"webhook") {
            return Self { route: Route::Webhook, ..unknown };
        }
        let ["v2", endpoint, word, names @ ..] = parts.as_slice() else { return unknown };
        let (get, post) = (method == Method::GET, method == Method::POST);
        let route = match (*word, names.len()) {
            ("job-take", 1) if get => Route::Take,
            ("job-take-batch", 1) if get => Route::TakeBatch,
            ("job-stop", 1) if get => Route::Stop,
            ("job-done", 2) if post => Route::Done,
            ("job-stream", 2) if post => Route::StreamChunk,
            ("ping", 1) if get => Route::Ping,
            ("run", 0) if post => Route::Run,
            ("runsync", 0) if post => Route::RunSync,
            ("status", 1) if get => Route::Status,
            ("stream", 1) if get => Route::Stream,
            ("cancel", 1) if post => Route::Cancel,
            ("retry", 1) if post => Route::Retry,
            ("purge-queue", 0) if post => Route::Purge,
            ("health", 0) if get => Route::Health,
            _ => return unknown,
        };
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Self { route, endpoint: (*endpoint).to_owned(), names }
    }
}

impl Route {
    /// Whether workers use it.
    #[must_use]
    pub const fn is_workers(self) -> bool {
        matches!(
            self,
            Self::Take | Self::TakeBatch | Self::Stop | Self::Done | Self::StreamChunk | Self::Ping
        )
    }
}

/// One request, and what became of it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number, in the order of arrival.
    pub number: usize,
    /// What it is for.
    pub route: Route,
    /// When it had arrived with its whole body, on the platform's clock.
    pub at: Duration,
    /// GET or POST.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// As it was written, without the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Bytes,
    /// Port of the other side: one per connection.
    pub connection: u16,
    /// Status and time of the answer, once there is one.
    pub answer: Option<(u16, Duration)>,
    /// The other side went before there was an answer, or the platform did.
    pub abandoned: Option<Duration>,
}

impl Request {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The last part of the path: a worker on a poll, a job on a result.
    #[must_use]
    pub fn last_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it waits for an answer.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.answer.is_none() && self.abandoned.is_none()
    }

    /// Whether it was a message of progress rather than a result.
    #[must_use]
    pub fn is_progress(&self) -> bool {
        serde_json::from_slice::<Value>(&self.body).is_ok_and(|body| body["status"] == "IN_PROGRESS")
    }
}

/// The value of a parameter in a query; what is percent-encoded stays so.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        (known == name).then_some(value)
    })
}
