//! Variables that the test command gets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::de::VERBATIM;

/// Longest name taken, in bytes: no real name comes near it.
const MAX_NAME_BYTES: usize = 256;

/// Set for every attempt; a fixed value would make all attempts the same.
const OURS: [&str; 2] = ["TEST_SEED", "ATTEMPT"];

/// Name of an environment variable: letters, digits and `_`, not a digit first, and none of `TEST_SEED`, `ATTEMPT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct EnvName(String);

/// Value of an environment variable: text without NUL. In YAML a number or truth value stands for its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvValue(String);

/// Variables by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Environment(BTreeMap<EnvName, EnvValue>);

/// Why a name or value is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEnvironment {
    /// Not a name that every program can read.
    #[error("{0} is not the name of an environment variable: expected letters, digits and `_`")]
    Name(String),
    /// A name that `flaky` sets itself.
    #[error("`{0}` is set by `flaky` for every attempt and cannot be given")]
    Ours(&'static str),
    /// NUL cannot be passed on.
    #[error("the value contains a NUL character")]
    Nul,
}

impl EnvName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EnvName {
    type Error = InvalidEnvironment;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        if let Some(ours) = OURS.into_iter().find(|ours| *ours == name) {
            return Err(InvalidEnvironment::Ours(ours));
        }
        let fits = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if fits { Ok(Self(name)) } else { Err(InvalidEnvironment::Name(crate::error::shown(&name))) }
    }
}

impl EnvValue {
    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EnvValue {
    type Error = InvalidEnvironment;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        if value.contains('\0') { Err(InvalidEnvironment::Nul) } else { Ok(Self(value)) }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Verbatim;
        impl<'de> serde::de::Visitor<'de> for Verbatim {
            type Value = EnvValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EnvValue, E> {
                EnvValue::try_from(text.to_owned()).map_err(E::custom)
            }
            fn visit_newtype_struct<D: serde::Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<EnvValue, D::Error> {
                deserializer.deserialize_str(self)
            }
        }
        deserializer.deserialize_newtype_struct(VERBATIM, Verbatim)
    }
}

impl Environment {
    /// Name and value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvName, &EnvValue)> {
        self.0.iter()
    }

    /// Sets a variable, replacing an earlier value.
    pub fn set(&mut self, name: EnvName, value: EnvValue) {
        self.0.insert(name, value);
    }

    /// Whether no variable is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over every variable of `other`, whose values win.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

impl FromIterator<(EnvName, EnvValue)> for Environment {
    fn from_iter<I: IntoIterator<Item = (EnvName, EnvValue)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl JsonSchema for Environment {
    fn schema_name() -> Cow<'static, str> {
        "Environment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "null"],
            "description": "Environment variables by name.",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": { "enum": OURS } },
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        })
    }
}
