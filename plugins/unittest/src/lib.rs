//! The bundled plugin for unittest, Python's own test framework, and for Django's runner, which is built on it.
//!
//! The best source is a report of our own: [`Framework::instrument`] lets Python import a small module at its start,
//! which listens to the results and writes a line as soon as something happens. Where it could not be loaded, the
//! printed text is read.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Unittest;

impl Plugin for Unittest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "unittest",
            env!("CARGO_PKG_VERSION"),
            "unittest and Django's runner: reads their reports and output, selects tests",
        )
        .want(Want::Commands)
        .want_reports(parser::REPORTS);
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Unittest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for Unittest {
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
flaky_plugin_sdk::export!(Unittest: framework, packed_parser);
