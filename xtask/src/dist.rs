//! `plugins/dist`: what the committed components are, what they were made of and what they say of themselves.
//!
//! Beside the packed components stand `manifest.json`, which both this program and `flaky` read, and `bundled.rs`,
//! with which `flaky` takes them in. Nothing lists them by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use flaky_plugin_host::Manifest;
use serde::{Deserialize, Serialize};

use crate::{Result, read};

/// Name of the list of components.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Name of the Rust file that takes the components in.
pub(crate) const BUNDLED: &str = "bundled.rs";

/// What follows the name of a plugin in the name of its component's file.
pub(crate) const EXTENSION: &str = ".wasm.zst";

/// The strongest level that is not "ultra". Components shrink to a third; a stronger one saves 1 % more.
const LEVEL: i32 = 19;

/// The manifest beside a set of components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Dist {
    /// `rustc --version`.
    pub(crate) toolchain: String,
    pub(crate) wit_bindgen: String,
    /// Version of the contract.
    pub(crate) contract: String,
    pub(crate) plugins: BTreeMap<String, Entry>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Entry {
    /// Of the component, unpacked.
    pub(crate) sha256: String,
    /// Bytes, unpacked.
    pub(crate) size: u64,
    /// Hash of what it was made of.
    pub(crate) source: String,
    pub(crate) roles: Vec<String>,
    /// What the component says of itself.
    pub(crate) manifest: Manifest,
}

impl Dist {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        serde_json::from_slice(&read(path)?).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The Rust file, as rustfmt leaves it.
    pub(crate) fn to_rust(&self) -> String {
        let mut text = format!(
            "//! Made by `cargo xtask plugins`; changes are overwritten.\n\n\
             /// What the components are.\n\
             pub(super) const MANIFEST: &str = include_str!(\"{MANIFEST}\");\n\n\
             /// The components, packed, by name.\n\
             pub(super) const COMPONENTS: &[(&str, &[u8])] = &[\n"
        );
        for name in self.plugins.keys() {
            let _ = writeln!(text, "    (\"{name}\", include_bytes!(\"{name}{EXTENSION}\")),");
        }
        text.push_str("];\n");
        text
    }
}

/// Where the component of a plugin stands.
pub(crate) fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{EXTENSION}"))
}

pub(crate) fn pack(component: &[u8]) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(component, LEVEL)?)
}

/// The component of a plugin, unpacked.
pub(crate) fn unpacked(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = path(folder, name);
    zstd::stream::decode_all(read(&path)?.as_slice())
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
