//! Which CI job this process is part of, for the reports that it makes.

use flaky_core::report::CiJob;

use crate::github::event::{Event, is_commit};
use crate::world::Environment;

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
    fn elsewhere_there_is_none() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("GITHUB_ACTIONS", "true")]), None);
    }
}
