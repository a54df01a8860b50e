//! The component.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{
    Blob, Delivery, File, Manifest, Plugin, PluginError, RenderContext, Reporter, Result,
};

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Results;

impl Plugin for Results {
    fn describe() -> Manifest {
        Manifest::new("results", env!("CARGO_PKG_VERSION"), "the report as GitHub-flavoured Results")
    }
}

impl Reporter for Results {
    /// A file without a path: the host writes it where the user said.
    fn render(&self, report: &Blob<'_>, _context: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let text =
            crate::render(&report).map_err(|error| PluginError::new("not-written", error.to_string()))?;
        let content = text.into_bytes();
        Ok(vec![Delivery::File(File { path: String::new(), content })])
    }
}

flaky_plugin_sdk::export!(Results: reporter);
