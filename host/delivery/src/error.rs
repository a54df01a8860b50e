//! What can go wrong while deliveries are carried out. No text here holds a secret.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use flaky_core::grant::Grant;
use flaky_core::origin::Origin;

use crate::forge::ForgeError;

/// What came of a delivery that did not arrive as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It failed.
    #[error(transparent)]
    Failed(#[from] DeliveryError),
    /// It was left out, or not all of it was told, for a reason that is no fault: to be printed, not counted.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Trouble {
    /// Whether the exit code speaks of it.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl From<ForgeError> for Trouble {
    fn from(error: ForgeError) -> Self {
        if error.is_permission() {
            Lost::Permission(error).into()
        } else {
            DeliveryError::Forge(error).into()
        }
    }
}

impl DeliveryError {
    /// The grant without which it failed.
    #[must_use]
    pub fn lacks(&self) -> Option<Grant> {
        let Self::Http(error) = self else { return None };
        match error.as_ref() {
            HttpError::NotGranted { lacks, .. } => lacks.clone().map(Grant::Http),
            HttpError::SecretNotGranted { name } => name.parse().ok().map(Grant::Secret),
            _ => None,
        }
    }
}

impl From<HttpError> for DeliveryError {
    fn from(error: HttpError) -> Self {
        Self::Http(Box::new(error))
    }
}

/// What is left out without being a fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The job's token may not do it. Forks and careful workflows have such tokens.
    #[error("{0}")]
    Permission(ForgeError),
    /// No pull request belongs to the commit, or it is not clear which one.
    #[error("no comment was made: no pull request, or not exactly one, has this commit as its head")]
    NoPullRequest,
    /// The pull request has moved on, and a comment there speaks of something newer, or nothing was found out.
    #[error("the comment was left alone: this speaks for `{commit}`, and the head is `{head}` by now")]
    OlderCommit {
        /// What it speaks for, in short.
        commit: String,
        /// What the head is.
        head: String,
    },
    /// More annotations than the platform shows.
    #[error("{left} annotations were left out: {why}")]
    Annotations {
        /// How many.
        left: usize,
        /// The limit.
        why: &'static str,
    },
    /// Something about the surroundings is not known.
    #[error("{what} is not known: {error}")]
    Unknown {
        /// What.
        what: &'static str,
        /// Why not.
        error: ForgeError,
    },
    /// A variable that nothing can be read from.
    #[error("`{name}` is ignored: {why}")]
    Variable {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// A delivery that failed. The run's own result is not touched by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Writing.
    #[error("`{}` cannot be written: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The reporter named a file outside the output folder.
    #[error("asked for the file `{path}`, which is not below the output folder")]
    Outside {
        /// What it asked for.
        path: String,
    },
    /// A kind that has no way out in this version.
    #[error("asked for a delivery of kind `{kind}`, which `flaky` does not make here")]
    Unsupported {
        /// Which kind.
        kind: &'static str,
    },
    /// A kind that only a CI platform has a place for.
    #[error("asked for a delivery of kind `{kind}`, which needs `{needs}`")]
    NotHere {
        /// Which kind.
        kind: &'static str,
        /// The variable that is not there.
        needs: &'static str,
    },
    /// More than the platform takes.
    #[error("the {what} has {size} {unit}, more than the {limit} that the platform takes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// The platform's limit.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// An output that later steps of a workflow must not be given.
    #[error("the output `{name}` is refused: {why}")]
    Output {
        /// Its name, cleaned.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A key of a comment that cannot stand in its marker.
    #[error("`{key}` is no key of a comment: letters, digits and single `-`, `_`, `.`, 64 at most")]
    Key {
        /// What it was, cleaned.
        key: String,
    },
    /// A check with a conclusion that nobody knows.
    #[error("`{conclusion}` is no conclusion of a check: `success`, `neutral` or `failure`")]
    Conclusion {
        /// What it was, cleaned.
        conclusion: String,
    },
    /// An HTTP request.
    #[error(transparent)]
    Http(Box<HttpError>),
    /// GitHub or GitLab.
    #[error(transparent)]
    Forge(#[from] ForgeError),
}

/// Why an HTTP request was not made, or of no use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The reporter may not use this secret.
    #[error("the secret `{name}` is not granted to this reporter")]
    SecretNotGranted {
        /// Which.
        name: String,
    },
    /// The variable is not set, or empty.
    #[error("the variable `{name}` is not set")]
    SecretMissing {
        /// Which.
        name: String,
    },
    /// Its value cannot stand where it should.
    #[error("the value of `{name}` has characters that cannot stand there")]
    SecretUnusable {
        /// Which.
        name: String,
    },
    /// A body with placeholders that is neither JSON nor a form nor plain text.
    #[error("the body has placeholders of secrets, but is no {wanted}")]
    Body {
        /// What it would have to be.
        wanted: &'static str,
    },
    /// A method that is not made.
    #[error("the method `{method}` is not made: {}", crate::http::METHODS.join(", "))]
    Method {
        /// Which, cleaned.
        method: String,
    },
    /// A header that reporters do not set, or none at all.
    #[error("the header `{name}` is refused")]
    Header {
        /// Which, cleaned.
        name: String,
    },
    /// Not a place that requests go to.
    #[error("the URL `{shown}` is refused: {why}")]
    Url {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody has allowed the origin.
    #[error("`{origin}` is not among the origins granted to this reporter")]
    NotGranted {
        /// Where it leads, without anything secret.
        origin: String,
        /// What would have to be granted; `None`: the origin is secret itself.
        lacks: Option<Origin>,
    },
    /// The name leads into somebody's own network.
    #[error("`{shown}` leads to {address}, which is not a public address; name the origin to allow it")]
    Private {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// What it leads to.
        address: IpAddr,
    },
    /// More than is sent.
    #[error("the body has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Redirected to where nothing is sent.
    #[error("`{shown}` redirects ({status}), which is not followed: {why}")]
    Redirect {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// The answer's.
        status: u16,
        /// Why not.
        why: String,
    },
    /// The receiver said no.
    #[error("`{shown}` answered {status}: {why}")]
    Refused {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// The answer's.
        status: u16,
        /// What it said.
        why: String,
    },
    /// The receiver wants more rest than there is time for.
    #[error("`{shown}` says there were too many requests; it wants {} s of rest", rest.as_secs())]
    Throttled {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// The rest that it asked for last; zero where it did not say.
        rest: Duration,
    },
    /// No answer.
    #[error("no answer from `{shown}` after {tries} {}: {why}", if *tries == 1 { "try" } else { "tries" })]
    Unreachable {
        /// As the reporter gave it, with its placeholders.
        shown: String,
        /// What happened last.
        why: String,
        /// Requests made.
        tries: u32,
    },
}
