//! What changed since the last green run of the same workflow on the same branch.

use flaky_core::surroundings::{Commit, SinceGreen};
use serde::Deserialize;

use super::Github;
use super::event::{WorkflowRun, is_commit};
use crate::forge::ForgeError;
use crate::forge::client::PAGE;

/// Commits that are handed to reporters: Slack shows five, a comment twenty.
pub(crate) const MOST_COMMITS: usize = 20;
/// Files that are handed to reporters.
pub(crate) const MOST_FILES: usize = 50;
/// Longest title of a commit in characters: git's own advice is 50, GitHub cuts at 72.
const MOST_TITLE: usize = 200;

/// Which runs count as the same.
pub(crate) struct Series<'a> {
    /// Id or file name of the workflow.
    pub(crate) workflow: &'a str,
    pub(crate) branch: &'a str,
    /// Id of the repository that the branch is in: forks have branches of the same names.
    pub(crate) repository: Option<u64>,
    /// Runs before this one.
    pub(crate) before: Option<u64>,
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<WorkflowRun>,
}

#[derive(Deserialize)]
struct Comparison {
    #[serde(default)]
    html_url: Option<String>,
    total_commits: u32,
    commits: Vec<ApiCommit>,
    #[serde(default)]
    files: Vec<ApiFile>,
}

#[derive(Deserialize)]
struct ApiCommit {
    sha: String,
    commit: GitCommit,
    /// The account that the forge knows the author's address by; an empty object for some.
    #[serde(default)]
    author: Option<Account>,
}

#[derive(Deserialize)]
struct GitCommit {
    message: String,
    #[serde(default)]
    author: Option<GitAuthor>,
}

#[derive(Deserialize)]
struct GitAuthor {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    login: Option<String>,
}

#[derive(Deserialize)]
struct ApiFile {
    filename: String,
}

/// `None`: never green there, or the two commits have nothing in common.
pub(crate) async fn since(
    github: &Github,
    series: &Series<'_>,
    commit: &str,
) -> Result<Option<SinceGreen>, ForgeError> {
    let path = github.path(&["actions", "workflows", series.workflow, "runs"]);
    let query = [("branch", series.branch), ("status", "success"), ("per_page", "30")];
    let runs: Runs = match github.forge.get(&path, &query).await {
        Ok(runs) => runs,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_it = |run: &WorkflowRun| {
        let here =
            series.repository.is_none_or(|id| run.head_repository.as_ref().is_some_and(|r| r.id == id));
        here && run.head_sha != commit
            && is_commit(&run.head_sha)
            && series.before.is_none_or(|number| run.run_number < number)
    };
    let newest = runs.workflow_runs.into_iter().filter(is_it).max_by_key(|run| run.run_number);
    let Some(green) = newest else { return Ok(None) };
    compare(github, &green.head_sha, commit).await
}

/// Commits come oldest first, in pages; files all come with the first page.
async fn compare(github: &Github, green: &str, commit: &str) -> Result<Option<SinceGreen>, ForgeError> {
    let range = format!("{green}...{commit}");
    let path = github.path(&["compare", &range]);
    let page = PAGE.to_string();
    let first: Comparison = match github.forge.get(&path, &[("per_page", &page), ("page", "1")]).await {
        Ok(first) => first,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let total_files = u32::try_from(first.files.len()).unwrap_or(u32::MAX);
    let files = first.files.into_iter().take(MOST_FILES).map(|file| file.filename).collect();
    let mut commits = first.commits;
    let last_page = (first.total_commits as usize).div_ceil(PAGE);
    if last_page > 1 {
        // The newest are on the last page; what is missing to a full list on the one before it.
        let mut newest = Vec::new();
        for number in [last_page - 1, last_page].into_iter().filter(|number| *number > 1) {
            let query = [("per_page", page.as_str()), ("page", &number.to_string())];
            newest.extend(github.forge.get::<Comparison>(&path, &query).await?.commits);
        }
        commits.extend(newest);
    }
    Ok(Some(SinceGreen {
        commit: green.to_owned(),
        url: first.html_url,
        commits: commits.into_iter().rev().take(MOST_COMMITS).map(ApiCommit::into_domain).collect(),
        total_commits: first.total_commits,
        files,
        total_files,
    }))
}

impl ApiCommit {
    fn into_domain(self) -> Commit {
        let title = self.commit.message.lines().next().unwrap_or_default();
        Commit {
            sha: self.sha,
            title: title.chars().take(MOST_TITLE).collect(),
            author: self.commit.author.and_then(|author| author.name).unwrap_or_default(),
            login: self.author.and_then(|account| account.login),
        }
    }
}
