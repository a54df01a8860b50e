//! The verdict on one test: category, confidence and the first part of the sentence are those of `thresholds`.

use flaky_plugin_sdk::{Category, Change, Evidence, Severity, Verdict};
use flaky_plugin_thresholds::judge::{self as gates, deciding};

use crate::settings::{Settings, SeverityOn};
use crate::told;

/// What the policy says of a test.
#[must_use]
pub fn judge(evidence: &Evidence, settings: &Settings) -> Verdict {
    let mut verdict = gates::judge(evidence, &settings.rates);
    if evidence.failures > 0 && matches!(verdict.category, Category::Flaky | Category::Broken) {
        verdict.severity = severity(evidence, settings);
    }
    if let Some(reason) = not_reproduced(evidence, settings) {
        verdict.reason = reason;
        verdict.tags.push(("reproduced".to_owned(), "no".to_owned()));
    }
    for clause in told::clauses(evidence) {
        verdict.reason.push_str("; ");
        verdict.reason.push_str(&clause);
    }
    if let Some(base) = evidence.base {
        verdict.tags.push(("change".to_owned(), change_name(base.change).to_owned()));
    }
    verdict
}

fn severity(evidence: &Evidence, settings: &Settings) -> Severity {
    let rate = match settings.severity_on {
        SeverityOn::Rate => evidence.rate,
        SeverityOn::Low => evidence.interval.low,
        SeverityOn::High => evidence.interval.high,
    };
    // It failed: whatever the end of the interval, that is at least LOW.
    gates::severity(rate.max(f64::MIN_POSITIVE), &settings.rates)
}

/// `failed in CI, passed 60 of 60 here: not reproduced, at most 4.9 %`: the one-sided bound of the host.
fn not_reproduced(evidence: &Evidence, settings: &Settings) -> Option<String> {
    let ran = evidence.counts.ran;
    let disturbed = evidence.side_by_side.is_some_and(|beside| beside.failed > 0);
    if !evidence.failed_in_ci || evidence.failures > 0 || evidence.counts.retried > 0 || ran == 0 || disturbed
    {
        return None;
    }
    let bound = evidence.bounds.failure_at_most * 100.0;
    let mut reason =
        format!("failed in CI, passed {ran} of {ran} here: not reproduced, at most {bound:.1} %");
    if evidence.bounds.failure_at_most >= settings.rates.stable_below {
        let needed = deciding(settings.rates.stable_below, evidence.bounds.level);
        reason.push_str(&format!("; {needed} attempts would decide"));
    }
    Some(reason)
}

/// As the host names it in reports.
#[must_use]
pub fn change_name(change: Change) -> &'static str {
    match change {
        Change::Introduced => "introduced",
        Change::Worsened => "worsened",
        Change::WasThereBefore => "was-there-before",
        Change::Fixed => "fixed",
        Change::NoEvidence => "no-evidence",
    }
}
