//! The history: what is kept of runs, what later ones are told of it, and what `flaky history` says.

use std::path::Path;
use std::process::Command;

use flaky_core::verdict::Category;
use flaky_tests::{Ended, Flaky, ended};
use serde_json::Value;

/// Two tests that take no time. `suite::sums` fails as a hash of the seed says, at the rate that `RATE` is in this commit.
const SUITE: &str = r#"import hashlib, os, sys

RATE = {rate}
seed = os.environ["TEST_SEED"].encode()
fails = int.from_bytes(hashlib.sha256(seed).digest()[:4], "big") / 2**32 < RATE
failure = '<failure message="unlucky"/>' if fails else ""
print('<testsuite name="suite"><testcase classname="suite" name="steady"/>')
print(f'<testcase classname="suite" name="sums">{failure}</testcase></testsuite>')
sys.exit(fails)
"#;

fn suite(rate: &str) -> String {
    SUITE.replace("{rate}", rate)
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(who).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a suite of this rate.
fn shop(rate: &str) -> Flaky {
    let shop = Flaky::new().file("suite.py", suite(rate));
    let project = shop.project();
    git(&project, &["init", "-q", "-b", "main"]);
    git(&project, &["remote", "add", "origin", "https://me:hunter2@git.example.org/acme/shop.git"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "commit 1"]);
    shop
}

#[track_caller]
fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.everything());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}\n{}", ended.everything()))
}

const ALL: &str = "--stop never --reproduce 0 --isolation shared --no-install -- python3 -S suite.py";

#[test]
fn a_run_is_kept_and_the_next_one_is_told_what_was_known() {
    let shop = shop("0.2");
    let first = shop.run(&format!("--first-seed 1 --runs 40 {ALL}"));
    let report = first.report();
    let then = ended::test(&report, "suite::sums");
    assert!(then.history.is_none() && then.failures > 0, "{}", first.everything());
    assert!(!first.stderr.contains("history"), "nothing is said of it: {}", first.everything());
    let second = shop.run(&format!("--report markdown=told.md --first-seed 1001 --runs 40 {ALL}"));
    let report = second.report();
    let markdown = std::fs::read_to_string(shop.project().join("told.md")).unwrap();
    assert!(markdown.contains("flaky since commit "), "{markdown}");
    let told = ended::test(&report, "suite::sums").history.clone().unwrap();
    assert_eq!((told.runs, told.ran, told.failed), (1, 40, then.failures), "{told:?}");
    assert!(told.text.starts_with("flaky since commit ") && told.text.contains(", today: "), "{}", told.text);
    assert!(second.stdout.contains("flaky since commit "), "{}", second.everything());
    assert!(ended::test(&report, "suite::steady").history.is_none(), "it never failed");
    let runs = json(&shop.flaky("history runs --json"));
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(runs[0]["series"]["repository"], "git.example.org/acme/shop");
    assert_eq!(runs[0]["series"]["suite"], ".");
    assert_eq!((&runs[0]["branch"], &runs[0]["changed"]), (&Value::from("main"), &Value::from(false)));
    let everything = std::fs::read(shop.state().join("history.sqlite")).unwrap();
    assert!(!everything.windows(7).any(|part| part == b"hunter2"), "a password is kept");
}

/// What the store says never becomes what the run says.
#[test]
fn a_history_that_fails_changes_no_result() {
    let shop = shop("0.2");
    let fine = shop.run(&format!("--first-seed 1 --runs 20 --no-history {ALL}"));
    std::fs::create_dir_all(shop.state()).unwrap();
    std::fs::write(shop.state().join("history.sqlite"), "no database").unwrap();
    for more in ["", "--history postgres://me:hunter2@127.0.0.1:1/flaky "] {
        let ended = shop.run(&format!("--first-seed 1 --runs 20 {more}{ALL}"));
        assert_eq!(ended.code, fine.code, "{}", ended.everything());
        assert!(ended.stderr.contains("warning: this run is not kept: "), "{}", ended.everything());
        assert!(!ended.everything().contains("hunter2"), "{}", ended.everything());
        assert_eq!(ended.report().tests, fine.report().tests);
    }
    let quiet = shop.run(&format!("--first-seed 1 --runs 20 --no-history {ALL}"));
    assert!(!quiet.stderr.contains("warning"), "{}", quiet.everything());
}

#[test]
fn the_configuration_says_where_runs_are_kept_and_the_command_line_says_otherwise() {
    let shop = shop("0.2").file(".flaky-detector.yml", "history: {store: kept/h.sqlite, keep: 90d}\n");
    std::fs::create_dir(shop.project().join("kept")).unwrap();
    shop.run(&format!("--first-seed 1 --runs 10 {ALL}"));
    assert!(shop.project().join("kept/h.sqlite").exists() && !shop.state().join("history.sqlite").exists());
    let other = shop.beside("other.sqlite");
    shop.run(&format!("--first-seed 1 --runs 10 --history {} {ALL}", other.display()));
    assert!(other.exists());
    let count = |place: &str| {
        json(&shop.flaky(&format!("history runs --json {place}")))["runs"].as_array().unwrap().len()
    };
    assert_eq!((count(""), count(&format!("--history {}", other.display()))), (1, 1));
    let merged = json(&shop.flaky(&format!("history merge {} --json", other.display())));
    assert_eq!((&merged["new"], &merged["known"]), (&Value::from(1), &Value::from(0)));
    let exported = shop.beside("runs.jsonl");
    shop.flaky(&format!("history export {}", exported.display()));
    let imported = json(&shop.flaky(&format!("history import {} --json", exported.display())));
    assert_eq!((&imported["new"], &imported["known"]), (&Value::from(0), &Value::from(2)));
    assert_eq!(shop.flaky("history check").code, 0);
    let removed = json(&shop.flaky("history prune --older-than 1h --json"));
    assert_eq!((&removed["removed"], count("")), (&Value::from(0), 2));
}

/// Stable, made flaky at 5 % by commit 7, mended by commit 15. The seeds are fixed, so that every run of this test sees the same
/// failures.
#[test]
fn the_commit_that_made_a_test_flaky_is_in_the_range_that_is_named() {
    let shop = shop("0");
    let project = shop.project();
    let mut commits = vec![git(&project, &["rev-parse", "HEAD"])];
    for number in 1..=20_u32 {
        if number > 1 {
            let rate = if (7..15).contains(&number) { "0.05" } else { "0" };
            std::fs::write(project.join("suite.py"), suite(rate)).unwrap();
            std::fs::write(project.join("CHANGES"), number.to_string()).unwrap();
            git(&project, &["add", "."]);
            git(&project, &["commit", "-qm", &format!("commit {number}")]);
            commits.push(git(&project, &["rev-parse", "HEAD"]));
        }
        let ended = shop.run(&format!("--first-seed {} --runs 60 {ALL}", number * 1_000));
        assert!([0, 10].contains(&ended.code), "{number}: {}", ended.everything());
    }
    let page = json(&shop.flaky("history show suite::sums --json"));
    let test = &page["tests"][0];
    let range: Vec<&str> =
        test["onset"]["could_be"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(range.contains(&commits[6].as_str()), "commit 7 is not among {range:?} of {commits:?}");
    assert!(range.len() <= 5, "a range of {}", range.len());
    assert_eq!(test["onset"]["open"], false, "{test}");
    let mended: Vec<&str> =
        test["recovery"]["could_be"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(mended.contains(&commits[14].as_str()), "commit 15 is not among {mended:?} of {commits:?}");
    let last_clean = test["onset"]["last_clean"].as_str().unwrap();
    let suspects = test["suspects"].as_array().unwrap();
    let titles: Vec<&str> = suspects.iter().filter_map(|s| s["title"].as_str()).collect();
    assert!(titles.contains(&"commit 7"), "{titles:?}");
    let text = shop.flaky("history show suite::sums").stdout;
    assert!(text.contains(&format!("git log {}..", &last_clean[..7])), "{text}");
    assert!(text.contains("mended "), "{text}");
    let compared = json(&shop.flaky(&format!("history compare {} {} --json --all", commits[8], commits[17])));
    let sums =
        &compared["tests"].as_array().unwrap().iter().find(|t| t["id"] == "suite::sums").unwrap()["now"];
    assert_eq!(sums["failed"], 0);
    let list = json(&shop.flaky("history --json"));
    assert_eq!(list["tests"].as_array().unwrap().len(), 1, "{list}");
    let listed = &list["tests"][0];
    assert_eq!((listed["id"].as_str(), listed["runs"].as_u64()), (Some("suite::sums"), Some(20)));
}

#[test]
fn what_is_asked_for_and_not_there_is_said() {
    let shop = shop("0.2");
    let ended = shop.flaky("history");
    assert_eq!(ended.code, 2, "{}", ended.everything());
    assert!(ended.stderr.contains("is not there; a run that is recorded makes it"), "{}", ended.everything());
    let report = shop.run(&format!("--first-seed 1 --runs 20 {ALL}")).report();
    assert_eq!(ended::test(&report, "suite::sums").verdict, Category::Flaky);
    for (args, said) in [
        ("history show nothing", "the history knows no test `nothing`"),
        ("history show suite::", "2 tests are called like `suite::`"),
        ("history compare main nowhere", "knows no run, commit or branch `nowhere`"),
        ("run --history mysql://me:hunter2@h/x", "`mysql` is no kind of database"),
        ("history --since yesterday", "must be a length of time"),
    ] {
        let ended = shop.flaky(args);
        assert!(ended.code == 2 && ended.stderr.contains(said), "{args}: {}", ended.everything());
    }
}
