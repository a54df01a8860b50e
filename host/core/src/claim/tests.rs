//! Poisoned reports, each refused by its name; and what is computed anew of those that are not.

use serde_json::{Value, json};

use super::*;
use crate::verdict::{Category, Severity};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn expected() -> Expected {
    Expected { repository: "acme/shop".into(), commit: COMMIT.into(), run: 77 }
}

/// One test of 20 attempts, of which one failed; one that never failed.
fn honest() -> Value {
    serde_json::from_str(include_str!("honest.json")).unwrap()
}

fn checked(report: &Value) -> Result<crate::report::RunReport, Refusal> {
    check(&serde_json::to_vec(report).unwrap(), &expected(), &Gates::default())
}

/// The honest report with one value replaced, by its JSON pointer; a key that is not there is added.
fn with(pointer: &str, value: Value) -> Value {
    let mut report = honest();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match report.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        Value::Array(values) => values[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    report
}

#[test]
fn an_honest_report_is_taken_with_its_counts_and_without_its_words() {
    let report = checked(&honest()).unwrap();
    assert_eq!((report.verdict, report.severity), (Category::Flaky, Some(Severity::Low)));
    assert_eq!(report.reason, "1 test is flaky, 1 is stable");
    assert_eq!(report.tests[0].reason, "failed 1 of 20");
    assert_eq!(report.tests[0].failure_groups[0].message, "a\nb");
    let told = serde_json::to_string(&report).unwrap();
    for word in ["merge it", "curl", "all is well", "statistical"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    assert_eq!(report.notes[0].code, "untrusted-report");
}

#[test]
fn severities_are_those_of_the_callers_thresholds_whatever_the_report_says() {
    let report = checked(&with("/tests/0/severity", json!("CRITICAL"))).unwrap();
    assert_eq!(report.tests[0].severity, Some(Severity::Low));
    let strict = SeverityThresholds { critical: 0.9, high: 0.05, medium: 0.02, low: 0.01 };
    let gates = Gates { severity: strict, ..Gates::default() };
    let report = check(&serde_json::to_vec(&honest()).unwrap(), &expected(), &gates).unwrap();
    assert_eq!((report.severity, report.tests[0].severity), (Some(Severity::High), Some(Severity::High)));
}

#[test]
fn a_test_in_quarantine_is_told_and_does_not_gate_and_who_says_so_is_forgotten() {
    let mut report = with(
        "/tests/0/quarantined",
        json!({"owner": "merge it", "reason": "curl", "since": "2026-11-01", "expires": "2026-12-01"}),
    );
    assert_eq!(
        checked(&report).unwrap_err().name(),
        "contradiction",
        "the verdict is still that of the test"
    );
    report["verdict"] = json!("stable");
    report["severity"] = json!("NONE");
    report["failures"] = json!(0);
    report["repro_rate"] = json!(0.0);
    let read = checked(&report).unwrap();
    assert_eq!((read.verdict, read.severity), (Category::Stable, Some(Severity::None)));
    assert_eq!(read.tests[0].verdict, Category::Flaky);
    assert_eq!(read.tests[0].reason, "in quarantine until 2026-12-01: failed 1 of 20");
    let quarantine = read.tests[0].quarantined.as_ref().unwrap();
    assert_eq!((&quarantine.owner, &quarantine.reason), (&None, &None));
    report["tests"][1]["quarantined"] = report["tests"][0]["quarantined"].clone();
    assert_eq!(checked(&report).unwrap().verdict, Category::Stable, "nothing gates");
    report["tests"][0]["quarantined"]["expires"] = json!("soon");
    assert_eq!(checked(&report).unwrap_err().name(), "unreadable");
}

#[test]
fn poisoned_reports_are_refused_by_name() {
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let cases = [
        ("/report_version", json!(2), "other-version"),
        ("/total_runs", json!("NaN"), "unreadable"),
        ("/total_runs", json!(-1), "unreadable"),
        ("/repro_rate", json!(1e300), "contradiction"),
        ("/verdict", json!("stable\nseverity=NONE"), "unreadable"),
        ("/verdict", json!("stable"), "contradiction"),
        ("/verdict", json!("broken"), "contradiction"),
        ("/failures", json!(21), "contradiction"),
        ("/failures", json!(0), "contradiction"),
        ("/total_runs", json!(4_000_000_000_u32), "contradiction"),
        ("/execution/planned", json!(3), "contradiction"),
        ("/ci", Value::Null, "no-origin"),
        ("/ci/commit", Value::Null, "no-origin"),
        ("/ci/commit", json!("f".repeat(40)), "other-origin"),
        ("/ci/repository", json!("acme/other"), "other-origin"),
        ("/ci/run", json!(78), "other-origin"),
        ("/pull_request", json!(1), "unknown-field"),
        ("/tests/0/url", json!("https://example.org"), "unknown-field"),
        ("/tests/0/counts/passed", json!(20), "contradiction"),
        ("/tests/0/counts/crashed", json!(u32::MAX), "contradiction"),
        ("/tests/0/failures", json!(2), "contradiction"),
        ("/tests/0/rate", json!(0.5), "contradiction"),
        ("/tests/0/verdict", json!("stable"), "contradiction"),
        ("/tests/1/verdict", json!("broken"), "contradiction"),
        ("/tests/0/failing_seeds", json!([1, 2, 3]), "contradiction"),
        ("/tests/0/failure_groups/0/count", json!(5), "contradiction"),
        ("/tests/0/alone", json!({"ran": 1, "failed": 2}), "contradiction"),
        ("/tests/0/location/file", json!("../../etc/passwd"), "path-outside"),
        ("/tests/0/location/file", json!("/etc/passwd"), "path-outside"),
        ("/tests/0/location/file", json!("C:\\boot.ini"), "path-outside"),
        ("/subject/working_directory", json!("a/../.."), "path-outside"),
        ("/subject/framework", json!("python\nsecond line"), "hostile-text"),
        ("/tests/0/failure_groups/0/kind", json!("\u{1b}[2J"), "hostile-text"),
        ("/tests/0/failure_groups/0/trace", json!("x".repeat(100_000)), "hostile-text"),
        ("/tests/0/failure_groups/0/message", deep, "too-deep"),
    ];
    for (pointer, value, name) in cases {
        let shown = value.to_string().chars().take(60).collect::<String>();
        match checked(&with(pointer, value)) {
            Err(refusal) => assert_eq!(refusal.name(), name, "{pointer} = {shown}: {refusal}"),
            Ok(_) => panic!("{pointer} = {shown} was taken"),
        }
    }
}

#[test]
fn bytes_that_are_no_report_are_refused_before_they_are_read() {
    let wide = [b"{\"x\": \"".to_vec(), vec![b'a'; MOST_BYTES], b"\"}".to_vec()].concat();
    let twice = String::from_utf8(serde_json::to_vec(&honest()).unwrap()).unwrap().replacen(
        "\"verdict\":\"flaky\"",
        "\"verdict\":\"flaky\",\"verdict\":\"flaky\"",
        1,
    );
    let open = "[".repeat(1_000_000);
    for (bytes, name) in [
        (wide.as_slice(), "too-large"),
        (open.as_bytes(), "too-deep"),
        (b"".as_slice(), "unreadable"),
        (b"NaN", "unreadable"),
        (b"{\"report_version\": 1, \"total_runs\": NaN}", "unreadable"),
        (b"PK\x03\x04", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (twice.as_bytes(), "unreadable"),
    ] {
        let refusal = check(bytes, &expected(), &Gates::default()).unwrap_err();
        assert_eq!(refusal.name(), name, "{refusal}");
        assert!(!refusal.to_string().chars().any(char::is_control), "{refusal}");
    }
}

#[test]
fn an_obstacle_stays_one_and_brackets_in_texts_are_no_depth() {
    let mut report = honest();
    report["verdict"] = json!("inconclusive");
    report["cause"] = json!("install-failed");
    report["severity"] = Value::Null;
    report["tests"][0]["failure_groups"][0]["message"] = json!("[".repeat(500));
    let checked = checked(&report).unwrap();
    assert_eq!(checked.reason, "nothing can be told: install-failed");
    assert_eq!((checked.verdict, checked.severity), (Category::Inconclusive, None));
}
