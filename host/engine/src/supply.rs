//! Components that are not on this machine. Who brings them, and by what rules, is not the engine's business.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use flaky_config::{PluginAddress, PluginRef};
use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_exec::checkout::RepositorySource;
use flaky_plugin_host::PluginHost;

use crate::plugins::LoadError;
use crate::run::RunRequest;

/// What is brought, by its name.
pub type Brought = HashMap<RemotePlugin, Vec<u8>>;

/// Brings components before anything runs.
pub trait PluginSupply: fmt::Debug + Send + Sync {
    /// What a lock of this text says of a plugin: for whoever decides whose lock counts.
    fn locked(&self, lock: &str, source: &RemotePlugin) -> Locked;

    /// All that are wanted, or why one cannot be had. Where an entry names a digest, nothing else is brought, whatever the
    /// lock says.
    fn bring<'a>(
        &'a self,
        host: &'a PluginHost,
        wanted: &'a [&'a PluginRef],
        place: &'a SupplyPlace,
    ) -> Bringing<'a>;
}

/// What a lock says of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// Its digest.
    Digest(Sha256Digest),
    /// Nothing.
    Missing,
    /// It is no lock: nothing is brought by it.
    Unreadable,
}

/// What [`PluginSupply::bring`] returns.
pub type Bringing<'a> = Pin<Box<dyn Future<Output = Result<Brought, NoComponent>> + Send + 'a>>;

/// Where what is said of components stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplyPlace {
    /// The folder of the configuration, or where one would stand.
    pub folder: PathBuf,
    /// Whose folder it is.
    pub owner: Owner,
}

/// Whose a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The user's own: what is found out may be written there.
    User,
    /// One that was fetched: it is gone after the run.
    Nobody,
}

/// A component that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct NoComponent {
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether a network, a server or a disk failed, and not what somebody wrote or sent.
    pub outage: bool,
}

/// Those that have to be fetched.
///
/// # Errors
/// When one cannot be had, or there is nobody who would fetch it.
pub async fn bring(
    supply: Option<&dyn PluginSupply>,
    host: &PluginHost,
    named: &[PluginRef],
    place: &SupplyPlace,
) -> Result<Brought, LoadError> {
    let wanted: Vec<&PluginRef> =
        named.iter().filter(|plugin| matches!(plugin.source, PluginAddress::Remote(_))).collect();
    match (wanted.first(), supply) {
        (None, _) => Ok(Brought::new()),
        (Some(first), None) => Err(LoadError::NotHere { plugin: first.source.to_string() }),
        (Some(_), Some(supply)) => Ok(supply.bring(host, &wanted, place).await?),
    }
}

/// The folder that the configuration of a run stands in.
pub(crate) fn place(request: &RunRequest, tree: &Path) -> SupplyPlace {
    match (&request.config, &request.source) {
        (Some(file), _) => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            SupplyPlace { folder: folder.unwrap_or(Path::new(".")).to_owned(), owner: Owner::User }
        }
        (None, RepositorySource::Local(_)) => SupplyPlace { folder: tree.to_owned(), owner: Owner::User },
        (None, RepositorySource::Remote(_)) => SupplyPlace { folder: tree.to_owned(), owner: Owner::Nobody },
    }
}
