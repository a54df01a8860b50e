//! Tests in quarantine: they run and are told, and fail no run until their time is over.

use std::path::Path;
use std::process::Command;

use flaky_core::report::RunReport;
use flaky_core::verdict::{Category, Severity};
use flaky_tests::{Ended, Flaky, Origin, ended};
use serde_json::Value;

/// It fails under odd seeds; beside it one that never does.
const SHOP: &str = "\
import os


def test_sums():
    assert int(os.environ['TEST_SEED']) % 2 == 0


def test_empty():
    pass
";

/// A suite that takes no time: `FAILS` says of each test how it fails.
const SUITE: &str = "\
import os, sys

FAILS = {fails}
seed = int(os.environ['TEST_SEED'])
fails = {name: seed % every == 0 for name, every in FAILS.items()}
print('<testsuite name=\"suite\">')
for name in ['steady', *FAILS]:
    failure = '<failure message=\"unlucky\"/>' if fails.get(name) else ''
    print(f'<testcase classname=\"suite\" name=\"{name}\">{failure}</testcase>')
print('</testsuite>')
sys.exit(any(fails.values()))
";

const RUN: &str = "--first-seed 1 --runs 20 -- python3 -S suite.py";

fn suite(fails: &str) -> Flaky {
    Flaky::new().file("suite.py", SUITE.replace("{fails}", fails))
}

fn entry(test: &str, expires: &str) -> String {
    format!(
        "# why\n- test: {test}\n  owner: '@team/shop'\n  reason: waits for a socket\n  since: 2020-01-01\n  expires: {expires}\n"
    )
}

/// A project with an entry whose time is over.
pub(crate) fn expired() -> Flaky {
    suite("{}").file(".flaky-quarantine.yml", entry("suite::steady", "2020-02-01"))
}

fn notes(report: &RunReport, code: &str) -> String {
    report.notes.iter().filter(|note| note.code == code).map(|note| note.text.clone()).collect()
}

fn git(folder: &Path, args: &[&str]) -> String {
    let author = ["user.name=Test", "user.email=test@example.org", "commit.gpgsign=false"];
    let settings = author.iter().flat_map(|setting| ["-c", setting]);
    let output = Command::new("git").args(settings).args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn committed(flaky: &Flaky, message: &str) -> String {
    let folder = flaky.project();
    if !folder.join(".git").exists() {
        git(&folder, &["init", "--quiet", "--initial-branch", "main"]);
    }
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--allow-empty", "--message", message]);
    git(&folder, &["rev-parse", "HEAD"])
}

#[test]
fn a_flaky_test_in_quarantine_is_told_and_does_not_fail_the_run_until_it_expires() {
    let args = "--first-seed 1 --runs 20 -- pytest test_shop.py";
    for (expires, code, verdict) in [("9999-12-31", 0, Category::Stable), ("2020-02-01", 10, Category::Flaky)]
    {
        let shop = Flaky::new()
            .file("test_shop.py", SHOP)
            .file(".flaky-quarantine.yml", entry("test_shop.py::test_sums", expires));
        let ended = shop.run(args).exits(code);
        let report = ended.report();
        let test = ended::test(&report, "test_sums");
        assert_eq!((report.verdict, test.verdict, test.failures), (verdict, Category::Flaky, 10));
        assert_eq!(report.failures, if code == 0 { 0 } else { 10 }, "{}", report.reason);
        let _ = shop.flaky(&format!("reproduce {} --seed 1", report.run)).exits(10).says("test_sums failed");
        let told = test.quarantined.as_ref().map(|q| (q.owner.as_deref(), q.expires.to_string()));
        match code {
            0 => {
                assert_eq!(told, Some((Some("@team/shop"), "9999-12-31".to_owned())));
                assert_eq!(report.severity, Some(Severity::None));
                assert!(
                    test.reason.starts_with("in quarantine until 9999-12-31 (@team/shop): "),
                    "{}",
                    test.reason
                );
                assert!(
                    notes(&report, "quarantined")
                        .contains("`test_shop.py::test_sums` (flaky, until 9999-12-31)")
                );
                assert!(ended.says("in quarantine").report().attempts.iter().all(|a| a.failed_tests == 1));
            }
            _ => {
                assert_eq!(told, None);
                assert!(
                    notes(&report, "quarantine-expired").contains("`test_shop.py::test_sums` (2020-02-01)")
                );
            }
        }
    }
}

#[test]
fn what_gates_beside_it_still_gates_and_a_broken_test_in_quarantine_is_still_told() {
    let flaky = suite("{'broken': 1, 'unlucky': 3}").file(
        ".flaky-quarantine.yml",
        entry("suite::broken", "9999-12-31") + &entry("suite::renamed", "9999-12-31"),
    );
    let report = flaky.run(RUN).exits(10).report();
    assert_eq!((report.verdict, report.failures), (Category::Flaky, 6), "{}", report.reason);
    let broken = ended::test(&report, "broken");
    assert_eq!((broken.verdict, broken.failures), (Category::Broken, 20));
    assert!(broken.quarantined.is_some());
    assert_eq!(report.tests.last().unwrap().id, broken.id, "those that gate come first");
    assert!(notes(&report, "quarantine-unknown").contains("`suite::renamed`"));
    let alone = suite("{'broken': 1}").file(".flaky-quarantine.yml", entry("suite::broken", "9999-12-31"));
    assert_eq!(alone.run(RUN).exits(0).report().verdict, Category::Stable);
    // Nothing is left that could gate.
    let only = Flaky::new()
        .file("suite.py", SUITE.replace("{fails}", "{'broken': 1}").replace("'steady', ", ""))
        .file(".flaky-quarantine.yml", entry("suite::broken", "9999-12-31"));
    let report = only.run(RUN).exits(0).report();
    assert_eq!(
        (report.verdict, report.reason.as_str()),
        (Category::Stable, "every test here is in quarantine")
    );
}

#[test]
fn the_configuration_names_the_file_or_switches_it_off_and_a_file_that_is_wrong_ends_the_run() {
    let base = || suite("{'unlucky': 3}").file("ci/known.yml", entry("suite::unlucky", "9999-12-31"));
    let config = |text: &str| base().file(".flaky-detector.yml", text);
    let _ = config("quarantine: ci/known.yml\n").run(RUN).exits(0);
    let _ = config("quarantine: false\n")
        .file(".flaky-quarantine.yml", entry("suite::unlucky", "9999-12-31"))
        .run(RUN)
        .exits(10);
    let _ = config("quarantine: ci/missing.yml\n")
        .flaky("run -- true")
        .exits(2)
        .warns("ci/missing.yml: cannot read");
    let wrong = base().file(".flaky-quarantine.yml", "- test: a\n  owners: x\n");
    let _ = wrong
        .flaky("run -- true")
        .exits(2)
        .warns(".flaky-quarantine.yml:2:3: unknown key `owners` in `[0]`")
        .warns("did you mean `owner`?");
}

#[test]
fn in_a_pull_requests_job_the_quarantine_is_that_of_the_base() {
    let held = entry("suite::unlucky", "9999-12-31");
    let hiding = format!("{held}{}", entry("suite::mine", "9999-12-31"));
    for (of_base, of_head, config, code, told) in [
        // A pull request that puts a test in hides what it broke.
        (None, Some(&held), None, 11, true),
        (Some(&held), Some(&hiding), None, 11, true),
        (Some(&hiding), Some(&hiding), None, 0, false),
        (Some(&hiding), None, None, 0, true),
        // Nor may it name another file.
        (None, Some(&hiding), Some("quarantine: .flaky-quarantine.yml\n"), 11, true),
    ] {
        let fails = |flaky: Flaky, fails: &str| flaky.file("suite.py", SUITE.replace("{fails}", fails));
        let with = |flaky: Flaky, text: Option<&String>| match text {
            Some(text) => flaky.file(".flaky-quarantine.yml", text),
            None => {
                let _ = std::fs::remove_file(flaky.project().join(".flaky-quarantine.yml"));
                flaky
            }
        };
        let flaky = with(fails(Flaky::new(), "{'unlucky': 3}"), of_base);
        let base = committed(&flaky, "base");
        git(&flaky.project(), &["checkout", "--quiet", "-b", "change"]);
        let flaky = with(fails(flaky, "{'unlucky': 3, 'mine': 1}"), of_head);
        let flaky = if let Some(text) = config { flaky.file(".flaky-detector.yml", text) } else { flaky };
        committed(&flaky, "change");
        let event = flaky.beside("event.json");
        std::fs::write(&event, format!(r#"{{"pull_request": {{"base": {{"sha": "{base}"}}}}}}"#)).unwrap();
        let flaky = flaky
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", event)
            .env("GITHUB_SERVER_URL", "https://127.0.0.1:9")
            .env("GITHUB_REPOSITORY", "shop")
            .env("GITHUB_BASE_REF", "main")
            .env("GITHUB_SHA", "0".repeat(40));
        let ended = flaky.run(RUN).exits(code);
        let note = notes(&ended.report(), "quarantine-ignored");
        assert_eq!(note.contains("of this revision is not trusted: that of `main` ("), told, "{note}");
        // A configuration that the workflow names says nothing of the file in the folder.
        std::fs::write(flaky.beside("ci.yml"), "runs: 20\n").unwrap();
        let named = format!("--config {} {RUN}", flaky.beside("ci.yml").display());
        assert_eq!(flaky.run(&named).exits(code).report().verdict, ended.report().verdict);
    }
}

#[test]
fn a_repository_that_was_fetched_puts_nothing_into_quarantine() {
    let origin = Origin::new();
    let (suite, held) = (SUITE.replace("{fails}", "{'unlucky': 3}"), entry("suite::unlucky", "9999-12-31"));
    let url = origin.repository("shop", &[("suite.py", &suite), (".flaky-quarantine.yml", &held)]);
    let flaky = Flaky::new().env("SSL_CERT_FILE", origin.certificate());
    let report = flaky.run(&format!("{url} {RUN}")).exits(10).report();
    assert!(
        notes(&report, "quarantine-ignored").contains("this repository was fetched"),
        "{:?}",
        report.notes
    );
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.everything()))
}

#[test]
fn entries_are_put_in_and_taken_out_without_touching_what_people_wrote() {
    let own = entry("suite::unlucky", "9999-12-31");
    let flaky = suite("{}")
        .file(".flaky-quarantine.yml", &own)
        .file("CODEOWNERS", "*.py @team/py\n/shop/ @team/shop\n");
    let text = || std::fs::read_to_string(flaky.project().join(".flaky-quarantine.yml")).unwrap();
    let _ = flaky
        .flaky("quarantine add shop/test_a.py::test_x --reason 'waits: for # it' --expires 30d")
        .exits(0)
        .says("owner: \"@team/shop\"");
    assert!(text().starts_with(&own), "{}", text());
    let added = text();
    let _ = flaky
        .flaky("quarantine add shop/test_a.py::test_x --reason x")
        .exits(2)
        .warns("is in quarantine already");
    let _ = flaky.flaky("quarantine add cart::sums --reason x").exits(2).warns("name them with `--owner`");
    let _ =
        flaky.flaky("quarantine add a --owner x --reason x --expires 9999-12-31").exits(2).warns("366 days");
    let _ = flaky.flaky("quarantine add a --owner x --reason ' ' ").exits(2).warns("`--reason`");
    assert_eq!(text(), added, "nothing was written");
    let listed = json(&flaky.flaky("quarantine list --json").exits(0));
    assert_eq!(listed["quarantined"][1]["days_left"], 30);
    assert_eq!(listed["quarantined"][1]["reason"], "waits: for # it");
    assert_eq!(listed["quarantined"][1]["state"], "holds");
    let _ = flaky.flaky("quarantine check").exits(0).says("2 in quarantine");
    let _ = flaky.flaky("quarantine remove shop/test_a.py::test_x").exits(0);
    assert_eq!(text(), own);
    let _ = flaky.flaky("quarantine remove shop/test_a.py::test_x").exits(2).warns("has no entry");
    let _ = expired()
        .flaky("quarantine check")
        .exits(6)
        .says(".flaky-quarantine.yml:2: suite::steady: expired on 2020-02-01");
    let odd = Flaky::new().file(".flaky-quarantine.yml", "[]\n");
    let _ = odd
        .flaky("quarantine add a --owner x --reason y")
        .exits(2)
        .warns("write it yourself")
        .warns("- test: a");
}

#[test]
fn ordinary_ci_leaves_the_tests_in_quarantine_out() {
    let shop = Flaky::new().file("test_shop.py", SHOP).file(
        ".flaky-quarantine.yml",
        entry("test_shop.py::test_sums", "9999-12-31") + &entry("test_shop.py::test_empty", "2020-02-01"),
    );
    let printed = shop.flaky("quarantine exclude -- pytest -q test_shop.py").exits(0).stdout;
    assert_eq!(printed, "pytest -q test_shop.py '--deselect=test_shop.py::test_sums'\n");
    let named = json(&shop.flaky("quarantine exclude --json -- pytest -q").exits(0));
    assert_eq!(named["excluded"], serde_json::json!(["test_shop.py::test_sums"]));
    let _ = shop.flaky("quarantine exclude -- ./check.sh").exits(2).warns("pytest is not called directly");
}

/// Fails as a hash of the seed says, at `{rate}`.
const STORY: &str = "\
import hashlib, os, sys

digest = hashlib.sha256(os.environ['TEST_SEED'].encode()).digest()
fails = int.from_bytes(digest[:4], 'big') / 2**32 < {rate}
failure = '<failure message=\"unlucky\"/>' if fails else ''
print('<testsuite name=\"suite\"><testcase classname=\"suite\" name=\"steady\"/>')
print(f'<testcase classname=\"suite\" name=\"story\">{failure}</testcase></testsuite>')
sys.exit(fails)
";

/// Stable, made flaky at 5 % in commit 7, mended in commit 15: real revisions, and a run of 60 attempts at each.
#[test]
fn a_planted_story_is_found_suggested_put_in_and_released() {
    let at = |flaky: Flaky, commit: u32| {
        let rate = if (7..15).contains(&commit) { "0.05" } else { "0" };
        let flaky = flaky.file("suite.py", STORY.replace("{rate}", rate));
        let id = committed(&flaky, &format!("commit {commit}"));
        let run = format!("--seed {commit} --runs 60 -j 8 -- python3 -S suite.py");
        let code = flaky.run(&run).code;
        (flaky, id, code)
    };
    let mut flaky = Flaky::new().file("CODEOWNERS", "* @team/everything\n*.py @team/suite\n");
    let mut commits = Vec::new();
    for commit in 1..15 {
        if commit == 7 {
            let nothing = json(&flaky.flaky("quarantine suggest --json").exits(0));
            assert_eq!(nothing["suggested"], serde_json::json!([]));
        }
        let (after, id, _) = at(flaky, commit);
        flaky = after;
        commits.push(id);
    }
    let suggested = json(&flaky.flaky("quarantine suggest --json").exits(0));
    let [story] = &suggested["suggested"].as_array().unwrap()[..] else { panic!("{suggested}") };
    assert_eq!(story["test"], "suite::story");
    let could_be: Vec<&str> =
        story["onset"]["could_be"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(could_be.contains(&commits[6].as_str()), "commit 7 is in the range: {story}");
    assert!(could_be.len() <= 4, "and the range says something: {story}");
    let failed = story["evidence"]["failed"].as_u64().unwrap();
    assert!((10..45).contains(&failed), "about 24 of 840: {story}");

    let _ = flaky.flaky("quarantine suggest").exits(0).says("flaky quarantine add suite::story --owner");
    let _ = flaky
        .flaky("quarantine add suite::story --owner @team/suite --reason 'fails by its seed'")
        .exits(0)
        .says(&format!("evidence: {{failed: {failed}, ran: 840"));
    let suggested = json(&flaky.flaky("quarantine suggest --json").exits(0));
    assert_eq!(suggested["suggested"], serde_json::json!([]), "what is in is not suggested");
    let (flaky, _, code) = at(flaky, 14);
    assert_eq!(code, 0, "in quarantine it fails no run");
    let _ = flaky.flaky("quarantine check").exits(0);
    let (flaky, _, _) = at(flaky, 15);
    let _ = flaky.flaky("quarantine check").exits(6).says("60 clean attempts: under 5 %, release");
    let listed = json(&flaky.flaky("quarantine list --json").exits(0));
    assert_eq!(listed["quarantined"][0]["state"], "released");
    assert_eq!(listed["quarantined"][0]["release"]["needed"], 59);
    let _ = flaky.flaky("quarantine remove suite::story").exits(0);
    let unknown = flaky.file(".flaky-quarantine.yml", entry("suite::renamed", "9999-12-31"));
    let _ = unknown.flaky("quarantine check").exits(6).says("no earlier run told of a test of that name");
}
