//! Does what is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use flaky_runpod::JobId;
use serde_json::json;

use super::answer::{Problem, json_response};
use super::body::{self, Reader, Unread};
use super::route::{Manners, Operation, Route};
use super::store::{Origin, Status, Store, StreamDocument, Submission};
use super::submission::Invalid;
use super::{Settings, guard, held, page, route, submission};

/// Largest bodies, in bytes: 10 MB for jobs, 20 MB for those that are waited for (RunPod's documentation, "operation
/// reference"); read as MiB, so that nothing is refused here that the platform takes.
const MAX_RUN_BYTES: usize = 10 << 20;
const MAX_RUNSYNC_BYTES: usize = 20 << 20;

/// How long `/runsync` waits, and between which bounds callers may say so (same source).
const RUNSYNC_WAIT: Duration = Duration::from_secs(90);
const RUNSYNC_WAIT_MS: (u64, u64) = (1_000, 300_000);

/// How long `/stream` waits for a chunk: half of what the SDK's client waits for an answer.
const STREAM_WAIT: Duration = Duration::from_secs(5);

/// Longest that a job can be known, in milliseconds, and so longest wait: the longest `ttl`.
const MAX_TTL_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What operations work with.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) settings: Settings,
    pub(super) bodies: Reader,
}

/// Answers any request.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    shared.answer(parts, body).await.unwrap_or_else(|problem| problem.response())
}

impl Shared {
    async fn answer(&self, parts: Parts, body: Body) -> Result<Response, Problem> {
        guard::check(&parts.headers, self.settings.exposure).map_err(Problem::Intruder)?;
        let Route { operation, manners, endpoint } =
            route::parse(parts.uri.path()).ok_or(Problem::NoSuchRoute)?;
        if let (Some(ours), Some(theirs)) = (&self.settings.endpoint, &endpoint)
            && ours != theirs
        {
            return Err(Problem::OtherEndpoint);
        }
        if !operation.methods().contains(&parts.method) {
            return Err(Problem::Method(operation.methods()));
        }
        let has_body = parts.method == Method::POST && body::is_announced(&parts.headers);
        if has_body && !body::is_json(&parts.headers) {
            return Err(Problem::Invalid(Invalid::not_declared_as_json()));
        }
        let query = Query(parts.uri.query().unwrap_or_default());
        match operation {
            Operation::Page => Ok(page::page()),
            Operation::Docs => Ok(page::redirect()),
            Operation::OpenApi => Ok(page::openapi()),
            Operation::Run => self.run(body).await,
            Operation::RunSync => self.run_sync(body, query).await,
            Operation::Realtime => self.realtime(body).await,
            Operation::Status(id) => self.status(id, manners, query).await,
            Operation::Stream(id) => self.stream(&id).await,
            Operation::Cancel(id) => {
                let status = self.store.cancel(&id).ok_or(Problem::UnknownJob)?;
                Ok(state(&id, status))
            }
            Operation::Retry(id) => {
                self.store.retry(&id)?;
                Ok(state(&id, Status::InQueue))
            }
            Operation::Health => Ok(self.health()),
            Operation::PurgeQueue => {
                let removed = self.store.purge();
                Ok(json_response(StatusCode::OK, &json!({ "removed": removed, "status": "completed" })))
            }
            Operation::Requests => {
                let open = self.store.requests();
                Ok(json_response(StatusCode::OK, &json!({ "requests": open })))
            }
        }
    }

    async fn submit(
        &self,
        body: Body,
        limit: usize,
        parse: impl FnOnce(&[u8]) -> Result<Submission, Invalid>,
    ) -> Result<JobId, Problem> {
        let submission = self.bodies.read(body, limit, parse).await.map_err(|why| match why {
            Unread::TooLarge => Problem::TooLarge { limit },
            Unread::TooSlow => Problem::TooSlow,
            Unread::Broken => Problem::Broken,
        })?;
        Ok(self.store.submit(submission.map_err(Problem::Invalid)?)?)
    }

    async fn run(&self, body: Body) -> Result<Response, Problem> {
        let timeout = self.settings.execution_timeout;
        let parse = |bytes: &[u8]| submission::parse(bytes, Origin::Run, timeout);
        let id = self.submit(body, MAX_RUN_BYTES, parse).await?;
        Ok(state(&id, Status::InQueue))
    }

    async fn run_sync(&self, body: Body, query: Query<'_>) -> Result<Response, Problem> {
        let wait = query.milliseconds("wait", RUNSYNC_WAIT_MS)?.unwrap_or(RUNSYNC_WAIT);
        let timeout = self.settings.execution_timeout;
        let parse = |bytes: &[u8]| submission::parse(bytes, Origin::RunSync, timeout);
        let id = self.submit(body, MAX_RUNSYNC_BYTES, parse).await?;
        let document = self.store.ended(&id, wait).await.ok_or(Problem::UnknownJob)?;
        if document.status.is_final() {
            Ok(json_response(StatusCode::OK, &document))
        } else {
            Ok(state(&id, document.status))
        }
    }

    /// As the SDK's local server has it: the result alone, however long it takes.
    async fn realtime(&self, body: Body) -> Result<Response, Problem> {
        let timeout = self.settings.execution_timeout;
        let parse = |bytes: &[u8]| submission::parse_realtime(bytes, timeout);
        let id = self.submit(body, MAX_RUNSYNC_BYTES, parse).await?;
        let wait = Duration::from_millis(MAX_TTL_MS);
        let document = self.store.ended(&id, wait).await.ok_or(Problem::UnknownJob)?;
        Ok(json_response(StatusCode::OK, &document.result()))
    }

    async fn status(&self, id: JobId, manners: Manners, query: Query<'_>) -> Result<Response, Problem> {
        if let Some(retention) = query.milliseconds("ttl", (0, MAX_TTL_MS))? {
            self.store.shorten_retention(&id, retention);
        }
        let usual = match manners {
            Manners::Platform => Duration::ZERO,
            Manners::LocalServer => Duration::from_millis(MAX_TTL_MS),
        };
        let wait = query.milliseconds("wait", (0, MAX_TTL_MS))?.unwrap_or(usual);
        held::status(&self.store, id, wait).await
    }

    async fn stream(&self, id: &JobId) -> Result<Response, Problem> {
        let (status, chunks) = self.store.unread(id, STREAM_WAIT).await.ok_or(Problem::UnknownJob)?;
        Ok(json_response(StatusCode::OK, &StreamDocument::new(id, status, &chunks)))
    }

    fn health(&self) -> Response {
        let running = self.store.busy();
        let idle = self.settings.concurrency.get().saturating_sub(running);
        let workers = json!({
            "idle": idle, "running": running, "ready": idle,
            "initializing": 0, "throttled": 0, "unhealthy": 0,
        });
        json_response(StatusCode::OK, &json!({ "jobs": self.store.counts(), "workers": workers }))
    }
}

fn state(id: &JobId, status: Status) -> Response {
    json_response(StatusCode::OK, &json!({ "id": id, "status": status }))
}

/// Parameters; unknown ones are ignored.
#[derive(Debug, Clone, Copy)]
struct Query<'a>(&'a str);

impl Query<'_> {
    fn milliseconds(self, name: &str, (least, most): (u64, u64)) -> Result<Option<Duration>, Problem> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let Some((_, value)) = pairs.into_iter().find(|(key, _)| *key == name) else { return Ok(None) };
        match value.parse().ok().filter(|ms| (least..=most).contains(ms)) {
            Some(ms) => Ok(Some(Duration::from_millis(ms))),
            None => {
                let why = format!("`{name}` is not an integer from {least} to {most}, in milliseconds");
                Err(Problem::Parameter(why))
            }
        }
    }
}
