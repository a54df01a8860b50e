//! What is printed, to the letter.

use flaky_core::evidence::Counts;
use flaky_core::history::{
    HistoryFilter, PastGroup, PastResult, PastRun, RunContext, Series, Share, TestHistory, TestSummary,
    Timestamp, compared, onset, recovery, step,
};
use flaky_core::ids::{RunId, TestId};
use flaky_core::report::IsolationUsed;
use flaky_core::verdict::{Category, Severity};

use super::super::documents::{Side, Suspect, TestPage};
use super::columns::{cost, fitted};

const DAY: i64 = 86_400;
const NOW: Timestamp = Timestamp(20_800 * DAY);

fn series() -> Series {
    Series { repository: "github.com/acme/shop".into(), suite: ".".into() }
}

fn summary(id: &str, ran: u32, failed: u32, cost: f64, trend: &[(u32, u32)]) -> TestSummary {
    let share = Share { ran, failed };
    TestSummary {
        id: TestId::new(id),
        series: series(),
        location: None,
        runs: 20,
        flaky_runs: 2,
        ran,
        failed,
        rate: share.rate(),
        interval: share.interval(),
        first_seen: Timestamp(20_700 * DAY),
        last_seen: NOW,
        first_failed: (failed > 0).then_some(Timestamp(20_788 * DAY)),
        last_failed: (failed > 0).then_some(NOW),
        verdict: Category::Flaky,
        severity: Some(Severity::Low),
        cost_cpu_seconds: cost,
        trend: trend.iter().map(|&(ran, failed)| Share { ran, failed }).collect(),
    }
}

fn run(at: i64, share: (u32, u32)) -> PastRun {
    let id: RunId = format!("20261201-0000{at:02}-aaaa").parse().unwrap();
    PastRun {
        run: id,
        context: RunContext {
            series: series(),
            started: Timestamp((20_780 + at) * DAY),
            branch: Some("main".into()),
            pull_request: None,
            url: None,
            changed: false,
        },
        commit: Some(format!("{at:02}{}", "abcdef0123456789abcdef0123456789abcdef")),
        flaky_version: "0.1.0".into(),
        command: "pytest".into(),
        isolation: IsolationUsed::Full,
        attempts: share.0,
        failures: share.1,
        tests: 3,
        verdict: if share.1 > 0 { Category::Flaky } else { Category::Stable },
        cause: None,
        severity: None,
        wall_seconds: 1.0,
        cpu_seconds: 1.0,
    }
}

fn page(shares: &[(u32, u32)]) -> TestPage {
    let runs: Vec<PastRun> = (0..).zip(shares).map(|(at, share)| run(at, *share)).collect();
    let result = |(run, share): (&PastRun, &(u32, u32))| PastResult {
        run: run.run.clone(),
        counts: Counts { ran: share.0, passed: share.0 - share.1, failed: share.1, ..Counts::default() },
        verdict: run.verdict,
        severity: None,
        ignored: false,
        median_seconds: None,
        failing: Vec::new(),
    };
    let history = TestHistory {
        id: TestId::new("tests/test_cart.py::test_total"),
        series: series(),
        location: None,
        results: runs.iter().zip(shares).map(result).collect(),
        runs,
        groups: vec![PastGroup {
            fingerprint: "f".into(),
            kind: "AssertionError".into(),
            message: "assert 3 == 4\nmore".into(),
            trace: String::new(),
            count: 9,
            runs: 3,
            first_seen: Timestamp(20_782 * DAY),
            last_seen: Timestamp(20_784 * DAY),
        }],
    };
    let commits = history.commits();
    TestPage {
        onset: onset(&commits),
        recovery: recovery(&commits),
        step: step(&commits),
        suspects: Some(vec![Suspect { commit: "0".repeat(40), title: "Use a pool\u{1b}[31m".into() }]),
        history,
    }
}

#[test]
fn a_list_fits_its_width_and_says_what_costs_since_when_and_whether_it_gets_worse() {
    let long = format!("tests/{}::test_total", "deep/".repeat(30));
    let tests = [
        summary(&long, 600, 36, 4_000.0, &[(100, 0), (100, 1), (0, 0), (100, 9), (150, 12), (150, 14)]),
        summary("tests/test_cart.py::test_总额", 60, 1, 12.0, &[(60, 1)]),
        summary("never", 60, 0, 0.0, &[]),
    ];
    for width in [80, 100] {
        let text =
            super::list(&tests, &HistoryFilter { since: Some(NOW), ..HistoryFilter::default() }, width);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(lines[0], "github.com/acme/shop, suite `.` since 2026-12-13");
        for line in &lines {
            assert!(unicode_width::UnicodeWidthStr::width(*line) <= width, "{width}: {line}");
        }
        assert!(lines[2].contains("::test_total") && lines[2].ends_with("▁▂ ▄▄▄↑"), "{text}");
        assert!(lines[2].contains("6 %") && lines[2].contains("36 of 600") && lines[2].contains("1h06m"));
        assert!(lines[2].contains("2026-12-01"), "{text}");
        assert!(lines[4].contains("never"), "{text}");
    }
    let nothing = super::list(&[], &HistoryFilter { failed_only: true, ..HistoryFilter::default() }, 80);
    assert_eq!(nothing, "no test failed in the runs of the history\n");
}

#[test]
fn a_page_names_the_commits_between_the_last_clean_and_the_first_failing_one() {
    let text = super::show(&page(&[(60, 0), (60, 0), (60, 12), (60, 9), (60, 0), (60, 0)]), NOW, 80);
    for part in [
        "tests/test_cart.py::test_total\ngithub.com/acme/shop, suite `.`\n",
        "failed 21 of 360 attempts (5.8 %; 3.6 % to 8.8 %), in 2 of 6 runs, 2026-11-23 to 2026-11-28",
        "runs     ▁▁▅▅▁▁\n",
        "began    first failed at 02abcde",
        "git log 01abcde..02abcde\n",
        "  0000000 Use a pool\\u{1b}[31m\n",
        "mended   by 04abcde: 120 clean attempts since 04abcde; it fails at most 2.5 % now",
        "  2026-11-25  02abcde     20 %       12 of 60\n",
        "     9 ×  AssertionError: assert 3 == 4\n          2026-11-25 to 2026-11-27, 3 runs\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_page_says_what_the_attempts_do_not_tell() {
    let open = super::show(&page(&[(5, 0), (5, 0), (60, 3)]), NOW, 80);
    assert!(open.contains("or before: 10 clean attempts earlier exclude no commit"), "{open}");
    let clean = super::show(&page(&[(30, 0), (29, 0)]), NOW, 80);
    assert!(clean.contains("never failed: 59 attempts in 2 runs"), "{clean}");
    assert!(clean.contains("it fails at most 5.0 %"), "{clean}");
    let luck = super::show(&page(&[(60, 12), (60, 12), (3, 0)]), NOW, 80);
    assert!(luck.contains("3 clean attempts since 02abcde, which may be luck"), "{luck}");
}

#[test]
fn runs_and_comparisons_fit_a_terminal() {
    let runs = [run(1, (60, 3)), run(0, (60, 0))];
    let text = super::runs(&runs, 100);
    assert!(text.contains("2026-11-24 00:00  20261201-000001-aaaa  01abcde   flaky"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let side = |failed| {
        [(TestId::new("a"), Share { ran: 60, failed }), (TestId::new("b"), Share { ran: 60, failed: 1 })]
    };
    let tests = compared(&side(0).into(), &side(30).into());
    let of = |name: &str| Side { kind: "branch", name: name.into(), runs: None };
    let text = super::comparison(&of("main"), &of("mine"), &tests, 2, 80);
    assert!(text.starts_with("then: branch `main`; now: branch `mine`\n1 of 2 tests changed"), "{text}");
    assert!(text.contains("0 % (0 of 60)       50 % (30 of 60)  worse"), "{text}");
}

#[test]
fn numbers_take_few_characters_and_names_keep_their_end() {
    for (seconds, said) in
        [(0.04, "0.0s"), (0.4, "0.4s"), (12.3, "12s"), (130.0, "2m10s"), (11_100.0, "3h05m"), (-1.0, "0.0s")]
    {
        assert_eq!(cost(seconds), said);
    }
    assert_eq!(fitted("tests/test_cart.py::test_total", 12), "…:test_total");
    assert_eq!(fitted("总额总额", 5), "…总额");
    assert_eq!(fitted("short", 5), "short");
}
