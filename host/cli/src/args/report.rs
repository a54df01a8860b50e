//! `flaky report`.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, SettingsArgs, TellArgs};

/// Tell the result of an earlier run again, from its JSON report: render it another way, or where people look.
///
/// The exit code is that of the report, as `flaky run` gives it; 20 when something could not be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky report out.json                                        as a table
  flaky report out.json --report html=out.html --to slack
  flaky report out.json --to github --dry-run
  flaky report out.json --untrusted --expect-repo acme/shop --expect-sha SHA --expect-run 77 --to github")]
pub(crate) struct ReportArgs {
    /// The report, as `--report json=FILE` wrote it
    pub(crate) file: PathBuf,

    /// The report comes from a job that ran untrusted code: check it, and compute anew what follows from its counts
    #[arg(long, requires_all = ["expect_repo", "expect_sha", "expect_run"], help_heading = "Untrusted reports")]
    pub(crate) untrusted: bool,

    /// The repository that it must speak of, as `owner/name`
    #[arg(long, value_name = "OWNER/NAME", requires = "untrusted", help_heading = "Untrusted reports")]
    pub(crate) expect_repo: Option<String>,

    /// The commit that it must speak of, in full
    #[arg(long, value_name = "SHA", requires = "untrusted", help_heading = "Untrusted reports")]
    pub(crate) expect_sha: Option<String>,

    /// Number of the CI run that it must have been made in
    #[arg(long, value_name = "ID", requires = "untrusted", help_heading = "Untrusted reports")]
    pub(crate) expect_run: Option<u64>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
