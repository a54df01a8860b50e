//! The bundled plugin for `cargo test`: reads what Rust's test harness prints, as text and as JSON, and decides how
//! crates are built, seeded and selected from.
//!
//! A test's id is its path as the harness prints it, without the binary: only cargo names binaries, on another stream,
//! and an id must not depend on which streams were kept. The same path in several binaries is a repeated id, in the
//! order in which cargo runs them.

mod framework;
mod panic;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

pub use framework::installed as cargo_installed;
pub use framework::modules as cargo_projects;
pub use panic::of as panic_of;

/// The plugin.
#[derive(Debug, Default)]
pub struct CargoTest;

impl Plugin for CargoTest {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "cargo-test",
            env!("CARGO_PKG_VERSION"),
            "cargo test: reads its output, builds crates, selects tests",
        )
        .want(Want::Commands)
        .want_reports("**/*.json")
        .want_reports("**/*.jsonl");
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for CargoTest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parser::parse(attempt))
    }
}

impl Framework for CargoTest {
    fn detect(&self, project: &Project<'_>) -> Result<Vec<Detection>> {
        framework::detect(project)
    }

    fn recognises(&self, argv: &[String]) -> bool {
        framework::find(argv).is_some()
    }

    fn install(&self, project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
        framework::installed(project, root, env_dir, &["cargo", "test", "--no-run"])
    }

    fn instrument(&self, command: Command, context: &AttemptContext) -> Result<Instrumented> {
        Ok(framework::instrument(command, context))
    }

    fn select(&self, command: Command, selection: &Selection) -> Result<Command> {
        framework::select(command, selection)
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(CargoTest: packed_parser, framework);
