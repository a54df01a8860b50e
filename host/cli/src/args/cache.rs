//! `flaky cache`.

use clap::{Args, Subcommand};

/// Say what is kept in the cache folder, or take it away
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) command: KeptCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeptCommand {
    /// Say where the cache folder is, what is in it, and how large that is
    Info,
    /// Take away what is kept: compiled plugins and installed dependencies. That is always safe; what a run uses stays
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Only compiled plugins
    #[arg(long)]
    pub(crate) plugins: bool,
}
