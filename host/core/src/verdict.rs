//! What a policy says of the evidence.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a failure matters, by the rate at which it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// No failure.
    None,
    /// Rare.
    Low,
    /// One in ten and more.
    Medium,
    /// Every second time and more.
    High,
    /// Nearly always.
    Critical,
}

impl Severity {
    /// All there are, ascending.
    pub const ALL: [Self; 5] = [Self::None, Self::Low, Self::Medium, Self::High, Self::Critical];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "NONE",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        })
    }
}

/// What kind of test (or run) this is. Ordered from best to worst, as a run's verdict is its worst test's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Fails surely less often than `stable_below`.
    Stable,
    /// Not enough is known.
    Inconclusive,
    /// Fails sometimes.
    Flaky,
    /// A genuine bug: passes surely less often than `broken_below`.
    Broken,
}

impl Category {
    /// All there are, from best to worst.
    pub const ALL: [Self; 4] = [Self::Stable, Self::Inconclusive, Self::Flaky, Self::Broken];
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stable => "stable",
            Self::Inconclusive => "inconclusive",
            Self::Flaky => "flaky",
            Self::Broken => "broken",
        })
    }
}

/// Why a run is inconclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// More attempts would tell.
    TooFewAttempts,
    /// Dependencies could not be installed.
    InstallFailed,
    /// The test command does not exist.
    CommandNotFound,
    /// The framework found no test.
    NoTests,
    /// The framework refused its arguments.
    UsageError,
    /// The sources could not be had.
    RepositoryUnreachable,
    /// Somebody ended the run.
    Interrupted,
    /// The suite fails only under the isolation that was demanded.
    IsolationMismatch,
    /// The machine, the framework or `flaky` failed, not the tests.
    Infrastructure,
}

impl Cause {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::TooFewAttempts,
        Self::InstallFailed,
        Self::CommandNotFound,
        Self::NoTests,
        Self::UsageError,
        Self::RepositoryUnreachable,
        Self::Interrupted,
        Self::IsolationMismatch,
        Self::Infrastructure,
    ];

    /// The name the report uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooFewAttempts => "too-few-attempts",
            Self::InstallFailed => "install-failed",
            Self::CommandNotFound => "command-not-found",
            Self::NoTests => "no-tests",
            Self::UsageError => "usage-error",
            Self::RepositoryUnreachable => "repository-unreachable",
            Self::Interrupted => "interrupted",
            Self::IsolationMismatch => "isolation-mismatch",
            Self::Infrastructure => "infrastructure",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a policy says of one test, or of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What kind of test it is.
    pub category: Category,
    /// How much it matters.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// One sentence, with n.
    pub reason: String,
    /// `key=value`, lower-case snake keys.
    pub tags: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_on_screen_and_in_json_and_run_from_best_to_worst() {
        let severities =
            [Severity::None, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let names = ["NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
        for (severity, name) in severities.into_iter().zip(names) {
            assert_eq!(severity.to_string(), name);
            assert_eq!(serde_json::to_value(severity).unwrap(), name);
        }
        assert!(severities.is_sorted_by(|a, b| a < b));

        let categories = [Category::Stable, Category::Inconclusive, Category::Flaky, Category::Broken];
        for (category, name) in categories.into_iter().zip(["stable", "inconclusive", "flaky", "broken"]) {
            assert_eq!(category.to_string(), name);
            assert_eq!(serde_json::to_value(category).unwrap(), name);
        }
        assert!(categories.is_sorted_by(|a, b| a < b));
        assert_eq!(format!("[{:<8}]", Severity::Low), "[LOW     ]");
    }

    #[test]
    fn causes_have_the_published_names() {
        let table = [
            (Cause::TooFewAttempts, "too-few-attempts"),
            (Cause::InstallFailed, "install-failed"),
            (Cause::CommandNotFound, "command-not-found"),
            (Cause::NoTests, "no-tests"),
            (Cause::UsageError, "usage-error"),
            (Cause::RepositoryUnreachable, "repository-unreachable"),
            (Cause::Interrupted, "interrupted"),
            (Cause::IsolationMismatch, "isolation-mismatch"),
            (Cause::Infrastructure, "infrastructure"),
        ];
        for (cause, name) in table {
            assert_eq!((cause.name(), cause.to_string().as_str()), (name, name));
            assert_eq!(serde_json::to_value(cause).unwrap(), name);
        }
    }
}
