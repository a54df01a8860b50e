//! Where a job of GitHub Actions tells its report.

use std::sync::Arc;

use flaky_core::surroundings::{Ci, Platform, Surroundings};

use super::Github;
use super::event::{Event, is_commit};
use super::green::{self, Series};
use crate::error::Lost;
use crate::forge::ForgeError;
use crate::world::{Environment, World};

/// What the event says of where the report belongs.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) ci: Ci,
    /// Workflow (id or file name), id of the repository of the branch, run that came after.
    workflow: Option<String>,
    repository: Option<u64>,
    before: Option<u64>,
}

/// What is known, and why the rest is not.
pub(crate) async fn look_around(world: &Arc<World>) -> (Surroundings, Vec<Lost>) {
    let mut lost = Vec::new();
    let environment = &world.environment;
    let event = match Event::of_job(environment) {
        Ok(event) => Some(event),
        Err(error) => {
            lost.push(Lost::Variable { name: "GITHUB_EVENT_PATH", why: error.to_string() });
            None
        }
    };
    // Without a token the job still knows itself.
    let github = Github::new(world).ok();
    let mut place = by_variables(environment);
    if let Some(event) = event {
        by_event(&mut place, event, github.as_ref(), &mut lost).await;
    }
    let mut earlier = Vec::new();
    if let Some(github) = &github {
        if let Some(pull) = &place.ci.pull_request {
            keep(github.earlier(pull.number).await, "what was told before", &mut lost, |found| {
                earlier = found
            });
        }
        let since = since_green(github, &place).await;
        keep(since, "the last green run", &mut lost, |since| place.ci.since_green = since);
    }
    let surroundings = Surroundings { ci: Some(place.ci), earlier, ..Surroundings::default() };
    (surroundings, lost)
}

fn keep<T>(answer: Result<T, ForgeError>, what: &'static str, lost: &mut Vec<Lost>, take: impl FnOnce(T)) {
    match answer {
        Ok(value) => take(value),
        Err(error) => lost.push(Lost::Unknown { what, error }),
    }
}

/// Where pages and repositories of the job's GitHub are; without a slash at the end.
#[must_use]
pub fn server(environment: &Environment) -> String {
    let server = environment.get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    server.trim_end_matches('/').to_owned()
}

pub(crate) fn by_variables(environment: &Environment) -> Place {
    let get = |name| environment.get(name);
    let server = server(environment);
    let repository = get("GITHUB_REPOSITORY").unwrap_or_default();
    let run_url = get("GITHUB_RUN_ID").map(|id| {
        let attempt = get("GITHUB_RUN_ATTEMPT").filter(|attempt| attempt != "1");
        let attempt = attempt.map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
        format!("{server}/{repository}/actions/runs/{id}{attempt}")
    });
    // `owner/name/.github/workflows/ci.yml@refs/heads/main`
    let workflow = get("GITHUB_WORKFLOW_REF").and_then(|reference| {
        let (path, _) = reference.split_once('@')?;
        Some(path.rsplit('/').next()?.to_owned())
    });
    let ci = Ci {
        platform: Platform::Github,
        server,
        run_url,
        commit: get("GITHUB_SHA").filter(|sha| is_commit(sha)),
        branch: get("GITHUB_REF_NAME").filter(|_| get("GITHUB_REF_TYPE").as_deref() == Some("branch")),
        repository,
        ..Ci::default()
    };
    let number = get("GITHUB_RUN_NUMBER").and_then(|number| number.parse().ok());
    let id = get("GITHUB_REPOSITORY_ID").and_then(|id| id.parse().ok());
    Place { ci, workflow, repository: id, before: number }
}

async fn by_event(place: &mut Place, event: Event, github: Option<&Github>, lost: &mut Vec<Lost>) {
    match event {
        Event::PullRequest { pull_request, branch } => {
            // The job's own commit is a merge that exists nowhere else.
            place.ci.commit = Some(pull_request.head.clone());
            place.ci.branch = Some(branch);
            // Its runs tell where their commits are, but not the job where its own is.
            place.repository = place.repository.filter(|_| !pull_request.fork);
            place.ci.pull_request = Some(pull_request);
        }
        Event::WorkflowRun(run) => {
            if let Some(github) = github {
                let found = github.pull_request_of(&run).await;
                keep(found, "the pull request", lost, |found| place.ci.pull_request = found);
            }
            let again =
                if run.run_attempt > 1 { format!("/attempts/{}", run.run_attempt) } else { String::new() };
            place.ci.failed_run_url = Some(format!("{}{again}", run.html_url));
            place.ci.failed_workflow = run.name;
            place.ci.commit = Some(run.head_sha);
            place.ci.branch = run.head_branch;
            place.workflow = Some(run.workflow_id.to_string());
            place.repository = run.head_repository.map(|repository| repository.id);
            // Without its repository, branches of all forks would count.
            place.workflow = place.workflow.take().filter(|_| place.repository.is_some());
            place.before = Some(run.run_number);
        }
        Event::Push { commit, branch } => {
            place.ci.commit = Some(commit);
            place.ci.branch = branch;
        }
        Event::Schedule | Event::WorkflowDispatch | Event::Other(_) => {}
    }
}

async fn since_green(
    github: &Github,
    place: &Place,
) -> Result<Option<flaky_core::surroundings::SinceGreen>, ForgeError> {
    let (Some(workflow), Some(branch), Some(commit)) = (&place.workflow, &place.ci.branch, &place.ci.commit)
    else {
        return Ok(None);
    };
    let fork = place.ci.pull_request.as_ref().is_some_and(|pull| pull.fork);
    if fork && place.repository.is_none() {
        return Ok(None);
    }
    let series = Series { workflow, branch, repository: place.repository, before: place.before };
    green::since(github, &series, commit).await
}
