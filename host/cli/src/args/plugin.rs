//! `flaky plugin`: a group of commands for each thing that people do with plugins.

mod cache;

use clap::{Args, Subcommand};

pub(crate) use self::cache::{CacheCommand, PrecompileArgs};

/// Make, check and keep plugins
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    #[command(flatten)]
    Cache(CacheCommand),
}
