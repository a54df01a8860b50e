//! The bundled plugin for cargo-nextest: reads what it prints, its JSON and the JUnit report that it is asked for, and
//! decides how crates are built, reported on and selected from.
//!
//! A test's id is `binary-id::path::of::test`, as in nextest's JUnit reports.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Nextest;

impl Plugin for Nextest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "nextest",
            env!("CARGO_PKG_VERSION"),
            "cargo-nextest: reads its output and reports, builds crates, selects tests",
        )
        .want(Want::Commands)
        .want_reports(parser::REPORTS)
        .want_reports("**/*.json")
        .want_reports("**/*.jsonl");
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Nextest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for Nextest {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        framework::detect(project)
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::find(argv).is_some()
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
flaky_plugin_sdk::export!(Nextest: packed_parser, framework);
