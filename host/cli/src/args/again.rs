//! `flaky reproduce` and `flaky verify`: looking once more at what failed before.

use std::str::FromStr;

use clap::Args;
use flaky_core::ids::{RunId, Seed};
use flaky_core::settings::{Parallelism, Runs};

use super::OutputArgs;

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
