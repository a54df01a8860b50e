//! The key `quarantine` of the configuration.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use flaky_core::settings::InvalidSetting;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::QUARANTINE_FILE_NAME;
use crate::error::shown;
use crate::suites::WorkingDirectory;

/// Which file holds the tests in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum QuarantineChoice {
    /// [`QUARANTINE_FILE_NAME`] at the root of the sources, where it is there.
    #[default]
    Own,
    /// This one, below the root.
    Named(PathBuf),
    /// None: every test gates.
    Off,
}

impl QuarantineChoice {
    /// The file, relative to the root.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Own => Some(Path::new(QUARANTINE_FILE_NAME)),
            Self::Named(path) => Some(path),
            Self::Off => None,
        }
    }

    /// Whether the file has to be there.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        matches!(self, Self::Named(_))
    }
}

impl TryFrom<&str> for QuarantineChoice {
    type Error = InvalidSetting;
    fn try_from(text: &str) -> Result<Self, InvalidSetting> {
        let refused = || {
            let text = shown(text);
            InvalidSetting(format!(
                "{text} is no file below the repository's root: expected a relative path without `..`"
            ))
        };
        // The same rules.
        let path: WorkingDirectory = text.parse().map_err(|_| refused())?;
        if path.as_str().is_empty() {
            return Err(refused());
        }
        Ok(Self::Named(PathBuf::from(path.as_str())))
    }
}

impl<'de> Deserialize<'de> for QuarantineChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = QuarantineChoice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a file, or `false`")
            }
            fn visit_bool<E: serde::de::Error>(self, on: bool) -> Result<QuarantineChoice, E> {
                Ok(if on { QuarantineChoice::Own } else { QuarantineChoice::Off })
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<QuarantineChoice, E> {
                QuarantineChoice::try_from(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for QuarantineChoice {
    fn schema_name() -> Cow<'static, str> {
        "QuarantineChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The path of a file below the repository's root, or `false` for none.",
            "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "boolean" }],
        })
    }
}
