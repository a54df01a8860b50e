//! The small document.

use flaky_plugin_platforms::measure::{Unit, cut};
use flaky_plugin_platforms::words::{self, closed_severity, closed_verdict};
use flaky_plugin_sdk::report::{Report, Test};
use flaky_plugin_sdk::surroundings::{Ci, Surroundings};
use serde_json::{Map, Value, json};

/// Of the document's shape: fields are only ever added within one.
const VERSION: u32 = 1;

/// Tests that are listed; `tests_total` tells of the others.
const MOST_TESTS: usize = 50;

/// Characters of a text, so that the document stays small.
const MOST_TEXT: usize = 1000;

pub(crate) fn of(report: &Report, surroundings: &Surroundings) -> Value {
    let troubled = words::troubled(report).count();
    let mut out = json!({
        "version": VERSION,
        "run": text(&report.run),
        "flaky_version": text(&report.flaky_version),
        "suite": words::suite(surroundings),
        "verdict": closed_verdict(&report.verdict),
        "severity": report.severity.as_ref().and_then(closed_severity),
        "cause": report.cause.as_deref().map(text),
        "total_runs": report.total_runs,
        "failures": report.failures,
        "repro_rate": report.repro_rate.filter(|rate| (0.0..=1.0).contains(rate)),
        "reason": text(&report.reason),
        "hint": report.hint.as_deref().map(text),
        "recommendation": words::recommendation(report, surroundings),
        "untrusted": surroundings.untrusted,
        "tests": words::troubled(report).take(MOST_TESTS).map(test).collect::<Value>(),
        "tests_total": troubled,
    });
    if let (Some(out), Some(ci)) = (out.as_object_mut(), &surroundings.ci) {
        out.insert("ci".to_owned(), place(ci));
    }
    out
}

fn text(text: &str) -> String {
    cut(text, MOST_TEXT, Unit::CodePoints)
}

fn test(test: &Test) -> Value {
    json!({
        "id": text(&test.id),
        "verdict": closed_verdict(&test.verdict),
        "severity": test.severity.as_ref().and_then(closed_severity),
        "ran": test.ran,
        "failures": test.failures,
        "rate": if test.rate.is_finite() { test.rate.clamp(0.0, 1.0) } else { 0.0 },
        "failure": test.main_failure().map(|group| text(&group.headline())),
        "file": test.location.as_ref().map(|location| text(&location.file)),
        "line": test.location.as_ref().and_then(|location| location.line),
    })
}

/// What is known of the job; what is not, is left out.
fn place(ci: &Ci) -> Value {
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| out.insert(key.to_owned(), value);
    set("platform", text(&ci.platform).into());
    set("server", text(&ci.server).into());
    set("repository", text(&ci.repository).into());
    let texts = [
        ("run_url", &ci.run_url),
        ("failed_run_url", &ci.failed_run_url),
        ("failed_workflow", &ci.failed_workflow),
        ("commit", &ci.commit),
        ("branch", &ci.branch),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            set(key, text(value).into());
        }
    }
    if let Some(pull) = &ci.pull_request {
        let known = json!({"number": pull.number, "head": text(&pull.head), "url": text(&pull.url),
            "draft": pull.draft, "fork": pull.fork});
        set("pull_request", known);
    }
    Value::Object(out)
}
