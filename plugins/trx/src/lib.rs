//! The bundled plugin for TRX, the reports that `dotnet test --logger trx` and Visual Studio write, whatever the framework.

mod report;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Trx;

impl Plugin for Trx {
    fn describe() -> Manifest {
        Manifest::new("trx", env!("CARGO_PKG_VERSION"), "reads TRX, the test reports of .NET")
            .want_reports("**/*.trx")
            .want_tree_files("**/*.trx")
    }
}

impl PackedParser for Trx {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(report::read(attempt).unwrap_or_default())
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Trx: packed_parser);
