//! What the reporter can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// Where it posts, and what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Instead of the address in `FLAKY_WEBHOOK_URL`.
    pub url: Option<String>,
    /// What is posted.
    pub body: Body,
}

/// What is posted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// A small document with a version of its own.
    #[default]
    Summary,
    /// The report as it is.
    Report,
}
