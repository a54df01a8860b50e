//! What the reporter can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// Which of its deliveries it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "five things that are wanted or not")]
pub struct Settings {
    /// A comment on the pull request, where there is one.
    pub comment: bool,
    /// The summary of the job.
    pub summary: bool,
    /// Annotations of flaky and broken tests.
    pub annotations: bool,
    /// A check run of the commit.
    pub check_run: bool,
    /// Outputs for later steps.
    pub outputs: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { comment: true, summary: true, annotations: true, check_run: false, outputs: true }
    }
}
