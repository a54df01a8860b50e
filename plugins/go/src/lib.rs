//! The bundled plugin for Go: reads `go test -json` and what `go test` prints, and decides how Go modules are
//! prepared, reported on and selected from.
//!
//! A test's id is `import/path/of/package::TestName/sub`: no import path holds a colon, so an id has one reading. Text
//! names the package only after its tests; where that line never came, the id is the name alone.
//!
//! The best source is `go test -json`, and [`Framework::instrument`] asks for it. It changes what the command prints,
//! but nothing else tells packages, printed text and results apart for certain, and there is no way to have both: `go`
//! writes the events to its standard output only, and a program given with `-exec` is not told the package.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

/// The plugin.
#[derive(Debug, Default)]
pub struct Go;

impl Plugin for Go {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "go",
            env!("CARGO_PKG_VERSION"),
            "Go: reads `go test`, prepares modules, selects tests",
        )
        .want(Want::Commands)
        .want_reports("**/*.json")
        .want_reports("**/*.jsonl");
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Go {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for Go {
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
flaky_plugin_sdk::export!(Go: packed_parser, framework);
