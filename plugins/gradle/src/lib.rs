//! The bundled plugin for Gradle: reads the reports that its test tasks leave, or else what Gradle prints, finds
//! projects, and seeds, shuffles and selects.

mod console;
mod framework;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Completeness, Detection, Framework, InstallPlan, Instrumented,
    Manifest, PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Gradle;

/// Where the reports are.
const TREE_FILES: &str = "**/build/test-results/**/*.xml";

impl Plugin for Gradle {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "gradle",
            env!("CARGO_PKG_VERSION"),
            "Gradle: reads the reports and the output of test tasks, seeds, shuffles and selects tests",
        )
        .want(Want::Commands)
        .want_tree_files(TREE_FILES);
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Gradle {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let printed = console::read(attempt);
    if attempt.tree_files().next().is_some() {
        let mut parsed = flaky_plugin_junit::parse(attempt);
        if parsed.completeness != Completeness::NothingRecognised {
            // A module that was not built has no report, and its tests are missing.
            parsed.diagnostics.extend(printed.into_iter().flat_map(|printed| printed.problems()));
            return parsed;
        }
    }
    printed.map(console::Printed::into_attempt).unwrap_or_default()
}

impl Framework for Gradle {
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
flaky_plugin_sdk::export!(Gradle: packed_parser, framework);
