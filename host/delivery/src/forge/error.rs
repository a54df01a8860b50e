//! What a forge says no with.

use std::time::Duration;

/// Why a forge did not do what it was asked. Never holds a token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{forge}: {what}: {kind}")]
pub struct ForgeError {
    /// `GitHub` or `GitLab`.
    pub forge: &'static str,
    /// What was asked for: method and path, or a variable.
    pub what: String,
    /// Why not.
    pub kind: ForgeErrorKind,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeErrorKind {
    /// A variable that the CI job has to hand over.
    #[error("the variable is not set")]
    Missing,
    /// A variable with a value that nothing can be done with.
    #[error("{why}")]
    Invalid {
        /// What is wrong with it. The value is not shown.
        why: String,
    },
    /// 401.
    #[error("the token is refused (401)")]
    Unauthorized,
    /// 403 that is no rate limit: for want of a permission, mostly.
    #[error("the token may not do this (403){}: {why}", needed.as_ref().map(|n| format!("; it needs the permission `{n}`")).unwrap_or_default())]
    Permission {
        /// As the forge names it: `pull_requests=write`, say.
        needed: Option<String>,
        /// What the forge said.
        why: String,
    },
    /// 404: not there, or not to be seen by this token.
    #[error("there is no such thing, or the token may not see it (404)")]
    NotFound,
    /// 422 and other answers that say that the request is wrong.
    #[error("the request is refused ({status}): {why}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What the forge said.
        why: String,
    },
    /// The rate limit is used up for longer than there is patience.
    #[error("the rate limit is used up for {} s", rest.as_secs())]
    Throttled {
        /// The rest that was asked for.
        rest: Duration,
    },
    /// 5xx, and the time for trying is over.
    #[error("it failed ({status}) {tries} {}: {why}", if *tries == 1 { "time" } else { "times" })]
    Server {
        /// The last answer's status.
        status: u16,
        /// What it said.
        why: String,
        /// Requests made.
        tries: u32,
    },
    /// No answer.
    #[error("no answer after {tries} {}: {why}", if *tries == 1 { "try" } else { "tries" })]
    Unreachable {
        /// What happened last.
        why: String,
        /// Requests made.
        tries: u32,
    },
    /// An answer that is not what the API promises.
    #[error("the answer makes no sense: {why}")]
    Unexpected {
        /// What is wrong with it.
        why: String,
    },
}

impl ForgeError {
    /// Whether the token is what is wrong: to be told, never a failure.
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(self.kind, ForgeErrorKind::Permission { .. })
    }

    /// Whether there is no such thing (any more).
    pub(crate) const fn is_not_found(&self) -> bool {
        matches!(self.kind, ForgeErrorKind::NotFound | ForgeErrorKind::Refused { status: 410, .. })
    }

    pub(crate) fn variable(forge: &'static str, name: &str, why: Option<String>) -> Self {
        let kind = why.map_or(ForgeErrorKind::Missing, |why| ForgeErrorKind::Invalid { why });
        Self { forge, what: format!("`{name}`"), kind }
    }
}
