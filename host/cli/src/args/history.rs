//! `flaky history`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use flaky_core::period::{Period, Since};

/// Which history: for commands that are about one.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceArgs {
    /// Where the history is: a file, or `postgres://…`, better in `FLAKY_HISTORY` [default: as the configuration says, else in
    /// the state folder]
    #[arg(long, value_name = "PLACE", help_heading = "History")]
    pub(crate) history: Option<String>,

    /// Configuration file that says where the history is [default: `.flaky-detector.yml`]
    #[arg(long, value_name = "FILE", help_heading = "History")]
    pub(crate) config: Option<PathBuf>,
}

/// Where a run is kept.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct KeepArgs {
    /// Where this run is kept and earlier ones are: a file, or `postgres://…`, better in `FLAKY_HISTORY` [default: as the
    /// configuration says, else in the state folder]
    #[arg(long, value_name = "PLACE", help_heading = "History")]
    pub(crate) history: Option<String>,

    /// Do not keep this run, and do not look at earlier ones
    #[arg(long, help_heading = "History", conflicts_with = "history")]
    pub(crate) no_history: bool,
}

/// Which runs.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FilterArgs {
    /// Of this repository, as `host/owner/name`; `all` for every one [default: that of this folder, where it has runs]
    #[arg(long, value_name = "NAME", help_heading = "Which runs")]
    pub(crate) repository: Option<String>,

    /// Of this suite
    #[arg(long, value_name = "NAME", help_heading = "Which runs")]
    pub(crate) suite: Option<String>,

    /// Of this branch
    #[arg(long, value_name = "NAME", help_heading = "Which runs")]
    pub(crate) branch: Option<String>,

    /// That began since: a time such as `30d`, `12h`, `8w`, or a day such as `2026-11-01`
    #[arg(long, value_name = "TIME", help_heading = "Which runs")]
    pub(crate) since: Option<Since>,

    /// That began before: the same
    #[arg(long, value_name = "TIME", help_heading = "Which runs")]
    pub(crate) until: Option<Since>,
}

/// Say which tests failed in earlier runs: what they cost, how often they fail, since when, and whether that gets better
///
/// Without a command, the tests that failed in the last 30 days are listed, the most costly first.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  flaky history                                 what cost most in the last 30 days
  flaky history --since 90d --branch main       of one branch, and longer
  flaky history show tests/test_cart.py::test_total
  flaky history compare main my-branch
  flaky history prune --older-than 180d")]
pub(crate) struct HistoryArgs {
    #[command(subcommand)]
    pub(crate) command: Option<HistoryCommand>,

    #[command(flatten)]
    pub(crate) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Everything known of one test: its runs, the commits that can have made it flaky, how it fails
    Show(ShowArgs),
    /// Compare tests between two commits, branches, runs or periods
    Compare(CompareArgs),
    /// List runs, newest first
    Runs(RunsArgs),
    /// Take away old runs
    Prune(PruneArgs),
    /// Look for damage
    Check(CheckArgs),
    /// Write runs as JSON Lines
    Export(ExportArgs),
    /// Read what `export` wrote
    Import(ImportArgs),
    /// Take in the runs of another history
    Merge(MergeArgs),
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArgs {
    /// Tests whose name holds this
    #[arg(long, value_name = "TEXT", help_heading = "Which runs")]
    pub(crate) search: Option<String>,

    /// Tests that never failed, too
    #[arg(long, help_heading = "Which runs")]
    pub(crate) all: bool,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The test, by the id that reports name
    pub(crate) test: String,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "A and B are each one of
  20261129-034444-pnd2     a run
  abc1234                  a commit, or the beginning of its id
  main                     a branch
  30d..7d, 7d..            a period, from the older end to the newer one
Where one could be several, `run:`, `commit:`, `branch:` or `period:` before it says which.")]
pub(crate) struct CompareArgs {
    /// Then
    pub(crate) a: String,

    /// Now
    pub(crate) b: String,

    /// Tests that did not change, too
    #[arg(long, help_heading = "Result")]
    pub(crate) all: bool,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Result")]
    pub(crate) most: u32,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Runs that began longer ago, e.g. `180d`
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Period,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where to [default: standard output]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `export` wrote; `-` is standard input
    pub(crate) file: Source,

    /// The file is the database of the tool that `flaky` replaces
    #[arg(long)]
    pub(crate) original: bool,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// An SQLite history, as CI keeps it as an artifact, say
    pub(crate) other: PathBuf,

    /// As JSON
    #[arg(long, help_heading = "Result")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// A file, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}
