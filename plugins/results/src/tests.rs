use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;
use serde_json::{Value, json};

use super::render;

fn written(report: &Value) -> Value {
    let text = render(&Report::from_json(report.to_string().as_bytes()).unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn some() -> Value {
    let test = reports::test("t", "flaky", 4, &[2], &[("E", "m")]);
    let mut report = reports::report(4, vec![test]);
    report["execution"]["finished"] = json!(6);
    report["subject"]["framework"] = json!("jest");
    report["attempts"] = json!([
        {"attempt": 1, "seed": 2, "exit": {"code": 1}, "failed_tests": 1, "output_tail": "the end"},
        {"attempt": 3, "seed": 4, "exit": "timed-out", "failed_tests": 1},
        {"attempt": 4, "seed": 5, "exit": {"signal": 9}, "failed_tests": 0, "set_aside": "out of memory"},
        {"attempt": 1, "seed": 2, "exit": {"code": 1}, "failed_tests": 1, "alone": true},
    ]);
    report
}

#[test]
fn the_originals_fields_have_their_names_and_types() {
    let written = written(&some());
    assert_eq!((&written["total_runs"], &written["failures"]), (&json!(4), &json!(1)));
    assert_eq!((&written["parallelism"], &written["repro_rate"]), (&json!(8), &json!(0.25)));
    assert_eq!(written["framework"], "typescript-jest");
    assert_eq!(
        written["execution_metadata"],
        json!({"timestamp": null, "execution_time_seconds": 48.2, "total_time_seconds": null, "input_file": null})
    );
}

#[test]
fn every_attempt_has_a_row_and_what_cannot_be_known_is_null() {
    let written = written(&some());
    let row = |attempt, exit, stdout: Value, stderr: Value, passed, counted| {
        json!({"attempt": attempt, "exit_code": exit, "stdout": stdout, "stderr": stderr, "passed": passed,
               "seed": attempt + 1, "counted": counted})
    };
    let null = Value::Null;
    assert_eq!(
        written["results"],
        json!([
            row(0, null.clone(), null.clone(), null.clone(), true, true),
            row(1, json!(1), json!("the end"), null.clone(), false, true),
            row(2, null.clone(), null.clone(), null.clone(), true, true),
            row(3, null.clone(), null.clone(), json!("TIMEOUT"), false, true),
            row(4, json!(-9), null.clone(), json!("ERROR: out of memory"), false, false),
            row(5, null.clone(), null.clone(), null, true, true),
        ])
    );
}

#[test]
fn seeds_that_were_drawn_are_known_of_listed_attempts_alone() {
    let mut report = some();
    report["execution"]["seeds"] = json!({"drawn": {"master": 1, "min": 1, "max": 1000}});
    let written = written(&report);
    assert_eq!((&written["results"][0]["seed"], &written["results"][1]["seed"]), (&Value::Null, &json!(2)));
}

#[test]
fn a_run_that_could_not_tell_has_no_rate_and_one_with_too_few_attempts_has() {
    let mut report = some();
    report["verdict"] = json!("inconclusive");
    for (cause, rate) in [("install-failed", None), ("too-few-attempts", Some(&json!(0.25)))] {
        report["cause"] = json!(cause);
        assert_eq!(written(&report).get("repro_rate"), rate, "{cause}");
    }
}

#[test]
fn a_report_that_claims_billions_of_attempts_gets_rows_for_those_it_lists() {
    let mut report = some();
    report["execution"]["finished"] = json!(u32::MAX);
    assert_eq!(written(&report)["results"].as_array().unwrap().len(), 3);
    report["execution"]["seeds"] = json!({"first": u64::MAX});
    report["execution"]["finished"] = json!(3);
    assert_eq!(written(&report)["results"][2]["seed"], Value::Null);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = reports::hostile();
    assert_eq!(written(&hostile)["reason"], hostile["reason"]);
}
