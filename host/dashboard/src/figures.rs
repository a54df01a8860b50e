//! Numbers of many runs, and of one test in many runs. Pure: what goes in is what the history said.

use std::collections::BTreeMap;

use flaky_core::evidence::Interval;
use flaky_core::history::{PastFailure, PastResult, PastRun, TestHistory, TestSummary};
use flaky_core::stats::clopper_pearson;
use flaky_core::verdict::{Category, Severity};

use crate::data::{
    Failing, Figures, Onset, Part, RunLine, RunMention, RunPlace, Severities, ShareLine, TestResult,
};
use crate::forge::{commit, web_address};
use crate::period::{Period, Span};

/// Failing attempts of a test in a run that are told one by one: beyond these only their number says something.
const MOST_FAILING_ATTEMPTS: usize = 100;

/// Confidence level of intervals, as in reports.
const LEVEL: f64 = 0.95;

impl Severities {
    /// Counts one more.
    pub(crate) fn count(&mut self, severity: Option<Severity>) {
        let of = match severity {
            Some(Severity::Critical) => &mut self.critical,
            Some(Severity::High) => &mut self.high,
            Some(Severity::Medium) => &mut self.medium,
            Some(Severity::Low) => &mut self.low,
            Some(Severity::None) => &mut self.none,
            None => &mut self.unknown,
        };
        *of = of.saturating_add(1);
    }
}

/// Figures, severities of the runs, and the trend.
pub(crate) fn of_runs<'a>(
    runs: impl Iterator<Item = &'a PastRun>,
    span: Span,
) -> (Figures, Severities, Vec<Part>) {
    let mut figures = Figures::default();
    let mut severities = Severities::default();
    let mut trend: Vec<Part> = (0..span.parts)
        .map(|part| Part { from: span.start_of(part), runs: 0, failing_runs: 0, attempts: 0, failures: 0 })
        .collect();
    for run in runs {
        let failing = u32::from(run.failures > 0);
        figures.runs += 1;
        figures.failing_runs += failing;
        figures.inconclusive_runs += u32::from(run.verdict == Category::Inconclusive);
        figures.attempts += u64::from(run.attempts);
        figures.failures += u64::from(run.failures);
        figures.cpu_seconds += run.cpu_seconds;
        figures.spoiled_cpu_seconds +=
            run.cpu_seconds * f64::from(run.failures) / f64::from(run.attempts.max(1));
        severities.count(run.severity);
        if let Some(part) = span.part(run.context.started).and_then(|part| trend.get_mut(part)) {
            part.runs += 1;
            part.failing_runs += failing;
            part.attempts += u64::from(run.attempts);
            part.failures += u64::from(run.failures);
        }
    }
    (figures, severities, trend)
}

/// Adds what the tests say; and by severity those that failed.
pub(crate) fn add_tests(figures: &mut Figures, tests: &[TestSummary]) -> Severities {
    let mut severities = Severities::default();
    for test in tests {
        figures.tests += 1;
        match test.verdict {
            Category::Flaky => figures.flaky += 1,
            Category::Broken => figures.broken += 1,
            Category::Stable | Category::Inconclusive if test.failed > 0 => figures.recovered += 1,
            Category::Stable | Category::Inconclusive => {}
        }
        if test.failed > 0 {
            severities.count(test.severity);
        }
    }
    severities
}

/// Where and when, with nothing in it that must not be a link.
pub(crate) fn place(run: &PastRun) -> RunPlace {
    RunPlace {
        started: run.context.started,
        branch: run.context.branch.clone(),
        commit: run.commit.as_deref().and_then(commit).map(str::to_owned),
        pull_request: run.context.pull_request,
        url: run.context.url.as_deref().and_then(web_address),
        changed: run.context.changed,
    }
}

/// A run as it stands in lists.
pub(crate) fn line(run: &PastRun) -> RunLine {
    RunLine {
        run: run.run.clone(),
        place: place(run),
        attempts: run.attempts,
        failures: run.failures,
        tests: run.tests,
        verdict: run.verdict,
        cause: run.cause,
        severity: run.severity,
        wall_seconds: run.wall_seconds,
        cpu_seconds: run.cpu_seconds,
    }
}

/// What became of a test, with its first failing attempts.
pub(crate) fn result(result: &PastResult) -> TestResult {
    let told = |f: &PastFailure| Failing::new(f.attempt, f.seed, f.fingerprint.clone());
    let failing: Vec<Failing> = result.failing.iter().take(MOST_FAILING_ATTEMPTS).map(told).collect();
    TestResult {
        verdict: result.verdict,
        severity: result.severity,
        ignored: result.ignored,
        counts: result.counts,
        median_seconds: result.median_seconds,
        failing_left_out: count(result.failing.len().saturating_sub(failing.len())),
        failing,
    }
}

/// Numbers of a test for every branch that is offered, and for all; for every period.
pub(crate) fn shares(
    test: &TestHistory,
    branches: &BTreeMap<String, String>,
    span_of: impl Fn(Period) -> Span,
) -> Vec<ShareLine> {
    let keys: BTreeMap<&str, &str> =
        branches.iter().map(|(key, name)| (name.as_str(), key.as_str())).collect();
    let mut shares: BTreeMap<(Option<&str>, Period), ShareLine> = BTreeMap::new();
    for period in Period::ALL {
        let span = span_of(period);
        for (run, result) in test.runs.iter().zip(&test.results) {
            if !span.holds(run.context.started) {
                continue;
            }
            let branch = run.context.branch.as_deref().and_then(|name| keys.get(name).copied());
            for branch in [None, branch].into_iter().take(1 + usize::from(branch.is_some())) {
                let share = shares.entry((branch, period)).or_insert_with(|| nothing(branch, period));
                let failed = result.counts.failures();
                share.runs += 1;
                share.flaky_runs += u32::from(failed > 0 && failed < result.counts.ran);
                share.ran = share.ran.saturating_add(result.counts.ran);
                share.failed = share.failed.saturating_add(failed);
            }
        }
    }
    shares
        .into_values()
        .map(|share| ShareLine { interval: clopper_pearson(share.failed, share.ran, LEVEL), ..share })
        .collect()
}

fn nothing(branch: Option<&str>, period: Period) -> ShareLine {
    ShareLine {
        branch: branch.map(str::to_owned),
        period,
        runs: 0,
        flaky_runs: 0,
        ran: 0,
        failed: 0,
        interval: Interval { low: 0.0, high: 1.0, level: LEVEL },
    }
}

/// Between which runs the test began to fail: its first failing run, and the last one before that passed. Of all branches
/// together, and of each that is offered. Runs of changed work trees are nobody's commit and stay out.
pub(crate) fn onsets(test: &TestHistory, branches: &BTreeMap<String, String>) -> Vec<Onset> {
    let each = branches.iter().map(|(key, name)| (Some(key.clone()), Some(name.as_str())));
    [(None, None)].into_iter().chain(each).filter_map(|(key, name)| onset(test, key, name)).collect()
}

fn onset(test: &TestHistory, key: Option<String>, branch: Option<&str>) -> Option<Onset> {
    let asked =
        |run: &PastRun| !run.context.changed && (branch.is_none() || run.context.branch.as_deref() == branch);
    let all: Vec<(&PastRun, &PastResult)> =
        test.runs.iter().zip(&test.results).filter(|(run, _)| asked(run)).collect();
    let first = all.iter().position(|(_, result)| result.counts.failures() > 0)?;
    let (before, rest) = all.split_at(first);
    let last_clean = before.iter().rev().find(|(_, result)| result.counts.ran > 0)?;
    Some(Onset { branch: key, last_clean: mention(last_clean), first_failing: mention(rest.first()?) })
}

fn mention((run, result): &(&PastRun, &PastResult)) -> RunMention {
    RunMention {
        run: run.run.clone(),
        started: run.context.started,
        commit: run.commit.as_deref().and_then(commit).map(str::to_owned),
        ran: result.counts.ran,
        failed: result.counts.failures(),
    }
}

/// A number of things, as documents have it.
pub(crate) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
