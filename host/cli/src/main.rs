//! The `flaky` binary: what was typed, what it means, how it ends. All text and all exit codes are decided here.

mod args;
mod commands;
#[cfg(test)]
mod documents;
mod error;
mod exit_status;
mod history_place;
mod in_ci;
mod progress;
mod signals;
mod supply;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit_status::ExitStatus;

fn main() -> ExitCode {
    // Before anything else, and before any thread: this process may be the launcher of attempts, or the
    // compiler of a plugin.
    flaky_exec::launcher::enter_if_asked();
    flaky_plugin_host::compiler::enter_if_asked();
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Run(args) => commands::run::execute(*args),
        Command::Parse(args) => commands::parse::execute(&args),
        Command::Report(args) => commands::report::execute(&args),
        Command::Init(args) => commands::init::execute(&args),
        Command::Ci(args) => commands::ci::execute(&args),
        Command::Reproduce(args) => commands::reproduce::execute(&args),
        Command::Verify(args) => commands::verify::execute(*args),
        Command::Plugin(args) => commands::plugin::execute(args.command),
        Command::History(args) => commands::history::execute(*args),
        Command::Quarantine(args) => commands::quarantine::execute(args.command),
        Command::Dashboard(args) => commands::dashboard::execute(&args),
        Command::Doctor(args) => commands::doctor::execute(&args),
        Command::Cache(args) => commands::cache::execute(&args),
        Command::Completions { shell } => commands::help::completions(shell),
        Command::Man => commands::help::man(),
        Command::Help { topic } => commands::help::explain(topic.as_deref()),
    };
    let status: ExitStatus = ended.unwrap_or_else(|error| {
        error.print();
        error.status
    });
    status.into()
}
