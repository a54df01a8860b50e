//! Tools that builds call.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

/// A tool that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// Which.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended badly; why, it said itself.
    #[error("`{line}` failed: {status}")]
    Failed {
        /// As it would be typed.
        line: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// What it printed is not text.
    #[error("`{line}` printed something that is not text")]
    NotText {
        /// As it would be typed.
        line: String,
    },
}

/// The standard output of a command that has to succeed; its standard error goes where ours does, unless the command
/// says otherwise.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn output(command: &mut Command) -> Result<String, CommandError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().and_then(std::process::Child::wait_with_output);
    let output = child.map_err(|source| CommandError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if !output.status.success() {
        return Err(CommandError::Failed { line: line(command), status: output.status });
    }
    let text = String::from_utf8(output.stdout).map_err(|_| CommandError::NotText { line: line(command) })?;
    Ok(text.trim_end().to_owned())
}

/// The first line that a tool answers, when it is there: `cargo --version`.
#[must_use]
pub fn answer(command: &mut Command) -> Option<String> {
    let text = output(command.stderr(Stdio::null())).ok()?;
    text.lines().next().map(str::to_owned)
}

/// The command as it would be typed.
fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    let words = std::iter::once(command.get_program().to_string_lossy()).chain(arguments);
    words.collect::<Vec<_>>().join(" ")
}
