//! The bundled plugin for Catch2, versions 2 and 3: reads its XML report and what its console and compact reporters
//! print.
//!
//! Its other reporters write formats that other plugins read: `junit`, `tap`, `teamcity`. The console names a test
//! only where there is something to say of it, and the compact reporter names none.

mod console;
mod xml;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result, Source};

/// The plugin.
#[derive(Debug, Default)]
pub struct Catch2;

impl Plugin for Catch2 {
    fn describe() -> Manifest {
        Manifest::new("catch2", env!("CARGO_PKG_VERSION"), "reads the XML and the console output of Catch2")
            .want_reports("**/*.xml")
            .want_tree_files("**/*.xml")
    }
}

impl PackedParser for Catch2 {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = xml::read(attempt) {
        return parsed;
    }
    let printed = [Source::Stdout, Source::Stderr];
    printed
        .iter()
        .find_map(|source| console::read(&attempt.open(source)?, source, &attempt.info().exit))
        .unwrap_or_default()
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Catch2: packed_parser);
