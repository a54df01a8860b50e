//! Explaining ourselves: help, completions, the manual page.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::CliError;
use crate::exit_status::{self, ExitStatus};

/// `flaky help [TOPIC]`.
pub(crate) fn explain(topic: Option<&str>) -> Result<ExitStatus, CliError> {
    let mut cli = Cli::command().flatten_help(false);
    cli.build();
    let text = match topic {
        None => cli.render_long_help().to_string(),
        Some("exit-codes") => exit_status::table(),
        Some(name) => match cli.find_subcommand_mut(name) {
            Some(command) => command.render_long_help().to_string(),
            None => {
                return Err(CliError::usage_text(
                    format!("there is no help on `{name}`"),
                    Some("`flaky help` lists the commands; `flaky help exit-codes` explains exit codes"),
                ));
            }
        },
    };
    print(text.as_bytes())
}

/// `flaky completions SHELL`.
pub(crate) fn completions(shell: Shell) -> Result<ExitStatus, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "flaky", &mut text);
    print(&text)
}

/// `flaky man`.
pub(crate) fn man() -> Result<ExitStatus, CliError> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(Cli::command()).render(&mut text);
    rendered.map_err(|e| CliError::fault(&e, None))?;
    print(&text)
}

fn print(text: &[u8]) -> Result<ExitStatus, CliError> {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::fault(&error, None)),
        _ => Ok(ExitStatus::Fine),
    }
}
