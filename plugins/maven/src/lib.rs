//! The bundled plugin for Maven: reads the reports that Surefire and Failsafe leave, or else what Maven prints, finds
//! projects, and seeds, shuffles and selects.
//!
//! The reports are JUnit XML and tell of every test. Printed text names what failed alone; it also tells why a build
//! did not come to its tests.

mod console;
mod framework;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Completeness, Detection, Framework, InstallPlan, Instrumented,
    Manifest, PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Maven;

/// Where the reports are.
const TREE_FILES: [&str; 2] = ["**/surefire-reports/*.xml", "**/failsafe-reports/*.xml"];

impl Plugin for Maven {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "maven",
            env!("CARGO_PKG_VERSION"),
            "Maven: reads Surefire's reports and output, seeds, shuffles and selects tests",
        )
        .want(Want::Commands);
        let manifest = TREE_FILES.iter().fold(manifest, |manifest, glob| manifest.want_tree_files(glob));
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Maven {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let printed = console::read(attempt);
    // Another project's reports are not read here: only where Maven ran, as its output says, or its own folders.
    let has_files = attempt.tree_files().next().is_some();
    if has_files {
        let mut parsed = flaky_plugin_junit::parse(attempt);
        if parsed.completeness != Completeness::NothingRecognised {
            // A module that was not built has no report, and its tests are missing.
            let problems = printed.into_iter().flat_map(|printed| printed.problems());
            parsed.diagnostics.extend(problems);
            return parsed;
        }
    }
    printed.map(console::Printed::into_attempt).unwrap_or_default()
}

impl Framework for Maven {
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
flaky_plugin_sdk::export!(Maven: packed_parser, framework);
