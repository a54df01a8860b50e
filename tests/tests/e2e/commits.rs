//! A change compared with its base: real revisions of a real repository, whose suite is quick enough for hundreds of
//! attempts.

use std::path::Path;
use std::process::Command;

use flaky_core::evidence::Change;
use flaky_core::report::RunReport;
use flaky_tests::{Ended, Flaky, ended};

/// Prints JUnit XML of 200 tests that never fail and four that fail as a hash of seed and name says. `RATES` is what a
/// change changes.
const SUITE: &str = r#"import hashlib, os, sys

RATES = {rates}


def fails(name):
    digest = hashlib.sha256(f"{{os.environ['TEST_SEED']}} {{name}}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < RATES.get(name, 0)


names = [f"stable_{{i:03}}" for i in range(200)] + sorted(RATES)
print('<testsuite name="suite">')
for name in names:
    failure = '<failure message="unlucky"/>' if fails(name) else ""
    print(f'<testcase classname="suite" name="{{name}}">{{failure}}</testcase>')
print("</testsuite>")
sys.exit(any(map(fails, names)))
"#;

fn suite(rates: &str) -> String {
    SUITE.replace("{rates}", rates).replace("{{", "{").replace("}}", "}")
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(who).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The base is committed, and the change too unless it is left as it stands.
fn repository(base: &str, head: &str) -> Flaky {
    let flaky = Flaky::new().file("suite.py", suite(base));
    let project = flaky.project();
    git(&project, &["init", "-q", "-b", "main"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "base"]);
    git(&project, &["branch", "release"]);
    let flaky = flaky.file("suite.py", suite(head));
    git(&project, &["commit", "-qam", "change", "--allow-empty"]);
    flaky
}

fn change(report: &RunReport, test: &str) -> Change {
    ended::test(report, test).base.unwrap_or_else(|| panic!("`{test}` was compared")).change
}

const BEFORE: &str = r#"{"left_flaky": 0.3, "mended": 0.3, "worsened": 0.1, "made_flaky": 0}"#;
const AFTER: &str = r#"{"left_flaky": 0.3, "mended": 0, "worsened": 0.5, "made_flaky": 0.05}"#;

fn compared(ended: &Ended) -> RunReport {
    let report = ended.report();
    assert_eq!(report.base.as_ref().map(|b| b.revision.as_str()), Some("release"));
    report
}

#[test]
fn what_a_change_did_to_each_test_is_said_in_its_words() {
    let flaky = repository(BEFORE, AFTER);
    let args = "--base release --first-seed 1 --runs 300 --stop never --reproduce 0 --fail-on introduced -- python3 -S suite.py";
    let ended = flaky.run(args).exits(13);
    let report = compared(&ended);
    assert_eq!((report.total_runs, report.base.as_ref().map(|b| b.total_runs)), (300, Some(300)));
    for (test, expected) in [
        ("suite::made_flaky", Change::Introduced),
        ("suite::worsened", Change::Worsened),
        ("suite::mended", Change::Fixed),
        ("suite::left_flaky", Change::WasThereBefore),
    ] {
        assert_eq!(change(&report, test), expected, "{test}: {:?}", ended::test(&report, test).base);
        assert!(ended::test(&report, test).reason.contains("at the base") || expected == Change::Fixed);
    }
    for i in 0..200 {
        assert_eq!(change(&report, &format!("suite::stable_{i:03}")), Change::NoEvidence);
    }
    assert!(ended.stdout.contains("introduced"), "{}", ended.everything());
}

#[test]
fn a_change_that_changes_nothing_passes_the_gate_however_flaky_the_suite_is() {
    let flaky = repository(BEFORE, BEFORE);
    let args =
        "--base release --runs 60 --stop never --reproduce 0 --fail-on introduced -- python3 -S suite.py";
    let report = compared(&flaky.run(args).exits(0));
    assert_eq!(change(&report, "suite::left_flaky"), Change::WasThereBefore);
    assert!(report.tests.iter().all(|t| !t.is_introduced()));
}

/// What a gate is for, first of all: no number of the base could say anything of such a test.
#[test]
fn a_new_test_that_is_flaky_does_not_pass_the_gate_and_a_new_one_that_is_not_does() {
    let args =
        "--base release --runs 60 --stop never --reproduce 0 --fail-on introduced -- python3 -S suite.py";
    let flaky = repository(BEFORE, &BEFORE.replace('}', r#", "new": 0.2, "new_and_fine": 0}"#));
    let ended = flaky.run(args).exits(13);
    let report = compared(&ended);
    assert_eq!(change(&report, "suite::new"), Change::Introduced);
    assert!(
        ended.stdout.contains("new with the change: it did not run at the base"),
        "{}",
        ended.everything()
    );
    let introduced: Vec<&str> =
        report.tests.iter().filter(|t| t.is_introduced()).map(|t| t.id.as_str()).collect();
    assert_eq!(introduced, ["suite::new"]);
    let flaky = repository(BEFORE, &BEFORE.replace('}', r#", "new_and_fine": 0}"#));
    assert!(compared(&flaky.run(args).exits(0)).tests.iter().all(|t| !t.is_introduced()));
}

/// What is compared is the folder as it stands, with what is not committed yet.
#[test]
fn a_bug_that_is_not_committed_yet_is_introduced_and_the_run_ends_when_that_is_known() {
    let flaky = repository(BEFORE, BEFORE);
    let flaky = flaky
        .file("suite.py", suite(r#"{"left_flaky": 0.3, "mended": 0.3, "worsened": 0.1, "made_flaky": 1}"#));
    let args =
        "--base release --runs 200 --stop certain --reproduce 0 --fail-on introduced -- python3 -S suite.py";
    let ended = flaky.run(args).exits(13);
    let report = compared(&ended);
    assert_eq!(change(&report, "suite::made_flaky"), Change::Introduced);
    assert!(report.total_runs < 200, "{}", ended.everything());
}

/// A command that succeeds at the base and fails now.
pub(crate) fn introduced() -> Ended {
    let flaky = Flaky::new().file("check.sh", "exit 0\n");
    let project = flaky.project();
    git(&project, &["init", "-q", "-b", "main"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "base"]);
    let flaky = flaky.file("check.sh", "exit 1\n");
    flaky.run("--base main --runs 14 --fail-on introduced -- sh check.sh")
}

#[test]
fn a_base_that_is_not_there_is_named_before_anything_runs() {
    let flaky = repository(BEFORE, BEFORE);
    let ended = flaky.flaky("run --base no-such-branch -- true").exits(2);
    let _ = ended.warns("the repository has no revision `no-such-branch`");
}

#[test]
fn a_base_whose_dependencies_cannot_be_installed_costs_the_comparison_and_not_the_verdicts() {
    let flaky = Flaky::new()
        .file("requirements.txt", "./no-such-package\n")
        .file("test_fine.py", "def test_fine():\n    pass\n");
    let project = flaky.project();
    git(&project, &["init", "-q", "-b", "main"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "base"]);
    std::fs::remove_file(project.join("requirements.txt")).unwrap();
    let ended = flaky.run("--base main --runs 14 --stop never -- pytest").exits(0);
    let report = ended.report();
    assert!(report.notes.iter().any(|n| n.code == "base-not-tested"), "{:#?}", report.notes);
    assert_eq!(report.base, None);
}
