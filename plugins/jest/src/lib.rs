//! The bundled plugin for jest: reads its JSON and its printed text, and decides how projects that are tested by it are
//! installed, reported on and selected from.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Jest;

impl Plugin for Jest {
    fn describe() -> Manifest {
        Manifest::new("jest", env!("CARGO_PKG_VERSION"), "jest: reads its JSON and its output")
            .want_reports(parser::REPORTS)
    }
}

impl PackedParser for Jest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Jest: packed_parser);
