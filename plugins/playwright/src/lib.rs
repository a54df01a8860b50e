//! The bundled plugin for Playwright Test: reads its JSON and its printed text, and decides how projects that are
//! tested by it are installed, reported on and selected from.

mod parser;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Playwright;

impl Plugin for Playwright {
    fn describe() -> Manifest {
        Manifest::new("playwright", env!("CARGO_PKG_VERSION"), "Playwright Test: reads its JSON and its output")
            .want_reports(parser::REPORTS)
    }
}

impl PackedParser for Playwright {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Playwright: packed_parser);
