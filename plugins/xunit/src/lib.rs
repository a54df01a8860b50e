//! The bundled plugin for reports in the form of xUnit.net, versions 2 and 3.

mod report;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Xunit;

impl Plugin for Xunit {
    fn describe() -> Manifest {
        Manifest::new(
            "xunit",
            env!("CARGO_PKG_VERSION"),
            "reads test reports in the form of xUnit.net 2 and 3",
        )
        .want_reports("**/*.xml")
        .want_tree_files("**/*.xml")
    }
}

impl PackedParser for Xunit {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(report::read(attempt).unwrap_or_default())
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Xunit: packed_parser);
