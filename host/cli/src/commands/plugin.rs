//! `flaky plugin …`.

mod trust;

use crate::args::plugin::trust::TrustCommand;
use crate::args::plugin::{PluginArgs, PluginCommand};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &PluginArgs) -> Result<ExitStatus, CliError> {
    match &args.command {
        PluginCommand::Trust(TrustCommand::Trust(args)) => trust::execute(args),
    }
}
