use std::sync::Arc;

use flaky_core::delivery::{Annotation, AnnotationLevel};
use flaky_core::surroundings::Platform;
use serde_json::{Value, json};

use super::*;
use crate::error::{DeliveryError, Lost, Trouble};
use crate::forge::ForgeErrorKind;
use crate::testing::{Got, Server, leads_to, respond, with, world};

const HEAD: &str = "1111111111111111111111111111111111111111";
const GREEN: &str = "2222222222222222222222222222222222222222";
const OTHER: &str = "3333333333333333333333333333333333333333";

fn job(api: &str, more: &[(&str, &str)]) -> Arc<World> {
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", api),
        ("GITHUB_TOKEN", "ghs_token"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REPOSITORY_ID", "1"),
        ("GITHUB_RUN_ID", "99"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_SHA", OTHER),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REF_TYPE", "branch"),
    ];
    world(&[&variables, more].concat(), leads_to(&["127.0.0.1"])).0
}

fn run() -> WorkflowRun {
    let value = json!({
        "id": 5, "run_attempt": 1, "run_number": 50, "name": "CI", "workflow_id": 77, "event": "pull_request",
        "conclusion": "failure", "head_sha": HEAD, "head_branch": "fix/a&b",
        "head_repository": {"id": 2, "owner": {"login": "fork"}}, "html_url": "https://github.com/o/r/actions/runs/5",
    });
    serde_json::from_value(value).unwrap()
}

fn pull(number: u64, sha: &str, repository: Option<u64>) -> Value {
    json!({
        "number": number, "html_url": format!("https://github.com/o/r/pull/{number}"), "draft": false, "state": "open",
        "head": {"sha": sha, "ref": "fix/a&b", "repo": repository.map(|id| json!({"id": id}))},
        "base": {"sha": GREEN, "ref": "main", "repo": {"id": 1}},
    })
}

async fn find(pulls: Vec<Value>, run: &WorkflowRun) -> (Option<PullRequest>, Vec<String>) {
    let pulls = Value::from(pulls).to_string();
    let server = Server::start(move |_| respond(200, pulls.clone())).await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    (github.pull_request_of(run).await.unwrap(), server.lines())
}

#[tokio::test]
async fn the_pull_request_is_the_only_one_with_this_commit_in_this_repository() {
    for (pulls, expected) in [
        (vec![pull(1, HEAD, Some(2))], Some(1)),
        // The same branch of another fork that took the name over, and one that is gone.
        (vec![pull(1, HEAD, Some(3))], None),
        (vec![pull(1, HEAD, None)], None),
        (vec![pull(1, OTHER, Some(2)), pull(2, HEAD, Some(2))], Some(2)),
        // Two of one branch, to two bases.
        (vec![pull(1, HEAD, Some(2)), pull(2, HEAD, Some(2))], None),
        (vec![], None),
    ] {
        let (found, lines) = find(pulls.clone(), &run()).await;
        assert_eq!(found.as_ref().map(|pull| pull.number), expected, "{pulls:?}");
        assert!(found.is_none_or(|pull| pull.fork && pull.head == HEAD));
        assert_eq!(lines, ["GET /repos/o/r/pulls?head=fork%3Afix%2Fa%26b&state=all&per_page=100"]);
    }
    for gone in [WorkflowRun { head_repository: None, ..run() }, WorkflowRun { head_branch: None, ..run() }] {
        let (found, lines) = find(vec![pull(1, HEAD, Some(2))], &gone).await;
        assert_eq!((found, lines.len()), (None, 0));
    }
}

#[tokio::test]
async fn of_a_branch_that_has_moved_on_it_is_the_only_one_that_is_open() {
    let closed = |number| {
        let mut pull = pull(number, OTHER, Some(2));
        pull["state"] = "closed".into();
        pull
    };
    let mut of_another_branch = pull(4, OTHER, Some(2));
    of_another_branch["head"]["ref"] = "other".into();
    for (pulls, expected) in [
        (vec![pull(1, OTHER, Some(2))], Some(1)),
        (vec![closed(1), pull(2, OTHER, Some(2)), of_another_branch], Some(2)),
        (vec![pull(1, OTHER, Some(2)), pull(2, OTHER, Some(2))], None),
        (vec![pull(1, OTHER, Some(3))], None),
        (vec![closed(1)], None),
    ] {
        let (found, _) = find(pulls.clone(), &run()).await;
        assert_eq!(found.as_ref().map(|pull| pull.number), expected, "{pulls:?}");
        assert!(found.is_none_or(|pull| pull.head == OTHER));
    }
}

#[tokio::test]
async fn of_more_pull_requests_than_are_read_it_is_not_known_whether_there_is_only_one() {
    let server = Server::start(|got| {
        let host = got.headers["host"].to_str().unwrap();
        let first = !got.path.contains("page=2");
        let pulls = if first { json!([pull(1, HEAD, Some(2))]) } else { json!([]) };
        with(respond(200, pulls.to_string()), "link", &format!("<http://{host}/pulls?page=2>; rel=\"next\""))
    })
    .await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    assert_eq!(github.pull_request_of(&run()).await.unwrap(), None);
}

fn commit(n: usize) -> Value {
    json!({"sha": format!("{n:040}"), "author": {"login": format!("user{n}")},
        "commit": {"message": format!("title {n}\n\nbody"), "author": {"name": format!("User {n}")}}})
}

fn green_run(number: u64, sha: &str, repository: u64) -> Value {
    let mut value = json!({
        "id": number, "run_number": number, "workflow_id": 77, "event": "pull_request", "head_sha": sha,
        "head_branch": "fix", "html_url": "x", "head_repository": {"id": repository, "owner": {"login": "x"}},
    });
    value["conclusion"] = "success".into();
    value
}

/// The API of a repository with these commits since the green run, and `extra` green runs.
fn repository(commits: usize, extra: Vec<Value>) -> impl Fn(&Got) -> axum::http::Response<axum::body::Body> {
    move |got| {
        let (path, query) = got.path.split_once('?').unwrap_or((&got.path, ""));
        let answer = match path {
            "/repos/o/r/pulls" => json!([pull(9, HEAD, Some(2))]),
            "/repos/o/r/actions/workflows/77/runs" => {
                let runs: Vec<_> =
                    extra.iter().cloned().chain([green_run(40, GREEN, 2), green_run(30, OTHER, 2)]).collect();
                json!({"total_count": runs.len(), "workflow_runs": runs})
            }
            path if path == format!("/repos/o/r/compare/{GREEN}...{HEAD}") => {
                let page: usize = query.rsplit('=').next().unwrap().parse().unwrap();
                let shown: Vec<_> = (1..=commits).skip(100 * (page - 1)).take(100).map(commit).collect();
                let files: Vec<_> = (0..60).map(|n| json!({"filename": format!("f{n}")})).collect();
                let files = if page == 1 { files } else { vec![] };
                json!({"html_url": "https://github.com/o/r/compare/x", "total_commits": commits, "commits": shown, "files": files})
            }
            "/repos/o/r/issues/9/comments" => json!([]),
            "/user" => return respond(403, "{}"),
            _ => return respond(404, "{}"),
        };
        respond(200, answer.to_string())
    }
}

fn event(run: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "workflow_run": run }).to_string()).unwrap();
    file
}

fn payload() -> Value {
    json!({
        "id": 5, "run_attempt": 2, "run_number": 50, "name": "CI", "workflow_id": 77, "event": "pull_request",
        "conclusion": "failure", "head_sha": HEAD, "head_branch": "fix", "html_url": "https://github.com/o/r/actions/runs/5",
        "head_repository": {"id": 2, "owner": {"login": "fork"}},
    })
}

async fn look(
    answer: impl Fn(&Got) -> axum::http::Response<axum::body::Body> + Send + Sync + 'static,
    payload: &Value,
) -> (flaky_core::surroundings::Surroundings, Vec<Lost>, Vec<String>) {
    let server = Server::start(answer).await;
    let file = event(payload);
    let path = file.path().to_str().unwrap();
    let world = job(&server.url, &[("GITHUB_EVENT_NAME", "workflow_run"), ("GITHUB_EVENT_PATH", path)]);
    let (surroundings, lost) = crate::look_around(&world).await;
    (surroundings, lost, server.lines())
}

#[tokio::test]
async fn a_job_after_a_failed_run_speaks_for_that_run() {
    let (surroundings, lost, _) = look(repository(3, vec![]), &payload()).await;
    assert!(lost.is_empty(), "{lost:?}");
    let ci = surroundings.ci.unwrap();
    assert_eq!(
        (ci.platform, ci.server.as_str(), ci.repository.as_str()),
        (Platform::Github, "https://github.com", "o/r")
    );
    assert_eq!(ci.run_url.as_deref(), Some("https://github.com/o/r/actions/runs/99"));
    assert_eq!(ci.failed_run_url.as_deref(), Some("https://github.com/o/r/actions/runs/5/attempts/2"));
    assert_eq!((ci.commit.as_deref(), ci.branch.as_deref()), (Some(HEAD), Some("fix")));
    assert_eq!(ci.pull_request.map(|pull| pull.number), Some(9));
    let since = ci.since_green.unwrap();
    assert_eq!((since.commit.as_str(), since.total_commits, since.total_files), (GREEN, 3, 60));
    assert_eq!(since.files.len(), green::MOST_FILES);
    let titles: Vec<_> = since.commits.iter().map(|c| c.title.as_str()).collect();
    assert_eq!(titles, ["title 3", "title 2", "title 1"]);
    assert_eq!(
        (since.commits[0].author.as_str(), since.commits[0].login.as_deref()),
        ("User 3", Some("user3"))
    );
}

#[tokio::test]
async fn the_newest_commits_are_kept_however_many_there_are() {
    for (commits, requests) in [(19, 1), (20, 1), (21, 1), (100, 1), (101, 2), (250, 3), (10_005, 3)] {
        let (surroundings, _, lines) = look(repository(commits, vec![]), &payload()).await;
        let since = surroundings.ci.unwrap().since_green.unwrap();
        let expected: Vec<_> =
            (1..=commits).rev().take(green::MOST_COMMITS).map(|n| format!("title {n}")).collect();
        assert_eq!(since.commits.iter().map(|c| c.title.clone()).collect::<Vec<_>>(), expected, "{commits}");
        assert_eq!(lines.iter().filter(|line| line.contains("/compare/")).count(), requests, "{commits}");
    }
}

#[tokio::test]
async fn green_is_a_run_before_this_one_in_the_same_repository() {
    // A later run, a run of a fork's branch of the same name, and one of the same commit.
    let others = vec![green_run(60, OTHER, 2), green_run(45, OTHER, 3), green_run(44, HEAD, 2)];
    let (surroundings, ..) = look(repository(1, others), &payload()).await;
    assert_eq!(surroundings.ci.unwrap().since_green.unwrap().commit, GREEN);
}

#[tokio::test]
async fn what_the_token_may_not_see_is_said_and_the_rest_stays() {
    let refuse = |got: &Got| {
        let needed = if got.path.contains("/actions/") { "actions=read" } else { "pull_requests=read" };
        with(
            respond(403, r#"{"message": "Resource not accessible by integration"}"#),
            "x-accepted-github-permissions",
            needed,
        )
    };
    let (surroundings, lost, _) = look(refuse, &payload()).await;
    let texts: Vec<_> = lost.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].starts_with("the pull request is not known") && texts[0].contains("`pull_requests=read`")
    );
    assert!(texts[1].starts_with("the last green run is not known") && texts[1].contains("`actions=read`"));
    let ci = surroundings.ci.unwrap();
    assert_eq!((ci.commit.as_deref(), ci.pull_request), (Some(HEAD), None));
}

#[tokio::test]
async fn a_job_of_a_pull_request_speaks_for_its_head() {
    let server = Server::start(repository(1, vec![])).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let payload = json!({"repository": {"id": 1}, "pull_request": pull(9, HEAD, Some(2))});
    std::fs::write(file.path(), payload.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let world = job(
        &server.url,
        &[("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", path), ("GITHUB_RUN_ATTEMPT", "3")],
    );
    let (surroundings, lost) = crate::look_around(&world).await;
    assert!(lost.is_empty(), "{lost:?}");
    let ci = surroundings.ci.unwrap();
    assert_eq!((ci.commit.as_deref(), ci.branch.as_deref()), (Some(HEAD), Some("fix/a&b")));
    assert!(ci.pull_request.unwrap().fork);
    assert_eq!(ci.failed_run_url, None);
}

fn annotations(n: usize) -> Vec<Annotation> {
    let of = |n: usize| Annotation {
        level: AnnotationLevel::Warning,
        file: format!("f{n}.py"),
        line: Some(1),
        title: "t".into(),
        message: "m".into(),
    };
    (0..n).map(of).collect()
}

fn a_check(n: usize) -> check::Check {
    check::Check {
        name: "flaky".into(),
        conclusion: "success".into(),
        title: "t".into(),
        summary: "s".into(),
        annotations: annotations(n),
    }
}

#[tokio::test]
async fn a_check_is_made_with_fifty_annotations_and_given_the_others_in_batches() {
    for (n, batches) in
        [(0, vec![0]), (49, vec![49]), (50, vec![50]), (51, vec![50, 1]), (101, vec![50, 50, 1])]
    {
        let server = Server::start(|_| respond(201, r#"{"id": 4}"#)).await;
        let github = Github::new(&job(&server.url, &[])).unwrap();
        check::tell(&github, HEAD, a_check(n), true).await.unwrap();
        let requests = server.requests();
        let counts: Vec<_> = requests
            .iter()
            .map(|got| got.json()["output"]["annotations"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, batches);
        let first = requests[0].json();
        assert_eq!(
            (&first["head_sha"], &first["conclusion"], &first["status"]),
            (&json!(HEAD), &json!("neutral"), &json!("completed"))
        );
        assert_eq!(requests[0].path, "/repos/o/r/check-runs");
        assert!(
            requests[1..].iter().all(|got| got.method == "PATCH" && got.path == "/repos/o/r/check-runs/4")
        );
    }
    let server = Server::start(|_| respond(201, r#"{"id": 4}"#)).await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    let trouble = check::tell(&github, HEAD, a_check(check::MOST + 1), false).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Lost(Lost::Annotations { left: 1, .. })));
    assert_eq!(server.requests().len(), check::MOST / check::PER_REQUEST);
}

#[tokio::test]
async fn the_summary_of_a_check_has_a_limit_in_characters() {
    let server = Server::start(|_| respond(201, r#"{"id": 4}"#)).await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    let limit = check::MOST_SUMMARY;
    for (size, fine) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
        let check = check::Check { summary: "\u{1f600}".repeat(size), ..a_check(0) };
        let told = check::tell(&github, HEAD, check, false).await;
        assert_eq!(told.is_ok(), fine, "{size}");
        assert!(told.is_ok() || matches!(told, Err(Trouble::Failed(DeliveryError::TooLarge { .. }))));
    }
}

#[test]
fn a_repository_is_an_owner_and_a_name() {
    for (text, fine) in [
        ("o/r", true),
        ("my-org/my.repo_1", true),
        ("o", false),
        ("o/r/x", false),
        ("../r", false),
        ("o/..", false),
        ("o/r?x", false),
        ("/", false),
    ] {
        let world = job("http://127.0.0.1:1", &[("GITHUB_REPOSITORY", text)]);
        let github = Github::new(&world);
        assert_eq!(github.is_ok(), fine, "{text}");
        assert!(github.is_ok() || matches!(github.unwrap_err().kind, ForgeErrorKind::Invalid { .. }));
    }
}

#[tokio::test]
async fn jobs_are_those_of_the_attempt_and_come_in_pages() {
    let server = Server::start(|got| {
        let host = got.headers["host"].to_str().unwrap();
        let second = got.path.contains("page=2");
        let id = if second { 2 } else { 1 };
        let answer = respond(
            200,
            json!({"total_count": 2, "jobs": [{"id": id, "name": "test (3.12)", "conclusion": "failure"}]})
                .to_string(),
        );
        let next = format!("<http://{host}{}&page=2>; rel=\"next\"", got.path);
        if second { answer } else { with(answer, "link", &next) }
    })
    .await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    let jobs = github.jobs(&WorkflowRun { run_attempt: 2, ..run() }).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(server.lines()[0], "GET /repos/o/r/actions/runs/5/attempts/2/jobs?per_page=100");
}

fn artifact(id: u64) -> runs::Artifact {
    serde_json::from_value(json!({"id": id, "name": "junit", "size_in_bytes": 10, "expired": false})).unwrap()
}

#[tokio::test]
async fn a_file_kept_elsewhere_is_fetched_without_the_token_and_not_beyond_its_limit() {
    let storage = Server::start(|_| respond(200, "0123456789")).await;
    let to = format!("{}/blob?sig=key", storage.url);
    let server = Server::start(move |got| match got.path.as_str() {
        "/repos/o/r/actions/artifacts/1/zip" | "/repos/o/r/actions/jobs/3/logs" => {
            with(respond(302, ""), "location", &to)
        }
        "/repos/o/r/actions/artifacts/2/zip" => respond(410, r#"{"message": "Artifact has expired"}"#),
        "/repos/o/r/actions/artifacts/4/zip" => with(respond(302, ""), "location", "http://example.org/x"),
        "/repos/o/r/actions/artifacts/5/zip" => {
            with(respond(302, ""), "location", "/repos/o/r/actions/artifacts/5/zip")
        }
        _ => respond(404, "{}"),
    })
    .await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    for (limit, length, cut) in [(9, 9, true), (10, 10, false), (11, 10, false)] {
        let download = github.artifact(&artifact(1), limit).await.unwrap().unwrap();
        assert_eq!((download.bytes.len(), download.cut), (length, cut), "{limit}");
    }
    let failed: runs::Job = serde_json::from_value(json!({"id": 3, "name": "test"})).unwrap();
    assert_eq!(github.log(&failed, 100).await.unwrap().unwrap().bytes, b"0123456789");
    for got in storage.requests() {
        assert_eq!(got.path, "/blob?sig=key");
        assert!(!format!("{got:?}").contains("ghs_token") && !got.headers.contains_key("authorization"));
    }
    assert_eq!(github.artifact(&artifact(2), 100).await.unwrap(), None);
    for id in [4, 5] {
        let error = github.artifact(&artifact(id), 100).await.unwrap_err();
        assert!(matches!(error.kind, ForgeErrorKind::Unexpected { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_file_of_the_repository_is_read_as_it_is_at_a_reference() {
    let server = Server::start(|got| match got.path.as_str() {
        "/repos/o/r/contents/a%20b/.flaky-detector.yml?ref=refs%2Fheads%2Fmain" => respond(200, "runs: 5\n"),
        "/repos/o/r/contents/.flaky-detector.yml" => respond(200, "runs: 6\n"),
        _ => respond(404, "{}"),
    })
    .await;
    let github = Github::new(&job(&server.url, &[])).unwrap();
    let read = github.file("a b/.flaky-detector.yml", Some("refs/heads/main"), 100).await.unwrap().unwrap();
    assert_eq!(read.bytes, b"runs: 5\n");
    assert_eq!(server.requests()[0].headers["accept"], "application/vnd.github.raw+json");
    assert_eq!(github.file(".flaky-detector.yml", None, 100).await.unwrap().unwrap().bytes, b"runs: 6\n");
    assert_eq!(github.file("none.yml", None, 100).await.unwrap(), None);
}

#[test]
fn an_artifact_is_of_the_attempt_that_was_running_when_it_was_made() {
    let at = |time: &str| Some(format!("2026-01-31T{time}Z"));
    for (attempt, made, began, expected) in [
        (2, at("12:00:00"), at("12:00:00"), true),
        (2, at("11:59:59"), at("12:00:00"), false),
        (2, None, at("12:00:00"), false),
        (2, at("12:00:00"), None, false),
        (1, at("12:00:00"), None, true),
        (2, Some("2026-02-01".into()), at("12:00:00"), false),
    ] {
        let run = WorkflowRun { run_attempt: attempt, run_started_at: began, ..run() };
        let artifact = runs::Artifact { created_at: made, ..artifact(1) };
        assert_eq!(artifact.is_of_this_attempt(&run), expected, "{artifact:?}");
    }
}
