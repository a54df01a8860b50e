use std::sync::Arc;

use flaky_core::verdict::{Category, Severity};

use super::*;
use crate::github::Github;
use crate::gitlab::Gitlab;
use crate::testing::comments::{BOT, Comment, Comments};
use crate::testing::{leads_to, world};
use crate::world::World;

fn github_world(api: &str, more: &[(&str, &str)]) -> Arc<World> {
    let variables = [("GITHUB_API_URL", api), ("GITHUB_TOKEN", "ghs_token"), ("GITHUB_REPOSITORY", "o/r")];
    world(&[&variables, more].concat(), leads_to(&["127.0.0.1"])).0
}

async fn github(comments: &Comments) -> Github {
    Github::new(&github_world(&comments.server.url, &[])).unwrap()
}

fn result(run: &str) -> EarlierResult {
    EarlierResult {
        run: run.into(),
        commit: Some("c0ffee".into()),
        verdict: Category::Flaky,
        severity: Some(Severity::Low),
        total_runs: 20,
        failures: 1,
        tests: vec![("a --> b".into(), Category::Flaky)],
    }
}

fn ours(run: &str) -> String {
    format!("{}\nold text", marker::write("flaky", &[result(run)]))
}

#[tokio::test]
async fn the_first_comment_is_made_and_later_ones_replace_it_and_remember() {
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let thread = github.thread(7);
    for run in ["r1", "r2", "r3"] {
        thread.tell("flaky", &format!("text of {run}"), Some(&result(run))).await.unwrap();
    }
    let bodies = comments.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].ends_with("-->\ntext of r3"), "{}", bodies[0]);
    let earlier = thread.earlier("flaky").await.unwrap();
    assert_eq!(earlier, [result("r3"), result("r2"), result("r1")]);
    // The same run again is not another result; no result keeps what was there.
    thread.tell("flaky", "again", Some(&result("r2"))).await.unwrap();
    thread.tell("flaky", "detection failed", None).await.unwrap();
    let runs: Vec<_> = thread.earlier("flaky").await.unwrap().into_iter().map(|r| r.run).collect();
    assert_eq!(runs, ["r2", "r3", "r1"]);
    assert_eq!(
        comments.server.lines()[..4],
        [
            "GET /user",
            "GET /repos/o/r/issues/7/comments?per_page=100",
            "POST /repos/o/r/issues/7/comments",
            "GET /repos/o/r/issues/7/comments?per_page=100",
        ]
    );
    let head = &comments.server.requests()[2].headers;
    assert_eq!(head["authorization"], "Bearer ghs_token");
    assert_eq!(head["x-github-api-version"], "2022-11-28");
    assert_eq!(head["accept"], "application/vnd.github+json");
}

#[tokio::test]
async fn the_comment_is_found_wherever_it_stands_among_many() {
    for (at, pages) in [(1, 4), (2, 4), (100, 4), (101, 4), (300, 4)] {
        let comments = Comments::start().await;
        {
            let mut store = comments.store.lock().unwrap();
            for n in 1..=301 {
                if n == at {
                    store.add(BOT, &ours("r1"))
                } else {
                    store.add("somebody", "hello")
                };
            }
        }
        let github = github(&comments).await;
        github.thread(7).tell("flaky", "new", Some(&result("r2"))).await.unwrap();
        let bodies = comments.bodies();
        assert_eq!(bodies.len(), 301);
        assert!(bodies[at - 1].ends_with("new"));
        let lines = comments.server.lines();
        assert_eq!(lines.iter().filter(|line| line.contains("per_page=100")).count(), pages);
        assert_eq!(lines.last().unwrap(), &format!("PATCH /repos/o/r/issues/comments/{at}"));
    }
}

#[tokio::test]
async fn comments_of_others_are_left_alone_whatever_they_look_like() {
    let comments = Comments::start().await;
    {
        let mut store = comments.store.lock().unwrap();
        store.add("mallory", &ours("r1"));
        store.add("github-actions", &ours("r1"));
        store.add(BOT, &format!("quoting:\n{}", ours("r1")));
        store.add(BOT, &ours("r1").replace("flaky:flaky", "flaky:other"));
    }
    let before = comments.bodies();
    let github = github(&comments).await;
    assert_eq!(github.thread(7).earlier("flaky").await.unwrap(), []);
    github.thread(7).tell("flaky", "new", Some(&result("r2"))).await.unwrap();
    let bodies = comments.bodies();
    assert_eq!((bodies.len(), &bodies[..4]), (5, &before[..]));
}

#[tokio::test]
async fn what_two_runs_make_at_once_ends_as_the_older_comment() {
    let other = |run: &str| Some(Comment { id: 0, author: BOT.into(), body: ours(run) });
    // The other run was first: ours goes, and what it says stands in theirs.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().race = (other("r1"), None);
    let github1 = github(&comments).await;
    github1.thread(7).tell("flaky", "new", Some(&result("r2"))).await.unwrap();
    assert_eq!(comments.store.lock().unwrap().comments[0].id, 1);
    assert_eq!(github1.thread(7).earlier("flaky").await.unwrap(), [result("r2"), result("r1")]);
    assert_eq!(comments.bodies().len(), 1);
    // We were first: theirs goes.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().race = (None, other("r1"));
    let github2 = github(&comments).await;
    github2.thread(7).tell("flaky", "new", Some(&result("r2"))).await.unwrap();
    let bodies = comments.bodies();
    assert!(bodies.len() == 1 && bodies[0].ends_with("new"));
    // Duplicates of earlier races.
    let comments = Comments::start().await;
    for run in ["r1", "r2", "r3"] {
        comments.store.lock().unwrap().add(BOT, &ours(run));
    }
    github(&comments).await.thread(7).tell("flaky", "new", None).await.unwrap();
    let left = comments.store.lock().unwrap().comments.clone();
    assert_eq!((left.len(), left[0].id), (1, 1));
}

#[tokio::test]
async fn a_comment_that_somebody_removes_meanwhile_is_made_anew() {
    let comments = Comments::start().await;
    {
        let mut store = comments.store.lock().unwrap();
        let id = store.add(BOT, &ours("r1"));
        store.vanish.push(id);
    }
    github(&comments).await.thread(7).tell("flaky", "new", Some(&result("r2"))).await.unwrap();
    let left = comments.store.lock().unwrap().comments.clone();
    assert_eq!((left.len(), left[0].id), (1, 2));
}

#[tokio::test]
async fn whose_comments_are_ours_is_asked_or_said() {
    // A token of a user.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().user = Some("robot".into());
    comments.store.lock().unwrap().add("Robot", &ours("r1"));
    let asking = github(&comments).await;
    asking.thread(7).tell("flaky", "new", None).await.unwrap();
    assert_eq!(comments.bodies().len(), 1);
    // Somebody without a name.
    comments.store.lock().unwrap().user = Some(String::new());
    let trouble = asking.thread(7).tell("flaky", "new", None).await.unwrap_err();
    assert!(trouble.to_string().ends_with("it has no name"), "{trouble}");
    // A token of an app, with its name as a variable.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().add("my-app[bot]", &ours("r1"));
    let world = github_world(&comments.server.url, &[("FLAKY_COMMENT_AUTHOR", "my-app[bot]")]);
    let said = Github::new(&world).unwrap();
    said.thread(7).tell("flaky", "new", None).await.unwrap();
    assert_eq!(comments.bodies().len(), 1);
    assert!(comments.server.lines().iter().all(|line| !line.contains("/user")));
}

#[tokio::test]
async fn a_comment_has_room_for_sixty_thousand_characters_and_its_state() {
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let long = "\u{1}-->".repeat(50);
    let large = EarlierResult { tests: vec![(long, Category::Flaky); 20], ..result("r1") };
    let room = MOST_CHARACTERS - marker::MOST_BYTES - 1;
    assert!(room >= 60_000);
    for (size, fine) in [(room - 1, true), (room, true), (room + 1, false)] {
        let told = github.thread(7).tell("flaky", &"\u{1f600}".repeat(size), Some(&large)).await;
        assert_eq!(told.is_ok(), fine, "{size}: {told:?}");
        if let Err(trouble) = told {
            assert!(matches!(trouble, Trouble::Failed(DeliveryError::TooLarge { size: s, .. }) if s == size));
        }
    }
    assert!(comments.bodies()[0].chars().count() <= MOST_CHARACTERS);
    let error = github.thread(7).tell("a b", "x", None).await.unwrap_err();
    assert!(matches!(error, Trouble::Failed(DeliveryError::Key { .. })));
}

#[tokio::test]
async fn a_merge_request_of_gitlab_is_told_in_the_same_way() {
    let comments = Comments::start().await;
    comments.store.lock().unwrap().user = Some("project_1_bot".into());
    let variables = [
        ("CI_API_V4_URL", comments.server.url.as_str()),
        ("GITLAB_TOKEN", "glpat-token"),
        ("CI_PROJECT_ID", "42"),
    ];
    let world = world(&variables, leads_to(&["127.0.0.1"])).0;
    let gitlab = Gitlab::new(&world).unwrap();
    for run in ["r1", "r2"] {
        gitlab.thread(3).tell("flaky", run, Some(&result(run))).await.unwrap();
    }
    assert_eq!(gitlab.earlier(3, "flaky").await.unwrap(), [result("r2"), result("r1")]);
    let lines = comments.server.lines();
    assert!(lines.contains(&"POST /projects/42/merge_requests/3/notes".to_owned()), "{lines:?}");
    assert!(lines.contains(&"PUT /projects/42/merge_requests/3/notes/1".to_owned()), "{lines:?}");
    assert_eq!(comments.server.requests()[0].headers["private-token"], "glpat-token");
    // Of duplicates the oldest stays, though GitLab lists the newest first.
    comments.store.lock().unwrap().add("project_1_bot", &ours("r3"));
    gitlab.thread(3).tell("flaky", "x", None).await.unwrap();
    let left = comments.store.lock().unwrap().comments.clone();
    assert_eq!((left.len(), left[0].id), (1, 1));
    // GitLab tells everybody who they are: 403 is want of a permission, not a job's token.
    comments.store.lock().unwrap().user = None;
    let trouble = gitlab.thread(3).tell("flaky", "x", None).await.unwrap_err();
    assert!(!trouble.counts());
}
