use std::sync::Arc;

use flaky_core::verdict::{Category, Severity};

use super::*;
use crate::error::Lost;
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
        suite: None,
        commit: Some("c0ffee".into()),
        verdict: Category::Flaky,
        severity: Some(Severity::Low),
        total_runs: 20,
        failures: 1,
        tests: vec![("a --> b".into(), Category::Flaky)],
    }
}

/// A result, for the head.
fn saying(result: &EarlierResult) -> Saying<'_> {
    Saying { result: Some(result), commit: result.commit.as_deref(), head: "" }
}

const NOTHING: Saying<'_> = Saying { result: None, commit: None, head: "" };

fn ours(run: &str) -> String {
    let memory = Memory { results: vec![result(run)], ..Memory::default() };
    format!("{}\nold text", marker::write("flaky", &memory))
}

#[tokio::test]
async fn the_first_comment_is_made_and_later_ones_replace_it_and_remember() {
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let thread = github.thread(7);
    for run in ["r1", "r2", "r3"] {
        thread.tell("flaky", &format!("text of {run}"), saying(&result(run))).await.unwrap();
    }
    let bodies = comments.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].ends_with("-->\ntext of r3"), "{}", bodies[0]);
    let earlier = thread.earlier().await.unwrap();
    assert_eq!(earlier, [result("r3"), result("r2"), result("r1")]);
    // The same run again is not another result; no result keeps what was there.
    thread.tell("flaky", "again", saying(&result("r2"))).await.unwrap();
    thread.tell("flaky", "detection failed", NOTHING).await.unwrap();
    let runs: Vec<_> = thread.earlier().await.unwrap().into_iter().map(|r| r.run).collect();
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
        github.thread(7).tell("flaky", "new", saying(&result("r2"))).await.unwrap();
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
    assert_eq!(github.thread(7).earlier().await.unwrap(), []);
    github.thread(7).tell("flaky", "new", saying(&result("r2"))).await.unwrap();
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
    github1.thread(7).tell("flaky", "new", saying(&result("r2"))).await.unwrap();
    assert_eq!(comments.store.lock().unwrap().comments[0].id, 1);
    assert_eq!(github1.thread(7).earlier().await.unwrap(), [result("r2"), result("r1")]);
    assert_eq!(comments.bodies().len(), 1);
    // We were first: theirs goes.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().race = (None, other("r1"));
    let github2 = github(&comments).await;
    github2.thread(7).tell("flaky", "new", saying(&result("r2"))).await.unwrap();
    let bodies = comments.bodies();
    assert!(bodies.len() == 1 && bodies[0].ends_with("new"));
    // Duplicates of earlier races.
    let comments = Comments::start().await;
    for run in ["r1", "r2", "r3"] {
        comments.store.lock().unwrap().add(BOT, &ours(run));
    }
    github(&comments).await.thread(7).tell("flaky", "new", NOTHING).await.unwrap();
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
    github(&comments).await.thread(7).tell("flaky", "new", saying(&result("r2"))).await.unwrap();
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
    asking.thread(7).tell("flaky", "new", NOTHING).await.unwrap();
    assert_eq!(comments.bodies().len(), 1);
    // Somebody without a name.
    comments.store.lock().unwrap().user = Some(String::new());
    let trouble = asking.thread(7).tell("flaky", "new", NOTHING).await.unwrap_err();
    assert!(trouble.to_string().ends_with("it has no name"), "{trouble}");
    // A token of an app, with its name as a variable.
    let comments = Comments::start().await;
    comments.store.lock().unwrap().add("my-app[bot]", &ours("r1"));
    let world = github_world(&comments.server.url, &[("FLAKY_COMMENT_AUTHOR", "my-app[bot]")]);
    let said = Github::new(&world).unwrap();
    said.thread(7).tell("flaky", "new", NOTHING).await.unwrap();
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
        let told = github.thread(7).tell("flaky", &"\u{1f600}".repeat(size), saying(&large)).await;
        assert_eq!(told.is_ok(), fine, "{size}: {told:?}");
        if let Err(trouble) = told {
            assert!(matches!(trouble, Trouble::Failed(DeliveryError::TooLarge { size: s, .. }) if s == size));
        }
    }
    assert!(comments.bodies()[0].chars().count() <= MOST_CHARACTERS);
    let error = github.thread(7).tell("a b", "x", NOTHING).await.unwrap_err();
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
        gitlab.thread(3).tell("flaky", run, saying(&result(run))).await.unwrap();
    }
    assert_eq!(gitlab.earlier(3).await.unwrap(), [result("r2"), result("r1")]);
    let lines = comments.server.lines();
    assert!(lines.contains(&"POST /projects/42/merge_requests/3/notes".to_owned()), "{lines:?}");
    assert!(lines.contains(&"PUT /projects/42/merge_requests/3/notes/1".to_owned()), "{lines:?}");
    assert_eq!(comments.server.requests()[0].headers["private-token"], "glpat-token");
    // Of duplicates the oldest stays, though GitLab lists the newest first.
    comments.store.lock().unwrap().add("project_1_bot", &ours("r3"));
    gitlab.thread(3).tell("flaky", "x", NOTHING).await.unwrap();
    let left = comments.store.lock().unwrap().comments.clone();
    assert_eq!((left.len(), left[0].id), (1, 1));
    // GitLab tells everybody who they are: 403 is want of a permission, not a job's token.
    comments.store.lock().unwrap().user = None;
    let trouble = gitlab.thread(3).tell("flaky", "x", NOTHING).await.unwrap_err();
    assert!(!trouble.counts());
}

/// A result of this commit.
fn of(run: &str, commit: &str) -> EarlierResult {
    EarlierResult { commit: Some(commit.repeat(40)), ..result(run) }
}

#[tokio::test]
async fn what_is_told_of_a_newer_commit_is_not_replaced_by_what_is_told_of_an_older_one() {
    let (a, b, c) = (of("r1", "a"), of("r2", "b"), of("r3", "c"));
    let head = |commit: &str| Some(commit.repeat(40));
    for (what, told, then, head, replaced) in [
        ("the head is newer than what stands there", &a, &b, head("b"), true),
        ("what stands there is of the head", &b, &a, head("b"), false),
        ("neither is of the head", &a, &b, head("c"), false),
        ("the same commit again", &a, &a, head("c"), true),
        ("the head is not to be seen, and the job knows none", &a, &b, None, true),
    ] {
        let comments = Comments::start().await;
        let github = github(&comments).await;
        let thread = github.thread(7);
        thread.tell("flaky", "the first", saying(told)).await.unwrap();
        comments.store.lock().unwrap().head = head;
        let second = thread.tell("flaky", "the second", saying(then)).await;
        let body = comments.bodies().remove(0);
        assert_eq!(body.ends_with("the second"), replaced, "{what}: {body}");
        match second {
            Ok(()) => assert!(replaced, "{what}"),
            Err(trouble) => {
                assert!(!replaced && !trouble.counts(), "{what}");
                assert!(matches!(trouble, Trouble::Lost(Lost::OlderCommit { .. })), "{trouble}");
            }
        }
        assert_eq!(comments.bodies().len(), 1, "{what}");
    }
    // What stood there of a commit that is no head says so, once, and goes with the next result of the head.
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let thread = github.thread(7);
    thread.tell("flaky", "the first", saying(&a)).await.unwrap();
    comments.store.lock().unwrap().head = head("c");
    for _ in 0..2 {
        thread.tell("flaky", "the second", saying(&b)).await.unwrap_err();
        let body = comments.bodies().remove(0);
        let note =
            "**The pull request has moved on:** its head is `ccccccc` by now, and this speaks for `aaaaaaa`.";
        assert_eq!(body.matches(note).count(), 1, "{body}");
        assert!(body.ends_with("\n\nthe first"), "{body}");
    }
    thread.tell("flaky", "the third", saying(&c)).await.unwrap();
    let body = comments.bodies().remove(0);
    assert!(body.ends_with("-->\nthe third") && !body.contains("moved on"), "{body}");
}

#[tokio::test]
async fn of_a_commit_that_is_no_head_any_more_only_results_are_told() {
    let (older, head) = (of("r1", "a"), "b".repeat(40));
    let none = EarlierResult { total_runs: 0, ..older.clone() };
    for (result, told) in [(Some(&older), true), (Some(&none), false), (None, false)] {
        let comments = Comments::start().await;
        let saying = Saying { result, commit: older.commit.as_deref(), head: &head };
        let done = github(&comments).await.thread(7).tell("flaky", "x", saying).await;
        assert_eq!((done.is_ok(), comments.bodies().len()), (told, usize::from(told)), "{result:?}");
    }
}

#[tokio::test]
async fn our_comment_says_that_it_is_of_an_older_commit_and_no_other_does() {
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let thread = github.thread(7);
    for key in ["flaky", "flaky.web", "mine"] {
        thread.tell(key, "text", saying(&of("r1", "a"))).await.unwrap();
    }
    let noted = || -> Vec<bool> { comments.bodies().iter().map(|body| body.contains("moved on")).collect() };
    thread.note_what_is_older(&"a".repeat(40)).await.unwrap();
    assert_eq!(noted(), [false, false, false]);
    thread.note_what_is_older(&"b".repeat(40)).await.unwrap();
    assert_eq!(noted(), [true, false, false]);
}

#[tokio::test]
async fn what_was_spent_is_remembered_by_our_comment_whatever_is_told_in_it() {
    let spent = |seconds| Spent { seconds, microdollars: 10 * seconds };
    let comments = Comments::start().await;
    let github = github(&comments).await;
    let thread = github.thread(7);
    assert_eq!(thread.spent().await.unwrap(), spent(0));
    // Set aside where nothing was told yet, told, and settled.
    thread.set_aside(spent(100)).await.unwrap();
    assert!(comments.bodies()[0].contains("looks into failures of CI"));
    assert_eq!(thread.spent().await.unwrap(), spent(100));
    thread.tell("flaky", "a result", saying(&result("r1"))).await.unwrap();
    assert_eq!(thread.spent().await.unwrap(), spent(100));
    thread.settle(spent(100), spent(30)).await.unwrap();
    assert_eq!(thread.spent().await.unwrap(), spent(30));
    assert!(comments.bodies()[0].ends_with("\na result"), "{}", comments.bodies()[0]);
    // All of it counts; of others nothing.
    thread.set_aside(spent(5)).await.unwrap();
    comments
        .store
        .lock()
        .unwrap()
        .add("mallory", &ours("r1").replace("}]", "}],\"spent\":{\"seconds\":900}"));
    assert_eq!(thread.spent().await.unwrap(), spent(35));
    // What somebody has taken away does not make it less than what was used.
    comments.store.lock().unwrap().comments.clear();
    thread.settle(spent(5), spent(31)).await.unwrap();
    assert_eq!(thread.spent().await.unwrap(), spent(31));
    // Two comments of one key, as a race leaves them, become one that remembers both.
    let twin = comments.bodies().remove(0);
    comments.store.lock().unwrap().add(BOT, &twin);
    thread.tell("flaky", "again", saying(&result("r2"))).await.unwrap();
    assert_eq!(thread.spent().await.unwrap(), spent(62));
}
