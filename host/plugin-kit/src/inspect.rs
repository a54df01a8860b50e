//! `flaky plugin inspect`: what a component is, also where this host refuses it.

use std::borrow::Cow;
use std::path::Path;

use flaky_plugin_host::{ComponentBytes, Manifest, PluginError, PluginHost, PluginSource, Want};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::component::Interfaces;

/// Version of [`Inspection`].
pub const INSPECT_VERSION: u32 = 1;

/// What `flaky plugin inspect --json` writes. Fields are only ever added within one `inspect_version`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Inspection {
    /// Version of this document's shape.
    pub inspect_version: u32,
    /// The file as it was named.
    pub file: String,
    /// Bytes in it.
    pub size: u64,
    /// Of these bytes, in hexadecimal.
    pub sha256: String,
    /// What it can be asked.
    pub roles: Vec<InspectedRole>,
    /// Interfaces that it imports, with versions.
    pub imports: Vec<String>,
    /// Interfaces that it exports, with versions.
    pub exports: Vec<String>,
    /// What it says of itself; null where it was not run because it is refused.
    pub manifest: Option<InspectedManifest>,
    /// Why this `flaky` refuses it; null where it does not.
    pub refused: Option<Refusal>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InspectedRole {
    /// Name in the contract.
    pub name: String,
    /// Version of the contract that it was built for.
    pub contract: String,
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct InspectedManifest {
    /// What it calls itself.
    pub name: String,
    /// By convention a semantic version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// JSON Schema of its settings; null where it takes none.
    pub settings_schema: Option<Value>,
    /// What it asks to be given or allowed.
    pub wants: Vec<InspectedWant>,
}

/// Something that a plugin asks to be given or allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InspectedWant {
    /// `report-files`, `tree-files`, `project-files`, `http`, `secret` or `commands`.
    pub kind: String,
    /// Glob, origin or name; null for `commands`.
    pub value: Option<String>,
}

/// Why a component is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refusal {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Looks into a component. What it is by its type comes first; then the host is asked, which runs nothing of a component
/// that it refuses.
///
/// # Errors
/// A file that cannot be read, or that is no component at all.
pub async fn inspect(host: &PluginHost, path: &Path) -> Result<Inspection, PluginError> {
    let source = PluginSource::file(path)?;
    let bytes = match &source.bytes {
        ComponentBytes::Plain(bytes) => Cow::Borrowed(bytes.as_ref()),
        // A file is not; and one that cannot be unpacked is no component, which the host says.
        ComponentBytes::Packed(packed) => Cow::Owned((packed.unpack)(packed.number).unwrap_or_default()),
    };
    let (size, sha256, interfaces) = (bytes.len() as u64, hex(&bytes), Interfaces::of(&bytes));
    let file = source.label.clone();
    let (manifest, refused) = match host.load(source).await {
        Ok(plugin) => (Some(InspectedManifest::from(plugin.manifest())), None),
        Err(error) => (None, Some(Refusal { why: error.to_string(), hint: error.hint() })),
    };
    let roles = interfaces.as_ref().map(Interfaces::roles).unwrap_or_default();
    let interfaces = interfaces.unwrap_or(Interfaces { imports: Vec::new(), exports: Vec::new() });
    Ok(Inspection {
        inspect_version: INSPECT_VERSION,
        file,
        size,
        sha256,
        roles: roles.into_iter().map(|r| InspectedRole { name: r.name, contract: r.contract }).collect(),
        imports: interfaces.imports,
        exports: interfaces.exports,
        manifest,
        refused,
    })
}

impl From<&Manifest> for InspectedManifest {
    fn from(manifest: &Manifest) -> Self {
        let schema = manifest.settings_schema.as_deref();
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            summary: manifest.summary.clone(),
            settings_schema: schema.and_then(|text| serde_json::from_str(text).ok()),
            wants: manifest.wants.iter().map(InspectedWant::from).collect(),
        }
    }
}

impl From<&Want> for InspectedWant {
    fn from(want: &Want) -> Self {
        let (kind, value) = match want {
            Want::ReportFiles(glob) => ("report-files", Some(glob)),
            Want::TreeFiles(glob) => ("tree-files", Some(glob)),
            Want::ProjectFiles(glob) => ("project-files", Some(glob)),
            Want::Http(origin) => ("http", Some(origin)),
            Want::Secret(name) => ("secret", Some(name)),
            Want::Commands => ("commands", None),
        };
        Self { kind: kind.to_owned(), value: value.cloned() }
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
