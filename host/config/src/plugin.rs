//! How settings name a plugin.

mod terms;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::{InvalidRemote, RemotePlugin};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;

use self::terms::GrantEntry;
pub use self::terms::{CallLimits, MayAdd, OnError, PluginTerms};
use crate::error::shown;

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginAddress {
    /// `builtin:NAME`: one that is part of `flaky`.
    Builtin(String),
    /// A component on disk.
    File(PathBuf),
    /// `https://…` or `oci://…`: one that has to be fetched.
    Remote(RemotePlugin),
}

/// Why a text names no plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlugin {
    /// Nothing there.
    #[error("a plugin is named by its path or as `builtin:NAME`, not by an empty text")]
    Empty,
    /// `builtin:` with something that is no name.
    #[error("{0} names no built-in plugin: expected `builtin:` and lower-case letters, digits or `-`")]
    BuiltinName(String),
    /// `https://…`, `oci://…` and the like, and what is wrong there.
    #[error("{text} names no plugin: {why}")]
    Remote {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: InvalidRemote,
    },
    /// A character that no path has.
    #[error("the plugin's path contains a NUL character")]
    Nul,
}

impl FromStr for PluginAddress {
    type Err = InvalidPlugin;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err(InvalidPlugin::Empty);
        }
        if text.contains('\0') {
            return Err(InvalidPlugin::Nul);
        }
        if let Some(name) = text.strip_prefix("builtin:") {
            let fits = !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            return if fits {
                Ok(Self::Builtin(name.to_owned()))
            } else {
                Err(InvalidPlugin::BuiltinName(shown(text)))
            };
        }
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        match text.parse() {
            Ok(remote) => Ok(Self::Remote(remote)),
            // Whoever typed a password is not shown it in a log.
            Err(why @ InvalidRemote::Credentials) => {
                let scheme = text.split("://").next().unwrap_or_default();
                Err(InvalidPlugin::Remote { text: shown(&format!("{scheme}://…")), why })
            }
            Err(why) => Err(InvalidPlugin::Remote { text: shown(text), why }),
        }
    }
}

impl fmt::Display for PluginAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => write!(f, "builtin:{name}"),
            Self::File(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for PluginAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One entry of `plugins`: a source alone, or a source with settings for the plugin and the terms of its use.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginEntry {
    /// Where it comes from.
    pub source: PluginAddress,
    /// Of the component, where the entry says it.
    pub sha256: Option<Sha256Digest>,
    /// What the plugin itself checks and reads; an object.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// What it may do, and what its failure means.
    pub terms: PluginTerms,
    /// Where its bytes are, when they are not the source's own but another revision's. Never written in a file.
    pub taken_from: Option<PathBuf>,
}

impl PluginEntry {
    /// One that is named by its source alone.
    #[must_use]
    pub fn of(source: PluginAddress) -> Self {
        Self {
            source,
            sha256: None,
            settings: serde_json::Map::new(),
            terms: PluginTerms::default(),
            taken_from: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
struct LongForm {
    source: PluginAddress,
    #[serde(default)]
    sha256: Option<Sha256Digest>,
    #[serde(default)]
    settings: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    grants: Option<Vec<GrantEntry>>,
    #[serde(default)]
    limits: Option<CallLimits>,
    #[serde(default)]
    on_error: Option<OnError>,
    #[serde(default)]
    may: Option<Vec<MayAdd>>,
}

impl From<LongForm> for PluginEntry {
    fn from(long: LongForm) -> Self {
        let terms = PluginTerms {
            grants: long.grants.into_iter().flatten().map(|entry| entry.0).collect(),
            limits: long.limits.unwrap_or_default(),
            on_error: long.on_error,
            may: long.may.unwrap_or_default(),
        };
        Self {
            source: long.source,
            sha256: long.sha256,
            settings: long.settings.unwrap_or_default(),
            terms,
            taken_from: None,
        }
    }
}

impl<'de> Deserialize<'de> for PluginEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = PluginEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a plugin's path or address, `builtin:NAME`, or a mapping with `source` and `settings`",
                )
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PluginEntry, E> {
                let source = text.parse().map_err(E::custom)?;
                Ok(PluginEntry::of(source))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<PluginEntry, A::Error> {
                LongForm::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for PluginEntry {
    fn schema_name() -> Cow<'static, str> {
        "PluginEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let source = serde_json::json!({
            "type": "string",
            "minLength": 1,
            "description": "A path, relative to this file; `builtin:NAME`; `https://…`; or `oci://HOST/REPOSITORY` with `:TAG`, `@VERSION` or \
                            `@sha256:DIGEST`.",
        });
        let mut properties = serde_json::json!({
            "source": source,
            "sha256": {
                "type": ["string", "null"],
                "pattern": "^[0-9a-f]{64}$",
                "description": "Digest that the component must have.",
            },
            "settings": {
                "type": ["object", "null"],
                "description": "Settings that the plugin itself defines.",
            },
        });
        for (key, schema) in terms::schemas() {
            properties[key] = schema;
        }
        json_schema!({
            "description": "A plugin: its source alone, or its source, its settings and the terms of its use.",
            "anyOf": [
                source,
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["source"],
                    "properties": properties,
                },
            ],
        })
    }
}
