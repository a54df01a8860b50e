//! `flaky plugin …`: groups of commands, by who uses them. Each group is an enum of its own below this folder.

pub(crate) mod author;
pub(crate) mod cache;
pub(crate) mod source;
pub(crate) mod trust;

use clap::{Args, Subcommand};

/// Make, look into, test, fetch and approve plugins.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    #[command(flatten)]
    Author(author::AuthorCommand),
    #[command(flatten)]
    Source(source::SourceCommand),
    #[command(flatten)]
    Trust(trust::TrustCommand),
    #[command(flatten)]
    Cache(cache::CacheCommand),
}
