//! What the reporter delivers: for samples, beside what it should; and of hostile text. GitLab itself is not asked:
//! the note is rendered as GitHub-flavoured Markdown and searched for GitLab's references and commands, and the report
//! is held against a stand-in of its documentation.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use flaky_plugin_gitlab::deliveries;
use flaky_plugin_gitlab::settings::Settings;
use flaky_plugin_platforms::limits::GITLAB_NOTE;
use flaky_plugin_platforms::testing::corpus::{self, FORGE};
use flaky_plugin_platforms::testing::rendered::Rendered;
use flaky_plugin_platforms::testing::{gitlab, samples};
use flaky_plugin_sdk::report::{Category, Location, Report};
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Delivery, File};
use serde_json::Value;

fn told(report: &Report, surroundings: &Surroundings) -> (String, Value) {
    let found = deliveries(report, surroundings, &Settings::default());
    let [Delivery::PullRequestComment(note), Delivery::File(File { path, content })] = &found[..] else {
        panic!("a note and a file: {found:?}");
    };
    assert_eq!((note.key.as_str(), path.as_str()), ("flaky", "gl-code-quality-report.json"));
    assert!(note.body.chars().count() <= GITLAB_NOTE);
    (note.body.clone(), serde_json::from_slice(content).unwrap())
}

#[test]
fn samples_are_told_as_expected() {
    let mut surroundings = samples::surroundings();
    surroundings.ci.as_mut().unwrap().platform = "gitlab".into();
    for (name, _, report) in samples::reports() {
        let (note, entries) = told(&report, &surroundings);
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.md"), &note);
        assert_eq!(gitlab::check(&entries), Ok(()), "{name}");
        let text = serde_json::to_string_pretty(&entries).unwrap() + "\n";
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.json"), &text);
    }
}

#[test]
fn nothing_of_others_acts_in_a_note_or_a_report() {
    for (name, text) in corpus::texts() {
        let mut report = corpus::report(&text);
        let (note, entries) = told(&report, &corpus::surroundings(&text));
        let rendered = Rendered::of(&note, &format!("{FORGE}/"));
        assert!(rendered.problems.is_empty(), "{name}: {:#?}\n{note}", rendered.problems);
        assert_eq!(gitlab::check(&entries), Ok(()), "{name}");
        for test in &mut report.tests {
            test.location = Some(Location { file: "tests/a.py".into(), line: None });
        }
        let (_, entries) = told(&report, &corpus::surroundings(&text));
        assert_eq!(gitlab::check(&entries), Ok(()), "{name}");
        let entries = entries.as_array().unwrap();
        assert_eq!(entries.len(), 2, "{name}: the ignored test is not listed");
        for entry in entries {
            let description = entry["description"].as_str().unwrap();
            assert!(!description.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name}: {description}");
        }
    }
}

#[test]
fn what_gitlab_would_leave_out_is_refused() {
    let good = serde_json::json!({"description": "d", "check_name": "c", "fingerprint": "f", "severity": "minor",
        "location": {"path": "a.py", "lines": {"begin": 1}}});
    assert_eq!(gitlab::check(&serde_json::json!([good])), Ok(()));
    let cases = [
        ("/description", Value::Null),
        ("/severity", "low".into()),
        ("/location/path", "/a.py".into()),
        ("/location/path", "./a.py".into()),
        ("/location/path", "".into()),
        ("/location/lines/begin", 0.into()),
        ("/fingerprint", "".into()),
    ];
    for (pointer, value) in cases {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(gitlab::check(&serde_json::json!([bad])).is_err(), "{pointer}: {bad}");
    }
    assert!(gitlab::check(&serde_json::json!([good, good])).is_err(), "the same fingerprint twice");
    assert!(gitlab::check(&serde_json::json!({})).is_err());
}

#[test]
fn without_a_merge_request_and_a_result_there_is_an_empty_report() {
    let report = Report { verdict: Category::Inconclusive, ..corpus::report("x") };
    let report = Report { cause: Some("infrastructure".into()), ..report };
    let found = deliveries(&report, &Surroundings::default(), &Settings::default());
    let [Delivery::File(File { content, .. })] = &found[..] else { panic!("{found:?}") };
    assert_eq!(content, b"[]\n");
}
