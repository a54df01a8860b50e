//! `flaky plugin …`: groups of commands, by who uses them. Each group is an enum of its own below this folder.

pub(crate) mod author;

use clap::{Args, Subcommand};

/// Make, look into and test plugins.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    #[command(flatten)]
    Author(author::AuthorCommand),
}
