//! Takes: what the platform may answer, and what the worker makes of it.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::scripted::{Platform, Reply, Worker, job, settings};
use crate::job::{Answer, Job, JobContext};

async fn echo(job: Job, _: JobContext) -> Answer {
    Answer::Output(json!({"id": job.id.as_str(), "input": job.input}))
}

fn body(text: &str) -> Reply {
    Reply::Body(text.to_owned())
}

#[tokio::test]
async fn after_every_kind_of_answer_the_next_job_is_done() {
    let millis = Duration::from_millis;
    // What is answered first; the shortest wait before the next take; which jobs are answered, and how they begin.
    type Row = (&'static str, Reply, Duration, &'static [(&'static str, &'static str)]);
    let rows: Vec<Row> = vec![
        ("an object", job("a"), millis(0), &[("a", r#"{"output":{"id":"a""#)]),
        (
            "input null",
            body(r#"{"id":"a","input":null}"#),
            millis(0),
            &[("a", r#"{"output":{"id":"a","input":null"#)],
        ),
        (
            "a list on the single route",
            body(r#"[{"id":"a","input":1},{"id":"b","input":2}]"#),
            millis(0),
            &[("a", r#"{"output""#), ("b", r#"{"output""#)],
        ),
        (
            "a list with bad elements",
            body(r#"[{"input":1},7,{"id":"a","input":1},{"id":"b"}]"#),
            millis(0),
            &[("a", r#"{"output""#), ("b", r#"{"error":"the job has no `input`"#)],
        ),
        ("no input", body(r#"{"id":"a"}"#), millis(0), &[("a", r#"{"error":"the job has no `input`"#)]),
        ("no id", body(r#"{"input":{}}"#), millis(20), &[]),
        ("an id that is another place", body(r#"{"id":"../../x","input":{}}"#), millis(20), &[]),
        ("an empty list", body("[]"), millis(1), &[]),
        ("null", body("null"), millis(1), &[]),
        ("an empty body", body(""), millis(1), &[]),
        ("not JSON", body("<html>"), millis(20), &[]),
        ("cut JSON", body(r#"{"id":"a","input":"#), millis(20), &[]),
        ("204", Reply::Status(204), millis(1), &[]),
        ("400", Reply::Status(400), millis(10), &[]),
        ("401", Reply::Status(401), millis(20), &[]),
        ("404", Reply::Status(404), millis(20), &[]),
        ("429", Reply::Status(429), millis(60), &[]),
        ("500", Reply::Status(500), millis(20), &[]),
        ("503", Reply::Status(503), millis(20), &[]),
        ("a redirect", Reply::Status(302), millis(20), &[]),
        ("a connection that ends", Reply::Close, millis(0), &[]),
        ("a connection that ends in the answer", Reply::Cut, millis(0), &[]),
    ];
    for (name, first, least, answered) in rows {
        let platform = Platform::start(&[("take", vec![first, job("last")])]);
        let worker = Worker::start(platform.settings(), echo);
        platform
            .until(|seen| seen.iter().any(|s| s.what == "result" && s.job() == "last").then_some(()))
            .await;
        worker.end().await;
        let takes = platform.all("take");
        let gap = takes[1].at - takes[0].at;
        assert!(gap >= least, "{name}: asked again after {gap:?}");
        let results = platform.all("result");
        assert_eq!(results.len(), answered.len() + 1, "{name}: {results:#?}");
        for (id, begins) in answered {
            let result = results.iter().find(|result| result.job() == *id).unwrap();
            assert!(result.body.starts_with(begins), "{name}: {}", result.body);
        }
    }
}

#[tokio::test]
async fn answers_that_are_not_held_are_asked_for_less_and_less_often() {
    // Of each kind six in a row; the shortest of their waits, which are half of what is set.
    for (status, least) in [(204, 1 + 2 + 4 + 4 + 4 + 4), (400, 10 + 20 * 5), (500, 20 + 40 * 5)] {
        let platform = Platform::start(&[("take", vec![Reply::Status(status); 6])]);
        let worker = Worker::start(platform.settings(), echo);
        let last = platform.nth("take", 7).await;
        let first = platform.nth("take", 1).await;
        worker.end().await;
        assert!(last.at - first.at >= Duration::from_millis(least), "{status}: {:?}", last.at - first.at);
    }
}

#[tokio::test]
async fn a_platform_that_is_not_there_yet_is_waited_for() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    // Nobody listens: the first polls are refused.
    let worker = Worker::start(settings(address), echo);
    tokio::task::yield_now().await;
    let listener = std::net::TcpListener::bind(address).unwrap();
    let platform = Platform::start_on(listener, &[("take", vec![job("a")])]);
    assert_eq!(platform.nth("result", 1).await.job(), "a");
    worker.end().await;
}

#[tokio::test]
async fn a_poll_that_is_held_for_too_long_is_given_up_and_made_again() {
    let platform = Platform::start(&[("take", vec![Reply::Hold, job("a")])]);
    let mut settings = platform.settings();
    settings.timings.poll = Duration::from_millis(50);
    let worker = Worker::start(settings, echo);
    assert_eq!(platform.nth("result", 1).await.job(), "a");
    platform.left("take").await;
    worker.end().await;
}

#[tokio::test]
async fn several_jobs_are_taken_where_there_are_several_slots() {
    let gate = CancellationToken::new();
    let platform = Platform::start(&[(
        "take",
        vec![
            body(r#"[{"id":"a","input":1},{"id":"b","input":2}]"#),
            Reply::After(gate.clone(), Box::new(job("c"))),
        ],
    )]);
    let mut settings = platform.settings();
    settings.concurrency = 3.try_into().unwrap();
    let done = CancellationToken::new();
    let wait = done.clone();
    let worker = Worker::start(settings, move |job, context| {
        let wait = wait.clone();
        async move {
            wait.cancelled().await;
            echo(job, context).await
        }
    });
    let targets = [platform.nth("take", 1).await.target, platform.nth("take", 2).await.target];
    assert_eq!(
        targets,
        [
            "/v2/ep/job-take-batch/pod-1?gpu=CPU+SIM&batch_size=3&job_in_progress=0",
            "/v2/ep/job-take/pod-1?gpu=CPU+SIM&job_in_progress=1",
        ]
    );
    gate.cancel();
    // Three are in hand: nothing is taken before one of them is answered for.
    platform.until(|_| (platform.all("take").len() == 2).then_some(())).await;
    done.cancel();
    platform.nth("result", 3).await;
    let third = platform.nth("take", 3).await;
    worker.end().await;
    let first_result = platform.nth("result", 1).await;
    assert!(third.at >= first_result.at, "taken before a slot was free");
    let mut ids: Vec<String> = platform.all("result").iter().map(|r| r.job().to_owned()).collect();
    ids.sort();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[tokio::test]
async fn more_jobs_than_slots_are_done_one_after_the_other() {
    let list = r#"[{"id":"a","input":1},{"id":"b","input":2},{"id":"c","input":3}]"#;
    let platform = Platform::start(&[("take", vec![body(list)])]);
    let (running, most) = <(std::sync::Arc<std::sync::atomic::AtomicUsize>, std::sync::Arc<_>)>::default();
    let counted = (running, std::sync::Arc::clone(&most));
    let worker = Worker::start(platform.settings(), move |job, context| {
        let (running, most) = counted.clone();
        async move {
            use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
            let now = running.fetch_add(1, SeqCst) + 1;
            AtomicUsize::fetch_max(&most, now, SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, SeqCst);
            echo(job, context).await
        }
    });
    let second_take = platform.nth("take", 2).await;
    worker.end().await;
    let results = platform.all("result");
    assert_eq!(results.iter().map(|r| r.job()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(results.iter().all(|result| result.at <= second_take.at), "taken while jobs waited");
    assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn takes_look_as_the_platform_expects_and_name_no_job() {
    let platform = Platform::start(&[("take", vec![job("a")])]);
    let worker = Worker::start(platform.settings(), echo);
    let takes = [platform.nth("take", 1).await, platform.nth("take", 2).await];
    worker.end().await;
    for take in &takes {
        assert_eq!(take.target, "/v2/ep/job-take/pod-1?gpu=CPU+SIM&job_in_progress=0");
        assert_eq!(take.header("content-type"), Some("application/json"));
        assert_eq!(take.header("authorization"), Some("the-key"));
        assert_eq!(take.header("accept"), Some("*/*"));
        assert!(take.header("user-agent").unwrap().starts_with("flaky-worker/"));
        assert_eq!(take.header("x-request-id"), None);
    }
}

#[tokio::test]
async fn the_same_job_is_not_done_twice_at_once_but_again_when_it_is_sent_again_later() {
    let gate = CancellationToken::new();
    let platform = Platform::start(&[("take", vec![job("a"), job("a"), job("b")])]);
    let mut settings = platform.settings();
    settings.concurrency = 2.try_into().unwrap();
    let wait = gate.clone();
    let worker = Worker::start(settings, move |job, context| {
        let wait = wait.clone();
        async move {
            if job.id.as_str() == "a" {
                wait.cancelled().await;
            }
            echo(job, context).await
        }
    });
    assert_eq!(platform.nth("result", 1).await.job(), "b");
    gate.cancel();
    assert_eq!(platform.nth("result", 2).await.job(), "a");
    worker.end().await;
    assert_eq!(platform.all("result").len(), 2);

    let platform = Platform::start(&[("take", vec![job("a"), job("a")])]);
    let worker = Worker::start(platform.settings(), echo);
    platform.nth("result", 2).await;
    worker.end().await;
}

#[tokio::test]
async fn a_stopped_job_is_not_answered_and_its_slot_is_free() {
    let stop = CancellationToken::new();
    let order = Reply::After(stop.clone(), Box::new(body(r#"{"jobsToStop":["unknown",7,"a"]}"#)));
    let platform =
        Platform::start(&[("take", vec![job("a"), job("b")]), ("stop", vec![Reply::Status(500), order])]);
    let worker = Worker::start(platform.settings(), move |job, context: JobContext| {
        let stop = stop.clone();
        async move {
            if job.id.as_str() == "a" {
                stop.cancel();
                context.stop.cancelled().await;
                // What is said too late is not delivered either.
                context.chunk(json!(1)).await;
                return Answer::Output(json!("too late"));
            }
            echo(job, context).await
        }
    });
    assert_eq!(platform.nth("result", 1).await.job(), "b");
    worker.end().await;
    assert_eq!(platform.all("result").len(), 1);
    assert_eq!(platform.all("stream").len(), 0);
    assert_eq!(platform.all("stop")[0].target, "/v2/ep/job-stop/pod-1?gpu=CPU+SIM");
}

#[tokio::test]
async fn a_job_that_does_not_stop_is_dropped_after_a_while() {
    let begun = CancellationToken::new();
    let order = Reply::After(begun.clone(), Box::new(body(r#"{"jobsToStop":["a"]}"#)));
    let platform = Platform::start(&[("take", vec![job("a"), job("b")]), ("stop", vec![order])]);
    let mut settings = platform.settings();
    settings.timings.stop_patience = Duration::from_millis(20);
    let worker = Worker::start(settings, move |job, context| {
        let begun = begun.clone();
        async move {
            if job.id.as_str() == "a" {
                begun.cancel();
                std::future::pending::<()>().await;
            }
            echo(job, context).await
        }
    });
    assert_eq!(platform.nth("result", 1).await.job(), "b");
    worker.end().await;
    assert_eq!(platform.all("result").len(), 1);
}

#[tokio::test]
async fn a_stopped_job_that_is_sent_again_begins_when_its_first_run_is_gone() {
    let (begun, stopping) = (CancellationToken::new(), CancellationToken::new());
    let order = Reply::After(begun.clone(), Box::new(body(r#"{"jobsToStop":["a"]}"#)));
    let again = Reply::After(stopping.clone(), Box::new(job("a")));
    let platform = Platform::start(&[("take", vec![job("a"), again]), ("stop", vec![order])]);
    let mut settings = platform.settings();
    settings.concurrency = 2.try_into().unwrap();
    let gone = CancellationToken::new();
    let worker = Worker::start(settings, move |_, context: JobContext| {
        let (begun, stopping, gone) = (begun.clone(), stopping.clone(), gone.clone());
        async move {
            if begun.is_cancelled() {
                return Answer::Output(json!({"the first run was gone": gone.is_cancelled()}));
            }
            begun.cancel();
            context.stop.cancelled().await;
            stopping.cancel();
            // Killing takes its time.
            tokio::time::sleep(Duration::from_millis(50)).await;
            gone.cancel();
            Answer::Stopped
        }
    });
    assert_eq!(platform.nth("result", 1).await.body, r#"{"output":{"the first run was gone":true}}"#);
    worker.end().await;
    assert_eq!(platform.all("result").len(), 1);
}
