//! What real versions of pytest printed and wrote (`fixtures/recorded`, made by `fixtures/regenerate.py`), compared
//! with what the tests of the samples do, read off their sources.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: what is missing ends them, with its name")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flaky_plugin_pytest::Pytest;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Completeness, Exit, Outcome, PackedAttempt, PackedParser, TestResult};

const VERSIONS: [&str; 4] = ["6.2", "7.4", "8.4", "9.2"];

/// Which of the sources of an attempt the parser gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Report,
    Text,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn recorded(version: &str, case: &str, from: From) -> Recorded {
    let folder = folder().join("recorded").join(version).join(case);
    let read = |name: &str| {
        std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{version} {case} {name}: {e}"))
    };
    let exit = String::from_utf8(read("exit")).unwrap();
    let exit = match exit.trim().strip_prefix("signal ") {
        Some(signal) => Exit { code: None, signal: Some(signal.parse().unwrap()), timed_out: false },
        None => Exit::with_code(exit.trim().parse().unwrap()),
    };
    let recorded =
        Recorded::default().command(&["pytest"]).exit(exit).stdout(read("stdout")).stderr(read("stderr"));
    match from {
        From::Report if folder.join("report.jsonl").exists() => {
            recorded.report("flaky-pytest/pytest-001.jsonl", read("report.jsonl"))
        }
        _ => recorded,
    }
}

fn parse(version: &str, case: &str, from: From) -> PackedAttempt {
    Pytest.parse(&recorded(version, case, from).attempt()).unwrap()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Errored => "errored",
        Outcome::Skipped => "skipped",
        Outcome::ExpectedFailure => "expected-failure",
        Outcome::UnexpectedPass => "unexpected-pass",
        Outcome::TimedOut => "timed-out",
        Outcome::Crashed => "crashed",
        Outcome::NotRun => "not-run",
        Outcome::Unknown => "unknown",
    }
}

/// Id to outcome, kind, part of the message.
fn truth() -> BTreeMap<String, (String, String, String)> {
    let text = std::fs::read_to_string(folder().join("truth.txt")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().unwrap_or_default();
            (next(), (next(), next(), next()))
        })
        .collect()
}

fn by_id(parsed: &PackedAttempt) -> BTreeMap<String, TestResult> {
    let results = parsed.tests.results();
    let count = results.len();
    let map: BTreeMap<_, _> = results.into_iter().map(|result| (result.id.clone(), result)).collect();
    assert_eq!(map.len(), count, "no id twice");
    map
}

fn check_all_named(version: &str, case: &str, from: From) {
    let parsed = parse(version, case, from);
    let found = by_id(&parsed);
    let place = format!("{version} {case} {from:?}");
    assert_eq!(parsed.completeness, Completeness::Complete, "{place}");
    assert_eq!(parsed.diagnostics, [], "{place}");
    let truth = truth();
    let ids = |ids: Vec<&String>| ids.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(ids(found.keys().collect()), ids(truth.keys().collect()), "{place}");
    for (id, (outcome, kind, message)) in truth {
        let result = &found[&id];
        assert_eq!(word(result.outcome), outcome, "{place} {id}");
        assert_eq!(result.failure.is_some(), !kind.is_empty(), "{place} {id}");
        if let Some(failure) = &result.failure {
            assert_eq!(failure.kind, kind, "{place} {id}");
            assert!(failure.message.contains(&message), "{place} {id}: {}", failure.message);
            assert!(!failure.trace.is_empty(), "{place} {id}");
        }
    }
}

#[test]
fn the_report_tells_every_test_whatever_the_options() {
    for version in VERSIONS {
        for case in ["verbose", "workers", "short", "no-capture"] {
            check_all_named(version, case, From::Report);
        }
    }
}

#[test]
fn verbose_text_tells_every_test() {
    for version in VERSIONS {
        for case in ["verbose", "very-verbose-all", "workers", "colour", "short", "native", "no-capture"] {
            check_all_named(version, case, From::Text);
        }
    }
}

#[test]
fn other_text_tells_the_tests_that_it_names_and_says_that_there_are_more() {
    for version in VERSIONS {
        for case in ["plain", "quiet", "all"] {
            let parsed = parse(version, case, From::Text);
            let found = by_id(&parsed);
            let place = format!("{version} {case}");
            assert_eq!(parsed.completeness, Completeness::Truncated, "{place}");
            assert_eq!(parsed.diagnostics.first().map(|d| d.code.as_str()), Some("unnamed-tests"), "{place}");
            for (id, (outcome, kind, message)) in truth() {
                let named = matches!(outcome.as_str(), "failed" | "errored")
                    || (outcome == "unexpected-pass" && !kind.is_empty())
                    || (case == "all" && outcome != "skipped");
                assert_eq!(found.contains_key(&id), named, "{place} {id}");
                let Some(result) = found.get(&id) else { continue };
                assert_eq!(word(result.outcome), outcome, "{place} {id}");
                if let Some(failure) = &result.failure {
                    assert_eq!(failure.kind, kind, "{place} {id}");
                    assert!(failure.message.contains(&message), "{place} {id}: {}", failure.message);
                }
            }
            assert!(found.keys().all(|id| truth().contains_key(id)), "{place}: invented {:?}", found.keys());
        }
    }
}

/// What else an attempt is known by.
struct Expected {
    case: &'static str,
    tests: &'static [(&'static str, &'static str)],
    announced: &'static [&'static str],
    completeness: Completeness,
    code: Option<&'static str>,
}

const REPORTED: &[Expected] = &[
    Expected {
        case: "killed",
        tests: &[("test_1_passes", "passed"), ("test_2_fails", "failed"), ("test_3_kills", "crashed")],
        announced: &["test_killed.py::test_4_never_runs"],
        completeness: Completeness::Truncated,
        code: None,
    },
    Expected {
        case: "killed-worker",
        tests: &[
            ("test_1_passes", "passed"),
            ("test_2_fails", "failed"),
            ("test_3_kills", "crashed"),
            ("test_4_never_runs", "passed"),
        ],
        announced: &[],
        completeness: Completeness::Complete,
        code: None,
    },
    Expected {
        case: "left",
        tests: &[("test_1_passes", "passed"), ("test_2_leaves", "crashed")],
        announced: &["test_exits.py::test_3_never_runs"],
        completeness: Completeness::Truncated,
        code: None,
    },
    Expected {
        case: "out-of-time",
        tests: &[
            ("test_1_passes", "passed"),
            ("test_2_never_ends", "timed-out"),
            ("test_3_passes", "passed"),
        ],
        announced: &[],
        completeness: Completeness::Complete,
        code: None,
    },
    Expected {
        case: "out-of-time-thread",
        tests: &[("test_1_passes", "passed"), ("test_2_never_ends", "timed-out")],
        announced: &["test_slow.py::test_3_passes"],
        completeness: Completeness::Truncated,
        code: None,
    },
    Expected {
        case: "import-error",
        tests: &[("test_fine", "not-run")],
        announced: &[],
        completeness: Completeness::Complete,
        code: Some("collection-error"),
    },
    Expected {
        case: "no-tests",
        tests: &[],
        announced: &[],
        completeness: Completeness::Complete,
        code: Some("no-tests"),
    },
    Expected {
        case: "usage-error",
        tests: &[],
        announced: &[],
        completeness: Completeness::Complete,
        code: Some("usage-error"),
    },
    Expected {
        case: "no-such-file",
        tests: &[],
        announced: &[],
        completeness: Completeness::Complete,
        code: Some("usage-error"),
    },
    Expected {
        case: "retries",
        tests: &[
            ("test_passes_at_once", "passed"),
            ("test_passes_at_the_third_try", "passed"),
            ("test_set_up_works_at_the_second_try", "passed"),
            ("test_never_passes", "failed"),
        ],
        announced: &[],
        completeness: Completeness::Complete,
        code: None,
    },
];

fn check(expected: &Expected, version: &str, from: From) {
    let parsed = parse(version, expected.case, from);
    let place = format!("{version} {} {from:?}", expected.case);
    let results = parsed.tests.results();
    let found: Vec<(&str, &str)> = results
        .iter()
        .map(|result| (result.id.rsplit("::").next().unwrap_or_default(), word(result.outcome)))
        // Text does not name what was not begun.
        .filter(|(_, outcome)| from == From::Report || *outcome != "not-run")
        .collect();
    let tests: Vec<_> = expected
        .tests
        .iter()
        .copied()
        .filter(|(_, outcome)| from == From::Report || *outcome != "not-run")
        .collect();
    assert_eq!(found, tests, "{place}");
    if from == From::Report {
        assert_eq!(parsed.announced, expected.announced, "{place}");
    }
    assert_eq!(parsed.completeness, expected.completeness, "{place}");
    assert_eq!(
        parsed.diagnostics.first().map(|d| d.code.as_str()),
        expected.code,
        "{place} {:?}",
        parsed.diagnostics
    );
}

#[test]
fn an_end_before_its_time_is_told_by_the_report() {
    for version in VERSIONS {
        for expected in REPORTED {
            check(expected, version, From::Report);
        }
    }
}

#[test]
fn an_end_before_its_time_is_told_by_the_text() {
    for version in VERSIONS {
        for expected in REPORTED {
            check(expected, version, From::Text);
        }
    }
}

#[test]
fn tries_are_kept_in_order() {
    for version in VERSIONS {
        for from in [From::Report, From::Text] {
            let found = by_id(&parse(version, "retries", from));
            let tries = |name: &str| found[&format!("test_retries.py::{name}")].tries.len();
            assert_eq!(tries("test_passes_at_once"), 0);
            assert_eq!(tries("test_passes_at_the_third_try"), 3, "{version} {from:?}");
            assert_eq!(tries("test_never_passes"), 3, "{version} {from:?}");
        }
    }
}

#[test]
fn tests_after_the_first_failure_were_not_run() {
    for version in VERSIONS {
        let found = by_id(&parse(version, "stopped", From::Report));
        assert_eq!(word(found["test_fine.py::test_fine"].outcome), "not-run", "{version}");
    }
}

#[test]
fn a_failed_subtest_fails_its_test() {
    for version in ["7.4", "8.4", "9.2"] {
        for from in [From::Report, From::Text] {
            let found = by_id(&parse(version, "subtests", from));
            let outcome = |name: &str| word(found[&format!("test_subtests.py::{name}")].outcome);
            assert_eq!(
                (outcome("test_some_fail"), outcome("test_all_pass")),
                ("failed", "passed"),
                "{version} {from:?}"
            );
        }
    }
}

#[test]
fn usage_errors_say_what_pytest_said() {
    for version in VERSIONS {
        let said = |case| parse(version, case, From::Report).diagnostics[0].message.clone();
        assert_eq!(said("usage-error"), "unrecognized arguments: --no-such-option", "{version}");
        assert!(said("no-such-file").starts_with("file or directory not found: test_gone.py"), "{version}");
        assert!(said("import-error").contains("No module named 'no_such_module_anywhere'"), "{version}");
    }
}

#[test]
fn a_cut_report_keeps_what_stands_before_the_cut() {
    let whole = std::fs::read(folder().join("recorded/8.4/verbose/report.jsonl")).unwrap();
    let text = std::fs::read(folder().join("recorded/8.4/verbose/stdout")).unwrap();
    let truth = truth();
    let mut most = 0;
    for cut in (0..whole.len()).step_by(61) {
        let recorded = Recorded::default()
            .command(&["pytest"])
            .exit(Exit { code: None, signal: Some(9), timed_out: false })
            .stdout(text.get(..cut.min(text.len())).unwrap())
            .report("flaky-pytest/pytest-001.jsonl", whole.get(..cut).unwrap());
        let parsed = Pytest.parse(&recorded.attempt()).unwrap();
        assert_ne!(parsed.completeness, Completeness::Complete, "cut at {cut}");
        let found = by_id(&parsed);
        assert!(found.keys().chain(&parsed.announced).all(|id| truth.contains_key(id)), "cut at {cut}");
        let crashed = found.values().filter(|result| result.outcome == Outcome::Crashed).count();
        assert!(crashed <= 1, "cut at {cut}: {crashed} tests cannot have run at once");
        most = most.max(found.len());
    }
    assert!(most >= truth.len() - 1);
}
