//! Flaky and broken tests in GitLab's format of code quality (docs.gitlab.com, "Code Quality": a list of entries with
//! description, check_name, fingerprint, severity and location).

use flaky_plugin_platforms::measure::{Unit, cut};
use flaky_plugin_platforms::words::{self, repository_path};
use flaky_plugin_sdk::report::{Category, Report, Severity, Test, plural, visible};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Entries of a report: more are not read. Our own, GitLab names none.
const MOST_ENTRIES: usize = 500;

/// Characters of a description. Our own: it stands on one line of a list.
const MOST_DESCRIPTION: usize = 500;

/// The report, also where there is nothing to say: a missing file would be a failed artifact.
pub(crate) fn of(report: &Report) -> String {
    let tests = words::troubled(report).take_while(|_| words::has_result(report));
    let entries: Vec<Value> = tests.filter_map(|test| entry(report, test)).take(MOST_ENTRIES).collect();
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_else(|_| "[]".to_owned());
    text.push('\n');
    text
}

/// Only of tests whose place is known: GitLab shows no others.
fn entry(report: &Report, test: &Test) -> Option<Value> {
    let location = test.location.as_ref()?;
    let path = repository_path(report, location)?;
    let line = location.line.unwrap_or(1).max(1);
    let mut description = format!(
        "{} test `{}`: {} of {} failed",
        words::verdict(&test.verdict),
        visible(&test.id),
        test.failures,
        plural(test.ran, "attempt")
    );
    if let Some(group) = test.main_failure() {
        description += &format!(" ({})", visible(&group.headline()));
    }
    Some(json!({
        "description": cut(&description, MOST_DESCRIPTION, Unit::CodePoints),
        "check_name": format!("flaky/{}", words::verdict(&test.verdict)),
        "fingerprint": fingerprint(&path, &test.id),
        "severity": severity(test),
        "location": {"path": path, "lines": {"begin": line}},
    }))
}

/// The same for the same test in every run, so that GitLab knows what is new and what is fixed.
fn fingerprint(path: &str, id: &str) -> String {
    let digest = Sha256::new().chain_update(path).chain_update([0]).chain_update(id).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn severity(test: &Test) -> &'static str {
    match (&test.verdict, &test.severity) {
        (Category::Broken, _) => "blocker",
        (_, Some(Severity::Critical)) => "critical",
        (_, Some(Severity::High)) => "major",
        (_, Some(Severity::Medium)) => "minor",
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::report::Location;

    use super::*;

    fn test(id: &str, verdict: Category, file: &str, line: Option<u32>) -> Test {
        let location = Some(Location { file: file.into(), line });
        Test { id: id.into(), verdict, location, ran: 20, failures: 3, ..Test::default() }
    }

    #[test]
    fn tests_with_a_place_are_listed_and_known_again() {
        let report = Report {
            verdict: Category::Broken,
            tests: vec![
                test("a", Category::Broken, "t/a.py", Some(7)),
                test("b", Category::Flaky, "t/a.py", None),
                test("c", Category::Stable, "t/a.py", None),
                test("d", Category::Flaky, "../../etc/passwd", None),
            ],
            ..Report::default()
        };
        let entries: Value = serde_json::from_str(&of(&report)).unwrap();
        assert_eq!(entries.as_array().unwrap().len(), 2);
        assert_eq!(entries[0]["location"], json!({"path": "t/a.py", "lines": {"begin": 7}}));
        assert_eq!((&entries[0]["severity"], &entries[1]["severity"]), (&json!("blocker"), &json!("info")));
        assert_eq!(entries[0]["fingerprint"], fingerprint("t/a.py", "a"));
        assert_ne!(fingerprint("t/a.py", "a"), fingerprint("t/a.p", "ya"));
    }

    #[test]
    fn a_report_without_anything_to_say_is_an_empty_list() {
        assert_eq!(of(&Report::default()), "[]\n");
    }
}
