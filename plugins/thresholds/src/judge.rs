//! The rules. They are applied in this order, for a test that ran `n` times and failed `k` times:
//!
//! 1. n = 0: skipped in every attempt is *stable*, anything else *inconclusive*.
//! 2. The upper bound of the pass rate is below `broken_below`: *broken*.
//! 3. k > 0 and k < n: *flaky*; one pass and one failure prove it, however few attempts there were.
//! 4. k = 0, but it passed in some attempt only after the framework tried again: *flaky*.
//! 5. k = 0 and the upper bound of the failure rate is below `stable_below`: *stable*.
//! 6. Otherwise *inconclusive*: too few attempts.
//!
//! The bounds are the host's: one-sided, exact (Clopper–Pearson), at its level (95 %).
//!
//! The confidence of a verdict is one minus the probability of seeing this, or something more extreme, if the
//! rate were just at the gate: for *stable*, and for *inconclusive* without a failure, `1 − (1 − stable_below)^n`;
//! for *broken*, and for *inconclusive* without a pass, one minus the probability of at most `n − k` passes in
//! `n` attempts at a pass rate of `broken_below`. *Flaky* was seen, not inferred: 1.

use flaky_plugin_sdk::report::{percent, plural};

use crate::model::{Category, Counts, Evidence, Severity, Verdict};
use crate::settings::Settings;

/// Failures and attempts of one test under one arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Attempts.
    pub ran: u32,
    /// Failed ones.
    pub failed: u32,
}

/// What the policy says of a test.
#[must_use]
pub fn judge(evidence: &Evidence, settings: &Settings) -> Verdict {
    let beside = evidence.side_by_side.map(|tried| Seen { ran: tried.ran, failed: tried.failed });
    let (category, reason) = category_of(evidence, settings, beside);
    let severity = severity_of(evidence, &category, settings);
    let mut tags = Vec::new();
    if beside.is_some_and(|beside| beside.failed > 0) && evidence.failures == 0 && evidence.counts.ran > 0 {
        tags.push(("interference".to_owned(), "yes".to_owned()));
    }
    if evidence.counts.retried > 0 {
        tags.push(("retried".to_owned(), evidence.counts.retried.to_string()));
    }
    Verdict { confidence: confidence_of(evidence, &category, settings), category, severity, reason, tags }
}

fn category_of(evidence: &Evidence, settings: &Settings, beside: Option<Seen>) -> (Category, String) {
    let Counts { ran, skipped, missing, retried, .. } = evidence.counts;
    let failed = evidence.failures;
    let passed = ran.saturating_sub(failed);
    let at_most =
        |rate: f64| format!("at most {} of the time ({})", percent(rate), level(evidence.bounds.level));
    let seen = Told { evidence, beside };
    if ran == 0 {
        return match (skipped, missing) {
            (0, _) => (Category::Inconclusive, format!("no outcome in any of {}", attempts(missing))),
            (_, 0) => (Category::Stable, format!("skipped in all {}", attempts(skipped))),
            _ => (Category::Inconclusive, format!("skipped in {}, missing in {missing}", attempts(skipped))),
        };
    }
    if failed > 0 && evidence.bounds.pass_at_most < settings.broken_below {
        let bound = format!("passes {}", at_most(evidence.bounds.pass_at_most));
        let passes = match passed {
            0 => String::new(),
            1 => ", passed once".to_owned(),
            _ => format!(", passed {passed} times"),
        };
        return (Category::Broken, seen.failures(&format!("{passes}: {bound}")));
    }
    if failed > 0 && passed > 0 {
        let rate = percent(evidence.rate);
        let interval = format!("{}–{}", bare_percent(evidence.interval.low), percent(evidence.interval.high));
        let level = level(evidence.interval.level);
        return (Category::Flaky, seen.failures(&format!(": {rate}, {interval} ({level})")));
    }
    if failed > 0 {
        let needed = deciding(settings.broken_below, evidence.bounds.level);
        let bound =
            format!(": passes {}; {} would decide", at_most(evidence.bounds.pass_at_most), attempts(needed));
        return (Category::Inconclusive, seen.failures(&bound));
    }
    if retried > 0 {
        let reason = format!(
            "passed {ran} of {ran}, in {} of them only after the framework tried again",
            retried.min(ran)
        );
        return (Category::Flaky, seen.with_circumstances(reason));
    }
    let bound = format!("fails {}", at_most(evidence.bounds.failure_at_most));
    if evidence.bounds.failure_at_most < settings.stable_below {
        return (Category::Stable, seen.passes(&bound));
    }
    let needed = deciding(settings.stable_below, evidence.bounds.level);
    (Category::Inconclusive, seen.passes(&format!("{bound}; {} would decide", attempts(needed))))
}

/// Says what was seen, under which arrangement.
struct Told<'a> {
    evidence: &'a Evidence,
    beside: Option<Seen>,
}

impl Told<'_> {
    /// `failed 30 of 100` and what follows from it.
    fn failures(&self, conclusion: &str) -> String {
        let (failed, ran) = (self.evidence.failures, self.evidence.counts.ran);
        match self.beside {
            Some(beside) => self.with_circumstances(format!(
                "failed {} of {} with copies side by side, {failed} of {ran} alone{conclusion}",
                beside.failed, beside.ran
            )),
            None => self.with_circumstances(format!("failed {failed} of {ran}{conclusion}")),
        }
    }

    /// `passed 14 of 14` and what follows from it.
    fn passes(&self, conclusion: &str) -> String {
        let ran = self.evidence.counts.ran;
        match self.beside {
            Some(Seen { ran: beside, failed }) if failed > 0 => self.with_circumstances(format!(
                "failed {failed} of {beside} with copies side by side, 0 of {ran} alone: caused by running copies side by side \
                 (alone it {conclusion})"
            )),
            _ => self.with_circumstances(format!("passed {ran} of {ran}: {conclusion}")),
        }
    }

    fn with_circumstances(&self, mut reason: String) -> String {
        let Counts { skipped, missing, .. } = self.evidence.counts;
        if let (Some(alone), None) = (&self.evidence.alone, self.beside) {
            reason.push_str(&format!("; alone it failed {} of {}", alone.failed, alone.ran));
        }
        if skipped > 0 {
            reason.push_str(&format!("; skipped in {skipped}"));
        }
        if missing > 0 {
            reason.push_str(&format!("; missing in {missing}"));
        }
        reason
    }
}

fn severity_of(evidence: &Evidence, category: &Category, settings: &Settings) -> Severity {
    match category {
        Category::Stable | Category::Inconclusive => Severity::None,
        Category::Flaky if evidence.failures == 0 => {
            severity(f64::from(evidence.counts.retried) / f64::from(evidence.counts.ran.max(1)), settings)
        }
        Category::Flaky | Category::Broken => severity(evidence.rate, settings),
    }
}

/// The severity of a failure rate: thresholds count from their value on, and any failure is at least LOW.
#[must_use]
pub fn severity(rate: f64, settings: &Settings) -> Severity {
    if rate <= 0.0 || rate.is_nan() {
        Severity::None
    } else if rate >= settings.critical {
        Severity::Critical
    } else if rate >= settings.high {
        Severity::High
    } else if rate >= settings.medium {
        Severity::Medium
    } else {
        // `low` itself cannot change this; it is there because configuration files name it.
        Severity::Low
    }
}

/// See the top of this module.
fn confidence_of(evidence: &Evidence, category: &Category, settings: &Settings) -> f64 {
    let ran = evidence.counts.ran;
    let passed = ran.saturating_sub(evidence.failures);
    let never_failed = || 1.0 - tail(0, ran, settings.stable_below);
    let confidence = match category {
        Category::Flaky => 1.0,
        _ if ran == 0 => {
            if matches!(category, Category::Stable) {
                1.0
            } else {
                0.0
            }
        }
        Category::Broken => 1.0 - tail(passed, ran, settings.broken_below),
        Category::Stable => never_failed(),
        Category::Inconclusive if evidence.failures == 0 => never_failed(),
        Category::Inconclusive => 1.0 - tail(passed, ran, settings.broken_below),
    };
    confidence.clamp(0.0, 1.0)
}

/// Probability of at most `k` events in `n` trials of probability `p`. Sums the terms of the binomial
/// distribution in logarithms, so that a thousand trials neither overflow nor vanish.
fn tail(k: u32, n: u32, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let mut term = f64::from(n) * (1.0 - p).ln();
    let mut sum = term.exp();
    for i in 0..k {
        term += (f64::from(n - i) / f64::from(i + 1)).ln() + p.ln() - (1.0 - p).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

/// How many attempts with one and the same outcome bring the bound of the other below `gate`: the least n with
/// `1 − (1 − level)^(1/n) < gate`.
#[must_use]
pub fn deciding(gate: f64, level: f64) -> u32 {
    if gate >= 1.0 {
        return 1;
    }
    let n = ((1.0 - level).ln() / (1.0 - gate).ln()).floor() + 1.0;
    if !n.is_finite() || n < 1.0 || n > f64::from(u32::MAX) {
        return u32::MAX;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range just above"
    )]
    let n = n as u32;
    n
}

pub(crate) fn attempts(count: u32) -> String {
    plural(count, "attempt")
}

/// `95 %`.
fn level(level: f64) -> String {
    let hundredths = level * 100.0;
    if (hundredths - hundredths.round()).abs() < 1e-9 {
        format!("{hundredths:.0} %")
    } else {
        format!("{hundredths:.1} %")
    }
}

fn bare_percent(rate: f64) -> String {
    percent(rate).trim_end_matches(" %").to_owned()
}
