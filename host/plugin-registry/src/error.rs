//! What goes wrong between here and a server.

use std::fmt;
use std::time::Duration;

use flaky_core::digest::Sha256Digest;

/// A plugin that could not be fetched or published.
#[derive(Debug, thiserror::Error)]
#[error("`{address}`: {kind}")]
pub struct RegistryError {
    /// As it was written.
    pub address: String,
    /// What went wrong.
    pub kind: RegistryErrorKind,
}

/// Part of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// The document that names the others.
    Manifest,
    /// What registries keep beside the component.
    Config,
    /// The WebAssembly itself.
    Component,
    /// What a token service answers.
    Token,
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Config => "configuration",
            Self::Component => "component",
            Self::Token => "token",
        })
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// Nobody answered, or the connection broke.
    #[error("`{host}` cannot be reached: {why}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What the network said.
        why: String,
    },
    /// It took too long.
    #[error("`{host}` did not answer within {} s", after.as_secs_f64())]
    Late {
        /// Who was asked.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// TLS or the proxy cannot be set up on this machine.
    #[error("no connection can be made from here: {0}")]
    Setup(String),
    /// An address from the outside that is none.
    #[error("the server names an address that is none: `{0}`")]
    Address(String),
    /// The server has nothing of that name.
    #[error("`{host}` has no such {piece}")]
    NotFound {
        /// Who was asked.
        host: String,
        /// What was asked for.
        piece: Piece,
    },
    /// Without the right credentials.
    #[error("`{host}` refuses access{}", if *with_credentials { ": the credentials do not suffice" } else { ": it asks for credentials" })]
    Denied {
        /// Who was asked.
        host: String,
        /// Whether some were sent.
        with_credentials: bool,
    },
    /// A token service that is none of the registry's.
    #[error("the registry asks for a token of `{realm}`, and credentials are not sent there")]
    Realm {
        /// Where they would have gone.
        realm: String,
    },
    /// Credentials of a kind that is not read, or that cannot be.
    #[error(transparent)]
    Credentials(#[from] crate::credentials::CredentialsError),
    /// Another status.
    #[error("`{host}` answers {status} where the {piece} was asked for{}", behind(said))]
    Status {
        /// Who was asked.
        host: String,
        /// What it answered.
        status: u16,
        /// For what.
        piece: Piece,
        /// What it said of it, cleaned and cut.
        said: String,
    },
    /// A redirect that is not followed.
    #[error("`{host}` sends elsewhere for the {piece}: {why}")]
    Redirect {
        /// Who sends.
        host: String,
        /// For what.
        piece: Piece,
        /// Why it is not followed.
        why: String,
    },
    /// More bytes than such a thing may have.
    #[error("the {piece} has {} bytes, and at most {limit} are taken", size.map_or_else(|| "more".to_owned(), |size| size.to_string()))]
    TooLarge {
        /// Of what.
        piece: Piece,
        /// As far as it is known.
        size: Option<u64>,
        /// Most that is taken.
        limit: u64,
    },
    /// Fewer or more bytes than were announced.
    #[error("the {piece} ends after {found} bytes of {expected}")]
    Truncated {
        /// Of what.
        piece: Piece,
        /// What was announced.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Other bytes than were asked for.
    #[error("the {piece} has the digest sha256:{found}, and sha256:{expected} was asked for")]
    Digest {
        /// Of what.
        piece: Piece,
        /// What was asked for.
        expected: Sha256Digest,
        /// What came.
        found: Sha256Digest,
    },
    /// Not the layout of a plugin.
    #[error("this is no plugin: {0}")]
    Layout(String),
    /// A version that was published before, with other bytes.
    #[error("`{tag}` is published already, with the digest sha256:{found}")]
    Exists {
        /// The version.
        tag: String,
        /// What is there.
        found: Sha256Digest,
    },
    /// Something is published by tag, not by digest.
    #[error("a plugin is published under a version, not under a digest")]
    DigestToPublish,
    /// The folder of fetched components.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

fn behind(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl RegistryErrorKind {
    pub(crate) fn at(self, address: impl Into<String>) -> RegistryError {
        RegistryError { address: address.into(), kind: self }
    }
}

impl RegistryError {
    /// Whether a network or a server failed, and not what somebody wrote or sent.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match &self.kind {
            RegistryErrorKind::Unreachable { .. }
            | RegistryErrorKind::Late { .. }
            | RegistryErrorKind::Setup(_) => true,
            RegistryErrorKind::Status { status, .. } => *status >= 500 || *status == 429,
            RegistryErrorKind::Store(error) => error.is_outage(),
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match &self.kind {
            RegistryErrorKind::Unreachable { .. } | RegistryErrorKind::Late { .. } => {
                "`flaky plugin vendor` keeps plugins in the repository, and `--offline` needs no network"
            }
            RegistryErrorKind::NotFound { piece: Piece::Manifest, .. } => {
                "look at repository and version; where access is needed, some registries say the same"
            }
            RegistryErrorKind::Denied { .. } => {
                "log in with `docker login HOST`, or set `FLAKY_REGISTRY_USER` and `FLAKY_REGISTRY_PASSWORD`"
            }
            RegistryErrorKind::Realm { .. } => {
                "give a registry whose token service is on the same domain, or one that takes user and password"
            }
            RegistryErrorKind::Digest { .. } => {
                "what is there is not what was locked: find out who changed it before `flaky plugin update` takes it"
            }
            RegistryErrorKind::Exists { .. } => {
                "publish under a new version, or say `--overwrite`: whoever has locked the old one keeps it"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
