//! Numbers that must agree, and what follows from them.

use super::{Gates, Refusal};
use crate::evidence::Interval;
use crate::report::{RunReport, TestReport};
use crate::settings::SeverityThresholds;
use crate::stats::{bounds, clopper_pearson, python_round, wilson};
use crate::verdict::{Category, Cause, Severity};

/// The level of every interval and bound of a report.
const LEVEL: f64 = 0.95;

/// Two ways to compute the same number may differ in its last digits.
const SAME: f64 = 1e-6;

pub(super) fn recompute(report: &mut RunReport, gates: &Gates) -> Result<(), Refusal> {
    for (at, test) in report.tests.iter_mut().enumerate() {
        let contradiction = |what| Refusal::Contradiction { place: format!("tests[{at}]"), what };
        counts(test).map_err(contradiction)?;
        judge(test, gates).map_err(contradiction)?;
    }
    run(report, gates)
}

fn counts(test: &TestReport) -> Result<(), &'static str> {
    let counts = &test.counts;
    let sum = |parts: &[u32]| parts.iter().try_fold(0_u32, |sum, part| sum.checked_add(*part));
    let failures = sum(&[counts.failed, counts.errored, counts.timed_out, counts.crashed]);
    let ran = failures.and_then(|failures| failures.checked_add(counts.passed));
    if ran != Some(counts.ran) || test.ran != counts.ran {
        return Err("outcomes do not add up to the attempts that ran it");
    }
    if failures != Some(test.failures) {
        return Err("outcomes do not add up to the failures");
    }
    if counts.unexpected_passes > counts.failed || counts.expected_failures > counts.passed {
        return Err("more outcomes of a kind than of the kind it belongs to");
    }
    if test.failing_seeds.len() > test.failures as usize {
        return Err("more failing seeds than failures");
    }
    let grouped = test.failure_groups.iter().try_fold(0_u32, |sum, group| {
        (group.seeds.len() <= group.count as usize).then_some(())?;
        sum.checked_add(group.count)
    });
    if grouped.is_none_or(|grouped| grouped > test.failures) {
        return Err("failure groups hold more than the failures");
    }
    let tried = [test.alone, test.side_by_side, test.selected];
    if tried.into_iter().flatten().any(|tried| tried.failed > tried.ran) {
        return Err("more failures than attempts");
    }
    match test.base {
        Some(base) if base.failed > base.ran => Err("more failures than attempts at the base"),
        _ => Ok(()),
    }
}

/// Rate, interval, verdict, severity and sentence, by the rules of the bundled policies.
fn judge(test: &mut TestReport, gates: &Gates) -> Result<(), &'static str> {
    let (failures, ran) = (test.failures, test.ran);
    let rate = f64::from(failures) / f64::from(ran.max(1));
    if (rate - test.rate).abs() > SAME {
        return Err("the rate is not failures by attempts");
    }
    test.rate = rate;
    let exact = clopper_pearson(failures, ran, LEVEL);
    test.interval = if near(&test.interval, &exact) { exact } else { wilson(failures, ran, LEVEL) };
    if test.ignored {
        test.verdict = Category::Inconclusive;
        test.severity = None;
        test.reason = "not judged: it is ignored".into();
        return Ok(());
    }
    let category = category(test, gates);
    let opposed = |a, b| a != Category::Inconclusive && b != Category::Inconclusive && a != b;
    if opposed(category, test.verdict) {
        return Err("the verdict contradicts the counts");
    }
    test.verdict = category;
    test.severity = (category != Category::Inconclusive).then(|| match category {
        Category::Stable => Severity::None,
        _ => severity(test.rate, &gates.severity),
    });
    let seen =
        if failures == 0 { format!("passed {ran} of {ran}") } else { format!("failed {failures} of {ran}") };
    test.reason = match &test.quarantined {
        Some(quarantine) => format!("in quarantine until {}: {seen}", quarantine.expires),
        None => seen,
    };
    Ok(())
}

fn near(a: &Interval, b: &Interval) -> bool {
    (a.low - b.low).abs() <= SAME && (a.high - b.high).abs() <= SAME
}

/// The rules of the bundled policy `thresholds`, in its order.
fn category(test: &TestReport, gates: &Gates) -> Category {
    let (failures, ran) = (test.failures, test.ran);
    let bounds = bounds(failures, ran, LEVEL);
    if ran == 0 {
        let only_skipped = test.counts.skipped > 0 && test.counts.missing == 0;
        return if only_skipped { Category::Stable } else { Category::Inconclusive };
    }
    if failures > 0 && bounds.pass_at_most < gates.broken_below {
        return Category::Broken;
    }
    if failures > 0 && failures < ran || failures == 0 && test.counts.retried > 0 {
        return Category::Flaky;
    }
    if failures == 0 && bounds.failure_at_most < gates.stable_below {
        return Category::Stable;
    }
    Category::Inconclusive
}

/// Any failure is at least LOW.
fn severity(rate: f64, thresholds: &SeverityThresholds) -> Severity {
    let steps = [
        (thresholds.critical, Severity::Critical),
        (thresholds.high, Severity::High),
        (thresholds.medium, Severity::Medium),
    ];
    match steps.into_iter().find(|(from, _)| rate >= *from) {
        Some((_, severity)) => severity,
        None if rate > 0.0 => Severity::Low,
        None => Severity::None,
    }
}

fn run(report: &mut RunReport, gates: &Gates) -> Result<(), Refusal> {
    let contradiction = |what| Err(Refusal::Contradiction { place: "failures".into(), what });
    let (total, failures) = (report.total_runs, report.failures);
    if failures > total || total > report.execution.planned || total > report.execution.finished {
        return contradiction("more than there were attempts");
    }
    let side_by_side = report.tests.iter().filter(|t| t.side_by_side.is_none() && t.gates());
    if side_by_side.clone().any(|t| t.ran > total) {
        return contradiction("a test ran in more attempts than counted");
    }
    if side_by_side.clone().any(|t| t.failures > failures) {
        return contradiction("a test failed in more attempts than failed");
    }
    let rate = f64::from(failures) / f64::from(total.max(1));
    let claimed = report.repro_rate.unwrap_or_default();
    if report.repro_rate.is_some() != (total > 0) || (claimed - python_round(rate, 3)).abs() > SAME {
        return contradiction("`repro_rate` is not failures by attempts");
    }
    let worst = report.tests.iter().filter(|t| t.gates()).map(|t| t.verdict).max();
    let obstacle = report.cause.filter(|cause| *cause != Cause::TooFewAttempts);
    let verdict = match (obstacle, worst) {
        // Nothing that gates, for all that was seen is in quarantine.
        (None, None) if report.tests.iter().any(|t| t.quarantined.is_some()) => Category::Stable,
        (Some(_), _) | (None, None) => Category::Inconclusive,
        (None, Some(worst)) => worst,
    };
    if verdict != report.verdict {
        return Err(Refusal::Contradiction {
            place: "verdict".into(),
            what: "it is not that of the worst test",
        });
    }
    if verdict == Category::Inconclusive {
        report.cause = report.cause.or(Some(Cause::TooFewAttempts));
        report.severity = None;
    } else {
        report.cause = None;
        report.severity = Some(severity(rate, &gates.severity));
    }
    report.reason = match obstacle {
        Some(cause) => format!("nothing can be told: {cause}"),
        None => sentence(report),
    };
    Ok(())
}

/// `1 test is flaky, 14 are stable`, worst first.
fn sentence(report: &RunReport) -> String {
    let all = [Category::Broken, Category::Flaky, Category::Inconclusive, Category::Stable];
    let counted = all.into_iter().filter_map(|category| {
        let count = report.tests.iter().filter(|t| t.gates() && t.verdict == category).count();
        (count > 0).then_some((count, category))
    });
    let parts: Vec<String> = counted
        .enumerate()
        .map(|(at, (count, category))| {
            let noun = match (at, count) {
                (0, 1) => " test",
                (0, _) => " tests",
                _ => "",
            };
            format!("{count}{noun} {} {category}", if count == 1 { "is" } else { "are" })
        })
        .collect();
    if parts.is_empty() { "no test was seen".into() } else { parts.join(", ") }
}
