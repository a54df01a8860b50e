//! `flaky plugin`.

mod precompile;

use crate::args::{CacheCommand, PluginArgs, PluginCommand};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &PluginArgs) -> Result<ExitStatus, CliError> {
    match &args.command {
        PluginCommand::Cache(CacheCommand::Precompile(args)) => precompile::execute(args),
    }
}
