//! Errors as people read them: what went wrong, where, and on a line of its own what to do.

use std::error::Error;
use std::io::Write;

use flaky_core::text::visible;
use flaky_engine::run::RunError;

use crate::exit_status::ExitStatus;

/// An error that ends the program.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) status: ExitStatus,
    text: String,
    hint: Option<String>,
}

impl CliError {
    /// Wrong usage or configuration: nothing was run.
    pub(crate) fn usage(error: &dyn Error, hint: Option<String>) -> Self {
        Self { status: ExitStatus::Usage, text: chain(error), hint }
    }

    /// The same from a text of our own.
    pub(crate) fn usage_text(text: impl Into<String>, hint: Option<&str>) -> Self {
        Self { status: ExitStatus::Usage, text: text.into(), hint: hint.map(str::to_owned) }
    }

    /// Our own fault, or the machine's.
    pub(crate) fn fault(error: &dyn Error, hint: Option<String>) -> Self {
        Self { status: ExitStatus::Fault, text: chain(error), hint }
    }

    /// A plugin of the user's that does not build, or does not hold.
    pub(crate) fn plugin(error: &dyn Error, hint: Option<String>) -> Self {
        Self { status: ExitStatus::PluginFails, text: chain(error), hint }
    }

    /// To standard error; one that is closed is no reason to panic.
    pub(crate) fn print(&self) {
        let mut out = std::io::stderr().lock();
        let _ = writeln!(out, "error: {}", lines(&self.text));
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "  hint: {}", lines(hint));
        }
    }
}

/// What comes from outside does nothing to the terminal; line ends stay.
fn lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// The error and what caused it, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        let hint = hint_of(&error);
        match &error {
            RunError::Exec(_) | RunError::Host(_) | RunError::Folder { .. } => Self::fault(&error, hint),
            RunError::Remote(remote) if !remote.is_usage() => Self::fault(&error, hint),
            _ => Self::usage(&error, hint),
        }
    }
}

fn hint_of(error: &RunError) -> Option<String> {
    match error {
        RunError::Config(error) => error.hint(),
        RunError::Settings(error) => error.hint(),
        RunError::Plugin(flaky_engine::plugins::LoadError::Plugin(error)) => error.hint(),
        RunError::Project(_) => Some(
            "name the command: `flaky run -- COMMAND`, or `test_command:` in `.flaky-detector.yml`".into(),
        ),
        RunError::NoSuchReporter { .. } => {
            Some("name a plugin that reports under that name with `--plugin`".into())
        }
        RunError::Base(error) => error.hint(),
        RunError::Isolation(error) => error.hint.clone(),
        RunError::Exec(error) => error.hint().map(str::to_owned),
        RunError::Remote(error) => error.hint(),
        _ => None,
    }
}
