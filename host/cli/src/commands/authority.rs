//! Whose word the configuration file of a folder is, by where we run. [`flaky_engine::trust`] says what follows.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use flaky_core::text::visible;
use flaky_engine::folders;
use flaky_engine::supply::PluginSupply;
use flaky_engine::trust::{Approvals, ApproveBy, Authority, Standing, TrustedRevision};
use flaky_exec::checkout::{CheckoutSettings, CommitId, HttpsToken, RepositorySource, RepositoryUrl};
use serde::Deserialize;

use crate::in_ci;

/// Largest event that is read: GitHub sends none above 25 MB.
const MOST_EVENT: u64 = 25 << 20;

/// Where the trust file is.
pub(crate) fn config_folder() -> Option<PathBuf> {
    folders::config_folder(|name| std::env::var_os(name))
}

/// By the environment of this process and what the user typed. A trust file that cannot be relied on approves nothing,
/// with a warning.
pub(crate) fn of_process(
    trusted_ref: Option<&str>,
    checkout: CheckoutSettings,
    supply: Arc<dyn PluginSupply>,
) -> Authority {
    let approvals =
        config_folder().map(|folder| Approvals::read(&folder)).unwrap_or_else(|| Ok(Approvals::default()));
    let approvals = approvals.unwrap_or_else(|error| {
        super::tell::warn(&format!("{error}: nothing counts as approved"));
        Approvals::default()
    });
    let variables = |name: &str| std::env::var_os(name);
    let standing = standing(&variables, trusted_ref, checkout);
    let approve_by = if is_ci(&variables) { ApproveBy::Digest } else { ApproveBy::Looking };
    Authority { standing, approvals, approve_by, supply: Some(supply) }
}

type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn text(variables: Variables<'_>, name: &str) -> Option<String> {
    let text = variables(name)?.into_string().ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn is_ci(variables: Variables<'_>) -> bool {
    in_ci::is_ci(&|name| text(variables, name))
}

/// The revision that the user named, else the base of the pull request that CI is about. Without either, the workflow's own
/// commit counts; anywhere else, and at a terminal, the folder's plugins need approval.
fn standing(variables: Variables<'_>, trusted_ref: Option<&str>, checkout: CheckoutSettings) -> Standing {
    let get = |name: &str| text(variables, name);
    if !is_ci(variables) {
        return match trusted_ref {
            Some(name) => revision(name.to_owned(), None, None, checkout),
            None => Standing::Folder,
        };
    }
    let job = if get("GITLAB_CI").is_some() { Job::gitlab(&get) } else { Job::github(&get) };
    let mut checkout = checkout;
    if checkout.token.is_none() && job.repository.is_some() {
        checkout.token = job.token.as_deref().and_then(HttpsToken::new);
    }
    match (trusted_ref, job.base, job.commit) {
        (Some(name), ..) => revision(name.to_owned(), None, job.repository, checkout),
        (None, Some(base), _) => revision(base, job.base_commit, job.repository, checkout),
        (None, None, Some(commit)) => Standing::Commit(commit),
        (None, None, None) => Standing::Folder,
    }
}

fn revision(
    name: String,
    commit: Option<CommitId>,
    repository: Option<RepositoryUrl>,
    checkout: CheckoutSettings,
) -> Standing {
    Standing::Revision(Box::new(TrustedRevision { name, commit, repository, checkout }))
}

/// What a CI platform says of its job.
struct Job {
    /// The branch that a pull request wants to change.
    base: Option<String>,
    /// That branch's commit.
    base_commit: Option<CommitId>,
    /// The repository that the job is of: never a fork's.
    repository: Option<RepositoryUrl>,
    /// The commit that the workflow itself is of; none where that may be a pull request's.
    commit: Option<String>,
    /// For that repository alone.
    token: Option<String>,
}

impl Job {
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
    fn github(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let server = get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
        let repository = get("GITHUB_REPOSITORY")
            .and_then(|name| url_of(&format!("{}/{name}.git", server.trim_end_matches('/'))));
        let event = get("GITHUB_EVENT_NAME").unwrap_or_default();
        Self {
            base: get("GITHUB_BASE_REF"),
            base_commit: get("GITHUB_EVENT_PATH").and_then(|path| base_of_event(&PathBuf::from(path))),
            repository,
            commit: get("GITHUB_SHA").filter(|_| !event.starts_with("pull_request")),
            token: get("GITHUB_TOKEN"),
        }
    }

    /// <https://docs.gitlab.com/ci/variables/predefined_variables/>
    fn gitlab(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let merges = get("CI_MERGE_REQUEST_IID").is_some() || get("CI_EXTERNAL_PULL_REQUEST_IID").is_some();
        let target = get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
            .or_else(|| get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME"));
        let project = get("CI_MERGE_REQUEST_PROJECT_URL").or_else(|| get("CI_PROJECT_URL"));
        let commit_of_target = get("CI_MERGE_REQUEST_DIFF_BASE_SHA");
        Self {
            base: target.filter(|_| merges),
            base_commit: commit_of_target.and_then(|id| CommitId::parse(&id).ok()),
            repository: project.and_then(|url| url_of(&format!("{}.git", url.trim_end_matches('/')))),
            commit: get("CI_COMMIT_SHA").filter(|_| !merges),
            token: None,
        }
    }
}

fn url_of(text: &str) -> Option<RepositoryUrl> {
    match RepositorySource::parse(text) {
        Ok(RepositorySource::Remote(url)) => Some(url),
        _ => None,
    }
}

#[derive(Deserialize)]
struct PullRequestEvent {
    pull_request: PullRequestHead,
}

#[derive(Deserialize)]
struct PullRequestHead {
    base: BaseCommit,
}

#[derive(Deserialize)]
struct BaseCommit {
    sha: String,
}

/// The base's commit, as the event tells it. Without it, the branch is looked for by its name.
fn base_of_event(path: &std::path::Path) -> Option<CommitId> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MOST_EVENT).read_to_end(&mut bytes).ok()?;
    let event: PullRequestEvent = serde_json::from_slice(&bytes).ok()?;
    CommitId::parse(&visible(&event.pull_request.base.sha)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing_of(variables: &[(&str, &str)], trusted_ref: Option<&str>) -> String {
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        match standing(&get, trusted_ref, CheckoutSettings::default()) {
            Standing::Everything => "everything".into(),
            Standing::Folder => "folder".into(),
            Standing::Commit(commit) => format!("commit {commit}"),
            Standing::Revision(of) => {
                let commit = of.commit.map(|commit| format!(" at {}", commit.as_str())).unwrap_or_default();
                let from = of.repository.map(|url| format!(" of {url}")).unwrap_or_default();
                format!("{}{commit}{from}", of.name)
            }
        }
    }

    #[test]
    fn whose_word_counts_depends_on_the_ci_job_and_on_what_was_typed() {
        let folder = tempfile::tempdir().unwrap();
        let event = folder.path().join("event.json");
        let sha = "0123456789abcdef0123456789abcdef01234567";
        std::fs::write(&event, format!(r#"{{"pull_request": {{"base": {{"sha": "{sha}"}}}}}}"#)).unwrap();
        let event = event.to_str().unwrap();
        let github = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_SHA", "c1"),
        ];
        let pull = [
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_EVENT_PATH", event),
        ];
        let gitlab = [
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_URL", "https://gitlab.example.org/fork/shop"),
            ("CI_COMMIT_SHA", "c2"),
        ];
        let merge = [
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_PROJECT_URL", "https://gitlab.example.org/acme/shop"),
        ];
        let of_pull = format!("main at {sha} of https://github.com/acme/shop.git");
        for (variables, trusted_ref, expected) in [
            (vec![], None, "folder"),
            (vec![], Some("v1"), "v1"),
            // Some CI that says nothing more: whose commit it is, is not known.
            (vec![("CI", "true")], None, "folder"),
            (github.to_vec(), None, "commit c1"),
            (github.to_vec(), Some("release"), "release of https://github.com/acme/shop.git"),
            ([&github[..], &pull].concat(), None, of_pull.as_str()),
            // `pull_request_review` and the like have no base in the environment.
            ([&github[..], &[("GITHUB_EVENT_NAME", "pull_request_review")]].concat(), None, "folder"),
            // At a terminal somebody may have exported anything.
            (vec![("GITHUB_BASE_REF", "main")], None, "folder"),
            (gitlab.to_vec(), None, "commit c2"),
            ([&gitlab[..], &merge].concat(), None, "main of https://gitlab.example.org/acme/shop.git"),
        ] {
            assert_eq!(standing_of(&variables, trusted_ref), expected, "{variables:?}");
        }
    }
}
