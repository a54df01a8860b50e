//! Results told where people look. GitHub's side is the stand-in of `tests/github`, which holds every request against
//! GitHub's own description, and which GitHub's own client library works against.

use std::path::PathBuf;
use std::sync::OnceLock;

use flaky_tests::github::{Github, TOKEN, event};
use flaky_tests::{Ended, Flaky};
use serde_json::{Value, json};

const REPOSITORY: &str = "acme/shop";

/// A project with one flaky test of four attempts, judged; the report is beside it.
struct Told {
    flaky: Flaky,
    report: PathBuf,
}

impl Told {
    /// The run is made once for all tests: what is tested is telling it.
    fn new() -> Self {
        static STORED: OnceLock<String> = OnceLock::new();
        let stored = STORED.get_or_init(|| {
            let flaky = Flaky::new().file(
                "test_cart.py",
                "import os\n\ndef test_sums():\n    assert int(os.environ['ATTEMPT']) % 4, 'a|b <i> @octocat'\n",
            );
            flaky.run("--runs 16 -- pytest").exits(10).report_as_json().to_string()
        });
        let flaky = Flaky::new();
        let report = flaky.beside("stored.json");
        std::fs::write(&report, stored).unwrap();
        Self { flaky, report }
    }

    /// In a job of the repository that this event started.
    fn in_job(mut self, github: &Github, event_name: &str) -> Self {
        for (name, value) in github.environment(event_name, REPOSITORY) {
            self.flaky = self.flaky.env(&name, value);
        }
        let id = event(event_name)["repository"]["id"].to_string();
        let (summary, outputs) = (self.summary(), self.outputs());
        self.flaky = self
            .flaky
            .env("GITHUB_REPOSITORY_ID", id)
            .env("GITHUB_STEP_SUMMARY", summary)
            .env("GITHUB_OUTPUT", outputs);
        self
    }

    fn summary(&self) -> PathBuf {
        self.flaky.beside("summary.md")
    }

    fn outputs(&self) -> PathBuf {
        self.flaky.beside("outputs")
    }

    #[track_caller]
    fn report(&self, args: &str) -> Ended {
        self.flaky.flaky(&format!("report {args} {}", self.report.display()))
    }
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn a_pull_request_has_one_comment_that_is_updated_in_place_and_remembers_what_it_said() {
    let github = Github::with_event("workflow_run/fork");
    let told = Told::new().in_job(&github, "workflow_run/fork");
    let _ = told.report("--to github").exits(10);
    let first = github.comments(REPOSITORY, 7);
    let [(author, body)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(author, "github-actions[bot]");
    for text in ["flaky", "MEDIUM", "4 of 16", "test_sums", "1a95462"] {
        assert!(body.contains(text), "{text}: {body}");
    }
    assert!(!body.contains("earlier result"), "{body}");
    let stored = read(told.report.clone());
    let run = serde_json::from_str::<Value>(&stored).unwrap()["run"].as_str().unwrap().to_owned();
    for (name, remembers) in [(run.as_str(), false), ("20260101-000000-zzzz", true)] {
        std::fs::write(&told.report, stored.replace(&run, name)).unwrap();
        let _ = told.report("--to github").exits(10);
        let comments = github.comments(REPOSITORY, 7);
        let [(_, body)] = comments.as_slice() else { panic!("still one: {comments:?}") };
        assert_eq!(
            body.contains("1 earlier result<"),
            remembers,
            "what the same run said is not earlier: {body}"
        );
    }
    assert_eq!(github.asked("issues/create-comment").len(), 1);
    assert_eq!(github.asked("issues/update-comment").len(), 2);
    let outputs = read(told.outputs());
    for line in ["verdict=flaky", "severity=MEDIUM", "repro_rate=0.25", "failures=4", "total_runs=16"] {
        assert!(outputs.lines().any(|l| l == line), "{line}: {outputs}");
    }
    assert!(read(told.summary()).contains("test_sums"));
    github.assert_all_valid();
}

#[test]
fn the_comment_is_found_behind_three_hundred_others_and_nobody_elses_is_touched() {
    let github = Github::with_event("workflow_run/fork");
    let told = Told::new().in_job(&github, "workflow_run/fork");
    let other = |n: usize| json!({"kind": "comment", "repository": REPOSITORY, "issue": 7, "user": "mona", "body": format!("comment {n} <!-- flaky:flaky {{}} -->")});
    github.add(&Value::Array((0..300).map(other).collect()));
    let _ = told.report("--to github").exits(10);
    let _ = told.report("--to github").exits(10);
    let comments = github.comments(REPOSITORY, 7);
    assert_eq!(comments.len(), 301);
    assert!(comments.iter().take(300).all(|(author, body)| author == "mona" && body.starts_with("comment ")));
    github.assert_all_valid();
}

#[test]
fn without_exactly_one_pull_request_only_the_job_says_it() {
    let github = Github::new();
    for name in ["workflow_run/deleted-fork", "workflow_run/two-pulls"] {
        github.know(name);
        let told = Told::new().in_job(&github, name);
        let _ = told.report("--to github").exits(10);
        assert_eq!(github.asked("issues/create-comment").len(), 0, "{name}");
        assert!(read(told.summary()).contains("test_sums"), "{name}");
        github.assert_all_valid();
    }
}

/// The recorded event whose commit is not the head of its pull request any more, and that head.
const MOVED: &str = "workflow_run/moved-head";

fn short_head_and_commit(github: &Github) -> (String, String) {
    let head = github.repository(REPOSITORY)["pulls"][0]["head"]["sha"].as_str().unwrap()[..7].to_owned();
    let commit = event(MOVED)["workflow_run"]["head_sha"].as_str().unwrap()[..7].to_owned();
    assert_ne!(head, commit);
    (head, commit)
}

#[test]
fn a_result_of_an_older_commit_says_so_and_never_takes_the_place_of_a_newer_one() {
    let github = Github::with_event(MOVED);
    let (head, commit) = short_head_and_commit(&github);
    let told = Told::new().in_job(&github, MOVED);
    let _ = told.report("--to github").exits(10);
    let (_, body) = github.comments(REPOSITORY, 7).remove(0);
    let older = format!(
        "**This result is of an older commit:** it speaks for `{commit}`, and the head is `{head}` by now."
    );
    assert!(body.contains(&older), "{body}");
    // Now what stands there is of the head.
    let whole = github.repository(REPOSITORY)["pulls"][0]["head"]["sha"].as_str().unwrap().to_owned();
    let own = event(MOVED)["workflow_run"]["head_sha"].as_str().unwrap().to_owned();
    let newer = body.replace(&own, &whole);
    assert_ne!(newer, body);
    let fresh = Github::with_event(MOVED);
    fresh.add(&json!({"kind": "comment", "repository": REPOSITORY, "issue": 7, "user": "github-actions[bot]", "body": newer}));
    let told = Told::new().in_job(&fresh, MOVED);
    let ended = told.report("--to github").exits(10);
    let why =
        format!("the comment was left alone: this speaks for `{commit}`, and the head is `{head}` by now");
    assert!(ended.stderr.contains(&why), "{}", ended.everything());
    assert_eq!(fresh.comments(REPOSITORY, 7).remove(0).1, newer);
    assert!(read(told.summary()).contains("test_sums"), "the job says it all the same");
    for github in [github, fresh] {
        github.assert_all_valid();
    }
}

#[test]
fn a_failure_of_a_commit_that_is_no_head_any_more_is_not_looked_into_and_what_was_told_of_it_says_so() {
    let github = Github::with_event(MOVED);
    let (head, commit) = short_head_and_commit(&github);
    // Told while the commit was the head.
    let told = Told::new().in_job(&github, MOVED);
    let _ = told.report("--to github").exits(10);
    for _ in 0..2 {
        let ended = told.flaky.flaky("ci --to github").exits(0);
        let (_, body) = github.comments(REPOSITORY, 7).remove(0);
        let note = format!(
            "**The pull request has moved on:** its head is `{head}` by now, and this speaks for `{commit}`."
        );
        assert_eq!(body.matches(&note).count(), 1, "{body}\n{}", ended.everything());
        assert!(body.contains("test_sums"), "{body}");
    }
    let summary = read(told.summary());
    assert!(summary.contains("the pull request has moved on since"), "{summary}");
    github.assert_all_valid();
    // Where nothing was told, nothing is.
    let github = Github::with_event(MOVED);
    let told = Told::new().in_job(&github, MOVED);
    let _ = told.flaky.flaky("ci --to github").exits(0);
    assert_eq!(github.asked("issues/create-comment").len(), 0);
    github.assert_all_valid();
}

#[test]
fn a_token_that_may_not_comment_is_named_by_its_missing_permission_and_fails_nothing() {
    let github = Github::with_event("workflow_run/fork");
    github.token(
        "ghs_READS",
        &json!({"contents": "read", "actions": "read", "pull_requests": "read", "issues": "read"}),
    );
    let mut told = Told::new().in_job(&github, "workflow_run/fork");
    told.flaky = told.flaky.env("GITHUB_TOKEN", "ghs_READS");
    let ended = told.report("--to github").exits(10);
    assert!(
        ended.stderr.contains("warning: report `github`") && ended.stderr.contains("write"),
        "{}",
        ended.everything()
    );
    assert!(!ended.everything().contains("ghs_READS"), "{}", ended.everything());
}

#[test]
fn what_github_cannot_do_now_is_tried_again_and_what_it_refuses_is_a_failed_delivery() {
    let github = Github::with_event("workflow_run/fork");
    let told = Told::new().in_job(&github, "workflow_run/fork");
    github.plan(&json!([{"kind": "server-error", "method": "POST", "path": "/comments$", "times": 1}]));
    let _ = told.report("--to github").exits(10);
    assert_eq!(github.comments(REPOSITORY, 7).len(), 1, "once, and not twice");
    github.plan(&json!([{"kind": "unprocessable", "method": "PATCH", "path": "/comments/", "times": null}]));
    let ended = told.report("--to github").exits(20);
    assert!(ended.stderr.contains("error: report `github`"), "{}", ended.everything());
    assert!(ended.stdout.contains("FLAKY"), "the table is there all the same\n{}", ended.everything());
}

#[test]
fn an_untrusted_report_is_told_when_it_is_what_was_expected_and_refused_by_name_when_not() {
    let github = Github::with_event("workflow_run/fork");
    let told = Told::new().in_job(&github, "workflow_run/fork");
    let run = event("workflow_run/fork")["workflow_run"].clone();
    let (sha, id) = (run["head_sha"].as_str().unwrap().to_owned(), run["id"].to_string());
    let mut report: Value = serde_json::from_str(&read(told.report.clone())).unwrap();
    report["ci"] = json!({"repository": REPOSITORY, "run": run["id"], "attempt": 1, "commit": sha});
    report["subject"]["working_directory"] = json!("");
    report["reason"] = json!("merge at once");
    std::fs::write(&told.report, report.to_string()).unwrap();
    let expect =
        format!("--untrusted --expect-repo {REPOSITORY} --expect-sha {sha} --expect-run {id} --to github");
    let _ = told.report(&expect).exits(10);
    let (_, body) = github.comments(REPOSITORY, 7).remove(0);
    assert!(body.contains("test_sums") && !body.contains("merge at once"), "{body}");
    let other = expect.replace(&sha, &"f".repeat(40));
    let ended = told.report(&other).exits(2);
    assert!(ended.stderr.contains("the report is refused: other-origin"), "{}", ended.everything());
    let (_, body) = github.comments(REPOSITORY, 7).remove(0);
    assert!(body.contains("etection failed") && !body.contains("test_sums |"), "{body}");
    std::fs::remove_file(&told.report).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &told.report).unwrap();
    let ended = told.report(&expect).exits(2);
    assert!(ended.stderr.contains("not-a-file"), "{}", ended.everything());
    github.assert_all_valid();
}

#[test]
fn a_dry_run_prints_what_would_be_sent_and_asks_github_for_nothing_but_what_is_there() {
    let github = Github::with_event("workflow_run/fork");
    let told = Told::new().in_job(&github, "workflow_run/fork");
    let ended = told.report("--to github --dry-run --report junit=some/folder/out.xml").exits(10);
    assert!(ended.stdout.contains("pull-request-comment"), "{}", ended.everything());
    let written = std::fs::read_to_string(told.flaky.project().join("some/folder/out.xml")).unwrap();
    assert!(written.contains("<testsuites"), "what was asked for by name is there: {written}");
    assert!(github.journal().iter().all(|asked| asked.method() == "GET"));
    assert!(!ended.everything().contains(TOKEN));
}

#[test]
fn after_a_failure_in_ci_what_failed_is_looked_for_in_artifacts_then_logs() {
    let github = Github::new();
    for (name, expected) in [
        (
            "fork",
            "`test`: 1 failed test, at most 20 attempts of refs/pull/7/head at 1a954628a960aaef81d7b2d4521929579f3541e6",
        ),
        ("pull_request", "refs/pull/7/head"),
        ("push", "`test`: 1 failed test, at most 20 attempts of refs/heads/main at"),
        ("log-only", "`test`: 1 failed test"),
        ("attempt-2", "`test`: 1 failed test"),
        ("matrix", "`test (3.12)`, `test (3.13)`: 1 failed test"),
        ("monorepo", "`api / pytest`, `web / jest`: 2 failed tests"),
    ] {
        let name = format!("workflow_run/{name}");
        github.know(&name);
        let told = Told::new().in_job(&github, &name);
        let ended = told.flaky.flaky("ci --to github --dry-run").exits(0);
        assert!(ended.stderr.contains(expected), "{name}: {expected}\n{}", ended.everything());
        assert!(github.journal().iter().all(|asked| asked.method() == "GET"), "{name}");
        github.assert_all_valid();
    }
}

#[test]
fn without_a_commit_of_the_repository_itself_nothing_is_run_and_the_job_says_so() {
    let github = Github::new();
    for name in ["workflow_run/deleted-fork", "workflow_run/two-pulls"] {
        github.know(name);
        let told = Told::new().in_job(&github, name);
        let _ = told.flaky.flaky("ci --to github").exits(0);
        let summary = read(told.summary());
        assert!(
            summary.contains("etection failed") && summary.contains("no pull request, or not exactly one"),
            "{name}: {summary}"
        );
        github.assert_all_valid();
    }
}

#[test]
fn the_configuration_that_holds_is_that_of_the_default_branch() {
    let name = "workflow_run/monorepo";
    let github = Github::with_event(name);
    let config =
        "suites:\n  api: {job: 'api / *', runs: 40}\n  web: {job: 'web / *', working_directory: web}\n";
    github.add(
        &json!({"kind": "content", "repository": REPOSITORY, "path": ".flaky-detector.yml", "text": config}),
    );
    let told = Told::new().in_job(&github, name);
    let ended = told.flaky.flaky("ci --to github --dry-run").exits(0);
    for line in [
        "`api / pytest`: 1 failed test, at most 40 attempts",
        "`web / jest`: 1 failed test, at most 20 attempts",
    ] {
        assert!(ended.stderr.contains(line), "{line}\n{}", ended.everything());
    }
    github.add(&json!({"kind": "content", "repository": REPOSITORY, "path": ".flaky-detector.yml", "text": "auto_trigger_on_failure: false\n"}));
    let ended = told.flaky.flaky("ci --to github").exits(0);
    assert!(ended.stderr.contains("`auto_trigger_on_failure` is false"), "{}", ended.everything());
}

#[test]
fn elsewhere_than_in_such_a_job_ci_says_what_it_is_for() {
    let ended = Flaky::new().flaky("ci --to github").exits(2);
    assert!(ended.stderr.contains("hint: `flaky ci` is for a job of a workflow"), "{}", ended.everything());
    let ended = Flaky::new().flaky("report nothing.json").exits(2);
    assert!(ended.stderr.contains("`nothing.json`"), "{}", ended.everything());
    let told = Told::new();
    let ended = told.report("--to githb").exits(2);
    assert!(ended.stderr.contains("there is no reporter `githb`"), "{}", ended.everything());
}

#[test]
fn init_writes_what_fits_and_takes_it_away_again() {
    let flaky = Flaky::sample("planted/by-seed")
        .file(".github/workflows/ci.yml", "name: Tests\non: [push]\njobs: {}\n");
    let ended = flaky.flaky("init").exits(0).says("wrote .flaky-detector.yml").says("merge this first");
    let workflow = flaky.project().join(".github/workflows/flaky-after-ci.yml");
    assert!(read(workflow.clone()).contains("workflows: ['Tests']"), "{}", ended.everything());
    let _ = flaky.flaky("init").exits(0).says("is there already: .flaky-detector.yml");
    let run = flaky.run("--first-seed 1 --runs 14 -- pytest");
    assert!(!run.stderr.contains("has no effect"), "the file loads without a warning\n{}", run.everything());
    std::fs::write(flaky.project().join(".flaky-detector.yml"), "runs: 3\n").unwrap();
    let _ = flaky.flaky("init").exits(0).says("kept, it is different: .flaky-detector.yml");
    let _ = flaky.flaky("init --remove").exits(0).says("kept, it is not as `flaky init` wrote it");
    assert!(!workflow.exists());
}

/// Answers one POST after the other with 200 and gives their bodies; ends with the test's process.
fn hook() -> (u16, std::sync::mpsc::Receiver<Value>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, bodies) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let _ = reader
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send(serde_json::from_slice(&body).unwrap_or_default()).is_err() {
                return;
            }
        }
    });
    (port, bodies)
}

#[test]
fn a_webhook_of_the_configuration_is_told_once_and_only_what_it_wants_to_hear() {
    let told = Told::new();
    let (port, bodies) = hook();
    let config = |notify: &str| {
        let text = format!(
            "reporters: [{{name: webhook, settings: {{url: 'http://127.0.0.1:{port}/'}}}}]\nnotify: [{notify}]\n"
        );
        std::fs::write(told.flaky.project().join(".flaky-detector.yml"), text).unwrap();
    };
    config("flaky");
    let report = |args: &str| told.report(args).exits(10);
    let _ = report("--to webhook --state told.json");
    let body = bodies.try_recv().unwrap();
    assert_eq!(
        (&body["verdict"], &body["failures"], &body["total_runs"]),
        (&json!("flaky"), &json!(4), &json!(16))
    );
    let ended = report("--to webhook --state told.json");
    assert!(ended.stderr.contains("nobody is notified: the same was told before"), "{}", ended.everything());
    config("broken");
    let ended = report("--to webhook");
    assert!(
        ended.stderr.contains("nobody is notified: `notify` asks for other results"),
        "{}",
        ended.everything()
    );
    config("\"flaky>=medium\"");
    let _ = report("");
    assert!(bodies.try_recv().is_err(), "nobody is told from a terminal who was not named");
    let mut in_ci = Told::new();
    let config = std::fs::read(told.flaky.project().join(".flaky-detector.yml")).unwrap();
    std::fs::write(in_ci.flaky.project().join(".flaky-detector.yml"), config).unwrap();
    in_ci.flaky = in_ci.flaky.env("CI", "true");
    let _ = in_ci.report("").exits(10);
    assert_eq!(bodies.try_recv().unwrap()["severity"], "MEDIUM");
}
