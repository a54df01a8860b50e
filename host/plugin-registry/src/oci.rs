//! The layout of a plugin in a registry: that of `wkg` and of the tools around it (CNCF, "Wasm OCI Artifact Layout").
//!
//! One manifest, one small configuration that says what the component exports and imports, one layer: the component.

use std::collections::BTreeMap;

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::OciAddress;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::error::RegistryErrorKind;
use crate::store::sha256;

pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const LAYER_TYPE: &str = "application/wasm";

/// Docker's own registry is known by a name that nothing listens at.
const DOCKER_HUB_NAME: &str = "docker.io";
pub(crate) const DOCKER_HUB: &str = "registry-1.docker.io";

/// The largest manifest, by the distribution specification ("Pushing Manifests").
pub(crate) const MANIFEST_BYTES: u64 = 4 << 20;
/// Layers and annotations of one manifest that are looked at: ours have one layer.
const MOST_LAYERS: usize = 1_000;

/// What people read about an artifact in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactNotes {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for, in one line.
    pub summary: String,
    /// Interfaces that the component exports.
    pub exports: Vec<String>,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestDocument {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What a manifest says of a piece.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigDocument<'a> {
    /// A fixed time: the same component published twice is the same artifact.
    created: &'static str,
    author: Option<&'a str>,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: ConfigComponent<'a>,
}

#[derive(Serialize)]
struct ConfigComponent<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<&'a str>,
}

/// What a manifest says, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) digest: Sha256Digest,
    pub(crate) size: u64,
    /// From the annotations.
    pub(crate) version: Option<String>,
}

/// Reads a manifest.
pub(crate) fn layer(bytes: &[u8]) -> Result<Layer, RegistryErrorKind> {
    let wrong = |why: &str| RegistryErrorKind::Layout(why.to_owned());
    let document: ManifestDocument =
        serde_json::from_slice(bytes).map_err(|_| wrong("its manifest is not an OCI image manifest"))?;
    if document.schema_version != 2
        || document.media_type.as_deref().is_some_and(|kind| kind != MANIFEST_TYPE)
    {
        return Err(wrong("its manifest is of another kind: a container image for several platforms, say"));
    }
    if document.layers.len() > MOST_LAYERS {
        return Err(wrong("its manifest has more than a thousand layers"));
    }
    let mut components = document.layers.iter().filter(|layer| layer.media_type == LAYER_TYPE);
    let (Some(layer), None) = (components.next(), components.next()) else {
        return Err(wrong("its manifest has not exactly one layer of the type `application/wasm`"));
    };
    let digest = layer.digest.strip_prefix("sha256:").and_then(|digest| digest.parse().ok());
    let version = document.annotations.get("org.opencontainers.image.version").cloned();
    Ok(Layer {
        digest: digest.ok_or_else(|| wrong("its layer is not named by a SHA-256 digest"))?,
        size: layer.size,
        version,
    })
}

/// The documents of an artifact.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
}

/// Describes a component. The same component gives the same documents, byte for byte.
pub(crate) fn artifact(component: &[u8], notes: &ArtifactNotes) -> Result<Artifact, RegistryErrorKind> {
    let written = |e: serde_json::Error| RegistryErrorKind::Layout(e.to_string());
    let layer = format!("sha256:{}", sha256(component));
    let config = ConfigDocument {
        created: "1970-01-01T00:00:00Z",
        author: None,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [layer.clone()],
        component: ConfigComponent { exports: &notes.exports, imports: &notes.imports, target: None },
    };
    let config = serde_json::to_vec(&config).map_err(written)?;
    let annotations = [
        ("org.opencontainers.image.title", &notes.name),
        ("org.opencontainers.image.version", &notes.version),
        ("org.opencontainers.image.description", &notes.summary),
    ];
    let manifest = ManifestDocument {
        schema_version: 2,
        media_type: Some(MANIFEST_TYPE.to_owned()),
        config: Some(Descriptor {
            media_type: CONFIG_TYPE.to_owned(),
            digest: format!("sha256:{}", sha256(&config)),
            size: config.len() as u64,
        }),
        layers: vec![Descriptor {
            media_type: LAYER_TYPE.to_owned(),
            digest: layer,
            size: component.len() as u64,
        }],
        annotations: annotations.into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect(),
    };
    Ok(Artifact { manifest: serde_json::to_vec(&manifest).map_err(written)?, config })
}

/// Host and port that a registry is spoken to at.
pub(crate) fn registry_host(address: &OciAddress) -> &str {
    if address.host() == DOCKER_HUB_NAME { DOCKER_HUB } else { address.host() }
}

/// `…/v2/REPOSITORY/REST`. Unencrypted only on this machine.
pub(crate) fn endpoint(address: &OciAddress, rest: &str) -> Result<Url, RegistryErrorKind> {
    let scheme = if address.is_this_machine() { "http" } else { "https" };
    let text = format!("{scheme}://{}/v2/{}/{rest}", registry_host(address), address.repository());
    Url::parse(&text).map_err(|_| RegistryErrorKind::Address(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> ArtifactNotes {
        ArtifactNotes {
            name: "infra".into(),
            version: "1.2.0".into(),
            summary: "says \"infra\"".into(),
            exports: vec!["flaky:plugin/plugin@0.1.0".into()],
            imports: vec![],
        }
    }

    #[test]
    fn what_is_published_is_read_again_and_is_the_same_every_time() {
        let (one, two) =
            (artifact(b"component", &notes()).unwrap(), artifact(b"component", &notes()).unwrap());
        assert_eq!((&one.manifest, &one.config), (&two.manifest, &two.config));
        let layer = layer(&one.manifest).unwrap();
        assert_eq!(layer, Layer { digest: sha256(b"component"), size: 9, version: Some("1.2.0".into()) });
    }

    #[test]
    fn what_is_no_plugin_is_named_as_what_it_lacks() {
        let digest = sha256(b"x");
        let with = |layers: &str| format!(r#"{{"schemaVersion": 2, "layers": [{layers}]}}"#);
        let wasm = format!(r#"{{"mediaType": "application/wasm", "digest": "sha256:{digest}", "size": 1}}"#);
        assert!(layer(with(&wasm).as_bytes()).is_ok());
        for (text, said) in [
            ("<html>".to_owned(), "not an OCI image manifest"),
            (r#"{"schemaVersion": 1}"#.to_owned(), "another kind"),
            (
                r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#.to_owned(),
                "another kind",
            ),
            (with(""), "exactly one layer"),
            (with(&format!("{wasm}, {wasm}")), "exactly one layer"),
            (with(&wasm.replace("application/wasm", "application/x-tar")), "exactly one layer"),
            (with(&wasm.replace("sha256:", "md5:")), "SHA-256"),
            (with(&wasm.replace("\"size\": 1", "\"size\": -1")), "not an OCI image manifest"),
        ] {
            let error = layer(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
