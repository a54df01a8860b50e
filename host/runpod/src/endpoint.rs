//! A client of an endpoint.
//!
//! Data flow: [`JobRequest`] → [`Endpoint::run`] → [`JobId`] → [`Endpoint::stream`] and [`Endpoint::status`] → [`StreamAnswer`],
//! [`JobStatus`].
//!
//! Every operation keeps to RunPod's rate limits by itself, for all clones of an [`Endpoint`] together. What may pass
//! (no connection, no answer, 5xx, an answer that is not JSON, 429) is tried again until the time for that is over; what
//! stays is an error at once. No redirect is followed: it would carry the key elsewhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{ApiKey, EndpointId, JobId};

mod base;
mod error;
mod exchange;
mod job;
pub(crate) mod pace;

pub use base::{BaseUrl, InvalidBaseUrl};
pub use error::{EndpointError, Missing};
pub use job::{Health, JobRequest, JobState, JobStatus, Policy, StreamAnswer, WorkerCounts};

use exchange::{Fault, Reply};
use pace::{Allowance, Backoff, Pace};

/// Largest body of `POST /run` in bytes: RunPod's documentation says 10 MB.
pub const RUN_LIMIT: usize = 10_000_000;

/// Largest answer that may hold a job's output: results have at most 20 MB, and escaping makes them longer.
const OUTPUT_ANSWER: usize = 32 << 20;
/// Largest answer to anything else: they are a few hundred bytes.
const SMALL_ANSWER: usize = 1 << 20;
/// A connection to a platform that is there takes less; stale addresses are given up soon.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections without a request are closed after this; what sleeps longer is often dead without saying so.
const IDLE: Duration = Duration::from_secs(20);
/// How long an operation goes on trying, when nothing else is said: twice an absence of half a minute.
const TRYING: Duration = Duration::from_secs(60);
/// The same for an endpoint that has never answered yet: that one is more likely mistyped than away.
const TRYING_FIRST: Duration = Duration::from_secs(10);

/// Which endpoint, and as whom.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// Where the API is.
    pub base: BaseUrl,
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// The key of the account.
    pub key: ApiKey,
}

/// A client of one endpoint. Clones are cheap and share connections and rate limits.
#[derive(Clone)]
pub struct Endpoint {
    shared: Arc<Shared>,
    trying: Duration,
}

struct Shared {
    settings: EndpointSettings,
    http: reqwest::Client,
    paces: [Pace; Operation::ALL.len()],
    /// It has answered something sensible.
    answered: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Run,
    Status,
    Stream,
    Cancel,
    Health,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Run, Self::Status, Self::Stream, Self::Cancel, Self::Health];

    const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Status => "status",
            Self::Stream => "stream",
            Self::Cancel => "cancel",
            Self::Health => "health",
        }
    }

    /// Requests per ten seconds and at once, from RunPod's page of endpoint operations. It has no row for health: few
    /// are needed.
    const fn allowance(self) -> Allowance {
        match self {
            Self::Run => Allowance::of(1000, 200),
            Self::Status | Self::Stream => Allowance::of(2000, 400),
            Self::Cancel => Allowance::of(100, 20),
            Self::Health => Allowance::of(20, 4),
        }
    }

    const fn answer_limit(self) -> usize {
        match self {
            Self::Status | Self::Stream => OUTPUT_ANSWER,
            Self::Run | Self::Cancel | Self::Health => SMALL_ANSWER,
        }
    }
}

impl Endpoint {
    /// Sets the client up; nothing is sent yet.
    ///
    /// # Errors
    /// [`EndpointError::Setup`] when this machine has no usable TLS.
    pub fn new(settings: EndpointSettings) -> Result<Self, EndpointError> {
        let setup = |why: &dyn fmt::Display| EndpointError::Setup { why: why.to_string() };
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", settings.key.secret()))
            .map_err(|_| setup(&"the key cannot stand in a header"))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("flaky/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE);
        if settings.base.is_clear() {
            // A proxy would be another machine, and would read the key.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|e| setup(&e.without_url()))?;
        let paces = Operation::ALL.map(|operation| Pace::new(operation.allowance()));
        let shared = Shared { settings, http, paces, answered: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), trying: TRYING })
    }

    /// The same endpoint, with another bound on how long one operation goes on trying. Zero: one try.
    #[must_use]
    pub fn trying_for(&self, time: Duration) -> Self {
        Self { trying: time, ..self.clone() }
    }

    /// Submits a job.
    ///
    /// It is submitted again when no answer came, though the platform may have taken it: then the job runs twice and
    /// costs twice, and whoever reads results has to count them once.
    ///
    /// # Errors
    /// [`EndpointError::TooLarge`] above [`RUN_LIMIT`], before anything is sent; else what the platform said.
    pub async fn run(&self, request: &JobRequest) -> Result<JobId, EndpointError> {
        let body = request.to_body()?;
        if body.len() > RUN_LIMIT {
            return Err(EndpointError::TooLarge { bytes: body.len(), limit: RUN_LIMIT });
        }
        let answer = self.ask(Operation::Run, None, Some(Bytes::from(body))).await?;
        job::read_id(&answer)
    }

    /// Asks where a job is, with its output when it has ended.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`] when the platform does not know it (any more); else what the platform said.
    pub async fn status(&self, job: &JobId) -> Result<JobStatus, EndpointError> {
        let answer = self.ask(Operation::Status, Some(job), None).await?;
        JobStatus::read(job, answer, self.key())
    }

    /// Takes what the job's worker has streamed since it was last asked for. A platform hands out a chunk once: when the
    /// answer is lost, so are its chunks.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn stream(&self, job: &JobId) -> Result<StreamAnswer, EndpointError> {
        StreamAnswer::read(self.ask(Operation::Stream, Some(job), None).await?)
    }

    /// Cancels a job, queued or running.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn cancel(&self, job: &JobId) -> Result<(), EndpointError> {
        self.ask(Operation::Cancel, Some(job), Some(Bytes::new())).await.map(drop)
    }

    /// Asks how the endpoint is.
    ///
    /// # Errors
    /// What the platform said.
    pub async fn health(&self) -> Result<Health, EndpointError> {
        Health::read(&self.ask(Operation::Health, None, None).await?)
    }

    fn key(&self) -> &str {
        self.shared.settings.key.secret()
    }

    /// Asks until there is an answer, something that stays, or no time left. `body`: POST instead of GET.
    async fn ask(
        &self,
        operation: Operation,
        job: Option<&JobId>,
        body: Option<Bytes>,
    ) -> Result<Value, EndpointError> {
        let began = Instant::now();
        let (mut backoff, mut tries) = (Backoff::new(), 0);
        loop {
            tries += 1;
            let (error, pause) = match self.ask_once(operation, job, body.clone(), tries).await {
                Ok(value) => {
                    self.shared.answered.store(true, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(Fault::Stays(error)) => return Err(error),
                Err(Fault::Passes(error)) => (error, backoff.pause()),
                Err(Fault::Throttled(after)) => {
                    self.shared.answered.store(true, Ordering::Relaxed);
                    self.pace(operation).slow_down(after);
                    // The rest itself is kept by the pace, for everyone; this only scatters those who waited.
                    (EndpointError::Throttled { after }, after + backoff.pause())
                }
            };
            let answered = self.shared.answered.load(Ordering::Relaxed);
            let trying = if answered { self.trying } else { self.trying.min(TRYING_FIRST) };
            if began.elapsed() + pause > trying {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn ask_once(
        &self,
        operation: Operation,
        job: Option<&JobId>,
        body: Option<Bytes>,
        tries: u32,
    ) -> Result<Value, Fault> {
        let settings = &self.shared.settings;
        let url = settings.base.of(&settings.endpoint, operation.name(), job);
        let size = body.as_ref().map_or(0, Bytes::len);
        let request = match body {
            None => self.shared.http.get(url),
            Some(body) => self.shared.http.post(url).header(CONTENT_TYPE, "application/json").body(body),
        };
        let permit = self.pace(operation).enter().await;
        let reply = Reply::fetch(request, size, operation.answer_limit()).await;
        drop(permit);
        let what = if job.is_some() { Missing::Job } else { Missing::Endpoint };
        let value = exchange::judge(reply, tries, what, self.key())?;
        // Nothing is read out of the answer to a cancellation; some say nothing.
        Ok(value.unwrap_or(Value::Null))
    }

    fn pace(&self, operation: Operation) -> &Pace {
        &self.shared.paces[operation as usize]
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base", &self.shared.settings.base.to_string())
            .field("endpoint", &self.shared.settings.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
