//! `flaky plugin bench`.

use std::fmt::Write as _;

use flaky_core::text::visible;
use flaky_plugin_kit::bench::{BenchError, Figures, bench};
use flaky_plugin_kit::golden;

use super::build::size;
use super::test::{beside, unusable};
use super::{json, print};
use crate::args::OutputArgs;
use crate::args::plugin::author::BenchArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &BenchArgs) -> Result<ExitStatus, CliError> {
    let folder = args.cases.clone().unwrap_or_else(|| beside(&args.file));
    let cases = golden::cases(&folder).map_err(|e| unusable(&e))?;
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    let settings = session.plugin_settings();
    let figures = session.block_on(bench(&settings, &args.file, &cases)).map_err(|error| match error {
        BenchError::Plugin(e) => CliError::plugin(&e, e.hint()),
        BenchError::Case(e) => unusable(&e),
        BenchError::Host(_) | BenchError::Folder(_) => CliError::fault(&error, None),
    })?;
    if args.json { json(&figures) } else { print(&page(&figures)) }
}

fn page(figures: &Figures) -> String {
    let mut text = format!("{}, {}\n", visible(&figures.file), size(figures.size));
    for (what, ms) in [
        ("first load, compiled", figures.first_load_ms),
        ("load from the cache", figures.cached_load_ms),
        ("instance and `configure`", figures.start_ms),
    ] {
        let _ = writeln!(text, "{what:48}{:>12}", milliseconds(ms));
    }
    for call in &figures.calls {
        let what = visible(&format!("`{}` of {}", call.call, call.input));
        let rate = call.mb_per_second.map(|rate| format!("{rate:.1} MB/s")).unwrap_or_default();
        let _ = writeln!(text, "{what:48}{:>12}{:>12}{rate:>14}", milliseconds(call.ms), size(call.memory));
    }
    text
}

fn milliseconds(ms: f64) -> String {
    if ms < 1.0 { format!("{:.0} µs", ms * 1e3) } else { format!("{ms:.1} ms") }
}
