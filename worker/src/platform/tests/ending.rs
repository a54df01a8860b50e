//! The end of a worker: at once when idle, and never with a job that nobody answers for.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::scripted::{Platform, Reply, Worker, job};
use crate::job::{Answer, Job, JobContext};

async fn fine(_: Job, _: JobContext) -> Answer {
    Answer::Output(json!("fine"))
}

#[tokio::test]
async fn an_idle_worker_ends_at_once_and_lets_go_of_its_polls() {
    let platform = Platform::start(&[]);
    let worker = Worker::start(platform.settings(), fine);
    platform.nth("take", 1).await;
    platform.nth("stop", 1).await;
    let asked = Instant::now();
    worker.end().await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    platform.left("take").await;
    platform.left("stop").await;
    assert_eq!(platform.all("take").len(), 1);
}

#[tokio::test]
async fn a_job_that_arrives_while_the_worker_ends_is_refused_by_an_error() {
    let text = r#"[{"id":"a","input":1},{"id":"b","input":2}]"#.to_owned();
    // The answer as a whole comes after the worker was asked to end; or it had begun before.
    for whole in [true, false] {
        let gate = CancellationToken::new();
        let first = if whole {
            Reply::After(gate.clone(), Box::new(Reply::Body(text.clone())))
        } else {
            Reply::HalfThen(gate.clone(), text.clone())
        };
        let platform = Platform::start(&[("take", vec![first])]);
        let mut settings = platform.settings();
        settings.timings.last_poll = if whole { Duration::from_secs(20) } else { Duration::from_millis(300) };
        settings.timings.last_answer = Duration::from_secs(20);
        let worker = Worker::start(settings, fine);
        platform.nth("take", 1).await;
        worker.shutdown.cancel();
        if whole {
            gate.cancel();
        } else {
            // A platform slower than the time that a poll gets which has not begun to be answered.
            tokio::time::sleep(Duration::from_millis(400)).await;
            gate.cancel();
        }
        worker.ended().await;
        let results = platform.all("result");
        assert_eq!(results.len(), 2, "{results:#?}");
        for result in results {
            assert!(result.body.contains("has not begun this job; send it again"), "{}", result.body);
        }
    }
}

#[tokio::test]
async fn a_running_job_may_end_and_its_answer_is_posted_until_it_is_taken() {
    let (begun, done) = (CancellationToken::new(), CancellationToken::new());
    let refusals = vec![Reply::Status(500), Reply::Close];
    let platform = Platform::start(&[("take", vec![job("a")]), ("result", refusals)]);
    let (begin, wait) = (begun.clone(), done.clone());
    let worker = Worker::start(platform.settings(), move |_, context: JobContext| {
        begin.cancel();
        let wait = wait.clone();
        async move {
            tokio::select! {
                () = wait.cancelled() => Answer::Output(json!("done")),
                () = context.stop.cancelled() => Answer::Stopped,
            }
        }
    });
    begun.cancelled().await;
    worker.shutdown.cancel();
    done.cancel();
    worker.ended().await;
    let bodies: Vec<String> = platform.all("result").into_iter().map(|result| result.body).collect();
    assert_eq!(bodies, [r#"{"output":"done"}"#; 3]);
    assert_eq!(platform.all("take").len(), 1);
}

#[tokio::test]
async fn a_job_that_outlasts_the_grace_is_stopped_and_answered_for_with_an_error() {
    let begun = CancellationToken::new();
    let platform = Platform::start(&[("take", vec![job("a")])]);
    let mut settings = platform.settings();
    settings.grace = Duration::from_millis(20);
    let begin = begun.clone();
    let worker = Worker::start(settings, move |_, context: JobContext| {
        begin.cancel();
        async move {
            context.stop.cancelled().await;
            Answer::Stopped
        }
    });
    begun.cancelled().await;
    worker.end().await;
    let results = platform.all("result");
    assert_eq!(results.len(), 1);
    assert!(results[0].body.contains("shut down before this job had ended"), "{}", results[0].body);
}

#[tokio::test]
async fn cancels_are_heard_while_the_worker_ends() {
    let (begun, closing) = (CancellationToken::new(), CancellationToken::new());
    let order = Reply::After(closing.clone(), Box::new(Reply::Body(r#"{"jobsToStop":["a"]}"#.into())));
    let platform = Platform::start(&[("take", vec![job("a")]), ("stop", vec![order])]);
    let begin = begun.clone();
    let worker = Worker::start(platform.settings(), move |_, context: JobContext| {
        begin.cancel();
        async move {
            context.stop.cancelled().await;
            Answer::Stopped
        }
    });
    begun.cancelled().await;
    worker.shutdown.cancel();
    closing.cancel();
    worker.ended().await;
    assert!(platform.all("result").is_empty());
}

#[tokio::test]
async fn a_result_that_nobody_takes_does_not_keep_the_worker_from_ending() {
    let platform = Platform::start(&[("take", vec![job("a")]), ("result", vec![Reply::Hold])]);
    let mut settings = platform.settings();
    settings.timings.result_head_start = Duration::from_millis(10);
    settings.timings.result_grace = Duration::from_millis(30);
    let worker = Worker::start(settings, fine);
    platform.nth("result", 1).await;
    worker.end().await;
    platform.left("result").await;
}
