//! Answers that are held back until a job has ended, however long that takes.
//!
//! The SDK's client gives up when nothing comes for ten seconds, so blanks come: JSON may begin with any number.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use flaky_runpod::JobId;
use serde_json::json;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_util::io::ReaderStream;

use super::answer::{Problem, json_response, with_type};
use super::store::{Document, Store};

/// Between blanks: well under the ten seconds of the SDK's client.
const BLANK_EVERY: Duration = Duration::from_secs(4);

/// Bytes of an answer on their way to the socket.
const BUFFER_BYTES: usize = 64 << 10;

/// The status of a job, once it has ended or `wait` is over.
pub(super) async fn status(store: &Arc<Store>, id: JobId, wait: Duration) -> Result<Response, Problem> {
    let until = Instant::now() + wait;
    // Most answers come soon enough to need no blanks, and have a length.
    let document = store.ended(&id, wait.min(BLANK_EVERY)).await.ok_or(Problem::UnknownJob)?;
    if document.status.is_final() || Instant::now() >= until {
        return Ok(json_response(StatusCode::OK, &document));
    }
    let (writer, reader) = tokio::io::duplex(BUFFER_BYTES);
    tokio::spawn(hold(Arc::clone(store), id, until, writer));
    let stream = ReaderStream::with_capacity(reader, BUFFER_BYTES);
    Ok(with_type(StatusCode::OK, "application/json", Body::from_stream(stream)))
}

/// Writes blanks, then the document; ends early when the caller has gone.
async fn hold(store: Arc<Store>, id: JobId, until: Instant, mut writer: DuplexStream) {
    let text = loop {
        let left = until.saturating_duration_since(Instant::now());
        match store.ended(&id, left.min(BLANK_EVERY)).await {
            Some(document) if document.status.is_final() || Instant::now() >= until => {
                break to_text(&document);
            }
            Some(_) => {
                if writer.write_all(b" ").await.is_err() {
                    return;
                }
            }
            // Its time to live is over. The answer has begun as a 200, so it says so as the SDK's local server does.
            None => {
                let gone = json!({ "id": id, "status": "FAILED", "error": "Job ID not found" });
                break gone.to_string().into_bytes();
            }
        }
    };
    // A caller that has gone needs no answer.
    let _ = writer.write_all(&text).await;
}

fn to_text(document: &Document) -> Vec<u8> {
    // Documents have texts for keys: they always are JSON.
    serde_json::to_vec(document).unwrap_or_default()
}
