//! Heartbeats, and the health check that is answered beside them.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::scripted::{Platform, Reply, Worker, job};
use crate::job::{Answer, Job, JobContext};
use crate::platform::report_unhealthy;

async fn fine(_: Job, _: JobContext) -> Answer {
    Answer::Output(json!("fine"))
}

const IDLE: &str = "/v2/ep/ping/pod-1?gpu=CPU+SIM&runpod_version=1.12.0";

#[tokio::test]
async fn the_first_heartbeat_comes_at_once_and_the_others_at_their_interval() {
    let platform = Platform::start(&[]);
    let mut settings = platform.settings();
    settings.ping_interval = Duration::from_millis(20);
    let worker = Worker::start(settings, fine);
    let fourth = platform.nth("ping", 4).await;
    worker.end().await;
    let pings = platform.all("ping");
    assert!(fourth.at - pings[0].at >= Duration::from_millis(40), "{:?}", fourth.at - pings[0].at);
    assert_eq!(pings[0].target, IDLE);
    assert_eq!(pings[0].header("authorization"), Some("the-key"));
    assert_eq!(pings[0].header("content-type"), None);
}

#[tokio::test]
async fn heartbeats_name_the_jobs_in_hand_and_come_while_a_job_blocks_every_thread() {
    let list = r#"[{"id":"b","input":1},{"id":"a","input":1}]"#;
    let platform = Platform::start(&[("take", vec![Reply::Body(list.into())])]);
    let mut settings = platform.settings();
    settings.concurrency = 2.try_into().unwrap();
    settings.ping_interval = Duration::from_millis(20);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    // This test's runtime has one thread, and a job holds it; so the platform is watched from another.
    let worker = Worker::start(settings, move |job: Job, _| {
        if job.id.as_str() == "b" {
            let _ = blocked.lock().unwrap().recv();
        }
        async { Answer::Output(json!("done")) }
    });
    let watcher = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let busy = platform
                .until(|seen| seen.iter().filter(|s| s.target.contains("job_id=")).nth(4).cloned())
                .await;
            release.send(()).unwrap();
            platform.nth("result", 2).await;
            let results = platform.all("result").len();
            let idle = platform
                .until(|seen| {
                    let done = seen.iter().rposition(|s| s.what == "result")?;
                    seen[done..].iter().find(|s| s.what == "ping" && s.target == IDLE).cloned()
                })
                .await;
            (busy, results, idle)
        })
    });
    let (busy, results, _) = tokio::task::spawn_blocking(move || watcher.join().unwrap()).await.unwrap();
    worker.end().await;
    assert_eq!(busy.target, "/v2/ep/ping/pod-1?gpu=CPU+SIM&job_id=a%2Cb&runpod_version=1.12.0");
    assert_eq!(results, 2);
}

#[tokio::test]
async fn heartbeats_do_not_name_a_stopped_job() {
    let (begun, end) = (CancellationToken::new(), CancellationToken::new());
    let order = Reply::After(begun.clone(), Box::new(Reply::Body(r#"{"jobsToStop":["a"]}"#.into())));
    let platform = Platform::start(&[("take", vec![job("a")]), ("stop", vec![order])]);
    let mut settings = platform.settings();
    settings.ping_interval = Duration::from_millis(20);
    let wait = end.clone();
    let worker = Worker::start(settings, move |_, _| {
        let wait = wait.clone();
        async move {
            wait.cancelled().await;
            Answer::Stopped
        }
    });
    platform.until(|seen| seen.iter().any(|s| s.target.contains("job_id=a")).then_some(())).await;
    begun.cancel();
    // Stopped, and still at work.
    platform
        .until(|seen| {
            let named = seen.iter().position(|s| s.target.contains("job_id=a"))?;
            seen[named..].iter().any(|s| s.target == IDLE).then_some(())
        })
        .await;
    assert_eq!(platform.all("take").len(), 1);
    end.cancel();
    platform.nth("take", 2).await;
    worker.end().await;
}

#[tokio::test]
async fn heartbeats_go_on_whatever_is_answered() {
    let answers = vec![Reply::Status(404), Reply::Close, Reply::Cut, Reply::Status(503), Reply::Status(401)];
    let platform = Platform::start(&[("ping", answers)]);
    let mut settings = platform.settings();
    settings.ping_interval = Duration::from_millis(20);
    let worker = Worker::start(settings, fine);
    platform.nth("ping", 8).await;
    worker.end().await;
}

#[tokio::test]
async fn a_worker_that_cannot_work_says_so_once() {
    let platform = Platform::start(&[]);
    report_unhealthy(&platform.settings(), "disk", &"ä ".repeat(1000)).await;
    let ping = platform.nth("ping", 1).await;
    let reason = "%C3%A4+".repeat(128);
    assert_eq!(
        ping.target,
        format!(
            "/v2/ep/ping/pod-1?gpu=CPU+SIM&status=unhealthy&check=disk&reason={reason}&runpod_version=1.12.0"
        )
    );
    // A platform that is away does not keep it from ending.
    let settings = platform.settings();
    drop(platform);
    report_unhealthy(&settings, "disk", "full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_turns_red_when_the_take_loop_is_stuck() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.sock");
    let platform = Platform::start(&[]);
    for (tick, expected) in [(Duration::from_millis(5), true), (Duration::from_secs(3600), false)] {
        let mut settings = platform.settings();
        settings.health_socket = Some(path.clone());
        settings.timings.tick = tick;
        // Long enough for a busy machine where it shall be green, short where it shall be red.
        settings.timings.stuck_after = Duration::from_millis(if expected { 20_000 } else { 20 });
        let worker = Worker::start(settings, fine);
        let asked = path.clone();
        let answer = tokio::task::spawn_blocking(move || {
            // The socket opens a moment later, and a stuck loop shows a moment later.
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            loop {
                let answer = crate::health::check(&asked);
                let found = match &answer {
                    Ok(()) => expected,
                    Err(why) => !expected && why.starts_with("stuck"),
                };
                if found || std::time::Instant::now() > deadline {
                    return answer;
                }
                std::thread::yield_now();
            }
        });
        assert_eq!(answer.await.unwrap().is_ok(), expected);
        worker.end().await;
        assert!(!path.exists());
    }
}
