//! What can go wrong between a client and an endpoint.

use std::time::Duration;

/// Longest piece of foreign text in an error, in characters: a sentence or two.
const SHOWN: usize = 300;

/// Why an endpoint did not do what it was asked. Never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The HTTP client cannot be set up on this machine.
    #[error("cannot set up an HTTPS client: {why}")]
    Setup {
        /// Why.
        why: String,
    },
    /// The job does not fit into a request.
    #[error("the job is {bytes} bytes, more than the {limit} that RunPod takes in one request")]
    TooLarge {
        /// Size of the request's body.
        bytes: usize,
        /// [`RUN_LIMIT`](super::RUN_LIMIT).
        limit: usize,
    },
    /// 401.
    #[error("RunPod refused the API key (401)")]
    Unauthorized,
    /// 403.
    #[error("the API key may not use this endpoint (403)")]
    Forbidden,
    /// 404: no such job, or no such endpoint.
    #[error("RunPod knows no such {what} (404)")]
    NotFound {
        /// What was asked for.
        what: Missing,
    },
    /// 400 and other answers that say the request is wrong.
    #[error("RunPod refused the request ({status}): {why}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What it said.
        why: String,
    },
    /// 429, and the time for trying is over.
    #[error("RunPod says there were too many requests (429); it wants {} s of rest", after.as_secs())]
    Throttled {
        /// Rest that was asked for last.
        after: Duration,
    },
    /// 5xx, and the time for trying is over.
    #[error("RunPod failed ({status}) {tries} times, at last with: {why}")]
    Server {
        /// The last answer's status.
        status: u16,
        /// What it said.
        why: String,
        /// Requests made.
        tries: u32,
    },
    /// No answer, or not all of one, and the time for trying is over.
    #[error("no answer from RunPod after {tries} tries: {why}")]
    Unreachable {
        /// What happened last.
        why: String,
        /// Requests made.
        tries: u32,
    },
    /// An answer larger than anything that is meant to come.
    #[error("RunPod's answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// The limit that applied.
        limit: usize,
    },
    /// An answer that is not what the API promises.
    #[error("RunPod's answer makes no sense: {why}")]
    Unexpected {
        /// What is wrong with it.
        why: String,
    },
}

/// What a 404 speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The job: never existed, expired, or kept no longer.
    Job,
    /// The endpoint.
    Endpoint,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Job => "job",
            Self::Endpoint => "endpoint",
        })
    }
}

impl EndpointError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unauthorized => "set `RUNPOD_API_KEY` to a key of the account that owns the endpoint",
            Self::Forbidden => {
                "give the key the right to this endpoint in RunPod's console, under Settings, API Keys"
            }
            Self::NotFound { what: Missing::Endpoint } => {
                "check the endpoint's id (`--endpoint` or `RUNPOD_ENDPOINT_ID`)"
            }
            Self::TooLarge { .. } => {
                "use more shards, or push the repository so that workers fetch it themselves"
            }
            Self::Unreachable { .. } => "check the network, and the base URL if you set one",
            _ => return None,
        })
    }

    /// Whether the same request may well succeed later. What is not passing concerns every request alike, or this one
    /// for good.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Server { .. } | Self::Unreachable { .. } | Self::Unexpected { .. }
        )
    }
}

/// One line of foreign text: no key, no control characters, not long.
pub(super) fn clean(text: &str, key: &str) -> String {
    flaky_core::text::one_line(&text.replace(key, "…"), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_one_short_line_without_the_key() {
        for (text, expected) in [
            ("plain", "plain".to_owned()),
            ("  two\n\nlines\t\u{1b}[31mred\u{7}", "two lines [31mred".to_owned()),
            ("you sent rpa_KEY, twice: rpa_KEY", "you sent …, twice: …".to_owned()),
            ("", String::new()),
            (&"ä".repeat(1000), format!("{}…", "ä".repeat(300))),
            (&format!("{}rpa_KEY", "x".repeat(297)), format!("{}…", "x".repeat(297))),
        ] {
            assert_eq!(clean(text, "rpa_KEY"), expected);
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        let why = String::new;
        for (error, passing) in [
            (EndpointError::Throttled { after: Duration::ZERO }, true),
            (EndpointError::Server { status: 500, why: why(), tries: 1 }, true),
            (EndpointError::Unreachable { why: why(), tries: 1 }, true),
            (EndpointError::Unexpected { why: why() }, true),
            (EndpointError::Unauthorized, false),
            (EndpointError::Forbidden, false),
            (EndpointError::NotFound { what: Missing::Job }, false),
            (EndpointError::Refused { status: 400, why: why() }, false),
            (EndpointError::TooLarge { bytes: 1, limit: 0 }, false),
            (EndpointError::AnswerTooLarge { limit: 1 }, false),
        ] {
            assert_eq!(error.is_passing(), passing, "{error:?}");
        }
    }
}
