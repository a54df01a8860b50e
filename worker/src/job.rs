//! A job between whoever delivers it and whoever does it.

use std::future::Future;

use flaky_runpod::JobId;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A job as it was delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The platform's name for it.
    pub id: JobId,
    /// What the caller sent as `input`; hostile. Null when there was none.
    pub input: Value,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is completed with this output.
    Output(Value),
    /// It failed, with a message for the caller, and output where there is some.
    Failed {
        /// Whole sentence(s), without secrets.
        error: String,
        /// What there is nevertheless.
        output: Option<Value>,
    },
    /// It was stopped because the platform asked for it: nobody waits for an answer.
    Stopped,
}

/// What a handler says while it works, in order; a delivery may drop [`Update::Progress`] for a newer one, never a
/// [`Update::Chunk`].
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// How far it is: replaces what was said before.
    Progress(Value),
    /// A part of the result.
    Chunk(Value),
}

/// Updates that may wait to be delivered before the handler waits for them: a slow platform slows a chatty job, and
/// memory stays bounded.
pub const UPDATES_WAITING: usize = 16;

/// What a handler gets beside the job.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// Cancelled when the platform asks to stop the job: the handler kills what runs and returns
    /// [`Answer::Stopped`] soon.
    pub stop: CancellationToken,
    /// Of capacity [`UPDATES_WAITING`].
    pub updates: mpsc::Sender<Update>,
}

impl JobContext {
    /// Says how far the job is; dropped when the delivery is behind.
    pub fn progress(&self, value: Value) {
        // Full or closed: a newer one will come, or nobody listens any more.
        let _ = self.updates.try_send(Update::Progress(value));
    }

    /// Hands over a part of the result; waits while the delivery is behind.
    pub async fn chunk(&self, value: Value) {
        // Closed: nobody listens any more, and the final output holds everything.
        let _ = self.updates.send(Update::Chunk(value)).await;
    }
}

/// Does jobs.
pub trait JobHandler: Send + Sync + 'static {
    /// Does one job. Never fails otherwise than by its [`Answer`]; a panic is caught by the caller and answered for it.
    fn handle(&self, job: Job, context: JobContext) -> impl Future<Output = Answer> + Send;
}
