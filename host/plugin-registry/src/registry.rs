//! Web servers and OCI registries behind one face.

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::{OciAddress, RemotePlugin};

use crate::credentials::Credentials;
use crate::error::RegistryError;
use crate::oci::ArtifactNotes;
use crate::publish::{self, Overwrite, Published};
use crate::pull;
use crate::store::Store;
use crate::wire::{Patience, Wire};

/// Fetches and publishes.
#[derive(Debug)]
pub struct Registry {
    wire: Wire,
    credentials: Credentials,
    /// Most bytes of a component.
    limit: u64,
}

/// What a name means at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Of the manifest, where there is one.
    pub manifest: Option<Sha256Digest>,
    /// Of the component, where the manifest says it.
    pub component: Option<Sha256Digest>,
    /// From the manifest's annotations.
    pub version: Option<String>,
}

/// A component that is in the store now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its own digest.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Digest of the manifest that named it, where there is one.
    pub manifest: Option<Sha256Digest>,
}

/// What a component is known by before it is fetched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// Of the manifest.
    pub manifest: Option<Sha256Digest>,
    /// Of the component.
    pub component: Option<Sha256Digest>,
}

impl Registry {
    /// Nothing is connected to yet. Components have at most `limit` bytes.
    #[must_use]
    pub const fn new(credentials: Credentials, patience: Patience, limit: u64) -> Self {
        Self { wire: Wire::new(patience), credentials, limit }
    }

    /// Asks what a name means, without fetching the component.
    ///
    /// # Errors
    /// Whatever is between here and there.
    pub async fn resolve(&self, plugin: &RemotePlugin) -> Result<Resolved, RegistryError> {
        let resolved = match plugin {
            RemotePlugin::Https(_) => Ok(Resolved { manifest: None, component: None, version: None }),
            RemotePlugin::Oci(address) => pull::resolve(&self.wire, &self.credentials, address).await,
        };
        resolved.map_err(|kind| kind.at(plugin.as_str()))
    }

    /// Fetches a component into the store. It is kept only when it has the digests that it is known by.
    ///
    /// # Errors
    /// Whatever is between here and there; nothing is kept then.
    pub async fn fetch(
        &self,
        plugin: &RemotePlugin,
        expected: Expected,
        store: &Store,
    ) -> Result<Fetched, RegistryError> {
        let fetched = match plugin {
            RemotePlugin::Https(address) => {
                pull::https(&self.wire, address, expected.component, store, self.limit).await
            }
            RemotePlugin::Oci(address) => {
                pull::oci(&self.wire, &self.credentials, address, expected, store, self.limit).await
            }
        };
        fetched.map_err(|kind| kind.at(plugin.as_str()))
    }

    /// Publishes a component under a tag.
    ///
    /// # Errors
    /// Whatever is between here and there. What was sent before stays in the registry, where nothing names it.
    pub async fn publish(
        &self,
        address: &OciAddress,
        component: &[u8],
        notes: &ArtifactNotes,
        overwrite: Overwrite,
    ) -> Result<Published, RegistryError> {
        let published = publish::publish(&self.wire, &self.credentials, address, component, notes, overwrite);
        published.await.map_err(|kind| kind.at(address.as_str()))
    }
}
