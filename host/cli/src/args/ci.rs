//! `flaky ci`.

use clap::Args;
use flaky_core::settings::TimeBudget;

use super::{KeepArgs, OutputArgs, SettingsArgs, TellArgs};

/// Look into the failed run that a `workflow_run` event of GitHub Actions tells of.
///
/// Reads the event, finds the pull request and the tests that failed, has the workers of a RunPod endpoint run them again
/// at the failed commit, and tells the result. Nothing of that commit is run here. The configuration is that of the
/// default branch, and the exit code says failure only where
/// `--fail-on` asks for it. Variables: GITHUB_TOKEN, RUNPOD_API_KEY, RUNPOD_ENDPOINT_ID.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky ci --to github                    as in examples/github/flaky-after-ci.yml
  flaky ci --to github --dry-run          says what would be run again, and runs nothing")]
pub(crate) struct CiArgs {
    /// The endpoint's id [default: `RUNPOD_ENDPOINT_ID`]; its key is in `RUNPOD_API_KEY`
    #[arg(long, value_name = "ID", help_heading = "Where to run")]
    pub(crate) endpoint: Option<String>,

    /// How long the attempts may take, e.g. `90s`, `5m`; what is known then decides
    #[arg(long, value_name = "TIME", help_heading = "How often")]
    pub(crate) budget: Option<TimeBudget>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    #[command(flatten)]
    pub(crate) keep: KeepArgs,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
