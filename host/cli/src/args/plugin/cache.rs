//! What is kept of plugins.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Compile plugins to native code now, so that no run has to
    Precompile(PrecompileArgs),
}

/// Compile plugins to native code now, so that no run has to. Nothing of a plugin is run.
///
/// Components that did not come with flaky are compiled in a process with limits on memory and time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky plugin precompile ./mine.wasm builtin:pytest
  flaky plugin precompile --all-bundled             while an image is built")]
pub(crate) struct PrecompileArgs {
    /// A component file, or `builtin:NAME`
    #[arg(value_name = "PLUGIN", required_unless_present = "all_bundled")]
    pub(crate) plugins: Vec<String>,

    /// All plugins that came with flaky
    #[arg(long)]
    pub(crate) all_bundled: bool,
}
