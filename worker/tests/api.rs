//! The local server over HTTP, with a handler that does what its input says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what tests share may fail the test"
)]

mod scripted;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use flaky_worker::api::{ApiError, Exposure, Settings, serve};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::scripted::{Bench, Scripted, client, document, settings};

/// What a refusal says.
async fn refusal(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn a_job_is_done_in_the_background_under_every_prefix() {
    let bench = Bench::start(settings()).await;
    for prefix in ["", "/mine", "/v2/mine", "/v2/other"] {
        let body = json!({"input": {"say": {"n": 1}}, "unknown": true});
        let run = document(bench.post(&format!("{prefix}/run")).json(&body).send().await.unwrap()).await;
        assert_eq!(run["status"], "IN_QUEUE");
        let id = run["id"].as_str().unwrap();
        assert_eq!(run, json!({"id": id, "status": "IN_QUEUE"}));
        for request in
            [bench.get(&format!("{prefix}/status/{id}?wait=60000")), bench.post(&format!("/status/{id}"))]
        {
            let status = document(request.send().await.unwrap()).await;
            assert_eq!(status["status"], "COMPLETED", "{prefix}: {status}");
            assert_eq!(status["output"], json!({"n": 1}));
            assert_eq!(status["id"], id);
            assert_eq!(status["workerId"], "local");
            assert!(status["delayTime"].is_u64() && status["executionTime"].is_u64(), "{status}");
            assert_eq!(status.get("error"), None);
        }
        let sync = bench.post(&format!("{prefix}/runsync")).json(&json!({"input": {"say": [1, "ä"]}}));
        let sync = document(sync.send().await.unwrap()).await;
        assert_eq!((&sync["status"], &sync["output"]), (&json!("COMPLETED"), &json!([1, "ä"])));
        assert!(sync["id"].as_str().unwrap().starts_with("sync-"));
    }
    bench.end().await;
}

#[tokio::test]
async fn under_v2_status_answers_at_once_and_shows_progress() {
    let bench = Bench::start(settings()).await;
    let id = bench.run(json!({"hold": true, "progress": {"done": 3}, "say": "end"})).await;
    let path = format!("/v2/e/status/{id}");
    let status = bench.until(&path, |s| s.get("output").is_some()).await;
    assert_eq!(status["status"], "IN_PROGRESS");
    assert_eq!(status["output"], json!({"done": 3}));
    assert_eq!(status.get("executionTime"), None);
    bench.stage.open.send_replace(true);
    let status = bench.ended(&id).await;
    assert_eq!((&status["status"], &status["output"]), (&json!("COMPLETED"), &json!("end")));
    bench.end().await;
}

/// The SDK's client gives up after ten seconds without a byte.
#[tokio::test]
async fn elsewhere_status_answers_when_the_job_has_ended_and_sends_blanks_until_then() {
    let bench = Bench::start(settings()).await;
    let id = bench.run(json!({"hold": true, "say": "end"})).await;
    let at_once = document(bench.get(&format!("/status/{id}?wait=0")).send().await.unwrap()).await;
    assert!(["IN_QUEUE", "IN_PROGRESS"].contains(&at_once["status"].as_str().unwrap()), "{at_once}");
    let asked = Instant::now();
    let mut response = bench.get(&format!("/e/status/{id}")).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.iter().all(|b| *b == b' '), "{first:?}");
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    bench.stage.open.send_replace(true);
    let rest = response.text().await.unwrap();
    let status: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!((&status["status"], &status["output"]), (&json!("COMPLETED"), &json!("end")));
    bench.end().await;
}

#[tokio::test]
async fn a_failure_has_its_error_and_what_output_there_is() {
    let bench = Bench::start(settings()).await;
    let failed = bench.finish(json!({"fail": "the command is missing"})).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("the command is missing")));
    assert_eq!(failed.get("output"), None);
    let failed = bench.finish(json!({"fail": "half of it", "say": [1]})).await;
    assert_eq!((&failed["status"], &failed["output"]), (&json!("FAILED"), &json!([1])));
    let sync = bench.post("/runsync").json(&json!({"input": {"fail": "no"}}));
    let failed = document(sync.send().await.unwrap()).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("no")));
    bench.end().await;
}

#[tokio::test]
async fn a_panic_fails_its_job_alone() {
    let bench = Bench::start(Settings { concurrency: NonZeroUsize::MIN, ..settings() }).await;
    for _ in 0..3 {
        let failed = bench.finish(json!({"panic": true})).await;
        assert_eq!(failed["status"], "FAILED");
        assert!(failed["error"].as_str().unwrap().contains("fault of the worker"), "{failed}");
    }
    assert_eq!(bench.finish(json!({"say": 1})).await["output"], 1);
    bench.end().await;
}

#[tokio::test]
async fn chunks_come_once_and_in_order() {
    let bench = Bench::start(settings()).await;
    let chunks: Vec<Value> = (0..40).map(|n| json!({ "part": n })).collect();
    let id = bench.run(json!({"chunks": chunks, "hold": true, "say": "all"})).await;
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let answer = document(bench.get(&format!("/v2/e/stream/{id}")).send().await.unwrap()).await;
        assert_eq!(answer["status"], "IN_PROGRESS");
        seen.extend(answer["stream"].as_array().unwrap().iter().map(|c| c["output"].clone()));
    }
    assert_eq!(seen, chunks);
    bench.stage.open.send_replace(true);
    bench.ended(&id).await;
    let last = document(bench.post(&format!("/stream/{id}")).send().await.unwrap()).await;
    assert_eq!(last, json!({"id": id, "status": "COMPLETED", "stream": []}));
    bench.end().await;
}

#[tokio::test]
async fn chunks_that_were_not_fetched_are_still_there_after_the_end() {
    let bench = Bench::start(settings()).await;
    let id = bench.run(json!({"chunks": [1, 2], "say": 3})).await;
    bench.ended(&id).await;
    let stream = document(bench.get(&format!("/stream/{id}")).send().await.unwrap()).await;
    assert_eq!(stream["stream"], json!([{"output": 1}, {"output": 2}]));
    bench.end().await;
}

#[tokio::test]
async fn cancelling_stops_what_runs_and_takes_out_what_waits() {
    let bench = Bench::start(Settings { concurrency: NonZeroUsize::MIN, ..settings() }).await;
    let running = bench.run(json!({"name": "a", "hold": true})).await;
    bench.started("a").await;
    let waiting = bench.run(json!({"name": "b"})).await;
    for id in [&waiting, &running] {
        let answer = document(bench.post(&format!("/v2/e/cancel/{id}")).send().await.unwrap()).await;
        assert_eq!(answer, json!({"id": id, "status": "CANCELLED"}));
        assert_eq!(bench.ended(id).await["status"], "CANCELLED");
    }
    bench.stopped(1).await;
    // The slot is free again, and what was cancelled in the queue never started.
    assert_eq!(bench.finish(json!({"name": "c", "say": 1})).await["output"], 1);
    assert_eq!(*bench.stage.started.borrow(), ["a", "c"]);
    // What has ended stays as it is.
    let done = bench.run(json!({"say": 1})).await;
    bench.ended(&done).await;
    let answer = document(bench.post(&format!("/cancel/{done}")).send().await.unwrap()).await;
    assert_eq!(answer["status"], "COMPLETED");
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_failed_can_be_retried_under_its_id_and_no_other_can() {
    let bench = Bench::start(settings()).await;
    let failed = bench.run(json!({"fail": "once", "say": 1, "name": "x"})).await;
    bench.ended(&failed).await;
    let answer = document(bench.post(&format!("/v2/e/retry/{failed}")).send().await.unwrap()).await;
    assert_eq!(answer, json!({"id": failed, "status": "IN_QUEUE"}));
    assert_eq!(bench.ended(&failed).await["status"], "FAILED");
    assert_eq!(*bench.stage.started.borrow(), ["x", "x"]);
    let health = document(bench.get("/health").send().await.unwrap()).await;
    assert_eq!((&health["jobs"]["retried"], &health["jobs"]["failed"]), (&json!(1), &json!(2)));

    let done = bench.run(json!({"say": 1})).await;
    bench.ended(&done).await;
    let (code, answer) = refusal(bench.post(&format!("/retry/{done}"))).await;
    assert_eq!(code, 400);
    assert!(answer["error"].as_str().unwrap().ends_with("this one is COMPLETED"), "{answer}");
    assert_eq!(refusal(bench.post("/retry/unknown")).await.0, 404);
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_runs_for_too_long_is_stopped_and_timed_out() {
    let execution_timeout = Duration::from_millis(50);
    let bench = Bench::start(Settings { execution_timeout, ..settings() }).await;
    let status = bench.finish(json!({"hold": true})).await;
    assert_eq!(status["status"], "TIMED_OUT");
    assert!(status["error"].as_str().unwrap().contains("longer than 50 ms"), "{status}");
    bench.stopped(1).await;
    bench.end().await;
}

#[tokio::test]
async fn a_retry_waits_for_a_handler_that_does_not_stop() {
    let execution_timeout = Duration::from_millis(50);
    let bench = Bench::start(Settings { execution_timeout, ..settings() }).await;
    let id = bench.run(json!({"hold": true, "stubborn": true, "name": "s", "say": "late"})).await;
    assert_eq!(bench.ended(&id).await["status"], "TIMED_OUT");
    document(bench.post(&format!("/retry/{id}")).send().await.unwrap()).await;
    // A slot is free, but the first start is still at it.
    assert_eq!(bench.finish(json!({"say": 1, "name": "t"})).await["output"], 1);
    assert_eq!(bench.status(&id).await["status"], "IN_QUEUE");
    bench.stage.open.send_replace(true);
    assert_eq!(bench.ended(&id).await["output"], "late");
    assert_eq!(*bench.stage.started.borrow(), ["s", "t", "s"]);
    bench.end().await;
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_set_and_low_priority_comes_last() {
    let bench = Bench::start(settings()).await;
    let first = [json!({"hold": true, "name": "1"}), json!({"hold": true, "name": "2"})];
    for input in first {
        bench.run(input).await;
    }
    bench.started("1").await;
    bench.started("2").await;
    let mut waiting = Vec::new();
    for (name, low) in [("low", true), ("3", false), ("4", false)] {
        let body = json!({"input": {"name": name}, "policy": {"lowPriority": low}});
        waiting.push(bench.run_body(body).await);
    }
    let health = document(bench.get("/v2/e/health").send().await.unwrap()).await;
    let jobs = json!({"completed": 0, "failed": 0, "inProgress": 2, "inQueue": 3, "retried": 0});
    assert_eq!(health["jobs"], jobs);
    assert_eq!((&health["workers"]["idle"], &health["workers"]["running"]), (&json!(0), &json!(2)));
    let open = document(bench.get("/requests").send().await.unwrap()).await;
    let states: Vec<&str> =
        open["requests"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["IN_PROGRESS", "IN_PROGRESS", "IN_QUEUE", "IN_QUEUE", "IN_QUEUE"]);
    bench.stage.open.send_replace(true);
    for id in &waiting {
        bench.ended(id).await;
    }
    assert_eq!(bench.stage.started.borrow().last().unwrap(), "low");
    assert_eq!(bench.stage.peak.load(std::sync::atomic::Ordering::SeqCst), 2);
    bench.end().await;
}

#[tokio::test]
async fn purging_removes_what_waits_and_leaves_what_runs() {
    let bench = Bench::start(Settings { concurrency: NonZeroUsize::MIN, ..settings() }).await;
    let running = bench.run(json!({"name": "a", "hold": true, "say": 1})).await;
    bench.started("a").await;
    let waiting = [bench.run(json!({})).await, bench.run(json!({})).await];
    let purged = document(bench.post("/v2/e/purge-queue").send().await.unwrap()).await;
    assert_eq!(purged, json!({"removed": 2, "status": "completed"}));
    assert_eq!(bench.status(&waiting[1]).await["status"], "CANCELLED");
    bench.stage.open.send_replace(true);
    assert_eq!(bench.ended(&running).await["output"], 1);
    bench.end().await;
}

#[tokio::test]
async fn runsync_answers_with_the_state_when_the_job_takes_longer_than_the_caller_waits() {
    let bench = Bench::start(settings()).await;
    let body = json!({"input": {"hold": true, "say": 1}});
    let answer = document(bench.post("/runsync?wait=1000").json(&body).send().await.unwrap()).await;
    let id = answer["id"].as_str().unwrap();
    assert_eq!(answer, json!({"id": id, "status": "IN_PROGRESS"}));
    bench.stage.open.send_replace(true);
    assert_eq!(bench.ended(id).await["output"], 1);
    for wait in ["999", "300001", "x", "-1", ""] {
        let (code, answer) = refusal(bench.post(&format!("/runsync?wait={wait}")).json(&body)).await;
        assert_eq!(code, 400, "{wait}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains("from 1000 to 300000"), "{answer}");
    }
    bench.end().await;
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let bench = Bench::start(Settings { concurrency: NonZeroUsize::MIN, ..settings() }).await;
    bench.run(json!({"name": "a", "hold": true})).await;
    bench.started("a").await;
    for _ in 0..1000 {
        bench.run(json!({})).await;
    }
    let response = bench.post("/run").json(&json!({"input": {}})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key("retry-after"));
    bench.post("/purge-queue").send().await.unwrap();
    bench.run(json!({})).await;
    bench.end().await;
}

#[tokio::test]
async fn a_body_that_is_no_job_is_refused_and_the_next_job_is_done() {
    let bench = Bench::start(settings()).await;
    let deep = format!(r#"{{"input": {{"a": {}{}}}}}"#, "[".repeat(2_500_000), "]".repeat(2_500_000));
    let large = |size| format!(r#"{{"input": {{"a": "{}"}}}}"#, "x".repeat(size));
    const JSON: &str = "application/json";
    for (path, kind, body, code) in [
        ("/run", JSON, String::new(), 422),
        ("/run", JSON, "{".to_owned(), 422),
        ("/run", JSON, "null".to_owned(), 422),
        ("/run", JSON, r#"{"input": "x"}"#.to_owned(), 422),
        ("/run", JSON, deep, 422),
        ("/run", "text/plain", r#"{"input": {}}"#.to_owned(), 422),
        ("/runsync", "application/x-www-form-urlencoded", "input=x".to_owned(), 422),
        ("/run", JSON, large(10 << 20), 413),
        ("/runsync", JSON, large(20 << 20), 413),
        ("/cancel/x", "text/plain", "x".to_owned(), 422),
    ] {
        let shown = body.get(..body.len().min(40)).unwrap_or_default().to_owned();
        let (is, answer) = refusal(bench.post(path).header("content-type", kind).body(body)).await;
        assert_eq!(is, code, "{path} {shown}: {answer}");
        assert_eq!(answer["detail"].is_array(), code == 422, "{answer}");
        assert!(answer.to_string().len() < 2000);
        assert_eq!(bench.finish(json!({"say": 1})).await["output"], 1, "{path} {shown}");
    }
    // Just small enough.
    let body = large((20 << 20) - 30);
    let sync = bench.post("/runsync").header("content-type", JSON).body(body);
    let status = document(sync.send().await.unwrap()).await;
    assert_eq!(status["output"]["a"].as_str().unwrap().len(), (20 << 20) - 30);
    bench.end().await;
}

#[tokio::test]
async fn unknown_jobs_routes_endpoints_and_methods_are_told_apart() {
    let endpoint = Some("mine".parse().unwrap());
    let bench = Bench::start(Settings { endpoint, ..settings() }).await;
    for path in ["/status/x", "/stream/x", "/v2/mine/status/x", "/mine/stream/x"] {
        let (code, answer) = refusal(bench.get(path)).await;
        assert_eq!((code, &answer["detail"]), (404, &json!("Job ID not found")), "{path}");
    }
    for path in ["/nope", "/v2/mine/nope", "/favicon.ico"] {
        let (code, answer) = refusal(bench.get(path)).await;
        assert_eq!((code, answer), (404, json!({"detail": "Not Found"})), "{path}");
    }
    assert_eq!(refusal(bench.get("/v2/other/health")).await.0, 404);
    for (method, path, allow) in [
        ("GET", "/run", "POST"),
        ("GET", "/cancel/x", "POST"),
        ("GET", "/purge-queue", "POST"),
        ("DELETE", "/status/x", "GET, POST"),
        ("POST", "/health", "GET, HEAD"),
        ("OPTIONS", "/v2/mine/run", "POST"),
    ] {
        let method = method.parse().unwrap();
        let request = bench.client.request(method, format!("{}{path}", bench.base));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(response.headers()["allow"], allow, "{path}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer, json!({"detail": "Method Not Allowed"}));
    }
    bench.end().await;
}

#[tokio::test]
async fn web_pages_from_elsewhere_start_nothing() {
    let bench = Bench::start(settings()).await;
    let port = bench.address.port();
    let (localhost, rebound) = (format!("localhost:{port}"), format!("evil.example:{port}"));
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
        ("sec-fetch-site", "cross-site"),
        ("host", rebound.as_str()),
    ] {
        let request = bench.post("/run").header(name, value).json(&json!({"input": {"name": "evil"}}));
        let (code, answer) = refusal(request).await;
        assert_eq!(code, 403, "{name}: {value}: {answer}");
    }
    let own =
        bench.post("/runsync").header("host", &localhost).header("origin", format!("http://{localhost}"));
    document(own.json(&json!({"input": {"name": "mine"}})).send().await.unwrap()).await;
    assert_eq!(*bench.stage.started.borrow(), ["mine"]);
    bench.end().await;
}

#[tokio::test]
async fn the_page_and_the_description_for_tools_are_served() {
    let bench = Bench::start(settings()).await;
    let page = bench.get("/docs").send().await.unwrap();
    assert_eq!(page.url().path(), "/");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(page.text().await.unwrap().contains("curl http://127.0.0.1:8000/runsync"));
    let tools = document(bench.get("/openapi.json").send().await.unwrap()).await;
    assert_eq!(tools["openapi"], "3.1.0");
    bench.end().await;
}

/// Reads one request and answers it with a status.
async fn receive(listener: &TcpListener, status: &str) -> (String, Value) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        text.extend_from_slice(&buffer[..read]);
        let whole = String::from_utf8_lossy(&text);
        if let Some((head, body)) = whole.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            return (head.to_ascii_lowercase(), body);
        }
        assert_ne!(read, 0, "{whole}");
    }
}

#[tokio::test]
async fn a_webhook_is_told_the_whole_status_whatever_the_end() {
    let bench = Bench::start(settings()).await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/hook?key=1", receiver.local_addr().unwrap());
    for (input, end) in [
        (json!({"say": {"a": 1}}), json!({"status": "COMPLETED", "output": {"a": 1}})),
        (json!({"fail": "no", "say": 1}), json!({"status": "FAILED", "error": "no", "output": 1})),
    ] {
        let id = bench.run_body(json!({"input": input, "webhook": webhook})).await;
        let (head, mut body) = receive(&receiver, "200 OK").await;
        assert!(head.starts_with("post /hook?key=1 http/1.1"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(body, bench.status(&id).await);
        let known = body.as_object_mut().unwrap();
        for key in ["id", "delayTime", "executionTime", "workerId"] {
            assert!(known.remove(key).is_some(), "{key}");
        }
        assert_eq!(body, end);
    }
    bench.end().await;
}

#[tokio::test]
async fn a_webhook_is_called_three_times_ten_seconds_apart_until_it_says_200() {
    let bench = Bench::start(settings()).await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = receiver.local_addr().unwrap();
    let job = |input: Value| json!({"input": input, "webhook": format!("http://{address}")});
    bench.run_body(job(json!({"say": "three"}))).await;
    let mut calls = Vec::new();
    for status in ["500 No", "302 Found\r\nlocation: /elsewhere", "204 No Content"] {
        let (_, body) = receive(&receiver, status).await;
        assert_eq!(body["output"], "three");
        calls.push(Instant::now());
    }
    for pair in calls.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(9_900), "{calls:?}");
    }
    // There is no fourth call: what comes next is of the next job.
    bench.run_body(job(json!({"say": "next"}))).await;
    assert_eq!(receive(&receiver, "200 OK").await.1["output"], "next");
    bench.end().await;
}

#[tokio::test]
async fn a_server_that_ends_stops_its_jobs_and_answers_who_waits() {
    let bench = Bench::start(settings()).await;
    let id = bench.run(json!({"hold": true, "name": "a"})).await;
    bench.started("a").await;
    let mut held = bench.get(&format!("/status/{id}")).send().await.unwrap();
    // The first blank shows that the answer is under way.
    held.chunk().await.unwrap().unwrap();
    let (shutting_down, stopped) = (Instant::now(), bench.stage.stopped.subscribe());
    bench.end().await;
    assert!(shutting_down.elapsed() < Duration::from_secs(5));
    assert_eq!(*stopped.borrow(), 1);
    let status: Value = serde_json::from_str(&held.text().await.unwrap()).unwrap();
    assert_eq!(status["status"], "CANCELLED");
}

#[tokio::test]
async fn an_address_that_others_can_reach_must_be_asked_for() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let shutdown = CancellationToken::new();
    let serving = |settings| serve(settings, Scripted::idle(), shutdown.clone(), |_| shutdown.cancel());
    let refused = serving(Settings { address: everywhere, ..settings() }).await.unwrap_err();
    assert!(matches!(refused, ApiError::Exposed(address) if address == everywhere), "{refused}");
    let exposure = Exposure::Network;
    serving(Settings { address: everywhere, exposure, ..settings() }).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let bench = Bench::start(settings()).await;
    let taken = Settings { address: bench.address, ..settings() };
    let error = serve(taken, Scripted::idle(), CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains(&bench.address.to_string()), "{error}");
    bench.end().await;
}

#[tokio::test]
async fn a_caller_that_sends_nothing_holds_up_nobody() {
    let bench = Bench::start(settings()).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        let half = "POST /run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        stream.write_all(half.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    assert_eq!(bench.finish(json!({"say": 1})).await["output"], 1);
    let answer = client().get(format!("{}/health", bench.base)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    drop(silent);
    bench.end().await;
}
