//! The bundled plugin for CTest: reads what `ctest` prints and its dashboard report, finds CMake projects with tests,
//! builds them once, and shuffles, seeds and selects.
//!
//! A test of CTest is a program. Where that is a GoogleTest program, its seed and order are set by the variables that
//! it reads; the arguments are nobody's but the project's.

mod framework;
mod log;
mod text;
mod xml;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Source, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Ctest;

impl Plugin for Ctest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "ctest",
            env!("CARGO_PKG_VERSION"),
            "CTest: reads its output, builds CMake projects, shuffles, seeds and selects tests",
        )
        .want(Want::Commands)
        .want_reports(xml::FILE)
        .want_tree_files(xml::FILE)
        .want_tree_files(log::FILE);
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Ctest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = xml::read(attempt) {
        return parsed;
    }
    let printed = [Source::Stdout, Source::Stderr];
    printed.iter().find_map(|source| text::read(&attempt.open(source)?, source, attempt)).unwrap_or_default()
}

impl Framework for Ctest {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        framework::detect(project)
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::recognises(argv)
    }

    fn install(&self, project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
        Ok(framework::install(project, root, env_dir))
    }

    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        Ok(framework::instrument(command, context))
    }

    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        framework::select(command, selection)
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Ctest: packed_parser, framework);
