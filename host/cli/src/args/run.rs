//! `flaky run`.

use std::path::PathBuf;

use clap::Args;
use flaky_config::WorkingDirectory;
use flaky_core::ids::RunId;
use flaky_core::settings::{
    BackendKind, Dollars, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs, Shards, StopRule,
    TimeBudget, TimeoutSeconds,
};

use super::{KeepArgs, OutputArgs, SettingsArgs, TellArgs, named};

/// Run the tests many times and say which are flaky, broken or stable.
///
/// SOURCE is a folder or the URL of a git repository; without it, the current folder. Flags win over the job
/// file, that over `.flaky-detector.yml`, that over defaults.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky run                                     the tests of this folder
  flaky run examples/python --runs 30           those of another one
  flaky run -- pytest tests/test_cart.py -v     this command, here
  flaky run https://git.example.org/shop.git --ref main --report json=out.json
  flaky run https://git.example.org/shop.git --backend runpod --runs 200")]
pub(crate) struct RunArgs {
    /// A folder, or the URL of a git repository [default: the current folder]
    pub(crate) source: Option<String>,

    /// The test command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// The test command as one text, split as a shell would
    #[arg(long, value_name = "TEXT", conflicts_with = "command", help_heading = "What to run")]
    pub(crate) test_command: Option<String>,

    /// Branch, tag or full reference to test
    #[arg(long = "ref", value_name = "REF", help_heading = "What to run")]
    pub(crate) reference: Option<String>,

    /// Commit to test; with `--ref` it must be part of it
    #[arg(long, value_name = "ID", help_heading = "What to run")]
    pub(crate) commit: Option<String>,

    /// Folder that the test command runs in, below the source
    #[arg(long, value_name = "FOLDER", help_heading = "What to run")]
    pub(crate) working_directory: Option<WorkingDirectory>,

    /// A job as JSON, as the worker takes it
    #[arg(long, value_name = "FILE", conflicts_with = "source", help_heading = "What to run")]
    pub(crate) input: Option<PathBuf>,

    /// Do not install dependencies; use what is on `PATH`
    #[arg(long, help_heading = "What to run")]
    pub(crate) no_install: bool,

    /// Give the tests a variable; `NAME` alone passes on the present value
    #[arg(long = "env", value_name = "NAME[=VALUE]", help_heading = "What to run")]
    pub(crate) env: Vec<String>,

    /// Attempts at most [default: 60; 10 with `--stop never`]
    #[arg(allow_negative_numbers = true, long, value_name = "N", help_heading = "How often")]
    pub(crate) runs: Option<Runs>,

    /// Attempts side by side [default: 4]
    #[arg(allow_negative_numbers = true, long, short = 'j', value_name = "N", help_heading = "How often")]
    pub(crate) parallelism: Option<Parallelism>,

    /// Seconds after which an attempt is ended [default: 300]
    #[arg(allow_negative_numbers = true, long, value_name = "SECONDS", help_heading = "How often")]
    pub(crate) timeout: Option<TimeoutSeconds>,

    /// When to stop before all attempts are done [default: certain, which is when every test is decided]
    #[arg(long, value_name = "RULE", value_parser = named::<StopRule>(StopRule::ALL), help_heading = "How often")]
    pub(crate) stop: Option<StopRule>,

    /// How long the attempts may take, e.g. `90s`, `5m`, `1h30m`; what is known then decides
    #[arg(long, value_name = "TIME", help_heading = "How often")]
    pub(crate) budget: Option<TimeBudget>,

    /// Compare with another revision of the repository: which tests did the change make flaky?
    #[arg(long, value_name = "REV", help_heading = "What to run", conflicts_with = "backend")]
    pub(crate) base: Option<String>,

    /// Run only this test, by the id that reports name; can be repeated
    #[arg(long = "test", value_name = "ID", help_heading = "What to run")]
    pub(crate) tests: Vec<String>,

    /// A test that failed in CI, which is why you look: it is told whether it was reproduced; can be repeated
    #[arg(long, value_name = "ID", help_heading = "What to run")]
    pub(crate) failed_in_ci: Vec<String>,

    /// Shuffle the tests of every other attempt, by its seed
    #[arg(long, help_heading = "How often")]
    pub(crate) shuffle: bool,

    /// How often the best way to repeat a failure is tried before it is told [default: 10; 0 does not try]
    #[arg(allow_negative_numbers = true, long, value_name = "N", help_heading = "How often")]
    pub(crate) reproduce: Option<Repetitions>,

    /// Master seed that the attempts' seeds are drawn from, to repeat a run exactly
    #[arg(
        allow_negative_numbers = true,
        long,
        value_name = "N",
        conflicts_with = "first_seed",
        help_heading = "Seeds"
    )]
    pub(crate) seed: Option<u64>,

    /// Give attempt i the seed N+i
    #[arg(allow_negative_numbers = true, long, value_name = "N", help_heading = "Seeds")]
    pub(crate) first_seed: Option<u64>,

    /// How far attempts are kept apart
    #[arg(long, value_name = "LEVEL", value_parser = named::<IsolationChoice>(IsolationChoice::ALL), help_heading = "Isolation")]
    pub(crate) isolation: Option<IsolationChoice>,

    /// Which network attempts see
    #[arg(long, value_name = "NETWORK", value_parser = named::<NetworkChoice>(NetworkChoice::ALL), help_heading = "Isolation")]
    pub(crate) network: Option<NetworkChoice>,

    /// Where attempts run: on this machine, or on the workers of a RunPod endpoint [default: local]
    #[arg(long, value_name = "BACKEND", value_parser = named::<BackendKind>(BackendKind::ALL), help_heading = "Where to run")]
    pub(crate) backend: Option<BackendKind>,

    /// The endpoint's id [default: `RUNPOD_ENDPOINT_ID`]; its key is in `RUNPOD_API_KEY`
    #[arg(long, value_name = "ID", help_heading = "Where to run")]
    pub(crate) endpoint: Option<String>,

    /// Into how many shards attempts are split [default: by their time and the endpoint's workers]
    #[arg(allow_negative_numbers = true, long, value_name = "N", help_heading = "Where to run")]
    pub(crate) shards: Option<Shards>,

    /// What the run may cost; needs a configured `price_per_second`
    #[arg(allow_negative_numbers = true, long, value_name = "X", help_heading = "Where to run")]
    pub(crate) budget_usd: Option<Dollars>,

    /// Go on with a run on an endpoint whose client was ended
    #[arg(
        long,
        value_name = "RUN",
        help_heading = "Where to run",
        conflicts_with_all = [
            "source", "command", "test_command", "reference", "commit", "input", "no_install", "env", "runs",
            "parallelism", "timeout", "stop", "seed", "first_seed", "isolation", "network", "backend", "endpoint",
            "shards", "plugins", "grants", "trusted_ref", "config", "fail_on", "budget", "base", "tests", "failed_in_ci", "shuffle",
            "reproduce", "working_directory",
        ]
    )]
    pub(crate) resume: Option<RunId>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    #[command(flatten)]
    pub(crate) keep: KeepArgs,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
