//! Policies.

use flaky_core::evidence::{ConditionEffect, Counts, Durations, Evidence, FailureGroup, Tried};
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::stats;
use flaky_plugin_host::{Plugin, RunSummary};

use super::{Finding, HOSTILE, Size, answered};
use crate::check::Check;
use crate::golden::{Case, CaseError, policy};

/// Tests of a large run.
const MANY: u32 = 10_000;

pub(super) async fn battery(
    plugin: &Plugin,
    cases: impl Iterator<Item = &Case>,
) -> Result<Vec<Check>, CaseError> {
    let mut batches = vec![(plugin.clone(), extremes())];
    for case in cases {
        if let Ok(configured) = case.configured(plugin).await? {
            batches.push((configured, policy::input(&case.folder)?));
        }
    }
    Ok(vec![nothing(plugin).await, twice(plugin, &batches).await, alone(plugin).await, many(plugin).await])
}

async fn nothing(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "policy: no test at all");
    finding.survives("no evidence", Size::Usual, plugin.classify(&[]).await);
    let run = RunSummary { total_runs: 0, failures: 0, verdicts: Vec::new() };
    finding.survives("a run without tests", Size::Usual, plugin.summarise(&run).await);
    finding.end()
}

async fn twice(plugin: &Plugin, batches: &[(Plugin, Vec<Evidence>)]) -> Check {
    let mut finding = Finding::start(plugin, "policy: the same verdicts when asked twice");
    for (plugin, batch) in batches {
        let (first, second) = (plugin.classify(batch).await, plugin.classify(batch).await);
        finding.same("asked again", &answered(first), &answered(second));
    }
    finding.end()
}

/// Each in a call of its own, so that the one that is too much is named.
async fn alone(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "policy: numbers at their ends, hostile text");
    for test in extremes() {
        let what = format!("`{}`", test.id.as_str().chars().take(40).collect::<String>());
        finding.survives(&what, Size::Usual, plugin.classify(&[test]).await);
    }
    finding.end()
}

async fn many(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "policy: 10,000 tests");
    let tests: Vec<Evidence> =
        (0..MANY).map(|i| failing(&format!("tests/test_{i}.py::test"), i % 21, 20)).collect();
    let verdicts = finding.survives("10,000 tests", Size::Usual, plugin.classify(&tests).await);
    let decided = tests.iter().zip(verdicts.unwrap_or_default());
    let run = RunSummary {
        total_runs: 20,
        failures: 20,
        verdicts: decided.filter_map(|(test, v)| Some((test.id.clone(), v?))).collect(),
    };
    finding.survives("the run of 10,000 tests", Size::Usual, plugin.summarise(&run).await);
    finding.end()
}

/// Evidence of a test that failed so often, with one group of failures.
pub(crate) fn failing(id: &str, failures: u32, ran: u32) -> Evidence {
    let failures = failures.min(ran);
    let rate = if ran == 0 { 0.0 } else { f64::from(failures) / f64::from(ran) };
    // A list per attempt: enough to be many, no more than is ever kept.
    let attempts: Vec<u32> = (0..failures.min(1_000)).collect();
    let group = FailureGroup {
        fingerprint: "0123456789abcdef".into(),
        also: Vec::new(),
        kind: "AssertionError".into(),
        message: "assert 1 == 2".into(),
        trace: "test.py:3: in test".into(),
        attempts: attempts.iter().copied().map(AttemptIndex).collect(),
        seeds: attempts.iter().map(|i| Seed(u64::from(*i))).collect(),
    };
    Evidence {
        counts: Counts { ran, passed: ran - failures, failed: failures, ..Counts::default() },
        rate,
        interval: stats::wilson(failures, ran, 0.95),
        bounds: stats::bounds(failures, ran, 0.95),
        failing_attempts: group.attempts.clone(),
        failing_seeds: group.seeds.clone(),
        groups: if failures > 0 { vec![group] } else { Vec::new() },
        ..Evidence::new(TestId::new(id))
    }
}

fn extremes() -> Vec<Evidence> {
    let mut tests = vec![
        failing("never ran", 0, 0),
        failing("always passed", 0, 100),
        failing("always failed", 100, 100),
        failing("once", 1, 1),
        failing("as often as can be counted", u32::MAX, u32::MAX),
        failing("once in as often as can be counted", 1, u32::MAX),
    ];
    let mut everything = failing("everything is known", 3, 20);
    everything.alone = Some(Tried { ran: 0, failed: 0 });
    everything.side_by_side = Some(Tried { ran: u32::MAX, failed: u32::MAX });
    everything.selected = Some(Tried { ran: 1, failed: 0 });
    everything.failed_in_ci = true;
    everything.durations = Some(Durations {
        told: u32::MAX,
        median_ns: u64::MAX,
        largest_ns: u64::MAX,
        median_failed_ns: Some(0),
        slower_when_failing: Some(0.0),
    });
    everything.effects = vec![ConditionEffect {
        condition: "cpu-load".into(),
        value: "high".into(),
        ran: 10,
        failed: 3,
        p_value: 1.0,
    }];
    tests.push(everything);
    for (what, text) in HOSTILE {
        let text = String::from_utf8_lossy(text).into_owned();
        let mut test = failing(&format!("{what} {text}"), 2, 20);
        for group in &mut test.groups {
            (group.kind, group.message, group.trace) = (text.clone(), text.clone(), text.clone());
        }
        tests.push(test);
    }
    tests
}
