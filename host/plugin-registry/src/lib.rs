//! Where plugins come from that are not on this machine.
//!
//! Reading order: [`Lock`] (what `.flaky-detector.lock` says) → [`Supply`] (from a name to bytes, by lock, vendored file,
//! store and network, in this order) → [`Registry`] (web servers and OCI registries) → [`Store`] (what was fetched before).
//!
//! # What always holds
//!
//! - Bytes are handed out only when they have the digest that the configuration, the lock or the manifest names. They are
//!   hashed while they arrive and again each time they are read.
//! - Nothing half-fetched stays: a component is written under a temporary name and gets its own when it is whole.
//! - Everything that others send has a largest size, and every request an end. Redirects are followed by rules, and
//!   credentials go to the registry and its token service alone.
//! - Nothing here knows what a component is, or runs one.

mod auth;
mod credentials;
mod error;
mod lock;
mod oci;
mod publish;
mod pull;
mod registry;
mod store;
mod supply;
mod vendor;
mod wire;

pub use credentials::{Credentials, CredentialsError};
pub use error::{Piece, RegistryError, RegistryErrorKind};
pub use lock::{
    InvalidLock, InvalidName, LOCK_FILE_NAME, Lock, LockError, LockErrorKind, LockedPlugin, PluginName,
};
pub use oci::ArtifactNotes;
pub use publish::{Overwrite, Published};
pub use registry::{Expected, Fetched, Registry, Resolved};
pub use store::{Store, StoreError};
pub use supply::{Came, LockRule, Network, Obtained, Standing, Supply, SupplyError, Wanted};
pub use vendor::{VENDOR_FOLDER, Vendored, forget, vendor};
pub use wire::Patience;
