//! The component.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{
    Blob, Delivery, Manifest, Plugin, PluginError, RenderContext, Reporter, Result, Settings as Given, Want,
};

use crate::settings::{SCHEMA, Settings};

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Webhook {
    settings: Settings,
}

impl Plugin for Webhook {
    fn describe() -> Manifest {
        Manifest::new("webhook", env!("CARGO_PKG_VERSION"), "the report as JSON to any address")
            .settings_schema(SCHEMA)
            .want(Want::Secret("FLAKY_WEBHOOK_URL".to_owned()))
    }

    fn configure(&mut self, settings: &Given<'_>) -> Result<()> {
        self.settings = settings.read()?;
        Ok(())
    }
}

impl Reporter for Webhook {
    fn render(&self, report: &Blob<'_>, context: &RenderContext) -> Result<Vec<Delivery>> {
        let document = report.read_to_end(MOST_BYTES)?;
        let report = Report::from_json(&document)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let document = String::from_utf8(document)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let surroundings = Surroundings::from_json(&context.more);
        Ok(crate::deliveries(&document, &report, &surroundings, &self.settings))
    }
}

flaky_plugin_sdk::export!(Webhook: reporter);
