//! Posting results until they are accepted, refused for good, or too late.

use std::time::Duration;

use bytes::Bytes;
use flaky_runpod::JobId;
use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::http::{Http, Trouble};
use super::pace::Backoff;
use super::result::Body;
use super::settings::Timings;
use super::{Settings, address::Template};
use super::{address, result};
use crate::logs;

/// How attempts are spread over time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// For one attempt.
    pub(super) each: Duration,
    /// No attempt begins later.
    pub(super) all: Duration,
    /// Between attempts.
    pub(super) waits: Backoff,
}

impl Budget {
    pub(super) const fn of_results(timings: &Timings) -> Self {
        Self { each: timings.result_try, all: timings.result_budget, waits: timings.result_waits }
    }

    pub(super) const fn of_chunks(timings: &Timings) -> Self {
        Self { each: timings.chunk_try, all: timings.chunk_budget, waits: timings.result_waits }
    }
}

/// Why something was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotPosted {
    /// For good: the same again would be refused again.
    #[error("refused with status {0}")]
    Refused(StatusCode),
    /// As long as there was time.
    #[error("given up after {attempts} attempts: {last}")]
    GivenUp { attempts: u32, last: String },
    /// Where to has not been said.
    #[error("no address for it")]
    Nowhere,
}

/// Where something about a job goes, with what every such address ends with.
pub(super) fn destination(
    settings: &Settings,
    template: &Template,
    job: &JobId,
    is_stream: bool,
) -> Result<Url, address::Invalid> {
    let mut url = template.of_job(&settings.worker, job)?;
    url.query_pairs_mut().append_pair("isStream", if is_stream { "true" } else { "false" });
    Ok(url)
}

/// Posts until accepted or refused for good, or until there is no time left. `failing` is called
/// after the first attempt, unless that was the last one.
pub(super) async fn until_accepted(
    http: &Http,
    url: &Url,
    job: &JobId,
    body: &Bytes,
    budget: Budget,
    failing: impl FnOnce(),
) -> Result<(), NotPosted> {
    let begun = Instant::now();
    let mut failing = Some(failing);
    let mut attempts = 0;
    loop {
        let reply = http.post(url.clone(), job, body.clone(), budget.each).await;
        attempts += 1;
        let (last, wait) = match reply {
            Ok(status) if status.is_success() => return Ok(()),
            Ok(status) if again(status) => (format!("status {status}"), budget.waits.after(attempts)),
            Ok(status) => return Err(NotPosted::Refused(status)),
            // A stale connection, perhaps.
            Err(e @ Trouble::Unconnected(_)) if attempts == 1 => (e.to_string(), Duration::ZERO),
            Err(e) => (e.to_string(), budget.waits.after(attempts)),
        };
        if begun.elapsed() + wait >= budget.all {
            return Err(NotPosted::GivenUp { attempts, last });
        }
        if let Some(failing) = failing.take() {
            failing();
        }
        logs::debug(Some(job), format_args!("attempt {attempts} to post failed: {last}"));
        tokio::time::sleep(wait).await;
    }
}

/// Too early, too many, or a fault of the server's: the same may be accepted later.
fn again(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Posts the end of a job, or, where that is refused as it is, a small error instead, so that its caller does not wait
/// in vain.
pub(super) async fn result(
    http: &Http,
    settings: &Settings,
    job: &JobId,
    body: Body,
    is_stream: bool,
    failing: impl FnOnce(),
) {
    let url = match destination(settings, &settings.result, job, is_stream) {
        Ok(url) => url,
        Err(e) => return logs::error(Some(job), format_args!("the result has no address: {e}")),
    };
    if let Some(why) = &body.instead {
        logs::warn(Some(job), why);
    }
    let budget = Budget::of_results(&settings.timings);
    let size = body.json.len();
    let ended = until_accepted(http, &url, job, &body.json, budget, failing).await;
    let status = match ended {
        Ok(()) => return logs::info(Some(job), format_args!("answered with {size} bytes")),
        Err(NotPosted::Refused(status)) if matches!(status.as_u16(), 400 | 413) => status,
        Err(NotPosted::Refused(StatusCode::NOT_FOUND)) => {
            return logs::warn(
                Some(job),
                "the platform does not know this job any more; its result is dropped",
            );
        }
        Err(why) => return logs::error(Some(job), format_args!("the result is lost: {why}")),
    };
    drop(body);
    let why = format!(
        "the platform refused this job's result of {size} bytes (status {}): ask for fewer runs, or split them into several jobs",
        status.as_u16()
    );
    logs::error(Some(job), &why);
    let small = result::error(&why);
    if let Err(why) = until_accepted(http, &url, job, &small, budget, || {}).await {
        logs::error(Some(job), format_args!("nor could that be said: {why}"));
    }
}
