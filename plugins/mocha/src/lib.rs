//! The bundled plugin for mocha: reads its JSON, its stream of JSON and its printed text, and decides how projects that
//! are tested by it are installed, reported on and selected from.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Mocha;

impl Plugin for Mocha {
    fn describe() -> Manifest {
        Manifest::new("mocha", env!("CARGO_PKG_VERSION"), "mocha: reads its JSON and its output")
            .want_reports(parser::REPORTS)
    }
}

impl PackedParser for Mocha {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Mocha: packed_parser);
