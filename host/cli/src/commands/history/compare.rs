//! `flaky history compare`: tests then and now.

use std::collections::BTreeMap;

use flaky_core::history::{Direction, HistoryFilter, PastRun, Share, compared};
use flaky_core::ids::{RunId, TestId};
use flaky_core::period::Since;
use flaky_core::text::visible;
use flaky_history::{Access, History};

use super::documents::{self, Comparison, Side};
use super::{asked, json, print, text, width};
use crate::args::CompareArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::{now, open, unusable};

/// Runs that are looked through for a commit: more than a team makes in half a year.
const MOST_RUNS: u32 = 20_000;
/// Characters of a commit's id that name it: git's own least.
const LEAST_COMMIT: usize = 4;

pub(super) async fn execute(session: &Session, args: &CompareArgs) -> Result<ExitStatus, CliError> {
    let history = open(session, &args.place, Access::Read).await?;
    let filter = asked::filter(&history, &args.filter, None).await?;
    let runs = history.runs(&filter, MOST_RUNS).await.map_err(|e| unusable(&e))?;
    let (then, before) = side(&history, &filter, &runs, &args.a).await?;
    let (now, after) = side(&history, &filter, &runs, &args.b).await?;
    let mut tests = compared(&before, &after);
    let (all, changed) =
        (tests.len(), |test: &flaky_core::history::Compared| test.direction != Direction::Steady);
    if !args.all {
        tests.retain(changed);
    }
    if args.json {
        return json(&Comparison {
            history_version: documents::VERSION,
            then: &then,
            now: &now,
            tests: &tests,
        });
    }
    print(&text::comparison(&then, &now, &tests, all, width()))
}

/// What somebody wants to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Run(RunId),
    /// In full.
    Commit(String),
    Branch(String),
    Period(Since, Option<Since>),
}

type Shares = BTreeMap<TestId, Share>;

async fn side(
    history: &History,
    filter: &HistoryFilter,
    runs: &[PastRun],
    typed: &str,
) -> Result<(Side, Shares), CliError> {
    let wanted = wanted(runs, typed).ok_or_else(|| {
        CliError::usage_text(
            format!("the history knows no run, commit or branch `{}`, and it is no period", visible(typed)),
            Some("`flaky history runs` lists what it knows; periods are written `30d..7d` or `7d..`"),
        )
    })?;
    let one = |run: &PastRun| match &wanted {
        Wanted::Run(id) => run.run == *id,
        Wanted::Commit(commit) => run.commit.as_deref() == Some(commit) && !run.context.changed,
        Wanted::Branch(_) | Wanted::Period(..) => false,
    };
    let (kind, name, filter) = match &wanted {
        Wanted::Run(id) => ("run", id.to_string(), None),
        Wanted::Commit(commit) => ("commit", commit.clone(), None),
        Wanted::Branch(branch) => {
            ("branch", branch.clone(), Some(HistoryFilter { branch: Some(branch.clone()), ..filter.clone() }))
        }
        Wanted::Period(since, until) => {
            let (since, until) = (Some(since.at(now())), until.map(|until| until.at(now())));
            ("period", typed.to_owned(), Some(HistoryFilter { since, until, ..filter.clone() }))
        }
    };
    let mut shares = Shares::new();
    let mut add = |id: TestId, share: Share| {
        let known = shares.entry(id).or_default();
        *known = Share::total([&*known, &share]);
    };
    let counted = match filter {
        Some(filter) => {
            for test in history.tests(&filter, 1).await.map_err(|e| unusable(&e))? {
                add(test.id, Share { ran: test.ran, failed: test.failed });
            }
            None
        }
        None => {
            let chosen: Vec<&PastRun> = runs.iter().filter(|run| one(run)).collect();
            for run in &chosen {
                let Some((_, tests)) = history.run(&run.run).await.map_err(|e| unusable(&e))? else {
                    continue;
                };
                tests.into_iter().for_each(|(id, result)| add(id, result.share()));
            }
            Some(chosen.len())
        }
    };
    Ok((Side { kind, name, runs: counted }, shares))
}

/// What a text means. Without a word before it: a run that is known, then a branch, then a commit, then a period.
fn wanted(runs: &[PastRun], typed: &str) -> Option<Wanted> {
    let run = |text: &str| {
        let id: RunId = text.parse().ok()?;
        runs.iter().any(|run| run.run == id).then_some(Wanted::Run(id))
    };
    let branch = |text: &str| {
        let known = runs.iter().any(|run| run.context.branch.as_deref() == Some(text));
        known.then(|| Wanted::Branch(text.to_owned()))
    };
    let commit = |text: &str| {
        let begins = |id: &&String| text.len() >= LEAST_COMMIT && id.starts_with(text);
        let found = runs.iter().filter_map(|run| run.commit.as_ref()).find(begins)?;
        Some(Wanted::Commit(found.clone()))
    };
    let period = |text: &str| {
        let (since, until) = text.split_once("..").unwrap_or((text, ""));
        let until = if until.trim().is_empty() { None } else { Some(until.parse().ok()?) };
        Some(Wanted::Period(since.parse().ok()?, until))
    };
    match typed.split_once(':') {
        Some(("run", text)) => run(text),
        Some(("branch", text)) => branch(text),
        Some(("commit", text)) => commit(text),
        Some(("period", text)) => period(text),
        _ => run(typed).or_else(|| branch(typed)).or_else(|| commit(typed)).or_else(|| period(typed)),
    }
}
