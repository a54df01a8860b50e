//! What a plugin says of itself.

/// From `describe`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Lower-case letters, digits and `-`; 1 to 64 of them.
    pub name: String,
    /// One line; by convention a semantic version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// JSON Schema of the settings; `None`: it takes none.
    pub settings_schema: Option<String>,
    /// What it asks to be given or allowed.
    pub wants: Vec<Want>,
}

/// Something a plugin asks to be given or allowed. Whether it is, others decide.
#[derive(Debug, Clone, PartialEq, Eq)]
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
