//! What users of other people's plugins approve.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flaky_core::digest::Sha256Digest;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Approve the plugins that a folder's configuration names, after a look at what they ask for
    Trust(TrustArgs),
}

/// Approve the plugins that a folder's configuration names, after a look at what they ask for.
///
/// An approval is of one folder, one component by its digest, and the grants that the configuration gives it now: when one
/// of them changes, the plugin is not used until it is approved again. Approvals are in `trust.json` in the user's
/// configuration folder (`FLAKY_CONFIG_DIR`).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky plugin trust                    shows what is asked for, and asks
  flaky plugin trust --yes SHA256       approves this component without asking, as CI has to
  flaky plugin trust --list             what was approved, everywhere
  flaky plugin trust --remove           takes back what was approved for this folder")]
pub(crate) struct TrustArgs {
    /// The folder [default: the current one]
    pub(crate) folder: Option<PathBuf>,

    /// Approve these components without asking, by their digests
    #[arg(long, value_name = "SHA256", num_args = 1.., conflicts_with_all = ["list", "remove"])]
    pub(crate) yes: Vec<Sha256Digest>,

    /// Say what was approved, in all folders
    #[arg(long, conflicts_with_all = ["remove", "folder"])]
    pub(crate) list: bool,

    /// Take back what was approved for the folder
    #[arg(long)]
    pub(crate) remove: bool,
}
