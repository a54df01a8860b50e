use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const KEY: &str = "rpa_PLANTED";

fn client(address: SocketAddr) -> Endpoint {
    Endpoint::new(EndpointSettings {
        base: format!("http://{address}/v2").parse().unwrap(),
        endpoint: "ep1".parse().unwrap(),
        key: ApiKey::new(KEY).unwrap(),
    })
    .unwrap()
}

fn job() -> JobId {
    "j-1".parse().unwrap()
}

fn request() -> JobRequest {
    JobRequest { input: json!({"a": 1}), policy: Policy::default() }
}

fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn with(mut answer: Response<Body>, name: &'static str, value: &str) -> Response<Body> {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

/// Other tests on this machine look at every port they can reach; that must not use up an answer.
fn is_ours(head: &str) -> bool {
    head.contains("Bearer")
}

/// A connection with a request of ours on it, read as far as it came at once.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let read = socket.read(&mut request).await.unwrap_or(0);
        if is_ours(&String::from_utf8_lossy(&request[..read])) {
            return socket;
        }
    }
}

/// What came in: method and path, the head as text, the body.
type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// A server that gives these answers, then 599 for ever.
async fn server(answers: impl IntoIterator<Item = Response<Body>>) -> (Endpoint, Seen) {
    let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| {
        let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
        async move {
            if !is_ours(&format!("{:?}", request.headers())) {
                return answer(404, "");
            }
            let line = format!("{} {}", request.method(), request.uri());
            let head = format!("{:?}", request.headers()).replace("Sensitive", "hidden");
            let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
            log.lock().unwrap().push((line, head, String::from_utf8(body.to_vec()).unwrap()));
            answers.lock().unwrap().pop_front().unwrap_or_else(|| answer(599, "no answer left"))
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = client(listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (endpoint, seen)
}

/// A server that writes these bytes on one connection after the other. `None`: nothing, and the connection stays open.
async fn raw_server(answers: Vec<Option<&'static [u8]>>, then_open: bool) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = client(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        for bytes in answers {
            let mut socket = accept(&listener).await;
            if let Some(bytes) = bytes {
                socket.write_all(bytes).await.unwrap();
            }
            if then_open || bytes.is_none() {
                open.push(socket);
            }
        }
        std::future::pending::<()>().await;
    });
    endpoint
}

#[tokio::test]
async fn every_operation_asks_as_the_api_wants_it_and_reads_the_answer() {
    let (endpoint, seen) = server([
        answer(200, r#"{"id": "j-1", "status": "IN_QUEUE"}"#),
        answer(200, r#"{"id": "j-1", "status": "COMPLETED", "output": [1], "executionTime": 1500}"#),
        answer(200, r#"{"status": "IN_PROGRESS", "stream": [{"output": "x"}]}"#),
        answer(200, r#"{"id": "j-1", "status": "CANCELLED"}"#),
        answer(200, ""),
        answer(200, r#"{"jobs": {"inQueue": 3}, "workers": {"idle": 1}}"#),
    ])
    .await;
    let policy = Policy { ttl: Some(Duration::from_secs(60)), ..Policy::default() };
    assert_eq!(endpoint.run(&JobRequest { policy, ..request() }).await, Ok(job()));
    let status = endpoint.status(&job()).await.unwrap();
    assert_eq!((status.state, status.output), (JobState::Completed, Some(json!([1]))));
    let stream = endpoint.stream(&job()).await.unwrap();
    assert_eq!((stream.state, stream.chunks), (Some(JobState::InProgress), vec![json!("x")]));
    assert_eq!(endpoint.cancel(&job()).await, Ok(()));
    assert_eq!(endpoint.cancel(&job()).await, Ok(()), "an empty answer will do");
    let health = endpoint.health().await.unwrap();
    assert_eq!((health.in_queue, health.workers.idle), (3, 1));
    let seen = seen.lock().unwrap();
    let asked: Vec<_> = seen.iter().map(|(line, _, body)| (line.as_str(), body.as_str())).collect();
    assert_eq!(
        asked,
        [
            ("POST /v2/ep1/run", r#"{"input":{"a":1},"policy":{"ttl":60000}}"#),
            ("GET /v2/ep1/status/j-1", ""),
            ("GET /v2/ep1/stream/j-1", ""),
            ("POST /v2/ep1/cancel/j-1", ""),
            ("POST /v2/ep1/cancel/j-1", ""),
            ("GET /v2/ep1/health", ""),
        ]
    );
    for (line, head, _) in &*seen {
        assert!(head.contains("Bearer rpa_PLANTED"), "{line}: {head}");
        assert!(head.contains(concat!("flaky/", env!("CARGO_PKG_VERSION"))), "{line}: {head}");
    }
    assert!(seen[0].1.contains("application/json"));
}

/// Runs the test above with a proxy in the environment that nobody serves: it passes only if that is not used.
#[test]
fn a_proxy_never_sees_a_key_that_is_not_encrypted() {
    let name = "endpoint::tests::every_operation_asks_as_the_api_wants_it_and_reads_the_answer";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name]);
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(variable, "http://127.0.0.1:1");
    }
    for variable in ["no_proxy", "NO_PROXY"] {
        command.env_remove(variable);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn what_stays_is_an_error_at_once() {
    let refused = |status, why: &str| EndpointError::Refused { status, why: why.to_owned() };
    let unexpected = |why: &str| EndpointError::Unexpected { why: why.to_owned() };
    for (given, expected) in [
        (answer(401, ""), EndpointError::Unauthorized),
        (answer(403, "x"), EndpointError::Forbidden),
        (answer(404, "{}"), EndpointError::NotFound { what: Missing::Job }),
        (answer(400, r#"{"error": "bad\ninput"}"#), refused(400, "bad input")),
        (answer(413, ""), refused(413, "nothing more was said")),
        (answer(422, "<html>"), refused(422, "<html>")),
        (
            with(answer(302, ""), "location", "http://127.0.0.1:1/"),
            unexpected("it redirects (302), which is not followed because of the key"),
        ),
        (answer(200, r#"{"status": "PAUSED"}"#), unexpected(r#"a job in the state `"PAUSED"`"#)),
        (answer(200, "[]"), unexpected("a job's status is not an object")),
        (answer(204, ""), unexpected("a job's status is not an object")),
    ] {
        let (endpoint, seen) = server([given]).await;
        assert_eq!(endpoint.status(&job()).await, Err(expected));
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
    let (endpoint, _) = server([answer(404, ""), answer(200, r#"{"id": "../x"}"#), answer(200, "{}")]).await;
    assert_eq!(endpoint.run(&request()).await, Err(EndpointError::NotFound { what: Missing::Endpoint }));
    assert!(matches!(endpoint.run(&request()).await, Err(EndpointError::Unexpected { .. })));
    assert_eq!(endpoint.run(&request()).await, Err(unexpected("a submitted job has no id")));
}

#[tokio::test]
async fn what_passes_is_tried_again_for_every_operation() {
    let troubles: [fn() -> Response<Body>; 6] = [
        || answer(500, "no"),
        || answer(503, ""),
        || answer(408, ""),
        || answer(200, "<html>"),
        || answer(200, r#"{"status": "#),
        || with(answer(429, ""), "retry-after", "0"),
    ];
    let all = troubles.map(|trouble| tokio::spawn(tried_again(trouble)));
    for one in all {
        one.await.unwrap();
    }
}

async fn tried_again(trouble: fn() -> Response<Body>) {
    let (endpoint, seen) = server([trouble(), trouble(), answer(200, r#"{"id": "j-1"}"#)]).await;
    assert_eq!(endpoint.run(&request()).await, Ok(job()), "{:?}", trouble());
    let bodies: Vec<_> = seen.lock().unwrap().iter().map(|s| s.2.clone()).collect();
    assert_eq!(bodies, vec![r#"{"input":{"a":1}}"#; 3], "{:?}", trouble());
    let (endpoint, seen) = server([trouble(), answer(200, r#"{"status": "IN_QUEUE"}"#)]).await;
    let state = endpoint.status(&job()).await.map(|s| s.state);
    let asked = seen.lock().unwrap().len();
    assert_eq!((state, asked), (Ok(JobState::InQueue), 2), "{:?}", trouble());
    let (endpoint, _) = server([trouble(), answer(200, "[]")]).await;
    assert_eq!(endpoint.stream(&job()).await.map(|s| s.chunks), Ok(vec![]), "{:?}", trouble());
    let (endpoint, _) = server([trouble(), answer(200, "{}")]).await;
    assert_eq!(endpoint.cancel(&job()).await, Ok(()), "{:?}", trouble());
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"status\":\"IN_QUEUE\"}";
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2100\r\n\r\n{\"status\":";
    for first in [b"".as_slice(), b"HTTP/1.1 2", b"nonsense\r\n\r\n", HALF] {
        let endpoint = raw_server(vec![Some(first), Some(GOOD)], false).await;
        let shown = String::from_utf8_lossy(first);
        assert_eq!(endpoint.status(&job()).await.map(|s| s.state), Ok(JobState::InQueue), "{shown}");
    }
}

#[tokio::test]
async fn trying_ends_with_what_happened_last_and_how_often() {
    let (endpoint, seen) = server((0..9).map(|_| answer(502, "bad gateway"))).await;
    let error = endpoint.trying_for(Duration::from_millis(700)).status(&job()).await.unwrap_err();
    let tries = u32::try_from(seen.lock().unwrap().len()).unwrap();
    assert_eq!(error, EndpointError::Server { status: 502, why: "bad gateway".into(), tries });
    assert!((2..=4).contains(&tries), "{tries}");

    let (endpoint, seen) = server([with(answer(429, ""), "retry-after", "9")]).await;
    let error = endpoint.trying_for(Duration::from_secs(5)).status(&job()).await.unwrap_err();
    assert_eq!(error, EndpointError::Throttled { after: Duration::from_secs(9) });
    assert_eq!(seen.lock().unwrap().len(), 1);

    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = client(gone).trying_for(Duration::from_millis(300)).status(&job()).await.unwrap_err();
    let EndpointError::Unreachable { why, tries } = error else { panic!("{error:?}") };
    assert!(why.contains("refused") && tries >= 2, "{why} {tries}");
}

#[tokio::test]
async fn after_a_429_everyone_rests_as_long_as_was_asked() {
    let (endpoint, _) =
        server([with(answer(429, ""), "retry-after", "1"), answer(200, "[]"), answer(200, "[]")]).await;
    let (began, job) = (std::time::Instant::now(), job());
    let first = tokio::spawn({
        let (endpoint, job) = (endpoint.clone(), job.clone());
        async move { endpoint.stream(&job).await }
    });
    // Whichever of them was refused, neither is answered before the second is over.
    let (first, second) = tokio::join!(first, endpoint.stream(&job));
    assert!(first.unwrap().is_ok() && second.is_ok());
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_more_is_given_up() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2100\r\n\r\n{\"status\":";
    for (said, expected) in [
        (None, "nothing came within 20 s"),
        (Some(b"HTTP/1.1 200".as_slice()), "nothing came within 20 s"),
        (Some(HALF), "the answer stopped in the middle"),
    ] {
        let endpoint = raw_server(vec![said], true).await.trying_for(Duration::ZERO);
        let error = endpoint.status(&job()).await.unwrap_err();
        assert_eq!(error, EndpointError::Unreachable { why: expected.into(), tries: 1 });
    }
}

#[tokio::test]
async fn an_answer_is_never_read_beyond_its_limit() {
    let declared = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n{";
    let endpoint = raw_server(vec![Some(declared)], true).await;
    let expected = EndpointError::AnswerTooLarge { limit: OUTPUT_ANSWER };
    assert_eq!(endpoint.status(&job()).await, Err(expected));

    // Without a length, and without an end.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = client(listener.local_addr().unwrap());
    let sent = tokio::spawn(async move {
        let mut socket = accept(&listener).await;
        let mut sent = 0_usize;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[").await;
        while socket.write_all(&[b' '; 65536]).await.is_ok() {
            sent += 65536;
        }
        sent
    });
    let expected = EndpointError::AnswerTooLarge { limit: SMALL_ANSWER };
    assert_eq!(endpoint.health().await, Err(expected));
    // It hung up; what is beyond the limit was in flight.
    assert!(sent.await.unwrap() < 16 * SMALL_ANSWER);

    // Deep nesting is no JSON of ours, and no crash.
    let deep = "[".repeat(100_000);
    let (endpoint, _) = server([answer(200, deep)]).await;
    let error = endpoint.trying_for(Duration::ZERO).status(&job()).await.unwrap_err();
    assert!(matches!(error, EndpointError::Unexpected { .. }), "{error}");
}

#[tokio::test]
async fn a_job_that_is_too_large_is_not_sent() {
    let (endpoint, seen) = server([answer(200, r#"{"id": "j-1"}"#)]).await;
    let frame = r#"{"input":""}"#.len();
    let fits =
        |bytes: usize| JobRequest { input: "x".repeat(bytes - frame).into(), policy: Policy::default() };
    let error = endpoint.run(&fits(RUN_LIMIT + 1)).await.unwrap_err();
    assert_eq!(error, EndpointError::TooLarge { bytes: RUN_LIMIT + 1, limit: RUN_LIMIT });
    assert_eq!(seen.lock().unwrap().len(), 0);
    assert_eq!(endpoint.run(&fits(RUN_LIMIT)).await, Ok(job()));
}

#[tokio::test]
async fn the_key_is_in_no_error_and_goes_to_no_other_place() {
    let (other, elsewhere) = server([]).await;
    let location = other.shared.settings.base.to_string();
    let echo = format!("you are {KEY}, Bearer {KEY}");
    for status in [300, 307, 400, 401, 403, 404, 409, 413, 429, 500, 503, 200] {
        let given = with(answer(status, echo.clone()), "location", &location);
        assert!(StatusCode::from_u16(status).is_ok());
        let (endpoint, _) = server([given]).await;
        let error = endpoint.trying_for(Duration::ZERO).status(&job()).await.unwrap_err();
        let shown = format!("{error} {error:?} {endpoint:?} {:?}", endpoint.shared.settings);
        assert!(!shown.contains(KEY), "{shown}");
    }
    assert_eq!(elsewhere.lock().unwrap().len(), 0);
    let fields = json!({"status": "FAILED", "error": {"message": echo}, "workerId": KEY});
    let (endpoint, _) = server([answer(200, fields.to_string())]).await;
    let status = endpoint.status(&job()).await.unwrap();
    assert!(!format!("{status:?}").contains(KEY), "{status:?}");
}
