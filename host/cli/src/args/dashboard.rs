//! `flaky dashboard`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

use super::history::PlaceArgs;

/// Show the history as a page: which tests are flaky, since when, how often, and what that costs.
///
/// The page is served on this machine until Ctrl-C, and shows new runs as they are recorded. With `--export` it is written as
/// files instead, for GitHub Pages or any other server of files. It only reads.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky dashboard --open
  flaky dashboard --history ci/history.sqlite --port 8080
  flaky dashboard --bind 0.0.0.0 --port 8080 --allow-host ci-box.example.org
  flaky dashboard --export public")]
pub(crate) struct DashboardArgs {
    /// Write the page as files into this folder, which is new, empty, or an earlier export
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["port", "bind", "allow_host", "open"])]
    pub(crate) export: Option<PathBuf>,

    /// Port to serve at; 0 is any free one
    #[arg(long, default_value_t = 0, help_heading = "Serving")]
    pub(crate) port: u16,

    /// Address to serve at. Where others can reach it, whoever looks needs the token that is printed
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = "Serving")]
    pub(crate) bind: IpAddr,

    /// Name by which browsers may ask for the page, beside addresses and `localhost`
    #[arg(long, value_name = "NAME", help_heading = "Serving")]
    pub(crate) allow_host: Vec<String>,

    /// Open the page in a browser
    // A token does not go into a command line, where others of this machine can read it.
    #[arg(long, conflicts_with = "bind", help_heading = "Serving")]
    pub(crate) open: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}
