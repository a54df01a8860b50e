//! The component.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{
    Blob, Delivery, Manifest, Plugin, PluginError, RenderContext, Reporter, Result, Settings as Given,
};

use crate::settings::{SCHEMA, Settings};

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Gitlab {
    settings: Settings,
}

impl Plugin for Gitlab {
    fn describe() -> Manifest {
        Manifest::new(
            "gitlab",
            env!("CARGO_PKG_VERSION"),
            "the report on GitLab: a note on the merge request, and a code-quality report",
        )
        .settings_schema(SCHEMA)
    }

    fn configure(&mut self, settings: &Given<'_>) -> Result<()> {
        self.settings = settings.read()?;
        Ok(())
    }
}

impl Reporter for Gitlab {
    fn render(&self, report: &Blob<'_>, context: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let surroundings = Surroundings::from_json(&context.more);
        Ok(crate::deliveries(&report, &surroundings, &self.settings))
    }
}

flaky_plugin_sdk::export!(Gitlab: reporter);
