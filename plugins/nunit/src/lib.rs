//! The bundled plugin for reports in the form of NUnit, version 3 and 2: other frameworks of .NET write them too.

mod report;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Nunit;

impl Plugin for Nunit {
    fn describe() -> Manifest {
        Manifest::new("nunit", env!("CARGO_PKG_VERSION"), "reads test reports in the form of NUnit 3 and 2")
            .want_reports("**/*.xml")
            .want_tree_files("**/*.xml")
    }
}

impl PackedParser for Nunit {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(report::read(attempt).unwrap_or_default())
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Nunit: packed_parser);
