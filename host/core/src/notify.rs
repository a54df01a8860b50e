//! Which results are sent to people who did not ask: the key `notify` of the configuration.

use std::fmt;
use std::str::FromStr;

use crate::report::RunReport;
use crate::surroundings::{EarlierResult, Surroundings};
use crate::verdict::{Category, Severity};

/// What of a result decides whether somebody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// As much of the result as is kept.
    pub result: EarlierResult,
    /// Whether the change that the run is about brought failures, or more of them.
    pub introduced: bool,
}

impl News {
    /// What of a report decides, where it is told.
    #[must_use]
    pub fn of(report: &RunReport, surroundings: &Surroundings) -> Self {
        Self {
            result: EarlierResult::of(report, surroundings),
            introduced: report.tests.iter().any(crate::report::TestReport::is_introduced),
        }
    }
}

/// One entry of `notify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Results of this kind, from this severity on.
    Verdict(Category, Option<Severity>),
    /// Failures that the change brought.
    Introduced,
}

/// The whole key: a result is told when one of the rules wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify(Vec<Rule>);

/// An entry that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is none of `stable`, `inconclusive`, `flaky`, `broken`, `introduced`, or such as `flaky>=medium`"
)]
pub struct InvalidRule {
    /// What it was.
    pub text: String,
}

impl Rule {
    fn wants(self, news: &News) -> bool {
        match self {
            Self::Introduced => news.introduced,
            Self::Verdict(verdict, least) => {
                let severe = least.is_none_or(|least| news.result.severity.is_some_and(|s| s >= least));
                news.result.verdict == verdict && severe
            }
        }
    }
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule { text: text.to_owned() };
        if text.trim() == "introduced" {
            return Ok(Self::Introduced);
        }
        let (verdict, least) = match text.split_once(">=") {
            Some((verdict, least)) => (verdict, Some(severity(least.trim()).ok_or_else(invalid)?)),
            None => (text, None),
        };
        let all = [Category::Stable, Category::Inconclusive, Category::Flaky, Category::Broken];
        let verdict = all.into_iter().find(|c| c.to_string() == verdict.trim()).ok_or_else(invalid)?;
        // An inconclusive result has no severity: the rule would never want anything.
        if verdict == Category::Inconclusive && least.is_some() {
            return Err(invalid());
        }
        Ok(Self::Verdict(verdict, least))
    }
}

/// In lower or upper case, as people and the report write it.
fn severity(text: &str) -> Option<Severity> {
    let all = [Severity::None, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|s| s.to_string().eq_ignore_ascii_case(text))
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Introduced => f.write_str("introduced"),
            Self::Verdict(verdict, None) => write!(f, "{verdict}"),
            Self::Verdict(verdict, Some(least)) => {
                write!(f, "{verdict}>={}", least.to_string().to_ascii_lowercase())
            }
        }
    }
}

impl Notify {
    /// These rules. None: nothing is told.
    #[must_use]
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// Whether somebody is told.
    #[must_use]
    pub fn wants(&self, news: &News) -> bool {
        self.0.iter().any(|rule| rule.wants(news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(verdict: Category, severity: Option<Severity>, introduced: bool) -> News {
        let result = EarlierResult {
            run: "r".into(),
            suite: None,
            commit: None,
            verdict,
            severity,
            total_runs: 1,
            failures: 0,
            tests: Vec::new(),
        };
        News { result, introduced }
    }

    #[test]
    fn a_result_is_told_when_one_rule_wants_it() {
        let rules = ["broken", "flaky>=medium", "introduced"];
        let notify = Notify::new(rules.iter().map(|r| r.parse().unwrap()).collect());
        for (verdict, severity, introduced, told) in [
            (Category::Broken, Some(Severity::Critical), false, true),
            (Category::Broken, None, false, true),
            (Category::Flaky, Some(Severity::Low), false, false),
            (Category::Flaky, Some(Severity::Medium), false, true),
            (Category::Flaky, Some(Severity::High), false, true),
            (Category::Flaky, Some(Severity::Low), true, true),
            (Category::Flaky, None, false, false),
            (Category::Inconclusive, None, false, false),
            (Category::Stable, Some(Severity::None), false, false),
        ] {
            let news = news(verdict, severity, introduced);
            assert_eq!(notify.wants(&news), told, "{news:?}");
        }
        assert!(!Notify::new(Vec::new()).wants(&news(Category::Broken, None, true)));
    }

    #[test]
    fn rules_are_read_as_they_are_written_and_nothing_else_is() {
        for text in ["broken", "flaky>=medium", "introduced", "inconclusive", "stable", "broken>=critical"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        assert_eq!(" flaky >= HIGH ".parse(), Ok(Rule::Verdict(Category::Flaky, Some(Severity::High))));
        for text in ["", "flakey", "flaky>=", "flaky>medium", "flaky>=often", "inconclusive>=low", ">=low"] {
            let error = text.parse::<Rule>().unwrap_err();
            assert_eq!(error, InvalidRule { text: text.to_owned() });
        }
    }
}
