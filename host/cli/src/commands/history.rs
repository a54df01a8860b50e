//! `flaky history`: what earlier runs found.
//!
//! Each command asks the store, then hands what it said to a function in `text`, which needs no store, or prints it as JSON.

mod asked;
mod compare;
mod documents;
mod show;
mod text;
mod upkeep;

use std::io::{self, Write};

use flaky_history::Access;
use serde::Serialize;

use self::documents::{RunList, TestList};
use super::session::Session;
use crate::args::{HistoryArgs, HistoryCommand, ListArgs, OutputArgs, RunsArgs};
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::{open, unusable};
use crate::terminal;

/// Equal parts of the period in a trend: a character each.
const PARTS: u32 = 12;

/// Columns where standard output is no terminal.
const USUAL_WIDTH: usize = 100;

/// From what was typed to the exit code.
pub(crate) fn execute(args: HistoryArgs) -> Result<ExitStatus, CliError> {
    let session = Session::open(&OutputArgs { quiet: true, no_color: false })?;
    session.block_on(async {
        match args.command {
            None => list(&session, &args.list).await,
            Some(HistoryCommand::Show(args)) => show::execute(&session, &args).await,
            Some(HistoryCommand::Compare(args)) => compare::execute(&session, &args).await,
            Some(HistoryCommand::Runs(args)) => runs(&session, &args).await,
            Some(HistoryCommand::Prune(args)) => upkeep::prune(&session, &args).await,
            Some(HistoryCommand::Check(args)) => upkeep::check(&session, &args).await,
            Some(HistoryCommand::Export(args)) => upkeep::export(&session, &args).await,
            Some(HistoryCommand::Import(args)) => upkeep::import(&session, &args).await,
            Some(HistoryCommand::Merge(args)) => upkeep::merge(&session, &args).await,
        }
    })
}

async fn list(session: &Session, args: &ListArgs) -> Result<ExitStatus, CliError> {
    let history = open(session, &args.place, Access::Read).await?;
    let mut filter = asked::filter(&history, &args.filter, Some(asked::USUAL_PERIOD)).await?;
    filter.search.clone_from(&args.search);
    filter.failed_only = !args.all;
    let mut tests = history.tests(&filter, PARTS).await.map_err(|e| unusable(&e))?;
    tests.sort_by(flaky_core::history::costliest_first);
    if args.json {
        return json(&TestList { history_version: documents::VERSION, filter: &filter, tests: &tests });
    }
    print(&text::list(&tests, &filter, width()))
}

async fn runs(session: &Session, args: &RunsArgs) -> Result<ExitStatus, CliError> {
    let history = open(session, &args.place, Access::Read).await?;
    let filter = asked::filter(&history, &args.filter, None).await?;
    let runs = history.runs(&filter, args.most).await.map_err(|e| unusable(&e))?;
    if args.json {
        return json(&RunList { history_version: documents::VERSION, filter: &filter, runs: &runs });
    }
    print(&text::runs(&runs, width()))
}

fn width() -> usize {
    terminal::width().and_then(|width| usize::try_from(width).ok()).unwrap_or(USUAL_WIDTH)
}

/// A closed standard output is no failure.
fn print(text: &str) -> Result<ExitStatus, CliError> {
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(ExitStatus::Fine)
}

fn json(document: &impl Serialize) -> Result<ExitStatus, CliError> {
    let mut text = serde_json::to_string_pretty(document).map_err(|e| CliError::fault(&e, None))?;
    text.push('\n');
    print(&text)
}
