//! `flaky init`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::named;

/// Write a configuration and a workflow that fit this repository. Asks nothing, and overwrites nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky init                                     after a failure in CI, on a RunPod endpoint
  flaky init --workflow report                   the same without one (docs/github.md)
  flaky init --workflow nightly --workflow gate
  flaky init --remove                            takes away what is still as it was written")]
pub(crate) struct InitArgs {
    /// The repository [default: the current folder]
    pub(crate) folder: Option<PathBuf>,

    /// Which workflow; can be repeated [default: after-ci]
    #[arg(long = "workflow", value_name = "NAME", value_parser = named::<Workflow>(Workflow::ALL), conflicts_with = "remove")]
    pub(crate) workflows: Vec<Workflow>,

    /// Take away what `flaky init` wrote, as far as nobody has changed it
    #[arg(long)]
    pub(crate) remove: bool,
}

/// A workflow of `examples/github`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workflow {
    /// Detection after a failure in CI, on an endpoint.
    AfterCi,
    /// Telling a report that an untrusted job made.
    Report,
    /// A hunt over the whole suite every night.
    Nightly,
    /// New and changed tests must not be flaky.
    Gate,
}

impl Workflow {
    pub(crate) const ALL: &[(&'static str, Self)] = &[
        ("after-ci", Self::AfterCi),
        ("report", Self::Report),
        ("nightly", Self::Nightly),
        ("gate", Self::Gate),
    ];
}

impl FromStr for Workflow {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser takes none but these.
        Ok(Self::ALL.iter().find(|(name, _)| *name == text).map_or(Self::AfterCi, |(_, workflow)| *workflow))
    }
}
