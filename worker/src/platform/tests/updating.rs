//! Progress and parts of results: in order, bounded, and all before the result.

use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::scripted::{Platform, Reply, Seen, Worker, job};
use crate::job::{Answer, Job, JobContext};

fn output(seen: &Seen) -> Value {
    serde_json::from_str::<Value>(&seen.body).unwrap()["output"].clone()
}

#[tokio::test]
async fn progress_never_comes_after_the_result() {
    // The platform takes its time with the first progress; the job goes on and ends meanwhile.
    let gate = CancellationToken::new();
    let slow = Reply::After(gate.clone(), Box::new(Reply::Status(200)));
    let platform = Platform::start(&[("take", vec![job("a")]), ("progress", vec![slow])]);
    let ended = CancellationToken::new();
    let end = ended.clone();
    let worker = Worker::start(platform.settings(), move |_, context: JobContext| {
        let end = end.clone();
        async move {
            for n in 0..100 {
                context.progress(json!(n));
                tokio::task::yield_now().await;
            }
            end.cancel();
            Answer::Output(json!("done"))
        }
    });
    platform.nth("progress", 1).await;
    ended.cancelled().await;
    assert!(platform.all("result").is_empty(), "the result overtook progress");
    gate.cancel();
    platform.nth("result", 1).await;
    worker.end().await;
    let about: Vec<Seen> =
        platform.seen().into_iter().filter(|s| matches!(s.what, "progress" | "result")).collect();
    assert_eq!(about.last().unwrap().what, "result");
    let first = &about[0];
    assert_eq!(first.target, "/v2/ep/job-done/pod-1/a?gpu=CPU+SIM&isStream=false");
    assert!(first.body.starts_with(r#"{"status":"IN_PROGRESS","output":"#), "{}", first.body);
}

#[tokio::test]
async fn progress_that_is_not_answered_holds_the_result_up_for_a_bounded_time() {
    let platform = Platform::start(&[("take", vec![job("a")]), ("progress", vec![Reply::Hold])]);
    let mut settings = platform.settings();
    settings.timings.progress_try = Duration::from_millis(30);
    let worker = Worker::start(settings, |_, context: JobContext| async move {
        context.progress(json!(1));
        tokio::task::yield_now().await;
        Answer::Output(json!("done"))
    });
    platform.nth("result", 1).await;
    worker.end().await;
}

#[tokio::test]
async fn of_progress_that_waits_only_the_newest_is_posted() {
    let gate = CancellationToken::new();
    let slow = Reply::After(gate.clone(), Box::new(Reply::Status(200)));
    let platform = Platform::start(&[("take", vec![job("a")]), ("progress", vec![slow])]);
    let (said, end) = (CancellationToken::new(), CancellationToken::new());
    let (all, wait) = (said.clone(), end.clone());
    let begun = CancellationToken::new();
    let posted = begun.clone();
    let worker = Worker::start(platform.settings(), move |_, context: JobContext| {
        let (all, wait, posted) = (all.clone(), wait.clone(), posted.clone());
        async move {
            context.progress(json!(0));
            posted.cancelled().await;
            for n in 1..=10 {
                context.progress(json!(n));
            }
            all.cancel();
            wait.cancelled().await;
            Answer::Output(json!("done"))
        }
    });
    platform.nth("progress", 1).await;
    begun.cancel();
    said.cancelled().await;
    gate.cancel();
    platform.nth("progress", 2).await;
    end.cancel();
    platform.nth("result", 1).await;
    worker.end().await;
    let values: Vec<Value> = platform.all("progress").iter().map(output).collect();
    assert_eq!(values, [json!(0), json!(10)]);
}

#[tokio::test]
async fn parts_arrive_in_order_before_the_result_which_says_that_there_were_some() {
    let platform = Platform::start(&[
        ("take", vec![job("a")]),
        ("stream", vec![Reply::Status(200), Reply::Status(500), Reply::Close]),
    ]);
    let worker = Worker::start(platform.settings(), |_, context: JobContext| async move {
        for n in 0..40 {
            context.chunk(json!(n)).await;
        }
        context.chunk(Value::String("x".repeat(1_000_000))).await;
        context.chunk(json!("last")).await;
        Answer::Output(json!("whole"))
    });
    let result = platform.nth("result", 1).await;
    worker.end().await;
    assert_eq!(result.target, "/v2/ep/job-done/pod-1/a?gpu=CPU+SIM&isStream=true");
    assert_eq!(result.body, r#"{"output":"whole"}"#);
    let parts = platform.all("stream");
    let mut values: Vec<Value> = parts.iter().map(output).collect();
    // The second was refused once and lost once.
    values.dedup();
    let expected: Vec<Value> = (0..40).map(|n| json!(n)).chain([json!("last")]).collect();
    assert_eq!(values, expected);
    assert_eq!(parts.len(), 41 + 2);
    assert_eq!(parts[0].target, "/v2/ep/job-stream/pod-1/a?gpu=CPU+SIM&isStream=false");
    assert_eq!(parts[0].header("x-request-id"), Some("a"));
    assert!(parts.iter().all(|part| part.at <= result.at));
}

#[tokio::test]
async fn without_an_address_for_parts_the_result_is_as_of_a_job_without_any() {
    let platform = Platform::start(&[("take", vec![job("a")])]);
    let mut settings = platform.settings();
    settings.stream = None;
    let worker = Worker::start(settings, |_, context: JobContext| async move {
        context.chunk(json!(1)).await;
        Answer::Output(json!("whole"))
    });
    let result = platform.nth("result", 1).await;
    worker.end().await;
    assert!(result.target.ends_with("isStream=false"), "{}", result.target);
}

#[tokio::test]
async fn a_sender_that_outlives_its_job_does_not_hold_the_result_up() {
    let platform = Platform::start(&[("take", vec![job("a")])]);
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = std::sync::Arc::clone(&kept);
    let worker = Worker::start(platform.settings(), move |_: Job, context: JobContext| {
        *keep.lock().unwrap() = Some(context);
        async { Answer::Output(json!("done")) }
    });
    platform.nth("result", 1).await;
    let context = kept.lock().unwrap().take().unwrap();
    context.chunk(json!("late")).await;
    context.progress(json!("late"));
    worker.end().await;
    assert!(platform.all("stream").is_empty() && platform.all("progress").is_empty());
}
