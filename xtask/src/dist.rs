//! `plugins/dist`: what the committed components are, what they were made of and what they say of themselves.
//!
//! `components.zst` holds all of them, one behind the other by name: much of each stands in the others too, so that together
//! they pack to a third of what they take one by one. `manifest.json` says how long each is; both this program and `flaky`
//! read it. Nothing lists them by hand.

use std::collections::BTreeMap;
use std::path::Path;

use flaky_plugin_host::Manifest;
use serde::{Deserialize, Serialize};

use crate::{Result, read};

/// Name of the list of components.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Name of the file with the components.
pub(crate) const COMPONENTS: &str = "components.zst";

/// The strongest level that is not "ultra"; one of those, or a longer window, saves 2 % more.
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

    /// All components, packed.
    pub(crate) fn pack(&self, components: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for name in self.plugins.keys() {
            all.extend(components.get(name).ok_or_else(|| format!("no component of `{name}`"))?);
        }
        Ok(zstd::bulk::compress(&all, LEVEL)?)
    }

    /// The components beside the manifest, by name.
    pub(crate) fn unpack(&self, folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
        let path = folder.join(COMPONENTS);
        let all = zstd::stream::decode_all(read(&path)?.as_slice())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let (mut rest, mut components) = (all.as_slice(), BTreeMap::new());
        for (name, entry) in &self.plugins {
            let (component, behind) = usize::try_from(entry.size)
                .ok()
                .and_then(|size| rest.split_at_checked(size))
                .ok_or_else(|| format!("{} ends before `{name}` does", path.display()))?;
            components.insert(name.clone(), component.to_vec());
            rest = behind;
        }
        if rest.is_empty() {
            Ok(components)
        } else {
            Err(format!("{} holds more than its manifest says", path.display()).into())
        }
    }
}
