//! Reports, as little of them as a test needs.

use std::collections::BTreeMap;

use flaky_core::evidence::{Counts, Interval};
use flaky_core::history::{
    HistoryFilter, HistoryWindow, PastResult, PastRun, RunContext, Series, TestHistory, TestSummary,
    Timestamp,
};
use flaky_core::ids::{Seed, TestId};
use flaky_core::parsed::Location;
use flaky_core::report::{FailureGroupReport, IsolationUsed, RunReport, SeedReport, TestReport};
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_history::{History, HistoryError};

pub(crate) fn series() -> Series {
    Series { repository: "example.org/team/shop".into(), suite: ".".into() }
}

pub(crate) fn context(started: i64) -> RunContext {
    RunContext {
        series: series(),
        started: Timestamp(started),
        branch: Some("main".into()),
        pull_request: None,
        url: None,
        changed: false,
    }
}

/// A run of this many attempts with seeds from 100.
pub(crate) fn report(run: &str, attempts: u32, tests: Vec<TestReport>) -> RunReport {
    let mut report = RunReport::without_result(Cause::TooFewAttempts, "");
    report.run = run.parse().unwrap();
    report.flaky_version = "0.1.0".into();
    report.total_runs = attempts;
    report.cause = None;
    report.verdict = tests.iter().map(|t| t.verdict).max().unwrap_or(Category::Stable);
    report.severity = Some(Severity::None);
    report.isolation.used = IsolationUsed::Full;
    report.subject.commit = Some(format!("{run:0<40}"));
    report.subject.command = ["pytest", "-k", "a b"].map(String::from).to_vec();
    report.execution.planned = attempts;
    report.execution.seeds = SeedReport::First(100);
    report.execution.cpu_seconds = f64::from(attempts) * 2.0;
    report.failures = tests.iter().map(|t| t.failures).max().unwrap_or(0);
    report.tests = tests;
    report
}

/// A test that failed in these attempts, the same way.
pub(crate) fn test(id: &str, attempts: u32, failing: &[u32]) -> TestReport {
    let failed = u32::try_from(failing.len()).unwrap();
    let seeds: Vec<Seed> = failing.iter().map(|i| Seed(100 + u64::from(*i))).collect();
    let group = FailureGroupReport {
        fingerprint: format!("{:0>16}", id.len()),
        also: Vec::new(),
        count: failed,
        kind: "AssertionError".into(),
        message: format!("{id} is not what it was"),
        trace: "at line 1".into(),
        seeds: seeds.clone(),
    };
    TestReport {
        id: TestId::new(id),
        location: Some(Location { file: "tests/all.py".into(), line: Some(7) }),
        ran: attempts,
        failures: failed,
        rate: 0.0,
        interval: Interval { low: 0.0, high: 1.0, level: 0.95 },
        verdict: if failed == 0 { Category::Stable } else { Category::Flaky },
        severity: Some(if failed == 0 { Severity::None } else { Severity::Low }),
        confidence: 0.9,
        reason: String::new(),
        decided_by: "builtin".into(),
        ignored: false,
        counts: Counts { ran: attempts, passed: attempts - failed, failed, ..Counts::default() },
        failing_seeds: seeds,
        failure_groups: if failed == 0 { Vec::new() } else { vec![group] },
        alone: None,
        side_by_side: None,
        median_seconds: Some(0.25),
        selected: None,
        base: None,
        failed_in_ci: false,
        reproduction: None,
        tags: Vec::new(),
        added: Vec::new(),
        history: None,
        quarantined: None,
    }
}

/// A test that is skipped in every attempt.
pub(crate) fn skipped(id: &str, attempts: u32) -> TestReport {
    let counts = Counts { skipped: attempts, ..Counts::default() };
    TestReport { counts, ran: 0, severity: None, verdict: Category::Inconclusive, ..test(id, attempts, &[]) }
}

/// Twenty tests, of which the fifth is flaky, and ten more that are skipped.
pub(crate) fn suite(run: &str, failing: &[u32]) -> RunReport {
    let mut tests: Vec<_> =
        (0..20).map(|i| test(&format!("t::{i:02}"), 10, if i == 4 { failing } else { &[] })).collect();
    tests.extend((20..30).map(|i| skipped(&format!("t::{i:02}"), 10)));
    report(run, 10, tests)
}

/// Asks for everything.
pub(crate) fn all() -> HistoryFilter {
    HistoryFilter::default()
}

/// All that a history says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Everything {
    series: Vec<Series>,
    runs: Vec<(PastRun, Vec<(TestId, PastResult)>)>,
    tests: Vec<TestSummary>,
    flaky: Option<TestHistory>,
    window: BTreeMap<TestId, HistoryWindow>,
}

pub(crate) async fn try_everything(history: &History) -> Result<Everything, HistoryError> {
    let mut runs = Vec::new();
    for run in history.runs(&all(), u32::MAX).await? {
        runs.extend(history.run(&run.run).await?);
    }
    Ok(Everything {
        series: history.series().await?,
        runs,
        tests: history.tests(&all(), 3).await?,
        flaky: history.test(&series(), &TestId::new("t::04"), &all()).await?,
        window: history.window(&series(), Timestamp(0)).await?,
    })
}

pub(crate) async fn everything(history: &History) -> Everything {
    try_everything(history).await.unwrap()
}
