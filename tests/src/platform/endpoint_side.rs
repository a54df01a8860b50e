//! What clients ask.

use std::time::Duration;

use serde_json::{Value, json};

use super::queue::Status;
use super::requests::{Route, parameter};
use super::server::{Call, Reply};
use super::state::{Shared, State};

/// What `/run` and `/runsync` take. (RunPod's documentation, "Operation reference".)
const LARGEST_RUN: usize = 10_000_000;
const LARGEST_RUN_SYNC: usize = 20_000_000;

pub(super) async fn answer(shared: &Shared, call: &Call) -> Reply {
    let id = call.names.first().map_or("", String::as_str);
    match call.route {
        Route::Run => run(shared, call),
        Route::RunSync => run_sync(shared, call).await,
        Route::Status => status(shared, call, id),
        Route::Stream => stream(shared, id),
        Route::Cancel => cancel(shared, id),
        Route::Retry => retry(shared, id),
        Route::Purge => {
            let removed = shared.change(State::purge);
            Reply::json(200, &json!({ "removed": removed, "status": "completed" }))
        }
        Route::Health => Reply::json(200, &health(&shared.lock())),
        _ => Reply::json(404, &json!({ "error": "not found" })),
    }
}

fn not_found() -> Reply {
    Reply::json(404, &json!({ "error": "job not found" }))
}

fn submit(shared: &Shared, call: &Call, sync: bool) -> Result<String, Reply> {
    let refuse = |why: String| Reply::json(400, &json!({ "error": why }));
    if call.body.len() > if sync { LARGEST_RUN_SYNC } else { LARGEST_RUN } {
        return Err(refuse("the body is too large".into()));
    }
    let body: Value = serde_json::from_slice(&call.body).map_err(|e| refuse(e.to_string()))?;
    shared.change(|state| state.submit(&body, sync)).map_err(refuse)
}

fn run(shared: &Shared, call: &Call) -> Reply {
    match submit(shared, call, false) {
        Ok(id) => Reply::json(200, &json!({ "id": id, "status": "IN_QUEUE" })),
        Err(reply) => reply,
    }
}

async fn run_sync(shared: &Shared, call: &Call) -> Reply {
    let id = match submit(shared, call, true) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    let asked = parameter(&call.query, "wait").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let hold = asked.unwrap_or_else(|| shared.lock().settings.hold_sync);
    let finished = |state: &mut State| {
        let job = state.job(&id)?;
        job.status.is_final().then(|| job.as_status())
    };
    let finished = shared.attempt_for(hold, finished).await;
    let answer = finished.or_else(|| Some(shared.lock().job(&id)?.as_status()));
    answer.map_or_else(not_found, |answer| Reply::json(200, &answer))
}

fn status(shared: &Shared, call: &Call, id: &str) -> Reply {
    let kept_for =
        parameter(&call.query, "ttl").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let mut state = shared.lock();
    let now = state.now();
    let Some(job) = state.jobs.iter_mut().find(|job| job.id == id) else { return not_found() };
    if let (Some(kept_for), false) = (kept_for, job.status.is_final()) {
        // `ttl` in a question only ever shortens; it counts from the submission, as in a policy.
        job.ttl = job.ttl.min(now.saturating_sub(job.submitted) + kept_for);
    }
    Reply::json(200, &job.as_status())
}

fn stream(shared: &Shared, id: &str) -> Reply {
    let mut state = shared.lock();
    let as_array = state.settings.stream_as_array;
    let Some(job) = state.jobs.iter_mut().find(|job| job.id == id) else { return not_found() };
    // Each part is handed out once. (As the SDK reads it: it yields what every answer holds.)
    let fresh: Vec<Value> =
        job.chunks[job.chunks_read..].iter().map(|chunk| json!({ "output": chunk })).collect();
    job.chunks_read = job.chunks.len();
    let status = job.status.to_string();
    drop(state);
    if as_array {
        return Reply::json(200, &json!(fresh));
    }
    Reply::json(200, &json!({ "status": status, "stream": fresh }))
}

fn cancel(shared: &Shared, id: &str) -> Reply {
    let status = shared.change(|state| state.cancel(id));
    status
        .map_or_else(not_found, |status| Reply::json(200, &json!({ "id": id, "status": status.to_string() })))
}

fn retry(shared: &Shared, id: &str) -> Reply {
    match shared.change(|state| state.retry(id)) {
        None => not_found(),
        Some(Ok(())) => Reply::json(200, &json!({ "id": id, "status": "IN_QUEUE" })),
        Some(Err(status)) => {
            Reply::json(400, &json!({ "error": format!("a job that is {status} cannot be retried") }))
        }
    }
}

fn health(state: &State) -> Value {
    let running = state.workers.keys().filter(|worker| !state.held_by(worker).is_empty()).count();
    json!({
        "jobs": {
            "completed": state.jobs_in(Status::Completed),
            "failed": state.jobs_in(Status::Failed),
            "inProgress": state.jobs_in(Status::InProgress),
            "inQueue": state.jobs_in(Status::InQueue),
            "retried": state.retried,
        },
        "workers": {
            "idle": state.workers.len() - running,
            "initializing": 0,
            "ready": state.workers.len() - running,
            "running": running,
            "throttled": 0,
            "unhealthy": 0,
        },
    })
}
