//! The bundled plugin for vitest: reads its JSON and its printed text, and decides how projects that are tested by it
//! are installed, reported on and selected from.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Vitest;

impl Plugin for Vitest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "vitest",
            env!("CARGO_PKG_VERSION"),
            "vitest: reads its JSON and output, installs packages, selects tests",
        )
        .want_reports(flaky_plugin_javascript::REPORTS)
        .want_reports(parser::REPORTS);
        framework::wants(manifest)
    }
}

impl PackedParser for Vitest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for Vitest {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        framework::detect(project)
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::recognises(argv)
    }

    fn install(&self, project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
        framework::install(project, root, env_dir)
    }

    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        Ok(framework::instrument(command, context))
    }

    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        framework::select(command, selection)
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Vitest: packed_parser, framework);
