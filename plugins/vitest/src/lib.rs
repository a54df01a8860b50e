//! The bundled plugin for vitest: reads its JSON and its printed text, and decides how projects that are tested by it
//! are installed, reported on and selected from.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Vitest;

impl Plugin for Vitest {
    fn describe() -> Manifest {
        Manifest::new("vitest", env!("CARGO_PKG_VERSION"), "vitest: reads its JSON and its output")
            .want_reports(parser::REPORTS)
    }
}

impl PackedParser for Vitest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Vitest: packed_parser);
