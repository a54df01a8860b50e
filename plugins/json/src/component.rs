//! The component.

use flaky_plugin_sdk::{Blob, Delivery, File, Manifest, Plugin, RenderContext, Reporter, Result};

/// Largest report that is read: with its copy it fills a component's memory. 100,000 tests stay under it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Json;

impl Plugin for Json {
    fn describe() -> Manifest {
        Manifest::new("json", env!("CARGO_PKG_VERSION"), "the report document itself, as JSON")
    }
}

impl Reporter for Json {
    /// A file without a path: the host writes it where the user said.
    fn render(&self, report: &Blob<'_>, _context: &RenderContext) -> Result<Vec<Delivery>> {
        let content = crate::pretty(&report.read_text(MOST_BYTES)?).into_bytes();
        Ok(vec![Delivery::File(File { path: String::new(), content })])
    }
}

flaky_plugin_sdk::export!(Json: reporter);
