//! What the user typed. What it means is decided in `commands`; no flag is read after that.

pub(crate) mod plugin;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use flaky_config::WorkingDirectory;
use flaky_core::ids::{RunId, Seed};
use flaky_core::settings::{
    BackendKind, Dollars, FailOn, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs, Shards,
    StopRule, TimeBudget, TimeoutSeconds,
};

/// A test failed; is it a real bug or a flaky test?
///
/// flaky runs the test command many times, each time with its own seed and kept apart from the others, reads what
/// the test framework says about every test, and decides with honest statistics.
#[derive(Debug, Parser)]
#[command(name = "flaky", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Exit codes: `flaky help exit-codes`. Settings can stand in `.flaky-detector.yml`.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the tests many times and say which are flaky, broken or stable
    Run(Box<RunArgs>),
    /// Say what the tool sees in output or report files of test frameworks
    Parse(ParseArgs),
    /// Tell the result of an earlier run again, from its JSON report
    Report(Box<ReportArgs>),
    /// Write a configuration and a workflow that fit this repository
    Init(InitArgs),
    /// In a job that another run's failure starts: find out whether that was a bug or a flaky test, and tell
    Ci(Box<CiArgs>),
    /// Repeat a failing attempt of an earlier run
    Reproduce(ReproduceArgs),
    /// Find out whether a test that was flaky is mended
    Verify(Box<VerifyArgs>),
    /// Say how far attempts can be kept apart on this machine, and what would raise it
    Doctor(DoctorArgs),
    /// Make, look into and test plugins
    Plugin(plugin::PluginArgs),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Explain a command, or `exit-codes`
    Help {
        /// A command, or `exit-codes`
        topic: Option<String>,
    },
}

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
            "shards", "plugins", "config", "fail_on", "budget", "base", "tests", "failed_in_ci", "shuffle",
            "reproduce", "working_directory",
        ]
    )]
    pub(crate) resume: Option<RunId>,

    /// Use a plugin: a component file, or `builtin:NAME`
    #[arg(long = "plugin", value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) plugins: Vec<String>,

    /// Configuration file [default: `.flaky-detector.yml` in the source]
    #[arg(long, value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    /// From which verdict on the exit code says failure
    #[arg(long, value_name = "VERDICT", value_parser = named::<FailOn>(FailOn::ALL), help_heading = "Result")]
    pub(crate) fail_on: Option<FailOn>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Where a result is told.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TellArgs {
    /// Write a report: `json=FILE`, `markdown=FILE`, `html=FILE`, `junit=FILE`, `ctrf=FILE`, or of a reporter plugin; `-`
    /// is standard output
    #[arg(long = "report", value_name = "KIND=FILE", help_heading = "Result")]
    pub(crate) reports: Vec<ReportArg>,

    /// Tell the result where people look: `github`, `gitlab`, `slack`, `discord`, `webhook`, or by a reporter plugin; can be
    /// repeated [default in CI: the configuration's `reporters`]
    #[arg(long = "to", value_name = "REPORTER", help_heading = "Result")]
    pub(crate) to: Vec<String>,

    /// Remember in a file what was sent last, and send nothing that says the same
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(crate) state: Option<PathBuf>,

    /// Print what would be sent instead of sending it; files are written
    #[arg(long, help_heading = "Result")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// No progress, only the result
    #[arg(long, short, help_heading = "Result")]
    pub(crate) quiet: bool,

    /// No colour (as `NO_COLOR` does)
    #[arg(long, help_heading = "Result")]
    pub(crate) no_color: bool,
}

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

    /// Use a plugin: a component file, or `builtin:NAME`
    #[arg(long = "plugin", value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) plugins: Vec<String>,

    /// Configuration file [default: `.flaky-detector.yml` in the current folder]
    #[arg(long, value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    /// From which verdict on the exit code says failure
    #[arg(long, value_name = "VERDICT", value_parser = named::<FailOn>(FailOn::ALL), help_heading = "Result")]
    pub(crate) fail_on: Option<FailOn>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Look into the failed run that a `workflow_run` event of GitHub Actions tells of.
///
/// Reads the event, finds the pull request and the tests that failed, has the workers of a RunPod endpoint run them again
/// at the failed commit, and tells the result. Nothing of that commit is run here. The configuration is that of the
/// default branch. Variables: GITHUB_TOKEN, RUNPOD_API_KEY, RUNPOD_ENDPOINT_ID.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky ci --to github                    as in examples/github/flaky-after-ci.yml
  flaky ci --to github --dry-run          says what would be run again, and runs nothing")]
pub(crate) struct CiArgs {
    /// Configuration file [default: `.flaky-detector.yml` of the default branch, by GitHub's API]
    #[arg(long, value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) config: Option<PathBuf>,

    /// Use a plugin: a component file, or `builtin:NAME`
    #[arg(long = "plugin", value_name = "FILE", help_heading = "Plugins and settings")]
    pub(crate) plugins: Vec<String>,

    /// The endpoint's id [default: `RUNPOD_ENDPOINT_ID`]; its key is in `RUNPOD_API_KEY`
    #[arg(long, value_name = "ID", help_heading = "Where to run")]
    pub(crate) endpoint: Option<String>,

    /// How long the attempts may take, e.g. `90s`, `5m`; what is known then decides
    #[arg(long, value_name = "TIME", help_heading = "How often")]
    pub(crate) budget: Option<TimeBudget>,

    #[command(flatten)]
    pub(crate) tell: TellArgs,

    /// From which verdict on the exit code says failure [default: never]
    #[arg(long, value_name = "VERDICT", value_parser = named::<FailOn>(FailOn::ALL), help_heading = "Result")]
    pub(crate) fail_on: Option<FailOn>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Repeat a failing attempt of an earlier run, in the same conditions: exit code 10 if it failed again, 0 if it
/// never did.
#[derive(Debug, Args)]
pub(crate) struct ReproduceArgs {
    /// The run, as its report names it
    pub(crate) run: RunId,

    /// Seed of the attempt to repeat [default: that of the run's first failing attempt]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<Seed>,

    /// Run only this test of the attempt, by the id that the report names; can be repeated
    #[arg(long = "test", value_name = "ID")]
    pub(crate) tests: Vec<String>,

    /// How many times
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) repeat: Runs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Find out whether a test that was flaky is mended: makes as many attempts as refute its old failure rate when none
/// fails, and says what is known then. Exit code 0 when the old rate is refuted, 10 when it is not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky verify tests/test_cart.py::test_sums --was 5%
  flaky verify tests/test_cart.py::test_sums --was 0.02 --only -- pytest")]
pub(crate) struct VerifyArgs {
    /// The test, by the id that reports name
    pub(crate) test: String,

    /// How often it failed before: a share such as `0.05` or `5%`, or `3/60`
    #[arg(long, value_name = "RATE")]
    pub(crate) was: OldRate,

    /// Run the test without the others of its suite: faster, and it may then fail more rarely
    #[arg(long)]
    pub(crate) only: bool,

    /// Folder of the project [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) source: Option<String>,

    /// The test command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Attempts side by side [default: 4]
    #[arg(allow_negative_numbers = true, long, short = 'j', value_name = "N")]
    pub(crate) parallelism: Option<Parallelism>,

    /// Do not install dependencies; use what is on `PATH`
    #[arg(long)]
    pub(crate) no_install: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// An earlier failure rate, above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OldRate(pub(crate) f64);

impl FromStr for OldRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let rate = match (text.trim().strip_suffix('%'), text.split_once('/')) {
            (Some(percent), _) => number(percent).map(|p| p / 100.0),
            (None, Some((failed, ran))) => number(failed).zip(number(ran)).map(|(failed, ran)| failed / ran),
            (None, None) => number(text),
        };
        rate.filter(|rate| *rate > 0.0 && *rate < 1.0).map(Self).ok_or_else(|| {
            format!("`{text}` is not a rate above 0 and below 1, such as `0.05`, `5%` or `3/60`")
        })
    }
}

/// Say what the tool sees in files that test frameworks printed or wrote.
///
/// Every parser is asked, and refuses what is not its own. Exit code 3 says that a file ends before the framework
/// did, 4 that no parser recognised it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky parse target/surefire-reports/TEST-com.example.CartTest.xml
  go test -json ./... | flaky parse -
  flaky parse --json ci.log | jq -r '.tests[] | select(.outcome == \"failed\") | .id'")]
pub(crate) struct ParseArgs {
    /// Printed output or report files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Ask this parser alone
    #[arg(long, value_name = "NAME")]
    pub(crate) parser: Option<String>,

    /// Ask a parser plugin first: a component file, or `builtin:NAME`
    #[arg(long = "plugin", value_name = "FILE")]
    pub(crate) plugins: Vec<String>,

    /// One JSON document per file and line, for other programs (docs/schema/parse.schema.json)
    #[arg(long)]
    pub(crate) json: bool,

    /// List every test, however many there are
    #[arg(long, conflicts_with = "json")]
    pub(crate) all: bool,

    /// No colour (as `NO_COLOR` does)
    #[arg(long)]
    pub(crate) no_color: bool,
}

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

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Folder whose tests are to be run [default: the current folder]
    pub(crate) folder: Option<PathBuf>,
}

/// `KIND=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportArg {
    pub(crate) kind: String,
    /// `None` is standard output.
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for ReportArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((kind, file)) if !kind.is_empty() && !file.is_empty() => {
                Ok(Self { kind: kind.to_owned(), file: (file != "-").then(|| PathBuf::from(file)) })
            }
            _ => Err(format!("`{text}` is not of the form KIND=FILE, e.g. `json=report.json`")),
        }
    }
}

/// A parser that lists the possible values in the help and takes them from the type itself.
pub(crate) fn named<T>(all: &'static [(&'static str, T)]) -> impl clap::builder::TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + FromStr + 'static,
    <T as FromStr>::Err: std::error::Error + Send + Sync + 'static,
{
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(all.iter().map(|(name, _)| *name))
        .try_map(|name| name.parse::<T>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_resumed_run_is_what_it_was_and_only_its_result_can_be_asked_for_otherwise() {
        let parse = |more: &[&str]| {
            let words = ["flaky", "run", "--resume", "20261124-034444-pnd2"].iter().chain(more);
            Cli::try_parse_from(words).is_ok()
        };
        assert!(parse(&[]));
        assert!(parse(&["--report", "json=x.json", "--quiet", "--budget-usd", "1"]));
        for other in [&["."][..], &["--runs", "3"], &["--", "pytest"], &["--endpoint", "x"], &["--seed", "1"]]
        {
            assert!(!parse(other), "{other:?}");
        }
    }

    #[test]
    fn a_report_argument_names_a_kind_and_a_file() {
        for (text, expected) in [
            ("json=out.json", Some(("json", Some("out.json")))),
            ("json=-", Some(("json", None))),
            ("json=a=b", Some(("json", Some("a=b")))),
            ("json", None),
            ("json=", None),
            ("=x", None),
        ] {
            let got = text.parse::<ReportArg>().ok();
            let expected = expected.map(|(k, f)| ReportArg { kind: k.into(), file: f.map(PathBuf::from) });
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn what_follows_the_dashes_is_the_command_as_it_stands() {
        let cli = Cli::try_parse_from(["flaky", "run", "-j", "3", "--", "pytest", "-v", "--runs"]).unwrap();
        let Command::Run(run) = cli.command else { panic!("run") };
        assert_eq!(run.command, ["pytest", "-v", "--runs"]);
        assert_eq!(run.source, None);
        assert_eq!(run.parallelism.map(Parallelism::get), Some(3));
    }
}
