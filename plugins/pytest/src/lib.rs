//! The bundled plugin for pytest: reads what pytest printed or wrote, and decides how Python projects are
//! installed, reported on and selected from.
//!
//! The best source is a report of our own: [`Framework::instrument`] adds a
//! small pytest plugin that writes a line as soon as something happens, so that a killed run keeps what was seen.
//! Where it could not be loaded, JUnit XML and then the printed text are read.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// How Python's tools are called and its projects are installed, for other plugins of Python.
pub mod python {
    pub use crate::framework::invocation::{Environment, Invocation, Tool};
    pub use crate::framework::{PROJECT_FILES, Runner, install};
}

/// The plugin.
#[derive(Debug, Default)]
pub struct Pytest;

impl Plugin for Pytest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "pytest",
            env!("CARGO_PKG_VERSION"),
            "pytest: reads its reports and output, installs Python projects, selects tests",
        )
        .want(Want::Commands);
        let manifest = parser::REPORTS.iter().fold(manifest, |manifest, glob| manifest.want_reports(glob));
        let manifest =
            parser::TREE_FILES.iter().fold(manifest, |manifest, glob| manifest.want_tree_files(glob));
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Pytest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for Pytest {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        framework::detect(project)
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::recognises(argv)
    }

    fn install(&self, project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
        framework::install(project, root, env_dir, framework::Runner::Pytest)
    }

    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        Ok(framework::instrument(command, context))
    }

    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        framework::select(command, selection)
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Pytest: packed_parser, framework);
