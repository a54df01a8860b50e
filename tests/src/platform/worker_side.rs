//! What workers ask and tell.

use serde_json::{Value, json};

use super::queue::Handed;
use super::requests::{Route, parameter};
use super::server::{Call, Reply};
use super::state::Shared;

/// A part of a result may be so large. (RunPod's documentation, "Operation reference".)
const LARGEST_CHUNK: usize = 1_000_000;

pub(super) async fn answer(shared: &Shared, call: &Call) -> Reply {
    let worker = call.names.first().map_or("", String::as_str);
    shared.change(|state| {
        let now = state.now();
        state.workers.entry(worker.to_owned()).or_default().last_heard = now;
    });
    match call.route {
        Route::Take => take(shared, worker).await,
        Route::TakeBatch => take_batch(shared, worker, &call.query).await,
        Route::Stop => stop(shared, worker).await,
        Route::Done => done(shared, call),
        Route::StreamChunk => chunk(shared, call),
        _ => Reply::json(200, &json!({})),
    }
}

async fn take(shared: &Shared, worker: &str) -> Reply {
    let hold = shared.lock().settings.hold;
    let taken = shared.attempt_for(hold, |state| state.take(worker, 1)).await;
    taken.and_then(|jobs| jobs.into_iter().next()).map_or_else(Reply::nothing, |job| Reply::json(200, &job))
}

async fn take_batch(shared: &Shared, worker: &str, query: &str) -> Reply {
    let Some(most) = parameter(query, "batch_size").and_then(|text| text.parse().ok()) else {
        return Reply::json(400, &json!({ "error": "`batch_size` is missing" }));
    };
    let hold = shared.lock().settings.hold;
    let taken = shared.attempt_for(hold, |state| state.take(worker, most)).await;
    taken.map_or_else(Reply::nothing, |jobs| Reply::json(200, &Value::Array(jobs)))
}

async fn stop(shared: &Shared, worker: &str) -> Reply {
    let hold = shared.lock().settings.hold;
    let told = shared
        .attempt_for(hold, |state| {
            let ids = std::mem::take(&mut state.workers.entry(worker.to_owned()).or_default().to_stop);
            (!ids.is_empty()).then_some(ids)
        })
        .await;
    told.map_or_else(Reply::nothing, |ids| Reply::json(200, &json!({ "jobsToStop": ids })))
}

fn done(shared: &Shared, call: &Call) -> Reply {
    let (largest, refusal) = {
        let settings = &shared.lock().settings;
        (settings.largest_result, settings.too_large)
    };
    if call.body.len() > largest {
        return Reply::json(refusal, &json!({ "error": "the body is too large" }));
    }
    hand_in(call, |id, body| shared.change(|state| state.hand_in(id, body)))
}

fn chunk(shared: &Shared, call: &Call) -> Reply {
    if call.body.len() > LARGEST_CHUNK {
        return Reply::json(400, &json!({ "error": "the chunk is too large" }));
    }
    hand_in(call, |id, body| shared.change(|state| state.hand_in_chunk(id, body)))
}

fn hand_in(call: &Call, hand_in: impl FnOnce(&str, &Value) -> Handed) -> Reply {
    let id = call.names.get(1).map_or("", String::as_str);
    let body = serde_json::from_slice::<Value>(&call.body).ok().filter(Value::is_object);
    let Some(body) = body else { return Reply::json(400, &json!({ "error": "the body is no object" })) };
    match hand_in(id, &body) {
        // Workers read nothing of it.
        Handed::Taken | Handed::Ignored => Reply::json(200, &json!({})),
        Handed::UnknownJob => Reply::json(404, &json!({ "error": "job not found" })),
    }
}
