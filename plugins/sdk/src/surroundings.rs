//! Where a report is told, as a reporter reads it: the object `more` of its context.
//!
//! Lenient as [`report`](crate::report) is, for the same reason. The full shape is published as
//! `docs/schema/surroundings.schema.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::report::{Category, Severity, or_default};

/// What is known of where a report is told.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// The report comes from where untrusted code ran: what it says is a claim.
    #[serde(deserialize_with = "or_default")]
    pub untrusted: bool,
    /// Of several results of one CI run, which this is: the suite's name, as letters, digits and dashes.
    pub suite: Option<String>,
    /// Characters that a comment may have, where several results stand in one. `None`: as many as the platform takes.
    pub room: Option<u32>,
    /// The CI job that tells.
    pub ci: Option<Ci>,
    /// Results told at the same place before, newest first.
    #[serde(deserialize_with = "or_default")]
    pub earlier: Vec<EarlierResult>,
    /// Login at the forge to the id that a chat mentions people by.
    #[serde(deserialize_with = "or_default")]
    pub mentions: BTreeMap<String, String>,
}

impl Surroundings {
    /// Reads the context's `more`. What cannot be read is as good as unknown: a report is told all the same.
    #[must_use]
    pub fn from_json(more: &str) -> Self {
        serde_json::from_str(more).unwrap_or_default()
    }
}

/// The CI job that tells a report, and what it speaks of.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Ci {
    /// `github` or `gitlab`.
    #[serde(deserialize_with = "or_default")]
    pub platform: String,
    /// `https://github.com`, say.
    #[serde(deserialize_with = "or_default")]
    pub server: String,
    /// `owner/name`.
    #[serde(deserialize_with = "or_default")]
    pub repository: String,
    /// Page of the run that tells.
    pub run_url: Option<String>,
    /// Page of the failed run that is looked into, where that is another one.
    pub failed_run_url: Option<String>,
    /// Name of the failed workflow.
    pub failed_workflow: Option<String>,
    /// The commit that the report speaks for.
    pub commit: Option<String>,
    /// The branch that it is on.
    pub branch: Option<String>,
    /// The pull request, or merge request.
    pub pull_request: Option<PullRequest>,
    /// What changed since the last green run.
    pub since_green: Option<SinceGreen>,
}

/// A pull request, or merge request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PullRequest {
    /// Its number in the repository.
    #[serde(deserialize_with = "or_default")]
    pub number: u64,
    /// Commit of its head as it is now.
    #[serde(deserialize_with = "or_default")]
    pub head: String,
    /// Its page.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// Not yet for review.
    #[serde(deserialize_with = "or_default")]
    pub draft: bool,
    /// From another repository.
    #[serde(deserialize_with = "or_default")]
    pub fork: bool,
}

/// What changed since a commit that was green.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SinceGreen {
    /// The green commit.
    #[serde(deserialize_with = "or_default")]
    pub commit: String,
    /// Page that compares.
    pub url: Option<String>,
    /// Newest first; not all where they are many.
    #[serde(deserialize_with = "or_default")]
    pub commits: Vec<Commit>,
    /// How many there are.
    #[serde(deserialize_with = "or_default")]
    pub total_commits: u32,
    /// Paths in the repository; not all where they are many.
    #[serde(deserialize_with = "or_default")]
    pub files: Vec<String>,
    /// How many there are.
    #[serde(deserialize_with = "or_default")]
    pub total_files: u32,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// Its id, in full.
    #[serde(deserialize_with = "or_default")]
    pub sha: String,
    /// First line of its message.
    #[serde(deserialize_with = "or_default")]
    pub title: String,
    /// Name in git.
    #[serde(deserialize_with = "or_default")]
    pub author: String,
    /// Login at the forge, where the forge knows one.
    pub login: Option<String>,
}

/// A result told earlier, as much of it as is kept.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct EarlierResult {
    /// Which run.
    #[serde(deserialize_with = "or_default")]
    pub run: String,
    /// Of which suite, as in [`Surroundings::suite`].
    pub suite: Option<String>,
    /// What it spoke for.
    pub commit: Option<String>,
    /// The run's.
    #[serde(deserialize_with = "or_default")]
    pub verdict: Category,
    /// The run's; `None` when inconclusive.
    pub severity: Option<Severity>,
    /// Attempts that counted.
    #[serde(deserialize_with = "or_default")]
    pub total_runs: u32,
    /// Failed ones among them.
    #[serde(deserialize_with = "or_default")]
    pub failures: u32,
    /// Tests that were flaky or broken, worst first; not all where they were many.
    #[serde(deserialize_with = "or_default")]
    pub tests: Vec<(String, Category)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_unknown_and_what_is_not_known_yet_is_passed_over() {
        for more in ["", "{}", "[]", "not json", r#"{"ci": 3}"#] {
            assert_eq!(Surroundings::from_json(more), Surroundings::default(), "{more}");
        }
        let more = r#"{"later": 1, "ci": {"repository": "a/b", "pull_request": {"number": 7, "head": null}},
                       "earlier": [{"verdict": "flaky", "tests": [["t", "broken"]]}]}"#;
        let read = Surroundings::from_json(more);
        let ci = read.ci.unwrap();
        assert_eq!((ci.repository.as_str(), ci.pull_request.unwrap().number), ("a/b", 7));
        assert_eq!(read.earlier[0].tests, [("t".to_owned(), Category::Broken)]);
    }
}
