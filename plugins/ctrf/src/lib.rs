//! The bundled plugin for CTRF, the Common Test Report Format: JSON of many reporters, read and written.

mod parser;
pub mod reporter;

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{
    Attempt, Blob, Delivery, File, Manifest, PackedAttempt, PackedParser, Plugin, PluginError, RenderContext,
    Reporter, Result,
};

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_REPORT_BYTES: u64 = 256 * 1024 * 1024;

/// The plugin.
#[derive(Debug, Default)]
pub struct Ctrf {
    settings: reporter::Settings,
}

impl Plugin for Ctrf {
    fn describe() -> Manifest {
        Manifest::new(
            "ctrf",
            env!("CARGO_PKG_VERSION"),
            "reads and writes CTRF, the Common Test Report Format",
        )
        .settings_schema(reporter::SETTINGS_SCHEMA)
        .want_reports("**/*.json")
    }

    fn configure(&mut self, settings: &flaky_plugin_sdk::Settings<'_>) -> Result<()> {
        self.settings = settings.read()?;
        Ok(())
    }
}

impl PackedParser for Ctrf {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Reporter for Ctrf {
    /// A file without a path: the host writes it where the user said.
    fn render(&self, report: &Blob<'_>, _context: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_REPORT_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let content = reporter::render(&report, self.settings)
            .map_err(|error| PluginError::new("not-written", error.to_string()))?;
        Ok(vec![Delivery::File(File { path: String::new(), content })])
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Ctrf: packed_parser, reporter);
