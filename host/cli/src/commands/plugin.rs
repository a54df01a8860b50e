//! `flaky plugin …`: one module per command.

mod add;
mod list;
mod precompile;
mod publish;
mod remove;
mod shelf;
mod trust;
mod update;
mod vendor;

use crate::args::plugin::PluginCommand;
use crate::args::plugin::cache::CacheCommand;
use crate::args::plugin::source::SourceCommand;
use crate::args::plugin::trust::TrustCommand;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(command: PluginCommand) -> Result<ExitStatus, CliError> {
    match command {
        PluginCommand::Source(command) => source(&command),
        PluginCommand::Trust(TrustCommand::Trust(args)) => trust::execute(&args),
        PluginCommand::Cache(CacheCommand::Precompile(args)) => precompile::execute(&args),
    }
}

fn source(command: &SourceCommand) -> Result<ExitStatus, CliError> {
    match command {
        SourceCommand::Add(args) => add::execute(args),
        SourceCommand::Update(args) => update::execute(args),
        SourceCommand::Remove(args) => remove::execute(args),
        SourceCommand::List(args) => list::execute(args),
        SourceCommand::Vendor(args) => vendor::execute(args),
        SourceCommand::Publish(args) => publish::execute(args),
    }
}
