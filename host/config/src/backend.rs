//! Where attempts run, as settings say it.

use std::borrow::Cow;
use std::fmt;

use flaky_core::settings::{BackendKind, Dollars, Shards, Workers};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;

/// The file's `backend`: its kind alone, or its kind and what belongs to it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct BackendEntry {
    /// Where attempts run.
    pub kind: BackendKind,
    /// The endpoint's id.
    pub endpoint: Option<String>,
    /// How many shards.
    pub shards: Option<Shards>,
    /// How many workers the endpoint has at most.
    pub workers: Option<Workers>,
    /// What a second of one worker costs.
    pub price_per_second: Option<Dollars>,
    /// Whether the jobs must not make the endpoint start workers.
    pub low_priority: Option<bool>,
}

/// Where attempts run, put together of all layers.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct BackendSettings {
    /// Where.
    pub kind: BackendKind,
    /// The endpoint's id, as it was written.
    pub endpoint: Option<String>,
    /// How many shards; `None` leaves it to what the first attempt shows.
    pub shards: Option<Shards>,
    /// How many workers the endpoint has at most.
    pub workers: Option<Workers>,
    /// What a second of one worker costs.
    pub price_per_second: Option<Dollars>,
    /// Whether the jobs must not make the endpoint start workers.
    pub low_priority: bool,
    /// What the run may cost.
    pub budget: Option<Dollars>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
struct LongForm {
    kind: BackendKind,
    #[serde(default)]
    endpoint: Option<String>,
    #[serde(default)]
    shards: Option<Shards>,
    #[serde(default)]
    workers: Option<Workers>,
    #[serde(default)]
    price_per_second: Option<Dollars>,
    #[serde(default)]
    low_priority: Option<bool>,
}

impl<'de> Deserialize<'de> for BackendEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = BackendEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`local`, `runpod`, or a mapping with `kind`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<BackendEntry, E> {
                let kind = text.parse().map_err(E::custom)?;
                Ok(BackendEntry { kind, ..BackendEntry::default() })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<BackendEntry, A::Error> {
                let long = LongForm::deserialize(MapAccessDeserializer::new(map))?;
                let LongForm { kind, endpoint, shards, workers, price_per_second, low_priority } = long;
                Ok(BackendEntry { kind, endpoint, shards, workers, price_per_second, low_priority })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for BackendEntry {
    fn schema_name() -> Cow<'static, str> {
        "BackendEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kind = serde_json::json!({
            "enum": ["local", "runpod"],
            "description": "Where attempts run: on this machine, or on the workers of a RunPod endpoint.",
        });
        json_schema!({
            "description": "Where attempts run: its kind alone, or its kind and what belongs to it.",
            "anyOf": [
                kind,
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["kind"],
                    "properties": {
                        "kind": kind,
                        "endpoint": {
                            "type": ["string", "null"],
                            "description": "The endpoint's id; the variable `RUNPOD_ENDPOINT_ID` if it is left out.",
                        },
                        "shards": {
                            "type": ["integer", "null"], "minimum": 1, "maximum": 1000,
                            "description": "How many shards; left out, it follows from the first attempt's time.",
                        },
                        "workers": {
                            "type": ["integer", "null"], "minimum": 1, "maximum": 1000,
                            "description": "How many workers the endpoint has at most.",
                        },
                        "price_per_second": {
                            "type": ["number", "null"], "exclusiveMinimum": 0,
                            "description": "What a second of one worker costs, in US dollars.",
                        },
                        "low_priority": {
                            "type": ["boolean", "null"],
                            "description": "Whether the jobs must not make the endpoint start workers.",
                        },
                    },
                },
            ],
        })
    }
}
