//! Our own client of GitHub's API, against the stand-in that holds every request against GitHub's own description.
#![expect(clippy::unwrap_used, reason = "what tests share fails as tests do")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use flaky_core::delivery::{Annotation, AnnotationLevel, Delivery};
use flaky_core::surroundings::Surroundings;
use flaky_delivery::{
    COMMENT_KEY, Courier, Environment, Errand, Event, Grants, RealClock, Reporter, Target, Trouble, World,
    look_around,
};
use flaky_tests::Github;
use flaky_tests::github as stand_in;
use serde_json::json;

/// A job of `acme/shop` that was started by a recorded event.
struct Job {
    world: Arc<World>,
    folder: tempfile::TempDir,
}

impl Job {
    fn new(github: &Github, event: &str) -> Self {
        Self::with(github, event, &[])
    }

    fn with(github: &Github, event: &str, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut variables: BTreeMap<String, String> =
            github.environment(event, "acme/shop").into_iter().collect();
        for (name, file) in [("GITHUB_STEP_SUMMARY", "summary"), ("GITHUB_OUTPUT", "output")] {
            variables.insert(name.into(), folder.path().join(file).to_str().unwrap().into());
        }
        variables.extend(more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let world =
            World::new(Environment::new(move |name| variables.get(name).cloned()), Arc::new(RealClock), 1);
        Self { world, folder }
    }

    async fn surroundings(&self) -> Surroundings {
        let (found, lost) = look_around(&self.world).await;
        let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
        assert!(lost.is_empty(), "{lost:?}");
        found
    }

    async fn tell(&self, deliveries: Vec<Delivery>) -> Vec<Trouble> {
        let (surroundings, _) = look_around(&self.world).await;
        let courier = Courier::new(&self.world, Errand { surroundings, ..Errand::default() });
        let reporter = Reporter { name: "github".into(), grants: Grants::of_bundled("github") };
        let target = Target::Folder(PathBuf::from(self.folder.path()));
        courier.carry_out(&reporter, deliveries, &target, &mut std::io::sink()).await
    }
}

fn comment(body: &str) -> Delivery {
    Delivery::PullRequestComment { key: COMMENT_KEY.into(), body: body.into() }
}

fn said(troubles: &[Trouble]) -> Vec<String> {
    troubles.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_pull_request_is_found_by_the_event_alone_or_not_at_all() {
    let github = Github::new();
    for (event, expected) in [
        ("workflow_run/push", None),
        ("workflow_run/pull_request", Some(7)),
        ("workflow_run/fork", Some(7)),
        ("workflow_run/deleted-fork", None),
        ("workflow_run/two-pulls", None),
        // Its head has moved on, and it is the only one of that branch.
        ("workflow_run/moved-head", Some(7)),
        ("workflow_run/matrix", Some(7)),
        ("workflow_run/attempt-2", Some(7)),
        ("workflow_run/log-only", Some(7)),
        ("workflow_run/monorepo", Some(7)),
        ("pull_request/opened", Some(7)),
        ("pull_request/draft", Some(7)),
        ("pull_request/fork", Some(7)),
        ("push/main", None),
    ] {
        github.know(event);
        let ci = Job::new(&github, event).surroundings().await.ci.unwrap();
        assert_eq!(ci.pull_request.as_ref().map(|p| p.number), expected, "{event}");
        if event.starts_with("workflow_run") {
            // Of a deleted fork it is not known which branch it was.
            assert_eq!(ci.since_green.is_some(), event != "workflow_run/deleted-fork", "{event}");
        }
        github.assert_all_valid();
    }
}

#[tokio::test]
async fn one_comment_is_made_and_brought_up_to_date_among_three_hundred() {
    let event = "workflow_run/fork";
    let github = Github::with_event(event);
    let more =
        |times: u64| json!({ "kind": "comment", "repository": "acme/shop", "issue": 7, "times": times });
    github.add(&more(299));
    let job = Job::new(&github, event);
    assert_eq!(said(&job.tell(vec![comment("first")]).await), Vec::<String>::new());
    github.add(&more(5));
    assert_eq!(said(&job.tell(vec![comment("second")]).await), Vec::<String>::new());
    let ours: Vec<_> = github
        .comments("acme/shop", 7)
        .into_iter()
        .filter(|(who, _)| who.starts_with("github-actions"))
        .collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].1.contains("second"), "{}", ours[0].1);
    github.assert_all_valid();
}

#[tokio::test]
async fn a_duplicate_from_a_race_is_removed() {
    let event = "workflow_run/fork";
    let github = Github::with_event(event);
    let job = Job::new(&github, event);
    github.plan(&json!({ "kind": "race", "method": "POST" }));
    assert_eq!(said(&job.tell(vec![comment("raced")]).await), Vec::<String>::new());
    assert_eq!(github.comments("acme/shop", 7).len(), 1);
    github.assert_all_valid();
}

#[tokio::test]
async fn a_check_run_takes_its_annotations_in_batches() {
    let event = "workflow_run/fork";
    let github = Github::with_event(event);
    let job = Job::new(&github, event);
    let one = |n: u32| Annotation {
        level: AnnotationLevel::Warning,
        file: "a.py".into(),
        line: Some(n + 1),
        title: "t".into(),
        message: "m".into(),
    };
    for count in [0_u32, 49, 50, 51, 101] {
        let annotations = (0..count).map(one).collect();
        let check = Delivery::CheckRun {
            name: "flaky".into(),
            conclusion: "neutral".into(),
            title: "t".into(),
            summary: "s".into(),
            annotations,
        };
        assert_eq!(said(&job.tell(vec![check]).await), Vec::<String>::new());
        let repository = github.repository("acme/shop");
        let last = repository["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["annotations"].as_array().unwrap().len(), count as usize);
        assert_eq!(last["head_sha"], stand_in::event(event)["workflow_run"]["head_sha"]);
    }
    github.assert_all_valid();
}

#[tokio::test]
async fn without_permission_the_run_goes_on_and_the_permission_is_named() {
    let event = "workflow_run/fork";
    let github = Github::with_event(event);
    github.token("ghs_READS", &json!({ "contents": "read", "actions": "read" }));
    let job = Job::with(&github, event, &[("GITHUB_TOKEN", "ghs_READS")]);
    let troubles = job.tell(vec![comment("x"), Delivery::JobSummary("summary".into())]).await;
    assert!(troubles.iter().all(|t| !t.counts()), "{:?}", said(&troubles));
    assert!(
        said(&troubles)[0].contains("pull_requests=write")
            || said(&troubles)[0].contains("pull-requests: write"),
        "{:?}",
        said(&troubles)
    );
    assert!(std::fs::read_to_string(job.folder.path().join("summary")).unwrap().contains("summary"));
    github.assert_all_valid();
}

#[tokio::test]
async fn limits_and_faults_that_pass_are_waited_for() {
    let event = "workflow_run/fork";
    let github = Github::new();
    for fault in [
        json!({ "kind": "secondary-rate-limit", "retry_after": 1 }),
        json!({ "kind": "server-error" }),
        json!({ "kind": "server-error", "status": 503 }),
        json!({ "kind": "reset", "method": "GET" }),
    ] {
        github.know(event);
        let job = Job::new(&github, event);
        github.plan(&fault);
        assert_eq!(said(&job.tell(vec![comment("x")]).await), Vec::<String>::new(), "{fault}");
        assert_eq!(github.comments("acme/shop", 7).len(), 1, "{fault}");
        github.assert_all_valid();
    }
}

#[tokio::test]
async fn what_failed_is_found_without_handing_the_token_on() {
    let event = "workflow_run/attempt-2";
    let github = Github::with_event(event);
    let job = Job::new(&github, event);
    let client = flaky_delivery::Github::new(&job.world).unwrap();
    let Event::WorkflowRun(run) = event_of(event) else { panic!() };
    let jobs = client.jobs(&run).await.unwrap();
    assert_eq!(jobs.iter().map(|j| j.id).collect::<Vec<_>>(), [3, 4]);
    let log = client.log(&jobs[1], 1 << 20).await.unwrap().unwrap();
    assert!(String::from_utf8(log.bytes).unwrap().contains("FAILED tests/test_cart.py::test_sums"));
    let artifacts = client.artifacts(&run).await.unwrap();
    let of_this: Vec<_> = artifacts.iter().filter(|a| a.is_of_this_attempt(&run)).collect();
    assert_eq!(of_this.iter().map(|a| a.id).collect::<Vec<_>>(), [12]);
    client.artifact(of_this[0], 1 << 20).await.unwrap().unwrap();
    github.assert_all_valid();
}

fn event_of(name: &str) -> Event {
    let text = std::fs::read(stand_in::event_file(name)).unwrap();
    Event::parse("workflow_run", &text).unwrap()
}
