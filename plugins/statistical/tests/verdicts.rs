//! Evidence in, verdict and sentence out.

use flaky_plugin_sdk::{
    Base, Bounds, Category, Change, ConditionEffect, Counts, Durations, Evidence, Interval, RunSummary,
    Severity, Tried, Verdict,
};
use flaky_plugin_statistical::judge::judge;
use flaky_plugin_statistical::run::summarise;
use flaky_plugin_statistical::settings::{Settings, SeverityOn};

/// The exact one-sided bound of 95 % for something that never happened in `n` attempts.
fn never(n: u32) -> f64 {
    1.0 - 0.05_f64.powf(1.0 / f64::from(n))
}

fn evidence(ran: u32, failures: u32) -> Evidence {
    Evidence {
        counts: Counts { ran, passed: ran - failures, failed: failures, ..Counts::default() },
        failures,
        rate: f64::from(failures) / f64::from(ran),
        interval: Interval { low: 0.0466, high: 0.2017, level: 0.95 },
        bounds: Bounds {
            failure_at_most: if failures == 0 { never(ran) } else { 0.9 },
            pass_at_most: if failures == ran { never(ran) } else { 0.99 },
            level: 0.95,
        },
        ..Evidence::new("t")
    }
}

type Case = (&'static str, fn() -> Evidence, Category, &'static str);

fn with(mut evidence: Evidence, change: impl FnOnce(&mut Evidence)) -> Evidence {
    change(&mut evidence);
    evidence
}

fn at_base(now: Evidence, failed: u32, change: Change) -> Evidence {
    with(now, |e| e.base = Some(Base { ran: 60, failed, change, p_value: 0.01, paired: false }))
}

fn effect(condition: &str, value: &str, failed: u32, ran: u32, p_value: f64) -> ConditionEffect {
    ConditionEffect { condition: condition.into(), value: value.into(), ran, failed, p_value }
}

const SIX: &str = "failed 6 of 60: 10.0 %, 4.66–20.2 % (95 %)";

const CASES: &[Case] = &[
    ("plain", || evidence(60, 6), Category::Flaky, ""),
    (
        "not reproduced",
        || with(evidence(60, 0), |e| e.failed_in_ci = true),
        Category::Stable,
        "=failed in CI, passed 60 of 60 here: not reproduced, at most 4.9 %",
    ),
    (
        "not reproduced in too few",
        || with(evidence(10, 0), |e| e.failed_in_ci = true),
        Category::Inconclusive,
        "=failed in CI, passed 10 of 10 here: not reproduced, at most 25.9 %; 14 attempts would decide",
    ),
    (
        "reproduced",
        || with(evidence(60, 6), |e| e.failed_in_ci = true),
        Category::Flaky,
        "; failed in CI as well",
    ),
    (
        "introduced",
        || at_base(evidence(60, 6), 0, Change::Introduced),
        Category::Flaky,
        "; introduced by the change: 0 of 60 at the base, 6 of 60 now",
    ),
    (
        "new",
        || {
            with(at_base(evidence(60, 6), 0, Change::Introduced), |e| {
                e.base = e.base.map(|base| Base { ran: 0, ..base });
            })
        },
        Category::Flaky,
        "; new with the change: it did not run at the base",
    ),
    (
        "worsened",
        || at_base(evidence(60, 6), 1, Change::Worsened),
        Category::Flaky,
        "; worsened by the change: 1 of 60 at the base, 6 of 60 now",
    ),
    (
        "fixed",
        || at_base(evidence(60, 0), 30, Change::Fixed),
        Category::Stable,
        "=passed 60 of 60: fails at most 4.87 % of the time (95 %); fixed by the change: 30 of 60 at the base, 0 of 60 now",
    ),
    (
        "better, not fixed",
        || at_base(evidence(60, 6), 30, Change::Fixed),
        Category::Flaky,
        "; fails less often since the change: 30 of 60 at the base, 6 of 60 now",
    ),
    (
        "was there before",
        || at_base(evidence(60, 6), 5, Change::WasThereBefore),
        Category::Flaky,
        "; was there before: 5 of 60 at the base",
    ),
    (
        "nobody knows",
        || at_base(evidence(60, 6), 0, Change::NoEvidence),
        Category::Flaky,
        "; no evidence that the change did anything: 0 of 60 at the base, 6 of 60 now",
    ),
    (
        "never failed at all",
        || at_base(evidence(60, 0), 0, Change::NoEvidence),
        Category::Stable,
        "=passed 60 of 60: fails at most 4.87 % of the time (95 %)",
    ),
    (
        "needs the others",
        || with(evidence(60, 6), |e| e.selected = Some(Tried { ran: 80, failed: 0 })),
        Category::Flaky,
        "; only together with the other tests: 0 of 80 without them",
    ),
    (
        "too few to say that it needs the others",
        || with(evidence(60, 6), |e| e.selected = Some(Tried { ran: 8, failed: 0 })),
        Category::Flaky,
        "; without the other tests it failed 0 of 8",
    ),
    (
        "needs to be on its own",
        || with(evidence(60, 0), |e| e.selected = Some(Tried { ran: 20, failed: 12 })),
        Category::Stable,
        "=passed 60 of 60: fails at most 4.87 % of the time (95 %); only without the other tests: failed 12 of 20",
    ),
    (
        "a condition decides",
        || {
            with(evidence(60, 6), |e| {
                e.effects = vec![
                    effect("load", "low", 0, 30, 0.04),
                    effect("load", "high", 6, 30, 0.04),
                    effect("clock", "utc", 3, 30, 1.0),
                ];
            })
        },
        Category::Flaky,
        "; fails more often with `load` high: 6 of 30 against 0 of 30",
    ),
    (
        "no condition decides",
        || {
            with(evidence(60, 6), |e| {
                e.effects = vec![effect("load", "low", 2, 30, 0.4), effect("load", "high", 4, 30, 0.4)]
            })
        },
        Category::Flaky,
        "",
    ),
    (
        "slow failures",
        || {
            with(evidence(60, 6), |e| {
                e.durations = Some(Durations {
                    told: 60,
                    median_ns: 300_000_000,
                    largest_ns: 3_000_000_000,
                    median_failed_ns: Some(2_100_000_000),
                    slower_when_failing: Some(0.001),
                });
            })
        },
        Category::Flaky,
        "; slower when it fails: median 2.10 s against 0.30 s",
    ),
    (
        "ways to fail",
        || with(evidence(60, 6), |e| (e.counts.failed, e.counts.timed_out, e.counts.crashed) = (1, 4, 1)),
        Category::Flaky,
        "; 4 timed out, 1 crashed",
    ),
];

/// What a case expects stands behind the sentence of `thresholds`, or is all of it behind `=`.
#[test]
fn sentences_tell_what_else_the_numbers_show() {
    for (name, evidence, category, expected) in CASES {
        let verdict = judge(&evidence(), &Settings::default());
        let expected = expected.strip_prefix('=').map_or_else(|| format!("{SIX}{expected}"), str::to_owned);
        assert_eq!((verdict.category, verdict.reason), (*category, expected), "{name}");
        assert!((0.0..=1.0).contains(&verdict.confidence), "{name}");
    }
}

#[test]
fn severities_are_taken_from_the_rate_or_an_end_of_its_interval() {
    let six = evidence(60, 6);
    let nearly_never = with(evidence(60, 6), |e| e.interval.low = 0.0);
    for (evidence, on, expected) in [
        (&six, SeverityOn::Rate, Severity::Medium),
        (&six, SeverityOn::Low, Severity::Low),
        (&six, SeverityOn::High, Severity::Medium),
        (&nearly_never, SeverityOn::Low, Severity::Low),
        (&evidence(60, 0), SeverityOn::High, Severity::None),
    ] {
        let settings = Settings { severity_on: on, ..Settings::default() };
        assert_eq!(judge(evidence, &settings).severity, expected, "{on:?}");
    }
}

#[test]
fn the_run_counts_what_the_change_did_and_names_the_largest_cluster() {
    let verdict = |evidence: Evidence| judge(&evidence, &Settings::default());
    let named = |verdict: Verdict| ("t".to_owned(), verdict);
    let introduced = || named(verdict(at_base(evidence(60, 6), 0, Change::Introduced)));
    let fixed = named(verdict(at_base(evidence(60, 0), 30, Change::Fixed)));
    let mut run = RunSummary {
        total_runs: 60,
        failures: 12,
        verdicts: vec![introduced(), introduced(), fixed],
        more: r#"{"clusters": ["2 tests fail together", "others too"], "unknown": 1}"#.into(),
    };
    let reason = |run: &RunSummary| summarise(run, &Settings::default()).unwrap().reason;
    assert_eq!(
        reason(&run),
        "of 3 tests: 2 flaky, 1 stable; 60 attempts; by the change: 2 introduced, 1 fixed; 2 tests fail together"
    );
    for more in ["", "{}", "[1]", "no json", r#"{"clusters": 7}"#] {
        run.more = more.into();
        assert_eq!(
            reason(&run),
            "of 3 tests: 2 flaky, 1 stable; 60 attempts; by the change: 2 introduced, 1 fixed"
        );
    }
    run.verdicts.clear();
    assert_eq!(summarise(&run, &Settings::default()), None);
}
