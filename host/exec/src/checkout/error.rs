//! Why sources could not be fetched, and what to do about it.

use std::fmt;
use std::time::Duration;

/// Why there is no checkout.
#[derive(Debug)]
pub struct CheckoutError {
    /// Without credentials.
    pub(super) url: String,
    pub(super) kind: Box<CheckoutErrorKind>,
}

impl CheckoutError {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &CheckoutErrorKind {
        &self.kind
    }

    /// Whether it ended because it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.kind, CheckoutErrorKind::Cancelled)
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.kind.hint()
    }
}

impl fmt::Display for CheckoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            CheckoutErrorKind::TimedOut(limit) => {
                write!(f, "Repository clone timed out after {}: `{}`", limit_text(*limit), self.url)
            }
            kind => write!(f, "Failed to clone repository: `{}`: {kind}", self.url),
        }
    }
}

impl std::error::Error for CheckoutError {}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutErrorKind {
    /// No server answered, or what answered does not speak git.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The server says that there is no such repository (or that we may not know of it).
    #[error("the server has no such repository, or does not show it without access")]
    NotFound,
    /// The server wants to know who asks, and nothing that was offered convinced it.
    #[error("access denied; offered: {}", list(offered, "nothing"))]
    Auth {
        /// What was offered, without secrets.
        offered: Vec<String>,
    },
    /// The server's TLS certificate is not to be trusted.
    #[error("the server's certificate is not valid: {0}")]
    Certificate(String),
    /// Nothing is known of this SSH host.
    #[error("the SSH host key of `{host}` is unknown: {key_type} {fingerprint}{}", other_types(known_types))]
    HostKeyUnknown {
        /// As files of known hosts name it.
        host: String,
        /// Such as `ssh-ed25519`.
        key_type: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// Types of keys that are known of this host.
        known_types: Vec<String>,
        /// What to add to a file of known hosts once the fingerprint was compared.
        line: String,
    },
    /// Another key of this type is known of the host: somebody may sit in between.
    #[error(
        "THE SSH HOST KEY OF `{host}` HAS CHANGED: it shows {key_type} {fingerprint}, but {place} has another one; somebody may be \
         intercepting the connection"
    )]
    HostKeyChanged {
        /// As files of known hosts name it.
        host: String,
        /// Such as `ssh-ed25519`.
        key_type: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// Where the other key stands.
        place: String,
    },
    /// The key is marked `@revoked`.
    #[error("the SSH host key of `{host}` is revoked by {place}: {fingerprint}")]
    HostKeyRevoked {
        /// As files of known hosts name it.
        host: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// Where it says so.
        place: String,
    },
    /// The repository has no such branch, tag or reference.
    #[error("there is no branch, tag or reference `{0}`")]
    RefNotFound(String),
    /// Nothing was ever committed.
    #[error("the repository is empty")]
    Empty,
    /// The repository has no such commit, or the server does not give it away.
    #[error("there is no commit `{0}` on any branch or tag")]
    CommitNotFound(String),
    /// More than one object starts with these digits.
    #[error("the commit `{0}` is ambiguous")]
    CommitAmbiguous(String),
    /// Both were given, and the commit is not in the history of the reference.
    #[error("the commit `{commit}` is not in the history of `{reference}`: they disagree")]
    Disagree {
        /// As given.
        commit: String,
        /// As given.
        reference: String,
    },
    /// Files are pointers to a Git LFS server: tests would read the pointers.
    #[error("{} in Git LFS and could not be fetched: {}", files(*count), paths.join(", "))]
    Lfs {
        /// How many.
        count: usize,
        /// The first few.
        paths: Vec<String>,
    },
    /// A submodule could not be fetched: tests that need it would fail.
    #[error("the submodule `{path}` at `{url}`: {why}")]
    Submodule {
        /// Where it belongs in the work tree.
        path: String,
        /// Without credentials.
        url: String,
        /// What went wrong there.
        why: Box<CheckoutErrorKind>,
    },
    /// A submodule is not fetched on purpose, though others might.
    #[error("the submodule `{path}` is not fetched: {why}")]
    SubmoduleRefused {
        /// Where it belongs in the work tree.
        path: String,
        /// Why not.
        why: String,
    },
    /// It took too long.
    #[error("timed out after {}", limit_text(*.0))]
    TimedOut(Duration),
    /// It was asked to end.
    #[error("interrupted")]
    Cancelled,
    /// Something of this machine.
    #[error("could not {step}: {why}")]
    Io {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        why: String,
    },
}

impl CheckoutErrorKind {
    /// Whether asking the same server for something else would surely end in the same.
    pub(super) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Auth { .. }
                | Self::Certificate(_)
                | Self::HostKeyUnknown { .. }
                | Self::HostKeyChanged { .. }
                | Self::HostKeyRevoked { .. }
        )
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unreachable(_) => {
                "check the host name, the network and the proxy; `~/.ssh/config` is not read, so host aliases do not work"
            }
            Self::NotFound => {
                "check the URL; for a private repository put an access token into the variable `FLAKY_GIT_TOKEN`"
            }
            Self::Auth { .. } => {
                "with https put an access token into the variable `FLAKY_GIT_TOKEN`; with SSH load a key into ssh-agent, or \
                 have one without passphrase in `~/.ssh`"
            }
            Self::Certificate(_) => {
                "install the package `ca-certificates`, or name the authority that signed it with the variable `SSL_CERT_FILE`; \
                 there is no switch to skip the check"
            }
            Self::HostKeyUnknown { line, .. } => {
                return Some(format!(
                    "compare the fingerprint with the one its owner publishes, then add this line to `~/.ssh/known_hosts` or \
                     to the file that `FLAKY_KNOWN_HOSTS` names: {line}"
                ));
            }
            Self::HostKeyChanged { .. } => {
                "ask the owner of the server; only when the key was really replaced, replace the old line"
            }
            Self::RefNotFound(_) => "a pull request's own commits are at `refs/pull/NUMBER/head`",
            Self::CommitNotFound(_) => "name the branch or reference that has it with `--ref`",
            Self::CommitAmbiguous(_) => "give all 40 digits",
            Self::Disagree { .. } => "leave out one of the two, or give those that belong together",
            Self::Lfs { .. } => {
                "clone with `git lfs` yourself and give the folder; files that tests do not need can be left out with \
                 `lfs.fetchexclude` there"
            }
            Self::Submodule { why, .. } => match **why {
                Self::Auth { .. } | Self::NotFound => {
                    "the access token or SSH key is shown to the server of the repository alone, and must open the submodule too; or \
                     clone with submodules yourself and give the folder"
                }
                _ => return why.hint(),
            },
            Self::SubmoduleRefused { .. } => "clone with submodules yourself and give the folder",
            Self::TimedOut(_) => "raise the time limit, or clone yourself and give the folder",
            Self::HostKeyRevoked { .. } | Self::Empty | Self::Cancelled | Self::Io { .. } => return None,
        };
        Some(text.to_owned())
    }
}

pub(super) fn io(step: &'static str, why: &impl ToString) -> CheckoutErrorKind {
    CheckoutErrorKind::Io { step, why: why.to_string() }
}

/// The original's sentence says minutes.
fn limit_text(limit: Duration) -> String {
    let (number, unit) = match limit.as_secs() {
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    if limit.subsec_nanos() > 0 {
        return format!("{} seconds", limit.as_secs_f64());
    }
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn list(items: &[String], none: &str) -> String {
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

fn other_types(known: &[String]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!(" (known are its keys of type {})", known.join(", "))
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file is".into() } else { format!("{count} files are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_reads_like_the_originals_sentence() {
        let cases = [
            (Duration::from_secs(300), "Repository clone timed out after 5 minutes: `u`"),
            (Duration::from_secs(60), "Repository clone timed out after 1 minute: `u`"),
            (Duration::from_secs(90), "Repository clone timed out after 90 seconds: `u`"),
            (Duration::from_secs(1), "Repository clone timed out after 1 second: `u`"),
            (Duration::from_millis(1_500), "Repository clone timed out after 1.5 seconds: `u`"),
        ];
        for (limit, expected) in cases {
            let error = CheckoutError { url: "u".into(), kind: Box::new(CheckoutErrorKind::TimedOut(limit)) };
            assert_eq!(error.to_string(), expected);
        }
    }
}
