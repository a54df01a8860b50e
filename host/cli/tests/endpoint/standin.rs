//! An endpoint in this process: the platform's API over HTTP on loopback, and workers that really run shards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use flaky_engine::cancel::Cancel;
use flaky_engine::folders::Folders;
use flaky_engine::shard::{ShardPart, ShardRequest, run_shard};
use flaky_exec::LauncherProgram;
use flaky_exec::checkout::CheckoutSettings;
use flaky_runpod::wire::{Packer, PackerLimits, ShardFailure, ShardFailureKind, ShardOrder, unpack_order};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

/// The key that the endpoint takes.
pub(crate) const KEY: &str = "rpa_PLANTED_SECRET";

/// What goes wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// Of every job submitted, by its number from 0: whether its worker dies after its first attempt.
    pub(crate) dies: Vec<usize>,
    /// Shards fail before their first attempt, with this.
    pub(crate) failure: Option<ShardFailure>,
    /// Attempts come back under other seeds than they were ordered with.
    pub(crate) other_seeds: bool,
    /// Attempts arrive only with the output, and the platform hands out no streams.
    pub(crate) no_stream: bool,
    /// What the platform says that every job took.
    pub(crate) execution: Option<Duration>,
}

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) order: ShardOrder,
    pub(crate) policy: Value,
    pub(crate) state: &'static str,
    stream: Vec<Value>,
    output: Option<Value>,
    cancel: Cancel,
    started: Option<Instant>,
    took: Option<Duration>,
}

struct Shared {
    jobs: Mutex<BTreeMap<String, Job>>,
    workers: Semaphore,
    faults: Faults,
    folder: tempfile::TempDir,
}

/// An endpoint that lives as long as this value.
pub(crate) struct StandIn {
    shared: Arc<Shared>,
    address: SocketAddr,
    // Last: everything that runs ends with it.
    _runtime: Runtime,
}

impl StandIn {
    pub(crate) fn new(workers: usize, faults: Faults) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let shared = Arc::new(Shared {
            jobs: Mutex::default(),
            workers: Semaphore::new(workers),
            faults,
            folder: tempfile::tempdir().unwrap(),
        });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/v2/e1/run", post(run))
            .route("/v2/e1/status/{id}", get(status))
            .route("/v2/e1/stream/{id}", get(stream))
            .route("/v2/e1/cancel/{id}", post(cancel))
            .route("/v2/e1/health", get(health))
            .with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { shared, address, _runtime: runtime }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v2", self.address)
    }

    pub(crate) fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.shared.jobs.lock().unwrap()
    }

    /// Attempts that were ordered, by job in the order of submission.
    pub(crate) fn ordered(&self) -> Vec<Vec<u32>> {
        self.jobs().values().map(|job| job.order.attempts.iter().map(|a| a.index.0).collect()).collect()
    }
}

type Answer = Result<Json<Value>, StatusCode>;

fn check(headers: &HeaderMap) -> Result<(), StatusCode> {
    let expected = format!("Bearer {KEY}");
    let given = headers.get("authorization").and_then(|v| v.to_str().ok());
    if given == Some(&expected) { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
}

async fn run(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    check(&headers)?;
    let order = unpack_order(&body["input"]["shard"]).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut jobs = shared.jobs.lock().unwrap();
    let number = jobs.len();
    let id = format!("job-{number:04}-u1");
    let job = Job {
        order: order.clone(),
        policy: body["policy"].clone(),
        state: "IN_QUEUE",
        stream: Vec::new(),
        output: None,
        cancel: Cancel::default(),
        started: None,
        took: None,
    };
    let stop = job.cancel.clone();
    jobs.insert(id.clone(), job);
    let (of, job) = (Arc::clone(&shared), id.clone());
    tokio::spawn(async move { work(&of, &job, number, order, stop).await });
    Ok(Json(json!({"id": id, "status": "IN_QUEUE"})))
}

async fn work(shared: &Arc<Shared>, id: &str, number: usize, order: ShardOrder, stop: Cancel) {
    let Ok(_worker) = shared.workers.acquire().await else { return };
    if stop.is_cancelled() {
        return;
    }
    let change = |what: &mut dyn FnMut(&mut Job)| {
        if let Some(job) = shared.jobs.lock().unwrap().get_mut(id) {
            what(job);
        }
    };
    change(&mut |job| (job.state, job.started) = ("IN_PROGRESS", Some(Instant::now())));
    let place = shared.folder.path().join(id);
    let folders = Folders { state: place.join("state"), cache: shared.folder.path().join("cache") };
    let request = ShardRequest {
        order,
        checkout: CheckoutSettings::default(),
        folders,
        environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        launcher: LauncherProgram::Path(PathBuf::from(env!("CARGO_BIN_EXE_flaky"))),
        cancel: stop.clone(),
        run_as: None,
    };
    let (sender, mut parts) = mpsc::channel(4);
    let running = tokio::spawn(async move { run_shard(request, &sender).await });
    let mut packer = Packer::new(PackerLimits::default());
    while let Some(part) = parts.recv().await {
        let mut chunks = Vec::new();
        match part {
            ShardPart::Head(mut head) => {
                head.failure.clone_from(&shared.faults.failure);
                chunks.extend(packer.head_chunk(&head).ok());
            }
            ShardPart::Attempt(_) if shared.faults.failure.is_some() => {}
            ShardPart::Attempt(mut attempt) => {
                attempt.seed.0 += u64::from(shared.faults.other_seeds);
                chunks.extend(packer.push(*attempt));
                chunks.extend(packer.flush());
                if shared.faults.dies.contains(&number) {
                    stop.cancel();
                    change(&mut |job| {
                        job.stream.append(&mut chunks);
                        job.state = "TIMED_OUT";
                    });
                    return;
                }
            }
        }
        if !shared.faults.no_stream {
            change(&mut |job| job.stream.append(&mut chunks));
        }
    }
    let Ok(Ok(mut head)) = running.await else {
        change(&mut |job| job.state = if job.state == "CANCELLED" { job.state } else { "FAILED" });
        return;
    };
    head.failure.clone_from(&shared.faults.failure);
    let output = packer.finish(&head).unwrap();
    change(&mut |job| {
        (job.state, job.output) = ("COMPLETED", Some(output.clone()));
        job.took = shared.faults.execution.or(job.started.map(|s| s.elapsed()));
    });
}

async fn status(State(shared): State<Arc<Shared>>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    check(&headers)?;
    let jobs = shared.jobs.lock().unwrap();
    let job = jobs.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    let mut answer = json!({"id": id, "status": job.state, "delayTime": 7, "workerId": "w1"});
    if let Some(output) = &job.output {
        answer["output"] = output.clone();
    }
    if let Some(took) = job.took {
        answer["executionTime"] = json!(u64::try_from(took.as_millis()).unwrap());
    }
    if job.state == "FAILED" {
        answer["error"] = json!("the worker broke");
    }
    Ok(Json(answer))
}

async fn stream(State(shared): State<Arc<Shared>>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    check(&headers)?;
    let mut jobs = shared.jobs.lock().unwrap();
    let job = jobs.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    let chunks: Vec<Value> = job.stream.drain(..).map(|chunk| json!({"output": chunk})).collect();
    Ok(Json(json!({"status": job.state, "stream": chunks})))
}

async fn cancel(State(shared): State<Arc<Shared>>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    check(&headers)?;
    let mut jobs = shared.jobs.lock().unwrap();
    let job = jobs.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    if job.output.is_none() {
        job.state = "CANCELLED";
        job.cancel.cancel();
    }
    Ok(Json(json!({"id": id, "status": job.state})))
}

async fn health(headers: HeaderMap) -> Answer {
    check(&headers)?;
    Ok(Json(json!({"jobs": {}, "workers": {"idle": 1}})))
}

/// A failed installation.
pub(crate) fn install_failed() -> ShardFailure {
    ShardFailure {
        kind: ShardFailureKind::InstallFailed,
        why: "pip failed (exit code 1)".into(),
        hint: Some("mend it".into()),
    }
}
