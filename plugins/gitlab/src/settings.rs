//! What the reporter can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// Which of its deliveries it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A note on the merge request, where there is one.
    pub comment: bool,
    /// The code-quality report.
    pub code_quality: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { comment: true, code_quality: true }
    }
}
