//! The terms under which a plugin is used: what it may do, how much it may take, and what its failure means.

use std::fmt;

use flaky_core::grant::{Grant, SecretName};
use flaky_core::origin::Origin;
use flaky_core::settings::{CallMemory, CallSeconds};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde_json::{Value as Json, json};

/// What the entry of a plugin says beside its source and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginTerms {
    /// What it is allowed.
    pub grants: Vec<Grant>,
    /// Limits of its calls, where the usual ones do not hold.
    pub limits: CallLimits,
    /// What a failed call means; `None`: what is usual for the role.
    pub on_error: Option<OnError>,
    /// What it may add to what another policy decided.
    pub may: Vec<MayAdd>,
}

/// `limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a mapping with `time` and `memory`")]
pub struct CallLimits {
    /// Seconds that a call may take.
    #[serde(deserialize_with = "given")]
    pub time: Option<CallSeconds>,
    /// MiB of memory that a call may use.
    #[serde(deserialize_with = "given")]
    pub memory: Option<CallMemory>,
}

/// `on_error`: what a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The run has no verdict; a report that is not told is a failed delivery.
    Fail,
    /// It is named where people look, and the next plugin is asked.
    Warn,
    /// The next plugin is asked; the report's list of plugins tells.
    Fallback,
}

/// `may`: what a policy may add to the verdict of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MayAdd {
    /// Its tags.
    Tag,
    /// A higher severity.
    Raise,
}

/// A key that is there must have a value.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// One entry of `grants`.
#[derive(Debug)]
pub(super) struct GrantEntry(pub(super) Grant);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapping {
    #[serde(default)]
    http: Option<Origin>,
    #[serde(default)]
    secret: Option<SecretName>,
}

const EXPECTED: &str = "`http: https://HOST`, `secret: NAME` or `commands`";

impl<'de> Deserialize<'de> for GrantEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = GrantEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<GrantEntry, E> {
                match text {
                    "commands" => Ok(GrantEntry(Grant::Commands)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<GrantEntry, A::Error> {
                match Mapping::deserialize(MapAccessDeserializer::new(map))? {
                    Mapping { http: Some(origin), secret: None } => Ok(GrantEntry(Grant::Http(origin))),
                    Mapping { http: None, secret: Some(name) } => Ok(GrantEntry(Grant::Secret(name))),
                    _ => Err(serde::de::Error::custom(format_args!(
                        "expected one of {EXPECTED} in each entry"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The schemas of `grants`, `limits`, `on_error` and `may`, by key.
pub(super) fn schemas() -> [(&'static str, Json); 4] {
    let one = |key: &str, value: Json| {
        json!({
            "type": "object", "additionalProperties": false, "required": [key], "properties": { key: value },
        })
    };
    let bounded = |low: u32, high: u32, usual: u32, what: &str| json!({ "type": "integer", "minimum": low, "maximum": high, "default": usual, "description": what });
    let grants = json!({
        "type": ["array", "null"],
        "description": "What the plugin is allowed; it counts where the plugin asks for it.",
        "items": { "anyOf": [
            one("http", json!({
                "type": "string", "pattern": "^https?://",
                "description": "Deliveries by HTTP to this origin: `https://host[:port]`, or `http` to this machine.",
            })),
            one("secret", json!({
                "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                "description": "A variable of the environment, as placeholder in the URL and headers of deliveries.",
            })),
            { "const": "commands", "description": "To decide commands that the host runs." },
        ] },
    });
    let limits = json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "description": "Limits of each of its calls.",
        "properties": {
            "time": bounded(CallSeconds::MIN, CallSeconds::MAX, 30, "Seconds."),
            "memory": bounded(CallMemory::MIN, CallMemory::MAX, 128, "MiB."),
        },
    });
    let on_error = json!({
        "enum": ["fail", "warn", "fallback", null],
        "description": "What a failed call means: no verdict for the run (of a reporter: a failed delivery), a warning, or \
                        that the next plugin is asked without a word. Usual: `warn`; of a reporter `fail`.",
    });
    let may = json!({
        "type": ["array", "null"],
        "items": { "enum": ["tag", "raise"] },
        "description": "What a policy may add to the verdict of one before it: its tags, a higher severity.",
    });
    [("grants", grants), ("limits", limits), ("on_error", on_error), ("may", may)]
}
