//! The bundled plugin for CTRF, the Common Test Report Format: JSON of many reporters.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Ctrf;

impl Plugin for Ctrf {
    fn describe() -> Manifest {
        Manifest::new("ctrf", env!("CARGO_PKG_VERSION"), "reads CTRF, the Common Test Report Format")
            .want_reports("**/*.json")
    }
}

impl PackedParser for Ctrf {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Ctrf: packed_parser);
