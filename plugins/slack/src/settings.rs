//! What the reporter can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// Where it posts, and whom it speaks to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Post as a bot to this channel instead of to an incoming webhook.
    pub channel: Option<String>,
    /// Mention authors of commits that are known.
    pub mention: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { channel: None, mention: true }
    }
}
