//! Which CI job this process is part of, for the reports that it makes.

use flaky_core::report::CiJob;

use crate::github::event::{Event, is_commit};
use crate::world::Environment;
use crate::{github, gitlab};

/// The job of GitHub Actions or GitLab CI/CD that this process runs in. Nothing is asked of anybody.
#[must_use]
pub fn ci_job(environment: &Environment) -> Option<CiJob> {
    let is_set = |name| environment.get(name).is_some_and(|value| value == "true");
    let number = |name| environment.get(name).and_then(|text| text.trim().parse::<u64>().ok());
    if is_set("GITHUB_ACTIONS") {
        let of_event = match Event::of_job(environment) {
            // The job's own commit is a merge that exists nowhere else.
            Ok(Event::PullRequest { pull_request, .. }) => Some(pull_request.head),
            Ok(Event::WorkflowRun(run)) => Some(run.head_sha),
            _ => None,
        };
        return Some(CiJob {
            repository: environment.get("GITHUB_REPOSITORY")?,
            run: number("GITHUB_RUN_ID")?,
            attempt: number("GITHUB_RUN_ATTEMPT").and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            commit: of_event.or_else(|| environment.get("GITHUB_SHA").filter(|sha| is_commit(sha))),
        });
    }
    if is_set("GITLAB_CI") {
        return Some(CiJob {
            repository: environment.get("CI_PROJECT_PATH")?,
            run: number("CI_PIPELINE_ID")?,
            attempt: 1,
            commit: environment.get("CI_COMMIT_SHA").filter(|sha| is_commit(sha)),
        });
    }
    None
}

/// For what a CI job was started, as far as its variables and its event tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CiPlace {
    /// The branch. Of a pull request from a fork, with the fork's name before it where that is known.
    pub branch: Option<String>,
    /// Number of the pull or merge request.
    pub pull_request: Option<u64>,
    /// Page of the job's run.
    pub url: Option<String>,
}

/// For what the job of GitHub Actions or GitLab CI/CD that this process runs in was started. Nothing is asked of anybody.
#[must_use]
pub fn ci_place(environment: &Environment) -> CiPlace {
    let is_set = |name| environment.get(name).is_some_and(|value| value == "true");
    if is_set("GITHUB_ACTIONS") {
        let ci = github::surroundings::by_variables(environment).ci;
        let mut place = CiPlace { branch: ci.branch, pull_request: None, url: ci.run_url };
        match Event::of_job(environment) {
            Ok(Event::PullRequest { pull_request, branch }) => {
                // A fork's `main` is not ours.
                place.branch = Some(if pull_request.fork { format!("fork:{branch}") } else { branch });
                place.pull_request = Some(pull_request.number);
            }
            Ok(Event::WorkflowRun(run)) => {
                let own = environment.get("GITHUB_REPOSITORY_ID").and_then(|id| id.parse().ok());
                let is_own = own.is_some() && run.head_repository.as_ref().map(|head| head.id) == own;
                place.branch = run.head_branch.map(|b| if is_own { b } else { format!("fork:{b}") });
            }
            _ => {}
        }
        return place;
    }
    if is_set("GITLAB_CI") {
        let ci = gitlab::by_variables(environment);
        let fork = ci.pull_request.as_ref().is_some_and(|pull| pull.fork);
        return CiPlace {
            branch: ci.branch.map(|b| if fork { format!("fork:{b}") } else { b }),
            pull_request: ci.pull_request.map(|pull| pull.number),
            url: ci.run_url,
        };
    }
    CiPlace::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn of(variables: &'static [(&'static str, &'static str)]) -> Option<CiJob> {
        let find = move |name: &str| variables.iter().find(|(key, _)| *key == name);
        ci_job(&Environment::new(move |name| find(name).map(|(_, value)| (*value).to_owned())))
    }

    #[test]
    fn a_job_knows_its_run_by_variables_alone() {
        let github = of(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "77"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_SHA", COMMIT),
        ]);
        let expected =
            CiJob { repository: "acme/shop".into(), run: 77, attempt: 2, commit: Some(COMMIT.into()) };
        assert_eq!(github, Some(expected));
        let gitlab = of(&[
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_PATH", "acme/shop/web"),
            ("CI_PIPELINE_ID", "9"),
            ("CI_COMMIT_SHA", "not a commit"),
        ]);
        let expected = CiJob { repository: "acme/shop/web".into(), run: 9, attempt: 1, commit: None };
        assert_eq!(gitlab, Some(expected));
    }

    #[test]
    fn a_job_knows_what_it_was_started_for() {
        let place = |variables: &'static [(&'static str, &'static str)]| {
            let find = move |name: &str| variables.iter().find(|(key, _)| *key == name);
            ci_place(&Environment::new(move |name| find(name).map(|(_, value)| (*value).to_owned())))
        };
        let github = place(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "77"),
            ("GITHUB_REF_TYPE", "branch"),
            ("GITHUB_REF_NAME", "main"),
        ]);
        let url = "https://github.com/acme/shop/actions/runs/77".to_owned();
        assert_eq!(github, CiPlace { branch: Some("main".into()), pull_request: None, url: Some(url) });
        let gitlab = place(&[
            ("GITLAB_CI", "true"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "2"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
            ("CI_JOB_URL", "https://gitlab.example.org/acme/shop/-/jobs/3"),
        ]);
        assert_eq!(gitlab.branch.as_deref(), Some("fork:main"), "a fork's `main` is not ours");
        assert_eq!(gitlab.pull_request, Some(7));
        assert_eq!(place(&[]), CiPlace::default());
    }

    #[test]
    fn elsewhere_there_is_none() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("GITHUB_ACTIONS", "true")]), None);
    }
}
