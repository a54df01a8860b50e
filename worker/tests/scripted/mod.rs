//! The local server with a handler that does what its input says, and a client beside it.
#![allow(dead_code, unreachable_pub, reason = "every test binary that includes this uses its own part of it")]

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flaky_worker::api::{ApiError, Exposure, Settings, serve};
use flaky_worker::job::{Answer, Job, JobContext, JobHandler};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What tests see of the handler, and decide for it.
#[derive(Debug)]
pub struct Stage {
    /// Jobs with `hold` end when this is true.
    pub open: watch::Sender<bool>,
    /// Jobs that were told to stop.
    pub stopped: watch::Sender<usize>,
    /// `name` of jobs, in the order in which they were started.
    pub started: watch::Sender<Vec<String>>,
    running: AtomicUsize,
    /// Most jobs that ever ran at once.
    pub peak: AtomicUsize,
}

/// Does what its input says.
#[derive(Debug)]
pub struct Scripted(Arc<Stage>);

impl JobHandler for Scripted {
    async fn handle(&self, job: Job, context: JobContext) -> Answer {
        let now = self.0.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.peak.fetch_max(now, Ordering::SeqCst);
        let answer = self.act(&job.input, &context).await;
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

impl Stage {
    fn new() -> Self {
        Self {
            open: watch::Sender::new(false),
            stopped: watch::Sender::new(0),
            started: watch::Sender::default(),
            running: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }
}

impl Scripted {
    /// One that nobody looks at.
    pub fn idle() -> Self {
        Self(Arc::new(Stage::new()))
    }

    async fn act(&self, input: &Value, context: &JobContext) -> Answer {
        let text = |key: &str| input[key].as_str().map(str::to_owned);
        if let Some(name) = text("name") {
            self.0.started.send_modify(|names| names.push(name));
        }
        if input["panic"] == true {
            panic!("as asked for");
        }
        if let Some(value) = input.get("progress") {
            context.progress(value.clone());
        }
        for chunk in input["chunks"].as_array().into_iter().flatten() {
            context.chunk(chunk.clone()).await;
        }
        if input["hold"] == true {
            let mut open = self.0.open.subscribe();
            tokio::select! {
                _ = open.wait_for(|open| *open) => {}
                () = context.stop.cancelled(), if input["stubborn"] != true => {
                    self.0.stopped.send_modify(|count| *count += 1);
                    return Answer::Stopped;
                }
            }
        }
        if let Some(seconds) = input["seconds"].as_f64() {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        // The shape of a full job.
        if input.get("repo").is_some() {
            return Answer::Output(flaky_result(input));
        }
        match text("fail") {
            Some(error) => Answer::Failed { error, output: input.get("say").cloned() },
            None => Answer::Output(input.get("say").cloned().unwrap_or_else(|| input.clone())),
        }
    }
}

fn flaky_result(input: &Value) -> Value {
    let runs = input["runs"].as_u64().unwrap_or(10);
    let attempt = |n: u64| json!({"attempt": n, "exit_code": 0, "stdout": "", "stderr": "", "passed": true});
    json!({
        "total_runs": runs, "parallelism": input["parallelism"], "failures": 0, "repro_rate": 0.0,
        "framework": "python", "results": (0..runs).map(attempt).collect::<Vec<_>>(),
    })
}

/// A server, its handler and a client.
#[derive(Debug)]
pub struct Bench {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What the handler does.
    pub stage: Arc<Stage>,
    /// Ends the server.
    pub shutdown: CancellationToken,
    /// The server.
    pub server: JoinHandle<Result<(), ApiError>>,
    /// For anything.
    pub client: Client,
}

/// A free port of this machine and two jobs at once.
pub fn settings() -> Settings {
    Settings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        exposure: Exposure::ThisMachine,
        concurrency: NonZeroUsize::new(2).unwrap(),
        endpoint: None,
        execution_timeout: Duration::from_mins(10),
    }
}

impl Bench {
    /// Starts one.
    pub async fn start(settings: Settings) -> Self {
        let stage = Arc::new(Stage::new());
        let shutdown = CancellationToken::new();
        let (ready, address) = oneshot::channel();
        let (token, handler) = (shutdown.clone(), Scripted(Arc::clone(&stage)));
        let server = tokio::spawn(async move {
            serve(settings, handler, token, |address| ready.send(address).unwrap()).await
        });
        let address = address.await.expect("the server listens");
        let base = format!("http://{address}");
        Self { base, address, stage, shutdown, server, client: client() }
    }

    /// A request to a path.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// A request to a path.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    /// What `/run` says is the id.
    pub async fn run(&self, input: Value) -> String {
        self.run_body(json!({ "input": input })).await
    }

    /// The same with all of the body.
    pub async fn run_body(&self, body: Value) -> String {
        let answer = document(self.post("/v2/e/run").json(&body).send().await.unwrap()).await;
        assert_eq!(answer["status"], "IN_QUEUE", "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The status as it is now.
    pub async fn status(&self, id: &str) -> Value {
        document(self.get(&format!("/v2/e/status/{id}")).send().await.unwrap()).await
    }

    /// The status when the job has ended.
    pub async fn ended(&self, id: &str) -> Value {
        document(self.get(&format!("/status/{id}")).send().await.unwrap()).await
    }

    /// Runs a job to its end.
    pub async fn finish(&self, input: Value) -> Value {
        let id = self.run(input).await;
        self.ended(&id).await
    }

    /// Waits until a job of this name was started.
    pub async fn started(&self, name: &str) {
        let mut started = self.stage.started.subscribe();
        started.wait_for(|names| names.iter().any(|n| n == name)).await.unwrap();
    }

    /// Waits until so many jobs were told to stop.
    pub async fn stopped(&self, count: usize) {
        self.stage.stopped.subscribe().wait_for(|stopped| *stopped == count).await.unwrap();
    }

    /// Asks until the answer fits.
    pub async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = document(self.get(path).send().await.unwrap()).await;
            if fits(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends the server and waits for it.
    pub async fn end(self) {
        self.shutdown.cancel();
        self.server.await.unwrap().unwrap();
    }
}

/// Without the proxy that this machine may have set.
pub fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// The JSON of a 200.
pub async fn document(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}
