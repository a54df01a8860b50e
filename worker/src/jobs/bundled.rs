//! The bundled plugins as native code, before there is a job.

use std::path::PathBuf;

use flaky_engine::builtins;
use flaky_plugin_host::{HostError, HostSettings, Limits, PluginError, PluginHost};

use super::settings::{Settings, SettingsError};

/// Why the bundled plugins could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The folders.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The engine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// One of them.
    #[error(transparent)]
    Plugin(#[from] Box<PluginError>),
    /// The cache keeps nothing.
    #[error("nothing is kept in the cache: {0}")]
    NotKept(String),
}

/// Compiles what jobs use into the cache, which is shared by all workers that are made from an image; gives the folder.
///
/// # Errors
/// When a plugin does not compile, or the cache does not keep it.
pub async fn compile_bundled(settings: &Settings) -> Result<PathBuf, CompileError> {
    settings.make_folders()?;
    let cache = settings.folders.components();
    let host = PluginHost::new(HostSettings { cache: Some(cache.clone()), limits: Limits::default() })?;
    for builtin in builtins::all().iter().filter(|b| !b.roles.reporter) {
        host.load(builtin.source()).await.map_err(Box::new)?;
    }
    match host.notes().first() {
        Some(note) => Err(CompileError::NotKept(note.to_string())),
        None => Ok(cache),
    }
}
