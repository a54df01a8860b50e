//! Calls of cargo for releases.

use std::path::PathBuf;
use std::process::Command;

pub(crate) use flaky_plugin_kit::cargo::{TARGET, cargo};

use crate::Result;

/// The standard output of a command that has to succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    Ok(flaky_plugin_kit::process::output(command)?)
}

/// The cargo that `RUSTUP_TOOLCHAIN` chooses, which the one that runs this task does not heed.
pub(crate) fn through_rustup() -> Command {
    let mut command = Command::new("cargo");
    command.env_remove("CARGO").env_remove("RUSTC");
    command
}

/// Cargo's own folder: the sources of crates are there.
pub(crate) fn home() -> Result<PathBuf> {
    flaky_plugin_kit::cargo::home().ok_or_else(|| "neither `CARGO_HOME` nor a home folder is known".into())
}
