//! `plugins/dist/manifest.json`: what the committed components are and what they were made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Result, read};

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
pub(crate) struct Entry {
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Hash of what it was made of.
    pub(crate) source: String,
    pub(crate) roles: Vec<String>,
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
}
