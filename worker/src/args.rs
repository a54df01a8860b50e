//! What was typed.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand};

/// The RunPod worker of flaky: takes jobs from an endpoint's queue, runs tests, answers.
///
/// Without options it works: where to take jobs is in the variables that RunPod sets.
#[derive(Debug, Parser)]
#[command(name = "flaky-worker", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask the worker of this machine whether it lives; exit code 0 if it does, 1 if not. For an image's health check.
    Health,
    /// Compile the bundled plugins into the cache, so that no job waits for it. For an image's build.
    Prepare,
}

/// Without the platform.
#[derive(Debug, Args)]
pub(crate) struct Local {
    /// Offer the endpoint's API on this machine instead of taking jobs.
    #[arg(long, alias = "rp_serve_api", conflicts_with = "test_input")]
    pub(crate) serve_api: bool,
    /// Address that the local API listens on.
    #[arg(long, alias = "rp_api_host", value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = host)]
    pub(crate) host: IpAddr,
    /// Port of the local API; 0 is any free one.
    #[arg(long, alias = "rp_api_port", default_value_t = flaky_worker::api::DEFAULT_PORT)]
    pub(crate) port: u16,
    /// Jobs at once that the local API runs.
    #[arg(long, alias = "rp_api_concurrency", value_name = "N", default_value = "1")]
    pub(crate) concurrency: NonZeroUsize,
    /// Let other machines reach the local API. Whoever reaches it can run commands here.
    #[arg(long)]
    pub(crate) expose: bool,
    /// Do this one job and print its output: `{"input": {…}}`, or `@FILE` with that in it.
    #[arg(long, alias = "test_input", value_name = "JSON")]
    pub(crate) test_input: Option<String>,
    /// How much is said: TRACE, DEBUG, INFO, WARN or ERROR.
    #[arg(long, alias = "rp_log_level", value_name = "LEVEL", value_parser = level)]
    pub(crate) log_level: Option<flaky_worker::logs::Level>,
}

fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "expected an IP address of this machine, or `localhost`".to_owned())
}

fn level(text: &str) -> Result<flaky_worker::logs::Level, String> {
    text.parse().map_err(|e: flaky_worker::logs::UnknownLevel| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once(&"flaky-worker").chain(arguments))
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_of_runpods_sdk_are_understood() {
        let cli = parse(&["--rp_serve_api", "--rp_api_host", "localhost", "--rp_api_port", "9000"]).unwrap();
        assert!(cli.local.serve_api);
        assert_eq!((cli.local.host.to_string().as_str(), cli.local.port), ("127.0.0.1", 9000));
        let cli = parse(&["--test_input", r#"{"input":{}}"#, "--rp_log_level", "debug"]).unwrap();
        assert_eq!(cli.local.test_input.as_deref(), Some(r#"{"input":{}}"#));
        assert_eq!(cli.local.log_level, Some(flaky_worker::logs::Level::Debug));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            &["--serve-api", "--test-input", "{}"][..],
            &["--serve-api", "health"],
            &["--host", "example.org"],
            &["--concurrency", "0"],
            &["--log-level", "loud"],
            &["work"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
        assert!(matches!(parse(&["health"]).unwrap().command, Some(Command::Health)));
        assert!(matches!(parse(&["prepare"]).unwrap().command, Some(Command::Prepare)));
    }
}
