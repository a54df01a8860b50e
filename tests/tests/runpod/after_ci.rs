//! The whole way of a failed run: GitHub's event, the artifact that CI left, the commit of a fork fetched by workers, and
//! the answer in the pull request. GitHub and RunPod are the stand-ins that their own clients were tried against.

use std::fs;
use std::path::PathBuf;

use flaky_core::verdict::Category;
use flaky_tests::Flaky;
use flaky_tests::github::{Github, event};
use flaky_tests::platform::Platform;
use serde_json::{Value, json};

use crate::common::{origin, ours};

const REPOSITORY: &str = "acme/shop";
const EVENT: &str = "workflow_run/fork";

/// Fails in every third attempt; the other test is not to be run at all, or the run would take for ever.
const CART: &str = "import os
import time

def test_sums():
    assert int(os.environ['ATTEMPT']) % 3, 'carts differ'

def test_adds():
    time.sleep(600)
";

/// The head of the fork's pull request in the base repository, which is all that is fetched; gives its commit.
fn head_of_pull_request() -> String {
    let _ = origin().repository(REPOSITORY, &[("README", "a shop\n")]);
    let git = |args: &[&str]| origin().git(REPOSITORY, args);
    let _ = git(&["switch", "--quiet", "--create", "theirs"]);
    let folder = std::path::PathBuf::from(git(&["rev-parse", "--show-toplevel"]));
    fs::create_dir_all(folder.join("tests")).unwrap();
    fs::write(folder.join("tests/test_cart.py"), CART).unwrap();
    // What a fork says of how it is to be tested is not heard.
    fs::write(folder.join(".flaky-detector.yml"), "test_command: sh -c 'exit 0'\nruns: 1\n").unwrap();
    let _ = git(&["add", "--all"]);
    let _ = git(&["commit", "--quiet", "--message", "Faster carts"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let _ = git(&["update-ref", "refs/pull/7/head", &commit]);
    let _ = git(&["switch", "--quiet", "main"]);
    let _ = git(&["branch", "--quiet", "-D", "theirs"]);
    commit
}

/// The recorded event with another commit as its head, in this repository, and GitHub's side of it, less some kinds.
fn event_of(github: &Github, repository: &str, commit: &str, less: &[&str]) -> Value {
    let recorded = event(EVENT);
    let old = recorded["workflow_run"]["head_sha"].as_str().unwrap().to_owned();
    let here = |text: String| -> Value {
        serde_json::from_str(&text.replace(&old, commit).replace(REPOSITORY, repository)).unwrap()
    };
    let known = flaky_tests::place::repository().join(format!("tests/github/events/{EVENT}.github.json"));
    let mut known = here(fs::read_to_string(known).unwrap());
    let kind = |thing: &Value| thing["kind"].as_str().unwrap().to_owned();
    known.as_array_mut().unwrap().retain(|thing| !less.contains(&kind(thing).as_str()));
    github.add(&known);
    here(recorded.to_string())
}

/// A job of the workflow that looks into the failed run.
struct Job {
    flaky: Flaky,
    summary: PathBuf,
    outputs: PathBuf,
}

impl Job {
    fn new(platform: &Platform, github: &Github, repository: &str, event: &Value) -> Self {
        let mut flaky = Flaky::new().env("SSL_CERT_FILE", origin().certificate());
        let path = flaky.beside("event.json");
        fs::write(&path, event.to_string()).unwrap();
        let (summary, outputs) = (flaky.beside("summary.md"), flaky.beside("outputs"));
        for (name, value) in
            platform.client_environment().into_iter().chain(github.environment(EVENT, repository))
        {
            flaky = flaky.env(&name, value);
        }
        let flaky = flaky
            .env("GITHUB_EVENT_PATH", &path)
            .env("GITHUB_REPOSITORY_ID", event["repository"]["id"].to_string())
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_SERVER_URL", origin().url("x").replace("/x.git", ""));
        Self { flaky, summary, outputs }
    }
}

/// The only comment on the pull request.
fn comment(github: &Github, repository: &str) -> String {
    let comments = github.comments(repository, 7);
    let [(_, body)] = comments.as_slice() else { panic!("{comments:?}") };
    body.clone()
}

#[test]
fn a_failed_run_of_a_fork_is_looked_into_by_workers_and_told_in_its_pull_request() {
    let (platform, github, commit) = (Platform::new(), Github::new(), head_of_pull_request());
    let _worker = ours(&platform, "w1").start();
    let event = event_of(&github, REPOSITORY, &commit, &[]);
    let config = |budget: &str| {
        let text = format!("test_command: pytest\nauto_trigger_runs: 15\nstop: never\n{budget}");
        github.add(&json!({"kind": "content", "repository": REPOSITORY, "path": ".flaky-detector.yml", "text": text}));
    };
    config("budget: 20m\nbudget_per_pull_request: 1h\n");
    let Job { flaky, summary, .. } = Job::new(&platform, &github, REPOSITORY, &event);
    let report = flaky.beside("told.json");
    let ended = flaky.flaky(&format!("ci --to github --report json={}", report.display())).exits(0);
    let told = ended.everything();
    let report: flaky_core::report::RunReport =
        serde_json::from_str(&fs::read_to_string(&report).expect(&told)).unwrap();
    assert_eq!(report.subject.commit.as_deref(), Some(commit.as_str()), "{told}");
    assert_eq!(report.subject.reference.as_deref(), Some("refs/pull/7/head"), "{told}");
    assert_eq!((report.total_runs, report.failures, report.verdict), (15, 5, Category::Flaky), "{told}");
    let ids: Vec<&str> = report.tests.iter().map(|test| test.id.as_str()).collect();
    assert_eq!(ids, ["tests/test_cart.py::test_sums"], "only what failed is run\n{told}");
    assert!(report.tests.iter().all(|test| test.failed_in_ci), "{told}");
    let body = comment(&github, REPOSITORY);
    for text in ["flaky", "5 of 15", "test_sums", "carts differ", &commit[..7]] {
        assert!(body.contains(text), "{text}: {body}");
    }
    let key = platform.client_environment().into_iter().find(|(name, _)| name == "RUNPOD_API_KEY").unwrap().1;
    // What it took counts against the pull request's budget, and not what was set aside for it.
    let spent = spent(&body);
    assert!((1..1200).contains(&spent), "{spent}: {body}");
    for place in [&told, &body, &fs::read_to_string(summary).unwrap()] {
        assert!(!place.contains(&key) && !place.contains(flaky_tests::github::TOKEN), "{place}");
    }
    github.assert_all_valid();

    // Once it is spent nothing is run, and that is what is told.
    config("budget_per_pull_request: 1s\n");
    let jobs = || platform.look(|state| state.jobs.len());
    let begun = jobs();
    let ended = flaky.flaky("ci --to github").exits(0);
    assert_eq!(jobs(), begun, "{}", ended.everything());
    let body = comment(&github, REPOSITORY);
    assert!(body.contains("the budget of the pull request is spent"), "{body}");
    assert_eq!(spent, self::spent(&body), "what was spent stays: {body}");
    assert!(body.contains(r#""failures":5"#), "what was found is remembered: {body}");
    github.assert_all_valid();
}

/// One part broken, one stable: one comment tells of both by their names, the worst first, and later steps are told that.
#[test]
fn of_several_suites_one_comment_tells_each_by_its_name_and_the_worst_speaks_for_all() {
    let (platform, github) = (Platform::new(), Github::new());
    let name = "acme/parts";
    let _ = origin().repository(
        name,
        &[
            ("api/prices.test.js", "const test = require('node:test');\ntest('adds', () => {});\ntest('prices', () => { throw new Error('2 == 3'); });\n"),
            ("cart/test_cart.py", "def test_sums():\n    pass\n"),
        ],
    );
    let commit = origin().git(name, &["rev-parse", "HEAD"]);
    let _ = origin().git(name, &["update-ref", "refs/pull/7/head", &commit]);
    let _worker = ours(&platform, "w1").start();
    // Of the recorded run, neither its one job nor what that left behind: those of the parts instead.
    let event = event_of(&github, name, &commit, &["job", "artifact"]);
    let run = &event["workflow_run"]["id"];
    let job = |id: u32, job: &str, log: &str| json!({"kind": "job", "repository": name, "id": id, "run_id": run, "name": job, "log": log});
    let log = "TAP version 13\nok 1 - adds\nnot ok 2 - prices\n1..2\n# tests 2\n# pass 1\n# fail 1\n";
    github.add(&json!([job(21, "cart (3.11)", ""), job(22, "api", log)]));
    let text = "budget_per_pull_request: 1h\nsuites:\n  cart: {working_directory: cart, test_command: pytest, runs: 14}\n  api: {working_directory: api, test_command: node --test, runs: 14}\n";
    github.add(&json!({"kind": "content", "repository": name, "path": ".flaky-detector.yml", "text": text}));
    let Job { flaky, outputs, .. } = Job::new(&platform, &github, name, &event);
    let told = flaky.flaky("ci --to github").exits(0).everything();
    let body = comment(&github, name);
    let (api, cart) = body.split_once("\n## ✅ `cart`: stable").unwrap_or_else(|| panic!("{body}\n{told}"));
    for text in ["\n## 🔴 `api`: broken", "prices", "in the folder `api`", "node --test", "TEST_SEED="] {
        assert!(api.contains(text), "{text}: {body}");
    }
    assert!(!api.contains("<code>adds</code>") && cart.contains("test_sums"), "{body}");
    assert!(!body.contains("will stand here"), "{body}");
    assert!(
        body.contains(r#""suite":"api""#) && body.contains(r#""suite":"cart""#),
        "both are remembered: {body}"
    );
    assert!(spent(&body) > 0, "{body}");
    let later = fs::read_to_string(outputs).unwrap();
    assert!(later.starts_with("verdict=broken\n") && later.matches("verdict=").count() == 1, "{later}");
    github.assert_all_valid();

    // Where none can be looked into, each of them says so, and what was found before is not forgotten.
    let told =
        flaky.env("RUNPOD_API_KEY", "rpa_of_somebody_else").flaky("ci --to github").exits(2).everything();
    let body = comment(&github, name);
    for text in ["⚪ `api`: detection failed", "⚪ `cart`: detection failed", "no attempt could be made"] {
        assert!(body.contains(text), "{text}: {body}\n{told}");
    }
    assert!(body.contains(r#""verdict":"broken""#) && !body.contains("somebody_else"), "{body}");
    github.assert_all_valid();
}

/// Seconds, as the comment remembers them.
fn spent(body: &str) -> u64 {
    let (_, rest) = body.split_once(r#""spent":{"seconds":"#).unwrap_or_else(|| panic!("{body}"));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    rest[..digits].parse().unwrap()
}
