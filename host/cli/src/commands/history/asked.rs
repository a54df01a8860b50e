//! Which runs a command speaks of.

use std::path::Path;

use flaky_core::history::{HistoryFilter, Series, repository_name};
use flaky_core::period::Period;
use flaky_exec::checkout::describe_local;
use flaky_history::History;

use crate::args::FilterArgs;
use crate::error::CliError;
use crate::history_place::{now, unusable};

/// How far back lists look where nobody says: what hurts now, not what hurt once.
pub(super) const USUAL_PERIOD: Period = Period::days(30);

/// The word that asks for every repository.
const EVERY: &str = "all";

/// What was typed, as the store reads it. Where no repository was named, that of this folder, if it has runs.
pub(super) async fn filter(
    history: &History,
    args: &FilterArgs,
    period: Option<Period>,
) -> Result<HistoryFilter, CliError> {
    let now = now();
    let repository = match args.repository.as_deref() {
        Some(EVERY) => None,
        Some(name) => Some(name.to_owned()),
        None => {
            let known = history.series().await.map_err(|e| unusable(&e))?;
            here(Path::new(".")).filter(|here| known.iter().any(|series| series.repository == *here))
        }
    };
    Ok(HistoryFilter {
        repository,
        suite: args.suite.clone(),
        branch: args.branch.clone(),
        since: args.since.map(|since| since.at(now)).or_else(|| Some(period?.before(now))),
        until: args.until.map(|until| until.at(now)),
        ..HistoryFilter::default()
    })
}

/// What this folder's repository is called.
fn here(folder: &Path) -> Option<String> {
    let state = describe_local(folder);
    let root = state.root.as_deref().unwrap_or(folder).canonicalize().ok();
    let name = state.origin.as_deref().and_then(repository_name);
    name.or_else(|| root.map(|root| flaky_core::text::visible(&root.display().to_string())))
}

/// Suites that a filter leaves.
pub(super) async fn series(history: &History, filter: &HistoryFilter) -> Result<Vec<Series>, CliError> {
    let all = history.series().await.map_err(|e| unusable(&e))?;
    let fits = |asked: &Option<String>, found: &str| asked.as_deref().is_none_or(|asked| asked == found);
    Ok(all
        .into_iter()
        .filter(|series| fits(&filter.repository, &series.repository) && fits(&filter.suite, &series.suite))
        .collect())
}
