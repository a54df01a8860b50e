//! The bundled plugin for Cucumber: reads the JSON of its implementations and their stream of messages.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Cucumber;

impl Plugin for Cucumber {
    fn describe() -> Manifest {
        Manifest::new("cucumber", env!("CARGO_PKG_VERSION"), "Cucumber: reads its JSON and its messages")
            .want_reports("**/*.json")
            .want_reports("**/*.ndjson")
    }
}

impl PackedParser for Cucumber {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Cucumber: packed_parser);
