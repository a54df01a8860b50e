//! What the user typed. What it means is decided in `commands`; no flag is read after that.

mod again;
mod cache;
mod ci;
mod history;
mod init;
mod parse;
pub(crate) mod plugin;
pub(crate) mod quarantine;
mod report;
mod run;
mod tell;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::again::{ReproduceArgs, VerifyArgs};
pub(crate) use self::cache::{CacheArgs, CleanArgs, KeptCommand};
pub(crate) use self::ci::CiArgs;
pub(crate) use self::history::{
    CheckArgs, CompareArgs, ExportArgs, FilterArgs, HistoryArgs, HistoryCommand, ImportArgs, KeepArgs,
    ListArgs, MergeArgs, PlaceArgs, PruneArgs, RunsArgs, ShowArgs, Source,
};
pub(crate) use self::init::{InitArgs, Workflow};
pub(crate) use self::parse::ParseArgs;
pub(crate) use self::plugin::PluginArgs;
pub(crate) use self::quarantine::QuarantineArgs;
pub(crate) use self::report::ReportArgs;
pub(crate) use self::run::RunArgs;
pub(crate) use self::tell::{OutputArgs, ReportArg, SettingsArgs, SupplyArgs, TellArgs};

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
    /// Say which tests failed in earlier runs, since when, and whether that gets better
    History(Box<HistoryArgs>),
    /// Say how far attempts can be kept apart on this machine, and what would raise it
    Doctor(DoctorArgs),
    /// Make, look into, test, fetch and approve plugins
    Plugin(PluginArgs),
    /// Keep tests that are known to be flaky from failing runs, until they are mended or their time is over
    Quarantine(QuarantineArgs),
    /// Say what is kept in the cache folder, or take it away
    Cache(CacheArgs),
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

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Folder whose tests are to be run [default: the current folder]
    pub(crate) folder: Option<PathBuf>,
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
    use flaky_core::settings::Parallelism;

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
