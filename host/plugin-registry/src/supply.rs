//! From a name to bytes: by the lock, from the repository, from the store, from the network, in this order.

use std::path::PathBuf;

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;

use crate::error::RegistryError;
use crate::lock::{Lock, LockedPlugin};
use crate::registry::{Expected, Registry};
use crate::store::{Found, Store, StoreError, read_exactly};
use crate::vendor;

/// What a missing entry of the lock means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockRule {
    /// An error: what runs is what was locked.
    Locked,
    /// The name is looked up, and what it means now is used.
    Fill,
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Yes.
    Online,
    /// Only what is here already counts.
    Offline,
}

/// Brings components.
#[derive(Debug)]
pub struct Supply {
    /// Servers.
    pub registry: Registry,
    /// What was fetched before.
    pub store: Store,
    /// What names stand for.
    pub lock: Lock,
    /// The folder of the lock; vendored components stand below it. `None`: they do not count.
    pub folder: Option<PathBuf>,
    /// What a missing entry means.
    pub rule: LockRule,
    /// Whether the network may be used.
    pub network: Network,
    /// Most bytes of a component.
    pub limit: u64,
}

/// A component that is to be brought.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub source: &'a RemotePlugin,
    /// Its digest, where the configuration says it.
    pub sha256: Option<&'a Sha256Digest>,
}

/// A component, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Sha256Digest,
    /// Digest of the manifest that named it, of those from registries.
    pub manifest: Option<Sha256Digest>,
    /// Where it came from.
    pub came: Came,
    /// What the lock says of it.
    pub standing: Standing,
}

/// Where a component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// From the repository.
    Vendored,
    /// From the store.
    Stored,
    /// Over the network.
    Fetched,
}

/// What the lock says of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// That these are its bytes.
    Locked,
    /// Nothing, and it need not: the configuration names the digest.
    Fixed,
    /// Nothing.
    New,
}

/// Why a component cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SupplyError {
    /// Nothing says which bytes are meant.
    #[error("`{source_text}` is not in `{lock}`", lock = crate::lock::LOCK_FILE_NAME)]
    NotLocked {
        /// The name.
        source_text: String,
    },
    /// The configuration says one digest, the lock another.
    #[error("`{source_text}` has sha256 {configured} in the configuration and {locked} in `{lock}`", lock = crate::lock::LOCK_FILE_NAME)]
    Differs {
        /// The name.
        source_text: String,
        /// What the configuration says.
        configured: Sha256Digest,
        /// What the lock says.
        locked: Sha256Digest,
    },
    /// It would have to be fetched.
    #[error("`{source_text}` is not here, and nothing is fetched with `--offline`")]
    Offline {
        /// The name.
        source_text: String,
    },
    /// A file of the repository that is not what was locked.
    #[error("`{}` is not the component that is locked for `{source_text}` (sha256 {expected})", path.display())]
    Vendored {
        /// The file.
        path: PathBuf,
        /// The name.
        source_text: String,
        /// What was locked.
        expected: Sha256Digest,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl SupplyError {
    /// Whether a network, a server or a disk failed, and not what somebody wrote or sent.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_outage(),
            Self::Store(error) => error.is_outage(),
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotLocked { .. } => Some(
                "run `flaky plugin update` and commit the lock; `--no-locked` looks it up this once".into(),
            ),
            Self::Differs { .. } => Some(
                "make sure which one is meant, correct the configuration, then run `flaky plugin update`"
                    .into(),
            ),
            Self::Offline { .. } => Some(
                "run `flaky plugin vendor` where there is a network, or leave `--offline` out once".into(),
            ),
            Self::Vendored { .. } => {
                Some("find out who changed the file, then run `flaky plugin vendor` to write it anew".into())
            }
            Self::Registry(error) => error.hint(),
            Self::Store(_) => None,
        }
    }
}

impl Supply {
    /// Brings one component. Nothing is written but the store.
    ///
    /// # Errors
    /// When it cannot be had, or is not what it has to be.
    pub async fn obtain(&self, wanted: Wanted<'_>) -> Result<Obtained, SupplyError> {
        let source_text = || wanted.source.to_string();
        let locked = self.lock.of(wanted.source);
        let (sha256, standing) = match (locked, wanted.sha256) {
            (Some(locked), Some(configured)) if locked.sha256 != *configured => {
                let (configured, locked) = (*configured, locked.sha256);
                return Err(SupplyError::Differs { source_text: source_text(), configured, locked });
            }
            (Some(locked), _) => (Some(locked.sha256), Standing::Locked),
            (None, Some(configured)) => (Some(*configured), Standing::Fixed),
            (None, None) if wanted.source.is_fixed() => (None, Standing::Fixed),
            (None, None) if self.rule == LockRule::Locked => {
                return Err(SupplyError::NotLocked { source_text: source_text() });
            }
            (None, None) => (None, Standing::New),
        };
        let manifest = locked.and_then(|locked| locked.resolved);
        if let Some(sha256) = sha256
            && let Some((bytes, came)) = self.here(wanted.source, locked, &sha256)?
        {
            return Ok(Obtained { bytes, sha256, manifest, came, standing });
        }
        if self.network == Network::Offline {
            return Err(SupplyError::Offline { source_text: source_text() });
        }
        let expected = Expected { manifest, component: sha256 };
        let fetched = self.registry.fetch(wanted.source, expected, &self.store).await?;
        let missing = || StoreError {
            path: PathBuf::from(format!("{}.wasm", fetched.sha256)),
            source: std::io::Error::other("what was fetched is gone"),
        };
        let bytes = self.store.read(&fetched.sha256)?.ok_or_else(missing)?;
        Ok(Obtained {
            bytes,
            sha256: fetched.sha256,
            manifest: fetched.manifest,
            came: Came::Fetched,
            standing,
        })
    }

    /// From the repository or the store.
    fn here(
        &self,
        source: &RemotePlugin,
        locked: Option<&LockedPlugin>,
        sha256: &Sha256Digest,
    ) -> Result<Option<(Vec<u8>, Came)>, SupplyError> {
        if let (Some(locked), Some(folder)) = (locked, &self.folder) {
            let path = vendor::path(folder, &locked.name);
            match read_exactly(&path, sha256, self.limit).map_err(StoreError::at(&path))? {
                Found::Whole(bytes) => return Ok(Some((bytes, Came::Vendored))),
                Found::Nothing => {}
                Found::Other => {
                    let (source_text, expected) = (source.to_string(), *sha256);
                    return Err(SupplyError::Vendored { path, source_text, expected });
                }
            }
        }
        Ok(self.store.read(sha256)?.map(|bytes| (bytes, Came::Stored)))
    }
}
