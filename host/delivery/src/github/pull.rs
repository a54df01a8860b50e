//! Which pull request a failed run belongs to.
//!
//! `workflow_run.pull_requests` is empty for forks, and `commits/{sha}/pulls` knows no heads of forks. What works is the
//! list of pull requests by the head's owner and branch; that is a name, so it counts only where the commit and the id of
//! the head's repository are those of the event, exactly once.

use flaky_core::surroundings::PullRequest;
use serde::Deserialize;

use super::Github;
use super::event::WorkflowRun;
use crate::forge::ForgeError;

/// A pull request as GitHub's API and its events have it.
#[derive(Debug, Deserialize)]
pub(crate) struct Pull {
    number: u64,
    html_url: String,
    #[serde(default)]
    draft: Option<bool>,
    head: Head,
    #[serde(default)]
    base: Option<Head>,
}

#[derive(Debug, Deserialize)]
struct Head {
    sha: String,
    #[serde(rename = "ref")]
    branch: String,
    /// `None`: deleted.
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    id: u64,
}

impl Pull {
    pub(crate) fn commit(&self) -> &str {
        &self.head.sha
    }

    pub(crate) fn branch(&self) -> &str {
        &self.head.branch
    }

    /// `base`: id of the repository that it is made to.
    pub(crate) fn into_domain(self, base: u64) -> PullRequest {
        PullRequest {
            number: self.number,
            head: self.head.sha,
            url: self.html_url,
            draft: self.draft.unwrap_or_default(),
            // A head that is gone was not here.
            fork: self.head.repo.is_none_or(|repo| repo.id != base),
        }
    }

    fn base_id(&self) -> u64 {
        self.base.as_ref().and_then(|base| base.repo.as_ref()).map_or(0, |repo| repo.id)
    }
}

pub(crate) async fn find(github: &Github, run: &WorkflowRun) -> Result<Option<PullRequest>, ForgeError> {
    let (Some(repository), Some(branch)) = (&run.head_repository, &run.head_branch) else { return Ok(None) };
    let head = format!("{}:{branch}", repository.owner.login);
    let query = [("head", head.as_str()), ("state", "all")];
    let pulls = github.forge.list::<Pull>(&github.path(&["pulls"]), &query, None).await?;
    let is_it = |pull: &Pull| {
        pull.head.sha == run.head_sha && pull.head.repo.as_ref().is_some_and(|repo| repo.id == repository.id)
    };
    let mut matching = pulls.items.into_iter().filter(is_it);
    let found = matching.next().filter(|_| matching.next().is_none() && !pulls.cut);
    Ok(found.map(|pull| {
        let base = pull.base_id();
        pull.into_domain(base)
    }))
}

pub(crate) async fn get(github: &Github, number: u64) -> Result<PullRequest, ForgeError> {
    let pull: Pull = github.forge.get(&github.path(&["pulls", &number.to_string()]), &[]).await?;
    let base = pull.base_id();
    Ok(pull.into_domain(base))
}
