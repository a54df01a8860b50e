//! What a plugin says of itself.

use serde::{Deserialize, Serialize};

/// From `describe`, checked. For bundled plugins it is also kept as text beside the components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Lower-case letters, digits and `-`; 1 to 64 of them.
    pub name: String,
    /// One line; by convention a semantic version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// JSON Schema of the settings; `None`: it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_schema: Option<String>,
    /// What it asks to be given or allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wants: Vec<Want>,
}

/// Something a plugin asks to be given or allowed. Whether it is, others decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// Glob of files in the report folder for `parse`.
    ReportFiles(String),
    /// Glob of files of the work tree for `parse`.
    TreeFiles(String),
    /// Glob of project files for the framework calls.
    ProjectFiles(String),
    /// Deliveries of kind `http` to this origin.
    Http(String),
    /// Name of a secret used as placeholder in deliveries.
    Secret(String),
    /// To decide commands.
    Commands,
}
