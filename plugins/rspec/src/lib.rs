//! The bundled plugin for RSpec: reads what RSpec printed or wrote, and decides how Ruby projects are installed,
//! reported on and selected from.
//!
//! **Ids.** A test is its full description (`Cart#total adds up`): what `rspec -e` takes, the same in every format, and
//! not moved by other examples of the file, as `./spec/cart_spec.rb[1:2:1]` is. The suite is the description of its
//! group. Examples of one description are numbered by the host; so that a number means the same example under every
//! seed, they are told in the order of their files and positions, not of their run.
//!
//! **Sources.** Best is a report of our own: [`Framework::instrument`] adds a listener that writes a line as soon as
//! something happens, so that a killed run keeps what was seen. Without it the JSON formatter's document is read, and
//! without that the printed text. Of progress dots only failures and pending examples have names; that others ran is
//! said (`unnamed-tests`).

mod framework;
mod parser;

use flaky_plugin_sdk::{
    Attempt, AttemptContext, Command, Detection, Framework, InstallPlan, Instrumented, Manifest,
    PackedAttempt, PackedParser, Plugin, Project, Result, Selection, Want,
};

pub use parser::parse;

/// The plugin.
#[derive(Debug, Default)]
pub struct Rspec;

impl Plugin for Rspec {
    fn describe() -> Manifest {
        let manifest = Manifest::new(
            "rspec",
            env!("CARGO_PKG_VERSION"),
            "RSpec: reads its reports and output, installs bundles, selects examples",
        )
        .want(Want::Commands)
        .want_reports(parser::REPORTS)
        .want_reports("**/*.json")
        .want_tree_files("**/*rspec*.json");
        framework::PROJECT_FILES.iter().fold(manifest, |manifest, glob| manifest.want_project_files(glob))
    }
}

impl PackedParser for Rspec {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

impl Framework for Rspec {
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
flaky_plugin_sdk::export!(Rspec: packed_parser, framework);
