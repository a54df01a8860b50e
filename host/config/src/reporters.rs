//! `reporters`: who tells the report, and where to.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;

use crate::error::shown;

/// One entry of `reporters`: a name alone, or a name with a file or settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ReporterEntry {
    /// Of a bundled reporter, or of one that `plugins` loads.
    pub name: String,
    /// Where a reporter that writes a file writes it, relative to the folder that `flaky` is started in.
    pub file: Option<PathBuf>,
    /// What the reporter itself checks and reads; an object.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
struct LongForm {
    name: String,
    #[serde(default)]
    file: Option<PathBuf>,
    #[serde(default)]
    settings: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The characters of a plugin's name.
fn named(name: &str) -> Result<String, String> {
    let fits =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(name.to_owned());
    }
    Err(format!("{} names no reporter: expected lower-case letters, digits or `-`", shown(name)))
}

impl<'de> Deserialize<'de> for ReporterEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = ReporterEntry;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a reporter's name, or a mapping with `name`, `file` and `settings`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ReporterEntry, E> {
                let name = named(text).map_err(E::custom)?;
                Ok(ReporterEntry { name, file: None, settings: serde_json::Map::new() })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<ReporterEntry, A::Error> {
                let long = LongForm::deserialize(MapAccessDeserializer::new(map))?;
                let name = named(&long.name).map_err(serde::de::Error::custom)?;
                Ok(ReporterEntry { name, file: long.file, settings: long.settings.unwrap_or_default() })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ReporterEntry {
    fn schema_name() -> Cow<'static, str> {
        "ReporterEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let name = serde_json::json!({
            "type": "string",
            "pattern": "^[a-z0-9-]+$",
            "description": "Name of a bundled reporter, or of one that `plugins` loads.",
        });
        json_schema!({
            "description": "A reporter: its name alone, or its name, its file and its settings.",
            "anyOf": [
                name,
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["name"],
                    "properties": {
                        "name": name,
                        "file": {
                            "type": ["string", "null"],
                            "description": "Where a reporter that writes a file writes it.",
                        },
                        "settings": {
                            "type": ["object", "null"],
                            "description": "Settings that the reporter itself defines.",
                        },
                    },
                },
            ],
        })
    }
}
