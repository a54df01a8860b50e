//! `flaky history show`: everything known of one test.

use std::path::Path;

use flaky_core::history::{HistoryFilter, Onset, TestHistory, onset, recovery, step};
use flaky_core::ids::TestId;
use flaky_core::text::visible;
use flaky_exec::checkout::commits_between;
use flaky_history::{Access, History};

use super::documents::{self, Suspect, TestPage, TestPages};
use super::{asked, json, print, text, width};
use crate::args::ShowArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::{now, open, unusable};

/// Commits named between the last clean and the first failing one: what somebody reads through.
const MOST_SUSPECTS: usize = 50;
/// Tests named where the one that was asked for is not there.
const MOST_NAMED: usize = 10;

pub(super) async fn execute(session: &Session, args: &ShowArgs) -> Result<ExitStatus, CliError> {
    let history = open(session, &args.place, Access::Read).await?;
    let filter = asked::filter(&history, &args.filter, None).await?;
    let mut found = of_name(&history, &filter, &TestId::new(&args.test)).await?;
    if found.is_empty() {
        let id = only_one_like(&history, &filter, &args.test).await?;
        found = of_name(&history, &filter, &id).await?;
    }
    let pages: Vec<TestPage> = found.into_iter().map(page).collect();
    if args.json {
        return json(&TestPages { history_version: documents::VERSION, filter: &filter, tests: &pages });
    }
    let texts: Vec<String> = pages.iter().map(|page| text::show(page, now(), width())).collect();
    print(&texts.join("\n"))
}

async fn of_name(
    history: &History,
    filter: &HistoryFilter,
    id: &TestId,
) -> Result<Vec<TestHistory>, CliError> {
    let mut found = Vec::new();
    for series in asked::series(history, filter).await? {
        found.extend(history.test(&series, id, filter).await.map_err(|e| unusable(&e))?);
    }
    Ok(found)
}

/// The test whose name holds the text, when there is exactly one.
async fn only_one_like(history: &History, filter: &HistoryFilter, text: &str) -> Result<TestId, CliError> {
    let filter = HistoryFilter { search: Some(text.to_owned()), ..filter.clone() };
    let mut ids: Vec<TestId> =
        history.tests(&filter, 1).await.map_err(|e| unusable(&e))?.into_iter().map(|test| test.id).collect();
    ids.sort();
    ids.dedup();
    match &ids[..] {
        [one] => Ok(one.clone()),
        [] => Err(CliError::usage_text(
            format!("the history knows no test `{}`", visible(text)),
            Some(
                "`flaky history --all` lists those that it knows; `--repository all` looks into every repository",
            ),
        )),
        several => {
            let named: Vec<String> = several.iter().take(MOST_NAMED).map(|id| format!("`{id}`")).collect();
            Err(CliError::usage_text(
                format!("{} tests are called like `{}`", several.len(), visible(text)),
                Some(&format!("name one of them: {}", named.join(", "))),
            ))
        }
    }
}

fn page(history: TestHistory) -> TestPage {
    let commits = history.commits();
    let onset = onset(&commits);
    let suspects = onset.as_ref().and_then(suspects);
    TestPage { onset, recovery: recovery(&commits), step: step(&commits), suspects, history }
}

fn suspects(onset: &Onset) -> Option<Vec<Suspect>> {
    let last_clean = onset.last_clean.as_deref()?;
    let found = commits_between(Path::new("."), Some(last_clean), &onset.first_failed, MOST_SUSPECTS)?;
    Some(found.into_iter().map(|line| Suspect { commit: line.commit, title: line.title }).collect())
}
