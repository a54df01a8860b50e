//! GitLab: what its jobs say of themselves, and the notes of a merge request.
//!
//! Variables: <https://docs.gitlab.com/ci/variables/predefined_variables/>; notes: <https://docs.gitlab.com/api/notes/>.

use std::sync::Arc;

use flaky_core::surroundings::{Ci, EarlierResult, Platform, PullRequest, Surroundings};

use crate::error::Lost;
use crate::forge::thread::Thread;
use crate::forge::{Forge, ForgeError};
use crate::world::{Environment, World};

/// A client of GitLab for one project: that of the job.
#[derive(Debug)]
pub struct Gitlab {
    forge: Forge,
    project: String,
}

impl Gitlab {
    /// By `GITLAB_TOKEN`, `CI_API_V4_URL` and `CI_PROJECT_ID`.
    ///
    /// # Errors
    /// When one of them is missing or makes no sense.
    pub fn new(world: &Arc<World>) -> Result<Self, ForgeError> {
        const VARIABLE: &str = "CI_PROJECT_ID";
        let missing = || ForgeError::variable("GitLab", VARIABLE, None);
        let project = world.environment.get(VARIABLE).ok_or_else(missing)?;
        let invalid = || ForgeError::variable("GitLab", VARIABLE, Some("it is not a number".to_owned()));
        let project: u64 = project.trim().parse().map_err(|_| invalid())?;
        Ok(Self { forge: Forge::gitlab(world)?, project: project.to_string() })
    }

    /// What was told in our note before, newest first.
    ///
    /// # Errors
    /// What GitLab says.
    pub async fn earlier(&self, merge_request: u64) -> Result<Vec<EarlierResult>, ForgeError> {
        self.thread(merge_request).earlier().await
    }

    pub(crate) fn thread(&self, merge_request: u64) -> Thread<'_> {
        Thread::gitlab(&self.forge, &self.project, merge_request)
    }
}

/// What is known, and why the rest is not.
pub(crate) async fn look_around(world: &Arc<World>) -> (Surroundings, Vec<Lost>) {
    let ci = by_variables(&world.environment);
    let mut lost = Vec::new();
    let mut earlier = Vec::new();
    if let (Some(merge_request), Ok(gitlab)) = (&ci.pull_request, Gitlab::new(world)) {
        match gitlab.earlier(merge_request.number).await {
            Ok(found) => earlier = found,
            Err(error) => lost.push(Lost::Unknown { what: "what was told before", error }),
        }
    }
    (Surroundings { ci: Some(ci), earlier, ..Surroundings::default() }, lost)
}

pub(crate) fn by_variables(environment: &Environment) -> Ci {
    let get = |name| environment.get(name);
    let number = get("CI_MERGE_REQUEST_IID").and_then(|number| number.trim().parse().ok());
    let head = get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| get("CI_COMMIT_SHA"));
    let pull_request = number.map(|number: u64| PullRequest {
        number,
        head: head.clone().unwrap_or_default(),
        url: get("CI_MERGE_REQUEST_PROJECT_URL")
            .map(|project| format!("{}/-/merge_requests/{number}", project.trim_end_matches('/')))
            .unwrap_or_default(),
        draft: get("CI_MERGE_REQUEST_DRAFT").as_deref() == Some("true"),
        fork: get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != get("CI_MERGE_REQUEST_PROJECT_ID"),
    });
    Ci {
        platform: Platform::Gitlab,
        server: get("CI_SERVER_URL").unwrap_or_default().trim_end_matches('/').to_owned(),
        repository: get("CI_PROJECT_PATH").unwrap_or_default(),
        run_url: get("CI_JOB_URL").or_else(|| get("CI_PIPELINE_URL")),
        // In pipelines of merged results the job's own commit exists nowhere else.
        commit: if number.is_some() { head } else { get("CI_COMMIT_SHA") },
        branch: get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME").or_else(|| get("CI_COMMIT_BRANCH")),
        pull_request,
        ..Ci::default()
    }
}

#[cfg(test)]
mod tests;
