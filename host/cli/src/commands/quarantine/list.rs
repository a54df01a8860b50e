//! `flaky quarantine list` and `check`.

use serde_json::{Value, json};

use super::past::Past;
use super::shelf::{Shelf, say};
use super::standing::{Standing, State};
use crate::args::quarantine::{ListArgs, PastArgs};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Says how every entry stands.
pub(super) fn list(args: &ListArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let standings = standings(&shelf, &args.past)?;
    if args.json {
        say(&document(&standings).to_string());
    } else if standings.is_empty() {
        say("no test is in quarantine");
    } else {
        standings.iter().for_each(|standing| say(&standing.line()));
    }
    Ok(ExitStatus::Fine)
}

/// Says which entries should go, and fails where there are any.
pub(super) fn check(args: &ListArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let standings = standings(&shelf, &args.past)?;
    let total = standings.len();
    let stale: Vec<Standing<'_>> = standings.into_iter().filter(|s| s.state != State::Holds).collect();
    if args.json {
        say(&document(&stale).to_string());
    } else {
        for standing in &stale {
            say(&format!("{}:{}: {}", shelf.path.display(), standing.line, standing.line()));
        }
        if stale.is_empty() {
            say(&format!("{total} in quarantine, and all of them belong there"));
        }
    }
    Ok(if stale.is_empty() { ExitStatus::Fine } else { ExitStatus::QuarantineStale })
}

fn standings<'s>(shelf: &'s Shelf, args: &PastArgs) -> Result<Vec<Standing<'s>>, CliError> {
    shelf.session.block_on(async {
        let past = Past::open(args, shelf).await?;
        let mut standings = Vec::new();
        for (at, entry) in shelf.file.entries.iter().enumerate() {
            let suite = entry.suite.as_ref().map(|suite| suite.as_str());
            let known = match &past {
                Some(past) => Some(past.everywhere(&entry.test, suite).await?),
                None => None,
            };
            let line = shelf.file.place(at).map_or(0, |place| place.line);
            standings.push(Standing::of(entry, line, shelf.today, known.as_deref()));
        }
        Ok(standings)
    })
}

fn document(standings: &[Standing<'_>]) -> Value {
    let entries: Vec<Value> = standings.iter().map(Standing::json).collect();
    json!({ "quarantined": entries })
}
