use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{Outcome, PackedParser};
use flaky_plugin_testing::reports;
use serde_json::{Value, json};

use super::{Settings, render};
use crate::Ctrf;

fn written(report: &Value, settings: Settings) -> (String, Value) {
    let text = render(&Report::from_json(report.to_string().as_bytes()).unwrap(), settings).unwrap();
    let text = String::from_utf8(text).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

/// Panics with what the official schema says against the document.
fn validate(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../../tests/schema/ctrf.schema.json")).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("ctrf.json", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("ctrf.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("{error:#}");
    }
}

fn test<'d>(document: &'d Value, id: &str) -> &'d Value {
    let tests = document["results"]["tests"].as_array().unwrap();
    tests.iter().find(|test| test["testId"] == id).unwrap()
}

#[test]
fn documents_are_valid_by_the_official_schema() {
    let mut empty = reports::report(0, Vec::new());
    empty["cause"] = json!("install-failed");
    empty["run"] = json!("");
    let nameless = reports::report(5, vec![reports::test("", "stable", 5, &[], &[])]);
    for report in [reports::verdicts(), reports::hostile(), reports::large(200, 50), empty, nameless] {
        for flaky_is_failure in [false, true] {
            validate(&written(&report, Settings { flaky_is_failure }).1);
        }
    }
}

#[test]
fn the_schema_refuses_what_is_not_ctrf() {
    let (_, mut document) = written(&reports::verdicts(), Settings::default());
    document["results"]["tests"][0]["id"] = json!("not a uuid");
    assert!(std::panic::catch_unwind(|| validate(&document)).is_err());
}

#[test]
fn every_verdict_has_its_status() {
    let (_, document) = written(&reports::verdicts(), Settings::default());
    for (id, status, flaky, raw) in [
        ("tests/test_shop.py::TestCart::test_total[a::b]", "failed", false, Some("broken")),
        ("tests/test_shop.py::test_order", "passed", true, Some("flaky")),
        ("tests/cart.test.ts > a cart > adds up", "other", false, Some("inconclusive")),
        ("com.acme.CartTest::ignored", "skipped", false, Some("broken")),
        ("tests/test_shop.py::test_stable", "passed", false, None),
    ] {
        let test = test(&document, id);
        assert_eq!(
            (test["status"].as_str(), test["flaky"].as_bool().unwrap_or(false), test["rawStatus"].as_str()),
            (Some(status), flaky, raw),
            "{id}"
        );
    }
    let summary = &document["results"]["summary"];
    assert_eq!(
        ["tests", "passed", "failed", "skipped", "pending", "other", "flaky"]
            .map(|key| summary[key].as_u64()),
        [6, 3, 1, 1, 0, 1, 1].map(Some)
    );
    let mut held = reports::verdicts();
    for test in held["tests"].as_array_mut().unwrap() {
        test["quarantined"] = serde_json::json!({"since": "2026-11-02", "expires": "2026-12-02"});
    }
    let (_, held) = written(&held, Settings { flaky_is_failure: true });
    assert_eq!(held["results"]["summary"]["failed"], 0, "in quarantine nothing fails a build");
    let (_, strict) = written(&reports::verdicts(), Settings { flaky_is_failure: true });
    let flaky = self::test(&strict, "tests/test_shop.py::test_order");
    assert_eq!((flaky["status"].as_str(), flaky.get("flaky")), (Some("failed"), None));
}

#[test]
fn failed_attempts_are_numbered_ascending_and_end_before_the_last() {
    let (_, document) = written(&reports::verdicts(), Settings::default());
    let broken = test(&document, "tests/test_shop.py::TestCart::test_total[a::b]");
    let attempts = broken["retryAttempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 10);
    assert_eq!(broken["retries"], 10);
    let numbers: Vec<u64> = attempts.iter().map(|attempt| attempt["attempt"].as_u64().unwrap()).collect();
    assert!(
        numbers.is_sorted() && numbers[0] == 1 && numbers.iter().all(|&number| number < 100),
        "{numbers:?}"
    );
    assert_eq!(attempts[1]["message"], "TimeoutError: no answer after 2 s");
    assert_eq!(attempts[1]["extra"]["seed"], 2);
    let stable = test(&document, "tests/test_shop.py::test_stable");
    assert_eq!((stable.get("retryAttempts"), stable.get("retries")), (None, None));
}

#[test]
fn attempts_with_drawn_seeds_are_placed_by_the_list_of_attempts_or_not_at_all() {
    let mut report = reports::report(50, vec![reports::test("t", "flaky", 50, &[7, 9], &[("E", "m")])]);
    report["execution"]["seeds"] = json!({"drawn": {"master": 1, "min": 1, "max": 1000}});
    report["attempts"] = json!([{"attempt": 30, "seed": 9}, {"attempt": 31, "seed": 7, "alone": true}]);
    let (_, document) = written(&report, Settings::default());
    let attempts = &document["results"]["tests"][0]["retryAttempts"];
    assert_eq!(attempts.as_array().unwrap().len(), 1);
    assert_eq!((&attempts[0]["attempt"], &attempts[0]["extra"]["seed"]), (&json!(31), &json!(9)));
}

#[test]
fn ids_are_uuids_that_stay_the_same() {
    let (first, document) = written(&reports::verdicts(), Settings::default());
    assert_eq!(first, written(&reports::verdicts(), Settings::default()).0);
    let tests = document["results"]["tests"].as_array().unwrap();
    let ids: std::collections::BTreeSet<_> = tests.iter().map(|test| test["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), tests.len());
}

#[test]
fn our_own_parser_reads_the_same_tests_with_the_outcomes_of_their_verdicts() {
    let (text, _) = written(&reports::verdicts(), Settings::default());
    let recorded = Recorded::default().report("ctrf-report.json", text);
    let parsed = Ctrf::default().parse(&recorded.attempt()).unwrap();
    let tests = parsed.tests;
    let ids = String::from_utf8(tests.ids).unwrap();
    let mut start = 0;
    let mut read = Vec::new();
    for (at, &end) in tests.id_ends.iter().enumerate() {
        let tries = tests.tries.iter().find(|(of, _)| *of as usize == at).map_or(0, |(_, tries)| tries.len());
        read.push((&ids[start..end as usize], tests.outcomes[at], tries));
        start = end as usize;
    }
    let code = |outcome: Outcome| outcome as u8;
    assert_eq!(
        read,
        [
            ("tests/test_shop.py::TestCart::test_total[a::b]", code(Outcome::Failed), 11),
            ("tests/test_shop.py::test_order", code(Outcome::Passed), 11),
            ("tests/cart.test.ts > a cart > adds up", code(Outcome::Unknown), 0),
            ("com.acme.CartTest::ignored", code(Outcome::Skipped), 0),
            ("tests/test_shop.py::test_stable", code(Outcome::Passed), 0),
            ("is reached within fifty metres", code(Outcome::Passed), 0),
        ]
    );
}

#[test]
fn text_is_cut_one_by_one_and_in_all() {
    let (text, document) = written(&reports::hostile(), Settings::default());
    assert!(text.len() < 4 << 20, "{}", text.len());
    let tests = document["results"]["tests"].as_array().unwrap();
    let long = tests.last().unwrap()["message"].as_str().unwrap();
    assert!(long.len() <= super::MOST_MESSAGE && long.ends_with("… (cut)"), "{}", long.len());
    let room = std::cell::Cell::new(10);
    assert_eq!(super::text("twelve bytes", 100, &room), "t… (cut)");
    assert_eq!((super::text("more", 100, &room), room.get()), ("… (cut)".to_owned(), 0));
    assert_eq!(super::text("short", 100, &std::cell::Cell::new(100)), "short");
}

#[test]
fn where_room_is_short_every_test_is_told_and_a_flaky_one_is_still_flaky() {
    let trace = "y".repeat(9000);
    let messages = [("E", trace.as_str()); 10];
    let seeds: Vec<u64> = (1..=60).collect();
    let tests = (0..200).map(|at| reports::test(&format!("t{at}"), "flaky", 90, &seeds, &messages)).collect();
    let (text, document) = written(&reports::report(90, tests), Settings::default());
    assert!(text.len() > super::MOST_TEXT && text.len() < super::MOST_TEXT * 3 / 2, "{}", text.len());
    validate(&document);
    assert_eq!(document["results"]["summary"]["flaky"], 200);
    let attempts = |at: usize| document["results"]["tests"][at]["retryAttempts"].as_array().unwrap().len();
    assert_eq!((attempts(0), attempts(199)), (10, 1));
}
