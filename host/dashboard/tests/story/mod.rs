//! A planted story: three suites of two repositories, forty days, and what became of their tests.
#![allow(dead_code, reason = "every test program uses a part of it")]

use std::path::Path;

use flaky_core::evidence::Counts;
use flaky_core::history::{RunContext, Series, Timestamp};
use flaky_core::ids::{Seed, TestId};
use flaky_core::parsed::Location;
use flaky_core::report::{FailureGroupReport, RunReport, SeedReport, TestReport};
use flaky_core::stats::clopper_pearson;
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_dashboard::{Documents, Mode};
use flaky_history::{Access, History, HistoryPlace, Recorded};

/// Noon of 27 November 2026, UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_780_800);

pub(crate) const DAY: i64 = 86_400;

/// Attempts of every run.
pub(crate) const ATTEMPTS: u32 = 20;

/// Days of the story.
pub(crate) const DAYS: i64 = 40;

/// Ids that would like to be more than text.
pub(crate) fn hostile_ids() -> Vec<String> {
    vec![
        "<img src=x onerror=\"globalThis.pwned=1\">".into(),
        "\"><script>globalThis.pwned=1</script>".into(),
        "javascript:globalThis.pwned=1".into(),
        "tests/\u{202e}gnp.exe\u{2066}::test_x".into(),
        "{{constructor.constructor('globalThis.pwned=1')()}}".into(),
        "__proto__".into(),
        "../../../../etc/passwd".into(),
        "data/version.json".into(),
        format!("tests/deep::{}", "nested_".repeat(570)),
        "#/run/x?repository=evil".into(),
    ]
}

/// The clock of the story.
pub(crate) fn now() -> Timestamp {
    NOW
}

pub(crate) fn series(repository: &str, suite: &str) -> Series {
    Series { repository: repository.into(), suite: suite.into() }
}

pub(crate) fn unit() -> Series {
    series("github.com/shop/cart", "unit")
}

/// What a test did in a run: this many of its attempts failed, in the way of this number.
pub(crate) struct Planted {
    pub(crate) id: String,
    pub(crate) failed: u32,
    pub(crate) way: u32,
}

pub(crate) fn planted(id: &str, failed: u32) -> Planted {
    Planted { id: id.into(), failed, way: 0 }
}

fn verdict_of(failed: u32, ran: u32) -> (Category, Severity) {
    match failed * 10 / ran.max(1) {
        _ if failed == 0 => (Category::Stable, Severity::None),
        0 => (Category::Flaky, Severity::Low),
        1..=4 => (Category::Flaky, Severity::Medium),
        5..=8 => (Category::Flaky, Severity::High),
        _ => (Category::Broken, Severity::Critical),
    }
}

fn test_report(planted: &Planted, first_seed: u64) -> TestReport {
    let ran = ATTEMPTS;
    let (verdict, severity) = verdict_of(planted.failed, ran);
    let seeds: Vec<Seed> = (0..planted.failed).map(|n| Seed(first_seed + u64::from(n) * 3 % 20)).collect();
    let mut seeds_in_order = seeds;
    seeds_in_order.sort_unstable();
    let file = planted.id.split("::").next().filter(|file| file.contains('/') && file.len() < 200);
    let group = FailureGroupReport {
        fingerprint: format!("{:064x}", 0xabc + u64::from(planted.way)),
        also: Vec::new(),
        count: planted.failed,
        kind: if planted.way == 0 { "AssertionError".into() } else { "TimeoutError".into() },
        message: format!("assert total == 3 <b onmouseover=\"globalThis.pwned=1\">way {}</b>", planted.way),
        trace: "tests/test_cart.py:12: in test_order\n    assert cart.total() == 3\nE   assert 2 == 3".into(),
        seeds: seeds_in_order.clone(),
    };
    TestReport {
        id: TestId::new(&planted.id),
        location: file.map(|file| Location { file: file.into(), line: Some(12) }),
        ran,
        failures: planted.failed,
        rate: f64::from(planted.failed) / f64::from(ran),
        interval: clopper_pearson(planted.failed, ran, 0.95),
        verdict,
        severity: Some(severity),
        confidence: 0.9,
        reason: "as planted".into(),
        decided_by: "threshold".into(),
        ignored: false,
        counts: Counts { ran, passed: ran - planted.failed, failed: planted.failed, ..Counts::default() },
        failing_seeds: seeds_in_order,
        failure_groups: if planted.failed > 0 { vec![group] } else { Vec::new() },
        alone: None,
        side_by_side: None,
        median_seconds: Some(0.042),
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

/// A report of these tests.
pub(crate) fn report(run: &str, commit: &str, tests: &[Planted]) -> RunReport {
    let first = 7_000_000_000_000_000_001;
    let mut report = RunReport::without_result(Cause::NoTests, "as planted");
    report.run = run.parse().unwrap();
    report.flaky_version = "0.1.0".into();
    report.total_runs = ATTEMPTS;
    report.failures = tests.iter().map(|t| t.failed).max().unwrap_or(0);
    report.repro_rate = Some(f64::from(report.failures) / f64::from(ATTEMPTS));
    let (verdict, severity) = verdict_of(report.failures, ATTEMPTS);
    (report.verdict, report.severity, report.cause) = (verdict, Some(severity), None);
    report.subject.commit = Some(commit.into());
    report.subject.command = vec!["pytest".into(), "-q".into(), "<script>x</script>".into()];
    report.subject.framework = "pytest".into();
    report.subject.parser = Some("pytest".into());
    report.execution.planned = ATTEMPTS;
    report.execution.finished = ATTEMPTS;
    report.execution.seeds = SeedReport::First(first);
    report.execution.wall_seconds = 61.5;
    report.execution.cpu_seconds = 200.0;
    report.tests = tests.iter().map(|test| test_report(test, first)).collect();
    report
}

/// Where and when: `day` days before today.
pub(crate) fn context(series: Series, day: i64, branch: &str) -> RunContext {
    RunContext {
        series,
        started: Timestamp(NOW.0 - day * DAY - 3600),
        branch: Some(branch.into()),
        pull_request: (branch != "main").then_some(41),
        url: Some(format!("https://ci.example.org/runs/{day}")),
        changed: false,
    }
}

pub(crate) fn commit(day: i64) -> String {
    format!("{:040x}", 0x00c0_ffee_0000_u64 + u64::try_from(day).unwrap())
}

/// The tests of the suite `unit` on this day: one became flaky twenty days ago, one broke five days ago, one was mended.
fn of_unit(day: i64) -> Vec<Planted> {
    let mut tests: Vec<Planted> =
        (0..60).map(|n| planted(&format!("tests/test_cart.py::test_sum[{n}]"), 0)).collect();
    let order = if day < 20 { 1 + u32::try_from(day % 4).unwrap() } else { 0 };
    tests.push(Planted { way: u32::from(day % 3 == 0), ..planted("tests/test_cart.py::test_order", order) });
    tests.push(planted("tests/test_stock.py::test_stock", if day < 5 { 20 } else { 0 }));
    tests.push(planted("tests/test_mail.py::test_mail", if (25..35).contains(&day) { 2 } else { 0 }));
    if day == 3 {
        tests.extend(hostile_ids().iter().map(|id| planted(id, 1)));
    }
    tests
}

/// The history of the story, in a database file of this folder.
pub(crate) async fn history(folder: &Path) -> History {
    let history = open(folder).await;
    for day in (0..DAYS).rev() {
        add(&history, &format!("unit-{day}"), day, unit(), "main", &of_unit(day)).await;
        if day % 5 == 0 {
            let order =
                [planted("tests/test_cart.py::test_order", 4), planted("tests/test_cart.py::test_new", 3)];
            add(&history, &format!("feature-{day}"), day, unit(), "feature/<b>checkout</b>", &order).await;
        }
        if day % 2 == 0 {
            let page = [
                planted("login.spec.ts > signs in", u32::from(day % 4 == 0) * 2),
                planted("login.spec.ts > signs out", 0),
            ];
            add(
                &history,
                &format!("browser-{day}"),
                day,
                series("github.com/shop/cart", "browser"),
                "main",
                &page,
            )
            .await;
        }
        if day > 30 {
            let pay = [planted("com.acme.PayTest::pays", u32::from(day == 33) * 9)];
            add(&history, &format!("pay-{day}"), day, series("gitlab.com/shop/group/pay", "."), "main", &pay)
                .await;
        }
    }
    let mut changed = context(unit(), 1, "main");
    (changed.changed, changed.url) = (true, Some("javascript:globalThis.pwned=1".into()));
    let tests = [planted("tests/test_cart.py::test_order", 20)];
    record(&history, &report("changed-1", &commit(1), &tests), &changed).await;
    history
}

/// An empty one.
pub(crate) async fn open(folder: &Path) -> History {
    History::open(&HistoryPlace::File(folder.join("history.sqlite")), Access::Write).await.unwrap()
}

pub(crate) async fn add(
    history: &History,
    run: &str,
    day: i64,
    series: Series,
    branch: &str,
    tests: &[Planted],
) {
    record(history, &report(run, &commit(day), tests), &context(series, day, branch)).await;
}

async fn record(history: &History, report: &RunReport, context: &RunContext) {
    assert_eq!(history.record(report, context).await.unwrap(), Recorded::New);
}

/// Its documents at the story's time.
pub(crate) async fn documents(folder: &Path, mode: Mode) -> Documents {
    let place = HistoryPlace::File(folder.join("history.sqlite"));
    Documents::new(History::open(&place, Access::Read).await.unwrap(), now, mode)
}
