//! Lists: tests, runs, and what changed between two sides.

use flaky_core::date::Date;
use flaky_core::history::{
    Compared, Direction, HistoryFilter, PastRun, Share, TestSummary, percent, short, trend,
};
use flaky_core::moment::minute;
use flaky_core::text::visible;

use super::columns::{cost, fitted, left, line, right, strip};
use crate::commands::history::documents::Side;

/// Columns of the name at least.
const LEAST_NAME: usize = 20;

/// Tests by series, in their order.
pub(in crate::commands::history) fn list(
    tests: &[TestSummary],
    filter: &HistoryFilter,
    width: usize,
) -> String {
    let mut text = String::new();
    let since = filter.since.map(|since| format!(" since {}", Date::of(since))).unwrap_or_default();
    if tests.is_empty() {
        let what = if filter.failed_only { "no test failed" } else { "no test ran" };
        line(&mut text, &format!("{what} in the runs of the history{since}"));
        return text;
    }
    // Two blanks before each column: rate, failures, cost, since, trend.
    let name = width.saturating_sub(2 + 7 + 2 + 13 + 2 + 7 + 2 + 10 + 2 + 13).max(LEAST_NAME);
    let mut series = None;
    for test in tests {
        if series != Some(&test.series) {
            if series.is_some() {
                text.push('\n');
            }
            let (repository, suite) = (visible(&test.series.repository), visible(&test.series.suite));
            line(&mut text, &format!("{repository}, suite `{suite}`{since}"));
            let head = [
                left("TEST", name),
                right("RATE", 7),
                right("FAILED", 13),
                right("COST", 7),
                left("SINCE", 10),
                left("TREND", 12),
            ];
            line(&mut text, &head.join("  "));
            series = Some(&test.series);
        }
        line(&mut text, &row(test, name));
    }
    text
}

fn row(test: &TestSummary, name: usize) -> String {
    let share = Share { ran: test.ran, failed: test.failed };
    let first = test.first_failed.map(|first| Date::of(first).to_string());
    let half = test.trend.len() / 2;
    let (earlier, recent) = test.trend.split_at(half);
    let mark = match trend(Share::total(earlier), Share::total(recent)).direction {
        Direction::Worse => "↑",
        Direction::Better => "↓",
        Direction::Steady => "",
    };
    [
        left(&fitted(test.id.as_str(), name), name),
        right(&percent(share), 7),
        right(&format!("{} of {}", test.failed, test.ran), 13),
        right(&cost(test.cost_cpu_seconds), 7),
        left(first.as_deref().unwrap_or("never"), 10),
        format!("{}{mark}", strip(test.trend.iter().copied())),
    ]
    .join("  ")
}

/// Runs, newest first.
pub(in crate::commands::history) fn runs(runs: &[PastRun], width: usize) -> String {
    let mut text = String::new();
    if runs.is_empty() {
        line(&mut text, "the history has no such run");
        return text;
    }
    let branch = width.saturating_sub(16 + 2 + 20 + 2 + 8 + 2 + 12 + 2 + 13 + 2).max(6);
    let head = [
        left("BEGAN (UTC)", 16),
        left("RUN", 20),
        left("COMMIT", 8),
        left("VERDICT", 12),
        right("FAILED", 13),
        "BRANCH".to_owned(),
    ];
    line(&mut text, &head.join("  "));
    for run in runs {
        let commit = run.commit.as_deref().map(short).unwrap_or_default();
        let changed = if run.context.changed && run.commit.is_some() { "+" } else { "" };
        let branch_name = run.context.branch.as_deref().unwrap_or("–");
        let row = [
            left(&minute(run.context.started), 16),
            left(run.run.as_str(), 20),
            left(&format!("{commit}{changed}"), 8),
            left(&run.verdict.to_string(), 12),
            right(&format!("{} of {}", run.failures, run.attempts), 13),
            fitted(branch_name, branch),
        ];
        line(&mut text, &row.join("  "));
    }
    text
}

/// Tests then and now; those that changed first. `all`: how many were compared.
pub(in crate::commands::history) fn comparison(
    then: &Side,
    now: &Side,
    tests: &[Compared],
    all: usize,
    width: usize,
) -> String {
    let mut text = String::new();
    let side = |side: &Side| {
        let runs = side.runs.map(|runs| format!(" ({runs} run{})", if runs == 1 { "" } else { "s" }));
        format!("{} `{}`{}", side.kind, visible(&side.name), runs.unwrap_or_default())
    };
    line(&mut text, &format!("then: {}; now: {}", side(then), side(now)));
    let changed = tests.iter().filter(|test| test.direction != Direction::Steady).count();
    line(
        &mut text,
        &format!(
            "{changed} of {all} tests changed beyond chance (Fisher's exact test, 5 % of those named are chance)"
        ),
    );
    if tests.is_empty() {
        return text;
    }
    text.push('\n');
    let name = width.saturating_sub(2 + 20 + 2 + 20 + 2 + 7).max(LEAST_NAME);
    let head = [left("TEST", name), right("THEN", 20), right("NOW", 20), "CHANGE".to_owned()];
    line(&mut text, &head.join("  "));
    let said = |share: Share| match share.ran {
        0 => "did not run".to_owned(),
        ran => format!("{} ({} of {ran})", percent(share), share.failed),
    };
    for test in tests {
        let change = match test.direction {
            Direction::Worse => "worse",
            Direction::Better => "better",
            Direction::Steady => "",
        };
        let row = [
            left(&fitted(test.id.as_str(), name), name),
            right(&said(test.then), 20),
            right(&said(test.now), 20),
            change.to_owned(),
        ];
        line(&mut text, &row.join("  "));
    }
    text
}
