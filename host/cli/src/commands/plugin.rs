//! `flaky plugin …`: one module per command.

mod bench;
mod build;
mod dev;
mod doctor;
mod inspect;
mod new;
mod test;

use std::io::Write;

use crate::args::plugin::PluginCommand;
use crate::args::plugin::author::AuthorCommand;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(command: PluginCommand) -> Result<ExitStatus, CliError> {
    match command {
        PluginCommand::Author(command) => author(&command),
    }
}

fn author(command: &AuthorCommand) -> Result<ExitStatus, CliError> {
    match command {
        AuthorCommand::New(args) => new::execute(args),
        AuthorCommand::Build(args) => build::execute(args),
        AuthorCommand::Test(args) => test::execute(args),
        AuthorCommand::Inspect(args) => inspect::execute(args),
        AuthorCommand::Bench(args) => bench::execute(args),
        AuthorCommand::Dev(args) => dev::execute(args),
        AuthorCommand::Doctor(args) => doctor::execute(args),
    }
}

/// Text for standard output; a reader that closes early is no failure.
fn print(text: &str) -> Result<ExitStatus, CliError> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::fault(&error, None)),
        _ => Ok(ExitStatus::Fine),
    }
}

/// One JSON document on a line.
fn json(document: &impl serde::Serialize) -> Result<ExitStatus, CliError> {
    let text = serde_json::to_string(document).map_err(|e| CliError::fault(&e, None))?;
    print(&format!("{text}\n"))
}
