//! What all tests of this crate need: a host with small limits, guests by name, an attempt.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod bombs;
pub(crate) mod calls;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_plugin_host::{
    AttemptInput, BlobInput, HostSettings, Limits, Plugin, PluginError, PluginHost, PluginSource,
};
use serde_json::json;

/// Time of one call that is to reach it.
pub(crate) const TIME: Duration = Duration::from_millis(400);

/// Time of any other call: long enough for an honest one on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Memory of one instance in tests.
pub(crate) const MEMORY: usize = 32 << 20;

pub(crate) fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/dist").join(format!("{name}.wasm"))
}

pub(crate) fn source(name: &str) -> PluginSource {
    PluginSource::file(&guest(name)).unwrap()
}

/// Compiled guests are shared by the tests of one process.
fn cache() -> &'static Path {
    static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
    CACHE.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// A host for guests that do this: what never ends has little time.
pub(crate) fn host_for(deed: &str) -> PluginHost {
    let endless = ["loop", "sleep"].iter().any(|word| deed.contains(word));
    host_with(Limits { time: if endless { TIME } else { PATIENCE }, memory: MEMORY })
}

pub(crate) fn host() -> PluginHost {
    host_for("nothing")
}

pub(crate) fn host_with(limits: Limits) -> PluginHost {
    PluginHost::new(HostSettings { cache: Some(cache().to_owned()), limits }).unwrap()
}

pub(crate) async fn load(name: &str) -> Result<Plugin, PluginError> {
    host_for(name).load(source(name)).await
}

/// For guests that are to fail for another reason than time or memory: 200 MB has to fit first.
pub(crate) fn generous() -> PluginHost {
    host_with(Limits { time: Duration::from_secs(60), memory: 512 << 20 })
}

/// The hostile guest, told what to do in which call.
pub(crate) async fn hostile(call: &str, what: &str) -> Plugin {
    try_hostile("hostile", call, what).await.unwrap()
}

pub(crate) async fn try_hostile(name: &str, call: &str, what: &str) -> Result<Plugin, PluginError> {
    let host = host_for(what);
    host.load(source(name)).await?.configured(&json!({ "call": call, "do": what })).await
}

pub(crate) fn attempt(stdout: &str) -> AttemptInput {
    let bytes = |text: &str| BlobInput::Bytes(Arc::from(text.as_bytes()));
    AttemptInput {
        index: AttemptIndex(3),
        seed: Seed(42),
        command: vec!["pytest".into()],
        exit: Exit::Code(1),
        duration: Duration::from_secs(1),
        conditions: Vec::new(),
        stdout: bytes(stdout),
        stderr: bytes(""),
        reports: Vec::new(),
        tree: Vec::new(),
    }
}
