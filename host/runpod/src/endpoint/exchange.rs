//! One request and what came of it.

use std::error::Error;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::error::{EndpointError, Missing, clean};
use super::job;

/// An answer begins within this, beside what sending takes. RunPod's own client gives up after 10 s.
const ANSWER_BEGINS: Duration = Duration::from_secs(20);
/// Nothing comes for this long in the middle of an answer: it will not go on.
const SILENCE: Duration = Duration::from_secs(20);
/// The whole answer: 32 MB over a line of 2 Mbit/s. A server that sends a byte at a time ends here.
const ANSWER_ENDS: Duration = Duration::from_secs(150);
/// Bytes per second that a slow line sends: 0.5 Mbit/s.
const SLOW_LINE: usize = 64 << 10;
/// Rest after a 429 that names none: RunPod counts in windows of ten seconds, half of one is over on average.
const REST: Duration = Duration::from_secs(5);
/// Longest rest that is believed.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How much of an error's answer is read.
const ERROR_ANSWER: usize = 16 << 10;

/// What came back, whole.
pub(super) struct Reply {
    status: StatusCode,
    rest: Option<Duration>,
    body: Vec<u8>,
}

/// Why nothing came back, or not all of it.
pub(super) enum NoReply {
    Broken(String),
    /// It will break in the same way next time.
    Untrusted(String),
    TooLarge(usize),
}

/// Why a request was of no use.
pub(super) enum Fault {
    Stays(EndpointError),
    Passes(EndpointError),
    Throttled(Duration),
}

impl Reply {
    /// Sends and reads, `limit` bytes at most; `size` is that of what is sent.
    pub(super) async fn fetch(request: RequestBuilder, size: usize, limit: usize) -> Result<Self, NoReply> {
        let begins = ANSWER_BEGINS + Duration::from_secs((size / SLOW_LINE) as u64);
        let response = match timeout(begins, request.send()).await {
            Ok(sent) => sent.map_err(broken)?,
            Err(_) => return Err(NoReply::Broken(format!("nothing came within {} s", begins.as_secs()))),
        };
        let status = response.status();
        let rest = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        let limit = if status.is_success() { limit } else { ERROR_ANSWER };
        let rest = rest.map(Duration::from_secs);
        let read = timeout(ANSWER_ENDS, read(response, limit)).await;
        match read {
            Ok(Ok(body)) => Ok(Self { status, rest, body }),
            // What an error says is worth reading, not waiting for.
            _ if !status.is_success() => Ok(Self { status, rest, body: Vec::new() }),
            Ok(Err(why)) => Err(why),
            Err(_) => {
                Err(NoReply::Broken(format!("the answer did not end within {} s", ANSWER_ENDS.as_secs())))
            }
        }
    }
}

async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, NoReply> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(NoReply::TooLarge(limit));
    }
    let mut body = Vec::new();
    loop {
        let chunk = timeout(SILENCE, response.chunk()).await;
        let chunk = chunk.map_err(|_| NoReply::Broken("the answer stopped in the middle".to_owned()))?;
        let Some(chunk) = chunk.map_err(broken)? else {
            return Ok(body);
        };
        if chunk.len() > limit - body.len() {
            return Err(NoReply::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
}

fn broken(error: reqwest::Error) -> NoReply {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    if why.contains("certificate") { NoReply::Untrusted(why) } else { NoReply::Broken(why) }
}

/// What a reply means. `None`: an empty one.
pub(super) fn judge(
    reply: Result<Reply, NoReply>,
    tries: u32,
    what: Missing,
    key: &str,
) -> Result<Option<Value>, Fault> {
    let Reply { status, rest, body } = match reply {
        Ok(reply) => reply,
        Err(NoReply::TooLarge(limit)) => return Err(Fault::Stays(EndpointError::AnswerTooLarge { limit })),
        Err(NoReply::Broken(why)) => {
            return Err(Fault::Passes(EndpointError::Unreachable { why: clean(&why, key), tries }));
        }
        Err(NoReply::Untrusted(why)) => {
            return Err(Fault::Stays(EndpointError::Unreachable { why: clean(&why, key), tries }));
        }
    };
    let stays = |error| Err(Fault::Stays(error));
    match status.as_u16() {
        200..=299 if body.iter().all(u8::is_ascii_whitespace) => Ok(None),
        200..=299 => serde_json::from_slice(&body)
            .map(Some)
            .map_err(|e| Fault::Passes(EndpointError::Unexpected { why: format!("it is not JSON: {e}") })),
        300..=399 => stays(EndpointError::Unexpected {
            why: format!("it redirects ({}), which is not followed because of the key", status.as_u16()),
        }),
        401 => stays(EndpointError::Unauthorized),
        403 => stays(EndpointError::Forbidden),
        404 => stays(EndpointError::NotFound { what }),
        429 => Err(Fault::Throttled(rest.unwrap_or(REST).min(LONGEST_REST))),
        // 408: the server waited for us; 5xx: it failed.
        code @ (408 | 500..=599) => {
            Err(Fault::Passes(EndpointError::Server { status: code, why: said(&body, key), tries }))
        }
        code => stays(EndpointError::Refused { status: code, why: said(&body, key) }),
    }
}

/// What an error's answer says.
fn said(body: &[u8], key: &str) -> String {
    let text = String::from_utf8_lossy(body);
    job::sentence(&Value::String(text.into_owned()), key)
        .unwrap_or_else(|| "nothing more was said".to_owned())
}
