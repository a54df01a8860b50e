//! What the reporter can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// How it signs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name that the message is posted under.
    pub username: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { username: "flaky".to_owned() }
    }
}
