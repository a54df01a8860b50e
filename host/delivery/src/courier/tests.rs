use flaky_core::delivery::AnnotationLevel;
use flaky_core::surroundings::EarlierResult;
use flaky_core::verdict::Severity;
use serde_json::json;

use super::*;
use crate::testing::{Server, leads_to, respond, world};

fn news(verdict: Category, severity: Option<Severity>) -> News {
    let result = EarlierResult {
        run: "r1".into(),
        suite: None,
        commit: None,
        verdict,
        severity,
        total_runs: 20,
        failures: 2,
        tests: Vec::new(),
    };
    News { result, introduced: false }
}

fn flaky() -> News {
    news(Category::Flaky, Some(Severity::Low))
}

fn hook() -> Delivery {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Delivery::Http {
        method: "POST".into(),
        url: "${{ secrets.SLACK_WEBHOOK_URL }}".into(),
        headers,
        body: b"{\"a\":\"\x1b[31m\"}".to_vec(),
    }
}

fn slack() -> Reporter {
    Reporter { name: "slack".into(), grants: Grants::of_bundled("slack") }
}

fn github_reporter() -> Reporter {
    Reporter { name: "github".into(), grants: Grants::of_bundled("github") }
}

fn on_github() -> Surroundings {
    let pull_request = PullRequest { number: 7, ..PullRequest::default() };
    let ci = Ci { commit: Some("c0ffee".into()), pull_request: Some(pull_request), ..Ci::default() };
    Surroundings { ci: Some(ci), ..Surroundings::default() }
}

/// A world in which Slack and GitHub are this server.
fn at(server: &Server) -> Arc<World> {
    let variables = [
        ("SLACK_WEBHOOK_URL", server.url.as_str()),
        ("GITHUB_API_URL", &server.url),
        ("GITHUB_TOKEN", "ghs_token"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("FLAKY_COMMENT_AUTHOR", "me"),
    ];
    world(&variables, leads_to(&["127.0.0.1"])).0
}

async fn told(courier: &Courier, reporter: &Reporter, deliveries: Vec<Delivery>) -> (Vec<Trouble>, String) {
    let mut stdout = Vec::new();
    let troubles = courier.carry_out(reporter, deliveries, &Target::Stdout, &mut stdout).await;
    (troubles, String::from_utf8(stdout).unwrap())
}

#[tokio::test]
async fn a_delivery_that_fails_hides_no_other() {
    let server = Server::start(|_| respond(404, "gone")).await;
    let courier = Courier::new(&at(&server), Errand { news: Some(flaky()), ..Errand::default() });
    let deliveries = vec![
        hook(),
        Delivery::Other { kind: "fax".into(), body: "{}".into() },
        Delivery::File { path: "../x".into(), content: Vec::new() },
        Delivery::JobSummary("s".into()),
        Delivery::PullRequestComment { key: "flaky".into(), body: "b".into() },
        Delivery::Stdout("text".into()),
    ];
    let (troubles, stdout) = told(&courier, &slack(), deliveries).await;
    let texts: Vec<_> = troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "`${{ secrets.SLACK_WEBHOOK_URL }}` answered 404: gone",
            "asked for a delivery of kind `other`, which `flaky` does not make here",
            "asked for the file `../x`, which is not below the output folder",
            "asked for a delivery of kind `job-summary`, which needs `GITHUB_STEP_SUMMARY`",
            "asked for a delivery of kind `pull-request-comment`, which needs `GITHUB_ACTIONS` or `GITLAB_CI`",
        ]
    );
    assert!(troubles.iter().all(Trouble::counts));
    assert_eq!(stdout, "text");
}

#[tokio::test]
async fn files_go_below_the_folder_that_was_named() {
    let server = Server::start(|_| respond(404, "")).await;
    let folder = tempfile::tempdir().unwrap();
    let courier = Courier::new(&at(&server), Errand::default());
    let delivery = Delivery::File { path: "gl-code-quality-report.json".into(), content: b"[]".to_vec() };
    let target = Target::Folder(folder.path().to_owned());
    let troubles = courier.carry_out(&slack(), vec![delivery], &target, &mut Vec::new()).await;
    assert!(troubles.is_empty());
    assert_eq!(std::fs::read(folder.path().join("gl-code-quality-report.json")).unwrap(), b"[]");
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let server = Server::start(|_| respond(200, "")).await;
    let folder = tempfile::tempdir().unwrap();
    let state = State::read(&folder.path().join("state")).unwrap();
    let errand = Errand {
        dry_run: true,
        news: Some(flaky()),
        surroundings: on_github(),
        state: Some(state),
        ..Errand::default()
    };
    let courier = Courier::new(&at(&server), errand);
    let annotation = Annotation {
        level: AnnotationLevel::Warning,
        file: "a.py".into(),
        line: Some(3),
        title: "t".into(),
        message: "m".into(),
    };
    let deliveries = vec![
        hook(),
        Delivery::PullRequestComment { key: "flaky".into(), body: "text".into() },
        Delivery::Annotations(vec![annotation]),
        Delivery::Outputs(vec![("verdict".into(), "flaky".into())]),
        Delivery::File { path: "x.json".into(), content: vec![0; 5] },
        Delivery::Stdout("printed\n".into()),
    ];
    let (troubles, stdout) = told(&courier, &slack(), deliveries).await;
    assert!(troubles.is_empty(), "{troubles:?}");
    let expected = "slack: http: POST ${{ secrets.SLACK_WEBHOOK_URL }}\nContent-Type: application/json\n{\"a\":\"\u{fffd}[31m\"}\n\
                    slack: pull-request-comment: flaky\ntext\n\
                    slack: annotations: 1\nWarning a.py:3: t: m\n\
                    slack: outputs: 1\nverdict=flaky\n\
                    slack: file: x.json (5 bytes)\nprinted\n";
    assert_eq!(stdout, expected);
    courier.finish().unwrap();
    assert_eq!(server.requests().len(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn only_http_deliveries_are_kept_back_and_only_for_a_reason() {
    let stable = news(Category::Stable, Some(Severity::None));
    let notify = || Some(Notify::new(vec!["flaky".parse().unwrap()]));
    let mut before = on_github();
    before.earlier = vec![flaky().result];
    let mut changed = on_github();
    changed.earlier = vec![news(Category::Broken, None).result, flaky().result];
    let of_web = |mut news: News| {
        news.result.suite = Some("web".into());
        news
    };
    // What was told of another suite says nothing of this one.
    let mut suites = on_github();
    suites.earlier = vec![news(Category::Broken, None).result, of_web(flaky()).result, flaky().result];
    for (errand, silence) in [
        (
            Errand { news: Some(flaky()), notify: notify(), surroundings: on_github(), ..Errand::default() },
            None,
        ),
        (
            Errand { news: Some(stable), notify: notify(), surroundings: on_github(), ..Errand::default() },
            Some(Silence::NotAskedFor),
        ),
        (
            Errand { news: Some(flaky()), surroundings: before, ..Errand::default() },
            Some(Silence::ToldBefore),
        ),
        (Errand { news: Some(flaky()), surroundings: changed, ..Errand::default() }, None),
        (
            Errand { news: Some(of_web(flaky())), surroundings: suites.clone(), ..Errand::default() },
            Some(Silence::ToldBefore),
        ),
        (
            Errand {
                news: Some(of_web(news(Category::Broken, None))),
                surroundings: suites,
                ..Errand::default()
            },
            None,
        ),
        (Errand { news: None, surroundings: on_github(), ..Errand::default() }, Some(Silence::NoResult)),
    ] {
        let server = Server::start(|got| {
            respond(200, if got.method == "GET" { "[]".to_owned() } else { json!({"id": 1}).to_string() })
        })
        .await;
        let courier = Courier::new(&at(&server), errand);
        assert_eq!(courier.silence(), silence);
        let comment = Delivery::PullRequestComment { key: "flaky".into(), body: "b".into() };
        let (troubles, _) = told(&courier, &slack(), vec![hook(), comment]).await;
        assert!(troubles.is_empty(), "{troubles:?}");
        let lines = server.lines();
        assert_eq!(lines.contains(&"POST /".to_owned()), silence.is_none(), "{lines:?}");
        assert!(lines.contains(&"POST /repos/o/r/issues/7/comments".to_owned()));
    }
}

#[tokio::test]
async fn the_same_is_told_once_until_it_changes_and_again_when_telling_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let broken = || news(Category::Broken, Some(Severity::Critical));
    let stable = || news(Category::Stable, Some(Severity::None));
    let unclear = || news(Category::Inconclusive, None);
    let notify = || Notify::new(["broken", "flaky"].map(|rule| rule.parse().unwrap()).to_vec());
    for (news, status, sent) in [
        (flaky(), 500, true),
        (flaky(), 200, true),
        (flaky(), 200, false),
        (unclear(), 200, false),
        (flaky(), 200, false),
        (broken(), 200, true),
        (stable(), 200, false),
        (broken(), 200, true),
    ] {
        let server = Server::start(move |_| respond(status, "")).await;
        let state = Some(State::read(&path).unwrap());
        let errand = Errand { news: Some(news.clone()), notify: Some(notify()), state, ..Errand::default() };
        let courier = Courier::new(&at(&server), errand);
        let (troubles, _) = told(&courier, &slack(), vec![hook()]).await;
        assert_eq!(troubles.is_empty(), status == 200);
        courier.finish().unwrap();
        assert_eq!(!server.requests().is_empty(), sent, "{news:?}");
    }
}

fn annotations(n: usize) -> Vec<Annotation> {
    let of = |n| Annotation {
        level: AnnotationLevel::Failure,
        file: "a.py".into(),
        line: Some(n),
        title: "t".into(),
        message: "m".into(),
    };
    (1..=u32::try_from(n).unwrap()).map(of).collect()
}

#[tokio::test]
async fn annotations_that_the_job_has_no_room_for_go_to_the_check() {
    let server = Server::start(|_| respond(201, r#"{"id": 1}"#)).await;
    let errand = || Errand { news: Some(flaky()), surroundings: on_github(), ..Errand::default() };
    let check = Delivery::CheckRun {
        name: "flaky".into(),
        conclusion: "neutral".into(),
        title: "t".into(),
        summary: "s".into(),
        annotations: annotations(11),
    };
    let deliveries = vec![check, Delivery::Annotations(annotations(12))];
    let courier = Courier::new(&at(&server), errand());
    let (troubles, stdout) = told(&courier, &github_reporter(), deliveries).await;
    assert!(troubles.is_empty(), "{troubles:?}");
    assert_eq!(stdout.lines().count(), 10);
    let sent = server.requests()[0].json();
    // Eleven that the check has, and the twelfth; the eleventh is not there twice.
    assert_eq!(sent["output"]["annotations"].as_array().unwrap().len(), 12);

    let courier = Courier::new(&at(&server), errand());
    let (troubles, _) =
        told(&courier, &github_reporter(), vec![Delivery::Annotations(annotations(12))]).await;
    assert!(matches!(troubles[..], [Trouble::Lost(Lost::Annotations { left: 2, .. })]));
    assert!(!troubles[0].counts());
}

#[tokio::test]
async fn what_a_platform_has_no_place_for_is_named() {
    let server = Server::start(|_| respond(404, "")).await;
    let mut surroundings = on_github();
    surroundings.ci.as_mut().unwrap().pull_request = None;
    let courier = Courier::new(&at(&server), Errand { surroundings, ..Errand::default() });
    let comment = Delivery::PullRequestComment { key: "flaky".into(), body: "b".into() };
    let (troubles, _) = told(&courier, &github_reporter(), vec![comment]).await;
    assert!(matches!(troubles[..], [Trouble::Lost(Lost::NoPullRequest)]) && !troubles[0].counts());

    let mut surroundings = on_github();
    surroundings.ci.as_mut().unwrap().platform = Platform::Gitlab;
    let courier = Courier::new(&at(&server), Errand { surroundings, ..Errand::default() });
    let (troubles, stdout) =
        told(&courier, &github_reporter(), vec![Delivery::Annotations(annotations(1))]).await;
    assert!(matches!(&troubles[..], [Trouble::Failed(DeliveryError::NotHere { kind: "annotations", .. })]));
    assert_eq!(stdout, "");
}

#[tokio::test]
async fn what_is_printed_in_a_job_gives_no_commands_but_our_own() {
    let (world, _) = world(&[("GITHUB_ACTIONS", "true")], leads_to(&[]));
    let courier = Courier::new(&world, Errand { surroundings: on_github(), ..Errand::default() });
    let deliveries =
        vec![Delivery::Stdout("::stop-commands::x\n".into()), Delivery::Annotations(annotations(1))];
    let (_, stdout) = told(&courier, &github_reporter(), deliveries.clone()).await;
    assert_eq!(stdout, "::error file=a.py,line=1,title=t::m\n\u{200b}::stop-commands::x\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    let target = Target::File(file.path().to_owned());
    courier.carry_out(&github_reporter(), deliveries, &target, &mut Vec::new()).await;
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "::stop-commands::x\n");
}

#[test]
fn deliveries_may_be_carried_out_by_a_task_of_their_own() {
    fn is_send<T: Send>(_: T) {}
    let (world, _) = world(&[], leads_to(&[]));
    let courier = Courier::new(&world, Errand::default());
    let (slack, target) = (slack(), Target::Stdout);
    is_send(courier.carry_out(&slack, Vec::new(), &target, &mut std::io::stdout()));
    is_send(crate::look_around(&world));
}

#[test]
fn bundled_reporters_may_use_their_own_secrets_and_no_others() {
    let slack = Grants::of_bundled("slack");
    assert_eq!(slack.secrets, ["SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN"]);
    assert_eq!(slack.origins, ["https://slack.com".parse().unwrap()]);
    for name in ["slack", "discord", "webhook", "github", "junit", "mine"] {
        let grants = Grants::of_bundled(name);
        assert!(grants.named.is_empty() && grants.body_secrets.is_empty());
        assert!(!grants.secrets.iter().any(|secret| secret.contains("GITHUB") || secret.contains("RUNPOD")));
    }
    assert_eq!(Grants::of_bundled("mine"), Grants::default());
}

/// Slack's Web API after its documentation: messages by channel and time stamp, refusals in a 200.
async fn slack_api() -> Server {
    let messages = Mutex::new(Vec::<String>::new());
    Server::start(move |got| {
        let mut messages = messages.lock().unwrap();
        let body = got.json();
        let known = body["ts"].as_str().is_some_and(|ts| messages.iter().any(|m| m == ts));
        match got.path.as_str() {
            _ if got.headers.get("authorization").is_none_or(|v| v != "Bearer xoxb-1") => {
                respond(200, r#"{"ok": false, "error": "not_authed"}"#)
            }
            "/api/chat.postMessage" => {
                let ts = format!("1700000000.{:06}", messages.len());
                messages.push(ts.clone());
                respond(200, json!({"ok": true, "channel": "C123", "ts": ts}).to_string())
            }
            "/api/chat.update" if known && body["channel"] == "C123" => respond(200, r#"{"ok": true}"#),
            "/api/chat.update" => respond(200, r#"{"ok": false, "error": "message_not_found"}"#),
            _ => respond(404, ""),
        }
    })
    .await
}

#[tokio::test]
async fn a_bot_changes_its_message_about_the_same_pull_request_and_makes_others_anew() {
    let server = slack_api().await;
    let world = world(&[("SLACK_BOT_TOKEN", "xoxb-1")], leads_to(&["127.0.0.1"])).0;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let named = vec![server.url.parse().unwrap()];
    let reporter = Reporter { name: "slack".into(), grants: Grants { named, ..Grants::of_bundled("slack") } };
    let delivery = |text: &str| Delivery::Http {
        method: "POST".into(),
        url: format!("{}/api/chat.postMessage", server.url),
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("Authorization".into(), "Bearer ${{ secrets.SLACK_BOT_TOKEN }}".into()),
        ],
        body: json!({"channel": "#ci", "text": text}).to_string().into_bytes(),
    };
    let broken = || news(Category::Broken, None);
    for (number, news, forget, expected) in [
        (7, flaky(), false, &["/api/chat.postMessage"][..]),
        (7, flaky(), false, &[]),
        (7, broken(), false, &["/api/chat.update"]),
        (8, flaky(), false, &["/api/chat.postMessage"]),
        (7, broken(), false, &["/api/chat.update"]),
        (7, flaky(), true, &["/api/chat.update", "/api/chat.postMessage"]),
    ] {
        if forget {
            let text = std::fs::read_to_string(&path).unwrap().replace("1700000000.", "1600000000.");
            std::fs::write(&path, text).unwrap();
        }
        let mut surroundings = on_github();
        surroundings.ci.as_mut().unwrap().pull_request.as_mut().unwrap().number = number;
        let state = Some(State::read(&path).unwrap());
        let errand = Errand { surroundings, news: Some(news), state, ..Errand::default() };
        let courier = Courier::new(&world, errand);
        let before = server.requests().len();
        let (troubles, _) =
            told(&courier, &reporter, vec![delivery("a ${{ secrets.SLACK_BOT_TOKEN }}")]).await;
        assert!(troubles.is_empty(), "{troubles:?}");
        courier.finish().unwrap();
        let paths: Vec<_> = server.requests()[before..].iter().map(|got| got.path.clone()).collect();
        assert_eq!(paths, expected, "{number}");
    }
    assert!(server.requests().iter().all(|got| !got.body.contains("xoxb-1")));
}
