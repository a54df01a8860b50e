//! Components as `flaky` itself loads them.

use std::borrow::Cow;
use std::path::Path;

use flaky_plugin_host::{ComponentBytes, HostSettings, Limits, Plugin, PluginHost, PluginSource};
use tokio::runtime::{Builder, Runtime};

use crate::Result;

/// A host of plugins, and what its calls run on.
pub(crate) struct Hosted {
    runtime: Runtime,
    host: PluginHost,
}

impl Hosted {
    /// Compiled components are kept below `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let settings = HostSettings { cache: Some(folder.join("native")), limits: Limits::default() };
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { runtime, host: PluginHost::new(settings)? })
    }

    /// Loads the component of a bundled plugin.
    pub(crate) fn load(&self, name: &str, component: Vec<u8>) -> Result<Plugin> {
        let bytes = ComponentBytes::Plain(Cow::Owned(component));
        let source = PluginSource { label: format!("builtin:{name}"), bytes, trusted: true };
        Ok(self.block_on(self.host.load(source))?)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}
