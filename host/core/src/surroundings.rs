//! Where a report is told: the CI job, the pull request, what was said there before. Reporters are given it as the
//! JSON object `more` beside the report; its JSON Schema is published as `docs/schema/surroundings.schema.json`. All
//! fields may be absent, and fields are only ever added.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::RunReport;
use crate::verdict::{Category, Severity};

/// What is known of where a report is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Surroundings {
    /// The report comes from where untrusted code ran; what it says is a claim. No check made of it is better than
    /// neutral.
    #[serde(skip_serializing_if = "is_false")]
    pub untrusted: bool,
    /// Of several results of one CI run, which this is: the suite's name, as letters, digits and dashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Characters that a comment may have, where several results stand in one. Absent: as many as the platform takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<u32>,
    /// The CI job that tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci: Option<Ci>,
    /// Results told at the same place before, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierResult>,
    /// Login at the forge to the id that a chat mentions people by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mentions: BTreeMap<String, String>,
}

/// The CI job that tells a report, and what it speaks of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ci {
    /// Whose CI it is.
    pub platform: Platform,
    /// `https://github.com`, say; without a slash at the end.
    pub server: String,
    /// `owner/name`.
    pub repository: String,
    /// Page of the run that tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// Page of the failed run that is looked into, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_run_url: Option<String>,
    /// Name of the failed workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_workflow: Option<String>,
    /// The commit that the report speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The pull request, or merge request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
    /// What changed since the last green run of the same workflow on the same branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_green: Option<SinceGreen>,
}

/// Whose CI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// GitHub Actions.
    #[default]
    Github,
    /// GitLab CI/CD.
    Gitlab,
}

/// A pull request, or merge request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Commit of its head as it is now.
    pub head: String,
    /// Its page.
    pub url: String,
    /// Not yet for review.
    #[serde(skip_serializing_if = "is_false")]
    pub draft: bool,
    /// From another repository.
    #[serde(skip_serializing_if = "is_false")]
    pub fork: bool,
}

/// What changed since a commit that was green.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SinceGreen {
    /// The green commit.
    pub commit: String,
    /// Page that compares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Newest first; not all where they are many.
    pub commits: Vec<Commit>,
    /// How many there are.
    pub total_commits: u32,
    /// Paths in the repository; not all where they are many.
    pub files: Vec<String>,
    /// How many there are.
    pub total_files: u32,
}

/// A commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Commit {
    /// Its id, in full.
    pub sha: String,
    /// First line of its message.
    pub title: String,
    /// Name in git.
    pub author: String,
    /// Login at the forge, where the forge knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// A result told earlier, as much of it as is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierResult {
    /// Which run.
    pub run: String,
    /// Of which suite, as in [`Surroundings::suite`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// What it spoke for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The run's.
    pub verdict: Category,
    /// The run's; null when inconclusive.
    pub severity: Option<Severity>,
    /// Attempts that counted.
    pub total_runs: u32,
    /// Failed ones among them.
    pub failures: u32,
    /// Tests that are flaky or broken, worst first; at most [`EarlierResult::MOST_TESTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<(String, Category)>,
}

impl EarlierResult {
    /// Tests that are kept of a result: it travels in a comment, which holds 65,536 characters in all.
    pub const MOST_TESTS: usize = 20;

    /// Characters of a test's id that are kept, for the same reason.
    const MOST_ID: usize = 200;

    /// What is kept of a report, told in these surroundings.
    #[must_use]
    pub fn of(report: &RunReport, surroundings: &Surroundings) -> Self {
        let commit = surroundings.ci.as_ref().and_then(|ci| ci.commit.as_deref());
        let tells = |verdict| matches!(verdict, Category::Flaky | Category::Broken);
        let tests = report.tests.iter().filter(|t| !t.ignored && tells(t.verdict));
        let kept = tests.take(Self::MOST_TESTS);
        Self {
            run: report.run.to_string(),
            suite: surroundings.suite.clone(),
            commit: commit.or(report.subject.commit.as_deref()).map(str::to_owned),
            verdict: report.verdict,
            severity: report.severity,
            total_runs: report.total_runs,
            failures: report.failures,
            tests: kept.map(|t| (t.id.as_str().chars().take(Self::MOST_ID).collect(), t.verdict)).collect(),
        }
    }

    /// Whether both say the same to somebody who is only told of changes: verdict, severity and tests.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        (self.verdict, self.severity, &self.tests) == (other.verdict, other.severity, &other.tests)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> EarlierResult {
        EarlierResult {
            run: "20260101-000000-aaaa".into(),
            suite: None,
            commit: Some("c0ffee".into()),
            verdict: Category::Flaky,
            severity: Some(Severity::Low),
            total_runs: 20,
            failures: 1,
            tests: vec![("a::b".into(), Category::Flaky)],
        }
    }

    #[test]
    fn counts_and_commits_may_differ_between_results_that_say_the_same() {
        let later = EarlierResult {
            run: "20260102-000000-bbbb".into(),
            commit: None,
            total_runs: 60,
            failures: 2,
            ..result()
        };
        assert!(later.says_the_same_as(&result()));
        for other in [
            EarlierResult { verdict: Category::Broken, ..result() },
            EarlierResult { severity: Some(Severity::High), ..result() },
            EarlierResult { tests: Vec::new(), ..result() },
        ] {
            assert!(!other.says_the_same_as(&result()), "{other:?}");
        }
    }

    #[test]
    fn nothing_known_is_an_empty_object_and_back() {
        assert_eq!(serde_json::to_string(&Surroundings::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Surroundings>("{}").unwrap(), Surroundings::default());
    }
}
