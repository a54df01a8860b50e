//! The component.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{Blob, Delivery, Manifest, Plugin, PluginError, RenderContext, Reporter, Result};

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Terminal;

impl Plugin for Terminal {
    fn describe() -> Manifest {
        Manifest::new("terminal", env!("CARGO_PKG_VERSION"), "the report as text for a terminal")
    }
}

impl Reporter for Terminal {
    fn render(&self, report: &Blob<'_>, context: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        Ok(vec![Delivery::Stdout(crate::render(&report, context.width, context.colour))])
    }
}

flaky_plugin_sdk::export!(Terminal: reporter);
