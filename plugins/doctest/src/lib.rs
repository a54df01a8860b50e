//! The bundled plugin for doctest: reads its XML report and what its console reporter prints.
//!
//! Its JUnit reporter writes what the plugin `junit` reads. The console names a test only where there is something to
//! say of it, unless `--success` is given.

mod console;
mod xml;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result, Source};

/// The plugin.
#[derive(Debug, Default)]
pub struct Doctest;

impl Plugin for Doctest {
    fn describe() -> Manifest {
        Manifest::new("doctest", env!("CARGO_PKG_VERSION"), "reads the XML and the console output of doctest")
            .want_reports("**/*.xml")
            .want_tree_files("**/*.xml")
    }
}

impl PackedParser for Doctest {
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
        .find_map(|source| console::read(&attempt.open(source)?, &attempt.info().exit))
        .unwrap_or_default()
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Doctest: packed_parser);
