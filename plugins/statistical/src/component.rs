//! The component.

use flaky_plugin_sdk::{Evidence, Manifest, Plugin, PluginError, Policy, Result, RunSummary, Verdict};

use crate::settings::{SCHEMA, Settings};
use crate::{judge, run};

#[derive(Default)]
struct Statistical {
    settings: Settings,
}

impl Plugin for Statistical {
    fn describe() -> Manifest {
        let summary = "stable, flaky or broken by exact bounds, and what else the numbers show";
        Manifest::new("statistical", env!("CARGO_PKG_VERSION"), summary).settings_schema(SCHEMA)
    }

    fn configure(&mut self, settings: &flaky_plugin_sdk::Settings<'_>) -> Result<()> {
        self.settings = Settings::parse(settings.json())
            .map_err(|error| PluginError::new("invalid-settings", error.0))?;
        Ok(())
    }
}

impl Policy for Statistical {
    fn classify(&self, batch: &[Evidence]) -> Result<Vec<Option<Verdict>>> {
        Ok(batch.iter().map(|evidence| Some(judge::judge(evidence, &self.settings))).collect())
    }

    fn summarise(&self, summary: &RunSummary) -> Result<Option<Verdict>> {
        Ok(run::summarise(summary, &self.settings))
    }
}

flaky_plugin_sdk::export!(Statistical: policy);
