//! Evidence in, verdict and sentence out.

use flaky_plugin_thresholds::judge::{deciding, judge, severity};
use flaky_plugin_thresholds::model::{
    Bounds, Category, Counts, Evidence, Interval, RunSummary, Severity, Tried, Verdict,
};
use flaky_plugin_thresholds::run::summarise;
use flaky_plugin_thresholds::settings::Settings;

/// Least root of `tail(p) = 0.05` by bisection: the exact one-sided bound, worked out independently of the
/// policy, for `k` events of `n`.
fn at_most(k: u32, n: u32) -> f64 {
    if k >= n {
        return 1.0;
    }
    let tail = |p: f64| -> f64 {
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = term;
        for i in 0..k {
            term *= f64::from(n - i) / f64::from(i + 1) * p / (1.0 - p);
            sum += term;
        }
        sum
    };
    let (mut low, mut high) = (f64::from(k) / f64::from(n), 1.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if tail(middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

fn evidence(ran: u32, failures: u32) -> Evidence {
    Evidence {
        counts: Counts { ran, passed: ran - failures, failed: failures, ..Counts::default() },
        failures,
        rate: if ran == 0 { 0.0 } else { f64::from(failures) / f64::from(ran) },
        interval: Interval { low: 0.2189, high: 0.3958, level: 0.95 },
        bounds: Bounds {
            failure_at_most: at_most(failures, ran),
            pass_at_most: at_most(ran - failures, ran),
            level: 0.95,
        },
        ..Evidence::new("t")
    }
}

fn check(evidence: &Evidence, category: Category, severity: Severity, reason: &str) {
    let verdict = judge(evidence, &Settings::default());
    assert_eq!((verdict.category, verdict.severity, verdict.reason.as_str()), (category, severity, reason));
    assert!((0.0..=1.0).contains(&verdict.confidence));
}

#[test]
fn verdicts_by_attempts_and_failures() {
    use Category::{Broken, Flaky, Inconclusive, Stable};
    use Severity::{Critical, High, Low, Medium, None};
    let cases = [
        (14, 0, Stable, None, "passed 14 of 14: fails at most 19.3 % of the time (95 %)"),
        (100, 0, Stable, None, "passed 100 of 100: fails at most 2.95 % of the time (95 %)"),
        (
            13,
            0,
            Inconclusive,
            None,
            "passed 13 of 13: fails at most 20.6 % of the time (95 %); 14 attempts would decide",
        ),
        (
            10,
            0,
            Inconclusive,
            None,
            "passed 10 of 10: fails at most 25.9 % of the time (95 %); 14 attempts would decide",
        ),
        (
            1,
            0,
            Inconclusive,
            None,
            "passed 1 of 1: fails at most 95.0 % of the time (95 %); 14 attempts would decide",
        ),
        (14, 14, Broken, Critical, "failed 14 of 14: passes at most 19.3 % of the time (95 %)"),
        (
            13,
            13,
            Inconclusive,
            None,
            "failed 13 of 13: passes at most 20.6 % of the time (95 %); 14 attempts would decide",
        ),
        (
            100,
            99,
            Broken,
            Critical,
            "failed 99 of 100, passed once: passes at most 4.66 % of the time (95 %)",
        ),
        (
            100,
            97,
            Broken,
            Critical,
            "failed 97 of 100, passed 3 times: passes at most 7.57 % of the time (95 %)",
        ),
        (100, 30, Flaky, Medium, "failed 30 of 100: 30.0 %, 21.9–39.6 % (95 %)"),
        (2, 1, Flaky, High, "failed 1 of 2: 50.0 %, 21.9–39.6 % (95 %)"),
        (1000, 1, Flaky, Low, "failed 1 of 1000: 0.10 %, 21.9–39.6 % (95 %)"),
        (10, 9, Flaky, Critical, "failed 9 of 10: 90.0 %, 21.9–39.6 % (95 %)"),
    ];
    for (ran, failures, category, severity, reason) in cases {
        check(&evidence(ran, failures), category, severity, reason);
    }
}

#[test]
fn tests_without_an_outcome_that_counts() {
    let with = |skipped, missing| {
        let mut evidence = evidence(0, 0);
        evidence.counts.skipped = skipped;
        evidence.counts.missing = missing;
        evidence
    };
    check(&with(7, 0), Category::Stable, Severity::None, "skipped in all 7 attempts");
    check(&with(0, 7), Category::Inconclusive, Severity::None, "no outcome in any of 7 attempts");
    check(&with(3, 4), Category::Inconclusive, Severity::None, "skipped in 3 attempts, missing in 4");
}

#[test]
fn circumstances_are_part_of_the_sentence() {
    let mut sometimes = evidence(20, 4);
    sometimes.counts.skipped = 2;
    sometimes.counts.missing = 1;
    sometimes.alone = Some(Tried { ran: 14, failed: 2 });
    check(
        &sometimes,
        Category::Flaky,
        Severity::Medium,
        "failed 4 of 20: 20.0 %, 21.9–39.6 % (95 %); alone it failed 2 of 14; skipped in 2; missing in 1",
    );

    let mut retried = evidence(20, 0);
    retried.counts.retried = 3;
    check(
        &retried,
        Category::Flaky,
        Severity::Medium,
        "passed 20 of 20, in 3 of them only after the framework tried again",
    );
}

#[test]
fn copies_side_by_side_that_disturb_each_other_are_named_as_the_cause() {
    let beside = |ran, failures| {
        let mut evidence = evidence(ran, failures);
        evidence.side_by_side = Some(Tried { ran: 20, failed: 9 });
        evidence.alone = Some(Tried { ran, failed: failures });
        evidence
    };
    check(
        &beside(14, 0),
        Category::Stable,
        Severity::None,
        "failed 9 of 20 with copies side by side, 0 of 14 alone: caused by running copies side by side (alone it fails at most 19.3 % of the time (95 %))",
    );
    check(
        &beside(5, 0),
        Category::Inconclusive,
        Severity::None,
        "failed 9 of 20 with copies side by side, 0 of 5 alone: caused by running copies side by side (alone it fails at most 45.1 % of the time (95 %); 14 attempts would decide)",
    );
    check(
        &beside(14, 3),
        Category::Flaky,
        Severity::Medium,
        "failed 9 of 20 with copies side by side, 3 of 14 alone: 21.4 %, 21.9–39.6 % (95 %)",
    );
    assert_eq!(
        judge(&beside(14, 0), &Settings::default()).tags,
        [("interference".to_owned(), "yes".to_owned())]
    );
}

#[test]
fn severities_begin_at_their_thresholds() {
    let cases = [
        (0.0, Severity::None),
        (1e-9, Severity::Low),
        (0.0099, Severity::Low),
        (0.01, Severity::Low),
        (0.0999, Severity::Low),
        (0.1, Severity::Medium),
        (0.4999, Severity::Medium),
        (0.5, Severity::High),
        (0.8999, Severity::High),
        (0.9, Severity::Critical),
        (1.0, Severity::Critical),
        (f64::NAN, Severity::None),
    ];
    for (rate, expected) in cases {
        assert_eq!(severity(rate, &Settings::default()), expected, "{rate}");
    }
}

/// Attempts that show a failure of this rate with 95 % are as many as clear it: the published table of sample
/// sizes (20 %: 14, 10 %: 29, 5 %: 59, 2 %: 149, 1 %: 299).
#[test]
fn attempts_that_would_decide() {
    for (gate, n) in [(0.5, 5), (0.2, 14), (0.1, 29), (0.05, 59), (0.02, 149), (0.01, 299), (1.0, 1)] {
        assert_eq!(deciding(gate, 0.95), n, "{gate}");
        assert!(gate >= 1.0 || at_most(0, n) < gate && at_most(0, n - 1) >= gate);
    }
    assert_eq!(deciding(0.0, 0.95), u32::MAX);
}

#[test]
fn confidence_reaches_the_level_exactly_when_the_gate_opens() {
    let settings = Settings::default();
    for ran in 1..200 {
        for failures in [0, 1, ran / 2, ran - 1, ran] {
            if failures > ran {
                continue;
            }
            let verdict = judge(&evidence(ran, failures), &settings);
            match verdict.category {
                Category::Stable | Category::Broken => assert!(verdict.confidence > 0.95, "{ran} {failures}"),
                Category::Inconclusive => assert!(verdict.confidence <= 0.95, "{ran} {failures}"),
                Category::Flaky => assert!(verdict.confidence >= 1.0, "{ran} {failures}"),
            }
        }
    }
}

#[test]
fn a_run_is_as_bad_as_its_worst_test() {
    let verdict = |category, confidence| Verdict {
        category,
        severity: Severity::None,
        confidence,
        reason: "why".to_owned(),
        tags: Vec::new(),
    };
    let run = |total_runs, failures, categories: &[Category]| RunSummary {
        total_runs,
        failures,
        verdicts: categories
            .iter()
            .enumerate()
            .map(|(i, category)| (i.to_string(), verdict(*category, 0.5 + i as f64 / 10.0)))
            .collect(),
        more: "{}".to_owned(),
    };
    use Category::{Broken, Flaky, Inconclusive, Stable};
    type Told<'a> = Option<(Category, Severity, &'a str)>;
    let cases: &[(RunSummary, Told<'_>)] = &[
        (run(0, 0, &[]), None),
        (
            run(100, 100, &[Stable, Broken, Flaky]),
            Some((Broken, Severity::Critical, "of 3 tests: 1 broken, 1 flaky, 1 stable; 100 attempts")),
        ),
        (run(100, 30, &[Flaky]), Some((Flaky, Severity::Medium, "why"))),
        (
            run(10, 0, &[Stable, Inconclusive]),
            Some((Inconclusive, Severity::None, "of 2 tests: 1 inconclusive, 1 stable; 10 attempts")),
        ),
        (
            run(14, 2, &[Stable, Stable]),
            Some((
                Stable,
                Severity::None,
                "of 2 tests: 2 stable; 14 attempts; 2 of 14 attempts failed (14.3 %), though no test is known to",
            )),
        ),
        (
            run(14, 0, &[Flaky, Stable]),
            Some((
                Flaky,
                Severity::Low,
                "of 2 tests: 1 flaky, 1 stable; 14 attempts; no attempt failed as a whole",
            )),
        ),
    ];
    for (run, expected) in cases {
        let told = summarise(run, &Settings::default());
        let told = told.as_ref().map(|verdict| (verdict.category, verdict.severity, verdict.reason.as_str()));
        assert_eq!(told, *expected);
    }
}
