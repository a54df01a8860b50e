//! The bundled plugin for the test runner of Node.js: reads the text of its reporter `spec`. Its TAP and JUnit are read
//! by the plugins for these.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct NodeTest;

impl Plugin for NodeTest {
    fn describe() -> Manifest {
        let summary =
            "the test runner of Node.js: reads the text of `spec`, installs packages, selects tests";
        let manifest = Manifest::new("node-test", env!("CARGO_PKG_VERSION"), summary);
        framework::wants(manifest.want_reports(flaky_plugin_javascript::REPORTS))
    }
}

impl PackedParser for NodeTest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for NodeTest {
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
flaky_plugin_sdk::export!(NodeTest: packed_parser, framework);
