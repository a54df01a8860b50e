//! The documents that need the history.

use flaky_core::history::{HistoryFilter, TestHistory, TestSummary};
use flaky_core::ids::{RunId, TestId};
use flaky_history::History;

use super::{Snapshot, Suite};
use crate::DashboardError;
use crate::data::{
    CleanLine, DATA_VERSION, Period, RunDetail, RunList, RunTest, TestDetail, TestLine, TestRun, View,
};
use crate::figures::{add_tests, count, line, of_runs, onsets, place, result, shares};
use crate::keys;

/// Runs in the list of a suite: an export has a document for each of them.
pub(super) const MOST_RUNS_LISTED: usize = 1_000;

/// Newest runs on the page of a test: more is no strip that anybody can read.
const MOST_RUNS_OF_A_TEST: usize = 1_000;

/// Runs before these in which it failed.
const MOST_FAILING_RUNS_BEFORE: usize = 500;

/// Failing tests on the page of a run: where more fail, it is not about a test.
const MOST_TESTS_OF_A_RUN: usize = 500;

/// Failure groups of a test: where there are more, the fingerprint holds something that changes with every failure.
const MOST_GROUPS: usize = 20;

/// Makes documents of one state.
pub(super) struct Maker<'a> {
    pub(super) history: &'a History,
    pub(super) snapshot: &'a Snapshot,
}

impl Maker<'_> {
    pub(super) async fn view(
        &self,
        series: &str,
        branch: Option<&str>,
        period: Period,
    ) -> Result<Option<View>, DashboardError> {
        let Some(suite) = self.snapshot.suite(series) else { return Ok(None) };
        let name = match branch.map(|key| suite.branches.get(key)) {
            Some(None) => return Ok(None),
            Some(Some(name)) => Some(name),
            None => None,
        };
        let span = self.snapshot.span(period);
        let runs = suite.runs.iter().filter(|run| {
            span.holds(run.context.started) && (name.is_none() || run.context.branch.as_ref() == name)
        });
        let (mut figures, run_severities, trend) = of_runs(runs, span);
        let filter = HistoryFilter {
            branch: name.cloned(),
            since: Some(span.since()),
            until: Some(span.until()),
            ..suite.filter()
        };
        let told = self.history.tests(&filter, span.parts).await?;
        let test_severities = add_tests(&mut figures, &told);
        let (failed, passed): (Vec<_>, Vec<_>) = told.into_iter().partition(|test| test.failed > 0);
        let mut tests: Vec<TestLine> = failed.into_iter().map(test_line).collect();
        tests.sort_by(|a, b| b.cost_cpu_seconds.total_cmp(&a.cost_cpu_seconds).then_with(|| a.id.cmp(&b.id)));
        let mut clean: Vec<CleanLine> = passed.into_iter().map(clean_line).collect();
        clean.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Some(View {
            data_version: DATA_VERSION,
            since: span.since(),
            until: span.until(),
            figures,
            run_severities,
            test_severities,
            trend,
            tests,
            clean,
        }))
    }

    pub(super) fn runs(&self, series: &str) -> Option<RunList> {
        let suite = self.snapshot.suite(series)?;
        Some(RunList {
            data_version: DATA_VERSION,
            runs: suite.runs.iter().take(MOST_RUNS_LISTED).map(line).collect(),
            left_out: count(suite.runs.len().saturating_sub(MOST_RUNS_LISTED)),
        })
    }

    pub(super) async fn run(&self, id: &RunId) -> Result<Option<RunDetail>, DashboardError> {
        let Some((run, tests)) = self.history.run(id).await? else { return Ok(None) };
        let series = &run.context.series;
        let mut failing = Vec::new();
        let (mut clean, mut never_ran) = (0, 0);
        for (id, told) in &tests {
            if told.counts.failures() > 0 {
                failing.push(RunTest { key: keys::test(series, id), id: id.clone(), result: result(told) });
            } else if told.counts.ran > 0 {
                clean += 1;
            } else {
                never_ran += 1;
            }
        }
        let rate =
            |t: &RunTest| f64::from(t.result.counts.failures()) / f64::from(t.result.counts.ran.max(1));
        failing.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then_with(|| a.id.cmp(&b.id)));
        let left_out = count(failing.len().saturating_sub(MOST_TESTS_OF_A_RUN));
        failing.truncate(MOST_TESTS_OF_A_RUN);
        Ok(Some(RunDetail {
            data_version: DATA_VERSION,
            series: keys::series(series),
            line: line(&run),
            command: run.command,
            flaky_version: run.flaky_version,
            isolation: run.isolation,
            failing,
            failing_left_out: left_out,
            clean,
            never_ran,
        }))
    }

    pub(super) async fn test(&self, key: &str) -> Result<Option<TestDetail>, DashboardError> {
        let known = self.snapshot.suites.iter().find_map(|suite| Some((suite, suite.failed.get(key)?)));
        let Some((suite, id)) = known else { return Ok(None) };
        let Some(test) = self.read(suite, id).await? else { return Ok(None) };
        let newest = test.runs.len().saturating_sub(MOST_RUNS_OF_A_TEST);
        let both = || test.runs.iter().zip(&test.results);
        let older: Vec<_> = both().take(newest).filter(|(_, r)| r.counts.failures() > 0).collect();
        let from = older.len().saturating_sub(MOST_FAILING_RUNS_BEFORE);
        let told = older.iter().skip(from).copied().chain(both().skip(newest));
        let runs: Vec<TestRun> = told
            .map(|(run, told)| TestRun { run: run.run.clone(), place: place(run), result: result(told) })
            .collect();
        Ok(Some(TestDetail {
            data_version: DATA_VERSION,
            key: key.to_owned(),
            series: suite.key.clone(),
            shares: shares(&test, &suite.branches, |period| self.snapshot.span(period)),
            onsets: onsets(&test, &suite.branches),
            runs_left_out: count(test.runs.len().saturating_sub(runs.len())),
            runs,
            groups_left_out: count(test.groups.len().saturating_sub(MOST_GROUPS)),
            groups: test.groups.into_iter().take(MOST_GROUPS).collect(),
            id: test.id,
            location: test.location,
        }))
    }

    async fn read(&self, suite: &Suite, id: &TestId) -> Result<Option<TestHistory>, DashboardError> {
        Ok(self.history.test(&suite.series, id, &HistoryFilter::default()).await?)
    }
}

fn test_line(test: TestSummary) -> TestLine {
    TestLine {
        key: keys::test(&test.series, &test.id),
        id: test.id,
        location: test.location,
        runs: test.runs,
        flaky_runs: test.flaky_runs,
        ran: test.ran,
        failed: test.failed,
        rate: test.rate,
        interval: test.interval,
        first_failed: test.first_failed,
        last_failed: test.last_failed,
        last_seen: test.last_seen,
        verdict: test.verdict,
        severity: test.severity,
        cost_cpu_seconds: test.cost_cpu_seconds,
        trend: test.trend.iter().map(|share| (share.ran, share.failed)).collect(),
    }
}

fn clean_line(test: TestSummary) -> CleanLine {
    CleanLine {
        id: test.id,
        runs: test.runs,
        ran: test.ran,
        last_seen: test.last_seen,
        verdict: test.verdict,
    }
}
