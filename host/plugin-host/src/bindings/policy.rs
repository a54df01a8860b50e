//! `policy`.

use flaky_core::evidence::{Base, Change, ConditionEffect, Evidence, FailureGroup, Tried};
use flaky_core::history::{HistoryWindow, Share, Timestamp, flips, onset, recovery};
use flaky_core::verdict::{Category, Severity, Verdict};
use serde_json::json;

use super::exports::policy as wit;
use super::{tags, types};
use crate::clean;
use crate::error::PluginErrorKind;
use crate::policy::RunSummary;

/// Seeds shown to a policy per test, as the contract says.
const SEEDS: usize = 1_000;

/// What the contract's `evidence` can hold; what else is known of the history is in `more`.
pub(crate) fn to_evidence(evidence: &Evidence) -> wit::Evidence {
    let counts = &evidence.counts;
    wit::Evidence {
        id: evidence.id.as_str().to_owned(),
        counts: wit::Counts {
            ran: counts.ran,
            passed: counts.passed,
            failed: counts.failed,
            errored: counts.errored,
            timed_out: counts.timed_out,
            crashed: counts.crashed,
            skipped: counts.skipped,
            missing: counts.missing,
            retried: counts.retried,
            expected_failures: counts.expected_failures,
            unexpected_passes: counts.unexpected_passes,
        },
        failures: counts.failures(),
        rate: evidence.rate,
        interval: wit::Interval {
            low: evidence.interval.low,
            high: evidence.interval.high,
            level: evidence.interval.level,
        },
        bounds: wit::Bounds {
            failure_at_most: evidence.bounds.failure_at_most,
            pass_at_most: evidence.bounds.pass_at_most,
            level: evidence.bounds.level,
        },
        failing_seeds: evidence.failing_seeds.iter().take(SEEDS).map(|s| s.0).collect(),
        first_failing: evidence.failing_attempts.first().map(|a| a.0),
        last_failing: evidence.failing_attempts.last().map(|a| a.0),
        durations: evidence.durations.map(|d| wit::Durations {
            told: d.told,
            median_ns: d.median_ns,
            largest_ns: d.largest_ns,
            median_failed_ns: d.median_failed_ns,
            slower_when_failing: d.slower_when_failing,
        }),
        groups: evidence.groups.iter().map(to_group).collect(),
        effects: evidence.effects.iter().map(to_effect).collect(),
        alone: evidence.alone.map(to_tried),
        side_by_side: evidence.side_by_side.map(to_tried),
        selected: evidence.selected.map(to_tried),
        base: evidence.base.map(to_base),
        failed_in_ci: evidence.failed_in_ci,
        history: evidence.history.as_ref().map(to_history),
        tags: Vec::new(),
        more: more(evidence),
    }
}

fn to_history(window: &HistoryWindow) -> wit::History {
    // Before 1970 nothing ran.
    let seconds = |time: Timestamp| u64::try_from(time.0).unwrap_or(0);
    wit::History {
        runs: window.runs,
        ran: window.ran,
        failed: window.failed,
        first_failed: window.first_failed.map(seconds),
        last_failed: window.last_failed.map(seconds),
    }
}

/// `{"history": …}` where it failed before; of the many tests that never did, the record says all.
fn more(evidence: &Evidence) -> String {
    let known = evidence.history.as_ref().filter(|window| window.failed > 0);
    let more = known.map(|window| {
        let shares: Vec<Share> = window.commits.iter().map(|commit| commit.share).collect();
        json!({
            "history": {
                "flaky_runs": window.flaky_runs,
                "first_seen": window.first_seen,
                "last_seen": window.last_seen,
                "flips": flips(&shares),
                "commits": window.commits,
                "onset": onset(&window.commits),
                "recovery": recovery(&window.commits),
            }
        })
    });
    more.map_or_else(|| "{}".to_owned(), |more| more.to_string())
}

fn to_tried(tried: Tried) -> wit::Tried {
    wit::Tried { ran: tried.ran, failed: tried.failed }
}

fn to_effect(effect: &ConditionEffect) -> wit::ConditionEffect {
    wit::ConditionEffect {
        condition: effect.condition.clone(),
        value: effect.value.clone(),
        ran: effect.ran,
        failed: effect.failed,
        p_value: effect.p_value,
    }
}

fn to_base(base: Base) -> wit::Base {
    wit::Base {
        ran: base.ran,
        failed: base.failed,
        change: match base.change {
            Change::Introduced => wit::Change::Introduced,
            Change::Worsened => wit::Change::Worsened,
            Change::WasThereBefore => wit::Change::WasThereBefore,
            Change::Fixed => wit::Change::Fixed,
            Change::NoEvidence => wit::Change::NoEvidence,
        },
        p_value: base.p_value,
        paired: base.paired,
    }
}

fn to_group(group: &FailureGroup) -> wit::FailureGroup {
    wit::FailureGroup {
        fingerprint: group.fingerprint.clone(),
        count: u32::try_from(group.attempts.len()).unwrap_or(u32::MAX),
        kind: group.kind.clone(),
        message: group.message.clone(),
        trace: group.trace.clone(),
    }
}

pub(crate) fn to_summary(run: &RunSummary) -> wit::RunSummary {
    wit::RunSummary {
        total_runs: run.total_runs,
        failures: run.failures,
        verdicts: run.verdicts.iter().map(|(id, v)| (id.as_str().to_owned(), to_verdict(v))).collect(),
        more: "{}".into(),
    }
}

fn to_verdict(verdict: &Verdict) -> wit::Verdict {
    wit::Verdict {
        category: match verdict.category {
            Category::Stable => types::Category::Stable,
            Category::Flaky => types::Category::Flaky,
            Category::Broken => types::Category::Broken,
            Category::Inconclusive => types::Category::Inconclusive,
        },
        severity: match verdict.severity {
            Severity::None => types::Severity::None,
            Severity::Low => types::Severity::Low,
            Severity::Medium => types::Severity::Medium,
            Severity::High => types::Severity::High,
            Severity::Critical => types::Severity::Critical,
        },
        confidence: verdict.confidence,
        reason: verdict.reason.clone(),
        tags: verdict.tags.clone(),
    }
}

/// # Errors
/// When there is not one answer per question, or an answer does not hold what the contract says.
pub(crate) fn verdicts(
    asked: usize,
    found: Vec<Option<wit::Verdict>>,
) -> Result<Vec<Option<Verdict>>, PluginErrorKind> {
    if found.len() != asked {
        let why = format!("has {} entries for {asked} tests", found.len());
        return Err(PluginErrorKind::invalid("verdicts", why));
    }
    found
        .into_iter()
        .enumerate()
        .map(|(i, v)| v.map(|v| verdict(&format!("verdicts[{i}]"), v)).transpose())
        .collect()
}

/// # Errors
/// When a field does not hold what the contract says.
pub(crate) fn verdict(field: &str, found: wit::Verdict) -> Result<Verdict, PluginErrorKind> {
    let confidence = found.confidence;
    if !(0.0..=1.0).contains(&confidence) {
        let why = format!("is {confidence}, and not between 0 and 1");
        return Err(PluginErrorKind::invalid(format!("{field}.confidence"), why));
    }
    Ok(Verdict {
        category: match found.category {
            types::Category::Stable => Category::Stable,
            types::Category::Flaky => Category::Flaky,
            types::Category::Broken => Category::Broken,
            types::Category::Inconclusive => Category::Inconclusive,
        },
        severity: match found.severity {
            types::Severity::None => Severity::None,
            types::Severity::Low => Severity::Low,
            types::Severity::Medium => Severity::Medium,
            types::Severity::High => Severity::High,
            types::Severity::Critical => Severity::Critical,
        },
        confidence,
        reason: clean::line(&found.reason),
        tags: tags(&format!("{field}.tags"), found.tags)?,
    })
}
