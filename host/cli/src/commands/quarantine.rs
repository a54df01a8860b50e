//! `flaky quarantine`: tests that are known to be flaky, in a file that people review.

mod add;
mod exclude;
mod list;
mod owners;
mod past;
mod shelf;
mod standing;
mod suggest;

use crate::args::quarantine::QuarantineCommand;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(command: QuarantineCommand) -> Result<ExitStatus, CliError> {
    match command {
        QuarantineCommand::Suggest(args) => suggest::execute(&args),
        QuarantineCommand::Add(args) => add::execute(&args),
        QuarantineCommand::Remove(args) => add::remove(&args),
        QuarantineCommand::List(args) => list::list(&args),
        QuarantineCommand::Check(args) => list::check(&args),
        QuarantineCommand::Exclude(args) => exclude::execute(&args),
    }
}
