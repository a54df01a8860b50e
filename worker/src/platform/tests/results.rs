//! Results: what is posted, how often, and what the platform's refusals lead to.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::scripted::{Platform, Reply, Worker, job};
use crate::job::{Answer, Job, JobContext};

async fn fine(_: Job, _: JobContext) -> Answer {
    Answer::Output(json!("fine"))
}

/// Results of job `a`, up to the first one of job `b`.
async fn results_of_a(platform: &Platform) -> Vec<String> {
    platform.until(|seen| seen.iter().any(|s| s.what == "result" && s.job() == "b").then_some(())).await;
    let of_a = platform.all("result").into_iter().filter(|result| result.job() == "a");
    of_a.map(|result| result.body).collect()
}

#[tokio::test]
async fn a_result_looks_as_the_platform_expects() {
    let platform = Platform::start(&[("take", vec![job("a-u1")])]);
    let worker = Worker::start(platform.settings(), fine);
    let result = platform.nth("result", 1).await;
    worker.end().await;
    assert_eq!(result.target, "/v2/ep/job-done/pod-1/a-u1?gpu=CPU+SIM&isStream=false");
    for (name, value) in [
        ("content-type", "application/x-www-form-urlencoded"),
        ("charset", "utf-8"),
        ("x-request-id", "a-u1"),
        ("authorization", "the-key"),
        ("content-length", "17"),
    ] {
        assert_eq!(result.header(name), Some(value), "{name}");
    }
    assert_eq!(result.body, r#"{"output":"fine"}"#);
}

#[tokio::test]
async fn a_result_is_posted_until_it_is_taken_or_refused_for_good() {
    let small = "the platform refused this job's result of 17 bytes";
    for (name, replies, posts, last) in [
        ("three times 500", vec![Reply::Status(500); 3], 4, "fine"),
        ("too many requests", vec![Reply::Status(429)], 2, "fine"),
        ("a connection that ends", vec![Reply::Close, Reply::Close], 3, "fine"),
        (
            "an answer that ends half-way",
            vec![Reply::Status(503), Reply::Close, Reply::Status(502)],
            4,
            "fine",
        ),
        ("no longer known", vec![Reply::Status(404)], 1, "fine"),
        ("not allowed", vec![Reply::Status(401)], 1, "fine"),
        ("a bad request", vec![Reply::Status(400)], 2, small),
        ("too large", vec![Reply::Status(413)], 2, small),
        ("too large, then busy", vec![Reply::Status(413), Reply::Status(500)], 3, small),
        ("refused twice", vec![Reply::Status(400), Reply::Status(400)], 2, small),
    ] {
        let platform = Platform::start(&[("take", vec![job("a")]), ("result", replies)]);
        let worker = Worker::start(platform.settings(), fine);
        platform.nth("result", posts).await;
        // Only then, so that none of the scripted replies goes to the next job.
        platform.nth("take", 2).await;
        worker.end().await;
        let results = platform.all("result");
        assert_eq!(results.len(), posts, "{name}: {results:#?}");
        assert!(results.last().unwrap().body.contains(last), "{name}: {results:#?}");
        assert!(
            results[..posts - 1].iter().all(|r| r.body.contains("fine") || r.body.contains(small)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_result_of_30_mb_is_not_sent_but_explained() {
    let platform = Platform::start(&[("take", vec![job("a"), job("b")])]);
    let worker = Worker::start(platform.settings(), |job: Job, _| async move {
        let size = if job.id.as_str() == "a" { 30_000_000 } else { 1 };
        Answer::Output(Value::String("x".repeat(size)))
    });
    let results = results_of_a(&platform).await;
    worker.end().await;
    assert_eq!(results.len(), 1);
    assert!(results[0].starts_with(r#"{"error":"the result is larger than"#), "{}", &results[0][..200]);
}

#[tokio::test]
async fn a_platform_that_does_not_answer_a_result_does_not_keep_the_worker_from_the_next_job() {
    let platform = Platform::start(&[("take", vec![job("a"), job("b")]), ("result", vec![Reply::Hold])]);
    let mut settings = platform.settings();
    settings.timings.result_head_start = Duration::from_millis(20);
    settings.timings.result_grace = Duration::from_millis(50);
    let worker = Worker::start(settings, fine);
    let second = platform.nth("take", 2).await;
    assert!(second.target.ends_with("job_in_progress=1"), "{}", second.target);
    platform.until(|seen| seen.iter().any(|s| s.what == "result" && s.job() == "b").then_some(())).await;
    worker.end().await;
    platform.left("result").await;
}

#[tokio::test]
async fn a_result_that_is_never_taken_is_given_up() {
    // Polls are answered at once, so that each tells whether the job is still in hand.
    let takes = std::iter::once(job("a")).chain(vec![Reply::Status(204); 5_000]).collect();
    let platform = Platform::start(&[("take", takes), ("result", vec![Reply::Status(500); 5_000])]);
    let mut settings = platform.settings();
    settings.timings.result_budget = Duration::from_millis(30);
    let worker = Worker::start(settings, fine);
    let idle_again = |seen: &[super::scripted::Seen]| {
        let posted = seen.iter().position(|s| s.what == "result")?;
        seen[posted..]
            .iter()
            .any(|s| s.what == "take" && s.target.ends_with("job_in_progress=0"))
            .then_some(())
    };
    platform.until(idle_again).await;
    let posts = platform.all("result").len();
    worker.end().await;
    assert_eq!(platform.all("result").len(), posts);
}

#[tokio::test]
async fn the_next_take_comes_at_once_after_a_result() {
    let jobs: Vec<Reply> = (0..20).map(|n| job(&format!("j{n}"))).collect();
    let platform = Platform::start(&[("take", jobs)]);
    let worker = Worker::start(platform.settings(), fine);
    platform.nth("take", 21).await;
    worker.end().await;
    let (takes, results) = (platform.all("take"), platform.all("result"));
    let mut gaps: Vec<Duration> = results.iter().zip(&takes[1..]).map(|(r, t)| t.at - r.at).collect();
    gaps.sort();
    // On an idle machine below a millisecond; the best of twenty tells a wait from a busy machine.
    assert!(gaps[0] < Duration::from_millis(10), "{gaps:?}");
    assert!(takes.iter().all(|take| take.target.ends_with("job_in_progress=0")), "told to be busy when idle");
}

#[tokio::test]
async fn every_way_to_fail_is_answered_and_the_next_job_is_done() {
    let platform = Platform::start(&[(
        "take",
        vec![job("panics"), job("fails"), job("partly"), job("stops"), job("b")],
    )]);
    let worker = Worker::start(platform.settings(), |job: Job, _| async move {
        match job.id.as_str() {
            "panics" => panic!("SECRET"),
            "fails" => Answer::Failed { error: "no tests".into(), output: None },
            "partly" => Answer::Failed { error: "half".into(), output: Some(json!({"done": 1})) },
            "stops" => Answer::Stopped,
            _ => Answer::Output(Value::Null),
        }
    });
    results_of_a(&platform).await;
    worker.end().await;
    let results = platform.all("result");
    let bodies: Vec<&str> = results.iter().map(|result| result.body.as_str()).collect();
    assert!(
        bodies[0].starts_with(r#"{"error":"the worker failed"#) && !bodies[0].contains("SECRET"),
        "{}",
        bodies[0]
    );
    assert_eq!(
        bodies[1..],
        [
            r#"{"error":"no tests"}"#,
            r#"{"error":"half","output":{"done":1}}"#,
            r#"{"error":"the job was stopped inside the worker"}"#,
            r#"{"output":null}"#,
        ]
    );
}

#[tokio::test]
async fn a_job_that_is_stopped_while_its_result_is_posted_is_not_posted_again() {
    let posted = CancellationToken::new();
    let order = Reply::After(posted.clone(), Box::new(Reply::Body(r#"{"jobsToStop":["a"]}"#.into())));
    let platform = Platform::start(&[
        ("take", vec![job("a"), job("b")]),
        ("result", vec![Reply::Hold]),
        ("stop", vec![order]),
    ]);
    let worker = Worker::start(platform.settings(), fine);
    platform.nth("result", 1).await;
    posted.cancel();
    platform.left("result").await;
    assert_eq!(results_of_a(&platform).await.len(), 1);
    worker.end().await;
}
