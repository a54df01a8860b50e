//! The bundled plugin for PHPUnit: reads what PHPUnit printed or wrote, and decides how PHP projects are installed,
//! reported on and selected from.
//!
//! **Ids.** `Shop\CartTest::testAdds`, with `with data set "two"` where a data provider names the case, as PHPUnit names
//! tests itself; what a message shows of the data is left out, since it may differ. The suite is the class. Testdox output
//! has descriptions alone: there a test is `Shop\Cart::Adds`.
//!
//! **Sources.** Best is a log of service messages: [`Framework::instrument`] asks for one beside what the user asked for,
//! and PHPUnit writes it as tests end, so that a killed run keeps what was seen. Without it the printed text is read. Of
//! progress dots only what did not pass has a name; that others ran is said (`unnamed-tests`). JUnit XML is read by the
//! plugin for it.
//!
//! What PHPUnit calls an error, an exception in a test or around it, is `errored` where the output tells it from a
//! failure; a risky test passed.

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

pub use parser::parse;

/// The plugin.
#[derive(Debug, Default)]
pub struct Phpunit;

impl Plugin for Phpunit {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "phpunit",
            env!("CARGO_PKG_VERSION"),
            "PHPUnit: reads its log and output, installs packages, selects tests",
        )
        .want(Want::Commands)
        .want_reports(parser::REPORTS);
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Phpunit {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

impl Framework for Phpunit {
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
flaky_plugin_sdk::export!(Phpunit: packed_parser, framework);
