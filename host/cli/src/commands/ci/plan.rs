//! What is run again after a failure, and how often.

use flaky_config::{AskedBy, FileSettings, FlagSettings, SuiteEntry};
use flaky_core::ids::TestId;
use flaky_core::settings::{BackendKind, FailOn, Parallelism, Runs};
use flaky_core::surroundings::PullRequest;
use flaky_delivery::WorkflowRun;

/// The original's defaults.
const RUNS: u32 = 20;
const PARALLELISM: u32 = 5;

/// Attempts of a draft, as a part of those of a pull request that is ready: nobody waits for it yet.
const DRAFT_PART: u32 = 2;

/// Attempts at least: fewer decide nothing.
const LEAST_RUNS: u32 = 10;

/// Where the commit can be had from the repository itself, without a word of anybody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// A full reference of the repository.
    pub(super) reference: String,
    /// In full.
    pub(super) commit: String,
    pub(super) draft: bool,
}

/// The head of the pull request, or a branch of the repository itself; `None`: it can only be had from somewhere else.
pub(super) fn head(run: &WorkflowRun, pull: Option<&PullRequest>, repository: Option<u64>) -> Option<Head> {
    let commit = run.head_sha.clone();
    if let Some(pull) = pull {
        let reference = format!("refs/pull/{}/head", pull.number);
        return Some(Head { reference, commit, draft: pull.draft });
    }
    let own = repository.is_some() && run.head_repository.as_ref().map(|head| head.id) == repository;
    let branch = run.head_branch.as_ref().filter(|_| own)?;
    Some(Head { reference: format!("refs/heads/{branch}"), commit, draft: false })
}

/// How often: as the suite says, else as the configuration does for runs after a failure.
pub(super) fn runs(suite: &SuiteEntry, settings: &FileSettings, draft: bool) -> Runs {
    let asked = suite.runs.or(settings.auto_trigger_runs).map_or(RUNS, Runs::get);
    let fewer = (asked / DRAFT_PART).max(LEAST_RUNS.min(asked));
    Runs::clamped(if draft { fewer } else { asked })
}

/// The settings of one suite's run. `only`: no other tests than those that failed.
pub(super) fn flags(
    suite: &SuiteEntry,
    settings: &FileSettings,
    head: &Head,
    failed: &[TestId],
    only: bool,
) -> FlagSettings {
    let parallelism = suite.parallelism.or(settings.auto_trigger_parallelism);
    FlagSettings {
        runs: Some(runs(suite, settings, head.draft)),
        parallelism: Some(parallelism.unwrap_or(Parallelism::clamped(PARALLELISM))),
        test_command: suite.command().cloned(),
        working_directory: suite.working_directory.clone(),
        backend: Some(BackendKind::RunPod),
        failed_in_ci: failed.to_vec(),
        tests: if only { failed.to_vec() } else { Vec::new() },
        // A job that looks into a failure has not failed: what it found is told, unless somebody says otherwise.
        fail_on: settings.fail_on.or(Some(FailOn::Never)),
        asked_by: AskedBy::Terminal,
        ..FlagSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use flaky_delivery::{HeadRepository, Owner};

    use super::*;

    fn run(head: Option<u64>) -> WorkflowRun {
        WorkflowRun {
            id: 1,
            run_attempt: 1,
            run_number: 1,
            name: None,
            workflow_id: 1,
            event: "pull_request".into(),
            conclusion: Some("failure".into()),
            head_sha: "c".repeat(40),
            head_branch: Some("main".into()),
            head_repository: head.map(|id| HeadRepository { id, owner: Owner { login: "someone".into() } }),
            html_url: String::new(),
            run_started_at: None,
        }
    }

    #[test]
    fn a_commit_is_taken_from_the_repository_itself_or_not_at_all() {
        let pull = |fork| PullRequest { number: 7, fork, ..PullRequest::default() };
        for (what, run, pull, expected) in [
            ("fork", run(Some(2)), Some(pull(true)), Some("refs/pull/7/head")),
            ("own branch with a pull request", run(Some(1)), Some(pull(false)), Some("refs/pull/7/head")),
            ("push", run(Some(1)), None, Some("refs/heads/main")),
            ("fork without a pull request", run(Some(2)), None, None),
            ("deleted fork", run(None), None, None),
        ] {
            let found = head(&run, pull.as_ref(), Some(1));
            let found = found.as_ref().map(|head| head.reference.as_str());
            assert_eq!(found, expected, "{what}");
        }
        assert_eq!(head(&run(Some(1)), None, None), None, "a repository that is not known is nobody's own");
    }

    #[test]
    fn drafts_get_half_the_attempts_and_never_too_few_to_decide() {
        let suite = |runs| {
            let mut suite = SuiteEntry::default();
            suite.runs = Some(Runs::clamped(runs));
            suite
        };
        let settings = FileSettings::default();
        for (asked, draft, expected) in [(60, false, 60), (60, true, 30), (12, true, 10), (6, true, 6)] {
            assert_eq!(runs(&suite(asked), &settings, draft).get(), expected, "{asked} {draft}");
        }
        assert_eq!(runs(&SuiteEntry::default(), &settings, false).get(), RUNS);
    }
}
