//! The bundled plugin for bats: reads its pretty output, and decides how its tests are reported on and selected from.
//!
//! Without a terminal bats prints TAP, which the plugin for TAP reads. A test's id is its name, in both.

mod framework;
mod pretty;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, Instrumented, Manifest, PackedAttempt,
    PackedParser, Plugin, Project, Result, Selection, Source, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Bats;

impl Plugin for Bats {
    fn describe() -> Manifest {
        let summary = "bats: reads its output, selects tests";
        Manifest::new("bats", env!("CARGO_PKG_VERSION"), summary)
            .want(Want::Commands)
            .want_reports(framework::REPORTS)
            .want_project_files(framework::PROJECT_FILES)
    }
}

impl PackedParser for Bats {
    /// Our own report is TAP; other TAP is left to its plugin, which cannot be told from bats'.
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        let is_own =
            |source: &Source| matches!(source, Source::Report(path) if path.starts_with(framework::FOLDER));
        if attempt.info().sources.iter().any(is_own) {
            let parsed = flaky_plugin_tap::parse(attempt);
            if !parsed.format.is_empty() {
                return Ok(parsed);
            }
        }
        let printed =
            [attempt.stdout(), attempt.stderr()].iter().find_map(|blob| pretty::parse(blob, attempt));
        Ok(printed.unwrap_or_default())
    }
}

impl Framework for Bats {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        Ok(framework::detect(project))
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::find(argv).is_some()
    }

    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        Ok(framework::instrument(command, context))
    }

    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        framework::select(command, selection)
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Bats: packed_parser, framework);
