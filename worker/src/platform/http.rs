//! Requests as the platform expects them.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use flaky_runpod::JobId;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::settings::WorkerKey;

/// RunPod's protocol has no version of its own; heartbeats name the version of the SDK. Ours speaks as this one does.
pub(super) const SPOKEN: &str = "1.12.0";

const OURS: &str = concat!("flaky-worker/", env!("CARGO_PKG_VERSION"), " (", env!("CARGO_PKG_NAME"), ")");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CHARSET: HeaderName = HeaderName::from_static("charset");

/// A connection that is not made by then is not made later either; names are looked up in this time, too.
const CONNECT: Duration = Duration::from_secs(10);
/// Idle connections are dropped before servers usually do it (60 s and more).
const IDLE: Duration = Duration::from_secs(30);
/// A process that was put to sleep and woken elsewhere waits on connections that nobody else knows of. What we sent and
/// nobody acknowledged ends them after this time …
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// … and where we only wait, probes of the kernel: after 10 s, then every 3 s, three times.
const PROBES: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(3), 3);
/// Answers that are of no interest are read up to this size, so that their connection can be used again.
const DRAINED: usize = 64 * 1024;

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Of answers with status 200 only.
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection, or it broke: what the system said.
    #[error("{0}")]
    Unconnected(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// An answer that nobody would send.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// Connections. Polls and results share theirs: the one that brought a job is free when its result is to be sent.
/// Heartbeats have their own, because connections live on the thread that they were made on. None waits for another:
/// there are as many as there are requests at a time.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
}

impl Http {
    pub(super) fn new(key: Option<&WorkerKey>) -> Result<Self, reqwest::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(OURS));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(key) = key {
            headers.insert(AUTHORIZATION, key.header());
        }
        let client = Client::builder()
            .default_headers(headers)
            // Elsewhere nobody has to see the key, and a redirected POST loses its body.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .tcp_keepalive(PROBES.0)
            .tcp_keepalive_interval(PROBES.1)
            .tcp_keepalive_retries(PROBES.2)
            .build()?;
        Ok(Self { client })
    }

    /// A long poll; `begun` is called when an answer with status 200 begins.
    pub(super) async fn poll(
        &self,
        url: Url,
        timeout: Duration,
        limit: usize,
        begun: impl FnOnce(),
    ) -> Result<Reply, Trouble> {
        let request = self.client.get(url).header(CONTENT_TYPE, "application/json");
        let whole = async {
            let mut response = request.send().await.map_err(|e| Trouble::of(&e))?;
            let status = response.status();
            if status != StatusCode::OK {
                drain(response).await;
                return Ok(Reply { status, body: Vec::new() });
            }
            begun();
            Ok(Reply { status, body: body(&mut response, limit).await? })
        };
        tokio::time::timeout(timeout, whole).await.unwrap_or(Err(Trouble::TimedOut(timeout)))
    }

    /// A heartbeat.
    pub(super) async fn ping(&self, url: Url, timeout: Duration) -> Result<StatusCode, Trouble> {
        let whole = async {
            let response = self.client.get(url).send().await.map_err(|e| Trouble::of(&e))?;
            let status = response.status();
            drain(response).await;
            Ok(status)
        };
        tokio::time::timeout(timeout, whole).await.unwrap_or(Err(Trouble::TimedOut(timeout)))
    }

    /// Something about a job. The body is JSON although the headers say otherwise: that is how RunPod's SDK does it.
    pub(super) async fn post(
        &self,
        url: Url,
        job: &JobId,
        body: Bytes,
        timeout: Duration,
    ) -> Result<StatusCode, Trouble> {
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CHARSET, "utf-8")
            .header(REQUEST_ID, job.as_str())
            .body(body);
        let whole = async {
            let response = request.send().await.map_err(|e| Trouble::of(&e))?;
            let status = response.status();
            drain(response).await;
            Ok(status)
        };
        tokio::time::timeout(timeout, whole).await.unwrap_or(Err(Trouble::TimedOut(timeout)))
    }
}

async fn body(response: &mut Response, limit: usize) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| Trouble::of(&e))? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Trouble::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn drain(mut response: Response) {
    let mut left = DRAINED;
    while let Ok(Some(chunk)) = response.chunk().await {
        let Some(less) = left.checked_sub(chunk.len()) else { return };
        left = less;
    }
}

impl Trouble {
    /// The innermost cause alone: outer ones repeat the address.
    fn of(error: &reqwest::Error) -> Self {
        let mut innermost: Option<&dyn Error> = error.source();
        while let Some(deeper) = innermost.and_then(Error::source) {
            innermost = Some(deeper);
        }
        Self::Unconnected(
            innermost.map_or_else(|| "the request could not be sent".to_owned(), ToString::to_string),
        )
    }
}
