//! Files that an attempt wrote and that somebody wants to read.

#[cfg(target_os = "linux")]
mod collector;

use globset::GlobBuilder;

use crate::error::ExecError;

#[cfg(target_os = "linux")]
pub(crate) use collector::{Collected, Collector, Globs, Source, Taken};

/// Which files to collect: patterns of paths relative to the report folder and to the work tree.
/// `*` and `?` stay within one folder, `**` does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectGlobs {
    pub(crate) report: Vec<String>,
    pub(crate) tree: Vec<String>,
}

impl CollectGlobs {
    /// Checks the patterns.
    ///
    /// # Errors
    /// [`ExecError::Glob`] for the first that is malformed.
    pub fn new(report: Vec<String>, tree: Vec<String>) -> Result<Self, ExecError> {
        for pattern in report.iter().chain(&tree) {
            glob(pattern)
                .map_err(|e| ExecError::Glob { pattern: pattern.clone(), reason: e.kind().to_string() })?;
        }
        Ok(Self { report, tree })
    }
}

fn glob(pattern: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}
