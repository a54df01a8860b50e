//! Which pull request a failed run belongs to.
//!
//! `workflow_run.pull_requests` is empty for forks, and `commits/{sha}/pulls` knows no heads of forks. What works is the
//! list of pull requests by the head's owner and branch; that is a name, so it counts only where the commit and the id of
//! the head's repository are those of the event, exactly once. Where no commit is, the one open pull request of that branch
//! of that very repository is the one whose head has moved on.

use flaky_core::surroundings::PullRequest;
use serde::Deserialize;

use super::Github;
use super::event::WorkflowRun;
use crate::forge::ForgeError;

/// A pull request as GitHub's API and its events have it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pull {
    number: u64,
    html_url: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    draft: Option<bool>,
    head: Head,
    #[serde(default)]
    base: Option<Head>,
}

#[derive(Debug, Clone, Deserialize)]
struct Head {
    sha: String,
    #[serde(rename = "ref")]
    branch: String,
    /// `None`: deleted.
    repo: Option<Repo>,
}

#[derive(Debug, Clone, Deserialize)]
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

    fn to_domain(&self) -> PullRequest {
        self.clone().into_domain(self.base_id())
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
    let of_repository = |pull: &&Pull| pull.head.repo.as_ref().is_some_and(|repo| repo.id == repository.id);
    let there: Vec<&Pull> = pulls.items.iter().filter(of_repository).collect();
    let exactly: Vec<&Pull> = there.iter().copied().filter(|pull| pull.head.sha == run.head_sha).collect();
    let found = match (&exactly[..], pulls.cut) {
        ([pull], false) => Some(*pull),
        // The branch has moved on; what was closed before is not about it any more.
        ([], false) => {
            let is_open = |pull: &&Pull| pull.state == "open" && pull.head.branch == *branch;
            let mut open = there.iter().copied().filter(is_open);
            open.next().filter(|_| open.next().is_none())
        }
        _ => None,
    };
    Ok(found.map(Pull::to_domain))
}

pub(crate) async fn get(github: &Github, number: u64) -> Result<PullRequest, ForgeError> {
    let pull: Pull = github.forge.get(&github.path(&["pulls", &number.to_string()]), &[]).await?;
    Ok(pull.to_domain())
}
