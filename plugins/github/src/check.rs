//! The check run of the commit.

use flaky_plugin_markdown::comment;
use flaky_plugin_platforms::words;
use flaky_plugin_sdk::CheckRun;
use flaky_plugin_sdk::report::{Category, Report};
use flaky_plugin_sdk::surroundings::Surroundings;

use crate::annotations;

/// How it is named among the checks.
const NAME: &str = "flaky";

pub(crate) fn of(report: &Report, surroundings: &Surroundings) -> CheckRun {
    CheckRun {
        name: NAME.to_owned(),
        conclusion: conclusion(report, surroundings.untrusted).to_owned(),
        title: words::title(report, surroundings, str::to_owned),
        summary: comment::check(report, surroundings),
        annotations: annotations::of_check(report),
    }
}

/// A check may let a change be merged: what untrusted code says of itself is no reason to.
fn conclusion(report: &Report, untrusted: bool) -> &'static str {
    match &report.verdict {
        Category::Broken => "failure",
        Category::Stable if !untrusted => "success",
        _ => "neutral",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_never_a_success() {
        for (verdict, trusted, untrusted) in [
            ("stable", "success", "neutral"),
            ("flaky", "neutral", "neutral"),
            ("inconclusive", "neutral", "neutral"),
            ("broken", "failure", "failure"),
            ("invented", "neutral", "neutral"),
        ] {
            let report = Report { verdict: Category::from(verdict.to_owned()), ..Report::default() };
            assert_eq!(conclusion(&report, false), trusted, "{verdict}");
            assert_eq!(conclusion(&report, true), untrusted, "{verdict}");
        }
    }
}
